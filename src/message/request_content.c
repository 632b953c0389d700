/* Content that a request refers to: the caller's bytes, a file, a source. */
#include "base/descriptor.h"
#include "fcgiproxy/error.h"
#include "message/request.h"

static int refuse(int rc, fcgip_release_fn release, void *user_data)
{
  if (release != NULL)
    release(user_data);
  return rc;
}

static int use(fcgip_request *request, fcgip__content *content)
{
  if (content == NULL)
    return FCGIP_ENOMEM;
  fcgip__request_replace_content(request, content);
  return FCGIP_OK;
}

int fcgip_request_set_content_ref(fcgip_request *request, const void *data, size_t len,
                                  fcgip_release_fn release, void *user_data)
{
  if (request == NULL || (data == NULL && len > 0))
    return refuse(FCGIP_EINVAL, release, user_data);
  return use(request, fcgip__content_refer(&request->mem, data, len, release, user_data));
}

int fcgip_request_set_content_source(fcgip_request *request, fcgip_content_fn fn, uint64_t len,
                                     void *user_data, fcgip_release_fn release)
{
  if (request == NULL || fn == NULL || len == UINT64_MAX)
    return refuse(FCGIP_EINVAL, release, user_data);
  return use(request, fcgip__content_source(&request->mem, fn, len, release, user_data));
}

int fcgip_request_set_content_fd(fcgip_request *request, int fd, uint64_t offset, uint64_t len)
{
  uint64_t size = 0;
  int copy = -1, rc;

  if (request == NULL)
    return FCGIP_EINVAL;
  rc = fcgip__descriptor_copy(fd, &copy, &size);
  if (rc < 0)
    return rc;
  if (offset > size || (len != UINT64_MAX && len > size - offset)) {
    fcgip__descriptor_close(copy);
    return FCGIP_EINVAL;
  }
  if (len == UINT64_MAX)
    len = size - offset;
  return use(request, fcgip__content_file(&request->mem, copy, offset, len));
}

const void *fcgip_request_content(const fcgip_request *request, size_t *len)
{
  const fcgip__content *content = request != NULL ? request->content : NULL;
  int has = content != NULL && content->data != NULL && content->len > 0;

  if (len != NULL)
    *len = has ? (size_t)content->len : 0;
  return has ? (const void *)content->data : "";
}

uint64_t fcgip_request_content_length(const fcgip_request *request)
{
  return request != NULL && request->content != NULL ? request->content->len : 0;
}

int fcgip_request_set_body_kept(fcgip_request *request, int yes)
{
  if (request == NULL)
    return FCGIP_EINVAL;
  request->body_not_kept = yes == 0;
  fcgip__request_changed(request);
  return FCGIP_OK;
}

int fcgip_request_body_kept(const fcgip_request *request)
{
  return request != NULL ? !request->body_not_kept : 0;
}
