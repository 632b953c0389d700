#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "conformance/fixture.h"
#include "conformance/memory.h"
#include "proxy/proxy.h"
#include "support/peer_conn.h"

#define PATIENCE_MS 40000 /* nothing moves */
#define ENDLESS_MS 600000 /* it moves, and does not end */

static uint64_t clock_of(void *data)
{
  return ((fixture *)data)->now_ms;
}

static void make(fixture *f, conf_test *test, peer_kind kind, const conf_request *spec,
                 const char *script, int has_clock, tap *between)
{
  static const conf_request none = {0};
  fcgip_endpoint_options endpoint = conf_fcgiproxy_options(spec != NULL ? spec : &none);
  fcgip_proxy_options options = {0};
  const fcgip_endpoint *list[1];
  size_t i;

  f->test = test;
  f->blocks = memory_blocks();
  for (i = 0; i < FIXTURE_SCRIPTS; i++)
    f->scripts[i] = NULL;
  if (peer_new(&f->peer, kind, test->folder) != 0)
    abort();
  fixture_play(f, 0, script);
  options.struct_size = sizeof(options);
  options.allocator = memory_allocator();
  options.now_ms_fn = has_clock ? clock_of : NULL;
  options.now_ms_data = f;
  f->now_ms = 1000000;
  if (fcgip_endpoint_parse(&f->endpoint, peer_address(f->peer), &endpoint) != FCGIP_OK)
    abort();
  list[0] = f->endpoint;
  f->tap = between;
  if (fcgip_round_robin_new(&f->collection, list, 1) != FCGIP_OK ||
      fcgip__proxy_new(&f->proxy, f->collection, &options,
                       between != NULL ? &between->sys : NULL) != FCGIP_OK)
    abort();
}

void fixture_new(fixture *f, conf_test *test, peer_kind kind, const conf_request *options,
                 const char *script)
{
  make(f, test, kind, options, script, 0, NULL);
}

void fixture_new_with_clock(fixture *f, conf_test *test, const conf_request *options,
                            const char *script)
{
  make(f, test, PEER_UNIX, options, script, 1, NULL);
}

void fixture_new_with_tap(fixture *f, conf_test *test, peer_kind kind, const conf_request *options,
                          const char *script, tap *between)
{
  make(f, test, kind, options, script, 0, between);
}

void fixture_free(fixture *f)
{
  size_t i;

  fcgip_proxy_free(f->proxy);
  fcgip_collection_free(f->collection);
  fcgip_endpoint_free(f->endpoint);
  peer_free(f->peer);
  for (i = 0; i < FIXTURE_SCRIPTS; i++)
    conf_script_free(f->scripts[i]);
  if (f->tap != NULL)
    conf_check(f->test, f->tap->open == 0, "%ld sockets leaked", f->tap->open);
  if (f->blocks != SIZE_MAX)
    conf_check(f->test, memory_blocks() == f->blocks, "%ld blocks of memory leaked",
               (long)memory_blocks() - (long)f->blocks);
}

void fixture_play(fixture *f, size_t connection, const char *script)
{
  conf_script_free(f->scripts[connection]);
  f->scripts[connection] = conf_script_new(script);
  peer_play(f->peer, connection, &f->scripts[connection]->play);
}

fcgip_request *fixture_request(fixture *f, const conf_request *spec)
{
  static const conf_request none = {0};
  fcgip_request *request = NULL;

  (void)f;
  if (conf_fcgiproxy_request(&request, spec != NULL ? spec : &none) != FCGIP_OK)
    abort();
  return request;
}

fcgip_request_id fixture_send(fixture *f, const fcgip_request *request)
{
  fcgip_request_id id = 0;

  CHECK(f->test, fcgip_proxy_send_async_request(f->proxy, request, &id) == FCGIP_OK);
  return id;
}

int fixture_turn(fixture *f)
{
  int moved = peer_step(f->peer);

  fcgip_proxy_poll(f->proxy, 0);
  return moved;
}

/* What has been waited for since `from`; 0 if there is time left. */
static int is_over(fixture *f, uint64_t from, const char *what)
{
  sched_yield();
  if (peer_now_ms() - from <= PATIENCE_MS)
    return 0;
  conf_check(f->test, 0, "waited too long for %s", what);
  return 1;
}

