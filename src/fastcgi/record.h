/* Records, FastCGI 1.0 section 3.3:
 *
 *     version  type  requestId  contentLength  paddingLength  reserved
 *        1       1       2            2               1            1      bytes, then content and padding
 */
#ifndef FCGIP_FASTCGI_RECORD_H
#define FCGIP_FASTCGI_RECORD_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

#define FCGIP__VERSION_1 1u
#define FCGIP__HEADER_LEN 8u
#define FCGIP__BEGIN_LEN (FCGIP__HEADER_LEN + 8u)
#define FCGIP__CONTENT_MAX 65535u
#define FCGIP__KEEP_CONN 1u /* a flag of BEGIN_REQUEST */

/* What php-fpm reads of one PARAMS record: it drops records whose content and padding exceed 65535, and aligned
 * to 8 this is the most that any of its versions takes. */
#define FCGIP__PARAMS_MAX 65528u

enum fcgip__record_type {
  FCGIP__BEGIN_REQUEST = 1,
  FCGIP__ABORT_REQUEST = 2,
  FCGIP__END_REQUEST = 3,
  FCGIP__PARAMS = 4,
  FCGIP__STDIN = 5,
  FCGIP__STDOUT = 6,
  FCGIP__STDERR = 7,
  FCGIP__DATA = 8,
  FCGIP__GET_VALUES = 9,
  FCGIP__GET_VALUES_RESULT = 10,
  FCGIP__UNKNOWN_TYPE = 11
};

enum fcgip__protocol_status {
  FCGIP__REQUEST_COMPLETE = 0,
  FCGIP__CANT_MPX_CONN = 1,
  FCGIP__OVERLOADED = 2,
  FCGIP__UNKNOWN_ROLE = 3
};

/* Writes a header of 8 bytes; content_len is at most FCGIP__CONTENT_MAX. */
static inline void fcgip__record_header(uint8_t *out, enum fcgip__record_type type, uint16_t id,
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

/* Writes BEGIN_REQUEST, header and body, 16 bytes (section 5.1). */
static inline void fcgip__record_begin(uint8_t *out, uint16_t id, uint16_t role, int keep)
{
  fcgip__record_header(out, FCGIP__BEGIN_REQUEST, id, 8);
  memset(out + FCGIP__HEADER_LEN, 0, 8);
  fcgip__put_be16(out + FCGIP__HEADER_LEN, role);
  out[FCGIP__HEADER_LEN + 2] = keep ? FCGIP__KEEP_CONN : 0;
}

/* What the record's id after this one is on the same connection: 65535, then 1. */
static inline uint16_t fcgip__next_wire_id(uint16_t id)
{
  return id == UINT16_MAX ? 1 : (uint16_t)(id + 1);
}

#endif
