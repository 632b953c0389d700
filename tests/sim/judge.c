/* Whether a result is right, by what the network saw. */
#include <errno.h>
#include <string.h>

#include "sim.h"

/* The clock as the engine has it may be some calls old. */
#define STALE_US 1500u

typedef struct verdict {
  sim_part *part;
  sim_job *job;
  const fcgip_response *response;
  const sim_carry *carry; /* NULL: not one byte of it was seen under its name */
  const sim_site *site;
  int error;
  sim_world *world;
} verdict;

#define WRONG(v, ...)                                                                              \
  do {                                                                                             \
    sim_note((v)->world, "wrong", (v)->job->token, (v)->error, 0);                                 \
    sim_fail((v)->world, __VA_ARGS__);                                                             \
  } while (0)

static const sim_site *site_of(sim_run *run, const fcgip_endpoint *endpoint)
{
  size_t i;

  for (i = 0; i < run->site_count; i++)
    if (run->sites[i].endpoint == endpoint)
      return &run->sites[i];
  return NULL;
}

static size_t smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* I1, I3: what was received is there, all of it unless a limit or the caller cut it short. */
static void judge_bytes(const verdict *v)
{
  size_t len, limit = v->site->options.max_stderr_bytes;
  const sim_answer *answer = &v->carry->answer;
  const uint8_t *output = fcgip_response_output(v->response, &len);
  int may_stop = v->error == FCGIP_EHEADER || v->error == FCGIP_ETOOLARGE ||
                 v->error == FCGIP_ECANCELED || v->error == FCGIP_ELENGTH;

  if (!v->job->keeps_body)
    return;
  if (len > answer->output.len || !sim_same(output, answer->output.data, len) ||
      (len < answer->output.len && !may_stop))
    WRONG(v, "request %u (%s): %zu bytes of output, %zu were received", v->job->token,
          fcgip_errname(v->error), len, answer->output.len);
  output = fcgip_response_stderr(v->response, &len);
  limit = smaller(limit, answer->errors.len);
  if (len > limit || !sim_same(output, answer->errors.data, len) || (len < limit && !may_stop))
    WRONG(v, "request %u (%s): %zu bytes of errors, %zu were received", v->job->token,
          fcgip_errname(v->error), len, answer->errors.len);
  if (fcgip_response_stderr_is_truncated(v->response) !=
          (answer->errors.len > v->site->options.max_stderr_bytes) &&
      !may_stop)
    WRONG(v, "request %u: truncation of errors is not told right", v->job->token);
}

static size_t header_len(const sim_bytes *output)
{
  size_t i;

  for (i = 3; i < output->len; i++)
    if (memcmp(output->data + i - 3, "\r\n\r\n", 4) == 0)
      return i + 1;
  return output->len;
}

/* What an honest server's whole answer comes to. */
static int honest_error(const verdict *v)
{
  const sim_plan *plan = &v->job->plan;
  const fcgip_endpoint_options *o = &v->site->options;
  size_t block = header_len(&v->carry->answer.output);
  size_t headers =
      2 + plan->extra_headers + (plan->status != 0) + (plan->has_length || plan->wrong_length);

  if (block > o->max_header_bytes)
    return FCGIP_ETOOLARGE;
  /* Which of the two is found first is all the same. */
  if (plan->bad_header)
    return headers >= o->max_headers && v->error == FCGIP_ETOOLARGE ? v->error : FCGIP_EHEADER;
  if (headers > o->max_headers)
    return FCGIP_ETOOLARGE;
  if (v->carry->answer.output.len - block > o->max_body_bytes && v->job->keeps_body)
    return FCGIP_ETOOLARGE;
  if (plan->wrong_length && !v->job->is_head)
    return FCGIP_ELENGTH;
  return FCGIP_OK;
}

