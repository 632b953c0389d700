/* The table of system calls over the simulated network. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiproxy/error.h"
#include "net/address_internal.h"
#include "support/sim_net.h"

#define HOUR_US UINT64_C(3600000000)

const char *sim_call_name(enum sim_call call)
{
  static const char *const names[SIM_CALLS] = {"socket", "connect", "unaccepted", "so_error",
                                               "self",   "send",    "recv",       "peek",
                                               "close",  "poll",    "now",        "resolve"};

  return names[call];
}

/* What every call begins with. */
static sim_verdict begin(sim_client *client, enum sim_call call, int fd)
{
  sim_net *net = client->net;
  sim_verdict verdict = {0};

  net->calls[call]++;
  sim_tick(net->world);
  if (client->is_gone && call != SIM_NOW && call != SIM_RESOLVE)
    sim_fail(net->world, "%s() after the proxy was freed", sim_call_name(call));
  if (net->judge != NULL)
    net->judge(net->judge_data, client, call, fd, &verdict);
  return verdict;
}

/* And ends with. */
static int64_t done(sim_client *client, enum sim_call call, int fd, int64_t result)
{
  sim_note(client->net->world, sim_call_name(call), client->number, fd, result);
  return result;
}

static sim_conn *conn_of(sim_client *client, enum sim_call call, int fd)
{
  sim_net *net = client->net;

  if (fd < 0 || fd >= SIM_FDS || net->fds[fd] == NULL || net->fds[fd]->client != client) {
    sim_fail(net->world, "%s(%d): not an open descriptor of this proxy", sim_call_name(call), fd);
    return NULL;
  }
  return net->fds[fd];
}

static int sys_socket(void *context, const fcgip__address *address)
{
  sim_client *client = context;
  sim_net *net = client->net;
  sim_verdict verdict = begin(client, SIM_SOCKET, -1);
  int fd = net->first_fd;

  if (verdict.error == 0 && net->open >= net->max_open)
    verdict.error = EMFILE;
  if (verdict.error != 0)
    return (int)done(client, SIM_SOCKET, -1, -verdict.error);
  while (fd < SIM_FDS && net->fds[fd] != NULL)
    fd++;
  if (fd == SIM_FDS)
    sim_fatal(net->world, "too many sockets");
  net->fds[fd] = sim_conn_new(net, client, address->storage.ss_family);
  net->fds[fd]->fd = fd;
  if (fd >= net->top_fd)
    net->top_fd = fd + 1;
  net->open++;
  client->open++;
  return (int)done(client, SIM_SOCKET, fd, fd);
}

static int sys_connect(void *context, int fd, const fcgip__address *address)
{
  sim_client *client = context;
  sim_verdict verdict = begin(client, SIM_CONNECT, fd);
  sim_conn *conn = conn_of(client, SIM_CONNECT, fd);
  int result;

  if (conn == NULL)
    return -EBADF;
  if (conn->state != SIM_CONN_NEW)
    sim_fail(client->net->world, "connect() again on descriptor %d", fd);
  /* Interrupted, it goes on by itself. */
  if (verdict.error != 0 && verdict.error != EINTR && verdict.error != EALREADY)
    return (int)done(client, SIM_CONNECT, fd, -verdict.error);
  result = sim_connect(conn, address);
  if (client->net->on_connect != NULL)
    client->net->on_connect(client->net->carry_data, conn);
  if (verdict.error != 0 && (result == 0 || result == -EINPROGRESS))
    result = -verdict.error;
  return (int)done(client, SIM_CONNECT, fd, result);
}

static int take_error(sim_conn *conn)
{
  int error = conn->pending_error;

  conn->pending_error = 0;
  return error;
}

static int sys_unaccepted(void *context, int fd, const fcgip__address *address)
{
  sim_client *client = context;
  sim_verdict verdict = begin(client, SIM_UNACCEPTED, fd);
  sim_conn *conn = conn_of(client, SIM_UNACCEPTED, fd);

  (void)address;
  if (conn == NULL)
    return 0;
  /* The real one has no error to return: what cannot be told is 0. */
  return (int)done(client, SIM_UNACCEPTED, fd,
                   verdict.error == 0 && conn->in_limbo && conn->up.len > 0);
}

