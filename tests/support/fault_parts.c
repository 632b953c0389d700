/* What scenarios are made of: servers, endpoints, requests, and a user who looks at every result. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collection/endpoint.h"
#include "proxy/front.h"
#include "proxy/proxy.h"
#include "support/fault_bench.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

void fault_expect(fault_bench *bench, const char *what, int rc, const int *allowed, size_t count)
{
  size_t i;

  for (i = 0; i < count; i++)
    if (rc == allowed[i])
      return;
  fault_wrong(bench, "%s: %s", what, fcgip_errname(rc));
}

/* The server: answers the request with the token that its script's name says; a status page for everything else. */
void fault_serve(void *context, sim_worker *worker)
{
  fault_bench *bench = context;
  sim_script *script = &worker->script;
  uint16_t id = worker->question.id;
  const fault_request *request = NULL;
  static uint8_t body[65535];
  size_t left, n;

  if (bench->decide != NULL) {
    bench->decide(bench, worker);
    return;
  }
  if (worker->question.has_token && worker->question.token < bench->request_count)
    request = &bench->requests[worker->question.token];
  script->waits_for_content = request == NULL || !request->writes_first;
  if (request != NULL && request->writes_first)
    script->reading = SIM_READS_LATE;
  if (request != NULL && request->think_us > 0)
    sim_script_pause(script, request->think_us);
  if (request == NULL) {
    const char *page = bench->page != NULL ? bench->page : "Status: 404 Not Found\r\n\r\n";

    sim_record(&script->bytes, SIM_STDOUT, id, page, strlen(page), 5);
    sim_end(&script->bytes, id, 0, 0);
    return;
  }
  sim_record(&script->bytes, SIM_STDERR, id, "a warning", 9, 7);
  sim_record(&script->bytes, SIM_STDOUT, id, "Status: 200 OK\r\nX-A: b\r\n\r\n", 26, 6);
  for (left = request->body_len; left > 0; left -= n) {
    n = left < sizeof(body) ? left : sizeof(body);
    sim_content(body, worker->question.token, request->body_len - left, n);
    sim_record(&script->bytes, SIM_STDOUT, id, body, n, 3);
  }
  left = script->bytes.len;
  sim_end(&script->bytes, id, 0, 0);
  if (request->writes_first)
    script->tail_len = script->bytes.len - left;
}

static sim_listener *add_server(fault_bench *bench, sim_listener *listener)
{
  sim_server *server = &bench->servers[bench->server_count++];

  sim_server_init(server, listener, 3);
  server->server_data = bench;
  server->on_params = fault_serve;
  return listener;
}

static int resolve(void *context, const char *host, uint16_t port, fcgip__address_list *list)
{
  fault_bench *bench = context;
  size_t i;
  int rc = FCGIP_OK;

  (void)host;
  (void)port;
  /* All TCP listeners, in the order in which they were made. */
  for (i = 0; i < bench->net.listener_count && rc == FCGIP_OK; i++)
    if (bench->net.listeners[i]->address.ss_family == AF_INET)
      rc = fcgip__address_add_raw(list, &bench->net.listeners[i]->address,
                                  sizeof(struct sockaddr_in));
  return rc;
}

static int endpoint_by_name(fault_bench *bench, fcgip_endpoint **out)
{
  sim_listen_tcp(&bench->net, "10.0.0.1", 9000)->state = SIM_REFUSES;
  sim_listen_tcp(&bench->net, "10.0.0.2", 9000)->state = SIM_SILENT;
  add_server(bench, sim_listen_tcp(&bench->net, "10.0.0.3", 9000));
  bench->net.resolve = resolve;
  bench->net.resolve_data = bench;
  return fcgip__endpoint_new_tcp(out, "three.example", 9000, &bench->options, &bench->client.sys);
}

