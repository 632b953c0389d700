#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "conformance/php.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conformance/memory.h"
#include "support/peer_conn.h"
#include "support/processes.h"

static const char *find_program(void)
{
  static const char *const names[] = {"php-fpm8.2", "php-fpm",    "php-fpm8.5", "php-fpm8.4",
                                      "php-fpm8.3", "php-fpm8.1", "php-fpm8.0", "php-fpm7.4"};
  size_t i;

  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if (conf_program(names[i]) != NULL)
      return conf_program(names[i]);
  return NULL;
}

/* Copies `text` with "{folder}" put in. */
static void put(FILE *f, const char *text, const char *folder)
{
  const char *at;

  while ((at = strstr(text, "{folder}")) != NULL) {
    fprintf(f, "%.*s%s", (int)(at - text), text, folder);
    text = at + strlen("{folder}");
  }
  fprintf(f, "%s\n", text);
}

static void write_config(const php *p, const char *path, const char *global, const char *pool)
{
  const char *folder = p->test->folder;
  FILE *f = fopen(path, "we");

  if (f == NULL)
    abort();
  fprintf(f, "[global]\ndaemonize = no\nerror_log = %s/php.log\n", folder);
  put(f, global, folder);
  fprintf(f, "[pool]\n");
  if (p->port != 0)
    fprintf(f, "listen = 127.0.0.1:%u\n", p->port);
  else
    fprintf(f, "listen = %s\n", p->socket);
  if (geteuid() == 0)
    fprintf(f, "user = root\ngroup = root\n");
  fprintf(f, "pm.status_path = /status\nphp_admin_value[output_buffering] = 0\n");
  put(f, pool, folder);
  if (strstr(pool, "pm =") == NULL)
    fprintf(f, "pm = static\n");
  if (strstr(pool, "pm.max_children") == NULL)
    fprintf(f, "pm.max_children = 2\n");
  fclose(f);
}

static uint16_t free_port(void)
{
  struct sockaddr_in name = {.sin_family = AF_INET};
  socklen_t len = sizeof(name);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0 ||
      getsockname(fd, (struct sockaddr *)&name, &len) != 0)
    abort();
  close(fd);
  return ntohs(name.sin_port);
}

int php_connect(const php *p)
{
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(p->port)};
  int fd = socket(p->port != 0 ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;

  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  snprintf(un.sun_path, sizeof(un.sun_path), "%.107s", p->socket);
  rc = p->port != 0 ? connect(fd, (struct sockaddr *)&in, sizeof(in))
                    : connect(fd, (struct sockaddr *)&un, sizeof(un));
  if (rc == 0)
    return fd;
  close(fd);
  return -1;
}

static void pause_ms(long ms)
{
  const struct timespec span = {ms / 1000, ms % 1000 * 1000000};

  nanosleep(&span, NULL);
}

void php_wait(const php *p)
{
  int i, fd;

  for (i = 0; i < 2000; i++) {
    fd = php_connect(p);
    if (fd >= 0) {
      close(fd);
      return;
    }
    pause_ms(10);
  }
  conf_fail(p->test, "php-fpm does not answer");
}

/* Asks the binary, once. */
static int is_8_2(const char *program)
{
  char command[400], line[80] = "";
  FILE *f;

  snprintf(command, sizeof(command), "%s -n -v 2>/dev/null", program);
  f = popen(command, "re");
  if (f == NULL)
    return 0;
  if (fgets(line, sizeof(line), f) == NULL)
    line[0] = '\0';
  while (fgetc(f) != EOF)
    continue;
  pclose(f);
  return strncmp(line, "PHP 8.2.", 8) == 0;
}

