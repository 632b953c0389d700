/* Kept connections and the workers behind them: which worker answers, how many connections there were, and what happens
 * when the worker ends. */
#include <signal.h>

#include "integration/fixture.h"

static fcgip_proxy *keeping(fpm_pool pool, uint32_t most)
{
  fcgip_endpoint_options options = {.max_idle_connections = most, .idle_timeout_ms = PATIENCE_MS};

  return proxy_of(fcgip_round_robin_new, FPM_BIT(pool), &options);
}

static pid_t pid_from(fcgip_response *response)
{
  pid_t pid;

  assert_int_equal(fcgip_response_error(response), FCGIP_OK);
  pid = (pid_t)atoi(body_of(response));
  fcgip_response_free(response);
  assert_true(pid > 0);
  return pid;
}

static fcgip_request *ask_pid(const char *method)
{
  fcgip_request *request;
  char path[256];

  write_script("pid.php", "<?php echo getmypid();", path, sizeof(path));
  assert_int_equal(fcgip_request_new(&request, method, path), FCGIP_OK);
  assert_int_equal(fcgip_request_set_content(request, "x=y", 3), FCGIP_OK);
  return request;
}

/* How many connections the proxy has made. */
static uint64_t opened(const fcgip_proxy *proxy)
{
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};

  assert_int_equal(fcgip_proxy_endpoint_stats(proxy, 0, &stats), FCGIP_OK);
  return stats.opened;
}

static void wait_for_end(pid_t pid)
{
  uint64_t start = clock_ms();

  while (kill(pid, 0) == 0) {
    assert_true(clock_ms() - start < PATIENCE_MS);
    pause_ms(5);
  }
}

/* One connection, one worker, as long as it is kept. */
static void the_same_worker_answers(void **state)
{
  static const fpm_pool pools[] = {FPM_NETWORK1, FPM_UNIX};
  int i, j;

  (void)state;
  for (i = 0; i < 2; i++) {
    fcgip_proxy *proxy = keeping(pools[i], 1);
    pid_t pid = pid_from(send_ok(proxy, ask_pid("GET")));

    for (j = 0; j < 10; j++)
      assert_int_equal(pid_from(send_ok(proxy, ask_pid(j % 2 ? "GET" : "POST"))), pid);
    assert_int_equal(open_fds(), fds_before + 1);
    assert_int_equal(opened(proxy), 1);
    fcgip_proxy_free(proxy);
  }
}

static void not_unless_asked_for(void **state)
{
  fcgip_proxy *proxy = proxy_on(FPM_BIT(FPM_UNIX));
  int i;

  (void)state;
  for (i = 0; i < 5; i++) {
    pid_from(send_ok(proxy, ask_pid("GET")));
    assert_int_equal(open_fds(), fds_before);
  }
  assert_int_equal(opened(proxy), 5);
  fcgip_proxy_free(proxy);
}

/* An idle connection holds a worker. With both of the pool's held, the next client gets none until they are closed. */
static void idle_connections_hold_workers(void **state)
{
  fcgip_proxy *holders[2] = {keeping(FPM_SMALL_TCP, 1), keeping(FPM_SMALL_TCP, 1)};
  fcgip_proxy *other = proxy_on(FPM_BIT(FPM_SMALL_TCP));
  fcgip_request *request = get("echo.php", "value=x");
  fcgip_response *response;
  fcgip_request_id id;
  int i;

  (void)state;
  for (i = 0; i < 2; i++)
    assert_echo(send_ok(holders[i], get("echo.php", "value=x")), "x", FPM_SMALL_TCP);
  assert_int_equal(open_fds(), fds_before + 2);
  id = send_async(other, request);
  assert_int_equal(fcgip_proxy_read_response(other, id, 500, &response), FCGIP_EAGAIN);
  fcgip_proxy_free(holders[0]);
  assert_int_equal(fcgip_proxy_read_response(other, id, PATIENCE_MS, &response), FCGIP_OK);
  assert_echo(response, "x", FPM_SMALL_TCP);
  fcgip_request_free(request);
  fcgip_proxy_free(holders[1]);
  fcgip_proxy_free(other);
}

/* A proxy does not starve itself: more requests than workers, with connections that are kept. */
static void does_not_starve_itself(void **state)
{
  fcgip_proxy *proxy = keeping(FPM_SMALL_UNIX, 4);
  fcgip_request *request = get("echo.php", "value=x");
  int round, i;

  (void)state;
  for (round = 0; round < 3; round++) {
    for (i = 0; i < 40; i++)
      send_async(proxy, request);
    assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  }
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
}

static void idle_connections_have_their_time(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1, .idle_timeout_ms = 50};
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_UNIX), &options);
  uint64_t start;

  (void)state;
  pid_from(send_ok(proxy, ask_pid("GET")));
  assert_int_equal(open_fds(), fds_before + 1);
  start = clock_ms();
  while (open_fds() > fds_before) {
    assert_true(clock_ms() - start < PATIENCE_MS);
    fcgip_proxy_poll(proxy, fcgip_proxy_timeout_ms(proxy));
  }
  assert_int_equal(fcgip_proxy_timeout_ms(proxy), -1);
  fcgip_proxy_free(proxy);
}

