/* RUN-11: every function with nothing, and every function with its handle and nothing else. Made from the
 * public headers by name; a function that is new has to be added. */
#include <stdlib.h>

#include "conformance/fixture.h"
#include "conformance/run.h"

/* Nothing to work on: an error, and no crash; or a plain value, whatever it is. */
#define REFUSED(call) CHECK(test, (call) < 0)
#define HARMLESS(call) ((void)(call))

typedef struct objects {
  fcgip_endpoint *endpoint;
  fcgip_collection *collection, *all;
  fcgip_request *request;
  fcgip_response *response;
  fcgip_proxy *proxy;
  fcgip_cluster_proxy *cluster;
  fcgip_form *form;
  fcgip_multipart *multipart;
} objects;

static void nothing_error(conf_test *test)
{
  (void)test;
  HARMLESS(fcgip_strerror(0));
  HARMLESS(fcgip_errname(0));
}

static void nothing_endpoint(conf_test *test)
{
  REFUSED(fcgip_endpoint_new_tcp(NULL, NULL, 0, NULL));
  REFUSED(fcgip_endpoint_new_unix(NULL, NULL, NULL));
  REFUSED(fcgip_endpoint_parse(NULL, NULL, NULL));
  REFUSED(fcgip_endpoint_resolve(NULL));
  HARMLESS(fcgip_endpoint_address(NULL));
  fcgip_endpoint_free(NULL);
}

static void nothing_collection(conf_test *test)
{
  REFUSED(fcgip_random_new(NULL, NULL, 0));
  REFUSED(fcgip_random_new_seeded(NULL, NULL, 0, 0));
  REFUSED(fcgip_round_robin_new(NULL, NULL, 0));
  REFUSED(fcgip_cluster_new(NULL, NULL, 0));
  REFUSED(fcgip_custom_new(NULL, NULL, 0, NULL, NULL, NULL));
  HARMLESS(fcgip_collection_count(NULL));
  HARMLESS(fcgip_collection_endpoint(NULL, 0));
  fcgip_collection_free(NULL);
}

static void nothing_content(conf_test *test)
{
  REFUSED(fcgip_form_new(NULL));
  REFUSED(fcgip_form_new_with_allocator(NULL, NULL));
  REFUSED(fcgip_form_add(NULL, NULL, NULL));
  REFUSED(fcgip_form_add_n(NULL, NULL, 0, NULL, 0));
  HARMLESS(fcgip_form_content(NULL, NULL));
  fcgip_form_free(NULL);
  REFUSED(fcgip_multipart_new(NULL));
  REFUSED(fcgip_multipart_new_with_allocator(NULL, NULL));
  REFUSED(fcgip_multipart_add(NULL, NULL, NULL));
  REFUSED(fcgip_multipart_add_n(NULL, NULL, NULL, 0));
  REFUSED(fcgip_multipart_add_file(NULL, NULL, NULL, NULL, NULL));
  REFUSED(fcgip_multipart_add_data(NULL, NULL, NULL, 0, NULL, NULL));
  fcgip_multipart_free(NULL);
  REFUSED(fcgip_request_set_form(NULL, NULL));
  REFUSED(fcgip_request_set_multipart(NULL, NULL));
  REFUSED(fcgip_request_set_json(NULL, NULL, 0));
  REFUSED(fcgip_json_content(NULL, NULL));
}

