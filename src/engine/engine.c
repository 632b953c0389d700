/* Entering and leaving, polling, timers. */
#include "engine/engine.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "base/rare.h"
#include "engine/parts.h"
#include "fcgiproxy/error.h"

#define SPARE_MAX 1024u

static void init_lists(fcgip__engine *engine)
{
  fcgip__map_init(&engine->exchanges, &engine->mem);
  fcgip__map_init(&engine->connections, &engine->mem);
  fcgip__timers_init(&engine->deadlines, &engine->mem);
  fcgip__timers_init(&engine->idles, &engine->mem);
  fcgip__list_init(&engine->done);
  fcgip__list_init(&engine->hungry);
  fcgip__list_init(&engine->touched);
  fcgip__list_init(&engine->graveyard);
  fcgip__list_init(&engine->spare_exchanges);
  fcgip__list_init(&engine->spare_connections);
}

int fcgip__engine_new(fcgip__engine **out, const fcgip__mem *mem, const fcgip__sys *sys,
                      const fcgip_collection *collection, const fcgip_proxy_options *options)
{
  size_t count = fcgip_collection_count(collection), i;
  fcgip__engine *engine = fcgip__mem_alloc(mem, sizeof(*engine));

  if (engine == NULL)
    return FCGIP_ENOMEM;
  memset(engine, 0, offsetof(fcgip__engine, send_buffer));
  engine->mem = *mem;
  engine->sys = sys;
  engine->fails_over = (options->flags & FCGIP_PROXY_FAILOVER) != 0;
  engine->watch_fn = options->watch_fn;
  engine->watch_data = options->watch_data;
  engine->now_ms_fn = options->now_ms_fn;
  engine->now_ms_data = options->now_ms_data;
  init_lists(engine);
  fcgip__random_init(&engine->random, fcgip__random_seed(engine));
  engine->pools = fcgip__mem_calloc(mem, count, sizeof(*engine->pools));
  if (engine->pools == NULL || fcgip__timers_reserve(&engine->idles, count) < 0) {
    fcgip__mem_free(mem, engine->pools);
    fcgip__mem_free(mem, engine);
    return FCGIP_ENOMEM;
  }
  for (i = 0; i < count; i++)
    fcgip__pool_init(&engine->pools[i], engine, fcgip_collection_endpoint(collection, i));
  engine->pool_count = count;
  *out = engine;
  return FCGIP_OK;
}

static uint64_t clock_of_caller(const fcgip__engine *engine)
{
  uint64_t ms = engine->now_ms_fn(engine->now_ms_data);

  return ms < UINT64_MAX / 1000u ? ms * 1000u : UINT64_MAX - 1;
}

/* What the clock says, and never less than before. */
uint64_t fcgip__engine_clock_us(const fcgip__engine *engine)
{
  uint64_t now = engine->now_ms_fn != NULL ? clock_of_caller(engine)
                                           : engine->sys->now_us_fn(engine->sys->context);

  return now > engine->now_us ? now : engine->now_us;
}

void fcgip__engine_read_clock(fcgip__engine *engine)
{
  engine->now_us = fcgip__engine_clock_us(engine);
}

uint64_t fcgip__engine_now_us(const fcgip__engine *engine)
{
  return engine->now_us;
}

void fcgip__engine_enter(fcgip__engine *engine)
{
  engine->depth++;
  fcgip__engine_read_clock(engine);
}

int fcgip__engine_is_entered(const fcgip__engine *engine)
{
  return engine->depth > 0;
}

int fcgip__engine_is_watched(const fcgip__engine *engine)
{
  return engine->watch_fn != NULL;
}

FCGIP__APART static void feed_the_hungry(fcgip__engine *engine)
{
  fcgip__node *node;

  while (!engine->is_doomed && (node = fcgip__list_first(&engine->hungry)) != NULL) {
    fcgip__list_remove(node);
    fcgip__pool_dispatch(FCGIP__OWNER(node, fcgip__pool, hungry));
  }
}

/* Compares what each touched connection waits for with what was told. */
FCGIP__APART static void tell_the_watcher(fcgip__engine *engine)
{
  fcgip__node *node;

  while ((node = fcgip__list_first(&engine->touched)) != NULL) {
    fcgip__connection *connection = FCGIP__OWNER(node, fcgip__connection, touched);
    short wants = fcgip__connection_wants(connection);

    fcgip__list_remove(node);
    if (connection->fd >= 0 && wants != connection->watched) {
      connection->watched = wants;
      engine->watch_fn(engine->watch_data, connection->fd, wants);
    }
  }
}

