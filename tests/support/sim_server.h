/* Servers on the simulated network. They have workers as php-fpm has: each serves one connection until the client
 * closes it, the others wait in the backlog. What a worker answers is a script, made by whoever runs the simulation:
 * bytes with pauses in between, whatever they are, and an ending. */
#ifndef TEST_SUPPORT_SIM_SERVER_H
#define TEST_SUPPORT_SIM_SERVER_H

#include "support/sim_net.h"

#define SIM_MARKS 24

typedef struct sim_server sim_server;

enum sim_ending {
  SIM_ENDS_AS_FPM, /* waits for the next request if it was asked to, else shutdown and wait for the client's close */
  SIM_ENDS_WITH_CLOSE,
  SIM_ENDS_WITH_RESET,
  SIM_ENDS_HALF, /* shutdown, then silence */
  SIM_ENDS_OPEN  /* silence */
};

enum sim_reading {
  SIM_READS,      /* all the time */
  SIM_READS_LATE, /* only when everything is written */
  SIM_READS_NO_MORE
};

typedef struct sim_mark {
  size_t at;
  uint32_t pause_us; /* before the byte there is written */
} sim_mark;

typedef struct sim_script {
  sim_bytes bytes;
  sim_mark marks[SIM_MARKS]; /* ascending */
  size_t mark_count;
  uint8_t waits_for_content; /* begins when the request is whole, not when its PARAMS are */
  enum sim_reading reading;
  enum sim_ending ending;
  size_t tail_len; /* the last bytes wait until the request is whole */
  size_t drip_len; /* the last bytes come again and again */
  uint32_t drip_us;
  uint32_t drips;
} sim_script;

enum sim_worker_state {
  SIM_WORKER_DEAD,
  SIM_WORKER_FREE,
  SIM_WORKER_READING, /* a request; or waiting for the next one */
  SIM_WORKER_RUNNING,
  SIM_WORKER_HELD /* done; until the client closes */
};

typedef struct sim_worker {
  sim_server *server;
  enum sim_worker_state state;
  unsigned life; /* timers of an earlier connection do nothing */
  sim_conn *conn;
  sim_question question;
  sim_script script;
  uint8_t is_decided; /* the script is made */
  uint8_t is_woken;   /* it will look for a connection */
  size_t at;          /* next byte of it */
  size_t mark;
  uint64_t not_before; /* nothing is written until then */
  uint64_t not_read_before;
  unsigned served; /* requests since it was born */
} sim_worker;

/* Fills worker->script. */
typedef void (*sim_decide_fn)(void *server_data, sim_worker *worker);

struct sim_server {
  sim_net *net;
  sim_listener *listener;
  sim_worker *workers;
  size_t worker_count;
  size_t next_worker;    /* to be woken */
  unsigned max_requests; /* of a worker's life; 0: no limit */
  uint32_t spawn_us;
  uint32_t accept_us;
  uint32_t silence_us; /* php-fpm closes a connection on which nothing comes after 5 s; 0: never */
  size_t read_most;    /* a slow reader takes so many bytes, */
  uint32_t read_us;    /* and then pauses so long; 0: fast */
  int is_stopped;
  unsigned number;
  /* Asked when a connection is accepted: 1 if the script is made and runs at once. May be NULL. */
  int (*on_accept)(void *server_data, sim_worker *worker);
  sim_decide_fn on_params; /* a request's PARAMS are whole */
  sim_decide_fn on_run;    /* it runs now. May be NULL */
  void *server_data;
};

void sim_server_init(sim_server *server, sim_listener *listener, size_t workers);
void sim_server_deinit(sim_server *server);

/* Kill -9. */
void sim_server_kill(sim_server *server, size_t worker);
/* SIGUSR2: workers that wait are closed, those that run are killed, or left to finish. */
void sim_server_reload(sim_server *server, int lets_finish);
/* Closes what waits on kept connections, as request_terminate_timeout does. */
void sim_server_drop_idle(sim_server *server);
/* SIGSTOP, SIGCONT. */
void sim_server_stop(sim_server *server, int stops);
/* The socket is gone, with what waits there; or back. */
void sim_server_listen(sim_server *server, enum sim_listening state, int error);

/* A pause before what is added to the script next. */
void sim_script_pause(sim_script *script, uint32_t pause_us);

#endif
