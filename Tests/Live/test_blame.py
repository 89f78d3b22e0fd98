"""Causes that --blame tells, each by a workload that knows it."""
import os
import pathlib
import shutil
import tempfile

from causes import (BLOCKED, CauseTestCase, ControlGroup, causes, controller, favour, frozen_amid, hog, row_lock,
                    storm_of_flushes, total, version_2)
from harness import Tool, Workload, named, syscall, thread
from schedule import Schedule


class BlameTestCase(CauseTestCase):
    options = ("--blame",)

    def ends(self, entry, *states, **what):
        """ns of the paths of causes by who was at the end and what that did: {(comm, doing): ns}."""
        sums = {}
        for state in states:
            for found in causes(entry, state, **what):
                if found["path"]:
                    key = found["path"]["task"]["comm"], found["path"]["doing"]
                    sums[key] = sums.get(key, 0) + found["total_ns"]
        return sums


class WhoHadTheCPU(BlameTestCase):
    def check_holders(self, *hogs):
        with Schedule() as schedule:
            sample, answer = self.watch("victim", 0, 1000, prepare=lambda workload: favour(workload.pid))
            schedule.stop()
            (known,) = answer["threads"]
            truth = schedule.holders(known["tid"], sample["window"]["start_ns"], sample["window"]["stop_ns"])
        victim = thread(sample, known["tid"])
        ready = victim["accounting"]["ready_ns"]
        self.assertMost(ready, known["schedstat"]["ready_ns"], "READY is what the scheduler says")
        for pid, name in hogs:
            self.assertMost(total(victim, "ready", cause="task", by=pid), truth[name], (name, truth), share=0.97)
        # Nor does perf know who ran between two switches that contradict each other.
        self.assertLess(total(victim, "ready", cause="unknown"), 0.02 * ready + truth["unknown"])
        hogged = sum(truth[name] for _, name in hogs)
        charged = sum(total(victim, "ready", by=pid) for pid, _ in hogs)
        self.assertGreaterEqual(charged, 0.95 * (ready - sum(truth.values()) + hogged))

    def test_a_hog_beside_the_target_is_named(self):
        with hog(nice=-20) as pid:
            self.check_holders((pid, "cpu-hog"))

    def test_of_several_hogs_each_has_its_part(self):
        with hog(name="hog-1", nice=-20) as one, hog(name="hog-2", nice=-20) as two, hog(name="hog-3", nice=-20) as three:
            self.check_holders((one, "hog-1"), (two, "hog-2"), (three, "hog-3"))


class Groups(BlameTestCase):
    def test_a_quota_that_is_used_up_throttles(self):
        if not controller("cpu"):
            self.skipTest("no cpu controller of version 1")
        with ControlGroup(controller("cpu")) as group:
            group.write("cpu.cfs_period_us", 50000)
            group.write("cpu.cfs_quota_us", 15000)
            # Once it may run again it does so at once, whatever else wants the CPU.
            group.write("cpu.shares", 262144)
            sample, _ = self.watch("victim", 0, 2000, prepare=lambda workload: group.add(workload.pid))
            known = group.statistics("cpu.stat")["throttled_time"]
        self.assertGreater(known, 1_000_000_000)
        victim = named(sample, "victim")
        self.assertMost(total(victim, "ready", cause="throttled"), known, victim["causes"])

    def test_no_quota_means_not_throttled(self):
        with hog() as _:
            sample, _ = self.watch("victim", 0, 500)
        self.assertEqual(causes(named(sample, "victim"), cause="throttled"), [])

    def check_frozen(self, group, freeze, is_frozen, thaw):
        with Workload("victim", 0, 2000) as workload:
            group.add(workload.pid)
            with self.sampling(workload.pid) as samples:
                frozen = frozen_amid(workload, freeze, is_frozen, thaw)
        (sample,) = samples
        victim = named(sample, "victim")
        self.assertMost(total(victim, *BLOCKED, "ready", cause="frozen"), frozen, (victim["causes"], victim["accounting"]))

    def test_a_frozen_group_of_version_2(self):
        with version_2() as hierarchy, ControlGroup(hierarchy) as group:
            self.check_frozen(group, lambda: group.write("cgroup.freeze", 1),
                              lambda: "frozen 1" in group.read("cgroup.events"), lambda: group.write("cgroup.freeze", 0))

    def test_a_frozen_group_of_version_1(self):
        if not controller("freezer"):
            self.skipTest("no freezer of version 1")
        with ControlGroup(controller("freezer")) as group:
            self.check_frozen(group, lambda: group.write("freezer.state", "FROZEN"),
                              lambda: group.read("freezer.state").strip() == "FROZEN",
                              lambda: group.write("freezer.state", "THAWED"))


