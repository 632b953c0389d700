#include "loops/cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/fpm.h"
#include "support/skip.h"

static const loop_kind *kind;
static fpm *server;

/* What the callbacks have seen; asserted when they have returned. */
struct tally {
  int answered, failed, last_error, per_pool[FPM_POOL_COUNT];
  int resend;             /* how often a callback is still to send again */
  void *free_this;        /* a driver, to be freed by the next callback */
  fcgip_request *request; /* what is sent again */
  fcgiproxy_loop *inside;
};

typedef struct fixture {
  void *loop, *driver;
  fcgip_collection *servers;
  fcgip_request *request;
  struct tally tally;
} fixture;

static uint64_t now_ms(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static void count_pool(struct tally *tally, const fcgip_response *response)
{
  const char *pool = fcgip_response_header(response, "X-Pool");
  int i;

  for (i = 0; i < FPM_POOL_COUNT && pool != NULL; i++)
    tally->per_pool[i] += strcmp(pool, fpm_pool_name((fpm_pool)i)) == 0;
}

static void on_response(fcgip_response *response, void *user_data)
{
  struct tally *tally = user_data;
  int error = fcgip_response_error(response);
  void *driver = tally->free_this;

  if (error == FCGIP_OK && fcgip_response_status(response) == 200) {
    tally->answered++;
    count_pool(tally, response);
  } else {
    tally->failed++;
    tally->last_error = error;
  }
  if (tally->resend > 0 && tally->inside->proxy != NULL &&
      fcgip_proxy_send_async_request(tally->inside->proxy, tally->request, NULL) == FCGIP_OK)
    tally->resend--;
  tally->free_this = NULL;
  if (driver != NULL)
    kind->driver_free_fn(driver);
}

static int free_while_receiving(fcgip_request_id id, const void *output, size_t output_len,
                                const void *error, size_t error_len, void *user_data)
{
  struct tally *tally = user_data;
  void *driver = tally->free_this;

  (void)id;
  (void)output;
  (void)output_len;
  (void)error;
  (void)error_len;
  tally->free_this = NULL;
  if (driver != NULL)
    kind->driver_free_fn(driver);
  return 0;
}

/* ---- what a case is made of ---- */

static void use_endpoints(fixture *f, const fcgip_endpoint_options *options, int count,
                          const char **addresses)
{
  fcgip_endpoint *endpoints[4] = {NULL};
  int i;

  for (i = 0; i < count; i++)
    assert_int_equal(fcgip_endpoint_parse(&endpoints[i], addresses[i], options), FCGIP_OK);
  assert_int_equal(
      fcgip_round_robin_new(&f->servers, (const fcgip_endpoint *const *)endpoints, (size_t)count),
      FCGIP_OK);
  for (i = 0; i < count; i++)
    fcgip_endpoint_free(endpoints[i]);
}

static void use_three_pools(fixture *f, const fcgip_endpoint_options *options)
{
  const char *addresses[] = {fpm_address(server, FPM_NETWORK1), fpm_address(server, FPM_NETWORK2),
                             fpm_address(server, FPM_UNIX)};

  use_endpoints(f, options, 3, addresses);
}

static void use_pool(fixture *f, fpm_pool pool, const fcgip_endpoint_options *options)
{
  const char *address = fpm_address(server, pool);

  use_endpoints(f, options, 1, &address);
}

static fcgiproxy_loop *open_driver(fixture *f)
{
  f->driver = kind->driver_new_fn(f->loop);
  assert_non_null(f->driver);
  return kind->inside_fn(f->driver);
}

static void open_proxy(fixture *f)
{
  fcgiproxy_loop *inside = open_driver(f);
  fcgip_proxy_options options = {
      .struct_size = sizeof(options), .watch_fn = kind->watch_fn, .watch_data = f->driver};

  assert_int_equal(fcgip_proxy_new(&inside->proxy, f->servers, &options), FCGIP_OK);
  f->tally.inside = inside;
}

static void open_cluster(fixture *f)
{
  fcgiproxy_loop *inside = open_driver(f);
  fcgip_proxy_options options = {
      .struct_size = sizeof(options), .watch_fn = kind->watch_fn, .watch_data = f->driver};

  assert_int_equal(fcgip_cluster_proxy_new(&inside->cluster, f->servers, &options), FCGIP_OK);
  f->tally.inside = inside;
}

static void make_request(fixture *f, const char *uri)
{
  char script[32] = "";

  memcpy(script, uri + 1, strcspn(uri + 1, "?"));
  assert_int_equal(fcgip_get_request_new(&f->request, fpm_script(server, script), NULL, 0),
                   FCGIP_OK);
  assert_int_equal(fcgip_request_set_request_uri(f->request, uri), FCGIP_OK);
  assert_int_equal(fcgip_request_add_response_callback(f->request, on_response, &f->tally, NULL),
                   FCGIP_OK);
  assert_int_equal(fcgip_request_add_failure_callback(f->request, on_response, &f->tally, NULL),
                   FCGIP_OK);
  f->tally.request = f->request;
}

static void send_many(fixture *f, int count)
{
  fcgiproxy_loop *inside = kind->inside_fn(f->driver);

  for (; count > 0; count--)
    assert_int_equal(inside->cluster != NULL
                         ? fcgip_cluster_proxy_send_async_request(inside->cluster, f->request)
                         : fcgip_proxy_send_async_request(inside->proxy, f->request, NULL),
                     FCGIP_OK);
  kind->update_fn(f->driver);
}

/* Turns of the loop until so many callbacks were called. Whether that takes too long is for ctest to say. */
static void run_until(fixture *f, int count)
{
  while (f->tally.answered + f->tally.failed < count)
    kind->turn_fn(f->loop, 1000);
  assert_int_equal(f->tally.answered + f->tally.failed, count);
}

static int watched_count(const fcgiproxy_loop *inside)
{
  int count = 0;
  size_t i;

  for (i = 0; i < inside->slot_count; i++)
    count += inside->slots[i] != NULL;
  return count;
}

static int setup(void **state)
{
  fixture *f = calloc(1, sizeof(*f));

  if (f == NULL || (f->loop = kind->loop_new_fn()) == NULL)
    return -1;
  *state = f;
  return 0;
}

static int teardown(void **state)
{
  fixture *f = *state;
  int rc;

  if (f->driver != NULL)
    kind->driver_free_fn(f->driver);
  fcgip_request_free(f->request);
  fcgip_collection_free(f->servers);
  rc = kind->loop_free_fn(f->loop);
  free(f);
  return rc;
}

/* ---- the cases ---- */

static void hundreds_of_requests(void **state)
{
  fixture *f = *state;

  use_three_pools(f, NULL);
  open_proxy(f);
  make_request(f, "/echo.php?value=x");
  send_many(f, 600);
  run_until(f, 600);
  assert_int_equal(f->tally.failed, 0);
  assert_int_equal(f->tally.per_pool[FPM_NETWORK1], 200);
  assert_int_equal(f->tally.per_pool[FPM_NETWORK2], 200);
  assert_int_equal(f->tally.per_pool[FPM_UNIX], 200);
  assert_int_equal(watched_count(f->tally.inside), 0);
}

static void a_cluster(void **state)
{
  fixture *f = *state;

  use_three_pools(f, NULL);
  open_cluster(f);
  make_request(f, "/echo.php?value=x");
  send_many(f, 100);
  run_until(f, 300);
  assert_int_equal(f->tally.failed, 0);
  assert_int_equal(f->tally.per_pool[FPM_NETWORK1], 100);
  assert_int_equal(f->tally.per_pool[FPM_NETWORK2], 100);
  assert_int_equal(f->tally.per_pool[FPM_UNIX], 100);
  assert_int_equal(watched_count(f->tally.inside), 0);
}

/* Timers are the adapter's: without them nothing would ever happen here. */
static void deadlines(void **state)
{
  fixture *f = *state;
  uint64_t start;

  use_three_pools(f, NULL);
  open_proxy(f);
  make_request(f, "/sleep.php?ms=3000");
  assert_int_equal(fcgip_request_set_request_timeout_ms(f->request, 150), FCGIP_OK);
  start = now_ms();
  send_many(f, 6);
  run_until(f, 6);
  assert_int_equal(f->tally.last_error, FCGIP_ETIMEDOUT);
  assert_int_equal(f->tally.failed, 6);
  assert_true(now_ms() - start >= 150);
}

/* More than the backlog holds: connecting is tried again and again, by timers. */
static void a_full_backlog(void **state)
{
  fcgip_endpoint_options options = {.struct_size = sizeof(options), .connect_timeout_ms = 25000};
  fixture *f = *state;

  use_pool(f, FPM_SMALL_UNIX, &options);
  open_proxy(f);
  make_request(f, "/echo.php?value=x");
  send_many(f, 150);
  run_until(f, 150);
  assert_int_equal(f->tally.failed, 0);
  assert_int_equal(f->tally.per_pool[FPM_SMALL_UNIX], 150);
}

/* Some fail inside of the send call, and there is no descriptor that could tell of it. */
static void servers_that_are_down(void **state)
{
  fixture *f = *state;
  const char *addresses[] = {"unix:///nowhere/fpm.sock", "tcp://127.0.0.1:1",
                             fpm_address(server, FPM_UNIX)};

  use_endpoints(f, NULL, 3, addresses);
  open_proxy(f);
  make_request(f, "/echo.php?value=x");
  send_many(f, 1);
  run_until(f, 1);
  assert_int_equal(f->tally.last_error, FCGIP_ECONNECT);
  send_many(f, 299);
  run_until(f, 300);
  assert_int_equal(f->tally.failed, 200);
  assert_int_equal(f->tally.per_pool[FPM_UNIX], 100);
}

static void callbacks_that_send(void **state)
{
  fixture *f = *state;

  use_three_pools(f, NULL);
  open_proxy(f);
  make_request(f, "/echo.php?value=x");
  f->tally.resend = 300;
  send_many(f, 10);
  run_until(f, 310);
  assert_int_equal(f->tally.failed, 0);
}

/* What a callback sends fails at once, again and again. */
static void callbacks_that_send_to_nobody(void **state)
{
  fixture *f = *state;
  const char *address = "unix:///nowhere/fpm.sock";

  use_endpoints(f, NULL, 1, &address);
  open_proxy(f);
  make_request(f, "/echo.php?value=x");
  f->tally.resend = 50;
  send_many(f, 1);
  run_until(f, 51);
  assert_int_equal(f->tally.failed, 51);
}

static void freed_by_a_callback(void **state)
{
  fixture *f = *state;
  int i;

  use_three_pools(f, NULL);
  open_proxy(f);
  make_request(f, "/sleep.php?ms=20");
  f->tally.free_this = f->driver;
  send_many(f, 200);
  run_until(f, 1);
  f->driver = NULL;
  for (i = 0; i < 5; i++)
    kind->turn_fn(f->loop, 30);
  assert_int_equal(f->tally.answered + f->tally.failed, 1);
}

static void freed_while_receiving(void **state)
{
  fixture *f = *state;
  int i;

  use_three_pools(f, NULL);
  open_proxy(f);
  make_request(f, "/echo.php?value=x");
  assert_int_equal(
      fcgip_request_add_pass_through_callback(f->request, free_while_receiving, &f->tally, NULL),
      FCGIP_OK);
  f->tally.free_this = f->driver;
  send_many(f, 100);
  while (f->tally.free_this != NULL)
    kind->turn_fn(f->loop, 1000);
  f->driver = NULL;
  for (i = 0; i < 5; i++)
    kind->turn_fn(f->loop, 30);
  assert_null(f->tally.free_this);
  assert_int_equal(f->tally.answered + f->tally.failed, 0);
}

static void freed_with_everything_in_flight(void **state)
{
  fixture *f = *state;

  use_three_pools(f, NULL);
  open_cluster(f);
  make_request(f, "/sleep.php?ms=200");
  send_many(f, 50);
  kind->turn_fn(f->loop, 10);
  kind->driver_free_fn(f->driver);
  f->driver = NULL;
  kind->turn_fn(f->loop, 10);
  assert_int_equal(f->tally.answered + f->tally.failed, 0);
}

static void cancelled_from_outside(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  use_three_pools(f, NULL);
  open_proxy(f);
  make_request(f, "/sleep.php?ms=3000");
  assert_int_equal(fcgip_proxy_send_async_request(f->tally.inside->proxy, f->request, &id),
                   FCGIP_OK);
  kind->update_fn(f->driver);
  kind->turn_fn(f->loop, 20);
  assert_int_equal(fcgip_proxy_cancel(f->tally.inside->proxy, id), FCGIP_OK);
  kind->update_fn(f->driver);
  run_until(f, 1);
  assert_int_equal(f->tally.last_error, FCGIP_ECANCELED);
}

/* Kept connections stay watched, for the server's close. */
static void kept_connections(void **state)
{
  fcgip_endpoint_options options = {
      .struct_size = sizeof(options), .max_idle_connections = 3, .idle_timeout_ms = UINT32_MAX};
  fixture *f = *state;

  use_pool(f, FPM_NETWORK1, &options);
  open_proxy(f);
  make_request(f, "/echo.php?value=x");
  send_many(f, 30);
  run_until(f, 30);
  assert_int_equal(f->tally.failed, 0);
  assert_in_range(watched_count(f->tally.inside), 1, 3);
  fpm_halt(server);
  while (watched_count(f->tally.inside) > 0)
    kind->turn_fn(f->loop, 1000);
  assert_int_equal(fpm_resume(server), 0);
  send_many(f, 30);
  run_until(f, 60);
  assert_int_equal(f->tally.failed, 0);
}

/* After their time a timer closes them. */
static void idle_connections(void **state)
{
  fcgip_endpoint_options options = {
      .struct_size = sizeof(options), .max_idle_connections = 3, .idle_timeout_ms = 200};
  fixture *f = *state;

  use_pool(f, FPM_NETWORK1, &options);
  open_proxy(f);
  make_request(f, "/echo.php?value=x");
  send_many(f, 30);
  run_until(f, 30);
  while (watched_count(f->tally.inside) > 0)
    kind->turn_fn(f->loop, 1000);
  send_many(f, 30);
  run_until(f, 60);
  assert_int_equal(f->tally.failed, 0);
}

static void two_drivers_on_one_loop(void **state)
{
  fixture *f = *state;
  void *first;

  use_three_pools(f, NULL);
  open_proxy(f);
  first = f->driver;
  make_request(f, "/echo.php?value=x");
  send_many(f, 150);
  open_cluster(f);
  send_many(f, 50);
  run_until(f, 300);
  kind->driver_free_fn(first);
  assert_int_equal(f->tally.failed, 0);
  send_many(f, 1);
  run_until(f, 303);
  assert_int_equal(f->tally.failed, 0);
}

static void a_server_that_goes_away(void **state)
{
  fixture *f = *state;

  use_three_pools(f, NULL);
  open_proxy(f);
  make_request(f, "/sleep.php?ms=30000");
  send_many(f, 60);
  kind->turn_fn(f->loop, 10);
  fpm_halt(server);
  run_until(f, 60);
  assert_true(f->tally.failed > 0);
  assert_int_equal(fpm_resume(server), 0);
  send_many(f, 3);
  run_until(f, 63);
  assert_int_equal(watched_count(f->tally.inside), 0);
}

int run_loop_cases(const loop_kind *given)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(hundreds_of_requests, setup, teardown),
      cmocka_unit_test_setup_teardown(a_cluster, setup, teardown),
      cmocka_unit_test_setup_teardown(deadlines, setup, teardown),
      cmocka_unit_test_setup_teardown(a_full_backlog, setup, teardown),
      cmocka_unit_test_setup_teardown(servers_that_are_down, setup, teardown),
      cmocka_unit_test_setup_teardown(callbacks_that_send, setup, teardown),
      cmocka_unit_test_setup_teardown(callbacks_that_send_to_nobody, setup, teardown),
      cmocka_unit_test_setup_teardown(freed_by_a_callback, setup, teardown),
      cmocka_unit_test_setup_teardown(freed_while_receiving, setup, teardown),
      cmocka_unit_test_setup_teardown(freed_with_everything_in_flight, setup, teardown),
      cmocka_unit_test_setup_teardown(cancelled_from_outside, setup, teardown),
      cmocka_unit_test_setup_teardown(kept_connections, setup, teardown),
      cmocka_unit_test_setup_teardown(idle_connections, setup, teardown),
      cmocka_unit_test_setup_teardown(two_drivers_on_one_loop, setup, teardown),
      cmocka_unit_test_setup_teardown(a_server_that_goes_away, setup, teardown),
  };
  const char *reason = fpm_skip_reason();
  int rc;

  if (reason != NULL)
    return skip_program(reason);
  kind = given;
  server = fpm_start(FPM_THREE | FPM_BIT(FPM_SMALL_UNIX));
  if (server == NULL)
    return 1;
  rc = cmocka_run_group_tests(tests, NULL, NULL);
  fpm_free(server);
  return rc;
}
