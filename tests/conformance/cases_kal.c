/* KAL: keep-alive, and what must not come of it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/fixture.h"
#include "conformance/fpm_cases.h"

#define OK_BODY                                                                                    \
  {                                                                                                \
    .verdict = V_OK, .status = 200, .body = "BODY"                                                 \
  }

static const conf_request kept = {.keep = 1};

static void a_thousand(conf_test *test)
{
  conf_result result = {0};
  fcgip_request *request;
  fixture f;
  unsigned n;

  fixture_new(&f, test, PEER_UNIX, &kept, "OKR AGAIN");
  request = fixture_request(&f, NULL);
  for (n = 1; n <= 1000; n++) {
    fixture_take(&f, fixture_send(&f, request), &result);
    if (!conf_check(test, result.verdict == V_OK && peer_request_id(f.peer, 0) == n,
                    "request %u: %s, id %u", n, conf_verdict_name(result.verdict),
                    peer_request_id(f.peer, 0)))
      break;
  }
  CHECK(test, peer_connections(f.peer) == 1);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

static void fifty(conf_test *test)
{
  const conf_case one = {.request = kept, .script = "OKR AGAIN"};
  conf_expect wants[50];
  size_t i;

  for (i = 0; i < 50; i++)
    wants[i] = (conf_expect)OK_BODY;
  CHECK(test, conf_sequence(test, &one, wants, 50) == 1);
}

/* The connection is closed when END_REQUEST has come, though nobody asks for the response. */
static void closed_at_once(conf_test *test)
{
  fcgip_request *request;
  fixture f;

  fixture_new(&f, test, PEER_UNIX, NULL, "READ HOLD");
  request = fixture_request(&f, NULL);
  fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  fixture_say(&f, 0, "OUT(H 'BODY') EOO");
  CHECK(test, fcgip_proxy_poll(f.proxy, 1000) == FCGIP_OK && !peer_client_closed(f.peer, 0));
  fixture_say(&f, 0, "END(0,0)");
  CHECK(test, fcgip_proxy_poll(f.proxy, 1000) == FCGIP_OK && fixture_has_closed(&f, 0));
  CHECK(test, fixture_fd(&f) < 0);
  fcgip_request_free(request);
  fixture_free(&f);
}

/* A first request over `first`, a second like `spec`; what came of the second, and how many connections. */
static size_t second(conf_test *test, const char *first, const char *other,
                     const conf_request *spec, conf_result *result)
{
  fixture f;
  size_t connections;

  fixture_new(&f, test, PEER_UNIX, &kept, first);
  fixture_play(&f, 1, other);
  fixture_ask(&f, NULL, result);
  CHECK(test, result->verdict == V_OK);
  fixture_ask(&f, spec, result);
  connections = peer_connections(f.peer);
  fixture_free(&f);
  return connections;
}

static void closed_while_idle(conf_test *test)
{
  const conf_request post = {.method = "POST", .content = "x", .content_len = 1};
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};
  conf_result result = {0};
  fixture f;

  CHECK(test, second(test, "OKR FIN", "OKR", &post, &result) == 2 && result.verdict == V_OK);
  CHECK(test, second(test, "OKR HALF HOLD", "OKR", &post, &result) == 2 && result.verdict == V_OK);
  CHECK(test, second(test, "READ OKR RST", "OKR", &post, &result) == 2 && result.verdict == V_OK);
  fixture_new(&f, test, PEER_UNIX, &kept, "OKR FIN");
  fixture_ask(&f, NULL, &result);
  fixture_ask(&f, NULL, &result);
  CHECK(test, fcgip_proxy_endpoint_stats(f.proxy, 0, &stats) == FCGIP_OK);
  conf_check(test, stats.retried == 0 && stats.failed_transfer == 0, "%lu retried",
             (unsigned long)stats.retried);
  fixture_free(&f);
  conf_result_free(&result);
}

