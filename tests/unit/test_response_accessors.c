#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "message/response.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip_response *response;
} fixture;

static fixture responses;

static int setup(void **state)
{
  static const char output[] =
      "Status: 404 Not Found\r\nA: 1\r\nB: x\r\na: 2\r\nA:\r\n\r\nthe\0body";
  static const fcgip__response_limits limits = {65536, 256, 100, 100, NULL};
  fixture *f = &responses;

  *state = f;
  failing_allocator_init(&f->memory);
  if (fcgip__mem_import(&f->mem, &f->memory.hook) != FCGIP_OK)
    return -1;
  f->response = fcgip__response_new(&f->mem, UINT64_C(1) << 62);
  if (f->response == NULL)
    return -1;
  return fcgip__response_add_output(f->response, &limits, (const uint8_t *)output,
                                    sizeof(output) - 1);
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip_response_free(f->response);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static void plain_values(void **state)
{
  const fixture *f = *state;
  fcgip_response *r = f->response;

  assert_int_equal(fcgip_response_status(r), 404);
  assert_string_equal(fcgip_response_status_text(r), "Not Found");
  assert_true(fcgip_response_request_id(r) == UINT64_C(1) << 62);
  assert_int_equal(fcgip_response_error(r), FCGIP_OK);
  assert_int_equal(fcgip_response_errno(r), 0);
  r->app_status = 0xffffffffu;
  assert_true(fcgip_response_app_status(r) == 0xffffffffu);
  r->duration_us = 1500000;
  assert_true(fcgip_response_duration(r) > 1.4999 && fcgip_response_duration(r) < 1.5001);
  assert_false(fcgip_response_is_partial(r));
  assert_false(fcgip_response_is_retry_safe(r));
  r->is_partial = r->is_retry_safe = r->is_stderr_truncated = 1;
  assert_int_equal(fcgip_response_is_partial(r), 1);
  assert_int_equal(fcgip_response_is_retry_safe(r), 1);
  assert_int_equal(fcgip_response_stderr_is_truncated(r), 1);
}

static void error_texts(void **state)
{
  fixture *f = *state;

  assert_string_equal(fcgip_response_error_text(f->response), "");
  f->response->error = FCGIP_EREAD;
  f->response->error_number = 104;
  assert_int_equal(fcgip_response_errno(f->response), 104);
  /* Without memory for a sentence with the address there is still one. */
  assert_string_equal(fcgip_response_error_text(f->response), fcgip_strerror(FCGIP_EREAD));
  f->response->error_text = fcgip__mem_strndup(&f->mem, "a sentence", 10);
  assert_string_equal(fcgip_response_error_text(f->response), "a sentence");
  f->response->error = FCGIP_OK;
  assert_string_equal(fcgip_response_error_text(f->response), "");
}

static void headers_in_order(void **state)
{
  static const char *const names[] = {"Status", "A", "B", "a", "A"};
  static const char *const values[] = {"404 Not Found", "1", "x", "2", ""};
  const fixture *f = *state;
  const char *name, *value;
  size_t i;

  assert_int_equal(fcgip_response_header_count(f->response), 5);
  for (i = 0; i < 5; i++) {
    assert_int_equal(fcgip_response_header_at(f->response, i, &name, &value), FCGIP_OK);
    assert_string_equal(name, names[i]);
    assert_string_equal(value, values[i]);
  }
  assert_int_equal(fcgip_response_header_at(f->response, 5, &name, &value), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_response_header_at(f->response, SIZE_MAX, &name, &value), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_response_header_at(f->response, 0, NULL, &value), FCGIP_EINVAL);
  assert_int_equal(fcgip_response_header_at(f->response, 0, &name, NULL), FCGIP_EINVAL);
}

static void headers_by_name(void **state)
{
  const fixture *f = *state;
  const fcgip_response *r = f->response;
  const char *values[4] = {"-", "-", "-", "-"};

  assert_string_equal(fcgip_response_header(r, "a"), "1");
  assert_string_equal(fcgip_response_header(r, "b"), "x");
  assert_null(fcgip_response_header(r, "C"));
  assert_null(fcgip_response_header(r, ""));
  assert_null(fcgip_response_header(r, NULL));
  assert_int_equal(fcgip_response_header_values(r, "A", NULL, 0), 3);
  assert_int_equal(fcgip_response_header_values(r, "A", NULL, 5), 3);
  assert_int_equal(fcgip_response_header_values(r, "A", values, 2), 3);
  assert_string_equal(values[1], "2");
  assert_string_equal(values[2], "-");
  assert_int_equal(fcgip_response_header_values(r, "A", values, 4), 3);
  assert_string_equal(values[2], "");
  assert_string_equal(values[3], "-");
  assert_int_equal(fcgip_response_header_values(r, "C", values, 4), 0);
  assert_int_equal(fcgip_response_header_values(r, NULL, values, 4), 0);
  assert_string_equal(fcgip_response_header_line(r, "A"), "1, 2, ");
  assert_string_equal(fcgip_response_header_line(r, "B"), "x");
  assert_string_equal(fcgip_response_header_line(r, "C"), "");
  assert_string_equal(fcgip_response_header_line(r, NULL), "");
}

static void bytes(void **state)
{
  fixture *f = *state;
  size_t len;

  assert_memory_equal(fcgip_response_body(f->response, &len), "the\0body", 9);
  assert_int_equal(len, 8);
  assert_int_equal(fcgip_response_body_length(f->response), 8);
  assert_int_equal(strncmp(fcgip_response_output(f->response, &len), "Status: ", 8), 0);
  assert_true(len > 50);
  assert_string_equal(fcgip_response_stderr(f->response, &len), "");
  assert_int_equal(len, 0);
  assert_string_equal(fcgip_response_body(f->response, NULL), "the");
}

/* RUN-11 */
static void of_nothing(void **state)
{
  const char *name, *value;
  size_t len = 7;

  (void)state;
  assert_int_equal(fcgip_response_error(NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_response_errno(NULL), 0);
  assert_string_equal(fcgip_response_error_text(NULL), "");
  assert_int_equal(fcgip_response_status(NULL), 0);
  assert_string_equal(fcgip_response_status_text(NULL), "");
  assert_int_equal(fcgip_response_app_status(NULL), 0);
  assert_int_equal(fcgip_response_header_count(NULL), 0);
  assert_int_equal(fcgip_response_header_at(NULL, 0, &name, &value), FCGIP_EINVAL);
  assert_null(fcgip_response_header(NULL, "A"));
  assert_int_equal(fcgip_response_header_values(NULL, "A", NULL, 0), 0);
  assert_string_equal(fcgip_response_header_line(NULL, "A"), "");
  assert_string_equal(fcgip_response_body(NULL, &len), "");
  assert_int_equal(len, 0);
  len = 7;
  assert_string_equal(fcgip_response_output(NULL, &len), "");
  assert_int_equal(len, 0);
  len = 7;
  assert_string_equal(fcgip_response_stderr(NULL, &len), "");
  assert_int_equal(len, 0);
  assert_string_equal(fcgip_response_body(NULL, NULL), "");
  assert_int_equal(fcgip_response_body_length(NULL), 0);
  assert_int_equal(fcgip_response_is_partial(NULL), 0);
  assert_int_equal(fcgip_response_stderr_is_truncated(NULL), 0);
  assert_int_equal(fcgip_response_is_retry_safe(NULL), 0);
  assert_true(fcgip_response_duration(NULL) <= 0);
  assert_null(fcgip_response_endpoint(NULL));
  assert_int_equal(fcgip_response_request_id(NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(plain_values),    TEST(error_texts), TEST(headers_in_order),
      TEST(headers_by_name), TEST(bytes),       TEST(of_nothing),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
