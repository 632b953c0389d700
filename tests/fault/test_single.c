/* RUN-19, NET-07, NET-08, NET-10: in every scenario every allocation and every call of the socket table fails at its
 * nth use, n = 1, 2, 3 ... until a run is clean; once, and from there on; with everything it can say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fault_bench.h"

#define FAILURES_MAX 30

typedef struct tally {
  size_t points, runs, failures;
} tally;

static void report(const fault_bench *bench, const fault_scenario *scenario, const fault *f)
{
  fprintf(stderr, "%s; %s, use %llu%s: %s\n", scenario->name, f->kind->name,
          (unsigned long long)f->nth, f->stays ? " and all later ones" : "", bench->world.why);
}

static void on_fatal(void *context)
{
  const fault_bench *bench = context;

  fprintf(stderr, "%s, use %llu%s: %s\n", bench->faults[0].kind->name,
          (unsigned long long)bench->faults[0].nth, bench->faults[0].stays ? " and later" : "",
          bench->world.why);
  exit(1);
}

/* 1 if the fault struck. */
static int run(fault_bench *bench, const fault_scenario *scenario, const fault *f, tally *totals)
{
  int struck = fault_run(bench, scenario, f, 1);

  totals->runs++;
  totals->points += (size_t)struck;
  if (bench->world.failed) {
    totals->failures++;
    report(bench, scenario, f);
  }
  return struck;
}

static void sweep(fault_bench *bench, const fault_scenario *scenario, tally *totals)
{
  size_t i, before = totals->points;

  for (i = 0; i < fault_kind_count; i++) {
    fault f = {&fault_kinds[i], 0, 0};

    do {
      f.nth++;
      f.stays = 0;
      if (!run(bench, scenario, &f, totals))
        break;
      f.stays = 1;
      if (!f.kind->stops_once)
        run(bench, scenario, &f, totals);
    } while (totals->failures < FAILURES_MAX);
  }
  printf("%-40s %6zu points\n", scenario->name, totals->points - before);
}

int main(int argc, char **argv)
{
  fault_bench *bench = malloc(sizeof(*bench));
  tally totals = {0, 0, 0};
  size_t i;

  if (bench == NULL)
    return 1;
  fault_bench_init(bench);
  bench->world.on_fatal = on_fatal;
  bench->world.fatal_context = bench;
  for (i = 0; i < fault_scenario_count; i++) {
    const fault_scenario *scenario = &fault_scenarios[i];

    if (argc > 1 && strstr(scenario->name, argv[1]) == NULL)
      continue;
    (void)fault_run(bench, scenario, NULL, 0);
    if (bench->world.failed) {
      fprintf(stderr, "%s, without a fault: %s\n", scenario->name, bench->world.why);
      totals.failures++;
      continue;
    }
    sweep(bench, scenario, &totals);
  }
  printf("%zu points visited in %zu runs, %zu failures\n", totals.points, totals.runs,
         totals.failures);
  fault_bench_deinit(bench);
  free(bench);
  return totals.failures > 0;
}
