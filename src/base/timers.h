/* Timers: an intrusive heap of things that are due at some time. Finding the next one is O(1), setting and
 * clearing one O(log n). */
#ifndef FCGIP_BASE_TIMERS_H
#define FCGIP_BASE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

#define FCGIP__NEVER UINT64_MAX

/* `us` after `from`; beyond the end of time is never. */
static inline uint64_t fcgip__later(uint64_t from, uint64_t us)
{
  return us < FCGIP__NEVER - from ? from + us : FCGIP__NEVER;
}

/* `due` FCGIP__NEVER: not set. */
typedef struct fcgip__timer {
  uint64_t due;
  size_t index;
} fcgip__timer;

typedef struct fcgip__timers {
  fcgip__timer **heap;
  size_t count;
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
