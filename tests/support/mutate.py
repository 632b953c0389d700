#!/usr/bin/env python3
"""tests/support/mutate.py CHECKOUT BUILD [--mutants N] [--seed S] [--only PATH] [--jobs J] [--sim SEEDS]

Changes one thing in src/fastcgi, src/engine or src/message at a time (an operator, a number, a condition, a call that
is left out), and looks whether the fast tests notice: unit, engine, conformance without splits, and a short simulation.
Prints those that nobody noticed, and how many were noticed of all that make a difference to the compiled code.
tests/support/equivalent.txt has those that nobody can notice, with the reason; they do not count.

The tests are linked once, against a shared library of the whole of src/; a mutant is one object and one such library.
"""
import argparse
import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOMS = ("fastcgi", "engine", "message")
# Rows of the conformance suite that take no php-fpm and next to no time; a program each, so that the one that notices
# a mutant is found soon.
CONFORMANCE = ("FRM-0[1-589]*", "ENC-*", "TYP-*", "STR-*", "END-*", "CLS-*", "HDR-[0-3]*", "BOD-*", "KAL-0[1-46]*",
               "RUN-0[2-9]*", "CLU-*", "NET-0[1-47-9]*", "FLO-0[4-8]*")
SWAPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&", "+": "-",
         "-": "+", "+=": "-=", "-=": "+=", "&": "|", "|": "&", "<<": ">>", ">>": "<<", "*": "/", "/": "*", "%": "/"}
BINARY = re.compile(r"(?<= )(<<|>>|<=|>=|==|!=|&&|\|\||\+=|-=|[-+*/%<>&|])(?= )")
STEP = re.compile(r"(\+\+|--)")
NUMBER = re.compile(r"(?<![\w.])(0x[0-9a-fA-F]+|\d+)(?=[uU]?[lL]{0,2}\b)")
CONDITION = re.compile(r"^(\s*(?:\} else )?(?:if|while) \()(.*)(\)(?: \{)?)$")
CALL = re.compile(r"^\s+(?:\(void\))?[a-z_][\w>.-]*\([^;{}]*\);$")
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')


def blanked(text):
    """The source without comments, strings and characters, every place where it was."""
    def blank(match):
        return re.sub(r"[^\n]", "\x01", match.group(0))
    text = re.sub(r"/\*.*?\*/", blank, text, flags=re.S)
    return LITERAL.sub(blank, text)


def read_equivalents(path):
    """tests/support/equivalent.txt: FILE | before | after | reason"""
    found = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.strip() and not line.startswith("#"):
                    parts = line.strip().split(" | ")
                    if len(parts) < 4:
                        sys.exit("equivalent.txt: no reason: " + line)
                    # What is changed may have " | " in it; before and after then have as many.
                    middle = (len(parts) - 2) // 2
                    found[(parts[0], " | ".join(parts[1:1 + middle]), " | ".join(parts[1 + middle:1 + 2 * middle]))] = parts[-1]
    return found


def debug_lines(lines):
    """The lines that a build with NDEBUG does not have, and other lines of the preprocessor than numbers."""
    skipped, inside = set(), False
    for i, line in enumerate(lines):
        if line.startswith("#ifndef NDEBUG"):
            inside = True
        if inside or (line.startswith("#") and not re.match(r"#define \w+ \(?\d", line)) or "assert(" in line:
            skipped.add(i)
        if line.startswith("#endif"):
            inside = False
    return skipped


def mutants_of(path, text):
    lines, code = text.split("\n"), blanked(text).split("\n")
    skipped = debug_lines(code)
    for i, line in enumerate(code):
        if i in skipped or "\x01" in line and not line.strip("\x01 "):
            continue
        def changed(start, end, to):
            return (path, i, lines[i], lines[i][:start] + to + lines[i][end:])
        for m in BINARY.finditer(line):
            pointer = m.group(1) == "*" and re.search(r"(\w|\)) $", line[:m.start()]) is None
            if not pointer and not re.match(r"^\w.*\*", line):
                yield changed(m.start(), m.end(), SWAPS[m.group(1)])
        for m in STEP.finditer(line):
            yield changed(m.start(), m.end(), "--" if m.group(1) == "++" else "++")
        for m in NUMBER.finditer(line):
            value = int(m.group(1), 0)
            yield changed(m.start(), m.end(), "0" if value == 1 else str(value + 1))
        m = CONDITION.match(line)
        if m is not None:
            yield changed(m.start(2), m.end(2), "!(" + lines[i][m.start(2):m.end(2)] + ")")
        if CALL.match(line) and not line.strip().startswith("return"):
            yield (path, i, lines[i], re.match(r"\s*", line).group(0) + ";")


