/* The CGI header block. Input: how many headers are allowed, the seed of the cuts (2 bytes), then STDOUT.
 *
 *  - However the bytes come, the search finds the end of the block where an oracle does, or nowhere.
 *  - What is read of the block is what a second parser, written from CONFORMANCE.md, reads: names, values, status,
 *    Content-Length, or that it is malformed, or that there are too many.
 *  - Each header is found by its name in any case; its line is all values of that name joined with ", ".
 *  - No byte behind the block is read; no text is without its NUL.
 *  - What is read in one step, or remembered from the time before, is the same. */
#include <stdlib.h>
#include <string.h>

#include "fcgiproxy/error.h"
#include "fuzz/fuzz.h"
#include "message/headers.h"

/* ---- the oracle ---- */

typedef struct pair {
  fuzz_buffer name, value; /* values without their NUL */
} pair;

typedef struct block {
  pair *pairs;
  size_t count;
  int is_malformed;
  int status;
  int has_length;
  uint64_t length;
} block;

/* Where the block ends, 0 if it does not. */
static size_t block_end(const uint8_t *bytes, size_t len)
{
  size_t start = 0, i;

  for (i = 0; i < len; i++) {
    if (bytes[i] != '\n')
      continue;
    if (i == start || (i == start + 1 && bytes[start] == '\r'))
      return i + 1;
    start = i + 1;
  }
  return 0;
}

static int is_blank(uint8_t c)
{
  return c == ' ' || c == '\t';
}

static void trim(const uint8_t **text, size_t *len)
{
  for (; *len > 0 && is_blank(**text); (*text)++)
    (*len)--;
  while (*len > 0 && is_blank((*text)[*len - 1]))
    (*len)--;
}

static int has_bad_byte(const uint8_t *text, size_t len)
{
  return len > 0 && (memchr(text, 0, len) != NULL || memchr(text, '\r', len) != NULL);
}

static int is_name(const uint8_t *text, size_t len)
{
  size_t i;

  for (i = 0; i < len; i++)
    if (text[i] <= ' ' || text[i] >= 127 || strchr("\"(),/:;<=>?@[\\]{}", text[i]) != NULL)
      return 0;
  return len > 0;
}

/* "200", "200 ", "200 OK"; 0 if it is none. */
static int status_of(const uint8_t *text, size_t len)
{
  int status = 0, i;

  if (len < 3 || (len > 3 && text[3] != ' '))
    return 0;
  for (i = 0; i < 3; i++) {
    if (text[i] < '0' || text[i] > '9')
      return 0;
    status = status * 10 + (text[i] - '0');
  }
  return status >= 100 ? status : 0;
}

static void read_protocol_line(block *b, const uint8_t *line, size_t len)
{
  const uint8_t *space = memchr(line, ' ', len);

  if (space == NULL) {
    b->is_malformed = 1;
    return;
  }
  len -= (size_t)(space - line);
  trim(&space, &len);
  b->status = status_of(space, len);
  b->is_malformed |= b->status == 0;
}

static void read_header(block *b, const uint8_t *line, size_t len)
{
  const uint8_t *colon = memchr(line, ':', len), *value;
  size_t value_len;
  pair *last;

  if (colon == NULL || !is_name(line, (size_t)(colon - line))) {
    b->is_malformed = 1;
    return;
  }
  value = colon + 1;
  value_len = len - (size_t)(value - line);
  trim(&value, &value_len);
  b->is_malformed |= has_bad_byte(value, value_len);
  b->pairs = realloc(b->pairs, (b->count + 1) * sizeof(*b->pairs));
  FUZZ_CHECK(b->pairs != NULL);
  last = &b->pairs[b->count++];
  memset(last, 0, sizeof(*last));
  fuzz_put(&last->name, line, (size_t)(colon - line));
  fuzz_put(&last->value, value, value_len);
}

static void read_folded(block *b, const uint8_t *line, size_t len)
{
  trim(&line, &len);
  if (b->count == 0 || has_bad_byte(line, len)) {
    b->is_malformed = 1;
    return;
  }
  fuzz_put(&b->pairs[b->count - 1].value, " ", 1);
  fuzz_put(&b->pairs[b->count - 1].value, line, len);
}

static int has_name(const pair *p, const char *name)
{
  size_t i;

  for (i = 0; i < p->name.len && name[i] != '\0'; i++) {
    uint8_t c = p->name.data[i];

    if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != name[i])
      return 0;
  }
  return i == p->name.len && name[i] == '\0';
}

