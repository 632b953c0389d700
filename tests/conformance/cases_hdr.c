/* HDR: the CGI header block. */
#include <stdio.h>
#include <string.h>

#include "conformance/locale.h"
#include "conformance/suite.h"

#define OK_BODY                                                                                    \
  {                                                                                                \
    .verdict = V_OK, .status = 200, .body = "BODY"                                                 \
  }
#define ROW(i, l) .id = (i), .level = (l), .needs = TELLS_HEADERS
/* A response whose STDOUT is `s`, all of it in one record. */
#define ANSWER(s) .script = "OUT(" s ") EOO END(0,0)"
#define HEADER_ERROR .want = {.verdict = V_HEADER}
#define GIVES(st, b) .want = {.verdict = V_OK, .status = (st), .body = (b)}

/* Names the header block's last byte before the body starts at every place of two records. */
static void over_records(conf_test *test)
{
  static const char block[] = "Status: 200 OK\r\nX-A: b\r\n\r\nBODY";
  const conf_case one = {.flags = TWO_WAY,
                         .want = {.verdict = V_OK,
                                  .status = 200,
                                  .body = "BODY",
                                  .error_output = "e",
                                  .headers = "Status: 200 OK\nX-A: b\n"}};
  int k, len = (int)strlen(block);

  for (k = 1; k < len; k++)
    conf_exchange_f(test, &one, "OUT('%.*s') ERR('e') OUT('%s') EOO END(0,0)", k, block, block + k);
}

static void control_bytes(conf_test *test)
{
  static const unsigned from_to[][2] = {{1, 8}, {0x0b, 0x0c}, {0x0e, 0x1f}, {0x7f, 0x7f}};
  char headers[60];
  conf_case one = {.flags = TWO_WAY, .want = {.verdict = V_OK, .body = "BODY", .headers = headers}};
  unsigned i, c;

  for (i = 0; i < 4; i++) {
    for (c = from_to[i][0]; c <= from_to[i][1]; c++) {
      snprintf(headers, sizeof(headers), "X-A: a%cb\n", (int)c);
      conf_exchange_f(test, &one, "OUT('X-A: a\\x%02xb\r\n\r\nBODY') END(0,0)", c);
    }
  }
}

static void high_bytes(conf_test *test)
{
  char headers[60];
  conf_case one = {.flags = TWO_WAY, .want = {.verdict = V_OK, .body = "BODY", .headers = headers}};
  unsigned c;

  for (c = 0x80; c <= 0xff; c++) {
    snprintf(headers, sizeof(headers), "X-A: %c\n", (int)c);
    conf_exchange_f(test, &one, "OUT('X-A: \\x%02x\r\n\r\nBODY') END(0,0)", c);
  }
}

static void names_that_are_none(conf_test *test)
{
  const conf_case one = {.flags = TWO_WAY, .want = {.verdict = V_HEADER}};
  unsigned c;

  for (c = 1; c < 256; c++) {
    int is_token = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   strchr("!#$%&'*+-.^_`|~", (int)c) != NULL;

    if (!is_token && c != '\n' && c != '\r' && c != ':')
      conf_exchange_f(test, &one, "OUT('X\\x%02xA: b\r\n\r\nBODY') END(0,0)", c);
  }
}

static void turkish(conf_test *test)
{
  const conf_case one = {.want = {.verdict = V_OK, .status = 404, .body = "I"}};

  if (!conf_set_locale(test, "tr_TR.UTF-8"))
    return;
  conf_exchange_f(test, &one,
                  "OUT('STATUS: 404\r\nCONTENT-LENGTH: 1\r\nLOCATION: /I\r\n\r\nI') END(0,0)");
  conf_exchange_f(test, &one,
                  "OUT('status: 404\r\ncontent-length: 1\r\nlocation: /i\r\n\r\nI') END(0,0)");
}

