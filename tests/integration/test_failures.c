/* What can go wrong with real servers: workers that are killed, crash, or are not there; and what is kept of it. */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "integration/fixture.h"
#include "support/nobody.h"

enum { WAIT_STEPS = 3000 };

/* A worker that tells its process id, works a while, and then is done. */
static const char working[] = "<?php echo getmypid(), \"\\n\"; flush();"
                              "$until = microtime(true) + 1.2;"
                              "while (microtime(true) < $until) usleep(20000); echo 'done';";

typedef struct outcome {
  fcgip_request_id id;
  pid_t pid; /* of the worker, once it is known */
  int good, failed, error;
} outcome;

static int learn_pid(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                     size_t error_len, void *user_data)
{
  outcome *outcomes = user_data;
  const char *body = memmem(output, output_len, "\r\n\r\n", 4);
  char digits[16] = "";
  size_t i, len;

  (void)error, (void)error_len;
  if (body == NULL)
    return 0;
  len = output_len - (size_t)(body + 4 - (const char *)output);
  memcpy(digits, body + 4, len < sizeof(digits) - 1 ? len : sizeof(digits) - 1);
  for (i = 0; i < 3; i++)
    if (outcomes[i].id == id && outcomes[i].pid == 0)
      outcomes[i].pid = (pid_t)atoi(digits);
  return 0;
}

static void learn_outcome(fcgip_response *response, void *user_data)
{
  outcome *outcomes = user_data;
  size_t i;

  for (i = 0; i < 3; i++) {
    if (outcomes[i].id != fcgip_response_request_id(response))
      continue;
    outcomes[i].error = fcgip_response_error(response);
    outcomes[i].failed += outcomes[i].error != FCGIP_OK && fcgip_response_is_partial(response);
    outcomes[i].good +=
        outcomes[i].error == FCGIP_OK && strstr(body_of(response), "\ndone") != NULL;
  }
}

/* Three requests at work on a pool, each of whose workers is known by now. */
static fcgip_proxy *put_to_work(fpm_pool pool, outcome outcomes[3])
{
  fcgip_proxy *proxy = proxy_on(FPM_BIT(pool));
  fcgip_request *request;
  uint64_t start = clock_ms();
  char path[256];
  int i;

  memset(outcomes, 0, 3 * sizeof(*outcomes));
  write_script("working.php", working, path, sizeof(path));
  assert_int_equal(fcgip_post_request_new(&request, path, NULL, 0), FCGIP_OK);
  fcgip_request_add_pass_through_callback(request, learn_pid, outcomes, NULL);
  fcgip_request_add_response_callback(request, learn_outcome, outcomes, NULL);
  fcgip_request_add_failure_callback(request, learn_outcome, outcomes, NULL);
  for (i = 0; i < 3; i++)
    outcomes[i].id = send_async(proxy, request);
  fcgip_request_free(request);
  while (outcomes[0].pid == 0 || outcomes[1].pid == 0 || outcomes[2].pid == 0) {
    assert_true(clock_ms() - start < PATIENCE_MS);
    fcgip_proxy_poll(proxy, 100);
  }
  return proxy;
}

/* Until the master has replaced those that ended. */
static void wait_for_workers(fpm_pool pool)
{
  int steps = 0;

  while (fpm_workers(server, pool, NULL, 0) != FPM_MAX_WORKERS && steps++ < WAIT_STEPS)
    pause_ms(5);
  assert_int_equal(fpm_workers(server, pool, NULL, 0), FPM_MAX_WORKERS);
}

static const int signals[] = {SIGHUP, SIGINT, SIGKILL, SIGTERM};

/* That one request fails, the others succeed. */
static void a_worker_is_killed(void **state)
{
  static const fpm_pool pools[] = {FPM_NETWORK1, FPM_UNIX};
  outcome outcomes[3];
  size_t pool, i, j;

  (void)state;
  for (pool = 0; pool < 2; pool++) {
    for (i = 0; i < 4; i++) {
      size_t victim = i % 3;
      fcgip_proxy *proxy = put_to_work(pools[pool], outcomes);

      assert_int_equal(kill(outcomes[victim].pid, signals[i]), 0);
      assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
      for (j = 0; j < 3; j++) {
        assert_int_equal(outcomes[j].failed, j == victim);
        assert_int_equal(outcomes[j].good, j != victim);
        assert_int_equal(outcomes[j].error, j == victim ? FCGIP_EREAD : FCGIP_OK);
      }
      fcgip_proxy_free(proxy);
      wait_for_workers(pools[pool]);
    }
  }
}

