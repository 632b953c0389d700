/* A small seedable generator: the same seed draws the same numbers on every machine. For spreading
 * load and for telling things apart, not for secrets. */
#ifndef FCGIP_BASE_RANDOM_H
#define FCGIP_BASE_RANDOM_H

#include <stdint.h>

typedef struct fcgip__random {
  uint64_t state[4]; /* never all zero */
} fcgip__random;

/* Any seed will do, 0 and neighbours included. */
void fcgip__random_init(fcgip__random *random, uint64_t seed);

/* All 64 bits are equally good. */
uint64_t fcgip__random_next(fcgip__random *random);

/* A number below `bound`, each as likely as any other. `bound` must not be 0. */
uint64_t fcgip__random_below(fcgip__random *random, uint64_t bound);

/* A seed that differs from run to run, from process to process and from object to object. It needs
 * no file and no environment, and anyone who watches the process can guess it. */
uint64_t fcgip__random_seed(const void *object);

#endif
