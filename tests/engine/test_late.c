/* A caller that was busy, and comes when deadlines have passed: event loops such as libuv's do their timers before their
 * descriptors. What has come meanwhile counts before the deadline does, and what is out of time is not begun. */
#include "engine/fixture.h"

/* Its timers go first. */
static int timers_after(fixture *f, uint64_t ms)
{
  fake_net_advance(&f->net, ms * MS);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 0);
  return fcgip_proxy_process_timers(f->proxy);
}

static void come_late(fixture *f, uint64_t ms)
{
  assert_int_equal(timers_after(f, ms), FCGIP_OK);
}

static void a_response(void **state)
{
  fcgip_endpoint_options options = {.first_byte_timeout_ms = 50, .read_write_timeout_ms = 80};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  id = send_get(f);
  fake_net_answer(&f->net, 0, "in time");
  come_late(f, 200);
  assert_succeeds(f, id, "in time");
}

/* What has come is a sign of life: the rest has its time from now on. */
static void a_part_of_it(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 80};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  id = send_get(f);
  fake_net_stdout(&f->net, 0, "\nnot ");
  come_late(f, 200);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  run_until(f, 250);
  fake_net_stdout(&f->net, 0, "all");
  fake_net_end(&f->net, 0, 0, 0);
  run(f);
  assert_succeeds(f, id, "not all");
}

static void nothing(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 80};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  id = send_get(f);
  come_late(f, 200);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 0);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "waiting for the response");
}

static void the_end_of_the_connection(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 80};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  id = send_get(f);
  at_ms(f, 10, FAKE_FIN, 0, 0);
  come_late(f, 200);
  assert_fails(f, id, FCGIP_EREAD, 0, "closed before any byte");
}

static void room_for_the_rest(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 80};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = 10 * MS;
  id = send_it(f, f->post);
  socket_at(f, 0)->room = 20;
  run_until(f, 20);
  at_ms(f, 30, FAKE_ROOM, 0, 100000);
  come_late(f, 200);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  run(f);
  assert_succeeds(f, id, "served");
}

static void a_connection(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  fake_net_plan(&f->net, EINPROGRESS, 40 * MS, 0);
  id = send_get(f);
  come_late(f, 200);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  run(f);
  assert_succeeds(f, id, "served");
  assert_int_equal(f->net.socket_count, 1);
}

/* Of three addresses, tried one beside the other, this one answers; -1: none. */
static void of_attempts(fixture *f, int answers)
{
  static const char *const three[] = {"10.0.0.11", "10.0.0.12", "10.0.0.13", NULL};
  fcgip_endpoint_options options = {.connect_timeout_ms = 1000};
  fcgip_request_id id;
  int i;

  f->net.resolved = three;
  fixture_add_endpoint(f, "host.test:9000", &options);
  fixture_make_proxy(f, 0);
  f->net.is_serving = 1;
  for (i = 0; i < 3; i++)
    fake_net_plan(&f->net, EINPROGRESS, i == answers ? 800 * MS : FAKE_NET_NEVER, 0);
  id = send_get(f);
  run_until(f, 600);
  assert_int_equal(f->net.socket_count, 3);
  come_late(f, 1000);
  assert_int_equal(fcgip_proxy_pending(f->proxy), answers >= 0 ? 1 : 0);
  run(f);
  if (answers >= 0) {
    assert_succeeds(f, id, "served");
    assert_true(socket_at(f, (size_t)answers)->requests == 1);
  } else {
    assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "connecting");
    assert_int_equal(f->net.open_count, 0);
  }
}

static void the_first_of_three(void **state)
{
  of_attempts(*state, 0);
}

static void the_second_of_three(void **state)
{
  of_attempts(*state, 1);
}

static void the_last_of_three(void **state)
{
  of_attempts(*state, 2);
}

static void none_of_three(void **state)
{
  of_attempts(*state, -1);
}

static void all_in_all(void **state)
{
  fcgip_endpoint_options options = {.request_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id whole, half, unsent;
  fcgip_response *response;

  fixture_tcp(f, &options);
  whole = send_get(f);
  half = send_get(f);
  fake_net_plan(&f->net, EINPROGRESS, 40 * MS, 0);
  unsent = send_get(f);
  fake_net_answer(&f->net, 0, "whole");
  fake_net_stdout(&f->net, 1, "\nhalf");
  come_late(f, 200);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 0);
  assert_succeeds(f, whole, "whole");
  response = take(f, half);
  assert_int_equal(fcgip_response_error(response), FCGIP_ETIMEDOUT);
  assert_string_equal(fcgip_response_body(response, NULL),
                      "half"); /* nothing that arrived is lost */
  fcgip_response_free(response);
  assert_fails(f, unsent, FCGIP_ETIMEDOUT, 0, "in all");
  assert_int_equal(socket_at(f, 2)->sends, 0); /* what is over is not begun */
}

