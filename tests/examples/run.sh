#!/bin/bash
# with_fpm tests/examples/run.sh FOLDER: runs the examples that were built in FOLDER as their users
# would, on the pools whose addresses are in the environment, and looks at what they print and at
# their exit statuses: good servers, dead ones, no arguments, bad ones, and bytes that a terminal
# would obey.
set -u
. "$(dirname "$0")/../support/expect.sh"
examples="${1:?the folder of the examples}"
: "${FCGIP_NETWORK1:?run me with with_fpm}" "${FCGIP_NETWORK2:?}" "${FCGIP_UNIX:?}" "${FCGIP_SCRIPTS:?}"
work="$(mktemp -d "${TMPDIR:-/tmp}/examples.XXXXXX")" || exit 1
trap 'rm -rf "$work"' EXIT
# Nobody listens at the first port, nor at a socket that is not there.
dead=tcp://127.0.0.1:1
gone="unix://$work/gone.sock"
three=("$FCGIP_NETWORK1" "$FCGIP_NETWORK2" "$FCGIP_UNIX")
esc=$'\033'
failures=0 checks=0

# run PROGRAM ARGUMENT...: its output is in $out and $err, its exit status in $status.
run() {
  command=("$@")
  timeout -k 5 60 "$examples/$1" "${@:2}" >"$work/out" 2>"$work/err" </dev/null
  status=$?
  out="$(tr -d '\0' <"$work/out")"
  err="$(tr -d '\0' <"$work/err")"
}

# ---- what they are there for ----

run sync "${three[@]}"
expect 0
expect_out "$FCGIP_NETWORK1, status 200: hello - network1"
expect_out "$FCGIP_NETWORK2, status 200: hello - network2"
expect_out "$FCGIP_UNIX, status 200: hello - unix"

run async "${three[@]}"
expect 0
expect_count 10 'request-[0-9]+ - (network1|network2|unix)'
checks=$((checks + 1))
[ "$(head -n 4 <<<"$out" | cut -d' ' -f1 | tr '\n' ' ')" = "request-1 request-2 request-3 request-4 " ] ||
  fail "the first four are not in the order sent"

run callbacks "${three[@]}"
expect 0
expect_count 9 'hello - (network1|network2|unix)'
expect_out '9 answered, 0 failed'

# The pieces come one after the other, not all at the end.
run pass_through "${three[@]}"
expect 0
expect_count 5 'piece [1-5] of 5'
expect_out "$FCGIP_NETWORK1: status 200, [0-9.]+ s"
before="$(date +%s%N)"
exec 3< <(exec "$examples/pass_through" "$FCGIP_UNIX")
IFS= read -r -u 3 piece
first=$((($(date +%s%N) - before) / 1000000))
cat <&3 >"$work/out"
last=$((($(date +%s%N) - before) / 1000000))
exec 3<&-
checks=$((checks + 1))
[ "$piece" = "piece 1 of 5" ] && [ $((last - first)) -ge 250 ] ||
  fail "the first piece '$piece' came after $first ms, the last after $last ms"

run round_robin "${three[@]}"
expect 0
expect_count 9 'request [1-9]: .*, status 200'
for i in 1 4 7; do
  expect_out "request $i: $FCGIP_NETWORK1, status 200"
  expect_out "request $((i + 1)): $FCGIP_NETWORK2, status 200"
  expect_out "request $((i + 2)): $FCGIP_UNIX, status 200"
done

run random "${three[@]}"
expect 0
expect_count 3 '.*: [1-9][0-9]* of 60'
checks=$((checks + 1))
[ "$(awk '{ sum += $2 } END { print sum }' <<<"$out")" = 60 ] || fail "not 60 answers in all"

run cluster_request "${three[@]}"
expect 0
expect_count 3 '.*: status 200: hello - .*'
for pool in network1 network2 unix; do
  expect_out ".*: status 200: hello - $pool"
done

