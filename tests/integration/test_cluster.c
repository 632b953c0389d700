/* One request to every server: an answer from each, dead ones included. */
#include "integration/fixture.h"
#include "support/nobody.h"

typedef struct counts {
  int good[FPM_POOL_COUNT]; /* by pool */
  int failed, error, errno_seen;
  char dead[192];
} counts;

static void count(fcgip_response *response, void *user_data)
{
  counts *c = user_data;
  int pool;

  if (fcgip_response_error(response) == FCGIP_OK) {
    pool = pool_of(response);
    if (pool >= 0)
      c->good[pool]++;
    return;
  }
  c->failed++;
  c->error = fcgip_response_error(response);
  c->errno_seen = fcgip_response_errno(response);
  snprintf(c->dead, sizeof(c->dead), "%s",
           fcgip_endpoint_address(fcgip_response_endpoint(response)));
}

static fcgip_request *counted(counts *c)
{
  fcgip_request *request = post("echo.php", "value=all", 9);

  assert_int_equal(fcgip_request_add_response_callback(request, count, c, NULL), FCGIP_OK);
  assert_int_equal(fcgip_request_add_failure_callback(request, count, c, NULL), FCGIP_OK);
  return request;
}

static void assert_good(const counts *c, int each)
{
  int i;

  for (i = 0; i < 3; i++)
    assert_int_equal(c->good[three[i]], each);
}

static void waits_for_all(void **state)
{
  fcgip_cluster_proxy *cluster = cluster_on(FPM_THREE, NULL);
  counts c = {0};
  fcgip_request *request = counted(&c);

  (void)state;
  assert_false(fcgip_cluster_proxy_has_unhandled_responses(cluster));
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  assert_true(fcgip_cluster_proxy_has_unhandled_responses(cluster));
  assert_int_equal(fcgip_cluster_proxy_pending(cluster), 3);
  assert_int_equal(fcgip_cluster_proxy_wait_for_responses(cluster, PATIENCE_MS), FCGIP_OK);
  assert_good(&c, 1);
  /* The same request again reaches every node again. */
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_wait_for_responses(cluster, PATIENCE_MS), FCGIP_OK);
  assert_good(&c, 2);
  assert_int_equal(c.failed, 0);
  assert_false(fcgip_cluster_proxy_has_unhandled_responses(cluster));
  fcgip_request_free(request);
  fcgip_cluster_proxy_free(cluster);
}

static void handles_those_that_are_ready(void **state)
{
  fcgip_cluster_proxy *cluster = cluster_on(FPM_THREE, NULL);
  counts c = {0};
  fcgip_request *request = counted(&c);
  int handled = 0;

  (void)state;
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  while (fcgip_cluster_proxy_has_unhandled_responses(cluster)) {
    int rc = fcgip_cluster_proxy_handle_ready_responses(cluster, PATIENCE_MS);

    assert_true(rc > 0);
    handled += rc;
  }
  assert_int_equal(handled, 6);
  assert_good(&c, 2);
  fcgip_request_free(request);
  fcgip_cluster_proxy_free(cluster);
}

static void reads(void **state)
{
  fcgip_cluster_proxy *cluster = cluster_on(FPM_THREE, NULL);
  fcgip_request *request = get("echo.php", "value=all");
  fcgip_response *responses[6];
  size_t n, read = 0;
  counts c = {0};

  (void)state;
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_next_response(cluster, PATIENCE_MS, &responses[0]), 1);
  count(responses[0], &c);
  fcgip_response_free(responses[0]);
  for (read = 1; fcgip_cluster_proxy_has_unhandled_responses(cluster); read += n) {
    size_t i;

    assert_int_equal(
        fcgip_cluster_proxy_read_ready_responses(cluster, PATIENCE_MS, responses, 6, &n), FCGIP_OK);
    for (i = 0; i < n; i++) {
      count(responses[i], &c);
      fcgip_response_free(responses[i]);
    }
  }
  assert_int_equal(read, 6);
  assert_good(&c, 2);
  assert_int_equal(fcgip_cluster_proxy_next_response(cluster, 0, &responses[0]), 0);
  fcgip_request_free(request);
  fcgip_cluster_proxy_free(cluster);
}

