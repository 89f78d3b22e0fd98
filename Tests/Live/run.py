#!/usr/bin/env python3
"""Runs the live tests: run.py [--binary PATH] [--only REGEX]. As root on a kernel with tracefs; elsewhere it says what is
skipped and why, which is a failure where CI is set. Ends with "live: N passed, N failed, N skipped"."""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


class Result(unittest.TestResult):
    """A line a test, with its time."""

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def report(self, test, word):
        print(f"{word:7} {test.id()} ({time.monotonic() - self.started:.1f} s)", flush=True)

    def addSuccess(self, test):
        self.report(test, "passed")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.report(test, "FAILED")
        print(self.failures[-1][1])

    def addError(self, test, error):
        super().addError(test, error)
        print(f"FAILED  {test.id()}")
        print(self.errors[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.report(test, f"skipped: {reason}:")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=ROOT / ".build/release/kdelay-ftrace")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    os.environ["KDELAY_BINARY"] = str(options.binary)
    os.environ["KDELAY_WORKLOADS"] = str(ROOT / ".build/workloads")
    reason = None
    if os.geteuid() != 0:
        reason = "not root"
    elif subprocess.run([options.binary, "doctor"], capture_output=True).returncode != 0:
        reason = "the kernel or its tracefs cannot be used: see `kdelay-ftrace doctor`"
    if reason:
        print(f"skipped: all live tests ({reason})")
        print("live: 0 passed, 0 failed, 1 skipped")
        return 1 if os.environ.get("CI") else 0
    subprocess.run([HERE / "install-packages"], check=True)
    subprocess.run(["make", "-s", "-C", ROOT / "Tests/Workloads", f"OUT={ROOT / '.build/workloads'}"], check=True)
    sys.path.insert(0, str(HERE))
    tests = [t for t in flatten(unittest.defaultTestLoader.discover(str(HERE))) if re.search(options.only, t.id())]
    result = Result()
    for test in tests:
        test.run(result)
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print(f"live: {result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or (skipped and os.environ.get("CI")) or not result.testsRun else 0


sys.exit(main())
