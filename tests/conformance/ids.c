/* The ids that the suite must have: those of ids.txt, no more and no less. */
#include <stdio.h>
#include <string.h>

#include "conformance/runner.h"

static int has_row(const conf_table *table, const char *id)
{
  size_t i;

  for (i = 0; i < table->count; i++)
    if (strcmp(table->rows[i].first->id, id) == 0)
      return 1;
  return 0;
}

/* Adds the ids of one line to `all`, each with a space before and behind it; how many of them have no row. */
static size_t take_line(const conf_table *table, char *line, char *all, size_t cap)
{
  size_t missing = 0;
  char *rest, *id;

  for (id = strtok_r(line, " \n", &rest); id != NULL; id = strtok_r(NULL, " \n", &rest)) {
    snprintf(all + strlen(all), cap - strlen(all), "%s ", id);
    if (has_row(table, id))
      continue;
    printf("no case for %s\n", id);
    missing++;
  }
  return missing;
}

size_t conf_check_ids(const conf_table *table)
{
  FILE *file = fopen(FCGIP_TEST_DATA_DIR "/conformance/ids.txt", "re");
  char line[200], all[8192] = " ", id[24];
  size_t wrong = 0, i;

  if (file == NULL) {
    perror("ids.txt");
    return 1;
  }
  while (fgets(line, sizeof(line), file) != NULL)
    if (line[0] != '#')
      wrong += take_line(table, line, all, sizeof(all));
  fclose(file);
  for (i = 0; i < table->count; i++) {
    snprintf(id, sizeof(id), " %s ", table->rows[i].first->id);
    if (strstr(all, id) != NULL)
      continue;
    printf("not in ids.txt:%s\n", id);
    wrong++;
  }
  return wrong;
}
