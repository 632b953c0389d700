#!/bin/bash
# How deep the library's stack can get: no frame above 4 KiB, none of a size that is only known at run time,
# and no recursion, so that there is a bottom.
. "$(dirname "$0")/common.sh"
need gcc gcc
limit=4096

# compile LEVEL: all sources at this level of optimization, with frames (.su) and calls (.ci).
compile() {
  local file
  rm -rf "${scratch:?}/$1"
  mkdir -p "$scratch/$1" || exit 1
  for file in src/*/*.c; do
    printf '%s\0' "$file"
  done | xargs -0 -P "$(jobs_count)" -I '{}' sh -c 'name="$(printf %s "$2" | tr / _)" &&
    gcc -std=c11 "-$1" -DNDEBUG -D_POSIX_C_SOURCE=200809L -I include -I src -fstack-usage \
      -fcallgraph-info=su -c "$2" -o "$3/$1/${name%.c}.o"' sh "$1" '{}' "$scratch" || exit 1
}

# -O0 calls what is written, so that no call is lost in another function.
compile O0
compile O2
compile Os

frames() {
  cat "$scratch"/O2/*.su "$scratch"/Os/*.su | awk -F '\t' -v limit=$limit '
    $2 > limit { print $1 ": " $2 " bytes" }
    $3 == "dynamic" { print $1 ": of a size known at run time only" }' | sort -u
}

calls() {
  cat "$scratch"/O0/*.ci |
    sed -n 's/^edge: { sourcename: "\([^"]*\)" targetname: "\([^"]*\)".*/\1 \2/p' | sort -u
}

recursion() {
  calls | awk '$1 == $2 { print $1 " calls itself" }'
  calls | awk '$1 != $2 && $2 != "__indirect_call"' | tsort 2>&1 >/dev/null | sed 's/^tsort: //'
}

[ "$(calls | wc -l)" -gt 100 ] || report "calls" "this compiler does not list them"
report "frames" "$(frames)"
report "recursion" "$(recursion)"
exit $findings
