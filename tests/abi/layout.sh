#!/bin/bash
# layout.sh CHECKOUT BUILD: all constants and members of layout.txt are what and where they were, so that
# programs compiled with older headers still say what they mean. New ones are fine.
# layout.sh --update [BUILD]: writes layout.txt anew. For a release.

# layout FFI-HEADER FOLDER: "FCGIP_EINVAL = -101", "fcgip_timeouts.struct_size: 4 bytes at 0", one per line.
layout() {
  {
    printf '#include <fcgiproxy/fcgiproxy.h>\n#include <stdio.h>\nint main(void)\n{\n'
    grep -oE '\<FCGIP_[A-Z0-9_]+\>' "$1" | grep -v '^FCGIP_VERSION_' | sort -u |
      sed 's/.*/  printf("%s = %d\\n", "&", (int)&);/'
    sed -n 's/^typedef struct \(fcgip_[a-z_]*\) { \(.*\) } .*/\1 \2/p' "$1" |
      while read -r name members; do
        tr ';' '\n' <<<"$members" | sed -n 's/.*(\*\([a-z_]*\))(.*/\1/p; t; s/.*[ *]\([a-z_]*\)$/\1/p' |
          sed "s/.*/  printf(\"%s: %u bytes at %u\\\\n\", \"$name.&\", (unsigned)sizeof (($name *)0)->&, (unsigned)offsetof($name, &));/"
      done
    printf '  return 0;\n}\n'
  } >"$2/layout.c"
  gcc -I include "$2/layout.c" -o "$2/layout" && "$2/layout" | LC_ALL=C sort
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
report "holes" "$(sed -n 's/^\([a-z_]*\)\.\([a-z_]*\): \([0-9]*\) bytes at \([0-9]*\)$/\1 \4 \3 \2/p' "$scratch/layout.txt" |
  sort -k1,1 -k2,2n | awk '{ if ($1 != name) { name = $1; end = 0; if ($4 != "struct_size") print name " does not begin with its size" }
    if ($2 != end) print name ": " end " to " $2; end = $2 + $3 }')"
exit $findings
