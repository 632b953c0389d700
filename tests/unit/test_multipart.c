#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "fcgiproxy/content.h"
#include "fcgiproxy/error.h"
#include "message/multipart.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip_multipart *multipart;
  fcgip__buffer content;
  fcgip__boundary boundary;
  char dir[64];
  char path[96];
} fixture;

static fixture fresh;

static int setup(void **state)
{
  fixture *f = &fresh;

  *state = f;
  memset(f, 0, sizeof(*f));
  failing_allocator_init(&f->memory);
  if (fcgip__mem_import(&f->mem, &f->memory.hook) != FCGIP_OK)
    return -1;
  fcgip__buffer_init(&f->content, &f->mem, SIZE_MAX);
  return fcgip_multipart_new_with_allocator(&f->multipart, &f->memory.hook);
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip_multipart_free(f->multipart);
  fcgip__buffer_deinit(&f->content);
  if (f->path[0] != '\0')
    unlink(f->path);
  if (f->dir[0] != '\0')
    rmdir(f->dir);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

/* `name` in a folder of its own. */
static void write_file(fixture *f, const char *name, const void *data, size_t len)
{
  int fd;

  if (f->dir[0] == '\0') {
    snprintf(f->dir, sizeof(f->dir), "/tmp/fcgip-test-multipart-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
  }
  snprintf(f->path, sizeof(f->path), "%.60s/%.30s", f->dir, name);
  fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, data, len), len);
  assert_int_equal(close(fd), 0);
}

static void compose_from(fixture *f, uint64_t seed)
{
  fcgip__random random;

  fcgip__random_init(&random, seed);
  fcgip__buffer_deinit(&f->content);
  assert_int_equal(fcgip__multipart_compose(f->multipart, &random, &f->content, &f->boundary),
                   FCGIP_OK);
  assert_int_equal(strlen(f->boundary.text), FCGIP__BOUNDARY_LEN);
}

/* Composes, and compares with `expected`, in which every ~ stands for the boundary. */
static void assert_composed_n(fixture *f, const char *expected, size_t expected_len)
{
  fcgip__buffer text;
  size_t i;

  compose_from(f, 1);
  fcgip__buffer_init(&text, &f->mem, SIZE_MAX);
  for (i = 0; i < expected_len; i++)
    assert_int_equal(expected[i] == '~' ? fcgip__buffer_add_text(&text, f->boundary.text)
                                        : fcgip__buffer_add_byte(&text, (uint8_t)expected[i]),
                     FCGIP_OK);
  assert_int_equal(f->content.len, text.len);
  assert_memory_equal(f->content.data, text.data, text.len + 1);
  fcgip__buffer_deinit(&text);
}

static void assert_composed(fixture *f, const char *expected)
{
  assert_composed_n(f, expected, strlen(expected));
}

/* ---- Fields ---- */

static void is_a_closing_boundary_when_empty(void **state)
{
  assert_composed(*state, "--~--\r\n");
}

static void writes_fields_in_their_order(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_multipart_add(f->multipart, "b", "2"), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add(f->multipart, "a[x][]", ""), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add(f->multipart, "b", "two\nlines\r\n"), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add(f->multipart, "", "no name"), FCGIP_OK);
  assert_composed(f, "--~\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2\r\n"
                     "--~\r\nContent-Disposition: form-data; name=\"a[x][]\"\r\n\r\n\r\n"
                     "--~\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\ntwo\nlines\r\n\r\n"
                     "--~\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nno name\r\n"
                     "--~--\r\n");
}

static void takes_any_bytes_as_a_value(void **state)
{
  fixture *f = *state;
  static const char before[] = "Content-Disposition: form-data; name=\"all\"\r\n\r\n";
  uint8_t all[256];
  const uint8_t *at;
  int i;

  for (i = 0; i < 256; i++)
    all[i] = (uint8_t)i;
  assert_int_equal(fcgip_multipart_add_n(f->multipart, "all", all, sizeof(all)), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add_n(f->multipart, "none", NULL, 0), FCGIP_OK);
  compose_from(f, 1);
  at = f->content.data + 2 + FCGIP__BOUNDARY_LEN + 2;
  assert_memory_equal(at, before, sizeof(before) - 1);
  at += sizeof(before) - 1;
  assert_memory_equal(at, all, sizeof(all));
  assert_memory_equal(at + sizeof(all), "\r\n--", 4);
}

