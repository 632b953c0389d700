/* ENC, continued: contents, ids, and the codec by itself. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "conformance/enc.h"
#include "conformance/fixture.h"
#include "fastcgi/encoder.h"
#include "fastcgi/pairs.h"
#include "fastcgi/record.h"
#include "support/peer_conn.h"

void enc_codec_request(conf_test *test)
{
  static const uint8_t want[] = "\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                "\x01\x04\x00\x01\x00\x13\x00\x00\x0e\x03REQUEST_METHODGET"
                                "\x01\x04\x00\x01\x00\x00\x00\x00"
                                "\x01\x05\x00\x01\x00\x00\x00";
  uint8_t params[64], scratch[256], got[256];
  fcgip__packer packer;
  fcgip__encoded encoded = {.params = params, .role = 1, .content = (const uint8_t *)""};
  struct iovec iov[8];
  size_t at = 0, n, i;

  fcgip__packer_init(&packer, params, 1);
  fcgip__packer_add(&packer, "REQUEST_METHOD", 14, "GET", 3);
  encoded.params_len = fcgip__packer_finish(&packer);
  while ((n = fcgip__encode(&encoded, 1, 0, at, scratch, sizeof(scratch), iov, 8)) > 0) {
    for (i = 0; i < n; i++) {
      memcpy(got + at, iov[i].iov_base, iov[i].iov_len);
      at += iov[i].iov_len;
    }
  }
  conf_check(test, at == sizeof(want) && memcmp(got, want, at) == 0, "%zu bytes", at);
}

void enc_codec_no_params(conf_test *test)
{
  uint8_t params[64];
  fcgip__packer packer;
  size_t len;

  fcgip__packer_init(&packer, params, 1);
  len = fcgip__packer_finish(&packer);
  CHECK(test, len == 8 && memcmp(params, "\x01\x04\x00\x01\x00\x00\x00\x00", 8) == 0);
}

void enc_codec_get_values(conf_test *test)
{
  static const char want[] = "\x01\x09\x00\x00\x00\x30\x00\x00"
                             "\x0e\x00"
                             "FCGI_MAX_CONNS"
                             "\x0d\x00"
                             "FCGI_MAX_REQS"
                             "\x0f\x00"
                             "FCGI_MPXS_CONNS";
  uint8_t got[FCGIP__GET_VALUES_LEN];
  size_t len = fcgip__get_values(got);

  CHECK(test, len == sizeof(want) - 1 && memcmp(got, want, len) == 0);
}

static uint8_t *pattern(size_t len)
{
  uint8_t *bytes = malloc(len + 1);
  size_t i;

  if (bytes == NULL)
    abort();
  for (i = 0; i < len; i++)
    bytes[i] = conf_pattern(i);
  return bytes;
}

void enc_content_lengths(conf_test *test)
{
  static const size_t lengths[] = {0, 1, 2, 65534, 65535, 65536, 65537, 131070, 131071, 3000000};
  uint8_t *content = pattern(3000000);
  conf_request request = {.content = content, .method = "POST"};
  reference_request decoded;
  char text[24];
  size_t i;

  for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    request.content_len = lengths[i];
    if (enc_decode(test, &request, &decoded)) {
      conf_check(test,
                 decoded.content_len == lengths[i] &&
                     (lengths[i] == 0 || memcmp(decoded.content, content, lengths[i]) == 0),
                 "content of %zu bytes came as %zu", lengths[i], decoded.content_len);
      snprintf(text, sizeof(text), "%zu", lengths[i]);
      if (lengths[i] > 0)
        conf_check(test, reference_has(&decoded, "CONTENT_LENGTH", text), "CONTENT_LENGTH of %zu",
                   lengths[i]);
    }
    reference_free(&decoded);
  }
  free(content);
}

/* A source whose byte at each place is that of the pattern. */
typedef struct source {
  uint64_t has, failed_at, calls;
  size_t most;
} source;

static int give(uint64_t offset, void *buffer, size_t cap, size_t *n, void *data)
{
  source *s = data;
  uint64_t left = offset < s->has ? s->has - offset : 0;
  size_t i;

  s->calls++;
  *n = cap < left ? cap : (size_t)left;
  if (s->most > 0 && *n > s->most)
    *n = s->most;
  if (s->has > (uint64_t)1 << 30) { /* speed, not content, is what matters */
    memset(buffer, (int)(offset / 1000000 % 251), *n);
    return FCGIP_OK;
  }
  for (i = 0; i < *n; i++)
    ((uint8_t *)buffer)[i] = conf_pattern(offset + i);
  return FCGIP_OK;
}

/* The bytes of all records behind `head`, by their headers alone: there are too many to keep. */
static uint64_t framed(uint64_t content)
{
  return content + (content + 65534) / 65535 * 8 + 8;
}

