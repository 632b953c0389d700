/* What a content source costs and may cost: how often it is asked, the time it takes, and the memory that it needs. */
#include "engine/fixture.h"

typedef struct spring {
  fixture *f;
  uint64_t has, takes_us; /* each time */
  int calls;
} spring;

static int give(uint64_t offset, void *buffer, size_t cap, size_t *n, void *data)
{
  spring *s = data;

  s->calls++;
  fake_net_advance(&s->f->net, s->takes_us);
  *n = offset < s->has ? (size_t)(s->has - offset) : 0;
  *n = *n < cap ? *n : cap;
  memset(buffer, 's', *n);
  return FCGIP_OK;
}

static void use(fixture *f, spring *s, uint64_t len)
{
  s->f = f;
  s->has = len;
  assert_int_equal(fcgip_request_set_content_source(f->post, give, len, s, NULL), FCGIP_OK);
}

static void stop_using(fixture *f)
{
  assert_int_equal(fcgip_request_set_content(f->post, NULL, 0), FCGIP_OK);
}

/* For its bytes, and whether that was all. */
static void is_asked_no_more_than_it_takes(void **state)
{
  fixture *f = *state;
  spring s = {0};
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  use(f, &s, 1000);
  id = send_it(f, f->post);
  run(f);
  assert_succeeds(f, id, "served");
  assert_int_equal(s.calls, 2);
  stop_using(f);
}

/* The clock is read anew when it comes back: what it took is not the server's silence. */
static void takes_its_time(void **state)
{
  const fcgip_endpoint_options options = {.read_write_timeout_ms = 50};
  fixture *f = *state;
  spring s = {.takes_us = 40 * MS};
  fcgip_request_id id;

  fixture_tcp(f, &options);
  use(f, &s, 1000);
  id = send_it(f, f->post);
  run(f);
  assert_int_equal(s.calls, 2);
  assert_int_equal(elapsed_ms(f), 2 * 40 + 50);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "waiting for the response");
  stop_using(f);
}

/* It breaks its word on a connection that was kept: that is not the connection's fault, and nothing is sent again. */
static void fails_on_a_kept_connection(void **state)
{
  const fcgip_endpoint_options options = {.max_idle_connections = 1, .idle_timeout_ms = 1000};
  fixture *f = *state;
  spring s = {0};
  fcgip_request_id id;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  send_get(f);
  run(f);
  use(f, &s, 1000);
  s.has = 999;
  id = send_it(f, f->post);
  run(f);
  assert_fails(f, id, FCGIP_EINVAL, 0, "content source");
  assert_int_equal(f->net.socket_count, 1);
  assert_int_equal(f->net.open_count, 0);
  stop_using(f);
}

/* Nothing was announced, and nobody asks. */
static void has_no_bytes(void **state)
{
  fixture *f = *state;
  spring s = {0};
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  use(f, &s, 0);
  id = send_it(f, f->post);
  run(f);
  assert_succeeds(f, id, "served");
  assert_int_equal(s.calls, 0);
  stop_using(f);
}

/* There is no memory for the bytes on their way. */
static void has_nowhere_to_put_it(void **state)
{
  fixture *f = *state;
  spring s = {0};
  fcgip_request_id id;
  size_t n;

  fixture_tcp(f, NULL);
  use(f, &s, 100000);
  for (n = 1; n < 100 && s.calls == 0; n++) {
    failing_allocator_fail_at(&f->memory, n, FAIL_ONCE);
    if (fcgip_proxy_send_async_request(f->proxy, f->post, &id) != FCGIP_OK)
      continue;
    if (f->memory.failures == 0)
      break;
    if (s.calls == 0) {
      run(f);
      assert_int_equal(elapsed_ms(f), 0);
      assert_fails(f, id, FCGIP_ENOMEM, 0, NULL);
    }
  }
  assert_true(n > 1 && n < 100);
  failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
  stop_using(f);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(is_asked_no_more_than_it_takes),
      ONE_WAY(takes_its_time),
      ONE_WAY(fails_on_a_kept_connection),
      ONE_WAY(has_no_bytes),
      ONE_WAY(has_nowhere_to_put_it),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
