#!/bin/bash
# tests/support/coverage.sh CHECKOUT BUILD: runs the whole suite on a build that counts, and prints how many lines
# and branches of src/ it reaches, file by file and in all. What is not reached goes to BUILD/unreached.txt, a line
# of source each, and has to be in tests/support/unreached.txt with its reason. Fails below 99 % of lines or 95 %
# of branches, and for what is not in that list.
set -u
checkout="$1"
. "$checkout/tests/support/shell.sh"
build="$2"
least_lines=99 least_branches=95

have gcovr || {
  complain "gcovr is not installed"
  exit 1
}
mkdir -p "$build" || exit 1
# Assertions are not there to fail, so their branches do not count.
CC=gcc configure "$build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="-O0 -g -DNDEBUG" \
  -DFCGIPROXY_COVERAGE=ON -DFCGIPROXY_BUILD_EXAMPLES=ON -DFCGIPROXY_BUILD_TESTS=ON \
  -DFCGIPROXY_TEST_GATES=OFF >"$build/configure.log" 2>&1 || {
  cat "$build/configure.log"
  exit 1
}
cmake --build "$build" -j "$(jobs_count)" >"$build/build.log" 2>&1 || {
  cat "$build/build.log"
  exit 1
}
find "$build" -name '*.gcda' -delete
ctest --test-dir "$build" --output-on-failure -j "$(jobs_count)"
failed=$?

# Branches that the compiler adds for itself are not ours to reach.
gcovr --root "$checkout" --filter "$checkout/src/" --exclude-unreachable-branches \
  --exclude-throw-branches --gcov-ignore-parse-errors --object-directory "$build" "$build" \
  --json "$build/coverage.json" >"$build/gcovr.log" 2>&1 || {
  cat "$build/gcovr.log"
  exit 1
}
python3 - "$checkout" "$build" $least_lines $least_branches <<'END_OF_SCRIPT' || failed=1
import json
import os
import sys

checkout, build = sys.argv[1:3]
least = [float(percent) for percent in sys.argv[3:5]]


def entry(path, what, text):
    return "%s | %s | %s" % (path, what, " ".join(text.split()))


def read_list():
    """tests/support/unreached.txt: FILE | line or branch | source text | reason"""
    listed = {}
    with open(os.path.join(checkout, "tests/support/unreached.txt"), encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                head, _, reason = line.strip().rpartition(" | ")
                if head.count(" | ") < 2 or not reason:
                    sys.exit("unreached.txt: no reason: " + line)
                listed[head] = reason
    return listed


with open(os.path.join(build, "coverage.json"), encoding="utf-8") as file:
    files = json.load(file)["files"]
total = [0, 0, 0, 0]  # lines reached, lines, branches reached, branches
unreached = []
for one in sorted(files, key=lambda f: f["file"]):
    path, counts = one["file"], [0, 0, 0, 0]
    with open(os.path.join(checkout, path), encoding="utf-8") as source:
        text = source.read().split("\n")
    for line in one["lines"]:
        if line.get("gcovr/noncode"):
            continue
        number, branches = line["line_number"], line.get("branches", [])
        taken = sum(branch["count"] > 0 for branch in branches)
        counts = [counts[0] + (line["count"] > 0), counts[1] + 1, counts[2] + taken, counts[3] + len(branches)]
        if line["count"] == 0:
            unreached.append((path, number, "line", text[number - 1], ""))
        elif taken < len(branches):
            unreached.append((path, number, "branch", text[number - 1], "%d of %d" % (taken, len(branches))))
    total = [a + b for a, b in zip(total, counts)]
    print("%-42s lines %4d of %4d   branches %4d of %4d" % ((path,) + tuple(counts)))

listed = read_list()
found = {entry(path, what, text) for path, _, what, text, _ in unreached}
unlisted = 0
with open(os.path.join(build, "unreached.txt"), "w", encoding="utf-8") as report:
    for path, number, what, text, detail in unreached:
        known = entry(path, what, text) in listed
        unlisted += not known
        if not known:
            print("not in unreached.txt: %s:%d %s %s: %s" % (path, number, what, detail, text.strip()))
        report.write("%s %s:%d %s %s: %s\n" % (" " if known else "!", path, number, what, detail, text.strip()))
for gone in sorted(set(listed) - found):
    print("reached after all, or gone: " + gone)
percent = [100.0 * total[0] / max(total[1], 1), 100.0 * total[2] / max(total[3], 1)]
print("unreached: %d, of them %d not in tests/support/unreached.txt; see %s" %
      (len(unreached), unlisted, os.path.join(build, "unreached.txt")))
print("lines:    %.2f %% (%d of %d)" % (percent[0], total[0], total[1]))
print("branches: %.2f %% (%d of %d)" % (percent[1], total[2], total[3]))
sys.exit(unlisted > 0 or percent[0] < least[0] or percent[1] < least[1])
END_OF_SCRIPT
exit $failed
