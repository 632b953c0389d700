/* Request contents: HTML forms, multipart uploads, JSON. */
#ifndef FCGIPROXY_CONTENT_H
#define FCGIPROXY_CONTENT_H

#include "fcgiproxy/allocator.h"
#include "fcgiproxy/types.h"

FCGIP_BEGIN_DECLS

/* Fields for application/x-www-form-urlencoded. */
typedef struct fcgip_form fcgip_form;

/* Fields and files for multipart/form-data (RFC 7578). */
typedef struct fcgip_multipart fcgip_multipart;

/* Makes an empty form. FCGIP_OK; FCGIP_EINVAL; FCGIP_ENOMEM. May be called from anywhere, as
 * everything in this chapter; `_with_allocator` uses `allocator` (NULL: the C library's). */
FCGIP_API int fcgip_form_new(fcgip_form **out);
FCGIP_API int fcgip_form_new_with_allocator(fcgip_form **out, const fcgip_allocator *allocator);

/* Adds one field; fields keep their order, a name may come again. PHP's nested arrays are written
 * into the name: "nested[two]". Both texts are copied and escaped; the `_n` form takes any bytes.
 * FCGIP_OK; FCGIP_EINVAL; FCGIP_ENOMEM. */
FCGIP_API int fcgip_form_add(fcgip_form *form, const char *name, const char *value);
FCGIP_API int fcgip_form_add_n(fcgip_form *form, const void *name, size_t name_len,
                               const void *value, size_t value_len);

/* The encoded form so far, such as "a=1&b=two+words". Lives until the form is changed or freed. */
FCGIP_API const void *fcgip_form_content(const fcgip_form *form, size_t *len);

/* Frees the form; requests that were given its content keep it. */
FCGIP_API void fcgip_form_free(fcgip_form *form);

/* Makes an empty multipart content. FCGIP_OK; FCGIP_EINVAL; FCGIP_ENOMEM. */
FCGIP_API int fcgip_multipart_new(fcgip_multipart **out);
FCGIP_API int fcgip_multipart_new_with_allocator(fcgip_multipart **out,
                                                 const fcgip_allocator *allocator);

/* Adds a field. The name is escaped as browsers do: a line break becomes %0D%0A, a quote %22. The
 * value goes out byte for byte; the `_n` form takes any bytes. Both are copied.
 * FCGIP_OK; FCGIP_EINVAL; FCGIP_ENOMEM. */
FCGIP_API int fcgip_multipart_add(fcgip_multipart *multipart, const char *name, const char *value);
FCGIP_API int fcgip_multipart_add_n(fcgip_multipart *multipart, const char *name, const void *value,
                                    size_t value_len);

/* Adds the file at `path`, which is read here and now, whole. `filename` is the name the server is
 * told (NULL: the last part of `path`), `type` the content type (NULL: by the ending of the file
 * name, application/octet-stream where that says nothing).
 * FCGIP_OK; FCGIP_EINVAL: also for CR or LF in `type`; FCGIP_EFILE: the file cannot be read;
 * FCGIP_ENOMEM. Blocks as long as reading the file does. */
FCGIP_API int fcgip_multipart_add_file(fcgip_multipart *multipart, const char *name,
                                       const char *path, const char *filename, const char *type);

/* Adds a file whose bytes are in memory, copied; `filename` is required. Otherwise as
 * fcgip_multipart_add_file(), without FCGIP_EFILE. */
FCGIP_API int fcgip_multipart_add_data(fcgip_multipart *multipart, const char *name,
                                       const void *data, size_t len, const char *filename,
                                       const char *type);

/* Frees the multipart content; requests that were given it keep it. */
FCGIP_API void fcgip_multipart_free(fcgip_multipart *multipart);

/* Replaces the request's content, and its content type along with it, in one step; the form or
 * multipart is read, not kept. The boundary of a multipart is chosen such that it occurs in no part.
 * JSON is taken as it is: `text` has to be encoded already.
 * FCGIP_OK; FCGIP_EINVAL; FCGIP_ENOMEM: the request is as it was before. */
FCGIP_API int fcgip_request_set_form(fcgip_request *request, const fcgip_form *form);
FCGIP_API int fcgip_request_set_multipart(fcgip_request *request, const fcgip_multipart *multipart);
FCGIP_API int fcgip_request_set_json(fcgip_request *request, const char *text, size_t len);

/* As fcgip_request_set_json(), for NUL-terminated text. */
FCGIP_API int fcgip_json_content(fcgip_request *request, const char *text);

FCGIP_END_DECLS

#endif
