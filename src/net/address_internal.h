/* What an address is, for this folder only. */
#ifndef FCGIP_NET_ADDRESS_INTERNAL_H
#define FCGIP_NET_ADDRESS_INTERNAL_H

#include <sys/socket.h>

#include "net/address.h"

struct fcgip__address {
  struct sockaddr_storage storage;
  socklen_t len;
};

#endif
