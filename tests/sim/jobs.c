/* Requests: made, sent, forgotten. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static void *made(sim_run *run, size_t size)
{
  void *block = calloc(1, size);

  if (block == NULL)
    sim_fatal(&run->world, "no memory");
  return block;
}

static sim_job *job_new(sim_user *user)
{
  sim_run *run = user->run;
  sim_job *job = made(run, sizeof(*job));
  size_t i;

  job->run = run;
  job->user = user;
  job->token = (unsigned)run->job_count;
  for (i = 0; i < SIM_HOOKS; i++)
    job->hooks[i].job = job;
  run->jobs[run->job_count++] = job;
  sim_plan_make(run, &job->plan);
  return job;
}

static size_t some_content_len(sim_world *world)
{
  switch (sim_below(world, 20)) {
  case 0:
    return (size_t)sim_below(world, 200000);
  case 1:
  case 2:
    return (size_t)sim_below(world, 20000);
  case 3:
    return 1;
  default:
    return (size_t)sim_below(world, 2000);
  }
}

static void choose_method(sim_job *job)
{
  static const char *const methods[] = {"GET", "GET",   "GET",    "POST", "POST",
                                        "PUT", "PATCH", "DELETE", "HEAD"};
  sim_world *world = &job->run->world;

  job->method = methods[sim_below(world, sizeof(methods) / sizeof(methods[0]))];
  job->is_retry_safe = strcmp(job->method, "POST") != 0 && strcmp(job->method, "PATCH") != 0;
  job->is_head = strcmp(job->method, "HEAD") == 0;
  if (strcmp(job->method, "GET") != 0 && !job->is_head)
    job->content_len = some_content_len(world);
  /* 200,000 bytes through a socket that takes one at a time would be all there is to see. */
  if (job->content_len > job->run->smallest_cap * 200)
    job->content_len = job->run->smallest_cap * 200;
}

static uint32_t some_timeout(sim_world *world, uint32_t most)
{
  return sim_chance(world, 100) ? 1 + (uint32_t)sim_below(world, most) : 0;
}

static void set_timeouts(sim_job *job)
{
  sim_world *world = &job->run->world;
  fcgip_timeouts *t = &job->timeouts;

  t->struct_size = sizeof(*t);
  t->connect_timeout_ms = some_timeout(world, 300);
  t->read_write_timeout_ms = some_timeout(world, 300);
  t->first_byte_timeout_ms = some_timeout(world, 300);
  t->request_timeout_ms = some_timeout(world, 600);
  if (fcgip_request_set_timeouts(job->request, t) < 0)
    sim_fail(world, "the timeouts were refused");
}

static int set_content(sim_job *job)
{
  sim_world *world = &job->run->world;
  int rc;

  if (job->content_len == 0)
    return FCGIP_OK;
  if (sim_chance(world, 250)) {
    sim_hook *hook = &job->hooks[SIM_HOOK_CONTENT];

    hook->made = 1;
    return fcgip_request_set_content_source(job->request, sim_content_source, job->content_len,
                                            hook, sim_released);
  }
  job->content = made(job->run, job->content_len);
  sim_content(job->content, job->token, 0, job->content_len);
  if (sim_chance(world, 500)) {
    job->hooks[SIM_HOOK_CONTENT].made = 1;
    return fcgip_request_set_content_ref(job->request, job->content, job->content_len, sim_released,
                                         &job->hooks[SIM_HOOK_CONTENT]);
  }
  rc = fcgip_request_set_content(job->request, job->content, job->content_len);
  free(job->content);
  job->content = NULL;
  return rc;
}

static void set_long_vars(sim_job *job)
{
  char value[1000];
  char name[8];
  unsigned i;

  memset(value, 'v', sizeof(value));
  value[sizeof(value) - 1] = '\0';
  for (i = 0; i < 3 + sim_below(&job->run->world, 120); i++) {
    snprintf(name, sizeof(name), "V%u", i);
    fcgip_request_set_custom_var(job->request, name, value);
  }
}

