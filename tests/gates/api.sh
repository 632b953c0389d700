#!/bin/bash
# Every function that the public headers declare is in the census of tests/unit/test_api.c, and is called by another
# test as well.
. "$(dirname "$0")/common.sh"
need gcc gcc

declared="$(gcc -E -P -I include include/fcgiproxy/fcgiproxy.h |
  grep -oE '\bfcgip_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u)"
[ -n "$declared" ] || {
  echo "no function found in include/"
  exit 1
}

not_in_census() {
  grep -oE '\bFUNCTION\(fcgip_[a-z0-9_]+\)' tests/unit/test_api.c | sed 's/FUNCTION(\(.*\))/\1/' |
    sort -u >"$scratch/census"
  comm -23 <(echo "$declared") "$scratch/census"
}

# All words of the other tests once, then one look-up each.
not_called() {
  find tests -name '*.c' ! -path tests/unit/test_api.c -print0 |
    xargs -0 grep -ohE '\bfcgip_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$scratch/called"
  comm -23 <(echo "$declared") "$scratch/called"
}

report "not in the census of tests/unit/test_api.c" "$(not_in_census)"
report "called by no test" "$(not_called)"
exit $findings
