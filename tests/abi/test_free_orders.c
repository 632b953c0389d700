/* Objects may be freed in any order, since garbage collectors do: one of every kind, all knowing each
 * other, in every order there is. Whatever is left works until its own turn comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "fcgiproxy/fcgiproxy.h"
#include "support/failing_allocator.h"

enum kind {
  ENDPOINT,
  COLLECTION,
  PROXY,         /* with one request in flight, one done and not taken */
  CLUSTER_PROXY, /* the same */
  REQUEST,       /* as sent */
  RESPONSE,
  STATUS_LIST,
  FORM,
  MULTIPART,
  KIND_COUNT
};

/* Forms and multiparts refer to nobody; all others, to each other. */
enum { RELATED_COUNT = FORM, RELEASE_COUNT = 4 };

typedef struct objects {
  failing_allocator memory;
  fcgip_endpoint *silent, *dead; /* ENDPOINT is both */
  fcgip_collection *collection;
  fcgip_proxy *proxy;
  fcgip_cluster_proxy *cluster;
  fcgip_request *request;
  fcgip_response *response;
  fcgip_status_list *list;
  fcgip_form *form;
  fcgip_multipart *multipart;
  size_t next;             /* the endpoint that is picked next */
  int releases, callbacks; /* how often each was called */
} objects;

static int listener = -1;
static char silent_path[64], dead_path[64];

static int pick(const fcgip_collection *collection, const fcgip_request *request, size_t *index,
                void *user_data)
{
  objects *o = user_data;

  (void)request;
  *index = o->next++ % fcgip_collection_count(collection);
  return FCGIP_OK;
}

static void count_release(void *user_data)
{
  objects *o = user_data;

  o->releases++;
}

static void count_response(fcgip_response *response, void *user_data)
{
  objects *o = user_data;

  (void)response;
  o->callbacks++;
}

static void make_servers(objects *o)
{
  fcgip_endpoint_options options = {.struct_size = sizeof(options), .allocator = &o->memory.hook};
  const fcgip_endpoint *endpoints[2];

  assert_int_equal(fcgip_endpoint_new_unix(&o->dead, dead_path, &options), FCGIP_OK);
  assert_int_equal(fcgip_endpoint_new_unix(&o->silent, silent_path, &options), FCGIP_OK);
  endpoints[0] = o->dead;
  endpoints[1] = o->silent;
  assert_int_equal(fcgip_custom_new(&o->collection, endpoints, 2, pick, o, count_release),
                   FCGIP_OK);
}

static void make_request(objects *o)
{
  const fcgip_allocator *hook = &o->memory.hook;

  assert_int_equal(fcgip_request_new_with_allocator(&o->request, "POST", "/x.php", hook), FCGIP_OK);
  assert_int_equal(fcgip_request_set_content_ref(o->request, "content", 7, count_release, o),
                   FCGIP_OK);
  assert_int_equal(
      fcgip_request_add_response_callback(o->request, count_response, o, count_release), FCGIP_OK);
  assert_int_equal(fcgip_request_add_failure_callback(o->request, count_response, o, count_release),
                   FCGIP_OK);
  assert_int_equal(fcgip_form_new_with_allocator(&o->form, hook), FCGIP_OK);
  assert_int_equal(fcgip_form_add(o->form, "name", "value"), FCGIP_OK);
  assert_int_equal(fcgip_multipart_new_with_allocator(&o->multipart, hook), FCGIP_OK);
  assert_int_equal(fcgip_multipart_add(o->multipart, "name", "value"), FCGIP_OK);
}

