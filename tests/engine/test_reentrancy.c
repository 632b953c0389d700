/* What callbacks may do, and may not: RUN-02 to RUN-05. Callbacks record, the tests judge. */
#include "engine/fixture.h"

enum { RELEASES = 8, WAITS = 12 };

typedef struct record {
  fixture *f;
  int calls;
  int kinds[64]; /* of each call: 'r', 'f', 'p' */
  int waits[WAITS];
  fcgip_request_id cancel;
  size_t sends;
  int results[4];
  int frees;
  int releases;
} record;

static void note(record *r, int kind)
{
  if (r->calls < 64)
    r->kinds[r->calls] = kind;
  r->calls++;
}

static void released(void *user_data)
{
  record *r = user_data;

  r->releases++;
}

/* Every function that waits, reads, handles or drives. */
static void try_all_waits(record *r)
{
  fcgip_proxy *proxy = r->f->proxy;
  fcgip_response *out = NULL;
  fcgip_request_id id = 1;
  size_t n = 0;
  int *w = r->waits;

  w[0] = fcgip_proxy_send_request(proxy, r->f->request, &out);
  w[1] = fcgip_proxy_read_response(proxy, id, 0, &out);
  w[2] = fcgip_proxy_read_responses(proxy, 0, &id, 1, &out);
  w[3] = fcgip_proxy_read_ready_responses(proxy, 0, &out, 1, &n);
  w[4] = fcgip_proxy_next_response(proxy, 0, &out);
  w[5] = fcgip_proxy_wait_for_response(proxy, id, 0);
  w[6] = fcgip_proxy_wait_for_responses(proxy, 0);
  w[7] = fcgip_proxy_handle_response(proxy, id, 0);
  w[8] = fcgip_proxy_handle_responses(proxy, 0, &id, 1);
  w[9] = fcgip_proxy_handle_ready_responses(proxy, 0);
  w[10] = fcgip_proxy_process_fd(proxy, 1000, POLLIN) |
          (fcgip_proxy_process_timers(proxy) ^ FCGIP_EREENTRANT);
  w[11] = fcgip_proxy_poll(proxy, 0);
}

static void assert_all_refused(const record *r)
{
  size_t i;

  for (i = 0; i < WAITS; i++)
    assert_int_equal(r->waits[i], FCGIP_EREENTRANT);
}

static void wait_in_response(fcgip_response *response, void *user_data)
{
  record *r = user_data;

  note(r, fcgip_response_error(response) == FCGIP_OK ? 'r' : 'f');
  try_all_waits(r);
}

static int wait_in_pass_through(fcgip_request_id id, const void *output, size_t output_len,
                                const void *error, size_t error_len, void *user_data)
{
  record *r = user_data;

  (void)id, (void)output, (void)output_len, (void)error, (void)error_len;
  note(r, 'p');
  try_all_waits(r);
  return 0;
}

static void waiting_is_refused(void **state)
{
  fixture *f = *state;
  record success = {.f = f}, failure = {.f = f}, piece = {.f = f};

  fixture_tcp(f, NULL);
  fcgip_request_add_response_callback(f->request, wait_in_response, &success, NULL);
  fcgip_request_add_failure_callback(f->request, wait_in_response, &failure, NULL);
  fcgip_request_add_pass_through_callback(f->request, wait_in_pass_through, &piece, NULL);
  send_get(f);
  send_get(f);
  fake_net_answer(&f->net, 0, "");
  fake_net_at(&f->net, 0, FAKE_FIN, 1, 0);
  assert_int_equal(fcgip_proxy_wait_for_responses(f->proxy, -1), FCGIP_OK);
  assert_int_equal(success.calls, 1);
  assert_int_equal(failure.calls, 1);
  assert_int_equal(piece.calls, 1);
  assert_all_refused(&success);
  assert_all_refused(&failure);
  assert_all_refused(&piece);
}

/* The same of a cluster, and its status. */
typedef struct cluster_record {
  fcgip_cluster_proxy *cluster;
  int calls, waits[8];
} cluster_record;

