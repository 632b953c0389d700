#include "fuzz/status_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nothing that a format escapes, and no blank at an end. */
static char *read_text(fuzz_input *in)
{
  static const char plain[] = "abcXYZ019-_./?&=;:,(){}[]<>\"'\\ ";
  char *text = fuzz_text(in);
  size_t i;

  for (i = 0; text[i] != '\0'; i++)
    text[i] = plain[(unsigned char)text[i] % (sizeof(plain) - 1)];
  for (; i > 0 && text[i - 1] == ' '; i--)
    text[i - 1] = '\0';
  for (i = 0; text[i] == ' '; i++)
    text[i] = '-';
  return text;
}

static uint64_t read_number(fuzz_input *in)
{
  unsigned bits = fuzz_u8(in);
  uint64_t number;

  if (bits < 128)
    return bits;
  number = fuzz_u32(in);
  if (bits >= 192)
    number = number << 31 | number >> 1;
  return number;
}

void status_page_read(status_page *page, fuzz_input *in)
{
  size_t i, j;

  memset(page, 0, sizeof(*page));
  page->pool = read_text(in);
  if (page->pool[0] == '\0') { /* which no pool is called */
    free(page->pool);
    page->pool = (char *)fuzz_copy("w", 2);
  }
  for (i = 0; i < STATUS_POOL_NUMBERS; i++)
    page->numbers[i] = read_number(in);
  page->process_count = fuzz_u8(in) % (STATUS_MOST_PROCESSES + 1);
  for (i = 0; i < page->process_count; i++) {
    status_process *process = &page->processes[i];

    for (j = 0; j < STATUS_PROCESS_NUMBERS; j++)
      process->numbers[j] = read_number(in);
    process->uri = read_text(in);
    process->user = read_text(in);
    process->script = read_text(in);
  }
}

void status_page_free(status_page *page)
{
  size_t i;

  free(page->pool);
  for (i = 0; i < page->process_count; i++) {
    free(page->processes[i].uri);
    free(page->processes[i].user);
    free(page->processes[i].script);
  }
}

/* ---- printing ---- */

static const char *const pool_keys[STATUS_POOL_NUMBERS] = {
    "start since",          "accepted conn",        "listen queue",     "max listen queue",
    "listen queue len",     "idle processes",       "active processes", "total processes",
    "max active processes", "max children reached", "slow requests"};

static const char *const metric_names[STATUS_POOL_NUMBERS] = {
    "start_since",          "accepted_connections", "listen_queue",     "max_listen_queue",
    "listen_queue_length",  "idle_processes",       "active_processes", "total_processes",
    "max_active_processes", "max_children_reached", "slow_requests"};

static void put_escaped(fuzz_buffer *to, const char *text, unsigned form)
{
  for (; *text != '\0'; text++) {
    if (form == STATUS_JSON && strchr("\"\\/", *text) != NULL)
      fuzz_put_text(to, "\\");
    if (form == STATUS_XML && *text == '<')
      fuzz_put_text(to, "&lt;");
    else if (form == STATUS_XML && *text == '>')
      fuzz_put_text(to, "&gt;");
    else if (form == STATUS_XML && *text == '&')
      fuzz_put_text(to, "&amp;");
    else if (form == STATUS_XML && *text == '"')
      fuzz_put_text(to, "&quot;");
    else
      fuzz_put(to, text, 1);
  }
}

