#include "support/nobody.h"

#include <errno.h>
#include <grp.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY_ID = 65534 };

static int nobody_become(void)
{
  if (geteuid() != 0)
    return 0;
  return setgroups(0, NULL) != 0 || setgid(NOBODY_ID) != 0 || setuid(NOBODY_ID) != 0 ? -1 : 0;
}

int nobody_run(int (*fn)(void *data), void *data)
{
  pid_t pid = fork();
  int status = 0;

  if (pid < 0)
    return -1;
  if (pid == 0) {
    if (nobody_become() != 0)
      _exit(255);
    _exit(fn(data));
  }
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
