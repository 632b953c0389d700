#!/bin/bash
# cppcheck over the library and the installed tools, with nothing suppressed. It does not read the system's headers, so
# it is told what they would say.
. "$(dirname "$0")/common.sh"
need cppcheck cppcheck
cppcheck --quiet --error-exitcode=1 --std=c11 --language=c -j "$(jobs_count)" \
  --enable=warning,performance,portability,style \
  -D_POSIX_C_SOURCE=200809L -DMSG_NOSIGNAL=0x4000 -I include -I src src examples/tools || exit 1
