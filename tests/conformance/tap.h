/* Stands between the library and the operating system: counts the calls, and makes some of them fail.
 * The rest are real. */
#ifndef CONFORMANCE_TAP_H
#define CONFORMANCE_TAP_H

#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/sys.h"

typedef enum tap_call {
  TAP_SOCKET,
  TAP_CONNECT,
  TAP_SOCKET_ERROR,
  TAP_SEND,
  TAP_RECV,
  TAP_PEEK,
  TAP_CLOSE,
  TAP_POLL,
  TAP_RESOLVE,
  TAP_SELF, /* 1 instead of an errno: it is connected to itself */
  TAP_CALLS
} tap_call;

typedef struct tap_rule {
  int error;           /* an errno; 0: the call goes through */
  unsigned long from;  /* the first call that fails, counted from 1 */
  unsigned long count; /* how many; 0: all */
  int does_it;    /* the call is made all the same (close, connect), only its result is another */
  size_t at_most; /* bytes that go through at a time; 0: any */
} tap_rule;

typedef struct tap {
  fcgip__sys sys;
  unsigned long calls[TAP_CALLS];
  tap_rule rules[TAP_CALLS];
  long open; /* sockets that are open now */
  uint64_t bytes_sent;
  const char *const
      *resolves_to; /* numeric addresses, the last one NULL; NULL: as the system says */
  uint64_t tick_us; /* if not 0, the clock stands, but for this much with each call of any kind */
  uint64_t now_us;
  int jitters; /* poll() comes back at once, saying nothing */
} tap;

void tap_init(tap *t);

#endif
