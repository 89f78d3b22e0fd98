"""Totals of threads against `perf sched timehist` and `perf sched latency` of the same seconds."""
from causes import CauseTestCase, blocked, hog
from harness import Workload, thread
from schedule import Schedule


class PerfSched(CauseTestCase):
    options = ("--blame",)

    def compare(self, name, *arguments, prepare=lambda workload: None):
        """The threads sleep at both ends of the sample and of perf's recording: all that they do is in both."""
        with Workload(name, *arguments) as workload, Schedule() as schedule:
            prepare(workload)
            with self.sampling(workload.pid) as samples:
                answer = workload.go()
            schedule.stop()
            (sample,) = samples
            window = sample["window"]
            for known in answer["threads"]:
                tid = known["tid"]
                accounting = thread(sample, tid)["accounting"]
                ours = {
                    "run": sum(accounting[f"{state}_ns"] for state in ("user", "syscall", "hard_irq", "soft_irq")),
                    "ready": accounting["ready_ns"],
                }
                hist, latency = schedule.timehist(tid), schedule.latency(tid)
                exact = schedule.totals(tid, window["start_ns"], window["stop_ns"])
                # Two tracers stamp a switch some 100 ns apart; timehist rounds each run and wait to a microsecond.
                switches = known["schedstat"]["runs"] + 2
                self.assertEqual(accounting["unknown_ns"], 0, known["comm"])
                for state in ("run", "ready"):
                    self.assertAlmostEqual(ours[state], exact[state], delta=2_000 * switches, msg=(known["comm"], state))
                    self.assertAlmostEqual(ours[state], hist[state], delta=3_000 * switches, msg=(known["comm"], state, hist))
                others = sum(ns for state, ns in exact.items() if state not in ("run", "ready"))
                waited = blocked(thread(sample, tid)) + accounting["stopped_ns"]
                # timehist's waits begin at its first switch, and end with its last one.
                first = window["stop_ns"] - window["start_ns"] - sum(exact.values())
                self.assertAlmostEqual(waited, others + first, delta=2_000 * switches, msg=(known["comm"], "blocked"))
                self.assertLessEqual(hist["blocked"], waited + 3_000 * switches)
                self.assertMost(latency["run"], ours["run"], (known["comm"], latency), share=0.97)

    def test_threads_that_sleep_wake_each_other_and_compute(self):
        self.compare("lock-chain", 20, 10)

    def test_threads_that_wait_for_the_kernels_lock(self):
        self.compare("map-fight", 4, 500)

    def test_a_thread_beside_a_hog(self):
        with hog():
            self.compare("victim", 0, 500)

    def test_threads_that_idle(self):
        self.compare("idle-loops", 500)