static void nothing_request(conf_test *test)
{
  REFUSED(fcgip_request_new(NULL, NULL, NULL));
  REFUSED(fcgip_request_new_with_allocator(NULL, NULL, NULL, NULL));
  REFUSED(fcgip_get_request_new(NULL, NULL, NULL, 0));
  REFUSED(fcgip_post_request_new(NULL, NULL, NULL, 0));
  REFUSED(fcgip_put_request_new(NULL, NULL, NULL, 0));
  REFUSED(fcgip_patch_request_new(NULL, NULL, NULL, 0));
  REFUSED(fcgip_delete_request_new(NULL, NULL, NULL, 0));
  HARMLESS(fcgip_request_method(NULL));
  REFUSED(fcgip_request_set_server_software(NULL, NULL));
  HARMLESS(fcgip_request_server_software(NULL));
  REFUSED(fcgip_request_set_remote_address(NULL, NULL));
  HARMLESS(fcgip_request_remote_address(NULL));
  REFUSED(fcgip_request_set_remote_port(NULL, 0));
  HARMLESS(fcgip_request_remote_port(NULL));
  REFUSED(fcgip_request_set_server_address(NULL, NULL));
  HARMLESS(fcgip_request_server_address(NULL));
  REFUSED(fcgip_request_set_server_port(NULL, 0));
  HARMLESS(fcgip_request_server_port(NULL));
  REFUSED(fcgip_request_set_server_name(NULL, NULL));
  HARMLESS(fcgip_request_server_name(NULL));
  REFUSED(fcgip_request_set_server_protocol(NULL, NULL));
  HARMLESS(fcgip_request_server_protocol(NULL));
  REFUSED(fcgip_request_set_content_type(NULL, NULL));
  HARMLESS(fcgip_request_content_type(NULL));
  REFUSED(fcgip_request_set_request_uri(NULL, NULL));
  HARMLESS(fcgip_request_request_uri(NULL));
  REFUSED(fcgip_request_set_script_filename(NULL, NULL));
  HARMLESS(fcgip_request_script_filename(NULL));
  HARMLESS(fcgip_request_gateway_interface(NULL));
  REFUSED(fcgip_request_set_content(NULL, NULL, 0));
  REFUSED(fcgip_request_set_content_ref(NULL, NULL, 0, NULL, NULL));
  HARMLESS(fcgip_request_content(NULL, NULL));
  HARMLESS(fcgip_request_content_length(NULL));
  REFUSED(fcgip_request_set_content_source(NULL, NULL, 0, NULL, NULL));
  REFUSED(fcgip_request_set_content_fd(NULL, 0, 0, 0));
  REFUSED(fcgip_request_spool_content(NULL, NULL, NULL, 0, NULL));
  REFUSED(fcgip_request_set_body_kept(NULL, 0));
  HARMLESS(fcgip_request_body_kept(NULL));
  REFUSED(fcgip_request_set_custom_var(NULL, NULL, NULL));
  REFUSED(fcgip_request_set_custom_var_n(NULL, NULL, 0, NULL, 0));
  REFUSED(fcgip_request_reset_custom_vars(NULL));
  HARMLESS(fcgip_request_custom_var_count(NULL));
  REFUSED(fcgip_request_custom_var_at(NULL, 0, NULL, NULL));
  REFUSED(fcgip_request_allow_php_settings(NULL, 0));
  REFUSED(fcgip_request_add_http_header(NULL, NULL, NULL));
  REFUSED(fcgip_request_set_role(NULL, 0));
  HARMLESS(fcgip_request_role(NULL));
  REFUSED(fcgip_request_set_retry_safe(NULL, 0));
  HARMLESS(fcgip_request_retry_safe(NULL));
  REFUSED(fcgip_request_set_timeouts(NULL, NULL));
  REFUSED(fcgip_request_timeouts(NULL, NULL));
  REFUSED(fcgip_request_set_connect_timeout_ms(NULL, 0));
}

static void nothing_request_2(conf_test *test)
{
  REFUSED(fcgip_request_set_read_write_timeout_ms(NULL, 0));
  REFUSED(fcgip_request_set_first_byte_timeout_ms(NULL, 0));
  REFUSED(fcgip_request_set_request_timeout_ms(NULL, 0));
  HARMLESS(fcgip_request_param_count(NULL));
  REFUSED(fcgip_request_param_at(NULL, 0, NULL, NULL));
  REFUSED(fcgip_request_add_response_callback(NULL, NULL, NULL, NULL));
  REFUSED(fcgip_request_add_failure_callback(NULL, NULL, NULL, NULL));
  REFUSED(fcgip_request_add_pass_through_callback(NULL, NULL, NULL, NULL));
  fcgip_request_free(NULL);
}

static void nothing_response(conf_test *test)
{
  HARMLESS(fcgip_response_error(NULL));
  HARMLESS(fcgip_response_errno(NULL));
  HARMLESS(fcgip_response_error_text(NULL));
  HARMLESS(fcgip_response_status(NULL));
  HARMLESS(fcgip_response_status_text(NULL));
  HARMLESS(fcgip_response_app_status(NULL));
  HARMLESS(fcgip_response_header_count(NULL));
  REFUSED(fcgip_response_header_at(NULL, 0, NULL, NULL));
  HARMLESS(fcgip_response_header(NULL, NULL));
  HARMLESS(fcgip_response_header_values(NULL, NULL, NULL, 0));
  HARMLESS(fcgip_response_header_line(NULL, NULL));
  HARMLESS(fcgip_response_body(NULL, NULL));
  HARMLESS(fcgip_response_body_length(NULL));
  HARMLESS(fcgip_response_output(NULL, NULL));
  HARMLESS(fcgip_response_stderr(NULL, NULL));
  HARMLESS(fcgip_response_is_partial(NULL));
  HARMLESS(fcgip_response_stderr_is_truncated(NULL));
  HARMLESS(fcgip_response_is_retry_safe(NULL));
  HARMLESS(fcgip_response_duration(NULL));
  HARMLESS(fcgip_response_endpoint(NULL));
  HARMLESS(fcgip_response_request_id(NULL));
  HARMLESS(fcgip_response_ref(NULL));
  fcgip_response_free(NULL);
}