void fixture_take(fixture *f, fcgip_request_id id, conf_result *result)
{
  fcgip_response *response = NULL;
  uint64_t from = peer_now_ms(), stirred = from;
  int moved;

  conf_result_clear(result);
  result->verdict = V_HANG;
  do {
    moved = peer_step(f->peer);
    if (moved)
      stirred = peer_now_ms();
    if (is_over(f, stirred, "a response"))
      return;
  } while (fcgip_proxy_read_response(f->proxy, id, moved ? 0 : 1, &response) == FCGIP_EAGAIN &&
           peer_now_ms() - from < ENDLESS_MS);
  if (response != NULL)
    conf_fcgiproxy_result(response, result);
  fcgip_response_free(response);
  peer_step(f->peer);
}

void fixture_ask(fixture *f, const conf_request *spec, conf_result *result)
{
  fcgip_request *request = fixture_request(f, spec);

  fixture_take(f, fixture_send(f, request), result);
  fcgip_request_free(request);
}

int fixture_until_connections(fixture *f, size_t count)
{
  uint64_t from = peer_now_ms();

  while (peer_connections(f->peer) < count) {
    fixture_turn(f);
    if (is_over(f, from, "a connection"))
      return 0;
  }
  return 1;
}

int fixture_until_closed(fixture *f, size_t connection)
{
  uint64_t from = peer_now_ms();

  while (!peer_client_closed(f->peer, connection)) {
    fixture_turn(f);
    if (is_over(f, from, "a connection to be closed"))
      return 0;
  }
  return 1;
}

int fixture_has_closed(fixture *f, size_t connection)
{
  return peer_client_has_closed(f->peer, connection, PATIENCE_MS);
}

int fixture_until_requested(fixture *f, size_t connection, size_t requests)
{
  uint64_t from = peer_now_ms();

  while (peer_requests(f->peer, connection) < requests) {
    fixture_turn(f);
    if (is_over(f, from, "a request"))
      return 0;
  }
  return 1;
}

void fixture_say(fixture *f, size_t connection, const char *script)
{
  conf_script *s = conf_script_new(script);
  unsigned id = peer_request_id(f->peer, connection);
  const peer_step_spec *step = &s->steps[s->play.count - 1];
  size_t i;

  for (i = 0; i < step->id_count; i++) {
    uint8_t *at = s->data + step->ids[i];

    if (at[0] == 0 && at[1] == 1) {
      at[0] = (uint8_t)(id >> 8);
      at[1] = (uint8_t)id;
    }
  }
  if (send(peer_fd(f->peer, connection), s->data, s->data_len, MSG_DONTWAIT | MSG_NOSIGNAL) !=
      (ssize_t)s->data_len)
    conf_fail(f->test, "the peer could not send");
  conf_script_free(s);
}

int fixture_fd(fixture *f)
{
  struct pollfd fd = {-1, 0, 0};

  return fcgip_proxy_fds(f->proxy, &fd, 1) == 1 ? fd.fd : -1;
}

void fixture_with_event(conf_test *test, const char *script, short event, conf_result *result)
{
  fixture f;
  fcgip_request *request;
  fcgip_request_id id;
  struct pollfd fd;

  fixture_new(&f, test, PEER_UNIX, NULL, script);
  request = fixture_request(&f, NULL);
  id = fixture_send(&f, request);
  /* As far as the request is written; then the peer answers, and the library does not know. */
  while (fcgip_proxy_fds(f.proxy, &fd, 1) == 1 && peer_requests(f.peer, 0) == 0) {
    poll(&fd, 1, 0);
    if ((fd.revents & POLLOUT) != 0)
      fcgip_proxy_process_fd(f.proxy, fd.fd, POLLOUT);
    peer_step(f.peer);
  }
  while (peer_step(f.peer))
    continue;
  CHECK(test, fcgip_proxy_process_fd(f.proxy, fixture_fd(&f), event) == FCGIP_OK);
  fixture_take(&f, id, result);
  fcgip_request_free(request);
  fixture_free(&f);
}

uint64_t fixture_run_clock(fixture *f, fcgip_request_id id, uint64_t until_ms, conf_result *result)
{
  fcgip_response *response = NULL;
  int due, rounds;

  conf_result_clear(result);
  while (f->now_ms <= until_ms) {
    for (rounds = 0; rounds < 3 || (rounds < 100 && fixture_turn(f)); rounds++)
      fixture_turn(f);
    if (fcgip_proxy_has_response(f->proxy, id) == 1) {
      fcgip_proxy_read_response(f->proxy, id, 0, &response);
      conf_fcgiproxy_result(response, result);
      fcgip_response_free(response);
      return f->now_ms;
    }
    due = fcgip_proxy_timeout_ms(f->proxy);
    if (due < 0 || f->now_ms + (uint64_t)due > until_ms)
      break;
    f->now_ms += due > 0 ? (uint64_t)due : 1;
    fcgip_proxy_process_timers(f->proxy);
  }
  f->now_ms = until_ms;
  return 0;
}
