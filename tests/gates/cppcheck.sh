#!/bin/bash
# cppcheck over the library.
. "$(dirname "$0")/common.sh"
need cppcheck cppcheck
cppcheck --quiet --error-exitcode=1 --std=c11 --language=c --inline-suppr -j "$(jobs_count)" \
  --enable=warning,performance,portability,style --suppress=missingIncludeSystem \
  -D_POSIX_C_SOURCE=200809L -I include -I src src || exit 1
