/* From the first byte to the last: cancelling in each state, freeing with requests in flight, ids, forks, and what is
 * released when. */
#include <sys/wait.h>
#include <unistd.h>

#include "engine/fixture.h"

enum { MANY = 2000 };

/* ---- cancelling: RUN-08 ---- */

static void cancel_now(fixture *f, fcgip_request_id id, int is_retry_safe)
{
  assert_int_equal(fcgip_proxy_cancel(f->proxy, id), FCGIP_OK);
  assert_int_equal(f->net.open_count, 0); /* closed before the call returns */
  assert_int_equal(fcgip_proxy_pending(f->proxy), 0);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, id), FCGIP_OK); /* twice does no harm */
  assert_int_equal(fcgip_proxy_has_response(f->proxy, id), 1);
  assert_int_equal(assert_fails(f, id, FCGIP_ECANCELED, 0, "cancel"), is_retry_safe);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, id), FCGIP_ENOTFOUND);
}

static void cancelled_while_connecting(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  f->net.plan.result = EINPROGRESS;
  f->net.plan.after_us = 100 * MS;
  id = send_it(f, f->post);
  run_until(f, 10);
  cancel_now(f, id, 1);
  run_until(f, 200);
}

static void cancelled_while_sending(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  f->net.plan.result = EINPROGRESS;
  id = send_it(f, f->post);
  socket_at(f, 0)->room = 30;
  settle(f);
  assert_int_equal(socket_at(f, 0)->sent_len, 30);
  cancel_now(f, id, 0);
}

static void cancelled_while_waiting(void **state)
{
  fixture *f = *state;

  fixture_tcp(f, NULL);
  cancel_now(f, send_it(f, f->post), 0);
  cancel_now(f, send_get(f), 1); /* may be repeated, and nothing was answered */
}

static void cancelled_in_mid_response(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;
  fcgip_response *response;

  fixture_tcp(f, NULL);
  id = send_get(f);
  fake_net_stdout(&f->net, 0, "A: b\n\npart");
  settle(f);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, id), FCGIP_OK);
  assert_int_equal(f->net.open_count, 0);
  response = take(f, id);
  assert_true(fcgip_response_is_partial(response));
  assert_false(fcgip_response_is_retry_safe(response));
  assert_string_equal(fcgip_response_body(response, NULL), "part");
  fcgip_response_free(response);
}

static void cancelled_in_the_queue(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 1};
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_tcp(f, &options);
  first = send_get(f);
  second = send_it(f, f->post);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, second), FCGIP_OK);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_true(assert_fails(f, second, FCGIP_ECANCELED, 0, NULL));
  fake_net_answer(&f->net, 0, "first");
  run(f);
  assert_int_equal(f->net.socket_count, 1);
  assert_succeeds(f, first, "first");
}

static void cancelled_too_late(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  id = send_get(f);
  fake_net_answer(&f->net, 0, "whole");
  run(f);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, id), FCGIP_OK);
  assert_succeeds(f, id, "whole");
}

/* Its connection goes to the one that waits, at once. */
static void cancelling_makes_room(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 1};
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_tcp(f, &options);
  first = send_get(f);
  second = send_get(f);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, first), FCGIP_OK);
  assert_int_equal(socket_at(f, 1)->requests, 1);
  fake_net_answer(&f->net, 1, "second");
  run(f);
  assert_succeeds(f, second, "second");
}

/* ---- freeing: RUN-07 ---- */

typedef struct counter {
  int calls, releases;
} counter;

static void count_response(fcgip_response *response, void *user_data)
{
  counter *c = user_data;

  (void)response;
  c->calls++;
}

static int count_piece(fcgip_request_id id, const void *output, size_t output_len,
                       const void *error, size_t error_len, void *user_data)
{
  counter *c = user_data;

  (void)id, (void)output, (void)output_len, (void)error, (void)error_len;
  c->calls++;
  return 0;
}

static void count_release(void *user_data)
{
  counter *c = user_data;

  c->releases++;
}

static void add_counters(fcgip_request *request, counter *c)
{
  assert_int_equal(fcgip_request_add_response_callback(request, count_response, c, count_release),
                   FCGIP_OK);
  assert_int_equal(fcgip_request_add_failure_callback(request, count_response, c, count_release),
                   FCGIP_OK);
  assert_int_equal(fcgip_request_add_pass_through_callback(request, count_piece, c, count_release),
                   FCGIP_OK);
}

