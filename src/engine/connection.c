/* One socket's states, and its place in the pool. */
#include <assert.h>
#include <string.h>

#include "engine/parts.h"
#include "fastcgi/record.h"
#include "fcgiproxy/error.h"

#define SPARE_MAX 1024u

#ifndef NDEBUG
#define BIT(state) (1u << (state))

static const uint8_t may_become[] = {
    [FCGIP__CONNECTION_NEW] = BIT(FCGIP__CONNECTION_CONNECTING) | BIT(FCGIP__CONNECTION_BACKOFF) |
                              BIT(FCGIP__CONNECTION_SENDING) | BIT(FCGIP__CONNECTION_CLOSED),
    [FCGIP__CONNECTION_CONNECTING] =
        BIT(FCGIP__CONNECTION_NEW) | BIT(FCGIP__CONNECTION_SENDING) | BIT(FCGIP__CONNECTION_CLOSED),
    [FCGIP__CONNECTION_BACKOFF] = BIT(FCGIP__CONNECTION_NEW) | BIT(FCGIP__CONNECTION_CLOSED),
    [FCGIP__CONNECTION_SENDING] = BIT(FCGIP__CONNECTION_RECEIVING) | BIT(FCGIP__CONNECTION_IDLE) |
                                  BIT(FCGIP__CONNECTION_CLOSED),
    [FCGIP__CONNECTION_RECEIVING] = BIT(FCGIP__CONNECTION_IDLE) | BIT(FCGIP__CONNECTION_CLOSED),
    [FCGIP__CONNECTION_IDLE] = BIT(FCGIP__CONNECTION_SENDING) | BIT(FCGIP__CONNECTION_CLOSED),
    [FCGIP__CONNECTION_CLOSED] = 0,
};
#endif

static fcgip__connection *connection_alloc(fcgip__engine *engine)
{
  fcgip__node *spare = fcgip__list_first(&engine->spare_connections);

  if (spare == NULL)
    return fcgip__mem_alloc(&engine->mem, sizeof(fcgip__connection));
  fcgip__list_remove(spare);
  engine->spare_connection_count--;
  return FCGIP__OWNER(spare, fcgip__connection, node);
}

/* Room for one more entry of the poll set, so that polling cannot fail for want of memory. */
static int reserve_pollfds(fcgip__engine *engine, size_t count)
{
  size_t cap = engine->pollfds_cap > 0 ? engine->pollfds_cap : 16;
  struct pollfd *pollfds;

  if (count <= engine->pollfds_cap)
    return FCGIP_OK;
  while (cap < count)
    cap *= 2;
  pollfds = fcgip__mem_realloc_array(&engine->mem, engine->pollfds, cap, sizeof(*pollfds));
  if (pollfds == NULL)
    return FCGIP_ENOMEM;
  engine->pollfds = pollfds;
  engine->pollfds_cap = cap;
  return FCGIP_OK;
}

fcgip__connection *fcgip__connection_new(fcgip__pool *pool)
{
  fcgip__engine *engine = pool->engine;
  size_t total = engine->open_count + 1;
  fcgip__connection *connection;

  if (fcgip__map_reserve(&engine->connections, total) < 0 || reserve_pollfds(engine, total) < 0)
    return NULL;
  connection = connection_alloc(engine);
  if (connection == NULL)
    return NULL;
  memset(connection, 0, sizeof(*connection));
  connection->pool = pool;
  connection->state = FCGIP__CONNECTION_NEW;
  connection->fd = -1;
  connection->retry_us = FCGIP__NEVER;
  fcgip__list_add_last(&pool->busy, &connection->node);
  pool->open_count++;
  engine->open_count++;
  return connection;
}

static void leave_idle(fcgip__connection *connection)
{
  fcgip__pool *pool = connection->pool;
  int was_last = connection->node.next == &pool->idle.head;

  fcgip__list_remove(&connection->node);
  fcgip__list_add_last(&pool->busy, &connection->node);
  pool->idle_count--;
  if (was_last)
    fcgip__pool_set_idle_timer(pool);
}

static void enter_idle(fcgip__connection *connection)
{
  fcgip__pool *pool = connection->pool;

  fcgip__list_remove(&connection->node);
  fcgip__list_add_first(&pool->idle, &connection->node);
  connection->idle_us = pool->engine->now_us;
  if (pool->idle_count++ == 0)
    fcgip__pool_set_idle_timer(pool);
}

static void enter_closed(fcgip__connection *connection)
{
  fcgip__pool *pool = connection->pool;

  fcgip__connection_close_fd(connection);
  fcgip__list_remove(&connection->node);
  fcgip__list_add_last(&pool->engine->graveyard, &connection->node);
  pool->open_count--;
  pool->engine->open_count--;
  fcgip__pool_is_hungry(pool);
}

