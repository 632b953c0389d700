#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/content.h"
#include "fcgiproxy/error.h"
#include "fcgiproxy/version.h"
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
  return fcgip_request_new_with_allocator(&f->request, "GET", "/path/script.php", &f->memory.hook);
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

static void has_defaults(void **state)
{
  const fixture *f = *state;
  const fcgip_request *r = f->request;
  char software[64];
  size_t len = 7;

  snprintf(software, sizeof(software), "libfcgiproxy/%s", fcgip_version());
  assert_string_equal(fcgip_request_method(r), "GET");
  assert_string_equal(fcgip_request_script_filename(r), "/path/script.php");
  assert_string_equal(fcgip_request_gateway_interface(r), "FastCGI/1.0");
  assert_string_equal(fcgip_request_server_software(r), software);
  assert_string_equal(fcgip_request_remote_address(r), "192.168.0.1");
  assert_int_equal(fcgip_request_remote_port(r), 9985);
  assert_string_equal(fcgip_request_server_address(r), "127.0.0.1");
  assert_int_equal(fcgip_request_server_port(r), 80);
  assert_string_equal(fcgip_request_server_name(r), "localhost");
  assert_string_equal(fcgip_request_server_protocol(r), "HTTP/1.1");
  assert_string_equal(fcgip_request_content_type(r), "application/x-www-form-urlencoded");
  assert_string_equal(fcgip_request_request_uri(r), "");
  assert_string_equal(fcgip_request_content(r, &len), "");
  assert_int_equal(len, 0);
  assert_int_equal(fcgip_request_role(r), FCGIP_RESPONDER);
}

static void takes_any_method_that_is_a_token(void **state)
{
  static const char *const good[] = {"GET", "get", "X-Own", "M-SEARCH", "a!#$%&'*+-.^_`|~9"};
  static const char *const bad[] = {"",    " ",  "GE T",      "GET\r\n", "GET\n", "G(", "G:T",
                                    "G/T", "\"", "G\xc3\xbc", "\x7f",    "a,b",   "a=b"};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    fcgip_request *request;

    assert_int_equal(fcgip_request_new(&request, good[i], ""), FCGIP_OK);
    assert_string_equal(fcgip_request_method(request), good[i]);
    fcgip_request_free(request);
  }
  for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    fcgip_request *request = (fcgip_request *)(uintptr_t)1;

    assert_int_equal(fcgip_request_new(&request, bad[i], "/x"), FCGIP_EINVAL);
    assert_null(request);
  }
}

