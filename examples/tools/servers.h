/* The servers that a tool is to ask, from the command line and from files. */
#ifndef FCGIPROXY_TOOLS_SERVERS_H
#define FCGIPROXY_TOOLS_SERVERS_H

#include <fcgiproxy/fcgiproxy.h>

typedef struct servers {
  fcgip_endpoint **ends;
  size_t count;
  size_t cap;
  fcgip_endpoint_options options; /* of those added from now on */
  fcgip_collection *collection;   /* made by servers_open() */
  fcgip_cluster_proxy *cluster;
} servers;

/* An address once more is passed over: each server is asked once. 0, or a complaint and a negative result. */
int servers_add(servers *all, const char *address);

/* Adds those in a file, "-" for stdin: one address a line; blank lines, and what follows a #, say nothing.
 * 0, or a complaint and a negative result: FCGIP_EFILE, or that of servers_add(). */
int servers_read(servers *all, const char *path);

/* Adds 127.0.0.1:9000 if there are none, and makes the cluster. 0, or a complaint and a negative result. */
int servers_open(servers *all);

/* Sends the request to all of them, and calls `got` for each answer as it comes, with the server's number in
 * `ends`. 0 when all have come, or a complaint and a negative result. */
typedef void (*servers_got_fn)(fcgip_response *response, size_t index, void *data);
int servers_ask(servers *all, const fcgip_request *request, servers_got_fn got, void *data);

void servers_free(servers *all);

#endif
