/* Deadlines on real sockets: that each ends what it should, and nothing before its time. How late they may be is not
 * tested here: this machine may be busy. tests/engine has them to the millisecond. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "integration/fixture.h"

/* A listener whose backlog is full: nobody accepts. */
typedef struct full {
  int listener, fillers[64];
  size_t count;
  char address[192], path[160];
} full;

static void fill(full *f, int family)
{
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  struct sockaddr_in in = {.sin_family = AF_INET};
  struct sockaddr *address = family == AF_UNIX ? (struct sockaddr *)&un : (struct sockaddr *)&in;
  socklen_t len = family == AF_UNIX ? sizeof(un) : sizeof(in);

  memset(f, 0, sizeof(*f));
  snprintf(f->path, sizeof(f->path), "%s/full.sock", fpm_folder(server));
  snprintf(un.sun_path, sizeof(un.sun_path), "%.100s", f->path);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  f->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(f->listener >= 0);
  assert_int_equal(bind(f->listener, address, len), 0);
  assert_int_equal(listen(f->listener, 0), 0);
  assert_int_equal(getsockname(f->listener, address, &len), 0);
  if (family == AF_UNIX)
    snprintf(f->address, sizeof(f->address), "unix://%s", f->path);
  else
    snprintf(f->address, sizeof(f->address), "tcp://127.0.0.1:%u", (unsigned)ntohs(in.sin_port));
  while (f->count < 8) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    f->fillers[f->count++] = fd;
    if (connect(fd, address, len) != 0 && errno == EAGAIN)
      break;
  }
  pause_ms(20);
}

static void empty(full *f)
{
  while (f->count > 0)
    close(f->fillers[--f->count]);
  close(f->listener);
  unlink(f->path);
}

static fcgip_proxy *proxy_at(const char *address, const fcgip_endpoint_options *options)
{
  fcgip_endpoint *endpoint = endpoint_at(address, options);
  const fcgip_endpoint *only = endpoint;
  fcgip_collection *collection;
  fcgip_proxy *proxy;

  assert_int_equal(fcgip_round_robin_new(&collection, &only, 1), FCGIP_OK);
  assert_int_equal(fcgip_proxy_new(&proxy, collection, NULL), FCGIP_OK);
  fcgip_collection_free(collection);
  fcgip_endpoint_free(endpoint);
  return proxy;
}

/* Sends and frees; the time it took is at least `ms`. */
static fcgip_response *send_late(fcgip_proxy *proxy, fcgip_request *request, int error, double ms)
{
  fcgip_response *response;

  assert_int_equal(fcgip_proxy_send_request(proxy, request, &response), error);
  assert_true(fcgip_response_duration(response) * 1000 >= ms);
  fcgip_request_free(request);
  return response;
}

/* NET-06 */
static void connecting_over_tcp(void **state)
{
  static const fcgip_endpoint_options options = {.connect_timeout_ms = 300};
  fcgip_response *response;
  fcgip_proxy *proxy;
  full f;

  (void)state;
  fill(&f, AF_INET);
  proxy = proxy_at(f.address, &options);
  response = send_late(proxy, get("echo.php", ""), FCGIP_ETIMEDOUT, 300);
  assert_contains(fcgip_response_error_text(response), "connect_timeout_ms");
  assert_true(fcgip_response_is_retry_safe(response));
  fcgip_response_free(response);
  fcgip_proxy_free(proxy);
  empty(&f);
}

/* NET-05 */
static void a_full_unix_backlog(void **state)
{
  static const fcgip_endpoint_options options = {.connect_timeout_ms = 300};
  fcgip_response *response;
  fcgip_proxy *proxy;
  full f;

  (void)state;
  fill(&f, AF_UNIX);
  proxy = proxy_at(f.address, &options);
  response = send_late(proxy, get("echo.php", ""), FCGIP_EBUSY, 300);
  assert_true(fcgip_response_is_retry_safe(response));
  fcgip_response_free(response);
  fcgip_proxy_free(proxy);
  empty(&f);
}

static void a_script_that_is_silent(void **state)
{
  static const fcgip_endpoint_options options = {.read_write_timeout_ms = 150};
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_NETWORK1), &options);
  fcgip_request *request = get("sleep.php", "ms=400&value=patience");
  fcgip_response *response;

  (void)state;
  response = send_late(proxy, get("sleep.php", "ms=2000"), FCGIP_ETIMEDOUT, 150);
  assert_contains(fcgip_response_error_text(response), "read_write_timeout_ms");
  assert_int_equal(open_fds(), fds_before);
  fcgip_response_free(response);
  /* The request has the last word. */
  assert_int_equal(fcgip_request_set_read_write_timeout_ms(request, PATIENCE_MS), FCGIP_OK);
  assert_echo(send_ok(proxy, request), "patience", FPM_NETWORK1);
  fcgip_proxy_free(proxy);
}

