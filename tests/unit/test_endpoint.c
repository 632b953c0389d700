#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "collection/endpoint.h"
#include "fcgiproxy/error.h"
#include "net/address_internal.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip_endpoint_options options; /* with that allocator */
  fcgip_endpoint *endpoint;
  fcgip__sys sys; /* only its resolver is used */
  int resolves, result;
  size_t addresses; /* that it finds */
  char host[300];
  uint16_t port;
} fixture;

static fixture endpoints;

static int resolve(void *context, const char *host, uint16_t port, fcgip__address_list *list)
{
  fixture *f = context;
  size_t i;

  f->resolves++;
  snprintf(f->host, sizeof(f->host), "%s", host);
  f->port = port;
  for (i = 0; i < f->addresses; i++)
    if (fcgip__address_add_numeric(list, i % 2 ? "10.0.0.1" : "::1", port) != 1)
      return FCGIP_ENOMEM;
  return f->result;
}

static int setup(void **state)
{
  fixture *f = &endpoints;

  *state = f;
  memset(f, 0, sizeof(*f));
  failing_allocator_init(&f->memory);
  f->options.struct_size = sizeof(f->options);
  f->options.allocator = &f->memory.hook;
  f->sys.context = f;
  f->sys.resolve_fn = resolve;
  f->addresses = 1;
  return 0;
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip_endpoint_free(f->endpoint);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static void forget(fixture *f)
{
  fcgip_endpoint_free(f->endpoint);
  f->endpoint = NULL;
}

static size_t count(const fixture *f)
{
  return fcgip__address_list_count(fcgip__endpoint_addresses(f->endpoint));
}

/* NET-16, NET-18: numbers ask no resolver, names do. */
static void tcp_hosts(void **state)
{
  static const struct {
    const char *host, *address;
    int resolves;
  } rows[] = {
      {"127.0.0.1", "tcp://127.0.0.1:9000", 0},
      {"255.255.255.255", "tcp://255.255.255.255:9000", 0},
      {"::1", "tcp://[::1]:9000", 0},
      {"[::1]", "tcp://[::1]:9000", 0},
      {"::ffff:10.0.0.1", "tcp://[::ffff:10.0.0.1]:9000", 0},
      {"fe80::1%1", "tcp://[fe80::1%1]:9000", 0},
      {"localhost", "tcp://localhost:9000", 1},
      {"php-fpm.example.test.", "tcp://php-fpm.example.test.:9000", 1},
      {"under_score", "tcp://under_score:9000", 1},
      {"127.1", "tcp://127.1:9000", 1}, /* some would take it for an address */
      {"256.0.0.1", "tcp://256.0.0.1:9000", 1},
  };
  fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    f->resolves = 0;
    assert_int_equal(
        fcgip__endpoint_new_tcp(&f->endpoint, rows[i].host, 9000, &f->options, &f->sys), FCGIP_OK);
    assert_string_equal(fcgip_endpoint_address(f->endpoint), rows[i].address);
    assert_int_equal(f->resolves, rows[i].resolves);
    assert_int_equal(count(f), 1);
    if (rows[i].resolves > 0) {
      assert_string_equal(f->host, rows[i].host);
      assert_int_equal(f->port, 9000);
    }
    forget(f);
  }
}

static void hosts_that_are_refused(void **state)
{
  static const char *const bad[] = {
      "",      "[]",    "[127.0.0.1]", "[host]", "a b",
      "a\n",   "a\x7f", "a/b",         "[::1",   "::1]",
      "::1::", "1:2",   "[::g]",       "host:1", "[fe80::1%nosuchinterface]",
      "\t"};
  fixture *f = *state;
  char longest[257];
  size_t i;

  for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    f->endpoint = (fcgip_endpoint *)(uintptr_t)1;
    assert_int_equal(fcgip__endpoint_new_tcp(&f->endpoint, bad[i], 9000, &f->options, &f->sys),
                     FCGIP_EINVAL);
    assert_null(f->endpoint);
  }
  memset(longest, 'h', 256);
  longest[256] = '\0';
  assert_int_equal(fcgip__endpoint_new_tcp(&f->endpoint, longest, 1, &f->options, &f->sys),
                   FCGIP_EINVAL);
  longest[255] = '\0';
  assert_int_equal(fcgip__endpoint_new_tcp(&f->endpoint, longest, 1, &f->options, &f->sys),
                   FCGIP_OK);
  forget(f);
  assert_int_equal(fcgip__endpoint_new_tcp(&f->endpoint, "host", 0, &f->options, &f->sys),
                   FCGIP_EINVAL);
  assert_int_equal(fcgip__endpoint_new_tcp(&f->endpoint, NULL, 1, &f->options, &f->sys),
                   FCGIP_EINVAL);
  assert_int_equal(fcgip__endpoint_new_tcp(NULL, "host", 1, &f->options, &f->sys), FCGIP_EINVAL);
}

