/* NET: connecting and socket errors; CLU: failover and its deadline. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "cases.h"
#include "support/fault_bench.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static int errno_now;

static void get_over(fault_bench *bench, const char *what)
{
  if (!sim_case_server(bench, what))
    return;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
}

static void connect_fails(fault_bench *bench)
{
  get_over(bench, "tcp");
  sim_case_result(bench, FCGIP_ECONNECT, errno_now, NULL);
  SIM_CHECK(bench, bench->net.open == 0);
}

static void connect_goes_on(fault_bench *bench)
{
  get_over(bench, "tcp");
  sim_case_result(bench, FCGIP_OK, 0, NULL);
  SIM_CHECK(bench, bench->net.calls[SIM_CONNECT] == 1);
}

static void so_error_fails(fault_bench *bench)
{
  if (!sim_case_server(bench, "tcp"))
    return;
  bench->servers[0].listener->state = SIM_REFUSES;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  sim_case_result(bench, FCGIP_ECONNECT, -1, NULL);
  bench->servers[0].listener->state = SIM_LISTENS;
}

/* poll's word is no proof of anything: it says HUP, and nothing has happened. */
static void hup_without_error(fault_bench *bench)
{
  bench->options.connect_timeout_ms = 70;
  if (!sim_case_server(bench, "tcp"))
    return;
  bench->servers[0].listener->state = SIM_SILENT;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "connect_timeout_ms");
  sim_case_took(bench, 70000);
  bench->servers[0].listener->state = SIM_LISTENS;
}

static void with_error(fault_bench *bench, unsigned call, int number, int stays,
                       void (*scenario)(fault_bench *))
{
  const fault_kind kind = {"the errno", call, {.error = number}, 0, 0, 0};
  const fault f = {&kind, 1, stays};

  errno_now = number;
  sim_case_run(bench, scenario, &f, 1);
}

static void backlog_stays_full(fault_bench *bench)
{
  bench->options.connect_timeout_ms = 500;
  if (!sim_case_server(bench, "unix"))
    return;
  bench->servers[0].listener->state = SIM_SILENT;
  sim_case_sync(bench, fault_request_new(bench, "POST", 30));
  sim_case_result(bench, FCGIP_EBUSY, 0, NULL);
  sim_case_took(bench, 500000);
  SIM_CHECK(bench, bench->net.calls[SIM_CONNECT] < 30); /* 1, 2, 4 ... 50 ms, less up to a half */
  SIM_CHECK(bench, bench->net.calls[SIM_CONNECT] == bench->net.calls[SIM_CLOSE]);
  bench->servers[0].listener->state = SIM_LISTENS;
}

/* 3 workers and a backlog of 4 for 60 requests of 5 ms each: all of them have their turn. */
static void backlog_is_short(fault_bench *bench)
{
  fcgip_response *response;
  fault_request *request;
  size_t i, n = 0;

  if (!sim_case_server(bench, "unix"))
    return;
  bench->servers[0].listener->backlog = 4;
  request = fault_request_new(bench, "POST", 30);
  if (request == NULL)
    return;
  request->think_us = 5000;
  for (i = 0; i < 60; i++)
    SIM_CHECK(bench,
              fcgip_proxy_send_async_request(bench->proxy, request->request, NULL) == FCGIP_OK);
  while (fcgip_proxy_next_response(bench->proxy, -1, &response) == 1) {
    n += fcgip_response_error(response) == FCGIP_OK;
    fcgip_response_free(response);
  }
  SIM_CHECK(bench, n == 60);
  SIM_CHECK(bench, bench->world.now_us - SIM_START_US >= 60 / 3 * 5000);
}

static void net_05(fault_bench *bench)
{
  sim_case_run(bench, backlog_stays_full, NULL, 0);
  sim_case_run(bench, backlog_is_short, NULL, 0);
}

static void silence(fault_bench *bench)
{
  bench->options.connect_timeout_ms = 333;
  if (!sim_case_server(bench, "tcp"))
    return;
  bench->servers[0].listener->state = SIM_SILENT;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "connect_timeout_ms");
  sim_case_took(bench, 333000);
  SIM_CHECK(bench, bench->net.calls[SIM_CONNECT] == 1 && bench->net.calls[SIM_SEND] == 0);
  bench->servers[0].listener->state = SIM_LISTENS;
}

static void net_06(fault_bench *bench)
{
  sim_case_run(bench, silence, NULL, 0);
}

