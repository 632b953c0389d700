/* Values as php-fpm prints them, in no locale. */
#ifndef FCGIP_STATUS_PHP_FPM_VALUE_H
#define FCGIP_STATUS_PHP_FPM_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* All four: 0, or -1 if the text is no such value. What does not fit becomes the nearest that does: php-fpm has
 * printed durations beyond 2^64 (php#62382). */

/* Digits; a sign and a fraction are read, and dropped. */
int fcgip__status_count(const char *text, size_t len, uint64_t *value);
int fcgip__status_signed(const char *text, size_t len, int64_t *value);
/* "12.34"; a comma is a point, as a worker's locale may have it so. */
int fcgip__status_decimal(const char *text, size_t len, double *value);
/* Unix seconds, or "22/Nov/2026:17:38:55 +0000", to Unix seconds. */
int fcgip__status_time(const char *text, size_t len, int64_t *value);

/* Adds a code point as UTF-8, U+FFFD for one that is none. Results as of fcgip__buffer_add(). */
int fcgip__status_add_utf8(fcgip__buffer *buffer, uint32_t code);

#endif
