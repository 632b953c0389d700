#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/reference_decoder.h"

typedef struct record {
  unsigned type, id;
  const uint8_t *content;
  size_t content_len, padding_len;
} record;

typedef struct sentence {
  char *text;
  size_t cap;
} sentence;

static enum reference_result complain(const sentence *why, enum reference_result result,
                                      const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static enum reference_result complain(const sentence *why, enum reference_result result,
                                      const char *format, ...)
{
  va_list args;

  va_start(args, format);
  vsnprintf(why->text, why->cap, format, args);
  va_end(args);
  return result;
}

static int is_zero(const uint8_t *bytes, size_t len)
{
  while (len > 0 && bytes[len - 1] == 0)
    len--;
  return len == 0;
}

/* FastCGI 1.0 section 3.3. Also: padding is there to align, so a client has no use for more than 7. */
static enum reference_result next_record(const uint8_t **bytes, size_t *len, record *r,
                                         const sentence *why)
{
  const uint8_t *at = *bytes;
  size_t whole;

  if (*len < 8)
    return complain(why, REFERENCE_MORE, "%zu bytes of a record header", *len);
  if (at[0] != 1)
    return complain(why, REFERENCE_BAD, "version %u", at[0]);
  if (at[7] != 0)
    return complain(why, REFERENCE_BAD, "reserved byte %u in a record header", at[7]);
  r->type = at[1];
  r->id = (unsigned)at[2] << 8 | at[3];
  r->content_len = (size_t)at[4] << 8 | at[5];
  r->padding_len = at[6];
  whole = 8 + r->content_len + r->padding_len;
  if (*len < whole)
    return complain(why, REFERENCE_MORE, "%zu of %zu bytes of a record of type %u", *len, whole,
                    r->type);
  r->content = at + 8;
  if (!is_zero(r->content + r->content_len, r->padding_len))
    return complain(why, REFERENCE_BAD, "padding that is not zero");
  *bytes += whole;
  *len -= whole;
  return REFERENCE_OK;
}

/* Section 5.1: roleB1 roleB0 flags, reserved[5]. */
static enum reference_result read_begin(const record *r, reference_request *out,
                                        const sentence *why)
{
  if (r->type != 1)
    return complain(why, REFERENCE_BAD, "type %u where BEGIN_REQUEST has to be", r->type);
  if (r->content_len != 8)
    return complain(why, REFERENCE_BAD, "BEGIN_REQUEST of %zu bytes", r->content_len);
  if (!is_zero(r->content + 3, 5))
    return complain(why, REFERENCE_BAD, "reserved bytes of BEGIN_REQUEST that are not zero");
  if (r->id == 0)
    return complain(why, REFERENCE_BAD, "request id 0");
  out->id = (uint16_t)r->id;
  out->role = (uint16_t)((unsigned)r->content[0] << 8 | r->content[1]);
  out->flags = r->content[2];
  out->padding += r->padding_len;
  if ((out->flags & ~1U) != 0)
    return complain(why, REFERENCE_BAD, "unknown flags %u", out->flags);
  return REFERENCE_OK;
}

static void append(uint8_t **to, size_t *len, const uint8_t *bytes, size_t count)
{
  /* One allocation for each power of two, so that large contents stay cheap. */
  size_t cap = 64, need = *len + count;

  while (cap < *len)
    cap *= 2;
  if (*to == NULL || need > cap) {
    while (cap < need)
      cap *= 2;
    *to = realloc(*to, cap);
    if (*to == NULL)
      abort();
  }
  if (count > 0)
    memcpy(*to + *len, bytes, count);
  *len = need;
}

/* One length of section 3.4. The wide form is for what the narrow one cannot say. */
static enum reference_result read_length(const uint8_t *params, size_t len, size_t *at, size_t *out,
                                         const sentence *why)
{
  if (*at >= len)
    return complain(why, REFERENCE_BAD, "PARAMS end where a length has to be");
  if (params[*at] < 128) {
    *out = params[(*at)++];
    return REFERENCE_OK;
  }
  if (len - *at < 4)
    return complain(why, REFERENCE_BAD, "PARAMS end inside a length");
  *out = ((size_t)params[*at] & 127) << 24 | (size_t)params[*at + 1] << 16 |
         (size_t)params[*at + 2] << 8 | params[*at + 3];
  *at += 4;
  if (*out < 128)
    return complain(why, REFERENCE_BAD, "length %zu in 4 bytes", *out);
  return REFERENCE_OK;
}

/* 1 if a record ends inside [from, to). */
static int is_cut(const size_t *ends, size_t count, size_t from, size_t to)
{
  size_t i;

  for (i = 0; i < count; i++)
    if (ends[i] > from && ends[i] < to)
      return 1;
  return 0;
}

static enum reference_result read_pairs(reference_request *out, const size_t *ends,
                                        const sentence *why)
{
  size_t at = 0, from, cap = 0;
  enum reference_result rc;

  while (at < out->params_len) {
    reference_pair pair = {0};

    from = at;
    rc = read_length(out->params, out->params_len, &at, &pair.name_len, why);
    if (rc == REFERENCE_OK)
      rc = read_length(out->params, out->params_len, &at, &pair.value_len, why);
    if (rc != REFERENCE_OK)
      return rc;
    if (out->params_len - at < pair.name_len ||
        out->params_len - at - pair.name_len < pair.value_len)
      return complain(why, REFERENCE_BAD, "a pair that is longer than PARAMS");
    pair.name = out->params + at;
    pair.value = pair.name + pair.name_len;
    at += pair.name_len + pair.value_len;
    pair.straddles = is_cut(ends, out->params_records, from, at);
    if (out->pair_count == cap) {
      cap = cap > 0 ? 2 * cap : 16;
      out->pairs = realloc(out->pairs, cap * sizeof(*out->pairs));
      if (out->pairs == NULL)
        abort();
    }
    out->pairs[out->pair_count++] = pair;
  }
  return REFERENCE_OK;
}

/* A stream of section 3.3: records of one type, each with content, until an empty one. */
static enum reference_result read_stream(const uint8_t **bytes, size_t *len, unsigned type,
                                         reference_request *out, uint8_t **content,
                                         size_t *content_len, size_t *records, size_t *largest,
                                         size_t **ends, const sentence *why)
{
  record r;
  enum reference_result rc;

  for (;;) {
    rc = next_record(bytes, len, &r, why);
    if (rc != REFERENCE_OK)
      return rc;
    if (r.id != out->id)
      return complain(why, REFERENCE_BAD, "id %u in a request of id %u", r.id, out->id);
    out->padding += r.padding_len;
    if (r.type == 2 && r.content_len == 0) {
      out->is_aborted = 1;
      return REFERENCE_OK;
    }
    if (r.type != type)
      return complain(why, REFERENCE_BAD, "type %u inside a stream of type %u", r.type, type);
    if (r.content_len == 0)
      return REFERENCE_OK;
    append(content, content_len, r.content, r.content_len);
    *largest = r.content_len > *largest ? r.content_len : *largest;
    (*records)++;
    if (ends != NULL) {
      *ends = realloc(*ends, *records * sizeof(**ends));
      if (*ends == NULL)
        abort();
      (*ends)[*records - 1] = *content_len;
    }
  }
}

enum reference_result reference_decode(const uint8_t **bytes, size_t *len, reference_request *out,
                                       char *why, size_t why_cap)
{
  sentence text = {why, why_cap};
  size_t *ends = NULL;
  record begin;
  enum reference_result rc;

  memset(out, 0, sizeof(*out));
  why[0] = '\0';
  rc = next_record(bytes, len, &begin, &text);
  if (rc == REFERENCE_OK)
    rc = read_begin(&begin, out, &text);
  if (rc == REFERENCE_OK)
    rc = read_stream(bytes, len, 4, out, &out->params, &out->params_len, &out->params_records,
                     &out->params_largest, &ends, &text);
  if (rc == REFERENCE_OK && !out->is_aborted)
    rc = read_pairs(out, ends, &text);
  if (rc == REFERENCE_OK && !out->is_aborted)
    rc = read_stream(bytes, len, 5, out, &out->content, &out->content_len, &out->content_records,
                     &out->content_largest, NULL, &text);
  free(ends);
  return rc;
}

void reference_free(reference_request *request)
{
  free(request->params);
  free(request->pairs);
  free(request->content);
  memset(request, 0, sizeof(*request));
}

const reference_pair *reference_find(const reference_request *request, const char *name)
{
  size_t len = strlen(name), i;

  for (i = 0; i < request->pair_count; i++)
    if (request->pairs[i].name_len == len && memcmp(request->pairs[i].name, name, len) == 0)
      return &request->pairs[i];
  return NULL;
}

int reference_has(const reference_request *request, const char *name, const char *value)
{
  const reference_pair *pair = reference_find(request, name);
  size_t len = strlen(name), i, count = 0;

  for (i = 0; i < request->pair_count; i++)
    if (request->pairs[i].name_len == len && memcmp(request->pairs[i].name, name, len) == 0)
      count++;
  return count == 1 && pair->value_len == strlen(value) &&
         memcmp(pair->value, value, pair->value_len) == 0;
}
