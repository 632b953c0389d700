/* A php-fpm of the test's own: a master with any of the pools of docker/php-fpm, in a new folder
 * under $TMPDIR or /tmp, on free loopback ports. Nothing of the machine's own php-fpm or php.ini is
 * used, so that tests can run side by side, as root or not.
 *
 *   const char *reason = fpm_skip_reason();
 *   if (reason != NULL)
 *     return skip_program(reason);
 *   fpm = fpm_start(FPM_BIT(FPM_NETWORK1) | FPM_BIT(FPM_UNIX));
 *   ... fpm_address(fpm, FPM_UNIX), fpm_script(fpm, "echo.php") ...
 *   fpm_free(fpm);
 *
 * php-fpm ends with the thread that started it, however that thread ends. */
#ifndef TEST_SUPPORT_FPM_H
#define TEST_SUPPORT_FPM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The pools; each has its status page at /status, answers /ping, and tells scripts its name, which is
 * that of its file in docker/php-fpm, in the environment variable POOL. */
typedef enum fpm_pool {
  FPM_NETWORK1,   /* TCP, 5 workers */
  FPM_NETWORK2,   /* TCP, 5 workers */
  FPM_UNIX,       /* Unix socket, 5 workers */
  FPM_RESTRICTED, /* Unix socket that only root may open, 1 worker */
  FPM_SMALL_TCP,  /* TCP, 2 workers, backlog 16 */
  FPM_SMALL_UNIX, /* Unix socket, 2 workers, backlog 16 */
  FPM_RECYCLE,    /* TCP, 2 workers that end after 3 requests each */
  FPM_POOL_COUNT
} fpm_pool;

#define FPM_BIT(pool) (1U << (unsigned)(pool))
/* The cluster of most tests. */
#define FPM_THREE (FPM_BIT(FPM_NETWORK1) | FPM_BIT(FPM_NETWORK2) | FPM_BIT(FPM_UNIX))
#define FPM_ALL (FPM_BIT(FPM_POOL_COUNT) - 1U)

/* The most workers that a pool has. */
#define FPM_MAX_WORKERS 5

typedef struct fpm fpm;

/* NULL if php-fpm can be started here, otherwise a sentence that says why not. */
const char *fpm_skip_reason(void);

/* Starts php-fpm with the pools of the bit set `pools`, and returns when all of them answer. NULL if
 * that did not happen in 10 seconds; the reason is then on stderr. */
fpm *fpm_start(unsigned pools);

/* Stops php-fpm and removes its folder. NULL is fine. */
void fpm_free(fpm *server);

/* "tcp://127.0.0.1:40123" or "unix:///tmp/fpm.x1y2z3/unix.sock"; lives as long as the server. */
const char *fpm_address(const fpm *server, fpm_pool pool);

/* The port of a TCP pool, or 0; the path of the socket of another, or NULL. */
uint16_t fpm_port(const fpm *server, fpm_pool pool);
const char *fpm_socket_path(const fpm *server, fpm_pool pool);

/* The name of the pool, which is what POOL and the status page say. */
const char *fpm_pool_name(fpm_pool pool);

/* The path of a script of docker/scripts, for SCRIPT_FILENAME; good for the next seven calls. */
const char *fpm_script(fpm *server, const char *name);

/* The folder of this server: sockets, error.log. A test may put scripts of its own here; it is
 * removed with everything in it. */
const char *fpm_folder(const fpm *server);

/* The master process; 0 while it is halted. */
pid_t fpm_master(const fpm *server);

/* Writes the process ids of the pool's workers, `cap` at most; returns how many there are. */
size_t fpm_workers(const fpm *server, fpm_pool pool, pid_t *pids, size_t cap);

/* Reloads (SIGUSR2): all workers are replaced, the sockets stay open. 0 when the new workers answer,
 * -1 if that took more than 10 seconds. The master waits for busy workers only as long as
 * process_control_timeout allows, which is not set: they are ended at once. */
int fpm_reload(fpm *server);

/* Stops php-fpm, and starts it again at the same addresses: for servers that go away and come back.
 * fpm_resume() returns as fpm_reload() does. */
void fpm_halt(fpm *server);
int fpm_resume(fpm *server);

#endif
