/* TYP: record types and request ids. */
#include <string.h>

#include "conformance/suite.h"
#include "fastcgi/pairs.h"
#include "fcgiproxy/error.h"

#define OK_BODY                                                                                    \
  {                                                                                                \
    .verdict = V_OK, .status = 200, .body = "BODY"                                                 \
  }
#define PROTO(words)                                                                               \
  {                                                                                                \
    .verdict = V_PROTO, .what = (words)                                                            \
  }

static void unknown_types(conf_test *test)
{
  conf_case one = {.want = PROTO("type")};
  unsigned type;

  conf_exchange_f(test, &one, "R(0,1,'') OKR");
  conf_exchange_f(test, &one, "R(12,1,'x',1) OKR");
  one.flags = FEW_SPLITS;
  for (type = 12; type <= 255; type++)
    conf_exchange_f(test, &one, "R(%u,1,'x') OKR", type);
}

static void client_types(conf_test *test)
{
  static const unsigned types[] = {1, 2, 4, 5, 8, 9};
  const conf_case one = {.want = {.verdict = V_PROTO, .what = "type"}};
  const conf_case another = {.flags = TWO_WAY, .want = {.verdict = V_PROTO, .what = "type"}};
  const conf_case late = {
      .flags = TWO_WAY,
      .want = {.verdict = V_PROTO, .what = "type", .status = 200, .body = "BO", .is_partial = 1}};
  size_t i;

  for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
    conf_exchange_f(test, &one, "R(%u,1,'') OKR", types[i]);
    conf_exchange_f(test, &another, "R(%u,0,'12345678') OKR", types[i]);
    conf_exchange_f(test, &late, "OUT(H 'BO') R(%u,1,'xy') OUT('DY') END(0,0)", types[i]);
  }
}

static void management_of_the_future(conf_test *test)
{
  static const unsigned lengths[] = {0, 1, 7, 8, 9, 100};
  conf_case one = {.want = OK_BODY};
  unsigned type, i;

  for (i = 0; i<sizeof(lengths) / sizeof(lengths[0]); i++, one.flags = i> 2 ? TWO_WAY : 0)
    conf_exchange_f(test, &one, "R(12,0,'x'*%u) OKR", lengths[i]);
  one.flags = FEW_SPLITS;
  for (i = 0; i < 65535; i += 4093)
    conf_exchange_f(test, &one, "R(200,0,'x'*%u,%u) OKR", i, i % 256);
  conf_exchange_f(test, &one, "R(255,0,'x'*65535) OKR");
  for (type = 12; type <= 255; type++)
    conf_exchange_f(test, &one, "R(%u,0,'x') OKR", type);
}

/* The library reads such a record in one place, whoever asked for it. */
static void read_capabilities(conf_test *test)
{
  static const struct {
    const char *bytes;
    size_t len;
    int rc;
    int64_t max_conns;
  } records[] = {
      {"", 0, FCGIP_OK, -1},
      {"\x0e", 1, FCGIP_EPROTO, -1},
      {"\x0e\x02"
       "FCGI_MAX_CONNS1",
       17, FCGIP_EPROTO, -1},
      {"\xff\xff\xff\xff\xff\xff\xff\xff", 8, FCGIP_EPROTO, -1},
      {"\x80\x00", 2, FCGIP_EPROTO, -1},
      {"\x0e\x02"
       "FCGI_MAX_CONNS15",
       18, FCGIP_OK, 15},
      {"\x0e\x03"
       "FCGI_MAX_CONNSabc",
       19, FCGIP_OK, -1},
      {"\x0e\x00"
       "FCGI_MAX_CONNS",
       16, FCGIP_OK, -1},
      {"\x0e\x02"
       "FCGI_MAX_CONNS-1",
       18, FCGIP_OK, -1},
      {"\x0e\x1e"
       "FCGI_MAX_CONNS999999999999999999999999999999",
       46, FCGIP_OK, -1},
      {"\x07\x01"
       "UNKNOWN1",
       10, FCGIP_OK, -1},
  };
  fcgip__capabilities said;
  size_t i;
  int rc;

  if ((test->adapter->can & HAS_API) == 0)
    return;
  for (i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
    rc = fcgip__capabilities_read(&said, (const uint8_t *)records[i].bytes, records[i].len);
    conf_check(test, rc == records[i].rc, "record %zu: result %d", i, rc);
    if (rc == FCGIP_OK)
      conf_check(test, said.max_conns == records[i].max_conns, "record %zu: %lld", i,
                 (long long)said.max_conns);
  }
}

static void malformed_results(conf_test *test)
{
  static const char *const records[] = {"",
                                        "'\\x0e'",
                                        "'\\x0e\\x02FCGI_MAX_CONNS1'",
                                        "'\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff'",
                                        "'\\x80\\0'",
                                        "'\\x0e\\x03FCGI_MAX_CONNSabc'",
                                        "'\\x0e\\0FCGI_MAX_CONNS'",
                                        "'\\x0e\\x02FCGI_MAX_CONNS-1'",
                                        "'\\x0e\\x1eFCGI_MAX_CONNS' '9'*30",
                                        "'\\x01\\x01aa\\x01\\x01ab'",
                                        "'\\x07\\x01UNKNOWN1'",
                                        "'\\x01\\x01'*32767"};
  conf_case one = {.flags = TWO_WAY, .want = OK_BODY};
  size_t i;

  for (i = 0; i < sizeof(records) / sizeof(records[0]); i++)
    conf_exchange_f(test, &one, "R(10,0,%s) OKR", records[i]);
  read_capabilities(test);
}

/* The library asks no server what it can, so that none has to answer: the first record of a connection is a request.
 * What a server may say instead of GET_VALUES_RESULT leaves its capabilities unknown, and says nothing of the
 * connection. */