static void net_07(fault_bench *bench)
{
  static const int fatal[] = {EISCONN,   EADDRNOTAVAIL, ENETUNREACH,  EHOSTUNREACH, ENETDOWN,
                              ETIMEDOUT, EPERM,         EAFNOSUPPORT, EADDRINUSE};
  const fault_kind hup = {"poll: POLLHUP", SIM_POLL, {.added = POLLHUP}, 0, 0, 0};
  const fault f = {&hup, 1, 0};
  size_t i;

  with_error(bench, SIM_CONNECT, EINTR, 0, connect_goes_on);
  with_error(bench, SIM_CONNECT, EALREADY, 0, connect_goes_on);
  for (i = 0; i < COUNT_OF(fatal); i++)
    with_error(bench, SIM_CONNECT, fatal[i], 0, connect_fails);
  with_error(bench, SIM_SOCKET_ERROR, EBADF, 0, so_error_fails);
  sim_case_run(bench, hup_without_error, &f, 1);
}

static void net_08(fault_bench *bench)
{
  static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT};
  size_t i;

  for (i = 0; i < COUNT_OF(errors); i++)
    with_error(bench, SIM_SOCKET, errors[i], 0, connect_fails);
}

static void send_fails(fault_bench *bench)
{
  get_over(bench, "unix");
  sim_case_result(bench, FCGIP_EWRITE, errno_now, NULL);
}

static void recv_fails(fault_bench *bench)
{
  get_over(bench, "unix");
  sim_case_result(bench, FCGIP_EREAD, errno_now, NULL);
}

static void short_for_a_while(fault_bench *bench)
{
  get_over(bench, "tcp");
  sim_case_result(bench, FCGIP_OK, 0, NULL);
  SIM_CHECK(bench, bench->net.calls[SIM_CONNECT] == 1);
}

static void short_for_good(fault_bench *bench)
{
  bench->options.read_write_timeout_ms = 90;
  get_over(bench, "unix");
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "sending");
  sim_case_took(bench, 90000);
  SIM_CHECK(bench, bench->net.calls[SIM_SEND] < 20);
}

static void net_10(fault_bench *bench)
{
  static const int fatal[] = {ECONNRESET, EPIPE, ETIMEDOUT, EBADF, ENOTCONN, EIO};
  static const int passing[] = {EINTR, EAGAIN, ENOBUFS, ENOMEM};
  size_t i;

  for (i = 0; i < COUNT_OF(fatal); i++) {
    with_error(bench, SIM_SEND, fatal[i], 0, send_fails);
    with_error(bench, SIM_RECV, fatal[i], 0, recv_fails);
  }
  for (i = 0; i < COUNT_OF(passing); i++) {
    with_error(bench, SIM_SEND, passing[i], 0, short_for_a_while);
    with_error(bench, SIM_RECV, passing[i], 0, short_for_a_while);
    with_error(bench, SIM_POLL, passing[i], 0, short_for_a_while);
  }
  with_error(bench, SIM_SEND, ENOBUFS, 1, short_for_good);
  with_error(bench, SIM_SEND, ENOMEM, 1, short_for_good);
}

static void no_address(fault_bench *bench)
{
  get_over(bench, "name");
  sim_case_result(bench, FCGIP_ERESOLVE, 0, "three.example");
  sim_case_took(bench, 0);
}

static void no_memory_to_resolve(fault_bench *bench)
{
  SIM_CHECK(bench, fault_endpoint(bench, "name") == FCGIP_ENOMEM);
}

static void net_14(fault_bench *bench)
{
  with_error(bench, SIM_RESOLVE, ENOENT, 0, no_address);
  with_error(bench, SIM_RESOLVE, ENOMEM, 0, no_memory_to_resolve);
}

static void refused_silent_live(fault_bench *bench)
{
  bench->options.connect_timeout_ms = 800;
  get_over(bench, "name");
  sim_case_result(bench, FCGIP_OK, 0, NULL);
  SIM_CHECK(bench, bench->world.now_us - SIM_START_US < 800000);
}

static void all_dead(fault_bench *bench)
{
  bench->options.connect_timeout_ms = 800;
  if (!sim_case_server(bench, "name"))
    return;
  bench->servers[0].listener->state = SIM_SILENT;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "connect_timeout_ms");
  sim_case_took(bench, 800000);
  SIM_CHECK(bench, bench->net.open == 0);
  bench->servers[0].listener->state = SIM_LISTENS;
}

static void all_refuse(fault_bench *bench)
{
  if (!sim_case_server(bench, "name"))
    return;
  bench->net.listeners[1]->state = SIM_REFUSES;
  bench->servers[0].listener->state = SIM_REFUSES;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  sim_case_result(bench, FCGIP_ECONNECT, ECONNREFUSED, NULL);
  SIM_CHECK(bench, bench->net.calls[SIM_CONNECT] == 3);
  bench->servers[0].listener->state = SIM_LISTENS;
}

static void net_15(fault_bench *bench)
{
  sim_case_run(bench, refused_silent_live, NULL, 0);
  sim_case_run(bench, all_dead, NULL, 0);
  sim_case_run(bench, all_refuse, NULL, 0);
}

