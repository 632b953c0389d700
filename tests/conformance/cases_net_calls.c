/* NET, continued: system calls that fail, descriptors that run out or are somebody else's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/fixture.h"
#include "conformance/net.h"

static char content[8 << 20];

/* One request with this rule in force, over `kind`; then one without. */
static void with_rule(conf_test *test, peer_kind kind, tap_call call, const tap_rule *rule,
                      const conf_request *options, conf_result *result, unsigned long *calls)
{
  conf_result after = {0};
  fixture f;
  tap t;

  tap_init(&t);
  t.rules[call] = *rule;
  fixture_new_with_tap(&f, test, kind, options, "OKR", &t);
  fixture_ask(&f, NULL, result);
  *calls = t.calls[call];
  t.rules[call] = (tap_rule){0};
  fixture_ask(&f, NULL, &after);
  conf_check(test, after.verdict == V_OK, "call %d, errno %d: afterwards %s", (int)call,
             rule->error, conf_verdict_name(after.verdict));
  conf_result_free(&after);
  fixture_free(&f);
}

/* In progress, it said, and then there is only HUP; getsockopt() knows of no error, or fails with this one. */
static void not_connected(conf_test *test, int error)
{
  conf_result result = {0};
  fixture f;
  tap t;

  tap_init(&t);
  t.rules[TAP_CONNECT] = (tap_rule){.error = EINPROGRESS, .from = 1};
  t.rules[TAP_SOCKET_ERROR] = (tap_rule){.error = error, .from = 1};
  fixture_new_with_tap(&f, test, PEER_TCP4, NULL, "OKR", &t);
  fixture_ask(&f, NULL, &result);
  conf_check(test,
             result.verdict == V_CONNECT && t.calls[TAP_SOCKET_ERROR] > 0 &&
                 result.error_number == (error != 0 ? error : EPIPE),
             "HUP: %s (%s)", conf_verdict_name(result.verdict), result.text.data);
  conf_result_free(&result);
  fixture_free(&f);
}

void net_connect_errors(conf_test *test)
{
  static const int errors[] = {EADDRNOTAVAIL, ENETUNREACH, EHOSTUNREACH, ENETDOWN,
                               ETIMEDOUT,     EPERM,       EAFNOSUPPORT, EADDRINUSE,
                               ECONNREFUSED,  EACCES,      ENOENT,       EPROTOTYPE};
  conf_result result = {0};
  unsigned long calls;
  tap_rule rule;
  size_t i;

  for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
    rule = (tap_rule){.error = errors[i], .from = 1};
    with_rule(test, PEER_TCP4, TAP_CONNECT, &rule, NULL, &result, &calls);
    conf_check(test, result.verdict == V_CONNECT && result.error_number == errors[i],
               "errno %d: %s, errno %d", errors[i], conf_verdict_name(result.verdict),
               result.error_number);
  }
  /* Interrupted, it goes on by itself; a second connect() would be another one. */
  for (i = 0; i < 2; i++) {
    rule = (tap_rule){.error = EINTR, .from = 1, .count = 1, .does_it = 1};
    with_rule(test, i == 0 ? PEER_TCP4 : PEER_UNIX, TAP_CONNECT, &rule, NULL, &result, &calls);
    conf_check(test, result.verdict == V_OK && calls == 1, "EINTR: %s after %lu calls",
               conf_verdict_name(result.verdict), calls);
  }
  conf_result_free(&result);
  not_connected(test, 0);
  not_connected(test, EBADF);
}

void net_socket_errors(conf_test *test)
{
  static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT};
  const conf_request hasty = {.connect_ms = 200};
  conf_result result = {0};
  unsigned long calls;
  size_t i;

  for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
    const tap_rule rule = {.error = errors[i], .from = 1};

    with_rule(test, PEER_UNIX, TAP_SOCKET, &rule, &hasty, &result, &calls);
    conf_check(test, result.verdict == V_CONNECT && result.error_number == errors[i],
               "errno %d: %s, errno %d (%s)", errors[i], conf_verdict_name(result.verdict),
               result.error_number, result.text.data);
  }
  conf_result_free(&result);
}

/* The peer lives in a process of its own, which has all the descriptors it needs. */
static pid_t peer_process(fixture *f)
{
  pid_t child = fork();

  if (child != 0)
    return child;
  for (;;)
    if (!peer_step(f->peer))
      usleep(200);
}

