/* sim: runs the named cases, then runs from many seeds. See usage(). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"
#include "sim.h"

#if defined(__SANITIZE_ADDRESS__)
#define IS_SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SLOW 1
#endif
#endif
#ifndef IS_SLOW
#define IS_SLOW 0
#endif

#define SEEDS_SHORT (IS_SLOW ? 20000u : 100000u)
#define SEEDS_LONG 5000000u
#define REPEATED 100 /* every so many seeds, one is run twice and has to be the same */
#define FAILURES_MAX 20

/* AddressSanitizer calls this, if it is linked. */
void __asan_on_error(void);

typedef struct settings {
  uint64_t seeds, first;
  int traces, only_cases, no_cases, goes_on;
  const char *only;
  enum sim_plant plant;
} settings;

/* For handlers of what kills the process: they take no argument. */
static struct {
  volatile uint64_t seed;
  volatile sig_atomic_t is_running;
  volatile sig_atomic_t is_enough; /* the seed at hand is the last */
} now;

static void say_seed(void)
{
  char line[80] = "sim --seed ";
  char digits[24];
  size_t at = sizeof(digits), len = strlen(line);
  uint64_t seed = now.seed;

  if (!now.is_running)
    return;
  digits[--at] = '\n';
  do {
    digits[--at] = (char)('0' + (char)(seed % 10));
    seed /= 10;
  } while (seed > 0);
  memcpy(line + len, digits + at, sizeof(digits) - at);
  if (write(2, line, len + sizeof(digits) - at) < 0)
    return;
}

void __asan_on_error(void)
{
  say_seed();
}

static void on_crash(int number)
{
  say_seed();
  signal(number, SIG_DFL);
  raise(number);
}

static void on_interrupt(int number)
{
  (void)number;
  now.is_enough = 1;
}

static void usage(void)
{
  puts("usage: sim [OPTION]...\n"
       "  --seeds N     so many runs (default 100000; with sanitizers 20000; "
       "FCGIP_TEST_LONG=1: 5000000)\n"
       "  --first S     from this seed on (default 1)\n"
       "  --seed N      this one, and nothing else\n"
       "  --trace       print every call\n"
       "  --cases       the named cases only; --no-cases: the seeds only\n"
       "  --case ID     this case only\n"
       "  --keep-going  do not stop after 20 failures\n"
       "  --plant NAME  with something wrong on purpose, which has to be found: leaks late early "
       "spins\n"
       "                flipped untold lost twice crowded fat whim hasty blind");
}

static enum sim_plant plant_of(const char *name)
{
  static const char *const names[SIM_PLANTS] = {"",        "leaks",  "late",  "early", "spins",
                                                "flipped", "untold", "lost",  "twice", "crowded",
                                                "fat",     "whim",   "hasty", "blind"};
  unsigned i;

  for (i = 1; i < SIM_PLANTS; i++)
    if (strcmp(name, names[i]) == 0)
      return (enum sim_plant)i;
  return SIM_SOUND;
}

static int read_arguments(settings *s, int argc, char **argv)
{
  int i;

  for (i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;

    if (strcmp(argv[i], "--trace") == 0) {
      s->traces = 1;
    } else if (strcmp(argv[i], "--cases") == 0) {
      s->only_cases = 1;
    } else if (strcmp(argv[i], "--no-cases") == 0) {
      s->no_cases = 1;
    } else if (strcmp(argv[i], "--keep-going") == 0) {
      s->goes_on = 1;
    } else if (value != NULL && strcmp(argv[i], "--case") == 0) {
      s->only = argv[++i];
      s->only_cases = 1;
    } else if (value != NULL && strcmp(argv[i], "--plant") == 0) {
      s->plant = plant_of(argv[++i]);
    } else if (value != NULL && strcmp(argv[i], "--seeds") == 0) {
      s->seeds = strtoull(argv[++i], NULL, 10);
    } else if (value != NULL && strcmp(argv[i], "--first") == 0) {
      s->first = strtoull(argv[++i], NULL, 10);
    } else if (value != NULL && strcmp(argv[i], "--seed") == 0) {
      s->first = strtoull(argv[++i], NULL, 10);
      s->seeds = 1;
      s->no_cases = 1;
    } else {
      usage();
      return 0;
    }
  }
  return 1;
}

static void on_fatal(void *context)
{
  const sim_run *run = context;

  fflush(stdout);
  fprintf(stderr, "sim --seed %llu --trace  # %s\n", (unsigned long long)run->world.seed,
          run->world.why);
  exit(1);
}

/* 1 if it failed. */
static int run_seed(sim_run *run, uint64_t seed, int twice)
{
  uint64_t hash;

  now.seed = seed;
  now.is_running = 1;
  run->world.hashes_bytes = twice;
  sim_run_once(run, seed);
  hash = run->world.hash;
  if (twice && !run->world.failed) {
    sim_run_once(run, seed);
    if (run->world.hash != hash)
      sim_fail(&run->world, "the same seed gives another run");
  }
  now.is_running = 0;
  if (!run->world.failed)
    return 0;
  fflush(stdout);
  fprintf(stderr, "sim --seed %llu --trace  # %s\n", (unsigned long long)seed, run->world.why);
  return 1;
}

static double seconds(void)
{
  return (double)clock() / CLOCKS_PER_SEC;
}

static int run_seeds(const settings *s)
{
  sim_run *run = malloc(sizeof(*run));
  uint64_t i, calls = 0, results = 0, events = 0;
  double start = seconds();
  int failures = 0;

  if (run == NULL)
    return 1;
  sim_run_init(run);
  run->world.traces = s->traces;
  run->world.plant = s->plant;
  run->world.on_fatal = on_fatal;
  run->world.fatal_context = run;
  for (i = 0; i < s->seeds && !now.is_enough && (failures < FAILURES_MAX || s->goes_on); i++) {
    failures += run_seed(run, s->first + i, i % REPEATED == 0 && !s->traces);
    calls += run->world.calls;
    events += run->world.steps;
  }
  results = run->results;
  printf("sim: %llu seeds from %llu, %llu results, %llu calls, %llu events, %d failed, %.1f s\n",
         (unsigned long long)i, (unsigned long long)s->first, (unsigned long long)results,
         (unsigned long long)calls, (unsigned long long)events, failures, seconds() - start);
  sim_run_deinit(run);
  free(run);
  return failures > 0 || now.is_enough;
}

int main(int argc, char **argv)
{
  settings s = {.seeds = SEEDS_SHORT, .first = 1};
  int failed = 0;

  if (getenv("FCGIP_TEST_LONG") != NULL)
    s.seeds = SEEDS_LONG;
  if (!read_arguments(&s, argc, argv))
    return 2;
  signal(SIGABRT, on_crash);
  signal(SIGSEGV, on_crash);
  signal(SIGBUS, on_crash);
  signal(SIGINT, on_interrupt);
  signal(SIGTERM, on_interrupt);
  if (!s.no_cases)
    failed |= !sim_cases(s.only);
  if (!s.only_cases)
    failed |= run_seeds(&s);
  return failed;
}
