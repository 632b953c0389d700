/* KAL: kept connections that turn out to be dead, and the ids on them. */
#include <errno.h>
#include <stddef.h>

#include "cases.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum manner { CLOSES, RESETS, BREAKS };

/* One good answer, the connection is kept, and then this happens to the request that comes next on it. */
static enum manner manner;
static unsigned dying; /* so many requests */

static void answer(sim_worker *worker)
{
  sim_script *script = &worker->script;

  script->waits_for_content = 1;
  sim_record(&script->bytes, SIM_STDOUT, worker->question.id, "X-A: b\r\n\r\n", 10, 0);
  sim_end(&script->bytes, worker->question.id, 0, 0);
}

static void decide(fault_bench *bench, sim_worker *worker)
{
  bench->requests[worker->question.token].starves++; /* counts: how often it arrived */
  if (worker->question.token == 0 || dying == 0) {
    answer(worker);
    return;
  }
  dying--;
  worker->script.waits_for_content = 1;
  worker->script.ending = manner == CLOSES ? SIM_ENDS_WITH_CLOSE : SIM_ENDS_WITH_RESET;
}

static int keep_one(fault_bench *bench)
{
  bench->options.max_idle_connections = 2;
  if (!sim_case_server(bench, "unix"))
    return 0;
  bench->decide = decide;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  sim_case_result(bench, FCGIP_OK, 0, NULL);
  SIM_CHECK(bench, bench->net.open == 1);
  return 1;
}

static void get_is_sent_again(fault_bench *bench)
{
  dying = 1;
  if (!keep_one(bench))
    return;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  sim_case_result(bench, FCGIP_OK, 0, NULL);
  SIM_CHECK(bench, bench->requests[1].starves == 2);
}

static void post_is_not(fault_bench *bench)
{
  const fcgip_response *response;

  dying = 1;
  if (!keep_one(bench))
    return;
  response = sim_case_sync(bench, fault_request_new(bench, "POST", 9));
  sim_case_result(bench, FCGIP_EREAD, manner == CLOSES ? 0 : ECONNRESET, NULL);
  SIM_CHECK(bench, bench->requests[1].starves == 1);
  SIM_CHECK(bench, !fcgip_response_is_retry_safe(response));
}

static void post_is_if_allowed(fault_bench *bench)
{
  fault_request *request;

  dying = 1;
  if (!keep_one(bench))
    return;
  request = fault_request_new(bench, "POST", 9);
  if (request == NULL)
    return;
  fcgip_request_set_retry_safe(request->request, 1);
  sim_case_sync(bench, request);
  sim_case_result(bench, FCGIP_OK, 0, NULL);
  SIM_CHECK(bench, request->starves == 2);
}

static void kal_04a(fault_bench *bench)
{
  manner = CLOSES;
  sim_case_run(bench, get_is_sent_again, NULL, 0);
  sim_case_run(bench, post_is_not, NULL, 0);
  sim_case_run(bench, post_is_if_allowed, NULL, 0);
}

static void kal_04b(fault_bench *bench)
{
  manner = RESETS;
  sim_case_run(bench, get_is_sent_again, NULL, 0);
  sim_case_run(bench, post_is_not, NULL, 0);
  sim_case_run(bench, post_is_if_allowed, NULL, 0);
}

/* Not one byte was taken: nothing can have run. */
static void post_is_sent_again(fault_bench *bench)
{
  dying = 0;
  if (!keep_one(bench))
    return;
  sim_case_sync(bench, fault_request_new(bench, "POST", 9));
  sim_case_result(bench, FCGIP_OK, 0, NULL);
  SIM_CHECK(bench, bench->requests[1].starves == 1);
  SIM_CHECK(bench, bench->net.calls[SIM_CONNECT] == 2);
}

static void kal_04c(fault_bench *bench)
{
  const fault_kind kind = {"send: EPIPE", SIM_SEND, {.error = EPIPE}, 0, 0, 0};
  const fault f = {&kind, 2, 0};

  manner = BREAKS;
  sim_case_run(bench, post_is_sent_again, &f, 1);
}

