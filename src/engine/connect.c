/* Getting a connection: patience with a full backlog, and with many addresses the race of RFC 8305: one that has not
 * answered after a while gets the next one as its rival, and the first to take a byte of the request wins. */
#include "engine/parts.h"
#include "fcgiproxy/error.h"

#define BACKOFF_FIRST_MS 1u
#define BACKOFF_MAX_MS 50u

/* RFC 8305 section 5: "Connection Attempt Delay". */
#define ATTEMPT_DELAY_US 250000u

static const fcgip__address_list *addresses_of(const fcgip__exchange *exchange)
{
  return fcgip__endpoint_addresses(exchange->pool->endpoint);
}

static int has_more_addresses(const fcgip__exchange *exchange)
{
  return exchange->next_address < fcgip__address_list_count(addresses_of(exchange));
}

/* 1, 2, 4 ... 50 ms, less up to a half, so that many clients do not come back at once. */
static uint64_t backoff_us(fcgip__connection *connection)
{
  uint64_t ms = BACKOFF_MAX_MS;

  if (connection->backoffs < 6)
    ms = (uint64_t)BACKOFF_FIRST_MS << connection->backoffs;
  connection->backoffs++;
  return ms * 500u + fcgip__random_below(&connection->pool->engine->random, ms * 500u + 1);
}

static void back_off(fcgip__connection *connection)
{
  fcgip__connection_close_fd(connection);
  connection->retry_us = fcgip__later(connection->pool->engine->now_us, backoff_us(connection));
  fcgip__connection_become(connection, FCGIP__CONNECTION_BACKOFF);
  fcgip__backlog_is_full(connection->exchange);
  fcgip__exchange_arm(connection->exchange);
}

static void wait_for_connect(fcgip__connection *connection)
{
  fcgip__exchange *exchange = connection->exchange;

  exchange->attempt_us = FCGIP__NEVER;
  if (has_more_addresses(exchange))
    exchange->attempt_us = fcgip__later(connection->pool->engine->now_us, ATTEMPT_DELAY_US);
  fcgip__connection_become(connection, FCGIP__CONNECTION_CONNECTING);
  fcgip__exchange_arm(exchange);
}

/* Within one machine a connection is made by the time connect() returns, though it does not say so: the request goes
 * out now. If it does not, the first packet was dropped, as the backlog is full. 1, or 0 if it failed after all. */
static int send_over_loopback(fcgip__connection *connection, const fcgip__address *address,
                              int *error_number)
{
  fcgip__exchange *exchange = connection->exchange;
  int rc;

  if (!fcgip__address_is_loopback(address))
    return 1;
  rc = fcgip__connection_send(connection);
  if (rc != 0) {
    *error_number = rc;
    fcgip__connection_close_fd(connection);
    fcgip__connection_become(connection, FCGIP__CONNECTION_NEW);
    return 0;
  }
  if (connection->state == FCGIP__CONNECTION_CONNECTING)
    fcgip__backlog_is_full(exchange);
  return 1;
}

/* 1 if the connection is under way or made, 0 if the next address is to be tried, with the reason. */
static int try_address(fcgip__connection *connection, size_t index, int *error_number)
{
  const fcgip__sys *sys = connection->pool->engine->sys;
  const fcgip__address *address = fcgip__address_list_at(addresses_of(connection->exchange), index);
  int fd = sys->socket_fn(sys->context, address);
  int rc;

  if (fd < 0) {
    *error_number = fcgip__errno_of(fd);
    return 0;
  }
  connection->address = index;
  fcgip__connection_open_fd(connection, fd);
  rc = sys->connect_fn(sys->context, fd, address);
  if (rc >= 0) {
    fcgip__connection_win(connection);
    (void)fcgip__connection_send(connection);
    return 1;
  }
  if (fcgip__connect_backlog_is_full(rc, address)) {
    back_off(connection);
    return 1;
  }
  if (fcgip__outcome_of_connect(rc) == FCGIP__OUTCOME_STARTED) {
    wait_for_connect(connection);
    return send_over_loopback(connection, address, error_number);
  }
  *error_number = fcgip__errno_of(rc);
  fcgip__connection_close_fd(connection);
  return 0;
}

/* No address is left for this connection. Others may still be under way. */
static void give_up(fcgip__connection *connection, int error_number)
{
  fcgip__exchange *exchange = connection->exchange;
  fcgip__failure failure = {.error = FCGIP_ECONNECT, .error_number = error_number};

  if (fcgip__list_first(&exchange->rivals) == NULL)
    fcgip__exchange_fail(exchange, &failure);
  else
    fcgip__connection_close(connection);
}

