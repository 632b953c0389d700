#include "status/status_list.h"

#include <assert.h>
#include <string.h>

#include "base/buffer.h"
#include "base/options.h"
#include "base/text.h"
#include "collection/endpoint.h"
#include "fcgiproxy/error.h"
#include "status/php_fpm.h"

#define MAX_TEXT 8192u

struct fcgip_server_status {
  int error;
  char *text; /* NULL: as `constant_text` says */
  const char *constant_text;
  int is_filled;
  fcgip_endpoint *endpoint;
  fcgip_response *response;
  fcgip_php_fpm_status *php_fpm;
  void *value;
};

struct fcgip_status_list {
  fcgip__mem mem;
  fcgip_status_parser parser; /* parse_fn NULL: php-fpm's */
  char *path;                 /* without the query */
  size_t count;
  fcgip_server_status *servers;
};

/* What can be said of a page. */
typedef struct fcgip__status_finding {
  int error;
  const char *what; /* the path and the HTTP status follow */
  const char *advice;
} fcgip__status_finding;

static const char check_path[] = "check that pm.status_path of this pool is exactly this path";

static void set_error(fcgip_server_status *server, int error, char *text)
{
  server->error = error;
  server->text = text;
  server->constant_text = fcgip_strerror(error);
}

/* "tcp://127.0.0.1:9000: " */
static int add_address(fcgip__buffer *text, const fcgip_server_status *server)
{
  const char *address = fcgip_endpoint_address(server->endpoint);
  int rc = fcgip__buffer_add_escaped(text, address, strlen(address));

  return rc < 0 ? rc : fcgip__buffer_add_text(text, ": ");
}

/* The text, or NULL if there was no memory for all of it. */
static char *take_text(fcgip__buffer *text, int rc)
{
  size_t len;

  if (rc < 0) {
    fcgip__buffer_deinit(text);
    return NULL;
  }
  return (char *)fcgip__buffer_detach(text, &len);
}

static char *explain_finding(const fcgip_status_list *list, const fcgip_server_status *server,
                             const fcgip__status_finding *finding, int http_status)
{
  fcgip__buffer text;
  int rc;

  fcgip__buffer_init(&text, &list->mem, MAX_TEXT);
  rc = add_address(&text, server);
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(&text, finding->what);
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(&text, " \"");
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_escaped(&text, list->path, strlen(list->path));
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(&text, "\" (HTTP status ");
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_number(&text, http_status > 0 ? (uint64_t)http_status : 0);
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(&text, "): ");
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(&text, finding->advice);
  return take_text(&text, rc);
}

static char *explain_error(const fcgip_status_list *list, const fcgip_server_status *server,
                           int error)
{
  fcgip__buffer text;
  int rc;

  fcgip__buffer_init(&text, &list->mem, MAX_TEXT);
  rc = add_address(&text, server);
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(&text, fcgip_strerror(error));
  return take_text(&text, rc);
}

static void set_finding(const fcgip_status_list *list, fcgip_server_status *server,
                        const fcgip__status_finding *finding)
{
  int http_status = fcgip_response_status(server->response);

  set_error(server, finding->error, explain_finding(list, server, finding, http_status));
}

/* 1 if the HTTP status alone says that there is no page. Without that path php-fpm answers 404, or 403 where
 * security.limit_extensions forbids a script of that name; its sentence in the body is a script's to print, too. */
static int judge_http_status(int http_status, fcgip__status_finding *finding)
{
  finding->error = FCGIP_ESTATUSFORMAT;
  finding->advice = check_path;
  switch (http_status) {
  case 200:
    return 0;
  case 403:
  case 404:
    finding->error = FCGIP_ESTATUSPATH;
    finding->what = "there is no status page at";
    return 1;
  case 500:
    finding->what = "the server failed to make the status page at";
    finding->advice = "its log says why";
    return 1;
  case 503:
    finding->what = "the server cannot make a status page now at";
    finding->advice = "it is busy; try again later";
    return 1;
  default:
    finding->what = "the server answered something else than a status page at";
    return 1;
  }
}

static void read_php_fpm(const fcgip_status_list *list, fcgip_server_status *server)
{
  fcgip__status_finding finding;
  const void *page;
  size_t len;
  int rc;

  if (judge_http_status(fcgip_response_status(server->response), &finding)) {
    set_finding(list, server, &finding);
    return;
  }
  page = fcgip_response_body(server->response, &len);
  rc = fcgip__php_fpm_parse(&server->php_fpm, &list->mem, page, len,
                            fcgip_response_header(server->response, "Content-Type"));
  if (rc == FCGIP_OK) {
    server->error = FCGIP_OK;
    return;
  }
  finding.error = rc;
  finding.what = "no complete status page of php-fpm in text, JSON, XML or OpenMetrics form at";
  if (rc == FCGIP_ENOMEM) {
    finding.what = "there is no memory to read the status page at";
    finding.advice = fcgip_strerror(rc);
  }
  set_finding(list, server, &finding);
}

