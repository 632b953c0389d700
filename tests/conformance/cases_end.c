/* END: END_REQUEST. */
#include <string.h>

#include "conformance/suite.h"

#define OK_BODY                                                                                    \
  {                                                                                                \
    .verdict = V_OK, .status = 200, .body = "BODY"                                                 \
  }

static char content[8 << 20];

static void other_statuses(conf_test *test)
{
  conf_case one = {.want = {.verdict = V_REJECTED_OTHER, .has_app_status = 1, .app_status = 9}};
  unsigned status;

  conf_exchange_f(test, &one, "END(9,4)");
  conf_exchange_f(test, &one, "EOO END(9,255)");
  one.flags = TWO_WAY;
  for (status = 4; status <= 255; status++)
    conf_exchange_f(test, &one, "END(9,%u)", status);
}

static void short_bodies(conf_test *test)
{
  const conf_case alone = {.want = {.verdict = V_PROTO, .what = "end|END_REQUEST"}};
  const conf_case late = {.flags = TWO_WAY,
                          .want = {.verdict = V_PROTO,
                                   .what = "end|END_REQUEST",
                                   .status = 200,
                                   .body = "BODY",
                                   .is_partial = 1}};
  unsigned len;

  for (len = 0; len < 8; len++) {
    conf_exchange_f(test, &alone, "R(3,1,'\\0'*%u)", len);
    conf_exchange_f(test, &late, "OUT(H 'BODY') EOO R(3,1,'\\0'*%u,%u)", len, 8 - len);
  }
}

static void long_bodies(conf_test *test)
{
  static const unsigned lengths[] = {9, 10, 15, 16, 17, 255, 256, 264, 4096, 65528, 65535};
  conf_case one = {
      .want = {.verdict = V_PROTO, .what = "end|END_REQUEST", .status = 200, .body = "BODY"}};
  size_t i;

  for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
    conf_exchange_f(test, &one, "OUT(H 'BODY') EOO R(3,1,'\\0'*%u)", lengths[i]);
}

static void app_statuses(conf_test *test)
{
  static const uint32_t statuses[] = {0, 1, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff};
  conf_case one = {.want = {.verdict = V_OK, .status = 200, .body = "BODY", .has_app_status = 1}};
  size_t i;

  for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
    one.want.app_status = statuses[i];
    one.needs = i >= 2 ? TELLS_APP_STATUS : 0; /* an exit status says other things, too */
    one.flags = i >= 2 ? TWO_WAY : 0;
    conf_exchange_f(test, &one, "OUT(H 'BODY') END(%lu,0)", (unsigned long)statuses[i]);
  }
}

static const conf_case cases[] = {
    {.id = "END-01", .level = 'M', .run = app_statuses},
    {.id = "END-02",
     .level = 'M',
     .script = "END(0,1)",
     .want = {.verdict = V_REJECTED_MPX, .status = -1, .is_retry_safe = 1}},
    {.id = "END-03",
     .level = 'M',
     .script = "END(0,2)",
     .want = {.verdict = V_REJECTED_OVERLOADED, .status = -1, .is_retry_safe = 1}},
    {.id = "END-03",
     .name = "POST",
     .script = "EOO END(0,2)",
     .request = {.method = "POST", .content = "x", .content_len = 1},
     .want = {.verdict = V_REJECTED_OVERLOADED, .is_retry_safe = 1}},
    {.id = "END-04",
     .level = 'M',
     .script = "END(0,3)",
     .want = {.verdict = V_REJECTED_ROLE, .status = -1, .is_retry_safe = -1}},
    {.id = "END-05", .level = 'M', .flags = SLOW, .run = other_statuses},
    {.id = "END-06",
     .level = 'M',
     .script = "OUT(H 'BODY') END(0,2)",
     .want = {.verdict = V_REJECTED_OVERLOADED,
              .status = 200,
              .body = "BODY",
              .is_partial = 1,
              .is_retry_safe = -1}},
    {.id = "END-07", .level = 'M', .script = "OUT(H 'BODY') ENDR(0,0,'ars')", .want = OK_BODY},
    {.id = "END-07", .script = "OUT(H 'BODY') ENDR(0,0,'\\xff\\xff\\xff')", .want = OK_BODY},
    {.id = "END-08", .level = 'M', .run = short_bodies},
    {.id = "END-09", .level = 'P', .run = long_bodies},
    {.id = "END-10",
     .level = 'M',
     .script = "END(7,0)",
     .needs = TELLS_HEADERS,
     .want = {.verdict = V_HEADER, .status = -1, .has_app_status = 1, .app_status = 7}},
    {.id = "END-11",
     .level = 'M',
     .script = "OUT(H 'BODY') ENDR(305419896,0,'xyz')",
     .want = {.verdict = V_OK,
              .status = 200,
              .body = "BODY",
              .has_app_status = 1,
              .app_status = 305419896}},
    {.id = "END-12",
     .level = 'M',
     .flags = ANY_REQUEST,
     .script = "PARAMS OKR HOLD",
     .request = {.method = "PUT", .content = content, .content_len = sizeof(content)},
     .want = OK_BODY},
    {.id = "END-12",
     .name = "kept",
     .flags = ANY_REQUEST,
     .script = "PARAMS OKR HOLD",
     .request = {.method = "PUT", .content = content, .content_len = sizeof(content), .keep = 1},
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .is_reused = -1}},
    {.id = "END-13",
     .level = 'M',
     .flags = ALSO_TCP,
     .script = "OKR HOLD",
     .request = {.is_plain = 1},
     .want = OK_BODY},
    {.id = "END-14",
     .level = 'M',
     .script = "OKR END(0,0)",
     .request = {.keep = 1},
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .is_reused = -1}},
    {.id = "END-14", .script = "OKR END(0,0)", .want = OK_BODY},
    {.id = "END-15",
     .level = 'M',
     .request = {.keep = 1},
     .script = "OUT(H 'BODY') EOO REC(1,3,1,8,16,0) RAW('\\0'*13) FIN",
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .is_reused = -1}},
    {.id = "END-15",
     .script = "OUT(H 'BODY') EOO REC(1,3,1,8,16,0) RAW('\\0'*13) FIN",
     .want = OK_BODY},
};

CONF_GROUP(conf_end, "END", cases);
