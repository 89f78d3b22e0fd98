"""A capture that is reported and recorded at once: the report of the recording is the live report, byte for byte."""
import os
import shutil
import signal
import subprocess
import time

from harness import GETPPID, WORKLOADS, Workload, compiled, syscall, wait_until
from recording import Both, RecordTestCase
import test_known_answers
import test_loss


class Programs(RecordTestCase):
    check_syscalls = test_known_answers.KnownAnswers.check_syscalls

    def test_calls_sleeps_futexes_and_a_spinner(self):
        sample, answer = self.round_trip("known-answer", 5000, 20)
        self.check_sample(sample)
        self.check_syscalls(sample, answer)

    def test_threads_that_stop_wait_come_and_go(self):
        for workload in (["stop-cont", 2, 50], ["preempt", 0, 200], ["lifecycle", 20], ["irq-load", 500], ["compat-calls", 1]):
            with self.subTest(workload=workload):
                sample, _ = self.round_trip(*workload)
                self.check_sample(sample)

    def test_an_exec(self):
        for how in ("--exec", "--exec-thread"):
            with self.subTest(how=how):
                sample, _ = self.round_trip("lifecycle", 3, how)
                self.check_sample(sample)

    def test_five_hundred_threads(self):
        sample, answer = self.round_trip("many-threads", 500)
        self.check_sample(sample)
        self.assertEqual(sum(syscall(t, GETPPID)["count"] for t in sample["threads"]), 5 * len(answer["threads"]))

    def test_a_loss(self):
        with test_loss.busy(1), Workload("spin-syscalls", 300_000, 0) as workload:
            both = Both(self, ["-p", workload.pid, "--sample-time", 100, "--buffer-page-count", 1]).wait_recording()
            workload.go()
            sample = both.finish(signal.SIGINT).sample
        self.check_sample(sample, loss=True)
        self.assertGreater(sample["loss"]["events"], 0)

    def test_a_target_that_dies(self):
        with Workload("known-answer", 10, 1) as workload:
            both = Both(self, ["-p", workload.pid, "--sample-time", 100]).wait_recording()
            workload.process.kill()
            self.assertLess(both.finish().sample["window"]["duration_ns"], 50e9)

    def test_a_command(self):
        for command in (["/bin/sh", "-c", "sleep 0.05; ls / >/dev/null; sleep 0.05 & wait"], ["/bin/true"],
                        [WORKLOADS / "thirty-two-bit"], [compiled("calls.c", "calls"), 1000]):
            with self.subTest(command=command):
                result = Both(self, ["--", *command]).finish()
                self.check_sample(result.sample)

    def test_slow_syscalls_without_stacks(self):
        options = ["-s", 1_000_000, "--user-stacks", "none", "--no-kernel-stacks"]
        sample, _ = self.round_trip("known-answer", 100, 20, options=options)
        self.assertGreaterEqual(len(sample["syscall_events"]), 20)


class Stacks(RecordTestCase):
    def test_slow_syscalls(self):
        for options in ([], ["--user-stacks", "fp"], ["--blame", "--skip-syscall-poll-events"]):
            with self.subTest(options=options):
                sample, _ = self.round_trip("known-answer", 100, 20, options=["-s", 1_000_000, *options])
                self.check_sample(sample)
                self.assertGreaterEqual(len(sample["syscall_events"]), 20)
                sleeps = [e for e in sample["syscall_events"] if e["name"] == "clock_nanosleep"]
                self.assertTrue(all(e["user_stack"] is not None and e["kernel_stack"] is not None for e in sleeps))

    def test_of_threads_and_processes_that_come_later(self):
        self.round_trip("slow-syscalls", 3, options=["-s", 100_000])
        result = Both(self, ["-s", 1_000_000, "--children", "--", "/bin/sh", "-c", Targets.SCRIPT]).finish()
        self.assertGreater(len(result.sample["syscall_events"]), 3)

    def test_between_triggers(self):
        with Workload("trigger-windows", 10, 20, 1) as workload:
            both = Both(self, ["-p", workload.pid, "-s", "--sample-count", 20, "--start-trigger", "up:window_begin", "--stop-trigger",
                               "up:window_end"]).wait_recording()
            workload.go()
            samples = both.finish(signal.SIGINT).samples
        self.assertEqual([len(s["syscall_events"]) for s in samples], [10] * 20)


