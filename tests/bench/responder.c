/* A canned FastCGI server: one thread, epoll, any number of addresses and connections.
 *
 *   bench_responder [--cpu N] ADDRESS[=BODY]...
 *
 * answers each request, once all of it has come, with a body of BODY bytes (default 64), made up while it is
 * sent, and drops whatever content comes with it. It keeps a connection open if asked to, else closes it behind
 * the response. "ready" on stdout says that all addresses are being listened to. It ends with its parent. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"
#include "wire.h"

/* What php-fpm sends in production, where expose_php is off. */
#define HEADERS "Content-type: text/html; charset=UTF-8\r\n\r\n"
#define HEADERS_LEN (sizeof(HEADERS) - 1)
#define END_LEN (WIRE_HEADER_LEN + 8)
#define RECORD_LEN (WIRE_HEADER_LEN + WIRE_OUTPUT_MAX)
#define CHUNK_RECORDS 8u
#define CHUNK_LEN (CHUNK_RECORDS * RECORD_LEN)
#define RECEIVE_LEN ((size_t)256 << 10)
#define EVENT_COUNT 512
#define BACKLOG 65535

/* What is answered at one address: `head`, then full records out of `chunk` over and over, then `tail`. A body that
 * fits the first record is all in the head. */
typedef struct answer {
  uint8_t *head;
  size_t head_len;
  uint64_t middle_len;
  uint8_t *tail;
  size_t tail_len;
  uint16_t id; /* that the headers have now */
} answer;

typedef struct client {
  answer *answer;
  uint64_t answered; /* bytes of the answer that were sent */
  uint32_t left;     /* of the record at hand, padding included */
  uint16_t id;
  uint8_t hold[WIRE_HEADER_LEN + 8]; /* a header, and the body of BEGIN_REQUEST */
  uint8_t held;
  uint8_t keep;
  uint8_t is_answering;
  uint8_t is_writing; /* watched for EPOLLOUT */
} client;

static struct {
  int epoll;
  client *clients; /* by descriptor */
  answer **listeners;
  size_t descriptor_count;
  uint8_t *chunk; /* records full of output, shared by all answers */
  uint16_t chunk_id;
  uint8_t buffer[RECEIVE_LEN];
} server;

static void set_id(uint8_t *header, uint16_t id)
{
  header[2] = (uint8_t)(id >> 8);
  header[3] = (uint8_t)id;
}

static answer *answer_new(uint64_t body)
{
  answer *a = bench_alloc(1, sizeof(*a));
  size_t in_head = body <= WIRE_OUTPUT_MAX - HEADERS_LEN ? (size_t)body : 0;
  uint64_t rest = body - in_head;
  size_t last = (size_t)(rest % WIRE_OUTPUT_MAX);

  a->head_len = WIRE_HEADER_LEN + HEADERS_LEN + in_head;
  a->head = bench_alloc(a->head_len + END_LEN, 1);
  wire_header(a->head, WIRE_STDOUT, 0, HEADERS_LEN + in_head);
  memcpy(a->head + WIRE_HEADER_LEN, HEADERS, HEADERS_LEN);
  memset(a->head + WIRE_HEADER_LEN + HEADERS_LEN, 'y', in_head);
  if (rest == 0) { /* one piece, sent at once */
    wire_header(a->head + a->head_len, WIRE_END, 0, 8);
    a->head_len += END_LEN;
    return a;
  }
  a->middle_len = rest / WIRE_OUTPUT_MAX * RECORD_LEN;
  a->tail_len = (last > 0 ? WIRE_HEADER_LEN + last : 0) + END_LEN;
  a->tail = bench_alloc(a->tail_len, 1);
  if (last > 0) {
    wire_header(a->tail, WIRE_STDOUT, 0, last);
    memset(a->tail + WIRE_HEADER_LEN, 'y', last);
  }
  wire_header(a->tail + a->tail_len - END_LEN, WIRE_END, 0, 8);
  return a;
}

