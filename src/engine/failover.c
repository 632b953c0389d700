/* Failover: a request that no server has begun goes to the next one, if the caller asked for that. */
#include "engine/parts.h"
#include "fcgiproxy/error.h"

/* 1 if the server has certainly not begun it. */
static int was_not_begun(const fcgip__exchange *exchange, const fcgip__failure *failure)
{
  if (failure->error == FCGIP_ERESOLVE || failure->error == FCGIP_ECONNECT ||
      failure->error == FCGIP_EBUSY)
    return 1;
  if (failure->error == FCGIP_ETIMEDOUT)
    return failure->is_connect_timeout;
  return failure->error == FCGIP_EOVERLOADED && !fcgip__response_has_bytes(exchange->response);
}

int fcgip__exchange_fail_over(fcgip__exchange *exchange, const fcgip__failure *failure)
{
  fcgip__pool *pool = exchange->pool;
  fcgip__engine *engine = pool->engine;
  size_t index = (size_t)(pool - engine->pools);

  if (fcgip__exchange_is_late(exchange))
    return 0;
  if (!engine->fails_over || exchange->moves + 1 >= engine->pool_count ||
      !was_not_begun(exchange, failure))
    return 0;
  pool->stats.failed_over++;
  pool = &engine->pools[(index + 1) % engine->pool_count];
  exchange->moves++;
  exchange->was_retried = 0;
  exchange->pool = pool;
  exchange->response->app_status = 0;
  fcgip__response_set_endpoint(exchange->response, fcgip__endpoint_ref(pool->endpoint),
                               fcgip_endpoint_free);
  fcgip__pool_submit(pool, exchange);
  return 1;
}
