#!/bin/bash
# installed.sh TOOLS CHECKOUT BUILD: the tools are installed where they belong, and run there and wherever the tree is
# moved to; whoever adds the project to theirs gets none.
. "$(dirname "$0")/../gates/common.sh" "$2" "$3"
need readelf binutils
rm -rf "$scratch"
mkdir -p "$scratch" || exit 1
cmake --install "$build" --prefix "$scratch/first place" >"$scratch/log" 2>&1 || {
  cat "$scratch/log"
  exit 1
}
mv "$scratch/first place" "$scratch/second place"
cd "$scratch/second place" || exit 1
version="$(sed -nE 's/^#define FCGIP_VERSION_(MAJOR|MINOR|PATCH) ([0-9]+)/\2/p' \
  "$checkout/include/fcgiproxy/version.h" | paste -sd .)"
for tool in fcgiget fcgi-status fcgi-broadcast; do
  for file in "bin/$tool" "share/man/man1/$tool.1" "share/bash-completion/completions/$tool"; do
    [ -s "$file" ] || report "not installed" "$file"
  done
  [ "$tool" = fcgiget ] || [ "$(env -i "bin/$tool" --version 2>&1)" = "$tool $version" ] ||
    report "$tool --version" "$(env -i "bin/$tool" --version 2>&1)"
  env -i "bin/$tool" --help | grep -q "^usage: $tool" || report "$tool" "--help says something else"
  # Neither where it was built nor a library that has to be found.
  report "$tool needs" "$(readelf -d "bin/$tool" | grep -E 'R(UN)?PATH|fcgiproxy')"
  bash --norc --noprofile -c '. "$1" && complete -p "$2"' bash "share/bash-completion/completions/$tool" "$tool" \
    >/dev/null || report "$tool" "no completion"
  ! have man || man -M "$PWD/share/man" -w "$tool" >/dev/null || report "man $tool" "not found"
done

# without WHAT OPTION...: a configuration that must not have the tools.
without() {
  local what="$1" targets
  shift
  cmake "$@" -B "$scratch/$what" >"$scratch/log" 2>&1 || report "$what" "$(cat "$scratch/log")"
  targets="$(cmake --build "$scratch/$what" --target help)"
  grep -q fcgiproxy_shared <<<"$targets" || report "$what" "no library"
  report "$what has tools" "$(grep -E 'fcgiproxy_tool' <<<"$targets")"
}
without off -S "$checkout" -DFCGIPROXY_BUILD_TOOLS=OFF -DFCGIPROXY_BUILD_TESTS=OFF -DFCGIPROXY_BUILD_EXAMPLES=OFF
mkdir "$scratch/other"
cat >"$scratch/other/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.21)
project(other C)
add_subdirectory("$checkout" fcgiproxy)
CMAKE
without embedded -S "$scratch/other"
exit $findings
