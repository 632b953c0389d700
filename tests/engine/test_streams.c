/* Content that comes from a source while it is sent. */
#include <unistd.h>

#include "engine/fixture.h"
#include "support/reference_decoder.h"

enum { LONG = 300000 };

/* A source of `has` bytes, of which `ready` are there; each is its offset, folded. */
typedef struct origin {
  uint64_t has, ready;
  size_t most; /* at once */
  int result;  /* instead of bytes */
  int calls, releases;
  uint64_t last_offset;
  int is_ascending;
  fixture *f;
  fcgip_request_id cancels; /* cancelled from inside */
  int frees;
  uint64_t takes_ms; /* and the server stops reading meanwhile, after the first time */
} origin;

static uint8_t byte_at(uint64_t offset)
{
  return (uint8_t)(offset * 3 + offset / 256);
}

static int give(uint64_t offset, void *buffer, size_t cap, size_t *n, void *user_data)
{
  origin *o = user_data;
  uint8_t *to = buffer;

  o->calls++;
  o->is_ascending &= offset == 0 || offset >= o->last_offset;
  o->last_offset = offset;
  if (o->cancels != 0)
    fcgip_proxy_cancel(o->f->proxy, o->cancels);
  if (o->frees)
    fcgip_proxy_free(o->f->proxy);
  if (o->takes_ms > 0 && offset < o->has) {
    fake_net_advance(&o->f->net, o->takes_ms * MS);
    if (offset > 0)
      socket_at(o->f, 0)->room = 0;
  }
  if (o->result < 0)
    return o->result;
  *n = 0;
  while (*n < cap && *n < o->most && offset + *n < o->ready) {
    to[*n] = byte_at(offset + *n);
    (*n)++;
  }
  return *n == 0 && offset < o->has ? FCGIP_EAGAIN : FCGIP_OK;
}

static void released(void *user_data)
{
  origin *o = user_data;

  o->releases++;
}

static origin origin_of(fixture *f, uint64_t len)
{
  origin o = {.has = len, .ready = len, .most = SIZE_MAX, .is_ascending = 1, .f = f};

  return o;
}

static void use(fixture *f, origin *o, uint64_t announced)
{
  assert_int_equal(fcgip_request_set_content_source(f->post, give, announced, o, released),
                   FCGIP_OK);
}

static void assert_sent(fixture *f, size_t socket, size_t len)
{
  const uint8_t *bytes = socket_at(f, socket)->sent;
  size_t left = socket_at(f, socket)->sent_len, i;
  reference_request request;
  char why[200] = "";

  assert_int_equal(reference_decode(&bytes, &left, &request, why, sizeof(why)), REFERENCE_OK);
  assert_int_equal(request.content_len, len);
  for (i = 0; i < len && request.content[i] == byte_at(i); i++)
    ;
  assert_int_equal(i, len);
  reference_free(&request);
}

static void sends_from_a_source(void **state)
{
  static const size_t lens[] = {0, 1, 65535, 65536, LONG}, pieces[] = {1000, 65536, SIZE_MAX};
  fixture *f = *state;
  size_t i, j, socket = 0;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  for (i = 0; i < 5; i++) {
    for (j = 0; j < 3; j++, socket++) {
      origin o = origin_of(f, lens[i]);
      fcgip_request_id id;

      o.most = pieces[j];
      f->net.send_most = j == 1 ? (lens[i] < 2 ? 100 : 777) : SIZE_MAX;
      use(f, &o, lens[i]);
      assert_true(fcgip_request_content_length(f->post) == lens[i]);
      id = send_it(f, f->post);
      run(f);
      assert_succeeds(f, id, "served");
      assert_sent(f, socket, lens[i]);
      assert_true(o.is_ascending);
      assert_int_equal(fcgip_request_set_content(f->post, NULL, 0), FCGIP_OK);
      assert_int_equal(o.releases, 1);
    }
  }
}

