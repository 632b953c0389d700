/* Bytes out. */
#include "base/rare.h"
#include "engine/parts.h"
#include "fcgiproxy/error.h"

/* How much one connection may do before the others have their turn. */
#define SEND_ROUNDS 16

#define SCRATCH_LEN FCGIP__SMALL_MAX
#define IOVEC_COUNT 32u

#define SHORT_OF_BUFFERS_US 10000u

static void sent_all(fcgip__connection *connection)
{
  fcgip__exchange *exchange = connection->exchange;

  exchange->is_sent = 1;
  exchange->sent_us = connection->pool->engine->now_us;
  fcgip__pool_note_sent(connection->pool, exchange);
  if (!connection->is_reused)
    fcgip__backlog_note_sent(exchange);
  fcgip__connection_become(connection, FCGIP__CONNECTION_RECEIVING);
  fcgip__exchange_arm(exchange);
}

/* The server takes no more. What it said before that still counts: it may have answered without reading on. */
FCGIP__RARE static void send_failed(fcgip__connection *connection, int error_number)
{
  connection->send_error = error_number;
  connection->is_kept = 0;
  fcgip__connection_become(connection, FCGIP__CONNECTION_RECEIVING);
  if (!connection->exchange->is_paused) /* otherwise when that ends */
    fcgip__connection_receive(connection);
}

/* Why connecting failed: what is pending on the socket says more than what send() makes of it. */
FCGIP__RARE static int connect_error(const fcgip__connection *connection, int64_t result)
{
  const fcgip__sys *sys = connection->pool->engine->sys;
  int pending = sys->socket_error_fn(sys->context, connection->fd);

  return fcgip__errno_of(pending < 0 ? pending : result);
}

static int took(fcgip__connection *connection, uint64_t n)
{
  if (connection->state == FCGIP__CONNECTION_CONNECTING)
    fcgip__connection_win(connection);
  connection->sent += n;
  connection->pool->stats.bytes_sent += n;
  fcgip__exchange_active(connection->exchange);
  if (connection->sent < connection->exchange->snapshot->stream_len)
    return n > 0;
  sent_all(connection);
  return 0;
}

FCGIP__RARE static void short_of_buffers(fcgip__connection *connection)
{
  connection->retry_us = fcgip__later(connection->pool->engine->now_us, SHORT_OF_BUFFERS_US);
  fcgip__connection_touch(connection);
  fcgip__exchange_arm(connection->exchange);
}

/* What send() said. 1: go on with the next piece; 0: not now; negative: the errno of a connection that could not be
 * made. The first byte that the kernel takes is the proof of a connection: poll's word is not (a Unix socket that is
 * not connecting is "writable" too). */
static int on_sent(fcgip__connection *connection, int64_t n)
{
  if (n >= 0)
    return took(connection, (uint64_t)n);
  if (fcgip__outcome_of_transfer(n) == FCGIP__OUTCOME_AGAIN)
    return 0;
  if (fcgip__outcome_of_transfer(n) == FCGIP__OUTCOME_RESOURCE)
    short_of_buffers(connection);
  else if (connection->state == FCGIP__CONNECTION_CONNECTING)
    return -connect_error(connection, n);
  else
    send_failed(connection, fcgip__errno_of(n));
  return 0;
}

/* The content source was asked; its answer. 1 if the request goes on. With nothing for now there may still be headers
 * to send. */
static int on_read(fcgip__connection *connection, int rc)
{
  fcgip__engine_read_clock(connection->pool->engine);
  if (connection->state == FCGIP__CONNECTION_CLOSED) /* the source has cancelled it */
    return 0;
  /* The time that the source took is not the server's. */
  fcgip__exchange_active(connection->exchange);
  if (rc == FCGIP_OK || rc == FCGIP_EAGAIN)
    return 1;
  fcgip__connection_fail_with(connection, rc, 0,
                              rc == FCGIP_EINVAL
                                  ? "the content source did not give as many bytes as announced"
                                  : "the content source failed");
  return 0;
}

/* Reads the content at `at` into the window. 1 if the request goes on. */
static int read_window(fcgip__connection *connection, fcgip__window *window, uint64_t at)
{
  const fcgip__content *content = connection->exchange->snapshot->content;
  size_t n;
  int rc = fcgip__content_read(content, at, window->bytes, sizeof(window->bytes), &n);

  if (!on_read(connection, rc))
    return 0;
  window->start = at;
  window->have = rc == FCGIP_OK ? n : 0;
  if (rc == FCGIP_OK && content->len - at == n)
    return on_read(connection, fcgip__content_check_end(content));
  return 1;
}

static fcgip__window *window_new(fcgip__connection *connection)
{
  fcgip__window *window = fcgip__mem_alloc(&connection->pool->engine->mem, sizeof(*window));

  if (window == NULL) {
    fcgip__connection_fail_with(connection, FCGIP_ENOMEM, 0, NULL);
    return NULL;
  }
  window->start = 0;
  window->have = 0;
  return window;
}

/* Has the next bytes of a content that is not in memory at hand. 1 if there is something to send. */
FCGIP__RARE static int fill_window(fcgip__connection *connection, fcgip__encoded *encoded)
{
  fcgip__exchange *exchange = connection->exchange;
  fcgip__window *window = exchange->window != NULL ? exchange->window : window_new(connection);
  uint64_t at = fcgip__encoded_content_at(encoded, connection->sent);

  if (window == NULL)
    return 0;
  /* The source may end the request, and goes on writing to the window all the same. */
  exchange->window = NULL;
  if (at < encoded->content_len && (at < window->start || at - window->start >= window->have) &&
      !read_window(connection, window, at)) {
    fcgip__mem_free(&connection->pool->engine->mem, window);
    return 0;
  }
  exchange->window = window;
  encoded->content = window->bytes;
  encoded->content_start = window->start;
  encoded->content_have = window->have;
  return 1;
}

/* A usual request goes out with one send() from one piece. */
static int64_t send_small(fcgip__connection *connection)
{
  fcgip__engine *engine = connection->pool->engine;

  engine->iov[0].iov_base = engine->send_buffer;
  engine->iov[0].iov_len =
      fcgip__encode_small(&connection->exchange->snapshot->encoded, connection->wire_id,
                          connection->is_kept, engine->send_buffer);
  return engine->sys->send_fn(engine->sys->context, connection->fd, engine->iov, 1);
}

/* As much as one call takes of the rest. 0 if there is nothing to send for now, or any more; 1: *n is what send() said. */
FCGIP__RARE static int send_rest(fcgip__connection *connection, int64_t *n)
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
  if (count == 0) {
    connection->exchange->is_starved = 1;
    fcgip__connection_touch(connection);
    return 0;
  }
  *n = sys->send_fn(sys->context, connection->fd, iov, count);
  return 1;
}

/* One send. Results as of on_sent(). */
static int send_once(fcgip__connection *connection)
{
  int64_t n;

  if (connection->sent == 0 && connection->exchange->snapshot->is_small)
    n = send_small(connection);
  else if (!send_rest(connection, &n))
    return 0;
  return on_sent(connection, n);
}

int fcgip__connection_send(fcgip__connection *connection)
{
  int rounds = 0, rc = 1;

  while (rc > 0 && rounds++ < SEND_ROUNDS)
    rc = send_once(connection);
  if (connection->state == FCGIP__CONNECTION_SENDING) {
    fcgip__connection_touch(connection);
    fcgip__exchange_arm(connection->exchange);
  }
  return rc < 0 ? -rc : 0;
}
