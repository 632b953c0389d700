#!/bin/bash
# fcgi-status --watch in a real terminal (tmux), at which somebody presses keys and changes its size; and where there
# is no terminal.
. "$(dirname "$0")/common.sh"
need tmux tmux
need php php-cli
tool=fcgi-status usage=2
if [ -z "${PAGE_HANG:-}" ]; then
  mkdir "$work/pages"
  : >"$work/pages/hang"
  # Half of its queue is full, and its name would do something to a terminal.
  { printf 'Content-Type: application/json\r\n\r\n{"pool":"\\u001b[31mred","process manager":"static",'
    printf '"start time":1,"start since":1,"accepted conn":7,"listen queue":64,"max listen queue":64,'
    printf '"listen queue len":128,"idle processes":0,"active processes":8,"total processes":8,'
    printf '"max active processes":8,"max children reached":0,"slow requests":0}'; } >"$work/pages/queue"
  "$2" "$work/pages" "$0" "$@"
  exit $?
fi

# ---- the terminal ----

terminal() {
  tmux -S "$work/tmux" -f /dev/null "$@"
}
trap 'terminal kill-server 2>/dev/null; rm -rf "$work"' EXIT
screen() {
  terminal capture-pane -p "$@" >"$work/screen"
  out="$(cat "$work/screen")"
  err=
}
key() {
  terminal send-keys "$@"
}
size() {
  terminal resize-window -x "$1" -y "$2"
}

# Only a hopeless case takes so long.
patience=120
# wait_for TEXT COMMAND...: until it succeeds on what the screen shows.
wait_for() {
  local text="$1" end=$((SECONDS + patience))
  checks=$((checks + 1))
  shift
  while screen && ! "$@"; do
    if [ $SECONDS -ge $end ]; then
      fail "never: $text"
      return
    fi
    sleep 0.05
  done
}
shows() {
  wait_for "$1" grep -Eq -- "$1" "$work/screen"
}
shows_no() {
  wait_for "no $1" eval "! grep -Eq -- '$1' '$work/screen'"
}
is_written() {
  [ -s "$work/$1" ]
}

# watch ARGUMENT...: types the command into the shell of the terminal. Before, after: what stty says then.
watch() {
  command=(fcgi-status "$@")
  rm -f "$work/pid" "$work/status" "$work/after"
  {
    printf 'stty -g >%q\n' "$work/before"
    # Stopped by Ctrl-Z, it has to be the shell's own child: the shell would not wait for another.
    [ -z "$alone" ] || printf 'exec '
    printf 'bash -c %q %q ' 'echo $$ >"$0.pid"; exec "$@"' "$work/tool"
    printf '%q ' "${environment[@]}" "$tools/fcgi-status" "$@"
    printf '%s\nstatus=$?\nstty -g >%q\necho $status >%q\n' "$redirect" "$work/after" "$work/status"
  } >"$work/go"
  key -l "clear; bash '$work/go'"
  key Enter
}
alone=
environment=(env)
redirect=

# ends STATUS: as that; the terminal is as it was.
ends() {
  wait_for "the end" is_written status
  status="$(cat "$work/status")"
  expect "$1"
  check "the terminal's settings" cmp "$work/before" "$work/after"
  check "not the screen from before, or no cursor" test \
    "$(terminal display-message -p '#{alternate_on} #{cursor_flag}')" = "0 1"
}

rows() {
  grep -E '^(~|tcp:|unix:|/|p:)' "$work/screen"
}
# first_row REGEX
first_row() {
  rows | head -n 1 | grep -Eq -- "$1"
}
# A bar in which more than N workers are active.
busy_row() {
  rows | grep -Eq "$1 .*\[#{$2,}-*\]"
}
in_order() {
  local column="$1"
  rows | awk -v column="$column" '{ print $column }' | LC_ALL=C sort -c 2>/dev/null
}

TERM=screen PS1='$ ' terminal new-session -d -x 110 -y 20 'bash --norc --noprofile' || {
  echo "tmux does not start here"
  exit 1
}
port() {
  printf '%s' "${1##*:}"
}

# ---- the table ----

