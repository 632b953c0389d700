/* The bench: what is counted, what fails, and what has to hold afterwards. */
#include "support/fault_bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/front.h"
#include "proxy/proxy.h"

#define TICK_US 20 /* so that what spins for a while is soon over */
#define BUDGET 1000000

/* A use of a target. What happens to it, NULL: nothing. */
static const fault_kind *strike(fault_bench *bench, unsigned target)
{
  const fault_kind *kind = NULL;
  uint64_t use = ++bench->uses[target];
  size_t i;

  for (i = 0; i < bench->fault_count && bench->is_armed && kind == NULL; i++) {
    const fault *f = &bench->faults[i];

    if (f->kind->target == target && (f->stays ? use >= f->nth : use == f->nth))
      kind = f->kind;
  }
  bench->struck += kind != NULL;
  return kind;
}

static void judge(void *context, sim_client *client, enum sim_call call, int fd,
                  sim_verdict *verdict)
{
  fault_bench *bench = context;
  const fault_kind *kind = strike(bench, (unsigned)call);

  (void)client;
  (void)fd;
  if (kind == NULL)
    return;
  *verdict = kind->verdict;
  if (kind->jump_us > 0)
    sim_pass(&bench->world, kind->jump_us);
}

static void *bench_malloc(size_t size, void *context)
{
  fault_bench *bench = context;

  if (strike(bench, FAULT_ALLOCATION) != NULL)
    return NULL;
  return bench->memory.hook.malloc_fn(size, &bench->memory);
}

static void *bench_realloc(void *block, size_t size, void *context)
{
  fault_bench *bench = context;

  if (strike(bench, FAULT_ALLOCATION) != NULL)
    return NULL;
  return bench->memory.hook.realloc_fn(block, size, &bench->memory);
}

static void bench_free(void *block, void *context)
{
  fault_bench *bench = context;

  bench->memory.hook.free_fn(block, &bench->memory);
}

void fault_bench_init(fault_bench *bench)
{
  memset(bench, 0, sizeof(*bench));
  sim_world_init(&bench->world, 1);
  sim_net_init(&bench->net, &bench->world);
}

void fault_bench_deinit(fault_bench *bench)
{
  sim_net_deinit(&bench->net);
  sim_world_deinit(&bench->world);
}

void fault_wrong(fault_bench *bench, const char *format, ...)
{
  va_list arguments;
  char why[200];

  va_start(arguments, format);
  vsnprintf(why, sizeof(why), format, arguments);
  va_end(arguments);
  sim_fail(&bench->world, "%s", why);
}

static void begin(fault_bench *bench, const fault *faults, size_t count)
{
  const fcgip_allocator hook = {.struct_size = sizeof(hook),
                                .malloc_fn = bench_malloc,
                                .realloc_fn = bench_realloc,
                                .free_fn = bench_free,
                                .user_data = bench};

  sim_world_restart(&bench->world, 1);
  sim_net_restart(&bench->net);
  bench->world.tick_us = TICK_US;
  bench->world.budget = BUDGET;
  bench->net.judge = judge;
  bench->net.judge_data = bench;
  failing_allocator_init(&bench->memory);
  bench->hook = hook;
  sim_client_init(&bench->client, &bench->net, 0);
  memset(bench->uses, 0, sizeof(bench->uses));
  memset(bench->requests, 0, sizeof(bench->requests));
  memset(bench->endpoints, 0, sizeof(bench->endpoints));
  memset(&bench->options, 0, sizeof(bench->options));
  memset(&bench->proxy_options, 0, sizeof(bench->proxy_options));
  bench->server_count = bench->request_count = 0;
  bench->decide = NULL;
  bench->collection = NULL;
  bench->proxy = NULL;
  bench->cluster = NULL;
  bench->is_gone = 0;
  bench->page = NULL;
  bench->cluster_results = bench->cluster_due = bench->cluster_ok = 0;
  bench->fault_count = count;
  if (count > 0)
    memcpy(bench->faults, faults, count * sizeof(*faults));
  bench->struck = 0;
  bench->is_armed = 1;
}

static void drain(fault_bench *bench);

