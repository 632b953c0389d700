/* examples/loops/fcgiproxy_uv.h */
#include <fcgiproxy_uv.h>

#include "loops/cases.h"

static void *loop_new(void)
{
  uv_loop_t *loop = malloc(sizeof(*loop));

  if (loop != NULL && uv_loop_init(loop) < 0) {
    free(loop);
    return NULL;
  }
  return loop;
}

static void *driver_new(void *loop)
{
  return fcgiproxy_uv_new(loop);
}

static fcgiproxy_loop *inside(void *driver)
{
  return &((fcgiproxy_uv *)driver)->loop;
}

static void update(void *driver)
{
  fcgiproxy_uv_update(driver);
}

static void driver_free(void *driver)
{
  fcgiproxy_uv_free(driver);
}

static void do_nothing(uv_timer_t *timer)
{
  (void)timer;
}

static void turn(void *loop, int ms)
{
  uv_timer_t end;

  uv_update_time(loop);
  uv_timer_init(loop, &end);
  uv_timer_start(&end, do_nothing, (uint64_t)ms, 0);
  uv_run(loop, UV_RUN_ONCE);
  uv_timer_stop(&end);
  uv_close((uv_handle_t *)&end, NULL);
  uv_run(loop, UV_RUN_NOWAIT); /* the handle must not outlive us */
}

static int loop_free(void *loop)
{
  int rc;

  uv_run(loop, UV_RUN_DEFAULT);
  rc = uv_loop_close(loop);
  free(loop);
  return rc;
}

int main(void)
{
  static const loop_kind kind = {loop_new, driver_new,  inside, fcgiproxy_uv_watch,
                                 update,   driver_free, turn,   loop_free};

  return run_loop_cases(&kind);
}
