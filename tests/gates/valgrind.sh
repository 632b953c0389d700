#!/bin/bash
# The unit tests, and the conformance suite unsplit, under valgrind's memcheck, which sees the use of what was never set.
# Still reachable, and possibly lost, is what a child of a test leaves at its early end.
. "$(dirname "$0")/common.sh"
need valgrind valgrind
check=(valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite
  --errors-for-leak-kinds=definite)

# The rows on live php-fpm wait for it most of the time; for the rest of the suite they are left out.
conformance() {
  local program="$build/tests/conformance/conformance"
  "${check[@]}" "$program" --adapter libfcgiproxy --splits none --short --jobs "$(jobs_count)" \
    --without 'FPM-*' >"$scratch/conformance.log" 2>&1 && return
  cat "$scratch/conformance.log"
  findings=1
}

unit() {
  local program
  for program in "$build"/tests/unit/test_*; do
    [ ! -x "$program" ] || printf '%s\0' "$program"
  done | xargs -0 -r -P "$(jobs_count)" -I '{}' bash -c '
    log="$1/${2##*/}.log"
    "${@:3}" "$2" >"$log" 2>&1 && exit
    printf "%s:\n" "${2##*/}"
    cat "$log"
    exit 1' bash "$scratch" '{}' "${check[@]}" || findings=1
}

conformance
unit
exit $findings
