/* What a pool may not go beyond. */
#ifndef FCGIPROXY_TOOLS_LIMITS_H
#define FCGIPROXY_TOOLS_LIMITS_H

#include <fcgiproxy/fcgiproxy.h>

#include "fields.h"

/* The first are those of pool_fields. */
enum { LIMIT_ACTIVE_PERCENT = POOL_FIELDS, LIMIT_MIN_IDLE, LIMIT_COUNT };

typedef struct limit_set {
  int is_set[LIMIT_COUNT];
  uint64_t bound[LIMIT_COUNT];
} limit_set;

/* A limit that was passed, or of which the page says nothing. */
typedef struct breach {
  const char *key;
  uint64_t value; /* 0 unless is_known */
  uint64_t bound;
  int is_known;
  int is_least; /* the bound is the least, else the greatest value that is fine */
} breach;

int limits_any(const limit_set *all);
size_t limits_breaches(const limit_set *all, const fcgip_php_fpm_status *pool,
                       breach out[LIMIT_COUNT]);

/* 1 if all is within the limits. */
int limits_hold(const limit_set *all, const fcgip_php_fpm_status *pool);

#endif
