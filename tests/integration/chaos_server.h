/* Servers that do what no good one would: a thread that listens, and does what a test tells it with each
 * connection, one after the other, over plain blocking sockets. */
#ifndef TEST_INTEGRATION_CHAOS_SERVER_H
#define TEST_INTEGRATION_CHAOS_SERVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BAD_STDOUT = 6, BAD_STDERR = 7, BAD_RECORD_MAX = 65535, BAD_BACKLOG = 128 };

typedef struct bad_server bad_server;
typedef void (*bad_serve_fn)(bad_server *server, int fd);

struct bad_server {
  bad_serve_fn serve;
  int is_tcp;
  int listener;
  pthread_t thread;
  char folder[64];
  char address[128];
  atomic_int stopping;
  atomic_int connections; /* served and closed */
  atomic_ullong received; /* bytes of content that arrived in STDIN */
  atomic_int mismatches;  /* of them with another value than bad_byte() at its place */
  atomic_int go;          /* for serve functions that wait for the test */
};

/* What contents consist of: no two neighbours alike, and not the same in every block. */
static inline uint8_t bad_byte(uint64_t at)
{
  return (uint8_t)(at * 31u + at / 251u);
}

static inline void bad_pause_ms(long ms)
{
  const struct timespec span = {ms / 1000, ms % 1000 * 1000000L};

  nanosleep(&span, NULL);
}

/* 0, or -1 if the client is gone. */
static inline int bad_send(int fd, const void *data, size_t len)
{
  const uint8_t *bytes = data;

  while (len > 0) {
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return -1;
    bytes += n;
    len -= (size_t)n;
  }
  return 0;
}

static inline int bad_send_record(int fd, int type, const void *data, size_t len)
{
  uint8_t header[8] = {1, (uint8_t)type, 0, 1, (uint8_t)(len >> 8), (uint8_t)len, 0, 0};

  return bad_send(fd, header, sizeof(header)) != 0 || (len > 0 && bad_send(fd, data, len) != 0) ? -1
                                                                                                : 0;
}

static inline int bad_send_text(int fd, int type, const char *text)
{
  return bad_send_record(fd, type, text, strlen(text));
}

static inline int bad_send_end(int fd)
{
  static const uint8_t complete[8] = {0};

  return bad_send_record(fd, 3, complete, sizeof(complete));
}

/* `total` bytes in records of full length. */
static inline int bad_send_much(int fd, int type, uint64_t total)
{
  static const uint8_t block[BAD_RECORD_MAX] = {'x'};
  size_t n;

  for (; total > 0; total -= n) {
    n = total < sizeof(block) ? (size_t)total : sizeof(block);
    if (bad_send_record(fd, type, block, n) != 0)
      return -1;
  }
  return 0;
}

static inline int bad_receive(int fd, uint8_t *to, size_t len)
{
  while (len > 0) {
    ssize_t n = recv(fd, to, len, 0);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return -1;
    to += n;
    len -= (size_t)n;
  }
  return 0;
}

static inline void bad_note_content(bad_server *server, uint64_t at, const uint8_t *data,
                                    size_t len)
{
  size_t i;

  for (i = 0; i < len; i++)
    if (data[i] != bad_byte(at + i))
      atomic_fetch_add(&server->mismatches, 1);
  atomic_fetch_add(&server->received, len);
}

static inline int bad_read_records(bad_server *server, int fd, uint8_t *content)
{
  uint64_t at = 0;
  uint8_t header[8];
  int last = 0;

  for (;;) {
    size_t len;

    if (bad_receive(fd, header, sizeof(header)) != 0)
      return -1;
    len = (size_t)header[4] << 8 | header[5];
    if (header[0] != 1 || header[1] < last || bad_receive(fd, content, len + header[6]) != 0)
      return -1;
    last = header[1];
    if (last != 5)
      continue;
    if (len == 0)
      return 0;
    bad_note_content(server, at, content, len);
    at += len;
  }
}

/* Until STDIN ends. 0, or -1 if the client is gone before that, or what it sends is not in order. */
static inline int bad_read_request(bad_server *server, int fd)
{
  uint8_t *content = malloc(BAD_RECORD_MAX + 255);
  int rc = content != NULL ? bad_read_records(server, fd, content) : -1;

  free(content);
  return rc;
}

/* Until the client is gone, or the test is over, whatever is unread. */
static inline void bad_wait_for_hangup(bad_server *server, int fd)
{
  struct pollfd at = {.fd = fd, .events = POLLRDHUP};

  while (!atomic_load(&server->stopping) && poll(&at, 1, 20) <= 0)
    ;
}

static inline void bad_wait_for_go(bad_server *server)
{
  while (!atomic_load(&server->go) && !atomic_load(&server->stopping))
    bad_pause_ms(2);
}

static inline void *bad_run(void *data)
{
  bad_server *server = data;

  for (;;) {
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC), on = 1;

    if (atomic_load(&server->stopping)) {
      if (fd >= 0)
        close(fd);
      return NULL;
    }
    if (fd < 0)
      continue;
    /* Closing with unread input throws away what Nagle's algorithm still holds back. */
    if (server->is_tcp)
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    server->serve(server, fd);
    close(fd);
    atomic_fetch_add(&server->connections, 1);
  }
}

static inline int bad_listen_tcp(bad_server *server)
{
  struct sockaddr_in in = {.sin_family = AF_INET};
  socklen_t len = sizeof(in);

  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&in, sizeof(in)) != 0 ||
      getsockname(server->listener, (struct sockaddr *)&in, &len) != 0)
    return -1;
  snprintf(server->address, sizeof(server->address), "tcp://127.0.0.1:%u",
           (unsigned)ntohs(in.sin_port));
  return listen(server->listener, BAD_BACKLOG);
}

static inline int bad_listen_unix(bad_server *server)
{
  struct sockaddr_un un = {.sun_family = AF_UNIX};

  snprintf(un.sun_path, sizeof(un.sun_path), "%.64s/s", server->folder);
  snprintf(server->address, sizeof(server->address), "unix://%.80s", un.sun_path);
  server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&un, sizeof(un)) != 0)
    return -1;
  return listen(server->listener, BAD_BACKLOG);
}

/* Listens, and serves if there is something to do: without `serve` nobody accepts. 0, or -1. */
static inline int bad_start(bad_server *server, int is_tcp, bad_serve_fn serve)
{
  const char *base = getenv("TMPDIR");

  memset(server, 0, sizeof(*server));
  server->serve = serve;
  server->is_tcp = is_tcp;
  if (base == NULL || base[0] != '/' || strlen(base) > 40)
    base = "/tmp";
  snprintf(server->folder, sizeof(server->folder), "%.40s/bad.XXXXXX", base);
  if (mkdtemp(server->folder) == NULL || chmod(server->folder, 0755) != 0)
    return -1;
  if ((is_tcp ? bad_listen_tcp(server) : bad_listen_unix(server)) != 0)
    return -1;
  return serve != NULL ? pthread_create(&server->thread, NULL, bad_run, server) : 0;
}

static inline void bad_stop(bad_server *server)
{
  char path[96];

  atomic_store(&server->stopping, 1);
  shutdown(server->listener, SHUT_RDWR); /* ends accept() */
  if (server->serve != NULL)
    pthread_join(server->thread, NULL);
  close(server->listener);
  snprintf(path, sizeof(path), "%.64s/s", server->folder);
  unlink(path);
  rmdir(server->folder);
}

#endif
