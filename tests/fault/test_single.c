/* RUN-06, RUN-19, NET-07, NET-08, NET-10: in every scenario every allocation and every call of the socket table fails at
 * its nth use, n = 1, 2, 3 ... until a run is clean; once, and from there on; with everything it can say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fault_bench.h"

int main(int argc, char **argv)
{
  fault_bench *bench = fault_open();
  size_t i;

  for (i = 0; i < fault_scenario_count; i++) {
    fault *faults = NULL;
    size_t before = bench->points;

    if (argc > 1 && strstr(fault_scenarios[i].name, argv[1]) == NULL)
      continue;
    if (!fault_baseline(bench, &fault_scenarios[i]))
      continue;
    fault_sweep(bench, &fault_scenarios[i], &faults);
    free(faults);
    printf("%-40s %6zu points\n", fault_scenarios[i].name, bench->points - before);
  }
  return fault_close(bench);
}