static void judge_honest(const verdict *v)
{
  const char *token = fcgip_response_header(v->response, "x-token");
  const sim_plan *plan = &v->job->plan;
  size_t len, expected = v->job->is_head ? 0 : plan->body_len;
  const uint8_t *body = fcgip_response_body(v->response, &len);
  unsigned n = 0;

  if (v->error != FCGIP_OK)
    return;
  while (token != NULL && *token >= '0' && *token <= '9')
    n = n * 10 + (unsigned)(*token++ - '0');
  if (token == NULL || n != v->job->token)
    WRONG(v, "request %u got the answer to %u", v->job->token, n);
  if (fcgip_response_body_length(v->response) != expected)
    WRONG(v, "request %u: the body has %zu bytes, not %zu", v->job->token, len, expected);
  if (v->job->keeps_body && (len != expected || !sim_content_is(body, v->job->token, 0, len)))
    WRONG(v, "request %u got another's body", v->job->token);
  if (fcgip_response_status(v->response) != (plan->status != 0 ? plan->status : 200))
    WRONG(v, "request %u: status %d", v->job->token, fcgip_response_status(v->response));
}

/* I2: only END_REQUEST completes a request, and then the header block must be right. */
static void judge_ended(const verdict *v)
{
  const sim_answer *answer = &v->carry->answer;
  int honest = v->site->nature == SIM_HONEST ? honest_error(v) : v->error;

  if (!answer->has_ended && (v->error == FCGIP_OK || v->error == FCGIP_ELENGTH))
    WRONG(v, "request %u: %s without END_REQUEST", v->job->token, fcgip_errname(v->error));
  if (answer->has_ended && answer->protocol_status != 0 && v->error != FCGIP_EHEADER &&
      v->error != FCGIP_ETOOLARGE)
    WRONG(v, "request %u: %s with protocol status %u", v->job->token, fcgip_errname(v->error),
          answer->protocol_status);
  if (answer->has_ended && fcgip_response_app_status(v->response) != answer->app_status &&
      v->error == FCGIP_OK)
    WRONG(v, "request %u: another application status", v->job->token);
  if (v->error == FCGIP_EHEADER && !answer->has_ended && !answer->has_content)
    WRONG(v, "request %u: FCGIP_EHEADER without a byte of output", v->job->token);
  if (honest != v->error)
    WRONG(v, "request %u: %s instead of %s", v->job->token, fcgip_errname(v->error),
          fcgip_errname(honest));
  if (v->site->nature == SIM_HONEST)
    judge_honest(v);
}

static void judge_refusal(const verdict *v)
{
  static const int errors[] = {FCGIP_OK, FCGIP_ECANTMPX, FCGIP_EOVERLOADED, FCGIP_EROLE};
  unsigned status = v->carry->answer.protocol_status;
  int expected = status < 4 ? errors[status] : FCGIP_EREFUSED;

  if (!v->carry->answer.has_ended || v->error != expected)
    WRONG(v, "request %u: %s with protocol status %u", v->job->token, fcgip_errname(v->error),
          status);
}

static void judge_broken(const verdict *v)
{
  int number = fcgip_response_errno(v->response);

  /* CLS-05, CLS-06: what came before the end counts, and may be all of it. */
  if (v->job->run->net.judge == NULL && !v->part->was_paused && v->carry->conn->unread > 0)
    WRONG(v, "request %u ends with %s, and %zu bytes were not read", v->job->token,
          fcgip_errname(v->error), v->carry->conn->unread);
  if (v->error == FCGIP_EWRITE) {
    if (v->carry->send_error == 0 || v->carry->send_error != number)
      WRONG(v, "request %u: FCGIP_EWRITE with errno %d, of sending %d", v->job->token, number,
            v->carry->send_error);
    return;
  }
  if (number != 0 ? number != v->carry->recv_error : !v->carry->saw_end)
    WRONG(v, "request %u: FCGIP_EREAD with errno %d, of receiving %d", v->job->token, number,
          v->carry->recv_error);
}

static uint32_t effective(uint32_t own, uint32_t of_endpoint)
{
  return own != 0 ? own : of_endpoint;
}

/* A clock of the user's own has milliseconds. */
static uint64_t clock_slack(const verdict *v)
{
  return v->job->user->has_own_clock ? 1000u : 0u;
}

