#include "support/fake_net.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgiproxy/error.h"
#include "net/address_internal.h"

enum { FIRST_FD = 1000, MOST_POLLS = 2000000 };

static void give_up(const char *why)
{
  fprintf(stderr, "fake_net: %s\n", why);
  abort();
}

static void *grow(void *block, size_t count, size_t size)
{
  void *grown = reallocarray(block, count, size);

  if (grown == NULL)
    give_up("out of memory");
  return grown;
}

static void append(uint8_t **bytes, size_t *len, size_t *cap, const void *data, size_t n)
{
  if (n == 0)
    return;
  if (*len + n > *cap) {
    *cap = (*len + n) * 2;
    *bytes = grow(*bytes, *cap, 1);
  }
  memcpy(*bytes + *len, data, n);
  *len += n;
}

void fake_net_violate(fake_net *net, const char *rule)
{
  if (net->violation == NULL)
    net->violation = rule;
}

fake_socket *fake_net_by_fd(fake_net *net, int fd)
{
  size_t slot = (size_t)(fd - FIRST_FD);

  if (fd < FIRST_FD || slot >= net->slot_count || net->slots[slot] == 0)
    return NULL;
  return &net->sockets[net->slots[slot] - 1];
}

/* For the calls of the engine: a socket that is open, or a broken rule. */
static fake_socket *use(void *context, int fd)
{
  fake_socket *socket = fake_net_by_fd(context, fd);

  if (socket == NULL)
    fake_net_violate(context, "a call with a descriptor that is not open");
  return socket;
}

fake_socket *fake_net_socket(fake_net *net, size_t socket)
{
  if (socket >= net->socket_count)
    give_up("no socket with this number");
  return &net->sockets[socket];
}

/* ---- connecting ---- */

/* The lowest descriptor that is free, as the system does; it is the next socket's now. */
static int take_fd(fake_net *net)
{
  size_t slot = 0;

  while (slot < net->slot_count && net->slots[slot] != 0)
    slot++;
  if (slot == net->slot_count)
    net->slots = grow(net->slots, ++net->slot_count, sizeof(*net->slots));
  net->slots[slot] = net->socket_count + 1;
  return FIRST_FD + (int)slot;
}

static int fake_socket_fn(void *context, const fcgip__address *address)
{
  fake_net *net = context;
  fake_socket *socket;

  if (net->socket_error != 0)
    return -net->socket_error;
  net->sockets = grow(net->sockets, net->socket_count + 1, sizeof(*net->sockets));
  socket = &net->sockets[net->socket_count];
  memset(socket, 0, sizeof(*socket));
  socket->fd = take_fd(net);
  socket->is_open = 1;
  socket->room = SIZE_MAX;
  socket->opened_us = net->now_us;
  socket->is_unix = address->storage.ss_family == AF_UNIX;
  if (address->storage.ss_family == AF_INET) {
    struct sockaddr_in in;

    memcpy(&in, &address->storage, sizeof(in));
    socket->host = ntohl(in.sin_addr.s_addr) & 0xff;
  }
  net->socket_count++;
  net->open_count++;
  return socket->fd;
}

static fake_connect next_plan(fake_net *net)
{
  return net->plan_at < net->plan_count ? net->plans[net->plan_at++] : net->plan;
}

static void end_connect(fake_net *net, fake_socket *socket, int error)
{
  socket->is_connecting = 0;
  socket->is_connected = error == 0;
  socket->error = error;
  socket->connected_us = net->now_us;
}

static void add_event(fake_net *net, const fake_event *event)
{
  net->events = grow(net->events, net->event_count + 1, sizeof(*net->events));
  net->events[net->event_count++] = *event;
}

/* An event of its own kind: how a connect() ends. */
enum { CONNECTED = FAKE_CALL + 1 };

