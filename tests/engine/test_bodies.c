/* Bodies that are not kept, and back-pressure. */
#include "engine/fixture.h"

enum { LONG = 300000 };

/* ---- bodies ---- */

typedef struct sink {
  size_t len;
  fixture *f;
  int pauses, rc;
  uint64_t takes_ms;
} sink;

static int drain(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                 size_t error_len, void *user_data)
{
  sink *s = user_data;

  (void)output, (void)error, (void)error_len;
  s->len += output_len;
  fake_net_advance(&s->f->net, s->takes_ms * MS);
  if (s->pauses)
    s->rc |= fcgip_proxy_pause(s->f->proxy, id);
  return 0;
}

static void a_body_that_is_not_kept(void **state)
{
  static uint8_t block[65535];
  fcgip_endpoint_options options = {.max_body_bytes = 1000};
  fixture *f = *state;
  sink s = {.f = f};
  fcgip_response *response;
  fcgip_request_id id;
  size_t before, i, len;

  fixture_tcp(f, &options);
  fcgip_request_add_pass_through_callback(f->request, drain, &s, NULL);
  assert_int_equal(fcgip_request_body_kept(f->request), 1);
  assert_int_equal(fcgip_request_set_body_kept(f->request, 0), FCGIP_OK);
  assert_int_equal(fcgip_request_body_kept(f->request), 0);
  id = send_get(f);
  fake_net_stdout(&f->net, 0, "A: b\n\n");
  settle(f);
  before = f->memory.live_bytes;
  for (i = 0; i < 20; i++) {
    fake_net_record(&f->net, 0, 6, block, sizeof(block), 0);
    settle(f);
    assert_true(f->memory.live_bytes <= before + 1000);
  }
  fake_net_end(&f->net, 0, 0, 0);
  run(f);
  assert_int_equal(s.len, 6 + 20 * sizeof(block));
  response = take(f, id);
  assert_int_equal(fcgip_response_error(response), FCGIP_OK);
  assert_string_equal(fcgip_response_header(response, "a"), "b");
  assert_string_equal(fcgip_response_body(response, &len), "");
  assert_int_equal(len, 0);
  assert_true(fcgip_response_body_length(response) == 20 * sizeof(block));
  fcgip_response_free(response);
}

/* What has come meanwhile is read, however long it took. */
static void a_slow_pass_through_callback(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 50};
  fixture *f = *state;
  sink s = {.f = f, .takes_ms = 80};
  fcgip_request_id id;

  fixture_tcp(f, &options);
  fcgip_request_add_pass_through_callback(f->request, drain, &s, NULL);
  id = send_get(f);
  fake_net_data_at(&f->net, f->start_us + 20 * MS, 0, "\1\7\0\1\0\0\0\0", 8);
  fake_net_data_at(&f->net, f->start_us + 20 * MS, 0,
                   "\1\6\0\1\0\5\0\0 more\1\3\0\1\0\10\0\0\0\0\0\0\0\0\0\0", 29);
  fake_net_stdout(&f->net, 0, "\nsome");
  run(f);
  assert_succeeds(f, id, "some more");
  assert_int_equal(elapsed_ms(f), 160);
}

/* And what has come for others meanwhile, too. */
static void a_slow_callback_of_another(void **state)
{
  static const char answer[] = "\1\6\0\1\0\7\0\0\nothers"
                               "\1\3\0\1\0\10\0\0\0\0\0\0\0\0\0\0";
  fcgip_endpoint_options options = {.read_write_timeout_ms = 50};
  fixture *f = *state;
  sink s = {.f = f, .takes_ms = 80};
  fcgip_request_id slow, other;

  fixture_tcp(f, &options);
  fcgip_request_add_pass_through_callback(f->request, drain, &s, NULL);
  slow = send_get(f);
  other = send_it(f, f->post);
  fake_net_data_at(&f->net, f->start_us + 20 * MS, 0, answer + 15, 16);
  fake_net_data_at(&f->net, f->start_us + 20 * MS, 1, answer, sizeof(answer) - 1);
  fake_net_stdout(&f->net, 0, "\nslow");
  run(f);
  assert_succeeds(f, slow, "slow");
  assert_succeeds(f, other, "others");
}

/* ---- back-pressure ---- */

static void a_pause(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 50};
  fixture *f = *state;
  fcgip_request_id paused, other;
  size_t receives;

  fixture_tcp(f, &options);
  paused = send_get(f);
  fake_net_stdout(&f->net, 0, "\nsome");
  settle(f);
  assert_int_equal(fcgip_proxy_pause(f->proxy, paused), FCGIP_OK);
  assert_int_equal(socket_at(f, 0)->watched, 0);
  receives = socket_at(f, 0)->receives;
  fake_net_stdout(&f->net, 0, " more");
  fake_net_end(&f->net, 0, 0, 0);
  other = send_get(f);
  fake_net_answer(&f->net, 1, "others go on");
  run_until(f, 1000);
  assert_succeeds(f, other, "others go on");
  assert_int_equal(socket_at(f, 0)->receives, receives); /* nothing is read meanwhile */
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);    /* and no timeout runs */
  assert_int_equal(fcgip_proxy_resume(f->proxy, paused), FCGIP_OK);
  run(f);
  assert_succeeds(f, paused, "some more");
  assert_int_equal(fcgip_proxy_pause(f->proxy, paused), FCGIP_ENOTFOUND);
}

