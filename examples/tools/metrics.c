#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status_forms.h"
#include "tool.h"

/* OpenMetrics and Prometheus' older text format name the family of a counter differently: the one without
 * _total, the other with it. So counters have no TYPE here, which both take for "unknown"; everything else is a
 * gauge. */

/* A server and its workers, each process id once: two series with the same labels are not allowed. */
typedef struct scraped {
  const fcgip_server_status *server;
  const fcgip_php_fpm_status *pool;
  const fcgip_php_fpm_process **workers;
  size_t worker_count;
} scraped;

typedef struct family {
  const char *scope; /* "" or "process_" */
  const char *name;
  const char *help;
  int is_begun;
} family;

static int is_counter(const char *name)
{
  size_t len = strlen(name);

  return len > 6 && strcmp(name + len - 6, "_total") == 0;
}

/* The name and the labels that all have, up to the closing brace; at first, what the family is. */
static void begin(family *of, const scraped *from)
{
  if (!of->is_begun) {
    printf("# HELP phpfpm_%s%s %s\n", of->scope, of->name, of->help);
    if (!is_counter(of->name))
      printf("# TYPE phpfpm_%s%s gauge\n", of->scope, of->name);
  }
  of->is_begun = 1;
  printf("phpfpm_%s%s{pool=", of->scope, of->name);
  text_print_label(stdout, from->pool != NULL ? fcgip_php_fpm_status_pool_name(from->pool) : "");
  printf(",endpoint=");
  text_print_label(stdout, form_address(from->server));
}

/* ---- pools ---- */

static void print_reached(const scraped *all, size_t count)
{
  family up = {"", "up", "Whether the server told its status.", 0};
  family duration = {"", "scrape_duration_seconds", "How long it took to ask the server.", 0};
  size_t i;

  for (i = 0; i < count; i++) {
    begin(&up, &all[i]);
    printf("} %d\n", all[i].pool != NULL);
  }
  for (i = 0; i < count; i++) {
    const fcgip_response *response = fcgip_server_status_response(all[i].server);

    if (response == NULL)
      continue;
    begin(&duration, &all[i]);
    printf("} %.6f\n", fcgip_response_duration(response));
  }
}

static void print_named(const scraped *all, size_t count)
{
  family info = {"", "process_manager_info", "How the pool decides on its number of workers.", 0};
  family start = {"", "start_time_seconds", "When the pool was started, in seconds since 1970.", 0};
  size_t i;

  for (i = 0; i < count; i++) {
    if (all[i].pool == NULL ||
        !fcgip_php_fpm_status_has(all[i].pool, FCGIP_PHP_FPM_PROCESS_MANAGER))
      continue;
    begin(&info, &all[i]);
    printf(",process_manager=");
    text_print_label(stdout, fcgip_php_fpm_status_process_manager(all[i].pool));
    printf("} 1\n");
  }
  for (i = 0; i < count; i++) {
    if (all[i].pool == NULL || !fcgip_php_fpm_status_has(all[i].pool, FCGIP_PHP_FPM_START_TIME))
      continue;
    begin(&start, &all[i]);
    printf("} %" PRId64 "\n", fcgip_php_fpm_status_start_time(all[i].pool));
  }
}

static void print_pool_field(const pool_field *field, const scraped *all, size_t count)
{
  family numbers = {"", field->metric, field->help, 0};
  size_t i;

  for (i = 0; i < count; i++) {
    if (all[i].pool == NULL || !fcgip_php_fpm_status_has(all[i].pool, field->id))
      continue;
    begin(&numbers, &all[i]);
    printf("} %" PRIu64 "\n", field->number(all[i].pool));
  }
}

/* ---- workers ---- */

/* What PHP before 7.4 calls otherwise goes by the newer name, so that a state is one series. */
static const char *state_of(const fcgip_php_fpm_process *worker)
{
  const char *state = fcgip_php_fpm_process_state(worker);

  return strcmp(state, "Getting request informations") == 0 ? "Getting request information" : state;
}

