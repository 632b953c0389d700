#!/bin/bash
# The same seed gives the same run, byte for byte, in another process, too: repeat.sh SIM.
set -u
sim="$1"
[ -n "$(setarch -R true 2>&1)" ] || quiet=(setarch -R)
first="$("$sim" --no-cases --first 1 --seeds 40 --trace | sed '$d')" || exit 1
second="$(${quiet[@]+"${quiet[@]}"} "$sim" --no-cases --first 1 --seeds 40 --trace | sed '$d')" || exit 1
lines="$(wc -l <<<"$first")"
if [ "$lines" -lt 1000 ]; then
  printf 'a trace of %s lines\n' "$lines"
  exit 1
fi
if [ "$first" != "$second" ]; then
  diff <(printf '%s\n' "$first") <(printf '%s\n' "$second") | head -20
  exit 1
fi
printf 'two processes, %s lines each, the same\n' "$lines"
