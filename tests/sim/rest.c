/* What has to hold between two calls, and at the end. */
#include <string.h>

#include "sim.h"
#include "sim_inside.h"

#define ENGINE_BYTES (500u * 1024)
#define PART_BYTES (300u * 1024)
#define REQUEST_BYTES (300u * 1024)

static int stats_of(const sim_user *user, size_t site, fcgip_endpoint_stats *stats)
{
  memset(stats, 0, sizeof(*stats));
  stats->struct_size = sizeof(*stats);
  return user->is_cluster ? fcgip_cluster_proxy_endpoint_stats(user->cluster, site, stats)
                          : fcgip_proxy_endpoint_stats(user->proxy, site, stats);
}

/* Limits of connections, and that nobody waits while there is room. */
static void check_site(sim_user *user, size_t index, fcgip_endpoint_stats *stats)
{
  sim_world *world = &user->run->world;
  const fcgip_endpoint_options *o = &user->run->sites[index].options;

  if (stats_of(user, index, stats) < 0) {
    sim_fail(world, "no counters of endpoint %zu", index);
    return;
  }
  if (stats->open > o->max_connections)
    sim_fail(world, "%u connections to endpoint %zu, of %u", stats->open, index,
             o->max_connections);
  if (stats->idle > o->max_idle_connections)
    sim_fail(world, "%u idle connections to endpoint %zu, of %u", stats->idle, index,
             o->max_idle_connections);
  if (stats->queued > 0 && (stats->open < o->max_connections || stats->idle > 0) &&
      !sim_inside_holds_back(user, index))
    sim_fail(world, "%u requests wait for endpoint %zu, with %u connections, %u idle, of %u",
             stats->queued, index, stats->open, stats->idle, o->max_connections);
}

static uint64_t ended(const fcgip_endpoint_stats *s)
{
  return s->succeeded + s->failed_connect + s->failed_timeout + s->failed_transfer +
         s->failed_canceled + s->failed_protocol + s->failed_refused + s->failed_other +
         s->failed_over;
}

static void check_sites(sim_user *user, size_t pending)
{
  uint64_t in = 0, out = 0, queued = 0;
  fcgip_endpoint_stats stats;
  int may_be_full = 0;
  size_t i;

  for (i = 0; i < user->run->site_count; i++) {
    check_site(user, i, &stats);
    in += stats.sent;
    out += ended(&stats);
    queued += stats.queued;
    may_be_full |= user->run->sites[i].options.max_queued != UINT32_MAX;
  }
  if (!may_be_full && in - out != pending)
    sim_fail(&user->run->world, "%zu requests are pending, by the counters %lld", pending,
             (long long)(in - out));
  if (queued > pending)
    sim_fail(&user->run->world, "more requests wait than are pending");
}

uint64_t sim_deadline_after(uint64_t from_us, uint32_t own_ms, uint32_t endpoint_ms)
{
  uint32_t ms = own_ms != 0 ? own_ms : endpoint_ms;

  return ms == UINT32_MAX || from_us == SIM_NEVER ? SIM_NEVER : from_us + (uint64_t)ms * 1000u;
}

static const sim_site *site_of(const sim_run *run, const sim_listener *listener)
{
  size_t i;

  for (i = 0; i < run->site_count; i++)
    if (run->sites[i].listener == listener)
      return &run->sites[i];
  return NULL;
}

/* I5: by what was seen, `deadline_us` has passed when everything due was done. */
static void check_deadline(sim_user *user, const sim_part *part, uint64_t deadline_us)
{
  /* A slow callback makes what was received behind it look later. */
  if (user->timers_us != 0 &&
      deadline_us < user->timers_us - SIM_SLACK_US - 1000u - user->slow_sum_us)
    sim_fail(&user->run->world, "request %u is %llu us over its deadline", part->job->token,
             (unsigned long long)(user->timers_us - deadline_us));
}

/* A connection that has not taken a byte yet. */
static void check_connecting(sim_user *user, const sim_conn *conn)
{
  const sim_part *part = sim_part_of(user, sim_inside_id_of(user, conn->fd));
  const sim_site *site = conn->listener != NULL ? site_of(user->run, conn->listener) : NULL;
  uint64_t deadline, other = 0;

  if (part == NULL || site == NULL)
    return;
  deadline = sim_deadline_after(conn->opened_us, part->job->timeouts.connect_timeout_ms,
                                site->options.connect_timeout_ms);
  /* If connect() said that it is connected, it may be sending in vain. */
  if (conn->carry != NULL && !part->was_paused)
    other = sim_deadline_after(conn->carry->active_us, part->job->timeouts.read_write_timeout_ms,
                               site->options.read_write_timeout_ms);
  if (conn->carry == NULL || !part->was_paused)
    check_deadline(user, part, other > deadline ? other : deadline);
}

