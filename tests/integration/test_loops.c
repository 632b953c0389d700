/* The same work, driven by our own poll(2), by a loop of the caller's that pulls, and by epoll that is pushed: the same
 * results. */
#include <poll.h>
#include <sys/epoll.h>

#include "integration/fixture.h"

enum { COUNT = 90, FDS = 512 };

typedef enum way { OWN_POLL, PULL, PUSH, WAYS } way;

typedef struct loop {
  way how;
  int epoll_fd;
  int watched[FDS]; /* events by descriptor, -1: none */
  int broken;       /* the watch protocol was not kept */
} loop;

static void watch(void *data, int fd, short events)
{
  loop *l = data;
  struct epoll_event event = {0};

  if (fd < 0 || fd >= FDS || l->watched[fd] == events) {
    l->broken++;
    return;
  }
  event.data.fd = fd;
  event.events = (events & POLLIN ? EPOLLIN : 0u) | (events & POLLOUT ? EPOLLOUT : 0u);
  if (events == 0)
    l->broken += epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, &event) != 0;
  else if (l->watched[fd] == 0)
    l->broken += epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0;
  else
    l->broken += epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0;
  l->watched[fd] = events;
}

static void loop_start(loop *l, way how)
{
  memset(l, 0, sizeof(*l));
  l->how = how;
  l->epoll_fd = -1;
  if (how == PUSH) {
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    assert_true(l->epoll_fd >= 0);
  }
}

static void loop_stop(loop *l)
{
  int fd;

  for (fd = 0; fd < FDS; fd++)
    assert_int_equal(l->watched[fd], 0); /* everything was taken back */
  assert_int_equal(l->broken, 0);
  if (l->epoll_fd >= 0)
    close(l->epoll_fd);
}

static fcgip_proxy_options options_of(loop *l)
{
  fcgip_proxy_options options = {.struct_size = sizeof(options)};

  if (l->how == PUSH) {
    options.watch_fn = watch;
    options.watch_data = l;
  }
  return options;
}

static fcgip_proxy *proxy_in(loop *l, unsigned pools,
                             const fcgip_endpoint_options *endpoint_options)
{
  fcgip_collection *collection = collection_of(fcgip_round_robin_new, pools, endpoint_options);
  fcgip_proxy_options options = options_of(l);
  fcgip_proxy *proxy;

  assert_int_equal(fcgip_proxy_new(&proxy, collection, &options), FCGIP_OK);
  fcgip_collection_free(collection);
  return proxy;
}

static void turn_by_epoll(loop *l, fcgip_proxy *proxy)
{
  struct epoll_event events[16];
  int timeout = fcgip_proxy_timeout_ms(proxy), n, i;

  n = epoll_wait(l->epoll_fd, events, 16, timeout < 0 ? PATIENCE_MS : timeout);
  assert_true(n >= 0);
  for (i = 0; i < n; i++) {
    short revents = (short)((events[i].events & EPOLLIN ? POLLIN : 0) |
                            (events[i].events & EPOLLOUT ? POLLOUT : 0) |
                            (events[i].events & EPOLLERR ? POLLERR : 0) |
                            (events[i].events & EPOLLHUP ? POLLHUP : 0));

    assert_int_equal(fcgip_proxy_process_fd(proxy, events[i].data.fd, revents), FCGIP_OK);
  }
  assert_int_equal(fcgip_proxy_process_timers(proxy), FCGIP_OK);
}

static void turn_by_poll(fcgip_proxy *proxy)
{
  struct pollfd fds[FDS];
  size_t count = fcgip_proxy_fds(proxy, fds, FDS), i;
  int timeout = fcgip_proxy_timeout_ms(proxy);

  assert_true(count <= FDS);
  assert_true(poll(fds, (nfds_t)count, timeout < 0 ? PATIENCE_MS : timeout) >= 0);
  for (i = 0; i < count; i++)
    assert_int_equal(fcgip_proxy_process_fd(proxy, fds[i].fd, fds[i].revents), FCGIP_OK);
  assert_int_equal(fcgip_proxy_process_timers(proxy), FCGIP_OK);
}

static void turn(loop *l, fcgip_proxy *proxy)
{
  switch (l->how) {
  case OWN_POLL:
    fcgip_proxy_poll(proxy, PATIENCE_MS);
    break;
  case PULL:
    turn_by_poll(proxy);
    break;
  case PUSH:
  case WAYS:
    turn_by_epoll(l, proxy);
    break;
  }
}

