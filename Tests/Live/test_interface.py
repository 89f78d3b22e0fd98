"""What other programs rely on: the schema, the columns, the windows."""
import json
import os
import re
import subprocess

import jsonschema

from harness import BINARY, LiveTestCase, Tool, WORKLOADS, run, syscall


class Interface(LiveTestCase):
    def test_reports_validate_against_the_printed_schema(self):
        schema = json.loads(subprocess.run([BINARY, "schema"], capture_output=True, check=True).stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        for sample in run("--", WORKLOADS / "demo-convoy", 1).samples + run("-p", os.getpid()).samples:
            validator.validate(sample)
            self.check_sample(sample)
        del sample["loss"]["events"]
        self.assertRaises(jsonschema.ValidationError, validator.validate, sample)

    def test_samples_follow_each_other_without_a_gap(self):
        for interval in (0, 0.15):
            samples = run("-p", os.getpid(), "--sample-time", 0.2, "--sample-count", 3, "--sample-interval",
                          interval).samples
            windows = [s["window"] for s in samples]
            self.assertEqual([w["index"] for w in windows], [1, 2, 3])
            for window in windows:
                self.assertEqual(window["stop_ns"] - window["start_ns"], 200_000_000)
            for earlier, later in zip(windows, windows[1:]):
                self.assertEqual(later["start_ns"] - earlier["stop_ns"], round(interval * 1e9))

    def test_text_lines_have_the_documented_columns(self):
        text = Tool("--", WORKLOADS / "demo-convoy", 1, json_report=False).finish().out
        clock = r"@\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} \(\d\d:\d\d:\d\d UTC\)"
        i = " " * 28
        for pattern in (
                rf"^# Start sampling {clock}$", rf"^# Stop sampling {clock}$", rf"^# Sample dump {clock}$",
                r"^TID {8}THREAD {11}<RESOURCE SPECIFIC>$", r"^-{10} -{16} -{76}$",
                r"^[ \d]{10} .{16} \[SYSCALL STATISTICS\]$",
                rf"^{i}NAME {{17}}NUMBER {{7}}COUNT {{10}}TOTAL ns {{12}}MAX ns$",
                rf"^{i}.{{20}} [ \d]{{6}}  [ \d]{{10}}  [ \d,]{{16}}  [ \d,]{{16}}$",
                rf"^{i}TOTAL\( - poll\): {{14}}[ \d]{{10}}  [ \d,]{{16}}$",
                rf"^{i}\[THREAD RUN STATISTICS\]$",
                rf"^{i} SCHED_CNT {{10}}TOTAL ns {{12}}MIN ns {{12}}MAX ns$",
                rf"^{i}[ \d]{{10}}  [ \d,]{{16}}  [ \d,]{{16}}  [ \d,]{{16}}$",
                rf"^{i}\[THREAD READY STATISTICS\]$", rf"^{i}[ \d]{{10}}  [ \d,]{{16}}  [ \d,]{{16}}$",
                rf"^{i}\[SOFT IRQ STATISTICS\]$",
                rf"^{i}NAME {{17}}VECT_NR {{7}}COUNT {{10}}TOTAL ns {{12}}MAX ns$",
                rf"^{i}(timer|rcu|sched|net_rx|block) *[ \d]{{7}}  [ \d]{{10}}  [ \d,]{{16}}  [ \d,]{{16}}$",
                r"^# ACCOUNTING ",
                # This kernel leaves out switches away from the idle task: see test_known_answers.
                r"^# (Nothing was lost\.|WARNING: \d+ intervals were discarded: .*)$"):
            self.assertRegex(text, re.compile(pattern, re.MULTILINE))

    def test_a_busy_poller_is_a_whole_row_and_not_an_empty_section(self):
        spinner = subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"])
        try:
            (only,) = run("-p", spinner.pid, "--sample-time", 0.5).sample["threads"]
            parts = only["accounting"]
            busy = parts["user_ns"] + parts["ready_ns"] + parts["soft_irq_ns"] + parts["hard_irq_ns"]
            self.assertGreater(busy, 0.95 * parts["lifetime_ns"])
            self.assertGreater(parts["user_ns"], 0)
        finally:
            spinner.kill()
            spinner.wait()

    def test_a_thread_without_an_event_is_there_too(self):
        sleeper = subprocess.Popen(["/bin/sleep", "60"])
        try:
            (only,) = run("-p", sleeper.pid, "--sample-time", 0.3).sample["threads"]
            self.assertEqual(only["syscalls"], [])
            self.assertEqual(only["accounting"]["blocked_interruptible_ns"], 300_000_000)
        finally:
            sleeper.kill()
            sleeper.wait()
