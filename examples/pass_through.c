/* The output of a slow script as it comes: pass_through [ADDRESS]... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fcgiproxy/fcgiproxy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Output begins with the header block; what is behind its empty line is the body. */
struct progress {
  int in_body, line_is_empty;
};

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
      fprintf(stderr, "%s: %s\nusage: pass_through [ADDRESS]...\n", addresses[i],
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

/* Called for each piece of output while the script runs. To return non-zero would end the request. */
static int on_piece(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                    size_t error_len, void *user_data)
{
  struct progress *progress = user_data;
  const char *text = output;

  (void)id;
  for (; output_len > 0 && !progress->in_body; text++, output_len--) {
    progress->in_body = *text == '\n' && progress->line_is_empty;
    if (*text != '\r')
      progress->line_is_empty = *text == '\n';
  }
  print_text(text, output_len);
  print_text(error, error_len); /* what the script logs */
  fflush(stdout);
  return 0;
}

int main(int argc, char **argv)
{
  char local[] = "127.0.0.1:9000", *fallback[] = {local};
  struct progress progress = {0};
  fcgip_response *response = NULL;
  fcgip_request *request = NULL;
  fcgip_proxy *proxy = NULL;
  int rc, status;

  if (open_proxy(&proxy, argc > 1 ? argc - 1 : 1, argc > 1 ? argv + 1 : fallback) < 0)
    return 2;
  if ((rc = fcgip_get_request_new(&request, script_path("progress.php"), NULL, 0)) < 0 ||
      (rc = fcgip_request_set_request_uri(request, "/progress.php?pieces=5&ms=200")) < 0 ||
      (rc = fcgip_request_add_pass_through_callback(request, on_piece, &progress, NULL)) < 0 ||
      (rc = fcgip_proxy_send_request(proxy, request, &response)) < 0)
    fprintf(stderr, "%s\n",
            response != NULL ? fcgip_response_error_text(response) : fcgip_strerror(rc));
  status = fcgip_response_status(response);
  printf("%s: status %d, %.1f s\n", fcgip_endpoint_address(fcgip_response_endpoint(response)),
         status, fcgip_response_duration(response));
  fcgip_response_free(response);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  return rc < 0 || status >= 400;
}
