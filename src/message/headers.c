#include "message/headers.h"

#include <string.h>

#include "base/text.h"
#include "fcgiproxy/error.h"

int fcgip__headers_search(fcgip__header_search *scan, const uint8_t *data, size_t len,
                          size_t *block_len)
{
  while (scan->at < len) {
    const uint8_t *lf = memchr(data + scan->at, '\n', len - scan->at);
    size_t end;

    if (lf == NULL) {
      scan->at = len;
      return 0;
    }
    end = (size_t)(lf - data);
    scan->at = end + 1;
    if (end == scan->line_start ||
        (end == scan->line_start + 1 && data[scan->line_start] == '\r')) {
      *block_len = scan->at;
      return 1;
    }
    scan->line_start = scan->at;
  }
  return 0;
}

void fcgip__headers_init(fcgip__headers *headers)
{
  headers->items = NULL;
  headers->count = 0;
  headers->text = NULL;
  headers->status = 0;
  headers->status_text = "";
  headers->has_content_length = 0;
  headers->content_length = 0;
  headers->block = NULL;
}

void fcgip__headers_deinit(fcgip__headers *headers, const fcgip__mem *mem)
{
  fcgip__mem_free(mem, headers->block);
  fcgip__headers_init(headers);
}

/* FNV-1a, of the name in lower case. */
#define HASH_START 2166136261u

/* Of a few names it is not worth the while. */
#define NO_HASH 0u

static uint32_t hash_on(uint32_t hash, uint8_t lower)
{
  return (hash ^ lower) * 16777619u;
}

static uint32_t hash_of(const char *name, size_t len)
{
  uint32_t hash = HASH_START;
  size_t i;

  for (i = 0; i < len; i++)
    hash = hash_on(hash, (uint8_t)fcgip__lower(name[i]));
  return hash;
}

/* One line of the block, without its end. */
typedef struct line {
  const char *text;
  size_t len;
} line;

static void trim(line *l)
{
  while (l->len > 0 && (l->text[0] == ' ' || l->text[0] == '\t')) {
    l->text++;
    l->len--;
  }
  while (l->len > 0 && (l->text[l->len - 1] == ' ' || l->text[l->len - 1] == '\t'))
    l->len--;
}

/* 1 got one, 0 the empty line or the end. */
static int next_line(const uint8_t *block, size_t len, size_t *at, line *out)
{
  const uint8_t *lf = *at < len ? memchr(block + *at, '\n', len - *at) : NULL;

  if (lf == NULL)
    return 0;
  out->text = (const char *)block + *at;
  out->len = (size_t)(lf - (block + *at));
  *at += out->len + 1;
  if (out->len > 0 && out->text[out->len - 1] == '\r')
    out->len--;
  return out->len > 0;
}

static int is_folded(const line *l)
{
  return l->text[0] == ' ' || l->text[0] == '\t';
}

static int is_protocol_line(const line *l)
{
  return l->len >= 7 && memcmp(l->text, "HTTP/1.", 7) == 0;
}

static size_t count_headers(const uint8_t *block, size_t len)
{
  size_t at = 0, count = 0;
  int first = 1;
  line l;

  while (next_line(block, len, &at, &l)) {
    count += !is_folded(&l) && !(first && is_protocol_line(&l));
    first = 0;
  }
  return count;
}

/* At least as many: continuations and a protocol line count too. Much cheaper. */
static size_t count_lines(const uint8_t *block, size_t len)
{
  const uint8_t *end = block + len, *lf = block;
  size_t count = 0;

  while (lf < end && (lf = memchr(lf, '\n', (size_t)(end - lf))) != NULL) {
    lf++;
    count++;
  }
  return count;
}

/* Three digits, then nothing or a space and the reason: what RFC 3875 section 6.3.3 asks for, and no tab. */
static int parse_status(fcgip__headers *headers, const char *value, size_t len)
{
  line reason;
  uint64_t code;

  if (len < 3 || fcgip__parse_u64(value, 3, &code) < 0 || code < 100)
    return FCGIP_EHEADER;
  if (len > 3 && value[3] != ' ')
    return FCGIP_EHEADER;
  reason.text = value + 3;
  reason.len = len - 3;
  trim(&reason);
  headers->status = (int)code;
  headers->status_text = reason.len > 0 ? reason.text : "";
  return FCGIP_OK;
}

/* What the copying needs to know. */
typedef struct reader {
  fcgip__headers *headers;
  char *end; /* of the text so far */
  int has_protocol_line;
  int has_status;
  int has_location;
  int has_repeated; /* a name came again */
  const char *why;
} reader;

