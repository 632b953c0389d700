/* STA-01 to STA-04 of the conformance cases, for the JSON form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test_php_fpm_pages.h"

#define WITH_WORKER(uri, user, script) JSON_FULL(JSON_WORKER("1", uri, user, script))

static void reads_the_pool(void **state)
{
  fcgip_php_fpm_status *status = parsed(JSON_POOL "}");

  (void)state;
  assert_pool(status);
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 0);
  fcgip__php_fpm_free(status);
}

static void reads_workers(void **state)
{
  fcgip_php_fpm_status *status = parsed(JSON_PAGE);

  (void)state;
  assert_pool(status);
  assert_both_workers(status);
  fcgip__php_fpm_free(status);
}

static void reads_it_with_white_space(void **state)
{
  fcgip_php_fpm_status *status = parsed(
      "\r\n {\t\"pool\" : \"www\" ,\n\"POOL\":\"x\", \"Memory Peak\" : 12 , \"processes\" : [ "
      "{ \"pid\" : 1 } , {\n\"pid\":\"2\"} ] , \"slow requests\" : \"7\" } \n");

  (void)state;
  assert_string_equal(fcgip_php_fpm_status_pool_name(status), "www");
  assert_int_equal(fcgip_php_fpm_status_memory_peak(status), 12);
  assert_int_equal(fcgip_php_fpm_status_slow_requests(status), 7);
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 2);
  assert_int_equal(fcgip_php_fpm_process_pid(fcgip_php_fpm_status_process(status, 1)), 2);
  assert_string_equal(fcgip_php_fpm_process_user(fcgip_php_fpm_status_process(status, 1)), "");
  fcgip__php_fpm_free(status);
}

static void reads_no_workers(void **state)
{
  fcgip_php_fpm_status *status = parsed(JSON_FULL(""));

  (void)state;
  assert_pool(status);
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 0);
  fcgip__php_fpm_free(status);
}

static void keeps_unknown_keys_of_the_pool_only(void **state)
{
  fcgip_php_fpm_status *status = parsed(
      JSON_POOL ",\"reused processes\":12,\"list\":[1,{\"a\":[\"]\"]}],\"is\\u0020it\":true,"
                "\"text\":\"a\\tb\", \"object\":{}, \"processes\":[{\"pid\":1,\"client\":\"::1\","
                "\"more\":{\"pid\":[2]},\"user\":\"me\"}]}");
  const char *key, *value;

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_extra_count(status), 3);
  assert_int_equal(fcgip_php_fpm_status_extra(status, 0, &key, &value), FCGIP_OK);
  assert_string_equal(key, "reused processes");
  assert_string_equal(value, "12");
  assert_int_equal(fcgip_php_fpm_status_extra(status, 1, &key, &value), FCGIP_OK);
  assert_string_equal(key, "is\\u0020it");
  assert_string_equal(value, "true");
  assert_int_equal(fcgip_php_fpm_status_extra(status, 2, &key, &value), FCGIP_OK);
  assert_string_equal(key, "text");
  assert_string_equal(value, "a\tb");
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 1);
  assert_string_equal(fcgip_php_fpm_process_user(fcgip_php_fpm_status_process(status, 0)), "me");
  fcgip__php_fpm_free(status);
}

static void decodes_escapes(void **state)
{
  (void)state;
  assert_only_worker(
      WITH_WORKER("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\\u0041\\u00e9\\u20AC\\ud83d\\ude00", "\\u0000"),
      "\"\\/\b\f\n\r\t", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xef\xbf\xbd");
  /* Halves of pairs. */
  assert_only_worker(WITH_WORKER("\\ud83d", "\\ude00x", "\\ud83d\\u0041\\ud83d\\ud83d\\ude00"),
                     "\xef\xbf\xbd", "\xef\xbf\xbdx",
                     "\xef\xbf\xbd"
                     "A\xef\xbf\xbd\xf0\x9f\x98\x80");
  /* Bytes that JSON wants escaped, or that are no UTF-8. */
  assert_only_worker(WITH_WORKER("a\nb\x01", "\xff\xc3", "\x7f"), "a\nb\x01", "\xff\xc3", "\x7f");
}

