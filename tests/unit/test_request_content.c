/* Content that a request refers to, and content of unknown length on its way into a request. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "message/request.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip_request *request;
  int releases, fds;
  /* of the source */
  uint64_t has, ready;
  size_t most;
  int result, calls;
} fixture;

static fixture requests;

static int open_fds(void)
{
  DIR *dir = opendir("/proc/self/fd");
  int count = 0;

  while (dir != NULL && readdir(dir) != NULL)
    count++;
  closedir(dir);
  return count;
}

static int setup(void **state)
{
  fixture *f = &requests;

  *state = f;
  memset(f, 0, sizeof(*f));
  f->most = SIZE_MAX;
  f->fds = open_fds();
  failing_allocator_init(&f->memory);
  if (fcgip_request_new_with_allocator(&f->request, "POST", "/x", &f->memory.hook) < 0)
    return -1;
  return fcgip_request_set_content(f->request, "before", 6);
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip_request_free(f->request);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 && open_fds() == f->fds ? 0 : -1;
}

static void release(void *user_data)
{
  fixture *f = user_data;

  f->releases++;
}

static int source(uint64_t offset, void *buffer, size_t cap, size_t *n, void *user_data)
{
  fixture *f = user_data;
  uint8_t *to = buffer;

  f->calls++;
  *n = 0;
  if (f->result < 0)
    return f->result;
  while (*n < cap && *n < f->most && offset + *n < f->ready) {
    to[*n] = (uint8_t)(offset + *n);
    (*n)++;
  }
  return *n == 0 && offset < f->has ? FCGIP_EAGAIN : FCGIP_OK;
}

/* What was set before is there still. */
static void assert_before(const fixture *f)
{
  size_t len;

  assert_memory_equal(fcgip_request_content(f->request, &len), "before", 6);
  assert_int_equal(len, 6);
  assert_int_equal(fcgip_request_content_length(f->request), 6);
}

/* What the content gives, wherever it is, is what the source gave. */
static void assert_content(const fixture *f, uint64_t len)
{
  const fcgip__content *content = f->request->content;
  uint8_t buffer[4096];
  uint64_t at = 0;
  size_t n, i;

  assert_true(fcgip_request_content_length(f->request) == len);
  while (at < len) {
    if (content->data != NULL) {
      n = (size_t)(len - at < sizeof(buffer) ? len - at : sizeof(buffer));
      memcpy(buffer, content->data + at, n);
    } else {
      assert_int_equal(fcgip__content_read(content, at, buffer, sizeof(buffer), &n), FCGIP_OK);
    }
    for (i = 0; i < n; i++)
      assert_int_equal(buffer[i], (uint8_t)(at + i));
    at += n;
  }
}

static void a_source(void **state)
{
  fixture *f = *state;
  size_t len = 7;

  f->has = f->ready = 5;
  assert_int_equal(fcgip_request_set_content_source(f->request, source, 5, f, release), FCGIP_OK);
  assert_int_equal(fcgip_request_content_length(f->request), 5);
  assert_string_equal(fcgip_request_content(f->request, &len), ""); /* it is not in memory */
  assert_int_equal(len, 0);
  assert_int_equal(f->calls, 0);
  assert_content(f, 5);
  assert_int_equal(fcgip_request_set_content(f->request, NULL, 0), FCGIP_OK);
  assert_int_equal(f->releases, 1);
  assert_int_equal(fcgip_request_set_content_source(f->request, source, UINT64_MAX, f, release),
                   FCGIP_EINVAL);
  assert_int_equal(f->releases, 2);
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_int_equal(fcgip_request_set_content_source(f->request, source, 5, f, release),
                   FCGIP_ENOMEM);
  assert_int_equal(f->releases, 3);
}

static void a_part_of_a_file(void **state)
{
  fixture *f = *state;
  FILE *file = tmpfile();
  int i, fd;

  assert_non_null(file);
  for (i = 0; i < 100; i++)
    assert_true(fputc(i - 20, file) != EOF);
  assert_int_equal(fflush(file), 0);
  fd = fileno(file);
  assert_int_equal(fcgip_request_set_content_fd(f->request, fd, 101, 0), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content_fd(f->request, fd, 50, 51), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content_fd(f->request, fd, UINT64_MAX, UINT64_MAX),
                   FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content_fd(f->request, fd, UINT64_MAX - 1, 5), FCGIP_EINVAL);
  assert_before(f);
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_int_equal(fcgip_request_set_content_fd(f->request, fd, 20, 50), FCGIP_ENOMEM);
  assert_before(f);
  assert_int_equal(fcgip_request_set_content_fd(f->request, fd, 20, 50), FCGIP_OK);
  fclose(file); /* it was duplicated */
  assert_content(f, 50);
}

static void the_rest_of_a_file(void **state)
{
  fixture *f = *state;
  FILE *file = tmpfile();
  int fd;

  assert_non_null(file);
  assert_true(fputs("0123456789", file) >= 0);
  assert_int_equal(fflush(file), 0);
  fd = fileno(file);
  assert_int_equal(fcgip_request_set_content_fd(f->request, fd, 3, UINT64_MAX), FCGIP_OK);
  assert_int_equal(fcgip_request_content_length(f->request), 7);
  assert_int_equal(fcgip_request_set_content_fd(f->request, fd, 10, UINT64_MAX), FCGIP_OK);
  assert_int_equal(fcgip_request_content_length(f->request), 0);
  fclose(file);
}

