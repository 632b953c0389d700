#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

failing_allocator fuzz_memory;
size_t fuzz_fail_at;
enum failing_allocator_mode fuzz_fail_mode;

void fuzz_fail(const char *file, int line, const char *what)
{
  const char *name = strrchr(file, '/');

  fprintf(stderr, "%s:%d: does not hold: %s\n", name != NULL ? name + 1 : file, line, what);
  if (fuzz_fail_at > 0)
    fprintf(stderr, "with allocation %zu failing%s\n", fuzz_fail_at,
            fuzz_fail_mode == FAIL_ONCE ? "" : " and all later ones");
  abort();
}

void fuzz_begin(void)
{
  failing_allocator_init(&fuzz_memory);
  failing_allocator_fail_at(&fuzz_memory, fuzz_fail_at, fuzz_fail_mode);
}

void fuzz_end(void)
{
  FUZZ_CHECK(fuzz_memory.live_blocks == 0);
  FUZZ_CHECK(fuzz_memory.misuses == 0);
}

int fuzz_is_out_of_memory(void)
{
  return fuzz_memory.failures > 0;
}

fcgip__mem fuzz_mem(void)
{
  fcgip__mem mem;

  FUZZ_CHECK(fcgip__mem_import(&mem, &fuzz_memory.hook) == 0);
  return mem;
}

void *fuzz_alloc(size_t size)
{
  void *block = malloc(size > 0 ? size : 1);

  FUZZ_CHECK(block != NULL);
  return block;
}

uint8_t *fuzz_copy(const void *data, size_t len)
{
  uint8_t *copy = fuzz_alloc(len);

  if (len > 0)
    memcpy(copy, data, len);
  return copy;
}

uint8_t fuzz_u8(fuzz_input *in)
{
  if (in->left == 0)
    return 0;
  in->left--;
  return *in->at++;
}

uint16_t fuzz_u16(fuzz_input *in)
{
  unsigned high = fuzz_u8(in);

  return (uint16_t)(high << 8 | fuzz_u8(in));
}

uint32_t fuzz_u32(fuzz_input *in)
{
  uint32_t high = fuzz_u16(in);

  return high << 16 | fuzz_u16(in);
}

const uint8_t *fuzz_bytes(fuzz_input *in, size_t *len)
{
  const uint8_t *at = in->at;

  if (*len > in->left)
    *len = in->left;
  in->at += *len;
  in->left -= *len;
  return at;
}

const uint8_t *fuzz_short(fuzz_input *in, size_t *len)
{
  *len = fuzz_u8(in);
  return fuzz_bytes(in, len);
}

char *fuzz_text(fuzz_input *in)
{
  size_t len;
  const uint8_t *bytes = fuzz_short(in, &len);
  char *text = fuzz_alloc(len + 1);

  if (len > 0)
    memcpy(text, bytes, len);
  text[len] = '\0';
  return text;
}

void fuzz_put(fuzz_buffer *to, const void *data, size_t len)
{
  if (len == 0)
    return;
  if (to->cap - to->len < len) {
    to->cap = (to->len + len) * 2;
    to->data = realloc(to->data, to->cap);
    FUZZ_CHECK(to->data != NULL);
  }
  memcpy(to->data + to->len, data, len);
  to->len += len;
}

void fuzz_put_text(fuzz_buffer *to, const char *text)
{
  fuzz_put(to, text, strlen(text));
}

int fuzz_buffer_equal(const fuzz_buffer *a, const fuzz_buffer *b)
{
  return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

void fuzz_buffer_free(fuzz_buffer *buffer)
{
  free(buffer->data);
  memset(buffer, 0, sizeof(*buffer));
}

uint32_t fuzz_random(uint32_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

uint64_t fuzz_hash(const void *data, size_t len)
{
  const uint8_t *bytes = data;
  uint64_t hash = UINT64_C(14695981039346656037);
  size_t i;

  for (i = 0; i < len; i++)
    hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
  return hash ^ hash >> 29;
}
