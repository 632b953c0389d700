#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "poller.h"
#include "status_forms.h"
#include "table.h"
#include "terminal.h"
#include "tool.h"

enum { SCREEN_CAP = 64 << 10 };

/* What the main thread knows of a group of the poller. */
typedef struct watch_group {
  fcgip_status_list *list; /* the last answer */
  int is_asking;
  int64_t next_ms;
  uint64_t rounds;
} watch_group;

typedef struct watch {
  status_options *options;
  terminal screen;
  int has_screen;
  int is_stale; /* the screen shows less than is known */
  table table;
  watch_group *groups;
  int is_done;
  int ended_by; /* a signal that is to end us as it would have */
  int result;   /* negative: what the answers say */
} watch;

/* Where signal handlers and threads find it, the latter even when the main thread has ended. */
static poller asking = {.ends = {-1, -1}};

static int64_t now_ms(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- signals ---- */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT};
enum { SIGNAL_COUNT = sizeof(signals) / sizeof(signals[0]) };

/* Whether the last of SIGTSTP and SIGCONT was the former. */
static volatile sig_atomic_t is_to_stop;

static void on_signal(int number)
{
  int saved = errno;

  if (number == SIGTSTP || number == SIGCONT)
    is_to_stop = number == SIGTSTP;
  poller_post_signal(&asking, number);
  errno = saved;
}

static void set_handlers(void (*handler)(int))
{
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  size_t i;

  for (i = 0; i < SIGNAL_COUNT; i++)
    sigaction(signals[i], &action, NULL);
}

/* Stops as SIGTSTP would have, with the terminal as it was. The user may have us go on before we have stopped: a
 * SIGCONT takes a SIGTSTP that is still pending with it, so that it is made to be that while is_to_stop is read. */
static void stop(watch *w)
{
  sigset_t stopping;

  terminal_leave(&w->screen);
  sigemptyset(&stopping);
  sigaddset(&stopping, SIGTSTP);
  pthread_sigmask(SIG_BLOCK, &stopping, NULL);
  signal(SIGTSTP, SIG_DFL);
  kill(getpid(), SIGTSTP);
  if (!is_to_stop)
    signal(SIGTSTP, SIG_IGN); /* and it is gone */
  pthread_sigmask(SIG_UNBLOCK, &stopping, NULL);
  set_handlers(on_signal);
  terminal_enter(&w->screen);
  w->is_stale = 1;
}

static void take_signal(watch *w, int number)
{
  switch (number) {
  case SIGWINCH:
    break;
  case SIGTSTP:
    if (is_to_stop)
      stop(w);
    return;
  case SIGCONT:
    terminal_enter(&w->screen);
    break;
  case SIGINT:
    w->is_done = 1;
    w->result = STATUS_FINE;
    return;
  default:
    w->is_done = 1;
    w->ended_by = number;
    return;
  }
  w->is_stale = 1;
}

/* ---- answers ---- */

/* What those say that have come so far. */
static int verdict(const watch *w)
{
  int result = STATUS_FINE;
  size_t i;

  for (i = 0; i < asking.group_count && result != STATUS_SERVER_FAILED; i++) {
    int one = status_verdict(w->groups[i].list, &w->options->limits);

    result = one == STATUS_FINE ? result : one;
  }
  return result;
}

static void show_answer(watch *w, size_t group, int64_t at)
{
  size_t first, count = poller_group_servers(&asking, group, &first), i;

  for (i = 0; i < count; i++) {
    const fcgip_server_status *server = fcgip_status_list_at(w->groups[group].list, i);

    table_update(&w->table, first + i, server, at, now_ms());
    if (!w->has_screen && w->options->form != FORM_JSON)
      form_line(server, &w->options->limits, at);
  }
  if (w->options->form == FORM_JSON)
    form_json(w->groups[group].list, w->options, at);
  w->is_stale = w->has_screen;
}

/* 1 if every group has been asked as often as was wanted. */
static int is_enough(const watch *w)
{
  size_t i;

  for (i = 0; i < asking.group_count; i++)
    if (w->groups[i].rounds < w->options->rounds)
      return 0;
  return w->options->rounds > 0;
}

static void take_answer(watch *w, const poller_message *answer)
{
  watch_group *group = &w->groups[answer->group];
  fcgip_status_list *old = group->list;

  group->is_asking = 0;
  group->rounds++;
  if (answer->rc < 0) {
    tool_complain(fcgip_strerror(answer->rc), NULL);
    w->is_done = 1;
    w->result = answer->rc == FCGIP_EINVAL ? STATUS_USAGE : STATUS_TROUBLE;
    return;
  }
  group->list = answer->list;
  show_answer(w, answer->group, (int64_t)time(NULL));
  fcgip_status_list_free(old);
  if (fflush(stdout) != 0 || ferror(stdout) || is_enough(w))
    w->is_done = 1;
}

