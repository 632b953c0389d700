#include "base/map.h"

#include "fcgiproxy/error.h"

#define FIRST_BUCKETS 16u

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
      size_t at = fcgip__map_bucket(link->key, bucket_count);

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
