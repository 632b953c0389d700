#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "message/response.h"
#include "status/status_list.h"
#include "support/failing_allocator.h"

#define PAGE "{\"pool\":\"www\",\"memory peak\":12}"
#define OK_HEADERS "Content-Type: application/json\r\n\r\n"
#define FIRST "unix:///run/one.sock"
#define SECOND "tcp://127.0.0.1:9000"

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip_collection *collection;
} fixture;

static fixture fresh;

static int setup(void **state)
{
  const char *const addresses[] = {FIRST, SECOND};
  fcgip_endpoint *endpoints[2] = {NULL, NULL};
  fcgip_endpoint_options options;
  size_t i;
  int rc = FCGIP_OK;

  *state = &fresh;
  failing_allocator_init(&fresh.memory);
  memset(&options, 0, sizeof(options));
  options.struct_size = sizeof(options);
  options.allocator = &fresh.memory.hook;
  if (fcgip__mem_import(&fresh.mem, &fresh.memory.hook) != FCGIP_OK)
    return -1;
  for (i = 0; i < 2 && rc == FCGIP_OK; i++)
    rc = fcgip_endpoint_parse(&endpoints[i], addresses[i], &options);
  if (rc == FCGIP_OK)
    rc = fcgip_cluster_new(&fresh.collection, (const fcgip_endpoint *const *)endpoints, 2);
  fcgip_endpoint_free(endpoints[0]);
  fcgip_endpoint_free(endpoints[1]);
  return rc;
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip_collection_free(f->collection);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static fcgip_response *respond(fixture *f, const char *output)
{
  static const fcgip__response_limits limits = {1 << 16, 100, 1 << 16, 1 << 20, NULL};
  fcgip_response *response = fcgip__response_new(&f->mem, 1);

  assert_non_null(response);
  assert_int_equal(
      fcgip__response_add_output(response, &limits, (const uint8_t *)output, strlen(output)),
      FCGIP_OK);
  return response;
}

static fcgip_status_list *list_of(fixture *f, const fcgip_status_parser *parser)
{
  fcgip_status_list *list;

  assert_int_equal(fcgip__status_list_new(&list, &f->mem, f->collection, "/status?full&x", parser),
                   FCGIP_OK);
  return list;
}

/* Fills the second entry with this output, and returns it; the list is the caller's. */
static const fcgip_server_status *answered(fixture *f, fcgip_status_list **list,
                                           const fcgip_status_parser *parser, const char *output)
{
  fcgip_response *response = respond(f, output);

  *list = list_of(f, parser);
  fcgip__status_list_fill(*list, 1, response);
  fcgip_response_free(response);
  return fcgip_status_list_at(*list, 1);
}

static void has_an_entry_for_each_server(void **state)
{
  fixture *f = *state;
  fcgip_status_list *list = list_of(f, NULL);
  const fcgip_server_status *status = fcgip_status_list_at(list, 0);

  assert_int_equal(fcgip_status_list_count(list), 2);
  assert_string_equal(fcgip_endpoint_address(fcgip_server_status_endpoint(status)), FIRST);
  assert_int_equal(fcgip_server_status_error(status), FCGIP_ETIMEDOUT);
  assert_string_equal(fcgip_server_status_error_text(status), fcgip_strerror(FCGIP_ETIMEDOUT));
  assert_null(fcgip_server_status_response(status));
  assert_null(fcgip_server_status_php_fpm(status));
  assert_null(fcgip_server_status_value(status));
  status = fcgip_status_list_at(list, 1);
  assert_string_equal(fcgip_endpoint_address(fcgip_server_status_endpoint(status)), SECOND);
  assert_null(fcgip_status_list_at(list, 2));
  fcgip_status_list_free(list);
}

static void outlives_the_collection(void **state)
{
  fixture *f = *state;
  fcgip_status_list *list = list_of(f, NULL);

  fcgip_collection_free(f->collection);
  f->collection = NULL;
  assert_string_equal(
      fcgip_endpoint_address(fcgip_server_status_endpoint(fcgip_status_list_at(list, 1))), SECOND);
  fcgip_status_list_free(list);
}

static void reads_a_page(void **state)
{
  fcgip_status_list *list;
  const fcgip_server_status *status = answered(*state, &list, NULL, OK_HEADERS PAGE);
  const fcgip_php_fpm_status *php_fpm = fcgip_server_status_php_fpm(status);
  size_t len;

  assert_int_equal(fcgip_server_status_error(status), FCGIP_OK);
  assert_string_equal(fcgip_server_status_error_text(status), "");
  assert_string_equal(fcgip_php_fpm_status_pool_name(php_fpm), "www");
  assert_int_equal(fcgip_php_fpm_status_memory_peak(php_fpm), 12);
  assert_null(fcgip_server_status_value(status));
  assert_string_equal(fcgip_response_body(fcgip_server_status_response(status), &len), PAGE);
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 0)), FCGIP_ETIMEDOUT);
  fcgip_status_list_free(list);
}

