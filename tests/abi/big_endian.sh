#!/bin/bash
# big_endian.sh CHECKOUT BUILD: the library for a processor that has the most significant byte first, under
# qemu: no warning, and the unit tests pass, the codec's above all.
. "$(dirname "$0")/../gates/common.sh"
. "$(dirname "$0")/target.sh"
runner=(qemu-s390x)
compiler=(s390x-linux-gnu-gcc)
target_flags+=(-O1) # qemu takes longer than the compiler
can_target qemu-user gcc-s390x-linux-gnu libc6-dev-s390x-cross
echo 'int main(void) { return *(const char *)&(const int){1}; }' >"$scratch/order.c"
"${compiler[@]}" -static "$scratch/order.c" -o "$scratch/order" && "${runner[@]}" "$scratch/order" || {
  echo "this is no big-endian target: ${compiler[*]}"
  exit 1
}
build_target
run_tests tests/unit/test_*.c
exit $findings
