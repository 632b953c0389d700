/* What the engine is made of, for this folder only.
 *
 * An exchange is one request on its way through the engine; a connection is a live socket; a pool has the
 * connections to one endpoint and the exchanges that wait for one. */
#ifndef FCGIP_ENGINE_PARTS_H
#define FCGIP_ENGINE_PARTS_H

#include "base/list.h"
#include "base/map.h"
#include "base/random.h"
#include "base/timers.h"
#include "collection/endpoint.h"
#include "engine/engine.h"
#include "fastcgi/decoder.h"
#include "message/response.h"

#define FCGIP__RECEIVE_LEN 65536u

typedef struct fcgip__connection fcgip__connection;

/* A row of idle connections that are used one after the other, with nothing received in between. */
typedef struct fcgip__look {
  uint64_t number; /* of the row */
  uint64_t events; /* engine->events when it began */
  uint64_t at_us;  /* ... and the time */
  size_t used;     /* in this row */
  size_t used_before;
} fcgip__look;

typedef struct fcgip__pool {
  fcgip__engine *engine;
  fcgip_endpoint *endpoint;
  const fcgip_endpoint_options *options;
  fcgip__response_limits limits;
  fcgip__headers_memo memo;
  fcgip__list queue; /* exchanges that wait for a connection, first come first served */
  size_t queued;
  fcgip__list busy; /* connections that carry an exchange */
  fcgip__list
      unanswered; /* exchanges sent on new connections, oldest first: a worker may not have taken them yet */
  fcgip__list connecting; /* exchanges that wait for a new connection, first come first served */
  fcgip__list unaccepted; /* exchanges whose connection stands before a full backlog */
  size_t unaccepted_count;
  uint64_t look_again_us; /* when to see whether they have got in; FCGIP__NEVER if nobody waits */
  size_t window;          /* connections that may be open beside those, while there are any */
  fcgip__list idle;       /* those that could carry one, most recently used first */
  size_t idle_count;
  fcgip__timer idle_timer; /* when the time of the one that is idle the longest is over */
  fcgip__look look;
  size_t open_count;          /* both together */
  fcgip_endpoint_stats stats; /* its counters; what is now is filled in when asked for */
  fcgip__node hungry;         /* in engine->hungry while the queue may be able to move */
} fcgip__pool;

#define FCGIP__WINDOW_LEN 131072u

/* The part of a content that is not in memory which is being sent. */
typedef struct fcgip__window {
  uint64_t start; /* its place in the content */
  size_t have;
  uint8_t bytes[FCGIP__WINDOW_LEN];
} fcgip__window;

struct fcgip__exchange {
  fcgip__map_link by_id;
  fcgip__node node;       /* in pool->queue while waiting, in engine->done afterwards */
  fcgip__node unanswered; /* in pool->unanswered */
  fcgip__node connecting; /* in pool->connecting */
  fcgip__node unaccepted; /* in pool->unaccepted */
  fcgip__timer timer;
  fcgip__pool *pool;
  fcgip__connection *connection; /* NULL while waiting, and when done */
  fcgip__list rivals;  /* further connections, while it is open which address answers first */
  size_t next_address; /* to be tried */
  uint64_t attempt_us; /* when to try it beside those that have not answered */
  fcgip__snapshot *snapshot;
  fcgip_response *response;
  fcgip__window *window; /* NULL while content is in memory, or none was sent */
  uint64_t started_us;
  uint64_t connect_started_us; /* of the present connection */
  uint64_t active_us;          /* when bytes last went either way */
  uint64_t sent_us;            /* when the last byte was sent */
  uint8_t is_done;
  uint8_t is_sent;       /* the last byte was sent */
  uint8_t has_answer;    /* the first byte of STDOUT or STDERR was received */
  uint32_t moves;        /* to another server, by failover */
  uint8_t was_retried;   /* a kept connection was dead: the next one must be fresh */
  uint8_t is_paused;     /* the caller wants no more for now */
  uint8_t is_starved;    /* the content source has nothing for now */
  uint8_t is_queue_full; /* ends with FCGIP_EQUEUEFULL as soon as it is started */
};

