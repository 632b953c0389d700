/* What honest servers answer. */
#include <stdio.h>
#include <string.h>

#include "sim.h"

static size_t some_len(sim_world *world)
{
  switch (sim_below(world, 16)) {
  case 0:
    return 0;
  case 1:
  case 2:
  case 3:
  case 4:
    return (size_t)sim_below(world, 40);
  case 5:
  case 6:
  case 7:
    return (size_t)sim_below(world, 9000);
  case 8:
    return (size_t)sim_below(world, 100000);
  default:
    return (size_t)sim_below(world, 1500);
  }
}

static uint32_t some_time(sim_world *world)
{
  switch (sim_below(world, 8)) {
  case 0:
    return (uint32_t)sim_below(world, 400000);
  case 1:
  case 2:
    return (uint32_t)sim_below(world, 20000);
  case 3:
    return 0;
  default:
    return (uint32_t)sim_below(world, 1000);
  }
}

/* What goes wrong even on a good day. */
static void plan_trouble(sim_world *world, sim_plan *plan)
{
  static const uint8_t refusals[] = {1, 2, 2, 2, 3, 4, 255};

  plan->wrong_length = sim_chance(world, 30);
  plan->bad_header = sim_chance(world, 20);
  plan->dies = sim_chance(world, 30);
  plan->skips_content = sim_chance(world, 60);
  if (sim_chance(world, 30))
    plan->extra_headers = (size_t)sim_below(world, 30);
  if (sim_chance(world, 50))
    plan->protocol_status = refusals[sim_below(world, sizeof(refusals))];
}

/* Not through the eye of a needle: the call budget is for what runs in circles. */
static void fit(const sim_run *run, sim_plan *plan)
{
  size_t most = run->smallest_cap * 200, len;

  plan->body_len = plan->body_len < most ? plan->body_len : most;
  plan->stderr_len = plan->stderr_len < most ? plan->stderr_len : most;
  len = plan->body_len + plan->stderr_len + 100 * plan->extra_headers;
  if (plan->record_len < len / 200)
    plan->record_len = len / 200;
  if (run->smallest_cap < 16 && plan->padding > 7)
    plan->padding = 7;
}

void sim_plan_make(sim_run *run, sim_plan *plan)
{
  static const int statuses[] = {0, 200, 200, 201, 404, 500, 503};
  sim_world *world = &run->world;

  memset(plan, 0, sizeof(*plan));
  plan->status = statuses[sim_below(world, sizeof(statuses) / sizeof(statuses[0]))];
  plan->body_len = some_len(world);
  plan->record_len = sim_chance(world, 100) ? 1 + (size_t)sim_below(world, 60) : 8184;
  if (sim_chance(world, 50))
    plan->record_len = 65535;
  if (sim_chance(world, 150))
    plan->stderr_len = 1 + some_len(world) / 8;
  plan->think_us = some_time(world);
  if (sim_chance(world, 200))
    plan->pause_us = some_time(world) / 4;
  plan->padding = sim_chance(world, 500) ? 7 : (uint8_t)sim_below(world, 256);
  plan->has_length = sim_chance(world, 400);
  plan->has_end_of_out = sim_chance(world, 300);
  plan->reads_first = sim_chance(world, 600);
  plan->writes_first = !plan->reads_first && sim_chance(world, 500);
  plan->app_status = sim_chance(world, 100) ? (uint32_t)sim_below(world, UINT32_MAX) : 0;
  plan_trouble(world, plan);
  fit(run, plan);
}

sim_job *sim_job_of(sim_run *run, uint64_t token)
{
  return token < run->job_count ? run->jobs[token] : NULL;
}

static void add_stream(sim_run *run, sim_script *script, const sim_plan *plan, unsigned type,
                       uint16_t id, const uint8_t *data, size_t len)
{
  size_t done = 0;

  while (done < len) {
    size_t n = plan->record_len < len - done ? plan->record_len : len - done;
    size_t padding = plan->padding > 0 ? (size_t)sim_below(&run->world, plan->padding + 1u) : 0;

    sim_record(&script->bytes, type, id, data + done, n, padding);
    done += n;
    if (plan->pause_us > 0)
      sim_script_pause(script, plan->pause_us);
  }
}

