"""Recordings whose events nobody looks at while they are made: the report has every count, and ends where the capture did."""
import os
import signal
import subprocess
import time

from harness import GETPPID, WORKLOADS, Tool, Workload, compiled, named, run, syscall, thread
from recording import RecordTestCase, report, wait_begun
import test_conditions
import test_known_answers
import test_processes
import test_triggers


class RecordedTestCase(RecordTestCase):
    def finish(self, tool, directory, number=None, *options):
        """Ends a recording; returns its report."""
        result = tool.finish(number, seconds=60)
        self.assertEqual((result.status, result.out), (0, ""), result.err)
        self.assertEqual(sorted(path.name for path in directory.iterdir() if path.name != "perf.data"), ["trace.dat"])
        self.said = result.err
        return report(directory, *options)

    def record_workload(self, options, name, *arguments, number=signal.SIGINT):
        """Records a workload's measured part; returns (the recording's directory, what the workload says)."""
        with Workload(name, *arguments) as workload:
            tool, directory = self.record("-p", workload.pid, "--sample-time", 100, *options)
            wait_begun(tool, directory)
            answer = workload.go()
            result = tool.finish(number)
            self.assertEqual((result.status, result.out), (0, ""), result.err)
            return directory, answer


class KnownAnswers(RecordedTestCase):
    check_syscalls = test_known_answers.KnownAnswers.check_syscalls

    def test_every_syscall_of_every_thread(self):
        directory, answer = self.record_workload([], "known-answer", 50_000, 50)
        sample = report(directory).sample
        self.check_sample(sample)
        self.check_syscalls(sample, answer)

    def test_threads_that_come_rename_themselves_and_go(self):
        directory, answer = self.record_workload([], "lifecycle", 20)
        sample = report(directory).sample
        self.check_sample(sample)
        for known in answer["threads"]:
            seen = [t for t in sample["threads"] if t["tid"] == known["tid"] and t["comm"] == known["comm"]]
            self.assertTrue(seen, known)
            self.assertEqual(syscall(seen[-1], GETPPID)["count"], known["getppid"])

    def test_an_exec(self):
        directory, answer = self.record_workload([], "lifecycle", 3, "--exec")
        sample = report(directory).sample
        self.check_sample(sample)
        self.assertEqual(syscall(named(sample, "after-exec"), GETPPID)["count"], answer["after_exec"]["getppid"])

    def test_five_hundred_threads(self):
        directory, answer = self.record_workload([], "many-threads", 500)
        sample = report(directory).sample
        self.check_sample(sample)
        for known in answer["threads"]:
            seen = thread(sample, known["tid"])
            self.assertEqual((seen["comm"], syscall(seen, GETPPID)["count"]), (known["comm"], 5))

    def test_a_live_report_of_the_same_time_has_the_same_counts(self):
        with Workload("known-answer", 20_000, 20) as workload:
            live = Tool("-p", workload.pid, "--sample-time", 100).wait_recording()
            tool, directory = self.record("-p", workload.pid, "--sample-time", 100)
            wait_begun(tool, directory)
            answer = workload.go()
            recorded = self.finish(tool, directory, signal.SIGINT).sample
            sample = live.finish(signal.SIGINT).sample
        for known in answer["threads"]:
            counts = [{s["name"]: s["count"] for s in thread(report, known["tid"])["syscalls"]} for report in (sample, recorded)]
            self.assertEqual(counts[0], counts[1])

    def test_full_rate_loses_nothing(self):
        directory, _ = self.record_workload([], "spin-syscalls", 2_000_000, 0)
        sample = report(directory).sample
        self.check_sample(sample)
        self.assertEqual(syscall(sample["threads"][0], GETPPID)["count"], 2_000_000)


