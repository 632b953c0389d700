#include "fuzz/servers.h"

#include <stdio.h>
#include <string.h>

static void read_options(fcgip_endpoint_options *o, fuzz_input *in)
{
  memset(o, 0, sizeof(*o));
  o->struct_size = (uint32_t)sizeof(*o);
  o->allocator = &fuzz_memory.hook;
  o->request_timeout_ms = 1 + fuzz_u8(in) * 4U;
  o->connect_timeout_ms = fuzz_u8(in) * 4U;
  o->read_write_timeout_ms = fuzz_u8(in) * 4U;
  o->first_byte_timeout_ms = fuzz_u8(in) * 4U;
  o->max_connections = fuzz_u8(in) % 8U;
  o->max_idle_connections = fuzz_u8(in) % 4U;
  o->max_queued = fuzz_u8(in) % 8U;
  o->idle_timeout_ms = fuzz_u8(in);
  o->max_requests_per_connection = fuzz_u8(in) % 4U;
}

int servers_make(servers *s, net *n, fuzz_input *in)
{
  static const char *const hosts[] = {"192.0.2.1", NULL, "192.0.2.3"};
  unsigned count = 1 + fuzz_u8(in) % SERVERS_MOST;
  int rc = FCGIP_OK;

  memset(s, 0, sizeof(*s));
  read_options(&s->options, in);
  while (s->count < count && rc == FCGIP_OK) {
    const char *host = hosts[s->count];

    if (host != NULL)
      rc = fcgip__endpoint_new_tcp(&s->endpoints[s->count], host, 9000, &s->options, &n->sys);
    else
      rc = fcgip_endpoint_new_unix(&s->endpoints[s->count], "/run/server.sock", &s->options);
    s->count += rc == FCGIP_OK;
  }
  FUZZ_CHECK(rc == FCGIP_OK || (rc == FCGIP_ENOMEM && fuzz_is_out_of_memory()));
  return rc == FCGIP_OK;
}

void servers_check(const servers *s, const net *n)
{
  static const unsigned hosts[] = {1, 0, 3};
  size_t most = s->options.max_connections > 0 ? s->options.max_connections : 128, i;

  for (i = 0; i < s->count; i++)
    FUZZ_CHECK(net_open_to(n, hosts[i]) <= most);
}

void servers_free(servers *s)
{
  size_t i;

  for (i = 0; i < s->count; i++)
    fcgip_endpoint_free(s->endpoints[i]);
}

fcgip_request *servers_request(unsigned kind)
{
  static const char *const methods[] = {"GET", "POST", "PUT", "HEAD"};
  static char content[70000];
  fcgip_request *request;
  int rc = fcgip_request_new_with_allocator(&request, methods[kind & 3], "/srv/a.php",
                                            &fuzz_memory.hook);

  if (rc == FCGIP_OK && (kind & 4))
    rc = fcgip_request_set_content(request, content, kind & 8 ? sizeof(content) : 5);
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_body_kept(request, (kind & 16) == 0);
  if (rc == FCGIP_OK)
    rc = fcgip_request_set_retry_safe(request, (kind & 32) != 0);
  if (rc == FCGIP_OK)
    return request;
  FUZZ_CHECK(rc == FCGIP_ENOMEM && fuzz_is_out_of_memory());
  fcgip_request_free(request);
  return NULL;
}

call *book_next(book *b)
{
  call *c = &b->calls[b->count];

  if (b->count == CALLS_MOST)
    return NULL;
  memset(c, 0, sizeof(*c));
  snprintf(c->tag, sizeof(c->tag), "tag-%zu", b->count);
  return c;
}

void book_sent(book *b, call *c, fcgip_request_id id, const net *n)
{
  FUZZ_CHECK(c == &b->calls[b->count] && id > b->last_id && id < UINT64_C(1) << 63);
  c->id = b->last_id = id;
  b->count++;
  b->open++;
  b->last_sent_us = n->now_us;
}

call *book_find(book *b, fcgip_request_id id)
{
  size_t i;

  for (i = 0; i < b->count; i++)
    if (b->calls[i].id == id)
      return &b->calls[i];
  return NULL;
}

fcgip_request_id book_pick(const book *b, unsigned number)
{
  if (b->count == 0 || number >= 250)
    return number >= 250 ? b->last_id + number : 0;
  /* The last ones are the more interesting. */
  return b->calls[b->count - 1 - number % b->count].id;
}

void book_result(book *b, const net *n, const fcgip_response *response)
{
  call *c = book_find(b, fcgip_response_request_id(response));
  int error = fcgip_response_error(response);
  char text[25];
  const char *body;
  size_t len;

  FUZZ_CHECK(c != NULL && !c->is_dropped && c->results++ == 0);
  b->open--;
  body = fcgip_response_body(response, &len);
  if (len == 24 && memcmp(body, "answer: ", 8) == 0) {
    net_tag_text(text, n->secret, c->tag, strlen(c->tag));
    FUZZ_CHECK(memcmp(body, text, 24) == 0);
  }
  FUZZ_CHECK((error == FCGIP_OK) == (fcgip_response_error_text(response)[0] == '\0'));
  FUZZ_CHECK(error != FCGIP_OK || fcgip_response_status(response) >= 100);
  FUZZ_CHECK(error != FCGIP_ENOMEM || fuzz_is_out_of_memory());
  FUZZ_CHECK(error <= 0 && error != FCGIP_EAGAIN && error != FCGIP_ENOTFOUND);
}

static void count_request(book *b, const wire_request *request)
{
  size_t len, i;
  const uint8_t *tag = wire_find(request, "TAG", &len);

  for (i = 0; i < b->count && tag != NULL; i++)
    if (strlen(b->calls[i].tag) == len && memcmp(b->calls[i].tag, tag, len) == 0)
      b->calls[i].times++;
}

void book_check_sent(book *b, const net *n)
{
  wire_request request;
  size_t i, at;

  for (i = 0; i < n->socket_count; i++) {
    const net_socket *socket = n->sockets[i];

    for (at = 0; at < socket->sent.len; at += request.len) {
      wire_read_request(&request, socket->sent.data + at, socket->sent.len - at);
      FUZZ_CHECK(request.wrong == NULL);
      count_request(b, &request);
      wire_request_free(&request);
      if (!request.is_whole)
        break;
    }
  }
  for (i = 0; i < b->count; i++)
    FUZZ_CHECK(b->calls[i].times <= (b->calls[i].is_safe ? 2U : 1U));
}

void book_drop(book *b)
{
  size_t i;

  for (i = 0; i < b->count; i++)
    b->calls[i].is_dropped = b->calls[i].results == 0;
  b->open = 0;
}
