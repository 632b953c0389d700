/* No text of the library has anything of the application's in it but the server's address and the path of a status page,
 * and nothing of the server's at all: neither variables nor contents, neither headers, bodies nor STDERR. All of them are
 * full of canaries here, and every way for a request to fail is gone. What is not printable is escaped. */
#include <ctype.h>
#include <unistd.h>

#include "engine/fixture.h"
#include "proxy/proxy.h"

#define CANARY "CaNaRy"

static const char *const hiding[] = {CANARY, "canary", "CANARY"};

/* Each error that a response or a server's status was seen to have. */
static unsigned char seen[1000];

static void assert_is_clean(const char *text, int error)
{
  size_t i;

  assert_non_null(text);
  for (i = 0; i < sizeof(hiding) / sizeof(hiding[0]); i++)
    if (strstr(text, hiding[i]) != NULL)
      fail_msg("a canary is in \"%s\"", text);
  for (i = 0; text[i] != '\0'; i++)
    if (!isprint((unsigned char)text[i]))
      fail_msg("byte %u is in \"%s\"", (unsigned char)text[i], text);
  assert_true((error == FCGIP_OK) == (text[0] == '\0'));
  assert_true(error <= 0 && error > -1000);
  seen[-error] = 1;
}

static int give_less(uint64_t offset, void *buffer, size_t cap, size_t *n, void *data)
{
  (void)buffer;
  (void)cap;
  (void)data;
  *n = 0;
  return offset == 0 ? FCGIP_OK : FCGIP_EFILE;
}

static int give_nothing(uint64_t offset, void *buffer, size_t cap, size_t *n, void *data)
{
  (void)offset;
  (void)data;
  if (cap >= sizeof(CANARY))
    memcpy(buffer, CANARY, sizeof(CANARY));
  *n = 0;
  return FCGIP_EFILE;
}

static int say_no(fcgip_request_id id, const void *output, size_t output_len, const void *error,
                  size_t error_len, void *data)
{
  (void)id;
  (void)output;
  (void)output_len;
  (void)error;
  (void)error_len;
  (void)data;
  return 1;
}

/* Canaries wherever a request takes a text. */
static void fill(fcgip_request *r)
{
  assert_int_equal(fcgip_request_set_script_filename(r, "/srv/" CANARY ".php"), FCGIP_OK);
  assert_int_equal(fcgip_request_set_request_uri(r, "/" CANARY "?canary=" CANARY), FCGIP_OK);
  assert_int_equal(fcgip_request_set_server_software(r, CANARY), FCGIP_OK);
  assert_int_equal(fcgip_request_set_server_name(r, CANARY), FCGIP_OK);
  assert_int_equal(fcgip_request_set_server_protocol(r, CANARY), FCGIP_OK);
  assert_int_equal(fcgip_request_set_server_address(r, CANARY), FCGIP_OK);
  assert_int_equal(fcgip_request_set_remote_address(r, CANARY), FCGIP_OK);
  assert_int_equal(fcgip_request_set_content_type(r, "text/" CANARY), FCGIP_OK);
  assert_int_equal(fcgip_request_set_custom_var(r, "CANARY", "\x1b[31m" CANARY), FCGIP_OK);
  assert_int_equal(fcgip_request_set_custom_var(r, CANARY, "%s%n" CANARY), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(r, "Cookie", CANARY), FCGIP_OK);
  assert_int_equal(fcgip_request_add_http_header(r, "X-Canary", CANARY), FCGIP_OK);
}

/* ---- what a server may say ---- */

#define HEAD                                                                                       \
  "Status: 200 " CANARY "\r\nX-Canary: " CANARY "\r\nSet-Cookie: canary=" CANARY "\r\n\r\n"

static void say(fixture *f, unsigned type, const char *text)
{
  fake_net_record(&f->net, 0, type, text, strlen(text), 0);
}

static void say_bytes(fixture *f, const char *bytes, size_t len)
{
  fake_net_data_at(&f->net, f->net.now_us, 0, bytes, len);
}

static void say_some(fixture *f)
{
  say(f, 7, "PHP message: \x1b]0;" CANARY "\x07\n");
  say(f, 6, HEAD "body of " CANARY);
}

typedef struct row {
  const char *name;
  int error;
  const char *answer;      /* STDOUT, then END_REQUEST; or else ... */
  void (*act)(fixture *f); /* ... this, when the request has been sent */
  fcgip_endpoint_options options;
} row;

static void act_fin(fixture *f)
{
  say_some(f);
  at_ms(f, 0, FAKE_FIN, 0, 0);
}

