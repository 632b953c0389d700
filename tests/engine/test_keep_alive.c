/* Connections that are kept: when they are used again, and when they are closed. What happens when they turn out to be
 * dead is in test_stale.c. */
#include "engine/fixture.h"
#include "support/reference_encoder.h"

static const fcgip_endpoint_options kept = {.max_idle_connections = 2, .idle_timeout_ms = 100};

static void carries_many_requests(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  fixture_tcp(f, &kept);
  f->net.is_serving = 1;
  for (i = 1; i <= 1000; i++) {
    id = send_get(f);
    run(f);
    assert_succeeds(f, id, "served");
    assert_int_equal(socket_at(f, 0)->request_id, i); /* TYP-11: another id each time */
    assert_int_equal(socket_at(f, 0)->request_keeps, 1);
  }
  assert_int_equal(f->net.socket_count, 1);
  assert_int_equal(socket_at(f, 0)->requests, 1000);
}

/* KAL-11: from 65535 to 1. */
static void wraps_its_ids(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  fixture_tcp(f, &kept);
  f->net.is_serving = 1;
  for (i = 1; i <= 65540; i++) {
    id = send_get(f);
    run(f);
    assert_succeeds(f, id, "served");
    socket_at(f, 0)->sent_len = socket_at(f, 0)->parsed = 0;
    socket_at(f, 0)->inbox_len = socket_at(f, 0)->inbox_at = 0;
  }
  assert_int_equal(f->net.socket_count, 1);
  assert_int_equal(socket_at(f, 0)->request_id, 5);
}

static void is_off_unless_asked_for(void **state)
{
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  for (i = 0; i < 3; i++) {
    send_get(f);
    run(f);
    assert_int_equal(socket_at(f, i)->request_keeps, 0);
    assert_false(socket_at(f, i)->is_open);
  }
}

static void keeps_no_more_than_it_may(void **state)
{
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, &kept);
  f->net.is_serving = 1;
  f->net.serve_us = MS;
  for (i = 0; i < 7; i++)
    send_get(f);
  assert_int_equal(f->net.open_count, 7);
  run(f);
  assert_int_equal(f->net.open_count, 2);
}

/* Also when requests waited in the queue while they became idle. */
static void keeps_no_surplus_behind_a_queue(void **state)
{
  fcgip_endpoint_options options = {
      .max_connections = 5, .max_idle_connections = 1, .idle_timeout_ms = 100};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  f->net.serve_us = MS;
  for (i = 0; i < 6; i++)
    send_get(f);
  assert_int_equal(f->net.open_count, 5);
  run_until(f, 1);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_int_equal(f->net.open_count, 2); /* one works, one is idle */
  run(f);
  assert_int_equal(f->net.open_count, 1);
}

static void closes_after_its_time(void **state)
{
  fixture *f = *state;

  fixture_tcp(f, &kept);
  f->net.is_serving = 1;
  send_get(f);
  run(f);
  run_until(f, 99);
  assert_int_equal(f->net.open_count, 1);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 1);
  run_until(f, 100);
  assert_int_equal(f->net.open_count, 0);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), -1);
  /* Used meanwhile, its time begins anew. */
  send_get(f);
  run_until(f, 190);
  assert_int_equal(f->net.open_count, 1);
  send_get(f);
  run_until(f, 289);
  assert_int_equal(f->net.socket_count, 2);
  assert_int_equal(f->net.open_count, 1);
  run_until(f, 290);
  assert_int_equal(f->net.open_count, 0);
}

static void takes_the_most_recent(void **state)
{
  fixture *f = *state;
  fcgip_request_id first, second, third;

  fixture_tcp(f, &kept);
  first = send_get(f);
  second = send_get(f);
  fake_net_answer(&f->net, 1, "second");
  settle(f);
  fake_net_answer(&f->net, 0, "first");
  run(f);
  third = send_get(f);
  assert_int_equal(socket_at(f, 0)->requests, 2);
  fake_net_answer(&f->net, 0, "third");
  run(f);
  assert_succeeds(f, first, "first");
  assert_succeeds(f, second, "second");
  assert_succeeds(f, third, "third");
}

