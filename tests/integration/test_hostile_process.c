/* Processes that are no pleasant place for a library: no descriptors, or very many, or the first three closed; a
 * signal every millisecond; SIGPIPE at its default; small stacks; a locale with other letters and other decimal
 * points; a fork in the middle. And that a process is afterwards as it was before.
 *
 * Each runs in a child, which says what went wrong in memory that it shares with us. */
#include "integration/hostile.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { MANY_DESCRIPTORS = 1500, STACK_BYTES = 32768 };

/* ---- descriptors ---- */

static int with_many_descriptors(void)
{
  struct rlimit limit;
  fcgip_proxy *proxy;
  fcgip_request *request = upload_of(10);
  struct pollfd at;
  int i, fd = open("/dev/null", O_RDONLY);

  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < MANY_DESCRIPTORS + 100)
    return skip_because("too few descriptors are allowed here (ulimit -Hn)");
  limit.rlim_cur = MANY_DESCRIPTORS + 100;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  for (i = 0; i < MANY_DESCRIPTORS; i++)
    CHECK(dup(fd) >= 0);
  PASS_ON(live_a_little());
  proxy = open_proxy(&silent);
  CHECK(proxy != NULL && fcgip_proxy_send_async_request(proxy, request, NULL) == FCGIP_OK);
  CHECK(fcgip_proxy_fds(proxy, &at, 1) == 1 && at.fd > 1024);
  fcgip_proxy_free(proxy);
  fcgip_request_free(request);
  return 0;
}

static int without_the_first_three(void)
{
  fcgip_proxy *proxy;
  fcgip_request *request = upload_of(10);
  struct pollfd at[4];
  int i;

  for (i = 0; i < 3; i++)
    close(i);
  PASS_ON(live_a_little());
  proxy = open_proxy(&silent);
  for (i = 0; i < 4; i++)
    CHECK(fcgip_proxy_send_async_request(proxy, request, NULL) == FCGIP_OK);
  CHECK(fcgip_proxy_fds(proxy, at, 4) == 4 && at[0].fd == 0 && at[1].fd == 1 && at[2].fd == 2);
  fcgip_proxy_poll(proxy, 10);
  fcgip_proxy_free(proxy);
  fcgip_request_free(request);
  for (i = 0; i < 3; i++)
    CHECK(fcntl(i, F_GETFD) == -1);
  return 0;
}

/* With room for `room` sockets: each of twelve requests has one result, and room is used. */
static int within_a_limit(rlim_t limit, size_t room)
{
  struct rlimit before, less;
  fcgip_proxy *proxy = open_proxy(&echo);
  fcgip_request *request = upload_of(BIG);
  fcgip_request_id ids[IN_FLIGHT];
  fcgip_response *response;
  size_t i, good = 0;

  CHECK(proxy != NULL && getrlimit(RLIMIT_NOFILE, &before) == 0);
  less = before;
  less.rlim_cur = limit;
  CHECK(setrlimit(RLIMIT_NOFILE, &less) == 0);
  for (i = 0; i < IN_FLIGHT; i++)
    CHECK(fcgip_proxy_send_async_request(proxy, request, &ids[i]) == FCGIP_OK);
  for (i = 0; i < IN_FLIGHT; i++) {
    int rc = fcgip_proxy_read_response(proxy, ids[i], -1, &response);

    CHECK(rc == FCGIP_OK || rc == FCGIP_ECONNECT);
    if (rc == FCGIP_OK)
      CHECK(response_is_good(response));
    else
      CHECK(fcgip_response_errno(response) == EMFILE && fcgip_response_is_retry_safe(response));
    good += rc == FCGIP_OK;
    fcgip_response_free(response);
  }
  CHECK(good >= (room < IN_FLIGHT ? room : IN_FLIGHT));
  /* Less than are open already: poll() refuses, what is under way ends well all the same. */
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  for (i = 0; i < IN_FLIGHT; i++)
    CHECK(fcgip_proxy_send_async_request(proxy, request, &ids[i]) == FCGIP_OK);
  CHECK(setrlimit(RLIMIT_NOFILE, &less) == 0);
  for (i = 0; i < IN_FLIGHT; i++) {
    CHECK(fcgip_proxy_read_response(proxy, ids[i], -1, &response) == FCGIP_OK);
    fcgip_response_free(response);
  }
  fcgip_proxy_free(proxy);
  fcgip_request_free(request);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  return exchange_some(&echo);
}

