#!/usr/bin/env python3
"""Writes the fuzzers' first inputs: seeds.py DIRECTORY, below which each fuzzer has a directory of its own.

From the fixtures, and for the unwinder from programs that the machine's own compiler makes; each fuzzer's source says
what its input is made of.
"""
import glob
import os
import struct
import subprocess
import sys
import tempfile
import zlib

PROGRAM = """
int g(int *p, int n) { int a[64]; for (int i = 0; i < 64; i++) a[i] = p[i] * n; return a[n & 63]; }
__attribute__((noinline)) int f(int n) { int a[n & 255]; for (int i = 0; i < (n & 255); i++) a[i] = i; return g(a, n); }
__attribute__((noinline)) int h(int n) { _Alignas(64) volatile int a[16]; a[n & 15] = n; return f(n) + a[n & 15]; }
void _start(void) { for (;;) h(3); }
"""
BUILDS = ["-O2", "-O2 -fomit-frame-pointer -Wl,--no-eh-frame-hdr", "-O1 -static-pie -fPIE",
          "-O2 -g1 -fno-asynchronous-unwind-tables", "-O0 -fcf-protection"]


def write(directory, name, data):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, name), "wb") as file:
        file.write(data)


def pages(directory):
    for kind, pattern in ((0, "*/formats/*"), (1, "*/header_page"), (2, "*/*/cpu?.raw"), (3, "*/stacks/cpu?.raw"),
                          (0, "foreign/*/formats/*"), (1, "foreign/*/header_page"), (10, "6.18/*/cpu?.raw"),
                          (26, "foreign/s390x/*/cpu?.raw"), (42, "foreign/[ai]*[f6]/*/cpu?.raw"), (58, "foreign/s390x/*/cpu?.raw")):
        for path in glob.glob("Tests/Fixtures/" + pattern):
            with open(path, "rb") as file:
                write(directory, f"{kind}-{path.replace('/', '-')}", bytes([kind]) + file.read(4096))


def sections(path):
    """The file's sections by name."""
    with open(path, "rb") as file:
        data = file.read()
    start, = struct.unpack_from("<Q", data, 40)
    size, count, names = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, start + size * number) for number in range(count)]
    found = {}
    for name, kind, _, _, offset, length in headers:
        begin = headers[names][4] + name
        if kind != 8:
            found[data[begin:data.index(b"\0", begin)].decode()] = data[offset:offset + length]
    return data, found


MAPS = b"""00400000-00410000 r-xp 00010000 fe:00 12                                 /root/bin/program
00410000-00420000 rwxp 00000000 00:00 0
00420000-00430000 r-xs 00020000 fe:00 12                                 /root/bin/a b (deleted)
"""


def programs(cfi, unwind, code):
    with tempfile.TemporaryDirectory() as work:
        with open(work + "/a.c", "w") as file:
            file.write(PROGRAM)
        for number, flags in enumerate(BUILDS):
            command = ["gcc", *flags.split(), "-w", "-nostdlib", "-ffreestanding", "-fno-stack-protector",
                       "-Wl,-z,noseparate-code,--build-id=none", "-o", work + "/a", work + "/a.c"]
            if "pie" not in flags:
                command.insert(1, "-static")
            subprocess.run(command, check=True)
            if "-g1" not in flags:
                subprocess.run(["strip", work + "/a"], check=True)
            image, parts = sections(work + "/a")
            if ".eh_frame" in parts:
                write(cfi, "eh-%d" % number, b"\1" + parts[".eh_frame"])
                header = parts.get(".eh_frame_hdr", b"")
                write(cfi, "header-%d" % number, bytes([3, len(header) & 255]) + header + parts[".eh_frame"])
            if ".debug_frame" in parts:
                write(cfi, "debug-%d" % number, b"\2" + parts[".debug_frame"])
            entry = struct.unpack_from("<Q", image, 24)[0] & 0x3FFF
            for place in (entry, 16, 0x40):
                write(code, "program-%d-%x" % (number, place), struct.pack("<H", len(image)) + image + struct.pack("<H", place) + MAPS)
            # Registers, and words of code and stack places in turn.
            words = [(1 << 30) + 64 + 8 * n for n in range(33)]
            words[16] = words[32] = entry
            words += [entry - 16 * n if n % 2 else (1 << 30) + 64 + 16 * n for n in range(64)]
            write(unwind, "program-%d" % number,
                  struct.pack("<H", len(image)) + image + b"\1" + struct.pack("<97I", *(w & 0xFFFFFFFF for w in words)))
    for number, code in enumerate(["770880003f1a3b2a332422", "767806", "92070806", "312ffcff",
                                   "0301000000000000000633", "1234567094089496"]):
        write(cfi, "expression-%d" % number, b"\0" + b"\xff" * 8 + bytes.fromhex(code))


