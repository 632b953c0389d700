/* What the user does: every verb of the library, in any order. */
#include <string.h>
#include <time.h>

#include "sim.h"

#define MANY 8

void sim_call_begin(sim_user *user)
{
  if (user->run->world.plant == SIM_HASTY)
    (void)time(NULL);
  if (user->depth++ > 0)
    return;
  user->handles = 0;
  user->slow_us = 0;
  user->timers_us = 0;
  user->polled_before_us = user->client.polled_us;
}

static void forget(sim_user *user)
{
  user->is_gone_early = user->unread > 0;
  user->unread = 0;
}

int sim_call_end(sim_user *user, int rc, const char *what)
{
  sim_world *world = &user->run->world;

  user->depth--;
  if (user->depth > 0)
    return !user->is_gone;
  if (user->client.polled_us != user->polled_before_us)
    user->timers_us = user->client.polled_us;
  if (user->is_gone) {
    if (rc != FCGIP_EREENTRANT)
      sim_fail(world, "%s returns %d, though a callback has freed the proxy", what, rc);
    forget(user);
    return 0;
  }
  if (rc == FCGIP_EREENTRANT)
    sim_fail(world, "%s says FCGIP_EREENTRANT for no reason", what);
  sim_check_rest(user);
  return 1;
}

void sim_user_free_proxy(sim_user *user)
{
  if (user->is_gone)
    return;
  sim_note(&user->run->world, "free", user->number, user->depth, 0);
  if (user->is_cluster)
    fcgip_cluster_proxy_free(user->cluster);
  else
    fcgip_proxy_free(user->proxy);
  user->is_gone = 1;
  user->client.is_gone = 1;
  if (user->client.open > 0)
    sim_fail(&user->run->world, "%zu descriptors are open after the proxy was freed",
             user->client.open);
  if (user->depth == 0)
    forget(user);
}

static int some_timeout(sim_user *user)
{
  sim_world *world = &user->run->world;

  switch (sim_below(world, user->run->has_pauses ? 7 : 8)) {
  case 0:
  case 1:
    return 0;
  case 2:
  case 3:
  case 4:
    return 1 + (int)sim_below(world, 50);
  case 5:
  case 6:
    return 100 + (int)sim_below(world, 3000);
  default:
    return -1;
  }
}

/* A wait that ran out has run out: not before its time, not long after it. */
static void check_wait(sim_user *user, uint64_t start_us, int timeout_ms, int ran_out,
                       const char *what)
{
  sim_world *world = &user->run->world;
  uint64_t spent = world->now_us - start_us;
  uint64_t asked = timeout_ms < 0 ? SIM_NEVER : (uint64_t)(unsigned)timeout_ms * 1000u;
  uint64_t least = asked;

  /* That clock is rounded down, and read twice. */
  if (user->has_own_clock && least != SIM_NEVER)
    least = least > 2000 ? least - 2000 : 0;
  if (ran_out && spent < least)
    sim_fail(world, "%s(%d ms) gives up after %llu us", what, timeout_ms,
             (unsigned long long)spent);
  if (timeout_ms >= 0 && spent > asked + SIM_SLACK_US + 2000u + user->slow_us)
    sim_fail(world, "%s(%d ms) takes %llu us", what, timeout_ms, (unsigned long long)spent);
}

static void judge_one(sim_user *user, fcgip_response *response)
{
  sim_part *part = sim_part_of(user, fcgip_response_request_id(response));

  if (part == NULL) {
    sim_fail(&user->run->world, "a response with the unknown id %llu",
             (unsigned long long)fcgip_response_request_id(response));
  } else {
    if (user->run->world.plant != SIM_LOST)
      sim_part_taken(part);
    if (user->run->world.plant == SIM_TWICE)
      sim_part_taken(part);
    sim_judge(part, response);
  }
  fcgip_response_free(response);
}

static void read_one(sim_user *user)
{
  sim_world *world = &user->run->world;
  sim_part *part = sim_any_unread(user);
  fcgip_request_id id = part != NULL ? part->id : user->last_id + 5;
  fcgip_response *response = NULL;
  uint64_t start = world->now_us;
  int timeout_ms = some_timeout(user), rc;

  if (sim_chance(world, 20))
    id = user->last_id + 7;
  sim_call_begin(user);
  rc = fcgip_proxy_read_response(user->proxy, id, timeout_ms, &response);
  sim_note(world, "read", user->number, (int64_t)id, rc);
  if (response != NULL) {
    if (fcgip_response_request_id(response) != id || fcgip_response_error(response) != rc)
      sim_fail(world, "read_response gives another response, or with another result: %d", rc);
    judge_one(user, response);
    rc = rc == FCGIP_EREENTRANT ? rc : FCGIP_OK;
  } else if (rc == FCGIP_ENOTFOUND ? id <= user->last_id && part != NULL
                                   : rc != FCGIP_EAGAIN && rc != FCGIP_EREENTRANT) {
    sim_fail(world, "read_response: %s", fcgip_errname(rc));
  }
  if (sim_call_end(user, rc, "read_response"))
    check_wait(user, start, timeout_ms, rc == FCGIP_EAGAIN, "read_response");
}