static int sys_socket_error(void *context, int fd)
{
  sim_client *client = context;
  sim_verdict verdict = begin(client, SIM_SOCKET_ERROR, fd);
  sim_conn *conn = conn_of(client, SIM_SOCKET_ERROR, fd);

  if (conn == NULL)
    return -EBADF;
  return (int)done(client, SIM_SOCKET_ERROR, fd,
                   -(verdict.error != 0 ? verdict.error : take_error(conn)));
}

static int sys_is_self_connected(void *context, int fd, const fcgip__address *address)
{
  sim_client *client = context;
  sim_verdict verdict = begin(client, SIM_SELF_CONNECTED, fd);
  sim_conn *conn = conn_of(client, SIM_SELF_CONNECTED, fd);

  (void)address;
  if (conn == NULL)
    return -EBADF;
  return (int)done(client, SIM_SELF_CONNECTED, fd,
                   verdict.error != 0 ? -verdict.error : conn->is_self);
}

/* An error that stays: nothing goes either way any more. */
static int is_final(int error)
{
  return error == ECONNRESET || error == EPIPE || error == ETIMEDOUT;
}

static void fake_break(sim_conn *conn, int error)
{
  if (!is_final(error) || conn->state != SIM_CONN_OPEN)
    return;
  sim_conn_break(conn);
  conn->pending_error = 0;
  conn->up.len = conn->up.ready;
  conn->client_reset = 1;
  sim_conn_kick(conn);
}

/* Why nothing can be sent: an errno, 0 if something can. */
static int send_hindrance(sim_conn *conn)
{
  switch (conn->state) {
  case SIM_CONN_NEW:
    return conn->family == AF_UNIX ? ENOTCONN : EPIPE;
  case SIM_CONN_CONNECTING:
    return EAGAIN;
  case SIM_CONN_FAILED:
  case SIM_CONN_RESET:
    return conn->pending_error != 0 && conn->family != AF_UNIX ? take_error(conn) : EPIPE;
  case SIM_CONN_OPEN:
    break;
  }
  if (conn->server_closed && conn->family == AF_UNIX)
    return EPIPE;
  return conn->up.len < conn->up.cap ? 0 : EAGAIN;
}

static void reset_comes_back(void *context, uint64_t argument)
{
  (void)argument;
  sim_conn_break(context);
}

static size_t put(sim_conn *conn, const struct iovec *iov, size_t iov_len, size_t most)
{
  size_t i, sent = 0;

  for (i = 0; i < iov_len && sent < most; i++) {
    size_t n = iov[i].iov_len < most - sent ? iov[i].iov_len : most - sent;

    if (n == 0)
      continue;
    sim_carry_sent(conn, iov[i].iov_base, n);
    if (conn->is_self)
      sim_flow_add(conn, &conn->down, iov[i].iov_base, n);
    else if (!conn->server_closed)
      sim_flow_add(conn, &conn->up, iov[i].iov_base, n);
    sent += n;
  }
  /* TCP takes what nobody will read, and is told afterwards. */
  if (conn->server_closed && sent > 0)
    sim_after(conn->net->world, conn->listener->link.latency_us + 1, reset_comes_back, conn, 0);
  return sent;
}

