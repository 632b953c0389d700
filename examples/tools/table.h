/* The table of --watch. */
#ifndef FCGIPROXY_TOOLS_TABLE_H
#define FCGIPROXY_TOOLS_TABLE_H

#include <stdint.h>
#include <stdio.h>

#include "status_options.h"

/* What is known of a server. */
typedef struct table_history {
  const fcgip_server_status *answer; /* NULL before the first */
  int is_known;
  uint64_t accepted;
  int64_t at_ms;
  double rate; /* requests per second, negative if unknown */
} table_history;

typedef struct table {
  const status_options *options;
  status_order order;
  size_t first; /* row that is shown at the top */
  int has_colors;
  int64_t answered_at;    /* the last of all, in unix seconds; 0 before the first */
  table_history *history; /* by the server's number */
} table;

/* 0, or FCGIP_ENOMEM. */
int table_new(table *out, const status_options *options);
void table_free(table *shown);

/* What a server answered, which stays the caller's, and must live until the next. `now_ms` is of any clock that
 * does not jump. */
void table_update(table *shown, size_t number, const fcgip_server_status *answer, int64_t at,
                  int64_t now_ms);

/* By a row up or down, as far as there are rows on a screen of that height. */
void table_scroll(table *shown, int way, size_t rows);

/* Writes a screen of that size: as many rows as there is room for, each cut where the screen ends. */
void table_draw(table *shown, FILE *to, size_t columns, size_t rows);

#endif
