/* The only file of the simulation that looks into the engine. */
#include "engine/parts.h"
#include "proxy/front.h"
#include "sim.h"
#include "sim_inside.h"

/* Both kinds of proxies are their fronts. */
static const fcgip__front *front_of(const sim_user *user)
{
  return user->is_cluster ? (const fcgip__front *)(const void *)user->cluster
                          : (const fcgip__front *)(const void *)user->proxy;
}

void sim_inside_seed(sim_user *user, uint64_t seed)
{
  /* Otherwise it begins with what the clock and the addresses are. */
  fcgip__random_init(&front_of(user)->engine->random, seed);
}

fcgip_request_id sim_inside_last_id(const sim_user *user)
{
  return front_of(user)->engine->last_id;
}

fcgip_request_id sim_inside_id_of(const sim_user *user, int fd)
{
  fcgip__map_link *link = fcgip__map_find(&front_of(user)->engine->connections, (uint64_t)fd);
  const fcgip__connection *connection;

  if (link == NULL)
    return 0;
  connection = FCGIP__OWNER(link, fcgip__connection, by_fd);
  return connection->exchange != NULL ? connection->exchange->by_id.key : 0;
}

enum sim_fate sim_inside_fate(const sim_user *user, fcgip_request_id id)
{
  const fcgip__exchange *exchange = fcgip__engine_find(front_of(user)->engine, id);

  if (exchange == NULL)
    return SIM_UNKNOWN;
  return fcgip__exchange_is_done(exchange) ? SIM_DONE : SIM_PENDING;
}

size_t sim_inside_site(const sim_user *user, fcgip_request_id id)
{
  const fcgip__engine *engine = front_of(user)->engine;

  return (size_t)(fcgip__engine_find(front_of(user)->engine, id)->pool - engine->pools);
}

int sim_inside_holds_back(const sim_user *user, size_t site)
{
  return front_of(user)->engine->pools[site].unaccepted_count > 0;
}

/* Who came first is served first: nobody waits who came before one that does not. */
static void check_order(sim_user *user, const fcgip__pool *pool, fcgip_request_id *first_queued)
{
  fcgip_request_id last = 0;
  fcgip__node *node;

  for (node = fcgip__list_first(&pool->queue); node != NULL;
       node = fcgip__list_next(&pool->queue, node)) {
    const fcgip__exchange *exchange = FCGIP__OWNER(node, fcgip__exchange, node);

    if (exchange->was_retried)
      continue;
    if (exchange->by_id.key <= last)
      sim_fail(&user->run->world, "request id %llu waits behind %llu",
               (unsigned long long)exchange->by_id.key, (unsigned long long)last);
    if (last == 0)
      *first_queued = exchange->by_id.key;
    last = exchange->by_id.key;
  }
}

void sim_inside_check(sim_user *user)
{
  const fcgip__engine *engine = front_of(user)->engine;
  size_t i;

  if (engine->depth != 0 || fcgip__list_first(&engine->graveyard) != NULL ||
      fcgip__list_first(&engine->hungry) != NULL || fcgip__list_first(&engine->touched) != NULL)
    sim_fail(&user->run->world, "the engine is not at rest");
  for (i = 0; i < engine->pool_count && !user->fails_over; i++) {
    const fcgip__pool *pool = &engine->pools[i];
    fcgip_request_id first_queued = UINT64_MAX;
    fcgip__node *node;

    check_order(user, pool, &first_queued);
    for (node = fcgip__list_first(&pool->busy); node != NULL;
         node = fcgip__list_next(&pool->busy, node)) {
      const fcgip__connection *connection = FCGIP__OWNER(node, fcgip__connection, node);

      if (connection->exchange != NULL && connection->exchange->by_id.key > first_queued)
        sim_fail(&user->run->world, "request id %llu was served before %llu",
                 (unsigned long long)connection->exchange->by_id.key,
                 (unsigned long long)first_queued);
    }
  }
}