static int64_t sys_send(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  sim_client *client = context;
  sim_verdict verdict = begin(client, SIM_SEND, fd);
  sim_conn *conn = conn_of(client, SIM_SEND, fd);
  size_t most, room;
  int error = verdict.error;

  if (conn == NULL)
    return -EBADF;
  if (conn->state != SIM_CONN_CONNECTING && conn->state != SIM_CONN_FAILED)
    sim_carry_begin(conn);
  /* Buffers are asked for by a connected socket only. */
  if (error == 0 || ((error == ENOBUFS || error == ENOMEM) && conn->state != SIM_CONN_OPEN))
    error = send_hindrance(conn);
  else
    fake_break(conn, error);
  if (error != 0) {
    if (conn->carry != NULL && error != EAGAIN && error != EINTR && error != ENOBUFS &&
        error != ENOMEM)
      conn->carry->send_error = error;
    return done(client, SIM_SEND, fd, -error);
  }
  if (iov_len == 0)
    sim_fail(client->net->world, "send() of nothing on descriptor %d", fd);
  room = conn->up.cap - conn->up.len;
  most = verdict.most > 0 && verdict.most < room ? verdict.most : room;
  return done(client, SIM_SEND, fd, (int64_t)put(conn, iov, iov_len, most));
}

/* Why nothing can be received: an errno; -1: the end; 0 if something can. */
static int recv_hindrance(sim_conn *conn)
{
  if (conn->down.ready > 0)
    return 0;
  if (conn->state == SIM_CONN_NEW)
    return conn->family == AF_UNIX ? EINVAL : ENOTCONN;
  if (conn->pending_error != 0)
    return take_error(conn);
  if (conn->state == SIM_CONN_RESET || conn->state == SIM_CONN_FAILED)
    return -1;
  return conn->down.fin_ready && conn->down.len == 0 ? -1 : EAGAIN;
}

static size_t get(sim_conn *conn, const struct iovec *iov, size_t iov_len, size_t most)
{
  size_t i, got = 0;

  for (i = 0; i < iov_len && got < most; i++) {
    size_t n = iov[i].iov_len < most - got ? iov[i].iov_len : most - got;

    n = sim_flow_peek(&conn->down, iov[i].iov_base, n);
    if (n == 0)
      break;
    sim_flow_skip(&conn->down, n);
    sim_carry_received(conn, iov[i].iov_base, n);
    if (conn->net->world->plant == SIM_FLIPPED)
      ((uint8_t *)iov[i].iov_base)[n / 2] ^= 1;
    got += n;
  }
  if (conn->down.is_wanted && !conn->server_closed) {
    conn->down.is_wanted = 0;
    sim_conn_kick(conn);
  }
  return got;
}

static int64_t recv_failed(sim_client *client, sim_conn *conn, int fd, int error)
{
  sim_carry *carry = conn->carry;

  if (carry != NULL && error < 0)
    carry->saw_end = 1;
  if (carry != NULL && error > 0 && error != EAGAIN && error != EINTR && error != ENOBUFS &&
      error != ENOMEM)
    carry->recv_error = error;
  return done(client, SIM_RECV, fd, error < 0 ? 0 : -error);
}

static int64_t sys_recv(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  sim_client *client = context;
  sim_verdict verdict = begin(client, SIM_RECV, fd);
  sim_conn *conn = conn_of(client, SIM_RECV, fd);
  int error = verdict.error;

  if (conn == NULL)
    return -EBADF;
  if (client->net->world->plant != SIM_BLIND) {
    conn->overlooked = 0;
    conn->looked_us = client->net->world->now_us;
  }
  if (error == 0)
    error = recv_hindrance(conn);
  else
    fake_break(conn, error);
  if (error != 0)
    return recv_failed(client, conn, fd, error);
  return done(client, SIM_RECV, fd,
              (int64_t)get(conn, iov, iov_len, verdict.most > 0 ? verdict.most : SIZE_MAX));
}

static int64_t sys_peek(void *context, int fd)
{
  sim_client *client = context;
  sim_verdict verdict = begin(client, SIM_PEEK, fd);
  sim_conn *conn = conn_of(client, SIM_PEEK, fd);
  int error = verdict.error;

  if (conn == NULL)
    return -EBADF;
  if (error == 0)
    error = recv_hindrance(conn);
  if (error != 0)
    return done(client, SIM_PEEK, fd, error < 0 ? 0 : -error);
  return done(client, SIM_PEEK, fd, 1);
}

