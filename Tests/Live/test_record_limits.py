"""Recordings that must not grow without end: the newest segments are kept, and the file system has a reserve."""
import signal
import subprocess

from harness import Workload, syscall, thread
from recording import RecordTestCase, report, wait_begun


class Limits(RecordTestCase):
    SIZE = 96 << 20

    def test_the_newest_segments_are_kept(self):
        """The last segments hold the end of the workload: their calls follow each other, and the target is in each."""
        calls = 4_000_000
        with Workload("spin-syscalls", calls, 0) as workload:
            tool, directory = self.record("-p", workload.pid, "--sample-time", 100, "--max-size", self.SIZE, "--rotate", 3)
            wait_begun(tool, directory / "000001")
            workload.go()
            result = tool.finish(signal.SIGINT, seconds=60)
        self.assertEqual(result.status, 0, result.err)
        self.assertIn("segments are kept", result.err)
        segments = sorted(directory.iterdir())
        # One that has become too large, since its recorder could not follow, takes the place of several.
        self.assertLessEqual(len(segments), 3)
        self.assertGreater(int(segments[0].name), 1)
        size = sum(file.stat().st_size for segment in segments for file in segment.iterdir())
        self.assertLessEqual(size, self.SIZE)
        samples = report(directory, "--whole").samples
        self.assertEqual(len(samples), len(segments))
        for sample in samples:
            self.assertEqual(sample["target"]["pid"], workload.pid)
        for one, other in zip(samples, samples[1:]):
            self.assertLess(one["window"]["stop_ns"], other["window"]["start_ns"])
        counts = [syscall(thread(sample, workload.pid), "getppid")["count"] for sample in samples[:-1]]
        self.assertTrue(all(0 < count < calls for count in counts), counts)
        for segment, sample in zip(segments, samples):
            self.assertEqual(report(segment, "--whole").sample["window"], sample["window"])

    def test_a_reserve_of_the_file_system_is_left(self):
        directory = self.new_directory()
        directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400M", "tmpfs", directory], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", directory])
        with Workload("spin-syscalls", 12_000_000, 0) as workload:
            # Long enough to fill the place: more than 100 MiB.
            command = ["-p", workload.pid, "--sample-time", 100, "--disk-reserve", 40]
            tool, _ = self.record(*command, "-o", directory / "one")
            wait_begun(tool, directory / "one")
            workload.go()
            result = tool.finish(seconds=60)
            self.assertEqual(result.status, 0, result.err)
            self.assertIn("the recording ends early", result.err)
            sample = report(directory / "one").sample
            self.check_sample(sample)
            self.assertGreater(syscall(thread(sample, workload.pid), "getppid")["count"], 100_000)
            tool, _ = self.record(*command, "-o", directory / "two", "--disk-reserve", 99)
            result = tool.finish(seconds=20)
            self.assertEqual(result.status, 74, result.err)
            self.assertIn("less than the reserve", result.err)
