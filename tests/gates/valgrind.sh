#!/bin/bash
# The unit tests under valgrind's memcheck, which sees the use of what was never set.
. "$(dirname "$0")/common.sh"
need valgrind valgrind
failed=0
for program in "$build"/tests/unit/test_*; do
  [ -x "$program" ] || continue
  # Still reachable is what a child of the test leaves at its early end.
  valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect,possible \
    --errors-for-leak-kinds=definite,indirect,possible "$program" >"$scratch/log" 2>&1 || {
    printf '%s:\n' "${program##*/}"
    cat "$scratch/log"
    failed=1
  }
done
exit $failed
