"""Runs, waits for a CPU and stops, held to the scheduler's own account of each thread (/proc/TID/schedstat)."""
from harness import LiveTestCase, idle_tasks_kept_away, named, syscall, thread, watched


class Scheduling(LiveTestCase):
    def compare(self, sample, answer, lost):
        """Counts as the scheduler has them, but for what the kernel did not trace, and that is reported; `lost`: most of it."""
        discarded = sample["loss"]["discarded_intervals"]
        for known in answer["threads"]:
            seen, truth = thread(sample, known["tid"]), known["schedstat"]
            for section in ("run", "ready"):
                count = seen[section]["count"]
                self.assertLessEqual(count, truth["runs"], (known["comm"], section))
                self.assertGreaterEqual(count + min(discarded, lost), truth["runs"], (known["comm"], section))
            if seen["run"]["count"] == truth["runs"]:
                self.assertEqual(seen["accounting"]["unknown_ns"], 0, known["comm"])
                self.check_times(seen, truth)

    def check_times(self, seen, truth):
        # The scheduler's clock is read up to some microseconds before the tracepoint is reached, at each switch: only
        # runs of a good length can be compared.
        slack = 15_000 * truth["runs"] + 200_000
        for section, key in (("run", "run_ns"), ("ready", "ready_ns")):
            if truth[key] > 10 * slack:
                self.assertLess(abs(seen[section]["total_ns"] - truth[key]), 0.02 * truth[key] + slack, seen["comm"])

    def test_runs_and_waits_are_the_schedulers(self):
        # At most two: seen once in a dozen runs, a spinner of the harness being preempted in its own start or end.
        with idle_tasks_kept_away():
            sample, answer = watched("known-answer", 20000, 50)
        self.check_sample(sample)
        self.compare(sample, answer, lost=2)

    def test_preempted_threads_are_counted_on_every_cpu(self):
        for cpu in (0, 1):
            with self.subTest(cpu=cpu), idle_tasks_kept_away():
                sample, answer = watched("preempt", cpu, 400)
                self.check_sample(sample)
                # Other tasks of which that kernel records nothing can run in between too.
                self.compare(sample, answer, lost=5)
                for known in answer["threads"]:
                    # It spins without a syscall: whenever it does not run, it waits for the CPU.
                    parts = thread(sample, known["tid"])["accounting"]
                    spun = sum(parts[part] for part in ("user_ns", "ready_ns", "hard_irq_ns", "soft_irq_ns", "unknown_ns"))
                    self.assertGreater(spun, 0.99 * answer["duration_ns"])
                    self.assertGreater(parts["ready_ns"], 0.9 * known["gaps"]["total_ns"] - 5_000_000)
                    self.assertLess(parts["user_ns"], 0.75 * answer["duration_ns"])

    def test_runs_beside_idle_tasks_are_never_more_than_the_schedulers(self):
        sample, answer = watched("known-answer", 20000, 50)
        self.check_sample(sample)
        for known in answer["threads"]:
            seen, truth = thread(sample, known["tid"]), known["schedstat"]
            count = seen["run"]["count"] if seen["run"] else 0
            self.assertLessEqual(count, truth["runs"], known["comm"])
            if count < truth["runs"]:
                # What was missed is said: of the run itself the time is unknown.
                self.assertGreater(seen["accounting"]["unknown_ns"], 0, known["comm"])

    def test_the_syscalls_of_a_stopped_thread(self):
        sample, answer = watched("stop-cont", 3, 60)
        self.check_sample(sample)
        victim = named(sample, "victim")
        (known,) = answer["threads"]
        sleeps, made = syscall(victim, "clock_nanosleep"), known["syscalls"]["clock_nanosleep"]
        self.assertEqual(sleeps["count"], made["count"])
        # A sleep that the stop broke off goes on as restart_syscall, and fails with a number that only the kernel sees.
        restarted = syscall(victim, "restart_syscall")["count"]
        self.assertLessEqual(restarted, len(answer["stops"]))
        self.assertEqual(sleeps["errors"], restarted)
        self.assertLessEqual(sleeps["total_ns"], made["total_ns"])
        # The time it stood still is in no syscall.
        self.assertLess(sleeps["max_ns"], answer["stopped_at_least_ns"] / len(answer["stops"]))
        self.assertGreaterEqual(victim["stopped"]["max_ns"],
                                max(s["cont_sent_ns"] - s["stopped_ns"] for s in answer["stops"]) - 2_000_000)
        self.assertLessEqual(victim["stopped"]["max_ns"],
                             max(s["running_ns"] - s["stop_sent_ns"] for s in answer["stops"]))
