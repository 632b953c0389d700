/* The variables of a request: custom ones, HTTP headers, and all of them as they will be sent. */
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "fastcgi/record.h"
#include "fcgiproxy/error.h"
#include "message/request.h"

const char *const fcgip__field_names[FCGIP__FIELD_COUNT] = {
    [FCGIP__GATEWAY_INTERFACE] = "GATEWAY_INTERFACE",
    [FCGIP__REQUEST_METHOD] = "REQUEST_METHOD",
    [FCGIP__REQUEST_URI] = "REQUEST_URI",
    [FCGIP__SCRIPT_FILENAME] = "SCRIPT_FILENAME",
    [FCGIP__SERVER_SOFTWARE] = "SERVER_SOFTWARE",
    [FCGIP__REMOTE_ADDR] = "REMOTE_ADDR",
    [FCGIP__REMOTE_PORT] = "REMOTE_PORT",
    [FCGIP__SERVER_ADDR] = "SERVER_ADDR",
    [FCGIP__SERVER_PORT] = "SERVER_PORT",
    [FCGIP__SERVER_NAME] = "SERVER_NAME",
    [FCGIP__SERVER_PROTOCOL] = "SERVER_PROTOCOL",
    [FCGIP__CONTENT_TYPE] = "CONTENT_TYPE",
    [FCGIP__CONTENT_LENGTH] = "CONTENT_LENGTH",
};

/* In these a line break could end up in a log or in a header that the script sends. */
static const char *const one_line_names[] = {"SCRIPT_NAME", "SCRIPT_FILENAME", "PATH_INFO",
                                             "REQUEST_URI"};
static const char *const php_settings_names[] = {"PHP_VALUE", "PHP_ADMIN_VALUE"};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int is_one_of(const char *const *names, size_t count, const char *name, size_t name_len)
{
  size_t i;

  for (i = 0; i < count; i++)
    if (strlen(names[i]) == name_len && memcmp(names[i], name, name_len) == 0)
      return 1;
  return 0;
}

static int has_any(const char *text, size_t len, const char *bytes, size_t byte_count)
{
  size_t i;

  for (i = 0; i < byte_count; i++)
    if (len > 0 && memchr(text, bytes[i], len) != NULL)
      return 1;
  return 0;
}

int fcgip__request_check_var(const fcgip_request *request, const char *name, size_t name_len,
                             const char *value, size_t value_len)
{
  size_t size;

  if (name_len == 0 || has_any(name, name_len, "\0\r\n=", 4))
    return FCGIP_EINVAL;
  if (has_any(value, value_len, "\0", 1)) /* php-fpm would cut the value there */
    return FCGIP_EINVAL;
  if (is_one_of(one_line_names, COUNT_OF(one_line_names), name, name_len) &&
      has_any(value, value_len, "\r\n", 2))
    return FCGIP_EINVAL;
  if (!request->php_settings_allowed &&
      is_one_of(php_settings_names, COUNT_OF(php_settings_names), name, name_len))
    return FCGIP_EINVAL;
  if (fcgip__pair_size(name_len, value_len, &size) < 0 || size > FCGIP__PARAMS_MAX)
    return FCGIP_EINVAL;
  return FCGIP_OK;
}

int fcgip_request_set_custom_var_n(fcgip_request *request, const void *name, size_t name_len,
                                   const void *value, size_t value_len)
{
  int rc;

  if (request == NULL || name == NULL || (value == NULL && value_len > 0))
    return FCGIP_EINVAL;
  rc = fcgip__request_check_var(request, name, name_len, value, value_len);
  if (rc == FCGIP_OK)
    rc = fcgip__vars_set(&request->vars, name, name_len, value, value_len);
  if (rc == FCGIP_OK)
    fcgip__request_changed(request);
  return rc;
}

int fcgip_request_set_custom_var(fcgip_request *request, const char *name, const char *value)
{
  if (name == NULL || value == NULL)
    return FCGIP_EINVAL;
  return fcgip_request_set_custom_var_n(request, name, strlen(name), value, strlen(value));
}

int fcgip_request_reset_custom_vars(fcgip_request *request)
{
  if (request == NULL)
    return FCGIP_EINVAL;
  fcgip__vars_clear(&request->vars);
  fcgip__request_changed(request);
  return FCGIP_OK;
}

size_t fcgip_request_custom_var_count(const fcgip_request *request)
{
  return request != NULL ? request->vars.count : 0;
}

int fcgip_request_custom_var_at(const fcgip_request *request, size_t index, const char **name,
                                const char **value)
{
  if (request == NULL || name == NULL || value == NULL)
    return FCGIP_EINVAL;
  if (index >= request->vars.count)
    return FCGIP_ENOTFOUND;
  *name = request->vars.items[index].name;
  *value = request->vars.items[index].value;
  return FCGIP_OK;
}

int fcgip_request_allow_php_settings(fcgip_request *request, int yes)
{
  if (request == NULL)
    return FCGIP_EINVAL;
  request->php_settings_allowed = yes != 0;
  return FCGIP_OK;
}

/* "X-Some-Thing" becomes "HTTP_X_SOME_THING". */
static int header_variable(fcgip__buffer *out, const char *name)
{
  int rc = fcgip__buffer_add_text(out, "HTTP_");

  for (; *name != '\0' && rc == FCGIP_OK; name++) {
    char c = *name;

    if (c == '-')
      c = '_';
    else if (c >= 'a' && c <= 'z')
      c = (char)(c - 'a' + 'A');
    rc = fcgip__buffer_add_byte(out, (uint8_t)c);
  }
  return rc;
}

