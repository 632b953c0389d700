#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fastcgi/pairs.h"
#include "fastcgi/record.h"
#include "fcgiproxy/error.h"
#include "support/reference_decoder.h"
#include "support/reference_encoder.h"

static const size_t lengths[] = {0, 1, 2, 126, 127, 128, 129, 255, 256, 65000};
enum { LENGTHS = sizeof(lengths) / sizeof(lengths[0]) };

static char text[70000];

static int setup(void **state)
{
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(text); i++)
    text[i] = (char)('a' + i % 26);
  return 0;
}

/* ENC-05, ENC-06 */
static void sizes(void **state)
{
  size_t size = 0;

  (void)state;
  assert_int_equal(fcgip__pair_size(0, 0, &size), 0);
  assert_int_equal(size, 2);
  assert_int_equal(fcgip__pair_size(127, 127, &size), 0);
  assert_int_equal(size, 256);
  assert_int_equal(fcgip__pair_size(128, 127, &size), 0);
  assert_int_equal(size, 260);
  assert_int_equal(fcgip__pair_size(127, 128, &size), 0);
  assert_int_equal(size, 260);
  assert_int_equal(fcgip__pair_size(128, 128, &size), 0);
  assert_int_equal(size, 264);
  assert_int_equal(fcgip__pair_size(0x7fffffff, 1, &size), 0);
  assert_true(size == (size_t)0x80000000u + 5);
}

static void sizes_that_cannot_be(void **state)
{
  static const size_t large[] = {0x80000000u, SIZE_MAX / 2 + 1, SIZE_MAX - 1, SIZE_MAX};
  size_t size = 77, i;

  (void)state;
  for (i = 0; i < 4; i++) {
    assert_int_equal(fcgip__pair_size(large[i], 0, &size), -1);
    assert_int_equal(fcgip__pair_size(0, large[i], &size), -1);
    assert_int_equal(fcgip__pair_size(large[i], large[i], &size), -1);
  }
}

/* Packs in both passes, which have to agree, into a block that is exactly as long. */
static uint8_t *pack(size_t count, const size_t *name_lens, const size_t *value_lens, size_t *len)
{
  fcgip__packer packer;
  uint8_t *out;
  size_t i;

  fcgip__packer_init(&packer, NULL, 7);
  for (i = 0; i < count; i++)
    fcgip__packer_add(&packer, text, name_lens[i], text + 1, value_lens[i]);
  *len = fcgip__packer_finish(&packer);
  out = malloc(*len);
  assert_non_null(out);
  memset(out, 0xa5, *len);
  fcgip__packer_init(&packer, out, 7);
  for (i = 0; i < count; i++)
    fcgip__packer_add(&packer, text, name_lens[i], text + 1, value_lens[i]);
  assert_int_equal(fcgip__packer_finish(&packer), *len);
  return out;
}

static void packs_every_length(void **state)
{
  size_t i, j, len;

  (void)state;
  for (i = 0; i < LENGTHS; i++) {
    for (j = 0; j < LENGTHS; j++) {
      reference_bytes content = {0}, expected = {0};
      uint8_t *packed;

      if (lengths[i] + lengths[j] > 65500)
        continue;
      packed = pack(1, &lengths[i], &lengths[j], &len);
      reference_put_pair(&content, text, lengths[i], text + 1, lengths[j]);
      reference_record(&expected, 4, 7, content.data, content.len, 0);
      reference_record(&expected, 4, 7, NULL, 0, 0);
      assert_int_equal(len, expected.len);
      assert_memory_equal(packed, expected.data, len);
      free(content.data);
      free(expected.data);
      free(packed);
    }
  }
}

/* ENC-10 */
static void packs_nothing(void **state)
{
  static const uint8_t expected[] = {1, 4, 0, 7, 0, 0, 0, 0};
  uint8_t *packed;
  size_t len;

  (void)state;
  packed = pack(0, NULL, NULL, &len);
  assert_int_equal(len, 8);
  assert_memory_equal(packed, expected, 8);
  free(packed);
}

