/* The status of many php-fpm servers at once: cluster_status [ADDRESS]... [--path PATH] */
#include <fcgiproxy/fcgiproxy.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NUMBER "%" PRIu64 "\n"
#define POOL(name) fcgip_php_fpm_status_##name(pool)
#define PROCESS(name) fcgip_php_fpm_process_##name(process)

/* What a server sends may hold anything, and a terminal would obey it. Good for the next 7 calls. */
static const char *safe(const char *text)
{
  static char slots[8][4096];
  static unsigned next;
  char *slot = slots[next++ % 8];
  int n = 0;

  for (slot[0] = '\0'; *text != '\0' && n < (int)sizeof(slots[0]) - 4; text++)
    n += sprintf(slot + n, *text >= ' ' && *text < 0x7f ? "%c" : "\\x%02x", *text & 0xff);
  return slot;
}

static const char *moment(int64_t unix_seconds)
{
  static char iso[64];
  time_t t = (time_t)unix_seconds;
  const struct tm *utc = gmtime(&t);

  return utc != NULL && strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M:%S+00:00", utc) > 0 ? iso : "-";
}

static void print_status(const fcgip_php_fpm_status *pool)
{
  const fcgip_php_fpm_process *process;
  size_t i;

  printf("- Pool name: %s\n- Process manager: %s\n- Started at: %s\n- Seconds since start: " NUMBER
         "- Number of accepted connections: " NUMBER "- Current listen queue: " NUMBER
         "- Listen queue maximum: " NUMBER "- Listen queue length: " NUMBER
         "- Number of idle processes: " NUMBER "- Number of active processes: " NUMBER
         "- Number of total processes: " NUMBER "- Number of active processes maximum: " NUMBER
         "- Times max children reached: " NUMBER "- Number of slow requests: " NUMBER
         "\nPrinting processes:\n\n",
         safe(POOL(pool_name)), safe(POOL(process_manager)), moment(POOL(start_time)),
         POOL(start_since), POOL(accepted_connections), POOL(listen_queue), POOL(max_listen_queue),
         POOL(listen_queue_length), POOL(idle_processes), POOL(active_processes),
         POOL(total_processes), POOL(max_active_processes), POOL(max_children_reached),
         POOL(slow_requests));
  for (i = 0; (process = fcgip_php_fpm_status_process(pool, i)) != NULL; i++)
    printf("- [ PROCESS #%zu ]\n  * PID: %" PRId64 "\n  * State: %s\n  * Started at: %s\n"
           "  * Seconds since start: " NUMBER "  * Number of requests processed: " NUMBER
           "  * Last request duration: " NUMBER
           "  * Last request method: %s\n  * Last request URI: %s\n"
           "  * Last content length: " NUMBER "  * Last user: %s\n  * Last script: %s\n"
           "  * CPU usage of last request: %g\n  * Memory usage of last request: " NUMBER
           "\n\n---\n\n",
           i + 1, PROCESS(pid), safe(PROCESS(state)), moment(PROCESS(start_time)),
           PROCESS(start_since), PROCESS(requests), PROCESS(request_duration),
           safe(PROCESS(request_method)), safe(PROCESS(request_uri)), PROCESS(content_length),
           safe(PROCESS(user)), safe(PROCESS(script)), PROCESS(last_request_cpu),
           PROCESS(last_request_memory));
}

/* 0 if all servers told their status. */
static int print_all(const fcgip_status_list *list)
{
  const fcgip_server_status *server;
  int failed = 0;
  size_t i;

  for (i = 0; (server = fcgip_status_list_at(list, i)) != NULL; i++) {
    printf("[ SERVER: %s ]\n", fcgip_endpoint_address(fcgip_server_status_endpoint(server)));
    if (fcgip_server_status_error(server) < 0) {
      printf("- Error: %s\n\n", fcgip_server_status_error_text(server));
      failed = 1;
      continue;
    }
    print_status(fcgip_server_status_php_fpm(server));
    printf("Processing duration: %.14g seconds\n\n",
           fcgip_response_duration(fcgip_server_status_response(server)));
  }
  return failed;
}

int main(int argc, char **argv)
{
  fcgip_endpoint **endpoints = calloc((size_t)argc + 1, sizeof(*endpoints));
  const char *path = "/status?full";
  fcgip_collection *servers = NULL;
  fcgip_cluster_proxy *cluster = NULL;
  fcgip_status_list *list = NULL;
  int rc = endpoints != NULL ? FCGIP_OK : FCGIP_ENOMEM, failed, i;
  size_t count = 0;

  for (i = 1; i < argc && rc == FCGIP_OK; i++)
    if (strcmp(argv[i], "--path") == 0 && i + 1 < argc)
      path = argv[++i];
    else if ((rc = fcgip_endpoint_parse(&endpoints[count++], argv[i], NULL)) < 0)
      fprintf(stderr, "%s: ", argv[i]);
  if (rc == FCGIP_OK && count == 0)
    rc = fcgip_endpoint_parse(&endpoints[count++], "127.0.0.1:9000", NULL);
  if (rc < 0 ||
      (rc = fcgip_cluster_new(&servers, (const fcgip_endpoint *const *)endpoints, count)) < 0 ||
      (rc = fcgip_cluster_proxy_new(&cluster, servers, NULL)) < 0 ||
      (rc = fcgip_cluster_proxy_get_status(cluster, path, 10000, &list)) < 0)
    fprintf(stderr, "%s\nusage: cluster_status [ADDRESS]... [--path PATH]\n", fcgip_strerror(rc));
  failed = print_all(list);
  fcgip_status_list_free(list);
  fcgip_cluster_proxy_free(cluster);
  fcgip_collection_free(servers);
  while (count > 0)
    fcgip_endpoint_free(endpoints[--count]);
  free(endpoints);
  return rc == FCGIP_EINVAL ? 2 : rc < 0 || failed;
}
