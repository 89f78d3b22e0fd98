"""Slow syscalls where the kernel refuses perf events, as in a container: ftrace's own stacks."""
import errno
import pathlib
import signal
import subprocess
import tempfile

import gdb_peer
from harness import LiveTestCase, Tool, run, wait_until
from test_stacks import SOURCES, built, check_drops, kernel, standing, symbols

WORKLOADS = SOURCES.parents[1] / "Workloads"


class WithoutPerfEvents(LiveTestCase):
    def setUp(self):
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        wrapper = pathlib.Path(directory.name) / "deny-perf"
        subprocess.run(["gcc", "-Wall", "-o", wrapper, SOURCES / "deny-perf.c"], check=True)
        self.denied = [wrapper, str(errno.EPERM)]
        self.incapable = [wrapper, "-c", "0"]
        self.lacking = [wrapper, str(errno.ENOSYS)]

    def test_every_slow_syscall_has_a_stack(self):
        rounds = 10
        with built(WORKLOADS / "slow-syscalls.c", WORKLOADS / "workload.c", "-fno-omit-frame-pointer") as program:
            for under in (self.denied, self.lacking, self.incapable):
                with self.subTest(under=under):
                    result = run("-s", 100_000, "--", program, rounds, stdin=subprocess.DEVNULL, under=under)
                    self.assertRegex(result.err, r"warning: the kernel refuses perf events of the target \((Operation not permitted|Function not implemented|Permission denied)\); stacks are ftrace's own")
                    sample = result.sample
                    self.check_sample(sample)
                    self.assertEqual(len([n for n in sample["stack_notes"] if "ftrace's own, with at most 8 user frames" in n]), 1)
                    self.assertEqual(len([n for n in sample["stack_notes"] if "frame pointers" in n]), 1)
                    self.assertEqual((sample["loss"]["stack_samples"], sample["loss"]["stacks_missing"]), (0, 0))
                    sleeps = [e for e in sample["syscall_events"] if e["name"] == "clock_nanosleep"]
                    # The C library's function has no frame pointer: its caller is missing, that one's caller is there.
                    self.assertEqual(sorted({next(s for s in symbols(e) if s in ("main", "young")) for e in sleeps}), ["main", "young"])
                    self.assertEqual(len(sleeps), 4 * rounds)
                    for event in sleeps:
                        self.assertEqual((event["user_stack_end"], event["user_stack"][0]["guessed"]), ("frame pointers", True))
                        self.assertEqual(kernel(event)[0], "__schedule")
                        self.assertTrue([s for s in kernel(event) if s and "nanosleep" in s], event)
                        self.assertTrue(event["waits"][0]["kernel_stack"])
                    # Those of which nothing but the return is recorded.
                    computing = [e for e in sample["syscall_events"] if e["name"] == "getrandom"]
                    self.assertGreaterEqual(len(computing), 2 * rounds)
                    self.assertTrue(all(e["user_stack"] for e in computing))

    def test_eight_frames(self):
        with built("deep-stacks.c", SOURCES / "library.c", "-fno-omit-frame-pointer") as program, standing([program, "alloca"]) as pid:
            tool = Tool("-p", pid, "-s", 1000, "--sample-time", 100, under=self.denied).wait_recording()
            self.assertEqual(len(tool.instances), 2)
            gdb_peer.gdb(pid)
            _, frames = gdb_peer.gdb(pid, gdb_peer.SCRIPT)[0].popitem()
            sample = tool.finish(signal.SIGINT).sample
        deepest = max(sample["syscall_events"], key=lambda e: len(e["user_stack"]))
        own = [f["address"] for f in gdb_peer.physical(deepest)]
        self.assertEqual((deepest["user_stack_end"], len(own)), ("depth limit", 8))
        theirs = [address for address, _ in frames]
        self.assertEqual(own[0], theirs[0])
        # Frames of the C library's are missing; no other.
        start = theirs.index(own[1])
        self.assertEqual(own[1:], theirs[start:start + 7])

    def test_libraries_that_are_loaded_meanwhile(self):
        with tempfile.TemporaryDirectory() as directory:
            directory = pathlib.Path(directory)
            for name in ("first", "second"):
                subprocess.run(["gcc", "-O2", "-fno-omit-frame-pointer", "-shared", "-fPIC", f"-DNAME={name}_function", "-o", directory / f"lib{name}.so", SOURCES / "plugin.c"], check=True)
            program = directory / "host"
            subprocess.run(["gcc", "-O2", "-fno-omit-frame-pointer", "-o", program, SOURCES / "plugin-host.c", "-ldl"], check=True)
            sample = run("-s", 1_000_000, "--", program, directory / "libfirst.so", directory / "libsecond.so", 100, under=self.denied).sample
        sleeps = [e for e in sample["syscall_events"] if e["name"] == "clock_nanosleep"]
        # They are seen at the next look at the mappings, 100 ms later at most.
        found = [next((s for s in symbols(e) if s.endswith("_function")), "?") for e in sleeps]
        self.assertEqual(found[-101:], ["first_function", "second_function"] * 50 + ["made_function"])

    def test_without_user_or_kernel_stacks(self):
        with built(WORKLOADS / "slow-syscalls.c", WORKLOADS / "workload.c", "-fno-omit-frame-pointer") as program:
            options = ["-s", 1_000_000, "--", program, 2]
            events = run("--user-stacks", "none", *options, stdin=subprocess.DEVNULL, under=self.denied).sample["syscall_events"]
            self.assertTrue(events and all(not e["user_stack"] and e["user_stack_end"] == "not sampled" for e in events))
            self.assertTrue(all(e["kernel_stack"] for e in events if e["name"] == "clock_nanosleep"))
            events = run("--no-kernel-stacks", *options, stdin=subprocess.DEVNULL, under=self.denied).sample["syscall_events"]
            self.assertTrue(events and all(not e["kernel_stack"] for e in events))
            self.assertTrue(all(e["user_stack"] for e in events if e["name"] == "clock_nanosleep"))

    def test_what_is_overwritten_is_told(self):
        check_drops(self, 400_000, 50_000, "--buffer-page-count", 16384, under=self.denied)

    def test_nothing_is_left_of_a_killed_tool(self):
        with standing(["sh", "-c", "echo ready; exec sleep 60"]) as pid:
            tool = Tool("-p", pid, "-s", "--sample-time", 100, under=self.denied).wait_recording()
            tool.finish(signal.SIGKILL)
            self.assertEqual(len(tool.instances), 2)
            next_tool = run("-p", pid, "--sample-time", 0.1)
            self.assertRegex(next_tool.err, r"removed instances/\S+-stacks that a killed kdelay-ftrace left behind")
            self.assertEqual(tool.instances, [])

    def test_nothing_is_recorded_while_a_reader_is_slow(self):
        with standing(["sh", "-c", "echo ready; exec dd if=/dev/zero of=/dev/null bs=1"]) as pid:
            tool = Tool("-p", pid, "-s", "--sample-time", 0.1, under=self.denied)
            wait_until(lambda: len(tool.instances) == 2, "the tool records")
            # Nobody reads the report meanwhile, which does not fit into the pipe.
            wait_until(lambda: tool.instances == [], "its instances are gone")
            self.assertIsNone(tool.process.poll())
            self.assertTrue(tool.finish(seconds=60).samples)

    def test_a_program_that_ends_at_once_has_stacks_or_a_word_for_it(self):
        sample = run("-s", "--", "/bin/true", under=self.denied).sample
        unknown = [e for e in sample["syscall_events"] if e["user_stack"] and not any(f["module"] for f in e["user_stack"])]
        notes = [n for n in sample["stack_notes"] if "user stacks have no names" in n]
        self.assertEqual([n.split()[0] for n in notes], [str(len(unknown))] if unknown else [])