/* Its descriptors go first. */
static void event_after(fixture *f, uint64_t ms, size_t socket, short revents)
{
  fake_net_advance(&f->net, ms * MS);
  assert_int_equal(fcgip_proxy_process_fd(f->proxy, socket_at(f, socket)->fd, revents), FCGIP_OK);
}

static fcgip_request_id send_for_100_ms(fixture *f)
{
  assert_int_equal(fcgip_request_set_request_timeout_ms(f->post, 100), FCGIP_OK);
  return send_it(f, f->post);
}

static void assert_never_sent(fixture *f, fcgip_request_id id, const char *text)
{
  fcgip_response *response = take(f, id);

  assert_int_equal(fcgip_response_error(response), FCGIP_ETIMEDOUT);
  assert_non_null(strstr(fcgip_response_error_text(response), text));
  assert_true(fcgip_response_is_retry_safe(response));
  fcgip_response_free(response);
}

static void it_is_not_taken_from_the_queue(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 1, .max_idle_connections = 1};
  fixture *f = *state;
  fcgip_request_id first, second, third;

  fixture_tcp(f, &options);
  first = send_get(f);
  second = send_for_100_ms(f);
  third = send_get(f);
  fake_net_answer(&f->net, 0, "first");
  event_after(f, 100, 0, POLLIN);
  assert_succeeds(f, first, "first");
  assert_never_sent(f, second, "waiting in the client's queue");
  fake_net_answer(&f->net, 0, "third");
  run(f);
  assert_succeeds(f, third, "third");
  assert_int_equal(f->net.socket_count, 1);
  assert_int_equal(socket_at(f, 0)->requests, 2);
}

static void it_is_not_sent_once_connected(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fake_net_plan(&f->net, EINPROGRESS, 10 * MS, 0);
  id = send_for_100_ms(f);
  event_after(f, 100, 0, POLLOUT);
  assert_int_equal(socket_at(f, 0)->sends, 0);
  assert_never_sent(f, id, "in all");
}

static void it_is_given_no_kept_connection(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_tcp(f, &options);
  first = send_get(f);
  fake_net_plan(&f->net, EINPROGRESS, FAKE_NET_NEVER, 0);
  second = send_for_100_ms(f);
  fake_net_answer(&f->net, 0, "first");
  event_after(f, 100, 0, POLLIN);
  assert_succeeds(f, first, "first");
  assert_never_sent(f, second, "in all");
  assert_int_equal(socket_at(f, 0)->requests, 1);
}

static void it_is_not_tried_again(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_unix(f, &options);
  f->net.plan.result = EAGAIN;
  id = send_get(f);
  fake_net_advance(&f->net, 100 * MS);
  settle(f);
  assert_int_equal(f->net.socket_count, 1);
  assert_fails(f, id, FCGIP_EBUSY, 0, NULL);
}

/* What a pass-through callback does during that look. */
typedef struct deed {
  fixture *f;
  int frees;
} deed;

static int act(fcgip_request_id id, const void *output, size_t output_len, const void *error,
               size_t error_len, void *user_data)
{
  const deed *d = user_data;

  (void)output, (void)output_len, (void)error, (void)error_len;
  if (d->frees)
    fixture_free_proxy(d->f);
  else
    assert_int_equal(fcgip_proxy_cancel(d->f->proxy, id), FCGIP_OK);
  return 0;
}

/* Two requests, which have got something by then. */
static fcgip_request_id send_two(fixture *f, deed *d)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 80};
  fcgip_request_id id;

  fixture_tcp(f, &options);
  fcgip_request_add_pass_through_callback(f->request, act, d, NULL);
  id = send_get(f);
  send_get(f);
  fake_net_stdout(&f->net, 0, "\nsome");
  fake_net_stdout(&f->net, 1, "\nsome");
  return id;
}

static void and_is_cancelled(void **state)
{
  fixture *f = *state;
  deed d = {.f = f};
  fcgip_request_id id = send_two(f, &d);

  come_late(f, 200);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 0);
  assert_fails(f, id, FCGIP_ECANCELED, 0, NULL);
}

static void and_the_proxy_is_freed(void **state)
{
  fixture *f = *state;
  deed d = {.f = f, .frees = 1};

  send_two(f, &d);
  assert_int_equal(timers_after(f, 200), FCGIP_EREENTRANT);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(a_response),
      THREE_WAYS(a_part_of_it),
      THREE_WAYS(nothing),
      THREE_WAYS(the_end_of_the_connection),
      THREE_WAYS(room_for_the_rest),
      THREE_WAYS(a_connection),
      THREE_WAYS(the_first_of_three),
      THREE_WAYS(the_second_of_three),
      THREE_WAYS(the_last_of_three),
      THREE_WAYS(none_of_three),
      THREE_WAYS(all_in_all),
      THREE_WAYS(it_is_not_taken_from_the_queue),
      THREE_WAYS(it_is_not_sent_once_connected),
      THREE_WAYS(it_is_given_no_kept_connection),
      THREE_WAYS(it_is_not_tried_again),
      THREE_WAYS(and_is_cancelled),
      THREE_WAYS(and_the_proxy_is_freed),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
