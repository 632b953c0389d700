#include "fastcgi/pairs.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/text.h"
#include "fastcgi/record.h"
#include "fcgiproxy/error.h"

#define SHORT_MAX 127u
#define LONG_MAX_LEN 0x7fffffffu
#define LONG_BIT 0x80000000u

static size_t length_size(size_t len)
{
  return len <= SHORT_MAX ? 1 : 4;
}

int fcgip__pair_size(size_t name_len, size_t value_len, size_t *size)
{
  size_t sum;

  if (name_len > LONG_MAX_LEN || value_len > LONG_MAX_LEN)
    return -1;
  if (fcgip__add_size(name_len, value_len, &sum) < 0)
    return -1;
  return fcgip__add_size(sum, length_size(name_len) + length_size(value_len), size);
}

static size_t put_length(uint8_t *out, size_t len)
{
  if (len <= SHORT_MAX) {
    out[0] = (uint8_t)len;
    return 1;
  }
  fcgip__put_be32(out, (uint32_t)len | LONG_BIT);
  return 4;
}

void fcgip__packer_init(fcgip__packer *packer, uint8_t *out, uint16_t id)
{
  packer->out = out;
  packer->len = 0;
  packer->record_start = 0;
  packer->record_len = 0;
  packer->id = id;
}

/* Writes the header of the open record, now that its length is known. */
static void close_record(fcgip__packer *packer)
{
  if (packer->record_len == 0)
    return;
  if (packer->out != NULL)
    fcgip__record_header(packer->out + packer->record_start, FCGIP__PARAMS, packer->id,
                         packer->record_len);
  packer->record_len = 0;
}

void fcgip__packer_add(fcgip__packer *packer, const char *name, size_t name_len, const char *value,
                       size_t value_len)
{
  size_t size = 0;

  /* A pair that no record holds was refused when it was set. */
  if (fcgip__pair_size(name_len, value_len, &size) < 0 || size > FCGIP__PARAMS_MAX)
    return;
  if (packer->record_len + size > FCGIP__PARAMS_MAX)
    close_record(packer);
  if (packer->record_len == 0) {
    packer->record_start = packer->len;
    packer->len += FCGIP__HEADER_LEN;
  }
  if (packer->out != NULL) {
    uint8_t *at = packer->out + packer->len;

    at += put_length(at, name_len);
    at += put_length(at, value_len);
    memcpy(at, name, name_len);
    memcpy(at + name_len, value, value_len);
  }
  packer->len += size;
  packer->record_len += size;
}

size_t fcgip__packer_finish(fcgip__packer *packer)
{
  close_record(packer);
  if (packer->out != NULL)
    fcgip__record_header(packer->out + packer->len, FCGIP__PARAMS, packer->id, 0);
  packer->len += FCGIP__HEADER_LEN;
  return packer->len;
}

/* 0, or -1 if the bytes end within the length. */
static int take_length(const uint8_t **data, size_t *len, size_t *value)
{
  if (*len < 1)
    return -1;
  if ((*data)[0] <= SHORT_MAX) {
    *value = (*data)[0];
    *data += 1;
    *len -= 1;
    return 0;
  }
  if (*len < 4)
    return -1;
  *value = fcgip__get_be32(*data) & ~LONG_BIT;
  *data += 4;
  *len -= 4;
  return 0;
}

int fcgip__pair_next(const uint8_t **data, size_t *len, fcgip__pair *pair)
{
  if (*len == 0)
    return 0;
  if (take_length(data, len, &pair->name_len) < 0 || take_length(data, len, &pair->value_len) < 0)
    return -1;
  if (pair->name_len > *len || pair->value_len > *len - pair->name_len)
    return -1;
  pair->name = (const char *)*data;
  pair->value = (const char *)*data + pair->name_len;
  *data += pair->name_len + pair->value_len;
  *len -= pair->name_len + pair->value_len;
  return 1;
}

static const char *const value_names[] = {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"};
#define VALUE_COUNT (sizeof(value_names) / sizeof(value_names[0]))

size_t fcgip__get_values(uint8_t *out)
{
  size_t at = FCGIP__HEADER_LEN, i;

  for (i = 0; i < VALUE_COUNT; i++) {
    size_t name_len = strlen(value_names[i]);

    at += put_length(out + at, name_len);
    at += put_length(out + at, 0);
    memcpy(out + at, value_names[i], name_len);
    at += name_len;
  }
  assert(at == FCGIP__GET_VALUES_LEN);
  fcgip__record_header(out, FCGIP__GET_VALUES, 0, at - FCGIP__HEADER_LEN);
  return at;
}

int fcgip__capabilities_read(fcgip__capabilities *capabilities, const uint8_t *data, size_t len)
{
  int64_t *const fields[VALUE_COUNT] = {&capabilities->max_conns, &capabilities->max_reqs,
                                        &capabilities->mpxs_conns};
  fcgip__pair pair;
  uint64_t number;
  size_t i;
  int rc;

  for (i = 0; i < VALUE_COUNT; i++)
    *fields[i] = -1;
  while ((rc = fcgip__pair_next(&data, &len, &pair)) > 0) {
    for (i = 0; i < VALUE_COUNT; i++) {
      if (pair.name_len != strlen(value_names[i]) ||
          memcmp(pair.name, value_names[i], pair.name_len) != 0)
        continue;
      if (fcgip__parse_u64(pair.value, pair.value_len, &number) == 0 && number <= INT64_MAX)
        *fields[i] = (int64_t)number;
    }
  }
  return rc < 0 ? FCGIP_EPROTO : FCGIP_OK;
}
