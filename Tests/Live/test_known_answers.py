"""Workloads that know what they did: counts are exact, times lie within what the workload clocked itself."""
import pathlib
import subprocess
import time

from harness import GETPPID, LiveTestCase, WORKLOADS, Workload, named, run, syscall, thread, watched

# Runs are held between bounds, and syscalls are exact. On the kernel that these tests may run on (6.18 in nested
# virtualisation) some tasks, the second CPU's idle task among them, never record an event outside interrupts: unfiltered
# traces of ftrace and of `perf record -a` show not one sched_switch of theirs, without any loss that the buffers count. A run
# that such a task makes way for is not counted, its time is unknown, and an open ready interval is discarded. Debian's
# kernels in QEMU have no such tasks, and Tests/Kernels/check-guest holds runs to the scheduler's own count.


class KnownAnswers(LiveTestCase):
    def check_syscalls(self, sample, answer):
        for known in answer["threads"]:
            seen = thread(sample, known["tid"])
            self.assertEqual(seen["comm"], known["comm"])
            for name, call in known["syscalls"].items():
                ours = syscall(seen, name)
                self.assertEqual(ours["count"], call["count"], (known["comm"], name))
                self.assertEqual(ours["errors"], call["errors"], (known["comm"], name))
                # The program's clock readings are around the call: the kernel's part of it is shorter.
                self.assertLessEqual(ours["total_ns"], call["total_ns"], (known["comm"], name))
                self.assertLessEqual(ours["max_ns"], call["max_ns"], (known["comm"], name))

    def test_calls_sleeps_futexes_and_a_spinner(self):
        sample, answer = watched("known-answer", 20000, 50)
        self.check_sample(sample)
        self.check_syscalls(sample, answer)
        sleeper = syscall(named(sample, "sleeper"), "clock_nanosleep")
        self.assertGreaterEqual(sleeper["total_ns"], 50 * 2_000_000)
        for quantile in ("p50_ns", "p90_ns", "p99_ns"):
            self.assertGreaterEqual(sleeper[quantile], 2_000_000)
            self.assertLessEqual(sleeper[quantile], sleeper["max_ns"])
        for known in answer["threads"]:
            seen = thread(sample, known["tid"])
            if known.get("schedstat"):
                # The thread waits for its start and its end in the same window: at most three runs around the bracket.
                runs = seen["run"]["count"] if seen["run"] else 0
                self.assertLessEqual(runs, known["schedstat"]["runs"] + 3, known["comm"])
        spinner = [t for t in answer["threads"] if t["comm"] == "spinner"][0]
        spun = named(sample, "spinner")["accounting"]
        length = spinner["end_ns"] - spinner["start_ns"]
        on_cpu_or_ready = spun["user_ns"] + spun["ready_ns"] + spun["soft_irq_ns"] + spun["hard_irq_ns"] + spun["unknown_ns"]
        self.assertGreater(on_cpu_or_ready, 0.98 * length)
        self.assertGreater(spun["user_ns"], 0.8 * spinner["schedstat"]["run_ns"])

    def test_stopped_time_is_the_stopped_threads(self):
        sample, answer = watched("stop-cont")
        self.check_sample(sample)
        victim = named(sample, "victim")
        self.assertEqual(victim["stopped"]["count"], len(answer["stops"]))
        slack = 2_000_000 * len(answer["stops"])
        self.assertGreaterEqual(victim["stopped"]["total_ns"], answer["stopped_at_least_ns"] - slack)
        self.assertLessEqual(victim["stopped"]["total_ns"], answer["stopped_at_most_ns"] + slack)
        self.assertEqual(victim["accounting"]["stopped_ns"], victim["stopped"]["total_ns"])

    def test_preempted_threads_wait_for_each_other(self):
        sample, answer = watched("preempt", 0, 500)
        self.check_sample(sample)
        for known in answer["threads"]:
            seen = thread(sample, known["tid"])
            waited = seen["accounting"]["ready_ns"] + seen["accounting"]["unknown_ns"]
            # Gaps in its own clock readings are the times off the CPU, and interrupts.
            self.assertGreater(waited, 0.9 * known["gaps"]["total_ns"] - 5_000_000)
            self.assertLess(seen["accounting"]["ready_ns"], 1.1 * known["gaps"]["total_ns"] + 20_000_000)
            self.assertLessEqual(seen["ready"]["max_ns"], known["gaps"]["max_ns"] + 20_000_000)

    def test_threads_that_come_rename_themselves_and_go(self):
        sample, answer = watched("lifecycle", 20)
        self.check_sample(sample)
        for known in answer["threads"]:
            seen = [t for t in sample["threads"] if t["tid"] == known["tid"] and t["comm"] == known["comm"]]
            self.assertTrue(seen, known)
            self.assertEqual(syscall(seen[-1], GETPPID)["count"], known["getppid"])
            self.assertLess(seen[-1]["accounting"]["lifetime_ns"], sample["window"]["duration_ns"])

    def test_exec_by_the_main_thread(self):
        sample, answer = watched("lifecycle", 3, "--exec")
        self.check_sample(sample)
        after = named(sample, "after-exec")
        self.assertEqual(syscall(after, GETPPID)["count"], answer["after_exec"]["getppid"])

    def test_exec_by_another_thread_takes_the_leaders_tid(self):
        sample, answer = watched("lifecycle", 3, "--exec-thread")
        self.check_sample(sample)
        lives = [t for t in sample["threads"] if t["tid"] == answer["after_exec"]["tid"] and t["comm"] == "after-exec"]
        self.assertTrue(lives)
        # The kernel's pid filter drops the leader's tid when the old leader dies: what the new program does before the
        # filter is mended is unknown, and is reported as such; what is counted was there.
        seen = syscall(lives[-1], GETPPID)["count"]
        self.assertLessEqual(seen, answer["after_exec"]["getppid"])
        if seen < answer["after_exec"]["getppid"]:
            self.assertGreater(lives[-1]["accounting"]["unknown_ns"], 0)

    def test_a_thousand_threads(self):
        sample, answer = watched("many-threads", 1000)
        self.check_sample(sample)
        self.assertGreaterEqual(len(sample["threads"]), 1000)
        for known in answer["threads"]:
            seen = thread(sample, known["tid"])
            self.assertEqual((seen["comm"], syscall(seen, GETPPID)["count"]), (known["comm"], 5))

    def test_soft_interrupts_land_on_a_spinning_thread(self):
        sample, answer = watched("irq-load", 2000)
        self.check_sample(sample)
        spinner = named(sample, "spinner")
        received = sum(i["count"] for i in spinner["soft_irqs"] if i["name"] == "net_rx")
        (known,) = [t for t in answer["threads"] if t["comm"] == "spinner"]
        # While another process has its CPU, the interrupts land on that one.
        share = min(1, known["schedstat"]["run_ns"] / (known["end_ns"] - known["start_ns"]))
        self.assertGreaterEqual(received, 0.95 * answer["packets"] * (share - 0.02))
        self.assertGreater(spinner["accounting"]["soft_irq_ns"], 0)

    def test_a_32_bit_program_has_32_bit_numbers(self):
        result = run("--", WORKLOADS / "thirty-two-bit")
        sample = result.sample
        self.check_sample(sample)
        (only,) = sample["threads"]
        self.assertEqual((syscall(only, GETPPID)["count"], syscall(only, GETPPID)["number"]), (1000, 64))
        self.assertEqual(syscall(only, "nanosleep")["count"], 20)

    def test_tids_above_32768(self):
        limit = pathlib.Path("/proc/sys/kernel/pid_max")
        before = limit.read_text()
        self.addCleanup(limit.write_text, before)
        limit.write_text("4194304")
        pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text("99000")
        sample, answer = watched("known-answer", 100, 2)
        self.check_sample(sample)
        self.assertGreater(answer["pid"], 98_000)
        self.check_syscalls(sample, answer)


