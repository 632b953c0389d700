/* Everything that can go wrong with one call: the errnos of NET-07, NET-08 and NET-10, what is cut short, and what poll and
 * the clock may do. */
#include <errno.h>

#include "support/fault_bench.h"

#define FAILS(call, name, number)                                                                  \
  {                                                                                                \
    name, call, {.error = number}, 0, 0, 0                                                         \
  }
#define CUT(call, name, bytes)                                                                     \
  {                                                                                                \
    name, call, {.most = bytes}, 0, 0, 1                                                           \
  }
#define PASSES(call, name, number)                                                                 \
  {                                                                                                \
    name, call, {.error = number}, 0, 0, 1                                                         \
  }

const fault_kind fault_kinds[] = {
    {"allocation: NULL", FAULT_ALLOCATION, {.error = ENOMEM}, 0, 0, 0},
    FAILS(SIM_SOCKET, "socket: EMFILE", EMFILE),
    FAILS(SIM_SOCKET, "socket: ENFILE", ENFILE),
    FAILS(SIM_SOCKET, "socket: ENOBUFS", ENOBUFS),
    FAILS(SIM_SOCKET, "socket: ENOMEM", ENOMEM),
    FAILS(SIM_SOCKET, "socket: EACCES", EACCES),
    FAILS(SIM_SOCKET, "socket: EAFNOSUPPORT", EAFNOSUPPORT),
    PASSES(SIM_CONNECT, "connect: EINTR", EINTR),
    PASSES(SIM_CONNECT, "connect: EALREADY", EALREADY),
    FAILS(SIM_CONNECT, "connect: EISCONN", EISCONN),
    FAILS(SIM_CONNECT, "connect: EADDRNOTAVAIL", EADDRNOTAVAIL),
    FAILS(SIM_CONNECT, "connect: ENETUNREACH", ENETUNREACH),
    FAILS(SIM_CONNECT, "connect: EHOSTUNREACH", EHOSTUNREACH),
    FAILS(SIM_CONNECT, "connect: ENETDOWN", ENETDOWN),
    FAILS(SIM_CONNECT, "connect: ETIMEDOUT", ETIMEDOUT),
    FAILS(SIM_CONNECT, "connect: EPERM", EPERM),
    FAILS(SIM_CONNECT, "connect: EAFNOSUPPORT", EAFNOSUPPORT),
    FAILS(SIM_CONNECT, "connect: EADDRINUSE", EADDRINUSE),
    FAILS(SIM_CONNECT, "connect: ECONNREFUSED", ECONNREFUSED),
    FAILS(SIM_CONNECT, "connect: EAGAIN", EAGAIN),
    PASSES(SIM_UNACCEPTED, "unaccepted: cannot be told", ENOTTY),
    FAILS(SIM_SOCKET_ERROR, "so_error: EBADF", EBADF),
    FAILS(SIM_SOCKET_ERROR, "so_error: ENOBUFS", ENOBUFS),
    FAILS(SIM_SELF_CONNECTED, "self: EBADF", EBADF),
    PASSES(SIM_SEND, "send: EINTR", EINTR),
    PASSES(SIM_SEND, "send: EAGAIN", EAGAIN),
    FAILS(SIM_SEND, "send: ECONNRESET", ECONNRESET),
    FAILS(SIM_SEND, "send: EPIPE", EPIPE),
    PASSES(SIM_SEND, "send: ENOBUFS", ENOBUFS),
    PASSES(SIM_SEND, "send: ENOMEM", ENOMEM),
    FAILS(SIM_SEND, "send: ETIMEDOUT", ETIMEDOUT),
    FAILS(SIM_SEND, "send: EBADF", EBADF),
    FAILS(SIM_SEND, "send: ENOTCONN", ENOTCONN),
    FAILS(SIM_SEND, "send: EIO", EIO),
    CUT(SIM_SEND, "send: 1 byte", 1),
    CUT(SIM_SEND, "send: 7 bytes", 7),
    CUT(SIM_SEND, "send: 17 bytes", 17),
    PASSES(SIM_RECV, "recv: EINTR", EINTR),
    PASSES(SIM_RECV, "recv: EAGAIN", EAGAIN),
    FAILS(SIM_RECV, "recv: ECONNRESET", ECONNRESET),
    FAILS(SIM_RECV, "recv: EPIPE", EPIPE),
    PASSES(SIM_RECV, "recv: ENOBUFS", ENOBUFS),
    PASSES(SIM_RECV, "recv: ENOMEM", ENOMEM),
    FAILS(SIM_RECV, "recv: ETIMEDOUT", ETIMEDOUT),
    FAILS(SIM_RECV, "recv: EBADF", EBADF),
    FAILS(SIM_RECV, "recv: ENOTCONN", ENOTCONN),
    FAILS(SIM_RECV, "recv: EIO", EIO),
    CUT(SIM_RECV, "recv: 1 byte", 1),
    CUT(SIM_RECV, "recv: 7 bytes", 7),
    CUT(SIM_RECV, "recv: 9 bytes", 9),
    PASSES(SIM_PEEK, "peek: EINTR", EINTR),
    FAILS(SIM_PEEK, "peek: ECONNRESET", ECONNRESET),
    FAILS(SIM_PEEK, "peek: ENOMEM", ENOMEM),
    FAILS(SIM_PEEK, "peek: EBADF", EBADF),
    PASSES(SIM_CLOSE, "close: EINTR", EINTR),
    PASSES(SIM_CLOSE, "close: EIO", EIO),
    PASSES(SIM_POLL, "poll: EINTR", EINTR),
    PASSES(SIM_POLL, "poll: EAGAIN", EAGAIN),
    PASSES(SIM_POLL, "poll: ENOMEM", ENOMEM),
    PASSES(SIM_POLL, "poll: EINVAL", EINVAL),
    PASSES(SIM_POLL, "poll: EBADF", EBADF),
    {"poll: early", SIM_POLL, {.is_early = 1}, 0, 0, 1},
    {"poll: POLLIN that is not", SIM_POLL, {.added = POLLIN}, 0, 0, 1},
    {"poll: POLLOUT that is not", SIM_POLL, {.added = POLLOUT}, 0, 0, 1},
    {"poll: POLLHUP that is not", SIM_POLL, {.added = POLLHUP}, 0, 0, 1},
    {"poll: POLLERR that is not", SIM_POLL, {.added = POLLERR}, 0, 0, 1},
    {"poll: POLLNVAL that is not", SIM_POLL, {.added = POLLNVAL}, 0, 0, 1},
    {"poll: events missed", SIM_POLL, {.is_missed = 1}, 0, 0, 1},
    {"now: 0", SIM_NOW, {.error = ENOSYS}, 0, 1, 0},
    {"now: stands still", SIM_NOW, {.is_frozen = 1}, 0, 1, 1},
    {"now: 10 s later", SIM_NOW, {0}, 10000000, 1, 0},
    FAILS(SIM_RESOLVE, "resolve: no address", ENOENT),
    FAILS(SIM_RESOLVE, "resolve: ENOMEM", ENOMEM),
};
const size_t fault_kind_count = sizeof(fault_kinds) / sizeof(fault_kinds[0]);
