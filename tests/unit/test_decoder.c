#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fastcgi/decoder.h"
#include "fastcgi/record.h"
#include "fcgiproxy/error.h"
#include "support/reference_encoder.h"

enum { ID = 1, MOST = 300000 };

/* What a stream of records came to. */
typedef struct result {
  uint8_t output[MOST], errors[MOST];
  size_t output_len, errors_len;
  int ends, rc;
  uint32_t app_status;
  uint8_t protocol_status;
  int idle;
  enum fcgip__fault fault;
} result;

/* Feeds one piece, in a block that ends where it ends. Returns 0 after a fault. */
static int feed(fcgip__decoder *decoder, const uint8_t *bytes, size_t len, result *r)
{
  uint8_t *copy = malloc(len > 0 ? len : 1);
  const uint8_t *at = copy;
  fcgip__event event;
  size_t left = len;

  assert_non_null(copy);
  memcpy(copy, bytes, len);
  for (;;) {
    r->rc = fcgip__decoder_next(decoder, &at, &left, &event);
    if (r->rc < 0 || event.type == FCGIP__EVENT_MORE)
      break;
    if (event.type == FCGIP__EVENT_END) {
      r->ends++;
      r->app_status = event.app_status;
      r->protocol_status = event.protocol_status;
      continue;
    }
    assert_true(event.len > 0);
    assert_true(event.data >= copy && event.data + event.len <= copy + len);
    if (event.type == FCGIP__EVENT_STDOUT) {
      memcpy(r->output + r->output_len, event.data, event.len);
      r->output_len += event.len;
    } else {
      memcpy(r->errors + r->errors_len, event.data, event.len);
      r->errors_len += event.len;
    }
  }
  if (r->rc == FCGIP_OK)
    assert_int_equal(left, 0);
  r->idle = fcgip__decoder_is_idle(decoder);
  r->fault = decoder->fault;
  free(copy);
  return r->rc == FCGIP_OK;
}

static void start(fcgip__decoder *decoder, result *r)
{
  fcgip__decoder_init(decoder, ID);
  r->output_len = r->errors_len = 0;
  r->ends = 0;
  r->rc = FCGIP_OK;
  r->app_status = 0;
  r->protocol_status = 0;
  r->idle = 0;
  r->fault = FCGIP__FAULT_NONE;
}

static void decode(const reference_bytes *bytes, size_t first, size_t second, result *r)
{
  fcgip__decoder decoder;

  start(&decoder, r);
  if (feed(&decoder, bytes->data, first, r) &&
      feed(&decoder, bytes->data + first, second - first, r))
    feed(&decoder, bytes->data + second, bytes->len - second, r);
}

static void assert_same(const result *a, const result *b)
{
  assert_int_equal(a->rc, b->rc);
  assert_int_equal(a->fault, b->fault);
  assert_int_equal(a->ends, b->ends);
  assert_int_equal(a->idle, b->idle);
  assert_true(a->app_status == b->app_status);
  assert_int_equal(a->protocol_status, b->protocol_status);
  assert_int_equal(a->output_len, b->output_len);
  assert_memory_equal(a->output, b->output, a->output_len);
  assert_int_equal(a->errors_len, b->errors_len);
  assert_memory_equal(a->errors, b->errors, a->errors_len);
}

static result whole, pieces;

/* FRM-01 to FRM-03: unsplit, byte by byte, and split at one and at any two places, always the same. */
static void assert_split_invariant(const reference_bytes *bytes)
{
  fcgip__decoder decoder;
  size_t i, j;

  decode(bytes, bytes->len, bytes->len, &whole);
  start(&decoder, &pieces);
  for (i = 0; i < bytes->len && feed(&decoder, bytes->data + i, 1, &pieces); i++)
    ;
  assert_same(&whole, &pieces);
  for (i = 0; i <= bytes->len; i++)
    for (j = i; j <= bytes->len; j += bytes->len <= 200 ? 1 : bytes->len) {
      decode(bytes, i, j, &pieces);
      assert_same(&whole, &pieces);
    }
}

static void end(reference_bytes *bytes, uint32_t app_status, unsigned protocol_status,
                unsigned padding)
{
  const uint8_t body[8] = {(uint8_t)(app_status >> 24),
                           (uint8_t)(app_status >> 16),
                           (uint8_t)(app_status >> 8),
                           (uint8_t)app_status,
                           (uint8_t)protocol_status,
                           'a',
                           'r',
                           's'}; /* END-07: as php-fpm leaves it */

  reference_record(bytes, 3, ID, body, 8, padding);
}

