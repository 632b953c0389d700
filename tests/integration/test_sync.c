/* Sending and waiting, one request after the other: what the server is told, and what it answers. */
#include "integration/fixture.h"

static fcgip_proxy *proxy;

static int make_proxy(void **state)
{
  count_fds(state);
  proxy = proxy_on(FPM_BIT(FPM_NETWORK1));
  return 0;
}

static int free_proxy(void **state)
{
  fcgip_proxy_free(proxy);
  return compare_fds(state);
}

static void round_robin_goes_around(void **state)
{
  fcgip_proxy *around = proxy_on(FPM_THREE);
  char query[32];
  int i;

  (void)state;
  for (i = 0; i < 9; i++) {
    snprintf(query, sizeof(query), "value=%d", i);
    assert_echo(send_ok(around, get("echo.php", query)), query + 6, three[i % 3]);
  }
  fcgip_proxy_free(around);
}

static int seeded(fcgip_collection **out, const fcgip_endpoint *const *endpoints, size_t count)
{
  return fcgip_random_new_seeded(out, endpoints, count, 20);
}

static void random_reaches_all(void **state)
{
  fcgip_proxy *any = proxy_of(seeded, FPM_THREE, NULL), *other;
  int counts[FPM_POOL_COUNT] = {0}, i;

  (void)state;
  for (i = 0; i < 60; i++) {
    fcgip_response *response = send_ok(any, get("echo.php", "value=x"));
    int pool = pool_of(response);

    assert_true(pool >= 0);
    counts[pool]++;
    fcgip_response_free(response);
  }
  assert_true(counts[FPM_NETWORK1] > 8 && counts[FPM_NETWORK2] > 8 && counts[FPM_UNIX] > 8);
  other = proxy_of(fcgip_random_new, FPM_THREE, NULL);
  fcgip_response_free(send_ok(other, get("echo.php", "value=x")));
  fcgip_proxy_free(other);
  fcgip_proxy_free(any);
}

static int to_the_last(const fcgip_collection *collection, const fcgip_request *request,
                       size_t *index, void *user_data)
{
  int *calls = user_data;

  *calls += strcmp(fcgip_request_method(request), "GET") == 0;
  *index = fcgip_collection_count(collection) - 1;
  return FCGIP_OK;
}

static void a_policy_of_ones_own(void **state)
{
  fcgip_endpoint *endpoints[2];
  fcgip_collection *collection;
  fcgip_proxy *chosen;
  int calls = 0, i;

  (void)state;
  endpoints[0] = endpoint_at(fpm_address(server, FPM_NETWORK1), NULL);
  endpoints[1] = endpoint_at(fpm_address(server, FPM_UNIX), NULL);
  assert_int_equal(fcgip_custom_new(&collection, (const fcgip_endpoint *const *)endpoints, 2,
                                    to_the_last, &calls, NULL),
                   FCGIP_OK);
  assert_int_equal(fcgip_proxy_new(&chosen, collection, NULL), FCGIP_OK);
  for (i = 0; i < 4; i++)
    assert_echo(send_ok(chosen, get("echo.php", "value=own")), "own", FPM_UNIX);
  assert_int_equal(calls, 4);
  fcgip_proxy_free(chosen);
  fcgip_collection_free(collection);
  fcgip_endpoint_free(endpoints[0]);
  fcgip_endpoint_free(endpoints[1]);
}

static void every_method(void **state)
{
  static const char *const methods[] = {"GET",  "POST",    "PUT",   "PATCH", "DELETE",
                                        "HEAD", "OPTIONS", "PURGE", "X-Own"};
  char expected[64];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
    fcgip_response *response = send_ok(proxy, request_for(methods[i], "params.php", ""));

    snprintf(expected, sizeof(expected), "\"REQUEST_METHOD\":\"%s\"", methods[i]);
    if (strcmp(methods[i], "HEAD") == 0)
      assert_string_equal(body_of(response), "");
    else
      assert_contains(body_of(response), expected);
    fcgip_response_free(response);
  }
}

