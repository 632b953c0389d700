#include "message/request.h"

#include <string.h>

#include "base/options.h"
#include "base/text.h"
#include "fcgiproxy/error.h"
#include "fcgiproxy/version.h"
#include "message/spool.h"

#define SOFTWARE_NAME "libfcgiproxy/"

static const struct {
  const char *method;
  int retry_safe;
} retry_safe_methods[] = {{"GET", 1}, {"HEAD", 1}, {"PUT", 1}, {"DELETE", 1}};

static void set_constant(fcgip_request *request, enum fcgip__field field, const char *text)
{
  request->fields[field].text = text;
  request->fields[field].len = strlen(text);
}

/* Replaces a field's text by a copy. */
static int set_field(fcgip_request *request, enum fcgip__field field, const char *text)
{
  fcgip__field_value *value = &request->fields[field];
  size_t len = strlen(text);
  char *copy = fcgip__mem_strndup(&request->mem, text, len);

  if (copy == NULL)
    return FCGIP_ENOMEM;
  fcgip__mem_free(&request->mem, value->block);
  value->block = copy;
  value->text = copy;
  value->len = len;
  fcgip__request_changed(request);
  return FCGIP_OK;
}

static size_t number_text(char out[FCGIP__NUMBER_TEXT], uint64_t number)
{
  char digits[FCGIP__NUMBER_TEXT];
  size_t at = sizeof(digits) - 1, len;

  digits[at] = '\0';
  do {
    digits[--at] = (char)('0' + (char)(number % 10));
    number /= 10;
  } while (number > 0);
  len = sizeof(digits) - 1 - at;
  memcpy(out, digits + at, len + 1);
  return len;
}

void fcgip__request_replace_content(fcgip_request *request, fcgip__content *content)
{
  fcgip__content *before = request->content;

  fcgip__spool_discard(request);
  request->content = content;
  request->fields[FCGIP__CONTENT_LENGTH].len =
      number_text(request->content_length, content != NULL ? content->len : 0);
  request->fields[FCGIP__CONTENT_LENGTH].text = request->content_length;
  fcgip__request_changed(request);
  fcgip__content_drop(before);
}

static int set_defaults(fcgip_request *request)
{
  char software[sizeof(SOFTWARE_NAME) + 32];
  size_t name_len = sizeof(SOFTWARE_NAME) - 1, version_len = strlen(fcgip_version());

  memcpy(software, SOFTWARE_NAME, name_len);
  memcpy(software + name_len, fcgip_version(), version_len + 1);
  set_constant(request, FCGIP__GATEWAY_INTERFACE, "FastCGI/1.0");
  set_constant(request, FCGIP__REQUEST_URI, "");
  set_constant(request, FCGIP__REMOTE_ADDR, "192.168.0.1");
  set_constant(request, FCGIP__REMOTE_PORT, "9985");
  set_constant(request, FCGIP__SERVER_ADDR, "127.0.0.1");
  set_constant(request, FCGIP__SERVER_PORT, "80");
  set_constant(request, FCGIP__SERVER_NAME, "localhost");
  set_constant(request, FCGIP__SERVER_PROTOCOL, "HTTP/1.1");
  set_constant(request, FCGIP__CONTENT_TYPE, "application/x-www-form-urlencoded");
  request->remote_port = 9985;
  request->server_port = 80;
  request->role = FCGIP_RESPONDER;
  fcgip__request_replace_content(request, NULL);
  return set_field(request, FCGIP__SERVER_SOFTWARE, software);
}

static int method_is_retry_safe(const char *method)
{
  size_t i;

  for (i = 0; i < sizeof(retry_safe_methods) / sizeof(retry_safe_methods[0]); i++)
    if (strcmp(method, retry_safe_methods[i].method) == 0)
      return retry_safe_methods[i].retry_safe;
  return 0;
}

