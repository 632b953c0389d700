#!/bin/bash
# fcgi-status on live pools, dead and hanging servers: every option, every limit, every exit status.
. "$(dirname "$0")/common.sh"
need php php-cli
tool=fcgi-status usage=2
if [ -z "${PAGE_HANG:-}" ]; then
  mkdir "$work/pages"
  : >"$work/pages/hang"
  "$2" "$work/pages" "$0" "$@"
  exit $?
fi

# ---- the report ----

# The same as that of the example, but for what differs each time.
form() {
  sed -E 's/^( *[-*] [^:[]*:|Processing duration:) .+/\1/'
}
run fcgi-status "${three[@]}"
expect 0
form <"$work/out" >"$work/report"
"$tools/../cluster_status" "${three[@]}" 2>/dev/null | form >"$work/example"
if [ -x "$tools/../cluster_status" ]; then
  check "not the form of cluster_status" diff "$work/example" "$work/report"
fi
expect_count 3 '\[ SERVER: (tcp|unix)://.* \]'
expect_count 3 '- Pool name: (network1|network2|unix)'
expect_count 3 '- Process manager: static'
expect_count 3 '- Started at: 20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\+00:00'
expect_count 3 '- Number of total processes: 5'
expect_count 15 '- \[ PROCESS #[1-5] \]'
expect_count 3 'Processing duration: [0-9.e-]+ seconds'
run fcgi-status "$FCGIP_NETWORK1" "$dead" "$gone"
expect 1
expect_out "- Error: $dead: .*ECONNREFUSED.*"
expect_out "- Error: $gone: .*"
expect_out '- Pool name: network1'

# ---- servers ----

for address in "${FCGIP_NETWORK1#tcp://}" "${FCGIP_UNIX#unix://}" "unix:${FCGIP_UNIX#unix://}"; do
  run fcgi-status "$address"
  expect 0
done
# Once, however often it is given and spelled.
run fcgi-status -q --accepted-conn 0 "$FCGIP_UNIX" "${FCGIP_UNIX#unix://}" "$FCGIP_UNIX"
expect 3
expect_lines 1
printf '# the fleet\n\n  %s \t# behind\r\n%s\n\t\n%s' "${three[@]}" >"$work/some servers"
for option in -f --servers --servers=; do
  if [ "$option" = --servers= ]; then
    run fcgi-status --max-active 100 "--servers=$work/some servers"
  else
    run fcgi-status --max-active 100 "$option" "$work/some servers"
  fi
  expect 0
  expect_count 3 'OK (tcp|unix)://.* \((network1|network2|unix)\)'
done
input="$work/some servers"
run fcgi-status --max-active 100 -f - "$dead"
input=/dev/null
expect 1
expect_count 3 'OK .*'
expect_out "FAILED $dead: the connection .*"
# Several files, whose servers come first.
printf '%s\n' "$FCGIP_NETWORK2" >"$work/second"
printf '%s\n' "$FCGIP_UNIX" | {
  input=/dev/stdin
  run fcgi-status -j -f "$work/second" "$FCGIP_NETWORK1" -f -
  expect 0
  expect_json "[\"$FCGIP_NETWORK2\",\"$FCGIP_UNIX\",\"$FCGIP_NETWORK1\"]" 'array_column($d["servers"], "address")'
  [ "$failures" -eq 0 ]
} || failures=$((failures + 1))
options=()
for _ in $(seq 17); do options+=(-f "$work/second"); done
run fcgi-status -q "${options[@]:2}"
expect 0
expect_usage -q "${options[@]}"
# Somebody may listen at the default address.
run fcgi-status -q
check "status without arguments" test "$status" -le 1
expect_usage -f /dev/null
run fcgi-status -f "$work" "$FCGIP_UNIX"
expect 5
run fcgi-status -f "$work/nothing"
expect 5
expect_err "fcgi-status: .*nothing: No such file or directory"
printf 'tcp://127.0.0.1:9000\0\n' >"$work/binary"
expect_usage -f "$work/binary"
printf '%s\nnonsense\n' "$FCGIP_UNIX" >"$work/bad"
expect_usage -f "$work/bad"
expect_err 'fcgi-status: nonsense: no address of a server'
for bad in nonsense '' 127.0.0.1:0 127.0.0.1:99999 ::1:9000 "$(printf 'a%.0s' {1..200}):" "/$(printf 'a%.0s' {1..200})"; do
  expect_usage "$bad"
  expect_usage "$FCGIP_UNIX" "$bad"
done
expect_usage "x${esc}[31m"
expect_clean

# ---- pages, timeouts ----

