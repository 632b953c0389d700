/* Taking results off the engine: read, that is handed to the caller, or handled, that is handed to the callbacks. */
#include "fcgiproxy/error.h"
#include "proxy/front.h"

static int is_done(fcgip__front *front, void *context)
{
  const fcgip_request_id *id = context;
  const fcgip__exchange *exchange = fcgip__engine_find(front->engine, *id);

  return exchange == NULL || fcgip__exchange_is_done(exchange);
}

static int any_is_done(fcgip__front *front, void *context)
{
  (void)context;
  return fcgip__engine_done_count(front->engine) > 0;
}

/* FCGIP_OK: the exchange is done; FCGIP_ENOTFOUND; FCGIP_EAGAIN; FCGIP_EREENTRANT. Call while entered. */
static int wait_for_one(fcgip__front *front, fcgip_request_id id, int timeout_ms,
                        fcgip__exchange **out)
{
  int rc;

  *out = fcgip__engine_find(front->engine, id);
  if (*out == NULL)
    return FCGIP_ENOTFOUND;
  if (fcgip__exchange_is_done(*out))
    return FCGIP_OK;
  rc = fcgip__front_wait(front, timeout_ms, is_done, &id);
  if (rc < 0)
    return rc;
  *out = fcgip__engine_find(front->engine, id);
  return *out != NULL ? FCGIP_OK : FCGIP_ENOTFOUND;
}

int fcgip__front_read_response(fcgip__front *front, fcgip_request_id id, int timeout_ms,
                               fcgip_response **out)
{
  fcgip__exchange *exchange;
  int rc;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  rc = fcgip__front_may_wait(front, timeout_ms);
  if (rc < 0)
    return rc;
  fcgip__front_enter(front);
  rc = wait_for_one(front, id, timeout_ms, &exchange);
  if (rc == FCGIP_OK) {
    *out = fcgip__engine_take(front->engine, exchange, NULL);
    rc = fcgip_response_error(*out);
  }
  return fcgip__front_leave(front, rc);
}

int fcgip__front_next_response(fcgip__front *front, int timeout_ms, fcgip_response **out)
{
  size_t n;
  int rc = fcgip__front_read_ready(front, timeout_ms, out, 1, &n);

  if (rc == FCGIP_EAGAIN)
    return 0;
  return rc < 0 ? rc : (int)n;
}

int fcgip__front_read_ready(fcgip__front *front, int timeout_ms, fcgip_response **out, size_t cap,
                            size_t *n)
{
  fcgip__exchange *exchange;
  int rc;

  if (n != NULL)
    *n = 0;
  if (out == NULL || n == NULL || cap == 0)
    return FCGIP_EINVAL;
  *out = NULL;
  rc = fcgip__front_may_wait(front, timeout_ms);
  if (rc < 0)
    return rc;
  fcgip__front_enter(front);
  rc = fcgip__front_wait(front, timeout_ms, any_is_done, NULL);
  while (rc == FCGIP_OK && *n < cap && (exchange = fcgip__engine_first_done(front->engine)) != NULL)
    out[(*n)++] = fcgip__engine_take(front->engine, exchange, NULL);
  return fcgip__front_leave(front, rc);
}

/* Runs the callbacks of a done exchange, which has left every table by then. FCGIP_OK; FCGIP_EREENTRANT: one of them
 * has freed the front. */
static int handle(fcgip__front *front, fcgip__exchange *exchange)
{
  fcgip__engine *engine = front->engine;
  fcgip__snapshot *snapshot;
  fcgip_response *response = fcgip__engine_take(engine, exchange, &snapshot);
  enum fcgip__callback_kind kind = fcgip_response_error(response) == FCGIP_OK
                                       ? FCGIP__CALLBACK_RESPONSE
                                       : FCGIP__CALLBACK_FAILURE;
  size_t i;

  for (i = 0; i < snapshot->callback_count && !fcgip__engine_is_doomed(engine); i++) {
    const fcgip__callback *callback = snapshot->callbacks[i];

    if (callback->kind == kind)
      callback->response_fn(response, callback->user_data);
  }
  fcgip__snapshot_drop(snapshot);
  fcgip_response_free(response);
  fcgip__engine_read_clock(engine);
  fcgip__engine_settle(engine); /* what the callbacks have sent goes out */
  return fcgip__engine_is_doomed(engine) ? FCGIP_EREENTRANT : FCGIP_OK;
}

int fcgip__front_wait_for_response(fcgip__front *front, fcgip_request_id id, int timeout_ms)
{
  fcgip__exchange *exchange;
  int rc = fcgip__front_may_wait(front, timeout_ms);

  if (rc < 0)
    return rc;
  fcgip__front_enter(front);
  rc = wait_for_one(front, id, timeout_ms, &exchange);
  if (rc == FCGIP_OK)
    rc = handle(front, exchange);
  return fcgip__front_leave(front, rc);
}

/* Handles what is done now: not what callbacks make done meanwhile, so that it comes to an end. */
static int handle_done(fcgip__front *front, int *handled)
{
  size_t left = fcgip__engine_done_count(front->engine);
  fcgip__exchange *exchange;
  int rc = FCGIP_OK;

  while (rc == FCGIP_OK && left-- > 0 &&
         (exchange = fcgip__engine_first_done(front->engine)) != NULL) {
    rc = handle(front, exchange);
    *handled += 1;
  }
  return rc;
}

int fcgip__front_wait_for_responses(fcgip__front *front, int timeout_ms)
{
  int rc = fcgip__front_may_wait(front, timeout_ms), handled = 0;
  fcgip__span span;

  if (rc < 0)
    return rc;
  fcgip__front_enter(front);
  fcgip__span_begin(&span, front, timeout_ms);
  do {
    int left = fcgip__span_left(&span);

    rc = fcgip__front_wait(front, left, any_is_done, NULL);
    if (rc == FCGIP_OK)
      rc = handle_done(front, &handled);
    /* Callbacks that send again and again must not keep it past its time. */
    if (rc == FCGIP_OK && left == 0 && fcgip__front_has_unhandled(front))
      rc = FCGIP_EAGAIN;
  } while (rc == FCGIP_OK && fcgip__front_has_unhandled(front));
  return fcgip__front_leave(front, rc);
}

int fcgip__front_handle_ready(fcgip__front *front, int timeout_ms)
{
  int rc = fcgip__front_may_wait(front, timeout_ms), handled = 0;

  if (rc < 0)
    return rc;
  fcgip__front_enter(front);
  rc = fcgip__front_wait(front, timeout_ms, any_is_done, NULL);
  if (rc == FCGIP_OK)
    rc = handle_done(front, &handled);
  else if (rc == FCGIP_EAGAIN)
    rc = FCGIP_OK;
  return fcgip__front_leave(front, rc < 0 ? rc : handled);
}

int fcgip__front_has_unhandled(const fcgip__front *front)
{
  if (front == NULL)
    return 0;
  return fcgip__engine_pending(front->engine) > 0 || fcgip__engine_done_count(front->engine) > 0;
}

size_t fcgip__front_pending(const fcgip__front *front)
{
  return front != NULL ? fcgip__engine_pending(front->engine) : 0;
}