static void add_headers(sim_bytes *out, const sim_job *job)
{
  const sim_plan *plan = &job->plan;
  char line[160];
  size_t i;

  if (plan->status != 0) {
    snprintf(line, sizeof(line), "Status: %d Some reason\r\n", plan->status);
    sim_bytes_text(out, line);
  }
  snprintf(line, sizeof(line), "X-Token: %u\r\nContent-Type: text/plain\r\n", job->token);
  sim_bytes_text(out, line);
  for (i = 0; i < plan->extra_headers; i++) {
    snprintf(line, sizeof(line), "X-Filler: %086u\r\n", (unsigned)i);
    sim_bytes_text(out, line);
  }
  if (plan->bad_header)
    sim_bytes_text(out, "this line has no colon\r\n");
  if (plan->has_length || plan->wrong_length) {
    snprintf(line, sizeof(line), "Content-Length: %zu\r\n",
             plan->body_len + (plan->wrong_length ? 3 : 0));
    sim_bytes_text(out, line);
  }
  sim_bytes_text(out, "\r\n");
}

static void add_answer(sim_run *run, sim_worker *worker, const sim_job *job)
{
  const sim_plan *plan = &job->plan;
  sim_script *script = &worker->script;
  uint16_t id = worker->question.id;
  static sim_bytes output; /* its memory stays */

  output.len = 0;
  add_headers(&output, job);
  if (!job->is_head) {
    size_t done = 0;

    while (done < plan->body_len) {
      size_t n = plan->body_len - done;
      const uint8_t *content = sim_content_run(job->token, done, &n);

      sim_bytes_add(&output, content, n);
      done += n;
    }
  }
  if (plan->stderr_len > 0) {
    size_t n = plan->stderr_len;
    const uint8_t *content = sim_content_run(job->token, 0, &n);

    add_stream(run, script, plan, SIM_STDERR, id, content, n);
  }
  add_stream(run, script, plan, SIM_STDOUT, id, output.data, output.len);
  if (plan->has_end_of_out)
    sim_record(&script->bytes, SIM_STDOUT, id, "", 0, 0);
  sim_end(&script->bytes, id, plan->app_status, 0);
}

/* Cut off: everything from some place on is not said. */
static void cut(sim_run *run, sim_script *script)
{
  script->bytes.len = (size_t)sim_below(&run->world, script->bytes.len);
  while (script->mark_count > 0 && script->marks[script->mark_count - 1].at > script->bytes.len)
    script->mark_count--;
  script->ending = sim_chance(&run->world, 500) ? SIM_ENDS_WITH_CLOSE : SIM_ENDS_WITH_RESET;
}

void sim_honest_params(void *context, sim_worker *worker)
{
  sim_site *site = context;
  sim_run *run = site->run;
  sim_script *script = &worker->script;
  const sim_job *job = sim_job_of(run, worker->question.token);

  if (!worker->question.has_token || job == NULL) {
    sim_fail(&run->world, "server %u got a request that nobody sent", worker->server->number);
    script->ending = SIM_ENDS_WITH_CLOSE;
    return;
  }
  script->waits_for_content = job->plan.reads_first;
  if (job->plan.think_us > 0)
    sim_script_pause(script, job->plan.think_us);
  if (job->plan.protocol_status != 0)
    sim_end(&script->bytes, worker->question.id, 0, job->plan.protocol_status);
  else
    add_answer(run, worker, job);
  if (job->plan.writes_first)
    script->reading = SIM_READS_LATE;
  if (job->plan.writes_first && job->plan.protocol_status == 0 && !job->plan.dies &&
      !job->plan.skips_content && job->plan.has_end_of_out)
    script->tail_len = 16;
  if (job->plan.skips_content && !job->plan.reads_first) {
    script->reading = SIM_READS_NO_MORE;
    script->ending = SIM_ENDS_WITH_CLOSE;
  }
  if (job->plan.dies)
    cut(run, script);
}

void sim_site_runs(void *context, sim_worker *worker)
{
  sim_site *site = context;
  sim_job *job = sim_job_of(site->run, worker->question.token);

  if (job == NULL || !worker->question.has_token)
    return;
  /* One that refuses does not run it. A hostile one may say so and run it all the same: that is its word. */
  if (site->nature != SIM_HONEST || job->plan.protocol_status != 0)
    return;
  sim_note(&site->run->world, "runs", worker->server->number, job->token, 0);
  job->runs[site - site->run->sites]++;
}
