/* Reference counts. Atomic, as endpoints, collections and contents are shared between threads that each own
 * their proxy or request. */
#ifndef FCGIP_BASE_REFS_H
#define FCGIP_BASE_REFS_H

#include <stdatomic.h>

typedef atomic_uint fcgip__refs;

static inline void fcgip__refs_init(fcgip__refs *refs)
{
  atomic_init(refs, 1u);
}

static inline void fcgip__refs_take(fcgip__refs *refs)
{
  atomic_fetch_add_explicit(refs, 1u, memory_order_relaxed);
}

/* 1 if that was the last one: the caller destroys the object. */
static inline int fcgip__refs_drop(fcgip__refs *refs)
{
  if (atomic_load_explicit(refs, memory_order_acquire) == 1u)
    return 1; /* nobody else can hold it any more: no need for the locked instruction */
  return atomic_fetch_sub_explicit(refs, 1u, memory_order_acq_rel) == 1u;
}

#endif
