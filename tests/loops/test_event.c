/* examples/loops/fcgiproxy_event.h */
#include <fcgiproxy_event.h>

#include "loops/cases.h"

static void *loop_new(void)
{
  return event_base_new();
}

static void *driver_new(void *loop)
{
  return fcgiproxy_event_new(loop);
}

static fcgiproxy_loop *inside(void *driver)
{
  return &((fcgiproxy_event *)driver)->loop;
}

static void update(void *driver)
{
  fcgiproxy_event_update(driver);
}

static void driver_free(void *driver)
{
  fcgiproxy_event_free(driver);
}

static void turn(void *loop, int ms)
{
  struct timeval end = {ms / 1000, ms % 1000 * 1000};

  event_base_loopexit(loop, &end);
  event_base_loop(loop, EVLOOP_ONCE);
}

static int loop_free(void *loop)
{
  int left;

  event_base_loop(loop, EVLOOP_NONBLOCK);
  left = event_base_get_num_events(loop, EVENT_BASE_COUNT_ADDED);
  event_base_free(loop);
  return left < 0 ? -1 : 0;
}

int main(void)
{
  static const loop_kind kind = {loop_new, driver_new,  inside, fcgiproxy_event_watch,
                                 update,   driver_free, turn,   loop_free};

  return run_loop_cases(&kind);
}
