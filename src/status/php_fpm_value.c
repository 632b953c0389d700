#include "status/php_fpm_value.h"

#include "base/text.h"
#include "status/cursor.h"

#define REPLACEMENT 0xfffdu

/* Digits, as many as there are: -1 if there is none, 1 if the number does not fit. */
static int take_digits(fcgip__cursor *in, uint64_t *value)
{
  const char *first = in->at;
  uint64_t sum = 0;
  int over = 0;

  for (; in->at < in->end && fcgip__is_digit(*in->at); in->at++) {
    uint64_t digit = (uint64_t)(*in->at - '0');

    if (sum > (UINT64_MAX - digit) / 10)
      over = 1;
    else
      sum = sum * 10 + digit;
  }
  *value = over ? UINT64_MAX : sum;
  if (in->at == first)
    return -1;
  return over;
}

/* Exactly `count` digits, at most 4. */
static int take_fixed(fcgip__cursor *in, size_t count, int64_t *value)
{
  *value = 0;
  if (fcgip__cursor_left(in) < count)
    return -1;
  for (; count > 0; count--, in->at++) {
    if (!fcgip__is_digit(*in->at))
      return -1;
    *value = *value * 10 + (*in->at - '0');
  }
  return 0;
}

static int take_fraction(fcgip__cursor *in, double *value)
{
  double unit = 1;

  *value = 0;
  if (!fcgip__cursor_takes(in, ".") && !fcgip__cursor_takes(in, ","))
    return 0;
  if (in->at == in->end)
    return -1;
  for (; in->at < in->end && fcgip__is_digit(*in->at); in->at++) {
    if (unit >= 1e15)
      continue; /* below what a double tells apart */
    *value = *value * 10 + (*in->at - '0');
    unit *= 10;
  }
  *value /= unit;
  return 0;
}

int fcgip__status_decimal(const char *text, size_t len, double *value)
{
  fcgip__cursor in = {text, text + len};
  int negative = fcgip__cursor_takes(&in, "-");
  uint64_t whole;
  double fraction;

  if (take_digits(&in, &whole) < 0 || take_fraction(&in, &fraction) < 0 || in.at != in.end)
    return -1;
  *value = (double)whole + fraction;
  if (negative)
    *value = -*value;
  return 0;
}

/* A sign, digits, and a fraction that is dropped. */
static int take_whole(const char *text, size_t len, int *negative, uint64_t *value)
{
  fcgip__cursor in = {text, text + len};
  double fraction;

  *negative = fcgip__cursor_takes(&in, "-");
  if (take_digits(&in, value) < 0 || take_fraction(&in, &fraction) < 0 || in.at != in.end)
    return -1;
  return 0;
}

int fcgip__status_count(const char *text, size_t len, uint64_t *value)
{
  int negative;

  if (take_whole(text, len, &negative, value) < 0)
    return -1;
  if (negative)
    *value = 0;
  return 0;
}

int fcgip__status_signed(const char *text, size_t len, int64_t *value)
{
  uint64_t size;
  int negative;

  if (take_whole(text, len, &negative, &size) < 0)
    return -1;
  if (size > (uint64_t)INT64_MAX)
    *value = negative ? INT64_MIN : INT64_MAX;
  else
    *value = negative ? -(int64_t)size : (int64_t)size;
  return 0;
}

/* 1 to 12. */
static int take_month(fcgip__cursor *in, int64_t *month)
{
  static const char names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  size_t i;

  for (i = 0; i < 12; i++) {
    if (fcgip__cursor_takes(in, names[i])) {
      *month = (int64_t)i + 1;
      return 0;
    }
  }
  return -1;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
  static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

  return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

/* Days from 1970-01-01 in the Gregorian calendar. The year is taken to begin in March, so that the leap day is
 * its last one. */
static int64_t days_since_epoch(int64_t year, int64_t month, int64_t day)
{
  int64_t march_year = month <= 2 ? year - 1 : year;
  int64_t march_month = month <= 2 ? month + 9 : month - 3;
  int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;

  return march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year -
         719468;
}

/* "+0130" in seconds. strftime() leaves the zone out where it does not know it. */
static int take_zone(fcgip__cursor *in, int64_t *seconds)
{
  int64_t hours, minutes;
  int negative;

  *seconds = 0;
  if (in->at == in->end)
    return 0;
  negative = fcgip__cursor_takes(in, "-");
  if (!negative && !fcgip__cursor_takes(in, "+"))
    return -1;
  if (take_fixed(in, 2, &hours) < 0 || take_fixed(in, 2, &minutes) < 0 || minutes > 59)
    return -1;
  *seconds = (hours * 60 + minutes) * 60;
  if (negative)
    *seconds = -*seconds;
  return 0;
}

static int date(const char *text, size_t len, int64_t *value)
{
  fcgip__cursor in = {text, text + len};
  int64_t day, month, year, hour, minute, second, zone;

  if (take_fixed(&in, 2, &day) < 0 || !fcgip__cursor_takes(&in, "/") ||
      take_month(&in, &month) < 0 || !fcgip__cursor_takes(&in, "/") ||
      take_fixed(&in, 4, &year) < 0 || !fcgip__cursor_takes(&in, ":") ||
      take_fixed(&in, 2, &hour) < 0 || !fcgip__cursor_takes(&in, ":") ||
      take_fixed(&in, 2, &minute) < 0 || !fcgip__cursor_takes(&in, ":") ||
      take_fixed(&in, 2, &second) < 0)
    return -1;
  fcgip__cursor_takes(&in, " ");
  if (take_zone(&in, &zone) < 0 || in.at != in.end)
    return -1;
  if (year < 1 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 ||
      second > 60)
    return -1;
  *value = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - zone;
  return 0;
}

int fcgip__status_time(const char *text, size_t len, int64_t *value)
{
  if (len > 0 && memchr(text, '/', len) != NULL)
    return date(text, len, value);
  return fcgip__status_signed(text, len, value);
}

int fcgip__status_add_utf8(fcgip__buffer *buffer, uint32_t code)
{
  uint8_t bytes[4];
  size_t len = 0;

  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    code = REPLACEMENT;
  if (code < 0x80) {
    bytes[len++] = (uint8_t)code;
  } else if (code < 0x800) {
    bytes[len++] = (uint8_t)(0xc0 | code >> 6);
    bytes[len++] = (uint8_t)(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    bytes[len++] = (uint8_t)(0xe0 | code >> 12);
    bytes[len++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    bytes[len++] = (uint8_t)(0x80 | (code & 0x3f));
  } else {
    bytes[len++] = (uint8_t)(0xf0 | code >> 18);
    bytes[len++] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    bytes[len++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    bytes[len++] = (uint8_t)(0x80 | (code & 0x3f));
  }
  return fcgip__buffer_add(buffer, bytes, len);
}
