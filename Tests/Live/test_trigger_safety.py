"""Triggers do no harm to the target, and what cannot fire is refused: on programs that notice."""
import atexit
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from harness import BINARY, LiveTestCase, Tool, Workload, dynamic_events, run, syscall

SOURCES = pathlib.Path(__file__).resolve().parent / "programs"
FILES = pathlib.Path(tempfile.mkdtemp(prefix="kdelay-safety-"))
atexit.register(shutil.rmtree, FILES)


def built(source, *options, name=None):
    path = FILES / (name or source.split(".")[0])
    if not path.exists():
        compiler = "g++" if source.endswith(".cc") else "gcc"
        subprocess.run([compiler, "-O2", "-g", "-pthread", "-o", path, SOURCES / source, *map(str, options)], check=True)
    return path


class SafetyTestCase(LiveTestCase):
    def refused(self, trigger, *words, pid, status=78, options=()):
        result = run("-p", pid, "--start-trigger", trigger, *options)
        self.check_error(result, words, status)

    def check_error(self, result, words, status=78):
        self.assertEqual(result.status, status, result.err)
        lines = result.err.splitlines()
        self.assertEqual((len(lines), lines[0][:7], lines[1][:2]), (2, "error: ", "  "), result.err)
        for word in words:
            self.assertIn(word, result.err)

    def windows(self, program, start, stop, count, *options, arguments=()):
        """Watches `count` windows of a workload; returns (samples, its answer, the probes, what was said)."""
        with Workload(program, *arguments) as workload:
            more = ["--stop-trigger", stop] if stop else ["--sample-time", "0.000001"]
            tool = Tool("-p", workload.pid, "--start-trigger", start, *more, "--sample-count", count, *options).wait_recording()
            probes = [line for line in dynamic_events().splitlines() if f"_{tool.process.pid} " in line]
            answer = workload.go()
            try:
                result = tool.finish(seconds=10)
            except subprocess.TimeoutExpired:
                result = tool.finish(signal.SIGINT)
            self.assertIsNone(workload.process.poll(), "the target lives")
        return result.samples, answer, probes, result.err


@unittest.skipUnless(platform.machine() == "x86_64", "the programs are x86-64 code")
class Nops(SafetyTestCase):
    program = property(lambda self: built("trigger-safety.c"))

    def test_a_usdt_probe_on_a_nop_of_five_bytes_leaves_results_right(self):
        samples, answer, probes, _ = self.windows(self.program, "u:safety:middle", "u:safety:middle", 1999)
        self.assertEqual((len(samples), answer["wrong"]), (1999, [0] * 8))
        # The counter that the program asks is raised all the same.
        self.assertEqual(answer["semaphore"], 1)
        notes = subprocess.run(["readelf", "-n", self.program], capture_output=True, text=True, check=True).stdout
        (site,) = [int(line.split()[1].rstrip(","), 16) for line in notes.splitlines() if "Location:" in line]
        self.assertIn(f":0x{site + 5:016x}(", probes[0].replace(" ", ""))

    def test_functions_that_begin_with_such_a_nop(self):
        for trigger in ("up:patchable", "up:tracked", "up:tracked+4", "up:again", "ur:patchable", "ur:again"):
            with self.subTest(trigger):
                samples, answer, _, _ = self.windows(self.program, trigger, trigger, 1000)
                self.assertEqual((len(samples), answer["wrong"]), (1000, [0] * 8))

    def test_a_nop_behind_which_something_jumps_is_refused(self):
        with Workload(self.program) as workload:
            self.refused("up:looping+12", "looping+12", "nop of 5 bytes", "a jump leads behind it", "--force", pid=workload.pid)
            tool = Tool("-p", workload.pid, "--start-trigger", "up:looping+12", "--force").wait_recording()
            # What is below the stack pointer may be spoiled now, as the warning says; nothing else is.
            wrong = workload.go()["wrong"]
            self.assertEqual(wrong[:1] + wrong[2:], [0] * 7)
            self.assertIn("warning: looping+12", tool.finish(signal.SIGINT).err)
            self.assertEqual(workload.go()["wrong"], [0] * 8)

    def test_a_label_inside_of_a_function_is_no_function(self):
        samples, answer, _, _ = self.windows(self.program, "up:mark", "up:mark", 1999)
        self.assertEqual((len(samples), answer["wrong"]), (1999, [0] * 8))
        with Workload(self.program) as workload:
            self.refused("up:inside", "1 bytes inside of an instruction of 5 bytes", pid=workload.pid)
            self.refused("ur:mark", "mark in", "a place inside of a function", "up:mark", pid=workload.pid)