static void escapes_names_as_browsers_do(void **state)
{
  /* WHATWG HTML, "multipart/form-data encoding algorithm". */
  static const struct {
    const char *name;
    const char *escaped;
  } cases[] = {
      {"a\"b", "a%22b"},
      {"a\nb", "a%0D%0Ab"},
      {"a\rb", "a%0D%0Ab"},
      {"a\r\nb", "a%0D%0Ab"},
      {"\n\r", "%0D%0A%0D%0A"},
      {"\r\r\n\n", "%0D%0A%0D%0A%0D%0A"},
      {"\r", "%0D%0A"},
      {"a%22b%0Dc", "a%22b%0Dc"}, /* the percent sign itself is not escaped */
      {"a\\b'c;d=e", "a\\b'c;d=e"},
      {"\t \x01\x7f", "\t \x01\x7f"},
      {"gr\xc3\xbc\xc3\x9f \xff", "gr\xc3\xbc\xc3\x9f \xff"},
  };
  fixture *f = *state;
  char expected[256];
  size_t i;

  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    assert_int_equal(fcgip_multipart_add(f->multipart, cases[i].name, "v"), FCGIP_OK);
    snprintf(expected, sizeof(expected),
             "--~\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\nv\r\n--~--\r\n",
             cases[i].escaped);
    assert_composed(f, expected);
    fcgip_multipart_free(f->multipart);
    assert_int_equal(fcgip_multipart_new_with_allocator(&f->multipart, &f->memory.hook), FCGIP_OK);
  }
}

static void no_byte_of_a_name_leaves_its_quotes(void **state)
{
  fixture *f = *state;
  char name[256], longest[5001];
  int i;

  for (i = 1; i < 256; i++)
    name[i - 1] = (char)i;
  name[255] = '\0';
  memset(longest, '\n', sizeof(longest) - 1);
  longest[sizeof(longest) - 1] = '\0';
  assert_int_equal(fcgip_multipart_add(f->multipart, name, ""), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add_data(f->multipart, longest, "", 0, name, name + 13),
                   FCGIP_OK);
  compose_from(f, 1);

  /* Three lines, the blank one and the empty body for each part, and the closing boundary. */
  for (i = 0; f->content.len > 0; f->content.len--)
    i += f->content.data[f->content.len - 1] == '\n';
  assert_int_equal(i, 4 + 5 + 1);
}

/* ---- Files ---- */

static void reads_a_file(void **state)
{
  static const char data[] = "GIF\0\r\n--\0\xff";
  fixture *f = *state;
  char expected[256];
  int len;

  write_file(f, "Photo 1.GIF", data, sizeof(data));
  assert_int_equal(fcgip_multipart_add_file(f->multipart, "photo", f->path, NULL, NULL), FCGIP_OK);
  len =
      snprintf(expected, sizeof(expected),
               "--~\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"Photo 1.GIF\"\r\n"
               "Content-Type: image/gif\r\n\r\n");
  memcpy(expected + len, data, sizeof(data));
  memcpy(expected + (size_t)len + sizeof(data), "\r\n--~--\r\n", 9);
  assert_composed_n(f, expected, (size_t)len + sizeof(data) + 9);
}

static void reads_a_file_at_once(void **state)
{
  fixture *f = *state;

  write_file(f, "a", "then", 4);
  assert_int_equal(fcgip_multipart_add_file(f->multipart, "f", f->path, NULL, NULL), FCGIP_OK);
  write_file(f, "a", "now", 3);
  assert_composed(f, "--~\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n"
                     "Content-Type: application/octet-stream\r\n\r\nthen\r\n--~--\r\n");
}

static void tells_the_file_name_and_type_that_are_given(void **state)
{
  fixture *f = *state;

  write_file(f, "a.gif", "", 0);
  assert_int_equal(fcgip_multipart_add_file(f->multipart, "f", f->path, "dir/b.png", NULL),
                   FCGIP_OK);
  assert_int_equal(fcgip_multipart_add_file(f->multipart, "f", f->path, NULL, "x/y; z=\"1\""),
                   FCGIP_OK);
  assert_int_equal(fcgip_multipart_add_file(f->multipart, "f", f->path, "none", ""), FCGIP_OK);
  assert_composed(f, "--~\r\nContent-Disposition: form-data; name=\"f\"; filename=\"dir/b.png\"\r\n"
                     "Content-Type: image/png\r\n\r\n\r\n"
                     "--~\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.gif\"\r\n"
                     "Content-Type: x/y; z=\"1\"\r\n\r\n\r\n"
                     "--~\r\nContent-Disposition: form-data; name=\"f\"; filename=\"none\"\r\n"
                     "Content-Type: application/octet-stream\r\n\r\n\r\n"
                     "--~--\r\n");
}

