/* The conformance suite: its cases, what they expect, and what runs them. */
#ifndef CONFORMANCE_SUITE_H
#define CONFORMANCE_SUITE_H

#include <stddef.h>
#include <stdint.h>

#include "conformance/adapter.h"
#include "conformance/script.h"
#include "support/peer.h"
#include "support/reference_decoder.h"

/* What is zero is not looked at. */
typedef struct conf_expect {
  conf_verdict verdict, other; /* this one, or that */
  const char *what; /* words of the error text: one of those between "|" has to be in it */
  int error_number; /* -1: none */
  int status;       /* -1: none */
  const char *status_text;
  const char *headers; /* exactly these, as in conf_result; "" for none: "-" */
  const char *output;  /* STDOUT as it came */
  const char *body;
  size_t body_len;  /* of a body with NULs in it */
  uint64_t pattern; /* the body is this many bytes of the script's pattern; UINT64_MAX: 0 */
  const char *error_output;
  size_t error_output_len;
  int has_app_status;
  uint32_t app_status;
  int is_partial; /* 1 yes, -1 no; so the next two */
  int is_truncated;
  int is_retry_safe;
  /* With keep: the next request of the session comes on the same connection, 1, or on another, -1. */
  int is_reused; /* 2: either */
} conf_expect;

enum conf_flag {
  NO_SPLITS = 1 << 0,   /* time or the end of the connection decides */
  TWO_WAY = 1 << 1,     /* of many like it: no 3-way splits, ... */
  FEW_SPLITS = 1 << 10, /* ... or not even all 2-way splits */
  ALSO_TCP = 1 << 2,    /* once over TCP, too */
  KEEPS_OPEN = 1 << 3,  /* do not look whether the client has closed */
  ANY_REQUEST = 1 << 4, /* what the client sent need not be whole */
  SLOW = 1 << 5,        /* takes seconds: begun first */
  NO_SYNC = 1 << 6,     /* not once more with the blocking call */
  LONG = 1 << 7,        /* seconds of computing: left out with --short */
  ANY_BODY = 1 << 8     /* other clients may do as they like with the body */
};

typedef struct conf_test conf_test;
typedef struct conf_case conf_case;

/* Cases with the same id, one after another, are one row of the table. */
struct conf_case {
  const char *id;
  char level; /* M, S, P */
  unsigned flags;
  const char *name; /* which of the id's cases, for messages */
  /* What the peer does, what is asked, and what comes of it ... */
  const char *script;
  conf_request request;
  conf_expect want;
  unsigned needs; /* capabilities, beyond those that follow from the rest */
  /* ... or a function. */
  void (*run)(conf_test *test);
  /* Where more of it is tested, for those who read the table. */
  const char *see;
};

typedef enum conf_splits {
  SPLITS_NONE,
  SPLITS_SOME,
  SPLITS_TWO,
  SPLITS_ALL,
  SPLITS_EVERY /* of those that are many and much alike, too */
} conf_splits;

/* What came of a row with an adapter. */
typedef enum conf_outcome {
  OUTCOME_PASS,
  OUTCOME_FAIL,
  OUTCOME_WHOLE,   /* right only while responses come in one piece */
  OUTCOME_DIFFERS, /* another client decided a policy otherwise */
  OUTCOME_SKIPPED
} conf_outcome;

struct conf_test {
  const conf_adapter *adapter;
  const conf_case *row;
  const char *folder; /* of this test alone, for sockets and files */
  size_t slot;
  conf_splits splits;
  int is_short;
  uint64_t runs;
  conf_outcome outcome;
  char message[1500];
  int checked, passed;
};

/* Runs a case whose script is given, in all its splits, and judges it. 1 if all was as expected. */
int conf_exchange(conf_test *test, const conf_case *exchange);

/* The same with the script made by a format. */
int conf_exchange_f(conf_test *test, const conf_case *exchange, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs of one session, one after another, none of them split: the first connection sees the case's
 * script, each further one `OKR`. Returns how many connections there were; 0 after a failure. */
size_t conf_sequence(conf_test *test, const conf_case *what, const conf_expect *wants,
                     size_t count);

/* One run without splits, of which the caller wants to see everything: plays `script` on a Unix peer,
 * hands out what the client said and sent. Both are the caller's; NULL if not wanted. */
void conf_record(conf_test *test, const conf_request *request, const char *script,
                 conf_result *result, conf_bytes *sent);

/* Drives a run to its end, the peer stepped in between; V_HANG if nothing happens for too long. */
void conf_drive(const conf_adapter *adapter, conf_session *session, peer *server,
                conf_result *result);

/* Judges a result; 1 if it is as wanted, else `why` has a sentence. */
int conf_judge(const conf_test *test, const conf_expect *want, const conf_result *got, char *why,
               size_t why_cap);

/* Notes a failure, the first of a test in words. */
void conf_fail(conf_test *test, const char *format, ...) __attribute__((format(printf, 2, 3)));
void conf_skip(conf_test *test, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What was measured, for --notes. */
void conf_note(conf_test *test, const char *format, ...) __attribute__((format(printf, 2, 3)));
int conf_check(conf_test *test, int condition, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#define CHECK(test, condition)                                                                     \
  conf_check((test), (condition) ? 1 : 0, "%s:%d: %s", __FILE__, __LINE__, #condition)

/* Why the adapter cannot run the case; NULL if it can. */
const char *conf_unable(const conf_adapter *adapter, const conf_case *exchange);

/* All cases, by file. */
typedef struct conf_group {
  const char *name;
  const conf_case *cases;
  size_t count;
} conf_group;

extern const conf_group conf_enc, conf_frm, conf_typ, conf_str, conf_end, conf_cls, conf_hdr,
    conf_bod, conf_flo, conf_kal, conf_net, conf_run, conf_clu, conf_sta, conf_fpm;

#define CONF_GROUP(variable, title, array)                                                         \
  const conf_group variable = {title, array, sizeof(array) / sizeof((array)[0])}

#endif
