/* Three pools under 48 requests in flight, while workers are killed and stopped, masters reload, pools go away and come
 * back, and a socket is removed and made again. What holds all the while:
 *
 *   - each request has exactly one result, and a body that came is the one of its request;
 *   - what has not begun goes to another server by itself (FCGIP_PROXY_FAILOVER), and what waits in the backlog of
 *     a server that reloads is served by its new workers;
 *   - a failed request that says it is retry-safe can be sent again, and then succeeds; a POST never runs twice;
 *   - descriptors and memory are afterwards what they were before.
 *
 * 20 seconds, or ten minutes with FCGIP_TEST_LONG=1. FCGIP_TEST_SEED=n repeats the choices of a run. */
#include "integration/fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "support/failing_allocator.h"

enum { SERVERS = 3, MAX_WIDTH = 32, MAX_SERIALS = 1 << 20, MAX_CONTENT = 1 << 20, TEXT_CAP = 256 };
enum { SLACK_BYTES = 65536, CANCEL_EVERY = 97 };

static const char script[] =
    "<?php\n"
    "$token = $_SERVER['CHAOS_TOKEN'];\n"
    "file_put_contents(__DIR__ . '/begun.log', $token . \"\\n\", FILE_APPEND);\n"
    "usleep(hexdec(substr(md5($token), 0, 3)) * 8);\n"
    "header('Content-Type: text/plain');\n"
    "echo $token, \"\\n\";\n"
    "readfile('php://input');\n";

static const fpm_pool pools[SERVERS] = {FPM_NETWORK1, FPM_NETWORK2, FPM_UNIX};
static fpm *servers[SERVERS];
static char script_path[256];

/* ---- choices ---- */

static uint64_t seed;

static uint32_t mixed(uint64_t value)
{
  value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
  return (uint32_t)(value >> 32);
}

static uint32_t draw(uint32_t below)
{
  seed += UINT64_C(0x9e3779b97f4a7c15);
  return mixed(seed) % below;
}

/* ---- a client: a thread with a proxy of its own ---- */

enum method { GET, PUT, POST, METHODS };

typedef struct job {
  fcgip_request_id id; /* 0: the slot is free */
  uint32_t serial;
  int is_canceled;
} job;

typedef struct client {
  const char *name;
  size_t width;
  uint32_t idle_connections;
  uint32_t next_serial, serial_step;
  fcgip_proxy *proxy;
  fcgip_collection *collection;
  failing_allocator memory;
  pthread_t thread;
  atomic_int running; /* 1: send; 0: finish what is in flight; -1: end */
  atomic_int drained;
  job jobs[MAX_WIDTH];
  size_t in_flight, most_fds;
  uint64_t sent, resent, succeeded, lost, canceled;
  uint64_t strange; /* what must not happen */
  char text[TEXT_CAP];
} client;

/* What became of each request, by its number: indexes of the clients are interleaved. */
enum fate { FATE_OPEN, FATE_GOOD, FATE_LOST, FATE_CANCELED };
static uint8_t fates[MAX_SERIALS];
static uint16_t begun[MAX_SERIALS];

static enum method method_of(uint32_t serial)
{
  return (enum method)(mixed(serial * 3u + 1) % METHODS);
}

static size_t length_of(uint32_t serial)
{
  uint32_t kind = mixed(serial * 5u + 2) % 100, any = mixed(serial * 7u + 3);

  if (method_of(serial) == GET)
    return 0;
  if (kind < 70)
    return any % 2048;
  return kind < 98 ? any % 100000 : any % MAX_CONTENT;
}

static void fill_content(uint32_t serial, char *to, size_t len)
{
  char piece[12];
  size_t i;

  snprintf(piece, sizeof(piece), "%08x", mixed(serial) ^ serial);
  for (i = 0; i < len; i++)
    to[i] = piece[i % 8];
}

/* The first strange thing is kept. */
static void note(client *c, const char *what, const char *more)
{
  if (c->strange++ == 0)
    snprintf(c->text, sizeof(c->text), "%s: %.180s", what, more);
}

static void release_content(void *data)
{
  free(data);
}

