#!/bin/bash
# Everything compiles with clang without a warning, and the unit tests pass.
. "$(dirname "$0")/common.sh"
need clang clang
CC=clang nested
ctest --test-dir "$scratch" --output-on-failure -j "$(jobs_count)" -L unit || exit 1
