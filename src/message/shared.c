#include "message/shared.h"

#include <string.h>

static fcgip__content *content_new(const fcgip__mem *mem, const uint8_t *data, size_t len)
{
  fcgip__content *content = fcgip__mem_calloc(mem, 1, sizeof(*content));

  if (content == NULL)
    return NULL;
  fcgip__refs_init(&content->refs);
  content->mem = *mem;
  content->data = data;
  content->len = len;
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

void fcgip__content_drop(fcgip__content *content)
{
  fcgip__mem mem;

  if (content == NULL || !fcgip__refs_drop(&content->refs))
    return;
  mem = content->mem;
  fcgip__mem_free(&mem, content->block);
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