static int sys_close(void *context, int fd)
{
  sim_client *client = context;
  sim_verdict verdict = begin(client, SIM_CLOSE, fd);
  sim_conn *conn = conn_of(client, SIM_CLOSE, fd);

  if (conn == NULL)
    return -EBADF;
  if (client->net->world->plant == SIM_LEAKS)
    return 0;
  if (client->net->watched[fd] != 0)
    sim_fail(client->net->world, "descriptor %d is closed, and the watcher was not told", fd);
  client->net->watched[fd] = 0;
  client->net->fds[fd] = NULL;
  client->net->open--;
  client->open--;
  conn->fd = -1;
  conn->unread = conn->down.ready;
  if (conn->looked_us < client->polled_us)
    conn->looked_us = client->polled_us;
  sim_conn_abandon(conn);
  /* Closed, whatever it says. */
  return (int)done(client, SIM_CLOSE, fd, -verdict.error);
}

static short events_of(const sim_conn *conn)
{
  int in = 0, out = 0, other = 0;

  switch (conn->state) {
  case SIM_CONN_NEW:
    return POLLOUT | POLLHUP;
  case SIM_CONN_CONNECTING:
    return 0;
  case SIM_CONN_FAILED:
  case SIM_CONN_RESET:
    other = POLLHUP | (conn->pending_error != 0 ? POLLERR : 0);
    return (short)(POLLIN | POLLOUT | other);
  case SIM_CONN_OPEN:
    break;
  }
  if (conn->down.ready > 0 || (conn->down.fin_ready && conn->down.len == 0))
    in = POLLIN;
  if (conn->up.len < conn->up.cap || (conn->server_closed && conn->family == AF_UNIX))
    out = POLLOUT;
  if (conn->family == AF_UNIX && conn->server_closed)
    other = POLLHUP;
  return (short)(in | out | other);
}

static int look(sim_client *client, struct pollfd *fds, size_t count)
{
  const sim_net *net = client->net;
  int ready = 0;
  size_t i;

  for (i = 0; i < count; i++) {
    const sim_conn *conn = fds[i].fd >= 0 && fds[i].fd < SIM_FDS ? net->fds[fds[i].fd] : NULL;

    fds[i].revents = 0;
    if (fds[i].fd < 0)
      continue;
    if (conn == NULL)
      fds[i].revents = POLLNVAL;
    else
      fds[i].revents = (short)(events_of(conn) & (fds[i].events | POLLERR | POLLHUP));
    ready += fds[i].revents != 0;
  }
  return ready;
}

static int add_event(sim_client *client, struct pollfd *fds, size_t count, short added)
{
  size_t i = count > 0 ? (size_t)sim_below(client->net->world, count) : 0;
  int was = count > 0 && fds[i].revents != 0;

  if (count == 0 || fds[i].fd < 0)
    return 0;
  fds[i].revents = (short)(fds[i].revents | added);
  return !was;
}

static int wait_for(sim_client *client, struct pollfd *fds, size_t count, int timeout_ms)
{
  sim_world *world = client->net->world;
  uint64_t deadline =
      timeout_ms < 0 ? SIM_NEVER : world->now_us + (uint64_t)(unsigned)timeout_ms * 1000u;
  uint64_t hour = world->now_us + HOUR_US;
  int ready;

  while ((ready = look(client, fds, count)) == 0 && world->now_us < deadline) {
    uint64_t next = sim_next(world);

    if (next == SIM_NEVER && deadline == SIM_NEVER)
      sim_fatal(world, "poll() without a limit, and nothing will ever happen");
    if (deadline == SIM_NEVER && next > hour)
      sim_fatal(world, "poll() without a limit, and for an hour nothing has happened");
    if (next > deadline)
      sim_pass(world, deadline - world->now_us);
    else
      sim_step(world);
  }
  return ready;
}

