/* A growing run of bytes that knows from birth how long it may become. */
#ifndef FCGIP_BASE_BUFFER_H
#define FCGIP_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

/* `data` is NULL until there is room for a byte; from then on data[len] is a NUL that is not counted. */
typedef struct fcgip__buffer {
  uint8_t *data;
  size_t len;
  size_t cap;
  size_t limit;
  const fcgip__mem *mem; /* must outlive the buffer */
  int is_lent;           /* `data` is not ours to free */
} fcgip__buffer;

static inline void fcgip__buffer_init(fcgip__buffer *buffer, const fcgip__mem *mem, size_t limit)
{
  buffer->data = NULL;
  buffer->len = 0;
  buffer->cap = 0;
  buffer->limit = limit;
  buffer->mem = mem;
  buffer->is_lent = 0;
}

/* Its memory; the buffer is of no use any more. */
static inline void fcgip__buffer_free(fcgip__buffer *buffer)
{
  if (!buffer->is_lent)
    fcgip__mem_free(buffer->mem, buffer->data);
}

static inline void fcgip__buffer_deinit(fcgip__buffer *buffer)
{
  fcgip__buffer_free(buffer);
  fcgip__buffer_init(buffer, buffer->mem, buffer->limit);
}

/* Lends a fresh buffer `cap` bytes that outlive it, so that what is short needs no memory. Such a buffer cannot be
 * detached. */
static inline void fcgip__buffer_lend(fcgip__buffer *buffer, uint8_t *data, size_t cap)
{
  data[0] = '\0';
  buffer->data = data;
  buffer->cap = cap;
  buffer->is_lent = 1;
}

/* Makes room for `more` bytes behind `len`. FCGIP_OK; FCGIP_ETOOLARGE: over the limit; FCGIP_ENOMEM. The
 * buffer is unchanged if it fails. */
int fcgip__buffer_grow(fcgip__buffer *buffer, size_t more);

static inline int fcgip__buffer_reserve(fcgip__buffer *buffer, size_t more)
{
  if (buffer->len < buffer->cap && more < buffer->cap - buffer->len && more <= buffer->limit &&
      buffer->len <= buffer->limit - more)
    return 0; /* FCGIP_OK: there is room */
  return fcgip__buffer_grow(buffer, more);
}

/* Results as of reserve. */
static inline int fcgip__buffer_add(fcgip__buffer *buffer, const void *data, size_t len)
{
  int rc = fcgip__buffer_reserve(buffer, len);

  if (rc < 0)
    return rc;
  if (len > 0)
    memcpy(buffer->data + buffer->len, data, len);
  buffer->len += len;
  buffer->data[buffer->len] = '\0';
  return rc;
}

int fcgip__buffer_add_text(fcgip__buffer *buffer, const char *text);
int fcgip__buffer_add_byte(fcgip__buffer *buffer, uint8_t byte);
int fcgip__buffer_add_number(fcgip__buffer *buffer, uint64_t number);

/* The bytes as text, "" if there are none. */
const char *fcgip__buffer_text(const fcgip__buffer *buffer);

/* Gives the block away: the caller frees it with the allocator. NULL if there are no bytes. */
uint8_t *fcgip__buffer_detach(fcgip__buffer *buffer, size_t *len);

#endif
