/* A host with several addresses, within one connect timeout (NET-15): one that refuses makes way at once, one that is
 * silent gets the next as its rival after 250 ms (RFC 8305). */
#include "engine/fixture.h"

static const char *const three[] = {"10.0.0.11", "10.0.0.12", "10.0.0.13", NULL};

static void make(fixture *f, const char *const *addresses, const fcgip_endpoint_options *options)
{
  f->net.resolved = addresses;
  fixture_add_endpoint(f, "host.test:9000", options);
  fixture_make_proxy(f, 0);
}

static void assert_hosts(fixture *f, const unsigned *hosts, size_t count)
{
  size_t i;

  assert_int_equal(f->net.socket_count, count);
  for (i = 0; i < count; i++)
    assert_int_equal(socket_at(f, i)->host, hosts[i]);
}

static void takes_the_first(void **state)
{
  const unsigned hosts[] = {11, 11};
  fixture *f = *state;
  fcgip_request_id first, second;

  make(f, three, NULL);
  f->net.is_serving = 1;
  first = send_get(f);
  second = send_get(f);
  run(f);
  assert_hosts(f, hosts, 2);
  assert_succeeds(f, first, "served");
  assert_succeeds(f, second, "served");
}

static void refused_refused_live(void **state)
{
  const unsigned hosts[] = {11, 12, 13};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, NULL);
  f->net.is_serving = 1;
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  fake_net_plan(&f->net, EINPROGRESS, 10 * MS, EHOSTUNREACH);
  id = send_get(f);
  run(f);
  assert_int_equal(elapsed_ms(f), 10);
  assert_hosts(f, hosts, 3);
  assert_int_equal(f->net.open_count, 0);
  assert_succeeds(f, id, "served");
}

static void silent_silent_live(void **state)
{
  const unsigned hosts[] = {11, 12, 13};
  fcgip_endpoint_options options = {.connect_timeout_ms = 900};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, &options);
  fake_net_plan(&f->net, EINPROGRESS, FAKE_NET_NEVER, 0);
  fake_net_plan(&f->net, EINPROGRESS, FAKE_NET_NEVER, 0);
  fake_net_plan(&f->net, EINPROGRESS, 100 * MS, 0);
  id = send_get(f);
  run_until(f, 600);
  assert_hosts(f, hosts, 3);
  assert_int_equal((socket_at(f, 1)->opened_us - f->start_us) / MS, 250);
  assert_int_equal((socket_at(f, 2)->opened_us - f->start_us) / MS, 500);
  assert_int_equal(f->net.open_count, 1); /* the losers are closed */
  assert_true(socket_at(f, 2)->is_open);
  assert_int_equal(socket_at(f, 2)->requests, 1);
  fake_net_answer(&f->net, 2, "winner");
  run(f);
  assert_succeeds(f, id, "winner");
}

/* The one that was asked first may still win. */
static void slow_live_silent(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, NULL);
  fake_net_plan(&f->net, EINPROGRESS, 400 * MS, 0);
  fake_net_plan(&f->net, EINPROGRESS, FAKE_NET_NEVER, 0);
  id = send_get(f);
  run_until(f, 400);
  assert_int_equal(f->net.socket_count, 2);
  assert_true(socket_at(f, 0)->is_open);
  assert_int_equal(f->net.open_count, 1);
  fake_net_answer(&f->net, 0, "slow");
  run(f);
  assert_succeeds(f, id, "slow");
}

static void refused_silent_live(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, NULL);
  f->net.is_serving = 1;
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  fake_net_plan(&f->net, EINPROGRESS, FAKE_NET_NEVER, 0);
  id = send_get(f);
  run(f);
  assert_int_equal(elapsed_ms(f), 250);
  assert_succeeds(f, id, "served");
}

/* A rival that fails leaves the field to the others; the last one's failure is the request's. */
static void rivals_that_fail(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = 2000};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, &options);
  fake_net_plan(&f->net, EINPROGRESS, 900 * MS, EHOSTUNREACH);
  fake_net_plan(&f->net, EINPROGRESS, 100 * MS, ECONNREFUSED);
  fake_net_plan(&f->net, EINPROGRESS, 300 * MS, ENETUNREACH);
  id = send_get(f);
  run_until(f, 350);
  assert_int_equal(f->net.socket_count, 3); /* the second made way at once */
  assert_int_equal(f->net.open_count, 2);
  run_until(f, 650);
  assert_int_equal(f->net.open_count, 1);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  run(f);
  assert_int_equal(elapsed_ms(f), 900);
  assert_true(assert_fails(f, id, FCGIP_ECONNECT, EHOSTUNREACH, NULL));
}

/* The first of them fails last but one: its rival takes its place, and wins. */
static void a_rival_that_steps_in(void **state)
{
  static const char *const two[] = {"10.0.0.11", "10.0.0.12", NULL};
  const unsigned hosts[] = {11, 12};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, two, NULL);
  f->net.is_serving = 1;
  f->net.serve_us = 50 * MS;
  fake_net_plan(&f->net, EINPROGRESS, 300 * MS, ECONNREFUSED);
  fake_net_plan(&f->net, EINPROGRESS, 150 * MS, 0);
  id = send_get(f);
  run_until(f, 350);
  assert_hosts(f, hosts, 2);
  assert_int_equal(f->net.open_count, 1);
  run(f);
  assert_int_equal(elapsed_ms(f), 450);
  assert_succeeds(f, id, "served");
  assert_int_equal(f->net.open_count, 0);
}

