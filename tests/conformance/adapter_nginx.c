/* nginx as a FastCGI client: an own instance, one location per slot, asked over HTTP. What it made of
 * the FastCGI response is judged by the HTTP response. */
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
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "conformance/adapter.h"

#define MAX_SLOTS 16

struct conf_session {
  const conf_request *request;
  size_t slot;
  int fd;
  conf_bytes head; /* of the request */
  size_t sent;     /* of head and content */
  conf_bytes got;
  int is_over;
};

static pid_t server;
static char listen_path[100];
static char peer_paths[MAX_SLOTS][100];

static const char *socket_of(size_t slot)
{
  return peer_paths[slot];
}

/* Without fastcgi_keep_conn nginx reads on after END_REQUEST until the server closes, or until its
 * timeout: nearly every case would fail for this one reason. So it is on; only the second location
 * has a pool to keep the connection in, and the third is as nginx is by default. */
static void write_slot(FILE *f, size_t i)
{
  static const char *const params = "      fastcgi_param REQUEST_METHOD $request_method;\n"
                                    "      fastcgi_param SCRIPT_FILENAME /srv/app.php;\n"
                                    "      fastcgi_param CONTENT_LENGTH $content_length;\n";

  fprintf(
      f,
      "    location /%zu/ {\n      fastcgi_pass unix:%s;\n      fastcgi_keep_conn on;\n%s    }\n",
      i, peer_paths[i], params);
  fprintf(f, "    location /plain%zu/ {\n      fastcgi_pass unix:%s;\n%s    }\n", i, peer_paths[i],
          params);
  fprintf(f,
          "    location /keep%zu/ {\n      fastcgi_pass kept%zu;\n      fastcgi_keep_conn on;\n%s  "
          "  }\n",
          i, i, params);
}

static int write_config(const char *folder, const char *path, size_t slots)
{
  FILE *f = fopen(path, "we");
  size_t i;

  if (f == NULL)
    return -1;
  fprintf(
      f,
      "daemon off;\nmaster_process off;\npid %s/nginx.pid;\nerror_log %s/nginx.log crit;\n"
      "events {}\nhttp {\n  access_log off;\n  client_body_temp_path %s/body;\n"
      "  fastcgi_temp_path %s/fastcgi;\n  proxy_temp_path %s/proxy;\n"
      "  uwsgi_temp_path %s/uwsgi;\n  scgi_temp_path %s/scgi;\n"
      "  client_max_body_size 0;\n  large_client_header_buffers 64 64k;\n"
      "  fastcgi_connect_timeout 1s;\n  fastcgi_send_timeout 1s;\n  fastcgi_read_timeout 1s;\n"
      "  fastcgi_buffer_size 64k;\n  fastcgi_buffers 8 64k;\n  fastcgi_busy_buffers_size 128k;\n"
      "  fastcgi_next_upstream off;\n",
      folder, folder, folder, folder, folder, folder, folder);
  for (i = 0; i < slots; i++)
    fprintf(f, "  upstream kept%zu { server unix:%s; keepalive 1; }\n", i, peer_paths[i]);
  fprintf(f,
          "  server {\n    listen unix:%s;\n    add_header X-Upstream $upstream_status always;\n",
          listen_path);
  for (i = 0; i < slots; i++)
    write_slot(f, i);
  fputs("  }\n}\n", f);
  return fclose(f);
}

static int http_connect(void)
{
  struct sockaddr_un name = {0};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  name.sun_family = AF_UNIX;
  snprintf(name.sun_path, sizeof(name.sun_path), "%s", listen_path);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
    return fd;
  if (fd >= 0)
    close(fd);
  return -1;
}

static const char *wait_until_up(void)
{
  const struct timespec tick = {0, 10000000};
  int i, fd;

  for (i = 0; i < 1000; i++) {
    fd = http_connect();
    if (fd >= 0) {
      close(fd);
      return NULL;
    }
    if (waitpid(server, NULL, WNOHANG) == server) {
      server = 0;
      return "does not start";
    }
    nanosleep(&tick, NULL);
  }
  return "does not answer";
}

static const char *set_up(const char *folder, size_t slots)
{
  char config[200], log[200];
  const char *program = conf_program("nginx");
  pid_t parent = getpid();
  size_t i;

  if (program == NULL)
    return "not installed (Debian: nginx)";
  if (slots > MAX_SLOTS)
    return "too many jobs";
  snprintf(listen_path, sizeof(listen_path), "%s/http.sock", folder);
  for (i = 0; i < slots; i++)
    snprintf(peer_paths[i], sizeof(peer_paths[i]), "%s/nginx%zu.sock", folder, i);
  snprintf(config, sizeof(config), "%s/nginx.conf", folder);
  snprintf(log, sizeof(log), "%s/nginx.log", folder);
  if (write_config(folder, config, slots) != 0)
    return "its configuration cannot be written";
  server = fork();
  if (server == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
      execl(program, "nginx", "-p", folder, "-e", log, "-c", config, (char *)NULL);
    _exit(127);
  }
  return wait_until_up();
}

static void tear_down(void)
{
  if (server <= 0)
    return;
  kill(server, SIGKILL);
  waitpid(server, NULL, 0);
  server = 0;
}

