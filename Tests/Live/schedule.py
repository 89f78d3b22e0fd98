"""The machine's scheduling as `perf record` sees it, and what `perf sched` and a few lines of Python make of that: an account
of threads that has nothing in common with the tool but the kernel's tracepoints."""
import bisect
import collections
import os
import re
import shutil
import subprocess
import tempfile

# Without sched_waking, from which timehist would count a wait, the interrupt's work included.
EVENTS = [f"sched:sched_{name}" for name in ("switch", "wakeup", "wakeup_new", "migrate_task", "stat_runtime")]
LINE = re.compile(r"\s*(-?\d+)\s+\[(\d+)\]\s+(\d+)\.(\d{9}):\s+(\w+:\w+):\s(.*)")
SWITCH = re.compile(r"(?:prev_comm=)?(.*?)(?: prev_pid=|:)(\d+).*?(?:prev_state=| \[\d+\] )(\S+) ==> "
                    r"(?:next_comm=)?(.*)(?: next_pid=|:)(\d+) ")
PID = re.compile(r" pid=(\d+) |:(\d+) \[")

Switch = collections.namedtuple("Switch", "time cpu prev prev_name state next next_name")


class Schedule:
    """Records from `__enter__` to `stop`, which returns this with `switches` and `wakeups` in the order of time, ns of
    CLOCK_MONOTONIC. `more`: further events of perf, which `lines` has, as (tid, cpu, time, event, text)."""

    def __init__(self, *more):
        self.more = more
        self.directory = tempfile.mkdtemp(prefix="kdelay-live-")

    def __enter__(self):
        for name in ("control", "answers"):
            os.mkfifo(f"{self.directory}/{name}")
        events = [word for event in (*EVENTS, *self.more) for word in ("-e", event)]
        fifos = f"fifo:{self.directory}/control,{self.directory}/answers"
        self.process = subprocess.Popen(["perf", "record", "-q", "-a", "-k", "mono", "-m", "8192", "-D", "-1",
                                         "--control", fifos, *events, "-o", f"{self.directory}/perf.data"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with open(f"{self.directory}/control", "w") as control:
            control.write("enable\n")
            control.flush()
            with open(f"{self.directory}/answers") as answers:
                assert answers.readline().startswith("ack"), "perf record does not answer"
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self):
        self.process.terminate()
        said = self.process.communicate(timeout=60)[1]
        assert "lost" not in said.lower(), said
        self.switches, self.wakeups, self.lines = [], [], []
        text = self.perf("script", "--ns", "-F", "tid,cpu,time,event,trace")
        for line in text.splitlines():
            self.add(LINE.fullmatch(line))
        self.by_cpu = collections.defaultdict(list)
        for switch in self.switches:
            self.by_cpu[switch.cpu].append(switch)
        return self

    def add(self, match):
        if not match:
            return
        tid, cpu, seconds, nanoseconds, event, text = match.groups()
        time = int(seconds) * 1_000_000_000 + int(nanoseconds)
        if event == "sched:sched_switch":
            prev_name, prev, state, next_name, following = SWITCH.match(text + " ").groups()
            self.switches.append(Switch(time, int(cpu), int(prev), prev_name, state, int(following), next_name))
        elif event in ("sched:sched_wakeup", "sched:sched_wakeup_new"):
            found = PID.search(text)
            self.wakeups.append((time, int(found[1] or found[2])))
        elif event in self.more:
            self.lines.append((int(tid), int(cpu), time, event, text))

    def perf(self, *arguments):
        """What a command of perf prints about the recording, which it takes from its directory."""
        return subprocess.run(["perf", *arguments], check=True, cwd=self.directory, capture_output=True, text=True,
                              errors="replace").stdout

    def intervals(self, tid, start, end):
        """(from, to, state, cpu) of a thread within [start, end]: state "run", "ready", or a letter of the kernel's. `cpu` of a
        wait is where it ends. What is before the first event that tells is left out."""
        own = [(s.time, 0, s) for s in self.switches if tid in (s.prev, s.next)]
        own += [(time, 1, None) for time, woken in self.wakeups if woken == tid]
        state, since, found = None, start, []

        def close(time, cpu):
            a, b = max(since, start), min(time, end)
            if state and b > a:
                found.append((a, b, state, cpu))
        for time, _, switch in sorted(own, key=lambda entry: entry[:2]):
            if not switch:
                if state in ("run", "ready"):
                    continue
                close(time, None)
                state, since = "ready", time
            elif switch.next == tid:
                close(time, switch.cpu)
                state, since = "run", time
            else:
                close(time, switch.cpu)
                state, since = ("ready" if switch.state[0] == "R" else switch.state[0]), time
        close(end, None)
        return found

    def totals(self, tid, start, end):
        """ns by state, as `intervals` has them."""
        sums = collections.Counter()
        for a, b, state, _ in self.intervals(tid, start, end):
            sums[state] += b - a
        return sums

    def holders(self, tid, start, end):
        """Who had the CPU for which a thread waited: ns by name; "unknown" where two switches contradict each other."""
        sums = collections.Counter()
        for a, b, state, cpu in self.intervals(tid, start, end):
            if state == "ready" and cpu is None:
                sums["unknown"] += b - a
            elif state == "ready":
                for name, duration in self.holders_of(cpu, a, b, tid):
                    sums[name] += duration
        return sums

    def holders_of(self, cpu, start, end, tid):
        switches = self.by_cpu[cpu]
        at = max(bisect.bisect_right(switches, start, key=lambda s: s.time) - 1, 0)
        for before, after in zip(switches[at:], switches[at + 1:]):
            if before.time >= end:
                break
            a, b = max(before.time, start), min(after.time, end)
            if b > a and before.next != tid:
                yield (before.next_name if before.next == after.prev else "unknown"), b - a

    def at_edges(self, tid, start, end):
        """What the switches from and to a thread alone tell of who had the CPU that it waited for: by name, the ns of waits in
        which nobody but the named task had it, and of those in which it had it first and last."""
        least, most = collections.Counter(), collections.Counter()
        for a, b, state, cpu in self.intervals(tid, start, end):
            if state != "ready" or cpu is None:
                continue
            names = [name for name, _ in self.holders_of(cpu, a, b, tid)]
            if names and names[0] == names[-1]:
                most[names[0]] += b - a
                if len(set(names)) == 1:
                    least[names[0]] += b - a
        return least, most

    def timehist(self, tid):
        """Sums of `perf sched timehist` for a thread, ns: its runs, its waits for a CPU and its other waits, of which perf
        rounds each to microseconds."""
        run = ready = blocked = 0
        before = "?"
        # A thread that is gone is named by its tid alone, and others have their process behind a slash.
        row = re.compile(rf"\s*[\d.]+ \[\d+\]\s+.*[\[:]{tid}(?:/\d+)?\]?\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+(\S+)\s*")
        for line in self.perf("sched", "timehist", "--state").splitlines():
            if found := row.fullmatch(line):
                wait, delay, ran = (round(float(found[i]) * 1e6) for i in (1, 2, 3))
                run += ran
                # perf 6.1 has the letter of a state that is no more, W, for the bit that says "preempted".
                if before[0] in "RW":
                    ready += wait
                else:
                    ready += delay
                    blocked += max(wait - delay, 0)
                before = found[4]
        return {"run": run, "ready": ready, "blocked": blocked}

    def latency(self, tid):
        """What `perf sched latency` says of a thread: its run time and the longest time that it waited for a CPU, ns."""
        for line in self.perf("sched", "latency", "-p").splitlines():
            if found := re.match(rf"\s*\S.*:{tid}\s+\|\s*([\d.]+) ms \|\s*(\d+) \|.*?max:\s*([\d.]+) ms", line):
                return {"run": round(float(found[1]) * 1e6), "longest": round(float(found[3]) * 1e6)}
        return None
