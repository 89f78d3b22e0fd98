"""Reading of causes, and what the tests about them share: hogs, control groups of both versions, programs that wait."""
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


def frozen_amid(workload, freeze, is_frozen, thaw):
    """Runs the measured part of a workload, which is frozen in the midst of it; returns for how long, ns, at the least."""
    workload.process.stdin.write("go\n")
    workload.process.stdin.flush()
    time.sleep(0.3)
    freeze()
    wait_until(is_frozen, "the workload is frozen")
    begin = now()
    time.sleep(0.7)
    frozen = now() - begin
    thaw()
    workload.process.stdout.readline()
    return frozen


@contextlib.contextmanager
def storm_of_flushes(directory):
    """redis with `appendfsync always` whose disk has another one's flushes to do; gives (its pid, what runs its benchmark)."""
    port = "7394"
    redis = subprocess.Popen(["redis-server", "--port", port, "--save", "", "--dir", directory, "--bind", "127.0.0.1",
                              "--appendonly", "yes", "--appendfsync", "always"], stdout=subprocess.DEVNULL)
    flushes = f"while :; do dd if=/dev/zero of={directory}/storm bs=1M count=64 conv=fsync; done"
    storm = subprocess.Popen(["sh", "-c", flushes], stderr=subprocess.DEVNULL, start_new_session=True)

    def benchmark():
        return subprocess.run(["redis-benchmark", "-p", port, "-n", "2000", "-t", "set", "-c", "4", "-q"], check=True,
                              capture_output=True, text=True).stdout.strip().splitlines()[-1].split("\r")[-1]
    try:
        wait_until(lambda: subprocess.run(["redis-cli", "-p", port, "ping"], capture_output=True).stdout == b"PONG\n",
                   "redis answers")
        yield redis.pid, benchmark
    finally:
        os.killpg(storm.pid, signal.SIGKILL)
        storm.wait()
        redis.terminate()
        redis.wait()


@contextlib.contextmanager
def row_lock(directory):
    """PostgreSQL with two sessions, of which one has locked a row; gives (its backend's pid, the other one's, what has the
    first one sleep for a second while the other one wants the row, and returns how long that took, ns)."""
    os.chmod(directory, 0o777)
    binaries = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data, port = f"{directory}/data", "7395"

    def server(*command):
        subprocess.run([*user, *command], check=True, stdout=subprocess.DEVNULL, cwd=directory)
    psql = [*user, "psql", "-qAtX", "-h", directory, "-p", port, "postgres"]

    def ask(process, sql):
        process.stdin.write(sql + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())
    server(binaries / "initdb", "-D", data, "-A", "trust")
    server(binaries / "pg_ctl", "-D", data, "-w", "-l", f"{directory}/log", "-o",
           f"-p {port} -k {directory} -c listen_addresses=", "start")
    try:
        subprocess.run([*psql, "-c", "CREATE TABLE t (i int); INSERT INTO t VALUES (1)"], check=True)
        with session(psql) as sleeper, session(psql) as waiter:
            sleeping, waiting = (ask(each, "SELECT pg_backend_pid();") for each in (sleeper, waiter))
            # PostgreSQL's search for deadlocks, after a second, would make two waits of one.
            ask(waiter, "SET deadlock_timeout = '1min'; SELECT 1;")
            ask(sleeper, "BEGIN; UPDATE t SET i = i + 1; SELECT 1;")

            def update():
                sleeper.stdin.write("SELECT pg_sleep(1); COMMIT;\n")
                sleeper.stdin.flush()
                begin = now()
                ask(waiter, "UPDATE t SET i = i + 1 RETURNING i;")
                return now() - begin
            yield sleeping, waiting, update
    finally:
        server(binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop")


@contextlib.contextmanager
def session(psql):
    process = subprocess.Popen(psql, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


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
