/* Callbacks on live servers: which are called, in which order, with what, and what they may do. They record; the
 * tests judge afterwards. */
#include "integration/fixture.h"

enum { CHAIN = 100, LOG = 256 };

typedef struct record {
  fcgip_proxy *proxy;
  fcgip_request *request;
  char log[LOG]; /* a letter per call */
  size_t calls, pieces_before_end, left;
  int rc;
  fcgip_request_id cancel;
  int releases;
  char output[LOG], errors[LOG]; /* what passed through */
  size_t output_len, errors_len;
  fcgip_response *kept;
} record;

/* A callback and the record it writes to; its letter tells it from others. */
typedef struct tag {
  record *r;
  char letter;
  int releases;
} tag;

static void note(record *r, char letter)
{
  if (r->calls < LOG - 1)
    r->log[r->calls++] = letter;
}

static void on_response(fcgip_response *response, void *user_data)
{
  tag *t = user_data;

  note(t->r, t->letter);
  t->r->rc |= fcgip_response_error(response);
}

static int on_piece(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                    size_t error_len, void *user_data)
{
  tag *t = user_data;
  record *r = t->r;

  note(r, t->letter);
  if (id == 0 || output == NULL || error == NULL || (output_len > 0) == (error_len > 0))
    r->rc = FCGIP_EINVAL;
  if (output_len < LOG - r->output_len)
    memcpy(r->output + r->output_len, output, output_len);
  if (error_len < LOG - r->errors_len)
    memcpy(r->errors + r->errors_len, error, error_len);
  r->output_len += output_len;
  r->errors_len += error_len;
  return 0;
}

static void on_release(void *user_data)
{
  tag *t = user_data;

  t->releases++;
}

static void all_of_a_kind_in_order(void **state)
{
  record r = {0};
  tag tags[] = {{&r, 'a', 0}, {&r, 'b', 0}, {&r, 'x', 0}, {&r, 'y', 0}, {&r, 'c', 0}, {&r, 'z', 0}};
  fcgip_proxy *proxy = proxy_on(FPM_BIT(FPM_UNIX));
  fcgip_request *request = get("echo.php", "value=x"), *dead;
  size_t i;

  (void)state;
  fcgip_request_add_response_callback(request, on_response, &tags[0], on_release);
  fcgip_request_add_failure_callback(request, on_response, &tags[2], on_release);
  fcgip_request_add_response_callback(request, on_response, &tags[1], on_release);
  fcgip_request_add_failure_callback(request, on_response, &tags[3], on_release);
  fcgip_request_add_response_callback(request, on_response, &tags[4], on_release);
  fcgip_request_add_pass_through_callback(request, on_piece, &tags[5], on_release);
  send_async(proxy, request);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_int_equal(r.rc, FCGIP_OK);
  assert_string_equal(strstr(r.log, "a"), "abc");
  assert_int_equal(r.log[0], 'z');

  memset(&r, 0, sizeof(r));
  fcgip_request_set_script_filename(request, fpm_script(server, "crash.php"));
  dead = request;
  send_async(proxy, dead);
  assert_int_equal(fcgip_proxy_wait_for_responses(proxy, PATIENCE_MS), FCGIP_OK);
  assert_int_equal(r.rc, FCGIP_EREAD);
  assert_string_equal(strstr(r.log, "x"), "xy");
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  for (i = 0; i < 6; i++)
    assert_int_equal(tags[i].releases, 1);
}

/* Slow output is there before the end; headers come first, as they were sent. */
static void pieces_come_as_they_are_sent(void **state)
{
  record r = {0};
  tag t = {&r, 'p', 0};
  fcgip_proxy *proxy = proxy_on(FPM_BIT(FPM_NETWORK1));
  fcgip_request *request = get("progress.php", "pieces=5&ms=150");
  fcgip_response *response;
  fcgip_request_id id;
  size_t len, most = 0;

  (void)state;
  fcgip_request_add_pass_through_callback(request, on_piece, &t, on_release);
  id = send_async(proxy, request);
  fcgip_request_free(request);
  while (fcgip_proxy_pending(proxy) > 0) {
    r.pieces_before_end = r.calls;
    most = r.output_len > most && fcgip_proxy_pending(proxy) > 0 ? r.output_len : most;
    fcgip_proxy_poll(proxy, PATIENCE_MS);
  }
  assert_true(r.pieces_before_end >= 3);
  assert_int_equal(r.rc, FCGIP_OK);
  assert_int_equal(fcgip_proxy_read_response(proxy, id, 0, &response), FCGIP_OK);
  assert_memory_equal(fcgip_response_output(response, &len), r.output, r.output_len);
  assert_int_equal(len, r.output_len);
  assert_string_equal(body_of(response), "piece 1 of 5\npiece 2 of 5\npiece 3 of 5\npiece 4 of 5\n"
                                         "piece 5 of 5\n");
  fcgip_response_free(response);
  assert_int_equal(t.releases, 1);
  fcgip_proxy_free(proxy);
}

