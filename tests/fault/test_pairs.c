/* RUN-20: two faults in one run: all pairs of a scenario where those are fewer than 20,000, else as many as are asked for,
 * drawn with a seed. The second often hits what cleans up after the first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "support/fault_bench.h"

#define ALL_MAX 20000u

#if defined(__SANITIZE_ADDRESS__)
#define DRAWN_SHORT 600u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DRAWN_SHORT 600u
#endif
#endif
#ifndef DRAWN_SHORT
#define DRAWN_SHORT 3000u
#endif
#define DRAWN_LONG 400000u

static void try_pair(fault_bench *bench, const fault_scenario *scenario, const fault *faults,
                     size_t a, size_t b)
{
  const fault pair[2] = {faults[a], faults[b]};

  (void)fault_try(bench, scenario, pair, 2);
}

static void try_all(fault_bench *bench, const fault_scenario *scenario, const fault *faults,
                    size_t count)
{
  size_t a, b;

  for (a = 0; a < count; a++)
    for (b = a + 1; b < count; b++)
      try_pair(bench, scenario, faults, a, b);
}

static void try_some(fault_bench *bench, const fault_scenario *scenario, const fault *faults,
                     size_t count, size_t number)
{
  fcgip__random random;

  fcgip__random_init(&random, 1);
  while (number-- > 0)
    try_pair(bench, scenario, faults, (size_t)fcgip__random_below(&random, count),
             (size_t)fcgip__random_below(&random, count));
}

int main(int argc, char **argv)
{
  fault_bench *bench = fault_open();
  size_t drawn = getenv("FCGIP_TEST_LONG") != NULL ? DRAWN_LONG : DRAWN_SHORT, i;

  for (i = 0; i < fault_scenario_count; i++) {
    fault *faults = NULL;
    size_t count, before;

    if (argc > 1 && strstr(fault_scenarios[i].name, argv[1]) == NULL)
      continue;
    if (!fault_baseline(bench, &fault_scenarios[i]))
      continue;
    count = fault_sweep(bench, &fault_scenarios[i], &faults);
    before = bench->runs;
    if (count * (count - 1) / 2 < ALL_MAX)
      try_all(bench, &fault_scenarios[i], faults, count);
    else
      try_some(bench, &fault_scenarios[i], faults, count, drawn);
    printf("%-40s %6zu pairs of %zu faults\n", fault_scenarios[i].name, bench->runs - before,
           count);
    free(faults);
  }
  return fault_close(bench);
}
