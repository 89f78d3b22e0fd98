#!/usr/bin/env python3
"""How fast recorded samples become stacks, against perf on the same file: measure.py [--rounds N]. Root, perf, gcc, g++."""
import argparse
import os
import pathlib
import re
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[1] / ".build"
REPLAY = BUILD / "release/stack-replay"
WORK = BUILD / "replay"
PARTS, INSTANCES = 4, 100

# Each instance brings some 280 KB of code and DWARF.
TEMPLATE = """
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

template <int N> struct Key {
  int value;
  bool operator<(const Key &other) const { return value < other.value; }
};

template <int N> int use(int seed) {
  std::map<Key<N>, std::vector<std::string>> all;
  std::function<int(int)> add = [&](int x) {
    all[Key<N>{x}].push_back(std::to_string(x));
    return static_cast<int>(all.size());
  };
  std::vector<Key<N>> keys;
  for (int i = 0; i < seed; i++) keys.push_back(Key<N>{add(i)});
  std::sort(keys.begin(), keys.end());
  auto shared = std::make_shared<std::map<int, Key<N>>>();
  (*shared)[1] = keys[0];
  return add(seed) + static_cast<int>(shared->size());
}
"""


def record(name, *command, dump=8192):
    """Samples of the command's switches, user space alone."""
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"{name}.data"
    subprocess.run(["perf", "record", "-q", "-k", "mono", "-e", "sched:sched_switch", "--user-callchains", "--call-graph",
                    f"dwarf,{dump}", "-o", path, "--", *map(str, command)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return path


def cpu_time(*command):
    """Seconds of CPU, user and system, of a command whose output goes nowhere."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"error: {command[0]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def large_program():
    """A program of more than 100 MB with debug information; made once, which takes a minute."""
    program = WORK / "large"
    if program.exists():
        return program
    WORK.mkdir(parents=True, exist_ok=True)
    compilers, objects = [], []
    for part in range(PARTS):
        numbers = range(part * INSTANCES, (part + 1) * INSTANCES)
        source = WORK / f"large{part}.cc"
        source.write_text(TEMPLATE + f"int part{part}(int seed) {{\n  int sum = 0;\n"
                          + "".join(f"  sum += use<{n}>(seed);\n" for n in numbers) + "  return sum;\n}\n")
        objects.append(source.with_suffix(".o"))
        compilers.append(subprocess.Popen(["g++", "-g", "-c", source, "-o", objects[-1]]))
        if len(compilers) == os.cpu_count() or part == PARTS - 1:
            if any(compiler.wait() for compiler in compilers):
                raise SystemExit("error: the large program does not compile")
            compilers.clear()
    source = WORK / "large.cc"
    source.write_text("#include <unistd.h>\n" + "".join(f"int part{n}(int);\n" for n in range(PARTS))
                      + "template <int N> int deep(int x) { return deep<N - 1>(x) + 1; }\n"
                      + "template <> int deep<0>(int x) { usleep(1000); return x; }\n"
                      + f"int main() {{ return deep<20>({' + '.join(f'part{n}(3)' for n in range(PARTS))}) == 0; }}\n")
    subprocess.run(["g++", "-g", source, *objects, "-o", program], check=True)
    for file in objects:
        file.unlink()
    return program


def measure(rounds, bound):
    """Prints the figures; `bound(holds, text)` is told what each has to be."""
    WORK.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-g", "-fomit-frame-pointer", "-o", WORK / "sleeper", HERE / "sleeper.c"], check=True)
    file = record("deep", WORK / "sleeper", 36, 20000)
    out = subprocess.run([REPLAY, "--time", file], capture_output=True, text=True, check=True).stdout
    samples, frames = map(int, re.search(r"(\d+) samples, (\d+) frames", out).groups())
    print(f"recorded stacks: {samples} samples, {frames / samples:.1f} frames each")
    print("".join(f"  {line}\n" for line in out.splitlines()), end="")
    allocations = int(re.search(r"(\d+) allocations", out)[1])
    bound(allocations == 0, f"no heap allocation in a warm pass: {allocations}")
    ours, perfs = [], []
    for _ in range(rounds):
        perfs.append(cpu_time("perf", "script", "--no-inline", "-F", "tid,time,ip,sym,symoff,dso", "-i", file))
        ours.append(cpu_time(REPLAY, file))
    ratio = statistics.median(our / their for our, their in zip(ours, perfs))
    print(f"  sample to printed frame, with names: {spread(ours, 2)} s of CPU; perf script {spread(perfs, 2)} s")
    bound(ratio <= 0.2, f"at most 0.2 times perf script's CPU time: {ratio:.2f} x")

    program = large_program()
    size = program.stat().st_size
    file = record("large", program)
    times = []
    for _ in range(max(rounds, 3)):
        out = subprocess.run([REPLAY, "--first", "large", file], capture_output=True, text=True, check=True).stdout
        times.append(float(re.search(r"after ([\d.]+) ms", out)[1]))
    print(f"the first stack of a program of {size / 1e6:.0f} MB with debug information: {spread(times, 0)} ms")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    measure(options.rounds, lambda holds, text: print(f"  {'holds' if holds else 'DOES NOT HOLD'}: {text}"))


if __name__ == "__main__":
    main()
