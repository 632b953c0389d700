#!/bin/bash
# MemorySanitizer of clang, which sees every use of what was never set, over the unit tests of the codec,
# the messages and what they stand on. cmocka itself is not instrumented: it only ever gets values, and
# what it calls has no arguments that matter.
. "$(dirname "$0")/common.sh"
need clang clang
clang -D_GNU_SOURCE -O1 -fsanitize=memory -c tests/gates/msan_fstat.c -o "$scratch/fstat.o" || exit 1
CC=clang configure "$scratch" -DCMAKE_BUILD_TYPE=Debug -DFCGIPROXY_WERROR=OFF \
  -DCMAKE_C_FLAGS_DEBUG="-O1 -g -fsanitize-memory-track-origins" -DFCGIPROXY_SANITIZE=memory \
  -DCMAKE_EXE_LINKER_FLAGS="-fsanitize=memory $(printf %s "$scratch/fstat.o" | sed 's/ /\\ /g')" \
  -DFCGIPROXY_BUILD_TESTS=ON -DFCGIPROXY_BUILD_EXAMPLES=OFF -DFCGIPROXY_TEST_GATES=OFF \
  >"$scratch/configure.log" 2>&1 || {
  cat "$scratch/configure.log"
  exit 1
}
cmake --build "$scratch" -j "$(jobs_count)" --target tests_unit >"$scratch/build.log" 2>&1 || {
  cat "$scratch/build.log"
  exit 1
}
ctest --test-dir "$scratch" --output-on-failure -j "$(jobs_count)" -L unit || exit 1
