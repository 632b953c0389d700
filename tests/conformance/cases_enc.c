/* ENC: the bytes that the client sends, by an independent decoder. Parameters here, contents and the
 * codec in cases_enc_content.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/enc.h"
#include "conformance/fixture.h"
#include "conformance/memory.h"
#include "fastcgi/pairs.h"
#include "support/reference_encoder.h"

#define PAIR_MAX 65528 /* what php-fpm takes of one record */

int enc_decode(conf_test *test, const conf_request *request, reference_request *out)
{
  conf_bytes sent = {0};
  const uint8_t *bytes;
  size_t len;
  char why[200] = "";
  enum reference_result rc;

  conf_record(test, request, "OKR", NULL, &sent);
  bytes = (const uint8_t *)sent.data;
  len = sent.len;
  rc = reference_decode(&bytes, &len, out, why, sizeof(why));
  conf_bytes_free(&sent);
  conf_check(test, rc == REFERENCE_OK && len == 0, "sent %s, %zu bytes more", why, len);
  return rc == REFERENCE_OK;
}

/* Whatever the defaults, the bytes are those that another encoder makes of the same variables. */
static void golden(conf_test *test)
{
  static const conf_request plain = {0};
  const char *names[64], *values[64];
  reference_bytes want = {0};
  conf_bytes sent = {0};
  fcgip_request *request = NULL;
  size_t n = 1;

  if ((test->adapter->can & HAS_API) != 0) {
    if (conf_fcgiproxy_request(&request, &plain) != FCGIP_OK)
      abort();
    n = fcgip_request_param_count(request);
    for (size_t i = 0; i < n && i < 64; i++)
      fcgip_request_param_at(request, i, &names[i], &values[i]);
  } else {
    names[0] = "REQUEST_METHOD";
    values[0] = "GET";
  }
  reference_begin(&want, 1, 1, 0);
  reference_params(&want, 1, names, values, n, PAIR_MAX);
  reference_record(&want, 4, 1, "", 0, 0);
  reference_stdin(&want, 1, "", 0);
  conf_record(test, &plain, "OKR", NULL, &sent);
  conf_check(test, sent.len == want.len && memcmp(sent.data, want.data, want.len) == 0,
             "%zu bytes sent instead of %zu", sent.len, want.len);
  conf_bytes_free(&sent);
  free(want.data);
  fcgip_request_free(request);
}

static void keep_flag(conf_test *test)
{
  conf_request request = {0};
  conf_bytes sent = {0};

  for (request.keep = 0; request.keep < 2; request.keep++) {
    request.is_plain = !request.keep;
    conf_record(test, &request, "OKR", NULL, &sent);
    conf_check(test, sent.len > 16 && sent.data[10] == request.keep, "flags %d", sent.data[10]);
  }
  conf_bytes_free(&sent);
}

static void roles(conf_test *test)
{
  static const int others[] = {0, -1, 4, 99, 65537, 65536};
  conf_request request = {0};
  reference_request decoded;
  fcgip_request *r;
  size_t i;

  for (request.role = 1; request.role <= 3; request.role++) {
    if (enc_decode(test, &request, &decoded))
      conf_check(test, decoded.role == request.role, "role %d", decoded.role);
    reference_free(&decoded);
  }
  CHECK(test, fcgip_get_request_new(&r, "/srv/app.php", NULL, 0) == FCGIP_OK);
  for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
    conf_check(test,
               fcgip_request_set_role(r, others[i]) == FCGIP_EINVAL && fcgip_request_role(r) == 1,
               "role %d", others[i]);
  fcgip_request_free(r);
}

/* The decoder wants zeros wherever there is nothing to say; the allocator gives 0xA5. */
static void zeros(conf_test *test)
{
  static const conf_request some[] = {
      {0}, {.keep = 1}, {.content = "abc", .content_len = 3, .method = "POST"}};
  reference_request decoded;
  size_t i;

  for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
    const conf_case needs = {.request = some[i]};

    if (conf_unable(test->adapter, &needs) != NULL)
      continue;
    enc_decode(test, &some[i], &decoded);
    reference_free(&decoded);
  }
}

