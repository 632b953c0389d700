/* More scenarios: status pages, event loops, contents. */
#include <stdio.h>
#include <string.h>

#include "support/fault_bench.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void get_status(fault_bench *bench, const char *path, const char *page)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_ENOMEM};
  static const int named[] = {FCGIP_OK,     FCGIP_ECONNECT, FCGIP_EBUSY,  FCGIP_ETIMEDOUT,
                              FCGIP_EWRITE, FCGIP_EREAD,    FCGIP_ENOMEM, FCGIP_ESTATUSPATH};
  fcgip_status_list *list = NULL;
  size_t i;
  int rc;

  bench->page = page;
  if (fault_endpoint(bench, "unix") < 0 || fault_endpoint(bench, "dead") < 0 ||
      fault_cluster(bench) < 0)
    return;
  rc = fcgip_cluster_proxy_get_status(bench->cluster, path, 2000, &list);
  fault_expect(bench, "get_status", rc, allowed, COUNT_OF(allowed));
  if ((rc == FCGIP_OK) != (list != NULL))
    fault_wrong(bench, "a list and an error, or neither");
  if (list != NULL && fcgip_status_list_count(list) != 2)
    fault_wrong(bench, "%zu entries", fcgip_status_list_count(list));
  for (i = 0; i < fcgip_status_list_count(list); i++) {
    const fcgip_server_status *status = fcgip_status_list_at(list, i);
    const fcgip_php_fpm_status *page_of = fcgip_server_status_php_fpm(status);
    int error = fcgip_server_status_error(status);

    fault_expect(bench, "an entry", error, named, COUNT_OF(named));
    if ((error == FCGIP_OK) != (page_of != NULL))
      fault_wrong(bench, "a status and an error, or neither");
    if (page_of != NULL && (fcgip_php_fpm_status_accepted_connections(page_of) != 17 ||
                            fcgip_php_fpm_status_idle_processes(page_of) != 2))
      fault_wrong(bench, "a wrong status");
  }
  fcgip_status_list_free(list);
}

void fault_status_text(fault_bench *bench)
{
  get_status(bench, "/status?full",
             "Content-Type: text/plain\r\n\r\n"
             "pool:                 www\n"
             "process manager:      dynamic\n"
             "start time:           22/Nov/2026:17:38:55 +0000\n"
             "start since:          58\n"
             "accepted conn:        17\n"
             "listen queue:         0\n"
             "max listen queue:     0\n"
             "listen queue len:     0\n"
             "idle processes:       2\n"
             "active processes:     1\n"
             "total processes:      3\n"
             "max active processes: 1\n"
             "max children reached: 0\n"
             "slow requests:        0\n"
             "\n"
             "************************\n"
             "pid:                  1234\n"
             "state:                Idle\n"
             "start time:           22/Nov/2026:17:38:55 +0000\n"
             "start since:          58\n"
             "requests:             1\n"
             "request duration:     154\n"
             "request method:       GET\n"
             "request URI:          /index.php\n"
             "content length:       0\n"
             "user:                 -\n"
             "script:               /srv/index.php\n"
             "last request cpu:     0.00\n"
             "last request memory:  2097152\n");
}

void fault_status_json(fault_bench *bench)
{
  get_status(bench, "/status?json&full",
             "Content-Type: application/json\r\n\r\n"
             "{\"pool\":\"www\",\"process manager\":\"dynamic\",\"start time\":1795369135,"
             "\"start since\":58,\"accepted conn\":17,\"listen queue\":0,\"max listen queue\":0,"
             "\"listen queue len\":0,\"idle processes\":2,\"active processes\":1,"
             "\"total processes\":3,\"max active processes\":1,\"max children reached\":0,"
             "\"slow requests\":0,\"client\":\"extra\", \"processes\":[{\"pid\":1234,"
             "\"state\":\"Idle\",\"start time\":1795369135,\"start since\":58,\"requests\":1,"
             "\"request duration\":154,\"request method\":\"GET\",\"request uri\":\"/a?b=\\\"c\","
             "\"content length\":0,\"user\":\"-\",\"script\":\"/srv/index.php\","
             "\"last request cpu\":0.00,\"last request memory\":2097152}]}");
}

