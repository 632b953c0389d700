/* The benchmark's work through the library. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <fcgiproxy/fcgiproxy.h>

#include "bench.h"
#include "heap.h"

enum client_driver {
  CLIENT_POLL, /* the library's own poll(2), by reading responses */
  CLIENT_PULL, /* fds, our poll(2), process_fd, process_timers */
  CLIENT_PUSH, /* watch_fn, an epoll of ours, process_fd, process_timers */
  CLIENT_PUSH_PLAIN /* the same by the letter of proxy.h: next_response() after each turn until it has none */
};

typedef struct client_options {
  enum client_driver driver;
  const char *addresses; /* separated by commas */
  uint64_t in_flight;
  uint64_t keep; /* 0: a new connection for each request */
  uint64_t
      build; /* 1: the request is built and freed each time, 0: built once and sent over and over */
  uint64_t requests; /* 0: by time */
  uint64_t milliseconds;
  uint64_t bytes;
  uint64_t count_heap;
  uint64_t peer;
} client_options;

/* What a run works with. */
typedef struct client {
  client_options options;
  heap heap; /* counted if options.count_heap */
  fcgip_allocator allocator;
  fcgip_endpoint **endpoints;
  size_t endpoint_count;
  fcgip_collection *collection;
  fcgip_proxy_options proxy_options;
  fcgip_proxy *proxy;
  fcgip_request *request;
} client;

/* Stops the program if `rc` is an error. */
void client_check(const char *what, int rc);
/* Stops the program if the request has failed. */
void client_check_response(const fcgip_response *response);

/* The usual request: POST, 13 variables, 12 bytes of content; idempotent, so it says that it may be sent twice. */
fcgip_request *client_request_new(const client *c);

/* Collection and proxy: one endpoint, or all of them for the cluster. */
void client_open(client *c);
void client_close(client *c);

/* load.c: requests in a closed loop. */
void client_load(client *c);

/* streams.c */
void client_down(client *c);
void client_up(client *c);
void client_up_from_memory(client *c);

/* probes.c: what is counted, not timed. */
void client_probe_heap(client *c);
void client_probe_clock(client *c);
void client_cluster(client *c);

#endif
