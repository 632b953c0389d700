#!/bin/bash
# The benchmark: builds it in Release, measures the library beside bare system calls, and prints one table with every
# goal beside its figure. See --help.
set -u
checkout="$(cd "$(dirname "$0")/../.." && pwd -P)" || exit 1
. "$checkout/tests/support/shell.sh"
bench="$checkout/tests/bench"

usage() {
  cat <<'TEXT'
usage: tests/bench/run.sh [OPTION]...

Measures, in interleaved rounds, the library and loops of bare system calls that do the same work with a
canned responder; counts instructions (valgrind), system calls (strace), allocations and heap; prints one
table, and writes into DIR: table.txt, figures.json, requests.svg, cost.svg, throughput.svg. What cannot be
measured here is named with the reason. The figures of a busy machine are of little worth.

  --out DIR       default: build/bench in the checkout
  --programs DIR  where bench_responder, bench_limit and bench_client are built already
  --rounds N      of each timed figure, default 7
  --ms N          of each timed run, default 500
  --php-package F the autoloader of the PHP package hollodotme/fast-cgi-proxy, to measure that as well
  --no-pin        leaves the choice of processors to the system
  --short         all figures, but with hardly any time: to see that everything runs
  --help          this text
TEXT
}

out="$checkout/build/bench" programs='' rounds=7 ms=500 pin=1 short=0 php_package=''
while [ $# -gt 0 ]; do
  case "$1" in
  --out) out="$2" && shift ;;
  --programs) programs="$2" && shift ;;
  --rounds) rounds="$2" && shift ;;
  --ms) ms="$2" && shift ;;
  --php-package) php_package="$2" && shift ;;
  --no-pin) pin=0 ;;
  --short) short=1 rounds=1 ms=20 ;;
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

flights=(1 4 16 64 256 1000 4000 10000) few=(1 64 1000)
sizes=(0 1024 16384 65536 262144 1048576 4194304 16777216 67108864)
stream_bytes=$((1 << 30)) count_from=2000 count_to=6000 servers=100
if [ "$short" -eq 1 ]; then
  flights=(1 64 200) few=(1 64) sizes=(0 65536 1048576)
  stream_bytes=$((1 << 24)) count_from=200 count_to=400
fi
many="${flights[-1]}"

make_work
responder=
finish() {
  [ -z "$responder" ] || kill "$responder" 2>/dev/null
  stop_guarded
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$out" || exit 1
out="$(cd "$out" && pwd -P)" || exit 1
lines="$work/lines"
: >"$lines"

fail() {
  complain "$*"
  exit 1
}

# fact NAME TEXT...; skipped NAME REASON...; figures GROUP X NAME ROUND METRIC=VALUE...
fact() { printf 'fact %s\n' "$*" >>"$lines"; }
skipped() { printf 'skipped %s\n' "$*" >>"$lines"; }
figures() { printf '%s\n' "$*" >>"$lines"; }

build_programs() {
  built=', as built before'
  [ -z "$programs" ] || return 0
  built=', Release'
  say "building"
  programs="$work/programs"
  mkdir -p "$programs"
  {
    cmake -S "$bench" -B "$programs" -DCMAKE_BUILD_TYPE=Release &&
      cmake --build "$programs" -j "$(jobs_count)"
  } >"$work/build.log" 2>&1 || {
    cat "$work/build.log"
    fail "the build failed"
  }
  ! grep -rqs -e -flto "$programs/CMakeFiles" "$programs/build.ninja" ||
    built+=', optimized by the linker'
}

# One processor for the responder and one for the client, as far as there are two.
choose_processors() {
  cpu=() responder_cpu=() on_cpu=()
  if [ "$pin" -eq 1 ] && [ "$(jobs_count)" -ge 2 ]; then
    cpu=(--cpu 0) responder_cpu=(--cpu 1)
    ! have taskset || on_cpu=(taskset -c 0)
  fi
}

# The most requests in flight that descriptors allow.
fit_flights() {
  local most fitting=() n
  ulimit -n "$(ulimit -H -n)" 2>/dev/null
  most="$(ulimit -n)"
  [ "$most" != unlimited ] || return 0
  for n in "${flights[@]}"; do
    if [ "$n" -le $((most - 300)) ]; then
      fitting+=("$n")
    else
      skipped "$n in flight: only $most descriptors are allowed"
    fi
  done
  flights=("${fitting[@]}")
  many="${flights[-1]}"
}

start_responder() {
  local i addresses=("unix://$work/s=64" "unix://$work/down=$stream_bytes"
    "unix://$work/down-short=$((stream_bytes / 64))")
  for i in "${sizes[@]}"; do addresses+=("unix://$work/size$i=$i"); done
  cluster=
  for ((i = 0; i < servers; i++)); do
    addresses+=("unix://$work/c$i=64")
    cluster+="${cluster:+,}unix://$work/c$i"
  done
  tcp=
  for i in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 12000))
    "$programs/bench_responder" "${responder_cpu[@]}" "${addresses[@]}" \
      "tcp://127.0.0.1:$port=64" >"$work/ready" 2>"$work/responder.log" &
    responder=$!
    while kill -0 "$responder" 2>/dev/null; do
      if grep -qsx ready "$work/ready"; then
        tcp="tcp://127.0.0.1:$port"
        return 0
      fi
      sleep 0.05
    done
    rm -f "$work"/s "$work"/down* "$work"/size* "$work"/c[0-9]*
  done
  cat "$work/responder.log"
  fail "the responder does not start"
}

