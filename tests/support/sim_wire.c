#include "support/sim_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_bytes_add(sim_bytes *bytes, const void *data, size_t len)
{
  if (bytes->cap - bytes->len < len) {
    size_t cap = bytes->cap > 0 ? bytes->cap : 512;

    while (cap - bytes->len < len)
      cap *= 2;
    bytes->data = realloc(bytes->data, cap);
    if (bytes->data == NULL) {
      fputs("sim: no memory\n", stderr);
      exit(1);
    }
    bytes->cap = cap;
  }
  if (len > 0)
    memcpy(bytes->data + bytes->len, data, len);
  bytes->len += len;
}

void sim_bytes_text(sim_bytes *bytes, const char *text)
{
  sim_bytes_add(bytes, text, strlen(text));
}

void sim_bytes_free(sim_bytes *bytes)
{
  free(bytes->data);
  memset(bytes, 0, sizeof(*bytes));
}

int sim_same(const void *a, const void *b, size_t len)
{
  return len == 0 || memcmp(a, b, len) == 0;
}

/* A prime: no record or buffer size is a multiple of it, so that bytes at the wrong place differ. */
#define RUN 4093u

typedef struct pattern {
  uint8_t bytes[2 * RUN];
  int is_ready;
} pattern;

static const uint8_t *pattern_of(void)
{
  static pattern made;
  uint32_t x = 0x9e3779b9u;
  size_t i;

  if (!made.is_ready) {
    for (i = 0; i < RUN; i++) {
      x ^= x << 13;
      x ^= x >> 17;
      x ^= x << 5;
      made.bytes[i] = made.bytes[i + RUN] = (uint8_t)(x >> 11);
    }
    made.is_ready = 1;
  }
  return made.bytes;
}

const uint8_t *sim_content_run(uint64_t token, uint64_t from, size_t *len)
{
  if (*len > RUN)
    *len = RUN;
  return pattern_of() + (token * 1009u + from) % RUN;
}

void sim_content(uint8_t *out, uint64_t token, uint64_t from, size_t len)
{
  while (len > 0) {
    size_t n = len;
    const uint8_t *run = sim_content_run(token, from, &n);

    memcpy(out, run, n);
    out += n;
    from += n;
    len -= n;
  }
}

int sim_content_is(const uint8_t *data, uint64_t token, uint64_t from, size_t len)
{
  while (len > 0) {
    size_t n = len;
    const uint8_t *run = sim_content_run(token, from, &n);

    if (memcmp(data, run, n) != 0)
      return 0;
    data += n;
    from += n;
    len -= n;
  }
  return 1;
}

void sim_record(sim_bytes *out, unsigned type, uint16_t id, const void *content, size_t len,
                size_t padding)
{
  static const uint8_t smuggled[255] = {1, 6, 0, 1, 0, 4, 0, 0, 'E', 'V', 'I', 'L', 1, 3, 0, 1};
  uint8_t header[8] = {1,
                       (uint8_t)type,
                       (uint8_t)(id >> 8),
                       (uint8_t)id,
                       (uint8_t)(len >> 8),
                       (uint8_t)len,
                       (uint8_t)padding,
                       0x5a}; /* reserved: to be ignored */

  sim_bytes_add(out, header, sizeof(header));
  sim_bytes_add(out, content, len);
  sim_bytes_add(out, smuggled, padding);
}

void sim_end(sim_bytes *out, uint16_t id, uint32_t app_status, uint8_t protocol_status)
{
  uint8_t body[8] = {(uint8_t)(app_status >> 24),
                     (uint8_t)(app_status >> 16),
                     (uint8_t)(app_status >> 8),
                     (uint8_t)app_status,
                     protocol_status,
                     'a',
                     'r',
                     's'};

  sim_record(out, SIM_END, id, body, sizeof(body), 0);
}

enum { AT_HEADER, AT_CONTENT, AT_PADDING, AT_END, AT_REST };

void sim_question_begin(sim_question *question)
{
  sim_bytes params = question->params;

  memset(question, 0, sizeof(*question));
  question->params = params;
  question->params.len = 0;
}

void sim_question_free(sim_question *question)
{
  sim_bytes_free(&question->params);
}

static void wrong(sim_question *q, const char *what)
{
  if (q->wrong == NULL)
    q->wrong = what;
}

static size_t pair_len(sim_question *q, size_t *at)
{
  const uint8_t *d = q->params.data;
  size_t len;

  if (*at >= q->params.len)
    return SIZE_MAX;
  len = d[*at];
  if (len < 0x80) {
    *at += 1;
    return len;
  }
  if (q->params.len - *at < 4)
    return SIZE_MAX;
  len = (len & 0x7f) << 24 | (size_t)d[*at + 1] << 16 | (size_t)d[*at + 2] << 8 | d[*at + 3];
  *at += 4;
  if (len < 0x80)
    wrong(q, "a short length in the long form");
  return len;
}

static uint64_t number(const uint8_t *text, size_t len)
{
  uint64_t value = 0;

  while (len-- > 0 && *text >= '0' && *text <= '9')
    value = value * 10 + (uint64_t)(*text++ - '0');
  return value;
}