static void all_workers_are_killed(void **state)
{
  outcome outcomes[3];
  fcgip_proxy *proxy = put_to_work(FPM_UNIX, outcomes);
  int i;

  (void)state;
  for (i = 0; i < 3; i++)
    assert_int_equal(kill(outcomes[i].pid, signals[i]), 0);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  for (i = 0; i < 3; i++) {
    assert_int_equal(outcomes[i].failed, 1);
    assert_int_equal(outcomes[i].error, FCGIP_EREAD);
  }
  wait_for_workers(FPM_UNIX);
  assert_echo(send_ok(proxy, get("echo.php", "value=back")), "back", FPM_UNIX);
  fcgip_proxy_free(proxy);
}

/* What came before is kept, and told from a whole response. */
static void a_script_crashes_in_mid_response(void **state)
{
  int i;

  (void)state;
  for (i = 0; i < 3; i++) {
    fcgip_proxy *proxy = proxy_on(FPM_BIT(three[i]));
    fcgip_request *request = get("crash.php", "");
    fcgip_response *response;

    assert_int_equal(fcgip_proxy_send_request(proxy, request, &response), FCGIP_EREAD);
    assert_true(fcgip_response_is_partial(response));
    assert_false(fcgip_response_is_retry_safe(response));
    assert_int_equal(fcgip_response_status(response), 200);
    assert_string_equal(body_of(response), "the first half\n");
    assert_contains(fcgip_response_error_text(response), fpm_address(server, three[i]));
    fcgip_response_free(response);
    fcgip_request_free(request);
    fcgip_proxy_free(proxy);
  }
}

static void a_script_crashes_before_it_says_anything(void **state)
{
  fcgip_proxy *proxy = proxy_on(FPM_BIT(FPM_UNIX));
  static const char *const methods[] = {"GET", "POST"};
  int i;

  (void)state;
  for (i = 0; i < 2; i++) {
    fcgip_request *request = request_for(methods[i], "crash.php", "early=1");
    fcgip_response *response;

    assert_int_equal(fcgip_proxy_send_request(proxy, request, &response), FCGIP_EREAD);
    assert_false(fcgip_response_is_partial(response));
    assert_int_equal(fcgip_response_is_retry_safe(response), i == 0);
    assert_int_equal(fcgip_response_status(response), 0);
    assert_string_equal(body_of(response), "");
    fcgip_response_free(response);
    fcgip_request_free(request);
  }
  fcgip_proxy_free(proxy);
}

/* STDERR is no failure. */
static void scripts_log_errors(void **state)
{
  static const fcgip_endpoint_options small = {.max_stderr_bytes = 40};
  fcgip_proxy *proxy = proxy_on(FPM_BIT(FPM_NETWORK2)), *limited;
  fcgip_response *response;
  const char *text;
  size_t len;

  (void)state;
  response = send_ok(proxy, get("error_log.php", "message=oh%20dear&times=3"));
  text = fcgip_response_stderr(response, &len);
  assert_int_equal(strlen(text), len);
  assert_contains(text, "PHP message: oh dear");
  assert_contains(strstr(text, "oh dear") + 1, "oh dear");
  assert_string_equal(body_of(response), "logged 3\n");
  assert_false(fcgip_response_stderr_is_truncated(response));
  fcgip_response_free(response);

  response = send_ok(proxy, get("error_log.php", "message=behind&times=0&after=1"));
  assert_contains(fcgip_response_stderr(response, NULL), "PHP message: behind");
  fcgip_response_free(response);

  limited = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_NETWORK2), &small);
  response = send_ok(limited, get("error_log.php", "message=oh%20dear&times=100"));
  fcgip_response_stderr(response, &len);
  assert_int_equal(len, 40);
  assert_true(fcgip_response_stderr_is_truncated(response));
  assert_string_equal(body_of(response), "logged 100\n");
  fcgip_response_free(response);
  fcgip_proxy_free(limited);
  fcgip_proxy_free(proxy);
}

