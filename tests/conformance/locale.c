#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/locale.h"

int conf_set_locale(conf_test *test, const char *name)
{
  const char *charset = strchr(name, '.');
  char command[500];

  if (setlocale(LC_ALL, name) != NULL)
    return 1;
  snprintf(command, sizeof(command),
           "localedef --no-archive -i %.*s -f %s %s/%s >%s/localedef.log 2>&1",
           (int)(charset - name), name, charset + 1, test->folder, name, test->folder);
  if (system(command) != 0) {
    conf_skip(test, "there is no %s, nor localedef to make it", name);
    return 0;
  }
  setenv("LOCPATH", test->folder, 1);
  if (setlocale(LC_ALL, name) != NULL)
    return 1;
  conf_skip(test, "%s cannot be set", name);
  return 0;
}