static void errors_pass_through_too(void **state)
{
  record r = {0};
  tag t = {&r, 'p', 0};
  fcgip_proxy *proxy = proxy_on(FPM_BIT(FPM_NETWORK1));
  fcgip_request *request;
  fcgip_response *response;

  (void)state;
  assert_int_equal(fcgip_get_request_new(&request, "/not/existing.php", NULL, 0), FCGIP_OK);
  fcgip_request_add_pass_through_callback(request, on_piece, &t, NULL);
  response = send_ok(proxy, request); /* sent synchronously as well */
  assert_contains(r.errors, "Primary script unknown");
  assert_contains(r.output, "File not found.");
  assert_string_equal(fcgip_response_stderr(response, NULL), r.errors);
  fcgip_response_free(response);
  fcgip_proxy_free(proxy);
}

static int stop_at_the_second(fcgip_request_id id, const void *output, size_t output_len,
                              const void *error, size_t error_len, void *user_data)
{
  record *r = user_data;

  (void)id, (void)output, (void)output_len, (void)error, (void)error_len;
  note(r, 'p');
  return r->calls >= 2 ? -1 : 0;
}

static void a_piece_can_end_it(void **state)
{
  record r = {0};
  fcgip_proxy *proxy = proxy_on(FPM_BIT(FPM_NETWORK1));
  fcgip_request *request = get("progress.php", "pieces=1000&ms=30");
  fcgip_response *response;

  (void)state;
  fcgip_request_add_pass_through_callback(request, stop_at_the_second, &r, NULL);
  assert_int_equal(fcgip_proxy_send_request(proxy, request, &response), FCGIP_ECANCELED);
  assert_int_equal(r.calls, 2);
  assert_true(fcgip_response_is_partial(response));
  assert_contains(body_of(response), "piece 1 of 1000");
  assert_int_equal(open_fds(), fds_before);
  fcgip_response_free(response);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
}

static void send_next(fcgip_response *response, void *user_data)
{
  record *r = user_data;

  r->calls++;
  r->rc |= fcgip_response_error(response);
  if (r->left > 0) {
    r->left--;
    r->rc |= fcgip_proxy_send_async_request(r->proxy, r->request, NULL);
  }
}

static void callbacks_send(void **state)
{
  record r = {0};

  (void)state;
  r.proxy = proxy_on(FPM_THREE);
  r.request = get("echo.php", "value=x");
  r.left = CHAIN;
  fcgip_request_add_response_callback(r.request, send_next, &r, NULL);
  send_async(r.proxy, r.request);
  send_async(r.proxy, r.request);
  send_async(r.proxy, r.request);
  assert_int_equal(fcgip_proxy_wait_for_responses(r.proxy, PATIENCE_MS), FCGIP_OK);
  assert_int_equal(r.calls, CHAIN + 3);
  assert_int_equal(r.rc, FCGIP_OK);
  fcgip_request_free(r.request);
  fcgip_proxy_free(r.proxy);
}

static void cancel_slow_one(fcgip_response *response, void *user_data)
{
  record *r = user_data;

  (void)response;
  r->calls++;
  r->rc = fcgip_proxy_cancel(r->proxy, r->cancel);
}

static void callbacks_cancel(void **state)
{
  record r = {0}, f = {0};
  tag failed = {&f, 'f', 0};
  fcgip_request *quick, *slow;
  uint64_t start = clock_ms();

  (void)state;
  r.proxy = proxy_on(FPM_BIT(FPM_NETWORK1));
  slow = get("sleep.php", "ms=3000000");
  fcgip_request_set_read_write_timeout_ms(slow, UINT32_MAX);
  fcgip_request_add_failure_callback(slow, on_response, &failed, NULL);
  quick = get("echo.php", "");
  fcgip_request_add_response_callback(quick, cancel_slow_one, &r, NULL);
  r.cancel = send_async(r.proxy, slow);
  send_async(r.proxy, quick);
  assert_int_equal(fcgip_proxy_wait_for_responses(r.proxy, PATIENCE_MS), FCGIP_OK);
  assert_true(clock_ms() - start < 3000000);
  assert_int_equal(r.calls, 1);
  assert_int_equal(r.rc, FCGIP_OK);
  assert_string_equal(f.log, "f");
  assert_int_equal(f.rc, FCGIP_ECANCELED);
  fcgip_request_free(quick);
  fcgip_request_free(slow);
  fcgip_proxy_free(r.proxy);
  assert_int_equal(fpm_reload(server), 0); /* ends the one that sleeps */
}

