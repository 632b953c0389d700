#!/bin/bash
# cppcheck over the library and the installed tools. It does not read the system's headers, so it is told what they would say.
# A variable's scope is the function, by the habits of this code.
. "$(dirname "$0")/common.sh"
need cppcheck cppcheck
cppcheck --quiet --error-exitcode=1 --std=c11 --language=c --inline-suppr -j "$(jobs_count)" \
  --enable=warning,performance,portability,style --suppress=missingIncludeSystem \
  --suppress=variableScope -D_POSIX_C_SOURCE=200809L -DMSG_NOSIGNAL=0x4000 -I include -I src src \
  examples/tools || exit 1
