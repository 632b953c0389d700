#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "message/headers.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip__headers headers;
  const char *why;
} fixture;

static fixture blocks;

static int setup(void **state)
{
  fixture *f = &blocks;

  *state = f;
  failing_allocator_init(&f->memory);
  fcgip__headers_init(&f->headers);
  f->why = NULL;
  return fcgip__mem_import(&f->mem, &f->memory.hook);
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip__headers_deinit(&f->headers, &f->mem);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

/* Searches `text` in pieces of every size; the answer has to be the same. 0: there is no end. */
static size_t search(const char *text, size_t len)
{
  size_t piece, first = 0;

  for (piece = len + 1; piece > 0; piece--) {
    fcgip__header_search scan = {0, 0};
    size_t have = 0, found = 0;

    while (have < len && found == 0) {
      uint8_t *copy;

      have = have + piece < len ? have + piece : len;
      copy = malloc(have);
      assert_non_null(copy);
      memcpy(copy, text, have);
      if (!fcgip__headers_search(&scan, copy, have, &found))
        found = 0;
      free(copy);
    }
    if (piece == len + 1)
      first = found;
    assert_int_equal(found, first);
  }
  return first;
}

/* Parses a block that ends where the memory ends. */
static int parse_n(fixture *f, const char *block, size_t len, size_t max)
{
  uint8_t *copy = malloc(len > 0 ? len : 1);
  int rc;

  assert_non_null(copy);
  memcpy(copy, block, len);
  fcgip__headers_deinit(&f->headers, &f->mem);
  f->why = NULL;
  rc = fcgip__headers_parse(&f->headers, &f->mem, copy, len, max, &f->why);
  memset(copy, 0xa5, len > 0 ? len : 1); /* nothing may refer to it */
  free(copy);
  if (rc == FCGIP_EHEADER)
    assert_non_null(f->why);
  if (rc < 0) {
    assert_int_equal(f->headers.count, 0);
    assert_null(fcgip__headers_find(&f->headers, "A", NULL));
  }
  return rc;
}

static int parse(fixture *f, const char *block)
{
  return parse_n(f, block, strlen(block), 256);
}

static const char *value(fixture *f, const char *name)
{
  const fcgip__header *header = fcgip__headers_find(&f->headers, name, NULL);

  return header != NULL ? header->value : NULL;
}

/* HDR-01 to HDR-04 */
static void finds_the_end(void **state)
{
  static const struct {
    const char *text;
    size_t block;
  } rows[] = {
      {"A: b\r\n\r\nbody", 8},
      {"A: b\n\nbody", 6},
      {"A: b\r\n\nbody", 7},
      {"A: b\n\r\nbody", 7},
      {"\r\nbody", 2},
      {"\nbody", 1},
      {"\n", 1},
      {"\r\n", 2},
      {"A: b\r\r\n\r\n", 9},
      {"A: b\r\r\n\n", 8},
      {"A\n\n\n\n", 3},
      {"\r\r\n\n", 4},
      {"A: b\r\r", 0},
      {"A: b\r\n", 0},
      {"A: b", 0},
      {"", 0},
      {"\r", 0},
      {" \r\n", 0},
      {"A: b\r\n \r\n", 0},
      {"A: b\r\n\r", 0},
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    assert_int_equal(search(rows[i].text, strlen(rows[i].text)), rows[i].block);
}

static void line_ends_may_be_mixed(void **state)
{
  fixture *f = *state;

  assert_int_equal(parse(f, "A: 1\r\nB: 2\nC: 3\r\n\n"), FCGIP_OK);
  assert_int_equal(f->headers.count, 3);
  assert_string_equal(value(f, "A"), "1");
  assert_string_equal(value(f, "B"), "2");
  assert_string_equal(value(f, "C"), "3");
}

/* HDR-06 */
static void an_empty_block(void **state)
{
  fixture *f = *state;

  assert_int_equal(parse(f, "\r\n"), FCGIP_OK);
  assert_int_equal(f->headers.count, 0);
  assert_int_equal(f->headers.status, 200);
  assert_string_equal(f->headers.status_text, "");
  assert_int_equal(parse(f, "\n"), FCGIP_OK);
  assert_int_equal(f->headers.status, 200);
}

/* HDR-07 to HDR-09, HDR-11, HDR-12, HDR-15, HDR-34 */
static void lines_that_are_malformed(void **state)
{
  static const struct {
    const char *text;
    size_t len;
  } rows[] = {
      {"no colon\r\n\r\n", 12},
      {": v\r\n\r\n", 7},
      {"X-A : v\r\n\r\n", 11},
      {"X\0A: v\r\n\r\n", 10},
      {"X: a\0b\r\n\r\n", 10},
      {"X: a\rb\r\n\r\n", 10},
      {"X Y: v\r\n\r\n", 10},
      {"X(: v\r\n\r\n", 9},
      {"\"X\": v\r\n\r\n", 10},
      {"X\x80: v\r\n\r\n", 9},
      {"<html>\r\n\r\n", 10},
      {"A: b\r\nno colon\r\n\r\n", 18},
      {"A: b\r\n: v\n\n", 11},
      {" A: b\r\n\r\n", 9},
      {"\tfolded first\n\n", 15},
      {"A: b\r\n c\0d\r\n\r\n", 13},
      {"A: b\r\n c\rd\r\n\r\n", 13},
      {"A: b\r\r\n\r\n", 9},
      {" \r\n\r\n", 5},
  };
  fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    assert_int_equal(parse_n(f, rows[i].text, rows[i].len, 256), FCGIP_EHEADER);
}

/* HDR-13, HDR-14 */
static void values_may_have_any_other_byte(void **state)
{
  fixture *f = *state;
  int byte;

  for (byte = 1; byte < 256; byte++) {
    char block[16], expected[8];
    int n = snprintf(block, sizeof(block), "X: a%cb\r\n\r\n", byte);

    if (byte == '\n' || byte == '\r')
      continue;
    snprintf(expected, sizeof(expected), "a%cb", byte);
    assert_int_equal(parse_n(f, block, (size_t)n, 10), FCGIP_OK);
    assert_string_equal(value(f, "X"), expected);
  }
}

static void names_may_have_any_token_byte(void **state)
{
  static const char others[] = "!#$%&'*+-.^_`|~";
  fixture *f = *state;
  int byte;

  for (byte = 1; byte < 256; byte++) {
    char block[16], name[2] = {(char)byte, '\0'};
    int is_token = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                   (byte >= 'A' && byte <= 'Z') || strchr(others, byte) != NULL;
    int n = snprintf(block, sizeof(block), "%c: v\r\n\r\n", byte);

    if (byte == '\n' || byte == '\r' || byte == ' ' || byte == '\t' || byte == ':')
      continue;
    assert_int_equal(parse_n(f, block, (size_t)n, 10), is_token ? FCGIP_OK : FCGIP_EHEADER);
    if (is_token)
      assert_string_equal(value(f, name), "v");
  }
}

/* HDR-17 */
static void values_are_trimmed(void **state)
{
  fixture *f = *state;

  assert_int_equal(parse(f, "A:v\r\nB: \t v \t \r\nC:\r\nD:  \r\nE: a: b:c \r\nF:\t\n\n"),
                   FCGIP_OK);
  assert_string_equal(value(f, "A"), "v");
  assert_string_equal(value(f, "B"), "v");
  assert_string_equal(value(f, "C"), "");
  assert_string_equal(value(f, "D"), "");
  assert_string_equal(value(f, "E"), "a: b:c");
  assert_string_equal(value(f, "F"), "");
}

/* HDR-10 */
static void folded_lines_are_joined(void **state)
{
  fixture *f = *state;

  assert_int_equal(parse(f, "A: one\r\n two\r\n\t three \nB: x\n  \n y\r\n\r\n"), FCGIP_OK);
  assert_int_equal(f->headers.count, 2);
  assert_string_equal(value(f, "A"), "one two three");
  assert_string_equal(value(f, "B"), "x  y");
  assert_int_equal(parse(f, "A:\r\n 1\r\nA:\r\n 2\r\n\r\n"), FCGIP_OK);
  assert_string_equal(fcgip__headers_find(&f->headers, "a", NULL)->line, " 1,  2");
}

/* HDR-16, HDR-18 */
static void finds_names_in_any_case(void **state)
{
  fixture *f = *state;
  const fcgip__header *first, *second;

  assert_int_equal(parse(f, "Set-Cookie: a=1\r\nX: y\r\nset-cookie: b=2\r\nSET-COOKIE:\r\n\r\n"),
                   FCGIP_OK);
  assert_int_equal(f->headers.count, 4);
  assert_string_equal(f->headers.items[2].name, "set-cookie"); /* as it was sent */
  first = fcgip__headers_find(&f->headers, "SET-Cookie", NULL);
  assert_string_equal(first->value, "a=1");
  assert_string_equal(first->line, "a=1, b=2, ");
  second = fcgip__headers_find(&f->headers, "SET-Cookie", first);
  assert_string_equal(second->value, "b=2");
  assert_null(second->line);
  second = fcgip__headers_find(&f->headers, "SET-Cookie", second);
  assert_string_equal(second->value, "");
  assert_null(fcgip__headers_find(&f->headers, "SET-Cookie", second));
  assert_string_equal(fcgip__headers_find(&f->headers, "x", NULL)->line, "y");
  assert_null(fcgip__headers_find(&f->headers, "Set-Cooki", NULL));
  assert_null(fcgip__headers_find(&f->headers, "", NULL));
}

/* HDR-29, HDR-29x, HDR-29y, HDR-30 */
static void statuses(void **state)
{
  static const struct {
    const char *block;
    int status; /* 0: malformed */
    const char *text;
  } rows[] = {
      {"Status: 200\n\n", 200, ""},
      {"Status: 200 OK\n\n", 200, "OK"},
      {"Status:   202   Hm  \n\n", 202, "Hm"},
      {"A: b\nstatus: 404 nf\n\n", 404, "nf"},
      {"STATUS: 404 \n\n", 404, ""},
      {"Status: 404 Not Found\n\n", 404, "Not Found"},
      {"Status: 100\n\n", 100, ""},
      {"Status: 101 x\n\n", 101, "x"},
      {"Status: 600 x\n\n", 600, "x"},
      {"Status: 999\n\n", 999, ""},
      {"Status: 500 a\x01\xff\n\n", 500, "a\x01\xff"},
      {"A: b\n\n", 200, ""},
      {"Location: /x\n\n", 302, ""},
      {"location: /x\nStatus: 200\n\n", 200, ""},
      {"Status: 201 C\nLocation: /x\n\n", 201, "C"},
      {"Status: 404Not\n\n", 0, NULL},
      {"Status: 99\n\n", 0, NULL},
      {"Status: 1000\n\n", 0, NULL},
      {"Status: 000\n\n", 0, NULL},
      {"Status: 099 x\n\n", 0, NULL},
      {"Status: abc\n\n", 0, NULL},
      {"Status:\n\n", 0, NULL},
      {"Status: -1\n\n", 0, NULL},
      {"Status: +200 OK\n\n", 0, NULL},
      {"Status: 0200 OK\n\n", 0, NULL},
      {"Status: 20000000000000000000\n\n", 0, NULL},
      {"Status: 2 00\n\n", 0, NULL},
      {"Status: 200\tOK\n\n", 0, NULL},
      {"Status: 200\nStatus: 200\n\n", 0, NULL}, /* HDR-19 */
      {"Status: 200\nstatus: 404\n\n", 0, NULL},
  };
  fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_int_equal(parse(f, rows[i].block), rows[i].status ? FCGIP_OK : FCGIP_EHEADER);
    if (rows[i].status == 0)
      continue;
    assert_int_equal(f->headers.status, rows[i].status);
    assert_string_equal(f->headers.status_text, rows[i].text);
  }
}

/* HDR-28 */
static void status_lines(void **state)
{
  fixture *f = *state;

  assert_int_equal(parse(f, "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n"), FCGIP_OK);
  assert_int_equal(f->headers.status, 404);
  assert_string_equal(f->headers.status_text, "Not Found");
  assert_int_equal(f->headers.count, 1);
  assert_string_equal(value(f, "A"), "b");
  assert_int_equal(parse(f, "HTTP/1.0 200\n\n"), FCGIP_OK);
  assert_int_equal(f->headers.status, 200);
  assert_string_equal(f->headers.status_text, "");
  /* The line's, whatever Status says. */
  assert_int_equal(parse(f, "HTTP/1.1 500 Oops\nStatus: 200 OK\nLocation: /\n\n"), FCGIP_OK);
  assert_int_equal(f->headers.status, 500);
  assert_int_equal(parse(f, "HTTP/1.1\n\n"), FCGIP_EHEADER);
  assert_int_equal(parse(f, "HTTP/1.1 \n\n"), FCGIP_EHEADER);
  assert_int_equal(parse(f, "HTTP/1.1 20 OK\n\n"), FCGIP_EHEADER);
  assert_int_equal(parse(f, "HTTP/1.1 2000\n\n"), FCGIP_EHEADER);
  assert_int_equal(parse(f, "A: b\nHTTP/1.1 404 Not Found\n\n"), FCGIP_EHEADER);
  assert_int_equal(parse(f, "HTTP/2 404\n\n"), FCGIP_EHEADER);
}

/* HDR-20, HDR-21c */
static void content_lengths(void **state)
{
  static const struct {
    const char *block;
    int rc;
    uint64_t length;
  } rows[] = {
      {"Content-Length: 0\n\n", FCGIP_OK, 0},
      {"content-LENGTH:  42 \n\n", FCGIP_OK, 42},
      {"Content-Length: 007\n\n", FCGIP_OK, 7},
      {"Content-Length: 18446744073709551615\n\n", FCGIP_OK, UINT64_MAX},
      {"Content-Length: 5\nContent-Length: 5\n\n", FCGIP_OK, 5},
      {"Content-Length: 5\nContent-Length: 6\n\n", FCGIP_EHEADER, 0},
      {"Content-Length: 18446744073709551616\n\n", FCGIP_EHEADER, 0},
      {"Content-Length: -4\n\n", FCGIP_EHEADER, 0},
      {"Content-Length: -4\nContent-Type: text/plain\n\n", FCGIP_EHEADER, 0},
      {"Content-Length: +4\n\n", FCGIP_EHEADER, 0},
      {"Content-Length: 0x4\n\n", FCGIP_EHEADER, 0},
      {"Content-Length: 4,4\n\n", FCGIP_EHEADER, 0},
      {"Content-Length: 4 4\n\n", FCGIP_EHEADER, 0},
      {"Content-Length:\n\n", FCGIP_EHEADER, 0},
  };
  fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_int_equal(parse(f, rows[i].block), rows[i].rc);
    if (rows[i].rc == FCGIP_OK) {
      assert_true(f->headers.has_content_length);
      assert_true(f->headers.content_length == rows[i].length);
    }
  }
  assert_int_equal(parse(f, "A: b\n\n"), FCGIP_OK);
  assert_false(f->headers.has_content_length);
}

