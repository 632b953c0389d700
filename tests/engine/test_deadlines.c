/* Deadlines, to the millisecond in virtual time: each phase, of the endpoint and of the request. */
#include "engine/fixture.h"

enum { A_DAY_MS = 86400000 };

static void connecting(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = 200, .read_write_timeout_ms = 50};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = FAKE_NET_NEVER;
  id = send_get(f);
  run_until(f, 199);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  run(f);
  assert_int_equal(elapsed_ms(f), 200);
  assert_false(socket_at(f, 0)->is_open);
  assert_true(assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "connect_timeout_ms"));
}

static void connecting_just_in_time(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = 200};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  fake_net_plan(&f->net, EINPROGRESS, 200 * MS, 0); /* at the deadline: the event wins */
  id = send_get(f);
  run(f);
  assert_succeeds(f, id, "served");
  assert_int_equal(elapsed_ms(f), 200);
}

static void sending(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = 10 * MS;
  id = send_it(f, f->post);
  socket_at(f, 0)->room = 20;
  at_ms(f, 90, FAKE_ROOM, 0, 20); /* a byte either way begins it anew */
  at_ms(f, 190, FAKE_ROOM, 0, 20);
  run(f);
  assert_int_equal(elapsed_ms(f), 290);
  assert_int_equal(socket_at(f, 0)->sent_len, 60);
  assert_false(assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "read_write_timeout_ms, sending"));
}

static void waiting_for_the_response(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  id = send_get(f);
  run_until(f, 60);
  fake_net_stdout(&f->net, 0, "A: b\n\n");
  run_until(f, 160); /* exactly at the deadline */
  fake_net_stdout(&f->net, 0, "part");
  run(f);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "waiting for the response");
  assert_int_equal(elapsed_ms(f), 160);
}

/* FLO-08: data that is there at exactly the deadline wins. */
static void data_at_the_deadline_wins(void **state)
{
  static const uint8_t record[] = {1, 7, 0, 1, 0, 1, 0, 0, 'x'};
  fcgip_endpoint_options options = {.read_write_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  fixture_tcp(f, &options);
  id = send_get(f);
  for (i = 1; i <= 5; i++)
    fake_net_data_at(&f->net, f->start_us + i * 100 * MS, 0, record, sizeof(record));
  run_until(f, 599);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  run(f);
  assert_int_equal(elapsed_ms(f), 600);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, NULL);
}

/* FLO-05: only content counts as progress, not padding, empty records, or records of no request. */
static void idle_chatter_is_no_progress(void **state)
{
  static const uint8_t chatter[][8] = {{1, 7, 0, 1, 0, 0, 0, 0},  /* empty STDERR */
                                       {1, 11, 0, 0, 0, 0, 0, 0}, /* management */
                                       {1, 6, 0, 1, 0, 0, 0, 0}}; /* empty STDOUT */
  fcgip_endpoint_options options = {.read_write_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  fixture_tcp(f, &options);
  id = send_get(f);
  for (i = 1; i < 12; i++)
    fake_net_data_at(&f->net, f->start_us + i * 10 * MS, 0, chatter[i % 3], 8);
  run(f);
  assert_int_equal(elapsed_ms(f), 100);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, NULL);
}

static void the_first_byte(void **state)
{
  fcgip_endpoint_options options = {.first_byte_timeout_ms = 80, .read_write_timeout_ms = 300};
  fixture *f = *state;
  fcgip_request_id late, slow;

  fixture_tcp(f, &options);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = 100 * MS; /* it counts from the last byte sent */
  late = send_get(f);
  slow = send_get(f);
  run_until(f, 179);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 2);
  fake_net_stdout(&f->net, 1, "\n\n"); /* from now on it is the other timeout that counts */
  settle(f);
  run_until(f, 180);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_fails(f, late, FCGIP_ETIMEDOUT, 0, "first_byte_timeout_ms");
  run(f);
  assert_int_equal(elapsed_ms(f), 479);
  assert_fails(f, slow, FCGIP_ETIMEDOUT, 0, "read_write_timeout_ms");
}

/* FLO-04: a server that drips is never silent, and ends at the total. */
static void in_all(void **state)
{
  static const uint8_t drop[] = {1, 6, 0, 1, 0, 1, 0, 0, 'x'};
  fcgip_endpoint_options options = {.read_write_timeout_ms = 50, .request_timeout_ms = 500};
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  fixture_tcp(f, &options);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = 20 * MS;
  id = send_get(f);
  for (i = 3; i < 60; i++)
    fake_net_data_at(&f->net, f->start_us + i * 10 * MS, 0, drop, sizeof(drop));
  run(f);
  assert_int_equal(elapsed_ms(f), 500);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "request_timeout_ms, in all");
}