@unittest.skipUnless(platform.machine() == "x86_64", "the programs are x86-64 code")
class Instructions(SafetyTestCase):
    def test_what_the_kernel_cannot_probe_is_refused_before_anything_runs(self):
        program = built("trigger-safety.c")
        cases = {"unprobeable+1": "lock prefix", "unprobeable+7": "int3", "unprobeable+8": "hlt",
                 "unprobeable+2": "1 bytes inside of an instruction of 4 bytes", "leaf+2": "inside of an instruction"}
        with Workload(program) as workload:
            for place, words in cases.items():
                with self.subTest(place):
                    self.refused(f"up:{place}", words, pid=workload.pid)
                    result = run("--start-trigger", f"up:{place}", "--", program, 1, "end")
                    self.check_error(result, [words])
                    self.assertNotIn("the end", result.out)
            self.assertEqual(workload.go()["wrong"], [0] * 8)

    def test_an_address_without_a_symbol_is_judged_by_the_call_frame_information(self):
        program = built("trigger-safety.c", "-s", name="stripped")
        symbols = subprocess.run(["nm", built("trigger-safety.c")], capture_output=True, text=True, check=True).stdout
        (leaf,) = [int(line.split()[0], 16) for line in symbols.splitlines() if line.endswith(" T leaf")]
        with Workload(program) as workload:
            self.refused(f"up:{leaf + 1:#x}", "inside of an instruction", pid=workload.pid)
        samples, answer, _, _ = self.windows(program, f"up:{leaf:#x}", f"up:{leaf:#x}", 1999)
        self.assertEqual((len(samples), answer["wrong"]), (1999, [0] * 8))


@unittest.skipUnless(platform.machine() == "x86_64", "returns are seen at their instructions on x86-64")
class Returns(SafetyTestCase):
    def test_ten_thousand_returns_at_ret_instructions_and_at_the_return_address(self):
        program = built("trigger-safety.c")
        seen = {}
        for function, kind, sites in (("returning", "p:", 2), ("leaving", "r", 1)):
            samples, answer, probes, _ = self.windows(program, f"up:{function}", f"ur:{function}", 10_000, arguments=[10_000])
            self.assertEqual(answer["wrong"], [0] * 8)
            own = [line for line in probes if "/stop_" in line]
            self.assertEqual(len(own), sites, own)
            self.assertTrue(all(line.startswith(kind) for line in own), own)
            self.assertEqual(sum(s["loss"]["events"] + s["loss"]["missed_triggers"] for s in samples), 0)
            seen[function] = [sum(syscall(t, "getppid")["count"] for t in s["threads"]) for s in samples]
        # returning() is called by leaving(), too: each of its windows is in a window of that.
        self.assertEqual(seen["leaving"], [1] * 10_000)
        self.assertEqual(seen["returning"], [1] * 10_000)

    def test_exceptions_and_thread_ends_pass_a_function_that_is_watched(self):
        program = built("stack-readers.cc")
        for trigger, count in (("ur:through", 500), ("ur:leave", 1)):
            with self.subTest(trigger):
                samples, answer, _, said = self.windows(program, trigger, None, count)
                # The other 500 calls of through() end by exceptions, the one of leave() with its thread.
                self.assertEqual(len(samples), 500 if trigger == "ur:through" else 0)
                self.assertEqual(answer, {"caught": 500, "cleaned": 1})
                self.assertNotIn("warning: the return", said)

    harms = "an exception that is thrown through it ends the program", "pthread_exit or a cancellation inside it runs no cleanup handlers"

    def test_a_return_probe_in_code_that_throws_and_cancels_is_refused(self):
        for options in ([], ["-static"], ["-static-pie"]):
            with self.subTest(options), Workload(built("stack-readers.cc", *options, name="readers" + "".join(options))) as workload:
                self.refused("ur:jumping", "the return of jumping", *self.harms, "--force", pid=workload.pid)
                tool = Tool("-p", workload.pid, "--start-trigger", "ur:jumping", "--force").wait_recording()
                said = tool.finish(signal.SIGINT).err
                for words in ("warning: the return of jumping", *self.harms):
                    self.assertIn(words, said)

    def test_a_static_program_that_does_neither_is_not_warned_of(self):
        for options in (["-static"], ["-static-pie"]):
            with self.subTest(options), Workload(built("trigger-safety.c", *options, name="safety" + "".join(options))) as workload:
                tool = Tool("-p", workload.pid, "--start-trigger", "ur:leaving").wait_recording()
                # Nothing makes the call; that is all there is to say.
                self.assertNotIn("the return of", tool.finish(signal.SIGINT).err)

    def test_where_only_another_file_can_throw_a_return_probe_is_warned_of(self):
        source = FILES / "tail.c"
        source.write_text("long (*volatile next)(long); long tail(long i) { return next ? next(i) : i; }\n")
        library = FILES / "libtail.so"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        program = built("stack-readers.cc", "-Wl,--no-as-needed", library, f"-Wl,-rpath,{FILES}", name="with-tail")
        with Workload(program) as workload:
            tool = Tool("-p", workload.pid, "--start-trigger", "ur:tail").wait_recording()
            said = tool.finish(signal.SIGINT).err
        for words in ("warning: the return of tail", "other files of the program", *self.harms):
            self.assertIn(words, said)

    def test_a_return_probe_in_a_go_program_is_refused(self):
        program = built("like-go.c")
        with Workload(program) as workload:
            self.refused("ur:leaving", "Go", "computed jump", "--force", pid=workload.pid)
        self.check_error(run("--start-trigger", "ur:leaving", "--", program), ["Go"])
        samples, _, _, said = self.windows(program, "ur:leaving", None, 9, "--force")
        self.assertEqual(len(samples), 9)
        self.assertIn("warning: the return of leaving", said)
        # At its ret instructions nothing is harmed.
        samples, _, _, said = self.windows(program, "ur:returning", None, 9)
        self.assertEqual((len(samples), said), (9, ""))

    def test_a_function_that_never_returns(self):
        with Workload(built("trigger-safety.c")) as workload:
            self.refused("ur:never", "never in", "never returns", pid=workload.pid)


