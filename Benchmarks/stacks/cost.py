#!/usr/bin/env python3
"""What stack samples cost a process that does nothing but getppid: ratios within this one run.

cost.py [--rounds N] [--calls N]. Root, two CPUs: the target is pinned to CPU 0, the sampler to CPU 1. All settings take turns
in every round, so that a machine that slows down slows all of them; a run counts by its fastest batch, which other load
disturbs least. Printed are medians over the rounds of ns per call, and of the ratios within a round.
"""
import argparse
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLER = ROOT / ".build/release/stack-sampling"
TARGET = ROOT / ".build/workloads/spin-syscalls"

# Name, sampler's arguments (None: not under it), the one that it is compared with.
SETTINGS = [
    ("nothing", None, "nothing"),
    ("1 ms", ["--alone", "1000000"], "nothing"),
    ("100 us", ["--alone", "100000"], "nothing"),
    *((f"100 us, period {period}", ["--alone", "--period", str(period), "100000"], "nothing")
      for period in (95000, 80000, 60000)),
    ("50 us", ["--alone", "50000"], "nothing"),
    ("100 us, 8 bytes of stack", ["--alone", "--stack", "8", "100000"], "nothing"),
    ("100 us, 32 KiB of stack", ["--alone", "--stack", "32768", "100000"], "nothing"),
    ("every exit", ["--alone", "0"], "nothing"),
    ("syscalls recorded", ["--no-samples", "100000"], "syscalls recorded"),
    ("syscalls recorded, 1 ms", ["1000000"], "syscalls recorded"),
    ("syscalls recorded, 100 us", ["100000"], "syscalls recorded"),
]


def measure(arguments, calls):
    target = [TARGET, str(calls), "0"]
    command = target if arguments is None else ["taskset", "-c", "1", SAMPLER, *arguments, *target]
    output = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True).stdout
    lost = [line for line in output.splitlines() if line.startswith("lost")]
    report = next(json.loads(line) for line in output.splitlines() if line.startswith("{"))
    return report["best_ns_per_call"], lost


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=2_000_000)
    options = parser.parse_args()
    results = {name: [] for name, _, _ in SETTINGS}
    losses = {}
    for _ in range(options.rounds):
        for name, arguments, _ in SETTINGS:
            ns, losses[name] = measure(arguments, options.calls)
            results[name].append(ns)
    for name, _, base in SETTINGS:
        ratios = [ns / other for ns, other in zip(results[name], results[base])]
        print(f"{name:28} {statistics.median(results[name]):7.1f} ns  x{statistics.median(ratios):.3f}"
              f" ({min(ratios):.3f}-{max(ratios):.3f})  {' '.join(losses[name])}")


if __name__ == "__main__":
    main()
