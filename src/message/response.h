/* A response from inside: built piece by piece while it arrives, immutable once finished. */
#ifndef FCGIP_MESSAGE_RESPONSE_H
#define FCGIP_MESSAGE_RESPONSE_H

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/refs.h"
#include "fcgiproxy/response.h"
#include "message/headers.h"

/* What a response may take: of the endpoint's options. */
typedef struct fcgip__response_limits {
  size_t max_header_bytes;
  size_t max_headers;
  size_t max_stderr_bytes;
  uint64_t max_body_bytes;
  fcgip__headers_memo *memo; /* NULL: none */
} fcgip__response_limits;

/* Enough for the headers and the body of a short answer: saves an allocation. */
#define FCGIP__OUTPUT_ROOM 256u

struct fcgip_response {
  fcgip__refs refs;
  fcgip__mem mem;
  fcgip_request_id id;
  fcgip_endpoint *endpoint; /* a reference, given back by `release_endpoint` */
  void (*release_endpoint)(fcgip_endpoint *endpoint);
  int error;
  int error_number;
  char *error_text; /* NULL: the constant text of the error */
  const char *why;  /* constant: what was wrong with the header block */
  uint64_t duration_us;
  uint32_t app_status;
  int keeps_body;
  uint64_t body_len; /* received, kept or not */
  int has_headers;   /* the block was received whole and is well-formed */
  int is_partial;
  int is_stderr_truncated;
  int is_retry_safe;
  fcgip__header_search scan;
  fcgip__headers headers;
  fcgip__buffer output;
  size_t body_at;
  fcgip__buffer errors;
  uint8_t room[FCGIP__OUTPUT_ROOM]; /* of `output`, to begin with */
};

/* An empty one. The endpoint is not referred to before fcgip__response_set_endpoint(). NULL if there is no memory. */
fcgip_response *fcgip__response_new(const fcgip__mem *mem, fcgip_request_id id);

/* Takes over a reference. */
void fcgip__response_set_endpoint(fcgip_response *response, fcgip_endpoint *endpoint,
                                  void (*release)(fcgip_endpoint *));

/* A piece of STDOUT: FCGIP_OK; FCGIP_EHEADER; FCGIP_ETOOLARGE; FCGIP_ENOMEM. */
int fcgip__response_add_output(fcgip_response *response, const fcgip__response_limits *limits,
                               const uint8_t *data, size_t len);

/* The same for `len` bytes that were received straight behind output.data + output.len. */
int fcgip__response_grow_output(fcgip_response *response, const fcgip__response_limits *limits,
                                size_t len);

/* A piece of STDERR; what is over the limit is dropped. FCGIP_OK; FCGIP_ENOMEM. */
int fcgip__response_add_stderr(fcgip_response *response, const fcgip__response_limits *limits,
                               const uint8_t *data, size_t len);

/* After END_REQUEST: FCGIP_OK; FCGIP_EHEADER: there was no whole header block; FCGIP_ELENGTH. */
int fcgip__response_check(fcgip_response *response, int is_head);

/* Forgets everything received, for another attempt. */
void fcgip__response_reset(fcgip_response *response);

/* 1 if anything of STDOUT or STDERR was received. */
int fcgip__response_has_bytes(const fcgip_response *response);

#endif
