/* A place in bytes that somebody else owns, and how to move over them. */
#ifndef FCGIP_STATUS_CURSOR_H
#define FCGIP_STATUS_CURSOR_H

#include <stddef.h>
#include <string.h>

typedef struct fcgip__cursor {
  const char *at;
  const char *end;
} fcgip__cursor;

static inline size_t fcgip__cursor_left(const fcgip__cursor *cursor)
{
  return (size_t)(cursor->end - cursor->at);
}

static inline void fcgip__cursor_skip_space(fcgip__cursor *cursor)
{
  while (cursor->at < cursor->end &&
         (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\r' || *cursor->at == '\n'))
    cursor->at++;
}

/* 1 and moves on if these bytes come next, else 0. */
static inline int fcgip__cursor_takes_bytes(fcgip__cursor *cursor, const char *bytes, size_t len)
{
  if (fcgip__cursor_left(cursor) < len || memcmp(cursor->at, bytes, len) != 0)
    return 0;
  cursor->at += len;
  return 1;
}

static inline int fcgip__cursor_takes(fcgip__cursor *cursor, const char *text)
{
  return fcgip__cursor_takes_bytes(cursor, text, strlen(text));
}

/* 1 and moves on if this byte comes next, behind any white space, else 0. */
static inline int fcgip__cursor_takes_token(fcgip__cursor *cursor, char token)
{
  fcgip__cursor_skip_space(cursor);
  return fcgip__cursor_takes_bytes(cursor, &token, 1);
}

/* The next line without its line feed; 0 if there is no line feed ahead. */
static inline int fcgip__cursor_take_line(fcgip__cursor *cursor, fcgip__cursor *line)
{
  const char *feed = memchr(cursor->at, '\n', fcgip__cursor_left(cursor));

  if (feed == NULL)
    return 0;
  line->at = cursor->at;
  line->end = feed;
  cursor->at = feed + 1;
  return 1;
}

#endif
