#!/bin/bash
# Every public header compiles alone and twice, as C99, C11 and C++11, under strict warnings.
. "$(dirname "$0")/common.sh"
need gcc gcc
need g++ g++
warnings=(-Wall -Wextra -Wpedantic -pedantic-errors -Wconversion -Wshadow -Wundef -Werror)
failed=0

# compile COMMAND...: the header as the whole of a program.
compile() {
  printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
    "$@" "${warnings[@]}" -I include -fsyntax-only - || {
    printf '%s does not compile: %s\n' "$header" "$*"
    failed=1
  }
}

for header in include/fcgiproxy/*.h; do
  header="${header#include/}"
  compile gcc -x c -std=c99 -Wstrict-prototypes -Wc++-compat
  compile gcc -x c -std=c11 -Wstrict-prototypes
  compile g++ -x c++ -std=c++11
  if have clang; then
    compile clang -x c -std=c99 -Wdocumentation
    compile clang -x c++ -std=c++11 -Wno-c99-extensions
  fi
done
exit $failed
