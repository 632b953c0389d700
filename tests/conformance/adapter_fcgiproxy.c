/* libfcgiproxy, through its public functions alone. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance/adapter.h"
#include "conformance/fcgiproxy.h"
#include "conformance/memory.h"

struct conf_session {
  fcgip_endpoint *endpoint;
  fcgip_collection *collection;
  fcgip_proxy *proxy;
  fcgip_request *request;
  fcgip_request_id id;
  fcgip_response *response;
  int error; /* of what came before there was a request in flight */
  unsigned drive;
};

static size_t blocks_before;
static int free_fd_before;

/* The lowest descriptor that is free: if one was leaked below the ones that are left, it moves. */
static int lowest_free_fd(void)
{
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

  if (fd >= 0)
    close(fd);
  return fd;
}

static const char *set_up(const char *folder, size_t slots)
{
  (void)folder;
  (void)slots;
  return NULL;
}

static void tear_down(void)
{
}

conf_verdict conf_fcgiproxy_verdict(int error, int error_number)
{
  static const struct {
    int error;
    conf_verdict verdict;
  } names[] = {{FCGIP_OK, V_OK},
               {FCGIP_EINVAL, V_ARG},
               {FCGIP_ENOTFOUND, V_STATE},
               {FCGIP_EREENTRANT, V_STATE},
               {FCGIP_EQUEUEFULL, V_QUEUE_FULL},
               {FCGIP_ERESOLVE, V_RESOLVE},
               {FCGIP_ECONNECT, V_CONNECT},
               {FCGIP_EBUSY, V_BUSY},
               {FCGIP_ETIMEDOUT, V_TIMEOUT},
               {FCGIP_EWRITE, V_SEND},
               {FCGIP_ECANCELED, V_CANCELLED},
               {FCGIP_EPROTO, V_PROTO},
               {FCGIP_EHEADER, V_HEADER},
               {FCGIP_ETOOLARGE, V_LIMIT},
               {FCGIP_ELENGTH, V_LENGTH},
               {FCGIP_ECANTMPX, V_REJECTED_MPX},
               {FCGIP_EOVERLOADED, V_REJECTED_OVERLOADED},
               {FCGIP_EROLE, V_REJECTED_ROLE},
               {FCGIP_EREFUSED, V_REJECTED_OTHER},
               {FCGIP_ENOMEM, V_NOMEM}};
  size_t i;

  if (error == FCGIP_EREAD)
    return error_number == 0 ? V_CLOSED_EARLY : error_number == ECONNRESET ? V_RESET : V_RECV;
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    if (names[i].error == error)
      return names[i].verdict;
  return V_NONE;
}

fcgip_endpoint_options conf_fcgiproxy_options(const conf_request *q)
{
  fcgip_endpoint_options options = {0};

  options.struct_size = sizeof(options);
  options.connect_timeout_ms = q->connect_ms;
  options.read_write_timeout_ms = q->read_write_ms > 0 ? q->read_write_ms : 30000;
  options.first_byte_timeout_ms = q->first_byte_ms;
  options.request_timeout_ms = q->total_ms;
  options.max_connections = q->max_connections;
  options.max_idle_connections = (uint32_t)q->keep;
  options.idle_timeout_ms = q->keep > 0 ? 60000 : 0;
  options.max_header_bytes = q->max_header_bytes;
  options.max_headers = q->max_headers;
  options.max_stderr_bytes = q->max_stderr_bytes;
  options.max_body_bytes = q->max_body_bytes;
  options.allocator = memory_allocator();
  return options;
}

int conf_fcgiproxy_request(fcgip_request **out, const conf_request *q)
{
  int rc = fcgip_request_new_with_allocator(out, q->method != NULL ? q->method : "GET",
                                            "/srv/app.php", memory_allocator());
  size_t i;

  for (i = 0; rc == FCGIP_OK && i < q->param_count; i++)
    rc = fcgip_request_set_custom_var(*out, q->params[i].name, q->params[i].value);
  if (rc == FCGIP_OK && q->content_len > 0)
    rc = fcgip_request_set_content_ref(*out, q->content, q->content_len, NULL, NULL);
  if (rc == FCGIP_OK && q->role != 0)
    rc = fcgip_request_set_role(*out, q->role);
  if (rc == FCGIP_OK && q->is_retry_safe != 0)
    rc = fcgip_request_set_retry_safe(*out, q->is_retry_safe > 0);
  return rc;
}

static conf_session *session_new(const conf_request *q, const char *address, size_t slot)
{
  conf_session *s = calloc(1, sizeof(*s));
  fcgip_endpoint_options endpoint = conf_fcgiproxy_options(q);
  fcgip_proxy_options options = {0};
  const fcgip_endpoint *list[1];

  (void)slot;
  if (s == NULL)
    abort();
  blocks_before = memory_blocks();
  free_fd_before = lowest_free_fd();
  options.struct_size = sizeof(options);
  options.allocator = memory_allocator();
  s->error = fcgip_endpoint_parse(&s->endpoint, address, &endpoint);
  list[0] = s->endpoint;
  if (s->error == FCGIP_OK)
    s->error = fcgip_round_robin_new(&s->collection, list, 1);
  if (s->error == FCGIP_OK)
    s->error = fcgip_proxy_new(&s->proxy, s->collection, &options);
  if (s->error == FCGIP_OK)
    s->error = conf_fcgiproxy_request(&s->request, q);
  return s;
}

