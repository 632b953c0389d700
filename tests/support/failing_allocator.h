/* An allocator that counts, and fails where it is told to.
 *
 * Given to a constructor, it serves everything that the object allocates:
 *
 *     failing_allocator memory;
 *
 *     failing_allocator_init(&memory);
 *     fcgip_form_new_with_allocator(&form, &memory.hook);
 *     ...
 *     assert_int_equal(memory.live_blocks, 0);
 *     assert_int_equal(memory.misuses, 0);
 *
 * To see a scenario survive each of its allocations failing, run it with the first, the second, the
 * third ... one failing, until a run meets no failure:
 *
 *     for (n = 1;; n++) {
 *       failing_allocator_fail_at(&memory, n, FAIL_ONCE);
 *       rc = scenario(&memory);
 *       if (memory.failures == 0)
 *         break;
 *       assert_int_equal(rc, FCGIP_ENOMEM);
 *       assert_int_equal(memory.live_blocks, 0);
 *     }
 *     assert_int_equal(rc, FCGIP_OK);
 *
 * Blocks come filled with a pattern, are poisoned when they are freed, and always move when they are
 * reallocated, so that what relies on old contents or addresses shows. Not for several threads at once. */
#ifndef TESTS_SUPPORT_FAILING_ALLOCATOR_H
#define TESTS_SUPPORT_FAILING_ALLOCATOR_H

#include <stddef.h>

#include "fcgiproxy/allocator.h"

typedef struct failing_allocator {
  fcgip_allocator hook; /* what constructors take; the whole struct must not move any more */

  size_t live_blocks; /* allocated and not freed */
  size_t live_bytes;
  size_t peak_bytes;  /* the most that live_bytes ever was */
  size_t total_calls; /* of malloc and realloc, the failed ones included */
  size_t total_frees; /* of something other than NULL */
  size_t failures;    /* calls that returned NULL */
  size_t misuses;     /* blocks freed or reallocated that are not ours, or not any more; size 0 */

  /* May be set at any time. */
  size_t fail_at;     /* the call with this number fails, as total_calls counts them; 0: none */
  int persistent;     /* all later calls fail, too */
  size_t limit_bytes; /* calls that would make live_bytes greater fail; 0: no limit */
} failing_allocator;

enum failing_allocator_mode { FAIL_ONCE = 0, FAIL_FROM_THEN_ON = 1 };

/* Everything 0: an allocator that does not fail. */
void failing_allocator_init(failing_allocator *memory);

/* Makes the `nth` call from now on fail (1 is the next one, 0 makes none fail). total_calls and
 * failures start again from 0; what is allocated stays. */
void failing_allocator_fail_at(failing_allocator *memory, size_t nth,
                               enum failing_allocator_mode mode);

#endif