/* NET-04 */
static void unix_paths(void **state)
{
  fixture *f = *state;
  char path[110], address[128];
  size_t len;

  for (len = 106; len <= 109; len++) {
    memset(path, 'p', len);
    path[0] = '/';
    path[len] = '\0';
    snprintf(address, sizeof(address), "unix://%s", path);
    assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, path, &f->options),
                     len <= 107 ? FCGIP_OK : FCGIP_EINVAL);
    if (len > 107) {
      assert_null(f->endpoint);
      continue;
    }
    assert_string_equal(fcgip_endpoint_address(f->endpoint), address);
    assert_true(
        fcgip__address_is_unix(fcgip__address_list_at(fcgip__endpoint_addresses(f->endpoint), 0)));
    forget(f);
  }
  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "", &f->options), FCGIP_EINVAL);
  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, NULL, &f->options), FCGIP_EINVAL);
  assert_int_equal(fcgip_endpoint_new_unix(NULL, "/x", &f->options), FCGIP_EINVAL);
  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "relative", &f->options), FCGIP_OK);
  assert_string_equal(fcgip_endpoint_address(f->endpoint), "unix://relative");
}

/* NET-17 */
static const struct {
  const char *text, *address; /* NULL: refused */
} texts_and_addresses[] = {
    {"tcp://127.0.0.1:9000", "tcp://127.0.0.1:9000"},
    {"127.0.0.1:9000", "tcp://127.0.0.1:9000"},
    {"host:1", "tcp://host:1"},
    {"tcp://host:65535", "tcp://host:65535"},
    {"[::1]:9000", "tcp://[::1]:9000"},
    {"tcp://[::1]:9000", "tcp://[::1]:9000"},
    {"unix:///run/php-fpm.sock", "unix:///run/php-fpm.sock"},
    {"unix:/run/php-fpm.sock", "unix:///run/php-fpm.sock"},
    {"/run/php-fpm.sock", "unix:///run/php-fpm.sock"},
    {"/run/with:colon:9", "unix:///run/with:colon:9"},
    {"unix://relative.sock", "unix://relative.sock"},
    {"", NULL},
    {"host", NULL},
    {"host:", NULL},
    {":9000", NULL},
    {"tcp://", NULL},
    {"tcp://:9000", NULL},
    {"tcp://host", NULL},
    {"unix:", NULL},
    {"unix://", NULL},
    {"host:0", NULL},
    {"host:65536", NULL},
    {"host:-1", NULL},
    {"host:+1", NULL},
    {"host:9000x", NULL},
    {"host:09000", NULL},
    {"host: 9000", NULL},
    {"host:9000 ", NULL},
    {"host:99999999999999999999", NULL},
    {"::1:9000", NULL},
    {"[::1]", NULL},
    {"[::1]9000", NULL},
    {"[::1:9000", NULL},
    {"::1]:9000", NULL},
    {"[host]:9000", NULL},
    {"[]:9000", NULL},
    {"http://host:80", NULL},
    {"TCP://host:80", NULL},
    {"tcp://host:80/path", NULL},
    {"ho st:80", NULL},
};
enum { TEXTS = sizeof(texts_and_addresses) / sizeof(texts_and_addresses[0]) };

static void texts(void **state)
{
  fixture *f = *state;
  size_t i;

  for (i = 0; i < TEXTS; i++) {
    int rc = fcgip__endpoint_parse(&f->endpoint, texts_and_addresses[i].text, &f->options, &f->sys);

    if (rc != (texts_and_addresses[i].address != NULL ? FCGIP_OK : FCGIP_EINVAL))
      print_error("%s\n", texts_and_addresses[i].text);
    assert_int_equal(rc, texts_and_addresses[i].address != NULL ? FCGIP_OK : FCGIP_EINVAL);
    if (rc == FCGIP_OK)
      assert_string_equal(fcgip_endpoint_address(f->endpoint), texts_and_addresses[i].address);
    else
      assert_null(f->endpoint);
    forget(f);
  }
  assert_int_equal(fcgip_endpoint_parse(&f->endpoint, NULL, NULL), FCGIP_EINVAL);
  assert_int_equal(fcgip_endpoint_parse(NULL, "/x", NULL), FCGIP_EINVAL);
  /* What it says is what it reads. */
  for (i = 0; i < 11; i++) {
    assert_int_equal(
        fcgip__endpoint_parse(&f->endpoint, texts_and_addresses[i].address, &f->options, &f->sys),
        FCGIP_OK);
    assert_string_equal(fcgip_endpoint_address(f->endpoint), texts_and_addresses[i].address);
    forget(f);
  }
}

