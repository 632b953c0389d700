/* Why an exchange failed, as a sentence. */
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "engine/parts.h"
#include "fcgiproxy/error.h"

#define TEXT_LIMIT 65536u

void fcgip__failure_of_phase(fcgip__failure *failure, enum fcgip__phase phase)
{
  failure->error = FCGIP_ETIMEDOUT;
  failure->error_number = 0;
  failure->protocol_status = 0;
  failure->is_connect_timeout = phase == FCGIP__PHASE_CONNECT;
  switch (phase) {
  case FCGIP__PHASE_QUEUED:
    failure->detail = "request_timeout_ms, waiting in the client's queue for a connection";
    break;
  case FCGIP__PHASE_CONNECT:
    failure->detail = "connect_timeout_ms, connecting";
    break;
  case FCGIP__PHASE_BACKOFF:
    failure->error = FCGIP_EBUSY;
    failure->detail = "all workers are busy and as many connections wait as the server allows";
    break;
  case FCGIP__PHASE_WRITE:
    failure->detail = "read_write_timeout_ms, sending";
    break;
  case FCGIP__PHASE_READ:
    failure->detail = "read_write_timeout_ms, waiting for the response";
    break;
  case FCGIP__PHASE_FIRST_BYTE:
    failure->detail = "first_byte_timeout_ms, waiting for the first byte of the response";
    break;
  case FCGIP__PHASE_TOTAL:
  case FCGIP__PHASE_NONE:
    failure->detail = "request_timeout_ms, in all";
    break;
  }
}

static int add_reason(fcgip__buffer *text, const char *reason)
{
  int rc = fcgip__buffer_add_text(text, " (");

  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(text, reason);
  return rc == FCGIP_OK ? fcgip__buffer_add_text(text, ")") : rc;
}

static int add_errno(fcgip__buffer *text, int error_number)
{
  const char *known = fcgip__errno_text(error_number);
  int rc;

  if (known[0] != '\0')
    return add_reason(text, known);
  rc = fcgip__buffer_add_text(text, " (errno ");
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_number(text, (uint64_t)error_number);
  return rc == FCGIP_OK ? fcgip__buffer_add_text(text, ")") : rc;
}

static int add_protocol_status(fcgip__buffer *text, int protocol_status)
{
  int rc = fcgip__buffer_add_text(text, " (protocol status ");

  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_number(text, (uint64_t)protocol_status);
  return rc == FCGIP_OK ? fcgip__buffer_add_text(text, ")") : rc;
}

char *fcgip__failure_text(const fcgip__mem *mem, const fcgip__failure *failure, const char *address,
                          const char *before)
{
  fcgip__buffer text;
  size_t len;
  int rc = FCGIP_OK;

  fcgip__buffer_init(&text, mem, TEXT_LIMIT);
  if (before != NULL) {
    rc = fcgip__buffer_add_text(&text, before);
    if (rc == FCGIP_OK)
      rc = fcgip__buffer_add_text(&text, "; ");
  }
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_escaped(&text, address, strlen(address));
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(&text, ": ");
  if (rc == FCGIP_OK)
    rc = fcgip__buffer_add_text(&text, fcgip_strerror(failure->error));
  if (rc == FCGIP_OK && failure->detail != NULL)
    rc = add_reason(&text, failure->detail);
  if (rc == FCGIP_OK && failure->error_number != 0)
    rc = add_errno(&text, failure->error_number);
  if (rc == FCGIP_OK && failure->protocol_status != 0)
    rc = add_protocol_status(&text, failure->protocol_status);
  if (rc < 0) {
    fcgip__buffer_deinit(&text);
    return NULL;
  }
  return (char *)fcgip__buffer_detach(&text, &len);
}
