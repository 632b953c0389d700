/* ASCII, whatever the locale says. */
#ifndef FCGIP_BASE_TEXT_H
#define FCGIP_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

static inline char fcgip__lower(char c)
{
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline int fcgip__is_digit(char c)
{
  return c >= '0' && c <= '9';
}

/* 1 if equal but for the case of ASCII letters. */
int fcgip__equal_nocase(const char *a, size_t a_len, const char *b, size_t b_len);

/* The characters of tokens in lower case; 0 for all others. */
extern const uint8_t fcgip__token_lower[256];

/* 1 if it is a token (RFC 9110 section 5.6.2): not empty, no separators, no control characters. */
int fcgip__is_token(const char *text, size_t len);

/* Digits only, at least one. 0, or -1 for anything else and for what does not fit. */
int fcgip__parse_u64(const char *text, size_t len, uint64_t *value);

/* Adds text that may come from anywhere: what is not printable ASCII becomes \xNN, a backslash two.
 * Results as of fcgip__buffer_add(). */
int fcgip__buffer_add_escaped(fcgip__buffer *buffer, const void *data, size_t len);

#endif