static int fake_connect_fn(void *context, int fd, const fcgip__address *address)
{
  fake_net *net = context;
  fake_socket *socket = use(net, fd);
  fake_connect plan = next_plan(net);

  (void)address;
  if (socket == NULL)
    return -EBADF;
  if (socket->is_connecting || socket->is_connected)
    fake_net_violate(net, "connect() of a socket that is connected or connecting");
  if (plan.result == 0)
    end_connect(net, socket, 0);
  if (plan.result == EINPROGRESS || plan.result == EINTR) {
    fake_event event = {0};

    socket->is_connecting = 1;
    event.at_us = plan.after_us == FAKE_NET_NEVER ? FAKE_NET_NEVER : net->now_us + plan.after_us;
    event.kind = (fake_kind)CONNECTED;
    event.socket = (size_t)(socket - net->sockets);
    event.value = plan.error;
    add_event(net, &event);
  }
  return -plan.result;
}

void fake_net_plan(fake_net *net, int result, uint64_t after_us, int error)
{
  fake_connect plan = {result, after_us, error};

  if (net->plan_count == sizeof(net->plans) / sizeof(net->plans[0]))
    give_up("too many plans");
  net->plans[net->plan_count++] = plan;
}

static int fake_socket_error_fn(void *context, int fd)
{
  fake_socket *socket = use(context, fd);
  int error;

  if (socket == NULL)
    return -EBADF;
  error = socket->error;
  socket->error = 0;
  return -error;
}

static int fake_is_self_connected_fn(void *context, int fd, const fcgip__address *address)
{
  const fake_net *net = context;

  (void)address;
  return use(context, fd) != NULL ? net->self_connected : -EBADF;
}

/* ---- transfer ---- */

/* Reads the records that came whole: which request is the last, and how many were complete. */
static void parse_sent(fake_socket *socket)
{
  for (;;) {
    const uint8_t *at = socket->sent + socket->parsed;
    size_t left = socket->sent_len - socket->parsed, len;

    if (left < 8)
      return;
    len = (size_t)at[4] << 8 | at[5];
    if (left < 8 + len + at[6])
      return;
    if (at[1] == 1) {
      socket->request_id = (unsigned)at[2] << 8 | at[3];
      socket->request_keeps = at[10];
    }
    socket->requests += at[1] == 5 && len == 0;
    socket->parsed += 8 + len + at[6];
  }
}

static int64_t fake_send_fn(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  fake_net *net = context;
  fake_socket *socket = use(net, fd);
  size_t total = 0, may, i, before;

  if (socket == NULL)
    return -EBADF;
  socket->sends++;
  if (socket->error != 0)
    return fake_socket_error_fn(net, fd);
  if (socket->is_connecting)
    return -EAGAIN;
  if (!socket->is_connected)
    return -ENOTCONN;
  if (socket->send_error != 0)
    return -socket->send_error;
  may = socket->room < net->send_most ? socket->room : net->send_most;
  before = socket->requests;
  for (i = 0; i < iov_len; i++) {
    size_t n = iov[i].iov_len < may - total ? iov[i].iov_len : may - total;

    append(&socket->sent, &socket->sent_len, &socket->sent_cap, iov[i].iov_base, n);
    total += n;
  }
  if (iov_len == 0 || (total == 0 && may > 0))
    fake_net_violate(net, "send() of nothing");
  if (socket->room != SIZE_MAX)
    socket->room -= total;
  parse_sent(socket);
  if (net->is_serving && socket->requests > before)
    fake_net_serve(net, (size_t)(socket - net->sockets));
  return may == 0 ? -EAGAIN : (int64_t)total;
}

static int64_t take_inbox(fake_net *net, fake_socket *socket, const struct iovec *iov,
                          size_t iov_len)
{
  size_t total = 0, i;

  for (i = 0; i < iov_len; i++) {
    size_t n = socket->inbox_len - socket->inbox_at;

    if (n > iov[i].iov_len)
      n = iov[i].iov_len;
    if (n > net->recv_most - total)
      n = net->recv_most - total;
    memcpy(iov[i].iov_base, socket->inbox + socket->inbox_at, n);
    socket->inbox_at += n;
    total += n;
  }
  return (int64_t)total;
}

/* What a socket without bytes to receive says. */
static int64_t nothing_to_receive(fake_socket *socket)
{
  int error = socket->error != 0 ? socket->error : socket->recv_error;

  socket->error = 0;
  if (error != 0)
    return -error;
  return socket->has_ended ? 0 : -EAGAIN;
}

