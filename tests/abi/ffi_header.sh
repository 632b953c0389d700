#!/bin/bash
# ffi_header.sh CHECKOUT BUILD: fcgiproxy/ffi.h says the same as the public headers, in plain declarations; and
# what its generator cannot turn into such is an error when it is made, not in somebody's program.
. "$(dirname "$0")/../gates/common.sh"
need gcc gcc
header="$build/include/fcgiproxy/ffi.h"
defines='^(struct pollfd|((typedef )?struct|enum)[^(]*\{)'

report "lines that are no plain declarations" \
  "$(grep -nvE '^(typedef|enum|struct|((const )?[a-z_0-9]+ \**)fcgip_[a-z_0-9]+\().*;$' "$header")"
report "preprocessor, comments, bytes that are not ASCII" "$(LC_ALL=C grep -nE '#|/\*|//|\\|[^ -~]' "$header")"

# The compiler compares each function and function type with the real one ...
{
  printf '#include <fcgiproxy/fcgiproxy.h>\n'
  grep -vE "$defines" "$header"
} >"$scratch/functions.c"
report "functions" "$(gcc -std=c11 -Wall -Wextra -Werror -pedantic-errors -I include -fsyntax-only \
  "$scratch/functions.c" 2>&1)"

# ... and constants and structs under other names.
{
  printf '#include <fcgiproxy/fcgiproxy.h>\n'
  grep -E "$defines" "$header" | grep -v '^struct pollfd' |
    sed 's/\<FCGIP_/FFI_/g; s/^typedef struct \([a-z_]*\) \(.*\) [a-z_]*;$/struct ffi_\1 \2;/; s/^enum [a-z_]* /enum /'
  grep -oE '\<FCGIP_[A-Z0-9_]+' "$header" | sort -u |
    sed 's/FCGIP_\(.*\)/_Static_assert((int)FCGIP_\1 == (int)FFI_\1, "\1");/'
  sed -n 's/^typedef struct \(fcgip_[a-z_]*\) { \(.*\) } .*/\1 \2/p' "$header" | while read -r name members; do
    printf '_Static_assert(sizeof(%s) == sizeof(struct ffi_%s), "%s");\n' "$name" "$name" "$name"
    tr ';' '\n' <<<"$members" | sed -n 's/.*(\*\([a-z_]*\))(.*/\1/p; t; s/.*[ *]\([a-z_]*\)$/\1/p' |
      sed "s/.*/_Static_assert(offsetof($name, &) == offsetof(struct ffi_$name, &), \"$name.&\");/"
  done
} >"$scratch/types.c"
report "types and constants" "$(gcc -std=c11 -Wall -I include -fsyntax-only "$scratch/types.c" 2>&1)"
[ "$(grep -c '^_Static_assert' "$scratch/types.c")" -gt 100 ] || report "types and constants" "were not compared"

# generate TEXT: what becomes of a header with that text; 1 if it is refused.
generate() {
  mkdir -p "$scratch/include"
  printf '%s\n' "$1" >"$scratch/include/a.h"
  cmake -DINCLUDE_DIR="$scratch/include" -DHEADER=a.h -DOUTPUT="$scratch/generated.h" \
    -P .cmake/ffi_header.cmake >"$scratch/log" 2>&1 && tail -n +2 "$scratch/generated.h"
}
becomes() { # WHAT TEXT EXPECTED
  local got
  got="$(generate "$2")"
  [ "$got" = "$3" ] || report "$1" "$(printf '"%s" instead of "%s"\n' "$got" "$3"; cat "$scratch/log")"
}
becomes "comments" $'int a(void); /* not; this\n * or { that */\n// nor this;\nint b(int x /* here */, int y);' \
  $'int a(void);\nint b(int x , int y);'
becomes "lines and spaces" $'const char *\nfcgip_a(  const char *x,\n\t\tint y);' 'const char *fcgip_a(const char *x, int y);'
becomes "macros" $'#ifndef A_H\n#define A_H\n#define B(x) \\\n  int x;\nFCGIP_API int a(void);\n#endif' 'int a(void);'
becomes "numbers" $'#define FCGIP_ONE 1\n#define FCGIP_TWO -2 /* less */\n#define OTHER 3\nint a(void);' \
  $'enum { FCGIP_ONE = 1, FCGIP_TWO = -2 };\nint a(void);'
becomes "members" $'typedef struct a { int x; /* one */\n  void (*f)(int y);\n} a;' \
  'typedef struct a { int x; void (*f)(int y); } a;'
refuses() { # WHAT TEXT
  ! generate "$2" >/dev/null || report "$1" "was not refused: $(cat "$scratch/generated.h")"
}
refuses "a condition" $'#ifdef X\nint a(void);\n#endif'
refuses "an alternative" $'#ifdef X\n#define Y\n#else\nint a(void);\n#endif'
refuses "a macro nobody knows" $'FCGIP_NODISCARD int a(void);'
refuses "a brace that does not close" $'struct a { int b;'
refuses "C++" $'extern "C" int a(void);'
exit $findings
