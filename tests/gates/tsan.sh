#!/bin/bash
# The tests with threads under ThreadSanitizer: what may be shared is shared, and what may move moves. And
# fcgi-status --watch, the tool that has threads.
. "$(dirname "$0")/common.sh"
need gcc gcc
CC=gcc configure "$scratch" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g" \
  -DFCGIPROXY_WERROR=ON -DFCGIPROXY_SANITIZE=thread -DFCGIPROXY_BUILD_TESTS=ON \
  -DFCGIPROXY_BUILD_EXAMPLES=OFF -DFCGIPROXY_TEST_GATES=OFF >"$scratch/configure.log" 2>&1 || {
  cat "$scratch/configure.log"
  exit 1
}
cmake --build "$scratch" -j "$(jobs_count)" --target tests_threads \
  fcgiproxy_tools with_fpm with_pages >"$scratch/build.log" 2>&1 || {
  cat "$scratch/build.log"
  exit 1
}
# Addresses that the kernel has spread too widely are too much for this version of it.
plain=()
! setarch "$(uname -m)" -R true 2>/dev/null || plain=(setarch "$(uname -m)" -R)
export TSAN_OPTIONS=halt_on_error=0:exitcode=66:second_deadlock_stack=1
"${plain[@]}" ctest --test-dir "$scratch" --output-on-failure -L threads || exit 1
"${plain[@]}" ctest --test-dir "$scratch" --output-on-failure -R '^tools_watch$' || exit 1
