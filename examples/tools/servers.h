/* The servers that a tool is to ask, from the command line and from files. */
#ifndef FCGIPROXY_TOOLS_SERVERS_H
#define FCGIPROXY_TOOLS_SERVERS_H

#include <fcgiproxy/fcgiproxy.h>

enum { SERVERS_FILES_MOST = 16 };

typedef struct servers {
  const char *files[SERVERS_FILES_MOST]; /* to be read */
  size_t file_count;
  fcgip_endpoint **ends;
  size_t count;
  size_t cap;
  fcgip_endpoint_options options; /* of those added from now on */
  fcgip_collection *collection;   /* made by servers_open() */
  fcgip_cluster_proxy *cluster;
} servers;

/* An address once more is passed over: each server is asked once. 0, or a complaint and a negative result. */
int servers_add(servers *all, const char *address);

/* Notes a file with addresses, "-" for stdin, which is read later, when all options are known: one address a line;
 * blank lines, and what follows a #, say nothing. 0, or a complaint and FCGIP_EINVAL. */
int servers_add_file(servers *all, const char *path);

/* Adds those in the files, then those in a list that ends with NULL. 0, or a complaint and a negative result:
 * FCGIP_EFILE, or that of servers_add(); FCGIP_EINVAL also if there are files, but no address in them. */
int servers_add_all(servers *all, char *const *addresses);

/* Adds 127.0.0.1:9000 if there are none, and makes the cluster. 0, or a complaint and a negative result. */
int servers_open(servers *all);

/* Sends the request to all of them, and calls `got` for each answer as it comes, with the server's number in
 * `ends`. 0 when all have come, or a complaint and a negative result. */
typedef void (*servers_got_fn)(fcgip_response *response, size_t index, void *data);
int servers_ask(servers *all, const fcgip_request *request, servers_got_fn got, void *data);

void servers_free(servers *all);

#endif
