"""Slow syscalls with their stacks and waits: against programs that know what they did, and against gdb."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import gdb_peer
from harness import LiveTestCase, Tool, WORKLOADS, Workload, run, wait_until

SOURCES = pathlib.Path(__file__).resolve().parent / "programs"


def symbols(event):
    return [gdb_peer.plain(f["symbol"]) for f in event["user_stack"]]


def kernel(event):
    return [f["symbol"] for f in event["kernel_stack"]]


def states(pid):
    """What /proc says of a process's threads."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return {(task / "stat").read_text().rpartition(") ")[2][0] for task in tasks}


@contextlib.contextmanager
def built(source, *options, name="program", compiler="gcc"):
    """A directory with the program in it."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / name
        subprocess.run([compiler, "-O2", "-fomit-frame-pointer", "-pthread", "-o", path, SOURCES / source, *map(str, options)], check=True)
        yield path


@contextlib.contextmanager
def standing(command, **options):
    """A process that has said that it stands; killed at the end."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, **options)
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.05)
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def check_drops(test, calls, least, *options, **how):
    """Nobody reads the samples of so many calls: at least so many are lost, and told."""
    with Workload("spin-syscalls", calls, 0) as workload:
        tool = Tool("-p", workload.pid, "-s", "--sample-time", 100, *options, **how).wait_recording()
        tool.signal(signal.SIGSTOP)
        workload.go()
        tool.signal(signal.SIGCONT)
        sample = tool.finish(signal.SIGINT, 60).sample
    test.assertEqual(sample["loss"]["events"], 0)
    lost = [e for e in sample["syscall_events"] if e["user_stack_end"] == "lost"]
    test.assertEqual(sample["loss"]["stacks_missing"], len(lost))
    test.assertGreater(len(lost), least)
    test.assertGreaterEqual(sample["loss"]["stack_samples"], len(lost) - 100)