/* ENC-07, ENC-09, ENC-11: no pair is cut, no record is empty but the last, none longer than php-fpm takes. */
static void splits_between_pairs(void **state)
{
  static const size_t values[] = {1, 100, 5000, 30000, 32750, 32752, 32753, 65000};
  enum { COUNT = 50 };
  size_t name_lens[COUNT], value_lens[COUNT], v, i, len;

  (void)state;
  for (v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
    reference_bytes whole = {0};
    reference_request request;
    const uint8_t *at;
    uint8_t *packed;
    char why[200] = "";
    size_t left;

    for (i = 0; i < COUNT; i++) {
      name_lens[i] = 3 + i % 5;
      value_lens[i] = values[v] - (i % 3 == 0 && values[v] > 50 ? i % 7 : 0);
    }
    packed = pack(COUNT, name_lens, value_lens, &len);
    reference_begin(&whole, 7, 1, 0);
    reference_put(&whole, packed, len);
    reference_stdin(&whole, 7, NULL, 0);
    at = whole.data;
    left = whole.len;
    assert_int_equal(reference_decode(&at, &left, &request, why, sizeof(why)), REFERENCE_OK);
    assert_int_equal(left, 0);
    assert_int_equal(request.pair_count, COUNT);
    assert_true(request.params_largest <= FCGIP__PARAMS_MAX);
    for (i = 0; i < COUNT; i++) {
      assert_false(request.pairs[i].straddles);
      assert_int_equal(request.pairs[i].name_len, name_lens[i]);
      assert_int_equal(request.pairs[i].value_len, value_lens[i]);
      assert_memory_equal(request.pairs[i].value, text + 1, value_lens[i]);
    }
    reference_free(&request);
    free(whole.data);
    free(packed);
  }
}

/* Exactly as much as a record holds, and a byte more. */
static void fills_a_record_exactly(void **state)
{
  size_t names[2] = {1, 1}, values[2] = {FCGIP__PARAMS_MAX - 1 - 1 - 4 - 10, 7}, len;
  uint8_t *packed;

  (void)state;
  packed = pack(2, names, values, &len); /* 1 + 1 + 1 + 7 = 10 */
  assert_int_equal(len, 8 + FCGIP__PARAMS_MAX + 8);
  assert_int_equal(packed[4] << 8 | packed[5], FCGIP__PARAMS_MAX);
  free(packed);
  values[1] = 8;
  packed = pack(2, names, values, &len);
  assert_int_equal(len, 8 + (FCGIP__PARAMS_MAX - 10) + 8 + 11 + 8);
  free(packed);
}

/* What no record holds is refused where it is set; if it came here all the same, it must not do harm. */
static void leaves_out_what_does_not_fit(void **state)
{
  size_t names[3] = {1, 1, 1}, values[3] = {5, FCGIP__PARAMS_MAX, 6}, len;
  uint8_t *packed = pack(3, names, values, &len);

  (void)state;
  assert_int_equal(len, 8 + 8 + 9 + 8);
  free(packed);
}

/* ---- reading ---- */

static void reads_what_was_packed(void **state)
{
  size_t i, j;

  (void)state;
  for (i = 0; i < LENGTHS; i++) {
    for (j = 0; j < LENGTHS; j++) {
      reference_bytes bytes = {0};
      const uint8_t *at;
      fcgip__pair pair;
      size_t len;

      reference_put_pair(&bytes, text, lengths[i], text + 1, lengths[j]);
      reference_put_pair(&bytes, "a", 1, "", 0);
      at = bytes.data;
      len = bytes.len;
      assert_int_equal(fcgip__pair_next(&at, &len, &pair), 1);
      assert_int_equal(pair.name_len, lengths[i]);
      assert_int_equal(pair.value_len, lengths[j]);
      assert_memory_equal(pair.name, text, pair.name_len);
      assert_memory_equal(pair.value, text + 1, pair.value_len);
      assert_int_equal(fcgip__pair_next(&at, &len, &pair), 1);
      assert_int_equal(pair.value_len, 0);
      assert_int_equal(fcgip__pair_next(&at, &len, &pair), 0);
      assert_ptr_equal(at, bytes.data + bytes.len);
      free(bytes.data);
    }
  }
}

/* Cut anywhere, in a block that ends there: an error, and not a byte beyond it is read. */
static void reads_no_further_than_there_is(void **state)
{
  reference_bytes bytes = {0};
  size_t cut;

  (void)state;
  reference_put_pair(&bytes, text, 130, text, 200);
  for (cut = 1; cut < bytes.len; cut++) {
    uint8_t *copy = malloc(cut);
    const uint8_t *at = copy;
    fcgip__pair pair;
    size_t len = cut;

    assert_non_null(copy);
    memcpy(copy, bytes.data, cut);
    assert_int_equal(fcgip__pair_next(&at, &len, &pair), -1);
    free(copy);
  }
  free(bytes.data);
}

