/* Header blocks that are read at once, and those that come again: whatever is remembered, the result is that of the
 * usual way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "message/headers.h"
#include "support/failing_allocator.h"

#define BLOCK "Status: 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n"

static failing_allocator memory;
static fcgip__mem mem;

static int setup(void **state)
{
  (void)state;
  failing_allocator_init(&memory);
  return fcgip__mem_import(&mem, &memory.hook);
}

static int teardown(void **state)
{
  (void)state;
  return memory.total_calls == 0 ? 0 : -1; /* none of this needs any */
}

/* From memory of its own, which is gone when it returns: nothing may point to it. */
static int recall(fcgip__headers *headers, fcgip__headers_memo *memo, const char *text, size_t max,
                  size_t *block_len)
{
  size_t len = strlen(text);
  uint8_t *data = malloc(len + 1);
  int rc;

  assert_non_null(data);
  memcpy(data, text, len);
  fcgip__headers_init(headers);
  *block_len = 0;
  rc = fcgip__headers_recall(headers, memo, data, len, max, block_len);
  memset(data, 0xee, len);
  free(data);
  return rc;
}

static void assert_value(const fcgip__headers *headers, const char *name, const char *value)
{
  const fcgip__header *header = fcgip__headers_find(headers, name, NULL);

  assert_non_null(header);
  assert_int_equal(header->value_len, strlen(value));
  assert_memory_equal(header->value, value, header->value_len);
  assert_null(fcgip__headers_find(headers, name, header));
}

static void assert_is_the_block(const fcgip__headers *headers)
{
  assert_int_equal(headers->count, 3);
  assert_int_equal(headers->status, 404);
  assert_string_equal(headers->status_text, "Not Found");
  assert_true(headers->has_content_length && headers->content_length == 4);
  assert_value(headers, "status", "404 Not Found");
  assert_value(headers, "CONTENT-TYPE", "text/plain");
  assert_value(headers, "Content-Length", "4");
}

static void a_block_that_comes_again(void **state)
{
  fcgip__headers_memo memo = {0};
  fcgip__headers headers;
  size_t len, i;

  (void)state;
  for (i = 0; i < 3; i++) {
    assert_int_equal(recall(&headers, &memo, BLOCK "BODY", 10, &len), 1);
    assert_int_equal(len, sizeof(BLOCK) - 1);
    assert_int_equal(memo.block_len, len);
    assert_is_the_block(&headers);
    fcgip__headers_deinit(&headers, &mem);
  }
}

/* One that has more headers than are allowed is not remembered either. */
static void a_block_of_more_than_max(void **state)
{
  fcgip__headers_memo memo = {0};
  fcgip__headers headers;
  size_t len;

  (void)state;
  assert_int_equal(recall(&headers, &memo, BLOCK, 3, &len), 1);
  assert_int_equal(recall(&headers, &memo, BLOCK, 2, &len), 0);
  assert_int_equal(headers.count, 0);
  assert_int_equal(recall(&headers, &memo, BLOCK, 3, &len), 1);
  assert_is_the_block(&headers);
}

/* Another of the same length, a longer one with the same beginning, a shorter one: each is what it is. */
static void blocks_that_are_much_alike(void **state)
{
  static const char *const others[] = {
      "Status: 403 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n",
      "Status: 403 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nX: y\r\n\r\n",
      "Status: 403 Not Found\r\n\r\n"};
  static const size_t counts[] = {3, 4, 1};
  fcgip__headers_memo memo = {0};
  fcgip__headers headers;
  size_t len, i;

  (void)state;
  for (i = 0; i < 3; i++) {
    assert_int_equal(recall(&headers, &memo, BLOCK, 10, &len), 1);
    assert_is_the_block(&headers);
    assert_int_equal(recall(&headers, &memo, others[i], 10, &len), 1);
    assert_int_equal(headers.status, 403);
    assert_int_equal(headers.count, counts[i]);
    assert_int_equal(headers.has_content_length, i < 2);
    assert_int_equal(len, strlen(others[i]));
  }
}

/* The copy does not change with the memo, nor the memo with the copy. */
static void copies_are_their_own(void **state)
{
  fcgip__headers_memo memo = {0};
  fcgip__headers first, second;
  size_t len;

  (void)state;
  assert_int_equal(recall(&first, &memo, BLOCK, 10, &len), 1);
  assert_int_equal(recall(&second, &memo, BLOCK, 10, &len), 1);
  memset(&memo, 0xee, sizeof(memo));
  assert_is_the_block(&first);
  memset(&first, 0xee, sizeof(first));
  assert_is_the_block(&second);
}

/* Too long to be remembered, not to be read. */
static void a_long_block(void **state)
{
  fcgip__headers_memo memo = {0};
  fcgip__headers headers;
  char text[FCGIP__MEMO_LEN + 60] = "X: ";
  size_t len, i;

  (void)state;
  memset(text + 3, 'y', FCGIP__MEMO_LEN);
  strcpy(text + 3 + FCGIP__MEMO_LEN, "\r\n\r\n");
  for (i = 0; i < 2; i++) {
    assert_int_equal(recall(&headers, &memo, text, 10, &len), 1);
    assert_int_equal(len, strlen(text));
    assert_int_equal(memo.block_len, 0);
    assert_int_equal(headers.items[0].value_len, FCGIP__MEMO_LEN);
  }
}

/* What is not plain, or not whole, goes the usual way: it is neither read nor remembered. */
static void blocks_that_are_not_plain(void **state)
{
  static const char *const texts[] = {"",
                                      "Status: 200 OK\r\n",
                                      "Status: 200 OK\r\nX: y\r\n",
                                      "X: y\r\n z\r\n\r\n",
                                      "X: y\r\nX: z\r\n\r\n",
                                      "nonsense\r\n\r\n",
                                      "Status: abc\r\n\r\n",
                                      "Content-Length: x\r\n\r\n",
                                      "X : y\r\n\r\n",
                                      "X: y\rz\r\n\r\n",
                                      "HTTP/1.1 200 OK\r\n\r\n"};
  fcgip__headers_memo memo = {0};
  fcgip__headers headers;
  size_t len, i;

  (void)state;
  for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    if (recall(&headers, &memo, texts[i], 10, &len) != 0)
      fail_msg("\"%s\" was read at once", texts[i]);
    assert_int_equal(headers.count, 0);
    assert_int_equal(memo.block_len, 0);
  }
}

static void no_more_than_allowed(void **state)
{
  fcgip__headers_memo memo = {0};
  fcgip__headers headers;
  size_t len;

  (void)state;
  assert_int_equal(recall(&headers, &memo, BLOCK, 2, &len), 0);
  assert_int_equal(headers.count, 0);
  assert_int_equal(recall(&headers, &memo, BLOCK, 3, &len), 1);
  assert_is_the_block(&headers);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_block_that_comes_again, setup, teardown),
      cmocka_unit_test_setup_teardown(a_block_of_more_than_max, setup, teardown),
      cmocka_unit_test_setup_teardown(blocks_that_are_much_alike, setup, teardown),
      cmocka_unit_test_setup_teardown(copies_are_their_own, setup, teardown),
      cmocka_unit_test_setup_teardown(a_long_block, setup, teardown),
      cmocka_unit_test_setup_teardown(blocks_that_are_not_plain, setup, teardown),
      cmocka_unit_test_setup_teardown(no_more_than_allowed, setup, teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
