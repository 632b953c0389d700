/* Event loops of the user's own: pull and push, with everything that a bad one may do. */
#include <string.h>

#include "sim.h"

#define CAP 64

static size_t ask_fds(sim_user *user, struct pollfd *fds, size_t cap)
{
  return user->is_cluster ? fcgip_cluster_proxy_fds(user->cluster, fds, cap)
                          : fcgip_proxy_fds(user->proxy, fds, cap);
}

static int ask_timeout(sim_user *user)
{
  return user->is_cluster ? fcgip_cluster_proxy_timeout_ms(user->cluster)
                          : fcgip_proxy_timeout_ms(user->proxy);
}

/* 0: the proxy is gone. */
static int process(sim_user *user, int fd, short revents)
{
  int rc;

  sim_call_begin(user);
  rc = user->is_cluster ? fcgip_cluster_proxy_process_fd(user->cluster, fd, revents)
                        : fcgip_proxy_process_fd(user->proxy, fd, revents);
  if (rc != FCGIP_OK && rc != FCGIP_EREENTRANT)
    sim_fail(&user->run->world, "process_fd: %s", fcgip_errname(rc));
  return sim_call_end(user, rc, "process_fd");
}

static int process_timers(sim_user *user)
{
  int rc;

  sim_call_begin(user);
  user->timers_us = user->run->world.now_us;
  rc = user->is_cluster ? fcgip_cluster_proxy_process_timers(user->cluster)
                        : fcgip_proxy_process_timers(user->proxy);
  if (rc != FCGIP_OK && rc != FCGIP_EREENTRANT)
    sim_fail(&user->run->world, "process_timers: %s", fcgip_errname(rc));
  return sim_call_end(user, rc, "process_timers");
}

static size_t watched_fds(sim_user *user, struct pollfd *fds)
{
  const sim_net *net = &user->run->net;
  size_t count = 0;
  int fd;

  for (fd = net->first_fd; fd < net->top_fd && count < CAP; fd++) {
    if (net->watched[fd] == 0 || net->fds[fd]->client != &user->client)
      continue;
    fds[count].fd = fd;
    fds[count].events = net->watched[fd];
    fds[count++].revents = 0;
  }
  return count;
}

void sim_busy(sim_user *user, uint64_t us)
{
  const sim_net *net = &user->run->net;
  int fd;

  sim_pass(net->world, us);
  for (fd = net->first_fd; fd < net->top_fd; fd++)
    if (net->fds[fd] != NULL && net->fds[fd]->client == &user->client)
      net->fds[fd]->overlooked = net->fds[fd]->down.ready;
}

static int shorter(int a, int b)
{
  if (a < 0 || b < 0)
    return a < 0 ? b : a;
  return a < b ? a : b;
}

static void turn_with_fds(sim_user *user, struct pollfd *fds, size_t count)
{
  sim_world *world = &user->run->world;
  int wait_ms = shorter(ask_timeout(user), 1 + (int)sim_below(world, 200));
  size_t start = count > 0 ? (size_t)sim_below(world, count) : 0, i;

  sim_poll(&user->client, fds, count, wait_ms);
  if (sim_chance(world, 20) && !process(user, 400 + (int)sim_below(world, 200), POLLIN))
    return;
  for (i = 0; i < count; i++) {
    const struct pollfd *at = &fds[(start + i) % count];

    /* Nothing happened, and the descriptor may be another's by now: harmless. */
    if (at->revents == 0 && !sim_chance(world, 100))
      continue;
    if (sim_chance(world, 5)) /* with another of its handlers */
      sim_busy(user, sim_below(world, 300000));
    if (!process(user, at->fd, at->revents))
      return;
  }
  process_timers(user);
}

/* Was busy; and some loops do their timers first. 0: the proxy is gone. */
static int come_late(sim_user *user)
{
  sim_busy(user, sim_below(&user->run->world, 300000));
  return user->mode == SIM_POLLS || process_timers(user);
}

static void turn_by_poll(sim_user *user)
{
  sim_world *world = &user->run->world;
  int timeout_ms = (int)sim_below(world, 100), rc;
  uint64_t start = world->now_us;

  sim_call_begin(user);
  rc = user->is_cluster ? fcgip_cluster_proxy_poll(user->cluster, timeout_ms)
                        : fcgip_proxy_poll(user->proxy, timeout_ms);
  sim_note(world, "turn", user->number, timeout_ms, rc);
  if (rc != FCGIP_OK && rc != FCGIP_EAGAIN && rc != FCGIP_EREENTRANT)
    sim_fail(world, "poll: %s", fcgip_errname(rc));
  if (sim_call_end(user, rc, "poll") &&
      world->now_us - start > (uint64_t)(unsigned)timeout_ms * 1000u + SIM_SLACK_US + user->slow_us)
    sim_fail(world, "poll(%d ms) takes %llu us", timeout_ms,
             (unsigned long long)(world->now_us - start));
}

void sim_turn(sim_user *user)
{
  struct pollfd fds[CAP];
  size_t count;

  if (sim_chance(&user->run->world, 30) && !come_late(user))
    return;
  switch (user->mode) {
  case SIM_PULL:
    count = ask_fds(user, fds, CAP);
    if (count > CAP)
      sim_fatal(&user->run->world, "too many descriptors");
    turn_with_fds(user, fds, count);
    break;
  case SIM_PUSH:
    turn_with_fds(user, fds, watched_fds(user, fds));
    break;
  case SIM_POLLS:
    turn_by_poll(user);
    break;
  }
}
