/* What the tests on php-fpm have in common: one server for the whole program, short ways to make proxies and
 * requests, and a look at the descriptors after each test. */
#ifndef TEST_INTEGRATION_FIXTURE_H
#define TEST_INTEGRATION_FIXTURE_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "fcgiproxy/fcgiproxy.h"
#include "support/fpm.h"
#include "support/skip.h"

/* Far more than anything takes. No test ends by it. */
enum { PATIENCE_MS = 60000, MOST_ENDPOINTS = FPM_POOL_COUNT };

static fpm *server; /* of this program */
static int fds_before;

/* ---- the server, and what is left behind ---- */

static inline int start_server(void **state, unsigned pools)
{
  (void)state;
  server = fpm_start(pools);
  return server != NULL ? 0 : -1;
}

static inline int start_three(void **state)
{
  return start_server(state, FPM_THREE);
}

static inline int stop_server(void **state)
{
  (void)state;
  fpm_free(server);
  return 0;
}

static inline int open_fds(void)
{
  DIR *dir = opendir("/proc/self/fd");
  int count = 0;

  while (dir != NULL && readdir(dir) != NULL)
    count++;
  if (dir != NULL)
    closedir(dir);
  return count;
}

static inline int count_fds(void **state)
{
  (void)state;
  fds_before = open_fds();
  return 0;
}

static inline int compare_fds(void **state)
{
  (void)state;
  if (open_fds() == fds_before)
    return 0;
  print_error("%d descriptors before the test, %d after it\n", fds_before, open_fds());
  return -1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, count_fds, compare_fds)

/* For main(): runs `tests`, or says why not. */
#define RUN_ON_FPM(tests, start)                                                                   \
  (fpm_skip_reason() != NULL ? skip_program(fpm_skip_reason())                                     \
                             : cmocka_run_group_tests(tests, start, stop_server))

static inline void pause_ms(long ms)
{
  const struct timespec span = {ms / 1000, ms % 1000 * 1000000L};

  nanosleep(&span, NULL);
}

