/* Content that comes from a source while it is sent, bodies that are not kept, and back-pressure. */
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
      f->net.send_most = j == 1 ? 777 : SIZE_MAX;
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

/* ---- bodies ---- */

typedef struct sink {
  size_t len;
  fixture *f;
  int pauses, rc;
  uint64_t takes_ms;
} sink;

static int drain(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                 size_t error_len, void *user_data)
{
  sink *s = user_data;

  (void)output, (void)error, (void)error_len;
  s->len += output_len;
  fake_net_advance(&s->f->net, s->takes_ms * MS);
  if (s->pauses)
    s->rc |= fcgip_proxy_pause(s->f->proxy, id);
  return 0;
}

static void a_body_that_is_not_kept(void **state)
{
  static uint8_t block[65535];
  fcgip_endpoint_options options = {.max_body_bytes = 1000};
  fixture *f = *state;
  sink s = {.f = f};
  fcgip_response *response;
  fcgip_request_id id;
  size_t before, i, len;

  fixture_tcp(f, &options);
  fcgip_request_add_pass_through_callback(f->request, drain, &s, NULL);
  assert_int_equal(fcgip_request_body_kept(f->request), 1);
  assert_int_equal(fcgip_request_set_body_kept(f->request, 0), FCGIP_OK);
  assert_int_equal(fcgip_request_body_kept(f->request), 0);
  id = send_get(f);
  fake_net_stdout(&f->net, 0, "A: b\n\n");
  settle(f);
  before = f->memory.live_bytes;
  for (i = 0; i < 20; i++) {
    fake_net_record(&f->net, 0, 6, block, sizeof(block), 0);
    settle(f);
    assert_true(f->memory.live_bytes <= before + 1000);
  }
  fake_net_end(&f->net, 0, 0, 0);
  run(f);
  assert_int_equal(s.len, 6 + 20 * sizeof(block));
  response = take(f, id);
  assert_int_equal(fcgip_response_error(response), FCGIP_OK);
  assert_string_equal(fcgip_response_header(response, "a"), "b");
  assert_string_equal(fcgip_response_body(response, &len), "");
  assert_int_equal(len, 0);
  assert_true(fcgip_response_body_length(response) == 20 * sizeof(block));
  fcgip_response_free(response);
}

/* What has come meanwhile is read, however long it took. */
static void a_slow_pass_through_callback(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 50};
  fixture *f = *state;
  sink s = {.f = f, .takes_ms = 80};
  fcgip_request_id id;

  fixture_tcp(f, &options);
  fcgip_request_add_pass_through_callback(f->request, drain, &s, NULL);
  id = send_get(f);
  fake_net_data_at(&f->net, f->start_us + 20 * MS, 0, "\1\7\0\1\0\0\0\0", 8);
  fake_net_data_at(&f->net, f->start_us + 20 * MS, 0,
                   "\1\6\0\1\0\5\0\0 more\1\3\0\1\0\10\0\0\0\0\0\0\0\0\0\0", 29);
  fake_net_stdout(&f->net, 0, "\nsome");
  run(f);
  assert_succeeds(f, id, "some more");
  assert_int_equal(elapsed_ms(f), 160);
}

/* ---- back-pressure ---- */

static void a_pause(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 50};
  fixture *f = *state;
  fcgip_request_id paused, other;
  size_t receives;

  fixture_tcp(f, &options);
  paused = send_get(f);
  fake_net_stdout(&f->net, 0, "\nsome");
  settle(f);
  assert_int_equal(fcgip_proxy_pause(f->proxy, paused), FCGIP_OK);
  assert_int_equal(socket_at(f, 0)->watched, 0);
  receives = socket_at(f, 0)->receives;
  fake_net_stdout(&f->net, 0, " more");
  fake_net_end(&f->net, 0, 0, 0);
  other = send_get(f);
  fake_net_answer(&f->net, 1, "others go on");
  run_until(f, 1000);
  assert_succeeds(f, other, "others go on");
  assert_int_equal(socket_at(f, 0)->receives, receives); /* nothing is read meanwhile */
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);    /* and no timeout runs */
  assert_int_equal(fcgip_proxy_resume(f->proxy, paused), FCGIP_OK);
  run(f);
  assert_succeeds(f, paused, "some more");
  assert_int_equal(fcgip_proxy_pause(f->proxy, paused), FCGIP_ENOTFOUND);
}

static void a_pause_that_is_too_long(void **state)
{
  fcgip_endpoint_options options = {.request_timeout_ms = 200};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_pause(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 200);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "in all");
}

/* After a resume the other deadlines begin anew. */
static void a_pause_that_ends(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 50};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_pause(f->proxy, id), FCGIP_OK);
  run_until(f, 300);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 350);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, "waiting for the response");
}