static void wait_in_cluster(fcgip_response *response, void *user_data)
{
  cluster_record *r = user_data;
  fcgip_status_list *list = NULL;
  fcgip_response *out = NULL;
  size_t n = 0;

  (void)response;
  r->calls++;
  r->waits[0] = fcgip_cluster_proxy_next_response(r->cluster, 0, &out);
  r->waits[1] = fcgip_cluster_proxy_read_ready_responses(r->cluster, 0, &out, 1, &n);
  r->waits[2] = fcgip_cluster_proxy_wait_for_responses(r->cluster, 0);
  r->waits[3] = fcgip_cluster_proxy_handle_ready_responses(r->cluster, 0);
  r->waits[4] = fcgip_cluster_proxy_process_fd(r->cluster, 1000, POLLIN);
  r->waits[5] = fcgip_cluster_proxy_process_timers(r->cluster);
  r->waits[6] = fcgip_cluster_proxy_poll(r->cluster, 0);
  r->waits[7] = fcgip_cluster_proxy_get_status(r->cluster, "/status", 0, &list);
}

static void waiting_is_refused_in_a_cluster(void **state)
{
  fixture *f = *state;
  cluster_record r = {0};
  size_t i;

  fixture_add_endpoint(f, "10.0.0.1:9000", NULL);
  fixture_add_endpoint(f, "10.0.0.2:9000", NULL);
  fixture_make_proxy(f, 0);
  f->net.is_serving = 1;
  assert_int_equal(fcgip__cluster_proxy_new(&r.cluster, f->collection, NULL, &f->net.sys),
                   FCGIP_OK);
  fcgip_request_add_response_callback(f->request, wait_in_cluster, &r, NULL);
  assert_int_equal(fcgip_cluster_proxy_send_async_request(r.cluster, f->request), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_wait_for_responses(r.cluster, -1), FCGIP_OK);
  assert_int_equal(r.calls, 2);
  for (i = 0; i < 8; i++)
    assert_int_equal(r.waits[i], FCGIP_EREENTRANT);
  fcgip_cluster_proxy_free(r.cluster);
}

/* What does not wait, works. */
static void look_around(fcgip_response *response, void *user_data)
{
  record *r = user_data;
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};

  note(r, 'r');
  r->results[0] = fcgip_proxy_has_response(r->f->proxy, fcgip_response_request_id(response));
  r->results[1] = fcgip_proxy_has_response(r->f->proxy, r->cancel);
  r->results[2] = (int)fcgip_proxy_pending(r->f->proxy);
  r->results[3] = fcgip_proxy_endpoint_stats(r->f->proxy, 0, &stats);
  r->sends = fcgip_proxy_request_ids_having_response(r->f->proxy, NULL, 0);
}

static void looking_is_allowed(void **state)
{
  fixture *f = *state;
  record r = {.f = f};

  fixture_tcp(f, NULL);
  r.cancel = send_it(f, f->post);
  fcgip_request_add_response_callback(f->request, look_around, &r, NULL);
  send_get(f);
  fake_net_answer(&f->net, 1, "");
  assert_int_equal(fcgip_proxy_handle_ready_responses(f->proxy, -1), 1);
  assert_int_equal(r.results[0], FCGIP_ENOTFOUND); /* it has left every table */
  assert_int_equal(r.results[1], 0);
  assert_int_equal(r.results[2], 1);
  assert_int_equal(r.results[3], FCGIP_OK);
  assert_int_equal(r.sends, 0);
}

static void send_again(fcgip_response *response, void *user_data)
{
  record *r = user_data;

  (void)response;
  note(r, 'r');
  if (r->sends > 0) {
    r->sends--;
    r->results[0] |= fcgip_proxy_send_async_request(r->f->proxy, r->f->request, NULL);
  }
}