/* Where a limit of n bytes begins to hold the block. The library counts the whole block or leaves out its
 * last line; in between nothing may change. */
static void block_limits(conf_test *test)
{
  conf_case one = {.flags = TWO_WAY, .want = OK_BODY};
  uint32_t limit, first_ok = 0;

  for (limit = 40; limit <= 44; limit++) {
    conf_result result = {0};
    const conf_request request = {.max_header_bytes = limit};

    conf_record(test, &request, "OKR", &result, NULL);
    if (result.verdict == V_OK && first_ok == 0)
      first_ok = limit;
    else
      CHECK(test, result.verdict == (first_ok > 0 ? V_OK : V_LIMIT));
    conf_result_free(&result);
  }
  one.request.max_header_bytes = 44;
  conf_exchange_f(test, &one, "OKR");
  one.request.max_header_bytes = 39;
  one.want = (conf_expect){.verdict = V_LIMIT, .status = -1};
  conf_exchange_f(test, &one, "OKR");
  conf_exchange_f(test, &one, "OUT('X: ' 'y'*500) HOLD");
}

static void many_headers(conf_test *test)
{
  conf_case one = {.flags = TWO_WAY, .want = {.verdict = V_OK, .status = 200, .body = "BODY"}};

  one.request = (conf_request){.max_headers = 1000};
  conf_exchange_f(test, &one, "REP(1000){OUT('X: y\r\n')} OUT('\r\nBODY') END(0,0)");
  one.request = (conf_request){.max_headers = 10};
  conf_exchange_f(test, &one, "REP(10){OUT('X: y\r\n')} OUT('\r\nBODY') END(0,0)");
  one.request = (conf_request){.max_header_bytes = 2 << 20, .max_headers = UINT32_MAX};
  conf_exchange_f(test, &one, "REP(17){OUT('X: ' 'y'*61677 '\r\n')} OUT('\r\nBODY') END(0,0)");
  one.request = (conf_request){0};
  conf_exchange_f(test, &one, "OUT('X: ' 'y'*60000 '\r\n\r\nBODY') END(0,0)");
  conf_exchange_f(test, &one, "OUT('X' 'y'*60000 ': y\r\n\r\nBODY') END(0,0)");
  one.want = (conf_expect){.verdict = V_LIMIT, .status = -1};
  conf_exchange_f(test, &one, "OUT('X: ' 'y'*60000) OUT('y'*6000 '\r\n\r\nBODY') END(0,0)");
  one.request = (conf_request){.max_headers = 10};
  conf_exchange_f(test, &one, "REP(11){OUT('X: y\r\n')} OUT('\r\nBODY') END(0,0)");
}

static void other_statuses(conf_test *test)
{
  static const int statuses[] = {100, 101, 103, 199, 599, 600, 700, 999};
  conf_case one = {.want = {.verdict = V_OK, .body = "BODY"}};
  size_t i;

  for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
    one.want.status = statuses[i];
    conf_exchange_f(test, &one, "OUT('Status: %d x\r\n\r\nBODY') END(0,0)", statuses[i]);
  }
  one.want.status = 200;
  one.want.status_text = "O\x01K\x7f";
  conf_exchange_f(test, &one, "OUT('Status: 200 O\\x01K\\x7f\r\n\r\nBODY') END(0,0)");
}

static void bad_statuses(conf_test *test)
{
  static const char *const values[] = {"404Not",  "99",
                                       "1000",    "000",
                                       "abc",     "",
                                       "-1",      "+200 OK",
                                       "0200 OK", "20000000000000000000",
                                       "2 00",    "200\tOK",
                                       "20",      "0x200",
                                       "200.5",   "\xd9\xa2\xd9\xa0\xd9\xa0"};
  const conf_case one = {.want = {.verdict = V_HEADER}};
  size_t i;

  for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
    conf_exchange_f(test, &one, "OUT('Status: %s\r\n\r\nBODY') END(0,0)", values[i]);
}

