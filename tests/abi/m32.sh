#!/bin/bash
# m32.sh CHECKOUT BUILD: the library for 32 bit: no warning, and the unit tests pass.
. "$(dirname "$0")/../gates/common.sh"
. "$(dirname "$0")/target.sh"
runner=()
# gcc-multilib cannot be installed beside compilers for other processors; the one for i686 can.
if echo 'int main(void) { return 0; }' | gcc -m32 -static -x c - -o "$scratch/hello" 2>/dev/null; then
  compiler=(gcc -m32)
else
  compiler=(i686-linux-gnu-gcc)
fi
can_target gcc-i686-linux-gnu libc6-dev-i386-cross
build_target
run_tests tests/unit/test_*.c tests/engine/test_*.c
exit $findings
