/* The text form:
 *
 *     pool:                 www
 *     process manager:      dynamic
 *     ...
 *
 *     ************************
 *     pid:                  15866
 *     state:                Running
 *     ...
 *
 * php-fpm escapes nothing in it. A user name may hold line feeds, and so may a URI and a script's name behind
 * web servers that decode %0A, so that whoever sends requests can add lines. What the reader believes in:
 * - the pool's lines, which come before anything that a client can say;
 * - a separator: an empty line, asterisks and a pid with digits, once the worker before has all that php-fpm prints;
 * - a worker's line: a key that is known, padded as php-fpm does, with a value that fits, and for the first
 *   time in this worker.
 * All other lines are a part of the text before them, and a page in which a worker is not complete is refused. To
 * forge a worker takes 12 padded lines: more than the 255 bytes that php-fpm keeps of the longest such value. Single
 * fields can be forged by lines that come before the true ones, and a page that ends with the end of a line and of a
 * worker may have had more: that cannot be told. */
#include "base/text.h"
#include "fcgiproxy/error.h"
#include "status/cursor.h"
#include "status/php_fpm_readers.h"

/* Where values begin. */
#define VALUE_COLUMN 22u
#define SEPARATOR "\n************************\n"

typedef struct fcgip__php_fpm_text {
  fcgip_php_fpm_status *status;
  fcgip__cursor in;
  int is_padded; /* values begin in that column, as they do if the first pid does */
  const fcgip__php_fpm_key
      *open;           /* the text field whose value may go on in the next line, or NULL */
  fcgip__cursor value; /* what it has so far */
} fcgip__php_fpm_text;

typedef struct fcgip__php_fpm_line {
  fcgip__cursor key;
  fcgip__cursor value;
} fcgip__php_fpm_line;

/* 1 if the line is "key: value". */
static int split_line(const fcgip__cursor *line, fcgip__php_fpm_line *parts)
{
  const char *colon = NULL;

  if (line->at < line->end)
    colon = memchr(line->at, ':', fcgip__cursor_left(line));
  if (colon == NULL || colon == line->at)
    return 0;
  parts->key.at = line->at;
  parts->key.end = colon;
  parts->value.at = colon + 1;
  parts->value.end = line->end;
  while (parts->value.at < parts->value.end && *parts->value.at == ' ')
    parts->value.at++;
  return 1;
}

/* 1 if the value begins where php-fpm has it. Further spaces are the value's own. */
static int is_padded(const fcgip__cursor *line, fcgip__php_fpm_line *parts)
{
  size_t key_len = fcgip__cursor_left(&parts->key);
  size_t column = key_len + 1 < VALUE_COLUMN ? VALUE_COLUMN : key_len + 2;

  if ((size_t)(parts->value.at - line->at) < column)
    return 0;
  parts->value.at = line->at + column;
  return 1;
}

/* At the line feed of an empty line: the pid's line, if a separator and a pid come next, else NULL. */
static const char *find_worker(const fcgip__cursor *in)
{
  fcgip__cursor ahead = *in;
  const char *pid_line;

  if (!fcgip__cursor_takes(&ahead, SEPARATOR))
    return NULL;
  pid_line = ahead.at;
  if (!fcgip__cursor_takes(&ahead, "pid:"))
    return NULL;
  while (fcgip__cursor_takes(&ahead, " "))
    ;
  if (ahead.at == ahead.end || !fcgip__is_digit(*ahead.at))
    return NULL;
  while (ahead.at < ahead.end && fcgip__is_digit(*ahead.at))
    ahead.at++;
  return fcgip__cursor_takes(&ahead, "\n") ? pid_line : NULL;
}

static int read_pool(fcgip__php_fpm_text *reader)
{
  fcgip__php_fpm_line parts;
  fcgip__cursor line;
  int rc = FCGIP_OK;

  while (rc == FCGIP_OK && find_worker(&reader->in) == NULL &&
         fcgip__cursor_take_line(&reader->in, &line)) {
    if (line.at == line.end)
      continue;
    if (!split_line(&line, &parts))
      return FCGIP_ESTATUSFORMAT;
    rc = fcgip__php_fpm_put_pool(reader->status, FCGIP__FORM_TEXT, parts.key.at,
                                 fcgip__cursor_left(&parts.key), parts.value.at,
                                 fcgip__cursor_left(&parts.value));
  }
  return rc;
}

/* Sets the field whose value went on until here. */
static int close_value(fcgip__php_fpm_text *reader)
{
  const fcgip__php_fpm_key *open = reader->open;

  reader->open = NULL;
  if (open == NULL)
    return FCGIP_OK;
  return fcgip__php_fpm_set_process(reader->status, open, reader->value.at,
                                    fcgip__cursor_left(&reader->value));
}

