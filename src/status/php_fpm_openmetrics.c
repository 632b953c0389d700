/* The OpenMetrics form, PHP 8.1 and later: the pool only, its name and process manager in a help text.
 *
 *     # HELP phpfpm_up Could pool www using a dynamic PM on PHP-FPM be reached?
 *     # TYPE phpfpm_up gauge
 *     phpfpm_up 1
 *     ...
 *     # EOF
 *
 * PHP before 8.1.3 has no "# EOF"; a page without it is complete if its last line is and the counters are there. */
#include "fcgiproxy/error.h"
#include "status/cursor.h"
#include "status/php_fpm_readers.h"

typedef struct fcgip__php_fpm_metrics {
  fcgip_php_fpm_status *status;
  int is_up; /* the metric that all pages begin with was there */
} fcgip__php_fpm_metrics;

/* What the help text says; the names of the text form stand for the fields, as no metric has them. */
static int put(fcgip_php_fpm_status *status, const char *name, const char *from, const char *to)
{
  return fcgip__php_fpm_put_pool(status, FCGIP__FORM_TEXT, name, strlen(name), from,
                                 (size_t)(to - from));
}

/* The last place of `part` in the line; NULL if it is not in it. */
static const char *find_last(const fcgip__cursor *line, const char *part)
{
  size_t len = strlen(part);
  const char *at;

  if (fcgip__cursor_left(line) < len)
    return NULL;
  for (at = line->end - len; at > line->at; at--)
    if (memcmp(at, part, len) == 0)
      return at;
  return NULL;
}

static int read_help(fcgip__php_fpm_metrics *reader, fcgip__cursor line)
{
  static const char middle[] = " using a ";
  const char *using_a, *end;
  int rc;

  if (!fcgip__cursor_takes(&line, "# HELP phpfpm_up Could pool "))
    return FCGIP_OK;
  end = find_last(&line, " PM on PHP-FPM be reached?");
  if (end == NULL)
    return FCGIP_OK;
  line.end = end;
  using_a = find_last(&line, middle);
  if (using_a == NULL)
    return FCGIP_OK;
  rc = put(reader->status, "pool", line.at, using_a);
  if (rc == FCGIP_OK)
    rc = put(reader->status, "process manager", using_a + strlen(middle), end);
  return rc;
}

static int is_name_byte(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

/* Behind "{": over the labels. 0, or -1 if they do not end. */
static int skip_labels(fcgip__cursor *line)
{
  int in_quotes = 0;

  while (line->at < line->end) {
    char c = *line->at++;

    if (c == '"')
      in_quotes = !in_quotes;
    else if (c == '}' && !in_quotes)
      return 0;
    else if (c == '\\' && in_quotes && line->at < line->end)
      line->at++;
  }
  return -1;
}

/* "name value", "name{labels} value", either with a time behind, which php-fpm does not print. */
static int read_metric(fcgip__php_fpm_metrics *reader, fcgip__cursor line)
{
  static const char up[] = "phpfpm_up";
  fcgip__cursor value = {NULL, NULL};
  const fcgip__php_fpm_key *key;
  const char *name = line.at;
  size_t name_len, full_len;

  while (line.at < line.end && is_name_byte(*line.at))
    line.at++;
  name_len = (size_t)(line.at - name);
  if (fcgip__cursor_takes(&line, "{") && skip_labels(&line) < 0)
    return FCGIP_ESTATUSFORMAT;
  full_len = (size_t)(line.at - name);
  if (name_len == 0 || !fcgip__cursor_takes(&line, " "))
    return FCGIP_ESTATUSFORMAT;
  for (value.at = line.at; line.at < line.end && *line.at != ' '; line.at++)
    ;
  value.end = line.at;
  if (value.at == value.end)
    return FCGIP_ESTATUSFORMAT;

  if (name_len == strlen(up) && memcmp(name, up, name_len) == 0) {
    reader->is_up = 1;
    return FCGIP_OK;
  }
  key = fcgip__php_fpm_pool_key(FCGIP__FORM_OPENMETRICS, name, name_len);
  if (key != NULL)
    return fcgip__php_fpm_set_pool(reader->status, key, value.at, fcgip__cursor_left(&value));
  return fcgip__php_fpm_add_extra(reader->status, name, full_len, value.at,
                                  fcgip__cursor_left(&value));
}

int fcgip__php_fpm_read_openmetrics(fcgip_php_fpm_status *status, const char *page, size_t len)
{
  fcgip__php_fpm_metrics reader = {status, 0};
  fcgip__cursor in = {page, page + len};
  fcgip__cursor line;
  int rc = FCGIP_OK;

  if (page[len - 1] != '\n')
    return FCGIP_ESTATUSFORMAT; /* cut off in a line */
  while (rc == FCGIP_OK && fcgip__cursor_take_line(&in, &line)) {
    if (fcgip__cursor_left(&line) == 5 && memcmp(line.at, "# EOF", 5) == 0)
      break;
    if (line.at == line.end)
      continue;
    rc = *line.at == '#' ? read_help(&reader, line) : read_metric(&reader, line);
  }
  if (rc == FCGIP_OK && (in.at != in.end || !reader.is_up ||
                         (status->seen & 1u << FCGIP_PHP_FPM_TOTAL_PROCESSES) == 0))
    rc = FCGIP_ESTATUSFORMAT;
  return rc;
}
