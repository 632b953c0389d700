#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tool_complain(const char *what, const char *why)
{
  fprintf(stderr, "%s: ", tool_name);
  text_print(stderr, what, strlen(what));
  if (why != NULL) {
    fputs(": ", stderr);
    text_print(stderr, why, strlen(why));
  }
  fputc('\n', stderr);
}

int tool_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
  uint64_t value = 0;

  if (*text == '\0')
    return -1;
  for (; *text != '\0'; text++) {
    unsigned digit = (unsigned)*text - '0';

    if (digit > 9 || value > (most - digit) / 10)
      return -1;
    value = value * 10 + digit;
  }
  if (value < least)
    return -1;
  *out = value;
  return 0;
}

/* Makes room for one piece more and the NUL. */
static char *grow(char *bytes, size_t len, size_t *cap)
{
  char *grown;

  if (*cap - len > 1)
    return bytes;
  *cap = *cap == 0 ? 8192 : *cap * 2;
  grown = realloc(bytes, *cap);
  if (grown == NULL)
    free(bytes);
  return grown;
}

static char *read_all(FILE *file, size_t most, size_t *len)
{
  char *bytes = NULL;
  size_t cap = 0, n = 0, got;

  do {
    bytes = grow(bytes, n, &cap);
    if (bytes == NULL) {
      errno = ENOMEM;
      return NULL;
    }
    got = fread(bytes + n, 1, cap - n - 1, file);
    n += got;
  } while (got > 0 && n <= most);
  if (n > most)
    errno = EFBIG;
  if (n > most || ferror(file)) {
    free(bytes);
    return NULL;
  }
  bytes[n] = '\0';
  *len = n;
  return bytes;
}

char *tool_read_file(const char *path, size_t most, size_t *len)
{
  int standard = strcmp(path, "-") == 0;
  FILE *file = standard ? stdin : fopen(path, "rb");
  char *bytes = file != NULL ? read_all(file, most, len) : NULL;

  if (bytes == NULL)
    tool_complain(path, strerror(errno));
  if (file != NULL && !standard)
    fclose(file);
  return bytes;
}

int tool_flush(void)
{
  if (fflush(stdout) == 0 && !ferror(stdout))
    return 0;
  tool_complain("stdout cannot be written", NULL);
  return -1;
}
