#include "base/text.h"

#include <string.h>

#include "fcgiproxy/error.h"

int fcgip__equal_nocase(const char *a, size_t a_len, const char *b, size_t b_len)
{
  size_t i;

  if (a_len != b_len)
    return 0;
  for (i = 0; i < a_len; i++)
    if (fcgip__lower(a[i]) != fcgip__lower(b[i]))
      return 0;
  return 1;
}

/* Designated initializers would be longer than the rows of the ASCII table. */
const uint8_t fcgip__token_lower[256] = {
    /* clang-format off */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, '!', 0, '#', '$', '%', '&', '\'', 0, 0, '*', '+', 0, '-', '.', 0,
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 0, 0, 0, 0, 0, 0,
    0, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 0, 0, 0, '^', '_',
    '`', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 0, '|', 0, '~', 0,
    /* clang-format on */
};

int fcgip__is_token(const char *text, size_t len)
{
  size_t i;

  for (i = 0; i < len; i++)
    if (fcgip__token_lower[(uint8_t)text[i]] == 0)
      return 0;
  return len > 0;
}

int fcgip__parse_u64(const char *text, size_t len, uint64_t *value)
{
  uint64_t sum = 0;
  size_t i;

  if (len == 0)
    return -1;
  for (i = 0; i < len; i++) {
    uint64_t digit;

    if (!fcgip__is_digit(text[i]))
      return -1;
    digit = (uint64_t)(text[i] - '0');
    if (sum > (UINT64_MAX - digit) / 10)
      return -1;
    sum = sum * 10 + digit;
  }
  *value = sum;
  return 0;
}

int fcgip__buffer_add_escaped(fcgip__buffer *buffer, const void *data, size_t len)
{
  static const char hex[] = "0123456789abcdef";
  const uint8_t *bytes = data;
  size_t i;
  int rc = FCGIP_OK;

  for (i = 0; i < len && rc == FCGIP_OK; i++) {
    uint8_t c = bytes[i];

    if (c == '\\') {
      rc = fcgip__buffer_add(buffer, "\\\\", 2);
    } else if (c >= 0x20 && c < 0x7f) {
      rc = fcgip__buffer_add_byte(buffer, c);
    } else {
      char escaped[4] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
      rc = fcgip__buffer_add(buffer, escaped, sizeof(escaped));
    }
  }
  return rc;
}