class Targets(RecordTestCase):
    SCRIPT = "for i in 1 2 3; do sleep 0.02 & /bin/true; done; wait"

    def test_a_process_and_all_that_it_starts(self):
        result = Both(self, ["--children", "--", "/bin/sh", "-c", self.SCRIPT]).finish()
        self.assertEqual(len(result.sample["targets"]), 7)

    def test_children_of_a_process_with_causes(self):
        parent = subprocess.Popen(["/bin/sh", "-c", f"read line; {self.SCRIPT}; read line"], stdin=subprocess.PIPE, text=True)
        try:
            both = Both(self, ["-p", parent.pid, "--children", "--blame", "--sample-time", 100]).wait_recording()
            parent.stdin.write("go\n")
            parent.stdin.flush()
            time.sleep(0.3)
            self.assertEqual(len(both.finish(signal.SIGINT).sample["targets"]), 7)
        finally:
            parent.communicate()

    def test_several_of_which_one_ends(self):
        with Workload("known-answer", 100, 5) as first, Workload("many-threads", 20) as second:
            both = Both(self, ["-p", first.pid, "-p", second.pid, "--sample-time", 100]).wait_recording()
            first.go()
            first.close()
            second.go()
            sample = both.finish(signal.SIGINT).sample
        self.assertEqual({p["pid"] for p in sample["targets"]}, {first.pid, second.pid})

    def test_a_name_that_comes_later(self):
        program = self.directory / f"kdelay-r-{os.getpid()}"
        shutil.copy("/bin/sleep", program)
        with subprocess.Popen([program, "100"]) as first:
            both = Both(self, ["--name", program.name, "--sample-time", 100]).wait_recording()
            with subprocess.Popen([program, "100"]) as second:
                for tool in both.tools.values():
                    wait_until(lambda: str(second.pid) in (tool.instance / "set_event_pid").read_text().split(), "it is watched")
                # It is the target's from the look on that follows.
                time.sleep(0.1)
                second.kill()
            sample = both.finish(signal.SIGINT).sample
            first.kill()
        self.assertEqual(len(sample["targets"]), 2)


class Windows(RecordTestCase):
    def check_windows(self, result, count):
        for sample in result.samples:
            self.check_sample(sample)
        self.assertEqual([s["window"]["index"] for s in result.samples], list(range(1, count + 1)))

    def demo(self, *options):
        return Both(self, [*options, "--", WORKLOADS / "demo-convoy", 1]).finish()

    def test_several_with_a_pause_and_without(self):
        self.check_windows(self.demo("--sample-count", 4, "--sample-time", 0.05, "--sample-interval", 0.03), 4)
        self.check_windows(self.demo("--sample-count", 8, "--sample-time", 0.02), 8)

    def test_causes(self):
        self.check_windows(self.demo("--blame"), 1)
        self.check_windows(self.demo("--blame", "--sample-count", 3, "--sample-time", 0.1, "--sample-interval", 0.05), 3)
        sample, _ = self.round_trip("lock-chain", 20, 2, options=["--blame"])
        self.check_sample(sample)

    def test_conditions(self):
        for options in (["--when", "syscall>5ms"], ["--when", "ready>2ms", "--when", "blocked:D>3ms", "--blame"],
                        ["--when", "long-poll>100us@busy-poll", "--before", 0.001, "--after", 0.005]):
            with self.subTest(options=options):
                result = self.demo(*options, "--sample-count", 20)
                self.assertGreater(len(result.samples), 0)

    def test_nothing_happened(self):
        result = self.demo("--when", "stopped>10s")
        self.assertEqual((result.out, result.status), ("", 0))


