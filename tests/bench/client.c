/* The benchmark's work through the library, by public functions only.
 *
 *   bench_client [OPTION VALUE]... load | down | up | up-memory | heap | clock | cluster
 *
 *   load       requests, --in-flight N of them at any time, driven by --driver poll, pull, push or push-plain
 *   down       one request whose response is not kept but passed through
 *   up         one request whose content of --bytes comes from a source; up-memory: from memory
 *   heap       what is allocated per request in flight and per idle connection
 *   clock      how often each entry point reads the clock
 *   cluster    one request to each server of a list of --address, over and over */
#include "client.h"

#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

void client_check(const char *what, int rc)
{
  if (rc < 0)
    bench_die("%s: %s", what, fcgip_errname(rc));
}

void client_check_response(const fcgip_response *response)
{
  if (fcgip_response_error(response) != FCGIP_OK)
    bench_die("a request failed: %s", fcgip_response_error_text(response));
  if (fcgip_response_status(response) != 200)
    bench_die("a request got status %d", fcgip_response_status(response));
}

fcgip_request *client_request_new(const client *c)
{
  fcgip_request *request;

  client_check("fcgip_request_new",
               fcgip_request_new_with_allocator(&request, "POST", WIRE_SCRIPT,
                                                c->options.count_heap ? &c->allocator : NULL));
  client_check("fcgip_request_set_content",
               fcgip_request_set_content(request, WIRE_CONTENT, WIRE_CONTENT_LEN));
  client_check("fcgip_request_set_retry_safe", fcgip_request_set_retry_safe(request, 1));
  return request;
}

static void endpoint_options(const client *c, fcgip_endpoint_options *options)
{
  memset(options, 0, sizeof(*options));
  options->struct_size = (uint32_t)sizeof(*options);
  options->connect_timeout_ms = 60000;
  options->read_write_timeout_ms = 30000;
  options->max_connections = (uint32_t)c->options.in_flight;
  options->max_idle_connections = c->options.keep ? (uint32_t)c->options.in_flight : 0;
  options->idle_timeout_ms = 30000;
  options->max_body_bytes = UINT64_MAX;
  options->allocator = c->options.count_heap ? &c->allocator : NULL;
}

static void open_endpoints(client *c)
{
  const char *at = c->options.addresses;
  fcgip_endpoint_options options;

  endpoint_options(c, &options);
  while (*at != '\0') {
    size_t len = strcspn(at, ",");
    char address[256];

    if (len >= sizeof(address))
      bench_die("an address is too long");
    memcpy(address, at, len);
    address[len] = '\0';
    client_check(address,
                 fcgip_endpoint_parse(&c->endpoints[c->endpoint_count++], address, &options));
    at += at[len] == ',' ? len + 1 : len;
  }
}

void client_open(client *c)
{
  heap_allocator(&c->allocator, &c->heap);
  c->endpoints = bench_alloc(strlen(c->options.addresses) + 1, sizeof(fcgip_endpoint *));
  open_endpoints(c);
  client_check("fcgip_round_robin_new",
               fcgip_round_robin_new(&c->collection, (const fcgip_endpoint *const *)c->endpoints,
                                     c->endpoint_count));
  c->proxy_options.struct_size = (uint32_t)sizeof(c->proxy_options);
  c->proxy_options.allocator = c->options.count_heap ? &c->allocator : NULL;
  client_check("fcgip_proxy_new", fcgip_proxy_new(&c->proxy, c->collection, &c->proxy_options));
  c->request = client_request_new(c);
}

void client_close(client *c)
{
  size_t i;

  fcgip_request_free(c->request);
  fcgip_proxy_free(c->proxy);
  fcgip_collection_free(c->collection);
  for (i = 0; i < c->endpoint_count; i++)
    fcgip_endpoint_free(c->endpoints[i]);
  free(c->endpoints);
  if (c->options.count_heap && c->heap.blocks != 0)
    bench_die("the library has not freed everything");
}

static enum client_driver driver_of(const char *text)
{
  static const char *const names[] = {
      [CLIENT_POLL] = "poll",
      [CLIENT_PULL] = "pull",
      [CLIENT_PUSH] = "push",
      [CLIENT_PUSH_PLAIN] = "push-plain",
  };
  size_t i;

  for (i = 0; i < COUNT_OF(names); i++)
    if (strcmp(names[i], text) == 0)
      return (enum client_driver)i;
  bench_die("--driver poll | pull | push | push-plain");
}

static void run(client *c, const char *work)
{
  static const struct {
    const char *name;
    void (*run)(client *c);
  } works[] = {{"load", client_load},       {"down", client_down},
               {"up", client_up},           {"up-memory", client_up_from_memory},
               {"heap", client_probe_heap}, {"clock", client_probe_clock},
               {"cluster", client_cluster}};
  size_t i;

  for (i = 0; i < COUNT_OF(works); i++)
    if (strcmp(works[i].name, work) == 0) {
      works[i].run(c);
      return;
    }
  bench_die("usage: bench_client [OPTION VALUE]... load | down | up | up-memory | heap | clock | "
            "cluster");
}

int main(int argc, char **argv)
{
  client c = {.options = {.addresses = "", .in_flight = 1, .keep = 1, .milliseconds = 500}};
  const char *driver = "poll";
  uint64_t cpu = UINT64_MAX;
  const bench_option options[] = {{"--address", NULL, &c.options.addresses},
                                  {"--driver", NULL, &driver},
                                  {"--in-flight", &c.options.in_flight, NULL},
                                  {"--keep", &c.options.keep, NULL},
                                  {"--build", &c.options.build, NULL},
                                  {"--requests", &c.options.requests, NULL},
                                  {"--ms", &c.options.milliseconds, NULL},
                                  {"--bytes", &c.options.bytes, NULL},
                                  {"--heap", &c.options.count_heap, NULL},
                                  {"--cpu", &cpu, NULL},
                                  {"--peer", &c.options.peer, NULL}};
  int at = bench_options(argc, argv, options, COUNT_OF(options));

  c.options.driver = driver_of(driver);
  bench_pin(cpu);
  bench_raise_limits();
  run(&c, at < argc ? argv[at] : "");
  return 0;
}
