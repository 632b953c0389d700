#!/bin/bash
# abidiff.sh CHECKOUT BUILD: programs that were linked with the version of fcgiproxy-<version>.abi run with this one,
# too: no function is gone or has changed its type, no member of a struct has moved. More functions are fine, and
# more members at the end of a struct that begins with its size. That the comparison sees what it should is tried on
# copies of the library that are broken on purpose. What it cannot see, layout.sh does: constants, types of members.
# abidiff.sh --update [BUILD]: writes the dump of the present version. For a release.

# suppressions BUILD: what abidiff should pass over, in the file `abidiff.suppr` of the current folder. It tells
# public types by the names of their files, which private ones have as well.
suppressions() {
  local opaque sized
  opaque="$(sed -n 's/^typedef struct \([a-z_]*\) \1;$/\1/p' "$1/include/fcgiproxy/ffi.h" | paste -sd '|')"
  sized="$(sed -n 's/^typedef struct \([a-z_]*\) { uint32_t struct_size;.*/\1/p' "$1/include/fcgiproxy/ffi.h" | paste -sd '|')"
  cat >abidiff.suppr <<END
[suppress_type]
  type_kind = struct
  name_regexp = ^($opaque)\$
[suppress_type]
  type_kind = struct
  name_regexp = ^($sized)\$
  has_data_member_inserted_at = end
END
}

if [ "${1:-}" = --update ]; then
  cd "$(dirname "$0")/../.." || exit 1
  build="$(realpath "${2:-build}")"
  version="$(PKG_CONFIG_PATH="$build/pkgconfig" pkg-config --modversion fcgiproxy)" || exit 1
  abidw --headers-dir include --drop-private-types --drop-undefined-syms --no-corpus-path \
    --no-comp-dir-path --short-locs --out-file "tests/abi/fcgiproxy-${version%.*}.abi" \
    "$build/libfcgiproxy.so"
  exit
fi
. "$(dirname "$0")/../gates/common.sh"
need abidiff abigail-tools
need readelf binutils
need gcc gcc
library="$build/libfcgiproxy.so"
readelf -SW "$library" | grep -q '\.debug_info' || {
  echo "skipped: the library was built without -g"
  exit 77
}
cd "$scratch" && suppressions "$build" || exit 1

# compare DUMP LIBRARY [HEADERS]: abidiff's exit status, with what it found in log.
compare() {
  abidiff --headers-dir2 "${3:-$checkout/include}" --no-added-syms --suppressions abidiff.suppr \
    "$1" "$2" >log 2>&1
}

for old in "$checkout"/tests/abi/fcgiproxy-*.abi; do
  compare "$old" "$library" || report "incompatible with $old" "$(head -n 40 log)"
done

# broken SED-SCRIPT HEADER SOURCE: a library in which that header, below include/fcgiproxy/, and that source,
# below src/, were edited like this, in broken.so. The rest of it is what was built.
map="$checkout/src/fcgiproxy.map"
broken() {
  local object="${3##*/}.o"
  rm -rf copy broken.so
  mkdir copy && cp -r "$checkout/include" "$checkout/src" "$build/libfcgiproxy.a" copy/ || exit 1
  sed -i -E "$1" "copy/include/fcgiproxy/$2" "copy/src/$3"
  if cmp "copy/include/fcgiproxy/$2" "$checkout/include/fcgiproxy/$2"; then
    echo "nothing to change in $2"
    return 1
  fi
  gcc -g -fPIC -fvisibility=hidden -std=c11 -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -w \
    -I copy/include -I copy/src -c "copy/src/$3" -o "copy/$object" &&
    ar d copy/libfcgiproxy.a "$object" &&
    gcc -shared "-Wl,--version-script=$map" -Wl,-soname,libfcgiproxy.so.0 "copy/$object" \
      -Wl,--whole-archive copy/libfcgiproxy.a -Wl,--no-whole-archive -o broken.so
}

# notices WHAT SED-SCRIPT HEADER SOURCE: abidiff finds the difference. accepts: it does not mind it.
notices() {
  broken "${@:2}" >log 2>&1 || {
    report "$1" "cannot be tried: $(head -n 40 log)"
    return
  }
  ! compare "$old" broken.so copy/include || report "$1" "was not noticed"
  ! grep -q 'Assertion' log || report "$1" "$(head -n 40 log)"
}
accepts() {
  broken "${@:2}" >log 2>&1 && compare "$old" broken.so copy/include || report "$1" "$(head -n 40 log)"
}
accepts "one function more" 's/^FCGIP_API const char \*fcgip_version\(void\);$/&\nFCGIP_API const char *fcgip_again(void);/; s/^const char \*fcgip_version\(void\)$/const char *fcgip_again(void) { return ""; }\n&/' version.h base/error.c
notices "a function that is gone" 's/fcgip_version\(/fcgip_gone(/' version.h base/error.c
notices "a function that returns something else" 's/const char \*fcgip_version\(/int fcgip_version(/' \
  version.h base/error.c
notices "a parameter of another type" 's/fcgip_strerror\(int /fcgip_strerror(long /' error.h base/error.c
notices "a parameter more" 's/fcgip_strerror\(int error/&, int language/' error.h base/error.c
notices "a member in the middle of a struct" 's/^ *uint32_t connect_timeout_ms;/uint32_t inserted, reserved2;\n&/' \
  endpoint.h collection/endpoint.c
accepts "a member at the end of a struct" 's/^\} fcgip_endpoint_options;/uint64_t added;\n&/' \
  endpoint.h collection/endpoint.c
map="$scratch/other.map"
sed 's/FCGIPROXY_0\.1/FCGIPROXY_0.0/' "$checkout/src/fcgiproxy.map" >"$map"
notices "another version of the symbols" 's/^FCGIP_API const char \*fcgip_version/\n&/' version.h base/error.c
exit $findings
