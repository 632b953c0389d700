/* NET: addresses and connecting. What the system calls say is in cases_net_calls.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "collection/endpoint.h"
#include "conformance/fixture.h"
#include "conformance/memory.h"
#include "conformance/net.h"
#include "proxy/proxy.h"
#include "support/nobody.h"
#include "support/peer_conn.h"

/* A request to any address, without a peer that is stepped. */
static void ask(const char *address, const conf_request *spec, conf_result *result)
{
  static const conf_request none = {0};
  conf_session *session;

  session = conf_adapter_fcgiproxy.session_new(spec != NULL ? spec : &none, address, 0);
  conf_adapter_fcgiproxy.run(session, result);
  conf_adapter_fcgiproxy.session_free(session);
}

static void refused_by(conf_test *test, const char *address, int error_number)
{
  conf_result result = {0};

  ask(address, NULL, &result);
  conf_check(test, result.verdict == V_CONNECT && result.error_number == error_number,
             "%s: %s, errno %d instead of %d", address, conf_verdict_name(result.verdict),
             result.error_number, error_number);
  CHECK(test,
        result.is_retry_safe && !result.is_partial && strstr(result.text.data, address) != NULL);
  CHECK(test, conf_adapter_fcgiproxy.complaint() == NULL);
  conf_result_free(&result);
}

/* A loopback port that nobody listens at, as long as the socket is open. */
static int bound_port(const char *ip, uint16_t *port)
{
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(*port)};
  socklen_t len = sizeof(name);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  inet_pton(AF_INET, ip, &name.sin_addr);
  if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0 ||
      getsockname(fd, (struct sockaddr *)&name, &len) != 0)
    abort();
  *port = ntohs(name.sin_port);
  return fd;
}

static void closed_port(conf_test *test)
{
  char address[80];
  uint16_t port = 0;
  int fd = bound_port("127.0.0.1", &port);

  snprintf(address, sizeof(address), "tcp://127.0.0.1:%u", port);
  refused_by(test, address, ECONNREFUSED);
  close(fd);
}

/* A Unix socket of this kind, bound. */
static int bound_socket(const char *path, int type)
{
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

  snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
  if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
    abort();
  return fd;
}

static void unix_addresses(conf_test *test)
{
  static const struct {
    const char *name;
    int error_number;
  } rows[] = {{"missing", ENOENT},    {"stale", ECONNREFUSED},  {"bound", ECONNREFUSED},
              {"file", ECONNREFUSED}, {"folder", ECONNREFUSED}, {"datagram", EPROTOTYPE},
              {"dangling", ENOENT},   {"loop", ELOOP},          {"file/below", ENOTDIR}};
  char path[200], address[220];
  int bound = -1, datagram = -1;
  size_t i;

  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    snprintf(path, sizeof(path), "%s/%s", test->folder, rows[i].name);
    snprintf(address, sizeof(address), "unix://%s", path);
    if (i == 1)
      close(bound_socket(path, SOCK_STREAM));
    else if (i == 2)
      bound = bound_socket(path, SOCK_STREAM);
    else if (i == 3)
      close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    else if (i == 4)
      CHECK(test, mkdir(path, 0700) == 0);
    else if (i == 5)
      datagram = bound_socket(path, SOCK_DGRAM);
    else if (i == 6)
      CHECK(test, symlink("nowhere", path) == 0);
    else if (i == 7)
      CHECK(test, symlink(path, path) == 0);
    refused_by(test, address, rows[i].error_number);
  }
  close(bound);
  close(datagram);
}

static int ask_as_nobody(void *data)
{
  conf_result result = {0};
  int rc;

  ask(data, NULL, &result);
  rc = result.verdict == V_CONNECT ? result.error_number : 0;
  conf_result_free(&result);
  return rc;
}

static void forbidden(conf_test *test)
{
  char address[200];
  fixture f;
  int rc;

  fixture_new(&f, test, PEER_UNIX, NULL, "OKR");
  snprintf(address, sizeof(address), "%s", peer_address(f.peer));
  CHECK(test, chmod(strchr(address, '/') + 2, 0) == 0);
  rc = nobody_run(ask_as_nobody, address);
  conf_check(test, rc == EACCES, "errno %d", rc);
  fixture_free(&f);
}

