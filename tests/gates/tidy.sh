#!/bin/bash
# clang-tidy over the library and the installed tools; the .clang-tidy above each says which checks.
. "$(dirname "$0")/common.sh"
need clang-tidy-14 clang-tidy-14
# Not by compile_commands.json: clang-tidy cannot read it if there is a space in the path.
printf '%s\n' src/*/*.c |
  xargs -P "$(jobs_count)" -I '{}' clang-tidy-14 --quiet --warnings-as-errors='*' '{}' -- \
    -std=c11 -D_POSIX_C_SOURCE=200809L -I include -I src 2>"$scratch/log" || exit 1
printf '%s\n' examples/tools/*.c |
  xargs -P "$(jobs_count)" -I '{}' clang-tidy-14 --quiet --warnings-as-errors='*' '{}' -- \
    -std=gnu11 -I include 2>"$scratch/log" || exit 1
