/* Content of every kind and size: what arrives is what was sent, byte for byte. */
#include <sys/stat.h>

#include "integration/fixture.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static fcgip_proxy *proxy;

static int make_proxy(void **state)
{
  static const fcgip_endpoint_options patient = {.read_write_timeout_ms = PATIENCE_MS};

  count_fds(state);
  proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(FPM_NETWORK1) | FPM_BIT(FPM_UNIX), &patient);
  return 0;
}

static int free_proxy(void **state)
{
  fcgip_proxy_free(proxy);
  return compare_fds(state);
}

/* SHA-1 (RFC 3174), to compare with PHP's. */
typedef struct sha1 {
  uint32_t h[5];
  uint8_t block[64];
  uint64_t len;
} sha1;

static uint32_t rotate(uint32_t x, int n)
{
  return x << n | x >> (32 - n);
}

static void sha1_block(sha1 *s)
{
  static const uint32_t k[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
  uint32_t w[80], a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3], e = s->h[4], f;
  int t;

  for (t = 0; t < 16; t++)
    w[t] = (uint32_t)s->block[4 * t] << 24 | (uint32_t)s->block[4 * t + 1] << 16 |
           (uint32_t)s->block[4 * t + 2] << 8 | s->block[4 * t + 3];
  for (; t < 80; t++)
    w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  for (t = 0; t < 80; t++) {
    if (t < 20)
      f = (b & c) | (~b & d);
    else if (t < 40 || t >= 60)
      f = b ^ c ^ d;
    else
      f = (b & c) | (b & d) | (c & d);
    f += rotate(a, 5) + e + k[t / 20] + w[t];
    e = d, d = c, c = rotate(b, 30), b = a, a = f;
  }
  s->h[0] += a, s->h[1] += b, s->h[2] += c, s->h[3] += d, s->h[4] += e;
}

static void sha1_add(sha1 *s, const uint8_t *data, size_t len)
{
  while (len-- > 0) {
    s->block[s->len++ % 64] = *data++;
    if (s->len % 64 == 0)
      sha1_block(s);
  }
}

static const char *sha1_text(const void *data, size_t len)
{
  static const uint8_t end = 0x80, zero = 0;
  static char text[41];
  sha1 s = {{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, {0}, 0};
  uint8_t bits[8];
  int i;

  sha1_add(&s, data, len);
  for (i = 0; i < 8; i++)
    bits[i] = (uint8_t)((uint64_t)len * 8 >> (56 - 8 * i));
  sha1_add(&s, &end, 1);
  while (s.len % 64 != 56)
    sha1_add(&s, &zero, 1);
  sha1_add(&s, bits, 8);
  for (i = 0; i < 5; i++)
    snprintf(text + 8 * i, 9, "%08x", s.h[i]);
  return text;
}

/* Every byte value, in an order that repeats late. */
static uint8_t *pattern(size_t len)
{
  uint8_t *data = malloc(len > 0 ? len : 1);
  size_t i;

  assert_non_null(data);
  for (i = 0; i < len; i++)
    data[i] = (uint8_t)(i + i / 256 + i / 65536 * 7);
  return data;
}

static void assert_length(fcgip_response *response, const void *data, size_t len)
{
  char expected[128];

  snprintf(expected, sizeof(expected), "length: %zu\nannounced: %zu\nsha1: %s\n", len, len,
           sha1_text(data, len));
  assert_body(response, expected);
}

static void content_of_every_size(void **state)
{
  static const size_t sizes[] = {0,      1,      127,    128,    1024,   8191,       8192,
                                 16384,  32768,  65534,  65535,  65536,  65537,      131069,
                                 131070, 131071, 131072, 262144, 524288, 5 * MIB + 3};
  size_t i;

  (void)state;
  assert_string_equal(sha1_text("abc", 3), "a9993e364706816aba3e25717850c26c9cd0d89d");
  for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    uint8_t *data = pattern(sizes[i]);
    fcgip_request *request = post("length.php", data, sizes[i]);

    assert_int_equal(fcgip_request_set_content_type(request, "*/*"), FCGIP_OK);
    assert_length(send_ok(proxy, request), data, sizes[i]);
    free(data);
  }
}

/* What other clients take for nothing. */
static void content_that_looks_empty(void **state)
{
  static const struct {
    const char *data;
    size_t len;
  } cases[] = {{"0", 1},     {"\0", 1}, {"\0\0\0", 3}, {"a\0b", 3},
               {"false", 5}, {" ", 1},  {"\r\n", 2}};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    fcgip_request *request = post("length.php", cases[i].data, cases[i].len);

    fcgip_request_set_content_type(request, "application/octet-stream");
    assert_length(send_ok(proxy, request), cases[i].data, cases[i].len);
  }
}

