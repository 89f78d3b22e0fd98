"""States that no syscall explains: threads that sleep outside of syscalls, and those that the kernel makes for itself."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from harness import LiveTestCase, Tool, Workload, named, run, thread, wait_until, watched

MOMENT_NS = 750_000_000
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class StateTests(LiveTestCase):
    def check_outside_syscalls(self, sample, tid):
        """A thread that made no syscall has no time in one; what nobody knows is little."""
        self.check_sample(sample)
        spinner = thread(sample, tid)
        self.assertEqual(spinner["comm"], "spinner")
        self.assertEqual(spinner["syscalls"], [])
        self.assertEqual(spinner["accounting"]["syscall_ns"], 0)
        return spinner["accounting"]

    def test_a_page_fault_that_blocks_is_no_syscall(self):
        sample, answer = watched("spinner", 0, 200)
        accounting = self.check_outside_syscalls(sample, answer["spinner"])
        blocked = accounting["blocked_interruptible_ns"] + accounting["blocked_uninterruptible_ns"]
        self.assertGreaterEqual(blocked, answer["waited_ns"])
        self.assertLess(blocked, answer["waited_ns"] + 200_000_000)
        self.assertGreaterEqual(accounting["user_ns"], (answer["user_ticks"] - 2) * TICK_NS // 2)

    def test_page_faults_are_no_syscalls_whatever_they_cost(self):
        """The kernel's share of the thread's time is large, and is part of USER or unknown, never SYSCALL."""
        sample, answer = watched("spinner", 4096)
        self.check_outside_syscalls(sample, answer["spinner"])

    def test_a_frozen_thread_is_in_no_syscall(self):
        with tempfile.TemporaryDirectory() as directory, Workload("spinner") as spinner:
            subprocess.run(["mount", "-t", "cgroup2", "none", directory], check=True)
            group = pathlib.Path(directory, f"kdelay-test-{os.getpid()}")
            group.mkdir()
            try:
                (group / "cgroup.procs").write_text(str(spinner.pid))
                tool = Tool("-p", spinner.pid, "--sample-time", 2)
                tool.wait_recording()
                (group / "cgroup.freeze").write_text("1")
                wait_until(lambda: "frozen 1" in (group / "cgroup.events").read_text(), "the spinner is frozen")
                time.sleep(0.7)
                (group / "cgroup.freeze").write_text("0")
                sample = tool.finish().sample
            finally:
                (pathlib.Path(directory) / "cgroup.procs").write_text(str(spinner.pid))
                group.rmdir()
                subprocess.run(["umount", directory], check=True)
        self.check_sample(sample)
        accounting = named(sample, "spinner")["accounting"]
        self.assertEqual(accounting["syscall_ns"], 0)
        self.assertGreaterEqual(accounting["blocked_interruptible_ns"], 600_000_000)
        self.assertGreaterEqual(accounting["user_ns"], accounting["lifetime_ns"] // 10)

    def test_a_thread_that_is_killed_amid_its_own_code_is_in_no_syscall(self):
        spinner = Workload("spinner")
        tool = Tool("-p", spinner.pid, "--sample-time", 100).wait_recording()
        os.kill(spinner.pid, signal.SIGKILL)
        sample = tool.finish().sample
        spinner.close()
        self.check_sample(sample)
        self.assertEqual(named(sample, "spinner")["accounting"]["syscall_ns"], 0)

    def test_a_traced_thread_is_in_no_syscall(self):
        with Workload("spinner") as spinner:
            tool = Tool("-p", spinner.pid, "--sample-time", 100).wait_recording()
            subprocess.run(["gdb", "-nx", "-batch", "-p", str(spinner.pid), "-ex", "thread apply all backtrace 1"],
                           check=True, capture_output=True)
            answer = spinner.go()
            sample = tool.finish(signal.SIGINT).sample
        accounting = self.check_outside_syscalls(sample, answer["spinner"])
        self.assertGreater(accounting["stopped_ns"], 0)


class WorkerTests(LiveTestCase):
    def check_worker(self, sample, answer):
        self.check_sample(sample)
        worker = thread(sample, answer["worker"])
        self.assertTrue(worker["comm"].startswith("iou-wrk-"), worker["comm"])
        accounting = worker["accounting"]
        self.assertEqual(accounting["user_ns"], 0)
        # It is put into the filter when its making is read from the stream, which takes a moment.
        self.assertGreaterEqual(accounting["blocked_interruptible_ns"], answer["slept_ns"] - MOMENT_NS)
        self.assertLess(accounting["unknown_ns"], MOMENT_NS)

    def test_a_worker_of_io_uring_that_is_born_in_the_window(self):
        # On CPU 0, since not every kernel records all of another CPU's switches.
        with Workload("io-worker", 1500, cpu=0) as workload:
            tool = Tool("-p", workload.pid, "--sample-time", 100).wait_recording()
            answer = workload.go()
            sample = tool.finish(signal.SIGINT).sample
        self.check_worker(sample, answer)
        self.assertEqual(sample["loss"]["discarded_intervals"], 0)

    def test_a_worker_that_a_thread_outside_the_filter_makes(self):
        """The thread that polls the ring is made without the event that the filter follows, and makes the worker."""
        sample, answer = watched("io-worker", 1500, 1)
        self.check_worker(sample, answer)
        (poller,) = [t for t in sample["threads"] if t["comm"].startswith("iou-sqp-")]
        self.assertEqual(poller["accounting"]["user_ns"], 0)
        self.assertLess(poller["accounting"]["unknown_ns"], MOMENT_NS)
        self.assertGreater(poller["accounting"]["syscall_ns"] + poller["accounting"]["ready_ns"], 500_000_000)

    def test_a_worker_of_io_uring_that_was_there_before(self):
        with Workload("io-worker", 1500) as workload:
            workload.process.stdin.write("go\n")
            workload.process.stdin.flush()
            time.sleep(0.2)
            tool = Tool("-p", workload.pid, "--sample-time", 0.8)
            sample = tool.finish().sample
        worker = [t for t in sample["threads"] if t["comm"].startswith("iou-wrk-")]
        self.assertEqual(len(worker), 1, sample["threads"])
        self.check_sample(sample)
        accounting = worker[0]["accounting"]
        # It may look around once in a while.
        self.assertGreater(accounting["blocked_interruptible_ns"], accounting["lifetime_ns"] - 5_000_000)
        self.assertLess(accounting["unknown_ns"], 5_000_000)