static void the_first_byte(void **state)
{
  static const fcgip_endpoint_options options = {.first_byte_timeout_ms = 200,
                                                 .read_write_timeout_ms = PATIENCE_MS};
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_UNIX), &options);
  fcgip_response *response = send_late(proxy, get("sleep.php", "ms=2000"), FCGIP_ETIMEDOUT, 200);

  (void)state;
  assert_contains(fcgip_response_error_text(response), "first_byte_timeout_ms");
  fcgip_response_free(response);
  fcgip_proxy_free(proxy);
}

/* FLO-04: never silent for long, and yet too slow in all. */
static void slow_output_is_not_silence(void **state)
{
  static const fcgip_endpoint_options options = {.read_write_timeout_ms = 2000};
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_NETWORK2), &options);
  fcgip_request *request = get("progress.php", "pieces=100&ms=50");
  fcgip_response *response;

  (void)state;
  response = send_ok(proxy, get("progress.php", "pieces=30&ms=100"));
  assert_true(fcgip_response_duration(response) >= 2.5);
  fcgip_response_free(response);
  assert_int_equal(fcgip_request_set_request_timeout_ms(request, 700), FCGIP_OK);
  response = send_late(proxy, request, FCGIP_ETIMEDOUT, 700);
  assert_contains(fcgip_response_error_text(response), "request_timeout_ms");
  assert_true(fcgip_response_is_partial(response));
  assert_contains(body_of(response), "piece 1 of 100\n");
  fcgip_response_free(response);
  fcgip_proxy_free(proxy);
}

/* The queue counts: FPM-24. */
static void waiting_in_the_queue(void **state)
{
  static const fcgip_endpoint_options options = {.max_connections = 1, .request_timeout_ms = 400};
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_NETWORK1), &options);
  fcgip_request *request = get("sleep.php", "ms=1500");
  fcgip_request_id ids[3];
  fcgip_response *responses[3];
  int i;

  (void)state;
  for (i = 0; i < 3; i++)
    ids[i] = send_async(proxy, request);
  fcgip_request_free(request);
  assert_int_equal(fcgip_proxy_read_responses(proxy, PATIENCE_MS, ids, 3, responses), 3);
  for (i = 0; i < 3; i++) {
    assert_int_equal(fcgip_response_error(responses[i]), FCGIP_ETIMEDOUT);
    assert_true(fcgip_response_duration(responses[i]) >= 0.4);
    fcgip_response_free(responses[i]);
  }
  fcgip_proxy_free(proxy);
}

/* A worker that is stopped answers nobody; the others do: FPM-30. */
static void a_worker_that_is_stopped(void **state)
{
  static const fcgip_endpoint_options options = {.read_write_timeout_ms = 400};
  fcgip_proxy *proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_UNIX), &options);
  fcgip_request *request = get("progress.php", "pieces=100&ms=20");
  pid_t pids[FPM_MAX_WORKERS];
  fcgip_request_id id;
  fcgip_response *response;
  size_t i, count = fpm_workers(server, FPM_UNIX, pids, FPM_MAX_WORKERS);

  (void)state;
  id = send_async(proxy, request);
  fcgip_request_free(request);
  for (i = 0; i < 5; i++)
    fcgip_proxy_poll(proxy, PATIENCE_MS);
  for (i = 0; i < count; i++)
    kill(pids[i], SIGSTOP);
  assert_int_equal(fcgip_proxy_read_response(proxy, id, PATIENCE_MS, &response), FCGIP_ETIMEDOUT);
  assert_true(fcgip_response_is_partial(response));
  fcgip_response_free(response);
  for (i = 0; i < count; i++)
    kill(pids[i], SIGCONT);
  assert_echo(send_ok(proxy, get("echo.php", "value=on")), "on", FPM_UNIX);
  fcgip_proxy_free(proxy);
}

/* Some are late, the others are not disturbed. */
static void of_some_among_many(void **state)
{
  fcgip_proxy *proxy = proxy_on(FPM_THREE);
  fcgip_request_id ids[12];
  fcgip_response *responses[12];
  size_t i;

  (void)state;
  for (i = 0; i < 12; i++) {
    fcgip_request *request =
        i % 4 == 3 ? get("sleep.php", "ms=2000") : get("sleep.php", "ms=300&value=fine");

    if (i % 4 == 3)
      fcgip_request_set_request_timeout_ms(request, 100);
    ids[i] = send_async(proxy, request);
    fcgip_request_free(request);
  }
  assert_int_equal(fcgip_proxy_read_responses(proxy, PATIENCE_MS, ids, 12, responses), 12);
  for (i = 0; i < 12; i++) {
    assert_int_equal(fcgip_response_error(responses[i]), i % 4 == 3 ? FCGIP_ETIMEDOUT : FCGIP_OK);
    fcgip_response_free(responses[i]);
  }
  fcgip_proxy_free(proxy);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(connecting_over_tcp),        TEST(a_full_unix_backlog),
      TEST(a_script_that_is_silent),    TEST(the_first_byte),
      TEST(slow_output_is_not_silence), TEST(waiting_in_the_queue),
      TEST(a_worker_that_is_stopped),   TEST(of_some_among_many),
  };

  return RUN_ON_FPM(tests, start_three);
}
