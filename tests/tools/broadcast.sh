#!/bin/bash
# fcgi-broadcast on live pools, dead, hanging and hostile servers: every option, every exit status.
. "$(dirname "$0")/common.sh"
need php php-cli
tool=fcgi-broadcast usage=125
if [ -z "${PAGE_HANG:-}" ]; then
  mkdir "$work/pages"
  : >"$work/pages/hang"
  printf 'Content-Type: text/plain\r\n\r\nhalf of it\n' >"$work/pages/cut"
  # Lines that look like those of another server, and bytes that a terminal would obey.
  printf 'Content-Type: text/plain\r\nX-%s: %s[1m\r\n\r\n%s[31mred\r\ntcp://127.0.0.1:1: FAILED: not at all\n\xff\xc2\x9bx\0y' \
    Evil "$esc" "$esc" >"$work/pages/hostile"
  printf 'Status: 500 %s[31m\r\nContent-Type: text/plain\r\n\r\nsorry' "$esc" >"$work/pages/broken"
  printf 'PHP message: %s]0;x\x07\nand more\n' "$esc" >"$work/pages/stderr"
  { printf 'Content-Type: text/plain\r\n\r\n' && head -c 16777217 /dev/zero; } >"$work/pages/long"
  "$2" "$work/pages" "$0" "$@"
  exit $?
fi
echo_php="$FCGIP_SCRIPTS/echo.php" params="$FCGIP_SCRIPTS/params.php"

# ---- what it is there for ----

run fcgi-broadcast "$echo_php" "${three[@]}"
expect 0
expect_lines 3
expect_out "$FCGIP_NETWORK1:  - network1"
expect_out "$FCGIP_NETWORK2:  - network2"
expect_out "$FCGIP_UNIX:  - unix"
expect_err 'fcgi-broadcast: 0 of 3 servers failed'
cat >"$work/reset.php" <<'PHP'
<?php
var_export(function_exists('opcache_reset') ? opcache_reset() : true);
PHP
chmod -R a+rX "$work"
run fcgi-broadcast "$work/reset.php" "${three[@]}"
expect 0
expect_count 3 '.*: (true|false)'
run fcgi-broadcast "$FCGIP_SCRIPTS/progress.php" -Q 'pieces=3&ms=10' "${three[@]}"
expect 0
for i in 1 2 3; do
  expect_count 3 ".*: piece $i of 3"
done
# An address given twice is asked once.
run fcgi-broadcast "$echo_php" "$FCGIP_UNIX" "${FCGIP_UNIX#unix://}"
expect 0
expect_lines 1

# ---- failures, counted ----

run fcgi-broadcast "$echo_php" "$FCGIP_NETWORK1" "$dead" "$gone" "$FCGIP_UNIX"
expect 2
expect_out "$FCGIP_NETWORK1:  - network1"
expect_out "$dead: FAILED: the connection .*"
expect_out "$gone: FAILED: .*"
expect_err 'fcgi-broadcast: 2 of 4 servers failed'
run fcgi-broadcast /nothing.php "${three[@]}"
expect 3
expect_count 3 '.*: stderr: Primary script unknown'
expect_count 3 '.*: File not found\.'
expect_count 3 '.*: FAILED: HTTP status 404'
run fcgi-broadcast -Q 'status=399%20Fine&count=0' "$FCGIP_SCRIPTS/headers.php" "$FCGIP_UNIX"
expect 0
run fcgi-broadcast -Q 'status=400%20Bad&count=0' "$FCGIP_SCRIPTS/headers.php" "$FCGIP_UNIX"
expect 1
expect_out ".*: FAILED: HTTP status 400"
run fcgi-broadcast "$FCGIP_SCRIPTS/crash.php" "$FCGIP_UNIX"
expect 1
expect_out "$FCGIP_UNIX: the first half"
expect_out "$FCGIP_UNIX: FAILED: .*"
run fcgi-broadcast "$echo_php" "$PAGE_CUT"
expect 1
expect_out "$PAGE_CUT: half of it"
expect_out "$PAGE_CUT: FAILED: .*"
# More than it takes; of what came before that, it is enough to see the end.
command=(fcgi-broadcast "$echo_php" long)
out="$("$tools/fcgi-broadcast" "$echo_php" "$PAGE_LONG" 2>"$work/err" | tail -n 1 | tail -c 300)"
expect_out "$PAGE_LONG: FAILED: .*"
for i in $(seq 1 101); do
  printf '127.0.1.%d:1\n' "$i"
done >"$work/many"
run fcgi-broadcast -f "$work/many" "$echo_php"
expect 101
expect_lines 101
head -n 100 "$work/many" >"$work/hundred"
run fcgi-broadcast -f "$work/hundred" "$echo_php"
expect 100
run fcgi-broadcast -f "$work/hundred" "$echo_php" "$FCGIP_UNIX"
expect 100
expect_out "$FCGIP_UNIX:  - unix"

# ---- a server that hangs ----

