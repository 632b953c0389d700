#include "engine/parts.h"
#include "proxy/front.h"
#include "support/fault_bench.h"

void fault_seed_engine(fault_bench *bench)
{
  const fcgip__front *front = bench->proxy != NULL
                                  ? (const fcgip__front *)(const void *)bench->proxy
                                  : (const fcgip__front *)(const void *)bench->cluster;

  fcgip__random_init(&front->engine->random, 1);
}
