#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/peer_conn.h"

enum { BLOCKED = 0, MOVED = 1, STEP_DONE = 2 };

uint64_t peer_now_ms(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

peer_conn *peer_conn_new(int fd, int is_unix, const peer_script *script)
{
  peer_conn *conn = calloc(1, sizeof(*conn));

  if (conn == NULL)
    abort();
  conn->fd = fd;
  conn->is_unix = is_unix;
  conn->script = script;
  return conn;
}

void peer_conn_free(peer_conn *conn)
{
  if (conn->fd >= 0)
    close(conn->fd);
  free(conn->log);
  free(conn->patched);
  free(conn);
}

/* Takes one header; the stream is the client's: BEGIN_REQUEST 1, PARAMS 4, STDIN 5. */
static void reader_header(peer_reader *reader)
{
  const uint8_t *header = reader->header;
  size_t content = (size_t)header[4] << 8 | header[5];

  reader->have = 0;
  reader->skip = content + header[6];
  if (header[1] == 1) {
    reader->id = (uint16_t)(header[2] << 8 | header[3]);
    reader->begun++;
  } else if (header[1] == 4 && content == 0) {
    reader->params_ended++;
  } else if (header[1] == 5 && content == 0) {
    reader->ended++;
  }
}

/* Reads on; returns how many of the bytes it took: it stops behind the end of a request. */
static size_t reader_feed(peer_reader *reader, const uint8_t *data, size_t len)
{
  size_t ended = reader->ended, at = 0, n;

  while (at < len && (reader->ended == ended || reader->skip > 0)) {
    if (reader->skip > 0) {
      n = reader->skip < len - at ? reader->skip : len - at;
      reader->skip -= n;
      at += n;
      continue;
    }
    reader->header[reader->have++] = data[at++];
    if (reader->have == sizeof(reader->header))
      reader_header(reader);
  }
  return at;
}

static void keep(peer_conn *conn, const uint8_t *data, size_t len)
{
  conn->received += len;
  if (len > conn->log_max - conn->log_len)
    len = conn->log_max - conn->log_len;
  if (conn->log_len + len > conn->log_cap) {
    conn->log_cap = 2 * (conn->log_len + len);
    conn->log = realloc(conn->log, conn->log_cap);
    if (conn->log == NULL)
      abort();
  }
  if (len > 0)
    memcpy(conn->log + conn->log_len, data, len);
  conn->log_len += len;
}

static int gone(peer_conn *conn)
{
  conn->client_closed = 1;
  conn->is_done = 1;
  close(conn->fd);
  conn->fd = -1;
  return MOVED;
}

/* Reads what is there, at most `max`. A reader that must leave a byte looks before it takes. */
static int read_some(peer_conn *conn, size_t max)
{
  uint8_t buffer[65536];
  ssize_t n;
  size_t taken, at = 0;

  if (max > sizeof(buffer))
    max = sizeof(buffer);
  n = recv(conn->fd, buffer, max, MSG_DONTWAIT | (conn->leaves_one_unread ? MSG_PEEK : 0));
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return BLOCKED;
  if (n <= 0)
    return gone(conn);
  if (!conn->leaves_one_unread) {
    while (at < (size_t)n)
      at += reader_feed(&conn->reader, buffer + at, (size_t)n - at);
    keep(conn, buffer, (size_t)n);
    return MOVED;
  }
  at = conn->reader.ended;
  taken = reader_feed(&conn->reader, buffer, (size_t)n);
  keep(conn, buffer, taken);
  if (conn->reader.ended > at)
    taken--;
  if (taken > 0 && recv(conn->fd, buffer, taken, MSG_DONTWAIT) != (ssize_t)taken)
    abort();
  return MOVED;
}

static int read_until(peer_conn *conn, const size_t *count, size_t *taken)
{
  if (*count > *taken) {
    (*taken)++;
    return STEP_DONE;
  }
  return read_some(conn, SIZE_MAX);
}

static int read_bytes(peer_conn *conn, uint64_t count)
{
  uint64_t have = conn->received - conn->mark;

  if (have >= count)
    return STEP_DONE;
  return read_some(conn, (size_t)(count - have));
}

static int read_slowly(peer_conn *conn, const peer_step_spec *step)
{
  uint64_t now = peer_now_ms();

  if (conn->reader.ended > conn->requests_taken) {
    conn->requests_taken++;
    return STEP_DONE;
  }
  if (now < conn->due_ms)
    return BLOCKED;
  conn->due_ms = now + step->ms;
  return read_some(conn, (size_t)step->count);
}

/* Everything that was sent has been taken by the client (Unix), or has arrived there (TCP). */
static int is_drained(int fd)
{
  int unread = 0;

  return ioctl(fd, SIOCOUTQ, &unread) != 0 || unread == 0;
}

/* How much may go out before the next cut. */
static size_t until_cut(const peer_conn *conn, size_t len)
{
  uint64_t left;

  if (conn->every_byte)
    return len > 0 ? 1 : 0;
  if (conn->cut >= conn->cut_count)
    return len;
  left = conn->cuts[conn->cut] - conn->sent;
  return left < len ? (size_t)left : len;
}

static void count_sent(peer_conn *conn, size_t n)
{
  conn->sent += n;
  if (conn->every_byte)
    conn->await_drain = 1;
  while (conn->cut < conn->cut_count && conn->cuts[conn->cut] <= conn->sent) {
    conn->await_drain = 1;
    conn->cut++;
  }
}

/* Puts the client's id where the script has 1, what differs from 1 by something as far from it; 0 stays. */
static const uint8_t *with_ids(peer_conn *conn, const peer_step_spec *step)
{
  uint16_t id = conn->reader.id;
  size_t i;

  if (id <= 1 || step->id_count == 0)
    return step->data;
  if (conn->patched != NULL)
    return conn->patched;
  conn->patched = malloc(step->len);
  if (conn->patched == NULL)
    abort();
  memcpy(conn->patched, step->data, step->len);
  for (i = 0; i < step->id_count; i++) {
    uint8_t *at = conn->patched + step->ids[i];
    unsigned is = (unsigned)at[0] << 8 | at[1];

    if (is == 0)
      continue;
    is = (is - 1 + id) & 0xffff;
    at[0] = (uint8_t)(is >> 8);
    at[1] = (uint8_t)is;
  }
  return conn->patched;
}

static int send_data(peer_conn *conn, const peer_step_spec *step)
{
  size_t n = until_cut(conn, step->len - conn->sent_of_step);
  ssize_t sent;

  if (conn->sent_of_step == step->len)
    return STEP_DONE;
  sent = send(conn->fd, with_ids(conn, step) + conn->sent_of_step, n, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) {
    /* A client that sends and does not read: take its bytes meanwhile, unless they must stay. */
    return BLOCKED;
  }
  if (sent < 0)
    return gone(conn);
  conn->sent_of_step += (size_t)sent;
  count_sent(conn, (size_t)sent);
  return MOVED;
}

static int drip(peer_conn *conn, const peer_step_spec *step)
{
  uint64_t now = peer_now_ms();
  int moved;

  if (step->count > 0 && conn->mark >= step->count)
    return STEP_DONE;
  if (now < conn->due_ms)
    return BLOCKED;
  moved = send_data(conn, step);
  if (moved != STEP_DONE)
    return moved;
  conn->sent_of_step = 0;
  conn->mark++;
  conn->due_ms = now + step->ms;
  return step->ms > 0 ? MOVED : BLOCKED;
}

static int finish(peer_conn *conn, peer_op op)
{
  static const struct linger at_once = {1, 0};
  uint8_t buffer[4096];

  if (op == PEER_RST && !conn->is_unix)
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  while (op == PEER_FIN && recv(conn->fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
    continue;
  close(conn->fd);
  conn->fd = -1;
  conn->is_done = 1;
  return MOVED;
}

/* The reset of a Unix socket: what is read last must leave a byte for it. */
static int must_leave_one(const peer_conn *conn)
{
  const peer_step_spec *step;
  size_t i;

  for (i = conn->at + 1; conn->is_unix && conn->script != NULL && i < conn->script->count; i++) {
    step = &conn->script->steps[i];
    if (step->op == PEER_READ_REQUEST || step->op == PEER_READ_PARAMS)
      return 0;
    if (step->op == PEER_RST)
      return 1;
  }
  return 0;
}

static void enter(peer_conn *conn, const peer_step_spec *step)
{
  conn->leaves_one_unread = must_leave_one(conn);
  conn->entered = 1;
  conn->mark = step->op == PEER_DRIP ? 0 : conn->received;
  conn->due_ms = step->op == PEER_PAUSE ? peer_now_ms() + step->ms : 0;
  conn->sent_of_step = 0;
  free(conn->patched);
  conn->patched = NULL;
}

static int do_step(peer_conn *conn, const peer_step_spec *step)
{
  switch (step->op) {
  case PEER_READ_REQUEST:
    return read_until(conn, &conn->reader.ended, &conn->requests_taken);
  case PEER_READ_PARAMS:
    return read_until(conn, &conn->reader.params_ended, &conn->params_taken);
  case PEER_READ_BYTES:
    return read_bytes(conn, step->count);
  case PEER_READ_SLOWLY:
    return read_slowly(conn, step);
  case PEER_SEND:
    return send_data(conn, step);
  case PEER_DRIP:
    return drip(conn, step);
  case PEER_PAUSE:
    return peer_now_ms() >= conn->due_ms ? STEP_DONE : BLOCKED;
  case PEER_FIN:
    return finish(conn, PEER_FIN);
  case PEER_CLOSE:
    return finish(conn, PEER_CLOSE);
  case PEER_RST:
    return finish(conn, PEER_RST);
  case PEER_HALF:
    shutdown(conn->fd, SHUT_WR);
    return STEP_DONE;
  case PEER_DEAF:
    return BLOCKED;
  case PEER_AGAIN:
    conn->at = 0;
    conn->entered = 0;
    return MOVED;
  case PEER_HOLD:
    conn->is_done = 1;
    return read_some(conn, SIZE_MAX);
  }
  return BLOCKED;
}

static const peer_step_spec *step_at(const peer_conn *conn)
{
  static const peer_step_spec hold = {PEER_HOLD, 0, 0, NULL, 0, NULL, 0};

  return conn->script != NULL && conn->at < conn->script->count ? &conn->script->steps[conn->at]
                                                                : &hold;
}

int peer_conn_step(peer_conn *conn)
{
  int moved = 0, rc, rounds;

  for (rounds = 0; conn->fd >= 0 && rounds < 64; rounds++) {
    const peer_step_spec *step = step_at(conn);

    if (conn->await_drain && step->op != PEER_HOLD) {
      if (!is_drained(conn->fd))
        break;
      conn->await_drain = 0;
    }
    if (!conn->entered)
      enter(conn, step);
    rc = do_step(conn, step);
    if (rc == BLOCKED)
      break;
    moved = 1;
    if (rc == STEP_DONE) {
      conn->at++;
      conn->entered = 0;
    }
  }
  return moved;
}

uint64_t peer_conn_due_ms(const peer_conn *conn)
{
  return conn->fd >= 0 && conn->entered && conn->due_ms > 0 ? conn->due_ms : UINT64_MAX;
}

short peer_conn_events(const peer_conn *conn)
{
  if (conn->fd < 0 || (conn->await_drain && step_at(conn)->op != PEER_HOLD))
    return 0;
  switch (step_at(conn)->op) {
  case PEER_READ_REQUEST:
  case PEER_READ_PARAMS:
  case PEER_READ_BYTES:
  case PEER_HOLD:
    return POLLIN;
  case PEER_SEND:
    return POLLOUT;
  case PEER_DRIP:
    return step_at(conn)->ms == 0 ? POLLOUT : 0;
  case PEER_READ_SLOWLY:
  case PEER_PAUSE:
  case PEER_FIN:
  case PEER_CLOSE:
  case PEER_RST:
  case PEER_HALF:
  case PEER_DEAF:
  case PEER_AGAIN:
    return 0;
  }
  return 0;
}
