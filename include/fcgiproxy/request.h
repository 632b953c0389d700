/* Requests: what the server is told (CGI/1.1 meta-variables, RFC 3875 section 4.1) and sent. */
#ifndef FCGIPROXY_REQUEST_H
#define FCGIPROXY_REQUEST_H

#include "fcgiproxy/allocator.h"
#include "fcgiproxy/types.h"

FCGIP_BEGIN_DECLS

/* FastCGI 1.0 section 6. php-fpm runs all three alike and tells the script FCGI_ROLE. */
enum fcgip_role {
  FCGIP_RESPONDER = 1,  /* answers as a web page does: the default */
  FCGIP_AUTHORIZER = 2, /* says whether a request is allowed */
  FCGIP_FILTER = 3      /* turns a file into another */
};

/* Deadlines of one request in milliseconds. Zero means the endpoint's, UINT32_MAX none. */
typedef struct fcgip_timeouts {
  uint32_t struct_size;           /* sizeof(fcgip_timeouts) */
  uint32_t connect_timeout_ms;    /* over all addresses of the host together */
  uint32_t read_write_timeout_ms; /* the longest time with no byte either way */
  uint32_t first_byte_timeout_ms; /* from the last byte sent to the first received */
  uint32_t request_timeout_ms;    /* from send call to END_REQUEST, queue included */
  uint32_t reserved;              /* 0 */
} fcgip_timeouts;

/* Makes a request with any method. Both texts are copied.
 * FCGIP_OK; FCGIP_EINVAL: a method that is no token (RFC 9110 section 5.6.2), CR or LF in
 * `script_filename`; FCGIP_ENOMEM. May be called from anywhere, as everything in this chapter. */
FCGIP_API int fcgip_request_new(fcgip_request **out, const char *method,
                                const char *script_filename);
FCGIP_API int fcgip_request_new_with_allocator(fcgip_request **out, const char *method,
                                               const char *script_filename,
                                               const fcgip_allocator *allocator);

/* The same for the common methods, with content of `len` bytes, copied (NULL and 0 for none).
 * Results as of fcgip_request_new(). */
FCGIP_API int fcgip_get_request_new(fcgip_request **out, const char *script_filename,
                                    const void *content, size_t len);
FCGIP_API int fcgip_post_request_new(fcgip_request **out, const char *script_filename,
                                     const void *content, size_t len);
FCGIP_API int fcgip_put_request_new(fcgip_request **out, const char *script_filename,
                                    const void *content, size_t len);
FCGIP_API int fcgip_patch_request_new(fcgip_request **out, const char *script_filename,
                                      const void *content, size_t len);
FCGIP_API int fcgip_delete_request_new(fcgip_request **out, const char *script_filename,
                                       const void *content, size_t len);

/* The method, as given to the constructor. */
FCGIP_API const char *fcgip_request_method(const fcgip_request *request);

/* The variables that every request has, each with its default, follow. A getter returns the value set last,
 * not a custom variable of the same name; its text lives until the request is changed. Texts are copied.
 * Setters: FCGIP_OK; FCGIP_EINVAL: CR or LF in REQUEST_URI or SCRIPT_FILENAME, a value that php-fpm
 * cannot be sent (more than 65528 bytes with its name); FCGIP_ENOMEM: everything is as before. */

/* SERVER_SOFTWARE, by default "libfcgiproxy/<version>".
 * The setter: FCGIP_OK; FCGIP_EINVAL: it cannot be sent; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_server_software(fcgip_request *request, const char *value);
FCGIP_API const char *fcgip_request_server_software(const fcgip_request *request);

/* REMOTE_ADDR, by default "192.168.0.1".
 * The setter: FCGIP_OK; FCGIP_EINVAL: it cannot be sent; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_remote_address(fcgip_request *request, const char *value);
FCGIP_API const char *fcgip_request_remote_address(const fcgip_request *request);

/* REMOTE_PORT, by default 9985.
 * The setter: FCGIP_OK; FCGIP_EINVAL: it cannot be sent; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_remote_port(fcgip_request *request, uint16_t value);
FCGIP_API uint16_t fcgip_request_remote_port(const fcgip_request *request);

/* SERVER_ADDR, by default "127.0.0.1".
 * The setter: FCGIP_OK; FCGIP_EINVAL: it cannot be sent; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_server_address(fcgip_request *request, const char *value);
FCGIP_API const char *fcgip_request_server_address(const fcgip_request *request);

/* SERVER_PORT, by default 80.
 * The setter: FCGIP_OK; FCGIP_EINVAL: it cannot be sent; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_server_port(fcgip_request *request, uint16_t value);
FCGIP_API uint16_t fcgip_request_server_port(const fcgip_request *request);

/* SERVER_NAME, by default "localhost".
 * The setter: FCGIP_OK; FCGIP_EINVAL: it cannot be sent; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_server_name(fcgip_request *request, const char *value);
FCGIP_API const char *fcgip_request_server_name(const fcgip_request *request);

/* SERVER_PROTOCOL, by default "HTTP/1.1".
 * The setter: FCGIP_OK; FCGIP_EINVAL: it cannot be sent; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_server_protocol(fcgip_request *request, const char *value);
FCGIP_API const char *fcgip_request_server_protocol(const fcgip_request *request);

/* CONTENT_TYPE, by default "application/x-www-form-urlencoded".
 * The setter: FCGIP_OK; FCGIP_EINVAL: it cannot be sent; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_content_type(fcgip_request *request, const char *value);
FCGIP_API const char *fcgip_request_content_type(const fcgip_request *request);

/* REQUEST_URI, by default "". If it has a `?` and there is no custom variable QUERY_STRING, what follows the
 * `?` is sent as QUERY_STRING too.
 * The setter: FCGIP_OK; FCGIP_EINVAL: it cannot be sent; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_request_uri(fcgip_request *request, const char *value);
FCGIP_API const char *fcgip_request_request_uri(const fcgip_request *request);

/* SCRIPT_FILENAME, as given to the constructor.
 * The setter: FCGIP_OK; FCGIP_EINVAL: it cannot be sent; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_script_filename(fcgip_request *request, const char *value);
FCGIP_API const char *fcgip_request_script_filename(const fcgip_request *request);

/* GATEWAY_INTERFACE: always "FastCGI/1.0". */
FCGIP_API const char *fcgip_request_gateway_interface(const fcgip_request *request);

