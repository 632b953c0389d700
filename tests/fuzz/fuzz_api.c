/* Sequences of calls. Input: how many servers and their options (servers.c), flags, a program of calls (its length
 * in a byte), what callbacks do (the same), then net.h's. An operation is two bytes, what and an argument.
 *
 *  - Each request has exactly one result, read or handled, never both; it is its own: the answer names its tag.
 *  - Ids ascend; an id is known until its result is taken, and never again.
 *  - Callbacks may send, cancel, pause, resume, free requests and the proxy itself; waiting inside is refused. None runs
 *    after the proxy was freed; the call in which it was freed says so.
 *  - What pending, has_unhandled_responses, fds and the watch function say agrees at every step.
 *  - Without failover no request is sent twice, unless it may be, and then on a second connection only.
 *  - Never more connections than allowed; paused or not, everything ends by its deadline; no release is forgotten or
 *    done twice; nothing is left. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/servers.h"
#include "proxy/proxy.h"

enum { SLOTS = 4 };

typedef struct world {
  net net;
  servers servers;
  book book;
  fcgip_collection *collection;
  fcgip_proxy *proxy; /* NULL once it was freed */
  fcgip_request *slots[SLOTS];
  unsigned flags;
  fuzz_input code, callback_code;
  int depth; /* callbacks that are running */
  size_t registered, released;
  int is_reading; /* inside a call that takes several results: those already taken are not in the book */
  call *sending; /* inside a send call: its id is not known yet */
} world;

static void free_proxy(world *w)
{
  fcgip_proxy *proxy = w->proxy;

  w->proxy = NULL;
  book_drop(&w->book);
  fcgip_proxy_free(proxy);
  FUZZ_CHECK(w->net.open_count == 0); /* at once, even inside a callback */
}

/* What a call says that nothing is the matter with; inside a callback the proxy may have gone away. */
static void check_rc(const world *w, int rc, int wanted)
{
  FUZZ_CHECK(rc == wanted || (w->proxy == NULL && rc == FCGIP_EREENTRANT));
}

/* The answer of a call that is about one request. */
static void check_known(const world *w, int rc, int is_known)
{
  if (!w->is_reading || rc != FCGIP_ENOTFOUND)
    check_rc(w, rc, is_known ? FCGIP_OK : FCGIP_ENOTFOUND);
}

static int is_open(world *w, fcgip_request_id id)
{
  const call *c = book_find(&w->book, id);

  return c != NULL && c->results == 0;
}

/* ---- sending ---- */