static void takes_the_last_part_of_the_path_as_name(void **state)
{
  assert_int_equal(chdir("/dev"), 0);
  assert_int_equal(
      fcgip_multipart_add_file(((fixture *)*state)->multipart, "f", "null", NULL, NULL), FCGIP_OK);
  assert_composed(*state, "--~\r\nContent-Disposition: form-data; name=\"f\"; filename=\"null\"\r\n"
                          "Content-Type: application/octet-stream\r\n\r\n\r\n--~--\r\n");
}

static void takes_bytes_for_a_file(void **state)
{
  static const char expected[] =
      "--~\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n"
      "Content-Type: text/plain\r\n\r\na\0b\r\n"
      "--~\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n"
      "Content-Type: image/png\r\n\r\n\r\n--~--\r\n";
  fixture *f = *state;

  assert_int_equal(fcgip_multipart_add_data(f->multipart, "f", "a\0b", 3, "a.txt", NULL), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add_data(f->multipart, "f", NULL, 0, "", "image/png"), FCGIP_OK);
  assert_composed_n(f, expected, sizeof(expected) - 1);
}

static void escapes_file_names_without_changing_line_breaks(void **state)
{
  fixture *f = *state;

  assert_int_equal(
      fcgip_multipart_add_data(f->multipart, "a\nb\"", "", 0, "\"x\"\r-\n-\r\n.pn\rg\\%", "t"),
      FCGIP_OK);
  assert_composed(f, "--~\r\nContent-Disposition: form-data; name=\"a%0D%0Ab%22\"; "
                     "filename=\"%22x%22%0D-%0A-%0D%0A.pn%0Dg\\%\"\r\n"
                     "Content-Type: t\r\n\r\n\r\n--~--\r\n");
}

static void needs_a_file_that_can_be_read(void **state)
{
  fixture *f = *state;

  write_file(f, "a", "", 0);
  assert_int_equal(fcgip_multipart_add_file(f->multipart, "f", f->dir, "a.txt", NULL), FCGIP_EFILE);
  assert_int_equal(unlink(f->path), 0);
  assert_int_equal(fcgip_multipart_add_file(f->multipart, "f", f->path, NULL, NULL), FCGIP_EFILE);
  assert_int_equal(fcgip_multipart_add_file(f->multipart, "f", "", NULL, NULL), FCGIP_EFILE);
  assert_composed(f, "--~--\r\n");
}

/* ---- Boundaries ---- */

