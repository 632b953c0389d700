#!/bin/bash
# Fuzzes every target, and says what came of it. See --help.
set -u
checkout="$(cd "$(dirname "$0")/../.." && pwd -P)" || exit 1
. "$checkout/tests/support/shell.sh"
fuzz="$checkout/tests/fuzz"

usage() {
  cat <<'END'
usage: tests/fuzz/run.sh [OPTION]... SECONDS [TARGET]...

Builds the fuzz targets with clang 14, libFuzzer, ASan and UBSan in build/fuzz/, and runs each (or those
named) for SECONDS, two at a time. Prints one line per target: processor time, executions, edges reached by the
checked-in corpus and in the end, inputs that were new, crashes. The exit status is 1 if there was a crash; its input and
its report lie in build/fuzz/found/<target>/. What was new is kept in build/fuzz/corpus/ for the next run.

  --jobs N   N at a time instead of two
  --minimize also add to tests/fuzz/corpus/ what reaches more (libFuzzer's merge), at most 400 bytes each
  --seeds    only write the seeds in tests/fuzz/corpus/ anew
  --help     this text
END
}

jobs=2 minimize=0 seeds=0 seconds= targets=()
while [ $# -gt 0 ]; do
  case "$1" in
  --jobs)
    jobs="${2:-}"
    shift
    ;;
  --minimize) minimize=1 ;;
  --seeds) seeds=1 ;;
  --help | -h)
    usage
    exit 0
    ;;
  -*)
    complain "unknown option: $1"
    usage >&2
    exit 2
    ;;
  *) if [ -z "$seconds" ]; then seconds="$1"; else targets+=("$1"); fi ;;
  esac
  shift
done
if [ "$seeds" -eq 0 ] && ! [[ "$seconds" =~ ^[0-9]+$ && "$jobs" =~ ^[1-9][0-9]*$ ]]; then
  usage >&2
  exit 2
fi

clang=clang
! have clang-14 || clang=clang-14
have "$clang" || {
  complain "no clang (Debian: clang-14, and libclang-rt-14-dev)"
  exit 77
}

make_work
clean_up_at_exit
build="${FCGIP_FUZZ_BUILD:-$checkout/build/fuzz}"
mkdir -p "$build" || exit 1
say "building in $build"
CC="$clang" guard configure "$build" -DCMAKE_BUILD_TYPE=Fuzz -DCMAKE_C_FLAGS="-O1 -g" \
  -DFCGIPROXY_WERROR=ON -DFCGIPROXY_BUILD_TESTS=ON -DFCGIPROXY_BUILD_EXAMPLES=OFF -DFCGIPROXY_FUZZ=ON \
  -DFCGIPROXY_SANITIZE=fuzzer-no-link,address,undefined >"$work/configure.log" || {
  cat "$work/configure.log"
  exit 1
}
guard cmake --build "$build" -j "$(jobs_count)" --target fuzz_programs --target fuzz_seeds \
  >"$work/build.log" || {
  cat "$work/build.log"
  exit 1
}
bin="$build/tests/fuzz"
if [ "$seeds" -eq 1 ]; then
  "$bin/fuzz_seeds" "$fuzz/corpus"
  exit $?
fi
if [ "${#targets[@]}" -eq 0 ]; then
  for source in "$fuzz"/fuzz_*.c; do
    source="${source##*/fuzz_}"
    targets+=("${source%.c}")
  done
fi

# folders TARGET: the checked-in inputs.
folders() {
  local folder
  for folder in "$fuzz/corpus/$1" "$fuzz/regressions/$1"; do
    [ ! -d "$folder" ] || printf '%s\n' "$folder"
  done
}

# fuzz_one TARGET: runs it; its report is the log.
fuzz_one() {
  local target="$1" options=() inputs TIMEFORMAT=%0U
  mkdir -p "$build/corpus/$target" "$build/found/$target"
  mapfile -t inputs < <(folders "$target")
  [ ! -f "$fuzz/dict/$target.dict" ] || options+=(-dict="$fuzz/dict/$target.dict")
  options+=(-max_total_time="$seconds" -timeout=25 -max_len=4096 -rss_limit_mb=2048 -detect_leaks=0
    -print_final_stats=1 -artifact_prefix="$build/found/$target/")
  { time nice -n 10 "$bin/fuzz_$target" "${options[@]}" "$build/corpus/$target" "${inputs[@]}" \
    >"$work/$target.log" 2>&1; } 2>"$work/$target.cpu"
  printf '%s\n' "$?" >"$work/$target.rc"
}

# report TARGET: one line, and of a crash what it was.
report() {
  local log="$work/$1.log" rc units before after new
  rc="$(cat "$work/$1.rc" 2>/dev/null)"
  units="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)"
  new="$(sed -n 's/^stat::new_units_added: *//p' "$log" | tail -n 1)"
  before="$(sed -n 's/.*INITED cov: \([0-9]*\).*/\1/p' "$log" | head -n 1)"
  after="$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' "$log" | tail -n 1)"
  printf '%-11s %5s CPU s %12s executions   edges %5s -> %5s   %6s new inputs   %s\n' "$1" \
    "$(cat "$work/$1.cpu")" "${units:--}" "${before:--}" "${after:--}" "${new:--}" \
    "$([ "$rc" = 0 ] && echo 'no crash' || echo CRASH)"
  [ "$rc" != 0 ] || return 0
  cp "$log" "$build/found/$1/log"
  grep -aE 'does not hold|ERROR:|runtime error|Assertion|Test unit written' "$log" | sed 's/^/    /'
  return 1
}

say "fuzzing ${targets[*]}: $seconds s each, $jobs at a time"
export -f fuzz_one folders
export fuzz build bin work seconds
guard xargs -P "$jobs" -I '{}' bash -c 'fuzz_one {}' < <(printf '%s\n' "${targets[@]}")
crashes=0
for target in "${targets[@]}"; do
  report "$target" || crashes=$((crashes + 1))
done
if [ "$minimize" -eq 1 ]; then
  for target in "${targets[@]}"; do
    mkdir -p "$fuzz/corpus/$target"
    "$bin/fuzz_$target" -set_cover_merge=1 -max_len=400 -detect_leaks=0 "$fuzz/corpus/$target" \
      "$build/corpus/$target" >"$work/merge.log" 2>&1 || complain "merge failed: $target"
  done
fi
say "$crashes of ${#targets[@]} targets crashed"
[ "$crashes" -eq 0 ]
