#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "fcgiproxy/error.h"
#include "support/failing_allocator.h"
#include "support/nobody.h"

typedef struct fixture {
  char dir[64];
  char path[80];
  failing_allocator memory;
  fcgip__mem mem;
  fcgip__buffer buffer;
  int lowest_fd;
} fixture;

static fixture files;

static int lowest_fd(void)
{
  int fd = open("/dev/null", O_RDONLY);

  close(fd);
  return fd;
}

static int setup(void **state)
{
  fixture *f = &files;

  *state = f;
  snprintf(f->dir, sizeof(f->dir), "/tmp/fcgip-test-file-XXXXXX");
  if (mkdtemp(f->dir) == NULL)
    return -1;
  snprintf(f->path, sizeof(f->path), "%.60s/file", f->dir);
  failing_allocator_init(&f->memory);
  if (fcgip__mem_import(&f->mem, &f->memory.hook) != FCGIP_OK)
    return -1;
  fcgip__buffer_init(&f->buffer, &f->mem, 1 << 20);
  f->lowest_fd = lowest_fd();
  return 0;
}

static int teardown(void **state)
{
  fixture *f = *state;
  int fd = lowest_fd();

  fcgip__buffer_deinit(&f->buffer);
  unlink(f->path);
  rmdir(f->dir);
  return fd == f->lowest_fd && f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static void write_file(const fixture *f, const void *data, size_t len)
{
  int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

  assert_true(fd >= 0);
  assert_int_equal(write(fd, data, len), len);
  assert_int_equal(close(fd), 0);
}

static void reads_all_bytes(void **state)
{
  fixture *f = *state;
  uint8_t all[1024];
  size_t i;

  for (i = 0; i < sizeof(all); i++)
    all[i] = (uint8_t)(i + i / 256);
  write_file(f, all, sizeof(all));
  assert_int_equal(fcgip__file_read(&f->buffer, f->path), FCGIP_OK);
  assert_int_equal(f->buffer.len, sizeof(all));
  assert_memory_equal(f->buffer.data, all, sizeof(all));
  assert_int_equal(f->buffer.data[f->buffer.len], 0);
  assert_int_equal(f->memory.live_bytes, sizeof(all) + 1); /* nothing for finding the end */
}

static void adds_behind_what_is_there(void **state)
{
  fixture *f = *state;

  write_file(f, "file", 4);
  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "before "), FCGIP_OK);
  assert_int_equal(fcgip__file_read(&f->buffer, f->path), FCGIP_OK);
  assert_int_equal(fcgip__file_read(&f->buffer, f->path), FCGIP_OK);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "before filefile");
}

static void reads_files_without_bytes(void **state)
{
  fixture *f = *state;

  write_file(f, "", 0);
  assert_int_equal(fcgip__file_read(&f->buffer, f->path), FCGIP_OK);
  assert_int_equal(fcgip__file_read(&f->buffer, "/dev/null"), FCGIP_OK);
  assert_int_equal(f->buffer.len, 0);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "");
}

static void reads_files_that_do_not_know_their_size(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip__file_read(&f->buffer, "/proc/self/status"), FCGIP_OK);
  assert_memory_equal(f->buffer.data, "Name:", 5);
  assert_int_equal(strlen(fcgip__buffer_text(&f->buffer)), f->buffer.len);
}

static void has_no_file_where_there_is_none(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip__file_read(&f->buffer, f->path), FCGIP_EFILE);
  assert_int_equal(fcgip__file_read(&f->buffer, ""), FCGIP_EFILE);
  assert_int_equal(symlink("file", f->path), 0); /* to itself */
  assert_int_equal(fcgip__file_read(&f->buffer, f->path), FCGIP_EFILE);
  assert_null(f->buffer.data);
}

static void takes_no_directory(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "kept"), FCGIP_OK);
  assert_int_equal(fcgip__file_read(&f->buffer, f->dir), FCGIP_EFILE);
  assert_int_equal(fcgip__file_read(&f->buffer, "/"), FCGIP_EFILE);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "kept");
}

static void reports_a_read_that_fails(void **state)
{
  fixture *f = *state;

  /* It can be opened, and has nothing at address 0. */
  assert_int_equal(fcgip__file_read(&f->buffer, "/proc/self/mem"), FCGIP_EFILE);
  assert_int_equal(f->buffer.len, 0);
}

static int read_as_nobody(void *data)
{
  fixture *f = data;

  return fcgip__file_read(&f->buffer, f->path) == FCGIP_EFILE ? 0 : 1;
}

static void takes_no_file_that_it_may_not_read(void **state)
{
  fixture *f = *state;

  write_file(f, "secret", 6);
  assert_int_equal(chmod(f->dir, 0755), 0);
  assert_int_equal(chmod(f->path, 0), 0);
  assert_int_equal(nobody_run(read_as_nobody, f), 0);
}

