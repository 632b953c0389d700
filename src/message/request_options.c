/* What a request carries beside variables and content: deadlines and callbacks. */
#include <string.h>

#include "base/options.h"
#include "fcgiproxy/error.h"
#include "message/request.h"

int fcgip_request_set_timeouts(fcgip_request *request, const fcgip_timeouts *timeouts)
{
  fcgip_timeouts known;
  int rc;

  if (request == NULL || timeouts == NULL)
    return FCGIP_EINVAL;
  rc = fcgip__options_import(&known, sizeof(known), timeouts, sizeof(known));
  if (rc < 0)
    return rc;
  if (known.reserved != 0)
    return FCGIP_EINVAL;
  request->timeouts = known;
  fcgip__request_changed(request);
  return FCGIP_OK;
}

int fcgip_request_timeouts(const fcgip_request *request, fcgip_timeouts *out)
{
  uint32_t size;

  if (request == NULL || out == NULL || out->struct_size < sizeof(*out))
    return FCGIP_EINVAL;
  size = out->struct_size;
  *out = request->timeouts;
  out->struct_size = size;
  return FCGIP_OK;
}

static int set_timeout(fcgip_request *request, uint32_t *field, uint32_t ms)
{
  *field = ms;
  fcgip__request_changed(request);
  return FCGIP_OK;
}

int fcgip_request_set_connect_timeout_ms(fcgip_request *request, uint32_t ms)
{
  if (request == NULL)
    return FCGIP_EINVAL;
  return set_timeout(request, &request->timeouts.connect_timeout_ms, ms);
}

int fcgip_request_set_read_write_timeout_ms(fcgip_request *request, uint32_t ms)
{
  if (request == NULL)
    return FCGIP_EINVAL;
  return set_timeout(request, &request->timeouts.read_write_timeout_ms, ms);
}

int fcgip_request_set_first_byte_timeout_ms(fcgip_request *request, uint32_t ms)
{
  if (request == NULL)
    return FCGIP_EINVAL;
  return set_timeout(request, &request->timeouts.first_byte_timeout_ms, ms);
}

int fcgip_request_set_request_timeout_ms(fcgip_request *request, uint32_t ms)
{
  if (request == NULL)
    return FCGIP_EINVAL;
  return set_timeout(request, &request->timeouts.request_timeout_ms, ms);
}

/* One more callback at the end; NULL if there is no memory. */
static fcgip__callback *append(fcgip_request *request, enum fcgip__callback_kind kind,
                               void *user_data, fcgip_release_fn release)
{
  fcgip__callback **callbacks = (fcgip__callback **)fcgip__mem_realloc_array(
      &request->mem, request->callbacks, request->callback_count + 1, sizeof(fcgip__callback *));
  fcgip__callback *callback;

  if (callbacks == NULL)
    return NULL;
  request->callbacks = callbacks;
  callback = fcgip__callback_new(&request->mem, kind, release, user_data);
  if (callback == NULL)
    return NULL;
  callbacks[request->callback_count++] = callback;
  fcgip__request_changed(request);
  return callback;
}

static int refuse(int rc, void *user_data, fcgip_release_fn release)
{
  if (release != NULL)
    release(user_data);
  return rc;
}

static int add_response_fn(fcgip_request *request, enum fcgip__callback_kind kind,
                           fcgip_response_fn fn, void *user_data, fcgip_release_fn release)
{
  fcgip__callback *callback;

  if (request == NULL || fn == NULL)
    return refuse(FCGIP_EINVAL, user_data, release);
  callback = append(request, kind, user_data, release);
  if (callback == NULL)
    return refuse(FCGIP_ENOMEM, user_data, release);
  callback->response_fn = fn;
  return FCGIP_OK;
}

int fcgip_request_add_response_callback(fcgip_request *request, fcgip_response_fn fn,
                                        void *user_data, fcgip_release_fn release)
{
  return add_response_fn(request, FCGIP__CALLBACK_RESPONSE, fn, user_data, release);
}

int fcgip_request_add_failure_callback(fcgip_request *request, fcgip_response_fn fn,
                                       void *user_data, fcgip_release_fn release)
{
  return add_response_fn(request, FCGIP__CALLBACK_FAILURE, fn, user_data, release);
}

int fcgip_request_add_pass_through_callback(fcgip_request *request, fcgip_pass_through_fn fn,
                                            void *user_data, fcgip_release_fn release)
{
  fcgip__callback *callback;

  if (request == NULL || fn == NULL)
    return refuse(FCGIP_EINVAL, user_data, release);
  callback = append(request, FCGIP__CALLBACK_PASS_THROUGH, user_data, release);
  if (callback == NULL)
    return refuse(FCGIP_ENOMEM, user_data, release);
  callback->pass_through_fn = fn;
  return FCGIP_OK;
}
