/* A simulated network behind the engine's table of system calls: Unix and TCP sockets as Linux has them (measured
 * facts: WIRE.md, CONFORMANCE.md), over a sim_world. Clients (one per proxy) see it through their `sys`; servers accept
 * connections and read and write them with the functions at the end.
 *
 * Everything a client does is looked at on the way: its requests and what it received are read again by the readers of
 * sim_wire.h, into one sim_carry per request and connection. Breaches (a call on a closed descriptor, a watch protocol
 * that is not kept, a connection used after an error ...) are reported to the world. */
#ifndef TEST_SUPPORT_SIM_NET_H
#define TEST_SUPPORT_SIM_NET_H

#include <poll.h>
#include <sys/socket.h>

#include "net/sys.h"
#include "support/sim_wire.h"
#include "support/sim_world.h"

#define SIM_FDS 12000

enum sim_call {
  SIM_SOCKET,
  SIM_CONNECT,
  SIM_UNACCEPTED,
  SIM_SOCKET_ERROR,
  SIM_SELF_CONNECTED,
  SIM_SEND,
  SIM_RECV,
  SIM_PEEK,
  SIM_CLOSE,
  SIM_POLL,
  SIM_NOW,
  SIM_RESOLVE,
  SIM_CALLS
};
const char *sim_call_name(enum sim_call call);

typedef struct sim_net sim_net;
typedef struct sim_client sim_client;
typedef struct sim_conn sim_conn;
typedef struct sim_listener sim_listener;

/* What becomes of one call. All zero: nothing special. */
typedef struct sim_verdict {
  int error;    /* it fails with this errno */
  size_t most;  /* send, recv: no more than so many bytes */
  int is_early; /* poll: ends before its time, with nothing */
  short added;  /* poll: these events are reported for one descriptor, though they did not happen */
  int is_missed; /* poll: what happened is not reported this time */
  int is_frozen; /* now: the clock says what it said last */
} sim_verdict;

/* Decides; called before every call of every client. */
typedef void (*sim_judge_fn)(void *judge_data, sim_client *client, enum sim_call call, int fd,
                             sim_verdict *verdict);

/* How bytes travel. */
typedef struct sim_link {
  uint32_t connect_us;      /* TCP: until the handshake is through */
  uint32_t latency_us;      /* 0: what is written is there at once */
  uint32_t jitter_us;       /* up to so much more */
  uint32_t piece;           /* it comes in pieces of 1 to so many bytes; 0: as it was written */
  unsigned stall_per_mille; /* of the pieces */
  uint32_t stall_us;
  size_t up_cap, down_cap; /* bytes under way and unread, at most */
  uint8_t connects_at_once;
  uint8_t
      seems_connected; /* TCP within one machine: before a full backlog the client's side is connected all the same,
                              and what it sends is dropped and sent again until there is room */
} sim_link;

enum sim_listening {
  SIM_LISTENS,
  SIM_REFUSES, /* ECONNREFUSED */
  SIM_SILENT,  /* TCP: no answer to the handshake. Unix: the backlog is full */
  SIM_SELF,    /* TCP: nobody listens, and the connection is made to itself. Unix: as SIM_REFUSES */
  SIM_ERRS     /* connect fails with `error`: TCP later, Unix at once */
};

struct sim_listener {
  sim_net *net;
  struct sockaddr_storage address;
  enum sim_listening state;
  int error;
  size_t backlog;
  sim_link link;
  sim_conn **queue;
  size_t queued, queue_cap;
  void *server;
  void (*on_queued)(void *server); /* a connection waits to be accepted */
  unsigned number;
};

/* Bytes in one direction. */
typedef struct sim_flow {
  uint8_t *data;
  size_t start, len, alloc;
  size_t ready; /* of them that have arrived */
  size_t cap;
  uint64_t last_at;           /* when the last of them arrives */
  uint8_t has_fin, fin_ready; /* no more comes */
  uint8_t is_wanted;          /* the writer waits for room */
} sim_flow;

enum sim_conn_state {
  SIM_CONN_NEW,        /* a socket */
  SIM_CONN_CONNECTING, /* TCP handshake */
  SIM_CONN_OPEN,
  SIM_CONN_FAILED, /* connect did */
  SIM_CONN_RESET   /* was open */
};

/* One request on one connection, as the network saw it. */
typedef struct sim_carry {
  sim_conn *conn;
  sim_client *client;
  sim_question question;
  sim_answer answer;
  uint64_t begun_us;          /* first byte accepted */
  uint64_t sent_us;           /* last one; SIM_NEVER */
  uint64_t active_us;         /* payload either way */
  uint64_t answered_us;       /* first payload; SIM_NEVER */
  uint64_t ended_us;          /* END_REQUEST received; SIM_NEVER */
  uint8_t is_reused;          /* the connection carried another one before */
  uint8_t saw_end;            /* recv said 0 */
  int recv_error, send_error; /* errno, for good */
  uint8_t is_paused;          /* set by whoever runs the simulation: nothing may be received now */
  uint8_t is_reported;        /* on_token was called */
} sim_carry;

