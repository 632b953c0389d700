/* Connections: how bytes travel, how they begin and end. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "net/address_internal.h"
#include "support/sim_net.h"

#define PIECES_MAX 48u
#define SYN_AGAIN_US 1000000u
#define DATA_AGAIN_US 200000u
#define ARRIVES_FIN UINT64_C(1)
#define ARRIVES_UP UINT64_C(2)

static void *grown(void *array, size_t *cap, size_t count, size_t size)
{
  if (count < *cap)
    return array;
  *cap = *cap > 0 ? *cap * 2 : 32;
  array = realloc(array, *cap * size);
  if (array == NULL) {
    fputs("sim: no memory\n", stderr);
    exit(1);
  }
  memset((char *)array + count * size, 0, (*cap - count) * size);
  return array;
}

static void *made(size_t size)
{
  void *block = calloc(1, size);

  if (block == NULL) {
    fputs("sim: no memory\n", stderr);
    exit(1);
  }
  return block;
}

sim_conn *sim_conn_new(sim_net *net, sim_client *client, int family)
{
  sim_conn *conn;
  sim_flow up, down;

  net->conns = grown(net->conns, &net->conn_cap, net->conn_count, sizeof(*net->conns));
  /* Those of an earlier run are left behind the count, with their memory. */
  conn = net->conns[net->conn_count];
  if (conn == NULL)
    conn = net->conns[net->conn_count] = made(sizeof(*conn));
  up = conn->up;
  down = conn->down;
  memset(conn, 0, sizeof(*conn));
  conn->up.data = up.data;
  conn->up.alloc = up.alloc;
  conn->down.data = down.data;
  conn->down.alloc = down.alloc;
  conn->net = net;
  conn->client = client;
  conn->family = family;
  conn->fd = -1;
  conn->number = (unsigned)net->conn_count++;
  conn->opened_us = net->world->now_us;
  conn->ended_us = SIM_NEVER;
  return conn;
}

static void has_ended(sim_conn *conn)
{
  if (conn->ended_us == SIM_NEVER)
    conn->ended_us = conn->net->world->now_us;
}

static void arrived(void *context, uint64_t argument)
{
  sim_conn *conn = context;
  int is_up = (argument & ARRIVES_UP) != 0;
  sim_flow *flow = is_up ? &conn->up : &conn->down;
  size_t len = (size_t)(argument >> 2);

  if (!is_up && conn->state == SIM_CONN_RESET)
    return; /* what was under way is lost */
  if (argument & ARRIVES_FIN)
    flow->fin_ready = 1;
  if ((argument & ARRIVES_FIN) && !is_up)
    has_ended(conn);
  flow->ready += len < flow->len - flow->ready ? len : flow->len - flow->ready;
  if (is_up)
    sim_conn_kick(conn);
}

static void plan(sim_conn *conn, sim_flow *flow, size_t len, int is_fin)
{
  sim_world *world = conn->net->world;
  const sim_link *link = &conn->listener->link;
  uint64_t at = world->now_us + link->latency_us;
  uint64_t argument = (uint64_t)len << 2 | (is_fin ? ARRIVES_FIN : 0);

  if (flow == &conn->up)
    argument |= ARRIVES_UP;
  if (link->jitter_us > 0)
    at += sim_below(world, link->jitter_us);
  if (sim_chance(world, link->stall_per_mille))
    at += link->stall_us;
  if (at < flow->last_at)
    at = flow->last_at;
  flow->last_at = at;
  if (at <= world->now_us)
    arrived(conn, argument);
  else
    sim_after(world, at - world->now_us, arrived, conn, argument);
}

void sim_flow_add(sim_conn *conn, sim_flow *flow, const uint8_t *data, size_t len)
{
  const sim_link *link = &conn->listener->link;
  size_t most = link->piece, done = 0;

  if (flow->start + flow->len + len > flow->alloc) {
    if (flow->len > 0)
      memmove(flow->data, flow->data + flow->start, flow->len);
    flow->start = 0;
    while (flow->len + len > flow->alloc)
      flow->data = grown(flow->data, &flow->alloc, flow->alloc, 1);
  }
  memcpy(flow->data + flow->start + flow->len, data, len);
  flow->len += len;
  if (most > 0 && most < len / PIECES_MAX)
    most = len / PIECES_MAX;
  while (done < len && !(conn->in_limbo && flow == &conn->up)) {
    size_t n = most > 0 ? (size_t)sim_between(conn->net->world, 1, most) : len;

    n = n < len - done ? n : len - done;
    done += n;
    plan(conn, flow, n, 0);
  }
}

size_t sim_flow_peek(const sim_flow *flow, uint8_t *out, size_t cap)
{
  size_t n = flow->ready < cap ? flow->ready : cap;

  if (n > 0)
    memcpy(out, flow->data + flow->start, n);
  return n;
}

