"""However a run ends, tracefs is as it was before, and what was measured is not thrown away."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from harness import BINARY, LiveTestCase, TRACEFS, Tool, WORKLOADS, Workload, instances, run, wait_until


class CleanUp(LiveTestCase):
    def setUp(self):
        super().setUp()
        self.workload = Workload("known-answer", 10, 1)
        self.addCleanup(self.workload.close)

    def start(self, *arguments, seconds=60, **options):
        return Tool("-p", self.workload.pid, "--sample-time", seconds, *arguments, **options).wait_recording()

    def test_a_normal_end(self):
        self.assertEqual(run("-p", self.workload.pid, "--sample-time", 0.2).status, 0)

    def test_a_signal_ends_the_sample_and_prints_it(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number=number):
                sample = self.start().finish(number).sample
                self.assertLess(sample["window"]["duration_ns"], 10e9)

    def test_the_second_signal_ends_at_once(self):
        tool = self.start()
        # Stopped, it takes both in one look.
        tool.signal(signal.SIGSTOP)
        tool.signal(signal.SIGINT)
        tool.signal(signal.SIGTERM)
        result = tool.finish(signal.SIGCONT)
        self.assertEqual((result.status, result.out), (0, ""))

    def test_the_next_start_removes_what_a_killed_one_left(self):
        tool = self.start()
        name = tool.instance.name
        tool.finish(signal.SIGKILL)
        self.assertIn(name, instances())
        self.assertEqual((TRACEFS / "instances" / name / "tracing_on").read_text().strip(), "0")
        result = run("-p", self.workload.pid, "--sample-time", 0.1)
        self.assertEqual(result.status, 0)
        self.assertIn(name, result.err)

    def test_doctor_finds_and_removes_what_a_killed_one_left(self):
        tool = self.start()
        name = tool.instance.name
        tool.finish(signal.SIGKILL)
        said = subprocess.run([BINARY, "doctor"], capture_output=True, text=True)
        self.assertRegex(said.stdout, f"stale +instances/{name}")
        self.assertIn(name, instances())
        said = subprocess.run([BINARY, "doctor", "--clean"], capture_output=True, text=True)
        self.assertRegex(said.stdout, f"removed +instances/{name}")

    def test_a_living_one_is_left_alone(self):
        with Workload("known-answer", 10, 1) as other:
            first = self.start()
            second = Tool("-p", other.pid, "--sample-time", 60).wait_recording()
            third = Tool("-p", other.pid, "--sample-time", 60).wait_recording()
            said = subprocess.run([BINARY, "doctor", "--clean"], capture_output=True, text=True)
            self.assertIn("nothing left behind", said.stdout)
            for tool in (first, second, third):
                self.assertTrue(tool.instance)
            for tool in (first, second, third):
                self.assertEqual(tool.finish(signal.SIGINT).sample["loss"]["events"], 0)

    def test_two_of_them_see_the_same(self):
        first, second = self.start(), self.start()
        answer = self.workload.go()
        samples = [tool.finish(signal.SIGINT).sample for tool in (first, second)]
        for known in answer["threads"]:
            counts = [{s["name"]: s["count"] for t in sample["threads"] if t["tid"] == known["tid"]
                       for s in t["syscalls"]} for sample in samples]
            self.assertEqual(counts[0], counts[1])

    def test_a_closed_stdout(self):
        reading, writing = os.pipe()
        process = subprocess.Popen([BINARY, "-p", str(self.workload.pid), "--sample-time", "0.3"], stdout=writing,
                                   stderr=subprocess.PIPE, text=True)
        os.close(writing)
        os.close(reading)
        _, said = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 74)
        self.assertRegex(said, r"^error: cannot write the report to stdout: ")

    def test_a_full_disk(self):
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", directory], check=True)
            try:
                result = run("-p", self.workload.pid, "--sample-time", 0.2, "--sample-count", 20, "-o",
                             f"{directory}/report")
                self.assertEqual(result.status, 74)
                self.assertRegex(result.err, r"^error: cannot write the report to ")
                self.assertEqual(os.listdir(directory), [])
            finally:
                subprocess.run(["umount", directory], check=True)

    def test_an_output_file_appears_whole(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "report")
            tool = self.start("-o", path)
            self.assertFalse(path.exists())
            self.assertEqual(tool.finish(signal.SIGINT).status, 0)
            self.assertEqual(os.listdir(directory), ["report"])
            self.assertTrue(path.read_text().endswith("}\n"))

    def test_a_target_that_dies(self):
        tool = self.start()
        self.workload.process.kill()
        sample = tool.finish().sample
        self.assertLess(sample["window"]["duration_ns"], 20e9)

    def test_a_command_goes_with_the_tool_and_a_process_does_not(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(number=number):
                tool = Tool("--", "/bin/sleep", "4321").wait_recording()
                (child,) = subprocess.run(["pgrep", "-P", str(tool.process.pid)], capture_output=True,
                                          text=True).stdout.split()
                tool.finish(number)
                wait_until(lambda: not pathlib.Path(f"/proc/{child}").exists(), "the command is gone", 5)
                subprocess.run([BINARY, "doctor", "--clean"], capture_output=True)
        self.start().finish(signal.SIGTERM)
        self.assertIsNone(self.workload.process.poll())

    def test_a_cpu_that_goes_and_comes_back(self):
        online = pathlib.Path("/sys/devices/system/cpu/cpu1/online")
        self.assertTrue(online.exists(), "this machine cannot take a CPU offline")
        tool = self.start()
        try:
            online.write_text("0")
            time.sleep(0.3)
        finally:
            online.write_text("1")
        answer = self.workload.go()
        sample = tool.finish(signal.SIGINT).sample
        self.check_sample(sample)
        for known in answer["threads"]:
            self.assertIn(known["tid"], [t["tid"] for t in sample["threads"]])
