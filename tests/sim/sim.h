/* One run of the simulation: the real proxies, engine and collections on a simulated network, servers and clock,
 * driven by a simulated user, everything decided by one seed.
 *
 *   setup.c      servers, endpoints, collections, proxies
 *   plan.c       what the servers answer, honest ones
 *   hostile.c    and the others
 *   weather.c    errors of the system, and what happens to servers
 *   jobs.c       requests: made, sent, forgotten
 *   user.c       what the user does
 *   loops.c      with an event loop of his own
 *   callbacks.c  and from inside callbacks
 *   judge.c      whether a result is right
 *   rest.c       what has to hold between two calls, and at the end
 *   inside.c     the only file that looks into the engine
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "fcgiproxy/fcgiproxy.h"
#include "support/failing_allocator.h"
#include "support/sim_net.h"
#include "support/sim_server.h"
#include "support/sim_world.h"

#define SIM_SERVERS 5
#define SIM_USERS 2
#define SIM_JOBS 96
#define SIM_HOOKS 5
#define SIM_SLACK_US 1500u /* the rounding of a timeout to milliseconds, and the calls in between */

typedef struct sim_run sim_run;
typedef struct sim_user sim_user;
typedef struct sim_job sim_job;
typedef struct sim_part sim_part;

/* What an honest server does with one request. */
typedef struct sim_plan {
  int status; /* of HTTP; 0: no Status line */
  size_t body_len;
  size_t record_len;
  size_t stderr_len;
  size_t extra_headers;   /* X-Filler, 100 bytes each */
  uint32_t think_us;      /* before the first byte */
  uint32_t pause_us;      /* between records */
  uint8_t padding;        /* of records, at most */
  uint8_t has_length;     /* Content-Length */
  uint8_t has_end_of_out; /* an empty STDOUT at the end, as the specification wants */
  uint8_t wrong_length;   /* it lies */
  uint8_t bad_header;     /* a line without a colon */
  uint8_t protocol_status;
  uint8_t reads_first;   /* the content, before it writes */
  uint8_t writes_first;  /* everything, before it reads on */
  uint8_t skips_content; /* answers without reading it */
  uint8_t dies;          /* in the middle */
  uint32_t app_status;
} sim_plan;

/* One of the callbacks, and the releases, of one job. */
typedef struct sim_hook {
  sim_job *job;
  unsigned made, released, calls;
} sim_hook;

enum sim_hook_kind {
  SIM_HOOK_RESPONSE,
  SIM_HOOK_FAILURE,
  SIM_HOOK_PASS,
  SIM_HOOK_CONTENT,
  SIM_HOOK_AFTER
};

/* One request, as the user made it. */
struct sim_job {
  sim_run *run;
  sim_user *user;
  unsigned token;
  const char *method;
  int is_retry_safe;
  int is_head;
  size_t content_len;
  uint8_t *content; /* of a _ref */
  fcgip_timeouts timeouts;
  sim_plan plan;
  fcgip_request *request; /* NULL: freed */
  uint64_t sent_us;
  sim_hook hooks[SIM_HOOKS];
  unsigned mischief;              /* of its callbacks, per mille */
  unsigned runs[SIM_SERVERS + 1]; /* how often each server has begun to work on it */
  sim_part *parts[SIM_SERVERS];   /* one, or one per server of a cluster */
  size_t part_count;
  int keeps_body;
  int is_waited_for; /* without a limit: nothing may stop it */
  int may_starve;    /* its content source has nothing at times */
};

/* One result to come. */
struct sim_part {
  sim_job *job;
  size_t index; /* endpoint of a cluster */
  fcgip_request_id id;
  sim_carry *carry; /* the last */
  size_t carries;
  size_t accepted;     /* carries that took a byte and did not end in a refusal */
  unsigned results;    /* 1 in the end */
  uint8_t is_canceled; /* the user did */
  uint8_t is_refused;  /* a pass-through callback returned something */
  uint8_t was_paused;  /* deadlines are not what they were */
  uint8_t says_retry_safe;
  size_t passed_output, passed_errors;
};

enum sim_mode { SIM_PULL, SIM_PUSH, SIM_POLLS };

