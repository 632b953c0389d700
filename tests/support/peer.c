#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "support/peer.h"
#include "support/peer_conn.h"

#define SCRIPTS 64

struct peer {
  peer_kind kind;
  int listener;
  struct sockaddr_storage name;
  socklen_t name_len;
  uint16_t port;
  char address[160];
  const peer_script *scripts[SCRIPTS];
  size_t script_count;
  peer_conn **conns;
  size_t conn_count, conn_cap;
  size_t first_open; /* all before it are closed */
  const size_t *cuts;
  size_t cut_count;
  int every_byte;
  size_t log_max;
  pthread_mutex_t lock;
  pthread_t thread;
  int has_thread;
  int wake[2];
};

static int start_listening(peer *p)
{
  int yes = 1;

  p->listener = socket(p->name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (p->listener < 0)
    return -1;
  if (p->kind == PEER_UNIX)
    unlink(((struct sockaddr_un *)&p->name)->sun_path);
  else
    setsockopt(p->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(p->listener, (struct sockaddr *)&p->name, p->name_len) == 0 &&
      listen(p->listener, 1024) == 0)
    return 0;
  close(p->listener);
  p->listener = -1;
  return -1;
}

static void name_unix(peer *p, const char *path)
{
  struct sockaddr_un *name = (struct sockaddr_un *)&p->name;

  name->sun_family = AF_UNIX;
  snprintf(name->sun_path, sizeof(name->sun_path), "%s", path);
  p->name_len = sizeof(*name);
  snprintf(p->address, sizeof(p->address), "unix://%s", name->sun_path);
}

static void name_loopback(peer *p)
{
  struct sockaddr_in *v4 = (struct sockaddr_in *)&p->name;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&p->name;

  if (p->kind == PEER_TCP4) {
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->name_len = sizeof(*v4);
  } else {
    v6->sin6_family = AF_INET6;
    v6->sin6_addr = in6addr_loopback;
    p->name_len = sizeof(*v6);
  }
}

/* The port that the kernel chose, for the address and for listening again. */
static void learn_port(peer *p)
{
  struct sockaddr_in *v4 = (struct sockaddr_in *)&p->name;

  if (p->kind == PEER_UNIX)
    return;
  getsockname(p->listener, (struct sockaddr *)&p->name, &p->name_len);
  p->port = ntohs(v4->sin_port); /* at the same place in sockaddr_in6 */
  snprintf(p->address, sizeof(p->address), "tcp://%s:%u",
           p->kind == PEER_TCP4 ? "127.0.0.1" : "[::1]", p->port);
}

static peer *peer_alloc(peer_kind kind)
{
  peer *p = calloc(1, sizeof(*p));

  if (p == NULL)
    abort();
  p->kind = kind;
  p->log_max = (size_t)8 << 20;
  pthread_mutex_init(&p->lock, NULL);
  return p;
}

static int peer_begin(peer **out, peer *p)
{
  if (start_listening(p) != 0) {
    free(p);
    *out = NULL;
    return -1;
  }
  learn_port(p);
  *out = p;
  return 0;
}

int peer_new(peer **out, peer_kind kind, const char *folder)
{
  peer *p = peer_alloc(kind);
  char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

  if (kind == PEER_UNIX) {
    snprintf(path, sizeof(path), "%s/peer.sock", folder);
    name_unix(p, path);
  } else {
    name_loopback(p);
  }
  return peer_begin(out, p);
}

int peer_new_at(peer **out, const char *path)
{
  peer *p = peer_alloc(PEER_UNIX);

  name_unix(p, path);
  return peer_begin(out, p);
}

void peer_free(peer *p)
{
  if (p == NULL)
    return;
  peer_thread_stop(p);
  peer_reset(p);
  peer_listen(p, 0);
  if (p->kind == PEER_UNIX)
    unlink(((struct sockaddr_un *)&p->name)->sun_path);
  free(p->conns);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

const char *peer_address(const peer *p)
{
  return p->address;
}

uint16_t peer_port(const peer *p)
{
  return p->port;
}

void peer_play(peer *p, size_t connection, const peer_script *script)
{
  if (connection >= SCRIPTS)
    abort();
  p->scripts[connection] = script;
  if (connection >= p->script_count)
    p->script_count = connection + 1;
}

void peer_cut(peer *p, const size_t *cuts, size_t count)
{
  p->cuts = cuts;
  p->cut_count = count;
  p->every_byte = 0;
}

void peer_cut_every_byte(peer *p, int yes)
{
  p->cut_count = 0;
  p->every_byte = yes;
}

void peer_log_at_most(peer *p, size_t len)
{
  p->log_max = len;
}

void peer_reset(peer *p)
{
  size_t i;

  pthread_mutex_lock(&p->lock);
  for (i = 0; i < p->conn_count; i++)
    peer_conn_free(p->conns[i]);
  p->conn_count = 0;
  p->first_open = 0;
  pthread_mutex_unlock(&p->lock);
}

void peer_listen(peer *p, int yes)
{
  pthread_mutex_lock(&p->lock);
  if (!yes && p->listener >= 0) {
    close(p->listener);
    p->listener = -1;
  } else if (yes && p->listener < 0 && start_listening(p) != 0) {
    abort();
  }
  pthread_mutex_unlock(&p->lock);
}

/* The script set for this connection, or for the nearest one before it that has one. */
static const peer_script *script_of(const peer *p, size_t connection)
{
  size_t i = connection < p->script_count ? connection + 1 : p->script_count;

  while (i > 0 && p->scripts[i - 1] == NULL)
    i--;
  return i > 0 ? p->scripts[i - 1] : NULL;
}

static int accept_one(peer *p)
{
  int fd, yes = 1;
  peer_conn *conn;

  if (p->listener < 0)
    return 0;
  fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0)
    return 0;
  if (p->kind != PEER_UNIX)
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  if (p->conn_count == p->conn_cap) {
    p->conn_cap = p->conn_cap > 0 ? 2 * p->conn_cap : 8;
    p->conns = realloc(p->conns, p->conn_cap * sizeof(*p->conns));
    if (p->conns == NULL)
      abort();
  }
  conn = peer_conn_new(fd, p->kind == PEER_UNIX, script_of(p, p->conn_count));
  conn->cuts = p->cuts;
  conn->cut_count = p->cut_count;
  conn->every_byte = p->every_byte;
  conn->log_max = p->log_max;
  p->conns[p->conn_count++] = conn;
  return 1;
}

static int step_connections(peer *p, size_t from)
{
  int moved = 0;
  size_t i;

  while (p->first_open < p->conn_count && p->conns[p->first_open]->fd < 0)
    p->first_open++;
  from = from > p->first_open ? from : p->first_open;
  for (i = from; i < p->conn_count; i++)
    if (p->conns[i]->fd >= 0 && peer_conn_step(p->conns[i]))
      moved = 1;
  return moved;
}

/* Asking is cheaper than an accept() in vain. */
static int has_new_connection(const peer *p)
{
  struct pollfd listener = {p->listener, POLLIN, 0};

  return p->listener >= 0 && poll(&listener, 1, 0) == 1;
}

int peer_step(peer *p)
{
  int moved;
  size_t count;

  pthread_mutex_lock(&p->lock);
  count = p->conn_count;
  moved = step_connections(p, 0);
  if (!moved && has_new_connection(p)) {
    while (accept_one(p))
      moved = 1;
    step_connections(p, count);
  }
  pthread_mutex_unlock(&p->lock);
  return moved;
}

int peer_timeout_ms(const peer *p)
{
  uint64_t now = peer_now_ms(), due = UINT64_MAX, at;
  size_t i;

  for (i = 0; i < p->conn_count; i++) {
    at = peer_conn_due_ms(p->conns[i]);
    due = at < due ? at : due;
  }
  if (due == UINT64_MAX)
    return -1;
  return due > now ? (int)(due - now) : 0;
}

/* Waits until there is something to do. What depends on the client's reading cannot be polled for. */
static void wait_for_work(peer *p)
{
  struct pollfd *fds = calloc(p->conn_count + 2, sizeof(*fds));
  int timeout = peer_timeout_ms(p), draining = 0;
  size_t i, n = 0;

  if (fds == NULL)
    abort();
  fds[n].fd = p->wake[0];
  fds[n++].events = POLLIN;
  fds[n].fd = p->listener;
  fds[n++].events = POLLIN;
  for (i = 0; i < p->conn_count; i++) {
    short events = peer_conn_events(p->conns[i]);

    if (p->conns[i]->fd >= 0 && p->conns[i]->await_drain && events == 0)
      draining = 1;
    if (p->conns[i]->fd < 0 || events == 0)
      continue;
    fds[n].fd = p->conns[i]->fd;
    fds[n++].events = events;
  }
  if (draining)
    timeout = 1;
  poll(fds, (nfds_t)n, timeout);
  free(fds);
}

static void *thread_main(void *arg)
{
  peer *p = arg;
  struct pollfd stop = {p->wake[0], POLLIN, 0};

  while (poll(&stop, 1, 0) <= 0) /* a signal is no reason to stop */
    if (!peer_step(p))
      wait_for_work(p);
  return NULL;
}

int peer_thread_start(peer *p)
{
  if (pipe2(p->wake, O_CLOEXEC) != 0)
    return -1;
  p->has_thread = pthread_create(&p->thread, NULL, thread_main, p) == 0;
  return p->has_thread ? 0 : -1;
}

void peer_thread_stop(peer *p)
{
  if (!p->has_thread)
    return;
  if (write(p->wake[1], "", 1) != 1)
    abort();
  pthread_join(p->thread, NULL);
  close(p->wake[0]);
  close(p->wake[1]);
  p->has_thread = 0;
}

size_t peer_connections(peer *p)
{
  size_t n;

  pthread_mutex_lock(&p->lock);
  n = p->conn_count;
  pthread_mutex_unlock(&p->lock);
  return n;
}

size_t peer_open_connections(peer *p)
{
  size_t n = 0, i;

  pthread_mutex_lock(&p->lock);
  for (i = 0; i < p->conn_count; i++)
    n += p->conns[i]->fd >= 0 ? 1 : 0;
  pthread_mutex_unlock(&p->lock);
  return n;
}

/* The connection with the lock held, so that the thread does not change it meanwhile. */
static const peer_conn *lock_conn(peer *p, size_t connection)
{
  static const peer_conn none = {.fd = -1};

  pthread_mutex_lock(&p->lock);
  return connection < p->conn_count ? p->conns[connection] : &none;
}

const uint8_t *peer_received(peer *p, size_t connection, size_t *len)
{
  const peer_conn *conn = lock_conn(p, connection);
  const uint8_t *bytes = conn->log != NULL ? conn->log : (const uint8_t *)"";

  *len = conn->log_len;
  pthread_mutex_unlock(&p->lock);
  return bytes;
}

uint64_t peer_received_count(peer *p, size_t connection)
{
  uint64_t count = lock_conn(p, connection)->received;

  pthread_mutex_unlock(&p->lock);
  return count;
}

uint64_t peer_sent_count(peer *p, size_t connection)
{
  uint64_t count = lock_conn(p, connection)->sent;

  pthread_mutex_unlock(&p->lock);
  return count;
}

size_t peer_requests(peer *p, size_t connection)
{
  size_t count = lock_conn(p, connection)->reader.ended;

  pthread_mutex_unlock(&p->lock);
  return count;
}

uint16_t peer_request_id(peer *p, size_t connection)
{
  uint16_t id = lock_conn(p, connection)->reader.id;

  pthread_mutex_unlock(&p->lock);
  return id;
}

int peer_client_closed(peer *p, size_t connection)
{
  const peer_conn *conn = lock_conn(p, connection);
  struct pollfd hup = {conn->fd, POLLRDHUP, 0};
  int closed = conn->client_closed;

  if (conn->fd >= 0)
    closed = poll(&hup, 1, 0) == 1 && (hup.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  pthread_mutex_unlock(&p->lock);
  return closed;
}

int peer_client_has_closed(peer *p, size_t connection, uint64_t patience_ms)
{
  const struct timespec moment = {0, 1000000};
  uint64_t from = peer_now_ms();

  while (!peer_client_closed(p, connection)) {
    if (peer_now_ms() - from > patience_ms)
      return 0;
    nanosleep(&moment, NULL);
  }
  return 1;
}

int peer_script_done(peer *p, size_t connection)
{
  int is_done = lock_conn(p, connection)->is_done;

  pthread_mutex_unlock(&p->lock);
  return is_done;
}

int peer_fd(peer *p, size_t connection)
{
  int fd = lock_conn(p, connection)->fd;

  pthread_mutex_unlock(&p->lock);
  return fd;
}
