#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/list.h"

enum { COUNT = 50 };

typedef struct item {
  int before; /* so that the nodes are not where the item begins */
  int number;
  fcgip__node node;
  fcgip__node other;
} item;

static item items[COUNT];

static int setup(void **state)
{
  int i;

  (void)state;
  for (i = 0; i < COUNT; i++) {
    items[i].number = i;
    fcgip__node_init(&items[i].node);
    fcgip__node_init(&items[i].other);
  }
  return 0;
}

static item *owner(fcgip__node *node)
{
  return FCGIP__OWNER(node, item, node);
}

/* The first of a list that is not empty. */
static fcgip__node *first_of(const fcgip__list *list)
{
  fcgip__node *node = fcgip__list_first(list);

  if (node == NULL)
    abort();
  return node;
}

static void assert_numbers(const fcgip__list *list, const int *numbers, size_t count)
{
  fcgip__node *node = fcgip__list_first(list);
  size_t i;

  for (i = 0; i < count; i++) {
    assert_non_null(node);
    assert_true(fcgip__node_is_linked(node));
    assert_int_equal(owner(node)->number, numbers[i]);
    node = fcgip__list_next(list, node);
  }
  assert_null(node);
}

static void is_empty_at_first(void **state)
{
  fcgip__list list;

  (void)state;
  fcgip__list_init(&list);
  assert_null(fcgip__list_first(&list));
  assert_false(fcgip__node_is_linked(&items[0].node));
}

static void finds_the_owner(void **state)
{
  (void)state;
  assert_ptr_equal(FCGIP__OWNER(&items[3].node, item, node), &items[3]);
  assert_ptr_equal(FCGIP__OWNER(&items[3].other, item, other), &items[3]);
}

static void adds_at_both_ends_and_in_between(void **state)
{
  static const int numbers[] = {4, 3, 0, 5, 1, 2};
  fcgip__list list;

  (void)state;
  fcgip__list_init(&list);
  fcgip__list_add_last(&list, &items[0].node);
  fcgip__list_add_last(&list, &items[1].node);
  fcgip__list_add_last(&list, &items[2].node);
  fcgip__list_add_first(&list, &items[3].node);
  fcgip__list_add_first(&list, &items[4].node);
  fcgip__list_add_before(&items[1].node, &items[5].node);
  assert_numbers(&list, numbers, 6);
}

static void removes_from_anywhere(void **state)
{
  static const int all[] = {0, 1, 2, 3, 4}, middle[] = {0, 1, 3, 4}, ends[] = {1, 3};
  fcgip__list list;
  int i;

  (void)state;
  fcgip__list_init(&list);
  for (i = 0; i < 5; i++)
    fcgip__list_add_last(&list, &items[i].node);
  assert_numbers(&list, all, 5);
  fcgip__list_remove(&items[2].node);
  assert_false(fcgip__node_is_linked(&items[2].node));
  assert_numbers(&list, middle, 4);
  fcgip__list_remove(&items[0].node);
  fcgip__list_remove(&items[4].node);
  assert_numbers(&list, ends, 2);
  fcgip__list_remove(&items[1].node);
  fcgip__list_remove(&items[3].node);
  assert_null(fcgip__list_first(&list));
}

static void removing_twice_is_harmless(void **state)
{
  static const int left[] = {1};
  fcgip__list list;

  (void)state;
  fcgip__list_init(&list);
  fcgip__list_remove(&items[0].node);
  fcgip__list_add_last(&list, &items[0].node);
  fcgip__list_add_last(&list, &items[1].node);
  fcgip__list_remove(&items[0].node);
  fcgip__list_remove(&items[0].node);
  assert_numbers(&list, left, 1);
}

static void an_item_can_be_in_two_lists(void **state)
{
  fcgip__list first, second;
  int i;

  (void)state;
  fcgip__list_init(&first);
  fcgip__list_init(&second);
  for (i = 0; i < COUNT; i++) {
    fcgip__list_add_last(&first, &items[i].node);
    fcgip__list_add_first(&second, &items[i].other);
  }
  for (i = 0; i < COUNT; i++) {
    fcgip__node *node = first_of(&second);

    assert_int_equal(FCGIP__OWNER(node, item, other)->number, COUNT - 1 - i);
    fcgip__list_remove(node);
    assert_int_equal(owner(first_of(&first))->number, i);
    fcgip__list_remove(&items[i].node);
  }
  assert_null(fcgip__list_first(&first));
  assert_null(fcgip__list_first(&second));
}

static void moves_between_lists(void **state)
{
  static const int one[] = {1}, two[] = {0};
  fcgip__list first, second;

  (void)state;
  fcgip__list_init(&first);
  fcgip__list_init(&second);
  fcgip__list_add_last(&first, &items[0].node);
  fcgip__list_add_last(&first, &items[1].node);
  fcgip__list_remove(&items[0].node);
  fcgip__list_add_last(&second, &items[0].node);
  assert_numbers(&first, one, 1);
  assert_numbers(&second, two, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(is_empty_at_first, setup),
      cmocka_unit_test_setup(finds_the_owner, setup),
      cmocka_unit_test_setup(adds_at_both_ends_and_in_between, setup),
      cmocka_unit_test_setup(removes_from_anywhere, setup),
      cmocka_unit_test_setup(removing_twice_is_harmless, setup),
      cmocka_unit_test_setup(an_item_can_be_in_two_lists, setup),
      cmocka_unit_test_setup(moves_between_lists, setup),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
