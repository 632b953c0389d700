/* A kept connection takes a worker of php-fpm out of service. Where a request on a fresh connection waits for a first byte,
 * perhaps for a worker, connections that are idle are closed after 10 ms. */
#include "engine/fixture.h"

static const fcgip_endpoint_options kept = {.max_idle_connections = 4, .idle_timeout_ms = 10000};

/* Two requests at once, on the sockets 0 and 1; the first is answered after a while, and its connection is idle. */
static fcgip_request_id one_idle_one_waiting(fixture *f, uint64_t ms)
{
  fcgip_request_id first, second;

  fixture_tcp(f, &kept);
  first = send_get(f);
  second = send_get(f);
  run_until(f, ms);
  fake_net_answer(&f->net, 0, "first");
  settle(f);
  assert_succeeds(f, first, "first");
  assert_true(socket_at(f, 0)->is_open && socket_at(f, 1)->is_open);
  return second;
}

static void closes_what_is_idle(void **state)
{
  fixture *f = *state;
  fcgip_request_id second = one_idle_one_waiting(f, 50);

  run_until(f, 59);
  assert_true(socket_at(f, 0)->is_open);
  run_until(f, 60);
  assert_false(socket_at(f, 0)->is_open);
  fake_net_answer(&f->net, 1, "second");
  run(f);
  assert_succeeds(f, second, "second");
  assert_true(socket_at(f, 1)->is_open); /* nobody waits any more */
  run_until(f, 200);
  assert_true(socket_at(f, 1)->is_open);
}

/* The 10 ms begin when the request has been sent, if that is later. */
static void begins_with_the_request(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &kept);
  send_get(f);
  id = send_get(f);
  fake_net_answer(&f->net, 0, "first");
  fake_net_answer(&f->net, 1, "second");
  settle(f);
  assert_succeeds(f, id, "second");
  run_until(f, 50);
  send_get(f); /* on one of the two */
  send_get(f); /* on the other */
  send_get(f); /* fresh */
  assert_int_equal(f->net.socket_count, 3);
  fake_net_answer(&f->net, 0, "first again");
  settle(f);
  run_until(f, 59);
  assert_true(socket_at(f, 0)->is_open);
  run_until(f, 60);
  assert_false(socket_at(f, 0)->is_open);
  assert_true(socket_at(f, 1)->is_open); /* waits, too, but has had a worker before */
}

/* Who has a byte of an answer has a worker. */
static void leaves_idle_what_nobody_waits_for(void **state)
{
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_tcp(f, &kept);
  first = send_get(f);
  second = send_get(f);
  settle(f);
  fake_net_stdout(&f->net, 1, "\nbe");
  settle(f);
  fake_net_answer(&f->net, 0, "first");
  settle(f);
  run_until(f, 500);
  assert_succeeds(f, first, "first");
  assert_true(socket_at(f, 0)->is_open);
  fake_net_stdout(&f->net, 1, "gun");
  fake_net_end(&f->net, 1, 0, 0);
  run(f);
  assert_succeeds(f, second, "begun");
  assert_int_equal(f->net.open_count, 2);
}

/* A byte of STDERR counts, too. */
static void stderr_is_an_answer(void **state)
{
  fixture *f = *state;
  fcgip_request_id second = one_idle_one_waiting(f, 50);

  fake_net_record(&f->net, 1, 7, "notice", 6, 0);
  settle(f);
  run_until(f, 500);
  assert_true(socket_at(f, 0)->is_open);
  fake_net_answer(&f->net, 1, "second");
  run(f);
  assert_succeeds(f, second, "second");
}

/* A request that goes on where another one was has its worker. */
static void a_kept_connection_has_a_worker(void **state)
{
  fixture *f = *state;
  fcgip_request_id first;

  fixture_tcp(f, &kept);
  first = send_get(f);
  send_get(f);
  fake_net_answer(&f->net, 0, "first");
  fake_net_answer(&f->net, 1, "second");
  settle(f);
  assert_succeeds(f, first, "first");
  send_get(f);
  run_until(f, 500);
  assert_int_equal(f->net.socket_count, 2);
  assert_int_equal(f->net.open_count, 2);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(closes_what_is_idle),
      THREE_WAYS(begins_with_the_request),
      THREE_WAYS(leaves_idle_what_nobody_waits_for),
      THREE_WAYS(stderr_is_an_answer),
      THREE_WAYS(a_kept_connection_has_a_worker),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
