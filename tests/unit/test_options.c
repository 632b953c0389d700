#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/options.h"
#include "fcgiproxy/error.h"

/* What a library of the middle age knows, between an older and a newer caller. */
typedef struct known_options {
  uint32_t struct_size;
  uint32_t flags;
  uint32_t timeout;
  uint32_t added;
} known_options;

enum { OLDEST = offsetof(known_options, added) };

typedef struct newer_options {
  known_options known;
  uint32_t newer;
  uint32_t newest;
} newer_options;

static void copies_what_both_know(void **state)
{
  known_options given = {sizeof(given), 1, 2, 3}, taken;

  (void)state;
  assert_int_equal(fcgip__options_import(&taken, sizeof(taken), &given, OLDEST), FCGIP_OK);
  assert_memory_equal(&taken, &given, sizeof(given));
}

static void gives_defaults_to_an_older_caller(void **state)
{
  known_options given = {OLDEST, 1, 2, 3}, taken;

  (void)state;
  assert_int_equal(fcgip__options_import(&taken, sizeof(taken), &given, OLDEST), FCGIP_OK);
  assert_int_equal(taken.flags, 1);
  assert_int_equal(taken.timeout, 2);
  assert_int_equal(taken.added, 0);
}

static void does_not_read_beyond_the_callers_struct(void **state)
{
  unsigned char given[OLDEST]; /* AddressSanitizer guards its end */
  uint32_t size = OLDEST;
  known_options taken;

  (void)state;
  memset(given, 1, sizeof(given));
  memcpy(given, &size, sizeof(size));
  assert_int_equal(fcgip__options_import(&taken, sizeof(taken), given, OLDEST), FCGIP_OK);
  assert_int_equal(taken.timeout, 0x01010101);
  assert_int_equal(taken.added, 0);
}

static void takes_a_newer_struct_whose_news_are_unset(void **state)
{
  newer_options given = {{sizeof(given), 1, 2, 3}, 0, 0};
  known_options taken;

  (void)state;
  assert_int_equal(fcgip__options_import(&taken, sizeof(taken), &given, OLDEST), FCGIP_OK);
  assert_int_equal(taken.added, 3);
}

static void refuses_news_that_are_set(void **state)
{
  newer_options first = {{sizeof(first), 0, 0, 0}, 1, 0};
  newer_options last = {{sizeof(last), 0, 0, 0}, 0, UINT32_C(1) << 31};
  known_options taken;

  (void)state;
  assert_int_equal(fcgip__options_import(&taken, sizeof(taken), &first, OLDEST), FCGIP_E2BIG);
  assert_int_equal(taken.flags, 0);
  assert_int_equal(fcgip__options_import(&taken, sizeof(taken), &last, OLDEST), FCGIP_E2BIG);
}

static void refuses_a_size_that_is_too_small(void **state)
{
  known_options given = {0, 1, 2, 3}, taken;

  (void)state;
  assert_int_equal(fcgip__options_import(&taken, sizeof(taken), &given, OLDEST), FCGIP_EINVAL);
  given.struct_size = OLDEST - 1;
  assert_int_equal(fcgip__options_import(&taken, sizeof(taken), &given, OLDEST), FCGIP_EINVAL);
  assert_int_equal(taken.flags, 0);
}

static void does_not_follow_a_size_that_is_garbage(void **state)
{
  known_options given = {UINT32_MAX, 0, 0, 0}, taken;

  (void)state;
  assert_int_equal(fcgip__options_import(&taken, sizeof(taken), &given, OLDEST), FCGIP_E2BIG);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(copies_what_both_know),
      cmocka_unit_test(gives_defaults_to_an_older_caller),
      cmocka_unit_test(does_not_read_beyond_the_callers_struct),
      cmocka_unit_test(takes_a_newer_struct_whose_news_are_unset),
      cmocka_unit_test(refuses_news_that_are_set),
      cmocka_unit_test(refuses_a_size_that_is_too_small),
      cmocka_unit_test(does_not_follow_a_size_that_is_garbage),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
