#!/usr/bin/env python3
"""Compares the unwinder's stacks with perf's, frame for frame, over the samples of one recording.

compare.py [--replay PATH] [--show N] FILE

FILE is what `perf record -k mono --call-graph dwarf` wrote. A stack counts by how the two relate:

    same        each frame lies at the same place of its file
    longer      all of perf's frames are there, and more behind them
    shorter     all frames are perf's, and perf has more behind them
    different   they part at some frame

Prints the counts, then each kind of difference by the last frame that both have, its count, and the first stack like it.
"""
import argparse
import collections
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPLAY = ROOT / ".build/release/stack-replay"
DEPTH = 4000


class Stack:
    def __init__(self, frames, end=None):
        # Place in the file, name or None, whether it is guessed.
        self.frames = frames
        self.end = end


def perfs(file):
    """perf's user frames by (tid, time in ns)."""
    command = ["perf", "script", "--no-inline", "--ns", "--max-stack", str(DEPTH), "-F", "tid,time,ip,sym,dso", "-i", file]
    stacks, frames = {}, []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as script:
        for line in script.stdout:
            if head := re.match(r"\s*(-?\d+)\s+(\d+)\.(\d{9}):", line):
                frames = []
                stacks[int(head[1]), int(head[2]) * 10**9 + int(head[3])] = frames
            elif line.strip():
                place, rest = line.strip().split(" ", 1)
                place = int(place, 16)
                # The kernel's part has no user stack to be compared.
                if place < 1 << 63:
                    frames.append((place, rest, False))
    return {key: Stack(frames) for key, frames in stacks.items()}


def ours(file, replay=REPLAY):
    """The same of the project's unwinder, with the end of each stack."""
    out = subprocess.run([replay, "--depth", str(DEPTH), "--offsets", file], capture_output=True, text=True, check=True).stdout
    stacks = {}
    for line in out.splitlines():
        tid, time, end, *frames = line.split()
        stacks[int(tid), int(time)] = Stack([(int(f.rstrip("?"), 16), None, f.endswith("?")) for f in frames], end)
    return stacks


def relation(ours, perfs):
    """How the stacks relate, and how many frames from the innermost on are the same."""
    same = 0
    for our, their in zip(ours.frames, perfs.frames):
        if our[0] != their[0]:
            return "different", same
        same += 1
    if len(ours.frames) == len(perfs.frames):
        return "same", same
    return ("longer" if len(ours.frames) > len(perfs.frames) else "shorter"), same


def compare(file, replay=REPLAY):
    """Yields (relation, frames in common, ours, perf's) of each sample that has a user stack."""
    theirs = perfs(file)
    for key, stack in ours(file, replay).items():
        yield *relation(stack, theirs.get(key, Stack([]))), stack, theirs.get(key, Stack([]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--replay", default=REPLAY)
    parser.add_argument("--show", type=int, default=10)
    options = parser.parse_args()
    counts, frames, kinds, examples = collections.Counter(), 0, collections.Counter(), {}
    ends, guessed = collections.Counter(), 0
    for kind, same, stack, theirs in compare(options.file, options.replay):
        counts[kind] += 1
        frames += len(stack.frames)
        ends[stack.end] += 1
        guessed += sum(frame[2] for frame in stack.frames)
        if kind != "same":
            last = theirs.frames[same - 1][1] if same else "(first frame)"
            cause = kind, last, stack.end if kind == "shorter" else ""
            kinds[cause] += 1
            examples.setdefault(cause, (same, stack, theirs))
    print(f"{sum(counts.values())} stacks, {frames} frames ({guessed} guessed): "
          + ", ".join(f"{counts[kind]} {kind}" for kind in ("same", "longer", "shorter", "different")))
    print("ends:", ", ".join(f"{count} {end}" for end, count in ends.most_common()))
    for cause, count in kinds.most_common(options.show):
        same, stack, theirs = examples[cause]
        print(f"\n{count} x {cause[0]} behind {cause[1]} {cause[2]}: {same} frames in common, ours {len(stack.frames)}, "
              f"perf's {len(theirs.frames)}, end {stack.end}")
        for at in range(max(same - 1, 0), same + 3):
            our = f"{stack.frames[at][0]:x}{'?' * stack.frames[at][2]}" if at < len(stack.frames) else "-"
            their = f"{theirs.frames[at][0]:x} {theirs.frames[at][1]}" if at < len(theirs.frames) else "-"
            print(f"    {our:18} {their}")


if __name__ == "__main__":
    main()
