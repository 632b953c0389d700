/* Pages for the tests of php-fpm's status, and what all of those tests do with them. Include cmocka.h before. */
#ifndef TESTS_UNIT_TEST_PHP_FPM_PAGES_H
#define TESTS_UNIT_TEST_PHP_FPM_PAGES_H

#include <stdlib.h>
#include <string.h>

#include "fcgiproxy/error.h"
#include "status/php_fpm.h"
#include "support/failing_allocator.h"

#define SEPARATOR "\n************************\n"

/* PHP 8.2.36, two workers; the first one's client sent a user name with line feeds and a separator by Basic
 * authentication, and quotes and tags in the path and query. */
#define TEXT_POOL                                                                                  \
  "pool:                 www\n"                                                                    \
  "process manager:      dynamic\n"                                                                \
  "start time:           23/Nov/2026:10:28:45 +0000\n"                                             \
  "start since:          58\n"                                                                     \
  "accepted conn:        4\n"                                                                      \
  "listen queue:         1\n"                                                                      \
  "max listen queue:     6\n"                                                                      \
  "listen queue len:     128\n"                                                                    \
  "idle processes:       0\n"                                                                      \
  "active processes:     2\n"                                                                      \
  "total processes:      2\n"                                                                      \
  "max active processes: 3\n"                                                                      \
  "max children reached: 5\n"                                                                      \
  "slow requests:        7\n"
#define TEXT_WORKER(pid, uri, user, script)                                                        \
  "pid:                  " pid "\n"                                                                \
  "state:                Running\n"                                                                \
  "start time:           23/Nov/2026:10:28:46 +0000\n"                                             \
  "start since:          57\n"                                                                     \
  "requests:             11\n"                                                                     \
  "request duration:     500956\n"                                                                 \
  "request method:       GET\n"                                                                    \
  "request URI:          " uri "\n"                                                                \
  "content length:       12\n"                                                                     \
  "user:                 " user "\n"                                                               \
  "script:               " script "\n"                                                             \
  "last request cpu:     12.50\n"                                                                  \
  "last request memory:  2097152\n"
#define HOSTILE_URI "/sl\"<&>ow.php?a=\"b\"&c=<d>\\"
#define HOSTILE_USER "ev\n************************\npid"
#define TEXT_PAGE                                                                                  \
  TEXT_POOL SEPARATOR TEXT_WORKER("13204", HOSTILE_URI, HOSTILE_USER, "/srv/slow.php")             \
      SEPARATOR TEXT_WORKER("13205", "/status?full", "-", "-")

#define JSON_POOL                                                                                  \
  "{\"pool\":\"www\",\"process manager\":\"dynamic\",\"start time\":1795429725,"                   \
  "\"start since\":58,\"accepted conn\":4,\"listen queue\":1,\"max listen queue\":6,"              \
  "\"listen queue len\":128,\"idle processes\":0,\"active processes\":2,"                          \
  "\"total processes\":2,\"max active processes\":3,\"max children reached\":5,"                   \
  "\"slow requests\":7"
#define JSON_WORKER(pid, uri, user, script)                                                        \
  "{\"pid\":" pid ",\"state\":\"Running\",\"start time\":1795429726,\"start since\":57,"           \
  "\"requests\":11,\"request duration\":500956,\"request method\":\"GET\","                        \
  "\"request uri\":\"" uri "\",\"content length\":12,\"user\":\"" user "\","                       \
  "\"script\":\"" script "\",\"last request cpu\":12.50,\"last request memory\":2097152}"
#define JSON_FULL(workers) JSON_POOL ", \"processes\":[" workers "]}"
#define JSON_PAGE                                                                                  \
  JSON_FULL(JSON_WORKER("13204", "\\/sl\\\"<&>ow.php?a=\\\"b\\\"&c=<d>\\\\",                       \
                        "ev\\n************************\\npid",                                     \
                        "\\/srv\\/slow.php") "," JSON_WORKER("13205", "\\/status?full", "-", "-"))

