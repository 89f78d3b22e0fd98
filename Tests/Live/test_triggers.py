"""Windows between triggers, on a program whose every window is known."""
import json
import os
import re
import signal
import subprocess
import time

from harness import LiveTestCase, TRACEFS, Tool, WORKLOADS, Workload, dynamic_events, run, syscall, wait_until

FUNCTIONS = "up:window_begin", "up:window_end"
AROUND = "up:window", "ur:window"
PROBES = "u:kdelay:begin", "u:kdelay:end"
RETURNS = "ur:window_begin", "ur:window_end"


class TriggerTestCase(LiveTestCase):
    def windows(self, start, stop, calls, windows, *more, threads=1, mode=(), options=()):
        """Runs the workload under the tool; returns its samples and the workload's answer."""
        with Workload("trigger-windows", calls, windows, threads, *mode) as workload:
            arguments = ["--sample-count", windows, *options]
            if start:
                arguments += ["--start-trigger", start]
            if stop:
                arguments += ["--stop-trigger", stop]
            tool = Tool("-p", workload.pid, *arguments, *more).wait_recording()
            answer = workload.go()
            # Every window is in the buffers by now; the tool ends by itself once it has them all.
            try:
                return tool.finish(seconds=10), answer
            except subprocess.TimeoutExpired:
                return tool.finish(signal.SIGINT), answer

    def check_windows(self, result, answer, calls, windows):
        samples = result.samples
        self.assertEqual(len(samples), windows)
        for index, (sample, clock) in enumerate(zip(samples, answer["windows"])):
            self.check_sample(sample)
            window = sample["window"]
            self.assertEqual(window["index"], index + 1)
            self.assertEqual(sum(syscall(t, "getppid")["count"] for t in sample["threads"]), calls, (index, sample))
            self.assertEqual(sum(syscall(t, "getuid")["count"] for t in sample["threads"]), 0)
            self.assertEqual(sample["loss"]["missed_triggers"], 0)
            # The program's own clock, read outside and inside of the window.
            self.assertLess(clock[0], window["start_ns"])
            self.assertLess(window["start_ns"], clock[1])
            self.assertLess(clock[2], window["stop_ns"])
            self.assertLess(window["stop_ns"], clock[3])
        for earlier, later in zip(samples, samples[1:]):
            self.assertLessEqual(earlier["window"]["stop_ns"], later["window"]["start_ns"])


