#include "fuzz/net.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiproxy/error.h"
#include "net/address.h"
#include "net/address_internal.h"

enum { FIRST_FD = 1000 };

/* ---- calls ---- */

static unsigned next_fault(net *n)
{
  n->calls++;
  FUZZ_CHECK(n->calls < NET_MOST_CALLS);
  n->now_us += n->tick;
  if (n->fault_at >= n->fault_count) {
    if ((n->flags & 1) == 0 || n->fault_count == 0)
      return 0;
    n->fault_at = 0;
  }
  return n->faults[n->fault_at++];
}

/* The errno of a fault, 0 if it is none of these. */
static int fault_error(unsigned fault)
{
  switch (fault % 8) {
  case FAULT_AGAIN:
    return EAGAIN;
  case FAULT_INTERRUPTED:
    return EINTR;
  case FAULT_BUFFERS:
    return fault & 8 ? ENOMEM : ENOBUFS;
  case FAULT_ERROR:
    return net_error(fault >> 3);
  default:
    return 0;
  }
}

static void progress(net *n)
{
  if (n->now_us - n->progress_at > n->longest_silence)
    n->longest_silence = n->now_us - n->progress_at;
  n->progress_at = n->now_us;
}

static net_socket *by_fd(const net *n, int fd)
{
  size_t i;

  for (i = n->socket_count; i-- > 0;)
    if (n->sockets[i]->fd == fd && n->sockets[i]->is_open)
      return n->sockets[i];
  return NULL;
}

/* Every call is for a socket that is open. */
static net_socket *use(const net *n, int fd)
{
  net_socket *socket = by_fd(n, fd);

  FUZZ_CHECK(socket != NULL);
  return socket;
}

static unsigned host_of(const fcgip__address *address)
{
  struct sockaddr_in in;

  if (address->storage.ss_family != AF_INET)
    return 0;
  memcpy(&in, &address->storage, sizeof(in));
  return ntohl(in.sin_addr.s_addr) & 0xff;
}

static int call_socket(void *context, const fcgip__address *address)
{
  net *n = context;
  unsigned fault = next_fault(n);
  net_socket *socket;
  int fd = FIRST_FD;

  if (fault % 8 == FAULT_ERROR || fault % 8 == FAULT_BUFFERS)
    return -fault_error(fault);
  while (by_fd(n, fd) != NULL)
    fd++;
  n->sockets = realloc(n->sockets, (n->socket_count + 1) * sizeof(*n->sockets));
  FUZZ_CHECK(n->sockets != NULL);
  socket = fuzz_alloc(sizeof(*socket));
  memset(socket, 0, sizeof(*socket));
  socket->fd = fd;
  socket->is_open = 1;
  socket->room = SIZE_MAX;
  socket->id = 1;
  socket->host = host_of(address);
  n->sockets[n->socket_count++] = socket;
  n->open_count++;
  net_assign_script(n, socket);
  progress(n);
  return fd;
}

static int connect_later(const net *n, net_socket *socket, uint64_t ms, int error)
{
  socket->is_connecting = 1;
  socket->connect_at = ms == UINT64_MAX ? UINT64_MAX : n->now_us + ms * 1000;
  socket->connect_error = error;
  return -EINPROGRESS;
}

static int call_connect(void *context, int fd, const fcgip__address *address)
{
  net *n = context;
  unsigned fault = next_fault(n);
  net_socket *socket = use(n, fd);
  unsigned way = socket->script_len >= 2 ? socket->script[0] % CONNECT_COUNT : CONNECT_OK;
  unsigned number = socket->script_len >= 2 ? socket->script[1] : 0;

  FUZZ_CHECK(!socket->is_connecting && !socket->is_connected && host_of(address) == socket->host);
  if (fault % 8 == FAULT_ERROR)
    return -fault_error(fault);
  if (fault % 8 == FAULT_INTERRUPTED) {
    connect_later(n, socket, number, 0);
    return -EINTR;
  }
  switch (way) {
  case CONNECT_LATER:
    return connect_later(n, socket, number, 0);
  case CONNECT_FAILS_LATER:
    return connect_later(n, socket, number / 16, net_error(number));
  case CONNECT_SILENT:
    return connect_later(n, socket, UINT64_MAX, 0);
  case CONNECT_FAILS:
    return -net_error(number);
  case CONNECT_BACKLOG:
    return -EAGAIN;
  default:
    socket->is_connected = 1;
    return 0;
  }
}

