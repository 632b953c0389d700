/* Timers: things that are due at some time. Most are set for a fixed time from now, so that each is due behind those
 * set before: such ones stand in runs, lists in order, where setting, clearing and finding the first are O(1) however
 * many there are. What fits behind none of the few runs goes to an intrusive heap, O(log n). */
#ifndef FCGIP_BASE_TIMERS_H
#define FCGIP_BASE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/list.h"

#define FCGIP__NEVER UINT64_MAX

/* As many different lengths of time can be in use at once without the heap. */
#define FCGIP__TIMER_RUNS 4u

/* `us` after `from`; beyond the end of time is never. */
static inline uint64_t fcgip__later(uint64_t from, uint64_t us)
{
  return us < FCGIP__NEVER - from ? from + us : FCGIP__NEVER;
}

/* `due` FCGIP__NEVER: not set. */
typedef struct fcgip__timer {
  uint64_t due;
  fcgip__node node; /* in a run, else unlinked */
  size_t index;     /* in the heap, where it is in no run */
} fcgip__timer;

typedef struct fcgip__timers {
  fcgip__list runs[FCGIP__TIMER_RUNS];
  fcgip__timer **heap;
  size_t heap_count;
  size_t count; /* that are set, in all */
  size_t cap;
  const fcgip__mem *mem; /* must outlive the heap */
} fcgip__timers;

void fcgip__timers_init(fcgip__timers *timers, const fcgip__mem *mem);
void fcgip__timers_deinit(fcgip__timers *timers);

/* Makes sure that `count` timers can be set at once, so that setting one cannot fail. FCGIP_OK; FCGIP_ENOMEM. */
int fcgip__timers_reserve(fcgip__timers *timers, size_t count);

void fcgip__timer_init(fcgip__timer *timer);

/* Sets, moves, or (FCGIP__NEVER) clears a timer. */
void fcgip__timer_set(fcgip__timers *timers, fcgip__timer *timer, uint64_t due);

/* The one due first, NULL if none is set. */
fcgip__timer *fcgip__timers_first(const fcgip__timers *timers);

#endif
