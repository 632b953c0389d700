#include "support/fpm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/processes.h"

/* How long anything may take, and how long the polite way of ending may. */
enum { FPM_START_MS = 10000, FPM_TERM_MS = 3000, FPM_STEP_MS = 5 };
/* Below the range from which the system takes ports on its own, so that only we compete for them. */
enum { FPM_FIRST_PORT = 10000, FPM_PORT_COUNT = 20000, FPM_PORT_TRIES = 200, FPM_START_TRIES = 5 };
enum { FPM_ADDRESS_CAP = 192, FPM_SCRIPT_SLOTS = 8, FPM_ENV_COUNT = 5 + FPM_POOL_COUNT };

static const struct {
  const char *name;
  const char *variable; /* that its address is in */
  const char *socket;   /* the name of a Unix socket, NULL for TCP */
  size_t workers;
} fpm_pools[FPM_POOL_COUNT] = {
    [FPM_NETWORK1] = {"network1", "FCGIP_NETWORK1", NULL, 5},
    [FPM_NETWORK2] = {"network2", "FCGIP_NETWORK2", NULL, 5},
    [FPM_UNIX] = {"unix", "FCGIP_UNIX", "unix.sock", 5},
    [FPM_RESTRICTED] = {"restricted", "FCGIP_RESTRICTED", "restricted.sock", 1},
    [FPM_SMALL_TCP] = {"small_tcp", "FCGIP_SMALL_TCP", NULL, 2},
    [FPM_SMALL_UNIX] = {"small_unix", "FCGIP_SMALL_UNIX", "small.sock", 2},
    [FPM_RECYCLE] = {"recycle", "FCGIP_RECYCLE", NULL, 2},
};

struct fpm {
  unsigned pools;
  pid_t master;
  unsigned ready_count; /* how often "ready to handle connections" is to be found in the log */
  uint16_t ports[FPM_POOL_COUNT];
  char folder[128];
  char addresses[FPM_POOL_COUNT][FPM_ADDRESS_CAP];
  char scripts[FPM_SCRIPT_SLOTS][PATH_MAX];
  unsigned script_slot;
};

/* A string that fits, or a test that cannot go on. */
__attribute__((format(printf, 3, 4))) static void fpm_format(char *to, size_t cap,
                                                             const char *format, ...)
{
  va_list args;
  int n;

  va_start(args, format);
  n = vsnprintf(to, cap, format, args);
  va_end(args);
  if (n < 0 || (size_t)n >= cap) {
    fprintf(stderr, "fpm: too long: %s\n", to);
    abort();
  }
}

static void fpm_pause(void)
{
  const struct timespec step = {0, FPM_STEP_MS * 1000000L};

  nanosleep(&step, NULL);
}

/* The path of php-fpm, or 0. Debian names it by its version. */
static int fpm_find(char *path, size_t cap)
{
  static const char *const patterns[] = {"/usr/sbin/php-fpm8.2", "/usr/sbin/php-fpm*",
                                         "/usr/local/sbin/php-fpm*"};
  size_t i, j;
  int found = 0;

  for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]) && !found; i++) {
    glob_t matches;

    if (glob(patterns[i], 0, NULL, &matches) != 0)
      continue;
    for (j = 0; j < matches.gl_pathc && !found; j++) {
      found = access(matches.gl_pathv[j], X_OK) == 0;
      if (found)
        fpm_format(path, cap, "%s", matches.gl_pathv[j]);
    }
    globfree(&matches);
  }
  return found;
}

const char *fpm_skip_reason(void)
{
  char path[PATH_MAX];

  return fpm_find(path, sizeof(path)) ? NULL : "php-fpm is not installed (Debian: php-fpm)";
}

/* ---- folder, ports, addresses ---- */

static int fpm_port_is_free(uint16_t port)
{
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1, rc;

  if (fd < 0)
    return 0;
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  rc = bind(fd, (struct sockaddr *)&in, sizeof(in));
  close(fd);
  return rc == 0;
}

