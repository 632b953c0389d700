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
#include "message/shared.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  int releases;
  /* of a source */
  uint64_t has, asked_at;
  size_t most;
  int result;
} fixture;

static fixture shared;

static int setup(void **state)
{
  fixture *f = &shared;

  *state = f;
  memset(f, 0, sizeof(*f));
  f->most = SIZE_MAX;
  failing_allocator_init(&f->memory);
  return fcgip__mem_import(&f->mem, &f->memory.hook);
}

static int teardown(void **state)
{
  fixture *f = *state;

  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static void release(void *user_data)
{
  fixture *f = user_data;

  f->releases++;
}

static void adopted_content(void **state)
{
  fixture *f = *state;
  uint8_t *block = fcgip__mem_alloc(&f->mem, 5);
  fcgip__content *content;

  memcpy(block, "bytes", 5);
  content = fcgip__content_adopt(&f->mem, block, 5);
  assert_non_null(content);
  assert_int_equal(content->len, 5);
  assert_ptr_equal(content->data, block);
  fcgip__refs_take(&content->refs);
  fcgip__content_drop(content);
  assert_memory_equal(content->data, "bytes", 5);
  fcgip__content_drop(content);
  fcgip__content_drop(NULL);
  /* Taken over also on failure. */
  block = fcgip__mem_alloc(&f->mem, 5);
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_null(fcgip__content_adopt(&f->mem, block, 5));
  assert_int_equal(f->memory.live_blocks, 0);
}

static void referred_content(void **state)
{
  static const char bytes[] = "the caller's";
  fixture *f = *state;
  fcgip__content *content = fcgip__content_refer(&f->mem, bytes, 12, release, f);

  assert_non_null(content);
  assert_ptr_equal(content->data, bytes);
  fcgip__refs_take(&content->refs);
  fcgip__content_drop(content);
  assert_int_equal(f->releases, 0);
  fcgip__content_drop(content);
  assert_int_equal(f->releases, 1);
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_null(fcgip__content_refer(&f->mem, bytes, 12, release, f));
  assert_int_equal(f->releases, 2);
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_null(fcgip__content_refer(&f->mem, bytes, 12, NULL, f));
  content = fcgip__content_refer(&f->mem, bytes, 12, NULL, f);
  fcgip__content_drop(content);
  assert_int_equal(f->releases, 2);
}

/* ---- files ---- */

static int temporary_file(const char *text)
{
  FILE *file = tmpfile();
  int fd;

  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fflush(file), 0);
  fd = dup(fileno(file));
  fclose(file);
  assert_true(fd >= 0);
  return fd;
}