class Coverage(LiveTestCase):
    def test_every_slow_syscall_has_the_stack_of_the_function_that_made_it(self):
        rounds = 25
        for threshold in (100_000, 250_000):
            with self.subTest(threshold=threshold), Workload("slow-syscalls", rounds) as workload:
                tool = Tool("-p", workload.pid, "-s", threshold, "--sample-time", 100).wait_recording()
                workload.go()
                sample = tool.finish(signal.SIGINT).sample
                self.check_sample(sample)
                events = [e for e in sample["syscall_events"] if {"all_kinds", "compete"} & set(symbols(e))]
                outside = [e for e in sample["syscall_events"] if e not in events]
                self.assertEqual({e["name"] for e in outside} - {"clone3", "futex", "read", "write", "mmap", "mprotect", "munmap", "madvise", "exit"}, set())
                self.assertEqual({e["user_stack_end"] for e in sample["syscall_events"]}, {"complete"})
                self.assertEqual((sample["loss"]["stack_samples"], sample["loss"]["stacks_missing"]), (0, 0))
                count = lambda name, function: sum(e["name"] == name and function in symbols(e) for e in events)
                # Of two threads; what is certain to take longer than the thresholds.
                self.assertEqual(count("clock_nanosleep", "all_kinds"), 4 * rounds)
                self.assertEqual(count("read", "all_kinds"), 2 * rounds)
                self.assertGreaterEqual(count("getrandom", "all_kinds"), 4 * rounds)
                self.assertEqual(count("getrandom", "compete"), 2 * rounds)
                for event in events:
                    self.assertIn(symbols(event)[-1], ("_start", "clone3", "__GI___clone3", "__clone3", "clone"))
                    if event["name"] == "clock_nanosleep":
                        self.assertTrue([s for s in kernel(event) if s and "nanosleep" in s], event)
                    if event["name"] == "read":
                        self.assertTrue([s for s in kernel(event) if s and re.search("fault|read|zero|clear", s)], kernel(event))

    def test_several_samples(self):
        with Workload("known-answer", 40_000, 600) as workload:
            tool = Tool("-p", workload.pid, "-s", 1_000_000, "--sample-count", 4, "--sample-time", 0.3, "--sample-interval", 0.1).wait_recording()
            workload.go()
            samples = tool.finish().samples
        self.assertEqual(len(samples), 4)
        for sample in samples:
            self.check_sample(sample)
            self.assertEqual((sample["loss"]["stack_samples"], sample["loss"]["stacks_missing"]), (0, 0))
            self.assertEqual({e["user_stack_end"] for e in sample["syscall_events"]} - {"complete"}, set())
            sleeps = [e for e in sample["syscall_events"] if e["name"] == "clock_nanosleep"]
            self.assertTrue(all("clocked" in symbols(e) and kernel(e)[0] == "__schedule" for e in sleeps), sleeps[:1])
            self.assertTrue(all(sample["window"]["start_ns"] <= e["entry_ns"] <= e["exit_ns"] <= sample["window"]["stop_ns"] for e in sample["syscall_events"]))
        # Of two milliseconds each.
        self.assertGreater(sum(e["name"] == "clock_nanosleep" for s in samples[1:3] for e in s["syscall_events"]), 100)

    def test_windows_between_triggers(self):
        calls, windows = 50, 40
        with Workload("trigger-windows", calls, windows, 2) as workload:
            tool = Tool("-p", workload.pid, "--start-trigger", "up:window_begin", "--stop-trigger", "up:window_end", "--sample-count", windows, "-s").wait_recording()
            workload.go()
            samples = tool.finish().samples
        self.assertEqual(len(samples), windows)
        for sample in samples:
            self.check_sample(sample)
            own = [e for e in sample["syscall_events"] if e["name"] == "getppid"]
            self.assertEqual(len(own), calls)
            self.assertEqual({e["user_stack_end"] for e in own}, {"complete"})
            self.assertTrue(all("window" in symbols(e) for e in own))
            # The other thread may wait for its turn from begin to end in it.
            self.assertLessEqual({e["name"] for e in sample["syscall_events"]}, {"getppid", "futex"})

    def test_a_command_from_its_first_instruction_to_its_end(self):
        sample = run("-s", 100_000, "--", WORKLOADS / "slow-syscalls", 3, stdin=subprocess.DEVNULL).sample
        self.check_sample(sample)
        sleeps = [e for e in sample["syscall_events"] if e["name"] == "clock_nanosleep"]
        self.assertEqual(len(sleeps), 12)
        for event in sample["syscall_events"]:
            self.assertNotIn(event["user_stack_end"], ("lost", "not kept", "not sampled"), event["name"])
        self.assertTrue(all("all_kinds" in symbols(e) for e in sleeps))

    def test_five_hundred_threads(self):
        with Workload("many-threads", 500) as workload:
            workload.go()
            tool = Tool("-p", workload.pid, "-s", 1_000_000, "--sample-time", 100).wait_recording()
            # A stop ends what each of them waits in; it begins anew, and ends by the second stop.
            for _ in range(2):
                for number, state in ((signal.SIGSTOP, "T"), (signal.SIGCONT, "S")):
                    os.kill(workload.pid, number)
                    wait_until(lambda: states(workload.pid) == {state}, f"all threads are {state}")
            sample = tool.finish(signal.SIGINT, 60).sample
        self.check_sample(sample)
        slow = [e for e in sample["syscall_events"] if e["name"] == "futex"]
        self.assertGreaterEqual(len({e["tid"] for e in slow}), 500)
        self.assertEqual({e["user_stack_end"] for e in slow}, {"complete"})
        # One stack, but for the main thread's.
        self.assertLessEqual(len({tuple(f["address"] for f in e["user_stack"]) for e in slow}), 3)