class KnownWindows(TriggerTestCase):
    def test_every_kind_of_user_space_probe_and_their_mixtures(self):
        kinds = [FUNCTIONS, AROUND, PROBES, RETURNS, (PROBES[0], FUNCTIONS[1]), (FUNCTIONS[0], PROBES[1]), (PROBES[0], AROUND[1])]
        for start, stop in kinds:
            for threads in (1, 4):
                with self.subTest(start=start, stop=stop, threads=threads):
                    # A return of window_begin() comes after the first clock too, and window_end's return before the last.
                    result, answer = self.windows(start, stop, 25, 40, threads=threads)
                    self.check_windows(result, answer, 25, 40)
                    for sample in result.samples:
                        self.assertEqual((sample["window"]["start_trigger"], sample["window"]["stop_trigger"]), (start, stop))

    def test_two_filters_on_one_tracepoint(self):
        # From the third getuid before the window to the first after it.
        with Workload("trigger-windows", 25, 1) as workload:
            mine = f"common_pid == {workload.pid + 1}"
            tool = Tool("-p", workload.pid, "--start-trigger", f"t:raw_syscalls:sys_exit if id == 102 && {mine}",
                        "--stop-trigger", f"t:raw_syscalls:sys_exit if id == 110 && {mine}", "--sample-count", 2).wait_recording()
            workload.go()
            result = tool.finish(signal.SIGINT)
        first = result.samples[0]
        self.check_sample(first)
        (thread,) = [t for t in first["threads"] if t["tid"] != first["target"]["pid"]]
        # Opened right after the first getuid's exit was recorded, closed right after the first getppid's was.
        self.assertEqual(syscall(thread, "getuid")["count"], 2)
        self.assertEqual(syscall(thread, "getppid")["count"], 1)

    def test_windows_as_fast_as_they_come(self):
        windows = 20_000
        result, answer = self.windows(*FUNCTIONS, 3, windows)
        samples = result.samples
        self.assertEqual(len(samples), windows)
        self.assertEqual({sum(syscall(t, "getppid")["count"] for t in s["threads"]) for s in samples}, {3})
        self.assertEqual(sum(s["loss"]["events"] + s["loss"]["missed_triggers"] for s in samples), 0)
        rate = windows / (answer["end_ns"] - answer["start_ns"]) * 1e9
        self.assertGreater(rate, 10_000, "the workload was too slow for this test to tell anything")

    def test_the_functions_own_clock_agrees(self):
        result, answer = self.windows(*AROUND, 200, 50)
        for sample, clock in zip(result.samples, answer["windows"]):
            own = clock[2] - clock[1]
            # The rest is the probes themselves and what interrupts them.
            self.assertGreaterEqual(sample["window"]["duration_ns"], own)
        surplus = sorted(s["window"]["duration_ns"] - (c[2] - c[1]) for s, c in zip(result.samples, answer["windows"]))
        self.assertLess(surplus[len(surplus) // 2], 20_000)

    def test_the_firing_thread_is_accounted_for_to_the_nanosecond(self):
        result, answer = self.windows(*AROUND, 50, 30)
        tid = answer["threads"][0]["tid"]
        for sample in result.samples:
            (worker,) = [t for t in sample["threads"] if t["tid"] == tid]
            accounting = worker["accounting"]
            self.assertEqual(accounting["lifetime_ns"], sample["window"]["duration_ns"])
            self.assertEqual(accounting["unknown_ns"], 0, accounting)
            (main,) = [t for t in sample["threads"] if t["tid"] == sample["target"]["pid"]]
            self.assertEqual(main["accounting"]["unknown_ns"], 0, main)

    def test_triggers_at_once_are_cut_and_what_is_uncertain_is_said(self):
        result, answer = self.windows(*FUNCTIONS, 5, 2000, threads=4, mode=["at-once"])
        samples = result.samples
        self.assertGreater(len(samples), 100)
        for sample in samples:
            # From one thread's first point to any thread's second: never more than all of them make meanwhile.
            count = sum(syscall(t, "getppid")["count"] for t in sample["threads"])
            self.assertLessEqual(count, 20)
        for earlier, later in zip(samples, samples[1:]):
            self.assertLessEqual(earlier["window"]["stop_ns"], later["window"]["start_ns"])


class Combinations(TriggerTestCase):
    def test_a_start_trigger_alone_lasts_the_sample_time(self):
        result, _ = self.windows(FUNCTIONS[0], None, 25, 3, "--sample-time", 0.05, "--sample-count", 1)
        (first,) = result.samples
        self.assertEqual(first["window"]["duration_ns"], 50_000_000)
        self.assertEqual(first["window"]["stop_trigger"], None)
        self.assertEqual(sum(syscall(t, "getppid")["count"] for t in first["threads"]), 75)

    def test_a_stop_trigger_alone_begins_now(self):
        result, answer = self.windows(None, FUNCTIONS[1], 25, 4)
        samples = result.samples
        self.assertEqual([s["window"]["start_trigger"] for s in samples], [None] * 4)
        for sample, clock in zip(samples, answer["windows"]):
            self.check_sample(sample)
            self.assertTrue(clock[2] < sample["window"]["stop_ns"] < clock[3])
            self.assertEqual(sum(syscall(t, "getppid")["count"] for t in sample["threads"]), 25)
        for earlier, later in zip(samples, samples[1:]):
            self.assertEqual(earlier["window"]["stop_ns"], later["window"]["start_ns"])

    def test_one_probe_as_both_makes_windows_back_to_back(self):
        result, answer = self.windows("up:window", "up:window", 25, 50, options=["--sample-count", 49])
        samples = result.samples
        self.assertEqual(len(samples), 49)
        for earlier, later in zip(samples, samples[1:]):
            self.assertEqual(earlier["window"]["stop_ns"], later["window"]["start_ns"])
        self.assertEqual({sum(syscall(t, "getppid")["count"] for t in s["threads"]) for s in samples}, {25})
        self.assertEqual({sum(syscall(t, "getuid")["count"] for t in s["threads"]) for s in samples}, {6})

    def test_a_pause_leaves_windows_out(self):
        with Workload("trigger-windows", 25, 400) as workload:
            tool = Tool("-p", workload.pid, "--start-trigger", FUNCTIONS[0], "--stop-trigger", FUNCTIONS[1],
                        "--sample-count", 5, "--sample-interval", 0.001).wait_recording()
            workload.go()
            result = tool.finish(signal.SIGINT)
        for earlier, later in zip(result.samples, result.samples[1:]):
            self.assertGreaterEqual(later["window"]["start_ns"] - earlier["window"]["stop_ns"], 1_000_000)
        self.assertGreater(len(result.samples), 2)

    def test_short_windows_are_skipped_and_do_not_count(self):
        with Workload("trigger-windows", 25, 10) as workload:
            tool = Tool("-p", workload.pid, "--start-trigger", FUNCTIONS[0], "--stop-trigger", FUNCTIONS[1],
                        "--trigger-delta", 1_000_000_000, json_report=False).wait_recording()
            workload.go()
            result = tool.finish(signal.SIGINT)
        self.assertEqual(result.status, 0)
        lines = result.out.splitlines()
        self.assertEqual(len(lines), 30)
        for start, stop, skipped in zip(lines[::3], lines[1::3], lines[2::3]):
            self.assertRegex(start, r"^# Start sampling \(trigger@\d+\) @\d{4}-\d\d-\d\dT[\d:.]+ \([\d:]+ UTC\)$")
            self.assertRegex(stop, r"^# Stop sampling \(trigger@\d+\) @")
            delta = re.fullmatch(r"# Sample dump skipped, delta ([\d,]+) ns @.*", skipped)
            times = [int(re.search(r"trigger@(\d+)", line)[1]) for line in (start, stop)]
            self.assertEqual(int(delta[1].replace(",", "")), times[1] - times[0])

    def test_the_text_says_what_opened_and_closed_it(self):
        with Workload("trigger-windows", 25, 1) as workload:
            tool = Tool("-p", workload.pid, "--start-trigger", FUNCTIONS[0], "--stop-trigger", FUNCTIONS[1],
                        json_report=False).wait_recording()
            workload.go()
            lines = tool.finish().out.splitlines()
        dumps = [line for line in lines if line.startswith("# Triggered")]
        self.assertEqual(len(dumps), 1)
        self.assertRegex(dumps[0], r"^# Triggered sample dump, stop-start delta [\d,]+ ns @")

    def test_a_command_from_its_first_trigger(self):
        result = run("--start-trigger", FUNCTIONS[0], "--stop-trigger", FUNCTIONS[1], "--sample-count", 20, "--",
                     WORKLOADS / "trigger-windows", 25, 20, stdin=subprocess.DEVNULL)
        samples = result.samples
        self.assertEqual(len(samples), 20)
        self.assertEqual({sum(syscall(t, "getppid")["count"] for t in s["threads"]) for s in samples}, {25})

    def test_a_trigger_that_never_comes_is_said(self):
        with Workload("trigger-windows", 25, 1) as workload:
            tool = Tool("-p", workload.pid, "--start-trigger", FUNCTIONS[0]).wait_recording()
            result = tool.finish(signal.SIGINT)
        self.assertEqual((result.status, result.out), (0, ""))
        self.assertIn("warning: nothing is reported: the start trigger 'up:window_begin' did not come", result.err)

    def test_the_end_of_the_target_closes_an_open_window(self):
        with Workload("trigger-windows", 25, 1) as workload:
            tool = Tool("-p", workload.pid, "--start-trigger", FUNCTIONS[0], "--stop-trigger", "ur:main").wait_recording()
            workload.go()
            workload.process.kill()
            workload.process.wait()
            sample = tool.finish().sample
        self.assertIsNone(sample["window"]["stop_trigger"])
        self.assertEqual(sum(syscall(t, "getppid")["count"] for t in sample["threads"]), 25)


class Gating(TriggerTestCase):
    def test_only_windows_are_recorded(self):
        with Workload("trigger-windows", 25, 1000) as workload:
            tool = Tool("-p", workload.pid, "--start-trigger", FUNCTIONS[0], "--stop-trigger", FUNCTIONS[1],
                        "--sample-count", 1000, "-D").wait_recording()
            for event in ("sys_enter", "sys_exit"):
                self.assertEqual((tool.instance / f"events/raw_syscalls/{event}/enable").read_text().strip(), "0*")
            workload.go()
            result = tool.finish()
        self.assertIn("gating: syscalls and interrupts are recorded in windows only", result.err)
        read = int(re.search(r"read (\d+) events", result.err)[1])
        # Two a call and two triggers a window; the six calls between the windows would be twelve more.
        self.assertGreaterEqual(read, 1000 * 52)
        self.assertLess(read, 1000 * 60)

    def test_another_process_of_the_same_program_neither_opens_nor_closes(self):
        with Workload("trigger-windows", 25, 200) as workload, Workload("trigger-windows", 5, 3_000) as other:
            tool = Tool("-p", workload.pid, "--start-trigger", FUNCTIONS[0], "--stop-trigger", FUNCTIONS[1],
                        "--sample-count", 200).wait_recording()
            other.process.stdin.write("go\n")
            other.process.stdin.flush()
            answer = workload.go()
            result = tool.finish()
            other.process.stdout.readline()
        self.check_windows(result, answer, 25, 200)


class Semaphores(TriggerTestCase):
    def test_they_are_raised_while_the_tool_runs_and_zero_afterwards(self):
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with self.subTest(end=end), Workload("trigger-windows", 25, 3) as workload:
                tool = Tool("-p", workload.pid, "--start-trigger", PROBES[0], "--stop-trigger", PROBES[1],
                            "--sample-count", 100).wait_recording()
                workload.go()
                self.assertEqual(workload.ask("?"), {"begin": 2, "end": 2})  # two sites each
                tool.signal(end)
                tool.process.communicate()
                if end == signal.SIGKILL:
                    # The kernel's probes outlive the tool; the next start takes them away.
                    self.assertIn(f"kdelay_{tool.process.pid}_", dynamic_events())
                    cleaning = subprocess.run([os.environ["KDELAY_BINARY"], "doctor", "--clean"], capture_output=True, text=True)
                    self.assertIn("removed        dynamic_events/kdelay_", cleaning.stdout)
                self.assertEqual(workload.ask("?"), {"begin": 0, "end": 0})