/* The first, third ... request goes to the server that is not there, the others to the one that is silent. */
static void make_all(objects *o)
{
  fcgip_proxy_options options = {.struct_size = sizeof(options), .allocator = &o->memory.hook};
  int i;

  memset(o, 0, sizeof(*o));
  failing_allocator_init(&o->memory);
  make_servers(o);
  make_request(o);
  assert_int_equal(fcgip_proxy_new(&o->proxy, o->collection, &options), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_new(&o->cluster, o->collection, &options), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_get_status(o->cluster, "/status", 0, &o->list), FCGIP_OK);
  assert_int_equal(fcgip_cluster_proxy_send_async_request(o->cluster, o->request), FCGIP_OK);
  for (i = 0; i < 3; i++)
    assert_int_equal(fcgip_proxy_send_async_request(o->proxy, o->request, NULL), FCGIP_OK);
  assert_int_equal(fcgip_proxy_next_response(o->proxy, 0, &o->response), 1);
  assert_int_equal(fcgip_response_error(o->response), FCGIP_ECONNECT);
  assert_int_equal(fcgip_proxy_pending(o->proxy), 1);
  assert_int_equal(fcgip_cluster_proxy_pending(o->cluster), 1);
}

static void free_one(objects *o, int kind)
{
  switch ((enum kind)kind) {
  case ENDPOINT:
    fcgip_endpoint_free(o->silent);
    fcgip_endpoint_free(o->dead);
    o->silent = o->dead = NULL;
    break;
  case COLLECTION:
    fcgip_collection_free(o->collection);
    o->collection = NULL;
    break;
  case PROXY:
    fcgip_proxy_free(o->proxy);
    o->proxy = NULL;
    break;
  case CLUSTER_PROXY:
    fcgip_cluster_proxy_free(o->cluster);
    o->cluster = NULL;
    break;
  case REQUEST:
    fcgip_request_free(o->request);
    o->request = NULL;
    break;
  case RESPONSE:
    fcgip_response_free(o->response);
    o->response = NULL;
    break;
  case STATUS_LIST:
    fcgip_status_list_free(o->list);
    o->list = NULL;
    break;
  case FORM:
    fcgip_form_free(o->form);
    o->form = NULL;
    break;
  case MULTIPART:
    fcgip_multipart_free(o->multipart);
    o->multipart = NULL;
    break;
  case KIND_COUNT:
    break;
  }
}

/* What is left knows of the others what it knew before. 0 if so. */
static int use_values(objects *o)
{
  const fcgip_server_status *server = fcgip_status_list_at(o->list, 0);
  size_t len = 0;

  if (o->response != NULL &&
      strstr(fcgip_endpoint_address(fcgip_response_endpoint(o->response)), dead_path) == NULL)
    return 1;
  if (o->list != NULL && (fcgip_status_list_count(o->list) != 2 ||
                          strstr(fcgip_server_status_error_text(server), dead_path) == NULL))
    return 2;
  if (o->list != NULL && fcgip_response_error(fcgip_server_status_response(server)) == FCGIP_OK)
    return 3;
  if (o->collection != NULL &&
      (fcgip_collection_count(o->collection) != 2 ||
       strstr(fcgip_endpoint_address(fcgip_collection_endpoint(o->collection, 1)), silent_path) ==
           NULL))
    return 4;
  if (o->request != NULL &&
      (memcmp(fcgip_request_content(o->request, &len), "content", 7) != 0 || len != 7))
    return 5;
  return 0;
}

static int is_progress(int rc)
{
  return rc == FCGIP_OK || rc == FCGIP_EAGAIN;
}

/* Requests go on through what is left, and new ones begin. 0 if so. */
static int use_proxies(objects *o)
{
  if (o->proxy != NULL && !is_progress(fcgip_proxy_poll(o->proxy, 0)))
    return 6;
  if (o->cluster != NULL && !is_progress(fcgip_cluster_proxy_poll(o->cluster, 0)))
    return 7;
  if (o->request != NULL && o->proxy != NULL &&
      fcgip_proxy_send_async_request(o->proxy, o->request, NULL) != FCGIP_OK)
    return 8;
  if (o->request != NULL && o->cluster != NULL &&
      fcgip_cluster_proxy_send_async_request(o->cluster, o->request) != FCGIP_OK)
    return 9;
  if (o->request != NULL && o->form != NULL &&
      fcgip_request_set_form(o->request, o->form) != FCGIP_OK)
    return 10;
  if (o->request != NULL && o->multipart != NULL &&
      fcgip_request_set_multipart(o->request, o->multipart) != FCGIP_OK)
    return 11;
  if (o->request != NULL && fcgip_request_set_content(o->request, "content", 7) != FCGIP_OK)
    return 12;
  return 0;
}

