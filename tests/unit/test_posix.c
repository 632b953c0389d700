/* The socket table on the real system: results are errnos, negated, and no signal is raised. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "net/address_internal.h"
#include "net/sys.h"

static const fcgip__sys *const sys = &fcgip__sys_posix;

typedef struct fixture {
  fcgip__mem mem;
  fcgip__address_list *list;
  int listener;
  uint16_t port;
} fixture;

static fixture sockets;

static int setup(void **state)
{
  struct sockaddr_in in = {.sin_family = AF_INET};
  socklen_t len = sizeof(in);
  fixture *f = &sockets;

  *state = f;
  if (fcgip__mem_import(&f->mem, NULL) != FCGIP_OK)
    return -1;
  f->list = fcgip__address_list_new(&f->mem);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (f->list == NULL || f->listener < 0 ||
      bind(f->listener, (struct sockaddr *)&in, sizeof(in)) != 0 || listen(f->listener, 5) != 0 ||
      getsockname(f->listener, (struct sockaddr *)&in, &len) != 0)
    return -1;
  f->port = ntohs(in.sin_port);
  return fcgip__address_add_numeric(f->list, "127.0.0.1", f->port) == 1 ? 0 : -1;
}

static int teardown(void **state)
{
  fixture *f = *state;

  close(f->listener);
  fcgip__address_list_free(f->list);
  return 0;
}

static const fcgip__address *address_of(const fixture *f)
{
  return fcgip__address_list_at(f->list, 0);
}

/* A connected pair: ours, and the server's, which blocks. */
static int connect_pair(const fixture *f, int *theirs)
{
  int ours = sys->socket_fn(NULL, address_of(f));
  int rc;

  assert_true(ours >= 0);
  rc = sys->connect_fn(NULL, ours, address_of(f));
  assert_true(rc == 0 || rc == -EINPROGRESS);
  *theirs = accept(f->listener, NULL, NULL);
  assert_true(*theirs >= 0);
  return ours;
}

/* NET-12 */
static void sockets_are_made_right(void **state)
{
  const fixture *f = *state;
  int fd = sys->socket_fn(NULL, address_of(f)), on = 0;
  socklen_t len = sizeof(on);

  assert_true(fd >= 0);
  assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
  assert_true(on != 0);
  assert_int_equal(sys->close_fn(NULL, fd), 0);
  assert_int_equal(sys->close_fn(NULL, fd), -EBADF);
  assert_int_equal(fcgip__address_add_unix(f->list, "/nowhere"), FCGIP_OK);
  fd = sys->socket_fn(NULL, fcgip__address_list_at(f->list, 1));
  assert_true(fd >= 0);
  assert_int_equal(sys->connect_fn(NULL, fd, fcgip__address_list_at(f->list, 1)), -ENOENT);
  assert_int_equal(sys->close_fn(NULL, fd), 0);
}

static void bytes_go_both_ways(void **state)
{
  const fixture *f = *state;
  char out[] = "abcdef", in[16] = "", first[4] = "", second[4] = "";
  const struct iovec one = {out, 6}, two[2] = {{out + 4, 2}, {out, 2}};
  const struct iovec to_one = {in, 16}, to_two[2] = {{first, 3}, {second, 3}};
  int theirs, ours = connect_pair(f, &theirs);

  assert_int_equal(sys->recv_fn(NULL, ours, &to_one, 1), -EAGAIN);
  assert_int_equal(sys->peek_fn(NULL, ours), -EAGAIN);
  assert_int_equal(sys->send_fn(NULL, ours, &one, 1), 6);
  assert_int_equal(sys->send_fn(NULL, ours, two, 2), 4);
  assert_int_equal(recv(theirs, in, 10, MSG_WAITALL), 10);
  assert_string_equal(in, "abcdefefab");
  assert_int_equal(write(theirs, "12345", 5), 5);
  assert_int_equal(sys->peek_fn(NULL, ours), 1);
  assert_int_equal(sys->recv_fn(NULL, ours, to_two, 2), 5); /* the peeked byte is still there */
  assert_string_equal(first, "123");
  assert_string_equal(second, "45");
  close(theirs);
  assert_int_equal(sys->peek_fn(NULL, ours), 0);
  assert_int_equal(sys->recv_fn(NULL, ours, &to_one, 1), 0);
  sys->close_fn(NULL, ours);
}