static void nothing_proxy(conf_test *test)
{
  REFUSED(fcgip_proxy_new(NULL, NULL, NULL));
  fcgip_proxy_free(NULL);
  REFUSED(fcgip_proxy_send_request(NULL, NULL, NULL));
  REFUSED(fcgip_proxy_send_async_request(NULL, NULL, NULL));
  REFUSED(fcgip_proxy_read_response(NULL, 0, 0, NULL));
  REFUSED(fcgip_proxy_read_responses(NULL, 0, NULL, 0, NULL));
  REFUSED(fcgip_proxy_read_ready_responses(NULL, 0, NULL, 0, NULL));
  REFUSED(fcgip_proxy_next_response(NULL, 0, NULL));
  REFUSED(fcgip_proxy_has_response(NULL, 0));
  HARMLESS(fcgip_proxy_request_ids_having_response(NULL, NULL, 0));
  REFUSED(fcgip_proxy_wait_for_response(NULL, 0, 0));
  REFUSED(fcgip_proxy_wait_for_responses(NULL, 0));
  REFUSED(fcgip_proxy_handle_response(NULL, 0, 0));
  REFUSED(fcgip_proxy_handle_responses(NULL, 0, NULL, 0));
  REFUSED(fcgip_proxy_handle_ready_responses(NULL, 0));
  HARMLESS(fcgip_proxy_has_unhandled_responses(NULL));
  HARMLESS(fcgip_proxy_pending(NULL));
  REFUSED(fcgip_proxy_cancel(NULL, 0));
  REFUSED(fcgip_proxy_pause(NULL, 0));
  REFUSED(fcgip_proxy_resume(NULL, 0));
  REFUSED(fcgip_proxy_endpoint_stats(NULL, 0, NULL));
  HARMLESS(fcgip_proxy_fds(NULL, NULL, 0));
  HARMLESS(fcgip_proxy_timeout_ms(NULL));
  REFUSED(fcgip_proxy_process_fd(NULL, 0, 0));
  REFUSED(fcgip_proxy_process_timers(NULL));
  REFUSED(fcgip_proxy_poll(NULL, 0));
}

static void nothing_cluster_proxy(conf_test *test)
{
  REFUSED(fcgip_cluster_proxy_new(NULL, NULL, NULL));
  fcgip_cluster_proxy_free(NULL);
  REFUSED(fcgip_cluster_proxy_send_async_request(NULL, NULL));
  REFUSED(fcgip_cluster_proxy_next_response(NULL, 0, NULL));
  REFUSED(fcgip_cluster_proxy_read_ready_responses(NULL, 0, NULL, 0, NULL));
  REFUSED(fcgip_cluster_proxy_wait_for_responses(NULL, 0));
  REFUSED(fcgip_cluster_proxy_handle_ready_responses(NULL, 0));
  HARMLESS(fcgip_cluster_proxy_has_unhandled_responses(NULL));
  HARMLESS(fcgip_cluster_proxy_pending(NULL));
  REFUSED(fcgip_cluster_proxy_cancel_all(NULL));
  REFUSED(fcgip_cluster_proxy_pause(NULL, 0));
  REFUSED(fcgip_cluster_proxy_resume(NULL, 0));
  REFUSED(fcgip_cluster_proxy_endpoint_stats(NULL, 0, NULL));
  HARMLESS(fcgip_cluster_proxy_fds(NULL, NULL, 0));
  HARMLESS(fcgip_cluster_proxy_timeout_ms(NULL));
  REFUSED(fcgip_cluster_proxy_process_fd(NULL, 0, 0));
  REFUSED(fcgip_cluster_proxy_process_timers(NULL));
  REFUSED(fcgip_cluster_proxy_poll(NULL, 0));
  REFUSED(fcgip_cluster_proxy_get_status(NULL, NULL, 0, NULL));
  REFUSED(fcgip_cluster_proxy_get_status_with(NULL, NULL, 0, NULL, NULL));
}

