/* The allocator every object carries: the caller's, or the C library's. The only file that calls the
 * malloc family is alloc.c. */
#ifndef FCGIP_BASE_ALLOC_H
#define FCGIP_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include "fcgiproxy/allocator.h"

/* A copy of what the caller gave, so that the struct need not outlive the constructor. */
typedef struct fcgip__mem {
  void *(*malloc_fn)(size_t size, void *user_data);
  void *(*realloc_fn)(void *block, size_t size, void *user_data);
  void (*free_fn)(void *block, void *user_data);
  void *user_data;
} fcgip__mem;

/* FCGIP_OK; FCGIP_EINVAL: a function is missing or the size is too small; FCGIP_E2BIG. NULL is the C
 * library. */
int fcgip__mem_import(fcgip__mem *mem, const fcgip_allocator *allocator);

/* NULL if there is no memory; a size of 0 gives a block of 1. */
static inline void *fcgip__mem_alloc(const fcgip__mem *mem, size_t size)
{
  return mem->malloc_fn(size > 0 ? size : 1, mem->user_data);
}
void *fcgip__mem_calloc(const fcgip__mem *mem, size_t count, size_t size);
void *fcgip__mem_realloc(const fcgip__mem *mem, void *block, size_t size);
/* count * size with overflow checked. */
void *fcgip__mem_realloc_array(const fcgip__mem *mem, void *block, size_t count, size_t size);
static inline void fcgip__mem_free(const fcgip__mem *mem, void *block)
{
  if (block != NULL)
    mem->free_fn(block, mem->user_data);
}

/* A NUL-terminated copy of `len` bytes. */
char *fcgip__mem_strndup(const fcgip__mem *mem, const char *text, size_t len);

/* 0, or -1 if the sum or product does not fit. */
static inline int fcgip__add_size(size_t a, size_t b, size_t *sum)
{
  if (a > SIZE_MAX - b)
    return -1;
  *sum = a + b;
  return 0;
}

static inline int fcgip__mul_size(size_t a, size_t b, size_t *product)
{
  if (b != 0 && a > SIZE_MAX / b)
    return -1;
  *product = a * b;
  return 0;
}

#endif