static void a_usual_response(void **state)
{
  reference_bytes bytes = {0};

  (void)state;
  reference_record(&bytes, 6, ID, "A: b\r\n\r\nbody", 12, 4);
  reference_record(&bytes, 7, ID, "oops", 4, 0);
  reference_record(&bytes, 6, ID, "!", 1, 7);
  reference_record(&bytes, 6, ID, NULL, 0, 0);
  end(&bytes, 0x01020304, 0, 8);
  assert_split_invariant(&bytes);
  assert_int_equal(whole.rc, FCGIP_OK);
  assert_int_equal(whole.output_len, 13);
  assert_memory_equal(whole.output, "A: b\r\n\r\nbody!", 13);
  assert_int_equal(whole.errors_len, 4);
  assert_int_equal(whole.ends, 1);
  assert_true(whole.app_status == 0x01020304);
  assert_true(whole.idle);
  free(bytes.data);
}

/* END-01 */
static void application_statuses(void **state)
{
  static const uint32_t statuses[] = {0, 1, 255, 256, 0x7fffffff, 0x80000000u, 0xffffffffu};
  size_t i, protocol;

  (void)state;
  for (i = 0; i < 7; i++) {
    for (protocol = 0; protocol < 256; protocol += 51) {
      reference_bytes bytes = {0};

      end(&bytes, statuses[i], (unsigned)protocol, 0);
      decode(&bytes, 3, 13, &whole);
      assert_int_equal(whole.ends, 1);
      assert_true(whole.app_status == statuses[i]);
      assert_int_equal(whole.protocol_status, protocol);
      free(bytes.data);
    }
  }
}

/* FRM-05 */
static void content_of_every_length(void **state)
{
  static const size_t lengths[] = {0,     1,     7,     8,     127,   128,   255,
                                   256,   4095,  4096,  8184,  8191,  8192,  16383,
                                   16384, 32767, 32768, 65527, 65528, 65534, 65535};
  static uint8_t data[65535];
  size_t i, cut;

  (void)state;
  for (i = 0; i < sizeof(data); i++)
    data[i] = (uint8_t)(i * 5 + i / 256);
  for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    reference_bytes bytes = {0};

    reference_record(&bytes, 6, ID, data, lengths[i], 3);
    reference_record(&bytes, 7, ID, data, lengths[i], 0);
    end(&bytes, 0, 0, 0);
    for (cut = 0; cut <= bytes.len; cut += bytes.len / 7 + 1) {
      decode(&bytes, cut, bytes.len, &whole);
      assert_int_equal(whole.output_len, lengths[i]);
      assert_memory_equal(whole.output, data, lengths[i]);
      assert_int_equal(whole.errors_len, lengths[i]);
      assert_int_equal(whole.ends, 1);
    }
    free(bytes.data);
  }
}

/* FRM-06 to FRM-08: padding of any length, on any record, whatever is in it. */
static void padding(void **state)
{
  unsigned n;

  (void)state;
  for (n = 0; n < 256; n++) {
    reference_bytes bytes = {0};
    size_t i;

    reference_record(&bytes, 6, ID, "x", 1, n);
    reference_record(&bytes, 7, ID, NULL, 0, n);
    reference_record(&bytes, 6, ID, NULL, 0, n);
    end(&bytes, 0, 0, n);
    for (i = 9; i < 9 + n; i++) /* looks like records */
      bytes.data[i] = (uint8_t) "\1\6\0\1\0\1\0\0"[i % 8];
    for (i = 0; i < 4; i++) {
      decode(&bytes, bytes.len * i / 4, bytes.len, &whole);
      assert_int_equal(whole.rc, FCGIP_OK);
      assert_int_equal(whole.output_len, 1);
      assert_int_equal(whole.ends, 1);
      assert_true(whole.idle);
    }
    free(bytes.data);
  }
}

