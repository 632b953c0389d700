/* Many requests at once: none is lost, none answered twice, each body belongs to its request. */
#include <signal.h>

#include "integration/fixture.h"

enum { MOST = 1000 };

static const fcgip_endpoint_options patient = {.connect_timeout_ms = PATIENCE_MS,
                                               .read_write_timeout_ms = PATIENCE_MS};

/* What came of each request, by its number. */
typedef struct results {
  fcgip_request_id ids[MOST];
  int good[MOST], failed[MOST], wrong;
  int last_error;
  char why[256];
} results;

static results all;

static void note(fcgip_response *response, void *user_data)
{
  results *r = user_data;
  fcgip_request_id id = fcgip_response_request_id(response);
  size_t i = 0;

  while (i < MOST && r->ids[i] != id)
    i++;
  if (i == MOST) {
    r->wrong++;
  } else if (fcgip_response_error(response) != FCGIP_OK) {
    r->failed[i]++;
    r->last_error = fcgip_response_error(response);
    snprintf(r->why, sizeof(r->why), "%s", fcgip_response_error_text(response));
  } else {
    r->good[i]++;
    r->wrong += (size_t)atoi(body_of(response)) != i;
  }
}

/* Sends `count` requests whose values are their numbers. */
static void send_many(fcgip_proxy *proxy, const char *script, const char *more, size_t count)
{
  fcgip_request *request = request_for("POST", script, more);
  char content[32];
  size_t i;

  memset(&all, 0, sizeof(all));
  fcgip_request_add_response_callback(request, note, &all, NULL);
  fcgip_request_add_failure_callback(request, note, &all, NULL);
  for (i = 0; i < count; i++) {
    int len = snprintf(content, sizeof(content), "value=%zu", i);

    assert_int_equal(fcgip_request_set_content(request, content, (size_t)len), FCGIP_OK);
    all.ids[i] = send_async(proxy, request);
  }
  fcgip_request_free(request);
}

static void assert_all_good(size_t count)
{
  size_t i;

  assert_string_equal(all.why, "");
  assert_int_equal(all.wrong, 0);
  for (i = 0; i < count; i++) {
    assert_int_equal(all.good[i], 1);
    assert_int_equal(all.failed[i], 0);
  }
}

/* Where the PHP client loses some, as its ids collide (WIRE 47). */
static void one_hundred_on_three_pools(void **state)
{
  fcgip_proxy *proxy = proxy_on(FPM_THREE);
  int round;

  (void)state;
  for (round = 0; round < 5; round++) {
    send_many(proxy, "echo.php", "", 100);
    assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
    assert_all_good(100);
  }
  fcgip_proxy_free(proxy);
}

static void one_thousand_on_two_workers(void **state)
{
  static const fpm_pool pools[] = {FPM_SMALL_TCP, FPM_SMALL_UNIX};
  int i;

  (void)state;
  for (i = 0; i < 2; i++) {
    fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(pools[i]), NULL);

    send_many(proxy, "echo.php", "", 1000);
    assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
    assert_all_good(1000);
    fcgip_proxy_free(proxy);
  }
}

/* With as many connections as there are requests the backlog is overrun, and nothing is lost all the same. */
static void more_connections_than_the_backlog_holds(void **state)
{
  fcgip_endpoint_options options = patient;
  fcgip_proxy *proxy;

  (void)state;
  options.max_connections = 300;
  proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_SMALL_UNIX), &options);
  send_many(proxy, "echo.php", "", 300);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_all_good(300);
  fcgip_proxy_free(proxy);
}

static void kept_connections_under_load(void **state)
{
  fcgip_endpoint_options options = patient;
  fcgip_proxy *proxy;
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};

  (void)state;
  options.max_connections = 5;
  options.max_idle_connections = 5;
  proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_NETWORK1), &options);
  send_many(proxy, "echo.php", "", 1000);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_all_good(1000);
  assert_int_equal(fcgip_proxy_endpoint_stats(proxy, 0, &stats), FCGIP_OK);
  assert_true(stats.opened < 500 && stats.reused > 500);
  fcgip_proxy_free(proxy);
}

/* FPM-22: two workers have work for at least so long. */
static void all_workers_work(void **state)
{
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_SMALL_TCP), &patient);
  uint64_t start = clock_ms();

  (void)state;
  send_many(proxy, "sleep.php", "ms=50", 50);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_true(clock_ms() - start >= 50 / 2 * 50);
  assert_all_good(50);
  fcgip_proxy_free(proxy);
}

/* First come, first served. */
static void the_queue_keeps_its_order(void **state)
{
  fcgip_endpoint_options options = patient;
  fcgip_proxy *proxy;
  fcgip_response *response;
  size_t i;

  (void)state;
  options.max_connections = 1;
  proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_UNIX), &options);
  send_many(proxy, "echo.php", "", 200);
  for (i = 0; i < 200; i++) {
    assert_true(open_fds() <= fds_before + 1);
    assert_int_equal(fcgip_proxy_next_response(proxy, PATIENCE_MS, &response), 1);
    assert_true(fcgip_response_request_id(response) == all.ids[i]);
    assert_int_equal(atoi(body_of(response)), i);
    fcgip_response_free(response);
  }
  fcgip_proxy_free(proxy);
}

