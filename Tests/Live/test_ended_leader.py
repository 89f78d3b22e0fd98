"""A process whose first thread has ended: /proc calls it a zombie, and its other threads run."""
import os
import pathlib
import subprocess

from harness import BINARY, LiveTestCase, Tool, named, run, syscall, thread, wait_until
from test_stacks import built


def state(pid, tid):
    return pathlib.Path(f"/proc/{pid}/task/{tid}/stat").read_text().rpartition(")")[2].split()[0]


class EndedLeader(LiveTestCase):
    def setUp(self):
        super().setUp()
        program = built("ended-leader.c", name="ended-leader")
        self.program = program.__enter__()
        self.addCleanup(program.__exit__, None, None, None)

    def start(self):
        process = subprocess.Popen([self.program], stdin=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.kill)
        wait_until(lambda: state(process.pid, process.pid) == "Z", "the first thread has ended")
        def tids():
            return {p.read_text().strip(): int(p.parent.name) for p in pathlib.Path(f"/proc/{process.pid}/task").glob("*/comm")}
        wait_until(lambda: {"stepper", "waiter"} <= tids().keys(), "the threads have their names")
        return process, tids()

    def test_its_threads_are_watched(self):
        process, tids = self.start()
        sample = run("-p", process.pid, "--sample-time", 0.5).sample
        self.check_sample(sample)
        self.assertEqual(sample["target"], {"pid": process.pid, "comm": "ended-leader"})
        self.assertEqual({t["tid"] for t in sample["threads"]}, {tids["stepper"], tids["waiter"]})
        self.assertGreater(syscall(thread(sample, tids["stepper"]), "getppid")["count"], 10)

    def test_its_end_is_seen(self):
        process, _ = self.start()
        tool = Tool("-p", process.pid, "--sample-time", 60).wait_recording()
        process.stdin.close()
        result = tool.finish()
        self.check_sample(result.sample)
        self.assertIn(f"process {process.pid} (ended-leader) ended", result.err)

    def test_its_functions_are_triggers_and_have_names(self):
        process, _ = self.start()
        samples = run("-p", process.pid, "--start-trigger", "up:step", "--stop-trigger", "ur:step", "--sample-count", 5).samples
        # The window opens at the function's entry: the system call is inside.
        self.assertEqual([syscall(named(s, "stepper"), "getppid")["count"] for s in samples], [1] * 5)
        listed = subprocess.run([BINARY, "list", "-p", str(process.pid), "up:*step"], capture_output=True, text=True)
        self.assertIn("step", listed.stdout, listed.stderr)

    def test_its_stacks_have_names(self):
        process, _ = self.start()
        # What is mapped is all that is left of it.
        os.unlink(self.program)
        sample = run("-p", process.pid, "-s", 1_000_000, "--sample-time", 0.5).sample
        stacks = [[f["symbol"] for f in e["user_stack"]] for e in sample["syscall_events"] if e["comm"] == "stepper"]
        self.assertTrue(stacks)
        for stack in stacks:
            self.assertIn("step", stack)
            self.assertIn("work", stack)

    def test_it_is_found_by_its_name(self):
        self.program = self.program.rename(self.program.with_name("ovs-vswitchd"))
        process, _ = self.start()
        self.assertEqual(run("--sample-time", 0.2).sample["target"], {"pid": process.pid, "comm": "ovs-vswitchd"})

    def test_a_first_thread_that_ends_while_it_is_watched(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, writing)
        self.addCleanup(os.close, reading)
        sample = run("--sample-time", 0.5, "--", self.program, stdin=reading).sample
        self.check_sample(sample)
        self.assertEqual(sample["target"]["comm"], "ended-leader")
        leader = thread(sample, sample["target"]["pid"])
        self.assertLess(leader["accounting"]["lifetime_ns"], sample["window"]["duration_ns"])
        self.assertGreater(syscall(named(sample, "stepper"), "getppid")["count"], 10)

    def test_a_thread_of_it_is_told_from_it(self):
        process, tids = self.start()
        result = run("-p", tids["stepper"])
        self.assertEqual(result.status, 69)
        self.assertIn(f"use -p {process.pid}", result.err)

    def test_a_process_of_which_all_threads_have_ended_is_a_zombie(self):
        process, _ = self.start()
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        result = run("-p", process.pid)
        self.assertEqual(result.status, 69)
        self.assertIn("is a zombie", result.err)
