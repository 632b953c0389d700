#include "fastcgi/record.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"

#define KEEP_CONN 1u

void fcgip__record_header(uint8_t *out, enum fcgip__record_type type, uint16_t id,
                          size_t content_len)
{
  assert(content_len <= FCGIP__CONTENT_MAX);
  out[0] = FCGIP__VERSION_1;
  out[1] = (uint8_t)type;
  fcgip__put_be16(out + 2, id);
  fcgip__put_be16(out + 4, (uint16_t)content_len);
  out[6] = 0;
  out[7] = 0;
}

void fcgip__record_begin(uint8_t *out, uint16_t id, uint16_t role, int keep)
{
  fcgip__record_header(out, FCGIP__BEGIN_REQUEST, id, 8);
  memset(out + FCGIP__HEADER_LEN, 0, 8);
  fcgip__put_be16(out + FCGIP__HEADER_LEN, role);
  out[FCGIP__HEADER_LEN + 2] = keep ? KEEP_CONN : 0;
}

uint16_t fcgip__next_wire_id(uint16_t id)
{
  return id == UINT16_MAX ? 1 : (uint16_t)(id + 1);
}
