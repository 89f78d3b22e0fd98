"""What `--blame` costs a machine that switches a hundred thousand times a second, as ratios within one run."""
import pathlib
import re
import signal
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / ".build/release/kdelay-ftrace"
PROGRAM = ROOT / ".build/workloads/ping-pong"
TRIPS = 30_000


class Sleeper:
    """The tool, which watches a process that does nothing: what it costs is the machine's."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.target = subprocess.Popen(["sleep", "600"])
        self.tool = subprocess.Popen(["taskset", "-c", "1", BINARY, *self.options, "-D", "-p", str(self.target.pid),
                                      "--sample-time", "600"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        return self

    def __exit__(self, *_):
        self.tool.send_signal(signal.SIGINT)
        said = self.tool.communicate(timeout=60)[1]
        self.target.kill()
        self.target.wait()
        cost = re.search(r"read (\d+) events with (\d+) us user and (\d+) us system", said)
        self.events, self.cpu = int(cost[1]), int(cost[2]) + int(cost[3])


def switch(spins):
    """ns of a switch of two processes on CPU 0 that compute in between. They are real-time tasks: nobody else has the CPU."""
    return float(subprocess.run(["chrt", "-f", "10", PROGRAM, str(TRIPS), str(spins)], capture_output=True, text=True, check=True).stdout)


def messaging():
    """Seconds of `perf bench sched messaging`, which is hackbench."""
    out = subprocess.run(["perf", "bench", "sched", "messaging", "-g", "4", "-l", "300"], capture_output=True, text=True,
                         check=True).stdout
    return float(re.search(r"Total time: ([\d.]+)", out)[1])


def calibrated():
    """How long to compute for a hundred thousand switches a second."""
    bare = min(switch(0) for _ in range(3))
    each = (min(switch(10_000) for _ in range(3)) - bare) / 10_000
    return max(0, int((10_000 - bare) / each))


def measure(rounds, bound):
    subprocess.run(["gcc", "-O2", "-o", PROGRAM, ROOT / "Benchmarks/switches/ping-pong.c"], check=True)
    spins = calibrated()
    kinds = {"unwatched": None, "watched": (), "watched with --blame": ("--blame",)}
    switches = {kind: [] for kind in kinds}
    benches = {kind: [] for kind in kinds}
    events, cpu = [], []
    for _ in range(max(rounds, 10)):
        for kind, options in kinds.items():
            if options is None:
                switches[kind].append(switch(spins))
                benches[kind].append(messaging())
                continue
            with Sleeper(*options) as tool:
                switches[kind].append(switch(spins))
                benches[kind].append(messaging())
            if options:
                events.append(tool.events)
                cpu.append(tool.cpu * 1000 / tool.events)
    for name, values in (("a switch on CPU 0, ns", switches), ("perf bench sched messaging, s", benches)):
        print(f"{name}, while another process is watched, least and median of {max(rounds, 10)} rounds:")
        base = min(values["unwatched"])
        for kind in kinds:
            print(f"  {kind:22} {min(values[kind]):10.3f} ({statistics.median(values[kind]):.3f}) {min(values[kind]) / base:8.3f} x")
    print(f"  the tool takes {statistics.median(cpu):.0f} ns for each of {statistics.median(events):.0f} events")
    ratio = min(switches["watched with --blame"]) / min(switches["watched"])
    bound(ratio <= 1.05, f"--blame: at most 1.05 x at 100,000 switches a second, by the least of each: {ratio:.3f} x")
    return switches, benches
