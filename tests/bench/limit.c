/* What the system calls alone cost: the benchmark's work with bytes made beforehand and bare send() and recv().
 *
 *   bench_limit [OPTION VALUE]... kept | fresh | down | up
 *
 *   kept    requests over connections that are kept, --in-flight N of them at any time
 *   fresh   a connection for each: socket, connect, send, recv, close
 *   down    one request whose answer is a stream of records
 *   up      one request whose content is --bytes long, sent in records
 *
 * It knows how long an answer is from the first one, and of its records only looks for the end. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"
#include "wire.h"

#define RECEIVE_LEN 65536u
#define EVENT_COUNT 256
#define UP_RECORDS 16u

enum waiter { WAIT_POLL, WAIT_EPOLL, WAIT_BLOCKING };

static struct {
  const char *address_text;
  const char *waiter_text;
  uint64_t in_flight;
  uint64_t requests; /* 0: by time */
  uint64_t milliseconds;
  uint64_t bytes;
  uint64_t cpu;
  uint64_t peer;
} option = {"", "epoll", 1, 0, 500, 0, UINT64_MAX, 0};

static struct {
  bench_address address;
  enum waiter waiter;
  int is_fresh;
  uint8_t request[WIRE_HEAD_MAX];
  size_t request_len;
  uint64_t answer_len;
  uint64_t *received; /* by descriptor: of the present answer */
  struct pollfd *fds;
  int epoll;
  uint64_t done;
  uint64_t turns;
  uint8_t buffer[RECEIVE_LEN];
} limit;

static void send_request(int fd)
{
  if (send(fd, limit.request, limit.request_len, MSG_NOSIGNAL) != (ssize_t)limit.request_len)
    bench_die_errno("send");
}

/* The length of an answer, from one that is taken apart. */
static void learn(void)
{
  int fd = bench_connect(&limit.address, 0), is_end = 0;
  wire_walk walk = {0};

  send_request(fd);
  while (!is_end) {
    ssize_t n = recv(fd, limit.buffer, sizeof(limit.buffer), 0);

    if (n <= 0)
      bench_die_errno("recv");
    limit.answer_len += (uint64_t)n;
    is_end = wire_walk_on(&walk, limit.buffer, (size_t)n);
  }
  close(fd);
}

static void watch(int operation, int fd)
{
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

  if (limit.waiter == WAIT_EPOLL && epoll_ctl(limit.epoll, operation, fd, &event) < 0)
    bench_die_errno("epoll_ctl");
}

static int open_connection(void)
{
  int fd = bench_connect(&limit.address, limit.waiter == WAIT_BLOCKING ? 0 : SOCK_NONBLOCK);

  limit.received[fd] = 0;
  watch(EPOLL_CTL_ADD, fd);
  send_request(fd);
  return fd;
}

/* One recv; after a whole answer the next request. Returns the descriptor that goes on. */
static int serve(int fd)
{
  ssize_t n = recv(fd, limit.buffer, sizeof(limit.buffer), 0);

  if (n <= 0)
    bench_die_errno("recv");
  limit.received[fd] += (uint64_t)n;
  if (limit.received[fd] < limit.answer_len)
    return fd;
  limit.received[fd] = 0;
  limit.done++;
  if (!limit.is_fresh) {
    send_request(fd);
    return fd;
  }
  close(fd);
  return open_connection();
}

static void turn_poll(void)
{
  int ready = poll(limit.fds, (nfds_t)option.in_flight, -1);
  struct pollfd *at = limit.fds;

  if (ready < 0)
    bench_die_errno("poll");
  for (; ready > 0; at++) {
    if (at->revents == 0)
      continue;
    at->fd = serve(at->fd);
    ready--;
  }
}

static void turn_epoll(void)
{
  struct epoll_event events[EVENT_COUNT];
  int ready = epoll_wait(limit.epoll, events, EVENT_COUNT, -1), i;

  if (ready < 0)
    bench_die_errno("epoll_wait");
  for (i = 0; i < ready; i++)
    serve(events[i].data.fd);
}

static void turn(void)
{
  limit.turns++;
  switch (limit.waiter) {
  case WAIT_POLL:
    turn_poll();
    break;
  case WAIT_EPOLL:
    turn_epoll();
    break;
  case WAIT_BLOCKING:
    limit.fds[0].fd = serve(limit.fds[0].fd);
    break;
  }
}

static void set_up(void)
{
  uint64_t i;

  limit.epoll = epoll_create1(EPOLL_CLOEXEC);
  limit.received = bench_alloc((size_t)sysconf(_SC_OPEN_MAX), sizeof(*limit.received));
  limit.fds = bench_alloc((size_t)option.in_flight, sizeof(*limit.fds));
  limit.request_len = wire_request(limit.request, !limit.is_fresh);
  learn();
  for (i = 0; i < option.in_flight; i++) {
    limit.fds[i].fd = open_connection();
    limit.fds[i].events = POLLIN;
  }
}

static void run_requests(void)
{
  uint64_t warm = 2 * option.in_flight, turns, end_ns;
  bench_mark from, to;

  set_up();
  while (limit.done < warm)
    turn();
  warm = limit.done;
  turns = limit.turns;
  bench_mark_now(&from, option.peer);
  end_ns = from.wall_ns + option.milliseconds * 1000000u;
  while (option.requests > 0 ? limit.done - warm < option.requests : bench_now_ns() < end_ns)
    turn();
  bench_mark_now(&to, option.peer);
  printf("waits=%.4f ",
         (double)(limit.turns - turns) / (double)(limit.done > warm ? limit.done - warm : 1));
  bench_report(&from, &to, limit.done - warm, (limit.done - warm) * limit.answer_len);
}

