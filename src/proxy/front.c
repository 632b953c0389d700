#include "proxy/front.h"

#include <string.h>

#include "base/options.h"
#include "base/rare.h"
#include "base/timers.h"
#include "fcgiproxy/error.h"

static int import_options(fcgip_proxy_options *known, const fcgip_proxy_options *given,
                          uint32_t flags)
{
  int rc = FCGIP_OK;

  memset(known, 0, sizeof(*known));
  if (given != NULL)
    rc = fcgip__options_import(known, sizeof(*known), given, sizeof(*known));
  if (rc == FCGIP_OK && (known->flags & ~flags) != 0)
    rc = FCGIP_EINVAL;
  return rc;
}

int fcgip__front_new(fcgip__front **out, const fcgip_collection *collection,
                     const fcgip_proxy_options *options, uint32_t flags, const fcgip__sys *sys)
{
  fcgip_proxy_options known;
  fcgip__front *front;
  fcgip__mem mem;
  int rc;

  if (collection == NULL)
    return FCGIP_EINVAL;
  rc = import_options(&known, options, flags);
  if (rc == FCGIP_OK)
    rc = fcgip__mem_import(&mem, known.allocator);
  if (rc < 0)
    return rc;
  front = fcgip__mem_calloc(&mem, 1, sizeof(*front));
  if (front == NULL)
    return FCGIP_ENOMEM;
  front->mem = mem;
  rc = fcgip__engine_new(&front->engine, &mem, sys != NULL ? sys : &fcgip__sys_posix, collection,
                         &known);
  if (rc < 0) {
    fcgip__mem_free(&mem, front);
    return rc;
  }
  front->collection = fcgip__collection_ref(collection);
  fcgip__picker_init(&front->picker, collection);
  *out = front;
  return FCGIP_OK;
}

FCGIP__RARE static void destroy(fcgip__front *front)
{
  fcgip__mem mem = front->mem;

  fcgip__engine_free(front->engine);
  fcgip_collection_free(front->collection);
  fcgip__mem_free(&mem, front);
}

void fcgip__front_free(fcgip__front *front)
{
  if (front == NULL)
    return;
  if (fcgip__engine_is_entered(front->engine))
    fcgip__engine_doom(front->engine);
  else
    destroy(front);
}

void fcgip__front_enter(fcgip__front *front)
{
  fcgip__engine_enter(front->engine);
}

int fcgip__front_leave(fcgip__front *front, int rc)
{
  if (!fcgip__engine_leave(front->engine))
    return rc;
  destroy(front);
  return FCGIP_EREENTRANT;
}

int fcgip__front_may_wait(const fcgip__front *front, int timeout_ms)
{
  if (front == NULL || timeout_ms < -1)
    return FCGIP_EINVAL;
  return fcgip__engine_is_entered(front->engine) ? FCGIP_EREENTRANT : FCGIP_OK;
}

void fcgip__span_begin(fcgip__span *span, const fcgip__front *front, int timeout_ms)
{
  span->front = front;
  span->timeout_ms = timeout_ms;
  span->start_us = fcgip__engine_clock_us(front->engine);
}

int fcgip__span_left(const fcgip__span *span)
{
  uint64_t spent_ms;

  if (span->timeout_ms <= 0)
    return span->timeout_ms;
  spent_ms = (fcgip__engine_clock_us(span->front->engine) - span->start_us) / 1000u;
  return spent_ms >= (uint64_t)span->timeout_ms ? 0 : span->timeout_ms - (int)spent_ms;
}

/* Milliseconds from now to `deadline`, rounded up; -1 for none. */
static int left_ms(uint64_t now, uint64_t deadline)
{
  if (deadline == UINT64_MAX)
    return -1;
  return deadline <= now ? 0 : (int)((deadline - now + 999u) / 1000u);
}

