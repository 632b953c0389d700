#!/bin/bash
# musl.sh CHECKOUT BUILD: the library with musl, linked statically: no warning, and the unit tests pass.
. "$(dirname "$0")/../gates/common.sh"
. "$(dirname "$0")/target.sh"
runner=()
compiler=(musl-gcc)
# musl keeps to POSIX's int in struct msghdr, where others have size_t.
target_warnings+=(-Wno-conversion)
can_target musl-tools
build_target
report "not static" "$(readelf -lW "$scratch/consumer" | grep INTERP)"
run_tests tests/unit/test_*.c
exit $findings
