"""Programs with more threads than anybody reads: text folds those of one name, JSON has all."""
import re
import signal

from harness import LiveTestCase, Tool, Workload, syscall

THREADS = 200


class Crowds(LiveTestCase):
    """200 threads mt-0 … mt-199, each of which calls getppid five times, and main."""

    def report(self, *options, **how):
        with Workload("many-threads", THREADS) as workload:
            tool = Tool("-p", workload.pid, "--sample-time", 100, *options, **how).wait_recording()
            workload.go()
            return tool.finish(signal.SIGINT)

    def test_text_folds_threads_and_loses_no_count(self):
        text = self.report(json_report=False).out
        self.assertIn(f"\n# {THREADS + 1} threads: those of one name are folded", text)
        self.assertRegex(text, rf"\n *{THREADS} x mt-\* +\[FOLDED THREADS\]\n")
        self.assertRegex(text, rf"\n +getppid +\d+ +{5 * THREADS} ")
        self.assertRegex(text, rf"\n *{THREADS} x mt-\* .*\n *\d+ mt-\d+ .*\(the worst of these\)\n")
        self.assertRegex(text, rf"\n *ALL {THREADS + 1} threads ")
        self.assertLess(text.count("\n"), 200)

    def test_all_threads_are_shown_on_request(self):
        text = self.report("--all-threads", json_report=False).out
        self.assertNotIn("FOLDED", text)
        names = set(re.findall(r"^ *\d+ (mt-\d+) +\[", text, re.MULTILINE))
        self.assertEqual(names, {f"mt-{i}" for i in range(THREADS)})

    def test_json_has_them_all(self):
        result = self.report("--all-threads")
        self.check_sample(result.sample)
        self.assertEqual(sum(syscall(t, "getppid")["count"] for t in result.sample["threads"]), 5 * THREADS)
        self.assertIn("warning: --all-threads has no effect", result.err)
