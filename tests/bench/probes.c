/* What is counted, not timed. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

#define BATCH 256

static uint64_t take_all(fcgip_proxy *proxy)
{
  fcgip_response *responses[BATCH];
  uint64_t taken = 0;
  size_t n, i;

  while (fcgip_proxy_has_unhandled_responses(proxy)) {
    client_check("fcgip_proxy_read_ready_responses",
                 fcgip_proxy_read_ready_responses(proxy, -1, responses, BATCH, &n));
    for (i = 0; i < n; i++) {
      client_check_response(responses[i]);
      fcgip_response_free(responses[i]);
    }
    taken += n;
  }
  return taken;
}

/* Nothing of a response is received before the proxy is driven: what is allocated by then is what a request
 * in flight takes, its connection, exchange and empty response. */
void client_probe_heap(client *c)
{
  double n = (double)c->options.in_flight;
  fcgip_endpoint_stats stats = {.struct_size = (uint32_t)sizeof(stats)};
  heap empty, flying, idle;
  uint64_t i;

  c->options.count_heap = 1;
  client_open(c);
  empty = c->heap;
  for (i = 0; i < c->options.in_flight; i++)
    client_check("fcgip_proxy_send_async_request",
                 fcgip_proxy_send_async_request(c->proxy, c->request, NULL));
  flying = c->heap;
  (void)take_all(c->proxy);
  idle = c->heap;
  client_check("fcgip_proxy_endpoint_stats", fcgip_proxy_endpoint_stats(c->proxy, 0, &stats));
  printf("proxy_bytes=%" PRIu64 " in_flight_bytes=%.1f in_flight_blocks=%.2f peak_bytes=%.1f",
         empty.live, (double)(flying.live - empty.live) / n,
         (double)(flying.blocks - empty.blocks) / n, (double)(idle.peak - empty.live) / n);
  printf(" idle=%u idle_bytes=%.1f idle_blocks=%.2f\n", stats.idle,
         (double)(idle.live - empty.live) / stats.idle,
         (double)(idle.blocks - empty.blocks) / stats.idle);
  client_close(c);
}

static uint64_t clock_reads;

static uint64_t count_clock(void *now_ms_data)
{
  (void)now_ms_data;
  clock_reads++;
  return bench_now_ns() / 1000000u;
}

static void print_reads(const char *entry)
{
  printf("%s=%" PRIu64 " ", entry, clock_reads);
  clock_reads = 0;
}

static void wait_readable(fcgip_proxy *proxy, struct pollfd *fd)
{
  if (fcgip_proxy_fds(proxy, fd, 1) != 1 || poll(fd, 1, 5000) != 1)
    bench_die("there is no answer");
}

/* One request by the pull half, then one by waiting. */
void client_probe_clock(client *c)
{
  fcgip_response *response = NULL;
  fcgip_request_id id;
  struct pollfd fd;

  c->options.in_flight = 1;
  c->proxy_options.now_ms_fn = count_clock;
  client_open(c);
  clock_reads = 0;
  client_check("send", fcgip_proxy_send_async_request(c->proxy, c->request, &id));
  print_reads("clock_send");
  wait_readable(c->proxy, &fd);
  print_reads("clock_fds");
  (void)fcgip_proxy_timeout_ms(c->proxy);
  print_reads("clock_timeout");
  client_check("process_fd", fcgip_proxy_process_fd(c->proxy, fd.fd, fd.revents));
  print_reads("clock_process_fd");
  client_check("process_timers", fcgip_proxy_process_timers(c->proxy));
  print_reads("clock_process_timers");
  if (fcgip_proxy_next_response(c->proxy, 0, &response) != 1)
    bench_die("the answer is not whole");
  print_reads("clock_take");
  fcgip_response_free(response);
  print_reads("clock_free");
  client_check("send", fcgip_proxy_send_async_request(c->proxy, c->request, &id));
  clock_reads = 0;
  client_check("read", fcgip_proxy_read_response(c->proxy, id, -1, &response));
  print_reads("clock_wait");
  fcgip_response_free(response);
  putchar('\n');
  client_close(c);
}

typedef struct cluster {
  fcgip_cluster_proxy *proxy;
  fcgip_request *request;
} cluster;

/* Bytes that sending one request to all servers asks the allocator for. */
static uint64_t asked_by_send(client *c, const cluster *all)
{
  uint64_t before = c->heap.asked;

  client_check("send", fcgip_cluster_proxy_send_async_request(all->proxy, all->request));
  before = c->heap.asked - before;
  while (fcgip_cluster_proxy_has_unhandled_responses(all->proxy)) {
    fcgip_response *response;

    client_check("next", fcgip_cluster_proxy_next_response(all->proxy, -1, &response));
    client_check_response(response);
    fcgip_response_free(response);
  }
  return before;
}

/* How often a variable and the content are copied in memory while one request is sent to all servers: by how much
 * more is asked of the allocator where they are large. */
static void print_copies(client *c, const cluster *all)
{
  enum { VARIABLE_LEN = 60000 };
  uint64_t small, with_variable, with_content;
  size_t content_len = (size_t)1 << 20;
  char *variable = bench_alloc(VARIABLE_LEN + 1, 1);

  memset(variable, 'v', VARIABLE_LEN);
  (void)asked_by_send(c, all); /* opens the connections */
  client_check("set", fcgip_request_set_custom_var(all->request, "LARGE", ""));
  small = asked_by_send(c, all);
  client_check("set", fcgip_request_set_custom_var(all->request, "LARGE", variable));
  with_variable = asked_by_send(c, all);
  client_check("set", fcgip_request_set_custom_var(all->request, "LARGE", ""));
  client_check("set", fcgip_request_set_content_ref(all->request, bench_region(content_len),
                                                    content_len, NULL, NULL));
  with_content = asked_by_send(c, all);
  client_check("set", fcgip_request_set_content(all->request, "", 0));
  printf("servers=%zu variable_copies=%.3f content_copies=%.3f ", c->endpoint_count,
         ((double)with_variable - (double)small) / VARIABLE_LEN,
         ((double)with_content - (double)small) / (double)content_len);
  free(variable);
}

void client_cluster(client *c)
{
  fcgip_cluster_proxy *proxy;
  bench_mark from, to;
  cluster all;
  uint64_t i;

  c->options.count_heap = 1;
  c->options.in_flight = 1;
  client_open(c);
  client_check("fcgip_cluster_proxy_new",
               fcgip_cluster_proxy_new(&proxy, c->collection, &c->proxy_options));
  all.proxy = proxy;
  all.request = c->request;
  print_copies(c, &all);
  bench_mark_now(&from, c->options.peer);
  for (i = 0; i < c->options.requests; i++)
    (void)asked_by_send(c, &all);
  bench_mark_now(&to, c->options.peer);
  bench_report(&from, &to, c->options.requests * c->endpoint_count, 0);
  fcgip_cluster_proxy_free(proxy);
  client_close(c);
}