# limit ARGUMENT...; client ARGUMENT...: one run; what it prints.
limit() { "$programs/bench_limit" "${cpu[@]}" --peer "$responder" --ms "$ms" "$@"; }
client() { "$programs/bench_client" "${cpu[@]}" --peer "$responder" --ms "$ms" "$@"; }

# timed GROUP X NAME ROUND COMMAND...: runs it and keeps its figures.
timed() {
  local group="$1" x="$2" name="$3" round="$4" line
  shift 4
  line="$("$@")" || fail "$group $x $name has failed"
  figures "$group" "$x" "$name" "$round" "$line"
}

# timed, and then a moment for the responder to close so many connections.
flight() {
  timed "$@"
  [ "$2" -lt 1000 ] || sleep 0.3
}

# One round of all who do this work, at N in flight.
flight_round() {
  local group="$1" n="$2" round="$3" address="$4" keep=1 work_name=kept name
  local in_flight=(--address "$4" --in-flight "$2")
  [ "$group" != fresh ] || keep=0 work_name=fresh
  for name in epoll poll; do
    flight "$group" "$n" limit-$name "$round" limit "${in_flight[@]}" --wait $name $work_name
  done
  for name in push poll; do
    flight "$group" "$n" $name "$round" client "${in_flight[@]}" --driver $name --keep $keep load
  done
  if [ "$n" -eq 1 ]; then
    timed "$group" 1 limit-blocking "$round" limit "${in_flight[@]}" --wait blocking $work_name
  fi
  [ "$group" = unix ] || return 0
  for name in pull push-plain; do
    flight unix "$n" $name "$round" client "${in_flight[@]}" --driver $name load
  done
}

php_round() {
  local n
  for n in 1 64; do
    timed unix "$n" php "$1" "${on_cpu[@]}" php -n "$bench/plain.php" "unix://$work/s" "$n" "$ms"
    [ -z "$php_package" ] ||
      timed unix "$n" php-package "$1" "${on_cpu[@]}" php "$bench/package.php" "$php_package" "$work/s" "$n" "$ms"
  done
}

# Large bodies by number: there may be less than one in the time of a run.
size_round() {
  local size="$1" round="$2" way=(--address "unix://$work/size$1" --in-flight 4)
  [ "$size" -lt 1048576 ] || way+=(--requests 8)
  timed size "$size" limit-epoll "$round" limit "${way[@]}" kept
  timed size "$size" poll "$round" client "${way[@]}" --driver poll load
  timed size "$size" push "$round" client "${way[@]}" --driver push load
}

