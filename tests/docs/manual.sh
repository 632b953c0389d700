#!/bin/bash
# manual.sh CHECKOUT BUILD: the man page fcgiproxy(3) is clean, says all there is, and nothing that there is not; its
# example compiles.
. "$(dirname "$0")/../gates/common.sh"
need mandoc mandoc
need gcc gcc
page="$build/docs/fcgiproxy.3"
report "mandoc" "$(mandoc -Tlint "$page" 2>&1 | grep -v 'outdated mandoc.db\|lacks .* entry')"
! have groff || report "groff" "$(groff -mandoc -ww -Tutf8 -z "$page" 2>&1)"
mandoc -Tutf8 "$page" | sed 's/.\x08//g' >"$scratch/text"
report "left over from the template" "$(grep -n '@[A-Z_]*@' "$page")"
grep -q "version $(PKG_CONFIG_PATH="$build/pkgconfig" pkg-config --modversion fcgiproxy)" "$scratch/text" ||
  report "version" "is not that of the library"

# Functions and results.
sed 's/@@.*//' tests/abi/symbols.txt >"$scratch/exported"
sed -n 's/^\.Fn \(fcgip_[a-z0-9_]*\).*/\1/p' "$page" | LC_ALL=C sort -u >"$scratch/named"
report "in the library (-) and in the man page (+)" "$(diff <(LC_ALL=C sort "$scratch/exported") "$scratch/named")"
for name in $(sed -n 's/^\(FCGIP_E[A-Z0-9]*\) = .*/\1/p' tests/abi/layout.txt); do
  grep -q "^\.\(It \)\{0,1\}Dv $name\>" "$page" || report "not in the man page" "$name"
done
for name in $(grep -oE '\b(FCGIP_[A-Z0-9_]+|fcgip_[a-z0-9_]+)\b' "$page" | sort -u); do
  grep -rqw -- "$name" include/fcgiproxy || report "in the man page only" "$name"
done

# Its example, as a reader would take it from the page.
awk '/^EXAMPLES/ { inside = 1; next } /^[A-Z]/ { inside = 0 } inside { sub(/^     /, ""); print }' \
  "$scratch/text" >"$scratch/example.c"
report "example" "$(diff .doc/example.c <(sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' "$scratch/example.c"))"
eval "gcc -std=c99 -Wall -Wextra -Wpedantic -Werror '$scratch/example.c' -o '$scratch/example' \
  $(PKG_CONFIG_PATH="$build/pkgconfig" pkg-config --cflags --libs fcgiproxy)" >"$scratch/log" 2>&1 ||
  report "example" "$(cat "$scratch/log")"
printed="$("$scratch/example" unix:///nowhere/fpm.sock /x.php 2>&1)"
[ $? -eq 1 ] && grep -q 'unix:///nowhere/fpm.sock' <<<"$printed" || report "example" "it printed \"$printed\""
exit $findings