/* The memory of a stream does not grow with it. */
static void needs_little_memory(void **state)
{
  fixture *f = *state;
  origin o = origin_of(f, LONG);
  size_t before;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  use(f, &o, LONG);
  before = f->memory.live_bytes;
  f->memory.peak_bytes = before;
  f->net.send_most = 5000;
  id = send_it(f, f->post);
  run(f);
  assert_true(f->memory.peak_bytes - before < 200000);
  assert_succeeds(f, id, "served");
  fcgip_request_set_content(f->post, NULL, 0);
}

/* ENC-14, ENC-15: the last byte that was announced is never sent. */
static void ends_short_or_long(void **state)
{
  static const struct {
    uint64_t has, announced;
  } rows[] = {{99, 100}, {0, 1}, {101, 100}, {70000, 65536}, {65535, 65536}};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    origin o = origin_of(f, rows[i].has);
    fcgip_request_id id;

    use(f, &o, rows[i].announced);
    id = send_it(f, f->post);
    run(f);
    assert_int_equal(socket_at(f, i)->requests, 0);
    assert_false(socket_at(f, i)->is_open);
    assert_fails(f, id, FCGIP_EINVAL, 0, "source");
    fcgip_request_set_content(f->post, NULL, 0);
  }
}

static void a_source_that_fails(void **state)
{
  static const int results[] = {FCGIP_ENOMEM, FCGIP_ECANCELED, -1};
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, NULL);
  for (i = 0; i < 3; i++) {
    origin o = origin_of(f, 10);
    fcgip_request_id id;

    o.result = results[i];
    use(f, &o, 10);
    id = send_it(f, f->post);
    run(f);
    assert_fails(f, id, FCGIP_ECANCELED, 0, NULL);
    fcgip_request_set_content(f->post, NULL, 0);
  }
}

/* Nothing yet: it waits to be resumed, and only its total deadline runs. */
static void a_source_that_has_nothing_yet(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 50, .request_timeout_ms = 10000};
  fixture *f = *state;
  origin o = origin_of(f, 1000);
  fcgip_request_id id;
  int calls;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  o.ready = 0;
  use(f, &o, 1000);
  id = send_it(f, f->post);
  calls = o.calls;
  run_until(f, 500);
  assert_int_equal(o.calls, calls); /* it is not asked again and again */
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  o.ready = 600;
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  run_until(f, 1000);
  o.ready = 1000;
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 1000);
  assert_sent(f, 0, 1000);
  assert_succeeds(f, id, "served");
  o.ready = 0;
  id = send_it(f, f->post);
  run(f);
  assert_int_equal(elapsed_ms(f), 11000);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "in all");
  fcgip_request_set_content(f->post, NULL, 0);
}

/* The server may answer while the source has nothing. */
static void an_answer_meanwhile(void **state)
{
  fixture *f = *state;
  origin o = origin_of(f, 1000);
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  o.ready = 10;
  use(f, &o, 1000);
  id = send_it(f, f->post);
  fake_net_answer(&f->net, 0, "enough");
  run(f);
  assert_succeeds(f, id, "enough");
  fcgip_request_set_content(f->post, NULL, 0);
}

/* Its time is not the server's. */
static void a_source_that_is_slow(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 50};
  fixture *f = *state;
  origin o = origin_of(f, LONG);
  fcgip_request_id id;

  fixture_tcp(f, &options);
  o.takes_ms = 60;
  use(f, &o, LONG);
  id = send_it(f, f->post);
  run(f);
  assert_int_equal(elapsed_ms(f), 60 + 60 + 50);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "read_write_timeout_ms, sending");
  fcgip_request_set_content(f->post, NULL, 0);
}

static void a_source_that_cancels(void **state)
{
  fixture *f = *state;
  origin o = origin_of(f, 1000);
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  o.cancels = send_get(f) + 1; /* the next one: its own */
  use(f, &o, 1000);
  id = send_it(f, f->post);
  assert_true(id == o.cancels);
  assert_int_equal(f->net.open_count, 1);
  assert_fails(f, id, FCGIP_ECANCELED, 0, NULL);
  fcgip_request_set_content(f->post, NULL, 0);
}

