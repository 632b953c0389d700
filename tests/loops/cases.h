/* What every adapter of examples/loops has to do, on live php-fpm pools. */
#ifndef TESTS_LOOPS_CASES_H
#define TESTS_LOOPS_CASES_H

#include <fcgiproxy_loop.h>

/* One adapter and its loop. */
typedef struct loop_kind {
  /* A loop, or one more driver on a loop that is there. */
  void *(*loop_new_fn)(void);
  void *(*driver_new_fn)(void *loop);
  /* What the driver was told of. */
  fcgiproxy_loop *(*inside_fn)(void *driver);
  fcgip_watch_fn watch_fn;
  void (*update_fn)(void *driver);
  void (*driver_free_fn)(void *driver);
  /* One turn, that blocks until something happens, but no longer than `ms`. */
  void (*turn_fn)(void *loop, int ms);
  /* Turns until nothing is left to be closed; then frees the loop. 0 if all is well. */
  int (*loop_free_fn)(void *loop);
} loop_kind;

/* Runs all cases; the exit status of the program. */
int run_loop_cases(const loop_kind *kind);

#endif