void fault_status_xml(fault_bench *bench)
{
  get_status(bench, "/status?xml&full",
             "Content-Type: text/xml\r\n\r\n"
             "<?xml version=\"1.0\" ?>\n<status>\n<pool>www</pool>\n"
             "<process-manager>dynamic</process-manager>\n<start-time>1795369135</start-time>\n"
             "<start-since>58</start-since>\n<accepted-conn>17</accepted-conn>\n"
             "<listen-queue>0</listen-queue>\n<max-listen-queue>0</max-listen-queue>\n"
             "<listen-queue-len>0</listen-queue-len>\n<idle-processes>2</idle-processes>\n"
             "<active-processes>1</active-processes>\n<total-processes>3</total-processes>\n"
             "<max-active-processes>1</max-active-processes>\n"
             "<max-children-reached>0</max-children-reached>\n<slow-requests>0</slow-requests>\n"
             "<processes>\n<process><pid>1234</pid><state>Idle</state>"
             "<start-time>1795369135</start-time><start-since>58</start-since>"
             "<requests>1</requests><request-duration>154</request-duration>"
             "<request-method>GET</request-method><request-uri>/a?b&amp;c</request-uri>"
             "<content-length>0</content-length><user>-</user><script>/srv/i.php</script>"
             "<last-request-cpu>0.00</last-request-cpu>"
             "<last-request-memory>0</last-request-memory></process>\n</processes>\n</status>");
}

void fault_status_openmetrics(fault_bench *bench)
{
  get_status(bench, "/status?openmetrics",
             "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n\r\n"
             "# HELP phpfpm_up Could pool www using a dynamic PM on PHP-FPM be reached?\n"
             "# TYPE phpfpm_up gauge\nphpfpm_up 1\n"
             "# TYPE phpfpm_start_since gauge\nphpfpm_start_since 58\n"
             "# TYPE phpfpm_accepted_connections gauge\nphpfpm_accepted_connections 17\n"
             "# TYPE phpfpm_listen_queue gauge\nphpfpm_listen_queue 1\n"
             "# TYPE phpfpm_max_listen_queue gauge\nphpfpm_max_listen_queue 6\n"
             "# TYPE phpfpm_listen_queue_length gauge\nphpfpm_listen_queue_length 128\n"
             "# TYPE phpfpm_idle_processes gauge\nphpfpm_idle_processes 2\n"
             "# TYPE phpfpm_active_processes gauge\nphpfpm_active_processes 2\n"
             "# TYPE phpfpm_total_processes gauge\nphpfpm_total_processes 4\n"
             "# TYPE phpfpm_max_active_processes gauge\nphpfpm_max_active_processes 3\n"
             "# TYPE phpfpm_max_children_reached gauge\nphpfpm_max_children_reached 5\n"
             "# TYPE phpfpm_slow_requests gauge\nphpfpm_slow_requests 7\n"
             "# EOF\n");
}

/* Two requests, and whatever the loop needs to get them done. */
static int send_two(fault_bench *bench)
{
  size_t i;

  bench->options.max_idle_connections = 1;
  if (fault_endpoint(bench, "tcp") < 0 || fault_proxy(bench) < 0)
    return 0;
  for (i = 0; i < 2; i++) {
    fault_request *request = fault_request_new(bench, "POST", 100 * i);

    if (request == NULL)
      return 0;
    (void)fault_send(request);
  }
  return 1;
}

static void take_ready(fault_bench *bench)
{
  fcgip_response *response;

  while (fcgip_proxy_next_response(bench->proxy, 0, &response) == 1)
    fault_take(bench, response);
}

