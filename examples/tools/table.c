#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "status_forms.h"
#include "tool.h"

enum { NUMBER_COLUMNS = 6, NUMBER_COUNT = 5, TEXT_CAP = 512, LEAST_SERVER = 20, LEAST_BARS = 18 };

static const char red[] = "\033[31m", green[] = "\033[32m", yellow[] = "\033[33m",
                  bold[] = "\033[1m", reverse[] = "\033[7m";

typedef struct row {
  size_t number; /* of the server */
  const char *address;
  const fcgip_server_status *answer; /* NULL before the first */
  const fcgip_php_fpm_status *pool;  /* NULL: it failed */
  uint64_t active, idle, total, queue, queue_room;
  int holds;
} row;

/* ---- what is known ---- */

int table_new(table *out, const status_options *options)
{
  memset(out, 0, sizeof(*out));
  out->options = options;
  out->order = options->order;
  out->has_colors = getenv("NO_COLOR") == NULL;
  out->history = calloc(options->servers.count, sizeof(*out->history));
  return out->history != NULL ? FCGIP_OK : FCGIP_ENOMEM;
}

void table_free(table *shown)
{
  free(shown->history);
}

void table_update(table *shown, size_t number, const fcgip_server_status *answer, int64_t at,
                  int64_t now_ms)
{
  const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(answer);
  table_history *history = &shown->history[number];
  uint64_t accepted = fcgip_php_fpm_status_accepted_connections(pool);

  history->rate = -1;
  if (pool != NULL && history->is_known && accepted >= history->accepted && now_ms > history->at_ms)
    history->rate =
        (double)(accepted - history->accepted) * 1000 / (double)(now_ms - history->at_ms);
  history->is_known =
      pool != NULL && fcgip_php_fpm_status_has(pool, FCGIP_PHP_FPM_ACCEPTED_CONNECTIONS);
  history->accepted = accepted;
  history->at_ms = now_ms;
  history->answer = answer;
  shown->answered_at = at;
}

/* ---- rows, and their order ---- */

static row make_row(const table *shown, size_t number)
{
  row made = {.number = number, .answer = shown->history[number].answer};
  uint64_t waited;

  made.address = fcgip_endpoint_address(shown->options->servers.ends[number]);
  made.pool = fcgip_server_status_php_fpm(made.answer);
  if (made.pool == NULL)
    return made;
  made.active = fcgip_php_fpm_status_active_processes(made.pool);
  made.idle = fcgip_php_fpm_status_idle_processes(made.pool);
  made.total = fcgip_php_fpm_status_total_processes(made.pool);
  made.queue = fcgip_php_fpm_status_listen_queue(made.pool);
  made.queue_room = fcgip_php_fpm_status_listen_queue_length(made.pool);
  waited = fcgip_php_fpm_status_max_listen_queue(made.pool);
  /* For a Unix socket php-fpm says 0: then the bar is full where the queue is as long as it ever was. */
  if (made.queue_room == 0)
    made.queue_room = waited > made.queue ? waited : made.queue;
  made.holds = limits_hold(&shown->options->limits, made.pool);
  return made;
}

static double share(const row *of)
{
  return of->total > 0 ? (double)of->active / (double)of->total : 0;
}

static int by_address(const void *a, const void *b)
{
  const row *left = a, *right = b;
  int way = strcmp(left->address, right->address);

  return way != 0 ? way : (left->number > right->number) - (left->number < right->number);
}

static int by_pool(const void *a, const void *b)
{
  const row *left = a, *right = b;
  int way = strcmp(fcgip_php_fpm_status_pool_name(left->pool),
                   fcgip_php_fpm_status_pool_name(right->pool));

  return way != 0 ? way : by_address(a, b);
}

/* Those in trouble first: failed, beyond a limit, with a queue, busy. */
static int by_load(const void *a, const void *b)
{
  const row *left = a, *right = b;

  if ((left->pool == NULL) != (right->pool == NULL))
    return left->pool == NULL ? -1 : 1;
  if (left->holds != right->holds)
    return left->holds ? 1 : -1;
  if (left->queue != right->queue)
    return left->queue > right->queue ? -1 : 1;
  if (share(left) < share(right) || share(left) > share(right))
    return share(left) > share(right) ? -1 : 1;
  return by_address(a, b);
}

static row *make_rows(const table *shown, size_t count)
{
  int (*const orders[ORDER_COUNT])(const void *, const void *) = {
      [ORDER_LOAD] = by_load, [ORDER_ADDRESS] = by_address, [ORDER_POOL] = by_pool};
  row *rows = calloc(count, sizeof(*rows));
  size_t i;

  for (i = 0; i < count && rows != NULL; i++)
    rows[i] = make_row(shown, i);
  if (rows != NULL)
    qsort(rows, count, sizeof(*rows), orders[shown->order]);
  return rows;
}