/* Good and bad requests of all kinds; what came of each, as text. */
static void run_all(loop *l, char results[COUNT][64])
{
  static const char *const scripts[] = {"echo.php",  "sleep.php",  "headers.php",
                                        "crash.php", "output.php", "not_there.php"};
  fcgip_endpoint_options endpoint_options = {.max_connections = 20};
  fcgip_proxy *proxy = proxy_in(l, FPM_THREE, &endpoint_options);
  fcgip_request_id ids[COUNT];
  size_t i, len;

  for (i = 0; i < COUNT; i++) {
    char query[64];
    fcgip_request *request;

    snprintf(query, sizeof(query), "value=%zu&ms=%zu&count=2&bytes=%zu", i, i, i * 3000);
    request = get(scripts[i % 6], query);
    if (i % 12 == 1)
      fcgip_request_set_script_filename(request, "/status");
    ids[i] = send_async(proxy, request);
    fcgip_request_free(request);
  }
  while (fcgip_proxy_pending(proxy) > 0)
    turn(l, proxy);
  for (i = 0; i < COUNT; i++) {
    fcgip_response *response;
    int rc = fcgip_proxy_read_response(proxy, ids[i], 0, &response);

    assert_non_null(response);
    fcgip_response_body(response, &len);
    snprintf(results[i], 64, "%s %d %zu", fcgip_errname(rc), fcgip_response_status(response),
             i % 12 == 1 ? 0 : len);
    fcgip_response_free(response);
  }
  fcgip_proxy_free(proxy);
}

static void all_ways_have_the_same_results(void **state)
{
  static char results[WAYS][COUNT][64];
  loop l;
  int how, i;

  (void)state;
  for (how = 0; how < WAYS; how++) {
    loop_start(&l, (way)how);
    run_all(&l, results[how]);
    loop_stop(&l);
  }
  for (i = 0; i < COUNT; i++) {
    assert_string_equal(results[PULL][i], results[OWN_POLL][i]);
    assert_string_equal(results[PUSH][i], results[OWN_POLL][i]);
  }
  assert_string_equal(results[PUSH][0], "FCGIP_OK 200 13");
  assert_string_equal(results[PUSH][3], "FCGIP_EREAD 200 15");
  assert_string_equal(results[PUSH][5], "FCGIP_OK 404 16");
}

/* Deadlines come from the caller's loop. */
static void timers(void **state)
{
  loop l;
  int how;

  (void)state;
  for (how = 0; how < WAYS; how++) {
    fcgip_endpoint_options options = {.request_timeout_ms = 100};
    fcgip_request *request = get("sleep.php", "ms=1500");
    fcgip_proxy *proxy;
    fcgip_response *response;
    fcgip_request_id id;

    loop_start(&l, (way)how);
    proxy = proxy_in(&l, FPM_BIT(FPM_UNIX), &options);
    assert_int_equal(fcgip_proxy_timeout_ms(proxy), -1);
    id = send_async(proxy, request);
    assert_true(fcgip_proxy_timeout_ms(proxy) >= 0 && fcgip_proxy_timeout_ms(proxy) <= 100);
    fcgip_request_free(request);
    while (fcgip_proxy_pending(proxy) > 0)
      turn(&l, proxy);
    assert_int_equal(fcgip_proxy_read_response(proxy, id, 0, &response), FCGIP_ETIMEDOUT);
    assert_true(fcgip_response_duration(response) >= 0.1);
    fcgip_response_free(response);
    fcgip_proxy_free(proxy);
    loop_stop(&l);
  }
}

/* Kept connections stay watched, so that their end is noticed; and are taken back when the proxy is freed. */
static void kept_connections(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 2, .idle_timeout_ms = PATIENCE_MS};
  loop l;
  int how;

  (void)state;
  for (how = 0; how < WAYS; how++) {
    fcgip_request *request = get("echo.php", "value=x");
    uint64_t start = clock_ms();
    fcgip_proxy *proxy;
    int i;

    loop_start(&l, (way)how);
    proxy = proxy_in(&l, FPM_BIT(FPM_NETWORK1), &options);
    for (i = 0; i < 5; i++) {
      send_async(proxy, request);
      while (fcgip_proxy_pending(proxy) > 0)
        turn(&l, proxy);
    }
    assert_int_equal(fcgip_proxy_fds(proxy, NULL, 0), 1);
    assert_int_equal(fpm_reload(server), 0);
    while (fcgip_proxy_fds(proxy, NULL, 0) > 0) {
      assert_true(clock_ms() - start < PATIENCE_MS);
      turn(&l, proxy);
    }
    send_async(proxy, request);
    while (fcgip_proxy_pending(proxy) > 0)
      turn(&l, proxy);
    assert_int_equal(fcgip_proxy_handle_ready_responses(proxy, 0), 6);
    assert_int_equal(fcgip_proxy_fds(proxy, NULL, 0), 1);
    fcgip_request_free(request);
    fcgip_proxy_free(proxy);
    loop_stop(&l);
  }
}

