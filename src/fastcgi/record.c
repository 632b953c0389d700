#include "fastcgi/record.h"

#include <string.h>

#define KEEP_CONN 1u

void fcgip__record_begin(uint8_t *out, uint16_t id, uint16_t role, int keep)
{
  fcgip__record_header(out, FCGIP__BEGIN_REQUEST, id, 8);
  memset(out + FCGIP__HEADER_LEN, 0, 8);
  fcgip__put_be16(out + FCGIP__HEADER_LEN, role);
  out[FCGIP__HEADER_LEN + 2] = keep ? KEEP_CONN : 0;
}