/* The idle connection dies as the second request is sent: `script` says how. */
static void stale(conf_test *test, const char *script, conf_verdict verdict)
{
  const conf_request get = {0}, put = {.method = "PUT", .content = "x", .content_len = 1};
  const conf_request post = {.method = "POST", .content = "x", .content_len = 1};
  const conf_request allowed = {
      .method = "POST", .content = "x", .content_len = 1, .is_retry_safe = 1};
  const conf_request forbidden = {.is_retry_safe = -1}, patch = {.method = "PATCH"};
  conf_result result = {0};

  CHECK(test, second(test, script, "OKR", &get, &result) == 2 && result.verdict == V_OK);
  CHECK(test, second(test, script, "OKR", &put, &result) == 2 && result.verdict == V_OK);
  CHECK(test, second(test, script, "OKR", &allowed, &result) == 2 && result.verdict == V_OK);
  CHECK(test, second(test, script, "OKR", &post, &result) == 1);
  conf_check(test, result.verdict == verdict && !result.is_retry_safe, "POST: %s",
             conf_verdict_name(result.verdict));
  CHECK(test, second(test, script, "OKR", &patch, &result) == 1 && result.verdict == verdict);
  CHECK(test, second(test, script, "OKR", &forbidden, &result) == 1 && result.verdict == verdict);
  conf_result_free(&result);
}

static void stale_eof(conf_test *test)
{
  conf_result result = {0};

  stale(test, "OKR READ FIN", V_CLOSED_EARLY);
  /* With a byte of a response nothing is sent again. */
  CHECK(test, second(test, "OKR READ RAW('\\x01') FIN", "OKR", NULL, &result) == 1 &&
                  result.verdict == V_CLOSED_EARLY);
  conf_result_free(&result);
}

static void stale_reset(conf_test *test)
{
  conf_result result = {0};

  stale(test, "OKR READ RST", V_RESET);
  CHECK(test, second(test, "OKR READ RAW('\\x01') RST", "OKR", NULL, &result) == 1 &&
                  result.verdict == V_RESET);
  conf_result_free(&result);
}

/* EPIPE when the second request is sent, after `accepted` bytes of it were taken. */
static void stale_pipe(conf_test *test, const conf_request *spec, size_t accepted,
                       conf_verdict verdict, size_t connections)
{
  conf_result result = {0};
  fixture f;
  tap t;

  tap_init(&t);
  fixture_new_with_tap(&f, test, PEER_UNIX, &kept, "OKR READ HOLD", &t);
  fixture_play(&f, 1, "OKR");
  fixture_ask(&f, NULL, &result);
  t.rules[TAP_SEND] = (tap_rule){.error = EPIPE,
                                 .from = t.calls[TAP_SEND] + (accepted > 0 ? 2 : 1),
                                 .count = 1,
                                 .at_most = accepted};
  fixture_ask(&f, spec, &result);
  conf_check(test, result.verdict == verdict && peer_connections(f.peer) == connections,
             "%s, %zu accepted: %s, %zu connections", spec->method != NULL ? spec->method : "GET",
             accepted, conf_verdict_name(result.verdict), peer_connections(f.peer));
  conf_result_free(&result);
  fixture_free(&f);
}

static void stale_send(conf_test *test)
{
  const conf_request get = {0}, post = {.method = "POST", .content = "x", .content_len = 1};

  stale_pipe(test, &get, 0, V_OK, 2);
  stale_pipe(test, &post, 0, V_OK, 2);
  stale_pipe(test, &get, 20, V_OK, 2);
  stale_pipe(test, &post, 20, V_SEND, 1);
}

static void stale_again(conf_test *test)
{
  const conf_request options = {.keep = 1, .total_ms = 500};
  conf_result result = {0};
  fcgip_request *request;
  fcgip_request_id id;
  fixture f;

  CHECK(test, second(test, "OKR READ FIN", "FIN", NULL, &result) == 2 &&
                  result.verdict == V_CLOSED_EARLY);
  CHECK(test, second(test, "OKR READ RST", "RST", NULL, &result) == 2 && result.verdict == V_RESET);
  fixture_new_with_clock(&f, test, &options, "OKR READ HOLD");
  fixture_play(&f, 1, "READ HOLD");
  fixture_ask(&f, NULL, &result);
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 2);
  f.now_ms += 300;
  shutdown(peer_fd(f.peer, 0), SHUT_RDWR);
  fixture_until_requested(&f, 1, 1);
  CHECK(test, fixture_run_clock(&f, id, f.now_ms + 10000, &result) == 1000500 &&
                  result.verdict == V_TIMEOUT);
  CHECK(test, peer_connections(f.peer) == 2);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

