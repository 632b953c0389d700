#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "fcgiproxy/error.h"
#include "support/failing_allocator.h"

static void imports_the_c_library_for_null(void **state)
{
  fcgip__mem mem;
  char *block;

  (void)state;
  assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
  block = fcgip__mem_alloc(&mem, 10);
  assert_non_null(block);
  memset(block, 'x', 10);
  block = fcgip__mem_realloc(&mem, block, 20);
  assert_non_null(block);
  assert_int_equal(block[9], 'x');
  fcgip__mem_free(&mem, block);
  fcgip__mem_free(&mem, NULL);
}

static void imports_the_callers_functions(void **state)
{
  failing_allocator memory;
  fcgip__mem mem;
  fcgip_allocator given;
  void *block;

  (void)state;
  failing_allocator_init(&memory);
  given = memory.hook;
  assert_int_equal(fcgip__mem_import(&mem, &given), FCGIP_OK);
  memset(&given, 0, sizeof(given)); /* the struct need not outlive the call */

  block = fcgip__mem_alloc(&mem, 10);
  assert_int_equal(memory.live_bytes, 10);
  block = fcgip__mem_realloc(&mem, block, 30);
  assert_int_equal(memory.live_bytes, 30);
  fcgip__mem_free(&mem, block);
  fcgip__mem_free(&mem, NULL);
  assert_int_equal(memory.total_frees, 1);
  assert_int_equal(memory.live_blocks, 0);
}

static void refuses_an_allocator_that_is_not_whole(void **state)
{
  failing_allocator memory;
  fcgip__mem mem;
  fcgip_allocator given;

  (void)state;
  failing_allocator_init(&memory);

  given = memory.hook;
  given.struct_size = sizeof(given) - 1;
  assert_int_equal(fcgip__mem_import(&mem, &given), FCGIP_EINVAL);
  given = memory.hook;
  given.flags = 1;
  assert_int_equal(fcgip__mem_import(&mem, &given), FCGIP_EINVAL);
  given = memory.hook;
  given.malloc_fn = NULL;
  assert_int_equal(fcgip__mem_import(&mem, &given), FCGIP_EINVAL);
  given = memory.hook;
  given.realloc_fn = NULL;
  assert_int_equal(fcgip__mem_import(&mem, &given), FCGIP_EINVAL);
  given = memory.hook;
  given.free_fn = NULL;
  assert_int_equal(fcgip__mem_import(&mem, &given), FCGIP_EINVAL);
}

static void refuses_an_allocator_of_the_future(void **state)
{
  struct {
    fcgip_allocator known;
    uint64_t added;
  } given;
  failing_allocator memory;
  fcgip__mem mem;

  (void)state;
  failing_allocator_init(&memory);
  given.known = memory.hook;
  given.known.struct_size = sizeof(given);
  given.added = 0;
  assert_int_equal(fcgip__mem_import(&mem, &given.known), FCGIP_OK);
  given.added = 1;
  assert_int_equal(fcgip__mem_import(&mem, &given.known), FCGIP_E2BIG);
}

static void never_asks_for_no_bytes(void **state)
{
  failing_allocator memory;
  fcgip__mem mem;
  void *block;

  (void)state;
  failing_allocator_init(&memory);
  assert_int_equal(fcgip__mem_import(&mem, &memory.hook), FCGIP_OK);
  block = fcgip__mem_alloc(&mem, 0);
  assert_non_null(block);
  block = fcgip__mem_realloc(&mem, block, 0);
  assert_non_null(block);
  fcgip__mem_free(&mem, block);
  block = fcgip__mem_calloc(&mem, 0, 8);
  assert_non_null(block);
  fcgip__mem_free(&mem, block);
  assert_int_equal(memory.misuses, 0);
  assert_int_equal(memory.live_blocks, 0);
}

