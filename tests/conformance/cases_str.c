/* STR: STDOUT and STDERR as streams. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/suite.h"

#define OK_BODY                                                                                    \
  {                                                                                                \
    .verdict = V_OK, .status = 200, .body = "BODY"                                                 \
  }

static void much_stderr(conf_test *test)
{
  const size_t len = 17 * 60000;
  char *expected = malloc(len);
  const conf_case one = {.script = "REP(17){ERR('e'*60000)} OKR",
                         .want = {.verdict = V_OK,
                                  .status = 200,
                                  .body = "BODY",
                                  .error_output = expected,
                                  .error_output_len = len,
                                  .is_truncated = -1}};

  if (expected == NULL)
    abort();
  memset(expected, 'e', len);
  conf_exchange(test, &one);
  free(expected);
}

/* Eight chunks, each of STDOUT or of STDERR. */
static void all_orders(conf_test *test)
{
  char script[400], out[9], err[9];
  size_t at, outs, errs;
  unsigned order, i;

  for (order = 0; order < 256; order++) {
    conf_case one = {.flags = TWO_WAY, .want = {.verdict = V_OK, .status = 200}};

    at = (size_t)snprintf(script, sizeof(script), "OUT('X: y\n\n') ");
    outs = errs = 0;
    for (i = 0; i < 8; i++) {
      int is_err = (order >> i & 1) != 0;

      at += (size_t)snprintf(script + at, sizeof(script) - at, "%s('%c') ", is_err ? "ERR" : "OUT",
                             (int)('a' + i));
      if (is_err)
        err[errs++] = (char)('a' + i);
      else
        out[outs++] = (char)('a' + i);
    }
    out[outs] = err[errs] = '\0';
    one.want.body = out;
    one.want.error_output = err;
    conf_exchange_f(test, &one, "%sEND(0,0)", script);
  }
}

/* As php-fpm sends what is longer than 8184 bytes, and as it might. */
static void long_notices(conf_test *test)
{
  static char notice[2 * 8184 + 3];
  conf_case one = {.want = OK_BODY};

  memset(notice, 'e', sizeof(notice));
  one.want.error_output = notice;
  one.want.error_output_len = 8185;
  conf_exchange_f(test, &one, "ERR('e'*8185) OKR");
  conf_exchange_f(test, &one, "ERR('e'*8184) ERR('e') OKR");
  one.want.error_output_len = sizeof(notice);
  conf_exchange_f(test, &one, "ERR('e'*8184) ERR('e'*8184) ERR('e'*3) OKR");
}

