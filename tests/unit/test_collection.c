#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "collection/collection.h"
#include "collection/endpoint.h"
#include "fcgiproxy/error.h"
#include "support/failing_allocator.h"

enum { MOST = 1000, DRAWS = 1000000 };

typedef struct fixture {
  failing_allocator memory;
  fcgip_endpoint *endpoints[3];
  const fcgip_endpoint *list[MOST];
  fcgip_collection *collection;
  int releases, calls;
  size_t index;
  int result;
  const fcgip_collection *seen_collection;
  const fcgip_request *seen_request;
} fixture;

static fixture collections;

static int setup(void **state)
{
  static const char *const addresses[] = {"10.0.0.1:9000", "10.0.0.2:9000", "/run/c.sock"};
  fixture *f = &collections;
  fcgip_endpoint_options options = {.struct_size = sizeof(options)};
  size_t i;

  *state = f;
  memset(f, 0, sizeof(*f));
  failing_allocator_init(&f->memory);
  options.allocator = &f->memory.hook;
  for (i = 0; i < 3; i++)
    if (fcgip_endpoint_parse(&f->endpoints[i], addresses[i], &options) != FCGIP_OK)
      return -1;
  for (i = 0; i < MOST; i++)
    f->list[i] = f->endpoints[i % 3];
  return 0;
}

