#include <string.h>

#include "fuzz/connection.h"

/* Defaults of endpoint.h. */
static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
  return value != 0 ? value : otherwise;
}

static int is_prefix(const void *bytes, size_t len, const fuzz_buffer *of)
{
  return len <= of->len && (len == 0 || memcmp(bytes, of->data, len) == 0);
}

/* ---- which errors there may be ---- */

/* Those that may come at any time, or before what came later was looked at. */
static int is_own_affair(const run *r, int error)
{
  if (error == FCGIP_ENOMEM)
    return fuzz_is_out_of_memory();
  if (error == FCGIP_ECANCELED)
    return r->has_stopped;
  return error == FCGIP_EHEADER || error == FCGIP_ETOOLARGE;
}

static int refusal(unsigned protocol_status)
{
  static const int errors[] = {FCGIP_OK, FCGIP_ECANTMPX, FCGIP_EOVERLOADED, FCGIP_EROLE};

  return protocol_status < 4 ? errors[protocol_status] : FCGIP_EREFUSED;
}

static int is_source_error(const run *r, int error)
{
  if (r->content_len == 0 || r->has_stopped)
    return 0;
  if (r->plan.source == SOURCE_FAILS)
    return error == FCGIP_ECANCELED;
  return (r->plan.source == SOURCE_ENDS || r->plan.source == SOURCE_EXCEEDS) &&
         error == FCGIP_EINVAL;
}

static void check_error(const run *r, const wire_answer *a, int error)
{
  if (a->has_ended && a->protocol_status == 0) {
    FUZZ_CHECK(error == FCGIP_OK || error == FCGIP_ELENGTH || is_own_affair(r, error));
  } else if (a->has_ended) {
    FUZZ_CHECK(error == refusal(a->protocol_status) || is_own_affair(r, error));
  } else if (a->fault != WIRE_FINE) {
    /* 0xff among the faults makes the network say that the socket is connected to itself. */
    FUZZ_CHECK(error == FCGIP_EPROTO || is_own_affair(r, error) ||
               (error == FCGIP_ECONNECT && a->fault == WIRE_TYPE && r->net.fault_count > 0));
  } else {
    FUZZ_CHECK(error == FCGIP_ETIMEDOUT || error == FCGIP_EREAD || error == FCGIP_EWRITE ||
               error == FCGIP_ECONNECT || error == FCGIP_EBUSY || error == FCGIP_ERESOLVE ||
               is_source_error(r, error) || is_own_affair(r, error));
  }
}

/* ---- what was received ---- */

static void check_stderr(const run *r, const wire_answer *a, int is_all)
{
  size_t most = (size_t)or_default(r->plan.endpoint.max_stderr_bytes, 1 << 20), len;
  const void *bytes = fcgip_response_stderr(r->response, &len);

  FUZZ_CHECK(bytes != NULL && len <= most && is_prefix(bytes, len, &a->err));
  if (!is_all)
    return;
  FUZZ_CHECK(len == (a->err.len < most ? a->err.len : most));
  FUZZ_CHECK(fcgip_response_stderr_is_truncated(r->response) == (a->err.len > most));
}

static void check_output(const run *r, const wire_answer *a, int is_all)
{
  size_t len, body_len;
  const uint8_t *output = fcgip_response_output(r->response, &len);
  const uint8_t *body = fcgip_response_body(r->response, &body_len);

  FUZZ_CHECK(output != NULL && body != NULL && is_prefix(output, len, &a->out));
  FUZZ_CHECK(output[len] == '\0' && body[body_len] == '\0');
  if (r->plan.drops_body && fcgip_response_status(r->response) > 0) {
    FUZZ_CHECK(body_len == 0);
    FUZZ_CHECK(!is_all || fcgip_response_body_length(r->response) == a->out.len - len);
    return;
  }
  FUZZ_CHECK(!is_all || len == a->out.len);
  if (fcgip_response_status(r->response) > 0) {
    FUZZ_CHECK(body_len == 0 || body + body_len == output + len);
    FUZZ_CHECK(fcgip_response_body_length(r->response) == body_len);
  } else {
    FUZZ_CHECK(body_len == 0);
  }
}

