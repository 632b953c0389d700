/* What happens inside callbacks: they look at what they get, and do what is allowed and what is not. */
#include <string.h>

#include "sim.h"

static void pass_time(sim_user *user)
{
  sim_world *world = &user->run->world;
  uint64_t us = sim_below(world, sim_chance(world, 200) ? 400000 : 2000);

  sim_note(world, "slow", user->number, (int64_t)us, 0);
  user->slow_us += us;
  user->slow_sum_us += us;
  sim_busy(user, us);
}

static void must_be_reentrant(sim_user *user, int rc, const char *what)
{
  if (rc != FCGIP_EREENTRANT)
    sim_fail(&user->run->world, "%s inside a callback: %d", what, rc);
}

static void try_to_wait(sim_user *user)
{
  fcgip_response *response;
  size_t n;

  if (user->is_cluster) {
    must_be_reentrant(user, fcgip_cluster_proxy_wait_for_responses(user->cluster, 10), "waiting");
    must_be_reentrant(user, fcgip_cluster_proxy_poll(user->cluster, 0), "polling");
    return;
  }
  must_be_reentrant(user, fcgip_proxy_wait_for_responses(user->proxy, -1), "waiting");
  must_be_reentrant(user, fcgip_proxy_read_ready_responses(user->proxy, 0, &response, 1, &n),
                    "reading");
  must_be_reentrant(user, fcgip_proxy_process_timers(user->proxy), "processing timers");
}

static void cancel_one(sim_user *user)
{
  sim_part *part = sim_any_unread(user);
  int rc;

  if (part == NULL)
    return;
  part->is_canceled = 1;
  sim_note(&user->run->world, "cancel", user->number, part->job->token, 1);
  if (user->is_cluster) {
    fcgip_cluster_proxy_cancel_all(user->cluster);
    for (fcgip_request_id id = 0; id <= user->last_id; id++)
      if (sim_part_of(user, id) != NULL)
        sim_part_of(user, id)->is_canceled = 1;
    return;
  }
  rc = fcgip_proxy_cancel(user->proxy, part->id);
  if (rc != FCGIP_OK && rc != FCGIP_ENOTFOUND)
    sim_fail(&user->run->world, "cancelling: %d", rc);
}

static void look_around(sim_user *user)
{
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};

  if (user->is_cluster) {
    fcgip_cluster_proxy_pending(user->cluster);
    fcgip_cluster_proxy_endpoint_stats(user->cluster, 0, &stats);
    return;
  }
  fcgip_proxy_pending(user->proxy);
  fcgip_proxy_has_unhandled_responses(user->proxy);
  fcgip_proxy_has_response(user->proxy, user->last_id);
  fcgip_proxy_endpoint_stats(user->proxy, 0, &stats);
  fcgip_proxy_timeout_ms(user->proxy);
}

static void pause_or_resume(sim_user *user)
{
  sim_part *part = user->run->has_pauses ? sim_any_unread(user) : NULL;

  user->depth++;
  if (part != NULL && sim_chance(&user->run->world, 500))
    sim_pause(user, part);
  else if (part != NULL)
    sim_resume(user, part);
  user->depth--;
}

/* Anything that a callback may do. */
static void mischief(sim_user *user, sim_job *job)
{
  sim_world *world = &user->run->world;

  if (user->is_gone || !sim_chance(world, job->mischief))
    return;
  if (sim_chance(world, 200)) {
    pause_or_resume(user);
    return;
  }
  switch (sim_below(world, 9)) {
  case 0:
  case 1:
    sim_send_new(user, 0);
    break;
  case 2:
    cancel_one(user);
    break;
  case 3:
    sim_job_release(job);
    break;
  case 4:
    if (sim_chance(world, 100))
      sim_user_free_proxy(user);
    break;
  case 5:
    try_to_wait(user);
    break;
  case 6:
    look_around(user);
    break;
  default:
    pass_time(user);
    break;
  }
}

static void keep_one(sim_run *run, fcgip_response *response)
{
  if (run->kept_count < sizeof(run->kept) / sizeof(run->kept[0]) && sim_chance(&run->world, 50))
    run->kept[run->kept_count++] = fcgip_response_ref(response);
}

static void on_result(fcgip_response *response, sim_hook *hook, int failed)
{
  sim_job *job = hook->job;
  sim_user *user = job->user;
  sim_world *world = &job->run->world;
  sim_part *part = sim_part_of(user, fcgip_response_request_id(response));

  sim_note(world, "callback", user->number, job->token, fcgip_response_error(response));
  hook->calls++;
  if (user->is_gone)
    sim_fail(world, "a callback of request %u after the proxy was freed", job->token);
  if (!user->handles)
    sim_fail(world, "a callback outside of the handle and wait functions");
  if (hook->released)
    sim_fail(world, "a callback of request %u that was released", job->token);
  if (failed != (fcgip_response_error(response) != FCGIP_OK))
    sim_fail(world, "the wrong callback of request %u", job->token);
  if (part == NULL || part->job != job) {
    sim_fail(world, "the callback of request %u got another's response", job->token);
    return;
  }
  sim_part_taken(part);
  sim_judge(part, response);
  keep_one(job->run, response);
  mischief(user, job);
}

static void on_response(fcgip_response *response, void *hook)
{
  on_result(response, hook, 0);
}

