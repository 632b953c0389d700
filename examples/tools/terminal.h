/* The terminal while it shows a table: its other screen, no cursor, keys as they are pressed. */
#ifndef FCGIPROXY_TOOLS_TERMINAL_H
#define FCGIPROXY_TOOLS_TERMINAL_H

#include <stddef.h>
#include <termios.h>

typedef struct terminal {
  int has_keys; /* stdin is a terminal, too */
  int is_entered;
  unsigned escape; /* how much of an arrow key's bytes has come */
  struct termios before;
} terminal;

/* 1 if stdout is a terminal that knows how to move its cursor. */
int terminal_is_there(void);

/* Both may be called again; what was there before is there afterwards. */
void terminal_enter(terminal *screen);
void terminal_leave(terminal *screen);

void terminal_size(size_t *columns, size_t *rows);

/* The next key, once poll(2) has said that there is one: a letter, KEY_UP ..., KEY_NONE for what is nothing yet,
 * KEY_END if there are going to be no more. */
enum { KEY_END = -1, KEY_NONE = 0, KEY_UP = 256, KEY_DOWN };
int terminal_key(terminal *screen);

#endif
