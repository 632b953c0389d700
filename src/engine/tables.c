/* The exchanges of an engine as the proxies see them: prepared, started, found, taken, cancelled. */
#include <assert.h>

#include "engine/engine.h"
#include "engine/parts.h"
#include "fcgiproxy/error.h"

int fcgip__engine_prepare(fcgip__engine *engine, size_t pool, fcgip__snapshot *snapshot,
                          int queue_full_is_result, fcgip__exchange **out)
{
  int is_full = engine->pools[pool].options->max_queued != FCGIP__NONE &&
                fcgip__pool_is_full(&engine->pools[pool]);
  int rc;

  if (is_full && !queue_full_is_result)
    return FCGIP_EQUEUEFULL;
  rc = fcgip__exchange_new(engine, &engine->pools[pool], snapshot, out);
  if (rc == FCGIP_OK)
    (*out)->is_queue_full = (uint8_t)is_full;
  return rc;
}

void fcgip__engine_discard(fcgip__engine *engine, fcgip__exchange *exchange)
{
  fcgip__exchange_recycle(engine, exchange);
}

void fcgip__engine_start(fcgip__engine *engine, fcgip__exchange *exchange)
{
  fcgip__failure failure = {.error = FCGIP_EQUEUEFULL};

  exchange->started_us = engine->now_us;
  engine->pending++;
  if (exchange->is_queue_full)
    fcgip__exchange_fail(exchange, &failure);
  else
    fcgip__pool_submit(exchange->pool, exchange);
}

void fcgip__engine_start_last(fcgip__engine *engine, fcgip__exchange *exchange)
{
  assert(!exchange->is_queue_full);
  if (engine->depth != 1 || !fcgip__pool_may_start(exchange->pool)) {
    fcgip__engine_start(engine, exchange);
    return;
  }
  exchange->started_us = engine->now_us;
  engine->pending++;
  fcgip__pool_start(exchange->pool, exchange);
}

fcgip__exchange *fcgip__engine_find(const fcgip__engine *engine, fcgip_request_id id)
{
  fcgip__map_link *link = fcgip__map_find(&engine->exchanges, id);

  return link != NULL ? FCGIP__OWNER(link, fcgip__exchange, by_id) : NULL;
}

int fcgip__exchange_is_done(const fcgip__exchange *exchange)
{
  return exchange->is_done;
}

fcgip_request_id fcgip__exchange_id(const fcgip__exchange *exchange)
{
  return exchange->by_id.key;
}

fcgip__exchange *fcgip__engine_first_done(const fcgip__engine *engine)
{
  fcgip__node *node = fcgip__list_first(&engine->done);

  return node != NULL ? FCGIP__OWNER(node, fcgip__exchange, node) : NULL;
}

fcgip__exchange *fcgip__engine_next_done(const fcgip__engine *engine,
                                         const fcgip__exchange *exchange)
{
  fcgip__node *node = fcgip__list_next(&engine->done, &exchange->node);

  return node != NULL ? FCGIP__OWNER(node, fcgip__exchange, node) : NULL;
}

size_t fcgip__engine_done_count(const fcgip__engine *engine)
{
  return engine->done_count;
}

size_t fcgip__engine_pending(const fcgip__engine *engine)
{
  return engine->pending;
}

fcgip_response *fcgip__engine_take(fcgip__engine *engine, fcgip__exchange *exchange,
                                   fcgip__snapshot **snapshot)
{
  fcgip_response *response = exchange->response;

  exchange->response = NULL;
  engine->done_count--;
  if (snapshot != NULL) {
    *snapshot = exchange->snapshot;
    exchange->snapshot = NULL;
  }
  fcgip__exchange_recycle(engine, exchange);
  return response;
}

void fcgip__engine_cancel(fcgip__engine *engine, fcgip__exchange *exchange)
{
  fcgip__failure failure = {.error = FCGIP_ECANCELED};

  (void)engine;
  if (!exchange->is_done)
    fcgip__exchange_fail(exchange, &failure);
}

void fcgip__engine_pause(fcgip__engine *engine, fcgip__exchange *exchange)
{
  (void)engine;
  exchange->is_paused = 1;
  if (exchange->connection != NULL)
    fcgip__connection_touch(exchange->connection);
}

void fcgip__engine_resume(fcgip__engine *engine, fcgip__exchange *exchange)
{
  if (exchange->is_done || (!exchange->is_paused && !exchange->is_starved))
    return;
  exchange->is_paused = 0;
  exchange->is_starved = 0;
  /* The time of the pause is nobody's delay. */
  exchange->active_us = engine->now_us;
  exchange->sent_us = engine->now_us;
  if (exchange->connection != NULL) {
    /* What is left there to be read may bring no event. */
    if (exchange->connection->send_error != 0)
      exchange->connection->retry_us = engine->now_us;
    fcgip__connection_touch(exchange->connection);
  }
  fcgip__exchange_arm(exchange);
}

void fcgip__engine_cancel_all(fcgip__engine *engine)
{
  size_t i;

  /* Cancelling takes nothing out of the map, so that walking over it is safe. */
  for (i = 0; i < engine->exchanges.bucket_count; i++) {
    fcgip__map_link *link;

    for (link = engine->exchanges.buckets[i]; link != NULL; link = link->next)
      fcgip__engine_cancel(engine, FCGIP__OWNER(link, fcgip__exchange, by_id));
  }
}