void sim_flow_skip(sim_flow *flow, size_t len)
{
  flow->start += len;
  flow->len -= len;
  flow->ready -= len;
  if (flow->len == 0)
    flow->start = 0;
}

void sim_flow_fin(sim_conn *conn, sim_flow *flow)
{
  if (flow->has_fin)
    return;
  flow->has_fin = 1;
  if (!conn->in_limbo)
    plan(conn, flow, 0, 1);
}

static void kick(void *context, uint64_t argument)
{
  sim_conn *conn = context;

  (void)argument;
  if (conn->on_change != NULL)
    conn->on_change(conn->worker);
}

void sim_conn_kick(sim_conn *conn)
{
  if (conn->on_change != NULL)
    sim_after(conn->net->world, 1, kick, conn, 0);
}

/* Listeners */

static sim_listener *listener_new(sim_net *net)
{
  sim_listener *listener = made(sizeof(*listener));

  net->listeners =
      grown(net->listeners, &net->listener_cap, net->listener_count, sizeof(*net->listeners));
  listener->net = net;
  listener->backlog = 128;
  listener->link.up_cap = listener->link.down_cap = 65536;
  listener->link.connect_us = 100;
  listener->number = (unsigned)net->listener_count;
  net->listeners[net->listener_count++] = listener;
  return listener;
}

sim_listener *sim_listen_unix(sim_net *net, const char *path)
{
  sim_listener *listener = listener_new(net);
  struct sockaddr_un *name = (struct sockaddr_un *)&listener->address;

  name->sun_family = AF_UNIX;
  snprintf(name->sun_path, sizeof(name->sun_path), "%s", path);
  return listener;
}

sim_listener *sim_listen_tcp(sim_net *net, const char *address, uint16_t port)
{
  sim_listener *listener = listener_new(net);
  struct sockaddr_in *v4 = (struct sockaddr_in *)&listener->address;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&listener->address;

  if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
  } else {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    inet_pton(AF_INET6, address, &v6->sin6_addr);
  }
  return listener;
}

static sim_listener *find_listener(const sim_net *net, const fcgip__address *address)
{
  size_t i;

  for (i = 0; i < net->listener_count; i++)
    if (memcmp(&net->listeners[i]->address, &address->storage, sizeof(address->storage)) == 0)
      return net->listeners[i];
  return NULL;
}

static int has_room(const sim_listener *listener)
{
  return listener->state == SIM_LISTENS && listener->queued <= listener->backlog;
}

static void open_conn(sim_conn *conn)
{
  sim_listener *listener = conn->listener;

  conn->state = SIM_CONN_OPEN;
  conn->in_backlog = 1;
  listener->queue =
      grown(listener->queue, &listener->queue_cap, listener->queued, sizeof(*listener->queue));
  listener->queue[listener->queued++] = conn;
  if (listener->on_queued != NULL)
    listener->on_queued(listener->server);
}

sim_conn *sim_accept(sim_listener *listener)
{
  sim_conn *conn;

  if (listener->queued == 0)
    return NULL;
  conn = listener->queue[0];
  listener->queued--;
  memmove(listener->queue, listener->queue + 1, listener->queued * sizeof(*listener->queue));
  conn->in_backlog = 0;
  conn->is_accepted = 1;
  return conn;
}

/* Packets of a connection that only seems to be one are sent again: they find room now, or are dropped. */
static void knock(void *context, uint64_t argument)
{
  sim_conn *conn = context;

  (void)argument;
  if (!conn->in_limbo || conn->client_closed)
    return;
  if (conn->listener->state != SIM_LISTENS && conn->listener->state != SIM_SILENT) {
    conn->in_limbo = 0;
    sim_conn_reset(conn);
  } else if (has_room(conn->listener)) {
    conn->in_limbo = 0;
    open_conn(conn);
    plan(conn, &conn->up, conn->up.len, conn->up.has_fin);
  } else {
    conn->again_us *= 2;
    sim_after(conn->net->world, conn->again_us, knock, conn, 0);
  }
}

static void enter_limbo(sim_conn *conn)
{
  conn->state = SIM_CONN_OPEN;
  conn->in_limbo = 1;
  conn->again_us = DATA_AGAIN_US;
  sim_after(conn->net->world, conn->again_us, knock, conn, 0);
}

static void handshake(void *context, uint64_t argument)
{
  sim_conn *conn = context;
  sim_listener *listener = conn->listener;

  (void)argument;
  if (conn->state != SIM_CONN_CONNECTING || conn->client_closed)
    return;
  if (listener->state == SIM_REFUSES || listener->state == SIM_ERRS) {
    conn->state = SIM_CONN_FAILED;
    conn->pending_error = listener->state == SIM_ERRS ? listener->error : ECONNREFUSED;
  } else if (listener->state == SIM_SELF) {
    conn->state = SIM_CONN_OPEN;
    conn->is_self = 1;
  } else if (has_room(listener)) {
    open_conn(conn);
  } else if (listener->link.seems_connected && listener->state == SIM_LISTENS) {
    enter_limbo(conn);
  } else {
    sim_after(conn->net->world, SYN_AGAIN_US, handshake, conn, 0);
  }
}

