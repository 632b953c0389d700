#include "message/shared.h"

#include "base/descriptor.h"
#include "fcgiproxy/error.h"

static fcgip__content *content_new(const fcgip__mem *mem, const uint8_t *data, uint64_t len)
{
  fcgip__content *content = fcgip__mem_calloc(mem, 1, sizeof(*content));

  if (content == NULL)
    return NULL;
  fcgip__refs_init(&content->refs);
  content->mem = *mem;
  content->data = data;
  content->len = len;
  content->fd = -1;
  return content;
}

fcgip__content *fcgip__content_adopt(const fcgip__mem *mem, uint8_t *block, size_t len)
{
  fcgip__content *content = content_new(mem, block, len);

  if (content == NULL)
    fcgip__mem_free(mem, block);
  else
    content->block = block;
  return content;
}

fcgip__content *fcgip__content_refer(const fcgip__mem *mem, const void *data, size_t len,
                                     fcgip_release_fn release, void *user_data)
{
  fcgip__content *content = content_new(mem, data, len);

  if (content == NULL) {
    if (release != NULL)
      release(user_data);
    return NULL;
  }
  content->release = release;
  content->user_data = user_data;
  return content;
}

fcgip__content *fcgip__content_file(const fcgip__mem *mem, int fd, uint64_t offset, uint64_t len)
{
  fcgip__content *content = content_new(mem, NULL, len);

  if (content == NULL) {
    fcgip__descriptor_close(fd);
    return NULL;
  }
  content->fd = fd;
  content->file_offset = offset;
  return content;
}

fcgip__content *fcgip__content_source(const fcgip__mem *mem, fcgip_content_fn fn, uint64_t len,
                                      fcgip_release_fn release, void *user_data)
{
  fcgip__content *content = fcgip__content_refer(mem, NULL, 0, release, user_data);

  if (content == NULL)
    return NULL;
  content->len = len;
  content->source_fn = fn;
  return content;
}

static int read_source(const fcgip__content *content, uint64_t offset, uint8_t *buffer, size_t cap,
                       size_t *n)
{
  uint64_t left = content->len - offset;
  int rc;

  if (cap > left)
    cap = (size_t)left;
  rc = content->source_fn(offset, buffer, cap, n, content->user_data);
  if (rc < 0)
    return rc == FCGIP_EAGAIN ? rc : FCGIP_ECANCELED;
  return *n == 0 || *n > cap ? FCGIP_EINVAL : FCGIP_OK;
}

int fcgip__content_read(const fcgip__content *content, uint64_t offset, uint8_t *buffer, size_t cap,
                        size_t *n)
{
  uint64_t left = content->len - offset;
  int rc;

  *n = 0;
  if (content->source_fn != NULL)
    return read_source(content, offset, buffer, cap, n);
  rc = fcgip__descriptor_read_at(content->fd, content->file_offset + offset, buffer,
                                 cap < left ? cap : (size_t)left, n);
  return rc == FCGIP_OK && *n == 0 ? FCGIP_EFILE : rc;
}

int fcgip__content_check_end(const fcgip__content *content)
{
  size_t excess = 0;
  uint8_t byte;
  int rc;

  if (content->source_fn == NULL)
    return FCGIP_OK;
  rc = content->source_fn(content->len, &byte, 1, &excess, content->user_data);
  return rc >= 0 && excess > 0 ? FCGIP_EINVAL : FCGIP_OK;
}

void fcgip__content_drop(fcgip__content *content)
{
  fcgip__mem mem;

  if (content == NULL || !fcgip__refs_drop(&content->refs))
    return;
  mem = content->mem;
  fcgip__mem_free(&mem, content->block);
  fcgip__descriptor_close(content->fd);
  if (content->release != NULL)
    content->release(content->user_data);
  fcgip__mem_free(&mem, content);
}

fcgip__callback *fcgip__callback_new(const fcgip__mem *mem, enum fcgip__callback_kind kind,
                                     fcgip_release_fn release, void *user_data)
{
  fcgip__callback *callback = fcgip__mem_calloc(mem, 1, sizeof(*callback));

  if (callback == NULL)
    return NULL;
  fcgip__refs_init(&callback->refs);
  callback->mem = *mem;
  callback->kind = kind;
  callback->release = release;
  callback->user_data = user_data;
  return callback;
}

void fcgip__callback_drop(fcgip__callback *callback)
{
  fcgip__mem mem;

  if (callback == NULL || !fcgip__refs_drop(&callback->refs))
    return;
  mem = callback->mem;
  if (callback->release != NULL)
    callback->release(callback->user_data);
  fcgip__mem_free(&mem, callback);
}