static void send_slot(world *w, unsigned number)
{
  fcgip_request *request = w->slots[number % SLOTS];
  call *c = book_next(&w->book);
  fcgip_request_id id = 0;
  int rc;

  if (w->proxy == NULL || request == NULL || c == NULL || w->sending != NULL)
    return;
  rc = fcgip_request_set_custom_var(request, "TAG", c->tag);
  if (rc < 0) {
    FUZZ_CHECK(rc == FCGIP_ENOMEM && fuzz_is_out_of_memory());
    return;
  }
  w->sending = c;
  c->is_safe = fcgip_request_retry_safe(request);
  rc = fcgip_proxy_send_async_request(w->proxy, request, &id);
  w->sending = NULL;
  if (w->proxy == NULL) /* a pass-through callback has freed it */
    FUZZ_CHECK(rc == FCGIP_EREENTRANT);
  else if (rc == FCGIP_OK)
    book_sent(&w->book, c, id, &w->net);
  else
    FUZZ_CHECK((rc == FCGIP_EQUEUEFULL && w->servers.options.max_queued > 0) ||
               (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
}

static void take(world *w, fcgip_response *response)
{
  book_result(&w->book, &w->net, response);
  fcgip_response_free(response);
}

static void send_and_wait(world *w, unsigned number)
{
  fcgip_request *request = w->slots[number % SLOTS];
  fcgip_response *response;
  call *c = book_next(&w->book);
  int rc;

  if (request == NULL || c == NULL ||
      fcgip_request_set_custom_var(request, "TAG", c->tag) != FCGIP_OK)
    return;
  w->sending = c;
  c->is_safe = fcgip_request_retry_safe(request);
  rc = fcgip_proxy_send_request(w->proxy, request, &response);
  w->sending = NULL;
  if (response != NULL) {
    FUZZ_CHECK(w->proxy == NULL || rc == fcgip_response_error(response));
    book_sent(&w->book, c, fcgip_response_request_id(response), &w->net);
    if (w->proxy == NULL)
      c->results--; /* dropped and yet there: allowed, as it was complete */
    take(w, response);
    return;
  }
  FUZZ_CHECK(rc == FCGIP_EQUEUEFULL || (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()) ||
             (rc == FCGIP_EREENTRANT && w->proxy == NULL));
}

/* ---- callbacks ---- */

static void on_release(void *user_data)
{
  world *w = user_data;

  w->released++;
}

static void check_no_waiting(world *w, fcgip_request_id id)
{
  fcgip_response *response;

  FUZZ_CHECK(fcgip_proxy_read_response(w->proxy, id, 0, &response) == FCGIP_EREENTRANT);
  FUZZ_CHECK(fcgip_proxy_wait_for_responses(w->proxy, -1) == FCGIP_EREENTRANT);
  FUZZ_CHECK(fcgip_proxy_handle_ready_responses(w->proxy, 0) == FCGIP_EREENTRANT);
  FUZZ_CHECK(fcgip_proxy_poll(w->proxy, 1) == FCGIP_EREENTRANT);
  FUZZ_CHECK(fcgip_proxy_process_timers(w->proxy) == FCGIP_EREENTRANT);
}

static void cancel(world *w, fcgip_request_id id)
{
  check_known(w, fcgip_proxy_cancel(w->proxy, id), is_open(w, id));
}

static void pause(world *w, fcgip_request_id id, int yes)
{
  int rc = yes ? fcgip_proxy_pause(w->proxy, id) : fcgip_proxy_resume(w->proxy, id);

  check_known(w, rc, is_open(w, id));
}

/* What a callback does next. `own` is the request that it is about. 1: it says no. */
static int act(world *w, fcgip_request_id own)
{
  unsigned op = fuzz_u8(&w->callback_code), argument = op >> 4;
  fcgip_request_id id = argument == 0 ? own : book_pick(&w->book, argument);

  FUZZ_CHECK(w->proxy != NULL);
  if (w->sending != NULL && (op & 15) <= 4)
    return 0; /* the book does not know the id of the one that is waited for */
  switch (op & 15) {
  case 1:
    send_slot(w, argument);
    break;
  case 2:
    cancel(w, id);
    break;
  case 3:
  case 4:
    pause(w, id, (op & 15) == 3);
    break;
  case 5:
    check_no_waiting(w, id);
    break;
  case 6:
    fcgip_request_free(w->slots[argument % SLOTS]);
    w->slots[argument % SLOTS] = NULL;
    break;
  case 7:
    if (argument == 15)
      free_proxy(w);
    break;
  case 8:
    return 1;
  default:
    break;
  }
  return 0;
}

static void on_result(fcgip_response *response, void *user_data)
{
  world *w = user_data;

  FUZZ_CHECK(w->proxy != NULL && w->depth == 0);
  w->depth++;
  book_result(&w->book, &w->net, response);
  (void)act(w, fcgip_response_request_id(response));
  w->depth--;
}

static int on_piece(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                    size_t error_len, void *user_data)
{
  world *w = user_data;
  int verdict;

  FUZZ_CHECK(w->proxy != NULL && output != NULL && error != NULL);
  FUZZ_CHECK((output_len > 0) != (error_len > 0));
  FUZZ_CHECK(w->sending != NULL || is_open(w, id));
  w->depth++;
  verdict = act(w, id);
  w->depth--;
  return verdict;
}

static int on_content(uint64_t offset, void *buffer, size_t cap, size_t *n, void *user_data)
{
  world *w = user_data;
  unsigned op = fuzz_u8(&w->callback_code);

  FUZZ_CHECK(w->proxy != NULL && offset <= 300 && cap > 0);
  *n = 300 - (size_t)offset;
  if (*n > cap)
    *n = cap;
  if ((op & 7) == 1)
    *n = 1;
  memset(buffer, 'c', *n);
  if ((op & 7) == 2)
    return FCGIP_EAGAIN;
  return (op & 7) == 3 ? -1 : FCGIP_OK;
}

static void make_request(world *w, unsigned kind)
{
  fcgip_request **slot = &w->slots[kind >> 6];
  fcgip_request *request = servers_request(kind);
  int rc = FCGIP_OK;

  if (request == NULL)
    return;
  if ((kind & 12) == 8) {
    w->registered++;
    rc = fcgip_request_set_content_source(request, on_content, 300, w, on_release);
  }
  if (rc == FCGIP_OK) {
    w->registered++;
    rc = fcgip_request_add_response_callback(request, on_result, w, on_release);
  }
  if (rc == FCGIP_OK) {
    w->registered++;
    rc = fcgip_request_add_failure_callback(request, on_result, w, on_release);
  }
  if (rc == FCGIP_OK && (w->flags & 1)) {
    w->registered++;
    rc = fcgip_request_add_pass_through_callback(request, on_piece, w, on_release);
  }
  FUZZ_CHECK(rc == FCGIP_OK || (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
  if (rc < 0) { /* without all of its callbacks its results would be lost to us */
    fcgip_request_free(request);
    return;
  }
  fcgip_request_free(*slot);
  *slot = request;
}

/* ---- taking results ---- */

static void read_one(world *w, unsigned argument, int timeout_ms)
{
  fcgip_request_id id = book_pick(&w->book, argument);
  int was_open = is_open(w, id);
  fcgip_response *response;
  int rc = fcgip_proxy_read_response(w->proxy, id, timeout_ms, &response);

  if (response != NULL) {
    if (w->proxy != NULL) {
      FUZZ_CHECK(rc == fcgip_response_error(response));
      take(w, response);
    } else {
      fcgip_response_free(response);
    }
    return;
  }
  FUZZ_CHECK(w->proxy == NULL ? rc == FCGIP_EREENTRANT
                              : rc == (was_open ? FCGIP_EAGAIN : FCGIP_ENOTFOUND));
}

static void read_next(world *w, int timeout_ms)
{
  fcgip_response *response;
  int rc = fcgip_proxy_next_response(w->proxy, timeout_ms, &response);

  FUZZ_CHECK((rc == 1) == (response != NULL) || w->proxy == NULL);
  if (response != NULL && w->proxy != NULL)
    take(w, response);
  else
    fcgip_response_free(response);
  FUZZ_CHECK(rc >= 0 || (w->proxy == NULL && rc == FCGIP_EREENTRANT));
}

static void read_ready(world *w, unsigned cap, int timeout_ms)
{
  fcgip_response *responses[4];
  size_t n = 0, i;
  int rc;

  cap = 1 + cap % 4;
  rc = fcgip_proxy_read_ready_responses(w->proxy, timeout_ms, responses, cap, &n);
  FUZZ_CHECK(n <= cap && (rc == FCGIP_OK || rc == FCGIP_EAGAIN || w->proxy == NULL));
  for (i = 0; i < n; i++) {
    if (w->proxy != NULL)
      book_result(&w->book, &w->net, responses[i]);
    fcgip_response_free(responses[i]);
  }
}

static void read_many(world *w, unsigned argument, int timeout_ms)
{
  const fcgip_request_id ids[3] = {book_pick(&w->book, argument), book_pick(&w->book, argument / 4),
                                   book_pick(&w->book, 251)};
  fcgip_response *responses[3];
  int rc, n = 0, i;

  w->is_reading = 1;
  rc = fcgip_proxy_read_responses(w->proxy, timeout_ms, ids, 3, responses);
  w->is_reading = 0;
  for (i = 0; i < 3 && (rc >= 0 || w->proxy == NULL); i++) {
    if (responses[i] == NULL)
      continue;
    n++;
    FUZZ_CHECK(fcgip_response_request_id(responses[i]) == ids[i]);
    if (w->proxy != NULL)
      book_result(&w->book, &w->net, responses[i]);
    fcgip_response_free(responses[i]);
  }
  FUZZ_CHECK(rc == n || (w->proxy == NULL && rc == FCGIP_EREENTRANT));
}

static void handle(world *w, unsigned argument, int timeout_ms)
{
  fcgip_request_id id = book_pick(&w->book, argument);
  int was_open = is_open(w, id), rc;

  switch (argument % 4) {
  case 0:
    rc = fcgip_proxy_handle_ready_responses(w->proxy, timeout_ms);
    FUZZ_CHECK(rc >= 0 || w->proxy == NULL);
    break;
  case 1:
    rc = fcgip_proxy_wait_for_responses(w->proxy, timeout_ms);
    FUZZ_CHECK(rc == FCGIP_OK || rc == FCGIP_EAGAIN || w->proxy == NULL);
    break;
  case 2:
    rc = fcgip_proxy_handle_responses(w->proxy, timeout_ms, &id, 1);
    FUZZ_CHECK((rc >= 0 && rc <= was_open) || w->proxy == NULL);
    break;
  default:
    rc = fcgip_proxy_wait_for_response(w->proxy, id, timeout_ms);
    if (rc == FCGIP_EAGAIN || rc == FCGIP_OK)
      FUZZ_CHECK(was_open);
    else
      check_rc(w, rc, FCGIP_ENOTFOUND);
    break;
  }
}

/* ---- loops ---- */

static void turn(world *w, unsigned argument)
{
  struct pollfd fds[32];
  size_t count = fcgip_proxy_fds(w->proxy, fds, 32), i;
  int timeout_ms = fcgip_proxy_timeout_ms(w->proxy);

  if (count > 32)
    count = 32;
  if (timeout_ms < 0 || timeout_ms > (int)argument)
    timeout_ms = (int)argument;
  net_poll(&w->net, fds, count, timeout_ms);
  for (i = 0; i < count && w->proxy != NULL; i++)
    check_rc(w, fcgip_proxy_process_fd(w->proxy, fds[i].fd, fds[i].revents), FCGIP_OK);
  if (w->proxy != NULL)
    check_rc(w, fcgip_proxy_process_timers(w->proxy), FCGIP_OK);
}

/* Descriptors that are not ours, and events that did not happen. */
static void disturb(world *w, unsigned argument)
{
  check_rc(w, fcgip_proxy_process_fd(w->proxy, 997 + (int)(argument & 7), (short)(argument >> 3)),
           FCGIP_OK);
}

static void look(world *w, unsigned argument)
{
  fcgip_request_id ids[8], id = book_pick(&w->book, argument);
  fcgip_endpoint_stats stats = {.struct_size = (uint32_t)sizeof(stats)};
  size_t count, i;
  int rc = fcgip_proxy_has_response(w->proxy, id);

  FUZZ_CHECK(w->proxy == NULL || (is_open(w, id) ? rc >= 0 : rc == FCGIP_ENOTFOUND));
  if (w->proxy == NULL)
    return;
  count = fcgip_proxy_request_ids_having_response(w->proxy, ids, 8);
  for (i = 0; i < count && i < 8 && w->proxy != NULL; i++)
    FUZZ_CHECK(is_open(w, ids[i]));
  for (i = 0; i < w->servers.count && w->proxy != NULL; i++) {
    FUZZ_CHECK(fcgip_proxy_endpoint_stats(w->proxy, i, &stats) == FCGIP_OK);
    FUZZ_CHECK(stats.idle <= stats.open && stats.idle <= w->servers.options.max_idle_connections);
  }
}

/* ---- programs ---- */

static void set_timeouts(world *w, unsigned argument)
{
  fcgip_request *request = w->slots[argument % SLOTS];

  if (request == NULL)
    return;
  FUZZ_CHECK(fcgip_request_set_request_timeout_ms(request, argument) == FCGIP_OK);
  FUZZ_CHECK(fcgip_request_set_read_write_timeout_ms(request, argument / 2) == FCGIP_OK);
}

static void run_op(world *w, unsigned op, unsigned argument)
{
  static const int timeouts[] = {0, 1, 20, -1};
  int timeout_ms = timeouts[op >> 6];

  switch (op % 20) {
  case 0:
  case 1:
    make_request(w, argument);
    break;
  case 2:
  case 3:
  case 4:
    send_slot(w, argument);
    break;
  case 5:
    cancel(w, book_pick(&w->book, argument));
    break;
  case 6:
  case 7:
    pause(w, book_pick(&w->book, argument), op % 20 == 6);
    break;
  case 8:
    read_one(w, argument, timeout_ms);
    break;
  case 9:
    read_next(w, timeout_ms);
    break;
  case 10:
    read_ready(w, argument, timeout_ms);
    break;
  case 11:
    read_many(w, argument, timeout_ms);
    break;
  case 12:
    handle(w, argument, timeout_ms);
    break;
  case 13:
    look(w, argument);
    break;
  case 14:
    (void)fcgip_proxy_poll(w->proxy, (int)argument);
    break;
  case 15:
    turn(w, argument);
    break;
  case 16:
    disturb(w, argument);
    break;
  case 17:
    net_advance(&w->net, argument * UINT64_C(1000));
    break;
  case 18:
    set_timeouts(w, argument);
    break;
  default:
    send_and_wait(w, argument);
    break;
  }
}

static void check_world(const world *w)
{
  size_t pending;

  servers_check(&w->servers, &w->net);
  if (w->proxy == NULL)
    return;
  pending = fcgip_proxy_pending(w->proxy);
  FUZZ_CHECK(pending <= w->book.open);
  FUZZ_CHECK(fcgip_proxy_has_unhandled_responses(w->proxy) == (w->book.open > 0));
  if (w->flags & 2)
    FUZZ_CHECK(fcgip_proxy_fds(w->proxy, NULL, 0) == net_watched(&w->net, NULL, 0));
}

/* All that is left comes to its end by itself, paused or not. */
static void drain(world *w)
{
  uint64_t started_us = w->net.now_us, late_us;
  int rc = fcgip_proxy_wait_for_responses(w->proxy, -1);

  check_rc(w, rc, FCGIP_OK);
  if (started_us < w->book.last_sent_us)
    started_us = w->book.last_sent_us;
  late_us = net_slack_us(&w->net) * (2 + w->book.count);
  FUZZ_CHECK(w->net.now_us <= started_us + w->servers.options.request_timeout_ms * UINT64_C(1000) +
                                  255000 + late_us);
  FUZZ_CHECK(w->book.open == 0);
}

static void run_program(world *w)
{
  unsigned op;

  make_request(w, w->flags >> 3);
  while (w->code.left > 0 && w->proxy != NULL) {
    op = fuzz_u8(&w->code);
    run_op(w, op, fuzz_u8(&w->code));
    check_world(w);
  }
  if (w->proxy != NULL && (w->flags & 128) == 0)
    drain(w);
  if (w->proxy != NULL)
    free_proxy(w);
}

static void make_proxy(world *w)
{
  fcgip_proxy_options options = {.struct_size = (uint32_t)sizeof(options)};
  const fcgip_endpoint *const *list = (const fcgip_endpoint *const *)w->servers.endpoints;
  int rc;

  options.allocator = &fuzz_memory.hook;
  options.flags = w->flags & 4 ? FCGIP_PROXY_FAILOVER : 0;
  if (w->flags & 2) {
    options.watch_fn = net_watch;
    options.watch_data = &w->net;
  }
  rc = fcgip_round_robin_new(&w->collection, list, w->servers.count);
  if (rc == FCGIP_OK)
    rc = fcgip__proxy_new(&w->proxy, w->collection, &options, &w->net.sys);
  FUZZ_CHECK(rc == FCGIP_OK || (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
}

static void input_of(fuzz_input *part, fuzz_input *in)
{
  part->at = fuzz_short(in, &part->left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  fuzz_input in = {data, size}, options;
  size_t i, options_len = 10;
  world w;

  fuzz_begin();
  memset(&w, 0, sizeof(w));
  options.at = fuzz_bytes(&in, &options_len);
  options.left = options_len;
  w.flags = fuzz_u8(&in);
  input_of(&w.code, &in);
  input_of(&w.callback_code, &in);
  net_init(&w.net, &in, fuzz_hash(data, size));
  if (servers_make(&w.servers, &w.net, &options)) {
    make_proxy(&w);
    if (w.proxy != NULL)
      run_program(&w);
  }
  for (i = 0; i < SLOTS; i++)
    fcgip_request_free(w.slots[i]);
  fcgip_collection_free(w.collection);
  servers_free(&w.servers);
  FUZZ_CHECK(w.released == w.registered && w.depth == 0);
  if ((w.flags & 4) == 0)
    book_check_sent(&w.book, &w.net);
  net_deinit(&w.net);
  fuzz_end();
  return 0;
}
