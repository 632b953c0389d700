/* What the installed tools have in common: complaints, numbers, and text from others. */
#ifndef FCGIPROXY_TOOLS_TOOL_H
#define FCGIPROXY_TOOLS_TOOL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* As the user called it; each tool defines its own. */
extern const char *const tool_name;

/* "fcgi-status: what: why" on stderr, or without a `why` that is NULL. */
void tool_complain(const char *what, const char *why);

/* Reads a plain decimal number from `least` to `most`. 0, or -1. */
int tool_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);

/* All of a file, "-" for stdin, followed by a NUL that is not counted; the caller frees it. NULL if it cannot be
 * read, or is longer than `most` bytes; the complaint is then made. */
char *tool_read_file(const char *path, size_t most, size_t *len);

/* 0 if all that was printed went out. */
int tool_flush(void);

/* Text from a server may hold anything: bytes that a terminal would obey, quotes, bytes that are no
 * UTF-8. This is how it is shown.
 *   plain   printable ASCII as it is, all other bytes as \x1b
 *   JSON    a string with its quotes; control and invisible characters as \u001b, bytes that are no
 *           UTF-8 as \ufffd
 *   label   of a metric, with its quotes; control and invisible characters as text, \u001b with an escaped
 *           backslash, bytes that are no UTF-8 as U+FFFD */
void text_print(FILE *to, const char *text, size_t len);
void text_print_json(FILE *to, const char *text, size_t len);
void text_print_label(FILE *to, const char *text);

/* Plain, in a string that is cut where it ends. */
void text_copy(char *to, size_t cap, const char *text);

/* The error without the address that it begins with, where that has been said already. */
const char *text_without(const char *error, const char *address);

/* Seconds since 1970 as "2026-11-27T13:30:00" with `zone` behind it; "-" for 0 and what no calendar has. */
void text_moment(char *to, size_t cap, int64_t seconds, const char *zone);

#endif
