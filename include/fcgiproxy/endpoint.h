/* Endpoints: the address of one FastCGI server, and how to treat it. */
#ifndef FCGIPROXY_ENDPOINT_H
#define FCGIPROXY_ENDPOINT_H

#include "fcgiproxy/allocator.h"
#include "fcgiproxy/types.h"

FCGIP_BEGIN_DECLS

/* Zero in a field means its default, UINT32_MAX (for max_body_bytes UINT64_MAX) means none. Fields
 * are only added at the end; struct_size tells which ones the caller knows. */
typedef struct fcgip_endpoint_options {
  uint32_t struct_size;           /* sizeof(fcgip_endpoint_options) */
  uint32_t flags;                 /* 0 */
  uint32_t connect_timeout_ms;    /* default 5000: over all addresses of the host together */
  uint32_t read_write_timeout_ms; /* default 5000: the longest time with no byte either way */
  uint32_t first_byte_timeout_ms; /* default none: from the last byte sent to the first received */
  uint32_t request_timeout_ms;    /* default none: from send call to END_REQUEST, queue included */
  uint32_t max_connections;       /* default 128: open connections of one proxy to this server */
  uint32_t max_queued;            /* default none: requests waiting for a connection */
  uint32_t max_idle_connections;  /* default 0: keep-alive is off. An idle connection holds
                                     a php-fpm worker: all are closed when a request on a
                                     new one has waited 10 ms for its answer */
  uint32_t idle_timeout_ms;       /* default 1000: how long an idle connection is kept */
  uint32_t max_requests_per_connection; /* default none */
  uint32_t max_header_bytes;            /* default 65536: the CGI header block */
  uint32_t max_headers;                 /* default 256 */
  uint32_t max_stderr_bytes;            /* default 1 MiB: the rest is dropped and flagged */
  uint64_t max_body_bytes;              /* default 256 MiB */
  uint32_t weight;                      /* default 1: for weighted policies */
  uint32_t reserved;                    /* 0 */
  const fcgip_allocator *allocator;     /* default the C library's; also serves the collections
                                           whose first endpoint this is */
} fcgip_endpoint_options;

/* Makes the endpoint of a TCP server. `host` is an IPv4 or IPv6 address (an IPv6 address with or
 * without brackets, with or without a scope) or a name. A name is resolved here, once, and the call
 * may block as long as the system's resolver does; a name that does not resolve is no error here:
 * each request to it fails with FCGIP_ERESOLVE until fcgip_endpoint_resolve() finds an address.
 * `options` may be NULL. Everything is copied.
 * FCGIP_OK; FCGIP_EINVAL: host empty, longer than 255 bytes or with control characters, port 0, bad
 * options; FCGIP_E2BIG; FCGIP_ENOMEM. Not from inside an event loop that must not block. */
FCGIP_API int fcgip_endpoint_new_tcp(fcgip_endpoint **out, const char *host, uint16_t port,
                                     const fcgip_endpoint_options *options);

/* Makes the endpoint of a server at a Unix domain socket. The file need not exist yet. `options` may
 * be NULL. Everything is copied.
 * FCGIP_OK; FCGIP_EINVAL: path empty or longer than 107 bytes (what sun_path holds), bad options;
 * FCGIP_E2BIG; FCGIP_ENOMEM. May be called from anywhere. */
FCGIP_API int fcgip_endpoint_new_unix(fcgip_endpoint **out, const char *path,
                                      const fcgip_endpoint_options *options);

/* Makes an endpoint from text: "tcp://host:9000", "host:9000", "[::1]:9000",
 * "unix:///run/php-fpm.sock", "unix:/run/php-fpm.sock" or "/run/php-fpm.sock".
 * Results as of the two functions above; FCGIP_EINVAL also for text of any other form and for a port
 * that is not a plain decimal number from 1 to 65535. */
FCGIP_API int fcgip_endpoint_parse(fcgip_endpoint **out, const char *address,
                                   const fcgip_endpoint_options *options);

/* Looks the host name up again, now; for an address or a Unix socket there is nothing to do.
 * Connections made later use what was found; if nothing was, what was known before stays. Blocks as
 * long as the system's resolver does. No other thread may use the endpoint meanwhile.
 * FCGIP_OK; FCGIP_ERESOLVE; FCGIP_EINVAL; FCGIP_ENOMEM. */
FCGIP_API int fcgip_endpoint_resolve(fcgip_endpoint *endpoint);

/* The address in canonical form: "tcp://127.0.0.1:9000", "tcp://[::1]:9000",
 * "unix:///run/php-fpm.sock". Lives as long as the endpoint. May be called from anywhere. */
FCGIP_API const char *fcgip_endpoint_address(const fcgip_endpoint *endpoint);

/* Lets go of the endpoint; collections and responses that refer to it keep it alive. */
FCGIP_API void fcgip_endpoint_free(fcgip_endpoint *endpoint);

FCGIP_END_DECLS

#endif
