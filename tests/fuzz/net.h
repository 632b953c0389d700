/* A network for the fuzz targets behind the engine's table of system calls. The servers act by scripts, and every call
 * may fail, both as the input says; the clock moves with every call and while the engine waits. One thread, and
 * everything the same each time.
 *
 * An input has, behind what the target reads itself (net_init()):
 *
 *   flags       1: the faults come again and again; 2: poll reports POLLHUP along with everything
 *   tick        microseconds that each call takes, less one; more if the faults come again
 *   n, n bytes  faults: each call takes one; 0 and most others are none (enum net_fault)
 *   the rest    scripts, cut by OP_NEXT; the k-th connection to any server gets the k-th, then the first again
 *
 * A script: how connect() ends (enum net_connect), a number for that, then operations (enum net_op). */
#ifndef TESTS_FUZZ_NET_H
#define TESTS_FUZZ_NET_H

#include "fuzz/wire.h"
#include "net/sys.h"

/* The clock begins here, so that nothing can rely on zero. */
#define NET_START_US UINT64_C(7000000)
/* A run with more calls than that goes on for ever. */
#define NET_MOST_CALLS 3000000

enum net_connect {
  CONNECT_OK, /* so are 1 and 2 */
  CONNECT_LATER = 3,
  CONNECT_FAILS_LATER,
  CONNECT_SILENT,
  CONNECT_FAILS,
  CONNECT_BACKLOG, /* EAGAIN; what Unix sockets say */
  CONNECT_COUNT
};

enum net_op {
  OP_SEND,       /* length (2), bytes as they are */
  OP_RECORD,     /* type, length (2), padding, content: a record of the last request */
  OP_BIG,        /* type, length (2), padding, byte: the same with content of this byte */
  OP_ANSWER,     /* padding: a whole response that names the request's TAG */
  OP_REQUEST,    /* waits until a further request has come whole */
  OP_WAIT,       /* milliseconds (2) */
  OP_FIN,        /* nothing more will come */
  OP_RESET,      /* error: what recv() says behind that */
  OP_ROOM,       /* bytes (2): how many more are taken; without it any number */
  OP_SEND_ERROR, /* error: what send() says from now on */
  OP_AGAIN,      /* from the first operation, when a further request has come whole */
  OP_NEXT,
  OP_COUNT
};

/* The low three bits of a fault's byte; the others are a number. */
enum net_fault {
  FAULT_NONE,
  FAULT_AGAIN,
  FAULT_INTERRUPTED,
  FAULT_SHORT, /* so many bytes and one; poll: reports nothing; also returns early */
  FAULT_BUFFERS,
  FAULT_ERROR,      /* of the table of errors; poll: reports too much */
  FAULT_UNACCEPTED, /* of unaccepted_fn only */
  FAULT_COUNT
};

typedef struct net_socket {
  int fd;
  int is_open, is_connecting, is_connected;
  unsigned host; /* the last number of a TCP address; 0 for a Unix socket */
  uint64_t connect_at;
  int connect_error;
  const uint8_t *script;
  size_t script_len, at;
  uint64_t wake_at;
  fuzz_buffer inbox; /* what the server has sent; inbox_at bytes of it were received */
  size_t inbox_at;
  fuzz_buffer sent; /* what the client has sent */
  size_t room;
  int has_ended, recv_error, send_error, error;
  uint64_t received_us,
      told_us; /* the last bytes were received; recv() has told that there will be no more; 0: not yet */
  short watched;
  size_t parsed, request_at; /* in `sent`: read as records; where the last request begins */
  size_t requests, waited;   /* whole ones; those that OP_REQUEST has seen */
  unsigned id, keeps;
} net_socket;

typedef struct net {
  fcgip__sys sys;
  uint64_t now_us;
  uint64_t calls;
  uint64_t progress_at, longest_silence; /* no byte either way, no connection made */
  uint64_t secret;                       /* what OP_ANSWER's tags are made of */
  unsigned flags, tick;
  const uint8_t *faults;
  size_t fault_count, fault_at;
  const uint8_t *scripts;
  size_t scripts_len, script_at;
  net_socket **sockets; /* all there ever were */
  size_t socket_count, open_count;
  int address_count; /* what a host name resolves to; 0: nothing */
} net;

void net_init(net *n, fuzz_input *in, uint64_t secret);
/* Every descriptor is closed. */
void net_deinit(net *n);

/* Moves the clock; the servers act. */
void net_advance(net *n, uint64_t us);

/* The last socket on which something was sent or received, NULL if there is none. */
net_socket *net_last_used(const net *n);
size_t net_open_to(const net *n, unsigned host);

/* poll(2), for event loops of the target. */
int net_poll(net *n, struct pollfd *fds, size_t count, int timeout_ms);

/* A fcgip_watch_fn, and its data a net. It checks the protocol: never the same twice, 0 before close. */
void net_watch(void *context, int fd, short events);
/* What it was told, in the order in which the sockets were made. */
size_t net_watched(const net *n, struct pollfd *fds, size_t cap);

/* The answer's text for a tag, 24 characters and a NUL. */
void net_tag_text(char out[25], uint64_t secret, const void *tag, size_t len);

/* How late the engine may be: it reads the clock once per call, and rounds up to milliseconds. */
uint64_t net_slack_us(const net *n);

/* ---- net_server.c ---- */

/* Everything the server of a socket can do without waiting. */
void net_serve(net *n, net_socket *socket);
/* When its server acts next, or connecting ends; UINT64_MAX: never by itself. */
uint64_t net_wakes_at(const net_socket *socket);
/* Reads the requests in `sent`. */
void net_read_sent(net_socket *socket);
/* The next script. */
void net_assign_script(net *n, net_socket *socket);
int net_error(unsigned which);

#endif
