/* RUN: the process around the library, threads, callbacks, the life of handles. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "conformance/enc.h"
#include "conformance/instrumented.h"
#include "conformance/locale.h"
#include "conformance/run.h"
#include "fcgiproxy/fcgiproxy.h"

/* What the tools put on the stack is not ours. */
#define STACK_LEN ((size_t)(CONF_IS_INSTRUMENTED ? 512 : 32) << 10)

/* Every case that is data: those of these groups, each once and unsplit. `each` is conf_exchange() or its like. */
static void whole_suite(conf_test *test, int (*each)(conf_test *test, const conf_case *exchange))
{
  static const conf_group *const groups[] = {&conf_frm, &conf_typ, &conf_str, &conf_end,
                                             &conf_cls, &conf_hdr, &conf_bod};
  char name[100];
  conf_case one;
  size_t i, j;

  test->splits = SPLITS_NONE;
  for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
    for (j = 0; j < groups[i]->count; j++) {
      one = groups[i]->cases[j];
      if (one.script == NULL || (one.flags & LONG) != 0)
        continue;
      snprintf(name, sizeof(name), "%s %s", one.id, one.name != NULL ? one.name : "");
      one.name = name;
      each(test, &one);
    }
  }
}

/* Where a signal costs more than the time to the next one, as under valgrind on a slow machine, nothing else would be
 * done any more: the alarm comes at half the pace, then, until there is progress. */
#define ALARMS_PER_PACE 1000

static struct itimerval pace;
static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
  (void)signal_number;
  if (++alarms < ALARMS_PER_PACE || pace.it_interval.tv_usec > 400000)
    return;
  alarms = 0;
  pace.it_interval.tv_usec *= 2;
  pace.it_value = pace.it_interval;
  setitimer(ITIMER_REAL, &pace, NULL); /* a plain system call on Linux */
}

static int interrupted_exchange(conf_test *test, const conf_case *exchange)
{
  alarms = 0;
  return conf_exchange(test, exchange);
}

static void interrupted(conf_test *test)
{
  const struct itimerval never = {{0, 0}, {0, 0}};
  struct sigaction action = {0};

  pace.it_value.tv_usec = pace.it_interval.tv_usec = 1000;
  action.sa_handler = on_alarm; /* without SA_RESTART */
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &pace, NULL);
  whole_suite(test, interrupted_exchange);
  setitimer(ITIMER_REAL, &never, NULL);
}

/* Of one byte per character, so that bytes above 127 are letters. */
static void locales(conf_test *test)
{
  static const char *const names[] = {"tr_TR.ISO-8859-9", "de_DE.ISO-8859-1"};
  size_t i;

  for (i = 0; i < 2; i++)
    if (conf_set_locale(test, names[i]))
      whole_suite(test, conf_exchange);
}

typedef struct errand {
  conf_session *session;
  conf_result result;
} errand;

static void *run_errand(void *data)
{
  errand *e = data;

  conf_adapter_fcgiproxy.run(e->session, &e->result);
  return NULL;
}

/* The call that blocks, in a thread with hardly any stack. */
static int on_small_stack(conf_test *test, const conf_case *what)
{
  conf_script *script = conf_script_new(what->script);
  errand e = {0};
  peer *server;
  pthread_attr_t attr;
  pthread_t thread;
  char why[300] = "";

  test->runs++;
  if (peer_new(&server, PEER_UNIX, test->folder) != 0)
    abort();
  peer_play(server, 0, &script->play);
  e.session = conf_adapter_fcgiproxy.session_new(&what->request, peer_address(server), 0);
  peer_thread_start(server);
  pthread_attr_init(&attr);
  CHECK(test, pthread_attr_setstacksize(&attr, STACK_LEN) == 0);
  if (pthread_create(&thread, &attr, run_errand, &e) != 0)
    abort();
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attr);
  conf_check(test, conf_judge(test, &what->want, &e.result, why, sizeof(why)), "%s: %s", what->name,
             why);
  conf_adapter_fcgiproxy.session_free(e.session);
  peer_free(server);
  conf_result_free(&e.result);
  conf_script_free(script);
  return 1;
}

static void small_stacks(conf_test *test)
{
  whole_suite(test, on_small_stack);
}

/* All that a library could change of its process. */
static void process_state(conf_bytes *to)
{
  extern char **environ;
  struct sigaction action;
  char cwd[4096];
  mode_t mask;
  sigset_t set;
  char **at;
  int i;

  conf_bytes_set(to, "", 0);
  for (at = environ; *at != NULL; at++)
    conf_bytes_add(to, *at, strlen(*at) + 1);
  if (getcwd(cwd, sizeof(cwd)) != NULL)
    conf_bytes_add(to, cwd, strlen(cwd));
  mask = umask(0);
  umask(mask);
  conf_bytes_add(to, &mask, sizeof(mask));
  sigprocmask(SIG_BLOCK, NULL, &set);
  for (i = 1; i < 65; i++) {
    memset(&action, 0, sizeof(action));
    sigaction(i, NULL, &action);
    conf_bytes_add(to, &action.sa_handler, sizeof(action.sa_handler));
    conf_bytes_add(to, sigismember(&set, i) == 1 ? "1" : "0", 1);
  }
}

