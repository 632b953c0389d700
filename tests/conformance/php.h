/* A php-fpm whose configuration the case writes, in the case's own folder: for what the pools of
 * tests/support/fpm.h are not. And FastCGI by hand to it, byte for byte. */
#ifndef CONFORMANCE_PHP_H
#define CONFORMANCE_PHP_H

#include <sys/types.h>

#include "conformance/fixture.h"
#include "support/reference_encoder.h"

typedef struct php {
  conf_test *test;
  pid_t master;
  char address[200]; /* of the pool */
  char socket[150];  /* its path; "" for TCP */
  uint16_t port;
  int is_8_2; /* what was measured, was measured on 8.2 */
} php;

/* Starts it with lines for [global] and for the pool; it has a TCP port, or a Unix socket. The lines may
 * say "{folder}". 0, after a conf_skip(), if there is none. */
int php_start(php *p, conf_test *test, int is_tcp, const char *global, const char *pool);

/* Until it accepts connections again, after a signal. */
void php_wait(const php *p);

/* Ends it, and its workers. */
void php_stop(php *p);

/* Writes a script, and returns its path; good until the next call. */
const char *php_script(const php *p, const char *name, const char *source);

/* Worker processes. */
size_t php_workers(const php *p, pid_t *pids, size_t cap);

/* A connection; reads give up after 10 seconds. */
int php_connect(const php *p);

/* Sends a whole GET of the script, or of anything else; all that comes until END_REQUEST, the end of the
 * connection, or `timeout_ms`. Returns what ended it: 'e' END_REQUEST, 'f' FIN, 'r' RST, 't' time. */
int php_read(int fd, int timeout_ms, conf_bytes *got);
int php_exchange(const php *p, const reference_bytes *sent, int timeout_ms, conf_bytes *got);

/* A request for the script in reference_bytes: with this id, role and flags, and content. */
void php_request(reference_bytes *to, unsigned id, unsigned role, unsigned flags,
                 const char *script, const char *content);

/* A fact about php-fpm, which is only one on 8.2. */
void php_fact(const php *p, int is_so, const char *what);

/* A proxy to the pool; its peer is not used. To be freed with php_fixture_free(), which checks
 * that memory was given back, unless f->blocks is SIZE_MAX. */
void php_fixture(fixture *f, const php *p, const conf_request *options);
void php_fixture_free(fixture *f);

/* A request for a script through the library. */
fcgip_request *php_get(const char *script);
void php_ask(fixture *f, const char *script, conf_result *result);

/* Drives until `id` is done, as fixture_take(), without a peer. */
void php_take(fixture *f, fcgip_request_id id, conf_result *result);

#endif
