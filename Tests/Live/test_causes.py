"""Causes that are told without --blame, by what is recorded anyway: workloads that know what their threads waited for."""
import time

from causes import BLOCKED, CauseTestCase, ControlGroup, blocked, causes, controller, favour, hog, total
from harness import Workload, named, thread
from schedule import Schedule


class WhoHadTheCPU(CauseTestCase):
    def watch_beside_others(self, name):
        """Returns (sample, what the workload says, what perf says of each thread): the machine's other tasks run there too."""
        with Schedule() as schedule:
            sample, answer = self.watch(name, 0, 1000, prepare=lambda workload: favour(workload.pid))
            schedule.stop()
        window = sample["window"]["start_ns"], sample["window"]["stop_ns"]
        edges = {known["tid"]: schedule.at_edges(known["tid"], *window) for known in answer["threads"]}
        return sample, answer, edges, {known["tid"]: schedule.holders(known["tid"], *window) for known in answer["threads"]}

    def check_holder(self, charged, least, most):
        self.assertGreater(least, 100_000_000)
        self.assertGreaterEqual(charged, 0.95 * least)
        self.assertLessEqual(charged, 1.05 * most + 1_000_000)

    def test_a_hog_beside_the_target_is_named(self):
        with hog(nice=-20) as pid:
            sample, answer, edges, _ = self.watch_beside_others("victim")
        (known,) = answer["threads"]
        victim = thread(sample, known["tid"])
        self.assertMost(victim["accounting"]["ready_ns"], known["schedstat"]["ready_ns"], "READY is what the scheduler says")
        # Two switches tell who was first and who was last: where that is one task, it had the CPU.
        least, most = edges[known["tid"]]
        self.check_holder(total(victim, "ready", cause="task", by=pid), least["cpu-hog"], most["cpu-hog"])
        self.assertEqual({found["by"]["comm"] for found in causes(victim, "ready", by=pid)}, {"cpu-hog"})

    def test_threads_of_the_same_process_are_told_apart_from_others(self):
        sample, answer, edges, holders = self.watch_beside_others("preempt")
        for known, other in zip(answer["threads"], reversed(answer["threads"])):
            waiting = thread(sample, known["tid"])
            # Of a thread of the target's own all switches are recorded.
            charged = total(waiting, "ready", cause="own_process", by=other["tid"])
            least, most = edges[known["tid"]][0][other["comm"]], holders[known["tid"]][other["comm"]]
            self.check_holder(charged, least, most)
            self.assertEqual(total(waiting, "ready", cause="task", by=other["tid"]), 0)

    def test_a_task_that_only_follows_is_not_the_one_that_had_the_cpu(self):
        """Two hogs: which of them had the CPU while neither switch is the target's is told by --blame alone."""
        with hog(name="hog-1", nice=-20) as one, hog(name="hog-2", nice=-20) as two:
            sample, answer = self.watch("victim", 0, 1000, prepare=lambda workload: favour(workload.pid))
        victim = thread(sample, answer["threads"][0]["tid"])
        ready = victim["accounting"]["ready_ns"]
        # About half of the waits have both of them in it.
        self.assertGreater(ready, 500_000_000)
        charged = total(victim, "ready", by=one) + total(victim, "ready", by=two)
        self.assertLessEqual(charged + total(victim, "ready", cause="unknown"), ready)
        self.assertGreater(total(victim, "ready", cause="unknown"), 0.1 * ready)


