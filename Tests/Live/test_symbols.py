"""Functions and probes are found, and fire, in every kind of file that a program's code can be in."""
import atexit
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from harness import BINARY, LiveTestCase, ROOT, Tool, Workload, run, syscall

SOURCES = [ROOT / "Tests/Workloads" / name for name in ("trigger-windows.c", "workload.c")]
CALLS, WINDOWS = 25, 8


FILES = pathlib.Path(tempfile.mkdtemp(prefix="kdelay symbols "))
atexit.register(shutil.rmtree, FILES)


def compile_c(name, *flags, sources=SOURCES, compiler="gcc"):
    path = FILES / name
    subprocess.run([compiler, "-O2", "-g", "-pthread", "-o", path, *sources, *flags], check=True)
    return path


@functools.cache
def plain():
    return compile_c("plain")


@functools.cache
def library():
    source = FILES / "library.cc"
    source.write_text(LIBRARY)
    return compile_c("libdelay.so", "-shared", "-fPIC", sources=[source], compiler="g++")


def without_symbols(path, *more):
    subprocess.run(["strip", *more, path], check=True)
    return path


class SymbolTestCase(LiveTestCase):
    def fires(self, program, start="up:window_begin", stop="up:window_end", before=None, **options):
        """Each window between two functions of `program` has what it should have."""
        with Workload(program, CALLS, WINDOWS, **options) as workload:
            if before:
                before(workload)
            tool = Tool("-p", workload.pid, "--start-trigger", start, "--stop-trigger", stop, "--sample-count", WINDOWS).wait_recording()
            workload.go()
            samples = tool.finish().samples
        self.assertEqual([sum(syscall(t, "getppid")["count"] for t in s["threads"]) for s in samples], [CALLS] * WINDOWS)

    def refused(self, trigger, status, *words, pid=None):
        result = run("-p", pid or os.getpid(), "--start-trigger", trigger)
        self.assertEqual(result.status, status, result.err)
        lines = result.err.splitlines()
        self.assertEqual((len(lines), lines[0][:7], lines[1][:2]), (2, "error: ", "  "), result.err)
        for word in words:
            self.assertIn(word, result.err)


