/* FLO: storms, stops, and many at once. */
#include <errno.h>
#include <stddef.h>

#include "cases.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MANY 10000u

static void says_nothing(fault_bench *bench, sim_worker *worker)
{
  (void)bench;
  worker->script.ending = SIM_ENDS_OPEN;
}

static void silent(fault_bench *bench, const char *what)
{
  bench->options.read_write_timeout_ms = 40;
  if (!sim_case_server(bench, what))
    return;
  bench->world.tick_us = 1; /* so that a storm passes */
  bench->decide = says_nothing;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
}

static void exact(fault_bench *bench)
{
  double spent;

  silent(bench, "unix");
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "read_write_timeout_ms");
  spent = (double)(bench->world.now_us - SIM_START_US);
  SIM_CHECK(bench, spent >= 40000 && spent < 41100);
}

static void with(fault_bench *bench, unsigned call, sim_verdict verdict,
                 void (*scenario)(fault_bench *))
{
  const fault_kind kind = {"a storm", call, verdict, 0, 0, 0};
  const fault f = {&kind, 1, 1};

  sim_case_run(bench, scenario, &f, 1);
}

static void flo_11(fault_bench *bench)
{
  with(bench, SIM_POLL, (sim_verdict){.is_early = 1}, exact);
  with(bench, SIM_POLL, (sim_verdict){.error = EINTR}, exact);
  with(bench, SIM_POLL, (sim_verdict){.is_missed = 1}, exact);
}

static void stopped(fault_bench *bench)
{
  fault_request *request;
  uint64_t start;

  bench->options.read_write_timeout_ms = 40;
  if (!sim_case_server(bench, "unix"))
    return;
  bench->decide = says_nothing;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL || !fault_send(request))
    return;
  start = bench->world.now_us;
  sim_pass(&bench->world, 5000000);
  SIM_CHECK(bench, fcgip_proxy_timeout_ms(bench->proxy) == 0);
  fault_read(request, 1000);
  SIM_CHECK(bench, request->error == FCGIP_ETIMEDOUT);
  SIM_CHECK(bench, bench->world.now_us == start + 5000000);
}

static void flo_12(fault_bench *bench)
{
  sim_case_run(bench, stopped, NULL, 0);
}

static void polls_again(fault_bench *bench)
{
  silent(bench, "unix");
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "read_write_timeout_ms");
  SIM_CHECK(bench, bench->net.calls[SIM_RECV] == 1);
  SIM_CHECK(bench, bench->net.calls[SIM_POLL] <= 3);
}

static void flo_13(fault_bench *bench)
{
  const fault_kind kind = {"poll: POLLIN that is not", SIM_POLL, {.added = POLLIN}, 0, 0, 0};
  const fault f = {&kind, 1, 0};

  sim_case_run(bench, polls_again, &f, 1);
}

/* Whatever the call, it ends, and at a deadline. */
static void ends(fault_bench *bench)
{
  bench->options.connect_timeout_ms = 60;
  bench->options.read_write_timeout_ms = 40;
  if (!sim_case_server(bench, "tcp"))
    return;
  bench->world.tick_us = 1;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  SIM_CHECK(bench, bench->world.now_us - SIM_START_US < 112000);
}

static void ends_unix(fault_bench *bench)
{
  bench->options.connect_timeout_ms = 60;
  bench->options.read_write_timeout_ms = 40;
  if (!sim_case_server(bench, "unix"))
    return;
  bench->world.tick_us = 1;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  SIM_CHECK(bench, bench->world.now_us - SIM_START_US < 112000);
}

/* A kept connection is looked at before it is used again. */
static void ends_kept(fault_bench *bench)
{
  bench->options.max_idle_connections = 1;
  if (!sim_case_server(bench, "unix"))
    return;
  bench->world.tick_us = 1;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  sim_case_result(bench, FCGIP_OK, 0, NULL);
  sim_case_sync(bench, fault_request_new(bench, "POST", 10));
  sim_case_result(bench, FCGIP_OK, 0, NULL);
  SIM_CHECK(bench, bench->world.now_us - SIM_START_US < 1000);
}

static void flo_14(fault_bench *bench)
{
  static const unsigned calls[] = {SIM_CONNECT, SIM_SEND, SIM_RECV, SIM_POLL, SIM_CLOSE};
  static const int errors[] = {EINTR, EAGAIN};
  size_t i, k;

  for (i = 0; i < COUNT_OF(calls); i++) {
    for (k = 0; k < COUNT_OF(errors); k++) {
      with(bench, calls[i], (sim_verdict){.error = errors[k]}, ends);
      with(bench, calls[i], (sim_verdict){.error = errors[k]}, ends_unix);
    }
  }
  for (k = 0; k < COUNT_OF(errors); k++)
    with(bench, SIM_PEEK, (sim_verdict){.error = errors[k]}, ends_kept);
}

/* Slow ones, and the last one is fast. */
static void by_token(fault_bench *bench, sim_worker *worker)
{
  sim_script *script = &worker->script;

  (void)bench;
  if (worker->question.token == 0)
    sim_script_pause(script, 2000000);
  script->waits_for_content = 1;
  sim_record(&script->bytes, SIM_STDOUT, worker->question.id, "X-A: b\r\n\r\n", 10, 0);
  sim_end(&script->bytes, worker->question.id, 0, 0);
}

static void one_fast_among_many(fault_bench *bench)
{
  fault_request *slow, *fast;
  fcgip_response *response;
  uint32_t i;
  size_t n = 0;

  bench->options.max_connections = UINT32_MAX;
  bench->options.read_write_timeout_ms = 5000;
  if (!sim_case_server(bench, "tcp"))
    return;
  sim_server_deinit(&bench->servers[0]);
  bench->server_count = 0;
  sim_server_init(&bench->servers[bench->server_count++], bench->net.listeners[0], MANY + 1);
  bench->servers[0].server_data = bench;
  bench->servers[0].on_params = fault_serve;
  bench->net.listeners[0]->backlog = MANY + 1;
  bench->decide = by_token;
  bench->world.budget = 10 * MANY * 10;
  slow = fault_request_new(bench, "GET", 0);
  fast = fault_request_new(bench, "GET", 0);
  if (slow == NULL || fast == NULL)
    return;
  for (i = 0; i + 1 < MANY; i++)
    SIM_CHECK(bench, fcgip_proxy_send_async_request(bench->proxy, slow->request, NULL) == FCGIP_OK);
  SIM_CHECK(bench,
            fcgip_proxy_send_async_request(bench->proxy, fast->request, &fast->id) == FCGIP_OK);
  /* The handshakes, the answer: it does not wait for the others. */
  SIM_CHECK(bench, fcgip_proxy_read_response(bench->proxy, fast->id, 100, &response) == FCGIP_OK);
  SIM_CHECK(bench, bench->net.calls[SIM_POLL] <= 6);
  fcgip_response_free(response);
  while (fcgip_proxy_next_response(bench->proxy, -1, &response) == 1) {
    n += fcgip_response_error(response) == FCGIP_OK;
    fcgip_response_free(response);
  }
  SIM_CHECK(bench, n == MANY - 1);
}

static void flo_15(fault_bench *bench)
{
  sim_case_run(bench, one_fast_among_many, NULL, 0);
}

const sim_case sim_cases_flo_more[] = {{"FLO-11", flo_11},
                                       {"FLO-12", flo_12},
                                       {"FLO-13", flo_13},
                                       {"FLO-14", flo_14},
                                       {"FLO-15", flo_15}};
const size_t sim_cases_flo_more_count = COUNT_OF(sim_cases_flo_more);