static void print_states(const scraped *all, size_t count)
{
  family states = {"process_", "state", "What the worker is doing: 1 for its state.", 0};
  size_t i, j;

  for (i = 0; i < count; i++)
    for (j = 0; j < all[i].worker_count; j++) {
      const fcgip_php_fpm_process *worker = all[i].workers[j];

      begin(&states, &all[i]);
      printf(",pid=\"%" PRId64 "\",state=", fcgip_php_fpm_process_pid(worker));
      text_print_label(stdout, state_of(worker));
      printf("} 1\n");
    }
}

static void print_value(const process_field *field, const fcgip_php_fpm_process *worker)
{
  if (field->moment != NULL)
    printf("%" PRId64 "\n", field->moment(worker));
  else if (field->real != NULL)
    printf("%.6f\n", field->real(worker) * field->scale);
  else if (field->scale < 1)
    printf("%.6f\n", (double)field->number(worker) * field->scale);
  else
    printf("%" PRIu64 "\n", field->number(worker));
}

static void print_process_field(const process_field *field, const scraped *all, size_t count)
{
  family numbers = {"process_", field->metric, field->help, 0};
  size_t i, j;

  for (i = 0; i < count; i++)
    for (j = 0; j < all[i].worker_count; j++) {
      const fcgip_php_fpm_process *worker = all[i].workers[j];

      if ((field->moment != NULL && field->moment(worker) == 0) ||
          (field->real != NULL && !isfinite(field->real(worker))))
        continue;
      begin(&numbers, &all[i]);
      printf(",pid=\"%" PRId64 "\"} ", fcgip_php_fpm_process_pid(worker));
      print_value(field, worker);
    }
}

/* ---- all of it ---- */

static int by_pid(const void *a, const void *b)
{
  int64_t left = fcgip_php_fpm_process_pid(*(const fcgip_php_fpm_process *const *)a);
  int64_t right = fcgip_php_fpm_process_pid(*(const fcgip_php_fpm_process *const *)b);

  return (left > right) - (left < right);
}

/* Takes `room` for as many workers as the page has. */
static void find_workers(scraped *from, const fcgip_php_fpm_process **room)
{
  size_t count = fcgip_php_fpm_status_process_count(from->pool), i, n = 0;

  from->workers = room;
  for (i = 0; i < count; i++)
    room[i] = fcgip_php_fpm_status_process(from->pool, i);
  if (count > 0)
    qsort(room, count, sizeof(*room), by_pid);
  for (i = 0; i < count; i++)
    if (n == 0 || by_pid(&room[n - 1], &room[i]) != 0)
      room[n++] = room[i];
  from->worker_count = n;
}

static void print_all(const scraped *all, size_t count)
{
  int i;

  print_reached(all, count);
  print_named(all, count);
  for (i = 0; i < POOL_FIELDS; i++)
    print_pool_field(&pool_fields[i], all, count);
  print_states(all, count);
  for (i = 0; i < PROCESS_FIELDS; i++)
    if (process_fields[i].metric != NULL)
      print_process_field(&process_fields[i], all, count);
  printf("# EOF\n");
}

int form_metrics(const fcgip_status_list *list)
{
  size_t count = fcgip_status_list_count(list), workers = 0, i;
  const fcgip_php_fpm_process **room = NULL;
  scraped *all = calloc(count + 1, sizeof(*all));

  for (i = 0; i < count && all != NULL; i++) {
    all[i].server = fcgip_status_list_at(list, i);
    all[i].pool = fcgip_server_status_php_fpm(all[i].server);
    workers += fcgip_php_fpm_status_process_count(all[i].pool);
  }
  if (all != NULL)
    room = calloc(workers + 1, sizeof(*room));
  if (room == NULL) {
    free(all);
    return FCGIP_ENOMEM;
  }
  for (i = 0, workers = 0; i < count; i++) {
    find_workers(&all[i], room + workers);
    workers += fcgip_php_fpm_status_process_count(all[i].pool);
  }
  print_all(all, count);
  free(room);
  free(all);
  return FCGIP_OK;
}
