#include "message/snapshot.h"

#include <assert.h>
#include <string.h>

#include "base/rare.h"
#include "base/text.h"
#include "fcgiproxy/error.h"
#include "message/request.h"

/* The id in the PARAMS headers is put in on the way out; here it only has to be one. */
#define ANY_ID 1

static int pack(void *context, const fcgip__pair *pair)
{
  fcgip__packer_add(context, pair->name, pair->name_len, pair->value, pair->value_len);
  return 1;
}

static size_t pack_params(const fcgip_request *request, uint8_t *out)
{
  fcgip__packer packer;

  fcgip__packer_init(&packer, out, ANY_ID);
  fcgip__request_visit(request, pack, &packer);
  return fcgip__packer_finish(&packer);
}

static int content_length_agrees(const fcgip_request *request)
{
  const fcgip__var *var = fcgip__vars_find(&request->vars, "CONTENT_LENGTH", 14);
  uint64_t len = request->content != NULL ? request->content->len : 0;
  uint64_t given;

  if (var == NULL)
    return 1;
  return fcgip__parse_u64(var->value, var->value_len, &given) == 0 && given == len;
}

static void share(fcgip__snapshot *snapshot, const fcgip_request *request)
{
  size_t i;

  snapshot->content = request->content;
  if (snapshot->content != NULL) {
    fcgip__refs_take(&snapshot->content->refs);
    snapshot->encoded.content_len = snapshot->content->len;
    if (snapshot->content->data != NULL) {
      snapshot->encoded.content = snapshot->content->data;
      snapshot->encoded.content_have = (size_t)snapshot->content->len;
    }
  }
  snapshot->callback_count = request->callback_count;
  for (i = 0; i < request->callback_count; i++) {
    snapshot->callbacks[i] = request->callbacks[i];
    fcgip__refs_take(&request->callbacks[i]->refs);
    if (request->callbacks[i]->kind == FCGIP__CALLBACK_PASS_THROUGH)
      snapshot->passes_through = 1;
  }
}

static fcgip__snapshot *build(const fcgip_request *request)
{
  size_t params_len = pack_params(request, NULL);
  size_t callbacks_len = request->callback_count * sizeof(fcgip__callback *);
  fcgip__snapshot *snapshot;
  uint8_t *params;
  size_t size, packed;

  if (fcgip__add_size(sizeof(*snapshot) + callbacks_len, params_len, &size) < 0)
    return NULL;
  snapshot = fcgip__mem_alloc(&request->mem, size);
  if (snapshot == NULL)
    return NULL;
  memset(snapshot, 0, sizeof(*snapshot));
  fcgip__refs_init(&snapshot->refs);
  snapshot->mem = request->mem;
  snapshot->callbacks = (fcgip__callback **)(void *)(snapshot + 1);
  params = (uint8_t *)(snapshot + 1) + callbacks_len;
  packed = pack_params(request, params);
  assert(packed == params_len);
  snapshot->encoded.params = params;
  snapshot->encoded.params_len = packed;
  snapshot->encoded.content = (const uint8_t *)"";
  snapshot->encoded.role = request->role;
  snapshot->timeouts = request->timeouts;
  snapshot->is_head = strcmp(request->fields[FCGIP__REQUEST_METHOD].text, "HEAD") == 0;
  snapshot->retry_safe = request->retry_safe;
  snapshot->keeps_body = !request->body_not_kept;
  share(snapshot, request);
  snapshot->stream_len = fcgip__encoded_len(&snapshot->encoded);
  snapshot->is_small = fcgip__encoded_is_small(&snapshot->encoded);
  return snapshot;
}

FCGIP__RARE static int build_anew(const fcgip_request *request)
{
  /* Keeping the snapshot changes nothing that anyone can see of the request. */
  fcgip_request *keeper = (fcgip_request *)(uintptr_t)request;

  if (!content_length_agrees(request))
    return FCGIP_EINVAL;
  keeper->snapshot = build(request);
  return keeper->snapshot != NULL ? FCGIP_OK : FCGIP_ENOMEM;
}

int fcgip__snapshot_take(fcgip__snapshot **out, const fcgip_request *request)
{
  int rc;

  if (request->snapshot == NULL && (rc = build_anew(request)) < 0)
    return rc;
  fcgip__snapshot_ref(request->snapshot);
  *out = request->snapshot;
  return FCGIP_OK;
}

void fcgip__snapshot_free(fcgip__snapshot *snapshot)
{
  fcgip__mem mem = snapshot->mem;
  size_t i;

  fcgip__content_drop(snapshot->content);
  for (i = 0; i < snapshot->callback_count; i++)
    fcgip__callback_drop(snapshot->callbacks[i]);
  fcgip__mem_free(&mem, snapshot);
}
