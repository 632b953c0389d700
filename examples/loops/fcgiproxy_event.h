/* Drives a proxy, or a cluster proxy, by a libevent loop. Copy it with fcgiproxy_loop.h; libevent.c shows how. In
 * the proxy's options, watch_fn is fcgiproxy_event_watch and watch_data the driver, which then is told of the
 * proxy: driver->loop.proxy or driver->loop.cluster. Callbacks run from the loop, and may do anything. The
 * loop ends by itself when nothing is in flight. fcgiproxy_event_new() returns NULL without memory. */
#ifndef FCGIPROXY_EVENT_H
#define FCGIPROXY_EVENT_H

#include <event2/event.h>
#include <fcgiproxy_loop.h>

typedef struct fcgiproxy_event {
  fcgiproxy_loop loop;
  struct event_base *base;
  struct event *turn;
  int busy, freed; /* inside of the proxy; to be freed when it returns */
} fcgiproxy_event;

/* For after whatever was done to the proxy, such as sending, other than by its own callbacks. */
static inline void fcgiproxy_event_update(fcgiproxy_event *driver)
{
  event_active(driver->turn, EV_TIMEOUT, 0);
}

/* Frees the proxy too. */
static inline void fcgiproxy_event_free(fcgiproxy_event *driver)
{
  fcgiproxy_loop_close(&driver->loop);
  driver->freed = 1;
  if (driver->busy)
    return;
  event_free(driver->turn);
  free(driver->loop.slots);
  free(driver);
}

static inline void fcgiproxy_event_on_turn(evutil_socket_t fd, short what, void *data)
{
  fcgiproxy_event *driver = data;
  struct timeval due = {0, 0};
  int ms;

  (void)fd;
  (void)what;
  driver->busy = 1;
  if ((ms = fcgiproxy_loop_turn(&driver->loop)) >= 0) {
    due.tv_sec = ms / 1000;
    due.tv_usec = ms % 1000 * 1000;
    event_add(driver->turn, &due);
  }
  driver->busy = 0;
  if (driver->freed)
    fcgiproxy_event_free(driver);
}

/* Events are told at once; what comes of them waits until all were. */
static inline void fcgiproxy_event_on_fd(evutil_socket_t fd, short what, void *data)
{
  fcgiproxy_event *driver = data;

  fcgiproxy_event_update(driver);
  driver->busy = 1;
  fcgiproxy_loop_event(&driver->loop, fd,
                       (what & EV_READ ? POLLIN : 0) | (what & EV_WRITE ? POLLOUT : 0));
  driver->busy = 0;
  if (driver->freed)
    fcgiproxy_event_free(driver);
}

/* The watch_fn. Without memory for what is watched, the request ends by its deadline. */
static inline void fcgiproxy_event_watch(void *watch_data, int fd, short events)
{
  fcgiproxy_event *driver = watch_data;
  void **slot = fcgiproxy_loop_slot(&driver->loop, fd);
  short what = (short)((events & POLLIN ? EV_READ : 0) | (events & POLLOUT ? EV_WRITE : 0));

  if (slot != NULL && *slot != NULL) {
    event_free(*slot);
    *slot = NULL;
  }
  if (slot != NULL && events != 0)
    *slot = event_new(driver->base, fd, (short)(what | EV_PERSIST), fcgiproxy_event_on_fd, driver);
  if (slot != NULL && *slot != NULL)
    event_add(*slot, NULL);
}

static inline fcgiproxy_event *fcgiproxy_event_new(struct event_base *base)
{
  fcgiproxy_event *driver = calloc(1, sizeof(*driver));

  if (driver == NULL ||
      (driver->turn = evtimer_new(base, fcgiproxy_event_on_turn, driver)) == NULL) {
    free(driver);
    return NULL;
  }
  driver->base = base;
  return driver;
}

#endif