class WhatASleeperWaitsFor(CauseTestCase):
    def test_mutexes_are_futexes(self):
        """Who unlocked them is not recorded without --blame."""
        sample, answer = self.watch("lock-chain", 10, 20)
        for known in ("waiter", "middle"):
            waited = causes(named(sample, known), "blocked_interruptible", "futex")
            # The clocked time has the waits for the CPU in it.
            ready = named(sample, known)["accounting"]["ready_ns"]
            self.assertMost(sum(found["total_ns"] for found in waited), answer["locks"][known]["total_ns"] - ready, known)
            self.assertEqual({found["syscall"] for found in waited}, {"futex"})

    def test_sleeps_are_timers_and_nobody_is_named(self):
        sample, answer = self.watch("idle-loops", 500)
        sleeper = named(sample, "sleeper")
        slept = causes(sleeper, "blocked_interruptible", "timer")
        (known,) = [t for t in answer["threads"] if t["comm"] == "sleeper"]
        self.assertMost(sum(c["total_ns"] for c in slept), known["syscalls"]["clock_nanosleep"]["total_ns"], "sleeps")
        self.assertEqual({found["by"] for found in slept}, {None})

    def test_an_event_loop_that_idles_blames_nobody(self):
        sample, answer = self.watch("idle-loops", 1000)
        for known in answer["threads"]:
            idler = thread(sample, known["tid"])
            # The gate and the end are pipes of the workload's own: before and after the idling.
            idled = total(idler, *BLOCKED, cause="idle") + total(idler, *BLOCKED, cause="timer")
            self.assertGreaterEqual(idled, 0.98 * (known["end_ns"] - known["start_ns"]) - 30_000_000, known["comm"])
            for wrong in ("futex", "socket", "disk", "device", "other"):
                # Who gives them their end may have to wait for a CPU first.
                self.assertLess(total(idler, *BLOCKED, cause=wrong), 30_000_000, (known["comm"], wrong))

    def test_what_a_thread_has_been_in_all_along_is_in_progress(self):
        with Workload("victim") as workload:
            begun = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
            with self.sampling(workload.pid) as samples:
                time.sleep(0.5)
            (sample,) = samples
            victim = named(sample, "victim")
            progress = victim["in_progress"]
            self.assertEqual((progress["name"], progress["state"]), ("read", "blocked_interruptible"))
            self.assertLessEqual(progress["entry_ns"], sample["window"]["start_ns"])
            self.assertGreaterEqual(progress["so_far_ns"], sample["window"]["duration_ns"])
            self.assertGreater(sample["window"]["start_ns"], begun)
            # The wait is in the account, and what it was for is not told without a stack.
            self.assertMost(blocked(victim), sample["window"]["duration_ns"], "blocked")

    def test_a_call_that_ends_is_not_in_progress(self):
        sample, answer = self.watch("known-answer", 1000, 5)
        for known in answer["threads"]:
            progress = thread(sample, known["tid"])["in_progress"]
            # All of them end in a wait for the end.
            self.assertIsNotNone(progress, known["comm"])
            self.assertIn(progress["name"], ("read", "futex"))
            self.assertGreaterEqual(progress["entry_ns"], known["end_ns"])
            self.assertEqual(progress["so_far_ns"], sample["window"]["stop_ns"] - progress["entry_ns"])


class Quotas(CauseTestCase):
    def test_a_quota_that_is_used_up_throttles(self):
        """While the target is throttled others may run, who are not told apart from it without --blame."""
        if not controller("cpu"):
            self.skipTest("no cpu controller of version 1")
        with ControlGroup(controller("cpu")) as group:
            group.write("cpu.cfs_period_us", 50000)
            group.write("cpu.cfs_quota_us", 15000)
            # Once it may run again it does so at once, whatever else wants the CPU.
            group.write("cpu.shares", 262144)
            sample, _ = self.watch("victim", 0, 2000, prepare=lambda workload: group.add(workload.pid))
            known = group.statistics("cpu.stat")["throttled_time"]
        victim = named(sample, "victim")
        self.assertGreater(known, 1_000_000_000)
        throttled = total(victim, "ready", cause="throttled")
        self.assertLessEqual(throttled, 1.05 * known)
        accounting = victim["accounting"]
        self.assertGreaterEqual(accounting["ready_ns"] + accounting["unknown_ns"], 0.95 * known)
