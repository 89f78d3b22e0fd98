"""What a user is told, and where the report goes: names, descriptors that are closed, commands that cannot run, killed runs."""
import os
import pathlib
import re
import signal
import stat
import subprocess
import tempfile

from harness import BINARY, LiveTestCase, Tool, Workload, run, thread
from test_stacks import built


def closing(*redirections):
    """Runs the tool as a shell does that was told `>&-` and the like."""
    return ["/bin/sh", "-c", f'exec "$@" {" ".join(redirections)}', "sh"]


class Names(LiveTestCase):
    """The target is called as its first thread is at the end of the window."""

    def check_name(self, sample, name):
        self.check_sample(sample)
        self.assertEqual(sample["target"]["comm"], name)
        self.assertEqual(thread(sample, sample["target"]["pid"])["comm"], name)

    def test_a_command(self):
        self.check_name(run("--", "/bin/sleep", "0.05").sample, "sleep")

    def test_a_command_that_becomes_another(self):
        self.check_name(run("--", "/bin/sh", "-c", "sleep 0.01; exec sleep 0.05").sample, "sleep")

    def test_a_command_that_renames_itself(self):
        self.check_name(run("--", "/bin/sh", "-c", "printf 'a name' > /proc/$$/comm; sleep 0.05").sample, "a name")

    def test_a_process_that_becomes_another_between_two_samples(self):
        process = subprocess.Popen(["/bin/sh", "-c", "read line; exec sleep 1.5"], stdin=subprocess.PIPE)
        tool = Tool("-p", process.pid, "--sample-time", 1.0, "--sample-count", 100).wait_recording()
        process.communicate(b"\n")
        result = tool.finish()
        names = [s["target"]["comm"] for s in result.samples]
        self.assertEqual(names[-1], "sleep", names)
        self.assertIn(f"process {process.pid} (sleep) ended", result.err)


class ClosedDescriptors(LiveTestCase):
    def test_a_report_to_a_closed_stdout_is_an_error_before_anything_is_measured(self):
        with tempfile.TemporaryDirectory() as directory:
            mark = pathlib.Path(directory, "mark")
            result = run("--", "/usr/bin/touch", mark, under=closing(">&-"))
            self.assertEqual(result.status, 74, result.err)
            self.assertRegex(result.err, r"^error: cannot write the report to stdout: .*\n.*-o FILE")
            self.assertFalse(mark.exists())
        for command in ("doctor", "schema", "list"):
            with self.subTest(command=command):
                said = subprocess.run([*closing(">&-"), BINARY, command], stderr=subprocess.PIPE, text=True)
                self.assertEqual(said.returncode, 74, said.stderr)

        for option in ("--help", "--version", "help"):
            for place in (">&-", "> /dev/full"):
                with self.subTest(option=option, place=place):
                    said = subprocess.run([*closing(place), BINARY, option], stderr=subprocess.PIPE, text=True)
                    self.assertEqual(said.returncode, 74, said.stderr)

    def test_a_stdout_that_cannot_be_written(self):
        self.assertEqual(run("-p", os.getpid(), under=closing("1< /dev/null")).status, 74)

    def test_a_report_to_a_file_is_whole_whatever_is_closed(self):
        for closed in (["<&-"], [">&-"], ["2>&-"], ["<&-", ">&-"], ["<&-", ">&-", "2>&-"]):
            with self.subTest(closed=closed), tempfile.TemporaryDirectory() as directory:
                path = pathlib.Path(directory, "report")
                result = run("-p", os.getpid(), "--sample-time", 0.1, "-o", path, under=closing(*closed))
                self.assertEqual((result.status, result.out, result.err), (0, "", ""))
                result.out = path.read_text()
                self.check_sample(result.sample)

    def test_a_command_finds_them_as_closed_as_the_tool_did(self):
        for closed, left in ((["<&-"], "1\n2\n"), ([">&-"], "0\n2\n"), (["<&-", ">&-", "2>&-"], "")):
            with self.subTest(closed=closed), tempfile.TemporaryDirectory() as directory:
                seen = f"{directory}/seen"
                script = ("import os, sys\nfor n in range(3):\n  try: os.fstat(n)\n  except OSError: pass\n"
                          "  else: os.write(int(sys.argv[1]), b'%d\\n' % n)")
                file = os.open(seen, os.O_CREAT | os.O_WRONLY)
                os.set_inheritable(file, True)
                subprocess.run([*closing(*closed), BINARY, "-o", f"{directory}/report", "--", "/usr/bin/python3", "-c", script,
                                str(file)], stdin=subprocess.DEVNULL, close_fds=False, check=True)
                os.close(file)
                self.assertEqual(pathlib.Path(seen).read_text(), left)