static int with_few_descriptors(void)
{
  rlim_t limit;

  closefrom(3);
  for (limit = 3; limit <= 20; limit++)
    PASS_ON(within_a_limit(limit, (size_t)limit - 3));
  return 0;
}

/* ---- signals ---- */

static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
  (void)signal_number;
  alarms++;
}

static int under_a_thousand_alarms(void)
{
  static const struct itimerval every_ms = {{0, 1000}, {0, 1000}};
  struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */
  fcgip_proxy *proxy = open_proxy(&silent);
  fcgip_request *request = upload_of(10);
  fcgip_response *response;
  fcgip_request_id id;
  uint64_t start;
  int i;

  CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &every_ms, NULL) == 0);
  for (i = 0; i < 10; i++)
    PASS_ON(live_a_little());
  /* A wait is not shorter for it. */
  CHECK(proxy != NULL && fcgip_proxy_send_async_request(proxy, request, &id) == FCGIP_OK);
  start = clock_ms();
  CHECK(fcgip_proxy_read_response(proxy, id, 300, &response) == FCGIP_EAGAIN);
  CHECK(clock_ms() - start >= 299);
  fcgip_proxy_free(proxy);
  fcgip_request_free(request);
  CHECK(alarms > 10);
  return 0;
}

static int with_a_deadly_sigpipe(void)
{
  CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
  return live_a_little();
}

/* ---- small stacks ---- */

static void *live_in_a_thread(void *result)
{
  *(int *)result = live_a_little();
  return NULL;
}

