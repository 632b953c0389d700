/* Hundreds of requests in flight, beside a timer and a pipe, in a loop around epoll: epoll ADDRESS... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <errno.h>
#include <servers.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { COUNT = 300, TICK_NS = 5000000, EVENTS = 64 };

struct job {
  int epoll, timer, ends[2]; /* of the pipe: each tick goes in, and comes out */
  int left, failed, ticks, received;
};

/* The proxy says what it waits for. EPOLLIN is POLLIN, EPOLLOUT is POLLOUT, and so on. */
static void watch(void *watch_data, int fd, short events)
{
  struct job *job = watch_data;
  struct epoll_event event = {.events = (uint32_t)events, .data = {.fd = fd}};

  if (events == 0)
    epoll_ctl(job->epoll, EPOLL_CTL_DEL, fd, &event);
  else if (epoll_ctl(job->epoll, EPOLL_CTL_MOD, fd, &event) < 0 && errno == ENOENT)
    epoll_ctl(job->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void on_response(fcgip_response *response, void *user_data)
{
  struct job *job = user_data;

  job->failed += !is_good(response);
  job->left--;
}

static int start_other_work(struct job *job)
{
  struct itimerspec period = {{0, TICK_NS}, {0, TICK_NS}};

  job->epoll = epoll_create1(EPOLL_CLOEXEC);
  job->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  if (job->epoll < 0 || job->timer < 0 || pipe(job->ends) < 0)
    return -1;
  watch(job, job->timer, EPOLLIN);
  watch(job, job->ends[0], EPOLLIN);
  return timerfd_settime(job->timer, 0, &period, NULL);
}

static void do_other_work(struct job *job, int fd)
{
  char buffer[64];
  ssize_t len = read(fd, buffer, sizeof(buffer));

  if (fd == job->timer)
    job->ticks += write(job->ends[1], "!", 1) == 1;
  else
    job->received += len > 0 ? (int)len : 0;
}

/* One turn. Callbacks may send: what comes of that at once is seen without waiting. */
static int turn(fcgip_proxy *proxy, struct job *job)
{
  struct epoll_event events[EVENTS];
  int handled = fcgip_proxy_handle_ready_responses(proxy, 0); /* calls the callbacks */
  int wait_ms = handled > 0 ? 0 : fcgip_proxy_timeout_ms(proxy);
  int n = epoll_wait(job->epoll, events, EVENTS, wait_ms), i;

  for (i = 0; i < n; i++)
    if (events[i].data.fd == job->timer || events[i].data.fd == job->ends[0])
      do_other_work(job, events[i].data.fd);
    else /* even if its connection is gone, because of an event before this one */
      fcgip_proxy_process_fd(proxy, events[i].data.fd, (short)events[i].events);
  fcgip_proxy_process_timers(proxy);
  return n;
}

int main(int argc, char **argv)
{
  struct job job = {.left = COUNT};
  fcgip_proxy_options options = {
      .struct_size = sizeof(options), .watch_fn = watch, .watch_data = &job};
  fcgip_proxy *proxy = NULL;
  fcgip_collection *servers = open_servers(argc - 1, argv + 1);
  fcgip_request *request = make_request(on_response, &job);

  if (servers == NULL || request == NULL || start_other_work(&job) < 0 ||
      fcgip_proxy_new(&proxy, servers, &options) < 0)
    return 2;
  if (send_all(proxy, request, COUNT) < 0)
    return 2;
  while (job.left > 0 && turn(proxy, &job) >= 0)
    ;
  printf("%d answered, %d failed, %d ticks, %d received\n", COUNT - job.left, job.failed, job.ticks,
         job.received);
  fcgip_request_free(request);
  fcgip_proxy_free(proxy);
  fcgip_collection_free(servers);
  return job.failed > 0 || job.left > 0;
}