class CommandsThatCannotRun(LiveTestCase):
    def setUp(self):
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def script(self, name, first_line, mode=0o755):
        path = self.directory / name
        path.write_bytes(first_line.encode() + b"\necho hello\n")
        path.chmod(mode)
        return path

    def check(self, status, path, said):
        result = run("--", path)
        self.assertEqual((result.status, result.out), (status, ""), result.err)
        self.assertEqual(len(result.err.splitlines()), 2, result.err)
        self.assertRegex(result.err, r"^error: cannot run '" + re.escape(str(path)) + "': " + said)

    def test_a_script_without_its_interpreter(self):
        self.check(69, self.script("a", "#!/no/such/interpreter -x"),
                   r'it names the interpreter "/no/such/interpreter", which is not there\n  install that interpreter')

    def test_a_script_with_the_line_ends_of_another_system(self):
        self.check(69, self.script("b", "#!/bin/sh\r"),
                   r'it names the interpreter "/bin/sh\\r", which is not there\n  its lines end in CR LF')

    def test_a_script_whose_interpreter_is_no_program(self):
        self.check(77, self.script("c", "#! /etc/passwd"), r'it names the interpreter "/etc/passwd", which is not an executable')
        self.check(77, self.script("d", "#!/tmp"), r'it names the interpreter "/tmp", which is not an executable')

    def test_a_script_whose_interpreter_is_a_script_without_one(self):
        inner = self.script("inner", "#!/no/such/interpreter")
        self.check(69, self.script("outer", f"#!{inner}"),
                   f'{re.escape(str(inner))} names the interpreter "/no/such/interpreter", which is not there')

    def test_a_program_without_its_loader(self):
        path = self.directory / "program"
        subprocess.run(["gcc", "-x", "c", "-o", path, "-Wl,--dynamic-linker=/no/such/ld.so", "-"], input=b"int main(){}", check=True)
        self.check(69, path, r'it names the loader "/no/such/ld.so", which is not there\n  install the C library')

    def test_a_script_that_can_run_does(self):
        result = run("--", self.script("fine", "#!/usr/bin/env sh"))
        self.check_sample(result.sample)
        self.assertTrue(result.out.startswith("hello\n"))


class Files(LiveTestCase):
    """A report in a file is there as a whole, or not at all."""

    def setUp(self):
        super().setUp()
        self.workload = Workload("known-answer", 10, 1)
        self.addCleanup(self.workload.close)

    def test_a_killed_run_leaves_no_file(self):
        with tempfile.TemporaryDirectory() as directory:
            for _ in range(3):
                Tool("-p", self.workload.pid, "--sample-time", 60, "-o", f"{directory}/report").wait_recording().finish(signal.SIGKILL)
            self.assertEqual(os.listdir(directory), [])
            self.assertEqual(run("-p", self.workload.pid, "--sample-time", 0.1, "-o", f"{directory}/report").status, 0)
            self.assertEqual(os.listdir(directory), ["report"])

    def test_an_earlier_report_stays_until_the_new_one_is_whole(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "report")
            path.write_text("earlier")
            tool = Tool("-p", self.workload.pid, "--sample-time", 60, "-o", path).wait_recording()
            self.assertEqual(path.read_text(), "earlier")
            with path.open() as earlier:
                self.assertEqual(tool.finish(signal.SIGINT).status, 0)
                self.assertEqual(earlier.read(), "earlier")
            self.assertTrue(path.read_text().endswith("}\n"))
            self.assertEqual(os.listdir(directory), ["report"])

    def test_modes_follow_the_umask_and_names_may_have_no_directory(self):
        with tempfile.TemporaryDirectory() as directory:
            result = run("-p", self.workload.pid, "--sample-time", 0.1, "-o", "report", cwd=directory, umask=0o027)
            self.assertEqual(result.status, 0, result.err)
            self.assertEqual(stat.S_IMODE(os.stat(f"{directory}/report").st_mode), 0o640)

    def test_a_file_system_without_unnamed_files(self):
        with built("deny-unnamed.c") as deny, tempfile.TemporaryDirectory() as directory:
            tool = Tool("-p", self.workload.pid, "--sample-time", 60, "-o", f"{directory}/report", under=[deny]).wait_recording()
            self.assertEqual(os.listdir(directory), [f"report.{tool.process.pid}.tmp"])
            self.assertEqual(tool.finish(signal.SIGINT).status, 0)
            self.assertEqual(os.listdir(directory), ["report"])
            self.assertEqual(run("-p", self.workload.pid, "--sample-time", 0.1, "-o", f"{directory}/report", under=[deny]).status, 0)
            self.assertEqual(os.listdir(directory), ["report"])


class IgnoredSignals(LiveTestCase):
    def start(self, number):
        def ignore():
            signal.signal(number, signal.SIG_IGN)
        return Tool("-p", os.getpid(), "--sample-time", 60, preexec_fn=ignore).wait_recording()

    def test_an_ignored_hangup_stays_ignored(self):
        tool = self.start(signal.SIGHUP)
        tool.signal(signal.SIGHUP)
        with self.assertRaises(subprocess.TimeoutExpired):
            tool.process.wait(0.5)
        self.check_sample(tool.finish(signal.SIGINT).sample)

    def test_an_interrupt_that_a_shell_had_ignored_ends_the_sample(self):
        self.check_sample(self.start(signal.SIGINT).finish(signal.SIGINT).sample)
