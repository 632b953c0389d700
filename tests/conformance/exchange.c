#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/suite.h"
#include "support/peer_conn.h"

#define QUIET_MS 40000      /* nothing moves: it hangs */
#define SHORT_QUIET_MS 2000 /* the same for a client that has no deadline */
#define ENDLESS_MS 600000   /* it moves, and does not end */
#define OKR_LEN 80

/* A case that is being run: its peer, its session, and what it is compared with. */
typedef struct exchange {
  conf_test *test;
  const conf_case *what;
  uint64_t base_ms;
  conf_script *script, *other;
  peer *peer;
  conf_session *session;
  conf_result base, got;
  size_t cuts[2];
  int is_sequence;
} exchange;

void conf_fail(conf_test *test, const char *format, ...)
{
  va_list args;

  if (test->outcome != OUTCOME_FAIL) {
    va_start(args, format);
    vsnprintf(test->message, sizeof(test->message), format, args);
    va_end(args);
  }
  test->outcome = OUTCOME_FAIL;
}

void conf_note(conf_test *test, const char *format, ...)
{
  size_t len = strlen(test->message);
  va_list args;

  if (test->outcome != OUTCOME_PASS || len + 4 > sizeof(test->message))
    return;
  len +=
      (size_t)snprintf(test->message + len, sizeof(test->message) - len, "%s", len > 0 ? "; " : "");
  va_start(args, format);
  vsnprintf(test->message + len, sizeof(test->message) - len, format, args);
  va_end(args);
}

void conf_skip(conf_test *test, const char *format, ...)
{
  va_list args;

  if (test->outcome != OUTCOME_PASS || test->checked > 0)
    return;
  va_start(args, format);
  vsnprintf(test->message, sizeof(test->message), format, args);
  va_end(args);
  test->outcome = OUTCOME_SKIPPED;
}

int conf_check(conf_test *test, int condition, const char *format, ...)
{
  char text[600];
  va_list args;

  test->checked++;
  if (test->outcome == OUTCOME_SKIPPED)
    test->outcome = OUTCOME_PASS;
  if (condition)
    return 1;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  conf_fail(test, "%s", text);
  return 0;
}

void conf_drive(const conf_adapter *adapter, conf_session *session, peer *server,
                conf_result *result)
{
  uint64_t begun = peer_now_ms(), moved_at = begun, now;
  uint64_t quiet_ms = (adapter->can & HAS_DEADLINE) != 0 ? QUIET_MS : SHORT_QUIET_MS;
  unsigned still = 0;

  adapter->start(session);
  for (;;) {
    int moved = peer_step(server);

    if (adapter->poll(session, moved || still < 20 ? 0 : 1))
      break;
    if (moved) {
      still = 0;
      moved_at = 0;
      continue;
    }
    still++;
    if ((adapter->can & IS_EXACT) == 0 && still < 1000)
      sched_yield();
    if (still % 64 != 0)
      continue;
    now = peer_now_ms();
    moved_at = moved_at == 0 ? now : moved_at;
    if (now - moved_at > quiet_ms || now - begun > ENDLESS_MS)
      break;
  }
  adapter->finish(session, result);
  peer_step(server);
}

/* What the client sent, as far as it is whole, by the reference. */
static int judge_wire(exchange *x, const char *where)
{
  reference_request request;
  char why[200];
  size_t len;
  const uint8_t *bytes = peer_received(x->peer, 0, &len);
  enum reference_result rc = reference_decode(&bytes, &len, &request, why, sizeof(why));
  int flags = x->what->request.keep > 0;
  int is_right = rc == REFERENCE_OK || (rc == REFERENCE_MORE && (x->what->flags & ANY_REQUEST));

  if (!is_right && (x->test->adapter->can & HAS_API) != 0)
    conf_fail(x->test, "%s%s: sent %s", x->what->name ? x->what->name : "", where, why);
  if (rc == REFERENCE_OK && (x->test->adapter->can & HAS_API) != 0 && request.flags != flags)
    conf_fail(x->test, "%s: sent flags %u", where, request.flags);
  reference_free(&request);
  return is_right;
}

