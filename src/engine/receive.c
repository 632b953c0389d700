/* Bytes in. */
#include "base/rare.h"
#include "engine/parts.h"
#include "fastcgi/record.h"
#include "fcgiproxy/error.h"

/* How much one connection may do before the others have their turn. */
#define RECEIVE_ROUNDS 4
#define DRAIN_ROUNDS 1024

/* The rest of a record from here on is received straight into the response. */
#define DIRECT_MIN 8192u
#define DIRECT_REST 4096u

/* 1 to go on. The connection may be closed by the callback, its memory is not gone yet. */
FCGIP__RARE static int pass_through(fcgip__connection *connection, enum fcgip__event_type type,
                                    const uint8_t *data, size_t len)
{
  const fcgip__exchange *exchange = connection->exchange;
  const fcgip__snapshot *snapshot = exchange->snapshot;
  int is_output = type == FCGIP__EVENT_STDOUT;
  size_t i;

  for (i = 0; i < snapshot->callback_count; i++) {
    const fcgip__callback *callback = snapshot->callbacks[i];
    const void *nothing = "";
    int verdict;

    if (callback->kind != FCGIP__CALLBACK_PASS_THROUGH)
      continue;
    verdict = callback->pass_through_fn(exchange->by_id.key, is_output ? data : nothing,
                                        is_output ? len : 0, is_output ? nothing : data,
                                        is_output ? 0 : len, callback->user_data);
    fcgip__engine_read_clock(connection->pool->engine);
    if (connection->state == FCGIP__CONNECTION_CLOSED)
      return 0;
    /* The time that the callback took is not the server's: there may be more to read by now. */
    fcgip__exchange_active(connection->exchange);
    if (verdict != 0) {
      fcgip__connection_fail_with(connection, FCGIP_ECANCELED, 0,
                                  "a pass-through callback said so");
      return 0;
    }
  }
  return 1;
}

/* A piece of STDOUT or STDERR was stored with this result. 1 to go on. */
static int on_content(fcgip__connection *connection, enum fcgip__event_type type,
                      const uint8_t *data, size_t len, int rc)
{
  connection->exchange->has_answer = 1;
  fcgip__list_remove(&connection->exchange->unanswered);
  fcgip__backlog_has_room(connection->exchange);
  fcgip__exchange_active(connection->exchange);
  if (rc < 0) {
    fcgip__connection_fail_with(connection, rc, 0, connection->exchange->response->why);
    return 0;
  }
  return !connection->exchange->snapshot->passes_through ||
         pass_through(connection, type, data, len);
}

static int refusal(uint8_t protocol_status)
{
  switch ((enum fcgip__protocol_status)protocol_status) {
  case FCGIP__REQUEST_COMPLETE:
    return FCGIP_OK;
  case FCGIP__CANT_MPX_CONN:
    return FCGIP_ECANTMPX;
  case FCGIP__OVERLOADED:
    return FCGIP_EOVERLOADED;
  case FCGIP__UNKNOWN_ROLE:
    return FCGIP_EROLE;
  }
  return FCGIP_EREFUSED;
}

/* What follows END_REQUEST must be its padding and nothing else, if the connection is to be kept. */
static int is_clean(fcgip__connection *connection, const uint8_t *data, size_t len)
{
  fcgip__event event;

  if (len > fcgip__decoder_padding_left(&connection->decoder))
    return 0;
  if (len == 0)
    return 1;
  return fcgip__decoder_next(&connection->decoder, &data, &len, &event) == FCGIP_OK;
}