/* ---- one line ---- */

/* Writes up to the edge of the screen. */
typedef struct pen {
  FILE *to;
  size_t left;
  int has_colors;
} pen;

static void put(pen *line, const char *color, const char *text)
{
  size_t len = strlen(text);

  if (len > line->left)
    len = line->left;
  line->left -= len;
  if (color != NULL && line->has_colors)
    fputs(color, line->to);
  fwrite(text, 1, len, line->to);
  if (color != NULL && line->has_colors)
    fputs("\033[0m", line->to);
}

static void put_many(pen *line, const char *color, char what, size_t count)
{
  char text[TEXT_CAP];

  count = count < sizeof(text) ? count : sizeof(text) - 1;
  memset(text, what, count);
  text[count] = '\0';
  put(line, color, text);
}

/* In `width` columns and one more; what is too long loses its beginning, as names differ at their ends. */
static void put_column(pen *line, const char *color, const char *text, size_t width)
{
  char escaped[TEXT_CAP];
  size_t len;

  text_copy(escaped, sizeof(escaped), text);
  len = strlen(escaped);
  if (len > width) {
    put(line, color, "~");
    put(line, color, escaped + len - width + 1);
    len = width;
  } else {
    put(line, color, escaped);
  }
  put_many(line, NULL, ' ', width - len + 1);
}

static void put_text(pen *line, const char *text)
{
  char escaped[TEXT_CAP];

  text_copy(escaped, sizeof(escaped), text);
  put(line, NULL, escaped);
}

/* In NUMBER_COLUMNS, to the right, in thousands or millions if need be. */
static void put_number(pen *line, const char *color, uint64_t value)
{
  static const char units[] = " kMGTPE";
  char text[32];
  size_t unit = 0;

  if (value > 99999)
    for (; value > 9999; unit++)
      value /= 1000;
  if (unit > 0)
    snprintf(text, sizeof(text), "%*" PRIu64 "%c", NUMBER_COLUMNS - 2, value, units[unit]);
  else
    snprintf(text, sizeof(text), "%*" PRIu64, NUMBER_COLUMNS - 1, value);
  put(line, color, text);
  put(line, NULL, " ");
}

/* How many of `cells` stand for `part` of `whole`: something for the least part, not all but for all. */
static size_t cells_of(uint64_t part, uint64_t whole, size_t cells)
{
  double cut = whole > 0 ? (double)part / (double)whole : 0;
  size_t n;

  if (part == 0 || cells == 0)
    return 0;
  if (cut >= 1)
    return cells;
  n = (size_t)(cut * (double)cells + 0.5);
  return n == 0 ? 1 : n == cells && cells > 1 ? cells - 1 : n;
}

static void put_bars(pen *line, const row *of, size_t columns)
{
  size_t workers, queue, filled;

  if (columns < LEAST_BARS)
    return;
  queue = (columns - 5) / 3;
  workers = columns - 5 - queue;
  filled = cells_of(of->active, of->active + of->idle, workers);
  put(line, NULL, "[");
  put_many(line, of->idle == 0 ? red : green, '#', filled);
  put_many(line, NULL, of->active + of->idle > 0 ? '-' : ' ', workers - filled);
  put(line, NULL, "] [");
  filled = cells_of(of->queue, of->queue_room, queue);
  put_many(line, red, '!', filled);
  put_many(line, NULL, ' ', queue - filled);
  put(line, NULL, "]");
}

/* ---- the screen ---- */

typedef struct layout {
  size_t server, pool, bars;
} layout;

/* Of the text as it is shown. */
static size_t length_of(const char *text)
{
  char escaped[TEXT_CAP];

  text_copy(escaped, sizeof(escaped), text);
  return strlen(escaped);
}

static layout make_layout(const row *rows, size_t count, size_t columns)
{
  layout made = {.server = strlen("SERVER"), .pool = strlen("POOL")};
  size_t i, used;

  for (i = 0; i < count; i++) {
    size_t server = length_of(rows[i].address);
    size_t pool = length_of(fcgip_php_fpm_status_pool_name(rows[i].pool));

    made.server = server > made.server ? server : made.server;
    made.pool = pool > made.pool ? pool : made.pool;
  }
  if (made.pool > 16)
    made.pool = 16;
  used = made.server + made.pool + 2 + (size_t)NUMBER_COUNT * NUMBER_COLUMNS;
  if (used + LEAST_BARS > columns && made.server > LEAST_SERVER) {
    size_t less = used + LEAST_BARS - columns;

    made.server = made.server > LEAST_SERVER + less ? made.server - less : LEAST_SERVER;
    used = made.server + made.pool + 2 + (size_t)NUMBER_COUNT * NUMBER_COLUMNS;
  }
  made.bars = columns > used ? columns - used : 0;
  return made;
}

