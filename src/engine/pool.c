/* The connections to one endpoint, and the exchanges that wait for one. */
#include "base/rare.h"
#include "engine/parts.h"
#include "fcgiproxy/error.h"

/* An idle connection holds a php-fpm worker. A request that was sent on a new connection and has no answer after this
 * long may be waiting for just that worker, and then those that have been idle for as long are closed. One that is
 * idle only until the caller sends the next request is not: under load all would be, one after the other. */
#define PATIENCE_US 10000u

static size_t clamp_size(uint64_t value)
{
  return value > SIZE_MAX ? SIZE_MAX : (size_t)value;
}

void fcgip__pool_init(fcgip__pool *pool, fcgip__engine *engine, const fcgip_endpoint *endpoint)
{
  pool->engine = engine;
  pool->endpoint = fcgip__endpoint_ref(endpoint);
  pool->options = fcgip__endpoint_options(endpoint);
  pool->limits.max_header_bytes = pool->options->max_header_bytes;
  pool->limits.max_headers = pool->options->max_headers;
  pool->limits.max_stderr_bytes = pool->options->max_stderr_bytes;
  pool->limits.max_body_bytes = clamp_size(pool->options->max_body_bytes);
  pool->limits.memo = &pool->memo;
  fcgip__list_init(&pool->queue);
  fcgip__list_init(&pool->unanswered);
  fcgip__list_init(&pool->connecting);
  fcgip__list_init(&pool->unaccepted);
  pool->look_again_us = FCGIP__NEVER;
  pool->look.number = 1; /* no connection has that by birth */
  fcgip__list_init(&pool->busy);
  fcgip__list_init(&pool->idle);
  fcgip__node_init(&pool->hungry);
  fcgip__timer_init(&pool->idle_timer);
  pool->queued = 0;
  pool->idle_count = 0;
  pool->open_count = 0;
}

void fcgip__pool_deinit(fcgip__pool *pool)
{
  fcgip_endpoint_free(pool->endpoint);
}

/* UINT32_MAX is "no limit". */
int fcgip__pool_may_open(const fcgip__pool *pool)
{
  return pool->options->max_connections == FCGIP__NONE ||
         pool->open_count < pool->options->max_connections;
}

/* Inside a callback what is sent stands in the queue until the callback returns, though there may be connections for
 * it: those do not count as waiting. */
int fcgip__pool_is_full(const fcgip__pool *pool)
{
  size_t may_start = pool->idle_count;

  if (pool->options->max_queued == FCGIP__NONE || pool->options->max_connections == FCGIP__NONE)
    return 0;
  if (fcgip__pool_may_open(pool))
    may_start += pool->options->max_connections - pool->open_count;
  return pool->queued >= may_start && pool->queued - may_start >= pool->options->max_queued;
}

void fcgip__pool_is_hungry(fcgip__pool *pool)
{
  if (pool->queued == 0 && fcgip__list_first(&pool->connecting) == NULL)
    return;
  pool->look_again_us = FCGIP__NEVER; /* not by a timer: it is looked at now */
  if (!fcgip__node_is_linked(&pool->hungry))
    fcgip__list_add_last(&pool->engine->hungry, &pool->hungry);
}

void fcgip__pool_submit(fcgip__pool *pool, fcgip__exchange *exchange)
{
  fcgip__list_add_last(&pool->queue, &exchange->node);
  pool->queued++;
  pool->stats.sent++;
  if (pool->queued > pool->stats.queued_max)
    pool->stats.queued_max = (uint32_t)pool->queued;
  fcgip__pool_is_hungry(pool);
  /* Most have no deadline before they have a connection. */
  if (exchange->snapshot->timeouts.request_timeout_ms != 0 ||
      pool->options->request_timeout_ms != FCGIP__NONE)
    fcgip__exchange_arm(exchange);
}

void fcgip__pool_resubmit(fcgip__pool *pool, fcgip__exchange *exchange)
{
  exchange->connection = NULL;
  exchange->is_sent = 0;
  pool->stats.retried++;
  fcgip__list_add_first(&pool->queue, &exchange->node);
  pool->queued++;
  fcgip__pool_is_hungry(pool);
  fcgip__exchange_arm(exchange);
}

void fcgip__pool_leave_queue(fcgip__pool *pool, fcgip__exchange *exchange)
{
  fcgip__list_remove(&exchange->node);
  pool->queued--;
}

/* The most recently used idle connection that is still alive; the dead ones on the way are closed. */
static fcgip__connection *take_idle(fcgip__pool *pool)
{
  fcgip__node *node;

  while ((node = fcgip__list_first(&pool->idle)) != NULL) {
    fcgip__connection *connection = FCGIP__OWNER(node, fcgip__connection, node);

    if (fcgip__pool_may_reuse(pool, connection))
      return connection;
    fcgip__connection_close(connection);
  }
  return NULL;
}

int fcgip__pool_may_start(fcgip__pool *pool)
{
  return pool->queued == 0 && take_idle(pool) != NULL;
}

static void start_on(fcgip__connection *idle, fcgip__exchange *exchange)
{
  fcgip__connection_assign(idle, exchange);
  (void)fcgip__connection_send(idle);
}

void fcgip__pool_start(fcgip__pool *pool, fcgip__exchange *exchange)
{
  pool->stats.sent++;
  start_on(FCGIP__OWNER(pool->idle.head.next, fcgip__connection, node), exchange);
}

static void close_oldest_idle(fcgip__pool *pool)
{
  if (pool->idle_count > 0)
    fcgip__connection_close(FCGIP__OWNER(pool->idle.head.prev, fcgip__connection, node));
}