for page in '/status?json&full' '/status?xml&full' '/status?full' '/status?openmetrics' /status; do
  run fcgi-status -j -p "$page" "${three[@]}"
  expect 0
  expect_json '["network1","network2","unix"]' 'array_map(fn($s) => $s["pool"]["name"], $d["servers"])'
  expect_json "\"$page\"" '$d["path"]'
  case "$page" in
  *full*) expect_json '[5,5,5]' 'array_map(fn($s) => count($s["processes"]), $d["servers"])' ;;
  *) expect_json '[0,0,0]' 'array_map(fn($s) => count($s["processes"]), $d["servers"])' ;;
  esac
done
run fcgi-status --path /nothing "$FCGIP_UNIX"
expect 1
expect_out '- Error: .*pm\.status_path.*'
expect_usage -p status "$FCGIP_UNIX"
expect_usage -p $'/status\r\nX' "$FCGIP_UNIX"
expect_usage -p '' "$FCGIP_UNIX"
# A server that hangs takes its timeout, holds nobody up, and hides nobody.
run fcgi-status --max-active 100 -m 6000 "$PAGE_HANG" "${three[@]}" "$PAGE_HANG" "$dead"
expect 1
expect_count 3 'OK .*'
expect_out "FAILED $PAGE_HANG: .*timeout.*"
check "it took $took ms" test "$took" -ge 6000
run fcgi-status --timeout 300 "$PAGE_HANG"
expect 1
check "it took $took ms" test "$took" -ge 300
for bad in 0 -1 x 5s '' 1.5 4294967295 99999999999999999999; do
  expect_usage -m "$bad" "$FCGIP_UNIX"
done

# ---- limits ----

run fcgi-status --start-since 1000000 --accepted-conn 1000000 --listen-queue 100 --max-listen-queue 100 \
  --listen-queue-len 1000000 --idle-processes 5 --active-processes 5 --total-processes 5 --max-active-processes 5 \
  --max-children-reached 0 --slow-requests 0 --max-active 100% --min-idle 0 "${three[@]}"
expect 0
expect_count 3 'OK .*'
run fcgi-status --start-since 18446744073709551615 --max-active 100 "$FCGIP_UNIX"
expect 0
# Each of them, one below what there is.
while read -r option key; do
  run fcgi-status "--$option" 0 "$FCGIP_UNIX"
  expect 3
  expect_out "LIMIT $FCGIP_UNIX \(unix\): $key [1-9][0-9]* > 0"
done <<'LIMITS'
start-since start_since
accepted-conn accepted_connections
idle-processes idle_processes
active-processes active_processes
total-processes total_processes
max-active-processes max_active_processes
LIMITS
run fcgi-status --listen-queue-len 0 "$FCGIP_NETWORK1"
expect 3
expect_out "LIMIT $FCGIP_NETWORK1 \(network1\): listen_queue_length [1-9][0-9]* > 0"
run fcgi-status --min-idle 6 "$FCGIP_UNIX"
expect 3
expect_out "LIMIT .*: idle_processes [0-5] < 6"
run fcgi-status --max-active 19% "$FCGIP_UNIX"
expect 3
expect_out "LIMIT .*: active_percent [2-9]0 > 19"
run fcgi-status --max-active 0 --min-idle 9 --total-processes 4 "$FCGIP_UNIX" "$FCGIP_NETWORK1"
expect 3
expect_count 2 "LIMIT .*: total_processes 5 > 4, active_percent [0-9]+ > 0, idle_processes [0-5] < 9"
# PHP before 8.4 has no such thing, later ones have a few MiB.
run fcgi-status --memory-peak 1 "$FCGIP_UNIX"
expect 3
expect_out "LIMIT .*: memory_peak (is not in the page|[0-9]+ > 1)"
# A server that fails is worse.
run fcgi-status --total-processes 4 "$FCGIP_UNIX" "$dead"
expect 1
expect_count 1 'LIMIT .*'
expect_count 1 'FAILED .*'
# In JSON and metrics the output stays, and the exit status tells.
run fcgi-status -j --total-processes 4 --min-idle 9 "$FCGIP_UNIX" "$dead"
expect 1
expect_json 1 '$d["over_limit"]'
expect_json 1 '$d["failed"]'
expect_json '{"key":"total_processes","value":5,"most":4}' '$d["servers"][0]["limits"][0]'
expect_json 9 '$d["servers"][0]["limits"][1]["least"]'
run fcgi-status -o --total-processes 4 "$FCGIP_UNIX"
expect 3
expect_out "phpfpm_up\{pool=\"unix\",endpoint=\"$FCGIP_UNIX\"\} 1"
for option in start-since accepted-conn listen-queue max-listen-queue listen-queue-len idle-processes \
  active-processes total-processes max-active-processes max-children-reached slow-requests memory-peak min-idle \
  max-active; do
  for bad in x -1 '' 1.5 18446744073709551616 ' 1'; do
    expect_usage "--$option" "$bad" "$FCGIP_UNIX"
  done