static size_t length_size(size_t len)
{
  return len < 128 ? 1 : 4;
}

static size_t pair_size(size_t name_len, size_t value_len)
{
  return length_size(name_len) + length_size(value_len) + name_len + value_len;
}

static char *text_of(size_t len, char c)
{
  char *text = malloc(len + 1);

  if (text == NULL)
    abort();
  memset(text, c, len);
  text[len] = '\0';
  return text;
}

/* One pair of these lengths arrives, or is refused where it has to be. */
static void one_pair(conf_test *test, size_t name_len, size_t value_len)
{
  char *name = text_of(name_len, 'N'), *value = text_of(value_len, 'v');
  const conf_pair pair = {name, value};
  const conf_request request = {.params = &pair, .param_count = 1};
  reference_request decoded;
  fcgip_request *r;

  if (name_len > 0 && pair_size(name_len, value_len) <= PAIR_MAX) {
    if (enc_decode(test, &request, &decoded))
      conf_check(test, reference_has(&decoded, name, value),
                 "pair of %zu and %zu bytes is not there", name_len, value_len);
    reference_free(&decoded);
  } else if ((test->adapter->can & HAS_API) != 0) {
    CHECK(test, fcgip_get_request_new(&r, "/srv/app.php", NULL, 0) == FCGIP_OK);
    conf_check(test, fcgip_request_set_custom_var(r, name, value) == FCGIP_EINVAL,
               "pair of %zu and %zu bytes was accepted", name_len, value_len);
    conf_check(test, fcgip_request_custom_var_count(r) == 0, "and it is there");
    fcgip_request_free(r);
  }
  free(name);
  free(value);
}

static void pair_lengths(conf_test *test)
{
  static const size_t lengths[] = {0, 1, 127, 128, 129, 255, 256, 65535, 65536};
  const size_t huge = (size_t)1 << 31;
  size_t i, j, size;

  for (i = 0; i < 9; i++)
    for (j = 0; j < 9; j++)
      one_pair(test, lengths[i], lengths[j]);
  if ((test->adapter->can & HAS_API) == 0)
    return;
  CHECK(test, fcgip__pair_size(huge, 1, &size) == -1 && fcgip__pair_size(1, huge, &size) == -1);
  CHECK(test, fcgip__pair_size(SIZE_MAX, SIZE_MAX, &size) == -1);
  CHECK(test, fcgip__pair_size(huge - 1, huge - 1, &size) == 0 && size == 2 * huge + 6);
}

static void long_names(conf_test *test)
{
  size_t len;

  for (len = 120; len <= 300; len += len < 132 ? 1 : 21)
    one_pair(test, len, 3);
}

static void single_limit(conf_test *test)
{
  size_t value_len;

  for (value_len = PAIR_MAX - 20; value_len <= PAIR_MAX + 20; value_len++)
    one_pair(test, 4, value_len);
  one_pair(test, 1, 65530);
  one_pair(test, 1, 65531);
}

/* Requests with so many variables that they fill records. */
typedef struct many {
  conf_pair *pairs;
  size_t count;
} many;

static many many_of(size_t count, size_t (*value_len)(size_t i))
{
  many m = {calloc(count, sizeof(conf_pair)), count};
  char name[24];
  size_t i;

  if (m.pairs == NULL)
    abort();
  for (i = 0; i < count; i++) {
    snprintf(name, sizeof(name), "N%zu", i);
    m.pairs[i].name = strcpy(text_of(strlen(name), 'x'), name);
    m.pairs[i].value = text_of(value_len(i), (char)('a' + i % 26));
  }
  return m;
}

static void many_free(many *m)
{
  size_t i;

  for (i = 0; i < m->count; i++) {
    free(m->pairs[i].name == NULL ? NULL : (void *)(uintptr_t)m->pairs[i].name);
    free((void *)(uintptr_t)m->pairs[i].value);
  }
  free(m->pairs);
}