static void connections_have_their_limit(void **state)
{
  fcgip_endpoint_options options = patient;
  fcgip_proxy *proxy;
  int most = 0;

  (void)state;
  options.max_connections = 3;
  proxy = proxy_of(fcgip_round_robin_new, FPM_THREE, &options);
  send_many(proxy, "sleep.php", "ms=20", 90);
  while (fcgip_proxy_pending(proxy) > 0) {
    int now = open_fds() - fds_before;

    most = now > most ? now : most;
    assert_int_equal(fcgip_proxy_poll(proxy, PATIENCE_MS), FCGIP_OK);
  }
  assert_int_equal(most, 9);
  assert_int_equal(fcgip_proxy_handle_ready_responses(proxy, 0), 90);
  assert_all_good(90);
  fcgip_proxy_free(proxy);
}

static void the_queue_has_its_limit(void **state)
{
  fcgip_endpoint_options options = patient;
  fcgip_proxy *proxy;
  fcgip_request *request = get("sleep.php", "ms=100&value=x");
  int accepted = 0, refused = 0, i;

  (void)state;
  options.max_connections = 2;
  options.max_queued = 5;
  proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_NETWORK2), &options);
  for (i = 0; i < 20; i++) {
    int rc = fcgip_proxy_send_async_request(proxy, request, NULL);

    accepted += rc == FCGIP_OK;
    refused += rc == FCGIP_EQUEUEFULL;
  }
  assert_int_equal(accepted, 7);
  assert_int_equal(refused, 13);
  fcgip_request_free(request);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_echo(send_ok(proxy, get("echo.php", "value=room")), "room", FPM_NETWORK2);
  fcgip_proxy_free(proxy);
}

/* Each request has one result, good or bad; those that no worker had begun are not harmed. */
static size_t assert_one_each(size_t count, int error)
{
  size_t i, failed = 0;

  assert_int_equal(all.wrong, 0);
  for (i = 0; i < count; i++) {
    assert_int_equal(all.good[i] + all.failed[i], 1);
    failed += (size_t)all.failed[i];
  }
  if (failed > 0 && error != 0)
    assert_int_equal(all.last_error, error);
  return failed;
}

static void a_reload_under_load(void **state)
{
  fcgip_endpoint_options options = patient;
  fcgip_proxy *proxy;
  size_t failed;
  int i;

  (void)state;
  options.max_connections = 10;
  proxy = proxy_of(fcgip_round_robin_new, FPM_THREE, &options);
  send_many(proxy, "sleep.php", "ms=20", 300);
  for (i = 0; i < 3; i++) {
    assert_int_equal(fcgip_proxy_wait_for_responses(proxy, 60), FCGIP_EAGAIN);
    assert_int_equal(fpm_reload(server), 0);
  }
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  failed = assert_one_each(300, FCGIP_EREAD);
  assert_true(failed <= 3 * 30); /* what was in flight each time */
  fcgip_proxy_free(proxy);
}

static void workers_are_killed_under_load(void **state)
{
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_THREE, &patient);
  pid_t pids[FPM_MAX_WORKERS];
  size_t i, count;

  (void)state;
  send_many(proxy, "sleep.php", "ms=20", 300);
  for (i = 0; i < 12; i++) {
    int rc = fcgip_proxy_wait_for_responses(proxy, 20);

    assert_true(rc == FCGIP_OK || rc == FCGIP_EAGAIN);
    count = fpm_workers(server, three[i % 3], pids, FPM_MAX_WORKERS);
    if (count > 0 && count <= FPM_MAX_WORKERS)
      kill(pids[i % count], SIGKILL);
  }
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_true(assert_one_each(300, FCGIP_EREAD) <= 12);
  fcgip_proxy_free(proxy);
}

static void the_server_goes_away_under_load(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 10};
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_THREE, &options);

  (void)state;
  send_many(proxy, "sleep.php", "ms=20", 300);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, 60), FCGIP_EAGAIN);
  fpm_halt(server);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_true(assert_one_each(300, 0) > 100);
  assert_int_equal(fpm_resume(server), 0);
  send_many(proxy, "echo.php", "", 60);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_all_good(60);
  fcgip_proxy_free(proxy);
}

static int start(void **state)
{
  return start_server(state, FPM_THREE | FPM_BIT(FPM_SMALL_TCP) | FPM_BIT(FPM_SMALL_UNIX));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(one_hundred_on_three_pools),
      TEST(one_thousand_on_two_workers),
      TEST(more_connections_than_the_backlog_holds),
      TEST(kept_connections_under_load),
      TEST(all_workers_work),
      TEST(the_queue_keeps_its_order),
      TEST(connections_have_their_limit),
      TEST(the_queue_has_its_limit),
      TEST(a_reload_under_load),
      TEST(workers_are_killed_under_load),
      TEST(the_server_goes_away_under_load),
  };

  return RUN_ON_FPM(tests, start);
}
