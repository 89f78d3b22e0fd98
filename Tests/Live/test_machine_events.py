"""--blame records the whole machine beside the target: what that must not change, and what a killed run leaves."""
import signal
import subprocess

from causes import CauseTestCase, causes, hog, total
from harness import BINARY, TRACEFS, Tool, Workload, instances, syscall, thread
from schedule import Schedule


class MachineEvents(CauseTestCase):
    options = ("--blame",)

    def test_the_targets_own_numbers_are_as_without(self):
        sample, answer = self.watch("known-answer", 20000, 50)
        for known in answer["threads"]:
            seen = thread(sample, known["tid"])
            for name, call in known["syscalls"].items():
                ours = syscall(seen, name)
                self.assertEqual((ours["count"], ours["errors"]), (call["count"], call["errors"]), (known["comm"], name))
                self.assertLessEqual(ours["total_ns"], call["total_ns"])

    def test_a_killed_one_leaves_nothing_for_long(self):
        with Workload("known-answer", 10, 1) as workload:
            tool = Tool("-p", workload.pid, "--sample-time", 60, "--blame").wait_recording()
            names = [path.name for path in tool.instances]
            self.assertEqual(len(names), 2)
            tool.finish(signal.SIGKILL)
            self.assertEqual([name for name in names if name in instances()], names)
            for name in names:
                self.assertEqual((TRACEFS / "instances" / name / "tracing_on").read_text().strip(), "0")
            said = subprocess.run([BINARY, "doctor", "--clean"], capture_output=True, text=True)
            for name in names:
                self.assertRegex(said.stdout, f"removed +instances/{name}")

    def test_two_of_them_at_once(self):
        with Workload("victim", 0, 500) as workload, hog() as pid:
            tools = [Tool("-p", workload.pid, "--sample-time", 60, "--blame").wait_recording() for _ in range(2)]
            answer = workload.go()
            samples = [tool.finish(signal.SIGINT).sample for tool in tools]
        for sample in samples:
            self.check_sample(sample)
            victim = thread(sample, answer["threads"][0]["tid"])
            self.assertMost(victim["accounting"]["ready_ns"], answer["threads"][0]["schedstat"]["ready_ns"], "READY")
            self.assertGreater(total(victim, "ready", by=pid), 0.5 * victim["accounting"]["ready_ns"])

    def test_a_machine_that_switches_all_the_time(self):
        with hog() as pid:
            storm = subprocess.Popen(["perf", "bench", "sched", "pipe", "-l", "100000000"], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
            try:
                with Schedule() as schedule:
                    sample, answer = self.watch("victim", 0, 1000)
                    schedule.stop()
            finally:
                storm.kill()
                storm.wait()
        self.assertEqual(sample["loss"]["events"], 0)
        (known,) = answer["threads"]
        victim = thread(sample, known["tid"])
        truth = schedule.holders(known["tid"], sample["window"]["start_ns"], sample["window"]["stop_ns"])
        self.assertMost(total(victim, "ready", by=pid), truth["cpu-hog"], truth, share=0.9)
        self.assertMost(total(victim, "ready", by="sched-pipe"), truth["sched-pipe"], truth, share=0.9)

    def test_the_tool_names_its_own_use_of_the_cpu(self):
        """The tool's reader has its CPU in common with the target."""
        with Workload("spin-syscalls", 3_000_000, 0) as workload:
            tool = Tool("-p", workload.pid, "--sample-time", 100, "--blame", under=("taskset", "-c", "0")).wait_recording()
            workload.go()
            pid = tool.process.pid
            sample = tool.finish(signal.SIGINT).sample
        self.check_sample(sample)
        (only,) = sample["threads"]
        own = causes(only, "ready", by="kdelay-ftrace")
        self.assertGreater(sum(found["total_ns"] for found in own), 1_000_000, only["causes"])
        self.assertEqual({found["by"]["pid"] for found in own}, {pid})
