/* FLO: slow servers and deadlines, exact to the microsecond: calls take no time here. */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "cases.h"
#include "clocks.h"
#include "net/sys.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MEGABYTE 1000000u

static void says_nothing(fault_bench *bench, sim_worker *worker)
{
  (void)bench;
  worker->script.ending = SIM_ENDS_OPEN;
}

/* Takes PARAMS, and no byte more. */
static void is_deaf(fault_bench *bench, sim_worker *worker)
{
  (void)bench;
  worker->script.reading = SIM_READS_NO_MORE;
  sim_script_pause(&worker->script, 3600000000u);
}

static void deaf(fault_bench *bench)
{
  bench->options.read_write_timeout_ms = 250;
  if (!sim_case_server(bench, "unix"))
    return;
  bench->decide = is_deaf;
  bench->servers[0].read_most = 300;
  bench->servers[0].read_us = 1000;
  sim_case_sync(bench, fault_request_new(bench, "PUT", 60 * MEGABYTE));
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "read_write_timeout_ms, sending");
  /* From the last byte that was taken, when PARAMS had been read. */
  sim_case_took(bench, 251001);
  SIM_CHECK(bench, bench->world.calls < 100);
}

static void flo_01(fault_bench *bench)
{
  sim_case_run(bench, deaf, NULL, 0);
}

static void both_ways(fault_bench *bench)
{
  fault_request *request;

  if (!sim_case_server(bench, "unix"))
    return;
  bench->servers[0].listener->link.up_cap = bench->servers[0].listener->link.down_cap = 200000;
  request = fault_request_new(bench, "PUT", 60 * MEGABYTE);
  if (request == NULL)
    return;
  request->body_len = 10 * MEGABYTE;
  request->writes_first = 1;
  sim_case_sync(bench, request);
  sim_case_result(bench, FCGIP_OK, 0, NULL);
}

static void flo_02(fault_bench *bench)
{
  sim_case_run(bench, both_ways, NULL, 0);
}

static void read_by_drops(fault_bench *bench)
{
  fault_request *request;

  bench->options.read_write_timeout_ms = 50;
  if (!sim_case_server(bench, "unix"))
    return;
  bench->servers[0].listener->link.up_cap = 100;
  bench->servers[0].read_most = 1;
  bench->servers[0].read_us = 10000;
  request = fault_request_new(bench, "POST", 5000);
  if (request == NULL)
    return;
  fcgip_request_set_request_timeout_ms(request->request, 500);
  sim_case_sync(bench, request);
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "request_timeout_ms");
  sim_case_took(bench, 500000);
}

static void flo_03(fault_bench *bench)
{
  sim_case_run(bench, read_by_drops, NULL, 0);
}

static unsigned drip_type;

static void drips(fault_bench *bench, sim_worker *worker)
{
  sim_script *script = &worker->script;
  uint16_t id = drip_type < SIM_GET_VALUES ? worker->question.id : 0;
  size_t before;

  (void)bench;
  script->waits_for_content = 1;
  before = script->bytes.len;
  sim_record(&script->bytes, drip_type, id, "X", drip_type == SIM_STDOUT, 0);
  script->drip_len = script->bytes.len - before;
  script->drip_us = 10000;
  script->drips = 1000000;
}

static void dripping(fault_bench *bench)
{
  fault_request *request;

  bench->options.read_write_timeout_ms = 50;
  if (!sim_case_server(bench, "unix"))
    return;
  bench->decide = drips;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL)
    return;
  fcgip_request_set_request_timeout_ms(request->request, 500);
  sim_case_sync(bench, request);
  /* Content keeps it alive until the last deadline; anything else does not. */
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0,
                  drip_type == SIM_STDOUT ? "request_timeout_ms" : "read_write_timeout_ms");
  sim_case_took(bench, drip_type == SIM_STDOUT ? 500000 : 50000);
}

