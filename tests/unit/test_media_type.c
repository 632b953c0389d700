#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "message/media_type.h"

static void goes_by_the_ending(void **state)
{
  (void)state;
  assert_string_equal(fcgip__media_type("photo.png"), "image/png");
  assert_string_equal(fcgip__media_type("photo.jpg"), "image/jpeg");
  assert_string_equal(fcgip__media_type("photo.jpeg"), "image/jpeg");
  assert_string_equal(fcgip__media_type("page.html"), "text/html");
  assert_string_equal(fcgip__media_type("notes.txt"), "text/plain");
  assert_string_equal(fcgip__media_type("a.7z"), "application/x-7z-compressed");
  assert_string_equal(fcgip__media_type("a.zst"), "application/zstd");
}

static void takes_any_case_and_the_last_ending(void **state)
{
  (void)state;
  assert_string_equal(fcgip__media_type("PHOTO.PnG"), "image/png");
  assert_string_equal(fcgip__media_type("backup.png.tar.GZ"), "application/gzip");
  assert_string_equal(fcgip__media_type(".json"), "application/json");
  assert_string_equal(fcgip__media_type("../some.dir/page.css"), "text/css");
}

static void says_nothing_where_it_knows_nothing(void **state)
{
  static const char *const unknown[] = {"",         "png",    ".",      "photo.",  "photo.pn",
                                        "a.pngx",   "a.png ", "a.p\ng", "file.b1", "image.png/file",
                                        "a.png\xff"};
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
    assert_string_equal(fcgip__media_type(unknown[i]), "application/octet-stream");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(goes_by_the_ending),
      cmocka_unit_test(takes_any_case_and_the_last_ending),
      cmocka_unit_test(says_nothing_where_it_knows_nothing),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
