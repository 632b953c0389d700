/* The status of all servers of a cluster, from inside: made by the cluster proxy before it sends, and filled
 * with what comes. */
#ifndef FCGIP_STATUS_STATUS_LIST_H
#define FCGIP_STATUS_STATUS_LIST_H

#include "base/alloc.h"
#include "fcgiproxy/collection.h"
#include "fcgiproxy/status.h"

/* One entry for each endpoint of the collection, in its order, with a reference to the endpoint. An entry that
 * is never filled says FCGIP_ETIMEDOUT. `path` is what is asked for; a query behind it is ignored. `parser` is
 * copied; NULL: the pages are php-fpm's.
 * FCGIP_OK; FCGIP_EINVAL, FCGIP_E2BIG: the parser; FCGIP_ENOMEM. *out is NULL on failure; the caller of the
 * public function owns it in the end: fcgip_status_list_free(). */
int fcgip__status_list_new(fcgip_status_list **out, const fcgip__mem *mem,
                           const fcgip_collection *collection, const char *path,
                           const fcgip_status_parser *parser);

/* What a server answered, or that its request failed. Takes a reference of its own. Runs the parser. An entry is
 * filled, or failed, at most once. */
void fcgip__status_list_fill(fcgip_status_list *list, size_t index, fcgip_response *response);

/* There is no response: why. `text`, which is copied, may be NULL: a sentence is made of the address and the
 * error. */
void fcgip__status_list_fail(fcgip_status_list *list, size_t index, int error, const char *text);

#endif
