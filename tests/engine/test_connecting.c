/* How a connection comes about, or does not: every result of socket() and connect(). */
#include "engine/fixture.h"

static void connects_at_once(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  id = send_get(f);
  assert_int_equal(f->net.socket_count, 1);
  assert_true(socket_at(f, 0)->is_connected);
  assert_int_equal(socket_at(f, 0)->requests, 1); /* no turn is needed for that */
  assert_int_equal(socket_at(f, 0)->sends, 1);    /* ENC-27 */
  fake_net_answer(&f->net, 0, "hello");
  run(f);
  assert_false(socket_at(f, 0)->is_open);
  assert_succeeds(f, id, "hello");
}

static void connects_in_the_background(void **state)
{
  static const int results[] = {EINPROGRESS, EINTR};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  for (i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
    fcgip_request_id id;

    fake_net_plan(&f->net, results[i], 20 * MS, 0);
    id = send_get(f);
    assert_int_equal(socket_at(f, i)->sent_len, 0);
    run_until(f, elapsed_ms(f) + 19);
    assert_int_equal(socket_at(f, i)->sent_len, 0);
    assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
    run(f);
    assert_int_equal(elapsed_ms(f), 20 * (i + 1));
    assert_succeeds(f, id, "served");
  }
  assert_int_equal(f->net.socket_count, 2); /* EINTR did not connect again */
}

static void is_refused(void **state)
{
  static const int errors[] = {ECONNREFUSED, ENOENT,        EACCES,     ENETUNREACH, EHOSTUNREACH,
                               ETIMEDOUT,    EADDRNOTAVAIL, EPROTOTYPE, EPERM,       EINVAL};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
    fcgip_request_id id;

    fake_net_plan(&f->net, errors[i], 0, 0);
    id = send_get(f);
    assert_int_equal(fcgip_proxy_has_response(f->proxy, id), 1);
    assert_false(socket_at(f, i)->is_open);
    assert_true(assert_fails(f, id, FCGIP_ECONNECT, errors[i], "tcp://10.0.0.1:9000"));
  }
}

static void is_refused_later(void **state)
{
  static const int errors[] = {ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ETIMEDOUT, EPIPE};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
    fcgip_request_id id;

    fake_net_plan(&f->net, EINPROGRESS, 3 * MS, errors[i]);
    id = send_it(f, f->post);
    run(f);
    assert_int_equal(elapsed_ms(f), 3 * (i + 1));
    assert_true(assert_fails(f, id, FCGIP_ECONNECT, errors[i], NULL));
  }
}

/* A socket that is not connecting is "writable", and has no error (NET-05): that is no proof of a connection. */
static void does_not_believe_poll(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fake_net_plan(&f->net, EINPROGRESS, FAKE_NET_NEVER, 0);
  id = send_get(f);
  socket_at(f, 0)->extra = POLLOUT | POLLHUP;
  turn(f, 1);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1); /* send() says "again" */
  socket_at(f, 0)->is_connecting = 0;                 /* ... and now "not connected" */
  turn(f, 1);
  assert_true(assert_fails(f, id, FCGIP_ECONNECT, ENOTCONN, NULL));
}

/* The kernel has no buffers for the first bytes: they are tried again after 10 ms, and the socket is the same. */
static void has_no_buffers(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fake_net_plan(&f->net, EINPROGRESS, 3 * MS, 0);
  id = send_get(f);
  at_ms(f, 0, FAKE_SEND_ERROR, 0, ENOBUFS);
  at_ms(f, 25, FAKE_SEND_ERROR, 0, 0);
  run_until(f, 32);
  assert_int_equal(socket_at(f, 0)->requests, 0);
  assert_true(socket_at(f, 0)->sends < 10);
  run_until(f, 33); /* at 3, 13, 23 and 33 */
  assert_int_equal(socket_at(f, 0)->requests, 1);
  fake_net_answer(&f->net, 0, "sent after all");
  run(f);
  assert_succeeds(f, id, "sent after all");
  assert_int_equal(f->net.socket_count, 1);
}

