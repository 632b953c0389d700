# What the gates have in common; read with `.` by scripts called as GATE CHECKOUT BUILD, where BUILD is
# the folder that the plain tests were built in. Sets `checkout`, `build` and `scratch`, a folder for
# the gate's own use in BUILD. A gate prints what it finds, and its exit status is 0 if that is
# nothing, 77 if it cannot run here, or 1.
set -u
checkout="$1"
. "$checkout/tests/support/shell.sh"
build="$2"
gate="$(basename "$0" .sh)"
scratch="$build/gates/$gate"
mkdir -p "$scratch" || exit 1
cd "$checkout" || exit 1

# need PROGRAM PACKAGE: ends the gate if there is no such program; as a failure in CI, unless this
# system has no such package.
need() {
  have "$1" && return 0
  if [ "${CI:-}" = true ] && apt-cache show "$2" >/dev/null 2>&1; then
    printf 'may not be skipped here: no %s (Debian: %s)\n' "$1" "$2"
    exit 1
  fi
  printf 'skipped: no %s (Debian: %s)\n' "$1" "$2"
  exit 77
}

findings=0

# report NAME TEXT: what was found by one check; nothing if the text is empty.
report() {
  [ -n "$2" ] || return 0
  printf '%s:\n%s\n\n' "$1" "$2"
  findings=1
}

# code DIR...: the C sources and headers below those folders, one per line.
code() {
  local dir
  for dir in "$@"; do
    [ ! -d "$dir" ] || find "$dir" -name '*.[ch]' | sort
  done
}

# nested OPTION...: configures and builds the whole project in `scratch`, gates left out.
nested() {
  configure "$scratch" -DFCGIPROXY_WERROR=ON -DFCGIPROXY_BUILD_TESTS=ON \
    -DFCGIPROXY_BUILD_EXAMPLES=ON -DFCGIPROXY_TEST_GATES=OFF "$@" >"$scratch/configure.log" 2>&1 || {
    cat "$scratch/configure.log"
    exit 1
  }
  cmake --build "$scratch" -j "$(jobs_count)" >"$scratch/build.log" 2>&1 || {
    cat "$scratch/build.log"
    exit 1
  }
}