static void try_addresses(fcgip__connection *connection, int error_number)
{
  fcgip__exchange *exchange = connection->exchange;

  while (has_more_addresses(exchange)) {
    size_t index = exchange->next_address++;

    if (try_address(connection, index, &error_number))
      return;
    fcgip__exchange_note_address(exchange, index, error_number);
  }
  give_up(connection, error_number);
}

void fcgip__connection_connect(fcgip__connection *connection)
{
  fcgip__failure failure = {.error = FCGIP_ERESOLVE};

  connection->exchange->next_address = 0;
  fcgip__list_add_last(&connection->pool->connecting, &connection->exchange->connecting);
  if (!has_more_addresses(connection->exchange))
    fcgip__exchange_fail(connection->exchange, &failure);
  else
    try_addresses(connection, 0);
}

void fcgip__connection_win(fcgip__connection *connection)
{
  fcgip__exchange *exchange = connection->exchange;
  fcgip__node *node;

  if (exchange->connection != connection) {
    /* They change places, and the loser is closed with the others. */
    fcgip__list_remove(&connection->rival);
    fcgip__list_add_last(&exchange->rivals, &exchange->connection->rival);
    exchange->connection = connection;
  }
  while ((node = fcgip__list_first(&exchange->rivals)) != NULL)
    fcgip__connection_close(FCGIP__OWNER(node, fcgip__connection, rival));
  exchange->attempt_us = FCGIP__NEVER;
  fcgip__list_remove(&exchange->connecting);
  exchange->pool->stats.opened++;
  fcgip__backlog_has_room(exchange);
  fcgip__connection_become(connection, FCGIP__CONNECTION_SENDING);
  fcgip__exchange_active(exchange);
}

void fcgip__connection_next_address(fcgip__connection *connection, int error_number)
{
  fcgip__exchange_note_address(connection->exchange, connection->address, error_number);
  fcgip__connection_close_fd(connection);
  fcgip__connection_become(connection, FCGIP__CONNECTION_NEW);
  try_addresses(connection, error_number);
}

/* There is no room for one more connection: the next address has to wait for half of the connect timeout, and then
 * takes the place of this one. */
static void take_turns(fcgip__exchange *exchange)
{
  uint64_t start = exchange->connect_started_us;
  uint64_t half = start + (fcgip__connect_deadline(exchange) - start) / 2;

  if (exchange->pool->engine->now_us < half)
    exchange->attempt_us = half;
  else
    fcgip__connection_next_address(exchange->connection, 0);
}

/* Nothing heard so far: the next address beside it. */
static void race(fcgip__exchange *exchange)
{
  fcgip__pool *pool = exchange->pool;
  fcgip__connection *rival = NULL;

  exchange->attempt_us = FCGIP__NEVER;
  if (!has_more_addresses(exchange)) /* an attempt that failed has taken the last one meanwhile */
    return;
  if (fcgip__pool_may_open(pool))
    rival = fcgip__connection_new(pool);
  if (rival == NULL) {
    take_turns(exchange);
    return;
  }
  fcgip__connection_prepare(rival, exchange);
  fcgip__list_add_last(&exchange->rivals, &rival->rival);
  try_addresses(rival, 0);
}

/* There may be buffers again. */
static void send_again(fcgip__connection *connection)
{
  int rc;

  connection->retry_us = FCGIP__NEVER;
  fcgip__connection_touch(connection);
  rc = fcgip__connection_send(connection);
  if (rc != 0)
    fcgip__connection_next_address(connection, rc);
}

/* The wait for the backlog, or for buffers, is over; or the pause after a failed send. */
static void retry(fcgip__connection *connection)
{
  if (connection->state == FCGIP__CONNECTION_RECEIVING) {
    connection->retry_us = FCGIP__NEVER;
    if (!connection->exchange->is_paused)
      fcgip__connection_receive(connection);
    return;
  }
  if (connection->state != FCGIP__CONNECTION_BACKOFF) {
    send_again(connection);
    return;
  }
  fcgip__connection_become(connection, FCGIP__CONNECTION_NEW);
  connection->exchange->next_address = connection->address;
  try_addresses(connection, 0);
}

void fcgip__exchange_go_on(fcgip__exchange *exchange)
{
  const uint64_t now = exchange->pool->engine->now_us;
  fcgip__connection *connection = fcgip__exchange_first_retry(exchange);

  if (fcgip__pool_patience_us(exchange->pool, exchange) <= now)
    fcgip__pool_close_idle(exchange->pool);
  else if (connection->retry_us <= now)
    retry(connection);
  else if (exchange->attempt_us <= now)
    race(exchange);
}
