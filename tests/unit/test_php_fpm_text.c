/* STA-01, STA-03 and STA-04 of the conformance cases, for the text form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test_php_fpm_pages.h"

#define WITH_WORKER(uri, user, script) TEXT_POOL SEPARATOR TEXT_WORKER("1", uri, user, script)

static void reads_the_pool(void **state)
{
  fcgip_php_fpm_status *status = parsed(TEXT_POOL);

  (void)state;
  assert_pool(status);
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 0);
  assert_int_equal(fcgip_php_fpm_status_extra_count(status), 0);
  fcgip__php_fpm_free(status);
}

static void reads_workers(void **state)
{
  fcgip_php_fpm_status *status = parsed(TEXT_PAGE);

  (void)state;
  assert_pool(status);
  assert_both_workers(status);
  fcgip__php_fpm_free(status);
}

static void tells_absent_from_zero_in_old_versions(void **state)
{
  /* PHP 5.3.9 where the length of a socket's queue is not known. */
  fcgip_php_fpm_status *status = parsed("pool:                 www\n"
                                        "process manager:      static\n"
                                        "start time:           05/Jul/2011:01:02:03 +0530\n"
                                        "start since:          0\n"
                                        "accepted conn:        0\n"
                                        "idle processes:       0\n"
                                        "active processes:     1\n"
                                        "total processes:      1\n"
                                        "max active processes: 1\n"
                                        "max children reached: 0\n");

  (void)state;
  assert_string_equal(fcgip_php_fpm_status_process_manager(status), "static");
  assert_int_equal(fcgip_php_fpm_status_start_time(status), 1309807923);
  assert_true(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_MAX_CHILDREN_REACHED));
  assert_false(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_LISTEN_QUEUE));
  assert_false(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_MAX_LISTEN_QUEUE));
  assert_false(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_LISTEN_QUEUE_LENGTH));
  assert_false(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_SLOW_REQUESTS));
  fcgip__php_fpm_free(status);
}

static void reads_the_memory_peak_of_php_84(void **state)
{
  fcgip_php_fpm_status *status = parsed(TEXT_POOL "memory peak:          2097152\n");

  (void)state;
  assert_true(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_MEMORY_PEAK));
  assert_int_equal(fcgip_php_fpm_status_memory_peak(status), 2097152);
  fcgip__php_fpm_free(status);
}

static void keeps_unknown_rows_of_the_pool(void **state)
{
  fcgip_php_fpm_status *status = parsed("reused processes:     12\n" TEXT_POOL
                                        "a key that is longer than it: x: y \nempty:\n");
  const char *key, *value;

  (void)state;
  assert_pool(status);
  assert_int_equal(fcgip_php_fpm_status_extra_count(status), 3);
  assert_int_equal(fcgip_php_fpm_status_extra(status, 0, &key, &value), FCGIP_OK);
  assert_string_equal(key, "reused processes");
  assert_string_equal(value, "12");
  assert_int_equal(fcgip_php_fpm_status_extra(status, 1, &key, &value), FCGIP_OK);
  assert_string_equal(key, "a key that is longer than it");
  assert_string_equal(value, "x: y ");
  assert_int_equal(fcgip_php_fpm_status_extra(status, 2, &key, &value), FCGIP_OK);
  assert_string_equal(key, "empty");
  assert_string_equal(value, "");
  assert_int_equal(fcgip_php_fpm_status_extra(status, 3, &key, &value), FCGIP_ENOTFOUND);
  fcgip__php_fpm_free(status);
}

static void reads_rows_of_a_fork_in_another_order(void **state)
{
  fcgip_php_fpm_status *status =
      parsed(TEXT_POOL SEPARATOR "pid:                  1\n"
                                 "client:               127.0.0.1\n"
                                 "last request cpu:     12.50\n"
                                 "last request memory:  2097152\n"
                                 "script:               /s.php\n"
                                 "client:               again\n"
                                 "state:                Running\n"
                                 "start time:           23/Nov/2026:10:28:46 +0000\n"
                                 "start since:          57\n"
                                 "requests:             11\n"
                                 "request duration:     500956\n"
                                 "request method:       GET\n"
                                 "request URI:          /\n"
                                 "content length:       12\n"
                                 "user:                 me\n"
                                 "reused:               1\n");

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 1);
  assert_worker(status, 0, 1, "/", "me", "/s.php");
  fcgip__php_fpm_free(status);
}

static void reads_rows_that_are_not_padded(void **state)
{
  fcgip_php_fpm_status *status =
      parsed("pool: www\ntotal processes: 1\n" SEPARATOR
             "pid: 9\nstate: Idle\nstart time: 5\nstart since: 1\nrequests: 2\n"
             "request duration: 3\nrequest method: -\nrequest URI: -\ncontent length: 0\nuser: -\n"
             "script: -\nlast request memory: 4\n");
  const fcgip_php_fpm_process *process = fcgip_php_fpm_status_process(status, 0);

  (void)state;
  assert_int_equal(fcgip_php_fpm_process_pid(process), 9);
  assert_int_equal(fcgip_php_fpm_process_last_request_memory(process), 4);
  assert_true(fcgip_php_fpm_process_last_request_cpu(process) == 0);
  fcgip__php_fpm_free(status);
}