/* NET-11: the process lives, whatever it does about SIGPIPE. */
static void no_signal_is_raised(void **state)
{
  const fixture *f = *state;
  char bytes[1000];
  const struct iovec one = {bytes, sizeof(bytes)}, two[2] = {{bytes, 10}, {bytes, 10}};
  const struct linger reset = {1, 0};
  int theirs, ours = connect_pair(f, &theirs), i;
  int64_t n = 0;

  signal(SIGPIPE, SIG_DFL);
  memset(bytes, 0, sizeof(bytes));
  assert_int_equal(setsockopt(theirs, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
  close(theirs);
  for (i = 0; i < 3; i++)
    n = i % 2 ? sys->send_fn(NULL, ours, two, 2) : sys->send_fn(NULL, ours, &one, 1);
  assert_int_equal(n, -EPIPE);
  assert_int_equal(sys->send_fn(NULL, ours, two, 2), -EPIPE);
  sys->close_fn(NULL, ours);
}

static void errors_of_descriptors_that_are_none(void **state)
{
  const fixture *f = *state;
  char byte;
  const struct iovec iov[2] = {{&byte, 1}, {&byte, 0}};

  byte = 'x';
  assert_int_equal(sys->connect_fn(NULL, -1, address_of(f)), -EBADF);
  assert_int_equal(sys->send_fn(NULL, -1, iov, 1), -EBADF);
  assert_int_equal(sys->send_fn(NULL, -1, iov, 2), -EBADF);
  assert_int_equal(sys->recv_fn(NULL, -1, iov, 1), -EBADF);
  assert_int_equal(sys->recv_fn(NULL, -1, iov, 2), -EBADF);
  assert_int_equal(sys->peek_fn(NULL, -1), -EBADF);
  assert_int_equal(sys->close_fn(NULL, -1), -EBADF);
  assert_int_equal(sys->socket_error_fn(NULL, -1), -EBADF);
  assert_int_equal(sys->is_self_connected_fn(NULL, -1, address_of(f)), -EBADF);
}

static void pending_errors_are_told_once(void **state)
{
  fixture *f = *state;
  struct pollfd pollfd = {.events = POLLOUT};
  int rc;

  close(f->listener); /* nobody is there any more */
  f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  pollfd.fd = sys->socket_fn(NULL, address_of(f));
  rc = sys->connect_fn(NULL, pollfd.fd, address_of(f));
  assert_true(rc == -EINPROGRESS || rc == -ECONNREFUSED);
  if (rc == -EINPROGRESS) {
    assert_int_equal(sys->poll_fn(NULL, &pollfd, 1, 5000), 1);
    assert_int_equal(sys->socket_error_fn(NULL, pollfd.fd), -ECONNREFUSED);
  }
  assert_int_equal(sys->socket_error_fn(NULL, pollfd.fd), 0);
  sys->close_fn(NULL, pollfd.fd);
}

static void polls(void **state)
{
  const fixture *f = *state;
  int theirs, ours = connect_pair(f, &theirs);
  struct pollfd pollfd = {.fd = ours, .events = POLLIN};

  assert_int_equal(sys->poll_fn(NULL, &pollfd, 1, 0), 0);
  assert_int_equal(sys->poll_fn(NULL, NULL, 0, 1), 0);
  assert_int_equal(write(theirs, "x", 1), 1);
  assert_int_equal(sys->poll_fn(NULL, &pollfd, 1, 5000), 1);
  assert_int_equal(pollfd.revents, POLLIN);
  close(theirs);
  sys->close_fn(NULL, ours);
}

/* EINTR is told, not hidden: the engine knows how much time is left. */
static void on_alarm(int sig)
{
  (void)sig;
}

static void polls_are_interrupted(void **state)
{
  struct sigaction action = {.sa_handler = on_alarm};

  (void)state;
  assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
  alarm(1);
  assert_int_equal(sys->poll_fn(NULL, NULL, 0, 60000), -EINTR);
  action.sa_handler = SIG_DFL;
  sigaction(SIGALRM, &action, NULL);
}

static void the_clock_runs_forward(void **state)
{
  const struct timespec span = {0, 2000000};
  uint64_t before = sys->now_us_fn(NULL), last = before, now;
  int i;

  (void)state;
  nanosleep(&span, NULL);
  assert_true(sys->now_us_fn(NULL) >= before + 2000);
  for (i = 0; i < 10000; i++) {
    now = sys->now_us_fn(NULL);
    assert_true(now >= last);
    last = now;
  }
}

/* NET-19 */
static void connected_to_itself(void **state)
{
  const fixture *f = *state;
  struct sockaddr_in in = {.sin_family = AF_INET};
  socklen_t len = sizeof(in);
  int theirs, fd = connect_pair(f, &theirs);

  assert_int_equal(sys->is_self_connected_fn(NULL, fd, address_of(f)), 0);
  close(theirs);
  sys->close_fn(NULL, fd);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
  assert_int_equal(fcgip__address_add_raw(f->list, &in, sizeof(in)), FCGIP_OK);
  assert_int_equal(sys->is_self_connected_fn(NULL, fd, fcgip__address_list_at(f->list, 1)), 1);
  assert_int_equal(fcgip__address_add_numeric(f->list, "::1", ntohs(in.sin_port)), 1);
  assert_int_equal(sys->is_self_connected_fn(NULL, fd, fcgip__address_list_at(f->list, 2)), 0);
  close(fd);
}

static void connected_to_itself_over_ipv6(void **state)
{
  const fixture *f = *state;
  struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  socklen_t len = sizeof(in);
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0 || bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0) {
    if (fd >= 0)
      close(fd);
    skip(); /* no IPv6 here */
  }
  assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
  assert_int_equal(fcgip__address_add_raw(f->list, &in, sizeof(in)), FCGIP_OK);
  assert_int_equal(sys->is_self_connected_fn(NULL, fd, fcgip__address_list_at(f->list, 1)), 1);
  in.sin6_port = htons((uint16_t)(ntohs(in.sin6_port) ^ 1));
  assert_int_equal(fcgip__address_add_raw(f->list, &in, sizeof(in)), FCGIP_OK);
  assert_int_equal(sys->is_self_connected_fn(NULL, fd, fcgip__address_list_at(f->list, 2)), 0);
  close(fd);
}

static void unix_sockets_are_never_connected_to_themselves(void **state)
{
  const fixture *f = *state;
  int fds[2];

  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  assert_int_equal(fcgip__address_add_unix(f->list, "/x"), FCGIP_OK);
  assert_int_equal(sys->is_self_connected_fn(NULL, fds[0], fcgip__address_list_at(f->list, 1)), 0);
  close(fds[0]);
  close(fds[1]);
}

static void resolves(void **state)
{
  const fixture *f = *state;
  struct sockaddr_in in;

  /* A number in another form: no name server is asked. */
  assert_int_equal(sys->resolve_fn(NULL, "127.0.0.1", 65535, f->list), FCGIP_OK);
  memcpy(&in, &fcgip__address_list_at(f->list, 1)->storage, sizeof(in));
  assert_int_equal(ntohs(in.sin_port), 65535);
  assert_int_equal(sys->resolve_fn(NULL, "127.0.0.1", 1, f->list), FCGIP_OK);
  memcpy(&in, &fcgip__address_list_at(f->list, 2)->storage, sizeof(in));
  assert_int_equal(ntohs(in.sin_port), 1);
  assert_int_equal(sys->resolve_fn(NULL, "no-such-host.invalid", 1, f->list), FCGIP_ERESOLVE);
  assert_int_equal(fcgip__address_list_count(f->list), 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(sockets_are_made_right),
      TEST(bytes_go_both_ways),
      TEST(no_signal_is_raised),
      TEST(errors_of_descriptors_that_are_none),
      TEST(pending_errors_are_told_once),
      TEST(polls),
      TEST(polls_are_interrupted),
      TEST(the_clock_runs_forward),
      TEST(connected_to_itself),
      TEST(connected_to_itself_over_ipv6),
      TEST(unix_sockets_are_never_connected_to_themselves),
      TEST(resolves),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