static void pausing_piece_by_piece(void **state)
{
  fixture *f = *state;
  sink s = {.f = f, .pauses = 1};
  fcgip_request_id id;
  int i;

  fixture_tcp(f, NULL);
  fcgip_request_add_pass_through_callback(f->request, drain, &s, NULL);
  id = send_get(f);
  for (i = 0; i < 20; i++) {
    fake_net_stdout(&f->net, 0, i == 0 ? "\n" : "x");
    settle(f);
    assert_int_equal(s.len, i + 1);
    assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  }
  fake_net_end(&f->net, 0, 0, 0);
  run(f);
  assert_int_equal(s.rc, FCGIP_OK);
  assert_succeeds(f, id, "xxxxxxxxxxxxxxxxxxx");
}

/* The server stops reading during a pause: what it said counts, but not before the pause is over. */
static fcgip_request_id pause_and_break(fixture *f)
{
  static uint8_t content[LONG];
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  f->net.send_most = 100;
  assert_int_equal(fcgip_request_set_content(f->post, content, sizeof(content)), FCGIP_OK);
  id = send_it(f, f->post);
  assert_int_equal(fcgip_proxy_pause(f->proxy, id), FCGIP_OK);
  at_ms(f, 0, FAKE_ROOM, 0, 0);
  at_ms(f, 1, FAKE_SEND_ERROR, 0, EPIPE);
  at_ms(f, 1, FAKE_ROOM, 0, 1);
  return id;
}

static void a_pause_and_a_failed_send(void **state)
{
  fixture *f = *state;
  fcgip_request_id id = pause_and_break(f);

  fake_net_stdout(&f->net, 0, "\nearly");
  fake_net_end(&f->net, 0, 0, 0);
  run_until(f, 30);
  assert_int_equal(socket_at(f, 0)->receives, 0);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 30);
  assert_succeeds(f, id, "early");
}

static void a_pause_and_a_failed_send_without_an_answer(void **state)
{
  fixture *f = *state;
  fcgip_request_id id = pause_and_break(f);

  run_until(f, 30);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 30); /* no event says so */
  assert_fails(f, id, FCGIP_EWRITE, EPIPE, NULL);
}

/* Let go on, and stopped again before it could. */
static void a_pause_right_after_another(void **state)
{
  fixture *f = *state;
  fcgip_request_id id = pause_and_break(f);

  fake_net_stdout(&f->net, 0, "\nearly");
  fake_net_end(&f->net, 0, 0, 0);
  run_until(f, 30);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  assert_int_equal(fcgip_proxy_pause(f->proxy, id), FCGIP_OK);
  run_until(f, 60);
  assert_int_equal(socket_at(f, 0)->receives, 0);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  run(f);
  assert_int_equal(elapsed_ms(f), 60);
  assert_succeeds(f, id, "early");
}

static void pausing_in_other_states(void **state)
{
  fcgip_endpoint_options options = {.max_connections = 1};
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_tcp(f, &options);
  fake_net_plan(&f->net, EINPROGRESS, 10 * MS, 0);
  first = send_get(f);
  second = send_get(f);
  assert_int_equal(fcgip_proxy_resume(f->proxy, first), FCGIP_OK); /* nothing to do */
  assert_int_equal(fcgip_proxy_pause(f->proxy, first), FCGIP_OK);  /* connecting */
  assert_int_equal(fcgip_proxy_pause(f->proxy, second), FCGIP_OK); /* queued */
  run_until(f, 20);
  assert_int_equal(socket_at(f, 0)->requests, 1); /* sending goes on */
  fake_net_answer(&f->net, 0, "first");
  run_until(f, 30);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 2);
  assert_int_equal(fcgip_proxy_resume(f->proxy, first), FCGIP_OK);
  run_until(f, 40);
  assert_succeeds(f, first, "first");
  fake_net_answer(&f->net, 1, "second");
  run_until(f, 50);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, second), FCGIP_OK);
  assert_fails(f, second, FCGIP_ECANCELED, 0, NULL);
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
      THREE_WAYS(a_body_that_is_not_kept),
      THREE_WAYS(a_slow_pass_through_callback),
      THREE_WAYS(a_pause),
      THREE_WAYS(a_pause_that_is_too_long),
      THREE_WAYS(a_pause_that_ends),
      THREE_WAYS(pausing_piece_by_piece),
      THREE_WAYS(a_pause_right_after_another),
      THREE_WAYS(pausing_in_other_states),
      THREE_WAYS(a_pause_and_a_failed_send),
      THREE_WAYS(a_pause_and_a_failed_send_without_an_answer),
      THREE_WAYS(a_source_that_is_slow),
      ONE_WAY(a_source_that_cancels),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
