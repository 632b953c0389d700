/* Kept connections that turn out to be dead: when that is noticed before they are used, what is sent again when it is not,
 * and what is not. */
#include "engine/fixture.h"

static const fcgip_endpoint_options kept = {.max_idle_connections = 2, .idle_timeout_ms = 100};

/* KAL-03: the end came while nobody looked. */
static void notices_before_use(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &kept);
  f->net.is_serving = 1;
  send_get(f);
  run(f);
  fake_net_at(&f->net, 0, FAKE_FIN, 0, 0);
  id = send_it(f, f->post);
  assert_false(socket_at(f, 0)->is_open);
  assert_int_equal(socket_at(f, 0)->requests, 1);
  assert_int_equal(socket_at(f, 1)->requests, 1);
  run(f);
  assert_succeeds(f, id, "served");
}

/* ... after the look: KAL-04a, b and c. `accepted`: bytes that send() takes before that; -1: send() fails. */
static fcgip_request_id send_to_the_dead(fixture *f, const fcgip_request *request, int accepted,
                                         int error_number)
{
  size_t dead = f->net.socket_count;
  fcgip_request_id id;

  run_until(f, elapsed_ms(f) + 1000); /* what was kept before is gone then */
  id = send_get(f);
  run(f);
  fcgip_response_free(take(f, id));
  assert_int_equal(f->net.open_count, 1);
  if (accepted >= 0)
    socket_at(f, dead)->room = (size_t)accepted;
  else
    socket_at(f, dead)->send_error = EPIPE;
  f->net.is_serving = accepted < 0; /* then it has moved by the time it was sent */
  id = send_it(f, request);
  assert_int_equal(socket_at(f, dead)->peeks, 1);
  if (error_number == 0)
    fake_net_at(&f->net, 0, FAKE_FIN, dead, 0);
  else
    fake_net_at(&f->net, 0, FAKE_RECV_ERROR, dead, error_number);
  f->net.is_serving = 1;
  run(f);
  assert_false(socket_at(f, dead)->is_open);
  return id;
}

/* A look costs a system call. Where as many as before are used in a row, one is enough for all of them. */
static void looks_at_many_at_once(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 10, .idle_timeout_ms = 1000};
  size_t peeks[10], polls, round, i;
  fixture *f = *state;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  for (round = 0; round < 5; round++) {
    size_t count = round == 3 ? 3 : 10;

    for (i = 0; i < 10 && round > 0; i++)
      peeks[i] = socket_at(f, i)->peeks;
    polls = f->net.polls;
    for (i = 0; i < count; i++)
      send_it(f, i % 2 ? f->post : f->request);
    if (round >=
        2) { /* the first that went over kept ones had to find out, and the one after fewer */
      assert_int_equal(f->net.polls, polls + (round == 4 ? 3 : 1));
      for (i = 0; i < 10; i++)
        assert_int_equal(socket_at(f, i)->peeks, peeks[i]);
    }
    run(f);
    assert_int_equal(f->net.socket_count, 10);
    assert_int_equal(f->net.open_count, 10);
  }
}

/* One of many that are looked at has ended: it is not used, whoever is next in the row. */
static void looks_at_each_of_many(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 10, .idle_timeout_ms = 1000};
  fixture *f = *state;
  size_t dead, i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  for (dead = 0; dead < 12; dead++) {
    for (i = 0; i < 10; i++)
      send_it(f, f->post);
    if (dead >= 2) {
      assert_int_equal(f->net.socket_count, 10 + dead - 1);
      assert_false(socket_at(f, dead - 2)->is_open);
    }
    run(f);
    if (dead >= 1)
      socket_at(f, dead - 1)->has_ended = 1;
  }
  while (f->net.open_count > 1)
    run_until(f, elapsed_ms(f) + 100);
  assert_int_equal(fcgip_proxy_handle_ready_responses(f->proxy, 0), 120);
}

/* What was seen does not hold for long, nor once something was received. */
static void does_not_trust_an_old_look(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 10, .idle_timeout_ms = 1000};
  fixture *f = *state;
  size_t round, i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  for (round = 0; round < 3; round++) {
    for (i = 0; i < 10; i++)
      send_it(f, f->post);
    run(f);
  }
  /* In one row: it has ended since, and nothing tells. */
  send_it(f, f->post);
  run_until(f, elapsed_ms(f) + 1);
  for (i = 0; i < 10; i++)
    socket_at(f, i)->has_ended = 1;
  send_it(f, f->post);
  assert_int_equal(f->net.socket_count, 11);
}

/* Ten idle connections, that were used three times in a row. */
static void ten_idle(fixture *f, const fcgip_endpoint_options *options)
{
  size_t round, i;

  fixture_tcp(f, options);
  f->net.is_serving = 1;
  for (round = 0; round < 3; round++) {
    for (i = 0; i < 10; i++)
      send_it(f, f->post);
    run(f);
  }
  assert_int_equal(f->net.open_count, 10);
}