/* A look at idle connections, beside the way of things: no timer follows it. */
static int is_look(const sim_client *client, const struct pollfd *fds, size_t count, int timeout_ms)
{
  size_t i;

  for (i = 0; i < count; i++) {
    const sim_conn *conn =
        fds[i].fd >= 0 && fds[i].fd < SIM_FDS ? client->net->fds[fds[i].fd] : NULL;

    if (conn == NULL || conn->carry == NULL || !conn->carry->answer.has_ended)
      return 0;
  }
  return timeout_ms == 0 && count > 0;
}

int sim_poll(sim_client *client, struct pollfd *fds, size_t count, int timeout_ms)
{
  sim_world *world = client->net->world;
  sim_verdict verdict = begin(client, SIM_POLL, (int)count);
  int ready, looks = is_look(client, fds, count, timeout_ms);

  if (timeout_ms < -1)
    sim_fail(world, "poll() for %d ms", timeout_ms);
  if (timeout_ms > 0 && world->plant == SIM_LATE)
    timeout_ms += 40;
  if (world->plant == SIM_SPINS)
    timeout_ms = 0;
  if (verdict.is_early || verdict.error == EINTR)
    timeout_ms = timeout_ms == 0 ? 0 : (int)sim_below(world, 3);
  if (verdict.error != 0) {
    if (timeout_ms > 0)
      sim_pass(world, (uint64_t)(unsigned)timeout_ms * 500u);
    client->polled_us = looks ? client->polled_us : world->now_us;
    return (int)done(client, SIM_POLL, (int)count, -verdict.error);
  }
  ready = verdict.added != 0 ? look(client, fds, count) : wait_for(client, fds, count, timeout_ms);
  if (verdict.added != 0)
    ready += add_event(client, fds, count, verdict.added);
  if (verdict.is_missed)
    for (ready = 0; count > 0; count--)
      fds[count - 1].revents = 0;
  client->polled_us = looks ? client->polled_us : world->now_us;
  return (int)done(client, SIM_POLL, (int)count, ready);
}

static int sys_poll(void *context, struct pollfd *fds, size_t count, int timeout_ms)
{
  sim_client *client = context;
  size_t i;

  for (i = 0; i < count; i++)
    if (conn_of(client, SIM_POLL, fds[i].fd) == NULL || fds[i].events == 0)
      sim_fail(client->net->world, "poll() for descriptor %d, events %d", fds[i].fd, fds[i].events);
  return sim_poll(client, fds, count, timeout_ms);
}

static uint64_t sys_now_us(void *context)
{
  sim_client *client = context;
  sim_verdict verdict = begin(client, SIM_NOW, -1);

  if (verdict.error != 0)
    return 0; /* clock_gettime() failed */
  if (!verdict.is_frozen)
    client->frozen_us = client->net->world->now_us;
  if (client->net->world->plant == SIM_EARLY)
    return client->frozen_us + (client->frozen_us - SIM_START_US) / 20;
  return client->frozen_us;
}

static int sys_resolve(void *context, const char *host, uint16_t port, fcgip__address_list *list)
{
  sim_client *client = context;
  sim_verdict verdict = begin(client, SIM_RESOLVE, -1);

  if (verdict.error == ENOMEM)
    return FCGIP_ENOMEM;
  if (verdict.error != 0 || client->net->resolve == NULL)
    return FCGIP_ERESOLVE;
  return client->net->resolve(client->net->resolve_data, host, port, list);
}

void sim_client_init(sim_client *client, sim_net *net, unsigned number)
{
  const fcgip__sys sys = {
      .context = client,
      .socket_fn = sys_socket,
      .connect_fn = sys_connect,
      .unaccepted_fn = sys_unaccepted,
      .socket_error_fn = sys_socket_error,
      .is_self_connected_fn = sys_is_self_connected,
      .send_fn = sys_send,
      .recv_fn = sys_recv,
      .peek_fn = sys_peek,
      .close_fn = sys_close,
      .poll_fn = sys_poll,
      .now_us_fn = sys_now_us,
      .resolve_fn = sys_resolve,
  };

  memset(client, 0, sizeof(*client));
  client->net = net;
  client->sys = sys;
  client->frozen_us = net->world->now_us;
  client->number = number;
}