static void queued(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 1, .request_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id first, second, third;

  fixture_tcp(f, &options);
  first = send_get(f);
  run_until(f, 30);
  second = send_get(f);
  third = send_get(f);
  fcgip_proxy_cancel(f->proxy, first);
  settle(f); /* the second has the connection now, and no more time for it */
  run(f);
  assert_int_equal(elapsed_ms(f), 130);
  assert_int_equal(f->net.socket_count, 2);
  assert_fails(f, first, FCGIP_ECANCELED, 0, NULL);
  assert_fails(f, second, FCGIP_ETIMEDOUT, 0, "in all");
  assert_true(assert_fails(f, third, FCGIP_ETIMEDOUT, 0, "queue"));
}

/* The time in the queue is no time of connecting or reading. */
static void phases_begin_behind_the_queue(void **state)
{
  fcgip_endpoint_options options = {
      .max_connections = 1, .connect_timeout_ms = 50, .read_write_timeout_ms = 60};
  fixture *f = *state;
  fcgip_request_id first, second, third;

  fixture_tcp(f, &options);
  first = send_get(f);
  second = send_get(f);
  third = send_get(f);
  run_until(f, 60);
  assert_fails(f, first, FCGIP_ETIMEDOUT, 0, "waiting for the response");
  fake_net_plan(&f->net, EINPROGRESS, FAKE_NET_NEVER, 0);
  run_until(f, 120);
  assert_fails(f, second, FCGIP_ETIMEDOUT, 0, "waiting for the response");
  run(f);
  assert_int_equal(elapsed_ms(f), 170);
  assert_fails(f, third, FCGIP_ETIMEDOUT, 0, "connecting");
}

/* How many milliseconds a request lives. */
static uint64_t lives(fixture *f)
{
  uint64_t start = elapsed_ms(f);
  fcgip_request_id id = send_get(f);

  run(f);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, NULL);
  return elapsed_ms(f) - start;
}

static void of_the_request_itself(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = 1000,
                                    .read_write_timeout_ms = 1000,
                                    .first_byte_timeout_ms = 1000,
                                    .request_timeout_ms = 1000};
  fixture *f = *state;

  fixture_tcp(f, &options);
  assert_int_equal(fcgip_request_set_connect_timeout_ms(f->request, 10), FCGIP_OK);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = FAKE_NET_NEVER;
  assert_int_equal(lives(f), 10);
  f->net.plan.result = 0;
  assert_int_equal(fcgip_request_set_read_write_timeout_ms(f->request, 30), FCGIP_OK);
  assert_int_equal(lives(f), 30);
  assert_int_equal(fcgip_request_set_first_byte_timeout_ms(f->request, 20), FCGIP_OK);
  assert_int_equal(lives(f), 20);
  assert_int_equal(fcgip_request_set_request_timeout_ms(f->request, 5), FCGIP_OK);
  assert_int_equal(lives(f), 5);
}

static void none_at_all(void **state)
{
  fixture *f = *state;
  fcgip_timeouts none = {sizeof(none), NONE, NONE, NONE, NONE, 0};
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  assert_int_equal(fcgip_request_set_timeouts(f->request, &none), FCGIP_OK);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = A_DAY_MS * MS;
  id = send_get(f);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), -1);
  turn(f, A_DAY_MS / 2);
  turn(f, A_DAY_MS / 2);
  turn(f, A_DAY_MS);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), -1);
  fake_net_answer(&f->net, 0, "patience");
  run(f);
  assert_succeeds(f, id, "patience");
}

static void the_longest(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fcgip_request_set_request_timeout_ms(f->request, UINT32_MAX - 1);
  fcgip_request_set_read_write_timeout_ms(f->request, UINT32_MAX - 1);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), INT32_MAX);
  run(f);
  assert_true(elapsed_ms(f) == UINT32_MAX - 1);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, NULL);
}

/* FLO-12: the process was stopped for a while. */
static void a_clock_that_jumps(void **state)
{
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_tcp(f, NULL);
  first = send_get(f);
  fake_net_advance(&f->net, 60000 * MS);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 0);
  second = send_get(f);
  settle(f);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_fails(f, first, FCGIP_ETIMEDOUT, 0, NULL);
  run(f);
  assert_int_equal(elapsed_ms(f), 65000);
  assert_fails(f, second, FCGIP_ETIMEDOUT, 0, NULL);
}

