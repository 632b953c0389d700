/* The engine: every socket, deadline and request in flight of one proxy. This header is what the proxies use;
 * parts.h has the structs. */
#ifndef FCGIP_ENGINE_ENGINE_H
#define FCGIP_ENGINE_ENGINE_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "collection/collection.h"
#include "fcgiproxy/proxy.h"
#include "message/snapshot.h"
#include "net/sys.h"

typedef struct fcgip__engine fcgip__engine;
typedef struct fcgip__exchange fcgip__exchange;

/* An engine with a pool for each endpoint of the collection, which must outlive it. `sys` must too.
 * FCGIP_OK; FCGIP_ENOMEM. */
int fcgip__engine_new(fcgip__engine **out, const fcgip__mem *mem, const fcgip__sys *sys,
                      const fcgip_collection *collection, const fcgip_proxy_options *options);

/* Closes everything and frees it. Not while entered. */
void fcgip__engine_free(fcgip__engine *engine);

/* Every call from outside stands between these two. Entering reads the clock; leaving the last time
 * starts what waits for a connection, tells the watcher, and buries the dead. `leave` returns 1 if the engine was
 * doomed meanwhile and nobody is inside any more: the caller frees it. */
void fcgip__engine_enter(fcgip__engine *engine);
int fcgip__engine_leave(fcgip__engine *engine);
/* What the last leave does, in between: for a call that stays inside for long. */
void fcgip__engine_settle(fcgip__engine *engine);
int fcgip__engine_is_entered(const fcgip__engine *engine);
/* 1 if an event loop of the caller's brings the events. */
int fcgip__engine_is_watched(const fcgip__engine *engine);

/* Closes every connection at once; the rest goes when everybody has left. */
void fcgip__engine_doom(fcgip__engine *engine);
int fcgip__engine_is_doomed(const fcgip__engine *engine);

/* All of what follows is for between enter and leave, but for the pure questions. */

/* Prepares to send the snapshot to an endpoint; takes no reference if it fails. A full queue is FCGIP_EQUEUEFULL:
 * with `queue_full_is_result` that becomes the exchange's result instead. FCGIP_ENOMEM. */
int fcgip__engine_prepare(fcgip__engine *engine, size_t pool, fcgip__snapshot *snapshot,
                          int queue_full_is_result, fcgip__exchange **out);
/* Undoes it. */
void fcgip__engine_discard(fcgip__engine *engine, fcgip__exchange *exchange);
/* Begins. Cannot fail: what goes wrong is the result. Nothing is sent before everybody has left. */
void fcgip__engine_start(fcgip__engine *engine, fcgip__exchange *exchange);
/* The same as the last thing before leaving: it may be sent at once, and user code may run. Not for one that was prepared
 * with `queue_full_is_result`. */
void fcgip__engine_start_last(fcgip__engine *engine, fcgip__exchange *exchange);

/* The exchange of an id that was neither read nor handled; NULL if there is none. */
fcgip__exchange *fcgip__engine_find(const fcgip__engine *engine, fcgip_request_id id);
int fcgip__exchange_is_done(const fcgip__exchange *exchange);
fcgip_request_id fcgip__exchange_id(const fcgip__exchange *exchange);

/* The done ones in order of completion; NULL at the end. */
fcgip__exchange *fcgip__engine_first_done(const fcgip__engine *engine);
fcgip__exchange *fcgip__engine_next_done(const fcgip__engine *engine,
                                         const fcgip__exchange *exchange);
size_t fcgip__engine_done_count(const fcgip__engine *engine);
size_t fcgip__engine_pending(const fcgip__engine *engine);

/* Takes a done exchange out of every table: its response and (unless NULL) snapshot are the caller's. */
fcgip_response *fcgip__engine_take(fcgip__engine *engine, fcgip__exchange *exchange,
                                   fcgip__snapshot **snapshot);

/* Ends a request with FCGIP_ECANCELED; one that is done stays as it is. */
void fcgip__engine_cancel(fcgip__engine *engine, fcgip__exchange *exchange);
void fcgip__engine_cancel_all(fcgip__engine *engine);

void fcgip__engine_pause(fcgip__engine *engine, fcgip__exchange *exchange);
void fcgip__engine_resume(fcgip__engine *engine, fcgip__exchange *exchange);

/* Waits at most `timeout_ms` (-1: no limit) until something is to be done, and does it. Returns how many descriptors
 * were ready, or -1 if nothing can ever happen: everything in flight is paused, without a deadline. */
int fcgip__engine_poll(fcgip__engine *engine, int timeout_ms);

size_t fcgip__engine_fds(const fcgip__engine *engine, struct pollfd *fds, size_t cap);
/* From now by the clock, not since the last entry. */
int fcgip__engine_timeout_ms(const fcgip__engine *engine);
void fcgip__engine_process_fd(fcgip__engine *engine, int fd, short revents);
void fcgip__engine_process_timers(fcgip__engine *engine);

/* The counters of a pool, as far as there is room for them in *out. FCGIP_OK; FCGIP_ENOTFOUND; FCGIP_EINVAL. */
int fcgip__engine_stats(const fcgip__engine *engine, size_t pool, fcgip_endpoint_stats *out);

/* User code has run: that may have taken its time. */
void fcgip__engine_read_clock(fcgip__engine *engine);

/* Microseconds, as read last. */
uint64_t fcgip__engine_now_us(const fcgip__engine *engine);

/* Microseconds by the clock, read now. */
uint64_t fcgip__engine_clock_us(const fcgip__engine *engine);

#endif
