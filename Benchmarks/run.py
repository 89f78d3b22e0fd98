#!/usr/bin/env python3
"""The benchmarks: what the tool costs its target, itself, and per event; as ratios within this one run.

run.py [--rounds N] [--quick]. Root, a kernel with tracefs and two CPUs; bpftrace and perf are the peers. The target calls
getppid as fast as it can on CPU 0; watchers run on CPU 1 unless said. Every figure is the median of the rounds, which take
turns, so that a machine that slows down slows all of them; where one is compared with another to a few percent, it is the
least of each. What has to hold is a count, or such a ratio, and never a time: it holds on any machine. Exit status 1 where
something does not hold, twice in a row.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import tempfile
import time

import bounds
import replay.measure
import switches.measure

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = ROOT / ".build/release/kdelay-ftrace"
PAGES = ROOT / ".build/release/page-replay"
WORKLOADS = ROOT / ".build/workloads"
WALK = WORKLOADS / "read-and-walk"
TRACEFS = pathlib.Path("/sys/kernel/tracing")
EVENTS = ["raw_syscalls/sys_enter", "raw_syscalls/sys_exit", "sched/sched_switch", "sched/sched_wakeup",
          "sched/sched_wakeup_new", "irq/irq_handler_entry", "irq/irq_handler_exit", "irq/softirq_entry",
          "irq/softirq_exit", "task/task_newtask", "task/task_rename", "sched/sched_process_exit",
          "sched/sched_process_exec"]


class Target:
    """getppid at full rate on CPU 0, started and stopped by handshake."""

    def __init__(self, calls):
        self.process = subprocess.Popen([WORKLOADS / "spin-syscalls", str(calls), "0"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.pid = int(self.process.stdout.readline().split()[1])

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["ns_per_call"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Instance:
    """The tool's events in a tracing instance that nobody reads."""

    def __init__(self, pid, kib):
        self.path = TRACEFS / f"instances/bench-{os.getpid()}"
        os.mkdir(self.path)
        self.set("tracing_on", "0")
        self.set("trace_clock", "mono")
        if (self.path / "buffer_subbuf_size_kb").exists():
            self.set("buffer_subbuf_size_kb", "64")
        self.set("buffer_size_kb", str(kib))
        self.set("set_event_pid", str(pid))
        for event in EVENTS:
            self.set(f"events/{event}/enable", "1")
        self.set("tracing_on", "1")

    def set(self, file, text):
        (self.path / file).write_text(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.set("tracing_on", "0")
        time.sleep(0.05)
        os.rmdir(self.path)

    def record(self, directory):
        """Writes each CPU's pages to `cpuN.raw`, and what the kernel says of them to `cpuN.stats`."""
        for cpu in sorted((self.path / "per_cpu").glob("cpu*")):
            pipe = os.open(cpu / "trace_pipe_raw", os.O_RDONLY | os.O_NONBLOCK)
            path = pathlib.Path(directory, f"{cpu.name}.raw")
            path.with_suffix(".stats").write_text((cpu / "stats").read_text())
            with open(path, "wb") as out:
                while out.tell() < 24 << 20:
                    try:
                        page = os.read(pipe, 65536)
                    except BlockingIOError:
                        break
                    if not page:
                        break
                    out.write(page.ljust(65536, b"\0"))
            os.close(pipe)


def unwatched(calls):
    with Target(calls) as target:
        return target.go()


def nobody_reads(calls):
    with Target(calls) as target, Instance(target.pid, 32768):
        return target.go()


def read_and_walked(calls):
    """ns of CPU for each event of a C program that reads the same, looks into each record, and does nothing with it."""
    with Target(calls) as target, Instance(target.pid, 32768) as instance:
        reader = subprocess.Popen(["taskset", "-c", "1", WALK, instance.path, "65536"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        reader.stdout.readline()
        target.go()
        said, _ = reader.communicate("", timeout=60)
    events, cost = re.search(r"(\d+) events, ([\d.]+) ns each", said).groups()
    if int(events) < 2 * calls:
        print(f"  the C program saw {events} events only")
    return float(cost)


class Watched:
    """One run of the target under the tool, and what the tool says that it cost."""

    def __init__(self, calls, *options, hogs=0, under=()):
        busy = [subprocess.Popen([WORKLOADS / "spin-syscalls", "--forever", "1"]) for _ in range(hogs)]
        try:
            with Target(calls) as target, tempfile.NamedTemporaryFile() as report:
                tool = subprocess.Popen(["taskset", "-c", "1", *under, BINARY, *options, "-D", "--format", "json", "-p", str(target.pid),
                                         "--sample-time", "600"], stdout=report, stderr=subprocess.PIPE, text=True)
                # It measures first what recording costs, and may have to share its CPU.
                time.sleep(2.5)
                self.ns = target.go()
                tool.send_signal(signal.SIGINT)
                _, said = tool.communicate(timeout=60)
                self.sample = json.loads(pathlib.Path(report.name).read_text().splitlines()[-1])
        finally:
            for hog in busy:
                hog.kill()
                hog.wait()
        events, user, system = map(int, re.search(r"read (\d+) events with (\d+) us user and (\d+) us system", said).groups())
        self.cost = (user + system) * 1000 / events
        self.setup = sum(map(int, re.search(r"set up with (\d+) us user and (\d+) us system", said).groups()))
        self.memory = int(re.search(r"at most (\d+) KiB", said)[1])
        self.lost = self.sample["loss"]["events"]
        self.read = self.sample["loss"]["events_read"]
        self.counted = sum(s["count"] for t in self.sample["threads"] for s in t["syscalls"] if s["name"] == "getppid")


def under_bpftrace(calls):
    with Target(calls) as target:
        oracle = subprocess.Popen([ROOT / "Tests/Oracles/statistics", str(target.pid)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        oracle.stdout.readline()
        ns = target.go()
        oracle.communicate("", timeout=60)
        return ns


def under_perf_trace(calls):
    with Target(calls) as target:
        perf = subprocess.Popen(["taskset", "-c", "1", "perf", "trace", "-s", "-p", str(target.pid)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.5)
        ns = target.go()
        perf.send_signal(signal.SIGINT)
        perf.wait(60)
        return ns


def live(rounds, calls, bound):
    rows = {"unwatched": [], "recorded, nobody reads": [], "kdelay-ftrace": [], "bpftrace, same statistics": [],
            "perf trace -s": []}
    runs = []
    for _ in range(rounds):
        rows["unwatched"].append(unwatched(calls))
        rows["recorded, nobody reads"].append(nobody_reads(calls))
        runs.append(Watched(calls))
        rows["kdelay-ftrace"].append(runs[-1].ns)
        rows["bpftrace, same statistics"].append(under_bpftrace(calls // 4))
        rows["perf trace -s"].append(under_perf_trace(calls // 40))
    base = statistics.median(rows["unwatched"])
    print(f"getppid at full rate on CPU 0, {calls} calls, median of {rounds} rounds:")
    for name, values in rows.items():
        median = statistics.median(values)
        print(f"  {name:28} {median:10.0f} ns a call {median / base:8.2f} x unwatched"
              f"   (min {min(values):.0f}, max {max(values):.0f})")
    ratio = min(rows["kdelay-ftrace"]) / min(rows["recorded, nobody reads"])
    bound(ratio <= 1.02, f"at most 1.02 x the same events with nobody reading, by the least of each: {ratio:.3f} x")
    bound(all(r.lost == 0 and r.counted == calls for r in runs),
          f"no event lost with default buffers: {max(r.lost for r in runs)} lost, {runs[0].counted} calls counted")
    print(f"  the tool took at most {max(r.memory for r in runs)} KiB of memory")


def reading(rounds, calls, bound):
    """The tool's own CPU time, beside that of a C program which only reads the same buffers and walks over their records. Both
    read 64 KiB at a time, on CPU 1. What the tool takes before it reads does not grow with the events, and is told apart."""
    runs, walked = [], []
    for _ in range(rounds):
        walked.append(read_and_walked(calls))
        runs.append(Watched(calls))
    ratios = [run.cost / walk for run, walk in zip(runs, walked)]
    print(f"CPU time per event, user and system, {calls} calls of getppid, median of {rounds} rounds:")
    print(f"  a C program that reads and walks: {statistics.median(walked):.1f} ns (min {min(walked):.1f}, max {max(walked):.1f})")
    costs = [run.cost for run in runs]
    print(f"  kdelay-ftrace: {statistics.median(costs):.1f} ns (min {min(costs):.1f}, max {max(costs):.1f}), "
          f"and {statistics.median(run.setup for run in runs) / 1000:.0f} ms to set up")
    ratio = statistics.median(ratios)
    bound(ratio <= 1.5, f"at most 1.5 x the CPU of reading and walking: {ratio:.2f} x (min {min(ratios):.2f}, max {max(ratios):.2f})")


def crowds(calls, bound):
    for hogs in (1, 25):
        crowded(hogs, [Watched(calls, hogs=hogs)], calls, bound)


def crowded(hogs, runs, calls, bound):
    """Full-rate processes on the reader's CPU, which it has to share with them."""
    print(f"the same, with {hogs} full-rate process{'es' if hogs > 1 else ''} on the reader's CPU:")
    for run in runs:
        print(f"  {run.lost} lost + {run.read} read = {run.lost + run.read} written, {run.counted} calls counted")
    bound(all(2 * calls <= r.lost + r.read < 2 * calls + 20000 for r in runs),
          "events read and lost are the events written (two a call, and some for switches and interrupts)")
    bound(all(r.counted <= calls for r in runs), "nothing is counted twice")
    bound(all(r.lost == 0 for r in runs), "no event is lost")


def slow_syscalls(rounds, calls, bound):
    """What it costs the target to have the stacks of slow syscalls ready, of which there are none here."""
    deny = WORKLOADS / "deny-perf"
    subprocess.run(["gcc", "-o", deny, ROOT / "Tests/Live/programs/deny-perf.c"], check=True)
    kinds = {"-s 1000000": (("-s", "1000000"), (), 1.10), "-s 100000": (("-s", "100000"), (), 1.30),
             "-s 100000, no perf events": (("-s", "100000"), (deny, "1"), None)}
    ratios = {kind: [] for kind in kinds}
    lost = dict.fromkeys(kinds, 0)
    for _ in range(rounds):
        plain = Watched(calls).ns
        for kind, (options, under, _) in kinds.items():
            run = Watched(calls, *options, under=under)
            ratios[kind].append(run.ns / plain)
            lost[kind] += run.sample["loss"]["stack_samples"] + run.lost
    print("the stacks of slow syscalls, of which the target has none:")
    for kind, (_, _, most) in kinds.items():
        ratio = statistics.median(ratios[kind])
        print(f"  {kind:28} {ratio:8.2f} x without -s   (min {min(ratios[kind]):.2f}, max {max(ratios[kind]):.2f};"
              f" {lost[kind]} events and samples lost)")
        if most:
            bound(ratio <= most, f"at most {most:.2f} x: {ratio:.3f} x")


class Waiting:
    """The tool, waiting for a start trigger that never comes; or the events it would record then, for somebody else only."""

    def __init__(self, pid, function):
        self.tool = subprocess.Popen([BINARY, "-D", "-p", str(pid), "--start-trigger", f"up:{function}"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.tool.stderr:
            if "gating" in line:
                break
        time.sleep(0.3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tool.send_signal(signal.SIGINT)
        self.tool.communicate(timeout=60)


def waiting(rounds, calls, bound):
    """A target that waits for its start trigger, beside one that is outside the pid filter of the same events."""
    def getppid(watcher):
        with Target(calls) as target, watcher(target.pid):
            return target.go()

    def switches(watcher):
        """Two threads hand a turn to each other on one CPU: two futex calls and a switch a turn."""
        turns = calls // 40
        process = subprocess.Popen(["taskset", "-c", "0", WORKLOADS / "trigger-windows", "1", str(turns), "2"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with process, watcher(int(process.stdout.readline().split()[1])):
            process.stdin.write("go\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            process.stdin.close()
            return (answer["end_ns"] - answer["start_ns"]) / turns

    outside = lambda pid: Instance(os.getpid(), 32768)
    for what, load, function in (("getppid at full rate", getppid, "die"), ("turns between two threads", switches, "die")):
        pairs = [(load(outside), load(lambda pid: Waiting(pid, function))) for _ in range(rounds)]
        ratio = statistics.median(b / a for a, b in pairs)
        print(f"{what}: {statistics.median(a for a, _ in pairs):.0f} ns outside the pid filter, "
              f"{statistics.median(b for _, b in pairs):.0f} ns waiting for a start trigger")
        bound(ratio <= 1.15, f"a waiting target runs at most 1.15 x slower than one outside the pid filter: {ratio:.3f} x")


def memory(seconds, bound):
    """Memory must follow the target's threads and syscalls, not the length of the sample."""
    peaks = {}
    for length in (seconds / 10, seconds):
        spinner = subprocess.Popen([WORKLOADS / "spin-syscalls", "--forever", "0"])
        tool = subprocess.run([BINARY, "-D", "--format", "json", "-p", str(spinner.pid), "--sample-time", str(length)],
                              capture_output=True, text=True)
        spinner.kill()
        spinner.wait()
        peaks[length] = int(re.search(r"at most (\d+) KiB", tool.stderr)[1])
    short, long = peaks.values()
    print(f"memory after {seconds / 10:g} s: {short} KiB, after {seconds:g} s: {long} KiB")
    bound(long < 1.1 * short + 1024, "memory does not grow with the length of the sample")


def pages(bound):
    """Decoding, merging and aggregating of pages that were just recorded, single-threaded. The bound on the time is for syscalls
    at full rate, where it counts: switches, wake-ups and interrupts change more than one thread, and cost more than a syscall."""
    for name, most, command in (("syscalls at full rate", 1.5, ["spin-syscalls", "400000", "0"]),
                                ("mixed load", None, ["known-answer", "60000", "200"])):
        with tempfile.TemporaryDirectory() as directory:
            process = subprocess.Popen([WORKLOADS / command[0], *command[1:]], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
            pid = int(process.stdout.readline().split()[1])
            with Instance(pid, 32768) as instance:
                instance.set("set_event_pid", " ".join(os.listdir(f"/proc/{pid}/task")))
                process.stdin.write("go\n")
                process.stdin.flush()
                process.stdout.readline()
                instance.set("tracing_on", "0")
                instance.record(directory)
            process.communicate("")
            print(f"recorded pages, {name}:")
            out = subprocess.run([PAGES, directory, TRACEFS / "events", "65536"], capture_output=True, text=True,
                                 check=True).stdout
            print("".join(f"  {line}\n" for line in out.splitlines()), end="")
            ratio = float(re.search(r"ratio: ([\d.]+) times", out)[1])
            if most:
                bound(ratio <= most, f"decode, merge and aggregate at most {most} x decoding alone: {ratio:.2f} x")
            else:
                print("  no bound on the ratio for this load")
            allocations, events = map(int, re.search(r"allocations: (\d+) for (\d+) events", out).groups())
            bound(allocations == 0, f"no heap allocation in a second pass: {allocations} for {events} events")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    subprocess.run(["make", "-s", "-C", ROOT / "Tests/Workloads", f"OUT={WORKLOADS}"], check=True)
    if os.geteuid() != 0 or not (TRACEFS / "instances").exists():
        raise SystemExit("error: the benchmarks need root and a mounted tracefs\n  see `kdelay-ftrace doctor`")
    rounds = 1 if options.quick else options.rounds
    calls = 1_000_000 if options.quick else 4_000_000
    subprocess.run(["gcc", "-O2", "-o", WALK, ROOT / "Benchmarks/reading/read-and-walk.c"], check=True)
    bound = bounds.Bounds()
    bound.measure(pages)
    bound.measure(replay.measure.measure, rounds)
    bound.measure(live, rounds, calls)
    bound.measure(switches.measure.measure, rounds)
    bound.measure(reading, max(3, 2 * rounds - 1), calls)
    bound.measure(crowds, calls)
    bound.measure(slow_syscalls, rounds, calls // 2)
    bound.measure(waiting, rounds, calls // 2)
    bound.measure(memory, 2 if options.quick else 10)
    bound.finish()


if __name__ == "__main__":
    main()
