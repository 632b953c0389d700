#include "support/sim_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_US 2
#define BUDGET 400000

void sim_world_init(sim_world *world, uint64_t seed)
{
  memset(world, 0, sizeof(*world));
  sim_world_restart(world, seed);
}

void sim_world_restart(sim_world *world, uint64_t seed)
{
  world->seed = seed;
  world->now_us = SIM_START_US;
  world->tick_us = TICK_US;
  world->calls = 0;
  world->budget = BUDGET;
  fcgip__random_init(&world->random, seed);
  world->hash = UINT64_C(0xcbf29ce484222325);
  world->failed = 0;
  world->why[0] = '\0';
  world->event_count = 0;
  world->order = 0;
  world->steps = 0;
}

void sim_world_deinit(sim_world *world)
{
  free(world->events);
  world->events = NULL;
}

uint64_t sim_below(sim_world *world, uint64_t bound)
{
  /* The bias is of no interest here, the speed is. */
  return fcgip__random_next(&world->random) % bound;
}

uint64_t sim_between(sim_world *world, uint64_t from, uint64_t to)
{
  return from + sim_below(world, to - from + 1);
}

uint8_t sim_chance(sim_world *world, unsigned per_mille)
{
  return per_mille > 0 && sim_below(world, 1000) < per_mille;
}

static int is_before(const sim_event *a, const sim_event *b)
{
  return a->at < b->at || (a->at == b->at && a->order < b->order);
}

void sim_after(sim_world *world, uint64_t delay_us, sim_event_fn fn, void *context,
               uint64_t argument)
{
  sim_event event = {world->now_us + delay_us, world->order++, fn, context, argument};
  size_t at = world->event_count++;

  if (world->event_count > world->event_cap) {
    world->event_cap = world->event_cap > 0 ? world->event_cap * 2 : 256;
    world->events = realloc(world->events, world->event_cap * sizeof(*world->events));
    if (world->events == NULL)
      sim_fatal(world, "no memory for events");
  }
  while (at > 0 && is_before(&event, &world->events[(at - 1) / 2])) {
    world->events[at] = world->events[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  world->events[at] = event;
}

uint64_t sim_next(const sim_world *world)
{
  return world->event_count > 0 ? world->events[0].at : SIM_NEVER;
}

static sim_event take_first(sim_world *world)
{
  sim_event first = world->events[0];
  sim_event last = world->events[--world->event_count];
  size_t at = 0, count = world->event_count;

  for (;;) {
    size_t child = 2 * at + 1;

    if (child >= count)
      break;
    if (child + 1 < count && is_before(&world->events[child + 1], &world->events[child]))
      child++;
    if (!is_before(&world->events[child], &last))
      break;
    world->events[at] = world->events[child];
    at = child;
  }
  if (count > 0)
    world->events[at] = last;
  return first;
}

static void run_due(sim_world *world)
{
  while (world->event_count > 0 && world->events[0].at <= world->now_us) {
    sim_event event = take_first(world);

    world->steps++;
    event.fn(event.context, event.argument);
  }
}

void sim_tick(sim_world *world)
{
  if (++world->calls > world->budget)
    sim_fatal(world, "the call budget is used up: it runs in circles");
  world->now_us += world->tick_us;
  run_due(world);
}

void sim_pass(sim_world *world, uint64_t us)
{
  uint64_t until = world->now_us + us;

  while (sim_next(world) <= until)
    sim_step(world);
  world->now_us = until;
}

void sim_step(sim_world *world)
{
  if (sim_next(world) > world->now_us)
    world->now_us = sim_next(world);
  run_due(world);
}

static void mix(sim_world *world, uint64_t value)
{
  world->hash = (world->hash ^ value) * UINT64_C(0x100000001b3);
  world->hash ^= world->hash >> 29;
}

void sim_note(sim_world *world, const char *what, int64_t a, int64_t b, int64_t c)
{
  mix(world, world->now_us);
  mix(world, (uint64_t)(unsigned char)what[0] << 8 | (unsigned char)what[1]);
  mix(world, (uint64_t)a);
  mix(world, (uint64_t)b);
  mix(world, (uint64_t)c);
  if (world->traces)
    printf("%10llu.%03u %-12s %6lld %6lld %6lld\n",
           (unsigned long long)((world->now_us - SIM_START_US) / 1000),
           (unsigned)((world->now_us - SIM_START_US) % 1000), what, (long long)a, (long long)b,
           (long long)c);
}

void sim_note_bytes(sim_world *world, const uint8_t *data, size_t len)
{
  size_t i;

  for (i = 0; i < len && world->hashes_bytes; i++)
    world->hash = (world->hash ^ data[i]) * UINT64_C(0x100000001b3);
}

void sim_fail(sim_world *world, const char *format, ...)
{
  va_list arguments;
  char why[sizeof(world->why)];

  va_start(arguments, format);
  vsnprintf(why, sizeof(why), format, arguments);
  va_end(arguments);
  if (world->traces)
    printf("********** %s\n", why);
  if (world->failed)
    return;
  world->failed = 1;
  memcpy(world->why, why, sizeof(why));
}

void sim_fatal(sim_world *world, const char *why)
{
  if (!world->failed)
    snprintf(world->why, sizeof(world->why), "%s", why);
  world->failed = 1;
  if (world->on_fatal != NULL)
    world->on_fatal(world->fatal_context);
  fprintf(stderr, "seed %llu: %s\n", (unsigned long long)world->seed, world->why);
  exit(1);
}
