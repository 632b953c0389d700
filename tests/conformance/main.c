/* The conformance suite of FastCGI clients: every id of CONFORMANCE.md against libfcgiproxy, and as far
 * as they go against clients that others wrote. The table of verdicts is its output; its exit status
 * is about libfcgiproxy alone. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/runner.h"

static const char usage[] =
    "usage: conformance [options]\n"
    "  --filter GLOB      only the ids that match, such as 'HDR-*'\n"
    "  --without GLOB     not the ids that match\n"
    "  --adapter NAME     only this client: libfcgiproxy, cgi-fcgi, nginx\n"
    "  --splits HOW       none, some, two (byte by byte, and cut at every byte), all (in three, "
    "too) "
    "or every\n"
    "                     (also of the hundreds that differ in a number); by default all for "
    "libfcgiproxy (two with\n"
    "                     sanitizers, every with FCGIP_TEST_LONG in the environment), some for the "
    "others\n"
    "  --short            without what takes seconds of computing, for slow tools such as "
    "valgrind\n"
    "  --jobs N           processes at the same time, by default one per processor; 0: all in this "
    "one\n"
    "  --junit FILE       writes the table as JUnit XML, too\n"
    "  --notes            also shows what was measured, and why something was skipped\n"
    "  --list             only lists the ids and where they are tested\n";

static int parse_splits(const char *text, conf_options *options)
{
  static const char *const names[] = {"none", "some", "two", "all", "every"};
  size_t i;

  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (strcmp(text, names[i]) == 0) {
      options->splits = (conf_splits)i;
      options->has_splits = 1;
      return 0;
    }
  }
  return -1;
}

/* 0, or the exit status. */
static int parse(int argc, char **argv, conf_options *options)
{
  static const struct option names[] = {
      {"filter", 1, NULL, 'f'}, {"without", 1, NULL, 'w'}, {"adapter", 1, NULL, 'a'},
      {"splits", 1, NULL, 's'}, {"short", 0, NULL, 'q'},   {"jobs", 1, NULL, 'j'},
      {"junit", 1, NULL, 'x'},  {"list", 0, NULL, 'l'},    {"help", 0, NULL, 'h'},
      {"notes", 0, NULL, 'n'},  {NULL, 0, NULL, 0}};
  int c;

  while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
    if (c == 'f')
      options->filter = optarg;
    else if (c == 'w')
      options->without = optarg;
    else if (c == 'a')
      options->adapter = optarg;
    else if (c == 's' && parse_splits(optarg, options) == 0)
      continue;
    else if (c == 'q')
      options->is_short = 1;
    else if (c == 'j')
      options->jobs = (size_t)strtoul(optarg, NULL, 10);
    else if (c == 'x')
      options->junit = optarg;
    else if (c == 'n')
      options->shows_notes = 1;
    else if (c == 'l')
      options->only_lists = 1;
    else {
      fputs(usage, c == 'h' ? stdout : stderr);
      return c == 'h' ? -1 : 2;
    }
  }
  if (options->jobs > 16)
    options->jobs = 16;
  return optind < argc ? 2 : 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
  (void)info;
  (void)type;
  (void)ftw;
  return remove(path);
}

/* A folder whose sockets' paths fit into an address. */
static void make_folder(char *folder, size_t cap)
{
  const char *tmp = getenv("TMPDIR");

  if (tmp == NULL || tmp[0] != '/' || strlen(tmp) > 50)
    tmp = "/tmp";
  snprintf(folder, cap, "%s/fcgip-XXXXXX", tmp);
  if (mkdtemp(folder) == NULL) {
    perror(folder);
    exit(1);
  }
}

/* Where Debian has all that the suite needs, nothing of it may be left out. */
static int may_be_skipped(const conf_table *table, const conf_options *options)
{
  const char *ci = getenv("CI");
  size_t i, skipped = 0;

  if (ci == NULL || strcmp(ci, "true") != 0 || options->is_short)
    return 1;
  skipped = conf_count(table, 0, OUTCOME_SKIPPED);
  if (skipped > 0)
    printf("%zu rows may not be skipped here\n", skipped);
  for (i = 1; i < CONF_ADAPTERS; i++) {
    if (table->absent[i] == NULL || table->absent[i][0] == '\0')
      continue;
    printf("may not be absent here: %s\n", conf_adapters[i]->name);
    skipped++;
  }
  return skipped == 0;
}

int main(int argc, char **argv)
{
  conf_options options = {.jobs = (size_t)sysconf(_SC_NPROCESSORS_ONLN)};
  conf_table table;
  char folder[80];
  int status = parse(argc, argv, &options);

  if (status != 0)
    return status < 0 ? 0 : status;
  conf_table_new(&table, options.filter, options.without);
  if (options.only_lists) {
    conf_print_list(&table);
    conf_table_free(&table);
    return 0;
  }
  make_folder(folder, sizeof(folder));
  conf_run_all(&table, &options, folder);
  nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  conf_print_table(&table, options.shows_notes);
  if (options.junit != NULL && conf_write_junit(&table, options.junit) != 0) {
    perror(options.junit);
    status = 1;
  }
  if (conf_count(&table, 0, OUTCOME_FAIL) > 0 || table.count == 0 ||
      !may_be_skipped(&table, &options) ||
      (options.filter == NULL && options.without == NULL && conf_check_ids(&table) > 0))
    status = 1;
  conf_table_free(&table);
  return status;
}
