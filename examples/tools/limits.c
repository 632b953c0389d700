#include "limits.h"

int limits_any(const limit_set *all)
{
  int any = 0, i;

  for (i = 0; i < LIMIT_COUNT; i++)
    any |= all->is_set[i];
  return any;
}

/* In percent, rounded up, so that it is above a bound where the share is. The worker that answers counts, as
 * php-fpm counts it. */
static uint64_t active_percent(const fcgip_php_fpm_status *pool)
{
  long double active = (long double)fcgip_php_fpm_status_active_processes(pool) * 100;
  uint64_t total = fcgip_php_fpm_status_total_processes(pool), floor;

  if (total == 0 || active >= (long double)total * 1e9L)
    return total == 0 ? 0 : UINT64_C(1000000000);
  floor = (uint64_t)(active / (long double)total);
  return floor + ((long double)floor * (long double)total < active);
}

static breach measure(int limit, const fcgip_php_fpm_status *pool)
{
  breach found = {.is_known = 1};

  if (limit == LIMIT_ACTIVE_PERCENT) {
    found.key = "active_percent";
    found.is_known = fcgip_php_fpm_status_has(pool, FCGIP_PHP_FPM_ACTIVE_PROCESSES) &&
                     fcgip_php_fpm_status_has(pool, FCGIP_PHP_FPM_TOTAL_PROCESSES);
    found.value = active_percent(pool);
  } else if (limit == LIMIT_MIN_IDLE) {
    found.key = "idle_processes";
    found.is_known = fcgip_php_fpm_status_has(pool, FCGIP_PHP_FPM_IDLE_PROCESSES);
    found.value = fcgip_php_fpm_status_idle_processes(pool);
    found.is_least = 1;
  } else {
    found.key = pool_fields[limit].key;
    found.is_known = fcgip_php_fpm_status_has(pool, pool_fields[limit].id);
    found.value = pool_fields[limit].number(pool);
  }
  if (!found.is_known)
    found.value = 0;
  return found;
}

size_t limits_breaches(const limit_set *all, const fcgip_php_fpm_status *pool,
                       breach out[LIMIT_COUNT])
{
  size_t n = 0;
  int i;

  for (i = 0; i < LIMIT_COUNT; i++) {
    breach found;

    if (!all->is_set[i])
      continue;
    found = measure(i, pool);
    found.bound = all->bound[i];
    if (!found.is_known || (found.is_least ? found.value < found.bound : found.value > found.bound))
      out[n++] = found;
  }
  return n;
}

int limits_hold(const limit_set *all, const fcgip_php_fpm_status *pool)
{
  breach found[LIMIT_COUNT];

  return limits_breaches(all, pool, found) == 0;
}
