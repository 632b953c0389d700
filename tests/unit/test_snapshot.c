#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "message/request.h"
#include "message/snapshot.h"
#include "support/failing_allocator.h"
#include "support/reference_decoder.h"
#include "support/reference_encoder.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip_request *request;
  int releases;
} fixture;

static fixture snapshots;

static int setup(void **state)
{
  fixture *f = &snapshots;

  *state = f;
  memset(f, 0, sizeof(*f));
  failing_allocator_init(&f->memory);
  return fcgip_request_new_with_allocator(&f->request, "POST", "/script.php", &f->memory.hook);
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip_request_free(f->request);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
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

static fcgip__snapshot *take(fixture *f)
{
  fcgip__snapshot *snapshot = NULL;

  assert_int_equal(fcgip__snapshot_take(&snapshot, f->request), FCGIP_OK);
  assert_non_null(snapshot);
  return snapshot;
}

/* What it will send, read by an independent decoder. */
static reference_request read_back(const fcgip__snapshot *snapshot)
{
  reference_bytes bytes = {0};
  reference_request request;
  uint8_t scratch[2048], *copy;
  struct iovec iov[16];
  uint64_t at = 0;
  const uint8_t *left;
  char why[200] = "";
  size_t len;

  while (at < fcgip__encoded_len(&snapshot->encoded)) {
    size_t count = fcgip__encode(&snapshot->encoded, 3, 0, at, scratch, sizeof(scratch), iov, 16),
           i;

    assert_true(count > 0);
    for (i = 0; i < count; i++) {
      reference_put(&bytes, iov[i].iov_base, iov[i].iov_len);
      at += iov[i].iov_len;
    }
  }
  copy = bytes.data;
  left = copy;
  len = bytes.len;
  assert_int_equal(reference_decode(&left, &len, &request, why, sizeof(why)), REFERENCE_OK);
  assert_int_equal(len, 0);
  free(copy);
  return request;
}

static void holds_what_was_set(void **state)
{
  fixture *f = *state;
  fcgip_timeouts timeouts = {sizeof(timeouts), 1, 2, 3, 4, 0};
  fcgip__snapshot *snapshot;
  reference_request sent;
  size_t i;

  assert_int_equal(fcgip_request_set_custom_var(f->request, "OWN", "v"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_request_uri(f->request, "/x?y"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_content(f->request, "con\0tent", 8), FCGIP_OK);
  assert_int_equal(fcgip_request_set_role(f->request, FCGIP_FILTER), FCGIP_OK);
  assert_int_equal(fcgip_request_set_timeouts(f->request, &timeouts), FCGIP_OK);
  snapshot = take(f);
  assert_false(snapshot->is_head);
  assert_false(snapshot->retry_safe);
  assert_false(snapshot->passes_through);
  assert_true(snapshot->keeps_body);
  assert_int_equal(snapshot->timeouts.request_timeout_ms, 4);
  sent = read_back(snapshot);
  assert_int_equal(sent.id, 3);
  assert_int_equal(sent.role, FCGIP_FILTER);
  assert_int_equal(sent.content_len, 8);
  assert_memory_equal(sent.content, "con\0tent", 8);
  assert_int_equal(sent.pair_count, fcgip_request_param_count(f->request));
  for (i = 0; i < sent.pair_count; i++) {
    const char *name, *value;

    assert_int_equal(fcgip_request_param_at(f->request, i, &name, &value), FCGIP_OK);
    assert_true(reference_has(&sent, name, value));
  }
  reference_free(&sent);
  fcgip__snapshot_drop(snapshot);
}

static void knows_the_method(void **state)
{
  static const struct {
    const char *method;
    int is_head, retry_safe;
  } rows[] = {{"HEAD", 1, 1}, {"head", 0, 0}, {"GET", 0, 1}, {"PATCH", 0, 0}};
  fixture *f = *state;
  size_t i;

  for (i = 0; i < 4; i++) {
    fcgip__snapshot *snapshot;

    fcgip_request_free(f->request);
    assert_int_equal(
        fcgip_request_new_with_allocator(&f->request, rows[i].method, "/x", &f->memory.hook),
        FCGIP_OK);
    snapshot = take(f);
    assert_int_equal(snapshot->is_head, rows[i].is_head);
    assert_int_equal(snapshot->retry_safe, rows[i].retry_safe);
    fcgip__snapshot_drop(snapshot);
  }
}

/* Encoded once, as long as nothing changes. */
static void is_the_same_until_something_changes(void **state)
{
  fixture *f = *state;
  fcgip__snapshot *first = take(f), *second = take(f), *third;

  assert_ptr_equal(first, second);
  fcgip__snapshot_drop(second);
  assert_int_equal(fcgip_request_set_server_name(f->request, "changed"), FCGIP_OK);
  third = take(f);
  assert_ptr_not_equal(first, third);
  fcgip__snapshot_drop(first);
  fcgip__snapshot_drop(third);
  fcgip__snapshot_drop(NULL);
}

/* Every setter is a change. */
static void every_setter_makes_a_new_one(void **state)
{
  fixture *f = *state;
  fcgip_timeouts timeouts = {sizeof(timeouts), 1, 2, 3, 4, 0};
  int which;

  for (which = 0; which < 16; which++) {
    fcgip__snapshot *before = take(f), *after;
    const int results[] = {
        which == 0 ? fcgip_request_set_remote_port(f->request, 1) : 0,
        which == 1 ? fcgip_request_set_server_port(f->request, 1) : 0,
        which == 2 ? fcgip_request_set_content(f->request, "x", 1) : 0,
        which == 3 ? fcgip_request_set_content_ref(f->request, "x", 1, NULL, NULL) : 0,
        which == 4 ? fcgip_request_set_custom_var(f->request, "A", "b") : 0,
        which == 5 ? fcgip_request_reset_custom_vars(f->request) : 0,
        which == 6 ? fcgip_request_add_http_header(f->request, "A", "b") : 0,
        which == 7 ? fcgip_request_set_role(f->request, 2) : 0,
        which == 8 ? fcgip_request_set_retry_safe(f->request, 1) : 0,
        which == 9 ? fcgip_request_set_timeouts(f->request, &timeouts) : 0,
        which == 10 ? fcgip_request_set_connect_timeout_ms(f->request, 5) : 0,
        which == 11 ? fcgip_request_add_response_callback(f->request, on_response, NULL, NULL) : 0,
        which == 12 ? fcgip_request_add_failure_callback(f->request, on_response, NULL, NULL) : 0,
        which == 13 ? fcgip_request_add_pass_through_callback(f->request, on_piece, NULL, NULL) : 0,
        which == 14 ? fcgip_request_set_body_kept(f->request, 0) : 0,
        which == 15 ? fcgip_request_set_script_filename(f->request, "/y") : 0,
    };
    size_t i;

    for (i = 0; i < sizeof(results) / sizeof(results[0]); i++)
      assert_int_equal(results[i], FCGIP_OK);
    after = take(f);
    assert_ptr_not_equal(before, after);
    assert_int_equal(after->passes_through, which >= 13);
    assert_int_equal(after->keeps_body, which < 14);
    fcgip__snapshot_drop(before);
    fcgip__snapshot_drop(after);
  }
}

/* Content and callbacks are shared, and outlive the request as long as a snapshot needs them. */
static void outlives_the_request(void **state)
{
  static const char theirs[] = "theirs";
  fixture *f = *state;
  fcgip__snapshot *snapshot;

  assert_int_equal(fcgip_request_set_content_ref(f->request, theirs, 6, release, f), FCGIP_OK);
  assert_int_equal(fcgip_request_add_response_callback(f->request, on_response, f, release),
                   FCGIP_OK);
  assert_int_equal(fcgip_request_add_pass_through_callback(f->request, on_piece, f, release),
                   FCGIP_OK);
  snapshot = take(f);
  assert_ptr_equal(snapshot->encoded.content, theirs);
  assert_int_equal(snapshot->callback_count, 2);
  assert_true(snapshot->passes_through);
  fcgip__snapshot_ref(snapshot);
  fcgip_request_free(f->request);
  f->request = NULL;
  assert_int_equal(f->releases, 0);
  fcgip__snapshot_drop(snapshot);
  assert_int_equal(f->releases, 0);
  fcgip__snapshot_drop(snapshot);
  assert_int_equal(f->releases, 3);
}

/* ENC-13 */
static void a_content_length_that_disagrees(void **state)
{
  static const struct {
    const char *value;
    int rc;
  } rows[] = {{"3", FCGIP_OK},      {"0", FCGIP_EINVAL},  {"4", FCGIP_EINVAL},   {"", FCGIP_EINVAL},
              {"-1", FCGIP_EINVAL}, {"3 ", FCGIP_EINVAL}, {"0x3", FCGIP_EINVAL}, {"03", FCGIP_OK}};
  fixture *f = *state;
  size_t i;

  assert_int_equal(fcgip_request_set_content(f->request, "abc", 3), FCGIP_OK);
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    fcgip__snapshot *snapshot = NULL;

    assert_int_equal(fcgip_request_set_custom_var(f->request, "CONTENT_LENGTH", rows[i].value),
                     FCGIP_OK);
    assert_int_equal(fcgip__snapshot_take(&snapshot, f->request), rows[i].rc);
    if (rows[i].rc == FCGIP_OK) {
      reference_request sent = read_back(snapshot);

      assert_true(reference_has(&sent, "CONTENT_LENGTH", "3")); /* ours */
      reference_free(&sent);
      fcgip__snapshot_drop(snapshot);
    }
  }
}

static void a_content_length_without_content(void **state)
{
  fixture *f = *state;
  fcgip__snapshot *snapshot = NULL;

  assert_int_equal(fcgip_request_set_custom_var(f->request, "CONTENT_LENGTH", "1"), FCGIP_OK);
  assert_int_equal(fcgip__snapshot_take(&snapshot, f->request), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_custom_var(f->request, "CONTENT_LENGTH", "0"), FCGIP_OK);
  assert_int_equal(fcgip__snapshot_take(&snapshot, f->request), FCGIP_OK);
  fcgip__snapshot_drop(snapshot);
}

static void is_not_taken_without_memory(void **state)
{
  fixture *f = *state;
  fcgip__snapshot *snapshot;
  size_t live;

  assert_int_equal(fcgip_request_set_content(f->request, "abc", 3), FCGIP_OK);
  live = f->memory.live_blocks;
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_int_equal(fcgip__snapshot_take(&snapshot, f->request), FCGIP_ENOMEM);
  assert_int_equal(f->memory.live_blocks, live);
  snapshot = take(f);
  assert_int_equal(f->memory.live_blocks, live + 1); /* one block for all of it */
  fcgip__snapshot_drop(snapshot);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(holds_what_was_set),
      TEST(knows_the_method),
      TEST(is_the_same_until_something_changes),
      TEST(every_setter_makes_a_new_one),
      TEST(outlives_the_request),
      TEST(a_content_length_that_disagrees),
      TEST(a_content_length_without_content),
      TEST(is_not_taken_without_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
