/* Servers, endpoints, collections, proxies: all of it by chance, and all of it taken down in any order. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collection/endpoint.h"
#include "proxy/proxy.h"
#include "sim.h"
#include "sim_inside.h"

#define NEVER_LIMIT UINT32_MAX
#define LOOK_HOLDS_US 6000u

static void some_link(sim_run *run, sim_link *link)
{
  sim_world *world = &run->world;

  memset(link, 0, sizeof(*link));
  link->connect_us = 1 + (uint32_t)sim_below(world, sim_chance(world, 100) ? 300000 : 800);
  if (sim_chance(world, 600))
    link->latency_us = (uint32_t)sim_below(world, 300);
  if (sim_chance(world, 300))
    link->jitter_us = 1 + (uint32_t)sim_below(world, 3000);
  if (sim_chance(world, 250))
    link->piece = 1 + (uint32_t)sim_below(world, sim_chance(world, 300) ? 3 : 500);
  if (sim_chance(world, 80)) {
    link->stall_per_mille = 50;
    link->stall_us = (uint32_t)sim_below(world, 500000);
  }
  link->up_cap = sim_chance(world, 150) ? 1 + (size_t)sim_below(world, 300)
                                        : 2048 + (size_t)sim_below(world, 65536);
  link->down_cap = sim_chance(world, 150) ? 1 + (size_t)sim_below(world, 300)
                                          : 2048 + (size_t)sim_below(world, 65536);
  link->connects_at_once = sim_chance(world, 100);
  if (link->up_cap < run->smallest_cap)
    run->smallest_cap = link->up_cap;
  if (link->down_cap < run->smallest_cap)
    run->smallest_cap = link->down_cap;
}

static void some_nature(sim_run *run, sim_site *site)
{
  sim_world *world = &run->world;
  sim_server *server = &site->server;
  unsigned which = (unsigned)sim_below(world, 100);

  site->nature = which < 70 ? SIM_HONEST : which < 92 ? SIM_HOSTILE : SIM_ABSENT;
  sim_server_init(server, site->listener,
                  site->nature == SIM_HOSTILE ? 16 : 1 + (size_t)sim_below(world, 5));
  server->server_data = site;
  server->on_params = site->nature == SIM_HOSTILE ? sim_hostile_params : sim_honest_params;
  server->on_accept = site->nature == SIM_HOSTILE ? sim_hostile_accept : NULL;
  server->on_run = sim_site_runs;
  server->accept_us = (uint32_t)sim_below(world, 100);
  if (sim_chance(world, 200))
    server->max_requests = 1 + (unsigned)sim_below(world, 4);
  if (sim_chance(world, 50)) {
    server->read_most = 1 + (size_t)sim_below(world, 3000);
    server->read_us = 1 + (uint32_t)sim_below(world, 5000);
  }
  site->listener->backlog = sim_chance(world, 300) ? (size_t)sim_below(world, 4) : 128;
  if (site->nature == SIM_ABSENT)
    sim_server_listen(server, (enum sim_listening)(1 + sim_below(world, 4)), EHOSTUNREACH);
}

/* With limits small and large, and what is not said filled in, for the judge. */
static void some_limits(sim_world *world, fcgip_endpoint_options *o)
{
  static const uint32_t most[] = {1, 1, 2, 3, 5, 128};

  o->max_connections = most[sim_below(world, sizeof(most) / sizeof(most[0]))];
  o->max_queued = sim_chance(world, 150) ? 1 + (uint32_t)sim_below(world, 4) : NEVER_LIMIT;
  if (sim_chance(world, 550)) {
    o->max_idle_connections = 1 + (uint32_t)sim_below(world, 3);
    o->idle_timeout_ms = 1 + (uint32_t)sim_below(world, 1500);
  } else {
    o->idle_timeout_ms = 1000;
  }
  o->max_requests_per_connection =
      sim_chance(world, 150) ? 1 + (uint32_t)sim_below(world, 4) : NEVER_LIMIT;
  o->max_header_bytes = sim_chance(world, 100) ? 20 + (uint32_t)sim_below(world, 1000) : 65536;
  o->max_headers = sim_chance(world, 100) ? 1 + (uint32_t)sim_below(world, 12) : 256;
  o->max_stderr_bytes = sim_chance(world, 200) ? 1 + (uint32_t)sim_below(world, 100) : 1048576;
  o->max_body_bytes = sim_chance(world, 150) ? 1 + sim_below(world, 3000) : UINT64_C(1) << 20;
}