static void connections_have_their_number_of_requests(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1, .max_requests_per_connection = 3};
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_NETWORK2), &options);
  int i;

  (void)state;
  for (i = 0; i < 9; i++) {
    pid_from(send_ok(proxy, ask_pid("GET")));
    assert_int_equal(open_fds(), fds_before + (i % 3 != 2));
  }
  assert_int_equal(opened(proxy), 3);
  fcgip_proxy_free(proxy);
}

/* Until the proxy has noticed that the server has closed its kept connection. */
static void notice_the_end(fcgip_proxy *proxy)
{
  uint64_t start = clock_ms();

  while (open_fds() > fds_before) {
    assert_true(clock_ms() - start < PATIENCE_MS);
    fcgip_proxy_poll(proxy, 100);
  }
}

/* KAL-05: the worker ends after three requests, and closes its connection before. POST and GET alike go on with the
 * next one. */
static void workers_that_end(void **state)
{
  static const char *const methods[] = {"GET", "POST"};
  int i, j;

  (void)state;
  for (i = 0; i < 2; i++) {
    fcgip_proxy *proxy = keeping(FPM_RECYCLE, 1);
    pid_t pid = 0;

    for (j = 0; j < 12; j++) {
      pid_t next = pid_from(send_ok(proxy, ask_pid(methods[i])));

      if (j % 3 == 0)
        assert_int_not_equal(next, pid);
      else
        assert_int_equal(next, pid);
      pid = next;
      if (j % 3 == 2)
        notice_the_end(proxy);
    }
    fcgip_proxy_free(proxy);
  }
}

/* ... and without waiting for its end: what the server had not begun is sent again. */
static void workers_that_end_meanwhile(void **state)
{
  fcgip_proxy *proxy = keeping(FPM_RECYCLE, 2);
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};
  int i;

  (void)state;
  for (i = 0; i < 60; i++)
    pid_from(send_ok(proxy, ask_pid("GET")));
  assert_int_equal(fcgip_proxy_endpoint_stats(proxy, 0, &stats), FCGIP_OK);
  assert_int_equal(stats.succeeded, 60);
  assert_true(stats.opened >= 20 && stats.reused >= 30);
  assert_int_equal(stats.failed_transfer, 0);
  fcgip_proxy_free(proxy);
}

static void a_worker_of_an_idle_connection_is_killed(void **state)
{
  static const fpm_pool pools[] = {FPM_NETWORK1, FPM_UNIX};
  int i;

  (void)state;
  for (i = 0; i < 2; i++) {
    fcgip_proxy *proxy = keeping(pools[i], 1);
    pid_t pid = pid_from(send_ok(proxy, ask_pid("POST")));

    assert_int_equal(kill(pid, SIGKILL), 0);
    wait_for_end(pid);
    assert_int_not_equal(pid_from(send_ok(proxy, ask_pid("POST"))), pid);
    assert_int_equal(open_fds(), fds_before + 1);
    fcgip_proxy_free(proxy);
  }
}

/* All workers are replaced while connections are kept. */
static void a_reload(void **state)
{
  fcgip_proxy *proxy = keeping(FPM_NETWORK1, 3);
  int i;

  (void)state;
  for (i = 0; i < 4; i++) {
    pid_t pid = pid_from(send_ok(proxy, ask_pid("POST")));

    assert_int_equal(fpm_reload(server), 0);
    assert_int_not_equal(pid_from(send_ok(proxy, ask_pid("POST"))), pid);
  }
  fcgip_proxy_free(proxy);
}

/* The server has ended the request, and the script goes on (WIRE 37): others are served by other workers. */
static void a_script_that_goes_on(void **state)
{
  fcgip_proxy *proxy = proxy_on(FPM_BIT(FPM_UNIX));
  fcgip_request *request;
  char path[256];

  (void)state;
  write_script("finish.php",
               "<?php echo 'early'; fastcgi_finish_request(); usleep(3000000); echo 'never';", path,
               sizeof(path));
  assert_int_equal(fcgip_get_request_new(&request, path, NULL, 0), FCGIP_OK);
  assert_body(send_ok(proxy, request), "early");
  assert_echo(send_ok(proxy, get("echo.php", "value=x")), "x", FPM_UNIX);
  fcgip_proxy_free(proxy);
}

static int start(void **state)
{
  return start_server(state, FPM_ALL & ~FPM_BIT(FPM_RESTRICTED));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(the_same_worker_answers),
      TEST(not_unless_asked_for),
      TEST(idle_connections_hold_workers),
      TEST(does_not_starve_itself),
      TEST(idle_connections_have_their_time),
      TEST(connections_have_their_number_of_requests),
      TEST(workers_that_end),
      TEST(workers_that_end_meanwhile),
      TEST(a_worker_of_an_idle_connection_is_killed),
      TEST(a_reload),
      TEST(a_script_that_goes_on),
  };

  return RUN_ON_FPM(tests, start);
}