/* I4, and an end of the request is an end of its connection unless it is to be kept. */
static int judge_closed(exchange *x, const conf_result *got, const char *where)
{
  int keeps = x->what->request.keep > 0 && got->verdict == V_OK;

  if ((x->test->adapter->can & IS_EXACT) == 0 || (x->what->flags & KEEPS_OPEN) != 0)
    return 1;
  if (peer_connections(x->peer) != 1) {
    conf_fail(x->test, "%s: %zu connections", where, peer_connections(x->peer));
    return 0;
  }
  if (keeps || peer_fd(x->peer, 0) < 0 || peer_client_has_closed(x->peer, 0, QUIET_MS))
    return 1;
  conf_fail(x->test, "%s%s: the connection is still open", x->what->name ? x->what->name : "",
            where);
  return 0;
}

/* `is_split`: it is right when unsplit. */
static void note(exchange *x, const char *where, const char *why, int is_split)
{
  conf_test *test = x->test;

  if (x->what->level == 'P' && (test->adapter->can & HAS_API) == 0 &&
      test->outcome == OUTCOME_PASS) {
    test->outcome = OUTCOME_DIFFERS;
    snprintf(test->message, sizeof(test->message), "%s", why);
  } else if (is_split && (test->adapter->can & HAS_API) == 0) {
    if (test->outcome == OUTCOME_PASS)
      snprintf(test->message, sizeof(test->message), "%s%s%s: %s",
               x->what->name ? x->what->name : "", x->what->name ? ", " : "", where, why);
    test->outcome = test->outcome == OUTCOME_PASS ? OUTCOME_WHOLE : test->outcome;
  } else if (test->outcome != OUTCOME_DIFFERS) {
    conf_fail(test, "%s%s%s: %s", x->what->name ? x->what->name : "", x->what->name ? ", " : "",
              where, why);
  }
}