static void send_job(client *c, job *j)
{
  static const char *const names[METHODS] = {"GET", "PUT", "POST"};
  size_t len = length_of(j->serial);
  char *content = malloc(len + 1), token[16];
  fcgip_request *request = NULL;
  int rc = FCGIP_ENOMEM;

  snprintf(token, sizeof(token), "%u", (unsigned)j->serial);
  fill_content(j->serial, content, len);
  if (fcgip_request_new(&request, names[method_of(j->serial)], script_path) == FCGIP_OK &&
      fcgip_request_set_custom_var(request, "CHAOS_TOKEN", token) == FCGIP_OK &&
      fcgip_request_set_content_type(request, "text/plain") == FCGIP_OK &&
      fcgip_request_set_content_ref(request, content, len, release_content, content) == FCGIP_OK)
    rc = fcgip_proxy_send_async_request(c->proxy, request, &j->id);
  fcgip_request_free(request);
  if (rc != FCGIP_OK)
    note(c, "send", fcgip_errname(rc));
  c->in_flight++;
  c->sent++;
}

static void fill_slots(client *c)
{
  size_t i;

  for (i = 0; i < c->width && c->next_serial < MAX_SERIALS; i++) {
    job *j = &c->jobs[i];

    if (j->id != 0)
      continue;
    j->serial = c->next_serial;
    j->is_canceled = 0;
    c->next_serial += c->serial_step;
    send_job(c, j);
    if (j->serial % CANCEL_EVERY == 0) {
      j->is_canceled = 1;
      fcgip_proxy_cancel(c->proxy, j->id);
    }
  }
}

static int body_is_right(const fcgip_response *response, uint32_t serial)
{
  size_t len, own = length_of(serial), skip;
  const char *body = fcgip_response_body(response, &len);
  char token[16], *expected = malloc(own + 1);
  int right;

  skip = (size_t)snprintf(token, sizeof(token), "%u\n", (unsigned)serial);
  fill_content(serial, expected, own);
  right = len == skip + own && memcmp(body, token, skip) == 0 &&
          memcmp(body + skip, expected, own) == 0;
  free(expected);
  return right;
}

static int error_is_usual(int error)
{
  return error == FCGIP_ECONNECT || error == FCGIP_EBUSY || error == FCGIP_ETIMEDOUT ||
         error == FCGIP_EREAD || error == FCGIP_EWRITE;
}

/* A result of the request in this slot. */
static void settle(client *c, job *j, const fcgip_response *response)
{
  int error = fcgip_response_error(response);

  j->id = 0;
  c->in_flight--;
  if (error == FCGIP_OK) {
    if (!body_is_right(response, j->serial))
      note(c, "a body that is not the request's", fcgip_errname(error));
    fates[j->serial] = FATE_GOOD;
    c->succeeded++;
  } else if (error == FCGIP_ECANCELED && j->is_canceled) {
    fates[j->serial] = FATE_CANCELED;
    c->canceled++;
  } else if (!error_is_usual(error)) {
    note(c, "an error that nobody caused", fcgip_response_error_text(response));
  } else if (fcgip_response_is_retry_safe(response)) {
    c->resent++;
    send_job(c, j);
  } else {
    fates[j->serial] = FATE_LOST;
    c->lost++;
    if (method_of(j->serial) != POST && !fcgip_response_is_partial(response))
      note(c, "not retry-safe though it may be repeated", fcgip_response_error_text(response));
  }
}

static void take(client *c, fcgip_response *response)
{
  fcgip_request_id id = fcgip_response_request_id(response);
  fcgip_response *again;
  size_t i;

  if (fcgip_proxy_read_response(c->proxy, id, 0, &again) != FCGIP_ENOTFOUND)
    note(c, "a second result", "");
  for (i = 0; i < c->width && c->jobs[i].id != id; i++)
    ;
  if (i < c->width)
    settle(c, &c->jobs[i], response);
  else
    note(c, "a result that nobody waits for", "");
  fcgip_response_free(response);
}

static size_t open_connections(const client *c)
{
  fcgip_endpoint_stats stats;
  size_t count = 0, i;

  for (i = 0; i < SERVERS; i++) {
    stats.struct_size = sizeof(stats);
    if (fcgip_proxy_endpoint_stats(c->proxy, i, &stats) == FCGIP_OK)
      count += stats.open;
  }
  return count;
}

static void client_step(client *c)
{
  fcgip_response *response;
  size_t fds = fcgip_proxy_fds(c->proxy, NULL, 0);

  if (fds > c->most_fds)
    c->most_fds = fds;
  if (c->in_flight == 0 && open_connections(c) == 0) {
    atomic_store(&c->drained, 1);
    pause_ms(2);
  } else if (c->in_flight == 0) {
    fcgip_proxy_poll(c->proxy, 20);
  } else if (fcgip_proxy_next_response(c->proxy, 20, &response) == 1) {
    take(c, response);
  }
}

