#!/bin/bash
# examples/run_all.sh FOLDER ADDRESS...: runs the example programs that lie in FOLDER against those
# servers, one after the other, and prints the servers' status at the end. FCGIP_SCRIPTS is where the
# servers find the scripts of docker/scripts. Used by demo.sh and by docker/compose.yaml.
set -u
if [ $# -lt 2 ]; then
  echo "usage: ${0##*/} FOLDER ADDRESS..." >&2
  exit 2
fi
folder="$1"
shift
failed=()

# run PROGRAM ARGUMENT...: one of them; none takes longer than a minute. What a server sent stays on
# its lines, so that the heading of the next begins one of its own.
run() {
  local name="$1"
  shift
  [ -x "$folder/$name" ] || return 0
  printf '\n== %s %s\n' "$name" "$*"
  timeout 60 "$folder/$name" "$@" || failed+=("$name")
}

for name in sync async callbacks pass_through random round_robin cluster_request upload poll_loop; do
  run "$name" "$@"
done
run fcgiget "$1/status"
run cluster_status "$@"

if [ "${#failed[@]}" -gt 0 ]; then
  printf '\nfailed: %s\n' "${failed[*]}" >&2
  exit 1
fi
