#!/bin/bash
# Shows the library at work: builds it, starts three php-fpm servers on this machine, runs every
# example against them, and stops them. See --help.
set -u
checkout="$(cd "$(dirname "$0")/.." && pwd -P)" || exit 1
. "$checkout/tests/support/shell.sh"

usage() {
  cat <<'END'
usage: examples/demo.sh [OPTION]...

Installs what is missing (Debian, by apt; as root or with sudo), builds the library and the examples
in build/, starts a php-fpm of its own with three pools, two at TCP ports and one at a Unix socket,
runs each example against them, and prints the cluster's status. In the end, and when interrupted,
the servers are stopped and their folder is removed; only build/ stays.

  --build DIR   use the examples that were built in DIR, build nothing
  --no-install  install nothing
  --help        this text
END
}

built='' install=1
while [ $# -gt 0 ]; do
  case "$1" in
  --build)
    built="${2:?--build needs a folder}"
    shift
    ;;
  --no-install) install=0 ;;
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

server=''

# stop_server: TERM, then KILL for whoever did not listen.
stop_server() {
  local pids i
  [ -n "$server" ] || return 0
  pids="$server $(descendants "$server")"
  kill -TERM "$server" 2>/dev/null
  for ((i = 0; i < 30; i++)); do
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL $pids 2>/dev/null
  wait "$server" 2>/dev/null
  server=''
}

# free_port: one of 127.0.0.1 that nobody answers at, below those the system gives out by itself.
free_port() {
  local port i
  for ((i = 0; i < 100; i++)); do
    port=$((10000 + RANDOM % 20000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

# start_server: php-fpm with the pools network1, network2 and unix in $work/fpm; 0 when it is ready.
start_server() {
  local binary="$1" run="$work/fpm" i
  rm -rf "$run"
  mkdir -p "$run/pools"
  for pool in network1 network2 unix; do
    ln -s "$checkout/docker/php-fpm/$pool.conf" "$run/pools/"
  done
  export FCGIP_FPM_CONF="$checkout/docker/php-fpm" FCGIP_FPM_RUN="$run"
  export FCGIP_FPM_LOG="$run/error.log" FCGIP_FPM_USER=nobody
  [ "$(id -u)" -ne 0 ] || FCGIP_FPM_USER=root
  export FCGIP_NETWORK1="127.0.0.1:$(free_port)" FCGIP_NETWORK2="127.0.0.1:$(free_port)"
  export FCGIP_UNIX="$run/unix.sock"
  # Even if this script is killed, php-fpm ends.
  set -m
  setpriv --pdeathsig TERM "$binary" -n -R -y "$checkout/docker/php-fpm/global.conf" \
    >"$run/output.log" 2>&1 </dev/null 9>&- &
  server=$!
  set +m
  for ((i = 0; i < 100; i++)); do
    grep -q 'ready to handle connections' "$run/error.log" 2>/dev/null && return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  stop_server
  return 1
}

make_work
clean_up_at_exit
trap 'stop_guarded; stop_server; rm -rf "$work"' EXIT

if [ "$install" -eq 1 ]; then
  install_missing gcc=gcc libc6-dev make=make cmake=cmake 'php-fpm=php-fpm*'
fi
fpm="$(compgen -G '/usr/sbin/php-fpm*' | head -n 1)"
if [ -z "$fpm" ]; then
  complain "php-fpm is not installed, and the demonstration needs it (Debian: php-fpm)"
  exit 77
fi

if [ -z "$built" ]; then
  choose_build
  say "building in $build"
  options=()
  [ -f "$build/CMakeCache.txt" ] || options=(-DFCGIPROXY_BUILD_TESTS=OFF)
  guard configure "$build" "${options[@]}" -DFCGIPROXY_BUILD_EXAMPLES=ON >"$work/configure.log" || {
    cat "$work/configure.log"
    complain "cmake failed"
    exit 1
  }
  guard cmake --build "$build" -j "$(jobs_count)" --target fcgiproxy_examples || {
    complain "the build failed"
    exit 1
  }
  built="$build"
fi

say "starting three php-fpm pools"
for attempt in 1 2 3 4 5; do
  start_server "$fpm" && break
done
if [ -z "$server" ]; then
  cat "$work/fpm/error.log" "$work/fpm/output.log" 2>/dev/null
  complain "php-fpm did not start"
  exit 1
fi

export FCGIP_SCRIPTS="${FCGIP_SCRIPTS:-$checkout/docker/scripts}"
guard "$checkout/examples/run_all.sh" "$built/examples" \
  "tcp://$FCGIP_NETWORK1" "tcp://$FCGIP_NETWORK2" "unix://$FCGIP_UNIX"
status=$?
stop_server
say "the servers are stopped"
exit $status