static void keeps_escapes_that_there_are_not(void **state)
{
  (void)state;
  assert_only_worker(WITH_WORKER("\\x41", "\\u12", "C:\\www\\u00zz"), "\\x41", "\\u12",
                     "C:\\www\\u00zz");
  assert_only_worker(WITH_WORKER("\\ud83d\\ue000", "\\ud83d\\u00zz", "\\ud83d\\u0g00\\u"),
                     "\xef\xbf\xbd\xee\x80\x80", "\xef\xbf\xbd\\u00zz", "\xef\xbf\xbd\\u0g00\\u");
  assert_only_worker(WITH_WORKER("/?x=\\", "\\", "-\\\\"), "/?x=\\", "\\", "-\\");
}

/* As PHP before 8.1.20 prints it. */
static void reads_quotes_that_are_not_escaped(void **state)
{
  (void)state;
  assert_only_worker(WITH_WORKER("/sl\"<&>ow.php?a=\"b\"&c=<d>\\", "\"", "\"\""), HOSTILE_URI, "\"",
                     "\"\"");
  assert_only_worker(WITH_WORKER("/?q={\"a\":\"b\",\"c\":[1,\"2\"]}", "\"}", "}]}"),
                     "/?q={\"a\":\"b\",\"c\":[1,\"2\"]}", "\"}", "}]}");
  assert_only_worker(WITH_WORKER("\",", "\":", "\"]"), "\",", "\":", "\"]");
  assert_only_worker(WITH_WORKER("\"", "\"\n", "a\" , \"pid\" : 2"), "\"", "\"\n",
                     "a\" , \"pid\" : 2");
}

static void forged_workers_do_not_count(void **state)
{
#define HALF "/\"},{\"pid\":99,\"state\":\"Idle"
#define QUARTER "\",\"pid\":98,\"user\":\"root\"},{\"pid\":99,\"script\":\""
#define EMPTY "\"},{},{\"\":\""
  (void)state;
  assert_only_worker(WITH_WORKER(HALF, "-", "-"), HALF, "-", "-");
  assert_only_worker(WITH_WORKER("-", HALF, "-"), "-", HALF, "-");
  assert_only_worker(WITH_WORKER("-", "-", HALF), "-", "-", HALF);
  assert_only_worker(WITH_WORKER(QUARTER, "-", QUARTER), QUARTER, "-", QUARTER);
  assert_only_worker(WITH_WORKER(EMPTY, EMPTY, EMPTY), EMPTY, EMPTY, EMPTY);
}

/* A client can spoil the text that it sent, but not the other fields, and not the page. */
static void forged_fields_stay_in_their_text(void **state)
{
#define USER "/\",\"user\":\"root"
#define STATE "/\",\"state\":\"Idle\",\"user\":\"root"
#define LENGTH "/\",\"content length\":5"
#define END "-\",\"last request cpu\":1,\"last request memory\":2}]}"
  (void)state;
  assert_only_worker(WITH_WORKER(USER, "-", "-"), USER, "-", "-");
  assert_only_worker(WITH_WORKER(STATE, "-", "-"), STATE, "-", "-");
  assert_only_worker(WITH_WORKER(LENGTH, LENGTH, LENGTH), LENGTH, LENGTH, LENGTH);
  assert_only_worker(WITH_WORKER(END, END, END), END, END, END);
}

/* A part that looks as php-fpm prints it from text to text: the texts are wrong, the count is not. */
static void forged_parts_do_not_add_workers(void **state)
{
  fcgip_php_fpm_status *status =
      parsed(JSON_FULL(JSON_WORKER("1", "/\",\"content length\":5,\"user\":\"root", "-",
                                   "-") "," JSON_WORKER("2", "/", "-", "-")));
  const fcgip_php_fpm_process *process = fcgip_php_fpm_status_process(status, 0);

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 2);
  assert_int_equal(fcgip_php_fpm_process_pid(process), 1);
  assert_int_equal(fcgip_php_fpm_process_content_length(process), 5);
  assert_string_equal(fcgip_php_fpm_process_user(process),
                      "root\",\"content length\":12,\"user\":\"-");
  assert_worker(status, 1, 2, "/", "-", "-");
  fcgip__php_fpm_free(status);
}

