#!/bin/bash
# with_fpm tests/readme/run.sh CHECKOUT BUILD [FILE]: compiles every program of README.md, or of another file in
# the checkout, with the library that was built in BUILD, and runs the sessions that are printed there, on the pools
# whose addresses are in the environment. What comes out has to be what is printed; "[...]" in it stands for
# anything.
set -u
checkout="${1:?the folder of the checkout}" build="${2:?the folder that it was built in}"
file="${3:-README.md}"
readme="$checkout/$file"
: "${FCGIP_NETWORK1:?run me with with_fpm}" "${FCGIP_NETWORK2:?}" "${FCGIP_UNIX:?}" "${FCGIP_SCRIPTS:?}"
work="$(mktemp -d "${TMPDIR:-/tmp}/readme.XXXXXX")" || exit 1
server=''
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
failures=0
fail() {
  failures=$((failures + 1))
  printf 'FAILED: %s\n' "$*"
}

"$checkout/tests/readme/extract.sh" "$readme" "$work" || fail "$file cannot be taken apart"
cd "$work" || exit 1
# As in a checkout.
for entry in docker include; do ln -s "$checkout/$entry" "$entry"; done
if [[ "$build$checkout" != *' '* ]]; then
  ln -s "$build" build
else
  # What pkg-config says is only fit for $(...) if there are no spaces in it.
  mkdir -p build/pkgconfig
  ln -s "$build"/libfcgiproxy* build
  [ ! -d "$build/examples" ] || ln -s "$build/examples" build/examples
  sed -e "s#^prefix=.*#prefix=$work#; s#^libdir=.*#libdir=$work/build#" \
    "$build/pkgconfig/fcgiproxy.pc" >build/pkgconfig/fcgiproxy.pc
fi

# ---- names ----

# Every function and code that README.md speaks of exists.
cat "$checkout"/include/fcgiproxy/*.h >headers
for name in $(grep -oE '\b(fcgip_[a-z0-9_]*[a-z0-9]|FCGIP_[A-Z0-9_]*[A-Z0-9])\b' "$readme" | sort -u); do
  case "$name" in
  FCGIP_NETWORK1 | FCGIP_NETWORK2 | FCGIP_UNIX | FCGIP_SCRIPTS | FCGIP_FPM_* | FCGIP_LIBRARY | FCGIP_HEADER) continue ;; # environment
  fcgip_request_set) continue ;;                                          # "fcgip_request_set_..."
  esac
  grep -qw -- "$name" headers || fail "$file speaks of $name, which does not exist"
done
# Every code has a row in its table of errors.
for name in $(grep -oE '^  FCGIP_E[A-Z0-9]+' headers); do
  [ "$name" = FCGIP_EFATAL ] || [ "$file" != README.md ] || grep -q "^| .*\`$name\`.* | .* |" "$checkout/README.md" ||
    fail "README.md does not say what to do about $name"
done
# Links lead somewhere.
for target in $(grep -oE '\]\([^)#:]+\)' "$readme" | tr -d '()]'); do
  [ -e "$(dirname "$readme")/$target" ] || fail "$file links to $target"
done
for target in $(grep -oE '\]\(#[^)]+\)' "$readme" | tr -d '()]#'); do
  grep -E '^#+ ' "$readme" | sed -E 's/^#+ //; s/.*/\L&/; s/[^a-z0-9 _-]//g; s/ /-/g' |
    grep -qx -- "$target" || fail "$file links to a heading #$target"
done

# ---- compiling ----

cache() {
  sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"
}
sanitize="$(cache FCGIPROXY_SANITIZE)"
strict=(-std=gnu11 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
  -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wcast-align -Wswitch-enum -Wvla -Wundef
  -Wpointer-arith -Wwrite-strings -Wformat=2 -Wold-style-definition -Werror)
# What README.md calls `cc` is the compiler that the library was built with.
mkdir bin
printf '#!/bin/sh\nexec %s %s "$@"\n' "$(cache CMAKE_C_COMPILER)" \
  "${sanitize:+-fsanitize=$sanitize}" >bin/cc
chmod +x bin/cc
export PATH="$work/bin:$PATH"
# pkg-config quotes spaces for a shell.
flags="$(PKG_CONFIG_PATH=build/pkgconfig pkg-config --cflags --libs fcgiproxy)"
programs=0
for program in *.c; do
  programs=$((programs + 1))
  eval "cc \"\${strict[@]}\" \"\$program\" -o \"\${program%.c}\" $flags" || fail "$program does not compile"
  [ -e "${program%.c}.session" ] || fail "$program is not run by any session"
