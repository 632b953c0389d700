/* Callbacks for success and failure, which may send more requests: callbacks [ADDRESS]... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fcgiproxy/fcgiproxy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct job {
  fcgip_proxy *proxy;
  fcgip_request *request;
  int left, answered, failed;
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
      fprintf(stderr, "%s: %s\nusage: callbacks [ADDRESS]...\n", addresses[i], fcgip_strerror(rc));
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

static void on_response(fcgip_response *response, void *user_data)
{
  struct job *job = user_data;
  size_t len;
  const char *body = fcgip_response_body(response, &len);

  print_text(body, len);
  job->answered += fcgip_response_status(response) < 400;
  /* A callback may send. It may not wait. */
  if (job->left > 0 && fcgip_proxy_send_async_request(job->proxy, job->request, NULL) == FCGIP_OK)
    job->left--;
}

/* Called for a server that is down, too: sending does not fail because of it. */
static void on_failure(fcgip_response *response, void *user_data)
{
  printf("%s\n", fcgip_response_error_text(response));
  ((struct job *)user_data)->failed++;
}

int main(int argc, char **argv)
{
  char local[] = "127.0.0.1:9000", *fallback[] = {local};
  struct job job = {.left = 6};
  int rc, i;

  if (open_proxy(&job.proxy, argc > 1 ? argc - 1 : 1, argc > 1 ? argv + 1 : fallback) < 0)
    return 2;
  if ((rc = fcgip_get_request_new(&job.request, script_path("echo.php"), NULL, 0)) < 0 ||
      (rc = fcgip_request_set_request_uri(job.request, "/echo.php?value=hello")) < 0 ||
      (rc = fcgip_request_add_response_callback(job.request, on_response, &job, NULL)) < 0 ||
      (rc = fcgip_request_add_failure_callback(job.request, on_failure, &job, NULL)) < 0)
    fprintf(stderr, "callbacks: %s\n", fcgip_strerror(rc));
  for (i = 0; i < 3 && rc == FCGIP_OK; i++)
    rc = fcgip_proxy_send_async_request(job.proxy, job.request, NULL);
  if (rc == FCGIP_OK)
    rc = fcgip_proxy_wait_for_responses(job.proxy, 10000);
  printf("%d answered, %d failed\n", job.answered, job.failed);
  fcgip_request_free(job.request);
  fcgip_proxy_free(job.proxy);
  return rc < 0 || job.answered < 9;
}
