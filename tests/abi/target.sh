# For scripts that build the library for another target, by a plain compiler and the stand-in for cmocka
# beside this file; read with `.` after tests/gates/common.sh. A target is told by
#   compiler=(gcc -m32)     what compiles and links for it; programs are linked statically
#   runner=(qemu-s390x)     what runs a program of it; () if the system does
target_warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-align
  -Wstrict-prototypes -Wundef -Wvla -Wformat=2 -Werror)
target_flags=(-std=c11 -O0 -D_FILE_OFFSET_BITS=64 -I include)

# can_target PACKAGE...: ends the script if nothing can be compiled and run for the target here.
can_target() {
  printf '#include <errno.h>\n#include <stdio.h>\nint main(void) { return puts("yes") < 0 || errno == -1; }\n' \
    >"$scratch/hello.c"
  if "${compiler[@]}" -static "$scratch/hello.c" -o "$scratch/hello" >"$scratch/hello.log" 2>&1 &&
    [ "$("${runner[@]}" "$scratch/hello" 2>>"$scratch/hello.log")" = yes ]; then
    return 0
  fi
  tail -n 3 "$scratch/hello.log"
  need "way to build and run with ${compiler[*]}" "$*"
}

# compile_all FOLDER OPTION... -- SOURCE...: each source to an object in that folder.
compile_all() {
  local folder="$1" options=()
  shift
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  mkdir -p "$folder"
  printf '%s\n' "$@" | xargs -P "$(jobs_count)" -I '{}' sh -c '
    source="$1" folder="$2"
    shift 2
    exec "$@" -c "$source" -o "$folder/$(printf %s "$source" | tr / _).o"' \
    compile '{}' "$folder" "${compiler[@]}" "${target_flags[@]}" "${options[@]}" >"$scratch/log" 2>&1 || {
    report "with ${compiler[*]}" "$(head -n 40 "$scratch/log")"
    exit 1
  }
}

# build_target: the library in $scratch/libfcgiproxy.a, and $scratch/consumer.
build_target() {
  compile_all "$scratch/src" -D_POSIX_C_SOURCE=200809L -I src "${target_warnings[@]}" -- src/*/*.c
  rm -f "$scratch/libfcgiproxy.a"
  ar rcs "$scratch/libfcgiproxy.a" "$scratch"/src/*.o || exit 1
  "${compiler[@]}" "${target_flags[@]}" "${target_warnings[@]}" -static tests/abi/consumer.c \
    "$scratch/libfcgiproxy.a" -o "$scratch/consumer" >"$scratch/log" 2>&1 ||
    report "consumer" "$(cat "$scratch/log")"
  "${runner[@]}" "$scratch/consumer" >"$scratch/log" 2>&1 || report "consumer" "$(cat "$scratch/log")"
}

# run_tests SOURCE...: builds and runs these tests for the target, two minutes each at most.
run_tests() {
  local options=(-D_GNU_SOURCE -I tests/abi/cmocka -I tests -I src -Wno-unused-result
    "-DFCGIP_TEST_DATA_DIR=\"$checkout/tests\"" "-DFCGIP_TEST_DOCKER_DIR=\"$checkout/docker\"")
  local source program support=()
  # What tests that need no sockets and no threads use of it.
  for source in failing_allocator fake_net fake_net_server nobody reference_decoder reference_encoder skip; do
    support+=("tests/support/$source.c")
  done
  compile_all "$scratch/support" "${options[@]}" -- "${support[@]}"
  rm -f "$scratch/libsupport.a"
  ar rcs "$scratch/libsupport.a" "$scratch"/support/*.o || exit 1
  compile_all "$scratch/tests" "${options[@]}" -- "$@"
  for source in "$@"; do
    program="$scratch/$(basename "$source" .c)"
    "${compiler[@]}" -static "$scratch/tests/$(tr / _ <<<"$source").o" "$scratch/libsupport.a" \
      "$scratch/libfcgiproxy.a" -pthread -o "$program" >"$scratch/log" 2>&1 || {
      report "$source" "$(cat "$scratch/log")"
      continue
    }
    timeout 120 "${runner[@]}" "$program" >"$scratch/log" 2>&1
    case $? in
    0 | 77) ;;
    *) report "$source" "$(cat "$scratch/log")" ;;
    esac
  done
}