static void on_end(fcgip__connection *connection, const fcgip__event *event, const uint8_t *rest,
                   size_t rest_len)
{
  fcgip__exchange *exchange = connection->exchange;
  fcgip_response *response = exchange->response;
  int rc = refusal(event->protocol_status);

  response->app_status = event->app_status;
  if (rc < 0) {
    fcgip__failure failure = {.error = rc,
                              .protocol_status = rc == FCGIP_EREFUSED ? event->protocol_status : 0};

    fcgip__connection_fail(connection, &failure);
    return;
  }
  rc = fcgip__response_check(response, exchange->snapshot->is_head);
  if (rc < 0) {
    fcgip__connection_fail_with(connection, rc, 0, response->why);
    return;
  }
  if (!exchange->is_sent || !is_clean(connection, rest, rest_len))
    connection->is_kept = 0;
  connection->exchange = NULL;
  exchange->connection = NULL;
  fcgip__pool_give_back(connection->pool, connection);
  fcgip__exchange_succeed(exchange);
}

FCGIP__RARE static void protocol_failed(fcgip__connection *connection)
{
  const fcgip__sys *sys = connection->pool->engine->sys;
  const fcgip__address_list *addresses = fcgip__endpoint_addresses(connection->pool->endpoint);
  const fcgip__address *address = fcgip__address_list_at(addresses, connection->address);

  /* Our own BEGIN_REQUEST has come back: TCP has connected the socket to itself, as nobody listens. */
  if (connection->decoder.fault == FCGIP__FAULT_TYPE &&
      connection->decoder.type == FCGIP__BEGIN_REQUEST &&
      !fcgip__response_has_bytes(connection->exchange->response) && address != NULL &&
      sys->is_self_connected_fn(sys->context, connection->fd, address) > 0) {
    fcgip__connection_fail_with(connection, FCGIP_ECONNECT, fcgip__errno_refused(), NULL);
    return;
  }
  fcgip__connection_fail_with(connection, FCGIP_EPROTO, 0,
                              fcgip__decoder_fault_text(&connection->decoder));
}

/* A short answer that has come whole. 1 if it was one: the exchange is over, then. */
static int take_whole(fcgip__connection *connection, const uint8_t *data, size_t len)
{
  fcgip__event output, end;
  size_t n = fcgip__decoder_take_whole(&connection->decoder, data, len, &output, &end);
  int rc;

  if (n == 0)
    return 0;
  rc = fcgip__response_add_output(connection->exchange->response, &connection->pool->limits,
                                  output.data, output.len);
  if (on_content(connection, FCGIP__EVENT_STDOUT, output.data, output.len, rc))
    on_end(connection, &end, data + n, len - n);
  return 1;
}

/* Received bytes become events. 1 while the exchange goes on. */
static int decode(fcgip__connection *connection, const uint8_t *data, size_t len)
{
  const fcgip__response_limits *limits = &connection->pool->limits;
  fcgip_response *response = connection->exchange->response;
  fcgip__event event;
  int rc;

  for (;;) {
    if (fcgip__decoder_next(&connection->decoder, &data, &len, &event) < 0) {
      protocol_failed(connection);
      return 0;
    }
    switch (event.type) {
    case FCGIP__EVENT_MORE:
      return 1;
    case FCGIP__EVENT_STDOUT:
      rc = fcgip__response_add_output(response, limits, event.data, event.len);
      if (!on_content(connection, event.type, event.data, event.len, rc))
        return 0;
      break;
    case FCGIP__EVENT_STDERR:
      rc = fcgip__response_add_stderr(response, limits, event.data, event.len);
      if (!on_content(connection, event.type, event.data, event.len, rc))
        return 0;
      break;
    case FCGIP__EVENT_END:
      on_end(connection, &event, data, len);
      return 0;
    }
  }
}

/* The connection has ended, or reading has failed, before END_REQUEST. */
FCGIP__RARE static void receive_failed(fcgip__connection *connection, int error_number)
{
  const char *detail = connection->has_received ? "closed before END_REQUEST"
                                                : "closed before any byte of a response";

  if (connection->send_error != 0)
    fcgip__connection_fail_with(connection, FCGIP_EWRITE, connection->send_error, NULL);
  else
    fcgip__connection_fail_with(connection, FCGIP_EREAD, error_number, detail);
}