static void keeps_to_the_limit(void **state)
{
  fixture *f = *state;

  write_file(f, "0123456789", 10);
  fcgip__buffer_init(&f->buffer, &f->mem, 9);
  assert_int_equal(fcgip__file_read(&f->buffer, f->path), FCGIP_ETOOLARGE);
  assert_int_equal(f->buffer.len, 0);
  fcgip__buffer_init(&f->buffer, &f->mem, 10);
  assert_int_equal(fcgip__file_read(&f->buffer, f->path), FCGIP_OK);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "0123456789");
  assert_int_equal(fcgip__file_read(&f->buffer, f->path), FCGIP_ETOOLARGE);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "0123456789");
}

static void stops_at_the_limit_without_a_size(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip__buffer_add_text(&f->buffer, "kept"), FCGIP_OK);
  assert_int_equal(fcgip__file_read(&f->buffer, "/dev/zero"), FCGIP_ETOOLARGE);
  assert_int_equal(f->buffer.len, 4);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "kept");
}

static void does_not_begin_with_a_file_that_is_too_large(void **state)
{
  fixture *f = *state;

  write_file(f, "", 0);
  assert_int_equal(truncate(f->path, (off_t)1 << 32), 0); /* no blocks on the disk */
  assert_int_equal(fcgip__file_read(&f->buffer, f->path), FCGIP_ETOOLARGE);
  assert_int_equal(f->memory.total_calls, 0);
}

static void survives_each_allocation_failing(void **state)
{
  static uint8_t data[5000];
  const char *paths[2];
  fixture *f = *state;
  size_t n, i;
  int rc;

  write_file(f, data, sizeof(data));
  paths[0] = f->path;
  paths[1] = "/dev/zero"; /* grows until the limit */
  for (i = 0; i < 2; i++) {
    for (n = 1;; n++) {
      failing_allocator_fail_at(&f->memory, n, FAIL_ONCE);
      rc = fcgip__file_read(&f->buffer, paths[i]);
      fcgip__buffer_deinit(&f->buffer);
      assert_int_equal(lowest_fd(), f->lowest_fd);
      if (f->memory.failures == 0)
        break;
      assert_int_equal(rc, FCGIP_ENOMEM);
    }
    assert_int_equal(rc, i == 0 ? FCGIP_OK : FCGIP_ETOOLARGE);
    assert_true(n > i * 10 + 1);
  }
}

/* ---- Interrupted calls ---- */

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
  (void)number;
  alarms++;
}

static void alarm_every(suseconds_t us)
{
  const struct itimerval interval = {{0, us}, {0, us}};

  assert_int_equal(setitimer(ITIMER_REAL, &interval, NULL), 0);
}

/* Opens the pipe late and writes to it slowly. */
static void write_slowly(const char *path)
{
  const struct timespec pause = {0, 30000000};
  int fd, i;

  nanosleep(&pause, NULL);
  fd = open(path, O_WRONLY);
  for (i = 0; i < 5; i++) {
    nanosleep(&pause, NULL);
    if (write(fd, "piece ", 6) != 6)
      _exit(1);
  }
  _exit(close(fd));
}

static void goes_on_after_signals(void **state)
{
  fixture *f = *state;
  struct sigaction action;
  pid_t child;
  int rc, status;

  assert_int_equal(mkfifo(f->path, 0600), 0);
  child = fork();
  assert_true(child >= 0);
  if (child == 0)
    write_slowly(f->path);

  memset(&action, 0, sizeof(action));
  action.sa_handler = count_alarm; /* without SA_RESTART */
  assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
  alarm_every(2000);
  rc = fcgip__file_read(&f->buffer, f->path);
  alarm_every(0);
  /* The last one may still be on its way. */
  action.sa_handler = SIG_IGN;
  assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);

  assert_int_equal(rc, FCGIP_OK);
  assert_string_equal(fcgip__buffer_text(&f->buffer), "piece piece piece piece piece ");
  assert_true(alarms > 5);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(reads_all_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(adds_behind_what_is_there, setup, teardown),
      cmocka_unit_test_setup_teardown(reads_files_without_bytes, setup, teardown),
      cmocka_unit_test_setup_teardown(reads_files_that_do_not_know_their_size, setup, teardown),
      cmocka_unit_test_setup_teardown(has_no_file_where_there_is_none, setup, teardown),
      cmocka_unit_test_setup_teardown(takes_no_directory, setup, teardown),
      cmocka_unit_test_setup_teardown(reports_a_read_that_fails, setup, teardown),
      cmocka_unit_test_setup_teardown(takes_no_file_that_it_may_not_read, setup, teardown),
      cmocka_unit_test_setup_teardown(keeps_to_the_limit, setup, teardown),
      cmocka_unit_test_setup_teardown(stops_at_the_limit_without_a_size, setup, teardown),
      cmocka_unit_test_setup_teardown(does_not_begin_with_a_file_that_is_too_large, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(survives_each_allocation_failing, setup, teardown),
      cmocka_unit_test_setup_teardown(goes_on_after_signals, setup, teardown),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
