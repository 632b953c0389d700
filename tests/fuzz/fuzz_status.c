/* Status pages of php-fpm. Input: which content type comes with it, where to cut (2 bytes), then the page.
 *
 *  - Whatever comes: a status, FCGIP_ESTATUSFORMAT, or FCGIP_ENOMEM if there was none; no byte behind the page is read.
 *  - All that the accessors give can be used: texts end, fields that were not sent are 0 and "", workers and further
 *    keys are as many as are said to be, and not more than the page has room for.
 *  - Read again, the page says the same.
 *  - A JSON page or an XML page without its end is not taken, nor are metrics that end in a line.
 *  - Memory is bounded by the length of the page.
 *  - A page that is printed here from numbers and texts of the input (content types from 128 on) says exactly
 *    these, in each of the formats. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiproxy/error.h"
#include "fuzz/status_page.h"
#include "status/php_fpm.h"

static const char *const types[] = {NULL,
                                    "text/plain",
                                    "application/json",
                                    "text/xml",
                                    "application/openmetrics-text; version=1.0.0; charset=utf-8",
                                    "text/html",
                                    "application/octet-stream",
                                    "APPLICATION/JSON;x"};

/* ---- everything a status says, as text ---- */

static void note_number(fuzz_buffer *to, uint64_t number)
{
  char text[24];

  snprintf(text, sizeof(text), "%" PRIu64 "\n", number);
  fuzz_put_text(to, text);
}

static void note_text(fuzz_buffer *to, const char *text)
{
  FUZZ_CHECK(text != NULL);
  fuzz_put(to, text, strlen(text) + 1);
}

static void note_pool(fuzz_buffer *to, const fcgip_php_fpm_status *s)
{
  int field;

  for (field = -1; field < 40; field++)
    note_number(to, (uint64_t)fcgip_php_fpm_status_has(s, field));
  note_text(to, fcgip_php_fpm_status_pool_name(s));
  note_text(to, fcgip_php_fpm_status_process_manager(s));
  note_number(to, (uint64_t)fcgip_php_fpm_status_start_time(s));
  note_number(to, fcgip_php_fpm_status_start_since(s));
  note_number(to, fcgip_php_fpm_status_accepted_connections(s));
  note_number(to, fcgip_php_fpm_status_listen_queue(s));
  note_number(to, fcgip_php_fpm_status_max_listen_queue(s));
  note_number(to, fcgip_php_fpm_status_listen_queue_length(s));
  note_number(to, fcgip_php_fpm_status_idle_processes(s));
  note_number(to, fcgip_php_fpm_status_active_processes(s));
  note_number(to, fcgip_php_fpm_status_total_processes(s));
  note_number(to, fcgip_php_fpm_status_max_active_processes(s));
  note_number(to, fcgip_php_fpm_status_max_children_reached(s));
  note_number(to, fcgip_php_fpm_status_slow_requests(s));
  note_number(to, fcgip_php_fpm_status_memory_peak(s));
}

static void note_process(fuzz_buffer *to, const fcgip_php_fpm_process *p)
{
  double cpu = fcgip_php_fpm_process_last_request_cpu(p);

  FUZZ_CHECK(p != NULL && cpu == cpu);
  note_number(to, (uint64_t)fcgip_php_fpm_process_pid(p));
  note_text(to, fcgip_php_fpm_process_state(p));
  note_number(to, (uint64_t)fcgip_php_fpm_process_start_time(p));
  note_number(to, fcgip_php_fpm_process_start_since(p));
  note_number(to, fcgip_php_fpm_process_requests(p));
  note_number(to, fcgip_php_fpm_process_request_duration(p));
  note_text(to, fcgip_php_fpm_process_request_method(p));
  note_text(to, fcgip_php_fpm_process_request_uri(p));
  note_number(to, fcgip_php_fpm_process_content_length(p));
  note_text(to, fcgip_php_fpm_process_user(p));
  note_text(to, fcgip_php_fpm_process_script(p));
  fuzz_put(to, &cpu, sizeof(cpu));
  note_number(to, fcgip_php_fpm_process_last_request_memory(p));
}

static void note_status(fuzz_buffer *to, const fcgip_php_fpm_status *s, size_t page_len)
{
  size_t processes = fcgip_php_fpm_status_process_count(s), i;
  size_t extras = fcgip_php_fpm_status_extra_count(s);
  const char *key, *value;

  FUZZ_CHECK(processes <= page_len && extras <= page_len);
  note_pool(to, s);
  for (i = 0; i < extras; i++) {
    FUZZ_CHECK(fcgip_php_fpm_status_extra(s, i, &key, &value) == FCGIP_OK);
    note_text(to, key);
    note_text(to, value);
  }
  FUZZ_CHECK(fcgip_php_fpm_status_extra(s, extras, &key, &value) == FCGIP_ENOTFOUND);
  for (i = 0; i < processes; i++)
    note_process(to, fcgip_php_fpm_status_process(s, i));
  FUZZ_CHECK(fcgip_php_fpm_status_process(s, processes) == NULL);
}