static void nothing_status(conf_test *test)
{
  HARMLESS(fcgip_status_list_count(NULL));
  HARMLESS(fcgip_status_list_at(NULL, 0));
  fcgip_status_list_free(NULL);
  HARMLESS(fcgip_server_status_error(NULL));
  HARMLESS(fcgip_server_status_error_text(NULL));
  HARMLESS(fcgip_server_status_endpoint(NULL));
  HARMLESS(fcgip_server_status_response(NULL));
  HARMLESS(fcgip_server_status_php_fpm(NULL));
  HARMLESS(fcgip_server_status_value(NULL));
  HARMLESS(fcgip_php_fpm_status_has(NULL, 0));
  HARMLESS(fcgip_php_fpm_status_pool_name(NULL));
  HARMLESS(fcgip_php_fpm_status_process_manager(NULL));
  HARMLESS(fcgip_php_fpm_status_start_time(NULL));
  HARMLESS(fcgip_php_fpm_status_start_since(NULL));
  HARMLESS(fcgip_php_fpm_status_accepted_connections(NULL));
  HARMLESS(fcgip_php_fpm_status_listen_queue(NULL));
  HARMLESS(fcgip_php_fpm_status_max_listen_queue(NULL));
  HARMLESS(fcgip_php_fpm_status_listen_queue_length(NULL));
  HARMLESS(fcgip_php_fpm_status_idle_processes(NULL));
  HARMLESS(fcgip_php_fpm_status_active_processes(NULL));
  HARMLESS(fcgip_php_fpm_status_total_processes(NULL));
  HARMLESS(fcgip_php_fpm_status_max_active_processes(NULL));
  HARMLESS(fcgip_php_fpm_status_max_children_reached(NULL));
  HARMLESS(fcgip_php_fpm_status_slow_requests(NULL));
  HARMLESS(fcgip_php_fpm_status_memory_peak(NULL));
  HARMLESS(fcgip_php_fpm_status_extra_count(NULL));
  REFUSED(fcgip_php_fpm_status_extra(NULL, 0, NULL, NULL));
  HARMLESS(fcgip_php_fpm_status_process_count(NULL));
  HARMLESS(fcgip_php_fpm_status_process(NULL, 0));
  HARMLESS(fcgip_php_fpm_process_pid(NULL));
  HARMLESS(fcgip_php_fpm_process_state(NULL));
  HARMLESS(fcgip_php_fpm_process_start_time(NULL));
  HARMLESS(fcgip_php_fpm_process_start_since(NULL));
  HARMLESS(fcgip_php_fpm_process_requests(NULL));
  HARMLESS(fcgip_php_fpm_process_request_duration(NULL));
  HARMLESS(fcgip_php_fpm_process_request_method(NULL));
  HARMLESS(fcgip_php_fpm_process_request_uri(NULL));
  HARMLESS(fcgip_php_fpm_process_content_length(NULL));
  HARMLESS(fcgip_php_fpm_process_user(NULL));
  HARMLESS(fcgip_php_fpm_process_script(NULL));
  HARMLESS(fcgip_php_fpm_process_last_request_cpu(NULL));
  HARMLESS(fcgip_php_fpm_process_last_request_memory(NULL));
}

static void handle_collection(conf_test *test, objects *o)
{
  (void)test;
  HARMLESS(fcgip_collection_endpoint(o->collection, 0));
}

static void handle_content(conf_test *test, objects *o)
{
  (void)test;
  HARMLESS(fcgip_form_add(o->form, NULL, NULL));
  HARMLESS(fcgip_form_add_n(o->form, NULL, 0, NULL, 0));
  HARMLESS(fcgip_form_content(o->form, NULL));
  HARMLESS(fcgip_multipart_add(o->multipart, NULL, NULL));
  HARMLESS(fcgip_multipart_add_n(o->multipart, NULL, NULL, 0));
  HARMLESS(fcgip_multipart_add_file(o->multipart, NULL, NULL, NULL, NULL));
  HARMLESS(fcgip_multipart_add_data(o->multipart, NULL, NULL, 0, NULL, NULL));
  HARMLESS(fcgip_request_set_form(o->request, NULL));
  HARMLESS(fcgip_request_set_multipart(o->request, NULL));
  HARMLESS(fcgip_request_set_json(o->request, NULL, 0));
  HARMLESS(fcgip_json_content(o->request, NULL));
}