static void freed_in_every_state(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 4, .max_idle_connections = 1};
  fixture *f = *state;
  counter c = {0, 0};
  size_t i;

  fixture_unix(f, &options);
  f->net.is_serving = 1;
  send_get(f);
  run(f); /* done, not taken; and one that is idle */
  f->net.is_serving = 0;
  add_counters(f->request, &c);
  send_get(f); /* receiving, on the kept one */
  fake_net_plan(&f->net, EINPROGRESS, 1000 * MS, 0);
  fake_net_plan(&f->net, EAGAIN, 0, 0);
  for (i = 0; i < 6; i++)
    send_get(f); /* connecting, backing off, receiving, and three in the queue */
  fcgip_request_free(f->request);
  f->request = NULL;
  assert_int_equal(fcgip_proxy_pending(f->proxy), 7);
  assert_int_equal(c.releases, 0);
  fixture_free_proxy(f);
  assert_int_equal(f->net.open_count, 0);
  assert_int_equal(c.calls, 0);
  assert_int_equal(c.releases, 3); /* one for each callback */
}

static void released_with_the_last_holder(void **state)
{
  fixture *f = *state;
  counter c = {0, 0};
  fcgip_request_id first, second;

  fixture_tcp(f, NULL);
  add_counters(f->request, &c);
  first = send_get(f);
  second = send_get(f);
  fcgip_request_free(f->request);
  f->request = NULL;
  fake_net_answer(&f->net, 0, "first");
  fake_net_answer(&f->net, 1, "second");
  run(f);
  assert_int_equal(c.releases, 0);
  assert_int_equal(c.calls, 4); /* pieces */
  assert_succeeds(f, first, "first");
  assert_int_equal(c.releases, 0);
  assert_int_equal(fcgip_proxy_handle_response(f->proxy, second, 0), FCGIP_OK);
  assert_int_equal(c.calls, 5);
  assert_int_equal(c.releases, 3);
}

static void content_is_released_with_the_last_holder(void **state)
{
  static const char content[] = "not copied";
  fixture *f = *state;
  counter c = {0, 0};
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  assert_int_equal(fcgip_request_set_content_ref(f->post, content, 10, count_release, &c),
                   FCGIP_OK);
  id = send_it(f, f->post);
  assert_int_equal(fcgip_request_set_content(f->post, "other", 5), FCGIP_OK);
  assert_int_equal(c.releases, 0);
  fake_net_answer(&f->net, 0, "");
  run(f);
  fcgip_response_free(take(f, id));
  assert_int_equal(c.releases, 1);
}

/* Responses outlive everything else. */
static void responses_stay(void **state)
{
  fixture *f = *state;
  fcgip_response *response;

  fixture_tcp(f, NULL);
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  response = take(f, send_get(f));
  fixture_free_proxy(f);
  fcgip_collection_free(f->collection);
  f->collection = NULL;
  fcgip_endpoint_free(f->endpoints[0]);
  f->endpoint_count = 0;
  assert_string_equal(fcgip_endpoint_address(fcgip_response_endpoint(response)),
                      "tcp://10.0.0.1:9000");
  assert_ptr_equal(fcgip_response_ref(response), response);
  fcgip_response_free(response);
  assert_non_null(strstr(fcgip_response_error_text(response), "ECONNREFUSED"));
  fcgip_response_free(response);
}

/* ---- ids ---- */

static void ids_are_never_used_again(void **state)
{
  fixture *f = *state;
  fcgip_request_id last = 0, id;
  size_t i;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  for (i = 0; i < MANY; i++) {
    id = send_get(f);
    assert_true(id > last);
    last = id;
    if (i % 3 == 0) {
      run(f);
      fcgip_response_free(take(f, id));
    }
  }
  assert_int_equal(fcgip_proxy_has_response(f->proxy, last + 1), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_has_response(f->proxy, 0), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_has_response(f->proxy, UINT64_MAX), FCGIP_ENOTFOUND);
  run(f);
}

static void an_id_is_good_once(void **state)
{
  fixture *f = *state;
  fcgip_response *response;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  id = send_get(f);
  run(f);
  fcgip_response_free(take(f, id));
  assert_int_equal(fcgip_proxy_read_response(f->proxy, id, -1, &response), FCGIP_ENOTFOUND);
  assert_null(response);
  assert_int_equal(fcgip_proxy_wait_for_response(f->proxy, id, -1), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_handle_response(f->proxy, id, -1), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_handle_responses(f->proxy, -1, &id, 1), 0);
  assert_int_equal(fcgip_proxy_read_responses(f->proxy, -1, &id, 1, &response), 0);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, id), FCGIP_ENOTFOUND);
}

/* ---- fork: RUN-09 ---- */

static void a_child_only_frees(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;
  int status = 0;
  pid_t child;

  fixture_tcp(f, NULL);
  id = send_get(f);
  child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    size_t sent = socket_at(f, 0)->sent_len;

    fcgip_proxy_free(f->proxy);
    _exit(f->net.open_count == 0 && socket_at(f, 0)->sent_len == sent && f->net.violation == NULL
              ? 0
              : 1);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  fake_net_answer(&f->net, 0, "the parent's");
  run(f);
  assert_succeeds(f, id, "the parent's");
}