static int64_t fake_recv_fn(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  fake_net *net = context;
  fake_socket *socket = use(net, fd);

  if (socket == NULL)
    return -EBADF;
  socket->receives++;
  if (socket->inbox_at < socket->inbox_len)
    return take_inbox(net, socket, iov, iov_len);
  return nothing_to_receive(socket);
}

static int64_t fake_peek_fn(void *context, int fd)
{
  fake_net *net = context;
  fake_socket *socket = use(net, fd);

  if (socket == NULL)
    return -EBADF;
  socket->peeks++;
  if (net->peek_error != 0)
    return -net->peek_error;
  return socket->inbox_at < socket->inbox_len ? 1 : nothing_to_receive(socket);
}

static int fake_close_fn(void *context, int fd)
{
  fake_net *net = context;
  fake_socket *socket = use(net, fd);

  if (socket == NULL)
    return -EBADF;
  if (socket->watched != 0)
    fake_net_violate(net, "closed before the watch function was told 0");
  net->slots[fd - FIRST_FD] = 0;
  socket->is_open = 0;
  socket->closed_us = net->now_us;
  net->open_count--;
  return 0;
}

/* ---- time ---- */

static void happen(fake_net *net, const fake_event *event)
{
  fake_socket *socket;

  if (event->kind == FAKE_CALL) {
    event->fn(event->context);
    return;
  }
  socket = fake_net_socket(net, event->socket);
  switch ((int)event->kind) {
  case FAKE_DATA:
    append(&socket->inbox, &socket->inbox_len, &socket->inbox_cap, event->data, event->len);
    break;
  case FAKE_FIN:
    socket->has_ended = 1;
    break;
  case FAKE_RECV_ERROR:
    socket->recv_error = event->value;
    break;
  case FAKE_SEND_ERROR:
    socket->send_error = event->value;
    break;
  case FAKE_ROOM:
    socket->room =
        socket->room == SIZE_MAX ? (size_t)event->value : socket->room + (size_t)event->value;
    break;
  case CONNECTED:
    if (socket->is_open)
      end_connect(net, socket, event->value);
    break;
  default:
    break;
  }
}

/* The event that is due first, and among equals the oldest; `count` if there is none. */
static size_t first_event(const fake_net *net)
{
  size_t first = net->event_count, i;

  for (i = 0; i < net->event_count; i++)
    if (net->events[i].at_us != FAKE_NET_NEVER &&
        (first == net->event_count || net->events[i].at_us < net->events[first].at_us))
      first = i;
  return first;
}

static void make_happen(fake_net *net)
{
  for (;;) {
    size_t first = first_event(net);
    fake_event event;

    if (first == net->event_count || net->events[first].at_us > net->now_us)
      return;
    event = net->events[first];
    memmove(&net->events[first], &net->events[first + 1],
            (net->event_count - first - 1) * sizeof(*net->events));
    net->event_count--;
    happen(net, &event);
    free(event.data);
  }
}

void fake_net_set_clock(fake_net *net, uint64_t at_us)
{
  net->now_us = at_us;
  make_happen(net);
}

void fake_net_advance(fake_net *net, uint64_t us)
{
  fake_net_set_clock(net, net->now_us + us);
}

void fake_net_at(fake_net *net, uint64_t at_us, fake_kind kind, size_t socket, int value)
{
  fake_event event = {.at_us = at_us, .kind = kind, .socket = socket, .value = value};

  add_event(net, &event);
  make_happen(net);
}

void fake_net_data_at(fake_net *net, uint64_t at_us, size_t socket, const void *data, size_t len)
{
  fake_event event = {.at_us = at_us, .kind = FAKE_DATA, .socket = socket, .len = len};

  event.data = grow(NULL, len > 0 ? len : 1, 1);
  memcpy(event.data, data, len);
  add_event(net, &event);
  make_happen(net);
}

void fake_net_call_at(fake_net *net, uint64_t at_us, void (*fn)(void *context), void *context)
{
  fake_event event = {.at_us = at_us, .kind = FAKE_CALL, .fn = fn, .context = context};

  add_event(net, &event);
  make_happen(net);
}

static uint64_t fake_now_us_fn(void *context)
{
  const fake_net *net = context;

  return net->now_us;
}