static void act_fin_at_once(fixture *f)
{
  at_ms(f, 0, FAKE_FIN, 0, 0);
}

static void act_reset(fixture *f)
{
  say_some(f);
  at_ms(f, 0, FAKE_RECV_ERROR, 0, ECONNRESET);
}

static void act_unknown_errno(fixture *f)
{
  at_ms(f, 0, FAKE_RECV_ERROR, 0, 12345);
}

static void act_silence(fixture *f)
{
  say(f, 7, CANARY);
}

static void act_say_some(fixture *f)
{
  say_some(f);
}

static void act_http(fixture *f)
{
  static const char bytes[] = "HTTP/1.1 400 " CANARY "\r\n\r\n" CANARY;

  say_bytes(f, bytes, sizeof(bytes) - 1);
}

static void act_tls(fixture *f)
{
  say_bytes(f, "\x15\x03\x01" CANARY, 9);
}

static void act_version(fixture *f)
{
  say_some(f);
  say_bytes(f, CANARY CANARY, 12);
}

static void act_type(fixture *f)
{
  say(f, 67, CANARY);
}

static void act_own_type(fixture *f)
{
  say(f, 1, CANARY "12");
}

static void act_id(fixture *f)
{
  say_bytes(f, "\x01\x06\x43\x61\x00\x06\x00\x00" CANARY, 14);
}

static void act_short_end(fixture *f)
{
  say(f, 3, CANARY);
}

static void act_end_1(fixture *f)
{
  fake_net_end(&f->net, 0, 0, 1);
}

static void act_end_2(fixture *f)
{
  say_some(f);
  fake_net_end(&f->net, 0, 0, 2);
}

static void act_end_3(fixture *f)
{
  fake_net_end(&f->net, 0, 0, 3);
}

static void act_end_67(fixture *f)
{
  say_some(f);
  fake_net_end(&f->net, 0, 0x43614e61, 67);
}

static void act_cancel(fixture *f)
{
  say_some(f);
  settle(f);
  assert_int_equal(fcgip_proxy_cancel(f->proxy, 1), FCGIP_OK); /* the first one has the id 1 */
}

static void act_no_memory(fixture *f)
{
  say_some(f);
  f->memory.limit_bytes = f->memory.live_bytes;
}

static const row rows[] = {
    {"FIN", FCGIP_EREAD, NULL, act_fin, {0}},
    {"FIN without a byte", FCGIP_EREAD, NULL, act_fin_at_once, {0}},
    {"RST", FCGIP_EREAD, NULL, act_reset, {0}},
    {"an errno without a name", FCGIP_EREAD, NULL, act_unknown_errno, {0}},
    {"silence", FCGIP_ETIMEDOUT, NULL, act_silence, {.read_write_timeout_ms = 50}},
    {"late", FCGIP_ETIMEDOUT, NULL, act_say_some, {.request_timeout_ms = 50}},
    {"no first byte", FCGIP_ETIMEDOUT, NULL, NULL, {.first_byte_timeout_ms = 50}},
    {"HTTP", FCGIP_EPROTO, NULL, act_http, {0}},
    {"TLS", FCGIP_EPROTO, NULL, act_tls, {0}},
    {"version", FCGIP_EPROTO, NULL, act_version, {0}},
    {"type", FCGIP_EPROTO, NULL, act_type, {0}},
    {"a client's type", FCGIP_EPROTO, NULL, act_own_type, {0}},
    {"id", FCGIP_EPROTO, NULL, act_id, {0}},
    {"END_REQUEST", FCGIP_EPROTO, NULL, act_short_end, {0}},
    {"no multiplexing", FCGIP_ECANTMPX, NULL, act_end_1, {0}},
    {"overloaded", FCGIP_EOVERLOADED, NULL, act_end_2, {0}},
    {"role", FCGIP_EROLE, NULL, act_end_3, {0}},
    {"refused", FCGIP_EREFUSED, NULL, act_end_67, {0}},
    {"cancelled", FCGIP_ECANCELED, NULL, act_cancel, {0}},
    {"no memory", FCGIP_ENOMEM, NULL, act_no_memory, {0}},
    {"no header block", FCGIP_EHEADER, "", NULL, {0}},
    {"half a header block", FCGIP_EHEADER, "X: " CANARY "\r\n", NULL, {0}},
    {"no colon", FCGIP_EHEADER, CANARY "\r\n\r\n", NULL, {0}},
    {"no name", FCGIP_EHEADER, ": " CANARY "\r\n\r\n", NULL, {0}},
    {"a space", FCGIP_EHEADER, CANARY " : " CANARY "\r\n\r\n", NULL, {0}},
    {"no token", FCGIP_EHEADER, "Ca\x1bry: " CANARY "\r\n\r\n", NULL, {0}},
    {"CR", FCGIP_EHEADER, "X: " CANARY "\r" CANARY "\r\n\r\n", NULL, {0}},
    {"folded on to nothing", FCGIP_EHEADER, " " CANARY "\r\n\r\n", NULL, {0}},
    {"status", FCGIP_EHEADER, "Status: " CANARY "\r\n\r\n", NULL, {0}},
    {"two statuses",
     FCGIP_EHEADER,
     "Status: 200 " CANARY "\r\nStatus: 200 " CANARY "\r\n\r\n",
     NULL,
     {0}},
    {"protocol line", FCGIP_EHEADER, "HTTP/1.1 " CANARY "\r\n\r\n", NULL, {0}},
    {"length", FCGIP_EHEADER, "Content-Length: " CANARY "\r\n\r\n", NULL, {0}},
    {"two lengths",
     FCGIP_EHEADER,
     "Content-Length: 1\r\nContent-Length: 2\r\n\r\n" CANARY,
     NULL,
     {0}},
    {"too short", FCGIP_ELENGTH, "Content-Length: 100\r\n\r\n" CANARY, NULL, {0}},
    {"too long", FCGIP_ELENGTH, "Content-Length: 1\r\n\r\n" CANARY, NULL, {0}},
    {"header bytes", FCGIP_ETOOLARGE, HEAD, NULL, {.max_header_bytes = 20}},
    {"header count", FCGIP_ETOOLARGE, HEAD, NULL, {.max_headers = 2}},
    {"body bytes", FCGIP_ETOOLARGE, HEAD CANARY, NULL, {.max_body_bytes = 3}},
};

