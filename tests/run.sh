#!/bin/bash
# Builds the library and runs all its tests; the last lines are ctest's summary, and the exit status is
# ctest's. See --help.
set -u
checkout="$(cd "$(dirname "$0")/.." && pwd -P)" || exit 1
. "$checkout/tests/support/shell.sh"

usage() {
  cat <<'END'
usage: tests/run.sh [OPTION]...

Installs what the tests need and is missing (Debian, by apt; as root or with sudo), builds the
library and its tests with gcc in build/, and runs them: unit, engine, conformance, fault, simulation
and integration tests, the last on php-fpm servers that they start themselves, then the gates: the
suite again with ASan and UBSan, unit and conformance tests under valgrind, clang, gcc -fanalyzer, clang-tidy,
cppcheck, formatting, layering, headers, installation. Also: the binary interface, packages, other
languages and systems, the reference and the man page. What cannot be installed is skipped, with the
reason; if CI=true is in the environment, it fails.

Can be run as root or not, several times at once, and interrupted at any time.

  --quick       leave the gates out
  --coverage    instead: run the tests of an instrumented build, print lines and branches reached, and
                compare what is not reached with tests/support/unreached.txt
  --mutate      instead: change the library in one place after the other, and see whether the fast
                tests notice; prints the changes that none has noticed, and a score
  --mutants N   so many changes (default 300; 0: all)
  --seed S      another choice of them (default 1)
  --long        run the long forms of the tests that have one
  --no-install  install nothing
  --help        this text
END
}

quick=0 coverage=0 mutate=0 mutants=300 seed=1 long=0 install=1

# number OPTION TEXT: complains unless the text is one.
number() {
  case "$2" in
  '' | *[!0-9]*)
    complain "$1 needs a number"
    exit 2
    ;;
  esac
}

while [ $# -gt 0 ]; do
  case "$1" in
  --quick) quick=1 ;;
  --coverage) coverage=1 ;;
  --mutate) mutate=1 ;;
  --mutants | --seed)
    number "$1" "${2:-}"
    [ "$1" = --seed ] && seed="$2" || mutants="$2"
    shift
    ;;
  --long) long=1 ;;
  --no-install) install=0 ;;
  --help | -h)
    usage
    exit 0
    ;;
  *)
    complain "unknown option: $1"
    usage >&2
    exit 2
    ;;
  esac
  shift
done

essential=(gcc=gcc libc6-dev make=make cmake=cmake ninja-build=ninja
  pkg-config=pkg-config libcmocka-dev)
wanted=(g++=g++ binutils=nm 'php-fpm=php-fpm*' clang=clang libclang-rt-14-dev
  clang-tidy-14=clang-tidy-14 clang-format-14=clang-format-14 cppcheck=cppcheck valgrind=valgrind
  libc6-dbg locales libuv1-dev libevent-dev
  libglib2.0-dev strace=strace gnuplot-nox=gnuplot docker-compose=docker-compose)
# For tests/abi: languages that call the library, other targets, packages, documentation.
wanted+=(php-cli=php luajit=luajit python3=python3 python3-cffi ruby=ruby nodejs=node npm=npm
  musl-tools=musl-gcc gcc-i686-linux-gnu=i686-linux-gnu-gcc libc6-dev-i386-cross
  gcc-s390x-linux-gnu=s390x-linux-gnu-gcc libc6-dev-s390x-cross qemu-user=qemu-s390x
  abigail-tools=abidiff dpkg-dev=dpkg-shlibdeps doxygen=doxygen mandoc=mandoc)
# For tests/tools, and the clients that tests/conformance compares with.
wanted+=(tmux=tmux libfcgi-bin=cgi-fcgi)

make_work
clean_up_at_exit
if [ "$install" -eq 1 ]; then
  [ "$coverage" -eq 0 ] || wanted+=(gcovr=gcovr python3=python3)
  [ "$mutate" -eq 0 ] || wanted+=(python3=python3)
  install_missing "${essential[@]}" "${wanted[@]}"
fi
choose_build
# Installed, these would start daemons. The tests find them in PATH.
if [ "$install" -eq 1 ]; then
  unpack_program prometheus usr/bin/promtool "$build/programs"
  unpack_program nginx usr/sbin/nginx "$build/programs"
fi
export PATH="$PATH:$build/programs"

if [ "$coverage" -eq 1 ]; then
  guard "$checkout/tests/support/coverage.sh" "$checkout" "$build/coverage"
  exit $?
fi

if [ "$mutate" -eq 1 ]; then
  guard python3 "$checkout/tests/support/mutate.py" "$checkout" "$build/mutate" \
    --mutants "$mutants" --seed "$seed" --jobs "$(jobs_count)"
  exit $?
fi

gates=ON
[ "$quick" -eq 0 ] || gates=OFF
options=(-DFCGIPROXY_WERROR=ON -DFCGIPROXY_BUILD_TESTS=ON -DFCGIPROXY_BUILD_EXAMPLES=ON
  -DFCGIPROXY_TEST_GATES=$gates -DFCGIPROXY_TEST_LONG=$long)
say "building in $build"
CC=gcc guard configure "$build" "${options[@]}" >"$work/configure.log" || {
  cat "$work/configure.log"
  complain "cmake failed"
  exit 1
}
guard cmake --build "$build" -j "$(jobs_count)" || {
  complain "the build failed"
  exit 1
}
say "testing"
guard ctest --test-dir "$build" --output-on-failure -j "$(jobs_count)"
exit $?
