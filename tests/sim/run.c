/* One run from its seed to its last check. */
#include <stdlib.h>
#include <string.h>

#include "clocks.h"
#include "sim.h"

#define STEPS 120
#define RESUMES 100
#define AFTERMATH_US 12000000u

void sim_run_init(sim_run *run)
{
  memset(run, 0, sizeof(*run));
  sim_world_init(&run->world, 0);
  sim_net_init(&run->net, &run->world);
}

void sim_run_deinit(sim_run *run)
{
  sim_net_deinit(&run->net);
  sim_world_deinit(&run->world);
}

static void restart(sim_run *run, uint64_t seed)
{
  sim_world_restart(&run->world, seed);
  sim_net_restart(&run->net);
  failing_allocator_init(&run->memory);
  run->job_count = run->part_count = 0;
  run->kept_count = 0;
  run->bound = SIZE_MAX;
  run->job_limit = 1 + (size_t)sim_below(&run->world, sim_chance(&run->world, 60) ? 60 : 12);
}

static void forget_jobs(sim_run *run)
{
  size_t i;

  for (i = 0; i < run->part_count; i++)
    free(run->parts[i]);
  for (i = 0; i < run->job_count; i++) {
    free(run->jobs[i]->content);
    free(run->jobs[i]);
  }
  for (i = 0; i < run->user_count; i++)
    free(run->users[i].by_id);
  for (i = 0; i < run->site_count; i++)
    sim_server_deinit(&run->sites[i].server);
}

static int is_over(const sim_run *run)
{
  size_t i;
  int all_gone = 1;

  for (i = 0; i < run->user_count; i++) {
    all_gone &= run->users[i].is_gone;
    if (run->users[i].unread > 0)
      return 0;
  }
  return all_gone || run->job_count >= run->job_limit;
}

/* Waits for everything that is left. */
static void wait_for_all(sim_user *user, int timeout_ms)
{
  int rc;

  if (user->is_gone || user->unread == 0)
    return;
  sim_call_begin(user);
  user->handles = 1;
  rc = user->is_cluster ? fcgip_cluster_proxy_wait_for_responses(user->cluster, timeout_ms)
                        : fcgip_proxy_wait_for_responses(user->proxy, timeout_ms);
  if (rc != FCGIP_OK && rc != FCGIP_EREENTRANT && (rc != FCGIP_EAGAIN || timeout_ms < 0))
    sim_fail(&user->run->world, "waiting for all: %s", fcgip_errname(rc));
  sim_call_end(user, rc, "waiting for all");
}

static void end_well(sim_user *user)
{
  size_t turns;

  for (turns = 0; turns < RESUMES && user->run->has_pauses && user->unread > 0 && !user->is_gone;
       turns++) {
    sim_call_begin(user);
    sim_resume_all(user);
    if (sim_call_end(user, user->is_gone ? FCGIP_EREENTRANT : FCGIP_OK, "resume"))
      wait_for_all(user, 20);
  }
  if (!user->run->has_pauses)
    wait_for_all(user, -1);
}

void sim_run_once(sim_run *run, uint64_t seed)
{
  size_t steps, i;

  restart(run, seed);
  sim_setup(run);
  sim_clocks_watch(&run->world);
  if (run->world.plant == SIM_WHIM)
    sim_note(&run->world, "whim", (int64_t)run->results, 0, 0);
  for (steps = 0; steps < STEPS && !is_over(run); steps++) {
    sim_user *user = &run->users[sim_below(&run->world, run->user_count)];

    if (!user->is_gone)
      sim_user_acts(user);
  }
  for (i = 0; i < run->user_count && sim_chance(&run->world, 700); i++)
    end_well(&run->users[i]);
  sim_teardown(run);
  sim_clocks_watch(NULL);
  sim_pass(&run->world, AFTERMATH_US);
  sim_check_end(run);
  forget_jobs(run);
}
