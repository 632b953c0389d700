/* CLU: collections, failover, and the cluster proxy. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "collection/collection.h"
#include "conformance/fixture.h"
#include "conformance/memory.h"
#include "proxy/proxy.h"
#include "support/peer_conn.h"

#define NODES 8

/* Several servers: a peer each, or an address where there is none. */
typedef struct nodes {
  conf_test *test;
  size_t count;
  peer *peers[NODES]; /* NULL: dead */
  conf_script *scripts[NODES];
  fcgip_endpoint *endpoints[NODES];
  fcgip_collection *collection;
  fcgip_proxy *proxy;
  fcgip_cluster_proxy *cluster;
} nodes;

/* `scripts[i]` NULL: nobody listens there. The paths are folder/0.sock and so on. */
static void nodes_new(nodes *n, conf_test *test, const conf_request *spec,
                      const char *const *scripts, size_t count)
{
  fcgip_endpoint_options options = conf_fcgiproxy_options(spec);
  char path[150];
  size_t i;

  memset(n, 0, sizeof(*n));
  n->test = test;
  n->count = count;
  for (i = 0; i < count; i++) {
    snprintf(path, sizeof(path), "%s/%zu.sock", test->folder, i);
    if (scripts[i] != NULL) {
      if (peer_new_at(&n->peers[i], path) != 0)
        abort();
      n->scripts[i] = conf_script_new(scripts[i]);
      peer_play(n->peers[i], 0, &n->scripts[i]->play);
    }
    if (fcgip_endpoint_new_unix(&n->endpoints[i], path, &options) != FCGIP_OK)
      abort();
  }
}

static void with_failover(nodes *n, tap *t)
{
  const fcgip_proxy_options options = {.struct_size = sizeof(options),
                                       .flags = FCGIP_PROXY_FAILOVER,
                                       .allocator = memory_allocator()};

  if (fcgip_round_robin_new(&n->collection, (const fcgip_endpoint *const *)n->endpoints,
                            n->count) != FCGIP_OK ||
      fcgip__proxy_new(&n->proxy, n->collection, &options, t != NULL ? &t->sys : NULL) != FCGIP_OK)
    abort();
}

static void with_cluster(nodes *n)
{
  const fcgip_proxy_options options = {.struct_size = sizeof(options),
                                       .allocator = memory_allocator()};

  if (fcgip_cluster_new(&n->collection, (const fcgip_endpoint *const *)n->endpoints, n->count) !=
          FCGIP_OK ||
      fcgip_cluster_proxy_new(&n->cluster, n->collection, &options) != FCGIP_OK)
    abort();
}

static void nodes_free(nodes *n)
{
  size_t i;

  fcgip_proxy_free(n->proxy);
  fcgip_cluster_proxy_free(n->cluster);
  fcgip_collection_free(n->collection);
  for (i = 0; i < n->count; i++) {
    fcgip_endpoint_free(n->endpoints[i]);
    peer_free(n->peers[i]);
    conf_script_free(n->scripts[i]);
  }
}

static int step_all(nodes *n)
{
  int moved = 0;
  size_t i;

  for (i = 0; i < n->count; i++)
    if (n->peers[i] != NULL && peer_step(n->peers[i]))
      moved = 1;
  return moved;
}

/* One request through the proxy with failover. */
static void ask(nodes *n, const conf_request *spec, conf_result *result, const char **answered_by)
{
  uint64_t from = peer_now_ms();
  fcgip_response *response = NULL;
  fcgip_request *request = NULL;

  *answered_by = "";
  conf_result_clear(result);
  result->verdict = V_HANG;
  if (conf_fcgiproxy_request(&request, spec) != FCGIP_OK ||
      fcgip_proxy_send_async_request(n->proxy, request, NULL) != FCGIP_OK)
    abort();
  while (fcgip_proxy_next_response(n->proxy, step_all(n) ? 0 : 1, &response) == 0 &&
         peer_now_ms() - from < 60000)
    continue;
  if (response != NULL) {
    conf_fcgiproxy_result(response, result);
    *answered_by = fcgip_endpoint_address(fcgip_response_endpoint(response));
  }
  fcgip_request_free(request);
  if (response != NULL && strlen(*answered_by) > 6)
    *answered_by += strlen(*answered_by) - 6; /* "0.sock"; it lives as long as the endpoint */
  fcgip_response_free(response);
}

