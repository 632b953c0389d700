#!/bin/bash
# The unit tests under valgrind's memcheck, which sees the use of what was never set.
. "$(dirname "$0")/common.sh"
need valgrind valgrind
failed=0
for program in "$build"/tests/unit/test_*; do
  [ -x "$program" ] || continue
  valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=all \
    --errors-for-leak-kinds=all "$program" >"$scratch/log" 2>&1 || {
    printf '%s:\n' "${program##*/}"
    cat "$scratch/log"
    failed=1
  }
done
exit $failed
