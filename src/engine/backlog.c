/* A server's backlog, as far as a client can see it. A Unix socket says EAGAIN when it is full. Over TCP the connection
 * looks made, and what is sent on it is dropped and sent again after 200, 400, 800 ms ..., for which luck is needed
 * each time: with a hundred of them some have none for longer than any timeout. So while some stand before a full
 * backlog no more are opened than those which got in, less a few that leave room. What else there is waits in our own
 * queue, in order. */
#include "engine/parts.h"

/* Places left free for those that stand before the backlog. */
#define SLACK 2u

/* How many may stand there: enough to find out when there is room. */
#define STANDING_MAX 16u

/* Nobody tells when a connection over TCP has got in. */
#define LOOK_AGAIN_US 50000u

/* Below this many connections nothing is asked: a backlog is larger. */
#define SUSPICION_MIN 4u

void fcgip__backlog_got_room(fcgip__exchange *exchange)
{
  fcgip__list_remove(&exchange->unaccepted);
  exchange->pool->unaccepted_count--;
  fcgip__pool_is_hungry(exchange->pool);
}

void fcgip__backlog_is_full(fcgip__exchange *exchange)
{
  fcgip__pool *pool = exchange->pool;
  size_t accepted;

  if (fcgip__node_is_linked(&exchange->unaccepted))
    return;
  fcgip__list_add_last(&pool->unaccepted, &exchange->unaccepted);
  pool->unaccepted_count++;
  accepted = pool->open_count - pool->unaccepted_count;
  pool->window = accepted > SLACK ? accepted - SLACK : 1;
}

static int is_unaccepted(const fcgip__exchange *exchange)
{
  const fcgip__connection *connection = exchange->connection;
  const fcgip__pool *pool = exchange->pool;
  const fcgip__sys *sys = pool->engine->sys;
  const fcgip__address *address =
      fcgip__address_list_at(fcgip__endpoint_addresses(pool->endpoint), connection->address);

  return sys->unaccepted_fn != NULL && address != NULL &&
         sys->unaccepted_fn(sys->context, connection->fd, address) > 0;
}

void fcgip__backlog_note_sent(fcgip__exchange *exchange)
{
  fcgip__backlog_has_room(exchange);
  if (exchange->pool->open_count >= SUSPICION_MIN && is_unaccepted(exchange))
    fcgip__backlog_is_full(exchange);
}

/* Those over TCP say nothing when they get in. */
static void look_again(fcgip__pool *pool)
{
  fcgip__node *node = fcgip__list_first(&pool->unaccepted), *next;

  for (; node != NULL; node = next) {
    fcgip__exchange *exchange = FCGIP__OWNER(node, fcgip__exchange, unaccepted);

    next = fcgip__list_next(&pool->unaccepted, node);
    if (exchange->is_sent && !is_unaccepted(exchange))
      fcgip__backlog_has_room(exchange);
  }
}

int fcgip__backlog_allows(fcgip__pool *pool)
{
  if (pool->unaccepted_count == 0)
    return 1;
  look_again(pool);
  if (pool->unaccepted_count == 0)
    return 1;
  if (pool->unaccepted_count < STANDING_MAX &&
      pool->open_count - pool->unaccepted_count < pool->window)
    return 1;
  pool->look_again_us = fcgip__later(pool->engine->now_us, LOOK_AGAIN_US);
  return 0;
}
