/* What becomes of requests whose server reloads or goes away before a worker has begun them. No failover, no second
 * attempt: this is what one send call is worth.
 *
 *   waiting in the client's queue       reload: served     restart: FCGIP_ECONNECT, retry-safe whatever the method
 *   waiting in the server's backlog     reload: served     restart: FCGIP_EREAD; the server may have begun it for all
 *                                                          we know, so only GET, HEAD, PUT, DELETE are retry-safe
 *   begun                               FCGIP_EREAD in both cases, retry-safe as before */
#include "integration/fixture.h"

enum { WORKERS = 2, WAITING = 8, ALL = WORKERS + WAITING };

static const char script[] =
    "<?php\n"
    "file_put_contents(__DIR__ . '/begun.log', $_SERVER['CHAOS_TOKEN'] . \"\\n\", FILE_APPEND);\n"
    "$until = microtime(true) + $_SERVER['CHAOS_SLEEP'];\n"
    "while (microtime(true) < $until) usleep(20000);\n" /* which a signal ends early */
    "echo $_SERVER['CHAOS_TOKEN'];\n";

static fcgip_proxy *proxy;
static fcgip_request_id ids[ALL];
static char script_path[256];

/* How often the token stands in the log; of all tokens if it is NULL. */
static int begun(const char *token)
{
  char path[256], line[64];
  int count = 0;
  FILE *file;

  snprintf(path, sizeof(path), "%s/begun.log", fpm_folder(server));
  file = fopen(path, "re");
  if (file == NULL)
    return 0;
  while (fgets(line, sizeof(line), file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    count += token == NULL || strcmp(line, token) == 0;
  }
  fclose(file);
  return count;
}

static void token_of(int i, char *to, size_t cap)
{
  snprintf(to, cap, "request %d", i);
}

static void send_one(const char *method, int i, const char *sleep_s)
{
  fcgip_request *request;
  char token[32];

  token_of(i, token, sizeof(token));
  assert_int_equal(fcgip_request_new(&request, method, script_path), FCGIP_OK);
  fcgip_request_set_custom_var(request, "CHAOS_TOKEN", token);
  fcgip_request_set_custom_var(request, "CHAOS_SLEEP", sleep_s);
  fcgip_request_set_content(request, "some=content", 12);
  ids[i] = send_async(proxy, request);
  fcgip_request_free(request);
}

static fcgip_endpoint_stats stats_now(void)
{
  fcgip_endpoint_stats stats = {.struct_size = sizeof(stats)};

  assert_int_equal(fcgip_proxy_endpoint_stats(proxy, 0, &stats), FCGIP_OK);
  return stats;
}

/* Both workers are at work on a request each, and the others have been sent, or wait for a connection. */
static void fill(fpm_pool pool, uint32_t max_connections, const char *method)
{
  const fcgip_endpoint_options options = {.max_connections = max_connections,
                                          .read_write_timeout_ms = PATIENCE_MS};
  uint64_t opened = max_connections < ALL ? max_connections : ALL;
  char path[256];
  int i;

  snprintf(path, sizeof(path), "%s/begun.log", fpm_folder(server));
  unlink(path);
  proxy = proxy_of(fcgip_round_robin_new, FPM_BIT(pool), &options);
  for (i = 0; i < WORKERS; i++)
    send_one(method, i, "600");
  while (begun(NULL) < WORKERS)
    fcgip_proxy_poll(proxy, 10);
  for (; i < ALL; i++)
    send_one(method, i, "0");
  while (stats_now().opened < opened)
    fcgip_proxy_poll(proxy, 10);
  fcgip_proxy_poll(proxy, 0);
  assert_int_equal(fcgip_proxy_pending(proxy), ALL);
}

static void expect_error(int i, int error, int retry_safe)
{
  fcgip_response *response;

  assert_int_equal(fcgip_proxy_read_response(proxy, ids[i], PATIENCE_MS, &response), error);
  assert_int_equal(fcgip_response_is_retry_safe(response), retry_safe);
  assert_false(fcgip_response_is_partial(response));
  fcgip_response_free(response);
}

static void expect_served_once(int i)
{
  fcgip_response *response;
  char token[32];

  token_of(i, token, sizeof(token));
  assert_int_equal(fcgip_proxy_read_response(proxy, ids[i], PATIENCE_MS, &response), FCGIP_OK);
  assert_body(response, token);
  assert_int_equal(begun(token), 1);
}

static void those_who_wait_survive_a_reload(void **state)
{
  static const fpm_pool pools[] = {FPM_SMALL_UNIX, FPM_SMALL_TCP};
  static const uint32_t max_connections[] = {UINT32_MAX, WORKERS, WORKERS + 3};
  size_t pool, limit;
  int i;

  (void)state;
  for (pool = 0; pool < 2; pool++)
    for (limit = 0; limit < 3; limit++) {
      fill(pools[pool], max_connections[limit], "POST");
      assert_int_equal(fpm_reload(server), 0);
      for (i = 0; i < WORKERS; i++)
        expect_error(i, FCGIP_EREAD, 0);
      for (; i < ALL; i++)
        expect_served_once(i);
      fcgip_proxy_free(proxy);
    }
}

static void those_who_were_sent_end_with_a_restart(void **state)
{
  static const char *const methods[] = {"POST", "PATCH", "GET", "PUT"};
  size_t m;
  int i;

  (void)state;
  for (m = 0; m < 4; m++) {
    fill(FPM_SMALL_UNIX, UINT32_MAX, methods[m]);
    fpm_halt(server);
    for (i = 0; i < ALL; i++)
      expect_error(i, FCGIP_EREAD, m >= 2);
    assert_int_equal(fpm_resume(server), 0);
    fcgip_proxy_free(proxy);
  }
}

static void those_in_the_queue_may_be_sent_again(void **state)
{
  int i;

  (void)state;
  fill(FPM_SMALL_TCP, WORKERS, "POST");
  fpm_halt(server);
  for (i = 0; i < WORKERS; i++)
    expect_error(i, FCGIP_EREAD, 0);
  for (; i < ALL; i++)
    expect_error(i, FCGIP_ECONNECT, 1);
  assert_int_equal(fpm_resume(server), 0);
  for (i = WORKERS; i < ALL; i++) {
    send_one("POST", i, "0");
    expect_served_once(i);
  }
  fcgip_proxy_free(proxy);
}

static int start(void **state)
{
  if (start_server(state, FPM_BIT(FPM_SMALL_UNIX) | FPM_BIT(FPM_SMALL_TCP)) != 0)
    return -1;
  write_script("reload.php", script, script_path, sizeof(script_path));
  return 0;
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(those_who_wait_survive_a_reload),
      TEST(those_who_were_sent_end_with_a_restart),
      TEST(those_in_the_queue_may_be_sent_again),
  };

  return RUN_ON_FPM(tests, start);
}
