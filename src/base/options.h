/* Size-tagged option structs. */
#ifndef FCGIP_BASE_OPTIONS_H
#define FCGIP_BASE_OPTIONS_H

#include <stddef.h>

/* Reads the caller's struct, which begins with its uint32_t size, into `dst` of `known` bytes, whichever of
 * the two is the older, by the rule of openat2(2): fields that the caller does not know become zero, that
 * is their default; fields that we do not know must be zero, or it asks for what this library cannot do.
 * `oldest` is the size of the struct when it was first published.
 * FCGIP_OK; FCGIP_EINVAL: smaller than `oldest`; FCGIP_E2BIG. */
int fcgip__options_import(void *dst, size_t known, const void *src, size_t oldest);

#endif