/* One field; `kind` is 1 for a text, which JSON has in quotes. */
static void put_field(fuzz_buffer *to, unsigned form, const char *key, const char *value,
                      int is_text, int is_first)
{
  char line[80], tag[40];
  size_t i;

  if (form == STATUS_TEXT) {
    snprintf(line, sizeof(line), "%s:%*s ", key, (int)(20 - strlen(key)), "");
    fuzz_put_text(to, line);
    put_escaped(to, value, form);
    fuzz_put_text(to, "\n");
  } else if (form == STATUS_JSON) {
    snprintf(line, sizeof(line), "%s\"%s\":%s", is_first ? "" : ",", key, is_text ? "\"" : "");
    fuzz_put_text(to, line);
    put_escaped(to, value, form);
    fuzz_put_text(to, is_text ? "\"" : "");
  } else {
    snprintf(tag, sizeof(tag), "%s", key);
    for (i = 0; tag[i] != '\0'; i++)
      if (tag[i] == ' ')
        tag[i] = '-';
    snprintf(line, sizeof(line), "<%s>", tag);
    fuzz_put_text(to, line);
    put_escaped(to, value, form);
    snprintf(line, sizeof(line), "</%s>\n", tag);
    fuzz_put_text(to, line);
  }
}

static void put_number(fuzz_buffer *to, unsigned form, const char *key, uint64_t number,
                       int is_first)
{
  char text[24];

  snprintf(text, sizeof(text), "%" PRIu64, number);
  put_field(to, form, key, text, 0, is_first);
}

static void put_start_time(fuzz_buffer *to, unsigned form)
{
  put_field(to, form, "start time",
            form == STATUS_TEXT ? "23/Nov/2026:10:28:45 +0000" : "1795429725", 0, 0);
}

static void put_process(fuzz_buffer *to, unsigned form, const status_process *p)
{
  put_number(to, form, "pid", p->numbers[0] & 0x7fffffff, 1);
  put_field(to, form, "state", "Running", 1, 0);
  put_start_time(to, form);
  put_number(to, form, "start since", p->numbers[1], 0);
  put_number(to, form, "requests", p->numbers[2], 0);
  put_number(to, form, "request duration", p->numbers[3], 0);
  put_field(to, form, "request method", "GET", 1, 0);
  put_field(to, form, form == STATUS_TEXT ? "request URI" : "request uri", p->uri, 1, 0);
  put_number(to, form, "content length", p->numbers[4], 0);
  put_field(to, form, "user", p->user, 1, 0);
  put_field(to, form, "script", p->script, 1, 0);
  put_field(to, form, "last request cpu", "12.50", 0, 0);
  put_number(to, form, "last request memory", p->numbers[5], 0);
}

static void put_pool(fuzz_buffer *to, unsigned form, const status_page *page)
{
  size_t i;

  put_field(to, form, "pool", page->pool, 1, 1);
  put_field(to, form, "process manager", "dynamic", 1, 0);
  put_start_time(to, form);
  for (i = 0; i < STATUS_POOL_NUMBERS; i++)
    put_number(to, form, pool_keys[i], page->numbers[i], 0);
}

static void put_processes(fuzz_buffer *to, unsigned form, const status_page *page)
{
  static const char *const before[] = {"", ", \"processes\":[", "<processes>\n"};
  static const char *const open[] = {"\n************************\n", "{", "<process>"};
  static const char *const close[] = {"", "}", "</process>\n"};
  static const char *const after[] = {"", "]", "</processes>\n"};
  size_t i;

  if (page->process_count == 0)
    return;
  fuzz_put_text(to, before[form]);
  for (i = 0; i < page->process_count; i++) {
    if (form == STATUS_JSON && i > 0)
      fuzz_put_text(to, ",");
    fuzz_put_text(to, open[form]);
    put_process(to, form, &page->processes[i]);
    fuzz_put_text(to, close[form]);
  }
  fuzz_put_text(to, after[form]);
}

static void print_metrics(const status_page *page, fuzz_buffer *to)
{
  char lines[256];
  size_t i;

  fuzz_put_text(to, "# HELP phpfpm_up Could pool ");
  fuzz_put_text(to, page->pool);
  fuzz_put_text(to, " using a dynamic PM on PHP-FPM be reached?\n# TYPE phpfpm_up gauge\n"
                    "phpfpm_up 1\n");
  for (i = 0; i < STATUS_POOL_NUMBERS; i++) {
    snprintf(lines, sizeof(lines),
             "# HELP phpfpm_%s The number.\n# TYPE phpfpm_%s gauge\nphpfpm_%s %" PRIu64 "\n",
             metric_names[i], metric_names[i], metric_names[i], page->numbers[i]);
    fuzz_put_text(to, lines);
  }
  fuzz_put_text(to, "# EOF\n");
}