static void run_parser(const fcgip_status_list *list, fcgip_server_status *server)
{
  fcgip__status_finding finding;
  void *value = NULL;
  int rc = list->parser.parse_fn(&value, server->response, list->parser.user_data);

  if (rc >= 0) {
    server->error = FCGIP_OK;
    server->value = value;
    return;
  }
  finding.error = rc;
  finding.what = "the status parser did not accept the page at";
  finding.advice = fcgip_strerror(rc);
  set_finding(list, server, &finding);
}

void fcgip__status_list_fill(fcgip_status_list *list, size_t index, fcgip_response *response)
{
  fcgip_server_status *server = &list->servers[index];

  assert(index < list->count && !server->is_filled);
  server->is_filled = 1;
  server->response = fcgip_response_ref(response);
  if (fcgip_response_error(response) < 0) {
    set_error(server, fcgip_response_error(response), NULL);
    server->constant_text = fcgip_response_error_text(response); /* which lives as long as we do */
  } else if (list->parser.parse_fn != NULL) {
    run_parser(list, server);
  } else {
    read_php_fpm(list, server);
  }
}

void fcgip__status_list_fail(fcgip_status_list *list, size_t index, int error, const char *text)
{
  fcgip_server_status *server = &list->servers[index];

  assert(index < list->count && !server->is_filled);
  server->is_filled = 1;
  set_error(server, error,
            text != NULL ? fcgip__mem_strndup(&list->mem, text, strlen(text))
                         : explain_error(list, server, error));
}

static int import_parser(fcgip_status_list *list, const fcgip_status_parser *parser)
{
  int rc;

  if (parser == NULL)
    return FCGIP_OK;
  rc = fcgip__options_import(&list->parser, sizeof(list->parser), parser, sizeof(*parser));
  if (rc == FCGIP_OK && (list->parser.parse_fn == NULL || list->parser.flags != 0))
    rc = FCGIP_EINVAL;
  return rc;
}

static int add_servers(fcgip_status_list *list, const fcgip_collection *collection)
{
  size_t count = fcgip_collection_count(collection);
  size_t i;

  list->servers = fcgip__mem_calloc(&list->mem, count, sizeof(*list->servers));
  if (list->servers == NULL)
    return FCGIP_ENOMEM;
  list->count = count;
  for (i = 0; i < count; i++) {
    list->servers[i].endpoint = fcgip__endpoint_ref(fcgip_collection_endpoint(collection, i));
    set_error(&list->servers[i], FCGIP_ETIMEDOUT, NULL);
  }
  return FCGIP_OK;
}

int fcgip__status_list_new(fcgip_status_list **out, const fcgip__mem *mem,
                           const fcgip_collection *collection, const char *path,
                           const fcgip_status_parser *parser)
{
  fcgip_status_list *list = fcgip__mem_calloc(mem, 1, sizeof(*list));
  int rc;

  *out = NULL;
  if (list == NULL)
    return FCGIP_ENOMEM;
  list->mem = *mem;
  rc = import_parser(list, parser);
  if (rc == FCGIP_OK) {
    list->path = fcgip__mem_strndup(&list->mem, path, strcspn(path, "?"));
    rc = list->path != NULL ? add_servers(list, collection) : FCGIP_ENOMEM;
  }
  if (rc < 0) {
    fcgip_status_list_free(list);
    return rc;
  }
  *out = list;
  return FCGIP_OK;
}

static void free_server(const fcgip_status_list *list, fcgip_server_status *server)
{
  if (server->value != NULL && list->parser.free_fn != NULL)
    list->parser.free_fn(server->value, list->parser.user_data);
  fcgip__php_fpm_free(server->php_fpm);
  fcgip__mem_free(&list->mem, server->text);
  fcgip_response_free(server->response);
  fcgip_endpoint_free(server->endpoint);
}

void fcgip_status_list_free(fcgip_status_list *list)
{
  fcgip__mem mem;
  size_t i;

  if (list == NULL)
    return;
  mem = list->mem;
  for (i = 0; i < list->count; i++)
    free_server(list, &list->servers[i]);
  fcgip__mem_free(&mem, list->servers);
  fcgip__mem_free(&mem, list->path);
  fcgip__mem_free(&mem, list);
}

size_t fcgip_status_list_count(const fcgip_status_list *list)
{
  return list != NULL ? list->count : 0;
}

const fcgip_server_status *fcgip_status_list_at(const fcgip_status_list *list, size_t index)
{
  return list != NULL && index < list->count ? &list->servers[index] : NULL;
}

int fcgip_server_status_error(const fcgip_server_status *status)
{
  return status != NULL ? status->error : FCGIP_EINVAL;
}

const char *fcgip_server_status_error_text(const fcgip_server_status *status)
{
  if (status == NULL || status->error == FCGIP_OK)
    return "";
  return status->text != NULL ? status->text : status->constant_text;
}

const fcgip_endpoint *fcgip_server_status_endpoint(const fcgip_server_status *status)
{
  return status != NULL ? status->endpoint : NULL;
}

const fcgip_response *fcgip_server_status_response(const fcgip_server_status *status)
{
  return status != NULL ? status->response : NULL;
}

const fcgip_php_fpm_status *fcgip_server_status_php_fpm(const fcgip_server_status *status)
{
  return status != NULL ? status->php_fpm : NULL;
}

const void *fcgip_server_status_value(const fcgip_server_status *status)
{
  return status != NULL ? status->value : NULL;
}
