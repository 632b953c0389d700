/* The JSON form:
 *
 *     {"pool":"www",...,"slow requests":0, "processes":[{"pid":15866,"state":"Running",...},...]}
 *
 * Before 8.1.20 and 8.2.7 php-fpm escapes nothing of "request uri", "user" and "script", and only a part of it
 * before 8.2.31, 8.3.31, 8.4.21 and 8.5.6. Such a page is no JSON, or it is another one than was meant:
 *
 *     "request uri":"/?a="b","user":"root","content length":0,"user":"-",...
 *
 * Read as printed, a quote ends such a text if behind it comes what php-fpm prints there, up to the next such text:
 *
 *     ","content length":0,"user":"
 *     ","last request cpu":0.00,"last request memory":0},{"pid":9,"state":"Idle",...,"request uri":"
 *
 * What remains: a query (511 bytes) or a script's name (255) that spells out a whole worker is one, on those
 * versions. XML and text have no such gap. */
#include "base/text.h"
#include "fcgiproxy/error.h"
#include "status/cursor.h"
#include "status/php_fpm_readers.h"
#include "status/php_fpm_value.h"

/* Values of keys that are not known may nest that deep. */
#define MAX_DEPTH 64u
/* From the end of one such text to the beginning of the next takes php-fpm less. */
#define MAX_AHEAD 1024u

typedef struct fcgip__php_fpm_json {
  fcgip_php_fpm_status *status;
  fcgip__cursor in;
  fcgip__buffer decoded; /* the present string, without its escapes */
} fcgip__php_fpm_json;

/* Behind the opening quote: over the string and its closing quote. 0, or -1 if it does not end. */
static int take_string(fcgip__cursor *in, fcgip__cursor *raw)
{
  raw->at = in->at;
  for (; in->at < in->end; in->at++) {
    if (*in->at == '\\' && in->at + 1 < in->end) {
      in->at++;
    } else if (*in->at == '"') {
      raw->end = in->at++;
      return 0;
    }
  }
  return -1;
}

/* "key": behind which the value comes. 0, or -1. */
static int take_key(fcgip__cursor *in, fcgip__cursor *key)
{
  if (!fcgip__cursor_takes_token(in, '"') || take_string(in, key) < 0 ||
      !fcgip__cursor_takes_token(in, ':'))
    return -1;
  fcgip__cursor_skip_space(in);
  return 0;
}

/* A number, true, false or null: to be judged by whoever sets the field. 0, or -1. */
static int take_bare(fcgip__cursor *in, fcgip__cursor *raw)
{
  raw->at = in->at;
  for (; in->at < in->end; in->at++) {
    char c = fcgip__lower(*in->at);

    if (!fcgip__is_digit(c) && (c < 'a' || c > 'z') && c != '-' && c != '+' && c != '.')
      break;
  }
  raw->end = in->at;
  return raw->at < raw->end ? 0 : -1;
}

/* Behind a worker: 1 if there is another one, up to its first key, 0 if there is anything but the end of the page
 * or this is it: *at_end. */
static int take_next_worker(fcgip__cursor *ahead, const char *page_end, int *at_end)
{
  fcgip__cursor rest;

  if (fcgip__cursor_takes_token(ahead, ','))
    return fcgip__cursor_takes_token(ahead, '{');
  if (fcgip__cursor_takes_token(ahead, ']') && fcgip__cursor_takes_token(ahead, '}')) {
    rest.at = ahead->at;
    rest.end = page_end;
    fcgip__cursor_skip_space(&rest);
    *at_end = rest.at == rest.end;
  }
  return 0;
}

/* A field of a worker: 1 if it is one that php-fpm prints behind those in *seen, which it joins, or a fork's number,
 * or a fork's text at the beginning of a worker; 0 if it is not, or a text of a client: *is_text. */
