"""Several processes as one target, under load: every syscall of each of them, against the kernel's own text of what happened."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import test_programs
from harness import LiveTestCase, Tool, named, run, syscall, wait_until
from recount import Recount, descendants, living_descendants


class RecountTestCase(LiveTestCase):
    def setUp(self):
        super().setUp()
        self.directory = tempfile.mkdtemp(prefix="kdelay-live-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def check_counts(self, sample, recount, roots):
        """Every count of every task that comes from `roots` is what the recount says. Returns these tasks, as far as they were
        seen, and who made those of them that came while it recorded."""
        self.check_sample(sample)
        self.assertEqual(recount.lost(), 0)
        window = sample["window"]
        theirs, parents = recount.counts(window["start_ns"], window["stop_ns"])
        ours = {}
        for thread in sample["threads"]:
            counts = ours.setdefault(thread["tid"], {})
            for entry in thread["syscalls"]:
                counts[entry["number"]] = counts.get(entry["number"], 0) + entry["count"]
        tasks = descendants(roots, parents)
        self.assertLessEqual(set(ours), tasks)
        wrong = []
        for tid in tasks:
            mine, other = ours.get(tid, {}), theirs.get(tid, {})
            wrong += [(tid, number, mine.get(number, 0), other.get(number, [0, 0])) for number in set(mine) | set(other)
                      if not other.get(number, [0, 0])[0] <= mine.get(number, 0) <= other.get(number, [0, 0])[1]]
        self.assertEqual(wrong, [])
        self.assertTrue(any(theirs[tid] for tid in tasks))
        return tasks, parents


class PostgreSQL(RecountTestCase):
    """50 clients; PostgreSQL serves each of them with a process of its own."""
    as_postgres = test_programs.Programs.as_postgres
    start_postgresql = test_programs.Programs.start_postgresql

    def check_load(self, port, *options, comes_and_goes):
        postgres, bench, _, data = self.start_postgresql(port)
        postgres(*bench, "-i", "-q", "-s", "1")
        master = int(pathlib.Path(data, "postmaster.pid").read_text().split()[0])
        load = subprocess.Popen([*self.as_postgres, *bench, "-n", "-S", "-T", "60", "-c", "50", *options],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: len(living_descendants(master)) >= (10 if comes_and_goes else 50), "the clients are served")
            with Recount() as recount:
                roots = living_descendants(master)
                sample = run("-p", master, "--children", "--sample-time", 1).sample
                recount.stop()
                tasks, parents = self.check_counts(sample, recount, roots)
        finally:
            load.kill()
            load.wait()
        self.assertIn(master, [target["pid"] for target in sample["targets"]])
        served = [t for t in sample["threads"] if syscall(t, "sendto")["count"]]
        self.assertGreaterEqual(len(served), 50)
        born = [t for t in sample["threads"] if t["tid"] in parents]
        self.assertEqual(len(born) > 0, comes_and_goes)
        self.assertTrue(all(t["pid"] == t["tid"] for t in sample["threads"]))

    def test_backends_that_stay(self):
        self.check_load("7401", comes_and_goes=False)

    def test_backends_that_come_and_go(self):
        self.check_load("7402", "-C", comes_and_goes=True)


class Nginx(RecountTestCase):
    """A master and four workers, under requests of new connections each."""
    PORT = 7403

    @contextlib.contextmanager
    def serving(self):
        configuration = pathlib.Path(self.directory, "nginx.conf")
        pathlib.Path(self.directory, "index.html").write_text("<p>hello\n")
        configuration.write_text(
            f"user root; worker_processes 4; daemon off; pid {self.directory}/pid; error_log {self.directory}/errors;\n"
            "events { worker_connections 64; }\n"
            f"http {{ access_log {self.directory}/access; server {{ listen 127.0.0.1:{self.PORT}; root {self.directory}; }} }}\n")
        master = subprocess.Popen(["nginx", "-p", self.directory, "-c", configuration])
        stop = threading.Event()

        def request():
            while not stop.is_set():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.PORT)) as client:
                    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    while client.recv(4096):
                        pass
        clients = [threading.Thread(target=request) for _ in range(4)]
        try:
            wait_until(lambda: len(living_descendants(master.pid)) == 5, "the workers are there")
            for client in clients:
                client.start()
            yield master.pid
        finally:
            stop.set()
            for client in clients:
                client.join()
            master.terminate()
            master.wait()

    def test_by_the_master_and_by_the_name(self):
        with self.serving() as master:
            for target in (["-p", master, "--children"], ["--name", "nginx"]):
                with self.subTest(target=target), Recount() as recount:
                    roots = living_descendants(master)
                    tool = Tool(*target, "--sample-time", 100).wait_recording()
                    # New workers come, and the old ones end.
                    os.kill(master, signal.SIGHUP)
                    time.sleep(1)
                    sample = tool.finish(signal.SIGINT).sample
                    recount.stop()
                    _, parents = self.check_counts(sample, recount, roots)
                    pids = {thread["pid"] for thread in sample["threads"]}
                    self.assertEqual({p["pid"] for p in sample["targets"]}, pids)
                    self.assertEqual({t["comm"] for t in sample["threads"]}, {"nginx"})
                    self.assertEqual(len(pids), 9)
                    self.assertEqual(len(pids & set(parents)), 4)
                    self.assertGreater(sum(syscall(t, "accept4")["count"] for t in sample["threads"]), 0)


class Make(RecountTestCase):
    """A project of many small files. What its commands are is make's and the compiler's affair."""
    FILES = 100

    def project(self, last=""):
        directory = pathlib.Path(self.directory)
        for number in range(self.FILES):
            (directory / f"f{number}.c").write_text(f"int f{number}(int a) {{ return a + {number}; }}\n")
        (directory / "main.c").write_text("int f7(int);\nint main(void) { return f7(-7); }\n")
        objects = " ".join(f"f{number}.o" for number in range(self.FILES))
        (directory / "Makefile").write_text(f"program: main.o {objects}\n\tgcc -o $@ $^\n{last}\n%.o: %.c\n\tgcc -c -o $@ $<\n")
        return ["make", "-s", "-j4", "-C", self.directory]

    def test_every_process_of_a_build(self):
        command = self.project()
        with Recount() as recount:
            sample = run("--children", "--", *command).sample
            recount.stop()
            tasks, parents = self.check_counts(sample, recount, [sample["target"]["pid"]])
        self.assertTrue(pathlib.Path(self.directory, "program").exists())
        # None has threads, so that each task is a process.
        self.assertEqual({p["pid"] for p in sample["targets"]}, tasks)
        names = [t["comm"] for t in sample["threads"]]
        # The compiler proper and the assembler run once a file.
        self.assertEqual((names.count("cc1"), names.count("as")), (self.FILES + 1, self.FILES + 1))
        for name in ("gcc", "cc1", "as", "ld"):
            for thread in sample["threads"]:
                if thread["comm"] == name:
                    execs = syscall(thread, "execve")
                    self.assertEqual(execs["count"] - execs["errors"], 1, thread)
        self.assertEqual(sample["children_not_watched"], 0)

    def test_a_child_that_outlives_the_command_is_waited_for(self):
        command = self.project("\t@setsid sh -c 'sleep 0.3; exec cat Makefile' > copy 2>&1 &\n")
        with Recount() as recount:
            result = run("--children", "--", *command)
            sample = result.sample
            recount.stop()
            self.check_counts(sample, recount, [sample["target"]["pid"]])
        # It opens its file when make is long over.
        self.assertGreater(syscall(named(sample, "cat"), "openat")["count"], 0)
        make = next(t for t in sample["threads"] if t["tid"] == sample["target"]["pid"])
        self.assertLess(make["accounting"]["lifetime_ns"], sample["window"]["duration_ns"] - 200_000_000)
        self.assertEqual(pathlib.Path(self.directory, "copy").read_text(), pathlib.Path(self.directory, "Makefile").read_text())
        self.assertEqual(result.err, "")

    def test_without_children_it_is_make_alone(self):
        command = self.project()
        with Recount() as recount:
            sample = run("--", *command).sample
            recount.stop()
            self.assertEqual(len(sample["threads"]), 1)
            theirs, parents = recount.counts(sample["window"]["start_ns"], sample["window"]["stop_ns"])
        (make,) = sample["threads"]
        for entry in make["syscalls"]:
            least, most = theirs[make["tid"]][entry["number"]]
            self.assertTrue(least <= entry["count"] <= most, entry)
        children = [child for child, parent in parents.items() if parent == make["tid"]]
        self.assertEqual(sample["children_not_watched"], len(children))

    def test_its_status_is_told(self):
        command = self.project("\tfalse")
        result = run("--children", "--", *command)
        self.assertEqual(result.status, 0)
        self.assertRegex(result.err, r"(?m)^the command exited with status 2$")