static void path_lengths(conf_test *test)
{
  char path[120], address[140];
  conf_result result = {0};
  conf_script *script = conf_script_new("OKR");
  fcgip_endpoint *endpoint;
  peer *server;
  size_t len;

  for (len = 106; len <= 109; len++) {
    memset(path, 'p', sizeof(path));
    memcpy(path, test->folder, strlen(test->folder));
    path[strlen(test->folder)] = '/';
    path[len] = '\0';
    endpoint = NULL;
    CHECK(test,
          fcgip_endpoint_new_unix(&endpoint, path, NULL) == (len <= 107 ? FCGIP_OK : FCGIP_EINVAL));
    CHECK(test, (endpoint != NULL) == (len <= 107));
    fcgip_endpoint_free(endpoint);
    if (len > 107)
      continue;
    CHECK(test, peer_new_at(&server, path) == 0);
    peer_play(server, 0, &script->play);
    peer_thread_start(server);
    snprintf(address, sizeof(address), "unix://%s", path);
    ask(address, NULL, &result);
    conf_check(test, result.verdict == V_OK, "path of %zu bytes: %s", len, result.text.data);
    peer_free(server);
  }
  CHECK(test, fcgip_endpoint_new_unix(&endpoint, "", NULL) == FCGIP_EINVAL && endpoint == NULL);
  CHECK(test, fcgip_endpoint_parse(&endpoint, "unix://", NULL) == FCGIP_EINVAL && endpoint == NULL);
  CHECK(test, fcgip_endpoint_parse(&endpoint, "", NULL) == FCGIP_EINVAL && endpoint == NULL);
  conf_script_free(script);
  conf_result_free(&result);
}

/* Connections to a listener with a short queue, until it takes no more. */
static size_t fill(const struct sockaddr *name, socklen_t len, int *fds, size_t cap)
{
  size_t n;

  for (n = 0; n < cap; n++) {
    fds[n] = socket(name->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(fds[n], name, len) != 0)
      return n + 1;
  }
  return n;
}

static void full_backlog(conf_test *test)
{
  const conf_request patient = {.connect_ms = 250}, more_patient = {.connect_ms = 30000};
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  char path[150], address[170];
  conf_result result = {0};
  fcgip_response *response = NULL;
  fcgip_request *request;
  fcgip_request_id id;
  int fds[64], fd;
  size_t n;
  fixture f;
  tap t;

  snprintf(path, sizeof(path), "%s/full.sock", test->folder);
  snprintf(address, sizeof(address), "unix://%s", path);
  snprintf(name.sun_path, sizeof(name.sun_path), "%.107s", path);
  fd = bound_socket(path, SOCK_STREAM);
  CHECK(test, listen(fd, 4) == 0);
  n = fill((struct sockaddr *)&name, sizeof(name), fds, 64);
  ask(address, &patient, &result);
  conf_check(test, result.verdict == V_BUSY && result.is_retry_safe, "%s (%s)",
             conf_verdict_name(result.verdict), result.text.data);
  while (n > 0)
    close(fds[--n]);
  close(fd);
  /* The same where there is room after a while; and the attempts are far between. */
  tap_init(&t);
  t.rules[TAP_CONNECT] = (tap_rule){.error = EAGAIN, .from = 1, .count = 6};
  fixture_new_with_tap(&f, test, PEER_UNIX, &more_patient, "OKR", &t);
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_take(&f, id, &result);
  conf_check(test, result.verdict == V_OK && t.calls[TAP_CONNECT] == 7, "%s after %lu attempts",
             conf_verdict_name(result.verdict), t.calls[TAP_CONNECT]);
  fcgip_response_free(response);
  fcgip_request_free(request);
  fixture_free(&f);
  conf_result_free(&result);
}

/* A listener that answers no more: its queue is full. */
static int blackhole(const char *ip, uint16_t *port, int *fds, size_t *n)
{
  struct sockaddr_in name = {.sin_family = AF_INET};
  int fd = bound_port(ip, port);

  inet_pton(AF_INET, ip, &name.sin_addr);
  name.sin_port = htons(*port);
  if (listen(fd, 0) != 0)
    abort();
  *n = 0;
  while (*n < 4) {
    fds[*n] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    connect(fds[(*n)++], (struct sockaddr *)&name, sizeof(name));
  }
  usleep(20000);
  return fd;
}

