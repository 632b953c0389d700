/* A network of the test's own behind the engine's table of system calls: sockets that do what the test says, and a
 * clock that moves only while the engine waits. Everything happens in the test's thread, so that a run is the
 * same every time, and deadlines are exact.
 *
 *   fake_net net;
 *
 *   fake_net_init(&net);
 *   fcgip__proxy_new(&proxy, collection, NULL, &net.sys);
 *   fcgip_proxy_send_async_request(proxy, request, &id);
 *   fake_net_answer(&net, 0, "hello");
 *   ...
 *   assert_null(net.violation);
 *   fake_net_deinit(&net);
 *
 * Sockets are numbered from 0 in the order in which they were made, and can be looked at after they are closed. Given
 * as watch function and data, fake_net_watch() and the network check the watch protocol. */
#ifndef TEST_SUPPORT_FAKE_NET_H
#define TEST_SUPPORT_FAKE_NET_H

#include <stddef.h>
#include <stdint.h>

#include "net/sys.h"

/* The clock begins here, so that nothing can rely on zero. */
#define FAKE_NET_START_US UINT64_C(5000000)
#define FAKE_NET_NEVER UINT64_MAX

typedef struct fake_socket {
  int fd;
  int is_open;
  int is_unix;
  unsigned host; /* of a TCP address: its last number */
  int is_connecting, is_connected;
  uint64_t opened_us, closed_us, connected_us;
  int error;     /* what SO_ERROR and the next call say, once */
  uint8_t *sent; /* what send() took */
  size_t sent_len, sent_cap;
  size_t room;    /* how much more it takes; SIZE_MAX at first */
  int send_error; /* errno of every send from now on */
  uint8_t *inbox; /* what recv() gives */
  size_t inbox_len, inbox_at, inbox_cap;
  int has_ended;  /* FIN behind the inbox */
  int recv_error; /* errno behind the inbox */
  short extra;    /* revents that poll reports in any case */
  short watched;  /* what the watch function was told */
  size_t told;    /* how often */
  size_t sends, receives, peeks;
  size_t parsed; /* of `sent` */
  unsigned request_id, request_keeps;
  size_t requests; /* whole ones */
} fake_socket;

/* What one connect() does: returns 0 or this errno, negated; after EINPROGRESS and EINTR, how and when it ends. */
typedef struct fake_connect {
  int result;
  uint64_t after_us; /* FAKE_NET_NEVER: stays silent */
  int error;         /* 0: connected */
} fake_connect;

typedef enum fake_kind {
  FAKE_DATA,       /* bytes to receive */
  FAKE_FIN,        /* the end of them */
  FAKE_RECV_ERROR, /* value: errno */
  FAKE_SEND_ERROR, /* value: errno */
  FAKE_ROOM,       /* value: how many bytes more may be sent */
  FAKE_CALL        /* a function */
} fake_kind;

typedef struct fake_event {
  uint64_t at_us;
  fake_kind kind;
  size_t socket;
  int value;
  uint8_t *data;
  size_t len;
  void (*fn)(void *context);
  void *context;
} fake_event;

typedef struct fake_net {
  fcgip__sys sys; /* what the engine takes */
  uint64_t now_us;
  const char *violation; /* the first rule that was broken, NULL if none */

  fake_socket *sockets;
  size_t socket_count;
  size_t *slots; /* by descriptor: the socket's number and one, 0 if it is not open */
  size_t slot_count;
  size_t open_count;
  fake_event *events;
  size_t event_count;

  fake_connect plans[64]; /* of the next connect() calls; when they are used up, `plan` */
  size_t plan_count, plan_at;
  fake_connect plan;
  int socket_error; /* errno of every socket() */
  size_t send_most; /* what one send() takes at most, and one recv() gives */
  size_t recv_most;
  int peek_error; /* errno of every peek */
  int poll_error; /* errno of the next `poll_errors` polls */
  size_t poll_errors;
  short spurious; /* revents that poll reports for every descriptor */
  int is_serving; /* answers each whole request after `serve_us` */
  uint64_t serve_us;
  uint8_t serve_padding; /* of the answer's END_REQUEST */
  int self_connected;
  const char *const *resolved; /* what a host name resolves to, NULL at the end */
  size_t resolves, polls;
  int last_timeout_ms;
} fake_net;

void fake_net_init(fake_net *net);
void fake_net_deinit(fake_net *net);

/* The socket with this number; the test ends if there is none. Good until the next one is made. */
fake_socket *fake_net_socket(fake_net *net, size_t socket);

/* Adds to `plans`. */
void fake_net_plan(fake_net *net, int result, uint64_t after_us, int error);

/* What happens at a time: at once if it is not later than now. The bytes are copied. */
void fake_net_at(fake_net *net, uint64_t at_us, fake_kind kind, size_t socket, int value);
void fake_net_data_at(fake_net *net, uint64_t at_us, size_t socket, const void *data, size_t len);
void fake_net_call_at(fake_net *net, uint64_t at_us, void (*fn)(void *context), void *context);

/* The same now, as one record with the id of the last request on the socket. */
void fake_net_record(fake_net *net, size_t socket, unsigned type, const void *content, size_t len,
                     unsigned padding);
void fake_net_stdout(fake_net *net, size_t socket, const char *text);
void fake_net_end(fake_net *net, size_t socket, uint32_t app_status, unsigned protocol_status);
/* A whole response: a header, this body, END_REQUEST. */
void fake_net_answer(fake_net *net, size_t socket, const char *body);

/* What `is_serving` does: the answer to the last request on the socket, `serve_us` from now. */
void fake_net_serve(fake_net *net, size_t socket);

/* The open socket with this descriptor, NULL if there is none; and a rule that was broken. */
fake_socket *fake_net_by_fd(fake_net *net, int fd);
void fake_net_violate(fake_net *net, const char *rule);

/* Moves the clock, and makes happen what is due. */
void fake_net_advance(fake_net *net, uint64_t us);
void fake_net_set_clock(fake_net *net, uint64_t at_us);

/* poll(2) as the engine sees it, for external loops: waits in virtual time. */
int fake_net_poll(fake_net *net, struct pollfd *fds, size_t count, int timeout_ms);

/* A fcgip_watch_fn; `net` is a fake_net. */
void fake_net_watch(void *net, int fd, short events);

/* What is being watched. Returns how many there are. */
size_t fake_net_watched(const fake_net *net, struct pollfd *fds, size_t cap);

#endif