static void default_options(void **state)
{
  fixture *f = *state;
  const fcgip_endpoint_options *o;

  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "/x", NULL), FCGIP_OK);
  o = fcgip__endpoint_options(f->endpoint);
  assert_int_equal(o->connect_timeout_ms, 5000);
  assert_int_equal(o->read_write_timeout_ms, 5000);
  assert_true(o->first_byte_timeout_ms == FCGIP__NONE);
  assert_true(o->request_timeout_ms == FCGIP__NONE);
  assert_int_equal(o->max_connections, 128);
  assert_true(o->max_queued == FCGIP__NONE);
  assert_int_equal(o->max_idle_connections, 0);
  assert_int_equal(o->idle_timeout_ms, 1000);
  assert_true(o->max_requests_per_connection == FCGIP__NONE);
  assert_int_equal(o->max_header_bytes, 64 * 1024);
  assert_int_equal(o->max_headers, 256);
  assert_int_equal(o->max_stderr_bytes, 1024 * 1024);
  assert_true(o->max_body_bytes == UINT64_C(256) * 1024 * 1024);
  assert_int_equal(o->weight, 1);
}

static void given_options(void **state)
{
  fixture *f = *state;
  fcgip_endpoint_options *o = &f->options;

  o->connect_timeout_ms = 1;
  o->read_write_timeout_ms = UINT32_MAX;
  o->first_byte_timeout_ms = 3;
  o->request_timeout_ms = 4;
  o->max_connections = 5;
  o->max_queued = 6;
  o->max_idle_connections = 7;
  o->idle_timeout_ms = 8;
  o->max_requests_per_connection = 9;
  o->max_header_bytes = 10;
  o->max_headers = 11;
  o->max_stderr_bytes = 12;
  o->max_body_bytes = UINT64_MAX;
  o->weight = 14;
  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "/x", o), FCGIP_OK);
  o->allocator = NULL; /* it was copied */
  assert_memory_equal(fcgip__endpoint_options(f->endpoint), o, sizeof(*o));
}

static void options_of_other_versions(void **state)
{
  struct {
    fcgip_endpoint_options known;
    uint64_t news[2];
  } newer;
  fixture *f = *state;
  fcgip_endpoint_options o;
  uint32_t size;

  for (size = 0; size < sizeof(o); size++) {
    o = f->options;
    o.struct_size = size;
    assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "/x", &o), FCGIP_EINVAL);
  }
  memset(&newer, 0, sizeof(newer));
  newer.known = f->options;
  newer.known.struct_size = sizeof(newer);
  newer.known.max_connections = 77;
  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "/x", &newer.known), FCGIP_OK);
  assert_int_equal(fcgip__endpoint_options(f->endpoint)->max_connections, 77);
  forget(f);
  newer.news[1] = UINT64_C(1) << 63;
  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "/x", &newer.known), FCGIP_E2BIG);
  assert_null(f->endpoint);
  assert_int_equal(fcgip__endpoint_new_tcp(&f->endpoint, "10.0.0.1", 1, &newer.known, &f->sys),
                   FCGIP_E2BIG);
}

static void options_that_are_refused(void **state)
{
  fixture *f = *state;
  fcgip_endpoint_options o = f->options;
  fcgip_allocator broken = f->memory.hook;

  o.flags = 1;
  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "/x", &o), FCGIP_EINVAL);
  o = f->options;
  o.reserved = 1;
  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "/x", &o), FCGIP_EINVAL);
  o = f->options;
  o.allocator = &broken;
  broken.free_fn = NULL;
  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "/x", &o), FCGIP_EINVAL);
  assert_null(f->endpoint);
}

/* NET-14 */
static void names_that_do_not_resolve(void **state)
{
  fixture *f = *state;

  f->result = FCGIP_ERESOLVE;
  f->addresses = 0;
  assert_int_equal(fcgip__endpoint_new_tcp(&f->endpoint, "nowhere", 9, &f->options, &f->sys),
                   FCGIP_OK);
  assert_int_equal(count(f), 0);
  assert_int_equal(fcgip_endpoint_resolve(f->endpoint), FCGIP_ERESOLVE);
  assert_int_equal(count(f), 0);
  f->result = FCGIP_OK;
  f->addresses = 3;
  assert_int_equal(fcgip_endpoint_resolve(f->endpoint), FCGIP_OK);
  assert_int_equal(count(f), 3);
  /* What was known stays. */
  f->result = FCGIP_ERESOLVE;
  assert_int_equal(fcgip_endpoint_resolve(f->endpoint), FCGIP_ERESOLVE);
  f->result = FCGIP_ENOMEM;
  assert_int_equal(fcgip_endpoint_resolve(f->endpoint), FCGIP_ENOMEM);
  assert_int_equal(count(f), 3);
  forget(f);
  assert_int_equal(fcgip__endpoint_new_tcp(&f->endpoint, "host", 9, &f->options, &f->sys),
                   FCGIP_ENOMEM);
  assert_null(f->endpoint);
}

