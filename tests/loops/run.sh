#!/bin/bash
# with_fpm tests/loops/run.sh FOLDER: runs the programs of examples/loops that were built in FOLDER on live pools:
# hundreds of requests are answered, and meanwhile the other work of the loop goes on.
set -u
folder="${1:?the folder of the programs}"
: "${FCGIP_NETWORK1:?run me with with_fpm}" "${FCGIP_NETWORK2:?}" "${FCGIP_UNIX:?}" "${FCGIP_SCRIPTS:?}"
failures=0

fail() {
  failures=$((failures + 1))
  printf 'FAILED: %s: %s\n' "$1" "$2"
}

# What a program prints: "300 answered, 0 failed, 57 ticks, 57 received".
run() {
  local name="$1" out
  out="$("$folder/$name" "$FCGIP_NETWORK1" "$FCGIP_NETWORK2" "$FCGIP_UNIX" 2>&1)" ||
    fail "$name" "exit status $?"
  printf '%s: %s\n' "$name" "$out"
  grep -Eqx '300 answered, 0 failed, [1-9][0-9]* ticks, [1-9][0-9]* received' <<<"$out" ||
    fail "$name" "that is not what it should print"
}

# A server that is not there fails its share; without servers there is nothing to do.
run_badly() {
  local name="$1" out
  if out="$("$folder/$name" "$FCGIP_NETWORK1" tcp://127.0.0.1:1 2>&1)"; then
    fail "$name" "exit status 0, though a server is not there"
  fi
  grep -Eq '^300 answered, 150 failed, ' <<<"$out" || fail "$name" "$out"
  if "$folder/$name" >/dev/null 2>&1; then
    fail "$name" "exit status 0 without servers"
  fi
}

for name in poll epoll libuv libevent glib; do
  if [ -x "$folder/$name" ]; then
    run "$name"
    run_badly "$name"
  else # poll and epoll need no library; loops_uv and so on say which ones are missing
    case "$name" in
    poll | epoll) fail "$name" "was not built" ;;
    *) printf '%s: not built\n' "$name" ;;
    esac
  fi
done
exit $((failures > 0))
