/* Asks servers for their status again and again, in threads, so that one that hangs holds up neither the others
 * nor whoever looks at the answers. All that happens comes to the main thread through one pipe, signals too. */
#ifndef FCGIPROXY_TOOLS_POLLER_H
#define FCGIPROXY_TOOLS_POLLER_H

#include "servers.h"

/* Asked together, by one thread. */
typedef struct poller_group poller_group;

typedef struct poller {
  int ends[2]; /* of the pipe */
  const char *page;
  const servers *servers;
  poller_group *groups;
  size_t group_count;
} poller;

/* Written to the pipe and read from it at once, as it is shorter than PIPE_BUF. */
typedef struct poller_message {
  int signal; /* 0: an answer */
  int rc;
  size_t group;
  fcgip_status_list *list;
} poller_message;

/* One group of all servers, or each server by itself, as far as there are threads for that. 0, or -1. The poller
 * stays where it is, and the servers stay as they are. */
int poller_start(poller *made, const servers *all, const char *page, int is_one_group);

/* The servers of a group: numbers from *first on. */
size_t poller_group_servers(const poller *made, size_t group, size_t *first);

/* Asks the servers of a group once; the answer is a message. */
void poller_ask(poller *made, size_t group);

/* Ends the threads and frees everything but the lists that were read. Those that wait for a server in this moment end with the
 * program instead: then nothing is freed, -1 is returned, and the servers must stay, too. */
int poller_stop(poller *made);

/* From a signal handler. */
void poller_post_signal(const poller *made, int number);

#endif
