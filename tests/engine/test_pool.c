/* Limits of one server: connections, and the queue of those that wait for one. */
#include "engine/fixture.h"

enum { MANY = 30 };

static void opens_no_more_than_it_may(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 3};
  fixture *f = *state;
  fcgip_request_id ids[MANY];
  size_t i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  f->net.serve_us = 10 * MS;
  for (i = 0; i < MANY; i++) {
    ids[i] = send_get(f);
    assert_true(f->net.open_count <= 3);
  }
  while (fcgip_proxy_pending(f->proxy) > 0) {
    turn(f, -1);
    assert_true(f->net.open_count <= 3);
  }
  assert_int_equal(elapsed_ms(f), 10 * MANY / 3);
  assert_int_equal(f->net.socket_count, MANY); /* a fresh connection each */
  for (i = 0; i < MANY; i++)
    assert_succeeds(f, ids[i], "served");
}

/* First come, first served; also after one of those that wait went away. */
static void serves_in_order(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 1};
  fixture *f = *state;
  fcgip_request_id ids[6], done[6];
  size_t i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  f->net.serve_us = 10 * MS;
  for (i = 0; i < 6; i++)
    ids[i] = send_get(f);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, ids[2]), FCGIP_OK);
  run(f);
  assert_int_equal(fcgip_proxy_request_ids_having_response(f->proxy, done, 6), 6);
  assert_true(done[0] == ids[2] && done[1] == ids[0] && done[2] == ids[1]);
  assert_true(done[3] == ids[3] && done[4] == ids[4] && done[5] == ids[5]);
}

static void does_not_hold_others_up(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 1};
  fixture *f = *state;
  fcgip_request_id first, second, third, fourth;

  fixture_add_endpoint(f, "10.0.0.1:9000", &options);
  fixture_add_endpoint(f, "10.0.0.2:9000", &options);
  fixture_make_proxy(f, 0);
  first = send_get(f);
  second = send_get(f);
  third = send_get(f);
  fourth = send_get(f);
  assert_int_equal(f->net.open_count, 2);
  fake_net_answer(&f->net, 1, "second");
  settle(f);
  assert_int_equal(socket_at(f, 2)->host, 2); /* the fourth, though the third was sent before */
  fake_net_answer(&f->net, 2, "fourth");
  settle(f);
  assert_succeeds(f, second, "second");
  assert_succeeds(f, fourth, "fourth");
  assert_int_equal(fcgip_proxy_pending(f->proxy), 2);
  fake_net_answer(&f->net, 0, "first");
  settle(f);
  fake_net_answer(&f->net, 3, "third");
  run(f);
  assert_succeeds(f, first, "first");
  assert_succeeds(f, third, "third");
}

static void queues_no_more_than_it_may(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 2, .max_queued = 3};
  fixture *f = *state;
  fcgip_request_id id = 7, ids[5];
  size_t i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  f->net.serve_us = MS;
  for (i = 0; i < 5; i++)
    ids[i] = send_get(f);
  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->request, &id), FCGIP_EQUEUEFULL);
  assert_int_equal(id, 0);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 5);
  run_until(f, 1);
  send_get(f);
  send_get(f);
  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->request, NULL), FCGIP_EQUEUEFULL);
  run(f);
  for (i = 0; i < 5; i++)
    assert_succeeds(f, ids[i], "served");
}

/* Sent synchronously it is the caller's error as well: there is no response. */
static void a_full_queue_and_waiting(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 1, .max_queued = 1};
  fixture *f = *state;
  fcgip_response *response = (fcgip_response *)(uintptr_t)1;

  fixture_tcp(f, &options);
  send_get(f);
  send_get(f);
  assert_int_equal(fcgip_proxy_send_request(f->proxy, f->request, &response), FCGIP_EQUEUEFULL);
  assert_null(response);
}

typedef struct burst {
  fixture *f;
  size_t count;
  int results[16];
} burst;

static void send_burst(fcgip_response *response, void *user_data)
{
  burst *b = user_data;
  size_t i;

  (void)response;
  for (i = 0; i < b->count; i++)
    b->results[i] = fcgip_proxy_send_async_request(b->f->proxy, b->f->post, NULL);
}

