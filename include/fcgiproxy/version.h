/* The version of the library, at compile time and at run time. */
#ifndef FCGIPROXY_VERSION_H
#define FCGIPROXY_VERSION_H

#include "fcgiproxy/types.h"

/* The version of these headers, which the program was compiled with. */
#define FCGIP_VERSION_MAJOR 0
#define FCGIP_VERSION_MINOR 1
#define FCGIP_VERSION_PATCH 0

FCGIP_BEGIN_DECLS

/* The version of the library that is running, such as "0.1.0". The text is constant and lives as
 * long as the library is loaded. May be called from anywhere. */
FCGIP_API const char *fcgip_version(void);

FCGIP_END_DECLS

#endif
