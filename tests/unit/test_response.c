#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "message/response.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip_response *response;
  fcgip__response_limits limits;
} fixture;

static fixture responses;
static int endpoint_releases;

static int setup(void **state)
{
  static const fcgip__response_limits usual = {65536, 256, 1024 * 1024, 1024 * 1024, NULL};
  fixture *f = &responses;

  *state = f;
  endpoint_releases = 0;
  failing_allocator_init(&f->memory);
  if (fcgip__mem_import(&f->mem, &f->memory.hook) != FCGIP_OK)
    return -1;
  f->limits = usual;
  f->response = fcgip__response_new(&f->mem, 77);
  return f->response != NULL ? 0 : -1;
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip_response_free(f->response);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

/* From a block that ends where the bytes end. */
static int add(fixture *f, const char *bytes, size_t len)
{
  uint8_t *copy = malloc(len > 0 ? len : 1);
  int rc;

  assert_non_null(copy);
  memcpy(copy, bytes, len);
  rc = fcgip__response_add_output(f->response, &f->limits, copy, len);
  free(copy);
  return rc;
}

static int add_text(fixture *f, const char *text)
{
  return add(f, text, strlen(text));
}

static void is_empty_at_first(void **state)
{
  fixture *f = *state;
  size_t len = 7;

  assert_true(fcgip_response_request_id(f->response) == 77);
  assert_int_equal(fcgip_response_error(f->response), FCGIP_OK);
  assert_int_equal(fcgip_response_status(f->response), 0);
  assert_string_equal(fcgip_response_body(f->response, &len), "");
  assert_int_equal(len, 0);
  assert_false(fcgip__response_has_bytes(f->response));
  assert_null(fcgip_response_endpoint(f->response));
  assert_int_equal(fcgip__response_check(f->response, 0), FCGIP_EHEADER);
  assert_string_equal(f->response->why, "there is no output at all");
}

/* HDR-24 to HDR-27: the block may come in any pieces, and the body may look like one. */
static void takes_any_pieces(void **state)
{
  static const char whole[] = "Status: 201 Made\r\nA: b\r\n\r\n\r\n\nA: c\r\n\r\n";
  static const char body[] = "\r\n\nA: c\r\n\r\n";
  fixture *f = *state;
  size_t piece, len = sizeof(whole) - 1, body_len, at;

  for (piece = 1; piece <= len; piece++) {
    fcgip__response_reset(f->response);
    for (at = 0; at < len; at += piece)
      assert_int_equal(add(f, whole + at, at + piece < len ? piece : len - at), FCGIP_OK);
    assert_int_equal(fcgip__response_check(f->response, 0), FCGIP_OK);
    assert_int_equal(fcgip_response_status(f->response), 201);
    assert_string_equal(fcgip_response_header(f->response, "a"), "b");
    assert_string_equal(fcgip_response_body(f->response, &body_len), body);
    assert_int_equal(body_len, sizeof(body) - 1);
    assert_int_equal(fcgip_response_body_length(f->response), sizeof(body) - 1);
    assert_string_equal(fcgip_response_output(f->response, &body_len), whole);
    assert_int_equal(body_len, len);
  }
}

/* BOD-01 */
static void keeps_any_bytes(void **state)
{
  fixture *f = *state;
  char all[512];
  size_t i, len;

  for (i = 0; i < sizeof(all); i++)
    all[i] = (char)i;
  assert_int_equal(add(f, "\n", 1), FCGIP_OK);
  assert_int_equal(add(f, all, sizeof(all)), FCGIP_OK);
  assert_int_equal(add(f, "\0", 1), FCGIP_OK);
  assert_memory_equal(fcgip_response_body(f->response, &len), all, sizeof(all));
  assert_int_equal(len, sizeof(all) + 1);
  assert_int_equal(((const char *)fcgip_response_body(f->response, NULL))[len], 0);
}

static void a_block_that_is_malformed(void **state)
{
  fixture *f = *state;

  assert_int_equal(add_text(f, "no colon"), FCGIP_OK);
  assert_int_equal(add_text(f, "\r\n\r\nbody"), FCGIP_EHEADER);
  assert_non_null(f->response->why);
  assert_int_equal(fcgip_response_status(f->response), 0);
  assert_string_equal(fcgip_response_body(f->response, NULL), "");
  /* Not what came behind it: that depends on how the bytes were cut. */
  assert_string_equal(fcgip_response_output(f->response, NULL), "no colon\r\n\r\n");
}

/* HDR-05, STR-07 */
static void a_block_without_an_end(void **state)
{
  fixture *f = *state;

  assert_int_equal(add_text(f, "A: b\r\n"), FCGIP_OK);
  assert_int_equal(fcgip__response_check(f->response, 0), FCGIP_EHEADER);
  assert_non_null(strstr(f->response->why, "empty line"));
  assert_string_equal(fcgip_response_body(f->response, NULL), "");
  assert_string_equal(fcgip_response_output(f->response, NULL), "A: b\r\n");
}

/* HDR-23: at the limit and one beyond, in one piece and in many. */
static void header_limits(void **state)
{
  static const char block[] = "Name: value\r\n\r\n";
  fixture *f = *state;
  size_t len = sizeof(block) - 1, i, pieces;

  for (pieces = 0; pieces < 2; pieces++) {
    for (f->limits.max_header_bytes = len - 2; f->limits.max_header_bytes < len + 2;
         f->limits.max_header_bytes++) {
      int rc = FCGIP_OK;

      fcgip__response_reset(f->response);
      if (pieces == 0)
        rc = add_text(f, "Name: value\r\n\r\nbody");
      for (i = 0; i < len && pieces == 1 && rc == FCGIP_OK; i++)
        rc = add(f, block + i, 1);
      assert_int_equal(rc, f->limits.max_header_bytes >= len ? FCGIP_OK : FCGIP_ETOOLARGE);
      if (rc < 0)
        assert_non_null(strstr(f->response->why, "max_header_bytes"));
    }
  }
  /* Without an end it is too long as soon as it is longer. */
  fcgip__response_reset(f->response);
  f->limits.max_header_bytes = 100;
  for (i = 0; i < 100; i++)
    assert_int_equal(add(f, "x", 1), FCGIP_OK);
  assert_int_equal(add(f, "x", 1), FCGIP_ETOOLARGE);
  fcgip__response_reset(f->response);
  f->limits.max_headers = 1;
  assert_int_equal(add_text(f, "A: b\nC: d\n\n"), FCGIP_ETOOLARGE);
  assert_non_null(strstr(f->response->why, "max_headers"));
}

/* BOD-04 */
static void body_limits(void **state)
{
  fixture *f = *state;
  size_t len;

  f->limits.max_body_bytes = 4;
  assert_int_equal(add_text(f, "A: b\n\n"), FCGIP_OK);
  assert_int_equal(add_text(f, "1234"), FCGIP_OK);
  assert_int_equal(add_text(f, "5"), FCGIP_ETOOLARGE);
  assert_non_null(strstr(f->response->why, "max_body_bytes"));
  fcgip__response_reset(f->response);
  assert_int_equal(add_text(f, "A: b\n\n12345"), FCGIP_ETOOLARGE);
  fcgip__response_reset(f->response);
  f->limits.max_body_bytes = UINT64_MAX;
  assert_int_equal(add_text(f, "A: b\n\n12345"), FCGIP_OK);
  fcgip_response_body(f->response, &len);
  assert_int_equal(len, 5);
}

/* HDR-21, HDR-33, BOD-07 */
static void content_lengths(void **state)
{
  static const struct {
    const char *output;
    int is_head, rc;
  } rows[] = {
      {"Content-Length: 4\n\nbody", 0, FCGIP_OK},
      {"Content-Length: 5\n\nbody", 0, FCGIP_ELENGTH},
      {"Content-Length: 3\n\nbody", 0, FCGIP_ELENGTH},
      {"Content-Length: 0\n\n", 0, FCGIP_OK},
      {"Content-Length: 100\n\n", 0, FCGIP_ELENGTH},
      {"Content-Length: 100\n\n", 1, FCGIP_OK},
      {"Status: 304 x\nContent-Length: 100\n\n", 0, FCGIP_OK},
      {"Status: 204 x\nContent-Length: 100\n\nbody", 0, FCGIP_OK},
      {"A: b\n\nbody", 0, FCGIP_OK},
      {"Transfer-Encoding: chunked\n\n0\r\n\r\n", 0, FCGIP_OK}, /* HDR-22 */
  };
  fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    fcgip__response_reset(f->response);
    assert_int_equal(add_text(f, rows[i].output), FCGIP_OK);
    assert_int_equal(fcgip__response_check(f->response, rows[i].is_head), rows[i].rc);
    assert_string_equal(fcgip_response_body(f->response, NULL), strstr(rows[i].output, "\n\n") + 2);
  }
}