static void no_answer(conf_test *test)
{
  const conf_request options = {.connect_ms = 300, .read_write_ms = 100};
  const conf_expect want = {.verdict = V_TIMEOUT, .what = "connecting", .is_retry_safe = 1};
  conf_result result = {0};
  char address[80], why[300] = "";
  uint16_t port = 0;
  int fds[4], fd;
  uint64_t from;
  size_t n;

  fd = blackhole("127.0.0.1", &port, fds, &n);
  snprintf(address, sizeof(address), "tcp://127.0.0.1:%u", port);
  from = peer_now_ms();
  ask(address, &options, &result);
  conf_check(test, conf_judge(test, &want, &result, why, sizeof(why)), "%s", why);
  conf_check(test, peer_now_ms() - from >= 299, "after %llu ms",
             (unsigned long long)(peer_now_ms() - from));
  while (n > 0)
    close(fds[--n]);
  close(fd);
  conf_result_free(&result);
}

/* A request to a host name that means these addresses. */
static void ask_name(conf_test *test, tap *t, const char *host, uint16_t port,
                     const conf_request *spec, peer *server, conf_result *result)
{
  fcgip_endpoint_options options = conf_fcgiproxy_options(spec);
  fcgip_endpoint *endpoint = NULL;
  fcgip_collection *collection = NULL;
  const fcgip_endpoint *list[1];
  fixture f = {.test = test, .peer = server};
  fcgip_request *request = fixture_request(&f, NULL);

  CHECK(test, fcgip__endpoint_new_tcp(&endpoint, host, port, &options, &t->sys) == FCGIP_OK);
  list[0] = endpoint;
  CHECK(test, fcgip_round_robin_new(&collection, list, 1) == FCGIP_OK);
  CHECK(test, fcgip__proxy_new(&f.proxy, collection, NULL, &t->sys) == FCGIP_OK);
  fixture_take(&f, fixture_send(&f, request), result);
  fcgip_request_free(request);
  fcgip_proxy_free(f.proxy);
  fcgip_collection_free(collection);
  fcgip_endpoint_free(endpoint);
  conf_check(test, t->open == 0, "%ld sockets leaked", t->open);
}

static void resolving(conf_test *test)
{
  static const char *const none[] = {NULL};
  const conf_request plain = {0};
  conf_result result = {0};
  fixture f;
  tap t;

  fixture_new(&f, test, PEER_TCP4, NULL, "OKR");
  tap_init(&t);
  t.rules[TAP_RESOLVE].error = 1;
  ask_name(test, &t, "some.name", peer_port(f.peer), &plain, f.peer, &result);
  CHECK(test, result.verdict == V_RESOLVE && result.is_retry_safe &&
                  strstr(result.text.data, "some.name") != NULL);
  tap_init(&t);
  t.resolves_to = none;
  ask_name(test, &t, "some.name", peer_port(f.peer), &plain, f.peer, &result);
  CHECK(test, result.verdict == V_RESOLVE);
  tap_init(&t); /* the system's own resolver: ".invalid" never is, RFC 6761 */
  ask_name(test, &t, "name.invalid", 9000, &plain, f.peer, &result);
  CHECK(test, result.verdict == V_RESOLVE);
  conf_result_free(&result);
  fixture_free(&f);
}

