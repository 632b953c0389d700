/* A poll loop of your own, with other descriptors beside those of the proxy, here a pipe that tells
 * of Ctrl-C: poll_loop [ADDRESS]... */
#define _XOPEN_SOURCE 700 /* realpath, sigaction */
#include <errno.h>
#include <fcgiproxy/fcgiproxy.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { COUNT = 20 };

static int signal_pipe[2];

static void on_signal(int number)
{
  int saved = errno;

  (void)!write(signal_pipe[1], &number, sizeof(number));
  errno = saved;
}

static void on_done(fcgip_response *response, void *user_data)
{
  int failed = fcgip_response_error(response) < 0 || fcgip_response_status(response) >= 400;

  printf("%s %s\n", fcgip_endpoint_address(fcgip_response_endpoint(response)),
         failed ? "failed" : "answered");
  *(int *)user_data += failed;
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

/* Until all is done (0), or somebody pressed Ctrl-C or poll() failed (-1). */
static int loop(fcgip_proxy *proxy)
{
  struct pollfd fds[1 + COUNT]; /* there are never more connections than requests */
  size_t count, i;

  while (fcgip_proxy_has_unhandled_responses(proxy)) {
    fds[0] = (struct pollfd){.fd = signal_pipe[0], .events = POLLIN};
    count = 1 + fcgip_proxy_fds(proxy, fds + 1, COUNT); /* anew each time: they come and go */
    if (poll(fds, count, fcgip_proxy_timeout_ms(proxy)) < 0) {
      if (errno != EINTR)
        return -1;
      continue;
    }
    if (fds[0].revents != 0)
      return -1;
    for (i = 1; i < count; i++)
      if (fds[i].revents != 0)
        fcgip_proxy_process_fd(proxy, fds[i].fd, fds[i].revents);
    fcgip_proxy_process_timers(proxy);
    fcgip_proxy_handle_ready_responses(proxy, 0); /* runs the callbacks, does not wait */
  }
  return 0;
}

int main(int argc, char **argv)
{
  char local[] = "127.0.0.1:9000", *fallback[] = {local};
  struct sigaction action = {.sa_handler = on_signal};
  fcgip_request *request = NULL;
  fcgip_proxy *proxy = NULL;
  int rc, failed = 0, i;

  if (open_proxy(&proxy, argc > 1 ? argc - 1 : 1, argc > 1 ? argv + 1 : fallback) < 0)
    return 2;
  if (pipe(signal_pipe) != 0 || sigaction(SIGINT, &action, NULL) != 0) {
    perror("poll_loop");
    return 1;
  }
  if ((rc = fcgip_get_request_new(&request, script_path("sleep.php"), NULL, 0)) < 0 ||
      (rc = fcgip_request_set_request_uri(request, "/sleep.php?ms=100")) < 0 ||
      (rc = fcgip_request_add_response_callback(request, on_done, &failed, NULL)) < 0 ||
      (rc = fcgip_request_add_failure_callback(request, on_done, &failed, NULL)) < 0)
    fprintf(stderr, "poll_loop: %s\n", fcgip_strerror(rc));
  for (i = 0; i < COUNT && rc == FCGIP_OK; i++)
    rc = fcgip_proxy_send_async_request(proxy, request, NULL);
  if (rc == FCGIP_OK && loop(proxy) < 0)
    printf("interrupted with %zu requests in flight\n", fcgip_proxy_pending(proxy));
  failed |= fcgip_proxy_has_unhandled_responses(proxy);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  return rc < 0 || failed;
}
