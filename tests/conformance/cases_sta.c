/* STA: status pages, which anyone may have written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/fixture.h"
#include "conformance/fpm_cases.h"
#include "conformance/memory.h"

#define JSON                                                                                       \
  "{\"pool\":\"www\",\"process manager\":\"dynamic\",\"start time\":1795369135,\"start "           \
  "since\":58,"                                                                                    \
  "\"accepted conn\":4,\"listen queue\":0,\"max listen queue\":0,\"listen queue len\":511,"        \
  "\"idle processes\":1,\"active processes\":1,\"total processes\":2,\"max active processes\":2,"  \
  "\"max children reached\":0,\"slow requests\":3"
#define PROCESS(uri)                                                                               \
  "{\"pid\":15866,\"state\":\"Running\",\"start time\":1795369135,\"start "                        \
  "since\":58,\"requests\":3,"                                                                     \
  "\"request duration\":57,\"request method\":\"GET\",\"request uri\":\"" uri                      \
  "\",\"content length\":0,"                                                                       \
  "\"user\":\"-\",\"script\":\"-\",\"last request cpu\":0.50,\"last request memory\":2097152}"
#define JSON_FULL(uri) JSON ", \"processes\":[" PROCESS(uri) "]}"
#define TEXT                                                                                       \
  "pool:                 www\nprocess manager:      dynamic\n"                                     \
  "start time:           22/Nov/2026:17:38:55 +0000\nstart since:          58\naccepted conn:    " \
  "    4\n"                                                                                        \
  "listen queue:         0\nmax listen queue:     0\nlisten queue len:     511\nidle processes:  " \
  "     1\n"                                                                                       \
  "active processes:     1\ntotal processes:      2\nmax active processes: 2\nmax children "       \
  "reached: 0\n"                                                                                   \
  "slow requests:        3\n"
#define XML                                                                                        \
  "<?xml version=\"1.0\" "                                                                         \
  "?>\n<status>\n<pool>www</pool>\n<process-manager>dynamic</process-manager>\n"                   \
  "<start-time>1795369135</start-time>\n<start-since>58</start-since>\n<accepted-conn>4</"         \
  "accepted-conn>\n"                                                                               \
  "<listen-queue>0</listen-queue>\n<max-listen-queue>0</"                                          \
  "max-listen-queue>\n<listen-queue-len>511</listen-queue-len>\n"                                  \
  "<idle-processes>1</idle-processes>\n<active-processes>1</"                                      \
  "active-processes>\n<total-processes>2</total-processes>\n"                                      \
  "<max-active-processes>2</max-active-processes>\n<max-children-reached>0</"                      \
  "max-children-reached>\n"                                                                        \
  "<slow-requests>3</slow-requests>\n</status>\n"

/* A cluster of one peer, whose next page is to be said. */
typedef struct page {
  conf_test *test;
  peer *peer;
  fcgip_collection *collection;
  fcgip_cluster_proxy *cluster;
  fcgip_status_list *list; /* the last answer */
  uint8_t *bytes;
} page;

static void page_new(page *p, conf_test *test)
{
  fcgip_endpoint_options options = conf_fcgiproxy_options(&(conf_request){0});
  const fcgip_proxy_options proxy = {.struct_size = sizeof(proxy), .allocator = memory_allocator()};
  fcgip_endpoint *endpoint = NULL;
  const fcgip_endpoint *list[1];

  memset(p, 0, sizeof(*p));
  p->test = test;
  if (peer_new(&p->peer, PEER_UNIX, test->folder) != 0 ||
      fcgip_endpoint_parse(&endpoint, peer_address(p->peer), &options) != FCGIP_OK)
    abort();
  list[0] = endpoint;
  if (fcgip_cluster_new(&p->collection, list, 1) != FCGIP_OK ||
      fcgip_cluster_proxy_new(&p->cluster, p->collection, &proxy) != FCGIP_OK)
    abort();
  fcgip_endpoint_free(endpoint);
}

static void page_free(page *p)
{
  fcgip_status_list_free(p->list);
  fcgip_cluster_proxy_free(p->cluster);
  fcgip_collection_free(p->collection);
  peer_free(p->peer);
}