static fcgip_response *result_of(fixture *f, fcgip_request_id id, const char *name, int error)
{
  fcgip_response *response = take(f, id);

  if (fcgip_response_error(response) != error)
    fail_msg("%s: %s (%s)", name, fcgip_errname(fcgip_response_error(response)),
             fcgip_response_error_text(response));
  assert_is_clean(fcgip_response_error_text(response), error);
  if (error != FCGIP_ENOMEM)
    assert_true(strncmp(fcgip_response_error_text(response), "tcp://10.0.0.1:9000: ", 21) == 0 ||
                strncmp(fcgip_response_error_text(response), "unix://", 7) == 0 ||
                strncmp(fcgip_response_error_text(response), "tcp://some.name:9000: ", 22) == 0);
  return response;
}

/* A fixture of its own for each row. */
static void run_row(const row *r, fixture *f)
{
  void *state = f;
  fcgip_request_id id;

  assert_int_equal(fixture_setup(&state, DRIVE_POLL), 0);
  fixture_tcp(f, &r->options);
  fill(f->post);
  id = send_it(f, f->post);
  settle(f);
  if (r->answer != NULL) {
    say(f, 6, r->answer);
    fake_net_end(&f->net, 0, 0, 0);
  } else if (r->act != NULL) {
    r->act(f);
  }
  run(f);
  fcgip_response_free(result_of(f, id, r->name, r->error));
  f->memory.limit_bytes = 0;
  assert_int_equal(teardown(&state), 0);
}

static void whatever_a_server_says(void **state)
{
  size_t i;

  (void)state;
  for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    run_row(&rows[i], &the_fixture);
}

/* ---- what goes wrong before ---- */

static void fails_with(fixture *f, int error)
{
  fcgip_request_id id;

  fill(f->post);
  id = send_it(f, f->post);
  run(f);
  fcgip_response_free(result_of(f, id, "", error));
}

static void refused(void **state)
{
  fixture *f = *state;

  f->net.plan = (fake_connect){ECONNREFUSED, 0, 0};
  fixture_tcp(f, NULL);
  fails_with(f, FCGIP_ECONNECT);
}

static void no_answer(void **state)
{
  const fcgip_endpoint_options options = {.connect_timeout_ms = 50};
  fixture *f = *state;

  f->net.plan = (fake_connect){EINPROGRESS, FAKE_NET_NEVER, 0};
  fixture_tcp(f, &options);
  fails_with(f, FCGIP_ETIMEDOUT);
}

static void no_room(void **state)
{
  const fcgip_endpoint_options options = {.connect_timeout_ms = 50};
  fixture *f = *state;

  f->net.plan = (fake_connect){EAGAIN, 0, 0};
  fixture_unix(f, &options);
  fails_with(f, FCGIP_EBUSY);
}