/* The rival is connected, and short of buffers: it has a wait of its own. */
static void a_rival_that_waits(void **state)
{
  static const char *const two[] = {"10.0.0.11", "10.0.0.12", NULL};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, two, NULL);
  f->net.is_serving = 1;
  fake_net_plan(&f->net, EINPROGRESS, FAKE_NET_NEVER, 0);
  fake_net_plan(&f->net, EINPROGRESS, 50 * MS, 0);
  id = send_get(f);
  at_ms(f, 260, FAKE_SEND_ERROR, 1, ENOBUFS);
  at_ms(f, 301, FAKE_SEND_ERROR, 1, 0);
  run(f);
  assert_int_equal(elapsed_ms(f), 310);
  assert_succeeds(f, id, "served");
}

/* Rivals are connections, too. Where there is no room for one, the next address waits for half of the time. */
static void no_room_for_a_rival(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = 1000, .max_connections = 1};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, &options);
  f->net.is_serving = 1;
  fake_net_plan(&f->net, EINPROGRESS, FAKE_NET_NEVER, 0);
  id = send_get(f);
  run_until(f, 499);
  assert_int_equal(f->net.socket_count, 1);
  run(f);
  assert_int_equal(elapsed_ms(f), 500);
  assert_int_equal(socket_at(f, 1)->host, 12);
  assert_succeeds(f, id, "served");
}

static void cancelled_while_racing(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, NULL);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = FAKE_NET_NEVER;
  id = send_get(f);
  run_until(f, 300);
  assert_int_equal(f->net.open_count, 2);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, id), FCGIP_OK);
  assert_int_equal(f->net.open_count, 0);
  assert_true(assert_fails(f, id, FCGIP_ECANCELED, 0, NULL));
  id = send_get(f);
  run_until(f, 600);
  assert_int_equal(f->net.open_count, 2);
  fixture_free_proxy(f);
  assert_int_equal(f->net.open_count, 0);
}

static void all_silent(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = 600};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, &options);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = FAKE_NET_NEVER;
  id = send_get(f);
  run(f);
  assert_int_equal(elapsed_ms(f), 600);
  assert_int_equal(f->net.socket_count, 3);
  assert_true(assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "connect_timeout_ms"));
}

static void all_refused(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, NULL);
  fake_net_plan(&f->net, EACCES, 0, 0);
  fake_net_plan(&f->net, EINPROGRESS, 5 * MS, ETIMEDOUT);
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  id = send_get(f);
  run(f);
  /* The last one's reason. */
  assert_true(assert_fails(f, id, FCGIP_ECONNECT, ECONNREFUSED, "tcp://host.test:9000"));
}

/* NET-16: a family that this system does not have. */
static void no_socket_for_the_first(void **state)
{
  static const char *const both[] = {"::1", "10.0.0.12", NULL};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, both, NULL);
  f->net.is_serving = 1;
  f->net.socket_error = EAFNOSUPPORT;
  id = send_get(f);
  assert_fails(f, id, FCGIP_ECONNECT, EAFNOSUPPORT, NULL);
  f->net.socket_error = 0;
  fake_net_plan(&f->net, EADDRNOTAVAIL, 0, 0);
  id = send_get(f);
  run(f);
  assert_int_equal(socket_at(f, 1)->host, 12);
  assert_succeeds(f, id, "served");
}

/* Without a connect timeout an address that is silent has no end; the request has. */
static void no_connect_timeout(void **state)
{
  fcgip_endpoint_options options = {.connect_timeout_ms = NONE, .request_timeout_ms = 7000};
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, &options);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = FAKE_NET_NEVER;
  id = send_get(f);
  run(f);
  assert_int_equal(elapsed_ms(f), 7000);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "in all");
}

/* Once a byte was taken, the others are not tried: the server may have begun. */
static void does_not_move_once_connected(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  make(f, three, NULL);
  id = send_get(f);
  fake_net_at(&f->net, 0, FAKE_FIN, 0, 0);
  run(f);
  assert_int_equal(f->net.socket_count, 1);
  assert_fails(f, id, FCGIP_EREAD, 0, NULL);
}

/* New addresses count for the connections made later. */
static void changed_in_flight(void **state)
{
  static const char *const later[] = {"10.0.0.21", NULL};
  fixture *f = *state;
  fcgip_request_id first, second;

  make(f, three, NULL);
  fake_net_plan(&f->net, EINPROGRESS, 10 * MS, ECONNREFUSED);
  first = send_get(f);
  f->net.resolved = later;
  assert_int_equal(fcgip_endpoint_resolve(f->endpoints[0]), FCGIP_OK);
  f->net.is_serving = 1;
  second = send_get(f);
  assert_int_equal(socket_at(f, 1)->host, 21);
  run(f);
  /* The one in flight had address 0 of three; there is no address 1 any more. */
  assert_fails(f, first, FCGIP_ECONNECT, ECONNREFUSED, NULL);
  assert_succeeds(f, second, "served");
  /* Nothing found: what was known before stays. */
  f->net.resolved = NULL;
  assert_int_equal(fcgip_endpoint_resolve(f->endpoints[0]), FCGIP_ERESOLVE);
  second = send_get(f);
  run(f);
  assert_succeeds(f, second, "served");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ONE_WAY(takes_the_first),
      THREE_WAYS(refused_refused_live),
      THREE_WAYS(silent_silent_live),
      THREE_WAYS(slow_live_silent),
      THREE_WAYS(refused_silent_live),
      THREE_WAYS(rivals_that_fail),
      THREE_WAYS(a_rival_that_steps_in),
      THREE_WAYS(a_rival_that_waits),
      THREE_WAYS(no_room_for_a_rival),
      THREE_WAYS(cancelled_while_racing),
      THREE_WAYS(all_silent),
      THREE_WAYS(all_refused),
      ONE_WAY(no_socket_for_the_first),
      ONE_WAY(no_connect_timeout),
      ONE_WAY(does_not_move_once_connected),
      ONE_WAY(changed_in_flight),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
