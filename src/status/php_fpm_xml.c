/* The XML form:
 *
 *     <?xml version="1.0" ?>
 *     <status>
 *     <pool>www</pool>
 *     ...
 *     <processes>
 *     <process><pid>15866</pid><state>Running</state>...</process>
 *     </processes>
 *     </status>
 *
 * Of "request-uri", "user" and "script" php-fpm escapes only the query before 8.2.31, 8.3.31, 8.4.21 and 8.5.6. Read
 * as printed, a closing tag ends such a text if behind it comes what php-fpm prints there, up to the next such text:
 *
 *     </request-uri><content-length>0</content-length><user>
 *
 * To forge a worker takes more than the 255 bytes that php-fpm
 * keeps of the longest value that it does not escape. */
#include "base/text.h"
#include "fcgiproxy/error.h"
#include "status/cursor.h"
#include "status/php_fpm_readers.h"
#include "status/php_fpm_value.h"

/* From the end of one such text to the beginning of the next takes php-fpm less. */
#define MAX_AHEAD 1024u

typedef struct fcgip__php_fpm_xml {
  fcgip_php_fpm_status *status;
  fcgip__cursor in;
  fcgip__buffer decoded; /* the present text, without its entities */
} fcgip__php_fpm_xml;

static int is_name_byte(char c)
{
  return fcgip__is_digit(c) || (fcgip__lower(c) >= 'a' && fcgip__lower(c) <= 'z') || c == '-' ||
         c == '_' || c == '.' || c == ':';
}

/* "<name>". 0, or -1 for anything else: php-fpm prints no attributes and no empty-element tags. */
static int take_opening(fcgip__cursor *in, fcgip__cursor *name)
{
  if (!fcgip__cursor_takes(in, "<"))
    return -1;
  name->at = in->at;
  while (in->at < in->end && is_name_byte(*in->at))
    in->at++;
  name->end = in->at;
  return name->at < name->end && fcgip__cursor_takes(in, ">") ? 0 : -1;
}

/* 1 and moves on if "</name>" comes next. */
static int takes_closing(fcgip__cursor *in, const fcgip__cursor *name)
{
  fcgip__cursor ahead = *in;

  if (!fcgip__cursor_takes(&ahead, "</") ||
      !fcgip__cursor_takes_bytes(&ahead, name->at, fcgip__cursor_left(name)) ||
      !fcgip__cursor_takes(&ahead, ">"))
    return 0;
  *in = ahead;
  return 1;
}

/* Behind "<name>": over the text and "</name>", the first "<" being that one's. 0, or -1. */
static int take_text(fcgip__cursor *in, const fcgip__cursor *name, fcgip__cursor *raw)
{
  raw->at = in->at;
  raw->end = in->at < in->end ? memchr(in->at, '<', fcgip__cursor_left(in)) : NULL;
  if (raw->end == NULL)
    return -1;
  in->at = raw->end;
  return takes_closing(in, name) ? 0 : -1;
}

/* Behind a worker: 1 if there is another one, up to its first field, 0 if there is anything but the last one's
 * end or this is it: *at_end. */
static int take_next_worker(fcgip__cursor *ahead, int *at_end)
{
  fcgip__cursor_skip_space(ahead);
  *at_end = fcgip__cursor_takes(ahead, "</processes>");
  return fcgip__cursor_takes(ahead, "<process>");
}

/* A field of a worker: 1 if it is one that php-fpm prints behind those in *seen, which it joins, or a fork's; 0 if it
 * is not, or a text of a client: *is_text. */
static int take_next_field(fcgip__cursor *ahead, uint32_t *seen, int *is_text)
{
  const fcgip__php_fpm_key *key;
  fcgip__cursor name, value;
  double number;

  fcgip__cursor_skip_space(ahead);
  if (take_opening(ahead, &name) < 0)
    return 0;
  key = fcgip__php_fpm_process_key(FCGIP__FORM_XML, name.at, fcgip__cursor_left(&name));
  if (key != NULL && !fcgip__php_fpm_comes_next(key, *seen))
    return 0;
  *is_text = key != NULL && (key->bit & FCGIP__PROCESS_TEXTS_OF_CLIENTS) != 0;
  if (*is_text || take_text(ahead, &name, &value) < 0)
    return 0;
  if (key == NULL)
    return 1;
  *seen |= key->bit;
  return key->kind == FCGIP__KIND_TEXT ||
         fcgip__status_decimal(value.at, fcgip__cursor_left(&value), &number) == 0;
}