static int malformed(reader *r, const char *why)
{
  r->why = why;
  return FCGIP_EHEADER;
}

/* What no value may have in it. */
static int has_controls(const line *l)
{
  return memchr(l->text, '\0', l->len) != NULL || memchr(l->text, '\r', l->len) != NULL;
}

static const char *put_text(reader *r, const char *text, size_t len)
{
  char *at = r->end;

  memcpy(at, text, len);
  at[len] = '\0';
  r->end = at + len + 1;
  return at;
}

/* "HTTP/1.1 404 Not Found" in the place of the first header, as CGI programs of the non-parsed kind write it. */
static int read_protocol_line(reader *r, const line *l)
{
  const char *space = memchr(l->text, ' ', l->len);
  line rest;

  if (space == NULL)
    return malformed(r, "the status line has no status");
  rest.text = space;
  rest.len = l->len - (size_t)(space - l->text);
  trim(&rest);
  r->has_protocol_line = 1;
  if (parse_status(r->headers, put_text(r, rest.text, rest.len), rest.len) < 0)
    return malformed(r, "the status line has no status of three digits");
  return FCGIP_OK;
}

static int unfold(reader *r, line *l)
{
  fcgip__header *last;

  if (r->headers->count == 0)
    return malformed(r, "the first line is a continuation");
  trim(l);
  if (has_controls(l))
    return malformed(r, "NUL or a lone CR in a value");
  last = &r->headers->items[r->headers->count - 1];
  r->end--; /* over the NUL: the value goes on */
  *r->end++ = ' ';
  put_text(r, l->text, l->len);
  last->value_len += (uint32_t)l->len + 1;
  return FCGIP_OK;
}

/* The next header of that name behind `after` (NULL: from the start). */
static fcgip__header *find(const fcgip__headers *headers, const fcgip__header *after, uint32_t hash,
                           const char *name, size_t name_len)
{
  size_t i = after != NULL ? (size_t)(after - headers->items) + 1 : 0;

  for (; i < headers->count; i++) {
    fcgip__header *header = &headers->items[i];

    if ((header->hash == hash || header->hash == NO_HASH) &&
        fcgip__equal_nocase(header->name, header->name_len, name, name_len))
      return header;
  }
  return NULL;
}

static fcgip__header *next_of_its_name(const fcgip__headers *headers, const fcgip__header *header)
{
  return find(headers, header, header->hash, header->name, header->name_len);
}

/* Copies the token that a line begins with, and sums it up on the way. Returns its length. The end of the line, which
 * is no part of a token, stops it. */
static size_t put_name(reader *r, fcgip__header *header, const line *l)
{
  const uint8_t *text = (const uint8_t *)l->text;
  char *to = r->end;
  uint32_t hash = HASH_START;
  size_t len = 0;
  uint8_t lower;

  while ((lower = fcgip__token_lower[text[len]]) != 0) {
    hash = hash_on(hash, lower);
    to[len] = (char)text[len];
    len++;
  }
  to[len] = '\0';
  header->name = to;
  header->name_len = (uint32_t)len;
  header->hash = hash;
  r->end = to + len + 1;
  return len;
}

static int read_header(reader *r, const line *l)
{
  fcgip__header *header = &r->headers->items[r->headers->count];
  size_t name_len = put_name(r, header, l);
  line value;

  if (name_len == l->len || l->text[name_len] != ':') {
    if (memchr(l->text, ':', l->len) == NULL)
      return malformed(r, "a line without a colon");
    return malformed(r, "a name that is no token");
  }
  if (name_len == 0)
    return malformed(r, "a name that is no token");
  value.text = l->text + name_len + 1;
  value.len = l->len - name_len - 1;
  trim(&value);
  if (has_controls(&value))
    return malformed(r, "NUL or a lone CR in a value");
  header->value_len = (uint32_t)value.len;
  header->value = put_text(r, value.text, value.len);
  header->is_first = find(r->headers, NULL, header->hash, header->name, name_len) == NULL;
  header->line = header->is_first ? header->value : NULL;
  r->has_repeated |= !header->is_first;
  r->headers->count++;
  return FCGIP_OK;
}

static int read_lines(reader *r, const uint8_t *block, size_t len)
{
  size_t at = 0;
  int first = 1, rc = FCGIP_OK;
  line l;

  while (rc == FCGIP_OK && next_line(block, len, &at, &l)) {
    if (first && is_protocol_line(&l))
      rc = read_protocol_line(r, &l);
    else if (is_folded(&l))
      rc = unfold(r, &l);
    else
      rc = read_header(r, &l);
    first = 0;
  }
  return rc;
}

