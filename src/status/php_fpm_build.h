/* Fills a php-fpm status from the keys and values of a page. What the four readers share: each key is stated
 * once, in a table of this file's .c. */
#ifndef FCGIP_STATUS_PHP_FPM_BUILD_H
#define FCGIP_STATUS_PHP_FPM_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "status/php_fpm.h"

/* The columns of the table. */
typedef enum fcgip__php_fpm_form {
  FCGIP__FORM_TEXT,
  FCGIP__FORM_JSON,
  FCGIP__FORM_XML,
  FCGIP__FORM_OPENMETRICS
} fcgip__php_fpm_form;

enum { FCGIP__FORM_COUNT = 4 };

typedef enum fcgip__php_fpm_kind {
  FCGIP__KIND_TEXT,
  FCGIP__KIND_COUNT,  /* uint64_t */
  FCGIP__KIND_SIGNED, /* int64_t */
  FCGIP__KIND_TIME,   /* int64_t, Unix seconds */
  FCGIP__KIND_DECIMAL /* double */
} fcgip__php_fpm_kind;

enum fcgip__php_fpm_process_field {
  FCGIP__PROCESS_PID,
  FCGIP__PROCESS_STATE,
  FCGIP__PROCESS_START_TIME,
  FCGIP__PROCESS_START_SINCE,
  FCGIP__PROCESS_REQUESTS,
  FCGIP__PROCESS_REQUEST_DURATION,
  FCGIP__PROCESS_REQUEST_METHOD,
  FCGIP__PROCESS_REQUEST_URI,
  FCGIP__PROCESS_CONTENT_LENGTH,
  FCGIP__PROCESS_USER,
  FCGIP__PROCESS_SCRIPT,
  FCGIP__PROCESS_LAST_REQUEST_CPU,
  FCGIP__PROCESS_LAST_REQUEST_MEMORY,
  FCGIP__PROCESS_FIELD_COUNT
};

/* What every php-fpm prints of a worker: all but the CPU, which PHP 5 to 7 leave out where they cannot tell the
 * length of a socket's queue. */
#define FCGIP__PROCESS_REQUIRED                                                                    \
  (((1u << FCGIP__PROCESS_FIELD_COUNT) - 1u) & ~(1u << FCGIP__PROCESS_LAST_REQUEST_CPU))

/* What clients of the pool can say, and php-fpm therefore should have escaped. */
#define FCGIP__PROCESS_TEXTS_OF_CLIENTS                                                            \
  (1u << FCGIP__PROCESS_REQUEST_URI | 1u << FCGIP__PROCESS_USER | 1u << FCGIP__PROCESS_SCRIPT)

typedef struct fcgip__php_fpm_key {
  uint32_t bit; /* in `seen` */
  fcgip__php_fpm_kind kind;
  size_t offset; /* of the value in the status or the process */
  const char *names[FCGIP__FORM_COUNT];
} fcgip__php_fpm_key;

/* A status to fill from a page of `len` bytes. FCGIP_OK; FCGIP_ENOMEM. */
int fcgip__php_fpm_new(fcgip_php_fpm_status **out, const fcgip__mem *mem, size_t len);

/* Empties it, to read the page again in another way. */
void fcgip__php_fpm_reset(fcgip_php_fpm_status *status, fcgip__php_fpm_reading reading);

/* NULL for a key that is not known; the case of letters does not matter. */
const fcgip__php_fpm_key *fcgip__php_fpm_pool_key(fcgip__php_fpm_form form, const char *name,
                                                  size_t len);
const fcgip__php_fpm_key *fcgip__php_fpm_process_key(fcgip__php_fpm_form form, const char *name,
                                                     size_t len);

/* Sets a field of the pool; one that is set already keeps its value. A NUL in a text becomes U+FFFD.
 * FCGIP_OK; FCGIP_ESTATUSFORMAT: no value for this field; FCGIP_ENOMEM. */
int fcgip__php_fpm_set_pool(fcgip_php_fpm_status *status, const fcgip__php_fpm_key *key,
                            const char *value, size_t len);

/* Keeps a key of the pool that is not known; drops it when there are too many, or when it is too long.
 * FCGIP_OK; FCGIP_ENOMEM. */
int fcgip__php_fpm_add_extra(fcgip_php_fpm_status *status, const char *key, size_t key_len,
                             const char *value, size_t value_len);

/* Sets the field that `name` stands for, or keeps it as an extra. Results as of the two above. */
int fcgip__php_fpm_put_pool(fcgip_php_fpm_status *status, fcgip__php_fpm_form form,
                            const char *name, size_t name_len, const char *value, size_t len);

/* Begins a worker. FCGIP_OK; FCGIP_ESTATUSFORMAT: there are too many; FCGIP_ENOMEM. */
int fcgip__php_fpm_begin_process(fcgip_php_fpm_status *status);

/* Sets a field of the worker begun last. Results as of fcgip__php_fpm_set_pool(); FCGIP_ESTATUSFORMAT also if it
 * is set already. */
int fcgip__php_fpm_set_process(fcgip_php_fpm_status *status, const fcgip__php_fpm_key *key,
                               const char *value, size_t len);

/* The fields of the worker begun last. */
uint32_t fcgip__php_fpm_process_seen(const fcgip_php_fpm_status *status);

/* 1 if these are all that php-fpm prints of a worker. */
int fcgip__php_fpm_is_complete(uint32_t seen);

/* 1 if php-fpm prints this field next behind those in `seen`: none twice, none left out. */
int fcgip__php_fpm_comes_next(const fcgip__php_fpm_key *key, uint32_t seen);

/* Ends the worker begun last. FCGIP_OK; FCGIP_ESTATUSFORMAT: its fields are not what `reading` asks for. */
int fcgip__php_fpm_end_process(fcgip_php_fpm_status *status);

/* Ends the page: from here on the texts are where the accessors look for them. */
void fcgip__php_fpm_finish(fcgip_php_fpm_status *status);

#endif