class Triggers(RecordTestCase):
    FUNCTIONS = "up:window_begin", "up:window_end"
    PROBES = "u:kdelay:begin", "u:kdelay:end"

    def triggered(self, start, stop, *options, windows=20, threads=1, mode=()):
        with Workload("trigger-windows", 10, windows, threads, *mode) as workload:
            arguments = ["-p", workload.pid, "--sample-count", windows, *options]
            if start:
                arguments += ["--start-trigger", start]
            if stop:
                arguments += ["--stop-trigger", stop]
            both = Both(self, arguments).wait_recording()
            workload.go()
            time.sleep(0.1)
            if all(tool.process.poll() is None for tool in both.tools.values()):
                return both.finish(signal.SIGINT).samples
            return both.finish().samples

    def check_windows(self, samples, windows, calls=10):
        self.assertEqual(len(samples), windows)
        for sample in samples:
            self.check_sample(sample)
            self.assertEqual(sum(syscall(t, GETPPID)["count"] for t in sample["threads"]), calls)

    def test_each_kind_of_window(self):
        for start, stop in (self.FUNCTIONS, self.PROBES, ("up:window", "ur:window")):
            with self.subTest(start=start, stop=stop):
                self.check_windows(self.triggered(start, stop), 20)
        with self.subTest("one probe is both"):
            self.check_windows(self.triggered("up:window_begin", "up:window_begin", windows=19)[:18], 18)
        with self.subTest("a stop trigger alone"):
            self.check_windows(self.triggered(None, "up:window_end"), 20)
        with self.subTest("a start trigger alone"):
            samples = self.triggered("up:window_begin", None, "--sample-time", 0.01, windows=3)
            self.assertEqual(samples[0]["window"]["duration_ns"], 10_000_000)

    def test_threads_at_once(self):
        for threads, mode in ((4, ()), (4, ["at-once"])):
            with self.subTest(mode=mode):
                self.assertGreater(len(self.triggered(*self.FUNCTIONS, windows=300, threads=threads, mode=mode)), 20)

    def test_many_windows(self):
        self.check_windows(self.triggered(*self.FUNCTIONS, windows=2000), 2000)

    def test_a_stop_trigger_with_another_filter(self):
        with Workload("trigger-windows", 25, 1) as workload:
            mine = f"common_pid == {workload.pid + 1}"
            both = Both(self, ["-p", workload.pid, "--start-trigger", f"t:raw_syscalls:sys_exit if id == 102 && {mine}",
                               "--stop-trigger", f"t:raw_syscalls:sys_exit if id == 110 && {mine}", "--sample-count", 2])
            both.wait_recording()
            workload.go()
            first = both.finish(signal.SIGINT).samples[0]
        (thread,) = [t for t in first["threads"] if t["tid"] != first["target"]["pid"]]
        self.assertEqual((syscall(thread, "getuid")["count"], syscall(thread, GETPPID)["count"]), (2, 1))

    def test_windows_that_are_too_short(self):
        samples = self.triggered("up:window_begin", "up:window_begin", "--trigger-delta", 8_000, windows=200)
        self.assertTrue(all(s["window"]["duration_ns"] >= 8_000 for s in samples))

    def test_causes_between_triggers(self):
        self.check_windows(self.triggered(*self.FUNCTIONS, "--blame"), 20)

    def test_looking_back(self):
        samples = self.triggered(None, "up:window_end", "--look-back", 0.002)
        self.assertEqual(len(samples), 20)
        self.assertLessEqual(max(s["window"]["duration_ns"] for s in samples), 2_000_000)
        self.check_windows(self.triggered(*self.FUNCTIONS, "--when", "window>0ns"), 20)