static void *client_run(void *data)
{
  client *c = data;
  int running;

  while ((running = atomic_load(&c->running)) >= 0) {
    if (running > 0)
      fill_slots(c);
    client_step(c);
  }
  return NULL;
}

static void client_open(client *c)
{
  fcgip_endpoint_options options = {.max_idle_connections = c->idle_connections,
                                    .idle_timeout_ms = 50,
                                    .read_write_timeout_ms = 20000,
                                    .connect_timeout_ms = 20000};
  const fcgip_endpoint *endpoints[SERVERS];
  fcgip_endpoint *own[SERVERS];
  fcgip_proxy_options with = {.struct_size = sizeof(with), .flags = FCGIP_PROXY_FAILOVER};
  int i;

  failing_allocator_init(&c->memory);
  with.allocator = &c->memory.hook;
  for (i = 0; i < SERVERS; i++)
    endpoints[i] = own[i] = endpoint_at(fpm_address(servers[i], pools[i]), &options);
  assert_int_equal(fcgip_round_robin_new(&c->collection, endpoints, SERVERS), FCGIP_OK);
  for (i = 0; i < SERVERS; i++)
    fcgip_endpoint_free(own[i]);
  assert_int_equal(fcgip_proxy_new(&c->proxy, c->collection, &with), FCGIP_OK);
  assert_int_equal(pthread_create(&c->thread, NULL, client_run, c), 0);
}

static void client_close(client *c)
{
  atomic_store(&c->running, -1);
  assert_int_equal(pthread_join(c->thread, NULL), 0);
  fcgip_proxy_free(c->proxy);
  fcgip_collection_free(c->collection);
  assert_int_equal(c->memory.live_blocks, 0);
  assert_int_equal(c->memory.misuses, 0);
}

/* ---- what happens to the servers ---- */

static int signal_worker(int i, int signal_number)
{
  pid_t pids[FPM_MAX_WORKERS];
  size_t count = fpm_workers(servers[i], pools[i], pids, FPM_MAX_WORKERS);

  count = count < FPM_MAX_WORKERS ? count : FPM_MAX_WORKERS;
  if (count == 0)
    return 0;
  count = draw((uint32_t)count);
  kill(pids[count], signal_number);
  return (int)pids[count];
}

static int stop_and_continue(int i)
{
  int pid = signal_worker(i, SIGSTOP);

  pause_ms((long)draw(200));
  if (pid > 0)
    kill((pid_t)pid, SIGCONT);
  return 0;
}

static int go_away_and_come_back(int i)
{
  fpm_halt(servers[i]);
  pause_ms((long)draw(200));
  return fpm_resume(servers[i]);
}

static int hide_socket(int remove_it)
{
  const char *path = fpm_socket_path(servers[2], pools[2]);
  char away[256];
  int rc;

  snprintf(away, sizeof(away), "%s.away", path);
  rc = rename(path, away);
  pause_ms((long)draw(100));
  if (!remove_it)
    return rc != 0 ? rc : rename(away, path);
  fpm_halt(servers[2]);
  unlink(away);
  return fpm_resume(servers[2]);
}

enum { WEIGHT_SUM = 17 };

static int something_happens(void)
{
  int i = (int)draw(SERVERS);
  uint32_t kind = draw(WEIGHT_SUM);

  if (kind < 4)
    return signal_worker(i, SIGKILL) < 0;
  if (kind < 7)
    return signal_worker(i, SIGTERM) < 0;
  if (kind < 11)
    return stop_and_continue(i);
  if (kind < 13)
    return fpm_reload(servers[i]);
  if (kind < 14)
    return go_away_and_come_back(i);
  return hide_socket(kind == 14);
}

/* Returns how many things happened, or -1. */
static int happen_for(uint64_t ms)
{
  uint64_t start = clock_ms();
  int count = 0;

  while (clock_ms() - start < ms) {
    if (something_happens() != 0)
      return -1;
    count++;
    pause_ms((long)draw(60));
  }
  return count;
}

/* ---- the test ---- */

static void run_clients(client *clients, size_t count, int yes)
{
  size_t i;

  for (i = 0; i < count; i++) {
    atomic_store(&clients[i].drained, 0);
    atomic_store(&clients[i].running, yes);
  }
  for (i = 0; i < count && !yes; i++)
    while (!atomic_load(&clients[i].drained))
      pause_ms(5);
}