/* A row that was in php-fpm for a while, and is in builds to this day. */
static void reads_quotes_in_pages_of_a_fork(void **state)
{
  fcgip_php_fpm_status *status =
      parsed(JSON_FULL(JSON_WORKER("1,\"client\":\"::1\"", "\"/\"", "-", "-") "," JSON_WORKER(
          "2,\"client\":\"::1\"", "/", "\"", "\"") "," JSON_WORKER("3,\"reused\":1", "/", "-",
                                                                   "-")));

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 3);
  assert_worker(status, 0, 1, "\"/\"", "-", "-");
  assert_worker(status, 1, 2, "/", "\"", "\"");
  assert_worker(status, 2, 3, "/", "-", "-");
  fcgip__php_fpm_free(status);
}

/* What cannot be told: on versions that do not escape, a text with a whole worker in it. */
static void a_whole_forged_worker_is_one(void **state)
{
  fcgip_php_fpm_status *status = parsed(WITH_WORKER(
      "/\",\"content length\":12,\"user\":\"-\",\"script\":\"-\",\"last request cpu\":12.5,"
      "\"last request memory\":2097152},{\"pid\":99,\"state\":\"Idle\",\"start time\":1,"
      "\"start since\":1,\"requests\":1,\"request duration\":1,\"request method\":\"-\","
      "\"request uri\":\"/",
      "-", "-"));

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 2);
  fcgip__php_fpm_free(status);
}

static void refuses_workers_that_differ(void **state)
{
  (void)state;
  assert_refused("{\"pool\":\"www\",\"processes\":[{\"pid\":1},{\"pid\":2,\"state\":\"Idle\"}]}");
  assert_refused("{\"pool\":\"www\",\"processes\":[{\"state\":\"Idle\"}]}");
  assert_refused("{\"pool\":\"www\",\"processes\":[{\"pid\":1,\"pid\":2}]}");
  assert_refused("{\"pool\":\"www\",\"processes\":[{}]}");
}

static void takes_the_first_of_doubled_keys(void **state)
{
  fcgip_php_fpm_status *status = parsed(JSON_POOL ",\"pool\":\"x\",\"slow requests\":8}");

  (void)state;
  assert_pool(status);
  fcgip__php_fpm_free(status);
}

static void clamps_numbers(void **state)
{
  fcgip_php_fpm_status *status =
      parsed("{\"pool\":\"www\",\"start since\":99999999999999999999999,\"listen queue\":-1,"
             "\"max listen queue\":9223372036854775808,\"slow requests\":007,"
             "\"start time\":99999999999999999999,\"processes\":[{\"pid\":-9223372036854775809,"
             "\"request duration\":18446744073709551616,\"last request cpu\":1234.5678,"
             "\"start time\":-5}]}");
  const fcgip_php_fpm_process *process = fcgip_php_fpm_status_process(status, 0);

  (void)state;
  assert_true(fcgip_php_fpm_status_start_since(status) == UINT64_MAX);
  assert_true(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_LISTEN_QUEUE));
  assert_int_equal(fcgip_php_fpm_status_listen_queue(status), 0);
  assert_true(fcgip_php_fpm_status_max_listen_queue(status) == 1ull << 63);
  assert_int_equal(fcgip_php_fpm_status_slow_requests(status), 7);
  assert_true(fcgip_php_fpm_status_start_time(status) == INT64_MAX);
  assert_true(fcgip_php_fpm_process_pid(process) == INT64_MIN);
  assert_true(fcgip_php_fpm_process_request_duration(process) == UINT64_MAX);
  assert_int_equal(fcgip_php_fpm_process_start_time(process), -5);
  assert_true(fcgip_php_fpm_process_last_request_cpu(process) > 1234.5677);
  assert_true(fcgip_php_fpm_process_last_request_cpu(process) < 1234.5679);
  fcgip__php_fpm_free(status);
}