enum fcgip__connection_state {
  FCGIP__CONNECTION_NEW,        /* no socket yet */
  FCGIP__CONNECTION_CONNECTING, /* connect() goes on by itself */
  FCGIP__CONNECTION_BACKOFF,    /* the backlog was full: no socket until retry_us */
  FCGIP__CONNECTION_SENDING,    /* and receiving: the server may answer first */
  FCGIP__CONNECTION_RECEIVING,  /* everything was sent */
  FCGIP__CONNECTION_IDLE,       /* kept for the next request */
  FCGIP__CONNECTION_CLOSED      /* for good; only its memory is left */
};

struct fcgip__connection {
  fcgip__map_link by_fd;
  fcgip__node node;    /* in pool->busy, pool->idle or engine->graveyard */
  fcgip__node rival;   /* in exchange->rivals unless it is the exchange's connection */
  fcgip__node touched; /* in engine->touched while the watcher may have to be told */
  fcgip__pool *pool;
  fcgip__exchange *exchange; /* NULL while idle */
  enum fcgip__connection_state state;
  int fd;        /* -1: none */
  short watched; /* what the watcher was told */
  uint16_t wire_id;
  uint8_t is_kept;      /* the server was asked to keep it open */
  uint8_t is_reused;    /* it carried a request before this one */
  uint8_t has_received; /* any byte since the request began */
  int send_error;       /* errno: nothing more is sent, what was sent by the server still counts */
  uint32_t served;
  uint32_t backoffs;
  size_t address;    /* index of its own */
  uint64_t retry_us; /* when to go on, in BACKOFF or short of buffers */
  uint64_t idle_us;  /* since when it is idle */
  uint64_t look;     /* the number of the row for which it was found alive */
  uint64_t sent;     /* bytes of the encoded request that were accepted */
  fcgip__decoder decoder;
};

struct fcgip__engine {
  fcgip__mem mem;
  const fcgip__sys *sys;
  fcgip_watch_fn watch_fn;
  void *watch_data;
  fcgip_now_ms_fn now_ms_fn;
  void *now_ms_data;
  uint64_t now_us;
  uint64_t looked_us; /* when its own poll() last looked at all descriptors */
  uint64_t events;    /* how often it was told of some, or looked for some */
  unsigned depth;
  int is_doomed;
  int fails_over;
  fcgip_request_id last_id;
  fcgip__random random;
  fcgip__map exchanges;    /* by id, until taken */
  fcgip__map connections;  /* by descriptor */
  fcgip__timers deadlines; /* of exchanges */
  fcgip__timers idles;     /* of pools */
  fcgip__list done;        /* exchanges, in order of completion */
  size_t done_count;
  size_t pending;
  size_t open_count; /* connections of all pools */
  fcgip__list hungry;
  fcgip__list touched;
  fcgip__list graveyard;       /* closed connections, until everybody has left */
  fcgip__list spare_exchanges; /* memory for the next ones */
  fcgip__list spare_connections;
  size_t spare_exchange_count;
  size_t spare_connection_count;
  struct pollfd *pollfds;
  size_t pollfds_cap;
  size_t pool_count;
  fcgip__pool *pools;
  struct iovec iov[2]; /* of the call at hand */
  uint8_t send_buffer[FCGIP__SMALL_MAX];
  uint8_t receive_buffer[FCGIP__RECEIVE_LEN];
};

/* Why an exchange failed. */
typedef struct fcgip__failure {
  int error;
  int error_number;
  const char *detail;  /* constant text or NULL */
  int protocol_status; /* of FCGIP_EREFUSED */
  int is_connect_timeout;
} fcgip__failure;

/* exchange.c */
int fcgip__exchange_new(fcgip__engine *engine, fcgip__pool *pool, fcgip__snapshot *snapshot,
                        fcgip__exchange **out);
void fcgip__exchange_recycle(fcgip__engine *engine, fcgip__exchange *exchange);
void fcgip__exchange_succeed(fcgip__exchange *exchange);
void fcgip__exchange_fail(fcgip__exchange *exchange, const fcgip__failure *failure);
/* Closes the connections that it has, or tries to get. */
void fcgip__exchange_disconnect(fcgip__exchange *exchange);
/* Bytes went either way. */
static inline void fcgip__exchange_active(fcgip__exchange *exchange)
{
  exchange->active_us = exchange->pool->engine->now_us;
}
/* One of a name's addresses did not work; another may: it has a sentence in front of the one that says how it ends. */
void fcgip__exchange_note_address(fcgip__exchange *exchange, size_t index, int error_number);

