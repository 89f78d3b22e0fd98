"""How a capture ends: all that was recorded before the end is reported, however windows open and close."""
import pathlib
import re
import signal
import subprocess
import time

from harness import LiveTestCase, Tool, compiled, named, run, wait_until

CALLS = 10_000


def calls():
    return compiled("calls.c", "calls")


class EndTests(LiveTestCase):
    def windows(self, result):
        samples = result.samples
        self.assertEqual([s["window"]["index"] for s in samples], list(range(1, len(samples) + 1)))
        for before, after in zip(samples, samples[1:]):
            self.assertLessEqual(before["window"]["stop_ns"], after["window"]["start_ns"])
        for sample in samples:
            self.assertEqual(sample["loss"]["missed_triggers"], 0)
        return samples

    def test_a_command_ends_before_its_triggers_are_read(self):
        """By each way to open and to close. A stop trigger alone leaves the time from the last one to the end."""
        many = "--sample-count", 1_000_000
        for triggers, expected in (
            (("--stop-trigger", "up:work"), CALLS + 1),
            (("--start-trigger", "up:work", "--stop-trigger", "up:work"), CALLS),
            (("--start-trigger", "up:work", "--stop-trigger", "ur:work"), CALLS),
        ):
            with self.subTest(triggers=triggers):
                samples = self.windows(run(*triggers, *many, "--", calls(), CALLS))
                self.assertEqual(len(samples), expected)
        with self.subTest("windows of a length"):
            samples = self.windows(run("--sample-time", 0.01, *many, "--", calls(), CALLS, 100))
            self.assertGreaterEqual(len(samples), 10)
            self.assertTrue(all(s["window"]["duration_ns"] == 10_000_000 for s in samples[:-1]))
        with self.subTest("one window to the end"):
            (sample,) = self.windows(run("--", calls(), CALLS))
            self.assertEqual(named(sample, "calls")["syscalls"][-1]["errors"], 0)
        with self.subTest("windows of a length from a trigger on"):
            samples = self.windows(run("--start-trigger", "up:work", "--sample-time", 0.000001, *many, "--", calls(), CALLS))
            self.assertGreater(len(samples), CALLS // 100)

    def test_a_signal_ends_the_sampling_and_no_window_before_it_is_lost(self):
        """The program makes its calls and sleeps; the signal comes at once, while much is still unread, or a little later."""
        many = "--sample-count", 1_000_000
        for number, wait, triggers, expected in (
            (signal.SIGINT, 0, ("--stop-trigger", "up:work"), CALLS + 1),
            (signal.SIGTERM, 0.2, ("--stop-trigger", "up:work"), CALLS + 1),
            (signal.SIGHUP, 0, ("--start-trigger", "up:work", "--stop-trigger", "up:work"), CALLS),
            (signal.SIGINT, 0, ("--start-trigger", "up:work", "--stop-trigger", "ur:work"), CALLS),
        ):
            with self.subTest(number=number, triggers=triggers):
                program = subprocess.Popen([calls(), str(CALLS), "1500", "100000"])
                try:
                    tool = Tool("-p", program.pid, *triggers, *many).wait_recording()
                    # The second sleep has begun: all calls were made.
                    switches = lambda: int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)",
                                                     pathlib.Path(f"/proc/{program.pid}/status").read_text(), re.M)[1])
                    first = switches()
                    wait_until(lambda: switches() > first, "the calls were made")
                    time.sleep(wait)
                    samples = self.windows(tool.finish(number))
                finally:
                    program.kill()
                    program.wait()
                self.assertEqual(len(samples), expected)

    def test_the_target_of_a_pid_ends(self):
        program = subprocess.Popen([calls(), str(CALLS), "1500"])
        tool = Tool("-p", program.pid, "--stop-trigger", "up:work", "--sample-count", 1_000_000).wait_recording()
        program.wait()
        samples = self.windows(tool.finish())
        self.assertEqual(len(samples), CALLS + 1)

    def test_the_count_is_reached(self):
        samples = self.windows(run("--stop-trigger", "up:work", "--sample-count", 1234, "--", calls(), CALLS))
        self.assertEqual(len(samples), 1234)

    def test_a_command_that_is_over_before_its_exec_is_read(self):
        for _ in range(5):
            (sample,) = self.windows(run("--", "/bin/true"))
            self.assertGreater(sample["window"]["duration_ns"], 0)
