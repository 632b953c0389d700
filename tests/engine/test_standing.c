/* Connections that stand before a server's full backlog. Over TCP they look made; what tells is that nobody takes what was
 * sent. While some stand there, only so many are opened as got in, less two. */
#include "engine/fixture.h"

enum { FDS = 1024 };

static unsigned char stands[FDS]; /* by descriptor */
static size_t asked;

static int is_unaccepted(void *context, int fd, const fcgip__address *address)
{
  (void)context;
  asked++;
  return address != NULL && fd >= 0 && fd < FDS ? stands[fd] : 0;
}

/* So many requests are on their way, and the last of them stands before the backlog. */
static void the_last_stands(fixture *f, size_t count)
{
  size_t i;

  memset(stands, 0, sizeof(stands));
  asked = 0;
  f->net.sys.unaccepted_fn = is_unaccepted;
  fixture_tcp(f, NULL);
  for (i = 0; i < count; i++) {
    if (i == count - 1)
      memset(stands, 1, sizeof(stands)); /* nobody asks again of those that got in */
    send_get(f);
  }
  assert_int_equal(f->net.socket_count, count);
  memset(stands, 0, sizeof(stands));
  stands[socket_at(f, count - 1)->fd] = 1;
}

static void a_few_are_below_suspicion(void **state)
{
  fixture *f = *state;

  the_last_stands(f, 3);
  assert_int_equal(asked, 0);
  send_get(f);
  assert_int_equal(asked, 1);
  assert_int_equal(f->net.socket_count, 4);
}

static void the_next_one_waits(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  the_last_stands(f, 7);
  id = send_get(f);
  run_until(f, 120);
  assert_int_equal(f->net.socket_count, 7);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 8);
  /* It got in; nobody tells, and every 50 ms is looked again. */
  memset(stands, 0, sizeof(stands));
  run_until(f, 149);
  assert_int_equal(f->net.socket_count, 7);
  run_until(f, 150);
  assert_int_equal(f->net.socket_count, 8);
  fake_net_answer(&f->net, 7, "in");
  settle(f);
  assert_succeeds(f, id, "in");
}

/* An answer tells at once. */
static void an_answer_has_got_in(void **state)
{
  fixture *f = *state;

  the_last_stands(f, 7);
  send_get(f);
  settle(f);
  assert_int_equal(f->net.socket_count, 7);
  fake_net_stdout(&f->net, 6, "\nhere");
  settle(f);
  assert_int_equal(f->net.socket_count, 8);
}

/* Six got in, so four may be there beside the one that stands: the place of the third that ends is taken again. */
static void there_is_room_again(void **state)
{
  fixture *f = *state;
  size_t i;

  the_last_stands(f, 7);
  send_get(f);
  send_get(f);
  for (i = 0; i < 2; i++) {
    fake_net_answer(&f->net, i, "done");
    settle(f);
    assert_int_equal(f->net.socket_count, 7);
  }
  fake_net_answer(&f->net, 2, "done");
  settle(f);
  assert_int_equal(f->net.socket_count, 8);
  fake_net_answer(&f->net, 3, "done");
  settle(f);
  assert_int_equal(f->net.socket_count, 9);
}

/* Nobody is left that could get in and tell: one at a time is tried. */
static void all_of_them_stand(void **state)
{
  fixture *f = *state;
  size_t i;

  the_last_stands(f, 4);
  memset(stands, 1, sizeof(stands));
  send_get(f);
  for (i = 0; i < 3; i++) {
    fake_net_answer(&f->net, i, "done");
    settle(f);
  }
  assert_int_equal(f->net.socket_count, 5); /* none of them is in, and one may be */
  assert_int_equal(fcgip_proxy_pending(f->proxy), 2);
}

/* One that is cancelled does not stand there any more. */
static void a_cancelled_one_is_gone(void **state)
{
  fixture *f = *state;

  the_last_stands(f, 7);
  send_get(f);
  settle(f);
  assert_int_equal(f->net.socket_count, 7);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, 7), FCGIP_OK); /* ids begin at 1 */
  settle(f);
  assert_int_equal(f->net.socket_count, 8);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(a_few_are_below_suspicion), THREE_WAYS(the_next_one_waits),
      THREE_WAYS(an_answer_has_got_in),      THREE_WAYS(there_is_room_again),
      THREE_WAYS(all_of_them_stand),         THREE_WAYS(a_cancelled_one_is_gone),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