class Waits(LiveTestCase):
    def test_what_a_syscall_waited_for_and_who_woke_it(self):
        with Workload("known-answer", 2000, 20) as workload:
            tool = Tool("-p", workload.pid, "-s", "--stack-trace-size", 0, "--sample-time", 100).wait_recording()
            answer = workload.go()
            sample = tool.finish(signal.SIGINT).sample
        self.check_sample(sample)
        tids = {t["comm"]: t["tid"] for t in answer["threads"]}
        sleeps = [w for e in sample["syscall_events"] if e["tid"] == tids["sleeper"] and e["name"] == "clock_nanosleep" for w in e["waits"]]
        timers = [w for w in sleeps if w["waker"]]
        self.assertEqual({w["waker"]["context"] for w in timers}, {"hard interrupt"})
        self.assertTrue(all(w["blocked_ns"] >= 2_000_000 for w in timers))
        self.assertEqual({w["state"] for w in timers}, {"interruptible"})
        # Two threads that wake each other.
        for own, other in (("ping", "pong"), ("pong", "ping")):
            waits = [w for e in sample["syscall_events"] if e["tid"] == tids[own] and e["name"] == "futex" for w in e["waits"] if w["waker"]]
            self.assertGreater(len(waits), 100)
            by_other = [w for w in waits if w["waker"]["tid"] == tids[other] and w["waker"]["comm"] == other]
            # The first and the last handshake is with the main thread.
            self.assertGreaterEqual(len(by_other), len(waits) - 4)
            self.assertEqual({w["waker"]["context"] for w in by_other}, {"task"})
        for event in sample["syscall_events"]:
            spans = [(w["start_ns"], w["start_ns"] + w["blocked_ns"] + w["ready_ns"]) for w in event["waits"]]
            edges = [event["entry_ns"], *[edge for span in spans for edge in span], event["exit_ns"]]
            self.assertEqual(edges, sorted(edges), event)

    def test_the_waker_of_another_process_has_its_name(self):
        with Workload("known-answer", 10, 1) as workload:
            tool = Tool("-p", workload.pid, "-s", 1_000_000, "--sample-time", 100).wait_recording()
            workload.go()
            time.sleep(0.2)
            # This process ends the read that the program waits in by now.
            workload.close()
            sample = tool.finish().sample
        read = [e for e in sample["syscall_events"] if e["name"] == "read" and e["tid"] == workload.pid and e["waits"]][-1]
        # Where the kernel did not record that it ran again, its wake-up was.
        self.assertEqual(read["waits"][-1]["waker"], {"context": "task", "tid": threading.get_native_id(), "comm": pathlib.Path("/proc/thread-self/comm").read_text().strip()})

    def test_text_has_a_section_of_waits(self):
        out = run("-s", 1_000_000, "--", WORKLOADS / "slow-syscalls", 2, json_report=False, stdin=subprocess.DEVNULL).out
        section = out.split("# SYSCALL WAITS")[1].split("\n\n")[0]
        self.assertRegex(section, r"clock_nanosleep: [\d,]+ ns on a CPU( or unknown)?, [\d,]+ ns blocked, [\d,]+ ns ready\n")
        self.assertRegex(section, r" +1 x  blocked +[\d,]+ ns  ready +[\d,]+ ns  max +[\d,]+ ns  slept \(S\) in \S*nanosleep.*, woken by a hard interrupt")


