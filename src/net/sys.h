/* Every call to the operating system that the engine makes goes through this table, so that a test can make the
 * third recv fail or put a whole simulated network behind it.
 *
 * Results are what the call returned, or the errno negated: errno is read once, on the line after the system
 * call, and only in this folder. */
#ifndef FCGIP_NET_SYS_H
#define FCGIP_NET_SYS_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

typedef struct fcgip__address fcgip__address;
typedef struct fcgip__address_list fcgip__address_list;

typedef struct fcgip__sys {
  void *context; /* handed to each function */

  /* A stream socket for this address: non-blocking, close-on-exec, TCP without Nagle's delay. */
  int (*socket_fn)(void *context, const fcgip__address *address);
  int (*connect_fn)(void *context, int fd, const fcgip__address *address);
  /* 1 if a peer on this machine has not taken what was sent: over TCP that is how a full backlog shows, as the
   * client's side is connected all the same. 0 if it has, and where that cannot be told. May be NULL: 0. */
  int (*unaccepted_fn)(void *context, int fd, const fcgip__address *address);
  /* The error that is pending on the socket, negated; 0 if there is none. */
  int (*socket_error_fn)(void *context, int fd);
  /* 1 if the socket is connected to itself, which TCP allows when both ports happen to be the same. */
  int (*is_self_connected_fn)(void *context, int fd, const fcgip__address *address);
  /* Never raises SIGPIPE. */
  int64_t (*send_fn)(void *context, int fd, const struct iovec *iov, size_t iov_len);
  int64_t (*recv_fn)(void *context, int fd, const struct iovec *iov, size_t iov_len);
  /* recv that leaves what is there; a connection that is alive and silent answers "again". */
  int64_t (*peek_fn)(void *context, int fd);
  int (*close_fn)(void *context, int fd);
  int (*poll_fn)(void *context, struct pollfd *fds, size_t count, int timeout_ms);
  /* Microseconds of a monotonic clock. */
  uint64_t (*now_us_fn)(void *context);
  /* Adds the addresses of a host name to the list. Blocks. FCGIP_OK; FCGIP_ERESOLVE; FCGIP_ENOMEM. */
  int (*resolve_fn)(void *context, const char *host, uint16_t port, fcgip__address_list *list);
} fcgip__sys;

/* The operating system itself. */
extern const fcgip__sys fcgip__sys_posix;

/* What a negative result means. */
enum fcgip__outcome {
  FCGIP__OUTCOME_AGAIN,    /* nothing happened: poll and try again */
  FCGIP__OUTCOME_STARTED,  /* connect() goes on by itself */
  FCGIP__OUTCOME_RESOURCE, /* short of memory or buffers for now: try again a little later */
  FCGIP__OUTCOME_GONE,     /* the peer has closed or reset the connection */
  FCGIP__OUTCOME_FAILED    /* anything else */
};

enum fcgip__outcome fcgip__outcome_of_connect(int result);
enum fcgip__outcome fcgip__outcome_of_transfer(int64_t result);

/* 1 if connect() said that the backlog is full (a Unix socket's EAGAIN): nothing is pending. */
int fcgip__connect_backlog_is_full(int result, const fcgip__address *address);

/* The errno in a negative result. */
int fcgip__errno_of(int64_t result);

/* The errno of a port where nobody listens. */
int fcgip__errno_refused(void);

/* "ECONNREFUSED: connection refused"; "" for 0 and for what has no entry. Constant text, in no locale. */
const char *fcgip__errno_text(int error_number);

#endif