static void check_passed(const run *r, const wire_answer *a, int is_all)
{
  FUZZ_CHECK(is_prefix(r->passed_out.data, r->passed_out.len, &a->out));
  FUZZ_CHECK(is_prefix(r->passed_err.data, r->passed_err.len, &a->err));
  if (is_all && r->plan.passes)
    FUZZ_CHECK(r->passed_out.len == a->out.len && r->passed_err.len == a->err.len);
  FUZZ_CHECK(r->plan.passes || (r->passed_out.len == 0 && r->passed_err.len == 0));
}

static void check_limits(const run *r, int error)
{
  size_t headers = fcgip_response_header_count(r->response), len, body_len, i;
  const uint8_t *output = fcgip_response_output(r->response, &len);
  const uint8_t *body = fcgip_response_body(r->response, &body_len);
  const char *name, *value;

  FUZZ_CHECK(headers <= or_default(r->plan.endpoint.max_headers, 256));
  for (i = 0; i < headers; i++)
    FUZZ_CHECK(fcgip_response_header_at(r->response, i, &name, &value) == FCGIP_OK &&
               fcgip_response_header(r->response, name) != NULL);
  FUZZ_CHECK(fcgip_response_header_at(r->response, headers, &name, &value) == FCGIP_ENOTFOUND);
  if (error != FCGIP_OK)
    return;
  FUZZ_CHECK(fcgip_response_status(r->response) >= 100);
  if (!r->plan.drops_body && body_len > 0) {
    FUZZ_CHECK(body_len <= or_default(r->plan.endpoint.max_body_bytes, 256 << 20));
    FUZZ_CHECK((size_t)(body - output) <= or_default(r->plan.endpoint.max_header_bytes, 65536));
  }
}

/* I9: what was asked for, twice as blocks grow, and a constant for engine, buffers and windows. */
static void check_memory(const run *r, const wire_answer *a)
{
  uint64_t stdout_most = or_default(r->plan.endpoint.max_body_bytes, 256 << 20) +
                         or_default(r->plan.endpoint.max_header_bytes, 65536) + 131072;
  uint64_t stderr_most = or_default(r->plan.endpoint.max_stderr_bytes, 1 << 20);
  uint64_t most = r->content_len + 600000;

  most += 4 * (a->out.len + 65536 < stdout_most ? a->out.len + 65536 : stdout_most);
  most += 2 * (a->err.len < stderr_most ? a->err.len : stderr_most);
  FUZZ_CHECK(fuzz_memory.peak_bytes <= most);
}

/* ---- what was sent ---- */

static void check_sent(const run *r, const net_socket *socket, int error)
{
  wire_request sent;
  size_t len, i, used = 0;
  const uint8_t *value;

  for (i = 0; i < r->net.socket_count; i++)
    used += r->net.sockets[i]->sent.len > 0;
  FUZZ_CHECK(used <= 1);
  if (socket == NULL)
    return;
  wire_read_request(&sent, socket->sent.data, socket->sent.len);
  FUZZ_CHECK(sent.wrong == NULL);
  FUZZ_CHECK(sent.len == 0 || (sent.id == 1 && sent.role == 1 &&
                               sent.flags == r->plan.endpoint.max_idle_connections));
  FUZZ_CHECK(sent.content.len <= r->content_len);
  FUZZ_CHECK(sent.content.len == 0 || memcmp(sent.content.data, r->content, sent.content.len) == 0);
  if (sent.is_whole) {
    value = wire_find(&sent, "SECRET", &len);
    FUZZ_CHECK(value != NULL && len == strlen(CANARY) && memcmp(value, CANARY, len) == 0);
    FUZZ_CHECK(sent.content.len == r->content_len && socket->sent.len == sent.len);
    FUZZ_CHECK(!is_source_error(r, error));
  }
  wire_request_free(&sent);
}

/* ---- time, descriptors, words ---- */

static uint64_t finite(uint32_t ms, uint64_t otherwise)
{
  uint64_t value = or_default(ms, otherwise);

  return value == UINT32_MAX ? UINT64_MAX / 4 : value * 1000;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
  return a < b ? a : b;
}

static void check_time(const run *r, int error)
{
  const fcgip_endpoint_options *o = &r->plan.endpoint;
  uint64_t took = r->ended_us - r->started_us, silence = r->ended_us - r->net.progress_at;
  uint64_t total = finite(o->request_timeout_ms, UINT32_MAX);
  uint64_t connect = finite(o->connect_timeout_ms, 5000);
  uint64_t transfer = finite(o->read_write_timeout_ms, 5000);
  uint64_t first = finite(o->first_byte_timeout_ms, UINT32_MAX);

  if (silence < r->net.longest_silence)
    silence = r->net.longest_silence;
  FUZZ_CHECK(took <= total + net_slack_us(&r->net));
  FUZZ_CHECK(silence <= connect + transfer + net_slack_us(&r->net));
  if (error == FCGIP_ETIMEDOUT)
    FUZZ_CHECK(took >= smaller(smaller(total, connect), smaller(transfer, first)));
  if (error == FCGIP_EBUSY)
    FUZZ_CHECK(took >= connect && r->plan.is_unix);
}