/* The only assignment to connection->state but for its birth. */
void fcgip__connection_become(fcgip__connection *connection, enum fcgip__connection_state next)
{
  enum fcgip__connection_state before = connection->state;

  assert(may_become[before] & BIT(next));
  connection->state = next;
  if (next != FCGIP__CONNECTION_BACKOFF)
    connection->retry_us = FCGIP__NEVER;
  if (before == FCGIP__CONNECTION_IDLE)
    leave_idle(connection);
  if (next == FCGIP__CONNECTION_IDLE)
    enter_idle(connection);
  if (next == FCGIP__CONNECTION_CLOSED)
    enter_closed(connection);
  else if (next != FCGIP__CONNECTION_SENDING) /* it sends at once, and mostly all */
    fcgip__connection_touch(connection);
}

void fcgip__connection_prepare(fcgip__connection *connection, fcgip__exchange *exchange)
{
  const fcgip_endpoint_options *options = connection->pool->options;

  connection->exchange = exchange;
  connection->is_reused = connection->served > 0;
  connection->wire_id =
      connection->is_reused ? fcgip__next_wire_id(connection->wire_id) : (uint16_t)1;
  connection->served++;
  connection->is_kept = options->max_idle_connections > 0 &&
                        (options->max_requests_per_connection == FCGIP__NONE ||
                         connection->served < options->max_requests_per_connection);
  connection->has_received = 0;
  connection->sent = 0;
  connection->send_error = 0;
  fcgip__decoder_init(&connection->decoder, connection->wire_id);
}

void fcgip__connection_assign(fcgip__connection *connection, fcgip__exchange *exchange)
{
  fcgip__connection_prepare(connection, exchange);
  exchange->connection = connection;
  exchange->connect_started_us = connection->pool->engine->now_us;
  exchange->active_us = connection->pool->engine->now_us;
  /* What another server has left, before a failover, is none of this one's. */
  exchange->attempt_us = FCGIP__NEVER;
  exchange->is_sent = 0;
  exchange->is_starved = 0;
  connection->pool->stats.reused += connection->is_reused;
  if (connection->is_reused)
    fcgip__connection_become(connection, FCGIP__CONNECTION_SENDING);
}

/* The application has closed a descriptor of ours behind our back, and the system has given us its number again.
 * Whoever had it before must not touch it any more. */
static void disown_fd(fcgip__engine *engine, int fd)
{
  fcgip__map_link *link = fcgip__map_find(&engine->connections, (uint64_t)fd);
  fcgip__failure failure = {.error = FCGIP_EREAD,
                            .detail = "the application closed the library's descriptor"};
  fcgip__connection *robbed;

  if (link == NULL)
    return;
  robbed = FCGIP__OWNER(link, fcgip__connection, by_fd);
  fcgip__map_remove(&engine->connections, link);
  robbed->fd = -1;
  robbed->watched = 0;
  if (robbed->exchange != NULL)
    fcgip__exchange_fail(robbed->exchange, &failure);
  else
    fcgip__connection_close(robbed);
}

void fcgip__connection_open_fd(fcgip__connection *connection, int fd)
{
  fcgip__engine *engine = connection->pool->engine;

  disown_fd(engine, fd);
  connection->fd = fd;
  fcgip__map_add(&engine->connections, &connection->by_fd, (uint64_t)fd);
}

void fcgip__connection_close_fd(fcgip__connection *connection)
{
  fcgip__engine *engine = connection->pool->engine;
  int fd = connection->fd;

  fcgip__list_remove(&connection->touched);
  if (fd < 0)
    return;
  if (connection->watched != 0)
    engine->watch_fn(engine->watch_data, fd, 0);
  connection->watched = 0;
  fcgip__map_remove(&engine->connections, &connection->by_fd);
  connection->fd = -1;
  (void)engine->sys->close_fn(engine->sys->context, fd);
}

/* Off its exchange. If it was the one that counts, a rival takes its place. */
static void detach(fcgip__connection *connection)
{
  fcgip__exchange *exchange = connection->exchange;
  fcgip__node *rival;

  connection->exchange = NULL;
  fcgip__list_remove(&connection->rival);
  if (exchange->connection != connection)
    return;
  exchange->connection = NULL;
  fcgip__backlog_has_room(exchange);
  rival = fcgip__list_first(&exchange->rivals);
  if (rival != NULL) {
    fcgip__list_remove(rival);
    exchange->connection = FCGIP__OWNER(rival, fcgip__connection, rival);
  }
}