/* KAL-02, I4: what has ended or failed is closed at once, unless it may be kept. */
static void check_conn(sim_user *user, const sim_conn *conn)
{
  const sim_carry *carry = conn->carry;
  sim_world *world = &user->run->world;

  if (carry == NULL || (carry->question.received == 0 && !carry->is_reused))
    check_connecting(user, conn);
  if (carry == NULL)
    return;
  if (carry->answer.fault != SIM_NO_FAULT || carry->saw_end || carry->recv_error != 0)
    sim_fail(world, "connection %u is open, though it has failed", conn->number);
  if (!carry->answer.has_ended)
    return;
  if (!carry->question.keeps || !carry->question.is_complete || !carry->answer.is_clean ||
      carry->answer.protocol_status != 0)
    sim_fail(world, "connection %u is open, though END_REQUEST was received%s%s%s", conn->number,
             carry->question.keeps ? "" : ", not to be kept",
             carry->question.is_complete ? "" : ", the request not sent whole",
             carry->answer.is_clean ? "" : ", and something behind it");
}

static size_t check_fds(sim_user *user)
{
  const sim_net *net = &user->run->net;
  size_t open = 0;
  int fd;

  for (fd = net->first_fd; fd < net->top_fd; fd++) {
    if (net->fds[fd] == NULL || net->fds[fd]->client != &user->client)
      continue;
    open++;
    check_conn(user, net->fds[fd]);
  }
  return open;
}

/* The watcher was told what the functions for pull loops say. */
static void check_watched(sim_user *user)
{
  sim_net *net = &user->run->net;
  struct pollfd fds[64];
  size_t count = user->is_cluster ? fcgip_cluster_proxy_fds(user->cluster, fds, 64)
                                  : fcgip_proxy_fds(user->proxy, fds, 64);
  size_t watched = 0, i;
  int fd;

  for (fd = net->first_fd; fd < net->top_fd; fd++)
    watched +=
        net->watched[fd] != 0 && net->fds[fd] != NULL && net->fds[fd]->client == &user->client;
  for (i = 0; i < count && i < 64; i++) {
    if (fds[i].fd < 0 || fds[i].fd >= SIM_FDS || net->fds[fds[i].fd] == NULL ||
        net->fds[fds[i].fd]->client != &user->client)
      sim_fail(&user->run->world, "fds() names %d, which is not open", fds[i].fd);
    else if (user->mode == SIM_PUSH && net->watched[fds[i].fd] != fds[i].events)
      sim_fail(&user->run->world, "the watcher was told %d for descriptor %d, fds() says %d",
               net->watched[fds[i].fd], fds[i].fd, fds[i].events);
  }
  if (user->mode == SIM_PUSH && watched != count)
    sim_fail(&user->run->world, "%zu descriptors are watched, fds() says %zu", watched, count);
}

/* By what was seen, the latest time at which it has to have failed. */
static uint64_t deadline_of(const sim_part *part)
{
  const sim_job *job = part->job;
  const sim_carry *carry = part->carry;
  const sim_site *sites = job->run->sites, *site;
  uint64_t deadline = SIM_NEVER, other;
  size_t i;

  /* With one endpoint's timeouts for all it would be exact; the largest is on the safe side. */
  for (i = 0; i < job->run->site_count; i++) {
    other = sim_deadline_after(job->sent_us, job->timeouts.request_timeout_ms,
                               sites[i].options.request_timeout_ms);
    if (i == 0 || other > deadline)
      deadline = other;
  }
  if (carry == NULL || carry->conn->fd < 0 || carry->conn->carry != carry || part->was_paused ||
      (carry->question.received == 0 && !carry->is_reused))
    return deadline;
  site = site_of(job->run, carry->conn->listener);
  if (site == NULL)
    return deadline;
  other = sim_deadline_after(carry->active_us, job->timeouts.read_write_timeout_ms,
                             site->options.read_write_timeout_ms);
  deadline = other < deadline ? other : deadline;
  if (carry->answered_us == SIM_NEVER) {
    other = sim_deadline_after(carry->sent_us, job->timeouts.first_byte_timeout_ms,
                               site->options.first_byte_timeout_ms);
    deadline = other < deadline ? other : deadline;
  }
  return deadline;
}

