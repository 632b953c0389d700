/* Failover: a request that no server has begun goes to the next one, once to each, in the time it has. */
#include "engine/fixture.h"

/* Three servers; sockets have the hosts 1 to 3. */
static void make(fixture *f, const fcgip_endpoint_options *options, uint32_t flags)
{
  fixture_add_endpoint(f, "10.0.0.1:9000", options);
  fixture_add_endpoint(f, "10.0.0.2:9000", options);
  fixture_add_endpoint(f, "10.0.0.3:9000", options);
  fixture_make_proxy(f, flags);
}

static void assert_hosts(fixture *f, const unsigned *hosts, size_t count)
{
  size_t i;

  assert_int_equal(f->net.socket_count, count);
  for (i = 0; i < count; i++)
    assert_int_equal(socket_at(f, i)->host, hosts[i]);
}

static void assert_answered_by(fixture *f, fcgip_request_id id, size_t endpoint)
{
  fcgip_response *response = take(f, id);

  assert_int_equal(fcgip_response_error(response), FCGIP_OK);
  assert_string_equal(fcgip_response_error_text(response), "");
  assert_ptr_equal(fcgip_response_endpoint(response), f->endpoints[endpoint]);
  fcgip_response_free(response);
}

static void only_if_asked_for(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  make(f, NULL, 0);
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  id = send_get(f);
  assert_true(assert_fails(f, id, FCGIP_ECONNECT, ECONNREFUSED, "10.0.0.1"));
  assert_int_equal(f->net.socket_count, 1);
}

static void refused_refused_live(void **state)
{
  const unsigned hosts[] = {1, 2, 3};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, NULL, FCGIP_PROXY_FAILOVER);
  f->net.is_serving = 1;
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  fake_net_plan(&f->net, EINPROGRESS, 10 * MS, EHOSTUNREACH);
  id = send_it(f, f->post); /* not one byte was sent: any method will do */
  run(f);
  assert_int_equal(elapsed_ms(f), 10);
  assert_hosts(f, hosts, 3);
  assert_answered_by(f, id, 2);
}

/* The policy goes on from where it was: a failure does not skew it. */
static void goes_around(void **state)
{
  const unsigned hosts[] = {1, 2, 2, 3, 3, 1, 1};
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  make(f, NULL, FCGIP_PROXY_FAILOVER);
  f->net.is_serving = 1;
  for (i = 0; i < 3; i++) {
    fake_net_plan(&f->net, ENOENT, 0, 0);
    fake_net_plan(&f->net, 0, 0, 0);
    id = send_get(f);
    run(f);
    assert_answered_by(f, id, (i + 1) % 3);
  }
  id = send_get(f);
  run(f);
  assert_answered_by(f, id, 0);
  assert_hosts(f, hosts, 7);
}

/* Each server once; the error is the last one's, and every cause is named. */
static void all_are_down(void **state)
{
  const unsigned hosts[] = {1, 2, 3};
  fixture *f = *state;
  fcgip_response *response;
  fcgip_request_id id;

  make(f, NULL, FCGIP_PROXY_FAILOVER);
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  fake_net_plan(&f->net, ENOENT, 0, 0);
  fake_net_plan(&f->net, EACCES, 0, 0);
  id = send_get(f);
  run(f);
  assert_hosts(f, hosts, 3);
  response = take(f, id);
  assert_int_equal(fcgip_response_error(response), FCGIP_ECONNECT);
  assert_int_equal(fcgip_response_errno(response), EACCES);
  assert_ptr_equal(fcgip_response_endpoint(response), f->endpoints[2]);
  assert_true(fcgip_response_is_retry_safe(response));
  assert_non_null(strstr(fcgip_response_error_text(response), "10.0.0.1:9000"));
  assert_non_null(strstr(fcgip_response_error_text(response), "ECONNREFUSED"));
  assert_non_null(strstr(fcgip_response_error_text(response), "10.0.0.2:9000"));
  assert_non_null(strstr(fcgip_response_error_text(response), "ENOENT"));
  assert_non_null(strstr(fcgip_response_error_text(response), "10.0.0.3:9000"));
  fcgip_response_free(response);
}

static void let_in(void *context)
{
  fixture *f = context;

  f->net.plan.result = 0;
}

/* A backlog that stays full until the connect timeout; the others have room. */
static void busy(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id id;
  fake_socket *last;

  fixture_add_endpoint(f, "/fake/busy", &options);
  fixture_add_endpoint(f, "10.0.0.2:9000", NULL);
  fixture_make_proxy(f, FCGIP_PROXY_FAILOVER);
  f->net.plan.result = EAGAIN;
  fake_net_call_at(&f->net, f->start_us + 100 * MS - 1, let_in, f);
  id = send_get(f);
  run_until(f, 101);
  last = socket_at(f, f->net.socket_count - 1);
  assert_int_equal(last->host, 2);
  assert_int_equal((last->opened_us - f->start_us) / MS, 100);
  fake_net_answer(&f->net, f->net.socket_count - 1, "second");
  run(f);
  assert_answered_by(f, id, 1);
}

