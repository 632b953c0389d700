/* What the fuzz targets have in common: reading an input, checking, and memory that counts.
 *
 * A target is one function, which libFuzzer calls with an input (tests/fuzz/run.sh), and replay.c with the files of
 * the corpus (ctest, `fuzz_<target>`). It begins with fuzz_begin(), gives fuzz_memory.hook to everything that
 * takes an allocator, and ends with fuzz_end(). Each target says at its top what has to hold. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "support/failing_allocator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process with the sentence, as a crash that libFuzzer keeps the input of. */
#define FUZZ_CHECK(condition)                                                                      \
  do {                                                                                             \
    if (!(condition))                                                                              \
      fuzz_fail(__FILE__, __LINE__, #condition);                                                   \
  } while (0)
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* ---- memory ---- */

/* The allocator of everything in a run. */
extern failing_allocator fuzz_memory;

/* Which allocation of a run fails: 0 none. Set by the replay. */
extern size_t fuzz_fail_at;
extern enum failing_allocator_mode fuzz_fail_mode;

void fuzz_begin(void);
/* Nothing is left, nothing was freed twice. */
void fuzz_end(void);
/* 1 if an allocation has failed in this run: FCGIP_ENOMEM is then as good as anything. */
int fuzz_is_out_of_memory(void);
/* The same allocator, for internal functions. */
fcgip__mem fuzz_mem(void);

/* Memory of the target itself, which never fails: a block of exactly that size (1 for 0). */
void *fuzz_alloc(size_t size);
uint8_t *fuzz_copy(const void *data, size_t len);

/* ---- input ---- */

/* An input is read from its front; behind its end everything is 0 and empty. */
typedef struct fuzz_input {
  const uint8_t *at;
  size_t left;
} fuzz_input;

uint8_t fuzz_u8(fuzz_input *in);
uint16_t fuzz_u16(fuzz_input *in);
uint32_t fuzz_u32(fuzz_input *in);
/* The next bytes, at most *len; how many there are in *len. */
const uint8_t *fuzz_bytes(fuzz_input *in, size_t *len);
/* Bytes behind their length in one byte. */
const uint8_t *fuzz_short(fuzz_input *in, size_t *len);
/* The same as text, which ends at its first NUL. The caller frees it. */
char *fuzz_text(fuzz_input *in);

/* ---- bytes that grow ---- */

typedef struct fuzz_buffer {
  uint8_t *data;
  size_t len, cap;
} fuzz_buffer;

void fuzz_put(fuzz_buffer *to, const void *data, size_t len);
void fuzz_put_text(fuzz_buffer *to, const char *text);
int fuzz_buffer_equal(const fuzz_buffer *a, const fuzz_buffer *b);
void fuzz_buffer_free(fuzz_buffer *buffer);

/* ---- numbers ---- */

/* A generator for what has to look random and must not be: cuts, contents. */
uint32_t fuzz_random(uint32_t *state);
uint64_t fuzz_hash(const void *data, size_t len);

#endif
