"""Stacks of samples that perf recorded, against those that perf's own unwinder makes of the same samples."""
import collections
import pathlib
import subprocess
import sys
import tempfile

from harness import LiveTestCase, ROOT

REPLAY = ROOT / "Benchmarks/replay"
PROGRAMS = pathlib.Path(__file__).resolve().parent / "programs"
sys.path.insert(0, str(REPLAY))
import compare  # noqa: E402  (of Benchmarks/replay)

SCRIPT = """
import time
def nap(): time.sleep(0.0001)
def deep(n): return sum(map(deep, [n - 1])) + 1 if n else nap() or 0
def each(n):
    if n: yield from each(n - 1)
    nap()
    yield n
for n in range(40):
    deep(n % 14)
    list(each(n % 8))
    sorted(range(9), key=lambda _: nap() or 0)
"""


class PerfsStacks(LiveTestCase):
    def check(self, least, *command, dump=16384, ends=("complete",)):
        """Samples of all switches of a program that perf starts itself: perf keeps what was mapped before an exec."""
        with tempfile.TemporaryDirectory() as directory:
            file = pathlib.Path(directory) / "perf.data"
            subprocess.run(["perf", "record", "-q", "-k", "mono", "-e", "sched:sched_switch", "--call-graph", f"dwarf,{dump}",
                            "-o", file, "--", *map(str, command)], check=True, stdout=subprocess.DEVNULL)
            counts, shown, cut = collections.Counter(), [], []
            for relation, same, ours, perfs in compare.compare(file):
                counts[relation] += 1
                # Within its exec the old stack is gone, which perf shows as no stack at all. What is written in assembler,
                # the loader's first instruction or `_init`, has no call frame information, and for perf no caller either.
                has_none = not perfs.frames or len(perfs.frames) == 1 and (relation, ours.end) == ("same", "noInformation")
                if ours.end not in ends and not has_none:
                    cut.append(f"{relation}, end {ours.end}: {[hex(f[0]) for f in ours.frames]}, perf's {perfs.frames}")
                if relation in ("shorter", "different"):
                    shown.append(f"{relation} behind {same} frames, end {ours.end}: "
                                 f"{[hex(f[0]) for f in ours.frames[same:same + 3]]}, perf's {perfs.frames[same:same + 3]}")
        self.assertFalse(shown, "\n".join(shown[:5]))
        # Preempted in its last instruction, a function's caller is found by us and not by perf (Docs/measurements/unwinding-perf.md).
        self.assertGreater(counts["same"] + counts["longer"], least)
        self.assertLess(counts["longer"], counts["same"] / 50 if "truncated" not in ends else counts["same"] + 1)
        self.assertFalse(cut, "\n".join(cut[:5]))

    def compiled(self, directory, source, compiler):
        program = pathlib.Path(directory) / source.stem
        subprocess.run([compiler, "-O2", "-g", "-fomit-frame-pointer", "-pthread", "-o", program, source], check=True)
        return program

    def test_c_without_frame_pointers(self):
        with tempfile.TemporaryDirectory() as directory:
            sleeper = self.compiled(directory, REPLAY / "sleeper.c", "gcc")
            self.check(290, sleeper, 36, 300)
            self.check(190, sleeper, 300, 200, dump=32768)

    def test_what_the_dump_cuts_off(self):
        with tempfile.TemporaryDirectory() as directory:
            sleeper = self.compiled(directory, REPLAY / "sleeper.c", "gcc")
            self.check(90, sleeper, 300, 100, dump=4096, ends=("complete", "truncated"))

    def test_cxx_with_exceptions_and_callbacks(self):
        with tempfile.TemporaryDirectory() as directory:
            self.check(200, self.compiled(directory, PROGRAMS / "naps.cc", "g++"))

    def test_cpython(self):
        self.check(300, "/usr/bin/python3", "-c", SCRIPT)
