/* Reads what a FastCGI client sent, written from the specification alone: it shares no line with the
 * library. It wants everything at once, is slow, and is strict: what a correct client would not send
 * is an error, with a sentence. */
#ifndef TEST_SUPPORT_REFERENCE_DECODER_H
#define TEST_SUPPORT_REFERENCE_DECODER_H

#include <stddef.h>
#include <stdint.h>

typedef struct reference_pair {
  const uint8_t *name, *value; /* in the request's params */
  size_t name_len, value_len;
  int straddles; /* parts of it are in two records */
} reference_pair;

typedef struct reference_request {
  uint16_t id, role;
  uint8_t flags;
  uint8_t *params; /* content of all PARAMS records */
  size_t params_len, params_records, params_largest;
  reference_pair *pairs;
  size_t pair_count;
  uint8_t *content; /* of all STDIN records */
  size_t content_len, content_records, content_largest;
  size_t padding; /* bytes of it in all records */
  int is_aborted; /* ABORT_REQUEST ended it */
} reference_request;

enum reference_result {
  REFERENCE_OK,
  REFERENCE_MORE, /* all right so far, but the request is not whole */
  REFERENCE_BAD
};

/* Takes the first request off *bytes. REFERENCE_OK: *out is yours to free. REFERENCE_MORE and
 * REFERENCE_BAD: `why` has a sentence; *out has what there was, to be freed too. */
enum reference_result reference_decode(const uint8_t **bytes, size_t *len, reference_request *out,
                                       char *why, size_t why_cap);

void reference_free(reference_request *request);

/* The pair with this name, or NULL. */
const reference_pair *reference_find(const reference_request *request, const char *name);

/* 1 if the pair is there once and has this value. */
int reference_has(const reference_request *request, const char *name, const char *value);

#endif
