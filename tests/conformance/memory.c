#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/memory.h"

#define HEAD 16

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t blocks, bytes, peak;

static void count(size_t more_blocks, size_t more_bytes)
{
  pthread_mutex_lock(&lock);
  blocks += more_blocks;
  bytes += more_bytes;
  peak = bytes > peak ? bytes : peak;
  pthread_mutex_unlock(&lock);
}

static void *get(size_t size, void *data)
{
  unsigned char *block = malloc(size + HEAD);

  (void)data;
  if (block == NULL)
    return NULL;
  memcpy(block, &size, sizeof(size));
  /* Large blocks are for contents that are overwritten at once. */
  memset(block + HEAD, 0xA5, size < 65536 ? size : 4096);
  count(1, size);
  return block + HEAD;
}

static void give_back(void *block, void *data)
{
  unsigned char *head = block == NULL ? NULL : (unsigned char *)block - HEAD;
  size_t size;

  (void)data;
  if (head == NULL)
    return;
  memcpy(&size, head, sizeof(size));
  memset(head + HEAD, 0x5A, size < 4096 ? size : 4096);
  count((size_t)-1, (size_t)0 - size);
  free(head);
}

static void *resize(void *block, size_t size, void *data)
{
  unsigned char *head = block == NULL ? NULL : (unsigned char *)block - HEAD;
  size_t old;

  if (head == NULL)
    return get(size, data);
  memcpy(&old, head, sizeof(old));
  head = realloc(head, size + HEAD);
  if (head == NULL)
    return NULL;
  memcpy(head, &size, sizeof(size));
  if (size > old)
    memset(head + HEAD + old, 0xA5, size - old < 65536 ? size - old : 4096);
  count(0, size - old);
  return head + HEAD;
}

const fcgip_allocator *memory_allocator(void)
{
  static const fcgip_allocator allocator = {sizeof(allocator), 0, get, resize, give_back, NULL};

  return &allocator;
}

static size_t locked(const size_t *value)
{
  size_t copy;

  pthread_mutex_lock(&lock);
  copy = *value;
  pthread_mutex_unlock(&lock);
  return copy;
}

size_t memory_blocks(void)
{
  return locked(&blocks);
}

size_t memory_bytes(void)
{
  return locked(&bytes);
}

size_t memory_peak(void)
{
  return locked(&peak);
}

void memory_reset_peak(void)
{
  pthread_mutex_lock(&lock);
  peak = bytes;
  pthread_mutex_unlock(&lock);
}