static void a_pause_that_is_too_long(void **state)
{
  fcgip_endpoint_options options = {.request_timeout_ms = 200};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_pause(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 200);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "in all");
}

/* After a resume the other deadlines begin anew. */
static void a_pause_that_ends(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 50};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_pause(f->proxy, id), FCGIP_OK);
  run_until(f, 300);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 350);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "waiting for the response");
}

static void pausing_piece_by_piece(void **state)
{
  fixture *f = *state;
  sink s = {.f = f, .pauses = 1};
  fcgip_request_id id;
  int i;

  fixture_tcp(f, NULL);
  fcgip_request_add_pass_through_callback(f->request, drain, &s, NULL);
  id = send_get(f);
  for (i = 0; i < 20; i++) {
    fake_net_stdout(&f->net, 0, i == 0 ? "\n" : "x");
    settle(f);
    assert_int_equal(s.len, i + 1);
    assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  }
  fake_net_end(&f->net, 0, 0, 0);
  run(f);
  assert_int_equal(s.rc, FCGIP_OK);
  assert_succeeds(f, id, "xxxxxxxxxxxxxxxxxxx");
}

/* The server stops reading during a pause: what it said counts, but not before the pause is over. */
static fcgip_request_id pause_and_break(fixture *f)
{
  static uint8_t content[LONG];
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  f->net.send_most = 100;
  assert_int_equal(fcgip_request_set_content(f->post, content, sizeof(content)), FCGIP_OK);
  id = send_it(f, f->post);
  assert_int_equal(fcgip_proxy_pause(f->proxy, id), FCGIP_OK);
  at_ms(f, 0, FAKE_ROOM, 0, 0);
  at_ms(f, 1, FAKE_SEND_ERROR, 0, EPIPE);
  at_ms(f, 1, FAKE_ROOM, 0, 1);
  return id;
}

static void a_pause_and_a_failed_send(void **state)
{
  fixture *f = *state;
  fcgip_request_id id = pause_and_break(f);

  fake_net_stdout(&f->net, 0, "\nearly");
  fake_net_end(&f->net, 0, 0, 0);
  run_until(f, 30);
  assert_int_equal(socket_at(f, 0)->receives, 0);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 30);
  assert_succeeds(f, id, "early");
}

static void a_pause_and_a_failed_send_without_an_answer(void **state)
{
  fixture *f = *state;
  fcgip_request_id id = pause_and_break(f);

  run_until(f, 30);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 30); /* no event says so */
  assert_fails(f, id, FCGIP_EWRITE, EPIPE, NULL);
}

/* Let go on, and stopped again before it could. */
static void a_pause_right_after_another(void **state)
{
  fixture *f = *state;
  fcgip_request_id id = pause_and_break(f);

  fake_net_stdout(&f->net, 0, "\nearly");
  fake_net_end(&f->net, 0, 0, 0);
  run_until(f, 30);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  assert_int_equal(fcgip_proxy_pause(f->proxy, id), FCGIP_OK);
  run_until(f, 60);
  assert_int_equal(socket_at(f, 0)->receives, 0);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 60);
  assert_succeeds(f, id, "early");
}

static void pausing_in_other_states(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 1};
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_tcp(f, &options);
  fake_net_plan(&f->net, EINPROGRESS, 10 * MS, 0);
  first = send_get(f);
  second = send_get(f);
  assert_int_equal(fcgip_proxy_resume(f->proxy, first), FCGIP_OK); /* nothing to do */
  assert_int_equal(fcgip_proxy_pause(f->proxy, first), FCGIP_OK);  /* connecting */
  assert_int_equal(fcgip_proxy_pause(f->proxy, second), FCGIP_OK); /* queued */
  run_until(f, 20);
  assert_int_equal(socket_at(f, 0)->requests, 1); /* sending goes on */
  fake_net_answer(&f->net, 0, "first");
  run_until(f, 30);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 2);
  assert_int_equal(fcgip_proxy_resume(f->proxy, first), FCGIP_OK);
  run_until(f, 40);
  assert_succeeds(f, first, "first");
  fake_net_answer(&f->net, 1, "second");
  run_until(f, 50);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, second), FCGIP_OK);
  assert_fails(f, second, FCGIP_ECANCELED, 0, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(a_body_that_is_not_kept),
      THREE_WAYS(a_slow_pass_through_callback),
      THREE_WAYS(a_slow_callback_of_another),
      THREE_WAYS(a_pause),
      THREE_WAYS(a_pause_that_is_too_long),
      THREE_WAYS(a_pause_that_ends),
      THREE_WAYS(pausing_piece_by_piece),
      THREE_WAYS(a_pause_right_after_another),
      THREE_WAYS(pausing_in_other_states),
      THREE_WAYS(a_pause_and_a_failed_send),
      THREE_WAYS(a_pause_and_a_failed_send_without_an_answer),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