static void clamps_numbers(void **state)
{
  fcgip_php_fpm_status *status =
      parsed("pool: www\ntotal processes: -1\nstart since: 18446744073709551616\n"
             "accepted conn: 9223372036854775808\nlisten queue: 007\nslow requests: 12.9\n");

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_total_processes(status), 0);
  assert_true(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_TOTAL_PROCESSES));
  assert_true(fcgip_php_fpm_status_start_since(status) == UINT64_MAX);
  assert_true(fcgip_php_fpm_status_accepted_connections(status) == 1ull << 63);
  assert_int_equal(fcgip_php_fpm_status_listen_queue(status), 7);
  assert_int_equal(fcgip_php_fpm_status_slow_requests(status), 12);
  fcgip__php_fpm_free(status);
}

static void takes_the_first_of_doubled_rows(void **state)
{
  fcgip_php_fpm_status *status = parsed(TEXT_POOL "pool:                 other\n"
                                                  "slow requests:        99\n");

  (void)state;
  assert_pool(status);
  fcgip__php_fpm_free(status);
}

static void refuses_what_is_no_page(void **state)
{
  (void)state;
  assert_refused("");
  assert_refused("\n");
  assert_refused("pong");
  assert_refused("pong\n");
  assert_refused("File not found.\n");
  assert_refused("pool: www\n");
  assert_refused("total processes: 1\n");
  assert_refused(": www\ntotal processes: 1\n");
  assert_refused("pool: www\ntotal processes: many\n");
  assert_refused("pool: www\ntotal processes:\n");
  assert_refused("pool: www\ntotal processes: 1e400\n");
  assert_refused("pool: www\nstart time: yesterday\ntotal processes: 1\n");
  assert_refused(TEXT_POOL "garbage\n");
  assert_refused(TEXT_POOL SEPARATOR);
  assert_refused(TEXT_POOL SEPARATOR "pid: \n");
  assert_refused(TEXT_POOL SEPARATOR "pid: 1\n");
  assert_refused(TEXT_POOL SEPARATOR "pid: 1x\n");
  assert_refused("x\n");
  assert_refused(TEXT_POOL SEPARATOR "state: Idle\n");
  assert_refused(TEXT_POOL "************************\npid:                  1\n");
}

/* Nothing that is cut off in a line or in a worker is read. Where only whole rows behind "total processes" are
 * missing, or whole workers, it cannot be told. */
static void refuses_truncated_pages(void **state)
{
  static const char page[] = TEXT_PAGE;
  const size_t pool_len = strlen(TEXT_POOL);
  const size_t two_len = strlen(page);
  const size_t one_len = two_len - strlen(SEPARATOR TEXT_WORKER("13205", "/status?full", "-", "-"));
  const size_t needed_len = (size_t)(strstr(page, "max active") - page);
  size_t len;

  (void)state;
  for (len = 0; len <= two_len; len++) {
    fcgip_php_fpm_status *status;
    fcgip__mem mem;
    int rc;

    assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
    rc = parse_bytes(&status, &mem, page, len, "text/plain;charset=UTF-8");
    if (len >= needed_len && len <= pool_len + 1 && page[len - 1] == '\n')
      assert_int_equal(rc, FCGIP_OK);
    else if (len == one_len || len == one_len + 1 || len == two_len)
      assert_int_equal(fcgip_php_fpm_status_process_count(status), len == two_len ? 2 : 1);
    else
      assert_int_equal(rc, FCGIP_ESTATUSFORMAT);
    fcgip__php_fpm_free(status);
  }
}

static void is_not_misled_by_line_feeds(void **state)
{
#define FORGED_START "/" SEPARATOR "pid:                  99\nstate:                Idle"
#define FORGED_SHORT                                                                               \
  "/" SEPARATOR "pid:99\nstate:-\nstart time:0\nstart since:0\nrequests:0\nrequest duration:0\n"   \
  "request method:-\nrequest URI:-\ncontent length:0\nuser:-\nscript:-\nlast request memory:0"
#define SEPARATORS "-\n" SEPARATOR SEPARATOR "\n\n************************"
  (void)state;
  assert_only_worker(WITH_WORKER(FORGED_START, "-", "-"), FORGED_START, "-", "-");
  assert_only_worker(WITH_WORKER("/", FORGED_START, "-"), "/", FORGED_START, "-");
  assert_only_worker(WITH_WORKER("/", "-", FORGED_START), "/", "-", FORGED_START);
  assert_only_worker(WITH_WORKER("/", "-", FORGED_SHORT), "/", "-", FORGED_SHORT);
  assert_only_worker(WITH_WORKER(FORGED_SHORT, "-", "-"), FORGED_SHORT, "-", "-");
  assert_only_worker(WITH_WORKER(SEPARATORS, SEPARATORS, SEPARATORS), SEPARATORS, SEPARATORS,
                     SEPARATORS);
  assert_only_worker(WITH_WORKER("a\n\n\n", "\n\n", ":\n: "), "a\n\n\n", "\n\n", ":\n: ");
  assert_only_worker(WITH_WORKER("/", "a:b:c", "script: x"), "/", "a:b:c", "script: x");
  assert_only_worker(WITH_WORKER("  /", " x ", "\r"), "  /", " x ", "\r");
  /* A field's row with a value that is none. */
  assert_only_worker(WITH_WORKER("/\ncontent length:       many", "-", "-"),
                     "/\ncontent length:       many", "-", "-");
  /* A row that is a text's, and there already. */
  assert_only_worker(WITH_WORKER("/\nstate:                Idle", "-", "-"),
                     "/\nstate:                Idle", "-", "-");
}

