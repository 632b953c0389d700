/* Counters of what was done with one endpoint. */
#include <string.h>

#include "engine/parts.h"
#include "fcgiproxy/error.h"

static uint64_t *counter_of(fcgip_endpoint_stats *stats, int error)
{
  switch ((enum fcgip_error)error) {
  case FCGIP_OK:
    return &stats->succeeded;
  case FCGIP_ERESOLVE:
  case FCGIP_ECONNECT:
  case FCGIP_EBUSY:
    return &stats->failed_connect;
  case FCGIP_ETIMEDOUT:
    return &stats->failed_timeout;
  case FCGIP_EWRITE:
  case FCGIP_EREAD:
    return &stats->failed_transfer;
  case FCGIP_ECANCELED:
    return &stats->failed_canceled;
  case FCGIP_EPROTO:
  case FCGIP_EHEADER:
  case FCGIP_ETOOLARGE:
  case FCGIP_ELENGTH:
    return &stats->failed_protocol;
  case FCGIP_ECANTMPX:
  case FCGIP_EOVERLOADED:
  case FCGIP_EROLE:
  case FCGIP_EREFUSED:
    return &stats->failed_refused;
  case FCGIP_EINVAL:
  case FCGIP_ENOTFOUND:
  case FCGIP_E2BIG:
  case FCGIP_EREENTRANT:
  case FCGIP_EAGAIN:
  case FCGIP_EQUEUEFULL:
  case FCGIP_EFILE:
  case FCGIP_ESTATUSPATH:
  case FCGIP_ESTATUSFORMAT:
  case FCGIP_EFATAL:
  case FCGIP_ENOMEM:
    break;
  }
  return &stats->failed_other;
}

void fcgip__stats_failed(fcgip_endpoint_stats *stats, int error)
{
  *counter_of(stats, error) += 1;
}

int fcgip__engine_stats(const fcgip__engine *engine, size_t pool, fcgip_endpoint_stats *out)
{
  const fcgip__pool *p;
  fcgip_endpoint_stats now;
  uint32_t size = out->struct_size;

  if (size < sizeof(uint32_t))
    return FCGIP_EINVAL;
  if (pool >= engine->pool_count)
    return FCGIP_ENOTFOUND;
  p = &engine->pools[pool];
  now = p->stats;
  now.struct_size = size;
  now.open = (uint32_t)p->open_count;
  now.idle = (uint32_t)p->idle_count;
  now.queued = (uint32_t)p->queued;
  memcpy(out, &now, size < sizeof(now) ? size : sizeof(now));
  return FCGIP_OK;
}