static void handle_request(conf_test *test, objects *o)
{
  (void)test;
  HARMLESS(fcgip_request_set_server_software(o->request, NULL));
  HARMLESS(fcgip_request_set_remote_address(o->request, NULL));
  HARMLESS(fcgip_request_set_remote_port(o->request, 0));
  HARMLESS(fcgip_request_set_server_address(o->request, NULL));
  HARMLESS(fcgip_request_set_server_port(o->request, 0));
  HARMLESS(fcgip_request_set_server_name(o->request, NULL));
  HARMLESS(fcgip_request_set_server_protocol(o->request, NULL));
  HARMLESS(fcgip_request_set_content_type(o->request, NULL));
  HARMLESS(fcgip_request_set_request_uri(o->request, NULL));
  HARMLESS(fcgip_request_set_script_filename(o->request, NULL));
  HARMLESS(fcgip_request_set_content(o->request, NULL, 0));
  HARMLESS(fcgip_request_set_content_ref(o->request, NULL, 0, NULL, NULL));
  HARMLESS(fcgip_request_content(o->request, NULL));
  HARMLESS(fcgip_request_set_content_source(o->request, NULL, 0, NULL, NULL));
  HARMLESS(fcgip_request_set_content_fd(o->request, 0, 0, 0));
  HARMLESS(fcgip_request_spool_content(o->request, NULL, NULL, 0, NULL));
  HARMLESS(fcgip_request_set_body_kept(o->request, 0));
  HARMLESS(fcgip_request_set_custom_var(o->request, NULL, NULL));
  HARMLESS(fcgip_request_set_custom_var_n(o->request, NULL, 0, NULL, 0));
  HARMLESS(fcgip_request_custom_var_at(o->request, 0, NULL, NULL));
  HARMLESS(fcgip_request_allow_php_settings(o->request, 0));
  HARMLESS(fcgip_request_add_http_header(o->request, NULL, NULL));
  HARMLESS(fcgip_request_set_role(o->request, 0));
  HARMLESS(fcgip_request_set_retry_safe(o->request, 0));
  HARMLESS(fcgip_request_set_timeouts(o->request, NULL));
  HARMLESS(fcgip_request_timeouts(o->request, NULL));
  HARMLESS(fcgip_request_set_connect_timeout_ms(o->request, 0));
  HARMLESS(fcgip_request_set_read_write_timeout_ms(o->request, 0));
  HARMLESS(fcgip_request_set_first_byte_timeout_ms(o->request, 0));
  HARMLESS(fcgip_request_set_request_timeout_ms(o->request, 0));
  HARMLESS(fcgip_request_param_at(o->request, 0, NULL, NULL));
  HARMLESS(fcgip_request_add_response_callback(o->request, NULL, NULL, NULL));
  HARMLESS(fcgip_request_add_failure_callback(o->request, NULL, NULL, NULL));
  HARMLESS(fcgip_request_add_pass_through_callback(o->request, NULL, NULL, NULL));
}

static void handle_response(conf_test *test, objects *o)
{
  (void)test;
  HARMLESS(fcgip_response_header_at(o->response, 0, NULL, NULL));
  HARMLESS(fcgip_response_header(o->response, NULL));
  HARMLESS(fcgip_response_header_values(o->response, NULL, NULL, 0));
  HARMLESS(fcgip_response_header_line(o->response, NULL));
  HARMLESS(fcgip_response_body(o->response, NULL));
  HARMLESS(fcgip_response_output(o->response, NULL));
  HARMLESS(fcgip_response_stderr(o->response, NULL));
}

