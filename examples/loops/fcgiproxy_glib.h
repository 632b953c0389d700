/* Drives a proxy, or a cluster proxy, by a GLib main loop. Copy it with fcgiproxy_loop.h; glib.c shows how.
 * In the options of the proxy, watch_fn is fcgiproxy_glib_watch and watch_data the driver, which then is
 * told of the proxy: driver->loop.proxy or driver->loop.cluster. Callbacks run from the loop, and may do
 * what they like. */
#ifndef FCGIPROXY_GLIB_H
#define FCGIPROXY_GLIB_H

#include <fcgiproxy_loop.h>
#include <glib-unix.h>

typedef struct fcgiproxy_glib {
  GSource source; /* of the turns; first, so that its address is the driver's */
  fcgiproxy_loop loop;
} fcgiproxy_glib;

static inline gboolean fcgiproxy_glib_dispatch(GSource *source, GSourceFunc unused, gpointer data)
{
  int ms = fcgiproxy_loop_turn(&((fcgiproxy_glib *)source)->loop);

  (void)unused;
  (void)data;
  g_source_set_ready_time(source, ms < 0 ? -1 : g_get_monotonic_time() + (gint64)ms * 1000);
  return G_SOURCE_CONTINUE;
}

static inline void fcgiproxy_glib_finalize(GSource *source)
{
  free(((fcgiproxy_glib *)source)->loop.slots);
}

/* For after whatever was done to the proxy, such as sending, other than by its own callbacks. */
static inline void fcgiproxy_glib_update(fcgiproxy_glib *driver)
{
  g_source_set_ready_time(&driver->source, 0);
}

/* Events are told at once; what comes of them waits until all were. */
static inline gboolean fcgiproxy_glib_on_fd(gint fd, GIOCondition condition, gpointer data)
{
  fcgiproxy_glib *driver = data;

  g_source_ref(&driver->source); /* callbacks may free it */
  fcgiproxy_glib_update(driver);
  fcgiproxy_loop_event(&driver->loop, fd, (int)condition);
  g_source_unref(&driver->source);
  return G_SOURCE_CONTINUE;
}

/* The watch_fn. */
static inline void fcgiproxy_glib_watch(void *watch_data, int fd, short events)
{
  fcgiproxy_glib *driver = watch_data;
  void **slot = fcgiproxy_loop_slot(&driver->loop, fd);
  GSource *source;

  if (slot != NULL && *slot != NULL) {
    g_source_destroy(*slot);
    g_source_unref(*slot);
    *slot = NULL;
  }
  if (slot == NULL || events == 0)
    return;
  source = g_unix_fd_source_new(fd, (GIOCondition)events); /* the same bits as poll(2)'s */
  g_source_set_callback(source, G_SOURCE_FUNC(fcgiproxy_glib_on_fd), driver, NULL);
  g_source_attach(source, g_source_get_context(&driver->source));
  *slot = source;
}

/* `context` NULL: the default one. */
static inline fcgiproxy_glib *fcgiproxy_glib_new(GMainContext *context)
{
  static GSourceFuncs functions = {.dispatch = fcgiproxy_glib_dispatch,
                                   .finalize = fcgiproxy_glib_finalize};
  fcgiproxy_glib *driver = (fcgiproxy_glib *)g_source_new(&functions, sizeof(*driver));

  memset(&driver->loop, 0, sizeof(driver->loop));
  g_source_attach(&driver->source, context);
  return driver;
}

/* Frees the proxy too. */
static inline void fcgiproxy_glib_free(fcgiproxy_glib *driver)
{
  fcgiproxy_loop_close(&driver->loop);
  g_source_destroy(&driver->source);
  g_source_unref(&driver->source);
}

#endif
