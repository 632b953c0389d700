#include "support/processes.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t processes_read(pid_t pid, const char *file, char *to, size_t cap)
{
  char path[64];
  FILE *stream;
  size_t n;

  snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
  stream = fopen(path, "re");
  if (stream == NULL)
    return 0;
  n = fread(to, 1, cap - 1, stream);
  to[n] = '\0';
  fclose(stream);
  return n;
}

int processes_has_title(pid_t pid, const char *title)
{
  char line[256];
  size_t len = strlen(title);

  if (processes_read(pid, "cmdline", line, sizeof(line)) < len || strncmp(line, title, len) != 0)
    return 0;
  /* A program that sets its title leaves spaces or NULs behind it. */
  return title[len - 1] == ' ' || line[len] == '\0' || line[len] == ' ';
}

static pid_t processes_parent(pid_t pid)
{
  char line[512];
  const char *name_end;
  long parent;

  /* "pid (name) state parent ...", where a name may hold anything, even ")". */
  if (processes_read(pid, "stat", line, sizeof(line)) == 0)
    return 0;
  name_end = strrchr(line, ')');
  if (name_end == NULL || sscanf(name_end, ") %*c %ld", &parent) != 1)
    return 0;
  return (pid_t)parent;
}

static int processes_compare(const void *a, const void *b)
{
  pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

  return (x > y) - (x < y);
}

size_t processes_children(pid_t parent, const char *title, pid_t *pids, size_t cap)
{
  DIR *proc = opendir("/proc");
  const struct dirent *entry;
  size_t count = 0;

  if (proc == NULL)
    return 0;
  while ((entry = readdir(proc)) != NULL) {
    pid_t pid;

    if (!isdigit((unsigned char)entry->d_name[0]))
      continue;
    pid = (pid_t)strtol(entry->d_name, NULL, 10);
    if (processes_parent(pid) != parent || !processes_has_title(pid, title))
      continue;
    if (count < cap)
      pids[count] = pid;
    count++;
  }
  closedir(proc);
  if (cap > 0)
    qsort(pids, count < cap ? count : cap, sizeof(pids[0]), processes_compare);
  return count;
}
