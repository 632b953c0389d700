/* The cluster proxy. Input: how many servers and their options (servers.c), flags, a program of calls (its length in
 * a byte), what callbacks do (the same), then net.h's.
 *
 *  - Each request has exactly one result from every server, or, if it was not sent, none; a dead server hides nothing.
 *  - A status list has an entry for every server, in the order of the collection, by the time allowed; an entry without
 *    an error has the page, one with an error says so in words.
 *  - Callbacks may send, cancel all, pause and free the proxy; status cannot be asked for inside one.
 *  - No descriptor, no memory and no release is left over. */
#include <string.h>

#include "fuzz/servers.h"
#include "proxy/proxy.h"

typedef struct world {
  net net;
  servers servers;
  fcgip_collection *collection;
  fcgip_cluster_proxy *cluster; /* NULL once it was freed */
  fcgip_request *request;
  unsigned flags;
  fuzz_input code, callback_code;
  size_t sent, registered, released;
  size_t results[SERVERS_MOST]; /* of each server */
  fcgip_request_id seen[CALLS_MOST * SERVERS_MOST];
  size_t seen_count;
  uint64_t last_sent_us;
} world;

static size_t open_results(const world *w)
{
  size_t sum = w->sent * w->servers.count, i;

  for (i = 0; i < w->servers.count; i++)
    sum -= w->results[i];
  return sum;
}

static void note_result(world *w, const fcgip_response *response)
{
  fcgip_request_id id = fcgip_response_request_id(response);
  size_t i;

  for (i = 0; i < w->seen_count; i++)
    FUZZ_CHECK(w->seen[i] != id);
  FUZZ_CHECK(w->seen_count < CALLS_MOST * SERVERS_MOST);
  w->seen[w->seen_count++] = id;
  for (i = 0; i < w->servers.count; i++)
    if (fcgip_response_endpoint(response) == w->servers.endpoints[i])
      break;
  FUZZ_CHECK(i < w->servers.count && w->results[i]++ < w->sent);
  FUZZ_CHECK((fcgip_response_error(response) == FCGIP_OK) ==
             (fcgip_response_error_text(response)[0] == '\0'));
}

static void free_cluster(world *w)
{
  fcgip_cluster_proxy *cluster = w->cluster;

  w->cluster = NULL;
  fcgip_cluster_proxy_free(cluster);
  FUZZ_CHECK(w->net.open_count == 0);
}

static void send_request(world *w)
{
  int rc;

  if (w->request == NULL || w->sent >= CALLS_MOST)
    return;
  /* Callbacks inside see its results only after this. */
  w->sent++;
  rc = fcgip_cluster_proxy_send_async_request(w->cluster, w->request);
  w->last_sent_us = w->net.now_us;
  if (rc == FCGIP_OK || w->cluster == NULL)
    return;
  w->sent--;
  FUZZ_CHECK(rc == FCGIP_ENOMEM && fuzz_is_out_of_memory());
}

/* ---- callbacks ---- */

static void on_release(void *user_data)
{
  world *w = user_data;

  w->released++;
}

static int act(world *w, fcgip_request_id id)
{
  unsigned op = fuzz_u8(&w->callback_code);
  fcgip_status_list *list;
  int rc;

  FUZZ_CHECK(w->cluster != NULL);
  switch (op % 8) {
  case 1:
    send_request(w);
    break;
  case 2:
    FUZZ_CHECK(fcgip_cluster_proxy_cancel_all(w->cluster) == FCGIP_OK);
    break;
  case 3:
    rc = fcgip_cluster_proxy_pause(w->cluster, id);
    FUZZ_CHECK(rc == FCGIP_OK || rc == FCGIP_ENOTFOUND);
    break;
  case 4:
    rc = fcgip_cluster_proxy_get_status(w->cluster, "/status", 0, &list);
    FUZZ_CHECK(rc == FCGIP_EREENTRANT && list == NULL);
    break;
  case 5:
    if (op == 0xfd)
      free_cluster(w);
    break;
  default:
    break;
  }
  return op % 8 == 6;
}

static void on_result(fcgip_response *response, void *user_data)
{
  note_result(user_data, response);
  (void)act(user_data, fcgip_response_request_id(response));
}

static int on_piece(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                    size_t error_len, void *user_data)
{
  FUZZ_CHECK(output != NULL && error != NULL && (output_len > 0) != (error_len > 0));
  return act(user_data, id);
}

