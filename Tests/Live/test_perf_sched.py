"""Totals of threads against `perf sched timehist` and `perf sched latency` of the same seconds."""
from causes import CauseTestCase, blocked, hog
from harness import Workload, thread
from schedule import Schedule


class PerfSched(CauseTestCase):
    options = ("--blame",)

    def compare(self, name, *arguments, cpu=None):
        """Until each of the threads has been compared, since not every run of it can be."""
        compared = set()
        for _ in range(20):
            compared |= self.compare_once(name, *arguments, cpu=cpu)
            missing = self.names - compared
            if not missing:
                return
        self.fail(f"in no run could these be compared: {missing}")

    def compare_once(self, name, *arguments, cpu):
        """The threads sleep at both ends of the sample and of perf's recording: all that they do is in both."""
        with Workload(name, *arguments, cpu=cpu) as workload, Schedule() as schedule:
            with self.sampling(workload.pid) as samples:
                answer = workload.go()
            schedule.stop()
            self.names = {known["comm"] for known in answer["threads"]}
            return {known["comm"] for known in answer["threads"] if self.compare_thread(samples[0], schedule, known)}

    def compare_thread(self, sample, schedule, known):
        """Whether the thread could be compared: a kernel that leaves switches out (see test_known_answers) leaves them out for
        perf too, to which they are longer runs or waits. The scheduler's own counts of the thread's runs and waits tell."""
        tid, window, seen = known["tid"], sample["window"], thread(sample, known["tid"])
        accounting = seen["accounting"]
        exact = schedule.totals(tid, window["start_ns"], window["stop_ns"])
        switches, unknown = known["schedstat"]["runs"] + 2, accounting["unknown_ns"]
        self.assertLess(unknown, 0.05 * accounting["lifetime_ns"], known["comm"])
        apart = [abs(exact[state] - known["schedstat"][f"{state}_ns"]) for state in ("run", "ready")]
        if unknown or max(apart) > 15_000 * switches:
            return False
        run = sum(accounting[f"{state}_ns"] for state in ("user", "syscall", "hard_irq", "soft_irq"))
        waited = blocked(seen) + accounting["stopped_ns"]
        hist, latency = schedule.timehist(tid), schedule.latency(tid)

        def same(ours, theirs, what, each):
            self.assertAlmostEqual(ours, theirs, delta=each * switches, msg=(known["comm"], what, hist, latency))
        # Two tracers stamp a switch some 100 ns apart.
        same(run, exact["run"], "run", 2_000)
        same(accounting["ready_ns"], exact["ready"], "ready", 2_000)
        # perf knows the thread from its first event on.
        before = window["duration_ns"] - sum(exact.values())
        same(waited, before + sum(ns for state, ns in exact.items() if state not in ("run", "ready")), "blocked", 2_000)
        # timehist rounds each run and wait to a microsecond; its waits begin at the first switch and end at the last one.
        same(run, hist["run"], "timehist: run", 3_000)
        same(accounting["ready_ns"], hist["ready"], "timehist: ready", 3_000)
        self.assertLessEqual(hist["blocked"], waited + 3_000 * switches)
        # latency has the scheduler's run times, who reads its clock before the tracepoint of each switch.
        same(run, latency["run"], "latency: run", 15_000)
        return True

    def test_threads_that_sleep_wake_each_other_and_compute(self):
        self.compare("lock-chain", 10, 10)

    def test_threads_that_wait_for_the_kernels_lock(self):
        self.compare("map-fight", 4, 300)

    def test_threads_that_are_in_each_others_way(self):
        with hog():
            self.compare("preempt", 0, 200)

    def test_threads_that_idle(self):
        # On CPU 0: of others some kernels leave out what ends their idle times.
        self.compare("idle-loops", 300, cpu=0)