static void refuses_what_cannot_be(void **state)
{
  fcgip_request *request = (fcgip_request *)(uintptr_t)1;
  fcgip_allocator broken = {0};

  (void)state;
  assert_int_equal(fcgip_request_new(NULL, "GET", "/x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_new(&request, NULL, "/x"), FCGIP_EINVAL);
  assert_null(request);
  assert_int_equal(fcgip_request_new(&request, "GET", NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_new(&request, "GET", "/x\n"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_new(&request, "GET", "\r"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_new_with_allocator(&request, "GET", "/x", &broken), FCGIP_EINVAL);
  assert_int_equal(fcgip_post_request_new(&request, "/x", NULL, 5), FCGIP_EINVAL);
  assert_null(request);
}

static void constructors_with_content(void **state)
{
  static const struct {
    int (*make)(fcgip_request **out, const char *script, const void *content, size_t len);
    const char *method;
    int retry_safe;
  } rows[] = {{fcgip_get_request_new, "GET", 1},
              {fcgip_post_request_new, "POST", 0},
              {fcgip_put_request_new, "PUT", 1},
              {fcgip_patch_request_new, "PATCH", 0},
              {fcgip_delete_request_new, "DELETE", 1}};
  size_t i, len;

  (void)state;
  for (i = 0; i < 5; i++) {
    fcgip_request *request;

    assert_int_equal(rows[i].make(&request, "/x", "a\0b", 3), FCGIP_OK);
    assert_string_equal(fcgip_request_method(request), rows[i].method);
    assert_int_equal(fcgip_request_retry_safe(request), rows[i].retry_safe);
    assert_memory_equal(fcgip_request_content(request, &len), "a\0b", 3);
    assert_int_equal(len, 3);
    fcgip_request_free(request);
    assert_int_equal(rows[i].make(&request, "/x", NULL, 0), FCGIP_OK);
    assert_string_equal(fcgip_request_content(request, NULL), "");
    fcgip_request_free(request);
    assert_int_equal(rows[i].make(&request, "/x\n", "x", 1), FCGIP_EINVAL);
    assert_null(request);
  }
}

static void other_methods_are_not_repeated(void **state)
{
  static const char *const methods[] = {"HEAD", "OPTIONS", "get", "PURGE"};
  size_t i;

  (void)state;
  for (i = 0; i < 4; i++) {
    fcgip_request *request;

    assert_int_equal(fcgip_request_new(&request, methods[i], "/x"), FCGIP_OK);
    assert_int_equal(fcgip_request_retry_safe(request), i == 0);
    assert_int_equal(fcgip_request_set_retry_safe(request, 7), FCGIP_OK);
    assert_int_equal(fcgip_request_retry_safe(request), 1);
    assert_int_equal(fcgip_request_set_retry_safe(request, 0), FCGIP_OK);
    assert_int_equal(fcgip_request_retry_safe(request), 0);
    fcgip_request_free(request);
  }
}

typedef struct text_field {
  int (*set)(fcgip_request *request, const char *value);
  const char *(*get)(const fcgip_request *request);
  const char *name;
  int one_line;
} text_field;

static const text_field fields[] = {
    {fcgip_request_set_server_software, fcgip_request_server_software, "SERVER_SOFTWARE", 0},
    {fcgip_request_set_remote_address, fcgip_request_remote_address, "REMOTE_ADDR", 0},
    {fcgip_request_set_server_address, fcgip_request_server_address, "SERVER_ADDR", 0},
    {fcgip_request_set_server_name, fcgip_request_server_name, "SERVER_NAME", 0},
    {fcgip_request_set_server_protocol, fcgip_request_server_protocol, "SERVER_PROTOCOL", 0},
    {fcgip_request_set_content_type, fcgip_request_content_type, "CONTENT_TYPE", 0},
    {fcgip_request_set_request_uri, fcgip_request_request_uri, "REQUEST_URI", 1},
    {fcgip_request_set_script_filename, fcgip_request_script_filename, "SCRIPT_FILENAME", 1},
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static const char *param(const fcgip_request *request, const char *wanted)
{
  const char *name, *value;
  size_t i;

  for (i = 0; fcgip_request_param_at(request, i, &name, &value) == FCGIP_OK; i++)
    if (strcmp(name, wanted) == 0)
      return value;
  return NULL;
}

static void texts_can_be_set(void **state)
{
  fixture *f = *state;
  size_t i;

  for (i = 0; i < FIELDS; i++) {
    char value[32];

    snprintf(value, sizeof(value), "value %zu \xff", i);
    assert_int_equal(fields[i].set(f->request, value), FCGIP_OK);
    memset(value, 'x', 5); /* it was copied */
    snprintf(value, sizeof(value), "value %zu \xff", i);
    assert_string_equal(fields[i].get(f->request), value);
    assert_string_equal(param(f->request, fields[i].name), value);
    assert_int_equal(fields[i].set(f->request, ""), FCGIP_OK);
    assert_string_equal(fields[i].get(f->request), "");
    assert_int_equal(fields[i].set(f->request, "line\r\nbreak"),
                     fields[i].one_line ? FCGIP_EINVAL : FCGIP_OK);
    assert_int_equal(fields[i].set(f->request, NULL), FCGIP_EINVAL);
    assert_int_equal(fields[i].set(NULL, "x"), FCGIP_EINVAL);
  }
}

/* As long as php-fpm can be sent, and a byte more. */
static void texts_have_a_longest(void **state)
{
  fixture *f = *state;
  size_t i;

  for (i = 0; i < FIELDS; i++) {
    size_t longest = 65528 - strlen(fields[i].name) - 1 - 4;
    char *value = calloc(1, longest + 2);

    assert_non_null(value);
    memset(value, 'v', longest + 1);
    assert_int_equal(fields[i].set(f->request, value), FCGIP_EINVAL);
    assert_string_not_equal(fields[i].get(f->request), value);
    value[longest] = '\0';
    assert_int_equal(fields[i].set(f->request, value), FCGIP_OK);
    assert_string_equal(fields[i].get(f->request), value);
    free(value);
  }
}

static void ports_can_be_set(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_request_set_remote_port(f->request, 65535), FCGIP_OK);
  assert_int_equal(fcgip_request_set_server_port(f->request, 0), FCGIP_OK);
  assert_int_equal(fcgip_request_remote_port(f->request), 65535);
  assert_int_equal(fcgip_request_server_port(f->request), 0);
  assert_string_equal(param(f->request, "REMOTE_PORT"), "65535");
  assert_string_equal(param(f->request, "SERVER_PORT"), "0");
}

static void content_can_be_replaced(void **state)
{
  static const char theirs[] = "theirs";
  fixture *f = *state;
  size_t len;

  assert_int_equal(fcgip_request_set_content(f->request, "0", 1), FCGIP_OK);
  assert_string_equal(param(f->request, "CONTENT_LENGTH"), "1");
  assert_int_equal(fcgip_request_set_content_ref(f->request, theirs, 6, release, f), FCGIP_OK);
  assert_ptr_equal(fcgip_request_content(f->request, &len), theirs);
  assert_int_equal(len, 6);
  assert_string_equal(param(f->request, "CONTENT_LENGTH"), "6");
  assert_int_equal(f->releases, 0);
  assert_int_equal(fcgip_request_set_content(f->request, NULL, 0), FCGIP_OK);
  assert_int_equal(f->releases, 1);
  assert_string_equal(param(f->request, "CONTENT_LENGTH"), "0");
  assert_int_equal(fcgip_request_set_content(f->request, NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content_ref(f->request, NULL, 1, release, f), FCGIP_EINVAL);
  assert_int_equal(f->releases, 2);
  assert_int_equal(fcgip_request_set_content_ref(NULL, theirs, 6, release, f), FCGIP_EINVAL);
  assert_int_equal(f->releases, 3);
  assert_int_equal(fcgip_request_set_content_ref(f->request, "", 0, release, f), FCGIP_OK);
  assert_string_equal(fcgip_request_content(f->request, &len), "");
  fcgip_request_free(f->request);
  f->request = NULL;
  assert_int_equal(f->releases, 4);
}

static void roles(void **state)
{
  static const int bad[] = {0, -1, 4, 255, 65537};
  fixture *f = *state;
  size_t i;
  int role;

  for (role = 1; role <= 3; role++) {
    assert_int_equal(fcgip_request_set_role(f->request, role), FCGIP_OK);
    assert_int_equal(fcgip_request_role(f->request), role);
  }
  for (i = 0; i < 5; i++)
    assert_int_equal(fcgip_request_set_role(f->request, bad[i]), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_role(f->request), 3);
}

/* ---- without memory: nothing is changed ---- */

static int change(fcgip_request *request, int which)
{
  switch (which) {
  case 0:
    return fcgip_request_set_server_name(request, "new");
  case 1:
    return fcgip_request_set_remote_port(request, 1);
  case 2:
    return fcgip_request_set_server_port(request, 2);
  case 3:
    return fcgip_request_set_content(request, "new content", 11);
  case 4:
    return fcgip_request_set_content_ref(request, "new content", 11, NULL, NULL);
  default:
    return fcgip_request_set_json(request, "[1]", 3);
  }
}

static void is_unchanged_without_memory(void **state)
{
  fixture *f = *state;
  size_t nth, len;
  int which;

  for (which = 0; which < 6; which++) {
    for (nth = 1;; nth++) {
      int rc;

      failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
      fcgip_request_free(f->request);
      assert_int_equal(fcgip_request_new_with_allocator(&f->request, "POST", "/x", &f->memory.hook),
                       FCGIP_OK);
      assert_int_equal(fcgip_request_set_content(f->request, "old", 3), FCGIP_OK);
      failing_allocator_fail_at(&f->memory, nth, FAIL_ONCE);
      rc = change(f->request, which);
      if (f->memory.failures == 0) {
        assert_int_equal(rc, FCGIP_OK);
        break;
      }
      assert_int_equal(rc, FCGIP_ENOMEM);
      assert_string_equal(fcgip_request_server_name(f->request), "localhost");
      assert_int_equal(fcgip_request_remote_port(f->request), 9985);
      assert_string_equal(param(f->request, "REMOTE_PORT"), "9985");
      assert_string_equal(param(f->request, "SERVER_PORT"), "80");
      assert_string_equal(param(f->request, "CONTENT_LENGTH"), "3");
      assert_memory_equal(fcgip_request_content(f->request, &len), "old", 3);
      assert_string_equal(fcgip_request_content_type(f->request),
                          "application/x-www-form-urlencoded");
    }
    assert_true(nth > 1);
  }
}

static void is_not_made_without_memory(void **state)
{
  fixture *f = *state;
  size_t nth;

  for (nth = 1;; nth++) {
    size_t live = f->memory.live_blocks;
    fcgip_request *request = (fcgip_request *)(uintptr_t)1;
    int rc;

    failing_allocator_fail_at(&f->memory, nth, FAIL_ONCE);
    rc = fcgip_request_new_with_allocator(&request, "GET", "/x", &f->memory.hook);
    if (f->memory.failures == 0) {
      assert_int_equal(rc, FCGIP_OK);
      fcgip_request_free(request);
      break;
    }
    assert_int_equal(rc, FCGIP_ENOMEM);
    assert_null(request);
    assert_int_equal(f->memory.live_blocks, live);
  }
  assert_true(nth > 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(has_defaults),
      TEST(takes_any_method_that_is_a_token),
      TEST(refuses_what_cannot_be),
      TEST(constructors_with_content),
      TEST(other_methods_are_not_repeated),
      TEST(texts_can_be_set),
      TEST(texts_have_a_longest),
      TEST(ports_can_be_set),
      TEST(content_can_be_replaced),
      TEST(roles),
      TEST(is_unchanged_without_memory),
      TEST(is_not_made_without_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