static int read_content_length(reader *r, const fcgip__header *header)
{
  fcgip__headers *headers = r->headers;
  uint64_t value;

  if (fcgip__parse_u64(header->value, header->value_len, &value) < 0)
    return malformed(r, "Content-Length is no number");
  if (headers->has_content_length && headers->content_length != value)
    return malformed(r, "two different values of Content-Length");
  headers->has_content_length = 1;
  headers->content_length = value;
  return FCGIP_OK;
}

static int is_named(const fcgip__header *header, const char *name, size_t len)
{
  return header->name_len == len && fcgip__equal_nocase(header->name, len, name, len);
}

/* The headers that mean something to us; all others are data. */
static int read_meaning(reader *r)
{
  fcgip__headers *headers = r->headers;
  size_t i;
  int rc = FCGIP_OK;

  for (i = 0; i < headers->count && rc == FCGIP_OK; i++) {
    const fcgip__header *header = &headers->items[i];

    if (is_named(header, "content-length", 14)) {
      rc = read_content_length(r, header);
    } else if (is_named(header, "status", 6)) {
      if (r->has_status)
        return malformed(r, "two Status headers");
      r->has_status = 1;
      if (!r->has_protocol_line && parse_status(headers, header->value, header->value_len) < 0)
        return malformed(r, "Status is not three digits and a reason");
    } else if (is_named(header, "location", 8)) {
      r->has_location = 1;
    }
  }
  if (rc == FCGIP_OK && headers->status == 0)
    headers->status = r->has_location ? 302 : 200;
  return rc;
}

/* Joins the values of each name that has come again. */
static void join_lines(fcgip__headers *headers, char *at)
{
  size_t i;

  for (i = 0; i < headers->count; i++) {
    fcgip__header *header = &headers->items[i];
    const fcgip__header *again = header->is_first ? next_of_its_name(headers, header) : NULL;

    if (again == NULL)
      continue;
    header->line = at;
    memcpy(at, header->value, header->value_len);
    at += header->value_len;
    for (; again != NULL; again = next_of_its_name(headers, again)) {
      memcpy(at, ", ", 2);
      memcpy(at + 2, again->value, again->value_len);
      at += 2 + again->value_len;
    }
    *at++ = '\0';
  }
}

/* Room for the items, then the text: a header's name and value with their NULs take no more than its line, as the
 * colon and the line's end are left out; the joined lines no more than the values and their separators again. */
static int make_room(fcgip__headers *headers, const fcgip__mem *mem, size_t count, size_t len)
{
  size_t items_len, text_len, size;
  char *room = headers->room.bytes;

  if (fcgip__mul_size(count, sizeof(fcgip__header), &items_len) < 0 ||
      fcgip__mul_size(len, 2, &text_len) < 0 || fcgip__add_size(text_len, count, &text_len) < 0 ||
      fcgip__add_size(items_len, text_len + 1, &size) < 0)
    return FCGIP_ENOMEM;
  if (size > sizeof(headers->room)) {
    headers->block = fcgip__mem_alloc(mem, size);
    if (headers->block == NULL)
      return FCGIP_ENOMEM;
    room = headers->block;
  }
  headers->items = (fcgip__header *)(void *)room;
  headers->text = room + items_len;
  return FCGIP_OK;
}

/* One plain line: a name that is new, a colon, a value, in one copy below `top`, where the text of the headers before
 * begins. 0: it is not that, or there is no room. */
static int read_plain_line(fcgip__headers *headers, char **top, const uint8_t *text, size_t len)
{
  fcgip__header *header = &headers->items[headers->count];
  size_t name_len = 0;
  line value;

  while (fcgip__token_lower[text[name_len]] != 0)
    name_len++;
  if (name_len == 0 || text[name_len] != ':')
    return 0;
  value.text = (const char *)text + name_len + 1;
  value.len = len - name_len - 1;
  trim(&value);
  len = (size_t)((const uint8_t *)value.text + value.len - text);
  if ((size_t)(*top - (char *)header) < sizeof(*header) + len + 1 ||
      memchr(value.text, '\r', value.len) != NULL)
    return 0;
  *top -= len + 1;
  memcpy(*top, text, len);
  (*top)[name_len] = '\0';
  (*top)[len] = '\0';
  header->name = *top;
  header->value = *top + (value.text - (const char *)text);
  header->line = header->value;
  header->name_len = (uint32_t)name_len;
  header->value_len = (uint32_t)value.len;
  header->hash = NO_HASH;
  header->is_first = 1;
  if (headers->count > 0 && find(headers, NULL, NO_HASH, header->name, name_len) != NULL)
    return 0;
  headers->count++;
  return 1;
}

