/* What a request shares with its snapshots instead of copying it: content and callbacks. Both are immutable and
 * reference-counted. */
#ifndef FCGIP_MESSAGE_SHARED_H
#define FCGIP_MESSAGE_SHARED_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/refs.h"
#include "fcgiproxy/types.h"

/* Request content: a block of ours, or the caller's with its release. */
typedef struct fcgip__content {
  fcgip__refs refs;
  fcgip__mem mem;
  const uint8_t *data;
  size_t len;
  uint8_t *block; /* ours to free, or NULL */
  fcgip_release_fn release;
  void *user_data;
} fcgip__content;

/* Takes over `block`, also on failure; NULL if there is no memory. */
fcgip__content *fcgip__content_adopt(const fcgip__mem *mem, uint8_t *block, size_t len);
/* Refers to the caller's bytes; NULL if there is no memory: `release` was called then. */
fcgip__content *fcgip__content_refer(const fcgip__mem *mem, const void *data, size_t len,
                                     fcgip_release_fn release, void *user_data);
/* NULL is fine. */
void fcgip__content_drop(fcgip__content *content);

enum fcgip__callback_kind {
  FCGIP__CALLBACK_RESPONSE,
  FCGIP__CALLBACK_FAILURE,
  FCGIP__CALLBACK_PASS_THROUGH
};

typedef struct fcgip__callback {
  fcgip__refs refs;
  fcgip__mem mem;
  enum fcgip__callback_kind kind;
  fcgip_response_fn response_fn;         /* of the first two kinds */
  fcgip_pass_through_fn pass_through_fn; /* of the third */
  fcgip_release_fn release;
  void *user_data;
} fcgip__callback;

/* NULL if there is no memory: `release` was not called. */
fcgip__callback *fcgip__callback_new(const fcgip__mem *mem, enum fcgip__callback_kind kind,
                                     fcgip_release_fn release, void *user_data);
void fcgip__callback_drop(fcgip__callback *callback);

#endif
