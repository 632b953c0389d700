/* A simulated world: a clock that only calls and waiting move, things that happen at their time, and one seed that
 * decides everything. The same seed gives the same run, byte for byte; `hash` tells whether it did.
 *
 * A breach of a rule is reported with sim_fail(); the run goes on to its end, the first breach is kept. A run that
 * cannot go on (the call budget is used up, everybody waits for nothing) ends in sim_fatal(), which does not return. */
#ifndef TEST_SUPPORT_SIM_WORLD_H
#define TEST_SUPPORT_SIM_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

#define SIM_START_US UINT64_C(7000000) /* so that nothing can rely on a clock that begins with 0 */
#define SIM_NEVER UINT64_MAX

typedef void (*sim_event_fn)(void *context, uint64_t argument);

typedef struct sim_event {
  uint64_t at;
  uint64_t order; /* those of the same time happen in the order in which they were planned */
  sim_event_fn fn;
  void *context;
  uint64_t argument;
} sim_event;

/* What is wrong on purpose, to see that it is noticed. */
enum sim_plant {
  SIM_SOUND,
  SIM_LEAKS,   /* close() does nothing */
  SIM_LATE,    /* poll() waits longer than it was told */
  SIM_EARLY,   /* the clock runs fast */
  SIM_SPINS,   /* poll() does not wait */
  SIM_FLIPPED, /* a byte that was received is another one */
  SIM_UNTOLD,  /* the watcher is not told everything */
  SIM_LOST,    /* a result is taken, and forgotten */
  SIM_TWICE,   /* a result is delivered twice */
  SIM_CROWDED, /* one connection more than allowed */
  SIM_FAT,     /* bodies longer than allowed */
  SIM_WHIM,    /* something decides that is not the seed */
  SIM_HASTY,   /* somebody asks the system's clock */
  SIM_BLIND,   /* what is received looks as if it were still there */
  SIM_PLANTS
};

typedef struct sim_world {
  uint64_t seed;
  uint64_t now_us;
  uint32_t tick_us; /* what a call takes */
  uint64_t calls;
  uint64_t budget; /* of calls */
  fcgip__random random;
  uint64_t hash;
  int traces; /* prints every note */
  enum sim_plant plant;
  int hashes_bytes; /* those that travel, too */
  int failed;
  char why[400];
  sim_event *events; /* a heap */
  size_t event_count, event_cap;
  uint64_t order;
  uint64_t steps; /* events that happened */
  void (*on_fatal)(void *fatal_context);
  void *fatal_context;
} sim_world;

void sim_world_init(sim_world *world, uint64_t seed);
/* As new, with another seed; the memory for events stays. */
void sim_world_restart(sim_world *world, uint64_t seed);
void sim_world_deinit(sim_world *world);

/* A number below `bound`, which is not 0. */
uint64_t sim_below(sim_world *world, uint64_t bound);
/* One of from ... to. */
uint64_t sim_between(sim_world *world, uint64_t from, uint64_t to);
/* 1 in `per_mille` of 1000 cases. */
uint8_t sim_chance(sim_world *world, unsigned per_mille);

/* `fn` is called that much later, from inside of whatever moves the clock. */
void sim_after(sim_world *world, uint64_t delay_us, sim_event_fn fn, void *context,
               uint64_t argument);

/* When the next thing happens; SIM_NEVER. */
uint64_t sim_next(const sim_world *world);

/* A call was made: it counts, takes its time, and what was due meanwhile happens. */
void sim_tick(sim_world *world);
/* Lets the time pass, and everything happen. */
void sim_pass(sim_world *world, uint64_t us);
/* Moves the clock to the next thing that happens, and lets it happen. */
void sim_step(sim_world *world);

/* Into the trace, and into the hash. */
void sim_note(sim_world *world, const char *what, int64_t a, int64_t b, int64_t c);

/* Bytes that travel, if they are wanted: into the hash. */
void sim_note_bytes(sim_world *world, const uint8_t *data, size_t len);

void sim_fail(sim_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_fatal(sim_world *world, const char *why) __attribute__((noreturn));

#endif
