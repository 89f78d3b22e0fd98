"""Slow syscalls one by one, without stacks."""
import re
import signal
import subprocess

from harness import LiveTestCase, Tool, WORKLOADS, Workload, run, syscall


class SyscallEvents(LiveTestCase):
    def events(self, *options):
        with Workload("known-answer", 2000, 20) as workload:
            tool = Tool("-p", workload.pid, "--sample-time", 100, "--stack-trace-size", 0, *options).wait_recording()
            answer = workload.go()
            sample = tool.finish(signal.SIGINT).sample
        self.check_sample(sample)
        return sample, answer

    def test_all_of_them_are_those_that_the_statistics_count(self):
        sample, _ = self.events("-s")
        for thread in sample["threads"]:
            own = [e for e in sample["syscall_events"] if e["tid"] == thread["tid"]]
            for entry in thread["syscalls"]:
                lengths = [e["exit_ns"] - e["entry_ns"] for e in own if e["name"] == entry["name"]]
                self.assertEqual((len(lengths), sum(lengths), max(lengths)), (entry["count"], entry["total_ns"], entry["max_ns"]))
                errors = [e for e in own if e["name"] == entry["name"] and -4096 < e["return_value"] < 0]
                self.assertEqual(len(errors), entry["errors"])
        self.assertEqual(len(sample["syscall_events"]), sum(s["count"] for t in sample["threads"] for s in t["syscalls"]))
        ends = [e["exit_ns"] for e in sample["syscall_events"]]
        self.assertEqual(ends, sorted(ends))

    def test_every_sleep_is_longer_than_its_time_and_is_told(self):
        sample, answer = self.events("-s", 2_000_000)
        (sleeper,) = [t for t in answer["threads"] if t["comm"] == "sleeper"]
        sleeps = [e for e in sample["syscall_events"] if e["tid"] == sleeper["tid"] and e["name"] == "clock_nanosleep"]
        self.assertEqual(len(sleeps), sleeper["syscalls"]["clock_nanosleep"]["count"])
        self.assertTrue(all(e["exit_ns"] - e["entry_ns"] > 2_000_000 for e in sample["syscall_events"]))
        self.assertFalse([e for e in sample["syscall_events"] if e["name"] == "getppid"])

    def test_the_lines_are_those_of_kernel_delay(self):
        result = run("-s", 1_000_000, "--stack-trace-size", 0, "--", WORKLOADS / "known-answer", 100, 5, json_report=False,
                     stdin=subprocess.DEVNULL)
        lines = result.out.split("# SYSCALL EVENTS:\n")[1].splitlines()
        self.assertRegex(lines[0], r"^ {11}ENTRY \(ns\) {11}EXIT \(ns\) {8}TID COMM {13}DELTA \(us\)  SYSCALL$")
        self.assertEqual(lines[1], "  " + " ".join("-" * width for width in (19, 19, 10, 16, 10)) + "  " + "-" * 16)
        events = lines[2:lines.index("")]
        self.assertGreaterEqual(len(events), 5)
        for line in events:
            entry, end, delta = re.fullmatch(r"  (.{19}) (.{19}) .{10} .{16} (.{10})  \w+", line).groups()
            self.assertEqual((int(end) - int(entry)) // 1000, int(delta.replace(",", "")))

    def test_poll_can_be_left_out(self):
        for options, polls in (([], True), (["--skip-syscall-poll-events"], False)):
            sample = run("-s", "--stack-trace-size", 0, *options, "--", WORKLOADS / "demo-convoy", 1, stdin=subprocess.DEVNULL).sample
            self.assertTrue(any(syscall(t, "poll")["count"] for t in sample["threads"]))
            self.assertEqual(any(e["name"] == "poll" for e in sample["syscall_events"]), polls)
