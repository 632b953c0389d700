/* FPM-01 to FPM-21: how php-fpm behaves, as measured on 8.2.36, and what the library makes of it. The
 * rest is in cases_fpm_wire.c and cases_fpm_load.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conformance/fpm_cases.h"
#include "conformance/php.h"

static void pause_ms(long ms)
{
  const struct timespec span = {ms / 1000, ms % 1000 * 1000000};

  nanosleep(&span, NULL);
}

static void hello_over(conf_test *test, int is_tcp)
{
  conf_result result = {0};
  conf_bytes got = {0};
  char types[40];
  const char *script;
  fixture f;
  php p;

  if (!php_start(&p, test, is_tcp, "", ""))
    return;
  script = php_script(&p, "hello.php", "echo 'hello';");
  CHECK(test, fpm_by_hand(&p, 1, 1, 0, script, types, &got) == 'e');
  php_fact(&p, strcmp(types, "6e") == 0, "one STDOUT, no empty one, END_REQUEST");
  php_fixture(&f, &p, NULL);
  php_ask(&f, script, &result);
  CHECK(test,
        result.verdict == V_OK && result.status == 200 && strcmp(result.body.data, "hello") == 0);
  php_fixture_free(&f);
  conf_result_free(&result);
  conf_bytes_free(&got);
  php_stop(&p);
}

static void hello(conf_test *test)
{
  hello_over(test, 0);
  hello_over(test, 1);
}

static void missing(conf_test *test)
{
  conf_result result = {0};
  fixture f;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  php_fixture(&f, &p, NULL);
  php_ask(&f, "/nowhere/missing.php", &result);
  conf_check(test, result.verdict == V_OK && result.status == 404, "%s, status %d",
             conf_verdict_name(result.verdict), result.status);
  conf_check(test, strstr(result.error_output.data, "Primary script unknown") != NULL,
             "stderr \"%s\"", result.error_output.data);
  CHECK(test, strcmp(result.status_text.data, "Not Found") == 0 &&
                  strcmp(result.body.data, "File not found.\n") == 0);
  php_fixture_free(&f);
  conf_result_free(&result);
  php_stop(&p);
}

static void exit_status(conf_test *test)
{
  conf_result result = {0};
  fixture f;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  php_fixture(&f, &p, NULL);
  php_ask(&f, php_script(&p, "exit.php", "http_response_code(503); echo 'down'; exit(3);"),
          &result);
  CHECK(test,
        result.verdict == V_OK && result.status == 503 && strcmp(result.body.data, "down") == 0);
  php_fact(&p, result.app_status == 0, "application status 0 whatever exit() says");
  php_fixture_free(&f);
  conf_result_free(&result);
  php_stop(&p);
}

static char *filled(size_t len)
{
  char *text = malloc(len + 1);

  if (text == NULL)
    abort();
  memset(text, 'v', len);
  text[len] = '\0';
  return text;
}

/* As the library packs them, php-fpm takes all. */
static void large_params(conf_test *test)
{
  char *value = filled(65600), name[24];
  conf_result result = {0};
  fcgip_request *request;
  fixture f;
  int i;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  php_fixture(&f, &p, NULL);
  request = php_get(php_script(
      &p, "params.php",
      "$n = 0; foreach ($_SERVER as $k => $v) if ($k[0] == 'L') $n += strlen($v); echo $n;"));
  value[65528 - 9] =
      '\0'; /* 4 + 4 bytes of lengths are for names of 128 and more; here 1 + 4, and 4 of the name */
  CHECK(test, fcgip_request_set_custom_var(request, "LONG", value) == FCGIP_OK);
  php_take(&f, fixture_send(&f, request), &result);
  conf_check(test, result.verdict == V_OK && atoi(result.body.data) == 65519, "%s: %s",
             conf_verdict_name(result.verdict), result.body.data);
  value[50000] = '\0';
  for (i = 0; i < 100; i++) {
    snprintf(name, sizeof(name), "L%d", i);
    CHECK(test, fcgip_request_set_custom_var(request, name, value) == FCGIP_OK);
  }
  php_take(&f, fixture_send(&f, request), &result);
  conf_check(test, result.verdict == V_OK && atoi(result.body.data) == 65519 + 100 * 50000,
             "%s: %s", conf_verdict_name(result.verdict), result.body.data);
  fcgip_request_free(request);
  php_fixture_free(&f);
  conf_result_free(&result);
  free(value);
  php_stop(&p);
}

