/* RUN, continued: callbacks, cancelling, freeing, forking, threads. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/fixture.h"
#include "conformance/memory.h"
#include "conformance/run.h"

/* What callbacks have done, and are to do. */
typedef struct witness {
  fixture *f;
  fcgip_request *request, *other_request;
  fcgip_request_id own, other;
  int responses, failures, pieces, releases, last_error;
  int to_send; /* so many more */
  int results[8];
  const char *lowest, *highest; /* of the stack */
} witness;

static void note_stack(witness *w)
{
  const char *at = __builtin_frame_address(0); /* sanitizers keep variables elsewhere */

  w->lowest = w->lowest == NULL || at < w->lowest ? at : w->lowest;
  w->highest = w->highest == NULL || at > w->highest ? at : w->highest;
}

static void on_response(fcgip_response *response, void *data)
{
  witness *w = data;

  w->responses++;
  w->last_error = fcgip_response_error(response);
}

static void on_failure(fcgip_response *response, void *data)
{
  witness *w = data;

  w->failures++;
  w->last_error = fcgip_response_error(response);
}

static void on_release(void *data)
{
  ((witness *)data)->releases++;
}

static void listen_to(fcgip_request *request, witness *w, fcgip_response_fn response)
{
  if (fcgip_request_add_response_callback(request, response, w, on_release) != FCGIP_OK ||
      fcgip_request_add_failure_callback(request, on_failure, w, on_release) != FCGIP_OK)
    abort();
}

/* Handles what comes until nothing is pending; 0 if that takes too long. */
static int handle_all(fixture *f)
{
  int rounds, rc = 0;

  for (rounds = 0; rounds < 2000000 && fcgip_proxy_has_unhandled_responses(f->proxy) == 1;
       rounds++) {
    peer_step(f->peer);
    rc = fcgip_proxy_handle_ready_responses(f->proxy, 0);
    if (rc < 0)
      return rc;
  }
  return fcgip_proxy_has_unhandled_responses(f->proxy) == 0;
}

static void send_next(fcgip_response *response, void *data)
{
  witness *w = data;

  note_stack(w);
  on_response(response, w);
  if (w->to_send-- > 0)
    fcgip_proxy_send_async_request(w->f->proxy, w->request, NULL);
}

void run_chain(conf_test *test)
{
  static const int depths[] = {1, 10000};
  size_t i;

  for (i = 0; i < 2; i++) {
    witness w = {.to_send = depths[i]};
    fixture f;

    fixture_new(&f, test, PEER_UNIX, NULL, "OKR");
    peer_log_at_most(f.peer, 0);
    w.f = &f;
    w.request = fixture_request(&f, NULL);
    listen_to(w.request, &w, send_next);
    fixture_send(&f, w.request);
    CHECK(test, handle_all(&f) == 1);
    conf_check(test, w.responses == depths[i] + 1 && w.failures == 0, "%d responses, %d failures",
               w.responses, w.failures);
    conf_check(test, w.highest - w.lowest < 4096, "the stack grew by %ld bytes",
               (long)(w.highest - w.lowest));
    fcgip_request_free(w.request);
    fixture_free(&f);
    CHECK(test, w.releases == 2);
  }
}

/* Frees what it can, cancels itself and the other one. */
static void change_all(fcgip_response *response, void *data)
{
  witness *w = data;

  on_response(response, w);
  fcgip_request_free(w->request);
  w->request = NULL;
  w->results[0] = fcgip_proxy_cancel(w->f->proxy, w->own);
  w->results[1] = fcgip_proxy_cancel(w->f->proxy, w->other);
  fcgip_collection_free(w->f->collection);
  fcgip_endpoint_free(w->f->endpoint);
  w->f->collection = NULL;
  w->f->endpoint = NULL;
  w->results[2] = fcgip_proxy_send_async_request(w->f->proxy, w->other_request, NULL);
}

static int change_in_piece(fcgip_request_id id, const void *output, size_t output_len,
                           const void *error, size_t error_len, void *data)
{
  witness *w = data;

  (void)output;
  (void)output_len;
  (void)error;
  (void)error_len;
  w->pieces++;
  if (w->pieces > 1)
    return 0;
  fcgip_request_free(w->request);
  w->request = NULL;
  w->results[0] = fcgip_proxy_cancel(w->f->proxy, w->other);
  w->results[1] = fcgip_proxy_send_async_request(w->f->proxy, w->other_request, NULL);
  w->results[2] = fcgip_proxy_cancel(w->f->proxy, id);
  return 0;
}

