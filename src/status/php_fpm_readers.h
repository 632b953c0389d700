/* The readers of the four formats. Each fills a blank status from a page of at least one byte, by status->reading
 * where the format needs it.
 * FCGIP_OK; FCGIP_ESTATUSFORMAT: not this format, or not complete; FCGIP_ENOMEM. */
#ifndef FCGIP_STATUS_PHP_FPM_READERS_H
#define FCGIP_STATUS_PHP_FPM_READERS_H

#include <stddef.h>

#include "status/php_fpm_build.h"

int fcgip__php_fpm_read_text(fcgip_php_fpm_status *status, const char *page, size_t len);
int fcgip__php_fpm_read_json(fcgip_php_fpm_status *status, const char *page, size_t len);
int fcgip__php_fpm_read_xml(fcgip_php_fpm_status *status, const char *page, size_t len);
int fcgip__php_fpm_read_openmetrics(fcgip_php_fpm_status *status, const char *page, size_t len);

#endif
