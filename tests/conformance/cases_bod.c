/* BOD: the body. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/fixture.h"
#include "conformance/memory.h"

static void all_bytes(conf_test *test)
{
  char body[512], script[2600];
  conf_case one = {.want = {.verdict = V_OK, .status = 200, .body = body}};
  size_t at = 0, i;

  for (i = 0; i < 512; i++) {
    body[i] = (char)(i < 256 ? i : 511 - i);
    at += (size_t)snprintf(script + at, sizeof(script) - at, "\\x%02x",
                           (unsigned)(unsigned char)body[i]);
  }
  one.want.body_len = 512; /* the last one is NUL */
  conf_exchange_f(test, &one, "OUT(H) OUT('%s') EOO END(0,0)", script);
  one.want.body_len = 1;
  body[0] = '\0';
  conf_exchange_f(test, &one, "OUT(H '\\0') EOO END(0,0)");
}

static void sizes(conf_test *test)
{
  static const unsigned long all[] = {0, 1, 8184, 65535, 65536, 5UL << 20};
  conf_case one = {.want = {.verdict = V_OK, .status = 200}};
  size_t i;

  for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
    one.flags = all[i] > 100000 ? NO_SPLITS : 0;
    one.want.pattern = all[i] > 0 ? all[i] : UINT64_MAX;
    conf_exchange_f(test, &one, "OUT(H) REP(%lu){OUT(P*8184)} OUT(P*%lu) EOO END(0,0)",
                    all[i] / 8184, all[i] % 8184);
  }
}

/* Growing may take twice what there is. */
static void large(conf_test *test)
{
  const unsigned records = 1024;
  conf_case one = {.flags = NO_SPLITS, .want = {.verdict = V_OK, .status = 200}};
  size_t before = memory_bytes();

  memory_reset_peak();
  one.want.pattern = (uint64_t)records * 65535;
  conf_exchange_f(test, &one, "OUT(H) REP(%u){OUT(P*65535)} EOO END(0,0)", records);
  if ((test->adapter->can & HAS_API) != 0)
    conf_check(test, memory_peak() - before < 3 * one.want.pattern, "%zu bytes of memory",
               memory_peak() - before);
}

static void limits(conf_test *test)
{
  static const unsigned long limit[] = {1, 5, 8184, 65536, 200000};
  conf_case one = {0};
  size_t i;

  for (i = 0; i < sizeof(limit) / sizeof(limit[0]); i++) {
    one.request = (conf_request){.max_body_bytes = limit[i]};
    one.want = (conf_expect){
        .verdict = V_OK, .status = 200, .pattern = limit[i] > 1 ? limit[i] - 1 : UINT64_MAX};
    conf_exchange_f(test, &one, "OUT(H) OUT(P*%lu) REP(%lu){OUT(P*1000)} END(0,0)",
                    (limit[i] - 1) % 1000, (limit[i] - 1) / 1000);
    one.want.pattern = limit[i];
    conf_exchange_f(test, &one, "OUT(H) OUT(P*%lu) REP(%lu){OUT(P*1000)} END(0,0)", limit[i] % 1000,
                    limit[i] / 1000);
    one.want = (conf_expect){.verdict = V_LIMIT, .status = 200, .is_partial = 1};
    conf_exchange_f(test, &one, "OUT(H) OUT(P*%lu) REP(%lu){OUT(P*1000)} END(0,0)",
                    (limit[i] + 1) % 1000, (limit[i] + 1) / 1000);
  }
}

typedef struct seen {
  conf_bytes out, err, order;
  int stop_at; /* which call says no; 0: none */
  int calls;
  uint64_t id;
} seen;

static int note_piece(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                      size_t error_len, void *data)
{
  seen *s = data;

  s->id = id;
  s->calls++;
  conf_bytes_add(&s->out, output, output_len);
  conf_bytes_add(&s->err, error, error_len);
  conf_bytes_add(&s->order, output_len > 0 ? "o" : "", output_len > 0);
  conf_bytes_add(&s->order, error_len > 0 ? "e" : "", error_len > 0);
  return s->calls == s->stop_at;
}

static void free_seen(seen *s)
{
  conf_bytes_free(&s->out);
  conf_bytes_free(&s->err);
  conf_bytes_free(&s->order);
}

static void passed_through(conf_test *test)
{
  static const char script[] =
      "ERR('one') OUT(H 'BO') ERR('two') ERR('three') OUT('DY') EOE EOO ERR('four') END(0,0)";
  int every_byte;

  for (every_byte = 0; every_byte < 2; every_byte++) {
    fixture f;
    seen s = {0};
    conf_result result = {0};
    fcgip_request *request;
    fcgip_request_id id;

    fixture_new(&f, test, PEER_UNIX, NULL, script);
    peer_cut_every_byte(f.peer, every_byte);
    request = fixture_request(&f, NULL);
    CHECK(test, fcgip_request_add_pass_through_callback(request, note_piece, &s, NULL) == FCGIP_OK);
    id = fixture_send(&f, request);
    fixture_take(&f, id, &result);
    CHECK(test, result.verdict == V_OK && s.id == id);
    conf_check(test, strcmp(s.out.data, CONF_HEADER "BODY") == 0, "passed \"%s\"", s.out.data);
    conf_check(test, strcmp(s.err.data, "onetwothreefour") == 0, "passed \"%s\" of stderr",
               s.err.data);
    if (!every_byte)
      conf_check(test, strcmp(s.order.data, "eoeeoe") == 0 || strcmp(s.order.data, "eoeoe") == 0,
                 "order %s", s.order.data);
    conf_result_free(&result);
    fcgip_request_free(request);
    free_seen(&s);
    fixture_free(&f);
  }
}

