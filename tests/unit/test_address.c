#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "net/address.h"
#include "net/address_internal.h"
#include "support/failing_allocator.h"

typedef struct fixture {
  failing_allocator memory;
  fcgip__mem mem;
  fcgip__address_list *list;
} fixture;

static fixture addresses;

static int setup(void **state)
{
  fixture *f = &addresses;

  *state = f;
  failing_allocator_init(&f->memory);
  if (fcgip__mem_import(&f->mem, &f->memory.hook) != FCGIP_OK)
    return -1;
  f->list = fcgip__address_list_new(&f->mem);
  return f->list != NULL ? 0 : -1;
}

static int teardown(void **state)
{
  fixture *f = *state;

  fcgip__address_list_free(f->list);
  return f->memory.live_blocks == 0 && f->memory.misuses == 0 ? 0 : -1;
}

static struct sockaddr_in v4_at(const fixture *f, size_t i)
{
  const fcgip__address *address = fcgip__address_list_at(f->list, i);
  struct sockaddr_in in;

  assert_non_null(address);
  assert_int_equal(address->len, sizeof(in));
  memcpy(&in, &address->storage, sizeof(in));
  assert_int_equal(in.sin_family, AF_INET);
  return in;
}

static struct sockaddr_in6 v6_at(const fixture *f, size_t i)
{
  const fcgip__address *address = fcgip__address_list_at(f->list, i);
  struct sockaddr_in6 in;

  assert_non_null(address);
  assert_int_equal(address->len, sizeof(in));
  memcpy(&in, &address->storage, sizeof(in));
  assert_int_equal(in.sin6_family, AF_INET6);
  return in;
}

static void is_empty_at_first(void **state)
{
  const fixture *f = *state;

  assert_int_equal(fcgip__address_list_count(f->list), 0);
  assert_null(fcgip__address_list_at(f->list, 0));
  fcgip__address_list_free(NULL);
}

static void ipv4(void **state)
{
  const fixture *f = *state;
  struct sockaddr_in in;

  assert_int_equal(fcgip__address_add_numeric(f->list, "10.1.2.3", 9000), 1);
  in = v4_at(f, 0);
  assert_int_equal(ntohs(in.sin_port), 9000);
  assert_true(ntohl(in.sin_addr.s_addr) == 0x0a010203);
  assert_int_equal(fcgip__address_add_numeric(f->list, "0.0.0.0", 65535), 1);
  assert_int_equal(ntohs(v4_at(f, 1).sin_port), 65535);
  assert_false(fcgip__address_is_unix(fcgip__address_list_at(f->list, 0)));
}

static void ipv6(void **state)
{
  const fixture *f = *state;
  struct sockaddr_in6 in;

  assert_int_equal(fcgip__address_add_numeric(f->list, "2001:db8::5", 9), 1);
  in = v6_at(f, 0);
  assert_int_equal(ntohs(in.sin6_port), 9);
  assert_int_equal(in.sin6_addr.s6_addr[15], 5);
  assert_int_equal(in.sin6_scope_id, 0);
  assert_int_equal(fcgip__address_add_numeric(f->list, "fe80::1%7", 9), 1);
  assert_int_equal(v6_at(f, 1).sin6_scope_id, 7);
  assert_int_equal(fcgip__address_add_numeric(f->list, "fe80::1%lo", 9), 1);
  assert_true(v6_at(f, 2).sin6_scope_id > 0);
  assert_int_equal(
      fcgip__address_add_numeric(f->list, "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 9), 1);
}

static void what_is_no_number(void **state)
{
  static const char *const texts[] = {"",
                                      "host",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "256.1.1.1",
                                      "1.2.3.4 ",
                                      " 1.2.3.4",
                                      "01.2.3.4.",
                                      ":::",
                                      "1::2::3",
                                      "[::1]",
                                      "fe80::1%",
                                      "fe80::1%0",
                                      "fe80::1%nosuchinterface",
                                      "fe80::1%4294967296",
                                      "%1",
                                      "1.2.3.4%1",
                                      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
  const fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    assert_int_equal(fcgip__address_add_numeric(f->list, texts[i], 9), 0);
  assert_int_equal(fcgip__address_list_count(f->list), 0);
}

static void unix_paths(void **state)
{
  const fixture *f = *state;
  char path[200];
  struct sockaddr_un un;

  assert_int_equal(fcgip__address_path_max(), 107);
  memset(path, 'p', sizeof(path));
  path[108] = '\0';
  assert_int_equal(fcgip__address_add_unix(f->list, path), FCGIP_EINVAL);
  path[107] = '\0';
  assert_int_equal(fcgip__address_add_unix(f->list, path), FCGIP_OK);
  memcpy(&un, &fcgip__address_list_at(f->list, 0)->storage, sizeof(un));
  assert_int_equal(un.sun_family, AF_UNIX);
  assert_string_equal(un.sun_path, path);
  assert_true(fcgip__address_is_unix(fcgip__address_list_at(f->list, 0)));
}

static void raw_ones(void **state)
{
  const fixture *f = *state;
  struct sockaddr_storage too_long[2];
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = 5};

  memset(too_long, 0, sizeof(too_long));
  assert_int_equal(fcgip__address_add_raw(f->list, too_long, sizeof(too_long)), FCGIP_EINVAL);
  assert_int_equal(fcgip__address_add_raw(f->list, &in, sizeof(in)), FCGIP_OK);
  assert_int_equal(v4_at(f, 0).sin_port, 5);
}

static void loopback(void **state)
{
  static const struct {
    const char *text;
    int is_loopback;
  } rows[] = {{"127.0.0.1", 1}, {"127.255.0.9", 1}, {"128.0.0.1", 0}, {"10.0.0.127", 0},
              {"::1", 1},       {"::2", 0},         {"::", 0},        {"fe80::1", 0}};
  const fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    assert_int_equal(fcgip__address_add_numeric(f->list, rows[i].text, 9), 1);
    assert_int_equal(fcgip__address_is_loopback(fcgip__address_list_at(f->list, i)),
                     rows[i].is_loopback);
  }
  assert_int_equal(fcgip__address_add_unix(f->list, "/x"), FCGIP_OK);
  assert_false(fcgip__address_is_loopback(fcgip__address_list_at(f->list, i)));
}

/* '4' and '6' by family; the port tells which one it was. */
static void as_text(void **state)
{
  static const char *const texts[] = {"127.0.0.1", "255.255.255.255", "::1", "2001:db8::7",
                                      "1111:2222:3333:4444:5555:6666:7777:8888"};
  char text[FCGIP__ADDRESS_TEXT_MAX];
  fixture *f = *state;
  size_t i;

  for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    assert_int_equal(fcgip__address_add_numeric(f->list, texts[i], 9000), 1);
    fcgip__address_text(fcgip__address_list_at(f->list, i), text);
    assert_string_equal(text, texts[i]);
  }
  assert_int_equal(fcgip__address_add_unix(f->list, "/run/socket"), FCGIP_OK);
  fcgip__address_text(fcgip__address_list_at(f->list, i), text);
  assert_string_equal(text, "");
}