/* 10,000 in a chain, without recursion (RUN-02). */
static void sending_is_allowed(void **state)
{
  fixture *f = *state;
  record r = {.f = f, .sends = 9999};

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  fcgip_request_add_response_callback(f->request, send_again, &r, released);
  send_get(f);
  assert_int_equal(fcgip_proxy_wait_for_responses(f->proxy, -1), FCGIP_OK);
  assert_int_equal(r.calls, 10000);
  assert_int_equal(r.results[0], FCGIP_OK);
  assert_int_equal(r.releases, 0);
  fcgip_request_free(f->request);
  f->request = NULL;
  assert_int_equal(r.releases, 1);
}

/* ... and each goes out at once: one that never stops sending does not keep a wait past its time. */
static void sending_for_ever_does_not_outlast_the_wait(void **state)
{
  fixture *f = *state;
  record r = {.f = f, .sends = SIZE_MAX};

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  f->net.serve_us = MS;
  fcgip_request_add_response_callback(f->request, send_again, &r, NULL);
  send_get(f);
  assert_int_equal(fcgip_proxy_wait_for_responses(f->proxy, 100), FCGIP_EAGAIN);
  assert_int_equal(elapsed_ms(f), 100);
  assert_true(r.calls >= 99 && r.calls <= 101);
  /* Those that are there are handled, not those that come of it. */
  f->net.serve_us = 0;
  run(f);
  assert_int_equal(fcgip_proxy_handle_ready_responses(f->proxy, 0), 1);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
}

static int send_in_pass_through(fcgip_request_id id, const void *output, size_t output_len,
                                const void *error, size_t error_len, void *user_data)
{
  record *r = user_data;

  (void)id, (void)output, (void)output_len, (void)error, (void)error_len;
  note(r, 'p');
  if (r->sends > 0) {
    r->sends--;
    r->results[0] |= fcgip_proxy_send_async_request(r->f->proxy, r->f->post, NULL);
  }
  return 0;
}

static void sending_from_pass_through(void **state)
{
  fixture *f = *state;
  record r = {.f = f, .sends = 1000};

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  fcgip_request_add_pass_through_callback(f->post, send_in_pass_through, &r, NULL);
  send_it(f, f->post);
  run(f);
  assert_int_equal(r.calls, 1001);
  assert_int_equal(r.results[0], FCGIP_OK);
  assert_int_equal(fcgip_proxy_request_ids_having_response(f->proxy, NULL, 0), 1001);
}

static void cancel_other(fcgip_response *response, void *user_data)
{
  record *r = user_data;

  note(r, fcgip_response_error(response) == FCGIP_OK ? 'r' : 'f');
  r->results[0] = fcgip_proxy_cancel(r->f->proxy, r->cancel);
  r->results[1] = fcgip_proxy_cancel(r->f->proxy, fcgip_response_request_id(response));
}

static void cancelling_is_allowed(void **state)
{
  fixture *f = *state;
  record r = {.f = f};

  fixture_tcp(f, NULL);
  fcgip_request_add_response_callback(f->request, cancel_other, &r, NULL);
  send_get(f);
  r.cancel = send_it(f, f->post);
  fake_net_answer(&f->net, 0, "");
  assert_int_equal(fcgip_proxy_wait_for_responses(f->proxy, -1), FCGIP_OK);
  assert_int_equal(r.calls, 1);
  assert_int_equal(r.results[0], FCGIP_OK);
  assert_int_equal(r.results[1], FCGIP_ENOTFOUND);
  assert_int_equal(elapsed_ms(f), 0);
}

static int cancel_in_pass_through(fcgip_request_id id, const void *output, size_t output_len,
                                  const void *error, size_t error_len, void *user_data)
{
  record *r = user_data;

  (void)output, (void)output_len, (void)error, (void)error_len;
  note(r, 'p');
  r->results[0] = fcgip_proxy_cancel(r->f->proxy, r->cancel != 0 ? r->cancel : id);
  return 0;
}

/* Its own request: the descriptor is closed before the callback returns, and no other callback sees more of it. */
static void cancelling_itself_in_pass_through(void **state)
{
  fixture *f = *state;
  record first = {.f = f}, second = {.f = f};
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fcgip_request_add_pass_through_callback(f->request, cancel_in_pass_through, &first, NULL);
  fcgip_request_add_pass_through_callback(f->request, send_in_pass_through, &second, NULL);
  id = send_get(f);
  fake_net_answer(&f->net, 0, "never seen");
  run(f);
  assert_int_equal(f->net.open_count, 0);
  assert_int_equal(first.calls, 1);
  assert_int_equal(second.calls, 0);
  assert_fails(f, id, FCGIP_ECANCELED, 0, NULL);
}

