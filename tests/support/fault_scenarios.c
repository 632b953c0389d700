/* The scenarios. */
#include <stdio.h>
#include <string.h>

#include "support/fault_bench.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define UPLOAD_LEN 200000u

/* 1 if there is a proxy over one server. */
static int one_server(fault_bench *bench, const char *what)
{
  return fault_endpoint(bench, what) == FCGIP_OK && fault_proxy(bench) == FCGIP_OK;
}

static void sync_over(fault_bench *bench, const char *what)
{
  fault_request *request;

  if (!one_server(bench, what))
    return;
  request = fault_request_new(bench, "POST", 10);
  if (request != NULL)
    fault_send_sync(request);
}

static void sync_unix(fault_bench *bench)
{
  sync_over(bench, "unix");
}

static void sync_tcp(fault_bench *bench)
{
  sync_over(bench, "tcp");
}

static void sync_local(fault_bench *bench)
{
  sync_over(bench, "local");
}

static void sync_name(fault_bench *bench)
{
  sync_over(bench, "name");
}

static void three_async(fault_bench *bench)
{
  fault_request *requests[3];
  size_t i;

  if (!one_server(bench, "tcp"))
    return;
  for (i = 0; i < 3; i++) {
    requests[i] = fault_request_new(bench, i == 1 ? "POST" : "GET", i * 40);
    if (requests[i] == NULL)
      return;
    requests[i]->think_us = (uint32_t)(3 - i) * 3000;
    (void)fault_send(requests[i]);
  }
  fault_read(requests[2], 10);
  fault_read(requests[0], -1);
  fault_read(requests[1], -1);
  fault_read(requests[2], -1);
}

static void cluster_one_dead(fault_bench *bench)
{
  fcgip_response *response;
  fault_request *request;
  int rc;

  if (fault_endpoint(bench, "unix") < 0 || fault_endpoint(bench, "dead") < 0 ||
      fault_endpoint(bench, "tcp") < 0 || fault_cluster(bench) < 0)
    return;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL || !fault_send(request))
    return;
  while ((rc = fcgip_cluster_proxy_next_response(bench->cluster, -1, &response)) == 1)
    fault_take(bench, response);
  if (rc != 0)
    fault_wrong(bench, "next_response: %s", fcgip_errname(rc));
}

static void keep_alive(fault_bench *bench)
{
  size_t i;

  bench->options.max_idle_connections = 1;
  if (!one_server(bench, "unix"))
    return;
  for (i = 0; i < 3; i++) {
    fault_request *request = fault_request_new(bench, "GET", 0);

    if (request != NULL)
      fault_send_sync(request);
  }
}

/* The server closes what is idle, just as the next request comes. */
static void stale(fault_bench *bench)
{
  fault_request *request;

  bench->options.max_idle_connections = 2;
  if (!one_server(bench, "tcp"))
    return;
  bench->servers[0].listener->link.latency_us = 500;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL)
    return;
  fault_send_sync(request);
  sim_server_drop_idle(&bench->servers[0]);
  request = fault_request_new(bench, "GET", 0);
  if (request != NULL)
    fault_send_sync(request);
  sim_server_drop_idle(&bench->servers[0]);
  request = fault_request_new(bench, "POST", 9);
  if (request != NULL)
    fault_send_sync(request);
}

static void upload(fault_bench *bench)
{
  fault_request *request;

  if (!one_server(bench, "unix"))
    return;
  bench->servers[0].listener->link.up_cap = 20000;
  bench->servers[0].listener->link.down_cap = 20000;
  request = fault_request_new(bench, "POST", UPLOAD_LEN);
  if (request == NULL)
    return;
  request->body_len = 90000;
  request->writes_first = 1;
  fault_send_sync(request);
}

static void upload_from_source(fault_bench *bench)
{
  fault_request *request;

  if (!one_server(bench, "tcp"))
    return;
  request = fault_request_new(bench, "PUT", UPLOAD_LEN);
  if (request == NULL)
    return;
  request->starves = 1;
  if (!fault_send(request))
    return;
  fault_read(request, 5);
  if (request->results == 0)
    (void)fcgip_proxy_resume(bench->proxy, request->id);
  fault_read(request, -1);
}