/* STR-09, STR-10 */
static void errors_have_a_limit(void **state)
{
  fixture *f = *state;
  size_t len;

  f->limits.max_stderr_bytes = 10;
  assert_int_equal(fcgip__response_add_stderr(f->response, &f->limits, (const uint8_t *)"12345", 5),
                   FCGIP_OK);
  assert_true(fcgip__response_has_bytes(f->response));
  assert_int_equal(fcgip__response_add_stderr(f->response, &f->limits, (const uint8_t *)"67890", 5),
                   FCGIP_OK);
  assert_false(fcgip_response_stderr_is_truncated(f->response));
  assert_int_equal(fcgip__response_add_stderr(f->response, &f->limits, (const uint8_t *)"x", 1),
                   FCGIP_OK);
  assert_true(fcgip_response_stderr_is_truncated(f->response));
  assert_string_equal(fcgip_response_stderr(f->response, &len), "1234567890");
  assert_int_equal(len, 10);
  fcgip__response_reset(f->response);
  assert_false(fcgip_response_stderr_is_truncated(f->response));
  assert_int_equal(
      fcgip__response_add_stderr(f->response, &f->limits, (const uint8_t *)"123456789012", 12),
      FCGIP_OK);
  assert_string_equal(fcgip_response_stderr(f->response, &len), "1234567890");
  assert_true(fcgip_response_stderr_is_truncated(f->response));
  /* A limit that shrank below what is there. */
  f->limits.max_stderr_bytes = 3;
  assert_int_equal(fcgip__response_add_stderr(f->response, &f->limits, (const uint8_t *)"x", 1),
                   FCGIP_OK);
  fcgip_response_stderr(f->response, &len);
  assert_int_equal(len, 10);
}