static int new_endpoint(fault_bench *bench, const char *what, fcgip_endpoint **out)
{
  char place[40];

  if (strcmp(what, "name") == 0)
    return endpoint_by_name(bench, out);
  if (strcmp(what, "unix") == 0 || strcmp(what, "dead") == 0) {
    snprintf(place, sizeof(place), "/run/%zu.sock", bench->server_count);
    add_server(bench, sim_listen_unix(&bench->net, place))->state =
        what[0] == 'd' ? SIM_REFUSES : SIM_LISTENS;
    return fcgip_endpoint_new_unix(out, place, &bench->options);
  }
  snprintf(place, sizeof(place), "%s.0.0.%zu", what[0] == 'l' ? "127" : "10",
           bench->server_count + 1);
  add_server(bench, sim_listen_tcp(&bench->net, place, 9000));
  if (what[0] == 'l')
    bench->servers[bench->server_count - 1].listener->link.connect_us = 0;
  return fcgip__endpoint_new_tcp(out, place, 9000, &bench->options, &bench->client.sys);
}

int fault_endpoint(fault_bench *bench, const char *what)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_ENOMEM};
  fcgip_endpoint_options *o = &bench->options;
  fcgip_endpoint **out = &bench->endpoints[bench->server_count];
  int rc;

  o->struct_size = sizeof(*o);
  o->allocator = &bench->hook;
  if (o->connect_timeout_ms == 0)
    o->connect_timeout_ms = 800;
  if (o->read_write_timeout_ms == 0)
    o->read_write_timeout_ms = 150;
  rc = new_endpoint(bench, what, out);
  fault_expect(bench, "making an endpoint", rc, allowed, COUNT_OF(allowed));
  if ((rc == FCGIP_OK) != (*out != NULL))
    fault_wrong(bench, "an endpoint and an error, or neither");
  return rc;
}

static int make_collection(fault_bench *bench, int is_cluster)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_ENOMEM};
  const fcgip_endpoint *endpoints[FAULT_SERVERS];
  size_t i;
  int rc;

  for (i = 0; i < bench->server_count; i++)
    endpoints[i] = bench->endpoints[i];
  rc = is_cluster ? fcgip_cluster_new(&bench->collection, endpoints, bench->server_count)
                  : fcgip_round_robin_new(&bench->collection, endpoints, bench->server_count);
  fault_expect(bench, "making a collection", rc, allowed, COUNT_OF(allowed));
  bench->proxy_options.struct_size = sizeof(bench->proxy_options);
  bench->proxy_options.allocator = &bench->hook;
  return rc;
}

int fault_proxy(fault_bench *bench)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_ENOMEM};
  int rc = make_collection(bench, 0);

  if (rc < 0)
    return rc;
  rc =
      fcgip__proxy_new(&bench->proxy, bench->collection, &bench->proxy_options, &bench->client.sys);
  fault_expect(bench, "making a proxy", rc, allowed, COUNT_OF(allowed));
  if (rc == FCGIP_OK)
    fault_seed_engine(bench);
  return rc;
}

int fault_cluster(fault_bench *bench)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_ENOMEM};
  int rc = make_collection(bench, 1);

  if (rc < 0)
    return rc;
  rc = fcgip__cluster_proxy_new(&bench->cluster, bench->collection, &bench->proxy_options,
                                &bench->client.sys);
  fault_expect(bench, "making a cluster proxy", rc, allowed, COUNT_OF(allowed));
  if (rc == FCGIP_OK)
    fault_seed_engine(bench);
  return rc;
}

static void on_release(void *context)
{
  fault_request *request = context;

  request->released++;
}

static int content_source(uint64_t offset, void *buffer, size_t cap, size_t *n, void *context)
{
  fault_request *request = context;
  uint64_t len = fcgip_request_content_length(request->request);

  if (request->starves) {
    request->starves = 0;
    return FCGIP_EAGAIN;
  }
  *n = offset < len ? (size_t)(len - offset) : 0;
  *n = *n < cap ? *n : cap;
  sim_content(buffer, (uint64_t)(request - request->bench->requests), offset, *n);
  return FCGIP_OK;
}

static int set_content(fault_request *request, const char *method, size_t len)
{
  size_t token = (size_t)(request - request->bench->requests);
  uint8_t *content;
  int rc;

  if (len == 0)
    return FCGIP_OK;
  if (strcmp(method, "PUT") == 0) {
    request->made++;
    return fcgip_request_set_content_source(request->request, content_source, len, request,
                                            on_release);
  }
  content = malloc(len);
  if (content == NULL)
    return FCGIP_ENOMEM;
  sim_content(content, token, 0, len);
  rc = fcgip_request_set_content(request->request, content, len);
  free(content);
  return rc;
}

