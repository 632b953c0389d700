#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last result. A case runs alone, and forgets it before the bench counts what is left. */
static struct {
  fcgip_response *response;
  uint64_t us; /* from the send call on */
} last;

static void (*current)(fault_bench *bench);

static void run_current(fault_bench *bench)
{
  current(bench);
  sim_case_forget(bench);
  bench->decide = NULL;
}

void sim_case_run(fault_bench *bench, void (*scenario)(fault_bench *bench), const fault *faults,
                  size_t count)
{
  const fault_scenario run = {"a case", run_current, 1};
  int struck;

  current = scenario;
  struck = fault_run(bench, &run, faults, count);
  bench->runs++;
  if (count > 0 && !struck)
    fault_wrong(bench, "%s never happened", faults[0].kind->name);
  if (!bench->world.failed)
    return;
  bench->failures++;
  fprintf(stderr, "  %s", bench->world.why);
  if (count > 0)
    fprintf(stderr, " (%s, errno %d)", faults[0].kind->name, faults[0].kind->verdict.error);
  fputs("\n", stderr);
}

int sim_case_server(fault_bench *bench, const char *what)
{
  if (fault_endpoint(bench, what) < 0 || fault_proxy(bench) < 0) {
    fault_wrong(bench, "no server, or no proxy");
    return 0;
  }
  bench->world.tick_us = 0;
  return 1;
}

const fcgip_response *sim_case_sync(fault_bench *bench, fault_request *request)
{
  uint64_t start = bench->world.now_us;
  int rc;

  sim_case_forget(bench);
  if (request == NULL) {
    fault_wrong(bench, "no request");
    return NULL;
  }
  rc = fcgip_proxy_send_request(bench->proxy, request->request, &last.response);
  last.us = bench->world.now_us - start;
  if (last.response == NULL || fcgip_response_error(last.response) != rc) {
    fault_wrong(bench, "sending and waiting: %s, and no response with that", fcgip_errname(rc));
    return NULL;
  }
  return last.response;
}

void sim_case_result(fault_bench *bench, int error, int error_number, const char *part)
{
  const char *text;

  if (last.response == NULL) {
    fault_wrong(bench, "no response");
    return;
  }
  text = fcgip_response_error_text(last.response);
  if (fcgip_response_error(last.response) != error)
    fault_wrong(bench, "%s instead of %s: %s", fcgip_errname(fcgip_response_error(last.response)),
                fcgip_errname(error), text);
  if (error_number >= 0 && fcgip_response_errno(last.response) != error_number)
    fault_wrong(bench, "errno %d instead of %d: %s", fcgip_response_errno(last.response),
                error_number, text);
  if (part != NULL && strstr(text, part) == NULL)
    fault_wrong(bench, "no \"%s\" in: %s", part, text);
}

void sim_case_took(fault_bench *bench, uint64_t us)
{
  if (last.us < us || last.us >= us + 1000)
    fault_wrong(bench, "it took %llu us, not %llu", (unsigned long long)last.us,
                (unsigned long long)us);
}

void sim_case_forget(fault_bench *bench)
{
  (void)bench;
  fcgip_response_free(last.response);
  last.response = NULL;
}

static size_t run_table(fault_bench *bench, const sim_case *cases, size_t count, const char *only)
{
  size_t i, ran = 0;

  for (i = 0; i < count; i++) {
    size_t failures = bench->failures, runs = bench->runs;

    if (only != NULL && strcmp(only, cases[i].id) != 0)
      continue;
    cases[i].fn(bench);
    printf("%-8s %s, %zu runs\n", cases[i].id,
           bench->failures > failures || bench->runs == runs ? "FAILED" : "passed",
           bench->runs - runs);
    ran++;
  }
  return ran;
}

int sim_cases(const char *only)
{
  fault_bench *bench = malloc(sizeof(*bench));
  size_t ran = 0, failures;

  if (bench == NULL)
    return 0;
  fault_bench_init(bench);
  ran += run_table(bench, sim_cases_flo, sim_cases_flo_count, only);
  ran += run_table(bench, sim_cases_flo_more, sim_cases_flo_more_count, only);
  ran += run_table(bench, sim_cases_kal, sim_cases_kal_count, only);
  ran += run_table(bench, sim_cases_net, sim_cases_net_count, only);
  failures = bench->failures;
  printf("sim: %zu cases, %zu runs, %zu failed\n", ran, bench->runs, failures);
  fault_bench_deinit(bench);
  free(bench);
  return ran > 0 && failures == 0;
}
