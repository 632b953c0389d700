/* A proxy of the library and a scripted peer, for cases that call the library's own functions. */
#ifndef CONFORMANCE_FIXTURE_H
#define CONFORMANCE_FIXTURE_H

#include "conformance/fcgiproxy.h"
#include "conformance/suite.h"
#include "conformance/tap.h"

#define FIXTURE_SCRIPTS 8

typedef struct fixture {
  conf_test *test;
  peer *peer;
  conf_script *scripts[FIXTURE_SCRIPTS];
  fcgip_endpoint *endpoint;
  fcgip_collection *collection;
  fcgip_proxy *proxy;
  uint64_t now_ms; /* of the library, if it was asked to go by it */
  size_t blocks;
  tap *tap; /* between the library and the system; NULL: nothing is */
} fixture;

/* One peer that plays `script`, and a proxy to it with the request spec's options. `kind` is of the
 * peer. Failures abort. */
void fixture_new(fixture *f, conf_test *test, peer_kind kind, const conf_request *options,
                 const char *script);

/* The same with a clock that only the test moves: f->now_ms. */
void fixture_new_with_clock(fixture *f, conf_test *test, const conf_request *options,
                            const char *script);

/* The same with something between the library and the system. */
void fixture_new_with_tap(fixture *f, conf_test *test, peer_kind kind, const conf_request *options,
                          const char *script, tap *between);

/* Checks that all memory was given back (unless f->blocks is SIZE_MAX), and all sockets were closed. */
void fixture_free(fixture *f);

/* What the connection with this number is going to see, and those after it. */
void fixture_play(fixture *f, size_t connection, const char *script);

/* A request like this; NULL for a plain GET. Yours. */
fcgip_request *fixture_request(fixture *f, const conf_request *spec);

/* Sends without waiting. */
fcgip_request_id fixture_send(fixture *f, const fcgip_request *request);

/* Sends a plain GET, or one like `spec`, and drives both sides to its end. */
void fixture_ask(fixture *f, const conf_request *spec, conf_result *result);

/* Lets peer and library do what they can without waiting. 1 if the peer moved. */
int fixture_turn(fixture *f);

/* Drives until the response of `id` is there, and takes it. */
void fixture_take(fixture *f, fcgip_request_id id, conf_result *result);

/* Drives until the peer has taken this many connections, or has seen that one closed. 0 after seconds. */
int fixture_until_connections(fixture *f, size_t count);
int fixture_until_closed(fixture *f, size_t connection);
/* ... has seen that one closed, by what the library has done already: it is not driven. */
int fixture_has_closed(fixture *f, size_t connection);
/* ... until a whole request has come on the connection. */
int fixture_until_requested(fixture *f, size_t connection, size_t requests);

/* Lets the peer send, here and now, what the script says to send; with the connection's id. It must fit the
 * socket's buffer. */
void fixture_say(fixture *f, size_t connection, const char *script);

/* The one descriptor that the proxy has; -1 if there is none. */
int fixture_fd(fixture *f);

/* Drives a request whose answer is there by telling the library that poll had reported `event`. */
void fixture_with_event(conf_test *test, const char *script, short event, conf_result *result);

/* Drives with the clock: turns until nothing moves, then moves the clock to the next deadline, and so on until
 * `id` is done or the clock is past `until_ms`. Returns the time at which it was done; 0: not. */
uint64_t fixture_run_clock(fixture *f, fcgip_request_id id, uint64_t until_ms, conf_result *result);

#endif