class Programs(SymbolTestCase):
    def test_position_independent_and_not_dynamic_and_static(self):
        for name, flags in {"pie": ["-fPIE", "-pie"], "fixed": ["-fno-pie", "-no-pie"], "static": ["-static"],
                            "static-pie": ["-static-pie", "-fPIE"]}.items():
            with self.subTest(name):
                program = compile_c(name, *flags)
                self.fires(program)
                self.fires(program, "u:kdelay:begin", "u:kdelay:end")

    def test_stripped_with_exported_functions(self):
        self.fires(without_symbols(compile_c("exported", "-rdynamic")))

    def test_stripped_with_a_debug_file_by_its_link(self):
        program = compile_c("linked", "-Wl,--build-id=none")
        subprocess.run(["objcopy", "--only-keep-debug", program, f"{program}.debug"], check=True)
        without_symbols(program)
        subprocess.run(["objcopy", f"--add-gnu-debuglink={program}.debug", program], check=True, cwd=FILES)
        self.fires(program)

    def test_stripped_with_a_debug_file_by_its_build_id(self):
        program = compile_c("identified", "-Wl,--build-id=0xfeedfacefeedfacefeedfacefeedface0badcafe")
        place = pathlib.Path("/usr/lib/debug/.build-id/fe/edfacefeedfacefeedfacefeedface0badcafe.debug")
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(["objcopy", "--only-keep-debug", program, place], check=True)
            self.fires(without_symbols(program))
        finally:
            place.unlink(missing_ok=True)

    def test_stripped_with_its_functions_in_gnu_debugdata(self):
        program = compile_c("packed")
        packed = FILES / "packed.mini"
        subprocess.run(["objcopy", "-S", "--remove-section", ".comment", "--keep-symbol=window_begin", "--keep-symbol=window_end",
                        program, packed], check=True)
        subprocess.run(["xz", "-f", packed], check=True)
        without_symbols(program)
        subprocess.run(["objcopy", f"--add-section=.gnu_debugdata={packed}.xz", program], check=True)
        self.fires(program)

    def test_a_file_that_was_deleted_or_replaced_while_it_runs(self):
        program = compile_c("gone")
        self.fires(program, before=lambda _: program.unlink())
        program = compile_c("replaced")

        def replace(_):
            program.unlink()
            program.write_text("something else")
        self.fires(program, before=replace)

    def test_another_mount_namespace(self):
        # The program is in a file system that only the target sees.
        place = FILES / "private"
        place.mkdir()
        command = f'mount -t tmpfs none "{place}" && cp "{plain()}" "{place}/inside" && exec "{place}/inside" {CALLS} {WINDOWS}'
        script = FILES / "enter"
        script.write_text(f"#!/bin/sh\nexec unshare -m sh -c '{command}'\n")
        script.chmod(0o755)
        self.fires(script)
        self.fires(script, f"up:{place}/inside:window_begin", f"up:{place}/inside:window_end")

    def test_an_instruction_inside_a_function(self):
        # The nops of the USDT probes are instructions of the worker's body; any of them is the start of one.
        notes = subprocess.run(["readelf", "-n", plain()], capture_output=True, text=True, check=True).stdout
        location = [int(line.split()[1].rstrip(","), 16) for line in notes.splitlines() if "Location:" in line][0]
        symbols = subprocess.run(["nm", "-S", plain()], capture_output=True, text=True, check=True).stdout
        name, start = [(f[3], int(f[0], 16)) for f in map(str.split, symbols.splitlines())
                       if len(f) == 4 and f[2] in "tT" and int(f[0], 16) <= location < int(f[0], 16) + int(f[1], 16)][0]
        with Workload(plain(), CALLS, WINDOWS) as workload:
            for place in (f"{name}+{location - start}", f"{name}+{location - start:#x}", f"{location:#x}"):
                self.assertEqual(self.probed_address(workload, f"up:{place}"), location)
            self.refused(f"up:{name}+99999", 78, "bytes, so that +99999 is outside it", pid=workload.pid)

    def probed_address(self, workload, trigger):
        """The file offset that the kernel is told, which for this file's code is the address."""
        tool = Tool("-p", workload.pid, "--start-trigger", trigger).wait_recording()
        try:
            mine = [line for line in open("/sys/kernel/tracing/dynamic_events") if f"start_{tool.process.pid} " in line]
            return int(mine[0].split(":")[-1], 16)
        finally:
            tool.finish(signal.SIGINT)

    def test_a_command_is_resolved_before_it_runs(self):
        result = run("--start-trigger", "up:window_begin", "--stop-trigger", "u:kdelay:end", "--sample-count", WINDOWS, "--",
                     plain(), CALLS, WINDOWS, stdin=subprocess.DEVNULL)
        self.assertEqual(len(result.samples), WINDOWS)
        # A function of a library that the dynamic loader has not loaded yet.
        result = run("--start-trigger", "up:prctl", "--sample-time", 0.05, "--", plain(), CALLS, WINDOWS, stdin=subprocess.DEVNULL)
        self.assertEqual(len(result.samples), 1)


LIBRARY = r"""
#include <unistd.h>
#include <sys/syscall.h>
namespace delay { struct Window { __attribute__((noinline)) static long open(int calls) {
    long sum = 0;
    for (int i = 0; i < calls; i++) sum += syscall(SYS_getppid);
    return sum; } }; }
extern "C" long windows(int calls, int count) {
    long sum = 0;
    for (int i = 0; i < count; i++) { syscall(SYS_getuid); sum += delay::Window::open(calls); }
    return sum;
}
"""
# ctypes: a library that is loaded by dlopen, long after the program's start.
CALLER = "import ctypes, sys; l = ctypes.CDLL(sys.argv[1]); print('ready', flush=True); sys.stdin.readline(); l.windows(25, 8)"


