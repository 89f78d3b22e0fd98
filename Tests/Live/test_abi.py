"""32-bit calls of a 64-bit program (`int $0x80`): the kernel records their numbers alone."""
import platform
import signal
import unittest

from harness import LiveTestCase, Tool, Workload, named, run, syscall


@unittest.skipUnless(platform.machine() == "x86_64", "int $0x80 is an instruction of x86")
class CompatTests(LiveTestCase):
    def watched(self, *options, arguments=()):
        with Workload("compat-calls", *arguments) as workload:
            tool = Tool("-p", workload.pid, "--sample-time", 100, *options).wait_recording()
            workload.go()
            sample = tool.finish(signal.SIGINT).sample
        self.check_sample(sample)
        return sample, named(sample, "compat-calls")

    def test_slow_ones_have_the_right_name_by_their_instruction(self):
        sample, thread = self.watched("-s", 500_000)
        naps = [e for e in sample["syscall_events"] if e["number"] == 162]
        self.assertEqual(len(naps), 50)
        self.assertEqual({e["name"] for e in naps}, {"nanosleep"})
        for event in naps:
            self.assertTrue(any(f["symbol"].startswith("thirty_two_bit") for f in event["user_stack"] if f["symbol"]), event)
        self.assertTrue(all(s["name_uncertain"] for s in thread["syscalls"]), thread["syscalls"])

    def test_each_one_of_all_syscalls(self):
        sample, _ = self.watched("-s")
        names = [e["name"] for e in sample["syscall_events"]]
        self.assertEqual((names.count("chdir"), names.count("nanosleep"), names.count("getppid")), (250, 50, 100))
        self.assertNotIn("brk", names)

    def test_a_number_that_no_64_bit_call_has_gives_them_away(self):
        _, thread = self.watched(arguments=("random",))
        self.assertEqual(syscall(thread, "getrandom")["count"], 10)
        self.assertFalse(syscall(thread, "getrandom")["name_uncertain"])
        self.assertTrue(syscall(thread, "getppid")["name_uncertain"])

    def test_the_text_says_which_names_may_be_others(self):
        with Workload("compat-calls", "random") as workload:
            tool = Tool("-p", workload.pid, "--sample-time", 100, json_report=False).wait_recording()
            workload.go()
            result = tool.finish(signal.SIGINT)
        self.assertEqual(result.status, 0)
        self.assertRegex(result.out, r"brk\? +12 +250 ")
        self.assertIn("also makes 32-bit calls", result.out)

    def test_a_program_without_them_has_no_doubts(self):
        sample = run("--", "/bin/true").sample
        self.assertFalse(any(s["name_uncertain"] for t in sample["threads"] for s in t["syscalls"]))