static int take_next_field(fcgip__cursor *ahead, uint32_t *seen, int *is_text)
{
  const fcgip__php_fpm_key *key;
  fcgip__cursor name, value;
  double number;

  if (take_key(ahead, &name) < 0)
    return 0;
  key = fcgip__php_fpm_process_key(FCGIP__FORM_JSON, name.at, fcgip__cursor_left(&name));
  if (key != NULL && !fcgip__php_fpm_comes_next(key, *seen))
    return 0;
  if (fcgip__cursor_takes(ahead, "\"")) {
    int is_at_start = (*seen & ~(1u << FCGIP__PROCESS_PID)) == 0;

    *is_text = key != NULL && (key->bit & FCGIP__PROCESS_TEXTS_OF_CLIENTS) != 0;
    *seen |= key != NULL ? key->bit : 0u;
    return !*is_text && (key != NULL || is_at_start) && take_string(ahead, &value) == 0;
  }
  *seen |= key != NULL ? key->bit : 0u;
  return take_bare(ahead, &value) == 0 &&
         fcgip__status_decimal(value.at, fcgip__cursor_left(&value), &number) == 0;
}

/* 1 if behind a quote comes what php-fpm prints behind the value of `key`. */
static int value_ends(const fcgip__php_fpm_json *reader, const fcgip__php_fpm_key *key)
{
  uint32_t seen = fcgip__php_fpm_process_seen(reader->status) | key->bit;
  fcgip__cursor ahead = reader->in;
  int is_end = 0;

  if (fcgip__cursor_left(&ahead) > MAX_AHEAD)
    ahead.end = ahead.at + MAX_AHEAD;
  do {
    if (fcgip__cursor_takes_token(&ahead, '}')) {
      if (!fcgip__php_fpm_is_complete(seen) || !take_next_worker(&ahead, reader->in.end, &is_end))
        return is_end;
      seen = 0;
    } else if (!fcgip__cursor_takes_token(&ahead, ',')) {
      return 0;
    }
  } while (take_next_field(&ahead, &seen, &is_end));
  return is_end;
}

/* As take_string(), for a text of a client that php-fpm may not have escaped. */
static int take_printed_string(fcgip__php_fpm_json *reader, const fcgip__php_fpm_key *key,
                               fcgip__cursor *raw)
{
  fcgip__cursor *in = &reader->in;

  raw->at = in->at;
  while (in->at < in->end) {
    raw->end = in->at;
    if (*in->at++ == '"' && value_ends(reader, key))
      return 0;
  }
  return -1;
}

