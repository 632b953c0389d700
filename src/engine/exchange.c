/* One request on its way through the engine, from prepared to done. */
#include <assert.h>
#include <string.h>

#include "engine/parts.h"
#include "fcgiproxy/error.h"

/* Enough for a burst; what is beyond goes back to the allocator. */
#define SPARE_MAX 1024u

static fcgip__exchange *exchange_alloc(fcgip__engine *engine)
{
  fcgip__node *spare = fcgip__list_first(&engine->spare_exchanges);

  if (spare == NULL)
    return fcgip__mem_alloc(&engine->mem, sizeof(fcgip__exchange));
  fcgip__list_remove(spare);
  engine->spare_exchange_count--;
  return FCGIP__OWNER(spare, fcgip__exchange, node);
}

static void exchange_dealloc(fcgip__engine *engine, fcgip__exchange *exchange)
{
  if (engine->spare_exchange_count >= SPARE_MAX) {
    fcgip__mem_free(&engine->mem, exchange);
    return;
  }
  fcgip__list_add_first(&engine->spare_exchanges, &exchange->node);
  engine->spare_exchange_count++;
}

int fcgip__exchange_new(fcgip__engine *engine, fcgip__pool *pool, fcgip__snapshot *snapshot,
                        fcgip__exchange **out)
{
  size_t total = engine->exchanges.count + 1;
  fcgip__exchange *exchange;

  if (total > engine->exchanges.bucket_count && fcgip__map_reserve(&engine->exchanges, total) < 0)
    return FCGIP_ENOMEM;
  if (total > engine->deadlines.cap && fcgip__timers_reserve(&engine->deadlines, total) < 0)
    return FCGIP_ENOMEM;
  exchange = exchange_alloc(engine);
  if (exchange == NULL)
    return FCGIP_ENOMEM;
  memset(exchange, 0, sizeof(*exchange));
  exchange->response = fcgip__response_new(&engine->mem, engine->last_id + 1);
  if (exchange->response == NULL) {
    exchange_dealloc(engine, exchange);
    return FCGIP_ENOMEM;
  }
  exchange->response->endpoint = fcgip__endpoint_ref(pool->endpoint);
  exchange->response->release_endpoint = fcgip_endpoint_free;
  fcgip__timer_init(&exchange->timer);
  fcgip__list_init(&exchange->rivals);
  exchange->attempt_us = FCGIP__NEVER;
  exchange->response->keeps_body = snapshot->keeps_body;
  exchange->pool = pool;
  exchange->snapshot = snapshot;
  fcgip__snapshot_ref(snapshot);
  fcgip__map_add(&engine->exchanges, &exchange->by_id, ++engine->last_id);
  *out = exchange;
  return FCGIP_OK;
}

void fcgip__exchange_recycle(fcgip__engine *engine, fcgip__exchange *exchange)
{
  fcgip__snapshot *snapshot = exchange->snapshot;
  fcgip_response *response = exchange->response;

  assert(exchange->connection == NULL);
  fcgip__mem_free(&engine->mem, exchange->window);
  if (exchange->timer.due != FCGIP__NEVER)
    fcgip__timer_set(&engine->deadlines, &exchange->timer, FCGIP__NEVER);
  fcgip__list_remove(&exchange->node);
  fcgip__list_remove(&exchange->connecting);
  fcgip__list_remove(&exchange->unanswered);
  fcgip__map_remove(&engine->exchanges, &exchange->by_id);
  exchange_dealloc(engine, exchange);
  /* Last, as a release function of the caller's may run. */
  if (response != NULL)
    fcgip_response_free(response);
  fcgip__snapshot_drop(snapshot);
}

static void drop_window(fcgip__exchange *exchange)
{
  fcgip__mem_free(&exchange->pool->engine->mem, exchange->window);
  exchange->window = NULL;
}

static void finish(fcgip__exchange *exchange)
{
  fcgip__engine *engine = exchange->pool->engine;

  assert(!exchange->is_done && exchange->connection == NULL);
  drop_window(exchange);
  fcgip__list_remove(&exchange->unanswered);
  exchange->is_done = 1;
  exchange->response->duration_us = engine->now_us - exchange->started_us;
  if (exchange->response->error == FCGIP_OK)
    fcgip__stats_succeeded(&exchange->pool->stats, exchange->response->duration_us);
  else
    fcgip__stats_failed(&exchange->pool->stats, exchange->response->error);
  fcgip__timer_set(&engine->deadlines, &exchange->timer, FCGIP__NEVER);
  fcgip__list_remove(&exchange->node);
  fcgip__list_add_last(&engine->done, &exchange->node);
  engine->done_count++;
  engine->pending--;
}

