"""Recordings that cannot be made, or not to their end, and files that are none: the documented status, one clear error, and what
was recorded is reported."""
import contextlib
import json
import os
import signal
import subprocess
import time

from harness import GETPPID, Tool, Workload, run, syscall
from recording import RecordTestCase, report, wait_begun


class ErrorTestCase(RecordTestCase):
    def check_error(self, result, status, say):
        self.assertEqual(result.status, status, (result.out, result.err))
        self.assertEqual(result.out, "")
        lines = [line for line in result.err.splitlines() if not line.startswith("warning: ")]
        self.assertIn(len(lines), (1, 2), result.err)
        self.assertTrue(lines[0].startswith("error: "), result.err)
        self.assertRegex(result.err, say)

    @contextlib.contextmanager
    def small_disk(self, mebibytes):
        disk = self.directory / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", disk], check=True)
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)


class Places(ErrorTestCase):
    def check(self, status, directory, say, *target):
        """For a recording alone, and beside a report."""
        for how in (["record", "-o"], ["--record"]):
            with self.subTest(how=how):
                result = run(*how, directory, *(target or ["-p", os.getpid()]), "--sample-time", 0.1, json_report=False)
                self.check_error(result, status, say)

    def test_a_directory_that_cannot_be_made(self):
        self.check(74, self.directory / "missing/recording", "missing/recording: .*[Nn]o such file")
        self.check(74, "/sys/kernel/recording", "/sys/kernel/recording: .*not permitted")
        file = self.directory / "file"
        file.write_text("")
        self.check(74, file, "file: .*[Nn]ot a directory")
        self.assertEqual(file.read_text(), "")

    def test_a_directory_with_a_recording(self):
        directory = self.new_directory()
        self.assertEqual(run("record", "-o", directory, "--", "/bin/true", json_report=False).status, 0)
        before = report(directory).out
        self.check(74, directory, "has a recording already: trace.dat\n.*another directory")
        self.assertEqual(report(directory).out, before)

    def test_an_empty_directory_and_one_with_other_files(self):
        directory = self.new_directory()
        directory.mkdir()
        self.assertEqual(run("record", "-o", directory, "--", "/bin/true", json_report=False).status, 0)
        other = self.new_directory()
        other.mkdir()
        (other / "notes").write_text("mine")
        self.assertEqual(run("record", "-o", other, "--", "/bin/true", json_report=False).status, 0)
        self.assertEqual(sorted(os.listdir(other)), ["notes", "trace.dat"])
        self.assertEqual(len(report(other).samples), 1)

    def test_no_target_no_directory(self):
        directory = self.new_directory()
        self.check(69, directory, "no process 4194303", "-p", 4194303)
        self.check(69, directory, "no-such-command", "--", "no-such-command")
        self.assertFalse(directory.exists())

    def test_no_place_is_named(self):
        self.check_error(run("record", "-p", os.getpid(), json_report=False), 64, "--output")


class FullDisks(ErrorTestCase):
    def test_a_disk_that_gets_full(self):
        # What the kernel's buffers hold when the recording ends is still written.
        with self.small_disk(300) as disk, Workload("spin-syscalls", 8_000_000, 0) as workload:
            tool = Tool("record", "-o", disk / "recording", "-p", workload.pid, "--sample-time", 100, "--disk-reserve", 30,
                        json_report=False)
            wait_begun(tool, disk / "recording")
            workload.go()
            result = tool.finish(seconds=30)
            self.assertEqual((result.status, result.out), (0, ""), result.err)
            self.assertRegex(result.err, "(?m)^warning: the recording ends early: ")
            sample = report(disk / "recording").sample
            self.check_sample(sample)
            self.assertTrue(100_000 < syscall(sample["threads"][0], GETPPID)["count"] < 8_000_000)

    def limited(self, *arguments, json_report=False):
        """A run that may write no more than 24 MB to a file, all else as on a disk that is full."""
        return Tool(*arguments, "--sample-time", 100, json_report=json_report, under=["prlimit", "--fsize=24000000"],
                    restore_signals=False)

    def test_a_file_that_cannot_grow(self):
        with Workload("spin-syscalls", 1_000_000, 0) as workload:
            directory = self.new_directory()
            tool = self.limited("record", "-o", directory, "-p", workload.pid)
            wait_begun(tool, directory)
            workload.go()
            self.check_error(tool.finish(seconds=30), 74, str(directory))
        said = report(directory)
        self.assertRegex(said.err, "^warning: the recording was cut")
        sample = said.sample
        self.check_sample(sample)
        # Two events of 96 bytes a call.
        count = syscall(sample["threads"][0], GETPPID)["count"]
        self.assertTrue(150_000 < count < 1_000_000, count)

    def test_a_report_goes_on_without_its_recording(self):
        with Workload("spin-syscalls", 1_000_000, 0) as workload:
            directory = self.new_directory()
            tool = self.limited("--record", directory, "-p", workload.pid, json_report=True)
            wait_begun(tool, directory)
            workload.go()
            result = tool.finish(signal.SIGINT)
        self.assertEqual(result.status, 74, result.err)
        self.assertRegex(result.err, "(?m)^warning: the recording ends here, and the report goes on: ")
        self.assertRegex(result.err, "(?m)^error: cannot write the recording ")
        sample = json.loads(result.out)
        self.check_sample(sample)
        self.assertEqual(syscall(sample["threads"][0], GETPPID)["count"], 1_000_000)
        self.assertEqual(len(report(directory).samples), 1)

    def test_no_room_at_all(self):
        with self.small_disk(1) as disk:
            result = run("record", "-o", disk / "recording", "-p", os.getpid(), json_report=False)
            self.check_error(result, 74, "disk/recording")
            self.assertEqual([path for path in disk.glob("recording/*")], [])


