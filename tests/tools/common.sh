# What the tests of the tools have in common; read with `.` by scripts called as with_fpm SCRIPT TOOLS WITH_PAGES,
# where TOOLS is the folder of the tools. Sets `tools` and `work`, a folder of the test's own.
set -u
. "$(dirname "$0")/../support/expect.sh"
tools="${1:?the folder of the tools}"
: "${FCGIP_NETWORK1:?run me with with_fpm}" "${FCGIP_NETWORK2:?}" "${FCGIP_UNIX:?}" "${FCGIP_SCRIPTS:?}"
PATH="$PATH:${FCGIP_PROGRAMS:-/nowhere}"
work="$(mktemp -d "${TMPDIR:-/tmp}/tools.XXXXXX")" || exit 1
trap 'rm -rf "$work"' EXIT
# Nobody listens at the first port, nor at a socket that is not there.
dead=tcp://127.0.0.1:1
gone="unix://$work/gone.sock"
three=("$FCGIP_NETWORK1" "$FCGIP_NETWORK2" "$FCGIP_UNIX")
esc=$'\033'
failures=0 checks=0 input=/dev/null

# need PROGRAM PACKAGE: ends the test if there is no such program; as a failure in CI, unless this system has no
# such package.
need() {
  command -v "$1" >/dev/null && return 0
  if [ "${CI:-}" = true ] && apt-cache show "$2" >/dev/null 2>&1; then
    printf 'may not be skipped here: no %s (Debian: %s)\n' "$1" "$2"
    exit 1
  fi
  printf 'skipped: no %s (Debian: %s)\n' "$1" "$2"
  exit 77
}

# run TOOL ARGUMENT...: its output is in $out and $err, its exit status in $status, how long it took in $took (ms).
# Its input is $input.
run() {
  local before
  command=("$@")
  before="$(date +%s%N)"
  timeout -k 5 120 "$tools/$1" "${@:2}" >"$work/out" 2>"$work/err" <"$input"
  status=$?
  took=$((($(date +%s%N) - before) / 1000000))
  out="$(tr -d '\0' <"$work/out")"
  err="$(tr -d '\0' <"$work/err")"
}

# check TEXT COMMAND...: fails with the text if the command does.
check() {
  local text="$1"
  checks=$((checks + 1))
  shift
  "$@" || fail "$text"
}

# expect_lines N: stdout has so many.
expect_lines() {
  local n
  checks=$((checks + 1))
  n="$(wc -l <"$work/out")"
  [ "$n" -eq "$1" ] || fail "$n lines of stdout instead of $1"
}

# expect_usage ARGUMENT...: of the tool $tool, which is to end with $usage, say why on stderr, and nothing else.
expect_usage() {
  run "$tool" "$@"
  expect "$usage"
  expect_err "$tool: .*"
  expect_lines 0
}

# json EXPRESSION: of the document in stdout, which PHP reads strictly, as $d; as JSON again.
json() {
  php -n -r '$d = json_decode(file_get_contents($argv[1]), true, 64, JSON_THROW_ON_ERROR);
    echo json_encode(eval("return $argv[2];"), JSON_UNESCAPED_SLASHES), "\n";' "$work/out" "$1"
}

# expect_json VALUE EXPRESSION
expect_json() {
  local value
  checks=$((checks + 1))
  value="$(json "$2" 2>&1)"
  [ "$value" = "$1" ] || fail "$2 is $value instead of $1"
}

# finish: the exit status of the test.
finish() {
  printf '%d checks, %d failed\n' "$checks" "$failures"
  [ "$checks" -gt 0 ] && [ "$failures" -eq 0 ]
}
