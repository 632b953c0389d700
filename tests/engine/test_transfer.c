/* Bytes out and bytes in, and what ends them: every result of send() and recv() in every state. */
#include "engine/fixture.h"
#include "support/reference_decoder.h"

enum { BIG = 300000 };

static uint8_t big[BIG];

static fcgip_request_id send_big(fixture *f)
{
  size_t i;

  for (i = 0; i < BIG; i++)
    big[i] = (uint8_t)(i * 7 + i / 256);
  assert_int_equal(fcgip_request_set_content(f->post, big, BIG), FCGIP_OK);
  return send_it(f, f->post);
}

/* What went over the wire is the request, whole and once. */
static void assert_sent_big(fixture *f, size_t socket)
{
  const uint8_t *bytes = socket_at(f, socket)->sent;
  size_t len = socket_at(f, socket)->sent_len;
  reference_request request;
  char why[200] = "";

  assert_int_equal(reference_decode(&bytes, &len, &request, why, sizeof(why)), REFERENCE_OK);
  assert_string_equal(why, "");
  assert_int_equal(len, 0);
  assert_int_equal(request.content_len, BIG);
  assert_memory_equal(request.content, big, BIG);
  assert_true(reference_has(&request, "REQUEST_METHOD", "POST"));
  reference_free(&request);
}

static void sends_in_pieces(void **state)
{
  static const size_t pieces[] = {100000, 65535, 4096, 777, 100};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
    fcgip_request_id id;

    f->net.send_most = pieces[i];
    id = send_big(f);
    run(f);
    assert_sent_big(f, i);
    assert_succeeds(f, id, "served");
  }
}

/* One connection with much to send does not keep the others waiting. */
static void takes_turns(void **state)
{
  fixture *f = *state;
  fcgip_request_id slow, fast;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  f->net.send_most = 100;
  slow = send_big(f);
  f->net.send_most = SIZE_MAX;
  fast = send_get(f);
  f->net.send_most = 100;
  settle(f);
  assert_int_equal(fcgip_proxy_has_response(f->proxy, fast), 1);
  assert_true(socket_at(f, 0)->sent_len < BIG / 2);
  run(f);
  assert_succeeds(f, slow, "served");
  assert_succeeds(f, fast, "served");
}

static void waits_for_room(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  f->net.plan.result = EINPROGRESS;
  id = send_big(f);
  socket_at(f, 0)->room = 1000;
  at_ms(f, 10, FAKE_ROOM, 0, 70000);
  at_ms(f, 20, FAKE_ROOM, 0, 0);
  at_ms(f, 30, FAKE_ROOM, 0, BIG * 2);
  run(f);
  assert_int_equal(elapsed_ms(f), 30);
  assert_sent_big(f, 0);
  assert_succeeds(f, id, "served");
}

/* NET-10: the socket says "writable" meanwhile, which must not make the loop spin. */
static void waits_while_buffers_are_short(void **state)
{
  static const int errors[] = {ENOBUFS, ENOMEM};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  for (i = 0; i < 2; i++) {
    fcgip_request_id id;
    size_t polls = f->net.polls;
    uint64_t start = elapsed_ms(f);

    f->net.send_most = 1000;
    id = send_big(f);
    fake_net_at(&f->net, 0, FAKE_SEND_ERROR, i, errors[i]);
    at_ms(f, start + 50, FAKE_SEND_ERROR, i, 0);
    f->net.send_most = SIZE_MAX;
    run(f);
    assert_true(elapsed_ms(f) >= start + 50 && elapsed_ms(f) <= start + 60);
    assert_true(f->net.polls - polls < 120);
    assert_sent_big(f, i);
    assert_succeeds(f, id, "served");
  }
}

static void gives_up_when_buffers_stay_short(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 70};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = 5 * MS;
  id = send_get(f);
  socket_at(f, 0)->room = 100;
  at_ms(f, 5, FAKE_SEND_ERROR, 0, 0);
  run_until(f, 6);
  fake_net_at(&f->net, 0, FAKE_SEND_ERROR, 0, ENOBUFS);
  fake_net_at(&f->net, 0, FAKE_ROOM, 0, 100000);
  run(f);
  assert_int_equal(elapsed_ms(f), 75);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "sending");
}

static void receives_in_pieces(void **state)
{
  fixture *f = *state;
  size_t most;

  fixture_tcp(f, NULL);
  for (most = 1; most < 40; most++) {
    fcgip_request_id id = send_get(f);
    size_t socket = f->net.socket_count - 1;

    f->net.recv_most = most;
    fake_net_record(&f->net, socket, 7, "something", 9, (unsigned)most);
    fake_net_record(&f->net, socket, 6, "A: b\r\n\r\nbo", 10, 255);
    fake_net_record(&f->net, socket, 7, NULL, 0, 3);
    fake_net_record(&f->net, socket, 6, "dy", 2, 0);
    fake_net_record(&f->net, socket, 6, NULL, 0, 0);
    fake_net_end(&f->net, socket, 7, 0);
    run(f);
    assert_succeeds(f, id, "body");
  }
}