void enc_content_of_4_gib(conf_test *test)
{
  const uint64_t len = ((uint64_t)1 << 32) + 1;
  source s = {.has = len};
  fixture f;
  fcgip_request *request;
  fcgip_request_id id;
  conf_result result = {0};
  conf_bytes head = {0};
  reference_request decoded;
  const uint8_t *bytes;
  size_t have;
  char why[100];

  fixture_new(&f, test, PEER_UNIX, NULL, "OKR");
  peer_log_at_most(f.peer, 4096);
  CHECK(test, fcgip_put_request_new(&request, "/srv/app.php", NULL, 0) == FCGIP_OK);
  CHECK(test, fcgip_request_set_content_source(request, give, len, &s, NULL) == FCGIP_OK);
  id = fixture_send(&f, request);
  fixture_take(&f, id, &result);
  conf_check(test, result.verdict == V_OK, "%s (%s)", conf_verdict_name(result.verdict),
             result.text.data);
  CHECK(test, peer_requests(f.peer, 0) == 1);
  bytes = peer_received(f.peer, 0, &have);
  CHECK(test, reference_decode(&bytes, &have, &decoded, why, sizeof(why)) == REFERENCE_MORE);
  reference_free(&decoded);
  /* In front of STDIN are BEGIN_REQUEST, one record of PARAMS and the empty one. */
  bytes = peer_received(f.peer, 0, &have);
  have = 16 + 8 + ((size_t)bytes[20] << 8 | bytes[21]) + 8;
  conf_check(test, peer_received_count(f.peer, 0) == have + framed(len),
             "%llu bytes instead of %llu", (unsigned long long)peer_received_count(f.peer, 0),
             (unsigned long long)(have + framed(len)));
  conf_bytes_free(&head);
  conf_result_free(&result);
  fcgip_request_free(request);
  fixture_free(&f);
}

void enc_content_length_variable(conf_test *test)
{
  static const char *const lengths[] = {
      "5", "05", "4", "6", "-1", "", "five", "5 ", "18446744073709551621"};
  fixture f;
  fcgip_request *request;
  fcgip_request_id id;
  conf_result result = {0};
  size_t i;
  int rc;

  fixture_new(&f, test, PEER_UNIX, NULL, "OKR");
  for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    CHECK(test, fcgip_post_request_new(&request, "/srv/app.php", "12345", 5) == FCGIP_OK);
    rc = fcgip_request_set_custom_var(request, "CONTENT_LENGTH", lengths[i]);
    id = 0;
    if (rc == FCGIP_OK)
      rc = fcgip_proxy_send_async_request(f.proxy, request, &id);
    if (i == 0)
      CHECK(test, rc == FCGIP_OK);
    else if (i > 1) /* "05" says 5, too: either will do */
      conf_check(test, rc == FCGIP_EINVAL, "CONTENT_LENGTH \"%s\" was accepted", lengths[i]);
    if (rc == FCGIP_OK)
      fixture_take(&f, id, &result);
    fcgip_request_free(request);
  }
  CHECK(test, peer_connections(f.peer) <= 2);
  conf_result_free(&result);
  fixture_free(&f);
}

/* A source that has `has` bytes of the `len` announced ones. What the peer sees, and what the caller is told. */
static void bad_source(conf_test *test, uint64_t has, uint64_t len, size_t most, int keep)
{
  const conf_request options = {.keep = keep};
  source s = {.has = has, .most = most};
  fixture f;
  fcgip_request *request;
  fcgip_request_id id;
  conf_result result = {0};
  reference_request decoded;
  const uint8_t *bytes;
  size_t have;
  char why[100];

  fixture_new(&f, test, PEER_UNIX, &options, "OKR");
  CHECK(test, fcgip_put_request_new(&request, "/srv/app.php", NULL, 0) == FCGIP_OK);
  CHECK(test, fcgip_request_set_content_source(request, give, len, &s, NULL) == FCGIP_OK);
  id = fixture_send(&f, request);
  fixture_take(&f, id, &result);
  conf_check(test, result.verdict == V_ARG, "%llu of %llu bytes: %s", (unsigned long long)has,
             (unsigned long long)len, conf_verdict_name(result.verdict));
  CHECK(test, fixture_until_closed(&f, 0));
  bytes = peer_received(f.peer, 0, &have);
  conf_check(test, reference_decode(&bytes, &have, &decoded, why, sizeof(why)) == REFERENCE_MORE,
             "sent a whole request: %s", why);
  conf_check(test, decoded.content_len < len, "sent %zu bytes of content", decoded.content_len);
  reference_free(&decoded);
  conf_result_free(&result);
  fcgip_request_free(request);
  fixture_free(&f);
}

void enc_source_too_short(conf_test *test)
{
  int keep;

  for (keep = 0; keep < 2; keep++) {
    bad_source(test, 0, 1, 0, keep);
    bad_source(test, 99, 100, 0, keep);
    bad_source(test, 65535, 65536, 0, keep);
    bad_source(test, 200000, 300000, 7777, keep);
  }
}

void enc_source_too_long(conf_test *test)
{
  int keep;

  for (keep = 0; keep < 2; keep++) {
    bad_source(test, 2, 1, 0, keep);
    bad_source(test, 101, 100, 0, keep);
    bad_source(test, 65536, 65535, 0, keep);
    bad_source(test, 300001, 300000, 7777, keep);
  }
}