static void process(fault_bench *bench, const struct pollfd *fds, size_t count)
{
  size_t i;

  for (i = 0; i < count; i++)
    if (fds[i].revents != 0 &&
        fcgip_proxy_process_fd(bench->proxy, fds[i].fd, fds[i].revents) != FCGIP_OK)
      fault_wrong(bench, "process_fd fails");
  if (fcgip_proxy_process_timers(bench->proxy) != FCGIP_OK)
    fault_wrong(bench, "process_timers fails");
  take_ready(bench);
}

void fault_loop_pull(fault_bench *bench)
{
  struct pollfd fds[16];

  if (!send_two(bench))
    return;
  take_ready(bench);
  while (fcgip_proxy_has_unhandled_responses(bench->proxy) && !bench->world.failed) {
    size_t count = fcgip_proxy_fds(bench->proxy, fds, COUNT_OF(fds));

    sim_poll(&bench->client, fds, count, fcgip_proxy_timeout_ms(bench->proxy));
    process(bench, fds, count);
  }
}

static size_t watched(fault_bench *bench, struct pollfd *fds, size_t cap)
{
  size_t count = 0;
  int fd;

  for (fd = 0; fd < bench->net.top_fd && count < cap; fd++) {
    if (bench->net.watched[fd] == 0)
      continue;
    fds[count].fd = fd;
    fds[count].events = bench->net.watched[fd];
    fds[count++].revents = 0;
  }
  return count;
}

void fault_loop_push(fault_bench *bench)
{
  struct pollfd fds[16];

  bench->proxy_options.watch_fn = sim_client_watch;
  bench->proxy_options.watch_data = &bench->client;
  if (!send_two(bench))
    return;
  take_ready(bench);
  while (fcgip_proxy_has_unhandled_responses(bench->proxy) && !bench->world.failed) {
    size_t count = watched(bench, fds, COUNT_OF(fds));

    sim_poll(&bench->client, fds, count, fcgip_proxy_timeout_ms(bench->proxy));
    process(bench, fds, count);
  }
}

void fault_loop_poll(fault_bench *bench)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_EAGAIN};

  if (!send_two(bench))
    return;
  while (fcgip_proxy_has_unhandled_responses(bench->proxy) && !bench->world.failed) {
    fault_expect(bench, "poll", fcgip_proxy_poll(bench->proxy, 100), allowed, COUNT_OF(allowed));
    take_ready(bench);
  }
}

/* As long as there is memory: what is half made must not show. */
static int set_contents(fault_request *request)
{
  const fcgip_allocator *hook = &request->bench->hook;
  fcgip_multipart *multipart = NULL;
  fcgip_form *form = NULL;
  int rc = fcgip_form_new_with_allocator(&form, hook);

  if (rc == FCGIP_OK)
    rc = fcgip_form_add(form, "a b", "\xc3\xa4=&");
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_form(request->request, form);
  if (rc == FCGIP_OK)
    rc = fcgip_multipart_new_with_allocator(&multipart, hook);
  if (rc == FCGIP_OK)
    rc = fcgip_multipart_add(multipart, "name", "value");
  if (rc == FCGIP_OK)
    rc = fcgip_multipart_add_data(multipart, "file", "data", 4, "f.txt", NULL);
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_multipart(request->request, multipart);
  if (rc == FCGIP_OK)
    rc = fcgip_json_content(request->request, "{}");
  fcgip_form_free(form);
  fcgip_multipart_free(multipart);
  return rc;
}

void fault_contents(fault_bench *bench)
{
  static const int allowed[] = {FCGIP_OK, FCGIP_ENOMEM};
  fault_request *request;
  int rc;

  if (fault_endpoint(bench, "unix") < 0 || fault_proxy(bench) < 0)
    return;
  request = fault_request_new(bench, "POST", 0);
  if (request == NULL)
    return;
  rc = set_contents(request);
  fault_expect(bench, "setting contents", rc, allowed, COUNT_OF(allowed));
  if (rc < 0 || !fault_callbacks(request))
    return;
  /* The content is not what the server's token says; nobody looks. */
  if (fcgip_request_set_content(request->request, NULL, 0) == FCGIP_OK && fault_send(request))
    fault_wait(bench, -1);
}
