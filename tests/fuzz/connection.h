/* The connection target: what a run knows, and its judge. */
#ifndef TESTS_FUZZ_CONNECTION_H
#define TESTS_FUZZ_CONNECTION_H

#include "collection/endpoint.h"
#include "fcgiproxy/error.h"
#include "fuzz/net.h"
#include "proxy/proxy.h"

/* In a variable and in the content; must not be in any sentence. */
#define CANARY "the-canary-that-nobody-may-see"

enum { WAY_NEXT, WAY_READ, WAY_HANDLE, WAY_LOOP, WAY_COUNT };
enum {
  SOURCE_NONE,
  SOURCE_WHOLE,
  SOURCE_DRIPS,
  SOURCE_FAILS,
  SOURCE_ENDS,
  SOURCE_EXCEEDS,
  SOURCE_COUNT
};
enum { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PUT };

typedef struct plan {
  fcgip_endpoint_options endpoint;
  unsigned way, source, method, addresses;
  int is_unix, drops_body, passes;
  size_t content_len;
  unsigned stop_at; /* which call of the pass-through callback says no; 0: none */
} plan;

typedef struct run {
  plan plan;
  net net;
  fcgip_request_id id;
  uint64_t started_us, ended_us;
  uint8_t *content;
  size_t content_len;
  fuzz_buffer passed_out, passed_err;
  unsigned pieces;
  int has_stopped;
  int results;
  fcgip_response *response;
  int releases, released_by;
} run;

/* Whether the result is right. The proxy is still there. */
void connection_judge(const run *r);

#endif
