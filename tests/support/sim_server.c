#include "support/sim_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_LEN 16384

static void step(sim_worker *worker);

static void on_timer(void *context, uint64_t life)
{
  sim_worker *worker = context;

  if (worker->life == life)
    step(worker);
}

static void step_after(sim_worker *worker, uint64_t delay_us)
{
  sim_after(worker->server->net->world, delay_us, on_timer, worker, worker->life);
}

static void on_change(void *context)
{
  step(context);
}

void sim_script_pause(sim_script *script, uint32_t pause_us)
{
  if (script->mark_count == SIM_MARKS)
    return;
  script->marks[script->mark_count].at = script->bytes.len;
  script->marks[script->mark_count].pause_us = pause_us;
  script->mark_count++;
}

static void script_clear(sim_script *script)
{
  sim_bytes bytes = script->bytes;

  memset(script, 0, sizeof(*script));
  script->bytes = bytes;
  script->bytes.len = 0;
}

static void next_request(sim_worker *worker)
{
  worker->state = SIM_WORKER_READING;
  sim_question_begin(&worker->question);
  script_clear(&worker->script);
  worker->is_decided = 0;
  worker->at = 0;
  worker->mark = 0;
  worker->not_before = 0;
  worker->not_read_before = 0;
}

static void leave_conn(sim_worker *worker)
{
  worker->life++;
  if (worker->conn != NULL)
    worker->conn->on_change = NULL;
  worker->conn = NULL;
}

static void become_free(sim_worker *worker)
{
  leave_conn(worker);
  worker->state = SIM_WORKER_FREE;
  worker->is_woken = 1;
  step_after(worker, 1 + worker->server->accept_us);
}

static void born(void *context, uint64_t life)
{
  sim_worker *worker = context;

  if (worker->life != life)
    return;
  worker->served = 0;
  become_free(worker);
}

static void die(sim_worker *worker)
{
  sim_conn *conn = worker->conn;

  leave_conn(worker);
  if (conn != NULL)
    sim_conn_close(conn);
  worker->state = SIM_WORKER_DEAD;
  sim_after(worker->server->net->world, 1 + worker->server->spawn_us, born, worker, worker->life);
}

static void silence(void *context, uint64_t life)
{
  sim_worker *worker = context;

  if (worker->life != life || worker->state != SIM_WORKER_READING ||
      worker->question.received > 0 || worker->server->is_stopped)
    return;
  sim_conn_close(worker->conn);
  become_free(worker);
}

/* 1 if it has a connection now. */
static int take_connection(sim_worker *worker)
{
  sim_server *server = worker->server;
  sim_conn *conn = sim_accept(server->listener);

  if (conn == NULL)
    return 0;
  worker->life++;
  worker->conn = conn;
  conn->worker = worker;
  conn->on_change = on_change;
  next_request(worker);
  if (server->silence_us > 0)
    sim_after(server->net->world, server->silence_us, silence, worker, worker->life);
  if (server->on_accept != NULL && server->on_accept(server->server_data, worker)) {
    worker->is_decided = 1;
    worker->state = SIM_WORKER_RUNNING;
  }
  return 1;
}

/* Only what waits for the end of the request is left to be written. */
static int is_at_tail(const sim_worker *worker)
{
  const sim_script *script = &worker->script;

  return script->tail_len > 0 && worker->at == script->bytes.len - script->tail_len;
}

static int may_read(const sim_worker *worker)
{
  switch (worker->script.reading) {
  case SIM_READS:
    break;
  case SIM_READS_LATE:
    if (worker->state == SIM_WORKER_RUNNING && !is_at_tail(worker))
      return 0;
    break;
  case SIM_READS_NO_MORE:
    return 0;
  }
  /* What comes behind a request, while it still runs, stays in the socket (fastcgi_finish_request()). */
  if (worker->state == SIM_WORKER_RUNNING && worker->question.is_complete)
    return 0;
  return worker->not_read_before <= worker->server->net->world->now_us;
}