/* FRM-10: idle only behind the last byte of the padding. */
static void is_idle_between_records_only(void **state)
{
  reference_bytes bytes = {0};
  fcgip__decoder decoder;
  size_t i;

  (void)state;
  end(&bytes, 0, 0, 8);
  start(&decoder, &whole);
  assert_true(fcgip__decoder_is_idle(&decoder));
  for (i = 0; i < bytes.len; i++) {
    assert_true(feed(&decoder, bytes.data + i, 1, &whole));
    assert_int_equal(whole.idle, i + 1 == bytes.len);
    assert_int_equal(whole.ends, i >= 15);
  }
  free(bytes.data);
}

/* FRM-07, TYP-03, TYP-04, TYP-06: records of the connection itself are skipped, known or not. */
static void management_records(void **state)
{
  static const unsigned types[] = {10, 11, 0, 12, 99, 255};
  static uint8_t junk[65535];
  size_t i, len;

  (void)state;
  memset(junk, 1, sizeof(junk));
  for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
    for (len = 0; len <= 65535; len = len * 4 + 3 > 65535 && len < 65535 ? 65535 : len * 4 + 3) {
      reference_bytes bytes = {0};

      reference_record(&bytes, 6, ID, "be", 2, 0);
      reference_record(&bytes, types[i], 0, junk, len, 255);
      reference_record(&bytes, 6, ID, "hind", 4, 0);
      end(&bytes, 0, 0, 0);
      decode(&bytes, 12, bytes.len / 2, &whole);
      assert_int_equal(whole.rc, FCGIP_OK);
      assert_memory_equal(whole.output, "behind", 6);
      assert_int_equal(whole.ends, 1);
      free(bytes.data);
      if (len == 65535)
        break;
    }
  }
}

static void assert_fault(unsigned type, unsigned id, enum fcgip__fault fault)
{
  reference_bytes bytes = {0};

  reference_record(&bytes, 6, ID, "kept", 4, 0);
  reference_record(&bytes, type, id, "EVIL1234", 8, 0);
  end(&bytes, 0, 0, 0);
  assert_split_invariant(&bytes);
  assert_int_equal(whole.rc, FCGIP_EPROTO);
  assert_int_equal(whole.fault, fault);
  assert_int_equal(whole.output_len, 4);
  assert_int_equal(whole.errors_len, 0);
  assert_int_equal(whole.ends, 0);
  free(bytes.data);
}

/* TYP-01, TYP-02, TYP-05, TYP-07 to TYP-10 */
static void records_that_no_application_sends(void **state)
{
  static const unsigned requests[] = {1, 2, 4, 5, 8, 9};
  unsigned type;
  size_t i;

  (void)state;
  for (i = 0; i < 6; i++) {
    assert_fault(requests[i], ID, FCGIP__FAULT_TYPE);
    assert_fault(requests[i], 0, FCGIP__FAULT_TYPE);
  }
  for (type = 12; type < 256; type += 27)
    assert_fault(type, ID, FCGIP__FAULT_TYPE);
  assert_fault(0, ID, FCGIP__FAULT_TYPE);
  for (type = 3; type <= 7; type += type == 3 ? 3 : 1) {
    assert_fault(type, 0, FCGIP__FAULT_ID);
    assert_fault(type, 2, FCGIP__FAULT_ID);
    assert_fault(type, 0x0100, FCGIP__FAULT_ID);
  }
  assert_fault(10, ID, FCGIP__FAULT_ID);
  assert_fault(11, ID, FCGIP__FAULT_ID);
}

/* END-08, END-09 */
static void ends_of_another_length(void **state)
{
  static const size_t lengths[] = {0, 1, 7, 9, 16, 255, 65535};
  static const uint8_t zeros[65535];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    reference_bytes bytes = {0};

    reference_record(&bytes, 3, ID, zeros, lengths[i], 0);
    decode(&bytes, 4, 8, &whole);
    assert_int_equal(whole.rc, FCGIP_EPROTO);
    assert_int_equal(whole.fault, FCGIP__FAULT_END);
    free(bytes.data);
  }
}