/* Where to receive to: behind the output, as far as the record goes, and the buffer; or just the buffer. */
static size_t place(fcgip__connection *connection, struct iovec *iov, size_t *direct)
{
  fcgip__engine *engine = connection->pool->engine;
  fcgip__buffer *output = &connection->exchange->response->output;
  size_t left = fcgip__decoder_output_left(&connection->decoder);

  iov[0].iov_base = engine->receive_buffer;
  iov[0].iov_len = FCGIP__RECEIVE_LEN;
  *direct = 0;
  if (left < DIRECT_MIN || !connection->exchange->response->keeps_body ||
      fcgip__buffer_reserve(output, left) < 0)
    return 1;
  *direct = left;
  iov[1] = iov[0];
  iov[1].iov_len = DIRECT_REST;
  iov[0].iov_base = output->data + output->len;
  iov[0].iov_len = left;
  return 2;
}

/* `len` bytes of STDOUT are already behind the output. 1 to go on. */
static int take_direct(fcgip__connection *connection, size_t len)
{
  fcgip_response *response = connection->exchange->response;
  const uint8_t *data = response->output.data + response->output.len;

  fcgip__decoder_advance(&connection->decoder, len);
  return on_content(connection, FCGIP__EVENT_STDOUT, data, len,
                    fcgip__response_grow_output(response, &connection->pool->limits, len));
}

/* One recv. 1 if there may be more to be had at once. */
static int receive_once(fcgip__connection *connection)
{
  fcgip__engine *engine = connection->pool->engine;
  size_t direct, asked, got;
  size_t count = place(connection, engine->iov, &direct);
  int64_t n = engine->sys->recv_fn(engine->sys->context, connection->fd, engine->iov, count);

  if (n <= 0) {
    /* Nothing to be had: bad news only if there is nothing to wait for either. */
    if (n == 0 || connection->send_error != 0 ||
        fcgip__outcome_of_transfer(n) == FCGIP__OUTCOME_GONE ||
        fcgip__outcome_of_transfer(n) == FCGIP__OUTCOME_FAILED)
      receive_failed(connection, fcgip__errno_of(n));
    return 0;
  }
  connection->has_received = 1;
  connection->pool->stats.bytes_received += (uint64_t)n;
  got = (size_t)n;
  asked = count == 2 ? direct + DIRECT_REST : FCGIP__RECEIVE_LEN;
  if (direct > 0) {
    size_t in_place = got < direct ? got : direct;

    if (!take_direct(connection, in_place))
      return 0;
    if (!decode(connection, engine->receive_buffer, got - in_place))
      return 0;
  } else if (take_whole(connection, engine->receive_buffer, got) ||
             !decode(connection, engine->receive_buffer, got)) {
    return 0;
  }
  /* After a failed send the end is to be found now. */
  return !connection->exchange->is_paused && (got == asked || connection->send_error != 0);
}

void fcgip__connection_receive(fcgip__connection *connection)
{
  int rounds;

  for (rounds = 0; rounds < (connection->send_error != 0 ? DRAIN_ROUNDS : RECEIVE_ROUNDS); rounds++)
    if (!receive_once(connection))
      return;
}

void fcgip__connection_receive_idle(fcgip__connection *connection)
{
  fcgip__engine *engine = connection->pool->engine;
  struct iovec iov = {.iov_base = engine->receive_buffer, .iov_len = FCGIP__RECEIVE_LEN};
  int64_t n = engine->sys->recv_fn(engine->sys->context, connection->fd, &iov, 1);

  if (n < 0 && (fcgip__outcome_of_transfer(n) == FCGIP__OUTCOME_AGAIN ||
                fcgip__outcome_of_transfer(n) == FCGIP__OUTCOME_RESOURCE))
    return;
  /* The rest of the padding is what it may send; anything else belongs to no request. */
  if (n <= 0 || fcgip__decoder_is_idle(&connection->decoder) ||
      !is_clean(connection, engine->receive_buffer, (size_t)n))
    fcgip__connection_close(connection);
}