head -c 300000 /dev/urandom >"$work/some file.png"
sum="$(sha1sum <"$work/some file.png" | cut -d' ' -f1)"
run upload --file "$work/some file.png" "${three[@]}"
expect 0
expect_out "file file name=some%20file.png type=image/png size=300000 error=0 sha1=$sum"
expect_out 'field title=From%20C%2C%20with%20%22quotes%22'
expect_out 'field tags%5B0%5D=binary'
expect_out "file note name=note.bin type=application/octet-stream size=3 error=0 sha1=$(printf 'a\0b' | sha1sum | cut -d' ' -f1)"
run upload "$FCGIP_UNIX"
expect 0
expect_out "file file name=upload type=application/octet-stream size=[0-9]+ error=0 sha1=$(sha1sum <"$examples/upload" | cut -d' ' -f1)"

run poll_loop "${three[@]}"
expect 0
expect_count 20 '.*: status 200'
expect_count 3 'the child says: tick [123]'

# ---- cluster_status: the whole form, with what differs taken out ----

process_form() {
  printf '%s\n' "- [ PROCESS #$1 ]" '  * PID:' '  * State:' '  * Started at:' '  * Seconds since start:' \
    '  * Number of requests processed:' '  * Last request duration:' '  * Last request method:' \
    '  * Last request URI:' '  * Last content length:' '  * Last user:' '  * Last script:' \
    '  * CPU usage of last request:' '  * Memory usage of last request:' '' '' '---' ''
}
server_form() {
  local i
  printf '%s\n' "[ SERVER: $1 ]" '- Pool name:' '- Process manager:' '- Started at:' \
    '- Seconds since start:' '- Number of accepted connections:' '- Current listen queue:' \
    '- Listen queue maximum:' '- Listen queue length:' '- Number of idle processes:' \
    '- Number of active processes:' '- Number of total processes:' \
    '- Number of active processes maximum:' '- Times max children reached:' \
    '- Number of slow requests:' '' 'Printing processes:' ''
  [ "$2" -eq 0 ] || for i in 1 2 3 4 5; do process_form $i; done
  printf '%s\n' 'Processing duration:' ''
}
# expect_form FULL ADDRESS...
expect_form() {
  local full="$1" address
  shift
  for address in "$@"; do server_form "$address" "$full"; done >"$work/form"
  checks=$((checks + 1))
  sed -E 's/^( *[-*] [^:[]*:|Processing duration:) .+/\1/' "$work/out" >"$work/shape"
  diff "$work/form" "$work/shape" >"$work/diff" || fail "another form: $(head -n 10 "$work/diff")"
}
time='20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\+00:00'

run cluster_status "${three[@]}"
expect 0
expect_form 1 "${three[@]}"
expect_count 3 '- Process manager: static'
expect_count 3 "- Started at: $time"
expect_count 15 "  \* Started at: $time"
expect_count 3 '- Number of total processes: 5'
expect_count 3 'Processing duration: [0-9.e-]+ seconds'
expect_count 3 '  \* Last request URI: /status\?full'
for page in '/status?json&full' '/status?xml&full'; do
  run cluster_status --path "$page" "${three[@]}"
  expect 0
  expect_form 1 "${three[@]}"
done
run cluster_status "$FCGIP_UNIX" --path /status
expect 0
expect_form 0 "$FCGIP_UNIX"
expect_out '- Pool name: unix'

run cluster_status "$FCGIP_NETWORK1" "$dead" "$gone" "$FCGIP_UNIX" --path /status
expect 1
expect_count 4 '\[ SERVER: .* \]'
expect_out "- Error: $dead: .*"
expect_out "- Error: $gone: .*"
expect_out '- Pool name: network1'
expect_out '- Pool name: unix'
run cluster_status "$FCGIP_UNIX" --path /nothing
expect 1
expect_out '- Error: .*pm\.status_path.*'
run cluster_status "$FCGIP_UNIX" --path status
expect 2
expect_err 'usage: cluster_status .*'

# ---- fcgiget ----

run fcgiget --help
expect 0
expect_out 'usage: fcgiget .*'
for address in "$FCGIP_NETWORK1" "${FCGIP_NETWORK1#tcp://}" "$FCGIP_UNIX" "unix:${FCGIP_UNIX#unix://}" \
  "${FCGIP_UNIX#unix://}"; do
  run fcgiget "$address/ping"
  expect 0
  checks=$((checks + 1))
  [ "$out" = pong ] || fail "no pong"
