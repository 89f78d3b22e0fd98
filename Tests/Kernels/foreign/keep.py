"""keep.py FROM TO: keeps of a guest's recordings what the tests need.

FROM has mixed.dat and overrun.dat as the guest's trace-cmd wrote them. TO gets mixed.dat itself, and of both the raw pages of each CPU, the
formats of the events that the project reads, and the lines of the same events as the host's `trace-cmd report` prints them. Of a
little-endian 64-bit machine overrun.dat is left out: its pages are like those of the other fixtures.
"""
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

EVENTS = """raw_syscalls.sys_enter raw_syscalls.sys_exit sched.sched_switch sched.sched_wakeup sched.sched_wakeup_new sched.sched_waking
irq.irq_handler_entry irq.irq_handler_exit irq.softirq_entry irq.softirq_exit task.task_newtask task.task_rename
sched.sched_process_exit sched.sched_process_exec""".split()


class Reader:
    """The numbers and texts of a trace.dat of version 6, whose header tells its byte order."""

    def __init__(self, content):
        assert content[:10] == b"\x17\x08\x44tracing"
        self.content, self.place = content, 10
        assert self.text() == "6"
        self.order = ">" if content[self.place] else "<"
        self.place += 2  # byte order, bytes of a long
        self.number("I")  # page size

    def number(self, kind):
        value, = struct.unpack_from(self.order + kind, self.content, self.place)
        self.place += struct.calcsize(kind)
        return value

    def text(self):
        end = self.content.index(b"\0", self.place)
        value, self.place = self.content[self.place:end].decode(), end + 1
        return value

    def block(self, kind):
        size = self.number(kind)
        self.place += size
        return self.content[self.place - size:self.place]


def pages_and_formats(path):
    """The byte order, the formats by "SYSTEM.EVENT", and the bytes of each CPU's pages."""
    file = Reader(path.read_bytes())
    formats = {}
    for _ in range(2):  # header_page, header_event
        file.text()
        file.block("Q")
    for _ in range(file.number("I")):
        file.block("Q")
    for _ in range(file.number("I")):
        system = file.text()
        for _ in range(file.number("I")):
            text = file.block("Q").decode()
            formats[f"{system}.{re.match('name: (.*)', text)[1]}"] = text
    file.block("I")  # kallsyms
    file.block("I")  # printk
    file.block("Q")  # command lines
    cpus = file.number("I")
    while (kind := file.content[file.place:file.place + 10]) != b"flyrecord\0":
        assert kind == b"options  \0", kind
        file.place += 10
        while file.number("H"):
            file.block("I")
    file.place += 10
    data = {}
    for cpu in range(cpus):
        start, size = file.number("Q"), file.number("Q")
        if size:
            data[cpu] = file.content[start:start + size]
    return file.order, formats, data


def keep(source, target):
    shutil.rmtree(target, ignore_errors=True)
    (target / "formats").mkdir(parents=True)
    for name in ("kernel", "header_page"):
        shutil.copy(source / name, target)
    shutil.copy(source / "mixed.dat", target)
    events = "|".join(event.partition(".")[2] for event in EVENTS)
    for scenario in ("mixed", "overrun"):
        recording, place = source / f"{scenario}.dat", target / scenario
        with tempfile.TemporaryDirectory() as scratch:
            plain = pathlib.Path(scratch) / "plain.dat"
            subprocess.run(["trace-cmd", "convert", "--file-version", "6", "--compression", "none", "-i", recording, "-o", plain],
                           check=True, capture_output=True)
            order, formats, data = pages_and_formats(plain)
        if scenario == "overrun" and order == "<" and re.search(r"commit;.*size:8;", (source / "header_page").read_text()):
            continue
        place.mkdir()
        # Without plugins the words are those of the formats.
        report = subprocess.run(["trace-cmd", "report", "-N", "-t", "-i", recording], check=True, text=True, capture_output=True)
        lines = [re.sub("  +", " ", line.strip()) for line in report.stdout.splitlines()]
        lines = [line for line in lines if "EVENTS DROPPED" in line or re.search(rf": ({events}):", line)]
        (place / "trace.txt").write_text("\n".join(lines) + "\n")
        for cpu, content in data.items():
            (place / f"cpu{cpu}.raw").write_bytes(content)
        for event in EVENTS:
            (target / "formats" / event).write_text(formats[event])
        print(f"{target.name}/{scenario}: {len(lines)} lines, {sum(map(len, data.values()))} bytes of pages")


keep(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