/* A full backlog has nothing to watch, only a time. */
static void a_full_backlog(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 100, .connect_timeout_ms = PATIENCE_MS};
  loop l;
  int how, i;

  (void)state;
  for (how = 0; how < WAYS; how++) {
    fcgip_request *request = get("sleep.php", "ms=2&value=x");
    fcgip_proxy *proxy;

    loop_start(&l, (way)how);
    proxy = proxy_in(&l, FPM_BIT(FPM_SMALL_UNIX), &options);
    for (i = 0; i < 100; i++)
      send_async(proxy, request);
    fcgip_request_free(request);
    while (fcgip_proxy_pending(proxy) > 0)
      turn(&l, proxy);
    for (i = 0; i < 100; i++) {
      fcgip_response *response;

      assert_int_equal(fcgip_proxy_next_response(proxy, 0, &response), 1);
      assert_echo(response, "x", FPM_SMALL_UNIX);
    }
    fcgip_proxy_free(proxy);
    loop_stop(&l);
  }
}

/* ---- the cluster proxy has the same ---- */

static void turn_cluster(loop *l, fcgip_cluster_proxy *cluster)
{
  struct pollfd fds[FDS];
  struct epoll_event events[16];
  int timeout = fcgip_cluster_proxy_timeout_ms(cluster), n, i;

  if (timeout < 0)
    timeout = PATIENCE_MS;
  if (l->how == OWN_POLL) {
    fcgip_cluster_proxy_poll(cluster, PATIENCE_MS);
    return;
  }
  if (l->how == PUSH) {
    n = epoll_wait(l->epoll_fd, events, 16, timeout);
    for (i = 0; i < n; i++)
      fcgip_cluster_proxy_process_fd(cluster, events[i].data.fd, POLLIN | POLLOUT);
  } else {
    n = (int)fcgip_cluster_proxy_fds(cluster, fds, FDS);
    assert_true(poll(fds, (nfds_t)n, timeout) >= 0);
    for (i = 0; i < n; i++)
      fcgip_cluster_proxy_process_fd(cluster, fds[i].fd, fds[i].revents);
  }
  assert_int_equal(fcgip_cluster_proxy_process_timers(cluster), FCGIP_OK);
}

static void clusters(void **state)
{
  loop l;
  int how, i;

  (void)state;
  for (how = 0; how < WAYS; how++) {
    fcgip_collection *collection = collection_of(fcgip_cluster_new, FPM_THREE, NULL);
    fcgip_request *request = get("sleep.php", "ms=30&value=x");
    fcgip_cluster_proxy *cluster;
    fcgip_proxy_options options;
    fcgip_response *responses[8];
    size_t n;

    loop_start(&l, (way)how);
    options = options_of(&l);
    assert_int_equal(fcgip_cluster_proxy_new(&cluster, collection, &options), FCGIP_OK);
    fcgip_collection_free(collection);
    for (i = 0; i < 2; i++)
      assert_int_equal(fcgip_cluster_proxy_send_async_request(cluster, request), FCGIP_OK);
    fcgip_request_free(request);
    while (fcgip_cluster_proxy_pending(cluster) > 0)
      turn_cluster(&l, cluster);
    assert_int_equal(fcgip_cluster_proxy_read_ready_responses(cluster, 0, responses, 8, &n),
                     FCGIP_OK);
    assert_int_equal(n, 6);
    for (i = 0; i < 6; i++) {
      assert_true(pool_of(responses[i]) >= 0);
      fcgip_response_free(responses[i]);
    }
    fcgip_cluster_proxy_free(cluster);
    loop_stop(&l);
  }
}

static int start(void **state)
{
  return start_server(state, FPM_THREE | FPM_BIT(FPM_SMALL_UNIX));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(all_ways_have_the_same_results),
      TEST(timers),
      TEST(kept_connections),
      TEST(a_full_backlog),
      TEST(clusters),
  };

  return RUN_ON_FPM(tests, start);
}