static conf_session *session_new(const conf_request *request, const char *address, size_t slot)
{
  conf_session *s = calloc(1, sizeof(*s));

  (void)address;
  if (s == NULL)
    abort();
  s->request = request;
  s->slot = slot;
  s->fd = -1;
  return s;
}

static void session_free(conf_session *s)
{
  if (s->fd >= 0)
    close(s->fd);
  conf_bytes_free(&s->head);
  conf_bytes_free(&s->got);
  free(s);
}

static void start(conf_session *s)
{
  const conf_request *q = s->request;
  char head[300];

  snprintf(
      head, sizeof(head),
      "%s /%s%zu/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
      q->method != NULL ? q->method : "GET",
      q->keep > 0   ? "keep"
      : q->is_plain ? "plain"
                    : "",
      s->slot, q->content_len);
  conf_bytes_set(&s->head, head, strlen(head));
  conf_bytes_set(&s->got, "", 0);
  s->sent = 0;
  s->is_over = 0;
  s->fd = http_connect();
  if (s->fd < 0)
    s->is_over = 1;
}

static void send_some(conf_session *s)
{
  const conf_request *q = s->request;
  const char *data = s->head.data + s->sent;
  size_t len = s->head.len - s->sent;
  ssize_t n;

  if (s->sent >= s->head.len) {
    data = (const char *)q->content + (s->sent - s->head.len);
    len = q->content_len - (s->sent - s->head.len);
  }
  n = send(s->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0)
    s->sent += (size_t)n;
  else if (errno != EAGAIN && errno != EINTR)
    s->sent = SIZE_MAX;
}

static int poll_once(conf_session *s, int timeout_ms)
{
  static char buffer[65536];
  int has_more = s->sent < s->head.len + s->request->content_len;
  struct pollfd fd = {s->fd, (short)(POLLIN | (has_more ? POLLOUT : 0)), 0};
  ssize_t n;

  if (s->is_over)
    return 1;
  if (poll(&fd, 1, timeout_ms) <= 0)
    return 0;
  if (has_more && (fd.revents & POLLOUT) != 0)
    send_some(s);
  if ((fd.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
    return 0;
  n = recv(s->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
  if (n > 0)
    conf_bytes_add(&s->got, buffer, (size_t)n);
  else if (n == 0 || (errno != EAGAIN && errno != EINTR))
    s->is_over = 1;
  return s->is_over;
}

/* The value of a header in the head of the HTTP response, NULL if it is not there. */
static const char *header(const char *head, const char *end, const char *name, char *out,
                          size_t cap)
{
  size_t len = strlen(name), n;
  const char *at = strstr(head, "\r\n");

  for (; at != NULL && at < end; at = strstr(at, "\r\n")) {
    at += 2;
    if (strncasecmp(at, name, len) == 0 && at[len] == ':') {
      at += len + 1;
      at += strspn(at, " ");
      n = strcspn(at, "\r");
      snprintf(out, cap, "%.*s", (int)n, at);
      return out;
    }
  }
  return NULL;
}

/* 1 if the chunks are all there. */
static int unchunk(const char *at, const char *end, conf_bytes *body)
{
  char *rest;
  unsigned long len;

  while (at < end) {
    len = strtoul(at, &rest, 16);
    if (rest == at || end - rest < 2 || (size_t)(end - rest - 2) < len)
      return 0;
    at = rest + 2;
    if (len == 0)
      return 1;
    conf_bytes_add(body, at, len);
    at += len + 2;
  }
  return 0;
}

static int read_body(conf_session *s, const char *at, conf_bytes *body)
{
  const char *head = s->got.data, *end = head + s->got.len;
  char value[40];

  if (header(head, at, "Transfer-Encoding", value, sizeof(value)) != NULL)
    return unchunk(at, end, body);
  conf_bytes_add(body, at, (size_t)(end - at));
  if (s->request->method != NULL && strcmp(s->request->method, "HEAD") == 0)
    return 1;
  if (header(head, at, "Content-Length", value, sizeof(value)) != NULL)
    return strtoull(value, NULL, 10) == body->len;
  return 1;
}

static void finish(conf_session *s, conf_result *result)
{
  const char *end = strstr(s->got.data, "\r\n\r\n");
  char upstream[40];
  int is_whole;

  conf_result_clear(result);
  if (s->fd >= 0)
    close(s->fd);
  s->fd = -1;
  result->verdict = s->is_over ? V_ERROR : V_HANG;
  if (end == NULL || s->got.len < 12)
    return;
  end += 4;
  result->status = atoi(s->got.data + 9);
  if (header(s->got.data, end, "X-Upstream", upstream, sizeof(upstream)) == NULL)
    upstream[0] = '\0';
  is_whole = read_body(s, end, &result->body);
  if (result->status == 504)
    result->verdict = V_TIMEOUT;
  else if (result->status == 502 || atoi(upstream) != result->status)
    result->verdict = V_ERROR;
  else
    result->verdict = is_whole ? V_OK : V_ERROR;
  if (result->verdict != V_OK)
    result->status = 0;
}

const conf_adapter conf_adapter_nginx = {
    .name = "nginx",
    .can = CAN_KEEP | CAN_CONTENT | CAN_METHOD | TELLS_HEADERS | HAS_DEADLINE,
    .set_up = set_up,
    .tear_down = tear_down,
    .socket_of = socket_of,
    .session_new = session_new,
    .session_free = session_free,
    .start = start,
    .poll = poll_once,
    .finish = finish,
};
