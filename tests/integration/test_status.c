/* The status pages of live pools, in every form. */
#include "integration/fixture.h"

static const char *const forms[] = {
    "/status",         "/status?json",      "/status?xml",      "/status?openmetrics",
    "/status?full",    "/status?json&full", "/status?xml&full", "/status?full&json",
    "/status?full&xml"};

static fcgip_cluster_proxy *cluster;

static int make_cluster(void **state)
{
  count_fds(state);
  cluster = cluster_on(FPM_THREE, NULL);
  return 0;
}

static int free_cluster(void **state)
{
  fcgip_cluster_proxy_free(cluster);
  return compare_fds(state);
}

static fcgip_status_list *status_of(fcgip_cluster_proxy *of, const char *path)
{
  fcgip_status_list *list = NULL;

  assert_int_equal(fcgip_cluster_proxy_get_status(of, path, PATIENCE_MS, &list), FCGIP_OK);
  assert_non_null(list);
  return list;
}

static void pool_names_in_order(void **state)
{
  size_t form, i;

  (void)state;
  for (form = 0; form < sizeof(forms) / sizeof(forms[0]); form++) {
    fcgip_status_list *list = status_of(cluster, forms[form]);

    assert_int_equal(fcgip_status_list_count(list), 3);
    for (i = 0; i < 3; i++) {
      const fcgip_server_status *status = fcgip_status_list_at(list, i);
      const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(status);

      assert_string_equal(fcgip_server_status_error_text(status), "");
      assert_int_equal(fcgip_server_status_error(status), FCGIP_OK);
      assert_non_null(pool);
      assert_string_equal(fcgip_endpoint_address(fcgip_server_status_endpoint(status)),
                          fpm_address(server, three[i]));
      assert_int_equal(fcgip_response_status(fcgip_server_status_response(status)), 200);
      assert_null(fcgip_server_status_value(status));
      if (fcgip_php_fpm_status_has(pool, FCGIP_PHP_FPM_POOL_NAME))
        assert_string_equal(fcgip_php_fpm_status_pool_name(pool), fpm_pool_name(three[i]));
      else
        assert_string_equal(forms[form], "/status?openmetrics");
    }
    assert_null(fcgip_status_list_at(list, 3));
    fcgip_status_list_free(list);
  }
}

static void numbers_of_the_pool(void **state)
{
  size_t form;

  (void)state;
  for (form = 0; form < sizeof(forms) / sizeof(forms[0]); form++) {
    fcgip_status_list *list = status_of(cluster, forms[form]);
    const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(fcgip_status_list_at(list, 0));

    assert_int_equal(fcgip_php_fpm_status_total_processes(pool), 5);
    /* The one that answers; the one that answered before may not have come to rest yet. */
    assert_true(fcgip_php_fpm_status_active_processes(pool) >= 1);
    assert_int_equal(
        fcgip_php_fpm_status_active_processes(pool) + fcgip_php_fpm_status_idle_processes(pool), 5);
    assert_true(fcgip_php_fpm_status_max_active_processes(pool) >= 1);
    assert_true(fcgip_php_fpm_status_accepted_connections(pool) > form);
    assert_int_equal(fcgip_php_fpm_status_listen_queue(pool), 0);
    assert_int_equal(fcgip_php_fpm_status_max_children_reached(pool), 0);
    assert_int_equal(fcgip_php_fpm_status_slow_requests(pool), 0);
    assert_true(fcgip_php_fpm_status_start_since(pool) < 100000);
    if (fcgip_php_fpm_status_has(pool, FCGIP_PHP_FPM_START_TIME)) {
      assert_true(fcgip_php_fpm_status_start_time(pool) <= (int64_t)time(NULL) + 1);
      assert_true(fcgip_php_fpm_status_start_time(pool) > (int64_t)time(NULL) - 100000);
    }
    if (fcgip_php_fpm_status_has(pool, FCGIP_PHP_FPM_PROCESS_MANAGER))
      assert_string_equal(fcgip_php_fpm_status_process_manager(pool), "static");
    fcgip_status_list_free(list);
  }
}

static void workers_of_the_pool(void **state)
{
  static const char *const full[] = {"/status?full", "/status?json&full", "/status?xml&full"};
  pid_t pids[FPM_MAX_WORKERS];
  size_t form, i, j;

  (void)state;
  assert_int_equal(fpm_workers(server, FPM_UNIX, pids, FPM_MAX_WORKERS), 5);
  for (form = 0; form < 3; form++) {
    fcgip_status_list *list = status_of(cluster, full[form]);
    const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(fcgip_status_list_at(list, 2));
    size_t running = 0, found = 0;

    assert_int_equal(fcgip_php_fpm_status_process_count(pool), 5);
    for (i = 0; i < 5; i++) {
      const fcgip_php_fpm_process *process = fcgip_php_fpm_status_process(pool, i);

      for (j = 0; j < 5; j++)
        found += fcgip_php_fpm_process_pid(process) == pids[j];
      if (strcmp(fcgip_php_fpm_process_state(process), "Running") != 0 ||
          strcmp(fcgip_php_fpm_process_request_uri(process), full[form]) != 0)
        continue;
      running++;
      assert_string_equal(fcgip_php_fpm_process_request_method(process), "GET");
      assert_true(fcgip_php_fpm_process_requests(process) >= 1);
    }
    assert_int_equal(found, 5);
    assert_int_equal(running, 1); /* the one that answers */
    assert_null(fcgip_php_fpm_status_process(pool, 5));
    fcgip_status_list_free(list);
  }
}

