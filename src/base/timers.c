#include "base/timers.h"

#include "fcgiproxy/error.h"

#define FIRST_CAP 16u

void fcgip__timers_init(fcgip__timers *timers, const fcgip__mem *mem)
{
  size_t i;

  for (i = 0; i < FCGIP__TIMER_RUNS; i++)
    fcgip__list_init(&timers->runs[i]);
  timers->heap = NULL;
  timers->heap_count = 0;
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
  fcgip__node_init(&timer->node);
  timer->index = 0;
}

static fcgip__timer *timer_of(fcgip__node *node)
{
  return FCGIP__OWNER(node, fcgip__timer, node);
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

    if (child >= timers->heap_count)
      break;
    if (child + 1 < timers->heap_count && timers->heap[child + 1]->due < timers->heap[child]->due)
      child++;
    if (timers->heap[child]->due >= timer->due)
      break;
    put(timers, at, timers->heap[child]);
    at = child;
  }
  put(timers, at, timer);
}

static void leave_heap(fcgip__timers *timers, fcgip__timer *timer)
{
  fcgip__timer *last = timers->heap[--timers->heap_count];

  if (last == timer)
    return;
  if (last->due < timer->due)
    sift_up(timers, timer->index, last);
  else
    sift_down(timers, timer->index, last);
}

static void clear(fcgip__timers *timers, fcgip__timer *timer)
{
  timers->count--;
  if (fcgip__node_is_linked(&timer->node))
    fcgip__list_remove(&timer->node);
  else
    leave_heap(timers, timer);
}

static uint64_t last_due(const fcgip__list *run)
{
  fcgip__node *last = run->head.prev;

  return last == &run->head ? 0 : timer_of(last)->due;
}

/* Behind the first run whose last one is due no later. */
static void insert(fcgip__timers *timers, fcgip__timer *timer)
{
  size_t i;

  timers->count++;
  for (i = 0; i < FCGIP__TIMER_RUNS; i++) {
    if (last_due(&timers->runs[i]) <= timer->due) {
      fcgip__list_add_last(&timers->runs[i], &timer->node);
      return;
    }
  }
  sift_up(timers, timers->heap_count++, timer);
}

void fcgip__timer_set(fcgip__timers *timers, fcgip__timer *timer, uint64_t due)
{
  if (timer->due == due)
    return;
  if (timer->due != FCGIP__NEVER)
    clear(timers, timer);
  timer->due = due;
  if (due != FCGIP__NEVER)
    insert(timers, timer);
}

fcgip__timer *fcgip__timers_first(const fcgip__timers *timers)
{
  fcgip__timer *first = timers->heap_count > 0 ? timers->heap[0] : NULL;
  size_t i;

  for (i = 0; i < FCGIP__TIMER_RUNS; i++) {
    fcgip__node *node = fcgip__list_first(&timers->runs[i]);

    if (node != NULL && (first == NULL || timer_of(node)->due < first->due))
      first = timer_of(node);
  }
  return first;
}