static void session_free(conf_session *s)
{
  fcgip_response_free(s->response);
  fcgip_request_free(s->request);
  fcgip_proxy_free(s->proxy);
  fcgip_collection_free(s->collection);
  fcgip_endpoint_free(s->endpoint);
  free(s);
}

static const char *complaint(void)
{
  static char text[80];

  if (memory_blocks() != blocks_before) {
    snprintf(text, sizeof(text), "%ld blocks of memory leaked",
             (long)memory_blocks() - (long)blocks_before);
    return text;
  }
  return lowest_free_fd() != free_fd_before ? "a descriptor leaked" : NULL;
}

static void start(conf_session *s)
{
  s->drive++;
  s->id = 0;
  if (s->request != NULL && s->error == FCGIP_OK)
    s->error = fcgip_proxy_send_async_request(s->proxy, s->request, &s->id);
}

/* As an event loop of the user's own does it. */
static void turn(fcgip_proxy *proxy, int timeout_ms)
{
  struct pollfd fds[8];
  size_t n = fcgip_proxy_fds(proxy, fds, 8), i;
  int due = fcgip_proxy_timeout_ms(proxy);

  if (n > 8)
    abort();
  poll(fds, (nfds_t)n, due >= 0 && due < timeout_ms ? due : timeout_ms);
  for (i = 0; i < n; i++)
    fcgip_proxy_process_fd(proxy, fds[i].fd, fds[i].revents);
  fcgip_proxy_process_timers(proxy);
}

/* The ways to drive the library take turns. */
static int poll_once(conf_session *s, int timeout_ms)
{
  if (s->error != FCGIP_OK)
    return 1;
  switch (s->drive % 4) {
  case 0:
    return fcgip_proxy_next_response(s->proxy, timeout_ms, &s->response) != 0;
  case 1:
    fcgip_proxy_poll(s->proxy, timeout_ms);
    if (fcgip_proxy_has_response(s->proxy, s->id) == 0)
      return 0;
    break;
  case 2:
    turn(s->proxy, timeout_ms);
    if (fcgip_proxy_pending(s->proxy) > 0)
      return 0;
    break;
  default:
    return fcgip_proxy_read_response(s->proxy, s->id, timeout_ms, &s->response) != FCGIP_EAGAIN;
  }
  fcgip_proxy_read_response(s->proxy, s->id, 0, &s->response);
  return 1;
}

void conf_fcgiproxy_result(const fcgip_response *response, conf_result *result)
{
  const char *name, *value;
  const void *bytes;
  size_t len, i;

  conf_result_clear(result);
  result->error_number = fcgip_response_errno(response);
  result->verdict = conf_fcgiproxy_verdict(fcgip_response_error(response), result->error_number);
  value = fcgip_response_error_text(response);
  conf_bytes_set(&result->text, value, strlen(value));
  result->status = fcgip_response_status(response);
  value = fcgip_response_status_text(response);
  conf_bytes_set(&result->status_text, value, strlen(value));
  for (i = 0; fcgip_response_header_at(response, i, &name, &value) == FCGIP_OK; i++) {
    conf_bytes_add(&result->headers, name, strlen(name));
    conf_bytes_add(&result->headers, ": ", 2);
    conf_bytes_add(&result->headers, value, strlen(value));
    conf_bytes_add(&result->headers, "\n", 1);
  }
  bytes = fcgip_response_body(response, &len);
  conf_bytes_set(&result->body, bytes, len);
  bytes = fcgip_response_output(response, &len);
  conf_bytes_set(&result->output, bytes, len);
  bytes = fcgip_response_stderr(response, &len);
  conf_bytes_set(&result->error_output, bytes, len);
  result->app_status = fcgip_response_app_status(response);
  result->is_partial = fcgip_response_is_partial(response);
  result->is_truncated = fcgip_response_stderr_is_truncated(response);
  result->is_retry_safe = fcgip_response_is_retry_safe(response);
}

static void finish(conf_session *s, conf_result *result)
{
  if (s->response != NULL) {
    conf_fcgiproxy_result(s->response, result);
    fcgip_response_free(s->response);
    s->response = NULL;
    return;
  }
  conf_result_clear(result);
  result->verdict = s->error != FCGIP_OK ? conf_fcgiproxy_verdict(s->error, 0) : V_HANG;
  conf_bytes_set(&result->text, fcgip_strerror(s->error), strlen(fcgip_strerror(s->error)));
  if (s->id != 0)
    fcgip_proxy_cancel(s->proxy, s->id);
}

static void run(conf_session *s, conf_result *result)
{
  if (s->error == FCGIP_OK)
    s->error = fcgip_proxy_send_request(s->proxy, s->request, &s->response);
  if (s->response != NULL)
    s->error = FCGIP_OK;
  finish(s, result);
}

const conf_adapter conf_adapter_fcgiproxy = {
    .name = "libfcgiproxy",
    .can = CAN_TCP | CAN_KEEP | CAN_PARAMS | CAN_CONTENT | CAN_ROLE | CAN_TIMEOUTS | CAN_LIMITS |
           TELLS_HEADERS | TELLS_HEADER_LIST | TELLS_STDERR | TELLS_APP_STATUS | TELLS_NAMES |
           TELLS_FLAGS | TELLS_PARTIAL | HAS_API | IS_EXACT | CAN_METHOD | HAS_DEADLINE,
    .set_up = set_up,
    .tear_down = tear_down,
    .session_new = session_new,
    .session_free = session_free,
    .start = start,
    .poll = poll_once,
    .finish = finish,
    .run = run,
    .complaint = complaint,
};