static void assert_too_large(const fcgip_endpoint_options *options, const char *script,
                             const char *query, const char *phrase)
{
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_UNIX), options);
  fcgip_request *request = get(script, query);
  fcgip_response *response;

  assert_int_equal(fcgip_proxy_send_request(proxy, request, &response), FCGIP_ETOOLARGE);
  assert_int_equal(open_fds(), fds_before); /* closed at once */
  assert_true(fcgip_response_is_partial(response));
  assert_contains(fcgip_response_error_text(response), phrase);
  fcgip_response_free(response);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
}

static void limits(void **state)
{
  static const fcgip_endpoint_options body = {.max_body_bytes = 99999};
  static const fcgip_endpoint_options enough = {.max_body_bytes = 100000};
  static const fcgip_endpoint_options block = {.max_header_bytes = 200};
  static const fcgip_endpoint_options count = {.max_headers = 10};
  fcgip_proxy *proxy;
  fcgip_response *response;
  size_t len;

  (void)state;
  assert_too_large(&body, "output.php", "bytes=100000", "max_body_bytes");
  assert_too_large(&body, "output.php", "bytes=30000000", "max_body_bytes");
  assert_too_large(&block, "headers.php", "count=10", "max_header_bytes");
  assert_too_large(&count, "headers.php", "count=6", "max_headers");
  proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_UNIX), &enough);
  response = send_ok(proxy, get("output.php", "bytes=100000"));
  fcgip_response_body(response, &len);
  assert_int_equal(len, 100000);
  fcgip_response_free(response);
  fcgip_proxy_free(proxy);
  /* 100 headers in a block of several records are nothing special. */
  proxy = proxy_on(FPM_BIT(FPM_UNIX));
  response = send_ok(proxy, get("headers.php", "count=100"));
  assert_int_equal(fcgip_response_header_values(response, "X-Item", NULL, 0), 100);
  fcgip_response_free(response);
  fcgip_proxy_free(proxy);
}

static fcgip_response *response_of(const char *address)
{
  fcgip_endpoint *endpoint = endpoint_at(address, NULL);
  const fcgip_endpoint *only = endpoint;
  fcgip_collection *collection;
  fcgip_proxy *proxy;
  fcgip_request *request;
  fcgip_response *response;

  assert_int_equal(fcgip_round_robin_new(&collection, &only, 1), FCGIP_OK);
  assert_int_equal(fcgip_proxy_new(&proxy, collection, NULL), FCGIP_OK);
  assert_int_equal(fcgip_post_request_new(&request, "/x.php", "a=b", 3), FCGIP_OK);
  fcgip_proxy_send_request(proxy, request, &response);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  fcgip_collection_free(collection);
  fcgip_endpoint_free(endpoint);
  return response;
}

/* NET-01, NET-02. */
static void nobody_is_there(void **state)
{
  char file[192], folder[192], loop[192];
  struct {
    const char *address;
    int error_number;
  } cases[] = {{"tcp://127.0.0.1:1", ECONNREFUSED},
               {"tcp://[::1]:1", ECONNREFUSED},
               {"unix:///nowhere/at/all.sock", ENOENT},
               {file, ECONNREFUSED},
               {folder, ECONNREFUSED},
               {loop, ELOOP}};
  char path[256];
  size_t i;

  (void)state;
  write_script("file.sock", "", path, sizeof(path));
  snprintf(file, sizeof(file), "unix://%s/file.sock", fpm_folder(server));
  snprintf(folder, sizeof(folder), "unix://%s", fpm_folder(server));
  snprintf(loop, sizeof(loop), "%s/loop.sock", fpm_folder(server));
  assert_int_equal(symlink(loop, loop), 0);
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    fcgip_response *response = response_of(cases[i].address);
    int error_number = fcgip_response_errno(response);

    assert_int_equal(fcgip_response_error(response), FCGIP_ECONNECT);
    if (error_number != EAFNOSUPPORT && error_number != EADDRNOTAVAIL) /* no IPv6 here */
      assert_int_equal(error_number, cases[i].error_number);
    assert_true(fcgip_response_is_retry_safe(response));
    assert_contains(fcgip_response_error_text(response), cases[i].address);
    fcgip_response_free(response);
  }
}

