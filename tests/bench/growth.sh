#!/bin/bash
# growth.sh PROGRAMS: what a request costs with an event loop of the caller's (push) does not grow with how many are in
# flight: no entry point walks over all connections or deadlines. Instructions are counted, no time is measured.
set -u
checkout="$(cd "$(dirname "$0")/../.." && pwd -P)" || exit 1
. "$checkout/tests/support/shell.sh"
programs="${1:?the folder of the programs}"
few=64 many=2000

if ! have valgrind; then
  if [ "${CI:-}" = true ] && apt-cache show valgrind >/dev/null 2>&1; then
    echo "may not be skipped here: no valgrind"
    exit 1
  fi
  echo "skipped: no valgrind"
  exit 77
fi
ulimit -n "$(ulimit -H -n)" 2>/dev/null
if [ "$(ulimit -n)" != unlimited ] && [ "$(ulimit -n)" -lt $((many + 300)) ]; then
  many=$(($(ulimit -n) - 300))
fi
if [ "$many" -lt $((8 * few)) ]; then
  echo "skipped: only $(ulimit -n) descriptors are allowed"
  exit 77
fi

make_work
responder=
trap '[ -z "$responder" ] || kill "$responder" 2>/dev/null; rm -rf "$work"' EXIT
"$programs/bench_responder" "unix://$work/s=64" >"$work/ready" &
responder=$!
until grep -qsx ready "$work/ready"; do
  kill -0 "$responder" 2>/dev/null || exit 1
  sleep 0.05
done

# count IN_FLIGHT REQUESTS: "REQUESTS INSTRUCTIONS" of all of a run.
count() {
  valgrind --tool=callgrind --callgrind-out-file="$work/callgrind" "$programs/bench_client" \
    --address "unix://$work/s" --driver push-plain --in-flight "$1" --requests "$2" load \
    >"$work/stdout" 2>"$work/stderr" || {
    tail -n 5 "$work/stderr" >&2
    return 1
  }
  printf '%s ' "$(sed -n 's/.*requests=\([0-9]*\).*/\1/p' "$work/stdout")"
  awk '/^(summary|totals):/ { n = $2 } END { print n }' "$work/callgrind"
}

# per_request IN_FLIGHT: of two runs, one longer than the other, the difference.
per_request() {
  local short long
  short="$(count "$1" "$many")" && long="$(count "$1" $((4 * many)))" || return 1
  awk -v short="$short" -v long="$long" 'BEGIN {
    split(short, a); split(long, b); printf "%.0f\n", (b[2] - a[2]) / (b[1] - a[1]) }'
}

with_few="$(per_request "$few")" && with_many="$(per_request "$many")" || exit 1
echo "instructions per request: $with_few with $few in flight, $with_many with $many"
# A walk over all would make it many times as much.
[ "$with_many" -le $((with_few + with_few / 4)) ]