int php_start(php *p, conf_test *test, int is_tcp, const char *global, const char *pool)
{
  const char *program = find_program();
  char config[160], err[160];
  pid_t parent = getpid();
  int log;

  memset(p, 0, sizeof(*p));
  p->test = test;
  if (program == NULL) {
    conf_skip(test, "php-fpm is not installed (Debian: php-fpm)");
    return 0;
  }
  p->is_8_2 = is_8_2(program);
  p->port = is_tcp ? free_port() : 0;
  if (is_tcp)
    snprintf(p->address, sizeof(p->address), "tcp://127.0.0.1:%u", p->port);
  else
    snprintf(p->socket, sizeof(p->socket), "%s/php.sock", test->folder);
  if (!is_tcp)
    snprintf(p->address, sizeof(p->address), "unix://%s", p->socket);
  snprintf(config, sizeof(config), "%s/php.conf", test->folder);
  snprintf(err, sizeof(err), "%s/php.err", test->folder);
  write_config(p, config, global, pool);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  p->master = fork();
  if (p->master == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    log = open(err, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(log, 1);
    dup2(log, 2);
    if (getppid() == parent)
      execl(program, program, "-n", "-F", geteuid() == 0 ? "-R" : "-F", "-y", config, (char *)NULL);
    _exit(127);
  }
  test->checked++;
  php_wait(p);
  return 1;
}

size_t php_workers(const php *p, pid_t *pids, size_t cap)
{
  return processes_children(p->master, "php-fpm: pool pool", pids, cap);
}

/* A master that is told to end while it reloads may leave workers behind: they are ours, then. */
static void end_orphans(void)
{
  pid_t workers[64];
  size_t n = processes_children(getpid(), "php-fpm: pool pool", workers, 64), i;

  for (i = 0; i < n && i < 64; i++) {
    kill(workers[i], SIGKILL);
    waitpid(workers[i], NULL, 0);
  }
}

void php_stop(php *p)
{
  int waited;

  if (p->master <= 0)
    return;
  kill(p->master, SIGTERM);
  for (waited = 0; waited < 300 && waitpid(p->master, NULL, WNOHANG) == 0; waited++)
    pause_ms(10);
  if (waited == 300) {
    kill(p->master, SIGKILL);
    waitpid(p->master, NULL, 0);
  }
  end_orphans();
  p->master = 0;
}

const char *php_script(const php *p, const char *name, const char *source)
{
  static char path[200];
  FILE *f;

  snprintf(path, sizeof(path), "%s/%s", p->test->folder, name);
  f = fopen(path, "we");
  if (f == NULL)
    abort();
  fputs("<?php ", f);
  put(f, source, p->test->folder);
  fclose(f);
  return path;
}

void php_request(reference_bytes *to, unsigned id, unsigned role, unsigned flags,
                 const char *script, const char *content)
{
  char length[24];
  const char *names[] = {"SCRIPT_FILENAME", "SCRIPT_NAME", "REQUEST_METHOD", "QUERY_STRING",
                         "CONTENT_LENGTH"};
  const char *values[] = {script, script, content != NULL ? "POST" : "GET", "", length};

  snprintf(length, sizeof(length), "%zu", content != NULL ? strlen(content) : 0);
  reference_begin(to, id, role, flags);
  reference_params(to, id, names, values, 5, 65535);
  reference_record(to, 4, id, "", 0, 0);
  reference_stdin(to, id, content, content != NULL ? strlen(content) : 0);
}

/* 1 if END_REQUEST is in it, whole. */
static int has_end(const conf_bytes *got)
{
  const uint8_t *at = (const uint8_t *)got->data;
  size_t left = got->len, n;

  while (left >= 8) {
    n = 8 + ((size_t)at[4] << 8 | at[5]) + at[6];
    if (n > left)
      return 0;
    if (at[1] == 3)
      return 1;
    at += n;
    left -= n;
  }
  return 0;
}

int php_read(int fd, int timeout_ms, conf_bytes *got)
{
  uint64_t until = peer_now_ms() + (uint64_t)timeout_ms, now;
  struct pollfd in = {fd, POLLIN, 0};
  char buffer[16384];
  ssize_t n;

  conf_bytes_set(got, "", 0);
  while (!has_end(got)) {
    now = peer_now_ms();
    if (now >= until || poll(&in, 1, (int)(until - now)) <= 0)
      return 't';
    n = recv(fd, buffer, sizeof(buffer), 0);
    if (n <= 0)
      return n == 0 ? 'f' : 'r';
    conf_bytes_add(got, buffer, (size_t)n);
  }
  return 'e';
}

int php_exchange(const php *p, const reference_bytes *sent, int timeout_ms, conf_bytes *got)
{
  int fd = php_connect(p), how;
  size_t at = 0;
  ssize_t n;

  conf_bytes_set(got, "", 0);
  while (at < sent->len) {
    n = send(fd, sent->data + at, sent->len - at, MSG_NOSIGNAL);
    if (n <= 0)
      break;
    at += (size_t)n;
  }
  how = php_read(fd, timeout_ms, got);
  close(fd);
  return how;
}

void php_fact(const php *p, int is_so, const char *what)
{
  if (p->is_8_2)
    conf_check(p->test, is_so, "php-fpm no longer does this: %s", what);
}

void php_fixture(fixture *f, const php *p, const conf_request *options)
{
  static const conf_request none = {0};
  fcgip_endpoint_options endpoint = conf_fcgiproxy_options(options != NULL ? options : &none);
  fcgip_proxy_options proxy = {.struct_size = sizeof(proxy), .allocator = memory_allocator()};
  const fcgip_endpoint *list[1];

  memset(f, 0, sizeof(*f));
  f->test = p->test;
  f->blocks = memory_blocks();
  if (fcgip_endpoint_parse(&f->endpoint, p->address, &endpoint) != FCGIP_OK)
    abort();
  list[0] = f->endpoint;
  if (fcgip_round_robin_new(&f->collection, list, 1) != FCGIP_OK ||
      fcgip_proxy_new(&f->proxy, f->collection, &proxy) != FCGIP_OK)
    abort();
}

void php_fixture_free(fixture *f)
{
  fcgip_proxy_free(f->proxy);
  fcgip_collection_free(f->collection);
  fcgip_endpoint_free(f->endpoint);
  if (f->blocks != SIZE_MAX)
    conf_check(f->test, memory_blocks() == f->blocks, "%ld blocks of memory leaked",
               (long)memory_blocks() - (long)f->blocks);
}

fcgip_request *php_get(const char *script)
{
  fcgip_request *request = NULL;

  if (fcgip_request_new_with_allocator(&request, "GET", script, memory_allocator()) != FCGIP_OK)
    abort();
  return request;
}

void php_take(fixture *f, fcgip_request_id id, conf_result *result)
{
  fcgip_response *response = NULL;

  conf_result_clear(result);
  result->verdict = V_HANG;
  if (fcgip_proxy_read_response(f->proxy, id, 60000, &response) != FCGIP_EAGAIN && response != NULL)
    conf_fcgiproxy_result(response, result);
  fcgip_response_free(response);
}

void php_ask(fixture *f, const char *script, conf_result *result)
{
  fcgip_request *request = php_get(script);

  php_take(f, fixture_send(f, request), result);
  fcgip_request_free(request);
}
