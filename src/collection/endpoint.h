/* An endpoint as the engine sees it: addresses, and options in which every default is filled in. */
#ifndef FCGIP_COLLECTION_ENDPOINT_H
#define FCGIP_COLLECTION_ENDPOINT_H

#include "base/alloc.h"
#include "fcgiproxy/endpoint.h"
#include "net/address.h"
#include "net/sys.h"

/* "None", in every field of the filled-in options that has a default. */
#define FCGIP__NONE UINT32_MAX

/* As the public constructors, with the system calls given: `sys` must outlive the endpoint. */
int fcgip__endpoint_new_tcp(fcgip_endpoint **out, const char *host, uint16_t port,
                            const fcgip_endpoint_options *options, const fcgip__sys *sys);
int fcgip__endpoint_parse(fcgip_endpoint **out, const char *address,
                          const fcgip_endpoint_options *options, const fcgip__sys *sys);

/* One more owner. Endpoints never change but for their count of owners, hence the const. */
fcgip_endpoint *fcgip__endpoint_ref(const fcgip_endpoint *endpoint);

const fcgip_endpoint_options *fcgip__endpoint_options(const fcgip_endpoint *endpoint);
const fcgip__mem *fcgip__endpoint_mem(const fcgip_endpoint *endpoint);

/* Empty if the host name has no address so far. */
const fcgip__address_list *fcgip__endpoint_addresses(const fcgip_endpoint *endpoint);

#endif
