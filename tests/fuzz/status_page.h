/* Status pages as php-fpm 8.2 prints them, from facts that are then looked for in what was read. */
#ifndef TESTS_FUZZ_STATUS_PAGE_H
#define TESTS_FUZZ_STATUS_PAGE_H

#include "fcgiproxy/status.h"
#include "fuzz/fuzz.h"

enum { STATUS_TEXT, STATUS_JSON, STATUS_XML, STATUS_METRICS };

/* Numbers of the pool, in the order of the page. */
enum { STATUS_POOL_NUMBERS = 11, STATUS_MOST_PROCESSES = 6, STATUS_PROCESS_NUMBERS = 6 };

typedef struct status_process {
  uint64_t numbers[STATUS_PROCESS_NUMBERS];
  char *uri, *user, *script;
} status_process;

typedef struct status_page {
  uint64_t numbers[STATUS_POOL_NUMBERS];
  char *pool;
  status_process processes[STATUS_MOST_PROCESSES];
  size_t process_count;
} status_page;

/* Texts are of the bytes that php-fpm itself prints as they are in every format. */
void status_page_read(status_page *page, fuzz_input *in);
void status_page_free(status_page *page);
/* The lowest two bits of `form` say which format. */
void status_page_print(const status_page *page, unsigned form, fuzz_buffer *to);
void status_page_check_pool(const status_page *page, const fcgip_php_fpm_status *status);
void status_page_check_process(const status_page *page, size_t index,
                               const fcgip_php_fpm_process *process);

#endif