/* A collection of any policy will do. A proxy, the other way round, needs one that picks. */
static void is_made_of_any_collection(void **state)
{
  fcgip_collection *random = collection_of(fcgip_random_new, FPM_THREE, NULL);
  fcgip_collection *all = collection_of(fcgip_cluster_new, FPM_THREE, NULL);
  fcgip_cluster_proxy *cluster;
  fcgip_proxy *proxy = (fcgip_proxy *)(uintptr_t)1;
  counts c = {0};
  fcgip_request *request = counted(&c);

  (void)state;
  assert_int_equal(fcgip_proxy_new(&proxy, all, NULL), FCGIP_EINVAL);
  assert_null(proxy);
  assert_int_equal(fcgip_cluster_proxy_new(&cluster, random, NULL), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_wait_for_responses(cluster, PATIENCE_MS), FCGIP_OK);
  assert_good(&c, 1);
  fcgip_request_free(request);
  fcgip_cluster_proxy_free(cluster);
  fcgip_collection_free(random);
  fcgip_collection_free(all);
}

/* A server listed twice is two servers (CLU-04); one that nobody is behind does not hide the others (CLU-03). */
static fcgip_cluster_proxy *with_dead_ones(const char *dead, size_t alive_first)
{
  fcgip_endpoint *endpoints[4];
  fcgip_collection *collection;
  fcgip_cluster_proxy *cluster;
  size_t i;

  endpoints[0] = endpoint_at(alive_first ? fpm_address(server, FPM_UNIX) : dead, NULL);
  endpoints[1] = endpoint_at(alive_first ? dead : fpm_address(server, FPM_UNIX), NULL);
  endpoints[2] = endpoint_at(fpm_address(server, FPM_NETWORK1), NULL);
  endpoints[3] = endpoint_at(fpm_address(server, FPM_UNIX), NULL);
  assert_int_equal(fcgip_cluster_new(&collection, (const fcgip_endpoint *const *)endpoints, 4),
                   FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_new(&cluster, collection, NULL), FCGIP_OK);
  fcgip_collection_free(collection);
  for (i = 0; i < 4; i++)
    fcgip_endpoint_free(endpoints[i]);
  return cluster;
}

static void survives_a_dead_server(void **state)
{
  static const char *const dead[] = {"unix:///nowhere/at/all.sock", "tcp://127.0.0.1:1",
                                     "tcp://no-such-host.invalid:9000"};
  static const int errors[] = {FCGIP_ECONNECT, FCGIP_ECONNECT, FCGIP_ERESOLVE};
  size_t i;

  (void)state;
  for (i = 0; i < 6; i++) {
    fcgip_cluster_proxy *cluster = with_dead_ones(dead[i / 2], i % 2);
    counts c = {0};
    fcgip_request *request = counted(&c);

    assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
    assert_int_equal(fcgip_cluster_proxy_wait_for_responses(cluster, PATIENCE_MS), FCGIP_OK);
    assert_int_equal(c.good[FPM_UNIX], 2);
    assert_int_equal(c.good[FPM_NETWORK1], 1);
    assert_int_equal(c.failed, 1);
    assert_int_equal(c.error, errors[i / 2]);
    assert_string_equal(c.dead, dead[i / 2]);
    fcgip_request_free(request);
    fcgip_cluster_proxy_free(cluster);
  }
}

/* As a user whom one of the sockets does not let in. 0: the others answered, and that one said why. */
static int run_as_nobody(void *data)
{
  fcgip_cluster_proxy *cluster = data;
  counts c = {0};
  fcgip_request *request;

  if (fcgip_get_request_new(&request, fpm_script(server, "echo.php"), NULL, 0) != FCGIP_OK ||
      fcgip_request_add_response_callback(request, count, &c, NULL) != FCGIP_OK ||
      fcgip_request_add_failure_callback(request, count, &c, NULL) != FCGIP_OK ||
      fcgip_cluster_proxy_send_async_request(cluster, request) != FCGIP_OK ||
      fcgip_cluster_proxy_wait_for_responses(cluster, PATIENCE_MS) != FCGIP_OK)
    return 1;
  if (c.good[FPM_UNIX] != 1 || c.good[FPM_NETWORK1] != 1)
    return 2;
  if (c.failed != 1 || c.error != FCGIP_ECONNECT || c.errno_seen != 13 /* EACCES */)
    return 3;
  return strcmp(c.dead, fpm_address(server, FPM_RESTRICTED)) == 0 ? 0 : 4;
}