static void ends_after_enough_requests(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 2, .max_requests_per_connection = 3};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  for (i = 0; i < 7; i++) {
    send_get(f);
    run(f);
    /* The last one says so, that the server need not wait for more. */
    assert_int_equal(socket_at(f, i / 3)->request_keeps, i % 3 != 2);
  }
  assert_int_equal(f->net.socket_count, 3);
  assert_int_equal(socket_at(f, 0)->requests, 3);
  assert_int_equal(socket_at(f, 1)->requests, 3);
  assert_int_equal(f->net.open_count, 1);
}

/* KAL-06, CLS-08, CLS-09: what follows END_REQUEST makes the connection useless. */
static void is_not_used_with_bytes_left_over(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;

  fixture_tcp(f, &kept);
  for (i = 0; i < 3; i++) {
    id = send_get(f);
    fake_net_answer(&f->net, i, "fine");
    if (i == 0)
      fake_net_data_at(&f->net, 0, i, "x", 1);
    if (i == 1)
      fake_net_end(&f->net, i, 0, 0);
    if (i == 2)
      fake_net_stdout(&f->net, i, "SMUGGLED");
    run(f);
    assert_int_equal(f->net.open_count, 0);
    assert_succeeds(f, id, "fine");
  }
}

/* Answered whole, but for the 8 bytes of END_REQUEST's padding. */
static fcgip_request_id send_padded(fixture *f)
{
  static const uint8_t end[] = {1, 3, 0, 1, 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  fcgip_request_id id = send_get(f);

  fake_net_stdout(&f->net, 0, "\r\npadded");
  fake_net_data_at(&f->net, 0, 0, end, sizeof(end));
  return id;
}

/* FRM-10: the padding of END_REQUEST belongs to it, and may come later. */
static void waits_for_its_padding(void **state)
{
  fixture *f = *state;
  fcgip_request_id id, other;

  fixture_tcp(f, &kept);
  id = send_padded(f);
  fake_net_data_at(&f->net, 0, 0, "123", 3);
  settle(f);
  assert_succeeds(f, id, "padded");
  assert_int_equal(f->net.open_count, 1);
  /* Not whole yet: not to be used. */
  other = send_get(f);
  assert_int_equal(f->net.socket_count, 2);
  fake_net_answer(&f->net, 1, "other");
  settle(f);
  assert_succeeds(f, other, "other");
}

/* More than its padding comes, while nobody uses it. */
static void closes_after_more_than_its_padding(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &kept);
  id = send_padded(f);
  settle(f);
  assert_succeeds(f, id, "padded");
  fake_net_data_at(&f->net, 0, 0, "123", 3);
  settle(f);
  assert_int_equal(f->net.open_count, 1);
  fake_net_data_at(&f->net, 0, 0, "45678\1", 6);
  settle(f);
  assert_int_equal(f->net.open_count, 0);
}

static void closes_when_it_ends_before_its_padding(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &kept);
  id = send_padded(f);
  settle(f);
  assert_succeeds(f, id, "padded");
  assert_int_equal(f->net.open_count, 1);
  at_ms(f, 0, FAKE_FIN, 0, 0);
  settle(f);
  assert_int_equal(f->net.open_count, 0);
}

static void is_used_again_after_its_padding(void **state)
{
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, &kept);
  f->net.is_serving = 1;
  f->net.serve_padding = 255;
  for (i = 1; i <= 20; i++) {
    fcgip_request_id id;

    f->net.recv_most = i * 17;
    id = send_get(f);
    run(f);
    assert_succeeds(f, id, "served");
    run_until(f, i * 5);
  }
  assert_int_equal(f->net.socket_count, 1);
}

