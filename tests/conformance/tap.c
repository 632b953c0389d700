#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/tap.h"
#include "fcgiproxy/error.h"

/* Counts a call. 1 if it is to fail, with *error negated. */
static int fails(tap *t, tap_call call, int64_t *error)
{
  const tap_rule *rule = &t->rules[call];
  unsigned long n = ++t->calls[call];

  t->now_us += t->tick_us;
  if (rule->error == 0 || n < rule->from || (rule->count > 0 && n >= rule->from + rule->count))
    return 0;
  *error = -rule->error;
  return 1;
}

static int tap_socket(void *context, const fcgip__address *address)
{
  tap *t = context;
  int64_t error;
  int fd;

  if (fails(t, TAP_SOCKET, &error))
    return (int)error;
  fd = fcgip__sys_posix.socket_fn(NULL, address);
  t->open += fd >= 0 ? 1 : 0;
  return fd;
}

static int tap_connect(void *context, int fd, const fcgip__address *address)
{
  tap *t = context;
  int64_t error;

  if (!fails(t, TAP_CONNECT, &error))
    return fcgip__sys_posix.connect_fn(NULL, fd, address);
  if (t->rules[TAP_CONNECT].does_it)
    (void)fcgip__sys_posix.connect_fn(NULL, fd, address);
  return (int)error;
}

static int tap_socket_error(void *context, int fd)
{
  int64_t error;

  return fails(context, TAP_SOCKET_ERROR, &error) ? (int)error
                                                  : fcgip__sys_posix.socket_error_fn(NULL, fd);
}

static int tap_self(void *context, int fd, const fcgip__address *address)
{
  int64_t error;

  return fails(context, TAP_SELF, &error)
             ? 1
             : fcgip__sys_posix.is_self_connected_fn(NULL, fd, address);
}

/* As many of the pieces as make `most` bytes; the last one is shortened. */
static size_t shorten(const struct iovec *iov, size_t count, size_t most, struct iovec *out)
{
  size_t i;

  for (i = 0; i < count && most > 0; i++) {
    out[i] = iov[i];
    if (out[i].iov_len > most)
      out[i].iov_len = most;
    most -= out[i].iov_len;
  }
  return i;
}

static int64_t transfer(tap *t, tap_call call, int fd, const struct iovec *iov, size_t count)
{
  struct iovec less[64];
  int64_t error;

  if (fails(t, call, &error))
    return error;
  if (t->rules[call].at_most > 0) {
    if (count > 64)
      abort();
    count = shorten(iov, count, t->rules[call].at_most, less);
    iov = less;
  }
  return call == TAP_SEND ? fcgip__sys_posix.send_fn(NULL, fd, iov, count)
                          : fcgip__sys_posix.recv_fn(NULL, fd, iov, count);
}

static int64_t tap_send(void *context, int fd, const struct iovec *iov, size_t count)
{
  tap *t = context;
  int64_t n = transfer(t, TAP_SEND, fd, iov, count);

  t->bytes_sent += n > 0 ? (uint64_t)n : 0;
  return n;
}

static int64_t tap_recv(void *context, int fd, const struct iovec *iov, size_t count)
{
  return transfer(context, TAP_RECV, fd, iov, count);
}

static int64_t tap_peek(void *context, int fd)
{
  int64_t error;

  return fails(context, TAP_PEEK, &error) ? error : fcgip__sys_posix.peek_fn(NULL, fd);
}

static int tap_close(void *context, int fd)
{
  tap *t = context;
  int64_t error = 0;
  int is_failing = fails(t, TAP_CLOSE, &error), rc = fcgip__sys_posix.close_fn(NULL, fd);

  t->open -= rc == 0 ? 1 : 0;
  return is_failing ? (int)error : rc;
}

static int tap_poll(void *context, struct pollfd *fds, size_t count, int timeout_ms)
{
  tap *t = context;
  int64_t error;
  size_t i;

  if (fails(t, TAP_POLL, &error))
    return (int)error;
  if (t->tick_us > 0) {
    t->now_us += timeout_ms > 0 ? (uint64_t)timeout_ms * 1000 : 0;
    timeout_ms = 0;
  }
  if (!t->jitters)
    return fcgip__sys_posix.poll_fn(NULL, fds, count, timeout_ms);
  for (i = 0; i < count; i++)
    fds[i].revents = 0;
  return 0;
}

static uint64_t tap_now(void *context)
{
  tap *t = context;

  return t->tick_us > 0 ? t->now_us : fcgip__sys_posix.now_us_fn(NULL);
}

static int tap_resolve(void *context, const char *host, uint16_t port, fcgip__address_list *list)
{
  tap *t = context;
  const char *const *at;
  int64_t error;

  if (fails(t, TAP_RESOLVE, &error))
    return FCGIP_ERESOLVE;
  if (t->resolves_to == NULL)
    return fcgip__sys_posix.resolve_fn(NULL, host, port, list);
  for (at = t->resolves_to; *at != NULL; at++)
    if (fcgip__address_add_numeric(list, *at, port) != 1)
      abort();
  return FCGIP_OK;
}

void tap_init(tap *t)
{
  memset(t, 0, sizeof(*t));
  t->now_us = 1000000000;
  t->sys.context = t;
  t->sys.socket_fn = tap_socket;
  t->sys.connect_fn = tap_connect;
  t->sys.socket_error_fn = tap_socket_error;
  t->sys.is_self_connected_fn = tap_self;
  t->sys.send_fn = tap_send;
  t->sys.recv_fn = tap_recv;
  t->sys.peek_fn = tap_peek;
  t->sys.close_fn = tap_close;
  t->sys.poll_fn = tap_poll;
  t->sys.now_us_fn = tap_now;
  t->sys.resolve_fn = tap_resolve;
}
