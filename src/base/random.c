#include "base/random.h"

#include <assert.h>
#include <time.h>
#include <unistd.h>

/* splitmix64 (Steele, Lea and Flood, 2014). Its steps cover every 64-bit number once, so no two
 * seeds give one state, and at most one word of a state is zero. */
static uint64_t splitmix(uint64_t *counter)
{
  uint64_t z = *counter += UINT64_C(0x9e3779b97f4a7c15);

  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t value, unsigned by)
{
  return value << by | value >> (64 - by);
}

void fcgip__random_init(fcgip__random *random, uint64_t seed)
{
  unsigned i;

  for (i = 0; i < 4; i++)
    random->state[i] = splitmix(&seed);
}

/* xoshiro256** (Blackman and Vigna, 2018). */
uint64_t fcgip__random_next(fcgip__random *random)
{
  uint64_t *s = random->state;
  uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  uint64_t shifted = s[1] << 17;

  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = rotate_left(s[3], 45);
  return result;
}

uint64_t fcgip__random_below(fcgip__random *random, uint64_t bound)
{
  uint64_t odd, drawn;

  assert(bound > 0);
  /* 2^64 is rarely a multiple of the bound. Drawing again below 2^64 mod bound leaves a multiple,
   * in which every remainder comes up equally often. Fewer than two draws on average, whatever the
   * bound. */
  odd = (0 - bound) % bound;
  do {
    drawn = fcgip__random_next(random);
  } while (drawn < odd);
  return drawn % bound;
}

static void mix_clock(uint64_t *counter, clockid_t clock)
{
  struct timespec now = {0, 0};

  (void)clock_gettime(clock, &now); /* without it, the other sources are left */
  *counter ^= (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
  *counter = splitmix(counter);
}

uint64_t fcgip__random_seed(const void *object)
{
  uint64_t counter = (uint64_t)(uintptr_t)object;

  /* Each source is mixed before the next one is added: they are small numbers that would cancel
   * out. */
  counter = splitmix(&counter);
  counter ^= (uint64_t)getpid();
  counter = splitmix(&counter);
  mix_clock(&counter, CLOCK_MONOTONIC);
  mix_clock(&counter, CLOCK_REALTIME);
  return counter;
}
