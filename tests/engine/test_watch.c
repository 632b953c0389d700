/* The two halves of the event-loop interface. That the watch function is never told the same twice, never of a
 * descriptor that is closed, and always 0 before one is, holds in every test of this folder. */
#include "engine/fixture.h"

static short watched(fixture *f, size_t socket)
{
  return socket_at(f, socket)->watched;
}

/* What is watched and what is to be polled is always the same. */
static void assert_halves_agree(fixture *f)
{
  struct pollfd pull[64], push[64];
  size_t count = fcgip_proxy_fds(f->proxy, pull, 64), i, j;

  assert_int_equal(fake_net_watched(&f->net, push, 64), count);
  for (i = 0; i < count; i++) {
    for (j = 0; j < count && push[j].fd != pull[i].fd; j++)
      ;
    assert_true(j < count);
    assert_int_equal(push[j].events, pull[i].events);
    assert_int_equal(pull[i].revents, 0);
  }
}

static void tells_each_state(void **state)
{
  fcgip_endpoint_options options = {.max_idle_connections = 1};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  fake_net_plan(&f->net, EINPROGRESS, 10 * MS, 0);
  id = send_get(f);
  assert_int_equal(watched(f, 0), POLLOUT); /* connecting */
  assert_halves_agree(f);
  socket_at(f, 0)->room = 10;
  run_until(f, 11);
  assert_int_equal(watched(f, 0), POLLIN | POLLOUT); /* sending, and the server may answer first */
  assert_halves_agree(f);
  fake_net_at(&f->net, 0, FAKE_ROOM, 0, 10000);
  settle(f);
  assert_int_equal(watched(f, 0), POLLIN); /* receiving */
  assert_halves_agree(f);
  fake_net_answer(&f->net, 0, "told");
  settle(f);
  assert_int_equal(watched(f, 0), POLLIN); /* idle: the server may close it */
  assert_int_equal(socket_at(f, 0)->told, 3);
  assert_halves_agree(f);
  fake_net_at(&f->net, 0, FAKE_FIN, 0, 0);
  settle(f);
  assert_int_equal(watched(f, 0), 0);
  assert_int_equal(socket_at(f, 0)->told, 4);
  assert_halves_agree(f);
  assert_succeeds(f, id, "told");
}

/* In the usual case there is but one thing to tell, and that it is over. */
static void tells_little(void **state)
{
  fixture *f = *state;

  fixture_tcp(f, NULL);
  f->net.is_serving = 1;
  send_get(f);
  assert_int_equal(socket_at(f, 0)->told, 1);
  run(f);
  assert_int_equal(socket_at(f, 0)->told, 2);
}

static void tells_nothing_of_what_was_over_at_once(void **state)
{
  fixture *f = *state;

  fixture_tcp(f, NULL);
  fake_net_plan(&f->net, ECONNREFUSED, 0, 0);
  send_get(f);
  assert_int_equal(socket_at(f, 0)->told, 0);
}

/* Short of buffers, the socket would be writable all the time. */
static void does_not_wait_for_writing_without_buffers(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fake_net_plan(&f->net, EINPROGRESS, MS, 0);
  id = send_get(f);
  socket_at(f, 0)->room = 20;
  run_until(f, 2);
  fake_net_at(&f->net, 0, FAKE_ROOM, 0, 10000);
  fake_net_at(&f->net, 0, FAKE_SEND_ERROR, 0, ENOBUFS);
  settle(f);
  assert_int_equal(watched(f, 0), POLLIN);
  assert_halves_agree(f);
  assert_true(fcgip_proxy_timeout_ms(f->proxy) >= 0 && fcgip_proxy_timeout_ms(f->proxy) <= 20);
  fake_net_at(&f->net, 0, FAKE_SEND_ERROR, 0, 0);
  fake_net_answer(&f->net, 0, "early");
  run(f);
  assert_succeeds(f, id, "early");
}

static void counts_more_than_there_is_room_for(void **state)
{
  fixture *f = *state;
  struct pollfd fds[4];
  size_t i;

  fixture_tcp(f, NULL);
  assert_int_equal(fcgip_proxy_fds(f->proxy, fds, 4), 0);
  for (i = 0; i < 7; i++)
    send_get(f);
  memset(fds, 0x55, sizeof(fds));
  assert_int_equal(fcgip_proxy_fds(f->proxy, fds, 3), 7);
  assert_int_equal(fds[3].fd, 0x55555555);
  assert_int_equal(fcgip_proxy_fds(f->proxy, NULL, 3), 7);
  assert_int_equal(fcgip_proxy_fds(f->proxy, fds, 0), 7);
  assert_int_equal(fcgip_proxy_fds(NULL, fds, 4), 0);
}

