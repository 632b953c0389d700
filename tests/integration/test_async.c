/* Many requests in flight: reading, waiting, handling, in all the ways there are. */
#include "integration/fixture.h"

enum { MORE = FPM_MAX_WORKERS + 7 };

static fcgip_proxy *proxy;

static int make_proxy(void **state)
{
  count_fds(state);
  proxy = proxy_on(FPM_THREE);
  return 0;
}

static int free_proxy(void **state)
{
  fcgip_proxy_free(proxy);
  return compare_fds(state);
}

/* A POST of `value` to a script, sent as often as there are ids; the values are their numbers. */
static void send_numbers(fcgip_proxy *to, const char *script, fcgip_request_id *ids, size_t count)
{
  fcgip_request *request = request_for("POST", script, "");
  char content[32];
  size_t i;

  for (i = 0; i < count; i++) {
    int len = snprintf(content, sizeof(content), "value=%zu", i);

    assert_int_equal(fcgip_request_set_content(request, content, (size_t)len), FCGIP_OK);
    ids[i] = send_async(to, request);
  }
  fcgip_request_free(request);
}

static void assert_number(fcgip_response *response, size_t number, fpm_pool pool)
{
  char value[16];

  snprintf(value, sizeof(value), "%zu", number);
  assert_echo(response, value, pool);
}

static void reads_one(void **state)
{
  fcgip_request_id ids[3];
  fcgip_response *response;

  (void)state;
  send_numbers(proxy, "echo.php", ids, 3);
  assert_int_equal(fcgip_proxy_pending(proxy), 3);
  assert_int_equal(fcgip_proxy_read_response(proxy, ids[1], PATIENCE_MS, &response), FCGIP_OK);
  assert_number(response, 1, FPM_NETWORK2);
  assert_int_equal(fcgip_proxy_read_response(proxy, ids[1], 0, &response), FCGIP_ENOTFOUND);
  assert_null(response);
  assert_int_equal(fcgip_proxy_read_response(proxy, ids[0], PATIENCE_MS, &response), FCGIP_OK);
  assert_number(response, 0, FPM_NETWORK1);
  assert_int_equal(fcgip_proxy_read_response(proxy, ids[2], -1, &response), FCGIP_OK);
  assert_number(response, 2, FPM_UNIX);
  assert_false(fcgip_proxy_has_unhandled_responses(proxy));
}

/* In the order asked for, whatever came first; unknown ids are passed over. */
static void reads_in_the_given_order(void **state)
{
  fcgip_request_id ids[6], order[8];
  fcgip_response *responses[8];
  size_t i;

  (void)state;
  send_numbers(proxy, "echo.php", ids, 6);
  for (i = 0; i < 6; i++)
    order[i] = ids[5 - i];
  order[6] = 12345;
  order[7] = ids[5];
  assert_int_equal(fcgip_proxy_read_responses(proxy, PATIENCE_MS, order, 8, responses), 6);
  for (i = 0; i < 6; i++)
    assert_number(responses[i], 5 - i, three[(5 - i) % 3]);
  assert_null(responses[6]);
  assert_null(responses[7]);
  assert_false(fcgip_proxy_has_unhandled_responses(proxy));
}

static void reads_those_that_are_ready(void **state)
{
  fcgip_request_id ids[MORE];
  int seen[MORE] = {0};
  size_t count = 0, i;

  (void)state;
  send_numbers(proxy, "echo.php", ids, MORE);
  while (fcgip_proxy_has_unhandled_responses(proxy)) {
    fcgip_response *responses[4];
    size_t n;

    assert_int_equal(fcgip_proxy_read_ready_responses(proxy, PATIENCE_MS, responses, 4, &n),
                     FCGIP_OK);
    assert_true(n >= 1 && n <= 4);
    for (i = 0; i < n; i++) {
      seen[atoi(body_of(responses[i]))]++;
      fcgip_response_free(responses[i]);
    }
    count += n;
  }
  assert_int_equal(count, MORE);
  for (i = 0; i < MORE; i++)
    assert_int_equal(seen[i], 1);
}

/* The order of completion is not the order of sending. */
static void reads_the_next_one(void **state)
{
  static const char *const queries[] = {"ms=900&value=0", "ms=500&value=1", "ms=50&value=2"};
  fcgip_response *response;
  int i;

  (void)state;
  for (i = 0; i < 3; i++) {
    fcgip_request *request = get("sleep.php", queries[i]);

    send_async(proxy, request);
    fcgip_request_free(request);
  }
  for (i = 2; i >= 0; i--) {
    assert_int_equal(fcgip_proxy_next_response(proxy, PATIENCE_MS, &response), 1);
    assert_int_equal(atoi(body_of(response)), i);
    fcgip_response_free(response);
  }
  assert_int_equal(fcgip_proxy_next_response(proxy, PATIENCE_MS, &response), 0);
  assert_null(response);
}