static void no_such_host(void **state)
{
  static const char *const none[] = {NULL};
  fixture *f = *state;

  f->net.resolved = none;
  fixture_add_endpoint(f, "some.name:9000", NULL);
  fixture_make_proxy(f, 0);
  fails_with(f, FCGIP_ERESOLVE);
}

static void waits_in_the_queue(void **state)
{
  const fcgip_endpoint_options options = {.max_connections = 1, .request_timeout_ms = 50};
  fcgip_request_id ids[2];
  fixture *f = *state;
  size_t i;

  fixture_tcp(f, &options);
  fill(f->post);
  for (i = 0; i < 2; i++)
    ids[i] = send_it(f, f->post);
  run(f);
  for (i = 0; i < 2; i++)
    fcgip_response_free(result_of(f, ids[i], "queued", FCGIP_ETIMEDOUT));
}

static void is_not_read(void **state)
{
  const fcgip_endpoint_options options = {.read_write_timeout_ms = 50};
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, &options);
  fill(f->post);
  id = send_it(f, f->post);
  socket_at(f, 0)->room = 10;
  run(f);
  fcgip_response_free(result_of(f, id, "not read", FCGIP_ETIMEDOUT));
}

static void is_not_taken(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  f->net.send_most = 10;
  fixture_tcp(f, NULL);
  fill(f->post);
  id = send_it(f, f->post);
  socket_at(f, 0)->send_error = EPIPE;
  run(f);
  fcgip_response_free(result_of(f, id, "not taken", FCGIP_EWRITE));
}

static void a_source_ends_early(void **state)
{
  fixture *f = *state;

  fixture_tcp(f, NULL);
  assert_int_equal(fcgip_request_set_content_source(f->post, give_less, 100, NULL, NULL), FCGIP_OK);
  fails_with(f, FCGIP_EINVAL);
}

static void a_source_fails(void **state)
{
  fixture *f = *state;

  fixture_tcp(f, NULL);
  assert_int_equal(fcgip_request_set_content_source(f->post, give_nothing, 100, NULL, NULL),
                   FCGIP_OK);
  fails_with(f, FCGIP_ECANCELED);
}

/* A file that has become shorter than it was. */
static void a_file_ends_early(void **state)
{
  fixture *f = *state;
  FILE *file = tmpfile();

  assert_non_null(file);
  assert_true(fputs(CANARY CANARY, file) >= 0 && fflush(file) == 0);
  fixture_tcp(f, NULL);
  assert_int_equal(fcgip_request_set_content_fd(f->post, fileno(file), 0, UINT64_MAX), FCGIP_OK);
  assert_int_equal(ftruncate(fileno(file), 3), 0);
  fails_with(f, FCGIP_EFILE);
  fclose(file);
}

static void a_callback_says_no(void **state)
{
  fixture *f = *state;
  fcgip_request_id id;

  fixture_tcp(f, NULL);
  fill(f->post);
  assert_int_equal(fcgip_request_add_pass_through_callback(f->post, say_no, NULL, NULL), FCGIP_OK);
  id = send_it(f, f->post);
  settle(f);
  say_some(f);
  run(f);
  fcgip_response_free(result_of(f, id, "says no", FCGIP_ECANCELED));
}

/* The sentences of both servers, and of a path whose name is not printable. */
static void all_servers_fail(void **state)
{
  fixture *f = *state;
  fcgip_response *response;
  fcgip_request_id id;

  f->net.plan = (fake_connect){ECONNREFUSED, 0, 0};
  fixture_add_endpoint(f, "/fake/\x1b[31m\xff\x7f", NULL);
  fixture_add_endpoint(f, "10.0.0.1:9000", NULL);
  fixture_make_proxy(f, FCGIP_PROXY_FAILOVER);
  fill(f->post);
  id = send_it(f, f->post);
  run(f);
  response = result_of(f, id, "all", FCGIP_ECONNECT);
  assert_non_null(strstr(fcgip_response_error_text(response), "; tcp://10.0.0.1:9000: "));
  assert_non_null(
      strstr(fcgip_response_error_text(response), "unix:///fake/\\x1b[31m\\xff\\x7f: "));
  fcgip_response_free(response);
}

/* ---- status pages ---- */

static void answer_status(void *context)
{
  fixture *f = context;

  fake_net_serve(&f->net, 0);
}

typedef struct page {
  fixture *f;
  const char *head, *body;
} page;

