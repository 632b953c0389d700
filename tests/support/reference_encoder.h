/* What a client has to send, byte for byte, written from the specification alone and for whole
 * requests in memory: BEGIN_REQUEST, PARAMS with each pair whole in its record and as many as fit,
 * the empty PARAMS, STDIN in records as large as they may be, the empty STDIN; no padding. */
#ifndef TEST_SUPPORT_REFERENCE_ENCODER_H
#define TEST_SUPPORT_REFERENCE_ENCODER_H

#include <stddef.h>
#include <stdint.h>

typedef struct reference_bytes {
  uint8_t *data;
  size_t len, cap;
} reference_bytes;

void reference_put(reference_bytes *to, const void *data, size_t len);

/* One record: header, content, `padding` zero bytes. */
void reference_record(reference_bytes *to, unsigned type, unsigned id, const void *content,
                      size_t len, unsigned padding);

void reference_begin(reference_bytes *to, unsigned id, unsigned role, unsigned flags);

/* Adds a pair to the content of a PARAMS record. */
void reference_put_pair(reference_bytes *to, const char *name, size_t name_len, const char *value,
                        size_t value_len);

/* Adds the pairs, in records of at most `most` bytes; without the empty record. */
void reference_params(reference_bytes *to, unsigned id, const char *const *names,
                      const char *const *values, size_t count, size_t most);

/* STDIN with its empty record. */
void reference_stdin(reference_bytes *to, unsigned id, const void *content, size_t len);

#endif