static void count_begun(void)
{
  char path[256], line[64];
  FILE *file;

  snprintf(path, sizeof(path), "%s/begun.log", fpm_folder(servers[0]));
  file = fopen(path, "re");
  assert_non_null(file);
  while (fgets(line, sizeof(line), file) != NULL) {
    unsigned long serial = strtoul(line, NULL, 10);

    assert_true(serial < MAX_SERIALS && strchr(line, '\n') != NULL);
    begun[serial]++;
  }
  fclose(file);
}

/* Against what the servers say they have begun. */
static void compare_with_the_servers(const client *c, uint32_t first)
{
  uint64_t twice = 0, never = 0, open = 0;
  uint32_t serial;

  count_begun();
  for (serial = first; serial < c->next_serial; serial += c->serial_step) {
    open += fates[serial] == FATE_OPEN;
    never += fates[serial] == FATE_GOOD && begun[serial] == 0;
    twice += method_of(serial) == POST && begun[serial] > 1;
  }
  memset(begun, 0, sizeof(begun));
  assert_int_equal(open, 0);
  assert_int_equal(never, 0);
  assert_int_equal(twice, 0);
}

static void judge(const client *c, uint32_t first)
{
  print_message(
      "%s: %llu sent, %llu good, %llu sent again, %llu lost, %llu canceled, %zu sockets\n", c->name,
      (unsigned long long)c->sent, (unsigned long long)c->succeeded, (unsigned long long)c->resent,
      (unsigned long long)c->lost, (unsigned long long)c->canceled, c->most_fds);
  if (c->strange > 0)
    fail_msg("%s: %llu times, first %s", c->name, (unsigned long long)c->strange, c->text);
  assert_int_equal(c->in_flight, 0);
  assert_true(c->succeeded > 0);
  assert_int_equal(c->sent, c->succeeded + c->resent + c->lost + c->canceled);
  compare_with_the_servers(c, first);
}

static void nothing_is_lost_in_chaos(void **state)
{
  static client clients[2] = {
      {.name = "a connection each", .width = 32, .next_serial = 0, .serial_step = 2},
      {.name = "kept connections",
       .width = 16,
       .next_serial = 1,
       .serial_step = 2,
       .idle_connections = 2}};
  uint64_t span = getenv("FCGIP_TEST_LONG") != NULL ? 600000 : 20000;
  size_t live[2], i;
  int first, second;

  (void)state;
  print_message("seed %llu\n", (unsigned long long)seed);
  for (i = 0; i < 2; i++)
    client_open(&clients[i]);
  run_clients(clients, 2, 1);
  first = happen_for(span / 4);
  run_clients(clients, 2, 0);
  assert_int_equal(open_fds(), fds_before);
  for (i = 0; i < 2; i++)
    live[i] = clients[i].memory.live_bytes;
  run_clients(clients, 2, 1);
  second = happen_for(span - span / 4);
  run_clients(clients, 2, 0);
  assert_int_equal(open_fds(), fds_before);
  assert_true(first > 0 && second > 0);
  print_message("%d things happened\n", first + second);
  for (i = 0; i < 2; i++)
    if (clients[i].memory.live_bytes > live[i] + SLACK_BYTES)
      fail_msg("memory has grown from %zu to %zu", live[i], clients[i].memory.live_bytes);
  for (i = 0; i < 2; i++) {
    client_close(&clients[i]);
    judge(&clients[i], (uint32_t)i);
  }
}

static int start_servers(void **state)
{
  const char *own = getenv("FCGIP_TEST_SEED");
  int i;

  (void)state;
  seed = own != NULL ? strtoull(own, NULL, 10) : clock_ms() * 1000u + (uint64_t)getpid();
  for (i = 0; i < SERVERS; i++) {
    servers[i] = fpm_start(FPM_BIT(pools[i]));
    if (servers[i] == NULL)
      return -1;
  }
  server = servers[0];
  write_script("chaos.php", script, script_path, sizeof(script_path));
  return 0;
}

static int stop_servers(void **state)
{
  int i;

  (void)state;
  for (i = SERVERS - 1; i >= 0; i--)
    fpm_free(servers[i]);
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {TEST(nothing_is_lost_in_chaos)};

  if (fpm_skip_reason() != NULL)
    return skip_program(fpm_skip_reason());
  return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