class Options(LiveTestCase):
    def sample(self, *options):
        return run("-s", 1_000_000, *options, "--", WORKLOADS / "slow-syscalls", 2, stdin=subprocess.DEVNULL).sample

    def test_without_kernel_stacks(self):
        events = self.sample("--no-kernel-stacks")["syscall_events"]
        self.assertTrue(events and all(not e["kernel_stack"] for e in events))
        self.assertTrue(any("all_kinds" in symbols(e) for e in events))

    def test_without_user_stacks(self):
        events = self.sample("--user-stacks", "none")["syscall_events"]
        self.assertTrue(events and all(not e["user_stack"] and e["user_stack_end"] == "not sampled" for e in events))
        self.assertTrue(all(e["kernel_stack"] for e in events))

    def test_along_frame_pointers(self):
        with built("deep-stacks.c", SOURCES / "library.c", "-fno-omit-frame-pointer") as program, standing([program, "alloca"]) as pid:
            tool = Tool("-p", pid, "-s", 1000, "--sample-time", 100, "--user-stacks", "fp").wait_recording()
            gdb_peer.gdb(pid)
            gdb_peer.gdb(pid)
            sample = tool.finish(signal.SIGINT).sample
        self.assertTrue(any("frame pointers" in note for note in sample["stack_notes"]))
        deepest = max(sample["syscall_events"], key=lambda e: len(e["user_stack"]))
        self.assertEqual(deepest["user_stack_end"], "frame pointers")
        self.assertEqual(symbols(deepest).count("with_alloca"), 6)
        self.assertTrue(all(f["guessed"] for f in deepest["user_stack"] if not f["inlined"]))

    def test_few_bytes_and_few_frames(self):
        truncated = [e for e in self.sample("--stack-dump-size", 64)["syscall_events"] if e["name"] == "clock_nanosleep"]
        self.assertEqual({e["user_stack_end"] for e in truncated}, {"truncated"})
        limited = [e for e in self.sample("--max-stack", 2)["syscall_events"] if e["name"] == "clock_nanosleep"]
        self.assertEqual({(e["user_stack_end"], len(gdb_peer.physical(e))) for e in limited}, {("depth limit", 2)})

    def test_what_is_more_than_the_stacks_that_are_kept_is_told(self):
        out = run("-s", 1_000_000, "--stack-trace-size", 1, "--", WORKLOADS / "slow-syscalls", 2, json_report=False, stdin=subprocess.DEVNULL).out
        self.assertRegex(out, r"# WARNING: We were not able to display \d+ stack traces!\n#          \d+: more distinct stacks than are kept; use a larger --stack-trace-size\.")
        self.assertIn("[no stack: there are more than --stack-trace-size]", out)

    def test_what_the_kernel_drops_is_told(self):
        # Of 9 KiB each.
        check_drops(self, 200_000, 150_000)

    def test_little_memory_may_be_locked(self):
        # Without the capability to exceed it, 8 MiB are a usual limit, and kernel.perf_event_mlock_kb half a MiB a CPU.
        sample = run("-s", 1_000_000, "--", WORKLOADS / "slow-syscalls", 2, stdin=subprocess.DEVNULL,
                     under=["prlimit", "--memlock=8388608", "setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock", "--"]).sample
        self.assertEqual(sample["stack_notes"], [])
        self.assertTrue(all(e["user_stack_end"] != "frame pointers" for e in sample["syscall_events"]))

    def test_groups_hold_all_events(self):
        out = run("-s", 100_000, "--group-stacks", "--", WORKLOADS / "slow-syscalls", 5, json_report=False, stdin=subprocess.DEVNULL).out
        head = re.search(r"# SYSCALL EVENTS by syscall and user stack, most time first \((\d+) events, (\d+) groups; --no-group-stacks lists each\):", out)
        section = out[head.end():].split("# SYSCALL LATENCY")[0]
        rows = re.findall(r"^  (.{8}) (.{15}) (.{12}) (.{19}) (.{10}) (.{16})  (\w+)$", section, re.M)[1:]
        self.assertEqual((sum(int(r[0]) for r in rows), len(rows)), (int(head[1]), int(head[2])))
        totals = [int(r[1].replace(",", "")) for r in rows]
        self.assertEqual(totals, sorted(totals, reverse=True))
        self.assertTrue(all(int(r[2].replace(",", "")) <= t for r, t in zip(rows, totals)))


