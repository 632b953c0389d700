#include "fuzz/wire.h"

#include <stdlib.h>
#include <string.h>

static size_t two_bytes(const uint8_t *at)
{
  return (size_t)at[0] * 256 + at[1];
}

int wire_next(const uint8_t *bytes, size_t len, size_t at, wire_record *record)
{
  size_t left;

  if (at >= len)
    return 0;
  if (bytes[at] != 1)
    return -1;
  left = len - at;
  if (left < 8)
    return 0;
  record->type = bytes[at + 1];
  record->id = (unsigned)two_bytes(bytes + at + 2);
  record->content_len = two_bytes(bytes + at + 4);
  record->padding_len = bytes[at + 6];
  record->content = bytes + at + 8;
  record->content_have = left - 8 < record->content_len ? left - 8 : record->content_len;
  record->next = at + 8 + record->content_len + record->padding_len;
  return 1;
}

enum wire_fault wire_judge(const wire_record *record, unsigned id)
{
  if (record->type == 6 || record->type == 7 || record->type == 3) {
    if (record->id != id)
      return WIRE_ID;
    return record->type == 3 && record->content_len != 8 ? WIRE_END_BODY : WIRE_FINE;
  }
  /* To the connection itself, 10 and 11 and whatever may come to be; to a request, nothing else. */
  if (record->type == 10 || record->type == 11)
    return record->id == 0 ? WIRE_FINE : WIRE_ID;
  if (record->type >= 1 && record->type <= 9)
    return WIRE_TYPE;
  return record->id == 0 ? WIRE_FINE : WIRE_TYPE;
}

static void read_end(wire_answer *answer, const uint8_t *body)
{
  answer->has_ended = 1;
  answer->app_status = (uint32_t)two_bytes(body) * 65536 + (uint32_t)two_bytes(body + 2);
  answer->protocol_status = body[4];
}

void wire_read_answer(wire_answer *answer, const uint8_t *bytes, size_t len, unsigned id)
{
  wire_record record;
  size_t at = 0;
  int rc;

  memset(answer, 0, sizeof(*answer));
  while ((rc = wire_next(bytes, len, at, &record)) > 0) {
    answer->fault = wire_judge(&record, id);
    if (answer->fault != WIRE_FINE)
      return;
    if (record.type == 6)
      fuzz_put(&answer->out, record.content, record.content_have);
    if (record.type == 7)
      fuzz_put(&answer->err, record.content, record.content_have);
    if (record.type == 3 && record.content_have == 8) {
      read_end(answer, record.content);
      answer->end_at = record.next;
      return;
    }
    at = record.next;
  }
  if (rc < 0)
    answer->fault = WIRE_VERSION;
}

void wire_answer_free(wire_answer *answer)
{
  fuzz_buffer_free(&answer->out);
  fuzz_buffer_free(&answer->err);
}

/* ---- requests ---- */

static int take_length(const uint8_t *data, size_t len, size_t *at, size_t *out, int *is_long)
{
  if (*at >= len)
    return -1;
  if ((data[*at] & 0x80) == 0) {
    *out = data[(*at)++];
    return 0;
  }
  if (len - *at < 4)
    return -1;
  *out = (two_bytes(data + *at) & 0x7fff) * 65536 + two_bytes(data + *at + 2);
  *at += 4;
  if (*out < 128 && is_long != NULL)
    *is_long = 1;
  return 0;
}

int wire_pair_next(const uint8_t *data, size_t len, size_t *at, wire_pair *pair, int *is_long)
{
  if (*at == len)
    return 0;
  if (take_length(data, len, at, &pair->name_len, is_long) < 0 ||
      take_length(data, len, at, &pair->value_len, is_long) < 0)
    return -1;
  if (pair->name_len > len - *at || pair->value_len > len - *at - pair->name_len)
    return -1;
  pair->name_at = *at;
  pair->value_at = *at + pair->name_len;
  *at = pair->value_at + pair->value_len;
  return 1;
}

static void add_pair(wire_request *request, wire_pair pair, size_t base)
{
  pair.name_at += base;
  pair.value_at += base;
  /* One allocation for each power of two. */
  if ((request->pair_count & (request->pair_count - 1)) == 0) {
    size_t cap = request->pair_count > 0 ? request->pair_count * 2 : 1;

    request->pairs = realloc(request->pairs, cap * sizeof(pair));
    FUZZ_CHECK(request->pairs != NULL);
  }
  request->pairs[request->pair_count++] = pair;
}