/* Connections are counted: so many more requests, so many more of them. */
static void counts_connections(void **state)
{
  fcgip_status_list *list = status_of(cluster, "/status");
  uint64_t before = fcgip_php_fpm_status_accepted_connections(
      fcgip_server_status_php_fpm(fcgip_status_list_at(list, 1)));
  fcgip_request *request = get("echo.php", "");
  int i;

  (void)state;
  fcgip_status_list_free(list);
  for (i = 0; i < 4; i++)
    assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_wait_for_responses(cluster, PATIENCE_MS), FCGIP_OK);
  fcgip_request_free(request);
  list = status_of(cluster, "/status?json");
  assert_int_equal(fcgip_php_fpm_status_accepted_connections(
                       fcgip_server_status_php_fpm(fcgip_status_list_at(list, 1))),
                   before + 5);
  fcgip_status_list_free(list);
}

static void no_status_page_there(void **state)
{
  fcgip_status_list *list = status_of(cluster, "/not-existing-status-endpoint?full");
  size_t i;

  (void)state;
  assert_int_equal(fcgip_status_list_count(list), 3);
  for (i = 0; i < 3; i++) {
    const fcgip_server_status *status = fcgip_status_list_at(list, i);

    assert_int_equal(fcgip_server_status_error(status), FCGIP_ESTATUSPATH);
    assert_null(fcgip_server_status_php_fpm(status));
    assert_contains(fcgip_server_status_error_text(status), fpm_address(server, three[i]));
    assert_contains(fcgip_server_status_error_text(status), "pm.status_path");
    assert_contains(fcgip_server_status_error_text(status), "/not-existing-status-endpoint");
    assert_int_equal(fcgip_response_status(fcgip_server_status_response(status)), 404);
  }
  fcgip_status_list_free(list);
  /* A page, though no status. */
  list = status_of(cluster, "/ping");
  for (i = 0; i < 3; i++)
    assert_true(fcgip_server_status_error(fcgip_status_list_at(list, i)) < 0);
  fcgip_status_list_free(list);
}

static void dead_servers_hide_nobody(void **state)
{
  fcgip_endpoint *endpoints[3];
  fcgip_collection *collection;
  fcgip_cluster_proxy *mixed;
  fcgip_status_list *list;
  size_t i;

  (void)state;
  endpoints[0] = endpoint_at("unix:///nowhere/x.sock", NULL);
  endpoints[1] = endpoint_at(fpm_address(server, FPM_UNIX), NULL);
  endpoints[2] = endpoint_at("127.0.0.1:1", NULL);
  assert_int_equal(fcgip_cluster_new(&collection, (const fcgip_endpoint *const *)endpoints, 3),
                   FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_new(&mixed, collection, NULL), FCGIP_OK);
  list = status_of(mixed, "/status");
  assert_int_equal(fcgip_status_list_count(list), 3);
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 0)), FCGIP_ECONNECT);
  assert_contains(fcgip_server_status_error_text(fcgip_status_list_at(list, 0)), "ENOENT");
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 1)), FCGIP_OK);
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 2)), FCGIP_ECONNECT);
  assert_contains(fcgip_server_status_error_text(fcgip_status_list_at(list, 2)), "ECONNREFUSED");
  /* The list outlives everything it was made with. */
  fcgip_cluster_proxy_free(mixed);
  fcgip_collection_free(collection);
  for (i = 0; i < 3; i++)
    fcgip_endpoint_free(endpoints[i]);
  assert_string_equal(
      fcgip_endpoint_address(fcgip_server_status_endpoint(fcgip_status_list_at(list, 0))),
      "unix:///nowhere/x.sock");
  fcgip_status_list_free(list);
}