/* The first that means something and is wrong decides; what follows is not looked at. */
static void stops_at_the_first_mistake(void **state)
{
  static const char block[] = "Status: abc\r\nContent-Length: x\r\nX: y\r\n\r\n";
  fixture *f = *state;

  assert_int_equal(parse_n(f, block, sizeof(block) - 1, 10), FCGIP_EHEADER);
  assert_non_null(strstr(f->why, "Status"));
}

/* What is counted: neither the protocol line nor the lines of a folded value. */
static void counts_headers_not_lines(void **state)
{
  static const char block[] = "HTTP/1.1 200 OK\r\nA: 1\r\n  and more\r\nB: 2\r\n\r\n";
  fixture *f = *state;

  assert_int_equal(parse_n(f, block, sizeof(block) - 1, 2), FCGIP_OK);
  assert_int_equal(f->headers.count, 2);
  assert_int_equal(parse_n(f, block, sizeof(block) - 1, 1), FCGIP_ETOOLARGE);
}

/* HDR-23 */
static void many_headers(void **state)
{
  fixture *f = *state;
  char *block = malloc(1200 * 16), name[16];
  size_t len = 0, i;

  assert_non_null(block);
  for (i = 0; i < 1000; i++)
    len += (size_t)sprintf(block + len, "N%zu: %zu\r\n", i % 500, i);
  len += (size_t)sprintf(block + len, "\r\n");
  assert_int_equal(parse_n(f, block, len, 999), FCGIP_ETOOLARGE);
  assert_int_equal(parse_n(f, block, len, 0), FCGIP_ETOOLARGE);
  assert_int_equal(parse_n(f, block, len, 1000), FCGIP_OK);
  assert_int_equal(f->headers.count, 1000);
  for (i = 0; i < 500; i++) {
    char line[32];

    snprintf(name, sizeof(name), "n%zu", i);
    snprintf(line, sizeof(line), "%zu, %zu", i, i + 500);
    assert_string_equal(fcgip__headers_find(&f->headers, name, NULL)->line, line);
  }
  free(block);
}

