/* One request that streams, down or up. */
#include <stdio.h>
#include <string.h>

#include "client.h"

#define SOURCE_LEN ((size_t)1 << 20)

static int count_output(fcgip_request_id id, const void *output, size_t output_len,
                        const void *error, size_t error_len, void *user_data)
{
  uint64_t *count = user_data;

  (void)id;
  (void)output;
  (void)error;
  (void)error_len;
  *count += output_len;
  return 0;
}

/* Bytes out of a megabyte, over and over. */
static int give(uint64_t offset, void *buffer, size_t cap, size_t *n, void *user_data)
{
  const client *c = user_data;
  static uint8_t source[SOURCE_LEN];
  uint64_t left = c->options.bytes - offset, at = offset % SOURCE_LEN;
  size_t len = cap < left ? cap : (size_t)left;

  if (len > SOURCE_LEN - at)
    len = (size_t)(SOURCE_LEN - at);
  memcpy(buffer, source + at, len);
  *n = len;
  return FCGIP_OK;
}

/* Sends the client's request once and measures that. Heap: what is allocated at most meanwhile. */
static void exchange(client *c, const uint64_t *bytes)
{
  fcgip_response *response;
  bench_mark from, to;

  bench_mark_now(&from, c->options.peer);
  client_check("fcgip_proxy_send_request",
               fcgip_proxy_send_request(c->proxy, c->request, &response));
  bench_mark_now(&to, c->options.peer);
  client_check_response(response);
  fcgip_response_free(response);
  if (c->options.count_heap)
    printf("heap_peak=%llu ", (unsigned long long)c->heap.peak);
  bench_report(&from, &to, 1, *bytes);
}

void client_down(client *c)
{
  uint64_t bytes = 0;

  client_open(c);
  client_check("fcgip_request_set_body_kept", fcgip_request_set_body_kept(c->request, 0));
  client_check("fcgip_request_add_pass_through_callback",
               fcgip_request_add_pass_through_callback(c->request, count_output, &bytes, NULL));
  exchange(c, &bytes);
  client_close(c);
}

void client_up(client *c)
{
  client_open(c);
  client_check("fcgip_request_set_content_source",
               fcgip_request_set_content_source(c->request, give, c->options.bytes, c, NULL));
  exchange(c, &c->options.bytes);
  client_close(c);
}

void client_up_from_memory(client *c)
{
  client_open(c);
  client_check("fcgip_request_set_content_ref",
               fcgip_request_set_content_ref(c->request, bench_region((size_t)c->options.bytes),
                                             (size_t)c->options.bytes, NULL, NULL));
  exchange(c, &c->options.bytes);
  client_close(c);
}