#define XML_POOL                                                                                   \
  "<?xml version=\"1.0\" ?>\n<status>\n<pool>www</pool>\n"                                         \
  "<process-manager>dynamic</process-manager>\n<start-time>1795429725</start-time>\n"              \
  "<start-since>58</start-since>\n<accepted-conn>4</accepted-conn>\n"                              \
  "<listen-queue>1</listen-queue>\n<max-listen-queue>6</max-listen-queue>\n"                       \
  "<listen-queue-len>128</listen-queue-len>\n<idle-processes>0</idle-processes>\n"                 \
  "<active-processes>2</active-processes>\n<total-processes>2</total-processes>\n"                 \
  "<max-active-processes>3</max-active-processes>\n"                                               \
  "<max-children-reached>5</max-children-reached>\n<slow-requests>7</slow-requests>\n"
#define XML_WORKER(pid, uri, user, script)                                                         \
  "<process><pid>" pid "</pid><state>Running</state><start-time>1795429726</start-time>"           \
  "<start-since>57</start-since><requests>11</requests>"                                           \
  "<request-duration>500956</request-duration><request-method>GET</request-method>"                \
  "<request-uri>" uri "</request-uri><content-length>12</content-length><user>" user               \
  "</user><script>" script "</script><last-request-cpu>12.50</last-request-cpu>"                   \
  "<last-request-memory>2097152</last-request-memory></process>\n"
#define XML_FULL(workers) XML_POOL "<processes>\n" workers "</processes>\n</status>"
#define XML_PAGE                                                                                   \
  XML_FULL(XML_WORKER("13204", "/sl&quot;&lt;&amp;&gt;ow.php?a=&quot;b&quot;&amp;c=&lt;d&gt;\\",   \
                      HOSTILE_USER, "/srv/slow.php")                                               \
               XML_WORKER("13205", "/status?full", "-", "-"))

/* Longer than what is allocated for texts at first. */
#define LONG_TEXT LONG_TEXT_OF(LONG_TEXT_OF("0123456789"))
#define LONG_TEXT_OF(part) part part part part part part part

#define METRICS_UP                                                                                 \
  "# HELP phpfpm_up Could pool www using a dynamic PM on PHP-FPM be reached?\n"                    \
  "# TYPE phpfpm_up gauge\nphpfpm_up 1\n"
#define METRIC(name, value)                                                                        \
  "# HELP phpfpm_" name " The number of it.\n# TYPE phpfpm_" name " gauge\nphpfpm_" name " " value \
  "\n"
#define METRICS_PAGE                                                                               \
  METRICS_UP METRIC("start_since", "58") METRIC("accepted_connections", "4")                       \
      METRIC("listen_queue", "1") METRIC("max_listen_queue", "6")                                  \
          METRIC("listen_queue_length", "128") METRIC("idle_processes", "0")                       \
              METRIC("active_processes", "2") METRIC("total_processes", "2")                       \
                  METRIC("max_active_processes", "3") METRIC("max_children_reached", "5")          \
                      METRIC("slow_requests", "7") "# EOF\n"

/* Parses `len` bytes in a block of exactly that size, so that AddressSanitizer sees a byte read too many. */
static inline int parse_bytes(fcgip_php_fpm_status **out, const fcgip__mem *mem, const void *page,
                              size_t len, const char *type)
{
  char *copy = malloc(len > 0 ? len : 1);
  int rc;

  assert_non_null(copy);
  memcpy(copy, page, len);
  *out = (fcgip_php_fpm_status *)(void *)&rc;
  rc = fcgip__php_fpm_parse(out, mem, copy, len, type);
  free(copy);
  if (rc != FCGIP_OK)
    assert_null(*out);
  return rc;
}

/* With the C library's allocator, and no content type. */
static inline int parse(fcgip_php_fpm_status **out, const char *page)
{
  fcgip__mem mem;

  assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
  return parse_bytes(out, &mem, page, strlen(page), NULL);
}