static void two_requests(fixture *f, witness *w)
{
  fixture_play(f, 1, "READ HOLD");
  fixture_play(f, 2, "OKR");
  w->f = f;
  w->request = fixture_request(f, NULL);
  w->other_request = fixture_request(f, NULL);
}

void run_changes_inside(conf_test *test)
{
  witness w = {0}, other = {0}, p = {0}, other_p = {0};
  fixture f;

  fixture_new(&f, test, PEER_UNIX, NULL, "OKR");
  two_requests(&f, &w);
  listen_to(w.request, &w, change_all);
  listen_to(w.other_request, &other, on_response);
  w.own = fixture_send(&f, w.request);
  w.other = fixture_send(&f, w.other_request);
  CHECK(test, handle_all(&f) == 1);
  CHECK(test, w.responses == 1 && w.failures == 0 && w.results[0] == FCGIP_ENOTFOUND);
  CHECK(test, w.results[1] == FCGIP_OK && other.failures == 1 && w.results[2] == FCGIP_OK &&
                  other.responses == 1);
  fcgip_request_free(w.other_request);
  fixture_free(&f);
  CHECK(test, w.releases == 2 && other.releases == 2);

  fixture_new(&f, test, PEER_UNIX, NULL, "OUT(H 'BO') OUT('DY') END(0,0)");
  two_requests(&f, &p);
  fcgip_request_add_pass_through_callback(p.request, change_in_piece, &p, on_release);
  listen_to(p.request, &p, on_response);
  listen_to(p.other_request, &other_p, on_response);
  p.own = fixture_send(&f, p.request);
  p.other = fixture_send(&f, p.other_request);
  CHECK(test, handle_all(&f) == 1);
  CHECK(test, p.pieces == 1 && p.failures == 1 && p.last_error == FCGIP_ECANCELED);
  CHECK(test, p.results[0] == FCGIP_OK && other_p.failures == 1 && p.results[1] == FCGIP_OK &&
                  other_p.responses == 1);
  fcgip_request_free(p.other_request);
  fixture_free(&f);
  CHECK(test, p.releases == 3 && other_p.releases == 2);
}

static void free_proxy(fcgip_response *response, void *data)
{
  witness *w = data;

  on_response(response, w);
  fcgip_proxy_free(w->f->proxy);
  w->f->proxy = NULL;
}

static int free_proxy_in_piece(fcgip_request_id id, const void *output, size_t output_len,
                               const void *error, size_t error_len, void *data)
{
  witness *w = data;

  (void)id;
  (void)output;
  (void)output_len;
  (void)error;
  (void)error_len;
  w->pieces++;
  fcgip_proxy_free(w->f->proxy);
  w->f->proxy = NULL;
  return 0;
}

void run_frees_inside(conf_test *test)
{
  int how, rc, i;

  for (how = 0; how < 2; how++) {
    witness w = {0};
    fcgip_proxy *proxy;
    fixture f;

    fixture_new(&f, test, PEER_UNIX, NULL, "READ HOLD");
    proxy = f.proxy;
    w.f = &f;
    w.request = fixture_request(&f, NULL);
    listen_to(w.request, &w, free_proxy);
    if (how == 1)
      fcgip_request_add_pass_through_callback(w.request, free_proxy_in_piece, &w, on_release);
    for (i = 0; i < 3; i++)
      fixture_send(&f, w.request);
    fixture_until_requested(&f, 2, 1);
    for (i = 0; i < 3; i++)
      fixture_say(&f, (size_t)i, "OKR");
    rc = fcgip_proxy_handle_ready_responses(proxy, 1000);
    conf_check(test, rc == FCGIP_EREENTRANT, "result %d", rc);
    conf_check(test, w.responses == (how == 0) && w.failures == 0 && w.pieces == (how == 1),
               "%d responses, %d failures, %d pieces", w.responses, w.failures, w.pieces);
    for (i = 0; i < 3; i++)
      CHECK(test, fixture_has_closed(&f, (size_t)i));
    fcgip_request_free(w.request);
    CHECK(test, w.releases == (how == 1 ? 3 : 2));
    fixture_free(&f);
  }
}

static void wait_inside(fcgip_response *response, void *data)
{
  fcgip_response *out = NULL;
  fcgip_proxy *proxy = ((witness *)data)->f->proxy;
  witness *w = data;
  size_t n;

  on_response(response, w);
  w->results[0] = fcgip_proxy_read_response(proxy, w->other, -1, &out);
  w->results[1] = fcgip_proxy_wait_for_responses(proxy, -1);
  w->results[2] = fcgip_proxy_handle_ready_responses(proxy, -1);
  w->results[3] = fcgip_proxy_send_request(proxy, w->request, &out);
  w->results[4] = fcgip_proxy_next_response(proxy, -1, &out);
  w->results[5] = fcgip_proxy_poll(proxy, -1);
  w->results[6] = fcgip_proxy_read_ready_responses(proxy, -1, &out, 1, &n);
  w->results[7] = fcgip_proxy_process_timers(proxy);
}