/* Who uses one proxy. */
struct sim_user {
  sim_run *run;
  unsigned number;
  sim_client client;
  enum sim_mode mode;
  int is_cluster, fails_over, has_own_clock;
  uint32_t own_clock_reads;
  fcgip_proxy *proxy;
  fcgip_cluster_proxy *cluster;
  int is_gone;       /* freed */
  int depth;         /* inside of calls */
  int handles;       /* the call at hand may run callbacks */
  int is_gone_early; /* with results that nobody took */
  uint64_t slow_us;  /* callbacks took so long */
  uint64_t slow_sum_us;
  uint64_t timers_us; /* what was due by then is done; 0: this call has not looked */
  uint64_t polled_before_us;
  sim_part **by_id;
  size_t by_id_cap;
  fcgip_request_id first_unread; /* all before are taken */
  size_t unread;
  fcgip_request_id last_id;
};

enum sim_nature { SIM_HONEST, SIM_HOSTILE, SIM_ABSENT };

typedef struct sim_site {
  sim_run *run;
  sim_server server;
  sim_listener *listener; /* where the server is */
  enum sim_nature nature;
  fcgip_endpoint *endpoint;
  fcgip_endpoint_options options; /* with the defaults filled in */
  int is_unix, is_loopback, has_name, is_unresolved;
  sim_listener *others[2]; /* dead addresses of the same name */
} sim_site;

struct sim_run {
  sim_world world;
  sim_net net;
  failing_allocator memory;
  sim_site sites[SIM_SERVERS];
  size_t site_count;
  fcgip_collection *collection, *cluster;
  sim_user users[SIM_USERS];
  size_t user_count;
  sim_job *jobs[SIM_JOBS];
  size_t job_count, job_limit;
  sim_part *parts[SIM_JOBS * SIM_SERVERS];
  size_t part_count;
  unsigned noise;          /* per mille of calls that are interrupted, cut short ... */
  unsigned failures;       /* per 10000 of calls that fail */
  unsigned mischief;       /* per mille of callbacks that do something */
  int has_pauses;          /* requests are paused and starved: nobody waits without a limit */
  fcgip_response *kept[8]; /* references */
  size_t kept_count;
  uint64_t results;
  uint64_t largest_body; /* limit of a body */
  size_t smallest_cap;   /* of a link */
  size_t bound;          /* of the memory in use, when it was looked at last */
};

/* setup.c */
void sim_setup(sim_run *run);
void sim_teardown(sim_run *run);
void sim_user_free_proxy(sim_user *user);

/* plan.c */
void sim_plan_make(sim_run *run, sim_plan *plan);
void sim_honest_params(void *site, sim_worker *worker);
void sim_site_runs(void *site, sim_worker *worker);
sim_job *sim_job_of(sim_run *run, uint64_t token);

/* hostile.c */
int sim_hostile_accept(void *site, sim_worker *worker);
void sim_hostile_params(void *site, sim_worker *worker);

/* weather.c */
void sim_weather_start(sim_run *run);

/* jobs.c */
void sim_send_new(sim_user *user, int waits);
void sim_job_release(sim_job *job);
sim_part *sim_part_of(const sim_user *user, fcgip_request_id id);
/* One that is not taken yet; NULL. */
sim_part *sim_any_unread(sim_user *user);
void sim_pause(sim_user *user, sim_part *part);
void sim_resume(sim_user *user, sim_part *part);
void sim_resume_all(sim_user *user);
void sim_part_taken(sim_part *part);

/* user.c */
void sim_user_acts(sim_user *user);
/* Around every call of the library. */
void sim_call_begin(sim_user *user);
/* 0 if the proxy is gone meanwhile. */
int sim_call_end(sim_user *user, int rc, const char *what);

/* loops.c */
void sim_turn(sim_user *user);
/* The user, or a callback, is busy for so long. */
void sim_busy(sim_user *user, uint64_t us);

/* callbacks.c */
int sim_callbacks_add(sim_job *job);
int sim_content_source(uint64_t offset, void *buffer, size_t cap, size_t *n, void *hook);
void sim_released(void *hook);

/* judge.c */
void sim_judge(sim_part *part, const fcgip_response *response);

/* rest.c */
/* A request's own limit counts before the endpoint's. SIM_NEVER: there is none. */
uint64_t sim_deadline_after(uint64_t from_us, uint32_t own_ms, uint32_t endpoint_ms);
void sim_check_rest(sim_user *user);
void sim_check_end(sim_run *run);

/* inside.c */
void sim_inside_seed(sim_user *user, uint64_t seed);
fcgip_request_id sim_inside_last_id(const sim_user *user);
/* Of the request that a descriptor's connection carries; 0. */
fcgip_request_id sim_inside_id_of(const sim_user *user, int fd);
void sim_inside_check(sim_user *user);

/* run.c */
void sim_run_init(sim_run *run);
void sim_run_once(sim_run *run, uint64_t seed);
void sim_run_deinit(sim_run *run);

#endif