static int fpm_choose_port(const fpm *server, uint16_t *port)
{
  int tries, i, taken;
  uint16_t candidate;
  unsigned draw;

  for (tries = 0; tries < FPM_PORT_TRIES; tries++) {
    if (getrandom(&draw, sizeof(draw), 0) != (ssize_t)sizeof(draw))
      return -1;
    candidate = (uint16_t)(FPM_FIRST_PORT + draw % FPM_PORT_COUNT);
    for (taken = 0, i = 0; i < FPM_POOL_COUNT; i++)
      taken |= server->ports[i] == candidate;
    if (!taken && fpm_port_is_free(candidate)) {
      *port = candidate;
      return 0;
    }
  }
  return -1;
}

static int fpm_choose_addresses(fpm *server)
{
  int i;

  memset(server->ports, 0, sizeof(server->ports));
  for (i = 0; i < FPM_POOL_COUNT; i++) {
    if (fpm_pools[i].socket != NULL) {
      fpm_format(server->addresses[i], FPM_ADDRESS_CAP, "unix://%s/%s", server->folder,
                 fpm_pools[i].socket);
      continue;
    }
    if (fpm_choose_port(server, &server->ports[i]) != 0) {
      fprintf(stderr, "fpm: no free port found\n");
      return -1;
    }
    fpm_format(server->addresses[i], FPM_ADDRESS_CAP, "tcp://127.0.0.1:%u",
               (unsigned)server->ports[i]);
  }
  return 0;
}

/* The folder can be entered by everybody, as the sockets have modes of their own. Its path is short,
 * as the address of a Unix socket holds 107 bytes. */
static int fpm_make_folder(fpm *server)
{
  const char *base = getenv("TMPDIR");
  char from[PATH_MAX], to[PATH_MAX];
  int i;

  if (base == NULL || base[0] != '/' || strlen(base) > 64)
    base = "/tmp";
  fpm_format(server->folder, sizeof(server->folder), "%s/fpm.XXXXXX", base);
  if (mkdtemp(server->folder) == NULL) {
    fprintf(stderr, "fpm: mkdtemp %s: %s\n", server->folder, strerror(errno));
    return -1;
  }
  fpm_format(to, sizeof(to), "%s/pools", server->folder);
  if (chmod(server->folder, 0755) != 0 || mkdir(to, 0755) != 0) {
    fprintf(stderr, "fpm: %s: %s\n", to, strerror(errno));
    return -1;
  }
  for (i = 0; i < FPM_POOL_COUNT; i++) {
    if ((server->pools & FPM_BIT(i)) == 0)
      continue;
    fpm_format(from, sizeof(from), "%s/php-fpm/%s.conf", FCGIP_TEST_DOCKER_DIR, fpm_pools[i].name);
    fpm_format(to, sizeof(to), "%s/pools/%s.conf", server->folder, fpm_pools[i].name);
    if (symlink(from, to) != 0) {
      fprintf(stderr, "fpm: symlink %s: %s\n", to, strerror(errno));
      return -1;
    }
  }
  return 0;
}

static int fpm_remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
  (void)st;
  (void)flag;
  (void)ftw;
  remove(path);
  return 0;
}

/* ---- the process ---- */

/* What differs between the users of docker/php-fpm/global.conf. The caller frees the texts. */
static void fpm_make_env(const fpm *server, char *env[FPM_ENV_COUNT])
{
  size_t n = 0;
  int i;

  env[n] = NULL;
  n += (size_t)(asprintf(&env[n], "FCGIP_FPM_CONF=%s/php-fpm", FCGIP_TEST_DOCKER_DIR) > 0);
  n += (size_t)(asprintf(&env[n], "FCGIP_FPM_RUN=%s", server->folder) > 0);
  n += (size_t)(asprintf(&env[n], "FCGIP_FPM_LOG=%s/error.log", server->folder) > 0);
  n += (size_t)(asprintf(&env[n], "FCGIP_FPM_USER=%s", geteuid() == 0 ? "root" : "nobody") > 0);
  /* An address without what stands before it in ours: "tcp://" or "unix://". */
  for (i = 0; i < FPM_POOL_COUNT; i++)
    n += (size_t)(asprintf(&env[n], "%s=%s", fpm_pools[i].variable,
                           strstr(server->addresses[i], "//") + 2) > 0);
  env[n] = NULL;
}

