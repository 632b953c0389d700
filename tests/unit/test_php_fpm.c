/* The choice of the format, and what is the same in all of them. STA-05 of the conformance cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test_php_fpm_pages.h"

#define HTML_PAGE                                                                                  \
  "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" "                                    \
  "\"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd\">\n"                                       \
  "<html xmlns=\"http://www.w3.org/1999/xhtml\" xml:lang=\"en\" lang=\"en\">\n"                    \
  "<head><title>PHP-FPM Status Page</title></head>\n<body>\n<table>\n"                             \
  "<tr><th>pool</th><td>www</td></tr>\n</table>\n</body></html>"

static int parse_as(const char *page, const char *type)
{
  fcgip_php_fpm_status *status;
  fcgip__mem mem;
  int rc;

  assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
  rc = parse_bytes(&status, &mem, page, strlen(page), type);
  if (rc == FCGIP_OK)
    assert_string_equal(fcgip_php_fpm_status_pool_name(status), "www");
  fcgip__php_fpm_free(status);
  return rc;
}

static void finds_the_format_by_content_type(void **state)
{
  (void)state;
  assert_int_equal(parse_as(TEXT_PAGE, "text/plain;charset=UTF-8"), FCGIP_OK);
  assert_int_equal(parse_as(TEXT_PAGE, "TEXT/plain"), FCGIP_OK);
  assert_int_equal(parse_as(JSON_PAGE, "application/json"), FCGIP_OK);
  assert_int_equal(parse_as(JSON_PAGE, "Application/JSON ; charset=utf-8"), FCGIP_OK);
  assert_int_equal(parse_as(XML_PAGE, "text/xml;charset=UTF-8"), FCGIP_OK);
  assert_int_equal(parse_as(XML_PAGE, "application/xml"), FCGIP_OK);
  assert_int_equal(
      parse_as(METRICS_PAGE, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
      FCGIP_OK);
}

static void a_content_type_is_believed(void **state)
{
  (void)state;
  assert_int_equal(parse_as(TEXT_PAGE, "application/json"), FCGIP_ESTATUSFORMAT);
  assert_int_equal(parse_as(TEXT_PAGE, "application/openmetrics-text"), FCGIP_ESTATUSFORMAT);
  assert_int_equal(parse_as(TEXT_PAGE, "text/xml"), FCGIP_ESTATUSFORMAT);
  assert_int_equal(parse_as(XML_PAGE, "application/json"), FCGIP_ESTATUSFORMAT);
  assert_int_equal(parse_as(JSON_PAGE, "application/xml"), FCGIP_ESTATUSFORMAT);
  assert_int_equal(parse_as(TEXT_PAGE, "text/html"), FCGIP_ESTATUSFORMAT);
  assert_int_equal(parse_as(XML_PAGE, "application/xhtml+xml"), FCGIP_ESTATUSFORMAT);
}

static void finds_the_format_by_its_beginning(void **state)
{
  static const char *const types[] = {NULL,         "",  "text/plain", "application/octet-stream",
                                      "text/htmlx", ";", "json"};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
    assert_int_equal(parse_as(TEXT_PAGE, types[i]), FCGIP_OK);
    assert_int_equal(parse_as(JSON_PAGE, types[i]), FCGIP_OK);
    assert_int_equal(parse_as(XML_PAGE, types[i]), FCGIP_OK);
    assert_int_equal(parse_as(METRICS_PAGE, types[i]), FCGIP_OK);
    assert_int_equal(parse_as(HTML_PAGE, types[i]), FCGIP_ESTATUSFORMAT);
    assert_int_equal(parse_as("File not found.\n", types[i]), FCGIP_ESTATUSFORMAT);
    assert_int_equal(parse_as("pong", types[i]), FCGIP_ESTATUSFORMAT);
    assert_int_equal(parse_as("Server busy. Please try again later.", types[i]),
                     FCGIP_ESTATUSFORMAT);
    assert_int_equal(parse_as("", types[i]), FCGIP_ESTATUSFORMAT);
    assert_int_equal(parse_as(" \n\n", types[i]), FCGIP_ESTATUSFORMAT);
  }
  assert_int_equal(parse_as(HTML_PAGE, "text/html;charset=UTF-8"), FCGIP_ESTATUSFORMAT);
}

static void says_what_is_there(void **state)
{
  fcgip_php_fpm_status *status = parsed("{\"pool\":\"\",\"memory peak\":0}");
  int field;

  (void)state;
  for (field = FCGIP_PHP_FPM_POOL_NAME; field <= FCGIP_PHP_FPM_MEMORY_PEAK; field++)
    assert_int_equal(fcgip_php_fpm_status_has(status, field),
                     field == FCGIP_PHP_FPM_POOL_NAME || field == FCGIP_PHP_FPM_MEMORY_PEAK);
  assert_false(fcgip_php_fpm_status_has(status, 0));
  assert_false(fcgip_php_fpm_status_has(status, -1));
  assert_false(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_MEMORY_PEAK + 1));
  assert_false(fcgip_php_fpm_status_has(status, 33));
  assert_string_equal(fcgip_php_fpm_status_pool_name(status), "");
  assert_string_equal(fcgip_php_fpm_status_process_manager(status), "");
  fcgip__php_fpm_free(status);
}

static void absent_fields_of_a_worker_are_zero(void **state)
{
  fcgip_php_fpm_status *status = parsed("{\"pool\":\"www\",\"processes\":[{\"pid\":7}]}");
  const fcgip_php_fpm_process *process = fcgip_php_fpm_status_process(status, 0);

  (void)state;
  assert_int_equal(fcgip_php_fpm_process_pid(process), 7);
  assert_string_equal(fcgip_php_fpm_process_state(process), "");
  assert_int_equal(fcgip_php_fpm_process_start_time(process), 0);
  assert_int_equal(fcgip_php_fpm_process_start_since(process), 0);
  assert_int_equal(fcgip_php_fpm_process_requests(process), 0);
  assert_int_equal(fcgip_php_fpm_process_request_duration(process), 0);
  assert_string_equal(fcgip_php_fpm_process_request_method(process), "");
  assert_string_equal(fcgip_php_fpm_process_request_uri(process), "");
  assert_int_equal(fcgip_php_fpm_process_content_length(process), 0);
  assert_string_equal(fcgip_php_fpm_process_user(process), "");
  assert_string_equal(fcgip_php_fpm_process_script(process), "");
  assert_true(fcgip_php_fpm_process_last_request_cpu(process) == 0);
  assert_int_equal(fcgip_php_fpm_process_last_request_memory(process), 0);
  fcgip__php_fpm_free(status);
}

static void nothing_has_no_fields(void **state)
{
  const char *key, *value;

  (void)state;
  fcgip__php_fpm_free(NULL);
  assert_false(fcgip_php_fpm_status_has(NULL, FCGIP_PHP_FPM_POOL_NAME));
  assert_string_equal(fcgip_php_fpm_status_pool_name(NULL), "");
  assert_string_equal(fcgip_php_fpm_status_process_manager(NULL), "");
  assert_int_equal(fcgip_php_fpm_status_start_time(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_start_since(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_accepted_connections(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_listen_queue(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_max_listen_queue(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_listen_queue_length(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_idle_processes(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_active_processes(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_total_processes(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_max_active_processes(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_max_children_reached(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_slow_requests(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_memory_peak(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_extra_count(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_extra(NULL, 0, &key, &value), FCGIP_EINVAL);
  assert_int_equal(fcgip_php_fpm_status_process_count(NULL), 0);
  assert_null(fcgip_php_fpm_status_process(NULL, 0));
  assert_int_equal(fcgip_php_fpm_process_pid(NULL), 0);
  assert_string_equal(fcgip_php_fpm_process_state(NULL), "");
  assert_int_equal(fcgip_php_fpm_process_start_time(NULL), 0);
  assert_int_equal(fcgip_php_fpm_process_start_since(NULL), 0);
  assert_int_equal(fcgip_php_fpm_process_requests(NULL), 0);
  assert_int_equal(fcgip_php_fpm_process_request_duration(NULL), 0);
  assert_string_equal(fcgip_php_fpm_process_request_method(NULL), "");
  assert_string_equal(fcgip_php_fpm_process_request_uri(NULL), "");
  assert_int_equal(fcgip_php_fpm_process_content_length(NULL), 0);
  assert_string_equal(fcgip_php_fpm_process_user(NULL), "");
  assert_string_equal(fcgip_php_fpm_process_script(NULL), "");
  assert_true(fcgip_php_fpm_process_last_request_cpu(NULL) == 0);
  assert_int_equal(fcgip_php_fpm_process_last_request_memory(NULL), 0);
}

static void extras_need_a_place_to_go_to(void **state)
{
  fcgip_php_fpm_status *status = parsed("{\"pool\":\"www\",\"a\":1}");
  const char *text;

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_extra(status, 0, NULL, &text), FCGIP_EINVAL);
  assert_int_equal(fcgip_php_fpm_status_extra(status, 0, &text, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_php_fpm_status_extra(status, 1, &text, &text), FCGIP_ENOTFOUND);
  fcgip__php_fpm_free(status);
}

static void bounds_the_number_of_extras(void **state)
{
  fcgip_php_fpm_status *status;

  (void)state;
  assert_int_equal(parse_repeated(&status, "{\"pool\":\"www\"", ",\"a\":1", 256, "}"), FCGIP_OK);
  assert_int_equal(fcgip_php_fpm_status_extra_count(status), 256);
  fcgip__php_fpm_free(status);
  assert_int_equal(
      parse_repeated(&status, "{\"pool\":\"www\"", ",\"a\":1", 257, ",\"memory peak\":9}"),
      FCGIP_OK);
  assert_int_equal(fcgip_php_fpm_status_extra_count(status), 256);
  assert_int_equal(fcgip_php_fpm_status_memory_peak(status), 9);
  fcgip__php_fpm_free(status);
}

static void bounds_the_size_of_extras(void **state)
{
  static const struct {
    const char *before, *after;
    size_t count, kept;
  } cases[] = {
      {"{\"pool\":\"www\",\"", "\":1}", 256, 1},
      {"{\"pool\":\"www\",\"", "\":1}", 257, 0},
      {"{\"pool\":\"www\",\"a\":\"", "\"}", 4096, 1},
      {"{\"pool\":\"www\",\"a\":\"", "\"}", 4097, 0},
  };
  fcgip_php_fpm_status *status;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    assert_int_equal(parse_repeated(&status, cases[i].before, "x", cases[i].count, cases[i].after),
                     FCGIP_OK);
    assert_int_equal(fcgip_php_fpm_status_extra_count(status), cases[i].kept);
    fcgip__php_fpm_free(status);
  }
}

/* However often a page is read, and whatever its length, it takes what its values take, not its square. */
static void takes_memory_as_the_page_does(void **state)
{
  failing_allocator memory;
  fcgip_php_fpm_status *status;
  fcgip__mem mem;
  size_t len;
  char *page = repeated(JSON_POOL ",\"processes\":[", JSON_WORKER("1", "\\u0000", "\"", "-") ",",
                        9999, JSON_WORKER("1", "/", "-", "-") "]}", &len);

  (void)state;
  failing_allocator_init(&memory);
  assert_int_equal(fcgip__mem_import(&mem, &memory.hook), FCGIP_OK);
  assert_int_equal(fcgip__php_fpm_parse(&status, &mem, page, len, NULL), FCGIP_OK);
  free(page);
  assert_true(memory.total_calls < 50);
  assert_true(memory.peak_bytes < 3 * len);
  fcgip__php_fpm_free(status);
  assert_int_equal(memory.live_blocks, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_the_format_by_content_type),
      cmocka_unit_test(a_content_type_is_believed),
      cmocka_unit_test(finds_the_format_by_its_beginning),
      cmocka_unit_test(says_what_is_there),
      cmocka_unit_test(absent_fields_of_a_worker_are_zero),
      cmocka_unit_test(nothing_has_no_fields),
      cmocka_unit_test(extras_need_a_place_to_go_to),
      cmocka_unit_test(bounds_the_number_of_extras),
      cmocka_unit_test(bounds_the_size_of_extras),
      cmocka_unit_test(takes_memory_as_the_page_does),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