int fcgip_request_new_with_allocator(fcgip_request **out, const char *method,
                                     const char *script_filename, const fcgip_allocator *allocator)
{
  fcgip_request *request;
  fcgip__mem mem;
  int rc;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  if (method == NULL || script_filename == NULL || !fcgip__is_token(method, strlen(method)))
    return FCGIP_EINVAL;
  rc = fcgip__mem_import(&mem, allocator);
  if (rc < 0)
    return rc;
  request = fcgip__mem_calloc(&mem, 1, sizeof(*request));
  if (request == NULL)
    return FCGIP_ENOMEM;
  request->mem = mem;
  fcgip__vars_init(&request->vars, &request->mem);
  rc = set_defaults(request);
  if (rc == FCGIP_OK)
    rc = set_field(request, FCGIP__REQUEST_METHOD, method);
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_script_filename(request, script_filename);
  if (rc < 0) {
    fcgip_request_free(request);
    return rc;
  }
  request->retry_safe = method_is_retry_safe(method);
  *out = request;
  return FCGIP_OK;
}

int fcgip_request_new(fcgip_request **out, const char *method, const char *script_filename)
{
  return fcgip_request_new_with_allocator(out, method, script_filename, NULL);
}

static int new_with_content(fcgip_request **out, const char *method, const char *script_filename,
                            const void *content, size_t len)
{
  int rc = fcgip_request_new(out, method, script_filename);

  if (rc < 0)
    return rc;
  rc = fcgip_request_set_content(*out, content, len);
  if (rc < 0) {
    fcgip_request_free(*out);
    *out = NULL;
  }
  return rc;
}

int fcgip_get_request_new(fcgip_request **out, const char *script_filename, const void *content,
                          size_t len)
{
  return new_with_content(out, "GET", script_filename, content, len);
}

int fcgip_post_request_new(fcgip_request **out, const char *script_filename, const void *content,
                           size_t len)
{
  return new_with_content(out, "POST", script_filename, content, len);
}

int fcgip_put_request_new(fcgip_request **out, const char *script_filename, const void *content,
                          size_t len)
{
  return new_with_content(out, "PUT", script_filename, content, len);
}

int fcgip_patch_request_new(fcgip_request **out, const char *script_filename, const void *content,
                            size_t len)
{
  return new_with_content(out, "PATCH", script_filename, content, len);
}

int fcgip_delete_request_new(fcgip_request **out, const char *script_filename, const void *content,
                             size_t len)
{
  return new_with_content(out, "DELETE", script_filename, content, len);
}

void fcgip__request_changed(fcgip_request *request)
{
  fcgip__snapshot *stale = request->snapshot;

  request->snapshot = NULL;
  fcgip__snapshot_drop(stale);
}

const fcgip__mem *fcgip__request_mem(const fcgip_request *request)
{
  return &request->mem;
}

#define TEXT_FIELD(noun, field)                                                                    \
  int fcgip_request_set_##noun(fcgip_request *request, const char *value)                          \
  {                                                                                                \
    return set_text(request, field, value);                                                        \
  }                                                                                                \
  const char *fcgip_request_##noun(const fcgip_request *request)                                   \
  {                                                                                                \
    return request != NULL ? request->fields[field].text : "";                                     \
  }

static int set_text(fcgip_request *request, enum fcgip__field field, const char *value)
{
  const char *name = fcgip__field_names[field];
  int rc;

  if (request == NULL || value == NULL)
    return FCGIP_EINVAL;
  rc = fcgip__request_check_var(request, name, strlen(name), value, strlen(value));
  return rc < 0 ? rc : set_field(request, field, value);
}

TEXT_FIELD(server_software, FCGIP__SERVER_SOFTWARE)
TEXT_FIELD(remote_address, FCGIP__REMOTE_ADDR)
TEXT_FIELD(server_address, FCGIP__SERVER_ADDR)
TEXT_FIELD(server_name, FCGIP__SERVER_NAME)
TEXT_FIELD(server_protocol, FCGIP__SERVER_PROTOCOL)
TEXT_FIELD(content_type, FCGIP__CONTENT_TYPE)
TEXT_FIELD(request_uri, FCGIP__REQUEST_URI)
TEXT_FIELD(script_filename, FCGIP__SCRIPT_FILENAME)