static void cancelling_others_in_pass_through(void **state)
{
  fixture *f = *state;
  record r = {.f = f};
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fcgip_request_add_pass_through_callback(f->request, cancel_in_pass_through, &r, NULL);
  id = send_get(f);
  r.cancel = send_it(f, f->post); /* its events are in the same turn */
  fake_net_answer(&f->net, 0, "seen");
  fake_net_answer(&f->net, 1, "lost");
  run(f);
  assert_succeeds(f, id, "seen");
  assert_fails(f, r.cancel, FCGIP_ECANCELED, 0, NULL);
}

static int refuse_pass_through(fcgip_request_id id, const void *output, size_t output_len,
                               const void *error, size_t error_len, void *user_data)
{
  record *r = user_data;

  (void)id, (void)output, (void)output_len, (void)error, (void)error_len;
  note(r, 'p');
  return r->calls >= 2;
}

static void pass_through_can_end_a_request(void **state)
{
  fixture *f = *state;
  record r = {.f = f};
  fcgip_response *response;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fcgip_request_add_pass_through_callback(f->request, refuse_pass_through, &r, NULL);
  id = send_get(f);
  fake_net_answer(&f->net, 0, "second piece");
  run(f);
  assert_int_equal(f->net.open_count, 0);
  assert_int_equal(r.calls, 2);
  response = take(f, id);
  assert_int_equal(fcgip_response_error(response), FCGIP_ECANCELED);
  assert_true(fcgip_response_is_partial(response));
  fcgip_response_free(response);
}

/* ---- freeing the proxy ---- */

static void free_in_response(fcgip_response *response, void *user_data)
{
  record *r = user_data;

  note(r, fcgip_response_error(response) == FCGIP_OK ? 'r' : 'f');
  fcgip_proxy_free(r->f->proxy);
  r->frees++;
  /* Until the call returns the handle may still be used, in vain. */
  r->results[0] = fcgip_proxy_send_async_request(r->f->proxy, r->f->post, NULL);
  r->results[1] = (int)r->f->net.open_count;
}

static int free_in_pass_through(fcgip_request_id id, const void *output, size_t output_len,
                                const void *error, size_t error_len, void *user_data)
{
  record *r = user_data;

  (void)id, (void)output, (void)output_len, (void)error, (void)error_len;
  note(r, 'p');
  fcgip_proxy_free(r->f->proxy);
  r->frees++;
  r->results[0] = fcgip_proxy_send_async_request(r->f->proxy, r->f->post, NULL);
  r->results[1] = (int)r->f->net.open_count;
  return 0;
}

static void assert_freed(fixture *f, const record *r, int rc)
{
  assert_int_equal(rc, FCGIP_EREENTRANT);
  assert_int_equal(r->frees, 1);
  assert_int_equal(r->results[0], FCGIP_EINVAL);
  assert_int_equal(r->results[1], 0); /* descriptors are closed at once */
  assert_int_equal(f->net.open_count, 0);
  f->proxy = NULL;
}

static void freed_in_a_response_callback(void **state)
{
  fixture *f = *state;
  record r = {.f = f}, later = {.f = f};

  fixture_tcp(f, NULL);
  fcgip_request_add_response_callback(f->request, free_in_response, &r, released);
  fcgip_request_add_response_callback(f->request, send_again, &later, released);
  send_get(f);
  send_get(f);
  send_it(f, f->post); /* is in flight still */
  fake_net_answer(&f->net, 0, "");
  fake_net_answer(&f->net, 1, "");
  assert_freed(f, &r, fcgip_proxy_wait_for_responses(f->proxy, -1));
  assert_int_equal(r.calls, 1);
  assert_int_equal(later.calls, 0);
  fcgip_request_free(f->request);
  f->request = NULL;
  assert_int_equal(r.releases, 1);
  assert_int_equal(later.releases, 1);
}

