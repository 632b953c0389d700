/* CLS: close, reset, and what is left over. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "conformance/fixture.h"
#include "conformance/suite.h"

#define OK_BODY                                                                                    \
  {                                                                                                \
    .verdict = V_OK, .status = 200, .body = "BODY"                                                 \
  }
#define OKR_LEN 80
#define BODY_AT 52 /* in OKR */

static char content[16 << 20];

/* What is to be said after the first `len` bytes of OKR. */
static conf_expect after(size_t len, conf_verdict verdict)
{
  static const char *const bodies[] = {"", "B", "BO", "BOD", "BODY"};
  conf_expect want = {.verdict = verdict, .is_partial = len == 0 ? -1 : len > 8 ? 1 : 0};
  size_t have = len < BODY_AT ? 0 : len - BODY_AT;

  want.status = len < BODY_AT ? -1 : 200;
  want.body = bodies[have < 4 ? have : 4];
  return want;
}

static void closed_everywhere(conf_test *test)
{
  conf_case one = {.flags = TWO_WAY};
  unsigned k;

  for (k = 0; k < OKR_LEN; k++) {
    one.want = after(k, V_CLOSED_EARLY);
    one.want.error_number = -1;
    if (k == 0)
      conf_exchange_f(test, &one, "FIN");
    else
      conf_exchange_f(test, &one, "OKR CUT(%u) FIN", k);
  }
  one.want = (conf_expect)OK_BODY;
  conf_exchange_f(test, &one, "OKR FIN");
}

static void reset_everywhere(conf_test *test)
{
  conf_case one = {.flags = TWO_WAY | ALSO_TCP};
  unsigned k;

  for (k = 0; k < OKR_LEN; k++) {
    one.want = after(k, V_RESET);
    one.want.error_number = ECONNRESET;
    if (k == 0)
      conf_exchange_f(test, &one, "RST");
    else
      conf_exchange_f(test, &one, "OKR CUT(%u) RST", k);
  }
  one.want = (conf_expect)OK_BODY;
  conf_exchange_f(test, &one, "OKR RST");
}

static void closed_in_stderr(conf_test *test)
{
  conf_case one = {
      .flags = TWO_WAY,
      .want = {.verdict = V_CLOSED_EARLY, .status = 200, .body = "BODY", .is_partial = 1}};
  unsigned k;

  for (k = 57; k < 72; k++) {
    one.want.error_output = k <= 64 ? "" : k == 65 ? "a" : k == 66 ? "ab" : "abc";
    conf_exchange_f(test, &one, "OUT(H 'BODY') ERR('abc',5) CUT(%u) FIN", k);
  }
}

static void garbage(conf_test *test)
{
  conf_case one = {.request = {.keep = 1},
                   .want = {.verdict = V_OK, .status = 200, .body = "BODY", .is_reused = -1}};
  unsigned n;

  for (n = 1; n <= 40; n++, one.flags = n > 8 ? FEW_SPLITS : TWO_WAY) {
    conf_exchange_f(test, &one, "OKR RAW('\\xee'*%u)", n);
    conf_exchange_f(test, &one, "OKR RAW('\\x01'*%u)", n); /* as a record begins */
  }
}

/* What poll may say of a connection whose answer has come, and which the server may have closed. */
static void events(conf_test *test)
{
  static const short some[] = {POLLHUP,
                               POLLIN | POLLHUP,
                               POLLERR,
                               POLLIN | POLLERR,
                               0x2000 /* POLLRDHUP */,
                               POLLIN | 0x2000,
                               POLLOUT | POLLHUP,
                               POLLIN | POLLOUT | POLLHUP | POLLERR};
  static const char *const scripts[] = {"OKR FIN", "OKR", "OUT(H 'BO') FIN"};
  conf_result result = {0};
  size_t i, j;

  for (j = 0; j < sizeof(scripts) / sizeof(scripts[0]); j++) {
    for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
      fixture_with_event(test, scripts[j], some[i], &result);
      conf_check(test, result.verdict == (j < 2 ? V_OK : V_CLOSED_EARLY), "%s, event %x: %s (%s)",
                 scripts[j], (unsigned)some[i], conf_verdict_name(result.verdict),
                 result.text.data);
      conf_check(test, strcmp(result.body.data, j < 2 ? "BODY" : "BO") == 0,
                 "%s, event %x: body %s", scripts[j], (unsigned)some[i], result.body.data);
    }
  }
  /* NVAL says that the descriptor is none; recv() knows better (NET-21 has one that is none). */
  fixture_with_event(test, "OKR", POLLNVAL, &result);
  conf_check(test, result.verdict == V_OK && strcmp(result.body.data, "BODY") == 0,
             "POLLNVAL: %s (%s)", conf_verdict_name(result.verdict), result.text.data);
  conf_result_free(&result);
}