static void says_what_to_check(void **state)
{
  static const struct {
    const char *output;
    int error;
    const char *text;
  } cases[] = {
      {"Status: 404 Not Found\r\nContent-type: text/html; charset=UTF-8\r\n\r\nFile not found.\n",
       FCGIP_ESTATUSPATH,
       SECOND ": there is no status page at \"/status\" (HTTP status 404): check that "
              "pm.status_path of this pool is exactly this path"},
      {"Status: 403 Forbidden\r\n\r\nAccess denied.\n", FCGIP_ESTATUSPATH,
       SECOND ": there is no status page at \"/status\" (HTTP status 403): check that "
              "pm.status_path of this pool is exactly this path"},
      {"Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\nServer busy. Please try "
       "again later.",
       FCGIP_ESTATUSFORMAT,
       SECOND ": the server cannot make a status page now at \"/status\" (HTTP status 503): it is "
              "busy; try again later"},
      {"Status: 500 Internal Server Error\r\n\r\nInternal error.", FCGIP_ESTATUSFORMAT,
       SECOND ": the server failed to make the status page at \"/status\" (HTTP status 500): its "
              "log says why"},
      {"Location: /other\r\n\r\n", FCGIP_ESTATUSFORMAT,
       SECOND ": the server answered something else than a status page at \"/status\" (HTTP status "
              "302): check that pm.status_path of this pool is exactly this path"},
      {"Content-Type: text/html\r\n\r\n<html>canary</html>", FCGIP_ESTATUSFORMAT,
       SECOND ": no complete status page of php-fpm in text, JSON, XML or OpenMetrics form at "
              "\"/status\" (HTTP status 200): check that pm.status_path of this pool is exactly "
              "this path"},
      /* The sentence alone is a script's to print, too. */
      {"Content-Type: text/plain\r\n\r\nFile not found.\n", FCGIP_ESTATUSFORMAT, NULL},
      {OK_HEADERS, FCGIP_ESTATUSFORMAT, NULL},
      {OK_HEADERS "{\"pool\":\"www\"", FCGIP_ESTATUSFORMAT, NULL},
      {"X-Powered-By: PHP/8.2.36\r\n\r\n", FCGIP_ESTATUSFORMAT, NULL},
  };
  size_t i;

  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    fcgip_status_list *list;
    const fcgip_server_status *status = answered(*state, &list, NULL, cases[i].output);

    assert_int_equal(fcgip_server_status_error(status), cases[i].error);
    if (cases[i].text != NULL)
      assert_string_equal(fcgip_server_status_error_text(status), cases[i].text);
    assert_null(fcgip_server_status_php_fpm(status));
    assert_non_null(fcgip_server_status_response(status));
    fcgip_status_list_free(list);
  }
}