run fcgi-broadcast -m 6000 "$echo_php" "$PAGE_HANG" "${three[@]}"
expect 1
expect_out "$PAGE_HANG: FAILED: .*timeout.*"
expect_count 3 '.*:  - .*'
check "it took $took ms" test "$took" -ge 6000
check "the one that hangs does not come last" eval "tail -n 1 '$work/out' | grep -q FAILED"
run fcgi-broadcast --timeout 300 "$echo_php" "$PAGE_HANG"
expect 1
check "it took $took ms" test "$took" -ge 300
# The answers of the others are there before it gives up.
mkfifo "$work/pipe"
command=(fcgi-broadcast '... | read')
"$tools/fcgi-broadcast" -m 100000 "$echo_php" "$PAGE_HANG" "$FCGIP_UNIX" >"$work/pipe" 2>/dev/null &
pid=$!
read -r line <"$work/pipe"
kill "$pid"
wait "$pid"
check "the first line is: $line" test "$line" = "$FCGIP_UNIX:  - unix"
for option in -c --connect-timeout; do
  run fcgi-broadcast $option 20000 "$echo_php" "$FCGIP_UNIX"
  expect 0
done

# ---- the request ----

for option in -X --method; do
  run fcgi-broadcast $option PURGE "$params" "$FCGIP_UNIX"
  expect 0
  expect_out '.*"REQUEST_METHOD":"PURGE".*'
done
for option in -Q --query; do
  run fcgi-broadcast $option 'a=b/c&d' "$params" "$FCGIP_UNIX"
  expect 0
  expect_out '.*"QUERY_STRING":"a=b\\/c&d".*'
  expect_out '.*"REQUEST_URI":"[^"]*params.php\?a=b\\/c&d".*'
done
run fcgi-broadcast "$params" "$FCGIP_UNIX"
expect_out '.*"QUERY_STRING":"".*'
expect_out '.*"REQUEST_METHOD":"GET".*'
expect_out '.*"SCRIPT_NAME":"[^"]*params.php".*'
expect_out '.*"CONTENT_LENGTH":"0".*'
for option in -v --var; do
  run fcgi-broadcast $option ONE=1 $option EMPTY= $option 'TWO=a=b' "$params" "$FCGIP_UNIX"
  expect 0
  expect_out '.*"ONE":"1".*'
  expect_out '.*"EMPTY":"".*'
  expect_out '.*"TWO":"a=b".*'
done
for option in -t --type; do
  run fcgi-broadcast $option text/x "$params" "$FCGIP_UNIX"
  expect 0
  expect_out '.*"CONTENT_TYPE":"text\\/x".*'
done
head -c 300000 /dev/urandom >"$work/some file"
sum="$(sha1sum <"$work/some file" | cut -d' ' -f1)"
for option in -d --data; do
  run fcgi-broadcast $option "$work/some file" -X POST -t x/y "$FCGIP_SCRIPTS/length.php" "${three[@]}"
  expect 0
  expect_count 3 '.*: length: 300000'
  expect_count 3 ".*: sha1: $sum"
done
input="$work/some file"
run fcgi-broadcast -d - -X POST -t x/y "$FCGIP_SCRIPTS/length.php" "$FCGIP_UNIX"
expect_out ".*: sha1: $sum"
input=/dev/null
for option in -f --servers; do
  printf '# all\n%s\n%s\n' "$FCGIP_UNIX" "$FCGIP_NETWORK1" >"$work/some servers"
  run fcgi-broadcast $option "$work/some servers" "$echo_php" "$FCGIP_NETWORK2"
  expect 0
  expect_lines 3
done
input="$work/some servers"
run fcgi-broadcast -f - "$echo_php"
expect 0
expect_lines 2
printf '%s\n' "$FCGIP_NETWORK2" >"$work/second"
run fcgi-broadcast -f - -f "$work/second" "$echo_php"
expect 0
expect_lines 3
input=/dev/null

# ---- how it is shown ----

for option in -i --headers; do
  run fcgi-broadcast $option "$echo_php" "$FCGIP_UNIX"
  expect 0
  expect_out "$FCGIP_UNIX: X-Pool: unix"
  expect_out "$FCGIP_UNIX:  - unix"
done
for option in -q --quiet; do
  run fcgi-broadcast $option "$echo_php" "${three[@]}"
  expect 0
  expect_lines 0
  check "it is not quiet" test -z "$err"
  run fcgi-broadcast $option "$echo_php" "$FCGIP_UNIX" "$dead"
  expect 1
  expect_lines 1
done
run fcgi-broadcast -Q 'bytes=0' "$FCGIP_SCRIPTS/output.php" "$FCGIP_UNIX"
expect 0
expect_out "$FCGIP_UNIX: HTTP status 200, no output"
for option in "" -i; do
  # shellcheck disable=SC2086
  run fcgi-broadcast $option "$echo_php" "$PAGE_HOSTILE" "$PAGE_BROKEN" "$PAGE_STDERR"
  expect 1
  expect_clean
  expect_out "$PAGE_HOSTILE: \\\\x1b\[31mred"
  expect_out "$PAGE_HOSTILE: tcp://127.0.0.1:1: FAILED: not at all"
  expect_out "$PAGE_HOSTILE: \\\\xff\\\\xc2\\\\x9bx\\\\x00y"
  expect_out "$PAGE_STDERR: stderr: PHP message: \\\\x1b\]0;x\\\\x07"
  expect_out "$PAGE_STDERR: stderr: and more"
  expect_count 0 '(\[31m|tcp://127.0.0.1:1:).*'
