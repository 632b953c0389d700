/* RUN-19 and RUN-20 for some scenarios, on the bench that tests/fault sweeps all of them with. */
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "conformance/run.h"
#include "support/fault_bench.h"

#define PAIRS 3000

/* Runs `sweep` on the scenarios with these names. */
static void on_scenarios(conf_test *test, const char *const *names, size_t count,
                         void (*sweep)(fault_bench *bench, const fault_scenario *scenario))
{
  fault_bench *bench = fault_open();
  size_t i, j, before;

  for (i = 0; i < count; i++) {
    before = bench->points;
    for (j = 0; j < fault_scenario_count; j++)
      if (strcmp(fault_scenarios[j].name, names[i]) == 0 &&
          fault_baseline(bench, &fault_scenarios[j]))
        sweep(bench, &fault_scenarios[j]);
    conf_check(test, bench->points > before, "%s: nothing failed", names[i]);
  }
  conf_check(test, bench->failures == 0, "%zu of %zu runs, as told on stderr", bench->failures,
             bench->runs);
  test->runs += bench->runs;
  fault_bench_deinit(bench);
  free(bench);
}

/* The nth allocation fails, and then that and all later ones; n = 1, 2 ... until a run has no nth. */
static void sweep_allocations(fault_bench *bench, const fault_scenario *scenario)
{
  size_t i;

  for (i = 0; i < fault_kind_count; i++) {
    fault f = {&fault_kinds[i], 1, 0};

    if (f.kind->target != FAULT_ALLOCATION)
      continue;
    while (fault_try(bench, scenario, &f, 1)) {
      f.stays = 1;
      (void)fault_try(bench, scenario, &f, 1);
      f.stays = 0;
      f.nth++;
    }
  }
}

void run_without_memory(conf_test *test)
{
  static const char *const names[] = {"sync over a Unix socket",
                                      "sync to a name with three addresses",
                                      "three async",
                                      "cluster of three, one dead",
                                      "keep-alive",
                                      "upload from a source",
                                      "contents: form, multipart, JSON"};

  on_scenarios(test, names, sizeof(names) / sizeof(names[0]), sweep_allocations);
}

/* Two faults in one run; the second often hits what cleans up after the first. */
static void try_pairs(fault_bench *bench, const fault_scenario *scenario)
{
  fcgip__random random;
  fault *faults = NULL;
  size_t count = fault_sweep(bench, scenario, &faults), i;

  fcgip__random_init(&random, 20);
  for (i = 0; i < PAIRS && count > 0; i++) {
    const fault pair[2] = {faults[fcgip__random_below(&random, count)],
                           faults[fcgip__random_below(&random, count)]};

    (void)fault_try(bench, scenario, pair, 2);
  }
  free(faults);
}

void run_two_faults(conf_test *test)
{
  static const char *const names[] = {"sync over TCP", "keep-alive"};

  on_scenarios(test, names, sizeof(names) / sizeof(names[0]), try_pairs);
}
