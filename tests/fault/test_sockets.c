/* NET-10 R: the same as test_single.c in small, over real sockets: every call of the real table and every allocation
 * fails at its nth use, against a server on a Unix socket and one on TCP. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collection/endpoint.h"
#include "fcgiproxy/fcgiproxy.h"
#include "proxy/proxy.h"
#include "support/failing_allocator.h"
#include "support/peer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { TRIES = 5000 };

enum target { T_SOCKET, T_CONNECT, T_SO_ERROR, T_SEND, T_RECV, T_PEEK, T_CLOSE, T_POLL, TARGETS };

typedef struct bench {
  fcgip__sys sys;
  enum target target;
  int error;
  size_t nth; /* 0: none */
  int stays;
  size_t uses[TARGETS], struck;
  failing_allocator memory;
  peer *peer;
  size_t descriptors; /* that are open between runs */
  size_t runs, points, failures;
  const char *why;
} bench;

static void wrong(bench *b, const char *why)
{
  if (b->why == NULL)
    b->why = why;
}

/* The errno to fail with, 0 for none. */
static int strike(bench *b, enum target target)
{
  size_t use = ++b->uses[target];

  if (b->nth == 0 || target != b->target || (b->stays ? use < b->nth : use != b->nth))
    return 0;
  b->struck++;
  return b->error;
}

static int on_socket(void *context, const fcgip__address *address)
{
  int error = strike(context, T_SOCKET);

  return error != 0 ? -error : fcgip__sys_posix.socket_fn(NULL, address);
}

static int on_connect(void *context, int fd, const fcgip__address *address)
{
  int error = strike(context, T_CONNECT);
  int rc;

  if (error != 0 && error != EINTR)
    return -error;
  /* Interrupted, it goes on by itself. */
  rc = fcgip__sys_posix.connect_fn(NULL, fd, address);
  return error != 0 && (rc == 0 || rc == -EINPROGRESS) ? -error : rc;
}

static int on_socket_error(void *context, int fd)
{
  int error = strike(context, T_SO_ERROR);

  return error != 0 ? -error : fcgip__sys_posix.socket_error_fn(NULL, fd);
}

static int64_t on_send(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  int error = strike(context, T_SEND);

  return error != 0 ? -error : fcgip__sys_posix.send_fn(NULL, fd, iov, iov_len);
}

static int64_t on_recv(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  int error = strike(context, T_RECV);

  return error != 0 ? -error : fcgip__sys_posix.recv_fn(NULL, fd, iov, iov_len);
}

static int64_t on_peek(void *context, int fd)
{
  int error = strike(context, T_PEEK);

  return error != 0 ? -error : fcgip__sys_posix.peek_fn(NULL, fd);
}

static int on_close(void *context, int fd)
{
  int error = strike(context, T_CLOSE);
  int rc = fcgip__sys_posix.close_fn(NULL, fd);

  return error != 0 ? -error : rc;
}

static int on_poll(void *context, struct pollfd *fds, size_t count, int timeout_ms)
{
  int error = strike(context, T_POLL);

  return error != 0 ? -error : fcgip__sys_posix.poll_fn(NULL, fds, count, timeout_ms);
}

static void wrap(bench *b)
{
  b->sys = fcgip__sys_posix;
  b->sys.context = b;
  b->sys.socket_fn = on_socket;
  b->sys.connect_fn = on_connect;
  b->sys.socket_error_fn = on_socket_error;
  b->sys.send_fn = on_send;
  b->sys.recv_fn = on_recv;
  b->sys.peek_fn = on_peek;
  b->sys.close_fn = on_close;
  b->sys.poll_fn = on_poll;
}

static size_t open_descriptors(void)
{
  DIR *folder = opendir("/proc/self/fd");
  size_t count = 0;

  if (folder == NULL)
    return 0;
  while (readdir(folder) != NULL)
    count++;
  closedir(folder);
  return count;
}

