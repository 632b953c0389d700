/* The decoder: from received bytes to events, one at a time, wherever the bytes were cut. It sees no socket, no
 * clock and no allocator; slices point into the caller's bytes. */
#ifndef FCGIP_FASTCGI_DECODER_H
#define FCGIP_FASTCGI_DECODER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "fastcgi/record.h"

enum fcgip__event_type {
  FCGIP__EVENT_MORE,   /* the bytes are used up */
  FCGIP__EVENT_STDOUT, /* data, at least one byte */
  FCGIP__EVENT_STDERR, /* data, at least one byte */
  FCGIP__EVENT_END     /* app_status, protocol_status */
};

typedef struct fcgip__event {
  enum fcgip__event_type type;
  const uint8_t *data;
  size_t len;
  uint32_t app_status;
  uint8_t protocol_status;
} fcgip__event;

/* What was wrong, for the sentence. */
enum fcgip__fault {
  FCGIP__FAULT_NONE,
  FCGIP__FAULT_VERSION, /* not version 1 */
  FCGIP__FAULT_TYPE,    /* a type that no application sends */
  FCGIP__FAULT_ID,      /* a record of another request */
  FCGIP__FAULT_END      /* END_REQUEST whose body is not 8 bytes */
};

enum fcgip__decoder_state {
  FCGIP__DECODE_HEADER,  /* filling `hold` with a record header */
  FCGIP__DECODE_CONTENT, /* passing on STDOUT or STDERR */
  FCGIP__DECODE_END,     /* filling `hold` with the body of END_REQUEST */
  FCGIP__DECODE_SKIP,    /* dropping padding, or a record that is none of our business */
  FCGIP__DECODE_FAILED   /* for good */
};

typedef struct fcgip__decoder {
  enum fcgip__decoder_state state;
  enum fcgip__fault fault;
  uint32_t left;   /* content left; while skipping, padding included: needs more than 16 bits */
  uint16_t id;     /* of the request that this connection carries */
  uint8_t held;    /* bytes in `hold` */
  uint8_t padding; /* of the record at hand */
  uint8_t type;    /* of the record at hand */
  uint8_t hold[8];
} fcgip__decoder;

static inline void fcgip__decoder_init(fcgip__decoder *decoder, uint16_t id)
{
  memset(decoder, 0, sizeof(*decoder)); /* FCGIP__DECODE_HEADER */
  decoder->id = id;
}

/* Takes bytes off *data until there is an event. FCGIP_OK; FCGIP_EPROTO: see `fault`. */
int fcgip__decoder_next(fcgip__decoder *decoder, const uint8_t **data, size_t *len,
                        fcgip__event *event);

/* 1 between two records: nothing of one has been received. */
static inline int fcgip__decoder_is_idle(const fcgip__decoder *decoder)
{
  return decoder->state == FCGIP__DECODE_HEADER && decoder->held == 0;
}

/* The usual short answer in one step: one record of STDOUT and END_REQUEST, both whole. Returns how many bytes they are;
 * 0 if the data begins with anything else, and then nothing is changed. */
size_t fcgip__decoder_take_whole(fcgip__decoder *decoder, const uint8_t *data, size_t len,
                                 fcgip__event *output, fcgip__event *end);

/* How many of the bytes to come are sure to be dropped: what is left of a record's padding. */
static inline size_t fcgip__decoder_padding_left(const fcgip__decoder *decoder)
{
  return decoder->state == FCGIP__DECODE_SKIP ? decoder->left : 0;
}

/* How many of the bytes to come are sure to be STDOUT content: they may be received straight into place and then
 * reported with fcgip__decoder_advance(). */
static inline size_t fcgip__decoder_output_left(const fcgip__decoder *decoder)
{
  if (decoder->state != FCGIP__DECODE_CONTENT || decoder->type != FCGIP__STDOUT)
    return 0;
  return decoder->left;
}
void fcgip__decoder_advance(fcgip__decoder *decoder, size_t len);

/* A sentence for a fault; with the version fault, a hint at what the peer speaks instead. Constant text. */
const char *fcgip__decoder_fault_text(const fcgip__decoder *decoder);

#endif