static void closes_when_the_server_does(void **state)
{
  fixture *f = *state;

  fixture_tcp(f, &kept);
  f->net.is_serving = 1;
  send_get(f);
  run(f);
  at_ms(f, 10, FAKE_FIN, 0, 0);
  run_until(f, 11);
  assert_int_equal(f->net.open_count, 0);
  send_get(f);
  run(f);
  at_ms(f, 20, FAKE_RECV_ERROR, 1, ECONNRESET);
  run_until(f, 21);
  assert_int_equal(f->net.open_count, 0);
  send_get(f);
  run(f);
  fake_net_data_at(&f->net, 0, 2, "garbage", 7);
  settle(f);
  assert_int_equal(f->net.open_count, 0);
}

/* TYP-11: a late record of the last request is not taken for one of this. */
static void tells_late_records(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;
  reference_bytes late = {0};
  fcgip_request_id id;

  fixture_tcp(f, &options);
  reference_record(&late, 6, 1, "EVIL", 4, 0);
  f->net.is_serving = 1;
  send_get(f);
  run(f);
  f->net.is_serving = 0;
  id = send_get(f);
  fake_net_data_at(&f->net, 0, 0, late.data, late.len);
  fake_net_answer(&f->net, 0, "good");
  run(f);
  free(late.data);
  assert_int_equal(f->net.open_count, 0);
  assert_fails(f, id, FCGIP_EPROTO, 0, "another request");
}

/* KAL-12: after any failure the connection is gone. */
static void is_not_kept_after_a_failure(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &kept);
  id = send_get(f);
  fake_net_end(&f->net, 0, 0, 2);
  run(f);
  assert_fails(f, id, FCGIP_EOVERLOADED, 0, NULL);
  id = send_get(f);
  fake_net_end(&f->net, 1, 0, 0);
  run(f);
  assert_fails(f, id, FCGIP_EHEADER, 0, NULL);
  id = send_get(f);
  fake_net_stdout(&f->net, 2, "Content-Length: 3\n\nab");
  fake_net_end(&f->net, 2, 0, 0);
  run(f);
  assert_fails(f, id, FCGIP_ELENGTH, 0, NULL);
  assert_int_equal(f->net.open_count, 0);
}

/* A request that waits for the last connection that is allowed gets it, even if it must be a fresh one. */
static void makes_way_for_a_fresh_one(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 2, .max_idle_connections = 2};
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_tcp(f, &options);
  send_get(f);
  send_get(f);
  fake_net_answer(&f->net, 0, "");
  fake_net_answer(&f->net, 1, "");
  run(f);
  first = send_get(f);
  second = send_get(f);
  fake_net_answer(&f->net, 0, "second");
  settle(f);
  assert_succeeds(f, second, "second");
  fake_net_at(&f->net, 0, FAKE_FIN, 1, 0); /* the first must move; the idle one still lives */
  settle(f);
  assert_int_equal(f->net.socket_count, 3);
  assert_true(f->net.open_count <= 2);
  fake_net_answer(&f->net, 2, "first");
  run(f);
  assert_succeeds(f, first, "first");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(carries_many_requests),
      ONE_WAY(wraps_its_ids),
      ONE_WAY(is_off_unless_asked_for),
      THREE_WAYS(keeps_no_more_than_it_may),
      THREE_WAYS(keeps_no_surplus_behind_a_queue),
      THREE_WAYS(closes_after_its_time),
      THREE_WAYS(takes_the_most_recent),
      THREE_WAYS(ends_after_enough_requests),
      THREE_WAYS(is_not_used_with_bytes_left_over),
      THREE_WAYS(waits_for_its_padding),
      THREE_WAYS(closes_after_more_than_its_padding),
      THREE_WAYS(closes_when_it_ends_before_its_padding),
      THREE_WAYS(is_used_again_after_its_padding),
      THREE_WAYS(closes_when_the_server_does),
      THREE_WAYS(tells_late_records),
      THREE_WAYS(is_not_kept_after_a_failure),
      THREE_WAYS(makes_way_for_a_fresh_one),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
