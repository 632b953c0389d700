#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "fcgiproxy/error.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip__buffer buffer;
} fixture;

static fixture fresh;

static int setup(void **state)
{
  *state = &fresh;
  failing_allocator_init(&fresh.memory);
  if (fcgip__mem_import(&fresh.mem, &fresh.memory.hook) != FCGIP_OK)
    return -1;
  fcgip__buffer_init(&fresh.buffer, &fresh.mem, 1000);
  return 0;
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip__buffer_deinit(&f->buffer);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static void is_empty_at_birth(void **state)
{
  fixture *f = *state;

  assert_null(f->buffer.data);
  assert_int_equal(f->buffer.len, 0);
  assert_int_equal(f->memory.total_calls, 0);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "");
}

static void adds_bytes_text_and_numbers(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip__buffer_add(&f->buffer, "a\0b", 3), FCGIP_OK);
  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "text"), FCGIP_OK);
  assert_int_equal(fcgip__buffer_add_text(&f->buffer, ""), FCGIP_OK);
  assert_int_equal(fcgip__buffer_add_byte(&f->buffer, 0xff), FCGIP_OK);
  assert_int_equal(fcgip__buffer_add_number(&f->buffer, 0), FCGIP_OK);
  assert_int_equal(fcgip__buffer_add_number(&f->buffer, 907), FCGIP_OK);
  assert_int_equal(fcgip__buffer_add_number(&f->buffer, UINT64_MAX), FCGIP_OK);
  assert_int_equal(f->buffer.len, 32);
  assert_memory_equal(f->buffer.data,
                      "a\0btext\xff"
                      "090718446744073709551615",
                      33);
}

static void is_text_after_every_step(void **state)
{
  fixture *f = *state;
  size_t i;

  assert_int_equal(fcgip__buffer_reserve(&f->buffer, 0), FCGIP_OK);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "");
  assert_int_equal(fcgip__buffer_add(&f->buffer, NULL, 0), FCGIP_OK);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "");
  for (i = 1; i <= 1000; i++) {
    assert_int_equal(fcgip__buffer_add_byte(&f->buffer, 'x'), FCGIP_OK);
    assert_int_equal(strlen(fcgip__buffer_text(&f->buffer)), i);
    assert_true(f->buffer.len < f->buffer.cap);
    assert_true(f->buffer.cap <= 1001);
  }
  assert_true(f->memory.total_calls < 5); /* it doubles */
}

static void keeps_to_its_limit(void **state)
{
  fixture *f = *state;
  char many[1001];

  memset(many, 'x', sizeof(many));
  assert_int_equal(fcgip__buffer_add(&f->buffer, many, 1001), FCGIP_ETOOLARGE);
  assert_int_equal(fcgip__buffer_reserve(&f->buffer, SIZE_MAX), FCGIP_ETOOLARGE);
  assert_null(f->buffer.data);
  assert_int_equal(fcgip__buffer_add(&f->buffer, many, 1000), FCGIP_OK);
  assert_int_equal(f->memory.live_bytes, 1001);
  assert_int_equal(fcgip__buffer_add(&f->buffer, many, 0), FCGIP_OK);
  assert_int_equal(fcgip__buffer_add_byte(&f->buffer, 'y'), FCGIP_ETOOLARGE);
  assert_int_equal(fcgip__buffer_add_number(&f->buffer, 1), FCGIP_ETOOLARGE);
  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "y"), FCGIP_ETOOLARGE);
  assert_int_equal(f->buffer.len, 1000);
}

static void can_be_of_no_length(void **state)
{
  fixture *f = *state;

  fcgip__buffer_init(&f->buffer, &f->mem, 0);
  assert_int_equal(fcgip__buffer_add_byte(&f->buffer, 'x'), FCGIP_ETOOLARGE);
  assert_int_equal(fcgip__buffer_add(&f->buffer, "", 0), FCGIP_OK);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "");
  assert_int_equal(f->memory.live_bytes, 1);
}

