#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bytes.h"

static void puts_the_most_significant_byte_first(void **state)
{
  uint8_t bytes[6] = {0xee, 0, 0, 0, 0, 0xee};

  (void)state;
  fcgip__put_be16(bytes + 1, 0x1234);
  assert_int_equal(bytes[1], 0x12);
  assert_int_equal(bytes[2], 0x34);
  fcgip__put_be32(bytes + 1, 0x89abcdef);
  assert_int_equal(bytes[1], 0x89);
  assert_int_equal(bytes[2], 0xab);
  assert_int_equal(bytes[3], 0xcd);
  assert_int_equal(bytes[4], 0xef);
  assert_int_equal(bytes[0], 0xee);
  assert_int_equal(bytes[5], 0xee);
}

static void reads_back_every_16_bit_number(void **state)
{
  uint32_t number;
  uint8_t bytes[2];

  (void)state;
  for (number = 0; number <= UINT16_MAX; number++) {
    fcgip__put_be16(bytes, (uint16_t)number);
    assert_int_equal(fcgip__get_be16(bytes), number);
    assert_int_equal(bytes[0] * 256 + bytes[1], number);
  }
}

static void reads_back_every_bit_of_32(void **state)
{
  unsigned bit;
  uint8_t bytes[4];

  (void)state;
  for (bit = 0; bit < 32; bit++) {
    fcgip__put_be32(bytes, UINT32_C(1) << bit);
    assert_int_equal(fcgip__get_be32(bytes), UINT32_C(1) << bit);
    fcgip__put_be32(bytes, ~(UINT32_C(1) << bit));
    assert_int_equal(fcgip__get_be32(bytes), ~(UINT32_C(1) << bit));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(puts_the_most_significant_byte_first),
      cmocka_unit_test(reads_back_every_16_bit_number),
      cmocka_unit_test(reads_back_every_bit_of_32),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
