"""What probes and recording cost is told apart from what the program does."""
import os
import platform
import signal
import subprocess
import time

from harness import LiveTestCase, compiled, named, run, syscall, watched

CALLS = 1000


def calls():
    return compiled("calls.c", "calls-probed")


def return_probes_make_syscalls():
    """Linux 6.11 and later on x86-64."""
    return platform.machine() == "x86_64" and tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 11)


class ProbeTests(LiveTestCase):
    def test_syscalls_that_another_tools_probe_makes_are_no_calls_of_the_program(self):
        probe = f"uretprobe:{calls()}:work {{ @returns = count(); }}"
        script = f'BEGIN {{ printf("begun\\n"); }} {probe}'
        bpftrace = subprocess.Popen(["bpftrace", "-B", "line", "-e", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            while (line := bpftrace.stdout.readline()) != "begun\n":
                self.assertNotEqual(line, "")
            time.sleep(0.5)
            plain = run("-s", "--", calls(), CALLS).sample
        finally:
            bpftrace.send_signal(signal.SIGINT)
            text, _ = bpftrace.communicate(timeout=30)
        self.assertIn(f"@returns: {CALLS}", text)
        self.check_sample(plain)
        (thread,) = plain["threads"]
        self.assertEqual([s["name"] for s in thread["syscalls"] if s["name"] in ("uretprobe", "uprobe")], [])
        self.assertLess(sum(s["errors"] for s in thread["syscalls"]), 20)
        self.assertEqual([e for e in plain["syscall_events"] if e["name"] in ("uretprobe", "uprobe")], [])
        overhead = thread["probe_overhead"]
        self.assertEqual(overhead["count"], CALLS if return_probes_make_syscalls() else 0)
        self.assertLessEqual(overhead["total_ns"], thread["accounting"]["user_ns"])


class RecordingTests(LiveTestCase):
    def test_the_share_of_recording_is_told(self):
        sample, _ = watched("spin-syscalls", 200_000)
        self.check_sample(sample)
        busiest = max(sample["threads"], key=lambda t: syscall(t, "getppid")["count"])
        count = syscall(busiest, "getppid")["count"]
        self.assertGreaterEqual(count, 200_000)
        self.assertGreater(busiest["recording_ns"], 20 * count)
        self.assertLess(busiest["recording_ns"], busiest["accounting"]["user_ns"])

    def test_a_thread_without_syscalls_pays_nothing(self):
        sample, _ = watched("spinner")
        self.assertEqual(named(sample, "spinner")["recording_ns"], 0)
        self.assertEqual(named(sample, "spinner")["probe_overhead"], {"count": 0, "total_ns": 0})