class PageFaults(BlameTestCase):
    def test_a_handler_that_answers_late(self):
        """The pages of the spinner come from a userfaultfd whose reader sleeps before it answers."""
        sample, answer = self.watch("spinner", 0, 200)
        spinner = thread(sample, answer["spinner"])
        charged = total(spinner, *BLOCKED, cause="page_fault", by=answer["pid"])
        self.assertMost(charged, answer["waited_ns"], spinner["causes"])
        faults = spinner["page_faults"]
        self.assertGreaterEqual(faults["count"], 3)
        self.assertMost(faults["total_ns"], answer["waited_ns"], faults)
        self.assertGreaterEqual(faults["max_ns"], 200_000_000)

    def test_a_mapped_file_that_is_not_in_memory(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            sample, answer = self.watch("cold-file", 2000, directory)
        reader = named(sample, "reader")
        faults = reader["page_faults"]
        if answer["major"] < answer["pages"]:
            self.skipTest("the file is still in memory: its file system keeps it")
        self.assertGreaterEqual(faults["major"], answer["pages"])
        self.assertLess(faults["major"], answer["pages"] + 20)
        self.assertGreaterEqual(faults["count"], answer["pages"])
        charged = total(reader, *BLOCKED, cause="page_fault", where=answer["file"])
        self.assertLessEqual(charged, answer["touch"]["total_ns"])
        # What it sleeps in besides is the gate and the end.
        self.assertMost(charged, total(reader, "blocked_uninterruptible"), reader["causes"])
        self.assertLessEqual(faults["total_ns"], answer["touch"]["total_ns"])
        self.assertGreaterEqual(faults["total_ns"], charged)

    def test_a_read_that_waits_for_the_disk_is_no_page_fault(self):
        """Only faults outside of syscalls are page faults of the thread."""
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            path = pathlib.Path(directory, "file")
            with open(path, "wb") as file:
                file.write(os.urandom(8 << 20))
                os.fsync(file.fileno())
            code = ("import os, sys; f = os.open(sys.argv[1], os.O_RDONLY); os.posix_fadvise(f, 0, 0, 4); "
                    "os.posix_fadvise(f, 0, 0, 1); [os.pread(f, 4096, i << 12) for i in range(2048)]")
            result = Tool(*self.options, "--", "python3", "-c", code, path).finish()
        sample = result.sample
        self.check_sample(sample)
        (reader,) = sample["threads"]
        on_disk = causes(reader, "blocked_uninterruptible", "disk")
        self.assertIn("pread64", {found["syscall"] for found in on_disk})
        self.assertGreater(total(reader, "blocked_uninterruptible", cause="disk"),
                           0.9 * reader["accounting"]["blocked_uninterruptible_ns"])


class Memory(BlameTestCase):
    def test_a_memory_limit_makes_the_target_reclaim(self):
        if not controller("memory"):
            self.skipTest("no memory controller of version 1")
        begin, end = (f"vmscan:mm_vmscan_memcg_reclaim_{edge}" for edge in ("begin", "end"))
        with ControlGroup(controller("memory")) as group, Schedule(begin, end) as schedule:
            group.write("memory.limit_in_bytes", 16 << 20)
            sample, answer = self.watch("memory-limit", 1024, prepare=lambda workload: group.add(workload.pid))
            schedule.stop()
        (known,) = answer["threads"]
        reader = thread(sample, known["tid"])
        truth, since = 0, None
        for tid, _, time_ns, event, _ in schedule.lines:
            if tid == known["tid"]:
                if event == end and since:
                    truth += schedule.totals(tid, since, time_ns)["run"]
                since = time_ns if event == begin else None
        self.assertGreater(truth, 20_000_000)
        # perf's time on the CPU has the interrupts in it, which are not the syscall's.
        reclaim = causes(reader, "syscall", "reclaim")
        self.assertEqual({found["syscall"] for found in reclaim}, {"pread64"})
        charged = sum(found["total_ns"] for found in reclaim)
        self.assertMost(charged, truth, reader["causes"], share=0.9)

    def test_threads_that_map_and_unmap_wait_for_a_lock_of_the_kernel(self):
        with Schedule() as schedule:
            sample, answer = self.watch("map-fight", 4, 1000)
            schedule.stop()
        for known in answer["threads"]:
            mapper = thread(sample, known["tid"])
            # Waits on the address space's lock are the only uninterruptible ones.
            truth = schedule.totals(known["tid"], known["start_ns"], known["end_ns"])["D"]
            self.assertGreater(truth, 100_000_000)
            self.assertMost(total(mapper, "blocked_uninterruptible", cause="kernel_lock"), truth, mapper["causes"])
            wakers = {found["by"]["comm"] for found in causes(mapper, "blocked_uninterruptible", "kernel_lock") if found["by"]}
            self.assertTrue(wakers and all(name.startswith("mapper-") for name in wakers), wakers)
            self.assertTrue({found["syscall"] for found in causes(mapper, cause="kernel_lock")} <= {"mmap", "munmap"})


class OtherTasks(BlameTestCase):
    def test_the_end_of_a_chain_of_mutexes(self):
        """What the waiter loses is the owner's computing, although another one wakes it."""
        sample, answer = self.watch("lock-chain", 10, 20)
        waiter, middle, owner = (thread(sample, known["tid"]) for known in answer["threads"])
        self.assertMost(total(waiter, *BLOCKED, cause="futex", by=middle["tid"]), answer["locks"]["waiter"]["total_ns"],
                        waiter["causes"], share=0.9)
        ends = self.ends(waiter, *BLOCKED, cause="futex")
        computed = answer["locks"]["waiter"]["total_ns"] - answer["threads"][2]["gaps"]["total_ns"]
        self.assertGreaterEqual(ends[("owner", "running")], 0.9 * computed)
        lengths = {found["path"]["length"] for found in causes(waiter, cause="futex") if found["path"]}
        self.assertIn(2, lengths)
        self.assertGreater(len(sample["critical_path"]), 0)
        by_owner = sum(part["end_ns"] - part["start_ns"] for part in sample["critical_path"] if part["tid"] == owner["tid"])
        self.assertGreaterEqual(by_owner, 0.9 * computed)

    def test_an_owner_that_has_no_cpu(self):
        """The same, with a hog beside: at the chain's end is a thread that waits for the hog's CPU, or runs."""
        with hog() as pid:
            sample, answer = self.watch("lock-chain", 10, 30)
        waiter = thread(sample, answer["threads"][0]["tid"])
        ends = self.ends(waiter, *BLOCKED, cause="futex")
        at_owner = sum(ns for (comm, _), ns in ends.items() if comm == "owner")
        self.assertMost(at_owner, answer["locks"]["waiter"]["total_ns"], ends, share=0.85)
        hogged = sum(part["end_ns"] - part["start_ns"] for part in sample["critical_path"] if part["tid"] == pid or
                     part["state"] == "ready")
        self.assertGreater(hogged, 0.5 * answer["threads"][2]["gaps"]["total_ns"])

    def test_a_spawned_child_that_has_no_cpu(self):
        with hog():
            sample, answer = self.watch("spawn-idle", 1)
        spawner = named(sample, "spawner")
        (child,) = answer["children"]
        self.assertGreater(answer["spawn"]["total_ns"], 500_000_000)
        charged = causes(spawner, "blocked_uninterruptible", "child", by=child)
        self.assertMost(sum(found["total_ns"] for found in charged), answer["spawn"]["total_ns"], spawner["causes"], share=0.9)
        self.assertEqual({(found["path"]["task"]["tid"], found["path"]["doing"]) for found in charged}, {(child, "ready")})

    def test_a_full_pipe_whose_reader_is_stopped(self):
        sample, answer = self.watch("stopped-reader", 5, 100)
        writer = named(sample, "writer")
        charged = causes(writer, "blocked_interruptible", "pipe", by=answer["reader"])
        self.assertMost(answer["stopped_ns"], answer["filling"]["total_ns"], "the workload's own clocks")
        full = sum(found["total_ns"] for found in charged if found["syscall"] == "write")
        self.assertMost(full, answer["stopped_ns"], writer["causes"])
        ends = self.ends(writer, "blocked_interruptible", by=answer["reader"])
        self.assertGreaterEqual(ends[("pipe-reader", "stopped")], 0.9 * answer["stopped_ns"])

    def test_an_event_loop_that_idles_blames_nobody(self):
        sample, answer = self.watch("idle-loops", 1000)
        for known in answer["threads"]:
            idler = thread(sample, known["tid"])
            idled = total(idler, *BLOCKED, cause="idle") + total(idler, *BLOCKED, cause="timer")
            self.assertGreaterEqual(idled, 0.98 * (known["end_ns"] - known["start_ns"]) - 30_000_000, known["comm"])
            # What began before the sample has no stack: the gate, a read.
            for wrong in ("disk", "device", "kernel_lock", "child"):
                self.assertEqual(total(idler, *BLOCKED, cause=wrong), 0, (known["comm"], wrong))
            unknown = causes(idler, "blocked_interruptible", "unknown")
            self.assertLessEqual({found["syscall"] for found in unknown}, {"read"}, unknown)
            # Whom the ender gave its end was kept waiting if the ender had no CPU then.
            held = [found for found in causes(idler) if found["cause"] in ("futex", "socket", "other")]
            self.assertLessEqual({found["path"]["task"]["comm"] for found in held}, {"ender"}, held)


class Programs(BlameTestCase):
    def setUp(self):
        super().setUp()
        self.directory = tempfile.mkdtemp(prefix="kdelay-live-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def test_redis_beside_a_storm_of_flushes(self):
        with storm_of_flushes(self.directory) as (redis, benchmark):
            with Schedule() as schedule:
                with self.sampling(redis) as samples:
                    benchmark()
                schedule.stop()
        (sample,) = samples
        main = thread(sample, redis)
        truth = schedule.totals(redis, sample["window"]["start_ns"], sample["window"]["stop_ns"])["D"]
        self.assertGreater(syscall(main, "fdatasync")["count"], 100)
        self.assertMost(total(main, "blocked_uninterruptible", cause="disk"), truth, main["causes"], share=0.9)
        self.assertIn("fdatasync", {found["syscall"] for found in causes(main, cause="disk")})
        # The first thing that a reader sees.
        self.assertIn("fdatasync", " ".join(sample["verdict"]["text"][:2]))

    def test_a_row_lock_of_a_session_that_sleeps(self):
        with row_lock(self.directory) as (sleeping, waiting, update):
            with self.sampling(waiting) as samples:
                waited = update()
        (sample,) = samples
        backend = thread(sample, waiting)
        self.assertGreater(waited, 900_000_000)
        # PostgreSQL waits for a lock in epoll_wait, as it does for its client: it is the waker that tells the two apart.
        self.assertMost(total(backend, *BLOCKED, by=sleeping), waited, backend["causes"], share=0.9)
        self.assertIn(str(sleeping), " ".join(sample["verdict"]["text"]))
