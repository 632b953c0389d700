/* What the proxy and the cluster proxy have in common: an engine, and the ways to wait for its results. */
#ifndef FCGIP_PROXY_FRONT_H
#define FCGIP_PROXY_FRONT_H

#include "collection/collection.h"
#include "engine/engine.h"
#include "fcgiproxy/proxy.h"

typedef struct fcgip__front {
  fcgip__mem mem;
  fcgip_collection *collection;
  fcgip__picker picker;
  fcgip__engine *engine;
} fcgip__front;

/* `flags` are those that may be set in the options. `sys` NULL: the operating system.
 * FCGIP_OK; FCGIP_EINVAL; FCGIP_E2BIG; FCGIP_ENOMEM. */
int fcgip__front_new(fcgip__front **out, const fcgip_collection *collection,
                     const fcgip_proxy_options *options, uint32_t flags, const fcgip__sys *sys);

/* From inside a callback: closes everything now, frees when the last call returns. */
void fcgip__front_free(fcgip__front *front);

/* Between these two stands every call that changes something. `leave` returns `rc`, or FCGIP_EREENTRANT if the front
 * was freed meanwhile: it is gone then. */
void fcgip__front_enter(fcgip__front *front);
int fcgip__front_leave(fcgip__front *front, int rc);

/* FCGIP_OK; FCGIP_EINVAL: NULL or a timeout below -1; FCGIP_EREENTRANT: inside a callback. */
int fcgip__front_may_wait(const fcgip__front *front, int timeout_ms);

/* What has to be there for a wait to be over. */
typedef int (*fcgip__ready_fn)(fcgip__front *front, void *context);

/* Polls until `ready` (not NULL), or nothing is pending, or the time is up, or the front was freed. At least once if
 * it is not ready at first. FCGIP_OK: ready, or nothing pending; FCGIP_EAGAIN; FCGIP_EREENTRANT. Call between enter
 * and leave. */
int fcgip__front_wait(fcgip__front *front, int timeout_ms, fcgip__ready_fn ready, void *context);

/* A wait that goes over several calls. */
typedef struct fcgip__span {
  const fcgip__front *front;
  uint64_t start_us;
  int timeout_ms;
} fcgip__span;

void fcgip__span_begin(fcgip__span *span, const fcgip__front *front, int timeout_ms);
/* What is left of it, as a timeout. */
int fcgip__span_left(const fcgip__span *span);

/* Lets everything make the progress it can, unless inside a callback. FCGIP_OK; FCGIP_EREENTRANT: a callback has
 * freed the front. */
int fcgip__front_nudge(fcgip__front *front);

/* The verbs that both proxies offer; results as documented in fcgiproxy/proxy.h. */
int fcgip__front_read_response(fcgip__front *front, fcgip_request_id id, int timeout_ms,
                               fcgip_response **out);
int fcgip__front_next_response(fcgip__front *front, int timeout_ms, fcgip_response **out);
int fcgip__front_read_ready(fcgip__front *front, int timeout_ms, fcgip_response **out, size_t cap,
                            size_t *n);
int fcgip__front_wait_for_response(fcgip__front *front, fcgip_request_id id, int timeout_ms);
int fcgip__front_wait_for_responses(fcgip__front *front, int timeout_ms);
int fcgip__front_handle_ready(fcgip__front *front, int timeout_ms);
int fcgip__front_has_unhandled(const fcgip__front *front);
size_t fcgip__front_pending(const fcgip__front *front);
int fcgip__front_pause(fcgip__front *front, fcgip_request_id id, int yes);
int fcgip__front_stats(const fcgip__front *front, size_t index, fcgip_endpoint_stats *out);
size_t fcgip__front_fds(const fcgip__front *front, struct pollfd *fds, size_t cap);
int fcgip__front_timeout_ms(const fcgip__front *front);
int fcgip__front_process_fd(fcgip__front *front, int fd, short revents);
int fcgip__front_process_timers(fcgip__front *front);
int fcgip__front_poll(fcgip__front *front, int timeout_ms);

#endif
