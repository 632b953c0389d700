/* Runs over all faults, and what is told of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fault_bench.h"

#define FAILURES_MAX 30

static void describe(const fault_bench *bench)
{
  size_t i;

  fprintf(stderr, "%s", bench->scenario != NULL ? bench->scenario->name : "");
  for (i = 0; i < bench->fault_count; i++)
    fprintf(stderr, "; %s, use %llu%s", bench->faults[i].kind->name,
            (unsigned long long)bench->faults[i].nth,
            bench->faults[i].stays ? " and all later ones" : "");
  fprintf(stderr, ": %s\n", bench->world.why);
}

static void on_fatal(void *context)
{
  describe(context);
  exit(1);
}

int fault_try(fault_bench *bench, const fault_scenario *scenario, const fault *faults, size_t count)
{
  int struck;

  bench->scenario = scenario;
  struck = fault_run(bench, scenario, faults, count);
  bench->runs++;
  bench->points += (size_t)struck;
  if (!bench->world.failed)
    return struck;
  describe(bench);
  if (++bench->failures < FAILURES_MAX)
    return struck;
  fprintf(stderr, "and so on\n");
  exit(1);
}

int fault_baseline(fault_bench *bench, const fault_scenario *scenario)
{
  (void)fault_try(bench, scenario, NULL, 0);
  return !bench->world.failed;
}

typedef struct fault_list {
  fault *items;
  size_t count, cap;
} fault_list;

static void add(fault_list *list, const fault *f)
{
  if (list->count == list->cap) {
    list->cap = list->cap > 0 ? list->cap * 2 : 256;
    list->items = realloc(list->items, list->cap * sizeof(*list->items));
    if (list->items == NULL) {
      fputs("no memory\n", stderr);
      exit(1);
    }
  }
  list->items[list->count++] = *f;
}

size_t fault_sweep(fault_bench *bench, const fault_scenario *scenario, fault **out)
{
  fault_list list = {NULL, 0, 0};
  size_t i;

  for (i = 0; i < fault_kind_count; i++) {
    fault f = {&fault_kinds[i], 1, 0};

    while (fault_try(bench, scenario, &f, 1)) {
      add(&list, &f);
      f.stays = 1;
      if (!f.kind->stops_once && fault_try(bench, scenario, &f, 1))
        add(&list, &f);
      f.stays = 0;
      f.nth++;
    }
  }
  *out = list.items;
  return list.count;
}

fault_bench *fault_open(void)
{
  fault_bench *bench = malloc(sizeof(*bench));

  if (bench == NULL) {
    fputs("no memory\n", stderr);
    exit(1);
  }
  fault_bench_init(bench);
  bench->world.on_fatal = on_fatal;
  bench->world.fatal_context = bench;
  return bench;
}

int fault_close(fault_bench *bench)
{
  int status = bench->failures > 0;

  printf("%zu points visited in %zu runs, %zu failures\n", bench->points, bench->runs,
         bench->failures);
  fault_bench_deinit(bench);
  free(bench);
  return status;
}
