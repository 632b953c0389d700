/* The proxy: one request, one server. */
#include "fcgiproxy/proxy.h"

#include <string.h>

#include "fcgiproxy/error.h"
#include "message/snapshot.h"
#include "proxy/front.h"
#include "proxy/proxy.h"

/* A proxy is its front; the names differ so that handles cannot be mixed up. */
struct fcgip_proxy {
  fcgip__front front;
};

static fcgip__front *front_of(const fcgip_proxy *proxy)
{
  return (fcgip__front *)(uintptr_t)proxy;
}

int fcgip__proxy_new(fcgip_proxy **out, const fcgip_collection *collection,
                     const fcgip_proxy_options *options, const fcgip__sys *sys)
{
  fcgip__front *front;
  int rc;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  if (collection == NULL || !fcgip__collection_picks(collection))
    return FCGIP_EINVAL;
  rc = fcgip__front_new(&front, collection, options, FCGIP_PROXY_FAILOVER, sys);
  if (rc == FCGIP_OK)
    *out = (fcgip_proxy *)front;
  return rc;
}

int fcgip_proxy_new(fcgip_proxy **out, const fcgip_collection *collection,
                    const fcgip_proxy_options *options)
{
  return fcgip__proxy_new(out, collection, options, NULL);
}

void fcgip_proxy_free(fcgip_proxy *proxy)
{
  fcgip__front_free(front_of(proxy));
}

/* Call while entered. */
static int send_snapshot(fcgip__front *front, const fcgip_request *request,
                         fcgip__snapshot *snapshot, fcgip_request_id *id)
{
  fcgip__exchange *exchange = NULL;
  size_t index = 0;
  int rc = fcgip__picker_pick(&front->picker, front->collection, request, &index);

  if (rc == FCGIP_OK)
    rc = fcgip__engine_prepare(front->engine, index, snapshot, 0, &exchange);
  if (rc < 0)
    return rc;
  *id = fcgip__exchange_id(exchange);
  fcgip__engine_start_last(front->engine, exchange);
  return FCGIP_OK;
}

int fcgip_proxy_send_async_request(fcgip_proxy *proxy, const fcgip_request *request,
                                   fcgip_request_id *out)
{
  fcgip__front *front = front_of(proxy);
  fcgip__snapshot *snapshot;
  fcgip_request_id id = 0;
  int rc;

  if (out != NULL)
    *out = 0;
  if (proxy == NULL || request == NULL || fcgip__engine_is_doomed(front->engine))
    return FCGIP_EINVAL;
  rc = fcgip__snapshot_take(&snapshot, request);
  if (rc < 0)
    return rc;
  fcgip__front_enter(front);
  rc = send_snapshot(front, request, snapshot, &id);
  fcgip__snapshot_drop(snapshot);
  rc = fcgip__front_leave(front, rc);
  if (rc == FCGIP_OK && out != NULL)
    *out = id;
  return rc;
}

int fcgip_proxy_send_request(fcgip_proxy *proxy, const fcgip_request *request, fcgip_response **out)
{
  fcgip_request_id id = 0;
  int rc;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  rc = fcgip__front_may_wait(front_of(proxy), -1);
  if (rc == FCGIP_OK)
    rc = fcgip_proxy_send_async_request(proxy, request, &id);
  if (rc == FCGIP_OK)
    rc = fcgip_proxy_read_response(proxy, id, -1, out);
  if (rc == FCGIP_EAGAIN && *out == NULL) {
    /* Paused, or its source starves, and nobody is there to go on: it ends here. */
    (void)fcgip_proxy_cancel(proxy, id);
    rc = fcgip_proxy_read_response(proxy, id, 0, out);
  }
  return rc;
}

int fcgip_proxy_read_response(fcgip_proxy *proxy, fcgip_request_id id, int timeout_ms,
                              fcgip_response **out)
{
  return fcgip__front_read_response(front_of(proxy), id, timeout_ms, out);
}

int fcgip_proxy_read_responses(fcgip_proxy *proxy, int timeout_ms, const fcgip_request_id *ids,
                               size_t n, fcgip_response **out)
{
  int rc = fcgip__front_may_wait(front_of(proxy), timeout_ms), count = 0;
  size_t i;
  fcgip__span span;

  if (rc < 0)
    return rc;
  if (n > 0 && (ids == NULL || out == NULL))
    return FCGIP_EINVAL;
  fcgip__span_begin(&span, front_of(proxy), timeout_ms);
  for (i = 0; i < n; i++)
    out[i] = NULL;
  for (i = 0; i < n; i++) {
    rc = fcgip_proxy_read_response(proxy, ids[i], fcgip__span_left(&span), &out[i]);
    if (rc == FCGIP_EREENTRANT)
      break;
    count += out[i] != NULL;
  }
  if (rc != FCGIP_EREENTRANT)
    return count;
  /* The proxy is gone: nobody will be told what was read before. */
  for (i = 0; i < n; i++) {
    fcgip_response_free(out[i]);
    out[i] = NULL;
  }
  return rc;
}

int fcgip_proxy_read_ready_responses(fcgip_proxy *proxy, int timeout_ms, fcgip_response **out,
                                     size_t cap, size_t *n)
{
  return fcgip__front_read_ready(front_of(proxy), timeout_ms, out, cap, n);
}