static void dies_twice(fault_bench *bench)
{
  dying = 2;
  if (!keep_one(bench))
    return;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  sim_case_result(bench, FCGIP_EREAD, 0, NULL);
  SIM_CHECK(bench, bench->requests[1].starves == 2); /* and not a third time */
}

static void hang(fault_bench *bench, sim_worker *worker)
{
  if (worker->question.token == 0) {
    answer(worker);
    return;
  }
  /* 40 ms on the dead connection, for ever on the fresh one. */
  bench->requests[1].starves++;
  worker->script.waits_for_content = 1;
  sim_script_pause(&worker->script, bench->requests[1].starves == 1 ? 40000 : 9000000);
  worker->script.ending = SIM_ENDS_WITH_CLOSE;
}

/* The deadlines run on. */
static void deadline_is_not_restarted(fault_bench *bench)
{
  fault_request *request;

  dying = 0;
  if (!keep_one(bench))
    return;
  bench->decide = hang;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL)
    return;
  fcgip_request_set_request_timeout_ms(request->request, 100);
  sim_case_sync(bench, request);
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "request_timeout_ms");
  sim_case_took(bench, 100000);
  bench->decide = decide;
}

static void kal_04d(fault_bench *bench)
{
  manner = CLOSES;
  sim_case_run(bench, dies_twice, NULL, 0);
  sim_case_run(bench, deadline_is_not_restarted, NULL, 0);
}

/* Both workers are held by kept connections when a third request comes on a connection of its own. */
static void kept_connections_make_room(fault_bench *bench)
{
  fault_request *requests[3];
  size_t i;

  bench->options.max_idle_connections = 2;
  if (!sim_case_server(bench, "unix"))
    return;
  sim_server_deinit(&bench->servers[0]);
  sim_server_init(&bench->servers[0], bench->net.listeners[0], 2);
  bench->servers[0].server_data = bench;
  bench->servers[0].on_params = fault_serve;
  for (i = 0; i < 3; i++) {
    requests[i] = fault_request_new(bench, "POST", 9);
    if (requests[i] == NULL)
      return;
    requests[i]->think_us = 20000;
    SIM_CHECK(bench, fault_send(requests[i]));
  }
  for (i = 0; i < 3; i++) {
    fault_read(requests[i], 100);
    SIM_CHECK(bench, requests[i]->results == 1 && requests[i]->error == FCGIP_OK);
  }
  /* Two in a row, and no more in between than the patience with idle connections. */
  SIM_CHECK(bench, bench->world.now_us - SIM_START_US >= 40000);
  SIM_CHECK(bench, bench->world.now_us - SIM_START_US < 52000);
}

static void kal_07(fault_bench *bench)
{
  sim_case_run(bench, kept_connections_make_room, NULL, 0);
}

/* All on one connection; the network checks each id. */
static void many_on_one(fault_bench *bench)
{
  fault_request *request;
  uint32_t i;

  dying = 0;
  bench->world.budget = 10000000;
  if (!keep_one(bench))
    return;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL)
    return;
  for (i = 0; i < 65540 && !bench->world.failed; i++) {
    sim_case_sync(bench, request);
    sim_case_result(bench, FCGIP_OK, 0, NULL);
  }
  SIM_CHECK(bench, bench->net.calls[SIM_CONNECT] == 1);
}

static void kal_11(fault_bench *bench)
{
  sim_case_run(bench, many_on_one, NULL, 0);
}

const sim_case sim_cases_kal[] = {{"KAL-04a", kal_04a}, {"KAL-04b", kal_04b}, {"KAL-04c", kal_04c},
                                  {"KAL-04d", kal_04d}, {"KAL-07", kal_07},   {"KAL-11", kal_11}};
const size_t sim_cases_kal_count = COUNT_OF(sim_cases_kal);