/* In a callback nothing is started yet; those that will have a connection at once are not in the way of others. */
static void queues_no_more_than_it_may_in_callbacks(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 4, .max_queued = 2};
  fixture *f = *state;
  burst b = {f, 8, {0}};
  size_t i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  assert_int_equal(fcgip_request_add_response_callback(f->request, send_burst, &b, NULL), FCGIP_OK);
  send_get(f);
  run(f);
  assert_int_equal(fcgip_proxy_handle_ready_responses(f->proxy, 0), 1);
  for (i = 0; i < 6; i++)
    assert_int_equal(b.results[i], FCGIP_OK);
  assert_int_equal(b.results[6], FCGIP_EQUEUEFULL);
  assert_int_equal(b.results[7], FCGIP_EQUEUEFULL);
  assert_int_equal(fcgip_proxy_wait_for_responses(f->proxy, -1), FCGIP_OK);
}

/* A cluster has a result for it, as the other servers have theirs. */
static void a_full_queue_in_a_cluster(void **state)
{
  fcgip_endpoint_options full = {.max_connections = 1, .max_queued = 1};
  fixture *f = *state;
  fcgip_proxy_options options = {sizeof(options), 0, NULL, NULL, NULL, NULL, &f->memory.hook};
  fcgip_cluster_proxy *cluster;
  fcgip_response *responses[8];
  size_t n = 0, i, refused = 0;

  fixture_add_endpoint(f, "10.0.0.1:9000", &full);
  fixture_add_endpoint(f, "10.0.0.2:9000", NULL);
  fixture_make_proxy(f, 0);
  f->net.is_serving = 1;
  assert_int_equal(fcgip__cluster_proxy_new(&cluster, f->collection, &options, &f->net.sys),
                   FCGIP_OK);
  for (i = 0; i < 3; i++)
    assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, f->request), FCGIP_OK);
  while (fcgip_cluster_proxy_pending(cluster) > 0)
    fcgip_cluster_proxy_poll(cluster, -1);
  assert_int_equal(fcgip_cluster_proxy_read_ready_responses(cluster, 0, responses, 8, &n),
                   FCGIP_OK);
  assert_int_equal(n, 6);
  for (i = 0; i < n; i++) {
    if (fcgip_response_error(responses[i]) == FCGIP_EQUEUEFULL) {
      refused++;
      assert_ptr_equal(fcgip_response_endpoint(responses[i]), f->endpoints[0]);
      assert_true(fcgip_response_is_retry_safe(responses[i]));
    } else {
      assert_int_equal(fcgip_response_error(responses[i]), FCGIP_OK);
    }
    fcgip_response_free(responses[i]);
  }
  assert_int_equal(refused, 1);
  fcgip_cluster_proxy_free(cluster);
}

static void no_limits(void **state)
{
  fcgip_endpoint_options options = {.max_connections = NONE, .max_queued = NONE};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  f->net.serve_us = MS;
  for (i = 0; i < 400; i++)
    send_get(f);
  assert_int_equal(f->net.open_count, 400);
  run(f);
  assert_int_equal(fcgip_proxy_request_ids_having_response(f->proxy, NULL, 0), 400);
}

/* A connection is closed the moment END_REQUEST is in, whoever may read the response when (KAL-02). */
static void closes_at_once(void **state)
{
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_tcp(f, NULL);
  first = send_get(f);
  second = send_get(f);
  fake_net_answer(&f->net, 0, "unread");
  assert_int_equal(fcgip_proxy_has_response(f->proxy, second), 0); /* any call drives all of them */
  assert_false(socket_at(f, 0)->is_open);
  assert_true(socket_at(f, 1)->is_open);
  fake_net_answer(&f->net, 1, "read");
  run(f);
  assert_succeeds(f, second, "read");
  assert_succeeds(f, first, "unread");
}

/* What is freed is used again: a long run needs no more memory than a short one. */
static void keeps_its_memory(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 10, .max_idle_connections = 10};
  fixture *f = *state;
  size_t round, i, after_one = 0;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  for (round = 0; round < 50; round++) {
    for (i = 0; i < 20; i++)
      send_get(f);
    assert_int_equal(fcgip_proxy_wait_for_responses(f->proxy, -1), FCGIP_OK);
    if (round == 0)
      after_one = f->memory.live_bytes;
    assert_true(f->memory.live_bytes <= after_one);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(opens_no_more_than_it_may),
      THREE_WAYS(serves_in_order),
      THREE_WAYS(does_not_hold_others_up),
      THREE_WAYS(queues_no_more_than_it_may),
      ONE_WAY(a_full_queue_and_waiting),
      ONE_WAY(queues_no_more_than_it_may_in_callbacks),
      ONE_WAY(a_full_queue_in_a_cluster),
      THREE_WAYS(no_limits),
      ONE_WAY(closes_at_once),
      ONE_WAY(keeps_its_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