static void one_hundred_mebibytes(void **state)
{
  size_t len = (size_t)100 * MIB;
  uint8_t *data = pattern(len);
  int i;

  (void)state;
  for (i = 0; i < 2; i++) { /* over TCP and over the Unix socket */
    fcgip_request *request = request_for("POST", "length.php", "");

    fcgip_request_set_content_type(request, "application/octet-stream");
    assert_int_equal(fcgip_request_set_content_ref(request, data, len, NULL, NULL), FCGIP_OK);
    assert_length(send_ok(proxy, request), data, len);
  }
  free(data);
}

static void forms(void **state)
{
  fcgip_request *request = request_for("POST", "upload.php", "");
  fcgip_form *form;

  (void)state;
  assert_int_equal(fcgip_form_new(&form), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "simple", "value"), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "nested[one]", "1"), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "nested[two][three]", "2 & 3 = 5"), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "list[]", "a"), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "list[]", "b"), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "empty", ""), FCGIP_OK);
  assert_int_equal(fcgip_form_add_n(form, "bytes", 5, "\0\xff+%", 4), FCGIP_OK);
  assert_int_equal(fcgip_form_add(form, "\xc3\xbc", "\xe2\x82\xac"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_form(request, form), FCGIP_OK);
  fcgip_form_free(form);
  assert_body(send_ok(proxy, request), "field simple=value\n"
                                       "field nested%5Bone%5D=1\n"
                                       "field nested%5Btwo%5D%5Bthree%5D=2%20%26%203%20%3D%205\n"
                                       "field list%5B0%5D=a\n"
                                       "field list%5B1%5D=b\n"
                                       "field empty=\n"
                                       "field bytes=%00%FF%2B%25\n"
                                       "field %C3%BC=%E2%82%AC\n");
}

static void write_file(const char *name, const uint8_t *data, size_t len, char *path, size_t cap)
{
  FILE *file;

  snprintf(path, cap, "%s/%s", fpm_folder(server), name);
  file = fopen(path, "we");
  assert_non_null(file);
  assert_int_equal(fwrite(data, 1, len, file), len);
  assert_int_equal(fclose(file), 0);
}

static void expect_file(char *to, size_t cap, const char *field, const char *name, const char *type,
                        const void *data, size_t len)
{
  size_t used = strlen(to);

  snprintf(to + used, cap - used, "file %s name=%s type=%s size=%zu error=0 sha1=%s\n", field, name,
           type, len, sha1_text(data, len));
}

/* All byte values, NULs, several MiB; content types by file name or given; names with quotes and line breaks. */
static void uploads(void **state)
{
  uint8_t *small = pattern(512), *large = pattern((size_t)5 * MIB);
  fcgip_request *request = request_for("POST", "upload.php", "");
  fcgip_multipart *multipart;
  char path[256], expected[2048] = "field title=Two%20words\nfield nested%5Btwo%5D=%00%0D%0A--\n";

  (void)state;
  assert_int_equal(fcgip_multipart_new(&multipart), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add(multipart, "title", "Two words"), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add_n(multipart, "nested[two]", "\0\r\n--", 5), FCGIP_OK);
  write_file("all bytes.PNG", small, 512, path, sizeof(path));
  assert_int_equal(fcgip_multipart_add_file(multipart, "image", path, NULL, NULL), FCGIP_OK);
  expect_file(expected, sizeof(expected), "image", "all%20bytes.PNG", "image/png", small, 512);
  write_file("large", large, (size_t)5 * MIB, path, sizeof(path));
  assert_int_equal(fcgip_multipart_add_file(multipart, "big", path, "b.bin", "x-own/type"),
                   FCGIP_OK);
  expect_file(expected, sizeof(expected), "big", "b.bin", "x-own/type", large, (size_t)5 * MIB);
  assert_int_equal(fcgip_multipart_add_data(multipart, "docs[a]", "\0", 1, "no ending", NULL),
                   FCGIP_OK);
  expect_file(expected, sizeof(expected), "docs%5Ba%5D", "no%20ending", "application/octet-stream",
              "\0", 1);
  assert_int_equal(fcgip_multipart_add_data(multipart, "empty", "", 0, "e.txt", NULL), FCGIP_OK);
  expect_file(expected, sizeof(expected), "empty", "e.txt", "text/plain", "", 0);
  assert_int_equal(fcgip_multipart_add_data(multipart, "quoted", "q", 1, "a\"b\r\nc.csv", NULL),
                   FCGIP_OK);
  expect_file(expected, sizeof(expected), "quoted", "a%2522b%250D%250Ac.csv", "text/csv", "q", 1);
  assert_int_equal(fcgip_request_set_multipart(request, multipart), FCGIP_OK);
  fcgip_multipart_free(multipart);
  assert_body(send_ok(proxy, request), expected);
  free(small);
  free(large);
}

