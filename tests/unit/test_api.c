/* The census of the public interface: every function exists, and takes nothing, zero and nonsense for what they are
 * (RUN-11): FCGIP_EINVAL, 0, NULL, "" or no effect. tests/gates/api.sh sees to it that none is missing here. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/fcgiproxy.h"

#define FUNCTION(name)                                                                             \
  {                                                                                                \
#name, (void (*)(void))name                                                                    \
  }
static const struct {
  const char *name;
  void (*function)(void);
} functions[] = {
    FUNCTION(fcgip_cluster_new),
    FUNCTION(fcgip_cluster_proxy_cancel_all),
    FUNCTION(fcgip_cluster_proxy_endpoint_stats),
    FUNCTION(fcgip_cluster_proxy_fds),
    FUNCTION(fcgip_cluster_proxy_free),
    FUNCTION(fcgip_cluster_proxy_get_status),
    FUNCTION(fcgip_cluster_proxy_get_status_with),
    FUNCTION(fcgip_cluster_proxy_handle_ready_responses),
    FUNCTION(fcgip_cluster_proxy_has_unhandled_responses),
    FUNCTION(fcgip_cluster_proxy_new),
    FUNCTION(fcgip_cluster_proxy_next_response),
    FUNCTION(fcgip_cluster_proxy_pause),
    FUNCTION(fcgip_cluster_proxy_pending),
    FUNCTION(fcgip_cluster_proxy_poll),
    FUNCTION(fcgip_cluster_proxy_process_fd),
    FUNCTION(fcgip_cluster_proxy_process_timers),
    FUNCTION(fcgip_cluster_proxy_read_ready_responses),
    FUNCTION(fcgip_cluster_proxy_resume),
    FUNCTION(fcgip_cluster_proxy_send_async_request),
    FUNCTION(fcgip_cluster_proxy_timeout_ms),
    FUNCTION(fcgip_cluster_proxy_wait_for_responses),
    FUNCTION(fcgip_collection_count),
    FUNCTION(fcgip_collection_endpoint),
    FUNCTION(fcgip_collection_free),
    FUNCTION(fcgip_custom_new),
    FUNCTION(fcgip_delete_request_new),
    FUNCTION(fcgip_endpoint_address),
    FUNCTION(fcgip_endpoint_free),
    FUNCTION(fcgip_endpoint_new_tcp),
    FUNCTION(fcgip_endpoint_new_unix),
    FUNCTION(fcgip_endpoint_parse),
    FUNCTION(fcgip_endpoint_resolve),
    FUNCTION(fcgip_errname),
    FUNCTION(fcgip_form_add),
    FUNCTION(fcgip_form_add_n),
    FUNCTION(fcgip_form_content),
    FUNCTION(fcgip_form_free),
    FUNCTION(fcgip_form_new),
    FUNCTION(fcgip_form_new_with_allocator),
    FUNCTION(fcgip_get_request_new),
    FUNCTION(fcgip_json_content),
    FUNCTION(fcgip_multipart_add),
    FUNCTION(fcgip_multipart_add_data),
    FUNCTION(fcgip_multipart_add_file),
    FUNCTION(fcgip_multipart_add_n),
    FUNCTION(fcgip_multipart_free),
    FUNCTION(fcgip_multipart_new),
    FUNCTION(fcgip_multipart_new_with_allocator),
    FUNCTION(fcgip_patch_request_new),
    FUNCTION(fcgip_php_fpm_process_content_length),
    FUNCTION(fcgip_php_fpm_process_last_request_cpu),
    FUNCTION(fcgip_php_fpm_process_last_request_memory),
    FUNCTION(fcgip_php_fpm_process_pid),
    FUNCTION(fcgip_php_fpm_process_request_duration),
    FUNCTION(fcgip_php_fpm_process_request_method),
    FUNCTION(fcgip_php_fpm_process_request_uri),
    FUNCTION(fcgip_php_fpm_process_requests),
    FUNCTION(fcgip_php_fpm_process_script),
    FUNCTION(fcgip_php_fpm_process_start_since),
    FUNCTION(fcgip_php_fpm_process_start_time),
    FUNCTION(fcgip_php_fpm_process_state),
    FUNCTION(fcgip_php_fpm_process_user),
    FUNCTION(fcgip_php_fpm_status_accepted_connections),
    FUNCTION(fcgip_php_fpm_status_active_processes),
    FUNCTION(fcgip_php_fpm_status_extra),
    FUNCTION(fcgip_php_fpm_status_extra_count),
    FUNCTION(fcgip_php_fpm_status_has),
    FUNCTION(fcgip_php_fpm_status_idle_processes),
    FUNCTION(fcgip_php_fpm_status_listen_queue),
    FUNCTION(fcgip_php_fpm_status_listen_queue_length),
    FUNCTION(fcgip_php_fpm_status_max_active_processes),
    FUNCTION(fcgip_php_fpm_status_max_children_reached),
    FUNCTION(fcgip_php_fpm_status_max_listen_queue),
    FUNCTION(fcgip_php_fpm_status_memory_peak),
    FUNCTION(fcgip_php_fpm_status_pool_name),
    FUNCTION(fcgip_php_fpm_status_process),
    FUNCTION(fcgip_php_fpm_status_process_count),
    FUNCTION(fcgip_php_fpm_status_process_manager),
    FUNCTION(fcgip_php_fpm_status_slow_requests),
    FUNCTION(fcgip_php_fpm_status_start_since),
    FUNCTION(fcgip_php_fpm_status_start_time),
    FUNCTION(fcgip_php_fpm_status_total_processes),
    FUNCTION(fcgip_post_request_new),
    FUNCTION(fcgip_proxy_cancel),
    FUNCTION(fcgip_proxy_endpoint_stats),
    FUNCTION(fcgip_proxy_fds),
    FUNCTION(fcgip_proxy_free),
    FUNCTION(fcgip_proxy_handle_ready_responses),
    FUNCTION(fcgip_proxy_handle_response),
    FUNCTION(fcgip_proxy_handle_responses),
    FUNCTION(fcgip_proxy_has_response),
    FUNCTION(fcgip_proxy_has_unhandled_responses),
    FUNCTION(fcgip_proxy_new),
    FUNCTION(fcgip_proxy_next_response),
    FUNCTION(fcgip_proxy_pause),
    FUNCTION(fcgip_proxy_pending),
    FUNCTION(fcgip_proxy_poll),
    FUNCTION(fcgip_proxy_process_fd),
    FUNCTION(fcgip_proxy_process_timers),
    FUNCTION(fcgip_proxy_read_ready_responses),
    FUNCTION(fcgip_proxy_read_response),
    FUNCTION(fcgip_proxy_read_responses),
    FUNCTION(fcgip_proxy_request_ids_having_response),
    FUNCTION(fcgip_proxy_resume),
    FUNCTION(fcgip_proxy_send_async_request),
    FUNCTION(fcgip_proxy_send_request),
    FUNCTION(fcgip_proxy_timeout_ms),
    FUNCTION(fcgip_proxy_wait_for_response),
    FUNCTION(fcgip_proxy_wait_for_responses),
    FUNCTION(fcgip_put_request_new),
    FUNCTION(fcgip_random_new),
    FUNCTION(fcgip_random_new_seeded),
    FUNCTION(fcgip_request_add_failure_callback),
    FUNCTION(fcgip_request_add_http_header),
    FUNCTION(fcgip_request_add_pass_through_callback),
    FUNCTION(fcgip_request_add_response_callback),
    FUNCTION(fcgip_request_allow_php_settings),
    FUNCTION(fcgip_request_body_kept),
    FUNCTION(fcgip_request_content),
    FUNCTION(fcgip_request_content_length),
    FUNCTION(fcgip_request_content_type),
    FUNCTION(fcgip_request_custom_var_at),
    FUNCTION(fcgip_request_custom_var_count),
    FUNCTION(fcgip_request_free),
    FUNCTION(fcgip_request_gateway_interface),
    FUNCTION(fcgip_request_method),
    FUNCTION(fcgip_request_new),
    FUNCTION(fcgip_request_new_with_allocator),
    FUNCTION(fcgip_request_param_at),
    FUNCTION(fcgip_request_param_count),
    FUNCTION(fcgip_request_remote_address),
    FUNCTION(fcgip_request_remote_port),
    FUNCTION(fcgip_request_request_uri),
    FUNCTION(fcgip_request_reset_custom_vars),
    FUNCTION(fcgip_request_retry_safe),
    FUNCTION(fcgip_request_role),
    FUNCTION(fcgip_request_script_filename),
    FUNCTION(fcgip_request_server_address),
    FUNCTION(fcgip_request_server_name),
    FUNCTION(fcgip_request_server_port),
    FUNCTION(fcgip_request_server_protocol),
    FUNCTION(fcgip_request_server_software),
    FUNCTION(fcgip_request_set_body_kept),
    FUNCTION(fcgip_request_set_connect_timeout_ms),
    FUNCTION(fcgip_request_set_content),
    FUNCTION(fcgip_request_set_content_fd),
    FUNCTION(fcgip_request_set_content_ref),
    FUNCTION(fcgip_request_set_content_source),
    FUNCTION(fcgip_request_set_content_type),
    FUNCTION(fcgip_request_set_custom_var),
    FUNCTION(fcgip_request_set_custom_var_n),
    FUNCTION(fcgip_request_set_first_byte_timeout_ms),
    FUNCTION(fcgip_request_set_form),
    FUNCTION(fcgip_request_set_json),
    FUNCTION(fcgip_request_set_multipart),
    FUNCTION(fcgip_request_set_read_write_timeout_ms),
    FUNCTION(fcgip_request_set_remote_address),
    FUNCTION(fcgip_request_set_remote_port),
    FUNCTION(fcgip_request_set_request_timeout_ms),
    FUNCTION(fcgip_request_set_request_uri),
    FUNCTION(fcgip_request_set_retry_safe),
    FUNCTION(fcgip_request_set_role),
    FUNCTION(fcgip_request_set_script_filename),
    FUNCTION(fcgip_request_set_server_address),
    FUNCTION(fcgip_request_set_server_name),
    FUNCTION(fcgip_request_set_server_port),
    FUNCTION(fcgip_request_set_server_protocol),
    FUNCTION(fcgip_request_set_server_software),
    FUNCTION(fcgip_request_set_timeouts),
    FUNCTION(fcgip_request_spool_content),
    FUNCTION(fcgip_request_timeouts),
    FUNCTION(fcgip_response_app_status),
    FUNCTION(fcgip_response_body),
    FUNCTION(fcgip_response_body_length),
    FUNCTION(fcgip_response_duration),
    FUNCTION(fcgip_response_endpoint),
    FUNCTION(fcgip_response_errno),
    FUNCTION(fcgip_response_error),
    FUNCTION(fcgip_response_error_text),
    FUNCTION(fcgip_response_free),
    FUNCTION(fcgip_response_header),
    FUNCTION(fcgip_response_header_at),
    FUNCTION(fcgip_response_header_count),
    FUNCTION(fcgip_response_header_line),
    FUNCTION(fcgip_response_header_values),
    FUNCTION(fcgip_response_is_partial),
    FUNCTION(fcgip_response_is_retry_safe),
    FUNCTION(fcgip_response_output),
    FUNCTION(fcgip_response_ref),
    FUNCTION(fcgip_response_request_id),
    FUNCTION(fcgip_response_status),
    FUNCTION(fcgip_response_status_text),
    FUNCTION(fcgip_response_stderr),
    FUNCTION(fcgip_response_stderr_is_truncated),
    FUNCTION(fcgip_round_robin_new),
    FUNCTION(fcgip_server_status_endpoint),
    FUNCTION(fcgip_server_status_error),
    FUNCTION(fcgip_server_status_error_text),
    FUNCTION(fcgip_server_status_php_fpm),
    FUNCTION(fcgip_server_status_response),
    FUNCTION(fcgip_server_status_value),
    FUNCTION(fcgip_status_list_at),
    FUNCTION(fcgip_status_list_count),
    FUNCTION(fcgip_status_list_free),
    FUNCTION(fcgip_strerror),
    FUNCTION(fcgip_version),
};

static void all_are_there(void **state)
{
  size_t i, j;

  (void)state;
  for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
    assert_true(functions[i].function != NULL);
    assert_int_equal(strncmp(functions[i].name, "fcgip_", 6), 0);
    for (j = 0; j < i; j++)
      assert_string_not_equal(functions[i].name, functions[j].name);
  }
}

/* What a constructor has to clear. */
static void *const garbage = (void *)(uintptr_t)16;