static void read_many(sim_user *user)
{
  sim_world *world = &user->run->world;
  fcgip_request_id ids[MANY];
  fcgip_response *responses[MANY];
  size_t n = 1 + (size_t)sim_below(world, MANY), i, got = 0;
  uint64_t start = world->now_us;
  int timeout_ms = some_timeout(user), rc;

  for (i = 0; i < n; i++) {
    sim_part *part = sim_any_unread(user);

    ids[i] = part != NULL && sim_chance(world, 950) ? part->id : user->last_id + 3;
  }
  sim_call_begin(user);
  rc = fcgip_proxy_read_responses(user->proxy, timeout_ms, ids, n, responses);
  sim_note(world, "read many", user->number, (int64_t)n, rc);
  for (i = 0; i < n; i++) {
    if (responses[i] == NULL)
      continue;
    got++;
    if (fcgip_response_request_id(responses[i]) != ids[i])
      sim_fail(world, "read_responses gives another response");
    judge_one(user, responses[i]);
  }
  if (rc >= 0 && (size_t)rc != got)
    sim_fail(world, "read_responses returns %d for %zu responses", rc, got);
  if (sim_call_end(user, rc, "read_responses"))
    check_wait(user, start, timeout_ms, 0, "read_responses");
}

static void read_ready(sim_user *user)
{
  sim_world *world = &user->run->world;
  fcgip_response *responses[MANY];
  size_t cap = 1 + (size_t)sim_below(world, MANY), n = 0, i;
  uint64_t start = world->now_us;
  int timeout_ms = some_timeout(user), rc;

  sim_call_begin(user);
  if (user->is_cluster)
    rc = fcgip_cluster_proxy_read_ready_responses(user->cluster, timeout_ms, responses, cap, &n);
  else
    rc = fcgip_proxy_read_ready_responses(user->proxy, timeout_ms, responses, cap, &n);
  sim_note(world, "read ready", user->number, (int64_t)n, rc);
  if (n > cap || (rc < 0 && n > 0))
    sim_fail(world, "read_ready_responses: %zu responses, result %d", n, rc);
  for (i = 0; i < n; i++)
    judge_one(user, responses[i]);
  if (sim_call_end(user, rc, "read_ready_responses"))
    check_wait(user, start, timeout_ms, rc == FCGIP_EAGAIN, "read_ready_responses");
}

static void next_one(sim_user *user)
{
  sim_world *world = &user->run->world;
  fcgip_response *response = NULL;
  uint64_t start = world->now_us;
  int timeout_ms = some_timeout(user), rc;

  sim_call_begin(user);
  if (user->is_cluster)
    rc = fcgip_cluster_proxy_next_response(user->cluster, timeout_ms, &response);
  else
    rc = fcgip_proxy_next_response(user->proxy, timeout_ms, &response);
  sim_note(world, "next", user->number, timeout_ms, rc);
  if ((rc == 1) != (response != NULL))
    sim_fail(world, "next_response returns %d", rc);
  if (response != NULL)
    judge_one(user, response);
  if (sim_call_end(user, rc, "next_response"))
    check_wait(user, start, timeout_ms, 0, "next_response");
}

static void ask(sim_user *user)
{
  sim_world *world = &user->run->world;
  sim_part *part = sim_any_unread(user);
  fcgip_request_id ids[MANY];
  size_t n, i;
  int rc = FCGIP_OK;

  sim_call_begin(user);
  if (part != NULL && sim_chance(world, 500)) {
    rc = fcgip_proxy_has_response(user->proxy, part->id);
    if (rc != 0 && rc != 1 && rc != FCGIP_EREENTRANT)
      sim_fail(world, "has_response: %d", rc);
  } else {
    n = fcgip_proxy_request_ids_having_response(user->proxy, ids, MANY);
    if (user->is_gone)
      rc = FCGIP_EREENTRANT;
    else if (n > user->unread)
      sim_fail(world, "%zu ids have a response, of %zu", n, user->unread);
    for (i = 0; i < n && i < MANY; i++)
      if (sim_part_of(user, ids[i]) == NULL || sim_part_of(user, ids[i])->results > 0)
        sim_fail(world, "id %llu has a response", (unsigned long long)ids[i]);
  }
  sim_note(world, "ask", user->number, rc, 0);
  sim_call_end(user, rc, "has_response");
}