/* Twenty thousand bytes, then a pause in which something happens to the worker; not by sleep(), which a signal cuts
 * short. */
static const char *half(const php *p)
{
  return php_script(p, "half.php",
                    "echo str_repeat('x', 20000); flush(); $t = microtime(true);"
                    " while (microtime(true) < $t + 1) usleep(1000); echo 'end';");
}

static void wait_for_half(fixture *f)
{
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};
  int i;

  for (i = 0; i < 1000 && stats.bytes_received < 20000; i++) {
    fcgip_proxy_poll(f->proxy, 10);
    fcgip_proxy_endpoint_stats(f->proxy, 0, &stats);
  }
}

static void killed_over(conf_test *test, int is_tcp)
{
  conf_result result = {0};
  fcgip_request *request;
  fcgip_request_id id;
  pid_t workers[4];
  fixture f;
  php p;

  if (!php_start(&p, test, is_tcp, "", "pm.max_children = 1"))
    return;
  php_fixture(&f, &p, NULL);
  request = php_get(half(&p));
  id = fixture_send(&f, request);
  wait_for_half(&f);
  CHECK(test, php_workers(&p, workers, 4) == 1 && kill(workers[0], SIGKILL) == 0);
  php_take(&f, id, &result);
  conf_check(test, result.verdict == V_RESET || result.verdict == V_CLOSED_EARLY, "%s",
             conf_verdict_name(result.verdict));
  conf_check(test, result.is_partial && result.body.len == 20000 && result.status == 200,
             "%zu bytes", result.body.len);
  php_fact(&p, result.verdict == V_RESET, "RST when the worker is killed");
  fcgip_request_free(request);
  php_fixture_free(&f);
  conf_result_free(&result);
  php_stop(&p);
}

static void killed(conf_test *test)
{
  killed_over(test, 0);
  killed_over(test, 1);
}

static void reloaded(conf_test *test, const char *global, int completes)
{
  conf_result result = {0};
  fcgip_request *request;
  fcgip_request_id id;
  fixture f;
  php p;

  if (!php_start(&p, test, 0, global, ""))
    return;
  php_fixture(&f, &p, NULL);
  request = php_get(half(&p));
  id = fixture_send(&f, request);
  wait_for_half(&f);
  kill(p.master, SIGUSR2);
  php_take(&f, id, &result);
  if (completes)
    conf_check(test, result.verdict == V_OK && result.body.len == 20003, "%s, %zu bytes",
               conf_verdict_name(result.verdict), result.body.len);
  else
    conf_check(test, result.verdict == V_RESET && result.is_partial && result.body.len == 20000,
               "%s, %zu bytes", conf_verdict_name(result.verdict), result.body.len);
  php_wait(&p);
  fcgip_request_free(request);
  php_fixture_free(&f);
  conf_result_free(&result);
  php_stop(&p);
}

static void reloads(conf_test *test)
{
  reloaded(test, "", 0);
  reloaded(test, "process_control_timeout = 10", 1);
}

static long size_of(const conf_test *test, const char *name)
{
  char path[200];
  struct stat info;

  snprintf(path, sizeof(path), "%s/%s", test->folder, name);
  return stat(path, &info) == 0 ? (long)info.st_size : -1;
}

/* The script notes each piece that it has written; after we have closed, it ends. */
static void closed(conf_test *test)
{
  fcgip_request *request;
  fcgip_request_id id;
  fixture f;
  long at, before = -1;
  int i;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  php_fixture(&f, &p, NULL);
  request = php_get(php_script(
      &p, "notes.php",
      "for ($i = 0; $i < 3000; $i++) { file_put_contents('{folder}/notes', '.', FILE_APPEND);"
      " echo str_repeat('x', 20000); flush(); usleep(10000); }"));
  id = fixture_send(&f, request);
  wait_for_half(&f);
  CHECK(test, fcgip_proxy_cancel(f.proxy, id) == FCGIP_OK && fixture_fd(&f) < 0);
  for (i = 0; i < 300; i++) {
    pause_ms(100);
    at = size_of(test, "notes");
    if (at == before)
      break;
    before = at;
  }
  conf_check(test, before > 0 && before < 3000, "it wrote %ld pieces", before);
  fcgip_request_free(request);
  php_fixture_free(&f);
  php_stop(&p);
}

