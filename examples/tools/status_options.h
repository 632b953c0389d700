/* The command line of fcgi-status. */
#ifndef FCGIPROXY_TOOLS_STATUS_OPTIONS_H
#define FCGIPROXY_TOOLS_STATUS_OPTIONS_H

#include "limits.h"
#include "servers.h"

/* The exit statuses; the greatest that applies counts, but for a server that failed. */
enum {
  STATUS_FINE = 0,
  STATUS_SERVER_FAILED = 1,
  STATUS_USAGE = 2,
  STATUS_OVER_LIMIT = 3,
  STATUS_TROUBLE = 5
};

typedef enum status_form { FORM_REPORT, FORM_CHECK, FORM_JSON, FORM_METRICS } status_form;

typedef enum status_order { ORDER_LOAD, ORDER_ADDRESS, ORDER_POOL } status_order;
enum { ORDER_COUNT = 3 };
extern const char *const status_order_names[ORDER_COUNT];

typedef struct status_options {
  status_form form;
  status_order order;
  const char *path; /* NULL: the default, which depends on the rest */
  const char *ping; /* NULL: the status is asked for */
  int quiet;
  int is_watching;
  uint64_t interval_ms;
  uint64_t rounds; /* 0: until the user has enough */
  uint64_t timeout_ms;
  limit_set limits;
  servers servers;
} status_options;

/* -1: go on; else the exit status, with what there is to say said. */
int status_options_read(status_options *out, int argc, char **argv);

/* The page to ask for. */
const char *status_options_page(const status_options *options);

#endif