static void check_many(conf_test *test, const many *m)
{
  const conf_request request = {.params = m->pairs, .param_count = m->count};
  reference_request decoded;
  size_t i, first;

  if (enc_decode(test, &request, &decoded)) {
    for (first = 0; first < decoded.pair_count && decoded.pairs[first].name[0] != 'N'; first++)
      continue;
    for (i = 0; i < decoded.pair_count; i++)
      conf_check(test, !decoded.pairs[i].straddles, "pair %zu is in two records", i);
    for (i = 0; i < m->count && i < 20; i++)
      conf_check(test, reference_has(&decoded, m->pairs[i].name, m->pairs[i].value), "pair %zu", i);
    conf_check(test, decoded.pair_count >= m->count, "%zu pairs", decoded.pair_count);
    conf_check(test, decoded.params_largest <= 65535, "record of %zu bytes",
               decoded.params_largest);
  }
  reference_free(&decoded);
}

static size_t various(size_t i)
{
  return i * 7919 % 400;
}

static size_t just_large(size_t i)
{
  return 32000 + i * 37 % 900;
}

static void many_pairs(conf_test *test)
{
  many m = many_of(2000, various);

  check_many(test, &m);
  many_free(&m);
  if ((test->adapter->can & HAS_API) == 0)
    return;
  m = many_of(60, just_large);
  check_many(test, &m);
  many_free(&m);
}

/* Bytes of PARAMS without custom variables. */
static size_t bare_total(conf_test *test)
{
  static const conf_request plain = {0};
  reference_request decoded;
  size_t total = 0;

  if (enc_decode(test, &plain, &decoded))
    total = decoded.params_len;
  reference_free(&decoded);
  return total;
}

/* PARAMS of exactly this many bytes: pairs "Pnnnn" of values as long as it takes. */
static void one_total(conf_test *test, size_t total, size_t bare)
{
  const size_t step = 30000 + 10; /* a pair of 6 + 29999 bytes and their lengths */
  many m = {calloc(total / step + 2, sizeof(conf_pair)), 0};
  reference_request decoded;
  conf_request request = {0};
  char name[16];
  size_t left = total - bare, n;

  for (; left > 0; left -= n) {
    n = left > 2 * step ? step : left > step + 200 ? left - left / 2 : left;
    snprintf(name, sizeof(name), "P%05zu", m.count);
    m.pairs[m.count].name = strcpy(text_of(6, 'x'), name);
    m.pairs[m.count].value = text_of(n - 6 - (n < 135 ? 2 : 5), 'v');
    m.count++;
  }
  request.params = m.pairs;
  request.param_count = m.count;
  if (enc_decode(test, &request, &decoded))
    conf_check(test,
               decoded.params_len == total && decoded.params_records >= (total + 65534) / 65535,
               "%zu bytes of PARAMS in %zu records", decoded.params_len, decoded.params_records);
  reference_free(&decoded);
  many_free(&m);
}

static void totals(conf_test *test)
{
  static const size_t all[] = {65527, 65528, 65529,  65534,  65535,
                               65536, 65537, 131056, 131070, 5 << 20};
  size_t bare = bare_total(test), i;

  for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
    one_total(test, all[i], bare);
}

/* The first record is filled to its last byte by whole pairs, or nearly so. */
static void boundaries(conf_test *test)
{
  size_t bare = bare_total(test), first;

  for (first = 65520; first <= 65540; first++) {
    char *fill = text_of(first - bare - 8, 'v');
    const conf_pair pairs[] = {{"FIL", fill}, {"NEXT", "value"}, {"LAST", ""}};
    const conf_request request = {.params = pairs, .param_count = 3};
    reference_request decoded;

    if (enc_decode(test, &request, &decoded)) {
      CHECK(test, reference_has(&decoded, "NEXT", "value") && reference_has(&decoded, "LAST", ""));
      conf_check(test, decoded.params_records == 2, "%zu records", decoded.params_records);
    }
    reference_free(&decoded);
    free(fill);
  }
}

