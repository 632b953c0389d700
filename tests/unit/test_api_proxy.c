/* The census, continued (see test_api.c): proxies, clusters and their status, which take nothing, zero and nonsense
 * for what they are as well. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/fcgiproxy.h"

static void *const garbage = (void *)(uintptr_t)16;

static fcgip_endpoint *endpoint;
static fcgip_collection *rotation, *all;
static fcgip_request *request;

static int setup(void **state)
{
  const fcgip_endpoint *only;

  (void)state;
  if (fcgip_endpoint_new_unix(&endpoint, "/nowhere/at/all.sock", NULL) < 0)
    return -1;
  only = endpoint;
  if (fcgip_round_robin_new(&rotation, &only, 1) < 0 || fcgip_cluster_new(&all, &only, 1) < 0)
    return -1;
  return fcgip_request_new(&request, "GET", "/x");
}

static int teardown(void **state)
{
  (void)state;
  fcgip_request_free(request);
  fcgip_collection_free(rotation);
  fcgip_collection_free(all);
  fcgip_endpoint_free(endpoint);
  return 0;
}

static void no_proxy(void **state)
{
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};
  fcgip_response *out = garbage;
  fcgip_request_id id = 7, ids[1] = {1};
  struct pollfd fds[1];
  size_t n = 7;

  (void)state;
  assert_int_equal(fcgip_proxy_new(NULL, rotation, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_send_request(NULL, request, &out), FCGIP_EINVAL);
  assert_null(out);
  assert_int_equal(fcgip_proxy_send_async_request(NULL, request, &id), FCGIP_EINVAL);
  assert_int_equal(id, 0);
  out = garbage;
  assert_int_equal(fcgip_proxy_read_response(NULL, 1, 0, &out), FCGIP_EINVAL);
  assert_null(out);
  assert_int_equal(fcgip_proxy_read_responses(NULL, 0, ids, 1, &out), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_ready_responses(NULL, 0, &out, 1, &n), FCGIP_EINVAL);
  assert_int_equal(n, 0);
  assert_int_equal(fcgip_proxy_next_response(NULL, 0, &out), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_has_response(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_request_ids_having_response(NULL, ids, 1), 0);
  assert_int_equal(fcgip_proxy_wait_for_response(NULL, 1, 0), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_wait_for_responses(NULL, 0), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_handle_response(NULL, 1, 0), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_handle_responses(NULL, 0, ids, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_handle_ready_responses(NULL, 0), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_has_unhandled_responses(NULL), 0);
  assert_int_equal(fcgip_proxy_pending(NULL), 0);
  assert_int_equal(fcgip_proxy_cancel(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_pause(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_resume(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_endpoint_stats(NULL, 0, &stats), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_fds(NULL, fds, 1), 0);
  assert_int_equal(fcgip_proxy_timeout_ms(NULL), -1);
  assert_int_equal(fcgip_proxy_process_fd(NULL, 1, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_process_timers(NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_poll(NULL, 0), FCGIP_EINVAL);
  fcgip_proxy_free(NULL);
}

static void nonsense_for_new_proxies(void **state)
{
  struct {
    fcgip_proxy_options known;
    uint64_t news;
  } newer;
  fcgip_proxy_options options = {.struct_size = sizeof(options)};
  fcgip_allocator broken = {.struct_size = sizeof(broken)};
  fcgip_proxy *proxy = garbage;
  fcgip_cluster_proxy *cluster = garbage;
  uint32_t size;

  (void)state;
  assert_int_equal(fcgip_proxy_new(&proxy, NULL, NULL), FCGIP_EINVAL);
  assert_null(proxy);
  assert_int_equal(fcgip_proxy_new(&proxy, all, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_new(&cluster, NULL, NULL), FCGIP_EINVAL);
  assert_null(cluster);
  assert_int_equal(fcgip_cluster_proxy_new(NULL, all, NULL), FCGIP_EINVAL);
  options.flags = 0x80000000u;
  assert_int_equal(fcgip_proxy_new(&proxy, rotation, &options), FCGIP_EINVAL);
  options.flags = FCGIP_PROXY_FAILOVER;
  assert_int_equal(fcgip_cluster_proxy_new(&cluster, all, &options), FCGIP_EINVAL);
  options.flags = 0;
  options.allocator = &broken;
  assert_int_equal(fcgip_proxy_new(&proxy, rotation, &options), FCGIP_EINVAL);
  options.allocator = NULL;
  for (size = 0; size < sizeof(options); size++) {
    options.struct_size = size;
    assert_int_equal(fcgip_proxy_new(&proxy, rotation, &options), FCGIP_EINVAL);
  }
  memset(&newer, 0, sizeof(newer));
  newer.known.struct_size = sizeof(newer);
  newer.news = 1;
  assert_int_equal(fcgip_proxy_new(&proxy, rotation, &newer.known), FCGIP_E2BIG);
  assert_null(proxy);
  newer.news = 0;
  assert_int_equal(fcgip_proxy_new(&proxy, rotation, &newer.known), FCGIP_OK);
  fcgip_proxy_free(proxy);
}

/* Of a proxy that is there, and whose server is not. */
static void nonsense_for_proxies(void **state)
{
  fcgip_endpoint_stats stats = {.struct_size = 0};
  fcgip_response *out = garbage;
  fcgip_request_id ids[2] = {0, UINT64_MAX};
  fcgip_proxy *p;
  size_t n = 7;

  (void)state;
  assert_int_equal(fcgip_proxy_new(&p, rotation, NULL), FCGIP_OK);
  assert_int_equal(fcgip_proxy_send_request(p, NULL, &out), FCGIP_EINVAL);
  assert_null(out);
  assert_int_equal(fcgip_proxy_send_request(p, request, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_send_async_request(p, NULL, ids), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_response(p, 0, 0, &out), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_read_response(p, 1, -2, &out), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_response(p, 1, INT_MIN, &out), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_response(p, 1, 0, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_responses(p, 0, NULL, 1, &out), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_responses(p, 0, ids, 1, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_responses(p, -2, ids, 1, &out), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_responses(p, -1, NULL, 0, NULL), 0);
  assert_int_equal(fcgip_proxy_read_ready_responses(p, 0, NULL, 1, &n), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_ready_responses(p, 0, &out, 0, &n), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_ready_responses(p, 0, &out, 1, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_read_ready_responses(p, -2, &out, 1, &n), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_next_response(p, -2, &out), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_next_response(p, 0, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_next_response(p, -1, &out), 0); /* nothing is pending */
  assert_int_equal(fcgip_proxy_has_response(p, 0), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_request_ids_having_response(p, NULL, 9), 0);
  assert_int_equal(fcgip_proxy_wait_for_response(p, UINT64_MAX, -1), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_wait_for_response(p, 1, -2), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_wait_for_responses(p, INT_MIN), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_handle_response(p, 1, -2), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_handle_responses(p, 0, NULL, 2), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_handle_responses(p, -2, ids, 2), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_handle_responses(p, -1, ids, 2), 0);
  assert_int_equal(fcgip_proxy_handle_ready_responses(p, -2), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_cancel(p, 0), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_pause(p, 0), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_resume(p, 0), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_endpoint_stats(p, 0, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_endpoint_stats(p, 0, &stats), FCGIP_EINVAL);
  stats.struct_size = sizeof(stats);
  assert_int_equal(fcgip_proxy_endpoint_stats(p, 1, &stats), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_proxy_process_fd(p, INT_MIN, SHRT_MIN), FCGIP_OK);
  assert_int_equal(fcgip_proxy_process_timers(p), FCGIP_OK);
  assert_int_equal(fcgip_proxy_poll(p, INT_MIN), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_poll(p, 0), FCGIP_EAGAIN);
  fcgip_proxy_free(p);
}

/* An older caller's struct is filled as far as it goes, and no further. */
static void counters_for_older_callers(void **state)
{
  struct {
    fcgip_endpoint_stats stats;
    uint8_t guard[16];
  } room;
  fcgip_proxy *p;
  uint32_t size;
  size_t i;

  (void)state;
  assert_int_equal(fcgip_proxy_new(&p, rotation, NULL), FCGIP_OK);
  for (size = 8; size <= sizeof(room.stats); size += 8) {
    const uint8_t *bytes = (const uint8_t *)&room;

    memset(&room, 0xa5, sizeof(room));
    room.stats.struct_size = size;
    assert_int_equal(fcgip_proxy_endpoint_stats(p, 0, &room.stats), FCGIP_OK);
    assert_int_equal(room.stats.struct_size, size);
    for (i = 4; i < sizeof(room); i++)
      assert_int_equal(bytes[i], i < size ? 0 : 0xa5);
  }
  fcgip_proxy_free(p);
}

static void no_cluster(void **state)
{
  fcgip_status_parser parser = {.struct_size = sizeof(parser)};
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};
  fcgip_status_list *list = garbage;
  fcgip_response *out = garbage;
  struct pollfd fds[1];
  size_t n = 7;

  (void)state;
  assert_int_equal(fcgip_cluster_proxy_send_async_request(NULL, request), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_next_response(NULL, 0, &out), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_read_ready_responses(NULL, 0, &out, 1, &n), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_wait_for_responses(NULL, 0), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_handle_ready_responses(NULL, 0), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_has_unhandled_responses(NULL), 0);
  assert_int_equal(fcgip_cluster_proxy_pending(NULL), 0);
  assert_int_equal(fcgip_cluster_proxy_cancel_all(NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_pause(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_resume(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_endpoint_stats(NULL, 0, &stats), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_fds(NULL, fds, 1), 0);
  assert_int_equal(fcgip_cluster_proxy_timeout_ms(NULL), -1);
  assert_int_equal(fcgip_cluster_proxy_process_fd(NULL, 1, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_process_timers(NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_poll(NULL, 0), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_get_status(NULL, "/status", 0, &list), FCGIP_EINVAL);
  assert_null(list);
  list = garbage;
  assert_int_equal(fcgip_cluster_proxy_get_status_with(NULL, "/s", 0, &parser, &list),
                   FCGIP_EINVAL);
  assert_null(list);
  fcgip_cluster_proxy_free(NULL);
}

static void nonsense_for_clusters(void **state)
{
  fcgip_status_parser parser = {.struct_size = sizeof(parser)};
  fcgip_status_list *list = garbage;
  fcgip_cluster_proxy *c;
  fcgip_response *out;
  size_t n;

  (void)state;
  assert_int_equal(fcgip_cluster_proxy_new(&c, all, NULL), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_send_async_request(c, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_next_response(c, -2, &out), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_read_ready_responses(c, 0, &out, 0, &n), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_wait_for_responses(c, -2), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_handle_ready_responses(c, -2), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_pause(c, 1), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_cluster_proxy_resume(c, 1), FCGIP_ENOTFOUND);
  assert_int_equal(fcgip_cluster_proxy_cancel_all(c), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_poll(c, -2), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_get_status(c, NULL, 0, &list), FCGIP_EINVAL);
  assert_null(list);
  assert_int_equal(fcgip_cluster_proxy_get_status(c, "/s", -2, &list), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_get_status(c, "/s", 0, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_get_status_with(c, "/s", 0, NULL, &list), FCGIP_EINVAL);
  assert_int_equal(fcgip_cluster_proxy_get_status_with(c, "/s", 0, &parser, &list), FCGIP_EINVAL);
  assert_null(list);
  fcgip_cluster_proxy_free(c);
}

static void no_status(void **state)
{
  const char *key, *value;

  (void)state;
  assert_int_equal(fcgip_status_list_count(NULL), 0);
  assert_null(fcgip_status_list_at(NULL, 0));
  fcgip_status_list_free(NULL);
  assert_int_equal(fcgip_server_status_error(NULL), FCGIP_EINVAL);
  assert_string_equal(fcgip_server_status_error_text(NULL), "");
  assert_null(fcgip_server_status_endpoint(NULL));
  assert_null(fcgip_server_status_response(NULL));
  assert_null(fcgip_server_status_php_fpm(NULL));
  assert_null(fcgip_server_status_value(NULL));
  assert_int_equal(fcgip_php_fpm_status_has(NULL, FCGIP_PHP_FPM_POOL_NAME), 0);
  assert_string_equal(fcgip_php_fpm_status_pool_name(NULL), "");
  assert_string_equal(fcgip_php_fpm_status_process_manager(NULL), "");
  assert_int_equal(fcgip_php_fpm_status_start_time(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_start_since(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_accepted_connections(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_listen_queue(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_max_listen_queue(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_listen_queue_length(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_idle_processes(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_active_processes(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_total_processes(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_max_active_processes(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_max_children_reached(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_slow_requests(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_memory_peak(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_extra_count(NULL), 0);
  assert_int_equal(fcgip_php_fpm_status_extra(NULL, 0, &key, &value), FCGIP_EINVAL);
  assert_int_equal(fcgip_php_fpm_status_process_count(NULL), 0);
  assert_null(fcgip_php_fpm_status_process(NULL, 0));
}

static void no_process(void **state)
{
  (void)state;
  assert_int_equal(fcgip_php_fpm_process_pid(NULL), 0);
  assert_string_equal(fcgip_php_fpm_process_state(NULL), "");
  assert_int_equal(fcgip_php_fpm_process_start_time(NULL), 0);
  assert_int_equal(fcgip_php_fpm_process_start_since(NULL), 0);
  assert_int_equal(fcgip_php_fpm_process_requests(NULL), 0);
  assert_int_equal(fcgip_php_fpm_process_request_duration(NULL), 0);
  assert_string_equal(fcgip_php_fpm_process_request_method(NULL), "");
  assert_string_equal(fcgip_php_fpm_process_request_uri(NULL), "");
  assert_int_equal(fcgip_php_fpm_process_content_length(NULL), 0);
  assert_string_equal(fcgip_php_fpm_process_user(NULL), "");
  assert_string_equal(fcgip_php_fpm_process_script(NULL), "");
  assert_true(fcgip_php_fpm_process_last_request_cpu(NULL) <= 0);
  assert_int_equal(fcgip_php_fpm_process_last_request_memory(NULL), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(no_proxy),
      TEST(nonsense_for_new_proxies),
      TEST(nonsense_for_proxies),
      TEST(counters_for_older_callers),
      TEST(no_cluster),
      TEST(nonsense_for_clusters),
      cmocka_unit_test(no_status),
      cmocka_unit_test(no_process),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