static void chunk_new(void)
{
  size_t i;

  server.chunk = bench_alloc(CHUNK_LEN, 1);
  memset(server.chunk, 'y', CHUNK_LEN);
  for (i = 0; i < CHUNK_RECORDS; i++)
    wire_header(server.chunk + i * RECORD_LEN, WIRE_STDOUT, 0, WIRE_OUTPUT_MAX);
}

/* Puts the id of this request into all headers that it will be sent. */
static void stamp(answer *a, uint16_t id)
{
  size_t i;

  if (a->id != id) {
    a->id = id;
    set_id(a->head, id);
    if (a->tail == NULL) {
      set_id(a->head + a->head_len - END_LEN, id);
    } else {
      set_id(a->tail, id);
      set_id(a->tail + a->tail_len - END_LEN, id);
    }
  }
  if (a->middle_len > 0 && server.chunk_id != id) {
    server.chunk_id = id;
    for (i = 0; i < CHUNK_RECORDS; i++)
      set_id(server.chunk + i * RECORD_LEN, id);
  }
}

static size_t add(struct iovec *iov, size_t count, uint8_t *data, uint64_t len)
{
  if (len == 0)
    return count;
  iov[count].iov_base = data;
  iov[count].iov_len = (size_t)len;
  return count + 1;
}

/* The next pieces of the answer from `at` on. */
static size_t pieces(const answer *a, uint64_t at, struct iovec iov[4])
{
  uint64_t middle, in_chunk, len;
  size_t count = 0, i;

  if (at < a->head_len) {
    count = add(iov, count, a->head + at, a->head_len - at);
    at = a->head_len;
  }
  middle = at - a->head_len;
  for (i = 0; i < 2 && middle < a->middle_len; i++) {
    in_chunk = middle % CHUNK_LEN;
    len = CHUNK_LEN - in_chunk;
    len = len < a->middle_len - middle ? len : a->middle_len - middle;
    count = add(iov, count, server.chunk + in_chunk, len);
    middle += len;
  }
  if (middle >= a->middle_len) {
    middle -= a->middle_len;
    count = add(iov, count, a->tail + middle, a->tail_len - middle);
  }
  return count;
}

static int64_t send_pieces(int fd, struct iovec *iov, size_t count)
{
  struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};

  if (count == 1)
    return send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
  return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void watch(int operation, int fd, uint32_t events)
{
  struct epoll_event event = {.events = events, .data.fd = fd};

  if (epoll_ctl(server.epoll, operation, fd, &event) < 0)
    bench_die_errno("epoll_ctl");
}

static void wait_for_room(int fd, client *c, int yes)
{
  if (c->is_writing == yes)
    return;
  c->is_writing = (uint8_t)yes;
  watch(EPOLL_CTL_MOD, fd, yes ? EPOLLOUT : EPOLLIN);
}

/* Sends what there is room for. 0 if the connection is over. */
static int answer_on(int fd, client *c)
{
  answer *a = c->answer;
  uint64_t total = a->head_len + a->middle_len + a->tail_len;
  struct iovec iov[4];

  stamp(a, c->id);
  while (c->answered < total) {
    int64_t n = send_pieces(fd, iov, pieces(a, c->answered, iov));

    if (n < 0 && errno == EAGAIN) {
      wait_for_room(fd, c, 1);
      return 1;
    }
    if (n < 0)
      return 0;
    c->answered += (uint64_t)n;
  }
  c->is_answering = 0;
  wait_for_room(fd, c, 0);
  return c->keep;
}

/* A header is whole, with BEGIN_REQUEST its body too. 1 if that was the end of a request. */
static int enter_record(client *c)
{
  uint32_t content = (uint32_t)c->hold[4] << 8 | c->hold[5];

  c->held = 0;
  c->left = content + c->hold[6];
  if (c->hold[1] == WIRE_BEGIN) {
    c->id = (uint16_t)(c->hold[2] << 8 | c->hold[3]);
    c->keep = c->hold[WIRE_HEADER_LEN + 2] & 1u;
    c->left = c->hold[6];
  }
  return c->hold[1] == WIRE_STDIN && content == 0;
}