static void run(sim_worker *worker)
{
  worker->state = SIM_WORKER_RUNNING;
  if (worker->server->on_run != NULL)
    worker->server->on_run(worker->server->server_data, worker);
}

/* Returns how many bytes were the request's. */
static size_t read_request(sim_worker *worker, const uint8_t *data, size_t len)
{
  sim_server *server = worker->server;
  size_t used = sim_question_read(&worker->question, data, len);

  if (worker->question.has_params && !worker->is_decided) {
    worker->is_decided = 1;
    server->on_params(server->server_data, worker);
  }
  if (worker->state == SIM_WORKER_READING && worker->is_decided &&
      (worker->question.is_complete || !worker->script.waits_for_content))
    run(worker);
  return used;
}

/* Reads what there is. 1 if the worker has changed to something else. */
static int do_read(sim_worker *worker)
{
  sim_server *server = worker->server;
  uint8_t buffer[READ_LEN];
  size_t n, cap = sizeof(buffer);

  if (server->read_us > 0 && server->read_most < cap)
    cap = server->read_most;
  while (may_read(worker) && (n = sim_conn_peek(worker->conn, buffer, cap)) > 0) {
    if (worker->state == SIM_WORKER_READING || worker->state == SIM_WORKER_RUNNING)
      n = read_request(worker, buffer, n);
    sim_conn_skip(worker->conn, n);
    if (server->read_us > 0) {
      worker->not_read_before = server->net->world->now_us + server->read_us;
      step_after(worker, server->read_us);
    }
  }
  if (!sim_conn_has_ended(worker->conn) || worker->state == SIM_WORKER_RUNNING)
    return 0;
  sim_conn_close(worker->conn);
  become_free(worker);
  return 1;
}

static void finish_as_fpm(sim_worker *worker)
{
  const sim_server *server = worker->server;

  worker->served++;
  if (server->max_requests > 0 && worker->served >= server->max_requests) {
    die(worker);
    return;
  }
  if (worker->question.keeps && worker->question.is_complete) {
    next_request(worker);
    step_after(worker, 1);
    return;
  }
  worker->state = SIM_WORKER_HELD;
  worker->script.reading = SIM_READS;
  sim_conn_shutdown(worker->conn);
  step_after(worker, 1);
}

static void finish(sim_worker *worker)
{
  switch (worker->script.ending) {
  case SIM_ENDS_AS_FPM:
    finish_as_fpm(worker);
    return;
  case SIM_ENDS_WITH_CLOSE:
    sim_conn_close(worker->conn);
    become_free(worker);
    return;
  case SIM_ENDS_WITH_RESET:
    sim_conn_reset(worker->conn);
    become_free(worker);
    return;
  case SIM_ENDS_HALF:
    sim_conn_shutdown(worker->conn);
    break;
  case SIM_ENDS_OPEN:
    break;
  }
  worker->state = SIM_WORKER_HELD;
  worker->script.reading = SIM_READS;
  step_after(worker, 1);
}

static void pause_for(sim_worker *worker, uint32_t us)
{
  worker->not_before = worker->server->net->world->now_us + us;
  step_after(worker, us);
}

/* 1 if everything is written. */
static int do_write(sim_worker *worker)
{
  sim_script *script = &worker->script;

  for (;;) {
    size_t end = script->bytes.len, n;

    if (worker->not_before > worker->server->net->world->now_us)
      return 0;
    if (script->tail_len > 0 && !worker->question.is_complete) {
      end -= script->tail_len;
      if (is_at_tail(worker))
        return 0;
    }
    if (worker->mark < script->mark_count && script->marks[worker->mark].at <= end) {
      end = script->marks[worker->mark].at;
      if (end == worker->at) {
        pause_for(worker, script->marks[worker->mark++].pause_us);
        continue;
      }
    }
    if (worker->at == script->bytes.len) {
      if (script->drips == 0)
        return 1;
      script->drips--;
      worker->at -= script->drip_len;
      pause_for(worker, script->drip_us);
      continue;
    }
    n = sim_conn_write(worker->conn, script->bytes.data + worker->at, end - worker->at);
    worker->at += n;
    if (n == 0)
      return 0;
    if (sim_conn_is_gone(worker->conn)) /* the script dies at its next output */
      script->drips = 0;
  }
}