static void content_of_a_file(void **state)
{
  fixture *f = *state;
  int fd = temporary_file("0123456789");
  fcgip__content *content = fcgip__content_file(&f->mem, fd, 2, 6);
  uint8_t buffer[16];
  size_t n;

  assert_non_null(content);
  assert_null(content->data);
  assert_int_equal(content->len, 6);
  assert_int_equal(fcgip__content_read(content, 0, buffer, 16, &n), FCGIP_OK);
  assert_int_equal(n, 6); /* not beyond its end */
  assert_memory_equal(buffer, "234567", 6);
  assert_int_equal(fcgip__content_read(content, 4, buffer, 1, &n), FCGIP_OK);
  assert_int_equal(n, 1);
  assert_int_equal(buffer[0], '6');
  fcgip__content_drop(content);
  assert_int_equal(fcntl(fd, F_GETFD), -1); /* ours to close */

  fd = temporary_file("x");
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_null(fcgip__content_file(&f->mem, fd, 0, 1));
  assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void a_file_that_shrank(void **state)
{
  fixture *f = *state;
  int fd = temporary_file("0123456789");
  fcgip__content *content = fcgip__content_file(&f->mem, fd, 0, 10);
  uint8_t buffer[16];
  size_t n;

  assert_int_equal(ftruncate(fd, 4), 0);
  assert_int_equal(fcgip__content_read(content, 0, buffer, 16, &n), FCGIP_OK);
  assert_int_equal(n, 4);
  assert_int_equal(fcgip__content_read(content, 4, buffer, 16, &n), FCGIP_EFILE);
  assert_int_equal(n, 0);
  fcgip__content_drop(content);
}

/* ---- sources ---- */

/* Has `has` bytes, each its offset; gives at most `most` at once. */
static int source(uint64_t offset, void *buffer, size_t cap, size_t *n, void *user_data)
{
  fixture *f = user_data;
  uint8_t *to = buffer;

  f->asked_at = offset;
  *n = 0;
  if (f->result < 0)
    return f->result;
  while (*n < cap && *n < f->most && offset + *n < f->has) {
    to[*n] = (uint8_t)(offset + *n);
    (*n)++;
  }
  return FCGIP_OK;
}

static void content_of_a_source(void **state)
{
  fixture *f = *state;
  fcgip__content *content = fcgip__content_source(&f->mem, source, 100, release, f);
  uint8_t buffer[200];
  size_t n;

  f->has = 100;
  assert_non_null(content);
  assert_null(content->data);
  assert_int_equal(content->len, 100);
  assert_int_equal(fcgip__content_read(content, 0, buffer, 30, &n), FCGIP_OK);
  assert_int_equal(n, 30);
  f->most = 7;
  assert_int_equal(fcgip__content_read(content, 30, buffer, 200, &n), FCGIP_OK);
  assert_int_equal(n, 7);
  assert_int_equal(buffer[6], 36);
  f->most = SIZE_MAX;
  assert_int_equal(fcgip__content_read(content, 37, buffer, 200, &n), FCGIP_OK);
  assert_int_equal(n, 63);
  assert_int_equal(buffer[62], 99);
  assert_int_equal(fcgip__content_check_end(content), FCGIP_OK);
  assert_int_equal(f->asked_at, 100); /* whether there is more */
  fcgip__content_drop(content);
  assert_int_equal(f->releases, 1);
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_null(fcgip__content_source(&f->mem, source, 100, release, f));
  assert_int_equal(f->releases, 2);
}

/* ENC-14, ENC-15 */
static void sources_that_disagree_with_their_length(void **state)
{
  fixture *f = *state;
  fcgip__content *content = fcgip__content_source(&f->mem, source, 100, NULL, f);
  uint8_t buffer[200];
  size_t n;

  f->has = 99;
  assert_int_equal(fcgip__content_read(content, 0, buffer, 200, &n), FCGIP_OK);
  assert_int_equal(fcgip__content_read(content, 99, buffer, 200, &n), FCGIP_EINVAL);
  f->has = 101;
  assert_int_equal(fcgip__content_read(content, 0, buffer, 99, &n), FCGIP_OK);
  assert_int_equal(fcgip__content_read(content, 99, buffer, 200, &n), FCGIP_OK);
  assert_int_equal(fcgip__content_check_end(content), FCGIP_EINVAL);
  fcgip__content_drop(content);
}

static int liar(uint64_t offset, void *buffer, size_t cap, size_t *n, void *user_data)
{
  (void)offset, (void)buffer, (void)user_data;
  *n = cap + 1;
  return FCGIP_OK;
}

static void sources_that_fail(void **state)
{
  static const int results[] = {FCGIP_EAGAIN, FCGIP_ENOMEM, -1, FCGIP_EINVAL};
  fixture *f = *state;
  fcgip__content *content = fcgip__content_source(&f->mem, source, 100, NULL, f);
  uint8_t buffer[200];
  size_t n, i;

  for (i = 0; i < 4; i++) {
    f->result = results[i];
    assert_int_equal(fcgip__content_read(content, 0, buffer, 10, &n),
                     i == 0 ? FCGIP_EAGAIN : FCGIP_ECANCELED);
    assert_int_equal(n, 0);
  }
  fcgip__content_drop(content);
  content = fcgip__content_source(&f->mem, liar, 100, NULL, f);
  assert_int_equal(fcgip__content_read(content, 0, buffer, 10, &n), FCGIP_EINVAL);
  fcgip__content_drop(content);
}

/* ---- callbacks ---- */

static void callbacks(void **state)
{
  fixture *f = *state;
  fcgip__callback *callback = fcgip__callback_new(&f->mem, FCGIP__CALLBACK_FAILURE, release, f);

  assert_non_null(callback);
  assert_int_equal(callback->kind, FCGIP__CALLBACK_FAILURE);
  fcgip__refs_take(&callback->refs);
  fcgip__callback_drop(callback);
  assert_int_equal(f->releases, 0);
  fcgip__callback_drop(callback);
  assert_int_equal(f->releases, 1);
  fcgip__callback_drop(NULL);
  callback = fcgip__callback_new(&f->mem, FCGIP__CALLBACK_RESPONSE, NULL, f);
  fcgip__callback_drop(callback);
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_null(fcgip__callback_new(&f->mem, FCGIP__CALLBACK_RESPONSE, release, f));
  assert_int_equal(f->releases, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(adopted_content),     TEST(referred_content),
      TEST(content_of_a_file),   TEST(a_file_that_shrank),
      TEST(content_of_a_source), TEST(sources_that_disagree_with_their_length),
      TEST(sources_that_fail),   TEST(callbacks),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