/* TYP-12 */
static void reads_no_lengths_that_lie(void **state)
{
  static const uint8_t lies[][10] = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'a', 'b'},
                                     {9, 0, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'},
                                     {0, 9, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'},
                                     {4, 5, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'},
                                     {0x80, 0, 0, 6, 0, 'a', 'b', 'c', 'd', 'e'}};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
    uint8_t *copy = malloc(10);
    const uint8_t *at = copy;
    size_t len = 10;
    fcgip__pair pair;

    assert_non_null(copy);
    memcpy(copy, lies[i], 10);
    assert_int_equal(fcgip__pair_next(&at, &len, &pair), -1);
    free(copy);
  }
}

/* The spec allows the long form of a short length. */
static void reads_long_forms_of_short_lengths(void **state)
{
  static const uint8_t bytes[] = {0x80, 0, 0, 1, 0x80, 0, 0, 0, 'n'};
  const uint8_t *at = bytes;
  size_t len = sizeof(bytes);
  fcgip__pair pair;

  (void)state;
  assert_int_equal(fcgip__pair_next(&at, &len, &pair), 1);
  assert_int_equal(pair.name_len, 1);
  assert_int_equal(pair.value_len, 0);
  assert_int_equal(len, 0);
}

/* ---- GET_VALUES ---- */

/* ENC-17 */
static void asks_for_capabilities(void **state)
{
  static const uint8_t header[] = {1, 9, 0, 0, 0, 0x30, 0, 0};
  uint8_t out[FCGIP__GET_VALUES_LEN];

  (void)state;
  memset(out, 0xa5, sizeof(out));
  assert_int_equal(fcgip__get_values(out), FCGIP__GET_VALUES_LEN);
  assert_memory_equal(out, header, 8);
  assert_memory_equal(out + 8, "\016\000FCGI_MAX_CONNS\015\000FCGI_MAX_REQS\017\000FCGI_MPXS_CONNS",
                      48);
}

static void reads_capabilities(void **state)
{
  static const struct {
    const char *name, *value;
    int64_t conns, reqs, mpxs;
  } rows[] = {
      {"FCGI_MPXS_CONNS", "0", -1, -1, 0},
      {"FCGI_MAX_CONNS", "9223372036854775807", INT64_MAX, -1, -1},
      {"FCGI_MAX_CONNS", "9223372036854775808", -1, -1, -1},
      {"FCGI_MAX_REQS", "42", -1, 42, -1},
      {"FCGI_MAX_REQS", "abc", -1, -1, -1},
      {"FCGI_MAX_REQS", "", -1, -1, -1},
      {"FCGI_MAX_REQS", "-1", -1, -1, -1},
      {"FCGI_MAX_REQS", "123456789012345678901234567890", -1, -1, -1},
      {"FCGI_UNKNOWN", "5", -1, -1, -1},
      {"FCGI_MAX_CONN", "5", -1, -1, -1},
  };
  fcgip__capabilities capabilities;
  size_t i;

  (void)state;
  assert_int_equal(fcgip__capabilities_read(&capabilities, NULL, 0), FCGIP_OK);
  assert_true(capabilities.max_conns == -1 && capabilities.max_reqs == -1);
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    reference_bytes bytes = {0};

    reference_put_pair(&bytes, rows[i].name, strlen(rows[i].name), rows[i].value,
                       strlen(rows[i].value));
    assert_int_equal(fcgip__capabilities_read(&capabilities, bytes.data, bytes.len), FCGIP_OK);
    assert_true(capabilities.max_conns == rows[i].conns);
    assert_true(capabilities.max_reqs == rows[i].reqs);
    assert_true(capabilities.mpxs_conns == rows[i].mpxs);
    assert_int_equal(fcgip__capabilities_read(&capabilities, bytes.data, bytes.len - 1),
                     FCGIP_EPROTO);
    free(bytes.data);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sizes),
      cmocka_unit_test(sizes_that_cannot_be),
      cmocka_unit_test(packs_every_length),
      cmocka_unit_test(packs_nothing),
      cmocka_unit_test(splits_between_pairs),
      cmocka_unit_test(fills_a_record_exactly),
      cmocka_unit_test(leaves_out_what_does_not_fit),
      cmocka_unit_test(reads_what_was_packed),
      cmocka_unit_test(reads_no_further_than_there_is),
      cmocka_unit_test(reads_no_lengths_that_lie),
      cmocka_unit_test(reads_long_forms_of_short_lengths),
      cmocka_unit_test(asks_for_capabilities),
      cmocka_unit_test(reads_capabilities),
  };

  return cmocka_run_group_tests(tests, setup, NULL);
}
