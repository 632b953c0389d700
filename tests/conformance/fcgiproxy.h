/* What the cases that call the library's own functions share with its adapter. */
#ifndef CONFORMANCE_FCGIPROXY_H
#define CONFORMANCE_FCGIPROXY_H

#include "conformance/adapter.h"
#include "fcgiproxy/fcgiproxy.h"

/* A result of the library by the name of CONFORMANCE.md. */
conf_verdict conf_fcgiproxy_verdict(int error, int error_number);

void conf_fcgiproxy_result(const fcgip_response *response, conf_result *result);

/* The request spec as options of an endpoint, and as a request, which is yours. */
fcgip_endpoint_options conf_fcgiproxy_options(const conf_request *request);
int conf_fcgiproxy_request(fcgip_request **out, const conf_request *request);

#endif
