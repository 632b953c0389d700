/* Many requests at once, read in the order sent and as they come: async [ADDRESS]... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fcgiproxy/fcgiproxy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 10, IN_ORDER = 4, WAIT_MS = 5000 };

/* What a server sends may hold anything, and a terminal would obey it. */
static void print_text(const char *text, size_t len)
{
  for (; len > 0; text++, len--)
    printf(*text == '\n' || (*text >= ' ' && *text < 0x7f) ? "%c" : "\\x%02x", *text & 0xff);
}

/* The script's path as the server knows it: php-fpm takes absolute ones only. */
static const char *script_path(const char *name)
{
  static char given[PATH_MAX], absolute[PATH_MAX];
  const char *folder = getenv("FCGIP_SCRIPTS");

  snprintf(given, sizeof(given), "%s/%s", folder != NULL ? folder : "docker/scripts", name);
  return realpath(given, absolute) != NULL ? absolute : given;
}

/* A proxy that sends each request to the next of these servers. */
static int open_proxy(fcgip_proxy **out, int count, char **addresses)
{
  fcgip_endpoint **endpoints = calloc((size_t)count, sizeof(*endpoints));
  fcgip_collection *servers = NULL;
  int rc = endpoints != NULL ? FCGIP_OK : FCGIP_ENOMEM, i;

  for (i = 0; i < count && rc == FCGIP_OK; i++)
    if ((rc = fcgip_endpoint_parse(&endpoints[i], addresses[i], NULL)) < 0)
      fprintf(stderr, "%s: %s\nusage: async [ADDRESS]...\n", addresses[i], fcgip_strerror(rc));
  if (rc == FCGIP_OK)
    rc = fcgip_round_robin_new(&servers, (const fcgip_endpoint *const *)endpoints, (size_t)count);
  if (rc == FCGIP_OK)
    rc = fcgip_proxy_new(out, servers, NULL);
  fcgip_collection_free(servers); /* the proxy keeps what it needs of these */
  while (i-- > 0)
    fcgip_endpoint_free(endpoints[i]);
  free(endpoints);
  return rc;
}

/* Sends all without waiting. The first take longest. */
static int send_all(fcgip_proxy *proxy, fcgip_request *request, fcgip_request_id *ids)
{
  char uri[64];
  int rc = FCGIP_OK, i;

  for (i = 0; i < COUNT && rc == FCGIP_OK; i++) {
    snprintf(uri, sizeof(uri), "/sleep.php?ms=%d&value=request-%d", 30 * (COUNT - i), i + 1);
    if ((rc = fcgip_request_set_request_uri(request, uri)) == FCGIP_OK)
      rc = fcgip_proxy_send_async_request(proxy, request, &ids[i]);
  }
  return rc;
}

/* Prints what came of a request, and lets go of it. 0 if it succeeded. */
static int finish(fcgip_response *response)
{
  int failed = fcgip_response_error(response) < 0 || fcgip_response_status(response) >= 400;
  size_t len;
  const char *body = fcgip_response_body(response, &len);

  print_text(body, len);
  if (fcgip_response_error(response) < 0)
    printf("%s\n", fcgip_response_error_text(response));
  fcgip_response_free(response);
  return failed;
}

int main(int argc, char **argv)
{
  char local[] = "127.0.0.1:9000", *fallback[] = {local};
  fcgip_request_id ids[COUNT];
  fcgip_response *responses[IN_ORDER], *next;
  fcgip_request *request = NULL;
  fcgip_proxy *proxy = NULL;
  int rc, failed, i;

  if (open_proxy(&proxy, argc > 1 ? argc - 1 : 1, argc > 1 ? argv + 1 : fallback) < 0)
    return 2;
  if ((rc = fcgip_get_request_new(&request, script_path("sleep.php"), NULL, 0)) < 0 ||
      (rc = send_all(proxy, request, ids)) < 0 ||
      (rc = fcgip_proxy_read_responses(proxy, WAIT_MS, ids, IN_ORDER, responses)) < 0)
    fprintf(stderr, "async: %s\n", fcgip_strerror(rc));
  failed = rc < IN_ORDER; /* the others are NULL: they did not come in time */
  for (i = 0; i < IN_ORDER && rc > 0; i++)
    failed |= finish(responses[i]);
  while (fcgip_proxy_next_response(proxy, WAIT_MS, &next) == 1)
    failed |= finish(next);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  return failed;
}
