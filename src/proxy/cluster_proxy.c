/* The cluster proxy: one request, every server. */
#include "fcgiproxy/cluster_proxy.h"

#include <string.h>

#include "fcgiproxy/error.h"
#include "message/snapshot.h"
#include "proxy/cluster_send.h"
#include "proxy/front.h"
#include "proxy/proxy.h"

struct fcgip_cluster_proxy {
  fcgip__front front;
};

fcgip__front *fcgip__cluster_front(const fcgip_cluster_proxy *cluster)
{
  return (fcgip__front *)(uintptr_t)cluster;
}

int fcgip__cluster_proxy_new(fcgip_cluster_proxy **out, const fcgip_collection *collection,
                             const fcgip_proxy_options *options, const fcgip__sys *sys)
{
  fcgip__front *front;
  int rc;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  rc = fcgip__front_new(&front, collection, options, 0, sys);
  if (rc == FCGIP_OK)
    *out = (fcgip_cluster_proxy *)front;
  return rc;
}

int fcgip_cluster_proxy_new(fcgip_cluster_proxy **out, const fcgip_collection *collection,
                            const fcgip_proxy_options *options)
{
  return fcgip__cluster_proxy_new(out, collection, options, NULL);
}

void fcgip_cluster_proxy_free(fcgip_cluster_proxy *cluster)
{
  fcgip__front_free(fcgip__cluster_front(cluster));
}

/* Prepares one exchange per server; all or none. */
static int prepare_all(fcgip__front *front, fcgip__snapshot *snapshot, fcgip__exchange **exchanges)
{
  size_t count = fcgip_collection_count(front->collection), i;
  int rc = FCGIP_OK;

  for (i = 0; i < count && rc == FCGIP_OK; i++)
    rc = fcgip__engine_prepare(front->engine, i, snapshot, 1, &exchanges[i]);
  if (rc < 0)
    for (i--; i-- > 0;)
      fcgip__engine_discard(front->engine, exchanges[i]);
  return rc;
}

int fcgip__cluster_send(fcgip_cluster_proxy *cluster, const fcgip_request *request,
                        fcgip_request_id *ids)
{
  fcgip__front *front = fcgip__cluster_front(cluster);
  size_t count;
  fcgip__exchange **exchanges;
  fcgip__snapshot *snapshot;
  int rc;

  if (cluster == NULL || request == NULL || fcgip__engine_is_doomed(front->engine))
    return FCGIP_EINVAL;
  count = fcgip_collection_count(front->collection);
  exchanges = (fcgip__exchange **)fcgip__mem_calloc(&front->mem, count, sizeof(fcgip__exchange *));
  if (exchanges == NULL)
    return FCGIP_ENOMEM;
  rc = fcgip__snapshot_take(&snapshot, request);
  if (rc == FCGIP_OK) {
    size_t i;

    fcgip__front_enter(front);
    rc = prepare_all(front, snapshot, exchanges);
    for (i = 0; i < count && rc == FCGIP_OK; i++) {
      if (ids != NULL)
        ids[i] = fcgip__exchange_id(exchanges[i]);
      fcgip__engine_start(front->engine, exchanges[i]);
    }
    fcgip__snapshot_drop(snapshot);
    fcgip__mem_free(&front->mem, exchanges);
    return fcgip__front_leave(front, rc);
  }
  fcgip__mem_free(&front->mem, exchanges);
  return rc;
}

int fcgip_cluster_proxy_send_async_request(fcgip_cluster_proxy *cluster,
                                           const fcgip_request *request)
{
  return fcgip__cluster_send(cluster, request, NULL);
}

int fcgip_cluster_proxy_next_response(fcgip_cluster_proxy *cluster, int timeout_ms,
                                      fcgip_response **out)
{
  return fcgip__front_next_response(fcgip__cluster_front(cluster), timeout_ms, out);
}

int fcgip_cluster_proxy_read_ready_responses(fcgip_cluster_proxy *cluster, int timeout_ms,
                                             fcgip_response **out, size_t cap, size_t *n)
{
  return fcgip__front_read_ready(fcgip__cluster_front(cluster), timeout_ms, out, cap, n);
}

int fcgip_cluster_proxy_wait_for_responses(fcgip_cluster_proxy *cluster, int timeout_ms)
{
  return fcgip__front_wait_for_responses(fcgip__cluster_front(cluster), timeout_ms);
}

int fcgip_cluster_proxy_handle_ready_responses(fcgip_cluster_proxy *cluster, int timeout_ms)
{
  return fcgip__front_handle_ready(fcgip__cluster_front(cluster), timeout_ms);
}

int fcgip_cluster_proxy_has_unhandled_responses(const fcgip_cluster_proxy *cluster)
{
  return fcgip__front_has_unhandled(fcgip__cluster_front(cluster));
}

size_t fcgip_cluster_proxy_pending(const fcgip_cluster_proxy *cluster)
{
  return fcgip__front_pending(fcgip__cluster_front(cluster));
}

int fcgip_cluster_proxy_cancel_all(fcgip_cluster_proxy *cluster)
{
  fcgip__front *front = fcgip__cluster_front(cluster);

  if (cluster == NULL)
    return FCGIP_EINVAL;
  fcgip__front_enter(front);
  if (!fcgip__engine_is_doomed(front->engine))
    fcgip__engine_cancel_all(front->engine);
  return fcgip__front_leave(front, FCGIP_OK);
}

int fcgip_cluster_proxy_pause(fcgip_cluster_proxy *cluster, fcgip_request_id id)
{
  return fcgip__front_pause(fcgip__cluster_front(cluster), id, 1);
}

int fcgip_cluster_proxy_resume(fcgip_cluster_proxy *cluster, fcgip_request_id id)
{
  return fcgip__front_pause(fcgip__cluster_front(cluster), id, 0);
}

int fcgip_cluster_proxy_endpoint_stats(const fcgip_cluster_proxy *cluster, size_t index,
                                       fcgip_endpoint_stats *out)
{
  return fcgip__front_stats(fcgip__cluster_front(cluster), index, out);
}

size_t fcgip_cluster_proxy_fds(const fcgip_cluster_proxy *cluster, struct pollfd *fds, size_t cap)
{
  return fcgip__front_fds(fcgip__cluster_front(cluster), fds, cap);
}

int fcgip_cluster_proxy_timeout_ms(const fcgip_cluster_proxy *cluster)
{
  return fcgip__front_timeout_ms(fcgip__cluster_front(cluster));
}

int fcgip_cluster_proxy_process_fd(fcgip_cluster_proxy *cluster, int fd, short revents)
{
  return fcgip__front_process_fd(fcgip__cluster_front(cluster), fd, revents);
}

int fcgip_cluster_proxy_process_timers(fcgip_cluster_proxy *cluster)
{
  return fcgip__front_process_timers(fcgip__cluster_front(cluster));
}

int fcgip_cluster_proxy_poll(fcgip_cluster_proxy *cluster, int timeout_ms)
{
  return fcgip__front_poll(fcgip__cluster_front(cluster), timeout_ms);
}
