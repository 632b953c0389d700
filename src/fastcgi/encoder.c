#include "fastcgi/encoder.h"

#include <string.h>

#include "base/bytes.h"
#include "fastcgi/record.h"

#define STDIN_RECORD_LEN (FCGIP__HEADER_LEN + (uint64_t)FCGIP__CONTENT_MAX)

/* Below this, one copy costs less than one more iovec. */
#define COPY_MAX 1024u

/* Where the bytes go; `skip` is what still lies before the offset asked for. */
typedef struct writer {
  uint64_t skip;
  uint8_t *scratch;
  size_t scratch_len;
  size_t scratch_cap;
  struct iovec *iov;
  size_t iov_len;
  size_t iov_cap;
  int in_scratch; /* the last iovec ends at scratch_len */
  uint16_t id;
} writer;

uint64_t fcgip__encoded_content_at(const fcgip__encoded *encoded, uint64_t offset)
{
  uint64_t head = FCGIP__BEGIN_LEN + encoded->params_len;
  uint64_t records, rest, content;

  if (offset <= head)
    return 0;
  records = (offset - head) / STDIN_RECORD_LEN;
  rest = (offset - head) % STDIN_RECORD_LEN;
  content =
      records * FCGIP__CONTENT_MAX + (rest > FCGIP__HEADER_LEN ? rest - FCGIP__HEADER_LEN : 0);
  return content < encoded->content_len ? content : encoded->content_len;
}

static int skip_all(writer *w, uint64_t len)
{
  if (w->skip < len)
    return 0;
  w->skip -= len;
  return 1;
}

static int add_iovec(writer *w, const uint8_t *data, size_t len, int in_scratch)
{
  if (w->iov_len == w->iov_cap)
    return 0;
  /* An iovec has no const pointer; nothing writes through this one. */
  w->iov[w->iov_len].iov_base = (void *)(uintptr_t)data;
  w->iov[w->iov_len].iov_len = len;
  w->iov_len++;
  w->in_scratch = in_scratch;
  return 1;
}

/* 0 if there was no room for all of it: nothing may follow. */
static int put_copy(writer *w, const uint8_t *data, size_t len)
{
  uint8_t *at = w->scratch + w->scratch_len;

  if (skip_all(w, len))
    return 1;
  data += w->skip;
  len -= (size_t)w->skip;
  w->skip = 0;
  if (len > w->scratch_cap - w->scratch_len)
    return 0;
  if (w->in_scratch)
    w->iov[w->iov_len - 1].iov_len += len;
  else if (!add_iovec(w, at, len, 1))
    return 0;
  memcpy(at, data, len);
  w->scratch_len += len;
  return 1;
}

static int put(writer *w, const uint8_t *data, size_t len)
{
  if (len == 0 || skip_all(w, len))
    return 1;
  data += w->skip;
  len -= (size_t)w->skip;
  w->skip = 0;
  if (len <= COPY_MAX && len <= w->scratch_cap - w->scratch_len)
    return put_copy(w, data, len);
  return add_iovec(w, data, len, 0);
}

static int put_header(writer *w, enum fcgip__record_type type, size_t content_len)
{
  uint8_t header[FCGIP__HEADER_LEN];

  if (skip_all(w, sizeof(header)))
    return 1;
  fcgip__record_header(header, type, w->id, content_len);
  return put_copy(w, header, sizeof(header));
}

static int put_params(writer *w, const fcgip__encoded *encoded)
{
  const uint8_t *at = encoded->params;
  const uint8_t *end = at + encoded->params_len;

  while (at < end) {
    size_t len = fcgip__get_be16(at + 4);

    if (!put_header(w, FCGIP__PARAMS, len) || !put(w, at + FCGIP__HEADER_LEN, len))
      return 0;
    at += FCGIP__HEADER_LEN + len;
  }
  return 1;
}

/* The part of one record's content that we have; 0 if that is not all of it. */
static int put_content(writer *w, const fcgip__encoded *encoded, uint64_t from, size_t len)
{
  uint64_t have_end = encoded->content_start + encoded->content_have;
  uint64_t start = from + w->skip;

  if (skip_all(w, len))
    return 1;
  len -= (size_t)w->skip;
  w->skip = 0;
  if (start < encoded->content_start || start >= have_end)
    return 0;
  if (len > have_end - start) {
    put(w, encoded->content + (start - encoded->content_start), (size_t)(have_end - start));
    return 0;
  }
  return put(w, encoded->content + (start - encoded->content_start), len);
}

static int put_stdin(writer *w, const fcgip__encoded *encoded)
{
  uint64_t records = w->skip / STDIN_RECORD_LEN;
  uint64_t full = encoded->content_len / FCGIP__CONTENT_MAX;
  uint64_t from;

  /* Straight to the record, however large the content. */
  if (records > full)
    records = full;
  w->skip -= records * STDIN_RECORD_LEN;
  for (from = records * FCGIP__CONTENT_MAX; from < encoded->content_len;
       from += FCGIP__CONTENT_MAX) {
    uint64_t left = encoded->content_len - from;
    size_t len = left > FCGIP__CONTENT_MAX ? FCGIP__CONTENT_MAX : (size_t)left;

    if (!put_header(w, FCGIP__STDIN, len) || !put_content(w, encoded, from, len))
      return 0;
  }
  return put_header(w, FCGIP__STDIN, 0);
}

int fcgip__encoded_is_small(const fcgip__encoded *encoded)
{
  return encoded->content_len <= COPY_MAX && encoded->params_len <= FCGIP__SMALL_MAX &&
         encoded->content_start == 0 && encoded->content_have == encoded->content_len &&
         fcgip__encoded_len(encoded) <= FCGIP__SMALL_MAX;
}

static uint8_t *copy_params(uint8_t *at, const fcgip__encoded *encoded, uint16_t id)
{
  uint8_t *end = at + encoded->params_len;

  memcpy(at, encoded->params, encoded->params_len);
  while (at < end) {
    fcgip__put_be16(at + 2, id);
    at += FCGIP__HEADER_LEN + fcgip__get_be16(at + 4);
  }
  return end;
}

size_t fcgip__encode_small(const fcgip__encoded *encoded, uint16_t id, int keep, uint8_t *out)
{
  size_t content_len = (size_t)encoded->content_len;
  uint8_t *at = out;

  fcgip__record_begin(at, id, encoded->role, keep);
  at = copy_params(at + FCGIP__BEGIN_LEN, encoded, id);
  if (content_len > 0) {
    fcgip__record_header(at, FCGIP__STDIN, id, content_len);
    memcpy(at + FCGIP__HEADER_LEN, encoded->content, content_len);
    at += FCGIP__HEADER_LEN + content_len;
  }
  fcgip__record_header(at, FCGIP__STDIN, id, 0);
  return (size_t)(at - out) + FCGIP__HEADER_LEN;
}

size_t fcgip__encode(const fcgip__encoded *encoded, uint16_t id, int keep, uint64_t offset,
                     uint8_t *scratch, size_t scratch_cap, struct iovec *iov, size_t iov_cap)
{
  writer w = {0};
  uint8_t begin[FCGIP__BEGIN_LEN];

  w.skip = offset;
  w.scratch = scratch;
  w.scratch_cap = scratch_cap;
  w.iov = iov;
  w.iov_cap = iov_cap;
  w.id = id;
  if (!skip_all(&w, sizeof(begin))) {
    fcgip__record_begin(begin, id, encoded->role, keep);
    put_copy(&w, begin, sizeof(begin));
  }
  if (put_params(&w, encoded))
    put_stdin(&w, encoded);
  return w.iov_len;
}
