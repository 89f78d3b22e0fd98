#!/usr/bin/env python3
"""What waiting for windows costs: cost.py BINARY [SECONDS] [ROUNDS] [--rss]. As root.

The tool waits beside a program with 100,000 events a second, in which nothing happens that it waits for. Printed are, of each way,
the tool's CPU time in per cent of one CPU, what a getppid of the program takes, and the tool's resident memory: medians of
interleaved rounds. The plain capture is one long window. With --rss one way runs, and its memory is printed each 30 s."""
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

CONDITIONS = ["long-poll>1s", "ready>1s", "syscall>10s", "blocked>10s"]
WAYS = {
    "a plain capture": ["--sample-time", "100000"],
    "--when, four conditions": [part for condition in CONDITIONS for part in ("--when", condition)],
    "--when, open all the time": ["--when", "blocked>10000s"],
    "--look-back 2": ["--look-back", "2", "--stop-trigger", "t:syscalls:sys_enter_reboot"],
    "--look-back 60": ["--look-back", "60", "--stop-trigger", "t:syscalls:sys_enter_reboot"],
}


def program(directory):
    path = pathlib.Path(directory) / "paced"
    subprocess.run(["gcc", "-O2", "-pthread", "-o", path, pathlib.Path(__file__).parent / "paced.c"], check=True)
    return path


class Paced:
    def __init__(self, path):
        self.process = subprocess.Popen(["taskset", "-c", "0", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = int(self.process.stdout.readline().split()[1])

    def ask(self):
        self.process.stdin.write("x\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def cpu_time(pid):
    """Of all threads, s."""
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def start(binary, pid, way):
    tool = subprocess.Popen([binary, "-p", str(pid), "-o", "/dev/null", *WAYS[way]], stderr=subprocess.PIPE)
    time.sleep(1.5)
    assert tool.poll() is None, tool.stderr.read()
    return tool


def stop(tool):
    tool.send_signal(signal.SIGINT)
    tool.wait(60)


def measure(binary, path, way, seconds):
    paced = Paced(path)
    tool = start(binary, paced.pid, way)
    paced.ask()
    before, began = cpu_time(tool.pid), time.monotonic()
    time.sleep(seconds)
    share = (cpu_time(tool.pid) - before) / (time.monotonic() - began) * 100
    result = share, paced.ask(), resident_kib(tool.pid)
    stop(tool)
    paced.close()
    return result


def watch_memory(binary, path, way, seconds):
    paced = Paced(path)
    tool = start(binary, paced.pid, way)
    began, cpu = time.monotonic(), cpu_time(tool.pid)
    while time.monotonic() - began < seconds:
        time.sleep(30)
        past = time.monotonic() - began
        print(f"{past:.0f} s: {resident_kib(tool.pid)} KiB, {(cpu_time(tool.pid) - cpu) / past * 100:.2f} % CPU", flush=True)
    stop(tool)
    paced.close()


def main():
    arguments = [a for a in sys.argv[1:] if a != "--rss"]
    binary, seconds, rounds = arguments[0], float(arguments[1:2][0] if arguments[1:] else 10), int((arguments[2:] or [5])[0])
    with tempfile.TemporaryDirectory() as directory:
        path = program(directory)
        if "--rss" in sys.argv:
            return watch_memory(binary, path, "--when, open all the time", seconds)
        results = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way in WAYS:
                results[way].append(measure(binary, path, way, seconds))
        for way, measured in results.items():
            share, call, memory = (statistics.median(column) for column in zip(*measured))
            print(f"{way:28} {share:5.2f} % of a CPU  {call:6.1f} ns a getppid  {memory:7.0f} KiB resident")


if __name__ == "__main__":
    main()