/* A server whose workers end after three requests. */
static void three_each(conf_test *test)
{
  conf_result result = {0};
  fixture f;
  int n;

  fixture_new(&f, test, PEER_UNIX, &kept, "OKR READ OKR READ OKR FIN");
  for (n = 0; n < 7; n++) {
    fixture_ask(&f, NULL, &result);
    conf_check(test, result.verdict == V_OK, "request %d: %s", n + 1,
               conf_verdict_name(result.verdict));
  }
  CHECK(test, peer_connections(f.peer) == 3);
  conf_result_free(&result);
  fixture_free(&f);
}

static void never_ahead(conf_test *test)
{
  conf_result result = {0};
  fixture f;
  int i;

  fixture_new_with_clock(&f, test, &kept, "OKR AGAIN");
  for (i = 0; i < 50; i++)
    fixture_turn(&f);
  CHECK(test, peer_connections(f.peer) == 0);
  fixture_ask(&f, NULL, &result);
  f.now_ms += 100000; /* longer than the connection may be idle */
  fcgip_proxy_process_timers(f.proxy);
  CHECK(test, fixture_until_closed(&f, 0) && fixture_fd(&f) < 0);
  for (i = 0; i < 50; i++)
    fixture_turn(&f);
  CHECK(test, peer_connections(f.peer) == 1);
  conf_result_free(&result);
  fixture_free(&f);
}

/* What a child may do: free what it has inherited, and ask through a proxy of its own. */
static int in_the_child(fixture *f, fcgip_request *request)
{
  fcgip_response *response = NULL;
  fcgip_proxy *own = NULL;
  int rc;

  fcgip_proxy_free(f->proxy);
  rc = fcgip_proxy_new(&own, f->collection, NULL);
  if (rc == FCGIP_OK)
    rc = fcgip_proxy_send_request(own, request, &response);
  fcgip_response_free(response);
  fcgip_request_free(request);
  fcgip_proxy_free(own);
  return rc == FCGIP_OK ? 0 : 1;
}

/* The child takes nothing from its parent: it has a connection of its own, and the parent's is as it was. */
static void forked(conf_test *test)
{
  fcgip_request *request;
  conf_result result = {0};
  fixture f;
  pid_t child;
  int status = 0;

  fixture_new(&f, test, PEER_UNIX, &kept, "OKR AGAIN");
  fixture_play(&f, 1, "OKR");
  fixture_ask(&f, NULL, &result);
  request = fixture_request(&f, NULL);
  child = fork();
  if (child == 0)
    _exit(in_the_child(&f, request));
  peer_thread_start(f.peer);
  CHECK(test, waitpid(child, &status, 0) == child && status == 0);
  peer_thread_stop(f.peer);
  CHECK(test, peer_connections(f.peer) == 2 && peer_requests(f.peer, 0) == 1);
  fixture_ask(&f, NULL, &result);
  CHECK(test,
        result.verdict == V_OK && peer_connections(f.peer) == 2 && peer_requests(f.peer, 0) == 2);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

/* Whatever the error: the next request comes on a new connection, and is answered. */
static void after_errors(conf_test *test)
{
  static const struct {
    const char *script;
    conf_verdict verdict;
  } errors[] = {{"REC(2,6,1,1,0,0)", V_PROTO},
                {"R(99,1,'')", V_PROTO},
                {"R(6,2,H)", V_PROTO},
                {"R(3,1,'')", V_PROTO},
                {"OUT('nonsense\n\n') END(0,0)", V_HEADER},
                {"EOO END(0,0)", V_HEADER},
                {"OUT('Content-Length: 5\n\nBODY') EOO END(0,0)", V_LENGTH},
                {"OUT('Content-Length: 3\n\nBODY') EOO END(0,0)", V_LENGTH},
                {"OUT(H 'x'*11) EOO END(0,0)", V_LIMIT},
                {"OUT('X: ' 'x'*101 '\n\n') EOO END(0,0)", V_LIMIT},
                {"END(0,1)", V_REJECTED_MPX},
                {"END(0,2)", V_REJECTED_OVERLOADED},
                {"END(0,3)", V_REJECTED_ROLE},
                {"END(0,9)", V_REJECTED_OTHER},
                {"OUT(H 'BO') FIN", V_CLOSED_EARLY},
                {"READ OUT(H 'BO') RST", V_RESET},
                {"OUT(H 'BO') HOLD", V_TIMEOUT}};
  size_t i;

  for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
    conf_case one = {
        .flags = TWO_WAY,
        .request = {.keep = 1, .max_body_bytes = 10, .max_header_bytes = 100, .total_ms = 3000},
        .want = {.verdict = errors[i].verdict, .is_reused = -1}};

    if (errors[i].verdict == V_TIMEOUT) {
      one.request.total_ms = 50;
      one.flags = NO_SPLITS;
    }
    conf_exchange_f(test, &one, "%s", errors[i].script);
  }
}