/* ---- callbacks that run while the last call is leaving ---- */

static fixture *leaving;

/* Takes nothing, and there is an answer all the same. */
static int64_t send_to_one_who_knew(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  static const uint8_t answer[] = {1, 6, 0, 2, 0, 2, 0, 0, '\n', 'x', 1, 3, 0,
                                   2, 0, 8, 0, 0, 0, 0, 0, 0,    0,   0, 0, 0};
  fake_net *net = context;
  fake_socket *socket = fake_net_by_fd(net, fd);

  (void)iov, (void)iov_len;
  fake_net_data_at(net, 0, (size_t)(socket - net->sockets), answer, sizeof(answer));
  return -EPIPE;
}

static int free_it(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                   size_t error_len, void *user_data)
{
  counter *c = user_data;

  (void)id, (void)output, (void)output_len, (void)error, (void)error_len;
  c->calls++;
  fcgip_proxy_free(leaving->proxy);
  return 0;
}

static void freed_while_sending(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;
  counter c = {0, 0};
  fcgip_request_id id = 1;

  leaving = f;
  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  send_get(f);
  run(f);
  f->net.sys.send_fn = send_to_one_who_knew;
  fcgip_request_add_pass_through_callback(f->request, free_it, &c, NULL);
  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->request, &id), FCGIP_EREENTRANT);
  f->proxy = NULL;
  assert_int_equal(c.calls, 1);
  assert_int_equal(id, 0);
}

/* A wait that starts what was queued must notice as well, and not go on to wait for nothing. */
static void freed_while_starting_the_queued(void **state)
{
  fcgip_endpoint_options options = {
      .max_idle_connections = 1, .max_connections = 1, .read_write_timeout_ms = 3000};
  fixture *f = *state;
  counter c = {0, 0};

  leaving = f;
  fixture_tcp(f, &options);
  send_it(f, f->post);
  fcgip_request_add_pass_through_callback(f->request, free_it, &c, NULL);
  send_get(f);
  send_get(f);
  fake_net_answer(&f->net, 0, "");
  f->net.sys.send_fn = send_to_one_who_knew;
  assert_int_equal(fcgip_proxy_wait_for_responses(f->proxy, -1), FCGIP_EREENTRANT);
  f->proxy = NULL;
  assert_int_equal(c.calls, 1);
  assert_int_equal(elapsed_ms(f), 0);
  assert_int_equal(f->net.socket_count, 1); /* nothing was opened for the third */
}

/* Sweeps: every allocation of a request's life fails in turn; each ends in one result. */
static void survives_without_memory(void **state)
{
  fixture *f = *state;
  size_t nth, failures = 1;

  for (nth = 1; failures > 0; nth++) {
    fcgip_request_id id = 0;
    fcgip_response *response = NULL;
    int rc;

    f->endpoint_count = 0;
    fixture_tcp(f, NULL);
    f->net.is_serving = 1;
    failing_allocator_fail_at(&f->memory, nth, FAIL_ONCE);
    rc = fcgip_proxy_send_async_request(f->proxy, f->request, &id);
    if (rc == FCGIP_OK) {
      run(f);
      rc = fcgip_proxy_read_response(f->proxy, id, 0, &response);
      assert_non_null(response);
    } else {
      assert_int_equal(id, 0);
    }
    failures = f->memory.failures;
    assert_int_equal(rc, failures > 0 ? FCGIP_ENOMEM : FCGIP_OK);
    failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
    fcgip_response_free(response);
    /* And goes on as if nothing had been. */
    id = send_get(f);
    run(f);
    assert_succeeds(f, id, "served");
    fixture_free_proxy(f);
    fcgip_collection_free(f->collection);
    f->collection = NULL;
    fcgip_endpoint_free(f->endpoints[0]);
    f->endpoint_count = 0;
    fcgip_request_set_retry_safe(f->request, 1); /* a new snapshot, too */
  }
  assert_true(nth > 5);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(cancelled_while_connecting),
      THREE_WAYS(cancelled_while_sending),
      ONE_WAY(cancelled_while_waiting),
      THREE_WAYS(cancelled_in_mid_response),
      THREE_WAYS(cancelled_in_the_queue),
      ONE_WAY(cancelled_too_late),
      THREE_WAYS(cancelling_makes_room),
      ONE_WAY(freed_in_every_state),
      ONE_WAY(released_with_the_last_holder),
      ONE_WAY(content_is_released_with_the_last_holder),
      ONE_WAY(responses_stay),
      ONE_WAY(ids_are_never_used_again),
      ONE_WAY(an_id_is_good_once),
      ONE_WAY(a_child_only_frees),
      ONE_WAY(freed_while_sending),
      ONE_WAY(freed_while_starting_the_queued),
      ONE_WAY(survives_without_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
