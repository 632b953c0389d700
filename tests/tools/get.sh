#!/bin/bash
# The fcgiget that is installed is the example of that name, which tests/examples/run.sh looks at closely; here are
# every option and exit status once, on the program that is installed.
. "$(dirname "$0")/common.sh"
tool=fcgiget usage=2
if [ -z "${PAGE_HANG:-}" ]; then
  mkdir "$work/pages"
  : >"$work/pages/hang"
  printf 'Content-Type: text/plain\r\n\r\n%s[31m' "$esc" >"$work/pages/cut"
  "$2" "$work/pages" "$0" "$@"
  exit $?
fi
params="$FCGIP_SCRIPTS/params.php"
run fcgiget --help
expect 0
expect_out 'usage: fcgiget .*'
for address in "$FCGIP_NETWORK1" "${FCGIP_NETWORK1#tcp://}" "$FCGIP_UNIX" "unix:${FCGIP_UNIX#unix://}" \
  "${FCGIP_UNIX#unix://}"; do
  run fcgiget "$address/ping"
  expect 0
  check "no pong" test "$out" = pong
done
run fcgiget -X PURGE -s "$params" -v ONE=1 -v TWO= -t text/x "$FCGIP_UNIX/some/path?a=b"
expect 0
for text in '"REQUEST_METHOD":"PURGE"' '"ONE":"1"' '"TWO":""' '"CONTENT_TYPE":"text\\/x"' '"QUERY_STRING":"a=b"' \
  '"SCRIPT_NAME":"\\/some\\/path"'; do
  expect_out ".*$text.*"
done
printf 'a\0b' >"$work/content"
run fcgiget -X POST -d "$work/content" -s "$FCGIP_SCRIPTS/length.php" "$FCGIP_UNIX/"
expect 0
expect_out 'length: 3'
input="$work/content"
run fcgiget -X POST -d - -s "$FCGIP_SCRIPTS/length.php" "$FCGIP_UNIX/"
expect 0
expect_out "sha1: $(sha1sum <"$work/content" | cut -d' ' -f1)"
input=/dev/null
run fcgiget -i "$FCGIP_UNIX/ping"
expect 0
expect_out $'Content-type: text/plain.*\r'
run fcgiget -c 4000 -m 4000 "$FCGIP_UNIX/ping"
expect 0
run fcgiget "$FCGIP_UNIX/nothing"
expect 1
expect_out 'File not found\.'
for bad in nonsense/x 127.0.0.1:0/x ''; do
  expect_usage "$bad"
done
expect_usage -m x "$FCGIP_UNIX/ping"
expect_usage -v PHP_VALUE=x "$FCGIP_UNIX/ping"
expect_usage --nonsense "$FCGIP_UNIX/ping"
run fcgiget "$dead/ping"
expect 3
run fcgiget "$gone/ping"
expect 3
run fcgiget -m 300 "$PAGE_HANG/ping"
expect 4
run fcgiget -i "$PAGE_CUT/ping"
expect 5
expect_out '\\x1b\[31m'
run fcgiget -d "$work/none" "$FCGIP_UNIX/ping"
expect 5
finish
