/* An allocator for the library that counts, and that hands out memory full of 0xA5, so that a byte
 * that nobody set does not happen to be zero. */
#ifndef CONFORMANCE_MEMORY_H
#define CONFORMANCE_MEMORY_H

#include <stddef.h>

#include "fcgiproxy/allocator.h"

const fcgip_allocator *memory_allocator(void);

size_t memory_blocks(void); /* not given back */
size_t memory_bytes(void);
size_t memory_peak(void); /* of bytes, since the last call of memory_reset_peak() */
void memory_reset_peak(void);

#endif
