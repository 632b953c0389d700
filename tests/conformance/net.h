/* The cases of NET that are not in cases_net.c. */
#ifndef CONFORMANCE_NET_H
#define CONFORMANCE_NET_H

#include "conformance/suite.h"

void net_connect_errors(conf_test *test);
void net_socket_errors(conf_test *test);
void net_few_descriptors(conf_test *test);
void net_transfer_errors(conf_test *test);
void net_sigpipe(conf_test *test);
void net_exec(conf_test *test);
void net_many_descriptors(conf_test *test);
void net_close_errors(conf_test *test);
void net_stolen_descriptor(conf_test *test);

#endif
