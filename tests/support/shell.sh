# What the scripts of this checkout have in common; read with `.` by bash scripts that have set
# `checkout` to its top folder. Nothing here changes the user's environment or the checkout, other
# than the folder build/.

# say TEXT...: progress of a script, on stdout.
say() {
  printf '== %s\n' "$*"
}

# complain TEXT...: on stderr.
complain() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# have COMMAND: 0 if there is such a program. Debian keeps some in sbin, which users do not search; the
# name may be a pattern there.
have() {
  PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || compgen -G "/usr/sbin/$1" >/dev/null
}

# ---- installing ----

# missing_packages WANT...: the Debian packages among the WANTs that are not there. A WANT is
# "package=program" or, for what is no program, "package" alone.
missing_packages() {
  local want package program
  for want in "$@"; do
    package="${want%%=*}"
    program="${want#*=}"
    if [ "$package" != "$want" ]; then
      have "$program" || printf '%s\n' "$package"
    elif have dpkg-query; then
      dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        printf '%s\n' "$package"
    fi
  done
}

# install_missing WANT...: installs what is missing and can be installed; always returns 0, as the
# tests say themselves what they cannot do without. apt is told to wait for others who install, and
# the folder of its lists is locked as its own lock there does not wait.
install_missing() {
  local missing package available=() root=()
  missing="$(missing_packages "$@")"
  [ -n "$missing" ] || return 0
  if ! have apt-get; then
    complain "not installed, and no apt-get to do so:" $missing
    return 0
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if have sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
      root=(sudo)
      sudo -v || return 0
    else
      complain "not installed, and only root can do so:" $missing
      return 0
    fi
  fi
  exec 8</var/lib/apt && flock 8
  missing="$(missing_packages "$@")"
  if [ -n "$missing" ]; then
    say "installing:" $missing
    guard "${root[@]}" apt-get -qq update || complain "apt-get update failed"
    for package in $missing; do
      if apt-cache show "$package" >/dev/null 2>&1; then
        available+=("$package")
      else
        complain "unknown to apt: $package"
      fi
    done
    guard "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
      -o DPkg::Lock::Timeout=600 --no-install-recommends install "${available[@]}" \
      </dev/null >/dev/null || complain "apt-get install failed: ${available[*]}"
  fi
  exec 8<&-
  return 0
}

# unpack_program PACKAGE PATH DIR: puts one program of a Debian package in DIR, without installing the package: for
# those that would bring a daemon along, and much else. PATH is where it lies in the package, such as
# usr/bin/program. Nothing happens if there is such a program already; always returns 0.
unpack_program() {
  local program="${2##*/}" folder="$work/$1"
  ! have "$program" && [ ! -x "$3/$program" ] && have apt-get && have dpkg-deb || return 0
  say "unpacking $program from $1"
  mkdir -p "$folder" "$3"
  chmod 777 "$folder" # apt takes its downloads to another user
  guard env -C "$folder" apt-get -qq download "$1" >/dev/null &&
    dpkg-deb --fsys-tarfile "$folder"/*.deb | tar -x -C "$folder" "./$2" &&
    mv "$folder/$2" "$3/$program.new" && mv "$3/$program.new" "$3/$program" || complain "no $program from $1"
  rm -rf "$folder"
}

# ---- processes ----

guarded=

# descendants PID: the processes below it, the nearest first.
descendants() {
  local child
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
    printf '%s\n' "$child"
    descendants "$child"
  done
}

# guard COMMAND...: runs it so that a signal for this script reaches us at once, and stop_guarded can
# end it with all that it has started. Job control keeps SIGINT from being ignored in it.
guard() {
  local rc
  set -m
  "$@" &
  guarded=$!
  set +m
  wait "$guarded"
  rc=$?
  guarded=
  return $rc
}

# stop_guarded: ends the guarded command and everything below it, politely at first.
stop_guarded() {
  local pids i
  [ -n "$guarded" ] || return 0
  pids="$guarded $(descendants "$guarded")"
  kill -TERM $pids 2>/dev/null
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    kill -0 $pids 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL $pids 2>/dev/null
  guarded=
}

# ---- folders ----

work=

# make_work: a temporary folder `work`, which is also TMPDIR of what is started. It can be entered by
# everybody, as some tests open sockets in it as another user, and its path is short, as those of
# sockets have to be.
make_work() {
  local base="${TMPDIR:-/tmp}"
  [ "${#base}" -le 40 ] || base=/tmp
  work="$(mktemp -d "$base/fcgip.XXXXXX")" || exit 1
  chmod 755 "$work"
  export TMPDIR="$work"
}

# clean_up_at_exit: whatever happens, nothing stays but what was built in build/.
clean_up_at_exit() {
  trap 'stop_guarded; [ -z "$work" ] || rm -rf "$work"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

build=

# choose_build: sets `build` to build/ in the checkout, or to a folder of this run's own if another
# run is using that one or it cannot be written. Needs make_work.
choose_build() {
  build="$checkout/build"
  if ! mkdir -p "$build" 2>/dev/null || ! { : >>"$build/.lock"; } 2>/dev/null; then
    build="$work/build"
  else
    exec 9>>"$build/.lock"
    if ! flock -n 9; then
      exec 9>&-
      say "build/ is in use by another run; this one builds in a folder of its own"
      build="$work/build"
    fi
  fi
  mkdir -p "$build"
}

# configure DIR OPTION...: runs cmake; a folder that was configured for another place is started anew.
# Compilers are chosen by CC in the environment, which counts for new folders only: cmake forgets all
# options if the compiler of an old one is changed.
configure() {
  local dir="$1" cache="$1/CMakeCache.txt" generator=()
  shift
  if [ -f "$cache" ] && ! { grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$checkout" "$cache" &&
    grep -qxF "CMAKE_CACHEFILE_DIR:INTERNAL=$dir" "$cache"; }; then
    rm -rf "$cache" "$dir/CMakeFiles"
  fi
  if [ ! -f "$cache" ] && have ninja; then
    generator=(-G Ninja)
  fi
  cmake -S "$checkout" -B "$dir" "${generator[@]}" "$@"
}

# jobs_count: how many compilers to run at a time.
jobs_count() {
  nproc 2>/dev/null || echo 2
}