static void clears_and_copies(void **state)
{
  failing_allocator memory;
  fcgip__mem mem;
  unsigned char *cleared;
  char *copy;
  size_t i;

  (void)state;
  failing_allocator_init(&memory);
  assert_int_equal(fcgip__mem_import(&mem, &memory.hook), FCGIP_OK);
  cleared = fcgip__mem_calloc(&mem, 3, 7);
  assert_int_equal(memory.live_bytes, 21);
  for (i = 0; i < 21; i++)
    assert_int_equal(cleared[i], 0);
  cleared = fcgip__mem_realloc_array(&mem, cleared, 5, 7);
  assert_int_equal(memory.live_bytes, 35);
  fcgip__mem_free(&mem, cleared);

  copy = fcgip__mem_strndup(&mem, "a\0bcd", 4);
  assert_memory_equal(copy, "a\0bc", 5);
  fcgip__mem_free(&mem, copy);
  copy = fcgip__mem_strndup(&mem, NULL, 0);
  assert_string_equal(copy, "");
  fcgip__mem_free(&mem, copy);
  assert_int_equal(memory.live_blocks, 0);
}

static void has_no_memory_for_what_does_not_fit_a_size(void **state)
{
  failing_allocator memory;
  fcgip__mem mem;
  char text[] = "x";

  (void)state;
  failing_allocator_init(&memory);
  assert_int_equal(fcgip__mem_import(&mem, &memory.hook), FCGIP_OK);
  assert_null(fcgip__mem_calloc(&mem, SIZE_MAX / 2, 3));
  assert_null(fcgip__mem_realloc_array(&mem, NULL, SIZE_MAX / 2, 3));
  assert_null(fcgip__mem_strndup(&mem, text, SIZE_MAX));
  assert_int_equal(memory.total_calls, 0); /* not even asked */
}

static void passes_failure_on(void **state)
{
  failing_allocator memory;
  fcgip__mem mem;
  char *block;

  (void)state;
  failing_allocator_init(&memory);
  assert_int_equal(fcgip__mem_import(&mem, &memory.hook), FCGIP_OK);
  block = fcgip__mem_alloc(&mem, 1);
  failing_allocator_fail_at(&memory, 1, FAIL_FROM_THEN_ON);
  assert_null(fcgip__mem_alloc(&mem, 1));
  assert_null(fcgip__mem_calloc(&mem, 1, 1));
  assert_null(fcgip__mem_realloc(&mem, block, 2));
  assert_null(fcgip__mem_realloc_array(&mem, block, 2, 2));
  assert_null(fcgip__mem_strndup(&mem, "x", 1));
  assert_int_equal(memory.failures, 5);
  fcgip__mem_free(&mem, block);
  assert_int_equal(memory.live_blocks, 0);
}

static void checks_sums_and_products(void **state)
{
  size_t result = 7;

  (void)state;
  assert_int_equal(fcgip__add_size(SIZE_MAX - 1, 1, &result), 0);
  assert_true(result == SIZE_MAX);
  assert_int_equal(fcgip__add_size(SIZE_MAX, 1, &result), -1);
  assert_int_equal(fcgip__add_size(1, SIZE_MAX, &result), -1);
  assert_true(result == SIZE_MAX);

  assert_int_equal(fcgip__mul_size(SIZE_MAX, 1, &result), 0);
  assert_true(result == SIZE_MAX);
  assert_int_equal(fcgip__mul_size(SIZE_MAX, 0, &result), 0);
  assert_int_equal(result, 0);
  assert_int_equal(fcgip__mul_size(0, SIZE_MAX, &result), 0);
  assert_int_equal(result, 0);
  assert_int_equal(fcgip__mul_size(SIZE_MAX / 3, 3, &result), 0);
  assert_int_equal(fcgip__mul_size(SIZE_MAX / 3 + 1, 3, &result), -1);
  assert_int_equal(fcgip__mul_size(3, SIZE_MAX / 3 + 1, &result), -1);
}

