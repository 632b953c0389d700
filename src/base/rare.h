/* FCGIP__RARE: for functions that a usual request does without; kept out of the way of those that each request calls.
 * FCGIP__APART: for functions that are often called for nothing, so that asking first costs little. */
#ifndef FCGIP_BASE_RARE_H
#define FCGIP_BASE_RARE_H

#if defined(__GNUC__)
#define FCGIP__RARE __attribute__((noinline, cold))
#define FCGIP__APART __attribute__((noinline))
#else
#define FCGIP__RARE
#define FCGIP__APART
#endif

#endif