/* Drives for so long, then cancels. */
static void cancel_after(fault_bench *bench, uint32_t connect_us, uint32_t think_us, int drive_ms,
                         size_t content_len)
{
  fault_request *request;

  bench->options.max_connections = 1;
  if (!one_server(bench, "tcp"))
    return;
  bench->servers[0].listener->link.connect_us = connect_us;
  bench->servers[0].listener->link.up_cap = 1000;
  bench->servers[0].read_most = 50;
  bench->servers[0].read_us = content_len > 0 ? 4000 : 0;
  request = fault_request_new(bench, "POST", content_len);
  if (request == NULL)
    return;
  request->think_us = think_us;
  if (!fault_send(request))
    return;
  fault_read(request, drive_ms);
  if (request->results == 0 && fcgip_proxy_cancel(bench->proxy, request->id) != FCGIP_OK)
    fault_wrong(bench, "it cannot be cancelled");
  if (bench->net.open > 0)
    fault_wrong(bench, "a descriptor is open after cancelling");
  fault_read(request, 0);
}

static void cancel_connecting(fault_bench *bench)
{
  cancel_after(bench, 20000, 0, 5, 0);
}

static void cancel_sending(fault_bench *bench)
{
  cancel_after(bench, 100, 0, 10, 30000);
}

static void cancel_waiting(fault_bench *bench)
{
  cancel_after(bench, 100, 60000, 10, 0);
}

static void cancel_done(fault_bench *bench)
{
  cancel_after(bench, 100, 0, 40, 0);
}

static void cancel_queued(fault_bench *bench)
{
  fault_request *first, *second;

  bench->options.max_connections = 1;
  if (!one_server(bench, "unix"))
    return;
  first = fault_request_new(bench, "GET", 0);
  second = fault_request_new(bench, "GET", 0);
  if (first == NULL || second == NULL || !fault_send(first) || !fault_send(second))
    return;
  if (fcgip_proxy_cancel(bench->proxy, second->id) != FCGIP_OK)
    fault_wrong(bench, "it cannot be cancelled");
  fault_read(second, -1);
  fault_read(first, -1);
}

static void backlog_full(fault_bench *bench)
{
  fault_request *request;

  bench->options.connect_timeout_ms = 60;
  if (!one_server(bench, "unix"))
    return;
  bench->servers[0].listener->state = SIM_SILENT;
  request = fault_request_new(bench, "GET", 0);
  if (request != NULL)
    fault_send_sync(request);
  bench->servers[0].listener->state = SIM_LISTENS;
}

static fault_request *with_callbacks(fault_bench *bench, const char *method)
{
  fault_request *request = fault_request_new(bench, method, 0);

  return request != NULL && fault_callbacks(request) ? request : NULL;
}

static void callback_sends(fault_bench *bench)
{
  fault_request *request;

  if (!one_server(bench, "unix"))
    return;
  request = with_callbacks(bench, "GET");
  if (request == NULL)
    return;
  request->sends = 1;
  if (fault_send(request))
    fault_wait(bench, -1);
}

static void callback_cancels(fault_bench *bench)
{
  fault_request *first, *second;

  if (!one_server(bench, "tcp"))
    return;
  first = with_callbacks(bench, "GET");
  second = with_callbacks(bench, "GET");
  if (first == NULL || second == NULL)
    return;
  first->cancels = 1;
  second->think_us = 5000;
  (void)fault_send(first);
  (void)fault_send(second);
  fault_wait(bench, -1);
}

static void callback_frees(fault_bench *bench)
{
  fault_request *first, *second;

  if (!one_server(bench, "unix"))
    return;
  first = with_callbacks(bench, "GET");
  second = with_callbacks(bench, "GET");
  if (first == NULL || second == NULL)
    return;
  first->frees_proxy = 1;
  second->think_us = 5000;
  (void)fault_send(first);
  (void)fault_send(second);
  fault_wait(bench, -1);
}

