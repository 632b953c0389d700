/* The harness itself: every pool answers a FastCGI request written by hand. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "support/fpm.h"
#include "support/nobody.h"
#include "support/processes.h"
#include "support/raw.h"
#include "support/skip.h"

enum { ANSWER_CAP = 8192, TIMEOUT_MS = 5000, WAIT_STEPS = 1000 };

static void pause_5_ms(void)
{
  const struct timespec step = {0, 5000000};

  nanosleep(&step, NULL);
}

static int start(void **state)
{
  *state = fpm_start(FPM_ALL);
  return *state != NULL ? 0 : -1;
}

static int stop(void **state)
{
  fpm_free(*state);
  return 0;
}

static void assert_echo(fpm *server, fpm_pool pool)
{
  char answer[ANSWER_CAP], expected[64];

  snprintf(expected, sizeof(expected), "hello - %s\n", fpm_pool_name(pool));
  assert_true(raw_get(fpm_address(server, pool), fpm_script(server, "echo.php"), "/echo.php",
                      "value=hello", TIMEOUT_MS, answer, sizeof(answer)) > 0);
  assert_non_null(strstr(answer, expected));
}

static void test_every_pool_tells_its_name(void **state)
{
  int i;

  for (i = 0; i < FPM_POOL_COUNT; i++)
    if (i != FPM_RESTRICTED)
      assert_echo(*state, (fpm_pool)i);
  if (geteuid() == 0)
    assert_echo(*state, FPM_RESTRICTED);
}

static void test_every_pool_has_ping_and_status(void **state)
{
  char answer[ANSWER_CAP];
  int i;

  for (i = 0; i < FPM_POOL_COUNT; i++) {
    const char *address = fpm_address(*state, (fpm_pool)i);

    if (i == FPM_RESTRICTED && geteuid() != 0)
      continue;
    assert_true(raw_get(address, "/ping", "/ping", "", TIMEOUT_MS, answer, ANSWER_CAP) > 0);
    assert_non_null(strstr(answer, "pong"));
    assert_true(raw_get(address, "/status", "/status", "", TIMEOUT_MS, answer, ANSWER_CAP) > 0);
    assert_non_null(strstr(answer, fpm_pool_name((fpm_pool)i)));
  }
}

static int connect_errno(void *address)
{
  int fd = raw_connect(address, TIMEOUT_MS);

  return fd < 0 ? errno : 0;
}

static void test_restricted_cannot_be_opened(void **state)
{
  char address[192];

  snprintf(address, sizeof(address), "%s", fpm_address(*state, FPM_RESTRICTED));
  assert_int_equal(nobody_run(connect_errno, address), EACCES);
  snprintf(address, sizeof(address), "%s", fpm_address(*state, FPM_UNIX));
  assert_int_equal(nobody_run(connect_errno, address), 0);
}

static void test_pools_have_their_workers(void **state)
{
  static const size_t expected[FPM_POOL_COUNT] = {5, 5, 5, 1, 2, 2, 2};
  pid_t pids[FPM_MAX_WORKERS];
  int i;

  for (i = 0; i < FPM_POOL_COUNT; i++) {
    int steps = 0;

    /* One that came to its end is replaced within a moment. */
    while (fpm_workers(*state, (fpm_pool)i, pids, FPM_MAX_WORKERS) != expected[i] &&
           steps++ < WAIT_STEPS)
      pause_5_ms();
    assert_int_equal(fpm_workers(*state, (fpm_pool)i, pids, FPM_MAX_WORKERS), expected[i]);
  }
}

static void test_killed_worker_is_replaced(void **state)
{
  pid_t before[FPM_MAX_WORKERS], after[FPM_MAX_WORKERS];
  int steps;

  test_pools_have_their_workers(state);
  assert_int_equal(fpm_workers(*state, FPM_SMALL_TCP, before, FPM_MAX_WORKERS), 2);
  assert_int_equal(kill(before[0], SIGKILL), 0);
  for (steps = 0; steps < WAIT_STEPS; steps++) {
    if (fpm_workers(*state, FPM_SMALL_TCP, after, FPM_MAX_WORKERS) == 2 && after[0] != before[0])
      break;
    pause_5_ms();
  }
  assert_int_not_equal(after[0], before[0]);
  assert_echo(*state, FPM_SMALL_TCP);
}

static void test_reload_replaces_workers_and_keeps_addresses(void **state)
{
  pid_t before[FPM_MAX_WORKERS], after[FPM_MAX_WORKERS], master = fpm_master(*state);
  size_t i, j;

  test_pools_have_their_workers(state);
  assert_int_equal(fpm_workers(*state, FPM_UNIX, before, FPM_MAX_WORKERS), 5);
  assert_int_equal(fpm_reload(*state), 0);
  assert_int_equal(fpm_master(*state), master);
  test_pools_have_their_workers(state);
  assert_int_equal(fpm_workers(*state, FPM_UNIX, after, FPM_MAX_WORKERS), 5);
  for (i = 0; i < 5; i++)
    for (j = 0; j < 5; j++)
      assert_int_not_equal(before[i], after[j]);
  assert_echo(*state, FPM_UNIX);
  assert_echo(*state, FPM_NETWORK2);
}

