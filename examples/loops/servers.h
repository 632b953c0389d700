/* What the examples of this folder have in common, and has nothing to do with loops: the servers named on
 * the command line, and the request that all of them get. */
#ifndef SERVERS_H
#define SERVERS_H

#include <fcgiproxy/fcgiproxy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Those servers by turns; NULL, and a word on stderr, if that cannot be. */
static inline fcgip_collection *open_servers(int count, char **addresses)
{
  fcgip_endpoint **endpoints = calloc((size_t)count + 1, sizeof(*endpoints));
  fcgip_endpoint_options options = {.struct_size = sizeof(options), .connect_timeout_ms = 20000};
  fcgip_collection *servers = NULL;
  int rc = endpoints != NULL ? FCGIP_OK : FCGIP_ENOMEM, i;

  for (i = 0; i < count && rc == FCGIP_OK; i++)
    rc = fcgip_endpoint_parse(&endpoints[i], addresses[i], &options);
  if (rc == FCGIP_OK)
    rc = fcgip_round_robin_new(&servers, (const fcgip_endpoint *const *)endpoints, (size_t)count);
  if (rc < 0)
    fprintf(stderr, "%s\nusage: NAME ADDRESS...\n", fcgip_strerror(rc));
  while (endpoints != NULL && i-- > 0)
    fcgip_endpoint_free(endpoints[i]);
  free(endpoints);
  return servers;
}

/* A request that takes a server some milliseconds. `on_response` is called for success and failure. */
static inline fcgip_request *make_request(fcgip_response_fn on_response, void *user_data)
{
  const char *folder = getenv("FCGIP_SCRIPTS");
  char script[PATH_MAX + 16], absolute[PATH_MAX];
  fcgip_request *request = NULL;

  snprintf(script, sizeof(script), "%s/sleep.php", folder != NULL ? folder : "docker/scripts");
  if (realpath(script, absolute) == NULL ||
      fcgip_get_request_new(&request, absolute, NULL, 0) < 0 ||
      fcgip_request_set_request_uri(request, "/sleep.php?ms=10&value=loop") < 0 ||
      fcgip_request_add_response_callback(request, on_response, user_data, NULL) < 0 ||
      fcgip_request_add_failure_callback(request, on_response, user_data, NULL) < 0) {
    fprintf(stderr, "%s: no request can be made of it\n", script);
    fcgip_request_free(request);
    return NULL;
  }
  return request;
}

/* Many at once. FCGIP_OK, or why not. */
static inline int send_all(fcgip_proxy *proxy, const fcgip_request *request, int count)
{
  int rc = FCGIP_OK;

  while (rc == FCGIP_OK && count-- > 0)
    rc = fcgip_proxy_send_async_request(proxy, request, NULL);
  return rc;
}

/* Success, and not with a status of failure. */
static inline int is_good(const fcgip_response *response)
{
  return fcgip_response_error(response) == FCGIP_OK && fcgip_response_status(response) == 200;
}

#endif
