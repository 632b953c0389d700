/* Requests in a closed loop: a new one is sent for each response, so that as many are in flight at any time. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "client.h"

#define BATCH 256

typedef struct load {
  client *client;
  uint64_t out; /* requests sent whose response was not taken */
  uint64_t done;
  uint64_t turns; /* of the loop: at least as many waits */
  uint64_t received;
  struct pollfd *fds;
  size_t fds_cap;
  int epoll;
  uint8_t *is_watched; /* by descriptor */
  fcgip_response *responses[BATCH];
} load;

static void send_one(load *l)
{
  fcgip_request *request = l->client->request;

  if (l->client->options.build)
    request = client_request_new(l->client);
  client_check("fcgip_proxy_send_async_request",
               fcgip_proxy_send_async_request(l->client->proxy, request, NULL));
  if (l->client->options.build)
    fcgip_request_free(request);
  l->out++;
}

static void consume(load *l, fcgip_response *response)
{
  size_t len;

  client_check_response(response);
  (void)fcgip_response_body(response, &len);
  l->received += len;
  l->out--;
  l->done++;
  fcgip_response_free(response);
}

/* Takes what is there; with a timeout, waits for it. For each response a new request is sent. */
static void take(load *l, int timeout_ms)
{
  size_t n, i;
  int rc = fcgip_proxy_read_ready_responses(l->client->proxy, timeout_ms, l->responses, BATCH, &n);

  if (rc != FCGIP_EAGAIN)
    client_check("fcgip_proxy_read_ready_responses", rc);
  for (i = 0; i < n; i++) {
    consume(l, l->responses[i]);
    send_one(l);
  }
}

/* Both halves of an application's loop know how many requests they have sent, and so whether any is complete. */
static void take_complete(load *l)
{
  while (fcgip_proxy_pending(l->client->proxy) < l->out)
    take(l, 0);
}

/* As proxy.h says: next_response() until there is none. */
static void take_plainly(load *l)
{
  fcgip_response *response;
  uint64_t before = l->done;

  while (fcgip_proxy_next_response(l->client->proxy, 0, &response) == 1)
    consume(l, response);
  for (; before < l->done; before++)
    send_one(l);
}

static void turn_pull(load *l)
{
  fcgip_proxy *proxy = l->client->proxy;
  size_t count = fcgip_proxy_fds(proxy, l->fds, l->fds_cap), i;
  int ready = poll(l->fds, (nfds_t)count, fcgip_proxy_timeout_ms(proxy));

  if (ready < 0)
    bench_die_errno("poll");
  for (i = 0; i < count && ready > 0; i++) {
    if (l->fds[i].revents == 0)
      continue;
    fcgip_proxy_process_fd(proxy, l->fds[i].fd, l->fds[i].revents);
    ready--;
  }
  fcgip_proxy_process_timers(proxy);
  take_complete(l);
}

static void on_watch(void *watch_data, int fd, short events)
{
  load *l = watch_data;
  struct epoll_event event = {.data.fd = fd};
  int operation = l->is_watched[fd] ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

  event.events = (uint32_t)((events & POLLIN ? EPOLLIN : 0) | (events & POLLOUT ? EPOLLOUT : 0));
  l->is_watched[fd] = events != 0;
  if (epoll_ctl(l->epoll, events != 0 ? operation : EPOLL_CTL_DEL, fd, &event) < 0)
    bench_die_errno("epoll_ctl");
}

/* The bits of epoll are those of poll, on Linux. */
static void turn_push(load *l)
{
  fcgip_proxy *proxy = l->client->proxy;
  struct epoll_event events[BATCH];
  int ready = epoll_wait(l->epoll, events, BATCH, fcgip_proxy_timeout_ms(proxy)), i;

  if (ready < 0)
    bench_die_errno("epoll_wait");
  for (i = 0; i < ready; i++)
    fcgip_proxy_process_fd(proxy, events[i].data.fd, (short)events[i].events);
  fcgip_proxy_process_timers(proxy);
  if (l->client->options.driver == CLIENT_PUSH)
    take_complete(l);
  else
    take_plainly(l);
}

static void turn(load *l)
{
  l->turns++;
  switch (l->client->options.driver) {
  case CLIENT_POLL:
    take(l, -1);
    break;
  case CLIENT_PULL:
    turn_pull(l);
    break;
  case CLIENT_PUSH:
  case CLIENT_PUSH_PLAIN:
    turn_push(l);
    break;
  }
}

static void set_up(load *l, client *c)
{
  l->client = c;
  l->fds_cap = (size_t)c->options.in_flight;
  l->fds = bench_alloc(l->fds_cap, sizeof(*l->fds));
  l->is_watched = bench_alloc((size_t)sysconf(_SC_OPEN_MAX), 1);
  l->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (l->epoll < 0)
    bench_die_errno("epoll_create1");
  if (c->options.driver == CLIENT_PUSH || c->options.driver == CLIENT_PUSH_PLAIN) {
    c->proxy_options.watch_fn = on_watch;
    c->proxy_options.watch_data = l;
  }
  client_open(c);
}

static void tear_down(load *l)
{
  client_close(l->client);
  close(l->epoll);
  free(l->fds);
  free(l->is_watched);
}

static void print_heap(const heap *from, const heap *to, uint64_t requests)
{
  double n = requests > 0 ? (double)requests : 1;

  printf("allocations=%.4f allocated_bytes=%.2f ", (double)(to->calls - from->calls) / n,
         (double)(to->asked - from->asked) / n);
}

void client_load(client *c)
{
  load l = {0};
  uint64_t warm, turns, received, end_ns;
  bench_mark from, to;
  heap before;

  set_up(&l, c);
  while (l.out < c->options.in_flight)
    send_one(&l);
  take_complete(&l); /* those that have failed at once: nothing would wake us for them */
  while (l.done < 2 * c->options.in_flight)
    turn(&l);
  warm = l.done;
  turns = l.turns;
  received = l.received;
  before = c->heap;
  bench_mark_now(&from, c->options.peer);
  end_ns = from.wall_ns + c->options.milliseconds * 1000000u;
  while (c->options.requests > 0 ? l.done - warm < c->options.requests : bench_now_ns() < end_ns)
    turn(&l);
  bench_mark_now(&to, c->options.peer);
  if (c->options.count_heap)
    print_heap(&before, &c->heap, l.done - warm);
  printf("waits=%.4f ", (double)(l.turns - turns) / (double)(l.done > warm ? l.done - warm : 1));
  bench_report(&from, &to, l.done - warm, l.received - received);
  tear_down(&l);
}
