#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "message/request.h"
#include "support/failing_allocator.h"

enum { DEFAULTS = FCGIP__FIELD_COUNT };

typedef struct fixture {
  failing_allocator memory;
  fcgip_request *request;
} fixture;

static fixture requests;

static int setup(void **state)
{
  fixture *f = &requests;

  *state = f;
  failing_allocator_init(&f->memory);
  return fcgip_request_new_with_allocator(&f->request, "GET", "/script.php", &f->memory.hook);
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip_request_free(f->request);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

/* The value of a variable as it will be sent, NULL if it is not; it must not come twice. */
static const char *param(const fcgip_request *request, const char *wanted)
{
  const char *name, *value, *found = NULL;
  size_t i;

  for (i = 0; fcgip_request_param_at(request, i, &name, &value) == FCGIP_OK; i++) {
    if (strcmp(name, wanted) != 0)
      continue;
    assert_null(found);
    found = value;
  }
  assert_int_equal(i, fcgip_request_param_count(request));
  return found;
}

static int set(fixture *f, const char *name, const char *value)
{
  return fcgip_request_set_custom_var(f->request, name, value);
}

static void custom_variables(void **state)
{
  fixture *f = *state;
  const char *name, *value;

  assert_int_equal(fcgip_request_custom_var_count(f->request), 0);
  assert_int_equal(set(f, "OWN", "1"), FCGIP_OK);
  assert_int_equal(set(f, "OTHER", ""), FCGIP_OK);
  assert_int_equal(set(f, "OWN", "2"), FCGIP_OK);
  assert_int_equal(fcgip_request_custom_var_count(f->request), 2);
  assert_int_equal(fcgip_request_custom_var_at(f->request, 0, &name, &value), FCGIP_OK);
  assert_string_equal(name, "OWN");
  assert_string_equal(value, "2");
  assert_int_equal(fcgip_request_custom_var_at(f->request, 1, &name, &value), FCGIP_OK);
  assert_string_equal(name, "OTHER");
  assert_string_equal(value, "");
  assert_int_equal(fcgip_request_custom_var_at(f->request, 2, &name, &value), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_request_custom_var_at(f->request, 0, NULL, &value), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_param_count(f->request), DEFAULTS + 2);
  assert_string_equal(param(f->request, "OWN"), "2");
  assert_int_equal(fcgip_request_reset_custom_vars(f->request), FCGIP_OK);
  assert_int_equal(fcgip_request_custom_var_count(f->request), 0);
  assert_int_equal(fcgip_request_param_count(f->request), DEFAULTS);
}

/* They replace the defaults, but for the two that only we know. The getters do not change. */
static void defaults_can_be_replaced(void **state)
{
  fixture *f = *state;
  size_t i;

  for (i = 0; i < DEFAULTS; i++)
    assert_int_equal(set(f, fcgip__field_names[i], "own"), FCGIP_OK);
  assert_int_equal(fcgip_request_param_count(f->request), DEFAULTS);
  for (i = 0; i < DEFAULTS; i++) {
    const char *value = param(f->request, fcgip__field_names[i]);

    if (i == FCGIP__GATEWAY_INTERFACE)
      assert_string_equal(value, "FastCGI/1.0");
    else if (i == FCGIP__CONTENT_LENGTH)
      assert_string_equal(value, "0");
    else
      assert_string_equal(value, "own");
  }
  assert_string_equal(fcgip_request_server_name(f->request), "localhost");
}

/* ENC-22 */
static void names_that_are_refused(void **state)
{
  static const struct {
    const char *name;
    size_t len;
  } bad[] = {{"", 0}, {"A\0B", 3}, {"A\r", 2}, {"\nA", 2}, {"A=B", 3}, {"=", 1}, {"\0", 1}};
  fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    assert_int_equal(fcgip_request_set_custom_var_n(f->request, bad[i].name, bad[i].len, "v", 1),
                     FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_custom_var_n(f->request, NULL, 1, "v", 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_custom_var_n(f->request, "A", 1, NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_custom_var_n(f->request, "A", 1, NULL, 0), FCGIP_OK);
  assert_int_equal(fcgip_request_set_custom_var_n(NULL, "A", 1, "v", 1), FCGIP_EINVAL);
  assert_int_equal(set(f, NULL, "v"), FCGIP_EINVAL);
  assert_int_equal(set(f, "A", NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_custom_var_count(f->request), 1);
}

static void values_that_are_refused(void **state)
{
  static const char *const one_line[] = {"SCRIPT_NAME", "SCRIPT_FILENAME", "PATH_INFO",
                                         "REQUEST_URI"};
  fixture *f = *state;
  size_t i;

  assert_int_equal(fcgip_request_set_custom_var_n(f->request, "A", 1, "a\0b", 3), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_custom_var_n(f->request, "A", 1, "\0", 1), FCGIP_EINVAL);
  for (i = 0; i < 4; i++) {
    assert_int_equal(set(f, one_line[i], "a\rb"), FCGIP_EINVAL);
    assert_int_equal(set(f, one_line[i], "\n"), FCGIP_EINVAL);
    assert_int_equal(set(f, one_line[i], "/fine \xff"), FCGIP_OK);
  }
  assert_int_equal(set(f, "SCRIPT_NAMES", "a\r\nb"), FCGIP_OK);
  assert_int_equal(set(f, "A", "\x01\x7f\x80\xff\r\n"), FCGIP_OK);
}

/* ENC-08: name + value + lengths up to 65528. */
static void pairs_that_are_too_long(void **state)
{
  static char text[70000];
  static const struct {
    size_t name, value;
    int rc;
  } rows[] = {{1, 65522, FCGIP_OK},       {1, 65523, FCGIP_EINVAL}, {127, 65396, FCGIP_OK},
              {127, 65397, FCGIP_EINVAL}, {128, 65392, FCGIP_OK},   {128, 65393, FCGIP_EINVAL},
              {65522, 1, FCGIP_OK},       {65523, 1, FCGIP_EINVAL}, {65523, 0, FCGIP_OK},
              {65524, 0, FCGIP_EINVAL}};
  fixture *f = *state;
  size_t i;

  memset(text, 'x', sizeof(text));
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    assert_int_equal(
        fcgip_request_set_custom_var_n(f->request, text, rows[i].name, text, rows[i].value),
        rows[i].rc);
}

/* ENC-23 */
static void settings_of_php(void **state)
{
  static const char *const names[] = {"PHP_VALUE", "PHP_ADMIN_VALUE"};
  fixture *f = *state;
  size_t i;

  for (i = 0; i < 2; i++)
    assert_int_equal(set(f, names[i], "a=b"), FCGIP_EINVAL);
  assert_int_equal(set(f, "PHP_VALUES", "a=b"), FCGIP_OK);
  assert_int_equal(set(f, "php_value", "a=b"), FCGIP_OK);
  assert_int_equal(fcgip_request_allow_php_settings(f->request, 2), FCGIP_OK);
  for (i = 0; i < 2; i++)
    assert_int_equal(set(f, names[i], "a=b"), FCGIP_OK);
  assert_int_equal(fcgip_request_allow_php_settings(f->request, 0), FCGIP_OK);
  for (i = 0; i < 2; i++)
    assert_int_equal(set(f, names[i], "c=d"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_allow_php_settings(NULL, 1), FCGIP_EINVAL);
}

/* RFC 3875 section 4.1.7 */
static void query_strings(void **state)
{
  fixture *f = *state;

  assert_null(param(f->request, "QUERY_STRING"));
  assert_int_equal(fcgip_request_set_request_uri(f->request, "/a?b=c?d"), FCGIP_OK);
  assert_string_equal(param(f->request, "QUERY_STRING"), "b=c?d");
  assert_int_equal(fcgip_request_param_count(f->request), DEFAULTS + 1);
  assert_int_equal(fcgip_request_set_request_uri(f->request, "/a?"), FCGIP_OK);
  assert_string_equal(param(f->request, "QUERY_STRING"), "");
  assert_int_equal(set(f, "QUERY_STRING", "own"), FCGIP_OK);
  assert_string_equal(param(f->request, "QUERY_STRING"), "own");
  assert_int_equal(fcgip_request_reset_custom_vars(f->request), FCGIP_OK);
  assert_string_equal(param(f->request, "QUERY_STRING"), "");
  /* The REQUEST_URI that is sent is another one. */
  assert_int_equal(set(f, "REQUEST_URI", "/other"), FCGIP_OK);
  assert_null(param(f->request, "QUERY_STRING"));
}

static void http_headers(void **state)
{
  fixture *f = *state;
  fcgip_request *r = f->request;

  assert_int_equal(fcgip_request_add_http_header(r, "Accept", "text/html"), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(r, "X-Some-Thing", "1"), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(r, "aCCEPT", "*/*;q=0.1"), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(r, "Accept", ""), FCGIP_OK);
  assert_string_equal(param(r, "HTTP_ACCEPT"), "text/html, */*;q=0.1, ");
  assert_string_equal(param(r, "HTTP_X_SOME_THING"), "1");
  /* ENC-26 */
  assert_int_equal(fcgip_request_add_http_header(r, "Cookie", "a=1"), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(r, "cookie", "b=2"), FCGIP_OK);
  assert_string_equal(param(r, "HTTP_COOKIE"), "a=1; b=2");
  assert_int_equal(fcgip_request_add_http_header(r, "X-!#$%&'*+.^`|~1", "odd"), FCGIP_OK);
  assert_string_equal(param(r, "HTTP_X_!#$%&'*+.^`|~1"), "odd");
  assert_int_equal(fcgip_request_add_http_header(r, "X-Bytes", "\x01\xff\t"), FCGIP_OK);
}

/* ENC-24, ENC-25 */
static void http_headers_that_are_refused(void **state)
{
  static const char *const names[] = {"",      "X_A",   "X A",     "X:",           "X=Y",
                                      "Proxy", "PROXY", "proxy",   "Content-Type", "content-LENGTH",
                                      "A\r\n", "X\x7f", "\xc3\xbc"};
  static const char *const values[] = {"a\r\nb", "\n", "\r"};
  fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    assert_int_equal(fcgip_request_add_http_header(f->request, names[i], "x"), FCGIP_EINVAL);
  for (i = 0; i < 3; i++)
    assert_int_equal(fcgip_request_add_http_header(f->request, "X", values[i]), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_http_header(NULL, "X", "x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_http_header(f->request, NULL, "x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_http_header(f->request, "X", NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_custom_var_count(f->request), 0);
  assert_int_equal(fcgip_request_add_http_header(f->request, "Proxy-Authorization", "x"), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(f->request, "Content-Types", "x"), FCGIP_OK);
}

static void http_headers_that_grow_too_long(void **state)
{
  fixture *f = *state;
  char *value = calloc(1, 40001);

  assert_non_null(value);
  memset(value, 'v', 40000);
  assert_int_equal(fcgip_request_add_http_header(f->request, "X-Long", value), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(f->request, "X-Long", value), FCGIP_EINVAL);
  assert_string_equal(param(f->request, "HTTP_X_LONG"), value);
  free(value);
}

/* ENC-21, the order of sending, and the end of it. */
static void params_in_order(void **state)
{
  fixture *f = *state;
  const char *name, *value;
  size_t i;

  assert_int_equal(set(f, "Z", "1"), FCGIP_OK);
  assert_int_equal(set(f, "SERVER_NAME", "own"), FCGIP_OK);
  assert_int_equal(set(f, "A", "2"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_request_uri(f->request, "/?q"), FCGIP_OK);
  for (i = 0; i < DEFAULTS; i++) {
    assert_int_equal(fcgip_request_param_at(f->request, i, &name, &value), FCGIP_OK);
    assert_string_equal(name, fcgip__field_names[i]);
  }
  assert_int_equal(fcgip_request_param_at(f->request, DEFAULTS, &name, &value), FCGIP_OK);
  assert_string_equal(name, "Z");
  assert_int_equal(fcgip_request_param_at(f->request, DEFAULTS + 1, &name, &value), FCGIP_OK);
  assert_string_equal(name, "A");
  assert_int_equal(fcgip_request_param_at(f->request, DEFAULTS + 2, &name, &value), FCGIP_OK);
  assert_string_equal(name, "QUERY_STRING");
  assert_int_equal(fcgip_request_param_at(f->request, DEFAULTS + 3, &name, &value),
                   FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_request_param_at(f->request, SIZE_MAX, &name, &value), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_request_param_at(f->request, 0, NULL, &value), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_param_at(NULL, 0, &name, &value), FCGIP_EINVAL);
}

static void is_unchanged_without_memory(void **state)
{
  fixture *f = *state;
  size_t nth, which;

  for (which = 0; which < 2; which++) {
    for (nth = 1;; nth++) {
      int rc;

      failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
      assert_int_equal(fcgip_request_reset_custom_vars(f->request), FCGIP_OK);
      assert_int_equal(set(f, "HTTP_A", "1"), FCGIP_OK);
      failing_allocator_fail_at(&f->memory, nth, FAIL_ONCE);
      rc = which == 0 ? set(f, "HTTP_A", "2") : fcgip_request_add_http_header(f->request, "a", "2");
      if (f->memory.failures == 0) {
        assert_int_equal(rc, FCGIP_OK);
        break;
      }
      assert_int_equal(rc, FCGIP_ENOMEM);
      assert_string_equal(param(f->request, "HTTP_A"), "1");
    }
    assert_string_equal(param(f->request, "HTTP_A"), which == 0 ? "2" : "1, 2");
    assert_true(nth > 1);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(custom_variables),
      TEST(defaults_can_be_replaced),
      TEST(names_that_are_refused),
      TEST(values_that_are_refused),
      TEST(pairs_that_are_too_long),
      TEST(settings_of_php),
      TEST(query_strings),
      TEST(http_headers),
      TEST(http_headers_that_are_refused),
      TEST(http_headers_that_grow_too_long),
      TEST(params_in_order),
      TEST(is_unchanged_without_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