static void put_row(pen *line, const table *shown, const row *of, const layout *columns)
{
  const char *color = of->answer == NULL || of->holds ? NULL : of->pool == NULL ? red : yellow;
  double rate = shown->history[of->number].rate;

  put_column(line, color, of->address, columns->server);
  if (of->answer == NULL) {
    put(line, NULL, "...");
    return;
  }
  if (of->pool == NULL) {
    put(line, red, "DOWN ");
    put_text(line, text_without(fcgip_server_status_error_text(of->answer), of->address));
    return;
  }
  put_column(line, color, fcgip_php_fpm_status_pool_name(of->pool), columns->pool);
  put_number(line, NULL, of->active);
  put_number(line, of->idle == 0 ? red : NULL, of->idle);
  put_number(line, NULL, of->total);
  put_number(line, of->queue > 0 ? red : NULL, of->queue);
  if (rate >= 0)
    put_number(line, NULL, (uint64_t)(rate + 0.5));
  else
    put(line, NULL, "    - ");
  put_bars(line, of, columns->bars);
}

static void put_head(pen *line, const layout *columns)
{
  put_column(line, reverse, "SERVER", columns->server);
  put_column(line, reverse, "POOL", columns->pool);
  put(line, reverse, "  ACT  IDLE TOTAL QUEUE REQ/S ");
  if (columns->bars >= LEAST_BARS)
    put(line, reverse, "# active - idle ! queue");
}

static void put_summary(pen *line, const table *shown, const row *rows, size_t count)
{
  size_t down = 0, over = 0, i;
  char text[TEXT_CAP], clock[16] = "--:--:--";
  time_t at = (time_t)shown->answered_at;
  struct tm local;

  for (i = 0; i < count; i++) {
    down += rows[i].answer != NULL && rows[i].pool == NULL;
    over += rows[i].pool != NULL && !rows[i].holds;
  }
  if (at != 0 && localtime_r(&at, &local) != NULL)
    strftime(clock, sizeof(clock), "%H:%M:%S", &local);
  snprintf(text, sizeof(text), "%s  %zu server%s, %zu down", clock, count, count == 1 ? "" : "s",
           down);
  put(line, bold, text);
  if (limits_any(&shown->options->limits)) {
    snprintf(text, sizeof(text), ", %zu beyond limits", over);
    put(line, bold, text);
  }
  snprintf(text, sizeof(text), "  q: quit  s: sort (%s)  j, k: scroll",
           status_order_names[shown->order]);
  put(line, NULL, text);
}

static void end_line(pen *line, size_t columns, int is_last)
{
  fputs(is_last ? "\033[K" : "\033[K\r\n", line->to);
  line->left = columns;
}

/* How many servers there is room for, below two lines. */
static size_t room_of(size_t height)
{
  return height > 2 ? height - 2 : 0;
}

static void keep_in_sight(table *shown, size_t room)
{
  size_t count = shown->options->servers.count;

  if (shown->first + room > count)
    shown->first = count > room ? count - room : 0;
}

void table_scroll(table *shown, int way, size_t rows)
{
  if (way > 0)
    shown->first++;
  else if (shown->first > 0)
    shown->first--;
  keep_in_sight(shown, room_of(rows));
}

static void draw_rows(table *shown, pen *line, const row *rows, size_t count, size_t columns,
                      size_t height)
{
  layout made = make_layout(rows, count, columns);
  size_t room = room_of(height), i;

  keep_in_sight(shown, room);
  put_summary(line, shown, rows, count);
  end_line(line, columns, height < 2);
  if (height < 2)
    return;
  put_head(line, &made);
  end_line(line, columns, room == 0);
  for (i = 0; i < room && shown->first + i < count; i++) {
    put_row(line, shown, &rows[shown->first + i], &made);
    end_line(line, columns, i + 1 == room || shown->first + i + 1 == count);
  }
}

void table_draw(table *shown, FILE *to, size_t columns, size_t rows)
{
  pen line = {to, columns, shown->has_colors};
  size_t count = shown->options->servers.count;
  row *made = make_rows(shown, count);

  if (made == NULL)
    return; /* what is shown stays, until there is memory */
  fputs("\033[H", to);
  draw_rows(shown, &line, made, count, columns, rows);
  fputs("\033[J", to);
  free(made);
}
