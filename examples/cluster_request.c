/* One request to every server, and one result from each: cluster_request [ADDRESS]... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fcgiproxy/fcgiproxy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

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

/* A proxy that sends each request to all of these servers. */
static int open_cluster_proxy(fcgip_cluster_proxy **out, int count, char **addresses)
{
  fcgip_endpoint **endpoints = calloc((size_t)count, sizeof(*endpoints));
  fcgip_collection *servers = NULL;
  int rc = endpoints != NULL ? FCGIP_OK : FCGIP_ENOMEM, i;

  for (i = 0; i < count && rc == FCGIP_OK; i++)
    if ((rc = fcgip_endpoint_parse(&endpoints[i], addresses[i], NULL)) < 0)
      fprintf(stderr, "%s: %s\nusage: cluster_request [ADDRESS]...\n", addresses[i],
              fcgip_strerror(rc));
  if (rc == FCGIP_OK)
    rc = fcgip_cluster_new(&servers, (const fcgip_endpoint *const *)endpoints, (size_t)count);
  if (rc == FCGIP_OK)
    rc = fcgip_cluster_proxy_new(out, servers, NULL);
  fcgip_collection_free(servers); /* the proxy keeps what it needs of these */
  while (i-- > 0)
    fcgip_endpoint_free(endpoints[i]);
  free(endpoints);
  return rc;
}

/* Prints what came of the request at one server. 0 if it answered, and not with a failure. */
static int finish(fcgip_response *response)
{
  int failed = fcgip_response_error(response) < 0 || fcgip_response_status(response) >= 400;
  size_t len;
  const char *body = fcgip_response_body(response, &len);

  if (fcgip_response_error(response) < 0) {
    printf("%s\n", fcgip_response_error_text(response)); /* begins with the address */
  } else {
    printf("%s: status %d: ", fcgip_endpoint_address(fcgip_response_endpoint(response)),
           fcgip_response_status(response));
    print_text(body, len);
  }
  fcgip_response_free(response);
  return failed;
}

int main(int argc, char **argv)
{
  char local[] = "127.0.0.1:9000", *fallback[] = {local};
  fcgip_cluster_proxy *cluster = NULL;
  fcgip_request *request = NULL;
  fcgip_response *response;
  int rc, failed = 0;

  if (open_cluster_proxy(&cluster, argc > 1 ? argc - 1 : 1, argc > 1 ? argv + 1 : fallback) < 0)
    return 2;
  if ((rc = fcgip_get_request_new(&request, script_path("echo.php"), NULL, 0)) < 0 ||
      (rc = fcgip_request_set_request_uri(request, "/echo.php?value=hello")) < 0 ||
      (rc = fcgip_cluster_proxy_send_async_request(cluster, request)) < 0)
    fprintf(stderr, "cluster_request: %s\n", fcgip_strerror(rc));
  /* In the order in which they are done; a server that is down does not hide the others. */
  while (fcgip_cluster_proxy_next_response(cluster, 10000, &response) == 1)
    failed |= finish(response);
  failed |= fcgip_cluster_proxy_has_unhandled_responses(cluster); /* not in time */
  fcgip_request_free(request);
  fcgip_cluster_proxy_free(cluster);
  return rc < 0 || failed;
}
