/* Runs a target without libFuzzer over files, and all files of folders: once as they are, then again and again with
 * the first, the second, the third ... allocation failing, alone and with all that follow.
 *
 *   replay_<target> [--plain] FILE-OR-FOLDER...
 *
 * A folder that is not there is an empty one. */
#include <dirent.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/fuzz.h"

/* With failing allocations that many runs for each folder, and some for each file in any case: where there are more
 * allocations, they are spread evenly, and another part of them with each file. */
#define FOLDER_RUNS 12000
#define LEAST_FAILURES 10

static size_t file_count, run_count, most_failures = FOLDER_RUNS;
static int is_plain;

static uint8_t *read_file(const char *path, size_t *len)
{
  FILE *file = fopen(path, "rb");
  fuzz_buffer bytes = {0};
  uint8_t piece[4096], *exact;
  size_t n;

  if (file == NULL) {
    perror(path);
    exit(1);
  }
  while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
    fuzz_put(&bytes, piece, n);
  fclose(file);
  *len = bytes.len;
  exact = fuzz_copy(bytes.data, bytes.len);
  fuzz_buffer_free(&bytes);
  return exact;
}

static void run(const uint8_t *data, size_t len, size_t fail_at, enum failing_allocator_mode mode)
{
  fuzz_fail_at = fail_at;
  fuzz_fail_mode = mode;
  (void)LLVMFuzzerTestOneInput(data, len);
  run_count++;
}

static void replay_file(const char *path)
{
  size_t len, calls, step, n;
  uint8_t *data = read_file(path, &len);

  /* If it crashes, this is the last line. */
  fprintf(stderr, "\r%s\033[K", path);
  run(data, len, 0, FAIL_ONCE);
  calls = is_plain ? 0 : fuzz_memory.total_calls;
  step = calls / most_failures + 1;
  for (n = 1 + file_count % step; n <= calls; n += step) {
    run(data, len, n, FAIL_ONCE);
    run(data, len, n, FAIL_FROM_THEN_ON);
  }
  free(data);
  file_count++;
}

static int by_name(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void replay(const char *path);

/* In the order of their names, so that a run is the same on every machine. */
static void replay_folder(const char *path, DIR *folder)
{
  char **names = NULL;
  size_t count = 0, i;
  struct dirent *entry;

  while ((entry = readdir(folder)) != NULL) {
    size_t size = strlen(path) + strlen(entry->d_name) + 2;

    if (entry->d_name[0] == '.')
      continue;
    names = realloc(names, (count + 1) * sizeof(*names));
    FUZZ_CHECK(names != NULL);
    names[count] = fuzz_alloc(size);
    snprintf(names[count++], size, "%s/%s", path, entry->d_name);
  }
  if (count > 0)
    qsort(names, count, sizeof(*names), by_name);
  most_failures = count > 0 ? FOLDER_RUNS / 2 / count : 0;
  if (most_failures < LEAST_FAILURES)
    most_failures = LEAST_FAILURES;
  for (i = 0; i < count; i++) {
    replay_file(names[i]);
    free(names[i]);
  }
  free(names);
}

static void replay(const char *path)
{
  struct stat info;
  DIR *folder;

  if (stat(path, &info) != 0)
    return;
  if (!S_ISDIR(info.st_mode)) {
    replay_file(path);
    return;
  }
  folder = opendir(path);
  if (folder == NULL) {
    perror(path);
    exit(1);
  }
  replay_folder(path, folder);
  closedir(folder);
}

int main(int argc, char **argv)
{
  int i;

#ifdef __GLIBC__
  /* Memory goes back to the system only in the end: asking for it again and again is most of the time. */
  mallopt(M_MMAP_THRESHOLD, 1 << 28);
  mallopt(M_TRIM_THRESHOLD, 1 << 28);
#endif
  for (i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--plain") == 0)
      is_plain = 1;
    else
      replay(argv[i]);
  }
  fprintf(stderr, "\r\033[K");
  printf("%zu inputs, %zu runs\n", file_count, run_count);
  return 0;
}