void status_page_print(const status_page *page, unsigned form, fuzz_buffer *to)
{
  static const char *const before[] = {"", "{", "<?xml version=\"1.0\" ?>\n<status>\n"};
  static const char *const after[] = {"", "}", "</status>"};

  form &= 3;
  if (form == STATUS_METRICS) {
    print_metrics(page, to);
    return;
  }
  fuzz_put_text(to, before[form]);
  put_pool(to, form, page);
  put_processes(to, form, page);
  fuzz_put_text(to, after[form]);
}

/* ---- checking ---- */

void status_page_check_pool(const status_page *page, const fcgip_php_fpm_status *s)
{
  const uint64_t *n = page->numbers;

  FUZZ_CHECK(strcmp(fcgip_php_fpm_status_pool_name(s), page->pool) == 0);
  FUZZ_CHECK(strcmp(fcgip_php_fpm_status_process_manager(s), "dynamic") == 0);
  FUZZ_CHECK(!fcgip_php_fpm_status_has(s, FCGIP_PHP_FPM_START_TIME) ||
             fcgip_php_fpm_status_start_time(s) == 1795429725);
  FUZZ_CHECK(fcgip_php_fpm_status_start_since(s) == n[0]);
  FUZZ_CHECK(fcgip_php_fpm_status_accepted_connections(s) == n[1]);
  FUZZ_CHECK(fcgip_php_fpm_status_listen_queue(s) == n[2]);
  FUZZ_CHECK(fcgip_php_fpm_status_max_listen_queue(s) == n[3]);
  FUZZ_CHECK(fcgip_php_fpm_status_listen_queue_length(s) == n[4]);
  FUZZ_CHECK(fcgip_php_fpm_status_idle_processes(s) == n[5]);
  FUZZ_CHECK(fcgip_php_fpm_status_active_processes(s) == n[6]);
  FUZZ_CHECK(fcgip_php_fpm_status_total_processes(s) == n[7]);
  FUZZ_CHECK(fcgip_php_fpm_status_max_active_processes(s) == n[8]);
  FUZZ_CHECK(fcgip_php_fpm_status_max_children_reached(s) == n[9]);
  FUZZ_CHECK(fcgip_php_fpm_status_slow_requests(s) == n[10]);
  FUZZ_CHECK(fcgip_php_fpm_status_extra_count(s) == 0);
}

void status_page_check_process(const status_page *page, size_t index,
                               const fcgip_php_fpm_process *p)
{
  const status_process *wanted = &page->processes[index];

  FUZZ_CHECK(fcgip_php_fpm_process_pid(p) == (int64_t)(wanted->numbers[0] & 0x7fffffff));
  FUZZ_CHECK(strcmp(fcgip_php_fpm_process_state(p), "Running") == 0);
  FUZZ_CHECK(fcgip_php_fpm_process_start_time(p) == 1795429725);
  FUZZ_CHECK(fcgip_php_fpm_process_start_since(p) == wanted->numbers[1]);
  FUZZ_CHECK(fcgip_php_fpm_process_requests(p) == wanted->numbers[2]);
  FUZZ_CHECK(fcgip_php_fpm_process_request_duration(p) == wanted->numbers[3]);
  FUZZ_CHECK(strcmp(fcgip_php_fpm_process_request_uri(p), wanted->uri) == 0);
  FUZZ_CHECK(fcgip_php_fpm_process_content_length(p) == wanted->numbers[4]);
  FUZZ_CHECK(strcmp(fcgip_php_fpm_process_user(p), wanted->user) == 0);
  FUZZ_CHECK(strcmp(fcgip_php_fpm_process_script(p), wanted->script) == 0);
  FUZZ_CHECK(fcgip_php_fpm_process_last_request_memory(p) == wanted->numbers[5]);
}
