#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "net/address.h"
#include "net/sys.h"

static void of_connect(void **state)
{
  static const int failed[] = {ECONNREFUSED, ENOENT,     EACCES,   EADDRNOTAVAIL, ENETUNREACH,
                               EHOSTUNREACH, ETIMEDOUT,  EPERM,    EAFNOSUPPORT,  EADDRINUSE,
                               EISCONN,      EPROTOTYPE, ENOTSOCK, EBADF,         ECONNRESET,
                               ENOBUFS,      ELOOP,      ENOTDIR,  EINVAL};
  size_t i;

  (void)state;
  assert_int_equal(fcgip__outcome_of_connect(-EINPROGRESS), FCGIP__OUTCOME_STARTED);
  assert_int_equal(fcgip__outcome_of_connect(-EALREADY), FCGIP__OUTCOME_STARTED);
  assert_int_equal(fcgip__outcome_of_connect(-EINTR), FCGIP__OUTCOME_STARTED);
  assert_int_equal(fcgip__outcome_of_connect(-EAGAIN), FCGIP__OUTCOME_AGAIN);
  assert_int_equal(fcgip__outcome_of_connect(-EWOULDBLOCK), FCGIP__OUTCOME_AGAIN);
  for (i = 0; i < sizeof(failed) / sizeof(failed[0]); i++)
    assert_int_equal(fcgip__outcome_of_connect(-failed[i]), FCGIP__OUTCOME_FAILED);
}

static void of_transfer(void **state)
{
  static const int failed[] = {EIO,    EBADF,        ENOTCONN, ETIMEDOUT, EFAULT,
                               EINVAL, EHOSTUNREACH, ENETDOWN, 0,         99999};
  size_t i;

  (void)state;
  assert_int_equal(fcgip__outcome_of_transfer(-EINTR), FCGIP__OUTCOME_AGAIN);
  assert_int_equal(fcgip__outcome_of_transfer(-EAGAIN), FCGIP__OUTCOME_AGAIN);
  assert_int_equal(fcgip__outcome_of_transfer(-EWOULDBLOCK), FCGIP__OUTCOME_AGAIN);
  assert_int_equal(fcgip__outcome_of_transfer(-ENOBUFS), FCGIP__OUTCOME_RESOURCE);
  assert_int_equal(fcgip__outcome_of_transfer(-ENOMEM), FCGIP__OUTCOME_RESOURCE);
  assert_int_equal(fcgip__outcome_of_transfer(-EPIPE), FCGIP__OUTCOME_GONE);
  assert_int_equal(fcgip__outcome_of_transfer(-ECONNRESET), FCGIP__OUTCOME_GONE);
  for (i = 0; i < sizeof(failed) / sizeof(failed[0]); i++)
    assert_int_equal(fcgip__outcome_of_transfer(-failed[i]), FCGIP__OUTCOME_FAILED);
}

static void errnos(void **state)
{
  (void)state;
  assert_int_equal(fcgip__errno_of(-EPIPE), EPIPE);
  assert_int_equal(fcgip__errno_of(0), 0);
  assert_int_equal(fcgip__errno_of(12345), 0);
  assert_int_equal(fcgip__errno_refused(), ECONNREFUSED);
}

/* NET-05: of a Unix socket only. */
static void a_full_backlog(void **state)
{
  fcgip__mem mem;
  fcgip__address_list *list;
  const fcgip__address *local, *remote;

  (void)state;
  assert_int_equal(fcgip__mem_import(&mem, NULL), FCGIP_OK);
  list = fcgip__address_list_new(&mem);
  assert_non_null(list);
  assert_int_equal(fcgip__address_add_unix(list, "/x"), FCGIP_OK);
  assert_int_equal(fcgip__address_add_numeric(list, "127.0.0.1", 9), 1);
  local = fcgip__address_list_at(list, 0);
  remote = fcgip__address_list_at(list, 1);
  assert_true(fcgip__connect_backlog_is_full(-EAGAIN, local));
  assert_false(fcgip__connect_backlog_is_full(-EAGAIN, remote));
  assert_false(fcgip__connect_backlog_is_full(-ECONNREFUSED, local));
  assert_false(fcgip__connect_backlog_is_full(-EINPROGRESS, local));
  assert_false(fcgip__connect_backlog_is_full(0, local));
  fcgip__address_list_free(list);
}

#define ROW(name)                                                                                  \
  {                                                                                                \
    name, #name                                                                                    \
  }

/* Names and words, the same in any locale. */
static void texts(void **state)
{
  static const struct {
    int error_number;
    const char *name;
  } rows[] = {ROW(EACCES),     ROW(EADDRINUSE),   ROW(EADDRNOTAVAIL), ROW(EAFNOSUPPORT),
              ROW(EAGAIN),     ROW(EBADF),        ROW(ECONNABORTED),  ROW(ECONNREFUSED),
              ROW(ECONNRESET), ROW(EHOSTUNREACH), ROW(EINVAL),        ROW(EIO),
              ROW(EISCONN),    ROW(ELOOP),        ROW(EMFILE),        ROW(ENAMETOOLONG),
              ROW(ENETDOWN),   ROW(ENETUNREACH),  ROW(ENFILE),        ROW(ENOBUFS),
              ROW(ENOENT),     ROW(ENOMEM),       ROW(ENOTCONN),      ROW(ENOTDIR),
              ROW(ENOTSOCK),   ROW(EPERM),        ROW(EPIPE),         ROW(EPROTOTYPE),
              ROW(ETIMEDOUT)};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const char *text = fcgip__errno_text(rows[i].error_number);
    size_t len = strlen(rows[i].name);

    assert_int_equal(strncmp(text, rows[i].name, len), 0);
    assert_int_equal(strncmp(text + len, ": ", 2), 0);
    assert_true(strlen(text) > len + 6);
  }
  assert_string_equal(fcgip__errno_text(0), "");
  assert_string_equal(fcgip__errno_text(-1), "");
  assert_string_equal(fcgip__errno_text(99999), "");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(of_connect),     cmocka_unit_test(of_transfer), cmocka_unit_test(errnos),
      cmocka_unit_test(a_full_backlog), cmocka_unit_test(texts),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