/* 1 if behind the closing tag of `key` comes what php-fpm prints there. */
static int value_ends(const fcgip__php_fpm_xml *reader, const fcgip__php_fpm_key *key)
{
  uint32_t seen = fcgip__php_fpm_process_seen(reader->status) | key->bit;
  fcgip__cursor ahead = reader->in;
  int is_end = 0;

  if (fcgip__cursor_left(&ahead) > MAX_AHEAD)
    ahead.end = ahead.at + MAX_AHEAD;
  do {
    fcgip__cursor_skip_space(&ahead);
    if (fcgip__cursor_takes(&ahead, "</process>")) {
      if (!fcgip__php_fpm_is_complete(seen) || !take_next_worker(&ahead, &is_end))
        return is_end;
      seen = 0;
    }
  } while (take_next_field(&ahead, &seen, &is_end));
  return is_end;
}

/* As take_text(), for a text of a client that php-fpm may not have escaped. */
static int take_printed_text(fcgip__php_fpm_xml *reader, const fcgip__cursor *name,
                             const fcgip__php_fpm_key *key, fcgip__cursor *raw)
{
  fcgip__cursor *in = &reader->in;

  raw->at = in->at;
  while (in->at < in->end) {
    raw->end = memchr(in->at, '<', fcgip__cursor_left(in));
    if (raw->end == NULL)
      return -1;
    in->at = raw->end;
    if (takes_closing(in, name) && value_ends(reader, key))
      return 0;
    in->at = raw->end + 1;
  }
  return -1;
}

/* "#39;" or "#x27;", behind the ampersand. 0 and moves on, or -1 if it is text like any other. */
static int take_reference(fcgip__cursor *raw, uint32_t *code)
{
  fcgip__cursor in = *raw;
  uint32_t base = 10;
  int digits = 0;

  *code = 0;
  if (!fcgip__cursor_takes(&in, "#"))
    return -1;
  if (fcgip__cursor_takes(&in, "x") || fcgip__cursor_takes(&in, "X"))
    base = 16;
  for (; in.at < in.end && digits < 8; in.at++, digits++) {
    char c = fcgip__lower(*in.at);

    if (fcgip__is_digit(c))
      *code = *code * base + (uint32_t)(c - '0');
    else if (base == 16 && c >= 'a' && c <= 'f')
      *code = *code * base + (uint32_t)(c - 'a' + 10);
    else
      break;
  }
  if (digits == 0 || !fcgip__cursor_takes(&in, ";"))
    return -1;
  *raw = in;
  return 0;
}

/* Behind an ampersand. php-fpm has HTML's entities for other letters than ASCII: they stay as they are. */
static int decode_entity(fcgip__php_fpm_xml *reader, fcgip__cursor *raw)
{
  static const char *const names[] = {"lt;", "gt;", "amp;", "quot;", "apos;"};
  static const char bytes[] = "<>&\"'";
  uint32_t code;
  size_t i;

  if (take_reference(raw, &code) == 0)
    return fcgip__status_add_utf8(&reader->decoded, code);
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if (fcgip__cursor_takes(raw, names[i]))
      return fcgip__buffer_add(&reader->decoded, bytes + i, 1);
  return fcgip__buffer_add(&reader->decoded, "&", 1);
}

static int decode_text(fcgip__php_fpm_xml *reader, fcgip__cursor raw)
{
  int rc = FCGIP_OK;

  reader->decoded.len = 0;
  while (rc == FCGIP_OK && raw.at < raw.end) {
    const char *entity = memchr(raw.at, '&', fcgip__cursor_left(&raw));
    const char *stop = entity != NULL ? entity : raw.end;

    rc = fcgip__buffer_add(&reader->decoded, raw.at, (size_t)(stop - raw.at));
    raw.at = stop;
    if (rc < 0 || entity == NULL)
      continue;
    raw.at++;
    rc = decode_entity(reader, &raw);
  }
  return rc;
}

