/* A FastCGI client under test, whichever it is. To try another one, write these functions for it and
 * add it to the list in adapters.c; what it cannot be asked for, its capabilities leave out, and the
 * cases that need it are skipped with a reason. */
#ifndef CONFORMANCE_ADAPTER_H
#define CONFORMANCE_ADAPTER_H

#include <stddef.h>
#include <stdint.h>

/* Results by the names of CONFORMANCE.md. */
typedef enum conf_verdict {
  V_NONE, /* there is no result yet */
  V_OK,
  V_ARG,
  V_NOMEM,
  V_LIMIT,
  V_RESOLVE,
  V_CONNECT,
  V_TIMEOUT,
  V_BUSY,
  V_SEND,
  V_CLOSED_EARLY,
  V_RESET,
  V_RECV,
  V_PROTO,
  V_REJECTED_MPX,
  V_REJECTED_OVERLOADED,
  V_REJECTED_ROLE,
  V_REJECTED_OTHER,
  V_HEADER,
  V_LENGTH,
  V_CANCELLED,
  V_STATE,
  V_QUEUE_FULL,
  V_ERROR, /* an error, and the client does not say which */
  V_HANG,  /* it did not end, though it should have */
  V_CRASH
} conf_verdict;

const char *conf_verdict_name(conf_verdict verdict);

/* Bytes that grow; kept from run to run. Always followed by a NUL that is not counted. */
typedef struct conf_bytes {
  char *data;
  size_t len, cap;
} conf_bytes;

void conf_bytes_set(conf_bytes *to, const void *data, size_t len);
void conf_bytes_add(conf_bytes *to, const void *data, size_t len);
void conf_bytes_free(conf_bytes *bytes);

typedef struct conf_pair {
  const char *name, *value;
} conf_pair;

/* One request. What is zero is as the client has it by default. */
typedef struct conf_request {
  const char *method; /* GET */
  const conf_pair *params;
  size_t param_count;
  const void *content;
  size_t content_len;
  int role;          /* responder */
  int keep;          /* FCGI_KEEP_CONN: this many idle connections may be kept */
  int is_retry_safe; /* 1 yes, -1 no */
  int is_plain;      /* FCGI_KEEP_CONN must not be sent */
  uint32_t connect_ms, read_write_ms, first_byte_ms, total_ms;
  uint32_t max_header_bytes, max_headers, max_stderr_bytes, max_connections;
  uint64_t max_body_bytes;
} conf_request;

typedef struct conf_result {
  conf_verdict verdict;
  int error_number; /* the errno behind it */
  conf_bytes text;  /* the sentence */
  int status;
  conf_bytes status_text;
  conf_bytes headers; /* "name: value\n" for each, in order */
  conf_bytes body, output, error_output;
  uint32_t app_status;
  int is_partial, is_truncated, is_retry_safe;
} conf_result;

void conf_result_clear(conf_result *result); /* keeps its memory */
void conf_result_free(conf_result *result);

/* What a client can be asked for or can tell; cases name what they need. */
enum conf_capability {
  CAN_TCP = 1 << 0,
  CAN_KEEP = 1 << 1,    /* connections are kept between the runs of a session */
  CAN_PARAMS = 1 << 2,  /* any parameters */
  CAN_CONTENT = 1 << 3, /* any content */
  CAN_ROLE = 1 << 4,
  CAN_TIMEOUTS = 1 << 5,      /* the times of the request spec */
  CAN_LIMITS = 1 << 6,        /* the limits of the request spec */
  TELLS_HEADERS = 1 << 7,     /* parses the header block: status, headers and body apart */
  TELLS_HEADER_LIST = 1 << 8, /* all headers as received, in order */
  TELLS_STDERR = 1 << 9,
  TELLS_APP_STATUS = 1 << 10,
  TELLS_NAMES = 1 << 11,   /* which error, not only that there was one */
  TELLS_FLAGS = 1 << 12,   /* partial, truncated, safe to retry */
  TELLS_PARTIAL = 1 << 13, /* what came before an error */
  HAS_API = 1 << 14,       /* is libfcgiproxy: cases that call its functions */
  IS_EXACT = 1 << 15,      /* closes its connections before it returns */
  CAN_METHOD = 1 << 16,
  HAS_DEADLINE = 1 << 17,    /* ends by itself when the server stays silent */
  FILTERS_HEADERS = 1 << 18, /* a web server's rules of what may be in a header apply */
  TELLS_NO_STATUS = 1 << 19  /* cannot tell a status of 1xx, 204, 304 with its body */
};

typedef struct conf_session conf_session;

typedef struct conf_adapter {
  const char *name;
  unsigned can;

  /* Once, before everything: starts what is needed in the folder `folder`, for `slots` runs at the same
   * time. NULL, or why the client is not there. `address_of` names the Unix socket that the runs of a
   * slot have to listen at; NULL: any. */
  const char *(*set_up)(const char *folder, size_t slots);
  void (*tear_down)(void);
  const char *(*socket_of)(size_t slot);

  /* A session sends the same request again and again, to one address. */
  conf_session *(*session_new)(const conf_request *request, const char *address, size_t slot);
  void (*session_free)(conf_session *session);

  /* Begins a run; then `poll` until it returns 1, blocking at most `timeout_ms` each time; then
   * `finish` tells what came of it. `finish` before that ends the run, if it can. */
  void (*start)(conf_session *session);
  int (*poll)(conf_session *session, int timeout_ms);
  void (*finish)(conf_session *session, conf_result *result);

  /* The same in one call that blocks; NULL if there is no such thing. */
  void (*run)(conf_session *session, conf_result *result);

  /* What is wrong after a session, such as memory that was not given back; NULL if nothing is. */
  const char *(*complaint)(void);
} conf_adapter;

/* Where a program is: in $PATH or where Debian has its servers; NULL if it is not installed. The text is
 * good until the next call. */
const char *conf_program(const char *name);

extern const conf_adapter conf_adapter_fcgiproxy;
extern const conf_adapter conf_adapter_cgi_fcgi;
extern const conf_adapter conf_adapter_nginx;

#endif
