/* The proxy: each request goes to one server of a collection. */
#ifndef FCGIPROXY_PROXY_H
#define FCGIPROXY_PROXY_H

#include <poll.h>

#include "fcgiproxy/collection.h"
#include "fcgiproxy/request.h"
#include "fcgiproxy/response.h"
#include "fcgiproxy/types.h"

FCGIP_BEGIN_DECLS

/* Push: tells an event loop what a descriptor of the proxy waits for, POLLIN and POLLOUT. 0 means
 * forget it, and always comes before the descriptor is closed. Called at the end of any call that
 * changes what is waited for; it must call nothing of this library. A proxy that has one takes events only
 * from fcgip_proxy_process_fd() where a call is given 0 milliseconds: it then looks at what is there, and its
 * cost does not grow with the number of connections. */
typedef void (*fcgip_watch_fn)(void *watch_data, int fd, short events);

/* A clock: milliseconds that never run backwards. */
typedef uint64_t (*fcgip_now_ms_fn)(void *now_ms_data);

/* Flags of a proxy. */
enum fcgip_proxy_flags {
  /* A request that the chosen server did not begin (no connection, backlog full, FCGI_OVERLOADED) goes to
   * the next one of the collection, each server at most once, its deadlines running on. If none takes
   * it, the error is the last one's and the text names every cause. */
  FCGIP_PROXY_FAILOVER = 1
};

/* Zero in a field means its default. Fields are only added at the end; struct_size tells which ones the
 * caller knows. */
typedef struct fcgip_proxy_options {
  uint32_t struct_size;             /* sizeof(fcgip_proxy_options) */
  uint32_t flags;                   /* of enum fcgip_proxy_flags; default 0 */
  fcgip_watch_fn watch_fn;          /* default none */
  void *watch_data;                 /* passed to watch_fn */
  fcgip_now_ms_fn now_ms_fn;        /* default CLOCK_MONOTONIC */
  void *now_ms_data;                /* passed to now_ms_fn */
  const fcgip_allocator *allocator; /* default the C library's; serves the responses too */
} fcgip_proxy_options;

/* Makes a proxy over a collection with a policy (random, round robin, custom). `options` may be NULL.
 * The collection stays yours: the proxy keeps its own reference.
 * FCGIP_OK; FCGIP_EINVAL: also for a collection made with fcgip_cluster_new(), which picks no server;
 * FCGIP_E2BIG; FCGIP_ENOMEM. */
FCGIP_API int fcgip_proxy_new(fcgip_proxy **out, const fcgip_collection *collection,
                              const fcgip_proxy_options *options);

/* Closes every connection and forgets every request; no callback runs any more, releases do. From
 * inside a callback the descriptors are closed at once and the memory goes when the call that runs
 * the callback returns, with FCGIP_EREENTRANT. */
FCGIP_API void fcgip_proxy_free(fcgip_proxy *proxy);

/* Sends and waits for the answer, as long as the request's deadlines allow. *out is yours; it is set
 * for failures too. Response and failure callbacks are not called, pass-through ones are.
 * The request's own error (0 if it succeeded); or, with *out NULL, FCGIP_EINVAL, FCGIP_EREENTRANT,
 * FCGIP_EQUEUEFULL, FCGIP_ENOMEM. Not from inside a callback. */
FCGIP_API int fcgip_proxy_send_request(fcgip_proxy *proxy, const fcgip_request *request,
                                       fcgip_response **out);

/* Sends without waiting; never blocks. A server that is down shows in the response. *out (may be NULL
 * if nobody will ask) names the request.
 * FCGIP_OK; FCGIP_EINVAL; FCGIP_EQUEUEFULL; FCGIP_ENOMEM; what a custom policy returned. May be called
 * from inside callbacks. */
FCGIP_API int fcgip_proxy_send_async_request(fcgip_proxy *proxy, const fcgip_request *request,
                                             fcgip_request_id *out);

/* Reading: the response goes to you and no response or failure callback is called for it. While one
 * of these functions waits, every request in flight makes progress. None of them may be called from
 * inside a callback: FCGIP_EREENTRANT. */

/* Waits for one response. The request's own error, with *out set for success and failure alike; or,
 * with *out NULL, FCGIP_EAGAIN: not yet; FCGIP_ENOTFOUND; FCGIP_EINVAL; FCGIP_EREENTRANT; FCGIP_ENOMEM. */
FCGIP_API int fcgip_proxy_read_response(fcgip_proxy *proxy, fcgip_request_id id, int timeout_ms,
                                        fcgip_response **out);