/* The connections that were made to the silent server; returns how many. */
static int accept_all(void)
{
  int count = 0, fd;

  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    close(fd);
    count++;
  }
  return count;
}

static void check_order(const int *order, int use)
{
  objects o;
  int i, wrong = 0;

  make_all(&o);
  for (i = 0; i < KIND_COUNT && wrong == 0; i++) {
    free_one(&o, order[i]);
    wrong = use_values(&o);
    if (wrong == 0 && use)
      wrong = use_proxies(&o);
  }
  if (wrong != 0)
    print_error("%d after %d of %d%d%d%d%d%d%d%d%d\n", wrong, i, order[0], order[1], order[2],
                order[3], order[4], order[5], order[6], order[7], order[8]);
  assert_int_equal(wrong, 0);
  assert_int_equal(o.memory.live_blocks, 0);
  assert_int_equal(o.memory.misuses, 0);
  assert_int_equal(o.releases, RELEASE_COUNT);
  assert_int_equal(o.callbacks, 0); /* nobody has handled a response */
  assert_true(accept_all() >= 2);
}

/* The next in lexical order; 0 after the last one. */
static int next_order(int *order, int count)
{
  int i = count - 2, j = count - 1, swap;

  while (i >= 0 && order[i] > order[i + 1])
    i--;
  if (i < 0)
    return 0;
  while (order[j] < order[i])
    j--;
  swap = order[i];
  order[i] = order[j];
  order[j] = swap;
  for (i++, j = count - 1; i < j; i++, j--) {
    swap = order[i];
    order[i] = order[j];
    order[j] = swap;
  }
  return 1;
}

/* `related` with FORM and MULTIPART put in at two places, other ones each time. */
static void with_the_others(int *order, const int *related, unsigned number)
{
  unsigned form = number % KIND_COUNT, multipart = number / KIND_COUNT % KIND_COUNT, i;

  if (multipart == form)
    multipart = (multipart + 1) % KIND_COUNT;
  for (i = 0; i < KIND_COUNT; i++)
    order[i] = i == form ? FORM : i == multipart ? MULTIPART : *related++;
}

static void frees_in_every_order(void **state)
{
  int related[RELATED_COUNT], order[KIND_COUNT];
  unsigned number = 0;
  int i;

  (void)state;
  for (i = 0; i < RELATED_COUNT; i++)
    related[i] = i;
  do {
    with_the_others(order, related, number++);
    check_order(order, 0);
    check_order(order, 1);
  } while (next_order(related, RELATED_COUNT));
  assert_int_equal(number, 5040);
}

/* All of 9!, which takes minutes. */
static void frees_all_nine_in_every_order(void **state)
{
  int order[KIND_COUNT], i;

  (void)state;
  if (getenv("FCGIP_TEST_LONG") == NULL)
    skip();
  for (i = 0; i < KIND_COUNT; i++)
    order[i] = i;
  do
    check_order(order, 0);
  while (next_order(order, KIND_COUNT));
}

static int listen_in_a_folder(void **state)
{
  static char folder[32] = "/tmp/fcgip.XXXXXX";
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  if (mkdtemp(folder) == NULL)
    return -1;
  *state = folder;
  snprintf(silent_path, sizeof(silent_path), "%s/silent", folder);
  snprintf(dead_path, sizeof(dead_path), "%s/dead", folder);
  memcpy(address.sun_path, silent_path, strlen(silent_path));
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
                 listen(listener, 64) != 0
             ? -1
             : 0;
}

static int stop_listening(void **state)
{
  close(listener);
  unlink(silent_path);
  return rmdir(*state);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(frees_in_every_order),
      cmocka_unit_test(frees_all_nine_in_every_order),
  };

  return cmocka_run_group_tests(tests, listen_in_a_folder, stop_listening);
}