/* STDOUT in records as large as may be, and END_REQUEST. */
static size_t answer(uint8_t *to, const char *head, const char *body, size_t len)
{
  static const uint8_t end[] = {1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  size_t at = 0, n, head_len = strlen(head);

  while (head_len > 0 || len > 0) {
    n = head_len > 0 ? head_len : len < 65535 ? len : 65535;
    to[at] = 1;
    to[at + 1] = 6;
    to[at + 2] = to[at + 6] = to[at + 7] = 0;
    to[at + 3] = 1;
    to[at + 4] = (uint8_t)(n >> 8);
    to[at + 5] = (uint8_t)n;
    memcpy(to + at + 8, head_len > 0 ? head : body, n);
    at += 8 + n;
    body += head_len > 0 ? 0 : n;
    len -= head_len > 0 ? 0 : n;
    head_len = 0;
  }
  memcpy(to + at, end, sizeof(end));
  return at + sizeof(end);
}

/* Asks for `path`; the server says this. Returns the error of the entry. */
static int ask(page *p, const char *path, const char *head, const char *body, size_t len)
{
  uint8_t *bytes = malloc(len + strlen(head) + len / 65535 * 8 + 64);
  peer_step_spec steps[2] = {{.op = PEER_READ_REQUEST}, {.op = PEER_SEND, .data = bytes}};
  const peer_script script = {steps, 2};

  if (bytes == NULL)
    abort();
  steps[1].len = answer(bytes, head, body, len);
  peer_reset(p->peer);
  peer_play(p->peer, 0, &script);
  fcgip_status_list_free(p->list);
  p->list = NULL;
  peer_thread_start(p->peer);
  CHECK(p->test, fcgip_cluster_proxy_get_status(p->cluster, path, 30000, &p->list) == FCGIP_OK);
  peer_thread_stop(p->peer);
  peer_reset(p->peer);
  free(bytes);
  p->test->runs++;
  CHECK(p->test, p->list != NULL && fcgip_status_list_count(p->list) == 1);
  return fcgip_server_status_error(fcgip_status_list_at(p->list, 0));
}

static const fcgip_php_fpm_status *status_of(const page *p)
{
  return fcgip_server_status_php_fpm(fcgip_status_list_at(p->list, 0));
}

#define JSON_HEAD "Content-Type: application/json\r\n\r\n"
#define TEXT_HEAD "Content-Type: text/plain;charset=UTF-8\r\n\r\n"
#define XML_HEAD "Content-Type: text/xml\r\n\r\n"

static void all_fields(page *p, const char *path, const char *head, const char *body)
{
  const fcgip_php_fpm_status *s;
  conf_test *test = p->test;
  int rc = ask(p, path, head, body, strlen(body));

  if (!conf_check(test, rc == FCGIP_OK && status_of(p) != NULL, "%s: %d (%s)", path, rc,
                  fcgip_server_status_error_text(fcgip_status_list_at(p->list, 0))))
    return;
  s = status_of(p);
  CHECK(test, strcmp(fcgip_php_fpm_status_pool_name(s), "www") == 0);
  CHECK(test, strcmp(fcgip_php_fpm_status_process_manager(s), "dynamic") == 0);
  CHECK(test, fcgip_php_fpm_status_start_time(s) == 1795369135);
  CHECK(test, fcgip_php_fpm_status_start_since(s) == 58 &&
                  fcgip_php_fpm_status_accepted_connections(s) == 4);
  CHECK(test, fcgip_php_fpm_status_listen_queue(s) == 0 &&
                  fcgip_php_fpm_status_listen_queue_length(s) == 511);
  CHECK(test, fcgip_php_fpm_status_idle_processes(s) == 1 &&
                  fcgip_php_fpm_status_active_processes(s) == 1);
  CHECK(test, fcgip_php_fpm_status_total_processes(s) == 2 &&
                  fcgip_php_fpm_status_max_active_processes(s) == 2);
  CHECK(test, fcgip_php_fpm_status_slow_requests(s) == 3 &&
                  fcgip_php_fpm_status_max_children_reached(s) == 0);
  CHECK(test, fcgip_php_fpm_status_has(s, FCGIP_PHP_FPM_SLOW_REQUESTS) == 1);
  CHECK(test, fcgip_php_fpm_status_has(s, FCGIP_PHP_FPM_MEMORY_PEAK) == 0);
}

static void formats(conf_test *test)
{
  page p;

  page_new(&p, test);
  all_fields(&p, "/status?json", JSON_HEAD, JSON "}");
  all_fields(&p, "/status?json&full", JSON_HEAD, JSON_FULL("\\/status?json&full"));
  CHECK(test, fcgip_php_fpm_status_process_count(status_of(&p)) == 1);
  CHECK(test,
        strcmp(fcgip_php_fpm_process_request_uri(fcgip_php_fpm_status_process(status_of(&p), 0)),
               "/status?json&full") == 0);
  CHECK(test, fcgip_php_fpm_process_pid(fcgip_php_fpm_status_process(status_of(&p), 0)) == 15866);
  all_fields(&p, "/status", TEXT_HEAD, TEXT);
  all_fields(&p, "/status?xml", XML_HEAD, XML);
  page_free(&p);
}

/* What a remote user can put into a page: it stays one value of one process. */
static void spoofed(conf_test *test)
{
  static const struct {
    const char *in, *out;
  } uris[] = {{"\\\"},{\\\"pid\\\":1", "\"},{\"pid\":1"},
              {"\\\\", "\\"},
              {"\\n************************\\npid: 1", "\n************************\npid: 1"},
              {"\\u003cpid\\u003e", "<pid>"},
              {"<\\/process><process>", "</process><process>"},
              {"\\u00e4\\u20ac", "\xc3\xa4\xe2\x82\xac"}};
  char body[3000];
  const char *got;
  size_t i;
  page p;

  page_new(&p, test);
  for (i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
    snprintf(body, sizeof(body), "%s, \"processes\":[{\"pid\":7,\"request uri\":\"%s\"}]}", JSON,
             uris[i].in);
    if (!CHECK(test, ask(&p, "/status?json&full", JSON_HEAD, body, strlen(body)) == FCGIP_OK))
      continue;
    CHECK(test, fcgip_php_fpm_status_process_count(status_of(&p)) == 1 &&
                    fcgip_php_fpm_status_total_processes(status_of(&p)) == 2);
    got = fcgip_php_fpm_process_request_uri(fcgip_php_fpm_status_process(status_of(&p), 0));
    conf_check(test, strcmp(got, uris[i].out) == 0, "\"%s\" became \"%s\"", uris[i].in, got);
    CHECK(test, fcgip_php_fpm_process_pid(fcgip_php_fpm_status_process(status_of(&p), 0)) == 7);
  }
  page_free(&p);
}

/* Cut at every byte: an error, or a page that has less. */
static void cut(page *p, const char *path, const char *head, const char *body, int is_strict)
{
  size_t len = strlen(body), k;
  int rc;

  for (k = 0; k < len; k++) {
    rc = ask(p, path, head, body, k);
    conf_check(p->test,
               rc == FCGIP_ESTATUSFORMAT || (rc == FCGIP_OK && (!is_strict || k + 2 >= len)),
               "%s, %zu bytes: %d", path, k, rc);
    conf_check(p->test, (rc == FCGIP_OK) == (status_of(p) != NULL), "%s, %zu bytes: %d", path, k,
               rc);
    if (rc == FCGIP_OK && fcgip_php_fpm_status_has(status_of(p), FCGIP_PHP_FPM_START_SINCE) == 0)
      CHECK(p->test, fcgip_php_fpm_status_start_since(status_of(p)) == 0);
  }
}

static void truncated(conf_test *test)
{
  static const struct {
    const char *page;
    int rc;
  } odd[] = {{JSON "} and more", FCGIP_ESTATUSFORMAT},
             {JSON "}}", FCGIP_ESTATUSFORMAT},
             {"{}", FCGIP_ESTATUSFORMAT},
             {"[]", FCGIP_ESTATUSFORMAT},
             {"null", FCGIP_ESTATUSFORMAT},
             {JSON ",\"pool\":\"again\"}", FCGIP_OK}, /* the first one counts */
             {JSON ",\"new key\":17}", FCGIP_OK},
             {"{\"pool\":\"www\"}", FCGIP_OK}};
  const char *key = "", *value = "";
  size_t i;
  page p;
  int rc;

  page_new(&p, test);
  cut(&p, "/status?json&full", JSON_HEAD, JSON_FULL("\\/x"), 1);
  cut(&p, "/status?xml", XML_HEAD, XML, 1);
  cut(&p, "/status", TEXT_HEAD, TEXT, 0);
  for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
    rc = ask(&p, "/status?json", JSON_HEAD, odd[i].page, strlen(odd[i].page));
    conf_check(test, rc == odd[i].rc && (status_of(&p) != NULL) == (rc == FCGIP_OK), "%s: %d",
               odd[i].page, rc);
    if (status_of(&p) != NULL)
      conf_check(test, strcmp(fcgip_php_fpm_status_pool_name(status_of(&p)), "www") == 0, "%s: %s",
                 odd[i].page, fcgip_php_fpm_status_pool_name(status_of(&p)));
    if (status_of(&p) != NULL)
      conf_check(test, fcgip_php_fpm_status_extra_count(status_of(&p)) == (i == 6), "%s",
                 odd[i].page);
    if (i == 6 && fcgip_php_fpm_status_extra(status_of(&p), 0, &key, &value) == FCGIP_OK)
      conf_check(test, strcmp(key, "new key") == 0 && strcmp(value, "17") == 0, "%s: %s", key,
                 value);
  }
  CHECK(test, fcgip_php_fpm_status_has(status_of(&p), FCGIP_PHP_FPM_TOTAL_PROCESSES) == 0);
  page_free(&p);
}