class Mappings(SafetyTestCase):
    def test_code_that_is_not_mapped_from_its_file_is_refused(self):
        program = built("copied-over.c")
        for mode, words in (("copied", "a copy of that code"), ("writable", "mapped writable"), ("shared", "mapped shared")):
            with self.subTest(mode), Workload(program, mode) as workload:
                for kind in ("up", "ur"):
                    self.refused(f"{kind}:work", "work in", "cannot fire", words, pid=workload.pid)
                # The rest of the program is as it was.
                tool = Tool("-p", workload.pid, "--start-trigger", "up:main").wait_recording()
                self.assertNotIn("warning: main", tool.finish(signal.SIGINT).err)
        samples, _, _, _ = self.windows(program, "up:work", "ur:work", 100)
        self.assertEqual(len(samples), 100)

    def test_a_library_that_is_loaded_later_is_warned_of_and_fires(self):
        source = FILES / "later.c"
        source.write_text("#include <unistd.h>\nlong later(void) { return getppid(); }\n")
        library = FILES / "liblater.so"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        script = "import ctypes, sys; print('ready', flush=True); sys.stdin.readline(); ctypes.CDLL(sys.argv[1]).later(); sys.stdin.readline()"
        with subprocess.Popen([sys.executable, "-c", script, library], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as target:
            target.stdout.readline()
            self.refused("up:later", "there is no function later", "loaded later", "up:/PATH:later", pid=target.pid)
            self.refused("up:liblater.so:later", "no file liblater.so mapped", "loaded later", pid=target.pid)
            tool = Tool("-p", target.pid, "--start-trigger", f"up:{library}:later", "--sample-time", 0.01).wait_recording()
            target.stdin.write("\n")
            target.stdin.flush()
            result = tool.finish()
        self.assertEqual(len(result.samples), 1)
        self.assertIn(f"warning: the target has not mapped {library}", result.err)


class Names(SafetyTestCase):
    def library(self, name):
        source = FILES / "named.c"
        source.write_text("#include <unistd.h>\nlong named(void) { return getppid(); }\n")
        path = FILES / name
        path.parent.mkdir(exist_ok=True)
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", path, source], check=True)
        return path

    def fires(self, library, *triggers, before=None, cwd=None):
        """Each trigger is of the library's function, which the target calls at each line."""
        script = "import ctypes, sys; l = ctypes.CDLL(sys.argv[1]); print('ready', flush=True)\nfor _ in sys.stdin: l.named()"
        with subprocess.Popen([sys.executable, "-c", script, library], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as target:
            target.stdout.readline()
            if before:
                before()
            for trigger in triggers:
                with self.subTest(trigger):
                    tool = Tool("-p", target.pid, "--start-trigger", trigger, "--sample-time", 0.01, cwd=cwd).wait_recording()
                    target.stdin.write("\n")
                    target.stdin.flush()
                    self.assertEqual(len(tool.finish(seconds=10).samples), 1)
            listed = subprocess.run([BINARY, "list", "-p", str(target.pid), "named"], capture_output=True, text=True, check=True).stdout
            target.stdin.close()
        return listed.splitlines()

    def test_a_colon_in_a_path(self):
        library = self.library("lib:colon.so")
        self.assertEqual(self.fires(library, f"up:{library}:named", f"ur:{library}:named"), [f"up:{library}:named"])

    def test_a_name_that_ends_as_the_kernel_marks_deleted_files(self):
        library = self.library("libgone.so (deleted)")
        # Another file has the name without the mark.
        (FILES / "libgone.so").write_text("something else")
        self.assertEqual(self.fires(library, f"up:{library}:named", "up:named"), [f"up:{library}:named"])
        self.assertEqual(self.fires(library, "up:named", before=library.unlink), [f"up:{library}:named"])
        # The other way round: the file is gone, and another one has its name with the mark.
        library = self.library("libleft.so")
        (FILES / "libleft.so (deleted)").write_text("something else")
        self.assertEqual(self.fires(library, f"up:{library}:named", before=library.unlink), [f"up:{library}:named"])

    def test_names_without_a_path(self):
        library = self.library("libnamed.so.1.2")
        self.fires(library, "up:libnamed.so.1.2:named", "up:libnamed.so.1:named", "up:libnamed:named", f"up:{FILES.name}/libnamed.so.1.2:named")
        self.fires(library, "up:./libnamed.so.1.2:named", cwd=FILES)

    def test_what_a_library_only_used_to_have_leads_to_the_one_that_has_it(self):
        with Workload(built("stack-readers.cc")) as workload:
            for name in ("libpthread.so.0", "/lib/x86_64-linux-gnu/libpthread.so.0"):
                if not name.startswith("/") or os.path.exists(name):
                    self.refused(f"up:{name}:pthread_create", "libc.so.6:pthread_create", pid=workload.pid)
            tool = Tool("-p", workload.pid, "--start-trigger", "up:libc.so.6:pthread_create", "--sample-time", 0.01).wait_recording()
            workload.go()
            self.assertEqual(len(tool.finish().samples), 1)

    def test_two_libraries_of_one_name(self):
        first, second = self.library("one/libsame.so"), self.library("two/libsame.so")
        script = "import ctypes, sys; l = [ctypes.CDLL(a) for a in sys.argv[1:]]; print('ready', flush=True); sys.stdin.readline()"
        with subprocess.Popen([sys.executable, "-c", script, first, second], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as target:
            target.stdout.readline()
            self.refused("up:libsame.so:named", "2 files", str(first), str(second), pid=target.pid)
            tool = Tool("-p", target.pid, "--start-trigger", "up:two/libsame.so:named").wait_recording()
            self.assertEqual(tool.finish(signal.SIGINT).status, 0)
            target.stdin.close()


class Lists(SafetyTestCase):
    def test_what_is_listed_is_accepted(self):
        for number in (1, 2):
            (FILES / f"same{number}.c").write_text(
                "#include <unistd.h>\n__attribute__((noinline)) static void twice(void) { getppid(); }\n"
                f"void call{number}(void) {{ twice(); }}\n"
                + ("void call2(void);\nint main(void) { for (;;) { usleep(1000); call1(); call2(); } }\n" if number == 1 else ""))
        program = FILES / "ambiguous"
        subprocess.run(["gcc", "-O2", "-o", program, FILES / "same1.c", FILES / "same2.c"], check=True)
        with subprocess.Popen([program]) as target:
            try:
                lines = subprocess.run([BINARY, "list", "-p", str(target.pid), "up:*"], capture_output=True, text=True,
                                       check=True).stdout.splitlines()
                twice = [line for line in lines if line.endswith("\ttwice")]
                self.assertEqual([line[:5] for line in twice], ["up:0x"] * 2, twice)
                # Any of the C library's, and what can be ambiguous there.
                some = [line for line in lines if ".so" in line][::500] + [line for line in lines if ".so" in line and ":0x" in line][:3]
                self.assertGreater(len(some), 5)
                for line in some:
                    with self.subTest(line):
                        tool = Tool("-p", target.pid, "--start-trigger", line.split("\t")[0]).wait_recording()
                        self.assertEqual(tool.finish(signal.SIGINT).status, 0)
                for line in twice:
                    result = run("-p", target.pid, "--start-trigger", line.split("\t")[0], "--sample-time", 0.001)
                    self.assertEqual(len(result.samples), 1)
            finally:
                target.kill()
