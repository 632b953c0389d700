/* Responses: what came of a request. A request that failed has one too. */
#ifndef FCGIPROXY_RESPONSE_H
#define FCGIPROXY_RESPONSE_H

#include "fcgiproxy/endpoint.h"
#include "fcgiproxy/types.h"

FCGIP_BEGIN_DECLS

/* All of this chapter may be called from anywhere. Pointers live as long as the response. Bytes are
 * followed by a NUL that is not counted; a pointer to no bytes is "", never NULL. */

/* FCGIP_OK, or why the request failed: FCGIP_ERESOLVE, FCGIP_ECONNECT, FCGIP_EBUSY, FCGIP_ETIMEDOUT,
 * FCGIP_EWRITE, FCGIP_EREAD, FCGIP_ECANCELED, FCGIP_EPROTO, FCGIP_EHEADER, FCGIP_ETOOLARGE,
 * FCGIP_ELENGTH, FCGIP_ECANTMPX, FCGIP_EOVERLOADED, FCGIP_EROLE, FCGIP_EREFUSED, FCGIP_EQUEUEFULL (of a
 * cluster proxy), FCGIP_EINVAL and FCGIP_EFILE (the content source), FCGIP_ENOMEM. An HTTP status of
 * 404 or 500 is not a failed request. */
FCGIP_API int fcgip_response_error(const fcgip_response *response);

/* The errno behind the error; 0 where there is none. */
FCGIP_API int fcgip_response_errno(const fcgip_response *response);

/* A sentence with the server's address; "" on success. Never holds values of variables or content;
 * bytes from the server that are not printable are escaped. */
FCGIP_API const char *fcgip_response_error_text(const fcgip_response *response);

/* "Status:" as a number; without it 302 if there is a Location, else 200; 0 if no header block was
 * received whole. */
FCGIP_API int fcgip_response_status(const fcgip_response *response);

/* What follows the number in "Status:", such as "Not Found"; "" if nothing does. */
FCGIP_API const char *fcgip_response_status_text(const fcgip_response *response);

/* The application status of END_REQUEST: for a CGI program what exit() was given. php-fpm: always 0. */
FCGIP_API uint32_t fcgip_response_app_status(const fcgip_response *response);

/* The headers in the order received, doubled ones included, "Status" too.
 * `_at`: FCGIP_OK; FCGIP_ENOTFOUND beyond the last; FCGIP_EINVAL. */
FCGIP_API size_t fcgip_response_header_count(const fcgip_response *response);
FCGIP_API int fcgip_response_header_at(const fcgip_response *response, size_t index,
                                       const char **name, const char **value);

/* The first value of a header, its name in any case; NULL if it is absent. */
FCGIP_API const char *fcgip_response_header(const fcgip_response *response, const char *name);

/* All values of a header: writes at most `cap` of them to `values` and returns how many there are.
 * `values` may be NULL if `cap` is 0. */
FCGIP_API size_t fcgip_response_header_values(const fcgip_response *response, const char *name,
                                              const char **values, size_t cap);

/* All values of a header joined with ", "; "" if it is absent. */
FCGIP_API const char *fcgip_response_header_line(const fcgip_response *response, const char *name);

/* The body: STDOUT after the header block. */
FCGIP_API const void *fcgip_response_body(const fcgip_response *response, size_t *len);

/* How long the body was, kept or not. */
FCGIP_API uint64_t fcgip_response_body_length(const fcgip_response *response);

/* All of STDOUT as received, header block included. */
FCGIP_API const void *fcgip_response_output(const fcgip_response *response, size_t *len);

/* All of STDERR, up to max_stderr_bytes. Output there does not make a request fail. */
FCGIP_API const void *fcgip_response_stderr(const fcgip_response *response, size_t *len);

/* 1 if the request failed after bytes of the response had been received. */
FCGIP_API int fcgip_response_is_partial(const fcgip_response *response);

/* 1 if there was more on STDERR than max_stderr_bytes. */
FCGIP_API int fcgip_response_stderr_is_truncated(const fcgip_response *response);

/* 1 if the request failed and sending it again cannot run it twice: no server began it, or it may
 * be repeated (fcgip_request_set_retry_safe()) and nothing of a response was received. */
FCGIP_API int fcgip_response_is_retry_safe(const fcgip_response *response);

/* Seconds from the send call to END_REQUEST or to the failure. */
FCGIP_API double fcgip_response_duration(const fcgip_response *response);

/* Which server; it lives as long as the response. */
FCGIP_API const fcgip_endpoint *fcgip_response_endpoint(const fcgip_response *response);

/* The id that the request had in its proxy. */
FCGIP_API fcgip_request_id fcgip_response_request_id(const fcgip_response *response);

/* One more owner: returns its argument. Each owner calls fcgip_response_free(). */
FCGIP_API fcgip_response *fcgip_response_ref(fcgip_response *response);

/* One owner less; the last one frees the response. */
FCGIP_API void fcgip_response_free(fcgip_response *response);

FCGIP_END_DECLS

#endif