/* 1 if its content is to be read piece by piece. */
static inline int fcgip__exchange_streams(const fcgip__exchange *exchange)
{
  const fcgip__content *content = exchange->snapshot->content;

  return content != NULL && content->data == NULL && content->len > 0;
}

/* alarm.c */
/* Makes sure that its timer goes off no later than it is due. */
void fcgip__exchange_arm(fcgip__exchange *exchange);
void fcgip__exchange_on_timer(fcgip__exchange *exchange);
/* Before it is begun: ends it if the time for all of it has passed. 1 if so. */
int fcgip__exchange_expires(fcgip__exchange *exchange);
/* Of its connections, the one whose retry_us comes first. It has one. */
fcgip__connection *fcgip__exchange_first_retry(const fcgip__exchange *exchange);

/* failover.c */
/* 1 if the exchange has gone to the next server instead of failing. */
int fcgip__exchange_fail_over(fcgip__exchange *exchange, const fcgip__failure *failure);

/* stats.c */
static inline void fcgip__stats_succeeded(fcgip_endpoint_stats *stats, uint64_t duration_us)
{
  stats->succeeded++;
  stats->duration_us_sum += duration_us;
  if (duration_us > stats->duration_us_max)
    stats->duration_us_max = duration_us;
}
void fcgip__stats_failed(fcgip_endpoint_stats *stats, int error);

/* deadline.c */
enum fcgip__phase {
  FCGIP__PHASE_NONE,
  FCGIP__PHASE_QUEUED,
  FCGIP__PHASE_CONNECT,
  FCGIP__PHASE_BACKOFF,
  FCGIP__PHASE_WRITE,
  FCGIP__PHASE_READ,
  FCGIP__PHASE_FIRST_BYTE,
  FCGIP__PHASE_TOTAL
};
/* The deadline that passes first, and which one it is. */
typedef struct fcgip__deadline {
  uint64_t due;
  enum fcgip__phase phase;
} fcgip__deadline;
fcgip__deadline fcgip__exchange_deadline(const fcgip__exchange *exchange);
/* 1 if the time for all of it has passed. */
int fcgip__exchange_is_late(const fcgip__exchange *exchange);
uint64_t fcgip__connect_deadline(const fcgip__exchange *exchange);

/* failure.c */
void fcgip__failure_of_phase(fcgip__failure *failure, enum fcgip__phase phase);
/* The sentence, behind those in `before` (NULL for none). NULL if there is no memory. */
char *fcgip__failure_text(const fcgip__mem *mem, const fcgip__failure *failure, const char *address,
                          const char *before);

/* backlog.c */
/* The connection was refused room in the backlog, or has it now, or needs it no more. */
void fcgip__backlog_is_full(fcgip__exchange *exchange);
void fcgip__backlog_got_room(fcgip__exchange *exchange);
static inline void fcgip__backlog_has_room(fcgip__exchange *exchange)
{
  if (fcgip__node_is_linked(&exchange->unaccepted))
    fcgip__backlog_got_room(exchange);
}
/* A request went out whole on a new connection: tells whether the server has room for it. */
void fcgip__backlog_note_sent(fcgip__exchange *exchange);
/* 0 while one more connection would only stand before the full backlog too. */
int fcgip__backlog_allows(fcgip__pool *pool);

/* connect.c */
void fcgip__connection_connect(fcgip__connection *connection);
/* It is connected: its rivals are closed, and it may send. */
void fcgip__connection_win(fcgip__connection *connection);
/* This address is not to be had: the next one, or the end. */
void fcgip__connection_next_address(fcgip__connection *connection, int error_number);
/* A wait that is no deadline is over: for the backlog, for buffers, or before the next address. */
void fcgip__exchange_go_on(fcgip__exchange *exchange);

