/* Getting a connection: one address after the other, and patience with a full backlog. */
#include "engine/parts.h"
#include "fcgiproxy/error.h"

#define BACKOFF_FIRST_MS 1u
#define BACKOFF_MAX_MS 50u

static const fcgip__address_list *addresses_of(const fcgip__connection *connection)
{
  return fcgip__endpoint_addresses(connection->pool->endpoint);
}

static void fail_connect(fcgip__connection *connection, int error_number)
{
  fcgip__failure failure = {.error = FCGIP_ECONNECT, .error_number = error_number};

  fcgip__exchange_fail(connection->exchange, &failure);
}

/* 1, 2, 4 ... 50 ms, less up to a half, so that many clients do not come back at once. */
static uint64_t backoff_us(fcgip__connection *connection)
{
  uint64_t ms = BACKOFF_MAX_MS;

  if (connection->backoffs < 6)
    ms = (uint64_t)BACKOFF_FIRST_MS << connection->backoffs;
  if (ms > BACKOFF_MAX_MS)
    ms = BACKOFF_MAX_MS;
  connection->backoffs++;
  return ms * 500u + fcgip__random_below(&connection->pool->engine->random, ms * 500u + 1);
}

/* With more addresses to try, each has its share of what is left of the connect timeout. */
static uint64_t attempt_deadline(const fcgip__connection *connection)
{
  uint64_t now = connection->pool->engine->now_us;
  uint64_t deadline = fcgip__connect_deadline(connection->exchange);
  size_t left = fcgip__address_list_count(addresses_of(connection)) - connection->address;

  if (left <= 1 || deadline == FCGIP__NEVER || deadline <= now)
    return FCGIP__NEVER;
  return now + (deadline - now) / left;
}

static void back_off(fcgip__connection *connection)
{
  fcgip__connection_close_fd(connection);
  connection->retry_us = connection->pool->engine->now_us + backoff_us(connection);
  fcgip__connection_become(connection, FCGIP__CONNECTION_BACKOFF);
  fcgip__exchange_arm(connection->exchange);
}

static void wait_for_connect(fcgip__connection *connection)
{
  connection->attempt_us = attempt_deadline(connection);
  fcgip__connection_become(connection, FCGIP__CONNECTION_CONNECTING);
  fcgip__exchange_arm(connection->exchange);
}

static void connected(fcgip__connection *connection)
{
  fcgip__connection_become(connection, FCGIP__CONNECTION_SENDING);
  fcgip__exchange_active(connection->exchange);
  fcgip__connection_send(connection);
}

/* One attempt at one address. 0 if the next one is to be tried, with the reason. */
static int try_address(fcgip__connection *connection, const fcgip__address *address,
                       int *error_number)
{
  const fcgip__sys *sys = connection->pool->engine->sys;
  int fd = sys->socket_fn(sys->context, address);
  int rc;

  if (fd < 0) {
    *error_number = fcgip__errno_of(fd);
    return 0;
  }
  fcgip__connection_open_fd(connection, fd);
  rc = sys->connect_fn(sys->context, fd, address);
  if (rc >= 0) {
    connected(connection);
    return 1;
  }
  if (fcgip__connect_backlog_is_full(rc, address)) {
    back_off(connection);
    return 1;
  }
  if (fcgip__outcome_of_connect(rc) == FCGIP__OUTCOME_STARTED) {
    wait_for_connect(connection);
    return 1;
  }
  *error_number = fcgip__errno_of(rc);
  fcgip__connection_close_fd(connection);
  return 0;
}

static void try_addresses(fcgip__connection *connection, int error_number)
{
  const fcgip__address_list *addresses = addresses_of(connection);

  for (; connection->address < fcgip__address_list_count(addresses); connection->address++)
    if (try_address(connection, fcgip__address_list_at(addresses, connection->address),
                    &error_number))
      return;
  fail_connect(connection, error_number);
}

void fcgip__connection_connect(fcgip__connection *connection)
{
  fcgip__failure failure = {.error = FCGIP_ERESOLVE};

  if (fcgip__address_list_count(addresses_of(connection)) == 0) {
    fcgip__exchange_fail(connection->exchange, &failure);
    return;
  }
  connection->address = 0;
  try_addresses(connection, 0);
}

void fcgip__connection_next_address(fcgip__connection *connection, int error_number)
{
  fcgip__connection_close_fd(connection);
  fcgip__connection_become(connection, FCGIP__CONNECTION_NEW);
  connection->address++;
  try_addresses(connection, error_number);
}

void fcgip__connection_on_timer(fcgip__connection *connection)
{
  const uint64_t now = connection->pool->engine->now_us;

  if (connection->retry_us <= now) {
    if (connection->state == FCGIP__CONNECTION_SENDING) {
      connection->retry_us = FCGIP__NEVER;
      fcgip__connection_touch(connection);
      fcgip__connection_send(connection);
      return;
    }
    fcgip__connection_become(connection, FCGIP__CONNECTION_NEW);
    try_addresses(connection, 0);
    return;
  }
  if (connection->attempt_us <= now)
    fcgip__connection_next_address(connection, 0);
}
