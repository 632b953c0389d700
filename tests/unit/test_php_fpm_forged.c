/* Pages as versions that escape nothing print them, of clients that say what misleads: pieces of pages, drawn at
 * random and put together, as long as php-fpm keeps them. No page may have another number of workers than it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "test_php_fpm_pages.h"

#define MAX_WORKERS 4
#define MAX_URI 127
#define MAX_USER 31
#define MAX_SCRIPT 255
#define ROUNDS 3000

typedef struct worker {
  char uri[MAX_URI + 1];
  char user[MAX_USER + 1];
  char script[MAX_SCRIPT + 1];
} worker;

typedef struct page_form {
  const char *const *pieces;
  size_t piece_count;
  const char *start, *between, *end;
  int (*print_worker)(char *page, size_t cap, unsigned pid, const worker *worker);
  size_t max_script;
} page_form;

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int print_text(char *page, size_t cap, unsigned pid, const worker *w)
{
  return snprintf(page, cap, SEPARATOR TEXT_WORKER("%u", "%s", "%s", "%s"), pid, w->uri, w->user,
                  w->script);
}

static int print_json(char *page, size_t cap, unsigned pid, const worker *w)
{
  return snprintf(page, cap, JSON_WORKER("%u", "%s", "%s", "%s"), pid, w->uri, w->user, w->script);
}

static int print_xml(char *page, size_t cap, unsigned pid, const worker *w)
{
  return snprintf(page, cap, XML_WORKER("%u", "%s", "%s", "%s"), pid, w->uri, w->user, w->script);
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
  *seed = *seed * 1664525u + 1013904223u;
  return (*seed >> 8) % below;
}

static void make_text(const page_form *form, uint32_t *seed, char *text, size_t max)
{
  uint32_t pieces = draw(seed, 12);
  size_t len = 0;

  for (; pieces > 0; pieces--) {
    const char *piece = form->pieces[draw(seed, (uint32_t)form->piece_count)];

    if (strlen(piece) > max - len)
      continue;
    memcpy(text + len, piece, strlen(piece));
    len += strlen(piece);
  }
  if (len == 0)
    text[len++] = '-'; /* as php-fpm does */
  text[len] = '\0';
}

static size_t make_page(const page_form *form, uint32_t *seed, char *page, size_t cap)
{
  size_t count = 1 + draw(seed, MAX_WORKERS);
  size_t i, len;

  len = (size_t)snprintf(page, cap, "%s", form->start);
  for (i = 0; i < count; i++) {
    worker w = {"/", "-", "-"};

    if (draw(seed, 2) == 0) {
      make_text(form, seed, w.uri, MAX_URI);
      make_text(form, seed, w.user, MAX_USER);
      make_text(form, seed, w.script, form->max_script);
    }
    len += (size_t)snprintf(page + len, cap - len, "%s", i > 0 ? form->between : "");
    len += (size_t)form->print_worker(page + len, cap - len, (unsigned)i + 1, &w);
  }
  len += (size_t)snprintf(page + len, cap - len, "%s", form->end);
  assert_true(len < cap);
  return count;
}

static void counts_right(const page_form *form, size_t most_refused)
{
  uint32_t seed = 1;
  size_t refused = 0;
  char page[8192];
  size_t i;

  for (i = 0; i < ROUNDS; i++) {
    uint32_t first = seed;
    size_t count = make_page(form, &seed, page, sizeof(page));
    fcgip_php_fpm_status *status;
    int rc = parse(&status, page);

    if (rc != FCGIP_OK) {
      assert_int_equal(rc, FCGIP_ESTATUSFORMAT);
      refused++;
      continue;
    }
    if (fcgip_php_fpm_status_process_count(status) != count)
      fail_msg("seed %u, %u workers instead of %u:\n%s", (unsigned)first,
               (unsigned)fcgip_php_fpm_status_process_count(status), (unsigned)count, page);
    fcgip__php_fpm_free(status);
  }
  assert_true(refused <= most_refused);
}

static void counts_right_in_text(void **state)
{
  static const char *const pieces[] = {
      "a",
      " ",
      ":",
      "\n",
      SEPARATOR,
      ("\n" SEPARATOR),
      "pid:                  9\n",
      "pid: 9\n",
      "state:                Idle\n",
      "start time:           5\n",
      "start since:          1\n",
      "requests:             1\n",
      "request duration:     1\n",
      "request method:       -\n",
      "request URI:          -\n",
      "content length:       5\n",
      "user:                 x\n",
      "script:               -\n",
      "last request cpu:     1\n",
      "last request memory:  1\n",
  };
  const page_form text = {pieces, COUNT_OF(pieces), TEXT_POOL, "", "", print_text, MAX_SCRIPT};

  (void)state;
  counts_right(&text, ROUNDS / 100);
}

static void counts_right_in_json(void **state)
{
  static const char *const pieces[] = {
      "a",
      " ",
      "\n",
      "\"",
      "\\",
      "\\u00",
      ",",
      ":",
      "\",\"",
      "\":",
      "{",
      "}",
      "[",
      "]",
      "]}",
      "},{",
      "\"}",
      "\"user\":",
      "\",\"script\":\"",
      "\",\"content length\":5",
      "\",\"content length\":5,\"user\":\"",
      "\",\"last request memory\":2},{\"pid\":9,\"state\":\"",
      "\",\"last request cpu\":1,\"last request memory\":2}",
      ("\",\"start time\":1,\"start since\":1,\"requests\":1,\"request duration\":1,"
       "\"request method\":\""),
      "\",\"request uri\":\"",
  };
  /* A script's name may be long enough for a whole worker: that is one. */
  const page_form json = {pieces,     COUNT_OF(pieces), JSON_POOL ", \"processes\":[", ",", "]}",
                          print_json, MAX_URI};

  (void)state;
  counts_right(&json, ROUNDS / 1000);
}

static void counts_right_in_xml(void **state)
{
  static const char *const pieces[] = {
      "a",
      "\n",
      "&",
      "&lt;",
      "<",
      ">",
      "</",
      "<user>",
      "</user>",
      "<script>",
      "</script>",
      "<request-uri>",
      "</request-uri>",
      "<pid>9</pid>",
      "<state>Idle</state>",
      "<state>",
      "</state>",
      "<content-length>5</content-length>",
      "<process>",
      "</process>",
      "</processes></status>",
      "<last-request-cpu>1</last-request-cpu>",
      "<last-request-memory>1</last-request-memory>",
      ("<start-time>1</start-time><start-since>1</start-since><requests>1</requests>"
       "<request-duration>1</request-duration><request-method>"),
      "</request-method>",
  };
  const page_form xml = {pieces,    COUNT_OF(pieces),          XML_POOL "<processes>\n",
                         "",        "</processes>\n</status>", print_xml,
                         MAX_SCRIPT};

  (void)state;
  counts_right(&xml, ROUNDS / 1000);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_right_in_text),
      cmocka_unit_test(counts_right_in_json),
      cmocka_unit_test(counts_right_in_xml),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
