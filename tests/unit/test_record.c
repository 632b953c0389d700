#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fastcgi/record.h"

static void headers(void **state)
{
  static const uint8_t expected[][8] = {{1, 4, 0, 1, 0, 0, 0, 0},
                                        {1, 5, 0xff, 0xff, 0xff, 0xff, 0, 0},
                                        {1, 9, 0, 0, 0, 0x30, 0, 0},
                                        {1, 2, 0x12, 0x34, 0x01, 0x02, 0, 0}};
  uint8_t out[8];

  (void)state;
  memset(out, 0xa5, sizeof(out));
  fcgip__record_header(out, FCGIP__PARAMS, 1, 0);
  assert_memory_equal(out, expected[0], 8);
  memset(out, 0xa5, sizeof(out));
  fcgip__record_header(out, FCGIP__STDIN, 65535, FCGIP__CONTENT_MAX);
  assert_memory_equal(out, expected[1], 8);
  fcgip__record_header(out, FCGIP__GET_VALUES, 0, 48);
  assert_memory_equal(out, expected[2], 8);
  fcgip__record_header(out, FCGIP__ABORT_REQUEST, 0x1234, 0x102);
  assert_memory_equal(out, expected[3], 8);
}

/* ENC-01 to ENC-04: role, flags, and nothing of what was in memory before. */
static void begin_requests(void **state)
{
  static const uint8_t plain[16] = {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  static const uint8_t kept[16] = {1, 1, 0xab, 0xcd, 0, 8, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0};
  uint8_t out[17];

  (void)state;
  memset(out, 0xa5, sizeof(out));
  fcgip__record_begin(out, 1, 1, 0);
  assert_memory_equal(out, plain, 16);
  memset(out, 0xa5, sizeof(out));
  fcgip__record_begin(out, 0xabcd, 3, 77);
  assert_memory_equal(out, kept, 16);
  assert_int_equal(out[16], 0xa5);
}

/* ENC-16, KAL-11 */
static void next_ids(void **state)
{
  uint16_t id = 1;
  int i;

  (void)state;
  for (i = 2; i <= 65535; i++) {
    id = fcgip__next_wire_id(id);
    assert_int_equal(id, i);
  }
  assert_int_equal(fcgip__next_wire_id(id), 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(headers),
      cmocka_unit_test(begin_requests),
      cmocka_unit_test(next_ids),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