static void bad_lengths(conf_test *test)
{
  static const char *const values[] = {"-4",
                                       "00000000000000000000004x",
                                       "99999999999999999999999",
                                       "+4",
                                       "0x4",
                                       "4,4",
                                       "",
                                       "4 4",
                                       "4.0",
                                       "four",
                                       "18446744073709551616"};
  const conf_case one = {.want = {.verdict = V_HEADER}};
  size_t i;

  for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
    conf_exchange_f(test, &one, "OUT('Content-Length: %s\r\n\r\nBODY') END(0,0)", values[i]);
}

static const conf_case cases[] = {
    {ROW("HDR-01", 'M'), ANSWER("'A: b\r\nC: d\r\n\r\nBODY'"),
     .want = {.verdict = V_OK, .status = 200, .headers = "A: b\nC: d\n", .body = "BODY"}},
    {ROW("HDR-02", 'M'), ANSWER("'A: b\nC: d\n\nBODY'"),
     .want = {.verdict = V_OK, .status = 200, .headers = "A: b\nC: d\n", .body = "BODY"}},
    {ROW("HDR-03", 'M'), .name = "LF, CRLF", ANSWER("'A: b\nC: d\r\n\r\nBODY'"),
     .want = {.verdict = V_OK, .status = 200, .headers = "A: b\nC: d\n", .body = "BODY"}},
    {ROW("HDR-03", 0), .name = "CRLF, LF", ANSWER("'A: b\r\nC: d\n\r\nBODY'"),
     .want = {.verdict = V_OK, .status = 200, .headers = "A: b\nC: d\n", .body = "BODY"}},
    {ROW("HDR-03", 0), .name = "ends CRLF LF", ANSWER("'A: b\nC: d\r\n\nBODY'"),
     .want = {.verdict = V_OK, .status = 200, .headers = "A: b\nC: d\n", .body = "BODY"}},
    {ROW("HDR-04", 'M'), ANSWER("'A: b\rC: d\r\rBODY'"), HEADER_ERROR},
    {ROW("HDR-05", 'M'), ANSWER("'Status: 200 OK\r\nX: y\r\n'"),
     .want = {.verdict = V_HEADER,
              .status = -1,
              .output = "Status: 200 OK\r\nX: y\r\n",
              .is_partial = 1}},
    {ROW("HDR-06", 'P'), ANSWER("'\r\nBODY'"),
     .want = {.verdict = V_OK, .status = 200, .headers = "-", .body = "BODY"}},
    {ROW("HDR-06", 0), ANSWER("'\nBODY'"),
     .want = {.verdict = V_OK, .status = 200, .headers = "-", .body = "BODY"}},
    {ROW("HDR-07", 'M'), ANSWER("'Status: 200 OK\r\nnonsense\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-08", 'M'), ANSWER("': v\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-09", 'M'), ANSWER("'X-A : v\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-09", 0), ANSWER("'X-A\t: v\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-10", 'P'), ANSWER("'X-A: one\r\n  two\r\n\t three\r\nB: c\r\n\r\nBODY'"),
     .want =
         {.verdict = V_OK, .status = 200, .headers = "X-A: one two three\nB: c\n", .body = "BODY"}},
    {ROW("HDR-10", 0), .name = "nothing to fold on to", ANSWER("' X-A: one\r\n\r\nBODY'"),
     HEADER_ERROR},
    {ROW("HDR-11", 'M'), .name = "name", ANSWER("'X\\0A: v\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-11", 0), .name = "value", ANSWER("'X-A: v\\0w\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-12", 'M'), ANSWER("'X-A: a\rb\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-13", 'P'), .run = control_bytes},
    {ROW("HDR-14", 'M'), .run = high_bytes},
    {ROW("HDR-15", 'M'), .run = names_that_are_none},
    {.id = "HDR-16", .level = 'M', .flags = SLOW, .run = turkish, .needs = HAS_API},
    {ROW("HDR-17", 'M'),
     ANSWER("'A:b\r\nB:   c  \r\nC:\r\nD: a:b\r\nE:\t x\t \r\nF: \r\n\r\nBODY'"),
     .want = {.verdict = V_OK,
              .status = 200,
              .body = "BODY",
              .headers = "A: b\nB: c\nC: \nD: a:b\nE: x\nF: \n"}},
    {ROW("HDR-18", 'M'), ANSWER("'Set-Cookie: a=1\r\nX: y\r\nset-cookie: b=2\r\n\r\nBODY'"),
     .want = {.verdict = V_OK,
              .status = 200,
              .body = "BODY",
              .headers = "Set-Cookie: a=1\nX: y\nset-cookie: b=2\n"}},
    {ROW("HDR-19", 'M'), ANSWER("'Status: 200 OK\r\nStatus: 200 OK\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-19", 0), ANSWER("'Status: 200 OK\r\nstatus: 404 No\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-20", 'M'), .name = "equal",
     ANSWER("'Content-Length: 4\r\ncontent-length: 4\r\n\r\nBODY'"), GIVES(200, "BODY")},
    {ROW("HDR-20", 0), .name = "different",
     ANSWER("'Content-Length: 4\r\nContent-Length: 5\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-21a", 'M'), ANSWER("'Content-Length: 5\r\n\r\nBODY'"),
     .want = {.verdict = V_LENGTH, .status = 200, .body = "BODY", .is_partial = 1}},
    {ROW("HDR-21a", 0), .name = "no END", .script = "OUT('Content-Length: 4\r\n\r\nBODY') EOO FIN",
     .want = {.verdict = V_CLOSED_EARLY, .body = "BODY"}},
    {ROW("HDR-21b", 'P'), ANSWER("'Content-Length: 3\r\n\r\nBODY'"),
     .want = {.verdict = V_LENGTH, .status = 200, .body = "BODY"}},
    {ROW("HDR-21c", 'M'), .run = bad_lengths},
    {ROW("HDR-22", 'P'), ANSWER("'Transfer-Encoding: chunked\r\n\r\n4\r\nBODY\r\n0\r\n\r\n'"),
     .want = {.verdict = V_OK,
              .status = 200,
              .headers = "Transfer-Encoding: chunked\n",
              .body = "4\r\nBODY\r\n0\r\n\r\n"}},
    {.id = "HDR-23", .level = 'M', .run = block_limits, .needs = CAN_LIMITS},
    {ROW("HDR-23", 0), .run = many_headers},
    {ROW("HDR-24", 'M'), .run = over_records},
    {ROW("HDR-25", 'M'), .script = "OUT('A: b\r') OUT('\n') OUT('\r') OUT('\nBODY') EOO END(0,0)",
     .want = OK_BODY},
    {ROW("HDR-26", 'M'), .script = "OUT(H) OUT('BODY') EOO END(0,0)", .want = OK_BODY},
    {ROW("HDR-26", 0), .script = "OUT(H,8) ERR('e') OUT('BODY') EOO END(0,0)", .want = OK_BODY},
    {ROW("HDR-26", 0), .script = "OUT(H) EOO END(0,0)",
     .want = {.verdict = V_OK, .status = 200, .body = "", .is_partial = -1}},
    {ROW("HDR-27", 'M'), ANSWER("H '\nBODY'"), GIVES(200, "\nBODY")},
    {ROW("HDR-27", 0), ANSWER("H '\r\nBODY'"), GIVES(200, "\r\nBODY")},
    {ROW("HDR-27", 0), ANSWER("H '\r\n\r\n'"), GIVES(200, "\r\n\r\n")},
    {ROW("HDR-27", 0), ANSWER("H 'Status: 404 No\r\nX: y\r\n\r\n'"),
     GIVES(200, "Status: 404 No\r\nX: y\r\n\r\n")},
    {ROW("HDR-27", 0), ANSWER("'A: b\n\n\nBODY'"), GIVES(200, "\nBODY")},
    {ROW("HDR-28", 'P'), ANSWER("'HTTP/1.1 404 Not Found\r\nX: y\r\n\r\nBODY'"),
     .want = {.verdict = V_OK,
              .status = 404,
              .status_text = "Not Found",
              .headers = "X: y\n",
              .body = "BODY"}},
    {ROW("HDR-28", 0), ANSWER("'HTTP/1.0 200\n\nBODY'"),
     .want = {.verdict = V_OK, .status = 200, .status_text = "", .body = "BODY"}},
    {ROW("HDR-28", 0), .name = "not the first line",
     ANSWER("'X: y\r\nHTTP/1.1 404 Not Found\r\n\r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-29", 'M'), ANSWER("'Status: 200\r\n\r\nBODY'"),
     .want = {.verdict = V_OK, .status = 200, .status_text = "", .body = "BODY"}},
    {ROW("HDR-29", 0), ANSWER("'Status: 200 OK\r\n\r\nBODY'"),
     .want = {.verdict = V_OK, .status = 200, .status_text = "OK", .body = "BODY"}},
    {ROW("HDR-29", 0), ANSWER("'Status:    202   Hm  \r\n\r\nBODY'"),
     .want = {.verdict = V_OK, .status = 202, .status_text = "Hm", .body = "BODY"}},
    {ROW("HDR-29", 0), ANSWER("'X: y\r\nStatus: 404 nf\r\n\r\nBODY'"),
     .want = {.verdict = V_OK, .status = 404, .status_text = "nf", .body = "BODY"}},
    {ROW("HDR-29", 0), ANSWER("'status: 404 Not Found At All\r\n\r\nBODY'"),
     .want = {.verdict = V_OK, .status = 404, .status_text = "Not Found At All", .body = "BODY"}},
    {ROW("HDR-29", 0), ANSWER("'Status: 404 \r\n\r\nBODY'"),
     .want = {.verdict = V_OK, .status = 404, .status_text = "", .body = "BODY"}},
    {ROW("HDR-29x", 'M'), .run = bad_statuses},
    {ROW("HDR-29y", 'P'), .run = other_statuses},
    {ROW("HDR-30", 'M'), ANSWER("'Location: /there\r\n\r\nBODY'"), GIVES(302, "BODY")},
    {ROW("HDR-30", 0), ANSWER("'Location: /there\r\nStatus: 200 OK\r\n\r\nBODY'"),
     GIVES(200, "BODY")},
    {ROW("HDR-31", 'M'), ANSWER("'X: y\r\n\r\nBODY'"), GIVES(200, "BODY")},
    {ROW("HDR-32", 'P'), ANSWER("'X-Accel-Redirect: /etc\r\nX-Sendfile: /etc/motd\r\n\r\nBODY'"),
     .want = {.verdict = V_OK,
              .status = 200,
              .body = "BODY",
              .headers = "X-Accel-Redirect: /etc\nX-Sendfile: /etc/motd\n"}},
    {ROW("HDR-33", 'P'), ANSWER("'Status: 204 No Content\r\n\r\nBODY'"), GIVES(204, "BODY")},
    {ROW("HDR-33", 0), ANSWER("'Status: 304 Not Modified\r\n\r\nBODY'"), GIVES(304, "BODY")},
    {ROW("HDR-34", 'M'), ANSWER("'A: b\r\n \r\nBODY'"), HEADER_ERROR},
    {ROW("HDR-34", 0), ANSWER("'<html>'"), HEADER_ERROR},
    {ROW("HDR-34", 0), ANSWER("'<html>\r\n<head>\r\n\r\nBODY'"), HEADER_ERROR},
};

CONF_GROUP(conf_hdr, "HDR", cases);
