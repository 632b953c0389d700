/* Hundreds of requests in flight, beside a timer and a pipe, in one libuv loop: libuv ADDRESS... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fcgiproxy_uv.h>
#include <servers.h>
#include <unistd.h>

enum { COUNT = 300, TICK_MS = 5 };

struct job {
  uv_timer_t ticker;
  uv_pipe_t reader;
  int ends[2]; /* of the pipe: each tick is written to one, and comes out of the other */
  int left, failed, ticks, received;
  char buffer[64];
};

static void on_tick(uv_timer_t *ticker)
{
  struct job *job = ticker->data;

  job->ticks += write(job->ends[1], "!", 1) == 1;
}

static void on_buffer(uv_handle_t *reader, size_t size, uv_buf_t *buffer)
{
  struct job *job = reader->data;

  (void)size;
  *buffer = uv_buf_init(job->buffer, sizeof(job->buffer));
}

static void on_read(uv_stream_t *reader, ssize_t len, const uv_buf_t *buffer)
{
  struct job *job = reader->data;

  (void)buffer;
  job->received += len > 0 ? (int)len : 0;
}

/* The last one closes what else keeps the loop alive. */
static void on_response(fcgip_response *response, void *user_data)
{
  struct job *job = user_data;

  job->failed += !is_good(response);
  if (--job->left == 0) {
    uv_close((uv_handle_t *)&job->ticker, NULL);
    uv_close((uv_handle_t *)&job->reader, NULL);
  }
}

static int start_other_work(uv_loop_t *loop, struct job *job)
{
  job->ticker.data = job->reader.data = job;
  return pipe(job->ends) < 0 || uv_timer_init(loop, &job->ticker) < 0 ||
                 uv_timer_start(&job->ticker, on_tick, TICK_MS, TICK_MS) < 0 ||
                 uv_pipe_init(loop, &job->reader, 0) < 0 ||
                 uv_pipe_open(&job->reader, job->ends[0]) < 0 ||
                 uv_read_start((uv_stream_t *)&job->reader, on_buffer, on_read) < 0
             ? -1
             : 0;
}

int main(int argc, char **argv)
{
  uv_loop_t *loop = uv_default_loop();
  fcgiproxy_uv *driver = fcgiproxy_uv_new(loop);
  fcgip_proxy_options options = {
      .struct_size = sizeof(options), .watch_fn = fcgiproxy_uv_watch, .watch_data = driver};
  struct job job = {.left = COUNT};
  fcgip_collection *servers = open_servers(argc - 1, argv + 1);
  fcgip_request *request = make_request(on_response, &job);

  if (driver == NULL || servers == NULL || request == NULL || start_other_work(loop, &job) < 0 ||
      fcgip_proxy_new(&driver->loop.proxy, servers, &options) < 0)
    return 2;
  if (send_all(driver->loop.proxy, request, COUNT) < 0)
    return 2;
  fcgiproxy_uv_update(driver);
  uv_run(loop, UV_RUN_DEFAULT);
  printf("%d answered, %d failed, %d ticks, %d received\n", COUNT - job.left, job.failed, job.ticks,
         job.received);

  fcgiproxy_uv_free(driver);
  uv_run(loop, UV_RUN_DEFAULT); /* closes what is left */
  uv_loop_close(loop);
  fcgip_request_free(request);
  fcgip_collection_free(servers);
  return job.failed > 0 || job.left > 0;
}