/* The caller, or a callback, was busy when the deadline passed: what had come by then counts first. */
static void judge_overlooked(const verdict *v, uint64_t deadline_us)
{
  const sim_conn *conn = v->carry != NULL ? v->carry->conn : NULL;
  uint64_t slack = STALE_US + clock_slack(v);

  if (conn == NULL || v->job->run->net.judge != NULL || v->part->was_paused)
    return;
  /* An attempt to connect that took nothing is not where it waited. */
  if (v->carry->question.received > 0 && v->carry->begun_us < deadline_us &&
      conn->looked_us + slack < deadline_us && conn->overlooked > 0)
    WRONG(v, "request %u times out, and %zu bytes had arrived before", v->job->token,
          conn->overlooked);
}

/* The deadline that the text names cannot have passed before its time. */
static void judge_timeout(const verdict *v)
{
  const char *text = fcgip_response_error_text(v->response), *next;
  const fcgip_timeouts *own = &v->job->timeouts;
  const fcgip_endpoint_options *o = &v->site->options;
  uint64_t since = v->job->sent_us, slack = STALE_US;
  uint32_t ms;

  while ((next = strstr(text, "; ")) != NULL)
    text = next + 2;
  if (strstr(text, "request_timeout_ms") != NULL) {
    ms = effective(own->request_timeout_ms, o->request_timeout_ms);
  } else if (strstr(text, "connect_timeout_ms") != NULL) {
    ms = effective(own->connect_timeout_ms, o->connect_timeout_ms);
  } else if (strstr(text, "read_write_timeout_ms") != NULL) {
    ms = effective(own->read_write_timeout_ms, o->read_write_timeout_ms);
    if (v->carry != NULL)
      since = v->carry->active_us;
  } else if (strstr(text, "first_byte_timeout_ms") != NULL && v->carry != NULL) {
    ms = effective(own->first_byte_timeout_ms, o->first_byte_timeout_ms);
    since = v->carry->sent_us;
    if (v->carry->answered_us != SIM_NEVER)
      WRONG(v, "request %u: the first byte was there", v->job->token);
  } else {
    WRONG(v, "request %u: a timeout of what? %s", v->job->token, text);
    return;
  }
  if (v->world->now_us + slack + clock_slack(v) < since + (uint64_t)ms * 1000u)
    WRONG(v, "request %u fails %llu us before its deadline: %s", v->job->token,
          (unsigned long long)(since + (uint64_t)ms * 1000u - v->world->now_us), text);
  judge_overlooked(v, since + (uint64_t)ms * 1000u);
}

static void judge_connect(const verdict *v)
{
  int number = fcgip_response_errno(v->response);

  if (v->error == FCGIP_ECONNECT && number == 0)
    WRONG(v, "request %u: FCGIP_ECONNECT without a reason", v->job->token);
  if (v->error == FCGIP_ECONNECT && (number == EINTR || number == EAGAIN || number == EALREADY))
    WRONG(v, "request %u: FCGIP_ECONNECT with errno %d, which is no failure", v->job->token,
          number);
  if (v->error == FCGIP_EBUSY && !v->site->is_unix)
    WRONG(v, "request %u: FCGIP_EBUSY of a TCP server", v->job->token);
  if (v->error == FCGIP_ERESOLVE && !v->site->is_unresolved)
    WRONG(v, "request %u: FCGIP_ERESOLVE of a known host", v->job->token);
}

