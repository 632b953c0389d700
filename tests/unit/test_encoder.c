#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/random.h"
#include "fastcgi/encoder.h"
#include "fastcgi/pairs.h"
#include "support/reference_encoder.h"

enum { SCRATCH = 2048, IOVS = 16, LARGEST = 300000 };

static uint8_t content[LARGEST];
static uint8_t params[200000];
static size_t params_len;

static int setup(void **state)
{
  size_t i;

  (void)state;
  for (i = 0; i < LARGEST; i++)
    content[i] = (uint8_t)(i * 13 + i / 253);
  return 0;
}

/* Variables of these lengths, packed with an id that is not the one they will be sent with. */
static void pack(const size_t *value_lens, size_t count)
{
  fcgip__packer packer;
  size_t i;

  fcgip__packer_init(&packer, params, 0x5555);
  for (i = 0; i < count; i++)
    fcgip__packer_add(&packer, "NAME", 4, (const char *)content, value_lens[i]);
  params_len = fcgip__packer_finish(&packer);
}

static fcgip__encoded encoded_of(size_t content_len)
{
  fcgip__encoded encoded = {.params = params,
                            .params_len = params_len,
                            .content = content,
                            .content_have = content_len,
                            .content_len = content_len,
                            .role = 1};

  return encoded;
}

/* What has to come out, with the id in every header. */
static reference_bytes expected_of(const fcgip__encoded *encoded, unsigned id, unsigned flags)
{
  reference_bytes bytes = {0};
  size_t at = 0;

  reference_begin(&bytes, id, encoded->role, flags);
  while (at < encoded->params_len) {
    size_t len = (size_t)encoded->params[at + 4] << 8 | encoded->params[at + 5];

    reference_record(&bytes, 4, id, encoded->params + at + 8, len, 0);
    at += 8 + len;
  }
  reference_stdin(&bytes, id, encoded->content, (size_t)encoded->content_len);
  return bytes;
}

/* Encodes from `offset` on; what the iovecs refer to has to be the next bytes. Returns how many there were. */
static size_t check_at(const fcgip__encoded *encoded, const reference_bytes *expected, unsigned id,
                       int keep, size_t offset, size_t scratch_cap, size_t iov_cap)
{
  uint8_t *scratch = malloc(scratch_cap > 0 ? scratch_cap : 1);
  struct iovec *iov = malloc(iov_cap * sizeof(*iov));
  size_t count, i, total = 0;

  assert_non_null(scratch);
  assert_non_null(iov);
  count = fcgip__encode(encoded, (uint16_t)id, keep, offset, scratch, scratch_cap, iov, iov_cap);
  assert_true(count <= iov_cap);
  for (i = 0; i < count; i++) {
    assert_true(iov[i].iov_len > 0);
    assert_true(offset + total + iov[i].iov_len <= expected->len);
    assert_memory_equal(iov[i].iov_base, expected->data + offset + total, iov[i].iov_len);
    total += iov[i].iov_len;
  }
  free(iov);
  free(scratch);
  return total;
}

static const size_t content_lens[] = {0, 1, 7, 65534, 65535, 65536, 65537, 131069, 131070, 131071};

static void content_of_every_length(void **state)
{
  static const size_t values[] = {10, 200, 3000};
  size_t i;

  (void)state;
  pack(values, 3);
  for (i = 0; i < sizeof(content_lens) / sizeof(content_lens[0]); i++) {
    fcgip__encoded encoded = encoded_of(content_lens[i]);
    reference_bytes expected = expected_of(&encoded, 1, 0);
    size_t at = 0;

    assert_int_equal(fcgip__encoded_len(&encoded), expected.len);
    while (at < expected.len) {
      size_t n = check_at(&encoded, &expected, 1, 0, at, SCRATCH, IOVS);

      assert_true(n > 0);
      at += n;
    }
    assert_int_equal(check_at(&encoded, &expected, 1, 0, at, SCRATCH, IOVS), 0);
    free(expected.data);
  }
}