/* STA-06: a status page is served by a worker; where all are busy there is none in time. */
static void busy_servers_are_late(void **state)
{
  fcgip_proxy *proxy = proxy_on(FPM_BIT(FPM_NETWORK2));
  fcgip_request *request = get("sleep.php", "ms=2500");
  fcgip_status_list *list;
  int i;

  (void)state;
  for (i = 0; i < FPM_MAX_WORKERS; i++)
    send_async(proxy, request);
  fcgip_request_free(request);
  for (i = 0; i < 10; i++)
    fcgip_proxy_poll(proxy, 10);
  assert_int_equal(fcgip_cluster_proxy_get_status(cluster, "/status", 400, &list), FCGIP_OK);
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 0)), FCGIP_OK);
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 1)), FCGIP_ETIMEDOUT);
  assert_null(fcgip_server_status_response(fcgip_status_list_at(list, 1)));
  assert_contains(fcgip_server_status_error_text(fcgip_status_list_at(list, 1)),
                  fpm_address(server, FPM_NETWORK2));
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 2)), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_pending(cluster), 0); /* the late one was ended */
  fcgip_status_list_free(list);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  fcgip_proxy_free(proxy);
}

/* Requests of one's own go on meanwhile, and keep their responses. */
static void other_requests_are_left_alone(void **state)
{
  fcgip_request *request = get("sleep.php", "ms=100&value=x");
  fcgip_status_list *list;
  size_t n, got = 0;

  (void)state;
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  list = status_of(cluster, "/status?full");
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 0)), FCGIP_OK);
  fcgip_status_list_free(list);
  while (fcgip_cluster_proxy_has_unhandled_responses(cluster)) {
    fcgip_response *response;

    assert_int_equal(
        fcgip_cluster_proxy_read_ready_responses(cluster, PATIENCE_MS, &response, 1, &n), FCGIP_OK);
    assert_true(pool_of(response) >= 0);
    fcgip_response_free(response);
    got += n;
  }
  assert_int_equal(got, 3);
  fcgip_request_free(request);
}

/* ---- other servers than php-fpm ---- */

typedef struct parsed {
  int made, freed;
  char text[64];
} parsed;

static int parse_ping(void **value, const fcgip_response *response, void *user_data)
{
  parsed *p = user_data;

  if (fcgip_response_status(response) != 200)
    return FCGIP_ESTATUSPATH;
  snprintf(p->text, sizeof(p->text), "%s", body_of(response));
  p->made++;
  *value = p->text;
  return FCGIP_OK;
}

static void free_ping(void *value, void *user_data)
{
  parsed *p = user_data;

  p->freed += value == p->text;
}

static void a_parser_of_ones_own(void **state)
{
  parsed p = {0, 0, ""};
  fcgip_status_parser parser = {sizeof(parser), 0, parse_ping, free_ping, &p};
  fcgip_status_list *list;
  size_t i;

  (void)state;
  assert_int_equal(
      fcgip_cluster_proxy_get_status_with(cluster, "/ping", PATIENCE_MS, &parser, &list), FCGIP_OK);
  for (i = 0; i < 3; i++) {
    assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, i)), FCGIP_OK);
    assert_string_equal(fcgip_server_status_value(fcgip_status_list_at(list, i)), "pong");
    assert_null(fcgip_server_status_php_fpm(fcgip_status_list_at(list, i)));
  }
  assert_int_equal(p.made, 3);
  assert_int_equal(p.freed, 0);
  fcgip_status_list_free(list);
  assert_int_equal(p.freed, 3);
  assert_int_equal(
      fcgip_cluster_proxy_get_status_with(cluster, "/nothing", PATIENCE_MS, &parser, &list),
      FCGIP_OK);
  assert_int_equal(fcgip_server_status_error(fcgip_status_list_at(list, 0)), FCGIP_ESTATUSPATH);
  assert_null(fcgip_server_status_value(fcgip_status_list_at(list, 0)));
  fcgip_status_list_free(list);
  assert_int_equal(p.freed, 3);
}

static void paths_that_cannot_be(void **state)
{
  static const char *const bad[] = {"", "status", "?full", "/sta\r\ntus", "/status?a\nb"};
  fcgip_status_list *list = (fcgip_status_list *)(uintptr_t)1;
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    assert_int_equal(fcgip_cluster_proxy_get_status(cluster, bad[i], 0, &list), FCGIP_EINVAL);
    assert_null(list);
  }
  assert_int_equal(fcgip_cluster_proxy_pending(cluster), 0);
}

#define WITH_CLUSTER(f) cmocka_unit_test_setup_teardown(f, make_cluster, free_cluster)

int main(void)
{
  const struct CMUnitTest tests[] = {
      WITH_CLUSTER(pool_names_in_order),   WITH_CLUSTER(numbers_of_the_pool),
      WITH_CLUSTER(workers_of_the_pool),   WITH_CLUSTER(counts_connections),
      WITH_CLUSTER(no_status_page_there),  TEST(dead_servers_hide_nobody),
      WITH_CLUSTER(busy_servers_are_late), WITH_CLUSTER(other_requests_are_left_alone),
      WITH_CLUSTER(a_parser_of_ones_own),  WITH_CLUSTER(paths_that_cannot_be),
  };

  return RUN_ON_FPM(tests, start_three);
}
