/* NET-10, ENC-28, FRM-02: every read, and every write, of at most 1, 2, 3 ... bytes; and one that is cut at each place. No
 * result may change by that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fault_bench.h"

#define PLACES 700u     /* of what a usual request and response have */
#define BULKY_FROM 200u /* where much is sent, a byte at a time would take its time */
#define USES 4u

static int is_bulky(const fault_scenario *scenario)
{
  return strncmp(scenario->name, "upload", 6) == 0 || strncmp(scenario->name, "paused", 6) == 0 ||
         strncmp(scenario->name, "cancel: sending", 15) == 0;
}

static void cut(fault_bench *bench, const fault_scenario *scenario, unsigned target, size_t most)
{
  const fault_kind kind = {
      target == SIM_SEND ? "send: short" : "recv: short", target, {.most = most}, 0, 0, 1};
  fault f = {&kind, 1, 1};
  size_t i;

  (void)fault_try(bench, scenario, &f, 1);
  f.stays = 0;
  for (i = 0; i < USES; i++) {
    f.nth = i + 1;
    if (!fault_try(bench, scenario, &f, 1))
      break;
  }
}

int main(int argc, char **argv)
{
  fault_bench *bench = fault_open();
  size_t i, most;

  for (i = 0; i < fault_scenario_count; i++) {
    const fault_scenario *scenario = &fault_scenarios[i];
    size_t before = bench->points;

    if (argc > 1 && strstr(scenario->name, argv[1]) == NULL)
      continue;
    if (!fault_baseline(bench, scenario))
      continue;
    for (most = is_bulky(scenario) ? BULKY_FROM : 1; most < PLACES;
         most += is_bulky(scenario) ? 17 : 1) {
      cut(bench, scenario, SIM_SEND, most);
      cut(bench, scenario, SIM_RECV, most);
    }
    printf("%-40s %6zu points\n", scenario->name, bench->points - before);
  }
  return fault_close(bench);
}
