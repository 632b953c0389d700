/* Scenarios that are run again and again, each time with other calls and allocations failing.
 *
 * A scenario is a function that uses the library on a simulated network (sim_net.h) as a careful program would: it looks at
 * every result and goes on as far as it can. The bench counts the uses of the allocator and of each call of the
 * socket table, makes those fail that it was told to, and looks whether what has to hold does: named errors, one
 * result per request, no leak, no descriptor, and a proxy that works afterwards. */
#ifndef TEST_SUPPORT_FAULT_BENCH_H
#define TEST_SUPPORT_FAULT_BENCH_H

#include "fcgiproxy/fcgiproxy.h"
#include "support/failing_allocator.h"
#include "support/sim_net.h"
#include "support/sim_server.h"
#include "support/sim_world.h"

#define FAULT_ALLOCATION SIM_CALLS /* beside the calls */
#define FAULT_TARGETS (SIM_CALLS + 1)
#define FAULT_SERVERS 3
#define FAULT_REQUESTS 12

/* What happens to one use of one target. */
typedef struct fault_kind {
  const char *name;
  unsigned target;
  sim_verdict verdict;
  uint64_t jump_us; /* the clock jumps */
  int stops_once;   /* makes no sense for all later uses: the world would stand still */
  int is_harmless;  /* once, it must not change any result */
} fault_kind;

extern const fault_kind fault_kinds[];
extern const size_t fault_kind_count;

/* One fault of a run: the nth use of the kind's target, or all from there on. */
typedef struct fault {
  const fault_kind *kind;
  uint64_t nth; /* from 1 */
  int stays;
} fault;

typedef struct fault_bench fault_bench;

typedef struct fault_scenario {
  const char *name;
  void (*fn)(fault_bench *bench);
  int is_timed; /* what comes of it depends on when things happen */
} fault_scenario;

extern const fault_scenario fault_scenarios[];
extern const size_t fault_scenario_count;

/* A request that was sent. */
typedef struct fault_request {
  fault_bench *bench;
  fcgip_request *request;
  fcgip_request_id id;
  int is_sent; /* a result is due */
  unsigned results;
  int error;               /* of the last */
  unsigned made, released; /* release functions */
  size_t body_len;         /* of the answer */
  uint32_t think_us;
  int writes_first;                         /* the answer, before the content is read */
  int frees_proxy, cancels, sends, refuses; /* in its callbacks */
  int starves;                              /* its content source, once */
} fault_request;

struct fault_bench {
  sim_world world;
  sim_net net;
  sim_client client;
  failing_allocator memory;
  fcgip_allocator hook; /* asks the bench first, then `memory` */
  uint64_t uses[FAULT_TARGETS];
  fault faults[2];
  size_t fault_count;
  unsigned struck;
  int is_armed;
  sim_server servers[FAULT_SERVERS];
  size_t server_count;
  /* What a server answers instead of what it does otherwise. */
  void (*decide)(fault_bench *bench, sim_worker *worker);
  fcgip_endpoint *endpoints[FAULT_SERVERS];
  fcgip_endpoint_options options; /* of the endpoints, to be set before they are made */
  fcgip_collection *collection;
  fcgip_proxy *proxy;
  fcgip_cluster_proxy *cluster;
  fcgip_proxy_options proxy_options;
  int is_gone; /* the proxy was freed in a callback */
  fault_request requests[FAULT_REQUESTS];
  size_t request_count;
  const char *page; /* of a status scenario */
  unsigned cluster_results, cluster_due;
  unsigned cluster_ok; /* of them successes */
  /* Of a run without faults: the results that harmless ones must not change. */
  const fault_scenario *scenario;
  int is_timed;
  int expected[FAULT_REQUESTS];
  size_t expected_count;
  unsigned expected_ok;
  size_t runs, points, failures;
};

void fault_bench_init(fault_bench *bench);
void fault_bench_deinit(fault_bench *bench);

/* Runs the scenario with these faults and looks at what is left. 1 if a fault struck. What was wrong is in bench->world.why. */
int fault_run(fault_bench *bench, const fault_scenario *scenario, const fault *faults,
              size_t count);

/* The same, and tells on stderr what was wrong. Adds to bench->runs, ->points (if a fault struck) and ->failures. */
int fault_try(fault_bench *bench, const fault_scenario *scenario, const fault *faults,
              size_t count);

/* Runs the scenario without a fault, to have something to compare with. 0 if even that fails. */
int fault_baseline(fault_bench *bench, const fault_scenario *scenario);

/* Every single fault that strikes in the scenario, each tried once. *out is yours to free. */
size_t fault_sweep(fault_bench *bench, const fault_scenario *scenario, fault **out);

/* A bench, and what a program prints in the end; returns its exit status. */
fault_bench *fault_open(void);
int fault_close(fault_bench *bench);

/* The engine's jitter must not depend on clocks and addresses. */
void fault_seed_engine(fault_bench *bench);

/* For scenarios */

void fault_wrong(fault_bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Servers and what leads to them: "unix", "tcp", "local" (TCP within the machine), "name" (of three addresses, of which the
 * last one answers), "dead". FCGIP_OK or FCGIP_ENOMEM. */
int fault_endpoint(fault_bench *bench, const char *what);
/* What on_params of these servers is. */
void fault_serve(void *bench, sim_worker *worker);
/* A proxy over all of them. */
int fault_proxy(fault_bench *bench);
int fault_cluster(fault_bench *bench);

/* A new request; NULL if there was no memory for it. */
fault_request *fault_request_new(fault_bench *bench, const char *method, size_t content_len);
/* With response, failure and pass-through callbacks. 0 if that failed. */
int fault_callbacks(fault_request *request);
/* 1 if it is on its way. */
int fault_send(fault_request *request);
/* Sends and waits. */
void fault_send_sync(fault_request *request);
/* Reads one that is on its way. */
void fault_read(fault_request *request, int timeout_ms);
/* Takes a response, whatever way it came. */
void fault_take(fault_bench *bench, fcgip_response *response);
/* Waits for all that are on their way, and runs callbacks. */
void fault_wait(fault_bench *bench, int timeout_ms);
/* A result that has to be one of the documented ones. */
void fault_expect(fault_bench *bench, const char *what, int rc, const int *allowed, size_t count);

/* fault_scenarios_more.c */
void fault_status_text(fault_bench *bench);
void fault_status_json(fault_bench *bench);
void fault_status_xml(fault_bench *bench);
void fault_status_openmetrics(fault_bench *bench);
void fault_loop_pull(fault_bench *bench);
void fault_loop_push(fault_bench *bench);
void fault_loop_poll(fault_bench *bench);
void fault_contents(fault_bench *bench);

#endif
