#!/bin/bash
# reference.sh CHECKOUT BUILD: Doxygen makes the reference without a warning, with every function, type and
# constant of the public headers in it; and it would warn of a function that has no comment.
. "$(dirname "$0")/../gates/common.sh"
need doxygen doxygen
[ -f "$build/docs/Doxyfile" ] || { # Doxygen came after cmake
  echo "skipped: cmake found no doxygen when it configured $build"
  exit 77
}

# reference HEADERS: what Doxygen prints when it writes $scratch/html.
reference() {
  rm -rf "$scratch/html"
  sed -e "s#^INPUT  *=.*#INPUT = \"$1\"#; s#^OUTPUT_DIRECTORY  *=.*#OUTPUT_DIRECTORY = \"$scratch\"#" \
    "$build/docs/Doxyfile" >"$scratch/Doxyfile"
  doxygen "$scratch/Doxyfile" 2>&1 </dev/null
}
report "warnings" "$(reference "$checkout/include/fcgiproxy")"
[ -s "$scratch/html/index.html" ] || report "reference" "there is no index.html"
cat "$scratch"/html/*_8h.html >"$scratch/pages"
for name in $(sed 's/@@.*//' tests/abi/symbols.txt); do
  grep -q "<h2 class=\"memtitle\">.*>$name()" "$scratch/pages" || report "not in the reference" "$name()"
done
cat "$scratch"/html/*.html >"$scratch/pages"
for name in $(sed -n 's/^typedef .*(\*\(fcgip_[a-z_]*\))(.*/\1/p; s/^typedef .* \(fcgip_[a-z_]*\);$/\1/p' \
  "$build/include/fcgiproxy/ffi.h") $(sed -n 's/^\(FCGIP_[A-Z0-9_]*\) = .*/\1/p' tests/abi/layout.txt); do
  grep -q ">$name<\|#8203;$name\|memname\">.*\<$name\>" "$scratch/pages" || report "not in the reference" "$name"
done

# warns WHAT SED-SCRIPT: headers that are changed like this are warned of.
warns() {
  rm -rf "$scratch/changed"
  cp -r include/fcgiproxy "$scratch/changed" && sed -i "$2" "$scratch/changed/"*.h
  ! diff -r include/fcgiproxy "$scratch/changed" >/dev/null || report "$1" "nothing to change"
  reference "$scratch/changed" | grep -q "warning: $3" || report "$1" "was not noticed"
}
warns "a function without a comment" 's/^FCGIP_API const char \*fcgip_version(void);/&\n\nFCGIP_API int fcgip_new(void);/' \
  'Member fcgip_new'
warns "a member without a comment" 's#^  uint64_t max_body_bytes;.*#  uint64_t max_body_bytes;#' 'Member max_body_bytes'
warns "a comment that speaks of what is not there" 's#^/\* The errno behind#/* \\ref fcgip_nothing. The errno behind#' \
  'unable to resolve'
exit $findings
