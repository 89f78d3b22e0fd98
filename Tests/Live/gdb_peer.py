#!/usr/bin/env python3
"""Compares the tool's stacks with gdb's, on a running process: gdb_peer.py PID...

gdb stops the process twice while the tool records. The first stop makes each thread begin its syscall anew, so that it begins
inside the sample; the second one ends it, and is where gdb prints the stacks. So each thread's last slow syscall has the stack
that gdb shows. Prints each thread with frames that differ, and a line with the sums; exit status 1 where there are some."""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from harness import Tool

SCRIPT = """
import gdb
for thread in sorted(gdb.selected_inferior().threads(), key=lambda t: t.ptid[1]):
    thread.switch()
    print("THREAD %d" % thread.ptid[1])
    frame = gdb.newest_frame()
    while frame is not None:
        # Neither inlined functions nor callers that were left by a jump have a frame on the stack.
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            print("FRAME %x %s" % (frame.pc(), frame.name() or "-"))
        try:
            frame = frame.older()
        except gdb.error as error:
            print("ERROR %s" % error)
            break
"""


def gdb(pid, script=None, seconds=60):
    """Attaches, runs the script and detaches: {tid: [(address, name)]}, {tid: error}."""
    command = ["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-iex", "set auto-load off"]
    if pathlib.Path(f"/proc/{pid}/root").stat().st_ino != os.stat("/").st_ino:
        command += ["-iex", f"set sysroot /proc/{pid}/root"]
    command += ["-p", str(pid), "-ex", "set backtrace past-main on", "-ex", "set backtrace past-entry on",
                "-ex", "set backtrace limit 4000"]
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write(script or "")
        file.flush()
        out = subprocess.run([*command, "-x", file.name], capture_output=True, text=True, timeout=seconds).stdout
    stacks, errors, tid = {}, {}, None
    for line in out.splitlines():
        word, _, rest = line.partition(" ")
        if word == "THREAD":
            tid = int(rest)
            stacks[tid] = []
        elif word == "FRAME":
            address, _, name = rest.partition(" ")
            stacks[tid].append((int(address, 16), name))
        elif word == "ERROR":
            errors[tid] = rest
    for frames in stacks.values():
        # Go's outermost functions return to 0, which gdb takes for one more frame.
        while frames and frames[-1][0] == 0:
            frames.pop()
    return stacks, errors


def compare(pid, *options):
    """[(tid, the tool's event or None, gdb's frames, gdb's error)]"""
    tool = Tool("-p", pid, "-s", 1000, "--sample-time", 300, "--stack-dump-size", 65528, "--max-stack", 4000, *options)
    try:
        tool.wait_recording()
        gdb(pid)
        time.sleep(0.5)
        stacks, errors = gdb(pid, SCRIPT)
        time.sleep(0.2)
        sample = tool.finish(signal.SIGINT, 60).sample
    finally:
        if tool.process.poll() is None:
            tool.process.kill()
    compared = []
    for tid, frames in stacks.items():
        own = [e for e in sample["syscall_events"] if e["tid"] == tid and e["user_stack"]]
        # Detaching makes short calls of their own: the one that gdb saw has the same place.
        same = [e for e in own if e["user_stack"][-1 if e["user_stack"][0]["inlined"] else 0]["address"] == frames[0][0]]
        compared.append((tid, (same or own or [None])[-1], frames, errors.get(tid)))
    return compared


def physical(event):
    """Frames that are on the stack: inlined functions have none."""
    return [f for f in event["user_stack"] if not f["inlined"]]


def addresses_differ(event, frames):
    return [f["address"] for f in physical(event)] != [address for address, _ in frames]


def plain(name):
    """A function's name without parameters, template arguments and versions."""
    name = re.sub(r"\(.*", "", name or "").split("@")[0].replace("[cold]", "").replace(".cold", "")
    while re.search(r"<[^<>]*>", name):
        name = re.sub(r"<[^<>]*>", "", name)
    return name.split(" ")[-1]


def main():
    worst = 0
    for pid in map(int, sys.argv[1:]):
        compared = compare(pid)
        equal = frames = guessed = 0
        for tid, event, expected, error in compared:
            if event is None:
                print(f"{pid}/{tid}: no slow syscall; gdb: {expected[0][1] if expected else '-'}")
                continue
            if addresses_differ(event, expected):
                print(f"{pid}/{tid}: differs ({event['user_stack_end']}; gdb: {error or 'complete'})")
                own = physical(event)
                for index in range(max(len(own), len(expected))):
                    left = f"{own[index]['address']:x} {own[index]['symbol']}{' (guessed)' if own[index]['guessed'] else ''}" if index < len(own) else "-"
                    right = "%x %s" % expected[index] if index < len(expected) else "-"
                    print(f"    {'  ' if left.split()[0] == right.split()[0] else '! '}{left:60} {right}")
            else:
                equal += 1
                frames += len(expected)
                guessed += sum(f["guessed"] for f in event["user_stack"])
        print(f"{pid} ({open(f'/proc/{pid}/comm').read().strip()}): {len(compared)} threads, {equal} equal with {frames} frames "
              f"({guessed} guessed), {sum(1 for c in compared if c[1] is None)} without a slow syscall")
        worst |= equal < len(compared)
    sys.exit(worst)


if __name__ == "__main__":
    main()
