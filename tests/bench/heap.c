#include "heap.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Before each block: its length. */
#define PREFIX sizeof(max_align_t)

static void count_more(heap *counts, uint64_t more)
{
  counts->calls++;
  counts->asked += more;
  counts->live += more;
  if (counts->live > counts->peak)
    counts->peak = counts->live;
}

static void *heap_malloc(size_t size, void *user_data)
{
  heap *counts = user_data;
  uint8_t *block = malloc(PREFIX + size);

  if (block == NULL)
    return NULL;
  memcpy(block, &size, sizeof(size));
  counts->blocks++;
  count_more(counts, size);
  return block + PREFIX;
}

static void heap_free(void *block, void *user_data)
{
  heap *counts = user_data;
  size_t size;

  if (block == NULL)
    return;
  memcpy(&size, (uint8_t *)block - PREFIX, sizeof(size));
  counts->blocks--;
  counts->live -= size;
  free((uint8_t *)block - PREFIX);
}

static void *heap_realloc(void *block, size_t size, void *user_data)
{
  heap *counts = user_data;
  size_t before;
  uint8_t *moved;

  if (block == NULL)
    return heap_malloc(size, user_data);
  memcpy(&before, (uint8_t *)block - PREFIX, sizeof(before));
  moved = realloc((uint8_t *)block - PREFIX, PREFIX + size);
  if (moved == NULL)
    return NULL;
  memcpy(moved, &size, sizeof(size));
  if (size < before)
    counts->live -= before - size;
  count_more(counts, size > before ? size - before : 0);
  return moved + PREFIX;
}

void heap_allocator(fcgip_allocator *allocator, heap *counts)
{
  memset(allocator, 0, sizeof(*allocator));
  memset(counts, 0, sizeof(*counts));
  allocator->struct_size = (uint32_t)sizeof(*allocator);
  allocator->malloc_fn = heap_malloc;
  allocator->realloc_fn = heap_realloc;
  allocator->free_fn = heap_free;
  allocator->user_data = counts;
}
