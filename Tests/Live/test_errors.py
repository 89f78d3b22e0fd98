"""Every error: the documented exit status, and one or two lines on stderr that begin with `error: `."""
import os
import subprocess
import tempfile
import unittest

from harness import BINARY, LiveTestCase


def call(*arguments, prefix=(), **options):
    return subprocess.run([*prefix, BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=30, **options)


class Errors(LiveTestCase):
    def check(self, status, *arguments, say="", prefix=()):
        result = call(*arguments, prefix=prefix)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(result.stdout, "")
        lines = result.stderr.splitlines()
        self.assertIn(len(lines), (1, 2), result.stderr)
        self.assertTrue(lines[0].startswith("error: "), result.stderr)
        self.assertIn(say, result.stderr)

    def test_no_such_process(self):
        self.check(69, "-p", 4194303, say="there is no process 4194303")

    def test_a_zombie(self):
        child = subprocess.Popen(["/bin/true"])
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        self.check(69, "-p", child.pid, say="is a zombie")
        child.wait()

    def test_a_kernel_thread(self):
        self.check(69, "-p", 2, say="is a kernel thread")

    def test_a_thread_that_is_no_process(self):
        import threading
        stop = threading.Event()
        worker = threading.Thread(target=stop.wait)
        worker.start()
        try:
            self.check(69, "-p", worker.native_id, say=f"use -p {os.getpid()}")
        finally:
            stop.set()
            worker.join()

    def test_not_root(self):
        self.check(77, "-p", os.getpid(), prefix=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
                   say="run as root")

    def test_no_ovs_vswitchd_and_several(self):
        self.check(69, say="no process named 'ovs-vswitchd'")
        with tempfile.TemporaryDirectory() as directory:
            program = f"{directory}/ovs-vswitchd"
            os.symlink("/bin/sleep", program)
            both = [subprocess.Popen([program, "60"]) for _ in range(2)]
            try:
                self.check(66, say=str(both[0].pid))
            finally:
                for process in both:
                    process.kill()
                    process.wait()

    def test_an_unwritable_output(self):
        self.check(74, "-p", os.getpid(), "-o", "/nonexistent/report", say="/nonexistent/report")

    def test_bad_numbers_and_unknown_options(self):
        for arguments in (["--sample-time", "abc"], ["--sample-time", "0"], ["--sample-count", "0"], ["-p", "x"],
                          ["--sample-interval", "-1"], ["--buffer-page-count", "0"], ["--no-such-option"], ["stray"],
                          ["-p", "1", "--", "true"], ["--format", "xml"], ["-p", "0"], ["-p", "-1"], ["-p", "2147483648"],
                          ["-p", "4294967297"], ["--pid"], ["--sample-time", ""], ["--sample-time", "nan"],
                          ["--sample-time", "inf"], ["--sample-time", "1e30"], ["--sample-interval", "nan"],
                          ["--sample-interval", "1e18"], ["--sample-count", "9223372036854775808"],
                          ["--sample-count", "1.5"], ["--buffer-page-count", "9223372036854775807"], ["-o"]):
            with self.subTest(arguments=arguments):
                self.check(64, *arguments)

    def test_a_sample_shorter_than_a_nanosecond(self):
        # Of no time at all there is nothing to report.
        self.check(64, "-p", os.getpid(), "--sample-time", "1e-12")

    def test_more_memory_than_there_is(self):
        self.check(71, "-p", os.getpid(), "--buffer-page-count", "268435456", say="smaller --buffer-page-count")

    def test_commands_that_cannot_run(self):
        self.check(69, "--", "no-such-command", say="check the command's name")
        self.check(69, "--", "/no/such/command")
        self.check(77, "--", "/etc/passwd", say="not an executable file")
        self.check(77, "--", "/tmp")
        with tempfile.NamedTemporaryFile("w") as script:
            script.write("\x7fELF nonsense")
            script.flush()
            os.chmod(script.name, 0o755)
            copy = script.name + ".copy"
            subprocess.run(["cp", "-p", script.name, copy], check=True)
            try:
                self.check(69, "--", copy, say="program of this machine")
            finally:
                os.unlink(copy)

    def test_a_pid_namespace_of_its_own(self):
        result = call("--", "/bin/true", prefix=["unshare", "--pid", "--fork", "--mount-proc"])
        self.assertEqual(result.returncode, 71)
        self.assertRegex(result.stderr, r"^error: this process is in a pid namespace of its own.*\n.*--pid=host")

    def test_no_tracefs(self):
        # In a mount namespace of its own: tracefs is unmounted, and a kernel that cannot mount it is played by a seccomp-
        # free trick: /sys/kernel is read-only and the mount points are gone.
        result = call("-p", os.getpid(), prefix=["unshare", "--mount", "sh", "-c",
                      "umount -a -t tracefs; umount -a -t debugfs; mount -t tmpfs none /sys/kernel; exec \"$@\"", "sh"])
        self.assertEqual(result.returncode, 72, result.stderr)
        self.assertTrue(result.stderr.startswith("error: "), result.stderr)

    def test_tracefs_is_mounted_if_nobody_has(self):
        result = call("-p", os.getpid(), "--sample-time", "0.1",
                      prefix=["unshare", "--mount", "sh", "-c",
                              "umount -a -t tracefs; umount -a -t debugfs; exec \"$@\"", "sh"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("mounted tracefs on ", result.stderr)
