/* A scripted FastCGI server on a real socket, that does what no real one would: it answers in any
 * pieces, closes, resets, stays silent or deaf. It is stepped by the test, in the test's own thread,
 * so that a run is the same every time; or a thread of its own steps it, for calls that block.
 *
 *   peer_script script = {steps, 3};
 *   peer_new(&peer, PEER_UNIX, folder);
 *   peer_play(peer, 0, &script);
 *   ... connect to peer_address(peer), and peer_step(peer) in between, or peer_thread_start(peer) ...
 *   peer_free(peer);
 *
 * Functions that ask may be called while the thread runs. */
#ifndef TEST_SUPPORT_PEER_H
#define TEST_SUPPORT_PEER_H

#include <stddef.h>
#include <stdint.h>

typedef enum peer_kind { PEER_UNIX, PEER_TCP4, PEER_TCP6 } peer_kind;

typedef enum peer_op {
  PEER_READ_REQUEST, /* until the next request is whole, its empty STDIN included */
  PEER_READ_PARAMS,  /* until the next empty PARAMS */
  PEER_READ_BYTES,   /* exactly `count` more; what comes after stays in the socket */
  PEER_READ_SLOWLY,  /* `count` bytes every `ms`, until the request is whole */
  PEER_SEND,         /* `data` */
  PEER_DRIP,         /* `data` every `ms`, `count` times; 0: until the client is gone */
  PEER_PAUSE,        /* `ms` */
  PEER_FIN,          /* close, with nothing left unread */
  PEER_CLOSE,        /* close, whatever is unread */
  PEER_RST,          /* TCP: SO_LINGER 0; Unix: close with something left unread */
  PEER_HALF,         /* shutdown(SHUT_WR) */
  PEER_DEAF,         /* reads nothing, until the test ends */
  PEER_AGAIN,        /* from the first step, for the next request of the connection */
  PEER_HOLD          /* reads and waits until the client closes; also what follows the last step */
} peer_op;

typedef struct peer_step_spec {
  peer_op op;
  uint32_t ms;
  uint64_t count;
  const uint8_t *data;
  size_t len;
  const size_t *ids; /* offsets in `data` at which the client's request id goes */
  size_t id_count;
} peer_step_spec;

typedef struct peer_script {
  const peer_step_spec *steps;
  size_t count;
} peer_script;

typedef struct peer peer;

/* Listens: on a socket file in `folder` (which stays yours), or on a free loopback port. 0, or -1. */
int peer_new(peer **out, peer_kind kind, const char *folder);

/* As a Unix peer at exactly this path. */
int peer_new_at(peer **out, const char *path);

void peer_free(peer *peer);

/* "unix:///tmp/x/peer.sock", "tcp://127.0.0.1:40123", "tcp://[::1]:40123" */
const char *peer_address(const peer *peer);
uint16_t peer_port(const peer *peer);

/* What the connection with this number (from 0) is going to see, and all after it that have nothing of
 * their own. The script must stay as it is. At most 64 may be set. */
void peer_play(peer *peer, size_t connection, const peer_script *script);

/* Cuts what is sent on each connection into pieces: a piece ends after each of these numbers of bytes
 * (increasing), and the next goes out when the client has taken everything from the socket.
 * The array must stay as it is. */
void peer_cut(peer *peer, const size_t *cuts, size_t count);
void peer_cut_every_byte(peer *peer, int yes);

/* Keeps at most this many received bytes of each connection (default 8 MiB); the rest is counted. */
void peer_log_at_most(peer *peer, size_t len);

/* Closes all connections and forgets them: the next one is number 0. */
void peer_reset(peer *peer);

/* Stops listening, or listens again at the same address. */
void peer_listen(peer *peer, int yes);

/* Does what can be done without waiting. 1 if there was something, else 0. */
int peer_step(peer *peer);

/* Milliseconds until a pause is over, -1 if none is on. */
int peer_timeout_ms(const peer *peer);

/* A thread that steps the peer until it is stopped. */
int peer_thread_start(peer *peer);
void peer_thread_stop(peer *peer);

/* How many connections there were, and are now. */
size_t peer_connections(peer *peer);
size_t peer_open_connections(peer *peer);

/* What came on a connection, and how many bytes in all. The bytes live until more come. */
const uint8_t *peer_received(peer *peer, size_t connection, size_t *len);
uint64_t peer_received_count(peer *peer, size_t connection);
uint64_t peer_sent_count(peer *peer, size_t connection);
/* Whole requests that came, and the id of the last that began; 0: none did. */
size_t peer_requests(peer *peer, size_t connection);
uint16_t peer_request_id(peer *peer, size_t connection);
/* 1 if the client closed or reset the connection. */
int peer_client_closed(peer *peer, size_t connection);
/* The same of a client that has done so already and does nothing meanwhile: what it has closed may stay open for a
 * moment, while another process looks at its descriptors. 0 after `patience_ms`. */
int peer_client_has_closed(peer *peer, size_t connection, uint64_t patience_ms);
/* 1 if all steps were done. */
int peer_script_done(peer *peer, size_t connection);

/* Our descriptor of a connection, -1 once it is closed; for tests that do more by hand. */
int peer_fd(peer *peer, size_t connection);

#endif