FCGIP__RARE static void start_fresh(fcgip__pool *pool, fcgip__exchange *exchange)
{
  fcgip__failure failure = {.error = FCGIP_ENOMEM};
  fcgip__connection *connection = fcgip__connection_new(pool);

  if (connection == NULL) {
    fcgip__exchange_fail(exchange, &failure);
    return;
  }
  fcgip__pool_leave_queue(pool, exchange);
  fcgip__connection_assign(connection, exchange);
  fcgip__connection_connect(connection);
}

/* Starts the next in the queue, or ends it as it is too late. 0 if it has to wait. */
static int start_next(fcgip__pool *pool, fcgip__exchange *exchange)
{
  fcgip__connection *idle;

  if (fcgip__exchange_expires(exchange))
    return 1;
  idle = exchange->was_retried ? NULL : take_idle(pool);
  if (idle != NULL) {
    fcgip__pool_leave_queue(pool, exchange);
    start_on(idle, exchange);
    return 1;
  }
  if (!fcgip__pool_may_open(pool))
    close_oldest_idle(pool);
  if (!fcgip__pool_may_open(pool))
    return 0;
  if (!fcgip__backlog_allows(pool)) {
    fcgip__exchange_arm(exchange);
    return 0;
  }
  start_fresh(pool, exchange);
  return 1;
}

/* The first that waits for a new connection, and would do with a kept one. */
static fcgip__exchange *first_connecting(const fcgip__pool *pool)
{
  fcgip__node *node = fcgip__list_first(&pool->connecting);

  for (; node != NULL; node = fcgip__list_next(&pool->connecting, node)) {
    fcgip__exchange *exchange = FCGIP__OWNER(node, fcgip__exchange, connecting);

    if (!exchange->was_retried)
      return exchange;
  }
  return NULL;
}

/* A connection that has become idle goes to those who came first: before a full backlog a new one may be long in
 * coming, and others would have their turn again and again. */
static void serve_connecting(fcgip__pool *pool)
{
  fcgip__exchange *exchange;

  while (!pool->engine->is_doomed && pool->idle_count > 0 &&
         (exchange = first_connecting(pool)) != NULL) {
    fcgip__connection *idle;

    if (fcgip__exchange_expires(exchange))
      continue;
    idle = take_idle(pool);
    if (idle == NULL)
      return;
    fcgip__exchange_disconnect(exchange);
    start_on(idle, exchange);
  }
}

static int may_idle(const fcgip__pool *pool, size_t count)
{
  return pool->options->max_idle_connections == FCGIP__NONE ||
         count <= pool->options->max_idle_connections;
}

void fcgip__pool_dispatch(fcgip__pool *pool)
{
  fcgip__node *node;

  serve_connecting(pool);
  while (pool->queued > 0 && !pool->engine->is_doomed &&
         (node = fcgip__list_first(&pool->queue)) != NULL)
    if (!start_next(pool, FCGIP__OWNER(node, fcgip__exchange, node)))
      break;
  /* Those that were kept for the queue only. */
  while (pool->idle_count > 0 && !may_idle(pool, pool->idle_count))
    close_oldest_idle(pool);
}

void fcgip__pool_note_sent(fcgip__pool *pool, fcgip__exchange *exchange)
{
  if (pool->options->max_idle_connections == 0 || exchange->connection->is_reused ||
      exchange->has_answer)
    return;
  fcgip__list_remove(&exchange->unanswered);
  fcgip__list_add_last(&pool->unanswered, &exchange->unanswered);
}

static uint64_t oldest_idle_us(const fcgip__pool *pool)
{
  return FCGIP__OWNER(pool->idle.head.prev, fcgip__connection, node)->idle_us;
}

uint64_t fcgip__pool_patience_us(const fcgip__pool *pool, const fcgip__exchange *exchange)
{
  uint64_t idle_us;

  if (pool->idle_count == 0 || !fcgip__node_is_linked(&exchange->unanswered))
    return FCGIP__NEVER;
  idle_us = oldest_idle_us(pool);
  return fcgip__later(idle_us > exchange->sent_us ? idle_us : exchange->sent_us, PATIENCE_US);
}

void fcgip__pool_close_idle(fcgip__pool *pool)
{
  while (pool->idle_count > 0 &&
         fcgip__later(oldest_idle_us(pool), PATIENCE_US) <= pool->engine->now_us)
    close_oldest_idle(pool);
}

void fcgip__pool_set_idle_timer(fcgip__pool *pool)
{
  uint32_t timeout_ms = pool->options->idle_timeout_ms;
  uint64_t due = FCGIP__NEVER;

  if (pool->idle_count > 0 && timeout_ms != FCGIP__NONE)
    due = fcgip__later(oldest_idle_us(pool), (uint64_t)timeout_ms * 1000u);
  fcgip__timer_set(&pool->engine->idles, &pool->idle_timer, due);
}

void fcgip__pool_on_idle_timer(fcgip__pool *pool)
{
  close_oldest_idle(pool);
}

/* One more connection is idle now. */
static void on_idle(fcgip__pool *pool)
{
  fcgip__node *node = fcgip__list_first(&pool->unanswered);

  if (node != NULL)
    fcgip__exchange_arm(FCGIP__OWNER(node, fcgip__exchange, unanswered));
}

void fcgip__pool_give_back(fcgip__pool *pool, fcgip__connection *connection)
{
  int is_wanted = pool->queued > 0 || fcgip__list_first(&pool->connecting) != NULL;

  if (!connection->is_kept || (!is_wanted && !may_idle(pool, pool->idle_count + 1))) {
    fcgip__connection_close(connection);
    return;
  }
  fcgip__connection_become(connection, FCGIP__CONNECTION_IDLE);
  if (is_wanted)
    fcgip__pool_is_hungry(pool);
  else
    on_idle(pool);
}