fault_request *fault_request_new(fault_bench *bench, const char *method, size_t content_len)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_ENOMEM};
  size_t token = bench->request_count++;
  fault_request *request = &bench->requests[token];
  char script[24];
  int rc;

  memset(request, 0, sizeof(*request));
  request->bench = bench;
  request->body_len = 20;
  snprintf(script, sizeof(script), "/srv/%zu.php", token);
  rc = fcgip_request_new_with_allocator(&request->request, method, script, &bench->hook);
  if (rc == FCGIP_OK)
    rc = set_content(request, method, content_len);
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_custom_var(request->request, "SOME", "thing");
  if (rc == FCGIP_OK)
    rc = fcgip_request_add_http_header(request->request, "Accept", "text/html");
  fault_expect(bench, "making a request", rc, allowed, COUNT_OF(allowed));
  return rc == FCGIP_OK ? request : NULL;
}

/* Exactly what was sent, if all is well; a named error, if it is not. */
static void check_response(fault_request *request, const fcgip_response *response)
{
  static const int allowed[] = {FCGIP_OK,        FCGIP_ERESOLVE,  FCGIP_ECONNECT, FCGIP_EBUSY,
                                FCGIP_ETIMEDOUT, FCGIP_EWRITE,    FCGIP_EREAD,    FCGIP_ECANCELED,
                                FCGIP_ENOMEM,    FCGIP_EQUEUEFULL};
  size_t token = (size_t)(request - request->bench->requests), len;
  const uint8_t *body = fcgip_response_body(response, &len);

  request->error = fcgip_response_error(response);
  fault_expect(request->bench, "a result", request->error, allowed, COUNT_OF(allowed));
  if (request->error == FCGIP_OK &&
      (len != request->body_len || !sim_content_is(body, token, 0, len) ||
       fcgip_response_status(response) != 200 ||
       strcmp(fcgip_response_header_line(response, "x-a"), "b") != 0))
    fault_wrong(request->bench, "request %zu has another's or half a response", token);
  if (request->error != FCGIP_OK && fcgip_response_error_text(response)[0] == '\0')
    fault_wrong(request->bench, "request %zu failed without a sentence", token);
  if (request->error == FCGIP_ENOMEM && request->bench->uses[FAULT_ALLOCATION] == 0)
    fault_wrong(request->bench, "FCGIP_ENOMEM for nothing");
}

void fault_take(fault_bench *bench, fcgip_response *response)
{
  fcgip_request_id id = fcgip_response_request_id(response);
  size_t i;

  if (bench->cluster != NULL) {
    bench->cluster_results++;
    bench->cluster_ok += fcgip_response_error(response) == FCGIP_OK;
  } else {
    for (i = 0; i < bench->request_count; i++)
      if (bench->requests[i].is_sent && bench->requests[i].id == id)
        break;
    if (i == bench->request_count) {
      fault_wrong(bench, "a response that nobody waits for");
    } else {
      bench->requests[i].results++;
      check_response(&bench->requests[i], response);
    }
  }
  fcgip_response_free(response);
}

static void in_callback(fault_request *request)
{
  fault_bench *bench = request->bench;
  size_t i;

  if (request->sends) {
    request->sends = 0;
    if (bench->request_count < FAULT_REQUESTS - 1) {
      fault_request *next = fault_request_new(bench, "POST", 30);

      if (next != NULL && fault_callbacks(next))
        (void)fault_send(next);
    }
  }
  for (i = 0; request->cancels && i < bench->request_count; i++)
    if (bench->requests[i].is_sent && bench->requests[i].results == 0)
      (void)fcgip_proxy_cancel(bench->proxy, bench->requests[i].id);
  if (request->frees_proxy && !bench->is_gone) {
    fcgip_proxy_free(bench->proxy);
    bench->is_gone = 1;
    bench->client.is_gone = 1;
    if (bench->client.open > 0)
      fault_wrong(bench, "descriptors are open after the proxy was freed");
  }
}

static void on_result(fcgip_response *response, void *context)
{
  fault_request *request = context;

  if (request->bench->is_gone)
    fault_wrong(request->bench, "a callback after the proxy was freed");
  request->results++;
  check_response(request, response);
  in_callback(request);
}