static void read_params(wire_request *request, const wire_record *record)
{
  size_t base = request->params.len, at = 0;
  int is_long = 0, rc;
  wire_pair pair;

  while ((rc = wire_pair_next(record->content, record->content_len, &at, &pair, &is_long)) > 0)
    add_pair(request, pair, base);
  if (rc < 0)
    request->wrong = "a pair that is not whole in its record";
  if (is_long)
    request->wrong = "a length in four bytes that fits in one";
  if (record->content_len > 65528)
    request->wrong = "a PARAMS record that php-fpm does not read";
  fuzz_put(&request->params, record->content, record->content_len);
}

static void read_begin(wire_request *request, const wire_record *record)
{
  static const uint8_t zeros[5];

  request->id = record->id;
  if (record->type != 1 || record->content_len != 8) {
    request->wrong = "a request that does not begin with BEGIN_REQUEST";
    return;
  }
  request->role = (unsigned)two_bytes(record->content);
  request->flags = record->content[2];
  if (memcmp(record->content + 3, zeros, sizeof(zeros)) != 0)
    request->wrong = "reserved bytes of BEGIN_REQUEST that are not zero";
  if (request->id == 0 || request->flags > 1)
    request->wrong = "the id 0, or unknown flags";
}

/* Where in a request: BEGIN_REQUEST, PARAMS, STDIN, behind it. */
enum { AT_BEGIN, AT_PARAMS, AT_STDIN, AT_END };

static int read_record(wire_request *request, const wire_record *record, int where)
{
  if (where == AT_BEGIN) {
    read_begin(request, record);
    return AT_PARAMS;
  }
  if (record->id != request->id)
    request->wrong = "a record of another request";
  if (record->type != (where == AT_PARAMS ? 4U : 5U))
    request->wrong = "a record of another type than there has to be";
  if (request->wrong != NULL)
    return where;
  if (record->content_len == 0)
    return where + 1;
  if (where == AT_PARAMS)
    read_params(request, record);
  else
    fuzz_put(&request->content, record->content, record->content_len);
  return where;
}

void wire_read_request(wire_request *request, const uint8_t *bytes, size_t len)
{
  int where = AT_BEGIN, rc;
  wire_record record;

  memset(request, 0, sizeof(*request));
  while (where != AT_END && (rc = wire_next(bytes, len, request->len, &record)) != 0) {
    if (rc < 0) {
      request->wrong = "another version than 1";
      return;
    }
    if (record.next > len) { /* of the last record, what of its content came */
      if (where == AT_STDIN && record.type == 5)
        fuzz_put(&request->content, record.content, record.content_have);
      return;
    }
    if (record.padding_len != 0 || bytes[request->len + 7] != 0)
      request->wrong = "padding, or a reserved byte that is not zero";
    if (request->wrong == NULL)
      where = read_record(request, &record, where);
    if (request->wrong != NULL)
      return;
    request->len = record.next;
  }
  request->is_whole = where == AT_END;
}

void wire_request_free(wire_request *request)
{
  fuzz_buffer_free(&request->params);
  fuzz_buffer_free(&request->content);
  free(request->pairs);
  request->pairs = NULL;
}

const uint8_t *wire_find(const wire_request *request, const char *name, size_t *len)
{
  size_t name_len = strlen(name), i;

  for (i = request->pair_count; i-- > 0;) {
    const wire_pair *pair = &request->pairs[i];

    if (pair->name_len == name_len &&
        memcmp(request->params.data + pair->name_at, name, name_len) == 0) {
      *len = pair->value_len;
      return request->params.data + pair->value_at;
    }
  }
  return NULL;
}

/* ---- making ---- */

void wire_put_record(fuzz_buffer *to, unsigned type, unsigned id, const void *content, size_t len,
                     unsigned padding)
{
  static const uint8_t zeros[255];
  const uint8_t header[8] = {1,
                             (uint8_t)type,
                             (uint8_t)(id >> 8),
                             (uint8_t)id,
                             (uint8_t)(len >> 8),
                             (uint8_t)len,
                             (uint8_t)padding,
                             0};

  fuzz_put(to, header, sizeof(header));
  fuzz_put(to, content, len);
  fuzz_put(to, zeros, padding);
}

void wire_put_end(fuzz_buffer *to, unsigned id, uint32_t app_status, unsigned protocol_status,
                  unsigned padding)
{
  const uint8_t body[8] = {(uint8_t)(app_status >> 24),
                           (uint8_t)(app_status >> 16),
                           (uint8_t)(app_status >> 8),
                           (uint8_t)app_status,
                           (uint8_t)protocol_status,
                           'a',
                           'r',
                           's'};

  wire_put_record(to, 3, id, body, sizeof(body), padding);
}
