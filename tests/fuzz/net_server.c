#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/net.h"

/* A server that has sent that much falls silent. */
#define MOST_INBOX 3000000

int net_error(unsigned which)
{
  static const int errors[] = {ECONNRESET, EPIPE,       ECONNREFUSED,  ETIMEDOUT,   EBADF,  EIO,
                               ENOTCONN,   ENETUNREACH, EADDRNOTAVAIL, EACCES,      EMFILE, ENFILE,
                               EINVAL,     EPERM,       ENOENT,        EHOSTUNREACH};

  return errors[which % (sizeof(errors) / sizeof(errors[0]))];
}

/* ---- scripts ---- */

static unsigned two_bytes(const uint8_t *at)
{
  return (unsigned)at[0] << 8 | at[1];
}

/* Of the operation at `at`, its byte included; what it lacks at the end is cut off. */
static size_t op_len(const uint8_t *script, size_t len, size_t at)
{
  static const uint8_t fixed[OP_COUNT] = {3, 5, 6, 2, 1, 3, 1, 2, 3, 2, 1, 1};
  unsigned op = script[at] % OP_COUNT;
  size_t n = fixed[op], left = len - at;

  if (n > left)
    return left;
  if (op == OP_SEND)
    n += two_bytes(script + at + 1);
  if (op == OP_RECORD)
    n += two_bytes(script + at + 2);
  return n < left ? n : left;
}

void net_assign_script(net *n, net_socket *socket)
{
  size_t at, start;

  if (n->script_at >= n->scripts_len)
    n->script_at = 0;
  start = n->script_at;
  at = n->scripts_len - start < 2 ? n->scripts_len : start + 2;
  while (at < n->scripts_len && n->scripts[at] % OP_COUNT != OP_NEXT)
    at += op_len(n->scripts, n->scripts_len, at);
  socket->script = n->scripts + start;
  socket->script_len = at - start;
  socket->at = 2;
  n->script_at = at < n->scripts_len ? at + 1 : 0;
}

/* ---- what the client has sent ---- */

void net_read_sent(net_socket *socket)
{
  wire_record record;

  while (wire_next(socket->sent.data, socket->sent.len, socket->parsed, &record) > 0 &&
         record.next <= socket->sent.len) {
    if (record.type == 1) {
      socket->id = record.id;
      socket->request_at = socket->parsed;
      socket->keeps = record.content_len == 8 && (record.content[2] & 1) != 0;
    }
    socket->requests += record.type == 5 && record.content_len == 0;
    socket->parsed = record.next;
  }
}

void net_tag_text(char out[25], uint64_t secret, const void *tag, size_t len)
{
  snprintf(out, 25, "answer: %016" PRIx64, fuzz_hash(tag, len) ^ secret);
}

static void answer(const net *n, net_socket *socket, unsigned padding)
{
  static const char header[] = "Content-Type: text/plain\r\nX-Answer: yes\r\n\r\n";
  wire_request request;
  const uint8_t *tag;
  char text[25];
  size_t len = 0;

  memset(&request, 0, sizeof(request));
  if (socket->sent.len > 0)
    wire_read_request(&request, socket->sent.data + socket->request_at,
                      socket->sent.len - socket->request_at);
  tag = wire_find(&request, "TAG", &len);
  if (tag != NULL)
    net_tag_text(text, n->secret, tag, len);
  else
    memcpy(text, "what was asked is unsaid", sizeof(text));
  wire_put_record(&socket->inbox, 6, socket->id, header, sizeof(header) - 1, 0);
  wire_put_record(&socket->inbox, 6, socket->id, text, sizeof(text) - 1, padding);
  wire_put_end(&socket->inbox, socket->id, 0, 0, padding);
  wire_request_free(&request);
}

/* ---- operations ---- */

static void put_big(net_socket *socket, const uint8_t *op)
{
  size_t len = two_bytes(op + 2);
  uint8_t *content = fuzz_alloc(len);

  memset(content, op[5], len);
  wire_put_record(&socket->inbox, op[1], socket->id, content, len, op[4]);
  free(content);
}

/* Only OP_ANSWER says "answer: ", so that an answer tells whose it is. */
static void put_plain(net_socket *socket, const uint8_t *bytes, size_t len)
{
  size_t from = socket->inbox.len;
  uint8_t *at;

  fuzz_put(&socket->inbox, bytes, len);
  while (len > 0 && (at = memmem(socket->inbox.data + from, len, "answer: ", 8)) != NULL)
    *at = 'A';
}

static void put_record(net_socket *socket, const uint8_t *op, size_t len)
{
  fuzz_buffer record = {0};

  wire_put_record(&record, op[1], socket->id, op + 5, len - 5, op[4]);
  put_plain(socket, record.data, record.len);
  fuzz_buffer_free(&record);
}

/* Those that send or change something at once. */
static void act(net *n, net_socket *socket, const uint8_t *op, size_t len)
{
  static const uint8_t lengths[OP_COUNT] = {3, 5, 6, 2, 0, 0, 1, 2, 3, 2, 0, 0};
  unsigned kind = op[0] % OP_COUNT;

  if (len < lengths[kind])
    return;
  switch (kind) {
  case OP_SEND:
    put_plain(socket, op + 3, len - 3);
    break;
  case OP_RECORD:
    put_record(socket, op, len);
    break;
  case OP_BIG:
    put_big(socket, op);
    break;
  case OP_ANSWER:
    answer(n, socket, op[1]);
    break;
  case OP_FIN:
    socket->has_ended = 1;
    break;
  case OP_RESET:
    socket->recv_error = net_error(op[1]);
    break;
  case OP_ROOM:
    socket->room = two_bytes(op + 1);
    break;
  case OP_SEND_ERROR:
    socket->send_error = net_error(op[1]);
    break;
  default:
    break;
  }
}

/* 1 if it goes on at once. */
static int step(net *n, net_socket *socket)
{
  const uint8_t *op = socket->script + socket->at;
  size_t len = op_len(socket->script, socket->script_len, socket->at);
  unsigned kind = op[0] % OP_COUNT;

  if (kind == OP_REQUEST || kind == OP_AGAIN) {
    if (socket->requests <= socket->waited)
      return 0;
    socket->waited += kind == OP_REQUEST;
  }
  socket->at += len;
  if (kind == OP_AGAIN) {
    socket->at = 2;
    /* Where nothing waits for the request, it was this that did. */
    socket->waited += socket->script[2] % OP_COUNT != OP_REQUEST;
  } else if (kind == OP_WAIT && len == 3) {
    socket->wake_at = n->now_us + two_bytes(op + 1) * UINT64_C(1000);
  } else {
    act(n, socket, op, len);
  }
  return 1;
}

void net_serve(net *n, net_socket *socket)
{
  int budget = 2000;

  if (socket->is_connecting && socket->connect_at <= n->now_us) {
    socket->is_connecting = 0;
    socket->is_connected = socket->connect_error == 0;
    socket->error = socket->connect_error;
    socket->wake_at = 0;
  }
  if (!socket->is_open || !socket->is_connected)
    return;
  while (budget-- > 0 && socket->at < socket->script_len && socket->wake_at <= n->now_us &&
         !socket->has_ended && socket->recv_error == 0 && socket->inbox.len < MOST_INBOX)
    if (!step(n, socket))
      return;
}

uint64_t net_wakes_at(const net_socket *socket)
{
  if (!socket->is_open)
    return UINT64_MAX;
  if (socket->is_connecting)
    return socket->connect_at;
  if (!socket->is_connected || socket->at >= socket->script_len || socket->wake_at == 0)
    return UINT64_MAX;
  return socket->wake_at;
}
