/* An exchange's timer: when it goes off, and what is done then. */
#include "engine/parts.h"

fcgip__connection *fcgip__exchange_first_retry(const fcgip__exchange *exchange)
{
  fcgip__connection *first = exchange->connection;
  fcgip__node *node = fcgip__list_first(&exchange->rivals);

  for (; node != NULL; node = fcgip__list_next(&exchange->rivals, node)) {
    fcgip__connection *rival = FCGIP__OWNER(node, fcgip__connection, rival);

    if (rival->retry_us < first->retry_us)
      first = rival;
  }
  return first;
}

/* When something has to be done for it: a deadline, or the next step of connecting or sending. */
static uint64_t due(const fcgip__exchange *exchange)
{
  uint64_t at = fcgip__exchange_deadline(exchange).due, retry_us;

  if (exchange->connection == NULL)
    return exchange->pool->look_again_us < at ? exchange->pool->look_again_us : at;
  retry_us = fcgip__exchange_first_retry(exchange)->retry_us;
  if (retry_us < at)
    at = retry_us;
  if (exchange->attempt_us < at)
    at = exchange->attempt_us;
  if (fcgip__node_is_linked(&exchange->unanswered) &&
      fcgip__pool_patience_us(exchange->pool, exchange) < at)
    at = fcgip__pool_patience_us(exchange->pool, exchange);
  return at;
}

/* A timer that goes off too early costs little: it is set anew then. So it is only moved when it would come too
 * late, and a byte received moves nothing. */
void fcgip__exchange_arm(fcgip__exchange *exchange)
{
  uint64_t at = due(exchange);

  if (at < exchange->timer.due)
    fcgip__timer_set(&exchange->pool->engine->deadlines, &exchange->timer, at);
}

static void end(fcgip__exchange *exchange, enum fcgip__phase phase)
{
  fcgip__failure failure;

  fcgip__failure_of_phase(&failure, phase);
  fcgip__exchange_fail(exchange, &failure);
}

int fcgip__exchange_expires(fcgip__exchange *exchange)
{
  if (!fcgip__exchange_is_late(exchange))
    return 0;
  end(exchange, fcgip__exchange_deadline(exchange).phase);
  return 1;
}

/* Some address may have answered: the first to take a byte wins. */
static void look_at_attempts(fcgip__exchange *exchange)
{
  size_t others =
      fcgip__address_list_count(fcgip__endpoint_addresses(exchange->pool->endpoint)) - 1;
  fcgip__node *rival;

  fcgip__connection_on_event(exchange->connection, POLLOUT);
  while (others-- > 0 && (rival = fcgip__list_first(&exchange->rivals)) != NULL) {
    fcgip__list_remove(rival);
    fcgip__list_add_last(&exchange->rivals, rival);
    fcgip__connection_on_event(FCGIP__OWNER(rival, fcgip__connection, rival), POLLOUT);
  }
}

/* Nobody has looked since the deadline passed, as the caller or a callback was busy: what has come meanwhile may have
 * come in time, and counts. After the deadline of the whole request nothing is sent any more. */
static void look_a_last_time(fcgip__exchange *exchange, enum fcgip__phase phase)
{
  switch (phase) {
  case FCGIP__PHASE_CONNECT:
    look_at_attempts(exchange);
    break;
  case FCGIP__PHASE_WRITE:
    fcgip__connection_on_event(exchange->connection, POLLIN | POLLOUT);
    break;
  case FCGIP__PHASE_READ:
  case FCGIP__PHASE_FIRST_BYTE:
  case FCGIP__PHASE_TOTAL:
    fcgip__connection_on_event(exchange->connection, POLLIN);
    break;
  case FCGIP__PHASE_NONE:
  case FCGIP__PHASE_QUEUED:
  case FCGIP__PHASE_BACKOFF:
    break;
  }
}

/* A step is due, and no deadline. */
static void go_on(fcgip__exchange *exchange)
{
  if (exchange->connection != NULL) {
    fcgip__exchange_go_on(exchange);
    return;
  }
  exchange->pool->look_again_us = FCGIP__NEVER;
  fcgip__pool_is_hungry(exchange->pool);
}

void fcgip__exchange_on_timer(fcgip__exchange *exchange)
{
  fcgip__engine *engine = exchange->pool->engine;
  fcgip__deadline deadline = fcgip__exchange_deadline(exchange);
  uint64_t looked_us = engine->looked_us;

  fcgip__timer_set(&engine->deadlines, &exchange->timer, FCGIP__NEVER);
  if (deadline.due > engine->now_us) {
    if (due(exchange) <= engine->now_us)
      go_on(exchange);
  } else if (deadline.due > looked_us) {
    looked_us = engine->now_us;
    look_a_last_time(exchange, deadline.phase);
  }
  if (exchange->is_done || engine->is_doomed)
    return;
  deadline = fcgip__exchange_deadline(exchange);
  if (deadline.due <= looked_us)
    end(exchange, deadline.phase);
  else
    fcgip__exchange_arm(exchange);
}