/* NET-03: root may open anything, so this is somebody else. */
static int connect_as_nobody(void *address)
{
  fcgip_response *response = response_of(address);
  int ok = fcgip_response_error(response) == FCGIP_ECONNECT &&
           fcgip_response_errno(response) == EACCES &&
           strstr(fcgip_response_error_text(response), "EACCES") != NULL;

  fcgip_response_free(response);
  return ok ? 0 : 1;
}

static void it_is_not_for_us(void **state)
{
  char address[192];

  (void)state;
  snprintf(address, sizeof(address), "%s", fpm_address(server, FPM_RESTRICTED));
  assert_int_equal(nobody_run(connect_as_nobody, address), 0);
}

static int run_once(fcgip_proxy *proxy, fcgip_response **response)
{
  fcgip_request *request = get("echo.php", "value=x");
  int rc = fcgip_proxy_send_request(proxy, request, response);

  fcgip_request_free(request);
  return rc;
}

/* A server goes away and comes back; the proxy stays. */
static void a_server_restarts(void **state)
{
  fcgip_proxy *proxy = proxy_on(FPM_THREE);
  fcgip_response *response;
  int i, round;

  (void)state;
  for (round = 0; round < 2; round++) {
    for (i = 0; i < 3; i++)
      assert_echo(send_ok(proxy, get("echo.php", "value=x")), "x", three[i]);
    fpm_halt(server);
    for (i = 0; i < 3; i++) {
      assert_int_equal(run_once(proxy, &response), FCGIP_ECONNECT);
      assert_true(fcgip_response_errno(response) == ECONNREFUSED ||
                  fcgip_response_errno(response) == ENOENT);
      fcgip_response_free(response);
    }
    assert_int_equal(fpm_resume(server), 0);
  }
  for (i = 0; i < 3; i++)
    assert_echo(send_ok(proxy, get("echo.php", "value=x")), "x", three[i]);
  fcgip_proxy_free(proxy);
}

/* Ended in every phase that a live server has; the worker is free for the next at once or when it notices. */
static void cancelled_in_each_phase(void **state)
{
  fcgip_proxy *proxy = proxy_on(FPM_BIT(FPM_NETWORK1));
  fcgip_request *request = get("progress.php", "pieces=200&ms=10");
  int turns;

  (void)state;
  for (turns = 0; turns < 12; turns++) {
    fcgip_request_id id = send_async(proxy, request);
    fcgip_response *response;
    int i;

    for (i = 0; i < turns; i++)
      fcgip_proxy_poll(proxy, 20);
    assert_int_equal(fcgip_proxy_cancel(proxy, id), FCGIP_OK);
    assert_int_equal(open_fds(), fds_before);
    assert_int_equal(fcgip_proxy_read_response(proxy, id, 0, &response), FCGIP_ECANCELED);
    fcgip_response_free(response);
  }
  fcgip_request_free(request);
  assert_echo(send_ok(proxy, get("echo.php", "value=x")), "x", FPM_NETWORK1);
  fcgip_proxy_free(proxy);
}

static int start(void **state)
{
  return start_server(state, FPM_THREE | FPM_BIT(FPM_RESTRICTED));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_worker_is_killed),
      TEST(all_workers_are_killed),
      TEST(a_script_crashes_in_mid_response),
      TEST(a_script_crashes_before_it_says_anything),
      TEST(scripts_log_errors),
      TEST(limits),
      TEST(nobody_is_there),
      TEST(it_is_not_for_us),
      TEST(a_server_restarts),
      TEST(cancelled_in_each_phase),
  };

  return RUN_ON_FPM(tests, start);
}