/* ---- The allocator of the tests itself ---- */

static void the_failing_allocator_fails_once_or_from_then_on(void **state)
{
  failing_allocator memory;
  fcgip__mem mem;
  void *blocks[4];
  size_t i;

  (void)state;
  failing_allocator_init(&memory);
  assert_int_equal(fcgip__mem_import(&mem, &memory.hook), FCGIP_OK);
  failing_allocator_fail_at(&memory, 2, FAIL_ONCE);
  for (i = 0; i < 4; i++)
    blocks[i] = fcgip__mem_alloc(&mem, 1);
  assert_non_null(blocks[0]);
  assert_null(blocks[1]);
  assert_non_null(blocks[2]);
  assert_non_null(blocks[3]);
  assert_int_equal(memory.failures, 1);
  assert_int_equal(memory.total_calls, 4);
  for (i = 0; i < 4; i++)
    fcgip__mem_free(&mem, blocks[i]);

  failing_allocator_fail_at(&memory, 2, FAIL_FROM_THEN_ON);
  for (i = 0; i < 4; i++)
    blocks[i] = fcgip__mem_alloc(&mem, 1);
  assert_non_null(blocks[0]);
  assert_null(blocks[1]);
  assert_null(blocks[3]);
  assert_int_equal(memory.failures, 3);
  fcgip__mem_free(&mem, blocks[0]);
  assert_int_equal(memory.live_blocks, 0);
  assert_int_equal(memory.total_frees, 4);
  assert_int_equal(memory.misuses, 0);
}

static void the_failing_allocator_keeps_to_its_limit(void **state)
{
  failing_allocator memory;
  fcgip__mem mem;
  void *block, *moved;

  (void)state;
  failing_allocator_init(&memory);
  memory.limit_bytes = 100;
  assert_int_equal(fcgip__mem_import(&mem, &memory.hook), FCGIP_OK);
  assert_null(fcgip__mem_alloc(&mem, 101));
  block = fcgip__mem_alloc(&mem, 60);
  assert_non_null(block);
  assert_null(fcgip__mem_alloc(&mem, 41));
  moved = fcgip__mem_realloc(&mem, block, 100);
  assert_non_null(moved);
  assert_null(fcgip__mem_realloc(&mem, moved, SIZE_MAX));
  assert_int_equal(memory.peak_bytes, 100);
  fcgip__mem_free(&mem, moved);
  assert_int_equal(memory.live_bytes, 0);
}

static void the_failing_allocator_notes_foreign_blocks(void **state)
{
  failing_allocator ours, others;
  void *block;

  (void)state;
  failing_allocator_init(&ours);
  failing_allocator_init(&others);
  block = others.hook.malloc_fn(8, &others);
  ours.hook.free_fn(block, &ours);
  assert_int_equal(ours.misuses, 1);
  assert_null(ours.hook.realloc_fn(block, 9, &ours));
  assert_int_equal(ours.misuses, 2);
  assert_int_equal(others.live_blocks, 1);
  others.hook.free_fn(block, &others);
  assert_int_equal(others.misuses, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(imports_the_c_library_for_null),
      cmocka_unit_test(imports_the_callers_functions),
      cmocka_unit_test(refuses_an_allocator_that_is_not_whole),
      cmocka_unit_test(refuses_an_allocator_of_the_future),
      cmocka_unit_test(never_asks_for_no_bytes),
      cmocka_unit_test(clears_and_copies),
      cmocka_unit_test(has_no_memory_for_what_does_not_fit_a_size),
      cmocka_unit_test(passes_failure_on),
      cmocka_unit_test(checks_sums_and_products),
      cmocka_unit_test(the_failing_allocator_fails_once_or_from_then_on),
      cmocka_unit_test(the_failing_allocator_keeps_to_its_limit),
      cmocka_unit_test(the_failing_allocator_notes_foreign_blocks),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