static void free_all(fcgip_response *response, void *user_data)
{
  record *r = user_data;

  r->kept = fcgip_response_ref(response);
  fcgip_request_free(r->request);
  fcgip_proxy_free(r->proxy);
  r->calls++;
}

/* Everything is freed from inside, with requests in flight; a response may be kept. */
static void callbacks_free(void **state)
{
  record r = {0};
  tag never = {&r, '!', 0};
  size_t i;

  (void)state;
  r.proxy = proxy_on(FPM_THREE);
  r.request = get("sleep.php", "ms=50&value=x");
  fcgip_request_add_response_callback(r.request, free_all, &r, NULL);
  fcgip_request_add_response_callback(r.request, on_response, &never, on_release);
  for (i = 0; i < 9; i++)
    send_async(r.proxy, r.request);
  assert_int_equal(fcgip_proxy_wait_for_responses(r.proxy, PATIENCE_MS), FCGIP_EREENTRANT);
  assert_int_equal(r.calls, 1);
  assert_int_equal(never.releases, 1);
  assert_non_null(r.kept);
  assert_int_equal(strncmp(body_of(r.kept), "x - ", 4), 0);
  fcgip_response_free(r.kept);
}

static int free_in_pass_through(fcgip_request_id id, const void *output, size_t output_len,
                                const void *error, size_t error_len, void *user_data)
{
  record *r = user_data;

  (void)id, (void)output, (void)output_len, (void)error, (void)error_len;
  fcgip_proxy_free(r->proxy);
  r->calls++;
  return 0;
}

static void callbacks_free_in_mid_response(void **state)
{
  record r = {0};

  (void)state;
  r.proxy = proxy_on(FPM_THREE);
  r.request = get("progress.php", "pieces=100&ms=20");
  fcgip_request_add_pass_through_callback(r.request, free_in_pass_through, &r, NULL);
  send_async(r.proxy, r.request);
  send_async(r.proxy, r.request);
  assert_int_equal(fcgip_proxy_wait_for_responses(r.proxy, PATIENCE_MS), FCGIP_EREENTRANT);
  assert_int_equal(r.calls, 1);
  fcgip_request_free(r.request);
}

static void wait_inside(fcgip_response *response, void *user_data)
{
  record *r = user_data;
  fcgip_response *out = NULL;

  (void)response;
  r->calls++;
  r->rc = fcgip_proxy_send_request(r->proxy, r->request, &out) == FCGIP_EREENTRANT &&
          fcgip_proxy_read_response(r->proxy, 1, 0, &out) == FCGIP_EREENTRANT &&
          fcgip_proxy_wait_for_responses(r->proxy, 0) == FCGIP_EREENTRANT &&
          fcgip_proxy_poll(r->proxy, 0) == FCGIP_EREENTRANT && out == NULL;
}

static void callbacks_do_not_wait(void **state)
{
  record r = {0};

  (void)state;
  r.proxy = proxy_on(FPM_BIT(FPM_UNIX));
  r.request = get("echo.php", "");
  fcgip_request_add_response_callback(r.request, wait_inside, &r, NULL);
  send_async(r.proxy, r.request);
  assert_int_equal(fcgip_proxy_wait_for_responses(r.proxy, PATIENCE_MS), FCGIP_OK);
  assert_int_equal(r.calls, 1);
  assert_true(r.rc);
  fcgip_request_free(r.request);
  fcgip_proxy_free(r.proxy);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(all_of_a_kind_in_order),  TEST(pieces_come_as_they_are_sent),
      TEST(errors_pass_through_too), TEST(a_piece_can_end_it),
      TEST(callbacks_send),          TEST(callbacks_cancel),
      TEST(callbacks_free),          TEST(callbacks_free_in_mid_response),
      TEST(callbacks_do_not_wait),
  };

  return RUN_ON_FPM(tests, start_three);
}
