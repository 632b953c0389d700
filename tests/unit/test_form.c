#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/content.h"
#include "fcgiproxy/error.h"
#include "support/failing_allocator.h"

static void assert_content(const fcgip_form *form, const char *expected)
{
  size_t len = 7;
  const char *content = fcgip_form_content(form, &len);

  assert_int_equal(len, strlen(expected));
  assert_string_equal(content, expected);
}

static int setup(void **state)
{
  return fcgip_form_new((fcgip_form **)state);
}

static int teardown(void **state)
{
  fcgip_form_free(*state);
  return 0;
}

static void is_empty_at_first(void **state)
{
  assert_content(*state, "");
}

static void joins_fields_in_their_order(void **state)
{
  fcgip_form *form = *state;

  assert_int_equal(fcgip_form_add(form, "b", "2"), FCGIP_OK);
  assert_content(form, "b=2");
  assert_int_equal(fcgip_form_add(form, "a", "two words"), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "b", "again"), FCGIP_OK);
  assert_content(form, "b=2&a=two+words&b=again");
}

static void writes_names_of_nested_arrays_as_php_does(void **state)
{
  fcgip_form *form = *state;

  /* php -r 'echo http_build_query(["n" => ["two" => "a&b", "x" => ["deep" => "~"]], "l" => [1]]);' */
  assert_int_equal(fcgip_form_add(form, "n[two]", "a&b"), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "n[x][deep]", "~"), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "l[0]", "1"), FCGIP_OK);
  assert_content(form, "n%5Btwo%5D=a%26b&n%5Bx%5D%5Bdeep%5D=%7E&l%5B0%5D=1");
}

static void takes_empty_names_and_values(void **state)
{
  fcgip_form *form = *state;

  assert_int_equal(fcgip_form_add(form, "", ""), FCGIP_OK);
  assert_content(form, "=");
  assert_int_equal(fcgip_form_add(form, "a", ""), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "", "b"), FCGIP_OK);
  assert_int_equal(fcgip_form_add_n(form, NULL, 0, NULL, 0), FCGIP_OK);
  assert_content(form, "=&a=&=b&=");
}

static void escapes_every_byte_as_php_does(void **state)
{
  static const char plain[] = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
  static const char hex[] = "0123456789ABCDEF";
  fcgip_form *form = *state;
  uint8_t all[256];
  char once[3 * 256 + 1], expected[2 * sizeof(once)];
  size_t at = 0;
  int i;

  for (i = 0; i < 256; i++) {
    all[i] = (uint8_t)i;
    if (i == ' ') {
      once[at++] = '+';
    } else if (i != 0 && strchr(plain, i) != NULL) {
      once[at++] = (char)i;
    } else {
      once[at++] = '%';
      once[at++] = hex[i / 16];
      once[at++] = hex[i % 16];
    }
  }
  memcpy(expected, once, at);
  expected[at] = '=';
  memcpy(expected + at + 1, once, at);
  expected[2 * at + 1] = '\0';

  assert_int_equal(fcgip_form_add_n(form, all, sizeof(all), all, sizeof(all)), FCGIP_OK);
  assert_content(form, expected);
}

static void takes_what_is_written_in_utf_8(void **state)
{
  assert_int_equal(fcgip_form_add(*state, "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac"), FCGIP_OK);
  assert_content(*state, "gr%C3%BC%C3%9F=%E2%82%AC");
}

static void takes_large_values(void **state)
{
  static char value[300001];
  fcgip_form *form = *state;
  const char *content;
  size_t len, i;

  memset(value, '%', sizeof(value) - 1);
  assert_int_equal(fcgip_form_add(form, "v", value), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "w", value), FCGIP_OK);
  content = fcgip_form_content(form, &len);
  assert_int_equal(len, 2 * 900000 + strlen("v=&w="));
  for (i = 2; i < 900002; i += 3)
    assert_memory_equal(content + i, "%25", 3);
  assert_memory_equal(content + i, "&w=%25", 6);
}