done
expect_usage --max-active 101% "$FCGIP_UNIX"
expect_usage --max-active % "$FCGIP_UNIX"
expect_usage --max-active 5%% "$FCGIP_UNIX"

# A busy pool: three of five workers sleep, one answers.
sleeping=()
for _ in 1 2 3; do
  "$tools/fcgiget" -m 1000000 -s "$FCGIP_SCRIPTS/sleep.php" "$FCGIP_NETWORK2/?ms=100000" >/dev/null 2>&1 &
  sleeping+=($!)
done
for _ in $(seq 1000); do
  run fcgi-status --max-active 70% --min-idle 2 "$FCGIP_NETWORK2"
  grep -q 'idle_processes 1 <' <<<"$out" && break
done
expect 3
expect_out 'LIMIT .*: active_percent 80 > 70, idle_processes 1 < 2'
kill "${sleeping[@]}"
wait

# ---- quiet ----

for option in -q --quiet; do
  run fcgi-status $option "${three[@]}"
  expect 0
  expect_lines 0
  run fcgi-status $option --total-processes 4 "$FCGIP_UNIX" "$dead"
  expect 1
  expect_lines 2
done

# ---- ping ----

for option in -P --ping; do
  run fcgi-status $option /ping "${three[@]}"
  expect 0
  expect_count 3 'OK .*: pong'
done
run fcgi-status --ping /ping "$FCGIP_UNIX" "$dead" "$PAGE_HANG" -m 6000
expect 1
expect_out "OK $FCGIP_UNIX: pong"
expect_out "FAILED $dead: the connection .*"
expect_out "FAILED $PAGE_HANG: .*timeout.*"
run fcgi-status --ping /ping -q "$FCGIP_UNIX" "$dead"
expect 1
expect_lines 1
run fcgi-status --ping /nothing "$FCGIP_UNIX"
expect 1
expect_out 'FAILED .*: no ping page there: HTTP status 404'
run fcgi-status --ping /ping --json "$FCGIP_UNIX" "$dead"
expect 1
expect_json '"/ping"' '$d["path"]'
expect_json 1 '$d["failed"]'
expect_json '"pong"' '$d["servers"][0]["response"]'
expect_json '[true,false]' 'array_column($d["servers"], "up")'
expect_json 'null' '$d["servers"][0]["error"]'
expect_json '"string"' 'gettype($d["servers"][1]["error"])'
expect_json '["version","time","path","failed","servers"]' 'array_keys($d)'
expect_json '["address","up","error","duration","response"]' 'array_keys($d["servers"][1])'
for bad in ping '' $'/p\n'; do
  expect_usage -P "$bad" "$FCGIP_UNIX"
done

# ---- the rest ----

for option in -h --help; do
  run fcgi-status $option
  expect 0
  expect_out 'usage: fcgi-status .*'
done
for option in -V --version; do
  run fcgi-status $option
  expect 0
  expect_out 'fcgi-status [0-9]+\.[0-9]+\.[0-9]+'
done
expect_usage --nonsense
expect_usage -x
expect_usage --path
expect_usage --json=1
expect_usage -j -o "$FCGIP_UNIX"
expect_usage -o -w 1 "$FCGIP_UNIX"
expect_usage -n 1 "$FCGIP_UNIX"
expect_usage -q -j "$FCGIP_UNIX"
expect_usage -q -o "$FCGIP_UNIX"
expect_usage -q -w 1 "$FCGIP_UNIX"
expect_usage -P /ping -o "$FCGIP_UNIX"
expect_usage -P /ping -w 1 "$FCGIP_UNIX"
expect_usage -P /ping --min-idle 1 "$FCGIP_UNIX"
expect_usage -s nonsense -w 1 "$FCGIP_UNIX"
for option in "" --json --openmetrics "--max-active 100" "--ping /ping" --help --version "--watch 1 --count 1"; do
  command=("fcgi-status $option >/dev/full")
  # shellcheck disable=SC2086 # an option and its value
  "$tools/fcgi-status" $option "$FCGIP_UNIX" >/dev/full 2>"$work/err"
  status=$?
  expect 5
done

# ---- many at once ----

# More than poll(2) in one go: the same pool by 300 names of loopback.
port="${FCGIP_NETWORK1##*:}"
for i in $(seq 0 299); do
  printf '127.0.%d.%d:1\n' $((i / 250)) $((i % 250 + 1))
done >"$work/many"
run fcgi-status -j -f "$work/many" "127.0.0.1:$port"
expect 1
expect_json 300 '$d["failed"]'
expect_json true 'end($d["servers"])["up"]'

finish