static int is_name(const uint8_t *name, size_t len, const char *text)
{
  return len == strlen(text) && memcmp(name, text, len) == 0;
}

static void take_pair(sim_question *q, const uint8_t *name, size_t name_len, const uint8_t *value,
                      size_t value_len)
{
  q->param_count++;
  if (is_name(name, name_len, "SCRIPT_FILENAME") && value_len > 5 &&
      memcmp(value, "/srv/", 5) == 0) {
    q->has_token = 1;
    q->token = number(value + 5, value_len - 5);
  } else if (is_name(name, name_len, "CONTENT_LENGTH")) {
    q->has_length = 1;
    q->content_length = number(value, value_len);
  } else if (is_name(name, name_len, "REQUEST_METHOD") && value_len < sizeof(q->method)) {
    memcpy(q->method, value, value_len);
    q->method[value_len] = '\0';
  }
}

/* Takes the pairs that are there. php-fpm reads each PARAMS record alone: they must be whole in it. */
static void take_params(sim_question *q, int is_whole)
{
  while (q->pairs_at < q->params.len) {
    size_t at = q->pairs_at;
    size_t name_len = pair_len(q, &at);
    size_t value_len = pair_len(q, &at);

    if (name_len == SIZE_MAX || value_len == SIZE_MAX ||
        name_len + value_len > q->params.len - at) {
      if (is_whole)
        wrong(q, "a pair that is not whole in its record");
      return;
    }
    take_pair(q, q->params.data + at, name_len, q->params.data + at + name_len, value_len);
    q->pairs_at = at + name_len + value_len;
  }
  if (!is_whole)
    return;
  q->params.len = 0;
  q->pairs_at = 0;
}

static void question_header(sim_question *q)
{
  uint16_t id = (uint16_t)(q->hold[2] << 8 | q->hold[3]);

  q->type = q->hold[1];
  q->left = (size_t)(q->hold[4] << 8 | q->hold[5]);
  q->padding = q->hold[6];
  if (q->hold[0] != 1 || q->hold[7] != 0)
    wrong(q, "a record header with a wrong version or reserved byte");
  if (q->left + q->padding > 65535)
    wrong(q, "content and padding longer than php-fpm takes");
  if (!q->has_begun) {
    if (q->type != SIM_BEGIN || q->left != 8 || id == 0)
      wrong(q, "something else than BEGIN_REQUEST first");
    q->has_begun = 1;
    q->id = id;
  } else if (id != q->id) {
    wrong(q, "another id within a request");
  } else if (q->type != (q->has_params ? (unsigned)SIM_STDIN : (unsigned)SIM_PARAMS)) {
    wrong(q, "a record out of order");
  }
}

static void question_content(sim_question *q, const uint8_t *data, size_t len)
{
  size_t i;

  if (q->type == SIM_PARAMS) {
    sim_bytes_add(&q->params, data, len);
    take_params(q, 0);
  }
  if (q->type == SIM_STDIN) {
    q->content_differs |= !sim_content_is(data, q->token, q->stdin_len, len);
    q->stdin_len += len;
  }
  for (i = 0; i < len && q->type == SIM_BEGIN; i++) {
    size_t at = 8 - q->left + i;

    if (at == 2)
      q->keeps = data[i] & 1;
    if ((at == 0 && data[i] != 0) || (at == 1 && (data[i] < 1 || data[i] > 3)) ||
        (at == 2 && data[i] > 1) || (at > 2 && data[i] != 0))
      wrong(q, "a wrong role, flag or reserved byte in BEGIN_REQUEST");
  }
}

/* The record is over. */
static void question_end(sim_question *q, size_t content_len)
{
  q->state = AT_HEADER;
  q->held = 0;
  if (q->type == SIM_PARAMS && content_len > 0)
    take_params(q, 1);
  if (q->type == SIM_PARAMS && content_len == 0)
    q->has_params = 1;
  if (q->type != SIM_STDIN || content_len > 0)
    return;
  q->is_complete = 1;
  if (q->has_length && q->content_length != q->stdin_len)
    wrong(q, "CONTENT_LENGTH and the content disagree");
  if (q->content_differs)
    wrong(q, "content that is not the request's");
}

size_t sim_question_read(sim_question *q, const uint8_t *data, size_t len)
{
  size_t used = 0;

  while (used < len && !q->is_complete) {
    size_t n = len - used, i;

    switch (q->state) {
    case AT_HEADER:
      q->hold[q->held++] = data[used++];
      if (q->held == 8) {
        question_header(q);
        q->state = q->left > 0 ? AT_CONTENT : AT_PADDING;
      }
      break;
    case AT_CONTENT:
      n = n < q->left ? n : q->left;
      question_content(q, data + used, n);
      used += n;
      q->left -= n;
      if (q->left == 0)
        q->state = AT_PADDING;
      break;
    default:
      n = n < q->padding ? n : q->padding;
      for (i = 0; i < n; i++)
        if (data[used + i] != 0)
          wrong(q, "padding that is not zero");
      used += n;
      q->padding -= n;
      break;
    }
    if (q->state == AT_PADDING && q->padding == 0)
      question_end(q, (size_t)(q->hold[4] << 8 | q->hold[5]));
  }
  q->received += used;
  return used;
}