void run_waits_inside(conf_test *test)
{
  witness w = {0};
  fixture f;
  int i;

  fixture_new(&f, test, PEER_UNIX, NULL, "OKR");
  w.f = &f;
  w.request = fixture_request(&f, NULL);
  w.other_request = fixture_request(&f, NULL);
  listen_to(w.request, &w, wait_inside);
  fixture_send(&f, w.request);
  w.other = fixture_send(&f, w.other_request);
  CHECK(test, handle_all(&f) == 1 && w.responses == 1);
  for (i = 0; i < 8; i++)
    conf_check(test, w.results[i] == FCGIP_EREENTRANT, "call %d inside a callback: %d", i,
               w.results[i]);
  fcgip_request_free(w.request);
  fcgip_request_free(w.other_request);
  fixture_free(&f);
}

/* One request, perhaps with a call that fails; it has one result, and its callbacks are released once. */
static void once(conf_test *test, const char *script, tap_call call, int error, unsigned long from)
{
  const conf_request options = {.total_ms = 60, .max_body_bytes = 10};
  witness w = {0};
  fixture f;
  int n;
  tap t;

  tap_init(&t);
  t.tick_us = error != 0 ? 100 : 0;
  t.rules[call] = (tap_rule){.error = error, .from = from};
  fixture_new_with_tap(&f, test, PEER_UNIX, &options, script, &t);
  w.request = fixture_request(&f, NULL);
  listen_to(w.request, &w, on_response);
  fixture_send(&f, w.request);
  for (n = 0; n < 100000 && fcgip_proxy_has_unhandled_responses(f.proxy); n++) {
    peer_step(f.peer);
    fcgip_proxy_handle_ready_responses(f.proxy, 1);
  }
  conf_check(test, w.responses + w.failures == 1,
             "%s, call %d, errno %d: %d responses, %d failures", script, (int)call, error,
             w.responses, w.failures);
  fcgip_request_free(w.request);
  fixture_free(&f);
  CHECK(test, w.releases == 2 && w.responses + w.failures == 1);
}

void run_exactly_once(conf_test *test)
{
  static const char *const scripts[] = {
      "OKR",      "FIN",          "READ RST", "OUT(H 'BO') FIN",  "REC(2,6,1,0,0,0)",
      "END(0,2)", "EOO END(0,0)", "OKR OKR",  "OKR RAW('x') FIN", "OUT(H 'x'*20) END(0,0)",
      "HOLD",     "DEAF",         "OKR FIN",  "PARAMS CLOSE"};
  static const int errors[] = {EINTR, EAGAIN, ECONNRESET, EPIPE, ENOBUFS, EIO};
  size_t i, j;
  int call;

  for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
    once(test, scripts[i], TAP_SOCKET, 0, 0);
    for (call = TAP_SOCKET; call <= TAP_POLL; call++) {
      for (j = 0; j < sizeof(errors) / sizeof(errors[0]); j++) {
        once(test, scripts[i], (tap_call)call, errors[j], 1);
        once(test, scripts[i], (tap_call)call, errors[j], 2);
      }
    }
  }
}

void run_freed_in_flight(conf_test *test)
{
  const conf_request options = {.max_connections = 4};
  witness w = {0};
  fixture f;
  size_t i;

  fixture_new(&f, test, PEER_UNIX, &options, "OUT(H 'BO') HOLD");
  w.request = fixture_request(&f, NULL);
  listen_to(w.request, &w, on_response);
  for (i = 0; i < 8; i++)
    fixture_send(&f, w.request);
  fixture_until_requested(&f, 3, 1);
  fcgip_request_free(w.request);
  CHECK(test, w.releases == 0);
  fcgip_proxy_free(f.proxy);
  f.proxy = NULL;
  CHECK(test, w.responses == 0 && w.failures == 0 && w.releases == 2);
  for (i = 0; i < 4; i++)
    CHECK(test, fixture_has_closed(&f, i));
  fixture_free(&f);
}