/* Replaces the content by a copy of `len` bytes. CONTENT_LENGTH follows by itself.
 * FCGIP_OK; FCGIP_EINVAL: NULL with a length; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_content(fcgip_request *request, const void *data, size_t len);

/* The same without a copy: `data` must stay as it is until `release` (may be NULL) is called with
 * `user_data`, which happens once: when neither the request nor anything in flight needs it any
 * more, or before this function returns an error. It may be called from any thread that ends the
 * last use. Results as of fcgip_request_set_content(). */
FCGIP_API int fcgip_request_set_content_ref(fcgip_request *request, const void *data, size_t len,
                                            fcgip_release_fn release, void *user_data);

/* The content; "" and 0 if there is none, or it is not in memory. Lives until the content is replaced. */
FCGIP_API const void *fcgip_request_content(const fcgip_request *request, size_t *len);

/* How long the content is, wherever it comes from. */
FCGIP_API uint64_t fcgip_request_content_length(const fcgip_request *request);

/* Content of a known length that `fn` gives while it is sent. `release` (may be NULL) is called with
 * `user_data` once, as by fcgip_request_set_content_ref(). A source that ends short, or has more than
 * `len` bytes, ends the request with FCGIP_EINVAL: the last byte announced is then never sent.
 * FCGIP_OK; FCGIP_EINVAL; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_content_source(fcgip_request *request, fcgip_content_fn fn,
                                               uint64_t len, void *user_data,
                                               fcgip_release_fn release);

/* Content that is `len` bytes of a regular file from `offset` on (UINT64_MAX: all the rest). The
 * descriptor is duplicated; the file must not shrink while requests with it are sent: FCGIP_EFILE ends
 * them. FCGIP_OK; FCGIP_EINVAL: beyond the end of the file; FCGIP_EFILE: not a regular file, or no
 * descriptor left; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_set_content_fd(fcgip_request *request, int fd, uint64_t offset,
                                           uint64_t len);

/* Content of an unknown length: reads all that `fn` gives, here and now, up to `memory_limit` bytes into
 * memory, and what is more into an unlinked temporary file in `directory` (such as "/tmp"; NULL: more is
 * FCGIP_ETOOLARGE). CONTENT_LENGTH has to be sent before the first byte, hence the detour.
 * FCGIP_OK; FCGIP_EAGAIN: the source has nothing yet, what it gave is kept: call again with the same
 * arguments to go on; any other: the content is as it was before; FCGIP_EINVAL; FCGIP_ECANCELED: the
 * source said so; FCGIP_ETOOLARGE; FCGIP_EFILE; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_spool_content(fcgip_request *request, fcgip_content_fn fn,
                                          void *user_data, size_t memory_limit,
                                          const char *directory);

/* Whether the response keeps its body (the default). If not, pass-through callbacks see it and then it is
 * gone, max_body_bytes does not apply, and memory does not grow with it. FCGIP_OK; FCGIP_EINVAL. */
FCGIP_API int fcgip_request_set_body_kept(fcgip_request *request, int yes);
FCGIP_API int fcgip_request_body_kept(const fcgip_request *request);

/* Sets a variable beyond the defaults, or one of them: a custom variable replaces the default of the
 * same name, except GATEWAY_INTERFACE and CONTENT_LENGTH. (A CONTENT_LENGTH that disagrees with the
 * content makes sending fail with FCGIP_EINVAL.) Set again, the last value counts. Copied.
 * FCGIP_OK; FCGIP_ENOMEM; FCGIP_EINVAL: an empty name, or NUL, CR, LF or `=` in one; NUL in a value; CR
 * or LF in SCRIPT_NAME, SCRIPT_FILENAME, PATH_INFO or REQUEST_URI; more than 65528 bytes with the
 * lengths (php-fpm reads a pair only if it is whole in one record); PHP_VALUE and PHP_ADMIN_VALUE, which
 * run code on the server and stay in force for the worker's later requests, unless allowed below. */