static int read_worker_field(fcgip__php_fpm_xml *reader)
{
  const fcgip__php_fpm_key *key;
  fcgip__cursor name, raw;
  int rc;

  if (take_opening(&reader->in, &name) < 0)
    return FCGIP_ESTATUSFORMAT;
  key = fcgip__php_fpm_process_key(FCGIP__FORM_XML, name.at, fcgip__cursor_left(&name));
  if (key != NULL && (key->bit & FCGIP__PROCESS_TEXTS_OF_CLIENTS) != 0 &&
      reader->status->reading == FCGIP__AS_PRINTED)
    rc = take_printed_text(reader, &name, key, &raw);
  else
    rc = take_text(&reader->in, &name, &raw);
  if (rc < 0)
    return FCGIP_ESTATUSFORMAT;
  rc = decode_text(reader, raw);
  if (rc == FCGIP_OK && key != NULL)
    rc = fcgip__php_fpm_set_process(reader->status, key, fcgip__buffer_text(&reader->decoded),
                                    reader->decoded.len);
  return rc;
}

/* Behind "<processes>", up to and with its closing tag. */
static int read_workers(fcgip__php_fpm_xml *reader)
{
  fcgip__cursor *in = &reader->in;

  for (;;) {
    int rc;

    fcgip__cursor_skip_space(in);
    if (fcgip__cursor_takes(in, "</processes>"))
      return FCGIP_OK;
    if (!fcgip__cursor_takes(in, "<process>"))
      return FCGIP_ESTATUSFORMAT;
    rc = fcgip__php_fpm_begin_process(reader->status);
    while (rc == FCGIP_OK) {
      fcgip__cursor_skip_space(in);
      if (fcgip__cursor_takes(in, "</process>"))
        break;
      rc = read_worker_field(reader);
    }
    if (rc == FCGIP_OK)
      rc = fcgip__php_fpm_end_process(reader->status);
    if (rc < 0)
      return rc;
  }
}

static int read_pool_field(fcgip__php_fpm_xml *reader)
{
  fcgip__cursor name, raw;
  int rc;

  if (take_opening(&reader->in, &name) < 0 || take_text(&reader->in, &name, &raw) < 0)
    return FCGIP_ESTATUSFORMAT;
  rc = decode_text(reader, raw);
  if (rc < 0)
    return rc;
  return fcgip__php_fpm_put_pool(reader->status, FCGIP__FORM_XML, name.at,
                                 fcgip__cursor_left(&name), fcgip__buffer_text(&reader->decoded),
                                 reader->decoded.len);
}

/* The declaration, where there is one, and the tag of the root. */
static int read_start(fcgip__cursor *in)
{
  fcgip__cursor_skip_space(in);
  if (fcgip__cursor_takes(in, "<?xml")) {
    const char *end = memchr(in->at, '>', fcgip__cursor_left(in));

    if (end == NULL)
      return FCGIP_ESTATUSFORMAT;
    in->at = end + 1;
    fcgip__cursor_skip_space(in);
  }
  return fcgip__cursor_takes(in, "<status>") ? FCGIP_OK : FCGIP_ESTATUSFORMAT;
}

static int read_page(fcgip__php_fpm_xml *reader)
{
  fcgip__cursor *in = &reader->in;
  int has_workers = 0;
  int rc = read_start(in);

  while (rc == FCGIP_OK) {
    fcgip__cursor_skip_space(in);
    if (fcgip__cursor_takes(in, "</status>")) {
      fcgip__cursor_skip_space(in);
      return in->at == in->end ? FCGIP_OK : FCGIP_ESTATUSFORMAT;
    }
    if (!fcgip__cursor_takes(in, "<processes>"))
      rc = read_pool_field(reader);
    else
      rc = has_workers++ ? FCGIP_ESTATUSFORMAT : read_workers(reader);
  }
  return rc;
}

int fcgip__php_fpm_read_xml(fcgip_php_fpm_status *status, const char *page, size_t len)
{
  fcgip__php_fpm_xml reader = {status, {page, page + len}, {NULL, 0, 0, 0, NULL, 0}};
  int rc;

  fcgip__buffer_init(&reader.decoded, &status->mem, status->text.limit);
  rc = read_page(&reader);
  fcgip__buffer_deinit(&reader.decoded);
  if (rc == FCGIP_OK && (status->seen & 1u << FCGIP_PHP_FPM_POOL_NAME) == 0)
    rc = FCGIP_ESTATUSFORMAT;
  return rc;
}
