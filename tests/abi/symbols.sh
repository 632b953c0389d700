#!/bin/bash
# symbols.sh CHECKOUT BUILD: what the shared library exports, with versions, is what symbols.txt says; and
# neither library has a symbol that is not ours.
# symbols.sh --update [BUILD]: writes symbols.txt anew. Look at the difference: a symbol that is gone, or
# has another version, breaks programs.
exported() {
  nm -D --defined-only --with-symbol-versions "$1" | awk '$2 != "A" { print $3 }' | LC_ALL=C sort
}
if [ "${1:-}" = --update ]; then
  cd "$(dirname "$0")/../.." || exit 1
  exported "${2:-build}/libfcgiproxy.so" >tests/abi/symbols.txt
  exit
fi
. "$(dirname "$0")/../gates/common.sh"
need nm binutils
library="$build/libfcgiproxy"

exported "$library.so" >"$scratch/exported"
report "not as in tests/abi/symbols.txt (tests/abi/symbols.sh --update writes it anew)" \
  "$(diff -u tests/abi/symbols.txt "$scratch/exported")"
report "exported without a version, or not ours" \
  "$(grep -vE '^fcgip_[a-z0-9][a-z0-9_]*@@FCGIPROXY_[0-9.]+$' "$scratch/exported")"
report "external symbols of the static library that are not ours" \
  "$(nm -g --defined-only "$library.a" | awk 'NF == 3 && $3 !~ /^fcgip_/ { print $3 }')"

# What the headers declare is what there is.
sed 's/@@.*//' "$scratch/exported" >"$scratch/names"
sed -n '/^typedef/d; s/.*\<\(fcgip_[a-z0-9_]*\)(.*/\1/p' "$build/include/fcgiproxy/ffi.h" |
  LC_ALL=C sort >"$scratch/declared"
report "declared (-) and exported (+) differ" "$(diff -u "$scratch/declared" "$scratch/names")"
nm -g --defined-only "$library.a" | awk 'NF == 3 { print $3 }' | LC_ALL=C sort -u >"$scratch/archived"
report "in the shared library only" "$(LC_ALL=C comm -13 "$scratch/archived" "$scratch/names")"
exit $findings