static void refuses_what_is_no_page(void **state)
{
  static const char *const pages[] = {
      "{}",
      "{\"a\":1}",
      "[]",
      "{\"pool\":\"www\"",
      "{\"pool\":\"www\"}}",
      "{\"pool\":\"www\"}x",
      "{\"pool\":\"www\",}",
      "{\"pool\":\"www\" \"start since\":1}",
      "{\"pool\" \"www\"}",
      "{\"pool\":}",
      "{pool:\"www\"}",
      "{\"pool\":\"www\",\"start since\":1e400}",
      "{\"pool\":\"www\",\"start since\":null}",
      "{\"pool\":\"www\",\"start since\":\"\"}",
      "{\"pool\":\"www\",\"start since\":1.}",
      "{\"pool\":\"www\",\"start since\":+1}",
      "{\"pool\":\"www\",\"start since\":~}",
      "{\"pool\":\"www\",\"start since\":-}",
      "{\"pool\":\"www\",\"processes\":1}",
      "{\"pool\":\"www\",\"processes\":{}}",
      "{\"pool\":\"www\",\"processes\":[1]}",
      "{\"pool\":\"www\",\"processes\":[{\"pid\":1},]}",
      "{\"pool\":\"www\",\"processes\":[{\"pid\":1}{\"pid\":1}]}",
      "{\"pool\":\"www\",\"processes\":[{\"pid\":1,}]}",
      "{\"pool\":\"www\",\"processes\":[{\"pid\":[1]}]}",
      "{\"pool\":\"www\",\"processes\":[{\"pid\":1,\"x\":[}]}",
      "{\"pool\":\"www\",\"processes\":[{\"pid\":1,\"x\":[\"}]}",
      "{\"pool\":\"www\",\"processes\":[{\"pid\":1,\"x\":[",
      "{\"pool\":\"www\",\"processes\":[{\"pid\":\"x\"}]}",
      "{\"pool\":\"www\",\"processes\":[{\"pid\":1}],\"processes\":[{\"pid\":1}]}",
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
    assert_refused(pages[i]);
}

static void refuses_truncated_pages(void **state)
{
  (void)state;
  assert_no_prefix_is_read(JSON_PAGE, "application/json");
  assert_no_prefix_is_read(JSON_PAGE, NULL);
  assert_no_prefix_is_read(WITH_WORKER("\"a\"", "b\"", "-"), "application/json");
}

static void bounds_the_depth(void **state)
{
#define DEEP "{\"pool\":\"www\",\"deep\":"
#define OPEN8 "[[[[[[[["
#define CLOSE8 "]]]]]]]]"
#define CLOSE64 CLOSE8 CLOSE8 CLOSE8 CLOSE8 CLOSE8 CLOSE8 CLOSE8 CLOSE8
  fcgip_php_fpm_status *status;

  (void)state;
  assert_int_equal(parse_repeated(&status, DEEP, OPEN8, 8, CLOSE64 "}"), FCGIP_OK);
  fcgip__php_fpm_free(status);
  assert_int_equal(parse_repeated(&status, DEEP "[", OPEN8, 8, CLOSE64 "]}"), FCGIP_ESTATUSFORMAT);
  assert_int_equal(parse_repeated(&status, DEEP, "{\"a\":", 10000, "}"), FCGIP_ESTATUSFORMAT);
}

static void reads_100000_workers(void **state)
{
  fcgip_php_fpm_status *status;

  (void)state;
  assert_int_equal(parse_repeated(&status, JSON_POOL ",\"processes\":[",
                                  JSON_WORKER("1", "/", "-", "-") ",", 99999,
                                  JSON_WORKER("2", "/", "-", "-") "]}"),
                   FCGIP_OK);
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 100000);
  assert_worker(status, 99998, 1, "/", "-", "-");
  assert_worker(status, 99999, 2, "/", "-", "-");
  fcgip__php_fpm_free(status);
}