/* ENC-28: the kernel takes k bytes, whatever k is. */
static void from_every_offset(void **state)
{
  static const size_t values[] = {0, 1, 120, 127, 128, 700, 1500};
  fcgip__encoded encoded;
  reference_bytes expected;
  size_t at;

  (void)state;
  pack(values, 7);
  encoded = encoded_of(3000);
  expected = expected_of(&encoded, 0x1234, 1);
  for (at = 0; at <= expected.len; at++) {
    size_t n = check_at(&encoded, &expected, 0x1234, 1, at, SCRATCH, IOVS);

    assert_int_equal(n == 0, at == expected.len);
    if (expected.len - at <= SCRATCH)
      assert_int_equal(at + n, expected.len); /* all in one send */
  }
  free(expected.data);
}

/* Around every boundary of a large stream. */
static void from_offsets_at_boundaries(void **state)
{
  static const size_t values[] = {60000, 60000, 2000};
  fcgip__encoded encoded;
  reference_bytes expected;
  size_t boundary, d;

  (void)state;
  pack(values, 3);
  encoded = encoded_of(LARGEST);
  expected = expected_of(&encoded, 9, 0);
  for (boundary = 0; boundary + 8 <= expected.len;) {
    size_t len = (size_t)expected.data[boundary + 4] << 8 | expected.data[boundary + 5];

    for (d = 0; d < 24; d++) {
      if (boundary + d <= expected.len)
        check_at(&encoded, &expected, 9, 0, boundary + d, SCRATCH, IOVS);
      if (boundary >= d)
        check_at(&encoded, &expected, 9, 0, boundary - d, SCRATCH, IOVS);
    }
    boundary += 8 + len;
  }
  free(expected.data);
}

/* With as little room as there may be there is still progress, and never a byte out of place. */
static void with_little_room(void **state)
{
  static const size_t values[] = {5, 2000, 60};
  fcgip__encoded encoded;
  reference_bytes expected;
  size_t scratch, iovs;

  (void)state;
  pack(values, 3);
  encoded = encoded_of(70000);
  expected = expected_of(&encoded, 1, 0);
  for (scratch = 16; scratch < 80; scratch += 3) {
    for (iovs = 1; iovs < 5; iovs++) {
      size_t at = 0;

      while (at < expected.len) {
        size_t n = check_at(&encoded, &expected, 1, 0, at, scratch, iovs);

        assert_true(n > 0);
        at += n;
      }
    }
  }
  free(expected.data);
}

static void taken_in_random_pieces(void **state)
{
  static const size_t values[] = {5, 20000, 60, 65000, 1};
  fcgip__encoded encoded;
  reference_bytes expected;
  fcgip__random random;
  int round;

  (void)state;
  pack(values, 5);
  encoded = encoded_of(200000);
  expected = expected_of(&encoded, 65535, 1);
  fcgip__random_init(&random, 11);
  for (round = 0; round < 20; round++) {
    size_t at = 0;

    while (at < expected.len) {
      size_t n = check_at(&encoded, &expected, 65535, 1, at, SCRATCH, IOVS);

      assert_true(n > 0);
      at += 1 + (size_t)fcgip__random_below(&random, n);
    }
  }
  free(expected.data);
}

/* ENC-27: a usual request is one piece. */
static void a_small_request_is_one_piece(void **state)
{
  static const size_t values[] = {30, 3, 30, 12, 11, 4, 9, 2, 9, 8, 33, 2, 20};
  fcgip__encoded encoded;
  struct iovec iov[IOVS];
  uint8_t scratch[SCRATCH];

  (void)state;
  pack(values, 13);
  encoded = encoded_of(12);
  assert_int_equal(fcgip__encode(&encoded, 1, 0, 0, scratch, SCRATCH, iov, IOVS), 1);
  assert_int_equal(iov[0].iov_len, fcgip__encoded_len(&encoded));
}

/* The content is referred to, not copied. */
static void large_content_is_not_copied(void **state)
{
  static const size_t values[] = {1};
  fcgip__encoded encoded;
  struct iovec iov[IOVS];
  uint8_t scratch[SCRATCH];
  size_t count;

  (void)state;
  pack(values, 1);
  encoded = encoded_of(200000);
  count = fcgip__encode(&encoded, 1, 0, 0, scratch, SCRATCH, iov, IOVS);
  assert_true(count >= 2);
  assert_ptr_equal(iov[1].iov_base, content);
  assert_int_equal(iov[1].iov_len, 65535);
}

/* ---- content that is not all there ---- */

