/* Servers that are slow, deaf, hasty or endless: a request to one ends by its deadline or by its limit, holds no more
 * memory than was allowed, and does not keep others from being served. */
#include "integration/chaos_server.h"
#include "integration/fixture.h"
#include "support/failing_allocator.h"

#define MIB UINT64_C(1048576)

/* What a proxy and a request may hold beside the bodies: receive buffer, connection, texts. */
#define OVERHEAD (512u * 1024u)

/* What came with the byte that was one too many is kept with it. */
#define ONE_RECEIVE 65536u

static failing_allocator memory;
static int released;

static fcgip_proxy *proxy_at(const bad_server *const *at, size_t count,
                             const fcgip_endpoint_options *options)
{
  fcgip_proxy_options with = {.struct_size = sizeof(with), .allocator = &memory.hook};
  const fcgip_endpoint *endpoints[2];
  fcgip_endpoint *own[2];
  fcgip_collection *collection;
  fcgip_proxy *proxy;
  size_t i;

  failing_allocator_init(&memory);
  for (i = 0; i < count; i++)
    endpoints[i] = own[i] = endpoint_at(at[i]->address, options);
  assert_int_equal(fcgip_round_robin_new(&collection, endpoints, count), FCGIP_OK);
  assert_int_equal(fcgip_proxy_new(&proxy, collection, &with), FCGIP_OK);
  fcgip_collection_free(collection);
  for (i = 0; i < count; i++)
    fcgip_endpoint_free(own[i]);
  return proxy;
}

static fcgip_proxy *proxy_to(const bad_server *only, const fcgip_endpoint_options *options)
{
  return proxy_at(&only, 1, options);
}

static void free_proxy(fcgip_proxy *proxy)
{
  fcgip_proxy_free(proxy);
  assert_int_equal(memory.live_blocks, 0);
  assert_int_equal(memory.misuses, 0);
}

static void release_content(void *data)
{
  released++;
  free(data);
}

