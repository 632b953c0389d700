/* What the cluster's requests for status share with its other requests. */
#ifndef FCGIP_PROXY_CLUSTER_SEND_H
#define FCGIP_PROXY_CLUSTER_SEND_H

#include "fcgiproxy/cluster_proxy.h"
#include "proxy/front.h"

fcgip__front *fcgip__cluster_front(const fcgip_cluster_proxy *cluster);

/* fcgip_cluster_proxy_send_async_request(), with the ids in the order of the collection unless `ids` is NULL. */
int fcgip__cluster_send(fcgip_cluster_proxy *cluster, const fcgip_request *request,
                        fcgip_request_id *ids);

#endif