static void one_long_header(void **state)
{
  fixture *f = *state;
  size_t len = 60000;
  char *block = malloc(len + 8);

  assert_non_null(block);
  memcpy(block, "A: ", 3);
  memset(block + 3, 'x', len);
  memcpy(block + 3 + len, "\r\n\r\n", 4);
  assert_int_equal(parse_n(f, block, len + 7, 1), FCGIP_OK);
  assert_int_equal(strlen(value(f, "A")), len);
  assert_int_equal(f->headers.items[0].value_len, len);
  free(block);
}

/* The usual few need no memory of their own; more do, and may not get it. */
static void without_memory(void **state)
{
  fixture *f = *state;
  char block[600] = "";

  assert_int_equal(
      parse(f, "Content-type: text/html; charset=UTF-8\r\nX-Powered-By: PHP/8\r\n\r\n"), FCGIP_OK);
  assert_int_equal(f->memory.total_calls, 0);
  memset(block, 'A', 500);
  memcpy(block + 500, ": b\n\n", 6);
  failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
  assert_int_equal(parse(f, block), FCGIP_ENOMEM);
  assert_int_equal(parse(f, block), FCGIP_OK);
  assert_int_equal(f->memory.live_blocks, 1);
  block[1] = ' '; /* a failure behind the allocation */
  assert_int_equal(parse(f, block), FCGIP_EHEADER);
  assert_int_equal(f->memory.live_blocks, 0);
}