/* Neither the end of a response nor that of a connection is waited for any longer. */
static void check_promptness(const run *r, const wire_answer *a, const net_socket *socket,
                             int error)
{
  if (socket == NULL)
    return;
  if (a->has_ended || a->fault != WIRE_FINE)
    FUZZ_CHECK(r->ended_us <= socket->received_us + net_slack_us(&r->net));
  if (socket->told_us == 0)
    return;
  FUZZ_CHECK(r->ended_us <= socket->told_us + net_slack_us(&r->net));
  FUZZ_CHECK(error != FCGIP_ETIMEDOUT);
}

/* One that is kept has nothing left over: the request was sent whole, the answer ends with its padding. */
static void check_kept(const run *r, const wire_answer *a, int error)
{
  size_t i;

  if (r->net.open_count == 0)
    return;
  FUZZ_CHECK(error == FCGIP_OK && r->plan.endpoint.max_idle_connections == 1);
  FUZZ_CHECK(r->net.open_count == 1);
  for (i = 0; i < r->net.socket_count; i++) {
    const net_socket *socket = r->net.sockets[i];

    if (socket->is_open)
      FUZZ_CHECK(socket->requests == 1 && socket->parsed == socket->sent.len &&
                 socket->inbox_at <= a->end_at);
  }
}

static void check_text(const run *r, int error)
{
  const char *text = fcgip_response_error_text(r->response), *at;

  FUZZ_CHECK(text != NULL && (error == FCGIP_OK) == (text[0] == '\0'));
  FUZZ_CHECK(strstr(text, "canary") == NULL);
  for (at = text; *at != '\0'; at++)
    FUZZ_CHECK(*at >= ' ' && *at < 127);
  if (error < 0 && !fuzz_is_out_of_memory())
    FUZZ_CHECK(strstr(text, r->plan.is_unix ? "unix://" : "tcp://") != NULL);
}

static void check_flags(const run *r, const wire_answer *a, const net_socket *socket, int error)
{
  int has_bytes = a->out.len > 0 || a->err.len > 0;
  int is_safe = fcgip_response_is_retry_safe(r->response);
  int was_begun = socket != NULL && socket->sent.len > 0;

  FUZZ_CHECK(error == FCGIP_OK ? !fcgip_response_is_partial(r->response) && !is_safe
                               : fcgip_response_is_partial(r->response) <= has_bytes);
  if (is_safe && was_begun)
    FUZZ_CHECK(!has_bytes || fuzz_is_out_of_memory());
  if (is_safe && was_begun && r->plan.method == METHOD_POST)
    FUZZ_CHECK(error == FCGIP_ECANTMPX || error == FCGIP_EOVERLOADED || error == FCGIP_ECONNECT);
}

void connection_judge(const run *r)
{
  const net_socket *socket = net_last_used(&r->net);
  int error = fcgip_response_error(r->response), is_all;
  wire_answer a;

  wire_read_answer(&a, socket != NULL ? socket->inbox.data : NULL,
                   socket != NULL ? socket->inbox_at : 0, 1);
  check_error(r, &a, error);
  is_all = error == FCGIP_OK || error == FCGIP_EREAD || error == FCGIP_EWRITE ||
           error == FCGIP_ETIMEDOUT || error == FCGIP_EPROTO || error == FCGIP_ELENGTH;
  FUZZ_CHECK(fcgip_response_app_status(r->response) == a.app_status || is_own_affair(r, error));
  FUZZ_CHECK(fcgip_response_request_id(r->response) == r->id);
  check_stderr(r, &a, is_all);
  check_output(r, &a, is_all);
  check_passed(r, &a, is_all);
  check_limits(r, error);
  check_memory(r, &a);
  check_sent(r, socket, error);
  check_time(r, error);
  check_text(r, error);
  check_flags(r, &a, socket, error);
  check_promptness(r, &a, socket, error);
  check_kept(r, &a, error);
  wire_answer_free(&a);
}
