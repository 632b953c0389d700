/* cgi-fcgi of the FastCGI developer's kit (Debian: libfcgi-bin): a CGI program that hands its
 * environment and its input to a FastCGI server, and relays what comes back as it is. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance/adapter.h"

#define MAX_ENV 2100

struct conf_session {
  const conf_request *request;
  char *connect_to;
  char **env;
  size_t env_len;
  int input; /* the content, as a file */
  pid_t pid;
  int pipes[2]; /* its stdout and stderr */
  conf_bytes out[2];
  int exit_status;
};

static char program[300];

static const char *set_up(const char *folder, size_t slots)
{
  (void)folder;
  (void)slots;
  if (conf_program("cgi-fcgi") == NULL)
    return "not installed (Debian: libfcgi-bin)";
  snprintf(program, sizeof(program), "%s", conf_program("cgi-fcgi"));
  return NULL;
}

static void tear_down(void)
{
}

static void set_env(conf_session *s, const char *name, const char *value)
{
  size_t len = strlen(name) + strlen(value) + 2;
  char *entry = malloc(len);

  if (entry == NULL || s->env_len + 1 >= MAX_ENV)
    abort();
  snprintf(entry, len, "%s=%s", name, value);
  s->env[s->env_len++] = entry;
  s->env[s->env_len] = NULL;
}

static conf_session *session_new(const conf_request *request, const char *address, size_t slot)
{
  conf_session *s = calloc(1, sizeof(*s));
  char length[24];
  size_t i, done = 0;
  ssize_t n;

  (void)slot;
  if (s == NULL || (s->env = calloc(MAX_ENV, sizeof(*s->env))) == NULL)
    abort();
  s->request = request;
  s->connect_to = strdup(strchr(address, ':') + 3); /* behind "unix://" or "tcp://" */
  set_env(s, "REQUEST_METHOD", request->method != NULL ? request->method : "GET");
  for (i = 0; i < request->param_count; i++)
    set_env(s, request->params[i].name, request->params[i].value);
  snprintf(length, sizeof(length), "%zu", request->content_len);
  if (request->content_len > 0)
    set_env(s, "CONTENT_LENGTH", length);
  s->input = memfd_create("content", MFD_CLOEXEC);
  while (done < request->content_len) {
    n = write(s->input, (const char *)request->content + done, request->content_len - done);
    if (n <= 0)
      abort();
    done += (size_t)n;
  }
  return s;
}

static void session_free(conf_session *s)
{
  size_t i;

  for (i = 0; i < s->env_len; i++)
    free(s->env[i]);
  free(s->env);
  free(s->connect_to);
  conf_bytes_free(&s->out[0]);
  conf_bytes_free(&s->out[1]);
  close(s->input);
  free(s);
}

static void start(conf_session *s)
{
  int out[2], err[2];
  pid_t parent = getpid();

  conf_bytes_set(&s->out[0], "", 0);
  conf_bytes_set(&s->out[1], "", 0);
  lseek(s->input, 0, SEEK_SET);
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
    abort();
  s->pid = fork();
  if (s->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
      _exit(127);
    dup2(s->input, 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    execle(program, "cgi-fcgi", "-bind", "-connect", s->connect_to, (char *)NULL, s->env);
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  s->pipes[0] = out[0];
  s->pipes[1] = err[0];
}

static void take(conf_session *s, int which)
{
  char buffer[65536];
  ssize_t n = read(s->pipes[which], buffer, sizeof(buffer));

  if (n > 0) {
    conf_bytes_add(&s->out[which], buffer, (size_t)n);
    return;
  }
  close(s->pipes[which]);
  s->pipes[which] = -1;
}

static int poll_once(conf_session *s, int timeout_ms)
{
  struct pollfd fds[2] = {{s->pipes[0], POLLIN, 0}, {s->pipes[1], POLLIN, 0}};
  int i;

  if (s->pipes[0] < 0 && s->pipes[1] < 0)
    return waitpid(s->pid, &s->exit_status, timeout_ms > 0 ? 0 : WNOHANG) == s->pid;
  if (poll(fds, 2, timeout_ms) > 0)
    for (i = 0; i < 2; i++)
      if (fds[i].revents != 0)
        take(s, i);
  return 0;
}

/* Its exit status is the application's, or one of the negative results of fcgiapp.h. */
static conf_verdict verdict(conf_session *s, conf_result *result)
{
  char text[40];

  if (WIFSIGNALED(s->exit_status)) {
    snprintf(text, sizeof(text), " by signal %d", WTERMSIG(s->exit_status));
    conf_bytes_set(&result->text, text, strlen(text));
    return V_CRASH;
  }
  conf_bytes_set(&result->text, s->out[1].data, s->out[1].len);
  result->app_status = (uint32_t)WEXITSTATUS(s->exit_status);
  return WEXITSTATUS(s->exit_status) >= 240 ? V_ERROR : V_OK;
}

static void finish(conf_session *s, conf_result *result)
{
  conf_result_clear(result);
  if (s->pipes[0] >= 0 || s->pipes[1] >= 0) {
    kill(s->pid, SIGKILL);
    waitpid(s->pid, &s->exit_status, 0);
    for (int i = 0; i < 2; i++)
      if (s->pipes[i] >= 0)
        close(s->pipes[i]);
    result->verdict = V_HANG;
    return;
  }
  result->verdict = verdict(s, result);
  conf_bytes_set(&result->output, s->out[0].data, s->out[0].len);
  conf_bytes_set(&result->body, s->out[0].data, s->out[0].len);
  conf_bytes_set(&result->error_output, s->out[1].data, s->out[1].len);
}

const conf_adapter conf_adapter_cgi_fcgi = {
    .name = "cgi-fcgi",
    .can = CAN_PARAMS | CAN_CONTENT | CAN_METHOD | TELLS_STDERR,
    .set_up = set_up,
    .tear_down = tear_down,
    .session_new = session_new,
    .session_free = session_free,
    .start = start,
    .poll = poll_once,
    .finish = finish,
};
