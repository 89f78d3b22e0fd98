"""Several processes as one target: those that are named, those of a cgroup or a name, and those that they make."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import LiveTestCase, ROOT, Tool, WORKLOADS, Workload, compiled, run, syscall, thread, wait_until
from test_stacks import symbols


def children_of(pid):
    return [int(p) for p in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()]


class ProcessTestCase(LiveTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="kdelay-live-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.processes = contextlib.ExitStack()
        self.addCleanup(self.processes.close)

    def workload(self, name="known-answer", *arguments):
        return self.processes.enter_context(Workload(name, *arguments))

    def check_answers(self, sample, *answers):
        """Each thread of the workloads has made the calls that it says."""
        self.check_sample(sample)
        for answer in answers:
            for expected in answer["threads"]:
                found = thread(sample, expected["tid"])
                self.assertEqual(found["pid"], answer["pid"])
                for name, call in expected["syscalls"].items():
                    self.assertEqual(syscall(found, name)["count"], call["count"], (expected["comm"], name))

    def wait_watched(self, tool, pid):
        tids = set(os.listdir(f"/proc/{pid}/task"))
        wait_until(lambda: tids <= set((tool.instance / "set_event_pid").read_text().split()), f"{pid} is watched")
        # They are the target's from the look on that follows.
        time.sleep(0.1)


class Named(ProcessTestCase):
    """-p several times."""

    def check_ends_amid(self, first, second):
        tool = Tool("-p", first.pid, "-p", second.pid, "--sample-time", 100).wait_recording()
        answers = [first.go()]
        first.close()
        time.sleep(0.2)
        self.assertIsNone(tool.process.poll())
        answers.append(second.go())
        second.close()
        result = tool.finish()
        self.check_answers(result.sample, *answers)
        self.assertEqual({p["pid"] for p in result.sample["targets"]}, {first.pid, second.pid})
        self.assertEqual(result.err, "the 2 processes of the target ended\n")

    def test_of_two_of_the_same_program_the_first_ends_amid(self):
        self.check_ends_amid(self.workload(), self.workload())

    def test_of_two_of_different_programs_the_second_ends_amid(self):
        first, second = self.workload("many-threads", 20), self.workload()
        tool = Tool("-p", first.pid, "-p", second.pid, "--sample-time", 100).wait_recording()
        answers = [second.go()]
        second.close()
        answers.append(first.go())
        first.close()
        result = tool.finish()
        self.check_answers(result.sample, *answers)
        self.assertEqual(result.err, "the 2 processes of the target ended\n")

    def test_a_dead_one_among_several(self):
        gone = subprocess.Popen(["/bin/true"])
        gone.wait()
        living = self.workload()
        for pids in ([gone.pid, living.pid], [living.pid, gone.pid]):
            result = run(*[word for pid in pids for word in ("-p", pid)])
            self.assertEqual((result.status, result.out), (69, ""))
            self.assertRegex(result.err, rf"\Aerror: there is no process {gone.pid}\n  [^\n]+\n\Z")


class Groups(ProcessTestCase):
    """--cgroup, --name: processes come to the target in the window."""

    def check_group(self, root):
        group = root / f"kdelay-live-{os.getpid()}"
        inner = group / "inner"
        inner.mkdir(parents=True)
        try:
            first, second, third, other = (self.workload() for _ in range(4))
            (group / "cgroup.procs").write_text(str(first.pid))
            # As systemd-cgls and /proc/PID/cgroup have it, and as a directory.
            for path, comers in ((f"/{group.name}", (second,)), (group, (third,))):
                tool = Tool("--cgroup", path, "--sample-time", 100).wait_recording()
                for comer in comers:
                    (inner / "cgroup.procs").write_text(str(comer.pid))
                    self.wait_watched(tool, comer.pid)
                answers = [comer.go() for comer in comers]
                result = tool.finish(signal.SIGINT)
                self.check_answers(result.sample, *answers)
                pids = {p["pid"] for p in result.sample["targets"]}
                self.assertEqual(pids & {first.pid, other.pid}, {first.pid})
                self.assertLessEqual({comer.pid for comer in comers}, pids)
        finally:
            self.processes.close()
            wait_until(lambda: not (group / "cgroup.procs").read_text() and not (inner / "cgroup.procs").read_text(), "all have ended")
            inner.rmdir()
            group.rmdir()

    def mounts(self, kind, least):
        for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
            _, path, found, options, *_ = line.split()
            if found == kind and least in options.split(","):
                return pathlib.Path(path)
        self.skipTest(f"no {kind} is mounted")

    def test_a_cgroup_of_version_2(self):
        self.check_group(self.mounts("cgroup2", "rw"))

    def test_a_cgroup_of_version_1(self):
        self.check_group(self.mounts("cgroup", "pids"))

    def test_a_name(self):
        names = [f"kdelay-a-{n}" for n in range(3)] + ["kdelay-b"]
        for name in names:
            shutil.copy(WORKLOADS / "known-answer", self.directory / name)
        first = self.workload(self.directory / names[0])
        tool = Tool("--name", "kdelay-a-[012]", "--sample-time", 100).wait_recording()
        later = [self.workload(self.directory / name) for name in names[1:]]
        for workload in later[:2]:
            self.wait_watched(tool, workload.pid)
        answers = [workload.go() for workload in [first, *later]]
        result = tool.finish(signal.SIGINT)
        self.check_answers(result.sample, *answers[:3])
        self.assertEqual({p["pid"] for p in result.sample["targets"]}, {first.pid, *(w.pid for w in later[:2])})

    def test_a_name_that_nothing_has(self):
        result = run("--name", "kdelay-no-such-*")
        self.assertEqual(result.status, 69)
        self.assertRegex(result.err, r"\Aerror: no process has a name like 'kdelay-no-such-\*'\n  [^\n]+\n\Z")

    def test_stacks_of_those_that_come_later(self):
        shutil.copy("/bin/sleep", self.directory / "kdelay-nap")
        start = [self.directory / "kdelay-nap", "100"]
        self.processes.enter_context(killed(start))
        processors = os.sysconf("SC_NPROCESSORS_ONLN")
        # Without the right to raise the limit, some get descriptors and others do not.
        limited = ["setpriv", "--bounding-set", "-sys_resource", "prlimit", f"--nofile={160 + 8 * processors}"]
        tool = Tool("--name", "kdelay-nap", "-s", "--sample-time", 100, under=limited).wait_recording()
        later = [self.processes.enter_context(killed(start)) for _ in range(40)]
        self.wait_watched(tool, later[-1])
        result = tool.finish(signal.SIGINT)
        self.check_sample(result.sample)
        self.assertEqual(len(result.sample["targets"]), 41)
        (note,) = result.sample["stack_notes"]
        found = re.fullmatch(r"(\d+) processes that came later have no stacks: cannot sample the stacks of 1 thread: "
                             r"Too many open files \(\d+ wanted, \d+ allowed\); raise `ulimit -Hn` to \d+\.", note)
        self.assertTrue(found, note)
        self.assertLess(0, int(found[1]))
        self.assertLess(int(found[1]), 40)


@contextlib.contextmanager
def killed(command):
    process = subprocess.Popen(list(map(str, command)))
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


class OwnCode(ProcessTestCase):
    """Two programs whose functions have the same names and other addresses."""
    CALLS = {"alpha": 5, "beta": 9}

    def program(self, name):
        path = self.directory / name
        subprocess.run(["gcc", "-O2", "-g", f"-DNAME={name}", f"-DCALLS={self.CALLS[name]}", "-o", path,
                        ROOT / "Tests/Live/programs/own-code.c"], check=True)
        return path

    def start(self, path):
        process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(pathlib.Path(f"/tmp/perf-{process.pid}.map").unlink, missing_ok=True)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def ask(self, process, letters):
        process.stdin.write(f"{letters}\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), "done\n")

    def test_windows_are_opened_and_closed_by_either(self):
        alpha, beta = self.program("alpha"), self.program("beta")
        processes = [self.start(path) for path in (alpha, beta, alpha)]
        order = [0, 1, 1, 2, 0, 1, 2]
        tool = Tool(*[word for p in processes for word in ("-p", p.pid)], "--start-trigger", "up:window_begin",
                    "--stop-trigger", "up:window_end", "--sample-count", len(order)).wait_recording()
        for number in order:
            self.ask(processes[number], "w")
        result = tool.finish()
        self.assertEqual(len(result.samples), len(order))
        for sample, number in zip(result.samples, order):
            self.check_sample(sample)
            counts = {t["pid"]: syscall(t, "getppid")["count"] for t in sample["threads"]}
            expected = {p.pid: 0 for p in processes}
            expected[processes[number].pid] = self.CALLS["beta" if number == 1 else "alpha"]
            self.assertEqual(counts, expected)
            self.assertEqual(sample["loss"]["missed_triggers"], 0)

    def test_a_window_that_one_opens_and_another_closes(self):
        processes = [self.start(self.program(name)) for name in ("alpha", "beta")]
        tool = Tool("-p", processes[0].pid, "-p", processes[1].pid, "--start-trigger", f"up:{self.directory}/alpha:window_begin",
                    "--stop-trigger", f"up:{self.directory}/beta:window_end").wait_recording()
        self.ask(processes[1], "w")
        self.ask(processes[0], "w")
        self.ask(processes[1], "w")
        sample = tool.finish().sample
        self.check_sample(sample)
        self.assertEqual({t["pid"]: syscall(t, "getppid")["count"] for t in sample["threads"]},
                         {processes[0].pid: 5, processes[1].pid: 9})

    def sleeps(self, sample):
        """[(pid, symbols)] of the naps."""
        events = [e for e in sample["syscall_events"] if e["name"] == "clock_nanosleep"]
        self.assertEqual({e["user_stack_end"] for e in events}, {"complete"})
        return [(e["tid"], [s for s in symbols(e) if s in (*self.CALLS, "made_by_alpha", "made_by_beta")]) for e in events]

    def test_stacks_of_children_after_an_exec(self):
        alpha, beta = self.program("alpha"), self.program("beta")
        script = f"for i in 1 2 3; do echo nnn | {alpha} & echo nn | {beta} & done; wait"
        sample = run("--children", "-s", 1_000_000, "--", "/bin/sh", "-c", script + " > /dev/null").sample
        self.check_sample(sample)
        names = {t["tid"]: t["comm"] for t in sample["threads"]}
        sleeps = self.sleeps(sample)
        self.assertEqual(len(sleeps), 15)
        for tid, found in sleeps:
            self.assertEqual(found, [names[tid]])
        self.assertEqual(sample["loss"]["stacks_missing"], 0)

    def test_perf_maps_are_of_one_process(self):
        processes = [self.start(self.program(name)) for name in self.CALLS]
        tool = Tool("-p", processes[0].pid, "-p", processes[1].pid, "-s", 1_000_000, "--sample-time", 100).wait_recording()
        for process in processes * 3:
            self.ask(process, "m")
        sample = tool.finish(signal.SIGINT).sample
        self.check_sample(sample)
        expected = {process.pid: [name, f"made_by_{name}"] for process, name in zip(processes, self.CALLS)}
        self.assertEqual(self.sleeps(sample), [(p.pid, expected[p.pid]) for p in processes * 3])

    def test_a_signal_in_the_midst_leaves_nothing_behind(self):
        shell = "while :; do echo n | %s; done > /dev/null & while :; do echo wn | %s; done > /dev/null"
        script = shell % (self.program("alpha"), self.program("beta"))
        parent = subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True)
        running = self.start(self.directory / "alpha")
        try:
            for more in ([], ["--name", "alpha"]):
                for options in (["-s", 100_000], ["-s", 100_000, "--start-trigger", "up:window_begin", "--stop-trigger", "up:window_end"]):
                    with self.subTest(more=more, options=options):
                        tool = Tool("-p", running.pid, "-p", parent.pid, "--children", *more, *options, "--sample-count", 100000,
                                    "--sample-time", 0.05).wait_recording()
                        result = tool.finish(signal.SIGINT)
                        self.assertEqual(result.status, 0, result.err)
                        self.tearDown()
        finally:
            os.killpg(parent.pid, signal.SIGKILL)
            parent.wait()


class ComeAndGo(ProcessTestCase):
    """Processes and threads that are born and gone in one window."""
    THREADS = 10

    def run_crowd(self, processes):
        """The most memory that the tool had, KiB."""
        crowd = subprocess.Popen([compiled("crowd-of-processes.c", "crowd-of-processes"), str(processes), str(self.THREADS)],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(crowd.stdout.readline(), "ready\n")
            tool = Tool("-p", crowd.pid, "--children", "--sample-time", 100).wait_recording()
            crowd.stdin.write("go\n")
            crowd.stdin.flush()
            lives = []
            while (line := crowd.stdout.readline()) != "end\n":
                lives.append(tuple(map(int, line.split())))
            time.sleep(0.3)
            status = pathlib.Path(f"/proc/{tool.process.pid}/status").read_text()
            sample = tool.finish(signal.SIGINT).sample
        finally:
            crowd.communicate()
        self.check_sample(sample)
        self.assertEqual(len(lives), processes * (1 + self.THREADS))
        found = [(t["pid"], t["tid"], syscall(t, "getppid")["count"]) for t in sample["threads"] if t["pid"] != crowd.pid]
        self.assertEqual(sorted(found), sorted(lives))
        self.assertEqual({p["pid"] for p in sample["targets"]}, {crowd.pid} | {life[0] for life in lives})
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])

    def test_none_is_missed_and_memory_is_bounded(self):
        few, many = self.run_crowd(20), self.run_crowd(200)
        print(f"the tool took {few} KiB for 20 processes, {many} KiB for 200")
        self.assertLess(many - few, 200 * (1 + self.THREADS) * 32)