struct sim_conn {
  sim_net *net;
  sim_client *client;
  sim_listener *listener;
  unsigned number;
  int fd; /* -1: closed by the client */
  int family;
  enum sim_conn_state state;
  int pending_error;
  uint8_t is_self; /* connected to itself */
  uint8_t in_backlog;
  uint8_t in_limbo;  /* connected, as it seems; the server does not know of it */
  uint32_t again_us; /* until its packets are sent again */
  uint8_t is_accepted;
  uint8_t client_closed, client_reset, server_closed;
  sim_flow up, down; /* to the server, to the client */
  uint64_t opened_us;
  size_t unread; /* had arrived when the client closed it */
  size_t
      overlooked; /* has been there since before the client was called, or a callback returned; not read since */
  uint64_t looked_us; /* when the client last tried to read, or had polled before it closed it */
  uint64_t ended_us;  /* when the client could have known that the server has ended it; SIM_NEVER */
  unsigned requests;
  sim_carry *carry; /* the request it carries or carried last */
  void *worker;     /* who serves it */
  void (*on_change)(void *worker);
};

struct sim_client {
  sim_net *net;
  fcgip__sys sys;
  unsigned number;
  int is_gone;    /* the proxy was freed: no more calls */
  int is_watched; /* watch_fn is used */
  size_t open;    /* sockets */
  uint64_t frozen_us;
  uint64_t polled_us; /* when the last poll returned that was no look at idle connections */
};

struct sim_net {
  sim_world *world;
  sim_conn *fds[SIM_FDS];
  short watched[SIM_FDS];
  int first_fd; /* the lowest number that is given out */
  int top_fd;   /* above all that were */
  size_t open;
  size_t max_open; /* EMFILE beyond */
  sim_conn **conns;
  size_t conn_count, conn_cap;
  sim_carry **carries;
  size_t carry_count, carry_cap;
  sim_listener **listeners;
  size_t listener_count, listener_cap;
  sim_judge_fn judge;
  void *judge_data;
  uint64_t calls[SIM_CALLS];
  /* A request is going to be sent on a connection, or the first byte of an answer was received before that. */
  void (*on_carry)(void *carry_data, sim_carry *carry);
  /* The token of a request is known. */
  void (*on_token)(void *carry_data, sim_carry *carry);
  /* connect() was called, whatever came of it. */
  void (*on_connect)(void *carry_data, sim_conn *conn);
  void *carry_data;
  /* Names for the resolver: NULL for none. Returns an FCGIP result. */
  int (*resolve)(void *resolve_data, const char *host, uint16_t port, fcgip__address_list *list);
  void *resolve_data;
};

void sim_net_init(sim_net *net, sim_world *world);
/* Forgets everything; the memory stays. */
void sim_net_restart(sim_net *net);
void sim_net_deinit(sim_net *net);

void sim_client_init(sim_client *client, sim_net *net, unsigned number);
/* What goes into fcgip_proxy_options, with the client as watch_data. */
void sim_client_watch(void *client, int fd, short events);
/* poll(2) for an event loop of the user's own. */
int sim_poll(sim_client *client, struct pollfd *fds, size_t count, int timeout_ms);

/* Server sockets. */
sim_listener *sim_listen_unix(sim_net *net, const char *path);
sim_listener *sim_listen_tcp(sim_net *net, const char *address, uint16_t port);
/* The first one in the backlog, NULL. */
sim_conn *sim_accept(sim_listener *listener);

/* The server's end of a connection. */
size_t sim_conn_peek(sim_conn *conn, uint8_t *out, size_t cap);
void sim_conn_skip(sim_conn *conn, size_t len);
/* Everything was read, and no more will come. */
int sim_conn_has_ended(const sim_conn *conn);
/* How many bytes were taken; those that a client that has closed cannot get count, too. */
size_t sim_conn_write(sim_conn *conn, const uint8_t *data, size_t len);
int sim_conn_is_gone(const sim_conn *conn);
void sim_conn_shutdown(sim_conn *conn);
/* As the kernel does it: reset if there is something unread. */
void sim_conn_close(sim_conn *conn);
void sim_conn_reset(sim_conn *conn);

/* sim_sys.c and sim_conn.c share these. */
void sim_flow_add(sim_conn *conn, sim_flow *flow, const uint8_t *data, size_t len);
size_t sim_flow_peek(const sim_flow *flow, uint8_t *out, size_t cap);
void sim_flow_skip(sim_flow *flow, size_t len);
void sim_flow_fin(sim_conn *conn, sim_flow *flow);
void sim_conn_abandon(sim_conn *conn); /* the client has closed it */
void sim_conn_kick(sim_conn *conn);    /* the worker has a look at it, soon */
void sim_conn_break(sim_conn *conn);   /* a reset reaches the client now */
sim_conn *sim_conn_new(sim_net *net, sim_client *client, int family);
int sim_connect(sim_conn *conn, const fcgip__address *address);
void sim_carry_begin(sim_conn *conn); /* something is going to be sent on it */
void sim_carry_sent(sim_conn *conn, const uint8_t *data, size_t len);
void sim_carry_received(sim_conn *conn, const uint8_t *data, size_t len);

#endif
