#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/map.h"
#include "fcgiproxy/error.h"
#include "support/failing_allocator.h"

enum { COUNT = 5000 };

typedef struct item {
  fcgip__map_link link;
  uint64_t number;
} item;

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip__map map;
} fixture;

static fixture maps;
static item items[COUNT];

static int setup(void **state)
{
  fixture *f = &maps;

  *state = f;
  failing_allocator_init(&f->memory);
  if (fcgip__mem_import(&f->mem, &f->memory.hook) != FCGIP_OK)
    return -1;
  fcgip__map_init(&f->map, &f->mem);
  return 0;
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip__map_deinit(&f->map);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static void add(fixture *f, size_t i, uint64_t key)
{
  items[i].number = key;
  assert_int_equal(fcgip__map_reserve(&f->map, f->map.count + 1), FCGIP_OK);
  fcgip__map_add(&f->map, &items[i].link, key);
}

static void has_nothing_at_first(void **state)
{
  fixture *f = *state;

  assert_null(fcgip__map_find(&f->map, 0));
  assert_null(fcgip__map_find(&f->map, UINT64_MAX));
  assert_int_equal(f->memory.total_calls, 0);
}

/* Consecutive keys, as ids and descriptors are, and keys that differ in high bits only. */
static void finds_what_was_added(void **state)
{
  static const struct {
    uint64_t first, step;
  } rows[] = {{1, 1}, {0, 1u << 16}, {UINT64_MAX, UINT64_MAX}, {7, UINT64_C(1) << 40}};
  fixture *f = *state;
  size_t row, i;

  for (row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
    for (i = 0; i < COUNT; i++)
      add(f, i, rows[row].first + i * rows[row].step);
    assert_int_equal(f->map.count, COUNT);
    for (i = 0; i < COUNT; i++) {
      fcgip__map_link *link = fcgip__map_find(&f->map, rows[row].first + i * rows[row].step);

      assert_ptr_equal(link, &items[i].link);
      assert_true(items[i].link.key == items[i].number);
    }
    assert_null(fcgip__map_find(&f->map, rows[row].first + COUNT * rows[row].step));
    for (i = 0; i < COUNT; i += 2)
      fcgip__map_remove(&f->map, &items[i].link);
    assert_int_equal(f->map.count, COUNT / 2);
    for (i = 0; i < COUNT; i++)
      assert_ptr_equal(fcgip__map_find(&f->map, rows[row].first + i * rows[row].step),
                       i % 2 ? &items[i].link : NULL);
    for (i = 1; i < COUNT; i += 2)
      fcgip__map_remove(&f->map, &items[i].link);
    assert_int_equal(f->map.count, 0);
  }
}

/* Any place of a chain: with few buckets and many items there are long ones. */
static void removes_from_long_chains(void **state)
{
  fixture *f = *state;
  size_t i;

  assert_int_equal(fcgip__map_reserve(&f->map, 1), FCGIP_OK);
  for (i = 0; i < 1000; i++)
    fcgip__map_add(&f->map, &items[i].link, i);
  for (i = 0; i < 1000; i += 3)
    fcgip__map_remove(&f->map, &items[i].link);
  for (i = 999; i > 0; i -= 3)
    if (i % 3 != 0)
      fcgip__map_remove(&f->map, &items[i].link);
  for (i = 0; i < 1000; i++)
    assert_ptr_equal(fcgip__map_find(&f->map, i), i % 3 == 1 || i % 3 == 2 ? &items[i].link : NULL);
}

static void spreads_consecutive_keys(void **state)
{
  fixture *f = *state;
  size_t longest = 0, i;

  for (i = 0; i < COUNT; i++)
    add(f, i, i + 1);
  assert_true(f->map.bucket_count >= COUNT && f->map.bucket_count < 4 * COUNT);
  for (i = 0; i < f->map.bucket_count; i++) {
    size_t len = 0;
    fcgip__map_link *link;

    for (link = f->map.buckets[i]; link != NULL; link = link->next)
      len++;
    longest = len > longest ? len : longest;
  }
  assert_true(longest <= 4);
}

static void reserving_again_costs_nothing(void **state)
{
  fixture *f = *state;
  size_t calls, i;

  assert_int_equal(fcgip__map_reserve(&f->map, 100), FCGIP_OK);
  calls = f->memory.total_calls;
  for (i = 0; i <= 100; i++)
    assert_int_equal(fcgip__map_reserve(&f->map, i), FCGIP_OK);
  assert_int_equal(f->memory.total_calls, calls);
}

static void is_unchanged_without_memory(void **state)
{
  fixture *f = *state;
  size_t i;

  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_int_equal(fcgip__map_reserve(&f->map, 1), FCGIP_ENOMEM);
  assert_null(fcgip__map_find(&f->map, 1));
  assert_int_equal(fcgip__map_reserve(&f->map, 1), FCGIP_OK);
  failing_allocator_fail_at(&f->memory, 1, FAIL_FROM_THEN_ON);
  assert_int_equal(fcgip__map_reserve(&f->map, 1000), FCGIP_ENOMEM);
  /* Slower, yet it holds them all. */
  for (i = 0; i < 200; i++)
    fcgip__map_add(&f->map, &items[i].link, i);
  for (i = 0; i < 200; i++)
    assert_ptr_equal(fcgip__map_find(&f->map, i), &items[i].link);
  failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
  assert_int_equal(fcgip__map_reserve(&f->map, SIZE_MAX / sizeof(void *)), FCGIP_ENOMEM);
  for (i = 0; i < 200; i++)
    assert_ptr_equal(fcgip__map_find(&f->map, i), &items[i].link);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(has_nothing_at_first, setup, teardown),
      cmocka_unit_test_setup_teardown(finds_what_was_added, setup, teardown),
      cmocka_unit_test_setup_teardown(removes_from_long_chains, setup, teardown),
      cmocka_unit_test_setup_teardown(spreads_consecutive_keys, setup, teardown),
      cmocka_unit_test_setup_teardown(reserving_again_costs_nothing, setup, teardown),
      cmocka_unit_test_setup_teardown(is_unchanged_without_memory, setup, teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
