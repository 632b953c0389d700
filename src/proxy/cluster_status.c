/* The status of every server at once. */
#include <string.h>

#include "fcgiproxy/error.h"
#include "message/request.h"
#include "proxy/cluster_send.h"
#include "status/status_list.h"

/* A status page is asked for by its path, exactly as in pm.status_path; format and `full` are in the query. */
static int status_request(fcgip_request **out, const fcgip__mem *mem, const char *path)
{
  const char *question = strchr(path, '?');
  size_t len = question != NULL ? (size_t)(question - path) : strlen(path);
  const fcgip_allocator allocator = {.struct_size = (uint32_t)sizeof(allocator),
                                     .malloc_fn = mem->malloc_fn,
                                     .realloc_fn = mem->realloc_fn,
                                     .free_fn = mem->free_fn,
                                     .user_data = mem->user_data};
  char *script = fcgip__mem_strndup(mem, path, len);
  int rc;

  if (script == NULL)
    return FCGIP_ENOMEM;
  rc = fcgip_request_new_with_allocator(out, "GET", script, &allocator);
  if (rc == FCGIP_OK) {
    rc = fcgip_request_set_custom_var(*out, "SCRIPT_NAME", script);
    if (rc == FCGIP_OK)
      rc = fcgip_request_set_request_uri(*out, path);
    if (rc == FCGIP_OK)
      rc = fcgip_request_set_custom_var(*out, "QUERY_STRING", question != NULL ? question + 1 : "");
    if (rc < 0) {
      fcgip_request_free(*out);
      *out = NULL;
    }
  }
  fcgip__mem_free(mem, script);
  return rc;
}

/* Nobody else knows this id: the request and its result end here. */
static void give_up(fcgip__front *front, fcgip_request_id id)
{
  fcgip__exchange *exchange;

  fcgip__front_enter(front);
  exchange = fcgip__engine_find(front->engine, id);
  if (exchange != NULL) {
    fcgip__engine_cancel(front->engine, exchange);
    fcgip_response_free(fcgip__engine_take(front->engine, exchange, NULL));
  }
  (void)fcgip__front_leave(front, FCGIP_OK);
}

/* Waits for each server's answer in turn, while all of them progress. FCGIP_EREENTRANT: the proxy is gone. */
static int collect(fcgip_cluster_proxy *cluster, const fcgip_request_id *ids, int timeout_ms,
                   fcgip_status_list *list)
{
  fcgip__front *front = fcgip__cluster_front(cluster);
  size_t count = fcgip_collection_count(front->collection), i;
  fcgip__span span;

  fcgip__span_begin(&span, front, timeout_ms);
  for (i = 0; i < count; i++) {
    fcgip_response *response;
    int rc = fcgip__front_read_response(front, ids[i], fcgip__span_left(&span), &response);

    if (rc == FCGIP_EREENTRANT)
      return rc;
    if (rc == FCGIP_EAGAIN) {
      fcgip__status_list_fail(list, i, FCGIP_ETIMEDOUT, NULL);
      give_up(front, ids[i]);
      continue;
    }
    fcgip__status_list_fill(list, i, response);
    fcgip_response_free(response);
  }
  return FCGIP_OK;
}

static int ask(fcgip_cluster_proxy *cluster, const char *path, int timeout_ms,
               fcgip_status_list *list)
{
  fcgip__mem mem = fcgip__cluster_front(cluster)->mem;
  size_t count = fcgip_collection_count(fcgip__cluster_front(cluster)->collection);
  fcgip_request_id *ids = fcgip__mem_calloc(&mem, count, sizeof(*ids));
  fcgip_request *request = NULL;
  int rc;

  if (ids == NULL)
    return FCGIP_ENOMEM;
  rc = status_request(&request, &mem, path);
  if (rc == FCGIP_OK)
    rc = fcgip__cluster_send(cluster, request, ids);
  if (rc == FCGIP_OK)
    rc = collect(cluster, ids, timeout_ms, list);
  fcgip_request_free(request);
  fcgip__mem_free(&mem, ids);
  return rc;
}

static int get_status(fcgip_cluster_proxy *cluster, const char *path, int timeout_ms,
                      const fcgip_status_parser *parser, fcgip_status_list **out)
{
  fcgip__front *front = fcgip__cluster_front(cluster);
  fcgip_status_list *list = NULL;
  int rc;

  if (out == NULL)
    return FCGIP_EINVAL;
  *out = NULL;
  if (path == NULL || path[0] != '/')
    return FCGIP_EINVAL;
  rc = fcgip__front_may_wait(front, timeout_ms);
  if (rc == FCGIP_OK)
    rc = fcgip__status_list_new(&list, &front->mem, front->collection, path, parser);
  if (rc < 0)
    return rc;
  rc = ask(cluster, path, timeout_ms, list);
  if (rc < 0) {
    fcgip_status_list_free(list);
    return rc;
  }
  *out = list;
  return FCGIP_OK;
}

int fcgip_cluster_proxy_get_status(fcgip_cluster_proxy *cluster, const char *path, int timeout_ms,
                                   fcgip_status_list **out)
{
  return get_status(cluster, path, timeout_ms, NULL, out);
}

int fcgip_cluster_proxy_get_status_with(fcgip_cluster_proxy *cluster, const char *path,
                                        int timeout_ms, const fcgip_status_parser *parser,
                                        fcgip_status_list **out)
{
  if (out != NULL)
    *out = NULL;
  return parser != NULL ? get_status(cluster, path, timeout_ms, parser, out) : FCGIP_EINVAL;
}