done
run fcgiget "$FCGIP_UNIX/status?full"
expect 0
expect_out 'pool: +unix'
run fcgiget "$FCGIP_UNIX/nothing"
expect 1
expect_out 'File not found\.'
expect_err 'Primary script unknown'
run fcgiget -s "$FCGIP_SCRIPTS/headers.php" "$FCGIP_UNIX/headers.php?status=301%20Moved"
expect 0
run fcgiget -i -s "$FCGIP_SCRIPTS/headers.php" "$FCGIP_UNIX/headers.php?status=503%20Busy"
expect 1
expect_out $'Status: 503 Busy\r'
expect_count 3 $'X-Item: item [123]\r'
run fcgiget -s "$FCGIP_SCRIPTS/headers.php" "$FCGIP_UNIX/headers.php"
expect 0
expect_count 0 '.*X-Item.*'
run fcgiget -v HTTP_X_ONE=1 -v EMPTY= -v 'CONTENT_TYPE=text/x=y' -s "$FCGIP_SCRIPTS/params.php" \
  "$FCGIP_UNIX/params.php?a=b/c"
expect 0
expect_out '.*"HTTP_X_ONE":"1".*'
expect_out '.*"EMPTY":"".*'
expect_out '.*"CONTENT_TYPE":"text\\/x=y".*'
expect_out '.*"QUERY_STRING":"a=b\\/c".*'
expect_out '.*"SCRIPT_NAME":"\\/params.php".*'
expect_out '.*"REQUEST_METHOD":"GET".*'
run fcgiget -X POST -d "$work/some file.png" -t image/png -s "$FCGIP_SCRIPTS/length.php" "$FCGIP_UNIX/"
expect 0
expect_out 'length: 300000'
expect_out "sha1: $sum"
command=(fcgiget -d -)
out="$(printf 'a\0b' | "$examples/fcgiget" -X PUT -d - -s "$FCGIP_SCRIPTS/length.php" "$FCGIP_UNIX/")"
status=$?
expect 0
expect_out 'length: 3'
run fcgiget -s "$FCGIP_SCRIPTS/output.php" "$FCGIP_UNIX/?bytes=3000000"
expect 0
checks=$((checks + 1))
[ "$(stat -c %s "$work/out")" -eq 3000000 ] || fail "not 3,000,000 bytes"

for address in "$dead" "$gone" "$work" "name.invalid:9000"; do
  run fcgiget "$address/status"
  expect 3
done
run fcgiget -m 200 -s "$FCGIP_SCRIPTS/sleep.php" "$FCGIP_UNIX/?ms=3000"
expect 4
expect_err "fcgiget: $FCGIP_UNIX: .*request_timeout_ms.*"
run fcgiget -s "$FCGIP_SCRIPTS/crash.php" "$FCGIP_UNIX/"
expect 5
expect_out 'the first half'
expect_err "fcgiget: $FCGIP_UNIX: .*"
run fcgiget -d "$work/nothing" "$FCGIP_UNIX/ping"
expect 5
for bad in "" "$dead" "nonsense/status" "127.0.0.1:0/status" "127.0.0.1:99999/status" "::1:9000/status"; do
  run fcgiget "$bad"
  expect 2
done
run fcgiget
expect 2
expect_err 'fcgiget: usage: .*'
run fcgiget "$FCGIP_UNIX/ping" "$FCGIP_UNIX/ping"
expect 2
for option in --nonsense "-m x" "-m 5s" "-m -5" "-c x" "-v noequals" "-v =x" "-v PHP_VALUE=x" \
  "-v PHP_ADMIN_VALUE=x" -X; do
  # shellcheck disable=SC2086 # an option and its value
  run fcgiget $option "$FCGIP_UNIX/ping"
  expect 2
done
command=('fcgiget >/dev/full')
"$examples/fcgiget" "$FCGIP_UNIX/ping" >/dev/full 2>"$work/err"
status=$?
expect 5

# ---- servers that are down; arguments that are wrong; none ----