static void test_halt_and_resume(void **state)
{
  char address[192];

  snprintf(address, sizeof(address), "%s", fpm_address(*state, FPM_NETWORK1));
  fpm_halt(*state);
  assert_int_equal(fpm_master(*state), 0);
  assert_int_equal(connect_errno(address), ECONNREFUSED);
  assert_int_equal(fpm_resume(*state), 0);
  assert_string_equal(fpm_address(*state, FPM_NETWORK1), address);
  assert_echo(*state, FPM_NETWORK1);
}

static void test_chosen_pools_only(void **state)
{
  fpm *server = fpm_start(FPM_BIT(FPM_UNIX));
  char folder[128];
  struct stat st;
  pid_t pids[FPM_MAX_WORKERS];

  (void)state;
  assert_non_null(server);
  snprintf(folder, sizeof(folder), "%s", fpm_folder(server));
  assert_int_equal(stat(folder, &st), 0);
  assert_int_equal(fpm_workers(server, FPM_UNIX, pids, FPM_MAX_WORKERS), 5);
  assert_int_equal(fpm_workers(server, FPM_NETWORK1, pids, FPM_MAX_WORKERS), 0);
  assert_echo(server, FPM_UNIX);
  fpm_free(server);
  assert_int_equal(stat(folder, &st), -1);
}

/* Starts php-fpm, tells its master and folder through a pipe, and dies. */
static void start_and_die(int fd)
{
  fpm *server = fpm_start(FPM_BIT(FPM_UNIX));
  pid_t master = server != NULL ? fpm_master(server) : -1;
  char folder[128] = "";

  if (server != NULL)
    snprintf(folder, sizeof(folder), "%s", fpm_folder(server));
  if (write(fd, &master, sizeof(master)) != sizeof(master) ||
      write(fd, folder, sizeof(folder)) != sizeof(folder))
    abort();
  raise(SIGKILL);
}

static void test_ends_with_the_process_that_started_it(void **state)
{
  char folder[128], command[256];
  pid_t child, master;
  int fds[2], steps;

  (void)state;
  assert_int_equal(pipe(fds), 0);
  child = fork();
  if (child == 0)
    start_and_die(fds[1]);
  assert_int_equal(read(fds[0], &master, sizeof(master)), sizeof(master));
  assert_int_equal(read(fds[0], folder, sizeof(folder)), sizeof(folder));
  assert_int_equal(waitpid(child, NULL, 0), child);
  close(fds[0]);
  close(fds[1]);
  assert_true(master > 0);

  for (steps = 0; steps < WAIT_STEPS && processes_has_title(master, "php-fpm: master "); steps++)
    pause_5_ms();
  assert_false(processes_has_title(master, "php-fpm: master "));
  snprintf(command, sizeof(command), "rm -r '%s'", folder);
  assert_int_equal(system(command), 0);
}

static void test_every_script_answers(void **state)
{
  static const struct {
    const char *script, *query, *expected;
  } cases[] = {
      {"echo.php", "value=a%20b", "a b - unix\n"},
      {"error_log.php", "message=x&times=2", "logged 2\n"},
      {"headers.php", "count=2&status=404%20Gone", "Status: 404 Gone"},
      {"headers.php", "count=2", "X-Item: item 1\r\nX-Item: item 2\r\n"},
      {"length.php", "", "length: 0\n"},
      {"not_read.php", "", "not read\n"},
      {"output.php", "bytes=25", "\r\n\r\n0123456789012345678901234"},
      {"output_first.php", "bytes=3", "\r\n\r\n012\n0\n"},
      {"params.php", "a=b", "\"QUERY_STRING\":\"a=b\""},
      {"progress.php", "pieces=2&ms=1", "piece 1 of 2\npiece 2 of 2\n"},
      {"sleep.php", "ms=1&value=v", "v - unix\n"},
      {"upload.php", "", "\r\n\r\n"},
  };
  char answer[ANSWER_CAP];
  size_t i;

  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    print_message("%s\n", cases[i].script);
    assert_true(raw_get(fpm_address(*state, FPM_UNIX), fpm_script(*state, cases[i].script),
                        "/script.php", cases[i].query, TIMEOUT_MS, answer, ANSWER_CAP) > 0);
    assert_non_null(strstr(answer, cases[i].expected));
  }
}

static void test_crash_ends_in_the_middle(void **state)
{
  char answer[ANSWER_CAP];

  assert_int_equal(raw_get(fpm_address(*state, FPM_UNIX), fpm_script(*state, "crash.php"),
                           "/crash.php", "", TIMEOUT_MS, answer, ANSWER_CAP),
                   -1);
  assert_non_null(strstr(answer, "the first half\n"));
  assert_echo(*state, FPM_UNIX);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_pool_tells_its_name),
      cmocka_unit_test(test_every_pool_has_ping_and_status),
      cmocka_unit_test(test_restricted_cannot_be_opened),
      cmocka_unit_test(test_every_script_answers),
      cmocka_unit_test(test_crash_ends_in_the_middle),
      cmocka_unit_test(test_pools_have_their_workers),
      cmocka_unit_test(test_killed_worker_is_replaced),
      cmocka_unit_test(test_reload_replaces_workers_and_keeps_addresses),
      cmocka_unit_test(test_halt_and_resume),
      cmocka_unit_test(test_chosen_pools_only),
      cmocka_unit_test(test_ends_with_the_process_that_started_it),
  };
  const char *reason = fpm_skip_reason();

  if (reason != NULL)
    return skip_program(reason);
  return cmocka_run_group_tests(tests, start, stop);
}
