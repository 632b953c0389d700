#!/bin/bash
# What the library needs from the system: the symbols of gates/imports.txt and no others. No abort, exit,
# printf, signal, setlocale, getenv ... and, with NDEBUG, no __assert_fail. fstat64 is fstat.
. "$(dirname "$0")/common.sh"
need gcc gcc
need nm binutils
CC=gcc configure "$scratch" -DCMAKE_BUILD_TYPE=Release -DFCGIPROXY_BUILD_TESTS=OFF \
  -DFCGIPROXY_BUILD_EXAMPLES=OFF >"$scratch/configure.log" 2>&1 &&
  cmake --build "$scratch" -j "$(jobs_count)" >"$scratch/build.log" 2>&1 || {
  cat "$scratch/configure.log" "$scratch/build.log"
  exit 1
}
sed 's/#.*//; s/ *$//; /^$/d' tests/gates/imports.txt | sort -u >"$scratch/allowed"
nm -D --undefined-only "$scratch/libfcgiproxy.so" |
  awk '{ sub(/@.*/, "", $2); sub(/[a-z]64$/, substr($2, length($2) - 2, 1), $2); print $2 }' |
  sort -u >"$scratch/found"
[ -s "$scratch/found" ] || report "nm" "found nothing at all"
report "symbols that are not in tests/gates/imports.txt" "$(comm -13 "$scratch/allowed" "$scratch/found")"
# A variant that is checked at run time, such as __memcpy_chk, is there or not as the compiler thinks fit.
report "symbols of tests/gates/imports.txt that nobody needs" \
  "$(comm -23 "$scratch/allowed" "$scratch/found" | grep -v '^__')"
exit $findings