done
for option in -j --json; do
  run fcgi-broadcast $option -m 60000 "$echo_php" "$PAGE_HOSTILE" "$FCGIP_UNIX" "$dead" "$PAGE_BROKEN" "$PAGE_STDERR"
  expect 2
  expect_clean
  expect_lines 1
  check "it is not quiet" test -z "$err"
done
expect_json '["version","script","failed","servers"]' 'array_keys($d)'
expect_json '["address","failed","error","status","duration","headers","body","stderr"]' 'array_keys($d["servers"][2])'
expect_json 2 '$d["failed"]'
expect_json "[\"$PAGE_HOSTILE\",\"$FCGIP_UNIX\",\"$dead\",\"$PAGE_BROKEN\",\"$PAGE_STDERR\"]" 'array_column($d["servers"], "address")'
expect_json '[false,false,true,true,false]' 'array_column($d["servers"], "failed")'
expect_json '[200,200,null,500,200]' 'array_column($d["servers"], "status")'
expect_json '" - unix\n"' '$d["servers"][1]["body"]'
expect_json true 'in_array(["X-Pool", "unix"], $d["servers"][1]["headers"])'
expect_json '"FCGIP_ECONNECT"' '$d["servers"][2]["error"]["name"]'
expect_json true '$d["servers"][0]["body"] === "\x1b[31mred\r\ntcp://127.0.0.1:1: FAILED: not at all\n\u{fffd}\u{9b}x\0y"'
expect_json '"PHP message: \u001b]0;x\u0007\nand more\n"' '$d["servers"][4]["stderr"]'

# ---- the rest ----

for option in -h --help; do
  run fcgi-broadcast $option
  expect 0
  expect_out 'usage: fcgi-broadcast .*'
done
for option in -V --version; do
  run fcgi-broadcast $option
  expect 0
  expect_out 'fcgi-broadcast [0-9]+\.[0-9]+\.[0-9]+'
done
expect_usage
expect_usage relative.php "$FCGIP_UNIX"
expect_usage '' "$FCGIP_UNIX"
expect_usage "$FCGIP_UNIX"
expect_usage $'/a\nb.php' "$FCGIP_UNIX"
expect_usage "$echo_php" nonsense
expect_usage "$echo_php" "$FCGIP_UNIX" ''
expect_usage --nonsense "$echo_php" "$FCGIP_UNIX"
expect_usage -x "$echo_php" "$FCGIP_UNIX"
expect_usage -X 'G T' "$echo_php" "$FCGIP_UNIX"
expect_usage -X '' "$echo_php" "$FCGIP_UNIX"
expect_usage -X $'GET\n' "$echo_php" "$FCGIP_UNIX"
expect_usage -Q $'a\nb' "$echo_php" "$FCGIP_UNIX"
for bad in noequals =x PHP_VALUE=x PHP_ADMIN_VALUE=x $'A\nB=x' ''; do
  expect_usage -v "$bad" "$echo_php" "$FCGIP_UNIX"
done
for option in -m -c --timeout --connect-timeout; do
  for bad in 0 -1 x 5s '' 4294967295; do
    expect_usage $option "$bad" "$echo_php" "$FCGIP_UNIX"
  done
done
expect_usage -j -q "$echo_php" "$FCGIP_UNIX"
expect_usage -j -i "$echo_php" "$FCGIP_UNIX"
expect_usage -f - -d - "$echo_php"
expect_usage -f /dev/null -d - "$echo_php" -f -
expect_usage -f /dev/null "$echo_php"
expect_usage -m
expect_usage "$echo_php" "x${esc}[31m"
expect_clean
run fcgi-broadcast -f "$work/nothing" "$echo_php"
expect 126
run fcgi-broadcast -d "$work/nothing" "$echo_php" "$FCGIP_UNIX"
expect 126
run fcgi-broadcast -d "$work" "$echo_php" "$FCGIP_UNIX"
expect 126
truncate -s 67108865 "$work/large"
run fcgi-broadcast -d "$work/large" "$echo_php" "$FCGIP_UNIX"
expect 126
for option in "" --json --help --version; do
  command=("fcgi-broadcast $option >/dev/full")
  # shellcheck disable=SC2086
  "$tools/fcgi-broadcast" $option "$echo_php" "$FCGIP_UNIX" >/dev/full 2>"$work/err"
  status=$?
  expect 126
done
# Somebody may listen at the default address.
run fcgi-broadcast /nothing.php
check "status without addresses" test "$status" -eq 1
finish