static void half_a_forged_worker_ends_the_page(void **state)
{
  (void)state;
  /* The second one would lack what php-fpm prints before a URI. */
  assert_refused(WITH_WORKER("/\ncontent length:       0\nuser:                 -\n"
                             "script:               -\nlast request memory:  0\n" SEPARATOR
                             "pid:                  99",
                             "me", "s.php"));
}

static void only_php_fpms_rows_end_a_text(void **state)
{
  (void)state;
  /* Padded, but no key that php-fpm or a fork would print. */
  assert_only_worker(WITH_WORKER("/\nA1:                   x", "-\n[x]:                  x", "-"),
                     "/\nA1:                   x", "-\n[x]:                  x", "-");
  assert_only_worker(WITH_WORKER("/\na-b_C:                x", "-", "-\n{:                    x"),
                     "/", "-", "-\n{:                    x");
  assert_only_worker(WITH_WORKER("/\npid:", "-\nuser", "-\n:"), "/\npid:", "-\nuser", "-\n:");
}

static void stores_any_bytes(void **state)
{
  static const char page[] = TEXT_POOL SEPARATOR TEXT_WORKER("1", "/\0\xff\x80\t", "-", "\0");
  fcgip_php_fpm_status *status;
  fcgip__mem mem;

  (void)state;
  assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
  assert_int_equal(parse_bytes(&status, &mem, page, sizeof(page) - 1, NULL), FCGIP_OK);
  assert_worker(status, 0, 1, "/\xef\xbf\xbd\xff\x80\t", "-", "\xef\xbf\xbd");
  fcgip__php_fpm_free(status);
}

static void reads_many_workers_and_long_values(void **state)
{
  fcgip_php_fpm_status *status;
  const fcgip_php_fpm_process *process;

  (void)state;
  assert_int_equal(
      parse_repeated(&status, TEXT_POOL, SEPARATOR TEXT_WORKER("1", "/", "-\n", "\n-"), 10000, ""),
      FCGIP_OK);
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 10000);
  assert_worker(status, 9999, 1, "/", "-\n", "\n-");
  fcgip__php_fpm_free(status);
  assert_int_equal(parse_repeated(&status, TEXT_POOL SEPARATOR "pid:                  1\nuser: ",
                                  SEPARATOR, 100000, "\n"),
                   FCGIP_ESTATUSFORMAT);
  assert_int_equal(parse_repeated(&status, TEXT_POOL SEPARATOR TEXT_WORKER("1", "/", "-", "-"),
                                  SEPARATOR "pid:                  x\n", 100000, "\n"),
                   FCGIP_OK);
  process = fcgip_php_fpm_status_process(status, 0);
  assert_string_equal(fcgip_php_fpm_process_script(process), "-");
  fcgip__php_fpm_free(status);
}

static void survives_any_change(void **state)
{
  (void)state;
  survives_changes(TEXT_PAGE);
}

static void survives_want_of_memory(void **state)
{
  (void)state;
  survives_failing_allocations(TEXT_PAGE);
  survives_failing_allocations(WITH_WORKER(LONG_TEXT, "-", "-"));
  survives_failing_allocations(WITH_WORKER("/", "-", LONG_TEXT));
  survives_failing_allocations("extra: 1\n" TEXT_POOL);
  survives_failing_allocations("extra: " LONG_TEXT "\n" TEXT_POOL);
  survives_failing_allocations(LONG_TEXT ": 1\n" TEXT_POOL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_the_pool),
      cmocka_unit_test(reads_workers),
      cmocka_unit_test(tells_absent_from_zero_in_old_versions),
      cmocka_unit_test(reads_the_memory_peak_of_php_84),
      cmocka_unit_test(keeps_unknown_rows_of_the_pool),
      cmocka_unit_test(reads_rows_of_a_fork_in_another_order),
      cmocka_unit_test(reads_rows_that_are_not_padded),
      cmocka_unit_test(clamps_numbers),
      cmocka_unit_test(takes_the_first_of_doubled_rows),
      cmocka_unit_test(refuses_what_is_no_page),
      cmocka_unit_test(refuses_truncated_pages),
      cmocka_unit_test(is_not_misled_by_line_feeds),
      cmocka_unit_test(half_a_forged_worker_ends_the_page),
      cmocka_unit_test(only_php_fpms_rows_end_a_text),
      cmocka_unit_test(stores_any_bytes),
      cmocka_unit_test(reads_many_workers_and_long_values),
      cmocka_unit_test(survives_any_change),
      cmocka_unit_test(survives_want_of_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