int fcgip__front_wait(fcgip__front *front, int timeout_ms, fcgip__ready_fn ready, void *context)
{
  fcgip__engine *engine = front->engine;
  uint64_t start = fcgip__engine_now_us(engine);
  uint64_t deadline =
      timeout_ms < 0 ? UINT64_MAX : fcgip__later(start, (uint64_t)timeout_ms * 1000u);

  for (;;) {
    int left;

    if (ready(front, context) || fcgip__engine_pending(engine) == 0)
      return FCGIP_OK;
    /* Whoever only asks what is there by now has a loop that knows: no walk over all connections. */
    if (timeout_ms == 0 && fcgip__engine_is_watched(engine))
      return FCGIP_EAGAIN;
    left = left_ms(fcgip__engine_now_us(engine), deadline);
    if (fcgip__engine_poll(engine, left) < 0)
      return FCGIP_EAGAIN;
    fcgip__engine_settle(engine);
    if (fcgip__engine_is_doomed(engine))
      return FCGIP_EREENTRANT;
    if (left == 0)
      return ready(front, context) ? FCGIP_OK : FCGIP_EAGAIN;
  }
}

int fcgip__front_nudge(fcgip__front *front)
{
  if (fcgip__engine_is_entered(front->engine) || fcgip__engine_pending(front->engine) == 0)
    return FCGIP_OK;
  fcgip__front_enter(front);
  fcgip__engine_poll(front->engine, 0);
  return fcgip__front_leave(front, FCGIP_OK);
}

int fcgip__front_pause(fcgip__front *front, fcgip_request_id id, int yes)
{
  fcgip__exchange *exchange = front != NULL ? fcgip__engine_find(front->engine, id) : NULL;

  if (exchange == NULL)
    return front != NULL ? FCGIP_ENOTFOUND : FCGIP_EINVAL;
  fcgip__front_enter(front);
  if (yes)
    fcgip__engine_pause(front->engine, exchange);
  else
    fcgip__engine_resume(front->engine, exchange);
  return fcgip__front_leave(front, FCGIP_OK);
}

int fcgip__front_stats(const fcgip__front *front, size_t index, fcgip_endpoint_stats *out)
{
  if (front == NULL || out == NULL)
    return FCGIP_EINVAL;
  return fcgip__engine_stats(front->engine, index, out);
}

size_t fcgip__front_fds(const fcgip__front *front, struct pollfd *fds, size_t cap)
{
  if (front == NULL)
    return 0;
  return fcgip__engine_fds(front->engine, fds, fds != NULL ? cap : 0);
}

int fcgip__front_timeout_ms(const fcgip__front *front)
{
  return front != NULL ? fcgip__engine_timeout_ms(front->engine) : -1;
}

int fcgip__front_process_fd(fcgip__front *front, int fd, short revents)
{
  int rc = fcgip__front_may_wait(front, 0);

  if (rc < 0)
    return rc;
  fcgip__front_enter(front);
  fcgip__engine_process_fd(front->engine, fd, revents);
  return fcgip__front_leave(front, FCGIP_OK);
}

int fcgip__front_process_timers(fcgip__front *front)
{
  int rc = fcgip__front_may_wait(front, 0);

  if (rc < 0)
    return rc;
  fcgip__front_enter(front);
  fcgip__engine_process_timers(front->engine);
  return fcgip__front_leave(front, FCGIP_OK);
}

int fcgip__front_poll(fcgip__front *front, int timeout_ms)
{
  int rc = fcgip__front_may_wait(front, timeout_ms);
  size_t pending;

  if (rc < 0)
    return rc;
  fcgip__front_enter(front);
  pending = fcgip__engine_pending(front->engine);
  if (fcgip__engine_poll(front->engine, timeout_ms) > 0 ||
      fcgip__engine_pending(front->engine) != pending)
    rc = FCGIP_OK;
  else
    rc = FCGIP_EAGAIN;
  return fcgip__front_leave(front, rc);
}