static void two_servers(conf_test *test)
{
  fcgip_endpoint_options options = conf_fcgiproxy_options(&kept);
  fcgip_endpoint *ends[2] = {NULL, NULL};
  const fcgip_endpoint *list[2];
  fcgip_collection *both = NULL;
  fcgip_request *request;
  fcgip_response *response;
  fcgip_proxy *proxy = NULL;
  fixture f[2];
  int i;

  fixture_new(&f[0], test, PEER_UNIX, NULL, "OKR AGAIN");
  fixture_new(&f[1], test, PEER_TCP4, NULL, "OKR AGAIN");
  for (i = 0; i < 2; i++) {
    CHECK(test, fcgip_endpoint_parse(&ends[i], peer_address(f[i].peer), &options) == FCGIP_OK);
    list[i] = ends[i];
  }
  CHECK(test, fcgip_round_robin_new(&both, list, 2) == FCGIP_OK &&
                  fcgip_proxy_new(&proxy, both, NULL) == FCGIP_OK);
  request = fixture_request(&f[0], NULL);
  for (i = 0; i < 10; i++) {
    response = NULL;
    peer_thread_start(f[i % 2].peer);
    CHECK(test, fcgip_proxy_send_request(proxy, request, &response) == FCGIP_OK);
    peer_thread_stop(f[i % 2].peer);
    fcgip_response_free(response);
  }
  for (i = 0; i < 2; i++) {
    CHECK(test, peer_connections(f[i].peer) == 1 && peer_requests(f[i].peer, 0) == 5);
    fcgip_endpoint_free(ends[i]);
  }
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  fcgip_collection_free(both);
  fixture_free(&f[1]);
  fixture_free(&f[0]);
}

