/* FLO: flow control and time. Where the row says "exactly", the library goes by a clock of the test's own;
 * where sockets have to misbehave, something stands between the library and the system. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conformance/fixture.h"
#include "support/peer_conn.h"

static char content[60 << 20];

#define READING "waiting for the response"
#define WRITING "sending"
#define IN_ALL "in all"

/* By the test's clock: the request is over at this time, and not a millisecond from it. */
static void over_at(conf_test *test, const char *script, const conf_request *options,
                    const conf_request *spec, uint64_t ms, const char *what)
{
  const conf_expect want = {.verdict = V_TIMEOUT, .what = what};
  conf_result result = {0};
  fcgip_request *request;
  fcgip_request_id id;
  fixture f;
  uint64_t at;
  char why[300] = "";

  fixture_new_with_clock(&f, test, options, script);
  request = fixture_request(&f, spec);
  id = fixture_send(&f, request);
  at = fixture_run_clock(&f, id, f.now_ms + 100000, &result);
  conf_check(test, at == 1000000 + ms, "over after %lld ms instead of %llu",
             (long long)at - 1000000, (unsigned long long)ms);
  conf_check(test, conf_judge(test, &want, &result, why, sizeof(why)), "%s", why);
  CHECK(test, fixture_until_closed(&f, 0) && fixture_fd(&f) < 0);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

static void never_reads(conf_test *test)
{
  const conf_request options = {.read_write_ms = 5000},
                     total = {.read_write_ms = 5000, .total_ms = 3000};
  const conf_request put = {.method = "PUT", .content = content, .content_len = sizeof(content)};

  over_at(test, "DEAF", &options, &put, 5000, WRITING);
  over_at(test, "DEAF", &total, &put, 3000, IN_ALL);
}

/* The same in real time, and the library sleeps meanwhile. */
static void never_reads_really(conf_test *test)
{
  const conf_request options = {.read_write_ms = 200};
  const conf_request put = {.method = "PUT", .content = content, .content_len = sizeof(content)};
  conf_result result = {0};
  fixture f;
  tap t;
  fcgip_request *request;
  fcgip_response *response = NULL;
  uint64_t from = peer_now_ms();

  tap_init(&t);
  fixture_new_with_tap(&f, test, PEER_UNIX, &options, "DEAF", &t);
  request = fixture_request(&f, &put);
  CHECK(test, fcgip_proxy_send_request(f.proxy, request, &response) == FCGIP_ETIMEDOUT);
  CHECK(test, peer_now_ms() - from >= 199);
  conf_check(test, t.calls[TAP_POLL] < 20, "%lu polls", t.calls[TAP_POLL]);
  fcgip_response_free(response);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

static void reads_slowly(conf_test *test)
{
  const conf_request options = {.read_write_ms = 20000, .total_ms = 3000};
  const conf_request put = {.method = "PUT", .content = content, .content_len = sizeof(content)};

  over_at(test, "BYTES(3) HOLD DEAF", &options, &(conf_request){0}, 3000, IN_ALL);
  over_at(test, "SLOW(1,10)", &options, &put, 3000, IN_ALL);
}

/* Every 10 ms of the test's clock the peer sends this; when is the request over, and why? */
static void dripping(conf_test *test, const char *begins, const char *drop, uint64_t ms,
                     const char *what)
{
  const conf_request options = {.read_write_ms = 50, .total_ms = 500};
  const conf_expect want = {.verdict = V_TIMEOUT, .what = what};
  conf_result result = {0};
  fcgip_request *request;
  fcgip_request_id id;
  fixture f;
  char why[300] = "";

  fixture_new_with_clock(&f, test, &options, "READ HOLD");
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  fixture_say(&f, 0, begins);
  while (f.now_ms <= 1001000) {
    fixture_turn(&f);
    fcgip_proxy_process_timers(f.proxy);
    if (fcgip_proxy_has_response(f.proxy, id) == 1)
      break;
    f.now_ms += 10;
    fixture_say(&f, 0, drop);
  }
  fixture_take(&f, id, &result);
  conf_check(test, f.now_ms == 1000000 + ms, "%s: over after %lld ms instead of %llu", drop,
             (long long)f.now_ms - 1000000, (unsigned long long)ms);
  conf_check(test, conf_judge(test, &want, &result, why, sizeof(why)), "%s: %s", drop, why);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

static void drips(conf_test *test)
{
  dripping(test, "REC(1,6,1,1000,0,0) RAW('X')", "RAW('x')", 500, IN_ALL);
  dripping(test, "OUT('X')", "OUT('x')", 500, IN_ALL);
  dripping(test, "ERR('X')", "ERR('x')", 500, IN_ALL);
}

static void drips_nothing(conf_test *test)
{
  dripping(test, "OUT('X')", "EOE", 50, READING);
  dripping(test, "OUT('X')", "EOO", 50, READING);
  dripping(test, "OUT('X')", "R(11,0,'c\\0\\0\\0\\0\\0\\0\\0')", 50, READING);
  dripping(test, "OUT('X')", "R(77,0,'x'*1000,255)", 50, READING);
  dripping(test, "REC(1,6,1,1,200,0) RAW('X')", "RAW('\\0')", 50, READING);
  dripping(test, "REC(1,11,0,1000,0,0)", "RAW('x')", 50, READING);
}

/* The values that a timeout may have, of a call and of a request. */
static void values(conf_test *test)
{
  static const int negative[] = {-2, -3, INT_MIN, INT_MIN + 1};
  const conf_request options = {.read_write_ms = UINT32_MAX - 1,
                                .total_ms = UINT32_MAX - 1,
                                .connect_ms = 1,
                                .first_byte_ms = UINT32_MAX};
  fcgip_response *response = NULL;
  fcgip_request *request;
  fcgip_request_id id;
  conf_result result = {0};
  size_t i, n;
  fixture f;
  int due;

  fixture_new_with_clock(&f, test, &options, "READ HOLD");
  f.now_ms =
      UINT64_MAX / 1000 - 1000; /* of the largest clock in microseconds, one second is left */
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  for (i = 0; i < sizeof(negative) / sizeof(negative[0]); i++) {
    CHECK(test, fcgip_proxy_read_response(f.proxy, id, negative[i], &response) == FCGIP_EINVAL &&
                    response == NULL);
    CHECK(test, fcgip_proxy_next_response(f.proxy, negative[i], &response) == FCGIP_EINVAL);
    CHECK(test,
          fcgip_proxy_read_ready_responses(f.proxy, negative[i], &response, 1, &n) == FCGIP_EINVAL);
    CHECK(test, fcgip_proxy_wait_for_response(f.proxy, id, negative[i]) == FCGIP_EINVAL);
    CHECK(test, fcgip_proxy_wait_for_responses(f.proxy, negative[i]) == FCGIP_EINVAL);
    CHECK(test, fcgip_proxy_handle_ready_responses(f.proxy, negative[i]) == FCGIP_EINVAL);
    CHECK(test, fcgip_proxy_poll(f.proxy, negative[i]) == FCGIP_EINVAL);
  }
  CHECK(test,
        fcgip_proxy_read_response(f.proxy, id, 0, &response) == FCGIP_EAGAIN && response == NULL);
  due = fcgip_proxy_timeout_ms(f.proxy);
  conf_check(test, due >= -1, "timeout %d", due);
  fixture_say(&f, 0, "OKR");
  CHECK(test, fcgip_proxy_read_response(f.proxy, id, INT_MAX, &response) == FCGIP_OK);
  fcgip_response_free(response);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

/* Past its deadline when the library looks at it for the first time; nothing is read any more. */
static void passed_already(conf_test *test)
{
  const conf_request options = {.total_ms = 5};
  fcgip_response *response = NULL;
  fcgip_request *request;
  fcgip_request_id id;
  fixture f;
  tap t;

  tap_init(&t);
  t.tick_us = 1;
  fixture_new_with_tap(&f, test, PEER_UNIX, &options, "READ HOLD", &t);
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  t.now_us += 10000;
  memset(t.calls, 0, sizeof(t.calls));
  CHECK(test, fcgip_proxy_read_response(f.proxy, id, -1, &response) == FCGIP_ETIMEDOUT);
  conf_check(test, t.calls[TAP_POLL] <= 1 && t.calls[TAP_SEND] == 0 && t.calls[TAP_CONNECT] == 0,
             "%lu polls, %lu sends", t.calls[TAP_POLL], t.calls[TAP_SEND]);
  CHECK(test, t.open == 0);
  fcgip_response_free(response);
  fcgip_request_free(request);
  fixture_free(&f);
}

/* At the deadline, to the millisecond, and the answer is there. */
static void at_the_deadline(conf_test *test)
{
  const conf_request options = {.total_ms = 500};
  conf_result result = {0};
  fcgip_request *request;
  fcgip_request_id id;
  fixture f;

  fixture_new_with_clock(&f, test, &options, "READ HOLD");
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  fixture_say(&f, 0, "OKR");
  f.now_ms += 500;
  fixture_take(&f, id, &result);
  conf_check(test, result.verdict == V_OK, "%s", conf_verdict_name(result.verdict));
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

/* The system's clock for the library is CLOCK_MONOTONIC, and the engine asks no other than that of its table: while
 * that one stands, every other goes on, and nothing is over. tests/gates/layers.sh sees to it that no other clock is
 * in the code. */
static void no_other_clock(conf_test *test)
{
  const conf_request options = {.total_ms = 40, .read_write_ms = 30, .first_byte_ms = 20};
  const struct timespec a_while = {0, 120000000};
  struct timespec before, after;
  fcgip_response *response = NULL;
  fcgip_request *request;
  fcgip_request_id id;
  uint64_t now;
  fixture f;
  tap t;
  int i;

  for (i = 0; i < 1000; i++) {
    clock_gettime(CLOCK_MONOTONIC, &before);
    now = fcgip__sys_posix.now_us_fn(NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    if (now < (uint64_t)before.tv_sec * 1000000 + (uint64_t)before.tv_nsec / 1000 ||
        now > (uint64_t)after.tv_sec * 1000000 + (uint64_t)after.tv_nsec / 1000)
      break;
  }
  CHECK(test, i == 1000);
  tap_init(&t);
  t.tick_us = 1;
  fixture_new_with_tap(&f, test, PEER_UNIX, &options, "READ HOLD", &t);
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  t.now_us = 1000000000;
  nanosleep(&a_while, NULL);
  CHECK(test, fcgip_proxy_process_timers(f.proxy) == FCGIP_OK);
  CHECK(test, fcgip_proxy_read_response(f.proxy, id, 0, &response) == FCGIP_EAGAIN);
  t.now_us += 30000;
  CHECK(test, fcgip_proxy_read_response(f.proxy, id, 0, &response) == FCGIP_ETIMEDOUT);
  fcgip_response_free(response);
  fcgip_request_free(request);
  fixture_free(&f);
}

static void standing_clock(conf_test *test)
{
  const conf_request options = {.total_ms = 5000};
  const int turns = test->is_short ? 5000 : 500000; /* each reads it twice */
  fcgip_response *response = NULL;
  conf_result result = {0};
  fcgip_request *request;
  fcgip_request_id id;
  fixture f;
  int i;

  fixture_new_with_clock(&f, test, &options, "READ HOLD");
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  for (i = 0; i < turns; i++)
    if (fcgip_proxy_process_timers(f.proxy) != FCGIP_OK || fcgip_proxy_timeout_ms(f.proxy) != 5000)
      break;
  conf_check(test, i == turns, "turn %d: timeout %d", i, fcgip_proxy_timeout_ms(f.proxy));
  f.now_ms += 10000;
  CHECK(test,
        fcgip_proxy_timeout_ms(f.proxy) == 0 && fcgip_proxy_process_timers(f.proxy) == FCGIP_OK);
  CHECK(test, fcgip_proxy_next_response(f.proxy, 0, &response) == 1 &&
                  fcgip_response_request_id(response) == id);
  fcgip_response_free(response);
  CHECK(test, fcgip_proxy_next_response(f.proxy, 0, &response) == 0 &&
                  fcgip_proxy_timeout_ms(f.proxy) == -1);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

/* poll() comes back early and says nothing, or is interrupted, again and again. */
static void restless_poll(conf_test *test)
{
  const conf_request options = {.total_ms = 500, .read_write_ms = 900};
  fcgip_response *response = NULL;
  fcgip_request *request;
  fixture f;
  tap t;
  int how;
  uint64_t from;

  for (how = 0; how < 3; how++) {
    tap_init(&t);
    t.tick_us = 50;
    t.jitters = how == 0;
    t.rules[TAP_POLL].error = how == 0 ? 0 : how == 1 ? EINTR : EAGAIN;
    fixture_new_with_tap(&f, test, PEER_UNIX, &options, "READ HOLD", &t);
    request = fixture_request(&f, NULL);
    from = t.now_us;
    CHECK(test, fcgip_proxy_send_request(f.proxy, request, &response) == FCGIP_ETIMEDOUT);
    conf_check(test, t.now_us - from >= 500000 && t.now_us - from < 502000, "over after %llu us",
               (unsigned long long)(t.now_us - from));
    fcgip_response_free(response);
    fcgip_request_free(request);
    fixture_free(&f);
  }
}

static int ask_of_silence(const fixture *f)
{
  fcgip_response *response = NULL;
  fcgip_request *request;
  int rc;

  if (fcgip_get_request_new(&request, "/srv/app.php", NULL, 0) != FCGIP_OK)
    return 2;
  rc = fcgip_proxy_send_request(f->proxy, request, &response);
  fcgip_response_free(response);
  fcgip_request_free(request);
  return rc == FCGIP_ETIMEDOUT ? 0 : 1;
}

/* A process that is stopped across its deadline, and goes on. */
static void stopped(conf_test *test)
{
  const conf_request options = {.total_ms = 500};
  const struct timespec before = {0, 100000000}, meanwhile = {0, 900000000};
  fixture f;
  pid_t child;
  int status = 0;
  uint64_t at;

  fixture_new(&f, test, PEER_UNIX, &options, "READ HOLD");
  child = fork();
  if (child == 0)
    _exit(ask_of_silence(&f));
  nanosleep(&before, NULL);
  kill(child, SIGSTOP);
  nanosleep(&meanwhile, NULL);
  kill(child, SIGCONT);
  at = peer_now_ms();
  CHECK(test, waitpid(child, &status, 0) == child);
  conf_check(test, WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
  conf_check(test, peer_now_ms() - at < 20000, "%llu ms more",
             (unsigned long long)(peer_now_ms() - at));
  fixture_free(&f);
}

static void nothing_to_read(conf_test *test)
{
  conf_result result = {0};
  fixture f;
  tap t;
  int error;

  for (error = 0; error < 2; error++) {
    tap_init(&t);
    t.rules[TAP_RECV] = (tap_rule){.error = error ? EINTR : EAGAIN, .from = 1, .count = 50};
    fixture_new_with_tap(&f, test, PEER_UNIX, NULL, "OKR", &t);
    fixture_ask(&f, NULL, &result);
    CHECK(test, result.verdict == V_OK);
    conf_check(test, t.calls[TAP_RECV] <= 60 && t.calls[TAP_POLL] < 2000, "%lu recvs, %lu polls",
               t.calls[TAP_RECV], t.calls[TAP_POLL]);
    fixture_free(&f);
  }
  conf_result_free(&result);
}

static void for_ever(conf_test *test)
{
  static const tap_call calls[] = {TAP_SOCKET, TAP_CONNECT, TAP_SEND, TAP_RECV, TAP_POLL};
  const conf_request options = {.total_ms = 500, .connect_ms = 300};
  fcgip_response *response;
  fcgip_request *request;
  size_t i;
  int error, rc;
  fixture f;
  tap t;

  for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
    for (error = 0; error < 2; error++) {
      response = NULL;
      tap_init(&t);
      t.tick_us = 20;
      t.rules[calls[i]].error = error ? EINTR : EAGAIN;
      fixture_new_with_tap(&f, test, PEER_TCP4, &options, "OKR", &t);
      request = fixture_request(&f, NULL);
      rc = fcgip_proxy_send_request(f.proxy, request, &response);
      conf_check(test,
                 rc == FCGIP_ETIMEDOUT || (i < 2 && (rc == FCGIP_ECONNECT || rc == FCGIP_EBUSY)),
                 "call %zu, %s: result %d", i, error ? "EINTR" : "EAGAIN", rc);
      conf_check(test, t.now_us - 1000000000 < 510000, "call %zu: %llu us", i,
                 (unsigned long long)(t.now_us - 1000000000));
      fcgip_response_free(response);
      fcgip_request_free(request);
      fixture_free(&f);
    }
  }
}

/* As many as descriptors allow, each with one on either side. */
static size_t room(void)
{
  struct rlimit limit;

  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 24000) {
    limit.rlim_cur = limit.rlim_max < 24000 ? limit.rlim_max : 24000;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur >= 20200 ? 10000 : (limit.rlim_cur - 100) / 2;
}

static void one_fast(conf_test *test)
{
  const size_t count = room();
  const conf_request options = {.max_connections = 20000, .read_write_ms = 1200000};
  fcgip_response *response = NULL;
  fcgip_request *request;
  fcgip_request_id id = 0, fast = 0;
  fixture f;
  size_t i;

  fixture_new(&f, test, PEER_UNIX, &options, "READ HOLD");
  peer_log_at_most(f.peer, 0);
  request = fixture_request(&f, NULL);
  for (i = 0; i < count; i++) {
    id = fixture_send(&f, request);
    fast = i == count / 2 ? id : fast;
    if (i % 100 == 0 || i == count / 2)
      fixture_until_connections(&f, i + 1);
  }
  fixture_until_connections(&f, count);
  fixture_until_requested(&f, count / 2, 1);
  fixture_say(&f, count / 2, "OKR");
  CHECK(test, fcgip_proxy_poll(f.proxy, 1000) == FCGIP_OK);
  CHECK(test, fcgip_proxy_next_response(f.proxy, 0, &response) == 1);
  CHECK(test, response != NULL && fcgip_response_request_id(response) == fast);
  CHECK(test, fcgip_proxy_pending(f.proxy) == count - 1);
  fcgip_response_free(response);
  fcgip_request_free(request);
  fixture_free(&f);
}

static const conf_case cases[] = {
    {.id = "FLO-01", .level = 'M', .run = never_reads, .needs = HAS_API},
    {.id = "FLO-01", .run = never_reads_really, .needs = HAS_API},
    {.id = "FLO-01",
     .script = "DEAF",
     .flags = ANY_REQUEST | NO_SPLITS,
     .needs = HAS_DEADLINE,
     .request = {.method = "PUT",
                 .content = content,
                 .content_len = sizeof(content),
                 .read_write_ms = 100},
     .want = {.verdict = V_TIMEOUT, .what = WRITING}},
    {.id = "FLO-02",
     .level = 'M',
     .flags = NO_SPLITS | ANY_REQUEST,
     .script = "PARAMS OUT(H) REP(160){OUT(P*65535)} READ END(0,0)",
     .request = {.method = "PUT", .content = content, .content_len = sizeof(content)},
     .want = {.verdict = V_OK, .status = 200, .pattern = 160 * 65535}},
    {.id = "FLO-03", .level = 'M', .run = reads_slowly, .needs = HAS_API},
    {.id = "FLO-03",
     .script = "SLOW(1,10)",
     .flags = ANY_REQUEST,
     .request =
         {.method = "PUT", .content = content, .content_len = sizeof(content), .total_ms = 200},
     .want = {.verdict = V_TIMEOUT, .what = IN_ALL}},
    {.id = "FLO-04", .level = 'M', .run = drips, .needs = HAS_API},
    {.id = "FLO-04",
     .script = "OUT(H) DRIP(10,0){OUT('x')}",
     .request = {.total_ms = 300},
     .flags = NO_SYNC,
     .want = {.verdict = V_TIMEOUT, .what = IN_ALL, .status = 200, .is_partial = 1}},
    {.id = "FLO-05", .level = 'P', .run = drips_nothing, .needs = HAS_API},
    {.id = "FLO-05",
     .script = "OUT(H) DRIP(10,0){EOE}",
     .request = {.read_write_ms = 150, .total_ms = 20000},
     .flags = NO_SYNC,
     .want = {.verdict = V_TIMEOUT, .what = READING, .status = 200}},
    {.id = "FLO-06", .level = 'M', .run = values, .needs = HAS_API},
    {.id = "FLO-07", .level = 'M', .run = passed_already, .needs = HAS_API},
    {.id = "FLO-08", .level = 'M', .run = at_the_deadline, .needs = HAS_API},
    {.id = "FLO-09", .level = 'M', .run = no_other_clock, .needs = HAS_API, .see = "tests/sim"},
    {.id = "FLO-10", .level = 'M', .run = standing_clock, .needs = HAS_API},
    {.id = "FLO-11", .level = 'M', .run = restless_poll, .needs = HAS_API},
    {.id = "FLO-12", .level = 'M', .flags = SLOW, .run = stopped, .needs = HAS_API},
    {.id = "FLO-13", .level = 'M', .run = nothing_to_read, .needs = HAS_API},
    {.id = "FLO-14", .level = 'M', .run = for_ever, .needs = HAS_API},
    {.id = "FLO-15", .level = 'M', .flags = SLOW | LONG, .run = one_fast, .needs = HAS_API},
};

CONF_GROUP(conf_flo, "FLO", cases);
