/*
 * libfcgiproxy: send FastCGI requests to one or many servers, above all php-fpm.
 *
 * This is the only header a program needs to include; the others in this folder are its chapters.
 * They are the reference manual. Each function says what it does, who owns which pointer and for how
 * long, the closed list of its results, and where it may be called from. What holds everywhere:
 *
 * Results.  A function that returns int returns FCGIP_OK (or 1 and 0 for "got one" and "nothing
 *   now"), or one of the negative values of error.h. Accessors return their value, counters size_t.
 * Ownership.  `..._new(T **out, ...)` gives you *out; on failure *out is NULL. `..._free(T *)` takes
 *   it back: NULL is fine, it cannot fail, and objects may be freed in any order.
 * Arguments are copied, unless the function's name ends in `_ref`.
 * Lifetime.  A pointer from an accessor lives as long as its object, and until the next change of
 *   that object; a pointer passed to a callback lives until the callback returns.
 * Time.  `timeout_ms` on a call says how long that call may block: 0 not at all, -1 without limit,
 *   any other negative value is FCGIP_EINVAL. On a request or an endpoint it is a deadline.
 * Out of memory is an ordinary result, FCGIP_ENOMEM: the object is then as it was before the call.
 * Null.  A NULL handle or a NULL required argument is FCGIP_EINVAL; accessors of a NULL object return
 *   0, NULL or "".
 * Threads.  A proxy and what it has in flight belong to one thread at a time. Proxies share nothing.
 *   Endpoints and collections are immutable and may be shared. Requests and responses may move from
 *   thread to thread, one thread at a time. After fork(2) the child may only free.
 * The library never aborts, exits, prints, raises a signal, starts a thread, or reads the environment
 *   or the locale.
 */
#ifndef FCGIPROXY_FCGIPROXY_H
#define FCGIPROXY_FCGIPROXY_H

#include "fcgiproxy/allocator.h"
#include "fcgiproxy/cluster_proxy.h"
#include "fcgiproxy/collection.h"
#include "fcgiproxy/content.h"
#include "fcgiproxy/endpoint.h"
#include "fcgiproxy/error.h"
#include "fcgiproxy/proxy.h"
#include "fcgiproxy/request.h"
#include "fcgiproxy/response.h"
#include "fcgiproxy/status.h"
#include "fcgiproxy/types.h"
#include "fcgiproxy/version.h"

#endif
