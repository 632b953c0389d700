#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fcgiproxy/error.h"
#include "net/address_internal.h"
#include "net/sys.h"

#if !defined(SOCK_NONBLOCK) || !defined(SOCK_CLOEXEC)
#define NEEDS_FCNTL 1
#include <fcntl.h>
#else
#define NEEDS_FCNTL 0
#endif

#ifndef MSG_NOSIGNAL
#error "this system cannot keep send() from raising SIGPIPE"
#endif

static int sys_close(void *context, int fd)
{
  (void)context;
  /* Once, whatever it says: after EINTR the descriptor is gone on Linux, and may be somebody else's. */
  return close(fd) < 0 ? -errno : 0;
}

#if NEEDS_FCNTL
static int open_socket(int family)
{
  int fd = socket(family, SOCK_STREAM, 0);

  if (fd < 0)
    return -errno;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
    int error_number = errno;

    close(fd);
    return -error_number;
  }
  return fd;
}
#else
static int open_socket(int family)
{
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  return fd < 0 ? -errno : fd;
}
#endif

static int sys_socket(void *context, const fcgip__address *address)
{
  int fd = open_socket(address->storage.ss_family);
  int on = 1;

  (void)context;
  if (fd >= 0 && address->storage.ss_family != AF_UNIX) {
    /* Of use, not needed: a failure shows in nothing but speed. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  return fd;
}

static int sys_connect(void *context, int fd, const fcgip__address *address)
{
  (void)context;
  return connect(fd, (const struct sockaddr *)&address->storage, address->len) < 0 ? -errno : 0;
}

static int sys_is_self_connected(void *context, int fd, const fcgip__address *address)
{
  struct sockaddr_storage own;
  socklen_t len = sizeof(own);

  (void)context;
  memset(&own, 0, sizeof(own));
  if (getsockname(fd, (struct sockaddr *)&own, &len) < 0)
    return -errno;
  if (own.ss_family != address->storage.ss_family)
    return 0;
  if (own.ss_family == AF_INET) {
    const struct sockaddr_in *a = (const void *)&own, *b = (const void *)&address->storage;

    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
  }
  if (own.ss_family == AF_INET6) {
    const struct sockaddr_in6 *a = (const void *)&own, *b = (const void *)&address->storage;

    return a->sin6_port == b->sin6_port &&
           memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr)) == 0;
  }
  return 0;
}

/* On the loopback interface what is sent is acknowledged before send() returns, unless the kernel drops it because
 * the accept queue is full. Between machines that takes a round trip and proves nothing. */
static int sys_unaccepted(void *context, int fd, const fcgip__address *address)
{
#ifdef TIOCOUTQ
  int waiting = 0;

  (void)context;
  return fcgip__address_is_loopback(address) && ioctl(fd, TIOCOUTQ, &waiting) == 0 && waiting > 0;
#else
  (void)context;
  (void)fd;
  (void)address;
  return 0;
#endif
}

static int sys_socket_error(void *context, int fd)
{
  int error_number = 0;
  socklen_t len = sizeof(error_number);

  (void)context;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &len) < 0)
    return -errno;
  return -error_number;
}

static void message_init(struct msghdr *message, const struct iovec *iov, size_t iov_len)
{
  memset(message, 0, sizeof(*message));
  message->msg_iov = (struct iovec *)(uintptr_t)iov; /* not const in POSIX, yet only read */
  message->msg_iovlen = iov_len;
}

static int64_t sys_send(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  struct msghdr message;
  ssize_t n;

  (void)context;
  if (iov_len == 1) {
    n = send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
  }
  message_init(&message, iov, iov_len);
  n = sendmsg(fd, &message, MSG_NOSIGNAL);
  return n < 0 ? -errno : n;
}

static int64_t sys_recv(void *context, int fd, const struct iovec *iov, size_t iov_len)
{
  struct msghdr message;
  ssize_t n;

  (void)context;
  if (iov_len == 1) {
    n = recv(fd, iov->iov_base, iov->iov_len, 0);
    return n < 0 ? -errno : n;
  }
  message_init(&message, iov, iov_len);
  n = recvmsg(fd, &message, 0);
  return n < 0 ? -errno : n;
}

static int64_t sys_peek(void *context, int fd)
{
  char byte;
  ssize_t n;

  (void)context;
  n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n < 0 ? -errno : n;
}

static int sys_poll(void *context, struct pollfd *fds, size_t count, int timeout_ms)
{
  int n;

  (void)context;
  n = poll(fds, (nfds_t)count, timeout_ms);
  return n < 0 ? -errno : n;
}

static uint64_t sys_now_us(void *context)
{
  struct timespec now;

  (void)context;
  if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
    return 0;
  return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* "65535" and its NUL. */
static void port_text(char out[6], uint16_t port)
{
  char digits[5]; /* the last one first */
  size_t count = 0;

  do {
    digits[count++] = (char)('0' + port % 10);
    port = (uint16_t)(port / 10);
  } while (port > 0);
  while (count > 0)
    *out++ = digits[--count];
  *out = '\0';
}

static int sys_resolve(void *context, const char *host, uint16_t port, fcgip__address_list *list)
{
  struct addrinfo hints, *found = NULL, *at;
  char service[6];
  int rc;

  (void)context;
  memset(&hints, 0, sizeof(hints));
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  port_text(service, port);
  rc = getaddrinfo(host, service, &hints, &found);
  if (rc != 0)
    return rc == EAI_MEMORY ? FCGIP_ENOMEM : FCGIP_ERESOLVE;
  for (at = found; at != NULL && rc == FCGIP_OK; at = at->ai_next)
    rc = fcgip__address_add_raw(list, at->ai_addr, at->ai_addrlen);
  freeaddrinfo(found);
  if (rc == FCGIP_OK && fcgip__address_list_count(list) == 0)
    rc = FCGIP_ERESOLVE;
  return rc;
}

const fcgip__sys fcgip__sys_posix = {
    .context = NULL,
    .socket_fn = sys_socket,
    .connect_fn = sys_connect,
    .unaccepted_fn = sys_unaccepted,
    .socket_error_fn = sys_socket_error,
    .is_self_connected_fn = sys_is_self_connected,
    .send_fn = sys_send,
    .recv_fn = sys_recv,
    .peek_fn = sys_peek,
    .close_fn = sys_close,
    .poll_fn = sys_poll,
    .now_us_fn = sys_now_us,
    .resolve_fn = sys_resolve,
};
