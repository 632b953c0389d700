/* As much of cmocka as the tests of this checkout use, for systems that there is no cmocka for: other
 * processors under qemu, musl, 32 bit. A failed assertion jumps out of the test; the next one runs. */
#ifndef TESTS_ABI_CMOCKA_H
#define TESTS_ABI_CMOCKA_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
  const char *name;
  void (*test_func)(void **state);
  CMFixtureFunction setup_func;
  CMFixtureFunction teardown_func;
  void *initial_state;
};

enum cm_outcome { CM_PASSED = 0, CM_FAILED = 1, CM_SKIPPED = 2 };

static jmp_buf cm_test;

__attribute__((noreturn, unused)) static void cm_leave(enum cm_outcome outcome, const char *file,
                                                       int line, const char *what)
{
  if (outcome == CM_FAILED)
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
  longjmp(cm_test, (int)outcome);
}

__attribute__((unused)) static void cm_numbers(intmax_t a, intmax_t b, int is_equal,
                                               const char *file, int line, const char *what)
{
  if ((a == b) == is_equal)
    return;
  fprintf(stderr, "%jd (0x%jx), %jd (0x%jx)\n", a, (uintmax_t)a, b, (uintmax_t)b);
  cm_leave(CM_FAILED, file, line, what);
}

__attribute__((unused)) static void cm_range(uintmax_t a, uintmax_t from, uintmax_t to,
                                             const char *file, int line, const char *what)
{
  if (a >= from && a <= to)
    return;
  fprintf(stderr, "%ju is not from %ju to %ju\n", a, from, to);
  cm_leave(CM_FAILED, file, line, what);
}

__attribute__((unused)) static void cm_strings(const char *a, const char *b, int is_same,
                                               const char *file, int line, const char *what)
{
  if ((strcmp(a, b) == 0) == is_same)
    return;
  fprintf(stderr, "\"%s\", \"%s\"\n", a, b);
  cm_leave(CM_FAILED, file, line, what);
}

__attribute__((unused)) static void cm_bytes(const void *a, const void *b, size_t len, int is_same,
                                             const char *file, int line, const char *what)
{
  const unsigned char *left = a, *right = b;
  size_t i;

  for (i = 0; i < len && left[i] == right[i]; i++)
    ;
  if ((i == len) == is_same)
    return;
  if (i < len)
    fprintf(stderr, "at %zu of %zu: 0x%02x, 0x%02x\n", i, len, left[i], right[i]);
  cm_leave(CM_FAILED, file, line, what);
}

#define fail() cm_leave(CM_FAILED, __FILE__, __LINE__, "fail()")
#define skip() cm_leave(CM_SKIPPED, __FILE__, __LINE__, "")
#define fail_msg(...)                                                                              \
  do {                                                                                             \
    fprintf(stderr, __VA_ARGS__);                                                                  \
    cm_leave(CM_FAILED, __FILE__, __LINE__, "");                                                   \
  } while (0)
#define print_message(...) printf(__VA_ARGS__)
#define print_error(...) fprintf(stderr, __VA_ARGS__)

/* As in cmocka, all numbers are compared as one type of the greatest width. Nothing is evaluated twice. */
#define CM_NUMBERS(a, b, is_equal)                                                                 \
  cm_numbers((intmax_t)(a), (intmax_t)(b), is_equal, __FILE__, __LINE__, #a ", " #b)
#define CM_ADDRESS(p) ((uintptr_t)(const void *)(p))
#define assert_true(c) CM_NUMBERS((c) ? 1 : 0, 1, 1)
#define assert_false(c) CM_NUMBERS((c) ? 1 : 0, 0, 1)
#define assert_null(p) CM_NUMBERS(CM_ADDRESS(p), 0, 1)
#define assert_non_null(p) CM_NUMBERS(CM_ADDRESS(p), 0, 0)
#define assert_ptr_equal(a, b) CM_NUMBERS(CM_ADDRESS(a), CM_ADDRESS(b), 1)
#define assert_ptr_not_equal(a, b) CM_NUMBERS(CM_ADDRESS(a), CM_ADDRESS(b), 0)
#define assert_int_equal(a, b) CM_NUMBERS(a, b, 1)
#define assert_int_not_equal(a, b) CM_NUMBERS(a, b, 0)
#define assert_in_range(a, from, to)                                                               \
  cm_range((uintmax_t)(a), (uintmax_t)(from), (uintmax_t)(to), __FILE__, __LINE__, #a)
#define assert_string_equal(a, b)                                                                  \
  cm_strings((const char *)(a), (const char *)(b), 1, __FILE__, __LINE__, #a ", " #b)
#define assert_string_not_equal(a, b)                                                              \
  cm_strings((const char *)(a), (const char *)(b), 0, __FILE__, __LINE__, #a ", " #b)
#define assert_memory_equal(a, b, len) cm_bytes(a, b, len, 1, __FILE__, __LINE__, #a ", " #b)
#define assert_memory_not_equal(a, b, len) cm_bytes(a, b, len, 0, __FILE__, __LINE__, #a ", " #b)

#define cmocka_unit_test(test) cmocka_unit_test_setup_teardown(test, NULL, NULL)
#define cmocka_unit_test_setup(test, setup) cmocka_unit_test_setup_teardown(test, setup, NULL)
#define cmocka_unit_test_teardown(test, teardown)                                                  \
  cmocka_unit_test_setup_teardown(test, NULL, teardown)
#define cmocka_unit_test_setup_teardown(test, setup, teardown)                                     \
  {                                                                                                \
#test, test, setup, teardown, NULL                                                             \
  }
#define cmocka_unit_test_prestate(test, state)                                                     \
  {                                                                                                \
#test, test, NULL, NULL, state                                                                 \
  }
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
  cm_run(tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
#define cmocka_run_group_tests_name(name, tests, setup, teardown)                                  \
  cmocka_run_group_tests(tests, setup, teardown)

__attribute__((unused)) static int cm_run_one(const struct CMUnitTest *test, void *group_state)
{
  static void *state;
  static int outcome;

  state = test->initial_state != NULL ? test->initial_state : group_state;
  if (test->setup_func != NULL && test->setup_func(&state) != 0) {
    fprintf(stderr, "setup of %s failed\n", test->name);
    return CM_FAILED;
  }
  outcome = setjmp(cm_test);
  if (outcome == CM_PASSED)
    test->test_func(&state);
  if (test->teardown_func != NULL && test->teardown_func(&state) != 0)
    outcome = CM_FAILED;
  if (outcome == CM_FAILED)
    fprintf(stderr, "failed: %s\n", test->name);
  return outcome;
}

__attribute__((unused)) static int cm_run(const struct CMUnitTest *tests, size_t count,
                                          CMFixtureFunction setup, CMFixtureFunction teardown)
{
  void *state = NULL;
  int failed = 0;
  size_t i;

  if (setup != NULL && setup(&state) != 0) {
    fprintf(stderr, "setup failed\n");
    return 1;
  }
  for (i = 0; i < count; i++)
    failed += cm_run_one(&tests[i], state) == CM_FAILED;
  if (teardown != NULL && teardown(&state) != 0)
    failed++;
  printf("%zu tests, %d failed\n", count, failed);
  return failed;
}

#endif
