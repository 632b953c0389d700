/* What a status page says, as tables, so that every form of output says the same. */
#ifndef FCGIPROXY_TOOLS_FIELDS_H
#define FCGIPROXY_TOOLS_FIELDS_H

#include <fcgiproxy/fcgiproxy.h>

/* A number of the pool. */
typedef struct pool_field {
  int id;             /* an enum fcgip_php_fpm_field */
  const char *key;    /* in JSON and in lines */
  const char *label;  /* in the report */
  const char *limit;  /* the option for its greatest value, as php-fpm-healthcheck has it */
  const char *metric; /* without the prefix phpfpm_ */
  const char *help;
  uint64_t (*number)(const fcgip_php_fpm_status *pool);
} pool_field;

enum { POOL_FIELDS = 12 };
extern const pool_field pool_fields[POOL_FIELDS];

/* Something about a worker: exactly one of the functions is there. */
typedef struct process_field {
  const char *key;
  const char *label;
  const char *metric; /* NULL if it is none: texts would make series without end */
  const char *help;
  double scale; /* of the metric, to base units */
  uint64_t (*number)(const fcgip_php_fpm_process *process);
  int64_t (*moment)(const fcgip_php_fpm_process *process); /* unix seconds */
  const char *(*text)(const fcgip_php_fpm_process *process);
  double (*real)(const fcgip_php_fpm_process *process);
} process_field;

/* All but the process id, which names the worker. */
enum { PROCESS_FIELDS = 12 };
extern const process_field process_fields[PROCESS_FIELDS];

#endif
