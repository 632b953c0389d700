#include "terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int terminal_is_there(void)
{
  const char *kind = getenv("TERM");

  return isatty(STDOUT_FILENO) && kind != NULL && *kind != '\0' && strcmp(kind, "dumb") != 0;
}

/* What xterm has understood since long ago, and with it all that are in use. */
static void say(const char *sequence)
{
  fputs(sequence, stdout);
  fflush(stdout);
}

void terminal_enter(terminal *screen)
{
  if (!screen->is_entered) {
    screen->has_keys = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &screen->before) == 0;
    say("\033[?1049h\033[?25l");
  }
  screen->is_entered = 1;
  if (screen->has_keys) {
    struct termios now = screen->before;

    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
  }
}

void terminal_leave(terminal *screen)
{
  if (!screen->is_entered)
    return;
  screen->is_entered = 0;
  say("\033[?25h\033[?1049l");
  if (screen->has_keys)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen->before);
}

void terminal_size(size_t *columns, size_t *rows)
{
  struct winsize size = {.ws_col = 0};

  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    size.ws_col = 80;
    size.ws_row = 24;
  }
  *columns = size.ws_col;
  *rows = size.ws_row;
}

int terminal_key(terminal *screen)
{
  unsigned char byte;
  ssize_t n = read(STDIN_FILENO, &byte, 1);
  unsigned escape = screen->escape;

  if (n <= 0)
    return n < 0 && (errno == EINTR || errno == EAGAIN) ? KEY_NONE : KEY_END;
  /* An arrow is ESC [ A or ESC O A. */
  screen->escape = byte == 27 ? 1 : escape == 1 && (byte == '[' || byte == 'O') ? 2 : 0;
  if (screen->escape > 0)
    return KEY_NONE;
  if (escape == 2)
    return byte == 'A' ? KEY_UP : byte == 'B' ? KEY_DOWN : KEY_NONE;
  return byte;
}
