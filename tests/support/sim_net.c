/* The network as a whole, and what is learned from the bytes that pass. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/sim_net.h"

void sim_net_init(sim_net *net, sim_world *world)
{
  memset(net, 0, sizeof(*net));
  net->world = world;
  net->max_open = SIM_FDS;
}

static void listeners_free(sim_net *net)
{
  size_t i;

  for (i = 0; i < net->listener_count; i++) {
    free(net->listeners[i]->queue);
    free(net->listeners[i]);
  }
  net->listener_count = 0;
}

void sim_net_restart(sim_net *net)
{
  listeners_free(net);
  net->conn_count = 0;
  net->carry_count = 0;
  memset(net->fds, 0, (size_t)net->top_fd * sizeof(net->fds[0]));
  memset(net->watched, 0, (size_t)net->top_fd * sizeof(net->watched[0]));
  memset(net->calls, 0, sizeof(net->calls));
  net->first_fd = net->top_fd = 0;
  net->open = 0;
  net->max_open = SIM_FDS;
  net->judge = NULL;
  net->on_carry = net->on_token = NULL;
  net->on_connect = NULL;
  net->resolve = NULL;
}

void sim_net_deinit(sim_net *net)
{
  size_t i;

  listeners_free(net);
  for (i = 0; i < net->conn_cap && net->conns[i] != NULL; i++) {
    free(net->conns[i]->up.data);
    free(net->conns[i]->down.data);
    free(net->conns[i]);
  }
  for (i = 0; i < net->carry_cap && net->carries[i] != NULL; i++) {
    sim_question_free(&net->carries[i]->question);
    sim_answer_free(&net->carries[i]->answer);
    free(net->carries[i]);
  }
  free(net->conns);
  free(net->carries);
  free(net->listeners);
  memset(net, 0, sizeof(*net));
}

static sim_carry *carry_alloc(sim_net *net)
{
  if (net->carry_count == net->carry_cap) {
    size_t cap = net->carry_cap > 0 ? net->carry_cap * 2 : 32;

    net->carries = realloc(net->carries, cap * sizeof(*net->carries));
    if (net->carries == NULL)
      sim_fatal(net->world, "no memory");
    memset(net->carries + net->carry_cap, 0, (cap - net->carry_cap) * sizeof(*net->carries));
    net->carry_cap = cap;
  }
  if (net->carries[net->carry_count] == NULL)
    net->carries[net->carry_count] = calloc(1, sizeof(sim_carry));
  if (net->carries[net->carry_count] == NULL)
    sim_fatal(net->world, "no memory");
  return net->carries[net->carry_count++];
}

/* I4 and TYP-11: only a connection whose last request ended well, with nothing behind it, may be used again. */
static void check_reuse(sim_conn *conn)
{
  const sim_carry *last = conn->carry;
  sim_world *world = conn->net->world;

  if (!last->question.is_complete || !last->question.keeps || last->recv_error != 0 ||
      last->send_error != 0 || last->saw_end)
    sim_fail(world, "connection %u is used again, though it was not asked to be kept or failed",
             conn->number);
  else if (!last->answer.has_ended || !last->answer.is_clean || !last->answer.is_padded ||
           last->answer.protocol_status != 0 || last->answer.fault != SIM_NO_FAULT)
    sim_fail(world, "connection %u is used again, though the last answer did not end well",
             conn->number);
}

/* The id that the next request on a connection has on the wire. */
static uint16_t next_id(const sim_conn *conn)
{
  uint16_t last = conn->carry != NULL ? conn->carry->question.id : 0;

  return (uint16_t)(last == 65535 ? 1 : last + 1);
}

static sim_carry *begin_carry(sim_conn *conn)
{
  sim_carry *carry = carry_alloc(conn->net);
  uint16_t id = next_id(conn);
  sim_question question = carry->question;
  sim_answer answer = carry->answer;

  if (conn->carry != NULL)
    check_reuse(conn);
  memset(carry, 0, sizeof(*carry));
  carry->question = question;
  carry->answer = answer;
  sim_question_begin(&carry->question);
  sim_answer_begin(&carry->answer, id);
  carry->conn = conn;
  carry->client = conn->client;
  carry->is_reused = conn->requests++ > 0;
  carry->begun_us = carry->active_us = conn->net->world->now_us;
  carry->sent_us = carry->answered_us = carry->ended_us = SIM_NEVER;
  conn->carry = carry;
  if (conn->net->on_carry != NULL)
    conn->net->on_carry(conn->net->carry_data, carry);
  return carry;
}

void sim_carry_begin(sim_conn *conn)
{
  const sim_carry *carry = conn->carry;

  if (carry == NULL || carry->question.is_complete ||
      (carry->answer.has_ended && carry->question.received > 0))
    begin_carry(conn);
}

void sim_carry_sent(sim_conn *conn, const uint8_t *data, size_t len)
{
  sim_world *world = conn->net->world;
  sim_carry *carry = conn->carry;
  size_t used;

  carry->active_us = world->now_us;
  sim_note_bytes(world, data, len);
  used = sim_question_read(&carry->question, data, len);
  if (carry->question.has_begun && carry->question.id != carry->answer.id)
    sim_fail(world, "connection %u: the id on the wire is %u, not %u", conn->number,
             carry->question.id, carry->answer.id);
  if (used < len)
    sim_fail(world, "bytes behind the end of a request on connection %u", conn->number);
  if (carry->question.wrong != NULL)
    sim_fail(world, "connection %u: %s", conn->number, carry->question.wrong);
  if (carry->question.is_complete)
    carry->sent_us = world->now_us;
  if (carry->question.has_token && !carry->is_reported) {
    carry->is_reported = 1;
    if (conn->net->on_token != NULL)
      conn->net->on_token(conn->net->carry_data, carry);
  }
}

void sim_carry_received(sim_conn *conn, const uint8_t *data, size_t len)
{
  sim_carry *carry = conn->carry;
  uint64_t now = conn->net->world->now_us;
  int had_ended;

  if (carry == NULL) {
    /* It speaks before it was asked. Whoever sends now is answered by that. */
    carry = begin_carry(conn);
    conn->requests--;
  }
  if (carry->is_paused && !carry->answer.has_ended)
    sim_fail(conn->net->world, "something is received on connection %u, which is paused",
             conn->number);
  sim_note_bytes(conn->net->world, data, len);
  had_ended = carry->answer.has_ended;
  if (sim_answer_read(&carry->answer, data, len)) {
    carry->active_us = now;
    if (carry->answered_us == SIM_NEVER)
      carry->answered_us = now;
  }
  if (carry->answer.has_ended && !had_ended)
    carry->ended_us = now;
}

void sim_client_watch(void *context, int fd, short events)
{
  sim_client *client = context;
  sim_net *net = client->net;

  sim_note(net->world, "watch", client->number, fd, events);
  if (fd < 0 || fd >= SIM_FDS || net->fds[fd] == NULL || net->fds[fd]->client != client) {
    sim_fail(net->world, "the watcher is told of %d, which is no open descriptor", fd);
    return;
  }
  if (net->watched[fd] == events)
    sim_fail(net->world, "the watcher is told %d for descriptor %d, twice", events, fd);
  if (events & ~(POLLIN | POLLOUT))
    sim_fail(net->world, "the watcher is told %d for descriptor %d", events, fd);
  if (net->world->plant != SIM_UNTOLD || events != POLLIN)
    net->watched[fd] = events;
}
