/* FRM: framing. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "conformance/fixture.h"
#include "conformance/memory.h"

#define OK_BODY                                                                                    \
  {                                                                                                \
    .verdict = V_OK, .status = 200, .body = "BODY"                                                 \
  }

/* Streams of every kind, which each of the first three ids cuts in its way. */
static const char *const corpus[] = {
    "OKR",
    "OUT(H 'BODY') END(0,0)",
    "OUT(H 'BODY',7) EOO(8) END(0,0,8)",
    "ERR('note') OUT(H 'BODY') EOO END(0,0)",
    "OUT(H 'BO') ERR('note',3) OUT('DY') EOO END(0,0)",
    "OUT('Status: 200 OK\r\nContent-') ERR('') OUT('Type: text/plain\r\n\r\nBODY') END(0,0)",
    "R(11,0,'c\\0\\0\\0\\0\\0\\0\\0') OUT(H 'BODY') EOO EOE END(0,0)",
    "OUT('Content-Type: a/b\n\nBODY') END(0,0)",
};

static void run_corpus(conf_test *test, unsigned flags)
{
  const conf_case one = {.flags = flags, .want = {.verdict = V_OK, .status = 200, .body = "BODY"}};
  size_t i;

  for (i = 0; i < sizeof(corpus) / sizeof(corpus[0]); i++)
    conf_exchange_f(test, &one, "%s", corpus[i]);
}

static void two_pieces(conf_test *test)
{
  run_corpus(test, TWO_WAY);
}

static void single_bytes(conf_test *test)
{
  run_corpus(test, FEW_SPLITS);
}

static void three_pieces(conf_test *test)
{
  run_corpus(test, 0);
}

/* The end of the receive buffer (64 KiB) falls on every place of a record. */
static void buffer_ends(conf_test *test)
{
  conf_case one = {.flags = TWO_WAY, .want = {.verdict = V_OK, .status = 200}};
  unsigned size, padding, count;

  for (size = 1; size <= 24; size++) {
    for (padding = 0; padding <= 8; padding += 4) {
      count = 70000 / (8 + size + padding);
      one.want.pattern = (uint64_t)count * size;
      conf_exchange_f(test, &one, "OUT(H) REP(%u){OUT(P*%u,%u)} EOO END(0,0)", count, size,
                      padding);
    }
  }
}

static void content_lengths(conf_test *test)
{
  static const unsigned lengths[] = {0,     1,     7,     8,     127,   128,   255,
                                     256,   4095,  4096,  8184,  8191,  8192,  16383,
                                     16384, 32767, 32768, 65527, 65528, 65534, 65535};
  conf_case one = {.want = {.verdict = V_OK, .status = 200}};
  size_t i;

  for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    one.flags = lengths[i] > 8 ? TWO_WAY : 0;
    one.want.pattern = lengths[i] > 0 ? lengths[i] : UINT64_MAX;
    conf_exchange_f(test, &one, "OUT(H) OUT(P*%u) EOO END(0,0)", lengths[i]);
  }
}

static void paddings(conf_test *test)
{
  static const char *const where[] = {
      "OUT(H 'BODY',%u) EOO END(0,0)", "ERR('e',%u) OUT(H 'BODY') EOO END(0,0)",
      "OUT(H 'BODY') EOO(%u) END(0,0)", "EOE(%u) OUT(H 'BODY') EOO END(0,0)",
      "OUT(H 'BODY') EOO END(0,0,%u)"};
  conf_case one = {.want = OK_BODY};
  char script[200];
  size_t i;
  unsigned n;

  for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
    for (n = 0; n <= 255; n += test->is_short ? 17 : 1) {
      one.flags = n < 3 || n == 7 || n == 8 || n > 253 ? TWO_WAY : FEW_SPLITS;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      snprintf(script, sizeof(script), where[i], n);
#pragma GCC diagnostic pop
      conf_exchange_f(test, &one, "%s", script);
    }
  }
}

static void large_ignorable(conf_test *test)
{
  static const unsigned types[] = {10, 11, 99};
  const conf_case ignored = {.flags = TWO_WAY, .want = OK_BODY};
  const conf_case refused = {.flags = TWO_WAY, .want = {.verdict = V_PROTO, .what = "type"}};
  unsigned i, padding;

  for (padding = 1; padding <= 255;
       padding += (test->adapter->can & HAS_API) == 0 || test->is_short ? 127 : 1)
    for (i = 0; i < 3; i++)
      conf_exchange_f(test, &ignored, "R(%u,0,'x'*65535,%u) OKR", types[i], padding);
  conf_exchange_f(test, &refused, "R(99,1,'x'*65535,1) OKR");
}

