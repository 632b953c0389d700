/* Hundreds of requests in flight, beside a timer and a pipe, in one GLib main loop: glib ADDRESS... */
#define _XOPEN_SOURCE 700 /* realpath */
#include <fcgiproxy_glib.h>
#include <servers.h>
#include <unistd.h>

enum { COUNT = 300, TICK_MS = 5 };

struct job {
  GMainLoop *loop;
  int ends[2]; /* of the pipe: each tick is written to one, and comes out of the other */
  int left, failed, ticks, received;
};

static gboolean on_tick(gpointer data)
{
  struct job *job = data;

  job->ticks += write(job->ends[1], "!", 1) == 1;
  return G_SOURCE_CONTINUE;
}

static gboolean on_read(gint end, GIOCondition condition, gpointer data)
{
  struct job *job = data;
  char buffer[64];
  ssize_t len = read(end, buffer, sizeof(buffer));

  (void)condition;
  job->received += len > 0 ? (int)len : 0;
  return G_SOURCE_CONTINUE;
}

static void on_response(fcgip_response *response, void *user_data)
{
  struct job *job = user_data;

  job->failed += !is_good(response);
  if (--job->left == 0)
    g_main_loop_quit(job->loop);
}

int main(int argc, char **argv)
{
  fcgiproxy_glib *driver = fcgiproxy_glib_new(NULL);
  fcgip_proxy_options options = {
      .struct_size = sizeof(options), .watch_fn = fcgiproxy_glib_watch, .watch_data = driver};
  struct job job = {.loop = g_main_loop_new(NULL, FALSE), .left = COUNT};
  fcgip_collection *servers = open_servers(argc - 1, argv + 1);
  fcgip_request *request = make_request(on_response, &job);
  guint ticker, reader;

  if (servers == NULL || request == NULL || pipe(job.ends) < 0 ||
      fcgip_proxy_new(&driver->loop.proxy, servers, &options) < 0)
    return 2;
  ticker = g_timeout_add(TICK_MS, on_tick, &job);
  reader = g_unix_fd_add(job.ends[0], G_IO_IN, on_read, &job);
  if (send_all(driver->loop.proxy, request, COUNT) < 0)
    return 2;
  fcgiproxy_glib_update(driver);
  g_main_loop_run(job.loop);
  printf("%d answered, %d failed, %d ticks, %d received\n", COUNT - job.left, job.failed, job.ticks,
         job.received);

  fcgiproxy_glib_free(driver);
  g_source_remove(ticker);
  g_source_remove(reader);
  g_main_loop_unref(job.loop);
  fcgip_request_free(request);
  fcgip_collection_free(servers);
  return job.failed > 0 || job.left > 0;
}
