/* The short way to read a header block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "message/headers.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip__headers headers;
} fixture;

static fixture blocks;

static int setup(void **state)
{
  fixture *f = &blocks;

  *state = f;
  failing_allocator_init(&f->memory);
  fcgip__headers_init(&f->headers);
  return fcgip__mem_import(&f->mem, &f->memory.hook);
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip__headers_deinit(&f->headers, &f->mem);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static size_t search(const char *text, size_t len)
{
  fcgip__header_search scan = {0, 0};
  size_t found = 0;

  assert_int_equal(fcgip__headers_search(&scan, (const uint8_t *)text, len, &found), 1);
  return found;
}

static const char *value(fixture *f, const char *name)
{
  const fcgip__header *header = fcgip__headers_find(&f->headers, name, NULL);

  return header != NULL ? header->value : NULL;
}

/* The short way, with and without a memo: 1 if it was taken, with f->headers as the long way makes them. */
static int read_plainly(fixture *f, const char *text, size_t max)
{
  static fcgip__headers_memo memo; /* as one server's answers follow each other */
  size_t len = strlen(text), found = 0, times;
  int first = 0;

  for (times = 0; times < 3; times++) {
    uint8_t *copy = malloc(len > 0 ? len : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, text, len);
    fcgip__headers_deinit(&f->headers, &f->mem);
    rc = times == 0 ? fcgip__headers_read_plain(&f->headers, copy, len, max, &found)
                    : fcgip__headers_recall(&f->headers, &memo, copy, len, max, &found);
    memset(copy, 0xa5, len > 0 ? len : 1);
    free(copy);
    if (times == 0)
      first = rc;
    assert_int_equal(rc, first);
    assert_null(f->headers.block);
    if (rc == 0)
      assert_int_equal(f->headers.count, 0);
    else
      assert_int_equal(found, search(text, len));
  }
  return first;
}

static void plain_blocks_are_read_at_once(void **state)
{
  fixture *f = *state;

  assert_int_equal(read_plainly(f, "A: b\r\n\r\nbody", 256), 1);
  assert_int_equal(f->headers.count, 1);
  assert_int_equal(f->headers.status, 200);
  assert_string_equal(value(f, "a"), "b");
  assert_int_equal(
      read_plainly(f, "Status: 404 Not Found\nContent-Length:\t7 \nLOCATION:\n\nbody", 3), 1);
  assert_int_equal(f->headers.count, 3);
  assert_int_equal(f->headers.status, 404);
  assert_string_equal(f->headers.status_text, "Not Found");
  assert_true(f->headers.has_content_length && f->headers.content_length == 7);
  assert_string_equal(value(f, "location"), "");
  assert_string_equal(f->headers.items[0].line, "404 Not Found");
  assert_int_equal(read_plainly(f, "Location: /x\r\n\r\n", 256), 1);
  assert_int_equal(f->headers.status, 302);
  assert_string_equal(f->headers.status_text, "");
}

static void others_are_left_to_the_long_way(void **state)
{
  static const char *const texts[] = {"",
                                      "\r\n",
                                      "\n",
                                      "A: b",
                                      "A: b\r\n",
                                      "A: b\r\n\r",
                                      "A\r\n\r\n",
                                      ": b\r\n\r\n",
                                      "A : b\r\n\r\n",
                                      " A: b\r\n\r\n",
                                      "A: b\r\n c\r\n\r\n",
                                      "A: b\rc\r\n\r\n",
                                      "A: b\r\nA: c\r\n\r\n",
                                      "A: b\r\na: b\r\n\r\n",
                                      "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n",
                                      "Status: 99\r\n\r\n",
                                      "Content-Length: x\r\n\r\n",
                                      "A: b\r\nB: c\r\nC: d\r\nD: e\r\n\r\n"};
  fixture *f = *state;
  char block[2000] = "";
  size_t i;

  for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    assert_int_equal(read_plainly(f, texts[i], 3), 0);
  /* More than there is room for: as soon as that is so. */
  for (i = 0; i < 20; i++)
    snprintf(block + strlen(block), sizeof(block) - strlen(block), "N%u: v\r\n", (unsigned)i);
  strcat(block, "\r\n");
  assert_int_equal(read_plainly(f, block, 256), 0);
  memset(block, 'v', 500);
  memcpy(block, "A: ", 3);
  memcpy(block + 500, "\r\n\r\n", 5);
  assert_int_equal(read_plainly(f, block, 256), 0);
  memcpy(block + 300, "\r\n\r\n", 5);
  assert_int_equal(read_plainly(f, block, 256), 1);
}

/* NUL is nothing that a text can show. */
static void a_nul_is_left_to_the_long_way(void **state)
{
  static const char text[] = "A: b\0c\r\n\r\n";
  fixture *f = *state;
  size_t found;

  assert_int_equal(
      fcgip__headers_read_plain(&f->headers, (const uint8_t *)text, sizeof(text) - 1, 256, &found),
      0);
  assert_int_equal(f->headers.count, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(plain_blocks_are_read_at_once),
      TEST(others_are_left_to_the_long_way),
      TEST(a_nul_is_left_to_the_long_way),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
