"""What the live tests share: start a workload, run the tool beside it, read its reports, and see that nothing is left."""
import contextlib
import functools
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("KDELAY_BINARY", ROOT / ".build/release/kdelay-ftrace"))
WORKLOADS = pathlib.Path(os.environ.get("KDELAY_WORKLOADS", ROOT / ".build/workloads"))
TRACEFS = pathlib.Path("/sys/kernel/tracing")
GETPPID = "getppid"
STATES_WITH_CAUSES = ("syscall", "hard_irq", "soft_irq", "ready", "blocked_interruptible", "blocked_uninterruptible", "stopped")


def instances():
    return sorted(os.listdir(TRACEFS / "instances"))


def lasting_instances():
    """The instances without those of a kdelay-ftrace that runs: of ours none does after a test, and others' are theirs."""
    return [name for name in instances()
            if not ((words := name.split("-"))[0] == "kdelay" and len(words) in (3, 4) and os.path.exists(f"/proc/{words[1]}"))]


def dynamic_events():
    try:
        return (TRACEFS / "dynamic_events").read_text()
    except OSError:
        return ""


def wait_until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"gave up after {seconds} s waiting until {what}")


@functools.cache
def compiled(source, name):
    """A program of Tests/Live/programs, built as `name`: tests that put probes on it have one of their own."""
    out = WORKLOADS / name
    subprocess.run(["gcc", "-O2", "-g", "-o", out, ROOT / "Tests/Live/programs" / source], check=True)
    return out


