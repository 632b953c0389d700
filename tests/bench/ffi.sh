#!/bin/bash
# What a request costs a PHP program: by libfcgiproxy, by examples/ffi/FastCGI.php on top of it, and in plain PHP with
# sockets. See --help.
set -u
checkout="$(cd "$(dirname "$0")/../.." && pwd -P)" || exit 1
. "$checkout/tests/support/shell.sh"

usage() {
  cat <<'TEXT'
usage: tests/bench/ffi.sh [OPTION]...

Runs the loop of examples/ffi/round_robin.php, 20 requests at a time over three php-fpm pools, in three ways, by
turns: by the library's functions, by the classes of FastCGI.php, and in plain PHP with sockets. Prints the median of
requests per second and of microseconds of the client's processor time per request. Needs PHP with FFI, and php-fpm.

  --build DIR   where the library and tests/examples/with_fpm are built; default: build in the checkout
  --rounds N    of each way, default 9
  --ms N        of each round, default 1000
  --help        this text
TEXT
}

build="$checkout/build" rounds=9 ms=1000
while [ $# -gt 0 ]; do
  case "$1" in
  --build) build="$(cd "$2" && pwd -P)" && shift ;;
  --rounds) rounds="$2" && shift ;;
  --ms) ms="$2" && shift ;;
  --help | -h)
    usage
    exit 0
    ;;
  *)
    complain "unknown option: $1"
    usage >&2
    exit 2
    ;;
  esac
  shift
done

# Started anew below with_fpm, which names the pools in the environment.
if [ -z "${FCGIP_NETWORK1:-}" ]; then
  with_fpm="$build/tests/examples/with_fpm"
  [ -x "$with_fpm" ] || {
    complain "not built: $with_fpm"
    exit 1
  }
  exec "$with_fpm" "$checkout/tests/bench/ffi.sh" --build "$build" --rounds "$rounds" --ms "$ms"
fi
export FCGIP_LIBRARY="$build/libfcgiproxy.so" FCGIP_HEADER="$build/include/fcgiproxy/ffi.h"
have php && php -r 'exit(class_exists("FFI") ? 0 : 1);' || {
  echo "skipped: no PHP with FFI (Debian: php-cli)"
  exit 77
}

make_work
clean_up_at_exit
ways=(library classes plain)
for ((round = 0; round < rounds; round++)); do
  for ((i = 0; i < 3; i++)); do
    way="${ways[(round + i) % 3]}"
    guard php "$checkout/tests/bench/ffi.php" "$way" "$ms" "$FCGIP_NETWORK1" "$FCGIP_NETWORK2" "$FCGIP_UNIX" \
      >"$work/line" || exit 1
    grep -E "^$way [0-9]+ [0-9.]+$" "$work/line" >>"$work/lines" || {
      complain "$way: $(cat "$work/line")"
      exit 1
    }
  done
done

# median WAY FIELD
median() {
  awk -v way="$1" -v field="$2" '$1 == way { print $field }' "$work/lines" | sort -n |
    awk '{ values[NR] = $1 } END { print NR % 2 ? values[(NR + 1) / 2] : (values[NR / 2] + values[NR / 2 + 1]) / 2 }'
}
printf '%s, %s processors, PHP %s; %d rounds of %d ms\n' \
  "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(php -r 'echo PHP_VERSION;')" "$rounds" "$ms"
printf '%-28s %12s %22s\n' '' 'requests/s' 'client CPU us/request'
printf '%-28s %12s %22s\n' \
  'libfcgiproxy by FFI' "$(median library 2)" "$(median library 3)" \
  'FastCGI.php on libfcgiproxy' "$(median classes 2)" "$(median classes 3)" \
  'plain PHP with sockets' "$(median plain 2)" "$(median plain 3)"
