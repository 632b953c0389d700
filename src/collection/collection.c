#include "collection/collection.h"

#include <stdatomic.h>
#include <stdint.h>

#include "base/refs.h"
#include "collection/endpoint.h"
#include "fcgiproxy/error.h"

enum policy { POLICY_RANDOM, POLICY_ROUND_ROBIN, POLICY_CLUSTER, POLICY_CUSTOM };

struct fcgip_collection {
  fcgip__refs refs;
  fcgip__mem mem;
  enum policy policy;
  uint64_t seed;
  atomic_uint pickers; /* so that each proxy draws a sequence of its own */
  fcgip_pick_fn pick;
  void *user_data;
  fcgip_release_fn release;
  size_t count;
  fcgip_endpoint *endpoints[];
};

static int collection_new(fcgip_collection **out, enum policy policy,
                          const fcgip_endpoint *const *endpoints, size_t count)
{
  fcgip_collection *collection;
  const fcgip__mem *mem;
  size_t size, i;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  if (endpoints == NULL || count == 0)
    return FCGIP_EINVAL;
  for (i = 0; i < count; i++)
    if (endpoints[i] == NULL)
      return FCGIP_EINVAL;

  mem = fcgip__endpoint_mem(endpoints[0]);
  if (fcgip__mul_size(count, sizeof(fcgip_endpoint *), &size) < 0 ||
      fcgip__add_size(size, sizeof(*collection), &size) < 0)
    return FCGIP_ENOMEM;
  collection = fcgip__mem_calloc(mem, 1, size);
  if (collection == NULL)
    return FCGIP_ENOMEM;
  fcgip__refs_init(&collection->refs);
  atomic_init(&collection->pickers, 0u);
  collection->mem = *mem;
  collection->policy = policy;
  collection->count = count;
  for (i = 0; i < count; i++)
    collection->endpoints[i] = fcgip__endpoint_ref(endpoints[i]);
  *out = collection;
  return FCGIP_OK;
}

int fcgip_random_new_seeded(fcgip_collection **out, const fcgip_endpoint *const *endpoints,
                            size_t count, uint64_t seed)
{
  int rc = collection_new(out, POLICY_RANDOM, endpoints, count);

  if (rc == FCGIP_OK)
    (*out)->seed = seed;
  return rc;
}

int fcgip_random_new(fcgip_collection **out, const fcgip_endpoint *const *endpoints, size_t count)
{
  int rc = collection_new(out, POLICY_RANDOM, endpoints, count);

  if (rc == FCGIP_OK)
    (*out)->seed = fcgip__random_seed(*out);
  return rc;
}

int fcgip_round_robin_new(fcgip_collection **out, const fcgip_endpoint *const *endpoints,
                          size_t count)
{
  return collection_new(out, POLICY_ROUND_ROBIN, endpoints, count);
}

int fcgip_cluster_new(fcgip_collection **out, const fcgip_endpoint *const *endpoints, size_t count)
{
  return collection_new(out, POLICY_CLUSTER, endpoints, count);
}

int fcgip_custom_new(fcgip_collection **out, const fcgip_endpoint *const *endpoints, size_t count,
                     fcgip_pick_fn pick, void *user_data, fcgip_release_fn release)
{
  int rc = FCGIP_EINVAL;

  if (pick != NULL)
    rc = collection_new(out, POLICY_CUSTOM, endpoints, count);
  else if (out != NULL)
    *out = NULL;
  if (rc < 0) {
    if (release != NULL)
      release(user_data);
    return rc;
  }
  (*out)->pick = pick;
  (*out)->user_data = user_data;
  (*out)->release = release;
  return FCGIP_OK;
}

size_t fcgip_collection_count(const fcgip_collection *collection)
{
  return collection != NULL ? collection->count : 0;
}

const fcgip_endpoint *fcgip_collection_endpoint(const fcgip_collection *collection, size_t index)
{
  return collection != NULL && index < collection->count ? collection->endpoints[index] : NULL;
}

fcgip_collection *fcgip__collection_ref(const fcgip_collection *collection)
{
  fcgip_collection *own = (fcgip_collection *)(uintptr_t)collection;

  fcgip__refs_take(&own->refs);
  return own;
}

void fcgip_collection_free(fcgip_collection *collection)
{
  fcgip__mem mem;
  size_t i;

  if (collection == NULL || !fcgip__refs_drop(&collection->refs))
    return;
  mem = collection->mem;
  for (i = 0; i < collection->count; i++)
    fcgip_endpoint_free(collection->endpoints[i]);
  if (collection->release != NULL)
    collection->release(collection->user_data);
  fcgip__mem_free(&mem, collection);
}

int fcgip__collection_picks(const fcgip_collection *collection)
{
  return collection->policy != POLICY_CLUSTER;
}

void fcgip__picker_init(fcgip__picker *picker, const fcgip_collection *collection)
{
  fcgip_collection *shared = (fcgip_collection *)(uintptr_t)collection;
  unsigned number = atomic_fetch_add_explicit(&shared->pickers, 1u, memory_order_relaxed);

  picker->next = 0;
  fcgip__random_init(&picker->random, collection->seed + number);
}

int fcgip__picker_pick(fcgip__picker *picker, const fcgip_collection *collection,
                       const fcgip_request *request, size_t *index)
{
  int rc;

  switch (collection->policy) {
  case POLICY_RANDOM:
    *index = (size_t)fcgip__random_below(&picker->random, collection->count);
    return FCGIP_OK;
  case POLICY_ROUND_ROBIN:
    *index = picker->next;
    picker->next = (picker->next + 1) % collection->count;
    return FCGIP_OK;
  case POLICY_CUSTOM:
    *index = collection->count;
    rc = collection->pick(collection, request, index, collection->user_data);
    if (rc < 0)
      return rc;
    return *index < collection->count ? FCGIP_OK : FCGIP_EINVAL;
  case POLICY_CLUSTER:
    break;
  }
  return FCGIP_EINVAL;
}