class Commands(LiveTestCase):
    def strace(self, *command, follow):
        """Counts of `strace -c`, by syscall."""
        result = subprocess.run(["strace", "-c", *follow, *command], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, check=True)
        counts = {}
        for line in result.stderr.splitlines():
            words = line.split()
            if len(words) >= 5 and words[0].replace(".", "").isdigit() and words[-1] != "total":
                counts[words[-1]] = int(words[3])
        return counts

    def check_against_strace(self, *command, follow=("-f",), chance=()):
        report = run("--", *command, stdin=subprocess.DEVNULL).sample
        self.check_sample(report)
        ours = {}
        for entry in report["threads"]:
            for call in entry["syscalls"]:
                ours[call["name"]] = ours.get(call["name"], 0) + call["count"]
        theirs = self.strace(*command, follow=follow)
        # The exec itself begins before the first instruction, and exit_group never returns.
        for name in ("execve", "exit_group", "exit"):
            theirs.pop(name, None)
        for name in chance:
            ours.pop(name, None)
            theirs.pop(name, None)
        self.assertEqual(ours, theirs)

    def test_true_makes_the_calls_that_strace_counts(self):
        self.check_against_strace("/bin/true")

    def test_ls_makes_the_calls_that_strace_counts(self):
        self.check_against_strace("/bin/ls", "/etc")

    def test_children_of_a_command_are_not_its_threads(self):
        # Without -f: what its children call is theirs.
        self.check_against_strace("/bin/sh", "-c", "/bin/true; /bin/ls /etc >/dev/null; (exit 3); echo", follow=[])

    def test_threads_of_a_command_are_followed_from_the_first(self):
        # Whether a join finds its thread gone already, and where malloc puts a thread's arena, is chance.
        self.check_against_strace(WORKLOADS / "lifecycle", "100",
                                  chance=("futex", "mmap", "munmap", "mprotect", "madvise", "brk", "restart_syscall"))

    def test_a_command_at_full_rate_loses_nothing(self):
        result = run("--", WORKLOADS / "spin-syscalls", 2_000_000, 0, stdin=subprocess.DEVNULL)
        sample = result.sample
        self.check_sample(sample)
        self.assertEqual(syscall(sample["threads"][0], GETPPID)["count"], 2_000_000)


class Attached(LiveTestCase):
    def test_strace_attached_counts_what_the_tool_counts(self):
        sample, answer = watched("known-answer", 3000, 5)
        self.check_sample(sample)
        with Workload("known-answer", 3000, 5) as workload:
            tracer = subprocess.Popen(["strace", "-c", "-f", "-p", str(workload.pid), "-e", GETPPID],
                                      stderr=subprocess.PIPE, text=True)
            tracer.stderr.readline()  # "Process N attached…"
            time.sleep(1)
            workload.go()
            tracer.send_signal(2)
            _, text = tracer.communicate(timeout=30)
        (count,) = [int(line.split()[3]) for line in text.splitlines() if line.endswith(GETPPID)]
        self.assertEqual(sum(syscall(t, GETPPID)["count"] for t in sample["threads"]), count)