static int take_error(net_socket *socket)
{
  int error = socket->error;

  socket->error = 0;
  return error;
}

static int call_socket_error(void *context, int fd)
{
  unsigned fault = next_fault(context);
  net_socket *socket = use(context, fd);

  return fault % 8 == FAULT_ERROR ? -fault_error(fault) : -take_error(socket);
}

static int call_is_self_connected(void *context, int fd, const fcgip__address *address)
{
  (void)address;
  (void)use(context, fd);
  return next_fault(context) == 0xff;
}

static int call_unaccepted(void *context, int fd, const fcgip__address *address)
{
  (void)address;
  (void)use(context, fd);
  return next_fault(context) % 8 == FAULT_UNACCEPTED;
}

static int64_t call_send(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  net *n = context;
  unsigned fault = next_fault(n);
  net_socket *socket = use(n, fd);
  size_t most = socket->room, sum = 0, i;

  FUZZ_CHECK(iov_len > 0);
  net_serve(n, socket);
  if (socket->error != 0)
    return -take_error(socket);
  if (socket->is_connecting)
    return -EAGAIN;
  if (!socket->is_connected)
    return -ENOTCONN;
  if (fault_error(fault) != 0)
    return -fault_error(fault);
  if (socket->send_error != 0 || socket->recv_error != 0)
    return -(socket->send_error != 0 ? socket->send_error : EPIPE);
  if (fault % 8 == FAULT_SHORT && most > (fault >> 3) + 1)
    most = (fault >> 3) + 1;
  for (i = 0; i < iov_len; i++) {
    size_t part = iov[i].iov_len < most - sum ? iov[i].iov_len : most - sum;

    FUZZ_CHECK(iov[i].iov_len > 0);
    fuzz_put(&socket->sent, iov[i].iov_base, part);
    sum += part;
  }
  if (sum == 0)
    return -EAGAIN;
  if (socket->room != SIZE_MAX)
    socket->room -= sum;
  progress(n);
  net_read_sent(socket);
  net_serve(n, socket);
  return (int64_t)sum;
}

/* The client knows from now on that nothing more will come. */
static int64_t tell_end(const net *n, net_socket *socket, int error)
{
  if (socket->told_us == 0)
    socket->told_us = n->now_us;
  return -error;
}

/* What recv() says when there are no bytes. */
static int64_t nothing_there(net_socket *socket)
{
  if (socket->error != 0)
    return -take_error(socket);
  if (socket->recv_error != 0)
    return -socket->recv_error;
  return socket->has_ended ? 0 : -EAGAIN;
}

static int64_t call_recv(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  net *n = context;
  unsigned fault = next_fault(n);
  net_socket *socket = use(n, fd);
  size_t most, sum = 0, i;

  net_serve(n, socket);
  if (fault % 8 == FAULT_ERROR)
    return tell_end(n, socket, fault_error(fault));
  if (fault_error(fault) != 0)
    return -fault_error(fault);
  most = socket->inbox.len - socket->inbox_at;
  if (most == 0 && (socket->error != 0 || socket->recv_error != 0 || socket->has_ended))
    tell_end(n, socket, 0);
  if (most == 0)
    return nothing_there(socket);
  socket->received_us = n->now_us;
  if (fault % 8 == FAULT_SHORT && most > (fault >> 3) + 1)
    most = (fault >> 3) + 1;
  for (i = 0; i < iov_len && sum < most; i++) {
    size_t part = iov[i].iov_len < most - sum ? iov[i].iov_len : most - sum;

    memcpy(iov[i].iov_base, socket->inbox.data + socket->inbox_at, part);
    socket->inbox_at += part;
    sum += part;
  }
  progress(n);
  return (int64_t)sum;
}