/* ---- parsing ---- */

static int parse(fcgip_php_fpm_status **out, const uint8_t *page, size_t len, const char *type)
{
  uint8_t *exact = fuzz_copy(page, len);
  fcgip__mem mem = fuzz_mem();
  int rc = fcgip__php_fpm_parse(out, &mem, exact, len, type);

  free(exact);
  FUZZ_CHECK(rc == FCGIP_OK || rc == FCGIP_ESTATUSFORMAT ||
             (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
  FUZZ_CHECK((rc == FCGIP_OK) == (*out != NULL));
  return rc;
}

static void check_again(const uint8_t *page, size_t len, const char *type, const fuzz_buffer *said)
{
  fcgip_php_fpm_status *status;
  fuzz_buffer again = {0};

  if (parse(&status, page, len, type) == FCGIP_OK) {
    note_status(&again, status, len);
    FUZZ_CHECK(fuzz_buffer_equal(&again, said));
  } else {
    FUZZ_CHECK(fuzz_is_out_of_memory());
  }
  fcgip__php_fpm_free(status);
  fuzz_buffer_free(&again);
}

static size_t without_spaces(const uint8_t *page, size_t len)
{
  while (len > 0 && page[len - 1] != '\0' && strchr(" \t\r\n", page[len - 1]) != NULL)
    len--;
  return len;
}

/* Formats that have an end: the page cut before it. */
static void check_cut(const uint8_t *page, size_t len, const char *type, size_t cut)
{
  fcgip_php_fpm_status *status;
  size_t start = 0, last;

  len = without_spaces(page, len);
  while (start < len && page[start] != '\0' && strchr(" \t\r\n", page[start]) != NULL)
    start++;
  if (cut >= len || start == len || page[start] == '\0' || strchr("{<#", page[start]) == NULL)
    return;
  if (page[start] == '#' && (cut == 0 || page[cut - 1] == '\n')) /* PHP before 8.1.3 says no more */
    return;
  /* In JSON php-fpm prints the texts of clients as they are: one may have a whole page's end in it. */
  last = without_spaces(page, cut);
  if (page[start] == '{' && last > 0 && page[last - 1] == '}')
    return;
  FUZZ_CHECK(parse(&status, page, cut, type) != FCGIP_OK);
}

static void check_page(const uint8_t *page, size_t len, const char *type, size_t cut)
{
  fcgip_php_fpm_status *status;
  fuzz_buffer said = {0};

  if (parse(&status, page, len, type) == FCGIP_OK) {
    note_status(&said, status, len);
    check_again(page, len, type, &said);
    check_cut(page, len, type, cut);
  }
  FUZZ_CHECK(fuzz_memory.peak_bytes <= 65536 + 512 * len);
  fcgip__php_fpm_free(status);
  fuzz_buffer_free(&said);
}

/* ---- pages printed here ---- */

static void check_printed(fuzz_input *in, unsigned form)
{
  fcgip_php_fpm_status *status;
  fuzz_buffer page = {0};
  status_page facts;
  size_t i;

  status_page_read(&facts, in);
  status_page_print(&facts, form, &page);
  if (parse(&status, page.data, page.len, form & 4 ? NULL : types[1 + (form & 3)]) != FCGIP_OK) {
    FUZZ_CHECK(fuzz_is_out_of_memory());
  } else {
    status_page_check_pool(&facts, status);
    FUZZ_CHECK(fcgip_php_fpm_status_process_count(status) ==
               ((form & 3) == STATUS_METRICS ? 0 : facts.process_count));
    for (i = 0; i < fcgip_php_fpm_status_process_count(status); i++)
      status_page_check_process(&facts, i, fcgip_php_fpm_status_process(status, i));
  }
  fcgip__php_fpm_free(status);
  fuzz_buffer_free(&page);
  status_page_free(&facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  fuzz_input in = {data, size};
  unsigned kind = fuzz_u8(&in);
  size_t cut = fuzz_u16(&in);

  fuzz_begin();
  if (kind < 128)
    check_page(in.at, in.left, types[kind % 8], cut);
  else
    check_printed(&in, kind % 8);
  fuzz_end();
  return 0;
}