static void escapes_the_path(void **state)
{
  fixture *f = *state;
  fcgip_response *response = respond(f, "Status: 404\r\n\r\n");
  fcgip_status_list *list;

  assert_int_equal(fcgip__status_list_new(&list, &f->mem, f->collection, "/a\x1b[2J\xff\\", NULL),
                   FCGIP_OK);
  fcgip__status_list_fill(list, 0, response);
  fcgip_response_free(response);
  assert_string_equal(fcgip_server_status_error_text(fcgip_status_list_at(list, 0)), FIRST
                      ": there is no status page at \"/a\\x1b[2J\\xff\\\\\" (HTTP status 404): "
                      "check that pm.status_path of this pool is exactly this path");
  fcgip_status_list_free(list);
}

static void passes_on_why_a_request_failed(void **state)
{
  fixture *f = *state;
  fcgip_response *response = respond(f, "");
  fcgip_status_list *list = list_of(f, NULL);
  const fcgip_server_status *status = fcgip_status_list_at(list, 0);

  response->error = FCGIP_ECONNECT;
  response->error_text = fcgip__mem_strndup(&f->mem, "it is not there", 15);
  fcgip__status_list_fill(list, 0, response);
  fcgip_response_free(response);
  assert_int_equal(fcgip_server_status_error(status), FCGIP_ECONNECT);
  assert_string_equal(fcgip_server_status_error_text(status), "it is not there");
  assert_non_null(fcgip_server_status_response(status));
  fcgip_status_list_free(list);
}

static void fails_without_a_response(void **state)
{
  fcgip_status_list *list = list_of(*state, NULL);
  const fcgip_server_status *first = fcgip_status_list_at(list, 0);
  const fcgip_server_status *second = fcgip_status_list_at(list, 1);

  fcgip__status_list_fail(list, 0, FCGIP_EQUEUEFULL, "a sentence");
  fcgip__status_list_fail(list, 1, FCGIP_ETIMEDOUT, NULL);
  assert_int_equal(fcgip_server_status_error(first), FCGIP_EQUEUEFULL);
  assert_string_equal(fcgip_server_status_error_text(first), "a sentence");
  assert_int_equal(fcgip_server_status_error(second), FCGIP_ETIMEDOUT);
  assert_string_equal(fcgip_server_status_error_text(second),
                      SECOND ": a timeout of the request passed");
  assert_null(fcgip_server_status_response(second));
  fcgip_status_list_free(list);
}

/* What the parser below was told to do, and what happened to it. */
typedef struct parsing {
  int rc;
  int has_value;
  int calls, frees;
  int http_status;
} parsing;

static int parse_fn(void **value, const fcgip_response *response, void *user_data)
{
  parsing *p = user_data;

  p->calls++;
  p->http_status = fcgip_response_status(response);
  *value = p->has_value ? p : NULL;
  return p->rc;
}

static void free_fn(void *value, void *user_data)
{
  parsing *p = user_data;

  if (value == user_data)
    p->frees++;
}

static fcgip_status_parser parser_of(parsing *p)
{
  fcgip_status_parser parser;

  memset(&parser, 0, sizeof(parser));
  parser.struct_size = sizeof(parser);
  parser.parse_fn = parse_fn;
  parser.free_fn = free_fn;
  parser.user_data = p;
  return parser;
}

static void runs_another_parser(void **state)
{
  parsing p = {FCGIP_OK, 1, 0, 0, 0};
  fcgip_status_parser parser = parser_of(&p);
  fcgip_status_list *list;
  /* HTTP statuses are the parser's to judge. */
  const fcgip_server_status *status =
      answered(*state, &list, &parser, "Status: 404\r\n\r\nanything");

  assert_int_equal(fcgip_server_status_error(status), FCGIP_OK);
  assert_ptr_equal(fcgip_server_status_value(status), &p);
  assert_null(fcgip_server_status_php_fpm(status));
  assert_int_equal(p.calls, 1);
  assert_int_equal(p.http_status, 404);
  assert_int_equal(p.frees, 0);
  fcgip_status_list_free(list);
  assert_int_equal(p.frees, 1);
}