/* poll() fails: each is looked at for itself. */
static void looks_though_poll_fails(void **state)
{
  const fcgip_endpoint_options options = {.max_idle_connections = 10, .idle_timeout_ms = 1000};
  fixture *f = *state;
  size_t i, peeks = 0;

  ten_idle(f, &options);
  for (i = 0; i < 10; i++)
    peeks += socket_at(f, i)->peeks;
  f->net.poll_error = ENOMEM;
  f->net.poll_errors = 100;
  for (i = 0; i < 10; i++)
    send_it(f, f->post);
  f->net.poll_errors = 0;
  for (i = 0; i < 10; i++)
    peeks -= socket_at(f, i)->peeks;
  assert_int_equal((size_t)0 - peeks, 10);
  assert_int_equal(f->net.socket_count, 10);
  run(f);
}

/* What poll() said of ten holds for 5 ms, whether they have been used or not. */
static void does_not_trust_a_look_for_long(void **state)
{
  const fcgip_endpoint_options options = {.max_idle_connections = 10, .idle_timeout_ms = 1000};
  fixture *f = *state;
  size_t polls, i;

  ten_idle(f, &options);
  polls = f->net.polls;
  send_it(f, f->post);
  assert_int_equal(f->net.polls, polls + 1);
  fake_net_advance(&f->net, 5 * MS - 1);
  send_it(f, f->post);
  assert_int_equal(f->net.polls, polls + 1);
  for (i = 0; i < 10; i++)
    socket_at(f, i)->has_ended = 1;
  fake_net_advance(&f->net, 1);
  send_it(f, f->post); /* all eight that are left have ended: a fresh one */
  assert_int_equal(f->net.socket_count, 11);
}

/* poll() says nothing of the padding that one of them still waits for. */
static void looks_at_padding_too(void **state)
{
  const fcgip_endpoint_options options = {.max_idle_connections = 10, .idle_timeout_ms = 1000};
  fixture *f = *state;
  uint8_t end[16] = {1, 3, 0, 0, 0, 8, 8};
  size_t i;

  ten_idle(f, &options);
  f->net.is_serving = 0;
  for (i = 0; i < 10; i++)
    send_it(f, f->post);
  end[2] = (uint8_t)(socket_at(f, 4)->request_id >> 8);
  end[3] = (uint8_t)socket_at(f, 4)->request_id;
  for (i = 0; i < 10; i++) {
    if (i != 4) {
      fake_net_answer(&f->net, i, "");
      continue;
    }
    fake_net_stdout(&f->net, i, "\n");
    fake_net_data_at(&f->net, f->net.now_us, i, end, sizeof(end));
  }
  run(f);
  assert_int_equal(f->net.open_count, 10);
  for (i = 0; i < 10; i++)
    send_it(f, f->post);
  assert_int_equal(f->net.socket_count, 11);
  assert_false(socket_at(f, 4)->is_open);
}

static void moves_what_may_be_repeated(void **state)
{
  static const struct {
    int accepted, error;
  } cases[] = {{100000, 0}, {100000, ECONNRESET}, {50, 0}, {50, ECONNRESET}, {-1, ECONNRESET}};
  fcgip_endpoint_options options = {.max_idle_connections = 1, .max_requests_per_connection = 2};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, &options);
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    fcgip_request_id id;

    f->net.is_serving = 1;
    id = send_to_the_dead(f, f->request, cases[i].accepted, cases[i].error);
    assert_succeeds(f, id, "served");
    assert_int_equal(f->net.socket_count, 2 * (i + 1));
    assert_int_equal(socket_at(f, 2 * i + 1)->peeks, 0); /* a fresh one */
    fixture_free_proxy(f);
    fcgip_collection_free(f->collection);
    fixture_make_proxy(f, 0);
  }
}

static void does_not_move_what_may_not(void **state)
{
  static const struct {
    int accepted, error_number;
  } cases[] = {{100000, 0}, {100000, ECONNRESET}, {50, 0}, {50, ECONNRESET}};
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, &options);
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    fcgip_request_id id;

    f->net.is_serving = 1;
    id = send_to_the_dead(f, f->post, cases[i].accepted, cases[i].error_number);
    assert_int_equal(f->net.socket_count, i + 1);
    assert_false(assert_fails(f, id, FCGIP_EREAD, cases[i].error_number, "before any byte"));
  }
  /* The caller knows better. */
  f->net.is_serving = 1;
  assert_int_equal(fcgip_request_set_retry_safe(f->post, 1), FCGIP_OK);
  assert_succeeds(f, send_to_the_dead(f, f->post, 50, 0), "served");
}

/* KAL-04c: not one byte was accepted. */
static void moves_anything_that_was_not_begun(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  assert_succeeds(f, send_to_the_dead(f, f->post, -1, ECONNRESET), "served");
  assert_succeeds(f, send_to_the_dead(f, f->post, 0, 0), "served");
}