void fcgip__exchange_succeed(fcgip__exchange *exchange)
{
  finish(exchange);
}

/* 1 if sending it again cannot make it run twice. */
static int is_retry_safe(const fcgip__exchange *exchange, const fcgip__failure *failure,
                         int was_begun)
{
  switch ((enum fcgip_error)failure->error) {
  case FCGIP_ERESOLVE:
  case FCGIP_ECONNECT:
  case FCGIP_EBUSY:
  case FCGIP_EQUEUEFULL:
    return 1;
  case FCGIP_ECANTMPX:
  case FCGIP_EOVERLOADED:
    return !fcgip__response_has_bytes(exchange->response);
  case FCGIP_EROLE:
  case FCGIP_EREFUSED:
    return 0;
  case FCGIP_OK:
  case FCGIP_EINVAL:
  case FCGIP_ENOTFOUND:
  case FCGIP_E2BIG:
  case FCGIP_EREENTRANT:
  case FCGIP_EAGAIN:
  case FCGIP_EFILE:
  case FCGIP_ETIMEDOUT:
  case FCGIP_EWRITE:
  case FCGIP_EREAD:
  case FCGIP_ECANCELED:
  case FCGIP_EPROTO:
  case FCGIP_EHEADER:
  case FCGIP_ETOOLARGE:
  case FCGIP_ELENGTH:
  case FCGIP_ESTATUSPATH:
  case FCGIP_ESTATUSFORMAT:
  case FCGIP_EFATAL:
  case FCGIP_ENOMEM:
    break;
  }
  if (!was_begun)
    return 1;
  return exchange->snapshot->retry_safe && !fcgip__response_has_bytes(exchange->response);
}

/* The sentence behind those of the servers that were tried before. Without memory the error's own has to do. */
static void set_text(fcgip__exchange *exchange, const fcgip__failure *failure)
{
  const fcgip__mem *mem = &exchange->pool->engine->mem;
  fcgip_response *response = exchange->response;
  char *text = fcgip__failure_text(mem, failure, fcgip_endpoint_address(exchange->pool->endpoint),
                                   response->error_text);

  fcgip__mem_free(mem, response->error_text);
  response->error_text = text;
}

void fcgip__exchange_note_address(fcgip__exchange *exchange, size_t index, int error_number)
{
  const fcgip__address_list *addresses = fcgip__endpoint_addresses(exchange->pool->endpoint);
  fcgip__failure failure = {.error = FCGIP_ECONNECT, .error_number = error_number};
  char text[FCGIP__ADDRESS_TEXT_MAX];

  if (fcgip__address_list_count(addresses) < 2)
    return;
  fcgip__address_text(fcgip__address_list_at(addresses, index), text);
  failure.detail = text;
  set_text(exchange, &failure);
}

void fcgip__exchange_disconnect(fcgip__exchange *exchange)
{
  fcgip__node *node;

  fcgip__list_remove(&exchange->connecting);
  while ((node = fcgip__list_first(&exchange->rivals)) != NULL)
    fcgip__connection_close(FCGIP__OWNER(node, fcgip__connection, rival));
  fcgip__list_remove(&exchange->unanswered);
  fcgip__connection_close(exchange->connection);
}

void fcgip__exchange_fail(fcgip__exchange *exchange, const fcgip__failure *failure)
{
  fcgip_response *response = exchange->response;
  fcgip__connection *connection = exchange->connection;
  int was_begun = connection != NULL && connection->sent > 0;

  if (connection != NULL)
    fcgip__exchange_disconnect(exchange);
  else if (fcgip__node_is_linked(&exchange->node))
    fcgip__pool_leave_queue(exchange->pool, exchange);
  set_text(exchange, failure);
  if (fcgip__exchange_fail_over(exchange, failure))
    return;
  response->error = failure->error;
  response->error_number = failure->error_number;
  response->is_partial = fcgip__response_has_bytes(response);
  response->is_retry_safe = is_retry_safe(exchange, failure, was_begun);
  finish(exchange);
}
