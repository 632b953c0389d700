#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "fcgiproxy/error.h"

static void *libc_malloc(size_t size, void *user_data)
{
  (void)user_data;
  return malloc(size);
}

static void *libc_realloc(void *block, size_t size, void *user_data)
{
  (void)user_data;
  return realloc(block, size);
}

static void libc_free(void *block, void *user_data)
{
  (void)user_data;
  free(block);
}

int fcgip__mem_import(fcgip__mem *mem, const fcgip_allocator *allocator)
{
  fcgip_allocator known;
  int rc;

  mem->malloc_fn = libc_malloc;
  mem->realloc_fn = libc_realloc;
  mem->free_fn = libc_free;
  mem->user_data = NULL;
  if (allocator == NULL)
    return FCGIP_OK;

  rc = fcgip__options_import(&known, sizeof(known), allocator, sizeof(known));
  if (rc < 0)
    return rc;
  if (known.malloc_fn == NULL || known.realloc_fn == NULL || known.free_fn == NULL ||
      known.flags != 0)
    return FCGIP_EINVAL;
  mem->malloc_fn = known.malloc_fn;
  mem->realloc_fn = known.realloc_fn;
  mem->free_fn = known.free_fn;
  mem->user_data = known.user_data;
  return FCGIP_OK;
}

void *fcgip__mem_calloc(const fcgip__mem *mem, size_t count, size_t size)
{
  size_t total;
  void *block;

  if (fcgip__mul_size(count, size, &total) < 0)
    return NULL;
  block = fcgip__mem_alloc(mem, total);
  if (block != NULL)
    memset(block, 0, total);
  return block;
}

void *fcgip__mem_realloc(const fcgip__mem *mem, void *block, size_t size)
{
  return mem->realloc_fn(block, size > 0 ? size : 1, mem->user_data);
}

void *fcgip__mem_realloc_array(const fcgip__mem *mem, void *block, size_t count, size_t size)
{
  size_t total;

  if (fcgip__mul_size(count, size, &total) < 0)
    return NULL;
  return fcgip__mem_realloc(mem, block, total);
}

char *fcgip__mem_strndup(const fcgip__mem *mem, const char *text, size_t len)
{
  size_t size;
  char *copy;

  if (fcgip__add_size(len, 1, &size) < 0)
    return NULL;
  copy = fcgip__mem_alloc(mem, size);
  if (copy == NULL)
    return NULL;
  if (len > 0)
    memcpy(copy, text, len);
  copy[len] = '\0';
  return copy;
}
