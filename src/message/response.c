#include "message/response.h"
#include "base/rare.h"

#include <string.h>

#include "fcgiproxy/error.h"

/* Its real limits come with each piece; this one only keeps sums from overflowing. */
#define BUFFER_LIMIT (SIZE_MAX / 4)

fcgip_response *fcgip__response_new(const fcgip__mem *mem, fcgip_request_id id)
{
  fcgip_response *response = fcgip__mem_alloc(mem, sizeof(*response));

  if (response == NULL)
    return NULL;
  memset(response, 0, offsetof(fcgip_response, headers));
  fcgip__refs_init(&response->refs);
  response->mem = *mem;
  response->id = id;
  response->keeps_body = 1;
  response->body_at = 0;
  fcgip__headers_init(&response->headers);
  fcgip__buffer_init(&response->output, &response->mem, BUFFER_LIMIT);
  fcgip__buffer_lend(&response->output, response->room, sizeof(response->room));
  fcgip__buffer_init(&response->errors, &response->mem, BUFFER_LIMIT);
  return response;
}

void fcgip__response_set_endpoint(fcgip_response *response, fcgip_endpoint *endpoint,
                                  void (*release)(fcgip_endpoint *))
{
  if (response->endpoint != NULL)
    response->release_endpoint(response->endpoint);
  response->endpoint = endpoint;
  response->release_endpoint = release;
}

fcgip_response *fcgip_response_ref(fcgip_response *response)
{
  if (response != NULL)
    fcgip__refs_take(&response->refs);
  return response;
}

void fcgip_response_free(fcgip_response *response)
{
  fcgip__mem mem;

  if (response == NULL || !fcgip__refs_drop(&response->refs))
    return;
  fcgip__mem_free(&response->mem, response->headers.block);
  fcgip__buffer_free(&response->output);
  fcgip__buffer_free(&response->errors);
  fcgip__mem_free(&response->mem, response->error_text);
  if (response->endpoint != NULL)
    response->release_endpoint(response->endpoint);
  mem = response->mem;
  fcgip__mem_free(&mem, response);
}

void fcgip__response_reset(fcgip_response *response)
{
  fcgip__headers_deinit(&response->headers, &response->mem);
  fcgip__buffer_deinit(&response->output);
  fcgip__buffer_deinit(&response->errors);
  memset(&response->scan, 0, sizeof(response->scan));
  response->has_headers = 0;
  response->body_at = 0;
  response->body_len = 0;
  response->is_stderr_truncated = 0;
  response->why = NULL;
}

int fcgip__response_has_bytes(const fcgip_response *response)
{
  return response->output.len > 0 || response->errors.len > 0 || response->body_len > 0;
}

/* Cuts the output to what decides a failure, so that it does not depend on how much came in the same piece. */
static int cut_output(fcgip_response *response, size_t len, int rc)
{
  if (response->output.len > len) {
    response->output.len = len;
    response->output.data[len] = '\0';
  }
  return rc;
}

/* 1 if the usual block was all there, and is read. */
static int read_plain_headers(fcgip_response *response, const fcgip__response_limits *limits)
{
  const fcgip__buffer *output = &response->output;
  size_t block_len;
  int is_read = limits->memo != NULL
                    ? fcgip__headers_recall(&response->headers, limits->memo, output->data,
                                            output->len, limits->max_headers, &block_len)
                    : fcgip__headers_read_plain(&response->headers, output->data, output->len,
                                                limits->max_headers, &block_len);

  if (!is_read)
    return 0;
  if (block_len > limits->max_header_bytes) {
    fcgip__headers_init(&response->headers);
    return 0;
  }
  response->has_headers = 1;
  response->body_at = block_len;
  return 1;
}

/* Looks for the end of the header block, and reads it once it is there. */
FCGIP__RARE static int read_headers(fcgip_response *response, const fcgip__response_limits *limits)
{
  size_t block_len = 0;
  int rc;

  if (!fcgip__headers_search(&response->scan, response->output.data, response->output.len,
                             &block_len)) {
    if (response->output.len <= limits->max_header_bytes)
      return FCGIP_OK;
    block_len = response->output.len;
  }
  if (block_len > limits->max_header_bytes) {
    response->why = "the header block is longer than max_header_bytes";
    return cut_output(response, limits->max_header_bytes, FCGIP_ETOOLARGE);
  }
  rc = fcgip__headers_parse(&response->headers, &response->mem, response->output.data, block_len,
                            limits->max_headers, &response->why);
  if (rc == FCGIP_ETOOLARGE)
    response->why = "there are more headers than max_headers";
  if (rc < 0)
    return cut_output(response, block_len, rc);
  response->has_headers = 1;
  response->body_at = block_len;
  return FCGIP_OK;
}

static int take_output(fcgip_response *response, const fcgip__response_limits *limits)
{
  if (!response->has_headers && (response->scan.at > 0 || !read_plain_headers(response, limits))) {
    int rc = read_headers(response, limits);

    if (rc < 0 || !response->has_headers)
      return rc;
  }
  response->body_len = response->output.len - response->body_at;
  if (!response->keeps_body) {
    response->output.len = response->body_at;
    response->output.data[response->output.len] = '\0';
    return FCGIP_OK;
  }
  if (response->body_len > limits->max_body_bytes) {
    response->why = "the body is longer than max_body_bytes";
    response->body_len = limits->max_body_bytes;
    return cut_output(response, response->body_at + (size_t)limits->max_body_bytes,
                      FCGIP_ETOOLARGE);
  }
  return FCGIP_OK;
}

int fcgip__response_add_output(fcgip_response *response, const fcgip__response_limits *limits,
                               const uint8_t *data, size_t len)
{
  int rc;

  if (response->has_headers && !response->keeps_body) {
    response->body_len += len;
    return FCGIP_OK;
  }
  rc = fcgip__buffer_add(&response->output, data, len);
  return rc < 0 ? rc : take_output(response, limits);
}

int fcgip__response_grow_output(fcgip_response *response, const fcgip__response_limits *limits,
                                size_t len)
{
  response->output.len += len;
  response->output.data[response->output.len] = '\0';
  return take_output(response, limits);
}

int fcgip__response_add_stderr(fcgip_response *response, const fcgip__response_limits *limits,
                               const uint8_t *data, size_t len)
{
  size_t room = limits->max_stderr_bytes - response->errors.len;

  if (response->errors.len >= limits->max_stderr_bytes)
    room = 0;
  if (len > room) {
    response->is_stderr_truncated = 1;
    len = room;
  }
  return len > 0 ? fcgip__buffer_add(&response->errors, data, len) : FCGIP_OK;
}

int fcgip__response_check(fcgip_response *response, int is_head)
{
  if (!response->has_headers) {
    response->why = response->output.len == 0 ? "there is no output at all"
                                              : "no empty line ends the header block";
    return FCGIP_EHEADER;
  }
  /* RFC 9110: these describe a body that is not there. */
  if (is_head || response->headers.status == 204 || response->headers.status == 304)
    return FCGIP_OK;
  if (response->headers.has_content_length &&
      response->headers.content_length != response->body_len)
    return FCGIP_ELENGTH;
  return FCGIP_OK;
}