/* The fields of the worker, the open one included. */
static uint32_t seen(const fcgip__php_fpm_text *reader)
{
  return fcgip__php_fpm_process_seen(reader->status) |
         (reader->open != NULL ? reader->open->bit : 0u);
}

static int is_key_of_a_fork(const fcgip__cursor *key)
{
  const char *c;

  for (c = key->at; c < key->end; c++)
    if (*c != ' ' && *c != '-' && *c != '_' && (fcgip__lower(*c) < 'a' || fcgip__lower(*c) > 'z'))
      return 0;
  return 1;
}

/* 1 if the line was a field's, 0 if it belongs to the value before, else an error. */
static int read_field(fcgip__php_fpm_text *reader, const fcgip__cursor *line)
{
  const fcgip__php_fpm_key *key;
  fcgip__php_fpm_line parts;
  int rc;

  if (!split_line(line, &parts) || (reader->is_padded && !is_padded(line, &parts)))
    return 0;
  key = fcgip__php_fpm_process_key(FCGIP__FORM_TEXT, parts.key.at, fcgip__cursor_left(&parts.key));
  if (key == NULL && !is_key_of_a_fork(&parts.key))
    return 0;
  if (key != NULL && (seen(reader) & key->bit) != 0)
    return 0;
  if (key != NULL && key->kind != FCGIP__KIND_TEXT) {
    rc = fcgip__php_fpm_set_process(reader->status, key, parts.value.at,
                                    fcgip__cursor_left(&parts.value));
    if (rc < 0)
      return 0; /* no number: that takes no memory */
  }
  rc = close_value(reader);
  if (rc < 0)
    return rc;
  if (key != NULL && key->kind == FCGIP__KIND_TEXT) {
    reader->open = key;
    reader->value = parts.value;
  }
  return 1;
}

/* One worker, from its pid's line to the next one's, or to the end. */
static int read_worker(fcgip__php_fpm_text *reader)
{
  fcgip__cursor line;
  int rc = fcgip__php_fpm_begin_process(reader->status);

  while (rc == FCGIP_OK) {
    if (fcgip__php_fpm_is_complete(seen(reader)) && find_worker(&reader->in) != NULL)
      break;
    if (!fcgip__cursor_take_line(&reader->in, &line))
      break;
    rc = read_field(reader, &line);
    if (rc == 0 && reader->open != NULL)
      reader->value.end = line.end;
    rc = rc < 0 ? rc : FCGIP_OK;
  }
  if (rc == FCGIP_OK)
    rc = close_value(reader);
  if (rc == FCGIP_OK)
    rc = fcgip__php_fpm_end_process(reader->status);
  return rc;
}

static int first_is_padded(const char *pid_line, const char *end)
{
  fcgip__cursor in = {pid_line, end};
  fcgip__php_fpm_line parts;
  fcgip__cursor line;

  return fcgip__cursor_take_line(&in, &line) && split_line(&line, &parts) &&
         is_padded(&line, &parts) && fcgip__is_digit(*parts.value.at);
}

/* 1 if the page ends in a line, or behind a separator. */
static int is_cut_off(const char *page, size_t len)
{
  const size_t separator_len = strlen(SEPARATOR);

  if (page[len - 1] != '\n')
    return 1;
  return len >= separator_len && memcmp(page + len - separator_len, SEPARATOR, separator_len) == 0;
}

int fcgip__php_fpm_read_text(fcgip_php_fpm_status *status, const char *page, size_t len)
{
  /* All versions have both. */
  const uint32_t needed = 1u << FCGIP_PHP_FPM_POOL_NAME | 1u << FCGIP_PHP_FPM_TOTAL_PROCESSES;
  fcgip__php_fpm_text reader = {status, {page, page + len}, 0, NULL, {NULL, NULL}};
  const char *pid_line;
  int rc;

  if (is_cut_off(page, len))
    return FCGIP_ESTATUSFORMAT;
  status->reading = FCGIP__AS_PRINTED;
  rc = read_pool(&reader);
  if (rc == FCGIP_OK && (status->seen & needed) != needed)
    rc = FCGIP_ESTATUSFORMAT;

  pid_line = find_worker(&reader.in);
  reader.is_padded = pid_line != NULL && first_is_padded(pid_line, reader.in.end);
  while (rc == FCGIP_OK && pid_line != NULL) {
    reader.in.at = pid_line;
    rc = read_worker(&reader);
    pid_line = find_worker(&reader.in);
  }
  return rc;
}
