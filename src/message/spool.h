/* Content of unknown length on its way into memory or a temporary file. */
#ifndef FCGIP_MESSAGE_SPOOL_H
#define FCGIP_MESSAGE_SPOOL_H

#include "message/request.h"

/* Forgets what was spooled so far. Harmless if nothing was. */
void fcgip__spool_discard(fcgip_request *request);

#endif