int fcgip_proxy_next_response(fcgip_proxy *proxy, int timeout_ms, fcgip_response **out)
{
  return fcgip__front_next_response(front_of(proxy), timeout_ms, out);
}

int fcgip_proxy_has_response(fcgip_proxy *proxy, fcgip_request_id id)
{
  const fcgip__exchange *exchange;
  int rc;

  if (proxy == NULL)
    return FCGIP_EINVAL;
  exchange = fcgip__engine_find(front_of(proxy)->engine, id);
  if (exchange == NULL)
    return FCGIP_ENOTFOUND;
  if (fcgip__exchange_is_done(exchange))
    return 1;
  rc = fcgip__front_nudge(front_of(proxy));
  return rc < 0 ? rc : fcgip__exchange_is_done(exchange);
}

size_t fcgip_proxy_request_ids_having_response(fcgip_proxy *proxy, fcgip_request_id *ids,
                                               size_t cap)
{
  fcgip__exchange *exchange;
  fcgip__engine *engine;
  size_t count = 0;

  if (proxy == NULL || fcgip__front_nudge(front_of(proxy)) < 0)
    return 0;
  engine = front_of(proxy)->engine;
  for (exchange = fcgip__engine_first_done(engine); exchange != NULL && ids != NULL && count < cap;
       exchange = fcgip__engine_next_done(engine, exchange))
    ids[count++] = fcgip__exchange_id(exchange);
  return fcgip__engine_done_count(engine);
}

int fcgip_proxy_wait_for_response(fcgip_proxy *proxy, fcgip_request_id id, int timeout_ms)
{
  return fcgip__front_wait_for_response(front_of(proxy), id, timeout_ms);
}

int fcgip_proxy_wait_for_responses(fcgip_proxy *proxy, int timeout_ms)
{
  return fcgip__front_wait_for_responses(front_of(proxy), timeout_ms);
}

int fcgip_proxy_handle_response(fcgip_proxy *proxy, fcgip_request_id id, int timeout_ms)
{
  return fcgip__front_wait_for_response(front_of(proxy), id, timeout_ms);
}

int fcgip_proxy_handle_responses(fcgip_proxy *proxy, int timeout_ms, const fcgip_request_id *ids,
                                 size_t n)
{
  int rc = fcgip__front_may_wait(front_of(proxy), timeout_ms), count = 0;
  size_t i;
  fcgip__span span;

  if (rc < 0)
    return rc;
  if (n > 0 && ids == NULL)
    return FCGIP_EINVAL;
  fcgip__span_begin(&span, front_of(proxy), timeout_ms);
  for (i = 0; i < n; i++) {
    rc = fcgip_proxy_handle_response(proxy, ids[i], fcgip__span_left(&span));
    if (rc == FCGIP_EREENTRANT)
      return rc;
    count += rc == FCGIP_OK;
  }
  return count;
}

int fcgip_proxy_handle_ready_responses(fcgip_proxy *proxy, int timeout_ms)
{
  return fcgip__front_handle_ready(front_of(proxy), timeout_ms);
}

int fcgip_proxy_has_unhandled_responses(const fcgip_proxy *proxy)
{
  return fcgip__front_has_unhandled(front_of(proxy));
}

size_t fcgip_proxy_pending(const fcgip_proxy *proxy)
{
  return fcgip__front_pending(front_of(proxy));
}

int fcgip_proxy_cancel(fcgip_proxy *proxy, fcgip_request_id id)
{
  fcgip__front *front = front_of(proxy);
  fcgip__exchange *exchange;

  if (proxy == NULL)
    return FCGIP_EINVAL;
  exchange = fcgip__engine_find(front->engine, id);
  if (exchange == NULL)
    return FCGIP_ENOTFOUND;
  fcgip__front_enter(front);
  if (!fcgip__engine_is_doomed(front->engine))
    fcgip__engine_cancel(front->engine, exchange);
  return fcgip__front_leave(front, FCGIP_OK);
}

int fcgip_proxy_pause(fcgip_proxy *proxy, fcgip_request_id id)
{
  return fcgip__front_pause(front_of(proxy), id, 1);
}

int fcgip_proxy_resume(fcgip_proxy *proxy, fcgip_request_id id)
{
  return fcgip__front_pause(front_of(proxy), id, 0);
}

int fcgip_proxy_endpoint_stats(const fcgip_proxy *proxy, size_t index, fcgip_endpoint_stats *out)
{
  return fcgip__front_stats(front_of(proxy), index, out);
}

size_t fcgip_proxy_fds(const fcgip_proxy *proxy, struct pollfd *fds, size_t cap)
{
  return fcgip__front_fds(front_of(proxy), fds, cap);
}

int fcgip_proxy_timeout_ms(const fcgip_proxy *proxy)
{
  return fcgip__front_timeout_ms(front_of(proxy));
}

int fcgip_proxy_process_fd(fcgip_proxy *proxy, int fd, short revents)
{
  return fcgip__front_process_fd(front_of(proxy), fd, revents);
}

int fcgip_proxy_process_timers(fcgip_proxy *proxy)
{
  return fcgip__front_process_timers(front_of(proxy));
}

int fcgip_proxy_poll(fcgip_proxy *proxy, int timeout_ms)
{
  return fcgip__front_poll(front_of(proxy), timeout_ms);
}