static int teardown(void **state)
{
  fixture *f = *state;
  size_t i;

  fcgip_collection_free(f->collection);
  for (i = 0; i < 3; i++)
    fcgip_endpoint_free(f->endpoints[i]);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

typedef int (*make)(fcgip_collection **out, const fcgip_endpoint *const *endpoints, size_t count);

static int seeded(fcgip_collection **out, const fcgip_endpoint *const *endpoints, size_t count)
{
  return fcgip_random_new_seeded(out, endpoints, count, 1);
}

static int pick(const fcgip_collection *collection, const fcgip_request *request, size_t *index,
                void *user_data)
{
  fixture *f = user_data;

  f->calls++;
  f->seen_collection = collection;
  f->seen_request = request;
  if (f->index != SIZE_MAX)
    *index = f->index;
  return f->result;
}

static void release(void *user_data)
{
  fixture *f = user_data;

  f->releases++;
}

static int custom(fcgip_collection **out, const fcgip_endpoint *const *endpoints, size_t count)
{
  return fcgip_custom_new(out, endpoints, count, pick, &collections, release);
}

static const make makers[] = {fcgip_random_new, seeded, fcgip_round_robin_new, fcgip_cluster_new,
                              custom};
enum { MAKERS = sizeof(makers) / sizeof(makers[0]) };

/* CLU-04 */
static void of_any_size(void **state)
{
  static const size_t sizes[] = {1, 2, 3, 1000};
  fixture *f = *state;
  size_t m, s, i;

  for (m = 0; m < MAKERS; m++) {
    for (s = 0; s < 4; s++) {
      assert_int_equal(makers[m](&f->collection, f->list, sizes[s]), FCGIP_OK);
      assert_int_equal(fcgip_collection_count(f->collection), sizes[s]);
      for (i = 0; i < sizes[s]; i++)
        assert_ptr_equal(fcgip_collection_endpoint(f->collection, i), f->list[i]);
      assert_null(fcgip_collection_endpoint(f->collection, sizes[s]));
      assert_null(fcgip_collection_endpoint(f->collection, SIZE_MAX));
      assert_int_equal(fcgip__collection_picks(f->collection), makers[m] != fcgip_cluster_new);
      fcgip_collection_free(f->collection);
      f->collection = NULL;
    }
  }
}

static void of_nothing(void **state)
{
  fixture *f = *state;
  size_t m;

  for (m = 0; m < MAKERS; m++) {
    f->collection = (fcgip_collection *)(uintptr_t)1;
    assert_int_equal(makers[m](&f->collection, f->list, 0), FCGIP_EINVAL);
    assert_null(f->collection);
    assert_int_equal(makers[m](&f->collection, NULL, 1), FCGIP_EINVAL);
    assert_int_equal(makers[m](NULL, f->list, 1), FCGIP_EINVAL);
    f->list[2] = NULL;
    assert_int_equal(makers[m](&f->collection, f->list, 3), FCGIP_EINVAL);
    f->list[2] = f->endpoints[2];
    assert_null(f->collection);
  }
  assert_int_equal(f->releases, 4); /* of each custom one */
  assert_int_equal(fcgip_collection_count(NULL), 0);
  assert_null(fcgip_collection_endpoint(NULL, 0));
  fcgip_collection_free(NULL);
}

/* Endpoints may go before the collection. */
static void keeps_its_endpoints(void **state)
{
  fixture *f = *state;
  size_t i;

  assert_int_equal(fcgip_round_robin_new(&f->collection, f->list, 3), FCGIP_OK);
  for (i = 0; i < 3; i++) {
    fcgip_endpoint_free(f->endpoints[i]);
    f->endpoints[i] = NULL;
  }
  assert_string_equal(fcgip_endpoint_address(fcgip_collection_endpoint(f->collection, 2)),
                      "unix:///run/c.sock");
}

/* CLU-01 */
static void round_robin(void **state)
{
  fixture *f = *state;
  fcgip__picker first, second;
  size_t count, i, index;

  for (count = 1; count <= 7; count++) {
    assert_int_equal(fcgip_round_robin_new(&f->collection, f->list, count), FCGIP_OK);
    fcgip__picker_init(&first, f->collection);
    for (i = 0; i < 30; i++) {
      assert_int_equal(fcgip__picker_pick(&first, f->collection, NULL, &index), FCGIP_OK);
      assert_int_equal(index, i % count);
    }
    /* Each proxy has a place of its own. */
    fcgip__picker_init(&second, f->collection);
    assert_int_equal(fcgip__picker_pick(&second, f->collection, NULL, &index), FCGIP_OK);
    assert_int_equal(index, 0);
    fcgip_collection_free(f->collection);
    f->collection = NULL;
  }
}

/* CLU-02: chi-square below its 0.001 quantile, for each of these seeds. */
static void random_is_uniform(void **state)
{
  static const struct {
    size_t count;
    double limit; /* with count - 1 degrees of freedom */
  } rows[] = {{2, 10.83}, {3, 13.82}, {7, 22.46}, {10, 27.88}};
  static const uint64_t seeds[] = {0, 1, 42, UINT64_MAX};
  fixture *f = *state;
  size_t row, s, i;

  for (row = 0; row < 4; row++) {
    for (s = 0; s < 4; s++) {
      size_t counts[10] = {0}, index;
      double expected = (double)(DRAWS / 10) / (double)rows[row].count, chi = 0;
      fcgip__picker picker;

      assert_int_equal(fcgip_random_new_seeded(&f->collection, f->list, rows[row].count, seeds[s]),
                       FCGIP_OK);
      fcgip__picker_init(&picker, f->collection);
      for (i = 0; i < DRAWS / 10; i++) {
        assert_int_equal(fcgip__picker_pick(&picker, f->collection, NULL, &index), FCGIP_OK);
        assert_true(index < rows[row].count);
        counts[index]++;
      }
      for (i = 0; i < rows[row].count; i++)
        chi += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
      assert_true(chi < rows[row].limit);
      fcgip_collection_free(f->collection);
      f->collection = NULL;
    }
  }
}

static void draw(fcgip__picker *picker, const fcgip_collection *collection, size_t draws[50])
{
  size_t i;

  for (i = 0; i < 50; i++)
    assert_int_equal(fcgip__picker_pick(picker, collection, NULL, &draws[i]), FCGIP_OK);
}

/* The same seed, the same draws; the second proxy of a collection has others. */
static void random_is_seeded(void **state)
{
  fixture *f = *state;
  size_t a[50], b[50], c[50];
  fcgip__picker picker;

  assert_int_equal(fcgip_random_new_seeded(&f->collection, f->list, 10, 5), FCGIP_OK);
  fcgip__picker_init(&picker, f->collection);
  draw(&picker, f->collection, a);
  fcgip__picker_init(&picker, f->collection);
  draw(&picker, f->collection, b);
  assert_memory_not_equal(a, b, sizeof(a));
  fcgip_collection_free(f->collection);
  assert_int_equal(fcgip_random_new_seeded(&f->collection, f->list, 10, 5), FCGIP_OK);
  fcgip__picker_init(&picker, f->collection);
  draw(&picker, f->collection, c);
  assert_memory_equal(a, c, sizeof(a));
  fcgip_collection_free(f->collection);
  /* Without one, each collection has its own. */
  assert_int_equal(fcgip_random_new(&f->collection, f->list, 10), FCGIP_OK);
  fcgip__picker_init(&picker, f->collection);
  draw(&picker, f->collection, b);
  fcgip_collection_free(f->collection);
  assert_int_equal(fcgip_random_new(&f->collection, f->list, 10), FCGIP_OK);
  fcgip__picker_init(&picker, f->collection);
  draw(&picker, f->collection, c);
  assert_memory_not_equal(b, c, sizeof(b));
}

/* The program's own rand() is left alone. */
static void random_leaves_rand_alone(void **state)
{
  fixture *f = *state;
  fcgip__picker picker;
  size_t draws[50];
  int expected;

  srand(7);
  expected = rand();
  srand(7);
  assert_int_equal(fcgip_random_new(&f->collection, f->list, 10), FCGIP_OK);
  fcgip__picker_init(&picker, f->collection);
  draw(&picker, f->collection, draws);
  assert_int_equal(rand(), expected);
}

static void custom_policies(void **state)
{
  const fcgip_request *request = (const fcgip_request *)(uintptr_t)64;
  fixture *f = *state;
  fcgip__picker picker;
  size_t index;

  assert_int_equal(custom(&f->collection, f->list, 3), FCGIP_OK);
  fcgip__picker_init(&picker, f->collection);
  for (f->index = 0; f->index < 3; f->index++) {
    assert_int_equal(fcgip__picker_pick(&picker, f->collection, request, &index), FCGIP_OK);
    assert_int_equal(index, f->index);
  }
  assert_ptr_equal(f->seen_collection, f->collection);
  assert_ptr_equal(f->seen_request, request);
  /* Out of range, or not set at all. */
  assert_int_equal(fcgip__picker_pick(&picker, f->collection, request, &index), FCGIP_EINVAL);
  f->index = SIZE_MAX;
  assert_int_equal(fcgip__picker_pick(&picker, f->collection, request, &index), FCGIP_EINVAL);
  f->index = 1;
  f->result = FCGIP_EOVERLOADED;
  assert_int_equal(fcgip__picker_pick(&picker, f->collection, request, &index), FCGIP_EOVERLOADED);
  f->result = 5; /* not negative: fine */
  assert_int_equal(fcgip__picker_pick(&picker, f->collection, request, &index), FCGIP_OK);
  assert_int_equal(f->calls, 7);
}

static void custom_policies_are_released_once(void **state)
{
  fixture *f = *state;
  fcgip_collection *again;

  assert_int_equal(fcgip_custom_new(&f->collection, f->list, 3, NULL, f, release), FCGIP_EINVAL);
  assert_null(f->collection);
  assert_int_equal(f->releases, 1);
  assert_int_equal(fcgip_custom_new(NULL, f->list, 3, NULL, f, release), FCGIP_EINVAL);
  assert_int_equal(f->releases, 2);
  assert_int_equal(fcgip_custom_new(&f->collection, f->list, 3, pick, f, NULL), FCGIP_OK);
  fcgip_collection_free(f->collection);
  assert_int_equal(custom(&f->collection, f->list, 3), FCGIP_OK);
  again = fcgip__collection_ref(f->collection);
  assert_ptr_equal(again, f->collection);
  fcgip_collection_free(again);
  assert_int_equal(f->releases, 2);
  fcgip_collection_free(f->collection);
  f->collection = NULL;
  assert_int_equal(f->releases, 3);
}

static void a_cluster_picks_none(void **state)
{
  fixture *f = *state;
  fcgip__picker picker;
  size_t index;

  assert_int_equal(fcgip_cluster_new(&f->collection, f->list, 3), FCGIP_OK);
  fcgip__picker_init(&picker, f->collection);
  assert_int_equal(fcgip__picker_pick(&picker, f->collection, NULL, &index), FCGIP_EINVAL);
}

static void without_memory(void **state)
{
  fixture *f = *state;
  size_t m, live = f->memory.live_blocks;

  for (m = 0; m < MAKERS; m++) {
    failing_allocator_fail_at(&f->memory, 1, FAIL_ONCE);
    assert_int_equal(makers[m](&f->collection, f->list, 3), FCGIP_ENOMEM);
    assert_null(f->collection);
    assert_int_equal(f->memory.live_blocks, live);
  }
  assert_int_equal(f->releases, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(of_any_size),
      TEST(of_nothing),
      TEST(keeps_its_endpoints),
      TEST(round_robin),
      TEST(random_is_uniform),
      TEST(random_is_seeded),
      TEST(random_leaves_rand_alone),
      TEST(custom_policies),
      TEST(custom_policies_are_released_once),
      TEST(a_cluster_picks_none),
      TEST(without_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
