#include "tool.h"

#include <string.h>
#include <time.h>

enum { REPLACEMENT = 0xfffd };

static int is_printable(char byte)
{
  return byte >= ' ' && byte < 0x7f;
}

void text_print(FILE *to, const char *text, size_t len)
{
  for (; len > 0; text++, len--)
    if (is_printable(*text))
      fputc(*text, to);
    else
      fprintf(to, "\\x%02x", (unsigned)(unsigned char)*text);
}

void text_copy(char *to, size_t cap, const char *text)
{
  static const char digits[] = "0123456789abcdef";
  size_t n = 0;

  for (; *text != '\0' && n + 5 <= cap; text++) {
    unsigned char byte = (unsigned char)*text;

    if (is_printable(*text)) {
      to[n++] = *text;
      continue;
    }
    to[n++] = '\\';
    to[n++] = 'x';
    to[n++] = digits[byte >> 4];
    to[n++] = digits[byte & 15];
  }
  to[n] = '\0';
}

/* How many bytes the character at `p` has; 0 if this is no UTF-8 (RFC 3629: no detours, no halves of
 * surrogate pairs, nothing above U+10FFFF). */
static size_t decode(const unsigned char *p, size_t len, uint32_t *code)
{
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t n, i;

  if (p[0] < 0x80)
    n = 1;
  else if (p[0] >= 0xc0 && p[0] < 0xf8)
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
  else
    return 0;
  if (n > len)
    return 0;
  *code = n == 1 ? p[0] : p[0] & (0x7fU >> n);
  for (i = 1; i < n; i++) {
    if ((p[i] & 0xc0) != 0x80)
      return 0;
    *code = *code << 6 | (p[i] & 0x3fU);
  }
  return *code >= least[n] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff) ? n : 0;
}

/* Controls, old and new, and what changes how other characters are shown while it is not seen itself. */
static int is_invisible(uint32_t code)
{
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200b && code <= 0x200f) ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

void text_print_json(FILE *to, const char *text, size_t len)
{
  const unsigned char *p = (const unsigned char *)text;
  uint32_t code;
  size_t n;

  fputc('"', to);
  for (; len > 0; p += n, len -= n) {
    n = decode(p, len, &code);
    if (n == 0) {
      n = 1;
      code = REPLACEMENT;
    }
    if (code == '"' || code == '\\')
      fprintf(to, "\\%c", (int)code);
    else if (code == '\n' || code == '\t')
      fputs(code == '\n' ? "\\n" : "\\t", to);
    else if (is_invisible(code) || code == REPLACEMENT)
      fprintf(to, "\\u%04x", (unsigned)code);
    else
      fwrite(p, 1, n, to);
  }
  fputc('"', to);
}

void text_print_label(FILE *to, const char *text)
{
  const unsigned char *p = (const unsigned char *)text;
  size_t len = strlen(text), n;
  uint32_t code;

  fputc('"', to);
  for (; len > 0; p += n, len -= n) {
    n = decode(p, len, &code);
    if (n == 0) {
      fputs("\xef\xbf\xbd", to);
      n = 1;
    } else if (code == '"' || code == '\\') {
      fprintf(to, "\\%c", (int)code);
    } else if (is_invisible(code)) {
      fprintf(to, "\\\\u%04x", (unsigned)code);
    } else {
      fwrite(p, 1, n, to);
    }
  }
  fputc('"', to);
}

const char *text_without(const char *error, const char *address)
{
  size_t len = strlen(address);

  return strncmp(error, address, len) == 0 && strncmp(error + len, ": ", 2) == 0 ? error + len + 2
                                                                                 : error;
}

void text_moment(char *to, size_t cap, int64_t seconds, const char *zone)
{
  time_t moment = (time_t)seconds;
  struct tm utc;
  char iso[64];

  if (seconds == 0 || (int64_t)moment != seconds || gmtime_r(&moment, &utc) == NULL ||
      strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
    snprintf(to, cap, "-");
  else
    snprintf(to, cap, "%s%s", iso, zone);
}
