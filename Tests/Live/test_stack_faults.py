"""Stacks where something is in the way: probes, code without information, copied code, other roots, execs that end the sampling."""
import contextlib
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import gdb_peer
from harness import LiveTestCase, Tool, run, wait_until
from test_stacks import SOURCES, built, standing, symbols

OUTERMOST = ["main", "__libc_start_call_main", "__libc_start_main", "_start"]


def sleeps(sample):
    return [e for e in sample["syscall_events"] if e["name"] in ("nanosleep", "clock_nanosleep")]


def from_function(event, name):
    """The functions from `name` outwards."""
    found = [s.split("_impl")[0] for s in symbols(event)]
    return found[found.index(name):] if name in found else found


class Guesses(LiveTestCase):
    bare = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]

    def test_a_local_behind_a_syscall_is_no_return_address(self):
        with built("bare-syscall.c", *self.bare, "-fno-omit-frame-pointer") as program:
            sample = run("-s", 1_000_000, "--", program).sample
        found = sleeps(sample)
        self.assertEqual(len(found), 3)
        for event in found:
            self.assertEqual(symbols(event), ["inner", "middle", *OUTERMOST])
            self.assertEqual(event["user_stack_end"], "complete")

    def test_a_stack_is_complete_only_where_its_outermost_function_is_there(self):
        with built("bare-syscall.c", *self.bare) as program:
            sample = run("-s", 1_000_000, "--", program).sample
        self.assertEqual(len(sleeps(sample)), 3)
        for event in sleeps(sample):
            self.assertEqual(event["user_stack_end"] == "complete", symbols(event)[-1] == "_start", symbols(event))