static void a_parser_may_make_nothing(void **state)
{
  parsing p = {FCGIP_OK, 0, 0, 0, 0};
  fcgip_status_parser parser = parser_of(&p);
  fcgip_status_list *list;
  const fcgip_server_status *status = answered(*state, &list, &parser, OK_HEADERS);

  assert_int_equal(fcgip_server_status_error(status), FCGIP_OK);
  assert_null(fcgip_server_status_value(status));
  fcgip_status_list_free(list);
  assert_int_equal(p.frees, 0);

  p.has_value = 1;
  parser.free_fn = NULL;
  answered(*state, &list, &parser, OK_HEADERS);
  fcgip_status_list_free(list);
  assert_int_equal(p.frees, 0);
}

static void a_parser_may_refuse(void **state)
{
  parsing p = {FCGIP_ESTATUSPATH, 1, 0, 0, 0};
  fcgip_status_parser parser = parser_of(&p);
  fcgip_status_list *list;
  const fcgip_server_status *status = answered(*state, &list, &parser, OK_HEADERS);

  assert_int_equal(fcgip_server_status_error(status), FCGIP_ESTATUSPATH);
  assert_string_equal(fcgip_server_status_error_text(status),
                      SECOND ": the status parser did not accept the page at \"/status\" (HTTP "
                             "status 200): there is no status page at this path");
  assert_null(fcgip_server_status_value(status));
  fcgip_status_list_free(list);
  assert_int_equal(p.frees, 0);
}

static void a_parser_sees_no_failed_request(void **state)
{
  fixture *f = *state;
  parsing p = {FCGIP_OK, 1, 0, 0, 0};
  fcgip_status_parser parser = parser_of(&p);
  fcgip_response *response = respond(f, "");
  fcgip_status_list *list = list_of(f, &parser);

  response->error = FCGIP_EREAD;
  fcgip__status_list_fill(list, 1, response);
  fcgip_response_free(response);
  assert_int_equal(p.calls, 0);
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 1)), FCGIP_EREAD);
  fcgip_status_list_free(list);
}

static void refuses_parsers_that_cannot_be_right(void **state)
{
  struct {
    fcgip_status_parser parser;
    uint64_t newer;
  } larger;
  fixture *f = *state;
  parsing p = {FCGIP_OK, 1, 0, 0, 0};
  fcgip_status_parser parser = parser_of(&p);
  fcgip_status_list *list;

  parser.parse_fn = NULL;
  assert_int_equal(fcgip__status_list_new(&list, &f->mem, f->collection, "/", &parser),
                   FCGIP_EINVAL);
  assert_null(list);
  parser = parser_of(&p);
  parser.struct_size--;
  assert_int_equal(fcgip__status_list_new(&list, &f->mem, f->collection, "/", &parser),
                   FCGIP_EINVAL);
  parser = parser_of(&p);
  parser.flags = 1;
  assert_int_equal(fcgip__status_list_new(&list, &f->mem, f->collection, "/", &parser),
                   FCGIP_EINVAL);
  memset(&larger, 0, sizeof(larger));
  larger.parser = parser_of(&p);
  larger.parser.struct_size = sizeof(larger);
  larger.newer = 1;
  assert_int_equal(fcgip__status_list_new(&list, &f->mem, f->collection, "/", &larger.parser),
                   FCGIP_E2BIG);
  larger.newer = 0;
  assert_int_equal(fcgip__status_list_new(&list, &f->mem, f->collection, "/", &larger.parser),
                   FCGIP_OK);
  fcgip_status_list_free(list);
}

static void nothing_has_no_servers(void **state)
{
  (void)state;
  fcgip_status_list_free(NULL);
  assert_int_equal(fcgip_status_list_count(NULL), 0);
  assert_null(fcgip_status_list_at(NULL, 0));
  assert_int_equal(fcgip_server_status_error(NULL), FCGIP_EINVAL);
  assert_string_equal(fcgip_server_status_error_text(NULL), "");
  assert_null(fcgip_server_status_endpoint(NULL));
  assert_null(fcgip_server_status_response(NULL));
  assert_null(fcgip_server_status_php_fpm(NULL));
  assert_null(fcgip_server_status_value(NULL));
}

