#!/bin/bash
# gcc's static analyzer over the library.
. "$(dirname "$0")/common.sh"
need gcc gcc
CC=gcc configure "$scratch" -DCMAKE_BUILD_TYPE=Debug -DFCGIPROXY_WERROR=ON \
  -DFCGIPROXY_ANALYZER=ON -DFCGIPROXY_BUILD_TESTS=OFF -DFCGIPROXY_BUILD_EXAMPLES=OFF \
  >"$scratch/configure.log" 2>&1 || {
  cat "$scratch/configure.log"
  exit 1
}
cmake --build "$scratch" -j "$(jobs_count)" || exit 1
