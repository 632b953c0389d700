#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "message/request.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip_request *request;
  int releases;
} fixture;

static fixture requests;

static int setup(void **state)
{
  fixture *f = &requests;

  *state = f;
  memset(f, 0, sizeof(*f));
  failing_allocator_init(&f->memory);
  return fcgip_request_new_with_allocator(&f->request, "GET", "/script.php", &f->memory.hook);
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip_request_free(f->request);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static fcgip_timeouts timeouts_of(const fixture *f)
{
  fcgip_timeouts out = {.struct_size = sizeof(out)};

  assert_int_equal(fcgip_request_timeouts(f->request, &out), FCGIP_OK);
  assert_int_equal(out.struct_size, sizeof(out));
  return out;
}

static void deadlines_all_at_once(void **state)
{
  const fcgip_timeouts given = {sizeof(given), 1, 2, 3, UINT32_MAX, 0};
  fixture *f = *state;
  fcgip_timeouts out = timeouts_of(f);

  assert_int_equal(out.connect_timeout_ms, 0);
  assert_int_equal(out.request_timeout_ms, 0);
  assert_int_equal(fcgip_request_set_timeouts(f->request, &given), FCGIP_OK);
  out = timeouts_of(f);
  assert_memory_equal(&out, &given, sizeof(given));
}

static void deadlines_one_by_one(void **state)
{
  fixture *f = *state;
  fcgip_timeouts out;

  assert_int_equal(fcgip_request_set_connect_timeout_ms(f->request, 10), FCGIP_OK);
  assert_int_equal(fcgip_request_set_read_write_timeout_ms(f->request, 20), FCGIP_OK);
  assert_int_equal(fcgip_request_set_first_byte_timeout_ms(f->request, 30), FCGIP_OK);
  assert_int_equal(fcgip_request_set_request_timeout_ms(f->request, UINT32_MAX), FCGIP_OK);
  out = timeouts_of(f);
  assert_int_equal(out.connect_timeout_ms, 10);
  assert_int_equal(out.read_write_timeout_ms, 20);
  assert_int_equal(out.first_byte_timeout_ms, 30);
  assert_true(out.request_timeout_ms == UINT32_MAX);
  assert_int_equal(fcgip_request_set_connect_timeout_ms(f->request, 0), FCGIP_OK);
  out = timeouts_of(f);
  assert_int_equal(out.connect_timeout_ms, 0);
  assert_int_equal(fcgip_request_set_connect_timeout_ms(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_read_write_timeout_ms(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_first_byte_timeout_ms(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_request_timeout_ms(NULL, 1), FCGIP_EINVAL);
}

/* The rule of openat2(2). */
static void structs_of_other_versions(void **state)
{
  struct {
    fcgip_timeouts known;
    uint32_t news[2];
  } newer = {{sizeof(newer), 5, 6, 7, 8, 0}, {0, 0}};
  fcgip_timeouts given = {0, 1, 2, 3, 4, 0};
  fixture *f = *state;
  uint32_t size;

  for (size = 0; size < sizeof(given); size++) {
    given.struct_size = size;
    assert_int_equal(fcgip_request_set_timeouts(f->request, &given), FCGIP_EINVAL);
  }
  assert_int_equal(fcgip_request_set_timeouts(f->request, &newer.known), FCGIP_OK);
  assert_int_equal(timeouts_of(f).request_timeout_ms, 8);
  newer.news[1] = 1;
  newer.known.request_timeout_ms = 9;
  assert_int_equal(fcgip_request_set_timeouts(f->request, &newer.known), FCGIP_E2BIG);
  assert_int_equal(timeouts_of(f).request_timeout_ms, 8);
  given.struct_size = UINT32_MAX;
  assert_int_equal(fcgip_request_set_timeouts(f->request, &given), FCGIP_E2BIG);
  given.struct_size = sizeof(given);
  given.reserved = 1;
  assert_int_equal(fcgip_request_set_timeouts(f->request, &given), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_timeouts(f->request, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_timeouts(NULL, &given), FCGIP_EINVAL);
  given.struct_size = sizeof(given) - 1;
  assert_int_equal(fcgip_request_timeouts(f->request, &given), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_timeouts(f->request, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_timeouts(NULL, &given), FCGIP_EINVAL);
}

static void release(void *user_data)
{
  fixture *f = user_data;

  f->releases++;
}

static void on_response(fcgip_response *response, void *user_data)
{
  (void)response, (void)user_data;
}

static int on_piece(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                    size_t error_len, void *user_data)
{
  (void)id, (void)output, (void)output_len, (void)error, (void)error_len, (void)user_data;
  return 0;
}

static int add(fixture *f, int kind)
{
  if (kind == FCGIP__CALLBACK_RESPONSE)
    return fcgip_request_add_response_callback(f->request, on_response, f, release);
  if (kind == FCGIP__CALLBACK_FAILURE)
    return fcgip_request_add_failure_callback(f->request, on_response, f, release);
  return fcgip_request_add_pass_through_callback(f->request, on_piece, f, release);
}

static void callbacks_keep_their_order(void **state)
{
  fixture *f = *state;
  size_t i;

  for (i = 0; i < 30; i++)
    assert_int_equal(add(f, (int)(i % 3)), FCGIP_OK);
  assert_int_equal(f->request->callback_count, 30);
  for (i = 0; i < 30; i++)
    assert_int_equal(f->request->callbacks[i]->kind, i % 3);
  assert_ptr_equal(f->request->callbacks[0]->response_fn, on_response);
  assert_ptr_equal(f->request->callbacks[2]->pass_through_fn, on_piece);
  assert_int_equal(f->releases, 0);
  fcgip_request_free(f->request);
  f->request = NULL;
  assert_int_equal(f->releases, 30);
}

/* Released once, also by a call that fails. */
static void callbacks_that_are_refused(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_request_add_response_callback(NULL, on_response, f, release),
                   FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_response_callback(f->request, NULL, f, release), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_failure_callback(NULL, on_response, f, release), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_failure_callback(f->request, NULL, f, release), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_pass_through_callback(NULL, on_piece, f, release),
                   FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_pass_through_callback(f->request, NULL, f, release),
                   FCGIP_EINVAL);
  assert_int_equal(f->releases, 6);
  assert_int_equal(fcgip_request_add_response_callback(f->request, NULL, f, NULL), FCGIP_EINVAL);
  assert_int_equal(f->request->callback_count, 0);
}

static void is_unchanged_without_memory(void **state)
{
  fixture *f = *state;
  int kind;

  for (kind = 0; kind < 3; kind++) {
    size_t nth, count = f->request->callback_count;

    for (nth = 1;; nth++) {
      int releases = f->releases, rc;

      failing_allocator_fail_at(&f->memory, nth, FAIL_ONCE);
      rc = add(f, kind);
      if (f->memory.failures == 0) {
        assert_int_equal(rc, FCGIP_OK);
        break;
      }
      assert_int_equal(rc, FCGIP_ENOMEM);
      assert_int_equal(f->releases, releases + 1);
      assert_int_equal(f->request->callback_count, count);
    }
    assert_int_equal(nth, 3);
  }
  failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(deadlines_all_at_once),      TEST(deadlines_one_by_one),
      TEST(structs_of_other_versions),  TEST(callbacks_keep_their_order),
      TEST(callbacks_that_are_refused), TEST(is_unchanged_without_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