/* The result by its cause. */
static void judge_error(const verdict *v)
{
  switch ((enum fcgip_error)v->error) {
  case FCGIP_OK:
  case FCGIP_EHEADER:
  case FCGIP_ETOOLARGE:
  case FCGIP_ELENGTH:
    if (v->carry == NULL)
      WRONG(v, "request %u: %s, and it was never sent", v->job->token, fcgip_errname(v->error));
    else
      judge_ended(v);
    return;
  case FCGIP_ECANTMPX:
  case FCGIP_EOVERLOADED:
  case FCGIP_EROLE:
  case FCGIP_EREFUSED:
    if (v->carry == NULL)
      WRONG(v, "request %u: %s, and it was never sent", v->job->token, fcgip_errname(v->error));
    else
      judge_refusal(v);
    return;
  case FCGIP_EPROTO:
    if (v->carry == NULL || v->carry->answer.fault == SIM_NO_FAULT)
      WRONG(v, "request %u: FCGIP_EPROTO for nothing", v->job->token);
    return;
  case FCGIP_EREAD:
  case FCGIP_EWRITE:
    if (v->carry != NULL)
      judge_broken(v);
    return;
  case FCGIP_ETIMEDOUT:
    judge_timeout(v);
    return;
  case FCGIP_ECANCELED:
    if (!v->part->is_canceled && !v->part->is_refused)
      WRONG(v, "request %u was cancelled by nobody", v->job->token);
    return;
  case FCGIP_ERESOLVE:
  case FCGIP_ECONNECT:
  case FCGIP_EBUSY:
    judge_connect(v);
    return;
  case FCGIP_EQUEUEFULL:
    if (!v->job->user->is_cluster)
      WRONG(v, "request %u: FCGIP_EQUEUEFULL as a result of a proxy", v->job->token);
    return;
  case FCGIP_EINVAL:
  case FCGIP_ENOTFOUND:
  case FCGIP_E2BIG:
  case FCGIP_EREENTRANT:
  case FCGIP_EAGAIN:
  case FCGIP_EFILE:
  case FCGIP_ESTATUSPATH:
  case FCGIP_ESTATUSFORMAT:
  case FCGIP_EFATAL:
  case FCGIP_ENOMEM:
    break;
  }
  WRONG(v, "request %u ends with %s", v->job->token, fcgip_errname(v->error));
}

static void judge_flags(const verdict *v)
{
  size_t output_len, errors_len;
  int has_bytes;

  fcgip_response_output(v->response, &output_len);
  fcgip_response_stderr(v->response, &errors_len);
  has_bytes = output_len + errors_len > 0;
  if (v->job->keeps_body &&
      fcgip_response_is_partial(v->response) != (v->error != FCGIP_OK && has_bytes))
    WRONG(v, "request %u (%s): partial is not told right", v->job->token, fcgip_errname(v->error));
  v->part->says_retry_safe = v->error != FCGIP_OK && v->error != FCGIP_EOVERLOADED &&
                             v->error != FCGIP_ECANTMPX &&
                             fcgip_response_is_retry_safe(v->response) != 0;
  if ((fcgip_response_error_text(v->response)[0] == '\0') != (v->error == FCGIP_OK))
    WRONG(v, "request %u: the wrong text \"%s\"", v->job->token,
          fcgip_response_error_text(v->response));
  if (fcgip_response_duration(v->response) < 0 ||
      fcgip_response_duration(v->response) * 1e6 >
          (double)(v->world->now_us - v->job->sent_us) + 2000.0)
    WRONG(v, "request %u took %f s", v->job->token, fcgip_response_duration(v->response));
}

void sim_judge(sim_part *part, const fcgip_response *response)
{
  verdict v = {part, part->job, response, part->carry, NULL, fcgip_response_error(response), NULL};

  v.world = &part->job->run->world;
  v.site = site_of(part->job->run, fcgip_response_endpoint(response));
  sim_note(v.world, "result", part->job->token, v.error, fcgip_response_errno(response));
  if (part->results != 1)
    WRONG(&v, "request %u has %u results", part->job->token, part->results);
  if (v.site == NULL) {
    WRONG(&v, "request %u was sent to nobody", part->job->token);
    return;
  }
  if (part->job->user->is_cluster && v.site != &part->job->run->sites[part->index])
    WRONG(&v, "request %u was sent to another server", part->job->token);
  /* What it carried before a failover says nothing of how it ended. */
  if (v.carry != NULL && part->job->user->fails_over && v.carry->conn->listener != v.site->listener)
    v.carry = NULL;
  judge_error(&v);
  if (v.carry != NULL)
    judge_bytes(&v);
  judge_flags(&v);
}