class Inputs(ErrorTestCase):
    def setUp(self):
        super().setUp()
        self.recording = self.new_directory()

    def make(self):
        self.assertEqual(run("record", "-o", self.recording, "--", "/bin/true", json_report=False).status, 0)
        return self.recording / "trace.dat"

    def make_killed(self):
        with Workload("known-answer", 1000, 5) as workload:
            tool = Tool("record", "-o", self.recording, "-p", workload.pid, "--sample-time", 100, json_report=False)
            wait_begun(tool, self.recording)
            workload.go()
            time.sleep(0.3)
            tool.finish(signal.SIGKILL)
        subprocess.run([os.environ["KDELAY_BINARY"], "doctor", "--clean"], capture_output=True)

    def test_what_is_no_recording(self):
        empty = self.directory / "empty"
        empty.write_bytes(b"")
        self.check_error(report(empty), 65, "empty")
        garbage = self.directory / "garbage"
        garbage.write_bytes(os.urandom(100_000))
        self.check_error(report(garbage), 65, "garbage")
        self.check_error(report(self.directory / "missing"), 65, "missing")
        nothing = self.new_directory()
        nothing.mkdir()
        self.check_error(report(nothing), 65, str(nothing))
        (nothing / "trace.dat").write_bytes(b"")
        self.check_error(report(nothing), 65, "trace.dat")

    def test_a_journal_of_another_version(self):
        path = self.make()
        data = path.read_bytes()
        self.assertEqual(data.count(b"version 1\0"), 1)
        path.write_bytes(data.replace(b"version 1\0", b"version 9\0"))
        self.check_error(report(path), 65, "version 9(.|\n)*newer")

    def test_a_trace_dat_that_is_cut(self):
        path = self.make()
        data = path.read_bytes()
        for size in (1, 10, 100, 10_000, len(data) // 2, len(data) - 4096, len(data) - 1):
            with self.subTest(size=size):
                path.write_bytes(data[:size])
                result = report(path)
                if result.status == 0:
                    self.assertIn("cut", result.err)
                else:
                    self.check_error(result, 65, "trace.dat")

    def test_a_head_without_data(self):
        self.make_killed()
        for path in self.recording.glob("trace.dat.*.cpu*"):
            path.unlink()
        self.check_error(report(self.recording), 65, "trace.dat.head")

    def test_pieces_that_are_missing_or_shorter(self):
        self.make_killed()
        pieces = [path for path in self.recording.glob("trace.dat.top.cpu*") if path.stat().st_size]
        whole = report(self.recording)
        self.assertEqual(whole.status, 0)
        for piece in pieces:
            data = piece.read_bytes()
            for rest in (None, 0, len(data) // 2, len(data) - 1):
                with self.subTest(piece=piece.name, rest=rest):
                    if rest is None:
                        piece.unlink()
                    else:
                        piece.write_bytes(data[:rest])
                    result = report(self.recording)
                    self.assertEqual(result.status, 0, result.err)
                    self.assertIn("was cut", result.err)
                    seen = [t for s in result.samples for t in s["threads"]]
                    self.assertLessEqual(sum(syscall(t, GETPPID)["count"] for t in seen), 1000)
            piece.write_bytes(data)
        self.assertEqual(report(self.recording).out, whole.out)