static const conf_case cases[] = {
    {.id = "CLS-01", .level = 'M', .flags = SLOW, .run = closed_everywhere},
    {.id = "CLS-02",
     .level = 'M',
     .flags = ALSO_TCP,
     .script = "OUT(H 'BODY') FIN",
     .want = {.verdict = V_CLOSED_EARLY,
              .status = 200,
              .body = "BODY",
              .is_partial = 1,
              .is_retry_safe = -1}},
    {.id = "CLS-02",
     .script = "OUT(H 'BODY') EOO FIN",
     .want = {.verdict = V_CLOSED_EARLY, .status = 200, .body = "BODY", .is_partial = 1}},
    {.id = "CLS-03", .level = 'M', .flags = SLOW, .run = reset_everywhere},
    {.id = "CLS-04", .level = 'M', .script = "OKR HALF HOLD", .want = OK_BODY},
    {.id = "CLS-04", .flags = ALSO_TCP, .script = "OKR HALF WAIT(1000) FIN", .want = OK_BODY},
    {.id = "CLS-05",
     .level = 'M',
     .flags = ALSO_TCP | ANY_REQUEST,
     .script = "PARAMS OUT('Status: 413\r\n\r\nEARLY') END(0,0) CLOSE",
     .request = {.method = "PUT", .content = content, .content_len = sizeof(content)},
     .want = {.verdict = V_OK, .status = 413, .body = "EARLY"}},
    {.id = "CLS-05",
     .name = "no END",
     .flags = ANY_REQUEST | NO_SPLITS | NO_SYNC,
     .script = "PARAMS OUT('Status: 413\r\n\r\nEARLY') CLOSE",
     .request = {.method = "PUT", .content = content, .content_len = sizeof(content)},
     .want =
         {.verdict = V_RESET, .other = V_SEND, .status = 413, .body = "EARLY", .is_partial = 1}},
    {.id = "CLS-05",
     .name = "half closed",
     .flags = ANY_REQUEST,
     .script = "PARAMS OUT('Status: 413\r\n\r\nEARLY') END(0,0) HALF HOLD",
     .request = {.method = "PUT", .content = content, .content_len = sizeof(content)},
     .want = {.verdict = V_OK, .status = 413, .body = "EARLY"}},
    {.id = "CLS-06", .level = 'M', .flags = ALSO_TCP, .script = "READ OKR RST", .want = OK_BODY},
    {.id = "CLS-06",
     .flags = ALSO_TCP | ANY_REQUEST,
     .script = "BYTES(16) OKR CLOSE",
     .want = OK_BODY},
    {.id = "CLS-07", .level = 'M', .run = events, .needs = HAS_API},
    {.id = "CLS-08",
     .level = 'P',
     .script = "OKR OUT('SMUGGLED') END(0,0)",
     .request = {.keep = 1},
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .is_reused = -1}},
    {.id = "CLS-08", .script = "OKR OUT('SMUGGLED') END(0,0)", .want = OK_BODY},
    {.id = "CLS-09", .level = 'M', .run = garbage},
    {.id = "CLS-10", .level = 'M', .run = closed_in_stderr},
};

CONF_GROUP(conf_cls, "CLS", cases);
