"""Processes that the target makes: they are not watched, and the reports say how many there were."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import test_programs
from harness import LiveTestCase, Tool, run


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Children(LiveTestCase):
    def check_count(self, count, *command):
        sample = run("--", *command).sample
        self.check_sample(sample)
        self.assertEqual(sample["children_not_watched"], count)

    def test_children_of_a_command_are_counted(self):
        self.check_count(0, "/bin/true")
        self.check_count(2, "/bin/sh", "-c", "sleep 0.05 & sleep 0.05 & wait")
        # Made by vfork, or by a clone that is like it, and over at once.
        self.check_count(3, "/usr/bin/python3", "-c",
                         "import os\nfor _ in range(3): os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)")
        # Children of children are not the target's.
        self.check_count(1, "/bin/sh", "-c", "sh -c 'sleep 0.01; sleep 0.01; :'; :")

    def test_threads_are_no_children(self):
        sample = run("--", "/usr/bin/python3", "-c",
                     "import threading\nfor _ in range(3): t = threading.Thread(target=print); t.start(); t.join()").sample
        self.assertEqual((sample["children_not_watched"], len(sample["threads"])), (0, 4))

    def test_the_text_says_so(self):
        text = run("--", "/bin/sh", "-c", "sleep 0.05 & sleep 0.05 & wait", json_report=False).out
        self.assertIn("\n# CHILDREN: the target had 2 child processes in the window; they were not watched.\n", text)
        self.assertNotIn("CHILDREN", run("--", "/bin/true", json_report=False).out)

    def test_children_from_before_count_as_long_as_they_live(self):
        parent = subprocess.Popen(["/bin/sh", "-c", "sleep 600 & echo $!; sleep 600 & echo $!; read line; wait"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        children = [int(parent.stdout.readline()) for _ in range(2)]
        try:
            tool = Tool("-p", parent.pid, "--sample-time", 0.3, "--sample-count", 6)
            first = json.loads(tool.process.stdout.readline())
            os.kill(children[0], signal.SIGKILL)
            last = tool.finish().samples[-1]
            self.assertEqual([s["children_not_watched"] for s in (first, last)], [2, 1])
        finally:
            for child in children:
                if alive(child):
                    os.kill(child, signal.SIGKILL)
            parent.kill()
            parent.communicate()

    def test_a_start_trigger_that_only_children_could_cause(self):
        parent = subprocess.Popen(["/usr/bin/python3", "-c", "import subprocess, sys\nchild = subprocess.Popen("
                                   "['/bin/sh', '-c', 'while :; do sleep 0.01; done'])\nprint(flush=True)\nsys.stdin.read()\nchild.kill()"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        parent.stdout.readline()
        try:
            tool = Tool("-p", parent.pid, "--start-trigger", "up:getppid").wait_recording()
            result = tool.finish(signal.SIGINT)
            self.assertEqual(result.samples, [])
            self.assertRegex(result.err, r"warning: nothing is reported: the start trigger 'up:getppid' did not come; process "
                                         rf"{parent.pid} \(python3[.\d]*\) had 1 child process, which is not watched\n")
        finally:
            parent.communicate()

    def test_nothing_is_said_of_children_where_there_are_none(self):
        sleeper = subprocess.Popen(["/bin/sleep", "600"])
        try:
            tool = Tool("-p", sleeper.pid, "--start-trigger", "up:getppid").wait_recording()
            said = tool.finish(signal.SIGINT).err
            self.assertIn("did not come\n", said)
            self.assertNotIn("child", said)
        finally:
            sleeper.kill()
            sleeper.wait()


class Daemons(LiveTestCase):
    """A command that ends while what it started goes on."""

    def check_daemon(self, script, said):
        result = run("--", "/bin/sh", "-c", script)
        self.check_sample(result.sample)
        try:
            self.assertRegex(result.err, r"warning: the command ended after \d+ ms, which is all that was measured: " + said)
        finally:
            for word in result.out.split("{")[0].split():
                os.kill(int(word), signal.SIGKILL)

    def test_a_child_that_lives_on(self):
        self.check_daemon("sleep 600 > /dev/null 2>&1 & echo $!", "a process that it started runs on unwatched\n")

    def test_two_of_them_by_way_of_a_child_that_ends(self):
        self.check_daemon("(sleep 600 > /dev/null 2>&1 & echo $!; sleep 600 > /dev/null 2>&1 & echo $!)",
                          "2 processes that it started run on unwatched\n")

    def test_a_command_whose_children_have_ended_is_no_daemon(self):
        self.assertNotIn("started", run("--", "/bin/sh", "-c", "sleep 0.01 & wait; sleep 0.01").err)


class Postmaster(LiveTestCase):
    """PostgreSQL runs each session in a process of its own."""
    as_postgres = test_programs.Programs.as_postgres
    start_postgresql = test_programs.Programs.start_postgresql

    def setUp(self):
        super().setUp()
        self.directory = tempfile.mkdtemp(prefix="kdelay-live-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def test_queries_of_its_sessions_are_not_seen_and_that_is_said(self):
        postgres, _, psql, data = self.start_postgresql("7394")
        master = int(pathlib.Path(data, "postmaster.pid").read_text().split()[0])
        tool = Tool("-p", master, "--start-trigger", "u:postgresql:query__start").wait_recording()
        for _ in range(3):
            postgres(*psql, "-c", "select 1")
        result = tool.finish(signal.SIGINT)
        self.assertEqual(result.samples, [])
        self.assertRegex(result.err, rf"did not come; process {master} \(postgres\) had \d+ child processes, which are not watched")
        sample = run("-p", master, "--sample-time", 0.2).sample
        alive_now = len(subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True).stdout.split())
        self.assertGreaterEqual(sample["children_not_watched"], alive_now)
        self.check_sample(sample)

