/* The cases of RUN that are not in cases_run.c. */
#ifndef CONFORMANCE_RUN_H
#define CONFORMANCE_RUN_H

#include "conformance/suite.h"

/* cases_run_callbacks.c */
void run_chain(conf_test *test);
void run_changes_inside(conf_test *test);
void run_frees_inside(conf_test *test);
void run_waits_inside(conf_test *test);
void run_exactly_once(conf_test *test);
void run_freed_in_flight(conf_test *test);
void run_cancelled(conf_test *test);
void run_forked(conf_test *test);
void run_threads(conf_test *test);
void run_twice(conf_test *test);
void run_many_ids(conf_test *test);

/* cases_run_null.c */
void run_null(conf_test *test);

/* cases_run_faults.c */
void run_without_memory(conf_test *test);
void run_two_faults(conf_test *test);

#endif