/* `before`, `count` times `part`, `after`; free it with free(). */
static inline char *repeated(const char *before, const char *part, size_t count, const char *after,
                             size_t *len)
{
  size_t part_len = strlen(part);
  char *page;
  size_t i;

  *len = strlen(before) + count * part_len + strlen(after);
  page = malloc(*len + 1);
  assert_non_null(page);
  memcpy(page, before, strlen(before));
  for (i = 0; i < count; i++)
    memcpy(page + strlen(before) + i * part_len, part, part_len);
  memcpy(page + *len - strlen(after), after, strlen(after) + 1);
  return page;
}

/* Reads such a page, as far as it goes: that is no endless loop, and no square of its length. */
static inline int parse_repeated(fcgip_php_fpm_status **out, const char *before, const char *part,
                                 size_t count, const char *after)
{
  fcgip__mem mem;
  size_t len;
  char *page = repeated(before, part, count, after, &len);
  int rc;

  assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
  rc = fcgip__php_fpm_parse(out, &mem, page, len, NULL);
  free(page);
  return rc;
}

/* A page that must be good; free it with fcgip__php_fpm_free(). */
static inline fcgip_php_fpm_status *parsed(const char *page)
{
  fcgip_php_fpm_status *status;

  assert_int_equal(parse(&status, page), FCGIP_OK);
  return status;
}

static inline void assert_refused(const char *page)
{
  fcgip_php_fpm_status *status;

  assert_int_equal(parse(&status, page), FCGIP_ESTATUSFORMAT);
}

/* What all four pages above say of the pool, but for its start time. */
static inline void assert_pool_but_start(const fcgip_php_fpm_status *status)
{
  assert_string_equal(fcgip_php_fpm_status_pool_name(status), "www");
  assert_string_equal(fcgip_php_fpm_status_process_manager(status), "dynamic");
  assert_int_equal(fcgip_php_fpm_status_start_since(status), 58);
  assert_int_equal(fcgip_php_fpm_status_accepted_connections(status), 4);
  assert_int_equal(fcgip_php_fpm_status_listen_queue(status), 1);
  assert_int_equal(fcgip_php_fpm_status_max_listen_queue(status), 6);
  assert_int_equal(fcgip_php_fpm_status_listen_queue_length(status), 128);
  assert_int_equal(fcgip_php_fpm_status_idle_processes(status), 0);
  assert_int_equal(fcgip_php_fpm_status_active_processes(status), 2);
  assert_int_equal(fcgip_php_fpm_status_total_processes(status), 2);
  assert_int_equal(fcgip_php_fpm_status_max_active_processes(status), 3);
  assert_int_equal(fcgip_php_fpm_status_max_children_reached(status), 5);
  assert_int_equal(fcgip_php_fpm_status_slow_requests(status), 7);
  assert_int_equal(fcgip_php_fpm_status_memory_peak(status), 0);
  assert_true(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_IDLE_PROCESSES));
  assert_false(fcgip_php_fpm_status_has(status, FCGIP_PHP_FPM_MEMORY_PEAK));
}

static inline void assert_pool(const fcgip_php_fpm_status *status)
{
  assert_pool_but_start(status);
  assert_int_equal(fcgip_php_fpm_status_start_time(status), 1795429725);
}

/* What the macros above fill in. */
static inline void assert_worker(const fcgip_php_fpm_status *status, size_t index, int64_t pid,
                                 const char *uri, const char *user, const char *script)
{
  const fcgip_php_fpm_process *process = fcgip_php_fpm_status_process(status, index);

  assert_non_null(process);
  assert_int_equal(fcgip_php_fpm_process_pid(process), pid);
  assert_string_equal(fcgip_php_fpm_process_state(process), "Running");
  assert_int_equal(fcgip_php_fpm_process_start_time(process), 1795429726);
  assert_int_equal(fcgip_php_fpm_process_start_since(process), 57);
  assert_int_equal(fcgip_php_fpm_process_requests(process), 11);
  assert_int_equal(fcgip_php_fpm_process_request_duration(process), 500956);
  assert_string_equal(fcgip_php_fpm_process_request_method(process), "GET");
  assert_string_equal(fcgip_php_fpm_process_request_uri(process), uri);
  assert_int_equal(fcgip_php_fpm_process_content_length(process), 12);
  assert_string_equal(fcgip_php_fpm_process_user(process), user);
  assert_string_equal(fcgip_php_fpm_process_script(process), script);
  assert_true(fcgip_php_fpm_process_last_request_cpu(process) == 12.5);
  assert_int_equal(fcgip_php_fpm_process_last_request_memory(process), 2097152);
}