static const conf_case cases[] = {
    {.id = "STR-01",
     .level = 'M',
     .flags = ALSO_TCP,
     .script = "OUT(H 'BODY') END(0,0)",
     .want = {.verdict = V_OK,
              .status = 200,
              .status_text = "OK",
              .body = "BODY",
              .error_output = "",
              .headers = "Status: 200 OK\nContent-Type: text/plain\n",
              .output = CONF_HEADER "BODY",
              .has_app_status = 1,
              .is_partial = -1,
              .is_truncated = -1,
              .error_number = -1}},
    {.id = "STR-02",
     .level = 'M',
     .flags = ALSO_TCP,
     .script = "OKR",
     .want = {.verdict = V_OK,
              .status = 200,
              .status_text = "OK",
              .body = "BODY",
              .error_output = "",
              .headers = "Status: 200 OK\nContent-Type: text/plain\n",
              .output = CONF_HEADER "BODY",
              .has_app_status = 1,
              .is_partial = -1,
              .is_truncated = -1,
              .error_number = -1}},
    {.id = "STR-03",
     .level = 'M',
     .name = "first",
     .script = "ERR('one') ERR('two') OKR",
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .error_output = "onetwo"}},
    {.id = "STR-03",
     .name = "in the header block",
     .script =
         "OUT('Status: 2') ERR('one') OUT('00 OK\r') ERR('two') OUT('\n\r\nBODY') EOO END(0,0)",
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .error_output = "onetwo"}},
    {.id = "STR-03",
     .name = "in the body",
     .script = "OUT(H 'BO') ERR('one') ERR('two') OUT('DY') EOO END(0,0)",
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .error_output = "onetwo"}},
    {.id = "STR-03",
     .name = "after the end of STDOUT",
     .script = "OUT(H 'BODY') EOO ERR('one') ERR('two') END(0,0)",
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .error_output = "onetwo"}},
    {.id = "STR-04",
     .level = 'M',
     .want = OK_BODY,
     .script = "EOE EOE OUT('Status: 200 OK\r\n') EOE OUT('\r\nBO') EOE EOE OUT('DY') EOE EOO EOE "
               "END(0,0)"},
    {.id = "STR-04",
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .error_output = "ab"},
     .script = "ERR('a') EOE ERR('b') EOE OUT(H 'BODY') EOE END(0,0)"},
    {.id = "STR-05",
     .level = 'P',
     .script = "OUT(H 'BODY') EOO OUT('LATE') END(0,0)",
     .want = {.verdict = V_OK, .status = 200, .body = "BODYLATE"}},
    {.id = "STR-05",
     .script = "EOO OUT('Status: 20') EOO OUT('0 OK\r\n\r\nBODY') END(0,0)",
     .want = OK_BODY},
    {.id = "STR-06",
     .level = 'M',
     .script = "EOO END(0,0)",
     .needs = TELLS_HEADERS,
     .want = {.verdict = V_HEADER, .status = -1, .headers = "-", .body = "", .output = ""}},
    {.id = "STR-07",
     .level = 'M',
     .script = "OUT('Status: 20') EOO END(0,0)",
     .needs = TELLS_HEADERS,
     .want = {.verdict = V_HEADER, .status = -1, .output = "Status: 20", .is_partial = 1}},
    {.id = "STR-08",
     .level = 'M',
     .script = "ERR('fatal') ERR('') END(0,0)",
     .needs = TELLS_HEADERS,
     .want = {.verdict = V_HEADER, .status = -1, .error_output = "fatal"}},
    {.id = "STR-09", .level = 'M', .run = much_stderr},
    {.id = "STR-10",
     .level = 'P',
     .name = "limit + 1",
     .script = "ERR('0123456789A') OKR",
     .request = {.max_stderr_bytes = 10},
     .want = {.verdict = V_OK,
              .status = 200,
              .body = "BODY",
              .error_output = "0123456789",
              .is_truncated = 1}},
    {.id = "STR-10",
     .name = "limit",
     .script = "ERR('01234') OUT(H 'BO') ERR('56789') OUT('DY') END(0,0)",
     .request = {.max_stderr_bytes = 10},
     .want = {.verdict = V_OK,
              .status = 200,
              .body = "BODY",
              .error_output = "0123456789",
              .is_truncated = -1}},
    {.id = "STR-10",
     .name = "in many records",
     .script = "ERR('01234') ERR('567') ERR('89AB') ERR('CD') OKR ",
     .request = {.max_stderr_bytes = 10},
     .want = {.verdict = V_OK,
              .status = 200,
              .body = "BODY",
              .error_output = "0123456789",
              .is_truncated = 1}},
    {.id = "STR-10",
     .name = "of an error",
     .script = "ERR('0123456789A') END(0,0)",
     .request = {.max_stderr_bytes = 10},
     .want = {.verdict = V_HEADER, .error_output = "0123456789", .is_truncated = 1}},
    {.id = "STR-11",
     .level = 'M',
     .name = "limit",
     .script = "OUT(H P*100) EOO END(0,0)",
     .request = {.max_body_bytes = 100},
     .want = {.verdict = V_OK, .status = 200, .pattern = 100}},
    {.id = "STR-11",
     .name = "limit + 1",
     .script = "OUT(H P*101) EOO END(0,0)",
     .request = {.max_body_bytes = 100},
     .want = {.verdict = V_LIMIT, .status = 200, .is_partial = 1}},
    {.id = "STR-11",
     .name = "limit + 50",
     .script = "OUT(H P*150) EOO END(0,0)",
     .flags = TWO_WAY,
     .request = {.max_body_bytes = 100},
     .want = {.verdict = V_LIMIT, .status = 200, .is_partial = 1}},
    {.id = "STR-11",
     .name = "the server goes on",
     .script = "OUT(H P*101) HOLD",
     .flags = TWO_WAY,
     .request = {.max_body_bytes = 100},
     .want = {.verdict = V_LIMIT, .status = 200, .is_partial = 1}},
    {.id = "STR-12",
     .level = 'M',
     .script = "ERR('a\r\nFAKE\\x1b[31m%s%n\\0z') OKR",
     .want = {.verdict = V_OK,
              .status = 200,
              .body = "BODY",
              .error_output = "a\r\nFAKE\x1b[31m%s%n\0z",
              .error_output_len = 18}},
    {.id = "STR-12",
     .script = "ERR('a\r\nFAKE\\x1b[31m%s%n') OUT('\\x1b[2J%n%s\r\n\r\n') END(0,0)",
     .needs = TELLS_HEADERS,
     .want = {.verdict = V_HEADER, .error_output = "a\r\nFAKE\x1b[31m%s%n"}},
    {.id = "STR-13", .level = 'M', .flags = SLOW, .run = all_orders},
    {.id = "STR-14", .level = 'M', .run = long_notices},
};

CONF_GROUP(conf_str, "STR", cases);
