#!/usr/bin/env python3
"""What recording costs the tool and its target, and how fast a recording is reported on, against trace-cmd on the same file:
measure.py [--calls N] [--rounds N]. Root, a kernel with tracefs, two CPUs, trace-cmd."""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

BUILD = pathlib.Path(__file__).resolve().parents[2] / ".build"
BINARY = BUILD / "release/kdelay-ftrace"
WORKLOADS = BUILD / "workloads"
# The shortest, of which little more than what it takes to begin and to end is left.
FEW = 1000


def run(command, output=subprocess.DEVNULL):
    """Elapsed and CPU seconds of a command, and its largest memory, KiB."""
    start = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=subprocess.DEVNULL)
    return finish(process, start)


def finish(process, start):
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"error: {process.args[0]} ended with {process.returncode}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def capture(calls, options):
    """A process that makes so many calls at full rate on CPU 0 is captured by the tool on CPU 1: ns of a call to the process, and
    the tool's CPU seconds."""
    with subprocess.Popen([WORKLOADS / "spin-syscalls", str(calls), "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as target:
        pid = int(target.stdout.readline().split()[1])
        start = time.monotonic()
        tool = subprocess.Popen(["taskset", "-c", "1", BINARY, *options, "-p", str(pid), "--sample-time", "600"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.6)
        target.stdin.write("go\n")
        target.stdin.flush()
        answer = json.loads(target.stdout.readline())
        time.sleep(0.3)
        tool.send_signal(signal.SIGINT)
        cpu = finish(tool, start)[1]
        target.stdin.close()
        target.wait()
    return answer["ns_per_call"], cpu


def first_line(directory):
    """Seconds from the start of a report of many windows to its first line."""
    start = time.monotonic()
    with subprocess.Popen([BINARY, "report", "-i", directory, "--sample-time", "0.1", "--sample-count", "100000"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as report:
        report.stdout.readline()
        first = time.monotonic() - start
        report.stdout.read()
    return first


def events(directory):
    """How many events a report of the recording says that there were, and how many were lost."""
    sample = json.loads(subprocess.run([BINARY, "report", "-i", directory, "--whole", "--format", "json"], check=True,
                                       capture_output=True, text=True).stdout)
    calls = sum(syscall["count"] for thread in sample["threads"] for syscall in thread["syscalls"])
    return calls, sample["loss"]["events"]


def record_costs(rounds, calls, work, bound):
    print(f"recording, {calls} calls at full rate, {rounds} rounds in turn:", flush=True)
    costs, ratios = [], []
    for number in range(rounds):
        directory = work / f"record{number}"
        live, _ = capture(calls, [])
        _, begin = capture(FEW, ["record", "-o", work / f"few{number}"])
        recorded, cpu = capture(calls, ["record", "-o", directory])
        seen, lost = events(directory)
        costs.append((cpu - begin) * 1e9 / (2 * calls))
        ratios.append(recorded / live)
        bound(seen == calls and lost == 0, f"nothing is lost: {seen} of {calls} calls, {lost} events lost")
        for name in ("record", "few"):
            shutil.rmtree(work / f"{name}{number}")
    print(f"  the tool's CPU per event: {min(costs):.1f} ns (median {statistics.median(costs):.1f})")
    print(f"  a call of the target, to that under a live report: {min(ratios):.3f} (median {statistics.median(ratios):.3f})")
    bound(min(ratios) <= 1.03, f"the target runs as under the live report: {min(ratios):.3f}")


def report_speed(calls, work, bound):
    directory = work / "long"
    capture(calls, ["record", "-o", directory])
    size = (directory / "trace.dat").stat().st_size
    count = 2 * calls
    elapsed, cpu, memory = min(run([BINARY, "report", "-i", directory, "--whole"]) for _ in range(3))
    others, _, others_memory = run(["trace-cmd", "report", "-i", directory / "trace.dat"])
    first = first_line(directory)
    print(f"report on {count / 1e6:.0f} million events, {size >> 20} MiB:")
    print(f"  {elapsed:.2f} s, {count / elapsed / 1e6:.0f} million events/s, {cpu:.2f} s of CPU, {memory >> 10} MiB of memory")
    print(f"  trace-cmd report > /dev/null: {others:.1f} s, {others_memory >> 10} MiB")
    print(f"  the first line of a report of windows of 0.1 s: after {first:.2f} s")
    bound(others >= 30 * elapsed, f"at least 30 times as fast as trace-cmd: {others / elapsed:.0f} times")
    bound(memory < 300 << 10, f"less than 300 MiB: {memory >> 10} MiB")


def measure(rounds, calls, long_calls, bound):
    with tempfile.TemporaryDirectory(prefix="kdelay-bench-", dir=BUILD) as work:
        record_costs(rounds, calls, pathlib.Path(work), bound)
        report_speed(long_calls, pathlib.Path(work), bound)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=4_000_000)
    parser.add_argument("--long-calls", type=int, default=25_000_000)
    options = parser.parse_args()
    measure(options.rounds, options.calls, options.long_calls,
            lambda holds, text: print(f"  {'holds' if holds else 'DOES NOT HOLD'}: {text}", flush=True))