/* 65,537 requests on one connection have the ids 1 to 65535, 1, 2. */
void enc_ids(conf_test *test)
{
  const conf_request options = {.keep = 1};
  fixture f;
  fcgip_request *request;
  conf_result result = {0};
  unsigned long n;

  CHECK(test, fcgip__next_wire_id(1) == 2 && fcgip__next_wire_id(65534) == 65535 &&
                  fcgip__next_wire_id(65535) == 1);
  fixture_new(&f, test, PEER_UNIX, &options, "OKR AGAIN");
  peer_log_at_most(f.peer, 0);
  request = fixture_request(&f, NULL);
  for (n = 0; n < 65537; n++) {
    fixture_take(&f, fixture_send(&f, request), &result);
    if (!conf_check(test, result.verdict == V_OK, "request %lu: %s", n + 1,
                    conf_verdict_name(result.verdict)) ||
        !conf_check(test, peer_request_id(f.peer, 0) == n % 65535 + 1, "request %lu has id %u",
                    n + 1, peer_request_id(f.peer, 0)))
      break;
  }
  CHECK(test, peer_connections(f.peer) == 1);
  conf_result_free(&result);
  fcgip_request_free(request);
  fixture_free(&f);
}

/* Nothing is aborted by a record (php-fpm would run the script): the connection is closed. */
void enc_cancel_sends_nothing(conf_test *test)
{
  fixture f;
  fcgip_request *request;
  fcgip_request_id id;
  conf_result result = {0};
  uint64_t before;

  fixture_new(&f, test, PEER_UNIX, NULL, "OUT(H 'BO') HOLD");
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  fixture_until_requested(&f, 0, 1);
  before = peer_received_count(f.peer, 0);
  CHECK(test, fcgip_proxy_cancel(f.proxy, id) == FCGIP_OK && fixture_until_closed(&f, 0));
  CHECK(test, peer_received_count(f.peer, 0) == before);
  fixture_take(&f, id, &result);
  CHECK(test, result.verdict == V_CANCELLED);
  conf_result_free(&result);
  fcgip_request_free(request);
  fixture_free(&f);
}

void enc_no_padding(conf_test *test)
{
  const conf_request request = {.content = "abc", .content_len = 3};
  reference_request decoded;

  if (enc_decode(test, &request, &decoded))
    conf_check(test, decoded.padding == 0, "%zu bytes of padding", decoded.padding);
  reference_free(&decoded);
}

void enc_one_send(conf_test *test)
{
  static const size_t lengths[] = {0, 1, 100, 8000, 15000};
  char content[15000];
  size_t i;

  memset(content, 'c', sizeof(content));
  for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    const conf_request spec = {.content = content, .content_len = lengths[i]};
    conf_result result = {0};
    fixture f;
    tap t;

    tap_init(&t);
    fixture_new_with_tap(&f, test, PEER_UNIX, NULL, "OKR", &t);
    fixture_ask(&f, &spec, &result);
    conf_check(test, result.verdict == V_OK && t.calls[TAP_SEND] == 1,
               "content of %zu bytes: %lu sends", lengths[i], t.calls[TAP_SEND]);
    conf_result_free(&result);
    fixture_free(&f);
  }
}

/* The bytes on the wire if only so many go through at a time: all, if 0. */
static void sent_by(conf_test *test, size_t at_most, const conf_request *spec, conf_bytes *sent)
{
  conf_result result = {0};
  fixture f;
  tap t;
  const uint8_t *bytes;
  size_t len;

  tap_init(&t);
  t.rules[TAP_SEND].at_most = at_most;
  fixture_new_with_tap(&f, test, PEER_UNIX, NULL, "OKR", &t);
  fixture_ask(&f, spec, &result);
  CHECK(test, result.verdict == V_OK);
  bytes = peer_received(f.peer, 0, &len);
  conf_bytes_set(sent, bytes, len);
  conf_result_free(&result);
  fixture_free(&f);
}

void enc_short_sends(conf_test *test)
{
  uint8_t *content = pattern(200000);
  conf_request spec = {.content = content, .content_len = 3000, .method = "PUT"};
  conf_bytes whole = {0}, pieces = {0};
  size_t k;

  sent_by(test, 0, &spec, &whole);
  for (k = 1; k <= whole.len; k += k < 600 ? 1 : 97) {
    sent_by(test, k, &spec, &pieces);
    conf_check(test, pieces.len == whole.len && memcmp(pieces.data, whole.data, whole.len) == 0,
               "%zu bytes at a time: not the same", k);
  }
  spec.content_len = 200000;
  sent_by(test, 0, &spec, &whole);
  for (k = 65000; k < 66000; k += 13) {
    sent_by(test, k, &spec, &pieces);
    conf_check(test, pieces.len == whole.len && memcmp(pieces.data, whole.data, whole.len) == 0,
               "%zu bytes at a time: not the same", k);
  }
  conf_bytes_free(&whole);
  conf_bytes_free(&pieces);
  free(content);
}
