#!/bin/bash
# The whole suite, once more, with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, and
# with the library's assertions.
. "$(dirname "$0")/common.sh"
need gcc gcc
CC=gcc nested -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O1 -g" \
  -DFCGIPROXY_SANITIZE=address,undefined
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
ctest --test-dir "$scratch" --output-on-failure -j "$(jobs_count)" -LE gate || exit 1
