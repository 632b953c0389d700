/* FastCGI by hand, over plain blocking sockets and independent of the library: what the harness needs
 * to see whether a server is up, and for tests to compare with. */
#ifndef TEST_SUPPORT_RAW_H
#define TEST_SUPPORT_RAW_H

#include <stddef.h>

/* Connects to "tcp://127.0.0.1:9000" (IPv4 addresses only) or "unix:///path". A descriptor, or -1
 * with errno. Reads and writes of it give up after `timeout_ms`. */
int raw_connect(const char *address, int timeout_ms);

/* Sends a GET request, as id 1 and without FCGI_KEEP_CONN. 0, or -1 with errno. */
int raw_send_get(int fd, const char *script_filename, const char *script_name, const char *query);

/* Reads until END_REQUEST, and keeps what came as STDOUT, headers included, `cap` - 1 bytes at most
 * and a NUL. The number of bytes that came, or -1 if the connection ended before END_REQUEST;
 * `out` holds what came in either case. */
long raw_read_response(int fd, char *out, size_t cap);

/* All three, and closes. The number of bytes of STDOUT, or -1. */
long raw_get(const char *address, const char *script_filename, const char *script_name,
             const char *query, int timeout_ms, char *out, size_t cap);

#endif