static void answer_page(void *context)
{
  page *p = context;

  say(p->f, 7, CANARY);
  say(p->f, 6, p->head);
  say(p->f, 6, p->body);
  fake_net_end(&p->f->net, 0, 0, 0);
}

static void a_page(const char *head, const char *body, int error)
{
  void *state = &the_fixture;
  fixture *f = &the_fixture;
  const fcgip_endpoint *endpoint;
  fcgip_status_list *list = NULL;
  fcgip_cluster_proxy *cluster;
  const fcgip_server_status *server;
  page p = {f, head, body};

  assert_int_equal(fixture_setup(&state, DRIVE_POLL), 0);
  fixture_add_endpoint(f, "10.0.0.1:9000", NULL);
  endpoint = f->endpoints[0];
  assert_int_equal(fcgip_cluster_new(&f->collection, &endpoint, 1), FCGIP_OK);
  assert_int_equal(fcgip__cluster_proxy_new(&cluster, f->collection, NULL, &f->net.sys), FCGIP_OK);
  fake_net_call_at(&f->net, f->net.now_us + 5 * MS, head != NULL ? answer_page : answer_status,
                   head != NULL ? (void *)&p : (void *)f);
  assert_int_equal(fcgip_cluster_proxy_get_status(cluster, "/status?json&" CANARY, 1000, &list),
                   FCGIP_OK);
  server = fcgip_status_list_at(list, 0);
  assert_int_equal(fcgip_server_status_error(server), error);
  assert_is_clean(fcgip_server_status_error_text(server), error);
  fcgip_status_list_free(list);
  fcgip_cluster_proxy_free(cluster);
  assert_int_equal(teardown(&state), 0);
}

static void status_pages(void **state)
{
  (void)state;
  a_page("Status: 404 " CANARY "\r\n\r\n", "File not found." CANARY, FCGIP_ESTATUSPATH);
  a_page("Status: 403 " CANARY "\r\n\r\n", CANARY, FCGIP_ESTATUSPATH);
  a_page("Status: 500 " CANARY "\r\n\r\n", CANARY, FCGIP_ESTATUSFORMAT);
  a_page("Status: 503 " CANARY "\r\n\r\n", CANARY, FCGIP_ESTATUSFORMAT);
  a_page("Content-Type: application/json\r\n\r\n", "{\"pool\":\"" CANARY "\",",
         FCGIP_ESTATUSFORMAT);
  a_page("Content-Type: text/" CANARY "\r\n\r\n", CANARY ": " CANARY "\n", FCGIP_ESTATUSFORMAT);
  a_page("Content-Type: text/xml\r\n\r\n", "<status><" CANARY ">", FCGIP_ESTATUSFORMAT);
  a_page(CANARY "\r\n\r\n", CANARY, FCGIP_EHEADER);
}

/* Whatever an error's constant sentence may be shown for; and all that a request can end with were there. */
static void none_was_left_out(void **state)
{
  static const int ends[] = {
      FCGIP_EINVAL,    FCGIP_EFILE,     FCGIP_ERESOLVE,    FCGIP_ECONNECT,      FCGIP_EBUSY,
      FCGIP_ETIMEDOUT, FCGIP_EWRITE,    FCGIP_EREAD,       FCGIP_ECANCELED,     FCGIP_EPROTO,
      FCGIP_EHEADER,   FCGIP_ETOOLARGE, FCGIP_ELENGTH,     FCGIP_ECANTMPX,      FCGIP_EOVERLOADED,
      FCGIP_EROLE,     FCGIP_EREFUSED,  FCGIP_ESTATUSPATH, FCGIP_ESTATUSFORMAT, FCGIP_ENOMEM};
  size_t i;
  int error;

  (void)state;
  for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
    if (!seen[-ends[i]])
      fail_msg("nothing failed with %s", fcgip_errname(ends[i]));
  for (error = -999; error < 0; error++) {
    assert_is_clean(fcgip_strerror(error), error);
    assert_is_clean(fcgip_errname(error), error);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whatever_a_server_says),
      ONE_WAY(refused),
      ONE_WAY(no_answer),
      ONE_WAY(no_room),
      ONE_WAY(no_such_host),
      ONE_WAY(waits_in_the_queue),
      ONE_WAY(is_not_read),
      ONE_WAY(is_not_taken),
      ONE_WAY(a_source_ends_early),
      ONE_WAY(a_source_fails),
      ONE_WAY(a_file_ends_early),
      ONE_WAY(a_callback_says_no),
      ONE_WAY(all_servers_fail),
      cmocka_unit_test(status_pages),
      cmocka_unit_test(none_was_left_out),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
