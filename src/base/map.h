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

void fcgip__map_init(fcgip__map *map, const fcgip__mem *mem);
void fcgip__map_deinit(fcgip__map *map);

/* Makes sure that `count` objects can be in the map. FCGIP_OK; FCGIP_ENOMEM: the map is unchanged, and may hold
 * that many all the same, only slower, once it has any bucket. */
int fcgip__map_reserve(fcgip__map *map, size_t count);

/* The key must not be in the map; fcgip__map_reserve() must have succeeded once. */
void fcgip__map_add(fcgip__map *map, fcgip__map_link *link, uint64_t key);
fcgip__map_link *fcgip__map_find(const fcgip__map *map, uint64_t key);
/* The link must be in the map. */
void fcgip__map_remove(fcgip__map *map, fcgip__map_link *link);

#endif