static short revents_of(const fake_net *net, const fake_socket *socket, short events)
{
  short revents = (short)(socket->extra | net->spurious);

  if (socket->is_connecting)
    return revents;
  if (socket->inbox_at < socket->inbox_len || socket->has_ended || socket->recv_error != 0 ||
      socket->error != 0)
    revents = (short)(revents | (events & POLLIN));
  if (socket->room > 0 || socket->send_error != 0 || socket->error != 0)
    revents = (short)(revents | (events & POLLOUT));
  if (socket->error != 0 || !socket->is_connected)
    revents = (short)(revents | POLLERR | POLLHUP);
  return revents;
}

static int ready(fake_net *net, struct pollfd *fds, size_t count)
{
  size_t i;
  int n = 0;

  for (i = 0; i < count; i++) {
    const fake_socket *socket = fake_net_by_fd(net, fds[i].fd);

    if (socket == NULL)
      fake_net_violate(net, "polled for a descriptor that is not open");
    fds[i].revents = socket != NULL ? revents_of(net, socket, fds[i].events) : POLLNVAL;
    n += fds[i].revents != 0;
  }
  return n;
}

int fake_net_poll(fake_net *net, struct pollfd *fds, size_t count, int timeout_ms)
{
  uint64_t until = timeout_ms < 0 ? FAKE_NET_NEVER : net->now_us + (uint64_t)timeout_ms * 1000u;

  net->last_timeout_ms = timeout_ms;
  if (++net->polls > MOST_POLLS)
    give_up("polled without end");
  if (net->poll_errors > 0) {
    net->poll_errors--;
    return -net->poll_error;
  }
  for (;;) {
    int n = ready(net, fds, count);
    size_t first = first_event(net);
    uint64_t next = first < net->event_count ? net->events[first].at_us : FAKE_NET_NEVER;

    if (n > 0)
      return n;
    if (next > until || next == FAKE_NET_NEVER) {
      if (until == FAKE_NET_NEVER)
        give_up("waits for what will never come");
      net->now_us = until;
      return 0;
    }
    fake_net_set_clock(net, next);
  }
}

static int fake_poll_fn(void *context, struct pollfd *fds, size_t count, int timeout_ms)
{
  return fake_net_poll(context, fds, count, timeout_ms);
}

/* ---- the rest ---- */

static int fake_resolve_fn(void *context, const char *host, uint16_t port,
                           fcgip__address_list *list)
{
  fake_net *net = context;
  const char *const *at = net->resolved;

  (void)host;
  net->resolves++;
  if (at == NULL || *at == NULL)
    return FCGIP_ERESOLVE;
  for (; *at != NULL; at++) {
    int rc = fcgip__address_add_numeric(list, *at, port);

    if (rc != 1)
      return rc < 0 ? rc : FCGIP_ERESOLVE;
  }
  return FCGIP_OK;
}

void fake_net_init(fake_net *net)
{
  memset(net, 0, sizeof(*net));
  net->now_us = FAKE_NET_START_US;
  net->send_most = SIZE_MAX;
  net->recv_most = SIZE_MAX;
  net->sys.context = net;
  net->sys.socket_fn = fake_socket_fn;
  net->sys.connect_fn = fake_connect_fn;
  net->sys.socket_error_fn = fake_socket_error_fn;
  net->sys.is_self_connected_fn = fake_is_self_connected_fn;
  net->sys.send_fn = fake_send_fn;
  net->sys.recv_fn = fake_recv_fn;
  net->sys.peek_fn = fake_peek_fn;
  net->sys.close_fn = fake_close_fn;
  net->sys.poll_fn = fake_poll_fn;
  net->sys.now_us_fn = fake_now_us_fn;
  net->sys.resolve_fn = fake_resolve_fn;
}

void fake_net_deinit(fake_net *net)
{
  size_t i;

  for (i = 0; i < net->socket_count; i++) {
    free(net->sockets[i].sent);
    free(net->sockets[i].inbox);
  }
  for (i = 0; i < net->event_count; i++)
    free(net->events[i].data);
  free(net->sockets);
  free(net->slots);
  free(net->events);
  memset(net, 0, sizeof(*net));
}
