#include "base/timers.h"

#include "fcgiproxy/error.h"

#define FIRST_CAP 16u

void fcgip__timers_init(fcgip__timers *timers, const fcgip__mem *mem)
{
  timers->heap = NULL;
  timers->count = 0;
  timers->cap = 0;
  timers->mem = mem;
}

void fcgip__timers_deinit(fcgip__timers *timers)
{
  fcgip__mem_free(timers->mem, timers->heap);
  fcgip__timers_init(timers, timers->mem);
}

int fcgip__timers_reserve(fcgip__timers *timers, size_t count)
{
  size_t cap = timers->cap > 0 ? timers->cap : FIRST_CAP;
  fcgip__timer **heap;

  if (count <= timers->cap)
    return FCGIP_OK;
  while (cap < count && cap <= SIZE_MAX / 2)
    cap *= 2;
  heap = (fcgip__timer **)fcgip__mem_realloc_array(timers->mem, timers->heap, cap,
                                                   sizeof(fcgip__timer *));
  if (heap == NULL)
    return FCGIP_ENOMEM;
  timers->heap = heap;
  timers->cap = cap;
  return FCGIP_OK;
}

void fcgip__timer_init(fcgip__timer *timer)
{
  timer->due = FCGIP__NEVER;
  timer->index = 0;
}

static void put(fcgip__timers *timers, size_t at, fcgip__timer *timer)
{
  timers->heap[at] = timer;
  timer->index = at;
}

static void sift_up(fcgip__timers *timers, size_t at, fcgip__timer *timer)
{
  while (at > 0 && timers->heap[(at - 1) / 2]->due > timer->due) {
    put(timers, at, timers->heap[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  put(timers, at, timer);
}

static void sift_down(fcgip__timers *timers, size_t at, fcgip__timer *timer)
{
  for (;;) {
    size_t child = 2 * at + 1;

    if (child >= timers->count)
      break;
    if (child + 1 < timers->count && timers->heap[child + 1]->due < timers->heap[child]->due)
      child++;
    if (timers->heap[child]->due >= timer->due)
      break;
    put(timers, at, timers->heap[child]);
    at = child;
  }
  put(timers, at, timer);
}

static void clear(fcgip__timers *timers, fcgip__timer *timer)
{
  fcgip__timer *last = timers->heap[--timers->count];

  if (last == timer)
    return;
  if (last->due < timer->due)
    sift_up(timers, timer->index, last);
  else
    sift_down(timers, timer->index, last);
}

void fcgip__timer_set(fcgip__timers *timers, fcgip__timer *timer, uint64_t due)
{
  uint64_t before = timer->due;

  if (before == due)
    return;
  if (due == FCGIP__NEVER) {
    clear(timers, timer);
    timer->due = due;
    return;
  }
  timer->due = due;
  if (before == FCGIP__NEVER)
    sift_up(timers, timers->count++, timer);
  else if (due < before)
    sift_up(timers, timer->index, timer);
  else
    sift_down(timers, timer->index, timer);
}

fcgip__timer *fcgip__timers_first(const fcgip__timers *timers)
{
  return timers->count > 0 ? timers->heap[0] : NULL;
}