stream_round() {
  local round="$1" up=(--address "unix://$work/s" --bytes "$stream_bytes")
  local down=(--address "unix://$work/down")
  timed stream down limit "$round" limit "${down[@]}" down
  timed stream down library "$round" client "${down[@]}" down
  timed stream up limit "$round" limit "${up[@]}" up-copied
  timed stream up library "$round" client "${up[@]}" up
  timed stream up-memory limit "$round" limit "${up[@]}" up
  timed stream up-memory library "$round" client "${up[@]}" up-memory
}

measure_times() {
  local round n size has_php=0
  if have php && php -n -r 'exit(function_exists("stream_socket_client") ? 0 : 1);'; then
    has_php=1
    fact php "$(php -n -r 'echo PHP_VERSION;'), a plain loop of stream_select() (plain.php)"
  else
    skipped "plain PHP loop: no php"
  fi
  [ -n "$php_package" ] || skipped "the PHP package hollodotme/fast-cgi-proxy: --php-package says where it is"
  for ((round = 1; round <= rounds; round++)); do
    say "round $round of $rounds"
    for n in "${flights[@]}"; do flight_round unix "$n" "$round" "unix://$work/s"; done
    for n in "${few[@]}"; do flight_round tcp "$n" "$round" "$tcp"; done
    for n in "${few[@]}"; do
      [ "$n" -gt 64 ] || flight_round fresh "$n" "$round" "unix://$work/s"
    done
    for size in "${sizes[@]}"; do size_round "$size" "$round"; done
    stream_round "$round"
    [ "$has_php" -eq 0 ] || php_round "$round"
  done
}

# What is counted is the difference between two lengths of a run, divided by the requests that one has more.

# instructions_of REQUESTS PROGRAM ARGUMENT...: "REQUESTS INSTRUCTIONS", as a loop may do a few more than asked for.
instructions_of() {
  local requests="$1"
  shift
  valgrind --tool=callgrind --callgrind-out-file="$work/callgrind" "$@" --requests "$requests" \
    "$work_name" >"$work/stdout" 2>"$work/stderr" || fail "under valgrind: $(tail -n 3 "$work/stderr")"
  sed -n 's/.*requests=\([0-9]*\).*/\1/p' "$work/stdout"
  awk '/^(summary|totals):/ { n = $2 } END { print n }' "$work/callgrind"
}

# calls_of REQUESTS PROGRAM ARGUMENT...: "REQUESTS requests", then "CALLS NAME" for each system call.
calls_of() {
  local requests="$1"
  shift
  strace -f -c -o "$work/strace" "$@" --requests "$requests" "$work_name" >"$work/stdout" ||
    fail "under strace"
  sed -n 's/.*requests=\([0-9]*\).*/\1 requests/p' "$work/stdout"
  awk '$1 ~ /^[0-9.]+$/ && $NF != "total" { print $4, $NF }' "$work/strace"
}

count_instructions() {
  local name="$1" from to
  shift
  from="$(instructions_of $count_from "$@")" || exit 1
  to="$(instructions_of $count_to "$@")" || exit 1
  figures count "$name" all 1 "instructions=$(awk -v from="$from" -v to="$to" 'BEGIN {
    split(from, a); split(to, b); printf "%.2f", (b[2] - a[2]) / (b[1] - a[1]) }')"
}

count_calls() {
  local name="$1" calls
  shift
  calls_of $count_from "$@" >"$work/calls.from" || exit 1
  calls_of $count_to "$@" >"$work/calls.to" || exit 1
  calls="$(awk 'FNR == NR { before[$2] = $1; next }
    $2 == "requests" { n = $1 - before[$2]; next }
    (more = ($1 - before[$2]) / n) >= 0.0005 { sum += more; text = text sprintf(", %s %.3f", $2, more) }
    END { printf "%.4f %s", sum, substr(text, 3) }' "$work/calls.from" "$work/calls.to")"
  figures count "$name" all 1 "system_calls=${calls%% *}"
  fact "calls_$name" "${calls#* }"
}

