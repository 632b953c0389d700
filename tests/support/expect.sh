# What tests of command-line programs expect of a run; read with `.` by scripts that count in `checks` and `failures`,
# and have the last run in `command`, `status`, `out` and `err`, with every byte of its output in "$work/out" and
# "$work/err".

# fail TEXT: what is wrong with the last run.
fail() {
  failures=$((failures + 1))
  printf 'FAILED: %s\n  %s\n' "${command[*]}" "$1"
  printf '%s\n' "$out" "$err" | sed 's/^/  | /' | head -n 40 | cut -c 1-400 | cat -v
}

# expect STATUS: of the last run.
expect() {
  checks=$((checks + 1))
  [ "$status" -eq "$1" ] || fail "exit status $status instead of $1"
}

# expect_out REGEX, expect_err REGEX: a line of it matches as a whole.
expect_out() {
  checks=$((checks + 1))
  grep -Eqx -- "$1" <<<"$out" || fail "no line of stdout: $1"
}
expect_err() {
  checks=$((checks + 1))
  grep -Eqx -- "$1" <<<"$err" || fail "no line of stderr: $1"
}

# expect_count N REGEX: so many lines of stdout match as a whole.
expect_count() {
  local n
  checks=$((checks + 1))
  n="$(grep -Ecx -- "$2" <<<"$out")"
  [ "$n" -eq "$1" ] || fail "$n lines instead of $1 of stdout: $2"
}

# expect_clean: nothing that a terminal would obey came out, neither here nor there, be it old or new (C1).
expect_clean() {
  checks=$((checks + 1))
  if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$work/out" "$work/err"; then
    fail "control characters"
  fi
}