static void constructors_of_methods(void **state)
{
  static const struct {
    int (*make)(fcgip_request **out, const char *script, const void *content, size_t len);
    const char *method;
  } cases[] = {{fcgip_get_request_new, "GET"},
               {fcgip_post_request_new, "POST"},
               {fcgip_put_request_new, "PUT"},
               {fcgip_patch_request_new, "PATCH"},
               {fcgip_delete_request_new, "DELETE"}};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    fcgip_request *request;
    fcgip_response *response;
    char expected[64];

    assert_int_equal(cases[i].make(&request, fpm_script(server, "params.php"), "content", 7),
                     FCGIP_OK);
    response = send_ok(proxy, request);
    snprintf(expected, sizeof(expected), "\"REQUEST_METHOD\":\"%s\"", cases[i].method);
    assert_contains(body_of(response), expected);
    assert_contains(body_of(response), "\"CONTENT_LENGTH\":\"7\"");
    fcgip_response_free(response);
  }
}

static void defaults(void **state)
{
  static const char *const expected[] = {
      "\"GATEWAY_INTERFACE\":\"FastCGI\\/1.0\"",
      "\"REMOTE_ADDR\":\"192.168.0.1\"",
      "\"REMOTE_PORT\":\"9985\"",
      "\"SERVER_ADDR\":\"127.0.0.1\"",
      "\"SERVER_PORT\":\"80\"",
      "\"SERVER_NAME\":\"localhost\"",
      "\"SERVER_PROTOCOL\":\"HTTP\\/1.1\"",
      "\"CONTENT_TYPE\":\"application\\/x-www-form-urlencoded\"",
      "\"CONTENT_LENGTH\":\"0\"",
      "\"FCGI_ROLE\":\"RESPONDER\"",
  };
  fcgip_response *response = send_ok(proxy, get("params.php", ""));
  char software[64];
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
    assert_contains(body_of(response), expected[i]);
  snprintf(software, sizeof(software), "\"SERVER_SOFTWARE\":\"libfcgiproxy\\/%s\"",
           fcgip_version());
  assert_contains(body_of(response), software);
  fcgip_response_free(response);
}

