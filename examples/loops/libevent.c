/* Hundreds of requests in flight, beside a timer and a pipe, in one libevent loop: libevent ADDRESS... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fcgiproxy_event.h>
#include <servers.h>
#include <unistd.h>

enum { COUNT = 300, TICK_US = 5000 };

struct job {
  struct event *ticker, *reader;
  int ends[2]; /* of the pipe: each tick is written to one, and comes out of the other */
  int left, failed, ticks, received;
};

static void on_tick(evutil_socket_t unused, short what, void *data)
{
  struct job *job = data;

  (void)unused;
  (void)what;
  job->ticks += write(job->ends[1], "!", 1) == 1;
}

static void on_read(evutil_socket_t end, short what, void *data)
{
  struct job *job = data;
  char buffer[64];
  ssize_t len = read(end, buffer, sizeof(buffer));

  (void)what;
  job->received += len > 0 ? (int)len : 0;
}

/* The last one ends what else keeps the loop alive. */
static void on_response(fcgip_response *response, void *user_data)
{
  struct job *job = user_data;

  job->failed += !is_good(response);
  if (--job->left == 0) {
    event_del(job->ticker);
    event_del(job->reader);
  }
}

static int start_other_work(struct event_base *base, struct job *job)
{
  struct timeval period = {.tv_usec = TICK_US};

  if (pipe(job->ends) < 0)
    return -1;
  job->ticker = event_new(base, -1, EV_PERSIST, on_tick, job);
  job->reader = event_new(base, job->ends[0], EV_READ | EV_PERSIST, on_read, job);
  if (job->ticker == NULL || job->reader == NULL)
    return -1;
  return event_add(job->ticker, &period) < 0 || event_add(job->reader, NULL) < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
  struct event_base *base = event_base_new();
  fcgiproxy_event *driver = fcgiproxy_event_new(base);
  fcgip_proxy_options options = {
      .struct_size = sizeof(options), .watch_fn = fcgiproxy_event_watch, .watch_data = driver};
  struct job job = {.left = COUNT};
  fcgip_collection *servers = open_servers(argc - 1, argv + 1);
  fcgip_request *request = make_request(on_response, &job);

  if (driver == NULL || servers == NULL || request == NULL || start_other_work(base, &job) < 0 ||
      fcgip_proxy_new(&driver->loop.proxy, servers, &options) < 0)
    return 2;
  if (send_all(driver->loop.proxy, request, COUNT) < 0)
    return 2;
  fcgiproxy_event_update(driver);
  event_base_dispatch(base);
  printf("%d answered, %d failed, %d ticks, %d received\n", COUNT - job.left, job.failed, job.ticks,
         job.received);

  fcgiproxy_event_free(driver);
  event_free(job.ticker);
  event_free(job.reader);
  event_base_free(base);
  fcgip_request_free(request);
  fcgip_collection_free(servers);
  return job.failed > 0 || job.left > 0;
}