class Libraries(SymbolTestCase):
    def python(self, *triggers):
        with subprocess.Popen([sys.executable, "-c", CALLER, library()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as target:
            target.stdout.readline()
            tool = Tool("-p", target.pid, "--start-trigger", triggers[0], "--stop-trigger", triggers[1], "--sample-count", 8).wait_recording()
            target.stdin.write("\n")
            target.stdin.close()
            target.wait()
            return tool.finish().samples

    def test_a_library_that_python_loaded(self):
        for name in ("delay::Window::open(int)", "delay::Window::open", "_ZN5delay6Window4openEi", f"{library()}:delay::Window::open"):
            with self.subTest(name):
                samples = self.python(f"up:{name}", f"ur:{name}")
                self.assertEqual([syscall(s["threads"][0], "getppid")["count"] for s in samples], [25] * 8)

    def test_swift_names(self):
        source = FILES / "main.swift"
        source.write_text("""
            import Glibc
            struct Window {
              @inline(never) func open(calls: Int) { for _ in 0..<calls { _ = getppid() } }
            }
            setvbuf(stdout, nil, _IOLBF, 0)
            print("ready", getpid())
            _ = readLine()
            for _ in 0..<8 { Window().open(calls: 25) }
            print("{}")
            while readLine() != nil {}
            """)
        program = FILES / "delay-swift"
        subprocess.run(["swiftc", "-Onone", "-module-name", "delay", "-o", program, source], check=True, cwd=FILES)
        names = subprocess.run(f"nm '{program}' | grep -o '\\$s5delay6WindowV4open.*' | head -1 | tee /dev/stderr | swift demangle",
                               shell=True, capture_output=True, text=True, check=True)
        mangled, demangled = names.stderr.strip(), names.stdout.strip().split(" ---> ")[-1]
        for name in (mangled, demangled):
            with self.subTest(name), Workload(program) as workload:
                tool = Tool("-p", workload.pid, "--start-trigger", f"up:{name}", "--stop-trigger", f"ur:{name}", "--sample-count", 8).wait_recording()
                workload.go()
                samples = tool.finish().samples
                self.assertEqual([syscall(s["threads"][0], "getppid")["count"] for s in samples], [25] * 8)


class Refusals(SymbolTestCase):
    def test_what_cannot_be_found_says_what_is_near(self):
        with Workload(plain(), 1, 1) as workload:
            self.refused("up:windowbegin", 78, "the nearest are", "window_begin", pid=workload.pid)
            self.refused("u:kdelay:began", 78, "it has begin, end", pid=workload.pid)
            self.refused("u:kdela:begin", 78, "no USDT provider kdela", "kdelay", pid=workload.pid)
            self.refused("up:/no/such/file:f", 78, "/no/such/file", pid=workload.pid)

    def test_local_functions_of_one_name(self):
        for number in (1, 2):
            (FILES / f"same{number}.c").write_text(
                "#include <unistd.h>\n__attribute__((noinline)) static void twice(void) { pause(); }\n"
                f"void call{number}(void) {{ twice(); }}\n" + ("int main(void) { for (;;) pause(); call1(); call2(); }\n" if number == 1 else ""))
        program = compile_c("ambiguous", "-Wno-implicit-function-declaration", sources=[FILES / "same1.c", FILES / "same2.c"])
        with subprocess.Popen([program]) as target:
            try:
                self.refused("up:twice", 78, "2 functions of", "same1.c", "same2.c", "0x", pid=target.pid)
            finally:
                target.kill()

    def test_a_function_that_the_loader_chooses(self):
        self.refused("up:/lib/x86_64-linux-gnu/libc.so.6:memcpy", 78, "(an IFUNC)", "__memcpy_avx")

    def test_files_that_are_no_use(self):
        data = plain().read_bytes()
        files = {
            "text": (b"text", "is not an ELF file"),
            "empty": (b"", "is not an ELF file"),
            "cut": (data[: len(data) // 2], "truncated"),
            "foreign": (data[:18] + b"\xf3\x00" + data[20:], "another kind of machine"),
        }
        directory = pathlib.Path(tempfile.mkdtemp())
        try:
            for name, (content, words) in files.items():
                (directory / name).write_bytes(content)
                with self.subTest(name):
                    self.refused(f"up:{directory}/{name}:main", 78, words, f"{directory}/{name}")
                    self.refused(f"u:{directory}/{name}:a:b", 78, words)
            os.mkfifo(directory / "pipe")
            self.refused(f"up:{directory}/pipe:main", 78, "not a regular file")
            self.refused(f"up:{directory}:main", 78, "not a regular file")
        finally:
            shutil.rmtree(directory)

    def test_what_is_no_trigger(self):
        for trigger in ("x:y", "main", "t:a", "u:a", "u:a:b:c", "k:", "kr:f+4", "up:"):
            with self.subTest(trigger):
                self.refused(trigger, 78, f"bad start trigger '{trigger}'")

    def test_what_the_kernel_refuses(self):
        self.refused("t:no:such", 71, "no event no:such")
        self.refused("t:sched:sched_switch if nothing == 1", 71, "Field not found")
        if not os.path.exists("/sys/kernel/tracing/kprobe_events"):
            self.refused("k:vfs_read", 71, "CONFIG_KPROBE_EVENTS")


class List(SymbolTestCase):
    def lines(self, *arguments):
        result = subprocess.run([BINARY, "list", *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.splitlines()

    def test_what_is_listed_can_be_a_trigger(self):
        with Workload(plain(), 1, 1) as workload:
            self.assertEqual(self.lines("-p", workload.pid, "u:*"), ["u:kdelay:begin", "u:kdelay:end"])
            self.assertEqual(self.lines("-p", workload.pid, "window*"), ["up:window", "up:window_begin", "up:window_end"])
            names = set(subprocess.run(f"nm '{plain()}' | awk '$2 ~ /[tT]/ {{ print $3 }}'", shell=True, capture_output=True,
                                       text=True, check=True).stdout.split())
            own = {line[3:] for line in self.lines("-p", workload.pid, "up:*") if not line.startswith("up:/")}
            self.assertEqual(own & names, own)
            self.assertLessEqual({"main", "window", "body", "workers_start"}, own)
            (libc,) = [line for line in self.lines("-p", workload.pid, "getppid") if line.startswith("up:/")]
            self.assertTrue(libc.endswith("/libc.so.6:getppid"), libc)
            for trigger in ("u:kdelay:begin", "up:window", libc, "t:sched:sched_switch"):
                tool = Tool("-p", workload.pid, "--start-trigger", trigger).wait_recording()
                self.assertEqual(tool.finish(signal.SIGINT).status, 0)

    def test_tracepoints_and_json(self):
        events = open("/sys/kernel/tracing/available_events").read().split()
        own = [f"t:{event}" for event in events if not event.startswith("kdelay_")]
        self.assertEqual([line for line in self.lines("t:*") if not line.startswith("t:kdelay_")], sorted(own))
        (entry,) = map(json.loads, self.lines("sched:sched_switch", "--format", "json"))
        self.assertEqual(entry, {"trigger": "t:sched:sched_switch", "kind": "tracepoint", "path": None, "name": "sched:sched_switch",
                                 "demangled": None})

    def test_a_reader_that_has_seen_enough(self):
        result = subprocess.run(f"'{BINARY}' list | head -3", shell=True, capture_output=True, text=True)
        self.assertEqual((len(result.stdout.splitlines()), result.stderr), (3, ""))

    def test_no_such_process(self):
        result = subprocess.run([BINARY, "list", "-p", "4194305"], capture_output=True, text=True)
        self.assertEqual(result.returncode, 69)
