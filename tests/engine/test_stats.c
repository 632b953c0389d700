/* The counters of each endpoint: every kind of end in one of them, and once. */
#include "engine/fixture.h"

static fcgip_endpoint_stats stats_of(const fixture *f, size_t index)
{
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};

  assert_int_equal(fcgip_proxy_endpoint_stats(f->proxy, index, &stats), FCGIP_OK);
  assert_int_equal(stats.reserved, 0);
  return stats;
}

static uint64_t failed(const fcgip_endpoint_stats *s)
{
  return s->failed_connect + s->failed_timeout + s->failed_transfer + s->failed_canceled +
         s->failed_protocol + s->failed_refused + s->failed_other;
}

static void are_zero_at_first(void **state)
{
  fixture *f = *state;
  fcgip_endpoint_stats stats, zero = {.struct_size = sizeof(zero)};

  fixture_tcp(f, NULL);
  stats = stats_of(f, 0);
  assert_memory_equal(&stats, &zero, sizeof(zero));
}

static void of_a_request_that_succeeds(void **state)
{
  fixture *f = *state;
  fcgip_endpoint_stats stats;

  fixture_tcp(f, NULL);
  send_get(f);
  stats = stats_of(f, 0);
  assert_int_equal(stats.sent, 1);
  assert_int_equal(stats.open, 1);
  assert_int_equal(stats.opened, 1);
  assert_int_equal(stats.succeeded, 0);
  assert_int_equal(stats.bytes_sent, socket_at(f, 0)->sent_len);
  run_until(f, 7);
  fake_net_answer(&f->net, 0, "x");
  run(f);
  send_get(f);
  fake_net_answer(&f->net, 1, "x");
  run_until(f, 8);
  stats = stats_of(f, 0);
  assert_int_equal(stats.sent, 2);
  assert_int_equal(stats.succeeded, 2);
  assert_int_equal(stats.open, 0);
  assert_int_equal(stats.bytes_sent, 2 * socket_at(f, 0)->sent_len);
  assert_int_equal(stats.bytes_received, 2 * socket_at(f, 0)->inbox_len);
  assert_int_equal(stats.duration_us_sum, 7 * MS);
  assert_int_equal(stats.duration_us_max, 7 * MS);
  assert_int_equal(failed(&stats), 0);
}

static void fail_refused(fixture *f)
{
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  send_get(f);
}

static void fail_timeout(fixture *f)
{
  send_get(f);
  run(f);
}

static void fail_transfer(fixture *f)
{
  send_get(f);
  fake_net_at(&f->net, 0, FAKE_FIN, f->net.socket_count - 1, 0);
  run(f);
}

static void fail_canceled(fixture *f)
{
  assert_int_equal(fcgip_proxy_cancel(f->proxy, send_get(f)), FCGIP_OK);
}

static void fail_protocol(fixture *f)
{
  send_get(f);
  fake_net_end(&f->net, f->net.socket_count - 1, 0, 0);
  run(f);
}

static void fail_by_refusal(fixture *f)
{
  send_get(f);
  fake_net_end(&f->net, f->net.socket_count - 1, 0, 2);
  run(f);
}

static void of_each_failure(void **state)
{
  static const struct {
    void (*make_fail)(fixture *f);
    size_t counter;
  } rows[] = {
      {fail_refused, offsetof(fcgip_endpoint_stats, failed_connect)},
      {fail_timeout, offsetof(fcgip_endpoint_stats, failed_timeout)},
      {fail_transfer, offsetof(fcgip_endpoint_stats, failed_transfer)},
      {fail_canceled, offsetof(fcgip_endpoint_stats, failed_canceled)},
      {fail_protocol, offsetof(fcgip_endpoint_stats, failed_protocol)},
      {fail_by_refusal, offsetof(fcgip_endpoint_stats, failed_refused)},
  };
  fixture *f = *state;
  size_t i, round;

  fixture_tcp(f, NULL);
  for (round = 1; round <= 2; round++) {
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
      fcgip_endpoint_stats stats;
      uint64_t counter;

      rows[i].make_fail(f);
      stats = stats_of(f, 0);
      memcpy(&counter, (const char *)&stats + rows[i].counter, sizeof(counter));
      assert_int_equal(counter, round);
      assert_int_equal(failed(&stats), (round - 1) * 6 + i + 1);
      assert_int_equal(stats.sent, failed(&stats));
      assert_int_equal(stats.succeeded, 0);
      assert_int_equal(stats.open, 0);
    }
  }
}

static void of_the_queue(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 2};
  fixture *f = *state;
  fcgip_endpoint_stats stats;
  int i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  f->net.serve_us = MS;
  for (i = 0; i < 7; i++)
    send_get(f);
  stats = stats_of(f, 0);
  assert_int_equal(stats.open, 2);
  assert_int_equal(stats.queued, 5);
  run(f);
  stats = stats_of(f, 0);
  assert_int_equal(stats.queued, 0);
  assert_true(stats.queued_max >= 5 && stats.queued_max <= 6);
  assert_int_equal(stats.opened, 7);
}

static void of_kept_connections(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;
  fcgip_endpoint_stats stats;
  int i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  for (i = 0; i < 4; i++) {
    send_get(f);
    run(f);
  }
  stats = stats_of(f, 0);
  assert_int_equal(stats.opened, 1);
  assert_int_equal(stats.reused, 3);
  assert_int_equal(stats.open, 1);
  assert_int_equal(stats.idle, 1);
  f->net.is_serving = 0;
  send_get(f);
  fake_net_at(&f->net, 0, FAKE_FIN, 0, 0);
  f->net.is_serving = 1;
  run(f);
  stats = stats_of(f, 0);
  assert_int_equal(stats.retried, 1); /* and no failure is counted */
  assert_int_equal(stats.succeeded, 5);
  assert_int_equal(stats.sent, 5);
  assert_int_equal(failed(&stats), 0);
  assert_int_equal(stats.opened, 2);
}

static void of_failover(void **state)
{
  fixture *f = *state;
  fcgip_endpoint_stats first, second;

  fixture_add_endpoint(f, "10.0.0.1:9000", NULL);
  fixture_add_endpoint(f, "10.0.0.2:9000", NULL);
  fixture_make_proxy(f, FCGIP_PROXY_FAILOVER);
  f->net.is_serving = 1;
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  send_get(f);
  run(f);
  first = stats_of(f, 0);
  second = stats_of(f, 1);
  assert_int_equal(first.sent, 1);
  assert_int_equal(first.failed_over, 1);
  assert_int_equal(failed(&first), 0);
  assert_int_equal(first.opened, 0);
  assert_int_equal(second.sent, 1);
  assert_int_equal(second.succeeded, 1);
  assert_int_equal(second.failed_over, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ONE_WAY(are_zero_at_first), THREE_WAYS(of_a_request_that_succeeds), ONE_WAY(of_each_failure),
      THREE_WAYS(of_the_queue),   ONE_WAY(of_kept_connections),           ONE_WAY(of_failover),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