/* Large records are received straight into the response; what follows them is not lost. */
static void receives_in_place(void **state)
{
  static const size_t pieces[] = {1, 1000, 8191, 8192, 8193, 65535, 65543, 65544, 100000, SIZE_MAX};
  fixture *f = *state;
  size_t i, len;

  fixture_tcp(f, NULL);
  for (i = 0; i < BIG; i++)
    big[i] = (uint8_t)(i ^ i >> 8);
  for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
    fcgip_request_id id = send_get(f);
    fcgip_response *response;

    f->net.recv_most = pieces[i];
    fake_net_stdout(&f->net, i, "\r\n");
    fake_net_record(&f->net, i, 6, big, 65535, 7);
    fake_net_record(&f->net, i, 6, big + 65535, 65535, 0);
    fake_net_record(&f->net, i, 7, "err", 3, 0);
    fake_net_record(&f->net, i, 6, big + 131070, 10000, 255);
    fake_net_end(&f->net, i, 0, 0);
    run(f);
    response = take(f, id);
    assert_int_equal(fcgip_response_error(response), FCGIP_OK);
    assert_memory_equal(fcgip_response_body(response, &len), big, 141070);
    assert_int_equal(len, 141070);
    assert_string_equal(fcgip_response_stderr(response, NULL), "err");
    fcgip_response_free(response);
  }
}

/* END_REQUEST before everything was sent: done, and closed, as the server reads no further. */
static void takes_an_early_answer(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 4};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  f->net.send_most = 5000;
  id = send_big(f);
  assert_true(socket_at(f, 0)->sent_len < BIG);
  socket_at(f, 0)->room = 0;
  fake_net_answer(&f->net, 0, "early");
  run(f);
  assert_false(socket_at(f, 0)->is_open);
  assert_true(socket_at(f, 0)->sent_len < BIG);
  assert_succeeds(f, id, "early");
}

/* CLS-05: the server answered and closed while we were sending; what it said still counts. */
static void drains_after_a_failed_send(void **state)
{
  static const int errors[] = {EPIPE, ECONNRESET};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  for (i = 0; i < 2; i++) {
    fcgip_request_id id;

    f->net.send_most = 5000;
    id = send_big(f);
    f->net.recv_most = 3;
    fake_net_answer(&f->net, i, "said before");
    fake_net_at(&f->net, 0, FAKE_RECV_ERROR, i, ECONNRESET);
    fake_net_at(&f->net, 0, FAKE_SEND_ERROR, i, errors[i]);
    run(f);
    assert_succeeds(f, id, "said before");
  }
}

static void fails_when_the_server_takes_no_more(void **state)
{
  static const int errors[] = {EPIPE, ECONNRESET, ETIMEDOUT, EIO, EBADF};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
    fcgip_response *response;
    fcgip_request_id id;

    f->net.send_most = 5000;
    id = send_big(f);
    f->net.recv_most = SIZE_MAX;
    fake_net_stdout(&f->net, i, "A: b\r\n\r\npart");
    fake_net_at(&f->net, 0, FAKE_SEND_ERROR, i, errors[i]);
    run(f);
    response = take(f, id);
    assert_int_equal(fcgip_response_error(response), FCGIP_EWRITE);
    assert_int_equal(fcgip_response_errno(response), errors[i]);
    assert_true(fcgip_response_is_partial(response));
    assert_string_equal(fcgip_response_body(response, NULL), "part");
    fcgip_response_free(response);
  }
}

static void fails_at_the_end_of_the_connection(void **state)
{
  static const int errors[] = {0, ECONNRESET, ETIMEDOUT, EIO, EBADF};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
    fcgip_request_id none = send_get(f), some = send_get(f);
    fcgip_response *response;
    size_t socket;

    for (socket = 2 * i; socket < 2 * i + 2; socket++) {
      if (socket % 2 == 1)
        fake_net_stdout(&f->net, socket, "A: b\n\npart");
      fake_net_at(&f->net, 0, errors[i] == 0 ? FAKE_FIN : FAKE_RECV_ERROR, socket, errors[i]);
    }
    run(f);
    assert_true(assert_fails(f, none, FCGIP_EREAD, errors[i], "before any byte"));
    response = take(f, some);
    assert_int_equal(fcgip_response_error(response), FCGIP_EREAD);
    assert_int_equal(fcgip_response_errno(response), errors[i]);
    assert_non_null(strstr(fcgip_response_error_text(response), "before END_REQUEST"));
    assert_true(fcgip_response_is_partial(response));
    assert_false(fcgip_response_is_retry_safe(response));
    assert_int_equal(fcgip_response_status(response), 200);
    assert_string_equal(fcgip_response_body(response, NULL), "part");
    fcgip_response_free(response);
  }
}

