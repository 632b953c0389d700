/* STA-01 to STA-04 of the conformance cases, for the XML form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test_php_fpm_pages.h"

#define WITH_WORKER(uri, user, script) XML_FULL(XML_WORKER("1", uri, user, script))
#define SMALL(rest) "<status><pool>www</pool>" rest "</status>"

static void reads_the_pool(void **state)
{
  fcgip_php_fpm_status *status = parsed(XML_POOL "</status>");

  (void)state;
  assert_pool(status);
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 0);
  fcgip__php_fpm_free(status);
}

static void reads_workers(void **state)
{
  fcgip_php_fpm_status *status = parsed(XML_PAGE);

  (void)state;
  assert_pool(status);
  assert_both_workers(status);
  fcgip__php_fpm_free(status);
}

static void reads_it_with_white_space_and_no_declaration(void **state)
{
  fcgip_php_fpm_status *status =
      parsed("\n<status>\t<pool>www</pool> <processes> <process> <pid>1</pid> <user></user> "
             "</process>\n</processes> <slow-requests>7</slow-requests></status>\r\n");

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 1);
  assert_int_equal(fcgip_php_fpm_status_slow_requests(status), 7);
  fcgip__php_fpm_free(status);
  status = parsed(XML_FULL(""));
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 0);
  fcgip__php_fpm_free(status);
}

static void keeps_unknown_elements_of_the_pool_only(void **state)
{
  fcgip_php_fpm_status *status = parsed(
      SMALL("<reused-processes>12</reused-processes><n:_.9>a&lt;b</n:_.9><pool>x</pool><processes>"
            "<process><pid>1</pid><client>::1</client></process></processes>"));
  const char *key, *value;

  (void)state;
  assert_string_equal(fcgip_php_fpm_status_pool_name(status), "www");
  assert_int_equal(fcgip_php_fpm_status_extra_count(status), 2);
  assert_int_equal(fcgip_php_fpm_status_extra(status, 0, &key, &value), FCGIP_OK);
  assert_string_equal(key, "reused-processes");
  assert_string_equal(value, "12");
  assert_int_equal(fcgip_php_fpm_status_extra(status, 1, &key, &value), FCGIP_OK);
  assert_string_equal(key, "n:_.9");
  assert_string_equal(value, "a<b");
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 1);
  fcgip__php_fpm_free(status);
}

static void decodes_entities(void **state)
{
  (void)state;
  assert_only_worker(
      WITH_WORKER("&lt;&gt;&amp;&quot;&apos;", "&#039;&#x20aC;&#X1F600;&#65;", "&amp;lt;"),
      "<>&\"'",
      "'\xe2\x82\xac\xf0\x9f\x98\x80"
      "A",
      "&lt;");
  assert_only_worker(WITH_WORKER("&#0;", "&#xd800;&#x110000;", "&#99999999;"), "\xef\xbf\xbd",
                     "\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd");
  /* Text like any other: HTML's entities, and what older versions do not escape. */
  assert_only_worker(WITH_WORKER("/?a=1&b=2", "&eacute;&;&#;&#x;", "&#123456789;&#12&&#xg;&#a;&#1"),
                     "/?a=1&b=2", "&eacute;&;&#;&#x;", "&#123456789;&#12&&#xg;&#a;&#1");
  assert_only_worker(WITH_WORKER("\n\n", "\xff", "a\rb"), "\n\n", "\xff", "a\rb");
}

static void reads_tags_that_are_not_escaped(void **state)
{
  (void)state;
  assert_only_worker(WITH_WORKER("/<b>", "<", "</"), "/<b>", "<", "</");
  assert_only_worker(WITH_WORKER("</request-uri>", "</user>", "</script></script>"),
                     "</request-uri>", "</user>", "</script></script>");
  assert_only_worker(WITH_WORKER("/", "</processes></status>", "<!--"), "/",
                     "</processes></status>", "<!--");
  assert_only_worker(WITH_WORKER("/", "&lt;</user>&amp;", "-"), "/", "<</user>&", "-");
}

static void forged_workers_do_not_count(void **state)
{
#define BEGUN "</request-uri></process><process><pid>99</pid><request-uri>"
#define USER "</user></process><process><pid>"
#define SCRIPT                                                                                     \
  "</script><last-request-memory>0</last-request-memory></process><process><pid>99</pid>"
#define FIELD "/</request-uri><user>root</user><request-uri>"
#define LENGTH "/</request-uri><content-length>5</content-length>"
  (void)state;
  assert_only_worker(WITH_WORKER(BEGUN, "-", "-"), BEGUN, "-", "-");
  assert_only_worker(WITH_WORKER("-", USER, "-"), "-", USER, "-");
  assert_only_worker(WITH_WORKER("-", "-", SCRIPT), "-", "-", SCRIPT);
  assert_only_worker(WITH_WORKER(FIELD, USER, SCRIPT), FIELD, USER, SCRIPT);
  assert_only_worker(WITH_WORKER(LENGTH, "-", "-"), LENGTH, "-", "-");
}