/* Received bytes. 1 if a request is whole: the client sends no other before it has the answer. */
static int take(client *c, const uint8_t *data, size_t len)
{
  int is_whole = 0;

  while (len > 0) {
    size_t n;

    if (c->left > 0) {
      n = len < c->left ? len : c->left;
      c->left -= (uint32_t)n;
    } else {
      size_t want = c->held > 1 && c->hold[1] == WIRE_BEGIN ? sizeof(c->hold) : WIRE_HEADER_LEN;

      n = want - c->held;
      n = len < n ? len : n;
      memcpy(c->hold + c->held, data, n);
      c->held = (uint8_t)(c->held + n);
      if (c->held == sizeof(c->hold) || (c->held == WIRE_HEADER_LEN && c->hold[1] != WIRE_BEGIN))
        is_whole |= enter_record(c);
    }
    data += n;
    len -= n;
  }
  return is_whole;
}

/* 0 if the connection is over. */
static int serve(int fd, client *c)
{
  ssize_t n;

  if (c->is_answering)
    return answer_on(fd, c);
  n = recv(fd, server.buffer, sizeof(server.buffer), MSG_DONTWAIT);
  if (n < 0)
    return errno == EAGAIN;
  if (n == 0)
    return 0;
  if (!take(c, server.buffer, (size_t)n))
    return 1;
  c->is_answering = 1;
  c->answered = 0;
  return answer_on(fd, c);
}

static void accept_all(int listener)
{
  int fd;

  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    client *c = &server.clients[fd];

    memset(c, 0, sizeof(*c));
    c->answer = server.listeners[listener];
    watch(EPOLL_CTL_ADD, fd, EPOLLIN);
    /* Most have sent their request by now. */
    if (!serve(fd, c))
      close(fd);
  }
  if (errno != EAGAIN && errno != EMFILE && errno != ECONNABORTED)
    bench_die_errno("accept4");
}

/* "ADDRESS=BODY" */
static void listen_at(char *text)
{
  char *equals = strchr(text, '=');
  bench_address address;
  int fd, on = 1;

  if (equals != NULL)
    *equals++ = '\0';
  bench_address_parse(&address, text);
  fd = bench_socket(&address, SOCK_NONBLOCK);
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(fd, (const struct sockaddr *)&address.storage, address.len) < 0 ||
      listen(fd, BACKLOG) < 0)
    bench_die_errno(text);
  server.listeners[fd] = answer_new(equals != NULL ? strtoull(equals, NULL, 10) : 64);
  watch(EPOLL_CTL_ADD, fd, EPOLLIN);
}

static void run(void)
{
  struct epoll_event events[EVENT_COUNT];

  for (;;) {
    int count = epoll_wait(server.epoll, events, EVENT_COUNT, -1), i;

    if (count < 0 && errno != EINTR)
      bench_die_errno("epoll_wait");
    for (i = 0; i < count; i++) {
      int fd = events[i].data.fd;

      if (server.listeners[fd] != NULL)
        accept_all(fd);
      else if (!serve(fd, &server.clients[fd]))
        close(fd);
    }
  }
}

int main(int argc, char **argv)
{
  uint64_t cpu = UINT64_MAX;
  const bench_option options[] = {{"--cpu", &cpu, NULL}};
  int at = bench_options(argc, argv, options, 1);

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  bench_pin(cpu);
  bench_raise_limits();
  server.descriptor_count = (size_t)sysconf(_SC_OPEN_MAX);
  server.clients = bench_alloc(server.descriptor_count, sizeof(*server.clients));
  server.listeners = bench_alloc(server.descriptor_count, sizeof(*server.listeners));
  server.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (server.epoll < 0)
    bench_die_errno("epoll_create1");
  chunk_new();
  if (at == argc)
    bench_die("usage: bench_responder [--cpu N] ADDRESS[=BODY]...");
  for (; at < argc; at++)
    listen_at(argv[at]);
  puts("ready");
  fflush(stdout);
  run();
}
