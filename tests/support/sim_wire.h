/* FastCGI for the simulation, written from the specification alone: bytes that grow, records, a reader of what a
 * client sends and a reader of what a server answers. Both take bytes in any pieces. It shares no line with the library. */
#ifndef TEST_SUPPORT_SIM_WIRE_H
#define TEST_SUPPORT_SIM_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum sim_type {
  SIM_BEGIN = 1,
  SIM_ABORT,
  SIM_END,
  SIM_PARAMS,
  SIM_STDIN,
  SIM_STDOUT,
  SIM_STDERR,
  SIM_DATA,
  SIM_GET_VALUES,
  SIM_GET_VALUES_RESULT,
  SIM_UNKNOWN_TYPE
};

typedef struct sim_bytes {
  uint8_t *data;
  size_t len, cap;
} sim_bytes;

void sim_bytes_add(sim_bytes *bytes, const void *data, size_t len);
void sim_bytes_text(sim_bytes *bytes, const char *text);
void sim_bytes_free(sim_bytes *bytes);
/* As memcmp() == 0; no bytes need no address. */
int sim_same(const void *a, const void *b, size_t len);

/* Contents that tell whose they are, at any place in them. */
void sim_content(uint8_t *out, uint64_t token, uint64_t from, size_t len);
int sim_content_is(const uint8_t *data, uint64_t token, uint64_t from, size_t len);
/* The bytes of one token; `len` at most SIM_CONTENT_RUN. Lives for ever. */
const uint8_t *sim_content_run(uint64_t token, uint64_t from, size_t *len);

/* A record, its header included. The id is put in where `id` says. */
void sim_record(sim_bytes *out, unsigned type, uint16_t id, const void *content, size_t len,
                size_t padding);
/* END_REQUEST, with the old bytes that php-fpm leaves in its reserved ones. */
void sim_end(sim_bytes *out, uint16_t id, uint32_t app_status, uint8_t protocol_status);

/* What a client sends: one request after the other. */
typedef struct sim_question {
  unsigned state;
  uint8_t hold[8];
  size_t held;
  unsigned type;
  size_t left, padding;
  sim_bytes params; /* of the record at hand */
  size_t pairs_at;  /* those before are read */
  uint64_t stdin_len;
  /* So far */
  uint64_t received; /* bytes */
  uint16_t id;
  uint8_t has_begun, keeps, has_params, is_complete, has_token, has_length;
  uint8_t content_differs; /* the content is not that of the token */
  uint64_t token;          /* the number in SCRIPT_FILENAME, "/srv/<token>.php" */
  uint64_t content_length; /* CONTENT_LENGTH */
  char method[8];
  size_t param_count;
  const char *wrong; /* what a correct client would not send; NULL */
} sim_question;

void sim_question_begin(sim_question *question);
void sim_question_free(sim_question *question);
/* Takes bytes as far as the request goes; returns how many. */
size_t sim_question_read(sim_question *question, const uint8_t *data, size_t len);

/* What was wrong with an answer. */
enum sim_fault_kind { SIM_NO_FAULT, SIM_BAD_VERSION, SIM_BAD_TYPE, SIM_BAD_ID, SIM_BAD_END };

/* What a server answers to the request with this id: read until END_REQUEST or the first fault. */
typedef struct sim_answer {
  uint8_t hold[8];
  size_t held;
  unsigned state, type;
  size_t left, padding;
  uint16_t id;
  enum sim_fault_kind fault;
  uint8_t has_any;     /* any byte */
  uint8_t has_content; /* of STDOUT or STDERR */
  uint8_t has_ended;
  uint8_t is_clean;  /* since END_REQUEST nothing came but its padding and management records */
  uint8_t is_padded; /* and all of them are whole */
  uint32_t app_status;
  uint8_t protocol_status;
  sim_bytes output, errors;
} sim_answer;

void sim_answer_begin(sim_answer *answer, uint16_t id);
void sim_answer_free(sim_answer *answer);
/* 1 if there was content of STDOUT or STDERR among the bytes. */
int sim_answer_read(sim_answer *answer, const uint8_t *data, size_t len);

#endif
