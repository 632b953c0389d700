#include "base/map.h"

#include "fcgiproxy/error.h"

#define FIRST_BUCKETS 16u

/* Fibonacci hashing: keys are mostly consecutive, the multiplier spreads them over the high bits. */
static size_t bucket_of(uint64_t key, size_t bucket_count)
{
  return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (bucket_count - 1);
}

void fcgip__map_init(fcgip__map *map, const fcgip__mem *mem)
{
  map->buckets = NULL;
  map->bucket_count = 0;
  map->count = 0;
  map->mem = mem;
}

void fcgip__map_deinit(fcgip__map *map)
{
  fcgip__mem_free(map->mem, map->buckets);
  fcgip__map_init(map, map->mem);
}

static void rehash(fcgip__map *map, fcgip__map_link **buckets, size_t bucket_count)
{
  size_t i;

  for (i = 0; i < map->bucket_count; i++) {
    while (map->buckets[i] != NULL) {
      fcgip__map_link *link = map->buckets[i];
      size_t at = bucket_of(link->key, bucket_count);

      map->buckets[i] = link->next;
      link->next = buckets[at];
      buckets[at] = link;
    }
  }
  fcgip__mem_free(map->mem, map->buckets);
  map->buckets = buckets;
  map->bucket_count = bucket_count;
}

int fcgip__map_reserve(fcgip__map *map, size_t count)
{
  size_t bucket_count = map->bucket_count > 0 ? map->bucket_count : FIRST_BUCKETS;
  fcgip__map_link **buckets;

  while (bucket_count < count && bucket_count <= SIZE_MAX / 2)
    bucket_count *= 2;
  if (bucket_count == map->bucket_count)
    return FCGIP_OK;
  buckets =
      (fcgip__map_link **)fcgip__mem_calloc(map->mem, bucket_count, sizeof(fcgip__map_link *));
  if (buckets == NULL)
    return FCGIP_ENOMEM;
  rehash(map, buckets, bucket_count);
  return FCGIP_OK;
}

void fcgip__map_add(fcgip__map *map, fcgip__map_link *link, uint64_t key)
{
  size_t at = bucket_of(key, map->bucket_count);

  link->key = key;
  link->next = map->buckets[at];
  map->buckets[at] = link;
  map->count++;
}

fcgip__map_link *fcgip__map_find(const fcgip__map *map, uint64_t key)
{
  fcgip__map_link *link;

  if (map->bucket_count == 0)
    return NULL;
  link = map->buckets[bucket_of(key, map->bucket_count)];
  while (link != NULL && link->key != key)
    link = link->next;
  return link;
}

void fcgip__map_remove(fcgip__map *map, fcgip__map_link *link)
{
  fcgip__map_link **at = &map->buckets[bucket_of(link->key, map->bucket_count)];

  while (*at != link)
    at = &(*at)->next;
  *at = link->next;
  link->next = NULL;
  map->count--;
}