class ReturnProbes(LiveTestCase):
    def test_stacks_go_on_through_functions_that_a_return_trigger_is_on(self):
        with built("return-probe.c") as program:
            samples = run("-s", 1_000_000, "--start-trigger", "up:work", "--stop-trigger", "ur:work", "--sample-count", 6,
                          "--", program).samples
        events = [e for s in samples for e in sleeps(s)]
        self.assertEqual({e["user_stack_end"] for e in events}, {"complete"})
        # Each window has the innermost call, which sleeps before it returns.
        inside = [["nap", "work", "work", "first", *OUTERMOST], ["nap", "work", "second", *OUTERMOST]] * 3
        self.assertEqual([from_function(e, "nap") for e in events], inside)

    def test_so_they_do_in_a_process_that_ran_before(self):
        with built("return-probe.c") as program, subprocess.Popen([program, "100000"], stdout=subprocess.DEVNULL) as process:
            try:
                time.sleep(0.2)
                samples = run("-p", process.pid, "-s", 1_000_000, "--start-trigger", "up:work", "--stop-trigger", "ur:work",
                              "--sample-count", 20).samples
            finally:
                process.kill()
        events = [e for s in samples for e in sleeps(s)]
        self.assertGreaterEqual(len(events), 15)
        for event in events:
            found = from_function(event, "nap")
            # What was called before the probes were there returns where the stack says.
            self.assertEqual(event["user_stack_end"], "complete", found)
            self.assertIn(found[-5], ("first", "second"), found)

    def test_where_another_tool_waits_for_the_return_the_end_says_so(self):
        with built("return-probe.c") as program, subprocess.Popen([program, "100000"], stdout=subprocess.DEVNULL) as process:
            other = subprocess.Popen(["bpftrace", "-e", f"uretprobe:{program}:work {{ @ = count(); }}"],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                maps = pathlib.Path(f"/proc/{process.pid}/maps")
                wait_until(lambda: "[uprobes]" in maps.read_text(), "bpftrace's probe is hit", 60)
                time.sleep(0.5)
                sample = run("-p", process.pid, "-s", 1_000_000, "--sample-time", 0.2).sample
                followed = run("-p", process.pid, "-s", 1_000_000, "--sample-time", 0.2, "--user-stacks", "fp").sample
            finally:
                other.send_signal(signal.SIGINT)
                other.wait(30)
                process.kill()
        events = sleeps(sample)
        self.assertGreater(len(events), 5)
        # `work` ends by a jump: behind `nap` its own frame is gone, and what it returns to is the probe's.
        self.assertEqual({(symbols(e)[-1], e["user_stack_end"]) for e in events}, {("nap", "return probe")})
        self.assertEqual({e["user_stack_end"] for e in sleeps(followed)}, {"frame pointers"})


class CopiedCode(LiveTestCase):
    def test_code_that_was_copied_over_itself_is_its_files(self):
        with built("copied-code.c") as program:
            for how in ("place", "move"):
                with self.subTest(how=how), standing([program, how, 1000]) as pid:
                    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
                    self.assertTrue(any(" r-xp " in line and line.split()[4] == "0" and len(line.split()) == 5 for line in maps), maps)
                    for _, event, frames, error in gdb_peer.compare(pid):
                        self.assertIsNotNone(event, frames)
                        self.assertIsNone(error)
                        self.assertEqual([f["address"] for f in gdb_peer.physical(event)], [a for a, _ in frames])
                        self.assertEqual(from_function(event, "nap"), ["nap", "inner", "outer", *OUTERMOST])
                        self.assertEqual(event["user_stack_end"], "complete")

    def test_it_may_be_copied_while_it_is_watched(self):
        with built("copied-code.c") as program:
            for how, count in (("place", 3), ("move", 3), ("late", 4)):
                with self.subTest(how=how):
                    sample = run("-s", 1_000_000, "--", program, how).sample
                    found = [from_function(e, "nap") for e in sleeps(sample)]
                    self.assertEqual(found, [["nap", "inner", "outer", *OUTERMOST]] * len(found))
                    # The program's last sleep is of no time, which takes a while on a busy machine.
                    self.assertIn(len(found), (count, count + 1))
                    self.assertEqual({e["user_stack_end"] for e in sleeps(sample)}, {"complete"})


class Roots(LiveTestCase):
    @contextlib.contextmanager
    def jail(self, *programs):
        """A directory with programs and what they need, to be somebody's root."""
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for name in ("bin", "lib", "tmp"):
                (root / name).mkdir()
            for program in programs:
                shutil.copy(program, root / "bin" / program.name)
                for line in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines():
                    for path in (word for word in line.split() if word.startswith("/")):
                        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
                        shutil.copy(path, root / path[1:])
            yield root

    def test_a_command_that_begins_in_another_root(self):
        with built("return-probe.c") as program, self.jail(program) as root:
            for command in (["chroot", root, "/bin/program"], ["unshare", "-R", root, "/bin/program"]):
                with self.subTest(command=command[0]):
                    found = [from_function(e, "nap") for e in sleeps(run("-s", 1_000_000, "--", *command, 20).sample)]
                    self.assertEqual(len(found), 100)
                    self.assertEqual({stack[-1] for stack in found}, {"_start"})
                    self.assertIn(["nap", "second", *OUTERMOST], found)

    def test_a_process_in_another_root(self):
        with built("return-probe.c") as program, self.jail(program) as root:
            with subprocess.Popen(["chroot", root, "/bin/program", "100000"], stdout=subprocess.DEVNULL) as process:
                try:
                    time.sleep(0.2)
                    sample = run("-p", process.pid, "-s", 1_000_000, "--sample-time", 0.2).sample
                    # A path is one below the target's root.
                    triggered = run("-p", process.pid, "--start-trigger", "up:/bin/program:work", "--sample-time", 0.05)
                finally:
                    process.kill()
        self.assertEqual({from_function(e, "nap")[-1] for e in sleeps(sample)}, {"_start"})
        self.assertEqual(triggered.status, 0, triggered.err)

    def test_a_process_that_changes_its_root(self):
        with built("own-root.c", "-ldl") as program, self.jail() as root:
            library = root / "lib/plugin.so"
            subprocess.run(["gcc", "-O2", "-g", "-fomit-frame-pointer", "-shared", "-fPIC", "-DNAME=plugin_function", "-o", library,
                            SOURCES / "plugin.c"], check=True)
            # Its debug file is below its root, and nowhere else.
            debug = root / "usr/lib/debug/lib/plugin.so.debug"
            debug.parent.mkdir(parents=True)
            subprocess.run(["objcopy", "--only-keep-debug", library, debug], check=True)
            subprocess.run(["objcopy", "-S", f"--add-gnu-debuglink={debug}", library], check=True)
            sample = run("-s", 1_000_000, "--", program, root).sample
        found = [e for e in sleeps(sample) if "plugin_function" in symbols(e)]
        self.assertEqual(len(found), 5)
        for event in found:
            self.assertEqual(from_function(event, "plugin_function"), ["plugin_function", *OUTERMOST])
            (frame,) = [f for f in event["user_stack"] if f["symbol"] == "plugin_function"]
            self.assertIn("plugin.c:", frame["source"])


class DebugInformation(LiveTestCase):
    def run_program(self, program):
        """(sample, the first sleep's frames of the program)"""
        sample = run("-s", 1_000_000, "--", program).sample
        return sample, [f for f in sleeps(sample)[0]["user_stack"] if f["module"] == program.name]

    def check_unreadable(self, program):
        sample, frames = self.run_program(program)
        self.assertEqual([f["symbol"] for f in frames if f["symbol"] in ("work", "main")], ["work", "main"])
        self.assertTrue(any(program.name in note and "cannot be unpacked" in note for note in sample["stack_notes"]), sample["stack_notes"])
        self.assertEqual({e["user_stack_end"] for e in sleeps(sample)}, {"complete"})

    @staticmethod
    def section(path, name):
        """Where a section lies in a file, and its bytes' count."""
        for line in subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout.splitlines():
            words = line.replace("[ ", "[").split()
            if len(words) > 5 and words[1] == name:
                return int(words[4], 16), int(words[5], 16)
        raise AssertionError(f"no {name}")

    def damage(self, path, name, place, value):
        content = bytearray(path.read_bytes())
        start, _ = self.section(path, name)
        content[start + place:start + place + len(value)] = value
        path.write_bytes(content)

    def test_what_can_be_read_is_read(self):
        with built("inlined.c", "-g", "-gz=zlib") as program:
            sample, frames = self.run_program(program)
        self.assertEqual([(f["symbol"], f["inlined"]) for f in frames[:2]], [("doze", True), ("work", False)])
        self.assertFalse([note for note in sample["stack_notes"] if program.name in note])

    def test_information_that_is_damaged_or_compressed_in_an_unknown_way_is_told_of(self):
        for name, place, value in ((".debug_info", 0, struct.pack("<I", 77)), (".debug_info", 40, b"\xff\xff\xff\xff"),
                                   (".debug_line", 40, b"\xff\xff\xff\xff")):
            with self.subTest(section=name, place=place), built("inlined.c", "-g", "-gz=zlib") as program:
                self.damage(program, name, place, value)
                self.check_unreadable(program)

    def test_information_in_files_of_its_own_is_told_of(self):
        for options in (["-gdwarf-5"], ["-gdwarf-4"]):
            with self.subTest(options=options), built("inlined.c", *options, "-gsplit-dwarf") as program:
                sample, frames = self.run_program(program)
                self.assertEqual([f["symbol"] for f in frames[:2]], ["work", "main"])
                self.assertTrue(any(program.name in note and ".dwo" in note for note in sample["stack_notes"]), sample["stack_notes"])


class Sampling(LiveTestCase):
    @contextlib.contextmanager
    def privileged(self):
        """A program that begins with another group than its user's."""
        with built("inlined.c") as program:
            os.chmod(program.parent, 0o755)
            shutil.chown(program, group="nogroup")
            program.chmod(0o2755)
            yield program

    def test_it_goes_on_when_an_exec_has_ended_it(self):
        with self.privileged() as program:
            for command in ([program, 2], ["sh", "-c", f"sleep 0.05; exec {program} 2"]):
                with self.subTest(command=str(command[0])):
                    sample = run("-s", 1_000_000, "--", *command).sample
                    self.assertEqual(len([n for n in sample["stack_notes"] if "taken up again after" in n]), 1, sample["stack_notes"])
                    last = sleeps(sample)[-200:]
                    self.assertEqual({e["user_stack_end"] for e in last}, {"complete"})
                    self.assertEqual({tuple(from_function(e, "work")) for e in last}, {("work", *OUTERMOST)})

    def test_a_program_that_is_over_before_that_is_told_of(self):
        with self.privileged() as program:
            # Nothing is read until it is over.
            tool = Tool("-s", 1_000_000, "--", "sh", "-c", f"sleep 1.5; exec {program}", stdin=subprocess.DEVNULL)
            tool.wait_recording()
            tool.signal(signal.SIGSTOP)
            time.sleep(3)
            tool.signal(signal.SIGCONT)
            sample = tool.finish().sample
        self.assertTrue(any("other privileges" in n and "over before" in n for n in sample["stack_notes"]), sample["stack_notes"])

    def test_a_cpu_that_comes_online(self):
        online = pathlib.Path("/sys/devices/system/cpu/cpu1/online")
        self.assertTrue(online.exists(), "this machine cannot take a CPU offline")
        with built("inlined.c") as program, subprocess.Popen([program, "1000"]) as process:
            try:
                online.write_text("0")
                tool = Tool("-p", process.pid, "-s", 1_000_000, "--sample-time", 100).wait_recording()
                online.write_text("1")
                time.sleep(1)
                os.sched_setaffinity(process.pid, {1})
                time.sleep(1.5)
                sample = tool.finish(signal.SIGINT).sample
            finally:
                online.write_text("1")
                process.kill()
        self.assertTrue(any("CPU 1 came online" in n for n in sample["stack_notes"]), sample["stack_notes"])
        last = sleeps(sample)[-100:]
        self.assertEqual(len(last), 100)
        self.assertEqual({e["user_stack_end"] for e in last}, {"complete"})
