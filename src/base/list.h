/* An intrusive, doubly linked list: an object stores the nodes of the lists it can be in, so that leaving one is
 * O(1), needs no memory and cannot be forgotten twice. */
#ifndef FCGIP_BASE_LIST_H
#define FCGIP_BASE_LIST_H

#include <stddef.h>

typedef struct fcgip__node {
  struct fcgip__node *prev;
  struct fcgip__node *next;
} fcgip__node;

/* A ring: the head is a node of no object. */
typedef struct fcgip__list {
  fcgip__node head;
} fcgip__list;

/* The object that `node` is the member `member` of. */
#define FCGIP__OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void fcgip__list_init(fcgip__list *list)
{
  list->head.prev = &list->head;
  list->head.next = &list->head;
}

static inline void fcgip__node_init(fcgip__node *node)
{
  node->prev = NULL;
  node->next = NULL;
}

static inline int fcgip__node_is_linked(const fcgip__node *node)
{
  return node->next != NULL;
}

static inline void fcgip__list_add_before(fcgip__node *where, fcgip__node *node)
{
  node->prev = where->prev;
  node->next = where;
  where->prev->next = node;
  where->prev = node;
}

static inline void fcgip__list_add_last(fcgip__list *list, fcgip__node *node)
{
  fcgip__list_add_before(&list->head, node);
}

static inline void fcgip__list_add_first(fcgip__list *list, fcgip__node *node)
{
  fcgip__list_add_before(list->head.next, node);
}

/* Harmless for a node that is in no list. */
static inline void fcgip__list_remove(fcgip__node *node)
{
  if (node->next == NULL)
    return;
  node->prev->next = node->next;
  node->next->prev = node->prev;
  fcgip__node_init(node);
}

static inline int fcgip__list_is_empty(const fcgip__list *list)
{
  return list->head.next == &list->head;
}

/* NULL if the list is empty. */
static inline fcgip__node *fcgip__list_first(const fcgip__list *list)
{
  return list->head.next == &list->head ? NULL : list->head.next;
}

/* NULL behind the last. */
static inline fcgip__node *fcgip__list_next(const fcgip__list *list, const fcgip__node *node)
{
  return node->next == &list->head ? NULL : node->next;
}

#endif