static void some_options(sim_run *run, fcgip_endpoint_options *o)
{
  sim_world *world = &run->world;

  memset(o, 0, sizeof(*o));
  o->struct_size = sizeof(*o);
  o->allocator = &run->memory.hook;
  o->connect_timeout_ms = sim_chance(world, 400) ? 1 + (uint32_t)sim_below(world, 500) : 5000;
  o->read_write_timeout_ms = sim_chance(world, 400) ? 20 + (uint32_t)sim_below(world, 500) : 5000;
  o->first_byte_timeout_ms =
      sim_chance(world, 150) ? 1 + (uint32_t)sim_below(world, 400) : NEVER_LIMIT;
  o->request_timeout_ms =
      sim_chance(world, 200) ? 1 + (uint32_t)sim_below(world, 1000) : NEVER_LIMIT;
  some_limits(world, o);
  if (o->max_body_bytes > run->largest_body)
    run->largest_body = o->max_body_bytes;
}

static int resolve(void *context, const char *host, uint16_t port, fcgip__address_list *list)
{
  sim_run *run = context;
  const sim_site *site = &run->sites[(unsigned)(host[1] - '0') % SIM_SERVERS];
  size_t i;
  int rc = FCGIP_OK;

  (void)port;
  if (site->is_unresolved)
    return FCGIP_ERESOLVE;
  for (i = 0; i < 2 && rc == FCGIP_OK; i++)
    if (site->others[i] != NULL)
      rc = fcgip__address_add_raw(list, &site->others[i]->address, sizeof(struct sockaddr_in));
  if (rc == FCGIP_OK)
    rc = fcgip__address_add_raw(list, &site->listener->address, sizeof(struct sockaddr_in));
  return rc;
}

static int make_endpoint(sim_run *run, sim_site *site, unsigned number)
{
  fcgip_endpoint_options options = site->options;
  char place[40];

  options.max_connections += run->world.plant == SIM_CROWDED;
  options.max_body_bytes += run->world.plant == SIM_FAT ? 100 : 0;

  if (site->is_unix) {
    snprintf(place, sizeof(place), "/run/%u.sock", number);
    return fcgip_endpoint_new_unix(&site->endpoint, place, &options);
  }
  if (site->has_name)
    snprintf(place, sizeof(place), "h%u.example", number);
  else
    snprintf(place, sizeof(place), "%s.0.0.%u", site->is_loopback ? "127" : "10", number);
  return fcgip__endpoint_new_tcp(&site->endpoint, place, 9000, &options, &run->users[0].client.sys);
}

static void make_site(sim_run *run, unsigned number)
{
  sim_site *site = &run->sites[number];
  sim_world *world = &run->world;
  char place[40];
  size_t i;

  memset(site, 0, sizeof(*site));
  site->run = run;
  site->is_unix = sim_chance(world, 550);
  site->has_name = !site->is_unix && sim_chance(world, 300);
  site->is_unresolved = site->has_name && sim_chance(world, 100);
  site->is_loopback = !site->is_unix && !site->has_name && sim_chance(world, 400);
  if (site->is_unix)
    snprintf(place, sizeof(place), "/run/%u.sock", number);
  else
    snprintf(place, sizeof(place), "%s.0.0.%u", site->is_loopback ? "127" : "10", number);
  site->listener =
      site->is_unix ? sim_listen_unix(&run->net, place) : sim_listen_tcp(&run->net, place, 9000);
  some_link(run, &site->listener->link);
  if (site->is_loopback) {
    site->listener->link.connect_us = 0;
    site->listener->link.seems_connected = 1;
  }
  some_nature(run, site);
  for (i = 0; i < 2 && site->has_name; i++) {
    if (!sim_chance(world, 500))
      continue;
    snprintf(place, sizeof(place), "10.0.%zu.%u", i + 1, number);
    site->others[i] = sim_listen_tcp(&run->net, place, 9000);
    site->others[i]->state = sim_chance(world, 500) ? SIM_REFUSES : SIM_SILENT;
  }
  some_options(run, &site->options);
  if (make_endpoint(run, site, number) < 0)
    sim_fail(world, "endpoint %u cannot be made", number);
}

static int pick(const fcgip_collection *collection, const fcgip_request *request, size_t *index,
                void *context)
{
  sim_run *run = context;

  (void)request;
  *index = (size_t)sim_below(&run->world, fcgip_collection_count(collection));
  return FCGIP_OK;
}

