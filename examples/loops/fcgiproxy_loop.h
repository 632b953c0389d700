/* What fcgiproxy_uv.h, fcgiproxy_event.h and fcgiproxy_glib.h have in common: a proxy or a cluster proxy,
 * and what an event loop does with it. To be copied along with them, or for an adapter to another loop. */
#ifndef FCGIPROXY_LOOP_H
#define FCGIPROXY_LOOP_H

#include <fcgiproxy/fcgiproxy.h>
#include <stdlib.h>
#include <string.h>

typedef struct fcgiproxy_loop {
  fcgip_proxy *proxy; /* one of these two */
  fcgip_cluster_proxy *cluster;
  void **slots; /* by descriptor: what the adapter keeps for it */
  size_t slot_count;
} fcgiproxy_loop;

/* The slot of a descriptor, at first NULL; no slot at all without memory. */
static inline void **fcgiproxy_loop_slot(fcgiproxy_loop *loop, int fd)
{
  size_t count = 2 * (size_t)fd + 16;
  void **slots;

  if ((size_t)fd >= loop->slot_count) {
    if ((slots = realloc(loop->slots, count * sizeof(*slots))) == NULL)
      return NULL;
    memset(slots + loop->slot_count, 0, (count - loop->slot_count) * sizeof(*slots));
    loop->slots = slots;
    loop->slot_count = count;
  }
  return &loop->slots[fd];
}

/* Tells of an event. Of the callbacks, only pass-through ones run here. */
static inline void fcgiproxy_loop_event(fcgiproxy_loop *loop, int fd, int revents)
{
  if (loop->proxy != NULL)
    fcgip_proxy_process_fd(loop->proxy, fd, (short)revents);
  if (loop->cluster != NULL)
    fcgip_cluster_proxy_process_fd(loop->cluster, fd, (short)revents);
}

/* Does what is due, calls the callbacks of what is done, and says in how many milliseconds to come again
 * though nothing happens; -1: not at all. To be called once, after all events of a turn of the loop. */
static inline int fcgiproxy_loop_turn(fcgiproxy_loop *loop)
{
  int handled = 0;

  if (loop->proxy != NULL && fcgip_proxy_process_timers(loop->proxy) == FCGIP_OK)
    handled = fcgip_proxy_handle_ready_responses(loop->proxy, 0);
  if (loop->cluster != NULL && fcgip_cluster_proxy_process_timers(loop->cluster) == FCGIP_OK)
    handled = fcgip_cluster_proxy_handle_ready_responses(loop->cluster, 0);
  /* Callbacks may have freed the proxy, or left more to do. */
  if (loop->proxy != NULL)
    return handled > 0 ? 0 : fcgip_proxy_timeout_ms(loop->proxy);
  if (loop->cluster != NULL)
    return handled > 0 ? 0 : fcgip_cluster_proxy_timeout_ms(loop->cluster);
  return -1;
}

/* Frees the proxy, upon which every descriptor is forgotten. `slots` stay, as callbacks may free it. */
static inline void fcgiproxy_loop_close(fcgiproxy_loop *loop)
{
  fcgip_proxy *proxy = loop->proxy;
  fcgip_cluster_proxy *cluster = loop->cluster;

  loop->proxy = NULL;
  loop->cluster = NULL;
  fcgip_proxy_free(proxy);
  fcgip_cluster_proxy_free(cluster);
}

#endif
