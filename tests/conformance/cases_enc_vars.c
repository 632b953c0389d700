/* ENC, continued: what may be a variable, and how HTTP headers become some. */
#include <stdio.h>
#include <string.h>

#include "conformance/enc.h"
#include "conformance/fixture.h"

static fcgip_request *get(conf_test *test)
{
  fcgip_request *request = NULL;

  CHECK(test, fcgip_get_request_new(&request, "/srv/app.php", NULL, 0) == FCGIP_OK);
  return request;
}

/* How often a variable is going to be sent, and its value. */
static size_t find(const fcgip_request *request, const char *name, const char **value)
{
  const char *at, *has;
  size_t i, n = 0;

  for (i = 0; i < fcgip_request_param_count(request); i++) {
    if (fcgip_request_param_at(request, i, &at, &has) == FCGIP_OK && strcmp(at, name) == 0) {
      *value = has;
      n++;
    }
  }
  return n;
}

static size_t pairs_named(const reference_request *decoded, const char *name)
{
  size_t i, n = 0;

  for (i = 0; i < decoded->pair_count; i++)
    n += decoded->pairs[i].name_len == strlen(name) &&
                 memcmp(decoded->pairs[i].name, name, strlen(name)) == 0
             ? 1
             : 0;
  return n;
}

void enc_set_twice(conf_test *test)
{
  static const conf_pair pairs[] = {
      {"A", "first"}, {"B", "x"}, {"A", "last"}, {"SERVER_NAME", "one"}, {"SERVER_NAME", "two"}};
  const conf_request request = {.params = pairs, .param_count = 5};
  reference_request decoded;

  if (enc_decode(test, &request, &decoded)) {
    CHECK(test,
          reference_has(&decoded, "A", "last") && reference_has(&decoded, "SERVER_NAME", "two"));
    conf_check(test, pairs_named(&decoded, "A") == 1 && pairs_named(&decoded, "SERVER_NAME") == 1,
               "%zu and %zu pairs", pairs_named(&decoded, "A"),
               pairs_named(&decoded, "SERVER_NAME"));
  }
  reference_free(&decoded);
}

static void refuses(conf_test *test, const char *name, size_t name_len, const char *value,
                    size_t value_len)
{
  fcgip_request *request = get(test);
  size_t before = fcgip_request_param_count(request);

  conf_check(test,
             fcgip_request_set_custom_var_n(request, name, name_len, value, value_len) ==
                 FCGIP_EINVAL,
             "\"%s\" = \"%s\" was accepted", name, value);
  conf_check(test, fcgip_request_param_count(request) == before,
             "a variable that was refused is there");
  fcgip_request_free(request);
}

void enc_refused(conf_test *test)
{
  static const char *const lines[] = {"SCRIPT_NAME", "SCRIPT_FILENAME", "PATH_INFO", "REQUEST_URI"};
  static const conf_pair raw[] = {
      {"X_RAW", "a\r\nb"}, {"X_EMPTY", ""}, {"X_BYTES", "\x01\x7f\xff"}};
  const conf_request request = {.params = raw, .param_count = 3};
  reference_request decoded;
  fcgip_request *r = NULL;
  size_t i;

  refuses(test, "", 0, "v", 1);
  refuses(test, "A\0B", 3, "v", 1);
  refuses(test, "A\rB", 3, "v", 1);
  refuses(test, "A\nB", 3, "v", 1);
  refuses(test, "A=B", 3, "v", 1);
  refuses(test, "A", 1, "a\0b\nc", 5);
  for (i = 0; i < 4; i++) {
    refuses(test, lines[i], strlen(lines[i]), "/a\r\nb", 5);
    refuses(test, lines[i], strlen(lines[i]), "/a\nb", 4);
    refuses(test, lines[i], strlen(lines[i]), "/a\rb", 4);
  }
  CHECK(test, fcgip_request_new(&r, "GET", "/a\nb") == FCGIP_EINVAL && r == NULL);
  CHECK(test, fcgip_request_new(&r, "G T", "/a") == FCGIP_EINVAL &&
                  fcgip_request_new(&r, "", "/a") == FCGIP_EINVAL);
  r = get(test);
  CHECK(test, fcgip_request_set_request_uri(r, "/a\r\nb") == FCGIP_EINVAL);
  CHECK(test, fcgip_request_set_script_filename(r, "/a\nb") == FCGIP_EINVAL);
  fcgip_request_free(r);
  if (enc_decode(test, &request, &decoded))
    for (i = 0; i < 3; i++)
      CHECK(test, reference_has(&decoded, raw[i].name, raw[i].value));
  reference_free(&decoded);
}