/* FRM-11, FRM-12: told from the first byte, with a hint. */
static void other_versions(void **state)
{
  static const struct {
    uint8_t byte;
    const char *hint;
  } rows[] = {{0, NULL},     {2, NULL},     {0x80, NULL}, {0xff, NULL},
              {'H', "HTTP"}, {0x15, "TLS"}, {0x16, "TLS"}};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    fcgip__decoder decoder;
    reference_bytes bytes = {0};

    start(&decoder, &whole);
    assert_false(feed(&decoder, &rows[i].byte, 1, &whole));
    assert_int_equal(whole.fault, FCGIP__FAULT_VERSION);
    if (rows[i].hint != NULL)
      assert_non_null(strstr(fcgip__decoder_fault_text(&decoder), rows[i].hint));
    else
      assert_null(strstr(fcgip__decoder_fault_text(&decoder), "seems"));
    /* Between two records as well. */
    reference_record(&bytes, 6, ID, "ok", 2, 1);
    reference_put(&bytes, &rows[i].byte, 1);
    assert_split_invariant(&bytes);
    assert_int_equal(whole.rc, FCGIP_EPROTO);
    assert_int_equal(whole.output_len, 2);
    free(bytes.data);
  }
}

static void a_fault_is_for_good(void **state)
{
  reference_bytes good = {0};
  fcgip__decoder decoder;

  (void)state;
  start(&decoder, &whole);
  assert_false(feed(&decoder, (const uint8_t *)"\2", 1, &whole));
  reference_record(&good, 6, ID, "x", 1, 0);
  assert_false(feed(&decoder, good.data, good.len, &whole));
  assert_int_equal(whole.output_len, 0);
  assert_false(whole.idle);
  assert_true(feed(&decoder, good.data, 0, &whole)); /* nothing is no fault */
  free(good.data);
}

/* FRM-09 */
static void the_reserved_byte_is_ignored(void **state)
{
  reference_bytes bytes = {0};
  int value;

  (void)state;
  reference_record(&bytes, 6, ID, "x", 1, 0);
  for (value = 0; value < 256; value++) {
    bytes.data[7] = (uint8_t)value;
    decode(&bytes, bytes.len, bytes.len, &whole);
    assert_int_equal(whole.rc, FCGIP_OK);
    assert_int_equal(whole.output_len, 1);
  }
  free(bytes.data);
}

/* FRM-14, FRM-15: many small records. */
static void one_record_per_byte(void **state)
{
  reference_bytes bytes = {0};
  size_t i;

  (void)state;
  for (i = 0; i < 10000; i++) {
    const uint8_t byte = (uint8_t)i;

    reference_record(&bytes, i % 3 ? 6 : 7, ID, &byte, 1, (unsigned)(i % 5));
  }
  end(&bytes, 0, 0, 0);
  decode(&bytes, bytes.len / 3, bytes.len / 2, &whole);
  assert_int_equal(whole.output_len + whole.errors_len, 10000);
  assert_int_equal(whole.errors[1], 3);
  assert_int_equal(whole.ends, 1);
  free(bytes.data);
}

/* Receiving in place: what is sure to be output may bypass the decoder. */
static void bytes_that_bypass_it(void **state)
{
  static uint8_t data[60000];
  reference_bytes bytes = {0};
  fcgip__decoder decoder;

  (void)state;
  reference_record(&bytes, 6, ID, data, sizeof(data), 5);
  reference_record(&bytes, 7, ID, "e", 1, 0);
  end(&bytes, 0, 0, 0);
  start(&decoder, &whole);
  assert_int_equal(fcgip__decoder_output_left(&decoder), 0);
  feed(&decoder, bytes.data, 7, &whole);
  assert_int_equal(fcgip__decoder_output_left(&decoder), 0);
  feed(&decoder, bytes.data + 7, 101, &whole);
  assert_int_equal(fcgip__decoder_output_left(&decoder), 59900);
  fcgip__decoder_advance(&decoder, 0);
  fcgip__decoder_advance(&decoder, 50000);
  assert_int_equal(fcgip__decoder_output_left(&decoder), 9900);
  fcgip__decoder_advance(&decoder, 9900);
  assert_int_equal(fcgip__decoder_output_left(&decoder), 0);
  assert_false(fcgip__decoder_is_idle(&decoder)); /* the padding */
  feed(&decoder, bytes.data + 60008, bytes.len - 60008, &whole);
  assert_int_equal(whole.errors_len, 1);
  assert_int_equal(whole.ends, 1);
  assert_int_equal(whole.output_len, 100);
  free(bytes.data);
}

