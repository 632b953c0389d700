/* What the system does to calls, and what happens to servers. */
#include <errno.h>
#include <string.h>

#include "sim.h"

#define ONE_OF(world, array) ((array)[sim_below(world, sizeof(array) / sizeof((array)[0]))])

static const int socket_errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT};
static const int connect_errors[] = {EISCONN,   EADDRNOTAVAIL, ENETUNREACH, EHOSTUNREACH, ENETDOWN,
                                     ETIMEDOUT, EPERM,         EADDRINUSE,  ECONNREFUSED};
static const int transfer_errors[] = {ECONNRESET, EPIPE, ETIMEDOUT, EBADF, ENOTCONN, EIO};

/* Nothing that a caller could not get over. */
static void disturb(sim_world *world, enum sim_call call, sim_verdict *verdict)
{
  static const int hiccups[] = {EINTR, EAGAIN, ENOBUFS, ENOMEM};
  static const short events[] = {POLLIN, POLLOUT, POLLHUP, POLLERR, POLLIN | POLLOUT | POLLHUP};

  switch (call) {
  case SIM_CONNECT:
    verdict->error = EINTR;
    break;
  case SIM_SEND:
  case SIM_RECV:
    if (sim_chance(world, 600))
      verdict->most = 1 + (size_t)sim_below(world, 40);
    else
      verdict->error = ONE_OF(world, hiccups);
    break;
  case SIM_PEEK:
  case SIM_CLOSE:
    verdict->error = EINTR;
    break;
  case SIM_POLL:
    if (sim_chance(world, 300))
      verdict->error = EINTR;
    else if (sim_chance(world, 300))
      verdict->is_early = 1;
    else if (sim_chance(world, 500))
      verdict->added = ONE_OF(world, events);
    else
      verdict->is_missed = 1;
    break;
  case SIM_SOCKET:
  case SIM_UNACCEPTED:
  case SIM_SOCKET_ERROR:
  case SIM_SELF_CONNECTED:
  case SIM_NOW:
  case SIM_RESOLVE:
  case SIM_CALLS:
    break;
  }
}

static void break_call(sim_world *world, enum sim_call call, sim_verdict *verdict)
{
  switch (call) {
  case SIM_SOCKET:
    verdict->error = ONE_OF(world, socket_errors);
    break;
  case SIM_CONNECT:
    verdict->error = ONE_OF(world, connect_errors);
    break;
  case SIM_SEND:
  case SIM_RECV:
  case SIM_PEEK:
    verdict->error = ONE_OF(world, transfer_errors);
    break;
  case SIM_CLOSE:
    verdict->error = EIO;
    break;
  case SIM_POLL:
    verdict->error = ENOMEM;
    break;
  case SIM_UNACCEPTED:
  case SIM_SOCKET_ERROR:
  case SIM_SELF_CONNECTED:
    verdict->error = ENOTCONN;
    break;
  case SIM_NOW:
  case SIM_RESOLVE:
  case SIM_CALLS:
    break;
  }
}

static void judge(void *context, sim_client *client, enum sim_call call, int fd,
                  sim_verdict *verdict)
{
  sim_run *run = context;
  sim_world *world = &run->world;
  uint64_t dice = sim_below(world, 10000);

  (void)client;
  (void)fd;
  if (dice < run->failures)
    break_call(world, call, verdict);
  else if (dice < run->failures + run->noise * 10u)
    disturb(world, call, verdict);
}

static void back_to_normal(void *context, uint64_t what)
{
  sim_site *site = context;

  if (what == 0)
    sim_server_stop(&site->server, 0);
  else
    sim_server_listen(&site->server, SIM_LISTENS, 0);
}

static void strike(void *context, uint64_t argument)
{
  sim_site *site = context;
  sim_server *server = &site->server;
  sim_world *world = &site->run->world;
  uint64_t what = sim_below(world, 8);

  (void)argument;
  sim_note(world, "weather", server->number, (int64_t)what, 0);
  switch (what) {
  case 0:
  case 1:
    sim_server_kill(server, (size_t)sim_below(world, server->worker_count));
    break;
  case 2:
    sim_server_reload(server, 0);
    break;
  case 3:
    sim_server_reload(server, 1);
    break;
  case 4:
    sim_server_drop_idle(server);
    break;
  case 5:
    sim_server_stop(server, 1);
    sim_after(world, sim_below(world, 800000), back_to_normal, site, 0);
    break;
  default:
    sim_server_listen(server, what == 6 ? SIM_REFUSES : SIM_SILENT, 0);
    sim_after(world, sim_below(world, 500000), back_to_normal, site, 1);
    break;
  }
}

void sim_weather_start(sim_run *run)
{
  sim_world *world = &run->world;
  size_t strikes = sim_chance(world, 400) ? (size_t)sim_below(world, 7) : 0;

  run->noise = sim_chance(world, 350) ? 1 + (unsigned)sim_below(world, 120) : 0;
  run->failures = sim_chance(world, 150) ? 1 + (unsigned)sim_below(world, 300) : 0;
  if (run->noise > 0 || run->failures > 0) {
    run->net.judge = judge;
    run->net.judge_data = run;
  }
  if (sim_chance(world, 30))
    run->net.max_open = 1 + (size_t)sim_below(world, 4);
  while (strikes-- > 0) {
    sim_site *site = &run->sites[sim_below(world, run->site_count)];

    if (site->nature != SIM_ABSENT)
      sim_after(world, sim_below(world, sim_chance(world, 500) ? 20000 : 1500000), strike, site, 0);
  }
}
