/* Cases that need a live php-fpm and are not in cases_fpm.c. */
#ifndef CONFORMANCE_FPM_CASES_H
#define CONFORMANCE_FPM_CASES_H

#include "conformance/php.h"

/* KAL */
void fpm_recycle(conf_test *test);
void fpm_starvation(conf_test *test);
void fpm_finish_request(conf_test *test);
void fpm_kept_over_reload(conf_test *test);

/* FPM */
void fpm_roles_and_versions(conf_test *test);
void fpm_ids(conf_test *test);
void fpm_management(conf_test *test);
void fpm_cut_pairs(conf_test *test);
void fpm_content_lengths(conf_test *test);
void fpm_two_on_one(conf_test *test);
void fpm_held_workers(conf_test *test);
void fpm_reloads_under_load(conf_test *test);
void fpm_many_for_two(conf_test *test);
void fpm_full_backlog(conf_test *test);
void fpm_queued_too_long(conf_test *test);
void fpm_terminated(conf_test *test);
void fpm_on_demand(conf_test *test);
void fpm_not_allowed(conf_test *test);
void fpm_large_content(conf_test *test);
void fpm_master_ends(conf_test *test);
void fpm_worker_stopped(conf_test *test);
void fpm_status_listen(conf_test *test);
void fpm_killing(conf_test *test);

/* STA */
void fpm_status_pages(conf_test *test);
void fpm_status_busy(conf_test *test);

/* One request by hand; returns how it ended, as php_read(), and which records came: "6e" is STDOUT and
 * END_REQUEST, "?" a record of another id. */
int fpm_by_hand(const php *p, unsigned id, unsigned role, unsigned flags, const char *script,
                char *types, conf_bytes *got);

#endif
