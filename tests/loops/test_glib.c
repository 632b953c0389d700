/* examples/loops/fcgiproxy_glib.h */
#include <fcgiproxy_glib.h>

#include "loops/cases.h"

static void *loop_new(void)
{
  return g_main_context_new();
}

static void *driver_new(void *loop)
{
  return fcgiproxy_glib_new(loop);
}

static fcgiproxy_loop *inside(void *driver)
{
  return &((fcgiproxy_glib *)driver)->loop;
}

static void update(void *driver)
{
  fcgiproxy_glib_update(driver);
}

static void driver_free(void *driver)
{
  fcgiproxy_glib_free(driver);
}

static gboolean end_turn(gpointer data)
{
  (void)data;
  return G_SOURCE_REMOVE;
}

static void turn(void *loop, int ms)
{
  GSource *end = g_timeout_source_new((guint)ms);

  g_source_set_callback(end, end_turn, NULL, NULL);
  g_source_attach(end, loop);
  g_main_context_iteration(loop, TRUE);
  g_source_destroy(end);
  g_source_unref(end);
}

static int loop_free(void *loop)
{
  int left = g_main_context_pending(loop);

  g_main_context_unref(loop);
  return left ? -1 : 0;
}

int main(void)
{
  static const loop_kind kind = {loop_new, driver_new,  inside, fcgiproxy_glib_watch,
                                 update,   driver_free, turn,   loop_free};

  return run_loop_cases(&kind);
}