static void survives_want_of_memory(void **state)
{
  fixture *f = *state;
  fcgip_response *good = respond(f, OK_HEADERS PAGE);
  fcgip_response *bad = respond(f, "Status: 404\r\n\r\n");
  size_t live = f->memory.live_blocks;
  size_t nth;

  for (nth = 1;; nth++) {
    fcgip_status_list *list;
    const fcgip_server_status *status;
    int rc;

    failing_allocator_fail_at(&f->memory, nth, FAIL_FROM_THEN_ON);
    rc = fcgip__status_list_new(&list, &f->mem, f->collection, "/status", NULL);
    if (rc == FCGIP_OK) {
      fcgip__status_list_fill(list, 0, bad);
      fcgip__status_list_fill(list, 1, good);
      status = fcgip_status_list_at(list, 0);
      assert_int_equal(fcgip_server_status_error(status), FCGIP_ESTATUSPATH);
      assert_true(strstr(fcgip_server_status_error_text(status), "no status page at") != NULL);
      status = fcgip_status_list_at(list, 1);
      if (fcgip_server_status_error(status) != FCGIP_OK) {
        assert_int_equal(fcgip_server_status_error(status), FCGIP_ENOMEM);
        assert_string_equal(fcgip_server_status_error_text(status), "out of memory");
      }
    } else {
      assert_int_equal(rc, FCGIP_ENOMEM);
      assert_null(list);
    }
    fcgip_status_list_free(list);
    assert_int_equal(f->memory.live_blocks, live);
    if (f->memory.failures == 0)
      break;
  }
  assert_true(nth > 6);
  failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
  fcgip_response_free(good);
  fcgip_response_free(bad);
}

static void failing_needs_no_memory(void **state)
{
  fixture *f = *state;
  fcgip_status_list *list = list_of(f, NULL);

  failing_allocator_fail_at(&f->memory, 1, FAIL_FROM_THEN_ON);
  fcgip__status_list_fail(list, 0, FCGIP_ECANCELED, "text");
  fcgip__status_list_fail(list, 1, FCGIP_ETIMEDOUT, NULL);
  assert_string_equal(fcgip_server_status_error_text(fcgip_status_list_at(list, 0)),
                      fcgip_strerror(FCGIP_ECANCELED));
  assert_string_equal(fcgip_server_status_error_text(fcgip_status_list_at(list, 1)),
                      fcgip_strerror(FCGIP_ETIMEDOUT));
  failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
  fcgip_status_list_free(list);
}

/* With one allocation failing, the page is not read, but there is memory to say so. */
static void says_whose_page_there_was_no_memory_for(void **state)
{
  fixture *f = *state;
  fcgip_response *response = respond(f, OK_HEADERS PAGE);
  fcgip_status_list *list = list_of(f, NULL);

  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  fcgip__status_list_fill(list, 1, response);
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 1)), FCGIP_ENOMEM);
  assert_string_equal(fcgip_server_status_error_text(fcgip_status_list_at(list, 1)),
                      SECOND ": there is no memory to read the status page at \"/status\" (HTTP "
                             "status 200): out of memory");
  fcgip_response_free(response);
  fcgip_status_list_free(list);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(has_an_entry_for_each_server),
      TEST(outlives_the_collection),
      TEST(reads_a_page),
      TEST(says_what_to_check),
      TEST(escapes_the_path),
      TEST(passes_on_why_a_request_failed),
      TEST(fails_without_a_response),
      TEST(runs_another_parser),
      TEST(a_parser_may_make_nothing),
      TEST(a_parser_may_refuse),
      TEST(a_parser_sees_no_failed_request),
      TEST(refuses_parsers_that_cannot_be_right),
      TEST(nothing_has_no_servers),
      TEST(survives_want_of_memory),
      TEST(failing_needs_no_memory),
      TEST(says_whose_page_there_was_no_memory_for),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
