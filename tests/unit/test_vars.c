#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "message/vars.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip__vars vars;
} fixture;

static fixture variables;

static int setup(void **state)
{
  fixture *f = &variables;

  *state = f;
  failing_allocator_init(&f->memory);
  if (fcgip__mem_import(&f->mem, &f->memory.hook) != FCGIP_OK)
    return -1;
  fcgip__vars_init(&f->vars, &f->mem);
  return 0;
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip__vars_clear(&f->vars);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static int set(fixture *f, const char *name, const char *value)
{
  return fcgip__vars_set(&f->vars, name, strlen(name), value, strlen(value));
}

static void assert_at(const fixture *f, size_t i, const char *name, const char *value)
{
  const fcgip__var *var = &f->vars.items[i];

  assert_true(i < f->vars.count);
  assert_int_equal(var->name_len, strlen(name));
  assert_string_equal(var->name, name);
  assert_int_equal(var->value_len, strlen(value));
  assert_string_equal(var->value, value);
}

static void has_none_at_first(void **state)
{
  fixture *f = *state;

  assert_int_equal(f->vars.count, 0);
  assert_null(fcgip__vars_find(&f->vars, "A", 1));
  assert_null(fcgip__vars_find(&f->vars, "", 0));
  fcgip__vars_clear(&f->vars);
  assert_int_equal(f->memory.total_calls, 0);
}

static void keeps_the_order_of_the_first_time(void **state)
{
  fixture *f = *state;

  assert_int_equal(set(f, "B", "1"), FCGIP_OK);
  assert_int_equal(set(f, "A", "2"), FCGIP_OK);
  assert_int_equal(set(f, "C", ""), FCGIP_OK);
  assert_int_equal(set(f, "B", "a longer one"), FCGIP_OK);
  assert_int_equal(f->vars.count, 3);
  assert_at(f, 0, "B", "a longer one");
  assert_at(f, 1, "A", "2");
  assert_at(f, 2, "C", "");
}

static void names_are_told_apart(void **state)
{
  static const char *const names[] = {"A", "a", "AB", "BA", "A_", "_A", "AA", "ABC"};
  fixture *f = *state;
  size_t i;

  for (i = 0; i < 8; i++)
    assert_int_equal(set(f, names[i], names[i]), FCGIP_OK);
  assert_int_equal(f->vars.count, 8);
  for (i = 0; i < 8; i++)
    assert_string_equal(fcgip__vars_find(&f->vars, names[i], strlen(names[i]))->value, names[i]);
  assert_null(fcgip__vars_find(&f->vars, "ABCD", 4));
  assert_string_equal(fcgip__vars_find(&f->vars, "ABCD", 3)->value, "ABC");
}

static void takes_any_bytes(void **state)
{
  fixture *f = *state;
  const fcgip__var *var;

  assert_int_equal(fcgip__vars_set(&f->vars, "N\0M", 3, "\0\xff", 2), FCGIP_OK);
  assert_int_equal(fcgip__vars_set(&f->vars, "N", 1, NULL, 0), FCGIP_OK);
  var = fcgip__vars_find(&f->vars, "N\0M", 3);
  assert_non_null(var);
  assert_memory_equal(var->value, "\0\xff", 3);
  assert_string_equal(fcgip__vars_find(&f->vars, "N", 1)->value, "");
}

static void holds_many(void **state)
{
  fixture *f = *state;
  char name[16];
  size_t i;

  for (i = 0; i < 500; i++) {
    snprintf(name, sizeof(name), "NAME%zu", i);
    assert_int_equal(set(f, name, name + 4), FCGIP_OK);
  }
  for (i = 0; i < 500; i++) {
    snprintf(name, sizeof(name), "NAME%zu", i);
    assert_at(f, i, name, name + 4);
    assert_ptr_equal(fcgip__vars_find(&f->vars, name, strlen(name)), &f->vars.items[i]);
  }
  fcgip__vars_clear(&f->vars);
  assert_int_equal(f->memory.live_blocks, 0);
  assert_int_equal(set(f, "AGAIN", "1"), FCGIP_OK);
  assert_at(f, 0, "AGAIN", "1");
}

static void lengths_that_cannot_be(void **state)
{
  fixture *f = *state;

  assert_int_equal(set(f, "A", "1"), FCGIP_OK);
  assert_int_equal(fcgip__vars_set(&f->vars, "A", 1, "1", SIZE_MAX), FCGIP_ENOMEM);
  assert_int_equal(fcgip__vars_set(&f->vars, "A", 1, "1", SIZE_MAX - 2), FCGIP_ENOMEM);
  assert_at(f, 0, "A", "1");
}

static void is_unchanged_without_memory(void **state)
{
  fixture *f = *state;
  size_t nth, i;

  for (i = 0; i < 8; i++) {
    char name[2] = {(char)('A' + i), '\0'};

    assert_int_equal(set(f, name, "old"), FCGIP_OK);
  }
  for (nth = 1;; nth++) {
    int rc;

    failing_allocator_fail_at(&f->memory, nth, FAIL_ONCE);
    rc = set(f, "Z", "new"); /* the ninth needs more room */
    if (f->memory.failures == 0)
      break;
    assert_int_equal(rc, FCGIP_ENOMEM);
    assert_int_equal(f->vars.count, 8);
    assert_null(fcgip__vars_find(&f->vars, "Z", 1));
  }
  assert_int_equal(nth, 3);
  assert_at(f, 8, "Z", "new");
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_int_equal(set(f, "A", "new"), FCGIP_ENOMEM);
  assert_at(f, 0, "A", "old");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(has_none_at_first),
      TEST(keeps_the_order_of_the_first_time),
      TEST(names_are_told_apart),
      TEST(takes_any_bytes),
      TEST(holds_many),
      TEST(lengths_that_cannot_be),
      TEST(is_unchanged_without_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