/* Waits for many, in the order asked for: out[i] belongs to ids[i], NULL where the id is unknown or
 * the time ran out. Returns how many were read; or FCGIP_EINVAL, FCGIP_EREENTRANT. */
FCGIP_API int fcgip_proxy_read_responses(fcgip_proxy *proxy, int timeout_ms,
                                         const fcgip_request_id *ids, size_t n,
                                         fcgip_response **out);

/* Waits until at least one response is there, or none is pending, or the time is up; then takes those
 * that are there, at most `cap`, in order of completion. *n says how many.
 * FCGIP_OK; FCGIP_EAGAIN: none in time; FCGIP_EINVAL; FCGIP_EREENTRANT. */
FCGIP_API int fcgip_proxy_read_ready_responses(fcgip_proxy *proxy, int timeout_ms,
                                               fcgip_response **out, size_t cap, size_t *n);

/* The next response in order of completion: 1 got one, 0 nothing in time or nothing pending;
 * FCGIP_EINVAL; FCGIP_EREENTRANT. */
FCGIP_API int fcgip_proxy_next_response(fcgip_proxy *proxy, int timeout_ms, fcgip_response **out);

/* Whether a response is there: 1 complete, 0 not yet; FCGIP_ENOTFOUND; FCGIP_EINVAL. Never blocks;
 * lets everything in flight make the progress it can, except from inside a callback. */
FCGIP_API int fcgip_proxy_has_response(fcgip_proxy *proxy, fcgip_request_id id);

/* Writes the ids of at most `cap` complete requests, in order of completion, and returns how many
 * there are. Never blocks; lets everything make progress, as fcgip_proxy_has_response(). */
FCGIP_API size_t fcgip_proxy_request_ids_having_response(fcgip_proxy *proxy, fcgip_request_id *ids,
                                                         size_t cap);

/* Handling: the callbacks of the request are called with the response, which is then gone. None of
 * these functions may be called from inside a callback: FCGIP_EREENTRANT. That is also their result
 * when a callback has freed the proxy. A request that failed is handled too, by its failure callbacks. */

/* Waits for one, or for all that are pending (those sent by callbacks meanwhile included), each
 * handled as it comes.
 * FCGIP_OK: handled; FCGIP_EAGAIN: not in time; FCGIP_ENOTFOUND (the first only); FCGIP_EINVAL;
 * FCGIP_EREENTRANT. */
FCGIP_API int fcgip_proxy_wait_for_response(fcgip_proxy *proxy, fcgip_request_id id,
                                            int timeout_ms);
FCGIP_API int fcgip_proxy_wait_for_responses(fcgip_proxy *proxy, int timeout_ms);

/* As fcgip_proxy_wait_for_response(); `_responses` handles those of `ids` in that order and returns how
 * many were handled: unknown ids and those not there in time are passed over. */
FCGIP_API int fcgip_proxy_handle_response(fcgip_proxy *proxy, fcgip_request_id id, int timeout_ms);
FCGIP_API int fcgip_proxy_handle_responses(fcgip_proxy *proxy, int timeout_ms,
                                           const fcgip_request_id *ids, size_t n);

/* Waits until at least one response is there, or none is pending, or the time is up; handles all that
 * are there and returns how many. FCGIP_EINVAL; FCGIP_EREENTRANT. */
FCGIP_API int fcgip_proxy_handle_ready_responses(fcgip_proxy *proxy, int timeout_ms);

/* 1 while there are requests whose response was neither read nor handled, else 0. */
FCGIP_API int fcgip_proxy_has_unhandled_responses(const fcgip_proxy *proxy);

/* How many requests were sent whose response is not complete yet. */
FCGIP_API size_t fcgip_proxy_pending(const fcgip_proxy *proxy);

/* Ends a request: its connection is closed at once and its response is there, with FCGIP_ECANCELED.
 * (A php script that prints nothing runs on to its end.) A request that is complete stays as it is.
 * FCGIP_OK; FCGIP_ENOTFOUND; FCGIP_EINVAL. May be called from inside callbacks. */
FCGIP_API int fcgip_proxy_cancel(fcgip_proxy *proxy, fcgip_request_id id);

/* Back-pressure. After a pause nothing more is read for this request (what was received already, at most
 * 64 KiB, is still passed through); the others go on, and of its deadlines only request_timeout_ms runs.
 * Resuming ends the pause, and asks a content source that had nothing (FCGIP_EAGAIN) again. A wait without
 * limit ends with FCGIP_EAGAIN when all that is left is paused without a deadline;
 * fcgip_proxy_send_request() then ends its request with FCGIP_ECANCELED.
 * FCGIP_OK, also where there is nothing to do; FCGIP_ENOTFOUND; FCGIP_EINVAL. May be called from callbacks. */