count_allocations() {
  local name="$1"
  shift
  figures count "$name" all 1 \
    "$("$@" --heap 1 --requests $count_to load | tr ' ' '\n' | grep '^alloc' | tr '\n' ' ')"
}

# count NAME PROGRAM ARGUMENT...: `work_name` is what the program is to do.
count() {
  local name="$1"
  [ "$has_valgrind" -eq 0 ] || count_instructions "$@"
  [ "$has_strace" -eq 0 ] || count_calls "$@"
  case "$2" in
  */bench_client) count_allocations "$@" ;;
  esac
}

count_all() {
  local driver at=(--address "unix://$work/s") client="$programs/bench_client" has_valgrind=0 has_strace=0
  say "counting"
  if have valgrind; then has_valgrind=1; else skipped "instructions: no valgrind"; fi
  if have strace && strace -o /dev/null true 2>/dev/null; then
    has_strace=1
  else
    skipped "system calls: no strace, or it may not trace here"
  fi
  work_name=load
  for driver in poll push pull push-plain; do
    count $driver "$client" "${at[@]}" --driver $driver --in-flight 64
  done
  count poll-build "$client" "${at[@]}" --driver poll --in-flight 64 --build 1
  count poll-1-in-flight "$client" "${at[@]}" --driver poll --in-flight 1
  count poll-fresh "$client" "${at[@]}" --driver poll --in-flight 64 --keep 0
  work_name=kept
  count limit-poll "$programs/bench_limit" "${at[@]}" --wait poll --in-flight 64
  count limit-epoll "$programs/bench_limit" "${at[@]}" --wait epoll --in-flight 64
}

# The bytes that a stream has on the heap at most: the whole length, and a 64th of it.
stream_growth() {
  local name="$1" long short
  long="$(client --heap 1 "${@:2:4}" "$name")" || fail "$name"
  short="$(client --heap 1 "${@:6:4}" "$name")" || fail "$name"
  long="${long#*heap_peak=}" short="${short#*heap_peak=}"
  figures stream-heap "$name" all 1 "heap_peak=${long%% *}" "growth=$((${long%% *} - ${short%% *}))"
}

probe() {
  local n
  for n in 64 "$many"; do
    figures heap "$n" all 1 "$(client --address "unix://$work/s" --in-flight "$n" heap)" || fail heap
  done
  figures clock 1 all 1 "$(client --address "unix://$work/s" clock)"
  figures cluster $servers all 1 "$(client --address "$cluster" --requests 20 cluster)"
  stream_growth down --address "unix://$work/down" --bytes 0 --address "unix://$work/down-short" --bytes 0
  stream_growth up --address "unix://$work/s" --bytes "$stream_bytes" \
    --address "unix://$work/s" --bytes $((stream_bytes / 64))
}

machine() {
  fact machine "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), $(nproc) processors, \
Linux $(uname -r), $(uname -m)"
  fact load "$(cut -d ' ' -f 1-3 /proc/loadavg) before the run"
  fact compiler "$(cc --version | head -n 1)$built"
  fact runs "$rounds rounds of $ms ms each, interleaved; ${cpu[*]:+client and responder each on a processor}"
  fact stream_bytes "$stream_bytes"
}

draw() {
  if ! have gnuplot; then
    skipped "plots: no gnuplot"
    return 0
  fi
  gnuplot -e "data='$work/plots'; out='$out'" "$bench/plots.gp" || fail "gnuplot"
}

build_programs
choose_processors
fit_flights
start_responder
machine
fact many "$many"
measure_times
count_all
probe
fact load_after "$(cut -d ' ' -f 1-3 /proc/loadavg)"
mkdir -p "$work/plots"
have gnuplot || skipped "plots: no gnuplot"
awk -v json="$out/figures.json" -v plots="$work/plots" -f "$bench/figures.awk" "$lines" >"$work/table" ||
  fail "figures.awk"
draw
cp "$work/table" "$out/table.txt"
cp "$lines" "$out/lines.txt"
cat "$work/table"
say "in $out: table.txt, figures.json and the plots"