FCGIP__APART static void bury_the_dead(fcgip__engine *engine)
{
  fcgip__node *node;

  while ((node = fcgip__list_first(&engine->graveyard)) != NULL) {
    fcgip__connection *connection = FCGIP__OWNER(node, fcgip__connection, node);

    fcgip__list_remove(node);
    if (engine->spare_connection_count >= SPARE_MAX) {
      fcgip__mem_free(&engine->mem, connection);
      continue;
    }
    fcgip__list_add_first(&engine->spare_connections, node);
    engine->spare_connection_count++;
  }
}

void fcgip__engine_settle(fcgip__engine *engine)
{
  if (engine->depth != 1 || engine->is_doomed)
    return;
  if (!fcgip__list_is_empty(&engine->hungry))
    feed_the_hungry(engine);
  if (engine->is_doomed) /* by a callback of what was just started */
    return;
  if (!fcgip__list_is_empty(&engine->touched))
    tell_the_watcher(engine);
  if (!fcgip__list_is_empty(&engine->graveyard))
    bury_the_dead(engine);
}

int fcgip__engine_leave(fcgip__engine *engine)
{
  fcgip__engine_settle(engine);
  engine->depth--;
  return engine->is_doomed && engine->depth == 0;
}

static void close_list(fcgip__list *list)
{
  fcgip__node *node;

  while ((node = fcgip__list_first(list)) != NULL)
    fcgip__connection_close(FCGIP__OWNER(node, fcgip__connection, node));
}

void fcgip__engine_doom(fcgip__engine *engine)
{
  size_t i;

  engine->is_doomed = 1;
  for (i = 0; i < engine->pool_count; i++) {
    close_list(&engine->pools[i].busy);
    close_list(&engine->pools[i].idle);
  }
}

int fcgip__engine_is_doomed(const fcgip__engine *engine)
{
  return engine->is_doomed;
}

static void free_spares(fcgip__engine *engine)
{
  fcgip__node *node;

  while ((node = fcgip__list_first(&engine->spare_exchanges)) != NULL) {
    fcgip__list_remove(node);
    fcgip__mem_free(&engine->mem, FCGIP__OWNER(node, fcgip__exchange, node));
  }
  while ((node = fcgip__list_first(&engine->spare_connections)) != NULL) {
    fcgip__list_remove(node);
    fcgip__mem_free(&engine->mem, FCGIP__OWNER(node, fcgip__connection, node));
  }
}

/* Every exchange that is left, done or not, without a callback: only releases run. */
static void drop_exchanges(fcgip__engine *engine)
{
  size_t i;

  for (i = 0; i < engine->exchanges.bucket_count; i++)
    while (engine->exchanges.buckets[i] != NULL)
      fcgip__exchange_recycle(engine,
                              FCGIP__OWNER(engine->exchanges.buckets[i], fcgip__exchange, by_id));
}

void fcgip__engine_free(fcgip__engine *engine)
{
  fcgip__mem mem = engine->mem;
  size_t i;

  assert(engine->depth == 0);
  fcgip__engine_doom(engine);
  engine->depth = 1; /* for release functions that look in */
  drop_exchanges(engine);
  bury_the_dead(engine);
  free_spares(engine);
  for (i = 0; i < engine->pool_count; i++)
    fcgip__pool_deinit(&engine->pools[i]);
  fcgip__map_deinit(&engine->exchanges);
  fcgip__map_deinit(&engine->connections);
  fcgip__timers_deinit(&engine->deadlines);
  fcgip__timers_deinit(&engine->idles);
  fcgip__mem_free(&mem, engine->pollfds);
  fcgip__mem_free(&mem, engine->pools);
  fcgip__mem_free(&mem, engine);
}