/* A PUT whose content is referred to, not copied. */
static fcgip_request *put_of(size_t len)
{
  uint8_t *content = malloc(len + 1);
  fcgip_request *request;
  size_t i;

  assert_non_null(content);
  for (i = 0; i < len; i++)
    content[i] = bad_byte(i);
  assert_int_equal(fcgip_request_new(&request, "PUT", "/x.php"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_content_ref(request, content, len, release_content, content),
                   FCGIP_OK);
  return request;
}

static void start_bad(bad_server *server_of, int is_tcp, bad_serve_fn serve)
{
  assert_int_equal(bad_start(server_of, is_tcp, serve), 0);
}

static void answer(int fd)
{
  if (bad_send_text(fd, BAD_STDOUT, "Status: 201 Made\r\n\r\ndone") == 0)
    bad_send_end(fd);
}

static void serve_well(bad_server *s, int fd)
{
  if (bad_read_request(s, fd) == 0)
    answer(fd);
}

/* ---- a byte now and then ---- */

static void serve_drops(bad_server *s, int fd)
{
  bad_read_request(s, fd);
  bad_send_text(fd, BAD_STDOUT, "\r\n");
  while (!atomic_load(&s->stopping) && bad_send_text(fd, BAD_STDOUT, "x") == 0)
    bad_pause_ms(5);
}

/* The same, of a record that is never whole. */
static void serve_drops_of_a_record(bad_server *s, int fd)
{
  static const uint8_t header[8] = {1, BAD_STDOUT, 0, 1, 255, 255, 0, 0};

  bad_read_request(s, fd);
  bad_send(fd, header, sizeof(header));
  while (!atomic_load(&s->stopping) && bad_send(fd, "A", 1) == 0)
    bad_pause_ms(5);
}

/* Records that carry nothing. */
static void serve_nothing_again_and_again(bad_server *s, int fd)
{
  static const uint8_t unknown[8] = {1, 11, 0, 0, 0, 0, 0, 0};

  bad_read_request(s, fd);
  while (!atomic_load(&s->stopping) && bad_send(fd, unknown, sizeof(unknown)) == 0)
    bad_pause_ms(5);
}

static void drips(void **state)
{
  static const bad_serve_fn ways[] = {serve_drops, serve_drops_of_a_record,
                                      serve_nothing_again_and_again};
  static const fcgip_endpoint_options options = {.read_write_timeout_ms = PATIENCE_MS};
  size_t i;

  (void)state;
  for (i = 0; i < 6; i++) {
    bad_server slow, quick;
    const bad_server *both[] = {&slow, &quick};
    fcgip_request *request = put_of(1000);
    fcgip_response *response;
    fcgip_request_id id, other;
    fcgip_proxy *proxy;

    start_bad(&slow, i % 2 == 0, ways[i / 2]);
    start_bad(&quick, i % 2 == 0, serve_well);
    proxy = proxy_at(both, 2, &options);
    fcgip_request_set_request_timeout_ms(request, 300);
    id = send_async(proxy, request);
    /* The other server serves meanwhile. */
    fcgip_request_set_request_timeout_ms(request, UINT32_MAX);
    other = send_async(proxy, request);
    assert_int_equal(fcgip_proxy_read_response(proxy, other, -1, &response), FCGIP_OK);
    fcgip_response_free(response);
    assert_int_equal(fcgip_proxy_read_response(proxy, id, -1, &response), FCGIP_ETIMEDOUT);
    assert_true(fcgip_response_duration(response) >= 0.3);
    assert_contains(fcgip_response_error_text(response), "request_timeout_ms");
    fcgip_response_free(response);
    fcgip_request_free(request);
    free_proxy(proxy);
    bad_stop(&quick);
    bad_stop(&slow);
  }
}

/* Without a limit in all it is the limit between bytes that counts, and a drop is a byte. */
static void drips_count_as_bytes(void **state)
{
  static const fcgip_endpoint_options options = {.read_write_timeout_ms = PATIENCE_MS,
                                                 .max_body_bytes = 40};
  bad_server slow;
  fcgip_request *request = put_of(0);
  fcgip_response *response;
  fcgip_proxy *proxy;

  (void)state;
  start_bad(&slow, 0, serve_drops);
  proxy = proxy_to(&slow, &options);
  assert_int_equal(fcgip_proxy_send_request(proxy, request, &response), FCGIP_ETOOLARGE);
  assert_true(fcgip_response_is_partial(response));
  fcgip_response_free(response);
  fcgip_request_free(request);
  free_proxy(proxy);
  bad_stop(&slow);
}

/* ---- those who do not read ---- */

static void serve_by_not_reading(bad_server *s, int fd)
{
  bad_wait_for_hangup(s, fd);
}

static void never_reads(void **state)
{
  static const fcgip_endpoint_options options = {.read_write_timeout_ms = 200};
  int i;

  (void)state;
  for (i = 0; i < 4; i++) {
    bad_server deaf;
    fcgip_request *request = put_of(64 * MIB);
    fcgip_response *response;
    fcgip_proxy *proxy;

    /* Accepted and not read, or not even accepted. */
    start_bad(&deaf, i % 2, i < 2 ? serve_by_not_reading : NULL);
    proxy = proxy_to(&deaf, &options);
    released = 0;
    assert_int_equal(fcgip_proxy_send_request(proxy, request, &response), FCGIP_ETIMEDOUT);
    fcgip_request_free(request);
    assert_int_equal(released, 1);
    assert_contains(fcgip_response_error_text(response), "read_write_timeout_ms, sending");
    assert_true(fcgip_response_duration(response) >= 0.2);
    assert_true(fcgip_response_is_retry_safe(response));
    fcgip_response_free(response);
    assert_true(memory.peak_bytes < OVERHEAD);
    free_proxy(proxy);
    bad_stop(&deaf);
  }
}

/* ---- those who answer first ---- */

static void serve_before_reading(bad_server *s, int fd)
{
  answer(fd);
  if (bad_read_request(s, fd) == 0)
    bad_wait_for_hangup(s, fd);
}

static void serve_and_hang_up(bad_server *s, int fd)
{
  (void)s;
  answer(fd);
}

static void serve_all_but_the_end(bad_server *s, int fd)
{
  if (bad_send_text(fd, BAD_STDOUT, "Status: 201 Made\r\n\r\ndone") == 0)
    bad_wait_for_hangup(s, fd);
}

static void answers_before_it_reads(void **state)
{
  static const bad_serve_fn ways[] = {serve_before_reading, serve_and_hang_up};
  static const fcgip_endpoint_options options = {.read_write_timeout_ms = PATIENCE_MS};
  int i;

  (void)state;
  for (i = 0; i < 4; i++) {
    bad_server hasty;
    fcgip_request *request = put_of(64 * MIB);
    fcgip_response *response;
    fcgip_proxy *proxy;

    start_bad(&hasty, i % 2, ways[i / 2]);
    proxy = proxy_to(&hasty, &options);
    released = 0;
    assert_int_equal(fcgip_proxy_send_request(proxy, request, &response), FCGIP_OK);
    assert_int_equal(fcgip_response_status(response), 201);
    assert_string_equal(body_of(response), "done");
    fcgip_response_free(response);
    fcgip_request_free(request);
    assert_int_equal(released, 1);
    assert_true(memory.peak_bytes < OVERHEAD);
    free_proxy(proxy);
    bad_stop(&hasty);
    assert_int_equal(atomic_load(&hasty.mismatches), 0);
  }
}

/* The rest of the answer counts, too: without it there is no success, however much was sent. */
static void answers_in_part_and_does_not_read(void **state)
{
  static const fcgip_endpoint_options options = {.read_write_timeout_ms = 200};
  bad_server hasty;
  fcgip_request *request = put_of(64 * MIB);
  fcgip_response *response;
  fcgip_proxy *proxy;

  (void)state;
  start_bad(&hasty, 1, serve_all_but_the_end);
  proxy = proxy_to(&hasty, &options);
  assert_int_equal(fcgip_proxy_send_request(proxy, request, &response), FCGIP_ETIMEDOUT);
  assert_true(fcgip_response_is_partial(response));
  assert_false(fcgip_response_is_retry_safe(response));
  assert_string_equal(body_of(response), "done");
  fcgip_response_free(response);
  fcgip_request_free(request);
  free_proxy(proxy);
  bad_stop(&hasty);
}

/* ---- those who do not stop ---- */

static void serve_endless_body(bad_server *s, int fd)
{
  bad_read_request(s, fd);
  if (bad_send_text(fd, BAD_STDOUT, "\r\n") == 0 && bad_send_much(fd, BAD_STDOUT, 100 * MIB) == 0)
    bad_send_end(fd);
}

static void serve_endless_headers(bad_server *s, int fd)
{
  bad_read_request(s, fd);
  if (bad_send_text(fd, BAD_STDOUT, "X-A: ") == 0 && bad_send_much(fd, BAD_STDOUT, 100 * MIB) == 0)
    bad_send_end(fd);
}

static void serve_endless_stderr(bad_server *s, int fd)
{
  bad_read_request(s, fd);
  if (bad_send_much(fd, BAD_STDERR, 100 * MIB) == 0)
    answer(fd);
}

static void too_much(void **state)
{
  static const fcgip_endpoint_options options = {.max_body_bytes = MIB, .max_stderr_bytes = MIB};
  static const bad_serve_fn ways[] = {serve_endless_body, serve_endless_headers,
                                      serve_endless_stderr};
  int i;

  (void)state;
  for (i = 0; i < 6; i++) {
    bad_server endless;
    fcgip_request *request = put_of(0);
    fcgip_response *response;
    fcgip_proxy *proxy;
    size_t len;
    int rc;

    start_bad(&endless, i % 2, ways[i / 2]);
    proxy = proxy_to(&endless, &options);
    rc = fcgip_proxy_send_request(proxy, request, &response);
    assert_int_equal(rc, i < 4 ? FCGIP_ETOOLARGE : FCGIP_OK);
    assert_int_equal(fcgip_response_stderr_is_truncated(response), i >= 4);
    fcgip_response_body(response, &len);
    assert_true(len <= MIB + ONE_RECEIVE);
    fcgip_response_stderr(response, &len);
    assert_int_equal(len, i < 4 ? 0 : MIB);
    /* A block that grows is there twice while it moves. */
    assert_true(memory.peak_bytes <= 3 * MIB + OVERHEAD);
    fcgip_response_free(response);
    fcgip_request_free(request);
    free_proxy(proxy);
    bad_stop(&endless);
  }
}

static int count_output(fcgip_request_id id, const void *output, size_t output_len,
                        const void *error, size_t error_len, void *user_data)
{
  (void)id, (void)output, (void)error, (void)error_len;
  *(uint64_t *)user_data += output_len;
  return 0;
}

/* Streamed, it takes no memory at all, whatever the limit. */
static void as_much_as_it_likes(void **state)
{
  static const fcgip_endpoint_options options = {.max_body_bytes = MIB};
  bad_server endless;
  fcgip_request *request = put_of(0);
  fcgip_response *response;
  fcgip_proxy *proxy;
  uint64_t seen = 0;

  (void)state;
  start_bad(&endless, 0, serve_endless_body);
  proxy = proxy_to(&endless, &options);
  assert_int_equal(fcgip_request_set_body_kept(request, 0), FCGIP_OK);
  fcgip_request_add_pass_through_callback(request, count_output, &seen, NULL);
  assert_int_equal(fcgip_proxy_send_request(proxy, request, &response), FCGIP_OK);
  assert_int_equal(fcgip_response_body_length(response), 100 * MIB);
  assert_int_equal(seen, 100 * MIB + 2);
  assert_true(memory.peak_bytes < OVERHEAD);
  fcgip_response_free(response);
  fcgip_request_free(request);
  free_proxy(proxy);
  bad_stop(&endless);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(drips),
      TEST(drips_count_as_bytes),
      TEST(never_reads),
      TEST(answers_before_it_reads),
      TEST(answers_in_part_and_does_not_read),
      TEST(too_much),
      TEST(as_much_as_it_likes),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