static void unknown_capabilities(conf_test *test)
{
  static const conf_request requests[] = {{0}, {.keep = 1}, {.max_connections = 1}};
  fcgip__capabilities said;
  conf_bytes sent = {0};
  size_t i;

  for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
    conf_record(test, &requests[i], "OKR", NULL, &sent);
    conf_check(test, sent.len > 8 && sent.data[1] == 1, "the first record has type %d",
               sent.data[1]);
  }
  conf_bytes_free(&sent);
  CHECK(test, fcgip__capabilities_read(&said, (const uint8_t *)"", 0) == FCGIP_OK);
  CHECK(test, said.max_conns == -1 && said.max_reqs == -1 && said.mpxs_conns == -1);
}

/* The second request of a connection has another id than the first, whose late record betrays itself. */
static void late_record(conf_test *test)
{
  static const conf_expect wants[] = {
      OK_BODY, {.verdict = V_PROTO, .what = "id", .body = "", .status = -1}, OK_BODY};
  const conf_case one = {.request = {.keep = 1},
                         .script = "OKR READ RAW('\\x01\\x06\\0\\x01\\0\\x30\\0\\0' H 'EVIL') OKR"};

  CHECK(test, conf_sequence(test, &one, wants, 3) == 2);
}

static const conf_case cases[] = {
    {.id = "TYP-01", .level = 'P', .flags = SLOW, .run = unknown_types},
    {.id = "TYP-02", .level = 'M', .run = client_types},
    {.id = "TYP-03",
     .level = 'P',
     .want = OK_BODY,
     .script = "R(10,0,'\\x0f\\x01FCGI_MPXS_CONNS0',6) OKR"},
    {.id = "TYP-04",
     .level = 'M',
     .name = "start",
     .script = "R(11,0,'c\\0\\0\\0\\0\\0\\0\\0') OKR",
     .want = OK_BODY},
    {.id = "TYP-04",
     .name = "in the header block",
     .want = OK_BODY,
     .script = "OUT('Status: 200 OK\r\nX: ') R(11,0,'c\\0\\0\\0\\0\\0\\0\\0') OUT('y\r\n\r\nBODY') "
               "END(0,0)"},
    {.id = "TYP-04",
     .name = "in the body",
     .want = OK_BODY,
     .script = "OUT(H 'BO') R(11,0,'c\\0\\0\\0\\0\\0\\0\\0') OUT('DY') EOO END(0,0)"},
    {.id = "TYP-04",
     .name = "between requests",
     .request = {.keep = 1},
     .script = "OKR R(11,0,'c\\0\\0\\0\\0\\0\\0\\0')",
     .want = {.verdict = V_OK, .status = 200, .body = "BODY", .is_reused = 2}},
    {.id = "TYP-05",
     .level = 'M',
     .script = "R(10,1,'\\x0f\\x01FCGI_MPXS_CONNS0') OKR",
     .want = PROTO("id")},
    {.id = "TYP-05", .script = "R(11,1,'c\\0\\0\\0\\0\\0\\0\\0') OKR", .want = PROTO("id")},
    {.id = "TYP-06", .level = 'M', .flags = SLOW, .run = management_of_the_future},
    {.id = "TYP-07",
     .level = 'M',
     .script = "R(6,0,H 'EVIL') OKR",
     .want = {.verdict = V_PROTO, .what = "id", .body = "", .status = -1}},
    {.id = "TYP-07",
     .script = "R(7,0,'EVIL') OKR",
     .want = {.verdict = V_PROTO, .what = "id", .error_output = ""}},
    {.id = "TYP-07", .script = "R(3,0,'\\0\\0\\0\\0\\0\\0\\0\\0') OKR", .want = PROTO("id")},
    {.id = "TYP-08",
     .level = 'M',
     .script = "R(6,2,H 'EVIL') OKR",
     .want = {.verdict = V_PROTO, .what = "id", .body = "", .output = "", .status = -1}},
    {.id = "TYP-09",
     .level = 'M',
     .script = "OUT(H 'BO') R(3,2,'\\0\\0\\0\\0\\0\\0\\0\\0') OUT('DY') END(0,0)",
     .want = {.verdict = V_PROTO, .what = "id", .status = 200, .body = "BO", .is_partial = 1}},
    {.id = "TYP-10",
     .level = 'M',
     .script = "R(6,256,H 'BODY') R(3,256,'\\0\\0\\0\\0\\0\\0\\0\\0')",
     .want = {.verdict = V_PROTO, .what = "id", .body = ""}},
    {.id = "TYP-11", .level = 'M', .run = late_record, .needs = CAN_KEEP},
    {.id = "TYP-12", .level = 'M', .run = malformed_results},
    {.id = "TYP-13", .level = 'S', .run = unknown_capabilities, .needs = HAS_API},
    {.id = "TYP-13",
     .name = "silence",
     .script = "HOLD",
     .request = {.total_ms = 50},
     .want = {.verdict = V_TIMEOUT, .is_partial = -1}},
    {.id = "TYP-13",
     .name = "FIN",
     .script = "FIN",
     .want = {.verdict = V_CLOSED_EARLY, .is_partial = -1}},
    {.id = "TYP-13",
     .name = "UNKNOWN_TYPE, FIN",
     .script = "R(11,0,'\\x09\\0\\0\\0\\0\\0\\0\\0') FIN",
     .want = {.verdict = V_CLOSED_EARLY}},
    {.id = "TYP-13",
     .name = "UNKNOWN_TYPE, response",
     .script = "R(11,0,'\\x09\\0\\0\\0\\0\\0\\0\\0') OKR",
     .want = OK_BODY},
};

CONF_GROUP(conf_typ, "TYP", cases);