void net_few_descriptors(conf_test *test)
{
  struct rlimit limit, few;
  fcgip_response *response;
  fcgip_request *request;
  conf_result result = {0};
  unsigned n, ok = 0, refused = 0;
  fixture f;
  pid_t child;

  fixture_new(&f, test, PEER_UNIX, NULL, "OKR");
  request = fixture_request(&f, NULL);
  child = peer_process(&f);
  getrlimit(RLIMIT_NOFILE, &limit);
  for (n = 3; n <= 20; n++) {
    few = limit;
    few.rlim_cur = n;
    setrlimit(RLIMIT_NOFILE, &few);
    response = NULL;
    fcgip_proxy_send_request(f.proxy, request, &response);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (!CHECK(test, response != NULL))
      break;
    conf_fcgiproxy_result(response, &result);
    ok += result.verdict == V_OK ? 1 : 0;
    refused += result.verdict == V_CONNECT && result.error_number == EMFILE ? 1 : 0;
    fcgip_response_free(response);
  }
  conf_check(test, ok > 0 && refused > 0 && ok + refused == 18, "%u OK, %u EMFILE", ok, refused);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

/* What the nth call of each kind may say, and what comes of it. */
static void nth(conf_test *test, tap_call call, int error, unsigned long n, conf_verdict verdict,
                conf_verdict other)
{
  const conf_request options = {.read_write_ms = 300};
  const tap_rule rule = {
      .error = error, .from = n, .count = 1, .at_most = call == TAP_POLL ? 0 : 30};
  conf_result result = {0};
  unsigned long calls;

  with_rule(test, PEER_UNIX, call, &rule, &options, &result, &calls);
  conf_check(test, calls < n || result.verdict == verdict || result.verdict == other,
             "call %d, the %lu., errno %d: %s (%s)", (int)call, n, error,
             conf_verdict_name(result.verdict), result.text.data);
  conf_result_free(&result);
}

void net_transfer_errors(conf_test *test)
{
  static const int fatal[] = {ETIMEDOUT, EBADF, ENOTCONN, EIO};
  unsigned long n;
  size_t i;

  for (n = 1; n <= 6; n++) {
    nth(test, TAP_SEND, EINTR, n, V_OK, V_OK);
    nth(test, TAP_SEND, EAGAIN, n, V_OK, V_OK);
    nth(test, TAP_SEND, ENOBUFS, n, V_OK, V_OK);
    nth(test, TAP_SEND, ENOMEM, n, V_OK, V_OK);
    nth(test, TAP_SEND, EPIPE, n, V_SEND, V_SEND);
    nth(test, TAP_SEND, ECONNRESET, n, V_SEND, V_RESET);
    nth(test, TAP_RECV, EINTR, n, V_OK, V_OK);
    nth(test, TAP_RECV, EAGAIN, n, V_OK, V_OK);
    nth(test, TAP_RECV, ECONNRESET, n, V_RESET, V_RESET);
    nth(test, TAP_RECV, ENOMEM, n, V_RECV, V_OK);
    nth(test, TAP_POLL, EINTR, n, V_OK, V_OK);
    nth(test, TAP_POLL, ENOMEM, n, V_OK, V_NOMEM);
    for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
      nth(test, TAP_SEND, fatal[i], n, V_SEND, V_SEND);
      nth(test, TAP_RECV, fatal[i], n, V_RECV, V_RECV);
    }
  }
}

/* The dispositions of all signals and the mask, as bytes. */
static void signal_state(conf_bytes *to)
{
  struct sigaction action;
  sigset_t mask;
  int i;

  conf_bytes_set(to, "", 0);
  for (i = 1; i < 65; i++) {
    memset(&action, 0, sizeof(action));
    if (sigaction(i, NULL, &action) == 0)
      conf_bytes_add(to, &action.sa_handler, sizeof(action.sa_handler));
  }
  sigprocmask(SIG_BLOCK, NULL, &mask);
  for (i = 1; i < 65; i++)
    conf_bytes_add(to, sigismember(&mask, i) == 1 ? "1" : "0", 1);
}

/* A write into a closed connection raises SIGPIPE, which would end this process. */
void net_sigpipe(conf_test *test)
{
  static const char *const scripts[] = {"PARAMS CLOSE", "BYTES(20) CLOSE", "PARAMS OKR CLOSE",
                                        "BYTES(100000) CLOSE"};
  const conf_request put = {.method = "PUT", .content = content, .content_len = sizeof(content)};
  conf_bytes before = {0}, after = {0};
  conf_result result = {0};
  fixture f;
  size_t i;
  int kind;

  signal(SIGPIPE, SIG_DFL);
  signal_state(&before);
  for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
    for (kind = 0; kind < 2; kind++) {
      fixture_new(&f, test, kind == 0 ? PEER_UNIX : PEER_TCP4, NULL, scripts[i]);
      fixture_ask(&f, &put, &result);
      conf_check(test, result.verdict != V_HANG && (result.verdict == V_OK) == (i == 2), "%s: %s",
                 scripts[i], conf_verdict_name(result.verdict));
      fixture_free(&f);
    }
  }
  signal_state(&after);
  CHECK(test, before.len == after.len && memcmp(before.data, after.data, before.len) == 0);
  conf_bytes_free(&before);
  conf_bytes_free(&after);
  conf_result_free(&result);
}