/* A wait that runs out is not a request that failed. */
static void waits_have_their_own(void **state)
{
  fixture *f = *state;
  fcgip_response *response = (fcgip_response *)(uintptr_t)1;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_read_response(f->proxy, id, 70, &response), FCGIP_EAGAIN);
  assert_null(response);
  assert_int_equal(elapsed_ms(f), 70);
  assert_int_equal(fcgip_proxy_wait_for_response(f->proxy, id, 30), FCGIP_EAGAIN);
  assert_int_equal(elapsed_ms(f), 100);
  assert_int_equal(fcgip_proxy_wait_for_responses(f->proxy, 11), FCGIP_EAGAIN);
  assert_int_equal(fcgip_proxy_handle_ready_responses(f->proxy, 9), 0);
  assert_int_equal(fcgip_proxy_next_response(f->proxy, 10, &response), 0);
  assert_int_equal(elapsed_ms(f), 130);
  assert_int_equal(fcgip_proxy_poll(f->proxy, 20), FCGIP_EAGAIN);
  assert_int_equal(elapsed_ms(f), 150);
  assert_int_equal(fcgip_proxy_read_response(f->proxy, id, 0, &response), FCGIP_EAGAIN);
  assert_int_equal(elapsed_ms(f), 150);
  assert_int_equal(fcgip_proxy_read_response(f->proxy, id, -1, &response), FCGIP_ETIMEDOUT);
  assert_int_equal(elapsed_ms(f), 5000);
  assert_true(fcgip_response_duration(response) > 4.999 &&
              fcgip_response_duration(response) < 5.001);
  fcgip_response_free(response);
}

/* FLO-06: a wait of INT_MAX does not overflow anything. */
static void the_longest_wait(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;
  fcgip_response *response;

  fixture_tcp(f, NULL);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_read_response(f->proxy, id, INT32_MAX, &response), FCGIP_ETIMEDOUT);
  assert_int_equal(elapsed_ms(f), 5000);
  fcgip_response_free(response);
}

/* A wait over several requests is one wait. */
static void waits_for_many_together(void **state)
{
  fixture *f = *state;
  fcgip_request_id ids[3];
  fcgip_response *responses[3];
  size_t i;

  fixture_tcp(f, NULL);
  for (i = 0; i < 3; i++)
    ids[i] = send_get(f);
  assert_int_equal(fcgip_proxy_read_responses(f->proxy, 100, ids, 3, responses), 0);
  assert_int_equal(elapsed_ms(f), 100);
  assert_int_equal(fcgip_proxy_handle_responses(f->proxy, 100, ids, 3), 0);
  assert_int_equal(elapsed_ms(f), 200);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 3);
  assert_int_equal(fcgip_proxy_handle_responses(f->proxy, -1, ids, 3), 3);
  assert_int_equal(elapsed_ms(f), 5000);
}

static uint64_t slow_clock(void *data)
{
  return *(uint64_t *)data;
}

/* The caller's clock instead of ours. */
static void of_a_clock_of_the_callers(void **state)
{
  fixture *f = *state;
  uint64_t now_ms = 77;
  fcgip_proxy_options options = {.struct_size = sizeof(options),
                                 .now_ms_fn = slow_clock,
                                 .now_ms_data = &now_ms,
                                 .allocator = &f->memory.hook};
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fixture_free_proxy(f);
  assert_int_equal(fcgip__proxy_new(&f->proxy, f->collection, &options, &f->net.sys), FCGIP_OK);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 5000);
  now_ms = 5076;
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 1);
  fcgip_proxy_process_timers(f->proxy);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  now_ms = 5077;
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 0);
  fcgip_proxy_process_timers(f->proxy);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, NULL);
  now_ms = 3; /* back: no time passes until it has caught up */
  id = send_get(f);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 5000);
  fcgip_proxy_cancel(f->proxy, id);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(connecting),
      THREE_WAYS(connecting_just_in_time),
      THREE_WAYS(sending),
      THREE_WAYS(waiting_for_the_response),
      THREE_WAYS(data_at_the_deadline_wins),
      THREE_WAYS(idle_chatter_is_no_progress),
      THREE_WAYS(the_first_byte),
      THREE_WAYS(in_all),
      THREE_WAYS(queued),
      THREE_WAYS(phases_begin_behind_the_queue),
      THREE_WAYS(of_the_request_itself),
      THREE_WAYS(none_at_all),
      THREE_WAYS(the_longest),
      THREE_WAYS(a_clock_that_jumps),
      ONE_WAY(waits_have_their_own),
      ONE_WAY(the_longest_wait),
      ONE_WAY(waits_for_many_together),
      ONE_WAY(of_a_clock_of_the_callers),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
