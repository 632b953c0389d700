/* FastCGI 1.0 as the oracles of the fuzz targets read it: written from the specification, for whole streams in memory,
 * and without a line of the library. */
#ifndef TESTS_FUZZ_WIRE_H
#define TESTS_FUZZ_WIRE_H

#include "fuzz/fuzz.h"

/* ---- what a server sent ---- */

enum wire_fault { WIRE_FINE, WIRE_VERSION, WIRE_TYPE, WIRE_ID, WIRE_END_BODY };

/* A record as far as it came; `content_have` is less than `content_len` at the end of the bytes. */
typedef struct wire_record {
  unsigned type, id;
  const uint8_t *content;
  size_t content_len, content_have, padding_len;
  size_t next; /* where the next one begins; beyond the bytes if they end before */
} wire_record;

/* The record at `at`. 1 got one whose header is whole; 0 the bytes end before; or -1 with a fault (which only
 * wire_judge() can have besides a wrong version). */
int wire_next(const uint8_t *bytes, size_t len, size_t at, wire_record *record);

/* What is wrong with a record that comes as part of the answer to request `id`. */
enum wire_fault wire_judge(const wire_record *record, unsigned id);

/* All that was said to request `id`, until its END_REQUEST or a fault. */
typedef struct wire_answer {
  enum wire_fault fault;
  int has_ended; /* END_REQUEST came, all of its body */
  uint32_t app_status;
  unsigned protocol_status;
  size_t end_at; /* what comes behind END_REQUEST and its padding */
  fuzz_buffer out, err;
} wire_answer;

void wire_read_answer(wire_answer *answer, const uint8_t *bytes, size_t len, unsigned id);
void wire_answer_free(wire_answer *answer);

/* ---- what a client sent ---- */

typedef struct wire_pair {
  size_t name_at, name_len, value_at, value_len; /* in `params` */
} wire_pair;

typedef struct wire_request {
  unsigned id, role, flags;
  fuzz_buffer params; /* content of the PARAMS records */
  fuzz_buffer content;
  wire_pair *pairs;
  size_t pair_count;
  int is_whole;      /* its empty STDIN came */
  const char *wrong; /* what no correct client would send, NULL if nothing is */
  size_t len;        /* bytes of it, up to the first that is not there or not right */
} wire_request;

/* Reads one request, strictly: zero reserved bytes, no padding, no empty record but the last of a stream, each pair
 * whole in its record and its lengths in the shortest form. */
void wire_read_request(wire_request *request, const uint8_t *bytes, size_t len);
void wire_request_free(wire_request *request);
/* The value of the pair with that name, NULL if there is none; the last one counts. */
const uint8_t *wire_find(const wire_request *request, const char *name, size_t *len);

/* Takes one pair off a record's content: 1 got one, 0 there is none, -1 it does not fit. `is_long` (may be NULL)
 * says whether a length was longer than need be. */
int wire_pair_next(const uint8_t *data, size_t len, size_t *at, wire_pair *pair, int *is_long);

/* ---- making ---- */

void wire_put_record(fuzz_buffer *to, unsigned type, unsigned id, const void *content, size_t len,
                     unsigned padding);
void wire_put_end(fuzz_buffer *to, unsigned id, uint32_t app_status, unsigned protocol_status,
                  unsigned padding);

#endif