static void refuses_null(void **state)
{
  fcgip_form *form = *state;

  assert_int_equal(fcgip_form_new(NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_new_with_allocator(NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_add(NULL, "a", "b"), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_add(form, NULL, "b"), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_add(form, "a", NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_add_n(NULL, "a", 1, "b", 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_add_n(form, NULL, 1, "b", 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_add_n(form, "a", 1, NULL, 1), FCGIP_EINVAL);
  assert_content(form, "");
  assert_content(NULL, "");
  assert_string_equal(fcgip_form_content(NULL, NULL), "");
  assert_string_equal(fcgip_form_content(form, NULL), "");
  fcgip_form_free(NULL);
}

static void refuses_lengths_that_cannot_be(void **state)
{
  fcgip_form *form = *state;

  assert_int_equal(fcgip_form_add_n(form, "a", SIZE_MAX, "b", 1), FCGIP_ENOMEM);
  assert_int_equal(fcgip_form_add_n(form, "a", 1, "b", SIZE_MAX), FCGIP_ENOMEM);
  assert_int_equal(fcgip_form_add_n(form, "a", SIZE_MAX / 6, "b", SIZE_MAX / 6), FCGIP_ENOMEM);
  assert_content(form, "");
}

static void refuses_an_allocator_that_is_not_whole(void **state)
{
  failing_allocator memory;
  fcgip_form *form = *state;

  failing_allocator_init(&memory);
  memory.hook.free_fn = NULL;
  assert_int_equal(fcgip_form_new_with_allocator(&form, &memory.hook), FCGIP_EINVAL);
  assert_null(form);
  assert_int_equal(memory.total_calls, 0);
}

static int fill(failing_allocator *memory, fcgip_form **out)
{
  static const char value[] =
      "0123456789012345678901234567890123456789012345678901234567890123456789"
      "0123456789012345678901234567890123456789012345678901234567890123456789";
  size_t i;
  int rc = fcgip_form_new_with_allocator(out, &memory->hook);

  for (i = 0; i < 10 && rc == FCGIP_OK; i++)
    rc = fcgip_form_add(*out, "name", value);
  return rc;
}

static void survives_each_allocation_failing(void **state)
{
  enum failing_allocator_mode mode;
  failing_allocator memory;
  fcgip_form *form;
  size_t n, len;
  int rc;

  (void)state;
  failing_allocator_init(&memory);
  for (mode = FAIL_ONCE; mode <= FAIL_FROM_THEN_ON; mode++) {
    for (n = 1;; n++) {
      failing_allocator_fail_at(&memory, n, mode);
      rc = fill(&memory, &form);
      if (memory.failures == 0)
        break;
      assert_int_equal(rc, FCGIP_ENOMEM);
      if (n == 1)
        assert_null(form);
      fcgip_form_content(form, &len);
      assert_int_equal((len + (len > 0)) % 146, 0); /* whole fields only */

      /* What failed can be done again. */
      failing_allocator_fail_at(&memory, 0, FAIL_ONCE);
      if (form != NULL)
        assert_int_equal(fcgip_form_add(form, "x", "y"), FCGIP_OK);
      fcgip_form_free(form);
      assert_int_equal(memory.live_blocks, 0);
    }
    assert_int_equal(rc, FCGIP_OK);
    assert_true(n > 3);
    fcgip_form_free(form);
    assert_int_equal(memory.live_blocks, 0);
  }
  assert_int_equal(memory.misuses, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(is_empty_at_first, setup, teardown),
      cmocka_unit_test_setup_teardown(joins_fields_in_their_order, setup, teardown),
      cmocka_unit_test_setup_teardown(writes_names_of_nested_arrays_as_php_does, setup, teardown),
      cmocka_unit_test_setup_teardown(takes_empty_names_and_values, setup, teardown),
      cmocka_unit_test_setup_teardown(escapes_every_byte_as_php_does, setup, teardown),
      cmocka_unit_test_setup_teardown(takes_what_is_written_in_utf_8, setup, teardown),
      cmocka_unit_test_setup_teardown(takes_large_values, setup, teardown),
      cmocka_unit_test_setup_teardown(refuses_null, setup, teardown),
      cmocka_unit_test_setup_teardown(refuses_lengths_that_cannot_be, setup, teardown),
      cmocka_unit_test(refuses_an_allocator_that_is_not_whole),
      cmocka_unit_test(survives_each_allocation_failing),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
