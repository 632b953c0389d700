/* The clocks of the system, in the place of the C library's: in a simulated run nobody may ask them (FLO-09). */
#include "clocks.h"

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct {
  sim_world *world;
  int64_t shift_s; /* of all but the monotonic one */
  sim_clock_uses uses;
} clocks;

void sim_clocks_watch(sim_world *world)
{
  clocks.world = world;
}

void sim_clocks_shift(int64_t seconds)
{
  clocks.shift_s = seconds;
}

sim_clock_uses sim_clocks_used(void)
{
  sim_clock_uses uses = clocks.uses;

  clocks.uses = (sim_clock_uses){0, 0};
  return uses;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
  int rc = (int)syscall(SYS_clock_gettime, id, now);

  if (clocks.world != NULL)
    sim_fail(clocks.world, "a clock of the system was asked for the time");
  clocks.uses.monotonic += id == CLOCK_MONOTONIC;
  clocks.uses.others += id != CLOCK_MONOTONIC;
  if (rc == 0 && id != CLOCK_MONOTONIC)
    now->tv_sec += clocks.shift_s;
  return rc;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
  struct timespec ts;
  int rc = clock_gettime(CLOCK_REALTIME, &ts);

  (void)zone;
  now->tv_sec = ts.tv_sec;
  now->tv_usec = ts.tv_nsec / 1000;
  return rc;
}

time_t time(time_t *out)
{
  struct timespec ts = {0, 0};

  (void)clock_gettime(CLOCK_REALTIME, &ts);
  if (out != NULL)
    *out = ts.tv_sec;
  return ts.tv_sec;
}
