#!/bin/bash
# layout.sh CHECKOUT BUILD: all constants and members of layout.txt are what and where they were, so that
# programs compiled with older headers still say what they mean. New ones are fine.
# layout.sh --update [BUILD]: writes layout.txt anew. For a release.

# layout FFI-HEADER FOLDER [INCLUDE]: "FCGIP_EINVAL = -101", "fcgip_timeouts.struct_size: 4 bytes at 0, uint32_t
# struct_size", one per line.
layout() {
  {
    printf '#include <fcgiproxy/fcgiproxy.h>\n#include <stdio.h>\nint main(void)\n{\n'
    grep -oE '\<FCGIP_[A-Z0-9_]+\>' "$1" | grep -v '^FCGIP_VERSION_' | sort -u |
      sed 's/.*/  printf("%s = %d\\n", "&", (int)&);/'
    sed -n 's/^typedef struct \(fcgip_[a-z_]*\) { \(.*\) } .*/\1;\2/p' "$1" | awk -F ' *; *' '{
      for (i = 2; i < NF; i++) {
        member = match($i, /\(\*[a-z_]+\)\(/) ? substr($i, RSTART + 2, RLENGTH - 4) : $i
        sub(/^.*[ *]/, "", member)
        printf "  printf(\"%%s: %%u bytes at %%u, %%s\\n\", \"%s.%s\", ", $1, member
        printf "(unsigned)sizeof ((%s *)0)->%s, (unsigned)offsetof(%s, %s), \"%s\");\n", $1, member, $1, member, $i
      }
    }'
    printf '  return 0;\n}\n'
  } >"$2/layout.c"
  gcc -I "${3:-include}" "$2/layout.c" -o "$2/layout" && "$2/layout" | LC_ALL=C sort
}
if [ "${1:-}" = --update ]; then
  cd "$(dirname "$0")/../.." || exit 1
  work="$(mktemp -d)" || exit 1
  trap 'rm -rf "$work"' EXIT
  layout "${2:-build}/include/fcgiproxy/ffi.h" "$work" >tests/abi/layout.txt
  exit
fi
. "$(dirname "$0")/../gates/common.sh"
need gcc gcc
[ "$(getconf LONG_BIT)" = 64 ] || {
  echo "skipped: layout.txt is that of 64-bit systems"
  exit 77
}
layout "$build/include/fcgiproxy/ffi.h" "$scratch" >"$scratch/layout.txt" || exit 1
report "not as in tests/abi/layout.txt" "$(LC_ALL=C comm -23 tests/abi/layout.txt "$scratch/layout.txt")"

# A struct of options or counters begins with its size, and has no hole that could hold something one day
# without anybody noticing.
report "holes" "$(sed -n 's/^\([a-z_]*\)\.\([a-z_]*\): \([0-9]*\) bytes at \([0-9]*\),.*/\1 \4 \3 \2/p' "$scratch/layout.txt" |
  sort -k1,1 -k2,2n | awk '{ if ($1 != name) { name = $1; end = 0; if ($4 != "struct_size") print name " does not begin with its size" }
    if ($2 != end) print name ": " end " to " $2; end = $2 + $3 }')"

# notices WHAT SED-SCRIPT: a copy of the headers that is broken like this is not as in layout.txt.
notices() {
  rm -rf include
  cp -r "$checkout/include" . && sed -i -E "$2" include/fcgiproxy/*.h
  ! diff -r include "$checkout/include" >/dev/null || report "$1" "cannot be tried: nothing to change"
  cmake -DINCLUDE_DIR=include -DHEADER=fcgiproxy/fcgiproxy.h -DOUTPUT=ffi.h \
    -P "$checkout/.cmake/ffi_header.cmake" && layout ffi.h . include >broken.txt || exit 1
  [ -n "$(LC_ALL=C comm -23 "$checkout/tests/abi/layout.txt" broken.txt)" ] || report "$1" "was not noticed"
}
cd "$scratch" || exit 1
notices "another number" 's/FCGIP_EINVAL = -101/FCGIP_EINVAL = -100/'
notices "a constant that is gone" '/FCGIP_EBUSY = /d'
notices "a member of another type" 's/uint64_t max_body_bytes;/double max_body_bytes;/'
notices "a member in the middle" 's/^ *uint32_t connect_timeout_ms;/uint32_t inserted;\n&/'
notices "a member that is gone" '/^ *uint32_t max_idle_connections;/,/\*\//d'
exit $findings