static void rounds(conf_test *test, size_t count)
{
  static const char *const dead[NODES] = {NULL};
  const conf_request plain = {0};
  fcgip_response *response;
  fcgip_request *request;
  size_t i, got[NODES] = {0};
  nodes n;

  nodes_new(&n, test, &plain, dead, count);
  CHECK(test, fcgip_round_robin_new(&n.collection, (const fcgip_endpoint *const *)n.endpoints,
                                    count) == FCGIP_OK);
  CHECK(test, fcgip_proxy_new(&n.proxy, n.collection, NULL) == FCGIP_OK);
  CHECK(test, fcgip_collection_count(n.collection) == count);
  CHECK(test, fcgip_get_request_new(&request, "/srv/app.php", NULL, 0) == FCGIP_OK);
  for (i = 0; i < 30; i++) {
    CHECK(test, fcgip_proxy_send_request(n.proxy, request, &response) == FCGIP_ECONNECT);
    CHECK(test,
          fcgip_response_endpoint(response) == fcgip_collection_endpoint(n.collection, i % count));
    got[i % count]++;
    fcgip_response_free(response);
  }
  for (i = 0; i < count; i++)
    CHECK(test, got[i] == 30 / count);
  fcgip_request_free(request);
  nodes_free(&n);
}

static void round_robin(conf_test *test)
{
  rounds(test, 1);
  rounds(test, 2);
  rounds(test, 3);
}

/* Pearson's sum for `picks` draws from `count` alternatives. */
static double chi_squared(const unsigned long *got, size_t count, unsigned long picks)
{
  double expected = (double)picks / (double)count, sum = 0;
  size_t i;

  for (i = 0; i < count; i++)
    sum += ((double)got[i] - expected) * ((double)got[i] - expected) / expected;
  return sum;
}

static void random_picks(conf_test *test)
{
  static const size_t counts[] = {2, 3, 5, 8};
  static const double limits[] = {10.83, 13.82, 18.47,
                                  24.32}; /* p = 0.001, with one degree of freedom less */
  fcgip_endpoint *endpoint;
  const fcgip_endpoint *list[NODES];
  fcgip_collection *collection;
  fcgip__picker one, two;
  unsigned long got[NODES];
  size_t i, index, again;
  unsigned long k;
  int drawn, is_same;

  CHECK(test, fcgip_endpoint_new_unix(&endpoint, "/nowhere", NULL) == FCGIP_OK);
  for (i = 0; i < NODES; i++)
    list[i] = endpoint;
  srand(1);
  drawn = rand();
  srand(1);
  for (i = 0; i < 4; i++) {
    memset(got, 0, sizeof(got));
    is_same = 1;
    CHECK(test, fcgip_random_new_seeded(&collection, list, counts[i], 42) == FCGIP_OK);
    fcgip__picker_init(&one, collection);
    fcgip_collection_free(collection);
    CHECK(test, fcgip_random_new_seeded(&collection, list, counts[i], 42) == FCGIP_OK);
    fcgip__picker_init(&two, collection);
    for (k = 0; k < 1000000; k++) {
      if (fcgip__picker_pick(&one, collection, NULL, &index) != FCGIP_OK || index >= counts[i] ||
          fcgip__picker_pick(&two, collection, NULL, &again) != FCGIP_OK)
        break;
      is_same &= index == again;
      got[index]++;
    }
    CHECK(test, k == 1000000 && is_same);
    conf_check(test, chi_squared(got, counts[i], k) < limits[i], "chi squared %.2f for %zu",
               chi_squared(got, counts[i], k), counts[i]);
    fcgip_collection_free(collection);
  }
  CHECK(test, rand() == drawn);
  fcgip_endpoint_free(endpoint);
}

/* All responses of one cluster request; bit i of the masks: node i answered, failed. */
static void gather(nodes *n, unsigned *answered, unsigned *failed, size_t *count)
{
  uint64_t from = peer_now_ms();
  fcgip_response *response;
  size_t i;

  *answered = *failed = 0;
  *count = 0;
  while (fcgip_cluster_proxy_has_unhandled_responses(n->cluster) == 1 &&
         peer_now_ms() - from < 60000) {
    if (fcgip_cluster_proxy_next_response(n->cluster, step_all(n) ? 0 : 1, &response) != 1)
      continue;
    (*count)++;
    for (i = 0; i < n->count; i++)
      if (fcgip_response_endpoint(response) == n->endpoints[i])
        *(fcgip_response_error(response) == FCGIP_OK ? answered : failed) |= 1U << i;
    fcgip_response_free(response);
  }
}