static void callback_refuses(fault_bench *bench)
{
  fault_request *request;

  if (!one_server(bench, "unix"))
    return;
  request = with_callbacks(bench, "GET");
  if (request == NULL)
    return;
  request->refuses = 1;
  if (fault_send(request))
    fault_wait(bench, -1);
}

static void queue_full(fault_bench *bench)
{
  size_t i;

  bench->options.max_connections = 1;
  bench->options.max_queued = 1;
  if (!one_server(bench, "unix"))
    return;
  for (i = 0; i < 3; i++) {
    fault_request *request = fault_request_new(bench, "GET", 0);

    if (request != NULL)
      (void)fault_send(request);
  }
  for (i = 0; i < bench->request_count; i++)
    fault_read(&bench->requests[i], -1);
}

static void failover(fault_bench *bench)
{
  size_t i;

  bench->proxy_options.flags = FCGIP_PROXY_FAILOVER;
  if (fault_endpoint(bench, "dead") < 0 || fault_endpoint(bench, "unix") < 0 ||
      fault_proxy(bench) < 0)
    return;
  for (i = 0; i < 2; i++) {
    fault_request *request = fault_request_new(bench, "POST", 20);

    if (request != NULL)
      fault_send_sync(request);
  }
}

static void paused(fault_bench *bench)
{
  fault_request *request;

  if (!one_server(bench, "unix"))
    return;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL || !fault_send(request))
    return;
  request->body_len = 30000;
  (void)fcgip_proxy_pause(bench->proxy, request->id);
  fault_read(request, 10);
  (void)fcgip_proxy_resume(bench->proxy, request->id);
  fault_read(request, -1);
}

static void body_not_kept(fault_bench *bench)
{
  fault_request *request;

  if (!one_server(bench, "unix"))
    return;
  request = with_callbacks(bench, "GET");
  if (request == NULL)
    return;
  request->body_len = 0;
  if (fcgip_request_set_body_kept(request->request, 0) == FCGIP_OK && fault_send(request))
    fault_wait(bench, -1);
}

const fault_scenario fault_scenarios[] = {
    {"sync over a Unix socket", sync_unix, 0},
    {"sync over TCP", sync_tcp, 0},
    {"sync over TCP within the machine", sync_local, 0},
    {"sync to a name with three addresses", sync_name, 0},
    {"three async", three_async, 0},
    {"cluster of three, one dead", cluster_one_dead, 0},
    {"keep-alive", keep_alive, 0},
    {"stale connections", stale, 1},
    {"upload over the socket buffer", upload, 0},
    {"upload from a source", upload_from_source, 0},
    {"cancel: queued", cancel_queued, 1},
    {"cancel: connecting", cancel_connecting, 1},
    {"cancel: sending", cancel_sending, 1},
    {"cancel: waiting", cancel_waiting, 1},
    {"cancel: done", cancel_done, 1},
    {"backlog full", backlog_full, 0},
    {"callback sends", callback_sends, 0},
    {"callback cancels", callback_cancels, 1},
    {"callback frees the proxy", callback_frees, 0},
    {"callback refuses", callback_refuses, 0},
    {"queue full", queue_full, 0},
    {"failover", failover, 0},
    {"paused", paused, 0},
    {"body not kept", body_not_kept, 0},
    {"status: text", fault_status_text, 0},
    {"status: JSON", fault_status_json, 0},
    {"status: XML", fault_status_xml, 0},
    {"status: OpenMetrics", fault_status_openmetrics, 0},
    {"loop: pull", fault_loop_pull, 0},
    {"loop: push", fault_loop_push, 0},
    {"loop: poll", fault_loop_poll, 0},
    {"contents: form, multipart, JSON", fault_contents, 0},
};
const size_t fault_scenario_count = COUNT_OF(fault_scenarios);
