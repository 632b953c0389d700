/* Variables by name, in the order in which they were first set. */
#ifndef FCGIP_MESSAGE_VARS_H
#define FCGIP_MESSAGE_VARS_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

/* Name and value are NUL-terminated, in one block. */
typedef struct fcgip__var {
  char *name;
  char *value;
  size_t name_len;
  size_t value_len;
  uint32_t hash; /* of the name: most comparisons end here */
} fcgip__var;

typedef struct fcgip__vars {
  fcgip__var *items;
  size_t count;
  size_t cap;
  const fcgip__mem *mem; /* must outlive the variables */
} fcgip__vars;

void fcgip__vars_init(fcgip__vars *vars, const fcgip__mem *mem);
void fcgip__vars_clear(fcgip__vars *vars);

/* FCGIP_OK; FCGIP_ENOMEM. */
int fcgip__vars_set(fcgip__vars *vars, const char *name, size_t name_len, const char *value,
                    size_t value_len);

/* NULL if there is none. */
const fcgip__var *fcgip__vars_find(const fcgip__vars *vars, const char *name, size_t name_len);

#endif
