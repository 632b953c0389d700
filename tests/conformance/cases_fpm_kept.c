/* KAL and STA on live php-fpm: what its workers make of kept connections, and its status page. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/fpm_cases.h"
#include "conformance/memory.h"
#include "conformance/php.h"
#include "support/peer_conn.h"

static const conf_request kept = {.keep = 2};

/* Workers end after three requests, in the middle of what we keep; nobody notices. */
void fpm_recycle(conf_test *test)
{
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};
  conf_result result = {0};
  const char *script;
  fixture f;
  int i;
  php p;

  if (!php_start(&p, test, 0, "", "pm.max_requests = 3"))
    return;
  php_fixture(&f, &p, &kept);
  script = php_script(&p, "x.php", "echo 'x';");
  for (i = 0; i < 20; i++) {
    php_ask(&f, script, &result);
    conf_check(test, result.verdict == V_OK && strcmp(result.body.data, "x") == 0, "request %d: %s",
               i + 1, conf_verdict_name(result.verdict));
  }
  CHECK(test, fcgip_proxy_endpoint_stats(f.proxy, 0, &stats) == FCGIP_OK && stats.reused > 0);
  conf_check(test, stats.opened >= 7 && stats.opened < 20, "%lu connections",
             (unsigned long)stats.opened);
  conf_note(test, "20 requests on %lu connections, %lu reused, %lu retried",
            (unsigned long)stats.opened, (unsigned long)stats.reused, (unsigned long)stats.retried);
  conf_result_free(&result);
  php_fixture_free(&f);
  php_stop(&p);
}

/* A kept connection holds the only worker. A second client is not served until it is closed; without
 * keep-alive nothing is held. */
void fpm_starvation(conf_test *test)
{
  const conf_request impatient = {.read_write_ms = 400};
  conf_result result = {0};
  fixture first, second;
  char script[200];
  int keep;
  php p;

  if (!php_start(&p, test, 0, "", "pm.max_children = 1"))
    return;
  snprintf(script, sizeof(script), "%s", php_script(&p, "x.php", "echo 'x';"));
  for (keep = 0; keep < 2; keep++) {
    php_fixture(&second, &p, &impatient);
    php_fixture(&first, &p, keep ? &kept : NULL);
    first.blocks = SIZE_MAX; /* the other one has some, too */
    php_ask(&first, script, &result);
    CHECK(test, result.verdict == V_OK);
    php_ask(&second, script, &result);
    if (keep)
      php_fact(&p, result.verdict == V_TIMEOUT, "a kept connection holds a worker");
    else
      conf_check(test, result.verdict == V_OK, "without keep-alive: %s",
                 conf_verdict_name(result.verdict));
    php_fixture_free(&first);
    php_ask(&second, script, &result);
    conf_check(test, result.verdict == V_OK, "afterwards: %s", conf_verdict_name(result.verdict));
    php_fixture_free(&second);
  }
  conf_result_free(&result);
  php_stop(&p);
}

/* END_REQUEST comes, the worker goes on: the next request on that connection waits for it. */
void fpm_finish_request(conf_test *test)
{
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};
  conf_result result = {0};
  char script[200];
  fixture f;
  uint64_t from, once, twice;
  php p;

  if (!php_start(&p, test, 0, "", "pm.max_children = 2"))
    return;
  php_fixture(&f, &p, &kept);
  snprintf(script, sizeof(script), "%s",
           php_script(&p, "finish.php",
                      "echo 'x'; fastcgi_finish_request(); if (@$_GET['n'] == '') sleep(1);"));
  from = peer_now_ms();
  php_ask(&f, script, &result);
  once = peer_now_ms() - from;
  CHECK(test, result.verdict == V_OK);
  php_ask(&f, php_script(&p, "next.php", "echo 'x';"), &result);
  twice = peer_now_ms() - from;
  CHECK(test, result.verdict == V_OK);
  CHECK(test, fcgip_proxy_endpoint_stats(f.proxy, 0, &stats) == FCGIP_OK);
  conf_note(test, "END_REQUEST after %llu ms, the next answer after %llu ms, %lu reused",
            (unsigned long long)once, (unsigned long long)twice, (unsigned long)stats.reused);
  if (stats.reused > 0)
    conf_check(test, twice >= 950, "answered after %llu and %llu ms", (unsigned long long)once,
               (unsigned long long)twice);
  conf_result_free(&result);
  php_fixture_free(&f);
  php_stop(&p);
}

/* Without a process_control_timeout a reload kills the workers, whatever they do: a request on a fresh connection may
 * be what one of them does. */
static int is_answered(const conf_result *result, int is_patient)
{
  return result->verdict == V_OK ||
         (!is_patient && (result->verdict == V_RESET || result->verdict == V_CLOSED_EARLY));
}