watch --watch 0.2 "${three[@]}" "$PAGE_QUEUE" "$dead"
shows ' 5 servers, 1 down '
shows "^$FCGIP_NETWORK1 +network1 +[1-5] +[0-4] +5 +[0-9]+ +(-|[0-9]+) \[#+-*\] \[!* *\]"
shows "^$FCGIP_UNIX +unix +"
shows "^$dead +DOWN .*connection"
shows "^$PAGE_QUEUE +.x1b\[31mred +8 +0 +8 +64 +.* \[#+\] \[!+ +\]"
shows '^SERVER +POOL +ACT +IDLE +TOTAL +QUEUE +REQ/S'
check "the other screen, without cursor" test "$(terminal display-message -p '#{alternate_on} #{cursor_flag}')" = "1 0"
# The queue is half full: as many marks as spaces, give or take one.
marks="$(grep -o '\[!* *\]' "$work/screen" | tr -dc '!')" room="$(grep -o '\[!\+ *\]' "$work/screen" | tr -dc ' ')"
check "the bar of the queue: ${#marks} of $((${#marks} + ${#room}))" \
  test $((${#marks} - ${#room})) -le 1 -a $((${#room} - ${#marks})) -le 1
# Requests per second, once there are two answers.
shows "^$FCGIP_NETWORK1 +network1 +[1-5] +[0-4] +5 +[0-9]+ +[0-9]+ "
# By load: what is down, what has a queue, then the rest.
check "the order of rows" first_row "^$dead"
check "the order of rows" eval "rows | sed -n 2p | grep -q '^$PAGE_QUEUE'"
sleeping=()
for _ in 1 2 3; do
  "$tools/fcgiget" -m 1000000 -s "$FCGIP_SCRIPTS/sleep.php" "$FCGIP_NETWORK2/?ms=100000" >/dev/null 2>&1 &
  sleeping+=($!)
done
wait_for "a longer bar for the busy pool" busy_row "$FCGIP_NETWORK2" 8
check "the busy pool comes before the idle ones" eval "rows | sed -n 3p | grep -q '^$FCGIP_NETWORK2'"
key s
shows 'sort \(address\)'
wait_for "in order of addresses" in_order 1
key s
shows 'sort \(pool\)'
key s
shows 'sort \(load\)'
kill "${sleeping[@]}"
wait "${sleeping[@]}"

# ---- its size ----

size 60 12
shows_no '\[#'
shows '^.{1,60}$'
check "wider than the screen" eval "! grep -q '.\{61\}' '$work/screen'"
shows "^~.*$(port "$FCGIP_UNIX" | tail -c 9) +unix"
size 200 12
shows '^.{150,200}$'
shows '\[#{20,}'
size 110 5
wait_for "three rows" eval '[ "$(rows | wc -l)" -eq 3 ]'
check "the first is the one that is down" first_row "^$dead"
key j
wait_for "a row further" first_row "^$PAGE_QUEUE"
key Down
wait_for "two rows further" eval "! rows | grep -q '^$PAGE_QUEUE'"
key j j j j
key k
key Up
wait_for "and back" first_row "^$dead"
for lines in 1 2 3; do
  size 110 $lines
  shows ' 5 servers'
done
size 1 1
size 110 20
wait_for "all of it again" eval '[ "$(rows | wc -l)" -eq 5 ]'

# ---- the end ----

key x
key q
ends 0

watch -w 0.2 "$FCGIP_UNIX"
shows "^$FCGIP_UNIX +unix"
key C-c
ends 0

for signal in TERM HUP QUIT; do
  watch -w 0.2 "$FCGIP_UNIX"
  shows "^$FCGIP_UNIX +unix"
  kill -$signal "$(cat "$work/tool.pid")"
  ends $((128 + $(kill -l $signal)))
done

# Stopped and continued.
alone=1
watch -w 0.2 "$FCGIP_UNIX"
alone=
shows "^$FCGIP_UNIX +unix"
for _ in 1 2; do
  key C-z
  shows 'Stopped'
  check "the screen from before" test "$(terminal display-message -p '#{alternate_on} #{cursor_flag}')" = "0 1"
  key -l "stty -a | grep -o ' icanon' | tr -d ' '; fg && stty -g >'$work/after' && echo 0 >'$work/status'"
  key Enter
  shows "^$FCGIP_UNIX +unix"
done
key Q
ends 0
shows '^icanon$'

# Fewer words: after so many answers.
watch -w 0.1 -n 3 "$FCGIP_UNIX"
ends 0
watch -w 0.1 -n 2 "$FCGIP_UNIX" "$dead"
ends 1
watch -w 0.1 -n 2 --total-processes 4 "$FCGIP_UNIX"
ends 3

# ---- a server that hangs ----

watch --watch 0.2 --timeout 1000000 "$PAGE_HANG" "$FCGIP_UNIX" "$FCGIP_NETWORK1"
shows "^$PAGE_HANG +\.\.\."
shows "^$FCGIP_UNIX +unix +[1-5] +[0-4] +5 +[0-9]+ +[0-9]+"
key r
shows "^$FCGIP_NETWORK1 +network1 +[1-5] +[0-4] +5 +[0-9]+ +[0-9]+"
key s
shows 'sort \(address\)'
size 90 10
shows '^SERVER'
key q
ends 0
watch --watch 0.2 --timeout 500 "$PAGE_HANG" "$FCGIP_UNIX"
shows "^$PAGE_HANG +DOWN .*timeout"
key C-c
ends 0
size 110 20

# ---- limits, colours, sorting, other terminals ----

watch -w 0.2 --total-processes 4 --sort pool "${three[@]}"
shows '3 servers, 0 down, 3 beyond limits'
shows 'sort \(pool\)'
wait_for "in order of pools" in_order 2
screen -e
check "colours" grep -q "$esc\[33m" "$work/screen"
key q
ends 0
environment=(env NO_COLOR=1)
watch -w 0.2 --total-processes 4 "$FCGIP_UNIX" "$dead"
shows '2 servers, 1 down, 1 beyond limits'
screen -e
check "no colours" eval "! grep -q '$esc\[[0-9;]*m' '$work/screen'"
key q
ends 0
for environment in dumb ''; do
  environment=(env TERM="$environment")
  watch -w 0.1 -n 2 "$FCGIP_UNIX"
  shows 'T[0-9:]+Z unix.* pool=unix start_since='
  ends 0
done
environment=(env)
# Nobody is there to press keys.
redirect='</dev/null'
watch -w 0.2 "$FCGIP_UNIX"
shows "^$FCGIP_UNIX +unix"
key C-c
ends 0
redirect=

# ---- where there is no terminal ----

run fcgi-status -w 0.1 -n 3 "${three[@]}" "$dead"
expect 1
expect_lines 12
expect_count 3 "20[0-9T:-]+Z $FCGIP_UNIX pool=unix start_since=[0-9]+ accepted_connections=[0-9]+ .*"
expect_count 3 "20[0-9T:-]+Z $dead error=FCGIP_ECONNECT text=\".*\""
run fcgi-status --watch 0.1 --count 2 --total-processes 4 "$FCGIP_UNIX"
expect 3
expect_count 2 '.* limit="total_processes 5 > 4"'
run fcgi-status -w 0.1 -n 3 -j "${three[@]}"
expect 0
expect_lines 3
check "a document in each line" php -n -r 'foreach (file($argv[1]) as $line) {
  if (count(json_decode($line, true, 64, JSON_THROW_ON_ERROR)["servers"]) !== 3) { exit(1); } }' "$work/out"
# Each line goes out at once, and a pipe that nobody reads ends it.
command=(fcgi-status -w 0.1 '|' head)
line="$("$tools/fcgi-status" -w 0.1 "$FCGIP_UNIX" | head -n 1)"
check "no line: $line" grep -q 'pool=unix' <<<"$line"
for bad in 0 0.05 -1 x 1s '' 86401 1.2345 . 1. ; do
  expect_usage -w "$bad" "$FCGIP_UNIX"
done
for bad in 0 x -1 ''; do
  expect_usage -w 1 -n "$bad" "$FCGIP_UNIX"
done
finish
