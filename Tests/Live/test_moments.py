"""Signals at every moment of a run, set-up and clean-up included, where a fixed test would always hit the same place."""
import os
import pathlib
import pty
import signal
import subprocess
import time

from harness import BINARY, LiveTestCase, Tool, TRACEFS, Workload, instances, lasting_instances, run, wait_until


class Moments(LiveTestCase):
    def setUp(self):
        super().setUp()
        self.workload = Workload("known-answer", 10, 1)
        self.addCleanup(self.workload.close)

    def test_a_signal_at_any_moment_of_the_start(self):
        # Loading takes some 20 ms, set-up and the rest as long again; the first moments come before any handler is there.
        for delay in range(0, 240, 8):
            with self.subTest(ms=delay):
                tool = Tool("-p", self.workload.pid, "--sample-time", 60)
                time.sleep(delay / 1000)
                result = tool.finish((signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[delay // 8 % 3])
                self.assertIn(result.status, (0, -signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP))
                self.assertEqual((lasting_instances(), delay), (self.before[0], delay))
                if result.status == 0 and result.out:
                    self.check_sample(result.sample)

    def test_a_signal_at_any_moment_of_the_end(self):
        for delay in range(0, 60, 4):
            with self.subTest(ms=delay):
                tool = Tool("-p", self.workload.pid, "--sample-time", 60).wait_recording()
                tool.signal(signal.SIGINT)
                time.sleep(delay / 1000)
                result = tool.finish(signal.SIGTERM)
                self.assertEqual(result.status, 0, result.err)
                self.assertEqual((lasting_instances(), delay), (self.before[0], delay))

    def test_killed_at_any_moment_the_next_one_removes_what_is_left(self):
        left = 0
        for delay in range(0, 240, 12):
            tool = Tool("-p", self.workload.pid, "--sample-time", 60)
            time.sleep(delay / 1000)
            tool.finish(signal.SIGKILL)
            left += lasting_instances() != self.before[0]
            if delay % 48 == 36:
                result = run("-p", self.workload.pid, "--sample-time", 0.05)
                self.assertEqual(result.status, 0, result.err)
                self.assertEqual((lasting_instances(), delay), (self.before[0], delay))
        self.assertGreater(left, 0)
        run("-p", self.workload.pid, "--sample-time", 0.05)

    def test_a_target_killed_at_any_moment(self):
        for delay in range(0, 120, 10):
            with self.subTest(ms=delay), Workload("many-threads", 100) as target:
                tool = Tool("-p", target.pid, "--sample-time", 60)
                time.sleep(delay / 1000)
                target.process.kill()
                result = tool.finish()
                # Before the sample has begun: it is not there (or not any more). After: a report, however short.
                if result.status == 69:
                    self.assertRegex(result.err, r"^error: ")
                    self.assertEqual(result.out, "")
                else:
                    self.assertEqual((result.status, result.out != ""), (0, True), "neither a report nor an error")
                    self.check_sample(result.sample)

    def test_a_foreign_instance_is_never_removed(self):
        # One with the tool's prefix but another form, one of somebody else's, and one whose pid lives but is another process.
        names = ["kdelay-notes", "somebody-else", f"kdelay-{os.getpid()}-notanumber"]
        for name in names:
            (TRACEFS / "instances" / name).mkdir()
            self.addCleanup((TRACEFS / "instances" / name).rmdir)
        run("-p", self.workload.pid, "--sample-time", 0.05)
        subprocess.run([BINARY, "doctor", "--clean"], capture_output=True)
        self.assertLessEqual(set(names), set(instances()))
        self.before = lasting_instances(), self.before[1]

    def test_a_dead_owners_instance_under_a_reused_pid_is_removed(self):
        stale = f"kdelay-{os.getpid()}-1"
        (TRACEFS / "instances" / stale).mkdir()
        said = run("-p", self.workload.pid, "--sample-time", 0.05).err
        self.assertNotIn(stale, instances())
        self.assertIn(stale, said)

    def test_the_top_level_buffer_is_not_touched(self):
        files = ["tracing_on", "set_event", "current_tracer", "trace_clock", "buffer_size_kb", "set_event_pid"]
        before = {name: (TRACEFS / name).read_text() for name in files}
        tool = Tool("-p", self.workload.pid, "--sample-time", 60).wait_recording()
        during = {name: (TRACEFS / name).read_text() for name in files}
        tool.finish(signal.SIGKILL)
        run("-p", self.workload.pid, "--sample-time", 0.05)
        self.assertEqual(before, during)
        self.assertEqual(before, {name: (TRACEFS / name).read_text() for name in files})

    def test_a_command_that_ignores_signals_goes_with_the_tool(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number):
                tool = Tool("--", "/bin/sh", "-c", "trap '' INT TERM HUP; echo $$; while :; do sleep 0.1; done")
                child = int(tool.process.stdout.readline())
                tool.wait_recording().finish(number)
                wait_until(lambda: not pathlib.Path(f"/proc/{child}").exists(), "the command is gone", 5)


class Terminal(LiveTestCase):
    """stderr on a terminal, and not."""

    def stderr_on_a_terminal(self, *arguments):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([BINARY, *arguments], stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        text = b""
        while True:
            try:
                more = os.read(ours, 4096)
            except OSError:  # EIO: the other side is closed
                break
            if not more:
                break
            text += more
        os.close(ours)
        self.assertEqual(process.wait(), 0)
        return text.decode()

    def test_progress_shows_on_a_terminal_only(self):
        arguments = ["-p", str(os.getpid()), "--sample-time", "3"]
        self.assertRegex(self.stderr_on_a_terminal(*arguments), r"\d.* s.*events")
        self.assertEqual(subprocess.run([BINARY, *arguments], capture_output=True).stderr, b"")

    def test_a_short_sample_has_no_progress(self):
        self.assertEqual(self.stderr_on_a_terminal("-p", str(os.getpid()), "--sample-time", "0.3"), "")

    def test_debug_says_what_is_written_and_only_on_stderr(self):
        result = run("-D", "-p", os.getpid(), "--sample-time", 0.1)
        self.check_sample(result.sample)
        for name in ("set_event_pid", "event-fork", "trace_clock", "raw_syscalls", "sched_switch"):
            self.assertIn(name, result.err)

    def test_the_commands_output_is_left_alone(self):
        with_tool = subprocess.run([BINARY, "-o", "/dev/null", "--", "/bin/sh", "-c", "echo out; echo err >&2; cat"],
                                   input="in\n", capture_output=True, text=True)
        self.assertEqual((with_tool.stdout, with_tool.stderr), ("out\nin\n", "err\n"))
        self.assertEqual(with_tool.returncode, 0)
