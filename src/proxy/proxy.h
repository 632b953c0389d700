/* The constructors with the system calls given, for tests. NULL: the operating system. */
#ifndef FCGIP_PROXY_PROXY_H
#define FCGIP_PROXY_PROXY_H

#include "fcgiproxy/cluster_proxy.h"
#include "fcgiproxy/proxy.h"
#include "net/sys.h"

int fcgip__proxy_new(fcgip_proxy **out, const fcgip_collection *collection,
                     const fcgip_proxy_options *options, const fcgip__sys *sys);
int fcgip__cluster_proxy_new(fcgip_cluster_proxy **out, const fcgip_collection *collection,
                             const fcgip_proxy_options *options, const fcgip__sys *sys);

#endif