static int large(page *p, const char *open, const char *each, size_t times, const char *close_with)
{
  size_t len = strlen(open) + strlen(each) * times + strlen(close_with) + 1, at = strlen(open), i;
  char *body = malloc(len);
  int rc;

  if (body == NULL)
    abort();
  strcpy(body, open);
  for (i = 0; i < times; i++, at += strlen(each))
    memcpy(body + at, each, strlen(each));
  strcpy(body + at, close_with);
  rc = ask(p, "/status?json&full", JSON_HEAD, body, strlen(body));
  free(body);
  return rc;
}

/* Numbers above the range are its greatest, counts below zero are 0; what is no number makes no page, and of what php-fpm
 * never prints there is no field. */
static void numbers(conf_test *test)
{
  static const struct {
    const char *value;
    int rc, has;
    uint64_t number;
  } rows[] = {{"9223372036854775807", FCGIP_OK, 1, INT64_MAX},
              {"9223372036854775808", FCGIP_OK, 1, (uint64_t)INT64_MAX + 1},
              {"18446744073709551615", FCGIP_OK, 1, UINT64_MAX},
              {"18446744073709551616", FCGIP_OK, 1, UINT64_MAX},
              {"-1", FCGIP_OK, 1, 0},
              {"007", FCGIP_OK, 1, 7},
              {"[]", FCGIP_OK, 0, 0},
              {"{}", FCGIP_OK, 0, 0},
              {"1e400", FCGIP_ESTATUSFORMAT, 0, 0},
              {"1e5", FCGIP_ESTATUSFORMAT, 0, 0},
              {"0x10", FCGIP_ESTATUSFORMAT, 0, 0},
              {"--1", FCGIP_ESTATUSFORMAT, 0, 0},
              {"true", FCGIP_ESTATUSFORMAT, 0, 0},
              {"null", FCGIP_ESTATUSFORMAT, 0, 0},
              {"\"\\u0000\"", FCGIP_ESTATUSFORMAT, 0, 0},
              {"\"\\ud800\"", FCGIP_ESTATUSFORMAT, 0, 0},
              {"\"\\udc00\\ud800\"", FCGIP_ESTATUSFORMAT, 0, 0},
              {"", FCGIP_ESTATUSFORMAT, 0, 0}};
  const fcgip_php_fpm_status *s;
  char body[3000];
  size_t i;
  int rc;
  page p;

  page_new(&p, test);
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    snprintf(body, sizeof(body), "{\"pool\":\"www\",\"accepted conn\":%s,\"total processes\":2}",
             rows[i].value);
    rc = ask(&p, "/status?json", JSON_HEAD, body, strlen(body));
    s = status_of(&p);
    if (!conf_check(test, rc == rows[i].rc && (s != NULL) == (rc == FCGIP_OK), "%s: %d",
                    rows[i].value, rc) ||
        s == NULL)
      continue;
    conf_check(test,
               fcgip_php_fpm_status_has(s, FCGIP_PHP_FPM_ACCEPTED_CONNECTIONS) == rows[i].has &&
                   fcgip_php_fpm_status_accepted_connections(s) == rows[i].number &&
                   fcgip_php_fpm_status_total_processes(s) == 2,
               "%s became %llu", rows[i].value,
               (unsigned long long)fcgip_php_fpm_status_accepted_connections(s));
  }
  page_free(&p);
}