/* A program that is started meanwhile has none of our sockets. */
void net_exec(conf_test *test)
{
  char command[80];
  fcgip_request *request;
  fixture f;
  int fd, kind;

  for (kind = 0; kind < 3; kind++) {
    fixture_new(&f, test,
                kind == 0   ? PEER_UNIX
                : kind == 1 ? PEER_TCP4
                            : PEER_TCP6,
                NULL, "READ HOLD");
    request = fixture_request(&f, NULL);
    fixture_send(&f, request);
    fixture_until_requested(&f, 0, 1);
    fd = fixture_fd(&f);
    CHECK(test, fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 &&
                    (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    snprintf(command, sizeof(command), "test ! -e /proc/self/fd/%d", fd);
    CHECK(test, system(command) == 0);
    fcgip_request_free(request);
    fixture_free(&f);
  }
}

static void with_descriptor(conf_test *test, int above, int exactly)
{
  fcgip_request *request;
  conf_result result = {0};
  fcgip_request_id id;
  fixture f;
  int fd;

  fixture_new(&f, test, PEER_UNIX, NULL, "READ HOLD");
  if (exactly >= 0) {
    close(0);
    close(1);
    close(2);
  }
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  fd = fixture_fd(&f);
  conf_check(test, exactly >= 0 ? fd == exactly : fd > above, "descriptor %d", fd);
  fixture_say(&f, 0, "OKR");
  fixture_take(&f, id, &result);
  CHECK(test, result.verdict == V_OK);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

void net_many_descriptors(conf_test *test)
{
  struct rlimit limit;
  int opened[1500], i, saved[3];

  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 1700) {
    limit.rlim_cur = limit.rlim_max < 1700 ? limit.rlim_max : 1700;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= 1700) {
    for (i = 0; i < 1500; i++)
      opened[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    with_descriptor(test, 1024, -1);
    for (i = 0; i < 1500; i++)
      close(opened[i]);
  }
  for (i = 0; i < 3; i++)
    saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
  with_descriptor(test, 0, 0);
  for (i = 0; i < 3; i++) {
    dup2(saved[i], i);
    close(saved[i]);
  }
}

void net_close_errors(conf_test *test)
{
  static const int errors[] = {EINTR, EIO};
  conf_result result = {0};
  fixture f;
  size_t i;
  tap t;

  for (i = 0; i < 2; i++) {
    tap_init(&t);
    t.rules[TAP_CLOSE] = (tap_rule){.error = errors[i], .from = 1};
    fixture_new_with_tap(&f, test, PEER_UNIX, NULL, "OKR", &t);
    fixture_ask(&f, NULL, &result);
    conf_check(test, result.verdict == V_OK && t.calls[TAP_CLOSE] == 1, "%s, %lu times closed",
               conf_verdict_name(result.verdict), t.calls[TAP_CLOSE]);
    fixture_free(&f);
  }
  conf_result_free(&result);
}

/* The user closes a descriptor of ours, or puts another file in its place. */
static void stolen(conf_test *test, int how)
{
  static const conf_verdict wants[] = {V_RECV, V_RECV, V_TIMEOUT};
  static const int errors[] = {EBADF, ENOTSOCK, 0};
  const conf_request options = {.read_write_ms = 300};
  fcgip_request *request;
  conf_result result = {0};
  fcgip_request_id id;
  int fd, other = -1, pair[2];
  fixture f;

  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    abort();
  fixture_new(&f, test, PEER_UNIX, &options, "READ HOLD");
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  fd = fixture_fd(&f);
  if (how == 0) {
    close(fd);
  } else {
    other = how == 1 ? open("/dev/null", O_RDWR | O_CLOEXEC) : pair[0];
    dup2(other, fd);
  }
  fixture_take(&f, id, &result);
  conf_check(test, result.verdict == wants[how] && result.error_number == errors[how],
             "%d: %s, errno %d", how, conf_verdict_name(result.verdict), result.error_number);
  if (how == 1)
    close(other);
  close(pair[0]);
  close(pair[1]);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

void net_stolen_descriptor(conf_test *test)
{
  int how;

  for (how = 0; how < 3; how++)
    stolen(test, how);
}