static void overloaded(void **state)
{
  const unsigned hosts[] = {1, 2};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, NULL, FCGIP_PROXY_FAILOVER);
  id = send_it(f, f->post);
  fake_net_end(&f->net, 0, 9, 2);
  settle(f);
  fake_net_answer(&f->net, 1, "second");
  run(f);
  assert_hosts(f, hosts, 2);
  assert_answered_by(f, id, 1);
}

/* CLU-06: what a server may have begun stays where it was. */
static void not_once_it_may_have_begun(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  make(f, NULL, FCGIP_PROXY_FAILOVER);
  id = send_it(f, f->post);
  fake_net_at(&f->net, 0, FAKE_FIN, 0, 0);
  run(f);
  assert_fails(f, id, FCGIP_EREAD, 0, NULL);
  id = send_get(f);
  fake_net_at(&f->net, 0, FAKE_RECV_ERROR, 1, ECONNRESET);
  run(f);
  assert_fails(f, id, FCGIP_EREAD, ECONNRESET, NULL);
  id = send_get(f);
  fake_net_stdout(&f->net, 2, "\n\nbody");
  fake_net_end(&f->net, 2, 0, 2); /* overloaded, after a part of a response */
  run(f);
  assert_fails(f, id, FCGIP_EOVERLOADED, 0, NULL);
  id = send_get(f);
  fake_net_end(&f->net, 3, 0, 3);
  run(f);
  assert_fails(f, id, FCGIP_EROLE, 0, NULL);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, id), FCGIP_OK);
  assert_fails(f, id, FCGIP_ECANCELED, 0, NULL);
  assert_int_equal(f->net.socket_count, 5);
}

/* CLU-08: a connect timeout each, and one deadline for all of it. */
static void the_deadline_runs_on(void **state)
{
  const unsigned hosts[] = {1, 2, 3};
  fcgip_endpoint_options options = {.connect_timeout_ms = 100, .request_timeout_ms = 250};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, &options, FCGIP_PROXY_FAILOVER);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = FAKE_NET_NEVER;
  id = send_get(f);
  run(f);
  assert_int_equal(elapsed_ms(f), 250);
  assert_hosts(f, hosts, 3);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "10.0.0.3");
}

static void one_server_has_no_other(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_add_endpoint(f, "10.0.0.1:9000", NULL);
  fixture_make_proxy(f, FCGIP_PROXY_FAILOVER);
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  id = send_get(f);
  run(f);
  assert_int_equal(f->net.socket_count, 1);
  assert_fails(f, id, FCGIP_ECONNECT, ECONNREFUSED, NULL);
}

/* A stale connection of the next server is another matter, and may still be tried again. */
static void stale_connections_of_the_next(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  make(f, &options, FCGIP_PROXY_FAILOVER);
  for (i = 0; i < 3; i++) {
    send_get(f);
    fake_net_answer(&f->net, i, "");
    run(f);
  }
  socket_at(f, 0)->has_ended = 1; /* noticed before use, and nobody is there any more */
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  f->net.peek_error = 0;
  id = send_get(f);
  assert_int_equal(socket_at(f, 1)->requests, 2); /* the second's kept one */
  fake_net_at(&f->net, 0, FAKE_FIN, 1, 0);
  settle(f);
  assert_int_equal(socket_at(f, f->net.socket_count - 1)->host, 2);
  fake_net_answer(&f->net, f->net.socket_count - 1, "fresh");
  run(f);
  assert_answered_by(f, id, 1);
}

/* What is left of the race between the first server's addresses must not open a second connection to the next one. */
static void a_race_that_is_over(void **state)
{
  static const char *const live[] = {"10.0.0.3", "10.0.0.4", NULL};
  static const char *const silent[] = {"10.0.0.1", "10.0.0.2", NULL};
  const fcgip_endpoint_options options = {
      .connect_timeout_ms = 200, .max_idle_connections = 1, .idle_timeout_ms = 5000};
  fixture *f = *state;
  fcgip_request_id id;

  f->net.resolved = live;
  fixture_add_endpoint(f, "live.example:9000", &options);
  f->net.resolved = silent;
  fixture_add_endpoint(f, "silent.example:9000", &options);
  fixture_make_proxy(f, FCGIP_PROXY_FAILOVER);
  id = send_get(f);
  fake_net_answer(&f->net, 0, "warm");
  run(f);
  assert_succeeds(f, id, "warm");
  fake_net_plan(&f->net, EINPROGRESS, FAKE_NET_NEVER, 0);
  id = send_it(f, f->post);
  run_until(f, 400); /* the next address would have been tried after 250 */
  assert_int_equal(socket_at(f, 0)->requests, 2);
  assert_int_equal(f->net.socket_count, 2);
  fake_net_answer(&f->net, 0, "once");
  run(f);
  assert_succeeds(f, id, "once");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ONE_WAY(only_if_asked_for),
      THREE_WAYS(refused_refused_live),
      ONE_WAY(goes_around),
      THREE_WAYS(all_are_down),
      THREE_WAYS(busy),
      THREE_WAYS(overloaded),
      THREE_WAYS(not_once_it_may_have_begun),
      THREE_WAYS(the_deadline_runs_on),
      ONE_WAY(one_server_has_no_other),
      THREE_WAYS(stale_connections_of_the_next),
      THREE_WAYS(a_race_that_is_over),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