static void assert_interleaved(fixture *f, const char *given, const char *families,
                               const char *order)
{
  size_t i;

  fcgip__address_list_free(f->list);
  f->list = fcgip__address_list_new(&f->mem);
  for (i = 0; given[i] != '\0'; i++)
    assert_int_equal(
        fcgip__address_add_numeric(f->list, given[i] == '4' ? "10.0.0.1" : "::1", (uint16_t)i), 1);
  fcgip__address_list_interleave(f->list);
  assert_int_equal(fcgip__address_list_count(f->list), i);
  for (i = 0; given[i] != '\0'; i++) {
    if (families[i] == '4')
      assert_int_equal(ntohs(v4_at(f, i).sin_port), order[i] - '0');
    else
      assert_int_equal(ntohs(v6_at(f, i).sin6_port), order[i] - '0');
  }
}

static void families_by_turns(void **state)
{
  fixture *f = *state;

  assert_interleaved(f, "", "", "");
  assert_interleaved(f, "6", "6", "0");
  assert_interleaved(f, "444", "444", "012");
  assert_interleaved(f, "64", "64", "01");
  assert_interleaved(f, "6644", "6464", "0213");
  assert_interleaved(f, "4466", "4646", "0213");
  assert_interleaved(f, "666664", "646666", "051234");
  assert_interleaved(f, "46444", "46444", "01234");
  assert_interleaved(f, "444466", "464644", "041523");
}

static void without_memory(void **state)
{
  const fixture *f = *state;
  failing_allocator *memory = &addresses.memory;

  failing_allocator_fail_at(memory, 1, FAIL_ONCE);
  assert_null(fcgip__address_list_new(&f->mem));
  assert_int_equal(fcgip__address_add_numeric(f->list, "10.0.0.1", 1), 1);
  failing_allocator_fail_at(memory, 1, FAIL_FROM_THEN_ON);
  assert_int_equal(fcgip__address_add_numeric(f->list, "10.0.0.2", 1), FCGIP_ENOMEM);
  assert_int_equal(fcgip__address_add_numeric(f->list, "::1", 1), FCGIP_ENOMEM);
  assert_int_equal(fcgip__address_add_numeric(f->list, "host", 1), 0);
  assert_int_equal(fcgip__address_add_unix(f->list, "/x"), FCGIP_ENOMEM);
  assert_int_equal(fcgip__address_list_count(f->list), 1);
  assert_true(ntohl(v4_at(f, 0).sin_addr.s_addr) == 0x0a000001);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(is_empty_at_first), TEST(ipv4),           TEST(ipv6),     TEST(what_is_no_number),
      TEST(unix_paths),        TEST(raw_ones),       TEST(loopback), TEST(as_text),
      TEST(families_by_turns), TEST(without_memory),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