static void make_request(world *w)
{
  int rc = FCGIP_OK;

  w->request = servers_request(w->flags >> 2);
  if (w->request == NULL)
    return;
  w->registered += 2;
  rc = fcgip_request_add_response_callback(w->request, on_result, w, on_release);
  if (rc == FCGIP_OK)
    rc = fcgip_request_add_failure_callback(w->request, on_result, w, on_release);
  else
    w->registered--;
  if (rc == FCGIP_OK && (w->flags & 2)) {
    w->registered++;
    rc = fcgip_request_add_pass_through_callback(w->request, on_piece, w, on_release);
  }
  FUZZ_CHECK(rc == FCGIP_OK || (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
  if (rc < 0) { /* without all of its callbacks its results would be lost to us */
    fcgip_request_free(w->request);
    w->request = NULL;
  }
}

/* ---- status ---- */

static int parse_any(void **value, const fcgip_response *response, void *user_data)
{
  world *w = user_data;
  size_t len;

  FUZZ_CHECK(fcgip_response_error(response) == FCGIP_OK);
  (void)fcgip_response_body(response, &len);
  if (len % 4 == 3)
    return FCGIP_ESTATUSFORMAT;
  w->registered++;
  *value = w;
  return FCGIP_OK;
}

static void free_any(void *value, void *user_data)
{
  FUZZ_CHECK(value == user_data);
  on_release(user_data);
}

static void check_entry(const world *w, const fcgip_server_status *status, size_t i, int is_own)
{
  int error = fcgip_server_status_error(status);
  const fcgip_response *response = fcgip_server_status_response(status);

  FUZZ_CHECK(status != NULL && fcgip_server_status_endpoint(status) == w->servers.endpoints[i]);
  FUZZ_CHECK((error == FCGIP_OK) == (fcgip_server_status_error_text(status)[0] == '\0'));
  FUZZ_CHECK((fcgip_server_status_php_fpm(status) != NULL) == (error == FCGIP_OK && !is_own));
  FUZZ_CHECK((fcgip_server_status_value(status) != NULL) == (error == FCGIP_OK && is_own));
  if (error == FCGIP_OK)
    FUZZ_CHECK(response != NULL && fcgip_response_error(response) == FCGIP_OK);
  else if (response != NULL && fcgip_response_error(response) < 0)
    FUZZ_CHECK(error == fcgip_response_error(response));
}

static void ask_status(world *w, unsigned argument, int timeout_ms)
{
  static const char *const paths[] = {"/status", "/status?json&full", "/a b?c=%00", "status"};
  const fcgip_status_parser parser = {sizeof(parser), 0, parse_any, free_any, w};
  uint64_t from_us = w->net.now_us, most_us;
  int is_own = (argument & 4) != 0, rc;
  fcgip_status_list *list;
  size_t i;

  if (is_own)
    rc = fcgip_cluster_proxy_get_status_with(w->cluster, paths[argument & 3], timeout_ms, &parser,
                                             &list);
  else
    rc = fcgip_cluster_proxy_get_status(w->cluster, paths[argument & 3], timeout_ms, &list);
  most_us = timeout_ms < 0 ? w->servers.options.request_timeout_ms * UINT64_C(1000)
                           : (uint64_t)timeout_ms * 1000;
  FUZZ_CHECK(w->net.now_us <=
             from_us + most_us + net_slack_us(&w->net) * (4 + w->sent * w->servers.count));
  if (rc < 0) {
    FUZZ_CHECK(list == NULL);
    FUZZ_CHECK((rc == FCGIP_EINVAL && (argument & 3) == 3) ||
               (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()) ||
               (rc == FCGIP_EREENTRANT && w->cluster == NULL));
    return;
  }
  FUZZ_CHECK(fcgip_status_list_count(list) == w->servers.count);
  for (i = 0; i < w->servers.count; i++)
    check_entry(w, fcgip_status_list_at(list, i), i, is_own);
  FUZZ_CHECK(fcgip_status_list_at(list, i) == NULL);
  fcgip_status_list_free(list);
}

/* ---- programs ---- */

static void read_some(world *w, unsigned argument, int timeout_ms)
{
  fcgip_response *responses[3];
  size_t n = 0, cap = 1 + argument % 3, i;
  int rc = fcgip_cluster_proxy_read_ready_responses(w->cluster, timeout_ms, responses, cap, &n);

  FUZZ_CHECK(n <= cap && (rc == FCGIP_OK || rc == FCGIP_EAGAIN || w->cluster == NULL));
  for (i = 0; i < n; i++) {
    note_result(w, responses[i]);
    fcgip_response_free(responses[i]);
  }
}

static void read_one(world *w, int timeout_ms)
{
  fcgip_response *response;
  int rc = fcgip_cluster_proxy_next_response(w->cluster, timeout_ms, &response);

  FUZZ_CHECK(rc >= 0 || (w->cluster == NULL && rc == FCGIP_EREENTRANT));
  if (response != NULL)
    note_result(w, response);
  fcgip_response_free(response);
}

static void turn(world *w, unsigned argument)
{
  struct pollfd fds[32];
  size_t count = fcgip_cluster_proxy_fds(w->cluster, fds, 32), i;
  int timeout_ms = fcgip_cluster_proxy_timeout_ms(w->cluster);

  if (count > 32)
    count = 32;
  if (timeout_ms < 0 || timeout_ms > (int)argument)
    timeout_ms = (int)argument;
  net_poll(&w->net, fds, count, timeout_ms);
  for (i = 0; i < count && w->cluster != NULL; i++)
    (void)fcgip_cluster_proxy_process_fd(w->cluster, fds[i].fd, fds[i].revents);
  if (w->cluster != NULL)
    (void)fcgip_cluster_proxy_process_timers(w->cluster);
}

static void run_op(world *w, unsigned op, unsigned argument)
{
  static const int timeouts[] = {0, 1, 20, -1};
  int timeout_ms = timeouts[op >> 6], rc;

  switch (op % 8) {
  case 0:
    send_request(w);
    break;
  case 1:
    ask_status(w, argument, timeout_ms);
    break;
  case 2:
    read_some(w, argument, timeout_ms);
    break;
  case 3:
    read_one(w, timeout_ms);
    break;
  case 4:
    rc = fcgip_cluster_proxy_handle_ready_responses(w->cluster, timeout_ms);
    FUZZ_CHECK(rc >= 0 || w->cluster == NULL);
    break;
  case 5:
    turn(w, argument);
    break;
  case 6:
    rc = fcgip_cluster_proxy_wait_for_responses(w->cluster, timeout_ms);
    FUZZ_CHECK(rc == FCGIP_OK || rc == FCGIP_EAGAIN || w->cluster == NULL);
    break;
  default:
    if (argument < 128)
      FUZZ_CHECK(fcgip_cluster_proxy_cancel_all(w->cluster) == FCGIP_OK);
    else
      net_advance(&w->net, argument * UINT64_C(1000));
    break;
  }
}

static void run_program(world *w)
{
  unsigned op;
  int rc;

  make_request(w);
  while (w->code.left > 0 && w->cluster != NULL) {
    op = fuzz_u8(&w->code);
    run_op(w, op, fuzz_u8(&w->code));
    servers_check(&w->servers, &w->net);
    if (w->cluster == NULL)
      break;
    FUZZ_CHECK(fcgip_cluster_proxy_pending(w->cluster) <= open_results(w));
    FUZZ_CHECK(fcgip_cluster_proxy_has_unhandled_responses(w->cluster) == (open_results(w) > 0));
  }
  if (w->cluster != NULL && (w->flags & 128) == 0) {
    rc = fcgip_cluster_proxy_wait_for_responses(w->cluster, -1);
    FUZZ_CHECK(w->cluster == NULL || (rc == FCGIP_OK && open_results(w) == 0));
  }
  if (w->cluster != NULL)
    free_cluster(w);
}

static void make_cluster(world *w)
{
  fcgip_proxy_options options = {.struct_size = (uint32_t)sizeof(options)};
  const fcgip_endpoint *const *list = (const fcgip_endpoint *const *)w->servers.endpoints;
  int rc;

  options.allocator = &fuzz_memory.hook;
  if (w->flags & 1) {
    options.watch_fn = net_watch;
    options.watch_data = &w->net;
  }
  rc = fcgip_cluster_new(&w->collection, list, w->servers.count);
  if (rc == FCGIP_OK)
    rc = fcgip__cluster_proxy_new(&w->cluster, w->collection, &options, &w->net.sys);
  FUZZ_CHECK(rc == FCGIP_OK || (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  fuzz_input in = {data, size}, options;
  size_t options_len = 10;
  world w;

  fuzz_begin();
  memset(&w, 0, sizeof(w));
  options.at = fuzz_bytes(&in, &options_len);
  options.left = options_len;
  w.flags = fuzz_u8(&in);
  w.code.at = fuzz_short(&in, &w.code.left);
  w.callback_code.at = fuzz_short(&in, &w.callback_code.left);
  net_init(&w.net, &in, fuzz_hash(data, size));
  if (servers_make(&w.servers, &w.net, &options)) {
    make_cluster(&w);
    if (w.cluster != NULL)
      run_program(&w);
  }
  fcgip_request_free(w.request);
  fcgip_collection_free(w.collection);
  servers_free(&w.servers);
  FUZZ_CHECK(w.released == w.registered);
  net_deinit(&w.net);
  fuzz_end();
  return 0;
}
