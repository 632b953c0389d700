/* Collections: one or many endpoints, and the policy that picks one of them for each request. */
#ifndef FCGIPROXY_COLLECTION_H
#define FCGIPROXY_COLLECTION_H

#include "fcgiproxy/endpoint.h"
#include "fcgiproxy/types.h"

FCGIP_BEGIN_DECLS

/* Picks the endpoint for one request: sets *index to a number below
 * fcgip_collection_count(collection) and returns FCGIP_OK. Runs inside the send call of any proxy of
 * the collection, on that proxy's thread; it may not use the proxy. A negative result or an index out
 * of range ends the send call with that result or with FCGIP_EINVAL. */
typedef int (*fcgip_pick_fn)(const fcgip_collection *collection, const fcgip_request *request,
                             size_t *index, void *user_data);

/* Each request goes to an endpoint drawn at random, each as likely as any other. The endpoints stay
 * yours: the collection keeps its own reference. An endpoint listed twice counts twice.
 * FCGIP_OK; FCGIP_EINVAL: count 0, or an endpoint is NULL; FCGIP_ENOMEM. May be called from
 * anywhere; so may the other constructors. */
FCGIP_API int fcgip_random_new(fcgip_collection **out, const fcgip_endpoint *const *endpoints,
                               size_t count);

/* As fcgip_random_new(), with the seed given: the first proxy of the collection draws the same
 * sequence every time, the second another one, and so on. For tests. */
FCGIP_API int fcgip_random_new_seeded(fcgip_collection **out,
                                      const fcgip_endpoint *const *endpoints, size_t count,
                                      uint64_t seed);

/* Requests go to the endpoints in the order given, beginning with the first, over and over. Each
 * proxy keeps its own place. Results as of fcgip_random_new(). */
FCGIP_API int fcgip_round_robin_new(fcgip_collection **out, const fcgip_endpoint *const *endpoints,
                                    size_t count);

/* For a cluster proxy: each request goes to every endpoint. Results as of fcgip_random_new(). */
FCGIP_API int fcgip_cluster_new(fcgip_collection **out, const fcgip_endpoint *const *endpoints,
                                size_t count);

/* Requests go where `pick` says. `release` (may be NULL) is called with `user_data` when the last
 * holder of the collection is gone, or before this function returns an error.
 * Results as of fcgip_random_new(); FCGIP_EINVAL also for a NULL `pick`. */
FCGIP_API int fcgip_custom_new(fcgip_collection **out, const fcgip_endpoint *const *endpoints,
                               size_t count, fcgip_pick_fn pick, void *user_data,
                               fcgip_release_fn release);

/* How many endpoints there are: at least 1. */
FCGIP_API size_t fcgip_collection_count(const fcgip_collection *collection);

/* The endpoint at `index`, NULL beyond the last. Lives as long as the collection. */
FCGIP_API const fcgip_endpoint *fcgip_collection_endpoint(const fcgip_collection *collection,
                                                          size_t index);

/* Lets go of the collection; proxies made from it keep it alive. */
FCGIP_API void fcgip_collection_free(fcgip_collection *collection);

FCGIP_END_DECLS

#endif
