/* What waiting and serving cost: no call that cannot bring anything, no descriptor that nothing is expected of, and no
 * memory that grows with what is over. */
#include "engine/fixture.h"

/* A wait that runs out asks poll, and nobody else. */
static void a_wait_reads_nothing(void **state)
{
  fixture *f = *state;
  size_t receives, sends, peeks;

  fixture_tcp(f, NULL);
  send_get(f);
  settle(f);
  receives = socket_at(f, 0)->receives;
  sends = socket_at(f, 0)->sends;
  peeks = socket_at(f, 0)->peeks;
  run_until(f, 100);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  assert_int_equal(socket_at(f, 0)->receives, receives);
  assert_int_equal(socket_at(f, 0)->sends, sends);
  assert_int_equal(socket_at(f, 0)->peeks, peeks);
}

static size_t listed(const fixture *f)
{
  struct pollfd fds[4];

  return fcgip_proxy_fds(f->proxy, fds, 4);
}

static void a_pause_lists_nothing(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  id = send_get(f);
  settle(f);
  assert_int_equal(listed(f), 1);
  assert_int_equal(fcgip_proxy_pause(f->proxy, id), FCGIP_OK);
  assert_int_equal(listed(f), 0);
  assert_int_equal(fcgip_proxy_resume(f->proxy, id), FCGIP_OK);
  assert_int_equal(listed(f), 1);
  fake_net_answer(&f->net, 0, "x");
  run(f);
  assert_int_equal(listed(f), 0);
  assert_succeeds(f, id, "x");
}

/* One request after the other, each with a connection of its own. */
static void memory_is_used_again(void **state)
{
  fixture *f = *state;
  size_t i, live = 0;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  for (i = 0; i < 600; i++) {
    id = send_get(f);
    run(f);
    assert_succeeds(f, id, "served");
    if (i == 0)
      live = f->memory.live_bytes;
  }
  assert_int_equal(f->memory.live_bytes, live);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(a_wait_reads_nothing),
      THREE_WAYS(a_pause_lists_nothing),
      THREE_WAYS(memory_is_used_again),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
