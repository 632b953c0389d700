#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "status_forms.h"
#include "tool.h"

/* Every key is always there; what a page does not say is null. The keys are documented in fcgi-status(1). */

static void key(const char *name)
{
  printf("\"%s\":", name);
}

static void member_text(const char *name, const char *value)
{
  key(name);
  text_print_json(stdout, value, strlen(value));
}

static void member_number(const char *name, uint64_t value, int is_there)
{
  key(name);
  if (is_there)
    printf("%" PRIu64, value);
  else
    printf("null");
}

static void member_moment(const char *name, int64_t value)
{
  key(name);
  if (value != 0)
    printf("%" PRId64, value);
  else
    printf("null");
}

static void print_pool(const fcgip_php_fpm_status *pool)
{
  int i;

  putchar('{');
  member_text("name", fcgip_php_fpm_status_pool_name(pool));
  putchar(',');
  member_text("process_manager", fcgip_php_fpm_status_process_manager(pool));
  putchar(',');
  member_moment("start_time", fcgip_php_fpm_status_start_time(pool));
  for (i = 0; i < POOL_FIELDS; i++) {
    putchar(',');
    member_number(pool_fields[i].key, pool_fields[i].number(pool),
                  fcgip_php_fpm_status_has(pool, pool_fields[i].id));
  }
  putchar('}');
}

static void print_process(const fcgip_php_fpm_process *process)
{
  int i;

  printf("{\"pid\":%" PRId64, fcgip_php_fpm_process_pid(process));
  for (i = 0; i < PROCESS_FIELDS; i++) {
    const process_field *field = &process_fields[i];

    putchar(',');
    if (field->text != NULL) {
      member_text(field->key, field->text(process));
    } else if (field->moment != NULL) {
      member_moment(field->key, field->moment(process));
    } else if (field->number != NULL) {
      member_number(field->key, field->number(process), 1);
    } else {
      double value = field->real(process);

      key(field->key);
      if (isfinite(value))
        printf("%.2f", value);
      else
        printf("null");
    }
  }
  putchar('}');
}

static void print_processes(const fcgip_php_fpm_status *pool)
{
  const fcgip_php_fpm_process *process;
  size_t i;

  putchar('[');
  for (i = 0; (process = fcgip_php_fpm_status_process(pool, i)) != NULL; i++) {
    if (i > 0)
      putchar(',');
    print_process(process);
  }
  putchar(']');
}

static void print_extra(const fcgip_php_fpm_status *pool)
{
  const char *name, *value;
  size_t i;

  putchar('[');
  for (i = 0; fcgip_php_fpm_status_extra(pool, i, &name, &value) == FCGIP_OK; i++) {
    printf(i > 0 ? ",{" : "{");
    member_text("key", name);
    putchar(',');
    member_text("value", value);
    putchar('}');
  }
  putchar(']');
}

static void print_breaches(const limit_set *limits, const fcgip_php_fpm_status *pool)
{
  breach found[LIMIT_COUNT];
  size_t n = limits_breaches(limits, pool, found), i;

  putchar('[');
  for (i = 0; i < n; i++) {
    printf(i > 0 ? ",{" : "{");
    member_text("key", found[i].key);
    putchar(',');
    member_number("value", found[i].value, found[i].is_known);
    printf(",\"%s\":%" PRIu64 "}", found[i].is_least ? "least" : "most", found[i].bound);
  }
  putchar(']');
}

static void print_server(const fcgip_server_status *server, const limit_set *limits)
{
  const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(server);
  const fcgip_response *response = fcgip_server_status_response(server);

  putchar('{');
  member_text("address", form_address(server));
  printf(",\"up\":%s,\"error\":", pool != NULL ? "true" : "false");
  if (pool == NULL) {
    putchar('{');
    member_text("name", fcgip_errname(fcgip_server_status_error(server)));
    putchar(',');
    member_text("text", fcgip_server_status_error_text(server));
    putchar('}');
  } else {
    printf("null");
  }
  if (response != NULL)
    printf(",\"duration\":%.6f,\"pool\":", fcgip_response_duration(response));
  else
    printf(",\"duration\":null,\"pool\":");
  if (pool == NULL) {
    printf("null,\"processes\":[],\"extra\":[],\"limits\":[]}");
    return;
  }
  print_pool(pool);
  printf(",\"processes\":");
  print_processes(pool);
  printf(",\"extra\":");
  print_extra(pool);
  printf(",\"limits\":");
  print_breaches(limits, pool);
  putchar('}');
}

void form_json(const fcgip_status_list *list, const status_options *options, int64_t now)
{
  const fcgip_server_status *server;
  size_t at, failed = 0, over = 0;

  for (at = 0; (server = fcgip_status_list_at(list, at)) != NULL; at++) {
    const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(server);

    failed += pool == NULL;
    over += pool != NULL && !limits_hold(&options->limits, pool);
  }
  putchar('{');
  member_text("version", fcgip_version());
  printf(",\"time\":%" PRId64 ",", now);
  member_text("path", status_options_page(options));
  printf(",\"failed\":%zu,\"over_limit\":%zu,\"servers\":[", failed, over);
  for (at = 0; (server = fcgip_status_list_at(list, at)) != NULL; at++) {
    if (at > 0)
      putchar(',');
    print_server(server, &options->limits);
  }
  printf("]}\n");
}