static void make_collections(sim_run *run)
{
  const fcgip_endpoint *endpoints[SIM_SERVERS];
  size_t i, count = run->site_count;
  int rc;

  for (i = 0; i < count; i++)
    endpoints[i] = run->sites[i].endpoint;
  switch (sim_below(&run->world, 3)) {
  case 0:
    rc = fcgip_random_new_seeded(&run->collection, endpoints, count, run->world.seed);
    break;
  case 1:
    rc = fcgip_round_robin_new(&run->collection, endpoints, count);
    break;
  default:
    rc = fcgip_custom_new(&run->collection, endpoints, count, pick, run, NULL);
    break;
  }
  if (rc == FCGIP_OK)
    rc = fcgip_cluster_new(&run->cluster, endpoints, count);
  if (rc < 0)
    sim_fail(&run->world, "no collection");
}

static uint64_t own_clock(void *context)
{
  sim_user *user = context;

  sim_tick(&user->run->world);
  return user->run->world.now_us / 1000u;
}

static void make_user(sim_run *run, unsigned number)
{
  sim_user *user = &run->users[number];
  sim_world *world = &run->world;
  fcgip_proxy_options options = {.struct_size = sizeof(options), .allocator = &run->memory.hook};
  int rc;

  user->mode = (enum sim_mode)sim_below(world, SIM_POLLS + 1);
  user->is_cluster = sim_chance(world, 250);
  user->fails_over = !user->is_cluster && sim_chance(world, 300);
  user->has_own_clock = sim_chance(world, 100);
  user->first_unread = 1;
  options.flags = user->fails_over ? (uint32_t)FCGIP_PROXY_FAILOVER : 0;
  if (user->mode == SIM_PUSH) {
    options.watch_fn = sim_client_watch;
    options.watch_data = &user->client;
  }
  if (user->has_own_clock) {
    options.now_ms_fn = own_clock;
    options.now_ms_data = user;
  }
  if (user->is_cluster)
    rc = fcgip__cluster_proxy_new(&user->cluster, run->cluster, &options, &user->client.sys);
  else
    rc = fcgip__proxy_new(&user->proxy, run->collection, &options, &user->client.sys);
  if (rc < 0)
    sim_fatal(world, "no proxy");
  sim_inside_seed(user, world->seed + number);
}

/* KAL-03: whether the server has ended a kept connection is looked at before it is used again, and not long before. */
static void check_look(const sim_user *user, const sim_conn *conn)
{
  sim_run *run = user->run;

  /* A content source that takes its time does so between the look and the send. */
  if (run->net.judge == NULL && user->slow_us == 0 && conn->ended_us < run->world.now_us &&
      run->world.now_us - conn->ended_us > LOOK_HOLDS_US)
    sim_fail(&run->world, "connection %u is used again %llu us after the server had ended it",
             conn->number, (unsigned long long)(run->world.now_us - conn->ended_us));
}

/* Fairness: a kept connection goes to who came first, be he in the queue or waiting for a new one. */
static void check_turn(sim_user *user, const sim_part *served)
{
  size_t site = sim_inside_site(user, served->id);
  fcgip_request_id id;

  for (id = user->first_unread; id < served->id && !user->fails_over; id++) {
    const sim_part *part = sim_part_of(user, id);

    if (part != NULL && part->results == 0 && part->carries == 0 &&
        sim_inside_fate(user, id) == SIM_PENDING && sim_inside_site(user, id) == site)
      sim_fail(&user->run->world, "request %u is given a kept connection before request %u",
               served->job->token, part->job->token);
  }
}

static const sim_site *site_at(const sim_run *run, const sim_listener *listener)
{
  size_t i;

  for (i = 0; i < run->site_count && listener != NULL; i++)
    if (run->sites[i].listener == listener || run->sites[i].others[0] == listener ||
        run->sites[i].others[1] == listener)
      return &run->sites[i];
  return NULL;
}

/* What is out of time is not begun. */
static void check_time(const sim_user *user, const sim_job *job, const sim_carry *carry)
{
  const sim_site *site = site_at(user->run, carry->conn->listener);
  uint64_t deadline_us =
      sim_deadline_after(job->sent_us, job->timeouts.request_timeout_ms,
                         site != NULL ? site->options.request_timeout_ms : UINT32_MAX);
  uint64_t now = user->run->world.now_us, slack = SIM_SLACK_US + user->slow_us;

  if (deadline_us != SIM_NEVER && now > deadline_us + slack)
    sim_fail(&user->run->world, "request %u is begun %llu us after its time", job->token,
             (unsigned long long)(now - deadline_us));
}