/* Taken without a callback that would have told us. */
static void sweep(sim_part *part, int handled)
{
  const sim_hook *hooks = part->job->hooks;

  if (!handled || (hooks[SIM_HOOK_RESPONSE].made && hooks[SIM_HOOK_FAILURE].made))
    sim_fail(&part->job->run->world, "the result of request %u is lost", part->job->token);
  sim_part_taken(part);
}

static size_t check_parts(sim_user *user)
{
  size_t pending = 0;
  fcgip_request_id id;

  for (id = user->first_unread; id <= user->last_id; id++) {
    sim_part *part = sim_part_of(user, id);

    if (part == NULL || part->results > 0) {
      user->first_unread += id == user->first_unread;
      continue;
    }
    switch (sim_inside_fate(user, id)) {
    case SIM_UNKNOWN:
      sweep(part, user->handles);
      continue;
    case SIM_DONE:
      continue;
    case SIM_PENDING:
      pending++;
      break;
    }
    check_deadline(user, part, deadline_of(part));
  }
  return pending;
}

/* I9 */
static void check_memory(sim_user *user)
{
  sim_run *run = user->run;
  size_t bound = ENGINE_BYTES * run->user_count, i;

  for (i = 0; i < run->part_count; i++) {
    const sim_part *part = run->parts[i];
    size_t limit = 2 * (size_t)run->largest_body;

    if (part->results > 0 && run->kept_count == 0)
      continue;
    if (part->carry != NULL && 2 * part->carry->answer.output.len < limit)
      limit = 2 * part->carry->answer.output.len;
    bound += PART_BYTES + limit + part->job->content_len;
  }
  for (i = 0; i < run->job_count; i++)
    if (run->jobs[i]->request != NULL)
      bound += REQUEST_BYTES + run->jobs[i]->content_len;
  if (run->memory.peak_bytes > (bound > run->bound ? bound : run->bound))
    sim_fail(&run->world, "%zu bytes were allocated, at most %zu are all right",
             run->memory.peak_bytes, bound > run->bound ? bound : run->bound);
  run->memory.peak_bytes = run->memory.live_bytes;
  run->bound = bound;
}

void sim_check_rest(sim_user *user)
{
  sim_world *world = &user->run->world;
  size_t pending = check_parts(user), told;
  int unhandled;

  told = user->is_cluster ? fcgip_cluster_proxy_pending(user->cluster)
                          : fcgip_proxy_pending(user->proxy);
  unhandled = user->is_cluster ? fcgip_cluster_proxy_has_unhandled_responses(user->cluster)
                               : fcgip_proxy_has_unhandled_responses(user->proxy);
  if (told != pending)
    sim_fail(world, "%zu requests are pending, not %zu", told, pending);
  if (unhandled != (user->unread > 0))
    sim_fail(world, "has_unhandled_responses() says %d with %zu", unhandled, user->unread);
  if (check_fds(user) != user->client.open)
    sim_fail(world, "descriptors are counted wrong");
  check_watched(user);
  check_sites(user, pending);
  check_memory(user);
  sim_inside_check(user);
}

static void check_job(sim_run *run, const sim_job *job)
{
  unsigned all = 0;
  size_t i;

  for (i = 0; i < SIM_HOOKS; i++)
    if (job->hooks[i].released != job->hooks[i].made)
      sim_fail(&run->world, "a release of request %u ran %u times", job->token,
               job->hooks[i].released);
  for (i = 0; i < run->site_count; i++) {
    all += job->runs[i];
    if (job->runs[i] > (job->is_retry_safe ? 2u : 1u))
      sim_fail(&run->world, "%s request %u was run %u times by server %zu", job->method, job->token,
               job->runs[i], i);
  }
  if (!job->user->is_cluster && !job->is_retry_safe && all > 1)
    sim_fail(&run->world, "%s request %u was run %u times", job->method, job->token, all);
  for (i = 0; i < job->part_count; i++) {
    if (job->parts[i]->results != 1 && !job->user->is_gone_early)
      sim_fail(&run->world, "request %u has %u results", job->token, job->parts[i]->results);
    if (job->parts[i]->says_retry_safe && !job->is_retry_safe && !job->user->is_cluster && all > 0)
      sim_fail(&run->world, "%s request %u says that it may be sent again, but it was run",
               job->method, job->token);
  }
}

void sim_check_end(sim_run *run)
{
  size_t i;

  for (i = 0; i < run->job_count; i++)
    check_job(run, run->jobs[i]);
  if (run->net.open > 0)
    sim_fail(&run->world, "%zu descriptors are left open", run->net.open);
  if (run->memory.live_blocks > 0 || run->memory.misuses > 0)
    sim_fail(&run->world, "%zu blocks of memory are left, %zu were misused",
             run->memory.live_blocks, run->memory.misuses);
}