/* Sanitizers need more stack than that. */
static int on_a_small_stack(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *stack = mmap(NULL, STACK_BYTES + page, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  pthread_attr_t attributes;
  pthread_t thread;
  int result = -1;

  CHECK(stack != MAP_FAILED && mprotect(stack, page, PROT_NONE) == 0);
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstack(&attributes, stack + page, STACK_BYTES) == 0);
  CHECK(pthread_create(&thread, &attributes, live_in_a_thread, &result) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
  pthread_attr_destroy(&attributes);
  munmap(stack, STACK_BYTES + page);
  return result;
#else
  int result = -1;

  (void)live_in_a_thread(&result);
  return result;
#endif
}

/* ---- the locale of a dotless i, and of a comma in 12,5 ---- */

static int make_locale(const char *folder)
{
  char command[256];

  snprintf(command, sizeof(command),
           "localedef -i tr_TR -f ISO-8859-9 '%.64s/tr_TR' >/dev/null 2>&1", folder);
  return system(command);
}

static void remove_locale(const char *folder)
{
  char command[256];

  snprintf(command, sizeof(command), "rm -rf '%.64s/tr_TR'", folder);
  (void)!system(command);
}

static int with_turkish_letters(void)
{
  char before[256];

  (void)make_locale(echo.folder); /* says 1 if it had to warn */
  CHECK(setenv("LOCPATH", echo.folder, 1) == 0);
  if (setlocale(LC_ALL, "tr_TR") == NULL)
    return skip_because("no Turkish locale can be made here (Debian: locales)");
  CHECK(strcmp(localeconv()->decimal_point, ",") == 0);
  snprintf(before, sizeof(before), "%s", setlocale(LC_ALL, NULL));
  PASS_ON(live_a_little());
  CHECK(strcmp(before, setlocale(LC_ALL, NULL)) == 0);
  return 0;
}

/* ---- fork ---- */

static void serve_after_go(bad_server *s, int fd)
{
  bad_wait_for_go(s);
  serve_echo(s, fd);
}

/* A child that does what it may: free. */
static void free_in_a_child(fcgip_proxy *proxy, fcgip_request *request)
{
  pid_t pid = fork();
  int outcome = -1;

  if (pid == 0) {
    fcgip_request_free(request);
    fcgip_proxy_free(proxy);
    _exit(0);
  }
  assert_true(pid > 0);
  assert_int_equal(waitpid(pid, &outcome, 0), pid);
  assert_int_equal(outcome, 0);
}

/* In this very process, as its server is to see what the child does. In each state of a request: waiting, half sent,
 * sent, done and not read. */
static void a_fork_in_the_middle(void **state)
{
  bad_server late;
  fcgip_request *request = upload_of(8 * BIG), *small = upload_of(3);
  fcgip_request_id ids[3];
  fcgip_response *response;
  fcgip_proxy *proxy;
  int tcp, i;

  (void)state;
  for (tcp = 0; tcp < 2; tcp++) {
    assert_int_equal(bad_start(&late, tcp, serve_after_go), 0);
    proxy = open_proxy(&late);
    assert_non_null(proxy);
    free_in_a_child(proxy, request);
    for (i = 0; i < 3; i++)
      assert_int_equal(fcgip_proxy_send_async_request(proxy, i == 1 ? small : request, &ids[i]),
                       FCGIP_OK);
    free_in_a_child(proxy, request);
    for (i = 0; i < 5; i++)
      fcgip_proxy_poll(proxy, 10);
    free_in_a_child(proxy, request);
    assert_int_equal(fcgip_proxy_pending(proxy), 3);
    atomic_store(&late.go, 1);
    for (i = 0; i < 3; i++) {
      while (fcgip_proxy_has_response(proxy, ids[i]) == 0)
        fcgip_proxy_poll(proxy, 20);
      free_in_a_child(proxy, request);
      assert_int_equal(fcgip_proxy_read_response(proxy, ids[i], 0, &response), FCGIP_OK);
      assert_true(response_is_good(response));
      fcgip_response_free(response);
    }
    fcgip_proxy_free(proxy);
    bad_stop(&late);
    /* Every byte in its place, and not one more. */
    assert_int_equal(atomic_load(&late.mismatches), 0);
    assert_int_equal(atomic_load(&late.received), 2 * 8 * BIG + 3);
    assert_int_equal(atomic_load(&late.connections), 3);
  }
  fcgip_request_free(small);
  fcgip_request_free(request);
}

/* ---- what a library has no business with ---- */

typedef struct surroundings {
  struct sigaction actions[NSIG];
  sigset_t mask;
  struct rlimit limits[RLIMIT_NLIMITS];
  struct itimerval timer;
  char folder[512], locale[128];
  char variables[32768];
  mode_t umask;
} surroundings;

static void look_around(surroundings *s)
{
  size_t at = 0;
  char **variable;
  int i;

  memset(s, 0, sizeof(*s));
  for (i = 1; i < NSIG; i++)
    (void)sigaction(i, NULL, &s->actions[i]);
  sigprocmask(SIG_SETMASK, NULL, &s->mask);
  for (i = 0; i < RLIMIT_NLIMITS; i++)
    getrlimit((__rlimit_resource_t)i, &s->limits[i]);
  getitimer(ITIMER_REAL, &s->timer);
  if (getcwd(s->folder, sizeof(s->folder)) == NULL)
    s->folder[0] = '\0';
  snprintf(s->locale, sizeof(s->locale), "%s", setlocale(LC_ALL, NULL));
  for (variable = environ; *variable != NULL && at < sizeof(s->variables); variable++)
    at += (size_t)snprintf(s->variables + at, sizeof(s->variables) - at, "%p %s\n",
                           (void *)*variable, *variable);
  s->umask = umask(0);
  umask(s->umask);
}

static int action_is_same(const struct sigaction *a, const struct sigaction *b)
{
  int i, same = a->sa_handler == b->sa_handler && a->sa_flags == b->sa_flags;

  for (i = 1; i < NSIG; i++)
    same = same && sigismember(&a->sa_mask, i) == sigismember(&b->sa_mask, i);
  return same;
}

static size_t count_threads(void)
{
  DIR *dir = opendir("/proc/self/task");
  size_t count = 0;

  while (dir != NULL && readdir(dir) != NULL)
    count++;
  if (dir != NULL)
    closedir(dir);
  return count;
}

static int without_a_trace(void)
{
  static surroundings before, after;
  char path[128];
  size_t threads = count_threads();
  int printed, fds, i;

  CHECK(setlocale(LC_ALL, "C") != NULL);
  snprintf(path, sizeof(path), "%.64s/printed", echo.folder);
  printed = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  CHECK(printed >= 0 && unlink(path) == 0);
  CHECK(dup2(printed, 1) == 1 && dup2(printed, 2) == 2);
  fds = open_fds();
  look_around(&before);
  PASS_ON(live_a_little());
  look_around(&after);
  for (i = 1; i < NSIG; i++)
    CHECK(action_is_same(&before.actions[i], &after.actions[i]));
  CHECK(memcmp(&before.mask, &after.mask, sizeof(before.mask)) == 0);
  CHECK(memcmp(&before.limits, &after.limits, sizeof(before.limits)) == 0);
  CHECK(memcmp(&before.timer, &after.timer, sizeof(before.timer)) == 0);
  CHECK(strcmp(before.folder, after.folder) == 0 && strcmp(before.locale, after.locale) == 0);
  CHECK(strcmp(before.variables, after.variables) == 0 && before.umask == after.umask);
  fflush(NULL);
  CHECK(lseek(printed, 0, SEEK_END) == 0);
  CHECK(count_threads() == threads && open_fds() == fds);
  CHECK(waitpid(-1, NULL, WNOHANG) == -1); /* no children */
  return 0;
}

/* ---- running them ---- */

static void in_a_child(int (*fn)(void))
{
  int outcome = -1;
  pid_t pid;

  verdict[0] = '\0';
  fflush(NULL);
  pid = fork();
  if (pid == 0)
    _exit(fn());
  assert_true(pid > 0);
  assert_int_equal(waitpid(pid, &outcome, 0), pid);
  if (WIFEXITED(outcome) && WEXITSTATUS(outcome) == SKIPPED) {
    print_message("skipped: %s\n", verdict);
    if (getenv("CI") == NULL || strcmp(getenv("CI"), "true") != 0)
      skip();
  }
  if (outcome != 0)
    fail_msg("status 0x%x, %s", (unsigned)outcome, verdict);
}

#define CHILD_TEST(name, fn)                                                                       \
  static void name(void **state)                                                                   \
  {                                                                                                \
    (void)state;                                                                                   \
    in_a_child(fn);                                                                                \
  }

CHILD_TEST(fifteen_hundred_descriptors, with_many_descriptors)
CHILD_TEST(descriptors_0_to_2_are_closed, without_the_first_three)
CHILD_TEST(limits_of_3_to_20_descriptors, with_few_descriptors)
CHILD_TEST(a_signal_every_millisecond, under_a_thousand_alarms)
CHILD_TEST(sigpipe_at_its_default, with_a_deadly_sigpipe)
CHILD_TEST(a_stack_of_32_kib, on_a_small_stack)
CHILD_TEST(turkish, with_turkish_letters)
CHILD_TEST(no_trace_is_left, without_a_trace)

static int start(void **state)
{
  (void)state;
  verdict = mmap(NULL, VERDICT_CAP, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return verdict == MAP_FAILED || bad_start(&echo, 0, serve_echo) != 0 ||
         bad_start(&status, 1, serve_status) != 0 || bad_start(&silent, 0, serve_silence) != 0 ||
         bad_start(&closing, 1, serve_closing) != 0;
}

static int stop(void **state)
{
  (void)state;
  bad_stop(&closing);
  bad_stop(&silent);
  bad_stop(&status);
  remove_locale(echo.folder);
  bad_stop(&echo);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fifteen_hundred_descriptors),
      cmocka_unit_test(descriptors_0_to_2_are_closed),
      cmocka_unit_test(limits_of_3_to_20_descriptors),
      cmocka_unit_test(a_signal_every_millisecond),
      cmocka_unit_test(sigpipe_at_its_default),
      cmocka_unit_test(a_stack_of_32_kib),
      cmocka_unit_test(turkish),
      cmocka_unit_test(a_fork_in_the_middle),
      cmocka_unit_test(no_trace_is_left),
  };

  return cmocka_run_group_tests(tests, start, stop);
}
