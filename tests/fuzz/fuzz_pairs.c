/* Name-value pairs both ways. Input: bytes; read as they are, and as the description of pairs to be packed.
 *
 *  - Any bytes: the pairs that an oracle (wire.h) reads, or an error where it sees one; no byte behind them is read.
 *  - Packed and read again, pairs are what they were: each whole in a record of at most 65528 bytes, no empty
 *    record but the last; measuring says exactly what writing takes.
 *  - GET_VALUES_RESULT: capabilities are numbers or unknown, whatever comes. */
#include <stdlib.h>
#include <string.h>

#include "fastcgi/pairs.h"
#include "fastcgi/record.h"
#include "fcgiproxy/error.h"
#include "fuzz/wire.h"

#define MOST_PAIRS 64

typedef struct pairs {
  fcgip__pair items[MOST_PAIRS];
  size_t count;
} pairs;

static void check_reading(const uint8_t *bytes, size_t len)
{
  uint8_t *exact = fuzz_copy(bytes, len);
  const uint8_t *data = exact;
  size_t left = len, at = 0;
  fcgip__pair pair;
  wire_pair expected;
  int rc, wanted;

  do {
    rc = fcgip__pair_next(&data, &left, &pair);
    wanted = wire_pair_next(exact, len, &at, &expected, NULL);
    FUZZ_CHECK(rc == wanted);
    if (rc > 0) {
      FUZZ_CHECK(data == exact + at && left == len - at);
      FUZZ_CHECK(pair.name == (const char *)exact + expected.name_at);
      FUZZ_CHECK(pair.value == (const char *)exact + expected.value_at);
      FUZZ_CHECK(pair.name_len == expected.name_len && pair.value_len == expected.value_len);
    }
  } while (rc > 0);
  free(exact);
}

static void check_capabilities(const uint8_t *bytes, size_t len)
{
  uint8_t *exact = fuzz_copy(bytes, len);
  fcgip__capabilities said;
  int rc = fcgip__capabilities_read(&said, exact, len);

  FUZZ_CHECK(rc == FCGIP_OK || rc == FCGIP_EPROTO);
  FUZZ_CHECK(said.max_conns >= -1 && said.max_reqs >= -1 && said.mpxs_conns >= -1);
  free(exact);
}

/* One length: small ones are likely, and those about which something changes. */
static size_t read_length(fuzz_input *in)
{
  static const uint16_t edges[] = {126,   127,   128,   255,   256,   32767, 65518, 65519,
                                   65520, 65521, 65522, 65523, 65524, 65526, 65528, 65535};
  unsigned n = fuzz_u8(in);

  if (n < 200)
    return n;
  return n < 240 ? edges[n % 16] : fuzz_u16(in);
}

/* Texts are filled from a generator: 64 KiB of them in 3 bytes of input. */
static char *make_text(fuzz_input *in, size_t len)
{
  uint32_t seed = fuzz_u8(in) + 1U;
  char *text = fuzz_alloc(len);
  size_t i;

  for (i = 0; i < len; i++)
    text[i] = (char)fuzz_random(&seed);
  return text;
}

static void make_pairs(pairs *p, fuzz_input *in)
{
  size_t size;

  p->count = 0;
  while (in->left > 0 && p->count < MOST_PAIRS) {
    fcgip__pair *pair = &p->items[p->count];

    pair->name_len = read_length(in);
    pair->value_len = read_length(in);
    FUZZ_CHECK(fcgip__pair_size(pair->name_len, pair->value_len, &size) == 0);
    FUZZ_CHECK(size == pair->name_len + pair->value_len + (pair->name_len < 128 ? 1U : 4U) +
                           (pair->value_len < 128 ? 1U : 4U));
    if (size > FCGIP__PARAMS_MAX)
      continue;
    pair->name = make_text(in, pair->name_len);
    pair->value = make_text(in, pair->value_len);
    p->count++;
  }
}

static size_t pack(const pairs *p, uint8_t *out, uint16_t id)
{
  fcgip__packer packer;
  size_t i;

  fcgip__packer_init(&packer, out, id);
  for (i = 0; i < p->count; i++)
    fcgip__packer_add(&packer, p->items[i].name, p->items[i].name_len, p->items[i].value,
                      p->items[i].value_len);
  return fcgip__packer_finish(&packer);
}

/* The packed records behind a BEGIN_REQUEST and before an empty STDIN are a request, as the oracle reads it. */
static void check_packed(const pairs *p, const uint8_t *packed, size_t len, uint16_t id)
{
  static const uint8_t begin[8] = {0, 1};
  fuzz_buffer bytes = {0};
  wire_request request;
  size_t i;

  wire_put_record(&bytes, 1, id, begin, sizeof(begin), 0);
  fuzz_put(&bytes, packed, len);
  wire_put_record(&bytes, 5, id, NULL, 0, 0);
  wire_read_request(&request, bytes.data, bytes.len);
  FUZZ_CHECK(request.wrong == NULL && request.is_whole && request.len == bytes.len);
  FUZZ_CHECK(request.pair_count == p->count);
  for (i = 0; i < p->count; i++) {
    const wire_pair *got = &request.pairs[i];
    const fcgip__pair *pair = &p->items[i];

    FUZZ_CHECK(got->name_len == pair->name_len && got->value_len == pair->value_len);
    FUZZ_CHECK(memcmp(request.params.data + got->name_at, pair->name, pair->name_len) == 0);
    FUZZ_CHECK(memcmp(request.params.data + got->value_at, pair->value, pair->value_len) == 0);
  }
  wire_request_free(&request);
  fuzz_buffer_free(&bytes);
}

static void check_packing(fuzz_input in)
{
  uint16_t id = (uint16_t)(fuzz_u8(&in) + 1);
  uint8_t *packed;
  pairs p;
  size_t len, i;

  make_pairs(&p, &in);
  len = pack(&p, NULL, id);
  packed = fuzz_alloc(len);
  FUZZ_CHECK(pack(&p, packed, id) == len);
  check_packed(&p, packed, len, id);
  free(packed);
  for (i = 0; i < p.count; i++) {
    free((void *)(uintptr_t)p.items[i].name);
    free((void *)(uintptr_t)p.items[i].value);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  fuzz_input in = {data, size};

  fuzz_begin();
  check_reading(data, size);
  check_capabilities(data, size);
  check_packing(in);
  fuzz_end();
  return 0;
}
