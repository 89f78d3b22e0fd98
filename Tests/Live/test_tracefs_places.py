"""tracefs where nobody expects it, or not there: in mount namespaces of their own, so that the machine's mounts are left alone."""
import os
import subprocess

from harness import BINARY, LiveTestCase, WORKLOADS


def call(script, *arguments):
    """Runs the tool after `script` has changed the mounts."""
    prefix = ["unshare", "--mount", "sh", "-ec", script + '\nexec "$@"', "sh"]
    return subprocess.run([*prefix, BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


NOWHERE = "umount -a -t tracefs; umount -a -t debugfs"
SAMPLE = ["-p", os.getpid(), "--sample-time", 0.1]


class Places(LiveTestCase):
    def check(self, status, said, result):
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertRegex(result.stderr, rf"^error: .*{said}.*\n  .+\n$")

    def test_a_mount_point_with_spaces(self):
        result = call(f"{NOWHERE}; mount -t tmpfs none /mnt; mkdir '/mnt/a b\\c'; mount -t tracefs nodev '/mnt/a b\\c'", *SAMPLE)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("# Nothing was lost.", result.stdout)

    def test_a_trigger_there(self):
        result = call(f"{NOWHERE}; mount -t tmpfs none /mnt; mkdir '/mnt/a b'; mount -t tracefs nodev '/mnt/a b'",
                      "--start-trigger", "up:main", "--stop-trigger", "ur:main", "--", WORKLOADS / "known-answer", "10", "1")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count("# Triggered sample dump"), 1, result.stdout)

    def test_covered_by_another_file_system(self):
        for cover, said in (("mount -t tmpfs none /sys/kernel/tracing", "/sys/kernel/tracing, but covered .*tmpfs on /sys/kernel/tracing"),
                            ("mount -t tmpfs none /sys/kernel", "covered by another file system .tmpfs on /sys/kernel")):
            with self.subTest(cover=cover):
                result = call(f"umount -a -t debugfs; mountpoint -q /sys/kernel/tracing || mount -t tracefs nodev /sys/kernel/tracing; {cover}",
                              *SAMPLE)
                self.check(72, said, result)

    def test_one_that_is_covered_and_one_that_is_not(self):
        result = call("mount -t tmpfs none /mnt; mkdir /mnt/t; mount -t tracefs nodev /mnt/t; mount -t tmpfs none /sys/kernel", *SAMPLE)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_in_debugfs_alone(self):
        result = call(f"{NOWHERE}; mount -t debugfs nodev /sys/kernel/debug", *SAMPLE)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_a_directory_that_is_no_tracefs(self):
        # Something that looks like it: what counts is the kind of file system.
        result = call(f"{NOWHERE}; mount -t tmpfs none /sys/kernel; mkdir -p /sys/kernel/tracing/instances", *SAMPLE)
        self.assertEqual((result.returncode, result.stderr), (0, "mounted tracefs on /sys/kernel/tracing\n"))

    def test_without_proc(self):
        self.check(72, "/proc/self/mounts", call("umount -l /proc", *SAMPLE))
