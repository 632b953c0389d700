/* Rows, columns, and the processes that fill the table. */
#ifndef CONFORMANCE_RUNNER_H
#define CONFORMANCE_RUNNER_H

#include "conformance/suite.h"

#define CONF_ADAPTERS 3

extern const conf_adapter *const conf_adapters[CONF_ADAPTERS];

typedef struct conf_options {
  const char *filter;  /* a glob of ids; NULL: all */
  const char *without; /* another, of what is left out; NULL: nothing is */
  const char *junit;   /* a file */
  const char *adapter; /* only this one; NULL: all */
  int has_splits;      /* 0: all for the library, some for the others */
  conf_splits splits;
  size_t jobs; /* processes at the same time; 0: everything in this one */
  int is_short;
  int only_lists;
  int shows_notes;
} conf_options;

typedef struct conf_cell {
  conf_outcome outcome;
  uint64_t runs;
  double seconds;
  char message[1500];
} conf_cell;

typedef struct conf_row {
  const char *group;
  const conf_case *first; /* of the cases with this id */
  size_t count;
  conf_cell cells[CONF_ADAPTERS];
} conf_row;

typedef struct conf_table {
  conf_row *rows;
  size_t count;
  const char
      *absent[CONF_ADAPTERS]; /* why the adapter's column is empty; "" if it was not asked for */
} conf_table;

/* The place named by `see`, where more of the row is tested, or NULL. */
const char *conf_row_see(const conf_row *row);

void conf_table_new(conf_table *table, const char *filter, const char *without);
void conf_table_free(conf_table *table);
void conf_run_all(conf_table *table, const conf_options *options, const char *folder);

void conf_print_list(const conf_table *table);
void conf_print_table(const conf_table *table, int with_notes);
int conf_write_junit(const conf_table *table, const char *path);
/* How many cells of a column, unless its client is absent, have that outcome. */
size_t conf_count(const conf_table *table, size_t column, conf_outcome outcome);

/* Prints how the rows differ from those of ids.txt; returns in how many places. */
size_t conf_check_ids(const conf_table *table);

#endif