class Bench:
    """The compiled original, and the test programs."""

    def __init__(self, checkout, build, jobs, sim_seeds):
        self.checkout, self.build, self.jobs, self.sim_seeds = checkout, build, jobs, sim_seeds
        self.objects = {}
        self.programs = []  # name, command, seconds
        os.makedirs(os.path.join(build, "objects"), exist_ok=True)

    def path(self, *parts):
        return os.path.join(self.checkout, *parts)

    def compiler(self):
        return ["gcc", "-std=c11", "-O1", "-w", "-fPIC", "-I", self.path("include"), "-I", self.path("src")]

    def compile_library(self, source, output):
        return subprocess.run(self.compiler() + ["-D_POSIX_C_SOURCE=200809L", "-D_FILE_OFFSET_BITS=64", "-c", source,
                                                 "-o", output], capture_output=True, check=False).returncode == 0

    def link_library(self, objects, output):
        return subprocess.run(["gcc", "-shared", "-o", output] + objects, capture_output=True,
                              check=False).returncode == 0

    def sources(self, *parts):
        folder = self.path(*parts)
        if not os.path.isdir(folder):
            return []
        return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".c"))

    def prepare(self):
        rooms = sorted(os.listdir(self.path("src")))
        library = [s for room in rooms for s in self.sources("src", room)]
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for source, output, good in pool.map(self.compile_original, library):
                if not good:
                    sys.exit("mutate: does not compile: " + source)
                self.objects[source] = output
        if not self.link_library(list(self.objects.values()), os.path.join(self.build, "libmutant.so")):
            sys.exit("mutate: the library cannot be linked")
        self.make_programs()

    def compile_original(self, source):
        output = os.path.join(self.build, "objects", os.path.relpath(source, self.checkout).replace("/", "_") + ".o")
        return source, output, self.compile_library(source, output)

    def compile_test(self, source):
        output = os.path.join(self.build, "objects", os.path.relpath(source, self.checkout).replace("/", "_") + ".o")
        command = self.compiler() + ["-D_GNU_SOURCE=", "-D_FILE_OFFSET_BITS=64", "-I", self.path("tests"),
                                     '-DFCGIP_TEST_DOCKER_DIR="%s"' % self.path("docker"),
                                     '-DFCGIP_TEST_DATA_DIR="%s"' % self.path("tests"), "-c", source, "-o", output]
        good = subprocess.run(command, capture_output=True, check=False).returncode == 0
        return source, output, good

    def make_programs(self):
        support = self.sources("tests", "support")
        single = [s for s in self.sources("tests", "unit") + self.sources("tests", "engine")
                  if os.path.basename(s).startswith("test_") and not os.path.basename(s).startswith("test_php_fpm")]
        sim = self.sources("tests", "sim") if self.sim_seeds > 0 else []
        conformance = self.sources("tests", "conformance")
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            done = list(pool.map(self.compile_test, support + single + conformance + sim))
        for source, _, good in done:
            if not good:
                print("mutate: left out, as it does not compile: " + os.path.relpath(source, self.checkout))
        compiled = {source: output for source, output, good in done if good}
        archive = os.path.join(self.build, "libsupport.a")
        if os.path.exists(archive):
            os.remove(archive)
        subprocess.run(["ar", "rcs", archive] + [compiled[s] for s in support if s in compiled], check=True)
        for source in single:
            if source in compiled:
                name = os.path.basename(os.path.dirname(source)) + "_" + os.path.basename(source)[5:-2]
                self.link_program(name, [compiled[source]], [])
        if all(s in compiled for s in conformance):
            for rows in CONFORMANCE:
                self.link_program("conformance_" + rows, [compiled[s] for s in conformance],
                                  ["--adapter", "libfcgiproxy", "--splits", "none", "--short", "--jobs", "0", "--filter", rows])
        if sim and all(s in compiled for s in sim):
            self.link_program("sim_cases", [compiled[s] for s in sim], ["--cases"])
            self.link_program("sim_seeds", [compiled[s] for s in sim], ["--no-cases", "--seeds", str(self.sim_seeds)])

    def link_program(self, name, objects, arguments):
        output = os.path.join(self.build, "programs", name)
        os.makedirs(os.path.dirname(output), exist_ok=True)
        linked = subprocess.run(["gcc", "-o", output] + objects + ["-L", self.build, "-lsupport", "-lmutant", "-lcmocka",
                                                                    "-lm", "-ldl", "-pthread"], capture_output=True,
                                check=False)
        if linked.returncode != 0:
            print("mutate: left out, as it does not link: " + name)
            return
        start = time.monotonic()
        if self.run([output] + arguments, self.build, 300) != 0:
            print("mutate: left out, as it fails by itself: " + name)
            return
        self.programs.append((name, [output] + arguments, time.monotonic() - start))

    def run(self, command, library_folder, seconds):
        environment = dict(os.environ, LD_LIBRARY_PATH=library_folder, CMOCKA_MESSAGE_OUTPUT="STDOUT")
        try:
            return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, timeout=seconds, check=False).returncode
        except subprocess.TimeoutExpired:
            return -1

    def judge(self, mutant):
        """'noticed', 'survived', 'invalid' (does not compile) or 'same' (compiles to the same code)."""
        path, number, _, after = mutant
        folder = tempfile.mkdtemp(dir=self.build)
        try:
            copy = os.path.join(folder, os.path.basename(path))
            with open(path, encoding="utf-8") as file:
                lines = file.read().split("\n")
            lines[number] = after
            with open(copy, "w", encoding="utf-8") as file:
                file.write("\n".join(lines))
            changed = os.path.join(folder, "mutant.o")
            if not self.compile_library(copy, changed):
                return "invalid"
            if self.code_of(changed) == self.code_of(self.objects[path]):
                return "same"
            objects = [changed if source == path else output for source, output in self.objects.items()]
            if not self.link_library(objects, os.path.join(folder, "libmutant.so")):
                return "invalid"
            stem = os.path.basename(path)[:-2]
            for name, command, seconds in sorted(self.programs, key=lambda p: (stem not in p[0], p[2])):
                if self.run(command, folder, 6 * seconds + 4) != 0:
                    return "noticed"
            return "survived"
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def code_of(path):
        listing = subprocess.run(["objdump", "-d", "-r", "-s", "-j", ".text", "-j", ".rodata", path],
                                 capture_output=True, check=False).stdout
        return b"\n".join(line for line in listing.split(b"\n") if b"file format" not in line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout")
    parser.add_argument("build")
    parser.add_argument("--mutants", type=int, default=300, help="how many (0: all; default 300)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--only", default="", help="only of files whose path has this in it")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--sim", type=int, default=300, help="seeds of the simulation (default 300; 0: none)")
    options = parser.parse_args()
    bench = Bench(os.path.abspath(options.checkout), os.path.abspath(options.build), options.jobs, options.sim)
    bench.prepare()
    every = []
    for room in ROOMS:
        for path in bench.sources("src", room):
            if options.only in path:
                with open(path, encoding="utf-8") as file:
                    every += list(mutants_of(path, file.read()))
    random.Random(options.seed).shuffle(every)
    chosen = every[:options.mutants] if options.mutants > 0 else every
    equivalents = read_equivalents(bench.path("tests", "support", "equivalent.txt"))
    print("mutate: %d of %d mutants, seed %d, %d test programs" %
          (len(chosen), len(every), options.seed, len(bench.programs)), flush=True)
    counts, lock = {"noticed": 0, "survived": 0, "invalid": 0, "same": 0, "equivalent": 0}, threading.Lock()

    def work(mutant):
        path, number, before, after = mutant
        is_known = (os.path.relpath(path, bench.checkout), before.strip(), after.strip()) in equivalents
        verdict = "equivalent" if is_known else bench.judge(mutant)
        with lock:
            counts[verdict] += 1
            if sum(counts.values()) % 50 == 0:
                print("mutate: %d of %d, %d noticed" % (sum(counts.values()), len(chosen), counts["noticed"]), flush=True)
            if verdict == "survived":
                print("survived: %s:%d\n  - %s\n  + %s" % (os.path.relpath(path, bench.checkout), number + 1,
                                                            before.strip(), after.strip()), flush=True)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(work, chosen))
    judged = counts["noticed"] + counts["survived"]
    print("mutate: %d noticed, %d survived, %d without effect, %d that do not compile, %d known to be equivalent" %
          (counts["noticed"], counts["survived"], counts["same"], counts["invalid"], counts["equivalent"]))
    print("mutate: score %.1f %%" % (100.0 * counts["noticed"] / judged if judged > 0 else 100.0))


if __name__ == "__main__":
    main()