/* The four hexadecimal digits of \uXXXX. */
static int take_unit(fcgip__cursor *raw, uint32_t *unit)
{
  size_t i;

  *unit = 0;
  if (fcgip__cursor_left(raw) < 4)
    return -1;
  for (i = 0; i < 4; i++) {
    char c = fcgip__lower(raw->at[i]);

    if (fcgip__is_digit(c))
      *unit = *unit << 4 | (uint32_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
      *unit = *unit << 4 | (uint32_t)(c - 'a' + 10);
    else
      return -1;
  }
  raw->at += 4;
  return 0;
}

/* Behind "\u". A half of a surrogate pair without the other becomes U+FFFD. FCGIP_OK; FCGIP_ESTATUSFORMAT: no
 * digits; FCGIP_ENOMEM. */
static int decode_unicode(fcgip__php_fpm_json *reader, fcgip__cursor *raw)
{
  fcgip__cursor ahead;
  uint32_t code, low;

  if (take_unit(raw, &code) < 0)
    return FCGIP_ESTATUSFORMAT;
  ahead = *raw;
  if (code >= 0xd800 && code <= 0xdbff && fcgip__cursor_takes(&ahead, "\\u") &&
      take_unit(&ahead, &low) == 0 && low >= 0xdc00 && low <= 0xdfff) {
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    *raw = ahead;
  }
  return fcgip__status_add_utf8(&reader->decoded, code);
}

/* Behind a backslash. Results as above. */
static int decode_escape(fcgip__php_fpm_json *reader, fcgip__cursor *raw)
{
  static const char names[] = "\"\\/bfnrt";
  static const char bytes[] = "\"\\/\b\f\n\r\t";
  const char *found;

  if (fcgip__cursor_takes(raw, "u"))
    return decode_unicode(reader, raw);
  if (raw->at == raw->end)
    return FCGIP_ESTATUSFORMAT;
  found = *raw->at != '\0' ? strchr(names, *raw->at) : NULL;
  if (found == NULL)
    return FCGIP_ESTATUSFORMAT;
  raw->at++;
  return fcgip__buffer_add(&reader->decoded, bytes + (found - names), 1);
}

/* FCGIP_OK; FCGIP_ESTATUSFORMAT: an escape that JSON does not know, which only as printed is text like any
 * other; FCGIP_ENOMEM. */
static int decode_string(fcgip__php_fpm_json *reader, fcgip__cursor raw)
{
  int rc = FCGIP_OK;

  reader->decoded.len = 0;
  while (rc == FCGIP_OK && raw.at < raw.end) {
    const char *slash = memchr(raw.at, '\\', fcgip__cursor_left(&raw));
    const char *stop = slash != NULL ? slash : raw.end;

    rc = fcgip__buffer_add(&reader->decoded, raw.at, (size_t)(stop - raw.at));
    raw.at = stop;
    if (rc < 0 || slash == NULL)
      continue;
    raw.at++;
    rc = decode_escape(reader, &raw);
    if (rc == FCGIP_ESTATUSFORMAT && reader->status->reading == FCGIP__AS_PRINTED) {
      rc = fcgip__buffer_add_byte(&reader->decoded, '\\');
      raw.at = slash + 1;
    }
  }
  return rc;
}

/* An object or an array of a key that is not known. 0, or -1 if it does not end or nests too deep. */
static int skip_nested(fcgip__cursor *in)
{
  char closing[MAX_DEPTH];
  size_t depth = 0;
  fcgip__cursor raw;

  while (in->at < in->end) {
    char c = *in->at++;

    if (c == '{' || c == '[') {
      if (depth == MAX_DEPTH)
        return -1;
      closing[depth++] = c == '{' ? '}' : ']';
    } else if (c == '}' || c == ']') {
      if (closing[--depth] != c)
        return -1;
      if (depth == 0)
        return 0;
    } else if (c == '"' && take_string(in, &raw) < 0) {
      return -1;
    }
  }
  return -1;
}

/* Any value but an object or an array; `worker_key` is the key if it is a worker's and known, else NULL. */
static int take_scalar(fcgip__php_fpm_json *reader, const fcgip__php_fpm_key *worker_key,
                       fcgip__cursor *value)
{
  int as_printed = reader->status->reading == FCGIP__AS_PRINTED && worker_key != NULL &&
                   (worker_key->bit & FCGIP__PROCESS_TEXTS_OF_CLIENTS) != 0;
  fcgip__cursor raw;
  int rc;

  if (!fcgip__cursor_takes(&reader->in, "\""))
    return take_bare(&reader->in, value) < 0 ? FCGIP_ESTATUSFORMAT : FCGIP_OK;
  rc = as_printed ? take_printed_string(reader, worker_key, &raw) : take_string(&reader->in, &raw);
  if (rc < 0)
    return FCGIP_ESTATUSFORMAT;
  rc = decode_string(reader, raw);
  value->at = fcgip__buffer_text(&reader->decoded);
  value->end = value->at + reader->decoded.len;
  return rc;
}

static int is_nested(const fcgip__cursor *in)
{
  return in->at < in->end && (*in->at == '{' || *in->at == '[');
}

static int read_worker_field(fcgip__php_fpm_json *reader)
{
  const fcgip__php_fpm_key *key;
  fcgip__cursor name, value;
  int rc;

  if (take_key(&reader->in, &name) < 0)
    return FCGIP_ESTATUSFORMAT;
  key = fcgip__php_fpm_process_key(FCGIP__FORM_JSON, name.at, fcgip__cursor_left(&name));
  if (key == NULL && is_nested(&reader->in))
    return skip_nested(&reader->in) < 0 ? FCGIP_ESTATUSFORMAT : FCGIP_OK;
  rc = take_scalar(reader, key, &value);
  if (rc == FCGIP_OK && key != NULL)
    rc = fcgip__php_fpm_set_process(reader->status, key, value.at, fcgip__cursor_left(&value));
  return rc;
}

/* Behind "{". */
static int read_worker(fcgip__php_fpm_json *reader)
{
  int rc = fcgip__php_fpm_begin_process(reader->status);

  if (rc == FCGIP_OK && fcgip__cursor_takes_token(&reader->in, '}'))
    return fcgip__php_fpm_end_process(reader->status);
  while (rc == FCGIP_OK) {
    rc = read_worker_field(reader);
    if (rc < 0 || fcgip__cursor_takes_token(&reader->in, ','))
      continue;
    if (fcgip__cursor_takes_token(&reader->in, '}'))
      return fcgip__php_fpm_end_process(reader->status);
    rc = FCGIP_ESTATUSFORMAT;
  }
  return rc;
}

/* Behind "processes": */
static int read_workers(fcgip__php_fpm_json *reader)
{
  int rc = FCGIP_OK;

  if (reader->status->process_count > 0 || !fcgip__cursor_takes_token(&reader->in, '['))
    return FCGIP_ESTATUSFORMAT;
  if (fcgip__cursor_takes_token(&reader->in, ']'))
    return FCGIP_OK;
  while (rc == FCGIP_OK) {
    if (!fcgip__cursor_takes_token(&reader->in, '{'))
      return FCGIP_ESTATUSFORMAT;
    rc = read_worker(reader);
    if (rc < 0 || fcgip__cursor_takes_token(&reader->in, ','))
      continue;
    return fcgip__cursor_takes_token(&reader->in, ']') ? FCGIP_OK : FCGIP_ESTATUSFORMAT;
  }
  return rc;
}

static int read_pool_field(fcgip__php_fpm_json *reader)
{
  static const char workers[] = "processes";
  fcgip__cursor name, value;
  int rc;

  if (take_key(&reader->in, &name) < 0)
    return FCGIP_ESTATUSFORMAT;
  if (fcgip__equal_nocase(name.at, fcgip__cursor_left(&name), workers, strlen(workers)))
    return read_workers(reader);
  if (is_nested(&reader->in))
    return skip_nested(&reader->in) < 0 ? FCGIP_ESTATUSFORMAT : FCGIP_OK;
  rc = take_scalar(reader, NULL, &value);
  if (rc == FCGIP_OK)
    rc = fcgip__php_fpm_put_pool(reader->status, FCGIP__FORM_JSON, name.at,
                                 fcgip__cursor_left(&name), value.at, fcgip__cursor_left(&value));
  return rc;
}

static int read_page(fcgip__php_fpm_json *reader)
{
  int rc = FCGIP_OK;

  if (!fcgip__cursor_takes_token(&reader->in, '{'))
    return FCGIP_ESTATUSFORMAT;
  while (rc == FCGIP_OK) {
    rc = read_pool_field(reader);
    if (rc < 0 || fcgip__cursor_takes_token(&reader->in, ','))
      continue;
    if (!fcgip__cursor_takes_token(&reader->in, '}'))
      return FCGIP_ESTATUSFORMAT;
    fcgip__cursor_skip_space(&reader->in);
    return reader->in.at == reader->in.end ? FCGIP_OK : FCGIP_ESTATUSFORMAT;
  }
  return rc;
}

int fcgip__php_fpm_read_json(fcgip_php_fpm_status *status, const char *page, size_t len)
{
  fcgip__php_fpm_json reader = {status, {page, page + len}, {NULL, 0, 0, 0, NULL, 0}};
  int rc;

  fcgip__buffer_init(&reader.decoded, &status->mem, status->text.limit);
  rc = read_page(&reader);
  fcgip__buffer_deinit(&reader.decoded);
  if (rc == FCGIP_OK && (status->seen & 1u << FCGIP_PHP_FPM_POOL_NAME) == 0)
    rc = FCGIP_ESTATUSFORMAT;
  return rc;
}
