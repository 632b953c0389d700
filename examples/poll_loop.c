/* Your own poll loop, here with the output of a child process in it, too: poll_loop [ADDRESS]... */
#define _XOPEN_SOURCE 700 /* realpath, popen */
#include <errno.h>
#include <fcgiproxy/fcgiproxy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COUNT = 20 };

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
      fprintf(stderr, "%s: %s\nusage: poll_loop [ADDRESS]...\n", addresses[i], fcgip_strerror(rc));
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

static void on_done(fcgip_response *response, void *user_data)
{
  int status = fcgip_response_status(response);

  if (fcgip_response_error(response) < 0)
    printf("%s\n", fcgip_response_error_text(response));
  else
    printf("%s: status %d\n", fcgip_endpoint_address(fcgip_response_endpoint(response)), status);
  *(int *)user_data += fcgip_response_error(response) < 0 || status >= 400;
}

/* One turn: wait for everything at once, then let everybody do what there is to do. */
static int turn(fcgip_proxy *proxy, int *own)
{
  struct pollfd fds[1 + COUNT] = {{.fd = *own, .events = POLLIN}};
  /* They come and go, so ask each time. There are never more than requests in flight. */
  size_t count = 1 + fcgip_proxy_fds(proxy, fds + 1, COUNT), i;
  char text[256];
  ssize_t len = 0;

  if (poll(fds, count, fcgip_proxy_timeout_ms(proxy)) < 0 && errno != EINTR)
    return -1;
  if (fds[0].revents != 0 && (len = read(*own, text, sizeof(text))) <= 0)
    *own = -1;
  if (len > 0)
    printf("the child says: %.*s", (int)len, text);
  for (i = 1; i < count; i++)
    fcgip_proxy_process_fd(proxy, fds[i].fd, fds[i].revents);
  fcgip_proxy_process_timers(proxy);
  return fcgip_proxy_handle_ready_responses(proxy, 0); /* runs callbacks, and does not wait */
}

int main(int argc, char **argv)
{
  char local[] = "127.0.0.1:9000", *fallback[] = {local};
  fcgip_request *request = NULL;
  fcgip_proxy *proxy = NULL;
  int rc, failed = 0, i, own;
  FILE *child;

  if (open_proxy(&proxy, argc > 1 ? argc - 1 : 1, argc > 1 ? argv + 1 : fallback) < 0)
    return 2;
  if ((rc = fcgip_get_request_new(&request, script_path("sleep.php"), NULL, 0)) < 0 ||
      (rc = fcgip_request_set_request_uri(request, "/sleep.php?ms=100")) < 0 ||
      (rc = fcgip_request_add_response_callback(request, on_done, &failed, NULL)) < 0 ||
      (rc = fcgip_request_add_failure_callback(request, on_done, &failed, NULL)) < 0)
    fprintf(stderr, "poll_loop: %s\n", fcgip_strerror(rc));
  for (i = 0; i < COUNT && rc == FCGIP_OK; i++)
    rc = fcgip_proxy_send_async_request(proxy, request, NULL);
  child = popen("for i in 1 2 3; do echo tick $i; sleep 0.1; done", "r");
  own = child != NULL ? fileno(child) : -1; /* poll() passes over -1 */
  while (rc >= 0 && (own >= 0 || fcgip_proxy_has_unhandled_responses(proxy)))
    rc = turn(proxy, &own);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  return (child != NULL && pclose(child) != 0) || rc < 0 || failed;
}