/* ---- of unknown length ---- */

static void spooled_to_memory(void **state)
{
  static const uint64_t lens[] = {0, 1, 16383, 16384, 16385, 100000};
  fixture *f = *state;
  size_t i;

  for (i = 0; i < 6; i++) {
    f->has = f->ready = lens[i];
    f->most = i % 2 ? 1000 : SIZE_MAX;
    assert_int_equal(fcgip_request_spool_content(f->request, source, f, 100000, NULL), FCGIP_OK);
    assert_content(f, lens[i]);
    assert_int_equal(open_fds(), f->fds);
  }
}

static void no_bytes_at_all(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_request_set_content_ref(f->request, NULL, 0, NULL, NULL), FCGIP_OK);
  assert_int_equal(fcgip_request_content_length(f->request), 0);
  assert_int_equal(fcgip_request_set_content_ref(f->request, NULL, 1, NULL, NULL), FCGIP_EINVAL);
}

static int lies(uint64_t offset, void *buffer, size_t cap, size_t *n, void *user_data)
{
  (void)offset;
  (void)buffer;
  (void)user_data;
  *n = cap + 1;
  return FCGIP_OK;
}

/* More than there was room for: nobody knows where it is. */
static void a_source_that_lies(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_request_spool_content(f->request, lies, NULL, 100000, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_content_length(f->request), 6);
}

static void spooled_to_a_file(void **state)
{
  static const size_t limits[] = {0, 1, 1000, 99999};
  fixture *f = *state;
  size_t i;

  f->has = f->ready = 100000;
  for (i = 0; i < 4; i++) {
    assert_int_equal(fcgip_request_spool_content(f->request, source, f, limits[i], "/tmp"),
                     FCGIP_OK);
    assert_content(f, 100000);
    assert_int_equal(open_fds(), f->fds + 1);
  }
}

static void spooled_bit_by_bit(void **state)
{
  fixture *f = *state;

  f->has = 50000;
  for (f->ready = 0; f->ready < 50000; f->ready += 5000) {
    assert_int_equal(fcgip_request_spool_content(f->request, source, f, 20000, "/tmp"),
                     FCGIP_EAGAIN);
    assert_before(f);
  }
  assert_int_equal(fcgip_request_spool_content(f->request, source, f, 20000, "/tmp"), FCGIP_OK);
  assert_content(f, 50000);
}

/* Any other content ends what was begun. */
static void given_up_on_the_way(void **state)
{
  fixture *f = *state;

  f->has = 50000;
  f->ready = 30000;
  assert_int_equal(fcgip_request_spool_content(f->request, source, f, 1000, "/tmp"), FCGIP_EAGAIN);
  assert_int_equal(fcgip_request_set_content(f->request, "before", 6), FCGIP_OK);
  assert_before(f);
  assert_int_equal(open_fds(), f->fds);
  assert_int_equal(fcgip_request_spool_content(f->request, source, f, 1000, "/tmp"), FCGIP_EAGAIN);
  /* ... and so does freeing the request, which teardown sees. */
}

static void spooling_that_fails(void **state)
{
  fixture *f = *state;

  f->has = f->ready = 5000;
  assert_int_equal(fcgip_request_spool_content(f->request, source, f, 4999, NULL), FCGIP_ETOOLARGE);
  assert_before(f);
  assert_int_equal(fcgip_request_spool_content(f->request, source, f, 10, "/nowhere"), FCGIP_EFILE);
  assert_before(f);
  f->result = -1;
  assert_int_equal(fcgip_request_spool_content(f->request, source, f, 10, "/tmp"), FCGIP_ECANCELED);
  assert_before(f);
  f->result = FCGIP_ENOMEM;
  assert_int_equal(fcgip_request_spool_content(f->request, source, f, 10, "/tmp"), FCGIP_ECANCELED);
  assert_before(f);
  assert_int_equal(open_fds(), f->fds);
}

static void spooling_without_memory(void **state)
{
  static const size_t limits[] = {1000000, 10000};
  fixture *f = *state;
  size_t nth, i;

  f->has = f->ready = 60000;
  for (i = 0; i < 2; i++) {
    for (nth = 1;; nth++) {
      size_t live;
      int rc;

      failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
      assert_int_equal(fcgip_request_set_content(f->request, "before", 6), FCGIP_OK);
      live = f->memory.live_blocks;
      failing_allocator_fail_at(&f->memory, nth, FAIL_ONCE);
      rc = fcgip_request_spool_content(f->request, source, f, limits[i], "/tmp");
      if (f->memory.failures == 0) {
        assert_int_equal(rc, FCGIP_OK);
        break;
      }
      assert_int_equal(rc, FCGIP_ENOMEM);
      assert_before(f);
      assert_int_equal(f->memory.live_blocks, live);
      assert_int_equal(open_fds(), f->fds);
    }
    assert_true(nth > 2);
    assert_content(f, 60000);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_source),
      TEST(a_part_of_a_file),
      TEST(the_rest_of_a_file),
      TEST(spooled_to_memory),
      TEST(a_source_that_lies),
      TEST(no_bytes_at_all),
      TEST(spooled_to_a_file),
      TEST(spooled_bit_by_bit),
      TEST(given_up_on_the_way),
      TEST(spooling_that_fails),
      TEST(spooling_without_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
