/* A php-fpm status page as typed fields. */
#ifndef FCGIP_STATUS_PHP_FPM_H
#define FCGIP_STATUS_PHP_FPM_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "fcgiproxy/status.h"

/* Text of the page. All of it is in one buffer, so that 100,000 workers are not 500,000 blocks. */
typedef union fcgip__status_text {
  size_t offset; /* while the page is read: the place in that buffer, which still moves; 0 is "" */
  const char *text; /* from then on */
} fcgip__status_text;

struct fcgip_php_fpm_process {
  uint32_t seen; /* bits by enum fcgip__php_fpm_process_field */
  int64_t pid;
  fcgip__status_text state;
  int64_t start_time;
  uint64_t start_since;
  uint64_t requests;
  uint64_t request_duration;
  fcgip__status_text request_method;
  fcgip__status_text request_uri;
  uint64_t content_length;
  fcgip__status_text user;
  fcgip__status_text script;
  double last_request_cpu;
  uint64_t last_request_memory;
};

typedef struct fcgip__php_fpm_extra {
  fcgip__status_text key;
  fcgip__status_text value;
} fcgip__php_fpm_extra;

/* How a page is read. PHP before 8.1.20 wrote what the clients of the pool sent (URI, user, script) as it was,
 * so that a quote or a tag in there ends a value where it should not. */
typedef enum fcgip__php_fpm_reading {
  FCGIP__EXACT,     /* by the grammar of the format; all workers must have the same fields */
  FCGIP__AS_PRINTED /* a value goes on until what php-fpm prints after it; no worker may lack a field */
} fcgip__php_fpm_reading;

struct fcgip_php_fpm_status {
  fcgip__mem mem;
  fcgip__php_fpm_reading reading;
  uint32_t seen; /* bits by enum fcgip_php_fpm_field */
  fcgip__status_text pool_name;
  fcgip__status_text process_manager;
  int64_t start_time;
  uint64_t start_since;
  uint64_t accepted_connections;
  uint64_t listen_queue;
  uint64_t max_listen_queue;
  uint64_t listen_queue_length;
  uint64_t idle_processes;
  uint64_t active_processes;
  uint64_t total_processes;
  uint64_t max_active_processes;
  uint64_t max_children_reached;
  uint64_t slow_requests;
  uint64_t memory_peak;
  fcgip__php_fpm_extra *extras;
  size_t extra_count;
  size_t extra_cap;
  fcgip_php_fpm_process *processes;
  size_t process_count;
  size_t process_cap;
  fcgip__buffer text; /* every value, each followed by a NUL */
};

/* Reads a page. `content_type` decides on its format, NULL and types that say nothing leave that to its first
 * bytes. *out owns copies of all it needs, NULL on failure.
 * FCGIP_OK; FCGIP_ESTATUSFORMAT: no page of php-fpm in a format that is read, incomplete, or over a limit;
 * FCGIP_ENOMEM. */
int fcgip__php_fpm_parse(fcgip_php_fpm_status **out, const fcgip__mem *mem, const void *page,
                         size_t len, const char *content_type);

void fcgip__php_fpm_free(fcgip_php_fpm_status *status);

#endif