static void read_length(block *b, const fuzz_buffer *value)
{
  uint64_t length = 0;
  size_t i;

  b->is_malformed |= value->len == 0;
  for (i = 0; i < value->len && !b->is_malformed; i++) {
    unsigned digit = value->data[i] - (unsigned)'0';

    if (digit > 9 || length > (UINT64_MAX - digit) / 10)
      b->is_malformed = 1;
    else
      length = length * 10 + digit;
  }
  if (b->has_length && b->length != length)
    b->is_malformed = 1;
  b->has_length = 1;
  b->length = length;
}

static void read_meaning(block *b)
{
  int statuses = 0, redirects = 0, line_status = b->status;
  size_t i;

  for (i = 0; i < b->count && !b->is_malformed; i++) {
    const pair *p = &b->pairs[i];

    redirects |= has_name(p, "location");
    if (has_name(p, "content-length"))
      read_length(b, &p->value);
    if (!has_name(p, "status"))
      continue;
    b->is_malformed |= statuses++ > 0;
    if (line_status == 0) {
      b->status = status_of(p->value.data, p->value.len);
      b->is_malformed |= b->status == 0;
    }
  }
  if (b->status == 0)
    b->status = redirects ? 302 : 200;
}

/* `lines` counts those that are headers, whatever they are worth. */
static void read_block(block *b, const uint8_t *bytes, size_t len, size_t *lines)
{
  size_t start = 0, i;

  for (i = 0; i < len; i++) {
    const uint8_t *line = bytes + start;
    size_t line_len = i - start;

    if (bytes[i] != '\n')
      continue;
    if (line_len > 0 && line[line_len - 1] == '\r')
      line_len--;
    if (line_len == 0)
      break;
    if (start == 0 && line_len >= 7 && memcmp(line, "HTTP/1.", 7) == 0) {
      read_protocol_line(b, line, line_len);
    } else if (is_blank(line[0])) {
      read_folded(b, line, line_len);
    } else {
      (*lines)++;
      read_header(b, line, line_len);
    }
    start = i + 1;
  }
  if (!b->is_malformed)
    read_meaning(b);
}

static void block_free(block *b)
{
  size_t i;

  for (i = 0; i < b->count; i++) {
    fuzz_buffer_free(&b->pairs[i].name);
    fuzz_buffer_free(&b->pairs[i].value);
  }
  free(b->pairs);
}

/* ---- the library ---- */

/* Each time the stream so far is in a block of its own size. */
static size_t search_in_pieces(const uint8_t *bytes, size_t len, uint32_t seed, size_t *seen)
{
  fcgip__header_search scan = {0};
  size_t end = 0, have = 0;

  do {
    size_t n = 1 + fuzz_random(&seed) % 64;
    uint8_t *piece;
    int found;

    have = len - have < n ? len : have + n;
    piece = fuzz_copy(bytes, have);
    found = fcgip__headers_search(&scan, piece, have, &end);
    free(piece);
    *seen = have;
    if (found) {
      FUZZ_CHECK(end > 0 && end <= have);
      return end;
    }
  } while (have < len);
  return 0;
}

static void check_search(const uint8_t *bytes, size_t len, uint32_t seed, size_t expected)
{
  fcgip__header_search scan = {0};
  size_t end = 0, seen = 0;
  uint8_t *whole = fuzz_copy(bytes, len);

  FUZZ_CHECK(fcgip__headers_search(&scan, whole, len, &end) == (expected > 0));
  FUZZ_CHECK(expected == 0 || end == expected);
  free(whole);
  FUZZ_CHECK(search_in_pieces(bytes, len, seed, &seen) == expected);
  FUZZ_CHECK(expected > 0 || seen == len);
}