static void freed_in_a_failure_callback(void **state)
{
  fixture *f = *state;
  record r = {.f = f};
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fcgip_request_add_failure_callback(f->request, free_in_response, &r, NULL);
  id = send_get(f);
  send_get(f);
  fake_net_at(&f->net, 0, FAKE_FIN, 0, 0);
  assert_freed(f, &r, fcgip_proxy_handle_response(f->proxy, id, -1));
  assert_int_equal(r.kinds[0], 'f');
}

/* Every function that drives. */
static int drive_with(fixture *f, size_t which, fcgip_request_id id)
{
  fcgip_response *out[2] = {NULL, NULL};
  size_t n = 0;
  int rc;

  switch (which) {
  case 0:
    rc = fcgip_proxy_read_response(f->proxy, id, -1, out);
    break;
  case 1:
    rc = fcgip_proxy_read_responses(f->proxy, -1, &id, 1, out);
    break;
  case 2:
    rc = fcgip_proxy_read_ready_responses(f->proxy, -1, out, 2, &n);
    break;
  case 3:
    rc = fcgip_proxy_next_response(f->proxy, -1, out);
    break;
  case 4:
    rc = fcgip_proxy_has_response(f->proxy, id);
    break;
  case 5:
    rc = fcgip_proxy_wait_for_response(f->proxy, id, -1);
    break;
  case 6:
    rc = fcgip_proxy_wait_for_responses(f->proxy, -1);
    break;
  case 7:
    rc = fcgip_proxy_handle_responses(f->proxy, -1, &id, 1);
    break;
  case 8:
    rc = fcgip_proxy_handle_ready_responses(f->proxy, -1);
    break;
  case 9:
    rc = fcgip_proxy_process_fd(f->proxy, socket_at(f, f->net.socket_count - 2)->fd, POLLIN);
    break;
  case 10:
    rc = fcgip_proxy_poll(f->proxy, -1);
    break;
  default:
    return fcgip_proxy_request_ids_having_response(f->proxy, &id, 1) == 0 ? FCGIP_EREENTRANT : 0;
  }
  assert_null(out[0]);
  assert_int_equal(n, 0);
  return rc;
}

static void freed_in_a_pass_through_callback(void **state)
{
  fixture *f = *state;
  size_t which;

  for (which = 0; which < 12; which++) {
    record r = {.f = f};
    fcgip_request *request;
    fcgip_request_id id;

    f->endpoint_count = 0;
    fixture_tcp(f, NULL);
    assert_int_equal(fcgip_get_request_new(&request, "/x.php", NULL, 0), FCGIP_OK);
    fcgip_request_add_pass_through_callback(request, free_in_pass_through, &r, released);
    id = send_it(f, request);
    send_it(f, request); /* never answered */
    fake_net_answer(&f->net, f->net.socket_count - 2, "");
    assert_freed(f, &r, drive_with(f, which, id));
    assert_int_equal(r.calls, 1);
    fcgip_request_free(request);
    assert_int_equal(r.releases, 1);
    fcgip_collection_free(f->collection);
    fcgip_endpoint_free(f->endpoints[0]);
    f->collection = NULL;
    f->endpoint_count = 0;
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ONE_WAY(waiting_is_refused),
      ONE_WAY(waiting_is_refused_in_a_cluster),
      ONE_WAY(looking_is_allowed),
      ONE_WAY(sending_is_allowed),
      ONE_WAY(sending_for_ever_does_not_outlast_the_wait),
      THREE_WAYS(sending_from_pass_through),
      ONE_WAY(cancelling_is_allowed),
      THREE_WAYS(cancelling_itself_in_pass_through),
      THREE_WAYS(cancelling_others_in_pass_through),
      THREE_WAYS(pass_through_can_end_a_request),
      ONE_WAY(freed_in_a_response_callback),
      ONE_WAY(freed_in_a_failure_callback),
      ONE_WAY(freed_in_a_pass_through_callback),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