for program in sync async callbacks pass_through round_robin random cluster_request upload poll_loop \
  cluster_status; do
  run "$program" "$dead"
  expect 1
  checks=$((checks + 1))
  grep -q "$dead: " <<<"$out$err" || fail "it does not say which server"
  run "$program" --nonsense
  expect 2
  expect_err "usage: $program .*"
  run "$program" "$FCGIP_UNIX" 127.0.0.1:0
  expect 2
  # Somebody may listen at the default address.
  run "$program"
  checks=$((checks + 1))
  [ $status -le 1 ] || fail "exit status $status without arguments"
done
run cluster_request "$FCGIP_NETWORK1" "$dead" "$FCGIP_UNIX"
expect 1
expect_count 2 '.*: status 200: hello - .*'
expect_count 1 "$dead: .*"
run round_robin "$FCGIP_NETWORK1" "$dead"
expect 1
expect_count 5 'request [13579]: .*, status 200'
expect_count 4 "request [2468]: $dead: .*"
for program in sync async callbacks pass_through round_robin random cluster_request upload poll_loop; do
  command=(FCGIP_SCRIPTS=/nowhere "$program")
  out="$(FCGIP_SCRIPTS=/nowhere "$examples/$program" "$FCGIP_UNIX" 2>"$work/err")"
  status=$?
  expect 1
done
# A folder of scripts that is not absolute is made so.
cd "$FCGIP_SCRIPTS/../.." || exit 1
command=(FCGIP_SCRIPTS=docker/scripts sync)
out="$(FCGIP_SCRIPTS=docker/scripts "$examples/sync" "$FCGIP_UNIX" 2>"$work/err")"
status=$?
expect 0

# ---- what a terminal would obey ----

# The status page shows the last request of each worker. Which of them answers, nobody knows, so that
# the strange one may have to be repeated until it is seen.
for page in '/status?full' '/status?json&full' '/status?xml&full'; do
  for i in $(seq 30); do
    run fcgiget -X "${esc}[31m" -s "$FCGIP_SCRIPTS/echo.php" "$FCGIP_UNIX/$esc]0;title$esc"
    expect 0
    run cluster_status --path "$page" "$FCGIP_UNIX"
    expect_clean
    [ "$status" -eq 0 ] && grep -q 'Last request method: .*\[31m' <<<"$out" && break
  done
  case "$page" in
  *json*) ;; # before PHP 8.2.31 the page is no JSON then, and an error is as good as an answer
  *) expect_out '  \* Last request method: .*\[31m' ;;
  esac
done
run fcgiget -i -s "$FCGIP_SCRIPTS/echo.php" "$FCGIP_UNIX/?value=${esc}%5b31m%07"
expect 0
expect_out '\\x1b\[31m\\x07 - unix'
checks=$((checks + 1))
LC_ALL=C grep -qP '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]' "$work/out" && fail "control characters"
run fcgiget -i -s "$FCGIP_SCRIPTS/headers.php" "$FCGIP_UNIX/?status=500%20${esc}%5b31m"
expect 1
expect_out $'Status: 500 \\\\x1b\\[31m\r'
run fcgiget -s "$FCGIP_SCRIPTS/error_log.php" "$FCGIP_UNIX/?message=${esc}%5b31m"
expect 0
expect_err 'PHP message: \\x1b\[31m'
# A pipe gets the body as it is, a terminal does not.
run fcgiget -s "$FCGIP_SCRIPTS/echo.php" "$FCGIP_UNIX/?value=${esc}%5b31m"
expect 0
checks=$((checks + 1))
[ "$out" = "${esc}[31m - unix" ] || fail "the body was changed on its way to a pipe"
if command -v script >/dev/null; then
  command=('fcgiget on a terminal')
  address="$FCGIP_UNIX/?value=${esc}%5b31m"
  out="$(script -qec "'$examples/fcgiget' -s '$FCGIP_SCRIPTS/echo.php' '$address'" /dev/null </dev/null | tr -d '\r')"
  expect_out '\\x1b\[31m - unix'
fi

printf '%d checks, %d failed\n' "$checks" "$failures"
[ "$failures" -eq 0 ]
