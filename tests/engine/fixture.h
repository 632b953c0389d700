/* What the tests of the engine have in common: a proxy on a fake network, with an allocator that counts, driven in
 * any of the three ways there are. Each test ends with everything closed, freed, and told to the watcher. */
#ifndef TEST_ENGINE_FIXTURE_H
#define TEST_ENGINE_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "collection/endpoint.h"
#include "fcgiproxy/fcgiproxy.h"
#include "proxy/proxy.h"
#include "support/failing_allocator.h"
#include "support/fake_net.h"

#define MS UINT64_C(1000)
#define NONE UINT32_MAX

enum { FIXTURE_ENDPOINTS = 8, FIXTURE_FDS = 512 };

typedef enum drive { DRIVE_POLL, DRIVE_PULL, DRIVE_PUSH } drive;

typedef struct fixture {
  fake_net net;
  failing_allocator memory;
  drive drive;
  uint64_t start_us;
  fcgip_endpoint *endpoints[FIXTURE_ENDPOINTS];
  size_t endpoint_count;
  fcgip_collection *collection;
  fcgip_proxy *proxy;
  fcgip_request *request; /* GET */
  fcgip_request *post;    /* with a little content */
} fixture;

static fixture the_fixture;

/* ---- before and after each test ---- */

static inline int fixture_setup(void **state, drive how)
{
  fixture *f = &the_fixture;

  memset(f, 0, sizeof(*f));
  fake_net_init(&f->net);
  failing_allocator_init(&f->memory);
  f->drive = how;
  f->start_us = f->net.now_us;
  *state = f;
  if (fcgip_request_new_with_allocator(&f->request, "GET", "/script.php", &f->memory.hook) < 0 ||
      fcgip_request_new_with_allocator(&f->post, "POST", "/script.php", &f->memory.hook) < 0)
    return -1;
  return fcgip_request_set_content(f->post, "a=b", 3);
}

static inline int setup_poll(void **state)
{
  return fixture_setup(state, DRIVE_POLL);
}

static inline int setup_pull(void **state)
{
  return fixture_setup(state, DRIVE_PULL);
}

static inline int setup_push(void **state)
{
  return fixture_setup(state, DRIVE_PUSH);
}

/* Frees the proxy early, for tests that look at what that does. */
static inline void fixture_free_proxy(fixture *f)
{
  fcgip_proxy_free(f->proxy);
  f->proxy = NULL;
}

static inline int teardown(void **state)
{
  fixture *f = *state;
  size_t i;
  int clean;

  fixture_free_proxy(f);
  fcgip_request_free(f->request);
  fcgip_request_free(f->post);
  fcgip_collection_free(f->collection);
  for (i = 0; i < f->endpoint_count; i++)
    fcgip_endpoint_free(f->endpoints[i]);
  clean = f->net.violation == NULL && f->net.open_count == 0 && f->memory.live_blocks == 0 &&
          f->memory.misuses == 0;
  if (!clean)
    print_error("left behind: %s, %zu sockets, %zu blocks, %zu misuses\n",
                f->net.violation != NULL ? f->net.violation : "-", f->net.open_count,
                f->memory.live_blocks, f->memory.misuses);
  fake_net_deinit(&f->net);
  return clean ? 0 : -1;
}

