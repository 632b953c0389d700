/* One request over a network that fails as the input says. Input: 14 bytes of options (read_plan()), then net.h's.
 *
 *  - There is one result, by its deadline on the network's clock, and at once when the response or the connection has
 *    ended; none comes before any deadline as a timeout.
 *  - Only END_REQUEST for our id completes a request: an oracle (wire.h) reads what was received. A truncated
 *    response is never FCGIP_OK; what is complete and right is never anything else than it says.
 *  - What was received before a failure can be read, and is what the oracle reads; so do pass-through callbacks.
 *  - What was sent is one request, on one connection, and no byte of content more or other than there is.
 *  - No descriptor is left open: none with the result, unless the connection is kept, which then has nothing left over;
 *    none in the end.
 *  - Limits on headers, body, stderr and memory are kept; errors have a sentence, with nothing secret in it. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/connection.h"

/* ---- callbacks ---- */

static int pass(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                size_t error_len, void *user_data)
{
  run *r = user_data;

  if (r->id == 0) /* inside the send call */
    r->id = id;
  FUZZ_CHECK(id == r->id && output != NULL && error != NULL);
  FUZZ_CHECK((output_len > 0) != (error_len > 0) && r->results == 0 && !r->has_stopped);
  fuzz_put(&r->passed_out, output, output_len);
  fuzz_put(&r->passed_err, error, error_len);
  r->has_stopped = r->plan.stop_at > 0 && ++r->pieces == r->plan.stop_at;
  return r->has_stopped;
}

static void take_result(run *r, fcgip_response *response)
{
  FUZZ_CHECK(r->results++ == 0);
  r->response = response;
}

static void on_response(fcgip_response *response, void *user_data)
{
  FUZZ_CHECK(fcgip_response_error(response) == FCGIP_OK);
  take_result(user_data, fcgip_response_ref(response));
}

static void on_failure(fcgip_response *response, void *user_data)
{
  FUZZ_CHECK(fcgip_response_error(response) < 0);
  take_result(user_data, fcgip_response_ref(response));
}

static void on_release(void *user_data)
{
  run *r = user_data;

  r->releases++;
}

static int give_content(uint64_t offset, void *buffer, size_t cap, size_t *n, void *user_data)
{
  run *r = user_data;
  size_t left;

  FUZZ_CHECK(offset <= r->content_len && cap > 0); /* at the end: whether there is more */
  left = r->content_len - (size_t)offset;
  if (r->plan.source == SOURCE_FAILS && offset > 0)
    return -1;
  if (r->plan.source == SOURCE_ENDS && offset > 0)
    left = 0;
  if (r->plan.source == SOURCE_DRIPS && left > 1 + r->content_len / 50)
    left = 1 + r->content_len / 50;
  *n = left < cap ? left : cap;
  if (*n > 1 && offset == 0 && r->plan.source != SOURCE_WHOLE)
    *n = 1;
  memcpy(buffer, r->content + offset, *n);
  if (r->plan.source == SOURCE_EXCEEDS && left == 0) {
    *n = 1;
    memset(buffer, '!', 1);
  }
  return FCGIP_OK;
}

/* ---- making ---- */

