#!/usr/bin/env python3
"""check-pages: walk the raw pages of fixtures, count their records by type, and
compare the events with the kernel's own text of the same buffer.

    check-pages.py FIXTURES/KERNEL[/SCENARIO]...

It is written from the layout in events/header_event and linux/ring_buffer.h and
shares nothing with the Swift decoder, so that a mistake in one is not in both.
Exit status 1 if anything differs.

The time_delta of a discarded record belongs to the clock: the next record's
delta counts from it. The kernel's own reader leaves it out, so its text is too
early from there to the next absolute time stamp or page. Both times are kept;
the one without must be the text's, and `shifted` counts the events where they
differ.
"""
import collections
import pathlib
import re
import struct
import sys

MISSED_EVENTS = 1 << 31     # something was lost before this page
MISSED_STORED = 1 << 30     # the number of lost events follows the data
SIZE_MASK = (1 << 27) - 1
PADDING, TIME_EXTEND, TIME_STAMP = 29, 30, 31
TIME_STAMP_BITS = 59

# discarded: the part of `time`, in ns, that the kernel's reader leaves out.
Event = collections.namedtuple("Event", "time discarded id pid data")


class Bad(Exception):
    """The pages or the text are not what they should be."""


def layout(text):
    """{field name: (offset, size)} of a format file or header_page."""
    fields = {}
    for line in text.splitlines():
        m = re.match(r"\s*field:.*?(\w+)(?:\[[^\]]*\])?;\s*offset:(\d+);\s*size:(\d+);", line)
        if m:
            fields[m[1]] = (int(m[2]), int(m[3]))
    return fields


class Kernel:
    def __init__(self, directory):
        self.directory = directory
        self.formats = {}       # id -> (event name, fields)
        for path in sorted((directory / "formats").iterdir()):
            text = path.read_text()
            name = path.name.split(".", 1)[1]
            self.formats[int(re.search(r"^ID: (\d+)", text, re.M)[1])] = (name, layout(text))

    def page_layout(self, scenario):
        own = scenario / "header_page"      # only with another sub-buffer size
        return layout((own if own.exists() else self.directory / "header_page").read_text())


class Pages:
    """What a sequence of sub-buffers of one CPU holds."""

    def __init__(self, raw, page, kernel):
        self.events, self.counts = [], collections.Counter()
        self.missed, self.backwards = [], 0
        self.kernel, self.discarded = kernel, 0
        data, size = page["data"]
        whole = data + size
        if len(raw) % whole:
            raise Bad(f"{len(raw)} bytes are no whole number of {whole}-byte sub-buffers")
        self.last = 0
        for start in range(0, len(raw), whole):
            self.counts["pages"] += 1
            self.page(raw[start:start + whole], data, page["commit"][0])

    def page(self, page, data, commit_at):
        time, = struct.unpack_from("<Q", page, 0)
        commit, = struct.unpack_from("<Q", page, commit_at)
        end = data + (commit & SIZE_MASK)
        if end > len(page):
            raise Bad(f"commit {commit:#x} is beyond the sub-buffer")
        if commit & MISSED_EVENTS:
            count = None
            if commit & MISSED_STORED:
                count, = struct.unpack_from("<Q", page, end)
            self.missed.append((len(self.events), count))
        if end < len(page) and not commit & MISSED_STORED:
            self.counts["not full"] += 1
        at, self.discarded = data, 0
        while at < end:
            time, at = self.record(page, at, end, time)
        if at != end:
            raise Bad("a record reaches over the end of the data")

    def record(self, page, at, end, time):
        header, = struct.unpack_from("<I", page, at)
        kind, delta = header & 31, header >> 5
        first = struct.unpack_from("<I", page, at + 4)[0] if at + 8 <= end else 0
        if kind == PADDING and delta == 0:
            self.counts["padding"] += 1
            return time, end
        if kind == PADDING:
            size = 4 + first
            # The unused tail of a page is made to look like a discarded record
            # of time_delta 1; a copying reader hands it out, too.
            self.counts["tail padding" if at + size == end and delta == 1 else "discarded"] += 1
            self.discarded += delta
            return time + delta, at + size
        if kind == TIME_EXTEND:
            self.counts["extend"] += 1
            return time + (first << 27) + delta, at + 8
        if kind == TIME_STAMP:
            self.counts["stamp"] += 1
            # The upper five bits are not stored.
            stamp = (first << 27) + delta | time >> TIME_STAMP_BITS << TIME_STAMP_BITS
            self.discarded = 0
            return stamp, at + 8
        if kind == 0:
            start, size = at + 8, first - 4
            self.counts["long data"] += 1
        else:
            start, size = at + 4, kind * 4
        if size < 8 or start + size > end:
            raise Bad(f"record of {size} bytes at {at}")
        time += delta
        body = page[start:start + size]
        event_id, = struct.unpack_from("<H", body, 0)
        pid, = struct.unpack_from("<i", body, 4)
        self.backwards += time < self.last
        self.last = time
        self.counts["data"] += 1
        name = self.kernel.formats.get(event_id, (f"unknown {event_id}",))[0]
        self.counts["event " + name] += 1
        self.counts["shifted"] += self.discarded > 0
        self.events.append(Event(time, self.discarded, event_id, pid, body))
        return time, start + size


