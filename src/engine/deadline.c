/* Deadlines are computed from what an exchange is doing, never stored. */
#include "engine/parts.h"

/* The request's own value, or the endpoint's. */
static uint64_t after(uint64_t from_us, uint32_t of_request_ms, uint32_t of_endpoint_ms)
{
  uint32_t ms = of_request_ms != 0 ? of_request_ms : of_endpoint_ms;

  return ms == FCGIP__NONE ? FCGIP__NEVER : fcgip__later(from_us, (uint64_t)ms * 1000u);
}

static inline void sooner(fcgip__deadline *first, uint64_t due, enum fcgip__phase phase)
{
  if (due < first->due) {
    first->due = due;
    first->phase = phase;
  }
}

uint64_t fcgip__connect_deadline(const fcgip__exchange *exchange)
{
  return after(exchange->connect_started_us, exchange->snapshot->timeouts.connect_timeout_ms,
               exchange->pool->options->connect_timeout_ms);
}

static void transfer_deadlines(const fcgip__exchange *exchange, fcgip__deadline *first)
{
  const fcgip_timeouts *own = &exchange->snapshot->timeouts;
  const fcgip_endpoint_options *options = exchange->pool->options;

  if (exchange->is_paused || exchange->is_starved) /* it is not the server who is slow */
    return;
  sooner(first,
         after(exchange->active_us, own->read_write_timeout_ms, options->read_write_timeout_ms),
         exchange->connection->state == FCGIP__CONNECTION_SENDING ? FCGIP__PHASE_WRITE
                                                                  : FCGIP__PHASE_READ);
  if (exchange->is_sent && !exchange->has_answer)
    sooner(first,
           after(exchange->sent_us, own->first_byte_timeout_ms, options->first_byte_timeout_ms),
           FCGIP__PHASE_FIRST_BYTE);
}

static fcgip__deadline total_deadline(const fcgip__exchange *exchange, enum fcgip__phase phase)
{
  fcgip__deadline total = {.due = FCGIP__NEVER, .phase = FCGIP__PHASE_NONE};

  sooner(&total,
         after(exchange->started_us, exchange->snapshot->timeouts.request_timeout_ms,
               exchange->pool->options->request_timeout_ms),
         phase);
  return total;
}

int fcgip__exchange_is_late(const fcgip__exchange *exchange)
{
  return total_deadline(exchange, FCGIP__PHASE_NONE).due <= exchange->pool->engine->now_us;
}

fcgip__deadline fcgip__exchange_deadline(const fcgip__exchange *exchange)
{
  fcgip__deadline first;

  if (exchange->connection == NULL)
    return total_deadline(exchange, FCGIP__PHASE_QUEUED);
  first = total_deadline(exchange, FCGIP__PHASE_TOTAL);
  switch (exchange->connection->state) {
  case FCGIP__CONNECTION_CONNECTING:
    sooner(&first, fcgip__connect_deadline(exchange), FCGIP__PHASE_CONNECT);
    break;
  case FCGIP__CONNECTION_BACKOFF:
    sooner(&first, fcgip__connect_deadline(exchange), FCGIP__PHASE_BACKOFF);
    break;
  case FCGIP__CONNECTION_SENDING:
  case FCGIP__CONNECTION_RECEIVING:
    transfer_deadlines(exchange, &first);
    break;
  case FCGIP__CONNECTION_NEW:
  case FCGIP__CONNECTION_IDLE:
  case FCGIP__CONNECTION_CLOSED:
    break;
  }
  return first;
}