static inline uint64_t clock_ms(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* ---- making things ---- */

static inline fcgip_endpoint *endpoint_at(const char *address,
                                          const fcgip_endpoint_options *options)
{
  fcgip_endpoint_options own = {0};
  fcgip_endpoint *endpoint;

  if (options != NULL)
    own = *options;
  own.struct_size = sizeof(own);
  assert_int_equal(fcgip_endpoint_parse(&endpoint, address, &own), FCGIP_OK);
  return endpoint;
}

typedef int (*make_collection)(fcgip_collection **out, const fcgip_endpoint *const *endpoints,
                               size_t count);

/* A collection of the pools in the bit set, in the order of the enum. */
static inline fcgip_collection *collection_of(make_collection make, unsigned pools,
                                              const fcgip_endpoint_options *options)
{
  fcgip_endpoint *own[MOST_ENDPOINTS];
  const fcgip_endpoint *endpoints[MOST_ENDPOINTS];
  fcgip_collection *collection;
  size_t count = 0, i;
  int pool;

  for (pool = 0; pool < FPM_POOL_COUNT; pool++)
    if ((pools & FPM_BIT(pool)) != 0) {
      own[count] = endpoint_at(fpm_address(server, (fpm_pool)pool), options);
      endpoints[count] = own[count];
      count++;
    }
  assert_int_equal(make(&collection, endpoints, count), FCGIP_OK);
  for (i = 0; i < count; i++)
    fcgip_endpoint_free(own[i]);
  return collection;
}

static inline fcgip_proxy *proxy_of(make_collection make, unsigned pools,
                                    const fcgip_endpoint_options *options)
{
  fcgip_collection *collection = collection_of(make, pools, options);
  fcgip_proxy *proxy;

  assert_int_equal(fcgip_proxy_new(&proxy, collection, NULL), FCGIP_OK);
  fcgip_collection_free(collection);
  return proxy;
}

/* Round robin over these pools, with the defaults. */
static inline fcgip_proxy *proxy_on(unsigned pools)
{
  return proxy_of(fcgip_round_robin_new, pools, NULL);
}

static inline fcgip_cluster_proxy *cluster_on(unsigned pools, const fcgip_endpoint_options *options)
{
  fcgip_collection *collection = collection_of(fcgip_cluster_new, pools, options);
  fcgip_cluster_proxy *cluster;

  assert_int_equal(fcgip_cluster_proxy_new(&cluster, collection, NULL), FCGIP_OK);
  fcgip_collection_free(collection);
  return cluster;
}

/* A request for a script of docker/scripts. */
static inline fcgip_request *request_for(const char *method, const char *script, const char *query)
{
  char uri[512];
  fcgip_request *request;

  snprintf(uri, sizeof(uri), "/%s%s%s", script, query[0] != '\0' ? "?" : "", query);
  assert_int_equal(fcgip_request_new(&request, method, fpm_script(server, script)), FCGIP_OK);
  assert_int_equal(fcgip_request_set_request_uri(request, uri), FCGIP_OK);
  return request;
}

static inline fcgip_request *get(const char *script, const char *query)
{
  return request_for("GET", script, query);
}

static inline fcgip_request *post(const char *script, const void *content, size_t len)
{
  fcgip_request *request = request_for("POST", script, "");

  assert_int_equal(fcgip_request_set_content(request, content, len), FCGIP_OK);
  return request;
}

/* A script of the test's own, in the server's folder. */
static inline void write_script(const char *name, const char *text, char *path, size_t cap)
{
  FILE *file;

  snprintf(path, cap, "%s/%s", fpm_folder(server), name);
  file = fopen(path, "we");
  assert_non_null(file);
  assert_true(fputs(text, file) >= 0);
  assert_int_equal(fclose(file), 0);
}

/* ---- sending and looking ---- */

/* Sends and frees the request; the response has to be a good one, and is yours. */
static inline fcgip_response *send_ok(fcgip_proxy *proxy, fcgip_request *request)
{
  fcgip_response *response;
  int rc = fcgip_proxy_send_request(proxy, request, &response);

  if (rc != FCGIP_OK)
    print_error("%s: %s\n", fcgip_errname(rc), fcgip_response_error_text(response));
  assert_int_equal(rc, FCGIP_OK);
  assert_non_null(response);
  fcgip_request_free(request);
  return response;
}

static inline fcgip_request_id send_async(fcgip_proxy *proxy, const fcgip_request *request)
{
  fcgip_request_id id = 0;

  assert_int_equal(fcgip_proxy_send_async_request(proxy, request, &id), FCGIP_OK);
  assert_true(id > 0);
  return id;
}

static inline const char *body_of(const fcgip_response *response)
{
  return fcgip_response_body(response, NULL);
}

/* Takes the response. */
static inline void assert_body(fcgip_response *response, const char *body)
{
  assert_non_null(response);
  assert_int_equal(fcgip_response_error(response), FCGIP_OK);
  assert_string_equal(body_of(response), body);
  fcgip_response_free(response);
}

/* ... is what echo.php and sleep.php say there. */
static inline void assert_echo(fcgip_response *response, const char *value, fpm_pool pool)
{
  char expected[128];

  snprintf(expected, sizeof(expected), "%s - %s\n", value, fpm_pool_name(pool));
  assert_body(response, expected);
}

static inline void assert_contains(const char *text, const char *part)
{
  if (strstr(text, part) == NULL)
    fail_msg("\"%s\" is not in \"%.2000s\"", part, text);
}

/* The three pools by their number. */
static const fpm_pool three[] = {FPM_NETWORK1, FPM_NETWORK2, FPM_UNIX};

/* The number of the pool that answered, of echo.php or sleep.php; -1 if it is none. */
static inline int pool_of(const fcgip_response *response)
{
  int pool;

  for (pool = 0; pool < FPM_POOL_COUNT; pool++) {
    char end[64];

    snprintf(end, sizeof(end), " - %s\n", fpm_pool_name((fpm_pool)pool));
    if (strstr(body_of(response), end) != NULL)
      return pool;
  }
  return -1;
}

#endif