def number(event, field, signed=True):
    offset, size = field
    return int.from_bytes(event.data[offset:offset + size], "little", signed=signed)


def string(event, field):
    offset, size = field
    return event.data[offset:offset + size].split(b"\0")[0].decode(errors="replace")


def render(name, event, f):
    """The kernel's text for the events where a wrong offset would show."""
    if name == "sys_enter":
        offset, size = f["args"]
        values = struct.unpack_from("<6Q", event.data, offset)
        return f"NR {number(event, f['id'])} ({', '.join(f'{v:x}' for v in values)})"
    if name == "sys_exit":
        return f"NR {number(event, f['id'])} = {number(event, f['ret'])}"
    if name in ("sched_wakeup", "sched_wakeup_new", "sched_waking"):
        return (f"comm={string(event, f['comm'])} pid={number(event, f['pid'])} "
                f"prio={number(event, f['prio'])} target_cpu={number(event, f['target_cpu']):03}")
    if name == "irq_handler_exit":
        return f"irq={number(event, f['irq'])} ret={'handled' if number(event, f['ret']) else 'unhandled'}"
    if name == "sched_process_exec":
        place = number(event, f["filename"], signed=False)  # length << 16 | offset
        text = event.data[place & 0xffff:][:place >> 16].split(b"\0")[0].decode()
        return f"filename={text} pid={number(event, f['pid'])} old_pid={number(event, f['old_pid'])}"
    return None


LINE = re.compile(r"^\s*.*-(\d+)\s+\[(\d+)\] \S+\s+(\d+)\.(\d{6}): (\w+): (.*?)\s*$")
NS_LINE = re.compile(r"^(-?\d+) (\d+) (\d+) type: (\d+)\s*$")
LOST = re.compile(r"^CPU:\d+ \[LOST (\d+ )?EVENTS\]")


def read_text(scenario):
    """Two lists by CPU: (ns, pid, id), and (µs, pid, name, text)."""
    precise, ordinary = collections.defaultdict(list), collections.defaultdict(list)
    for line in (scenario / "trace-ns.txt").read_text().splitlines():
        if m := NS_LINE.match(line):
            precise[int(m[2])].append((int(m[3]), int(m[1]), int(m[4])))
        elif line and line[0] != "#" and not LOST.match(line):
            raise Bad(f"trace-ns.txt: {line}")
    for line in (scenario / "trace.txt").read_text(errors="replace").splitlines():
        if m := LINE.match(line):
            ordinary[int(m[2])].append((int(m[3]) * 1000000 + int(m[4]), int(m[1]), m[5], m[6]))
        elif line and line[0] != "#" and not LOST.match(line):
            raise Bad(f"trace.txt: {line}")
    return precise, ordinary