/* A reload with connections kept open: the next request is answered, by whichever worker. */
void fpm_kept_over_reload(conf_test *test)
{
  static const char *const global[] = {"process_control_timeout = 10", ""};
  conf_result result = {0};
  char script[200];
  fixture f;
  int i, how;
  php p;

  for (how = 0; how < 2; how++) {
    if (!php_start(&p, test, 0, global[how], ""))
      return;
    php_fixture(&f, &p, &kept);
    snprintf(script, sizeof(script), "%s", php_script(&p, "x.php", "echo 'x';"));
    for (i = 0; i < 6; i++) {
      php_ask(&f, script, &result);
      conf_check(test, is_answered(&result, how == 0), "request %d: %s (%s)", i + 1,
                 conf_verdict_name(result.verdict), result.text.data);
      if (i % 2 == 0)
        kill(p.master, SIGUSR2);
    }
    php_fixture_free(&f);
    php_wait(&p);
    php_stop(&p);
  }
  conf_result_free(&result);
}

static fcgip_cluster_proxy *cluster_of(const php *p, fcgip_collection **collection)
{
  fcgip_endpoint_options options = conf_fcgiproxy_options(&(conf_request){0});
  const fcgip_proxy_options proxy = {.struct_size = sizeof(proxy), .allocator = memory_allocator()};
  fcgip_cluster_proxy *cluster = NULL;
  fcgip_endpoint *endpoint = NULL;
  const fcgip_endpoint *list[1];

  if (fcgip_endpoint_parse(&endpoint, p->address, &options) != FCGIP_OK)
    abort();
  list[0] = endpoint;
  if (fcgip_cluster_new(collection, list, 1) != FCGIP_OK ||
      fcgip_cluster_proxy_new(&cluster, *collection, &proxy) != FCGIP_OK)
    abort();
  fcgip_endpoint_free(endpoint);
  return cluster;
}

void fpm_status_pages(conf_test *test)
{
  static const char *const paths[] = {"/status",          "/status?full",
                                      "/status?json",     "/status?json&full",
                                      "/status?xml&full", "/status?openmetrics"};
  fcgip_collection *collection = NULL;
  fcgip_cluster_proxy *cluster;
  fcgip_status_list *list;
  const fcgip_php_fpm_status *status;
  size_t i;
  php p;

  if (!php_start(&p, test, 0, "", ""))
    return;
  cluster = cluster_of(&p, &collection);
  for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
    list = NULL;
    CHECK(test, fcgip_cluster_proxy_get_status(cluster, paths[i], 20000, &list) == FCGIP_OK);
    CHECK(test, fcgip_status_list_count(list) == 1);
    status = fcgip_server_status_php_fpm(fcgip_status_list_at(list, 0));
    if (conf_check(test, status != NULL, "%s: %s", paths[i],
                   fcgip_server_status_error_text(fcgip_status_list_at(list, 0)))) {
      CHECK(test, fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_TOTAL_PROCESSES) == 1);
      CHECK(test, fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_SLOW_REQUESTS) == 1);
      CHECK(test, fcgip_php_fpm_status_accepted_connections(status) >= 1);
      CHECK(test, fcgip_php_fpm_status_process_count(status) ==
                      (strstr(paths[i], "full") != NULL ? 2U : 0U));
      if (strstr(paths[i], "openmetrics") == NULL)
        CHECK(test, strcmp(fcgip_php_fpm_status_pool_name(status), "pool") == 0 &&
                        strcmp(fcgip_php_fpm_status_process_manager(status), "static") == 0 &&
                        fcgip_php_fpm_status_start_time(status) > 1600000000);
    }
    fcgip_status_list_free(list);
  }
  fcgip_cluster_proxy_free(cluster);
  fcgip_collection_free(collection);
  php_stop(&p);
}

/* The page is served by a worker; with all of them busy it comes too late. */
void fpm_status_busy(conf_test *test)
{
  fcgip_collection *collection = NULL;
  fcgip_cluster_proxy *cluster;
  fcgip_status_list *list = NULL;
  fcgip_request *request;
  fixture f;
  php p;

  if (!php_start(&p, test, 0, "", "pm.max_children = 1"))
    return;
  php_fixture(&f, &p, NULL);
  request = php_get(php_script(&p, "busy.php", "sleep(2); echo 'x';"));
  fixture_send(&f, request);
  fcgip_proxy_poll(f.proxy, 100);
  cluster = cluster_of(&p, &collection);
  CHECK(test, fcgip_cluster_proxy_get_status(cluster, "/status", 300, &list) == FCGIP_OK);
  CHECK(test, fcgip_server_status_error(fcgip_status_list_at(list, 0)) == FCGIP_ETIMEDOUT);
  CHECK(test, fcgip_server_status_php_fpm(fcgip_status_list_at(list, 0)) == NULL);
  fcgip_status_list_free(list);
  fcgip_cluster_proxy_free(cluster);
  fcgip_collection_free(collection);
  fcgip_request_free(request);
  php_fixture_free(&f);
  php_stop(&p);
}