static void many_addresses(conf_test *test)
{
  static const char *const alive[] = {"127.0.0.2", "127.0.0.3", "127.0.0.1", NULL};
  static const char *const dead[] = {"127.0.0.2", "127.0.0.3", NULL};
  const conf_request options = {.connect_ms = 20000}, hasty = {.connect_ms = 400};
  conf_result result = {0};
  uint16_t port;
  int fds[4], fd;
  uint64_t from;
  size_t n;
  fixture f;
  tap t;

  fixture_new(&f, test, PEER_TCP4, NULL, "OKR");
  port = peer_port(f.peer);
  fd = blackhole("127.0.0.3", &port, fds, &n);
  tap_init(&t);
  t.tick_us = 1;
  t.resolves_to = alive;
  from = t.now_us;
  ask_name(test, &t, "some.name", port, &options, f.peer, &result);
  conf_check(test, result.verdict == V_OK, "%s (%s)", conf_verdict_name(result.verdict),
             result.text.data);
  /* The one that says no costs nothing, the one that says nothing a quarter of a second. */
  conf_check(test, t.now_us - from >= 250000 && t.now_us - from < 252000, "after %llu us",
             (unsigned long long)(t.now_us - from));
  tap_init(&t);
  t.tick_us = 1;
  t.resolves_to = dead;
  from = t.now_us;
  ask_name(test, &t, "some.name", port, &hasty, f.peer, &result);
  conf_check(test,
             result.verdict == V_TIMEOUT && result.is_retry_safe &&
                 strstr(result.text.data, "(127.0.0.2) (ECONNREFUSED") != NULL,
             "%s (%s)", conf_verdict_name(result.verdict), result.text.data);
  conf_check(test, t.now_us - from >= 400000 && t.now_us - from < 402000, "after %llu us",
             (unsigned long long)(t.now_us - from));
  while (n > 0)
    close(fds[--n]);
  close(fd);
  conf_result_free(&result);
  fixture_free(&f);
}

static void ask_peer(conf_test *test, peer_kind kind, const char *form)
{
  conf_result result = {0};
  char address[100];
  fixture f;

  fixture_new(&f, test, kind, NULL, "OKR");
  snprintf(address, sizeof(address), "%s%u", form, peer_port(f.peer));
  peer_thread_start(f.peer);
  ask(address, NULL, &result);
  peer_thread_stop(f.peer);
  conf_check(test, result.verdict == V_OK, "%s: %s", address, result.text.data);
  conf_result_free(&result);
  fixture_free(&f);
}

static void v6(conf_test *test)
{
  static const char *const both[] = {"::1", "127.0.0.1", NULL};
  const conf_request plain = {0};
  conf_result result = {0};
  fcgip_endpoint *endpoint = NULL;
  fixture f;
  peer *probe;
  tap t;

  if (peer_new(&probe, PEER_TCP6, test->folder) == 0) {
    peer_free(probe);
    ask_peer(test, PEER_TCP6, "tcp://[::1]:");
    ask_peer(test, PEER_TCP6, "[::1]:");
    ask_peer(test, PEER_TCP4, "tcp://[::ffff:127.0.0.1]:");
  }
  CHECK(test, fcgip_endpoint_new_tcp(&endpoint, "::1", 9000, NULL) == FCGIP_OK);
  CHECK(test, strcmp(fcgip_endpoint_address(endpoint), "tcp://[::1]:9000") == 0);
  fcgip_endpoint_free(endpoint);
  CHECK(test, fcgip_endpoint_parse(&endpoint, "tcp://[fe80::1%lo]:9000", NULL) == FCGIP_OK);
  fcgip_endpoint_free(endpoint);
  /* There is no IPv6: the socket for it cannot be made. */
  fixture_new(&f, test, PEER_TCP4, NULL, "OKR");
  tap_init(&t);
  t.resolves_to = both;
  t.rules[TAP_SOCKET] = (tap_rule){.error = EAFNOSUPPORT, .from = 1, .count = 1};
  ask_name(test, &t, "some.name", peer_port(f.peer), &plain, f.peer, &result);
  conf_check(test, result.verdict == V_OK, "%s (%s)", conf_verdict_name(result.verdict),
             result.text.data);
  conf_result_free(&result);
  fixture_free(&f);
}