static void everything_can_be_set(void **state)
{
  static const char *const expected[] = {
      "\"SERVER_SOFTWARE\":\"soft\"",
      "\"REMOTE_ADDR\":\"::1\"",
      "\"REMOTE_PORT\":\"65535\"",
      "\"SERVER_ADDR\":\"10.1.2.3\"",
      "\"SERVER_PORT\":\"443\"",
      "\"SERVER_NAME\":\"name.test\"",
      "\"SERVER_PROTOCOL\":\"HTTP\\/2\"",
      "\"CONTENT_TYPE\":\"text\\/plain\"",
      "\"REQUEST_URI\":\"\\/uri?a=1&b=2\"",
      "\"QUERY_STRING\":\"a=1&b=2\"",
      "\"OWN\":\"mine\"",
      "\"EMPTY\":\"\"",
      "\"HTTP_ACCEPT\":\"a, b\"",
      "\"HTTP_COOKIE\":\"c=1; d=2\"",
      "\"SERVER_ADMIN\":{\"base64\":\"\\/wF\\/\"}",
  };
  fcgip_request *request = get("params.php", "");
  fcgip_response *response;
  size_t i;

  (void)state;
  assert_int_equal(fcgip_request_set_server_software(request, "soft"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_remote_address(request, "::1"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_remote_port(request, 65535), FCGIP_OK);
  assert_int_equal(fcgip_request_set_server_address(request, "10.1.2.3"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_server_port(request, 443), FCGIP_OK);
  assert_int_equal(fcgip_request_set_server_name(request, "ignored.test"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_custom_var(request, "SERVER_NAME", "name.test"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_server_protocol(request, "HTTP/2"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_content_type(request, "text/plain"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_request_uri(request, "/uri?a=1&b=2"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_custom_var(request, "OWN", "mine"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_custom_var(request, "EMPTY", ""), FCGIP_OK);
  assert_int_equal(fcgip_request_set_custom_var(request, "SERVER_ADMIN", "\xff\x01\x7f"), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(request, "Accept", "a"), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(request, "accept", "b"), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(request, "Cookie", "c=1"), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(request, "Cookie", "d=2"), FCGIP_OK);
  response = send_ok(proxy, request);
  for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
    assert_contains(body_of(response), expected[i]);
  fcgip_response_free(response);
}

static void roles(void **state)
{
  static const char *const names[] = {"RESPONDER", "AUTHORIZER", "FILTER"};
  char expected[64];
  int role;

  (void)state;
  for (role = FCGIP_RESPONDER; role <= FCGIP_FILTER; role++) {
    fcgip_request *request = get("params.php", "");
    fcgip_response *response;

    assert_int_equal(fcgip_request_set_role(request, role), FCGIP_OK);
    response = send_ok(proxy, request);
    snprintf(expected, sizeof(expected), "\"FCGI_ROLE\":\"%s\"", names[role - 1]);
    assert_contains(body_of(response), expected);
    fcgip_response_free(response);
  }
}

/* ENC-07, FPM-10: whole pairs, however many there are, and the largest that php-fpm can be sent. */
static void many_and_large_variables(void **state)
{
  enum { COUNT = 60, LARGEST = 65528 - 4 - 1 - 5 };
  static char value[LARGEST + 1];
  fcgip_request *request = get("params.php", "");
  fcgip_response *response;
  char name[40];
  size_t len;
  int i;

  (void)state;
  memset(value, 'v', LARGEST);
  for (i = 0; i < COUNT; i++) {
    snprintf(name, sizeof(name), "X_%03d", i);
    assert_int_equal(fcgip_request_set_custom_var_n(request, name, 5, value, LARGEST), FCGIP_OK);
  }
  response = send_ok(proxy, request);
  fcgip_response_body(response, &len);
  assert_true(len > (size_t)COUNT * LARGEST);
  for (i = 0; i < COUNT; i++) {
    snprintf(name, sizeof(name), "\"X_%03d\":\"vvv", i);
    assert_contains(body_of(response), name);
  }
  fcgip_response_free(response);
}

static void settings_of_php(void **state)
{
  fcgip_request *request;
  char path[256];

  (void)state;
  write_script("setting.php", "<?php echo ini_get('user_agent');", path, sizeof(path));
  assert_int_equal(fcgip_get_request_new(&request, path, NULL, 0), FCGIP_OK);
  assert_int_equal(fcgip_request_set_custom_var(request, "PHP_VALUE", "user_agent=set"),
                   FCGIP_EINVAL);
  assert_int_equal(fcgip_request_allow_php_settings(request, 1), FCGIP_OK);
  assert_int_equal(fcgip_request_set_custom_var(request, "PHP_VALUE", "user_agent=set"), FCGIP_OK);
  assert_body(send_ok(proxy, request), "set");
}

static void many_headers_of_a_name(void **state)
{
  fcgip_response *response = send_ok(proxy, get("headers.php", "count=3&status=418%20Teapot"));
  const char *values[4] = {NULL, NULL, NULL, NULL}, *name, *value;
  size_t i, found = 0;

  (void)state;
  assert_int_equal(fcgip_response_status(response), 418);
  assert_string_equal(fcgip_response_status_text(response), "Teapot");
  assert_int_equal(fcgip_response_header_values(response, "x-item", values, 4), 3);
  assert_string_equal(values[0], "item 1");
  assert_string_equal(values[2], "item 3");
  assert_null(values[3]);
  assert_string_equal(fcgip_response_header(response, "X-ITEM"), "item 1");
  assert_string_equal(fcgip_response_header_line(response, "X-Item"), "item 1, item 2, item 3");
  assert_int_equal(fcgip_response_header_values(response, "Set-Cookie", NULL, 0), 3);
  assert_null(fcgip_response_header(response, "X-Absent"));
  assert_string_equal(fcgip_response_header_line(response, "X-Absent"), "");
  for (i = 0; fcgip_response_header_at(response, i, &name, &value) == FCGIP_OK; i++)
    found += strcmp(name, "X-Item") == 0;
  assert_int_equal(i, fcgip_response_header_count(response));
  assert_int_equal(found, 3);
  assert_string_equal(body_of(response), "3\n");
  fcgip_response_free(response);
}

static void what_a_response_knows(void **state)
{
  fcgip_response *response = send_ok(proxy, get("sleep.php", "ms=20&value=v"));
  const char *output;
  size_t len, body_len;

  (void)state;
  assert_true(fcgip_response_duration(response) >= 0.02);
  assert_string_equal(fcgip_endpoint_address(fcgip_response_endpoint(response)),
                      fpm_address(server, FPM_NETWORK1));
  assert_true(fcgip_response_request_id(response) > 0);
  assert_int_equal(fcgip_response_status(response), 200);
  assert_int_equal(fcgip_response_app_status(response), 0);
  assert_int_equal(fcgip_response_errno(response), 0);
  assert_string_equal(fcgip_response_error_text(response), "");
  assert_false(fcgip_response_is_partial(response));
  assert_false(fcgip_response_stderr_is_truncated(response));
  output = fcgip_response_output(response, &len);
  fcgip_response_body(response, &body_len);
  assert_true(len > body_len + 4);
  assert_memory_equal(output + len - body_len - 4, "\r\n\r\n", 4);
  assert_int_equal(strlen(output), len);
  fcgip_response_free(response);
}

/* hc: an HTTP status is no failure, and STDERR says why. */
static void scripts_that_are_not_there(void **state)
{
  static const char *const missing[] = {"/unknown/script.php", "/../../etc/none.php"};
  fcgip_request *request;
  fcgip_response *response;
  char path[256];
  size_t i;

  (void)state;
  for (i = 0; i < 2; i++) {
    assert_int_equal(fcgip_get_request_new(&request, missing[i], NULL, 0), FCGIP_OK);
    response = send_ok(proxy, request);
    assert_int_equal(fcgip_response_status(response), 404);
    assert_string_equal(fcgip_response_status_text(response), "Not Found");
    assert_string_equal(body_of(response), "File not found.\n");
    assert_contains(fcgip_response_stderr(response, NULL), "Primary script unknown");
    fcgip_response_free(response);
  }
  write_script("script.txt", "no php", path, sizeof(path));
  assert_int_equal(fcgip_get_request_new(&request, path, NULL, 0), FCGIP_OK);
  response = send_ok(proxy, request);
  assert_int_equal(fcgip_response_status(response), 403);
  assert_string_equal(body_of(response), "Access denied.\n");
  assert_contains(fcgip_response_stderr(response, NULL), "security.limit_extensions");
  fcgip_response_free(response);
}

#define WITH_PROXY(f) cmocka_unit_test_setup_teardown(f, make_proxy, free_proxy)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(round_robin_goes_around),
      TEST(random_reaches_all),
      TEST(a_policy_of_ones_own),
      WITH_PROXY(every_method),
      WITH_PROXY(constructors_of_methods),
      WITH_PROXY(defaults),
      WITH_PROXY(everything_can_be_set),
      WITH_PROXY(roles),
      WITH_PROXY(many_and_large_variables),
      WITH_PROXY(settings_of_php),
      WITH_PROXY(many_headers_of_a_name),
      WITH_PROXY(what_a_response_knows),
      WITH_PROXY(scripts_that_are_not_there),
  };

  return RUN_ON_FPM(tests, start_three);
}