static int build(sim_job *job)
{
  sim_world *world = &job->run->world;
  char script[40];
  int rc;

  choose_method(job);
  job->may_starve = job->run->has_pauses && !job->is_waited_for && sim_chance(world, 300);
  snprintf(script, sizeof(script), "/srv/%u.php", job->token);
  rc = fcgip_request_new_with_allocator(&job->request, job->method, script, &job->run->memory.hook);
  if (rc == FCGIP_OK)
    rc = set_content(job);
  if (rc == FCGIP_OK && sim_chance(world, 20))
    set_long_vars(job);
  if (rc == FCGIP_OK && sim_chance(world, 300))
    set_timeouts(job);
  if (rc == FCGIP_OK && sim_chance(world, 100)) {
    job->is_retry_safe = (int)sim_below(world, 2);
    rc = fcgip_request_set_retry_safe(job->request, job->is_retry_safe);
  }
  job->keeps_body = !sim_chance(world, 80);
  if (rc == FCGIP_OK && !job->keeps_body)
    rc = fcgip_request_set_body_kept(job->request, 0);
  if (rc == FCGIP_OK && sim_chance(world, 600))
    rc = sim_callbacks_add(job);
  return rc;
}

static sim_part *part_new(sim_user *user, sim_job *job, size_t index, fcgip_request_id id)
{
  sim_run *run = user->run;
  sim_part *part = made(run, sizeof(*part));

  part->job = job;
  part->index = index;
  part->id = id;
  run->parts[run->part_count++] = part;
  job->parts[job->part_count++] = part;
  if (id >= user->by_id_cap) {
    size_t cap = (size_t)id * 2 + 64;

    user->by_id = realloc(user->by_id, cap * sizeof(*user->by_id));
    if (user->by_id == NULL)
      sim_fatal(&run->world, "no memory");
    memset(user->by_id + user->by_id_cap, 0, (cap - user->by_id_cap) * sizeof(*user->by_id));
    user->by_id_cap = cap;
  }
  if (user->by_id[id] != NULL)
    sim_fail(&run->world, "id %llu is given out twice", (unsigned long long)id);
  user->by_id[id] = part;
  user->unread++;
  return part;
}

sim_part *sim_part_of(const sim_user *user, fcgip_request_id id)
{
  return id < user->by_id_cap ? user->by_id[id] : NULL;
}

sim_part *sim_any_unread(sim_user *user)
{
  fcgip_request_id id, start, count = user->last_id + 1;

  if (user->unread == 0)
    return NULL;
  start = sim_below(&user->run->world, count);
  for (id = 0; id < count; id++) {
    sim_part *part = sim_part_of(user, (start + id) % count);

    if (part != NULL && part->results == 0)
      return part;
  }
  return NULL;
}

void sim_pause(sim_user *user, sim_part *part)
{
  int rc;

  if (part->job->is_waited_for)
    return;
  part->was_paused = 1;
  rc = user->is_cluster ? fcgip_cluster_proxy_pause(user->cluster, part->id)
                        : fcgip_proxy_pause(user->proxy, part->id);
  sim_note(&user->run->world, "pause", user->number, part->job->token, rc);
  /* Inside a callback it may just have been taken. */
  if (rc != FCGIP_OK && (rc != FCGIP_ENOTFOUND || user->depth < 2))
    sim_fail(&user->run->world, "pause: %s", fcgip_errname(rc));
  else if (part->carry != NULL)
    part->carry->is_paused = 1;
}

void sim_resume(sim_user *user, sim_part *part)
{
  int rc;

  if (part->carry != NULL)
    part->carry->is_paused = 0;
  rc = user->is_cluster ? fcgip_cluster_proxy_resume(user->cluster, part->id)
                        : fcgip_proxy_resume(user->proxy, part->id);
  sim_note(&user->run->world, "resume", user->number, part->job->token, rc);
  if (rc != FCGIP_OK && !user->is_gone && (rc != FCGIP_ENOTFOUND || user->depth < 2))
    sim_fail(&user->run->world, "resume: %s", fcgip_errname(rc));
}

void sim_resume_all(sim_user *user)
{
  fcgip_request_id id;

  for (id = 1; id <= user->last_id && !user->is_gone; id++)
    if (sim_part_of(user, id) != NULL && sim_part_of(user, id)->results == 0)
      sim_resume(user, sim_part_of(user, id));
}

void sim_part_taken(sim_part *part)
{
  sim_run *run = part->job->run;

  part->results++;
  part->job->user->unread--;
  run->results++;
  if (part->results > 1)
    sim_fail(&run->world, "request %u got %u results", part->job->token, part->results);
}

/* The parts must be known before the call returns, as its callbacks and bytes need them: ids are consecutive. */
static void expect_parts(sim_user *user, sim_job *job)
{
  fcgip_request_id id = sim_inside_last_id(user) + 1;
  size_t count = user->is_cluster ? user->run->site_count : 1, i;

  for (i = 0; i < count; i++)
    part_new(user, job, i, id + i);
  user->last_id = id + count - 1;
}

