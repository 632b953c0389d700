/* Patience with a full backlog of a Unix socket: NET-05. */
#include "engine/fixture.h"

enum { TRIES = 12 };

/* Nothing is pending after EAGAIN: no socket is left, and nothing to poll for. */
static void waits_without_a_socket(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_unix(f, NULL);
  f->net.plan.result = EAGAIN;
  id = send_get(f);
  assert_int_equal(f->net.open_count, 0);
  assert_int_equal(fcgip_proxy_fds(f->proxy, NULL, 0), 0);
  assert_int_equal(fake_net_watched(&f->net, NULL, 0), 0);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 1);
  f->net.plan.result = 0;
  f->net.is_serving = 1;
  run(f);
  assert_int_equal(f->net.socket_count, 2);
  assert_succeeds(f, id, "served");
}

/* 1, 2, 4 ... 50 ms, less up to a half. */
static void doubles_up_to_50_ms(void **state)
{
  static const uint64_t most_ms[TRIES] = {1, 2, 4, 8, 16, 32, 50, 50, 50, 50, 50, 50};
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  fixture_unix(f, NULL);
  for (i = 0; i < TRIES; i++)
    fake_net_plan(&f->net, EAGAIN, 0, 0);
  f->net.is_serving = 1;
  id = send_get(f);
  run(f);
  assert_succeeds(f, id, "served");
  assert_int_equal(f->net.socket_count, TRIES + 1);
  for (i = 0; i < TRIES; i++) {
    uint64_t gap = socket_at(f, i + 1)->opened_us - socket_at(f, i)->opened_us;

    assert_true(gap >= most_ms[i] * MS / 2);
    assert_true(gap <= most_ms[i] * MS + MS); /* poll counts in whole milliseconds */
    assert_int_equal(socket_at(f, i)->sends, 0);
  }
}

/* Nobody stands before the backlog while a kept connection serves those who come later. */
static void takes_a_kept_connection(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;
  fcgip_request_id first, second, third;

  fixture_unix(f, &options);
  first = send_get(f);
  f->net.plan.result = EAGAIN;
  second = send_it(f, f->post);
  third = send_get(f);
  fake_net_answer(&f->net, 0, "first");
  settle(f);
  assert_int_equal(socket_at(f, 0)->requests, 2);
  fake_net_answer(&f->net, 0, "second");
  settle(f);
  fake_net_answer(&f->net, 0, "third");
  run(f);
  assert_int_equal(elapsed_ms(f), 0);
  assert_succeeds(f, first, "first");
  assert_succeeds(f, second, "second");
  assert_succeeds(f, third, "third");
}

/* Many that were refused at once do not come back at once. */
static void jitters(void **state)
{
  fixture *f = *state;
  uint64_t first_us = 0, last_us = 0;
  size_t i, distinct = 0;
  enum { MANY = 100 };

  fixture_unix(f, NULL);
  /* All of them have come to 32 ms when this is over. */
  f->net.plan.result = EAGAIN;
  for (i = 0; i < MANY; i++)
    send_get(f);
  run_until(f, 33);
  f->net.plan.result = 0;
  f->net.is_serving = 1;
  run(f);
  for (i = 0; i < f->net.socket_count; i++) {
    const fake_socket *socket = socket_at(f, i);

    if (socket->requests == 0)
      continue;
    distinct += last_us != socket->opened_us;
    first_us = first_us == 0 ? socket->opened_us : first_us;
    last_us = socket->opened_us;
  }
  /* Sixteen may stand before the backlog; by chance some of them come at the same time. */
  assert_true(distinct >= 5);
  assert_true(last_us - first_us >= 5 * MS);
}

/* Busy is told from down. */
static void is_busy_at_the_connect_timeout(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = 300};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_unix(f, &options);
  f->net.plan.result = EAGAIN;
  id = send_get(f);
  run(f);
  assert_int_equal(elapsed_ms(f), 300);
  assert_true(assert_fails(f, id, FCGIP_EBUSY, 0, "unix:///fake/socket"));
  assert_true(f->net.socket_count > 6 && f->net.socket_count < 30);
}

static void is_down_after_all(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_unix(f, NULL);
  fake_net_plan(&f->net, EAGAIN, 0, 0);
  fake_net_plan(&f->net, EAGAIN, 0, 0);
  f->net.plan.result = ECONNREFUSED;
  id = send_get(f);
  run(f);
  assert_int_equal(f->net.socket_count, 3);
  assert_true(assert_fails(f, id, FCGIP_ECONNECT, ECONNREFUSED, NULL));
}

/* The total deadline goes on meanwhile. */
static void is_late_in_all(void **state)
{
  fcgip_endpoint_options options = {.request_timeout_ms = 40};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_unix(f, &options);
  f->net.plan.result = EAGAIN;
  id = send_get(f);
  run(f);
  assert_int_equal(elapsed_ms(f), 40);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "request_timeout_ms");
}

static void is_cancelled(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_unix(f, NULL);
  f->net.plan.result = EAGAIN;
  id = send_get(f);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, id), FCGIP_OK);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), -1);
  assert_true(assert_fails(f, id, FCGIP_ECANCELED, 0, NULL));
  assert_int_equal(f->net.socket_count, 1);
}

/* The connections that wait count: others stay in the queue, and are served in order. */
static void keeps_its_place(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 1};
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_unix(f, &options);
  fake_net_plan(&f->net, EAGAIN, 0, 0);
  fake_net_plan(&f->net, EAGAIN, 0, 0);
  first = send_get(f);
  second = send_get(f);
  run_until(f, 4);
  assert_int_equal(f->net.socket_count, 3);
  assert_int_equal(f->net.open_count, 1);
  fake_net_answer(&f->net, 2, "first");
  settle(f);
  fake_net_answer(&f->net, 3, "second");
  run(f);
  assert_succeeds(f, first, "first");
  assert_succeeds(f, second, "second");
}

/* Those that wait because the backlog was full go on as soon as it is not, whether or not anything was answered. */
static void others_go_on_when_there_is_room(void **state)
{
  fixture *f = *state;
  fcgip_request_id ids[8];
  size_t i;

  fixture_unix(f, NULL);
  fake_net_plan(&f->net, EAGAIN, 0, 0);
  for (i = 0; i < 8; i++)
    ids[i] = send_get(f);
  run_until(f, 20);
  assert_int_equal(f->net.open_count, 8);
  for (i = 0; i < 8; i++)
    fake_net_answer(&f->net, f->net.socket_count - 8 + i, "x");
  run(f);
  for (i = 0; i < 8; i++)
    assert_succeeds(f, ids[i], "x");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(waits_without_a_socket),
      THREE_WAYS(doubles_up_to_50_ms),
      THREE_WAYS(takes_a_kept_connection),
      THREE_WAYS(jitters),
      THREE_WAYS(is_busy_at_the_connect_timeout),
      THREE_WAYS(is_down_after_all),
      THREE_WAYS(is_late_in_all),
      THREE_WAYS(is_cancelled),
      THREE_WAYS(keeps_its_place),
      THREE_WAYS(others_go_on_when_there_is_room),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
