/* Requests to servers drawn at random, and how many each of them got: random [ADDRESS]... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fcgiproxy/fcgiproxy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 60, WAIT_MS = 10000 };

/* The script's path as the server knows it: php-fpm takes absolute ones only. */
static const char *script_path(const char *name)
{
  static char given[PATH_MAX], absolute[PATH_MAX];
  const char *folder = getenv("FCGIP_SCRIPTS");

  snprintf(given, sizeof(given), "%s/%s", folder != NULL ? folder : "docker/scripts", name);
  return realpath(given, absolute) != NULL ? absolute : given;
}

/* The servers at these addresses, as a collection that draws one for each request. */
static int open_servers(fcgip_collection **out, size_t count, char **addresses)
{
  fcgip_endpoint **endpoints = calloc(count, sizeof(*endpoints));
  int rc = endpoints != NULL ? FCGIP_OK : FCGIP_ENOMEM;
  size_t i;

  for (i = 0; i < count && rc == FCGIP_OK; i++)
    if ((rc = fcgip_endpoint_parse(&endpoints[i], addresses[i], NULL)) < 0)
      fprintf(stderr, "%s: %s\nusage: random [ADDRESS]...\n", addresses[i], fcgip_strerror(rc));
  if (rc == FCGIP_OK)
    rc = fcgip_random_new(out, (const fcgip_endpoint *const *)endpoints, count);
  while (i-- > 0) /* the collection has references of its own */
    fcgip_endpoint_free(endpoints[i]);
  free(endpoints);
  return rc;
}

static const char *address_at(const fcgip_collection *servers, size_t i)
{
  return fcgip_endpoint_address(fcgip_collection_endpoint(servers, i));
}

/* One more for the server that this response is from. 0 if it is a good one. */
static int count_response(fcgip_response *response, const fcgip_collection *servers, int *counts)
{
  const char *address = fcgip_endpoint_address(fcgip_response_endpoint(response));
  int failed = fcgip_response_error(response) < 0 || fcgip_response_status(response) >= 400;
  size_t i = 0;

  while (strcmp(address, address_at(servers, i)) != 0)
    i++;
  counts[i]++;
  if (failed)
    printf("%s%s\n", fcgip_response_error_text(response), fcgip_response_status_text(response));
  fcgip_response_free(response);
  return failed;
}

int main(int argc, char **argv)
{
  char local[] = "127.0.0.1:9000", *fallback[] = {local};
  size_t count = argc > 1 ? (size_t)argc - 1 : 1, i;
  int *counts = calloc(count, sizeof(*counts)), rc, failed = 0, sent = 0;
  fcgip_collection *servers = NULL;
  fcgip_request *request = NULL;
  fcgip_response *response;
  fcgip_proxy *proxy = NULL;

  if (counts == NULL || open_servers(&servers, count, argc > 1 ? argv + 1 : fallback) < 0) {
    free(counts);
    return 2;
  }
  if ((rc = fcgip_proxy_new(&proxy, servers, NULL)) < 0 ||
      (rc = fcgip_get_request_new(&request, script_path("echo.php"), NULL, 0)) < 0)
    fprintf(stderr, "random: %s\n", fcgip_strerror(rc));
  for (; rc == FCGIP_OK && sent < COUNT; sent++)
    rc = fcgip_proxy_send_async_request(proxy, request, NULL);
  while (fcgip_proxy_next_response(proxy, WAIT_MS, &response) == 1)
    failed += count_response(response, servers, counts);
  for (i = 0; i < count; i++)
    printf("%s: %d of %d\n", address_at(servers, i), counts[i], COUNT);
  failed |= fcgip_proxy_has_unhandled_responses(proxy);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  fcgip_collection_free(servers);
  free(counts);
  return rc < 0 || failed;
}
