/* The encoder: from a frozen request to the bytes on the wire. It keeps no state: what comes at an offset of the
 * stream is a function of the request, so that partial writes need no thought. */
#ifndef FCGIP_FASTCGI_ENCODER_H
#define FCGIP_FASTCGI_ENCODER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "fastcgi/record.h"

/* A request as encoded once, however many connections it goes over: the records' ids and the keep flag are put
 * in on the way out.
 *
 *     BEGIN_REQUEST  PARAMS ...  PARAMS(0)  STDIN ...  STDIN(0)
 */
typedef struct fcgip__encoded {
  const uint8_t *params; /* PARAMS records with their headers, the empty one included */
  size_t params_len;
  const uint8_t *content; /* bytes [content_start, content_start + content_have) of the content */
  uint64_t content_start;
  size_t content_have;
  uint64_t content_len; /* of all of it */
  uint16_t role;
} fcgip__encoded;

/* Bytes of the whole stream. */
static inline uint64_t fcgip__encoded_len(const fcgip__encoded *encoded)
{
  uint64_t len = encoded->content_len;
  uint64_t records = len / FCGIP__CONTENT_MAX + (len % FCGIP__CONTENT_MAX != 0);

  return FCGIP__BEGIN_LEN + encoded->params_len + len + (records + 1) * FCGIP__HEADER_LEN;
}

/* A usual request is small: all of its stream is made in one piece of at most so many bytes. */
#define FCGIP__SMALL_MAX 2048u
int fcgip__encoded_is_small(const fcgip__encoded *encoded);

/* The whole stream of a small one; returns its length. */
size_t fcgip__encode_small(const fcgip__encoded *encoded, uint16_t id, int keep, uint8_t *out);

/* How much of the content lies before `offset` of the stream. */
uint64_t fcgip__encoded_content_at(const fcgip__encoded *encoded, uint64_t offset);

/* Points `iov` at the next bytes from `offset` on, as far as they fit: headers and what is short are copied to
 * `scratch`, neighbours in one piece; the rest is referred to. Returns how many iovecs there are: 0 only at the
 * end of the stream, or where content_have ends. */
size_t fcgip__encode(const fcgip__encoded *encoded, uint16_t id, int keep, uint64_t offset,
                     uint8_t *scratch, size_t scratch_cap, struct iovec *iov, size_t iov_cap);

#endif