static int header_is_refused(const char *name, const char *value)
{
  static const char *const reserved[] = {"proxy", "content-type", "content-length"};
  size_t len = strlen(name), i;

  if (!fcgip__is_token(name, len) || memchr(name, '_', len) != NULL ||
      has_any(value, strlen(value), "\r\n", 2))
    return 1;
  for (i = 0; i < COUNT_OF(reserved); i++)
    if (fcgip__equal_nocase(name, len, reserved[i], strlen(reserved[i])))
      return 1;
  return 0;
}

int fcgip_request_add_http_header(fcgip_request *request, const char *name, const char *value)
{
  fcgip__buffer variable, joined;
  const fcgip__var *before;
  int rc;

  if (request == NULL || name == NULL || value == NULL || header_is_refused(name, value))
    return FCGIP_EINVAL;
  fcgip__buffer_init(&variable, &request->mem, FCGIP__PARAMS_MAX);
  fcgip__buffer_init(&joined, &request->mem, FCGIP__PARAMS_MAX);
  rc = header_variable(&variable, name);
  if (rc < 0)
    goto done;
  before = fcgip__vars_find(&request->vars, (const char *)variable.data, variable.len);
  if (before != NULL) {
    rc = fcgip__buffer_add(&joined, before->value, before->value_len);
    if (rc == FCGIP_OK) /* RFC 6265 section 5.4: cookies have a separator of their own */
      rc = fcgip__buffer_add_text(
          &joined, fcgip__equal_nocase(name, strlen(name), "cookie", 6) ? "; " : ", ");
  }
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(&joined, value);
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_custom_var_n(request, variable.data, variable.len,
                                        fcgip__buffer_text(&joined), joined.len);
done:
  fcgip__buffer_deinit(&variable);
  fcgip__buffer_deinit(&joined);
  return rc == FCGIP_ETOOLARGE ? FCGIP_EINVAL : rc;
}

static void pair_of(fcgip__pair *pair, const char *name, const char *value, size_t value_len)
{
  pair->name = name;
  pair->name_len = strlen(name);
  pair->value = value;
  pair->value_len = value_len;
}

static int is_ours_alone(enum fcgip__field field)
{
  return field == FCGIP__GATEWAY_INTERFACE || field == FCGIP__CONTENT_LENGTH;
}

static int is_field(const fcgip__var *var)
{
  return is_one_of(fcgip__field_names, FCGIP__FIELD_COUNT, var->name, var->name_len);
}

/* What the server finds behind the `?` of REQUEST_URI, unless QUERY_STRING was set (RFC 3875 section 4.1.7). */
static int derived_query(const fcgip_request *request, fcgip__pair *pair)
{
  const char *question = strchr(request->fields[FCGIP__REQUEST_URI].text, '?');

  if (question == NULL || fcgip__vars_find(&request->vars, "QUERY_STRING", 12) != NULL ||
      fcgip__vars_find(&request->vars, "REQUEST_URI", 11) != NULL)
    return 0;
  pair_of(pair, "QUERY_STRING", question + 1, strlen(question + 1));
  return 1;
}

void fcgip__request_visit(const fcgip_request *request, fcgip__visit_fn visit, void *context)
{
  fcgip__pair pair;
  size_t i;

  for (i = 0; i < FCGIP__FIELD_COUNT; i++) {
    const fcgip__var *custom = NULL;

    pair_of(&pair, fcgip__field_names[i], request->fields[i].text, request->fields[i].len);
    if (!is_ours_alone((enum fcgip__field)i))
      custom = fcgip__vars_find(&request->vars, pair.name, pair.name_len);
    if (custom != NULL)
      pair_of(&pair, pair.name, custom->value, custom->value_len);
    if (!visit(context, &pair))
      return;
  }
  for (i = 0; i < request->vars.count; i++) {
    const fcgip__var *var = &request->vars.items[i];

    if (is_field(var))
      continue;
    pair_of(&pair, var->name, var->value, var->value_len);
    if (!visit(context, &pair))
      return;
  }
  if (derived_query(request, &pair))
    visit(context, &pair);
}

typedef struct visit_at {
  size_t index; /* still to pass over */
  size_t count;
  fcgip__pair pair;
  int found;
} visit_at;

static int count_or_stop(void *context, const fcgip__pair *pair)
{
  visit_at *at = context;

  at->count++;
  if (at->index-- > 0)
    return 1;
  at->pair = *pair;
  at->found = 1;
  return 0;
}

size_t fcgip_request_param_count(const fcgip_request *request)
{
  visit_at at = {0};

  if (request == NULL)
    return 0;
  at.index = SIZE_MAX;
  fcgip__request_visit(request, count_or_stop, &at);
  return at.count;
}

int fcgip_request_param_at(const fcgip_request *request, size_t index, const char **name,
                           const char **value)
{
  visit_at at = {0};

  if (request == NULL || name == NULL || value == NULL)
    return FCGIP_EINVAL;
  at.index = index;
  fcgip__request_visit(request, count_or_stop, &at);
  if (!at.found)
    return FCGIP_ENOTFOUND;
  *name = at.pair.name;
  *value = at.pair.value;
  return FCGIP_OK;
}
