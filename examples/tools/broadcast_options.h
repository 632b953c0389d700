/* The command line of fcgi-broadcast. */
#ifndef FCGIPROXY_TOOLS_BROADCAST_OPTIONS_H
#define FCGIPROXY_TOOLS_BROADCAST_OPTIONS_H

#include "servers.h"

/* The exit status is how many servers failed, up to BROADCAST_MOST; or one of these. */
enum { BROADCAST_MOST = 100, BROADCAST_MORE = 101, BROADCAST_USAGE = 125, BROADCAST_TROUBLE = 126 };

typedef struct broadcast_options {
  const char *script;
  const char *query;
  const char *content; /* the name of a file, or NULL */
  int quiet;
  int is_json;
  int show_headers;
  uint64_t connect_timeout_ms;
  uint64_t timeout_ms;
  fcgip_request *request;
  servers servers;
} broadcast_options;

/* -1: go on; else the exit status, with what there is to say said. */
int broadcast_options_read(broadcast_options *out, int argc, char **argv);
void broadcast_options_free(broadcast_options *options);

#endif