static fcgip_collection *make_collection(run *r)
{
  fcgip_endpoint_options options = r->plan.endpoint;
  fcgip_collection *collection = NULL;
  fcgip_endpoint *endpoint;
  int rc;

  options.allocator = &fuzz_memory.hook;
  if (r->plan.is_unix)
    rc = fcgip_endpoint_new_unix(&endpoint, "/run/server.sock", &options);
  else
    rc = fcgip__endpoint_new_tcp(&endpoint, r->net.address_count > 0 ? "server" : "192.0.2.1", 9000,
                                 &options, &r->net.sys);
  if (rc == FCGIP_OK) {
    const fcgip_endpoint *one = endpoint;

    rc = fcgip_round_robin_new(&collection, &one, 1);
  }
  FUZZ_CHECK(rc == FCGIP_OK || (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
  fcgip_endpoint_free(endpoint);
  return collection;
}

static int set_content(run *r, fcgip_request *request)
{
  if (r->content_len == 0)
    return FCGIP_OK;
  if (r->plan.source == SOURCE_NONE)
    return fcgip_request_set_content(request, r->content, r->content_len);
  r->released_by++;
  return fcgip_request_set_content_source(request, give_content, r->content_len, r, on_release);
}

static int add_callbacks(run *r, fcgip_request *request)
{
  int rc = FCGIP_OK;

  if (r->plan.passes) {
    r->released_by++;
    rc = fcgip_request_add_pass_through_callback(request, pass, r, on_release);
  }
  if (rc == FCGIP_OK) {
    r->released_by += 2;
    rc = fcgip_request_add_response_callback(request, on_response, r, on_release);
    if (rc < 0)
      r->released_by--;
    else
      rc = fcgip_request_add_failure_callback(request, on_failure, r, on_release);
  }
  return rc;
}

static fcgip_request *make_request(run *r)
{
  static const char *const methods[] = {"GET", "HEAD", "POST", "PUT"};
  fcgip_request *request;
  int rc = fcgip_request_new_with_allocator(&request, methods[r->plan.method], "/srv/a.php",
                                            &fuzz_memory.hook);

  if (rc == FCGIP_OK)
    rc = fcgip_request_set_custom_var(request, "SECRET", CANARY);
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_body_kept(request, !r->plan.drops_body);
  if (rc == FCGIP_OK)
    rc = set_content(r, request);
  if (rc == FCGIP_OK)
    rc = add_callbacks(r, request);
  if (rc == FCGIP_OK)
    return request;
  FUZZ_CHECK(rc == FCGIP_ENOMEM && fuzz_is_out_of_memory());
  fcgip_request_free(request);
  return NULL;
}

/* ---- waiting, in one of the ways ---- */

static void wait_in_loop(run *r, fcgip_proxy *proxy)
{
  struct pollfd fds[16];
  int turns;

  for (turns = 0; fcgip_proxy_pending(proxy) > 0; turns++) {
    size_t count = fcgip_proxy_fds(proxy, fds, 16), i;
    int timeout_ms = fcgip_proxy_timeout_ms(proxy);

    FUZZ_CHECK(count <= 16 && count == net_watched(&r->net, NULL, 0));
    net_poll(&r->net, fds, count, timeout_ms);
    for (i = 0; i < count; i++)
      FUZZ_CHECK(fcgip_proxy_process_fd(proxy, fds[i].fd, fds[i].revents) == FCGIP_OK);
    FUZZ_CHECK(fcgip_proxy_process_timers(proxy) == FCGIP_OK);
  }
}

static void wait_for_result(run *r, fcgip_proxy *proxy)
{
  fcgip_response *response = NULL;
  int rc;

  if (r->plan.way == WAY_LOOP)
    wait_in_loop(r, proxy);
  if (r->plan.way == WAY_HANDLE) {
    FUZZ_CHECK(fcgip_proxy_wait_for_response(proxy, r->id, -1) == FCGIP_OK);
    FUZZ_CHECK(r->results == 1);
  } else if (r->plan.way == WAY_READ) {
    rc = fcgip_proxy_read_response(proxy, r->id, -1, &response);
    FUZZ_CHECK(response != NULL && rc == fcgip_response_error(response));
    take_result(r, response);
  } else {
    FUZZ_CHECK(fcgip_proxy_next_response(proxy, -1, &response) == 1);
    take_result(r, response);
  }
  r->ended_us = r->net.now_us;
  FUZZ_CHECK(fcgip_proxy_next_response(proxy, 0, &response) == 0 && response == NULL);
  FUZZ_CHECK(fcgip_proxy_pending(proxy) == 0 && !fcgip_proxy_has_unhandled_responses(proxy));
  FUZZ_CHECK(fcgip_proxy_cancel(proxy, r->id) == FCGIP_ENOTFOUND);
}

static void exchange(run *r, fcgip_collection *collection, const fcgip_request *request)
{
  fcgip_proxy_options options = {.struct_size = (uint32_t)sizeof(options)};
  fcgip_request_id id = 0;
  fcgip_proxy *proxy;
  int rc;

  options.allocator = &fuzz_memory.hook;
  options.watch_fn = net_watch;
  options.watch_data = &r->net;
  rc = fcgip__proxy_new(&proxy, collection, &options, &r->net.sys);
  r->started_us = r->net.now_us;
  if (rc == FCGIP_OK)
    rc = fcgip_proxy_send_async_request(proxy, request, &id);
  FUZZ_CHECK(r->id == 0 || (rc == FCGIP_OK && r->id == id));
  r->id = id;
  if (rc == FCGIP_OK) {
    wait_for_result(r, proxy);
    connection_judge(r);
  } else {
    FUZZ_CHECK(rc == FCGIP_ENOMEM && fuzz_is_out_of_memory());
  }
  fcgip_proxy_free(proxy);
  fcgip_response_free(r->response);
}

/* ---- the plan ---- */

static uint32_t limit(unsigned byte, unsigned unit)
{
  return byte == 255 ? UINT32_MAX : byte * unit;
}

static void read_plan(plan *p, fuzz_input *in)
{
  unsigned flags = fuzz_u8(in), way = fuzz_u8(in), content = fuzz_u8(in);

  memset(p, 0, sizeof(*p));
  p->endpoint.struct_size = (uint32_t)sizeof(p->endpoint);
  p->endpoint.max_idle_connections = flags & 1;
  p->drops_body = (flags & 2) != 0;
  p->passes = (flags & 4) != 0;
  p->is_unix = (flags & 8) != 0;
  p->addresses = flags >> 4 & 3;
  p->method = flags >> 6;
  p->way = way % WAY_COUNT;
  p->source = way / WAY_COUNT % SOURCE_COUNT;
  p->content_len = content < 128 ? content : (content - 127) * 700U;
  p->endpoint.request_timeout_ms = 1 + fuzz_u8(in) * 4U;
  p->endpoint.connect_timeout_ms = limit(fuzz_u8(in), 4);
  p->endpoint.read_write_timeout_ms = limit(fuzz_u8(in), 4);
  p->endpoint.first_byte_timeout_ms = limit(fuzz_u8(in), 4);
  p->endpoint.max_header_bytes = limit(fuzz_u8(in), 16);
  p->endpoint.max_headers = limit(fuzz_u8(in), 1);
  p->endpoint.max_stderr_bytes = limit(fuzz_u8(in), 8);
  p->endpoint.max_body_bytes = fuzz_u16(in);
  p->stop_at = fuzz_u8(in);
}

static void make_content(run *r)
{
  size_t i;

  r->content_len = r->plan.content_len;
  r->content = fuzz_alloc(r->content_len);
  for (i = 0; i < r->content_len; i++)
    r->content[i] = (uint8_t)CANARY[i % (sizeof(CANARY) - 1)];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  fuzz_input in = {data, size};
  fcgip_collection *collection;
  fcgip_request *request;
  run r;

  fuzz_begin();
  memset(&r, 0, sizeof(r));
  read_plan(&r.plan, &in);
  net_init(&r.net, &in, fuzz_hash(data, size));
  r.net.address_count = (int)r.plan.addresses;
  make_content(&r);
  collection = make_collection(&r);
  request = collection != NULL ? make_request(&r) : NULL;
  if (request != NULL)
    exchange(&r, collection, request);
  fcgip_request_free(request);
  fcgip_collection_free(collection);
  FUZZ_CHECK(r.releases == r.released_by);
  net_deinit(&r.net);
  free(r.content);
  fuzz_buffer_free(&r.passed_out);
  fuzz_buffer_free(&r.passed_err);
  fuzz_end();
  return 0;
}