static void a_source_that_frees_the_proxy(void **state)
{
  fixture *f = *state;
  origin o = origin_of(f, 1000);

  fixture_tcp(f, NULL);
  o.frees = 1;
  use(f, &o, 1000);
  send_get(f);
  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->post, NULL), FCGIP_EREENTRANT);
  f->proxy = NULL;
  assert_int_equal(f->net.open_count, 0);
  assert_int_equal(o.calls, 1);
  fcgip_request_set_content(f->post, NULL, 0);
  assert_int_equal(o.releases, 1);
}

/* The same when the kernel has buffers again, in a timer: nothing is left to do for the next one. */
static void a_source_that_frees_the_proxy_later(void **state)
{
  fixture *f = *state;
  origin o = origin_of(f, 1000);
  int i, rc = FCGIP_OK;

  o.most = 10; /* so that it is asked again and again */
  fixture_tcp(f, NULL);
  send_get(f);
  use(f, &o, 1000);
  send_it(f, f->post);
  at_ms(f, 0, FAKE_SEND_ERROR, 1, ENOBUFS);
  settle(f);
  at_ms(f, 5, FAKE_SEND_ERROR, 1, 0);
  o.frees = 1;
  for (i = 0; i < 10 && rc != FCGIP_EREENTRANT; i++)
    rc = fcgip_proxy_poll(f->proxy, 20);
  assert_int_equal(rc, FCGIP_EREENTRANT);
  f->proxy = NULL;
  assert_int_equal(elapsed_ms(f), 10);
  assert_int_equal(f->net.open_count, 0);
  fcgip_request_set_content(f->post, NULL, 0);
  assert_int_equal(o.releases, 1);
}

/* A stale connection: the second attempt begins at the first byte again. */
static void a_second_attempt(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;
  origin o = origin_of(f, 1000);
  fcgip_request_id id;

  fixture_tcp(f, &options);
  f->net.is_serving = 1;
  send_get(f);
  run(f);
  f->net.is_serving = 0;
  fcgip_request_set_retry_safe(f->post, 1);
  use(f, &o, 1000);
  id = send_it(f, f->post);
  fake_net_at(&f->net, 0, FAKE_FIN, 0, 0);
  f->net.is_serving = 1;
  run(f);
  assert_sent(f, 1, 1000);
  assert_succeeds(f, id, "served");
  fcgip_request_set_content(f->post, NULL, 0);
}

static void content_of_a_file(void **state)
{
  fixture *f = *state;
  FILE *file = tmpfile();
  fcgip_request_id id;
  size_t i;

  assert_non_null(file);
  for (i = 0; i < LONG; i++)
    assert_true(fputc(byte_at(i), file) != EOF);
  assert_int_equal(fflush(file), 0);
  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  assert_int_equal(fcgip_request_set_content_fd(f->post, fileno(file), 0, UINT64_MAX), FCGIP_OK);
  id = send_it(f, f->post);
  run(f);
  assert_sent(f, 0, LONG);
  assert_succeeds(f, id, "served");
  id = send_it(f, f->post);
  assert_int_equal(ftruncate(fileno(file), 100), 0); /* behind its back */
  run(f);
  fcgip_response_free(take(f, id)); /* it was sent already, or not */
  id = send_it(f, f->post);
  run(f);
  assert_fails(f, id, FCGIP_EFILE, 0, NULL);
  fcgip_request_set_content(f->post, NULL, 0);
  fclose(file);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(sends_from_a_source),
      ONE_WAY(needs_little_memory),
      THREE_WAYS(ends_short_or_long),
      ONE_WAY(a_source_that_fails),
      THREE_WAYS(a_source_that_has_nothing_yet),
      THREE_WAYS(an_answer_meanwhile),
      ONE_WAY(a_source_that_frees_the_proxy),
      ONE_WAY(a_source_that_frees_the_proxy_later),
      THREE_WAYS(a_second_attempt),
      ONE_WAY(content_of_a_file),
      THREE_WAYS(a_source_that_is_slow),
      ONE_WAY(a_source_that_cancels),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