#define ONE_WAY(f) cmocka_unit_test_setup_teardown(f, setup_poll, teardown)
/* clang-format off */
#define THREE_WAYS(f)                                                                              \
  {#f ", own poll", f, setup_poll, teardown, NULL},                                                \
  {#f ", pull", f, setup_pull, teardown, NULL},                                                    \
  {#f ", push", f, setup_push, teardown, NULL}
/* clang-format on */

/* ---- making things ---- */

static inline void fixture_add_endpoint(fixture *f, const char *address,
                                        const fcgip_endpoint_options *options)
{
  fcgip_endpoint_options own = {0};

  if (options != NULL)
    own = *options;
  own.struct_size = sizeof(own);
  own.allocator = &f->memory.hook;
  assert_int_equal(
      fcgip__endpoint_parse(&f->endpoints[f->endpoint_count++], address, &own, &f->net.sys),
      FCGIP_OK);
}

/* Over the endpoints added before, in turn; the watch protocol is checked whatever drives it. */
static inline void fixture_make_proxy(fixture *f, uint32_t flags)
{
  const fcgip_endpoint *endpoints[FIXTURE_ENDPOINTS];
  fcgip_proxy_options options = {0};
  size_t i;

  options.struct_size = sizeof(options);
  options.flags = flags;
  options.watch_fn = fake_net_watch;
  options.watch_data = &f->net;
  options.allocator = &f->memory.hook;
  for (i = 0; i < f->endpoint_count; i++)
    endpoints[i] = f->endpoints[i];
  assert_int_equal(fcgip_round_robin_new(&f->collection, endpoints, f->endpoint_count), FCGIP_OK);
  assert_int_equal(fcgip__proxy_new(&f->proxy, f->collection, &options, &f->net.sys), FCGIP_OK);
}

/* One TCP server; its sockets have the host 1. */
static inline void fixture_tcp(fixture *f, const fcgip_endpoint_options *options)
{
  fixture_add_endpoint(f, "10.0.0.1:9000", options);
  fixture_make_proxy(f, 0);
}

static inline void fixture_unix(fixture *f, const fcgip_endpoint_options *options)
{
  fixture_add_endpoint(f, "/fake/socket", options);
  fixture_make_proxy(f, 0);
}

static inline fcgip_request_id send_it(fixture *f, const fcgip_request *request)
{
  fcgip_request_id id = 0;

  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, request, &id), FCGIP_OK);
  assert_true(id > 0 && id < UINT64_C(1) << 63);
  return id;
}

static inline fcgip_request_id send_get(fixture *f)
{
  return send_it(f, f->request);
}

static inline fake_socket *socket_at(fixture *f, size_t number)
{
  return fake_net_socket(&f->net, number);
}

/* Milliseconds since the test began. */
static inline uint64_t elapsed_ms(const fixture *f)
{
  return (f->net.now_us - f->start_us) / MS;
}

static inline void at_ms(fixture *f, uint64_t ms, fake_kind kind, size_t socket, int value)
{
  fake_net_at(&f->net, f->start_us + ms * MS, kind, socket, value);
}

/* ---- driving ---- */

static inline int sooner(int a, int b)
{
  if (a < 0)
    return b;
  return b < 0 || a < b ? a : b;
}

/* One turn, which waits at most `timeout_ms` in virtual time. */
static inline void turn(fixture *f, int timeout_ms)
{
  struct pollfd fds[FIXTURE_FDS];
  size_t count, i;

  if (f->drive == DRIVE_POLL) {
    fcgip_proxy_poll(f->proxy, timeout_ms);
    return;
  }
  count = f->drive == DRIVE_PULL ? fcgip_proxy_fds(f->proxy, fds, FIXTURE_FDS)
                                 : fake_net_watched(&f->net, fds, FIXTURE_FDS);
  assert_true(count <= FIXTURE_FDS);
  fake_net_poll(&f->net, fds, count, sooner(timeout_ms, fcgip_proxy_timeout_ms(f->proxy)));
  for (i = 0; i < count; i++)
    if (fds[i].revents != 0)
      assert_int_equal(fcgip_proxy_process_fd(f->proxy, fds[i].fd, fds[i].revents), FCGIP_OK);
  assert_int_equal(fcgip_proxy_process_timers(f->proxy), FCGIP_OK);
}

/* Until nothing is pending. */
static inline void run(fixture *f)
{
  while (fcgip_proxy_pending(f->proxy) > 0)
    turn(f, -1);
}

/* Until that many milliseconds after the test began. */
static inline void run_until(fixture *f, uint64_t ms)
{
  while (elapsed_ms(f) < ms)
    turn(f, (int)(ms - elapsed_ms(f)));
}

/* Does what can be done without waiting. */
static inline void settle(fixture *f)
{
  turn(f, 0);
}

/* ---- looking at results ---- */

/* The response, which has to be there. */
static inline fcgip_response *take(fixture *f, fcgip_request_id id)
{
  fcgip_response *response = NULL;
  int rc = fcgip_proxy_read_response(f->proxy, id, 0, &response);

  assert_non_null(response);
  assert_int_equal(rc, fcgip_response_error(response));
  assert_true(fcgip_response_request_id(response) == id);
  return response;
}

static inline void assert_succeeds(fixture *f, fcgip_request_id id, const char *body)
{
  fcgip_response *response = take(f, id);

  if (fcgip_response_error(response) != FCGIP_OK)
    print_error("%s\n", fcgip_response_error_text(response));
  assert_int_equal(fcgip_response_error(response), FCGIP_OK);
  assert_string_equal(fcgip_response_body(response, NULL), body);
  fcgip_response_free(response);
}

/* ... with this error and errno, and `phrase` in its sentence (NULL: any). Returns whether it may be sent again. */
static inline int assert_fails(fixture *f, fcgip_request_id id, int error, int error_number,
                               const char *phrase)
{
  fcgip_response *response = take(f, id);
  int is_retry_safe = fcgip_response_is_retry_safe(response);

  if (fcgip_response_error(response) != error)
    print_error("%s\n", fcgip_response_error_text(response));
  assert_int_equal(fcgip_response_error(response), error);
  assert_int_equal(fcgip_response_errno(response), error_number);
  if (phrase != NULL && strstr(fcgip_response_error_text(response), phrase) == NULL)
    fail_msg("\"%s\" is not in \"%s\"", phrase, fcgip_response_error_text(response));
  fcgip_response_free(response);
  return is_retry_safe;
}

#endif