/* connection.c */
fcgip__connection *fcgip__connection_new(fcgip__pool *pool);
void fcgip__connection_become(fcgip__connection *connection, enum fcgip__connection_state next);
/* Makes it ready for a request, as one that is not yet the exchange's connection. */
void fcgip__connection_prepare(fcgip__connection *connection, fcgip__exchange *exchange);
/* Gives it the exchange to carry; the caller then connects or transfers. */
void fcgip__connection_assign(fcgip__connection *connection, fcgip__exchange *exchange);
void fcgip__connection_open_fd(fcgip__connection *connection, int fd);
void fcgip__connection_close_fd(fcgip__connection *connection);
void fcgip__connection_close(fcgip__connection *connection);
/* Closes it and ends its exchange, or moves that to a fresh connection where that is safe. */
void fcgip__connection_fail(fcgip__connection *connection, const fcgip__failure *failure);
void fcgip__connection_fail_with(fcgip__connection *connection, int error, int error_number,
                                 const char *detail);
short fcgip__connection_wants(const fcgip__connection *connection);
void fcgip__connection_on_event(fcgip__connection *connection, short revents);
/* 1 if nothing has come on an idle connection, and it is open. */
int fcgip__connection_is_alive(fcgip__connection *connection);
/* The watcher may have to be told: for after whatever changes what the connection waits for. */
void fcgip__connection_tell(fcgip__connection *connection);
static inline void fcgip__connection_touch(fcgip__connection *connection)
{
  if (connection->pool->engine->watch_fn != NULL)
    fcgip__connection_tell(connection);
}

/* send.c */
/* Sends what the socket takes. 0, or the errno of a connection that could not be made after all: nothing was done
 * about that yet. */
int fcgip__connection_send(fcgip__connection *connection);

/* receive.c */
void fcgip__connection_receive(fcgip__connection *connection);
/* An idle connection has something to read: the rest of the padding, or its end. */
void fcgip__connection_receive_idle(fcgip__connection *connection);

/* look.c */
/* For how long a look holds. */
#define FCGIP__LOOK_US 5000u

/* 1 if the idle connection, the first of the pool's, may carry a request. */
int fcgip__pool_look_at(fcgip__pool *pool, fcgip__connection *connection);
static inline int fcgip__pool_may_reuse(fcgip__pool *pool, fcgip__connection *connection)
{
  fcgip__look *look = &pool->look;

  if (connection->look != look->number || look->events != pool->engine->events ||
      pool->engine->now_us - look->at_us >= FCGIP__LOOK_US ||
      !fcgip__decoder_is_idle(&connection->decoder))
    return fcgip__pool_look_at(pool, connection);
  look->used++;
  return 1;
}

/* pool.c */
void fcgip__pool_init(fcgip__pool *pool, fcgip__engine *engine, const fcgip_endpoint *endpoint);
void fcgip__pool_deinit(fcgip__pool *pool);
void fcgip__pool_submit(fcgip__pool *pool, fcgip__exchange *exchange);
/* 1 if a new exchange need not wait for others, and a kept connection is there; then it can be started without the
 * queue. */
int fcgip__pool_may_start(fcgip__pool *pool);
void fcgip__pool_start(fcgip__pool *pool, fcgip__exchange *exchange);
int fcgip__pool_may_open(const fcgip__pool *pool);
int fcgip__pool_is_full(const fcgip__pool *pool);
/* Back to the head of the queue, for a fresh connection. */
void fcgip__pool_resubmit(fcgip__pool *pool, fcgip__exchange *exchange);
/* The queue may be able to move: looked at before everybody has left. */
void fcgip__pool_is_hungry(fcgip__pool *pool);
void fcgip__pool_dispatch(fcgip__pool *pool);
/* A request on this connection is complete: keep it, or close it. */
void fcgip__pool_give_back(fcgip__pool *pool, fcgip__connection *connection);
/* An exchange was sent whole, or is answered, or over. */
void fcgip__pool_note_sent(fcgip__pool *pool, fcgip__exchange *exchange);
/* When the idle connections have to make room for this exchange; FCGIP__NEVER if they have not. */
uint64_t fcgip__pool_patience_us(const fcgip__pool *pool, const fcgip__exchange *exchange);
void fcgip__pool_close_idle(fcgip__pool *pool);
/* The one that is idle the longest is another one, or gone. */
void fcgip__pool_set_idle_timer(fcgip__pool *pool);
/* Its time is over. */
void fcgip__pool_on_idle_timer(fcgip__pool *pool);
void fcgip__pool_leave_queue(fcgip__pool *pool, fcgip__exchange *exchange);

#endif
