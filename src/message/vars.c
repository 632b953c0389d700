#include "message/vars.h"

#include <string.h>

#include "fcgiproxy/error.h"

void fcgip__vars_init(fcgip__vars *vars, const fcgip__mem *mem)
{
  vars->items = NULL;
  vars->count = 0;
  vars->cap = 0;
  vars->mem = mem;
}

void fcgip__vars_clear(fcgip__vars *vars)
{
  size_t i;

  for (i = 0; i < vars->count; i++)
    fcgip__mem_free(vars->mem, vars->items[i].name);
  fcgip__mem_free(vars->mem, vars->items);
  fcgip__vars_init(vars, vars->mem);
}

/* FNV-1a. */
static uint32_t hash_of(const char *name, size_t len)
{
  uint32_t hash = 2166136261u;
  size_t i;

  for (i = 0; i < len; i++)
    hash = (hash ^ (uint8_t)name[i]) * 16777619u;
  return hash;
}

static fcgip__var *find(const fcgip__vars *vars, const char *name, size_t name_len, uint32_t hash)
{
  size_t i;

  for (i = 0; i < vars->count; i++) {
    fcgip__var *var = &vars->items[i];

    if (var->hash == hash && var->name_len == name_len && memcmp(var->name, name, name_len) == 0)
      return var;
  }
  return NULL;
}

const fcgip__var *fcgip__vars_find(const fcgip__vars *vars, const char *name, size_t name_len)
{
  return vars->count > 0 ? find(vars, name, name_len, hash_of(name, name_len)) : NULL;
}

static int grow(fcgip__vars *vars)
{
  size_t cap = vars->cap > 0 ? vars->cap * 2 : 8;
  fcgip__var *items;

  if (vars->count < vars->cap)
    return FCGIP_OK;
  items = fcgip__mem_realloc_array(vars->mem, vars->items, cap, sizeof(*items));
  if (items == NULL)
    return FCGIP_ENOMEM;
  vars->items = items;
  vars->cap = cap;
  return FCGIP_OK;
}

int fcgip__vars_set(fcgip__vars *vars, const char *name, size_t name_len, const char *value,
                    size_t value_len)
{
  uint32_t hash = hash_of(name, name_len);
  fcgip__var *var = find(vars, name, name_len, hash);
  size_t size;
  char *block;

  if (fcgip__add_size(name_len, value_len, &size) < 0 || fcgip__add_size(size, 2, &size) < 0)
    return FCGIP_ENOMEM;
  if (var == NULL && grow(vars) < 0)
    return FCGIP_ENOMEM;
  block = fcgip__mem_alloc(vars->mem, size);
  if (block == NULL)
    return FCGIP_ENOMEM;
  memcpy(block, name, name_len);
  block[name_len] = '\0';
  if (value_len > 0)
    memcpy(block + name_len + 1, value, value_len);
  block[size - 1] = '\0';

  if (var != NULL)
    fcgip__mem_free(vars->mem, var->name);
  else
    var = &vars->items[vars->count++];
  var->name = block;
  var->name_len = name_len;
  var->value = block + name_len + 1;
  var->value_len = value_len;
  var->hash = hash;
  return FCGIP_OK;
}