class AgainstGDB(LiveTestCase):
    """The stacks of standing processes are gdb's, frame for frame, innermost to _start or clone."""

    def check(self, pid, guesses=0, names=True):
        compared = gdb_peer.compare(pid)
        self.assertTrue(compared)
        for tid, event, frames, error in compared:
            self.assertIsNotNone(event, (tid, frames))
            own = gdb_peer.physical(event)
            self.assertEqual([f["address"] for f in own], [a for a, _ in frames],
                             f"{[f['symbol'] for f in own]}\n{[n for _, n in frames]}")
            self.assertEqual(event["user_stack_end"], "complete")
            self.assertLessEqual(sum(f["guessed"] for f in event["user_stack"]), guesses)
            if names:
                for frame, (_, expected) in zip(own, frames):
                    # A C library's functions have several names.
                    if frame["module"] == "libc.so.6" or "_" in (expected[0], (frame["symbol"] or "_")[0]) or expected == "-":
                        continue
                    self.assertEqual(gdb_peer.plain(frame["symbol"]), gdb_peer.plain(expected))

    def test_ways_of_being_deep_in_a_stack(self):
        with built("deep-stacks.c", SOURCES / "library.c") as program:
            for how in ("deep", "alloca", "qsort", "library", "signal", "fault", "badcall", "noreturn"):
                with self.subTest(how=how), standing([program, how]) as pid:
                    # Called at address 0, there is nothing to go by.
                    self.check(pid, guesses=1 if how == "badcall" else 0)

    def test_builds(self):
        builds = {
            "O3, static": ["-O3", "-static"], "static-pie": ["-static-pie"], "no .eh_frame_hdr": ["-Wl,--no-eh-frame-hdr"],
            ".debug_frame alone": ["-g", "-fno-asynchronous-unwind-tables"],
        }
        for name, options in builds.items():
            with built("deep-stacks.c", SOURCES / "library.c", *options) as program:
                for how in ("aligned", "thread"):
                    with self.subTest(build=name, how=how), standing([program, how]) as pid:
                        self.check(pid)

    def test_cxx(self):
        with built("deep-stacks.cc", compiler="g++") as program:
            for how in ("destructor", "lambda"):
                with self.subTest(how=how), standing([program, how]) as pid:
                    self.check(pid)

    def test_stripped_with_a_small_symbol_table(self):
        with built("deep-stacks.c", SOURCES / "library.c", "-g") as program:
            script = """
                nm "$1" --format=posix --defined-only | awk '$2 == "T" || $2 == "t" { print $1 }' | sort > functions
                objcopy -S --keep-symbols=functions "$1" mini
                xz mini
                strip "$1"
                objcopy --add-section .gnu_debugdata=mini.xz "$1"
                """
            subprocess.run(["sh", "-euc", script, "sh", program], cwd=program.parent, check=True)
            with standing([program, "aligned"]) as pid:
                self.check(pid)

    def test_in_another_mount_namespace(self):
        with built("deep-stacks.c", SOURCES / "library.c") as program:
            script = 'mount -t tmpfs tmpfs "$1" && cp "$2" "$1/hidden" && exec "$1/hidden" aligned'
            mount = program.parent / "mount"
            mount.mkdir()
            with standing(["unshare", "-m", "sh", "-c", script, "sh", mount, program]) as pid:
                self.assertFalse((mount / "hidden").exists())
                self.check(pid)

    def test_replaced_and_deleted(self):
        for change in ("replace", "delete"):
            with self.subTest(change=change), built("deep-stacks.c", SOURCES / "library.c") as program:
                kept = program.parent / "kept"
                shutil.copy(program, kept)
                with standing([program, "aligned"]) as pid:
                    frames = gdb_peer.gdb(pid, gdb_peer.SCRIPT)[0][pid]
                    if change == "replace":
                        shutil.copy("/bin/true", program.parent / "new")
                        os.rename(program.parent / "new", program)
                    else:
                        program.unlink()
                    # gdb reads whatever is there now.
                    (_, event, _, _), = gdb_peer.compare(pid)
                self.assertEqual([f["address"] for f in gdb_peer.physical(event)], [a for a, _ in frames])
                self.assertEqual([gdb_peer.plain(f["symbol"]) for f in gdb_peer.physical(event)][2:6], ["forced", "aligned", "aligned", "aligned"])

    def test_libraries_that_come_and_go_and_code_made_at_run_time(self):
        with tempfile.TemporaryDirectory() as directory:
            directory = pathlib.Path(directory)
            for name, value in (("first", 1), ("second", 2)):
                subprocess.run(["gcc", "-O2", "-fomit-frame-pointer", "-shared", "-fPIC", f"-DNAME={name}_function", "-o", directory / f"lib{name}.so", SOURCES / "plugin.c"], check=True)
            program = directory / "host"
            subprocess.run(["gcc", "-O2", "-o", program, SOURCES / "plugin-host.c", "-ldl"], check=True)
            sample = run("-s", 1_000_000, "--", program, directory / "libfirst.so", directory / "libsecond.so").sample
        sleeps = [e for e in sample["syscall_events"] if e["name"] == "clock_nanosleep"]
        self.assertEqual({e["user_stack_end"] for e in sleeps}, {"complete"})
        found = [next((s for s in symbols(e) if s.endswith("_function")), "?") for e in sleeps]
        self.assertEqual(found, ["first_function", "second_function"] * 5 + ["made_function"])
        (made,) = [f for f in sleeps[-1]["user_stack"] if f["symbol"] == "made_function"]
        self.assertEqual(made["module"], "perf map")
        # What is above it was found by its frame pointer.
        after = sleeps[-1]["user_stack"][sleeps[-1]["user_stack"].index(made) + 1]
        self.assertTrue(after["guessed"])