static void good_guest(conf_test *test)
{
  conf_bytes before = {0}, after = {0};
  char path[200];
  struct stat info;
  int out[2], file, i;

  snprintf(path, sizeof(path), "%s/output", test->folder);
  file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  fflush(NULL);
  for (i = 0; i < 2; i++) {
    out[i] = fcntl(i + 1, F_DUPFD_CLOEXEC, 10);
    dup2(file, i + 1);
  }
  process_state(&before);
  whole_suite(test, conf_exchange);
  process_state(&after);
  fflush(NULL);
  for (i = 0; i < 2; i++) {
    dup2(out[i], i + 1);
    close(out[i]);
  }
  CHECK(test, before.len == after.len && memcmp(before.data, after.data, before.len) == 0);
  CHECK(test, fstat(file, &info) == 0);
  conf_check(test, info.st_size == 0, "%ld bytes of output", (long)info.st_size);
  close(file);
  conf_bytes_free(&before);
  conf_bytes_free(&after);
}

/* The shared library is in the build folder, some levels above this program. */
static int find_library(char *path, size_t cap)
{
  ssize_t n = readlink("/proc/self/exe", path, cap - 40);
  char *slash;

  if (n <= 0)
    return 0;
  path[n] = '\0';
  while ((slash = strrchr(path, '/')) != NULL) {
    snprintf(slash, cap - (size_t)(slash - path), "/libfcgiproxy.so");
    if (access(path, R_OK) == 0)
      return 1;
    *slash = '\0';
  }
  return 0;
}

static void loaded_again(conf_test *test)
{
  char path[4200];
  const char *(*version)(void);
  size_t before = 0, after;
  void *library, *symbol;
  int i;

  if (!find_library(path, sizeof(path))) {
    conf_skip(test, "libfcgiproxy.so was not built");
    return;
  }
  for (i = 0; i < 1000; i++) {
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!conf_check(test, library != NULL, "%s", dlerror()))
      return;
    symbol = dlsym(library, "fcgip_version");
    memcpy(&version, &symbol, sizeof(version));
    CHECK(test, symbol != NULL && strcmp(version(), fcgip_version()) == 0);
    CHECK(test, dlclose(library) == 0);
    if (i == 10)
      before = mallinfo2().uordblks;
  }
  after = mallinfo2().uordblks;
  conf_check(test, after <= before + 4096, "%zu bytes more", after - before);
}

#define ROW(number, level_, flags_, function)                                                      \
  {                                                                                                \
    .id = "RUN-" number, .level = (level_), .flags = (flags_), .run = (function), .needs = HAS_API \
  }

static const conf_case cases[] = {
    ROW("01", 'M', SLOW, interrupted),
    ROW("02", 'M', 0, run_chain),
    ROW("03", 'M', 0, run_changes_inside),
    ROW("04", 'M', 0, run_frees_inside),
    ROW("05", 'M', 0, run_waits_inside),
    ROW("06", 'M', 0, run_exactly_once),
    ROW("07", 'M', 0, run_freed_in_flight),
    ROW("08", 'M', 0, run_cancelled),
    ROW("09", 'M', 0, run_forked),
    ROW("10", 'M', 0, run_threads),
    ROW("11", 'M', 0, run_null),
    ROW("12", 'M', 0, run_twice),
    ROW("13", 'P', 0, run_many_ids),
    ROW("14", 'M', SLOW | LONG, locales),
    ROW("15", 'M', SLOW, small_stacks),
    {.id = "RUN-16",
     .level = 'M',
     .flags = SLOW,
     .run = good_guest,
     .needs = HAS_API,
     .see = "tests/gates (symbols)"},
    {.id = "RUN-17",
     .level = 'M',
     .run = enc_cancel_sends_nothing,
     .needs = HAS_API,
     .see = "FPM-19"},
    ROW("18", 'M', LONG, loaded_again),
    {.id = "RUN-19",
     .level = 'M',
     .run = run_without_memory,
     .needs = HAS_API,
     .see = "tests/fault"},
    {.id = "RUN-20",
     .level = 'M',
     .flags = LONG,
     .run = run_two_faults,
     .needs = HAS_API,
     .see = "tests/fault"},
};

CONF_GROUP(conf_run, "RUN", cases);
