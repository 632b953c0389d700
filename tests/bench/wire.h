/* The bytes of the benchmark's request and of its canned response, made without the library. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_HEADER_LEN 8u
#define WIRE_BEGIN 1u
#define WIRE_END 3u
#define WIRE_PARAMS 4u
#define WIRE_STDIN 5u
#define WIRE_STDOUT 6u

/* The content of a record of ours, and of php-fpm's larger ones. */
#define WIRE_CONTENT_MAX 65535u
#define WIRE_OUTPUT_MAX 65528u

#define WIRE_SCRIPT "/srv/www/benchmark.php"
#define WIRE_CONTENT "field=value&"
#define WIRE_CONTENT_LEN (sizeof(WIRE_CONTENT) - 1)

void wire_header(uint8_t *out, unsigned type, uint16_t id, size_t content_len);

/* BEGIN_REQUEST and PARAMS with the 13 variables that the library sends by default; returns the length,
 * which is below WIRE_HEAD_MAX. */
#define WIRE_HEAD_MAX 1024u
size_t wire_request_head(uint8_t *out, int keep, uint64_t content_len);

/* All of the usual small request: the head, a content of 12 bytes, and the ends of both. */
size_t wire_request(uint8_t *out, int keep);

/* Takes received bytes apart, wherever they were cut, just enough to find the end. Zero to begin with. */
typedef struct wire_walk {
  uint64_t output; /* bytes of STDOUT content, the CGI headers included */
  uint32_t left;   /* of the record at hand, padding included */
  uint8_t hold[WIRE_HEADER_LEN];
  uint8_t held;
  uint8_t type;
} wire_walk;

/* 1 once END_REQUEST is complete. */
int wire_walk_on(wire_walk *walk, const uint8_t *data, size_t len);

#endif