static void on_failure(fcgip_response *response, void *hook)
{
  on_result(response, hook, 1);
}

/* A second callback of the same kind, called after the first unless that has freed the proxy. */
static void on_result_again(fcgip_response *response, void *context)
{
  sim_hook *hook = context;
  const sim_job *job = hook->job;
  const sim_part *part = sim_part_of(job->user, fcgip_response_request_id(response));

  hook->calls++;
  if (job->user->is_gone)
    sim_fail(&job->run->world, "a second callback of request %u after the proxy was freed",
             job->token);
  if (hook->released || part == NULL || part->job != job)
    sim_fail(&job->run->world, "a second callback of request %u that is none of its", job->token);
  pass_time(job->user);
}

static void check_piece(sim_part *part, const void *data, size_t len, const sim_bytes *all,
                        size_t *passed, const char *what)
{
  sim_world *world = &part->job->run->world;

  if (len == 0)
    return;
  if (len > all->len - *passed || !sim_same(all->data + *passed, data, len))
    sim_fail(world, "request %u: a piece of %s that was not received", part->job->token, what);
  *passed += len;
}

static int on_piece(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                    size_t error_len, void *context)
{
  sim_hook *hook = context;
  sim_job *job = hook->job;
  sim_user *user = job->user;
  sim_world *world = &job->run->world;
  sim_part *part = sim_part_of(user, id);

  hook->calls++;
  if (user->is_gone || user->depth == 0)
    sim_fail(world, "a piece of request %u at the wrong time", job->token);
  if (part == NULL || part->job != job || part->results > 0 || part->is_canceled) {
    sim_fail(world, "a piece of request %u that is none of its", job->token);
    return 0;
  }
  if ((output_len > 0) == (error_len > 0))
    sim_fail(world, "a piece of request %u with both streams or none", job->token);
  if (part->carry == NULL) {
    sim_fail(world, "a piece of request %u, which was never sent", job->token);
    return 0;
  }
  check_piece(part, output, output_len, &part->carry->answer.output, &part->passed_output,
              "output");
  check_piece(part, error, error_len, &part->carry->answer.errors, &part->passed_errors, "errors");
  mischief(user, job);
  if (!sim_chance(world, job->mischief / 20))
    return 0;
  part->is_refused = 1;
  return sim_chance(world, 500) ? 1 : -7;
}

int sim_content_source(uint64_t offset, void *buffer, size_t cap, size_t *n, void *context)
{
  sim_hook *hook = context;
  sim_job *job = hook->job;
  size_t len = offset < job->content_len ? job->content_len - (size_t)offset : 0;

  hook->calls++;
  if (job->user->is_gone)
    sim_fail(&job->run->world, "the content of request %u is asked for after the proxy was freed",
             job->token);
  if (hook->released)
    sim_fail(&job->run->world, "the content of request %u is asked for after its release",
             job->token);
  if (sim_chance(&job->run->world, 500)) /* the buffer must outlive that */
    mischief(job->user, job);
  if (job->may_starve && sim_chance(&job->run->world, 200)) {
    size_t i;

    for (i = 0; i < job->part_count; i++)
      job->parts[i]->was_paused = 1;
    return FCGIP_EAGAIN;
  }
  len = len < cap ? len : cap;
  if (len > 1 && sim_chance(&job->run->world, 300))
    len = 1 + (size_t)sim_below(&job->run->world, len);
  sim_content(buffer, job->token, offset, len);
  *n = len;
  mischief(job->user, job);
  return FCGIP_OK;
}

void sim_released(void *context)
{
  sim_hook *hook = context;

  if (++hook->released > hook->made)
    sim_fail(&hook->job->run->world, "a release of request %u runs too often", hook->job->token);
}

int sim_callbacks_add(sim_job *job)
{
  sim_world *world = &job->run->world;
  int which = (int)sim_below(world, 12), rc = FCGIP_OK;
  sim_hook *hooks = job->hooks;

  job->mischief = job->run->mischief;
  if (which != 0) {
    hooks[SIM_HOOK_RESPONSE].made = 1;
    rc = fcgip_request_add_response_callback(job->request, on_response, &hooks[SIM_HOOK_RESPONSE],
                                             sim_released);
  }
  if (rc == FCGIP_OK && which != 1) {
    hooks[SIM_HOOK_FAILURE].made = 1;
    rc = fcgip_request_add_failure_callback(job->request, on_failure, &hooks[SIM_HOOK_FAILURE],
                                            sim_released);
  }
  if (rc == FCGIP_OK && which > 6) {
    hooks[SIM_HOOK_PASS].made = 1;
    rc = fcgip_request_add_pass_through_callback(job->request, on_piece, &hooks[SIM_HOOK_PASS],
                                                 sim_released);
  }
  if (rc == FCGIP_OK && sim_chance(world, 200)) {
    hooks[SIM_HOOK_AFTER].made++;
    rc = fcgip_request_add_response_callback(job->request, on_result_again, &hooks[SIM_HOOK_AFTER],
                                             sim_released);
  }
  if (rc == FCGIP_OK && hooks[SIM_HOOK_AFTER].made > 0) {
    hooks[SIM_HOOK_AFTER].made++;
    rc = fcgip_request_add_failure_callback(job->request, on_result_again, &hooks[SIM_HOOK_AFTER],
                                            sim_released);
  }
  return rc;
}
