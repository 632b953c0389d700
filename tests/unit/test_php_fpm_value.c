#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "status/php_fpm_value.h"

/* In a block of exactly its size. */
static char *exact(const char *text)
{
  char *copy = malloc(strlen(text) > 0 ? strlen(text) : 1);

  assert_non_null(copy);
  memcpy(copy, text, strlen(text));
  return copy;
}

static void reads_counts(void **state)
{
  static const struct {
    const char *text;
    int rc;
    uint64_t value;
  } cases[] = {
      {"0", 0, 0},
      {"007", 0, 7},
      {"18446744073709551615", 0, UINT64_MAX},
      {"18446744073709551616", 0, UINT64_MAX},
      {"99999999999999999999999999", 0, UINT64_MAX},
      {"-1", 0, 0},
      {"-0", 0, 0},
      {"1.99", 0, 1},
      {"", -1, 0},
      {"-", -1, 0},
      {"+1", -1, 0},
      {" 1", -1, 0},
      {"1 ", -1, 0},
      {"1.", -1, 0},
      {".5", -1, 0},
      {"1e3", -1, 0},
      {"1e400", -1, 0},
      {"0x10", -1, 0},
      {"nan", -1, 0},
      {"--1", -1, 0},
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char *text = exact(cases[i].text);
    uint64_t value = 0;

    assert_int_equal(fcgip__status_count(text, strlen(cases[i].text), &value), cases[i].rc);
    if (cases[i].rc == 0)
      assert_true(value == cases[i].value);
    free(text);
  }
}

static void reads_signed_numbers(void **state)
{
  static const struct {
    const char *text;
    int rc;
    int64_t value;
  } cases[] = {
      {"15866", 0, 15866},
      {"-5", 0, -5},
      {"9223372036854775807", 0, INT64_MAX},
      {"9223372036854775808", 0, INT64_MAX},
      {"18446744073709551616", 0, INT64_MAX},
      {"-9223372036854775807", 0, -INT64_MAX},
      {"-9223372036854775808", 0, INT64_MIN},
      {"-9223372036854775809", 0, INT64_MIN},
      {"x", -1, 0},
      {"", -1, 0},
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char *text = exact(cases[i].text);
    int64_t value = 0;

    assert_int_equal(fcgip__status_signed(text, strlen(cases[i].text), &value), cases[i].rc);
    if (cases[i].rc == 0)
      assert_true(value == cases[i].value);
    free(text);
  }
}

static void reads_decimals(void **state)
{
  static const struct {
    const char *text;
    int rc;
    double value;
  } cases[] = {
      {"0.00", 0, 0.0},
      {"12.50", 0, 12.5},
      {"12,50", 0, 12.5},
      {"199.98", 0, 199.98},
      {"0.01", 0, 0.01},
      {"-3.25", 0, -3.25},
      {"100", 0, 100.0},
      {"18446744073709551616.5", 0, 18446744073709551616.0},
      {"0.3333333333333333333333333333333", 0, 1.0 / 3},
      {"1.", -1, 0},
      {"1.2.3", -1, 0},
      {".5", -1, 0},
      {"inf", -1, 0},
      {"", -1, 0},
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char *text = exact(cases[i].text);
    double value = 0;
    double difference;

    assert_int_equal(fcgip__status_decimal(text, strlen(cases[i].text), &value), cases[i].rc);
    difference = value - cases[i].value;
    if (cases[i].rc == 0)
      assert_true(difference < 1e-12 && difference > -1e-12);
    free(text);
  }
}

