/* What has become of idle connections since they were used last: the server may have closed one, or sent what belongs
 * to no request. Each is looked at before it is used again, and not long before. Where many are used in a row, with
 * nothing received in between, one poll() looks at all of them. */
#include "base/rare.h"
#include "engine/parts.h"

/* So many at a time. */
#define LOOK_MAX 256u

static void begin_row(fcgip__pool *pool)
{
  fcgip__look *look = &pool->look;

  look->number++;
  look->events = pool->engine->events;
  look->at_us = pool->engine->now_us;
  look->used_before = look->used;
  look->used = 0;
}

/* As many as are likely to be used in this row: as in the one before, and beyond that twice as many each time. */
static size_t width(const fcgip__pool *pool)
{
  const fcgip__look *look = &pool->look;
  size_t count = look->used_before > look->used ? look->used_before - look->used : look->used;

  if (count > pool->idle_count)
    count = pool->idle_count;
  return count > LOOK_MAX ? LOOK_MAX : count;
}

FCGIP__RARE static void look_at_many(fcgip__pool *pool, size_t count)
{
  fcgip__engine *engine = pool->engine;
  fcgip__node *node = fcgip__list_first(&pool->idle);
  struct pollfd *fds = engine->pollfds;
  size_t i;

  for (i = 0; i < count && node != NULL; i++, node = fcgip__list_next(&pool->idle, node)) {
    fds[i].fd = FCGIP__OWNER(node, fcgip__connection, node)->fd;
    fds[i].events = POLLIN;
    fds[i].revents = 0;
  }
  if (engine->sys->poll_fn(engine->sys->context, fds, i, 0) < 0)
    return;
  count = i;
  node = fcgip__list_first(&pool->idle);
  for (i = 0; i < count && node != NULL; i++, node = fcgip__list_next(&pool->idle, node))
    if (fds[i].revents == 0)
      FCGIP__OWNER(node, fcgip__connection, node)->look = pool->look.number;
}

int fcgip__pool_look_at(fcgip__pool *pool, fcgip__connection *connection)
{
  fcgip__look *look = &pool->look;
  size_t count;

  if (!fcgip__decoder_is_idle(&connection->decoder)) /* its padding has not come yet */
    return 0;
  if (look->events != pool->engine->events || pool->engine->now_us - look->at_us >= FCGIP__LOOK_US)
    begin_row(pool);
  count = width(pool);
  if (connection->look != look->number && count > 1)
    look_at_many(pool, count);
  if (connection->look != look->number && !fcgip__connection_is_alive(connection))
    return 0;
  look->used++;
  return 1;
}
