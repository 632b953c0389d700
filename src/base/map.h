/* An intrusive hash map from 64-bit keys to objects that store their own link. Finding, adding and removing are
 * O(1); memory is only needed by fcgip__map_reserve(). */
#ifndef FCGIP_BASE_MAP_H
#define FCGIP_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

typedef struct fcgip__map_link {
  struct fcgip__map_link *next;
  uint64_t key;
} fcgip__map_link;

typedef struct fcgip__map {
  fcgip__map_link **buckets; /* a power of two of them */
  size_t bucket_count;
  size_t count;
  const fcgip__mem *mem; /* must outlive the map */
} fcgip__map;

/* Fibonacci hashing: keys are mostly consecutive, the multiplier spreads them over the high bits. */
static inline size_t fcgip__map_bucket(uint64_t key, size_t bucket_count)
{
  return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (bucket_count - 1);
}

void fcgip__map_init(fcgip__map *map, const fcgip__mem *mem);
void fcgip__map_deinit(fcgip__map *map);

/* Makes sure that `count` objects can be in the map. FCGIP_OK; FCGIP_ENOMEM: the map is unchanged, and may hold
 * that many all the same, only slower, once it has any bucket. */
int fcgip__map_reserve(fcgip__map *map, size_t count);

/* The key must not be in the map; fcgip__map_reserve() must have succeeded once. */
static inline void fcgip__map_add(fcgip__map *map, fcgip__map_link *link, uint64_t key)
{
  size_t at = fcgip__map_bucket(key, map->bucket_count);

  link->key = key;
  link->next = map->buckets[at];
  map->buckets[at] = link;
  map->count++;
}

static inline fcgip__map_link *fcgip__map_find(const fcgip__map *map, uint64_t key)
{
  fcgip__map_link *link;

  if (map->bucket_count == 0)
    return NULL;
  link = map->buckets[fcgip__map_bucket(key, map->bucket_count)];
  while (link != NULL && link->key != key)
    link = link->next;
  return link;
}

/* The link must be in the map. */
static inline void fcgip__map_remove(fcgip__map *map, fcgip__map_link *link)
{
  fcgip__map_link **at = &map->buckets[fcgip__map_bucket(link->key, map->bucket_count)];

  while (*at != link)
    at = &(*at)->next;
  *at = link->next;
  link->next = NULL;
  map->count--;
}

#endif
