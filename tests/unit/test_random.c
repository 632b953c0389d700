#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/random.h"

static void draws_what_the_published_generator_does(void **state)
{
  /* The first numbers of xoshiro256** from the state 1, 2, 3, 4. */
  static const uint64_t expected[] = {UINT64_C(11520),
                                      UINT64_C(0),
                                      UINT64_C(1509978240),
                                      UINT64_C(1215971899390074240),
                                      UINT64_C(1216172134540287360),
                                      UINT64_C(607988272756665600),
                                      UINT64_C(16172922978634559625),
                                      UINT64_C(8476171486693032832),
                                      UINT64_C(10595114339597558777),
                                      UINT64_C(2904607092377533576)};
  fcgip__random random = {{1, 2, 3, 4}};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
    assert_true(fcgip__random_next(&random) == expected[i]);
}

static void spreads_the_seed_over_the_state(void **state)
{
  /* The first numbers of splitmix64 from 0. */
  static const uint64_t expected[] = {UINT64_C(0xe220a8397b1dcdaf), UINT64_C(0x6e789e6aa1b965f4),
                                      UINT64_C(0x06c45d188009454f), UINT64_C(0xf88bb8a8724c81ec)};
  fcgip__random random;

  (void)state;
  fcgip__random_init(&random, 0);
  assert_memory_equal(random.state, expected, sizeof(expected));
}

static void repeats_itself_from_the_same_seed_only(void **state)
{
  fcgip__random a, b, c;
  size_t i, same = 0;

  (void)state;
  fcgip__random_init(&a, 42);
  fcgip__random_init(&b, 42);
  fcgip__random_init(&c, 43);
  for (i = 0; i < 1000; i++) {
    uint64_t drawn = fcgip__random_next(&a);

    assert_true(drawn == fcgip__random_next(&b));
    same += drawn == fcgip__random_next(&c);
  }
  assert_int_equal(same, 0);
}

static void stays_below_the_bound(void **state)
{
  static const uint64_t bounds[] = {1, 2, 3, 7, 255, 256, 1000, (uint64_t)1 << 32, UINT64_MAX};
  fcgip__random random;
  size_t i, n;

  (void)state;
  fcgip__random_init(&random, 1);
  for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
    for (n = 0; n < 1000; n++)
      assert_true(fcgip__random_below(&random, bounds[i]) < bounds[i]);
}

/* Counts 60,000 draws in `classes` of equal width; each has to be within 4 % of its share (more than
 * six standard deviations; the seed is fixed, so that this never fails by chance). */
static void assert_uniform(uint64_t bound, uint64_t classes)
{
  enum { DRAWS = 60000 };
  size_t counts[6] = {0};
  size_t share = (size_t)(DRAWS / classes);
  fcgip__random random;
  size_t i;

  fcgip__random_init(&random, 2024);
  for (i = 0; i < DRAWS; i++)
    counts[fcgip__random_below(&random, bound) / (bound / classes)]++;
  for (i = 0; i < classes; i++)
    assert_in_range(counts[i], share - share / 25, share + share / 25);
}

static void prefers_no_number(void **state)
{
  (void)state;
  assert_uniform(2, 2);
  assert_uniform(3, 3);
  assert_uniform(6, 6);
  /* Three quarters of 2^64: a plain remainder would come up twice as often in the lower third. */
  assert_uniform((uint64_t)3 << 62, 3);
}

static void seeds_differ(void **state)
{
  uint64_t seeds[64];
  int objects[64];
  size_t i, j;

  (void)state;
  for (i = 0; i < 64; i++)
    seeds[i] = fcgip__random_seed(&objects[i]);
  for (i = 0; i < 64; i++)
    for (j = 0; j < i; j++)
      assert_true(seeds[i] != seeds[j]);
  assert_true(fcgip__random_seed(NULL) != seeds[0]);
}

static void seeds_differ_between_processes(void **state)
{
  uint64_t ours, theirs = 0;
  int ends[2], status;
  pid_t child;

  (void)state;
  assert_int_equal(pipe(ends), 0);
  child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    theirs = fcgip__random_seed(&ours);
    _exit(write(ends[1], &theirs, sizeof(theirs)) == sizeof(theirs) ? 0 : 1);
  }
  ours = fcgip__random_seed(&ours);
  assert_int_equal(read(ends[0], &theirs, sizeof(theirs)), sizeof(theirs));
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_true(ours != theirs);
  close(ends[0]);
  close(ends[1]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(draws_what_the_published_generator_does),
      cmocka_unit_test(spreads_the_seed_over_the_state),
      cmocka_unit_test(repeats_itself_from_the_same_seed_only),
      cmocka_unit_test(stays_below_the_bound),
      cmocka_unit_test(prefers_no_number),
      cmocka_unit_test(seeds_differ),
      cmocka_unit_test(seeds_differ_between_processes),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
