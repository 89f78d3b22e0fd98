"""Reading of causes, and what the tests about them share: hogs, and control groups of both versions."""
import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from harness import LiveTestCase, Tool, WORKLOADS, Workload, wait_until

VERSION_1 = pathlib.Path("/sys/fs/cgroup")


def causes(entry, state=None, cause=None, by=None, where=None):
    """The causes of a thread of a report (or of a verdict) that are as given. `by` is a tid or a name."""
    def fits(found):
        who = found["by"]
        return ((state is None or found["state"] == state) and (cause is None or found["cause"] == cause) and
                (where is None or found["where"] == where) and
                (by is None or who is not None and by in (who["tid"], who["comm"])))
    return [found for found in entry["causes"] if fits(found)]


def total(entry, *states, **what):
    """ns of the causes that are as given, in any of the states."""
    return sum(found["total_ns"] for state in states or [None] for found in causes(entry, state, **what))


BLOCKED = "blocked_interruptible", "blocked_uninterruptible"


def blocked(entry):
    return sum(entry["accounting"][f"{state}_ns"] for state in BLOCKED)


@contextlib.contextmanager
def hog(cpu=0, name="cpu-hog", nice=0):
    """A process that takes a CPU; nice -20 makes what else the machine does there small beside it. Its pid."""
    command = ["nice", "-n", nice, WORKLOADS / "hog", cpu, name]
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().startswith("ready")
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def favour(pid):
    """As `hog` with nice -20: all threads of the process."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        os.setpriority(os.PRIO_PROCESS, int(tid), -20)


class ControlGroup:
    """A control group of the given hierarchy, which goes at the end: what is still in it moves to its parent's."""

    def __init__(self, hierarchy):
        self.parent = pathlib.Path(hierarchy)
        self.path = self.parent / f"kdelay-test-{os.getpid()}"

    def __enter__(self):
        self.path.mkdir()
        return self

    def __exit__(self, *_):
        for pid in self.read("cgroup.procs").split():
            with contextlib.suppress(ProcessLookupError):
                (self.parent / "cgroup.procs").write_text(pid)
        # What has just ended is in it for a moment more.
        def removed():
            with contextlib.suppress(OSError):
                self.path.rmdir()
            return not self.path.exists()
        wait_until(removed, f"{self.path} can be removed")

    def read(self, name):
        return (self.path / name).read_text()

    def write(self, name, value):
        (self.path / name).write_text(str(value))

    def add(self, pid):
        self.write("cgroup.procs", pid)

    def statistics(self, name):
        return {key: int(value) for key, value in (line.split() for line in self.read(name).splitlines())}


@contextlib.contextmanager
def version_2():
    """A mount of the unified hierarchy, wherever the machine has its own."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["mount", "-t", "cgroup2", "none", directory], check=True)
        try:
            yield pathlib.Path(directory)
        finally:
            subprocess.run(["umount", directory], check=True)


def controller(name):
    """The version 1 hierarchy of a controller; None where the machine has it in version 2, or not at all."""
    path = VERSION_1 / name
    return path if (path / "cgroup.procs").exists() else None


class CauseTestCase(LiveTestCase):
    options = ()

    @contextlib.contextmanager
    def sampling(self, pid, *options):
        """Samples the process from within to the end of the block; the list that it gives has the sample then."""
        tool = Tool("-p", pid, "--sample-time", 100, *self.options, *options).wait_recording()
        samples = []
        try:
            yield samples
        finally:
            result = tool.finish(signal.SIGINT)
        samples.append(result.sample)
        self.check_sample(samples[0])

    def watch(self, name, *arguments, options=(), prepare=lambda workload: None):
        """Runs a workload's measured part inside one sample; returns (sample, what the workload says)."""
        with Workload(name, *arguments) as workload:
            prepare(workload)
            with self.sampling(workload.pid, *options) as samples:
                answer = workload.go()
        return samples[0], answer

    def assertMost(self, part, whole, what, share=0.95):
        """That a part is most of a whole, and not more than it, as two clocks have them."""
        self.assertGreaterEqual(part, share * whole, what)
        self.assertLessEqual(part, whole / share + 1_000_000, what)
