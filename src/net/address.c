#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "base/text.h"
#include "fcgiproxy/error.h"
#include "net/address_internal.h"

struct fcgip__address_list {
  fcgip__mem mem;
  fcgip__address *items;
  size_t count;
};

size_t fcgip__address_path_max(void)
{
  return sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
}

fcgip__address_list *fcgip__address_list_new(const fcgip__mem *mem)
{
  fcgip__address_list *list = fcgip__mem_alloc(mem, sizeof(*list));

  if (list == NULL)
    return NULL;
  list->mem = *mem;
  list->items = NULL;
  list->count = 0;
  return list;
}

void fcgip__address_list_free(fcgip__address_list *list)
{
  fcgip__mem mem;

  if (list == NULL)
    return;
  mem = list->mem;
  fcgip__mem_free(&mem, list->items);
  fcgip__mem_free(&mem, list);
}

size_t fcgip__address_list_count(const fcgip__address_list *list)
{
  return list->count;
}

const fcgip__address *fcgip__address_list_at(const fcgip__address_list *list, size_t index)
{
  return index < list->count ? &list->items[index] : NULL;
}

int fcgip__address_add_raw(fcgip__address_list *list, const void *bytes, size_t len)
{
  fcgip__address *items;

  if (len > sizeof(items->storage))
    return FCGIP_EINVAL;
  items = fcgip__mem_realloc_array(&list->mem, list->items, list->count + 1, sizeof(*items));
  if (items == NULL)
    return FCGIP_ENOMEM;
  list->items = items;
  memset(&items[list->count], 0, sizeof(*items));
  memcpy(&items[list->count].storage, bytes, len);
  items[list->count].len = (socklen_t)len;
  list->count++;
  return FCGIP_OK;
}

int fcgip__address_add_unix(fcgip__address_list *list, const char *path)
{
  struct sockaddr_un address;
  size_t len = strlen(path);

  if (len > fcgip__address_path_max())
    return FCGIP_EINVAL;
  memset(&address, 0, sizeof(address));
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path, len);
  return fcgip__address_add_raw(list, &address, sizeof(address));
}

/* The scope of an IPv6 address: the number or the name of an interface. 0, or -1 if there is no such. */
static int parse_scope(const char *text, uint32_t *scope)
{
  uint64_t number;

  if (fcgip__parse_u64(text, strlen(text), &number) == 0 && number > 0 && number <= UINT32_MAX) {
    *scope = (uint32_t)number;
    return 0;
  }
  *scope = if_nametoindex(text);
  return *scope > 0 ? 0 : -1;
}

static int add_numeric_v6(fcgip__address_list *list, const char *host, uint16_t port)
{
  struct sockaddr_in6 address;
  const char *percent = strchr(host, '%');
  char numeric[INET6_ADDRSTRLEN];
  size_t len = percent != NULL ? (size_t)(percent - host) : strlen(host);
  int rc;

  memset(&address, 0, sizeof(address));
  if (len >= sizeof(numeric))
    return 0;
  memcpy(numeric, host, len);
  numeric[len] = '\0';
  if (inet_pton(AF_INET6, numeric, &address.sin6_addr) != 1)
    return 0;
  if (percent != NULL && parse_scope(percent + 1, &address.sin6_scope_id) < 0)
    return 0;
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  rc = fcgip__address_add_raw(list, &address, sizeof(address));
  return rc < 0 ? rc : 1;
}

int fcgip__address_add_numeric(fcgip__address_list *list, const char *host, uint16_t port)
{
  struct sockaddr_in address;
  int rc;

  memset(&address, 0, sizeof(address));
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
    return add_numeric_v6(list, host, port);
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  rc = fcgip__address_add_raw(list, &address, sizeof(address));
  return rc < 0 ? rc : 1;
}

void fcgip__address_list_interleave(fcgip__address_list *list)
{
  size_t i, j;

  for (i = 1; i < list->count; i++) {
    fcgip__address item;

    for (j = i; j < list->count; j++)
      if (list->items[j].storage.ss_family != list->items[i - 1].storage.ss_family)
        break;
    if (j == list->count)
      return;
    item = list->items[j];
    memmove(&list->items[i + 1], &list->items[i], (j - i) * sizeof(item));
    list->items[i] = item;
  }
}

void fcgip__address_text(const fcgip__address *address, char text[FCGIP__ADDRESS_TEXT_MAX])
{
  const struct sockaddr_in *v4 = (const void *)&address->storage;
  const struct sockaddr_in6 *v6 = (const void *)&address->storage;

  text[0] = '\0';
  if (address->storage.ss_family == AF_INET)
    (void)inet_ntop(AF_INET, &v4->sin_addr, text, FCGIP__ADDRESS_TEXT_MAX);
  else if (address->storage.ss_family == AF_INET6)
    (void)inet_ntop(AF_INET6, &v6->sin6_addr, text, FCGIP__ADDRESS_TEXT_MAX);
}

int fcgip__address_is_loopback(const fcgip__address *address)
{
  if (address->storage.ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const void *)&address->storage;

    return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
  }
  if (address->storage.ss_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const void *)&address->storage;

    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
  }
  return 0;
}

int fcgip__address_is_unix(const fcgip__address *address)
{
  return address->storage.ss_family == AF_UNIX;
}
