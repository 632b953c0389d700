#!/bin/bash
# tests/support/coverage.sh CHECKOUT BUILD: runs the tests of a build that counts, and prints which
# lines and branches of src/ they reach, file by file, the unreached lines with their numbers.
set -u
checkout="$1"
. "$checkout/tests/support/shell.sh"
build="$2"

have gcovr || {
  complain "gcovr is not installed"
  exit 1
}
CC=gcc configure "$build" -DCMAKE_BUILD_TYPE=Debug -DFCGIPROXY_COVERAGE=ON \
  -DFCGIPROXY_BUILD_EXAMPLES=ON -DFCGIPROXY_BUILD_TESTS=ON >/dev/null || exit 1
cmake --build "$build" -j "$(jobs_count)" || exit 1
find "$build" -name '*.gcda' -delete
ctest --test-dir "$build" --output-on-failure -j "$(jobs_count)"
failed=$?

# Branches that the compiler adds for itself are not ours to reach.
report=(gcovr --root "$checkout" --filter "$checkout/src/" --exclude-unreachable-branches
  --exclude-throw-branches --object-directory "$build" "$build")
say "branches"
"${report[@]}" --branches | sed '1,/^---/d'
say "lines"
"${report[@]}" --print-summary | sed '1,/^---/d'
exit $failed