static void receive_stream(int fd, wire_walk *walk)
{
  int is_end = 0;

  while (!is_end) {
    ssize_t n = recv(fd, limit.buffer, sizeof(limit.buffer), 0);

    if (n <= 0)
      bench_die_errno("recv");
    is_end = wire_walk_on(walk, limit.buffer, (size_t)n);
  }
}

static void run_down(void)
{
  int fd = bench_connect(&limit.address, 0);
  wire_walk walk = {0};
  bench_mark from, to;

  limit.request_len = wire_request(limit.request, 0);
  bench_mark_now(&from, option.peer);
  send_request(fd);
  receive_stream(fd, &walk);
  bench_mark_now(&to, option.peer);
  close(fd);
  bench_report(&from, &to, 1, walk.output);
}

static void send_all(int fd, struct iovec *iov, size_t count)
{
  while (count > 0) {
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
    ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);

    if (n < 0)
      bench_die_errno("sendmsg");
    for (; count > 0 && (size_t)n >= iov->iov_len; iov++, count--)
      n -= (ssize_t)iov->iov_len;
    if (count > 0) {
      iov->iov_base = (uint8_t *)iov->iov_base + n;
      iov->iov_len -= (size_t)n;
    }
  }
}

/* As many records at once as the library sends. With a source their content is copied first. */
static uint64_t send_records(int fd, const uint8_t *from, uint8_t *copy, uint64_t left)
{
  uint8_t headers[UP_RECORDS][WIRE_HEADER_LEN];
  struct iovec iov[2 * UP_RECORDS];
  uint64_t sent = 0;
  size_t i;

  for (i = 0; i < UP_RECORDS && sent < left; i++) {
    size_t len = left - sent < WIRE_CONTENT_MAX ? (size_t)(left - sent) : WIRE_CONTENT_MAX;

    wire_header(headers[i], WIRE_STDIN, 1, len);
    iov[2 * i].iov_base = headers[i];
    iov[2 * i].iov_len = WIRE_HEADER_LEN;
    if (copy != NULL)
      memcpy(copy, from + i * WIRE_CONTENT_MAX, len);
    iov[2 * i + 1].iov_base =
        copy != NULL ? copy : (void *)(uintptr_t)(from + i * WIRE_CONTENT_MAX);
    iov[2 * i + 1].iov_len = len;
    sent += len;
    if (copy != NULL) {
      send_all(fd, iov + 2 * i, 2);
    }
  }
  if (copy == NULL)
    send_all(fd, iov, 2 * i);
  return sent;
}

static void run_up(int copies)
{
  static uint8_t copy[WIRE_CONTENT_MAX];
  const uint8_t *region = bench_region(UP_RECORDS * WIRE_CONTENT_MAX);
  int fd = bench_connect(&limit.address, 0);
  uint8_t end[WIRE_HEADER_LEN];
  wire_walk walk = {0};
  bench_mark from, to;
  uint64_t left = option.bytes;

  limit.request_len = wire_request_head(limit.request, 0, option.bytes);
  wire_header(end, WIRE_STDIN, 1, 0);
  bench_mark_now(&from, option.peer);
  send_request(fd);
  while (left > 0)
    left -= send_records(fd, region, copies ? copy : NULL, left);
  if (send(fd, end, sizeof(end), MSG_NOSIGNAL) != (ssize_t)sizeof(end))
    bench_die_errno("send");
  receive_stream(fd, &walk);
  bench_mark_now(&to, option.peer);
  close(fd);
  bench_report(&from, &to, 1, option.bytes);
}

static void choose_waiter(void)
{
  if (strcmp(option.waiter_text, "poll") == 0)
    limit.waiter = WAIT_POLL;
  else if (strcmp(option.waiter_text, "epoll") == 0)
    limit.waiter = WAIT_EPOLL;
  else if (strcmp(option.waiter_text, "blocking") == 0 && option.in_flight == 1)
    limit.waiter = WAIT_BLOCKING;
  else
    bench_die("--wait poll | epoll | blocking (with 1 in flight)");
}

int main(int argc, char **argv)
{
  const bench_option options[] = {{"--address", NULL, &option.address_text},
                                  {"--wait", NULL, &option.waiter_text},
                                  {"--in-flight", &option.in_flight, NULL},
                                  {"--requests", &option.requests, NULL},
                                  {"--ms", &option.milliseconds, NULL},
                                  {"--bytes", &option.bytes, NULL},
                                  {"--cpu", &option.cpu, NULL},
                                  {"--peer", &option.peer, NULL}};
  int at = bench_options(argc, argv, options, sizeof(options) / sizeof(options[0]));
  const char *work = at < argc ? argv[at] : "";

  bench_address_parse(&limit.address, option.address_text);
  choose_waiter();
  bench_pin(option.cpu);
  bench_raise_limits();
  limit.is_fresh = strcmp(work, "fresh") == 0;
  if (limit.is_fresh || strcmp(work, "kept") == 0)
    run_requests();
  else if (strcmp(work, "down") == 0)
    run_down();
  else if (strcmp(work, "up") == 0 || strcmp(work, "up-copied") == 0)
    run_up(strcmp(work, "up-copied") == 0);
  else
    bench_die("usage: bench_limit [OPTION VALUE]... kept | fresh | down | up | up-copied");
  return 0;
}