static void flo_04(fault_bench *bench)
{
  drip_type = SIM_STDOUT;
  sim_case_run(bench, dripping, NULL, 0);
}

static void padding_only(fault_bench *bench, sim_worker *worker)
{
  sim_script *script = &worker->script;
  size_t i;

  (void)bench;
  sim_record(&script->bytes, SIM_STDERR, worker->question.id, "", 0, 255);
  /* A byte of it every 10 ms. */
  for (i = 8; i < 8 + SIM_MARKS; i++) {
    script->marks[script->mark_count].at = i;
    script->marks[script->mark_count++].pause_us = 10000;
  }
  script->waits_for_content = 1;
}

static void dripping_padding(fault_bench *bench)
{
  bench->options.read_write_timeout_ms = 50;
  if (!sim_case_server(bench, "unix"))
    return;
  bench->decide = padding_only;
  sim_case_sync(bench, fault_request_new(bench, "GET", 0));
  sim_case_result(bench, FCGIP_ETIMEDOUT, 0, "read_write_timeout_ms");
  sim_case_took(bench, 50000);
}

static void flo_05(fault_bench *bench)
{
  static const unsigned types[] = {SIM_STDERR, SIM_GET_VALUES_RESULT, SIM_UNKNOWN_TYPE};
  size_t i;

  for (i = 0; i < COUNT_OF(types); i++) {
    drip_type = types[i];
    sim_case_run(bench, dripping, NULL, 0);
  }
  sim_case_run(bench, dripping_padding, NULL, 0);
}

static void check_wait(fault_bench *bench, fcgip_request_id id, int timeout_ms, int rc)
{
  fcgip_response *response;

  SIM_CHECK(bench, fcgip_proxy_read_response(bench->proxy, id, timeout_ms, &response) == rc);
  SIM_CHECK(bench, response == NULL);
}

static void waits(fault_bench *bench)
{
  fault_request *request;
  uint64_t start;

  bench->options.read_write_timeout_ms = UINT32_MAX - 1; /* saturates, and does not overflow */
  bench->options.request_timeout_ms = UINT32_MAX - 1;
  if (!sim_case_server(bench, "unix"))
    return;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL)
    return;
  request->think_us = 100000;
  if (!fault_send(request))
    return;
  start = bench->world.now_us;
  check_wait(bench, request->id, 0, FCGIP_EAGAIN);
  SIM_CHECK(bench, bench->world.now_us == start);
  check_wait(bench, request->id, 1, FCGIP_EAGAIN);
  SIM_CHECK(bench, bench->world.now_us == start + 1000);
  check_wait(bench, request->id, -2, FCGIP_EINVAL);
  check_wait(bench, request->id, INT_MIN, FCGIP_EINVAL);
  SIM_CHECK(bench, bench->world.now_us == start + 1000);
  fault_read(request, INT_MAX);
  SIM_CHECK(bench, request->results == 1 && request->error == FCGIP_OK);
  SIM_CHECK(bench, bench->world.now_us < start + 120000);
}

static void flo_06(fault_bench *bench)
{
  sim_case_run(bench, waits, NULL, 0);
}

/* A silent server, and a request that fails after 40 ms. */
static fault_request *silent(fault_bench *bench)
{
  fault_request *request;

  bench->options.read_write_timeout_ms = 40;
  if (!sim_case_server(bench, "unix"))
    return NULL;
  bench->decide = says_nothing;
  request = fault_request_new(bench, "GET", 0);
  return request != NULL && fault_send(request) ? request : NULL;
}

static void passed_on_entry(fault_bench *bench)
{
  fault_request *request = silent(bench);
  uint64_t *calls = bench->net.calls;

  if (request == NULL)
    return;
  sim_pass(&bench->world, 41000);
  memset(calls, 0, sizeof(bench->net.calls));
  fault_read(request, 0);
  SIM_CHECK(bench, request->error == FCGIP_ETIMEDOUT);
  SIM_CHECK(bench, calls[SIM_POLL] == 1 && calls[SIM_CLOSE] == 1);
  SIM_CHECK(bench, calls[SIM_SEND] + calls[SIM_RECV] + calls[SIM_CONNECT] == 0);
}

