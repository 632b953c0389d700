/* The seeds of the corpus. */
#ifndef TESTS_FUZZ_SEEDS_H
#define TESTS_FUZZ_SEEDS_H

#include <stddef.h>

typedef struct seed_script {
  const char *id, *script;
  unsigned from, to, step;
} seed_script;

typedef struct seed_text {
  const char *id, *text;
} seed_text;

extern const seed_script seed_scripts[];
extern const size_t seed_script_count;
extern const seed_text seed_headers[];
extern const size_t seed_header_count;

#endif
