/* STA-03 and STA-04 of the conformance cases, for the OpenMetrics form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test_php_fpm_pages.h"

#define SMALL(rest) METRICS_UP METRIC("total_processes", "2") rest "# EOF\n"

static void reads_the_pool(void **state)
{
  fcgip_php_fpm_status *status = parsed(METRICS_PAGE);

  (void)state;
  assert_pool_but_start(status);
  assert_false(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_START_TIME));
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 0);
  assert_int_equal(fcgip_php_fpm_status_extra_count(status), 0);
  fcgip__php_fpm_free(status);
}

static void reads_a_page_of_php_811_without_its_end(void **state)
{
  fcgip_php_fpm_status *status =
      parsed(METRICS_UP METRIC("total_processes", "2") METRIC("slow_requests", "7"));

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_slow_requests(status), 7);
  fcgip__php_fpm_free(status);
}

static void reads_the_memory_peak_of_php_84(void **state)
{
  fcgip_php_fpm_status *status = parsed(SMALL(METRIC("memory_peak", "2097152")));

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_memory_peak(status), 2097152);
  fcgip__php_fpm_free(status);
}

static void reads_names_of_pools(void **state)
{
#define NAMED(pool, manager)                                                                       \
  "# HELP phpfpm_up Could pool " pool " using a " manager " PM on PHP-FPM be reached?\n"           \
  "phpfpm_up 1\nphpfpm_total_processes 1\n# EOF\n"
  static const struct {
    const char *page, *pool, *manager;
  } cases[] = {
      {NAMED("a using a b", "ondemand"), "a using a b", "ondemand"},
      {NAMED("x PM on PHP-FPM be reached?", "static"), "x PM on PHP-FPM be reached?", "static"},
      {NAMED("\xff", "s"), "\xff", "s"},
      {"# HELP phpfpm_up Could it?\nphpfpm_up 1\nphpfpm_total_processes 1\n", "", ""},
      {"# HELP phpfpm_up Could pool x PM on PHP-FPM be reached?\nphpfpm_up 1\n"
       "phpfpm_total_processes 1\n",
       "", ""},
      {"# HELP phpfpm_up Could pool x\nphpfpm_up 1\nphpfpm_total_processes 1\n", "", ""},
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    fcgip_php_fpm_status *status = parsed(cases[i].page);

    assert_string_equal(fcgip_php_fpm_status_pool_name(status), cases[i].pool);
    assert_string_equal(fcgip_php_fpm_status_process_manager(status), cases[i].manager);
    assert_int_equal(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_POOL_NAME),
                     cases[i].pool[0] != '\0');
    fcgip__php_fpm_free(status);
  }
}

static void keeps_unknown_metrics(void **state)
{
  fcgip_php_fpm_status *status =
      parsed(SMALL("phpfpm_process_requests{pid=\"1\",uri=\"}\\\" x\"} 5 1795429725\n\n"
                   "other 1.5e3\nphpfpm_slow_requests{pool=\"www\"} 7\n# UNIT x y\n"));
  const char *key, *value;

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_slow_requests(status), 7);
  assert_int_equal(fcgip_php_fpm_status_extra_count(status), 2);
  assert_int_equal(fcgip_php_fpm_status_extra(status, 0, &key, &value), FCGIP_OK);
  assert_string_equal(key, "phpfpm_process_requests{pid=\"1\",uri=\"}\\\" x\"}");
  assert_string_equal(value, "5");
  assert_int_equal(fcgip_php_fpm_status_extra(status, 1, &key, &value), FCGIP_OK);
  assert_string_equal(key, "other");
  assert_string_equal(value, "1.5e3");
  fcgip__php_fpm_free(status);
}

static void clamps_numbers(void **state)
{
  fcgip_php_fpm_status *status = parsed(SMALL(METRIC("start_since", "18446744073709551616") METRIC(
      "listen_queue", "-1") METRIC("idle_processes", "3.0")));

  (void)state;
  assert_true(fcgip_php_fpm_status_start_since(status) == UINT64_MAX);
  assert_int_equal(fcgip_php_fpm_status_listen_queue(status), 0);
  assert_int_equal(fcgip_php_fpm_status_idle_processes(status), 3);
  fcgip__php_fpm_free(status);
}

static void refuses_what_is_no_page(void **state)
{
  static const char *const pages[] = {
      "# EOF\n",
      "# comment\n",
      METRICS_UP "# EOF\n",
      "# HELP x\nphpfpm_total_processes 1\n# EOF\n",
      SMALL("") "\n",
      SMALL("") "phpfpm_slow_requests 1\n",
      SMALL("phpfpm_slow_requests\n"),
      SMALL("phpfpm_slow_requests \n"),
      SMALL("phpfpm_slow_requests many\n"),
      SMALL("phpfpm_slow_requests 1e400\n"),
      SMALL("phpfpm_slow_requests{pool=\"}\" 1\n"),
      SMALL("phpfpm_slow_requests{pool=\"\\"),
      SMALL("phpfpm_slow_requests{pool=\"\\\n"),
      SMALL("phpfpm_slow_requests{\\} \n"),
      SMALL("{} 1\n"),
      SMALL("<html>\n"),
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
    assert_refused(pages[i]);
}

/* Where whole lines behind the processes are missing, it cannot be told. */
static void refuses_truncated_pages(void **state)
{
  static const char page[] = METRICS_PAGE;
  const size_t needed_len = (size_t)(strstr(page, "# HELP phpfpm_max_active") - page);
  fcgip_php_fpm_status *status;
  fcgip__mem mem;
  size_t len;

  (void)state;
  assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
  for (len = 0; len <= strlen(page); len++) {
    int is_whole = len >= needed_len && page[len - 1] == '\n';

    assert_int_equal(parse_bytes(&status, &mem, page, len,
                                 "application/openmetrics-text; version=1.0.0; charset=utf-8"),
                     is_whole ? FCGIP_OK : FCGIP_ESTATUSFORMAT);
    fcgip__php_fpm_free(status);
  }
}

static void survives_any_change(void **state)
{
  (void)state;
  survives_changes(METRICS_PAGE);
}

static void survives_want_of_memory(void **state)
{
  (void)state;
  survives_failing_allocations(METRICS_PAGE);
  survives_failing_allocations(SMALL("more{a=\"b\"} 1\n"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_the_pool),
      cmocka_unit_test(reads_a_page_of_php_811_without_its_end),
      cmocka_unit_test(reads_the_memory_peak_of_php_84),
      cmocka_unit_test(reads_names_of_pools),
      cmocka_unit_test(keeps_unknown_metrics),
      cmocka_unit_test(clamps_numbers),
      cmocka_unit_test(refuses_what_is_no_page),
      cmocka_unit_test(refuses_truncated_pages),
      cmocka_unit_test(survives_any_change),
      cmocka_unit_test(survives_want_of_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