static void handle_some(sim_user *user)
{
  sim_world *world = &user->run->world;
  sim_part *part = sim_any_unread(user);
  fcgip_request_id id = part != NULL ? part->id : user->last_id + 9;
  uint64_t start = world->now_us;
  int timeout_ms = some_timeout(user), rc;
  unsigned which = (unsigned)sim_below(world, 5);

  sim_call_begin(user);
  user->handles = 1;
  if (user->is_cluster)
    rc = which < 2 ? fcgip_cluster_proxy_wait_for_responses(user->cluster, timeout_ms)
                   : fcgip_cluster_proxy_handle_ready_responses(user->cluster, timeout_ms);
  else if (which == 0)
    rc = fcgip_proxy_wait_for_responses(user->proxy, timeout_ms);
  else if (which == 1)
    rc = fcgip_proxy_wait_for_response(user->proxy, id, timeout_ms);
  else if (which == 2)
    rc = fcgip_proxy_handle_response(user->proxy, id, timeout_ms);
  else if (which == 3)
    rc = fcgip_proxy_handle_responses(user->proxy, timeout_ms, &id, 1);
  else
    rc = fcgip_proxy_handle_ready_responses(user->proxy, timeout_ms);
  sim_note(world, "handle", user->number, which, rc);
  if (rc < 0 && rc != FCGIP_EAGAIN && rc != FCGIP_EREENTRANT &&
      (rc != FCGIP_ENOTFOUND || part != NULL))
    sim_fail(world, "handling: %s", fcgip_errname(rc));
  if (timeout_ms < 0 && rc == FCGIP_EAGAIN)
    sim_fail(world, "an unlimited wait has run out");
  if (sim_call_end(user, rc, "handle or wait"))
    check_wait(user, start, timeout_ms, rc == FCGIP_EAGAIN, "handle or wait");
}

static void cancel_all(sim_user *user)
{
  fcgip_request_id id;

  for (id = 0; id <= user->last_id; id++)
    if (sim_part_of(user, id) != NULL)
      sim_part_of(user, id)->is_canceled = 1;
  fcgip_cluster_proxy_cancel_all(user->cluster);
}

static void cancel(sim_user *user)
{
  sim_world *world = &user->run->world;
  sim_part *part = sim_any_unread(user);
  int rc;

  if (part == NULL)
    return;
  sim_note(world, "cancel", user->number, part->job->token, 0);
  sim_call_begin(user);
  if (user->is_cluster) {
    cancel_all(user);
  } else {
    part->is_canceled = 1;
    rc = fcgip_proxy_cancel(user->proxy, part->id);
    if (rc != FCGIP_OK && !user->is_gone)
      sim_fail(world, "cancel: %s", fcgip_errname(rc));
    if (!user->is_gone && fcgip_proxy_cancel(user->proxy, user->last_id + 11) != FCGIP_ENOTFOUND)
      sim_fail(world, "an unknown id can be cancelled");
  }
  sim_call_end(user, user->is_gone ? FCGIP_EREENTRANT : FCGIP_OK, "cancel");
}

static void pause_or_resume(sim_user *user)
{
  sim_world *world = &user->run->world;
  sim_part *part = sim_any_unread(user);

  if (!user->run->has_pauses || part == NULL)
    return;
  sim_call_begin(user);
  if (sim_chance(world, 400))
    sim_pause(user, part);
  else if (sim_chance(world, 500))
    sim_resume(user, part);
  else
    sim_resume_all(user);
  sim_call_end(user, user->is_gone ? FCGIP_EREENTRANT : FCGIP_OK, "pause or resume");
}

static void sleep_some(sim_user *user)
{
  sim_world *world = &user->run->world;

  sim_pass(world, sim_below(world, sim_chance(world, 100) ? 2000000 : 20000));
}

static void free_some_request(sim_user *user)
{
  sim_run *run = user->run;

  if (run->job_count > 0)
    sim_job_release(run->jobs[sim_below(&run->world, run->job_count)]);
}

static void resolve_again(sim_user *user)
{
  sim_site *site = &user->run->sites[sim_below(&user->run->world, user->run->site_count)];
  int rc = fcgip_endpoint_resolve(site->endpoint);

  if (rc != FCGIP_OK && (rc != FCGIP_ERESOLVE || !site->is_unresolved))
    sim_fail(&user->run->world, "resolve: %s", fcgip_errname(rc));
}

void sim_user_acts(sim_user *user)
{
  sim_world *world = &user->run->world;
  unsigned which = (unsigned)sim_below(world, 100);

  if (which < 30)
    sim_send_new(user, !user->is_cluster && sim_chance(world, 150));
  else if (which < 52)
    sim_turn(user);
  else if (which < 60)
    user->is_cluster ? next_one(user) : read_one(user);
  else if (which < 64)
    user->is_cluster ? read_ready(user) : read_many(user);
  else if (which < 69)
    read_ready(user);
  else if (which < 74)
    next_one(user);
  else if (which < 78)
    user->is_cluster ? sim_turn(user) : ask(user);
  else if (which < 90)
    handle_some(user);
  else if (which < 93)
    cancel(user);
  else if (which < 95)
    pause_or_resume(user);
  else if (which < 97)
    sleep_some(user);
  else if (which < 99)
    free_some_request(user);
  else
    resolve_again(user);
}