static int timeout_ms_at(const fcgip__engine *engine, uint64_t now)
{
  const fcgip__timer *deadline = fcgip__timers_first(&engine->deadlines);
  const fcgip__timer *idle = fcgip__timers_first(&engine->idles);
  uint64_t due = deadline != NULL ? deadline->due : FCGIP__NEVER;
  uint64_t ms;

  if (idle != NULL && idle->due < due)
    due = idle->due;
  if (due == FCGIP__NEVER)
    return -1;
  if (due <= now)
    return 0;
  ms = (due - now + 999u) / 1000u;
  return ms > INT_MAX ? INT_MAX : (int)ms;
}

int fcgip__engine_timeout_ms(const fcgip__engine *engine)
{
  return timeout_ms_at(engine, fcgip__engine_clock_us(engine));
}

void fcgip__engine_process_fd(fcgip__engine *engine, int fd, short revents)
{
  fcgip__map_link *link = fd >= 0 ? fcgip__map_find(&engine->connections, (uint64_t)fd) : NULL;

  engine->events++;
  if (link != NULL && revents != 0)
    fcgip__connection_on_event(FCGIP__OWNER(link, fcgip__connection, by_fd), revents);
}

/* A timer that is set anew from inside cannot be due at once, but for that of a request which has gone to a server with
 * an earlier deadline: each goes off no more than once per call and server. */
void fcgip__engine_process_timers(fcgip__engine *engine)
{
  size_t budget = (engine->deadlines.count + engine->idles.count) * (engine->pool_count + 1);
  fcgip__timer *timer;

  engine->events++;
  while (budget-- > 0 && !engine->is_doomed &&
         (timer = fcgip__timers_first(&engine->deadlines)) != NULL && timer->due <= engine->now_us)
    fcgip__exchange_on_timer(FCGIP__OWNER(timer, fcgip__exchange, timer));
  while (!engine->is_doomed && (timer = fcgip__timers_first(&engine->idles)) != NULL &&
         timer->due <= engine->now_us)
    fcgip__pool_on_idle_timer(FCGIP__OWNER(timer, fcgip__pool, idle_timer));
}

static size_t list_fds(const fcgip__list *list, struct pollfd *fds, size_t cap, size_t count)
{
  fcgip__node *node;

  for (node = fcgip__list_first(list); node != NULL; node = fcgip__list_next(list, node)) {
    const fcgip__connection *connection = FCGIP__OWNER(node, fcgip__connection, node);
    short wants = fcgip__connection_wants(connection);

    if (connection->fd < 0 || wants == 0)
      continue;
    if (count < cap) {
      fds[count].fd = connection->fd;
      fds[count].events = wants;
      fds[count].revents = 0;
    }
    count++;
  }
  return count;
}

size_t fcgip__engine_fds(const fcgip__engine *engine, struct pollfd *fds, size_t cap)
{
  size_t count = 0, i;

  for (i = 0; i < engine->pool_count; i++) {
    count = list_fds(&engine->pools[i].busy, fds, cap, count);
    count = list_fds(&engine->pools[i].idle, fds, cap, count);
  }
  return count;
}

static int sooner_ms(int a, int b)
{
  if (a < 0)
    return b;
  return b < 0 || a < b ? a : b;
}

int fcgip__engine_poll(fcgip__engine *engine, int timeout_ms)
{
  size_t count = fcgip__engine_fds(engine, engine->pollfds, engine->pollfds_cap), i;
  int wait_ms = sooner_ms(timeout_ms, timeout_ms_at(engine, engine->now_us));
  int ready, left;

  if (count == 0 && wait_ms < 0)
    return -1;
  ready = engine->sys->poll_fn(engine->sys->context, engine->pollfds, count, wait_ms);
  left = ready;
  fcgip__engine_read_clock(engine);
  /* A signal interrupts it only when nothing was ready. Where poll fails for good, the calls themselves say what is the
   * matter. */
  if (ready >= 0 || fcgip__outcome_of_transfer(ready) == FCGIP__OUTCOME_AGAIN)
    engine->looked_us = engine->now_us;
  else
    for (i = 0; i < count; i++, left = (int)count)
      engine->pollfds[i].revents = engine->pollfds[i].events;
  for (i = 0; i < count && left > 0 && !engine->is_doomed; i++) {
    if (engine->pollfds[i].revents == 0)
      continue;
    left--;
    fcgip__engine_process_fd(engine, engine->pollfds[i].fd, engine->pollfds[i].revents);
  }
  if (!engine->is_doomed)
    fcgip__engine_process_timers(engine);
  return ready > 0 ? ready : 0;
}
