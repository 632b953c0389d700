/* Two threads with proxies of their own, over collections and endpoints that they share, while requests and responses
 * wander between them: a request is sent by one and freed by the other with its content still in flight; a response is
 * read by the one that did not ask. Says little by itself; the gate `tsan` runs it under ThreadSanitizer. */
#include "integration/chaos_server.h"
#include "integration/fixture.h"

enum { THREADS = 2, SERVERS = 2, COLLECTIONS = 3, ROUNDS = 12, TURNS = 12, CONTENT = 100000 };

static bad_server servers[SERVERS];
static fcgip_collection *collections[COLLECTIONS];
static atomic_uint picked;
static atomic_int made, released, callbacks;

/* Where a thread leaves what the other is to go on with. */
static struct mailbox {
  pthread_mutex_t lock;
  fcgip_request *request;
  fcgip_response *response;
} mailboxes[THREADS];

typedef struct worker {
  pthread_t thread;
  size_t number;
  size_t good, read_for_the_other, failed;
} worker;

static fcgip_request *swap_request(struct mailbox *box, fcgip_request *request)
{
  fcgip_request *before;

  pthread_mutex_lock(&box->lock);
  before = box->request;
  box->request = request;
  pthread_mutex_unlock(&box->lock);
  return before;
}

static fcgip_response *swap_response(struct mailbox *box, fcgip_response *response)
{
  fcgip_response *before;

  pthread_mutex_lock(&box->lock);
  before = box->response;
  box->response = response;
  pthread_mutex_unlock(&box->lock);
  return before;
}

static int pick_in_turn(const fcgip_collection *collection, const fcgip_request *request,
                        size_t *index, void *user_data)
{
  (void)request;
  *index = atomic_fetch_add((atomic_uint *)user_data, 1) % fcgip_collection_count(collection);
  return FCGIP_OK;
}

static void release_content(void *data)
{
  atomic_fetch_add(&released, 1);
  free(data);
}

static void on_response(fcgip_response *response, void *user_data)
{
  (void)response;
  atomic_fetch_add((atomic_int *)user_data, 1);
}

static fcgip_request *make_request(void)
{
  uint8_t *content = malloc(CONTENT);
  fcgip_request *request;
  size_t i;

  if (content == NULL || fcgip_request_new(&request, "PUT", "/x.php") != FCGIP_OK)
    abort();
  for (i = 0; i < CONTENT; i++)
    content[i] = bad_byte(i);
  fcgip_request_set_content_ref(request, content, CONTENT, release_content, content);
  fcgip_request_add_response_callback(request, on_response, &callbacks, NULL);
  atomic_fetch_add(&made, 1);
  return request;
}

/* What the other thread has left: read in part, and freed. */
static void look_at(worker *w, fcgip_response *response)
{
  if (response == NULL)
    return;
  if (strcmp(fcgip_response_body(response, NULL), "done") == 0 &&
      strstr(fcgip_endpoint_address(fcgip_response_endpoint(response)), "://") != NULL &&
      fcgip_response_header(response, "status") != NULL)
    w->read_for_the_other++;
  fcgip_response_free(response);
}

static void take_turn(worker *w, fcgip_proxy *proxy)
{
  struct mailbox *own = &mailboxes[w->number], *other = &mailboxes[1 - w->number];
  fcgip_request *request = swap_request(own, NULL);
  fcgip_request_id id, handled = 0;
  fcgip_response *response;

  if (request == NULL)
    request = make_request();
  if (fcgip_proxy_send_async_request(proxy, request, &id) != FCGIP_OK ||
      fcgip_proxy_send_async_request(proxy, request, &handled) != FCGIP_OK)
    w->failed++;
  /* It is the other's now, with two snapshots of it in flight here. */
  fcgip_request_free(swap_request(other, request));
  if (fcgip_proxy_read_response(proxy, id, -1, &response) != FCGIP_OK)
    w->failed++;
  w->good += fcgip_response_status(response) == 201;
  look_at(w, swap_response(other, response));
  look_at(w, swap_response(own, NULL));
  if (fcgip_proxy_wait_for_response(proxy, handled, -1) != FCGIP_OK)
    w->failed++;
}

static void *work(void *data)
{
  worker *w = data;
  int round, turn;

  for (round = 0; round < ROUNDS; round++) {
    fcgip_proxy *proxy;

    if (fcgip_proxy_new(&proxy, collections[round % COLLECTIONS], NULL) != FCGIP_OK)
      abort();
    for (turn = 0; turn < TURNS; turn++)
      take_turn(w, proxy);
    fcgip_proxy_free(proxy);
  }
  return NULL;
}

static void serve(bad_server *s, int fd)
{
  if (bad_read_request(s, fd) == 0 &&
      bad_send_text(fd, BAD_STDOUT, "Status: 201 Made\r\n\r\ndone") == 0)
    bad_send_end(fd);
}

static void make_collections(void)
{
  const fcgip_endpoint *endpoints[SERVERS];
  fcgip_endpoint *own[SERVERS];
  size_t i;

  for (i = 0; i < SERVERS; i++) {
    assert_int_equal(bad_start(&servers[i], (int)i, serve), 0);
    endpoints[i] = own[i] = endpoint_at(servers[i].address, NULL);
  }
  assert_int_equal(fcgip_round_robin_new(&collections[0], endpoints, SERVERS), FCGIP_OK);
  assert_int_equal(fcgip_random_new(&collections[1], endpoints, SERVERS), FCGIP_OK);
  assert_int_equal(
      fcgip_custom_new(&collections[2], endpoints, SERVERS, pick_in_turn, &picked, NULL), FCGIP_OK);
  for (i = 0; i < SERVERS; i++)
    fcgip_endpoint_free(own[i]);
}

static void two_threads_share_what_may_be_shared(void **state)
{
  worker workers[THREADS] = {{.number = 0}, {.number = 1}};
  size_t i;

  (void)state;
  make_collections();
  for (i = 0; i < THREADS; i++)
    pthread_mutex_init(&mailboxes[i].lock, NULL);
  for (i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  /* Who holds the last reference is anybody's guess. */
  for (i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    assert_int_equal(workers[i].failed, 0);
    assert_int_equal(workers[i].good, ROUNDS * TURNS);
  }
  for (i = 0; i < COLLECTIONS; i++)
    fcgip_collection_free(collections[i]);
  for (i = 0; i < THREADS; i++) {
    look_at(&workers[i], mailboxes[i].response);
    fcgip_request_free(mailboxes[i].request);
    pthread_mutex_destroy(&mailboxes[i].lock);
  }
  assert_int_equal(workers[0].read_for_the_other + workers[1].read_for_the_other,
                   THREADS * ROUNDS * TURNS);
  assert_int_equal(atomic_load(&callbacks), THREADS * ROUNDS * TURNS);
  assert_int_equal(atomic_load(&released), atomic_load(&made));
  for (i = 0; i < SERVERS; i++)
    bad_stop(&servers[i]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {TEST(two_threads_share_what_may_be_shared)};

  return cmocka_run_group_tests(tests, NULL, NULL);
}
