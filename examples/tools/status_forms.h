/* The forms in which fcgi-status says what it found. */
#ifndef FCGIPROXY_TOOLS_STATUS_FORMS_H
#define FCGIPROXY_TOOLS_STATUS_FORMS_H

#include "status_options.h"

/* For people: everything about each server. */
void form_report(const fcgip_status_list *list);

/* A line for each server; only for those that are not as they should be if `quiet`. */
void form_check(const fcgip_status_list *list, const limit_set *limits, int quiet);

/* A line of "key=value", for --watch where there is no terminal. */
void form_line(const fcgip_server_status *server, const limit_set *limits, int64_t now);

/* One document in one line. */
void form_json(const fcgip_status_list *list, const status_options *options, int64_t now);

/* Valid as OpenMetrics 1.0 and as Prometheus' text format. 0, or FCGIP_ENOMEM. */
int form_metrics(const fcgip_status_list *list);

/* "listen_queue 12 > 10, idle_processes 0 < 1", for the pool's limits that do not hold. */
void form_breaches(const limit_set *limits, const fcgip_php_fpm_status *pool);

const char *form_address(const fcgip_server_status *server);

/* Asks all servers for their ping page, and says what they answer. The exit status. */
int ping_run(status_options *options);

/* --watch. The exit status. */
int watch_run(status_options *options);

/* The exit status that a list means. */
int status_verdict(const fcgip_status_list *list, const limit_set *limits);

#endif
