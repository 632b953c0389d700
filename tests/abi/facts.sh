#!/bin/bash
# facts.sh CHECKOUT BUILD: what readelf can tell of the libraries, as checksec would put it: full RELRO, no
# executable stack, position-independent code, no writable data, nothing searched for at run time but libc.
. "$(dirname "$0")/../gates/common.sh"
need readelf binutils
need gcc gcc
version="$(PKG_CONFIG_PATH="$build/pkgconfig" pkg-config --modversion fcgiproxy)"
shared="$build/libfcgiproxy.so.$version"
archive="$build/libfcgiproxy.a"
case "$(sed -n 's/^CMAKE_BUILD_TYPE:[A-Z]*=//p' "$build/CMakeCache.txt")" in
Release | RelWithDebInfo | MinSizeRel) ;;
*)
  echo "skipped: only optimized builds are hardened"
  exit 77
  ;;
esac
readelf -dW "$shared" >"$scratch/dynamic"
readelf -lW "$shared" >"$scratch/segments"
readelf -sW "$shared" >"$scratch/symbols"

# fact WHAT FILE PATTERN, never WHAT FILE PATTERN: there is such a line, or there is none.
fact() {
  grep -qE -- "$3" "$scratch/$2" || report "$1" "no such line: $3"
}
never() {
  report "$1" "$(grep -E -- "$3" "$scratch/$2")"
}

fact "SONAME" dynamic "\(SONAME\).*\[libfcgiproxy\.so\.${version%%.*}\]"
report "needed libraries" "$(grep '(NEEDED)' "$scratch/dynamic" | grep -v '\[libc\.')"
never "RPATH" dynamic '\((RPATH|RUNPATH)\)'
never "text relocations" dynamic 'TEXTREL'
fact "RELRO" segments 'GNU_RELRO'
fact "all of it: immediate binding" dynamic '\(FLAGS_1\).*NOW|BIND_NOW'
fact "a statement about the stack" segments 'GNU_STACK'
never "executable stack" segments 'GNU_STACK.*E  *0x'
never "a segment to be written and executed" segments 'LOAD.* RWE '
case "$(gcc -dumpmachine)" in
x86_64-*)
  fact "stack protector" symbols '__stack_chk_fail'
  fact "_FORTIFY_SOURCE" symbols '__[a-z]+_chk'
  # Of the archive, as the linker drops the note if the system's start files have none.
  readelf -nW "$archive" >"$scratch/notes"
  fact "control-flow protection" notes 'x86 feature: IBT, SHSTK'
  ;;
esac

# completed.0 is the start files'.
report "writable data in the shared library" "$(objdump -t "$shared" |
  awk '/ \.t?(data|bss)\t/ && $(NF - 1) !~ /^0+$/ && $NF != "completed.0" { print $NF }')"
report "writable data in the static library" "$(readelf -SW "$archive" | sed -n 's/^ *\[ *[0-9]*\] *//p' |
  awk '$1 ~ /^\.t?(data|bss)(\.|$)/ && $1 !~ /^\.data\.rel\.ro/ && $5 !~ /^0+$/ { print $1, $5 }')"
report "objects of the static library that want an executable stack" "$(readelf -SW "$archive" |
  awk '/^File:/ { if (file && !seen) print file; file = $2; seen = 0 }
       /\.note\.GNU-stack/ { seen = $0 !~ / X / } END { if (!seen) print file }')"

# All of the archive makes a shared object in which no code has to be changed at load time.
gcc -shared -Wl,--whole-archive "$archive" -Wl,--no-whole-archive -Wl,-z,text -Wl,-z,defs \
  -o "$scratch/whole.so" >"$scratch/log" 2>&1 || report "not position-independent" "$(cat "$scratch/log")"
exit $findings