static int connect_unix(sim_conn *conn)
{
  sim_listener *listener = conn->listener;

  switch (listener->state) {
  case SIM_REFUSES:
  case SIM_SELF:
    return -ECONNREFUSED;
  case SIM_ERRS:
    return -listener->error;
  case SIM_SILENT:
    return -EAGAIN;
  case SIM_LISTENS:
    break;
  }
  if (!has_room(listener))
    return -EAGAIN;
  open_conn(conn);
  return 0;
}

int sim_connect(sim_conn *conn, const fcgip__address *address)
{
  sim_listener *listener = find_listener(conn->net, address);

  if (listener == NULL)
    return conn->family == AF_UNIX ? -ENOENT : -ENETUNREACH;
  conn->listener = listener;
  conn->up.cap = listener->link.up_cap;
  conn->down.cap = listener->link.down_cap;
  if (conn->family == AF_UNIX)
    return connect_unix(conn);
  conn->state = SIM_CONN_CONNECTING;
  if (listener->link.connects_at_once && has_room(listener)) {
    open_conn(conn);
    return 0;
  }
  if (listener->link.connect_us == 0)
    handshake(conn, 0);
  else
    sim_after(conn->net->world, listener->link.connect_us, handshake, conn, 0);
  return -EINPROGRESS;
}

/* The server's end */

size_t sim_conn_peek(sim_conn *conn, uint8_t *out, size_t cap)
{
  return sim_flow_peek(&conn->up, out, cap);
}

void sim_conn_skip(sim_conn *conn, size_t len)
{
  sim_flow_skip(&conn->up, len);
}

int sim_conn_has_ended(const sim_conn *conn)
{
  return conn->up.ready == 0 && (conn->up.fin_ready || conn->client_reset);
}

int sim_conn_is_gone(const sim_conn *conn)
{
  return conn->client_closed;
}

size_t sim_conn_write(sim_conn *conn, const uint8_t *data, size_t len)
{
  size_t room = conn->down.cap - conn->down.len;

  if (conn->client_closed || conn->state != SIM_CONN_OPEN)
    return len;
  if (len > room) {
    len = room;
    conn->down.is_wanted = 1;
  }
  if (len > 0)
    sim_flow_add(conn, &conn->down, data, len);
  return len;
}

/* A Unix socket's bytes are in the other's queue already, whatever the link. */
static void hurry(sim_conn *conn)
{
  if (conn->family == AF_UNIX)
    conn->down.ready = conn->down.len;
}

void sim_conn_shutdown(sim_conn *conn)
{
  hurry(conn);
  sim_flow_fin(conn, &conn->down);
  if (conn->family == AF_UNIX) {
    conn->down.fin_ready = 1;
    has_ended(conn);
  }
}

void sim_conn_break(sim_conn *conn)
{
  if (conn->state != SIM_CONN_OPEN && conn->state != SIM_CONN_CONNECTING)
    return;
  conn->state = SIM_CONN_RESET;
  has_ended(conn);
  /* In CLOSE_WAIT, that is after a FIN, it is a broken pipe (tcp_reset() of Linux). */
  conn->pending_error = conn->down.fin_ready && conn->family != AF_UNIX ? EPIPE : ECONNRESET;
  conn->down.len = conn->down.ready;
}

static void reset_arrives(void *context, uint64_t argument)
{
  (void)argument;
  sim_conn_break(context);
}

void sim_conn_reset(sim_conn *conn)
{
  uint32_t latency_us = conn->family == AF_UNIX ? 0 : conn->listener->link.latency_us;

  conn->server_closed = 1;
  conn->on_change = NULL;
  if (conn->client_closed)
    return;
  hurry(conn);
  if (latency_us == 0)
    sim_conn_break(conn);
  else
    sim_after(conn->net->world, latency_us, reset_arrives, conn, 0);
}

void sim_conn_close(sim_conn *conn)
{
  if (conn->up.len > 0 && !conn->client_closed) {
    sim_conn_reset(conn);
    return;
  }
  conn->server_closed = 1;
  conn->on_change = NULL;
  if (!conn->client_closed)
    sim_conn_shutdown(conn);
}

void sim_conn_abandon(sim_conn *conn)
{
  conn->client_closed = 1;
  if (conn->listener == NULL || conn->state == SIM_CONN_NEW)
    return;
  if (conn->down.len > 0 || conn->state == SIM_CONN_RESET)
    conn->client_reset = 1;
  if (!conn->server_closed)
    sim_flow_fin(conn, &conn->up);
  sim_conn_kick(conn);
}