static void stderr_does_not_bypass_it(void **state)
{
  reference_bytes bytes = {0};
  fcgip__decoder decoder;

  (void)state;
  reference_record(&bytes, 7, ID, "error", 5, 0);
  start(&decoder, &whole);
  feed(&decoder, bytes.data, 10, &whole);
  assert_int_equal(fcgip__decoder_output_left(&decoder), 0);
  free(bytes.data);
}

static void every_fault_has_a_text(void **state)
{
  fcgip__decoder decoder;
  int fault;

  (void)state;
  fcgip__decoder_init(&decoder, ID);
  for (fault = FCGIP__FAULT_NONE; fault <= FCGIP__FAULT_END; fault++) {
    decoder.fault = (enum fcgip__fault)fault;
    assert_true(strlen(fcgip__decoder_fault_text(&decoder)) > 5);
  }
}

/* The short way takes what is one record of output and END_REQUEST, from the very start and whole; else nothing. */
static void a_whole_answer(void **state)
{
  static const struct {
    const char *bytes;
    size_t len, taken, output_at, output_len;
  } rows[] = {
#define OUT3 "\1\6\0\7\0\3\0\0abc"
#define END                                                                                        \
  "\1\3\0\7\0\10\0\0"                                                                              \
  "\0\0\1\2\0\0\0\0"
      {OUT3 END, 27, 27, 8, 3},
      {OUT3 END "x", 28, 27, 8, 3},                /* what follows is for others */
      {OUT3 END, 26, 0, 0, 0},                     /* not whole */
      {"\1\6\0\7\0\3\2\0abcpp" END, 29, 29, 8, 3}, /* padding */
      {OUT3 OUT3 END, 38, 0, 0, 0},                /* two pieces */
      {"\1\7\0\7\0\3\0\0abc" END, 27, 0, 0, 0},    /* STDERR */
      {"\1\6\0\7\0\0\0\0" END, 24, 0, 0, 0},       /* no output */
      {"\1\6\0\10\0\3\0\0abc" END, 27, 0, 0, 0},   /* of another request */
      {"\2\6\0\7\0\3\0\0abc" END, 27, 0, 0, 0},    /* of another version */
      {OUT3 "\1\3\0\10\0\10\0\0"
            "12345678",
       27, 0, 0, 0}, /* the end of another */
      {OUT3 "\1\3\0\7\0\7\0\0"
            "12345678",
       27, 0, 0, 0}, /* an end of another length */
      {END END, 32, 0, 0, 0},
      {OUT3, 11, 0, 0, 0},
      {"", 0, 0, 0, 0},
#undef OUT3
#undef END
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    uint8_t *copy = malloc(rows[i].len > 0 ? rows[i].len : 1);
    fcgip__event output, last;
    fcgip__decoder decoder;

    assert_non_null(copy);
    memcpy(copy, rows[i].bytes, rows[i].len);
    fcgip__decoder_init(&decoder, 7);
    assert_int_equal(fcgip__decoder_take_whole(&decoder, copy, rows[i].len, &output, &last),
                     rows[i].taken);
    assert_true(fcgip__decoder_is_idle(&decoder));
    if (rows[i].taken > 0) {
      assert_ptr_equal(output.data, copy + rows[i].output_at);
      assert_int_equal(output.len, rows[i].output_len);
      assert_int_equal(last.type, FCGIP__EVENT_END);
      assert_int_equal(last.app_status, 0x102);
      assert_int_equal(last.protocol_status, 0);
    }
    decoder.held = 1; /* in the middle of something */
    assert_int_equal(fcgip__decoder_take_whole(&decoder, copy, rows[i].len, &output, &last), 0);
    free(copy);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_usual_response),
      cmocka_unit_test(application_statuses),
      cmocka_unit_test(content_of_every_length),
      cmocka_unit_test(padding),
      cmocka_unit_test(is_idle_between_records_only),
      cmocka_unit_test(management_records),
      cmocka_unit_test(records_that_no_application_sends),
      cmocka_unit_test(ends_of_another_length),
      cmocka_unit_test(other_versions),
      cmocka_unit_test(a_fault_is_for_good),
      cmocka_unit_test(the_reserved_byte_is_ignored),
      cmocka_unit_test(one_record_per_byte),
      cmocka_unit_test(bytes_that_bypass_it),
      cmocka_unit_test(stderr_does_not_bypass_it),
      cmocka_unit_test(every_fault_has_a_text),
      cmocka_unit_test(a_whole_answer),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
