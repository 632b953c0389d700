#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/runner.h"

const conf_adapter *const conf_adapters[CONF_ADAPTERS] = {
    &conf_adapter_fcgiproxy,
    &conf_adapter_cgi_fcgi,
    &conf_adapter_nginx,
};

const char *conf_program(const char *name)
{
  static char found[300];
  const char *path = getenv("PATH"), *end;
  char folders[4096];

  snprintf(folders, sizeof(folders), "%s:/usr/sbin:/sbin", path != NULL ? path : "");
  for (path = folders; *path != '\0'; path = *end == ':' ? end + 1 : end) {
    end = path + strcspn(path, ":");
    snprintf(found, sizeof(found), "%.*s/%s", (int)(end - path), path, name);
    if (end > path && access(found, X_OK) == 0)
      return found;
  }
  return NULL;
}