static void draws_another_boundary_each_time(void **state)
{
  fixture *f = *state;
  char first[FCGIP__BOUNDARY_LEN + 1];

  compose_from(f, 1);
  memcpy(first, f->boundary.text, sizeof(first));
  assert_memory_equal(first, "fcgiproxy-", 10);
  assert_int_equal(
      strspn(first + 10, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"), 24);
  compose_from(f, 2);
  assert_string_not_equal(first, f->boundary.text);
  compose_from(f, 1);
  assert_string_equal(first, f->boundary.text);
}

/* Puts the boundaries that come next from seed 1 where the caller says, and sees that none is used. */
static size_t collide(fixture *f, int (*add)(fixture *f, const char *boundary))
{
  char seen[4][FCGIP__BOUNDARY_LEN + 1];
  size_t i, j;

  for (i = 0; i < 4; i++) {
    compose_from(f, 1);
    memcpy(seen[i], f->boundary.text, sizeof(seen[i]));
    for (j = 0; j < i; j++)
      if (strcmp(seen[i], seen[j]) == 0)
        return j;
    assert_int_equal(add(f, seen[i]), FCGIP_OK);
  }
  return i;
}

static int add_in_value(fixture *f, const char *boundary)
{
  char value[128];

  snprintf(value, sizeof(value), "text\r\n--%.34s--\r\ntext", boundary);
  return fcgip_multipart_add(f->multipart, "a", value);
}

static int add_as_value(fixture *f, const char *boundary)
{
  return fcgip_multipart_add(f->multipart, "a", boundary);
}

static int add_in_name(fixture *f, const char *boundary)
{
  return fcgip_multipart_add(f->multipart, boundary, "v");
}

static int add_in_type(fixture *f, const char *boundary)
{
  return fcgip_multipart_add_data(f->multipart, "a", NULL, 0, "f", boundary);
}

static int add_in_file(fixture *f, const char *boundary)
{
  char data[256] = {0};

  /* After NULs, and after most of a boundary that runs into the whole one. */
  memcpy(data + 50, boundary, 20);
  memcpy(data + 70, boundary, FCGIP__BOUNDARY_LEN);
  write_file(f, "f", data, 70 + FCGIP__BOUNDARY_LEN);
  return fcgip_multipart_add_file(f->multipart, "f", f->path, NULL, NULL);
}

static int add_one_byte_short(fixture *f, const char *boundary)
{
  return fcgip_multipart_add_n(f->multipart, "a", boundary, FCGIP__BOUNDARY_LEN - 1);
}

static int add_one_byte_off(fixture *f, const char *boundary)
{
  char off[FCGIP__BOUNDARY_LEN + 1];

  memcpy(off, boundary, sizeof(off));
  off[FCGIP__BOUNDARY_LEN - 1] ^= 1;
  return fcgip_multipart_add(f->multipart, "a", off);
}

static void takes_no_boundary_that_is_in_a_part(void **state)
{
  assert_int_equal(collide(*state, add_in_value), 4);
}

static void takes_no_boundary_that_is_a_value(void **state)
{
  assert_int_equal(collide(*state, add_as_value), 4);
}

static void takes_no_boundary_that_is_in_a_header(void **state)
{
  assert_int_equal(collide(*state, add_in_name), 4);
  assert_int_equal(collide(*state, add_in_type), 4);
}

static void takes_no_boundary_that_is_in_a_file(void **state)
{
  assert_int_equal(collide(*state, add_in_file), 4);
}

static void takes_a_boundary_that_is_nearly_in_a_part(void **state)
{
  assert_int_equal(collide(*state, add_one_byte_short), 0);
  assert_int_equal(collide(*state, add_one_byte_off), 0);
}

/* ---- Arguments and memory ---- */

static void refuses_null(void **state)
{
  fixture *f = *state;
  fcgip_multipart *m = f->multipart;

  assert_int_equal(fcgip_multipart_new(NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_new_with_allocator(NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add(NULL, "a", "b"), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add(m, NULL, "b"), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add(m, "a", NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_n(NULL, "a", "b", 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_n(m, NULL, "b", 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_n(m, "a", NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_file(NULL, "a", "/dev/null", NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_file(m, NULL, "/dev/null", NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_file(m, "a", NULL, "f", "t"), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_data(NULL, "a", "b", 1, "f", "t"), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_data(m, NULL, "b", 1, "f", "t"), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_data(m, "a", NULL, 1, "f", "t"), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_data(m, "a", "b", 1, NULL, "t"), FCGIP_EINVAL);
  assert_composed(f, "--~--\r\n");
  fcgip_multipart_free(NULL);
}

static void refuses_line_breaks_in_a_type(void **state)
{
  static const char *const types[] = {"a\rb", "a\nb", "\r\nX: y", "a\n"};
  fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
    assert_int_equal(fcgip_multipart_add_data(f->multipart, "a", "", 0, "f", types[i]),
                     FCGIP_EINVAL);
    assert_int_equal(fcgip_multipart_add_file(f->multipart, "a", "/dev/null", "f", types[i]),
                     FCGIP_EINVAL);
  }
  assert_composed(f, "--~--\r\n");
}

static void refuses_lengths_that_cannot_be(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_multipart_add_n(f->multipart, "a", "b", SIZE_MAX), FCGIP_ENOMEM);
  assert_int_equal(fcgip_multipart_add_data(f->multipart, "a", "b", SIZE_MAX, "f", NULL),
                   FCGIP_ENOMEM);
  assert_composed(f, "--~--\r\n");
}

static void refuses_an_allocator_that_is_not_whole(void **state)
{
  fixture *f = *state;
  fcgip_multipart *multipart = f->multipart;
  fcgip_allocator wrong = f->memory.hook;

  wrong.struct_size = 4;
  assert_int_equal(fcgip_multipart_new_with_allocator(&multipart, &wrong), FCGIP_EINVAL);
  assert_null(multipart);
}

static int fill(fixture *f)
{
  static const char many[2000];
  char name[32];
  int i, rc = fcgip_multipart_new_with_allocator(&f->multipart, &f->memory.hook);

  for (i = 0; i < 20 && rc == FCGIP_OK; i++) {
    snprintf(name, sizeof(name), "name%d", i);
    rc = fcgip_multipart_add(f->multipart, name, "value");
  }
  if (rc == FCGIP_OK)
    rc = fcgip_multipart_add_data(f->multipart, "data", many, sizeof(many), "a.bin", NULL);
  if (rc == FCGIP_OK)
    rc = fcgip_multipart_add_file(f->multipart, "file", f->path, NULL, NULL);
  return rc;
}

static void survives_each_allocation_failing(void **state)
{
  static const char many[3000];
  fixture *f = *state;
  fcgip__random random;
  size_t n, live;
  int mode, rc;

  write_file(f, "f", many, sizeof(many));
  fcgip_multipart_free(f->multipart);
  fcgip__random_init(&random, 1);
  for (mode = FAIL_ONCE; mode <= FAIL_FROM_THEN_ON; mode++) {
    for (n = 1;; n++) {
      failing_allocator_fail_at(&f->memory, n, (enum failing_allocator_mode)mode);
      rc = fill(f);
      live = f->memory.live_blocks;
      if (rc == FCGIP_OK)
        rc = fcgip__multipart_compose(f->multipart, &random, &f->content, &f->boundary);
      if (f->memory.failures == 0)
        break;
      assert_int_equal(rc, FCGIP_ENOMEM);
      assert_int_equal(f->memory.live_blocks, live);

      /* It is as it was before the call that failed, and works. */
      failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
      if (f->multipart != NULL)
        compose_from(f, 1);
      fcgip__buffer_deinit(&f->content);
      fcgip_multipart_free(f->multipart);
      assert_int_equal(f->memory.live_blocks, 0);
    }
    assert_int_equal(rc, FCGIP_OK);
    assert_true(n > 25);
    fcgip__buffer_deinit(&f->content);
    fcgip_multipart_free(f->multipart);
    f->multipart = NULL;
  }
}

static void composes_in_one_block_of_the_right_size(void **state)
{
  static const char many[100000];
  fixture *f = *state;
  int i;

  for (i = 0; i < 10; i++)
    assert_int_equal(fcgip_multipart_add_n(f->multipart, "a", many, sizeof(many)), FCGIP_OK);
  failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
  compose_from(f, 1);
  assert_int_equal(f->memory.total_calls, 1);
  assert_int_equal(f->content.cap, f->content.len + 1);
}

static void keeps_to_the_limit_of_the_buffer(void **state)
{
  fixture *f = *state;
  fcgip__random random;

  fcgip__random_init(&random, 1);
  fcgip__buffer_init(&f->content, &f->mem, 10);
  assert_int_equal(fcgip__multipart_compose(f->multipart, &random, &f->content, &f->boundary),
                   FCGIP_ETOOLARGE);
  assert_int_equal(f->content.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(is_a_closing_boundary_when_empty),
      TEST(writes_fields_in_their_order),
      TEST(takes_any_bytes_as_a_value),
      TEST(escapes_names_as_browsers_do),
      TEST(no_byte_of_a_name_leaves_its_quotes),
      TEST(reads_a_file),
      TEST(reads_a_file_at_once),
      TEST(tells_the_file_name_and_type_that_are_given),
      TEST(takes_the_last_part_of_the_path_as_name),
      TEST(takes_bytes_for_a_file),
      TEST(escapes_file_names_without_changing_line_breaks),
      TEST(needs_a_file_that_can_be_read),
      TEST(draws_another_boundary_each_time),
      TEST(takes_no_boundary_that_is_in_a_part),
      TEST(takes_no_boundary_that_is_a_value),
      TEST(takes_no_boundary_that_is_in_a_header),
      TEST(takes_no_boundary_that_is_in_a_file),
      TEST(takes_a_boundary_that_is_nearly_in_a_part),
      TEST(refuses_null),
      TEST(refuses_line_breaks_in_a_type),
      TEST(refuses_lengths_that_cannot_be),
      TEST(refuses_an_allocator_that_is_not_whole),
      TEST(survives_each_allocation_failing),
      TEST(composes_in_one_block_of_the_right_size),
      TEST(keeps_to_the_limit_of_the_buffer),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