static void survives_a_server_that_does_not_let_it_in(void **state)
{
  fcgip_cluster_proxy *cluster =
      cluster_on(FPM_BIT(FPM_NETWORK1) | FPM_BIT(FPM_UNIX) | FPM_BIT(FPM_RESTRICTED), NULL);

  (void)state;
  assert_int_equal(nobody_run(run_as_nobody, cluster), 0);
  fcgip_cluster_proxy_free(cluster);
}

static void a_slow_server_delays_nobody(void **state)
{
  fcgip_cluster_proxy *cluster = cluster_on(FPM_THREE, NULL);
  fcgip_request *request;
  fcgip_response *response;
  char path[256];
  int i;

  (void)state;
  write_script("slow_there.php",
               "<?php if (getenv('POOL') === 'network2') usleep(600000);"
               "echo 'x - ', getenv('POOL'), \"\\n\";",
               path, sizeof(path));
  assert_int_equal(fcgip_get_request_new(&request, path, NULL, 0), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  for (i = 0; i < 3; i++) {
    assert_int_equal(fcgip_cluster_proxy_next_response(cluster, PATIENCE_MS, &response), 1);
    assert_int_equal(pool_of(response) == FPM_NETWORK2, i == 2);
    fcgip_response_free(response);
  }
  fcgip_request_free(request);
  fcgip_cluster_proxy_free(cluster);
}

static void cancels_all(void **state)
{
  fcgip_cluster_proxy *cluster = cluster_on(FPM_THREE, NULL);
  counts c = {0};
  fcgip_request *request = counted(&c);
  int i;

  (void)state;
  fcgip_request_set_script_filename(request, fpm_script(server, "sleep.php"));
  fcgip_request_set_content(request, "ms=3000&value=all", 17);
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  for (i = 0; i < 10; i++)
    fcgip_cluster_proxy_poll(cluster, 5);
  assert_int_equal(fcgip_cluster_proxy_pending(cluster), 3);
  assert_int_equal(fcgip_cluster_proxy_cancel_all(cluster), FCGIP_OK);
  assert_int_equal(open_fds(), fds_before);
  assert_int_equal(fcgip_cluster_proxy_pending(cluster), 0);
  assert_int_equal(fcgip_cluster_proxy_wait_for_responses(cluster, PATIENCE_MS), FCGIP_OK);
  assert_int_equal(c.failed, 3);
  assert_int_equal(c.error, FCGIP_ECANCELED);
  assert_int_equal(fcgip_cluster_proxy_cancel_all(cluster), FCGIP_OK);
  fcgip_request_free(request);
  fcgip_cluster_proxy_free(cluster);
}

static void has_counters(void **state)
{
  fcgip_cluster_proxy *cluster = cluster_on(FPM_THREE, NULL);
  fcgip_request *request = get("echo.php", "value=all");
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};
  size_t i;

  (void)state;
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_wait_for_responses(cluster, PATIENCE_MS), FCGIP_OK);
  for (i = 0; i < 3; i++) {
    assert_int_equal(fcgip_cluster_proxy_endpoint_stats(cluster, i, &stats), FCGIP_OK);
    assert_int_equal(stats.sent, 2);
    assert_int_equal(stats.succeeded, 2);
    assert_int_equal(stats.opened, 2);
    assert_int_equal(stats.open, 0);
    assert_true(stats.bytes_sent > 200 && stats.bytes_received > 50);
    assert_true(stats.duration_us_max > 0 && stats.duration_us_sum >= stats.duration_us_max);
  }
  assert_int_equal(fcgip_cluster_proxy_endpoint_stats(cluster, 3, &stats), FCGIP_ENOTFOUND);
  fcgip_request_free(request);
  fcgip_cluster_proxy_free(cluster);
}

static int start(void **state)
{
  return start_server(state, FPM_THREE | FPM_BIT(FPM_RESTRICTED));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(waits_for_all),
      TEST(handles_those_that_are_ready),
      TEST(reads),
      TEST(is_made_of_any_collection),
      TEST(survives_a_dead_server),
      TEST(survives_a_server_that_does_not_let_it_in),
      TEST(a_slow_server_delays_nobody),
      TEST(cancels_all),
      TEST(has_counters),
  };

  return RUN_ON_FPM(tests, start);
}