/* What is received straight into place counts the same. */
static void grows_in_place(void **state)
{
  fixture *f = *state;
  size_t len;

  assert_int_equal(add_text(f, "A: b\n"), FCGIP_OK);
  assert_int_equal(fcgip__buffer_reserve(&f->response->output, 5), FCGIP_OK);
  memcpy(f->response->output.data + f->response->output.len, "\nbody", 5);
  assert_int_equal(fcgip__response_grow_output(f->response, &f->limits, 5), FCGIP_OK);
  assert_string_equal(fcgip_response_body(f->response, &len), "body");
  f->limits.max_body_bytes = 5;
  assert_int_equal(fcgip__buffer_reserve(&f->response->output, 2), FCGIP_OK);
  assert_int_equal(fcgip__response_grow_output(f->response, &f->limits, 2), FCGIP_ETOOLARGE);
}

/* A body that is not kept costs no memory, and has no limit; it still has a length. */
static void a_body_that_is_not_kept(void **state)
{
  fixture *f = *state;
  char piece[1000];
  size_t len, i, peak;

  memset(piece, 'x', sizeof(piece));
  f->response->keeps_body = 0;
  f->limits.max_body_bytes = 10;
  assert_int_equal(add_text(f, "Content-Length: 1000004\n"), FCGIP_OK);
  assert_int_equal(add_text(f, "\nbody"), FCGIP_OK);
  peak = f->memory.live_bytes;
  for (i = 0; i < 1000; i++)
    assert_int_equal(add(f, piece, sizeof(piece)), FCGIP_OK);
  assert_int_equal(f->memory.live_bytes, peak);
  assert_true(fcgip_response_body_length(f->response) == 1000004);
  assert_string_equal(fcgip_response_body(f->response, &len), "");
  assert_int_equal(len, 0);
  assert_string_equal(fcgip_response_output(f->response, NULL), "Content-Length: 1000004\n\n");
  assert_int_equal(fcgip__response_check(f->response, 0), FCGIP_OK);
  assert_true(fcgip__response_has_bytes(f->response));
  assert_int_equal(add_text(f, "x"), FCGIP_OK);
  assert_int_equal(fcgip__response_check(f->response, 0), FCGIP_ELENGTH);
}