static void handle_proxy(conf_test *test, objects *o)
{
  (void)test;
  HARMLESS(fcgip_proxy_send_request(o->proxy, NULL, NULL));
  HARMLESS(fcgip_proxy_send_async_request(o->proxy, NULL, NULL));
  HARMLESS(fcgip_proxy_read_response(o->proxy, 0, 0, NULL));
  HARMLESS(fcgip_proxy_read_responses(o->proxy, 0, NULL, 0, NULL));
  HARMLESS(fcgip_proxy_read_ready_responses(o->proxy, 0, NULL, 0, NULL));
  HARMLESS(fcgip_proxy_next_response(o->proxy, 0, NULL));
  HARMLESS(fcgip_proxy_has_response(o->proxy, 0));
  HARMLESS(fcgip_proxy_request_ids_having_response(o->proxy, NULL, 0));
  HARMLESS(fcgip_proxy_wait_for_response(o->proxy, 0, 0));
  HARMLESS(fcgip_proxy_wait_for_responses(o->proxy, 0));
  HARMLESS(fcgip_proxy_handle_response(o->proxy, 0, 0));
  HARMLESS(fcgip_proxy_handle_responses(o->proxy, 0, NULL, 0));
  HARMLESS(fcgip_proxy_handle_ready_responses(o->proxy, 0));
  HARMLESS(fcgip_proxy_cancel(o->proxy, 0));
  HARMLESS(fcgip_proxy_pause(o->proxy, 0));
  HARMLESS(fcgip_proxy_resume(o->proxy, 0));
  HARMLESS(fcgip_proxy_endpoint_stats(o->proxy, 0, NULL));
  HARMLESS(fcgip_proxy_fds(o->proxy, NULL, 0));
  HARMLESS(fcgip_proxy_process_fd(o->proxy, 0, 0));
  HARMLESS(fcgip_proxy_poll(o->proxy, 0));
}

static void handle_cluster_proxy(conf_test *test, objects *o)
{
  (void)test;
  HARMLESS(fcgip_cluster_proxy_send_async_request(o->cluster, NULL));
  HARMLESS(fcgip_cluster_proxy_next_response(o->cluster, 0, NULL));
  HARMLESS(fcgip_cluster_proxy_read_ready_responses(o->cluster, 0, NULL, 0, NULL));
  HARMLESS(fcgip_cluster_proxy_wait_for_responses(o->cluster, 0));
  HARMLESS(fcgip_cluster_proxy_handle_ready_responses(o->cluster, 0));
  HARMLESS(fcgip_cluster_proxy_pause(o->cluster, 0));
  HARMLESS(fcgip_cluster_proxy_resume(o->cluster, 0));
  HARMLESS(fcgip_cluster_proxy_endpoint_stats(o->cluster, 0, NULL));
  HARMLESS(fcgip_cluster_proxy_fds(o->cluster, NULL, 0));
  HARMLESS(fcgip_cluster_proxy_process_fd(o->cluster, 0, 0));
  HARMLESS(fcgip_cluster_proxy_poll(o->cluster, 0));
  HARMLESS(fcgip_cluster_proxy_get_status(o->cluster, NULL, 0, NULL));
  HARMLESS(fcgip_cluster_proxy_get_status_with(o->cluster, NULL, 0, NULL, NULL));
}

static void make(objects *o)
{
  const fcgip_endpoint *list[1];

  if (fcgip_endpoint_new_unix(&o->endpoint, "/nowhere/at/all.sock", NULL) != FCGIP_OK)
    abort();
  list[0] = o->endpoint;
  if (fcgip_round_robin_new(&o->collection, list, 1) != FCGIP_OK ||
      fcgip_cluster_new(&o->all, list, 1) != FCGIP_OK ||
      fcgip_proxy_new(&o->proxy, o->collection, NULL) != FCGIP_OK ||
      fcgip_cluster_proxy_new(&o->cluster, o->all, NULL) != FCGIP_OK ||
      fcgip_get_request_new(&o->request, "/srv/app.php", NULL, 0) != FCGIP_OK ||
      fcgip_form_new(&o->form) != FCGIP_OK || fcgip_multipart_new(&o->multipart) != FCGIP_OK)
    abort();
  if (fcgip_proxy_send_request(o->proxy, o->request, &o->response) != FCGIP_ECONNECT)
    abort();
}

static void unmake(objects *o)
{
  fcgip_response_free(o->response);
  fcgip_proxy_free(o->proxy);
  fcgip_cluster_proxy_free(o->cluster);
  fcgip_collection_free(o->collection);
  fcgip_collection_free(o->all);
  fcgip_endpoint_free(o->endpoint);
  fcgip_request_free(o->request);
  fcgip_form_free(o->form);
  fcgip_multipart_free(o->multipart);
}

void run_null(conf_test *test)
{
  objects o = {0};

  make(&o);
  nothing_error(test);
  nothing_endpoint(test);
  nothing_collection(test);
  nothing_content(test);
  nothing_request(test);
  nothing_request_2(test);
  nothing_response(test);
  nothing_proxy(test);
  nothing_cluster_proxy(test);
  nothing_status(test);
  handle_collection(test, &o);
  handle_content(test, &o);
  handle_request(test, &o);
  handle_response(test, &o);
  handle_proxy(test, &o);
  handle_cluster_proxy(test, &o);
  unmake(&o);
}
