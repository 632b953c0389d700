#!/bin/bash
# ffi.sh CHECKOUT BUILD LANGUAGE: the example of examples/ffi/ in that language, beside live pools, which
# with_fpm has started and named in the environment; then once more with servers that are not there, and
# under valgrind, which knows what of the library's memory was not given back.
language="$3"
. "$(dirname "$0")/../gates/common.sh"
scratch="$build/gates/ffi_$language"
mkdir -p "$scratch" || exit 1
export FCGIP_LIBRARY="$build/libfcgiproxy.so" FCGIP_HEADER="$build/include/fcgiproxy/ffi.h"

# need_that PACKAGE COMMAND...: as need(), by a command that fails if there is something missing.
need_that() {
  local package="$1"
  shift
  "$@" >/dev/null 2>&1 || need "way to run: $*" "$package"
}

case "$language" in
php | proxy)
  need php php-cli
  need_that php-cli php -r 'exit(class_exists("FFI") ? 0 : 1);'
  ;;
lua) need luajit luajit ;;
ctypes) need python3 python3 ;;
cffi)
  # The system's own: others do not see Debian's python3-cffi.
  PATH="/usr/bin:$PATH"
  need python3 python3
  need_that python3-cffi python3 -c 'import cffi'
  ;;
ruby)
  need ruby ruby
  need_that ruby ruby -e 'require "fiddle"'
  ;;
node)
  need node nodejs
  export NODE_PATH="$scratch/node_modules"
  # Once for each version that node/ asks for; after that, no network is needed.
  if ! cmp -s tests/abi/node/package-lock.json "$scratch/installed"; then
    need npm npm
    rm -rf "$scratch/node_modules" "$scratch/installed"
    cp tests/abi/node/package*.json "$scratch/" || exit 1
    (cd "$scratch" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --cache "$scratch/npm-cache" &&
      rm -rf "$scratch/npm-cache") >"$scratch/npm.log" 2>&1 || {
      printf 'skipped: npm cannot install koffi here:\n%s\n' "$(head -n 3 "$scratch/npm.log")"
      exit 77
    }
    cp tests/abi/node/package-lock.json "$scratch/installed"
  fi
  ;;
esac
case "$language" in
php) command=(php examples/ffi/round_robin.php) ;;
proxy) command=(php examples/ffi/proxy.php) ;;
lua) command=(luajit examples/ffi/round_robin.lua) ;;
ctypes | cffi) command=(python3 "examples/ffi/round_robin_$language.py") ;;
ruby) command=(ruby examples/ffi/round_robin.rb) ;;
node) command=(node examples/ffi/round_robin.js) ;;
esac

# run ADDRESS...: the example's output is in `output`.
run() {
  local status
  "${command[@]}" "$@" >"$scratch/output" 2>"$scratch/errors"
  status=$?
  [ $status -eq 0 ] || report "exit status $status" "${command[*]} $*"
  report "on stderr" "$(cat "$scratch/errors")"
}

# expect WHAT GOT EXPECTED
expect() {
  report "$1" "$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$3"))"
}

servers=("$FCGIP_NETWORK1" "$FCGIP_NETWORK2" "$FCGIP_UNIX")
run "${servers[@]}"
if [ "$language" = proxy ]; then
  report "output" "$(diff -u tests/abi/proxy.expected "$scratch/output")"
  report "150 lines or more" "$(awk 'END { if (NR >= 150) print FILENAME, NR }' examples/ffi/FastCGI.php)"
else
  expect "answers" "$(grep ' - ' "$scratch/output" | sort | uniq -c | tr -s ' ')" \
    $' 7 hello - network1\n 7 hello - network2\n 6 hello - unix'
  expect "status" "$(sed -n '/ - /d; s/: [0-9][0-9]* accepted$/: some/p' "$scratch/output")" \
    $'network1: some\nnetwork2: some\nunix: some'
  report "more than 60 lines" "$(awk 'END { if (NR > 60) print FILENAME, NR }' "${command[1]}")"
  run unix:///nowhere/a.sock unix:///nowhere/b.sock
  expect "servers that are down" "$(sort "$scratch/output" | uniq -c | tr -s ' ')" \
    "$(printf ' 11 unix:///nowhere/%s.sock: the connection could not be established (ENOENT: no such file)\n' a b)"
fi

# What a language itself never gives back does not count. Valgrind cannot run node.
if [ "${FCGIP_TEST_VALGRIND:-}" = 1 ] && [ "$language" != node ] && have valgrind; then
  program="$(command -v "${command[0]}")"
  [ "$language" != ctypes ] || program=/usr/bin/python3 # what else is called so may be a script
  USE_ZEND_ALLOC=0 PYTHONMALLOC=malloc valgrind --leak-check=full --show-leak-kinds=all --num-callers=40 \
    --keep-debuginfo=yes --smc-check=all --log-file="$scratch/valgrind" "$program" "${command[@]:1}" "${servers[@]}" \
    >"$scratch/output" 2>"$scratch/errors" || report "under valgrind" "$(cat "$scratch/errors")"
  grep -q 'LEAK SUMMARY\|no leaks are possible' "$scratch/valgrind" ||
    report "valgrind" "$(tail -n 5 "$scratch/valgrind")"
  # Ours is what a function of ours has allocated, and not what a callback has that we have called.
  ours="\\(($(cd src && printf '%s|' */*.c | sed 's#[a-z]*/##g')libfcgiproxy)"
  report "not given back, or used wrongly" "$(sed 's/^==[0-9]*== *//' "$scratch/valgrind" |
    awk -v RS= -F '\n' -v ours="$ours" '/fcgip_/ && (/loss record/ ? $3 ~ ours : /at 0x/)' | head -n 60)"
fi
exit $findings
