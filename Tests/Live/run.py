#!/usr/bin/env python3
"""Runs the live tests: run.py [--binary PATH] [--workloads DIR] [--only REGEX]. As root on a kernel with tracefs; elsewhere it
says what is skipped and why, which is a failure where CI is set. Ends with "live: N passed, N failed, N skipped"."""
import argparse
import fcntl
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import traceback
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
    """A line a test, with its time. A test whose subtests fail counts once."""

    def __init__(self):
        super().__init__()
        self.failed = set()

    def startTest(self, test):
        super().startTest(test)
        self.started = time.monotonic()

    def report(self, test, word):
        print(f"{word:7} {test.id()} ({time.monotonic() - self.started:.1f} s)", flush=True)

    def fail(self, test, error):
        self.failed.add(test.id())
        self.report(test, "FAILED")
        traceback.print_exception(*error, file=sys.stdout)

    def addSuccess(self, test):
        self.report(test, "passed")

    def addFailure(self, test, error):
        self.fail(test, error)

    def addError(self, test, error):
        self.fail(test, error)

    def addSubTest(self, test, subtest, error):
        if error:
            print(f"in {subtest.id()}:")
            self.fail(test, error)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.report(test, f"skipped: {reason}:")


def unusable(binary):
    """Why no live test can run here, or None."""
    if os.geteuid() != 0:
        return "not root"
    if subprocess.run([binary, "doctor"], capture_output=True).returncode != 0:
        return "the kernel or its tracefs cannot be used: see `kdelay-ftrace doctor`"
    return None


def usual_signals():
    """Signals as a program at a terminal has them, for this process and all that it starts: a shell lets `&` jobs ignore SIGINT,
    nohup lets a program ignore SIGHUP, and the tool's first milliseconds have what they inherit."""
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=os.path.abspath, default=ROOT / ".build/release/kdelay-ftrace")
    parser.add_argument("--workloads", type=os.path.abspath, default=ROOT / ".build/workloads", help="where to build them")
    parser.add_argument("--only", default="", metavar="REGEX")
    options = parser.parse_args()
    usual_signals()
    os.environ["KDELAY_BINARY"] = str(options.binary)
    os.environ["KDELAY_WORKLOADS"] = str(options.workloads)
    reason = unusable(options.binary)
    # The tests look at the machine's one tracefs, use fixed ports and take a CPU offline: one run at a time.
    lock = None if reason else open("/run/kdelay-ftrace-live-tests", "w")
    if lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another run of the live tests to end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([HERE / "install-packages"], check=True)
        subprocess.run(["make", "-s", "-C", ROOT / "Tests/Workloads", f"OUT={options.workloads}"], check=True)
    sys.path.insert(0, str(HERE))
    tests = [t for t in flatten(unittest.defaultTestLoader.discover(str(HERE))) if re.search(options.only, t.id())]
    result = Result()
    for test in tests:
        if reason:
            result.startTest(test)
            result.addSkip(test, reason)
        else:
            test.run(result)
    failed, skipped = len(result.failed), len(result.skipped)
    print(f"live: {result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or (skipped and os.environ.get("CI")) or not result.testsRun else 0


sys.exit(main())