static void some_dead(conf_test *test)
{
  static const char *const scripts[] = {"OKR", NULL, "OKR", "OUT(H 'BO') FIN", NULL, "OKR"};
  const conf_request plain = {0};
  fcgip_request *request;
  unsigned answered, failed;
  size_t count;
  nodes n;
  int twice;

  nodes_new(&n, test, &plain, scripts, 6);
  with_cluster(&n);
  CHECK(test, fcgip_get_request_new(&request, "/srv/app.php", NULL, 0) == FCGIP_OK);
  for (twice = 0; twice < 2; twice++) {
    CHECK(test, fcgip_cluster_proxy_send_async_request(n.cluster, request) == FCGIP_OK);
    gather(&n, &answered, &failed, &count);
    conf_check(test, count == 6 && answered == 0x25 && failed == 0x1a,
               "%zu responses, answered %x, failed %x", count, answered, failed);
  }
  fcgip_request_free(request);
  nodes_free(&n);
}

static void counts(conf_test *test)
{
  const fcgip_endpoint *list[1000];
  fcgip_endpoint *endpoint = NULL;
  fcgip_collection *collection = NULL;
  fcgip_cluster_proxy *cluster = NULL;
  fcgip_request *request;
  fcgip_response *response;
  size_t i, n;

  CHECK(test, fcgip_endpoint_new_unix(&endpoint, "/nowhere", NULL) == FCGIP_OK);
  for (i = 0; i < 1000; i++)
    list[i] = endpoint;
  CHECK(test, fcgip_random_new(&collection, list, 0) == FCGIP_EINVAL && collection == NULL);
  CHECK(test, fcgip_round_robin_new(&collection, list, 0) == FCGIP_EINVAL && collection == NULL);
  CHECK(test, fcgip_cluster_new(&collection, list, 0) == FCGIP_EINVAL && collection == NULL);
  CHECK(test, fcgip_cluster_new(&collection, NULL, 1) == FCGIP_EINVAL && collection == NULL);
  CHECK(test, fcgip_get_request_new(&request, "/srv/app.php", NULL, 0) == FCGIP_OK);
  for (n = 1; n <= 1000; n *= 10) {
    CHECK(test, fcgip_cluster_new(&collection, list, n) == FCGIP_OK &&
                    fcgip_collection_count(collection) == n);
    CHECK(test, fcgip_cluster_proxy_new(&cluster, collection, NULL) == FCGIP_OK);
    CHECK(test, fcgip_cluster_proxy_send_async_request(cluster, request) == FCGIP_OK);
    for (i = 0; fcgip_cluster_proxy_next_response(cluster, 1000, &response) == 1; i++)
      fcgip_response_free(response);
    conf_check(test, i == n, "%zu responses of %zu", i, n); /* the same server so many times */
    fcgip_cluster_proxy_free(cluster);
    fcgip_collection_free(collection);
  }
  list[3] = NULL;
  CHECK(test, fcgip_cluster_new(&collection, list, 5) == FCGIP_EINVAL && collection == NULL);
  fcgip_request_free(request);
  fcgip_endpoint_free(endpoint);
}

static void next_node(conf_test *test)
{
  static const char *const scripts[][4] = {{NULL, "OKR"},
                                           {"END(0,2)", "OKR"},
                                           {NULL, "END(0,2)", NULL, "OKR"},
                                           {"END(0,2)", NULL, "END(0,2)"},
                                           {NULL, NULL, NULL}};
  static const size_t sizes[] = {2, 2, 4, 3, 3};
  const conf_request post = {.method = "POST", .content = "x", .content_len = 1};
  conf_result result = {0};
  const char *by;
  size_t i, j;
  nodes n;

  for (i = 0; i < 5; i++) {
    nodes_new(&n, test, &post, scripts[i], sizes[i]);
    with_failover(&n, NULL);
    ask(&n, &post, &result, &by);
    if (i < 3)
      conf_check(test, result.verdict == V_OK && (size_t)(by[0] - '0') == sizes[i] - 1,
                 "%zu: %s by %s", i, conf_verdict_name(result.verdict), by);
    else
      conf_check(test, result.verdict == V_CONNECT || result.verdict == V_REJECTED_OVERLOADED,
                 "%zu: %s", i, conf_verdict_name(result.verdict));
    for (j = 0; j < sizes[i]; j++)
      if (n.peers[j] != NULL)
        conf_check(test, peer_connections(n.peers[j]) == 1, "%zu: node %zu was asked %zu times", i,
                   j, peer_connections(n.peers[j]));
    nodes_free(&n);
  }
  conf_result_free(&result);
}