/* PHP_VALUE stays in force for the worker's later requests, which is why it is refused by default. */
static void settings(conf_test *test)
{
  conf_result result = {0};
  fcgip_request *request;
  char script[200];
  fixture f;
  int i;
  php p;

  if (!php_start(&p, test, 0, "", "pm.max_children = 1"))
    return;
  php_fixture(&f, &p, NULL);
  snprintf(script, sizeof(script), "%s",
           php_script(&p, "ini.php", "echo ini_get('memory_limit');"));
  request = php_get(script);
  CHECK(test,
        fcgip_request_set_custom_var(request, "PHP_VALUE", "memory_limit=77M") == FCGIP_EINVAL);
  CHECK(test, fcgip_request_allow_php_settings(request, 1) == FCGIP_OK);
  CHECK(test, fcgip_request_set_custom_var(request, "PHP_VALUE", "memory_limit=77M") == FCGIP_OK);
  php_take(&f, fixture_send(&f, request), &result);
  CHECK(test, result.verdict == V_OK && strcmp(result.body.data, "77M") == 0);
  for (i = 0; i < 2; i++) {
    php_ask(&f, script, &result);
    php_fact(&p, strcmp(result.body.data, "77M") == 0,
             "PHP_VALUE is in force for the next request too");
  }
  fcgip_request_free(request);
  php_fixture_free(&f);
  conf_result_free(&result);
  php_stop(&p);
}

/* What is in the reserved bytes of END_REQUEST changes from request to request; nothing depends on it. */
static void reserved(conf_test *test)
{
  conf_result result = {0};
  conf_bytes got = {0};
  char script[200], types[40];
  fixture f;
  int i;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  php_fixture(&f, &p, NULL);
  for (i = 0; i < 8; i++) {
    char source[200];

    snprintf(source, sizeof(source), "header('X-Some: %s'); echo str_repeat('var', %d);",
             "reserved bytes of the end", i * 7);
    snprintf(script, sizeof(script), "%s", php_script(&p, "end.php", source));
    CHECK(test, fpm_by_hand(&p, 1, 1, 0, script, types, &got) == 'e' && got.len > 24);
    php_ask(&f, script, &result);
    CHECK(test, result.verdict == V_OK && result.body.len == (size_t)i * 21);
  }
  php_fixture_free(&f);
  conf_result_free(&result);
  conf_bytes_free(&got);
  php_stop(&p);
}

#define ROW(number, function)                                                                      \
  {                                                                                                \
    .id = "FPM-" number, .level = 'M', .run = (function), .needs = HAS_API                         \
  }

static const conf_case cases[] = {
    ROW("01", hello),
    ROW("02", missing),
    ROW("03", exit_status),
    ROW("04", fpm_roles_and_versions),
    ROW("05", fpm_roles_and_versions),
    ROW("06", fpm_ids),
    ROW("07", fpm_management),
    ROW("08", fpm_management),
    ROW("09", fpm_cut_pairs),
    ROW("10", large_params),
    ROW("11", fpm_content_lengths),
    ROW("12", fpm_content_lengths),
    ROW("13", fpm_two_on_one),
    ROW("14", fpm_two_on_one),
    ROW("15", fpm_held_workers),
    ROW("16", killed),
    ROW("17", reloads),
    ROW("18", fpm_reloads_under_load),
    ROW("19", closed),
    ROW("20", settings),
    ROW("21", reserved),
    ROW("22", fpm_many_for_two),
    ROW("23", fpm_full_backlog),
    ROW("24", fpm_queued_too_long),
    ROW("25", fpm_terminated),
    ROW("26", fpm_on_demand),
    ROW("27", fpm_not_allowed),
    ROW("28", fpm_large_content),
    ROW("29", fpm_master_ends),
    ROW("30", fpm_worker_stopped),
    ROW("31", fpm_status_listen),
    ROW("32", fpm_killing),
};

CONF_GROUP(conf_fpm, "FPM", cases);
