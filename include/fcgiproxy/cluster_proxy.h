/* The cluster proxy: each request goes to every server, and each server's answer is a response. */
#ifndef FCGIPROXY_CLUSTER_PROXY_H
#define FCGIPROXY_CLUSTER_PROXY_H

#include "fcgiproxy/proxy.h"
#include "fcgiproxy/status.h"

FCGIP_BEGIN_DECLS

/* Makes a cluster proxy over every endpoint of a collection, whatever its policy. Otherwise as
 * fcgip_proxy_new(), but for FCGIP_PROXY_FAILOVER, which makes no sense here.
 * FCGIP_OK; FCGIP_EINVAL: also for that flag; FCGIP_E2BIG; FCGIP_ENOMEM. */
FCGIP_API int fcgip_cluster_proxy_new(fcgip_cluster_proxy **out, const fcgip_collection *collection,
                                      const fcgip_proxy_options *options);

/* As fcgip_proxy_free(). */
FCGIP_API void fcgip_cluster_proxy_free(fcgip_cluster_proxy *cluster);

/* Sends the request to every server without waiting: one response each, also from those that are
 * down. All or none is sent. FCGIP_OK; FCGIP_EINVAL; FCGIP_ENOMEM. May be called from inside callbacks. */
FCGIP_API int fcgip_cluster_proxy_send_async_request(fcgip_cluster_proxy *cluster,
                                                     const fcgip_request *request);

/* What follows behaves as the functions of the same names in proxy.h, over the responses of all servers;
 * fcgip_response_endpoint() tells whose each is. */

/* As fcgip_proxy_next_response(). */
FCGIP_API int fcgip_cluster_proxy_next_response(fcgip_cluster_proxy *cluster, int timeout_ms,
                                                fcgip_response **out);

/* As fcgip_proxy_read_ready_responses(). */
FCGIP_API int fcgip_cluster_proxy_read_ready_responses(fcgip_cluster_proxy *cluster, int timeout_ms,
                                                       fcgip_response **out, size_t cap, size_t *n);

/* As fcgip_proxy_wait_for_responses(). */
FCGIP_API int fcgip_cluster_proxy_wait_for_responses(fcgip_cluster_proxy *cluster, int timeout_ms);

/* As fcgip_proxy_handle_ready_responses(). */
FCGIP_API int fcgip_cluster_proxy_handle_ready_responses(fcgip_cluster_proxy *cluster,
                                                         int timeout_ms);

/* As fcgip_proxy_has_unhandled_responses(): 1 while a server's response was neither read nor handled. */
FCGIP_API int fcgip_cluster_proxy_has_unhandled_responses(const fcgip_cluster_proxy *cluster);

/* As fcgip_proxy_pending(): one for each server that has not answered. */
FCGIP_API size_t fcgip_cluster_proxy_pending(const fcgip_cluster_proxy *cluster);

/* Ends everything in flight, as fcgip_proxy_cancel() does one request. FCGIP_OK; FCGIP_EINVAL. */
FCGIP_API int fcgip_cluster_proxy_cancel_all(fcgip_cluster_proxy *cluster);

/* As fcgip_proxy_pause() and fcgip_proxy_resume(); the ids are those that callbacks are told. */
FCGIP_API int fcgip_cluster_proxy_pause(fcgip_cluster_proxy *cluster, fcgip_request_id id);
FCGIP_API int fcgip_cluster_proxy_resume(fcgip_cluster_proxy *cluster, fcgip_request_id id);

/* As fcgip_proxy_endpoint_stats(). */
FCGIP_API int fcgip_cluster_proxy_endpoint_stats(const fcgip_cluster_proxy *cluster, size_t index,
                                                 fcgip_endpoint_stats *out);

/* As fcgip_proxy_fds(). */
FCGIP_API size_t fcgip_cluster_proxy_fds(const fcgip_cluster_proxy *cluster, struct pollfd *fds,
                                         size_t cap);

/* As fcgip_proxy_timeout_ms(). */
FCGIP_API int fcgip_cluster_proxy_timeout_ms(const fcgip_cluster_proxy *cluster);

/* As fcgip_proxy_process_fd(). */
FCGIP_API int fcgip_cluster_proxy_process_fd(fcgip_cluster_proxy *cluster, int fd, short revents);

/* As fcgip_proxy_process_timers(). */
FCGIP_API int fcgip_cluster_proxy_process_timers(fcgip_cluster_proxy *cluster);

/* As fcgip_proxy_poll(). */
FCGIP_API int fcgip_cluster_proxy_poll(fcgip_cluster_proxy *cluster, int timeout_ms);

/* Asks every server for its php-fpm status page and waits for the answers, at most `timeout_ms`.
 * `path` is what pm.status_path says, with an optional query: "/status", "/status?full",
 * "/status?json&full", "/status?xml&full", "/status?openmetrics". A server that fails has its error in
 * its entry and does not hide the others; one that is late has FCGIP_ETIMEDOUT and its request is ended.
 * *out is yours: one entry per server, in the order of the collection.
 * FCGIP_OK; FCGIP_EINVAL: a path that does not begin with "/", or with CR or LF; FCGIP_EREENTRANT;
 * FCGIP_ENOMEM. Not from inside a callback. */
FCGIP_API int fcgip_cluster_proxy_get_status(fcgip_cluster_proxy *cluster, const char *path,
                                             int timeout_ms, fcgip_status_list **out);

/* The same for servers other than php-fpm: `parser` (read during the call; its free_fn until the list
 * is freed) turns each page into a value of its own, fcgip_server_status_value().
 * Results as of fcgip_cluster_proxy_get_status(); FCGIP_EINVAL also for a parser without parse_fn, and
 * FCGIP_E2BIG. */
FCGIP_API int fcgip_cluster_proxy_get_status_with(fcgip_cluster_proxy *cluster, const char *path,
                                                  int timeout_ms, const fcgip_status_parser *parser,
                                                  fcgip_status_list **out);

FCGIP_END_DECLS

#endif
