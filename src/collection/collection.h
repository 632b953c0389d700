/* Collections from inside: who picks, and where each proxy keeps its place. */
#ifndef FCGIP_COLLECTION_COLLECTION_H
#define FCGIP_COLLECTION_COLLECTION_H

#include "base/random.h"
#include "fcgiproxy/collection.h"

/* What changes from pick to pick. It belongs to a proxy, as collections are shared between threads. */
typedef struct fcgip__picker {
  size_t next;
  fcgip__random random;
} fcgip__picker;

void fcgip__picker_init(fcgip__picker *picker, const fcgip_collection *collection);

/* FCGIP_OK; FCGIP_EINVAL: the custom policy named no endpoint; what the custom policy returned. */
int fcgip__picker_pick(fcgip__picker *picker, const fcgip_collection *collection,
                       const fcgip_request *request, size_t *index);

/* 1 unless it was made with fcgip_cluster_new(). */
int fcgip__collection_picks(const fcgip_collection *collection);

/* One more owner. */
fcgip_collection *fcgip__collection_ref(const fcgip_collection *collection);

#endif