static void ports(conf_test *test)
{
  static const char *const wrong[] = {
      "h:0",     "h:65536",      "h:-1",         "h:9000x",  "h:09000",       "h:",
      "h: 9000", "h:+9000",      "h:9000 ",      "h:0x50",   "h:99999999999", "tcp://h",
      "h",       "[::1]",        "[::1]9000",    "[::1",     "::1:9000x",     "tcp://:9000",
      ":9000",   "udp://h:9000", "http://h:80/", "h:9000/x", "tcp://h:9000\n"};
  fcgip_endpoint *endpoint;
  size_t i;

  for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    endpoint = NULL;
    conf_check(test,
               fcgip_endpoint_parse(&endpoint, wrong[i], NULL) == FCGIP_EINVAL && endpoint == NULL,
               "\"%s\" is an address", wrong[i]);
    fcgip_endpoint_free(endpoint);
  }
  CHECK(test, fcgip_endpoint_new_tcp(&endpoint, "127.0.0.1", 0, NULL) == FCGIP_EINVAL &&
                  endpoint == NULL);
  CHECK(test, fcgip_endpoint_parse(&endpoint, "127.0.0.1:65535", NULL) == FCGIP_OK);
  fcgip_endpoint_free(endpoint);
}

static void numeric(conf_test *test)
{
  static const char *const hosts[] = {"127.0.0.1", "::1", "[::1]", "fe80::1%lo",
                                      "::ffff:127.0.0.1"};
  fcgip_endpoint *endpoint;
  size_t i;
  tap t;

  tap_init(&t);
  for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
    CHECK(test, fcgip__endpoint_new_tcp(&endpoint, hosts[i], 9000, NULL, &t.sys) == FCGIP_OK);
    CHECK(test, fcgip_endpoint_resolve(endpoint) == FCGIP_OK);
    conf_check(test, t.calls[TAP_RESOLVE] == 0, "%s was resolved", hosts[i]);
    fcgip_endpoint_free(endpoint);
  }
}

/* TCP has connected the socket to itself: what comes back is our own BEGIN_REQUEST. */
static void self(conf_test *test)
{
  static const char script[] = "R(1,1,'\\0\\x01\\0\\0\\0\\0\\0\\0') HOLD";
  conf_result result = {0};
  fixture f;
  tap t;

  tap_init(&t);
  t.rules[TAP_SELF].error = 1;
  fixture_new_with_tap(&f, test, PEER_TCP4, NULL, script, &t);
  fixture_ask(&f, NULL, &result);
  conf_check(test,
             result.verdict == V_CONNECT && result.error_number == ECONNREFUSED &&
                 result.is_retry_safe,
             "%s, errno %d", conf_verdict_name(result.verdict), result.error_number);
  fixture_free(&f);
  tap_init(&t); /* and if it is another who says so, it is a fault of theirs */
  fixture_new_with_tap(&f, test, PEER_TCP4, NULL, script, &t);
  fixture_ask(&f, NULL, &result);
  CHECK(test, result.verdict == V_PROTO);
  conf_result_free(&result);
  fixture_free(&f);
}

#define ROW(number, level_, function)                                                              \
  {                                                                                                \
    .id = "NET-" number, .level = (level_), .run = (function), .needs = HAS_API                    \
  }

static const conf_case cases[] = {
    ROW("01", 'M', closed_port),
    ROW("02", 'M', unix_addresses),
    ROW("03", 'M', forbidden),
    ROW("04", 'M', path_lengths),
    ROW("05", 'M', full_backlog),
    ROW("06", 'M', no_answer),
    {.id = "NET-07",
     .level = 'M',
     .run = net_connect_errors,
     .needs = HAS_API,
     .see = "tests/fault"},
    {.id = "NET-08",
     .level = 'M',
     .run = net_socket_errors,
     .needs = HAS_API,
     .see = "tests/fault"},
    ROW("09", 'M', net_few_descriptors),
    {.id = "NET-10",
     .level = 'P',
     .run = net_transfer_errors,
     .needs = HAS_API,
     .see = "tests/fault"},
    ROW("11", 'M', net_sigpipe),
    ROW("12", 'M', net_exec),
    ROW("13", 'M', net_many_descriptors),
    ROW("14", 'M', resolving),
    ROW("15", 'M', many_addresses),
    ROW("16", 'M', v6),
    ROW("17", 'M', ports),
    ROW("18", 'M', numeric),
    ROW("19", 'S', self),
    ROW("20", 'M', net_close_errors),
    ROW("21", 'M', net_stolen_descriptor),
};

CONF_GROUP(conf_net, "NET", cases);
