#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/content.h"
#include "fcgiproxy/error.h"
#include "fcgiproxy/request.h"
#include "message/multipart.h"
#include "support/failing_allocator.h"

static const char multipart_type[] = "multipart/form-data; boundary=";

/* The request, and each kind of content, have an allocator of their own. */
typedef struct fixture {
  failing_allocator request_memory;
  failing_allocator content_memory;
  fcgip_request *request;
  fcgip_form *form;
  fcgip_multipart *multipart;
} fixture;

static fixture fresh;

static int setup(void **state)
{
  fixture *f = &fresh;

  *state = f;
  memset(f, 0, sizeof(*f));
  failing_allocator_init(&f->request_memory);
  failing_allocator_init(&f->content_memory);
  if (fcgip_request_new_with_allocator(&f->request, "POST", "/a.php", &f->request_memory.hook) <
          0 ||
      fcgip_form_new_with_allocator(&f->form, &f->content_memory.hook) < 0 ||
      fcgip_multipart_new_with_allocator(&f->multipart, &f->content_memory.hook) < 0)
    return -1;
  return 0;
}

static int is_clean(const failing_allocator *memory)
{
  return memory->live_blocks == 0 && memory->misuses == 0;
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip_form_free(f->form);
  fcgip_multipart_free(f->multipart);
  fcgip_request_free(f->request);
  return is_clean(&f->request_memory) && is_clean(&f->content_memory) ? 0 : -1;
}

static void assert_content(const fixture *f, const char *type, const void *expected, size_t len)
{
  size_t content_len;
  const void *content = fcgip_request_content(f->request, &content_len);

  assert_string_equal(fcgip_request_content_type(f->request), type);
  assert_int_equal(content_len, len);
  assert_memory_equal(content, expected, len);
}

static void sets_a_form(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_request_set_content_type(f->request, "text/plain"), FCGIP_OK);
  assert_int_equal(fcgip_form_add(f->form, "a", "1 2"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_form(f->request, f->form), FCGIP_OK);
  assert_content(f, "application/x-www-form-urlencoded", "a=1+2", 5);

  /* It was read, not kept. */
  assert_int_equal(fcgip_form_add(f->form, "b", ""), FCGIP_OK);
  assert_content(f, "application/x-www-form-urlencoded", "a=1+2", 5);
  assert_int_equal(fcgip_request_set_form(f->request, f->form), FCGIP_OK);
  fcgip_form_free(f->form);
  f->form = NULL;
  assert_content(f, "application/x-www-form-urlencoded", "a=1+2&b=", 8);
}

static void sets_an_empty_form(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_json_content(f->request, "{}"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_form(f->request, f->form), FCGIP_OK);
  assert_content(f, "application/x-www-form-urlencoded", "", 0);
}

static void sets_json(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_json_content(f->request, "{\"a\":[1,2]}"), FCGIP_OK);
  assert_content(f, "application/json", "{\"a\":[1,2]}", 11);
  assert_int_equal(fcgip_json_content(f->request, "0"), FCGIP_OK);
  assert_content(f, "application/json", "0", 1);
  assert_int_equal(fcgip_request_set_json(f->request, "nullx", 4), FCGIP_OK);
  assert_content(f, "application/json", "null", 4);
  assert_int_equal(fcgip_request_set_json(f->request, "\0\xff", 2), FCGIP_OK); /* as it is */
  assert_content(f, "application/json", "\0\xff", 2);
  assert_int_equal(fcgip_request_set_json(f->request, NULL, 0), FCGIP_OK);
  assert_content(f, "application/json", "", 0);
}

/* The boundary that the content type names. */
static const char *boundary_of(const fixture *f)
{
  const char *type = fcgip_request_content_type(f->request);

  assert_memory_equal(type, multipart_type, sizeof(multipart_type) - 1);
  assert_int_equal(strlen(type), sizeof(multipart_type) - 1 + FCGIP__BOUNDARY_LEN);
  return type + sizeof(multipart_type) - 1;
}

