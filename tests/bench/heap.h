/* An allocator for the library that counts what it is asked for. */
#ifndef BENCH_HEAP_H
#define BENCH_HEAP_H

#include <stdint.h>

#include <fcgiproxy/fcgiproxy.h>

typedef struct heap {
  uint64_t calls; /* of malloc and realloc */
  uint64_t asked; /* bytes, over all calls: what a realloc adds counts */
  uint64_t blocks;
  uint64_t live; /* bytes now */
  uint64_t peak; /* bytes at most */
} heap;

/* For the options of endpoints and proxies; `counts` must outlive them all. */
void heap_allocator(fcgip_allocator *allocator, heap *counts);

#endif
