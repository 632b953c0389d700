#!/bin/bash
# publish.sh FOLDER: puts what tests/bench/run.sh has written there into the README: the table between its two marks, and
# the plots into tests/bench/plots.
set -u
checkout="$(cd "$(dirname "$0")/../.." && pwd -P)" || exit 1
folder="${1:?the folder that run.sh has written to}"
readme="$checkout/README.md"
new="$(mktemp)" || exit 1
trap 'rm -f "$new"' EXIT

for plot in requests cost throughput; do
  cp "$folder/$plot.svg" "$checkout/tests/bench/plots/$plot.svg" || exit 1
done
awk -v table="$folder/table.txt" '
  /^<!-- benchmark -->$/ {
    print
    print "```text"
    while ((getline line < table) > 0) { sub(/ +$/, "", line); print line }
    print "```"
    inside = 1
    found++
  }
  /^<!-- end of benchmark -->$/ { inside = 0; found++ }
  !inside { print }
  END { exit found != 2 }' "$readme" >"$new" || {
  echo "README.md does not have the two marks" >&2
  exit 1
}
cat "$new" >"$readme"