static void is_not_harmed_by_strange_descriptors(void **state)
{
  static const int strange[] = {-1, INT32_MIN, 0, 1, 999, 1007, INT32_MAX};
  fixture *f = *state;
  fcgip_request_id id;
  size_t i;
  short events;

  fixture_tcp(f, NULL);
  id = send_get(f);
  for (i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
    for (events = 0; events < 64; events++)
      assert_int_equal(fcgip_proxy_process_fd(f->proxy, strange[i], events), FCGIP_OK);
  assert_int_equal(fcgip_proxy_process_fd(f->proxy, socket_at(f, 0)->fd, 0), FCGIP_OK);
  assert_int_equal(socket_at(f, 0)->receives, 0);
  for (i = 0; i < 10; i++)
    assert_int_equal(fcgip_proxy_process_timers(f->proxy), FCGIP_OK);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  fake_net_answer(&f->net, 0, "unharmed");
  run(f);
  assert_succeeds(f, id, "unharmed");
}

/* A loop that collected events first delivers some for descriptors that are closed by then, or belong to another
 * connection already. */
static void is_not_harmed_by_stale_events(void **state)
{
  fixture *f = *state;
  fcgip_request_id first, second, third;
  int fd;

  fixture_tcp(f, NULL);
  first = send_get(f);
  second = send_get(f);
  fd = socket_at(f, 0)->fd;
  fake_net_answer(&f->net, 0, "first");
  assert_int_equal(fcgip_proxy_process_fd(f->proxy, fd, POLLIN), FCGIP_OK);
  assert_int_equal(fcgip_proxy_process_fd(f->proxy, fd, POLLIN | POLLHUP), FCGIP_OK);
  third = send_get(f);
  assert_int_equal(socket_at(f, 2)->fd, fd);
  assert_int_equal(fcgip_proxy_process_fd(f->proxy, fd, POLLIN | POLLHUP | POLLERR), FCGIP_OK);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 2);
  fake_net_answer(&f->net, 1, "second");
  fake_net_answer(&f->net, 2, "third");
  run(f);
  assert_succeeds(f, first, "first");
  assert_succeeds(f, second, "second");
  assert_succeeds(f, third, "third");
}

/* NET-21: the application closed our descriptor, and the system has given its number to the next connection. */
static void notices_a_descriptor_that_was_taken_away(void **state)
{
  fixture *f = *state;
  fcgip_request_id first, second;

  fixture_tcp(f, NULL);
  first = send_get(f);
  socket_at(f, 0)->watched = 0; /* as closing does in epoll */
  f->net.sys.close_fn(&f->net, socket_at(f, 0)->fd);
  second = send_get(f);
  assert_int_equal(socket_at(f, 1)->fd, socket_at(f, 0)->fd);
  assert_true(socket_at(f, 1)->is_open);
  assert_fails(f, first, FCGIP_EREAD, 0, "descriptor");
  fake_net_answer(&f->net, 1, "second");
  run(f);
  assert_succeeds(f, second, "second");
}

/* Timers are not needed while everything is quick, and bring nothing forward. */
static void timers_are_in_time(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), -1);
  id = send_get(f);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 100);
  fake_net_advance(&f->net, 400);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 100); /* rounded up */
  fake_net_advance(&f->net, 600);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 99);
  fake_net_advance(&f->net, 98 * MS + 999);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 1);
  fcgip_proxy_process_timers(f->proxy);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 1);
  fake_net_advance(&f->net, 1);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), 0);
  fcgip_proxy_process_timers(f->proxy);
  assert_int_equal(fcgip_proxy_pending(f->proxy), 0);
  assert_int_equal(fcgip_proxy_timeout_ms(f->proxy), -1);
  assert_fails(f, id, FCGIP_ETIMEDOUT, 0, NULL);
}

/* With a loop of the caller's, what was received by the time of process_fd() is not undone by process_timers(). */
static void events_before_timers(void **state)
{
  fcgip_endpoint_options options = {.read_write_timeout_ms = 100};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  id = send_get(f);
  fake_net_answer(&f->net, 0, "just in time");
  fake_net_advance(&f->net, 100 * MS);
  fcgip_proxy_process_fd(f->proxy, socket_at(f, 0)->fd, POLLIN);
  fcgip_proxy_process_timers(f->proxy);
  assert_succeeds(f, id, "just in time");
}

static void works_without_a_watch_function(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fixture_free_proxy(f);
  assert_int_equal(fcgip__proxy_new(&f->proxy, f->collection, NULL, &f->net.sys), FCGIP_OK);
  f->net.is_serving = 1;
  id = send_get(f);
  run(f);
  assert_int_equal(socket_at(f, 0)->told, 0);
  assert_succeeds(f, id, "served");
}

static void poll_says_whether_something_happened(void **state)
{
  fixture *f = *state;

  fixture_tcp(f, NULL);
  assert_int_equal(fcgip_proxy_poll(f->proxy, 0), FCGIP_EAGAIN);
  assert_int_equal(fcgip_proxy_poll(f->proxy, 10), FCGIP_EAGAIN);
  assert_int_equal(elapsed_ms(f), 10);
  send_get(f);
  assert_int_equal(fcgip_proxy_poll(f->proxy, 0), FCGIP_EAGAIN);
  fake_net_answer(&f->net, 0, "x");
  assert_int_equal(fcgip_proxy_poll(f->proxy, 0), FCGIP_OK);
  send_get(f);
  assert_int_equal(fcgip_proxy_poll(f->proxy, -1), FCGIP_OK); /* a deadline */
  assert_int_equal(elapsed_ms(f), 5010);
  assert_int_equal(fcgip_proxy_poll(f->proxy, -2), FCGIP_EINVAL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      THREE_WAYS(tells_each_state),
      THREE_WAYS(tells_little),
      ONE_WAY(tells_nothing_of_what_was_over_at_once),
      THREE_WAYS(does_not_wait_for_writing_without_buffers),
      ONE_WAY(counts_more_than_there_is_room_for),
      THREE_WAYS(is_not_harmed_by_strange_descriptors),
      THREE_WAYS(is_not_harmed_by_stale_events),
      ONE_WAY(notices_a_descriptor_that_was_taken_away),
      ONE_WAY(timers_are_in_time),
      ONE_WAY(events_before_timers),
      {"works_without_a_watch_function", works_without_a_watch_function, setup_pull, teardown,
       NULL},
      ONE_WAY(poll_says_whether_something_happened),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