/* Cancelled where it is; the descriptor is closed when the call returns. */
static void cancel_now(conf_test *test, fixture *f, fcgip_request_id id, const char *where)
{
  conf_result result = {0};

  conf_check(test,
             fcgip_proxy_cancel(f->proxy, id) == FCGIP_OK && fixture_fd(f) < 0 && f->tap->open == 0,
             "%s: not closed", where);
  conf_check(test, fcgip_proxy_cancel(f->proxy, id) == FCGIP_OK, "%s: not twice", where);
  fixture_take(f, id, &result);
  conf_check(test, result.verdict == V_CANCELLED, "%s: %s", where,
             conf_verdict_name(result.verdict));
  conf_check(test, fcgip_proxy_cancel(f->proxy, id) == FCGIP_ENOTFOUND, "%s: after it was read",
             where);
  conf_result_free(&result);
}

static void cancel_in(conf_test *test, const char *where, const char *script,
                      const conf_request *spec)
{
  const conf_request options = {.max_connections = 1, .connect_ms = 20000};
  fcgip_request *request;
  fcgip_request_id id, queued;
  conf_result result = {0};
  fixture f;
  tap t;

  tap_init(&t);
  if (strcmp(where, "connecting") == 0)
    t.rules[TAP_CONNECT] = (tap_rule){.error = EAGAIN, .from = 1};
  fixture_new_with_tap(&f, test, PEER_UNIX, &options, script, &t);
  request = fixture_request(&f, spec);
  id = fixture_send(&f, request);
  queued = fixture_send(&f, request);
  if (strcmp(where, "connecting") != 0)
    fixture_until_connections(&f, 1);
  while (fixture_turn(&f))
    continue;
  CHECK(test, fcgip_proxy_cancel(f.proxy, queued) == FCGIP_OK); /* it has no connection yet */
  fixture_take(&f, queued, &result);
  CHECK(test, result.verdict == V_CANCELLED);
  cancel_now(test, &f, id, where);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

void run_cancelled(conf_test *test)
{
  static char large[8 << 20];
  const conf_request put = {.method = "PUT", .content = large, .content_len = sizeof(large)};
  fcgip_request *request;
  fcgip_request_id id;
  conf_result result = {0};
  fixture f;

  cancel_in(test, "connecting", "READ HOLD", NULL);
  cancel_in(test, "writing", "DEAF", &put);
  cancel_in(test, "waiting", "READ HOLD", NULL);
  cancel_in(test, "in the body", "OUT(H 'BO') HOLD", NULL);
  fixture_new(&f, test, PEER_UNIX, NULL, "OKR");
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  while (fcgip_proxy_has_response(f.proxy, id) == 0)
    fixture_turn(&f);
  CHECK(test, fcgip_proxy_cancel(f.proxy, id) == FCGIP_OK);
  fixture_take(&f, id, &result);
  CHECK(test, result.verdict == V_OK);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

/* The child's copy is freed: no byte, no shutdown; the parent gets its answer. */
void run_forked(conf_test *test)
{
  fcgip_request *request;
  fcgip_request_id id;
  conf_result result = {0};
  uint64_t before;
  fixture f;
  pid_t child;
  int status = 0;

  fixture_new(&f, test, PEER_UNIX, NULL, "READ HOLD");
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  before = peer_received_count(f.peer, 0);
  child = fork();
  if (child == 0) {
    fcgip_proxy_free(f.proxy);
    fcgip_request_free(request);
    _exit(0);
  }
  CHECK(test, waitpid(child, &status, 0) == child && status == 0);
  peer_step(f.peer);
  CHECK(test, !peer_client_closed(f.peer, 0) && peer_received_count(f.peer, 0) == before);
  fixture_say(&f, 0, "OKR");
  fixture_take(&f, id, &result);
  CHECK(test, result.verdict == V_OK);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

typedef struct pair_of_handles {
  fixture f[2];
  int ok;
} pair_of_handles;

static void *ask_both(void *data)
{
  pair_of_handles *pair = data;
  conf_result result = {0};
  int i;

  for (i = 0; i < 400; i++) {
    fixture_ask(&pair->f[i % 2], NULL, &result);
    pair->ok += result.verdict == V_OK && strcmp(result.body.data, "BODY") == 0;
  }
  conf_result_free(&result);
  return NULL;
}

void run_threads(conf_test *test)
{
  pair_of_handles pairs[2] = {{.ok = 0}, {.ok = 0}};
  conf_test own[2] = {*test, *test}; /* of each thread, to fail in */
  pthread_t threads[2];
  size_t before;
  int i, j;

  for (i = 0; i < 2; i++) {
    for (j = 0; j < 2; j++)
      fixture_new(&pairs[i].f[j], &own[i], PEER_TCP4, j == 0 ? NULL : &(conf_request){.keep = 1},
                  "OKR AGAIN");
    if (pthread_create(&threads[i], NULL, ask_both, &pairs[i]) != 0)
      abort();
  }
  for (i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
    conf_check(test, pairs[i].ok == 400 && own[i].outcome != OUTCOME_FAIL, "%d of 400: %s",
               pairs[i].ok, own[i].message);
  }
  before = pairs[0].f[0].blocks;
  for (i = 0; i < 2; i++) {
    for (j = 0; j < 2; j++) {
      pairs[i].f[j].blocks = SIZE_MAX; /* of all together, below */
      fixture_free(&pairs[i].f[j]);
    }
  }
  CHECK(test, own[0].outcome != OUTCOME_FAIL && own[1].outcome != OUTCOME_FAIL &&
                  memory_blocks() == before);
}

void run_twice(conf_test *test)
{
  fcgip_response *response = NULL;
  fcgip_request *request;
  fcgip_request_id id;
  conf_result result = {0};
  fixture f, g;

  fixture_new(&f, test, PEER_UNIX, NULL, "OKR");
  fixture_new(&g, test, PEER_TCP4, NULL, "OKR");
  g.blocks = SIZE_MAX; /* they are not the only ones */
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  CHECK(test, fcgip_proxy_read_response(g.proxy, id, 0, &response) == FCGIP_ENOTFOUND &&
                  response == NULL);
  fixture_take(&f, id, &result);
  CHECK(test, result.verdict == V_OK);
  CHECK(test, fcgip_proxy_read_response(f.proxy, id, 0, &response) == FCGIP_ENOTFOUND &&
                  response == NULL);
  CHECK(test, fcgip_proxy_read_response(f.proxy, id + 1, 0, &response) == FCGIP_ENOTFOUND);
  CHECK(test, fcgip_proxy_read_response(f.proxy, 0, 0, &response) == FCGIP_ENOTFOUND);
  CHECK(test, fcgip_proxy_read_response(f.proxy, UINT64_MAX, -1, &response) == FCGIP_ENOTFOUND);
  CHECK(test, fcgip_proxy_handle_response(f.proxy, id, 0) == FCGIP_ENOTFOUND);
  CHECK(test, fcgip_proxy_wait_for_response(f.proxy, id, -1) == FCGIP_ENOTFOUND);
  CHECK(test, fcgip_proxy_has_response(f.proxy, id) == FCGIP_ENOTFOUND &&
                  fcgip_proxy_cancel(f.proxy, id) == FCGIP_ENOTFOUND);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&g);
  fixture_free(&f);
}

/* Ids are 64 bits wide; what limits is max_queued. */
void run_many_ids(conf_test *test)
{
  const fcgip_endpoint_options limited = {.struct_size = sizeof(limited),
                                          .max_connections = 1,
                                          .max_queued = 100,
                                          .allocator = memory_allocator()};
  const conf_request one = {.max_connections = 1, .read_write_ms = 1200000};
  fcgip_endpoint *endpoint = NULL;
  const fcgip_endpoint *list[1];
  fcgip_collection *collection;
  fcgip_request *request;
  fcgip_request_id id = 0, last = 0;
  fcgip_proxy *proxy;
  fixture f;
  int i;

  fixture_new(&f, test, PEER_UNIX, &one, "READ HOLD");
  request = fixture_request(&f, NULL);
  for (i = 0; i < 70000; i++) {
    id = fixture_send(&f, request);
    if (id <= last)
      break;
    last = id;
  }
  CHECK(test, i == 70000 && fcgip_proxy_pending(f.proxy) == 70000);
  CHECK(test, fcgip_endpoint_parse(&endpoint, peer_address(f.peer), &limited) == FCGIP_OK);
  list[0] = endpoint;
  CHECK(test, fcgip_round_robin_new(&collection, list, 1) == FCGIP_OK &&
                  fcgip_proxy_new(&proxy, collection, NULL) == FCGIP_OK);
  for (i = 0; i < 101; i++)
    CHECK(test, fcgip_proxy_send_async_request(proxy, request, NULL) == FCGIP_OK);
  CHECK(test, fcgip_proxy_send_async_request(proxy, request, NULL) == FCGIP_EQUEUEFULL);
  CHECK(test, fcgip_proxy_pending(proxy) == 101);
  fcgip_proxy_free(proxy);
  fcgip_collection_free(collection);
  fcgip_endpoint_free(endpoint);
  fcgip_request_free(request);
  fixture_free(&f);
}