class Workload:
    """A program of Tests/Workloads with its handshake: ready PID / go / JSON / EOF."""

    def __init__(self, name, *arguments, cpu=None):
        pinned = [] if cpu is None else ["taskset", "-c", str(cpu)]
        self.process = subprocess.Popen([*pinned, WORKLOADS / name, *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        word, pid = self.process.stdout.readline().split()
        assert word == "ready", word
        self.pid = int(pid)

    def go(self):
        """Runs the measured part; returns what the program says that it did."""
        return self.ask("go")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        if self.process.stdin:
            self.process.stdin.close()
            self.process.stdin = None
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Tool:
    """A run of the tool in the background; JSON unless said. `under`: a command that runs it in its own place."""

    def __init__(self, *arguments, json_report=True, under=(), **options):
        form = ["--format", "json"] if json_report else []
        self.process = subprocess.Popen([*under, BINARY, *form, *map(str, arguments)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, **options)

    @property
    def instance(self):
        """The one with the data."""
        return next(iter(self.instances), None)

    @property
    def instances(self):
        """Those of the capture; before it the tool measures in one of its own what recording costs."""
        return [TRACEFS / "instances" / name for name in instances()
                if name.startswith(f"kdelay-{self.process.pid}-") and not name.endswith("-calibration")]

    def wait_recording(self):
        """Returns once events are recorded."""
        def recording():
            assert self.process.poll() is None, self.process.communicate()
            try:
                own = self.instances
                triggered = "--start-trigger" in self.process.args or "--stop-trigger" in self.process.args
                return len(own) >= 1 + triggered + ("--blame" in self.process.args) and all((i / "tracing_on").read_text().strip() == "1" for i in own)
            except OSError:
                return False
        wait_until(recording, "the tool records")
        # The first look at /proc follows; the window opens, or a trigger opens it, from then on.
        time.sleep(0.3)
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def finish(self, number=None, seconds=30):
        if number:
            self.signal(number)
        out, err = self.process.communicate(timeout=seconds)
        return Result(self.process.returncode, out, err)


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def samples(self):
        assert self.status == 0, (self.status, self.err)
        return [json.loads(line) for line in self.out.splitlines() if line.startswith('{"schema"')]

    @property
    def sample(self):
        (only,) = self.samples
        return only


def run(*arguments, **options):
    return Tool(*arguments, **options).finish(seconds=120)


def watched(name, *arguments, before_end=0):
    """Runs a workload's measured part inside one sample; returns (sample, what the workload says)."""
    with Workload(name, *arguments) as workload:
        tool = Tool("-p", workload.pid, "--sample-time", 100).wait_recording()
        answer = workload.go()
        time.sleep(before_end)
        return tool.finish(signal.SIGINT).sample, answer


def thread(sample, tid):
    found = [t for t in sample["threads"] if t["tid"] == tid]
    assert found, (tid, [(t["tid"], t["comm"]) for t in sample["threads"]])
    return found[-1]


def named(sample, comm):
    found = [t for t in sample["threads"] if t["comm"] == comm]
    assert found, (comm, [(t["tid"], t["comm"]) for t in sample["threads"]])
    return found[-1]


def syscall(thread, name):
    for entry in thread["syscalls"]:
        if entry["name"] == name:
            return entry
    return {"count": 0, "total_ns": 0, "max_ns": 0, "errors": 0}


@contextlib.contextmanager
def idle_tasks_kept_away():
    """Every CPU spins at SCHED_IDLE, which any other task preempts at once: no switch is from or to an idle task, so that
    the kernel's gaps there (see test_known_answers) play no part and every run can be held to the scheduler's count."""
    spin = ["chrt", "--idle", "0", "sh", "-c", "while :; do :; done"]
    spinners = [subprocess.Popen(["taskset", "-c", str(cpu), *spin]) for cpu in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


@functools.cache
def schema():
    """A validator of the schema that the tool prints."""
    import jsonschema
    printed = json.loads(subprocess.run([BINARY, "schema"], capture_output=True, check=True).stdout)
    jsonschema.Draft202012Validator.check_schema(printed)
    return jsonschema.Draft202012Validator(printed)


class LiveTestCase(unittest.TestCase):
    """Every test leaves tracefs as it found it."""

    def setUp(self):
        self.before = lasting_instances(), dynamic_events()

    def tearDown(self):
        wait_until(lambda: (lasting_instances(), dynamic_events()) == self.before, "nothing is left behind in tracefs", 5)

    def check_sample(self, sample, loss=False):
        """What holds for every sample: it is as the schema says, the accounts add up, and nothing was lost."""
        schema().validate(sample)
        if not loss:
            self.assertEqual(sample["loss"]["events"], 0)
        self.assertEqual(sample["loss"]["undecodable"], 0)
        self.assertEqual(sample["loss"]["late_events"], 0)
        for entry in sample["threads"]:
            parts = dict(entry["accounting"])
            life = parts.pop("lifetime_ns")
            self.assertEqual(sum(parts.values()), life, entry["comm"])
            self.assertGreaterEqual(min(parts.values()), 0)
            self.assertLessEqual(life, sample["window"]["duration_ns"])
            self.check_causes(entry)
        self.check_verdict(sample)

    def check_causes(self, entry):
        """The causes of a state are the state, to the ns."""
        sums = {}
        for cause in entry["causes"]:
            sums[cause["state"]] = sums.get(cause["state"], 0) + cause["total_ns"]
            self.assertLessEqual(cause["max_ns"], cause["total_ns"], cause)
            self.assertGreater(cause["count"], 0, cause)
        for state in STATES_WITH_CAUSES:
            self.assertEqual(sums.pop(state, 0), entry["accounting"][f"{state}_ns"], (entry["comm"], state, entry["causes"]))
        # What the kernel did in page faults is a part of the thread's own time, as far as events tell.
        self.assertLessEqual(sums.pop("user", 0), entry["accounting"]["user_ns"])
        self.assertEqual(sums, {})

    def check_verdict(self, sample):
        """The parts of the verdict are the threads' life, and so is the critical path the window."""
        verdict, window = sample["verdict"], sample["window"]
        parts = ("kernel_ns", "idle_ns", "user_ns", "waiting_ns", "stopped_ns", "unknown_ns")
        life = sum(entry["accounting"]["lifetime_ns"] for entry in sample["threads"])
        self.assertEqual((verdict["lifetime_ns"], sum(verdict[part] for part in parts)), (life, life))
        at = window["start_ns"]
        for part in sample["critical_path"]:
            self.assertEqual(part["start_ns"], at)
            at = part["end_ns"]
            self.assertGreater(at, part["start_ns"])
        self.assertIn(at, (window["start_ns"], window["stop_ns"]))
