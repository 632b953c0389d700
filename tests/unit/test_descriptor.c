#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/descriptor.h"
#include "fcgiproxy/error.h"

static int temporary(const char *text)
{
  int fd = -1;

  assert_int_equal(fcgip__descriptor_temporary("/tmp", &fd), FCGIP_OK);
  assert_int_equal(fcgip__descriptor_append(fd, text, strlen(text)), FCGIP_OK);
  return fd;
}

static void a_temporary_file_has_no_name(void **state)
{
  int fd = temporary("0123456789");
  struct stat st;

  (void)state;
  assert_int_equal(fstat(fd, &st), 0);
  assert_true(S_ISREG(st.st_mode));
  assert_int_equal(st.st_nlink, 0);
  assert_int_equal(st.st_mode & 0077, 0); /* nobody else's business */
  assert_int_equal(st.st_size, 10);
  assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  fcgip__descriptor_close(fd);
  assert_int_equal(fcntl(fd, F_GETFD), -1);
  fcgip__descriptor_close(-1);
}

static void temporary_files_that_cannot_be(void **state)
{
  char *path = calloc(1, 5000);
  int fd = -1;

  (void)state;
  assert_non_null(path);
  assert_int_equal(fcgip__descriptor_temporary("/nowhere/at/all", &fd), FCGIP_EFILE);
  assert_int_equal(fcgip__descriptor_temporary("/dev/null", &fd), FCGIP_EFILE);
  memset(path, '/', 4999);
  assert_int_equal(fcgip__descriptor_temporary(path, &fd), FCGIP_EINVAL);
  free(path);
}

static void copies(void **state)
{
  int fd = temporary("abc"), copy = -1;
  uint64_t size = 0;

  (void)state;
  assert_int_equal(fcgip__descriptor_copy(fd, &copy, &size), FCGIP_OK);
  assert_int_not_equal(copy, fd);
  assert_int_equal(size, 3);
  assert_true((fcntl(copy, F_GETFD) & FD_CLOEXEC) != 0);
  fcgip__descriptor_close(fd);
  fcgip__descriptor_close(copy);
}

static void copies_regular_files_only(void **state)
{
  uint64_t size;
  int fds[2], copy, fd;

  (void)state;
  assert_int_equal(pipe(fds), 0);
  assert_int_equal(fcgip__descriptor_copy(fds[0], &copy, &size), FCGIP_EFILE);
  close(fds[0]);
  close(fds[1]);
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  assert_int_equal(fcgip__descriptor_copy(fds[0], &copy, &size), FCGIP_EFILE);
  close(fds[0]);
  close(fds[1]);
  fd = open("/", O_RDONLY);
  assert_int_equal(fcgip__descriptor_copy(fd, &copy, &size), FCGIP_EFILE);
  close(fd);
  assert_int_equal(fcgip__descriptor_copy(-1, &copy, &size), FCGIP_EFILE);
  assert_int_equal(fcgip__descriptor_copy(fd, &copy, &size), FCGIP_EFILE); /* closed */
}

static void no_descriptor_is_left(void **state)
{
  int fd = temporary("abc"), copy = -1, other = -1;
  struct rlimit before, none;
  uint64_t size;

  (void)state;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  none = before;
  none.rlim_cur = 0;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  assert_int_equal(fcgip__descriptor_copy(fd, &copy, &size), FCGIP_EFILE);
  assert_int_equal(fcgip__descriptor_temporary("/tmp", &other), FCGIP_EFILE);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  fcgip__descriptor_close(fd);
}

/* Where the file stands does not matter, and is not changed. */
static void reads_anywhere(void **state)
{
  int fd = temporary("0123456789");
  char buffer[16];
  size_t n = 7;

  (void)state;
  assert_int_equal(fcgip__descriptor_read_at(fd, 3, buffer, 4, &n), FCGIP_OK);
  assert_int_equal(n, 4);
  assert_memory_equal(buffer, "3456", 4);
  assert_int_equal(fcgip__descriptor_read_at(fd, 8, buffer, 16, &n), FCGIP_OK);
  assert_int_equal(n, 2);
  assert_int_equal(fcgip__descriptor_read_at(fd, 10, buffer, 16, &n), FCGIP_OK);
  assert_int_equal(n, 0);
  assert_int_equal(fcgip__descriptor_read_at(fd, INT64_MAX - 16, buffer, 16, &n), FCGIP_OK);
  assert_int_equal(n, 0);
  assert_int_equal(fcgip__descriptor_read_at(fd, UINT64_MAX, buffer, 16, &n), FCGIP_EFILE);
  assert_int_equal(fcgip__descriptor_append(fd, "x", 1), FCGIP_OK); /* at the end */
  assert_int_equal(fcgip__descriptor_read_at(fd, 9, buffer, 16, &n), FCGIP_OK);
  assert_memory_equal(buffer, "9x", 2);
  fcgip__descriptor_close(fd);
  assert_int_equal(fcgip__descriptor_read_at(fd, 0, buffer, 1, &n), FCGIP_EFILE);
  assert_int_equal(n, 0);
}

static void what_cannot_be_written(void **state)
{
  int full = open("/dev/full", O_WRONLY), read_only = open("/dev/null", O_RDONLY);

  (void)state;
  assert_int_equal(fcgip__descriptor_append(full, "x", 1), FCGIP_EFILE);
  assert_int_equal(fcgip__descriptor_append(read_only, "x", 1), FCGIP_EFILE);
  assert_int_equal(fcgip__descriptor_append(read_only, "", 0), FCGIP_OK);
  close(full);
  close(read_only);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_temporary_file_has_no_name),
      cmocka_unit_test(temporary_files_that_cannot_be),
      cmocka_unit_test(copies),
      cmocka_unit_test(copies_regular_files_only),
      cmocka_unit_test(no_descriptor_is_left),
      cmocka_unit_test(reads_anywhere),
      cmocka_unit_test(what_cannot_be_written),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
