/* Locales that the system may not have. */
#ifndef CONFORMANCE_LOCALE_H
#define CONFORMANCE_LOCALE_H

#include "conformance/suite.h"

/* Sets the process's locale to, say, "tr_TR.UTF-8"; makes it on the spot if need be. 1, or 0 after a
 * conf_skip(). */
int conf_set_locale(conf_test *test, const char *name);

#endif