/* The same where a text stands: the lone halves of a pair, and what ends texts in C. */
static void texts(conf_test *test)
{
  static const struct {
    const char *in, *out;
  } rows[] = {{"a\\u0000b", "a\xef\xbf\xbd"
                            "b"},
              {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
              {"\\ud800", "\xef\xbf\xbd"},
              {"\\udc00\\ud800", "\xef\xbf\xbd\xef\xbf\xbd"},
              {"\\ud800x", "\xef\xbf\xbdx"}};
  char body[3000];
  const char *got;
  size_t i;
  page p;

  page_new(&p, test);
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    snprintf(body, sizeof(body), "%s, \"processes\":[{\"pid\":7,\"request uri\":\"%s\"}]}", JSON,
             rows[i].in);
    if (!CHECK(test, ask(&p, "/status?json&full", JSON_HEAD, body, strlen(body)) == FCGIP_OK))
      continue;
    got = fcgip_php_fpm_process_request_uri(fcgip_php_fpm_status_process(status_of(&p), 0));
    conf_check(test, strcmp(got, rows[i].out) == 0, "\"%s\" became \"%s\"", rows[i].in, got);
  }
  page_free(&p);
}

static void large_pages(conf_test *test)
{
  page p;

  page_new(&p, test);
  CHECK(test, large(&p, JSON ",\"deep\":", "[", 10000, "") == FCGIP_ESTATUSFORMAT);
  CHECK(test, large(&p, JSON ",\"deep\":", "{\"a\":", 10000, "") == FCGIP_ESTATUSFORMAT);
  CHECK(test,
        large(&p, JSON ",\"processes\":[", "{\"pid\":1},", 100000, "{\"pid\":2}]}") == FCGIP_OK &&
            fcgip_php_fpm_status_process_count(status_of(&p)) == 100001);
  /* A value of 10 MB is more than is kept of a key that is not known. */
  CHECK(test, large(&p, JSON ",\"long\":\"", "0123456789", 1000000, "\"}") == FCGIP_OK &&
                  fcgip_php_fpm_status_extra_count(status_of(&p)) == 0);
  page_free(&p);
}

