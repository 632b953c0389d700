/* What a request shares with its snapshots instead of copying it: content and callbacks. Both are immutable and
 * reference-counted. */
#ifndef FCGIP_MESSAGE_SHARED_H
#define FCGIP_MESSAGE_SHARED_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/refs.h"
#include "fcgiproxy/types.h"

/* Request content: bytes in memory, a block of ours or the caller's; or a file; or a function that gives them. */
typedef struct fcgip__content {
  fcgip__refs refs;
  fcgip__mem mem;
  const uint8_t *data; /* NULL if it is not in memory */
  uint64_t len;
  uint8_t *block;       /* ours to free, or NULL */
  int fd;               /* ours to close, or -1 */
  uint64_t file_offset; /* where it begins in the file */
  fcgip_content_fn source_fn;
  fcgip_release_fn release;
  void *user_data; /* of source_fn and release */
} fcgip__content;

/* Takes over `block`, also on failure; NULL if there is no memory. */
fcgip__content *fcgip__content_adopt(const fcgip__mem *mem, uint8_t *block, size_t len);
/* Refers to the caller's bytes; NULL if there is no memory: `release` was called then. */
fcgip__content *fcgip__content_refer(const fcgip__mem *mem, const void *data, size_t len,
                                     fcgip_release_fn release, void *user_data);
/* A part of a file; takes over `fd`, also on failure. */
fcgip__content *fcgip__content_file(const fcgip__mem *mem, int fd, uint64_t offset, uint64_t len);
/* As fcgip__content_refer(), for a source. */
fcgip__content *fcgip__content_source(const fcgip__mem *mem, fcgip_content_fn fn, uint64_t len,
                                      fcgip_release_fn release, void *user_data);

/* Reads content that is not in memory: *n bytes at `offset`, at least one. FCGIP_OK; FCGIP_EAGAIN: the source has
 * nothing yet; FCGIP_EINVAL: the source ended short; FCGIP_EFILE; FCGIP_ECANCELED. Runs user code. */
int fcgip__content_read(const fcgip__content *content, uint64_t offset, uint8_t *buffer, size_t cap,
                        size_t *n);
/* Asked once all of it was read, and before its last byte goes out. FCGIP_OK; FCGIP_EINVAL: the source has more than
 * it announced. Runs user code. */
int fcgip__content_check_end(const fcgip__content *content);

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
