/* The allocator hook: each root object can have its own, so that no state is process-wide. */
#ifndef FCGIPROXY_ALLOCATOR_H
#define FCGIPROXY_ALLOCATOR_H

#include "fcgiproxy/types.h"

FCGIP_BEGIN_DECLS

/* Given to an object's constructor, which copies it: the struct need not outlive the call, but what
 * it points to must outlive every object made with it and every response such a proxy hands out.
 * All three functions behave as their namesakes of ISO C, `user_data` apart; they are called from
 * the threads that use the objects, and must not call the library. NULL for the struct means the C
 * library's functions. */
typedef struct fcgip_allocator {
  uint32_t struct_size;                                           /* sizeof(fcgip_allocator) */
  uint32_t flags;                                                 /* 0 */
  void *(*malloc_fn)(size_t size, void *user_data);               /* as malloc() */
  void *(*realloc_fn)(void *block, size_t size, void *user_data); /* as realloc() */
  void (*free_fn)(void *block, void *user_data);                  /* as free() */
  void *user_data;                                                /* passed to all three */
} fcgip_allocator;

FCGIP_END_DECLS

#endif
