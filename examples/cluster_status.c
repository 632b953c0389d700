/* The status of many php-fpm servers at once: cluster_status [ADDRESS]... [--path PATH] */
#include <fcgiproxy/fcgiproxy.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define POOL(label, name) printf("- " label ": %" PRIu64 "\n", fcgip_php_fpm_status_##name(pool))
#define PROCESS(label, name) printf("  * " label ": %" PRIu64 "\n", fcgip_php_fpm_process_##name(p))

/* What a server sends may hold anything, and a terminal would obey it. */
static void text(const char *label, const char *value)
{
  for (printf("%s: ", label); *value != '\0'; value++)
    printf(*value >= ' ' && *value < 0x7f ? "%c" : "\\x%02x", *value & 0xff);
  putchar('\n');
}

static void moment(const char *label, time_t seconds)
{
  const struct tm *utc = seconds != 0 ? gmtime(&seconds) : NULL; /* 0: the server did not say */
  char iso[64];

  text(label, utc != NULL && strftime(iso, sizeof(iso), "%FT%T+00:00", utc) > 0 ? iso : "-");
}

/* 0 if the server told its status. */
static int print_server(const fcgip_server_status *server)
{
  const fcgip_php_fpm_status *pool = fcgip_server_status_php_fpm(server);
  const fcgip_php_fpm_process *p;

  printf("[ SERVER: %s ]\n", fcgip_endpoint_address(fcgip_server_status_endpoint(server)));
  if (pool == NULL)
    return printf("- Error: %s\n\n", fcgip_server_status_error_text(server));
  text("- Pool name", fcgip_php_fpm_status_pool_name(pool));
  text("- Process manager", fcgip_php_fpm_status_process_manager(pool));
  moment("- Started at", fcgip_php_fpm_status_start_time(pool));
  POOL("Seconds since start", start_since);
  POOL("Number of accepted connections", accepted_connections);
  POOL("Current listen queue", listen_queue);
  POOL("Listen queue maximum", max_listen_queue);
  POOL("Listen queue length", listen_queue_length);
  POOL("Number of idle processes", idle_processes);
  POOL("Number of active processes", active_processes);
  POOL("Number of total processes", total_processes);
  POOL("Number of active processes maximum", max_active_processes);
  POOL("Times max children reached", max_children_reached);
  POOL("Number of slow requests", slow_requests);
  printf("\nPrinting processes:\n\n");
  for (size_t i = 0; (p = fcgip_php_fpm_status_process(pool, i)) != NULL; i++) {
    printf("- [ PROCESS #%zu ]\n  * PID: %" PRId64 "\n", i + 1, fcgip_php_fpm_process_pid(p));
    text("  * State", fcgip_php_fpm_process_state(p));
    moment("  * Started at", fcgip_php_fpm_process_start_time(p));
    PROCESS("Seconds since start", start_since);
    PROCESS("Number of requests processed", requests);
    PROCESS("Last request duration", request_duration);
    text("  * Last request method", fcgip_php_fpm_process_request_method(p));
    text("  * Last request URI", fcgip_php_fpm_process_request_uri(p));
    PROCESS("Last content length", content_length);
    text("  * Last user", fcgip_php_fpm_process_user(p));
    text("  * Last script", fcgip_php_fpm_process_script(p));
    printf("  * CPU usage of last request: %g\n", fcgip_php_fpm_process_last_request_cpu(p));
    PROCESS("Memory usage of last request", last_request_memory);
    printf("\n\n---\n\n");
  }
  printf("Processing duration: %.14g seconds\n\n",
         fcgip_response_duration(fcgip_server_status_response(server)));
  return 0;
}

int main(int argc, char **argv)
{
  fcgip_endpoint *ends[256];
  fcgip_collection *servers = NULL;
  fcgip_cluster_proxy *cluster = NULL;
  fcgip_status_list *list = NULL;
  const char *path = "/status?full";
  int rc = argc <= 256 ? FCGIP_OK : FCGIP_EINVAL, failed = 0, i;
  size_t n = 0;

  for (i = 1; rc == FCGIP_OK && (i < argc || n == 0); i++)
    if (i + 1 < argc && strcmp(argv[i], "--path") == 0)
      path = argv[++i];
    else
      rc = fcgip_endpoint_parse(&ends[n++], i < argc ? argv[i] : "127.0.0.1:9000", NULL);
  if (rc < 0 || (rc = fcgip_cluster_new(&servers, (const fcgip_endpoint *const *)ends, n)) < 0 ||
      (rc = fcgip_cluster_proxy_new(&cluster, servers, NULL)) < 0 ||
      (rc = fcgip_cluster_proxy_get_status(cluster, path, 10000, &list)) < 0)
    fprintf(stderr, "%s\nusage: cluster_status [ADDRESS]... [--path PATH]\n", fcgip_strerror(rc));
  for (size_t at = 0; at < fcgip_status_list_count(list); at++)
    failed |= print_server(fcgip_status_list_at(list, at));
  while (n > 0)
    fcgip_endpoint_free(ends[--n]);
  fcgip_status_list_free(list);
  fcgip_cluster_proxy_free(cluster);
  fcgip_collection_free(servers);
  return rc == FCGIP_EINVAL ? 2 : rc < 0 || failed;
}