FCGIP_API int fcgip_proxy_pause(fcgip_proxy *proxy, fcgip_request_id id);
FCGIP_API int fcgip_proxy_resume(fcgip_proxy *proxy, fcgip_request_id id);

/* What a proxy has done with one endpoint since it was made. */
typedef struct fcgip_endpoint_stats {
  uint32_t struct_size;     /* sizeof(fcgip_endpoint_stats) */
  uint32_t open;            /* connections now */
  uint32_t idle;            /* of them idle */
  uint32_t queued;          /* requests that wait for a connection now */
  uint32_t queued_max;      /* at most so far */
  uint32_t reserved;        /* 0 */
  uint64_t sent;            /* requests given to it */
  uint64_t succeeded;       /* ended without error */
  uint64_t failed_connect;  /* FCGIP_ERESOLVE, FCGIP_ECONNECT, FCGIP_EBUSY */
  uint64_t failed_timeout;  /* FCGIP_ETIMEDOUT */
  uint64_t failed_transfer; /* FCGIP_EWRITE, FCGIP_EREAD */
  uint64_t failed_canceled; /* FCGIP_ECANCELED */
  uint64_t failed_protocol; /* FCGIP_EPROTO, FCGIP_EHEADER, FCGIP_ETOOLARGE, FCGIP_ELENGTH */
  uint64_t failed_refused;  /* FCGIP_ECANTMPX, FCGIP_EOVERLOADED, FCGIP_EROLE, FCGIP_EREFUSED */
  uint64_t failed_other;    /* FCGIP_EQUEUEFULL, FCGIP_ENOMEM, FCGIP_EINVAL */
  uint64_t retried;         /* moved from a dead kept connection to a fresh one */
  uint64_t failed_over;     /* moved to the next server: in no other count of failures */
  uint64_t opened;          /* connections */
  uint64_t reused;          /* requests sent on a kept one */
  uint64_t bytes_sent;      /* records, headers of records included */
  uint64_t bytes_received;  /* the same */
  uint64_t duration_us_sum; /* of the requests that succeeded: divided by `succeeded`, the mean */
  uint64_t duration_us_max; /* of the one that took longest */
} fcgip_endpoint_stats;

/* Fills *out, whose struct_size says how much of it there is room for, for the endpoint at `index` of the
 * collection. FCGIP_OK; FCGIP_ENOTFOUND beyond the last; FCGIP_EINVAL. May be called from callbacks. */
FCGIP_API int fcgip_proxy_endpoint_stats(const fcgip_proxy *proxy, size_t index,
                                         fcgip_endpoint_stats *out);

/* Event loops. Pull: ask for descriptors and timeout, poll, tell what happened; ask again each turn, as
 * descriptors come and go. Push: see watch_fn. Response and failure callbacks are not called by any of
 * these; call fcgip_proxy_handle_ready_responses() or fcgip_proxy_next_response() with 0 after them. */

/* Writes what to poll for to at most `cap` entries and returns how many there are, even if more. */
FCGIP_API size_t fcgip_proxy_fds(const fcgip_proxy *proxy, struct pollfd *fds, size_t cap);

/* Milliseconds until fcgip_proxy_process_timers() has something to do, rounded up; 0 due now, -1 no
 * timer. */
FCGIP_API int fcgip_proxy_timeout_ms(const fcgip_proxy *proxy);

/* Says what poll(2) reported for a descriptor. Unknown descriptors, 0 and events that did not happen
 * are harmless. FCGIP_OK; FCGIP_EINVAL; FCGIP_EREENTRANT. */
FCGIP_API int fcgip_proxy_process_fd(fcgip_proxy *proxy, int fd, short revents);

/* Ends what is past its deadline and does what was put off until now. What has come for a request
 * meanwhile counts first, so that a caller who was busy may call this before fcgip_proxy_process_fd().
 * FCGIP_OK; FCGIP_EINVAL; FCGIP_EREENTRANT. */
FCGIP_API int fcgip_proxy_process_timers(fcgip_proxy *proxy);

/* All of the above with our own poll(2), once: waits until something happened, at most `timeout_ms`.
 * FCGIP_OK; FCGIP_EAGAIN: nothing happened; FCGIP_EINVAL; FCGIP_EREENTRANT. */
FCGIP_API int fcgip_proxy_poll(fcgip_proxy *proxy, int timeout_ms);

FCGIP_END_DECLS

#endif