static void has_sizes_checked_without_a_limit(void **state)
{
  fixture *f = *state;

  fcgip__buffer_init(&f->buffer, &f->mem, SIZE_MAX);
  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "abc"), FCGIP_OK);
  assert_int_equal(fcgip__buffer_reserve(&f->buffer, SIZE_MAX), FCGIP_ETOOLARGE);
  assert_int_equal(fcgip__buffer_reserve(&f->buffer, SIZE_MAX - 3), FCGIP_ETOOLARGE);
  f->memory.limit_bytes = 4096;
  assert_int_equal(fcgip__buffer_reserve(&f->buffer, SIZE_MAX - 4), FCGIP_ENOMEM);
  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "def"), FCGIP_OK);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "abcdef");
}

static void is_unchanged_without_memory(void **state)
{
  fixture *f = *state;
  uint8_t *data;
  size_t cap;

  failing_allocator_fail_at(&f->memory, 1, FAIL_FROM_THEN_ON);
  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "x"), FCGIP_ENOMEM);
  assert_null(f->buffer.data);
  failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "kept"), FCGIP_OK);
  data = f->buffer.data;
  cap = f->buffer.cap;

  failing_allocator_fail_at(&f->memory, 1, FAIL_FROM_THEN_ON);
  assert_int_equal(fcgip__buffer_reserve(&f->buffer, cap), FCGIP_ENOMEM);
  assert_ptr_equal(f->buffer.data, data);
  assert_int_equal(f->buffer.cap, cap);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "kept");
  assert_int_equal(fcgip__buffer_add_text(&f->buffer, " on"), FCGIP_OK); /* there is room */
  assert_string_equal(fcgip__buffer_text(&f->buffer), "kept on");
}

static void reserves_no_more_than_is_asked_for_at_once(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip__buffer_reserve(&f->buffer, 700), FCGIP_OK);
  assert_int_equal(f->memory.live_bytes, 701);
}

static void gives_its_block_away(void **state)
{
  fixture *f = *state;
  uint8_t *data;
  size_t len = 7;

  assert_null(fcgip__buffer_detach(&f->buffer, &len));
  assert_int_equal(len, 0);
  assert_int_equal(fcgip__buffer_reserve(&f->buffer, 10), FCGIP_OK);
  assert_null(fcgip__buffer_detach(&f->buffer, &len)); /* and gives the room back */
  assert_int_equal(len, 0);
  assert_int_equal(f->memory.live_blocks, 0);

  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "bytes"), FCGIP_OK);
  data = fcgip__buffer_detach(&f->buffer, &len);
  assert_int_equal(len, 5);
  assert_string_equal(data, "bytes");
  fcgip__mem_free(&f->mem, data);

  /* It is as it was at birth. */
  assert_null(f->buffer.data);
  assert_int_equal(f->buffer.limit, 1000);
  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "more"), FCGIP_OK);
  fcgip__buffer_deinit(&f->buffer);
  assert_null(f->buffer.data);
  assert_int_equal(f->buffer.len, 0);
  fcgip__buffer_deinit(&f->buffer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(is_empty_at_birth, setup, teardown),
      cmocka_unit_test_setup_teardown(adds_bytes_text_and_numbers, setup, teardown),
      cmocka_unit_test_setup_teardown(is_text_after_every_step, setup, teardown),
      cmocka_unit_test_setup_teardown(keeps_to_its_limit, setup, teardown),
      cmocka_unit_test_setup_teardown(can_be_of_no_length, setup, teardown),
      cmocka_unit_test_setup_teardown(has_sizes_checked_without_a_limit, setup, teardown),
      cmocka_unit_test_setup_teardown(is_unchanged_without_memory, setup, teardown),
      cmocka_unit_test_setup_teardown(reserves_no_more_than_is_asked_for_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(gives_its_block_away, setup, teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