static void forgets(void **state)
{
  fixture *f = *state;

  assert_int_equal(add_text(f, "Status: 404\nA: b\n\nbody"), FCGIP_OK);
  assert_int_equal(fcgip__response_add_stderr(f->response, &f->limits, (const uint8_t *)"e", 1),
                   FCGIP_OK);
  fcgip__response_reset(f->response);
  assert_false(fcgip__response_has_bytes(f->response));
  assert_int_equal(fcgip_response_status(f->response), 0);
  assert_int_equal(fcgip_response_header_count(f->response), 0);
  assert_string_equal(fcgip_response_stderr(f->response, NULL), "");
  assert_int_equal(fcgip_response_body_length(f->response), 0);
  assert_int_equal(f->memory.live_blocks, 1);
}

static void release_endpoint(fcgip_endpoint *endpoint)
{
  (void)endpoint;
  endpoint_releases++;
}

static void owners_and_endpoints(void **state)
{
  fixture *f = *state;
  fcgip_endpoint *first = (fcgip_endpoint *)(uintptr_t)16;
  fcgip_endpoint *second = (fcgip_endpoint *)(uintptr_t)32;

  fcgip__response_set_endpoint(f->response, first, release_endpoint);
  assert_ptr_equal(fcgip_response_endpoint(f->response), first);
  fcgip__response_set_endpoint(f->response, second, release_endpoint);
  assert_int_equal(endpoint_releases, 1);
  assert_ptr_equal(fcgip_response_ref(f->response), f->response);
  fcgip_response_free(f->response);
  assert_int_equal(endpoint_releases, 1);
  fcgip_response_free(f->response);
  f->response = NULL;
  assert_int_equal(endpoint_releases, 2);
  assert_null(fcgip_response_ref(NULL));
  fcgip_response_free(NULL);
}

static void without_memory(void **state)
{
  fixture *f = *state;
  size_t nth;

  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_null(fcgip__response_new(&f->mem, 1));
  for (nth = 1;; nth++) {
    int rc;

    failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
    fcgip__response_reset(f->response);
    failing_allocator_fail_at(&f->memory, nth, FAIL_ONCE);
    rc = add_text(f, "A-name-that-is-long: a value that is long\r\n"
                     "Another-name-that-is-long: a value that is long\r\n"
                     "Another-name-that-is-longer: a value that is long\r\n\r\nbody");
    if (rc == FCGIP_OK)
      rc = fcgip__response_add_stderr(f->response, &f->limits, (const uint8_t *)"error", 5);
    if (f->memory.failures == 0)
      break;
    assert_int_equal(rc, FCGIP_ENOMEM);
  }
  assert_true(nth > 2);
  assert_string_equal(fcgip_response_body(f->response, NULL), "body");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(is_empty_at_first),
      TEST(takes_any_pieces),
      TEST(keeps_any_bytes),
      TEST(a_block_that_is_malformed),
      TEST(a_block_without_an_end),
      TEST(header_limits),
      TEST(body_limits),
      TEST(content_lengths),
      TEST(errors_have_a_limit),
      TEST(grows_in_place),
      TEST(a_body_that_is_not_kept),
      TEST(forgets),
      TEST(owners_and_endpoints),
      TEST(without_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
