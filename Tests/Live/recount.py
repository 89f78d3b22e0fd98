"""A count of syscalls that has nothing in common with the tool but the kernel: the text of an instance of its own, read by lines."""
import collections
import os
import pathlib
import re

from harness import TRACEFS

EVENTS = ("raw_syscalls/sys_enter", "raw_syscalls/sys_exit", "sched/sched_process_fork")
LINE = re.compile(r".{16}-(\d+) +\[\d+\] \S+ +(\d+)\.(\d+): (sys_enter|sys_exit|sched_process_fork): (.*)")
FORK = re.compile(r"comm=.* pid=(\d+) child_comm=.* child_pid=(\d+)")


class Recount:
    """Records the syscalls of all tasks from `__enter__` to `stop`, but for those of the tasks `besides`, on the clock that the
    tool uses. No pid filter takes part."""

    def __init__(self, besides=(), mebibytes=128):
        self.path = TRACEFS / "instances" / f"recount-{os.getpid()}"
        self.besides = besides
        self.mebibytes = mebibytes

    def write(self, name, text):
        (self.path / name).write_text(text)

    def __enter__(self):
        self.path.mkdir()
        self.write("tracing_on", "0")
        self.write("trace_clock", "mono")
        self.write("buffer_size_kb", str(self.mebibytes * 1024))
        for event in EVENTS:
            if self.besides and event.startswith("raw"):
                self.write(f"events/{event}/filter", " && ".join(f"common_pid != {pid}" for pid in self.besides))
            self.write(f"events/{event}/enable", "1")
        self.write("tracing_on", "1")
        return self

    def stop(self):
        self.write("tracing_on", "0")

    def __exit__(self, *_):
        self.path.rmdir()

    def lost(self):
        stats = [path.read_text() for path in self.path.glob("per_cpu/cpu*/stats")]
        return sum(int(re.search(rf"^{what}: (\d+)", text, re.M)[1]) for text in stats
                   for what in ("overrun", "commit overrun", "dropped events"))

    def read(self):
        """[(time in us, tid, event, what it says)]; the text has no finer time."""
        events = []
        with open(self.path / "trace", errors="replace") as trace:
            for line in trace:
                if line.startswith("#"):
                    continue
                found = LINE.match(line)
                assert found, line
                tid, seconds, micros, event, rest = found.groups()
                events.append((int(seconds) * 1_000_000 + int(micros), int(tid), event, rest))
        return events

    def counts(self, start_ns, stop_ns):
        """({tid: {syscall number: (fewest, most)}} of syscalls that began and ended in the window, {child: parent} of forks).
        The two counts differ by syscalls that began or ended in the microsecond of one of the window's edges."""
        counts = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
        begun, parents = {}, {}
        for time, tid, event, rest in self.read():
            if event == "sched_process_fork":
                parent, child = map(int, FORK.match(rest).groups())
                parents[child] = parent
                begun.pop(child, None)
            elif event == "sys_enter":
                begun[tid] = (int(rest.split()[1]), time)
            elif tid in begun:
                number, began = begun.pop(tid)
                ended = int(rest.split()[1])
                if ended not in (number, -1):
                    continue
                first, last = start_ns / 1000, stop_ns / 1000
                if began + 1 > first and time < last:
                    counts[tid][number][1] += 1
                    if began >= first and time + 1 <= last:
                        counts[tid][number][0] += 1
        return counts, parents


def descendants(roots, parents):
    """The tasks of `parents` ({child: parent}) that come from `roots`, and these."""
    found = set(roots)
    for child, parent in parents.items():
        if parent in found:
            found.add(child)
    return found


def living_descendants(root):
    """The tids of process `root` and all processes below it that live now, as /proc shows them."""
    parents = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, grows = {root}, True
    while grows:
        more = {child for child, parent in parents.items() if parent in found} - found
        found |= more
        grows = bool(more)
    tids = set()
    for pid in found:
        try:
            tids |= {int(tid) for tid in os.listdir(f"/proc/{pid}/task")}
        except OSError:
            pass
    return tids