static uint8_t lower(uint8_t c)
{
  return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* All values of the name joined, as fcgip_response_header_line() gives them. */
static void check_line(const fcgip__headers *headers, const block *b, const fcgip__header *header)
{
  fuzz_buffer line = {0};
  size_t i, j;

  for (i = 0; i < b->count; i++) {
    const fuzz_buffer *name = &b->pairs[i].name;
    int is_same = name->len == header->name_len;

    for (j = 0; is_same && j < name->len; j++)
      is_same = lower(name->data[j]) == lower((uint8_t)header->name[j]);
    if (!is_same)
      continue;
    if (line.len > 0 || &headers->items[i] != header)
      fuzz_put(&line, ", ", 2);
    fuzz_put(&line, b->pairs[i].value.data, b->pairs[i].value.len);
  }
  FUZZ_CHECK(header->line != NULL && strlen(header->line) == line.len);
  FUZZ_CHECK(line.len == 0 || memcmp(header->line, line.data, line.len) == 0);
  fuzz_buffer_free(&line);
}

static void check_found(const fcgip__headers *headers, const fcgip__header *header)
{
  char *name = (char *)fuzz_copy(header->name, header->name_len + 1);
  const fcgip__header *found;
  size_t i;

  for (i = 0; name[i] != '\0'; i++)
    if ((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z'))
      name[i] = (char)(name[i] ^ 32);
  found = fcgip__headers_find(headers, name, NULL);
  FUZZ_CHECK(found != NULL && found <= header);
  while (found != NULL && found < header)
    found = fcgip__headers_find(headers, name, found);
  FUZZ_CHECK(found == header);
  free(name);
}

static void check_headers(const fcgip__headers *headers, const block *b)
{
  size_t i;

  FUZZ_CHECK(headers->count == b->count && headers->status == b->status);
  FUZZ_CHECK(headers->status_text != NULL && headers->has_content_length == b->has_length);
  FUZZ_CHECK(!b->has_length || headers->content_length == b->length);
  for (i = 0; i < b->count; i++) {
    const fcgip__header *header = &headers->items[i];
    const pair *p = &b->pairs[i];

    FUZZ_CHECK(header->name_len == p->name.len && strlen(header->name) == p->name.len);
    FUZZ_CHECK(memcmp(header->name, p->name.data, p->name.len) == 0);
    FUZZ_CHECK(header->value_len == p->value.len && strlen(header->value) == p->value.len);
    FUZZ_CHECK(p->value.len == 0 || memcmp(header->value, p->value.data, p->value.len) == 0);
    check_found(headers, header);
    if (fcgip__headers_find(headers, header->name, NULL) == header)
      check_line(headers, b, header);
  }
  FUZZ_CHECK(fcgip__headers_find(headers, "no header of this name", NULL) == NULL);
}

static void check_parse(const uint8_t *bytes, size_t len, size_t max)
{
  uint8_t *exact = fuzz_copy(bytes, len);
  fcgip__mem mem = fuzz_mem();
  fcgip__headers headers;
  const char *why = NULL;
  size_t lines = 0;
  block b = {0};
  int rc;

  read_block(&b, bytes, len, &lines);
  fcgip__headers_init(&headers);
  rc = fcgip__headers_parse(&headers, &mem, exact, len, max, &why);
  free(exact); /* the result refers to none of it */
  if (rc == FCGIP_ENOMEM)
    FUZZ_CHECK(fuzz_is_out_of_memory());
  else if (lines > max)
    FUZZ_CHECK(rc == FCGIP_ETOOLARGE);
  else if (b.is_malformed)
    FUZZ_CHECK(rc == FCGIP_EHEADER && why != NULL);
  else
    FUZZ_CHECK(rc == FCGIP_OK);
  if (rc == FCGIP_OK)
    check_headers(&headers, &b);
  else
    FUZZ_CHECK(headers.count == 0 && headers.block == NULL);
  fcgip__headers_deinit(&headers, &mem);
  block_free(&b);
}

/* Twice: read, then remembered. What follows the block is there, too. */
static void check_recall(const uint8_t *bytes, size_t len, size_t end, size_t max)
{
  fcgip__headers_memo memo = {0};
  block b = {0};
  size_t lines = 0, i;

  if (end > 0)
    read_block(&b, bytes, end, &lines);
  for (i = 0; i < 2; i++) {
    uint8_t *exact = fuzz_copy(bytes, len);
    fcgip__headers headers;
    size_t block_len = 0;
    int is_read;

    fcgip__headers_init(&headers);
    is_read = fcgip__headers_recall(&headers, &memo, exact, len, max, &block_len);
    free(exact);
    if (is_read) {
      FUZZ_CHECK(end > 0 && block_len == end && lines <= max && !b.is_malformed);
      check_headers(&headers, &b);
    } else {
      FUZZ_CHECK(headers.count == 0 && headers.block == NULL && memo.block_len == 0);
    }
  }
  block_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  fuzz_input in = {data, size};
  size_t max = fuzz_u8(&in), end;
  uint32_t seed = fuzz_u16(&in) | 0x10000U;

  fuzz_begin();
  end = block_end(in.at, in.left);
  check_search(in.at, in.left, seed, end);
  check_recall(in.at, in.left, end, max);
  if (end > 0)
    check_parse(in.at, end, max);
  fuzz_end();
  return 0;
}