static size_t empty_line_len(const uint8_t *at, size_t len)
{
  if (len > 0 && at[0] == '\n')
    return 1;
  return len > 1 && at[0] == '\r' && at[1] == '\n' ? 2 : 0;
}

/* The lines up to the empty one. Returns how many bytes that was, 0 if not all of them were plain. */
static size_t read_plain_lines(fcgip__headers *headers, const uint8_t *data, size_t len, size_t max)
{
  const uint8_t *at = data, *end = data + len, *lf;
  char *top = headers->room.bytes + sizeof(headers->room.bytes);

  while ((lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
    size_t line_len = (size_t)(lf - at) - (lf > at && lf[-1] == '\r'), empty;

    if (headers->count == max || !read_plain_line(headers, &top, at, line_len))
      return 0;
    at = lf + 1;
    empty = empty_line_len(at, (size_t)(end - at));
    if (empty > 0) {
      headers->text = top;
      return (size_t)(at - data) + empty;
    }
  }
  return 0;
}

int fcgip__headers_read_plain(fcgip__headers *headers, const uint8_t *data, size_t len, size_t max,
                              size_t *block_len)
{
  reader r = {0};

  headers->items = (fcgip__header *)(void *)headers->room.bytes;
  *block_len = read_plain_lines(headers, data, len, max);
  r.headers = headers;
  if (*block_len > 0 && memchr(data, '\0', *block_len) == NULL && read_meaning(&r) == FCGIP_OK)
    return 1;
  fcgip__headers_init(headers);
  return 0;
}

/* Copies what is all in its own room; the pointers move along. */
static void copy_plain(fcgip__headers *to, const fcgip__headers *from)
{
  const char *old_room = from->room.bytes;
  char *room = to->room.bytes;
  size_t text_at = (size_t)(from->text - old_room), i;

  to->items = (fcgip__header *)(void *)room;
  to->count = from->count;
  to->text = room + text_at;
  to->status = from->status;
  to->status_text = from->status_text;
  to->has_content_length = from->has_content_length;
  to->content_length = from->content_length;
  memcpy(to->text, from->text, sizeof(from->room.bytes) - text_at);
  for (i = 0; i < from->count; i++) {
    fcgip__header header = from->items[i];

    header.name = room + (header.name - old_room);
    header.value = room + (header.value - old_room);
    header.line = header.value;
    to->items[i] = header;
  }
  if (from->status_text[0] != '\0')
    to->status_text = room + (from->status_text - old_room);
}

int fcgip__headers_recall(fcgip__headers *headers, fcgip__headers_memo *memo, const uint8_t *data,
                          size_t len, size_t max, size_t *block_len)
{
  if (memo->block_len > 0 && len >= memo->block_len && memo->headers.count <= max &&
      memcmp(data, memo->block, memo->block_len) == 0) {
    copy_plain(headers, &memo->headers);
    *block_len = memo->block_len;
    return 1;
  }
  if (!fcgip__headers_read_plain(headers, data, len, max, block_len))
    return 0;
  if (*block_len <= sizeof(memo->block)) {
    memcpy(memo->block, data, *block_len);
    copy_plain(&memo->headers, headers);
    memo->block_len = *block_len;
  }
  return 1;
}

int fcgip__headers_parse(fcgip__headers *headers, const fcgip__mem *mem, const uint8_t *block,
                         size_t len, size_t max, const char **why)
{
  reader r = {0};
  size_t count;
  int rc;

  count = count_lines(block, len);
  if (count > max)
    count = count_headers(block, len);
  if (count > max)
    return FCGIP_ETOOLARGE;
  rc = make_room(headers, mem, count, len);
  if (rc < 0)
    return rc;
  r.headers = headers;
  r.end = headers->text;
  rc = read_lines(&r, block, len);
  if (rc == FCGIP_OK)
    rc = read_meaning(&r);
  if (rc == FCGIP_OK && r.has_repeated)
    join_lines(headers, r.end);
  *why = r.why;
  if (rc < 0)
    fcgip__headers_deinit(headers, mem);
  return rc;
}

const fcgip__header *fcgip__headers_find(const fcgip__headers *headers, const char *name,
                                         const fcgip__header *after)
{
  size_t name_len = strlen(name);

  if (headers->items == NULL)
    return NULL;
  return find(headers, after, hash_of(name, name_len), name, name_len);
}