void sim_answer_begin(sim_answer *answer, uint16_t id)
{
  sim_bytes output = answer->output, errors = answer->errors;

  memset(answer, 0, sizeof(*answer));
  answer->output = output;
  answer->output.len = 0;
  answer->errors = errors;
  answer->errors.len = 0;
  answer->id = id;
}

void sim_answer_free(sim_answer *answer)
{
  sim_bytes_free(&answer->output);
  sim_bytes_free(&answer->errors);
}

static enum sim_fault_kind answer_fault(const sim_answer *a)
{
  uint16_t id = (uint16_t)(a->hold[2] << 8 | a->hold[3]);

  switch (a->type) {
  case SIM_STDOUT:
  case SIM_STDERR:
    return id == a->id ? SIM_NO_FAULT : SIM_BAD_ID;
  case SIM_END:
    if (id != a->id)
      return SIM_BAD_ID;
    return a->left == 8 ? SIM_NO_FAULT : SIM_BAD_END;
  case SIM_GET_VALUES_RESULT:
  case SIM_UNKNOWN_TYPE:
    return id == 0 ? SIM_NO_FAULT : SIM_BAD_ID;
  case SIM_BEGIN:
  case SIM_ABORT:
  case SIM_PARAMS:
  case SIM_STDIN:
  case SIM_DATA:
  case SIM_GET_VALUES:
    return SIM_BAD_TYPE;
  default:
    return id == 0 ? SIM_NO_FAULT : SIM_BAD_TYPE;
  }
}

static void answer_header(sim_answer *a)
{
  a->type = a->hold[1];
  a->left = (size_t)(a->hold[4] << 8 | a->hold[5]);
  a->padding = a->hold[6];
  a->held = 0;
  a->fault = answer_fault(a);
  a->state = a->type == SIM_END ? AT_END : AT_CONTENT;
}

static void answer_content(sim_answer *a, const uint8_t *data, size_t len)
{
  if (a->type == SIM_STDOUT)
    sim_bytes_add(&a->output, data, len);
  if (a->type == SIM_STDERR)
    sim_bytes_add(&a->errors, data, len);
  if (len > 0 && (a->type == SIM_STDOUT || a->type == SIM_STDERR))
    a->has_content = 1;
}

static void answer_ended(sim_answer *a)
{
  a->has_ended = 1;
  a->is_clean = 1;
  a->is_padded = a->padding == 0;
  a->app_status = (uint32_t)a->hold[0] << 24 | (uint32_t)a->hold[1] << 16 |
                  (uint32_t)a->hold[2] << 8 | a->hold[3];
  a->protocol_status = a->hold[4];
  a->state = AT_REST;
}

/* Behind END_REQUEST: its padding, and management records, which belong to no request. Returns the bytes used. */
static size_t answer_rest(sim_answer *a, const uint8_t *data, size_t len)
{
  size_t n = len < a->padding ? len : a->padding;

  a->padding -= n;
  if (n == 0) {
    if (a->held == 8)
      a->held = 0;
    a->hold[a->held++] = data[0];
    n = 1;
    if (a->held == 8) {
      int is_ours = a->hold[2] != 0 || a->hold[3] != 0 || a->hold[1] < SIM_GET_VALUES_RESULT;

      if (a->hold[0] != 1 || is_ours)
        a->is_clean = 0;
      a->padding = (size_t)(a->hold[4] << 8 | a->hold[5]) + a->hold[6];
    }
  }
  a->is_padded = a->padding == 0 && a->held == 8;
  return n;
}

int sim_answer_read(sim_answer *a, const uint8_t *data, size_t len)
{
  size_t used = 0, before = a->output.len + a->errors.len;

  a->has_any |= len > 0;
  while (used < len && a->fault == SIM_NO_FAULT) {
    size_t n = len - used;

    switch (a->state) {
    case AT_HEADER:
      if (a->held == 0 && data[used] != 1) {
        a->fault = SIM_BAD_VERSION;
        break;
      }
      a->hold[a->held++] = data[used++];
      if (a->held == 8)
        answer_header(a);
      break;
    case AT_CONTENT:
      n = n < a->left ? n : a->left;
      answer_content(a, data + used, n);
      used += n;
      a->left -= n;
      break;
    case AT_PADDING:
      n = n < a->padding ? n : a->padding;
      used += n;
      a->padding -= n;
      break;
    case AT_END:
      a->hold[a->held++] = data[used++];
      if (a->held == 8)
        answer_ended(a);
      break;
    default:
      used += answer_rest(a, data + used, n);
      break;
    }
    if (a->state == AT_CONTENT && a->left == 0)
      a->state = AT_PADDING;
    if (a->state == AT_PADDING && a->padding == 0)
      a->state = AT_HEADER;
  }
  return a->output.len + a->errors.len > before;
}
