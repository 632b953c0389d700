/* Deadlines are computed from what an exchange is doing, never stored. */
#include "engine/parts.h"

static uint64_t after(uint64_t from_us, uint32_t ms)
{
  return ms == FCGIP__NONE ? FCGIP__NEVER : fcgip__later(from_us, (uint64_t)ms * 1000u);
}

/* The request's own value, or the endpoint's. */
static uint32_t choose(uint32_t of_request, uint32_t of_endpoint)
{
  return of_request != 0 ? of_request : of_endpoint;
}

static void sooner(uint64_t due, enum fcgip__phase phase, uint64_t *first, enum fcgip__phase *which)
{
  if (due < *first) {
    *first = due;
    *which = phase;
  }
}

uint64_t fcgip__connect_deadline(const fcgip__exchange *exchange)
{
  return after(exchange->connect_started_us, choose(exchange->snapshot->timeouts.connect_timeout_ms,
                                                    exchange->pool->options->connect_timeout_ms));
}

static void transfer_deadlines(const fcgip__exchange *exchange, enum fcgip__phase phase,
                               uint64_t *first, enum fcgip__phase *which)
{
  const fcgip_timeouts *own = &exchange->snapshot->timeouts;
  const fcgip_endpoint_options *options = exchange->pool->options;

  if (exchange->is_paused || exchange->is_starved) /* it is not the server who is slow */
    return;
  sooner(after(exchange->active_us,
               choose(own->read_write_timeout_ms, options->read_write_timeout_ms)),
         phase, first, which);
  if (exchange->is_sent && !exchange->has_answer)
    sooner(after(exchange->sent_us,
                 choose(own->first_byte_timeout_ms, options->first_byte_timeout_ms)),
           FCGIP__PHASE_FIRST_BYTE, first, which);
}

uint64_t fcgip__exchange_deadline(const fcgip__exchange *exchange, enum fcgip__phase *phase)
{
  uint64_t first = FCGIP__NEVER;

  *phase = FCGIP__PHASE_NONE;
  sooner(after(exchange->started_us, choose(exchange->snapshot->timeouts.request_timeout_ms,
                                            exchange->pool->options->request_timeout_ms)),
         exchange->connection == NULL ? FCGIP__PHASE_QUEUED : FCGIP__PHASE_TOTAL, &first, phase);
  if (exchange->connection == NULL)
    return first;
  switch (exchange->connection->state) {
  case FCGIP__CONNECTION_CONNECTING:
    sooner(fcgip__connect_deadline(exchange), FCGIP__PHASE_CONNECT, &first, phase);
    break;
  case FCGIP__CONNECTION_BACKOFF:
    sooner(fcgip__connect_deadline(exchange), FCGIP__PHASE_BACKOFF, &first, phase);
    break;
  case FCGIP__CONNECTION_SENDING:
    transfer_deadlines(exchange, FCGIP__PHASE_WRITE, &first, phase);
    break;
  case FCGIP__CONNECTION_RECEIVING:
    transfer_deadlines(exchange, FCGIP__PHASE_READ, &first, phase);
    break;
  case FCGIP__CONNECTION_NEW:
  case FCGIP__CONNECTION_IDLE:
  case FCGIP__CONNECTION_CLOSED:
    break;
  }
  return first;
}
