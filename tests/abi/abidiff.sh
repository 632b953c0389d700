#!/bin/bash
# abidiff.sh CHECKOUT BUILD: programs that were linked with the version of fcgiproxy-<version>.abi run with this one,
# too: nothing is gone, no type has changed. More functions, and more members at the end of a struct that
# begins with its size, are fine.
# abidiff.sh --update [BUILD]: writes the dump of the present version. For a release.
dump() { # LIBRARY INCLUDE OUTPUT
  abidw --headers-dir "$2" --drop-private-types --drop-undefined-syms --no-corpus-path --no-comp-dir-path \
    --no-show-locs --type-id-style hash --out-file "$3" "$1"
}
if [ "${1:-}" = --update ]; then
  cd "$(dirname "$0")/../.." || exit 1
  build="${2:-build}"
  version="$(PKG_CONFIG_PATH="$build/pkgconfig" pkg-config --modversion fcgiproxy)" || exit 1
  dump "$build/libfcgiproxy.so" include "tests/abi/fcgiproxy-${version%.*}.abi"
  exit
fi
. "$(dirname "$0")/../gates/common.sh"
need abidiff abigail-tools
library="$build/libfcgiproxy.so"
readelf -SW "$library" | grep -q '\.debug_info' || {
  echo "skipped: the library was built without -g"
  exit 77
}

# compare DUMP: abidiff's exit status, with what it found in log.
compare() {
  abidiff --headers-dir2 include --drop-private-types --no-added-syms --no-show-locs \
    --suppressions tests/abi/abidiff.suppr "$1" "$library" >"$scratch/log" 2>&1
}

for old in tests/abi/fcgiproxy-*.abi; do
  compare "$old" || report "incompatible with $old" "$(cat "$scratch/log")"
done

# The comparison would notice: a function that is gone, a parameter of another type, a member that moved.
old="$(ls tests/abi/fcgiproxy-*.abi | head -n 1)"
notices() { # WHAT SED-SCRIPT
  sed "$2" "$old" >"$scratch/changed.abi"
  cmp -s "$old" "$scratch/changed.abi" && report "$1" "cannot be tried: there is nothing to change in $old"
  ! compare "$scratch/changed.abi" || report "$1" "was not noticed"
}
notices "a function that is gone" "s/name='fcgip_version' version/name='fcgip_gone' version/
  s/'fcgip_version@@/'fcgip_gone@@/; s/mangled-name='fcgip_version'/mangled-name='fcgip_gone'/"
notices "another return type" "/<function-decl name='fcgip_version'/,/<\/function-decl>/s/<return .*/<return type-id='type-id-1'\/>/"
notices "a member that moved" "/<class-decl name='fcgip_endpoint_options'/,/<\/class-decl>/s/layout-offset-in-bits='64'/layout-offset-in-bits='96'/"
exit $findings
