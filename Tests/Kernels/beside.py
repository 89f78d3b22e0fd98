#!/usr/bin/env python3
"""Runs a workload with known answers under kernel_delay.py and kdelay-ftrace at the same time and prints every number of
both, side by side: beside.py NAME. Files are taken from the folder of this one, what both printed goes to /out."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
OUT = pathlib.Path("/out")
INSTANCES = pathlib.Path("/sys/kernel/tracing/instances")
WORKLOADS = {
    "known-answer": ["known-answer", "3000", "20"],
    "preempt": ["preempt", "0", "1000"],
    "irq-load": ["irq-load", "300", "1"],
    "stop-cont": ["stop-cont", "3", "100"],
    "lifecycle": ["lifecycle", "5"],
    "many-threads": ["many-threads", "20"],
}
WINDOWS = 40


def wait_until(condition, what, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"beside.py: {what}: not in {seconds} s")
        time.sleep(0.05)


def recording():
    try:
        own = list(INSTANCES.glob("kdelay-*"))
        return bool(own) and all((i / "tracing_on").read_text().strip() == "1" for i in own)
    except OSError:  # it comes and goes
        return False


class Both:
    """Both tools on one process, kdelay-ftrace inside the time of the other, which needs 20 s to compile its programs. Neither
    sees a begin or an end of the load, since the process sleeps then."""

    def __init__(self, name, pid, originals=("--sample-time", "600"), tools=("--sample-time", "600")):
        self.name = name
        self.original_out = open(OUT / f"{name}.kernel_delay", "w+")
        self.original = subprocess.Popen([sys.executable, "-u", HERE / "kernel_delay.py", "-p", str(pid), *originals],
                                         stdout=self.original_out, stderr=open(OUT / f"{name}.kernel_delay.err", "w"))
        wait_until(lambda: self.has_probes() or self.original.poll() is not None, "kernel_delay.py samples")
        time.sleep(2)
        self.tool = subprocess.Popen([HERE / "kdelay-ftrace", "-D", "-p", str(pid), *tools, "--format", "json",
                                      "-o", OUT / f"{name}.json"], stderr=open(OUT / f"{name}.err", "w"))
        wait_until(recording, "kdelay-ftrace records")
        time.sleep(0.5)

    def has_probes(self):
        """Its programs are compiled and attached: the last descriptors are its ring buffer and its perf events."""
        fds = pathlib.Path(f"/proc/{self.original.pid}/fd")
        try:
            return any("perf_event" in os.readlink(fd) for fd in fds.iterdir())
        except OSError:
            return False

    def end(self):
        time.sleep(0.5)
        for process in (self.tool, self.original):
            process.send_signal(signal.SIGINT)
            process.wait(60)


def run_workload(name):
    command = WORKLOADS[name]
    process = subprocess.Popen([HERE / command[0], *command[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline().split()[1])
    both = Both(name, pid)
    process.stdin.write("go\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    both.end()
    (OUT / f"{name}.answer").write_text(answer)
    process.stdin.close()
    process.wait()
    return json.loads(answer)


def run_windows(name):
    """Both tools between two functions: who sees how many of the windows, and what in each."""
    process = subprocess.Popen([HERE / "trigger-windows", "25", str(WINDOWS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline().split()[1])
    # Not at the same places: BCC 0.26 leaves the offset of the reference counter unset, and the kernel refuses two uprobes of
    # one place with different ones.
    both = Both(name, pid, ["--start-trigger", "up:window", "--stop-trigger", "ur:window", "--sample-count", str(WINDOWS)],
                ["--start-trigger", "up:window_begin", "--stop-trigger", "up:window_end", "--sample-count", str(WINDOWS)])
    process.stdin.write("go\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    time.sleep(2)
    both.end()
    process.stdin.close()
    process.wait()
    text = (OUT / f"{name}.kernel_delay").read_text()
    dumps = text.split("# Triggered sample dump, stop-start delta ")[1:]
    seen = [(int(d.split(" ns")[0].replace(",", "")), [int(n) for n in re.findall(r"getppid +110 +(\d+)", d)]) for d in dumps]
    samples = [json.loads(line) for line in (OUT / f"{name}.json").read_text().splitlines()]
    own = [(s["window"]["duration_ns"], [r["count"] for t in s["threads"] for r in t["syscalls"] if r["name"] == "getppid"]) for s in samples]
    print(f"\n== {name}: {WINDOWS} windows of 25 calls, back to back; their lengths by the program's own clock: "
          f"{min(c[2] - c[1] for c in answer['windows']):,} to {max(c[2] - c[1] for c in answer['windows']):,} ns")
    for who, windows in (("kernel_delay.py", seen), ("kdelay-ftrace", own)):
        print(f"   {who:16} {len(windows)} windows, calls in each {sorted({tuple(w[1]) for w in windows})}, "
              f"lengths {sorted(w[0] for w in windows)[:1]} to {sorted(w[0] for w in windows)[-1:]} ns")
    print("   kernel_delay.py says:", " ".join(text.partition("# WARNING: Not all start")[1:]).strip() or "nothing of missed windows")
    print("   kdelay-ftrace: missed", sum(s["loss"]["missed_triggers"] for s in samples))


def run_switch(name):
    """ovs-vswitchd, 500 frames that miss its flow table, and the datapath's counters."""
    os.makedirs("/run/openvswitch", exist_ok=True)

    def do(command):
        return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout

    do("ovsdb-tool create /run/conf.db /usr/share/openvswitch/vswitch.ovsschema")
    do("ovsdb-server /run/conf.db --remote=punix:/run/openvswitch/db.sock --detach --pidfile --log-file=/out/ovsdb.log")
    do("ovs-vsctl --no-wait init")
    do("ip netns add a")
    do("ip link add port-a type veth peer name veth-a netns a")
    do("ip link set port-a up")
    do("ip -n a link set veth-a up")
    wait_until(lambda: time.monotonic() > 12, "the clock of ovs-vswitchd")  # see guest-upcalls.sh
    do("ovs-vswitchd --detach --pidfile --log-file=/out/vswitchd.log")
    do("ovs-vsctl --timeout=20 add-br br0 -- add-port br0 port-a")
    both = Both(name, int(pathlib.Path("/run/openvswitch/ovs-vswitchd.pid").read_text()))
    before = do("ovs-dpctl show")
    for cpu, first in ((0, 0), (1, 300)):
        do(f"ip netns exec a /job/fresh-flows veth-a {cpu} {300 - cpu * 100} {first}")
    time.sleep(1)
    after = do("ovs-dpctl show")
    both.end()
    missed, lost = ([int(re.search(rf"{column}:(\d+)", text)[1]) for text in (before, after)] for column in ("missed", "lost"))
    return {"datapath": {"missed": missed[1] - missed[0], "lost": lost[1] - lost[0]}}