/* The first server listens, and its backlog is full and stays so: the second one is asked when the connect timeout of
 * the first has passed, and not before. */
static void full_backlog(conf_test *test)
{
  static const char *const scripts[] = {NULL, "OKR"};
  const conf_request options = {.connect_ms = 100};
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  conf_result result = {0};
  const char *by;
  uint64_t now;
  int fds[8];
  size_t i;
  nodes n;
  tap t;

  snprintf(name.sun_path, sizeof(name.sun_path), "%.100s/0.sock", test->folder);
  for (i = 0; i < 8; i++)
    fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  CHECK(test, bind(fds[0], (struct sockaddr *)&name, sizeof(name)) == 0 && listen(fds[0], 1) == 0);
  for (i = 1; i < 8 && connect(fds[i], (struct sockaddr *)&name, sizeof(name)) == 0; i++)
    continue;
  CHECK(test, i < 8);
  tap_init(&t);
  t.tick_us = 1;
  nodes_new(&n, test, &options, scripts, 2);
  with_failover(&n, &t);
  now = t.now_us;
  ask(&n, &options, &result, &by);
  conf_check(test, result.verdict == V_OK && by[0] == '1', "%s by %s",
             conf_verdict_name(result.verdict), by);
  conf_check(test, t.now_us - now >= 100000 && t.now_us - now < 102000, "after %llu us",
             (unsigned long long)(t.now_us - now));
  CHECK(test, t.calls[TAP_CONNECT] > 3);
  nodes_free(&n);
  for (i = 0; i < 8; i++)
    close(fds[i]);
  conf_result_free(&result);
}

static void died_after_bytes(conf_test *test)
{
  static const char *const scripts[][2] = {{"FIN", "OKR"},
                                           {"READ RST", "OKR"},
                                           {"OUT(H 'BO') FIN", "OKR"},
                                           {"OUT(H 'BO') END(0,2)", "OKR"}};
  const conf_request post = {.method = "POST", .content = "x", .content_len = 1};
  conf_result result = {0};
  const char *by;
  size_t i;
  nodes n;

  for (i = 0; i < 4; i++) {
    nodes_new(&n, test, &post, scripts[i], 2);
    with_failover(&n, NULL);
    ask(&n, &post, &result, &by);
    conf_check(test, result.verdict != V_OK && result.verdict != V_HANG && !result.is_retry_safe,
               "%zu: %s", i, conf_verdict_name(result.verdict));
    CHECK(test, peer_connections(n.peers[1]) == 0);
    nodes_free(&n);
  }
  conf_result_free(&result);
}

static void count_response(fcgip_response *response, void *data)
{
  (void)response;
  (*(int *)data)++;
}

static void one_slow(conf_test *test)
{
  static const char *const scripts[] = {"OKR", "READ HOLD", "OKR", "OKR"};
  const conf_request plain = {0};
  fcgip_request *request;
  int answered = 0, i;
  nodes n;

  nodes_new(&n, test, &plain, scripts, 4);
  with_cluster(&n);
  CHECK(test, fcgip_get_request_new(&request, "/srv/app.php", NULL, 0) == FCGIP_OK);
  CHECK(test,
        fcgip_request_add_response_callback(request, count_response, &answered, NULL) == FCGIP_OK);
  CHECK(test, fcgip_cluster_proxy_send_async_request(n.cluster, request) == FCGIP_OK);
  for (i = 0; i < 10000 && answered < 3; i++) {
    step_all(&n);
    fcgip_cluster_proxy_handle_ready_responses(n.cluster, 0);
  }
  CHECK(test, answered == 3 && fcgip_cluster_proxy_pending(n.cluster) == 1);
  CHECK(test, fcgip_cluster_proxy_cancel_all(n.cluster) == FCGIP_OK &&
                  fcgip_cluster_proxy_pending(n.cluster) == 0);
  fcgip_request_free(request);
  nodes_free(&n);
}

