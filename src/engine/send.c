/* Bytes out. */
#include "engine/parts.h"
#include "fcgiproxy/error.h"

/* How much one connection may do before the others have their turn. */
#define SEND_ROUNDS 16

/* A usual request fits, and goes out with one send() from one piece. */
#define SCRATCH_LEN 2048u
#define IOVEC_COUNT 32u

#define SHORT_OF_BUFFERS_US 10000u

static void sent_all(fcgip__connection *connection)
{
  fcgip__exchange *exchange = connection->exchange;

  exchange->is_sent = 1;
  exchange->sent_us = connection->pool->engine->now_us;
  fcgip__pool_note_sent(connection->pool, exchange);
  fcgip__connection_become(connection, FCGIP__CONNECTION_RECEIVING);
  fcgip__exchange_arm(exchange);
}

/* The server takes no more. What it said before that still counts: it may have answered without reading on. */
static void send_failed(fcgip__connection *connection, int error_number)
{
  connection->send_error = error_number;
  connection->is_kept = 0;
  fcgip__connection_become(connection, FCGIP__CONNECTION_RECEIVING);
  fcgip__connection_receive(connection);
}

/* The first byte that the kernel takes is the proof of a connection: poll's word is not (a Unix socket that is not
 * connecting is "writable" too). */
static void connect_failed(fcgip__connection *connection, int64_t result)
{
  const fcgip__sys *sys = connection->pool->engine->sys;
  int pending = sys->socket_error_fn(sys->context, connection->fd);

  fcgip__connection_next_address(connection, fcgip__errno_of(pending < 0 ? pending : result));
}

/* What send() said. 1: go on with the next piece. */
static int on_sent(fcgip__connection *connection, int64_t n, uint64_t total)
{
  fcgip__engine *engine = connection->pool->engine;

  if (n >= 0) {
    if (connection->state == FCGIP__CONNECTION_CONNECTING)
      fcgip__connection_win(connection);
    connection->sent += (uint64_t)n;
    connection->pool->stats.bytes_sent += (uint64_t)n;
    fcgip__exchange_active(connection->exchange);
    if (connection->sent < total)
      return n > 0;
    sent_all(connection);
    return 0;
  }
  switch (fcgip__outcome_of_transfer(n)) {
  case FCGIP__OUTCOME_AGAIN:
    break;
  case FCGIP__OUTCOME_RESOURCE:
    if (connection->state == FCGIP__CONNECTION_SENDING) {
      connection->retry_us = engine->now_us + SHORT_OF_BUFFERS_US;
      fcgip__connection_touch(connection);
      break;
    }
    connect_failed(connection, n);
    break;
  case FCGIP__OUTCOME_STARTED:
  case FCGIP__OUTCOME_GONE:
  case FCGIP__OUTCOME_FAILED:
    if (connection->state == FCGIP__CONNECTION_CONNECTING)
      connect_failed(connection, n);
    else
      send_failed(connection, fcgip__errno_of(n));
    break;
  }
  return 0;
}

/* The content source was asked; its answer. 1 if there is something to send. */
static int on_read(fcgip__connection *connection, int rc, size_t n)
{
  fcgip__exchange *exchange = connection->exchange;

  if (connection->state == FCGIP__CONNECTION_CLOSED) /* the source has cancelled it */
    return 0;
  if (rc == FCGIP_EAGAIN) {
    exchange->is_starved = 1;
    fcgip__connection_touch(connection);
    return 0;
  }
  if (rc < 0) {
    fcgip__connection_fail_with(connection, rc, 0,
                                rc == FCGIP_EINVAL
                                    ? "the content source did not give as many bytes as announced"
                                    : "the content source failed");
    return 0;
  }
  exchange->window->have = n;
  return 1;
}

/* Has the next bytes of a content that is not in memory at hand. 1 if there is something to send. */
static int fill_window(fcgip__connection *connection, fcgip__encoded *encoded)
{
  fcgip__exchange *exchange = connection->exchange;
  fcgip__window *window = exchange->window;
  uint64_t at = fcgip__encoded_content_at(encoded, connection->sent);
  size_t n;
  int rc;

  if (window == NULL) {
    window = fcgip__mem_alloc(&connection->pool->engine->mem, sizeof(*window));
    if (window == NULL) {
      fcgip__connection_fail_with(connection, FCGIP_ENOMEM, 0, NULL);
      return 0;
    }
    window->start = 0;
    window->have = 0;
    exchange->window = window;
  }
  if (at < encoded->content_len && (at < window->start || at - window->start >= window->have)) {
    window->start = at;
    window->have = 0;
    rc = fcgip__content_read(exchange->snapshot->content, at, window->bytes, sizeof(window->bytes),
                             &n);
    if (!on_read(connection, rc, n))
      return 0;
  }
  encoded->content = window->bytes;
  encoded->content_start = window->start;
  encoded->content_have = window->have;
  return 1;
}

/* One send. 1 to go on. */
static int send_once(fcgip__connection *connection)
{
  const fcgip__sys *sys = connection->pool->engine->sys;
  fcgip__encoded encoded = connection->exchange->snapshot->encoded;
  struct iovec iov[IOVEC_COUNT];
  uint8_t scratch[SCRATCH_LEN];
  size_t count;

  if (fcgip__exchange_streams(connection->exchange) && !fill_window(connection, &encoded))
    return 0;
  count = fcgip__encode(&encoded, connection->wire_id, connection->is_kept, connection->sent,
                        scratch, sizeof(scratch), iov, IOVEC_COUNT);
  return on_sent(connection, sys->send_fn(sys->context, connection->fd, iov, count),
                 fcgip__encoded_len(&encoded));
}

void fcgip__connection_send(fcgip__connection *connection)
{
  int rounds = 0;

  while (rounds++ < SEND_ROUNDS && send_once(connection))
    ;
  if (connection->state == FCGIP__CONNECTION_SENDING)
    fcgip__exchange_arm(connection->exchange);
}