class Ends(RecordedTestCase):
    def test_by_time(self):
        tool, directory = self.record("--sample-time", 0.2, "--sample-count", 3, "--sample-interval", 0.1, "-p", os.getpid())
        samples = self.finish(tool, directory).samples
        self.assertEqual([s["window"]["duration_ns"] for s in samples], [200_000_000] * 3)
        for earlier, later in zip(samples, samples[1:]):
            self.assertEqual(later["window"]["start_ns"] - earlier["window"]["stop_ns"], 100_000_000)

    def test_by_triggers(self):
        check = test_triggers.TriggerTestCase.check_windows
        for start, stop in (test_triggers.FUNCTIONS, test_triggers.PROBES):
            with self.subTest(start=start, stop=stop), Workload("trigger-windows", 25, 40) as workload:
                tool, directory = self.record("-p", workload.pid, "--start-trigger", start, "--stop-trigger", stop, "--sample-count", 40)
                wait_begun(tool, directory)
                answer = workload.go()
                check(self, self.finish(tool, directory), answer, 25, 40)

    def test_by_the_targets_end(self):
        calls = subprocess.Popen([compiled("calls.c", "calls"), "1000", "1500"])
        tool, directory = self.record("-p", calls.pid, "--stop-trigger", "up:work", "--sample-count", 1_000_000)
        wait_begun(tool, directory)
        calls.wait()
        self.assertEqual(len(self.finish(tool, directory).samples), 1001)
        self.assertIn("ended", self.said)

    def test_by_a_commands_end(self):
        tool, directory = self.record("--", WORKLOADS / "thirty-two-bit", stdin=subprocess.DEVNULL)
        result = tool.finish(seconds=60)
        self.assertEqual(result.status, 0, result.err)
        sample = report(directory).sample
        self.check_sample(sample)
        (only,) = sample["threads"]
        self.assertEqual((syscall(only, GETPPID)["count"], syscall(only, "nanosleep")["count"]), (1000, 20))

    def test_by_the_end_of_the_last_child(self):
        script = "(sleep 0.1; cat /dev/null) & /bin/true"
        tool, directory = self.record("--children", "--", "/bin/sh", "-c", script)
        sample = self.finish(tool, directory).sample
        self.check_sample(sample)
        live = run("--children", "--", "/bin/sh", "-c", script).sample
        self.assertEqual(len(sample["targets"]), len(live["targets"]))
        self.assertGreater(syscall(named(sample, "cat"), "openat")["count"], 0)

    def test_by_a_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number=number):
                directory, answer = self.record_workload([], "known-answer", 1000, 5, number=number)
                KnownAnswers.check_syscalls(self, report(directory).sample, answer)

    def test_a_second_signal_leaves_what_can_be_read(self):
        with Workload("known-answer", 1000, 5) as workload:
            tool, directory = self.record("-p", workload.pid, "--sample-time", 100)
            wait_begun(tool, directory)
            workload.go()
            tool.signal(signal.SIGSTOP)
            tool.signal(signal.SIGINT)
            tool.signal(signal.SIGTERM)
            self.assertEqual(tool.finish(signal.SIGCONT).status, 0)
        self.assertEqual(len(report(directory).samples), 1)

    def test_processes_of_a_name_that_come_later(self):
        name = f"kdelay-r{os.getpid()}"
        program = self.directory / name
        program.symlink_to(WORKLOADS / "known-answer")
        with Workload(program, 10, 1) as first:
            tool, directory = self.record("--name", name, "--sample-time", 100)
            wait_begun(tool, directory)
            with Workload(program, 100, 2) as second:
                tids = os.listdir(f"/proc/{second.pid}/task")
                self.wait_watched(tool, tids)
                answers = [second.go(), first.go()]
                sample = self.finish(tool, directory, signal.SIGINT).sample
        self.check_sample(sample)
        for answer in answers:
            KnownAnswers.check_syscalls(self, sample, answer)

    def wait_watched(self, tool, tids):
        test_processes.wait_until(
            lambda: set(tids) <= set((tool.instance / "set_event_pid").read_text().split()), "all are watched")
        time.sleep(0.1)


