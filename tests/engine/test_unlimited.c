/* Options that say "no limit", limits that are just reached, and waits for what nobody will bring. */
#include <fcntl.h>
#include <unistd.h>

#include "engine/fixture.h"

static void any_number_may_be_idle(void **state)
{
  const fcgip_endpoint_options options = {.max_idle_connections = NONE, .idle_timeout_ms = NONE};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  f->net.serve_us = MS;
  for (i = 0; i < 50; i++)
    send_get(f);
  run(f);
  assert_int_equal(f->net.open_count, 50);
  /* And for as long as they like: no timer is left. */
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), -1);
  fake_net_advance(&f->net, UINT64_C(1000000) * 1000 * MS);
  assert_int_equal(fcgip_proxy_process_timers(f->proxy), FCGIP_OK);
  assert_int_equal(f->net.open_count, 50);
}

static void any_number_may_wait(void **state)
{
  const fcgip_endpoint_options options = {.max_connections = 1, .max_queued = NONE};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, &options);
  for (i = 0; i < 20000; i++)
    send_get(f);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 20000);
  assert_int_equal(f->net.socket_count, 1);
}

static void no_more_than_may_wait(void **state)
{
  const fcgip_endpoint_options options = {.max_connections = 2, .max_queued = 3};
  fixture *f = *state;
  fcgip_request_id id = 17;
  size_t i;

  fixture_tcp(f, &options);
  for (i = 0; i < 5; i++)
    send_get(f);
  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->request, &id), FCGIP_EQUEUEFULL);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 5);
  fake_net_answer(&f->net, 0, "room");
  settle(f);
  send_get(f);
  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->request, &id), FCGIP_EQUEUEFULL);
}

/* Who leaves the queue leaves room: cancelled, or late. */
static void leaves_the_queue(void **state)
{
  const fcgip_endpoint_options options = {.max_connections = 1, .max_queued = 1};
  fixture *f = *state;
  fcgip_request_id id, other = 0;
  int i;

  fixture_tcp(f, &options);
  send_get(f);
  for (i = 0; i < 3; i++) {
    id = send_get(f);
    assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->request, &other),
                     FCGIP_EQUEUEFULL);
    assert_int_equal(fcgip_proxy_cancel(f->proxy, id), FCGIP_OK);
    assert_fails(f, id, FCGIP_ECANCELED, 0, NULL);
  }
  assert_int_equal(fcgip_request_set_request_timeout_ms(f->post, 20), FCGIP_OK);
  for (i = 1; i <= 3; i++) {
    id = send_it(f, f->post);
    run_until(f, (uint64_t)i * 20);
    assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "queue");
  }
}

/* Who is put back into the queue, as its kept connection was dead, leaves it again. */
static void moves_through_the_queue(void **state)
{
  const fcgip_endpoint_options options = {
      .max_connections = 1, .max_queued = 1, .max_idle_connections = 1, .idle_timeout_ms = 1000};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  send_get(f);
  fake_net_answer(&f->net, 0, "first");
  settle(f);
  id = send_get(f);
  at_ms(f, 0, FAKE_FIN, 0, 0);
  settle(f);
  assert_int_equal(f->net.socket_count, 2);
  fake_net_answer(&f->net, 1, "second");
  settle(f);
  assert_succeeds(f, id, "second");
  send_get(f);
  send_get(f);
  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->request, &id), FCGIP_EQUEUEFULL);
}

static const fcgip_endpoint_options patient = {.connect_timeout_ms = NONE,
                                               .read_write_timeout_ms = NONE,
                                               .first_byte_timeout_ms = NONE,
                                               .request_timeout_ms = NONE};

/* Only the caller could let it go on: a wait without end would be one. */
static void waits_for_a_paused_one(void **state)
{
  fixture *f = *state;
  fcgip_response *response = NULL;
  fcgip_request_id id;

  fixture_tcp(f, &patient);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_pause(f->proxy, id), FCGIP_OK);
  assert_int_equal(fcgip_proxy_wait_for_response(f->proxy, id, -1), FCGIP_EAGAIN);
  assert_int_equal(fcgip_proxy_wait_for_responses(f->proxy, -1), FCGIP_EAGAIN);
  assert_int_equal(fcgip_proxy_poll(f->proxy, -1), FCGIP_EAGAIN);
  assert_int_equal(fcgip_proxy_read_response(f->proxy, id, -1, &response), FCGIP_EAGAIN);
  assert_null(response);
}

/* Pauses its own request when the first bytes come. */
static int pause_it(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                    size_t error_len, void *data)
{
  (void)output;
  (void)output_len;
  (void)error;
  (void)error_len;
  return fcgip_proxy_pause(((fixture *)data)->proxy, id) == FCGIP_OK ? 0 : 1;
}

/* The call that blocks ends a request that only its caller could let go on. */
static void paused_in_a_call_that_blocks(void **state)
{
  fixture *f = *state;
  fcgip_response *response = NULL;

  fixture_tcp(f, &patient);
  assert_int_equal(fcgip_request_add_pass_through_callback(f->request, pause_it, f, NULL),
                   FCGIP_OK);
  fake_net_data_at(&f->net, f->net.now_us + 5 * MS, 0, "\x01\x06\x00\x01\x00\x05\x00\x00\nsome",
                   13);
  assert_int_equal(fcgip_proxy_send_request(f->proxy, f->request, &response), FCGIP_ECANCELED);
  assert_non_null(response);
  assert_true(fcgip_response_is_partial(response));
  assert_int_equal(f->net.open_count, 0);
  fcgip_response_free(response);
}

/* The descriptor cannot be read from, as is found out when it is sent. */
static void content_that_cannot_be_read(void **state)
{
  char path[] = "/tmp/fcgip-XXXXXX";
  fixture *f = *state;
  fcgip_request_id id;
  int fd = mkstemp(path), other;

  assert_true(fd >= 0 && write(fd, "content", 7) == 7);
  other = open(path, O_WRONLY | O_CLOEXEC);
  assert_true(other >= 0);
  fixture_tcp(f, NULL);
  assert_int_equal(fcgip_request_set_content_fd(f->post, other, 0, UINT64_MAX), FCGIP_OK);
  id = send_it(f, f->post);
  run(f);
  assert_fails(f, id, FCGIP_EFILE, 0, NULL);
  close(other);
  close(fd);
  unlink(path);
}

static uint64_t end_of_time(void *data)
{
  (void)data;
  return UINT64_MAX;
}

static void a_clock_at_its_end(void **state)
{
  const fcgip_proxy_options options = {.struct_size = sizeof(options), .now_ms_fn = end_of_time};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fcgip_proxy_free(f->proxy);
  assert_int_equal(fcgip__proxy_new(&f->proxy, f->collection, &options, &f->net.sys), FCGIP_OK);
  id = send_get(f);
  fake_net_answer(&f->net, 0, "still there");
  assert_int_equal(fcgip_proxy_poll(f->proxy, 0), FCGIP_OK);
  assert_succeeds(f, id, "still there");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(any_number_may_be_idle),    ONE_WAY(any_number_may_wait),
      ONE_WAY(no_more_than_may_wait),        THREE_WAYS(leaves_the_queue),
      THREE_WAYS(moves_through_the_queue),   ONE_WAY(waits_for_a_paused_one),
      ONE_WAY(paused_in_a_call_that_blocks), ONE_WAY(content_that_cannot_be_read),
      ONE_WAY(a_clock_at_its_end),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