DEBUGGED = """
struct pair { int first, second; };
static inline __attribute__((always_inline)) int twice(int x) { return x * 2 + (x >> 1); }
static inline __attribute__((always_inline)) int both(struct pair p) { return twice(p.first) + twice(p.second); }
__attribute__((noinline)) int f(int n) { int s = 0; for (int i = 0; i < n; i++) s += both((struct pair){i, s}); return s; }
void _start(void) { for (;;) f(3); }
"""
DEBUG_BUILDS = ["gcc -O2 -gdwarf-5", "gcc -O1 -gdwarf-4", "gcc -O2 -gdwarf-3 -ffunction-sections", "clang -O2 -gdwarf-5",
                "clang -O2 -gdwarf-4 -ffunction-sections", "clang -O1 -gline-tables-only"]
DEBUG_SECTIONS = ["info", "abbrev", "line", "str", "line_str", "str_offsets", "addr", "ranges", "rnglists", "aranges"]


def debug_information(directory):
    with tempfile.TemporaryDirectory() as work:
        with open(work + "/a.c", "w") as file:
            file.write(DEBUGGED)
        for number, command in enumerate(DEBUG_BUILDS):
            subprocess.run([*command.split(), "-w", "-nostdlib", "-static", "-ffreestanding", "-Wl,-Ttext=0x1000",
                            "-Wl,--build-id=none", "-o", "a", "a.c"], check=True, cwd=work)
            parts = sections(work + "/a")[1]
            contents = [parts.get(".debug_" + name, b"") for name in DEBUG_SECTIONS]
            write(directory, "debug-%d" % number,
                  struct.pack("<10H", *(len(part) for part in contents)) + b"".join(contents))


def records(directory):
    for path in glob.glob("Tests/PerfFixtures/*.data"):
        with open(path, "rb") as file:
            data = file.read()
        write(directory, os.path.basename(path), data[:8192])
        attributes, _, start, size = struct.unpack_from("<QQQQ", data, 24)
        kind, = struct.unpack_from("<Q", data, attributes + 24)
        registers, = struct.unpack_from("<Q", data, attributes + 80)
        header = struct.pack("<QHI", kind, 64, registers & 0xFFFFFFFF)
        offset, end, number = start, min(start + size, len(data)), 0
        while offset < end and number < 40:
            first = offset
            while offset + 8 <= end and offset - first < 1024:
                length, = struct.unpack_from("<H", data, offset + 6)
                offset += max(length, 8)
            write(directory, "%s-%d" % (os.path.basename(path), number), header + data[first:min(offset, end)])
            number += 1


def zstd(data):
    """A frame of zstd that packs nothing: one raw block behind a header with the size (RFC 8878, 3.1)."""
    return (b"\x28\xb5\x2f\xfd" + b"\xa0" + struct.pack("<I", len(data)) + struct.pack("<I", len(data) << 3 | 1)[:3] + data)


