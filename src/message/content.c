/* Forms, multiparts and JSON as the content of a request. */
#include "fcgiproxy/content.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/random.h"
#include "fcgiproxy/error.h"
#include "message/multipart.h"
#include "message/request.h"

/* Content and content type change together or not at all. The copy has a NUL behind it, as every
 * content that we make. */
static int set_copy(fcgip_request *request, const void *data, size_t len, const char *content_type)
{
  char *copy = fcgip__mem_strndup(fcgip__request_mem(request), data, len);

  if (copy == NULL)
    return FCGIP_ENOMEM;
  return fcgip__request_adopt_content(request, (uint8_t *)copy, len, content_type);
}

int fcgip_request_set_form(fcgip_request *request, const fcgip_form *form)
{
  const void *data;
  size_t len;

  if (request == NULL || form == NULL)
    return FCGIP_EINVAL;
  data = fcgip_form_content(form, &len);
  return set_copy(request, data, len, "application/x-www-form-urlencoded");
}

int fcgip_request_set_multipart(fcgip_request *request, const fcgip_multipart *multipart)
{
  static const char type[] = "multipart/form-data; boundary=";
  char content_type[sizeof(type) + FCGIP__BOUNDARY_LEN];
  fcgip__boundary boundary;
  fcgip__buffer content;
  fcgip__random random;
  uint8_t *data;
  size_t len;

  if (request == NULL || multipart == NULL)
    return FCGIP_EINVAL;
  fcgip__random_init(&random, fcgip__random_seed(multipart));
  fcgip__buffer_init(&content, fcgip__request_mem(request), PTRDIFF_MAX);
  if (fcgip__multipart_compose(multipart, &random, &content, &boundary) < 0)
    return FCGIP_ENOMEM; /* the limit is the address space */

  memcpy(content_type, type, sizeof(type) - 1);
  memcpy(content_type + sizeof(type) - 1, boundary.text, sizeof(boundary.text));
  data = fcgip__buffer_detach(&content, &len);
  return fcgip__request_adopt_content(request, data, len, content_type);
}

int fcgip_request_set_json(fcgip_request *request, const char *text, size_t len)
{
  if (request == NULL || (text == NULL && len > 0))
    return FCGIP_EINVAL;
  return set_copy(request, text, len, "application/json");
}

int fcgip_json_content(fcgip_request *request, const char *text)
{
  if (text == NULL)
    return FCGIP_EINVAL;
  return fcgip_request_set_json(request, text, strlen(text));
}