/* The child's way to php-fpm. It is not to inherit what the test process has open, blocked or ignored,
 * and not to outlive it: TERM, unlike KILL, makes the master end its workers, too. */
static void fpm_exec(const char *binary, const char *conf, const char *output, pid_t parent,
                     char **env)
{
  sigset_t none;
  int sig, in, out;

  for (sig = 1; sig < NSIG; sig++)
    signal(sig, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent)
    _exit(126);

  in = open("/dev/null", O_RDONLY);
  out = open(output, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
    _exit(126);
  closefrom(3);
  execle(binary, binary, "-n", "-R", "-y", conf, (char *)NULL, env);
  _exit(127);
}

static int fpm_spawn(fpm *server)
{
  char binary[PATH_MAX], conf[PATH_MAX], output[PATH_MAX];
  char *env[FPM_ENV_COUNT];
  pid_t parent = getpid();
  size_t i;

  if (!fpm_find(binary, sizeof(binary)))
    return -1;
  fpm_format(conf, sizeof(conf), "%s/php-fpm/global.conf", FCGIP_TEST_DOCKER_DIR);
  fpm_format(output, sizeof(output), "%s/output.log", server->folder);
  fpm_make_env(server, env);
  server->master = fork();
  if (server->master == 0)
    fpm_exec(binary, conf, output, parent, env);
  for (i = 0; env[i] != NULL; i++)
    free(env[i]);
  if (server->master > 0)
    return 0;
  fprintf(stderr, "fpm: fork: %s\n", strerror(errno));
  server->master = 0;
  return -1;
}

/* How often `text` stands in a log of the server. With `print`, the log goes to stderr on the way. */
static unsigned fpm_count_in_log(const fpm *server, const char *log, const char *text, int print)
{
  char path[PATH_MAX], line[1024];
  unsigned count = 0;
  FILE *file;

  fpm_format(path, sizeof(path), "%s/%s", server->folder, log);
  file = fopen(path, "re");
  if (file == NULL)
    return 0;
  while (fgets(line, sizeof(line), file) != NULL) {
    count += strstr(line, text) != NULL;
    if (print)
      fprintf(stderr, "fpm: %s", line);
  }
  fclose(file);
  return count;
}

static int fpm_workers_are_there(const fpm *server)
{
  int i;

  for (i = 0; i < FPM_POOL_COUNT; i++)
    if ((server->pools & FPM_BIT(i)) != 0 &&
        fpm_workers(server, (fpm_pool)i, NULL, 0) != fpm_pools[i].workers)
      return 0;
  return 1;
}

/* Waits until the master has opened all sockets and made all workers. No request is spent on it, so
 * that a test finds the counters of all pools at zero. */
static int fpm_wait_until_ready(fpm *server)
{
  int waited_ms;

  for (waited_ms = 0; waited_ms < FPM_START_MS; waited_ms += FPM_STEP_MS) {
    if (fpm_count_in_log(server, "error.log", "ready to handle connections", 0) >
            server->ready_count &&
        fpm_workers_are_there(server)) {
      server->ready_count++;
      return 0;
    }
    if (waitpid(server->master, NULL, WNOHANG) != 0) {
      server->master = 0;
      return -1;
    }
    fpm_pause();
  }
  return -1;
}

static void fpm_report(const fpm *server)
{
  fprintf(stderr, "fpm: php-fpm did not start; its logs:\n");
  fpm_count_in_log(server, "error.log", "", 1);
  fpm_count_in_log(server, "output.log", "", 1);
}

fpm *fpm_start(unsigned pools)
{
  fpm *server = calloc(1, sizeof(*server));
  unsigned lost_ports = 0, lost;
  int tries;

  if (server == NULL)
    return NULL;
  server->pools = pools;
  if (fpm_make_folder(server) != 0) {
    fpm_free(server);
    return NULL;
  }
  for (tries = 0; tries < FPM_START_TRIES; tries++) {
    if (fpm_choose_addresses(server) != 0 || fpm_spawn(server) != 0)
      break;
    if (fpm_wait_until_ready(server) == 0)
      return server;
    /* Another test may have taken the port since; anything else will not get better. */
    lost = fpm_count_in_log(server, "error.log", "Address already in use", 0);
    fpm_halt(server);
    if (lost == lost_ports)
      break;
    lost_ports = lost;
  }
  fpm_report(server);
  fpm_free(server);
  return NULL;
}

static int fpm_master_ended(fpm *server, int within_ms)
{
  int waited_ms;

  for (waited_ms = 0; waited_ms < within_ms; waited_ms += FPM_STEP_MS) {
    if (waitpid(server->master, NULL, WNOHANG) != 0)
      return 1;
    fpm_pause();
  }
  return 0;
}

void fpm_halt(fpm *server)
{
  pid_t workers[FPM_POOL_COUNT * FPM_MAX_WORKERS];
  size_t cap = sizeof(workers) / sizeof(workers[0]), count, i;

  if (server->master <= 0)
    return;
  count = processes_children(server->master, "php-fpm: pool ", workers, cap);
  count = count < cap ? count : cap;

  /* A test may have stopped them; a stopped process does not notice TERM. */
  kill(server->master, SIGCONT);
  for (i = 0; i < count; i++)
    kill(workers[i], SIGCONT);
  kill(server->master, SIGTERM);
  if (!fpm_master_ended(server, FPM_TERM_MS)) {
    kill(server->master, SIGKILL);
    waitpid(server->master, NULL, 0);
  }
  server->master = 0;
  /* Workers whose master was killed go on serving. */
  for (i = 0; i < count; i++)
    if (processes_has_title(workers[i], "php-fpm: pool "))
      kill(workers[i], SIGKILL);
}

int fpm_resume(fpm *server)
{
  if (server->master > 0)
    return -1;
  if (fpm_spawn(server) == 0 && fpm_wait_until_ready(server) == 0)
    return 0;
  fpm_report(server);
  return -1;
}

int fpm_reload(fpm *server)
{
  if (server->master <= 0 || kill(server->master, SIGUSR2) != 0)
    return -1;
  if (fpm_wait_until_ready(server) == 0)
    return 0;
  fpm_report(server);
  return -1;
}

void fpm_free(fpm *server)
{
  if (server == NULL)
    return;
  fpm_halt(server);
  nftw(server->folder, fpm_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  free(server);
}

/* ---- what is where ---- */

const char *fpm_address(const fpm *server, fpm_pool pool)
{
  return server->addresses[pool];
}

uint16_t fpm_port(const fpm *server, fpm_pool pool)
{
  return server->ports[pool];
}

const char *fpm_socket_path(const fpm *server, fpm_pool pool)
{
  return fpm_pools[pool].socket != NULL ? server->addresses[pool] + strlen("unix://") : NULL;
}

const char *fpm_pool_name(fpm_pool pool)
{
  return fpm_pools[pool].name;
}

const char *fpm_script(fpm *server, const char *name)
{
  char *path = server->scripts[server->script_slot++ % FPM_SCRIPT_SLOTS];

  fpm_format(path, PATH_MAX, "%s/scripts/%s", FCGIP_TEST_DOCKER_DIR, name);
  return path;
}

const char *fpm_folder(const fpm *server)
{
  return server->folder;
}

pid_t fpm_master(const fpm *server)
{
  return server->master;
}

size_t fpm_workers(const fpm *server, fpm_pool pool, pid_t *pids, size_t cap)
{
  char title[64];

  if (server->master <= 0)
    return 0;
  fpm_format(title, sizeof(title), "php-fpm: pool %s", fpm_pools[pool].name);
  return processes_children(server->master, title, pids, cap);
}