#define ASSERT_CLEARED(out)                                                                        \
  do {                                                                                             \
    assert_null(out);                                                                              \
    (out) = garbage;                                                                               \
  } while (0)

static int releases;

static void release(void *user_data)
{
  (void)user_data;
  releases++;
}

static void on_response(fcgip_response *response, void *user_data)
{
  (void)response, (void)user_data;
}

static int on_piece(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                    size_t error_len, void *user_data)
{
  (void)id, (void)output, (void)output_len, (void)error, (void)error_len, (void)user_data;
  return 0;
}

static int pick(const fcgip_collection *collection, const fcgip_request *request, size_t *index,
                void *user_data)
{
  (void)collection, (void)request, (void)user_data;
  *index = 0;
  return FCGIP_OK;
}

static int source(uint64_t offset, void *buffer, size_t cap, size_t *n, void *user_data)
{
  (void)offset, (void)buffer, (void)cap, (void)user_data;
  *n = 0;
  return FCGIP_OK;
}

static void names_and_errors(void **state)
{
  (void)state;
  assert_string_equal(fcgip_errname(INT_MIN), "FCGIP_E?");
  assert_true(strlen(fcgip_strerror(INT_MAX)) > 0);
  assert_true(strlen(fcgip_version()) >= 5);
}

static void endpoints_and_collections(void **state)
{
  fcgip_endpoint_options too_small = {.struct_size = 4};
  const fcgip_endpoint *none[1] = {NULL};
  fcgip_endpoint *e = garbage;
  fcgip_collection *c = garbage;

  (void)state;
  assert_int_equal(fcgip_endpoint_new_tcp(NULL, "::1", 1, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_endpoint_new_tcp(&e, NULL, 1, NULL), FCGIP_EINVAL);
  ASSERT_CLEARED(e);
  assert_int_equal(fcgip_endpoint_new_tcp(&e, "::1", 0, NULL), FCGIP_EINVAL);
  ASSERT_CLEARED(e);
  assert_int_equal(fcgip_endpoint_new_tcp(&e, "::1", 1, &too_small), FCGIP_EINVAL);
  ASSERT_CLEARED(e);
  assert_int_equal(fcgip_endpoint_new_unix(NULL, "/x", NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_endpoint_new_unix(&e, NULL, NULL), FCGIP_EINVAL);
  ASSERT_CLEARED(e);
  assert_int_equal(fcgip_endpoint_parse(NULL, "/x", NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_endpoint_parse(&e, NULL, NULL), FCGIP_EINVAL);
  ASSERT_CLEARED(e);
  assert_int_equal(fcgip_endpoint_resolve(NULL), FCGIP_EINVAL);
  assert_string_equal(fcgip_endpoint_address(NULL), "");
  fcgip_endpoint_free(NULL);

  assert_int_equal(fcgip_random_new(&c, none, 1), FCGIP_EINVAL);
  ASSERT_CLEARED(c);
  assert_int_equal(fcgip_random_new_seeded(&c, NULL, 1, 0), FCGIP_EINVAL);
  ASSERT_CLEARED(c);
  assert_int_equal(fcgip_round_robin_new(&c, none, 0), FCGIP_EINVAL);
  ASSERT_CLEARED(c);
  assert_int_equal(fcgip_cluster_new(NULL, none, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_custom_new(&c, none, 1, pick, NULL, release), FCGIP_EINVAL);
  ASSERT_CLEARED(c);
  assert_int_equal(fcgip_custom_new(&c, none, 1, NULL, NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(releases, 1);
  assert_int_equal(fcgip_collection_count(NULL), 0);
  assert_null(fcgip_collection_endpoint(NULL, 0));
  fcgip_collection_free(NULL);
}

static void new_requests(void **state)
{
  fcgip_allocator broken = {0};
  fcgip_request *r = garbage;

  (void)state;
  assert_int_equal(fcgip_request_new(NULL, "GET", "/x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_new(&r, NULL, NULL), FCGIP_EINVAL);
  ASSERT_CLEARED(r);
  assert_int_equal(fcgip_request_new_with_allocator(&r, "GET", "/x", &broken), FCGIP_EINVAL);
  ASSERT_CLEARED(r);
  assert_int_equal(fcgip_get_request_new(&r, NULL, NULL, 0), FCGIP_EINVAL);
  ASSERT_CLEARED(r);
  assert_int_equal(fcgip_post_request_new(&r, "/x", NULL, 1), FCGIP_EINVAL);
  ASSERT_CLEARED(r);
  assert_int_equal(fcgip_put_request_new(NULL, "/x", NULL, 0), FCGIP_EINVAL);
  assert_int_equal(fcgip_patch_request_new(&r, NULL, "x", 1), FCGIP_EINVAL);
  ASSERT_CLEARED(r);
  assert_int_equal(fcgip_delete_request_new(&r, "/x\n", NULL, 0), FCGIP_EINVAL);
  assert_null(r);
  fcgip_request_free(NULL);
}

static void getters_of_no_request(void **state)
{
  fcgip_timeouts timeouts = {.struct_size = sizeof(timeouts)};
  const char *name, *value;
  size_t len = 7;

  (void)state;
  assert_string_equal(fcgip_request_method(NULL), "");
  assert_string_equal(fcgip_request_gateway_interface(NULL), "");
  assert_string_equal(fcgip_request_server_software(NULL), "");
  assert_string_equal(fcgip_request_remote_address(NULL), "");
  assert_int_equal(fcgip_request_remote_port(NULL), 0);
  assert_string_equal(fcgip_request_server_address(NULL), "");
  assert_int_equal(fcgip_request_server_port(NULL), 0);
  assert_string_equal(fcgip_request_server_name(NULL), "");
  assert_string_equal(fcgip_request_server_protocol(NULL), "");
  assert_string_equal(fcgip_request_content_type(NULL), "");
  assert_string_equal(fcgip_request_request_uri(NULL), "");
  assert_string_equal(fcgip_request_script_filename(NULL), "");
  assert_string_equal(fcgip_request_content(NULL, &len), "");
  assert_int_equal(len, 0);
  assert_int_equal(fcgip_request_content_length(NULL), 0);
  assert_int_equal(fcgip_request_body_kept(NULL), 0);
  assert_int_equal(fcgip_request_custom_var_count(NULL), 0);
  assert_int_equal(fcgip_request_custom_var_at(NULL, 0, &name, &value), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_role(NULL), 0);
  assert_int_equal(fcgip_request_retry_safe(NULL), 0);
  assert_int_equal(fcgip_request_timeouts(NULL, &timeouts), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_param_count(NULL), 0);
  assert_int_equal(fcgip_request_param_at(NULL, 0, &name, &value), FCGIP_EINVAL);
}

static void setters_of_no_request(void **state)
{
  fcgip_timeouts timeouts = {.struct_size = sizeof(timeouts)};

  (void)state;
  releases = 0;
  assert_int_equal(fcgip_request_set_server_software(NULL, "x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_remote_address(NULL, "x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_remote_port(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_server_address(NULL, "x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_server_port(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_server_name(NULL, "x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_server_protocol(NULL, "x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content_type(NULL, "x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_request_uri(NULL, "x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_script_filename(NULL, "x"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content(NULL, "x", 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content_ref(NULL, "x", 1, release, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content_source(NULL, source, 1, NULL, release), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content_fd(NULL, 0, 0, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_spool_content(NULL, source, NULL, 1, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_body_kept(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_custom_var(NULL, "A", "b"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_custom_var_n(NULL, "A", 1, "b", 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_reset_custom_vars(NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_allow_php_settings(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_http_header(NULL, "A", "b"), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_role(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_retry_safe(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_timeouts(NULL, &timeouts), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_connect_timeout_ms(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_read_write_timeout_ms(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_first_byte_timeout_ms(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_request_timeout_ms(NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_response_callback(NULL, on_response, NULL, release),
                   FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_failure_callback(NULL, on_response, NULL, release),
                   FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_pass_through_callback(NULL, on_piece, NULL, release),
                   FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_form(NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_multipart(NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_json(NULL, "1", 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_json_content(NULL, "1"), FCGIP_EINVAL);
  assert_int_equal(releases, 5);
}

/* Of a request that is there. */
static void nonsense_for_requests(void **state)
{
  fcgip_request *r;
  fcgip_form *form;

  (void)state;
  releases = 0;
  assert_int_equal(fcgip_request_new(&r, "GET", ""), FCGIP_OK);
  assert_int_equal(fcgip_request_set_server_software(r, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content(r, NULL, SIZE_MAX), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content_ref(r, NULL, 1, release, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_content_source(r, NULL, 1, NULL, release), FCGIP_EINVAL);
  assert_int_equal(releases, 2);
  assert_int_equal(fcgip_request_set_content_fd(r, -1, 0, 1), FCGIP_EFILE);
  assert_int_equal(fcgip_request_set_content_fd(r, INT_MAX, 0, 1), FCGIP_EFILE);
  assert_int_equal(fcgip_request_spool_content(r, NULL, NULL, 1, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_custom_var(r, NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_custom_var_n(r, "", 0, "", 0), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_add_http_header(r, NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_role(r, INT_MIN), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_timeouts(r, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_timeouts(r, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_param_at(r, SIZE_MAX, NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_form(r, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_multipart(r, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_request_set_json(r, NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_json_content(r, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_new(&form), FCGIP_OK);
  assert_int_equal(fcgip_request_set_form(NULL, form), FCGIP_EINVAL);
  fcgip_form_free(form);
  fcgip_request_free(r);
}

static void forms_and_multiparts(void **state)
{
  fcgip_allocator broken = {.struct_size = sizeof(broken)};
  fcgip_form *form = garbage;
  fcgip_multipart *m = garbage;
  size_t len = 7;

  (void)state;
  assert_int_equal(fcgip_form_new(NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_new_with_allocator(&form, &broken), FCGIP_EINVAL);
  ASSERT_CLEARED(form);
  assert_int_equal(fcgip_form_add(NULL, "a", "b"), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_add_n(NULL, "a", 1, "b", 1), FCGIP_EINVAL);
  assert_string_equal(fcgip_form_content(NULL, &len), "");
  assert_int_equal(len, 0);
  fcgip_form_free(NULL);
  assert_int_equal(fcgip_form_new(&form), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, NULL, "b"), FCGIP_EINVAL);
  assert_int_equal(fcgip_form_add_n(form, "a", 1, NULL, 1), FCGIP_EINVAL);
  fcgip_form_free(form);

  assert_int_equal(fcgip_multipart_new(NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_new_with_allocator(&m, &broken), FCGIP_EINVAL);
  assert_null(m);
  assert_int_equal(fcgip_multipart_add(NULL, "a", "b"), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_n(NULL, "a", "b", 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_file(NULL, "a", "/x", NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_data(NULL, "a", "b", 1, "f", NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_new(&m), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add(m, NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_n(m, "a", NULL, 1), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_file(m, "a", NULL, NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_multipart_add_file(m, "a", "/nowhere/x", NULL, NULL), FCGIP_EFILE);
  assert_int_equal(fcgip_multipart_add_data(m, "a", "b", 1, NULL, NULL), FCGIP_EINVAL);
  fcgip_multipart_free(m);
  fcgip_multipart_free(NULL);
}

static void no_response(void **state)
{
  const char *name, *value;
  size_t len = 7;

  (void)state;
  assert_int_equal(fcgip_response_error(NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_response_errno(NULL), 0);
  assert_string_equal(fcgip_response_error_text(NULL), "");
  assert_int_equal(fcgip_response_status(NULL), 0);
  assert_string_equal(fcgip_response_status_text(NULL), "");
  assert_int_equal(fcgip_response_app_status(NULL), 0);
  assert_int_equal(fcgip_response_header_count(NULL), 0);
  assert_int_equal(fcgip_response_header_at(NULL, 0, &name, &value), FCGIP_EINVAL);
  assert_null(fcgip_response_header(NULL, NULL));
  assert_int_equal(fcgip_response_header_values(NULL, NULL, NULL, 1), 0);
  assert_string_equal(fcgip_response_header_line(NULL, NULL), "");
  assert_string_equal(fcgip_response_body(NULL, &len), "");
  assert_int_equal(fcgip_response_body_length(NULL), 0);
  assert_string_equal(fcgip_response_output(NULL, NULL), "");
  assert_string_equal(fcgip_response_stderr(NULL, NULL), "");
  assert_int_equal(fcgip_response_is_partial(NULL), 0);
  assert_int_equal(fcgip_response_stderr_is_truncated(NULL), 0);
  assert_int_equal(fcgip_response_is_retry_safe(NULL), 0);
  assert_true(fcgip_response_duration(NULL) <= 0);
  assert_null(fcgip_response_endpoint(NULL));
  assert_int_equal(fcgip_response_request_id(NULL), 0);
  assert_null(fcgip_response_ref(NULL));
  fcgip_response_free(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_are_there),
      cmocka_unit_test(names_and_errors),
      cmocka_unit_test(endpoints_and_collections),
      cmocka_unit_test(new_requests),
      cmocka_unit_test(getters_of_no_request),
      cmocka_unit_test(setters_of_no_request),
      cmocka_unit_test(nonsense_for_requests),
      cmocka_unit_test(forms_and_multiparts),
      cmocka_unit_test(no_response),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
