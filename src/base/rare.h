/* For functions that a usual request does without: kept out of the way of those that each request calls. */
#ifndef FCGIP_BASE_RARE_H
#define FCGIP_BASE_RARE_H

#if defined(__GNUC__)
#define FCGIP__RARE __attribute__((noinline, cold))
#else
#define FCGIP__RARE
#endif

#endif