def trace_dat(directory):
    """Small recordings of trace-cmd's form, of the events of a fixture: its own are larger than inputs may be."""
    kernel, size = "Tests/Fixtures/6.1-cloud/", 512
    with open(kernel + "header_page", "rb") as file:
        header = file.read().replace(b"size:4080", b"size:%d" % (size - 16))
    events = ["raw_syscalls.sys_enter", "raw_syscalls.sys_exit", "sched.sched_switch", "task.task_newtask"]
    systems = {}
    for event in events:
        with open(kernel + "formats/" + event, "rb") as file:
            systems.setdefault(event.split(".")[0].encode(), []).append(file.read().split(b"\nprint fmt")[0] + b"\n")

    def sized(text, form="<Q"):
        return struct.pack(form, len(text)) + text

    def page(data):
        """The records of a page that there is room for."""
        time, commit = struct.unpack_from("<QQ", data)
        end = offset = 16
        while offset < 16 + (commit & 0xfffff) and offset + 4 <= size:
            kind = data[offset] & 31
            offset += 8 if kind in (30, 31) else 4 + (struct.unpack_from("<I", data, offset + 4)[0] if kind in (0, 29) else kind * 4)
            end = offset if offset <= size else end
        return struct.pack("<QQ", time, end - 16) + data[16:end].ljust(size - 16, b"\0")

    cpus = []
    for cpu in (0, 1):
        with open(kernel + "mixed/cpu%d.raw" % cpu, "rb") as file:
            data = file.read()
        cpus.append(b"".join(page(data[at:at + 4096]) for at in (0, 4096)))
    info = b"header_page\0" + sized(header) + b"header_event\0" + sized(b"type_len")
    ftrace = struct.pack("<I", 1) + sized(b"name: print\nID: 5\nformat:\n\tfield:int a;\toffset:4;\tsize:4;\n")
    formats = struct.pack("<I", len(systems)) + b"".join(
        name + b"\0" + struct.pack("<I", len(texts)) + b"".join(map(sized, texts)) for name, texts in systems.items())
    symbols, commands = sized(b"ffffffff81000000 T f\n", "<I"), sized(b"1 init\n")
    clock = b"local [mono]\0"
    statistics = b"CPU: 0\noverrun: 3\ndropped events: 0\n\0"
    options = [(4, clock), (5, b"Linux guest 6.1.0 x86_64\0"), (2, statistics), (10, b"1 1 init\n400000 401000 /bin/init\n\0"),
               (8, struct.pack("<I", 2))]

    def option(kind, data):
        return struct.pack("<HI", kind, len(data)) + data

    def start(version):
        return b"\x17\x08\x44tracing" + version + b"\0\0\x08" + struct.pack("<I", size)

    # Version 6, with the records of an instance behind those of the top buffer.
    def version6(at, instance):
        places = b"".join(struct.pack("<QQ", at + number * 2 * size, 2 * size) for number in (0, 1))
        head = start(b"6") + info + ftrace + formats + symbols + sized(b"", "<I") + commands + struct.pack("<I", 2)
        head += b"options  \0" + b"".join(option(*each) for each in options)
        head += (option(3, struct.pack("<Q", instance) + b"other\0") if instance else b"") + b"\0\0"
        return head + b"flyrecord\0" + places + sized(clock)

    write(directory, "version6", version6(len(version6(0, 0)), 0) + b"".join(cpus))
    at = len(version6(0, 1))
    write(directory, "version6-instance", version6(at, at + 4 * size) + b"".join(cpus) + b"flyrecord\0"
          + b"".join(struct.pack("<QQ", at, 0) for _ in cpus) + sized(clock))

    # Version 7: a section of each part, options that say where they are, and the records.
    for name, pack in ((b"none", None), (b"zlib", zlib.compress), (b"zstd", zstd)):
        def section(kind, data):
            if pack:
                packed = pack(data)
                data = struct.pack("<II", len(packed), len(data)) + packed
            return struct.pack("<HHIQ", kind, int(bool(pack)), 0, len(data)) + data

        head = start(b"7") + name + b"\x001\0"
        file = head + bytes(8)
        places = []
        for kind, data in ((16, info), (17, ftrace), (18, formats), (19, symbols), (21, commands)):
            places.append((kind, struct.pack("<Q", len(file))))
            file += section(kind, data)
        records = len(file)
        file += struct.pack("<HHIQ", 3, int(bool(pack)), 0, 4 * size)
        where = []
        for data in cpus:
            if pack:
                chunks = [pack(data[at:at + size]) for at in (0, size)]
                data = struct.pack("<I", 2) + b"".join(struct.pack("<II", len(chunk), size) + chunk for chunk in chunks)
            where.append((len(file), len(data)))
            file += data
        buffer = struct.pack("<Q", records) + b"\0mono\0" + struct.pack("<II", size, 2)
        buffer += b"".join(struct.pack("<IQQ", cpu, *place) for cpu, place in enumerate(where))
        body = b"".join(option(*each) for each in places + options + [(3, buffer)]) + option(0, bytes(8))
        begin = len(file)
        file += struct.pack("<HHIQ", 0, 0, 0, len(body)) + body
        write(directory, "version7-" + name.decode(), head + struct.pack("<Q", begin) + file[len(head) + 8:])


def main():
    root = sys.argv[1]
    pages(root + "/page-fuzzer")
    programs(root + "/cfi-fuzzer", root + "/unwind-fuzzer", root + "/code-fuzzer")
    debug_information(root + "/debug-fuzzer")
    records(root + "/perf-fuzzer")
    trace_dat(root + "/trace-dat-fuzzer")


main()
