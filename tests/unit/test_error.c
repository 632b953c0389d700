#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fcgiproxy/error.h"
#include "fcgiproxy/version.h"

/* The numbers are part of the contract. */
#define ROW(name, number)                                                                          \
  {                                                                                                \
    name, number, #name                                                                            \
  }
static const struct {
  int error, number;
  const char *name;
} rows[] = {
    ROW(FCGIP_OK, 0),
    ROW(FCGIP_EINVAL, -101),
    ROW(FCGIP_ENOTFOUND, -102),
    ROW(FCGIP_E2BIG, -103),
    ROW(FCGIP_EREENTRANT, -104),
    ROW(FCGIP_EAGAIN, -105),
    ROW(FCGIP_EQUEUEFULL, -106),
    ROW(FCGIP_EFILE, -107),
    ROW(FCGIP_ERESOLVE, -201),
    ROW(FCGIP_ECONNECT, -202),
    ROW(FCGIP_EBUSY, -203),
    ROW(FCGIP_ETIMEDOUT, -301),
    ROW(FCGIP_EWRITE, -302),
    ROW(FCGIP_EREAD, -303),
    ROW(FCGIP_ECANCELED, -304),
    ROW(FCGIP_EPROTO, -401),
    ROW(FCGIP_EHEADER, -402),
    ROW(FCGIP_ETOOLARGE, -403),
    ROW(FCGIP_ELENGTH, -404),
    ROW(FCGIP_ECANTMPX, -501),
    ROW(FCGIP_EOVERLOADED, -502),
    ROW(FCGIP_EROLE, -503),
    ROW(FCGIP_EREFUSED, -504),
    ROW(FCGIP_ESTATUSPATH, -601),
    ROW(FCGIP_ESTATUSFORMAT, -602),
    ROW(FCGIP_EFATAL, -900),
    ROW(FCGIP_ENOMEM, -901),
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void numbers_and_names(void **state)
{
  size_t i;

  (void)state;
  for (i = 0; i < ROWS; i++) {
    assert_int_equal(rows[i].error, rows[i].number);
    assert_string_equal(fcgip_errname(rows[i].error), rows[i].name);
  }
}

/* Each has a sentence of its own, in words, and on one line. */
static void sentences(void **state)
{
  size_t i, j;

  (void)state;
  for (i = 0; i < ROWS; i++) {
    const char *text = fcgip_strerror(rows[i].error);

    assert_true(strlen(text) >= 7);
    assert_null(strchr(text, '\n'));
    assert_null(strstr(text, "FCGIP_"));
    for (j = 0; j < i; j++)
      assert_string_not_equal(text, fcgip_strerror(rows[j].error));
  }
}

static void any_other_number(void **state)
{
  static const int unknown[] = {1, -1, -100, -108, -299, -899, -902, 2147483647, -2147483647 - 1};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
    assert_string_equal(fcgip_errname(unknown[i]), "FCGIP_E?");
    assert_true(strlen(fcgip_strerror(unknown[i])) > 0);
  }
}

/* There is no result that is not in the table above. */
static void the_table_is_whole(void **state)
{
  int number;
  size_t known = 0;

  (void)state;
  for (number = -1000; number <= 10; number++)
    known += strcmp(fcgip_errname(number), "FCGIP_E?") != 0;
  assert_int_equal(known, ROWS);
}

static void the_version(void **state)
{
  char expected[64];

  (void)state;
  snprintf(expected, sizeof(expected), "%d.%d.%d", FCGIP_VERSION_MAJOR, FCGIP_VERSION_MINOR,
           FCGIP_VERSION_PATCH);
  assert_string_equal(fcgip_version(), expected);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_and_names), cmocka_unit_test(sentences),
      cmocka_unit_test(any_other_number),  cmocka_unit_test(the_table_is_whole),
      cmocka_unit_test(the_version),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