/* After all that, the proxy works. */
static void check_usable(fault_bench *bench)
{
  fault_request *request;

  if ((bench->proxy == NULL && bench->cluster == NULL) || bench->is_gone || bench->world.failed)
    return;
  if (bench->request_count == FAULT_REQUESTS) {
    fault_wrong(bench, "no room for a last request");
    return;
  }
  /* Whatever the faults did to the servers is over. */
  sim_pass(&bench->world, 2000000);
  bench->servers[0].read_us = 0;
  bench->servers[0].listener->link.up_cap = 65536;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL) {
    fault_wrong(bench, "no request can be made afterwards");
    return;
  }
  if (bench->cluster != NULL) {
    if (!fault_send(request))
      fault_wrong(bench, "nothing can be sent afterwards");
    drain(bench);
    return;
  }
  fault_send_sync(request);
  if (request->results == 1 && request->error != FCGIP_OK && bench->server_count == 1 &&
      bench->servers[0].listener->state == SIM_LISTENS &&
      (request->error != FCGIP_ERESOLVE || bench->uses[SIM_RESOLVE] == 0))
    fault_wrong(bench, "a request afterwards ends with %s", fcgip_errname(request->error));
}

static void check_requests(fault_bench *bench)
{
  size_t i;

  for (i = 0; i < bench->request_count; i++) {
    const fault_request *request = &bench->requests[i];

    if (request->is_sent && request->results != 1 && !bench->is_gone)
      fault_wrong(bench, "request %zu has %u results", i, request->results);
    if (!request->is_sent && request->results > 0)
      fault_wrong(bench, "request %zu was not sent and has a result", i);
    if (request->released != request->made)
      fault_wrong(bench, "request %zu: %u of %u releases", i, request->released, request->made);
  }
  if (bench->cluster_results != bench->cluster_due && !bench->is_gone)
    fault_wrong(bench, "%u results of a cluster, not %u", bench->cluster_results,
                bench->cluster_due);
}

/* A scenario may have gone home early. */
static void drain(fault_bench *bench)
{
  fcgip_response *response;
  size_t i;

  for (i = 0; i < bench->request_count && bench->proxy != NULL; i++) {
    fault_request *request = &bench->requests[i];

    if (!request->is_sent || request->results > 0 || bench->is_gone)
      continue;
    (void)fcgip_proxy_resume(bench->proxy, request->id);
    fault_read(request, -1);
  }
  while (bench->cluster != NULL &&
         fcgip_cluster_proxy_next_response(bench->cluster, -1, &response) == 1)
    fault_take(bench, response);
}

/* What passes by itself changes no result. */
static void compare(fault_bench *bench)
{
  size_t i;

  for (i = 0; i < bench->fault_count; i++)
    if (!bench->faults[i].kind->is_harmless ||
        (bench->faults[i].stays && bench->faults[i].kind->verdict.most == 0))
      return;
  if (bench->fault_count == 0 || bench->expected_count == 0 || bench->is_timed)
    return;
  for (i = 0; i < bench->request_count && i < bench->expected_count; i++)
    if (bench->requests[i].error != bench->expected[i])
      fault_wrong(bench, "request %zu ends with %s, without the fault with %s", i,
                  fcgip_errname(bench->requests[i].error), fcgip_errname(bench->expected[i]));
  if (bench->request_count != bench->expected_count || bench->cluster_ok != bench->expected_ok)
    fault_wrong(bench, "more or fewer results than without the fault");
}

static void keep_expected(fault_bench *bench)
{
  size_t i;

  if (bench->fault_count > 0)
    return;
  bench->expected_count = bench->request_count;
  bench->expected_ok = bench->cluster_ok;
  for (i = 0; i < bench->request_count; i++)
    bench->expected[i] = bench->requests[i].error;
}

static void finish(fault_bench *bench)
{
  size_t i;

  drain(bench);
  bench->is_armed = 0;
  keep_expected(bench);
  compare(bench);
  check_usable(bench);
  if (!bench->is_gone) {
    fcgip_proxy_free(bench->proxy);
    fcgip_cluster_proxy_free(bench->cluster);
  }
  bench->client.is_gone = 1;
  if (bench->net.open > 0)
    fault_wrong(bench, "%zu descriptors are left", bench->net.open);
  for (i = 0; i < bench->request_count; i++)
    fcgip_request_free(bench->requests[i].request);
  fcgip_collection_free(bench->collection);
  for (i = 0; i < FAULT_SERVERS; i++)
    fcgip_endpoint_free(bench->endpoints[i]);
  check_requests(bench);
  if (bench->memory.live_blocks > 0 || bench->memory.misuses > 0)
    fault_wrong(bench, "%zu blocks are left, %zu misused", bench->memory.live_blocks,
                bench->memory.misuses);
  for (i = 0; i < bench->server_count; i++)
    sim_server_deinit(&bench->servers[i]);
}

int fault_run(fault_bench *bench, const fault_scenario *scenario, const fault *faults, size_t count)
{
  begin(bench, faults, count);
  bench->is_timed = scenario->is_timed;
  scenario->fn(bench);
  finish(bench);
  return bench->struck > 0;
}