static int same(const conf_bytes *a, const conf_bytes *b)
{
  return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Which field of two results differs; NULL if none does. */
static const char *difference(const conf_adapter *adapter, const conf_result *a,
                              const conf_result *b)
{
  if (a->verdict != b->verdict)
    return "verdict";
  if (!same(&a->body, &b->body) && ((adapter->can & TELLS_PARTIAL) != 0 || a->verdict == V_OK))
    return "body";
  if (a->status != b->status)
    return "status";
  if ((adapter->can & HAS_API) == 0)
    return NULL;
  if (a->error_number != b->error_number)
    return "errno";
  if (!same(&a->text, &b->text))
    return "text";
  if (!same(&a->status_text, &b->status_text))
    return "status text";
  if (!same(&a->headers, &b->headers))
    return "headers";
  if (!same(&a->output, &b->output))
    return "output";
  if (!same(&a->error_output, &b->error_output))
    return "stderr";
  if (a->app_status != b->app_status)
    return "application status";
  if (a->is_partial != b->is_partial || a->is_truncated != b->is_truncated ||
      a->is_retry_safe != b->is_retry_safe)
    return "flags";
  return NULL;
}

static int compare(exchange *x, const char *where)
{
  const char *field = difference(x->test->adapter, &x->base, &x->got);
  char why[500];

  if (field == NULL)
    return 1;
  snprintf(why, sizeof(why),
           "the %s differs: %s, body %zu, \"%.150s\" instead of %s, body %zu, \"%.150s\"", field,
           conf_verdict_name(x->got.verdict), x->got.body.len, x->got.text.data,
           conf_verdict_name(x->base.verdict), x->base.body.len, x->base.text.data);
  note(x, where, why, 1);
  return 0;
}

/* The next request of the session is answered, on the same connection or on another. */
static int judge_reuse(exchange *x, const char *where)
{
  char why[300];
  int is_reused;

  if (x->what->want.is_reused == 0)
    return 1;
  conf_drive(x->test->adapter, x->session, x->peer, &x->got);
  is_reused = peer_connections(x->peer) == 1;
  if (x->got.verdict != V_OK)
    snprintf(why, sizeof(why), "the next request: %s %.200s", conf_verdict_name(x->got.verdict),
             x->got.text.data);
  else if (x->what->want.is_reused != 2 && is_reused != (x->what->want.is_reused > 0))
    snprintf(why, sizeof(why), "the connection was %sused again", is_reused ? "" : "not ");
  else
    return 1;
  note(x, where, why, 0);
  return 0;
}

static int run_base(exchange *x)
{
  char why[600];

  peer_cut(x->peer, NULL, 0);
  x->base_ms = peer_now_ms();
  conf_drive(x->test->adapter, x->session, x->peer, &x->base);
  x->base_ms = peer_now_ms() - x->base_ms;
  x->test->runs++;
  if (!conf_judge(x->test, &x->what->want, &x->base, why, sizeof(why))) {
    note(x, "unsplit", why, 0);
    return 0;
  }
  return judge_wire(x, "unsplit") && judge_closed(x, &x->base, "unsplit") &&
         judge_reuse(x, "unsplit");
}

/* One run whose response is cut at `count` places. */
static int run_cut(exchange *x, size_t count)
{
  char where[60];

  peer_reset(x->peer);
  if (count == SIZE_MAX)
    peer_cut_every_byte(x->peer, 1);
  else
    peer_cut(x->peer, x->cuts, count);
  conf_drive(x->test->adapter, x->session, x->peer, &x->got);
  x->test->runs++;
  if (count == SIZE_MAX)
    snprintf(where, sizeof(where), "byte by byte");
  else if (count == 1)
    snprintf(where, sizeof(where), "cut at %zu", x->cuts[0]);
  else
    snprintf(where, sizeof(where), "cut at %zu and %zu", x->cuts[0], x->cuts[1]);
  return compare(x, where) && judge_closed(x, &x->got, where);
}

/* The call that blocks has the same result as the one that does not. */
static int run_sync(exchange *x)
{
  if (x->test->adapter->run == NULL || (x->what->flags & NO_SYNC) != 0)
    return 1;
  peer_reset(x->peer);
  peer_cut(x->peer, NULL, 0);
  if (peer_thread_start(x->peer) != 0)
    abort();
  x->test->adapter->run(x->session, &x->got);
  peer_thread_stop(x->peer);
  x->test->runs++;
  return compare(x, "synchronous") && judge_closed(x, &x->got, "synchronous");
}

static int run_some_splits(exchange *x, size_t last)
{
  size_t step = last / 12 + 1;

  for (x->cuts[0] = 1; x->cuts[0] <= last; x->cuts[0] += x->cuts[0] < 9 ? 4 : step)
    if (!run_cut(x, 1))
      return 0;
  return 1;
}

static int run_splits(exchange *x)
{
  size_t len = x->script->send_len, last = x->script->ends_connection ? len : len - 1;
  conf_splits splits = x->test->splits;
  unsigned flags = x->what->flags;

  if (splits == SPLITS_EVERY)
    flags &= ~(unsigned)(FEW_SPLITS | TWO_WAY);
  /* Of other clients, a sample will do. */
  if ((x->test->adapter->can & HAS_API) == 0 &&
      ((x->what->flags & FEW_SPLITS) != 0 || x->base_ms > 500 || x->test->outcome != OUTCOME_PASS))
    return 1;
  if (splits == SPLITS_NONE || (flags & NO_SPLITS) != 0 || x->script->takes_time || len == 0)
    return 1;
  if (len <= 4096 && !run_cut(x, SIZE_MAX))
    return 0;
  if (len > 4096 || splits == SPLITS_SOME || (flags & FEW_SPLITS) != 0)
    return run_some_splits(x, last);
  for (x->cuts[0] = 1; x->cuts[0] <= last; x->cuts[0]++)
    if (!run_cut(x, 1))
      return 0;
  if (len > 200 || splits == SPLITS_TWO || (flags & TWO_WAY) != 0)
    return 1;
  for (x->cuts[0] = 1; x->cuts[0] < last; x->cuts[0]++)
    for (x->cuts[1] = x->cuts[0] + 1; x->cuts[1] <= last; x->cuts[1]++)
      if (!run_cut(x, 2))
        return 0;
  return 1;
}

static int begin(exchange *x, peer_kind kind)
{
  const conf_adapter *adapter = x->test->adapter;
  const char *at = adapter->socket_of != NULL ? adapter->socket_of(x->test->slot) : NULL;
  char text[8192];

  if (x->what->want.is_reused != 0) {
    snprintf(text, sizeof(text), "%s READ OKR", x->what->script);
    x->script = conf_script_new(text);
    x->script->send_len -= OKR_LEN;
  } else {
    x->script = conf_script_new(x->what->script);
  }
  if (kind == PEER_UNIX && at != NULL ? peer_new_at(&x->peer, at) != 0
                                      : peer_new(&x->peer, kind, x->test->folder) != 0) {
    conf_fail(x->test, "the peer cannot listen");
    return 0;
  }
  peer_play(x->peer, 0, &x->script->play);
  if (x->what->want.is_reused != 0 || x->is_sequence) {
    x->other = conf_script_new("OKR READ OKR READ OKR READ OKR");
    peer_play(x->peer, 1, &x->other->play);
  }
  x->session = adapter->session_new(&x->what->request, peer_address(x->peer), x->test->slot);
  return 1;
}

static void end(exchange *x)
{
  const char *complaint;

  if (x->session != NULL)
    x->test->adapter->session_free(x->session);
  complaint = x->test->adapter->complaint != NULL ? x->test->adapter->complaint() : NULL;
  if (complaint != NULL)
    conf_fail(x->test, "%s%s%s", x->what->name ? x->what->name : "", x->what->name ? ": " : "",
              complaint);
  peer_free(x->peer);
  conf_script_free(x->script);
  conf_script_free(x->other);
  conf_result_free(&x->base);
  conf_result_free(&x->got);
}

static int run_over_tcp(conf_test *test, const conf_case *what, peer_kind kind)
{
  exchange x = {.test = test, .what = what};
  int is_right = begin(&x, kind) && run_base(&x) && run_sync(&x);

  end(&x);
  return is_right;
}

int conf_exchange(conf_test *test, const conf_case *what)
{
  exchange x = {.test = test, .what = what};
  const char *reason = conf_unable(test->adapter, what);
  int is_right;

  if (test->outcome == OUTCOME_FAIL)
    return 0;
  if (reason != NULL || (test->is_short && (what->flags & LONG) != 0)) {
    conf_skip(test, "%s", reason != NULL ? reason : "takes long");
    return 1;
  }
  test->checked++;
  if (test->outcome == OUTCOME_SKIPPED)
    test->outcome = OUTCOME_PASS;
  is_right = begin(&x, PEER_UNIX) && run_base(&x) && run_sync(&x) && run_splits(&x);
  end(&x);
  if (is_right && (what->flags & ALSO_TCP) != 0 && (test->adapter->can & CAN_TCP) != 0)
    is_right = run_over_tcp(test, what, PEER_TCP4) && run_over_tcp(test, what, PEER_TCP6);
  return is_right;
}

int conf_exchange_f(conf_test *test, const conf_case *what, const char *format, ...)
{
  conf_case copy = *what;
  char text[8192];
  va_list args;

  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  copy.script = text;
  if (copy.name == NULL)
    copy.name = strlen(text) < 100 ? text : "generated";
  copy.level = test->row->level;
  return conf_exchange(test, &copy);
}

void conf_record(conf_test *test, const conf_request *request, const char *script,
                 conf_result *result, conf_bytes *sent)
{
  const conf_case what = {.script = script, .request = *request};
  exchange x = {.test = test, .what = &what};
  const uint8_t *bytes;
  size_t len;

  if (begin(&x, PEER_UNIX)) {
    conf_drive(test->adapter, x.session, x.peer, result != NULL ? result : &x.base);
    test->runs++;
    bytes = peer_received(x.peer, 0, &len);
    if (sent != NULL)
      conf_bytes_set(sent, bytes, len);
  }
  end(&x);
}

size_t conf_sequence(conf_test *test, const conf_case *what, const conf_expect *wants, size_t count)
{
  exchange x = {.test = test, .what = what, .is_sequence = 1};
  char why[600];
  size_t i, connections = 0;

  test->checked++;
  if (begin(&x, PEER_UNIX)) {
    for (i = 0; i < count; i++) {
      conf_drive(test->adapter, x.session, x.peer, &x.base);
      test->runs++;
      if (!conf_judge(test, &wants[i], &x.base, why, sizeof(why)))
        break;
    }
    connections = peer_connections(x.peer);
    if (i < count) {
      connections = 0;
      conf_fail(test, "request %zu: %s", i + 1, why);
    }
  }
  end(&x);
  return connections;
}
