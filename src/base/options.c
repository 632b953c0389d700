#include "base/options.h"

#include <stdint.h>
#include <string.h>

#include "fcgiproxy/error.h"

/* As openat2(2) does: no struct will ever be that long, and a size that is garbage must not make us
 * read on. */
#define LONGEST 4096u

int fcgip__options_import(void *dst, size_t known, const void *src, size_t oldest)
{
  const unsigned char *bytes = src;
  uint32_t tag;
  size_t size, i;

  memset(dst, 0, known);
  memcpy(&tag, src, sizeof(tag));
  size = tag;
  if (size < oldest)
    return FCGIP_EINVAL;
  if (size > LONGEST)
    return FCGIP_E2BIG;
  for (i = known; i < size; i++)
    if (bytes[i] != 0)
      return FCGIP_E2BIG;

  memcpy(dst, src, size < known ? size : known);
  return FCGIP_OK;
}
