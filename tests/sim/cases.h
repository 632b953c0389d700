/* The named cases: CONFORMANCE ids that want exact virtual time, or a network that exists only here. A case runs one
 * scenario, or many, on a bench of support/fault_bench.h. */
#ifndef SIM_CASES_H
#define SIM_CASES_H

#include "support/fault_bench.h"

typedef struct sim_case {
  const char *id;
  void (*fn)(fault_bench *bench);
} sim_case;

extern const sim_case sim_cases_net[], sim_cases_flo[], sim_cases_flo_more[], sim_cases_kal[];
extern const size_t sim_cases_net_count, sim_cases_flo_count, sim_cases_flo_more_count,
    sim_cases_kal_count;

/* Runs it with these faults; afterwards nothing may be left, and the proxy must work. */
void sim_case_run(fault_bench *bench, void (*scenario)(fault_bench *bench), const fault *faults,
                  size_t count);

/* 1 if all cases with this id (NULL: all there are) were right. */
int sim_cases(const char *only);

#define SIM_CHECK(bench, condition)                                                                \
  do {                                                                                             \
    if (!(condition))                                                                              \
      fault_wrong(bench, "line %d: not so: %s", __LINE__, #condition);                             \
  } while (0)

/* One server and a proxy; 0 if that fails. Calls take no time from here on. */
int sim_case_server(fault_bench *bench, const char *what);
/* A request that is sent and answered, or not. The result is kept until the next one; NULL if there is none. */
const fcgip_response *sim_case_sync(fault_bench *bench, fault_request *request);
/* Checks the error, the errno (-1: any) and a part of the sentence (NULL: any) of the last result. */
void sim_case_result(fault_bench *bench, int error, int error_number, const char *part);
/* And after how many microseconds it came: never before, less than a millisecond after. */
void sim_case_took(fault_bench *bench, uint64_t us);
/* Forgets it. */
void sim_case_forget(fault_bench *bench);

#endif
