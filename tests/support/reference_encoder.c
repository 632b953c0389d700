#include <stdlib.h>
#include <string.h>

#include "support/reference_encoder.h"

void reference_put(reference_bytes *to, const void *data, size_t len)
{
  if (to->cap - to->len < len) {
    to->cap = 2 * (to->len + len);
    to->data = realloc(to->data, to->cap);
    if (to->data == NULL)
      abort();
  }
  if (len > 0)
    memcpy(to->data + to->len, data, len);
  to->len += len;
}

void reference_record(reference_bytes *to, unsigned type, unsigned id, const void *content,
                      size_t len, unsigned padding)
{
  static const uint8_t zeros[255];
  const uint8_t header[8] = {1,
                             (uint8_t)type,
                             (uint8_t)(id >> 8),
                             (uint8_t)id,
                             (uint8_t)(len >> 8),
                             (uint8_t)len,
                             (uint8_t)padding,
                             0};

  reference_put(to, header, sizeof(header));
  reference_put(to, content, len);
  reference_put(to, zeros, padding);
}

void reference_begin(reference_bytes *to, unsigned id, unsigned role, unsigned flags)
{
  const uint8_t body[8] = {(uint8_t)(role >> 8), (uint8_t)role, (uint8_t)flags, 0, 0, 0, 0, 0};

  reference_record(to, 1, id, body, sizeof(body), 0);
}

static void put_length(reference_bytes *to, size_t len)
{
  const uint8_t wide[4] = {(uint8_t)(128 | len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                           (uint8_t)len};

  if (len < 128)
    reference_put(to, &wide[3], 1);
  else
    reference_put(to, wide, sizeof(wide));
}

void reference_put_pair(reference_bytes *to, const char *name, size_t name_len, const char *value,
                        size_t value_len)
{
  put_length(to, name_len);
  put_length(to, value_len);
  reference_put(to, name, name_len);
  reference_put(to, value, value_len);
}

void reference_params(reference_bytes *to, unsigned id, const char *const *names,
                      const char *const *values, size_t count, size_t most)
{
  reference_bytes open = {0}, pair = {0};
  size_t i;

  for (i = 0; i < count; i++) {
    pair.len = 0;
    reference_put_pair(&pair, names[i], strlen(names[i]), values[i], strlen(values[i]));
    if (open.len > 0 && open.len + pair.len > most) {
      reference_record(to, 4, id, open.data, open.len, 0);
      open.len = 0;
    }
    reference_put(&open, pair.data, pair.len);
  }
  if (open.len > 0)
    reference_record(to, 4, id, open.data, open.len, 0);
  free(open.data);
  free(pair.data);
}

void reference_stdin(reference_bytes *to, unsigned id, const void *content, size_t len)
{
  const uint8_t *at = content;
  size_t n;

  while (len > 0) {
    n = len < 65535 ? len : 65535;
    reference_record(to, 5, id, at, n, 0);
    at += n;
    len -= n;
  }
  reference_record(to, 5, id, "", 0, 0);
}