const char *fcgip_request_method(const fcgip_request *request)
{
  return request != NULL ? request->fields[FCGIP__REQUEST_METHOD].text : "";
}

const char *fcgip_request_gateway_interface(const fcgip_request *request)
{
  return request != NULL ? request->fields[FCGIP__GATEWAY_INTERFACE].text : "";
}

static int set_port(fcgip_request *request, enum fcgip__field field, uint16_t value)
{
  char text[FCGIP__NUMBER_TEXT];

  number_text(text, value);
  return set_field(request, field, text);
}

int fcgip_request_set_remote_port(fcgip_request *request, uint16_t value)
{
  int rc = request != NULL ? set_port(request, FCGIP__REMOTE_PORT, value) : FCGIP_EINVAL;

  if (rc == FCGIP_OK)
    request->remote_port = value;
  return rc;
}

uint16_t fcgip_request_remote_port(const fcgip_request *request)
{
  return request != NULL ? request->remote_port : 0;
}

int fcgip_request_set_server_port(fcgip_request *request, uint16_t value)
{
  int rc = request != NULL ? set_port(request, FCGIP__SERVER_PORT, value) : FCGIP_EINVAL;

  if (rc == FCGIP_OK)
    request->server_port = value;
  return rc;
}

uint16_t fcgip_request_server_port(const fcgip_request *request)
{
  return request != NULL ? request->server_port : 0;
}

int fcgip__request_adopt_content(fcgip_request *request, uint8_t *data, size_t len,
                                 const char *content_type)
{
  fcgip__content *content = fcgip__content_adopt(&request->mem, data, len);
  int rc = FCGIP_OK;

  if (content == NULL)
    return FCGIP_ENOMEM;
  if (content_type != NULL)
    rc = set_field(request, FCGIP__CONTENT_TYPE, content_type);
  if (rc < 0) {
    fcgip__content_drop(content);
    return rc;
  }
  fcgip__request_replace_content(request, content);
  return FCGIP_OK;
}

int fcgip_request_set_content(fcgip_request *request, const void *data, size_t len)
{
  char *copy;

  if (request == NULL || (data == NULL && len > 0))
    return FCGIP_EINVAL;
  if (len == 0) {
    fcgip__request_replace_content(request, NULL);
    return FCGIP_OK;
  }
  copy = fcgip__mem_strndup(&request->mem, data, len);
  if (copy == NULL)
    return FCGIP_ENOMEM;
  return fcgip__request_adopt_content(request, (uint8_t *)copy, len, NULL);
}

int fcgip_request_set_role(fcgip_request *request, int role)
{
  if (request == NULL ||
      (role != FCGIP_RESPONDER && role != FCGIP_AUTHORIZER && role != FCGIP_FILTER))
    return FCGIP_EINVAL;
  request->role = (uint16_t)role;
  fcgip__request_changed(request);
  return FCGIP_OK;
}

int fcgip_request_role(const fcgip_request *request)
{
  return request != NULL ? request->role : 0;
}

int fcgip_request_set_retry_safe(fcgip_request *request, int yes)
{
  if (request == NULL)
    return FCGIP_EINVAL;
  request->retry_safe = yes != 0;
  fcgip__request_changed(request);
  return FCGIP_OK;
}

int fcgip_request_retry_safe(const fcgip_request *request)
{
  return request != NULL ? request->retry_safe : 0;
}

void fcgip_request_free(fcgip_request *request)
{
  fcgip__mem mem;
  size_t i;

  if (request == NULL)
    return;
  mem = request->mem;
  fcgip__request_changed(request);
  for (i = 0; i < FCGIP__FIELD_COUNT; i++)
    fcgip__mem_free(&mem, request->fields[i].block);
  for (i = 0; i < request->callback_count; i++)
    fcgip__callback_drop(request->callbacks[i]);
  fcgip__mem_free(&mem, request->callbacks);
  fcgip__vars_clear(&request->vars);
  fcgip__spool_discard(request);
  fcgip__content_drop(request->content);
  fcgip__mem_free(&mem, request);
}