/* CLS-07: what poll says is a hint where to look; the calls decide. */
static void looks_whatever_poll_says(void **state)
{
  static const short events[] = {POLLIN,           POLLHUP,           POLLERR,
                                 POLLIN | POLLHUP, POLLERR | POLLHUP, POLLNVAL};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
    fcgip_request_id id = send_get(f);

    assert_int_equal(fcgip_proxy_process_fd(f->proxy, socket_at(f, i)->fd, events[i]), FCGIP_OK);
    assert_int_equal(fcgip_proxy_pending(f->proxy), 1); /* "again": nothing happened */
    fake_net_answer(&f->net, i, "whole");
    fake_net_at(&f->net, 0, FAKE_FIN, i, 0);
    assert_int_equal(fcgip_proxy_process_fd(f->proxy, socket_at(f, i)->fd, events[i]), FCGIP_OK);
    assert_succeeds(f, id, "whole");
  }
}

static void is_not_disturbed_by_false_alarms(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  fixture_tcp(f, NULL);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = 10 * MS;
  f->net.spurious = POLLIN | POLLOUT | POLLERR | POLLHUP;
  id = send_big(f);
  for (i = 0; i < 20; i++)
    settle(f); /* connecting */
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  f->net.spurious = 0;
  run_until(f, 9);
  socket_at(f, 0)->room = 5000;
  run_until(f, 10);
  f->net.spurious = POLLIN | POLLOUT | POLLERR | POLLHUP;
  for (i = 0; i < 20; i++)
    settle(f); /* sending */
  assert_int_equal(socket_at(f, 0)->sent_len, 5000);
  fake_net_at(&f->net, 0, FAKE_ROOM, 0, BIG * 2);
  for (i = 0; i < 20; i++)
    settle(f); /* receiving */
  assert_sent_big(f, 0);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  fake_net_answer(&f->net, 0, "calm");
  run(f);
  assert_succeeds(f, id, "calm");
}

/* FLO-11: poll() that fails now and then changes nothing; one that fails for good does not stop anything. */
static void survives_poll(void **state)
{
  static const int errors[] = {EINTR, EAGAIN, EINVAL, ENOMEM};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  f->net.serve_us = 0;
  for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
    fcgip_request_id id = send_get(f), other = send_get(f);

    f->net.poll_error = errors[i];
    f->net.poll_errors = 5;
    turn(f, -1);
    /* Where it fails for good, every connection is looked after all the same. */
    if (f->drive == DRIVE_POLL && i >= 2)
      assert_int_equal(fcgip_proxy_pending(f->proxy), 0);
    run(f);
    assert_succeeds(f, id, "served");
    assert_succeeds(f, other, "served");
  }
}

static void passes_refusals_on(void **state)
{
  static const struct {
    unsigned status;
    int error, is_retry_safe;
    const char *phrase;
  } cases[] = {{1, FCGIP_ECANTMPX, 1, NULL},
               {2, FCGIP_EOVERLOADED, 1, NULL},
               {3, FCGIP_EROLE, 0, NULL},
               {4, FCGIP_EREFUSED, 0, "protocol status 4"},
               {255, FCGIP_EREFUSED, 0, "protocol status 255"}};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    fcgip_request_id bare = send_get(f), with_bytes = send_get(f);
    fcgip_response *response;

    fake_net_end(&f->net, 2 * i, 5, cases[i].status);
    fake_net_stdout(&f->net, 2 * i + 1, "\n\nbody");
    fake_net_end(&f->net, 2 * i + 1, 5, cases[i].status);
    run(f);
    assert_int_equal(assert_fails(f, bare, cases[i].error, 0, cases[i].phrase),
                     cases[i].is_retry_safe);
    response = take(f, with_bytes);
    assert_int_equal(fcgip_response_error(response), cases[i].error);
    assert_int_equal(fcgip_response_app_status(response), 5);
    assert_true(fcgip_response_is_partial(response));
    assert_false(fcgip_response_is_retry_safe(response));
    fcgip_response_free(response);
  }
}

static void a_byte_of_stderr_is_a_part(void **state)
{
  fixture *f = *state;
  fcgip_response *response;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  id = send_get(f);
  fake_net_record(&f->net, 0, 7, "!", 1, 0);
  at_ms(f, 0, FAKE_FIN, 0, 0);
  run(f);
  response = take(f, id);
  assert_int_equal(fcgip_response_error(response), FCGIP_EREAD);
  assert_true(fcgip_response_is_partial(response));
  assert_false(fcgip_response_is_retry_safe(response));
  fcgip_response_free(response);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(sends_in_pieces),
      THREE_WAYS(takes_turns),
      THREE_WAYS(waits_for_room),
      THREE_WAYS(waits_while_buffers_are_short),
      THREE_WAYS(gives_up_when_buffers_stay_short),
      THREE_WAYS(receives_in_pieces),
      THREE_WAYS(receives_in_place),
      THREE_WAYS(takes_an_early_answer),
      THREE_WAYS(drains_after_a_failed_send),
      THREE_WAYS(fails_when_the_server_takes_no_more),
      THREE_WAYS(fails_at_the_end_of_the_connection),
      ONE_WAY(looks_whatever_poll_says),
      THREE_WAYS(is_not_disturbed_by_false_alarms),
      ONE_WAY(survives_poll),
      THREE_WAYS(passes_refusals_on),
      THREE_WAYS(a_byte_of_stderr_is_a_part),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