static void stopped(conf_test *test)
{
  int stop_at;

  for (stop_at = 1; stop_at <= 3; stop_at++) {
    fixture f;
    seen s = {.stop_at = stop_at};
    conf_result result = {0};
    fcgip_request *request;

    fixture_new(&f, test, PEER_UNIX, NULL, "ERR('one') OUT(H 'BO') WAIT(20) OUT('DY') HOLD");
    request = fixture_request(&f, NULL);
    fcgip_request_add_pass_through_callback(request, note_piece, &s, NULL);
    fixture_take(&f, fixture_send(&f, request), &result);
    conf_check(test, result.verdict == V_CANCELLED, "stopped at %d: %s", stop_at,
               conf_verdict_name(result.verdict));
    conf_check(test, s.calls == stop_at, "%d calls instead of %d", s.calls, stop_at);
    CHECK(test, fixture_has_closed(&f, 0) && fixture_fd(&f) < 0);
    conf_result_free(&result);
    fcgip_request_free(request);
    free_seen(&s);
    fixture_free(&f);
  }
}

typedef struct sums {
  uint64_t output, largest;
  int is_right;
} sums;

static int sum_up(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                  size_t error_len, void *data)
{
  sums *s = data;
  const char *bytes = output;

  (void)id;
  (void)error;
  /* The first piece ends with the header block, or somewhere behind it. */
  s->is_right &= error_len == 0 && output_len > 0 &&
                 (bytes[output_len - 1] == 'x' || s->output + output_len == strlen(CONF_HEADER));
  s->output += output_len;
  s->largest = output_len > s->largest ? output_len : s->largest;
  return 0;
}

/* 4 GiB and a byte, which go through a callback and are not kept. */
static void beyond_4_gib(conf_test *test)
{
  const uint64_t len = ((uint64_t)1 << 32) + 1;
  conf_result result = {0};
  fcgip_response *response = NULL;
  fcgip_request *request;
  sums s = {.is_right = 1};
  size_t before;
  fixture f;

  fixture_new(&f, test, PEER_UNIX, NULL,
              "OUT(H) DRIP(0,65536){OUT('x'*65535)} OUT('x'*65535) OUT('xx') EOO END(0,0)");
  request = fixture_request(&f, NULL);
  CHECK(test, fcgip_request_set_body_kept(request, 0) == FCGIP_OK);
  CHECK(test, fcgip_request_add_pass_through_callback(request, sum_up, &s, NULL) == FCGIP_OK);
  before = memory_bytes();
  memory_reset_peak();
  peer_thread_start(f.peer);
  CHECK(test, fcgip_proxy_send_request(f.proxy, request, &response) == FCGIP_OK);
  peer_thread_stop(f.peer);
  conf_check(test, memory_peak() - before < 100000, "%zu bytes of memory", memory_peak() - before);
  conf_check(test, s.is_right && s.output == len + strlen(CONF_HEADER),
             "%llu bytes passed, at most %llu", (unsigned long long)s.output,
             (unsigned long long)s.largest);
  if (CHECK(test, response != NULL)) {
    CHECK(test, fcgip_response_status(response) == 200 && !fcgip_response_is_partial(response));
    CHECK(test, fcgip_response_body_length(response) == len);
  }
  fcgip_response_free(response);
  fcgip_request_free(request);
  conf_result_free(&result);
  fixture_free(&f);
}

static const conf_case cases[] = {
    {.id = "BOD-01", .level = 'M', .run = all_bytes},
    {.id = "BOD-02", .level = 'M', .flags = SLOW, .run = sizes},
    {.id = "BOD-02", .flags = LONG, .run = large},
    {.id = "BOD-03", .level = 'M', .flags = LONG | SLOW, .run = beyond_4_gib, .needs = HAS_API},
    {.id = "BOD-04", .level = 'M', .run = limits, .needs = CAN_LIMITS},
    {.id = "BOD-05", .level = 'M', .run = passed_through, .needs = HAS_API},
    {.id = "BOD-06", .level = 'M', .run = stopped, .needs = HAS_API},
    {.id = "BOD-07",
     .level = 'M',
     .request = {.method = "HEAD"},
     .needs = TELLS_HEADERS,
     .script = "OUT('Status: 200 OK\r\nContent-Length: 100\r\n\r\n') EOO END(0,0)",
     .want = {.verdict = V_OK, .status = 200, .body = ""}},
    {.id = "BOD-07",
     .name = "304",
     .needs = TELLS_HEADERS,
     .script = "OUT('Status: 304\r\nContent-Length: 100\r\n\r\n') EOO END(0,0)",
     .want = {.verdict = V_OK, .status = 304, .body = ""}},
};

CONF_GROUP(conf_bod, "BOD", cases);