static void judge(bench *b, int rc, fcgip_response *response)
{
  static const int named[] = {FCGIP_OK,     FCGIP_ECONNECT, FCGIP_EBUSY, FCGIP_ETIMEDOUT,
                              FCGIP_EWRITE, FCGIP_EREAD,    FCGIP_ENOMEM};
  size_t i, len;

  if (response == NULL) {
    if (rc != FCGIP_ENOMEM)
      wrong(b, "no response");
    return;
  }
  for (i = 0; i < COUNT_OF(named) && named[i] != rc; i++)
    ;
  if (i == COUNT_OF(named) || rc != fcgip_response_error(response))
    wrong(b, "an error that is not named");
  if (rc == FCGIP_OK && (memcmp(fcgip_response_body(response, &len), "BODY", 5) != 0 || len != 4))
    wrong(b, "another body");
  fcgip_response_free(response);
}

static void two_requests(bench *b, fcgip_proxy *proxy)
{
  fcgip_request *request;
  fcgip_response *response;
  int i, rc;

  for (i = 0; i < 2; i++) {
    rc = fcgip_request_new_with_allocator(&request, "GET", "/srv/x.php", &b->memory.hook);
    if (rc == FCGIP_OK) {
      rc = fcgip_proxy_send_request(proxy, request, &response);
      judge(b, rc, response);
      fcgip_request_free(request);
    } else if (rc != FCGIP_ENOMEM) {
      wrong(b, "no request");
    }
  }
}

static int make_proxy(bench *b, fcgip_proxy **out)
{
  fcgip_endpoint_options options = {.struct_size = sizeof(options),
                                    .connect_timeout_ms = 100,
                                    .read_write_timeout_ms = 50,
                                    .max_idle_connections = 1,
                                    .allocator = &b->memory.hook};
  fcgip_proxy_options proxy_options = {.struct_size = sizeof(proxy_options),
                                       .allocator = &b->memory.hook};
  fcgip_endpoint *endpoint = NULL;
  fcgip_collection *collection = NULL;
  int rc = fcgip__endpoint_parse(&endpoint, peer_address(b->peer), &options, &b->sys);

  *out = NULL;
  if (rc == FCGIP_OK)
    rc = fcgip_round_robin_new(&collection, (const fcgip_endpoint *const *)&endpoint, 1);
  if (rc == FCGIP_OK)
    rc = fcgip__proxy_new(out, collection, &proxy_options, &b->sys);
  fcgip_collection_free(collection);
  fcgip_endpoint_free(endpoint);
  return rc;
}

static void finish(bench *b, const char *what)
{
  int tries;

  b->runs++;
  b->points += b->struck > 0 || b->memory.failures > 0;
  if (b->memory.live_blocks > 0 || b->memory.misuses > 0)
    wrong(b, "memory is left or misused");
  /* The server, on a thread of its own, may be about to accept what is closed already. */
  for (tries = 0; tries < TRIES && open_descriptors() != b->descriptors; tries++) {
    usleep(1000);
    peer_reset(b->peer);
  }
  if (tries == TRIES)
    wrong(b, "descriptors are left");
  if (b->why == NULL)
    return;
  b->failures++;
  fprintf(stderr, "%s, errno %d, use %zu%s: %s\n", what, b->error, b->nth,
          b->stays ? " and later" : "", b->why);
}

/* 1 if the fault struck. */
static int run(bench *b, const char *what)
{
  fcgip_proxy *proxy;

  memset(b->uses, 0, sizeof(b->uses));
  b->struck = 0;
  b->why = NULL;
  peer_reset(b->peer);
  if (make_proxy(b, &proxy) == FCGIP_OK) {
    two_requests(b, proxy);
    fcgip_proxy_free(proxy);
  }
  peer_reset(b->peer); /* its ends count, too */
  finish(b, what);
  return b->struck > 0 || b->memory.failures > 0;
}