/* ... and when there are some, the connection turns out to be none: the next address is tried. */
static void has_no_buffers_and_fails(void **state)
{
  static const char *const two[] = {"10.0.0.1", "10.0.0.2", NULL};
  fixture *f = *state;
  fcgip_request_id id;

  f->net.resolved = two;
  fixture_add_endpoint(f, "some.name:9000", NULL);
  fixture_make_proxy(f, 0);
  fake_net_plan(&f->net, EINPROGRESS, 3 * MS, 0);
  id = send_get(f);
  at_ms(f, 0, FAKE_SEND_ERROR, 0, ENOMEM);
  at_ms(f, 15, FAKE_SEND_ERROR, 0, EPIPE);
  run_until(f, 22);
  assert_int_equal(f->net.socket_count, 1);
  run_until(f, 23);
  assert_int_equal(f->net.socket_count, 2);
  assert_false(socket_at(f, 0)->is_open);
  fake_net_answer(&f->net, 1, "the other one");
  run(f);
  assert_succeeds(f, id, "the other one");
}

static void has_no_socket(void **state)
{
  static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT};
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  fixture_tcp(f, NULL);
  for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
    f->net.socket_error = errors[i];
    id = send_get(f);
    assert_true(assert_fails(f, id, FCGIP_ECONNECT, errors[i], NULL));
  }
  /* NET-08: usable afterwards. */
  f->net.socket_error = 0;
  f->net.is_serving = 1;
  id = send_get(f);
  run(f);
  assert_succeeds(f, id, "served");
}

/* EAGAIN is a full backlog with Unix sockets only; for TCP it is a want of local ports. */
static void takes_again_for_a_failure_over_tcp(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fake_net_plan(&f->net, EAGAIN, 0, 0);
  id = send_get(f);
  assert_true(assert_fails(f, id, FCGIP_ECONNECT, EAGAIN, NULL));
}

static void connects_to_itself(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;
  size_t n;

  /* NET-19: nobody listens, and our own bytes come back. */
  fixture_tcp(f, NULL);
  f->net.self_connected = 1;
  id = send_get(f);
  n = socket_at(f, 0)->sent_len;
  fake_net_data_at(&f->net, 0, 0, socket_at(f, 0)->sent, n);
  run(f);
  assert_fails(f, id, FCGIP_ECONNECT, ECONNREFUSED, NULL);
  /* A server that sends such a record breaks the protocol. */
  f->net.self_connected = 0;
  id = send_get(f);
  fake_net_data_at(&f->net, 0, 1, socket_at(f, 1)->sent, n);
  run(f);
  assert_fails(f, id, FCGIP_EPROTO, 0, NULL);
  /* We send no output: whoever has is somebody else, and has begun it. */
  f->net.self_connected = 1;
  id = send_get(f);
  fake_net_stdout(&f->net, 2, "\nsome");
  fake_net_data_at(&f->net, 0, 2, socket_at(f, 2)->sent, n);
  run(f);
  assert_fails(f, id, FCGIP_EPROTO, 0, NULL);
}

/* What a host name resolves to is known before anything is sent. */
static void has_no_address(void **state)
{
  static const char *const later[] = {"10.0.0.7", NULL};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_add_endpoint(f, "nowhere.test:9000", NULL);
  fixture_make_proxy(f, 0);
  assert_int_equal(f->net.resolves, 1);
  id = send_get(f);
  assert_int_equal(f->net.resolves, 1); /* never inside the engine */
  assert_true(assert_fails(f, id, FCGIP_ERESOLVE, 0, "tcp://nowhere.test:9000"));
  assert_int_equal(f->net.socket_count, 0);

  f->net.resolved = later;
  f->net.is_serving = 1;
  assert_int_equal(fcgip_endpoint_resolve(f->endpoints[0]), FCGIP_OK);
  id = send_get(f);
  run(f);
  assert_int_equal(socket_at(f, 0)->host, 7);
  assert_succeeds(f, id, "served");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(connects_at_once),
      THREE_WAYS(connects_in_the_background),
      ONE_WAY(is_refused),
      THREE_WAYS(is_refused_later),
      THREE_WAYS(does_not_believe_poll),
      ONE_WAY(has_no_socket),
      THREE_WAYS(has_no_buffers),
      THREE_WAYS(has_no_buffers_and_fails),
      ONE_WAY(takes_again_for_a_failure_over_tcp),
      THREE_WAYS(connects_to_itself),
      ONE_WAY(has_no_address),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
