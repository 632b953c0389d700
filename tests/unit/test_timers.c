#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "base/timers.h"
#include "fcgiproxy/error.h"
#include "support/failing_allocator.h"

enum { COUNT = 300 };

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip__timers timers;
  fcgip__timer items[COUNT];
} fixture;

static fixture heap;

static int setup(void **state)
{
  fixture *f = &heap;
  size_t i;

  *state = f;
  failing_allocator_init(&f->memory);
  if (fcgip__mem_import(&f->mem, &f->memory.hook) != FCGIP_OK)
    return -1;
  fcgip__timers_init(&f->timers, &f->mem);
  for (i = 0; i < COUNT; i++)
    fcgip__timer_init(&f->items[i]);
  return 0;
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip__timers_deinit(&f->timers);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static void assert_is_heap(const fcgip__timers *timers)
{
  size_t i;

  for (i = 0; i < timers->heap_count; i++) {
    assert_int_equal(timers->heap[i]->index, i);
    assert_true(timers->heap[i]->due != FCGIP__NEVER);
    if (i > 0)
      assert_true(timers->heap[(i - 1) / 2]->due <= timers->heap[i]->due);
  }
}

/* Each is in one place, and none is due before the one ahead of it. */
static void assert_in_order(const fcgip__timers *timers)
{
  size_t count = timers->heap_count, i;

  assert_is_heap(timers);
  for (i = 0; i < FCGIP__TIMER_RUNS; i++) {
    fcgip__node *node = fcgip__list_first(&timers->runs[i]);
    uint64_t before = 0;

    for (; node != NULL; node = fcgip__list_next(&timers->runs[i], node)) {
      uint64_t due = FCGIP__OWNER(node, fcgip__timer, node)->due;

      assert_true(before <= due && due != FCGIP__NEVER);
      before = due;
      count++;
    }
  }
  assert_int_equal(timers->count, count);
}

static void has_none_at_first(void **state)
{
  fixture *f = *state;

  assert_null(fcgip__timers_first(&f->timers));
  fcgip__timer_set(&f->timers, &f->items[0], FCGIP__NEVER); /* clearing what is not set */
  assert_null(fcgip__timers_first(&f->timers));
}

static void gives_them_in_order(void **state)
{
  static const uint64_t due[] = {50, 10, 40, 10, 0, 30, UINT64_MAX - 1, 20};
  static const uint64_t expected[] = {0, 10, 10, 20, 30, 40, 50, UINT64_MAX - 1};
  fixture *f = *state;
  size_t i;

  assert_int_equal(fcgip__timers_reserve(&f->timers, 8), FCGIP_OK);
  for (i = 0; i < 8; i++) {
    fcgip__timer_set(&f->timers, &f->items[i], due[i]);
    assert_in_order(&f->timers);
  }
  for (i = 0; i < 8; i++) {
    fcgip__timer *first = fcgip__timers_first(&f->timers);

    assert_true(first->due == expected[i]);
    fcgip__timer_set(&f->timers, first, FCGIP__NEVER);
    assert_true(first->due == FCGIP__NEVER);
    assert_in_order(&f->timers);
  }
  assert_null(fcgip__timers_first(&f->timers));
}

static void moves_one_up_and_down(void **state)
{
  fixture *f = *state;
  size_t i;

  assert_int_equal(fcgip__timers_reserve(&f->timers, COUNT), FCGIP_OK);
  for (i = 0; i < COUNT; i++)
    fcgip__timer_set(&f->timers, &f->items[i], 1000 + i);
  for (i = 0; i < COUNT; i++) {
    fcgip__timer_set(&f->timers, &f->items[i], 5);
    assert_in_order(&f->timers);
    assert_ptr_equal(fcgip__timers_first(&f->timers), &f->items[i]);
    fcgip__timer_set(&f->timers, &f->items[i], 5); /* the same again */
    fcgip__timer_set(&f->timers, &f->items[i], 100000 - i);
    assert_in_order(&f->timers);
    assert_int_equal(f->timers.count, COUNT);
  }
  assert_ptr_equal(fcgip__timers_first(&f->timers), &f->items[COUNT - 1]);
}

static void clears_any_of_them(void **state)
{
  fixture *f = *state;
  size_t i, j;

  assert_int_equal(fcgip__timers_reserve(&f->timers, 40), FCGIP_OK);
  for (i = 0; i < 40; i++) {
    for (j = 0; j < 40; j++)
      fcgip__timer_set(&f->timers, &f->items[j], j * 37 % 40);
    fcgip__timer_set(&f->timers, &f->items[i], FCGIP__NEVER);
    assert_int_equal(f->timers.count, 39);
    assert_in_order(&f->timers);
    assert_false(fcgip__node_is_linked(&f->items[i].node));
    for (j = 0; j < f->timers.heap_count; j++)
      assert_ptr_not_equal(f->timers.heap[j], &f->items[i]);
  }
}

/* What is set for the same time from now needs no heap, and so no more work for many than for few; nor does it beside
 * one that is due much later, or two. */
static void the_usual_ones_need_no_heap(void **state)
{
  fixture *f = *state;
  uint64_t now;

  assert_int_equal(fcgip__timers_reserve(&f->timers, COUNT), FCGIP_OK);
  fcgip__timer_set(&f->timers, &f->items[0], 1000000);
  fcgip__timer_set(&f->timers, &f->items[1], 900000);
  for (now = 0; now < 20000; now++) {
    fcgip__timer *timer = &f->items[2 + now % (COUNT - 2)];

    fcgip__timer_set(&f->timers, timer, FCGIP__NEVER);
    fcgip__timer_set(&f->timers, timer, now + 5000);
    assert_int_equal(f->timers.heap_count, 0);
    assert_true(fcgip__timers_first(&f->timers)->due ==
                (now < COUNT - 2 ? 5000 : now + 5001 - (COUNT - 2)));
  }
  assert_in_order(&f->timers);
}

/* Against a list that is searched from end to end. */
static void agrees_with_a_plain_list(void **state)
{
  fixture *f = *state;
  fcgip__random random;
  size_t step, i;

  fcgip__random_init(&random, 4);
  assert_int_equal(fcgip__timers_reserve(&f->timers, COUNT), FCGIP_OK);
  for (step = 0; step < 20000; step++) {
    fcgip__timer *timer = &f->items[fcgip__random_below(&random, COUNT)];
    uint64_t least = FCGIP__NEVER;
    size_t count = 0;

    fcgip__timer_set(&f->timers, timer,
                     fcgip__random_below(&random, 4) == 0 ? FCGIP__NEVER
                                                          : fcgip__random_below(&random, 500));
    if (step % 97 != 0)
      continue;
    for (i = 0; i < COUNT; i++) {
      least = f->items[i].due < least ? f->items[i].due : least;
      count += f->items[i].due != FCGIP__NEVER;
    }
    assert_in_order(&f->timers);
    assert_int_equal(f->timers.count, count);
    if (count > 0)
      assert_true(fcgip__timers_first(&f->timers)->due == least);
    else
      assert_null(fcgip__timers_first(&f->timers));
  }
}

static void is_unchanged_without_memory(void **state)
{
  fixture *f = *state;
  size_t i;

  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_int_equal(fcgip__timers_reserve(&f->timers, 1), FCGIP_ENOMEM);
  assert_int_equal(fcgip__timers_reserve(&f->timers, 3), FCGIP_OK);
  for (i = 0; i < 3; i++)
    fcgip__timer_set(&f->timers, &f->items[i], 9 - i);
  failing_allocator_fail_at(&f->memory, 1, FAIL_FROM_THEN_ON);
  assert_int_equal(fcgip__timers_reserve(&f->timers, 3), FCGIP_OK); /* nothing to do */
  assert_int_equal(fcgip__timers_reserve(&f->timers, 1000), FCGIP_ENOMEM);
  assert_int_equal(fcgip__timers_reserve(&f->timers, SIZE_MAX), FCGIP_ENOMEM);
  assert_in_order(&f->timers);
  assert_ptr_equal(fcgip__timers_first(&f->timers), &f->items[2]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(has_none_at_first, setup, teardown),
      cmocka_unit_test_setup_teardown(gives_them_in_order, setup, teardown),
      cmocka_unit_test_setup_teardown(moves_one_up_and_down, setup, teardown),
      cmocka_unit_test_setup_teardown(clears_any_of_them, setup, teardown),
      cmocka_unit_test_setup_teardown(the_usual_ones_need_no_heap, setup, teardown),
      cmocka_unit_test_setup_teardown(agrees_with_a_plain_list, setup, teardown),
      cmocka_unit_test_setup_teardown(is_unchanged_without_memory, setup, teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