static void step(sim_worker *worker)
{
  int was_at_tail = is_at_tail(worker);

  worker->is_woken = 0;
  if (worker->server->is_stopped)
    return;
  if (worker->state == SIM_WORKER_DEAD)
    return;
  if (worker->state == SIM_WORKER_FREE && !take_connection(worker))
    return;
  if (do_read(worker))
    return;
  if (worker->state != SIM_WORKER_RUNNING)
    return;
  if (!do_write(worker)) {
    /* Now it reads. */
    if (!was_at_tail && is_at_tail(worker) && worker->script.reading == SIM_READS_LATE)
      step_after(worker, 1);
    return;
  }
  if (sim_conn_is_gone(worker->conn)) {
    sim_conn_close(worker->conn);
    become_free(worker);
    return;
  }
  finish(worker);
}

static void on_queued(void *context)
{
  sim_server *server = context;
  size_t i;

  for (i = 0; i < server->worker_count; i++) {
    sim_worker *worker = &server->workers[(server->next_worker + i) % server->worker_count];

    if (worker->state != SIM_WORKER_FREE || worker->is_woken)
      continue;
    worker->is_woken = 1;
    server->next_worker = (server->next_worker + i + 1) % server->worker_count;
    step_after(worker, 1 + server->accept_us);
    return;
  }
}

void sim_server_init(sim_server *server, sim_listener *listener, size_t workers)
{
  size_t i;

  memset(server, 0, sizeof(*server));
  server->net = listener->net;
  server->listener = listener;
  server->worker_count = workers;
  server->silence_us = 5000000;
  server->spawn_us = 2000;
  server->number = listener->number;
  server->workers = calloc(workers, sizeof(*server->workers));
  if (server->workers == NULL)
    sim_fatal(server->net->world, "no memory");
  for (i = 0; i < workers; i++) {
    server->workers[i].server = server;
    server->workers[i].state = SIM_WORKER_FREE;
  }
  listener->server = server;
  listener->on_queued = on_queued;
}

void sim_server_deinit(sim_server *server)
{
  size_t i;

  for (i = 0; i < server->worker_count; i++) {
    sim_question_free(&server->workers[i].question);
    sim_bytes_free(&server->workers[i].script.bytes);
  }
  free(server->workers);
  server->workers = NULL;
  server->worker_count = 0;
}

void sim_server_kill(sim_server *server, size_t worker)
{
  if (server->workers[worker].state != SIM_WORKER_DEAD)
    die(&server->workers[worker]);
}

static int waits_for_next(const sim_worker *worker)
{
  return worker->state == SIM_WORKER_READING && worker->question.received == 0 &&
         worker->served > 0;
}

void sim_server_reload(sim_server *server, int lets_finish)
{
  size_t i;

  for (i = 0; i < server->worker_count; i++) {
    sim_worker *worker = &server->workers[i];

    if (worker->state == SIM_WORKER_RUNNING && lets_finish)
      continue;
    if (worker->state != SIM_WORKER_DEAD)
      die(worker);
  }
}

void sim_server_drop_idle(sim_server *server)
{
  size_t i;

  for (i = 0; i < server->worker_count; i++)
    if (waits_for_next(&server->workers[i]))
      die(&server->workers[i]);
}

void sim_server_stop(sim_server *server, int stops)
{
  size_t i;

  server->is_stopped = stops;
  for (i = 0; i < server->worker_count && !stops; i++)
    step_after(&server->workers[i], 1);
}

void sim_server_listen(sim_server *server, enum sim_listening state, int error)
{
  sim_conn *conn;

  server->listener->state = state;
  server->listener->error = error;
  while (state != SIM_LISTENS && (conn = sim_accept(server->listener)) != NULL)
    sim_conn_reset(conn);
}