static void on_carry(void *context, sim_carry *carry)
{
  sim_run *run = context;
  sim_user *user = &run->users[carry->client->number];
  sim_part *part = sim_part_of(user, sim_inside_id_of(user, carry->conn->fd));

  if (part == NULL || part->results > 0) {
    sim_fail(&run->world, "connection %u carries nothing that waits for a result",
             carry->conn->number);
    return;
  }
  sim_note(&run->world, "carries", carry->conn->number, part->job->token, carry->is_reused);
  /* KAL-04: what is not safe goes out again only where not one byte was taken, or all was refused, or came back to us
   * as nobody listened. */
  if (part->carry != NULL && part->carry->question.received > 0 && !part->job->is_retry_safe &&
      !part->carry->conn->is_self &&
      !(part->carry->answer.has_ended && part->carry->answer.protocol_status == 2))
    sim_fail(&run->world, "%s request %u is sent twice", part->job->method, part->job->token);
  check_time(user, part->job, carry);
  part->carry = carry;
  part->carries++;
  if (!carry->is_reused)
    return;
  check_turn(user, part);
  check_look(user, carry->conn);
}

static void on_token(void *context, sim_carry *carry)
{
  sim_run *run = context;
  const sim_user *user = &run->users[carry->client->number];
  sim_job *job = sim_job_of(run, carry->question.token);
  size_t i;

  if (job == NULL || job->user != user) {
    sim_fail(&run->world, "a request is sent that nobody made, or by the wrong proxy");
    return;
  }
  for (i = 0; i < job->part_count; i++)
    if (job->parts[i]->carry == carry)
      return;
  sim_fail(&run->world, "request %u is sent in the place of another", job->token);
}

/* The limit of connections holds at every step, not only between two calls. */
static void on_connect(void *context, sim_conn *conn)
{
  sim_run *run = context;
  const sim_net *net = &run->net;
  const sim_site *site = site_at(run, conn->listener);
  size_t open = 0;
  int fd;

  if (site == NULL)
    return;
  for (fd = net->first_fd; fd < net->top_fd; fd++)
    open += net->fds[fd] != NULL && net->fds[fd]->client == conn->client &&
            site_at(run, net->fds[fd]->listener) == site;
  if (open > site->options.max_connections)
    sim_fail(&run->world, "%zu sockets for endpoint %zu, of %u", open, (size_t)(site - run->sites),
             site->options.max_connections);
}

void sim_setup(sim_run *run)
{
  sim_world *world = &run->world;
  unsigned i;

  run->net.resolve = resolve;
  run->net.resolve_data = run;
  run->net.on_carry = on_carry;
  run->net.on_token = on_token;
  run->net.on_connect = on_connect;
  run->net.carry_data = run;
  run->net.first_fd = sim_chance(world, 100) ? 0 : 3;
  run->has_pauses = sim_chance(world, 150);
  run->mischief = sim_chance(world, 500) ? (unsigned)sim_below(world, 300) : 0;
  run->largest_body = 0;
  run->smallest_cap = SIZE_MAX / 1000;
  run->user_count = sim_chance(world, 300) ? 2 : 1;
  run->site_count = 1 + (size_t)sim_below(world, 4);
  for (i = 0; i < run->user_count; i++) {
    memset(&run->users[i], 0, sizeof(run->users[i]));
    run->users[i].run = run;
    run->users[i].number = i;
    sim_client_init(&run->users[i].client, &run->net, i);
  }
  for (i = 0; i < run->site_count; i++)
    make_site(run, i);
  make_collections(run);
  for (i = 0; i < run->user_count; i++)
    make_user(run, i);
  sim_weather_start(run);
}

static void free_requests(sim_run *run)
{
  size_t i;

  for (i = 0; i < run->job_count; i++)
    sim_job_release(run->jobs[i]);
}

static void free_configuration(sim_run *run)
{
  size_t i;

  fcgip_collection_free(run->collection);
  fcgip_collection_free(run->cluster);
  run->collection = run->cluster = NULL;
  for (i = 0; i < run->site_count; i++) {
    fcgip_endpoint_free(run->sites[i].endpoint);
    run->sites[i].endpoint = NULL;
  }
}

static void free_proxies(sim_run *run)
{
  size_t i;

  for (i = 0; i < run->user_count; i++)
    sim_user_free_proxy(&run->users[i]);
}

void sim_teardown(sim_run *run)
{
  void (*const order[3])(sim_run *) = {free_requests, free_configuration, free_proxies};
  size_t start = (size_t)sim_below(&run->world, 3), i;

  for (i = 0; i < 3; i++)
    order[(start + i) % 3](run);
  while (run->kept_count > 0)
    fcgip_response_free(run->kept[--run->kept_count]);
}