static void reads_times(void **state)
{
  /* The seconds are date(1)'s. */
  static const struct {
    const char *text;
    int rc;
    int64_t value;
  } cases[] = {
      {"1795369135", 0, 1795369135},
      {"22/Nov/2026:17:38:55 +0000", 0, 1795369135},
      {"22/Nov/2026:17:38:55 +0530", 0, 1795349335},
      {"22/Nov/2026:17:38:55 -0800", 0, 1795397935},
      {"22/Nov/2026:17:38:55 ", 0, 1795369135},
      {"22/Nov/2026:17:38:55", 0, 1795369135},
      {"01/Jan/1970:00:00:00 +0000", 0, 0},
      {"31/Dec/1969:23:59:59 +0000", 0, -1},
      {"01/Jan/1900:00:00:00 +0000", 0, -2208988800},
      {"29/Feb/2024:12:00:00 +0000", 0, 1709208000},
      {"01/Mar/2024:00:00:00 +0000", 0, 1709251200},
      {"29/Feb/2000:00:00:00 +0000", 0, 951782400},
      {"31/Dec/2000:23:59:60 +0000", 0, 978307200},
      {"01/Jan/2038:00:00:00 +1400", 0, 2145866400},
      {"31/Dec/9999:23:59:59 +0000", 0, 253402300799},
      {"29/Feb/2026:00:00:00 +0000", -1, 0},
      {"29/Feb/2100:00:00:00 +0000", -1, 0},
      {"31/Apr/2026:00:00:00 +0000", -1, 0},
      {"00/Jan/2026:00:00:00 +0000", -1, 0},
      {"1/Jan/2026:00:00:00 +0000", -1, 0},
      {"01/jan/2026:00:00:00 +0000", -1, 0},
      {"01/M\xc3\xa4r/2026:00:00:00 +0000", -1, 0},
      {"01/Jan/0000:00:00:00 +0000", -1, 0},
      {"01/Jan/2026:24:00:00 +0000", -1, 0},
      {"01/Jan/2026:00:60:00 +0000", -1, 0},
      {"01/Jan/2026:00:00:61 +0000", -1, 0},
      {"01/Jan/2026:00:00:00 0000", -1, 0},
      {"01/Jan/2026:00:00:00 +00:0", -1, 0},
      {"01/Jan/2026:00:00:00 +0060", -1, 0},
      {"01/Jan/2026:00:00:00 +00000", -1, 0},
      {"01/Jan/2026:00:00:00 +000", -1, 0},
      {"01/Jan/2026:00:00:00 +", -1, 0},
      {"/", -1, 0},
      {"", -1, 0},
  };
  size_t i, len;

  (void)state;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char *text = exact(cases[i].text);
    int64_t value = 0;

    assert_int_equal(fcgip__status_time(text, strlen(cases[i].text), &value), cases[i].rc);
    if (cases[i].rc == 0)
      assert_true(value == cases[i].value);
    free(text);
  }
  for (len = 3; len < strlen("22/Nov/2026:17:38:55"); len++) {
    char *text = exact(cases[1].text);
    int64_t value;

    assert_int_equal(fcgip__status_time(text, len, &value), -1);
    free(text);
  }
}

/* Day by day through four centuries, against a count that knows nothing of the formula. */
static void counts_every_day(void **state)
{
  static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t expected = 0;
  int year, month, day;

  (void)state;
  for (year = 1970; year < 2370; year++) {
    int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    for (month = 0; month < 12; month++) {
      for (day = 1; day <= days[month] + (month == 1 ? leap : 0); day++) {
        char text[] = "00/xxx/0000:00:00:00 +0000";
        int64_t value;

        text[0] = (char)('0' + day / 10);
        text[1] = (char)('0' + day % 10);
        memcpy(text + 3, months[month], 3);
        text[7] = (char)('0' + year / 1000);
        text[8] = (char)('0' + year / 100 % 10);
        text[9] = (char)('0' + year / 10 % 10);
        text[10] = (char)('0' + year % 10);
        assert_int_equal(fcgip__status_time(text, strlen(text), &value), 0);
        assert_true(value == expected);
        expected += 86400;
      }
    }
  }
}

static void writes_utf8(void **state)
{
  static const struct {
    uint32_t code;
    const char *bytes;
  } cases[] = {
      {0x41, "A"},
      {0x7f, "\x7f"},
      {0x80, "\xc2\x80"},
      {0x7ff, "\xdf\xbf"},
      {0x800, "\xe0\xa0\x80"},
      {0xd7ff, "\xed\x9f\xbf"},
      {0xd800, "\xef\xbf\xbd"},
      {0xdfff, "\xef\xbf\xbd"},
      {0xe000, "\xee\x80\x80"},
      {0xffff, "\xef\xbf\xbf"},
      {0x10000, "\xf0\x90\x80\x80"},
      {0x10ffff, "\xf4\x8f\xbf\xbf"},
      {0x110000, "\xef\xbf\xbd"},
      {UINT32_MAX, "\xef\xbf\xbd"},
  };
  fcgip__mem mem;
  size_t i;

  (void)state;
  assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    fcgip__buffer buffer;

    fcgip__buffer_init(&buffer, &mem, 4);
    assert_int_equal(fcgip__status_add_utf8(&buffer, cases[i].code), FCGIP_OK);
    assert_string_equal(fcgip__buffer_text(&buffer), cases[i].bytes);
    fcgip__buffer_deinit(&buffer);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_counts),     cmocka_unit_test(reads_signed_numbers),
      cmocka_unit_test(reads_decimals),   cmocka_unit_test(reads_times),
      cmocka_unit_test(counts_every_day), cmocka_unit_test(writes_utf8),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
