#include <inttypes.h>
#include <string.h>

#include "status_forms.h"
#include "tool.h"

const char *form_address(const fcgip_server_status *server)
{
  return fcgip_endpoint_address(fcgip_server_status_endpoint(server));
}

static void print(const char *text)
{
  text_print(stdout, text, strlen(text));
}

static void line(const char *begin, const char *label, const char *value)
{
  printf("%s%s: ", begin, label);
  print(value);
  putchar('\n');
}

static void moment(const char *begin, const char *label, int64_t seconds)
{
  char iso[80];

  text_moment(iso, sizeof(iso), seconds, "+00:00");
  line(begin, label, iso);
}

static void report_process(const fcgip_php_fpm_process *process, size_t number)
{
  int i;

  printf("- [ PROCESS #%zu ]\n  * PID: %" PRId64 "\n", number, fcgip_php_fpm_process_pid(process));
  for (i = 0; i < PROCESS_FIELDS; i++) {
    const process_field *field = &process_fields[i];

    if (field->text != NULL)
      line("  * ", field->label, field->text(process));
    else if (field->moment != NULL)
      moment("  * ", field->label, field->moment(process));
    else if (field->real != NULL)
      printf("  * %s: %g\n", field->label, field->real(process));
    else
      printf("  * %s: %" PRIu64 "\n", field->label, field->number(process));
  }
  printf("\n\n---\n\n");
}

static void report_pool(const fcgip_php_fpm_status *pool)
{
  int i;

  line("- ", "Pool name", fcgip_php_fpm_status_pool_name(pool));
  line("- ", "Process manager", fcgip_php_fpm_status_process_manager(pool));
  moment("- ", "Started at", fcgip_php_fpm_status_start_time(pool));
  for (i = 0; i < POOL_FIELDS; i++) {
    const pool_field *field = &pool_fields[i];

    if (fcgip_php_fpm_status_has(pool, field->id))
      printf("- %s: %" PRIu64 "\n", field->label, field->number(pool));
    else if (field->id != FCGIP_PHP_FPM_MEMORY_PEAK) /* which no php-fpm before 8.4 has */
      printf("- %s: -\n", field->label);
  }
}

void form_report(const fcgip_status_list *list)
{
  const fcgip_server_status *server;
  size_t at, i;

  for (at = 0; (server = fcgip_status_list_at(list, at)) != NULL; at++) {
    const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(server);
    const fcgip_php_fpm_process *process;

    printf("[ SERVER: ");
    print(form_address(server));
    printf(" ]\n");
    if (pool == NULL) {
      line("- ", "Error", fcgip_server_status_error_text(server));
      putchar('\n');
      continue;
    }
    report_pool(pool);
    printf("\nPrinting processes:\n\n");
    for (i = 0; (process = fcgip_php_fpm_status_process(pool, i)) != NULL; i++)
      report_process(process, i + 1);
    printf("Processing duration: %.14g seconds\n\n",
           fcgip_response_duration(fcgip_server_status_response(server)));
  }
}

void form_breaches(const limit_set *limits, const fcgip_php_fpm_status *pool)
{
  breach found[LIMIT_COUNT];
  size_t n = limits_breaches(limits, pool, found), i;

  for (i = 0; i < n; i++)
    if (found[i].is_known)
      printf("%s%s %" PRIu64 " %c %" PRIu64, i > 0 ? ", " : "", found[i].key, found[i].value,
             found[i].is_least ? '<' : '>', found[i].bound);
    else
      printf("%s%s is not in the page", i > 0 ? ", " : "", found[i].key);
}

void form_check(const fcgip_status_list *list, const limit_set *limits, int quiet)
{
  const fcgip_server_status *server;
  size_t at;

  for (at = 0; (server = fcgip_status_list_at(list, at)) != NULL; at++) {
    const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(server);
    int holds = pool != NULL && limits_hold(limits, pool);

    if (holds && quiet)
      continue;
    printf("%s ", pool == NULL ? "FAILED" : holds ? "OK" : "LIMIT");
    print(form_address(server));
    if (pool != NULL) {
      printf(" (");
      print(fcgip_php_fpm_status_pool_name(pool));
      printf(")");
    }
    if (!holds)
      printf(": ");
    if (pool == NULL)
      print(text_without(fcgip_server_status_error_text(server), form_address(server)));
    else
      form_breaches(limits, pool);
    putchar('\n');
  }
}

/* The value of one "key=value": as it is if that can be told, else in quotes. */
static void print_word(const char *text)
{
  if (*text != '\0' && strpbrk(text, " \t\r\n\"\\=") == NULL)
    print(text);
  else
    text_print_json(stdout, text, strlen(text));
}

void form_line(const fcgip_server_status *server, const limit_set *limits, int64_t now)
{
  const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(server);
  char iso[80];
  int i;

  text_moment(iso, sizeof(iso), now, "Z");
  printf("%s ", iso);
  print_word(form_address(server));
  if (pool == NULL) {
    printf(" error=%s text=", fcgip_errname(fcgip_server_status_error(server)));
    print_word(text_without(fcgip_server_status_error_text(server), form_address(server)));
    putchar('\n');
    return;
  }
  printf(" pool=");
  print_word(fcgip_php_fpm_status_pool_name(pool));
  for (i = 0; i < POOL_FIELDS; i++)
    if (fcgip_php_fpm_status_has(pool, pool_fields[i].id))
      printf(" %s=%" PRIu64, pool_fields[i].key, pool_fields[i].number(pool));
  if (!limits_hold(limits, pool)) {
    printf(" limit=\"");
    form_breaches(limits, pool);
    putchar('"');
  }
  putchar('\n');
}