static void sets_a_multipart(void **state)
{
  static const char part[] = "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--";
  fixture *f = *state;
  const char *content, *boundary;
  size_t len;

  assert_int_equal(fcgip_multipart_add(f->multipart, "a", "1"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_multipart(f->request, f->multipart), FCGIP_OK);
  fcgip_multipart_free(f->multipart);
  f->multipart = NULL;

  boundary = boundary_of(f);
  content = fcgip_request_content(f->request, &len);
  assert_int_equal(len, 2 * FCGIP__BOUNDARY_LEN + sizeof(part) - 1 + 6);
  assert_memory_equal(content, "--", 2);
  content += 2;
  assert_memory_equal(content, boundary, FCGIP__BOUNDARY_LEN);
  content += FCGIP__BOUNDARY_LEN;
  assert_memory_equal(content, part, sizeof(part) - 1);
  content += sizeof(part) - 1;
  assert_memory_equal(content, boundary, FCGIP__BOUNDARY_LEN);
  content += FCGIP__BOUNDARY_LEN;
  assert_memory_equal(content, "--\r\n", 4);
}

static void sets_an_empty_multipart(void **state)
{
  fixture *f = *state;
  const char *content;
  size_t len;

  assert_int_equal(fcgip_request_set_multipart(f->request, f->multipart), FCGIP_OK);
  content = fcgip_request_content(f->request, &len);
  assert_int_equal(len, FCGIP__BOUNDARY_LEN + 6);
  assert_memory_equal(content + 2, boundary_of(f), FCGIP__BOUNDARY_LEN);
}

static void draws_another_boundary_each_time(void **state)
{
  fixture *f = *state;
  char boundary[FCGIP__BOUNDARY_LEN + 1];

  assert_int_equal(fcgip_request_set_multipart(f->request, f->multipart), FCGIP_OK);
  memcpy(boundary, boundary_of(f), sizeof(boundary));
  assert_int_equal(fcgip_request_set_multipart(f->request, f->multipart), FCGIP_OK);
  assert_string_not_equal(boundary, boundary_of(f));
}

static void allocates_as_the_request_does(void **state)
{
  fixture *f = *state;
  size_t calls;

  assert_int_equal(fcgip_form_add(f->form, "a", "1"), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add(f->multipart, "a", "1"), FCGIP_OK);
  calls = f->content_memory.total_calls;
  assert_int_equal(fcgip_request_set_form(f->request, f->form), FCGIP_OK);
  assert_int_equal(fcgip_request_set_multipart(f->request, f->multipart), FCGIP_OK);
  assert_int_equal(f->content_memory.total_calls, calls);
}

static void works_with_the_c_librarys_allocator(void **state)
{
  fcgip_request *request;
  fcgip_form *form;
  fcgip_multipart *multipart;
  size_t len;

  (void)state;
  assert_int_equal(fcgip_request_new(&request, "POST", "/a.php"), FCGIP_OK);
  assert_int_equal(fcgip_form_new(&form), FCGIP_OK);
  assert_int_equal(fcgip_multipart_new(&multipart), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "a", "b"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_form(request, form), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add(multipart, "a", "b"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_multipart(request, multipart), FCGIP_OK);
  assert_int_equal(fcgip_json_content(request, "1"), FCGIP_OK);
  assert_string_equal(fcgip_request_content(request, &len), "1");
  fcgip_multipart_free(multipart);
  fcgip_form_free(form);
  fcgip_request_free(request);
}

static void refuses_null(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_json_content(f->request, "1"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_form(NULL, f->form), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_form(f->request, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_multipart(NULL, f->multipart), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_multipart(f->request, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_json(NULL, "1", 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_json(f->request, NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_json_content(NULL, "1"), FCGIP_EINVAL);
  assert_int_equal(fcgip_json_content(f->request, NULL), FCGIP_EINVAL);
  assert_content(f, "application/json", "1", 1);
}

static int set_form(fixture *f)
{
  return fcgip_request_set_form(f->request, f->form);
}

static int set_multipart(fixture *f)
{
  return fcgip_request_set_multipart(f->request, f->multipart);
}

static int set_json(fixture *f)
{
  return fcgip_json_content(f->request, "{}");
}

static void survives_each_allocation_failing(void **state)
{
  static int (*const setters[])(fixture * f) = {set_form, set_multipart, set_json};
  fixture *f = *state;
  size_t i, n, live;
  int rc;

  assert_int_equal(fcgip_form_add(f->form, "a", "1"), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add(f->multipart, "a", "1"), FCGIP_OK);
  for (i = 0; i < sizeof(setters) / sizeof(setters[0]); i++) {
    failing_allocator_fail_at(&f->request_memory, 0, FAIL_ONCE);
    assert_int_equal(fcgip_request_set_content(f->request, "before", 6), FCGIP_OK);
    assert_int_equal(fcgip_request_set_content_type(f->request, "text/before"), FCGIP_OK);
    live = f->request_memory.live_blocks;
    for (n = 1;; n++) {
      failing_allocator_fail_at(&f->request_memory, n, FAIL_ONCE);
      rc = setters[i](f);
      if (f->request_memory.failures == 0)
        break;
      assert_int_equal(rc, FCGIP_ENOMEM);
      assert_content(f, "text/before", "before", 6);
      assert_int_equal(f->request_memory.live_blocks, live);
    }
    assert_int_equal(rc, FCGIP_OK);
    assert_string_not_equal(fcgip_request_content_type(f->request), "text/before");
    assert_true(n > 1);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(sets_a_form),
      TEST(sets_an_empty_form),
      TEST(sets_json),
      TEST(sets_a_multipart),
      TEST(sets_an_empty_multipart),
      TEST(draws_another_boundary_each_time),
      TEST(allocates_as_the_request_does),
      cmocka_unit_test(works_with_the_c_librarys_allocator),
      TEST(refuses_null),
      TEST(survives_each_allocation_failing),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
