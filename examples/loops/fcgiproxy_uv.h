/* Drives a proxy, or a cluster proxy, by a libuv loop. Copy it with fcgiproxy_loop.h; libuv.c shows how. In
 * the proxy's options, watch_fn is fcgiproxy_uv_watch and watch_data the driver, which then is told of the
 * proxy: driver->loop.proxy or driver->loop.cluster. Callbacks run from the loop, and may do anything. The
 * loop ends by itself when nothing is in flight. fcgiproxy_uv_new() returns NULL without memory. */
#ifndef FCGIPROXY_UV_H
#define FCGIPROXY_UV_H

#include <fcgiproxy_loop.h>
#include <uv.h>

typedef struct fcgiproxy_uv {
  uv_timer_t timer; /* first, so that its address is the driver's */
  fcgiproxy_loop loop;
} fcgiproxy_uv;

typedef struct fcgiproxy_uv_fd {
  uv_poll_t poll; /* first, too */
  fcgiproxy_uv *driver;
  int fd, events;
} fcgiproxy_uv_fd;

static inline void fcgiproxy_uv_turn(uv_timer_t *timer)
{
  int ms = fcgiproxy_loop_turn(&((fcgiproxy_uv *)timer)->loop);

  if (ms >= 0)
    uv_timer_start(timer, fcgiproxy_uv_turn, (uint64_t)ms, 0);
}

/* For after whatever was done to the proxy, such as sending, other than by its own callbacks. */
static inline void fcgiproxy_uv_update(fcgiproxy_uv *driver)
{
  uv_timer_start(&driver->timer, fcgiproxy_uv_turn, 0, 0);
}

static inline void fcgiproxy_uv_on_poll(uv_poll_t *poll, int status, int events)
{
  fcgiproxy_uv_fd *watched = (fcgiproxy_uv_fd *)poll;
  int revents = (events & UV_READABLE ? POLLIN : 0) | (events & UV_WRITABLE ? POLLOUT : 0);

  if (status < 0) { /* an error of the socket, upon which libuv stops watching */
    revents = POLLERR;
    uv_poll_start(poll, watched->events, fcgiproxy_uv_on_poll);
  }
  fcgiproxy_uv_update(watched->driver);
  fcgiproxy_loop_event(&watched->driver->loop, watched->fd, revents);
}

static inline void fcgiproxy_uv_on_closed(uv_handle_t *handle)
{
  if (uv_handle_get_type(handle) == UV_TIMER)
    free(((fcgiproxy_uv *)handle)->loop.slots);
  free(handle);
}

/* The watch_fn. Without memory for what is watched, the request ends by its deadline. */
static inline void fcgiproxy_uv_watch(void *watch_data, int fd, short events)
{
  fcgiproxy_uv *driver = watch_data;
  void **slot = fcgiproxy_loop_slot(&driver->loop, fd);
  fcgiproxy_uv_fd *watched = slot != NULL ? *slot : NULL;

  if (events == 0 && watched != NULL) {
    *slot = NULL;
    uv_close((uv_handle_t *)watched, fcgiproxy_uv_on_closed);
  }
  if (events == 0 || slot == NULL)
    return;
  if (watched == NULL) {
    if ((watched = calloc(1, sizeof(*watched))) == NULL ||
        uv_poll_init(driver->timer.loop, &watched->poll, fd) < 0) {
      free(watched);
      return;
    }
    watched->driver = driver;
    watched->fd = fd;
    *slot = watched;
  }
  watched->events = (events & POLLIN ? UV_READABLE : 0) | (events & POLLOUT ? UV_WRITABLE : 0);
  uv_poll_start(&watched->poll, watched->events, fcgiproxy_uv_on_poll);
}

static inline fcgiproxy_uv *fcgiproxy_uv_new(uv_loop_t *loop)
{
  fcgiproxy_uv *driver = calloc(1, sizeof(*driver));

  if (driver != NULL)
    uv_timer_init(loop, &driver->timer);
  return driver;
}

/* Frees the proxy too; its own memory goes when libuv has closed what was open, in the loop's next turn. */
static inline void fcgiproxy_uv_free(fcgiproxy_uv *driver)
{
  fcgiproxy_loop_close(&driver->loop);
  uv_close((uv_handle_t *)&driver->timer, fcgiproxy_uv_on_closed);
}

#endif
