#!/bin/bash
# clang-format decides what code looks like; `tests/gates/format.sh --fix` applies it. Other versions
# of it decide otherwise, so it has to be this one.
if [ "${1:-}" = --fix ]; then
  cd "$(dirname "$0")/../.." || exit 1
  find include src tests examples -name '*.[ch]' -exec clang-format-14 -i {} +
  exit
fi
. "$(dirname "$0")/common.sh"
need clang-format-14 clang-format-14
code include src tests examples | xargs clang-format-14 --dry-run -Werror || exit 1