static int64_t call_peek(void *context, int fd)
{
  unsigned fault = next_fault(context);
  net_socket *socket = use(context, fd);

  net_serve(context, socket);
  if (fault_error(fault) != 0)
    return -fault_error(fault);
  return socket->inbox_at < socket->inbox.len ? 1 : nothing_there(socket);
}

static int call_close(void *context, int fd)
{
  net *n = context;
  unsigned fault = next_fault(n);
  net_socket *socket = use(n, fd);

  FUZZ_CHECK(socket->watched == 0);
  socket->is_open = 0;
  n->open_count--;
  return -fault_error(fault);
}

static uint64_t call_now_us(void *context)
{
  const net *n = context;

  return n->now_us;
}

static int call_resolve(void *context, const char *host, uint16_t port, fcgip__address_list *list)
{
  static const char *const addresses[] = {"192.0.2.11", "192.0.2.12", "192.0.2.13"};
  const net *n = context;
  int i, rc;

  (void)host;
  for (i = 0; i < n->address_count; i++) {
    rc = fcgip__address_add_numeric(list, addresses[i % 3], port);
    if (rc < 0)
      return rc;
  }
  return n->address_count > 0 ? FCGIP_OK : FCGIP_ERESOLVE;
}

/* ---- waiting ---- */

static short revents_of(const net *n, const net_socket *socket, short events)
{
  short revents = 0;

  if (socket->is_connecting)
    return 0;
  if (socket->inbox_at < socket->inbox.len || socket->has_ended || socket->recv_error != 0 ||
      socket->error != 0)
    revents = (short)(revents | (events & POLLIN));
  if (socket->room > 0 || socket->send_error != 0 || socket->error != 0 || socket->recv_error != 0)
    revents = (short)(revents | (events & POLLOUT));
  if (!socket->is_connected || socket->recv_error != 0)
    revents = (short)(revents | POLLERR | POLLHUP);
  if (revents != 0 && (n->flags & 2))
    revents = (short)(revents | POLLHUP);
  return revents;
}

static int report(net *n, struct pollfd *fds, size_t count, unsigned fault)
{
  size_t i;
  int ready = 0;

  for (i = 0; i < count; i++) {
    const net_socket *socket = use(n, fds[i].fd);

    FUZZ_CHECK(fds[i].events != 0 && (fds[i].events & ~(POLLIN | POLLOUT)) == 0);
    fds[i].revents = revents_of(n, socket, fds[i].events);
    if (fault % 8 == FAULT_ERROR)
      fds[i].revents = (short)(fds[i].revents | (short)(fault >> 3));
    ready += fds[i].revents != 0;
  }
  return ready;
}

/* When anything happens by itself. */
static uint64_t next_event(net *n)
{
  uint64_t next = UINT64_MAX;
  size_t i;

  for (i = 0; i < n->socket_count; i++) {
    uint64_t at;

    if (!n->sockets[i]->is_open)
      continue;
    net_serve(n, n->sockets[i]);
    at = net_wakes_at(n->sockets[i]);
    if (at > n->now_us && at < next)
      next = at;
  }
  return next;
}

