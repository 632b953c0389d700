/* Socket addresses, opaque to every other folder. */
#ifndef FCGIP_NET_ADDRESS_H
#define FCGIP_NET_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "net/sys.h"

/* The longest path that fits sun_path with its NUL. */
size_t fcgip__address_path_max(void);

/* An empty list; NULL if there is no memory. The list keeps a copy of `mem`. */
fcgip__address_list *fcgip__address_list_new(const fcgip__mem *mem);
void fcgip__address_list_free(fcgip__address_list *list);
size_t fcgip__address_list_count(const fcgip__address_list *list);
const fcgip__address *fcgip__address_list_at(const fcgip__address_list *list, size_t index);

/* Adds a Unix socket's address. FCGIP_OK; FCGIP_EINVAL: too long; FCGIP_ENOMEM. */
int fcgip__address_add_unix(fcgip__address_list *list, const char *path);

/* Adds a numeric IPv4 or IPv6 address, the latter with an optional %scope. 1 if it is one and was added, 0 if it
 * is none; FCGIP_ENOMEM. Asks no resolver. */
int fcgip__address_add_numeric(fcgip__address_list *list, const char *host, uint16_t port);

/* Adds what a resolver found: `bytes` is a sockaddr. FCGIP_OK; FCGIP_ENOMEM. */
int fcgip__address_add_raw(fcgip__address_list *list, const void *bytes, size_t len);

/* Puts the families by turns, beginning with the first one's, each in the order it had (RFC 8305 section 4), so that
 * a family that does not work costs one attempt and not all. */
void fcgip__address_list_interleave(fcgip__address_list *list);

/* The longest of such texts, with its NUL. */
#define FCGIP__ADDRESS_TEXT_MAX 64u

/* The numeric address, without its port; "" for a Unix socket's. */
void fcgip__address_text(const fcgip__address *address, char text[FCGIP__ADDRESS_TEXT_MAX]);

/* 1 for an address of the loopback interface. */
int fcgip__address_is_loopback(const fcgip__address *address);

/* 1 for a Unix socket. */
int fcgip__address_is_unix(const fcgip__address *address);

#endif