static void sweep_calls(bench *b, const char *what)
{
  static const struct {
    enum target target;
    int error;
  } faults[] = {
      {T_SOCKET, EMFILE},  {T_SOCKET, ENOBUFS},  {T_CONNECT, EINTR},   {T_CONNECT, ENETDOWN},
      {T_CONNECT, EAGAIN}, {T_SO_ERROR, EBADF},  {T_SEND, EINTR},      {T_SEND, EAGAIN},
      {T_SEND, ENOBUFS},   {T_SEND, EPIPE},      {T_SEND, EIO},        {T_RECV, EINTR},
      {T_RECV, EAGAIN},    {T_RECV, ENOMEM},     {T_RECV, ECONNRESET}, {T_RECV, EIO},
      {T_PEEK, EINTR},     {T_PEEK, ECONNRESET}, {T_CLOSE, EINTR},     {T_CLOSE, EIO},
      {T_POLL, EINTR},     {T_POLL, ENOMEM}};
  size_t i, nth, stays;

  for (i = 0; i < COUNT_OF(faults); i++) {
    for (stays = 0; stays < 2; stays++) {
      for (nth = 1; nth <= 20; nth++) {
        b->target = faults[i].target;
        b->error = faults[i].error;
        b->stays = (int)stays;
        b->nth = nth;
        if (!run(b, what))
          break;
      }
    }
  }
  b->nth = 0;
}

static void sweep_memory(bench *b, const char *what)
{
  size_t nth, stays;

  b->error = 0;
  for (stays = 0; stays < 2; stays++) {
    nth = 0;
    do
      failing_allocator_fail_at(&b->memory, ++nth, stays ? FAIL_FROM_THEN_ON : FAIL_ONCE);
    while (run(b, what));
  }
  failing_allocator_fail_at(&b->memory, 0, FAIL_ONCE);
}

static void against(bench *b, peer_kind kind, const char *folder, const char *what)
{
  static const uint8_t answer[] = "\1\6\0\1\0\x1d\3\0Content-Type: text/plain\r\n\r\nB\0\0\0"
                                  "\1\6\0\1\0\3\5\0ODY\0\0\0\0\0"
                                  "\1\3\0\1\0\10\0\0\0\0\0\0\0ars";
  static const size_t ids[] = {2, 42, 58};
  peer_step_spec steps[3];
  peer_script script = {steps, 3};

  memset(steps, 0, sizeof(steps));
  steps[0].op = PEER_READ_REQUEST;
  steps[1].op = PEER_SEND;
  steps[1].data = answer;
  steps[1].len = sizeof(answer) - 1;
  steps[1].ids = ids;
  steps[1].id_count = COUNT_OF(ids);
  steps[2].op = PEER_AGAIN;
  if (peer_new(&b->peer, kind, folder) < 0) {
    b->failures++;
    fprintf(stderr, "%s: no server\n", what);
    return;
  }
  peer_play(b->peer, 0, &script);
  if (peer_thread_start(b->peer) == 0) {
    b->nth = 0;
    b->descriptors = open_descriptors();
    (void)run(b, what);
    sweep_calls(b, what);
    sweep_memory(b, what);
    peer_thread_stop(b->peer);
  }
  peer_free(b->peer);
}

int main(void)
{
  char folder[] = "/tmp/fcgip-fault-XXXXXX";
  bench *b = calloc(1, sizeof(*b));
  int failed;

  if (b == NULL || mkdtemp(folder) == NULL)
    return 1;
  failing_allocator_init(&b->memory);
  wrap(b);
  against(b, PEER_UNIX, folder, "Unix socket");
  against(b, PEER_TCP4, folder, "TCP");
  rmdir(folder);
  printf("%zu points visited in %zu runs, %zu failures\n", b->points, b->runs, b->failures);
  failed = b->failures > 0;
  free(b);
  return failed;
}