class Choices(RecordedTestCase):
    """What a report asks for that the recording was not made for."""

    def occurrences(self, samples):
        return test_conditions.occurrences(samples)

    def test_other_windows(self):
        directory, answer = self.record_workload([], "known-answer", 20_000, 50)
        whole = report(directory).sample
        calls = sum(s["count"] for t in whole["threads"] for s in t["syscalls"])
        (same,) = report(directory, "--whole").samples
        self.assertEqual({k: v for k, v in same.items()}, {k: v for k, v in whole.items()})
        samples = report(directory, "--sample-time", 0.02, "--sample-count", 1_000_000).samples
        self.assertTrue(all(s["window"]["duration_ns"] == 20_000_000 for s in samples[:-1]))
        for earlier, later in zip(samples, samples[1:]):
            self.assertEqual(earlier["window"]["stop_ns"], later["window"]["start_ns"])
        # A call that a window's edge is in is not counted.
        cut = calls - sum(s["count"] for sample in samples for t in sample["threads"] for s in t["syscalls"])
        self.assertTrue(0 <= cut <= len(samples) * len(whole["threads"]), (cut, len(samples)))
        for sample in samples:
            self.check_sample(sample)
        paused = report(directory, "--sample-time", 0.02, "--sample-interval", 0.01, "--sample-count", 3).samples
        self.assertEqual([s["window"]["start_ns"] - samples[0]["window"]["start_ns"] for s in paused], [0, 30_000_000, 60_000_000])

    def test_conditions(self):
        directory, answer = self.record_workload([], "intervals", "sleep", 201, 2000, 1000)
        found = self.occurrences(report(directory, "--when", "syscall:clock_nanosleep>1500us").samples)
        long = [c for c in answer["intervals"] if c[2] - c[1] > 1_900_000]
        inside = [f for f in found if any(c[0] <= f["start_ns"] and f["end_ns"] <= c[3] for c in long)]
        # The thread is off its CPU in each of these calls, which the call's own events tell the length of.
        self.assertEqual(len(inside), len(long))
        self.assertEqual(report(directory, "--when", "stopped>10s").samples, [])
        (every,) = report(directory, "--whole", "-s", 1_900_000).samples
        events = [e for e in every["syscall_events"] if e["name"] == "clock_nanosleep"]
        self.assertEqual(len([e for e in events if any(c[0] <= e["entry_ns"] and e["exit_ns"] <= c[3] for c in long)]), len(long))

    def test_another_threshold(self):
        directory, answer = self.record_workload(["-s", 0], "known-answer", 500, 20)
        every = report(directory).sample["syscall_events"]
        slow = report(directory, "-s", 1_000_000).sample["syscall_events"]
        key = lambda e: (e["entry_ns"], e["tid"])
        self.assertEqual({key(e) for e in slow}, {key(e) for e in every if e["exit_ns"] - e["entry_ns"] > 1_000_000})
        self.assertGreaterEqual(len(slow), 20)

    def test_windows_of_triggers_as_one(self):
        with Workload("trigger-windows", 25, 40) as workload:
            tool, directory = self.record("-p", workload.pid, "--start-trigger", "up:window_begin", "--stop-trigger", "up:window_end",
                                          "--sample-count", 40)
            wait_begun(tool, directory)
            workload.go()
            self.assertEqual(len(self.finish(tool, directory).samples), 40)
        self.assertEqual(len(report(directory, "--sample-count", 7).samples), 7)
        (whole,) = report(directory, "--whole").samples
        self.assertGreaterEqual(sum(syscall(t, GETPPID)["count"] for t in whole["threads"]), 40 * 25)
        self.assertEqual(report(directory, "--start-trigger", "up:other").status, 78)
        shortest = sorted(s["window"]["duration_ns"] for s in report(directory).samples)[20]
        kept = report(directory, "--trigger-delta", shortest).samples
        self.assertTrue(all(s["window"]["duration_ns"] >= shortest for s in kept))
        self.assertIn(len(kept), (19, 20, 21))

    def test_formats_and_files(self):
        directory, _ = self.record_workload([], "known-answer", 100, 2)
        text = report(directory, json_report=False).out
        self.assertIn("# ACCOUNTING", text)
        for path in (directory / "trace.dat", f"{directory}/"):
            self.assertEqual(report(path, json_report=False).out, text)
        moved = directory.rename(self.new_directory())
        report(moved, "-o", self.directory / "report", json_report=False)
        self.assertEqual((self.directory / "report").read_text(), text)
