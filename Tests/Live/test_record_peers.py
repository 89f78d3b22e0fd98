"""A recording through trace-cmd, which knows nothing of the tool: the same counts and times, computed anew from its text."""
import collections
import re
import signal
import subprocess

from harness import Workload, thread
from recording import RecordTestCase, report, wait_begun

LINE = re.compile(r"^ *(?:(\w+): +)?(.+?)-(\d+) +\[(\d+)\] +(\d+)\.(\d{9}): (\w+): +(.*)$")
ENTRY, EXIT = re.compile(r"NR (\d+) "), re.compile(r"NR (-?\d+) = (-?\d+)")
SWITCH = re.compile(r".*:(\d+) \[\d+\] \S+ ==> .*:(\d+) \[\d+\]$")


def events(path):
    """[(buffer, task, tid, ns, event, what it says)] as trace-cmd lists them."""
    text = subprocess.run(["trace-cmd", "report", "-t", path], capture_output=True, text=True, check=True).stdout
    found = []
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            buffer, task, tid, _, seconds, rest, event, words = match.groups()
            found.append((buffer or "", task, int(tid), int(seconds) * 1_000_000_000 + int(rest), event, words))
        else:
            assert line.startswith(("cpus=", "version =", "CPU ", "=> ")), line
    return found


class Intervals:
    """Intervals of one kind that lie in a window: how many, how long in all, the longest, how many calls failed."""

    def __init__(self):
        self.count = self.total = self.longest = self.errors = 0

    def add(self, length, failed=False):
        self.count += 1
        self.total += length
        self.longest = max(self.longest, length)
        self.errors += failed


def recompute(found, start, stop):
    """({(tid, number): intervals} of syscalls, {tid: intervals} of runs) that began and ended in the window."""
    calls, runs = collections.defaultdict(Intervals), collections.defaultdict(Intervals)
    begun, running = {}, {}
    for _, _, tid, time, event, words in (e for e in found if e[0] == ""):
        if event == "sys_enter":
            begun[tid] = int(ENTRY.match(words)[1]), time
        elif event == "sys_exit" and tid in begun:
            number, began = begun.pop(tid)
            left, value = map(int, EXIT.match(words).groups())
            if left == number and start <= began and time < stop:
                calls[tid, number].add(time - began, failed=-4096 < value < 0)
        elif event == "sched_switch":
            before, after = map(int, SWITCH.match(words).groups())
            began = running.pop(before, None)
            if began is not None and start <= began and time < stop:
                runs[before].add(time - began)
            running[after] = time
    return calls, runs


class TraceCmd(RecordTestCase):
    def check(self, directory, answer):
        found = events(directory / "trace.dat")
        self.assertEqual([e for e in found if "<...>" in e[1]], [])
        sample = report(directory).sample
        self.check_sample(sample)
        calls, runs = recompute(found, sample["window"]["start_ns"], sample["window"]["stop_ns"])
        compared = 0
        for known in answer["threads"]:
            ours = thread(sample, known["tid"])
            for entry in ours["syscalls"]:
                theirs = calls[known["tid"], entry["number"]]
                self.assertEqual((entry["count"], entry["total_ns"], entry["max_ns"], entry["errors"]),
                                 (theirs.count, theirs.total, theirs.longest, theirs.errors), (known["comm"], entry["name"]))
                compared += theirs.count
            theirs = runs[known["tid"]]
            if ours["run"] and sample["loss"]["discarded_intervals"] == 0:
                self.assertEqual((ours["run"]["count"], ours["run"]["total_ns"]), (theirs.count, theirs.total), known["comm"])
        self.assertGreater(compared, 5000)
        # The names that the threads gave themselves are there, and so are the journal's notes.
        names = {(tid, task.strip()) for buffer, task, tid, *_ in found if buffer == ""}
        for known in answer["threads"]:
            self.assertIn((known["tid"], known["comm"]), names)
        self.assertTrue(any(buffer == "journal" and words.startswith("turn ") for buffer, *_, words in found))

    def test_every_event_has_its_task_and_the_sums_are_the_same(self):
        with Workload("known-answer", 5000, 50) as workload:
            tool, directory = self.record("-p", workload.pid, "--sample-time", 100)
            wait_begun(tool, directory)
            answer = workload.go()
            self.assertEqual(tool.finish(signal.SIGINT).status, 0)
        self.check(directory, answer)

    def test_buffers_are_instances(self):
        with Workload("trigger-windows", 10, 20) as workload:
            tool, directory = self.record("--blame", "-p", workload.pid, "--start-trigger", "up:window_begin", "--stop-trigger",
                                          "up:window_end", "--sample-count", 20)
            wait_begun(tool, directory)
            workload.go()
            self.assertEqual(tool.finish(seconds=30).status, 0)
        found = events(directory / "trace.dat")
        self.assertLessEqual({"", "machine", "triggers", "journal"}, {e[0] for e in found})
        self.assertEqual(len([e for e in found if e[0] == "triggers"]), 40)
