#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/refs.h"

enum { ROUNDS = 20000 };

static void the_last_one_is_told(void **state)
{
  fcgip__refs refs;

  (void)state;
  fcgip__refs_init(&refs);
  assert_true(fcgip__refs_drop(&refs));

  fcgip__refs_init(&refs);
  fcgip__refs_take(&refs);
  fcgip__refs_take(&refs);
  assert_false(fcgip__refs_drop(&refs));
  fcgip__refs_take(&refs);
  assert_false(fcgip__refs_drop(&refs));
  assert_false(fcgip__refs_drop(&refs));
  assert_true(fcgip__refs_drop(&refs));
}

/* Two threads, each with references of its own. */
typedef struct shared {
  fcgip__refs refs;
  atomic_int last;
} shared;

static void *take_and_drop(void *data)
{
  shared *s = data;
  int i;

  for (i = 0; i < ROUNDS; i++) {
    fcgip__refs_take(&s->refs);
    if (fcgip__refs_drop(&s->refs))
      atomic_fetch_add(&s->last, 1000);
  }
  if (fcgip__refs_drop(&s->refs))
    atomic_fetch_add(&s->last, 1);
  return NULL;
}

static void the_last_one_of_two_threads_is_told(void **state)
{
  pthread_t threads[2];
  shared s;
  int round, i;

  (void)state;
  for (round = 0; round < 5; round++) {
    fcgip__refs_init(&s.refs);
    fcgip__refs_take(&s.refs);
    atomic_init(&s.last, 0);
    for (i = 0; i < 2; i++)
      assert_int_equal(pthread_create(&threads[i], NULL, take_and_drop, &s), 0);
    for (i = 0; i < 2; i++)
      assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&s.last), 1);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_last_one_is_told),
      cmocka_unit_test(the_last_one_of_two_threads_is_told),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
