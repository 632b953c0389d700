#include <stdlib.h>
#include <string.h>

#include "conformance/adapter.h"

const char *conf_verdict_name(conf_verdict verdict)
{
  static const char *const names[] = {
      [V_NONE] = "no result",
      [V_OK] = "OK",
      [V_ARG] = "ARG",
      [V_NOMEM] = "NOMEM",
      [V_LIMIT] = "LIMIT",
      [V_RESOLVE] = "RESOLVE",
      [V_CONNECT] = "CONNECT",
      [V_TIMEOUT] = "TIMEOUT",
      [V_BUSY] = "TIMEOUT(connect, EAGAIN)",
      [V_SEND] = "SEND",
      [V_CLOSED_EARLY] = "CLOSED_EARLY",
      [V_RESET] = "RESET",
      [V_RECV] = "RECV",
      [V_PROTO] = "PROTO",
      [V_REJECTED_MPX] = "REJECTED(mpx)",
      [V_REJECTED_OVERLOADED] = "REJECTED(overloaded)",
      [V_REJECTED_ROLE] = "REJECTED(role)",
      [V_REJECTED_OTHER] = "REJECTED(other)",
      [V_HEADER] = "HEADER",
      [V_LENGTH] = "LENGTH",
      [V_CANCELLED] = "CANCELLED",
      [V_STATE] = "STATE",
      [V_QUEUE_FULL] = "QUEUE_FULL",
      [V_ERROR] = "error",
      [V_HANG] = "HANG",
      [V_CRASH] = "CRASH",
  };

  return names[verdict];
}

void conf_bytes_add(conf_bytes *to, const void *data, size_t len)
{
  if (to->data == NULL || to->cap - to->len <= len) {
    to->cap = 2 * (to->len + len) + 64;
    to->data = realloc(to->data, to->cap);
    if (to->data == NULL)
      abort();
  }
  if (len > 0)
    memcpy(to->data + to->len, data, len);
  to->len += len;
  to->data[to->len] = '\0';
}

void conf_bytes_set(conf_bytes *to, const void *data, size_t len)
{
  to->len = 0;
  conf_bytes_add(to, data, len);
}

void conf_bytes_free(conf_bytes *bytes)
{
  free(bytes->data);
  memset(bytes, 0, sizeof(*bytes));
}

void conf_result_clear(conf_result *result)
{
  result->verdict = V_NONE;
  result->error_number = 0;
  result->status = 0;
  result->app_status = 0;
  result->is_partial = 0;
  result->is_truncated = 0;
  result->is_retry_safe = 0;
  conf_bytes_set(&result->text, "", 0);
  conf_bytes_set(&result->status_text, "", 0);
  conf_bytes_set(&result->headers, "", 0);
  conf_bytes_set(&result->body, "", 0);
  conf_bytes_set(&result->output, "", 0);
  conf_bytes_set(&result->error_output, "", 0);
}

void conf_result_free(conf_result *result)
{
  conf_bytes_free(&result->text);
  conf_bytes_free(&result->status_text);
  conf_bytes_free(&result->headers);
  conf_bytes_free(&result->body);
  conf_bytes_free(&result->output);
  conf_bytes_free(&result->error_output);
  memset(result, 0, sizeof(*result));
}