# ---- both reports as {(thread, section, row): (count, total ns, [min ns,] max ns)}

def numbers(text):
    return tuple(int(field.replace(",", "")) for field in text.split())


def of_kernel_delay(text):
    values, thread, section = {}, None, None
    for line in text.splitlines():
        header = re.match(r"( *\d+ .{16,}| {27}) \[(.*) STATISTICS\]", line)
        if header:
            section = header[2]
            if header[1].strip():
                thread = (int(line[:10]), header[1][11:].strip())
                values[thread, "", ""] = ()
        elif line.startswith("#"):
            thread = None
        elif thread and line.startswith(" " * 28) and not re.match(r" +(NAME|SCHED_CNT|STOP_CNT|COUNT)", line):
            row = line[28:]
            named = section in ("SYSCALL", "HARD IRQ", "SOFT IRQ")
            name, row = (row[:20].strip(), row[20:]) if named else ("", row)
            fields = numbers(row)
            if not name.startswith("TOTAL"):
                values[thread, section, name] = fields[1:] if section in ("SYSCALL", "SOFT IRQ") else fields
    return values


def of_tool(sample):
    values = {}
    for t in sample["threads"]:
        thread = (t["tid"], t["comm"])
        values[thread, "", ""] = ()
        for section, key in (("SYSCALL", "syscalls"), ("HARD IRQ", "hard_irqs"), ("SOFT IRQ", "soft_irqs")):
            for row in t[key]:
                values[thread, section, row["name"]] = (row["count"], row["total_ns"], row["max_ns"])
        for section, key in (("THREAD RUN", "run"), ("THREAD READY", "ready"), ("THREAD STOPPED", "stopped"),
                             ("LONG POLL", "long_poll")):
            row = t[key]
            if not row:
                continue
            if key == "long_poll":
                values[thread, section, ""] = (row["count"], row["total_ns"] // row["count"], row["min_ns"], row["max_ns"])
            else:
                values[thread, section, ""] = tuple(row[k] for k in ("count", "total_ns", "min_ns", "max_ns") if k in row)
    return values


def by_tid(values):
    return {(thread[0], section, row): numbers for (thread, section, row), numbers in values.items()}


def show(values):
    return " ".join(f"{v:,}" for v in values) if values else "-"


def compare(name, answer):
    original = of_kernel_delay((OUT / f"{name}.kernel_delay").read_text())
    sample = json.loads((OUT / f"{name}.json").read_text())
    tool = of_tool(sample)
    comms = {thread[0]: thread[1] for thread, _, _ in [*original, *tool]}
    truth = {(t["tid"], call): numbers["count"] for t in answer.get("threads", []) for call, numbers in t.get("syscalls", {}).items()}
    truth |= {(t["tid"], "getppid"): t["getppid"] for t in answer.get("threads", []) if "getppid" in t}
    left, right = by_tid(original), by_tid(tool)
    print(f"\n== {name}; loss {sample['loss']['events']}, discarded {sample['loss']['discarded_intervals']}")
    print(f"   {'thread':16} {'section':15} {'row':16} {'did':>8} {'kernel_delay.py':>36}   {'kdelay-ftrace':>36}")
    for key in sorted(left.keys() | right.keys()):
        tid, section, row = key
        if not section:
            if key not in left or key not in right:
                print(f"   {comms[tid]:16} in the report of {'kdelay-ftrace' if key in right else 'kernel_delay.py'} alone")
            continue
        known = truth.get((tid, row), "")
        same = "" if (left.get(key) or [0])[0] == (right.get(key) or [0])[0] else "  <- count"
        print(f"   {comms[tid]:16} {section:15} {row:16} {known!s:>8} {show(left.get(key)):>36}   {show(right.get(key)):>36}{same}")
    if "datapath" in answer:
        print("   datapath:", answer["datapath"])
        print("   kernel_delay.py:", "".join((OUT / f"{name}.kernel_delay").read_text().partition("# UPCALL")[1:]).rstrip())
        print("   kdelay-ftrace:", json.dumps(sample["upcalls"]))


workload = sys.argv[1]
if workload == "windows":
    run_windows(workload)
else:
    compare(workload, run_switch(workload) if workload == "ovs-vswitchd" else run_workload(workload))
