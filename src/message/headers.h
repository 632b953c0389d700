/* The CGI header block (RFC 3875 section 6): finding its end in a growing stream, and reading it. */
#ifndef FCGIP_MESSAGE_HEADERS_H
#define FCGIP_MESSAGE_HEADERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

/* Where the search for the empty line stands. Zero to begin with. */
typedef struct fcgip__header_search {
  size_t at;         /* bytes looked at */
  size_t line_start; /* where the present line begins */
} fcgip__header_search;

/* Goes on with the search in data[scan->at, len). 1: the block, empty line included, is *block_len bytes; 0: not
 * yet. */
int fcgip__headers_search(fcgip__header_search *scan, const uint8_t *data, size_t len,
                          size_t *block_len);

typedef struct fcgip__header {
  const char *name;
  const char *value;
  const char *line; /* of the first of its name: all values joined with ", "; else NULL */
  uint32_t name_len;
  uint32_t value_len;
  uint32_t hash; /* of the name in lower case */
  uint32_t is_first;
} fcgip__header;

#define FCGIP__HEADERS_ROOM 448u

typedef struct fcgip__headers {
  fcgip__header *items;
  size_t count;
  char *text; /* names, values and joined lines, NUL-terminated */
  int status; /* 0 until read */
  const char *status_text;
  int has_content_length;
  uint64_t content_length;
  void *block; /* memory of ours, NULL where `room` was enough */
  union {
    uint64_t align;
    void *align_pointer;
    char bytes[FCGIP__HEADERS_ROOM]; /* saves an allocation for the usual few headers */
  } room;
} fcgip__headers;

void fcgip__headers_init(fcgip__headers *headers);
void fcgip__headers_deinit(fcgip__headers *headers, const fcgip__mem *mem);

/* The usual case at once, without memory: the block has come whole, and has a few plain headers, each once. 1: read, and
 * it is *block_len of the `len` bytes; 0: it is not that, nothing was changed. */
int fcgip__headers_read_plain(fcgip__headers *headers, const uint8_t *data, size_t len, size_t max,
                              size_t *block_len);

/* Answers of one server often begin with the same block, byte for byte: what was made of a plain one is kept, and used
 * again. Zero to begin with. */
#define FCGIP__MEMO_LEN 240u

typedef struct fcgip__headers_memo {
  size_t block_len; /* 0: none */
  uint8_t block[FCGIP__MEMO_LEN];
  fcgip__headers headers;
} fcgip__headers_memo;

/* As fcgip__headers_read_plain(), with the help of the memo. */
int fcgip__headers_recall(fcgip__headers *headers, fcgip__headers_memo *memo, const uint8_t *data,
                          size_t len, size_t max, size_t *block_len);

/* Reads a whole block. FCGIP_OK; FCGIP_EHEADER: malformed, *why says how; FCGIP_ETOOLARGE: more than `max`;
 * FCGIP_ENOMEM. */
int fcgip__headers_parse(fcgip__headers *headers, const fcgip__mem *mem, const uint8_t *block,
                         size_t len, size_t max, const char **why);

/* The first header of that name, in any case, behind `after` (NULL: from the start). NULL if there is none. */
const fcgip__header *fcgip__headers_find(const fcgip__headers *headers, const char *name,
                                         const fcgip__header *after);

#endif