static void reserved_bytes(conf_test *test)
{
  conf_case one = {.want = OK_BODY};
  unsigned n;

  for (n = 1; n <= 255; n++) {
    one.flags = n < 3 || n > 253 ? TWO_WAY : FEW_SPLITS;
    conf_exchange_f(test, &one,
                    "REC(1,6,1,48,0,%u) RAW(H 'BODY') REC(1,7,1,0,0,%u) REC(1,6,1,0,0,%u) "
                    "REC(1,3,1,8,0,%u) RAW('\\0\\0\\0\\0\\0\\0\\0\\0')",
                    n, n, n, n);
  }
}

static void record_per_byte(conf_test *test)
{
  static const char stream[] = CONF_HEADER "BODY";
  const conf_case one = {.want = OK_BODY};
  char script[4096];
  size_t at = 0, i;

  for (i = 0; i < strlen(stream); i++)
    at +=
        (size_t)snprintf(script + at, sizeof(script) - at, "OUT('\\x%02x') ", (unsigned)stream[i]);
  snprintf(script + at, sizeof(script) - at, "END(0,0)");
  conf_exchange_f(test, &one, "%s", script);
}

static double seconds_of_cpu(conf_test *test, unsigned records)
{
  const conf_request request = {0};
  conf_result result = {0};
  struct timespec a, b;
  char script[80];

  snprintf(script, sizeof(script), "OUT(H) REP(%u){OUT(P)} END(0,0)", records);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
  conf_record(test, &request, script, &result, NULL);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
  CHECK(test, result.verdict == V_OK && result.body.len == records);
  conf_result_free(&result);
  return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* Twice the records take twice the time. The peer's share, the same in both, is linear. */
static void linear_time(conf_test *test)
{
  double once, twice, ratio = 9;
  int tries;

  seconds_of_cpu(test, 1000000);
  for (tries = 0; tries < 8 && ratio > 2.2; tries++) {
    once = seconds_of_cpu(test, 200000);
    twice = seconds_of_cpu(test, 400000);
    ratio = twice / once < ratio ? twice / once : ratio;
  }
  conf_check(test, ratio <= 2.2, "twice the records took %.2f times as long", ratio);
}

/* In the library's own account, whose receive buffer is 64 KiB. */
static void flat_memory(conf_test *test)
{
  static const char *const endless[] = {"DRIP(0,0){EOE EOE EOE EOE EOE EOE EOE EOE}",
                                        "DRIP(0,0){R(11,0,'c\\0\\0\\0\\0\\0\\0\\0',255)}",
                                        "DRIP(0,0){R(10,0,'x'*65535,255)}",
                                        "DRIP(0,0){R(77,0,'')}"};
  const conf_case one = {.flags = NO_SYNC,
                         .request = {.total_ms = 250},
                         .want = {.verdict = V_TIMEOUT, .what = "total|request|whole"}};
  size_t i, before;

  for (i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
    before = memory_bytes();
    memory_reset_peak();
    conf_exchange_f(test, &one, "%s", endless[i]);
    conf_check(test, memory_peak() - before < 100000, "%zu bytes of memory",
               memory_peak() - before);
  }
}

/* END_REQUEST and 8 bytes of padding have come as far as byte `k`: where does the next request go? */
static void end_so_far(conf_test *test, unsigned k)
{
  const conf_request options = {.keep = 2};
  conf_result result = {0};
  fcgip_request *request;
  fcgip_request_id first, second;
  char part[60], rest[60];
  size_t at = k < 24 ? 1 : 0;
  fixture f;

  fixture_new(&f, test, PEER_UNIX, &options, "READ READ HOLD");
  fixture_play(&f, 1, "READ HOLD");
  request = fixture_request(&f, NULL);
  first = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  snprintf(part, sizeof(part), k > 0 ? "OUT(H 'BODY') EOO END(0,0,8) CUT(%u)" : "OUT(H 'BODY') EOO",
           64 + k);
  fixture_say(&f, 0, part);
  while (fixture_turn(&f))
    continue;
  fixture_turn(&f);
  second = fixture_send(&f, request);
  conf_check(test,
             fixture_until_requested(&f, at, at == 0 ? 2 : 1) && peer_connections(f.peer) == at + 1,
             "after %u bytes of END_REQUEST: %zu connections", k, peer_connections(f.peer));
  if (k <
      16) { /* else the first one is complete, and its connection may be closed for the second one's sake */
    /* The bytes that are left: of the header 01 03 00 01 00 08 08 00, or else zeros. */
    static const char *const header[] = {"\\x01", "\\x03", "\\0",   "\\x01",
                                         "\\0",   "\\x08", "\\x08", "\\0"};
    size_t len = 0, i;

    len = (size_t)snprintf(rest, sizeof(rest), "RAW('");
    for (i = k; i < 8; i++)
      len += (size_t)snprintf(rest + len, sizeof(rest) - len, "%s", header[i]);
    snprintf(rest + len, sizeof(rest) - len, "' '\\0'*%u)", k < 8 ? 16 : 24 - k);
    fixture_say(&f, 0, rest);
  }
  fixture_take(&f, first, &result);
  conf_check(test, result.verdict == V_OK && strcmp(result.body.data, "BODY") == 0, "%u bytes: %s",
             k, conf_verdict_name(result.verdict));
  fixture_say(&f, at, "OKR");
  fixture_take(&f, second, &result);
  CHECK(test, result.verdict == V_OK);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

static void end_in_pieces(conf_test *test)
{
  unsigned k;

  for (k = 0; k <= 24; k++)
    end_so_far(test, k);
}

static const conf_case cases[] = {
    {.id = "FRM-01", .level = 'M', .run = two_pieces},
    {.id = "FRM-02", .level = 'M', .run = single_bytes},
    {.id = "FRM-03", .level = 'M', .run = three_pieces},
    {.id = "FRM-04", .level = 'M', .run = buffer_ends},
    {.id = "FRM-05", .level = 'M', .run = content_lengths},
    {.id = "FRM-06", .level = 'M', .flags = SLOW, .run = paddings},
    {.id = "FRM-07", .level = 'M', .flags = SLOW, .run = large_ignorable},
    {.id = "FRM-08",
     .level = 'M',
     .want = OK_BODY,
     .script = "RP(6,1,H 'BO','\\x01\\x06\\0\\x01\\0\\x04\\0\\0EVIL') OUT('DY') EOO END(0,0)"},
    {.id = "FRM-08",
     .want = OK_BODY,
     .script = "RP(7,1,'','\\x01\\x03\\0\\x01\\0\\x08\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0') OKR"},
    {.id = "FRM-08",
     .want = OK_BODY,
     .script = "OUT(H 'BODY') EOO "
               "RP(3,1,'\\0\\0\\0\\0\\0\\0\\0\\0','\\x01\\x06\\0\\x01\\0\\x01\\0\\0x')"},
    {.id = "FRM-09", .level = 'M', .flags = SLOW, .run = reserved_bytes},
    {.id = "FRM-10", .level = 'M', .run = end_in_pieces, .needs = HAS_API},
    {.id = "FRM-11",
     .level = 'M',
     .name = "version 0",
     .script = "REC(0,6,1,4,0,0) RAW('BODY') END(0,0)",
     .want = {.verdict = V_PROTO, .what = "version", .status = -1, .body = ""}},
    {.id = "FRM-11",
     .name = "version 2",
     .script = "REC(2,6,1,4,0,0) RAW('BODY') END(0,0)",
     .want = {.verdict = V_PROTO, .what = "version", .body = ""}},
    {.id = "FRM-11",
     .name = "version 128",
     .script = "REC(128,6,1,4,0,0) RAW('BODY') END(0,0)",
     .want = {.verdict = V_PROTO, .what = "version", .body = ""}},
    {.id = "FRM-11",
     .name = "version 255",
     .script = "REC(255,6,1,4,0,0) RAW('BODY') END(0,0)",
     .want = {.verdict = V_PROTO, .what = "version", .body = ""}},
    {.id = "FRM-11",
     .name = "HTTP",
     .script = "RAW('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n') FIN",
     .want = {.verdict = V_PROTO, .what = "HTTP", .body = ""}},
    {.id = "FRM-11",
     .name = "TLS",
     .script = "RAW('\\x15\\x03\\x01\\0\\x02\\x02\\x28') FIN",
     .want = {.verdict = V_PROTO, .what = "TLS", .body = ""}},
    {.id = "FRM-12",
     .level = 'M',
     .script = "OUT(H 'BO') REC(2,6,1,2,0,0) RAW('DY') END(0,0)",
     .want = {.verdict = V_PROTO, .what = "version", .status = 200, .body = "BO", .is_partial = 1}},
    {.id = "FRM-13",
     .level = 'M',
     .script = "OUT(H) OUT(P*65535,255) OUT(P*65535) EOO END(0,0)",
     .want = {.verdict = V_OK, .status = 200, .pattern = 131070}},
    {.id = "FRM-13", .script = "ERR('e'*65535,255) OKR", .want = OK_BODY},
    {.id = "FRM-14", .level = 'M', .run = record_per_byte},
    {.id = "FRM-15", .level = 'M', .flags = LONG | SLOW, .run = linear_time, .needs = HAS_API},
    {.id = "FRM-16", .level = 'M', .flags = SLOW, .run = flat_memory, .needs = CAN_TIMEOUTS},
};

CONF_GROUP(conf_frm, "FRM", cases);