/* Each server's backlog is full for ever; the deadline is of all of them together. */
static void one_deadline(conf_test *test)
{
  static const char *const scripts[] = {"OKR", "OKR", "OKR"};
  const conf_request options = {.connect_ms = 400, .total_ms = 600};
  conf_result result = {0};
  const char *by;
  uint64_t now;
  nodes n;
  tap t;

  tap_init(&t);
  t.tick_us = 10;
  t.rules[TAP_CONNECT] = (tap_rule){.error = EAGAIN, .from = 1};
  nodes_new(&n, test, &options, scripts, 3);
  with_failover(&n, &t);
  now = t.now_us;
  ask(&n, &options, &result, &by);
  conf_check(test, result.verdict == V_TIMEOUT || result.verdict == V_BUSY, "%s",
             conf_verdict_name(result.verdict));
  conf_check(test, t.now_us - now >= 600000 && t.now_us - now < 602000, "after %llu us",
             (unsigned long long)(t.now_us - now));
  nodes_free(&n);
  conf_result_free(&result);
}

static void all_down(conf_test *test)
{
  static const char *const dead[NODES] = {NULL};
  const conf_request plain = {0};
  conf_result result = {0};
  const char *by;
  char name[20];
  size_t i;
  nodes n;

  nodes_new(&n, test, &plain, dead, NODES);
  with_failover(&n, NULL);
  ask(&n, &plain, &result, &by);
  CHECK(test, result.verdict == V_CONNECT && result.error_number == ENOENT && result.is_retry_safe);
  for (i = 0; i < NODES; i++) {
    snprintf(name, sizeof(name), "/%zu.sock", i);
    conf_check(test, strstr(result.text.data, name) != NULL, "%s is not in \"%s\"", name,
               result.text.data);
  }
  nodes_free(&n);
  conf_result_free(&result);
}

static void drop_nodes(fcgip_response *response, void *data)
{
  nodes *n = data;
  size_t i;

  (void)response;
  fcgip_collection_free(n->collection);
  n->collection = NULL;
  for (i = 0; i < n->count; i++) {
    fcgip_endpoint_free(n->endpoints[i]);
    n->endpoints[i] = NULL;
  }
}

/* What the cluster was made of is let go while it works. */
static void changed_inside(conf_test *test)
{
  static const char *const scripts[] = {"OKR", NULL, "OKR"};
  const conf_request plain = {0};
  fcgip_request *request;
  int i;
  nodes n;

  nodes_new(&n, test, &plain, scripts, 3);
  with_cluster(&n);
  CHECK(test, fcgip_get_request_new(&request, "/srv/app.php", NULL, 0) == FCGIP_OK);
  CHECK(test, fcgip_request_add_response_callback(request, drop_nodes, &n, NULL) == FCGIP_OK);
  CHECK(test, fcgip_request_add_failure_callback(request, drop_nodes, &n, NULL) == FCGIP_OK);
  CHECK(test, fcgip_cluster_proxy_send_async_request(n.cluster, request) == FCGIP_OK);
  for (i = 0; i < 100000 && fcgip_cluster_proxy_has_unhandled_responses(n.cluster) == 1; i++) {
    step_all(&n);
    fcgip_cluster_proxy_handle_ready_responses(n.cluster, 0);
  }
  CHECK(test, fcgip_cluster_proxy_has_unhandled_responses(n.cluster) == 0 && n.collection == NULL);
  fcgip_request_free(request);
  nodes_free(&n);
}

#define ROW(number, level_, function)                                                              \
  {                                                                                                \
    .id = "CLU-" number, .level = (level_), .run = (function), .needs = HAS_API                    \
  }

static const conf_case cases[] = {
    ROW("01", 'M', round_robin),      ROW("02", 'M', random_picks),   ROW("03", 'M', some_dead),
    ROW("04", 'P', counts),           ROW("05", 'M', next_node),      ROW("05", 0, full_backlog),
    ROW("06", 'M', died_after_bytes), ROW("07", 'M', one_slow),       ROW("08", 'M', one_deadline),
    ROW("09", 'M', all_down),         ROW("10", 'M', changed_inside),
};

CONF_GROUP(conf_clu, "CLU", cases);