static void reads_several_workers_as_printed(void **state)
{
  fcgip_php_fpm_status *status =
      parsed(XML_FULL("<process><pid>9</pid><client>::1</client><state>Idle</state>"
                      "<start-time>1</start-time><start-since>2</start-since><requests>3</requests>"
                      "<request-duration>4</request-duration><request-method>-</request-method>"
                      "<request-uri><b></request-uri><content-length>5</content-length>"
                      "<user>-</user><script></b></script>"
                      "<last-request-memory>6</last-request-memory></process>\n" XML_WORKER(
                          "10", "/", "</user>", "</script>") XML_WORKER("11", "/", "-", "-")));

  (void)state;
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 3);
  assert_string_equal(fcgip_php_fpm_process_request_uri(fcgip_php_fpm_status_process(status, 0)),
                      "<b>");
  assert_string_equal(fcgip_php_fpm_process_script(fcgip_php_fpm_status_process(status, 0)),
                      "</b>");
  assert_worker(status, 1, 10, "/", "</user>", "</script>");
  assert_worker(status, 2, 11, "/", "-", "-");
  fcgip__php_fpm_free(status);
}

static void clamps_numbers(void **state)
{
  fcgip_php_fpm_status *status =
      parsed(SMALL("<start-since>18446744073709551616</start-since><listen-queue>-1</listen-queue>"
                   "<slow-requests>007</slow-requests>"));

  (void)state;
  assert_true(fcgip_php_fpm_status_start_since(status) == UINT64_MAX);
  assert_int_equal(fcgip_php_fpm_status_listen_queue(status), 0);
  assert_int_equal(fcgip_php_fpm_status_slow_requests(status), 7);
  fcgip__php_fpm_free(status);
}

static void refuses_what_is_no_page(void **state)
{
  static const char *const pages[] = {
      "<status></status>",
      "<status/>",
      "<html><pool>www</pool></html>",
      "<!DOCTYPE html><html></html>",
      "<?xml version=\"1.0\"",
      "<?xml version=\"1.0\"?>",
      SMALL("") "x",
      SMALL("x"),
      SMALL("<>"),
      SMALL("<a>"),
      SMALL("<a"),
      SMALL("<a b=\"c\"></a>"),
      SMALL("<a></b>"),
      SMALL("<a><b></b></a>"),
      SMALL("<start-since>x</start-since>"),
      SMALL("<start-since></start-since>"),
      SMALL("<start-since>1e400</start-since>"),
      SMALL("<processes>"),
      SMALL("<processes><process></processes>"),
      SMALL("<processes><process></process></processes>"),
      SMALL("<processes><pid>1</pid></processes>"),
      SMALL("<processes><process><pid>1</pid><pid>2</pid></process></processes>"),
      SMALL("<processes><process><pid>x</pid></process></processes>"),
      SMALL("<processes><process><pid>1</pid></process><process><pid>1</pid>"
            "<user>-</user></process></processes>"),
      SMALL("<processes></processes><processes></processes>"),
  };
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
    assert_refused(pages[i]);
}

static void refuses_truncated_pages(void **state)
{
  (void)state;
  assert_no_prefix_is_read(XML_PAGE, "text/xml;charset=UTF-8");
  assert_no_prefix_is_read(XML_PAGE, NULL);
  assert_no_prefix_is_read(WITH_WORKER("<b>", "</user>", "-"), "text/xml");
}

static void reads_long_values(void **state)
{
#define LONG XML_POOL "<processes><process><pid>1</pid><user>"
#define LONG_END "</user></process></processes></status>"
  static const char *const fills[] = {"<",     "</user>", "</user><x></x>",
                                      "&#x0;", "&",       "</user><content-length>1"};
  fcgip_php_fpm_status *status;
  size_t i;

  (void)state;
  assert_int_equal(parse_repeated(&status, LONG, "1234567890", 1 << 20, LONG_END), FCGIP_OK);
  assert_int_equal(strlen(fcgip_php_fpm_process_user(fcgip_php_fpm_status_process(status, 0))),
                   10 << 20);
  fcgip__php_fpm_free(status);
  /* What makes the reader look ahead, over and over. */
  for (i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
    parse_repeated(&status, LONG, fills[i], 100000, LONG_END);
    fcgip__php_fpm_free(status);
  }
}

static void survives_any_change(void **state)
{
  (void)state;
  survives_changes(XML_PAGE);
}

static void survives_want_of_memory(void **state)
{
  (void)state;
  survives_failing_allocations(XML_PAGE);
  survives_failing_allocations(WITH_WORKER("<&#0;&lt;&", "-", "-"));
  survives_failing_allocations(WITH_WORKER(LONG_TEXT "&", LONG_TEXT LONG_TEXT "<", "-"));
  survives_failing_allocations(SMALL("<more>x</more>"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_the_pool),
      cmocka_unit_test(reads_workers),
      cmocka_unit_test(reads_it_with_white_space_and_no_declaration),
      cmocka_unit_test(keeps_unknown_elements_of_the_pool_only),
      cmocka_unit_test(decodes_entities),
      cmocka_unit_test(reads_tags_that_are_not_escaped),
      cmocka_unit_test(forged_workers_do_not_count),
      cmocka_unit_test(reads_several_workers_as_printed),
      cmocka_unit_test(clamps_numbers),
      cmocka_unit_test(refuses_what_is_no_page),
      cmocka_unit_test(refuses_truncated_pages),
      cmocka_unit_test(reads_long_values),
      cmocka_unit_test(survives_any_change),
      cmocka_unit_test(survives_want_of_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
