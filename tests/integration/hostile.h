/* A life in short, for tests that lead it in hostile surroundings: what a program does with the library, against four
 * servers, without assertions, as it runs in children and threads. */
#ifndef TEST_INTEGRATION_HOSTILE_H
#define TEST_INTEGRATION_HOSTILE_H

#include "integration/chaos_server.h"
#include "integration/fixture.h"

enum { IN_FLIGHT = 12, SKIPPED = 77, BIG = 300000 };

/* What a child has to say. */
static char *verdict;
enum { VERDICT_CAP = 256 };

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      snprintf(verdict, VERDICT_CAP, "line %d: %s", __LINE__, #condition);                         \
      return 1;                                                                                    \
    }                                                                                              \
  } while (0)

#define PASS_ON(call)                                                                              \
  do {                                                                                             \
    int passed_on = (call);                                                                        \
    if (passed_on != 0)                                                                            \
      return passed_on;                                                                            \
  } while (0)

static inline int skip_because(const char *reason)
{
  snprintf(verdict, VERDICT_CAP, "%s", reason);
  return SKIPPED;
}

static bad_server echo, status, silent, closing;

/* ---- servers ---- */

static inline void serve_echo(bad_server *s, int fd)
{
  if (bad_read_request(s, fd) == 0 &&
      bad_send_text(fd, BAD_STDOUT,
                    "STATUS: 201 Iyi\r\nCONTENT-TYPE: text/plain\r\nX-Id: 1\r\n\r\nhere") == 0 &&
      bad_send_much(fd, BAD_STDOUT, BIG) == 0)
    bad_send_end(fd);
}

static inline void serve_status(bad_server *s, int fd)
{
  static const char page[] =
      "Content-Type: application/json\r\n\r\n"
      "{\"pool\":\"www\",\"process manager\":\"static\",\"start time\":1700000000,"
      "\"start since\":5,\"accepted conn\":3,\"listen queue\":0,\"max listen queue\":0,"
      "\"listen queue len\":128,\"idle processes\":1,\"active processes\":1,\"total processes\":2,"
      "\"max active processes\":1,\"max children reached\":0,\"slow requests\":0,"
      "\"processes\":[{\"pid\":7,\"state\":\"Idle\",\"start time\":1700000000,\"start since\":5,"
      "\"requests\":1,\"request duration\":100,\"request method\":\"GET\",\"request uri\":\"/\","
      "\"content length\":0,\"user\":\"-\",\"script\":\"/i.php\",\"last request cpu\":12.5,"
      "\"last request memory\":4096}]}";

  if (bad_read_request(s, fd) == 0 && bad_send_text(fd, BAD_STDOUT, page) == 0)
    bad_send_end(fd);
}

static inline void serve_silence(bad_server *s, int fd)
{
  bad_wait_for_hangup(s, fd);
}

static inline void serve_closing(bad_server *s, int fd)
{
  uint8_t some[8];

  (void)s;
  bad_receive(fd, some, sizeof(some));
}

/* ---- short ways that do not assert ---- */

static inline fcgip_proxy *open_proxy(const bad_server *at)
{
  const fcgip_endpoint_options options = {
      .struct_size = sizeof(options), .connect_timeout_ms = 60000, .read_write_timeout_ms = 60000};
  fcgip_endpoint *endpoint = NULL;
  fcgip_collection *collection = NULL;
  fcgip_proxy *proxy = NULL;

  if (fcgip_endpoint_parse(&endpoint, at->address, &options) == FCGIP_OK) {
    const fcgip_endpoint *only = endpoint;

    if (fcgip_round_robin_new(&collection, &only, 1) == FCGIP_OK)
      (void)fcgip_proxy_new(&proxy, collection, NULL);
  }
  fcgip_collection_free(collection);
  fcgip_endpoint_free(endpoint);
  return proxy;
}

static inline fcgip_request *upload_of(size_t len)
{
  uint8_t *content = malloc(len + 1);
  fcgip_request *request = NULL;
  size_t i;

  if (content == NULL)
    return NULL;
  for (i = 0; i < len; i++)
    content[i] = bad_byte(i);
  if (fcgip_request_new(&request, "PUT", "/x.php") == FCGIP_OK)
    (void)fcgip_request_set_content(request, content, len);
  free(content);
  return request;
}

static inline int response_is_good(const fcgip_response *response)
{
  size_t len;

  fcgip_response_body(response, &len);
  return fcgip_response_error(response) == FCGIP_OK && fcgip_response_status(response) == 201 &&
         len == 4 + BIG && fcgip_response_header(response, "content-type") != NULL &&
         fcgip_response_header(response, "x-ID") != NULL;
}

