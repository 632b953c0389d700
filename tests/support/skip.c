#include "support/skip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int skip_program(const char *reason)
{
  const char *ci = getenv("CI");
  int forbidden = ci != NULL && strcmp(ci, "true") == 0;

  fprintf(stderr, "%s: %s\n", forbidden ? "may not be skipped here" : "skipped", reason);
  return forbidden ? 1 : 77;
}