static void reads_10000_workers_as_printed(void **state)
{
  fcgip_php_fpm_status *status;

  (void)state;
  assert_int_equal(parse_repeated(&status, JSON_POOL ",\"processes\":[",
                                  JSON_WORKER("1", "\"/\"", "-", "-") ",", 9999,
                                  JSON_WORKER("2", "/", "-", "-") "]}"),
                   FCGIP_OK);
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 10000);
  assert_worker(status, 9998, 1, "\"/\"", "-", "-");
  fcgip__php_fpm_free(status);
}

static void refuses_more_than_a_million_workers(void **state)
{
  fcgip_php_fpm_status *status;

  (void)state;
  assert_int_equal(parse_repeated(&status, JSON_POOL ",\"processes\":[", "{\"pid\":1},", 1000000,
                                  "{\"pid\":1}]}"),
                   FCGIP_ESTATUSFORMAT);
}

static void reads_long_values(void **state)
{
#define LONG JSON_POOL ",\"processes\":[{\"pid\":1,\"user\":\""
  static const char *const fills[] = {
      "\"", "\" ", "\",\"", "\\", "\\u0000", "\",\"user\":", "\",\"content length\":1"};
  fcgip_php_fpm_status *status;
  size_t i;

  (void)state;
  assert_int_equal(parse_repeated(&status, LONG, "1234567890", 1 << 20, "\"}]}"), FCGIP_OK);
  assert_int_equal(strlen(fcgip_php_fpm_process_user(fcgip_php_fpm_status_process(status, 0))),
                   10 << 20);
  fcgip__php_fpm_free(status);
  /* What makes the reader look ahead, over and over. */
  for (i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
    parse_repeated(&status, LONG, fills[i], 100000, "\"}]}");
    fcgip__php_fpm_free(status);
  }
}

static void survives_any_change(void **state)
{
  (void)state;
  survives_changes(JSON_PAGE);
}

static void survives_want_of_memory(void **state)
{
  (void)state;
  survives_failing_allocations(JSON_PAGE);
  survives_failing_allocations(WITH_WORKER("\"\\", "\\u0000", "-"));
  survives_failing_allocations(WITH_WORKER(LONG_TEXT "\\x", LONG_TEXT LONG_TEXT "\\/", "-"));
  survives_failing_allocations(JSON_POOL ",\"more\":\"x\"}");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_the_pool),
      cmocka_unit_test(reads_workers),
      cmocka_unit_test(reads_it_with_white_space),
      cmocka_unit_test(reads_no_workers),
      cmocka_unit_test(keeps_unknown_keys_of_the_pool_only),
      cmocka_unit_test(decodes_escapes),
      cmocka_unit_test(keeps_escapes_that_there_are_not),
      cmocka_unit_test(reads_quotes_that_are_not_escaped),
      cmocka_unit_test(forged_workers_do_not_count),
      cmocka_unit_test(forged_fields_stay_in_their_text),
      cmocka_unit_test(forged_parts_do_not_add_workers),
      cmocka_unit_test(reads_quotes_in_pages_of_a_fork),
      cmocka_unit_test(a_whole_forged_worker_is_one),
      cmocka_unit_test(refuses_workers_that_differ),
      cmocka_unit_test(takes_the_first_of_doubled_keys),
      cmocka_unit_test(clamps_numbers),
      cmocka_unit_test(refuses_what_is_no_page),
      cmocka_unit_test(refuses_truncated_pages),
      cmocka_unit_test(bounds_the_depth),
      cmocka_unit_test(reads_100000_workers),
      cmocka_unit_test(reads_10000_workers_as_printed),
      cmocka_unit_test(refuses_more_than_a_million_workers),
      cmocka_unit_test(reads_long_values),
      cmocka_unit_test(survives_any_change),
      cmocka_unit_test(survives_want_of_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