static void resolving_where_there_is_nothing_to_do(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip__endpoint_new_tcp(&f->endpoint, "::1", 9, &f->options, &f->sys), FCGIP_OK);
  assert_int_equal(fcgip_endpoint_resolve(f->endpoint), FCGIP_OK);
  forget(f);
  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "/x", &f->options), FCGIP_OK);
  assert_int_equal(fcgip_endpoint_resolve(f->endpoint), FCGIP_OK);
  assert_int_equal(f->resolves, 0);
  assert_int_equal(fcgip_endpoint_resolve(NULL), FCGIP_EINVAL);
  assert_string_equal(fcgip_endpoint_address(NULL), "");
  fcgip_endpoint_free(NULL);
}

/* RFC 8305 section 4: families by turns. */
static void families_by_turns(void **state)
{
  fixture *f = *state;
  const fcgip__address_list *list;
  size_t i;

  f->addresses = 6;
  assert_int_equal(fcgip__endpoint_new_tcp(&f->endpoint, "host", 9, &f->options, &f->sys),
                   FCGIP_OK);
  list = fcgip__endpoint_addresses(f->endpoint);
  for (i = 0; i < 6; i++)
    assert_int_equal(fcgip__address_list_at(list, i)->storage.ss_family,
                     i % 2 ? AF_INET : AF_INET6);
}

static void owners(void **state)
{
  fixture *f = *state;
  fcgip_endpoint *again;

  assert_int_equal(fcgip_endpoint_new_unix(&f->endpoint, "/x", &f->options), FCGIP_OK);
  again = fcgip__endpoint_ref(f->endpoint);
  assert_ptr_equal(again, f->endpoint);
  forget(f);
  assert_string_equal(fcgip_endpoint_address(again), "unix:///x");
  fcgip_endpoint_free(again);
  assert_int_equal(f->memory.live_blocks, 0);
}

static int make(fixture *f, size_t which)
{
  static const char *const texts[] = {"/run/x.sock", "10.0.0.1:9000", "[fe80::1%1]:9", "host:9"};

  return fcgip__endpoint_parse(&f->endpoint, texts[which], &f->options, &f->sys);
}

static void without_memory(void **state)
{
  fixture *f = *state;
  size_t which, nth;

  f->addresses = 3;
  for (which = 0; which < 4; which++) {
    for (nth = 1;; nth++) {
      int rc;

      failing_allocator_fail_at(&f->memory, nth, FAIL_ONCE);
      rc = make(f, which);
      if (f->memory.failures == 0) {
        assert_int_equal(rc, FCGIP_OK);
        forget(f);
        break;
      }
      assert_int_equal(rc, FCGIP_ENOMEM);
      assert_null(f->endpoint);
      assert_int_equal(f->memory.live_blocks, 0);
    }
    assert_true(nth > 3);
  }
  failing_allocator_fail_at(&f->memory, 0, FAIL_ONCE);
  assert_int_equal(make(f, 3), FCGIP_OK);
  for (nth = 1; nth <= 2; nth++) {
    failing_allocator_fail_at(&f->memory, nth, FAIL_ONCE);
    assert_int_equal(fcgip_endpoint_resolve(f->endpoint), FCGIP_ENOMEM);
    assert_int_equal(count(f), 3);
  }
}

/* The real resolver, for the one name that every system has. */
static void the_systems_resolver(void **state)
{
  fixture *f = *state;

  assert_int_equal(fcgip_endpoint_new_tcp(&f->endpoint, "localhost", 9000, &f->options), FCGIP_OK);
  assert_string_equal(fcgip_endpoint_address(f->endpoint), "tcp://localhost:9000");
  assert_true(count(f) >= 1);
  forget(f);
  assert_int_equal(fcgip_endpoint_parse(&f->endpoint, "no-such-host.invalid:1", &f->options),
                   FCGIP_OK);
  assert_int_equal(count(f), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(tcp_hosts),
      TEST(hosts_that_are_refused),
      TEST(unix_paths),
      TEST(texts),
      TEST(default_options),
      TEST(given_options),
      TEST(options_of_other_versions),
      TEST(options_that_are_refused),
      TEST(names_that_do_not_resolve),
      TEST(resolving_where_there_is_nothing_to_do),
      TEST(families_by_turns),
      TEST(owners),
      TEST(without_memory),
      TEST(the_systems_resolver),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
