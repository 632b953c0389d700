#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "fcgiproxy/error.h"
#include "support/failing_allocator.h"

static int equal(const char *a, const char *b)
{
  return fcgip__equal_nocase(a, strlen(a), b, strlen(b));
}

static void knows_ascii_letters_and_digits_only(void **state)
{
  int i;

  (void)state;
  for (i = 0; i < 256; i++) {
    int upper = i >= 'A' && i <= 'Z';

    assert_int_equal((uint8_t)fcgip__lower((char)i), upper ? i + 32 : i);
    assert_int_equal(fcgip__is_digit((char)i), i >= '0' && i <= '9');
  }
}

static void compares_without_case(void **state)
{
  (void)state;
  assert_true(equal("Content-Type", "cONTENT-tYPE"));
  assert_true(equal("", ""));
  assert_false(equal("a", ""));
  assert_false(equal("a", "aa"));
  assert_false(equal("ab", "ac"));
  assert_false(equal("[", "{")); /* 32 apart, as letters are */
  assert_false(equal("@", "`"));
  assert_false(equal("\xc4", "\xe4")); /* a letter only in some locales */
  assert_true(fcgip__equal_nocase("a\0B", 3, "A\0b", 3));
  assert_false(fcgip__equal_nocase("a\0B", 3, "A\0c", 3));
}

static void knows_tokens(void **state)
{
  static const char allowed[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  int i;

  (void)state;
  for (i = 0; i < 256; i++) {
    char c = (char)i;

    assert_int_equal(fcgip__is_token(&c, 1), i != 0 && memchr(allowed, i, sizeof(allowed)) != NULL);
  }
  assert_false(fcgip__is_token("", 0));
  assert_true(fcgip__is_token("GET", 3));
  assert_false(fcgip__is_token("GET ", 4));
  assert_false(fcgip__is_token(" GET", 4));
  assert_false(fcgip__is_token("G\0T", 3));
}

static int parse(const char *text, uint64_t *value)
{
  return fcgip__parse_u64(text, strlen(text), value);
}

static void parses_numbers(void **state)
{
  uint64_t value = 7;

  (void)state;
  assert_int_equal(parse("0", &value), 0);
  assert_true(value == 0);
  assert_int_equal(parse("00042", &value), 0);
  assert_true(value == 42);
  assert_int_equal(parse("18446744073709551615", &value), 0);
  assert_true(value == UINT64_MAX);
  assert_int_equal(fcgip__parse_u64("123", 2, &value), 0);
  assert_true(value == 12);
}

static void refuses_what_is_no_number(void **state)
{
  static const char *const wrong[] = {"",
                                      " 1",
                                      "1 ",
                                      "+1",
                                      "-1",
                                      "1.0",
                                      "0x1",
                                      "1e3",
                                      "\xb2",
                                      "1\n2",
                                      "a",
                                      "18446744073709551616",
                                      "18446744073709551620",
                                      "99999999999999999999999"};
  uint64_t value = 7;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
    assert_int_equal(parse(wrong[i], &value), -1);
  assert_int_equal(fcgip__parse_u64("1\0", 2, &value), -1);
  assert_true(value == 7);
}

static void escapes_what_is_not_printable(void **state)
{
  static const char hex[] = "0123456789abcdef";
  fcgip__buffer buffer;
  fcgip__mem mem;
  uint8_t all[256];
  char expected[4 * 256 + 1];
  size_t at = 0;
  int i;

  (void)state;
  for (i = 0; i < 256; i++) {
    all[i] = (uint8_t)i;
    if (i < 32 || i > 126 || i == '\\')
      expected[at++] = '\\';
    if (i < 32 || i > 126) {
      expected[at++] = 'x';
      expected[at++] = hex[i / 16];
      expected[at++] = hex[i % 16];
    } else {
      expected[at++] = (char)i;
    }
  }
  expected[at] = '\0';

  assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
  fcgip__buffer_init(&buffer, &mem, sizeof(expected));
  assert_int_equal(fcgip__buffer_add_escaped(&buffer, all, sizeof(all)), FCGIP_OK);
  assert_string_equal(fcgip__buffer_text(&buffer), expected);
  assert_int_equal(buffer.len, at);
  fcgip__buffer_deinit(&buffer);
}

static void stops_escaping_where_there_is_no_room(void **state)
{
  failing_allocator memory;
  fcgip__buffer buffer;
  fcgip__mem mem;

  (void)state;
  failing_allocator_init(&memory);
  assert_int_equal(fcgip__mem_import(&mem, &memory.hook), FCGIP_OK);
  fcgip__buffer_init(&buffer, &mem, 6);
  assert_int_equal(fcgip__buffer_add_escaped(&buffer, "ab\nc", 4), FCGIP_ETOOLARGE);
  assert_string_equal(fcgip__buffer_text(&buffer), "ab\\x0a"); /* never half an escape */
  fcgip__buffer_deinit(&buffer);
  memory.fail_at = memory.total_calls + 1;
  assert_int_equal(fcgip__buffer_add_escaped(&buffer, "\\", 1), FCGIP_ENOMEM);
  assert_int_equal(fcgip__buffer_add_escaped(&buffer, NULL, 0), FCGIP_OK);
  assert_int_equal(memory.live_blocks, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(knows_ascii_letters_and_digits_only),
      cmocka_unit_test(compares_without_case),
      cmocka_unit_test(knows_tokens),
      cmocka_unit_test(parses_numbers),
      cmocka_unit_test(refuses_what_is_no_number),
      cmocka_unit_test(escapes_what_is_not_printable),
      cmocka_unit_test(stops_escaping_where_there_is_no_room),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
