/* A request frozen for sending: encoded once, shared by every exchange that carries it, in one block of memory. */
#ifndef FCGIP_MESSAGE_SNAPSHOT_H
#define FCGIP_MESSAGE_SNAPSHOT_H

#include "base/alloc.h"
#include "base/refs.h"
#include "fastcgi/encoder.h"
#include "fcgiproxy/request.h"
#include "message/shared.h"

typedef struct fcgip__snapshot {
  fcgip__refs refs;
  fcgip__mem mem;
  fcgip__encoded encoded;
  uint64_t stream_len;     /* of all that is sent */
  fcgip__content *content; /* NULL for none */
  fcgip_timeouts timeouts;
  int is_head;    /* a response without body is right (RFC 9110 section 9.3.2) */
  int retry_safe; /* may be sent twice */
  int passes_through;
  int keeps_body;
  int is_small; /* all of it goes out in one piece */
  size_t callback_count;
  fcgip__callback **callbacks; /* in the same block, as encoded.params */
} fcgip__snapshot;

/* The request as it is now; the same snapshot again if nothing has changed. The caller drops it.
 * FCGIP_OK; FCGIP_EINVAL: a custom CONTENT_LENGTH that disagrees with the content; FCGIP_ENOMEM. */
int fcgip__snapshot_take(fcgip__snapshot **out, const fcgip_request *request);
static inline void fcgip__snapshot_ref(fcgip__snapshot *snapshot)
{
  fcgip__refs_take(&snapshot->refs);
}
void fcgip__snapshot_free(fcgip__snapshot *snapshot);
/* NULL is fine. */
static inline void fcgip__snapshot_drop(fcgip__snapshot *snapshot)
{
  if (snapshot != NULL && fcgip__refs_drop(&snapshot->refs))
    fcgip__snapshot_free(snapshot);
}

#endif
