#!/bin/bash
# abidiff.sh CHECKOUT BUILD: programs that were linked with the version of fcgiproxy-<version>.abi run with this one,
# too: no function is gone or has changed its type. More functions are fine.
# abidiff.sh --update [BUILD]: writes the dump of the present version. For a release.
if [ "${1:-}" = --update ]; then
  cd "$(dirname "$0")/../.." || exit 1
  build="${2:-build}"
  version="$(PKG_CONFIG_PATH="$build/pkgconfig" pkg-config --modversion fcgiproxy)" || exit 1
  abidw --headers-dir include --drop-private-types --drop-undefined-syms --no-corpus-path \
    --no-comp-dir-path --short-locs --out-file "tests/abi/fcgiproxy-${version%.*}.abi" \
    "$build/libfcgiproxy.so"
  exit
fi
. "$(dirname "$0")/../gates/common.sh"
need abidiff abigail-tools
need readelf binutils
library="$build/libfcgiproxy.so"
readelf -SW "$library" | grep -q '\.debug_info' || {
  echo "skipped: the library was built without -g"
  exit 77
}

# compare DUMP: abidiff's exit status, with what it found in log.
compare() {
  abidiff --headers-dir2 include --no-added-syms --suppressions tests/abi/abidiff.suppr \
    "$1" "$library" >"$scratch/log" 2>&1
}

for old in tests/abi/fcgiproxy-*.abi; do
  compare "$old" || report "incompatible with $old" "$(cat "$scratch/log")"
done

# notices WHAT SED-SCRIPT: abidiff finds the difference to a dump that was changed like this.
notices() {
  sed "$2" "$old" >"$scratch/changed.abi"
  ! cmp -s "$old" "$scratch/changed.abi" || report "$1" "cannot be tried: nothing to change in $old"
  ! compare "$scratch/changed.abi" || report "$1" "was not noticed"
  ! grep -q 'Assertion' "$scratch/log" || report "$1" "$(cat "$scratch/log")"
}
int="$(sed -n "s/.*<type-decl name='int' .*id='\([^']*\)'.*/\1/p" "$old")"
notices "a function that is gone" "s/'fcgip_version'/'fcgip_gone'/g; s/'fcgip_version@@/'fcgip_gone@@/"
notices "a function that returns something else" "/<function-decl name='fcgip_version'/,/<\/function-decl>/s/<return .*/<return type-id='$int'\/>/"
notices "a parameter of another type" "/<function-decl name='fcgip_endpoint_parse'/,/<\/function-decl>/s/<parameter type-id='[^']*' name='address'/<parameter type-id='$int' name='address'/"
notices "another version of a symbol" "/'fcgip_version/s/FCGIPROXY_0.1/FCGIPROXY_0.0/"
exit $findings