static void self_connected(fault_bench *bench)
{
  if (!sim_case_server(bench, "tcp"))
    return;
  bench->servers[0].listener->state = SIM_SELF;
  sim_case_sync(bench, fault_request_new(bench, "POST", 20));
  sim_case_result(bench, FCGIP_ECONNECT, ECONNREFUSED, NULL);
  bench->servers[0].listener->state = SIM_LISTENS;
}

static void net_19(fault_bench *bench)
{
  sim_case_run(bench, self_connected, NULL, 0);
}

static void close_fails(fault_bench *bench)
{
  get_over(bench, "unix");
  sim_case_result(bench, FCGIP_OK, 0, NULL);
  SIM_CHECK(bench, bench->net.calls[SIM_CLOSE] == 1); /* a second one would be reported, too */
}

static void net_20(fault_bench *bench)
{
  with_error(bench, SIM_CLOSE, EINTR, 1, close_fails);
  with_error(bench, SIM_CLOSE, EIO, 1, close_fails);
}

/* Two silent servers, each for as long as connecting may take: the user's limit ends it before. */
static void limited_failover(fault_bench *bench)
{
  fault_request *request;

  bench->world.tick_us = 0;
  bench->proxy_options.flags = FCGIP_PROXY_FAILOVER;
  bench->options.connect_timeout_ms = 200;
  if (fault_endpoint(bench, "tcp") < 0 || fault_endpoint(bench, "tcp") < 0 ||
      fault_endpoint(bench, "tcp") < 0 || fault_proxy(bench) < 0)
    return;
  bench->servers[0].listener->state = bench->servers[1].listener->state =
      bench->servers[2].listener->state = SIM_SILENT;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL)
    return;
  fcgip_request_set_request_timeout_ms(request->request, 300);
  sim_case_sync(bench, request);
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "request_timeout_ms");
  sim_case_took(bench, 300000);
}

/* Nothing that was due is left over, though timers that went off were set anew by failover, for a server whose queue
 * should have been looked at long ago. */
static void all_timers_at_once(fault_bench *bench)
{
  fcgip_request_id ids[40];
  fault_request *request;
  size_t i;

  bench->world.tick_us = 0;
  bench->proxy_options.flags = FCGIP_PROXY_FAILOVER;
  if (fault_endpoint(bench, "tcp") < 0 || fault_endpoint(bench, "unix") < 0 ||
      fault_proxy(bench) < 0)
    return;
  bench->servers[0].listener->state = bench->servers[1].listener->state = SIM_SILENT;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL)
    return;
  fcgip_request_set_request_timeout_ms(request->request, 9000);
  for (i = 0; i < COUNT_OF(ids); i++)
    SIM_CHECK(bench,
              fcgip_proxy_send_async_request(bench->proxy, request->request, &ids[i]) == FCGIP_OK);
  /* Those that wait in the queue of the second: no timer of theirs will go off. */
  for (i = 32; i < COUNT_OF(ids); i++)
    fcgip_proxy_cancel(bench->proxy, ids[i]);
  sim_pass(&bench->world, 2000000);
  SIM_CHECK(bench, fcgip_proxy_process_timers(bench->proxy) == FCGIP_OK);
  SIM_CHECK(bench, fcgip_proxy_timeout_ms(bench->proxy) != 0);
}

static void clu_08(fault_bench *bench)
{
  sim_case_run(bench, all_timers_at_once, NULL, 0);
  sim_case_run(bench, limited_failover, NULL, 0);
}

static void all_down(fault_bench *bench)
{
  const char *at;
  size_t causes = 0;

  bench->world.tick_us = 0;
  bench->proxy_options.flags = FCGIP_PROXY_FAILOVER;
  if (fault_endpoint(bench, "dead") < 0 || fault_endpoint(bench, "tcp") < 0 ||
      fault_endpoint(bench, "dead") < 0 || fault_proxy(bench) < 0)
    return;
  bench->servers[1].listener->state = SIM_REFUSES;
  at = fcgip_response_error_text(sim_case_sync(bench, fault_request_new(bench, "POST", 30)));
  sim_case_result(bench, FCGIP_ECONNECT, ECONNREFUSED, NULL);
  for (; (at = strstr(at, "ECONNREFUSED")) != NULL; at++)
    causes++;
  SIM_CHECK(bench, causes == 3);
  SIM_CHECK(bench, bench->net.calls[SIM_CONNECT] == 3);
  SIM_CHECK(bench, bench->world.now_us - SIM_START_US < 10000);
}

static void clu_09(fault_bench *bench)
{
  sim_case_run(bench, all_down, NULL, 0);
}

const sim_case sim_cases_net[] = {{"NET-05", net_05}, {"NET-06", net_06}, {"NET-07", net_07},
                                  {"NET-08", net_08}, {"NET-10", net_10}, {"NET-14", net_14},
                                  {"NET-15", net_15}, {"NET-19", net_19}, {"NET-20", net_20},
                                  {"CLU-08", clu_08}, {"CLU-09", clu_09}};
const size_t sim_cases_net_count = COUNT_OF(sim_cases_net);
