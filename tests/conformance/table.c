#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/runner.h"

static const conf_group *const groups[] = {&conf_enc, &conf_frm, &conf_typ, &conf_str, &conf_end,
                                           &conf_cls, &conf_hdr, &conf_bod, &conf_flo, &conf_kal,
                                           &conf_net, &conf_run, &conf_clu, &conf_sta, &conf_fpm};

const char *conf_row_see(const conf_row *row)
{
  size_t i;

  for (i = 0; i < row->count; i++)
    if (row->first[i].see != NULL)
      return row->first[i].see;
  return NULL;
}

static int matches(const char *glob, const char *id)
{
  return glob != NULL && fnmatch(glob, id, 0) == 0;
}

static void add_rows(conf_table *table, const conf_group *group, const char *filter,
                     const char *without)
{
  size_t i, n;
  conf_row *row;

  for (i = 0; i < group->count; i += n) {
    for (n = 1; i + n < group->count; n++)
      if (strcmp(group->cases[i].id, group->cases[i + n].id) != 0)
        break;
    if ((filter != NULL && !matches(filter, group->cases[i].id)) ||
        matches(without, group->cases[i].id))
      continue;
    table->rows = realloc(table->rows, (table->count + 1) * sizeof(*table->rows));
    if (table->rows == NULL)
      abort();
    row = &table->rows[table->count++];
    memset(row, 0, sizeof(*row));
    row->group = group->name;
    row->first = &group->cases[i];
    row->count = n;
  }
}

void conf_table_new(conf_table *table, const char *filter, const char *without)
{
  size_t i;

  memset(table, 0, sizeof(*table));
  for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
    add_rows(table, groups[i], filter, without);
}

void conf_table_free(conf_table *table)
{
  free(table->rows);
}

size_t conf_count(const conf_table *table, size_t column, conf_outcome outcome)
{
  size_t i, n = 0;

  for (i = 0; i < table->count && table->absent[column] == NULL; i++)
    n += table->rows[i].cells[column].outcome == outcome ? 1 : 0;
  return n;
}

void conf_print_list(const conf_table *table)
{
  const conf_row *row;
  size_t i;

  for (i = 0; i < table->count; i++) {
    row = &table->rows[i];
    printf("%-9s %c  ", row->first->id, row->first->level);
    printf("%s%s\n", conf_row_see(row) != NULL ? "and see " : "",
           conf_row_see(row) != NULL ? conf_row_see(row) : "");
  }
}

static const char *cell_text(const conf_table *table, const conf_row *row, size_t column)
{
  static const char *const words[] = {"pass", "FAIL", "only whole", "differs", "skipped"};

  if (table->absent[column] != NULL)
    return "-";
  return words[row->cells[column].outcome];
}

/* Messages quote scripts, line breaks and all. */
static void print_message(const char *text)
{
  for (; *text != '\0'; text++) {
    if (*text == '\r' || *text == '\n')
      fputs(*text == '\r' ? "\\r" : "\\n", stdout);
    else
      putchar((unsigned char)*text < ' ' || (unsigned char)*text > '~' ? '?' : *text);
  }
  putchar('\n');
}

static void print_messages(const conf_table *table, int with_notes)
{
  const conf_cell *cell;
  size_t i, j;

  for (j = 0; j < CONF_ADAPTERS; j++) {
    if (table->absent[j] != NULL)
      continue;
    printf("\n%s:\n", conf_adapters[j]->name);
    for (i = 0; i < table->count; i++) {
      cell = &table->rows[i].cells[j];
      if (cell->outcome == OUTCOME_FAIL || cell->outcome == OUTCOME_WHOLE ||
          cell->outcome == OUTCOME_DIFFERS || (j == 0 && cell->outcome == OUTCOME_SKIPPED) ||
          (with_notes && cell->message[0] != '\0')) {
        printf("  %-8s %s: ", table->rows[i].first->id, cell_text(table, &table->rows[i], j));
        print_message(cell->message);
      }
    }
  }
}