/* One after the other, and all at once. */
static inline int exchange_some(const bad_server *at)
{
  fcgip_proxy *proxy = open_proxy(at);
  fcgip_request *request = upload_of(BIG);
  fcgip_request_id ids[IN_FLIGHT];
  fcgip_response *response;
  int i;

  CHECK(proxy != NULL && request != NULL);
  for (i = 0; i < 3; i++) {
    CHECK(fcgip_proxy_send_request(proxy, request, &response) == FCGIP_OK);
    CHECK(response_is_good(response));
    fcgip_response_free(response);
  }
  for (i = 0; i < IN_FLIGHT; i++)
    CHECK(fcgip_proxy_send_async_request(proxy, request, &ids[i]) == FCGIP_OK);
  for (i = 0; i < IN_FLIGHT; i++) {
    CHECK(fcgip_proxy_read_response(proxy, ids[i], -1, &response) == FCGIP_OK);
    CHECK(response_is_good(response));
    fcgip_response_free(response);
  }
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  return 0;
}

static inline int ask_for_status(void)
{
  fcgip_cluster_proxy *cluster;
  fcgip_status_list *list;
  fcgip_endpoint *endpoint;
  const fcgip_endpoint *only;
  fcgip_collection *collection;
  const fcgip_php_fpm_status *page;
  double cpu;

  CHECK(fcgip_endpoint_parse(&endpoint, status.address, NULL) == FCGIP_OK);
  only = endpoint;
  CHECK(fcgip_cluster_new(&collection, &only, 1) == FCGIP_OK);
  CHECK(fcgip_cluster_proxy_new(&cluster, collection, NULL) == FCGIP_OK);
  CHECK(fcgip_cluster_proxy_get_status(cluster, "/status?json&full", -1, &list) == FCGIP_OK);
  page = fcgip_server_status_php_fpm(fcgip_status_list_at(list, 0));
  CHECK(page != NULL && fcgip_php_fpm_status_process_count(page) == 1);
  CHECK(fcgip_php_fpm_status_idle_processes(page) == 1);
  cpu = fcgip_php_fpm_process_last_request_cpu(fcgip_php_fpm_status_process(page, 0));
  CHECK(cpu > 12.49 && cpu < 12.51);
  fcgip_status_list_free(list);
  fcgip_cluster_proxy_free(cluster);
  fcgip_collection_free(collection);
  fcgip_endpoint_free(endpoint);
  return 0;
}

static inline int fail_some(void)
{
  fcgip_proxy *proxy = open_proxy(&closing);
  fcgip_request *request = upload_of(4 * BIG);
  fcgip_response *response;
  int i;

  CHECK(proxy != NULL && request != NULL);
  for (i = 0; i < 4; i++) {
    int rc = fcgip_proxy_send_request(proxy, request, &response);

    CHECK(rc == FCGIP_EREAD || rc == FCGIP_EWRITE);
    fcgip_response_free(response);
  }
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  return 0;
}

static inline int form_and_multipart(void)
{
  fcgip_proxy *proxy = open_proxy(&silent);
  fcgip_multipart *multipart;
  fcgip_form *form;
  fcgip_request *request;
  fcgip_response *response;
  fcgip_request_id id;
  int rc;

  CHECK(proxy != NULL && fcgip_request_new(&request, "POST", "/x.php") == FCGIP_OK);
  CHECK(fcgip_request_add_http_header(request, "if-modified-since", "x") == FCGIP_OK);
  CHECK(fcgip_form_new(&form) == FCGIP_OK && fcgip_form_add(form, "i", "\xfd I") == FCGIP_OK);
  CHECK(strcmp(fcgip_form_content(form, NULL), "i=%FD+I") == 0);
  CHECK(fcgip_request_set_form(request, form) == FCGIP_OK);
  fcgip_form_free(form);
  CHECK(fcgip_multipart_new(&multipart) == FCGIP_OK);
  rc = fcgip_multipart_add_file(multipart, "f", "/proc/self/status", NULL, NULL);
  CHECK(rc == FCGIP_OK || rc == FCGIP_EFILE);
  CHECK(fcgip_request_set_multipart(request, multipart) == FCGIP_OK);
  fcgip_multipart_free(multipart);
  CHECK(fcgip_proxy_send_async_request(proxy, request, &id) == FCGIP_OK);
  CHECK(fcgip_proxy_read_response(proxy, id, 20, &response) == FCGIP_EAGAIN);
  CHECK(fcgip_proxy_cancel(proxy, id) == FCGIP_OK);
  CHECK(fcgip_proxy_read_response(proxy, id, 0, &response) == FCGIP_ECANCELED);
  fcgip_response_free(response);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  return 0;
}

/* Something of everything. */
static inline int live_a_little(void)
{
  PASS_ON(exchange_some(&echo));
  PASS_ON(ask_for_status());
  PASS_ON(fail_some());
  return form_and_multipart();
}

#endif
