#!/bin/bash
# clang-tidy over the library; .clang-tidy says which checks.
. "$(dirname "$0")/common.sh"
need clang-tidy-14 clang-tidy-14
printf '%s\n' src/*/*.c |
  xargs -P "$(jobs_count)" -n 4 clang-tidy-14 -p "$build" --quiet --warnings-as-errors='*' \
    2>"$scratch/log" || exit 1
