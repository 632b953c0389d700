/* Runs a command beside php-fpm pools of its own: with_fpm COMMAND [ARGUMENT]...
 *
 * The command finds the addresses of the pools in FCGIP_NETWORK1, FCGIP_NETWORK2 and FCGIP_UNIX
 * ("tcp://127.0.0.1:40123", "unix:///tmp/fpm.x1y2z3/unix.sock"), and in FCGIP_SCRIPTS the folder of
 * the scripts. with_fpm's exit status is that of the command, 77 if there is no php-fpm here. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/fpm.h"
#include "support/skip.h"

static volatile sig_atomic_t command_pid;

/* Whoever ends us means the command: we end when it has. */
static void pass_on(int number)
{
  int saved = errno;

  if (command_pid > 0)
    kill((pid_t)command_pid, number);
  errno = saved;
}

static int export_addresses(const fpm *server)
{
  return setenv("FCGIP_NETWORK1", fpm_address(server, FPM_NETWORK1), 1) == 0 &&
                 setenv("FCGIP_NETWORK2", fpm_address(server, FPM_NETWORK2), 1) == 0 &&
                 setenv("FCGIP_UNIX", fpm_address(server, FPM_UNIX), 1) == 0 &&
                 setenv("FCGIP_SCRIPTS", FCGIP_TEST_DOCKER_DIR "/scripts", 1) == 0
             ? 0
             : -1;
}

/* The exit status of the command, as a shell would give it. */
static int run(char **command)
{
  static const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
  struct sigaction action = {.sa_handler = pass_on};
  pid_t parent = getpid(), pid;
  sigset_t blocked, before;
  int status;
  size_t i;

  sigemptyset(&blocked);
  for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
    sigaddset(&blocked, numbers[i]);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  pid = fork();
  if (pid == 0) {
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
      execvp(command[0], command);
    fprintf(stderr, "with_fpm: %s: %s\n", command[0], strerror(errno));
    _exit(127);
  }
  command_pid = pid;
  for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
    sigaction(numbers[i], &action, NULL);
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (pid < 0)
    return 126;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      return 126;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
  const char *reason = fpm_skip_reason();
  int status = 126;
  fpm *server;

  if (argc < 2) {
    fprintf(stderr, "usage: with_fpm COMMAND [ARGUMENT]...\n");
    return 2;
  }
  if (reason != NULL)
    return skip_program(reason);
  server = fpm_start(FPM_THREE);
  if (server == NULL)
    return 126;
  if (export_addresses(server) == 0)
    status = run(argv + 1);
  fpm_free(server);
  return status;
}
