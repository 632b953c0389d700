/* Requests to each server in turn: round_robin [ADDRESS]... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fcgiproxy/fcgiproxy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 9, WAIT_MS = 10000 };

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
      fprintf(stderr, "%s: %s\nusage: round_robin [ADDRESS]...\n", addresses[i],
              fcgip_strerror(rc));
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

/* Prints who answered. 0 if it did, and not with a status of failure. */
static int finish(fcgip_response *response, int number)
{
  int status = fcgip_response_status(response), rc = fcgip_response_error(response);

  if (response == NULL)
    printf("request %d: no response in time\n", number);
  else if (rc < 0)
    printf("request %d: %s\n", number, fcgip_response_error_text(response));
  else
    printf("request %d: %s, status %d\n", number,
           fcgip_endpoint_address(fcgip_response_endpoint(response)), status);
  fcgip_response_free(response);
  return rc < 0 || status == 0 || status >= 400;
}

int main(int argc, char **argv)
{
  char local[] = "127.0.0.1:9000", *fallback[] = {local};
  fcgip_response *responses[COUNT];
  fcgip_request_id ids[COUNT];
  fcgip_request *request = NULL;
  fcgip_proxy *proxy = NULL;
  int rc, failed = 0, i;

  if (open_proxy(&proxy, argc > 1 ? argc - 1 : 1, argc > 1 ? argv + 1 : fallback) < 0)
    return 2;
  if ((rc = fcgip_get_request_new(&request, script_path("echo.php"), NULL, 0)) < 0 ||
      (rc = fcgip_request_set_request_uri(request, "/echo.php?value=hello")) < 0)
    fprintf(stderr, "round_robin: %s\n", fcgip_strerror(rc));
  for (i = 0; i < COUNT && rc == FCGIP_OK; i++)
    rc = fcgip_proxy_send_async_request(proxy, request, &ids[i]);
  /* They are on their way all at once, and come back in the order of `ids`. */
  if (rc == FCGIP_OK)
    rc = fcgip_proxy_read_responses(proxy, WAIT_MS, ids, COUNT, responses);
  for (i = 0; i < COUNT && rc >= 0; i++)
    failed |= finish(responses[i], i + 1);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  return rc < 0 || failed;
}