static void unexpect_parts(sim_user *user, sim_job *job)
{
  size_t i;

  for (i = 0; i < job->part_count; i++) {
    user->by_id[job->parts[i]->id] = NULL;
    job->parts[i]->results = 1; /* there will be none, and none is missing */
    user->unread--;
  }
  job->part_count = 0;
  user->last_id = sim_inside_last_id(user);
}

static int send_async(sim_user *user, sim_job *job)
{
  fcgip_request_id id = 0;
  int rc;

  sim_call_begin(user);
  expect_parts(user, job);
  job->sent_us = user->run->world.now_us;
  if (user->is_cluster)
    rc = fcgip_cluster_proxy_send_async_request(user->cluster, job->request);
  else
    rc = fcgip_proxy_send_async_request(user->proxy, job->request, &id);
  sim_note(&user->run->world, "sent", user->number, job->token, (int64_t)id);
  if (rc < 0 && rc != FCGIP_EREENTRANT)
    unexpect_parts(user, job);
  if (rc == FCGIP_OK && !user->is_cluster && id != job->parts[0]->id)
    sim_fail(&user->run->world, "the id is %llu, not the next one", (unsigned long long)id);
  if (rc < 0 && rc != FCGIP_EQUEUEFULL && rc != FCGIP_EREENTRANT)
    sim_fail(&user->run->world, "sending: %s", fcgip_errname(rc));
  sim_call_end(user, rc, "send_async");
  return rc;
}

static void send_and_wait(sim_user *user, sim_job *job)
{
  sim_world *world = &user->run->world;
  fcgip_response *response = NULL;
  int rc;

  sim_call_begin(user);
  expect_parts(user, job);
  job->sent_us = world->now_us;
  rc = fcgip_proxy_send_request(user->proxy, job->request, &response);
  sim_note(world, "sync", user->number, job->token, rc);
  if (response != NULL) {
    if (rc != fcgip_response_error(response))
      sim_fail(world, "send_request returns %s for %s", fcgip_errname(rc),
               fcgip_errname(fcgip_response_error(response)));
    sim_part_taken(job->parts[0]);
    sim_judge(job->parts[0], response);
    fcgip_response_free(response);
  } else if (rc == FCGIP_EQUEUEFULL) {
    unexpect_parts(user, job);
  } else if (rc != FCGIP_EREENTRANT) {
    sim_fail(world, "send_request: %s, and no response", fcgip_errname(rc));
  }
  sim_call_end(user, rc == FCGIP_EREENTRANT ? rc : FCGIP_OK, "send_request");
}

/* The same request again, under another name. */
static int send_again(sim_user *user)
{
  sim_run *run = user->run;
  sim_job *old = run->job_count > 0 ? run->jobs[run->job_count - 1] : NULL, *job;
  char script[40];

  if (old == NULL || old->request == NULL || old->content_len > 0 || old->user != user ||
      old->hooks[SIM_HOOK_AFTER].made || old->hooks[0].made || old->hooks[1].made ||
      old->hooks[2].made)
    return 0;
  job = job_new(user);
  job->method = old->method;
  job->is_retry_safe = old->is_retry_safe;
  job->is_head = old->is_head;
  job->timeouts = old->timeouts;
  job->keeps_body = old->keeps_body;
  job->request = old->request;
  old->request = NULL;
  snprintf(script, sizeof(script), "/srv/%u.php", job->token);
  fcgip_request_set_script_filename(job->request, script);
  send_async(user, job);
  return 1;
}

void sim_send_new(sim_user *user, int waits)
{
  sim_run *run = user->run;
  sim_job *job;

  if (run->job_count >= run->job_limit)
    return;
  if (!waits && sim_chance(&run->world, 100) && send_again(user))
    return;
  job = job_new(user);
  job->is_waited_for = waits && !user->is_cluster && !run->has_pauses;
  if (build(job) < 0)
    sim_fail(&run->world, "the request cannot be made");
  else if (job->is_waited_for)
    send_and_wait(user, job);
  else
    send_async(user, job);
  if (sim_chance(&run->world, 500))
    sim_job_release(job);
}

void sim_job_release(sim_job *job)
{
  fcgip_request_free(job->request);
  job->request = NULL;
}