static void two_at_once(conf_test *test)
{
  fcgip_request_id ids[2];
  conf_result result = {0};
  fcgip_request *request;
  fixture f;

  fixture_new(&f, test, PEER_UNIX, &kept, "READ HOLD");
  request = fixture_request(&f, NULL);
  ids[0] = fixture_send(&f, request);
  ids[1] = fixture_send(&f, request);
  fixture_until_requested(&f, 1, 1);
  CHECK(test, peer_connections(f.peer) == 2 && peer_requests(f.peer, 0) == 1 &&
                  peer_requests(f.peer, 1) == 1);
  fixture_say(&f, 1, "OKR");
  fixture_take(&f, ids[1], &result);
  CHECK(test, result.verdict == V_OK);
  fixture_say(&f, 0, "OKR");
  fixture_take(&f, ids[0], &result);
  CHECK(test, result.verdict == V_OK);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

/* A connection's ids go round while another request, whose id is 1 as well, is on its way: connections do not share
 * ids, so that there is none to skip. */
static void wrapped_in_flight(conf_test *test)
{
  const conf_request two = {.keep = 2, .read_write_ms = 1200000}; /* it waits for all the others */
  fcgip_request_id first, held;
  conf_result result = {0};
  fcgip_request *request;
  unsigned long n;
  fixture f;

  fixture_new(&f, test, PEER_UNIX, &two, "OKR AGAIN");
  fixture_play(&f, 1, "READ HOLD");
  peer_log_at_most(f.peer, 0);
  request = fixture_request(&f, NULL);
  first = fixture_send(&f, request);
  held = fixture_send(&f, request);
  fixture_take(&f, first, &result);
  CHECK(test, result.verdict == V_OK && fixture_until_requested(&f, 1, 1));
  for (n = 2; n <= 65537 && result.verdict == V_OK; n++)
    fixture_take(&f, fixture_send(&f, request), &result);
  conf_check(test, result.verdict == V_OK && n == 65538, "request %lu: %s", n - 1,
             conf_verdict_name(result.verdict));
  conf_check(test, peer_request_id(f.peer, 0) == 2 && peer_request_id(f.peer, 1) == 1,
             "ids %u and %u", peer_request_id(f.peer, 0), peer_request_id(f.peer, 1));
  CHECK(test, peer_connections(f.peer) == 2 && fcgip_proxy_pending(f.proxy) == 1);
  fixture_say(&f, 1, "OUT(H 'late') END(0,0)");
  fixture_take(&f, held, &result);
  CHECK(test, result.verdict == V_OK && strcmp(result.body.data, "late") == 0);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

static const conf_case cases[] = {
    {.id = "KAL-01", .level = 'M', .run = a_thousand, .needs = HAS_API},
    {.id = "KAL-01", .run = fifty, .needs = CAN_KEEP},
    {.id = "KAL-02", .level = 'M', .run = closed_at_once, .needs = HAS_API},
    {.id = "KAL-02", .script = "OKR HOLD", .request = {.is_plain = 1}, .want = OK_BODY},
    {.id = "KAL-03", .level = 'M', .run = closed_while_idle, .needs = HAS_API},
    {.id = "KAL-03",
     .script = "OKR FIN",
     .request = {.keep = 1},
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .is_reused = -1}},
    {.id = "KAL-04a", .level = 'P', .run = stale_eof, .needs = HAS_API},
    {.id = "KAL-04b", .level = 'P', .run = stale_reset, .needs = HAS_API},
    {.id = "KAL-04c", .level = 'P', .run = stale_send, .needs = HAS_API},
    {.id = "KAL-04d", .level = 'M', .run = stale_again, .needs = HAS_API},
    {.id = "KAL-05", .level = 'M', .run = three_each, .needs = HAS_API},
    {.id = "KAL-05", .flags = SLOW, .run = fpm_recycle, .needs = HAS_API},
    {.id = "KAL-06",
     .level = 'M',
     .script = "OKR RAW('x')",
     .request = {.keep = 1},
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .is_reused = -1}},
    {.id = "KAL-06",
     .script = "OKR R(11,0,'c\\0\\0\\0\\0\\0\\0\\0') OUT('late')",
     .request = {.keep = 1},
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .is_reused = -1}},
    {.id = "KAL-07", .level = 'M', .flags = SLOW, .run = fpm_starvation, .needs = HAS_API},
    {.id = "KAL-08", .level = 'M', .run = never_ahead, .needs = HAS_API},
    {.id = "KAL-09", .level = 'M', .flags = SLOW, .run = fpm_finish_request, .needs = HAS_API},
    {.id = "KAL-10", .level = 'M', .run = forked, .needs = HAS_API},
    {.id = "KAL-11",
     .level = 'M',
     .flags = LONG | SLOW,
     .run = wrapped_in_flight,
     .needs = HAS_API},
    {.id = "KAL-12",
     .level = 'M',
     .run = after_errors,
     .needs = CAN_KEEP | CAN_LIMITS | CAN_TIMEOUTS},
    {.id = "KAL-13", .level = 'M', .run = two_servers, .needs = HAS_API},
    {.id = "KAL-14", .level = 'M', .run = two_at_once, .needs = HAS_API},
    {.id = "KAL-15", .level = 'S', .flags = SLOW, .run = fpm_kept_over_reload, .needs = HAS_API},
};

CONF_GROUP(conf_kal, "KAL", cases);
