/* The clocks of the system, as this program sees them. */
#ifndef SIM_CLOCKS_H
#define SIM_CLOCKS_H

#include "support/sim_world.h"

typedef struct sim_clock_uses {
  unsigned monotonic, others;
} sim_clock_uses;

/* From here on every use is a failure of this world; NULL: of nobody's. */
void sim_clocks_watch(sim_world *world);
/* Sets all clocks but the monotonic one forward, or back. */
void sim_clocks_shift(int64_t seconds);
/* How often they were asked since the last call. */
sim_clock_uses sim_clocks_used(void);

#endif
