#!/bin/bash
# The library as others get it: a program is built and run against the installed tree, after it was
# moved, by pkg-config and by find_package; against the build folder; and with add_subdirectory.
. "$(dirname "$0")/common.sh"
need pkg-config pkg-config
rm -rf "$scratch"
mkdir -p "$scratch" || exit 1

version="$(PKG_CONFIG_PATH="$build/pkgconfig" pkg-config --modversion fcgiproxy)"
cat >"$scratch/program.c" <<'END'
#include <fcgiproxy/fcgiproxy.h>
#include <stdio.h>

int main(void)
{
  puts(fcgip_version());
  return 0;
}
END

# expect_version WHAT PROGRAM...: it runs, and prints the version.
expect_version() {
  local what="$1" printed
  shift
  printed="$("$@" 2>&1)"
  [ "$printed" = "$version" ] || {
    printf '%s: "%s" instead of "%s"\n' "$what" "$printed" "$version"
    exit 1
  }
}

# The output of pkg-config is shell text: spaces in paths are escaped in it.
compile() {
  local path="$1" output="$2"
  shift 2
  eval "gcc '$scratch/program.c' -o '$output' $(PKG_CONFIG_PATH="$path" \
    pkg-config --cflags --libs "$@" fcgiproxy)" || exit 1
}

compile "$build/pkgconfig" "$scratch/from_build"
expect_version "the build folder" "$scratch/from_build"

cmake --install "$build" --prefix "$scratch/first" >"$scratch/install.log" || exit 1
mv "$scratch/first" "$scratch/moved"
pc="$(find "$scratch/moved" -name fcgiproxy.pc)"
libdir="$(dirname "$(dirname "$pc")")"
compile "$(dirname "$pc")" "$scratch/from_pc"
expect_version "pkg-config" env LD_LIBRARY_PATH="$libdir" "$scratch/from_pc"
gcc "$scratch/program.c" -I "$scratch/moved/include" "$libdir/libfcgiproxy.a" \
  -o "$scratch/from_archive" || exit 1
expect_version "the static library" "$scratch/from_archive"
[ -e "$libdir/libfcgiproxy.so.${version%%.*}" ] || {
  echo "no libfcgiproxy.so.${version%%.*} in $libdir"
  exit 1
}

# consumer NAME CMAKE-LINE OPTION...: a CMake project that uses the library in that way.
consumer() {
  local dir="$scratch/$1" line="$2"
  shift 2
  mkdir -p "$dir"
  cp "$scratch/program.c" "$dir/"
  cat >"$dir/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.21)
project(consumer C)
$line
add_executable(program program.c)
target_link_libraries(program PRIVATE fcgiproxy::fcgiproxy)
add_executable(program_static program.c)
target_link_libraries(program_static PRIVATE fcgiproxy::fcgiproxy_static)
END
  { cmake -S "$dir" -B "$dir/build" "$@" && cmake --build "$dir/build" -j "$(jobs_count)"; } \
    >"$dir/log" 2>&1 || {
    cat "$dir/log"
    exit 1
  }
  expect_version "$dir" "$dir/build/program"
  expect_version "$dir, static" "$dir/build/program_static"
}

consumer find_package "find_package(fcgiproxy ${version%.*} REQUIRED)" \
  -DCMAKE_PREFIX_PATH="$scratch/moved"
# As README.md has it.
tests/readme/extract.sh README.md "$scratch/blocks" || exit 1
mkdir "$scratch/add_subdirectory" && ln -s "$checkout" "$scratch/add_subdirectory/libfcgiproxy" || exit 1
consumer add_subdirectory "$(grep '^add_subdirectory' "$scratch/blocks/add_subdirectory.install")"
[ ! -d "$scratch/add_subdirectory/build/libfcgiproxy/tests" ] || {
  echo "a project that adds ours gets our tests"
  exit 1
}