static int on_piece(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                    size_t error_len, void *context)
{
  fault_request *request = context;

  (void)output;
  (void)error;
  if (request->is_sent && request->id != id)
    fault_wrong(request->bench, "a piece of another's response");
  if (output_len + error_len == 0 || request->bench->is_gone)
    fault_wrong(request->bench, "a piece of nothing, or too late");
  return request->refuses && output_len > 0;
}

int fault_callbacks(fault_request *request)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_ENOMEM};
  int rc;

  request->made++;
  rc = fcgip_request_add_response_callback(request->request, on_result, request, on_release);
  if (rc == FCGIP_OK) {
    request->made++;
    rc = fcgip_request_add_failure_callback(request->request, on_result, request, on_release);
  }
  if (rc == FCGIP_OK) {
    request->made++;
    rc = fcgip_request_add_pass_through_callback(request->request, on_piece, request, on_release);
  }
  fault_expect(request->bench, "adding a callback", rc, allowed, COUNT_OF(allowed));
  return rc == FCGIP_OK;
}

int fault_send(fault_request *request)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_ENOMEM, FCGIP_EQUEUEFULL, FCGIP_EREENTRANT};
  fault_bench *bench = request->bench;
  size_t pending;
  int rc;

  if (bench->is_gone)
    return 0;
  pending = fcgip_proxy_pending(bench->proxy);
  if (bench->cluster != NULL) {
    rc = fcgip_cluster_proxy_send_async_request(bench->cluster, request->request);
    bench->cluster_due += rc == FCGIP_OK ? (unsigned)bench->server_count : 0;
  } else {
    rc = fcgip_proxy_send_async_request(bench->proxy, request->request, &request->id);
    request->is_sent = rc == FCGIP_OK;
    if (rc < 0 && rc != FCGIP_EREENTRANT && fcgip_proxy_pending(bench->proxy) != pending)
      fault_wrong(bench, "sending failed, and something is pending");
  }
  fault_expect(bench, "sending", rc, allowed, COUNT_OF(allowed));
  if (rc == FCGIP_EREENTRANT && !bench->is_gone)
    fault_wrong(bench, "FCGIP_EREENTRANT for nothing");
  return rc == FCGIP_OK;
}

void fault_send_sync(fault_request *request)
{
  fault_bench *bench = request->bench;
  fcgip_response *response = NULL;
  int rc = fcgip_proxy_send_request(bench->proxy, request->request, &response);

  if (response == NULL) {
    if (rc != FCGIP_ENOMEM && rc != FCGIP_EQUEUEFULL)
      fault_wrong(bench, "sending and waiting: %s without a response", fcgip_errname(rc));
    return;
  }
  if (rc != fcgip_response_error(response))
    fault_wrong(bench, "sending and waiting: %s, and a response with %s", fcgip_errname(rc),
                fcgip_errname(fcgip_response_error(response)));
  request->is_sent = 1;
  request->id = fcgip_response_request_id(response);
  fault_take(bench, response);
}

void fault_read(fault_request *request, int timeout_ms)
{
  fault_bench *bench = request->bench;
  fcgip_response *response = NULL;
  int rc;

  if (!request->is_sent || request->results > 0 || bench->is_gone)
    return;
  rc = fcgip_proxy_read_response(bench->proxy, request->id, timeout_ms, &response);
  if (response != NULL)
    fault_take(bench, response);
  else if (rc != FCGIP_EAGAIN || timeout_ms < 0)
    fault_wrong(bench, "reading: %s without a response", fcgip_errname(rc));
}

void fault_wait(fault_bench *bench, int timeout_ms)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_EAGAIN, FCGIP_EREENTRANT};
  int rc;

  if (bench->is_gone)
    return;
  rc = bench->cluster != NULL ? fcgip_cluster_proxy_wait_for_responses(bench->cluster, timeout_ms)
                              : fcgip_proxy_wait_for_responses(bench->proxy, timeout_ms);
  fault_expect(bench, "waiting", rc, allowed, COUNT_OF(allowed));
  if ((rc == FCGIP_EREENTRANT) != bench->is_gone)
    fault_wrong(bench, "waiting: %s", fcgip_errname(rc));
}
