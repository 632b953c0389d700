#!/bin/bash
# ffi_readme.sh CHECKOUT BUILD: the few lines for each language in README.md do what is printed there. They name
# what is installed; what was built takes its place.
. "$(dirname "$0")/../gates/common.sh"
rm -rf "$scratch/blocks"
tests/readme/extract.sh README.md "$scratch/blocks" || exit 1
expected="$(sed -n '/^<!-- ffi output -->$/,/^```$/p' README.md | grep -v '^<!--\|^```')"
[ -n "$expected" ] || report "README.md" "does not say what they print"
export NODE_PATH="$build/gates/ffi_node/node_modules" # where ffi.sh has put koffi

# try LANGUAGE PROGRAM PACKAGE [CHECK...]: runs its block, if the program is there and the check goes well.
skipped=0 tried=0
try() {
  local language="$1" program="$2" package="$3" printed
  shift 3
  [ -f "$scratch/blocks/$language.ffi" ] || report "README.md" "has nothing for $language"
  if ! have "$program" || { [ $# -gt 0 ] && ! "$@" >/dev/null 2>&1; }; then
    skipped=1
    printf 'skipped: %s (Debian: %s)\n' "$language" "$package"
    return
  fi
  tried=$((tried + 1))
  sed "s#/usr/include/fcgiproxy/ffi.h#$build/include/fcgiproxy/ffi.h#g; s#libfcgiproxy.so.0#$build/libfcgiproxy.so.0#g" \
    "$scratch/blocks/$language.ffi" >"$scratch/$language"
  [ "$language" != php ] || sed -i '1s/^/<?php\n/' "$scratch/php"
  printed="$("$program" "$scratch/$language" 2>&1)"
  [ "$printed" = "$expected" ] || report "$language" "it printed \"$printed\""
}
try php php php-cli php -r 'exit(class_exists("FFI") ? 0 : 1);'
try lua luajit luajit
try ctypes python3 python3
try cffi /usr/bin/python3 python3-cffi /usr/bin/python3 -c 'import cffi' # others do not see Debian's packages
try ruby ruby ruby
try node node "nodejs, npm" node -e 'require("koffi")'
[ -z "$(cd "$scratch/blocks" && ls *.ffi | grep -vx -e 'php.ffi' -e lua.ffi -e ctypes.ffi -e cffi.ffi -e ruby.ffi -e node.ffi)" ] ||
  report "README.md" "has languages that nobody tries"
[ "$findings" -eq 1 ] || [ "$tried" -gt 0 ] || exit 77
if [ "$skipped" -eq 1 ] && [ "${CI:-}" = true ] && have apt-cache; then
  report "may not be skipped here" "see above"
fi
exit $findings