static void asks_without_waiting(void **state)
{
  fcgip_request_id ids[4], done[4];
  uint64_t start = clock_ms();
  size_t i;

  (void)state;
  send_numbers(proxy, "echo.php", ids, 4);
  while (fcgip_proxy_request_ids_having_response(proxy, NULL, 0) < 4) {
    assert_true(clock_ms() - start < PATIENCE_MS);
    pause_ms(1);
  }
  memset(done, 0, sizeof(done));
  assert_int_equal(fcgip_proxy_request_ids_having_response(proxy, done, 3), 4);
  assert_true(done[0] > 0 && done[1] > 0 && done[2] > 0 && done[3] == 0);
  for (i = 0; i < 4; i++)
    assert_int_equal(fcgip_proxy_has_response(proxy, ids[i]), 1);
  assert_int_equal(fcgip_proxy_has_response(proxy, 999), FCGIP_ENOTFOUND);
  assert_true(fcgip_proxy_has_unhandled_responses(proxy));
  assert_int_equal(fcgip_proxy_pending(proxy), 0);
}

/* Asking is enough to make a request go on. */
static void asking_drives(void **state)
{
  fcgip_request *request = get("sleep.php", "ms=100&value=x");
  fcgip_request_id id = send_async(proxy, request);
  uint64_t start = clock_ms();
  int rc;

  (void)state;
  fcgip_request_free(request);
  assert_int_equal(fcgip_proxy_has_response(proxy, id), 0);
  while ((rc = fcgip_proxy_has_response(proxy, id)) == 0) {
    assert_true(clock_ms() - start < PATIENCE_MS);
    pause_ms(5);
  }
  assert_int_equal(rc, 1);
}

static void count_call(fcgip_response *response, void *user_data)
{
  int *calls = user_data;

  *calls +=
      fcgip_response_error(response) == FCGIP_OK && strncmp(body_of(response), "x - ", 4) == 0;
}

static fcgip_request *counted(int *calls)
{
  fcgip_request *request = post("echo.php", "value=x", 7);

  assert_int_equal(fcgip_request_add_response_callback(request, count_call, calls, NULL), FCGIP_OK);
  return request;
}

static void waits_and_handles(void **state)
{
  fcgip_request_id ids[8];
  fcgip_request *request;
  int calls = 0, i;

  (void)state;
  request = counted(&calls);
  for (i = 0; i < 8; i++)
    ids[i] = send_async(proxy, request);
  fcgip_request_free(request);
  assert_int_equal(fcgip_proxy_wait_for_response(proxy, ids[0], PATIENCE_MS), FCGIP_OK);
  assert_int_equal(calls, 1);
  assert_int_equal(fcgip_proxy_wait_for_response(proxy, ids[0], 0), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_handle_response(proxy, ids[1], PATIENCE_MS), FCGIP_OK);
  assert_int_equal(calls, 2);
  assert_int_equal(fcgip_proxy_handle_responses(proxy, PATIENCE_MS, ids, 4), 2);
  assert_int_equal(calls, 4);
  i = fcgip_proxy_handle_ready_responses(proxy, PATIENCE_MS);
  assert_true(i >= 1 && i <= 4);
  assert_int_equal(calls, 4 + i);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_int_equal(calls, 8);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, -1), FCGIP_OK);
  assert_int_equal(fcgip_proxy_handle_ready_responses(proxy, -1), 0);
  assert_false(fcgip_proxy_has_unhandled_responses(proxy));
}

static void handles_in_a_loop(void **state)
{
  fcgip_request *request;
  int calls = 0, handled = 0, i;

  (void)state;
  request = counted(&calls);
  for (i = 0; i < MORE; i++)
    send_async(proxy, request);
  fcgip_request_free(request);
  while (fcgip_proxy_has_unhandled_responses(proxy)) {
    int rc = fcgip_proxy_handle_ready_responses(proxy, PATIENCE_MS);

    assert_true(rc > 0);
    handled += rc;
  }
  assert_int_equal(handled, MORE);
  assert_int_equal(calls, MORE);
}

/* Reading takes the response away from the callbacks. */
static void reading_calls_nobody(void **state)
{
  fcgip_request *request;
  fcgip_response *response;
  fcgip_request_id id;
  int calls = 0;

  (void)state;
  request = counted(&calls);
  id = send_async(proxy, request);
  assert_int_equal(fcgip_proxy_read_response(proxy, id, PATIENCE_MS, &response), FCGIP_OK);
  fcgip_response_free(response);
  fcgip_response_free(send_ok(proxy, request));
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_int_equal(calls, 0);
}

