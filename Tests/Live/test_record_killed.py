"""Recorders that are killed: what they recorded is read up to less than a second before that, whatever they were doing."""
import array
import os
import random
import signal
import subprocess
import time

from harness import BINARY, GETPPID, Tool, Workload, compiled, instances, run, syscall, wait_until
from recording import RecordTestCase, report, wait_begun

# By hand with more of them.
KILLS = int(os.environ.get("KDELAY_KILLS", 20))
AT_ONCE = 4


def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


class KilledTestCase(RecordTestCase):
    def tearDown(self):
        # What killed ones left is there until the next start.
        subprocess.run([BINARY, "doctor", "--clean"], capture_output=True)
        super().tearDown()


class Killed(KilledTestCase):
    def setUp(self):
        super().setUp()
        self.file = self.directory / "ticks"
        self.ticks = subprocess.Popen([compiled("ticks.c", "ticks"), self.file], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.ticks.communicate)
        self.addCleanup(self.ticks.kill)
        self.assertEqual(self.ticks.stdout.readline(), "ready\n")

    def calls(self):
        """The clock before and after each call."""
        numbers = array.array("Q", self.file.read_bytes())
        numbers = numbers[:numbers.index(0)]
        return list(zip(numbers[::2], numbers[1::2]))

    def check(self, directory, begun, killed, least=0):
        result = report(directory)
        self.assertEqual(result.status, 0, result.err)
        self.assertRegex(result.err, "^warning: the recording was cut")
        if not result.samples:
            self.assertLess(killed - begun, 500_000_000)
            return
        sample = result.sample
        self.check_sample(sample)
        start, stop = sample["window"]["start_ns"], sample["window"]["stop_ns"]
        self.assertLess(stop, killed)
        self.assertGreater(stop, killed - 1_000_000_000)
        seen = sum(syscall(t, GETPPID)["count"] for t in sample["threads"])
        calls = self.calls()
        possible = len([1 for before, after in calls if after > start and before < stop])
        certain = len([1 for before, after in calls if before >= start and after <= stop])
        self.assertTrue(certain <= seen <= possible, (certain, seen, possible))
        self.assertGreaterEqual(seen, least)

    def kill(self, *tools):
        """Kills recorders, each at a time of its own, and checks their recordings."""
        begun, killed = [], []
        for tool, directory in tools:
            wait_begun(tool, directory)
            begun.append(now())
        for tool, directory in tools:
            time.sleep(random.uniform(0, 0.3))
            tool.signal(signal.SIGKILL)
            killed.append(now())
            tool.process.communicate()
        for (tool, directory), *times in zip(tools, begun, killed):
            self.check(directory, *times)

    def test_at_any_time(self):
        for _ in range(0, KILLS, AT_ONCE):
            self.kill(*[self.record("-p", self.ticks.pid, "--sample-time", 1000, *options)
                        for options in ([], ["--blame"], ["-s", 1_000_000], [])])

    def test_while_it_reports_too(self):
        for _ in range(max(1, KILLS // 10)):
            directories = self.new_directory(), self.new_directory()
            self.kill(*[(Tool("--record", directory, "-p", self.ticks.pid, "--sample-time", 1000), directory)
                        for directory in directories])

    def test_after_a_while_and_the_next_start_cleans_up(self):
        tool, directory = self.record("-p", self.ticks.pid, "--sample-time", 1000)
        wait_begun(tool, directory)
        begun = now()
        name = tool.instance.name
        time.sleep(3)
        tool.signal(signal.SIGKILL)
        killed = now()
        tool.process.communicate()
        self.check(directory, begun, killed, least=1000)
        self.assertIn(name, instances())
        self.assertIn(name, run("-p", self.ticks.pid, "--sample-time", 0.05).err)
        self.assertNotIn(name, instances())

    def test_a_command_goes_with_its_recorder(self):
        tool, directory = self.record("--", "/bin/sleep", "4322")
        wait_begun(tool, directory)
        time.sleep(0.1)
        tool.finish(signal.SIGKILL)
        wait_until(lambda: not subprocess.run(["pgrep", "-f", "^/bin/sleep 4322"], capture_output=True).stdout, "the command has ended")
        result = report(directory)
        self.assertEqual(result.status, 0, result.err)
        self.assertIn("was cut", result.err)


class KilledAtTheEnd(KilledTestCase):
    """All was recorded when trace.dat is made of it: nothing is missing then, how far that came or not."""
    CALLS = 600_000

    def test_while_trace_dat_is_made(self):
        unfinished = 0
        for _ in range(0, KILLS, 10):
            with Workload("spin-syscalls", self.CALLS, 0) as workload:
                tools = [self.record("-p", workload.pid, "--sample-time", 1000) for _ in range(2)]
                for tool, directory in tools:
                    wait_begun(tool, directory)
                workload.go()
                for tool, directory in tools:
                    tool.signal(signal.SIGINT)
                    wait_until(lambda: (directory / "trace.dat").exists() or (directory / "trace.dat.new").exists(), "it is at its end")
                    time.sleep(random.uniform(0, 0.05))
                    tool.signal(signal.SIGKILL)
                    tool.process.communicate()
            for _, directory in tools:
                unfinished += sorted(os.listdir(directory)) != ["trace.dat"]
                sample = report(directory).sample
                self.check_sample(sample)
                self.assertEqual(syscall(sample["threads"][0], GETPPID)["count"], self.CALLS, os.listdir(directory))
        self.assertGreater(unfinished, 0, "all were too fast: this test told nothing")
