/* What a caller may ask of a response. */
#include <string.h>

#include "fcgiproxy/error.h"
#include "message/response.h"

int fcgip_response_error(const fcgip_response *response)
{
  return response != NULL ? response->error : FCGIP_EINVAL;
}

int fcgip_response_errno(const fcgip_response *response)
{
  return response != NULL ? response->error_number : 0;
}

const char *fcgip_response_error_text(const fcgip_response *response)
{
  if (response == NULL || response->error == FCGIP_OK)
    return "";
  return response->error_text != NULL ? response->error_text : fcgip_strerror(response->error);
}

int fcgip_response_status(const fcgip_response *response)
{
  return response != NULL ? response->headers.status : 0;
}

const char *fcgip_response_status_text(const fcgip_response *response)
{
  return response != NULL ? response->headers.status_text : "";
}

uint32_t fcgip_response_app_status(const fcgip_response *response)
{
  return response != NULL ? response->app_status : 0;
}

size_t fcgip_response_header_count(const fcgip_response *response)
{
  return response != NULL ? response->headers.count : 0;
}

int fcgip_response_header_at(const fcgip_response *response, size_t index, const char **name,
                             const char **value)
{
  if (response == NULL || name == NULL || value == NULL)
    return FCGIP_EINVAL;
  if (index >= response->headers.count)
    return FCGIP_ENOTFOUND;
  *name = response->headers.items[index].name;
  *value = response->headers.items[index].value;
  return FCGIP_OK;
}

static const fcgip__header *find(const fcgip_response *response, const char *name,
                                 const fcgip__header *after)
{
  if (response == NULL || name == NULL)
    return NULL;
  return fcgip__headers_find(&response->headers, name, after);
}

const char *fcgip_response_header(const fcgip_response *response, const char *name)
{
  const fcgip__header *header = find(response, name, NULL);

  return header != NULL ? header->value : NULL;
}

size_t fcgip_response_header_values(const fcgip_response *response, const char *name,
                                    const char **values, size_t cap)
{
  const fcgip__header *header = find(response, name, NULL);
  size_t count = 0;

  for (; header != NULL; header = find(response, name, header)) {
    if (values != NULL && count < cap)
      values[count] = header->value;
    count++;
  }
  return count;
}

const char *fcgip_response_header_line(const fcgip_response *response, const char *name)
{
  const fcgip__header *header = find(response, name, NULL);

  return header != NULL ? header->line : "";
}

static const void *no_bytes(size_t *len)
{
  if (len != NULL)
    *len = 0;
  return "";
}

static const void *bytes_of(const fcgip__buffer *buffer, size_t from, size_t *len)
{
  if (buffer->len <= from)
    return no_bytes(len);
  if (len != NULL)
    *len = buffer->len - from;
  return buffer->data + from;
}

const void *fcgip_response_body(const fcgip_response *response, size_t *len)
{
  if (response == NULL || !response->has_headers)
    return no_bytes(len);
  return bytes_of(&response->output, response->body_at, len);
}

uint64_t fcgip_response_body_length(const fcgip_response *response)
{
  return response != NULL ? response->body_len : 0;
}

const void *fcgip_response_output(const fcgip_response *response, size_t *len)
{
  return response != NULL ? bytes_of(&response->output, 0, len) : no_bytes(len);
}

const void *fcgip_response_stderr(const fcgip_response *response, size_t *len)
{
  return response != NULL ? bytes_of(&response->errors, 0, len) : no_bytes(len);
}

int fcgip_response_is_partial(const fcgip_response *response)
{
  return response != NULL ? response->is_partial : 0;
}

int fcgip_response_stderr_is_truncated(const fcgip_response *response)
{
  return response != NULL ? response->is_stderr_truncated : 0;
}

int fcgip_response_is_retry_safe(const fcgip_response *response)
{
  return response != NULL ? response->is_retry_safe : 0;
}

double fcgip_response_duration(const fcgip_response *response)
{
  return response != NULL ? (double)response->duration_us / 1e6 : 0;
}

const fcgip_endpoint *fcgip_response_endpoint(const fcgip_response *response)
{
  return response != NULL ? response->endpoint : NULL;
}

fcgip_request_id fcgip_response_request_id(const fcgip_response *response)
{
  return response != NULL ? response->id : 0;
}