void enc_php_settings(conf_test *test)
{
  static const char *const names[] = {"PHP_VALUE", "PHP_ADMIN_VALUE"};
  fcgip_request *request;
  const char *value = "";
  size_t i;

  for (i = 0; i < 2; i++) {
    refuses(test, names[i], strlen(names[i]), "memory_limit=77M", 16);
    request = get(test);
    CHECK(test, fcgip_request_allow_php_settings(request, 1) == FCGIP_OK);
    CHECK(test, fcgip_request_set_custom_var(request, names[i], "memory_limit=77M") == FCGIP_OK);
    CHECK(test, find(request, names[i], &value) == 1 && strcmp(value, "memory_limit=77M") == 0);
    CHECK(test, fcgip_request_allow_php_settings(request, 0) == FCGIP_OK);
    CHECK(test,
          fcgip_request_set_custom_var(request, names[i], "memory_limit=88M") == FCGIP_EINVAL);
    fcgip_request_free(request);
  }
}

void enc_proxy_header(conf_test *test)
{
  static const char *const names[] = {"Proxy", "proxy", "PROXY", "pRoXy"};
  fcgip_request *request = get(test);
  const char *value;
  size_t i;

  for (i = 0; i < 4; i++)
    CHECK(test, fcgip_request_add_http_header(request, names[i], "evil:1") == FCGIP_EINVAL);
  CHECK(test, find(request, "HTTP_PROXY", &value) == 0);
  CHECK(test, fcgip_request_add_http_header(request, "Proxy-Authorization", "x") == FCGIP_OK);
  CHECK(test, find(request, "HTTP_PROXY_AUTHORIZATION", &value) == 1);
  fcgip_request_free(request);
}

void enc_underscore_header(conf_test *test)
{
  fcgip_request *request = get(test);
  const char *value = "";

  CHECK(test, fcgip_request_add_http_header(request, "X-A", "one") == FCGIP_OK);
  CHECK(test, fcgip_request_add_http_header(request, "X_A", "two") == FCGIP_EINVAL);
  CHECK(test, find(request, "HTTP_X_A", &value) == 1 && strcmp(value, "one") == 0);
  CHECK(test, fcgip_request_add_http_header(request, "Content_Length", "1") == FCGIP_EINVAL);
  CHECK(test, fcgip_request_add_http_header(request, "Content-Length", "1") == FCGIP_EINVAL);
  CHECK(test, fcgip_request_add_http_header(request, "X A", "1") == FCGIP_EINVAL);
  CHECK(test, fcgip_request_add_http_header(request, "", "1") == FCGIP_EINVAL);
  CHECK(test, fcgip_request_add_http_header(request, "X-B", "a\r\nX-C: d") == FCGIP_EINVAL);
  fcgip_request_free(request);
}

void enc_joined_headers(conf_test *test)
{
  fcgip_request *request = get(test);
  const char *value = "";

  CHECK(test, fcgip_request_add_http_header(request, "Accept", "a") == FCGIP_OK);
  CHECK(test, fcgip_request_add_http_header(request, "Cookie", "k=1") == FCGIP_OK);
  CHECK(test, fcgip_request_add_http_header(request, "ACCEPT", "b") == FCGIP_OK);
  CHECK(test, fcgip_request_add_http_header(request, "cookie", "l=2") == FCGIP_OK);
  CHECK(test, fcgip_request_add_http_header(request, "accept", "c") == FCGIP_OK);
  CHECK(test, find(request, "HTTP_ACCEPT", &value) == 1 && strcmp(value, "a, b, c") == 0);
  CHECK(test, find(request, "HTTP_COOKIE", &value) == 1 && strcmp(value, "k=1; l=2") == 0);
  fcgip_request_free(request);
}
