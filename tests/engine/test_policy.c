/* A policy of the application's own: what it says is where the request goes, or why it does not go at all. */
#include "engine/fixture.h"

typedef struct policy {
  int result;
  size_t index;
  int calls, releases;
} policy;

static int pick(const fcgip_collection *collection, const fcgip_request *request, size_t *index,
                void *data)
{
  policy *p = data;

  (void)collection;
  (void)request;
  p->calls++;
  *index = p->index;
  return p->result;
}

static void released(void *data)
{
  ((policy *)data)->releases++;
}

static void make(fixture *f, policy *p)
{
  const fcgip_proxy_options options = {.struct_size = sizeof(options),
                                       .allocator = &f->memory.hook};

  fixture_add_endpoint(f, "10.0.0.1:9000", NULL);
  fixture_add_endpoint(f, "10.0.0.2:9000", NULL);
  assert_int_equal(fcgip_custom_new(&f->collection, (const fcgip_endpoint *const *)f->endpoints, 2,
                                    pick, p, released),
                   FCGIP_OK);
  assert_int_equal(fcgip__proxy_new(&f->proxy, f->collection, &options, &f->net.sys), FCGIP_OK);
}

/* All that holds the policy lets it go, once. */
static void let_go(fixture *f, const policy *p)
{
  fixture_free_proxy(f);
  assert_int_equal(p->releases, 0);
  fcgip_collection_free(f->collection);
  f->collection = NULL;
  assert_int_equal(p->releases, 1);
}

static void goes_where_it_says(void **state)
{
  fixture *f = *state;
  policy p = {.index = 1};

  make(f, &p);
  send_get(f);
  send_get(f);
  assert_int_equal(socket_at(f, 0)->host, 2);
  assert_int_equal(socket_at(f, 1)->host, 2);
  p.index = 0;
  send_get(f);
  assert_int_equal(socket_at(f, 2)->host, 1);
  assert_int_equal(p.calls, 3);
  let_go(f, &p);
}

static void does_not_go(void **state)
{
  fixture *f = *state;
  policy p = {.result = -4711};
  fcgip_response *response = NULL;
  fcgip_request_id id = 0;

  make(f, &p);
  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->request, &id), -4711);
  assert_int_equal(fcgip_proxy_send_request(f->proxy, f->request, &response), -4711);
  assert_null(response);
  p.result = FCGIP_OK;
  p.index = 2; /* there are two */
  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->request, &id), FCGIP_EINVAL);
  p.index = SIZE_MAX;
  assert_int_equal(fcgip_proxy_send_async_request(f->proxy, f->request, &id), FCGIP_EINVAL);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 0);
  assert_int_equal(f->net.socket_count, 0);
  assert_int_equal(p.calls, 4);
  let_go(f, &p);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      ONE_WAY(goes_where_it_says),
      ONE_WAY(does_not_go),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