static void says_where_the_content_is(void **state)
{
  static const size_t values[] = {100};
  fcgip__encoded encoded;
  uint64_t head, at;

  (void)state;
  pack(values, 1);
  encoded = encoded_of(200000);
  head = 16 + params_len;
  assert_int_equal(fcgip__encoded_content_at(&encoded, 0), 0);
  assert_int_equal(fcgip__encoded_content_at(&encoded, head), 0);
  assert_int_equal(fcgip__encoded_content_at(&encoded, head + 8), 0);
  assert_int_equal(fcgip__encoded_content_at(&encoded, head + 9), 1);
  assert_int_equal(fcgip__encoded_content_at(&encoded, head + 8 + 65535), 65535);
  assert_int_equal(fcgip__encoded_content_at(&encoded, head + 8 + 65535 + 8), 65535);
  assert_int_equal(fcgip__encoded_content_at(&encoded, head + 8 + 65535 + 9), 65536);
  at = fcgip__encoded_len(&encoded);
  assert_int_equal(fcgip__encoded_content_at(&encoded, at), 200000);
  assert_int_equal(fcgip__encoded_content_at(&encoded, at - 8), 200000);
}

/* A window over the content moves along; nothing before or behind it is touched. */
static void sends_as_far_as_there_is_content(void **state)
{
  static const size_t values[] = {100}, windows[] = {1, 100, 4096, 65535, 65536, 150000};
  size_t w;

  (void)state;
  pack(values, 1);
  for (w = 0; w < sizeof(windows) / sizeof(windows[0]); w++) {
    size_t len = windows[w] < 100 ? 700 : 200000;
    fcgip__encoded whole = encoded_of(len), part = whole;
    reference_bytes expected = expected_of(&whole, 1, 0);
    size_t at = 0;

    part.content_have = 0;
    while (at < expected.len) {
      size_t n = check_at(&part, &expected, 1, 0, at, SCRATCH, IOVS);

      at += n;
      if (n > 0)
        continue;
      part.content_start = fcgip__encoded_content_at(&part, at);
      assert_true(part.content_start < len);
      part.content_have = len - (size_t)part.content_start;
      if (part.content_have > windows[w])
        part.content_have = windows[w];
      part.content = content + part.content_start;
    }
    free(expected.data);
  }
}

/* ENC-12, BOD-03: beyond 4 GiB, without walking through it. */
static void more_than_four_gibibytes(void **state)
{
  static const uint64_t len = (UINT64_C(1) << 32) + 1;
  static const size_t values[] = {1};
  struct iovec iov[IOVS];
  uint8_t scratch[SCRATCH];
  fcgip__encoded encoded;
  uint64_t records = len / 65535 + 1, total;

  (void)state;
  pack(values, 1);
  encoded = encoded_of(0);
  encoded.content_len = len;
  total = fcgip__encoded_len(&encoded);
  assert_true(total == 16 + params_len + len + 8 * (records + 1));
  assert_true(fcgip__encoded_content_at(&encoded, total) == len);
  /* The last byte, and the end. */
  encoded.content_start = len - 1;
  encoded.content_have = 1;
  encoded.content = content + 5;
  assert_true(fcgip__encoded_content_at(&encoded, total - 9) == len - 1);
  assert_int_equal(fcgip__encode(&encoded, 1, 0, total - 9, scratch, SCRATCH, iov, IOVS), 1);
  assert_int_equal(iov[0].iov_len, 9);
  assert_memory_equal(iov[0].iov_base, content + 5, 1);
  assert_memory_equal((uint8_t *)iov[0].iov_base + 1, "\1\5\0\1\0\0\0\0", 8);
  assert_int_equal(fcgip__encode(&encoded, 1, 0, total, scratch, SCRATCH, iov, IOVS), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(content_of_every_length),
      cmocka_unit_test(from_every_offset),
      cmocka_unit_test(from_offsets_at_boundaries),
      cmocka_unit_test(with_little_room),
      cmocka_unit_test(taken_in_random_pieces),
      cmocka_unit_test(a_small_request_is_one_piece),
      cmocka_unit_test(large_content_is_not_copied),
      cmocka_unit_test(says_where_the_content_is),
      cmocka_unit_test(sends_as_far_as_there_is_content),
      cmocka_unit_test(more_than_four_gibibytes),
  };

  return cmocka_run_group_tests(tests, setup, NULL);
}