static void flo_07(fault_bench *bench)
{
  sim_case_run(bench, passed_on_entry, NULL, 0);
}

static void data_at_the_deadline(fault_bench *bench)
{
  fault_request *request;

  bench->options.read_write_timeout_ms = 40;
  if (!sim_case_server(bench, "unix"))
    return;
  request = fault_request_new(bench, "GET", 0);
  if (request == NULL || !fault_send(request))
    return;
  /* The worker needs 1 us to accept and 2 to hear that there is something. */
  request->think_us = 40000;
  sim_pass(&bench->world, 50000);
  fault_read(request, 0);
  SIM_CHECK(bench, request->error == FCGIP_OK);
}

static void flo_08(fault_bench *bench)
{
  sim_case_run(bench, data_at_the_deadline, NULL, 0);
}

static int64_t shift_s;

static void shifted_clock(fault_bench *bench)
{
  fault_request *request = silent(bench);
  sim_clock_uses uses;

  if (request == NULL)
    return;
  sim_clocks_watch(&bench->world);
  sim_clocks_shift(shift_s);
  fault_read(request, -1);
  sim_clocks_watch(NULL);
  SIM_CHECK(bench, request->error == FCGIP_ETIMEDOUT);
  SIM_CHECK(bench, bench->world.now_us - SIM_START_US == 40000);
  /* And the clock that the simulation stands in for is the one that nobody sets. */
  (void)sim_clocks_used();
  SIM_CHECK(bench, fcgip__sys_posix.now_us_fn(fcgip__sys_posix.context) > 0);
  uses = sim_clocks_used();
  SIM_CHECK(bench, uses.monotonic == 1 && uses.others == 0);
  sim_clocks_shift(0);
}

static void flo_09(fault_bench *bench)
{
  static const int64_t day_s = 86400;
  const int64_t shifts[] = {-day_s, day_s, -50 * 365 * day_s, 50 * 365 * day_s};
  size_t i;

  for (i = 0; i < COUNT_OF(shifts); i++) {
    shift_s = shifts[i];
    sim_case_run(bench, shifted_clock, NULL, 0);
  }
}

static void frozen_clock(fault_bench *bench)
{
  fault_request *request = silent(bench);
  uint32_t i;

  if (request == NULL)
    return;
  bench->world.budget = 10000000;
  /* It says the same a million times ... */
  for (i = 0; i < 1000000 && !bench->world.failed; i++)
    SIM_CHECK(bench, fcgip_proxy_timeout_ms(bench->proxy) == 40);
  /* ... and then it is ten seconds later. */
  sim_pass(&bench->world, 10000000);
  SIM_CHECK(bench, fcgip_proxy_timeout_ms(bench->proxy) == 0);
  SIM_CHECK(bench, fcgip_proxy_process_timers(bench->proxy) == FCGIP_OK);
  SIM_CHECK(bench, fcgip_proxy_timeout_ms(bench->proxy) == -1);
  fault_read(request, 0);
  SIM_CHECK(bench, request->results == 1 && request->error == FCGIP_ETIMEDOUT);
}

static void flo_10(fault_bench *bench)
{
  sim_case_run(bench, frozen_clock, NULL, 0);
}

const sim_case sim_cases_flo[] = {{"FLO-01", flo_01}, {"FLO-02", flo_02}, {"FLO-03", flo_03},
                                  {"FLO-04", flo_04}, {"FLO-05", flo_05}, {"FLO-06", flo_06},
                                  {"FLO-07", flo_07}, {"FLO-08", flo_08}, {"FLO-09", flo_09},
                                  {"FLO-10", flo_10}};
const size_t sim_cases_flo_count = COUNT_OF(sim_cases_flo);