/* More than there are workers, over each kind of socket. */
static void more_than_there_are_workers(void **state)
{
  int i;

  (void)state;
  for (i = 0; i < 3; i++) {
    fcgip_proxy *one = proxy_on(FPM_BIT(three[i]));
    fcgip_request_id ids[3 * MORE];
    fcgip_response *responses[3 * MORE];
    size_t j;

    send_numbers(one, "echo.php", ids, 3 * MORE);
    assert_int_equal(fcgip_proxy_read_responses(one, PATIENCE_MS, ids, 3 * MORE, responses),
                     3 * MORE);
    for (j = 0; j < 3 * MORE; j++)
      assert_number(responses[j], j, three[i]);
    fcgip_proxy_free(one);
  }
}

static int seeded(fcgip_collection **out, const fcgip_endpoint *const *endpoints, size_t count)
{
  return fcgip_random_new_seeded(out, endpoints, count, 6);
}

/* Drawn at random, in every way there is to get the responses. */
static void at_random(void **state)
{
  fcgip_proxy *any = proxy_of(seeded, FPM_THREE, NULL);
  int counts[FPM_POOL_COUNT] = {0}, calls = 0, i;
  fcgip_request *request;
  fcgip_request_id ids[20];
  fcgip_response *responses[20];

  (void)state;
  request = counted(&calls);
  for (i = 0; i < 20; i++)
    ids[i] = send_async(any, request);
  assert_int_equal(fcgip_proxy_read_responses(any, PATIENCE_MS, ids, 20, responses), 20);
  for (i = 0; i < 20; i++) {
    int pool = pool_of(responses[i]);

    assert_true(pool >= 0);
    counts[pool]++;
    fcgip_response_free(responses[i]);
  }
  assert_true(counts[FPM_NETWORK1] > 0 && counts[FPM_NETWORK2] > 0 && counts[FPM_UNIX] > 0);
  for (i = 0; i < 20; i++)
    send_async(any, request);
  fcgip_request_free(request);
  assert_int_equal(fcgip_proxy_wait_for_responses(any, PATIENCE_MS), FCGIP_OK);
  assert_int_equal(calls, 20);
  fcgip_proxy_free(any);
}

/* A wait that runs out leaves the request alone. */
static void a_wait_can_run_out(void **state)
{
  fcgip_request *request = get("sleep.php", "ms=700&value=late");
  fcgip_request_id id = send_async(proxy, request);
  fcgip_response *response;
  uint64_t start = clock_ms();
  size_t n = 7;

  (void)state;
  fcgip_request_free(request);
  assert_int_equal(fcgip_proxy_read_response(proxy, id, 20, &response), FCGIP_EAGAIN);
  assert_null(response);
  assert_int_equal(fcgip_proxy_read_ready_responses(proxy, 20, &response, 1, &n), FCGIP_EAGAIN);
  assert_int_equal(n, 0);
  assert_int_equal(fcgip_proxy_wait_for_response(proxy, id, 20), FCGIP_EAGAIN);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, 20), FCGIP_EAGAIN);
  assert_int_equal(fcgip_proxy_handle_ready_responses(proxy, 20), 0);
  assert_int_equal(fcgip_proxy_next_response(proxy, 20, &response), 0);
  assert_true(clock_ms() - start >= 120);
  assert_int_equal(fcgip_proxy_read_response(proxy, id, PATIENCE_MS, &response), FCGIP_OK);
  assert_echo(response, "late", FPM_NETWORK1);
}

/* Responses that nobody reads hold no worker: five that are done, then five more. */
static void nobody_has_to_read(void **state)
{
  fcgip_proxy *one = proxy_on(FPM_BIT(FPM_UNIX));
  fcgip_request_id ids[2 * FPM_MAX_WORKERS];

  (void)state;
  send_numbers(one, "echo.php", ids, 2 * FPM_MAX_WORKERS);
  while (fcgip_proxy_pending(one) > 0)
    assert_int_equal(fcgip_proxy_poll(one, PATIENCE_MS), FCGIP_OK);
  fcgip_response_free(send_ok(one, get("echo.php", "value=x")));
  assert_int_equal(fcgip_proxy_request_ids_having_response(one, NULL, 0), 2 * FPM_MAX_WORKERS);
  fcgip_proxy_free(one);
}

#define WITH_PROXY(f) cmocka_unit_test_setup_teardown(f, make_proxy, free_proxy)

int main(void)
{
  const struct CMUnitTest tests[] = {
      WITH_PROXY(reads_one),
      WITH_PROXY(reads_in_the_given_order),
      WITH_PROXY(reads_those_that_are_ready),
      WITH_PROXY(reads_the_next_one),
      WITH_PROXY(asks_without_waiting),
      WITH_PROXY(asking_drives),
      WITH_PROXY(waits_and_handles),
      WITH_PROXY(handles_in_a_loop),
      WITH_PROXY(reading_calls_nobody),
      TEST(more_than_there_are_workers),
      WITH_PROXY(a_wait_can_run_out),
      TEST(nobody_has_to_read),
      TEST(at_random),
  };

  return RUN_ON_FPM(tests, start_three);
}
