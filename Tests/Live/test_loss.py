"""More events than the buffer holds: what is lost is counted, and nothing that is reported is wrong because of it."""
import contextlib
import json
import signal
import subprocess

from harness import GETPPID, LiveTestCase, Tool, WORKLOADS, Workload, run, syscall


@contextlib.contextmanager
def busy(cpu, processes=1):
    """Processes that keep a CPU, the one where the tool would read, busy with syscalls."""
    hogs = [subprocess.Popen([WORKLOADS / "spin-syscalls", "--forever", str(cpu)]) for _ in range(processes)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


class Loss(LiveTestCase):
    calls = 600_000

    def lossy(self, pages):
        with busy(1), Workload("spin-syscalls", self.calls, 0) as workload:
            tool = Tool("-p", workload.pid, "--sample-time", 100, "--buffer-page-count", pages).wait_recording()
            answer = workload.go()
            return tool.finish(signal.SIGINT).sample, answer

    def test_tiny_buffers_lose_and_say_so(self):
        for pages in (1, 2, 4):
            with self.subTest(pages=pages):
                sample, answer = self.lossy(pages)
                self.check_sample(sample, loss=True)
                loss = sample["loss"]
                self.assertGreater(loss["events"], 0)
                self.assertEqual(sum(cpu["events"] for cpu in loss["cpus"]), loss["events"])
                # Two events a call, and few besides.
                written = loss["events_read"] + loss["events"]
                self.assertGreaterEqual(written, 2 * self.calls)
                self.assertLess(written, 2 * self.calls + 20_000)
                (only,) = sample["threads"]
                seen = syscall(only, GETPPID)
                self.assertLess(seen["count"], self.calls)
                self.assertEqual(seen["errors"], 0)
                self.assertLessEqual(seen["total_ns"], answer["end_ns"] - answer["start_ns"])
                self.assertGreater(only["accounting"]["unknown_ns"], 0)
                # The calls are alike: an interval across a gap would stand out as one of many calls' length. A call that
                # was interrupted or preempted is longer, and so is what was measured when this happened.
                self.assertLess(seen["p99_ns"], 10 * answer["ns_per_call"])
                off_cpu = max(only["ready"]["max_ns"] if only["ready"] else 0, 10_000_000)
                self.assertLess(seen["max_ns"], off_cpu + 1_000_000)

    def test_unknown_time_is_what_the_gaps_cover(self):
        sample, _ = self.lossy(1)
        (only,) = sample["threads"]
        # Every lost event is between two that were read: what is known and what is lost share the spinning time. Most
        # of the events gone, most of that time is unknown. While it waits for its CPU, which others may want too, it has no
        # events to lose.
        share = sample["loss"]["events"] / (2 * self.calls)
        accounting = only["accounting"]
        spun = accounting["lifetime_ns"] - accounting["blocked_interruptible_ns"] - accounting["ready_ns"]
        self.assertLess(abs(accounting["unknown_ns"] / spun - share), 0.35, (sample["loss"], accounting))

    def test_lost_events_are_told_in_text_too(self):
        with busy(1):
            text = run("--buffer-page-count", 1, "--", WORKLOADS / "spin-syscalls", self.calls, 0,
                       json_report=False, stdin=subprocess.DEVNULL).out
        self.assertRegex(text, r"(?m)^# WARNING: .*\d+.* events? .*lost")

    def unharmed(self, calls, under=()):
        """The only thread of a sample with default buffers that nothing is missing from."""
        with Workload("spin-syscalls", calls, 0) as workload:
            tool = Tool("-p", workload.pid, "--sample-time", 100, under=under).wait_recording()
            workload.go()
            sample = tool.finish(signal.SIGINT).sample
        self.check_sample(sample)
        (only,) = sample["threads"]
        self.assertEqual(syscall(only, GETPPID)["count"], calls)
        self.assertEqual(sample["loss"]["cpus"], [])
        return sample, only

    def test_default_buffers_lose_nothing_where_many_want_the_readers_cpu(self):
        with busy(1, processes=25):
            self.unharmed(4_000_000, under=("taskset", "-c", "1"))

    def test_default_buffers_lose_nothing_while_a_cpu_is_free(self):
        sample, only = self.unharmed(2_000_000)
        # Where the kernel does not record that it was switched in, that is said, and the time until its next event unknown.
        if sample["loss"]["discarded_intervals"] == 0:
            self.assertEqual(only["accounting"]["unknown_ns"], 0)
        else:
            self.assertLess(only["accounting"]["unknown_ns"], 0.05 * only["accounting"]["lifetime_ns"])
