/* Hundreds of requests in flight, beside a timer and a pipe, in a loop around poll(2): poll ADDRESS... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <poll.h>
#include <servers.h>
#include <time.h>
#include <unistd.h>

enum { COUNT = 300, TICK_MS = 5 };

struct job {
  int ends[2]; /* of the pipe: each tick is written to one, and comes out of the other */
  int left, failed, ticks, received;
};

static void on_response(fcgip_response *response, void *user_data)
{
  struct job *job = user_data;

  job->failed += !is_good(response);
  job->left--;
}

static long now_ms(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The other work of this loop, and how long until there is more. */
static int tick(struct job *job, long *due)
{
  long left = *due - now_ms();

  if (left > 0)
    return (int)left;
  job->ticks += write(job->ends[1], "!", 1) == 1;
  *due += TICK_MS;
  return 0;
}

static void read_pipe(struct job *job)
{
  char buffer[64];
  ssize_t len = read(job->ends[0], buffer, sizeof(buffer));

  job->received += len > 0 ? (int)len : 0;
}

/* One turn: the first descriptor is ours, the others are the proxy's, other ones each time. Callbacks may
 * send: what comes of that at once is seen without waiting. */
static int turn(fcgip_proxy *proxy, struct job *job, struct pollfd *fds, size_t cap, long *due)
{
  int handled = fcgip_proxy_handle_ready_responses(proxy, 0); /* calls the callbacks */
  size_t count = 1 + fcgip_proxy_fds(proxy, fds + 1, cap - 1), i;
  int proxy_ms = handled > 0 ? 0 : fcgip_proxy_timeout_ms(proxy), wait_ms = tick(job, due);

  if (count > cap) /* the rest waits for a turn of its own */
    count = cap;
  fds[0] = (struct pollfd){.fd = job->ends[0], .events = POLLIN};
  if (proxy_ms >= 0 && proxy_ms < wait_ms)
    wait_ms = proxy_ms;
  if (poll(fds, (nfds_t)count, wait_ms) < 0)
    return -1;
  for (i = 1; i < count; i++)
    fcgip_proxy_process_fd(proxy, fds[i].fd, fds[i].revents);
  fcgip_proxy_process_timers(proxy);
  if (fds[0].revents != 0)
    read_pipe(job);
  return 0;
}

int main(int argc, char **argv)
{
  struct pollfd fds[1 + COUNT];
  struct job job = {.left = COUNT};
  fcgip_proxy *proxy = NULL;
  fcgip_collection *servers = open_servers(argc - 1, argv + 1);
  fcgip_request *request = make_request(on_response, &job);
  long due = now_ms() + TICK_MS;

  if (servers == NULL || request == NULL || pipe(job.ends) < 0 ||
      fcgip_proxy_new(&proxy, servers, NULL) < 0)
    return 2;
  if (send_all(proxy, request, COUNT) < 0)
    return 2;
  while (job.left > 0 && turn(proxy, &job, fds, 1 + COUNT, &due) >= 0)
    ;
  printf("%d answered, %d failed, %d ticks, %d received\n", COUNT - job.left, job.failed, job.ticks,
         job.received);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  fcgip_collection_free(servers);
  return job.failed > 0 || job.left > 0;
}
