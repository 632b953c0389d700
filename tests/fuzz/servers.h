/* What the api target and the cluster target have in common: servers to send to, the requests that were sent, and a
 * book of their results. */
#ifndef TESTS_FUZZ_SERVERS_H
#define TESTS_FUZZ_SERVERS_H

#include "collection/endpoint.h"
#include "fcgiproxy/collection.h"
#include "fcgiproxy/error.h"
#include "fcgiproxy/request.h"
#include "fcgiproxy/response.h"
#include "fuzz/net.h"

enum { SERVERS_MOST = 3, CALLS_MOST = 200 };

/* A request that was sent. */
typedef struct call {
  fcgip_request_id id; /* 0 until it is known */
  char tag[12];
  int results;
  int is_dropped; /* its proxy was freed before */
  int is_safe;    /* may be sent twice */
  unsigned times; /* it was seen in what was sent */
} call;

typedef struct servers {
  fcgip_endpoint_options options;
  fcgip_endpoint *endpoints[SERVERS_MOST];
  size_t count;
} servers;

typedef struct book {
  call calls[CALLS_MOST];
  size_t count;
  size_t open; /* without a result */
  fcgip_request_id last_id;
  uint64_t last_sent_us;
} book;

/* Reads 9 bytes of options; makes up to three endpoints, one of them a Unix socket. 0 if there was no memory.
 * Every request has a deadline. */
int servers_make(servers *s, net *n, fuzz_input *in);
/* Never more connections than allowed. */
void servers_check(const servers *s, const net *n);
void servers_free(servers *s);

/* A request with callbacks of the caller's own to add; NULL if there was no memory. */
fcgip_request *servers_request(unsigned kind);

/* Room for one more, and its tag; NULL if the book is full. */
call *book_next(book *b);
/* It was sent, as this. Ids ascend. */
void book_sent(book *b, call *c, fcgip_request_id id, const net *n);
call *book_find(book *b, fcgip_request_id id);
/* One of those that were sent; 0 if there are none, and sometimes an id that nobody has. */
fcgip_request_id book_pick(const book *b, unsigned number);
/* Exactly one result, and it is this request's own. */
void book_result(book *b, const net *n, const fcgip_response *response);
/* Nothing was sent twice that may not be. For proxies without failover. */
void book_check_sent(book *b, const net *n);
/* The proxy is gone: there will be no more. */
void book_drop(book *b);

#endif
