"""What a report says besides the statistics: its times, its process, and the help that leads to it."""
import datetime
import os
import re
import subprocess

from harness import BINARY, LiveTestCase, Tool, WORKLOADS, run


class Report(LiveTestCase):
    def test_times_are_local_and_utc(self):
        """India is 5:30 ahead of UTC, Newfoundland 3:30 behind: the offset comes from the time zone, and minutes count."""
        for zone, minutes in (("XXX-05:30", 330), ("XXX03:30", -210)):
            before = datetime.datetime.now(datetime.timezone.utc)
            text = Tool("-p", os.getpid(), "--sample-time", 0.1, json_report=False,
                        env={**os.environ, "TZ": zone}).finish().out
            after = datetime.datetime.now(datetime.timezone.utc)
            edges = re.findall(r"^# (?:Start sampling|Stop sampling|Sample dump) @(\S+) \((\d\d:\d\d:\d\d) UTC\)$", text, re.M)
            self.assertEqual(len(edges), 3, text)
            times = [datetime.datetime.fromisoformat(local).replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=minutes)))
                     for local, _ in edges]
            for time, (_, utc) in zip(times, edges):
                self.assertEqual(time.astimezone(datetime.timezone.utc).strftime("%H:%M:%S"), utc)
                self.assertTrue(before <= time <= after, (before, time, after))
            self.assertEqual(times, sorted(times))
            self.assertAlmostEqual((times[1] - times[0]).total_seconds(), 0.1, delta=0.000002)

    def test_one_process_is_named_in_json_and_has_no_heading_in_text(self):
        tool = Tool("-s", 20_000_000, "--", WORKLOADS / "demo-convoy", 1)
        pid = tool.process.pid
        sample = tool.finish().sample
        self.assertEqual(sample["targets"], [sample["target"]])
        self.assertNotEqual(sample["target"]["pid"], pid)
        own = {sample["target"]["pid"]}
        self.assertEqual({thread["pid"] for thread in sample["threads"]}, own)
        self.assertGreater(len(sample["syscall_events"]), 0)
        self.assertEqual({event["pid"] for event in sample["syscall_events"]}, own)
        text = Tool("--", WORKLOADS / "demo-convoy", 1, json_report=False).finish().out
        self.assertNotIn("# Process ", text)

    def test_each_of_a_few_processes_has_a_heading(self):
        script = "sleep 0.1 & sleep 0.1 & wait"
        text = Tool("--children", "--", "/bin/sh", "-c", script, json_report=False).finish().out
        table = text.split("\n# SYSCALL LATENCY")[0]
        headings = re.findall(r"^# Process (\d+) \((\w+)\)\n +(\d+) (\w+) ", table, re.M)
        self.assertEqual([name for _, name, _, _ in headings], ["sh", "sleep", "sleep"], table)
        for pid, name, tid, comm in headings:
            self.assertEqual((pid, name), (tid, comm))
        # A program that reads kernel_delay.py's table skips what begins with a hash sign, and finds all else as it was.
        rest = [line for line in table.splitlines() if not line.startswith("#")]
        self.assertEqual(len([line for line in rest if re.match(r"^ +\d+ \w+ +\[", line)]), 3)
        sample = run("--children", "--", "/bin/sh", "-c", script).sample
        self.assertEqual([target["comm"] for target in sample["targets"]], ["sh", "sleep", "sleep"])
        self.assertEqual([(t["pid"], t["comm"]) for t in sample["threads"]],
                         [(target["pid"], target["comm"]) for target in sample["targets"]])

    def test_many_processes_of_one_name_share_a_heading(self):
        script = "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done"
        text = Tool("--children", "--", "/bin/sh", "-c", script, json_report=False).finish().out
        self.assertIn("# 101 threads of 101 processes: those of one name are folded", text)
        table = text.split("\n# SYSCALL LATENCY")[0]
        self.assertEqual(sorted(re.findall(r"^# Process (?:\d+|\d+ x) \(\w+\)$", table, re.M))[0], "# Process 100 x (true)")
        self.assertEqual(len(re.findall(r"^# Process ", table, re.M)), 2)
        self.assertRegex(table, r"(?m)^     100 x true             \[FOLDED THREADS\]$")
        self.assertRegex(table, r"(?m)^ {28}execve +59 +100 ")

    def test_help_comes_in_groups(self):
        text = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
        for title in ("TARGET:", "WINDOWS:", "SLOW SYSCALLS AND STACKS:", "REPORT:", "MACHINE:"):
            self.assertIn(f"\n{title}\n", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.assertEqual(run("--children", "--cgroup", "/x", "--", "true").status, 64)