int net_poll(net *n, struct pollfd *fds, size_t count, int timeout_ms)
{
  unsigned fault = next_fault(n);
  uint64_t until = timeout_ms < 0 ? UINT64_MAX : n->now_us + (uint64_t)timeout_ms * 1000;
  int is_early = fault % 8 >= FAULT_AGAIN && fault % 8 <= FAULT_BUFFERS;

  if (is_early && until > n->now_us + 1000) /* something came in between */
    until = n->now_us + 1000;
  for (;;) {
    uint64_t next = next_event(n);
    int ready = is_early ? 0 : report(n, fds, count, fault);

    if (ready > 0)
      return ready;
    if (next >= until) {
      /* Else nobody would ever wake up. */
      FUZZ_CHECK(until != UINT64_MAX);
      n->now_us = until;
      (void)next_event(n);
      if (fault % 8 == FAULT_INTERRUPTED || fault % 8 == FAULT_BUFFERS)
        return -fault_error(fault);
      return is_early ? 0 : report(n, fds, count, fault);
    }
    n->now_us = next;
  }
}

static int call_poll(void *context, struct pollfd *fds, size_t count, int timeout_ms)
{
  return net_poll(context, fds, count, timeout_ms);
}

void net_advance(net *n, uint64_t us)
{
  uint64_t until = n->now_us + us, next;

  while ((next = next_event(n)) <= until)
    n->now_us = next;
  n->now_us = until;
  (void)next_event(n);
}

/* ---- the whole ---- */

void net_init(net *n, fuzz_input *in, uint64_t secret)
{
  static const fcgip__sys sys = {.socket_fn = call_socket,
                                 .connect_fn = call_connect,
                                 .unaccepted_fn = call_unaccepted,
                                 .socket_error_fn = call_socket_error,
                                 .is_self_connected_fn = call_is_self_connected,
                                 .send_fn = call_send,
                                 .recv_fn = call_recv,
                                 .peek_fn = call_peek,
                                 .close_fn = call_close,
                                 .poll_fn = call_poll,
                                 .now_us_fn = call_now_us,
                                 .resolve_fn = call_resolve};

  memset(n, 0, sizeof(*n));
  n->sys = sys;
  n->sys.context = n;
  n->now_us = n->progress_at = NET_START_US;
  n->secret = secret;
  n->flags = fuzz_u8(in);
  n->tick = 1U + fuzz_u8(in);
  if (n->flags & 1) /* time has to pass when every call fails */
    n->tick = 100 + n->tick * 2;
  n->faults = fuzz_short(in, &n->fault_count);
  n->scripts = in->at;
  n->scripts_len = in->left;
}

void net_deinit(net *n)
{
  size_t i;

  FUZZ_CHECK(n->open_count == 0);
  for (i = 0; i < n->socket_count; i++) {
    fuzz_buffer_free(&n->sockets[i]->inbox);
    fuzz_buffer_free(&n->sockets[i]->sent);
    free(n->sockets[i]);
  }
  free(n->sockets);
}

net_socket *net_last_used(const net *n)
{
  size_t i;

  for (i = n->socket_count; i-- > 0;)
    if (n->sockets[i]->sent.len > 0 || n->sockets[i]->inbox_at > 0)
      return n->sockets[i];
  return NULL;
}

size_t net_open_to(const net *n, unsigned host)
{
  size_t count = 0, i;

  for (i = 0; i < n->socket_count; i++)
    count += n->sockets[i]->is_open && n->sockets[i]->host == host;
  return count;
}

void net_watch(void *context, int fd, short events)
{
  net_socket *socket = use(context, fd);

  FUZZ_CHECK(socket->watched != events && (events & ~(POLLIN | POLLOUT)) == 0);
  socket->watched = events;
}

size_t net_watched(const net *n, struct pollfd *fds, size_t cap)
{
  size_t count = 0, i;

  for (i = 0; i < n->socket_count; i++) {
    if (!n->sockets[i]->is_open || n->sockets[i]->watched == 0)
      continue;
    if (count < cap) {
      fds[count].fd = n->sockets[i]->fd;
      fds[count].events = n->sockets[i]->watched;
      fds[count].revents = 0;
    }
    count++;
  }
  return count;
}

uint64_t net_slack_us(const net *n)
{
  return 3000 + UINT64_C(2500) * n->tick;
}