done

# ---- running ----

# The addresses that README.md uses become those of the pools, and the other way round. A terminal does
# not show carriage returns, nor that the last line had no end.
here() {
  sed -e "s#127\.0\.0\.1:9000#${FCGIP_NETWORK1#tcp://}#g" -e "s#127\.0\.0\.1:9001#${FCGIP_NETWORK2#tcp://}#g" \
    -e "s#/tmp/php-fpm\.sock#${FCGIP_UNIX#unix://}#g"
}
there() {
  sed -e "s#${FCGIP_NETWORK1#tcp://}#127.0.0.1:9000#g" -e "s#${FCGIP_NETWORK2#tcp://}#127.0.0.1:9001#g" \
    -e "s#${FCGIP_UNIX#unix://}#/tmp/php-fpm.sock#g" -e 's/\r$//' -e '$a\'
}
# A regular expression for a line as it is printed.
pattern() {
  sed -E 's/[][\.*^$+?(){}|/]/\\&/g; s/\\\[\\\.\\\.\\\.\\\]/.*/g; s/.*/^&$/' <<<"$1"
}
# matches FILE FILE: whether the second is what the first says.
matches() {
  local expected line
  while IFS= read -r expected <&3; do
    IFS= read -r line <&4 || return 1
    grep -Eq -- "$(pattern "$expected")" <<<"$line" || return 1
  done 3<"$1" 4<"$2"
  [ "$(wc -l <"$1")" -eq "$(wc -l <"$2")" ]
}
# run_command SESSION: the command in `command`, whose output has to match the file `expected`. A second
# time if need be: status pages show a worker that has not put down its last request as busy.
run_command() {
  local attempt
  here <<<"$command" >command.sh
  for attempt in 1 2; do
    timeout -k 5 60 bash command.sh 2>&1 </dev/null | there >output
    matches expected output && return
    sleep 0.5
  done
  fail "$1: $command"
  diff expected output
}
sessions=0
for session in *.session; do
  sessions=$((sessions + 1))
  [ "$session" != tools.session ] || [ -x build/examples/tools/fcgiget ] || continue
  command=''
  : >expected
  while IFS= read -r line; do
    case "$line" in
    '$ '*)
      [ -z "$command" ] || run_command "$session"
      command="${line#\$ }"
      : >expected
      ;;
    *) printf '%s\n' "$line" >>expected ;;
    esac
  done <"$session"
  run_command "$session"
done
[ $programs -gt 0 ] && [ $sessions -gt 0 ] || fail "nothing was found in $file"

# Without arguments, a program that needs some says which, or does its work.
for program in *.c; do
  "./${program%.c}" >output 2>&1
  status=$?
  [ $status -eq 0 ] || { [ $status -eq 2 ] && grep -q "^usage: ${program%.c} " output; } ||
    fail "${program%.c} without arguments: exit status $status"
done

# ---- starting servers by hand ----

# The lines of README.md, at other addresses. Another process may take a port first: then again.
start_servers() {
  local port=$((10000 + RANDOM % 20000)) i
  sed -e "s#127\.0\.0\.1:9000#127.0.0.1:$port#; s#127\.0\.0\.1:9001#127.0.0.1:$((port + 1))#" \
    -e "s#/tmp/php-fpm\.sock#$work/by_hand.sock#; s#mktemp -d#mktemp -d -p '$work'#" -e 's#/dev/stderr#/dev/null#' \
    servers.sh >by_hand.sh
  printf '%s\n' 'echo $! >by_hand.pid' >>by_hand.sh
  bash by_hand.sh >by_hand.log 2>&1 </dev/null
  server="$(cat by_hand.pid)"
  for ((i = 0; i < 50; i++)); do
    sleep 0.1
    kill -0 "$server" 2>/dev/null || return 1
    ./sync "$work/by_hand.sock" "$checkout/docker/scripts/echo.php" >output 2>&1 && break
  done
  [ "$(cat output)" = "200 hello - unix" ] &&
    [ "$(./sync "127.0.0.1:$((port + 1))" "$checkout/docker/scripts/echo.php")" = "200 hello - network2" ]
}
for attempt in 1 2 3 4 5; do
  [ -f servers.sh ] || break
  start_servers && break
  kill "$server" 2>/dev/null
  rm -f by_hand.sock
  [ "$attempt" -lt 5 ] || {
    fail "the lines that start servers do not"
    cat by_hand.log
  }
done

printf '%d programs, %d sessions, %d failed\n' $programs $sessions $failures
[ $failures -eq 0 ]