static void same_twice(conf_test *test)
{
  static const conf_pair pairs[] = {{"A", "1"}, {"B", "2"}};
  const conf_request request = {.params = test->adapter->can & CAN_PARAMS ? pairs : NULL,
                                .param_count = test->adapter->can & CAN_PARAMS ? 2 : 0,
                                .content = "content",
                                .content_len = 7};
  conf_bytes one = {0}, two = {0};

  conf_record(test, &request, "OKR", NULL, &one);
  conf_record(test, &request, "OKR", NULL, &two);
  CHECK(test, one.len > 0 && one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
  conf_bytes_free(&one);
  conf_bytes_free(&two);
}

static const conf_case cases[] = {
    {.id = "ENC-01", .level = 'M', .run = golden, .needs = CAN_PARAMS},
    {.id = "ENC-01", .run = enc_codec_request, .needs = HAS_API},
    {.id = "ENC-02", .level = 'M', .run = keep_flag, .needs = CAN_KEEP},
    {.id = "ENC-03", .level = 'M', .run = roles, .needs = HAS_API},
    {.id = "ENC-04", .level = 'M', .run = zeros, .see = "tests/fuzz with MSan"},
    {.id = "ENC-05", .level = 'M', .run = pair_lengths, .needs = HAS_API},
    {.id = "ENC-06", .level = 'M', .run = long_names, .needs = CAN_PARAMS},
    {.id = "ENC-07", .level = 'M', .run = many_pairs, .needs = CAN_PARAMS},
    {.id = "ENC-08", .level = 'P', .run = single_limit, .needs = HAS_API},
    {.id = "ENC-09", .level = 'M', .run = totals, .needs = HAS_API},
    {.id = "ENC-10", .level = 'M', .run = enc_codec_no_params, .needs = HAS_API},
    {.id = "ENC-11", .level = 'M', .run = boundaries, .needs = HAS_API},
    {.id = "ENC-12", .level = 'M', .run = enc_content_lengths},
    {.id = "ENC-12", .flags = LONG | SLOW, .run = enc_content_of_4_gib, .needs = HAS_API},
    {.id = "ENC-13", .level = 'M', .run = enc_content_length_variable, .needs = HAS_API},
    {.id = "ENC-14", .level = 'M', .run = enc_source_too_short, .needs = HAS_API},
    {.id = "ENC-15", .level = 'M', .run = enc_source_too_long, .needs = HAS_API},
    {.id = "ENC-16", .level = 'M', .flags = LONG | SLOW, .run = enc_ids, .needs = HAS_API},
    {.id = "ENC-17", .level = 'M', .run = enc_codec_get_values, .needs = HAS_API},
    {.id = "ENC-18", .level = 'M', .run = enc_cancel_sends_nothing, .needs = HAS_API},
    {.id = "ENC-19", .level = 'S', .run = enc_no_padding, .needs = HAS_API},
    {.id = "ENC-20", .level = 'M', .run = same_twice},
    {.id = "ENC-21", .level = 'M', .run = enc_set_twice, .needs = HAS_API},
    {.id = "ENC-22", .level = 'P', .run = enc_refused, .needs = HAS_API},
    {.id = "ENC-23", .level = 'P', .run = enc_php_settings, .needs = HAS_API},
    {.id = "ENC-24", .level = 'M', .run = enc_proxy_header, .needs = HAS_API},
    {.id = "ENC-25", .level = 'S', .run = enc_underscore_header, .needs = HAS_API},
    {.id = "ENC-26", .level = 'M', .run = enc_joined_headers, .needs = HAS_API},
    {.id = "ENC-27", .level = 'S', .run = enc_one_send, .needs = HAS_API},
    {.id = "ENC-28", .level = 'M', .flags = SLOW, .run = enc_short_sends, .needs = HAS_API},
};

CONF_GROUP(conf_enc, "ENC", cases);
