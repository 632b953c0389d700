#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conformance/suite.h"

typedef struct sentence {
  char *text;
  size_t cap;
} sentence;

static int differs(const sentence *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int differs(const sentence *why, const char *format, ...)
{
  va_list args;

  va_start(args, format);
  vsnprintf(why->text, why->cap, format, args);
  va_end(args);
  return 0;
}

/* Bytes for a message: short, and nothing unprintable. */
static const char *shown(const void *data, size_t len, char *out, size_t cap)
{
  const unsigned char *bytes = data;
  size_t at = 0, i;

  for (i = 0; i < len && at + 16 < cap; i++) {
    if (isprint(bytes[i]) && bytes[i] != '\\')
      out[at++] = (char)bytes[i];
    else
      at += (size_t)snprintf(out + at, 5, "\\x%02x", bytes[i]);
  }
  out[at] = '\0';
  if (i < len)
    snprintf(out + at, cap - at, "... (%zu)", len);
  return out;
}

static int same_bytes(const char *what, const void *want, size_t want_len, const conf_bytes *got,
                      const sentence *why)
{
  char a[200], b[200];

  if (want_len == got->len && memcmp(want, got->data, want_len) == 0)
    return 1;
  return differs(why, "%s \"%s\" instead of \"%s\"", what, shown(got->data, got->len, a, sizeof(a)),
                 shown(want, want_len, b, sizeof(b)));
}

static int is_pattern(uint64_t len, const conf_bytes *got, const sentence *why)
{
  size_t i;

  len = len == UINT64_MAX ? 0 : len;
  if (got->len != len)
    return differs(why, "body of %zu bytes instead of %llu", got->len, (unsigned long long)len);
  for (i = 0; i < got->len; i++)
    if ((uint8_t)got->data[i] != conf_pattern(i))
      return differs(why, "body wrong at byte %zu", i);
  return 1;
}

static int has_word(const char *text, const char *word, size_t len)
{
  const char *at;

  for (at = text; *at != '\0'; at++)
    if (strncasecmp(at, word, len) == 0 && (at == text || !isalnum((unsigned char)at[-1])) &&
        !isalnum((unsigned char)at[len]))
      return 1;
  return 0;
}

static int has_words(const char *text, const char *words)
{
  const char *end;

  for (;; words = end + 1) {
    end = strchr(words, '|');
    if (end == NULL)
      return has_word(text, words, strlen(words));
    if (has_word(text, words, (size_t)(end - words)))
      return 1;
  }
}

/* Clients that do not say which error it was are only asked whether there was one. */
static int same_verdict(const conf_adapter *adapter, conf_verdict want, conf_verdict got)
{
  if (want == got)
    return 1;
  if ((adapter->can & TELLS_NAMES) != 0 || want == V_OK || got == V_OK)
    return 0;
  return got == V_ERROR || (got != V_HANG && got != V_CRASH && got != V_TIMEOUT);
}

static int judge_error(const conf_test *test, const conf_expect *want, const conf_result *got,
                       const sentence *why)
{
  if ((test->adapter->can & TELLS_NAMES) == 0)
    return 1;
  if (want->what != NULL && !has_words(got->text.data, want->what))
    return differs(why, "text \"%.200s\" does not say %s", got->text.data, want->what);
  if (want->error_number != 0 &&
      got->error_number != (want->error_number < 0 ? 0 : want->error_number))
    return differs(why, "errno %d (%s) instead of %d", got->error_number,
                   strerror(got->error_number), want->error_number);
  if (got->verdict != V_OK && got->verdict != V_HANG && got->text.len == 0)
    return differs(why, "no error text");
  return 1;
}

static int judge_head(const conf_test *test, const conf_expect *want, const conf_result *got,
                      const sentence *why)
{
  unsigned can = test->adapter->can;
  const char *list;

  if ((can & TELLS_HEADERS) == 0 || (want->verdict != V_OK && (can & TELLS_PARTIAL) == 0))
    return 1;
  if (want->status != 0 && got->status != (want->status < 0 ? 0 : want->status))
    return differs(why, "status %d instead of %d", got->status, want->status);
  if ((can & TELLS_HEADER_LIST) == 0)
    return 1;
  if (want->status_text != NULL && strcmp(want->status_text, got->status_text.data) != 0)
    return differs(why, "status text \"%s\" instead of \"%s\"", got->status_text.data,
                   want->status_text);
  if (want->headers == NULL)
    return 1;
  list = strcmp(want->headers, "-") == 0 ? "" : want->headers;
  return same_bytes("headers", list, strlen(list), &got->headers, why);
}

static int judge_body(const conf_test *test, const conf_expect *want, const conf_result *got,
                      const sentence *why)
{
  unsigned can = test->adapter->can;

  if (want->verdict != V_OK && (can & TELLS_PARTIAL) == 0)
    return 1;
  if (want->verdict == V_OK && (can & TELLS_HEADERS) == 0)
    return 1;
  if (want->pattern != 0)
    return is_pattern(want->pattern, &got->body, why);
  if (want->body != NULL)
    return same_bytes("body", want->body, want->body_len > 0 ? want->body_len : strlen(want->body),
                      &got->body, why);
  return 1;
}

static int judge_flag(const char *name, int want, int got, const sentence *why)
{
  if (want == 0 || (want > 0) == (got != 0))
    return 1;
  return differs(why, "%s %s", got ? "is" : "is not", name);
}

/* Texts are for logs and terminals. */
static int is_printable(const conf_bytes *text, const sentence *why)
{
  size_t i;

  for (i = 0; i < text->len; i++)
    if (!isprint((unsigned char)text->data[i]))
      return differs(why, "byte %u in the error text", (unsigned char)text->data[i]);
  return 1;
}

static int judge_rest(const conf_test *test, const conf_expect *want, const conf_result *got,
                      const sentence *why)
{
  unsigned can = test->adapter->can;

  if ((can & TELLS_STDERR) != 0 && want->error_output != NULL &&
      !same_bytes("stderr", want->error_output,
                  want->error_output_len > 0 ? want->error_output_len : strlen(want->error_output),
                  &got->error_output, why))
    return 0;
  if ((can & HAS_API) != 0 && !is_printable(&got->text, why))
    return 0;
  if ((can & HAS_API) != 0 && want->output != NULL &&
      !same_bytes("output", want->output, strlen(want->output), &got->output, why))
    return 0;
  if ((can & TELLS_APP_STATUS) != 0 && want->has_app_status && want->app_status != got->app_status)
    return differs(why, "application status %lu instead of %lu", (unsigned long)got->app_status,
                   (unsigned long)want->app_status);
  if ((can & TELLS_FLAGS) == 0)
    return 1;
  return judge_flag("partial", want->is_partial, got->is_partial, why) &&
         judge_flag("truncated", want->is_truncated, got->is_truncated, why) &&
         judge_flag("safe to retry", want->is_retry_safe, got->is_retry_safe, why);
}

int conf_judge(const conf_test *test, const conf_expect *want, const conf_result *got, char *text,
               size_t cap)
{
  sentence why = {text, cap};

  if (!same_verdict(test->adapter, want->verdict, got->verdict) &&
      (want->other == V_NONE || !same_verdict(test->adapter, want->other, got->verdict)))
    return differs(&why, "%s%s instead of %s%s%s%s", conf_verdict_name(got->verdict),
                   got->verdict == V_CRASH ? got->text.data : "", conf_verdict_name(want->verdict),
                   got->text.len > 0 ? " (" : "", got->text.len > 0 ? got->text.data : "",
                   got->text.len > 0 ? ")" : "");
  return judge_error(test, want, got, &why) && judge_head(test, want, got, &why) &&
         judge_body(test, want, got, &why) && judge_rest(test, want, got, &why);
}

const char *conf_unable(const conf_adapter *adapter, const conf_case *exchange)
{
  static const struct {
    unsigned need;
    const char *reason;
  } reasons[] = {{HAS_API, "needs the functions of libfcgiproxy"},
                 {TELLS_HEADERS, "does not parse the header block"},
                 {CAN_PARAMS, "cannot be given any parameters"},
                 {CAN_KEEP, "keeps no connections"},
                 {CAN_TIMEOUTS, "cannot be given these times"},
                 {CAN_LIMITS, "cannot be given these limits"},
                 {CAN_ROLE, "knows no other role"},
                 {CAN_METHOD, "cannot be given the method"},
                 {CAN_CONTENT, "cannot be given the content"},
                 {CAN_TCP, "only does Unix sockets here"},
                 {TELLS_STDERR, "does not tell STDERR"},
                 {TELLS_APP_STATUS, "does not tell the application status"},
                 {TELLS_FLAGS, "does not tell"},
                 {TELLS_NAMES, "does not tell which error"},
                 {HAS_DEADLINE, "has no deadline"},
                 {TELLS_HEADER_LIST, "does not tell the headers as they came"}};
  const conf_request *q = &exchange->request;
  unsigned need = exchange->needs;
  size_t i;

  need |= q->param_count > 0 ? CAN_PARAMS : 0U;
  need |= q->keep > 0 || exchange->want.is_reused != 0 ? CAN_KEEP : 0U;
  need |= q->role != 0 ? CAN_ROLE : 0U;
  need |= q->method != NULL ? CAN_METHOD : 0U;
  need |= q->connect_ms + q->read_write_ms + q->first_byte_ms + q->total_ms > 0 ? CAN_TIMEOUTS : 0U;
  need |= q->max_header_bytes + q->max_headers + q->max_stderr_bytes + q->max_body_bytes > 0
              ? CAN_LIMITS
              : 0U;
  for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
    if ((need & reasons[i].need) != 0 && (adapter->can & reasons[i].need) == 0)
      return reasons[i].reason;
  return NULL;
}
