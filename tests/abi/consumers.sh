#!/bin/bash
# consumers.sh CHECKOUT BUILD: what tests/gates/install.sh leaves open of the ways to use the library: as
# C99, C11, C++11 and C++20, with gcc and clang, shared and wholly static; FetchContent; what find_package
# says to a version that does not fit; a prefix with a space in it. Also what an installed tree holds.
. "$(dirname "$0")/../gates/common.sh"
need gcc gcc
need g++ g++
need pkg-config pkg-config
need cc gcc
rm -rf "$scratch"
mkdir -p "$scratch" || exit 1
prefix="$scratch/a prefix"
cmake --install "$build" --prefix "$prefix" >"$scratch/install.log" 2>&1 || {
  cat "$scratch/install.log"
  exit 1
}
pc="$(find "$prefix" -name fcgiproxy.pc)"
libdir="$(dirname "$(dirname "$pc")")"
export PKG_CONFIG_PATH="$libdir/pkgconfig"
version="$(pkg-config --modversion fcgiproxy)"
program="$checkout/tests/abi/consumer.c"
warnings="-Wall -Wextra -Wpedantic -pedantic-errors -Wconversion -Wshadow -Werror"

for file in include/fcgiproxy/fcgiproxy.h include/fcgiproxy/ffi.h share/man/man3/fcgiproxy.3; do
  [ -f "$prefix/$file" ] || report "not installed" "$file"
done
for file in libfcgiproxy.so "libfcgiproxy.so.${version%%.*}" "libfcgiproxy.so.$version" libfcgiproxy.a \
  cmake/fcgiproxy/fcgiproxyConfig.cmake cmake/fcgiproxy/fcgiproxyConfigVersion.cmake; do
  [ -e "$libdir/$file" ] || report "not installed" "$file"
done
report "paths of this machine in what is installed" \
  "$(grep -rIlF -e "$build" -e "$checkout" "$prefix" --include='*.cmake' --include='*.pc' --include='*.h')"

# expect_version WHAT PROGRAM: it runs, and prints the version.
expect_version() {
  local printed
  printed="$(LD_LIBRARY_PATH="$libdir" "$2" 2>&1)"
  [ "$printed" = "$version" ] || report "$1" "it printed \"$printed\""
}

# compile WHAT OPTIONS PKG-CONFIG-OPTIONS: the output of pkg-config is shell text.
compile() {
  rm -f "$scratch/consumer"
  eval "$2 $warnings '$program' -x none -o '$scratch/consumer' $(pkg-config --cflags --libs $3 fcgiproxy)" \
    >"$scratch/log" 2>&1 || {
    report "$1" "$(cat "$scratch/log")"
    return
  }
  expect_version "$1" "$scratch/consumer"
}
for compiler in "gcc -std=c99" "gcc -std=c11" "g++ -x c++ -std=c++11" "g++ -x c++ -std=c++20" \
  "clang -std=c99" "clang -std=c11" "clang++ -x c++ -std=c++11" "clang++ -x c++ -std=c++20"; do
  have "${compiler%% *}" || continue
  compile "$compiler, shared" "$compiler" ""
  # libc.a warns of getaddrinfo, which wants the shared libraries even so.
  compile "$compiler, static" "$compiler -static" --static
done
compile "gcc -std=c11 -static" "gcc -std=c11 -static" --static
report "not static" "$(LC_ALL=C readelf -dW "$scratch/consumer" | grep NEEDED)"

# The lines of README.md, as they are printed there. What pkg-config says is fit for $(...) only if there is no
# space in it.
tests/readme/extract.sh README.md "$scratch/blocks" || exit 1
place="$(mktemp -d)" || exit 1
trap 'rm -rf "$place"' EXIT
ln -s "$prefix" "$place/prefix"
cp "$program" "$place/program.c"
while IFS= read -r line; do
  (cd "$place" && rm -f a.out && PKG_CONFIG_PATH="$place/prefix/${libdir#"$prefix/"}/pkgconfig" bash -c "$line") \
    >"$scratch/log" 2>&1 || report "README.md: $line" "$(cat "$scratch/log")"
  expect_version "README.md: $line" "$place/a.out"
done <"$scratch/blocks/pkg_config.install"

# project NAME CMAKE-LINES OPTION...: configures and builds programs with both libraries, as C and as C++; the
# log is in project/log.
project() {
  local dir="$scratch/$1" lines="$2"
  shift 2
  mkdir -p "$dir"
  cat >"$dir/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.21)
project(consumer C CXX)
$lines
configure_file("$program" consumer.cpp COPYONLY)
foreach(library IN ITEMS fcgiproxy fcgiproxy_static)
  add_executable(consumer_\${library} "$program")
  add_executable(consumer_cxx_\${library} "\${CMAKE_CURRENT_BINARY_DIR}/consumer.cpp")
  target_link_libraries(consumer_\${library} PRIVATE fcgiproxy::\${library})
  target_link_libraries(consumer_cxx_\${library} PRIVATE fcgiproxy::\${library})
endforeach()
END
  cmake -S "$dir" -B "$dir/build" "$@" >"$dir/log" 2>&1 &&
    cmake --build "$dir/build" -j "$(jobs_count)" >>"$dir/log" 2>&1
}
# works NAME CMAKE-LINES OPTION...: that can be built, and runs.
works() {
  local library
  project "$@" || {
    report "$1" "$(cat "$scratch/$1/log")"
    return
  }
  for library in fcgiproxy fcgiproxy_static; do
    expect_version "$1, $library" "$scratch/$1/build/consumer_$library"
    expect_version "$1, $library, C++" "$scratch/$1/build/consumer_cxx_$library"
  done
}
works find_package "find_package(fcgiproxy $version EXACT CONFIG REQUIRED)" -DCMAKE_PREFIX_PATH="$prefix"
works readme "$(grep '^find_package' "$scratch/blocks/find_package.install")" -DCMAKE_PREFIX_PATH="$prefix"
works fetch_content "include(FetchContent)
FetchContent_Declare(fcgiproxy SOURCE_DIR \"$checkout\")
FetchContent_MakeAvailable(fcgiproxy)" -DCMAKE_BUILD_TYPE=Release
report "a project that fetches ours gets our tests, examples or flags" \
  "$(cd "$scratch/fetch_content/build" && find . -name 'example_*' -o -name 'test_*' -o -name with_fpm -o -name fcgiget
     grep -l -e '-z,now' -e '-Wshadow' -- CMakeFiles/consumer*.dir/{flags.make,link.txt} 2>/dev/null)"

# A version that does not fit: before 1.0 another minor version is another library.
for other in "$((${version%%.*} + 1))" "${version%%.*}.99" "$version.1"; do
  project "version" "find_package(fcgiproxy $other CONFIG REQUIRED)" \
    -DCMAKE_PREFIX_PATH="$prefix" && report "find_package" "takes version $version for $other"
  grep -q 'compatible with' "$scratch/version/log" || report "find_package $other" "$(cat "$scratch/version/log")"
done
exit $findings
