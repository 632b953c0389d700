/* Whole sentences: no reason too many, and none too few. */
#include "engine/fixture.h"

static void assert_says(fixture *f, fcgip_request_id id, const char *sentence)
{
  fcgip_response *response = take(f, id);

  assert_string_equal(fcgip_response_error_text(response), sentence);
  fcgip_response_free(response);
}

static void without_a_reason(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  id = send_get(f);
  settle(f);
  fake_net_end(&f->net, 0, 0, 2);
  run(f);
  assert_says(f, id, "tcp://10.0.0.1:9000: the application is overloaded");
}

static void with_a_protocol_status(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  id = send_get(f);
  settle(f);
  fake_net_end(&f->net, 0, 0, 77);
  run(f);
  assert_says(f, id,
              "tcp://10.0.0.1:9000: the application refused the request (protocol status 77)");
}

static void with_an_errno(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  f->net.plan = (fake_connect){ECONNREFUSED, 0, 0};
  fixture_tcp(f, NULL);
  id = send_get(f);
  run(f);
  assert_says(f, id,
              "tcp://10.0.0.1:9000: the connection could not be established (ECONNREFUSED: "
              "connection refused)");
}

static void with_an_errno_that_has_no_name(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  f->net.plan = (fake_connect){12345, 0, 0};
  fixture_tcp(f, NULL);
  id = send_get(f);
  run(f);
  assert_says(f, id, "tcp://10.0.0.1:9000: the connection could not be established (errno 12345)");
}

static void with_a_detail_and_an_errno(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  id = send_get(f);
  settle(f);
  at_ms(f, 0, FAKE_RECV_ERROR, 0, ECONNRESET);
  run(f);
  assert_says(f, id,
              "tcp://10.0.0.1:9000: the connection ended before the response was complete (closed "
              "before any byte of a response) (ECONNRESET: connection reset by the server)");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ONE_WAY(without_a_reason),
      ONE_WAY(with_a_protocol_status),
      ONE_WAY(with_an_errno),
      ONE_WAY(with_an_errno_that_has_no_name),
      ONE_WAY(with_a_detail_and_an_errno),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