static void print_totals(const conf_table *table)
{
  unsigned n[OUTCOME_SKIPPED + 1];
  unsigned long long runs;
  double seconds;
  size_t i, j;

  printf("\n%-14s %6s %6s %11s %8s %8s %10s %9s\n", "", "pass", "FAIL", "only whole", "differs",
         "skipped", "runs", "seconds");
  for (j = 0; j < CONF_ADAPTERS; j++) {
    if (table->absent[j] != NULL) {
      if (table->absent[j][0] != '\0')
        printf("%-14s %s\n", conf_adapters[j]->name, table->absent[j]);
      continue;
    }
    memset(n, 0, sizeof(n));
    runs = 0;
    seconds = 0;
    for (i = 0; i < table->count; i++) {
      n[table->rows[i].cells[j].outcome]++;
      runs += table->rows[i].cells[j].runs;
      seconds += table->rows[i].cells[j].seconds;
    }
    printf("%-14s %6u %6u %11u %8u %8u %10llu %9.1f\n", conf_adapters[j]->name, n[OUTCOME_PASS],
           n[OUTCOME_FAIL], n[OUTCOME_WHOLE], n[OUTCOME_DIFFERS], n[OUTCOME_SKIPPED], runs,
           seconds);
  }
}

void conf_print_table(const conf_table *table, int with_notes)
{
  const conf_row *row;
  size_t i, j;

  printf("%-9s L", "");
  for (j = 0; j < CONF_ADAPTERS; j++)
    printf("  %-12s", conf_adapters[j]->name);
  printf("  %9s %7s\n", "runs", "seconds");
  for (i = 0; i < table->count; i++) {
    row = &table->rows[i];
    printf("%-9s %c", row->first->id, row->first->level);
    for (j = 0; j < CONF_ADAPTERS; j++)
      printf("  %-12s", cell_text(table, row, j));
    printf("  %9llu %7.2f", (unsigned long long)row->cells[0].runs, row->cells[0].seconds);
    printf("%s%s\n", conf_row_see(row) != NULL ? "  see " : "",
           conf_row_see(row) != NULL ? conf_row_see(row) : "");
  }
  print_messages(table, with_notes);
  print_totals(table);
}

static void put_escaped(FILE *f, const char *text)
{
  for (; *text != '\0'; text++) {
    switch (*text) {
    case '<':
      fputs("&lt;", f);
      break;
    case '>':
      fputs("&gt;", f);
      break;
    case '&':
      fputs("&amp;", f);
      break;
    case '"':
      fputs("&quot;", f);
      break;
    default:
      fputc((unsigned char)*text < ' ' || (unsigned char)*text > '~' ? '?' : *text, f);
    }
  }
}

static void put_case(FILE *f, const conf_table *table, const conf_row *row, size_t column)
{
  const conf_cell *cell = &row->cells[column];
  const char *element = cell->outcome == OUTCOME_FAIL || cell->outcome == OUTCOME_WHOLE ? "failure"
                        : cell->outcome == OUTCOME_SKIPPED                              ? "skipped"
                        : cell->outcome == OUTCOME_DIFFERS ? "system-out"
                                                           : NULL;

  fprintf(f, "    <testcase classname=\"%s.%s\" name=\"%s\" time=\"%.3f\">",
          conf_adapters[column]->name, row->group, row->first->id, cell->seconds);
  if (element != NULL && strcmp(element, "system-out") != 0) {
    fprintf(f, "<%s message=\"", element);
    put_escaped(f, cell->message);
    fputs("\"/>", f);
  } else if (element != NULL) {
    fprintf(f, "<system-out>%s: ", cell_text(table, row, column));
    put_escaped(f, cell->message);
    fputs("</system-out>", f);
  }
  fputs("</testcase>\n", f);
}

int conf_write_junit(const conf_table *table, const char *path)
{
  FILE *f = fopen(path, "w");
  size_t i, j;

  if (f == NULL)
    return -1;
  fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"conformance\">\n", f);
  for (j = 0; j < CONF_ADAPTERS; j++) {
    if (table->absent[j] != NULL)
      continue;
    fprintf(f, "  <testsuite name=\"%s\" tests=\"%zu\">\n", conf_adapters[j]->name, table->count);
    for (i = 0; i < table->count; i++)
      put_case(f, table, &table->rows[i], j);
    fputs("  </testsuite>\n", f);
  }
  fputs("</testsuites>\n", f);
  return fclose(f);
}