FCGIP_API int fcgip_request_set_custom_var(fcgip_request *request, const char *name,
                                           const char *value);
FCGIP_API int fcgip_request_set_custom_var_n(fcgip_request *request, const void *name,
                                             size_t name_len, const void *value, size_t value_len);
FCGIP_API int fcgip_request_reset_custom_vars(fcgip_request *request);

/* The custom variables, in the order in which they were first set.
 * `_at`: FCGIP_OK; FCGIP_ENOTFOUND beyond the last; FCGIP_EINVAL. */
FCGIP_API size_t fcgip_request_custom_var_count(const fcgip_request *request);
FCGIP_API int fcgip_request_custom_var_at(const fcgip_request *request, size_t index,
                                          const char **name, const char **value);

/* Lets PHP_VALUE and PHP_ADMIN_VALUE be set as custom variables. Never with values from users.
 * FCGIP_OK; FCGIP_EINVAL. */
FCGIP_API int fcgip_request_allow_php_settings(fcgip_request *request, int yes);

/* Adds an HTTP request header as the custom variable HTTP_<NAME> (RFC 3875 section 4.1.18). A name
 * that comes again is joined to the first: ", ", for Cookie "; ".
 * FCGIP_OK; FCGIP_ENOMEM; FCGIP_EINVAL: a name that is no token or has an underscore (X_A and X-A would
 * be one variable); CR, LF or NUL in the value; `Proxy`, as scripts take HTTP_PROXY for the system's
 * setting; Content-Type and Content-Length, which have setters of their own. */
FCGIP_API int fcgip_request_add_http_header(fcgip_request *request, const char *name,
                                            const char *value);

/* FCGIP_RESPONDER unless set. FCGIP_OK; FCGIP_EINVAL for any other number than the three. */
FCGIP_API int fcgip_request_set_role(fcgip_request *request, int role);
FCGIP_API int fcgip_request_role(const fcgip_request *request);

/* Whether the request may be sent again on a fresh connection though the server had accepted bytes
 * of it on a kept one that then turned out to be dead. By default 1 for GET, HEAD, PUT and DELETE,
 * 0 for everything else. FCGIP_OK; FCGIP_EINVAL. */
FCGIP_API int fcgip_request_set_retry_safe(fcgip_request *request, int yes);
FCGIP_API int fcgip_request_retry_safe(const fcgip_request *request);

/* The deadlines of this request, where they are to differ from the endpoint's; all at once or one
 * by one. FCGIP_OK; FCGIP_EINVAL; FCGIP_E2BIG (the struct only). */
FCGIP_API int fcgip_request_set_timeouts(fcgip_request *request, const fcgip_timeouts *timeouts);
FCGIP_API int fcgip_request_timeouts(const fcgip_request *request, fcgip_timeouts *out);
FCGIP_API int fcgip_request_set_connect_timeout_ms(fcgip_request *request, uint32_t ms);
FCGIP_API int fcgip_request_set_read_write_timeout_ms(fcgip_request *request, uint32_t ms);
FCGIP_API int fcgip_request_set_first_byte_timeout_ms(fcgip_request *request, uint32_t ms);
FCGIP_API int fcgip_request_set_request_timeout_ms(fcgip_request *request, uint32_t ms);

/* The variables as they will be sent, defaults and custom ones.
 * `_at`: FCGIP_OK; FCGIP_ENOTFOUND beyond the last; FCGIP_EINVAL. The texts live until the request is
 * changed. */
FCGIP_API size_t fcgip_request_param_count(const fcgip_request *request);
FCGIP_API int fcgip_request_param_at(const fcgip_request *request, size_t index, const char **name,
                                     const char **value);

/* Callbacks, as many of each kind as wanted, called in the order in which they were added: on success,
 * on failure (the response says why), and for each piece of output as it arrives. `release` (may be
 * NULL) is called once with `user_data` when the request and all its snapshots are gone, or before
 * these functions return an error. They are for what is sent afterwards, not for what is in flight.
 * FCGIP_OK; FCGIP_EINVAL; FCGIP_ENOMEM. */
FCGIP_API int fcgip_request_add_response_callback(fcgip_request *request, fcgip_response_fn fn,
                                                  void *user_data, fcgip_release_fn release);
FCGIP_API int fcgip_request_add_failure_callback(fcgip_request *request, fcgip_response_fn fn,
                                                 void *user_data, fcgip_release_fn release);
FCGIP_API int fcgip_request_add_pass_through_callback(fcgip_request *request,
                                                      fcgip_pass_through_fn fn, void *user_data,
                                                      fcgip_release_fn release);

/* Frees the request; what is in flight goes on. */
FCGIP_API void fcgip_request_free(fcgip_request *request);

FCGIP_END_DECLS

#endif
