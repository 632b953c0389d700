#include <errno.h>

#include "net/address.h"
#include "net/sys.h"

#if EAGAIN != EWOULDBLOCK
#define CASE_WOULDBLOCK case EWOULDBLOCK:
#else
#define CASE_WOULDBLOCK
#endif

int fcgip__errno_of(int64_t result)
{
  return result < 0 ? (int)-result : 0;
}

int fcgip__errno_refused(void)
{
  return ECONNREFUSED;
}

enum fcgip__outcome fcgip__outcome_of_connect(int result)
{
  switch (fcgip__errno_of(result)) {
  case EINPROGRESS:
  case EALREADY:
  case EINTR: /* goes on in the background: connecting again would be EALREADY */
    return FCGIP__OUTCOME_STARTED;
  case EAGAIN:
    CASE_WOULDBLOCK
    return FCGIP__OUTCOME_AGAIN;
  default:
    return FCGIP__OUTCOME_FAILED;
  }
}

enum fcgip__outcome fcgip__outcome_of_transfer(int64_t result)
{
  switch (fcgip__errno_of(result)) {
  case EINTR:
  case EAGAIN:
    CASE_WOULDBLOCK
    return FCGIP__OUTCOME_AGAIN;
  case ENOBUFS:
  case ENOMEM:
    return FCGIP__OUTCOME_RESOURCE;
  case EPIPE:
  case ECONNRESET:
    return FCGIP__OUTCOME_GONE;
  default:
    return FCGIP__OUTCOME_FAILED;
  }
}

int fcgip__connect_backlog_is_full(int result, const fcgip__address *address)
{
  return fcgip__outcome_of_connect(result) == FCGIP__OUTCOME_AGAIN &&
         fcgip__address_is_unix(address);
}

const char *fcgip__errno_text(int error_number)
{
#define TEXT(name, sentence)                                                                       \
  case name:                                                                                       \
    return #name ": " sentence;
  switch (error_number) {
    TEXT(EACCES, "permission denied")
    TEXT(EADDRINUSE, "address in use")
    TEXT(EADDRNOTAVAIL, "address not available")
    TEXT(EAFNOSUPPORT, "address family not supported")
    TEXT(EAGAIN, "resource temporarily unavailable")
    TEXT(EBADF, "bad file descriptor")
    TEXT(ECONNABORTED, "connection aborted")
    TEXT(ECONNREFUSED, "connection refused")
    TEXT(ECONNRESET, "connection reset by the server")
    TEXT(EHOSTUNREACH, "host unreachable")
    TEXT(EINVAL, "invalid argument")
    TEXT(EIO, "input/output error")
    TEXT(EISCONN, "already connected")
    TEXT(ELOOP, "too many symbolic links")
    TEXT(EMFILE, "too many open descriptors in this process")
    TEXT(ENAMETOOLONG, "path too long")
    TEXT(ENETDOWN, "network down")
    TEXT(ENETUNREACH, "network unreachable")
    TEXT(ENFILE, "too many open descriptors in the system")
    TEXT(ENOBUFS, "no buffer space")
    TEXT(ENOENT, "no such file")
    TEXT(ENOMEM, "out of memory in the system")
    TEXT(ENOTCONN, "not connected")
    TEXT(ENOTDIR, "a part of the path is no directory")
    TEXT(ENOTSOCK, "not a socket")
    TEXT(EPERM, "not permitted")
    TEXT(EPIPE, "connection closed by the server")
    TEXT(EPROTOTYPE, "not a stream socket")
    TEXT(ETIMEDOUT, "timed out in the network")
  default:
    return "";
  }
}