/* Its room is exactly enough, whatever the mixture of short lines, long ones, folded and repeated ones. */
static void room_for_any_mixture(void **state)
{
  static const char *const lines[] = {"A:\n",    "A: b\n", " c\n",          "B:x\r\n",
                                      "\td\r\n", "A:a\n",  "LONG-NAME: y\n"};
  fixture *f = *state;
  size_t shape;

  for (shape = 0; shape < 7 * 7 * 7 * 7; shape++) {
    char block[256] = "A:1\n";
    size_t at = shape, i;

    for (i = 0; i < 4; i++, at /= 7)
      strcat(block, lines[at % 7]);
    strcat(block, "\n");
    assert_int_equal(parse(f, block), FCGIP_OK);
    assert_non_null(value(f, "A"));
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(finds_the_end),
      TEST(line_ends_may_be_mixed),
      TEST(an_empty_block),
      TEST(lines_that_are_malformed),
      TEST(values_may_have_any_other_byte),
      TEST(names_may_have_any_token_byte),
      TEST(values_are_trimmed),
      TEST(folded_lines_are_joined),
      TEST(finds_names_in_any_case),
      TEST(statuses),
      TEST(status_lines),
      TEST(content_lengths),
      TEST(counts_headers_not_lines),
      TEST(stops_at_the_first_mistake),
      TEST(many_headers),
      TEST(one_long_header),
      TEST(without_memory),
      TEST(room_for_any_mixture),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
