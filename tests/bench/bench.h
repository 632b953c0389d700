/* What the programs of the benchmark have in common: options, measuring, addresses. They all run to
 * their end or stop with a sentence, so that nothing here returns an error. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Says why on stderr and exits with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void bench_die(const char *format, ...);
/* The same with the text of errno. */
__attribute__((noreturn)) void bench_die_errno(const char *what);

void *bench_alloc(size_t count, size_t size);

typedef struct bench_option {
  const char *name; /* "--requests" */
  uint64_t *number; /* where its value goes: one of the two */
  const char **text;
} bench_option;

/* Reads "--name value" pairs; returns the index of the first argument that is none. */
int bench_options(int argc, char **argv, const bench_option *options, size_t count);

/* As many descriptors as the system allows. */
void bench_raise_limits(void);
/* Stays on one processor, for runs that can be compared; UINT64_MAX: anywhere. */
void bench_pin(uint64_t cpu);

uint64_t bench_now_ns(void);

/* A moment: what the clock says, and what this process and the responder have used of their processors. */
typedef struct bench_mark {
  uint64_t wall_ns;
  uint64_t cpu_ns;
  uint64_t user_us;
  uint64_t system_us;
  uint64_t peer_ns;
} bench_mark;

/* `peer` is the responder's process, 0 for none. */
void bench_mark_now(bench_mark *mark, uint64_t peer);

/* One line of name=value pairs, for figures.awk; a program may print more pairs before it. */
void bench_report(const bench_mark *from, const bench_mark *to, uint64_t requests, uint64_t bytes);

typedef struct bench_address {
  struct sockaddr_storage storage;
  socklen_t len;
} bench_address;

/* "unix:///path" or "tcp://127.0.0.1:9000". */
void bench_address_parse(bench_address *address, const char *text);
/* A stream socket for it, TCP without Nagle's delay; `flags` as of socket(2). */
int bench_socket(const bench_address *address, int flags);
/* The same, connected. A full backlog is waited for. */
int bench_connect(const bench_address *address, int flags);

/* Read-only bytes to upload: the same megabyte over and over, so that it takes no memory to speak of
 * and stays in the cache, as what an application has just produced. */
const uint8_t *bench_region(size_t len);

#endif