/* An answer has begun: it is a failure like any other. */
static void does_not_move_behind_the_first_byte(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  send_get(f);
  run(f);
  f->net.is_serving = 0;
  id = send_get(f);
  fake_net_data_at(&f->net, 0, 0, "\001", 1); /* not even a record */
  fake_net_at(&f->net, 0, FAKE_FIN, 0, 0);
  run(f);
  assert_int_equal(f->net.socket_count, 1);
  assert_fails(f, id, FCGIP_EREAD, 0, "before END_REQUEST");
}

/* KAL-04d: once, on a fresh connection, and its time runs on. */
static void moves_once(void **state)
{
  fcgip_endpoint_options options = {
      .max_idle_connections = 4, .request_timeout_ms = 50, .idle_timeout_ms = 1000};
  fixture *f = *state;
  fcgip_request_id first, second, id;

  fixture_tcp(f, &options);
  first = send_get(f);
  second = send_get(f);
  fake_net_answer(&f->net, 0, "1");
  fake_net_answer(&f->net, 1, "2");
  run(f);
  assert_succeeds(f, first, "1");
  assert_succeeds(f, second, "2");
  assert_int_equal(f->net.open_count, 2);
  id = send_get(f);
  run_until(f, 10);
  fake_net_at(&f->net, 0, FAKE_FIN, 1, 0);
  fake_net_at(&f->net, 0, FAKE_FIN, 0, 0);
  settle(f);
  assert_int_equal(f->net.socket_count, 3);
  run_until(f, 20);
  fake_net_at(&f->net, 0, FAKE_FIN, 2, 0);
  settle(f);
  assert_int_equal(f->net.socket_count, 3);
  assert_fails(f, id, FCGIP_EREAD, 0, NULL);

  id = send_get(f);
  run(f);
  assert_int_equal(elapsed_ms(f), 70);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, NULL);
}

/* A failure on a kept connection that is not its death is no reason to send again. */
static void does_not_move_other_failures(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1, .read_write_timeout_ms = 20};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  send_get(f);
  fake_net_answer(&f->net, 0, "");
  run(f);
  id = send_get(f);
  run(f);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, NULL);
  assert_int_equal(f->net.socket_count, 1);
  send_get(f);
  fake_net_answer(&f->net, 1, "");
  run(f);
  id = send_get(f);
  fake_net_data_at(&f->net, 0, 1, "H", 1);
  run(f);
  assert_fails(f, id, FCGIP_EPROTO, 0, "HTTP");
  assert_int_equal(f->net.socket_count, 2);
}

/* A server that takes its time is no dead connection: nothing is sent again. */
static void does_not_move_after_a_timeout(void **state)
{
  fcgip_endpoint_options options = kept;
  fixture *f = *state;
  fcgip_request_id id;

  options.read_write_timeout_ms = 50;
  options.idle_timeout_ms = 10000;
  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  send_get(f);
  run(f);
  f->net.is_serving = 0;
  id = send_get(f);
  run(f);
  assert_int_equal(elapsed_ms(f), 50);
  assert_true(assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "waiting for the response"));
  assert_int_equal(f->net.socket_count, 1);
}

/* The application has closed an idle connection's descriptor, and the next socket, of another server, has its number. */
static void leaves_a_stolen_descriptor_alone(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;
  int fd;

  fixture_add_endpoint(f, "10.0.0.1:9000", &kept);
  fixture_add_endpoint(f, "10.0.0.2:9000", &kept);
  fixture_make_proxy(f, 0);
  f->net.is_serving = 1;
  send_get(f);
  run(f);
  fd = socket_at(f, 0)->fd;
  socket_at(f, 0)->watched = 0;
  assert_int_equal(f->net.sys.close_fn(f->net.sys.context, fd), 0);
  id = send_get(f);
  run(f);
  assert_succeeds(f, id, "served");
  assert_int_equal(socket_at(f, 1)->fd, fd);
  assert_true(socket_at(f, 1)->is_open); /* idle, and not closed for the first one */
  id = send_get(f);
  run(f);
  assert_succeeds(f, id, "served");
  assert_int_equal(f->net.socket_count, 3);
  assert_int_equal(f->net.open_count, 2);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ONE_WAY(notices_before_use),
      ONE_WAY(looks_at_many_at_once),
      ONE_WAY(looks_at_each_of_many),
      ONE_WAY(does_not_trust_an_old_look),
      ONE_WAY(looks_though_poll_fails),
      ONE_WAY(does_not_trust_a_look_for_long),
      ONE_WAY(looks_at_padding_too),
      THREE_WAYS(moves_what_may_be_repeated),
      THREE_WAYS(does_not_move_what_may_not),
      THREE_WAYS(moves_anything_that_was_not_begun),
      THREE_WAYS(does_not_move_behind_the_first_byte),
      THREE_WAYS(does_not_move_after_a_timeout),
      THREE_WAYS(leaves_a_stolen_descriptor_alone),
      THREE_WAYS(moves_once),
      THREE_WAYS(does_not_move_other_failures),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