/* ---- keys ---- */

static void ask_now(watch *w)
{
  size_t i;

  for (i = 0; i < asking.group_count; i++)
    w->groups[i].next_ms = now_ms();
}

static void scroll(watch *w, int way)
{
  size_t columns, rows;

  terminal_size(&columns, &rows);
  table_scroll(&w->table, way, rows);
}

static void take_key(watch *w, int key)
{
  w->is_stale = 1;
  switch (key) {
  case KEY_END:
    w->screen.has_keys = 0;
    return;
  case 'q':
  case 'Q':
    w->is_done = 1;
    w->result = STATUS_FINE;
    return;
  case 's':
    w->table.order = (status_order)((w->table.order + 1) % ORDER_COUNT);
    return;
  case 'j':
  case KEY_DOWN:
    scroll(w, 1);
    return;
  case 'k':
  case KEY_UP:
    scroll(w, -1);
    return;
  case 'r':
  case ' ':
    ask_now(w);
    return;
  default:
    return;
  }
}

/* ---- all of it ---- */

static void draw(watch *w)
{
  size_t columns, rows;

  w->is_stale = 0;
  if (!w->screen.is_entered)
    return;
  terminal_size(&columns, &rows);
  table_draw(&w->table, stdout, columns, rows);
  fflush(stdout);
}

/* Asks those whose time has come; milliseconds until the next one's, -1 if all are being asked. */
static int ask_due(watch *w)
{
  int64_t now = now_ms(), least = -1;
  size_t i;

  for (i = 0; i < asking.group_count; i++) {
    watch_group *group = &w->groups[i];

    if (group->is_asking || (w->options->rounds > 0 && group->rounds >= w->options->rounds))
      continue;
    if (group->next_ms <= now) {
      group->is_asking = 1;
      group->next_ms = now + (int64_t)w->options->interval_ms;
      poller_ask(&asking, i);
    } else if (least < 0 || group->next_ms - now < least) {
      least = group->next_ms - now;
    }
  }
  return (int)least;
}

/* What is there is taken in before the screen is drawn, so that many answers at once are one picture. */
static void step(watch *w)
{
  struct pollfd fds[2] = {{.fd = asking.ends[0], .events = POLLIN},
                          {.fd = w->screen.has_keys ? STDIN_FILENO : -1, .events = POLLIN}};
  int wait = ask_due(w);
  poller_message told;

  if (poll(fds, 2, w->is_stale ? 0 : wait) <= 0) {
    if (w->is_stale)
      draw(w);
    return;
  }
  if ((fds[0].revents & POLLIN) != 0 &&
      read(asking.ends[0], &told, sizeof(told)) == (ssize_t)sizeof(told)) {
    if (told.signal != 0)
      take_signal(w, told.signal);
    else
      take_answer(w, &told);
  }
  if (fds[1].revents != 0 && !w->is_done)
    take_key(w, terminal_key(&w->screen));
}

static void leave(watch *w)
{
  if (!w->has_screen)
    return;
  terminal_leave(&w->screen);
  set_handlers(SIG_DFL);
  if (w->ended_by != 0)
    raise(w->ended_by);
}

/* A thread that waits for a server may go on with what it has, until the program is gone. */
static void clean_up(watch *w)
{
  size_t count = asking.group_count, i;

  if (poller_stop(&asking) != 0) {
    memset(&w->options->servers, 0, sizeof(w->options->servers));
    return;
  }
  for (i = 0; i < count; i++)
    fcgip_status_list_free(w->groups[i].list);
  free(w->groups);
}

int watch_run(status_options *options)
{
  static servers kept; /* these two are there as long as a thread may be */
  static watch w;

  w.options = options;
  w.result = -1;
  kept = options->servers;
  if (table_new(&w.table, options) != FCGIP_OK ||
      poller_start(&asking, &kept, status_options_page(options), options->form == FORM_JSON) != 0)
    w.is_done = 1;
  w.groups = calloc(asking.group_count + 1, sizeof(*w.groups));
  if (w.is_done || w.groups == NULL) {
    tool_complain("no memory, descriptors or threads left", NULL);
    exit(STATUS_TROUBLE); /* threads may have begun */
  }
  w.has_screen = options->form != FORM_JSON && terminal_is_there();
  if (w.has_screen) {
    setvbuf(stdout, NULL, _IOFBF, SCREEN_CAP); /* a screen at a time, or it would flicker */
    set_handlers(on_signal);
    terminal_enter(&w.screen);
  }
  w.is_stale = w.has_screen;
  while (!w.is_done)
    step(&w);
  if (w.result < 0)
    w.result = verdict(&w);
  leave(&w);
  table_free(&w.table);
  clean_up(&w);
  return w.result;
}
