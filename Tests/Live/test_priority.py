"""The thread that reads the kernel's buffers goes before others; nothing else does."""
import pathlib

from harness import LiveTestCase, Tool, Workload, run, wait_until


def priorities(pid):
    """The nice values of a process's threads, by tid (man 5 proc_pid_stat: the 19th)."""
    return {int(task.name): int((task / "stat").read_text().rpartition(")")[2].split()[16])
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir()}


class Priority(LiveTestCase):
    def of_tool(self, *under):
        with Workload("spin-syscalls", 1, 0) as workload:
            tool = Tool("-p", workload.pid, "--sample-time", 100, under=under).wait_recording()
            wait_until(lambda: len(priorities(tool.process.pid)) == 2, "the reports' thread")
            found = priorities(tool.process.pid)
            tool.finish(2)
        reader = found.pop(tool.process.pid)
        return reader, list(found.values())

    def test_the_reader_goes_first_and_the_reports_do_not(self):
        self.assertEqual(self.of_tool(), (-20, [0]))

    def test_a_chosen_priority_stays(self):
        self.assertEqual(self.of_tool("nice", "-n", "7"), (7, [7]))

    def test_without_the_right_to_it_the_usual_one_stays(self):
        self.assertEqual(self.of_tool("setpriv", "--bounding-set", "-sys_nice"), (0, [0]))

    def test_a_command_has_the_usual_one(self):
        for under, expected in (((), "0"), (("nice", "-n", "7"), "7")):
            with self.subTest(under=under):
                result = run("--sample-time", 0.2, "--", "nice", under=under, json_report=False)
                self.assertEqual(result.out.splitlines()[0], expected)
