/* The names of things: opaque handles, ids, and the function types that several chapters share. */
#ifndef FCGIPROXY_TYPES_H
#define FCGIPROXY_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define FCGIP_BEGIN_DECLS extern "C" {
#define FCGIP_END_DECLS }
#else
#define FCGIP_BEGIN_DECLS
#define FCGIP_END_DECLS
#endif

#if defined(__GNUC__) && __GNUC__ >= 4
#define FCGIP_API __attribute__((visibility("default")))
#else
#define FCGIP_API
#endif

FCGIP_BEGIN_DECLS

/* A configured address: what the PHP packages call a connection. Immutable; may be shared. */
typedef struct fcgip_endpoint fcgip_endpoint;

/* One or many endpoints and the policy that picks among them. Immutable; may be shared. */
typedef struct fcgip_collection fcgip_collection;

/* What to ask. Sending takes a snapshot, so it can be changed and sent again at once. */
typedef struct fcgip_request fcgip_request;

/* What came of one request, good or bad. Immutable, reference-counted. */
typedef struct fcgip_response fcgip_response;

/* Sends each request to one server of a collection. */
typedef struct fcgip_proxy fcgip_proxy;

/* Sends each request to every server of a collection. */
typedef struct fcgip_cluster_proxy fcgip_cluster_proxy;

/* Names a request in flight: from one counter per proxy, never reused, never 0, below 2^63. */
typedef uint64_t fcgip_request_id;

/* Gives back what a `user_data` or a `_ref` argument stands for. Runs exactly once, even if the
 * request never runs; it may run inside any call that ends a request or frees an object, and must
 * not drive or free the proxy that it runs in. */
typedef void (*fcgip_release_fn)(void *user_data);

/* Called with the outcome of a request, from the handle and wait functions only. The response lives
 * until the callback returns; fcgip_response_ref() keeps it longer. Sending, cancelling and freeing
 * handles, this proxy's own included, are allowed inside; waiting is FCGIP_EREENTRANT. */
typedef void (*fcgip_response_fn)(fcgip_response *response, void *user_data);

/* Called for each piece of STDOUT (`output`) or STDERR (`error`) of a running request as it arrives;
 * the stream that brought nothing has the length 0. Output starts with the header block, as the
 * server sent it. Runs inside any call that drives the proxy. Return 0 to go on; anything else ends
 * the request with FCGIP_ECANCELED. Sending, cancelling and freeing handles are allowed inside. */
typedef int (*fcgip_pass_through_fn)(fcgip_request_id id, const void *output, size_t output_len,
                                     const void *error, size_t error_len, void *user_data);

/* Gives the bytes of a content from `offset` on: writes at most `cap` of them to `buffer`, and says in *n
 * how many. Called again and again, at ascending offsets; from the beginning again for each server and each
 * attempt. FCGIP_OK with *n 0 ends the content. FCGIP_EAGAIN: nothing yet; the request waits for
 * fcgip_proxy_resume(). Any other negative result ends the request with FCGIP_ECANCELED. Runs inside any call
 * that drives the proxy; sending, cancelling and freeing handles are allowed inside. */
typedef int (*fcgip_content_fn)(uint64_t offset, void *buffer, size_t cap, size_t *n,
                                void *user_data);

FCGIP_END_DECLS

#endif