static void other_pages(conf_test *test)
{
  page p;

  page_new(&p, test);
  CHECK(test, ask(&p, "/status", "Status: 404 Not Found\r\nContent-type: text/html\r\n\r\n",
                  "File not found.\n", 16) == FCGIP_ESTATUSPATH);
  CHECK(test, status_of(&p) == NULL);
  CHECK(test, ask(&p, "/status", "Content-Type: text/html\r\n\r\n", "<html>hello</html>", 18) ==
                  FCGIP_ESTATUSFORMAT);
  CHECK(test, ask(&p, "/status?json", JSON_HEAD, "", 0) == FCGIP_ESTATUSFORMAT);
  CHECK(test, ask(&p, "/status", TEXT_HEAD, "", 0) == FCGIP_ESTATUSFORMAT && status_of(&p) == NULL);
  CHECK(test, ask(&p, "/status?json", "Content-Type: image/png\r\n\r\n", "\x89PNG", 4) ==
                  FCGIP_ESTATUSFORMAT);
  CHECK(test, ask(&p, "/status", "Status: 500 Internal\r\n\r\n", TEXT, strlen(TEXT)) != FCGIP_OK &&
                  status_of(&p) == NULL);
  page_free(&p);
}

#define ROW(number, flags_, function)                                                              \
  {                                                                                                \
    .id = "STA-" number, .level = 'M', .flags = (flags_), .run = (function), .needs = HAS_API      \
  }

static const conf_case cases[] = {
    ROW("01", 0, formats),
    ROW("01", SLOW, fpm_status_pages),
    ROW("02", 0, spoofed),
    ROW("03", SLOW, truncated),
    ROW("04", 0, numbers),
    ROW("04", 0, texts),
    ROW("04", SLOW, large_pages),
    ROW("05", 0, other_pages),
    ROW("06", SLOW, fpm_status_busy),
};

CONF_GROUP(conf_sta, "STA", cases);