void fcgip__connection_close(fcgip__connection *connection)
{
  if (connection->exchange != NULL)
    detach(connection);
  fcgip__connection_become(connection, FCGIP__CONNECTION_CLOSED);
}

/* A kept connection that the server had already given up: nothing of this request has been answered, and nothing
 * can have been run twice. */
static int may_move(const fcgip__connection *connection, const fcgip__failure *failure)
{
  const fcgip__exchange *exchange = connection->exchange;

  if (!connection->is_reused || connection->has_received || exchange->was_retried)
    return 0;
  if (failure->error != FCGIP_EREAD && failure->error != FCGIP_EWRITE)
    return 0;
  return connection->sent == 0 || exchange->snapshot->retry_safe;
}

void fcgip__connection_fail(fcgip__connection *connection, const fcgip__failure *failure)
{
  fcgip__exchange *exchange = connection->exchange;

  if (!may_move(connection, failure)) {
    fcgip__exchange_fail(exchange, failure);
    return;
  }
  exchange->was_retried = 1;
  fcgip__connection_close(connection);
  fcgip__pool_resubmit(exchange->pool, exchange);
}

void fcgip__connection_fail_with(fcgip__connection *connection, int error, int error_number,
                                 const char *detail)
{
  const fcgip__failure failure = {.error = error, .error_number = error_number, .detail = detail};

  fcgip__connection_fail(connection, &failure);
}

static short wants_to_receive(const fcgip__connection *connection)
{
  return connection->exchange->is_paused ? 0 : POLLIN;
}

/* Short of buffers, the socket may well be writable: the timer says when to go on. */
static short wants_to_send(const fcgip__connection *connection)
{
  return connection->exchange->is_starved || connection->retry_us != FCGIP__NEVER ? 0 : POLLOUT;
}

short fcgip__connection_wants(const fcgip__connection *connection)
{
  switch (connection->state) {
  case FCGIP__CONNECTION_CONNECTING:
    return connection->retry_us != FCGIP__NEVER ? 0 : POLLOUT;
  case FCGIP__CONNECTION_SENDING:
    return (short)(wants_to_receive(connection) | wants_to_send(connection));
  case FCGIP__CONNECTION_RECEIVING:
    return wants_to_receive(connection);
  case FCGIP__CONNECTION_IDLE:
    return POLLIN;
  case FCGIP__CONNECTION_NEW:
  case FCGIP__CONNECTION_BACKOFF:
  case FCGIP__CONNECTION_CLOSED:
    break;
  }
  return 0;
}

/* What poll reports is a hint where to look; only what the calls then say counts. */
void fcgip__connection_on_event(fcgip__connection *connection, short revents)
{
  const short failed = POLLERR | POLLHUP | POLLNVAL;
  int rc;

  switch (connection->state) {
  case FCGIP__CONNECTION_CONNECTING:
    if (fcgip__exchange_expires(connection->exchange))
      break;
    rc = fcgip__connection_send(connection);
    if (rc != 0)
      fcgip__connection_next_address(connection, rc);
    break;
  case FCGIP__CONNECTION_SENDING:
    if ((revents & (POLLIN | failed)) && wants_to_receive(connection))
      fcgip__connection_receive(connection);
    if (connection->state == FCGIP__CONNECTION_SENDING && (revents & (POLLOUT | failed)) &&
        wants_to_send(connection))
      (void)fcgip__connection_send(connection);
    break;
  case FCGIP__CONNECTION_RECEIVING:
    if (wants_to_receive(connection))
      fcgip__connection_receive(connection);
    break;
  case FCGIP__CONNECTION_IDLE:
    fcgip__connection_receive_idle(connection);
    break;
  case FCGIP__CONNECTION_NEW:
  case FCGIP__CONNECTION_BACKOFF:
  case FCGIP__CONNECTION_CLOSED:
    break;
  }
}

int fcgip__connection_is_alive(fcgip__connection *connection)
{
  const fcgip__sys *sys = connection->pool->engine->sys;
  int64_t n;

  n = sys->peek_fn(sys->context, connection->fd);
  return n < 0 && fcgip__outcome_of_transfer(n) == FCGIP__OUTCOME_AGAIN;
}

void fcgip__connection_tell(fcgip__connection *connection)
{
  if (connection->watched == POLLIN &&
      (connection->state == FCGIP__CONNECTION_IDLE ||
       (connection->state == FCGIP__CONNECTION_RECEIVING && !connection->exchange->is_paused)))
    return; /* the usual case */
  if (!fcgip__node_is_linked(&connection->touched) &&
      fcgip__connection_wants(connection) != connection->watched)
    fcgip__list_add_last(&connection->pool->engine->touched, &connection->touched);
}