static void json(void **state)
{
  static const char text[] = "{\"a\": [0, \"\\u0000\"]}";
  fcgip_request *request;
  char path[256];
  int i;

  (void)state;
  write_script("json.php",
               "<?php echo $_SERVER['CONTENT_TYPE'], ' ', "
               "json_encode(json_decode(file_get_contents('php://input')));",
               path, sizeof(path));
  for (i = 0; i < 2; i++) {
    assert_int_equal(fcgip_post_request_new(&request, path, NULL, 0), FCGIP_OK);
    if (i == 0)
      assert_int_equal(fcgip_request_set_json(request, text, sizeof(text) - 1), FCGIP_OK);
    else
      assert_int_equal(fcgip_json_content(request, text), FCGIP_OK);
    assert_body(send_ok(proxy, request), "application/json {\"a\":[0,\"\\u0000\"]}");
  }
}

/* The script writes 8 MiB before it reads 8 MiB: a client that only writes hangs here (WIRE 6). */
static void both_ways_at_once(void **state)
{
  size_t len = (size_t)8 * MIB, body_len, i;
  uint8_t *data = pattern(len);
  int way;

  (void)state;
  for (way = 0; way < 2; way++) {
    fcgip_request *request = request_for("PUT", "output_first.php", "bytes=8388608");
    fcgip_response *response;
    const char *body;

    assert_int_equal(fcgip_request_set_content_ref(request, data, len, NULL, NULL), FCGIP_OK);
    response = send_ok(proxy, request);
    body = fcgip_response_body(response, &body_len);
    assert_int_equal(body_len, len + 9);
    assert_string_equal(body + len, "\n8388608\n");
    for (i = 0; i < len && body[i] == (char)('0' + i % 65530 % 10); i++)
      ;
    assert_int_equal(i, len);
    fcgip_response_free(response);
  }
  free(data);
}

static void a_script_that_does_not_read(void **state)
{
  size_t len = (size_t)16 * MIB;
  uint8_t *data = pattern(len);
  int way;

  (void)state;
  for (way = 0; way < 2; way++) {
    fcgip_request *request = request_for("PUT", "not_read.php", "");

    assert_int_equal(fcgip_request_set_content_ref(request, data, len, NULL, NULL), FCGIP_OK);
    assert_body(send_ok(proxy, request), "not read\n");
  }
  free(data);
}

static void large_output(void **state)
{
  size_t len = (size_t)20 * MIB, body_len, i;
  int way;

  (void)state;
  for (way = 0; way < 2; way++) {
    fcgip_response *response = send_ok(proxy, get("output.php", "bytes=20971520"));
    const char *body = fcgip_response_body(response, &body_len);

    assert_int_equal(body_len, len);
    for (i = 0; i < len && body[i] == (char)('0' + i % 65530 % 10); i++)
      ;
    assert_int_equal(i, len);
    fcgip_response_free(response);
  }
}

/* A request can be changed and sent again at once: what is in flight stays as it was. */
static void content_is_frozen_when_sent(void **state)
{
  fcgip_request *request = request_for("PUT", "length.php", "");
  fcgip_request_id ids[10];
  fcgip_response *responses[10];
  uint8_t *data = pattern(70000);
  size_t i;

  (void)state;
  for (i = 0; i < 10; i++) {
    assert_int_equal(fcgip_request_set_content(request, data, 7000 * i), FCGIP_OK);
    ids[i] = send_async(proxy, request);
  }
  fcgip_request_free(request);
  assert_int_equal(fcgip_proxy_read_responses(proxy, PATIENCE_MS, ids, 10, responses), 10);
  for (i = 0; i < 10; i++)
    assert_length(responses[i], data, 7000 * i);
  free(data);
}

#define WITH_PROXY(f) cmocka_unit_test_setup_teardown(f, make_proxy, free_proxy)

int main(void)
{
  const struct CMUnitTest tests[] = {
      WITH_PROXY(content_of_every_size),
      WITH_PROXY(content_that_looks_empty),
      WITH_PROXY(one_hundred_mebibytes),
      WITH_PROXY(forms),
      WITH_PROXY(uploads),
      WITH_PROXY(json),
      WITH_PROXY(both_ways_at_once),
      WITH_PROXY(a_script_that_does_not_read),
      WITH_PROXY(large_output),
      WITH_PROXY(content_is_frozen_when_sent),
  };

  return RUN_ON_FPM(tests, start_three);
}
