#include "base/buffer.h"

#include <string.h>

#include "fcgiproxy/error.h"

#define FIRST_CAP 256u

int fcgip__buffer_grow(fcgip__buffer *buffer, size_t more)
{
  size_t need, cap;
  uint8_t *data;

  if (more > buffer->limit || buffer->len > buffer->limit - more)
    return FCGIP_ETOOLARGE;
  if (fcgip__add_size(buffer->len + more, 1, &need) < 0)
    return FCGIP_ETOOLARGE;
  if (need <= buffer->cap)
    return FCGIP_OK;

  /* Doubling, but never past what the limit lets it hold. */
  cap = buffer->cap < FIRST_CAP ? FIRST_CAP : buffer->cap;
  if (cap < need && fcgip__mul_size(cap, 2, &cap) < 0)
    cap = need;
  if (cap > buffer->limit && cap - 1 > buffer->limit)
    cap = buffer->limit + 1;
  if (cap < need)
    cap = need;
  data = fcgip__mem_realloc(buffer->mem, buffer->is_lent ? NULL : buffer->data, cap);
  if (data == NULL)
    return FCGIP_ENOMEM;
  if (buffer->is_lent)
    memcpy(data, buffer->data, buffer->len);
  buffer->is_lent = 0;
  data[buffer->len] = '\0'; /* a fresh block has none */
  buffer->data = data;
  buffer->cap = cap;
  return FCGIP_OK;
}

int fcgip__buffer_add_text(fcgip__buffer *buffer, const char *text)
{
  return fcgip__buffer_add(buffer, text, strlen(text));
}

int fcgip__buffer_add_byte(fcgip__buffer *buffer, uint8_t byte)
{
  return fcgip__buffer_add(buffer, &byte, 1);
}

int fcgip__buffer_add_number(fcgip__buffer *buffer, uint64_t number)
{
  char digits[20];
  size_t at = sizeof(digits);

  do {
    digits[--at] = (char)('0' + (char)(number % 10));
    number /= 10;
  } while (number > 0);
  return fcgip__buffer_add(buffer, digits + at, sizeof(digits) - at);
}

const char *fcgip__buffer_text(const fcgip__buffer *buffer)
{
  return buffer->data != NULL ? (const char *)buffer->data : "";
}

uint8_t *fcgip__buffer_detach(fcgip__buffer *buffer, size_t *len)
{
  uint8_t *data;

  *len = buffer->len;
  if (buffer->len == 0)
    fcgip__buffer_deinit(buffer); /* there may be room without bytes in it */
  data = buffer->data;
  fcgip__buffer_init(buffer, buffer->mem, buffer->limit);
  return data;
}