static inline void assert_both_workers(const fcgip_php_fpm_status *status)
{
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 2);
  assert_worker(status, 0, 13204, HOSTILE_URI, HOSTILE_USER, "/srv/slow.php");
  assert_worker(status, 1, 13205, "/status?full", "-", "-");
  assert_null(fcgip_php_fpm_status_process(status, 2));
}

/* A page with one worker, of which these are the values. */
static inline void assert_only_worker(const char *page, const char *uri, const char *user,
                                      const char *script)
{
  fcgip_php_fpm_status *status = parsed(page);

  assert_pool(status);
  assert_int_equal(fcgip_php_fpm_status_process_count(status), 1);
  assert_worker(status, 0, 1, uri, user, script);
  fcgip__php_fpm_free(status);
}

/* Every proper prefix is refused, whatever the content type. */
static inline void assert_no_prefix_is_read(const char *page, const char *type)
{
  fcgip_php_fpm_status *status;
  fcgip__mem mem;
  size_t len;

  assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
  for (len = 0; len < strlen(page); len++)
    assert_int_equal(parse_bytes(&status, &mem, page, len, type), FCGIP_ESTATUSFORMAT);
}

/* Each byte is replaced by some that mean something, and taken out: no crash, and no leak. */
static inline void survives_changes(const char *page)
{
  static const char instead[] = {'\0', '"', '\\', '<', '\n', '}', '9'};
  failing_allocator memory;
  fcgip_php_fpm_status *status;
  size_t len = strlen(page);
  char *copy = malloc(len);
  fcgip__mem mem;
  size_t i, j;

  assert_non_null(copy);
  failing_allocator_init(&memory);
  assert_int_equal(fcgip__mem_import(&mem, &memory.hook), FCGIP_OK);
  for (i = 0; i < len; i++) {
    for (j = 0; j <= sizeof(instead); j++) {
      size_t left = j < sizeof(instead) ? len : len - 1;
      int rc;

      memcpy(copy, page, len);
      if (j < sizeof(instead))
        copy[i] = instead[j];
      else
        memmove(copy + i, page + i + 1, len - i - 1);
      rc = parse_bytes(&status, &mem, copy, left, NULL);
      assert_true(rc == FCGIP_OK || rc == FCGIP_ESTATUSFORMAT);
      fcgip__php_fpm_free(status);
      assert_int_equal(memory.live_blocks, 0);
    }
  }
  assert_int_equal(memory.misuses, 0);
  free(copy);
}

/* Each allocation fails in turn: FCGIP_ENOMEM, and no leak. */
static inline void survives_failing_allocations(const char *page)
{
  failing_allocator memory;
  fcgip_php_fpm_status *status;
  fcgip__mem mem;
  size_t nth;
  int rc;

  failing_allocator_init(&memory);
  assert_int_equal(fcgip__mem_import(&mem, &memory.hook), FCGIP_OK);
  for (nth = 1;; nth++) {
    failing_allocator_fail_at(&memory, nth, FAIL_ONCE);
    rc = parse_bytes(&status, &mem, page, strlen(page), NULL);
    if (memory.failures == 0)
      break;
    assert_int_equal(rc, FCGIP_ENOMEM);
    assert_int_equal(memory.live_blocks, 0);
  }
  assert_int_equal(rc, FCGIP_OK);
  assert_true(nth > 2);
  fcgip__php_fpm_free(status);
  assert_int_equal(memory.live_blocks, 0);
  assert_int_equal(memory.misuses, 0);
}

#endif
