/* The insides of the scripted peer: one connection and its place in its script. */
#ifndef TEST_SUPPORT_PEER_CONN_H
#define TEST_SUPPORT_PEER_CONN_H

#include "support/peer.h"

/* Counts requests in what the client sends, at any split; it judges nothing. */
typedef struct peer_reader {
  uint8_t header[8];
  size_t have;                       /* of the header */
  size_t skip;                       /* content and padding still to come */
  uint16_t id;                       /* of the last BEGIN_REQUEST */
  size_t begun, params_ended, ended; /* requests, each as far */
} peer_reader;

typedef struct peer_conn {
  int fd;
  int is_unix;
  const peer_script *script;
  int leaves_one_unread; /* so that closing resets */
  size_t at;             /* step */
  int entered;           /* the step has begun */
  uint64_t mark;         /* what the step counts from */
  uint64_t due_ms;
  size_t sent_of_step;
  uint64_t sent;
  size_t cut;
  int await_drain;
  peer_reader reader;
  size_t requests_taken, params_taken;
  uint64_t received;
  uint8_t *log;
  size_t log_len, log_cap, log_max;
  uint8_t *patched; /* the step's data with the ids put in */
  int client_closed;
  int is_done;
  const size_t *cuts;
  size_t cut_count;
  int every_byte;
} peer_conn;

peer_conn *peer_conn_new(int fd, int is_unix, const peer_script *script);
void peer_conn_free(peer_conn *conn);

/* As peer_step(). */
int peer_conn_step(peer_conn *conn);

/* When its pause is over; UINT64_MAX if none is on. */
uint64_t peer_conn_due_ms(const peer_conn *conn);

/* POLLIN and POLLOUT as it waits for them; 0: for time, or for the client to read. */
short peer_conn_events(const peer_conn *conn);

uint64_t peer_now_ms(void);

#endif
