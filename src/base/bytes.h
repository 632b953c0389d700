/* Big-endian numbers in bytes: written once, so that no field is decoded by hand (FastCGI 1.0 section 3.3:
 * multi-byte values are sent with the most significant byte first). */
#ifndef FCGIP_BASE_BYTES_H
#define FCGIP_BASE_BYTES_H

#include <stdint.h>

static inline uint16_t fcgip__get_be16(const uint8_t *p)
{
  return (uint16_t)((uint16_t)(p[0] << 8) | p[1]);
}

static inline uint32_t fcgip__get_be32(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void fcgip__put_be16(uint8_t *p, uint16_t value)
{
  p[0] = (uint8_t)(value >> 8);
  p[1] = (uint8_t)(value & 0xff);
}

static inline void fcgip__put_be32(uint8_t *p, uint32_t value)
{
  p[0] = (uint8_t)(value >> 24);
  p[1] = (uint8_t)(value >> 16 & 0xff);
  p[2] = (uint8_t)(value >> 8 & 0xff);
  p[3] = (uint8_t)(value & 0xff);
}

#endif