def differences(pages, precise, ordinary):
    """Describes each event that is not what the text says."""
    found = []
    if len(pages.events) != len(precise) or len(precise) != len(ordinary):
        found.append(f"{len(pages.events)} events, trace-ns {len(precise)}, trace {len(ordinary)}")
    for i, (event, (ns, pid, event_id), (us, pid2, name, text)) in enumerate(
            zip(pages.events, precise, ordinary)):
        expected, fields = pages.kernel.formats[event.id]
        time = event.time - event.discarded
        if (time, event.pid, event.id) != (ns, pid, event_id):
            found.append(f"event {i} {expected}: {(time, event.pid, event.id)} is not "
                         f"{(ns, pid, event_id)}: {time - ns:+} ns")
        elif ((time + 500) // 1000, event.pid, expected) != (us, pid2, name):
            found.append(f"event {i}: {time} {event.pid} {expected} is not {us} {pid2} {name}")
        elif (mine := render(expected, event, fields)) not in (None, text):
            found.append(f"event {i} {name}: {mine!r} is not {text!r}")
    return found


def stats_differences(pages, stats):
    """Compares with the stats, which were taken before each (last) read."""
    entries, overrun, read = ([int(n) for n in re.findall(rf"^{what}: (\d+)", stats, re.M)]
                              for what in ("entries", "overrun", "read events"))
    if entries[-1] + read[-1] != len(pages.events):
        yield f"{len(pages.events)} events, stats say {entries[-1]} + {read[-1]}"
    lost = [after - before for before, after in zip([0] + overrun, overrun) if after != before]
    counts = [count for _, count in pages.missed]
    if len(lost) != len(counts) or any(c not in (None, n) for c, n in zip(counts, lost)):
        yield f"missed {counts}, stats say {lost}"


COLUMNS = ["pages", "not full", "data", "padding", "tail padding", "discarded", "extend", "stamp", "shifted"]


def check(scenario, kernel):
    """Prints the table line of a scenario; returns the number of differences."""
    total, problems, missed, backwards = collections.Counter(), [], [], 0
    page = kernel.page_layout(scenario)
    has_text = (scenario / "trace.txt").exists()
    precise, ordinary = read_text(scenario) if has_text else ({}, {})
    for path in sorted(scenario.glob("cpu*.raw")):
        cpu = int(path.stem[3:])
        pages = Pages(path.read_bytes(), page, kernel)
        total += pages.counts
        missed += [count for _, count in pages.missed]
        backwards += pages.backwards
        if has_text:
            problems += [f"cpu{cpu}: {text}" for text in
                         differences(pages, precise.get(cpu, []), ordinary.get(cpu, []))]
        problems += [f"cpu{cpu}: {text}" for text in
                     stats_differences(pages, (scenario / f"cpu{cpu}.stats").read_text())]
    stored = [count for count in missed if count is not None]
    name = f"{kernel.directory.name}/{scenario.name}"
    oracle = "text" if has_text else "stats"
    print(f"{name:24}" + "".join(f"{total[c]:>13}" for c in COLUMNS) +
          f"{len(stored):>8}{len(missed) - len(stored):>9}{backwards:>11}  "
          + (f"{len(problems)} DIFFER" if problems else f"as {oracle}"))
    details = ", ".join(f"{key[6:]} {count}" for key, count in sorted(total.items()) if key.startswith("event "))
    print(f"    {details}")
    if stored:
        print(f"    missed counts {stored}, as the stats")
    for problem in problems[:8]:
        print(f"    {problem}")
    return len(problems)


def main(arguments):
    paths = [pathlib.Path(a).resolve() for a in arguments]
    if not paths:
        print(__doc__)
        return 2
    print(f"{'':24}" + "".join(f"{c:>13}" for c in COLUMNS)
          + f"{'counted':>8}{'missed':>9}{'backwards':>11}")
    failed = 0
    for path in paths:
        whole = (path / "formats").is_dir()
        kernel = Kernel(path if whole else path.parent)
        for scenario in sorted(p.parent for p in path.glob("*/cpu0.raw")) if whole else [path]:
            try:
                failed += check(scenario, kernel)
            except Bad as error:
                print(f"{kernel.directory.name}/{scenario.name}: {error}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
